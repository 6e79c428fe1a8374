// 73-codes.test.mjs - codes: what they are worth, how often, and that an order which comes to nothing gives its use back.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Client } from './lib/client.mjs';
import { isProblem } from './lib/expect.mjs';
import { person } from './lib/people.mjs';
import { movableClock, root, runZoetrope, startServer, tempDir } from './lib/server.mjs';

let server, op, clock, people = 0;
const ends_ms = Date.now() + 3600_000;
before(async t => {
  const gone = [];
  clock = movableClock({ after: fn => gone.push(fn) });
  server = await startServer(null, { env: { ZOETROPE_PAY_TEST_MONEY: 'true', ZOETROPE_ENGINE_USE: 'fake', ZOETROPE_SHOP_CODES_PER_HOUR: '100000', ZOETROPE_AUTH_SIGN_INS_PER_HOUR: '100000', ZOETROPE_AUTH_MAILS_PER_HOUR: '10000', ...clock.env } });
  op = new Client(server.url, server.operatorToken());
  server.gone = gone;
});
after(async () => {
  await server.stop();
  const { code, stdout } = await runZoetrope(['verify'], { env: { ZOETROPE_DATA: server.dataDir } });
  server.forget();
  for (const fn of server.gone) fn();
  assert.equal(code, 0, stdout);
});

/** Somebody with an account: guests have no codes. */
async function somebody() {
  const email = `p${++people}@example.com`, password = 'a long sentence of mine';
  await person(op, email, password);
  const c = new Client(server.url);
  c.take(await c.post('/v1/sessions/password', { email, password }));
  return c;
}
const make = json => op.effect('/v1/admin/codes', { ends_ms, ...json }).then(a => a.items);
const used = async batch => (await op.get(`/v1/admin/codes?batch=${batch}`)).items.map(c => c.uses);
const redeem = (c, code, key = randomUUID()) => c.send('POST', '/v1/codes/redeem', { json: { code }, headers: { 'idempotency-key': key } });
const order = (c, json) => c.send('POST', '/v1/orders', { json: { plan: 'p9', currency: 'CNY', provider: 'test', ...json }, headers: { 'idempotency-key': randomUUID() } });

test('a thousand at once, each other than all others; one use each, however it is typed', async () => {
  const codes = await make({ kind: 'credits', count: 1000, amount: 30, valid_days: 10, note: 'spring' });
  assert.equal(new Set(codes.map(c => c.code)).size, 1000);
  for (const { code } of codes) assert.match(code, /^[0-9A-HJKMNP-TV-Z]{12}$/);
  const c = await somebody(), d = await somebody(), had = (await c.wallet()).available, [{ code, batch }] = codes;
  const typed = ` ${code.slice(0, 4)}-${code.slice(4, 8)} ${code.slice(8).toLowerCase()}`, key = randomUUID();
  const first = await redeem(c, typed, key), again = await redeem(c, typed, key);
  assert.deepEqual([first.status, first.json, again.json], [201, { kind: 'credits', credits: 30, plan: null, order: null }, first.json]);
  assert.equal((await c.wallet()).available, had + 30);
  const lot = (await c.get('/v1/wallet')).lots.find(l => l.credits === 30);
  assert.equal(lot.source, 'promo');
  assert.ok(Math.abs(lot.expires_ms - Date.now() - 10 * 86_400_000) < 60_000);
  isProblem(await redeem(c, code), 409, 'code_used');
  isProblem(await redeem(d, code), 409, 'code_used');
  assert.equal((await used(batch)).reduce((a, b) => a + b), 1);
});

test('many at once use a word as often as it may be, and one account once', async () => {
  const [{ batch }] = await make({ kind: 'credits', code: 'reunion 2027', amount: 5, valid_days: 1, uses_max: 7 });
  const all = [];
  for (let i = 0; i < 12; i++) all.push(await somebody());
  const taken = await op.send('POST', '/v1/admin/codes', { json: { kind: 'credits', code: 'Reunion2027', amount: 9, valid_days: 1, ends_ms }, headers: { 'idempotency-key': randomUUID() } });
  isProblem(taken, 409, 'code_taken');
  assert.doesNotMatch(taken.text, /constraint|shop_code/i);
  const answers = await Promise.all(all.flatMap(c => [redeem(c, 'REUNION2027'), redeem(c, 'Reunion-2027')]));
  const good = answers.filter(a => a.status === 201).length;
  for (const a of answers.filter(x => x.status !== 201)) assert.ok(['code_used', 'conflict'].includes(a.json.code), a.text);
  assert.equal(good, 7);
  assert.deepEqual(await used(batch), [7]);
});

test('what is unknown, over, not begun, switched off or for something else is not taken', async () => {
  const c = await somebody(), wrong = async code => isProblem(await redeem(c, code), 422, 'code_wrong');
  for (const code of ['NOSUCHCODE12', '!!!!', 'a', '€€€€€€', '-'.repeat(64)]) await wrong(code);
  const [later] = await make({ kind: 'credits', amount: 5, valid_days: 1, starts_ms: Date.now() + 1800_000 });
  await wrong(later.code);
  const [off] = await make({ kind: 'credits', amount: 5, valid_days: 1 });
  await op.effect(`/v1/admin/codes/${off.batch}/disable`, {});
  await wrong(off.code);
  const [less] = await make({ kind: 'percent', amount: 20, plan: 'p29' });
  await wrong(less.code);
  isProblem(await order(c, { code: less.code }), 422, 'code_wrong');
  const [usd] = await make({ kind: 'amount', amount: 100, currency: 'USD' });
  isProblem(await order(c, { code: usd.code }), 422, 'code_wrong');
  assert.deepEqual(await used(less.batch), [0]);
  for (const bad of [{ kind: 'percent', amount: 101 }, { kind: 'credits', amount: 5 }, { kind: 'plan', plan: 'free' }, { kind: 'plan' }, { kind: 'amount', amount: 0 }, { kind: 'credits', amount: 1, valid_days: 1, ends_ms: 1 },
    { kind: 'credits', amount: 1, valid_days: 1, code: 'ab!c' }, { kind: 'credits', amount: 1, valid_days: 1, code: 'ABCD', count: 2 }])
    assert.equal((await op.send('POST', '/v1/admin/codes', { json: { ends_ms, ...bad }, headers: { 'idempotency-key': randomUUID() } })).status, 400, JSON.stringify(bad));
  const guest = await Client.guest(server.url), [any] = await make({ kind: 'credits', amount: 5, valid_days: 1 });
  isProblem(await redeem(guest, any.code), 403, 'sign_in_first');
  isProblem(await order(guest, { code: less.code }), 403, 'sign_in_first');
  isProblem(await c.send('POST', '/v1/admin/codes', { json: { kind: 'plan', plan: 'p9', ends_ms }, headers: { 'idempotency-key': randomUUID() } }), 403, 'forbidden');
});

test('a plan for nothing is an order that is paid; less to pay is less to pay; an order that comes to nothing gives its use back', async () => {
  const c = await somebody(), had = (await c.wallet()).available;
  const [gift] = await make({ kind: 'plan', plan: 'p9' });
  const got = (await redeem(c, gift.code)).json, o = await c.get(`/v1/orders/${got.order}`);
  assert.deepEqual([o.state, o.price_minor, o.off_minor, o.list_minor, o.provider, o.credits, o.can_refund], ['paid', 0, 990, 990, '', 40, false]);
  assert.equal((await c.wallet()).available, had + 40);
  assert.equal((await c.get('/v1/me/may')).plan, 'p9');

  const [fifth] = await make({ kind: 'percent', amount: 20 });
  const cheap = (await order(c, { code: fifth.code })).json;
  assert.deepEqual([cheap.state, cheap.price_minor, cheap.off_minor], ['open', 792, 198]);
  isProblem(await order(c, { code: fifth.code }), 409, 'code_used');
  await c.post(`/v1/orders/${cheap.id}/cancel`, {});
  assert.deepEqual(await used(fifth.batch), [0]);
  const once = (await order(c, { code: fifth.code })).json;
  await c.post(`/v1/orders/${once.id}/start`, { scene: 'page' });
  await c.post(`/v1/pay/test/${once.id}`, { act: 'pay' });
  assert.deepEqual([(await c.get(`/v1/orders/${once.id}`)).state, await used(fifth.batch)], ['paid', [1]]);
  assert.equal((await c.get(`/v1/pay/test/${once.id}`)).price.minor, 792);

  const [all] = await make({ kind: 'amount', amount: 5000, currency: 'CNY' });
  const free = (await order(c, { code: all.code })).json;
  assert.deepEqual([free.state, free.price_minor, free.off_minor, free.provider], ['paid', 0, 990, '']);
  assert.equal((await c.wallet()).available, had + 120);
});

test('codes are tried only so often, and the same request again is no other try', async t => {
  const env = { ZOETROPE_PAY_TEST_MONEY: 'true', ZOETROPE_ENGINE_USE: 'fake', ZOETROPE_SHOP_CODES_PER_HOUR: '6', ZOETROPE_AUTH_MAILS_PER_HOUR: '10000' };
  const shop = await startServer(t, { env }), boss = new Client(shop.url, shop.operatorToken()), email = 'again@example.com', password = 'a long sentence of mine';
  await person(boss, email, password);
  const c = new Client(shop.url), { items: [{ code }] } = await boss.effect('/v1/admin/codes', { ends_ms, kind: 'credits', amount: 5, valid_days: 1 });
  c.take(await c.post('/v1/sessions/password', { email, password }));
  const key = randomUUID(), wrong = randomUUID();
  for (let i = 0; i < 5; i++) assert.equal((await redeem(c, code, key)).status, 201, `${i}`);
  for (let i = 0; i < 5; i++) isProblem(await redeem(c, 'NOSUCHCODE12', wrong), 422, 'code_wrong');
  isProblem(await redeem(c, 'NOSUCHCODE13', wrong), 429, 'rate_limited');       // another code by the same key: a third of six came at once
  isProblem(await redeem(c, code), 429, 'rate_limited');
  isProblem(await order(c, { code }), 429, 'rate_limited');
  assert.equal((await redeem(c, code, key)).status, 201);
});

test('a code makes nothing cheaper than what it costs us, unless the operator says so', async t => {
  const products = tempDir('zt-products-'), recipe = join(products, 'reunion/recipes/family-portrait.yaml');
  cpSync(join(root, 'products'), products, { recursive: true });
  writeFileSync(recipe, readFileSync(recipe, 'utf8').replace(/^price:.*$/m, '$&\ncost: { microusd: 200000, per: candidate }'));
  for (const below of [false, true]) {
    const env = { ZOETROPE_PAY_TEST_MONEY: 'true', ZOETROPE_ENGINE_USE: 'fake', ZOETROPE_PRODUCTS: products, ZOETROPE_AUTH_MAILS_PER_HOUR: '10000', ZOETROPE_SHOP_SELL_BELOW_COST: String(below) };
    const shop = await startServer(t, { env }), boss = new Client(shop.url, shop.operatorToken()), email = `cost${below}@example.com`, password = 'a long sentence of mine';
    await person(boss, email, password);
    const c = new Client(shop.url), { items } = await boss.effect('/v1/admin/codes', { ends_ms, kind: 'percent', amount: 50, uses_max: 0, each_max: 10 });
    c.take(await c.post('/v1/sessions/password', { email, password }));
    const a = await order(c, { code: items[0].code });
    if (below) assert.equal(a.status, 201, a.text);
    else {
      isProblem(a, 422, 'code_wrong');                       // 495 fen for four that cost 0.80 USD
      await shop.waitLog(l => l.ev === 'shop.code_below_cost' && l.plan === 'p9' && l.minor === 495);
      assert.deepEqual((await boss.get('/v1/admin/codes')).items.map(x => x.uses), [0]);
    }
    assert.equal((await order(c, {})).status, 201);
  }
});
