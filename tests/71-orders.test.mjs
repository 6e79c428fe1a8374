// 71-orders.test.mjs - orders over the whole server: test money, and Stripe and WeChat Pay by their simulators. Whatever becomes of a notice, the
// order ends as the provider says, the credits are there once, and money and credits go back together.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { Buyer, moved, operator, sound, stripeWorld, testWorld } from './lib/buyer.mjs';
import { Client } from './lib/client.mjs';
import { isProblem, ONE } from './lib/expect.mjs';
import { movableClock, PATIENCE_MS, startServer, tempDir, within } from './lib/server.mjs';
import { startWechat, wechatKeys } from './sim/wechat.mjs';

const MINUTE = 60_000, HOUR = 60 * MINUTE, DAY = 24 * HOUR;

// ---- test money ----
test('test money: ordered, begun, paid, booked once; the wallet says where it came from', async t => {
  const { server, act, buyer } = await testWorld(t), c = await buyer();
  const o = await c.order();
  assert.deepEqual([o.state, o.price_minor, o.currency, o.test, o.paid_ms, o.can_refund, o.refund], ['open', 990, 'CNY', true, null, false, null]);
  assert.equal(await c.gained(), 0);
  const s = await c.start(o);
  assert.deepEqual([s.show, s.text], ['redirect', `/pay/test/${o.id}`]);
  const shown = await c.get(`/v1/pay/test/${o.id}`);
  assert.deepEqual([shown.price, shown.state, shown.return_url], [{ minor: 990, currency: 'CNY' }, 'open', `${server.url}/orders/${o.id}`]);
  assert.equal((await c.check(o)).state, 'open');
  await act(o, 'pay', 'twice');
  const paid = await c.look(o);
  assert.deepEqual([o.credits_left, paid.credits_left, paid.state, paid.can_refund, paid.refunded_minor, paid.trouble], [0, 40, 'paid', true, 0, null]);
  assert.equal(paid.ends_ms - paid.paid_ms > 29 * DAY, true);
  assert.equal(await c.gained(), 40);
  const [entry] = (await c.get('/v1/wallet/entries?limit=1')).items;
  assert.deepEqual([entry.kind, entry.credits, entry.order], ['grant', 40, o.id]);
  isProblem(await c.send('POST', `/v1/orders/${o.id}/start`, { json: { scene: 'page' } }), 409, 'pay_over');
  isProblem(await c.send('POST', `/v1/orders/${o.id}/cancel`, { json: {} }), 409, 'wrong_state');
  assert.deepEqual((await c.get('/v1/orders')).items.map(x => x.id), [o.id]);
  await server.stop();
  await sound(server);
});

test('test money: a lost notice is found by who comes back, and by the cashier when nobody does', async t => {
  const { act, buyer, clock } = await testWorld(t), c = await buyer();
  const back = await c.order(), gone = await c.order(), began = Date.now();
  for (const o of [back, gone]) {
    await c.start(o);
    await act(o, 'pay', 'lose');
    assert.equal((await c.look(o)).state, 'open');
  }
  clock.set(3000);                                           // asked at the start: not again within two seconds
  await c.until(back, () => true);
  assert.equal((await within(PATIENCE_MS, (async () => { let o; do o = await c.check(back); while (o.state === 'open'); return o; })())).state, 'paid');
  const left = await c.look(gone);
  assert.ok(left.state === 'open' || Date.now() + 3000 - began > 15_000, left.state);
  clock.set(20_000);
  await c.until(gone, o => o.state === 'paid', 'the cashier asks after 15 s');
  assert.equal(await c.gained(), 80);
});

test('test money: declined, given up, too late; and money that comes all the same counts', async t => {
  const { act, buyer, clock, server } = await testWorld(t), c = await buyer();
  const declined = await c.order(), given = await c.order(), never = await c.order(), late = await c.order();
  await c.start(declined);
  await act(declined, 'fail');
  assert.equal((await c.look(declined)).state, 'failed');
  await c.start(given);
  assert.equal((await c.post(`/v1/orders/${given.id}/cancel`, {})).state, 'closed');
  assert.equal((await c.post(`/v1/orders/${given.id}/cancel`, {})).state, 'closed');
  isProblem(await c.send('POST', `/v1/orders/${given.id}/start`, { json: { scene: 'page' } }), 409, 'pay_over');
  await c.start(late);
  clock.set(33 * MINUTE);
  await c.until(never, o => o.state === 'closed', 'nobody ever began to pay it');
  await c.until(late, o => o.state === 'closed', 'its time is over');
  assert.equal(await c.gained(), 0);
  await act(late, 'pay_late', 'lose');
  clock.set(33 * MINUTE + 2 * HOUR);
  await c.until(late, o => o.state === 'paid', 'asked once more after an hour');
  await act(given, 'pay_late');
  assert.equal((await c.look(given)).state, 'paid');
  assert.equal(await c.gained(), 80);
  await server.stop();
  await sound(server);
});

test('test money: given back at once while nothing was used, with the credits; once', async t => {
  const { act, buyer, clock, server } = await testWorld(t), c = await buyer(), o = await c.order();
  await c.start(o);
  await act(o, 'pay');
  const key = randomUUID(), ask = () => c.effect(`/v1/orders/${o.id}/refund`, { reason: '不想要了' }, key);
  const asked = await ask();
  assert.deepEqual([asked.refund.state, asked.refund.money_minor, asked.refund.credits, asked.refunded_minor, asked.can_refund], ['pending', 990, 40, 990, false]);
  assert.equal((await ask()).refund.id, asked.refund.id);
  isProblem(await c.send('POST', `/v1/orders/${o.id}/refund`, { json: {}, headers: { 'idempotency-key': randomUUID() } }), 409, 'wrong_state');
  assert.equal(await c.gained(), 0);
  clock.set(30_000);                                         // test money is on its way for two seconds
  assert.equal((await c.until(o, x => x.refund.state === 'done', 'the cashier looks after it')).refund.reason, '不想要了');
  const [entry] = (await c.get('/v1/wallet/entries?limit=1')).items;
  assert.deepEqual([entry.kind, entry.credits, entry.order], ['takeback', -40, o.id]);
  await server.stop();
  await sound(server);
});

test('test money: what was used is for an operator to decide: a part, or no', async t => {
  const { act, buyer, clock, server } = await testWorld(t), c = await buyer(), op = await operator(server);
  const used = await c.order(), other = await c.order();
  for (const o of [used, other]) {
    await c.start(o);
    await act(o, 'pay');
  }
  await moved(server, clock, 8 * DAY);                                        // past the week of regret
  const asked = await c.refund(used, 'My aunt looks odd.');
  assert.deepEqual([asked.refund.state, asked.refunded_minor], ['asked', 0]);
  assert.equal(await c.gained(), 80);
  await c.refund(other, 'Just so.');
  const waiting = (await op.get('/v1/admin/refunds')).items;
  assert.deepEqual(waiting.map(r => r.order).sort(), [used.id, other.id].sort());
  const decide = (order, json) => op.send('POST', `/v1/admin/orders/${order.id}/refund`, { json, headers: { 'idempotency-key': randomUUID() } });
  isProblem(await decide(used, { money_minor: 991, reason: 'x' }), 400, 'bad_input');
  isProblem(await decide(used, { money_minor: 500, credits: 41, reason: 'x' }), 400, 'bad_input');
  isProblem(await c.send('POST', `/v1/admin/orders/${used.id}/refund`, { json: { reason: 'x' }, headers: { 'idempotency-key': randomUUID() } }), 403, 'forbidden');
  const part = await decide(used, { money_minor: 500, credits: 20, reason: 'half of it' });
  assert.equal(part.status, 200, part.text);
  assert.deepEqual([part.json.refund.state, part.json.refund.cause, part.json.refunded_minor, part.json.credits_left], ['pending', 'operator', 500, 20]);
  const { ask_ms: _due, asked_ms: _asked, ...is } = await op.get(`/v1/admin/orders/${used.id}`), { ask_ms, asked_ms, ...told } = part.json;
  assert.ok(ask_ms > asked_ms);
  assert.deepEqual(is, told);                                                 // but for those two: the cashier looks at paid orders each day
  isProblem(await c.send('GET', `/v1/admin/orders/${used.id}`), 403, 'forbidden');
  const refused = await op.effect(`/v1/admin/refunds/${waiting.find(r => r.order === other.id).id}/refuse`, { reason: 'All four are good.' });
  assert.deepEqual([refused.refund.state, refused.refund.detail, refused.can_refund], ['refused', 'All four are good.', true]);
  assert.equal(await c.gained(), 60);
  clock.set(8 * DAY + MINUTE);
  await c.until(used, o => o.refund.state === 'done', 'given back').catch(e => { throw new Error(e.message + '\n' + server.tail(25)); });
  assert.equal((await op.get('/v1/admin/refunds')).items.length, 0);
  await server.stop();
  await sound(server);
});

test('test money: what the provider cannot give back is ours again, and a person is told', async t => {
  const { act, buyer, clock, server } = await testWorld(t), c = await buyer(), op = await operator(server), o = await c.order();
  await c.start(o);
  await act(o, 'pay');
  await c.refund(o);
  const atBank = async () => { for (;;) try { return await act(o, 'refund_abnormal', 'lose'); } catch (e) { if (e.code !== 'wrong_state') throw e; } };
  await within(PATIENCE_MS, atBank(), () => 'the cashier asks for it');
  clock.set(30_000);
  await c.until(o, x => x.refund.state === 'abnormal', 'the bank did not take it');
  assert.deepEqual((await op.get('/v1/admin/orders?trouble=1')).items.map(x => [x.id, x.trouble]), [[o.id, 'refund_abnormal']]);
  await act(o, 'dispute');
  assert.equal((await op.get(`/v1/admin/orders?account=${c.account}`)).items[0].disputed, true);
  await server.stop();
  await sound(server);
});

test('an order belongs to its account, and goes along when the guest signs up', async t => {
  const { act, buyer, server } = await testWorld(t), c = await buyer(), stranger = await buyer(), o = await c.order();
  for (const [method, path, json] of [['GET', '', undefined], ['POST', '/start', { scene: 'page' }], ['POST', '/check', {}], ['POST', '/cancel', {}]])
    isProblem(await stranger.send(method, `/v1/orders/${o.id}${path}`, { json }), 404, 'not_found');
  isProblem(await stranger.send('POST', `/v1/orders/${o.id}/refund`, { json: {}, headers: { 'idempotency-key': randomUUID() } }), 404, 'not_found');
  assert.deepEqual((await stranger.get('/v1/orders')).items, []);
  const bad = (json, code, status = 400) => c.send('POST', '/v1/orders', { json, headers: { 'idempotency-key': randomUUID() } }).then(a => isProblem(a, status, code));
  await bad({ plan: 'free', currency: 'CNY', provider: 'test' }, 'bad_input');
  await bad({ plan: 'p10', currency: 'CNY', provider: 'test' }, 'bad_input');
  await bad({ plan: 'p9', currency: 'CNY', provider: 'stripe' }, 'bad_input');
  await bad({ plan: 'p9', currency: 'EUR', provider: 'test' }, 'bad_input');
  await bad({ plan: 'p9', currency: 'CNY', provider: 'test', price: 1 }, 'unknown_field');
  isProblem(await c.send('POST', '/v1/orders', { json: { plan: 'p9', currency: 'CNY', provider: 'test' } }), 400, 'idempotency_key_missing');
  const key = randomUUID(), twice = await Promise.all([1, 2, 3, 4].map(() => c.order({}, key)));
  assert.equal(new Set(twice.map(x => x.id)).size, 1);
  for (let i = 2; i < 20; i++) await c.order();
  await bad({ plan: 'p9', currency: 'CNY', provider: 'test' }, 'orders_open', 409);
  await c.start(o);
  await act(o, 'pay');
  assert.equal(await c.gained(), 40);
  isProblem(await new Client(server.url).send('POST', '/v1/hooks/nobody', { json: {} }), 404, 'not_found');
  const forged = await fetch(`${server.url}/v1/hooks/test`, { method: 'POST', headers: { 'pay-test-signature': 't=1,v1=00' }, body: '{}' });
  assert.equal(forged.status, 401);
});

test('lists of orders are read beside the event threads', async t => {
  const { server, buyer } = await testWorld(t), c = await buyer(), op = await operator(server);
  const jobs = async line => Number(new RegExp(`http_wait_seconds_count\\{line="${line}"\\} (\\d+)`).exec((await op.send('GET', '/metrics')).text)[1]);
  for (const [line, who, path] of [['worker', c, '/v1/orders'], ['urgent', op, '/v1/admin/orders'], ['urgent', op, '/v1/admin/refunds'], ['urgent', op, '/v1/admin/invoices']]) {
    const before = await jobs(line);
    for (let i = 0; i < 20; i++) await who.get(path);
    assert.ok(await jobs(line) - before >= 20, path);
  }
});

test('orders are begun only so fast, whatever pays for them, and one key sent often is one order', async t => {
  const { server, buyer } = await testWorld(t, { ZOETROPE_SHOP_ORDERS_PER_HOUR: '3', ZOETROPE_SHOP_CODES_PER_HOUR: '100' }), c = await buyer('ann@example.com'), key = randomUUID();
  const again = k => c.send('POST', '/v1/orders', { json: { plan: 'p9', currency: 'CNY', provider: 'test' }, headers: { 'idempotency-key': k } });
  for (let i = 0; i < 10; i++) assert.equal((await again(key)).status, 201);
  for (let i = 0; i < 2; i++) await c.post(`/v1/orders/${(await again(randomUUID())).json.id}/cancel`, {});
  isProblem(await again(randomUUID()), 429, 'rate_limited');
  assert.equal((await again(key)).status, 201);
  assert.equal((await c.get('/v1/orders')).items.length, 3);
  const op = await operator(server), d = await buyer('dan@example.com'), many = { uses_max: 0, each_max: 10, ends_ms: Date.now() + HOUR };
  const make = async json => (await op.effect('/v1/admin/codes', { ...many, ...json })).items[0].code;
  const all = await make({ kind: 'percent', amount: 100 }), plan = await make({ kind: 'plan', plan: 'p9' });
  const free = () => d.send('POST', '/v1/orders', { json: { plan: 'p9', currency: 'CNY', provider: 'test', code: all }, headers: { 'idempotency-key': randomUUID() } });
  const redeem = () => d.send('POST', '/v1/codes/redeem', { json: { code: plan }, headers: { 'idempotency-key': randomUUID() } });
  for (const [i, take] of [free, redeem, free].entries()) assert.equal((await take()).status, 201, `${i}`);
  for (const take of [free, redeem]) isProblem(await take(), 429, 'rate_limited');
  assert.deepEqual([(await d.get('/v1/orders')).items.map(o => [o.state, o.price_minor]), await d.gained()], [Array(3).fill(['paid', 0]), 120]);
  assert.deepEqual((await op.get('/v1/admin/codes')).items.map(x => x.uses).sort(), [1, 2]);
});

// ---- Stripe ----
test('Stripe: paid by its page, told by its events in any order and number, booked once with the fee', async t => {
  const { sim, server, pay, buyer } = await stripeWorld(t), c = await buyer(), o = await c.order();
  const s = await c.start(o);
  assert.equal(s.show, 'redirect');
  assert.equal((await c.start(o)).text, s.text);             // the same session
  sim.mode = 'hold';
  await pay(o);
  assert.equal((await c.look(o)).state, 'open');
  for (const n of [...sim.notices].reverse()) await sim.deliver(n.id, { forge: true });
  assert.equal((await c.look(o)).state, 'open');
  for (const n of [...sim.notices].reverse()) { await sim.deliver(n.id, {}); await sim.deliver(n.id, {}); }
  assert.equal((await c.look(o)).state, 'paid');
  assert.equal(await c.gained(), 40);
  const seen = (await (await operator(server)).get(`/v1/admin/orders?account=${c.account}`)).items[0];
  assert.deepEqual([seen.fee_minor, seen.state, /^pi_/.test(seen.transaction_ref)], [36, 'paid', true]);      // 2.9 % of 1.99 and 30 cents
  await server.stop();
  await sound(server);
});

test('Stripe: faults at the start and in between end in one payment', async t => {
  const { sim, server, pay, buyer, clock } = await stripeWorld(t), POST = 'POST /v1/checkout/sessions';
  for (const kind of ['500', '500_after', '502', 'lost', 'reset', '429', 'garbled']) {
    const c = await buyer(), o = await c.order();
    sim.fault(POST, kind);
    const first = await c.send('POST', `/v1/orders/${o.id}/start`, { json: { scene: 'page' } });
    if (first.status !== 200) isProblem(first, 502, 'pay_start');    // opening a checkout charges nothing: it may be pressed again
    const again = async () => {
      let a;
      for (let i = 0; i < 5; i++) if ((a = await c.send('POST', `/v1/orders/${o.id}/start`, { json: { scene: 'page' } })).status === 200) return;
      assert.fail(`${kind}: ${a.text}`);
    };
    await again();
    assert.equal([...sim.sessions.values()].filter(s => s.client_reference_id === o.id && s.status === 'open').length >= 1, true, kind);
    await pay(o);
    assert.equal((await c.until(o, x => x.state !== 'open', kind)).state, 'paid', kind);
    assert.equal(await c.gained(), 40, kind);
  }
  clock.set(0);
  await server.stop();
  await sound(server);
});

test('Stripe: no event comes and nobody comes back: the cashier finds it; another sum is never booked', async t => {
  const { sim, server, pay, buyer, clock } = await stripeWorld(t), c = await buyer(), o = await c.order(), wrong = await c.order();
  sim.mode = 'hold';
  await c.start(o);
  await c.start(wrong);
  await pay(o);
  const session = await pay(wrong);
  session.amount_total = 1;
  for (const i of sim.intents.values()) if (i.id === (session.payment_intent?.id ?? session.payment_intent)) i.amount = i.amount_received = 1;
  clock.set(20_000);
  await c.until(o, x => x.state === 'paid', 'asked after 15 s');
  await c.until(wrong, x => x.trouble === 'amount', 'one cent came');
  assert.equal(await c.gained(), 40);
  await server.stop();
  await sound(server);
});

test('Stripe: given back by us, and by a person in its dashboard', async t => {
  const { sim, server, pay, buyer } = await stripeWorld(t), c = await buyer(), o = await c.order(), theirs = await c.order();
  await c.start(o);
  await c.start(theirs);
  await pay(o);
  const session = await pay(theirs);
  await c.until(theirs, x => x.state === 'paid', 'paid');
  sim.fault('POST /v1/refunds', '500');
  await c.refund(o);
  assert.equal((await c.look(o)).refund.state, 'pending');
  sim.refundByHand(session.id, 100);
  await sim.sendDue();
  const back = await c.until(theirs, x => x.refund, 'told by an event');
  assert.deepEqual([back.refunded_minor, back.refund.cause, back.refund.state, back.refund.credits], [100, 'provider', 'done', 20]);
  await server.stop();
  await sound(server);
});

test('Stripe: a payer whom it does not know any more pays as a new one', async t => {
  const { sim, server, pay, buyer } = await stripeWorld(t), c = await buyer(), o = await c.order();
  await c.start(o);
  await pay(o);
  await c.until(o, x => x.state === 'paid', 'paid');
  const again = await c.order();
  for (const id of [...sim.customers.keys()]) sim.customers.delete(id);
  await c.start(again);
  await pay(again);
  await c.until(again, x => x.state === 'paid', 'paid as somebody new');
  await server.stop();
  await sound(server);
});

test('Stripe: begun again after our own address has changed it is the same session', async t => {
  const w = await stripeWorld(t, {}, { dataDir: tempDir('zt-address-') }), c = await w.buyer(), o = await c.order(), first = await c.start(o);
  await w.server.stop();
  const server = await w.again(), later = new Client(server.url, c.token);      // on another port
  assert.notEqual(server.url, w.server.url);
  assert.equal((await later.post(`/v1/orders/${o.id}/start`, { scene: 'page' })).text, first.text);
  assert.equal([...w.sim.sessions.values()].length, 1);
  const other = await later.effect('/v1/orders', { plan: 'p9', currency: 'USD', provider: 'stripe' });
  await later.post(`/v1/orders/${other.id}/start`, { scene: 'page' });
  assert.equal([...w.sim.sessions.values()].at(-1).success_url, `${server.url}/orders/${other.id}`);
});

test('Stripe: what was paid twice goes back by itself, once, and is in no books', async t => {
  const { sim, server, pay, buyer, clock } = await stripeWorld(t), c = await buyer(), op = await operator(server), o = await c.order();
  sim.fault('POST /v1/checkout/sessions', '500_after');      // it is there, and Stripe plays the failure back: the third call makes another one
  for (let i = 0; i < 2; i++) isProblem(await c.send('POST', `/v1/orders/${o.id}/start`, { json: { scene: 'page' } }), 502, 'pay_start');
  await c.start(o);
  const [unseen, shown] = sim.sessions.values();
  assert.deepEqual([unseen.client_reference_id, (await pay(o)).id], [o.id, shown.id]);
  await c.until(o, x => x.state === 'paid', 'paid');
  sim.fault('POST /v1/refunds', 'lost');                     // made, and its answer lost
  sim.pay(unseen.id);
  await sim.sendDue();
  await server.waitLog(l => l.ev === 'shop.trouble' && l.what === 'paid_twice' && l.order === o.id);
  await moved(server, clock, 20_000);
  await c.until(o, x => x.trouble === null, 'given back');
  for (const n of sim.notices) await sim.deliver(n.id, {});
  assert.deepEqual([...sim.refunds.values()].map(r => [r.payment_intent, r.amount]), [[unseen.payment_intent, 199]]);
  const seen = await op.get(`/v1/admin/orders/${o.id}`);
  assert.deepEqual([seen.state, seen.refunded_minor, seen.transaction_ref, seen.troubles.map(x => [x.what, x.about, x.over_ms >= x.since_ms, x.by])],
    ['paid', 0, shown.payment_intent, [['paid_twice', unseen.payment_intent, true, null]]]);
  assert.equal(await c.gained(), 40);
  await server.stop();
  await sound(server);
});

test('Stripe: one that hangs takes a quarter of the workers, and the others go on', async t => {
  const { sim, server, buyer } = await stripeWorld(t, { ZOETROPE_NET_POOL_THREADS: '8' }), buyers = [];
  for (let i = 0; i < 12; i++) buyers.push(await buyer());
  const orders = await Promise.all(buyers.map(c => c.order()));
  sim.fault('POST /v1/checkout/sessions', 'slow', 2);
  let over = 0;
  const refused = [], asked = buyers.map(async (c, i) => {
    const a = await c.send('POST', `/v1/orders/${orders[i].id}/start`, { json: { scene: 'page' } });
    over++;
    if (a.status !== 200) refused.push(Object.assign(a, { i }));
  });
  await within(10_000, (async () => { while (over < 10 || sim.holding < 2) await buyers[0].send('GET', '/v1/pay/test/order_0'); })(), () => `${over} were told, ${sim.holding} wait`);
  isProblem(await buyers[0].send('GET', '/v1/pay/test/order_0'), 404, 'not_found');      // on the pool, too
  assert.deepEqual((await buyers[0].get('/v1/orders')).items.map(o => o.id), [orders[0].id]);
  assert.deepEqual([over, sim.holding, refused.length], [10, 2, 10]);
  for (const a of refused) isProblem(a, 503, 'busy');
  assert.ok(refused.every(a => Number(a.headers.get('retry-after')) > 0));
  const { i: never } = refused.at(-1), calls = sim.calls.length;       // not begun: nothing is asked there
  for (const what of ['check', 'cancel']) assert.equal((await buyers[never].send('POST', `/v1/orders/${orders[never].id}/${what}`, { json: {} })).status, 200, what);
  assert.deepEqual([(await buyers[never].look(orders[never])).state, sim.calls.length], ['closed', calls]);
  sim.release();
  await Promise.all(asked);
  assert.equal(refused.length, 10);
  const [{ i }] = refused;
  for (const f of [1, 2]) assert.equal((await buyers[i].send('POST', `/v1/orders/${orders[i].id}/start`, { json: { scene: 'page' } })).status, 200, `there is room again ${f}`);
});

test('Stripe: one that hangs holds up no refund of money that came another way', async t => {
  const { sim, server, clock, buyer } = await stripeWorld(t, { ZOETROPE_PAY_TEST_MONEY: 'true', ZOETROPE_PAY_TIMEOUT_MS: '120s' });
  const c = await buyer(), d = await Buyer.new(server, 'test', 'CNY'), stuck = await c.order(), o = await d.order();
  await c.start(stuck);
  await d.start(o);
  await d.post(`/v1/pay/test/${o.id}`, { act: 'pay' });
  sim.fault('GET /v1/checkout/sessions/:id', 'slow');
  await moved(server, clock, 20_000);
  await within(PATIENCE_MS, (async () => { while (sim.holding === 0) await c.look(stuck); })(), () => 'the cashier asks about it');
  await d.refund(o);
  await moved(server, clock, MINUTE);
  await within(60_000, d.until(o, x => x.refund.state === 'done', 'given back'), () => 'it waits for Stripe');
  assert.deepEqual([sim.holding, (await c.look(stuck)).state], [1, 'open']);
  sim.release();
  await server.stop();
  await sound(server);
});

// ---- WeChat Pay ----
test('WeChat Pay: a QR code, lost and doubled notices, a refund that its notice ends', async t => {
  const dir = tempDir('zt-wechat-'), keys = wechatKeys(dir), clock = movableClock(t);
  const sim = await startWechat(keys, t), settings = Object.fromEntries(Object.entries(keys.settings).map(([k, v]) => [`ZOETROPE_PAY_${k.toUpperCase()}`, v]));
  const server = await startServer(t, { env: { ...settings, ZOETROPE_PAY_WECHAT_URL: sim.url, ZOETROPE_PUBLIC_URL: 'https://photo.example.com', ZOETROPE_CLIENT_ALLOW: `127.0.0.1:${sim.port}`, ZOETROPE_ENGINE_USE: 'fake', ...clock.env } });
  sim.notifyUrl = `${server.url}/v1/hooks/wechat`;
  const c = await Buyer.new(server, 'wechat', 'CNY'), o = await c.order(), lost = await c.order();
  const s = await c.start(o, 'qr');
  assert.equal(s.show, 'qr');
  assert.match(s.text, /^weixin:\/\//);
  sim.pay(o.id);
  await sim.sendDue();
  assert.equal((await c.until(o, x => x.state === 'paid', 'by its notice')).provider, 'wechat');
  for (const n of sim.notices) await sim.deliver(n.id, {});
  assert.equal(await c.gained(), 40);
  sim.mode = 'hold';
  await c.start(lost, 'qr');
  sim.pay(lost.id);
  clock.set(20_000);
  await c.until(lost, x => x.state === 'paid', 'asked after 15 s');
  assert.equal(await c.gained(), 80);
  const seen = (await (await operator(server)).get(`/v1/admin/orders?account=${c.account}`)).items[0];
  assert.equal(seen.fee_minor, 6);                           // six per mille of 9.90, rounded
  await moved(server, clock, 0);                             // else the refund is due by the clock of before
  sim.mode = 'auto';
  const asked = await c.refund(o);
  const refund = await within(PATIENCE_MS, (async () => { for (;;) { const r = sim.refunds.get(asked.refund.id); if (r) return r; await c.look(o); } })(), () => 'the cashier asks for it');
  assert.ok(refund);
  sim.settle(asked.refund.id, 'SUCCESS');
  await sim.sendDue();
  await c.until(o, x => x.refund.state === 'done', 'by its notice');
  const parts = [300, 200, 490], gone = [];                  // of the other one a person gives back in the console, in parts
  for (const fen of parts) {
    sim.refundByHand(lost.id, fen, sim.notifyUrl);
    await sim.sendDue();
    gone.push((await c.look(lost)).refunded_minor);
  }
  for (const n of sim.notices) await sim.deliver(n.id, {});
  const back = await c.look(lost);
  assert.deepEqual([gone, back.refunded_minor, back.credits_left, back.trouble, back.refund.cause], [[300, 500, 990], 990, 0, null, 'provider']);
  await server.stop();
  await sound(server);
});

async function bought(c, act, plan) {
  const o = await c.order({ plan });
  await c.start(o);
  await act(o, 'pay');
  return o;
}
const four = async (c, photo) => c.quote({ people: [{ asset: photo.id, face: 0 }], template: 'hall', candidates: 4 });

// ---- a person looks ----
test('Stripe: what is wrong stands once, ends by itself or by an operator\'s hand, and stays ended', async t => {
  const { sim, server, pay, buyer } = await stripeWorld(t), c = await buyer(), op = await operator(server), o = await c.order();
  const settle = (json, who = op, key = randomUUID()) => who.send('POST', `/v1/admin/orders/${o.id}/settled`, { json: { seen_ms: Number.MAX_SAFE_INTEGER, ...json }, headers: { 'idempotency-key': key } });
  isProblem(await settle({ note: 'nothing' }), 409, 'wrong_state');
  await c.start(o);
  await pay(o);
  const session = [...sim.sessions.values()].find(s => s.client_reference_id === o.id);
  sim.dispute(session.id);
  await sim.sendDue();
  await c.until(o, x => x.trouble === 'dispute', 'told by an event');
  isProblem(await settle({ note: 'mine' }, c), 403, 'forbidden');
  isProblem(await settle({}), 400, 'bad_input');
  isProblem(await settle({ note: 'seen long ago', seen_ms: 1 }), 409, 'conflict');
  isProblem(await settle({ note: 'too much', money_minor: 200 }), 400, 'bad_input');
  const key = randomUUID(), done = await settle({ note: 'Agreed on half by telephone.', money_minor: 100 }, op, key);
  assert.equal(done.status, 200, done.text);
  assert.deepEqual((await settle({ note: 'Agreed on half by telephone.', money_minor: 100 }, op, key)).json, done.json);
  const [trouble] = done.json.troubles;
  assert.deepEqual([done.json.trouble, done.json.refunded_minor, done.json.credits_left, done.json.refund.cause, trouble.what, trouble.note, /^acct_/.test(trouble.by), trouble.over_ms >= trouble.since_ms],
    [null, 100, 20, 'provider', 'dispute', 'Agreed on half by telephone.', true, true]);
  assert.ok(server.log.some(l => l.ev === 'shop.trouble_settled' && l.order === o.id && l.by === trouble.by));
  for (const n of sim.notices) await sim.deliver(n.id, {});
  assert.equal((await c.look(o)).trouble, null);             // told again, and settled all the same
  assert.deepEqual((await op.get('/v1/admin/orders?trouble=1')).items, []);
  await server.stop();
  await sound(server);
});

test('Stripe: what went back in its dashboard is found though no event came, by a look a day, for half a year', async t => {
  const { sim, server, pay, buyer, clock } = await stripeWorld(t), c = await buyer(), o = await c.order(), kept = await c.order(), op = await operator(server);
  for (const x of [o, kept]) await c.start(x);
  await pay(kept);
  const { id } = await pay(o);
  await c.until(o, x => x.state === 'paid', 'paid');
  sim.mode = 'hold';
  sim.refundByHand(id, 100);
  const asked = async x => (await op.get(`/v1/admin/orders/${x.id}`)).asked_ms, before = await asked(kept);
  clock.set(HOUR);
  await moved(server, clock, HOUR);
  assert.equal((await c.check(o)).refunded_minor, 0);        // nobody's page makes us ask about what is paid
  await moved(server, clock, DAY + MINUTE);
  const back = await c.until(o, x => x.refunded_minor > 0, 'looked at after a day');
  assert.deepEqual([back.refunded_minor, back.refund.cause, back.credits_left], [100, 'provider', 20]);
  await within(20_000, (async () => { while (await asked(kept) === before); })(), () => 'the other one, too');
  assert.equal((await op.get(`/v1/admin/orders/${kept.id}`)).ask_ms > Date.now() + DAY, true);
  let offset = DAY + MINUTE, looks = 0;
  for (let due = (await op.get(`/v1/admin/orders/${kept.id}`)).ask_ms; due && looks < 60; looks++) {
    const seen = await asked(kept);
    offset = due - Date.now() + MINUTE;
    clock.set(offset);
    await within(20_000, (async () => { while (await asked(kept) === seen); })(), () => `look ${looks}`);
    due = (await op.get(`/v1/admin/orders/${kept.id}`)).ask_ms;
  }
  assert.ok(looks > 20 && looks < 50, `${looks} looks`);
  assert.ok(offset > 179 * DAY && offset < 220 * DAY, `the last after ${offset / DAY} days`);
  await server.stop();
  await sound(server);
});

test('a lost dispute is booked with the credits that are left, once; a won one changes nothing', async t => {
  const stripe = await stripeWorld(t), c = await stripe.buyer(), op = await operator(stripe.server), won = await c.order(), gone = await c.order(), free = await c.order();
  const fees = async () => (await op.get('/v1/admin/margin?days=1')).items.find(i => i.product === 'reunion').sold.find(x => x.currency === 'USD').fees;
  for (const [o, ends, fee_back] of [[won, true, false], [gone, false], [free, true, true]]) {
    await c.start(o);
    const { id } = await stripe.pay(o);
    stripe.sim.dispute(id);
    await stripe.sim.sendDue();
    await c.until(o, x => x.trouble === 'dispute', 'told by an event');
    assert.equal((await op.get(`/v1/admin/orders/${o.id}`)).dispute_fee_minor, 1500);
    stripe.sim.endDispute(id, ends, fee_back);
    await stripe.sim.sendDue();
    await c.until(o, x => x.trouble === null, 'the bank has decided');
  }
  for (const n of stripe.sim.notices) await stripe.sim.deliver(n.id, {});
  const [a, b] = [await c.look(won), await c.look(gone)];
  assert.deepEqual([a.refunded_minor, a.credits_left, a.refund, b.refunded_minor, b.credits_left, b.refund.cause, b.refund.state], [0, 40, null, 199, 0, 'provider', 'done']);
  assert.equal(await c.gained(), 80);
  const kept = await Promise.all([won, gone, free].map(async o => (await op.get(`/v1/admin/orders/${o.id}`)).dispute_fee_minor));
  assert.deepEqual([kept, await fees()], [[1500, 1500, 0], 3 * 36 + 2 * 1500]);      // each once, and given back where Stripe says so
  await stripe.server.stop();
  await sound(stripe.server);
  const test = await testWorld(t), d = await test.buyer(), o = await d.order();
  await d.start(o);
  for (const what of ['pay', 'dispute', 'dispute_lost']) await test.act(o, what);
  assert.deepEqual([(await d.look(o)).refunded_minor, (await d.get('/v1/me/may')).plan, await d.gained()], [990, 'free', 0]);
  await test.server.stop();
  await sound(test.server);
});

// ---- not like me ----
test('not like me: other pictures for nothing, then credits and money back, once; a stranger gets neither', async t => {
  const { act, buyer, clock, server } = await testWorld(t), c = await buyer(), stranger = await buyer(), o = await c.order();
  await c.start(o);
  await act(o, 'pay');
  const photo = await c.photo(ONE), had = (await c.wallet()).available;
  const unlike = (task, who = c, key = randomUUID()) => who.send('POST', `/v1/tasks/${task.id}/unlike`, { json: {}, headers: { 'idempotency-key': key } });
  const task = await c.buy(await c.quote({ people: [{ asset: photo.id, face: 0 }], template: 'hall', candidates: 4 }));
  isProblem(await unlike(task), 409, 'wrong_state');         // there is nothing yet
  const first = await c.waitTask(task.id);
  assert.equal((await c.wallet()).available, had - 40);
  isProblem(await unlike(task, stranger), 404, 'not_found');
  const key = randomUUID(), made = await unlike(task, c, key);
  assert.deepEqual([made.status, made.json.again_of, made.json.credits.price], [201, task.id, 0]);
  assert.equal((await unlike(task, c, key)).json.id, made.json.id);
  isProblem(await unlike(task), 409, 'wrong_state');         // once
  const second = await c.waitTask(made.json.id), seeds = x => x.candidates.map(k => k.seed);
  assert.equal(seeds(first).concat(seeds(second)).length, new Set(seeds(first).concat(seeds(second))).size);
  assert.equal((await c.wallet()).available, had - 40);
  assert.equal((await unlike(second)).status, 200);
  isProblem(await unlike(second), 409, 'wrong_state');
  const gone = c.before > 0 ? had - 40 : 0, back = await c.until(o, x => x.refund, 'the money too');
  clock.set(30_000);
  assert.equal((await c.wallet()).available, gone);
  assert.deepEqual([back.refund.cause, back.refunded_minor], ['unlike', 990]);
  await c.until(o, x => x.refund.state === 'done', 'given back');
  await server.stop();
  await sound(server);
});

const unlike = (c, task) => c.send('POST', `/v1/tasks/${task.id}/unlike`, { json: {}, headers: { 'idempotency-key': randomUUID() } });
test('not like me: a re-run that failed ends in the money; later than was told nothing does', async t => {
  const { act, buyer, clock, server } = await testWorld(t, { ZOETROPE_SHOP_UNLIKE_FOR: '2d', ZOETROPE_ENGINE_FAKE_SCRIPT: 'compose.refused@9+' }), c = await buyer();
  const o = await bought(c, act, 'pack100'), photo = await c.photo(ONE), made = async () => c.waitTask((await c.buy(await four(c, photo))).id);
  assert.equal((await c.get('/v1/plans')).unlike_ms, 2 * DAY);
  const first = await made(), second = await made(), failed = await c.waitTask((await unlike(c, first)).json.id);
  assert.deepEqual([first.state, failed.state, await c.gained()], ['choosing', 'failed', 20]);
  const back = await unlike(c, first);
  assert.deepEqual([back.status, back.json.id], [200, first.id]);
  assert.deepEqual([(await c.until(o, x => x.refund, 'the money')).refund.cause, await c.gained()], ['unlike', 20]);
  isProblem(await unlike(c, first), 409, 'wrong_state');     // once
  await moved(server, clock, 2 * DAY + HOUR);
  isProblem(await unlike(c, second), 409, 'unlike_late');
  await server.stop();
  await sound(server);
});

test('not like me: a re-run that was cancelled may be asked for again; what cannot be made again says so', async t => {
  const { act, buyer, server } = await testWorld(t, { ZOETROPE_ENGINE_FAKE_SCRIPT: 'compose.hang@5+' }), c = await buyer();
  await bought(c, act, 'p9');
  const photo = await c.photo(ONE), first = await c.waitTask((await c.buy(await four(c, photo))).id);
  const again = await unlike(c, first);
  isProblem(await unlike(c, first), 409, 'wrong_state');     // it is being made
  await c.effect(`/v1/tasks/${again.json.id}/cancel`, {});
  const anew = await unlike(c, first);
  assert.deepEqual([anew.status, anew.json.again_of, anew.json.id === again.json.id], [201, first.id, false]);
  assert.equal((await c.send('DELETE', `/v1/assets/${photo.id}`)).status, 204);      // ends what is made of it, too
  isProblem(await unlike(c, first), 409, 'unlike_gone');
  await server.stop();
  await sound(server);
});

// ---- invoices ----
test('an invoice is asked for what was paid, and an operator says that it was sent', async t => {
  const { act, buyer, server } = await testWorld(t), c = await buyer(), stranger = await buyer(), op = await operator(server), o = await c.order();
  const ask = (json, who = c) => who.send('POST', `/v1/orders/${o.id}/invoice`, { json, headers: { 'idempotency-key': randomUUID() } });
  const words = { title: '团圆有限公司', tax_no: '91310000MA1', email: 'Bills@Example.com' };
  isProblem(await ask(words), 409, 'wrong_state');           // nothing was paid yet
  await c.start(o);
  await act(o, 'pay');
  isProblem(await ask({ ...words, email: 'nobody' }), 422, 'email_wrong');
  isProblem(await ask(words, stranger), 404, 'not_found');
  assert.equal((await ask({ ...words, title: 'Typo' })).status, 200);
  const asked = await ask(words);
  assert.deepEqual([asked.json.invoice.title, asked.json.invoice.email, asked.json.invoice.state], [words.title, 'bills@example.com', 'asked']);
  assert.deepEqual((await op.get('/v1/admin/invoices')).items.map(i => [i.order, i.tax_no]), [[o.id, words.tax_no]]);
  const sent = await op.effect(`/v1/admin/orders/${o.id}/invoice`, { sent: true, note: 'F-2026-17' });
  assert.deepEqual([sent.invoice.state, sent.invoice.note], ['sent', 'F-2026-17']);
  isProblem(await ask(words), 409, 'wrong_state');
  assert.deepEqual((await op.get('/v1/admin/invoices')).items, []);
});

// ---- nothing for nothing ----
test('not like me gives back what these pictures cost, and no more', async t => {
  const { act, buyer, server } = await testWorld(t), c = await buyer(), o = await bought(c, act, 'pack100'), photo = await c.photo(ONE);
  const unlike = task => c.send('POST', `/v1/tasks/${task.id}/unlike`, { json: {}, headers: { 'idempotency-key': randomUUID() } });
  const first = await c.waitTask((await c.buy(await four(c, photo))).id);
  const again = await c.waitTask((await unlike(first)).json.id);
  assert.equal((await unlike(again)).status, 200);
  const back = await c.until(o, x => x.refund, 'the money');
  assert.deepEqual([back.refund.money_minor, back.refund.credits, await c.gained()], [796, 40, 60]);      // 40 of 100 credits for 19.90
  for (let i = 0; i < 2; i++) {                              // with this one three were made again in a month
    const more = await c.waitTask((await c.buy(await c.quote({ people: [{ asset: photo.id, face: 0 }], template: 'hall', candidates: 1 }))).id);
    await c.waitTask((await unlike(more)).json.id);
  }
  const last = await c.waitTask((await c.buy(await c.quote({ people: [{ asset: photo.id, face: 0 }], template: 'hall', candidates: 1 }))).id);
  isProblem(await unlike(last), 409, 'wrong_state');
  await server.stop();
  await sound(server);
});

test('money goes back without credits that are under way or spent; what was bought with it ends', async t => {
  const { act, buyer, server } = await testWorld(t), c = await buyer(), op = await operator(server), photo = await c.photo(ONE);
  const give = o => op.send('POST', `/v1/admin/orders/${o.id}/refund`, { json: { reason: 'r' }, headers: { 'idempotency-key': randomUUID() } });
  const priced = await bought(c, act, 'p9'), quote = await four(c, photo);
  assert.equal((await c.refund(priced)).refund.state, 'pending');
  isProblem(await c.send('POST', '/v1/tasks', { json: { quote: quote.id }, headers: { 'idempotency-key': randomUUID() } }), 409, 'quote_expired');
  const used = await bought(c, act, 'p9'), task = await c.waitTask((await c.buy(await four(c, photo))).id);
  const other = await bought(c, act, 'p9');
  assert.equal((await give(used)).json.refund.credits, 0);
  const unlike = x => c.send('POST', `/v1/tasks/${x.id}/unlike`, { json: {}, headers: { 'idempotency-key': randomUUID() } });
  const again = await c.waitTask((await unlike(task)).json.id);
  const before = await c.gained();
  assert.equal((await unlike(again)).status, 200);
  assert.equal(await c.gained(), before);                    // their money is back already
  assert.equal((await c.look(other)).refunded_minor, 0);
  await c.waitTask((await c.buy(await four(c, photo))).id);
  const touched = await bought(c, act, 'p9');
  await c.waitTask((await c.buy(await c.quote({ people: [{ asset: photo.id, face: 0 }], template: 'hall', candidates: 1 }))).id);
  assert.equal((await c.refund(touched)).refund.state, 'asked');      // its plan was used, if not its credits
  await server.stop();
  await sound(server);
});
