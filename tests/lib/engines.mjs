// engines.mjs - what the tests of engine simulators share: a place that inputs come from and notices go to, and time that passes for both sides.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { root, until, within } from './server.mjs';

export const BASE = Date.UTC(2026, 0, 15, 8, 30);

/** files: {'/name': bytes or {status, headers, body}}; whatever is POSTed arrives in `got` and is answered with what say(n) returns. */
export async function place(t, files = {}, say = () => 200) {
  const got = [], asked = [];
  const server = createServer(async (req, res) => {
    const chunks = [];
    for await (const c of req) chunks.push(c);
    if (req.method === 'POST') {
      got.push({ headers: req.headers, body: Buffer.concat(chunks).toString(), path: req.url });
      const status = say(got.length);
      return status ? void res.writeHead(status).end() : undefined;
    }
    asked.push(req.url);
    const f = files[req.url.split('?')[0]];
    if (!f) return void res.writeHead(404).end();
    if (Buffer.isBuffer(f)) return void res.writeHead(200).end(f);
    res.writeHead(f.status, f.headers).end(f.body);
  });
  await new Promise(done => server.listen(0, '127.0.0.1', done));
  t.after(() => { server.closeAllConnections(); server.close(); });
  return { got, asked, files, url: `http://127.0.0.1:${server.address().port}` };
}

/** From now on it is BASE, for the simulator (give it `now`) and for the clients in this process; pass(sim, ms) moves both. */
export function time(t, at = BASE) {
  t.mock.timers.enable({ apis: ['Date'], now: at });
  return { now: () => at, pass: async (sim, ms) => { await sim.advance(ms); t.mock.timers.setTime(sim.now()); } };
}

/** The control API as a script uses it. */
export const control = sim => async (what, body) => {
  const r = await fetch(`${sim.url}/_sim/${what}`, body ? { method: 'POST', body: JSON.stringify(body) } : {});
  const said = await r.json();
  assert.equal(r.status, 200, JSON.stringify(said));
  return said;
};

/** A file behind a link: {status, type, bytes, cut}. */
export async function download(url) {
  const r = await fetch(url, { redirect: 'manual' });
  const bytes = await r.arrayBuffer().then(b => Buffer.from(b), () => null);
  return { status: r.status, type: r.headers.get('content-type'), location: r.headers.get('location'), bytes: bytes ?? Buffer.alloc(0), cut: bytes === null };
}

/** Every fault of results, on links that link(kind) orders and returns. */
export async function brokenResults(link) {
  for (const kind of ['result_403', 'result_404', 'result_wrong', 'result_empty', 'result_short', 'result_redirect']) {
    const d = await download(await link(kind));
    const want = { result_403: d.status === 403, result_404: d.status === 404, result_wrong: d.status === 200 && /^<!doctype html/.test(d.bytes), result_empty: d.status === 200 && d.bytes.length === 0 && !d.cut,
      result_short: d.status === 200 && d.cut, result_redirect: d.status === 302 && d.location.startsWith('http://169.254.169.254/') }[kind];
    assert.ok(want, `${kind}: ${JSON.stringify({ ...d, bytes: d.bytes.length })}`);
  }
  assert.match(await link('result_private'), /^http:\/\/10\.0\.0\.7\//);
}

/**
 * Every fault of one call that a client must survive. call(): {status, headers, body}, or throws; made(): how many effects there were; refused: what the
 * vendor's words are for the ordered refusals, as {kind: answer => boolean}.
 */
export async function brokenCalls(sim, op, call, made, refused) {
  for (const [kind, effects, want] of [
    ['lost', 1, null], ['reset', 0, null], ['garbled', 1, null], ['502', 0, a => a.status === 502 && /^<html>/.test(a.body)], ['504_after', 1, a => a.status === 504],
    ['cut', 1, a => a.status === 200 && a.body.startsWith('{') && !parses(a.body)], ['extra', 1, a => 'x_new_field' in JSON.parse(a.body)], ['strings', 1, a => !/":\d/.test(a.body)],
    ['skewed', 1, a => Date.parse(a.headers.get('date')) - sim.now() > 590_000], ['drip', 1, a => parses(a.body)],
    ...Object.entries(refused).map(([k, f]) => [k, k === '500_after' ? 1 : 0, f])]) {
    const before = made();
    sim.fault(op, kind, 1, { skewed: { seconds: 600 }, drip: { every_ms: 1 } }[kind] ?? {});
    const a = await call().catch(e => (assert.ok(want === null, `${kind}: ${e.stack}`), null));
    if (want) assert.ok(want(a), `${kind}: ${a.status} ${a.body}`);
    else assert.equal(a, null, kind);
    assert.equal(made() - before, effects, `${kind}: effects`);
  }
  for (const kind of ['slow', 'slow_after', 'delay', 'delay_after']) {
    const before = made();
    sim.fault(op, kind, 1, { seconds: 30 });
    const waiting = call();
    await until(() => sim.holding === 1);
    assert.equal(made() - before, kind.endsWith('_after') ? 1 : 0, kind);
    if (kind.startsWith('slow')) sim.release();
    else {
      await sim.advance(29_999);
      assert.equal(sim.holding, 1, kind);
      await sim.advance(1);
    }
    await within(10_000, waiting, () => `${kind}: no answer`);
    assert.equal(made() - before, 1, kind);
  }
}
const parses = text => { try { return Boolean(JSON.parse(text)); } catch { return false; } };

/** A simulator by hand: what its first line says, while it runs. */
export async function byHand(t, file, ...flags) {
  const child = spawn(process.execPath, [join(root, file), ...flags], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill());
  const lines = createInterface({ input: child.stdout });
  const [line] = await within(20_000, once(lines, 'line'), () => `${file} says nothing`);
  return JSON.parse(line);
}
