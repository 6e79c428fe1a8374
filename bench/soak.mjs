// soak.mjs - mixed load for a while, with faults: does anything grow that should not, is anything lost?
//
//   node bench/soak.mjs [--minutes=30]          writes out/soak.json and out/soak.html. Exit: 0 all flat, nothing lost; 1 not so
//
// Load, all the time: pages and lists, event streams, photos taken in (by the real picture helper), portraits (engine fake, slow, failing now and
// then), large uploads, sign-ins with wrong passwords. Faults, in turn: a child of the picture helper killed, the helper killed, clients that vanish in
// the middle of a head, an upload, an answer or an event stream. Not here, since no route of the product offers them: WebSockets; and no full disk
// (tests/22-disk-full.test.mjs). Every 5 s it is looked at memory, descriptors, the write-ahead log, the database, lines and connections.
//
// Flat: over the second half the robust line grows by less than the curve's limit. What people store is kept (for days), so the database is judged
// by bytes a portrait, and each connection to it gets a small cache: the usual 2 MB of some forty would fill for most of the time and hide a leak.
// In the end the load stops, all tasks must stand still, and `verify --deep` must have nothing to say.
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { memory, tree } from './lib/proc.mjs';
import { show, soakPage } from './lib/report.mjs';
import { built, root, run, until } from './lib/rig.mjs';
import { Client, zoetrope } from './lib/servers.mjs';
import { median, quantile, robustLine } from './lib/stats.mjs';

const minutes = Number(process.argv.find(a => a.startsWith('--minutes='))?.slice(10) ?? 30);
if (!(minutes > 0)) throw new Error('--minutes is a number above 0');
const EVERY_S = 5, FAULT_S = 20, MB = 1 << 20;
const pause = ms => new Promise(f => setTimeout(f, ms));
const photo = readFileSync(join(root, 'build/deps/samples/girl-919048_1280.jpg'));

const server = await zoetrope({ args: ['--engine.use=fake', '--engine.fake_slots=8', '--engine.fake_script=delay=100; jitter=900; compose.failed@25; score.broken@40; compose.died@60; compose.hang@90',
  '--product.guest_credits=100000', '--task.account_max=100', '--auth.sign_ins_per_hour=1000000', '--upload.account_bytes_max=16G', '--db.cache_bytes=256K'] });
const pid = server.server.pid, db = join(server.dataDir, 'zoetrope.db');
const counts = {}, wrong = [], faults = {};
const count = (what, n = 1) => { counts[what] = (counts[what] ?? 0) + n; };
const helper = () => tree(pid).find(p => p !== pid && readFileSync(`/proc/${p}/comm`, 'utf8').startsWith('zoetrope-media'));
const began = performance.now(), seconds = () => (performance.now() - began) / 1000;
let more = true;

/** Does a thing again and again; what fails is counted by its status, and wrong unless `fine` says otherwise. */
async function keep(name, every_ms, once, fine = []) {
  for (let turn = 0; more; turn++) {
    const at = performance.now();
    try {
      await once(turn);
      count(name);
    } catch (e) {
      const what = e.status ?? e.code ?? e.message;
      count(`${name}: ${String(what).slice(0, 60)}`);
      if (![503, 429, ...fine].includes(what) && more) wrong.push(`${Math.round(seconds())} s, ${name}: ${String(e.stack ?? e).slice(0, 300)}`);
    }
    await pause(Math.max(0, every_ms - (performance.now() - at)));
  }
}

// ---- load ----
const guests = await Promise.all(Array.from({ length: 4 }, () => Client.guest(server.url)));
const reader = guests[0];
async function portrait(turn, slot) {
  const c = turn % 10 === 0 ? guests[slot] = await Client.guest(server.url) : guests[slot];
  c.asset = turn % 3 === 0 || !c.asset ? await c.photo(photo) : c.asset;
  const task = await c.waitTask((await c.buy(await c.quote({ people: [{ asset: c.asset.id, face: 0 }], template: 'hall', candidates: 2 }))).id);
  count(`portrait ended as ${task.state}`);
  if (task.state === 'choosing') await c.pick(task.id, 0);
}
async function read(turn) {
  const path = ['/', '/v1/recipes', '/v1/tasks', '/v1/me', '/v1/wallet'][turn % 5];
  const a = await reader.send('GET', path);
  if (a.status !== 200) throw Object.assign(new Error(`GET ${path}: ${a.status} ${a.text}`), { status: a.status });
}
async function large(turn) {
  if (turn % 4 === 0) large.by = await Client.guest(server.url);   // one account may not make so many
  await large.by.upload(Buffer.alloc(8 * MB, 'x'));
}
async function signIn(turn) {
  const a = await reader.send('POST', '/v1/sessions/password', { json: { email: `somebody${turn}@photos.example`, password: 'correct horse battery staple' }, headers: { authorization: null } });
  if (a.status !== 401) throw Object.assign(new Error(`sign-in: ${a.status} ${a.text}`), { status: a.status });
}
async function listen() {
  const { tasks: [task] = [] } = await reader.get('/v1/tasks');
  if (!task) return;
  const stop = new AbortController(), timer = setTimeout(() => stop.abort(), 3000);
  try { for await (const e of reader.events(`/v1/tasks/${task.id}/events`, { signal: stop.signal })) if (e) count('events'); } catch (e) { if (e.name !== 'AbortError') throw e; } finally { clearTimeout(timer); }
}

// ---- faults ----
const vanish = (text, ms) => new Promise(f => {
  const s = connect(server.port, '127.0.0.1').on('error', () => {}).on('close', f);
  s.on('connect', () => { s.write(text); setTimeout(() => s.resetAndDestroy(), ms); });
});
const head = `Host: localhost\r\nAuthorization: Bearer ${reader.token}\r\n`;
const kinds = {
  'a child of the picture helper killed': async () => {
    const working = reader.photo(photo).then(() => 'survived', e => e.code ?? e.status);
    const child = await until(() => tree(helper())[1], 'a picture job', 2000, 1).catch(() => null);
    if (!child) { await working; return false; }
    process.kill(child, 'SIGKILL');
    count(`photo whose process was killed: ${await working}`);
    return true;
  },
  'the picture helper killed': async () => {
    process.kill(helper(), 'SIGKILL');
    await until(async () => (await fetch(`${server.url}/readyz`)).ok, 'the picture helper', 20_000);
    return true;
  },
  '300 clients that vanished': async () => {
    const texts = ['GET /v1/me HTTP/1.1\r\nHo', `GET /v1/recipes HTTP/1.1\r\n${head}\r\n`.repeat(20), `GET / HTTP/1.1\r\n${head}\r\n`,
      `POST /v1/sessions HTTP/1.1\r\n${head}Content-Length: 1000\r\n\r\n{`, `POST /v1/uploads HTTP/1.1\r\n${head}Tus-Resumable: 1.0.0\r\nUpload-Length: 100000\r\nContent-Length: 0\r\n\r\n`];
    await Promise.all(Array.from({ length: 300 }, (_, i) => vanish(texts[i % texts.length], i % 50)));
    return true;
  },
};
async function fault(turn) {
  const names = Object.keys(kinds), name = names[turn % names.length];
  if (await kinds[name]()) faults[name] = (faults[name] ?? 0) + 1;
}

// ---- what is looked at ----
const MEANT = {
  server_rss_mb: { unit: 'MB', floor: 3, share: 0.05, why: 'resident memory of the server' },
  server_pss_mb: { unit: 'MB', floor: 3, share: 0.05, why: 'its part of shared memory' },
  helper_pss_mb: { unit: 'MB', floor: 8, share: 0.05, why: 'the picture helper without its children; it is a new one after each kill' },
  descriptors: { unit: 'descriptors', floor: 8, share: 0.05, why: 'of the server' },
  connections: { unit: 'connections', floor: 8, share: 0.05, why: 'open' },
  wal_mb: { unit: 'MB', floor: 2, share: 0.1, why: 'the file of the write-ahead log' },
  db_kb_a_portrait: { unit: 'KB', floor: 4, share: 0.1, why: 'the database, divided by the portraits so far: rows are kept, so it grows; what must not grow is what each adds' },
  tasks_waiting: { unit: 'tasks', floor: 2, share: 0.1, why: 'in line for an engine' },
  requests_waiting: { unit: 'requests', floor: 2, share: 0.1, why: 'for a worker or the writer' },
};
const samples = [];
const size = path => { try { return statSync(path).size; } catch { return 0; } };
async function look() {
  const text = await (await fetch(`${server.url}/metrics`)).text(), own = memory(pid), h = helper();
  const value = name => [...text.matchAll(new RegExp(`^zoetrope_${name}(?:\\{[^}]*\\})? ([\\d.]+)`, 'mg'))].reduce((n, m) => n + Number(m[1]), 0);
  const portraits = counts['portrait ended as choosing'] ?? 0;
  samples.push({
    s: seconds(), server_rss_mb: own.rss / MB, server_pss_mb: own.pss / MB, helper_pss_mb: h ? memory(h).pss / MB : NaN, descriptors: readdirSync(`/proc/${pid}/fd`).length,
    connections: value('http_connections'), wal_mb: size(`${db}-wal`) / MB, db_kb_a_portrait: portraits > 20 ? size(db) / 1024 / portraits : NaN, tasks_waiting: value('line_tasks'), requests_waiting: value('pool_queued') + value('db_queued'),
  });
}

/** Points of one name, the line of their second half, and whether it is flat. */
function judge(name) {
  const { unit, why, floor, share } = MEANT[name], points = samples.map(x => [x.s, x[name]]).filter(([, v]) => Number.isFinite(v));
  const half = points.filter(([s]) => s >= samples.at(-1).s / 2);
  if (half.length < 10) return { name, unit, why, points: points.length ? points : [[1, 0]], fit: null, verdict: 'failed', says: 'too few samples' };
  const { a, b } = robustLine(half), from = half[0][0], grows = b * (half.at(-1)[0] - from), middle = median(half.map(p => p[1])), limit = Math.max(floor, share * middle);
  const flat = grows <= limit;
  return { name, unit, why, points, fit: { from, a, b }, limit, grows, median: middle, p95: quantile(half.map(p => p[1]), 0.95), verdict: flat ? 'met' : 'missed',
    says: `${flat ? 'flat' : 'NOT flat'}: ${grows >= 0 ? '+' : ''}${show(grows)} ${unit} over the second half, median ${show(middle)}, limit +${show(limit)}` };
}

console.log(`soak: ${minutes} minutes`);
const loops = [
  ...[0, 1].map(() => keep('read', 50, read)), ...[1, 2, 3].map(slot => keep('portrait', 500, turn => portrait(turn, slot), ['media_died'])), keep('large upload', 4000, large),
  keep('sign-in', 1000, signIn), keep('event stream', 500, listen), keep('fault', FAULT_S * 1000, fault), keep('look', EVERY_S * 1000, look),
];
const told = setInterval(() => { const { s, ...x } = samples.at(-1) ?? {}; console.log(`${Math.round(s)} s: ${Object.entries(x).map(([k, v]) => `${k} ${show(v)}`).join(', ')}`); }, 60_000);
await pause(minutes * 60_000);
clearInterval(told);
more = false;
await Promise.all(loops);

// ---- the end ----
let still = true;
await until(async () => /^zoetrope_line_tasks[^\n]* [1-9]/m.test(await (await fetch(`${server.url}/metrics`)).text()) === false, 'an empty line', 120_000, 500).catch(e => { still = false; wrong.push(e.message); });
const ended = await server.stop();
const verified = await run(built('zoetrope'), ['verify', '--deep'], { env: { ZOETROPE_DATA: server.dataDir } }).then(t => ({ clean: true, says: t.trim() }), e => ({ clean: false, says: e.message }));
server.server.forget();
const curves = Object.keys(MEANT).map(judge), grown = curves.filter(c => c.verdict !== 'met');
const bad = [...grown.map(c => `${c.name} ${c.says}`), ...wrong, ...(verified.clean ? [] : [`verify: ${verified.says}`]), ...(ended.code === 0 ? [] : [`the server ended with ${JSON.stringify(ended)}`])];
for (const c of curves) console.log(`${c.verdict === 'met' ? 'ok    ' : 'FAILED'} ${c.name}: ${c.says}`);
const facts = { minutes, done: Object.entries(counts).map(([k, v]) => `${k} ${v}`).join('; '), faults: Object.entries(faults).map(([k, v]) => `${k} ${v}`).join('; '), 'line empty in the end': still, 'verify --deep': verified.says, 'what went wrong': wrong.join('\n') || 'nothing' };
mkdirSync(join(root, 'out'), { recursive: true });
writeFileSync(join(root, 'out/soak.json'), `${JSON.stringify({ minutes, counts, faults, wrong, verified, ended, curves: curves.map(({ points, ...c }) => c), samples }, null, 1)}\n`);
writeFileSync(join(root, 'out/soak.html'), soakPage(curves, facts));
console.log(`${facts.done}\nfaults: ${facts.faults}\nverify: ${verified.says.split('\n').at(-1)}`);
for (const b of bad) console.log(`FAILED ${b}`);
console.log(`soak: ${bad.length ? `${bad.length} things are wrong` : 'all flat, nothing lost'}; out/soak.json, out/soak.html`);
process.exit(bad.length ? 1 : 0);
