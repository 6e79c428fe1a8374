// soak.mjs - one server under mixed load for a long time, with faults; then: what grew that must not grow, and does everything add up?
//
//   node bench/soak.mjs [--minutes=30] [--seed=1] [--plant=leak,credit]
//
// Leaves the samples (one every 5 s) and the faults in out/soak.json, plots in out/soak.html. Exit: 0 all is flat and adds up; 1 not, and why.
// --plant shows that it can fail: leak adds a slope to the sampled memory, credit takes one credit from one wallet behind the server's back.
//
// The server runs with its default settings but for: limits that count an address, since all people come from one; a product whose recipe is
// made by the engine "fake" and keeps its pictures for minutes instead of days, so that stored bytes come to a plateau within a life; and a
// second recipe by the local engine; and small page caches (db.cache_bytes): the usual 2 MB of some forty connections may fill for hours as
// the database grows, and a slope cannot tell that from a leak. What days bring is brought by a clock that is moved on by eight of them. The people, the probe (on a
// thread of its own) and the sampler are this process.
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { cpSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { createConnection } from 'node:net';
import { cpus, release } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { human, judge, plateau, soakPage } from './lib/curves.mjs';
import { load, memory, workersOf } from './lib/proc.mjs';
import { quantile } from './lib/stats.mjs';
import { Client, Problem } from '../tests/lib/client.mjs';
import { root, runZoetrope, startServer, tempDir, within } from '../tests/lib/server.mjs';

const SAMPLE_MS = 5000, PROBE_MS = 50, MIB = 2 ** 20, DAY = 86_400_000;
const pause = ms => new Promise(done => setTimeout(done, ms));

// ---- the probe: its thread has nothing else to do, so that the load's own work is not measured ----

/** One request every PROBE_MS on one connection. Told: { url, token }; asked "take": { ms: [...], failed: {status or word: n} } since the last time. */
function probe() {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  let at = null, taken = { ms: [], failed: {} };
  const fail = what => { taken.failed[what] = (taken.failed[what] ?? 0) + 1; };
  const ask = () => new Promise(done => {
    const began = performance.now(), req = http.get(`${at.url}/v1/tasks?limit=5`, { agent, headers: { authorization: `Bearer ${at.token}` }, timeout: 10_000 }, res => {
      res.resume().on('end', () => { if (res.statusCode === 200) taken.ms.push(performance.now() - began); else fail(res.statusCode); done(); }).on('error', () => done());
    });
    req.on('timeout', () => req.destroy(new Error('timeout'))).on('error', e => { fail(e.code ?? e.message); done(); });
  });
  parentPort.on('message', m => {
    if (m !== 'take') at = m;
    else { parentPort.postMessage(taken); taken = { ms: [], failed: {} }; }
  });
  (async () => {
    for (;;) {
      const due = performance.now() + PROBE_MS;
      if (at) await ask();
      await pause(Math.max(1, due - performance.now()));
    }
  })();
}
if (!isMainThread) probe();

// ---- what is known of the run ----

const { values: arg } = parseArgs({ options: { minutes: { type: 'string', default: '30' }, seed: { type: 'string', default: '1' }, plant: { type: 'string', default: '' } } });
const TOTAL_MS = Number(arg.minutes) * 60_000;
const samplesOf = name => join(root, 'build/deps/samples', name);
const say = text => process.stdout.write(`${text}\n`);

let dice = Number(arg.seed) >>> 0;
const random = () => { dice = (Math.imul(dice, 1664525) + 1013904223) >>> 0; return dice / 2 ** 32; };
const between = (a, b) => a + random() * (b - a), chance = p => random() < p, one = list => list[Math.floor(random() * list.length)];

class Tally {
  #kinds = new Map();
  add(what, n = 1) {
    const k = this.#kinds.get(what) ?? { what, n: 0, first: seconds() };
    k.n += n;
    if (this.#kinds.size < 500) this.#kinds.set(what, k);
  }
  get total() { return this.list.reduce((s, k) => s + k.n, 0); }
  get list() { return [...this.#kinds.values()].sort((a, b) => b.n - a.n); }
}

const began = Date.now(), seconds = (at = Date.now()) => (at - began) / 1000;
const S = {
  server: null, url: null, life: -1, over: false, clock_ms: 0, lives: [], faults: [], samples: [], people: [], tasks: new Map(), helper: null, helperSince: 0,
  errors: new Tally(), excused: new Tally(), done: new Tally(), logged: new Tally(), answers: 0, open: new Set(),
};
const wrong = what => { S.errors.add(what); if (S.errors.total <= 20) say(`  ${seconds().toFixed(0)} s: unexpected: ${what}`); };

/** A fault and its aftermath: connections, leases and helpers need a moment to come back. */
const AFTER_MS = 6000;
const during = (from, ...names) => S.faults.some(f => (!names.length || names.includes(f.name)) && f.until_ms + AFTER_MS >= from && f.at_ms <= Date.now());

/** What the server may answer because of what was done to it, and nothing else. from: when it was asked. */
function excuse(answer, from) {
  const code = answer.json?.code;
  if (answer.status === 503 && answer.headers.get('retry-after') && during(from)) return true;
  return answer.status === 500 && ['media_died', 'media_time'].includes(code) && during(from, 'child', 'helper', 'slow');
}

/** The connection broke because of the server's death, and there is no answer. */
class Lost extends Error {}

const allowed = new WeakMap();

/** A client that goes on through faults, and tells what it did not expect. options.may: statuses and codes that are right, too. */
class Person extends Client {
  constructor(token = null) { super('', token); }
  get url() { return S.url; }
  set url(_) { /* wherever the server is now */ }

  async send(method, path, { may, once = false, ...options } = {}) {
    const headers = options.headers ?? {};
    if (may) allowed.set(headers, may);              // a request that is repeated with a new token brings only its headers
    const ok = allowed.get(headers) ?? [], what = `${method} ${path.replace(/\?.*/, '').replace(/(asset|task|upload|quote|sess)_\w+/g, '…').replace(/templates\/\w+/, 'templates/…')}`;
    for (let tries = 0; ; tries++) {
      const from = Date.now();
      let answer;
      try {
        answer = await super.send(method, path, { ...options, headers });
      } catch (e) {
        if (options.signal?.aborted) throw e;
        if (!during(from, 'server')) wrong(`${what}: ${e.cause?.code ?? e.cause?.message ?? e.message}`);
        else S.excused.add('the connection broke with the server');
        if (once || tries > 100) throw new Lost(e.message);
        await pause(250);
        continue;
      }
      S.answers++;
      S.done.add(`${what} ${answer.status}`);
      if (answer.status < 400 || ok.includes(answer.status) || ok.includes(answer.json?.code)) return answer;
      if (!excuse(answer, from)) { wrong(`${what}: ${answer.status} ${answer.json?.code ?? answer.text.slice(0, 80)}`); return answer; }
      S.excused.add(`${answer.status} ${answer.json?.code}`);
      if (once || tries > 100) return answer;
      await pause(Math.min(2000, 1000 * Number(answer.headers.get('retry-after') ?? 0.5)));
    }
  }

  /** 2xx, or undefined when it was one of `may`. */
  async want(method, path, options = {}) {
    const a = await this.send(method, path, options);
    if (a.status < 300) return a.json ?? a.bytes;
    if (options.may?.includes(a.status) || options.may?.includes(a.json?.code)) return undefined;
    throw new Problem(method, path, a);
  }

  static async guest() {
    const c = new Person();
    c.take(await c.want('POST', '/v1/sessions', { json: {} }));
    c.spent = 0;
    S.people.push(c);
    return c;
  }

  /** tus, in one part or cut in the middle and taken up again. */
  async sendFile(bytes, { cuts = 0 } = {}) {
    const tus = { 'tus-resumable': '1.0.0' };
    const made = await this.send('POST', '/v1/uploads', { headers: { ...tus, 'upload-length': String(bytes.length), 'upload-metadata': `filetype ${Buffer.from('image/jpeg').toString('base64')}` } });
    if (made.status !== 201) throw new Problem('POST', '/v1/uploads', made);
    const path = new URL(made.headers.get('location'), S.url).pathname;
    for (let offset = 0; offset < bytes.length;) {
      if (cuts-- > 0) await this.cut(path, offset, bytes);
      else await this.send('PATCH', path, { once: true, may: [404, 409, 423], body: bytes.subarray(offset), headers: { ...tus, 'upload-offset': String(offset), 'content-type': 'application/offset+octet-stream' } }).catch(e => { if (!(e instanceof Lost)) throw e; });
      const head = await this.send('HEAD', path, { headers: { ...tus }, may: [404] });
      if (head.status === 404) return null;          // the clock was moved on
      offset = Number(head.headers.get('upload-offset'));
    }
    return path.split('/').pop();
  }

  /** Begins a part and vanishes after half of it. */
  cut(path, offset, bytes) {
    S.done.add('uploads cut');
    return new Promise(done => {
      const req = http.request(S.url + path, { method: 'PATCH', agent: false, headers: { authorization: `Bearer ${this.token}`, 'tus-resumable': '1.0.0', 'upload-offset': offset, 'content-type': 'application/offset+octet-stream', 'content-length': bytes.length - offset } });
      req.on('error', () => {}).on('close', done).on('response', r => r.resume());
      req.write(bytes.subarray(offset, offset + ((bytes.length - offset) >> 1)), () => setTimeout(() => req.destroy(), between(0, 100)));
    });
  }

  async take_in(file, options) {
    const upload = await this.sendFile(readFileSync(samplesOf(file)), options);
    return upload && await this.want('POST', '/v1/assets', { json: { upload, purpose: 'people', consent: true }, may: [404] }) || null;
  }

  /** Numbered events of a task only ever go up. Leaves after ms. */
  async listen(id, ms, after = 0) {
    const stop = AbortSignal.timeout(Math.ceil(ms)), from = Date.now();
    let seen = after;
    try {
      const res = await fetch(`${S.url}/v1/tasks/${id}/events`, { headers: { accept: 'text/event-stream', authorization: `Bearer ${this.token}`, ...after && { 'last-event-id': String(after) } }, signal: stop });
      S.done.add(`event streams ${res.status}`);
      if (res.status === 401) { await this.want('GET', '/v1/me', { may: [401] }); return seen; }       // renews the token
      if (res.status !== 200 && res.status !== 204 && !(res.status === 503 && during(from))) wrong(`event stream: ${res.status}`);
      if (res.status !== 200) { await res.arrayBuffer(); return seen; }
      let rest = '';
      for await (const chunk of res.body.pipeThrough(new TextDecoderStream())) {
        const frames = (rest + chunk).split('\n\n');
        rest = frames.pop();
        for (const frame of frames) {
          const id_ = /^id: ?(\d+)$/m.exec(frame);
          if (id_ && Number(id_[1]) <= seen) wrong(`event stream: number ${id_[1]} after ${seen}`);
          if (id_) seen = Number(id_[1]);
        }
      }
    } catch (e) {
      if (!stop.aborted && !during(from, 'server')) wrong(`event stream: ${e.cause?.code ?? e.message}`);
    }
    return seen;
  }

  /** undefined: the price or a photo ended first. */
  async order(input) {
    const may = ['photo_gone', 'quote_expired', 'not_found', 'no_credit'];
    const quote = await this.want('POST', '/v1/quotes', { json: input, may });
    const task = quote && await this.want('POST', '/v1/tasks', { json: { quote: quote.id }, headers: { 'idempotency-key': randomUUID() }, may });
    if (!task) return undefined;
    S.tasks.set(task.id, { person: this, price: quote.credits, asked: quote.candidates });
    S.open.add(task.id);
    return task;
  }

  effect_once(path, json, may) { return this.want('POST', path, { json, headers: { 'idempotency-key': randomUUID() }, may }); }

  async until_decided(id) {
    let seq = 0;
    for (;;) {
      const t = await this.want('GET', `/v1/tasks/${id}`);
      if (decided(t)) { S.open.delete(id); return t; }
      const from = Date.now();
      seq = await this.listen(id, chance(0.3) ? between(100, 1500) : 15_000, seq);
      await pause(Math.max(0, 100 - (Date.now() - from)));
    }
  }
}
const decided = t => ['choosing', 'done', 'failed', 'cancelled'].includes(t.state);

// ---- what people do ----

const PHOTOS = ['girl-919048_1280.jpg', 'woman-5883428_1280.jpg', 'sample6.jpg'];
const rows = (sql, ...args) => {
  const db = new DatabaseSync(join(S.dataDir, 'zoetrope.db'), { readOnly: true, timeout: 5000 });
  try { return db.prepare(sql).all(...args); } finally { db.close(); }
};

/** Looks at what was made: whole, a part of it, the small one; again by its ETag. */
async function look(c, task) {
  for (const k of task.candidates.slice(0, 2)) {
    const path = `/v1/assets/${k.asset}/content`, may = [404, 410];
    const whole = await c.send('GET', path, { may });
    if (whole.status !== 200) continue;
    const a = Math.floor(between(0, whole.bytes.length / 2)), b = a + Math.floor(between(1, whole.bytes.length / 2)) - 1;
    const part = await c.send('GET', path, { headers: { range: `bytes=${a}-${b}` }, may });
    if (part.status === 206 && !part.bytes.equals(whole.bytes.subarray(a, b + 1))) wrong('a range is not the bytes of the whole');
    await c.send('GET', path, { headers: { range: 'bytes=0-9,-10' }, may });
    await c.send('GET', path, { headers: { 'if-none-match': whole.headers.get('etag') ?? '*' }, may: [...may, 304] });
    await c.send('GET', `${path}?as=thumb`, { may });
  }
}

/** A guest who comes, makes some pictures, may sign up, and goes. */
async function customer() {
  const c = await Person.guest();
  const first = Math.floor(between(0, PHOTOS.length)), photos = [await c.take_in(PHOTOS[first], { cuts: chance(0.3) ? 1 : 0 })];
  if (chance(0.4)) photos.push(await c.take_in(PHOTOS[(first + 1) % PHOTOS.length]));
  if (chance(0.5)) await sign_up(c);
  for (let n = Math.floor(between(3, 8)); n > 0 && !S.over; n--) {
    const people = photos.filter(Boolean).map(p => ({ asset: p.id, face: 0 }));
    const task = people.length && await c.order({ recipe: 'family-portrait', people, template: one(['hall', 'ivory']), candidates: Math.ceil(between(1, 4)) });
    if (!task) return;
    if (chance(0.15)) {
      await pause(between(0, 1200));
      await c.effect_once(`/v1/tasks/${task.id}/cancel`, {}, ['wrong_state']);
    }
    const end = await c.until_decided(task.id);
    S.done.add(`tasks ${end.state}`);
    if (end.state === 'choosing' && end.candidates.length) {
      await look(c, end);
      if (chance(0.7)) await c.effect_once(`/v1/tasks/${task.id}/pick`, { candidate: one(end.candidates).index }, ['wrong_state', 'not_found', 'gone']);
      if (chance(0.2)) await c.want('DELETE', `/v1/assets/${one(end.candidates).asset}`, { may: [404, 409, 410] });
    }
    await c.want('GET', '/v1/wallet');
    await pause(between(100, 1500));
  }
  if (chance(0.3)) for (const p of photos.filter(Boolean)) await c.want('DELETE', `/v1/assets/${p.id}`, { may: [404, 409, 410] });
}

let addresses = 0;
async function sign_up(c) {
  const email = `soak${++addresses}@photos.example`, password = 'correct horse battery staple';
  await c.want('POST', '/v1/accounts', { json: { email, password } });
  const mail = rows("SELECT plain FROM mail WHERE to_addr = ? AND state <> 'void' ORDER BY id DESC LIMIT 1", email)[0];
  const session = await c.want('POST', '/v1/tokens', { json: { token: /\/auth#\w+=([\w-]+)/.exec(mail.plain)[1], password, accept: true }, may: ['token_over'] });
  if (session) c.take(session);
  else c.take(await new Person().want('POST', '/v1/sessions/password', { json: { email, password } }));      // confirmed, and the answer was lost
  const other = new Person();
  other.take(await other.want('POST', '/v1/sessions/password', { json: { email, password } }));
  await other.want('GET', '/v1/me');
  await other.want('GET', '/v1/sessions');
  await new Person().send('POST', '/v1/sessions/password', { json: { email, password: 'not this one' }, may: [401] });
  await other.want('DELETE', '/v1/sessions', { may: [401] });
  S.done.add('people signed up');
}

/** Reads what is there for everybody, and what is one's own. */
async function reader() {
  const c = await Person.guest();
  const paths = ['/', '/', '/healthz', '/v1/recipes', '/v1/templates', '/v1/templates/hall/thumb', '/openapi.json', '/theme.css', '/v1/me', '/v1/tasks', '/v1/wallet', '/v1/wallet/entries', '/v1/sessions', '/nothing-here'];
  const tags = new Map();
  for (let n = 300; n > 0 && !S.over; n--) {
    const path = one(paths), headers = { 'accept-encoding': one(['identity', 'gzip', 'br']) };
    if (tags.has(path) && chance(0.3)) headers['if-none-match'] = tags.get(path);
    const a = await c.send('GET', path, { headers, may: path === '/nothing-here' ? [404] : [304] });
    if (a.headers.get('etag')) tags.set(path, a.headers.get('etag'));
    await pause(between(10, 90));
  }
}

/** Event streams that come and go, of whatever is under way. */
async function watcher() {
  const id = one([...S.open]);
  if (id) await S.tasks.get(id).person.listen(id, between(50, 5000));
  await pause(between(50, 500));
}

/** Connections that say nothing, half a request, or ask and do not wait for the answer. */
async function vanisher() {
  const { hostname, port } = new URL(S.url), half = ['', 'GET / HT', 'GET /v1/recipes HTTP/1.1\r\nHost: x\r\n', 'POST /v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{"a',
    'GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(20)];
  await new Promise(done => {
    const s = createConnection({ host: hostname, port: Number(port) }, () => { s.write(one(half)); setTimeout(() => (chance(0.5) ? s.resetAndDestroy() : s.destroy()), between(0, 1500)); });
    s.on('error', () => {}).on('close', done);
  });
  S.done.add('clients vanished');
  await pause(between(50, 400));
}

/** A real portrait, and an upload that is given up. */
async function real() {
  const c = await Person.guest(), people = [];
  for (const file of PHOTOS.slice(0, 2)) people.push(await c.take_in(file));
  if (people.every(Boolean)) {
    const task = await c.order({ recipe: 'real-portrait', people: people.map(p => ({ asset: p.id, face: 0 })), template: 'ivory', candidates: 2 });
    const end = task && await c.until_decided(task.id);
    if (end) S.done.add(`real portraits ${end.state}${end.error ? ` (${end.error.code})` : ''}`);
    if (end?.state === 'choosing' && end.candidates.length) await look(c, end);
  }
  const tus = { 'tus-resumable': '1.0.0' }, given_up = await c.send('POST', '/v1/uploads', { headers: { ...tus, 'upload-length': '1000000' } });
  if (given_up.status === 201) await c.send('DELETE', new URL(given_up.headers.get('location'), S.url).pathname, { headers: { ...tus }, may: [404] });
  for (let i = 0; i < 45 && !S.over; i++) await pause(1000);
}

/** Does the same again until the run is over. Whoever loses a session to the clock or to a death begins anew. */
async function keep(actor) {
  while (!S.over) {
    try {
      await actor();
    } catch (e) {
      if (!(e instanceof Lost) && !(e instanceof Problem)) wrong(`${actor.name}: ${e.stack?.split('\n').slice(0, 2).join(' ').replaceAll(root, '') ?? e}`);       // a Problem was told already
      await pause(500);
    }
  }
}

// ---- the server, and what is done to it ----

/** The product as it is, with pictures that are kept for minutes; and its recipe again, by the local engine. */
function product(dir) {
  cpSync(join(root, 'products'), dir, { recursive: true });
  const folder = join(dir, 'reunion/recipes'), text = readFileSync(join(folder, 'family-portrait.yaml'), 'utf8');
  const short = text.replace(/^retention: .*$/m, 'retention: { inputs: 2m, outputs: 3m }').replace(/choose_s: \d+/, 'choose_s: 120');
  const fake = short.replace('engines: [local]', 'engines: [fake]'), real_ = short.replace(/^recipe: .*$/m, 'recipe: real-portrait');
  if (short === text || fake === short || real_ === short) throw new Error('the recipe is not what this script knows');
  writeFileSync(join(folder, 'family-portrait.yaml'), fake);
  writeFileSync(join(folder, 'real-portrait.yaml'), real_);
  const file = join(dir, 'reunion/product.yaml');
  writeFileSync(file, readFileSync(file, 'utf8').replace(/^recipes: .*$/m, 'recipes: [family-portrait, real-portrait]'));
}

const nths = (rule, ...list) => list.map(n => `${rule}@${n}`);
const SCRIPT = ['cutout.delay=60', 'cutout.jitter=150', ...nths('compose.delay=7000', 40, 41, 200, 500, 900), 'compose.delay=200', 'compose.jitter=700', 'score.delay=20', 'score.jitter=60',
  ...nths('compose.failed', 9, 90, 350), ...nths('cutout.died', 15, 120), ...nths('compose.died', 70, 400), ...nths('compose.refused', 30, 300), ...nths('score.broken', 12, 60, 61, 250), 'compose.hang@150', ...nths('compose.busy', 20, 220)].join('; ');

async function begin() {
  const first = !S.server;
  S.server = await startServer(null, { dataDir: S.dataDir, env: { ...S.env, ...!first && { ZOETROPE_LISTEN: S.server.host } } });
  S.url = S.server.url;
  S.life++;
  S.lives.push({ from: seconds(), to: Infinity });
  await S.server.waitLog(l => l.ev === 'media.ready', 60_000);
  if (S.token) S.probe.postMessage({ url: S.url, token: S.token });
}

function childrenOf(pid) {
  const list = [];
  for (const p of readdirSync('/proc').filter(n => /^\d+$/.test(n))) {
    try {
      const [, name, rest] = /\((.*)\) (.*)$/s.exec(readFileSync(`/proc/${p}/stat`, 'utf8')), [state, parent] = rest.split(' ');
      if (Number(parent) === pid && state !== 'Z') list.push({ pid: Number(p), name });
    } catch { /* it ended while we looked */ }
  }
  return list;
}
const helperPid = () => childrenOf(S.server.pid).find(c => c.name.startsWith('zoetrope-media'))?.pid;

async function until(ask, ms, why) {
  for (const end = Date.now() + ms; ;) {
    const v = ask();
    if (v) return v;
    if (Date.now() > end) throw new Error(why);
    await pause(20);
  }
}

async function arm(spec) {
  writeFileSync(S.failpoints, spec);
  process.kill(S.server.pid, 'SIGUSR2');
}

const FAULTS = {
  child: ['a child of zoetrope-media killed', async f => {
    const pid = await until(() => { const h = helperPid(); return h && workersOf(h)[0]; }, 30_000, 'no job came to be killed');
    f.at_ms = Date.now();                            // nothing is excused while its moment is waited for
    process.kill(pid, 'SIGKILL');
  }],
  helper: ['zoetrope-media killed', async () => { process.kill(await until(helperPid, 10_000, 'there is no helper'), 'SIGKILL'); await pause(1000); await until(helperPid, 30_000, 'the helper did not come back'); }],
  slow: ['zoetrope-media stopped for 5 s', async () => { const h = await until(helperPid, 10_000, 'there is no helper'); process.kill(h, 'SIGSTOP'); await pause(5000); process.kill(h, 'SIGCONT'); }],
  disk: ['no room on the disk for 4 s: commits and files refused', async () => { await arm('db.before_commit=enospc,blob.after_write=enospc,upload.after_append=enospc'); await pause(4000); await arm(''); }],
  clock: ['the clock moved on by 8 days', async () => {
    S.clock_ms += 8 * DAY;
    writeFileSync(`${S.clockFile}.new`, String(S.clock_ms));
    renameSync(`${S.clockFile}.new`, S.clockFile);
    await pause(2000);
  }],
  server: ['the server killed, and started again on its folder', async () => { S.lives.at(-1).to = seconds(); await S.server.kill(); await begin(); }],
};
/** Moments, as parts of the run. From 0.65 on it is judged: there the processes live on and all else goes wrong. */
const PLAN = [[0.04, 'child'], [0.07, 'disk'], [0.10, 'slow'], [0.15, 'server'], [0.19, 'clock'], [0.22, 'helper'], [0.26, 'disk'], [0.30, 'server'], [0.35, 'child'], [0.39, 'helper'], [0.43, 'clock'], [0.48, 'slow'],
  [0.54, 'disk'], [0.60, 'child'], [0.70, 'slow'], [0.78, 'disk'], [0.85, 'child']];

async function faults() {
  for (const [part, name] of PLAN) {
    await pause(Math.max(0, began + part * TOTAL_MS - Date.now()));
    const [what, act] = FAULTS[name], f = { name, what, at_ms: name === 'child' ? Infinity : Date.now(), until_ms: Infinity };
    S.faults.push(f);
    say(`  ${seconds().toFixed(0)} s: ${what}`);
    try { await act(f); } catch (e) { wrong(`fault ${name}: ${e.message}`); } finally { f.until_ms = Date.now(); f.at_ms = Math.min(f.at_ms, f.until_ms); }
  }
}

// ---- sampling ----

const count = (dir, keep_ = () => true) => {
  let bytes = 0, files = 0;
  for (const f of readdirSync(dir, { recursive: true, withFileTypes: true })) {
    if (!f.isFile() || !keep_(f)) continue;
    try { bytes += statSync(join(f.parentPath, f.name)).size; files++; } catch { /* removed while we looked */ }
  }
  return { bytes, files };
};
const sizeOf = file => { try { return statSync(file).size; } catch { return 0; } };
const threads = pid => Number(/^Threads:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
const fds = pid => readdirSync(`/proc/${pid}/fd`).length;

async function metrics() {
  const text = await (await fetch(`${S.url}/metrics`, { signal: AbortSignal.timeout(10_000) })).text(), m = {};
  for (const [, name, value] of text.matchAll(/^(?:zoetrope_)?([\w]+(?:\{[^}]*\})?) (\S+)$/gm)) m[name] = Number(value);
  return m;
}

const takeProbe = () => new Promise(done => { S.probe.once('message', done); S.probe.postMessage('take'); });

function take_log() {
  for (const l of S.server.log) if (l.lv === 'error' || l.lv === 'warn' || l.ev === 'not json') S.logged.add(`${l.lv ?? ''} ${l.ev}${l.ev === 'not json' ? `: ${l.line.slice(0, 100)}` : ''}`.trim());
  S.server.log.length = 0;
}

async function sample() {
  const from = Date.now(), p = await takeProbe(), x = { s: seconds(), life: S.life, fault: during(from - SAMPLE_MS), load: load()[0], probe_p50: quantile(p.ms, 0.5), probe_p99: quantile(p.ms, 0.99), probes: p.ms.length };
  for (const [what, n] of Object.entries(p.failed)) {
    if (what === '401') await fresh_probe();
    else if (!(what === '503' ? x.fault : during(from - SAMPLE_MS, 'server'))) wrong(`probe: ${what} (${n} times)`);
  }
  try {
    const pid = S.server.pid, mem = memory(pid), helper = helperPid(), m = await metrics(), blob = count(join(S.dataDir, 'blob')), upload = count(join(S.dataDir, 'upload'));
    if (helper !== S.helper) { S.helper = helper; S.helperSince = x.s; }
    const hm = helper ? memory(helper) : {}, families = helper ? [helper, ...childrenOf(helper).map(c => c.pid)] : [];
    Object.assign(x, { pss: mem.pss, rss: mem.rss, anonymous: mem.anonymous, fds: fds(pid), threads: threads(pid), media_pss: hm.pss, media_rss: hm.rss, media_anonymous: hm.anonymous, media_tree_pss: families.reduce((s, c) => s + (memory(c).pss || 0), 0),
      media_fds: helper && fds(helper), media_threads: helper && threads(helper), wal: sizeOf(join(S.dataDir, 'zoetrope.db-wal')), db: sizeOf(join(S.dataDir, 'zoetrope.db')), blob_bytes: blob.bytes, blob_files: blob.files, upload_files: upload.files,
      conns: m.http_connections, streams: m.http_streams, pool_queued: m.pool_queued, db_queued: m.db_queued, costly_queued: m.costly_queued, media_queued: m.media_queued, media_running: m.media_running, media_restarts: m.media_restarts_total, attempts: m.attempts_running,
      open: ['queued', 'preparing', 'running', 'checking'].reduce((s, n) => s + (m[`tasks{state="${n}"}`] ?? 0), 0), tasks: Object.fromEntries(['queued', 'preparing', 'running', 'checking', 'choosing', 'done', 'failed', 'cancelled'].map(n => [n, m[`tasks{state="${n}"}`]])) });
    x.fds_own = x.fds - x.conns;                     // what the server holds beside its clients
    if (arg.plant.includes('leak')) x.pss += (x.s - S.lives.at(-1).from) * 100 * 1024;
  } catch (e) {
    if (!during(from - SAMPLE_MS, 'server', 'helper')) wrong(`sampling: ${e.message}`);
  }
  Object.assign(x, { errors: S.errors.total, excused: S.excused.total, answers: S.answers });
  take_log();
  S.samples.push(x);
}

async function sampler() {
  for (let due = Date.now() + SAMPLE_MS; !S.over; due += SAMPLE_MS) {
    await pause(Math.max(0, due - Date.now()));
    await sample();
  }
}

/** The probe's own account, with some tasks to list. */
async function fresh_probe() {
  const c = S.prober;
  if (c.token && c.refresh) await c.renew().catch(() => {});
  S.token = c.token;
  S.probe.postMessage({ url: S.url, token: c.token });
}

// ---- judging ----

const CURVES = [
  { key: 'pss', title: 'zoetrope: PSS', unit: 'bytes', second: 'anonymous', legend: 'What others on the machine map, too, counts in part. Thin line: its anonymous part.', rule: { day: 256 * MIB, seen: 2 * MIB, why: 'restarted at a weekly upgrade it stays below 2 GB, the smallest machine; half an hour cannot show less, and 2 MB are what allocators and stacks of a few threads move' } },
  { key: 'rss', title: 'zoetrope: RSS', unit: 'bytes', rule: { day: 256 * MIB, seen: 2 * MIB, why: 'as PSS' } },
  { key: 'media_rss', title: 'zoetrope-media: RSS', unit: 'bytes', media: true, second: 'media_anonymous', legend: 'The parent, which holds the models; not divided among its children. Thin line: its anonymous part.', rule: { day: 256 * MIB, seen: 2 * MIB, why: 'as zoetrope' } },
  { key: 'fds_own', title: 'Descriptors beside connections', unit: '', second: 'fds', legend: 'Thin line: with connections.', rule: { day: 512, seen: 8, why: 'a week of that is a sixth of what 20,000 connections need (net.conns_max); eight are two photos being taken in' } },
  { key: 'media_fds', title: 'zoetrope-media: descriptors', unit: '', media: true, rule: { day: 64, seen: 2, why: 'it keeps none of a job; two are jobs under way' } },
  { key: 'wal', title: 'Write-ahead log', unit: 'bytes', rule: { day: 64 * MIB, seen: 16 * MIB, most: 64 * MIB + 16 * MIB, why: 'db.truncate_bytes is where its file is emptied, and one checkpoint (db.checkpoint_bytes) may come on top; never more' } },
  { key: 'probe_p50', title: 'Probe, median', unit: 'ms', calm: true, rule: { day: 10, seen: 2, why: 'a read of a list every 50 ms; ten milliseconds more a day nobody notices, and a busy machine moves it by two' } },
  { key: 'probe_p99', title: 'Probe, p99', unit: 'ms', calm: true, rule: { day: 100, seen: 50, why: 'half of the 200 ms that a p99 may be; of a hundred requests in 5 s it is nearly the slowest one, so it jumps' } },
  { key: 'media_tree_pss', title: 'zoetrope-media with its children: PSS', unit: 'bytes' }, { key: 'threads', title: 'Threads', unit: '', second: 'media_threads', legend: 'Thin line: zoetrope-media.' },
  { key: 'db', title: 'Database', unit: 'bytes', legend: 'Grows with tasks, accounts and entries, which are kept.' }, { key: 'blob_bytes', title: 'Stored bytes', unit: 'bytes' }, { key: 'blob_files', title: 'Stored files', unit: '' },
  { key: 'conns', title: 'Connections', unit: '', second: 'streams', legend: 'Thin line: event streams.' }, { key: 'open', title: 'Tasks under way', unit: '' }, { key: 'media_queued', title: 'Picture jobs that wait', unit: '', second: 'media_running', legend: 'Thin line: under way.' },
  { key: 'pool_queued', title: 'Requests that wait for a worker', unit: '', second: 'db_queued', legend: 'Thin line: writes for the writer.' }, { key: 'rate', title: 'Answers a second', unit: '' }, { key: 'load', title: 'Load of the machine', unit: '', legend: 'All that wants to run, ours and others\', over a minute.' }, { key: 'errors', title: 'Unexpected answers so far', unit: '', second: 'excused', legend: 'Thin line: excused by a fault.' },
];

function judged() {
  const last = S.lives.at(-1), from = last.from + (last.to - last.from) / 2, end = Math.min(last.to, S.samples.at(-1).s);
  return CURVES.map(c => {
    const points = k => S.samples.map(x => [x.s, x[k]]);
    const out = { ...c, points: points(c.key), second: c.second && points(c.second), window: [Math.max(from, c.media ? S.helperSince : 0), end] };
    if (c.rule) out.judged = judge(S.samples.filter(x => x.life === S.life && x.s >= out.window[0] && x.s <= end && Number.isFinite(x[c.key]) && !(c.calm && x.fault)).map(x => [x.s, x[c.key]]), c.rule);
    const highest = Math.max(...S.samples.map(x => x[c.key]).filter(Number.isFinite));
    if (highest > (c.rule?.most ?? Infinity)) out.judged.verdict = 'too high';       // in no life
    return out;
  });
}

/** What each account should have left: what it was given, less price x delivered / asked of each task that delivered. */
async function credits() {
  const bad = [];
  let spent = 0;
  for (const [id, t] of S.tasks) {
    const now = await t.person.want('GET', `/v1/tasks/${id}`), c = now.credits;
    const due = ['choosing', 'done'].includes(now.state) && !c.given_free ? t.price * now.delivered / t.asked : 0;
    if (c.captured !== due || c.held !== 0 || c.captured + c.released !== t.price) bad.push(`${id} (${now.state}, ${now.delivered} of ${t.asked}): ${JSON.stringify(c)}, due ${due}`);
    t.person.spent += due;
    spent += due;
  }
  for (const c of S.people) {
    const w = await c.want('GET', '/v1/wallet'), lots = w.lots.reduce((s, l) => s + l.credits, 0);
    let entries = 0, cursor = '';
    do {
      const list = await c.want('GET', `/v1/wallet/entries?limit=100${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
      entries += list.items.reduce((s, e) => s + e.credits, 0);
      cursor = list.next;
    } while (cursor);
    if (w.available !== S.given - c.spent || w.held !== 0 || entries !== w.available || lots !== w.available) bad.push(`${c.account}: ${w.available} available, ${w.held} held, lots ${lots}, entries ${entries}; ${S.given - c.spent} expected`);
  }
  return { bad, says: bad.length ? `${bad.length} do not: ${bad.slice(0, 5).join('; ')}` : `${S.people.length} accounts, ${S.tasks.size} tasks, ${spent} credits spent: wallet, lots and entries of each say what its tasks cost.` };
}

async function ended() {
  const stuck = [], states = {};
  for (const [id, t] of S.tasks) {
    try {
      const now = await within(120_000, t.person.until_decided(id));
      states[now.state] = (states[now.state] ?? 0) + 1;
    } catch (e) { stuck.push(`${id}: ${e.message}`); }
  }
  return { ok: !stuck.length, says: stuck.length ? `${stuck.length} did not: ${stuck.slice(0, 5).join('; ')}` : Object.entries(states).map(([s, n]) => `${n} ${s}`).join(', ') };
}

async function checks(add) {
  const end = await ended();
  add('Every task reached an end', end.ok, end.says);
  if (arg.plant.includes('credit')) {
    const db = new DatabaseSync(join(S.dataDir, 'zoetrope.db'), { timeout: 10_000 });
    db.exec("UPDATE ledger_account SET balance = balance - 1 WHERE book = 'wallet' AND owner_id = (SELECT MAX(owner_id) FROM ledger_account WHERE book = 'wallet' AND balance > 0)");
    db.close();
  }
  const money = await credits();
  add('Credits of every account add up', !money.bad.length, money.says);
  take_log();
  const stopped = await S.server.stop().catch(e => ({ code: e.message }));
  take_log();
  add('The server stops when it is asked', stopped.code === 0, `exit ${stopped.code ?? stopped.signal}`);
  const verify = await runZoetrope(['verify', '--deep'], { env: { ZOETROPE_DATA: S.dataDir }, ms: 600_000 });
  add('zoetrope verify --deep is clean', verify.code === 0, (verify.stdout + verify.stderr).trim().split('\n').slice(-5).join('; ') || `exit ${verify.code}`);
  const kept = S.samples.filter(x => x.life === S.life && Number.isFinite(x.blob_bytes)).map(x => [x.s, x.blob_bytes]), times = plateau(kept), long = kept.length * SAMPLE_MS >= 12 * 60_000;
  add('Stored bytes reach a plateau', !long || times < 1.5, long ? `in the last third of the last life ${times.toFixed(2)} times what they were in the third before; at most 1.5` : 'the last life is too short to tell: pictures are kept for 3 minutes, and a file 10 minutes from when nothing names it');
  add('Every answer was expected', !S.errors.total, S.errors.total ? `${S.errors.total} were not, of ${S.answers}: ${S.errors.list.slice(0, 4).map(e => `${e.what} (${e.n})`).join('; ')}` : `${S.answers.toLocaleString('en')} answers; ${S.excused.total} refusals and broken connections while a fault was on, all of them expected`);
}

function leave(list) {
  const curves = judged(), commit = (() => { try { return execFileSync('git', ['-C', root, 'rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim(); } catch { return null; } })();
  const fault = f => ({ name: f.name, what: f.what, at: seconds(f.at_ms), until: seconds(f.until_ms) });
  const about = { began: new Date(began).toISOString(), minutes: Number(arg.minutes), seed: Number(arg.seed), plant: arg.plant, commit, cpu: `${cpus().length} x ${cpus()[0].model.trim()}`, kernel: release(), load_before: S.load, load_after: load(), answers: S.answers, tasks: S.tasks.size, people: S.people.length };
  about.says = `${about.cpu}, Linux ${about.kernel}, commit ${commit}, ${about.began.slice(0, 16).replace('T', ' ')}, load before ${S.load[0]}. One server in one folder, killed twice; guests, sign-ups, uploads, tasks, event streams, reads, and clients that vanish.${arg.plant ? ` Planted: ${arg.plant}.` : ''}`;
  S.samples.forEach((x, i) => { const b = S.samples[i - 1]; x.rate = b ? (x.answers - b.answers) / (x.s - b.s) : NaN; });
  const rate = curves.find(c => c.key === 'rate');
  rate.points = S.samples.map(x => [x.s, x.rate]);
  const told = { done: S.done.list, log: S.logged.list };
  mkdirSync(join(root, 'out'), { recursive: true });
  const verdicts = curves.filter(c => c.judged).map(({ key, title, unit, window, judged: j, rule }) => ({ key, title, unit, window, ...j, rule }));
  writeFileSync(join(root, 'out/soak.json'), `${JSON.stringify({ about, lives: S.lives, faults: S.faults.map(fault), curves: verdicts, checks: list, errors: S.errors.list, excused: S.excused.list, ...told, samples: S.samples }, null, 1)}\n`);
  writeFileSync(join(root, 'out/soak.html'), soakPage({ about, seconds: S.lives.at(-1).to, lives: S.lives, faults: S.faults.map(fault), curves, checks: list, errors: S.errors.list, excused: S.excused.list, told }));
  return verdicts;
}

async function main() {
  const box = tempDir('zt-soak-');
  process.on('exit', () => rmSync(box, { recursive: true, force: true }));
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(130));
  Object.assign(S, { load: load(), dataDir: join(box, 'data'), clockFile: join(box, 'clock'), failpoints: join(box, 'failpoints') });
  writeFileSync(S.clockFile, '0');
  writeFileSync(S.failpoints, '');
  product(join(box, 'products'));
  const all = '1000000';
  S.env = { ZOETROPE_PRODUCTS: join(box, 'products'), ZOETROPE_ENGINE_FAKE_SCRIPT: SCRIPT, ZOETROPE_CLOCK_OFFSET_FILE: S.clockFile, ZOETROPE_FAILPOINT_FILE: S.failpoints, ZOETROPE_API_PHOTOS_PER_HOUR: all, ZOETROPE_AUTH_SIGN_INS_PER_HOUR: all,
    ZOETROPE_AUTH_MAILS_PER_HOUR: '100000', ZOETROPE_NET_RATE_PER_IP: '0', ZOETROPE_DB_CACHE_BYTES: '64K' };
  S.probe = new Worker(import.meta.filename);
  S.probe.unref();
  await begin();
  say(`soak: ${arg.minutes} minutes, load before ${S.load.join(' ')}${arg.plant ? `, planted: ${arg.plant}` : ''}`);
  S.prober = await Person.guest();
  S.given = (await S.prober.want('GET', '/v1/wallet')).available;
  await fresh_probe();
  const actors = [customer, customer, customer, customer, reader, reader, reader, reader, watcher, watcher, watcher, vanisher, vanisher, real].map(keep), work = [sampler(), faults()];
  await pause(began + TOTAL_MS - Date.now());
  S.over = true;
  S.lives.at(-1).to = seconds();
  await Promise.all(work);
  await within(180_000, Promise.all(actors), () => 'those who were at work did not end within 180 s').catch(e => wrong(e.message));
  const list = [];
  await checks((name, ok, says) => { list.push({ name, ok, says }); });
  const curves = leave(list), bad = [...curves.filter(c => c.verdict !== 'flat'), ...list.filter(c => !c.ok)];
  say('');
  for (const c of curves) say(`${c.verdict === 'flat' ? 'flat ' : 'NOT FLAT'} ${c.title}: ${c.slope === undefined ? c.verdict : `${human(c.day, c.unit)} a day (95 %: ${human(c.low, c.unit)} to ${human(c.high, c.unit)}), at most ${human(c.rule.day, c.unit)}; ${human(c.day * c.seconds / 86_400, c.unit)} in ${Math.round(c.seconds)} s; median ${human(c.median, c.unit)}, highest ${human(c.most, c.unit)}: ${c.verdict}`}`);
  for (const c of list) say(`${c.ok ? 'yes  ' : 'NO   '} ${c.name}: ${c.says}`);
  say(`soak: ${bad.length ? `${bad.length} of ${curves.length + list.length} not as they must be` : 'all flat, all adds up'}; out/soak.json, out/soak.html`);
  process.exit(bad.length ? 1 : 0);
}
if (isMainThread) await main();
