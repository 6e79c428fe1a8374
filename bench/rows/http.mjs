// http.mjs - CPU a request and bytes of HTTP answers, and a fast route beside slow ones.
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { burst, closedLoop, openLoop, request } from '../lib/load.mjs';
import { built, folder, Proc, root } from '../lib/rig.mjs';
import { Client, fastapi, fastify, nginx, zoetrope } from '../lib/servers.mjs';

const photo = join(root, 'build/deps/samples/girl-919048_1280.jpg');

/** Our server with one guest, one photo, and one task that is done; the peers' database holds the same. */
async function shop() {
  const ours = await zoetrope({ args: ['--engine.use=fake', '--product.guest_credits=100000'] });
  const client = await Client.guest(ours.url), asset = await client.photo(photo);
  const bought = await client.buy(await client.quote({ people: [{ asset: asset.id, face: 0 }], template: 'hall' }));
  const task = await client.waitTask(bought.id);
  return { ours, client, asset, task };
}

/** A database with the rows that the peers need to give the same answer: session, task, its people, its candidates. */
function peersDatabase(path, token, t) {
  const db = new DatabaseSync(path);
  db.exec(`PRAGMA journal_mode = WAL;
    CREATE TABLE session (token_sha TEXT PRIMARY KEY, account INTEGER, ended_ms INTEGER) WITHOUT ROWID;
    CREATE TABLE task (id TEXT PRIMARY KEY, account INTEGER, again_of, recipe, template, backdrop, state, progress_pm, asked, delivered, picked, price, held, captured, released,
      given_free, error, created_ms, started_ms, ended_ms, deadline_ms, choose_until_ms, results_until_ms, seq) WITHOUT ROWID;
    CREATE TABLE task_person (task TEXT, ix INTEGER, asset, face, PRIMARY KEY (task, ix)) WITHOUT ROWID;
    CREATE TABLE candidate (task TEXT, ix INTEGER, asset, thumb, width, height, seed, score_pm, scores, PRIMARY KEY (task, ix)) WITHOUT ROWID;`);
  const insert = (table, row) => db.prepare(`INSERT INTO ${table} (${Object.keys(row)}) VALUES (${Object.keys(row).map(() => '?')})`).run(...Object.values(row));
  insert('session', { token_sha: createHash('sha256').update(token).digest('hex'), account: 1, ended_ms: 0 });
  const plain = Object.fromEntries(['id', 'again_of', 'recipe', 'template', 'backdrop', 'state', 'progress_pm', 'asked', 'delivered', 'picked', 'error', 'created_ms', 'started_ms', 'ended_ms',
    'deadline_ms', 'choose_until_ms', 'results_until_ms', 'seq'].map(k => [k, t[k]]));
  const { given_free, ...credits } = t.credits;
  insert('task', { ...plain, ...credits, given_free: given_free ? 1 : 0, account: 1 });
  t.people.forEach((p, ix) => insert('task_person', { task: t.id, ix, ...p }));
  for (const { index, scores, ...c } of t.candidates) insert('candidate', { task: t.id, ix: index, ...c, scores: JSON.stringify(scores) });
  db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  db.close();
}

const shares = m => ({ user_share: m.userShare, generator_share: m.generatorShare, others_share: m.othersShare });

/** A/B of CPU a request, in microseconds, into `row`. ours, theirs: { server, path, headers, differing }. */
async function cpuPerRequest(ctx, row, ours, theirs) {
  const side = (s, seconds) => closedLoop(s.server, s.path, { seconds, headers: s.headers, differing: s.differing });
  await ctx.ab(row, { ours: s => side(ours, s), theirs: s => side(theirs, s), value: m => m.serverCpuUs / m.requests,
    extra: m => ({ requests_s: m.requests / m.seconds, p99_ms: m.p99, ...shares(m) }) });
}

const cachedPeers = ['nginx', 'nginx-return', 'fastify', 'fastapi-async', 'fastapi-def'], readPeers = ['fastify', 'fastapi-async', 'fastapi-def'];

async function answers(ctx) {
  const { ours, client, task } = await shop();
  const dir = folder('answers'), catalogue = join(dir, 'catalogue.json'), database = join(dir, 'peers.db');
  const body = await (await fetch(`${ours.url}/v1/recipes`)).text(), path = `/v1/tasks/${task.id}`;
  writeFileSync(catalogue, body);
  peersDatabase(database, client.token, task);
  const web = await nginx({ files: { 'catalogue.json': body }, returns: { '/return': body } });
  const js = await fastify(catalogue, database), py = await fastapi(catalogue, database);
  try {
    const headers = { authorization: `Bearer ${client.token}` };
    const at = {
      nginx: { server: web, path: '/catalogue.json' }, 'nginx-return': { server: web, path: '/return' }, fastify: { server: js, path: '/v1/recipes' },
      'fastapi-async': { server: py, path: '/async/v1/recipes' }, 'fastapi-def': { server: py, path: '/def/v1/recipes' },
    };
    for (const [name, p] of Object.entries(at)) {
      const got = await (await fetch(`http://127.0.0.1:${p.server.port}${p.path}`)).text();
      if (got !== body) throw new Error(`${name} gives another catalogue: ${got.slice(0, 200)}`);
    }
    for (const name of cachedPeers)
      if (ctx.wants(`cached-read-${name}`)) await cpuPerRequest(ctx, `cached-read-${name}`, { server: ours, path: '/v1/recipes' }, at[name]);
    if (ctx.wants('cached-read-differing'))
      await cpuPerRequest(ctx, 'cached-read-differing', { server: ours, path: '/v1/recipes', differing: true }, { ...at.fastify, differing: true });
    const want = await client.task(task.id);
    for (const name of readPeers) {
      if (!ctx.wants(`db-read-${name}`)) continue;
      const theirs = { server: name === 'fastify' ? js : py, path: { fastify: path, 'fastapi-async': `/async${path}`, 'fastapi-def': `/def${path}` }[name], headers };
      const got = await (await fetch(`http://127.0.0.1:${theirs.server.port}${theirs.path}`, { headers })).json();
      if (!isDeepStrictEqual(got, want)) throw new Error(`${name} gives another task: ${JSON.stringify(got)}\nours: ${JSON.stringify(want)}`);
      await cpuPerRequest(ctx, `db-read-${name}`, { server: ours, path, headers }, theirs);
    }
  } finally {
    await Promise.all([ours, web, js, py].map(s => s.stop()));
  }
}

async function ranges(ctx) {
  const { ours, client, asset } = await shop();
  const path = `/v1/assets/${asset.id}/content`, { bytes } = await client.send('GET', path);
  const web = await nginx({ files: { 'photo.png': bytes } });
  try {
    const range = { range: `bytes=65536-${65535 + 524288}` }, headers = { ...range, authorization: `Bearer ${client.token}` };
    if (bytes.length < 65536 + 524288) throw new Error(`the photo has only ${bytes.length} bytes`);
    const ask = (server, p, h, seconds) => closedLoop(server, p, { seconds, headers: h, conns: 16 });
    const sides = { ours: s => ask(ours, path, headers, s), theirs: s => ask(web, '/photo.png', range, s) };
    const extra = m => ({ requests_s: m.requests / m.seconds, ...shares(m) });
    await ctx.ab('range-rate-nginx', { ...sides, value: m => m.bytes / m.seconds / 1e6, extra });
    await ctx.ab('range-cpu-nginx', { ...sides, value: m => m.serverCpuUs / (m.bytes / 1e6), extra });
  } finally {
    await Promise.all([ours.stop(), web.stop()]);
  }
}

/** p99 of a fast route, alone and while as many connections as the pool has threads keep every one of them in a handler of 20 ms. */
async function blocked(ctx) {
  const p = new Proc('blockserver', built('bench/blockserver'), ['--listen=127.0.0.1:0', '--net.conns_per_ip_max=0', '--net.pool_threads=16']);
  try {
    const port = Number((await p.line(/^ready (\d+)$/))[1]), server = { port, pids: [p.pid] };
    const fast = async seconds => {
      const m = await openLoop(port, '/fast', { conns: 32, rate: 2000, seconds });
      if (m.errors || m.bad_status) throw new Error(`/fast: ${JSON.stringify(m)}`);
      return m;
    };
    const beside = async seconds => {
      const slow = closedLoop(server, '/block', { conns: 16, seconds: seconds + 1 });
      await new Promise(f => setTimeout(f, 500));
      const m = await fast(seconds);
      m.blocked_s = (await slow).requests / (seconds + 1);
      return m;
    };
    await ctx.ab('fast-route-p99', { ours: beside, theirs: fast, value: m => m.p99 / 1000, extra: m => ({ p50_ms: m.p50 / 1000, blocked_s: m.blocked_s }) });
  } finally {
    await p.stop();
  }
}

/** 10,000 connections, 10,000 requests a second, open loop. */
async function crowd(ctx) {
  const { ours, task, client } = await shop();
  try {
    const seconds = ctx.quick ? 3 : 60, conns = ctx.quick ? 2000 : 10_000, rate = ctx.quick ? 4000 : 10_000;
    const m = await openLoop(ours.port, `/v1/tasks/${task.id}`, { conns, rate, seconds, headers: { authorization: `Bearer ${client.token}` } });
    const good = (m.answered - m.bad_status) / (rate * seconds);
    ctx.note('crowd-p99', JSON.stringify(m));
    ctx.add('crowd-p99', 'ours', m.p99 / 1000);
    ctx.add('crowd-served', 'ours', Math.min(good, m.served / m.conns));
  } finally {
    await ours.stop();
  }
}

/** p99 of a read, alone and while sign-ins stand in front of the password hashes: as many as may wait there, from connections of their own. */
async function signIns(ctx) {
  const server = await zoetrope({ args: ['--engine.use=fake', '--auth.sign_ins_per_hour=1000000'] });
  try {
    const { token } = await Client.guest(server.url), person = { password: 'correct horse battery staple' };
    let n = 0;
    const tries = many => Array.from({ length: many }, () => request('POST', '/v1/sessions/password',
      { headers: 'Content-Type: application/json\r\n', body: JSON.stringify({ ...person, email: `somebody${n++}@photos.example` }) }));
    const read = async seconds => {
      const m = await openLoop(server.port, '/v1/me', { conns: 8, rate: 200, seconds, headers: { authorization: `Bearer ${token}` } });
      if (m.errors || m.bad_status) throw new Error(`/v1/me: ${JSON.stringify(m)}`);
      return m;
    };
    const beside = async seconds => {
      let more = true, hashed = 0;
      const stop = Date.now() + seconds * 1000 + 500;
      const flooding = (async () => { while (more && Date.now() < stop) hashed += (await burst(server.port, 30, tries(60))).answered; })();
      await new Promise(f => setTimeout(f, 300));
      const m = await read(seconds);
      more = false;
      await flooding;
      if (!hashed) throw new Error('no password was tried');
      return { ...m, tried_s: hashed / seconds };
    };
    await ctx.ab('login-flood', { ours: beside, theirs: read, value: m => m.p99 / 1000, extra: m => ({ p50_ms: m.p50 / 1000, max_ms: m.max / 1000, tried_s: m.tried_s }) });
  } finally {
    await server.stop();
  }
}

export const groups = [
  { rows: [...cachedPeers.map(p => `cached-read-${p}`), 'cached-read-differing', ...readPeers.map(p => `db-read-${p}`)], run: answers },
  { rows: ['range-rate-nginx', 'range-cpu-nginx'], run: ranges },
  { rows: ['fast-route-p99'], run: blocked },
  { rows: ['crowd-p99', 'crowd-served'], run: crowd },
  { rows: ['login-flood'], run: signIns },
];
