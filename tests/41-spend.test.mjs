// 41-spend.test.mjs - many at once: the last credits are spent exactly once, and a key that is sent hundreds of times has one effect.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import test from 'node:test';
import { Client } from './lib/client.mjs';
import { root, runZoetrope, startServer } from './lib/server.mjs';

const slow = Number(process.env.ZOETROPE_SLOW ?? 1);
const photo = join(root, 'build/deps/samples/girl-919048_1280.jpg');
const CREDITS = 500;

async function shop(t, env = {}) {
  const server = await startServer(t, { env, args: ['--engine.use=fake', '--engine.fake_slots=16', `--product.guest_credits=${CREDITS}`, '--net.conns_per_ip_max=0', '--net.delay_ms=10s'] });
  const client = await Client.guest(server.url);
  let asset;
  const quote = async () => client.quote({ people: [{ asset: asset ??= (await client.photo(photo)).id, face: 0 }], template: 'ivory', candidates: 1 });
  const count = sql => {
    const db = new DatabaseSync(join(server.dataDir, 'zoetrope.db'), { readOnly: true });
    try { return db.prepare(sql).get().n; } finally { db.close(); }
  };
  const verify = async () => {
    const { code, stdout, stderr } = await runZoetrope(['verify', '--deep'], { env: { ZOETROPE_DATA: server.dataDir } });
    assert.equal(code, 0, stdout + stderr);
  };
  return { server, client, quote, count, verify };
}

test('200 clients spend the last credits at once: as many succeed as the credits reach for, and never one more', { timeout: 300_000 * slow }, async t => {
  const { client, quote, count, verify } = await shop(t);
  const first = await quote(), quotes = [first, ...await Promise.all(Array.from({ length: 199 }, quote))], price = first.credits, reach = CREDITS / price;
  assert.ok(Number.isInteger(reach) && reach < 200, `a price of ${price}`);
  let over = false;
  const watch = (async () => {
    const seen = [];
    while (!over) seen.push(await client.wallet());
    return seen;
  })();
  const answers = await Promise.all(quotes.map(q => client.send('POST', '/v1/tasks', { json: { quote: q.id }, headers: { 'idempotency-key': randomUUID() } })));
  over = true;
  const bought = answers.filter(a => a.status === 201), refused = answers.filter(a => a.json.code === 'no_credit' && a.status === 402);
  assert.equal(bought.length, reach, JSON.stringify(answers.map(a => a.json.code ?? a.status)));
  assert.equal(refused.length, 200 - reach);
  assert.equal(new Set(bought.map(a => a.json.id)).size, reach);
  for (const { available, held } of await watch) assert.ok(available >= 0 && held >= 0 && available + held <= CREDITS, `${available} and ${held}`);
  for (const a of bought) assert.equal((await client.waitTask(a.json.id, undefined, 120_000 * slow)).state, 'choosing');
  assert.deepEqual(await client.wallet(), { available: 0, held: 0 });
  assert.equal(count('SELECT COUNT(*) AS n FROM task'), reach);
  assert.equal(count(`SELECT COUNT(*) AS n FROM ledger_entry WHERE kind = 'hold'`), reach);
  assert.equal(count('SELECT MIN(balance - floor_min) AS n FROM ledger_account'), 0);
  await verify();
});

test('one Idempotency-Key sent 500 times at once has one effect', { timeout: 300_000 * slow }, async t => {
  const { client, quote, count, verify } = await shop(t);
  const q = await quote(), key = randomUUID();
  const answers = await Promise.all(Array.from({ length: 500 }, () => client.send('POST', '/v1/tasks', { json: { quote: q.id }, headers: { 'idempotency-key': key } })));
  assert.deepEqual([...new Set(answers.map(a => a.status))], [201]);
  assert.equal(new Set(answers.map(a => a.json.id)).size, 1);
  await client.waitTask(answers[0].json.id, undefined, 120_000 * slow);
  assert.deepEqual(await client.wallet(), { available: CREDITS - q.credits, held: 0 });
  assert.equal(count('SELECT COUNT(*) AS n FROM task'), 1);
  assert.equal(count(`SELECT COUNT(*) AS n FROM ledger_entry WHERE kind = 'hold'`), 1);
  assert.equal(count(`SELECT COUNT(*) AS n FROM idempotency WHERE idem_key = '${key}'`), 1);
  const other = await client.send('POST', '/v1/tasks', { json: { quote: (await quote()).id }, headers: { 'idempotency-key': key } });
  assert.equal(other.json.code, 'idempotency_key_reused');
  await verify();
});

test('one Idempotency-Key sent 500 times at once makes one order', { timeout: 300_000 * slow }, async t => {
  const { client, count, verify } = await shop(t, { ZOETROPE_PAY_TEST_MONEY: 'true' });
  const key = randomUUID(), json = { plan: 'p9', currency: 'CNY', provider: 'test' };
  const answers = await Promise.all(Array.from({ length: 500 }, () => client.send('POST', '/v1/orders', { json, headers: { 'idempotency-key': key } })));
  assert.deepEqual([...new Set(answers.map(a => a.status))], [201]);
  assert.equal(new Set(answers.map(a => a.json.id)).size, 1);
  assert.equal(count('SELECT COUNT(*) AS n FROM shop_order'), 1);
  await verify();
});
