// 40-crash.test.mjs - kill -9 of the server, of zoetrope-media and of its children at every stage of a running task: after the restart the
// task ends once, its money is right, `zoetrope verify` has nothing to say, and no file stays that nobody names.
//
// The failpoints are walked on the engine `fake`, which makes a life of the task a matter of milliseconds; the states, the helper and its
// children are tried on the local engine with real photos.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import test from 'node:test';
import { Client } from './lib/client.mjs';
import { patientProducts } from './lib/expect.mjs';
import { PATIENCE_MS, root, runZoetrope, startServer, tempDir, within } from './lib/server.mjs';

const samples = join(root, 'build/deps/samples');
const photos = [join(samples, 'girl-919048_1280.jpg'), join(samples, 'woman-5883428_1280.jpg')];
const slow = Number(process.env.ZOETROPE_SLOW ?? 1);
const points = [...readFileSync(join(root, 'src/base/failpoints.def'), 'utf8').matchAll(/^FAILPOINT\(\w+, "([\w.]+)"\)/gm)].map(m => m[1]);
// These places are not on the way of a task; whoever owns them kills them in a test of his own, and those of real money die in tests/crash/.
const elsewhere = new Set(['upload.after_append', 'blob.before_unlink', 'blob.after_link']);

/** One data folder, one person with photos, and a server that may be killed and started again. */
class Shop {
  constructor(t, args) {
    this.t = t;
    this.args = args;
    this.dataDir = tempDir('zt-crash-');
    this.spec = join(tempDir('zt-fp-'), 'spec');
    t.after(() => this.server?.kill());
  }

  async start() {
    writeFileSync(this.spec, '');
    this.server = await startServer(null, { dataDir: this.dataDir, args: this.args, env: { ZOETROPE_FAILPOINT_FILE: this.spec } });
    if (this.client) this.client.url = this.server.url;
  }

  async open(people) {
    await this.start();
    this.client = await Client.guest(this.server.url);
    this.people = [];
    for (const file of photos.slice(0, people)) this.people.push({ asset: (await this.client.photo(file)).id, face: 0 });
  }

  /** Kills at the n-th passing of the point, from now on. */
  async arm(spec) {
    writeFileSync(this.spec, spec);
    const before = this.server.log.filter(l => l.ev === 'failpoint.set').length;
    this.server.proc.kill('SIGUSR2');
    await this.server.waitLog(() => this.server.log.filter(l => l.ev === 'failpoint.set').length > before);
  }

  /** True when the server still lives and will not be killed any more. */
  async disarm() {
    const dead = this.server.exited.then(() => false);
    return Promise.race([dead, this.arm('').then(() => true)]);
  }

  quote(candidates = 2) { return this.client.quote({ people: this.people, template: 'ivory', candidates }); }

  async verify() {
    const { code, stdout, stderr } = await runZoetrope(['verify', '--deep'], { env: { ZOETROPE_DATA: this.dataDir } });
    assert.equal(code, 0, `verify: ${stdout}${stderr}`);
  }

  /** Rows of the database, read beside the server. */
  rows(sql, ...args) {
    const db = new DatabaseSync(join(this.dataDir, 'zoetrope.db'), { readOnly: true });
    try { return db.prepare(sql).all(...args); } finally { db.close(); }
  }

  /** Files under blob/ are those that rows name, neither more nor less. */
  expectNoOrphan() {
    const named = new Set(this.rows('SELECT DISTINCT class, sha FROM asset').map(r => `${r.class}/${r.sha}`));
    const files = readdirSync(join(this.dataDir, 'blob'), { recursive: true, withFileTypes: true }).filter(f => f.isFile());
    const found = new Set(files.map(f => `${f.parentPath.slice(join(this.dataDir, 'blob').length + 1).split('/')[0]}/${f.name}`));
    assert.deepEqual([...found].sort(), [...named].sort());
  }
}

/** Every result was stored once, and nothing is under way any more. */
function expectOnce(shop, task) {
  const attempts = shop.rows(`SELECT a.op, a.ix, a.state, COUNT(*) AS n FROM attempt a JOIN task t ON t.id = a.task_id
    WHERE t.id = (SELECT MAX(id) FROM task) GROUP BY a.op, a.ix, a.state`);
  for (const a of attempts) {
    assert.ok(!['intent', 'submitted', 'fetching', 'unknown'].includes(a.state), `${task.id}: ${a.op} ${a.ix} is ${a.state}`);
    if (a.state === 'stored') assert.equal(a.n, 1, `${task.id}: ${a.op} ${a.ix} was stored ${a.n} times`);
  }
}

/** Buys, with the same key again after a death in between; gives the task. */
async function buyThroughCrash(shop, quote, key) {
  try {
    return { task: await shop.client.buy(quote, key), died: false };
  } catch (error) {
    if (error.status) throw error;
    await within(PATIENCE_MS, shop.server.exited, () => `the connection broke and the server lives: ${error}`);
    await shop.start();
    return { task: await shop.client.buy(quote, key), died: true };
  }
}

test('kill -9 at every failpoint: the task ends once, the money is right, nothing is left over', { timeout: 600_000 * slow }, async t => {
  const shop = new Shop(t, ['--engine.use=fake', '--product.guest_credits=100000']);
  await shop.open(2);
  for (const point of points.filter(p => !elsewhere.has(p) && !p.startsWith('shop.'))) {
    await t.test(point, async () => {
      let deaths = 0;
      // The first passings one by one, then a few later ones; a commit is passed some forty times, a step of a call four to six times.
      for (const after of [0, 1, 3, 6, 11, 17, 24]) {
        const before = await shop.client.wallet(), quote = await shop.quote();
        await shop.arm(`${point}=kill:after=${after}`);
        let { task, died } = await buyThroughCrash(shop, quote, randomUUID());
        if (!died) {
          // Either the task ends, or the server does; a watcher that loses its server has seen nothing.
          const decided = shop.client.waitTask(task.id, undefined, 60_000 * slow).catch(error => { if (error.status) throw error; return shop.server.exited; });
          await Promise.race([decided, shop.server.exited]);
          died = !await shop.disarm();
          if (died) await shop.start();
        }
        deaths += died;
        task = await shop.client.waitTask(task.id, undefined, 60_000 * slow);
        assert.equal(task.state, 'choosing', JSON.stringify(task.error));
        assert.equal(task.delivered, 2);
        assert.equal((await shop.client.pick(task.id, task.candidates[0].index)).state, 'done');
        const after_ = await shop.client.wallet();
        assert.deepEqual(after_, { available: before.available - quote.credits, held: 0 });
        expectOnce(shop, task);
        await shop.verify();
        if (!died) break;                    // it is not passed more often than that
      }
      assert.ok(deaths > 0, `${point} was never met: nothing was tried`);
    });
  }
  assert.deepEqual(await shop.server.stop(), { code: 0, signal: null });
  await shop.start();                        // sweeps what the crashes left beside the rows
  shop.expectNoOrphan();
  await shop.verify();
});

/** Direct children of a process, by name. */
function childrenOf(pid) {
  const list = [];
  for (const p of readdirSync('/proc').filter(n => /^\d+$/.test(n))) {
    try {
      const stat = readFileSync(`/proc/${p}/stat`, 'utf8'), [, name, rest] = /\((.*)\) (.*)$/s.exec(stat);
      const [state, parent] = rest.split(' ');
      if (Number(parent) === pid && state !== 'Z') list.push({ pid: Number(p), name });
    } catch { /* it ended while we looked */ }
  }
  return list;
}
const helperOf = server => childrenOf(server.pid).find(c => c.name.startsWith('zoetrope-media'))?.pid;
/** The light process of a helper, and one that works on a picture for the models' sake: where there is one, the helper is no more only starting. */
function familyOf(helper) {
  const children = childrenOf(helper), light = children.find(c => c.name === 'media-light')?.pid;
  return { helper, light, child: light && children.find(c => c.pid !== light)?.pid };
}

/** The helper and its children know by their sockets that the server is dead, and end. */
async function gone(pids) {
  const lives = pid => { try { process.kill(pid, 0); return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8')); } catch { return false; } };
  await within(PATIENCE_MS, (async () => {
    while (pids.some(lives)) await new Promise(tick => setImmediate(tick));
  })(), () => `still running after their server's death: ${pids.filter(lives)}`);
}

/** The first attempt of the newest task for which test(attempt) is true, asked for at each event of the task. */
async function untilAttempt(shop, task, wanted, what) {
  const look = () => shop.rows('SELECT CAST(id AS TEXT) AS id, op, ix, state, error_code, created_ms, updated_ms FROM attempt WHERE task_id = (SELECT MAX(id) FROM task) ORDER BY id').find(wanted);
  return within(300_000 * slow, (async () => {
    for (;;) {
      const found = look();
      if (found) return found;
      await new Promise(tick => setImmediate(tick));
      await shop.client.task(task.id);
    }
  })(), () => `${what} did not come about; ${JSON.stringify(shop.rows('SELECT op, ix, state, error_code FROM attempt'))}`);
}

test('kill -9 of the server in each state of a real task: it goes on where it was', { timeout: 600_000 * slow }, async t => {
  const shop = new Shop(t, ['--product.guest_credits=100000', `--products=${patientProducts()}`]);
  await shop.open(2);
  const quote = await shop.quote();
  let task = await shop.client.buy(quote);
  const moments = [
    ['preparing', a => a.op === 'cutout' && a.state === 'submitted'],
    ['one layer stored', a => a.op === 'cutout' && a.state === 'stored'],
    ['running', a => a.op === 'compose' && a.state === 'submitted'],
    ['one picture stored', a => a.op === 'compose' && a.state === 'stored'],
  ];
  for (const [name, moment] of moments) {
    await untilAttempt(shop, task, moment, name);
    const helper = helperOf(shop.server), left = [helper, ...childrenOf(helper).map(c => c.pid)];
    await shop.server.kill();
    await gone(left);
    await shop.start();
    await shop.verify();
  }
  task = await shop.client.waitTask(task.id, undefined, 300_000 * slow);
  assert.equal(task.state, 'choosing', JSON.stringify(task.error));
  assert.equal(task.delivered, 2);
  expectOnce(shop, task);                    // what was stored before a kill was not made again
  assert.equal((await shop.client.wallet()).held, 0);
  await shop.server.kill();                  // while its owner chooses
  await shop.start();
  assert.equal((await shop.client.pick(task.id, task.candidates[0].index)).state, 'done');
  await shop.server.kill();
  await shop.start();
  assert.equal((await shop.client.task(task.id)).picked, task.candidates[0].index);
  shop.expectNoOrphan();
  await shop.verify();
});

/** The family of a helper whose child works: the job may have been submitted a moment before. */
const atWork = shop => within(PATIENCE_MS, (async () => {
  for (;;) {
    const helper = helperOf(shop.server), family = helper && familyOf(helper);
    if (family?.child) return family;
    await new Promise(tick => setImmediate(tick));
  }
})(), () => 'no child came to work');

test('kill -9 of the light process: all of zoetrope-media ends and comes again', { timeout: 600_000 * slow }, async t => {
  const shop = new Shop(t, ['--product.guest_credits=100000', `--products=${patientProducts()}`]);
  await shop.open(2);
  let task = await shop.client.buy(await shop.quote());
  const submitted = await untilAttempt(shop, task, a => a.op === 'compose' && a.state === 'submitted', 'a compose under way'), family = await atWork(shop);
  process.kill(family.light, 'SIGKILL');
  const failed = await untilAttempt(shop, task, a => a.op === 'compose' && a.state === 'failed' && a.id >= submitted.id, 'the compose that failed with it');
  assert.equal(failed.error_code, 'media_died');
  task = await shop.client.waitTask(task.id, undefined, 300_000 * slow);
  assert.equal(task.state, 'choosing', JSON.stringify(task.error));
  assert.notEqual(helperOf(shop.server), family.helper);
  await shop.client.photo(photos[0]);         // probed and shown small by the new one
  assert.deepEqual(await shop.server.stop(), { code: 0, signal: null });
});

test('kill -9 of zoetrope-media and of its children: the step runs again within a second', { timeout: 600_000 * slow }, async t => {
  const shop = new Shop(t, ['--product.guest_credits=100000', `--products=${patientProducts()}`]);
  await shop.open(2);
  const quote = await shop.quote();
  let task = await shop.client.buy(quote);
  for (const [op, victim] of [['cutout', 'child'], ['cutout', 'helper'], ['compose', 'child'], ['compose', 'helper']]) {
    const submitted = await untilAttempt(shop, task, a => a.op === op && a.state === 'submitted', `a ${op} under way`);
    process.kill((await atWork(shop))[victim], 'SIGKILL');
    const failed = await untilAttempt(shop, task, a => a.op === op && a.state === 'failed' && a.id >= submitted.id, `the ${op} that failed with its ${victim}`);
    assert.equal(failed.error_code, 'media_died');
    const again = await untilAttempt(shop, task, a => a.op === op && a.ix === failed.ix && a.id > failed.id, `the next try of ${op}`);
    assert.ok(again.created_ms - failed.updated_ms <= 1000 * slow, `${op} began again after ${again.created_ms - failed.updated_ms} ms`);
  }
  task = await shop.client.waitTask(task.id, undefined, 300_000 * slow);
  assert.equal(task.state, 'choosing', JSON.stringify(task.error));
  assert.equal(task.delivered, 2);
  expectOnce(shop, task);
  assert.deepEqual(await shop.server.stop(), { code: 0, signal: null });
  await shop.start();
  shop.expectNoOrphan();
  await shop.verify();
});

test('a disk without room: new work is refused, running work waits, and both go on by themselves', { timeout: 120_000 * slow }, async t => {
  const shop = new Shop(t, ['--engine.use=fake', '--engine.fake_script=delay=300', '--product.guest_credits=100000']);
  await shop.open(1);
  const task = await shop.client.buy(await shop.quote(4)), next = await shop.quote();
  await shop.arm('db.before_commit=enospc,blob.after_write=enospc');
  await assert.rejects(shop.client.buy(next), error => error.code === 'storage_full' && error.status === 503);
  await shop.server.waitLog(l => l.ev === 'task.disk_full', 20_000 * slow);
  await shop.arm('');
  const done = await shop.client.waitTask(task.id, undefined, 60_000 * slow);
  assert.equal(done.state, 'choosing', JSON.stringify(done.error));
  assert.equal(done.delivered, 4);
  await shop.server.waitLog(l => l.ev === 'task.disk_healed');
  assert.equal((await shop.client.waitTask((await shop.client.buy(next)).id)).state, 'choosing');
  await shop.verify();
});
