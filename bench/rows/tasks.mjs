// tasks.mjs - durable tasks from the request to the result, beside job queues; and how long until the work of a killed worker runs again.
//
// Ours: POST /v1/tasks over HTTP (quote, hold, row, event, turn in one transaction), claim, attempt, two result files, capture, state.
// Theirs: their own client library calls, without an HTTP server in front, and a job that does nothing. Both count from the first
// request until the last job's end is on the disk.
import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { burst } from '../lib/load.mjs';
import { tree, treeCpuUs, workersOf } from '../lib/proc.mjs';
import { folder, node, Proc, python, root, until } from '../lib/rig.mjs';
import { Client, postgres, redis, smallestProduct, zoetrope } from '../lib/servers.mjs';

export const photo = join(root, 'build/deps/samples/girl-919048_1280.jpg');
const peer = name => join(root, 'bench/peers', name);
const CONNS = 64, PHOTOS = 8;             // nobody makes thousands of tasks out of one photo

export const post = (path, token, body, more = '') =>
  `POST ${path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n${more}\r\n${body}`;

/** Our server, on which run(n) buys n tasks and waits until all are delivered: { seconds, cpuUs }. */
async function ourTasks(products, candidates) {
  const server = await zoetrope({ args: ['--engine.use=fake', '--engine.fake_slots=64', '--product.guest_credits=1000000', '--task.account_max=100000', '--task.line_max=1000000',
    ...(products ? [`--products=${products}`] : [])] });
  const client = await Client.guest(server.url), assets = [];
  for (let i = 0; i < PHOTOS; i++) assets.push((await client.photo(photo)).id);
  const db = new DatabaseSync(join(server.dataDir, 'zoetrope.db'), { readOnly: true });
  const quoted = db.prepare('SELECT COUNT(*) AS n FROM quote'), delivered = db.prepare(`SELECT COUNT(*) AS n FROM task WHERE state = 'choosing'`);
  const good = m => { if (m.errors || m.bad_status) throw new Error(JSON.stringify(m)); return m; };
  let all = delivered.get().n;
  return {
    ...server,
    stop: async () => { db.close(); await server.stop(); server.server.forget(); },
    async run(n) {
      const body = i => JSON.stringify({ recipe: 'family-portrait', people: [{ asset: assets[i % PHOTOS], face: 0 }], template: 'hall', candidates }), before = quoted.get().n;
      good(await burst(server.port, CONNS, Array.from({ length: n }, (_, i) => post('/v1/quotes', client.token, body(i)))));
      if (quoted.get().n - before !== n) throw new Error('quotes are missing');
      const ids = await quotes(db, n);
      const requests = ids.map(id => post('/v1/tasks', client.token, JSON.stringify({ quote: id }), `Idempotency-Key: ${randomUUID()}\r\n`));
      const cpu = treeCpuUs(...server.pids), began = performance.now();
      const told = good(await burst(server.port, CONNS, requests)), enqueued = performance.now();
      all += n;
      await until(() => delivered.get().n >= all, 'all tasks', 300_000, 10);
      const seconds = (performance.now() - began) / 1000;
      return { seconds, cpuUs: treeCpuUs(...server.pids) - cpu, enqueue_s: (enqueued - began) / 1000, enqueue_p99_ms: told.p99 / 1000 };
    },
  };
}

/** The newest n quotes' ids, as the API writes them. */
export async function quotes(db, n) {
  const digits = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
  const text = id => { let s = ''; for (let v = BigInt(id), i = 0; i < 13; i++, v >>= 5n) s = digits[Number(v & 31n)] + s; return `quote_${s}`; };
  const statement = db.prepare('SELECT id FROM quote ORDER BY id DESC LIMIT ?');
  statement.setReadBigInts(true);
  return statement.all(n).map(q => text(q.id));
}

/** A queue of a peer: a worker and a producer process beside its store. */
async function queue(store, worker, producer) {
  await worker.line(/^ready$/);
  await producer.line(/^ready$/);
  let all = 0;
  return {
    name: worker.name, pids: [worker.pid, producer.pid, ...store.pids],
    stop: async () => { await producer.stop(); await worker.stop(); await store.stop(); },
    async run(n) {
      const pids = [worker.pid, producer.pid, ...store.pids], cpu = treeCpuUs(...pids), began = performance.now();
      all += n;
      worker.write(`${all}\n`);
      producer.write(`${n}\n`);
      await Promise.all([producer.line(/^added$/, 300_000), worker.line(new RegExp(`^done ${all}$`), 300_000)]);
      return { seconds: (performance.now() - began) / 1000, cpuUs: treeCpuUs(...pids) - cpu };
    },
  };
}

const js = (name, script, role, at, options) => new Proc(name, node, [peer(script), role, String(at), ...(options ? [JSON.stringify(options)] : [])], { env: { NODE_ENV: 'production' } });

async function bullmq(options) {
  const store = await redis();
  return queue(store, js('bullmq', 'bullmq.mjs', 'worker', store.port, options), js('bullmq producer', 'bullmq.mjs', 'produce', store.port));
}
async function pgboss() {
  const store = await postgres();
  const worker = js('pg-boss', 'pgboss.mjs', 'worker', store.url);
  return queue(store, worker, js('pg-boss producer', 'pgboss.mjs', 'produce', store.url));
}
async function graphile() {
  const store = await postgres();
  const worker = js('graphile-worker', 'graphile.mjs', 'worker', store.url);
  return queue(store, worker, js('graphile producer', 'graphile.mjs', 'produce', store.url));
}

const celeryEnv = (store, more = {}) => ({ CELERY_BENCH: JSON.stringify({ redis: `redis://127.0.0.1:${store.port}`, ...more }), PYTHONPATH: join(root, 'bench/peers'), C_FORCE_ROOT: '1', PYTHONDONTWRITEBYTECODE: '1' });
const celeryWorker = (env, concurrency) => new Proc('celery', python, ['-m', 'celery', '-A', 'celery_app', 'worker', '--loglevel=ERROR', `--concurrency=${concurrency}`, '--without-gossip', '--without-mingle', '--without-heartbeat'], { env });

/** Celery's end of a job is its row in the result store: counted there. */
async function celery() {
  const store = await redis(), env = celeryEnv(store), worker = celeryWorker(env, 2);
  const producer = new Proc('celery producer', python, [peer('celery_app.py'), 'produce'], { env });
  await producer.line(/^ready$/, 60_000);                     // its first job came back, so the worker runs
  const { Redis } = await import('ioredis');
  const client = new Redis({ port: store.port, db: 1 });
  const pids = () => [worker.pid, producer.pid, ...store.pids];
  return {
    name: 'celery', pids: pids(),
    stop: async () => { client.disconnect(); await producer.stop(); await worker.stop('SIGKILL'); await store.stop(); },
    async run(n) {
      const goal = await client.dbsize() + n, cpu = treeCpuUs(...pids()), began = performance.now();
      producer.write(`${n}\n`);
      await Promise.all([producer.line(/^added$/, 300_000), until(async () => await client.dbsize() >= goal, 'celery', 300_000, 10)]);
      return { seconds: (performance.now() - began) / 1000, cpuUs: treeCpuUs(...pids()) - cpu };
    },
  };
}

async function throughput(ctx) {
  const products = smallestProduct();
  const peers = { celery: [celery, ctx.quick ? 300 : 2000], bullmq: [bullmq, ctx.quick ? 1000 : 5000], 'bullmq-files': [() => bullmq({ files: folder('results') }), ctx.quick ? 1000 : 5000], pgboss: [pgboss, ctx.quick ? 1000 : 5000], graphile: [graphile, ctx.quick ? 1000 : 5000] };
  for (const [name, [start, n]] of Object.entries(peers)) {
    const row = `tasks-${name}`;
    if (!ctx.wants(row)) continue;
    const ours = await ourTasks(products, 1), theirs = await start();
    try {
      const m = ctx.quick ? 1000 : 5000;
      await ctx.ab(row, { warm: () => 100, ours: w => ours.run(w === 'warm' ? 100 : m).then(r => ({ ...r, n: m })), theirs: w => theirs.run(w === 'warm' ? 100 : n).then(r => ({ ...r, n })),
        value: r => r.n / r.seconds, extra: r => ({ cpu_us_each: r.cpuUs / r.n, enqueue_s: r.enqueue_s, enqueue_p99_ms: r.enqueue_p99_ms }) });
    } finally {
      await Promise.all([ours.stop(), theirs.stop()]);
    }
  }
  if (ctx.wants('tasks-portrait')) {
    const ours = await ourTasks(null, 4), n = ctx.quick ? 100 : 500;
    try {
      for (let i = 0; i < ctx.rounds; i++) ctx.add('tasks-portrait', 'ours', n / (await ours.run(n)).seconds);
    } finally {
      await ours.stop();
    }
  }
}

// ---- a killed worker ----

/** The picture helper's children that work now. */
const helperOf = server => tree(server.pids[0]).find(pid => readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('zoetrope-media'));

/** Kills `whom` ("child" or "helper") while a real portrait is made; ms until the same step of the same task was tried again. */
async function killOnce(server, client, people, whom) {
  const task = await client.buy(await client.quote({ people, template: 'hall', candidates: 2 }));
  const helper = helperOf(server);
  const victim = await until(() => workersOf(helper)[0], 'a picture job', 60_000, 1);
  await new Promise(f => setTimeout(f, 100));               // in the middle of its work, not in its first millisecond
  const at = Date.now();
  process.kill(whom === 'child' ? victim : helper, 'SIGKILL');
  const done = await client.waitTask(task.id);
  if (done.state !== 'choosing') throw new Error(`the task ended as ${done.state}`);
  const db = new DatabaseSync(join(server.dataDir, 'zoetrope.db'), { readOnly: true });
  try {
    const tried = db.prepare('SELECT op, ix, state, error_code, created_ms FROM attempt WHERE task_id = (SELECT MAX(id) FROM task) ORDER BY created_ms').all();
    const died = tried.filter(a => a.error_code === 'media_died' || (a.state === 'failed' && a.created_ms <= at));
    const again = died.map(d => tried.find(a => a.op === d.op && a.ix === d.ix && a.created_ms >= at)).filter(Boolean);
    if (!again.length) return null;                          // it was killed between two steps: nothing died with it
    return Math.max(...again.map(a => a.created_ms)) - at;
  } finally {
    db.close();
  }
}

async function killedOurs(ctx) {
  const server = await zoetrope({ args: ['--product.guest_credits=100000'] });
  try {
    const client = await Client.guest(server.url), asset = await client.photo(photo), people = [{ asset: asset.id, face: 0 }];
    const want = ctx.quick ? 2 : 6;
    for (const whom of ['child', 'helper']) {
      const row = `killed-${whom}`;
      for (let tries = 0, got = 0; ctx.wants(row) && got < want; tries++) {
        if (tries > 3 * want) throw new Error(`${whom}: ${tries} kills, and ${got} of them met a job`);
        await until(async () => (await fetch(`${server.url}/readyz`)).ok, 'the picture helper');
        const ms = await killOnce(server, client, people, whom);
        if (ms !== null) { ctx.add(row, 'ours', ms); got++; }
      }
    }
  } finally {
    await server.stop();
  }
}

/** Starts two workers, gives them one job that never ends, kills the one that has it; ms until the other one starts it again. */
async function killedBullmq(options) {
  const store = await redis();
  const workers = [0, 1].map(() => js('bullmq', 'bullmq.mjs', 'stuck', store.port, options));
  try {
    for (const w of workers) await w.line(/^ready$/);
    const started = workers.map(w => w.line(/^started (\d+)$/, 120_000));
    workers[0].write('add\n');
    const first = await Promise.race(started.map((s, i) => s.then(() => i)));
    const at = Date.now();
    await workers[first].stop('SIGKILL');
    started[first].catch(() => {});
    const [, ms] = await started[1 - first];
    return Number(ms) - at;
  } finally {
    for (const w of workers) await w.stop('SIGKILL');
    await store.stop();
  }
}

/** The same with Celery; whom: "child", the process that runs the job, or "worker", its whole process group. */
async function killedCelery(whom, conf) {
  const store = await redis(), log = join(folder('celery'), 'started'), env = celeryEnv(store, { conf, log });
  const workers = [celeryWorker(env, 1)];
  if (whom === 'worker') workers.push(celeryWorker(env, 1));
  const started = n => until(() => existsSync(log) && readFileSync(log, 'utf8').split('\n').filter(Boolean).length >= n && readFileSync(log, 'utf8').split('\n').filter(Boolean), `start ${n}`, 180_000, 5);
  try {
    const send = new Proc('celery', python, [peer('celery_app.py'), 'victim'], { env });
    await send.exited;
    const [first] = await started(1), pid = Number(first.split(' ')[0]);
    const at = Date.now();
    if (whom === 'child') process.kill(pid, 'SIGKILL');
    else await workers.find(w => tree(w.pid).includes(pid)).stop('SIGKILL');
    const lines = await started(2);
    return Number(lines[1].split(' ')[1]) - at;
  } finally {
    for (const w of workers) await w.stop('SIGKILL');
    await store.stop();
  }
}

async function killedPeers(ctx) {
  const peers = {
    'killed-bullmq-default': () => killedBullmq({}),
    'killed-bullmq-fast': () => killedBullmq({ lockDuration: 2000, stalledInterval: 1000 }),
    'killed-celery-child': () => killedCelery('child', { task_reject_on_worker_lost: true }),
    'killed-celery-worker': () => killedCelery('worker', { broker_transport_options: { visibility_timeout: 10 } }),
  };
  for (const [row, once] of Object.entries(peers)) {
    if (!ctx.wants(row)) continue;
    for (let i = 0; i < (/-(default|celery-worker)$/.test(row) || ctx.quick ? 1 : 3); i++) {
      ctx.add(row, 'theirs', await once());
      for (const ms of ctx.samples(row.includes('celery-child') ? 'killed-child' : 'killed-helper')) if (i === 0) ctx.add(row, 'ours', ms);
    }
  }
}

export const groups = [
  { rows: ['tasks-celery', 'tasks-bullmq', 'tasks-bullmq-files', 'tasks-pgboss', 'tasks-graphile', 'tasks-portrait'], run: throughput },
  { rows: ['killed-child', 'killed-helper'], run: killedOurs },
  { rows: ['killed-celery-child', 'killed-celery-worker', 'killed-bullmq-fast', 'killed-bullmq-default'], run: killedPeers, needs: ['killed-child', 'killed-helper'] },
];
