// 26-live.test.mjs - a task is watched while others are ahead of it: the line moves, the promised time is there and is kept, a cut loses nothing.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Client } from './lib/client.mjs';
import { isProblem, ONE } from './lib/expect.mjs';
import { PATIENCE_MS, runZoetrope, startServer, within } from './lib/server.mjs';

let server, alice, photo;
const buy = async (c, asset, candidates = 1) => c.buy(await c.quote({ people: [{ asset: asset.id, face: 0 }], template: 'hall', candidates }));
const slow = { ZOETROPE_ENGINE_USE: 'fake', ZOETROPE_ENGINE_FAKE_SLOTS: '1', ZOETROPE_ENGINE_FAKE_SCRIPT: 'compose.delay=300; delay=100', ZOETROPE_PRODUCT_GUEST_CREDITS: '10000' };

/** The frames of a stream as they come, comments too: { id, event, data, retry, comment }. Leave the loop to cut it. */
async function* frames(c, path, after) {
  const stop = new AbortController(), headers = { authorization: `Bearer ${c.token}`, ...(after === undefined ? {} : { 'last-event-id': String(after) }) };
  const res = await fetch(c.url + path, { headers, signal: stop.signal });
  let text = '';
  try {
    assert.equal(res.status, 200);
    for await (const part of res.body.pipeThrough(new TextDecoderStream())) {
      text += part;
      for (let end; (end = text.indexOf('\n\n')) >= 0; text = text.slice(end + 2)) {
        const frame = {};
        for (const line of text.slice(0, end).split('\n')) {
          const [, key, value] = /^(\w*): ?(.*)$/.exec(line) ?? [null, '', ''];
          frame[key || 'comment'] = key === 'data' ? JSON.parse(value) : value;
        }
        yield frame;
      }
    }
  } finally { stop.abort(); }
}

before(async () => {
  server = await startServer(null, { env: slow });
  alice = await Client.guest(server.url);
  photo = await alice.photo(ONE);
});
after(async () => {
  assert.equal((await server.stop()).code, 0);
  const { stdout, code } = await runZoetrope(['verify'], { env: { ZOETROPE_DATA: server.dataDir } });
  server.forget();
  assert.equal(code, 0, stdout);
});

describe('the promised time', () => {
  test('is not known before anything was made, and then is what it takes', async () => {
    const first = await buy(alice, photo);
    assert.deepEqual([first.eta_ms, first.eta_p90_ms], [null, null]);
    await alice.waitTask(first.id);
    for (let i = 0; i < 3; i++) await alice.waitTask((await buy(alice, photo)).id);
    const waiting = [];
    for (let i = 0; i < 6; i++) waiting.push(await buy(alice, photo));
    for (const t of waiting) assert.ok(t.eta_ms > 0 && t.eta_p90_ms >= t.eta_ms, JSON.stringify([t.eta_ms, t.eta_p90_ms]));
    assert.ok(waiting.every((t, i) => i === 0 || t.eta_ms > waiting[i - 1].eta_ms), 'who is behind waits longer');
    const done = await Promise.all(waiting.map(t => alice.waitTask(t.id)));
    const took = done.at(-1).ended_ms - done.at(-1).created_ms, said = waiting.at(-1).eta_ms;
    assert.ok(said > took / 2 && said < took * 2, `promised ${said} ms, took ${took} ms`);
    assert.deepEqual([done[0].eta_ms, done[0].eta_p90_ms, done[0].place], [null, null, null]);
  });

  test('is compared with what came, in /metrics', async () => {
    const text = (await alice.send('GET', '/metrics')).text, value = name => Number(text.split('\n').find(l => l.startsWith(name + ' '))?.slice(name.length + 1));
    for (const at of ['queued', 'started']) {
      const n = value(`zoetrope_task_eta_error_ratio_count{at="${at}"}`);
      assert.ok(n >= 8, `${at}: ${n}`);
      assert.equal(value(`zoetrope_task_eta_error_ratio_bucket{at="${at}",le="+Inf"}`), n);
      assert.ok(value(`zoetrope_task_eta_error_median{at="${at}"}`) < 1);
      assert.ok(value(`zoetrope_task_eta_p90_kept{at="${at}"}`) > 0.3);
    }
    assert.equal(value('zoetrope_engine_slots{engine="fake"}'), 1);
    assert.equal(value('zoetrope_line_tasks{engine="fake"}'), 0);
    assert.ok(value('zoetrope_call_seconds{engine="fake",recipe="family-portrait",op="compose",quantile="0.5"}') > 0.25);
  });

  test('is known to the next process too', async t => {
    const first = await startServer(t, { env: slow }), c = await Client.guest(first.url), own = await c.photo(ONE);
    for (let i = 0; i < 2; i++) await c.waitTask((await buy(c, own)).id);
    assert.equal((await first.stop()).code, 0);
    const next = await startServer(t, { dataDir: first.dataDir, env: slow });
    c.url = next.url;
    const task = await buy(c, own);
    assert.ok(task.eta_ms > 200 && task.eta_ms < 5000, String(task.eta_ms));
    await c.waitTask(task.id);
  });
});

describe('a stream', () => {
  test('shows the line moving in frames without a number, once a second at most', async () => {
    const bob = await Client.guest(server.url), his = await bob.photo(ONE);
    const ahead = [];
    for (let i = 0; i < 4; i++) ahead.push(await buy(alice, photo, 2));
    const last = await buy(bob, his, 1), behind = await buy(alice, photo, 2);
    const hints = [], at = [];
    let retries = 0;
    for await (const f of frames(alice, `/v1/tasks/${behind.id}/events`)) {
      retries += 'retry' in f;
      if (f.event === 'eta') {
        assert.equal(f.id, undefined);
        assert.deepEqual(Object.keys(f.data), ['place', 'eta_ms', 'eta_p90_ms']);
        hints.push(f.data);
        at.push(Date.now());
      } else if (f.data) {
        assert.ok(Number(f.id) > 0, JSON.stringify(f));
      }
      if (f.data?.state === 'choosing') break;
    }
    assert.equal(retries, 1);
    assert.ok(hints.length >= 3, JSON.stringify(hints));
    assert.ok(hints[0].place > 1 && hints.at(-1).place === null, 'from the line into the works');
    assert.ok(hints.at(-1).eta_ms < hints[0].eta_ms);
    const ms = at.at(-1) - at[0];                                   // a hint may arrive late, and the next one then soon after it
    assert.ok(hints.length <= 2 + ms / 900, `${hints.length} hints in ${ms} ms`);
    await bob.waitTask(last.id);
    for (const t of ahead) await alice.waitTask(t.id);
  });

  test('that is cut again and again says every event once, and ends when there is nothing more to say', async () => {
    const task = await buy(alice, photo, 4);
    const heard = [];
    let after;
    for (let cuts = 0; cuts < 40 && heard.at(-1)?.data.state !== 'choosing'; cuts++)
      for await (const f of frames(alice, `/v1/tasks/${task.id}/events`, after)) {
        if (!f.id) continue;
        heard.push(f);
        after = f.id;
        break;                                                     // the tunnel
      }
    const ids = heard.map(f => Number(f.id));
    assert.deepEqual(ids, [...new Set(ids)].sort((a, b) => a - b));
    assert.deepEqual(heard.filter(f => f.event === 'state').map(f => f.data.state), ['queued', 'preparing', 'running', 'checking', 'choosing']);
    assert.equal(heard.filter(f => f.event === 'candidate').length, 8, 'made and judged');
    await alice.pick(task.id, 0);
    const rest = [];
    for await (const f of frames(alice, `/v1/tasks/${task.id}/events`, after)) if (f.id) rest.push(f);     // ends by itself
    assert.deepEqual(rest.map(f => f.data.state), ['done']);
    const over = await alice.send('GET', `/v1/tasks/${task.id}/events`, { headers: { 'last-event-id': rest[0].id } });
    assert.deepEqual([over.status, over.text], [204, ''], 'a browser is told to stop coming back');
    isProblem(await alice.send('GET', `/v1/tasks/${task.id}/events`, { headers: { 'last-event-id': 'x' } }), 400, 'bad_input');
  });

  test('ends with its session', async t => {
    const stuck = await startServer(t, { env: { ...slow, ZOETROPE_ENGINE_FAKE_SCRIPT: 'cutout.hang' } }), c = await Client.guest(stuck.url);
    const path = `/v1/tasks/${(await buy(c, await c.photo(ONE))).id}/events`;
    const watch = async () => {
      let signedOut = false;
      for await (const f of frames(c, path)) {
        if (signedOut || !f.event) continue;
        signedOut = true;
        assert.equal((await c.send('DELETE', '/v1/sessions')).status, 204);
      }
      return signedOut;
    };
    assert.ok(await within(PATIENCE_MS, watch(), () => 'it goes on'));
    isProblem(await c.send('GET', path), 401, 'unauthenticated');
  });

  test('is not collected by proxies, and says within 15 seconds that it lives, with a fresh hint', async t => {
    const stuck = await startServer(t, { env: { ...slow, ZOETROPE_ENGINE_FAKE_SCRIPT: 'cutout.hang' } }), c = await Client.guest(stuck.url), own = await c.photo(ONE);
    const task = await buy(c, own);
    const head = await fetch(`${c.url}/v1/tasks/${task.id}/events`, { headers: { authorization: `Bearer ${c.token}` } });
    assert.match(head.headers.get('cache-control'), /no-store/);
    assert.equal(head.headers.get('x-accel-buffering'), 'no');
    await head.body.cancel();
    const watch = async () => {
      let seen = [], alive = false;
      for await (const f of frames(c, `/v1/tasks/${task.id}/events`)) {
        seen.push(f);
        alive ||= 'comment' in f;
        if (alive && f.event === 'eta') return seen;
      }
    };
    await within(20_000, watch(), () => 'neither a comment nor a hint');
  });
});
