// 72-members.test.mjs - memberships over the whole server, with test money and the simulator of Stripe: each month that is paid is one order with its
// credits, whatever becomes of the notices; what one may do goes on until its end, and for the grace while a renewal is tried.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { moved, operator, sound, stripeWorld, testWorld, twoMemberships as products } from './lib/buyer.mjs';
import { Client } from './lib/client.mjs';
import { isProblem } from './lib/expect.mjs';
import { linkOf } from './lib/people.mjs';
import { PATIENCE_MS, tempDir, until, within } from './lib/server.mjs';

const MINUTE = 60_000, HOUR = 60 * MINUTE, DAY = 24 * HOUR;

/** What a member sees. */
function member(c) {
  const wish = (m, what, json = {}, key = randomUUID()) => c.send('POST', `/v1/memberships/${m.id}/${what}`, { json, headers: { 'idempotency-key': key } });
  const all = async () => (await c.get('/v1/memberships')).items;
  const until = async (good, what) => {
    let seen;
    const look = async () => {
      do [seen] = await all(); while (!good(seen ?? {}));
      return seen;
    };
    return within(PATIENCE_MS, look(), () => `${what}: ${JSON.stringify(seen)}`);
  };
  return {
    wish, all, until,
    orders: async () => (await c.get('/v1/orders')).items.filter(o => o.state === 'paid'),
    /** Asked for, and over. */
    change: async (m, what, json) => {
      const said = await wish(m, what, json);
      assert.equal(said.status, 200, said.text);
      assert.equal(said.json.change.what, what);
      return until(x => x.change?.state !== 'pending' && x.change.created_ms === said.json.change.created_ms, `${what} is over`);
    },
    may: () => c.get('/v1/me/may'),
    /** All that was ever given. */
    given: async () => (await c.get('/v1/wallet/entries?limit=100')).items.filter(x => x.kind === 'grant').reduce((n, x) => n + x.credits, 0),
  };
}

/** Clocks are moved in steps, for a session that is not used for long ends. */
const STEP = 20 * DAY;

// ---- test money ----
async function begun(t) {
  const world = await testWorld(t, products()), c = await world.buyer('ann@example.com'), order = await c.order({ plan: 'month' }), m = member(c);
  await c.start(order);
  await world.act(order, 'pay', 'twice');
  const [it] = await m.all();
  let at = 0;
  return { ...world, c, order, m, it, act: (what, notice) => world.act(order, what, notice),
    /** The server's clock says that time. */
    async until(ms) {
      const end = ms - Date.now();
      while (at < end) {
        await moved(world.server, world.clock, at = Math.min(end, at + STEP));
        await c.wallet();
      }
    } };
}

test('test money: bought, and renewed once a period however often it is told', async t => {
  const { server, c, order, m, it, act } = await begun(t);
  const paid = await c.look(order);
  assert.deepEqual([paid.state, paid.kind, paid.ends_ms], ['paid', 'member', it.period_end_ms]);
  assert.deepEqual([it.order, it.plan, it.state, it.ends, it.price_minor, it.credits, it.grace_until_ms, it.change], [order.id, 'month', 'active', false, 2990, 160, null, null]);
  assert.deepEqual(it.next, { plan: 'month', price_minor: 2990, credits: 160, at_ms: it.period_end_ms });
  assert.equal(await c.gained(), 160);
  assert.deepEqual([(await m.may()).plan, (await m.may()).until_ms], ['month', it.period_end_ms]);
  isProblem(await c.send('POST', '/v1/orders', { json: { plan: 'month_plus', currency: 'CNY', provider: 'test' }, headers: { 'idempotency-key': randomUUID() } }), 409, 'member_already');
  await c.order({ plan: 'p9' });                                   // something else may be bought
  for (const notice of ['twice', 'send', 'twice', 'send']) await act('renew', notice);
  const now = await m.until(x => x.period_end_ms === it.period_end_ms + 4 * 30 * DAY, 'the newest period is known');
  assert.equal(now.state, 'active');
  const orders = await m.orders();
  assert.deepEqual(orders.map(o => [o.plan, o.price_minor, o.credits]), Array(5).fill(['month', 2990, 160]));
  assert.equal(new Set(orders.map(o => o.ends_ms)).size, 5);
  assert.equal(orders.every(o => o.title === order.title), true);
  assert.equal(await m.given(), 5 * 160);
  await server.stop();
  await sound(server);
});

test('a membership is for people: a guest signs up first, and comes back to it', async t => {
  const { server, buyer, act } = await testWorld(t, products()), c = await buyer(), op = await operator(server), wish = { plan: 'month', currency: 'CNY', provider: 'test' };
  const refused = await c.send('POST', '/v1/orders', { json: wish, headers: { 'idempotency-key': randomUUID() } });
  isProblem(refused, 403, 'sign_in_first');
  assert.match(refused.json.next, /Sign up or sign in/);
  const pack = await c.order({ plan: 'pack100' }), guest = c.account;
  await c.start(pack);
  await act(pack, 'pay');
  await c.post('/v1/accounts', { email: 'eve@example.com', password: 'a long sentence of mine' });
  c.take(await c.post('/v1/tokens', { token: (await linkOf(op, 'eve@example.com', 'confirm')).split('=')[1] }));
  const order = await c.order({ plan: 'month' });
  await c.start(order);
  await act(order, 'pay');
  assert.equal(guest, c.account);
  assert.equal((await member(c).all())[0].state, 'active');
  await c.until(pack, o => o.state === 'paid', 'what the guest bought came along');
  await server.stop();
  await sound(server);
});

test('test money: a renewal that nobody told of is found when its time comes', async t => {
  const { server, until, m, it, act } = await begun(t);
  await act('renew', 'lose');
  assert.equal((await m.orders()).length, 1);
  await until(it.period_end_ms + MINUTE);
  await m.until(x => x.period_end_ms > it.period_end_ms, 'the cashier asks when the period ends');
  assert.equal((await m.orders()).length, 2);
  await server.stop();
  await sound(server);
});

test('test money: a renewal fails: three days of grace, then nothing; paid after all, a month', async t => {
  const { server, until, c, order, m, it, act } = await begun(t), end = it.period_end_ms;
  await act('renew_fail', 'lose');
  await until(end + MINUTE);
  const late = await m.until(x => x.state === 'past_due', 'the cashier asks');
  assert.deepEqual([late.grace_until_ms, late.period_end_ms, (await c.look(order)).ends_ms], [end + 3 * DAY, end, end + 3 * DAY]);
  assert.deepEqual([(await m.may()).plan, (await m.may()).until_ms], ['month', end + 3 * DAY]);
  await until(end + 3 * DAY + MINUTE);
  assert.equal((await m.may()).plan, 'free');
  assert.equal((await m.orders()).length, 1);
  await act('renew');
  const [good] = await m.all();
  assert.deepEqual([good.state, good.grace_until_ms, good.period_end_ms], ['active', null, end + 30 * DAY]);
  assert.equal((await m.may()).plan, 'month');
  assert.equal((await m.orders()).length, 2);
  await server.stop();
  await sound(server);
});

test('test money: ended, kept, paused, resumed; another plan; each wish once, and only where it makes sense', async t => {
  const { server, buyer, c, m, it, act } = await begun(t), stranger = await buyer();
  for (const what of ['end', 'keep', 'pause', 'resume'])
    isProblem(await stranger.send('POST', `/v1/memberships/${it.id}/${what}`, { json: {}, headers: { 'idempotency-key': randomUUID() } }), 404, 'not_found');
  assert.deepEqual((await stranger.get('/v1/memberships')).items, []);
  isProblem(await stranger.send('GET', `/v1/memberships/${it.id}`), 404, 'not_found');
  isProblem(await m.wish(it, 'keep'), 409, 'wrong_state');
  isProblem(await m.wish(it, 'resume'), 409, 'wrong_state');
  isProblem(await m.wish(it, 'plan', { plan: 'month' }), 409, 'wrong_state');
  for (const plan of ['p9', 'free', 'nothing']) isProblem(await m.wish(it, 'plan', { plan }), 400, 'bad_input');
  isProblem(await c.send('POST', `/v1/memberships/${it.id}/end`, { json: {} }), 400, 'idempotency_key_missing');

  const ended = await m.change(it, 'end');
  assert.deepEqual([ended.change.state, ended.ends, ended.state, ended.next], ['done', true, 'active', null]);
  isProblem(await m.wish(it, 'end'), 409, 'wrong_state');
  isProblem(await m.wish(it, 'pause'), 409, 'wrong_state');
  assert.equal((await m.change(it, 'keep')).ends, false);
  assert.equal((await m.change(it, 'pause')).state, 'paused');
  assert.equal((await m.may()).plan, 'month');
  isProblem(await m.wish(it, 'plan', { plan: 'month_plus' }), 409, 'wrong_state');
  assert.equal((await m.change(it, 'resume')).state, 'active');

  const key = randomUUID(), both = await Promise.all([1, 2, 3].map(() => m.wish(it, 'plan', { plan: 'month_plus' }, key)));
  assert.deepEqual(both.map(x => x.status), [200, 200, 200]);
  const next = await m.until(x => x.change.what === 'plan' && x.change.state === 'done', 'done');
  assert.deepEqual([next.plan, next.price_minor, next.next.plan, next.next.price_minor, (await m.may()).plan], ['month_plus', 4990, 'month_plus', 4990, 'month_plus']);
  const [difference] = await m.orders();                           // charged at once, for what is left of the month: all of it
  assert.deepEqual([difference.price_minor, difference.credits, difference.plan, difference.ends_ms], [2000, 160, 'month_plus', it.period_end_ms]);
  await act('renew', 'twice');
  const [plus] = await m.all();
  assert.deepEqual([plus.plan, plus.price_minor, plus.credits], ['month_plus', 4990, 320]);
  assert.equal((await m.may()).plan, 'month_plus');
  const [newest] = await m.orders();
  assert.deepEqual([newest.plan, newest.price_minor, newest.credits, newest.title], ['month_plus', 4990, 320, 'Reunion Photo Studio · Monthly plus']);
  assert.equal(await m.given(), 160 + 160 + 320);

  await m.change(it, 'end');
  await act('renew');                                              // its time is over
  const [over] = await m.all();
  assert.deepEqual([over.state, over.next], ['ended', null]);
  for (const what of ['end', 'keep', 'pause', 'resume']) isProblem(await m.wish(it, what), 409, 'wrong_state');
  assert.equal((await m.orders()).length, 3);
  await c.order({ plan: 'month' });                                // and a new one may begin
  await server.stop();
  await sound(server);
});

test('test money: refunds are by order; the operator ends a membership at once; two pages paid at once are told to a person', async t => {
  const { server, clock, c, order, m, it, act, buyer } = await begun(t), op = await operator(server);
  await act('renew');
  const [second] = await m.orders();
  assert.notEqual(second.id, order.id);
  const back = await c.refund(second);
  assert.deepEqual([back.refund.state, back.refund.money_minor, back.refund.credits], ['pending', 2990, 160]);
  await moved(server, clock, MINUTE);
  await c.until(second, x => x.refund.state === 'done', 'given back');
  assert.deepEqual([(await c.look(order)).refunded_minor, await c.gained()], [0, 160]);
  isProblem(await c.send('POST', `/v1/admin/memberships/${it.id}/end_now`, { json: {}, headers: { 'idempotency-key': randomUUID() } }), 403, 'forbidden');
  await op.effect(`/v1/admin/memberships/${it.id}/end_now`, {});
  const over = await m.until(x => x.state === 'ended', 'at once');
  assert.deepEqual([over.change.what, over.change.state], ['end_now', 'done']);
  assert.deepEqual((await op.get(`/v1/admin/memberships?account=${c.account}`)).items.map(x => [x.id, x.account, x.provider_ref]), [[it.id, c.account, order.id]]);

  const d = await buyer('dan@example.com'), one = await d.order({ plan: 'month' }), two = await d.order({ plan: 'month' });
  const test = new Client(server.url);
  for (const o of [one, two]) await d.start(o);
  for (const o of [one, two]) await test.post(`/v1/pay/test/${o.id}`, { act: 'pay' });
  assert.deepEqual([(await d.look(one)).trouble, (await d.look(two)).trouble], [null, 'two_members']);
  const only = member(d), late = await only.until(x => x.order === two.id && x.ends, 'the later one ends by itself');
  assert.deepEqual([late.state, late.change.what, late.next], ['active', 'end', null]);
  const [, first] = await only.all();
  assert.deepEqual([first.order, first.ends, first.change], [one.id, false, null]);
  await server.stop();
  await sound(server);
});

test('what was paid for a membership is listed for its owner and the operator, each with its invoice', async t => {
  const { server, buyer, c, m, it, act } = await begun(t), op = await operator(server), stranger = await buyer();
  for (let n = 0; n < 4; n++) await act('renew');
  await c.start(await c.order({ plan: 'p9' }));
  const all = async (who, base, limit) => {
    const items = [];
    for (let next = ''; next !== null;) {
      const page = await who.get(`${base}/${it.id}/orders?limit=${limit}${next && `&cursor=${next}`}`);
      assert.ok(page.items.length <= limit);
      items.push(...page.items);
      next = page.next;
    }
    return items;
  };
  const mine = await all(c, '/v1/memberships', 2), paid = await m.orders();
  assert.deepEqual([mine.length, mine.map(o => o.id)], [5, paid.map(o => o.id)]);
  assert.equal(mine[0].account, undefined);
  assert.deepEqual((await all(op, '/v1/admin/memberships', 100)).map(o => [o.id, o.account]), mine.map(o => [o.id, c.account]));
  isProblem(await stranger.send('GET', `/v1/memberships/${it.id}/orders`), 404, 'not_found');
  isProblem(await c.send('GET', `/v1/admin/memberships/${it.id}/orders`), 403, 'forbidden');
  isProblem(await op.send('GET', `/v1/admin/memberships/${it.id.replace(/.$/, x => (x === '0' ? '1' : '0'))}/orders`), 404, 'not_found');

  const [, second] = mine, wish = { title: 'Ann & Sons', tax_no: '91-1', email: 'ann@example.com' };
  await c.effect(`/v1/orders/${second.id}/invoice`, wish);
  const waiting = (await op.get('/v1/admin/invoices')).items;
  assert.deepEqual(waiting.map(({ created_ms, paid_ms, ...i }) => i), [{ id: second.id, order: second.id, account: c.account, what: second.title, currency: 'CNY', price_minor: 2990, refunded_minor: 0,
    ...wish, state: 'asked', note: '', done_ms: null }]);
  assert.equal(waiting[0].paid_ms, second.paid_ms);
  await op.effect(`/v1/admin/orders/${second.id}/invoice`, { sent: true, note: 'No. 7' });
  assert.deepEqual((await all(c, '/v1/memberships', 5)).map(o => o.invoice && [o.invoice.state, o.invoice.note]), [null, ['sent', 'No. 7'], null, null, null]);
  assert.deepEqual([(await op.get('/v1/admin/invoices')).items.length, (await op.get('/v1/admin/invoices?state=sent')).items.length], [0, 1]);

  const ids = async query => (await op.get(`/v1/admin/memberships?${query}`)).items.map(x => x.id);
  assert.deepEqual([await ids('state=active'), await ids('state=ended'), await ids(`state=active&account=${c.account}`), await ids(`account=${stranger.account}`)], [[it.id], [], [it.id], []]);
  assert.equal((await op.get(`/v1/admin/memberships/${it.id}`)).account, c.account);
  await server.stop();
  await sound(server);
});

// ---- Stripe ----
async function subscribed(t, env = {}, options = {}) {
  const world = await stripeWorld(t, { ...products(), ...env }, options), { sim, clock } = world, c = await world.buyer('ann@example.com'), order = await c.order({ plan: 'month' }), m = member(c);
  let passed = 0;
  await c.start(order);
  await world.pay(order);
  const it = await m.until(x => x.state === 'active', 'begun');
  const sub = [...sim.subscriptions.values()][0];
  const due = () => sim.notices.filter(n => n.due_ms !== null);
  return { ...world, c, order, m, it, sub, due,
    /** Both clocks. Whatever happens at Stripe meanwhile is held back unless it is to be told. */
    async pass(server, ms, { told = true } = {}) {
      for (let left = ms; left > 0; left -= STEP) {
        sim.mode = 'hold';
        await sim.advance(Math.min(left, STEP));
        await moved(server, clock, passed += Math.min(left, STEP));
        await c.wallet();
        if (!told) continue;
        sim.mode = 'auto';
        await sim.sendDue();
      }
    },
    paid: () => [...sim.invoices.values()].filter(i => i.status === 'paid').reduce((n, i) => n + i.amount_paid, 0) };
}

test('Stripe: renewed by the clock, told in time; booked with its fee and named by its invoice', async t => {
  const { server, c, order, m, it, pass, paid } = await subscribed(t);
  assert.equal((await c.look(order)).ends_ms, it.period_end_ms);
  for (let month = 1; month <= 3; month++) {
    await pass(server, 31 * DAY);
    await m.until(x => x.period_end_ms > Date.now() + (31 * month + 20) * DAY, `month ${month + 1}`);
  }
  const orders = await m.orders(), seen = (await (await operator(server)).get(`/v1/admin/orders?account=${c.account}`)).items;
  assert.deepEqual([orders.length, orders.reduce((n, o) => n + o.price_minor, 0), await m.given()], [4, paid(), 4 * 160]);
  assert.deepEqual(seen.slice(0, 3).map(o => [/^in_/.test(o.provider_ref), /^pi_/.test(o.transaction_ref), o.fee_minor]), Array(3).fill([true, true, 44]));
  await server.stop();
  await sound(server);
});

test('Stripe: events are lost, doubled and turned around, for months', async t => {
  const { sim, server, m, it, due, pass, paid } = await subscribed(t);
  await pass(server, 31 * DAY, { told: false });                   // nobody tells: the cashier asks
  const second = await m.until(x => x.period_end_ms > it.period_end_ms, 'found');
  assert.equal((await m.orders()).length, 2);
  await pass(server, 31 * DAY, { told: false });
  await m.until(x => x.period_end_ms > second.period_end_ms, 'found again');
  for (const n of due().reverse()) { await sim.deliver(n.id, {}); await sim.deliver(n.id, {}); }
  const orders = await m.orders();
  assert.deepEqual([orders.length, orders.reduce((n, o) => n + o.price_minor, 0), await m.given()], [3, paid(), 3 * 160]);
  await server.stop();
  await sound(server);
});

test('Stripe: the server stood still for two renewals: each is booked, for each is told of by its invoice', async t => {
  const dataDir = tempDir('zt-data-'), w = await subscribed(t, {}, { dataDir }), { sim, c, clock } = w;
  await w.server.stop();
  sim.mode = 'hold';
  await sim.advance(62 * DAY);
  clock.set(62 * DAY);
  const server = await w.again(products()), op = await operator(server), orders = async () => (await op.get(`/v1/admin/orders?account=${c.account}`)).items;
  for (const n of w.due().reverse()) await sim.deliver(n.id, {});
  const [it] = (await op.get(`/v1/admin/memberships?account=${c.account}`)).items;
  assert.ok(it.period_end_ms > Date.now() + 62 * DAY);
  assert.deepEqual((await orders()).map(o => [o.state, o.price_minor, o.credits]), Array(3).fill(['paid', 499, 160]));
  assert.equal(w.paid(), 3 * 499);
  await server.stop();
  await sound(server);
});

test('Stripe: two renewals of which nobody tells while the server stands still: the cashier books each', async t => {
  const dataDir = tempDir('zt-data-'), w = await subscribed(t, {}, { dataDir }), { sim, c, clock } = w;
  await w.server.stop();
  sim.mode = 'hold';
  await sim.advance(62 * DAY);
  clock.set(62 * DAY);
  for (const n of w.due()) n.due_ms = null;                        // for good: Stripe tries for three days only
  const server = await w.again(products()), op = await operator(server), orders = async () => (await op.get(`/v1/admin/orders?account=${c.account}`)).items;
  await within(PATIENCE_MS, (async () => { while ((await orders()).length < 3); })(), () => 'the one in between is not booked');
  assert.deepEqual((await orders()).map(o => [o.state, o.price_minor, o.credits]), Array(3).fill(['paid', 499, 160]));
  assert.equal(w.paid(), 3 * 499);
  await server.stop();
  await sound(server);
});

test('Stripe: the bank refuses: grace, the end of it, a payment after all; and at last the end', async t => {
  const { server, c, order, m, it, sub, pass } = await subscribed(t), end = it.period_end_ms;
  sub._bank = false;
  await pass(server, end - Date.now() + HOUR);
  const late = await m.until(x => x.state === 'past_due', 'refused');
  assert.deepEqual([late.grace_until_ms, (await c.look(order)).ends_ms, (await m.may()).plan], [end + 3 * DAY, end + 3 * DAY, 'month']);
  await pass(server, 4 * DAY);
  assert.equal((await m.may()).plan, 'free');
  sub._bank = true;
  await pass(server, 5 * DAY);
  const good = await m.until(x => x.state === 'active', 'paid after all');
  assert.deepEqual([good.grace_until_ms, (await m.may()).plan, (await m.orders()).length], [null, 'month', 2]);
  sub._bank = false;
  await pass(server, 31 * DAY);
  await m.until(x => x.state === 'past_due', 'refused again');
  await pass(server, 20 * DAY, { told: false });
  const over = await m.until(x => x.state === 'ended', 'given up; the cashier finds it');
  assert.deepEqual([over.next, (await m.may()).plan, (await m.orders()).length], [null, 'free', 2]);
  await server.stop();
  await sound(server);
});

test('Stripe: an upgrade is charged at once and begins with the money, a downgrade with the next period', async t => {
  const { sim, server, m, it, pass, paid } = await subscribed(t);
  sim.decline(1);
  const refused = await m.change(it, 'plan', { plan: 'month_plus' });
  assert.deepEqual([refused.change.state, refused.plan, refused.next.plan], ['failed', 'month', 'month']);
  assert.match(refused.change.detail, /declined/);
  const plus = await m.change(it, 'plan', { plan: 'month_plus' });
  assert.deepEqual([plus.change.state, plus.plan, plus.price_minor, plus.next.plan], ['done', 'month_plus', 999, 'month_plus']);
  assert.equal((await m.may()).plan, 'month_plus');
  const [difference] = await m.orders();
  assert.deepEqual([difference.price_minor, difference.credits, difference.plan, difference.ends_ms, difference.trouble], [500, 160, 'month_plus', it.period_end_ms, null]);
  await sim.sendDue();
  for (const n of sim.notices) await sim.deliver(n.id, {});
  assert.equal((await m.orders()).length, 2);
  await pass(server, 31 * DAY);
  const second = await m.until(x => x.period_end_ms > it.period_end_ms, 'renewed');
  assert.equal((await m.orders())[0].price_minor, 999);
  const less = await m.change(second, 'plan', { plan: 'month' });
  assert.deepEqual([less.change.state, less.plan, less.next.plan], ['done', 'month_plus', 'month']);
  await pass(server, 31 * DAY, { told: false });
  const third = await m.until(x => x.period_end_ms > second.period_end_ms, 'renewed');
  assert.deepEqual([third.plan, (await m.orders())[0].price_minor, (await m.may()).plan], ['month', 499, 'month']);
  const orders = await m.orders();
  assert.deepEqual([orders.reduce((n, o) => n + o.price_minor, 0), await m.given()], [paid(), 160 + 160 + 320 + 160]);
  await server.stop();
  await sound(server);
});

test('Stripe: the answer to the start was lost, and all that is told is the invoice: begun, once', async t => {
  const { sim, server, buyer } = await stripeWorld(t, products()), c = await buyer('ann@example.com'), order = await c.order({ plan: 'month' }), m = member(c);
  sim.fault('POST /v1/checkout/sessions', 'lost', 1);
  await c.send('POST', `/v1/orders/${order.id}/start`, { json: { scene: 'page' } });
  const [session] = sim.sessions.values();
  assert.equal(session.client_reference_id, order.id);
  sim.mode = 'hold';
  sim.pay(session.id);
  const paid = sim.notices.find(n => n.type === 'invoice.paid');
  for (let i = 0; i < 2; i++) assert.equal(await sim.deliver(paid.id), 200);
  const [it, ...more] = await m.all();
  assert.deepEqual([it.order, it.state, more], [order.id, 'active', []]);
  await sim.sendDue();
  for (const n of sim.notices) await sim.deliver(n.id, {});
  assert.deepEqual([(await m.all()).length, (await m.orders()).length, await m.given()], [1, 1, 160]);
  assert.deepEqual((await m.orders()).map(o => o.trouble), [null]);
  await server.stop();
  await sound(server);
});

test('Stripe: an end does not wait for another plan, and what ends is not charged more', async t => {
  const { sim, server, sub, m, it, clock } = await subscribed(t), op = 'POST /v1/subscriptions/:id';
  // ended in Stripe's own pages, while the call of the upgrade does not come through
  sim.fault(op, '502', 1);
  await m.wish(it, 'plan', { plan: 'month_plus' });
  await server.waitLog(l => l.ev === 'shop.later' && l.what.startsWith('change'));
  sub.cancel_at_period_end = true;
  await moved(server, clock, MINUTE);
  const dropped = await m.until(x => x.change.state !== 'pending', 'nobody waits for it');
  assert.deepEqual([dropped.change.what, dropped.change.state, dropped.ends, dropped.plan, (await m.orders()).length], ['plan', 'dropped', true, 'month', 1]);
  assert.equal((await m.change(it, 'keep')).ends, false);
  // made, its answer lost, and ended by its owner meanwhile
  server.log.length = 0;
  sim.fault(op, 'lost', 1);
  await m.wish(it, 'plan', { plan: 'month_plus' });
  await server.waitLog(l => l.ev === 'shop.later' && l.what.startsWith('change'));
  const ended = await m.change(it, 'end');
  assert.deepEqual([ended.change.state, ended.ends, ended.state], ['done', true, 'active']);
  const had = await m.until(x => x.plan === 'month_plus', 'what was charged is there');
  assert.deepEqual([had.ends, (await m.orders()).map(o => [o.price_minor, o.credits, o.trouble])], [true, [[500, 160, null], [499, 160, null]]]);
  for (const n of sim.notices) await sim.deliver(n.id, {});
  assert.equal((await m.orders()).length, 2);
  await server.stop();
  await sound(server);
});

test('Stripe: paused over a period, resumed; ended, kept, ended', async t => {
  const { server, sub, m, it, pass } = await subscribed(t);
  assert.equal((await m.change(it, 'pause')).state, 'paused');
  await pass(server, 31 * DAY);
  assert.equal((await m.may()).plan, 'free');
  assert.deepEqual([(await m.all())[0].state, (await m.orders()).length], ['paused', 1]);
  assert.equal((await m.change(it, 'resume')).state, 'active');
  assert.equal((await m.may()).plan, 'free');                      // nothing is paid yet
  await pass(server, 31 * DAY);
  const again = await m.until(x => x.period_end_ms > it.period_end_ms, 'paid again');
  assert.deepEqual([(await m.orders()).length, (await m.may()).plan], [2, 'month']);
  assert.equal((await m.change(it, 'end')).ends, true);
  assert.equal(sub.cancel_at_period_end, true);
  assert.equal((await m.change(it, 'keep')).ends, false);
  assert.equal((await m.change(it, 'end')).ends, true);
  await pass(server, 31 * DAY, { told: false });
  assert.equal((await m.until(x => x.state === 'ended', 'its time is over')).period_end_ms, again.period_end_ms);
  assert.equal((await m.orders()).length, 2);
  await server.stop();
  await sound(server);
});

test('Stripe: what was asked before a change and heard after it does not undo it', async t => {
  const { sim, server, m, it } = await subscribed(t), notice = sim.notices.find(n => n.type === 'customer.subscription.created') ?? sim.notices.at(-1);
  sim.mode = 'hold';
  const before = sim.calls.length;
  sim.fault('GET /v1/subscriptions/:id', 'slow_after');
  const heard = sim.deliver(notice.id, {});
  await until(() => sim.calls.length > before);
  assert.equal((await m.change(it, 'end')).ends, true);
  sim.release();
  await heard;
  assert.equal((await m.all())[0].ends, true);
  await server.stop();
  await sound(server);
});

test('Stripe: whatever becomes of the call, a wish is granted once', async t => {
  const { sim, server, m, it, clock } = await subscribed(t), op = 'POST /v1/subscriptions/:id';
  let at = 0;
  for (const kind of ['502', 'lost', 'reset', '429', '500_after', '500', 'garbled']) {
    const what = kind === 'garbled' ? 'plan' : (await m.all())[0].ends ? 'keep' : 'end';
    if (what === 'plan' && (await m.all())[0].ends) await m.change(it, 'keep');
    sim.fault(op, kind);
    const said = await m.wish(it, what, what === 'plan' ? { plan: 'month_plus' } : {});
    assert.equal(said.status, 200, said.text);
    await server.waitLog(l => l.ev === 'shop.later' && l.what.startsWith('change'));
    let done;
    for (let i = 0; i < 30 && (done?.change.state ?? 'pending') === 'pending'; i++) {      // an old failure may be played back for a while
      await moved(server, clock, at += MINUTE);
      [done] = await m.all();
    }
    assert.equal(done.change.state, 'done', `${kind}: ${JSON.stringify(done.change)}`);
    server.log.length = 0;
  }
  assert.deepEqual((await m.orders()).map(o => o.price_minor), [500, 499]);
  await server.stop();
  await sound(server);
});

test('Stripe: the server dies between the wish and its answer: the upgrade is charged once', async t => {
  for (const point of ['shop.before_change', 'shop.after_change', 'shop.in_renewal']) {
    const dataDir = tempDir('zt-data-');
    const w = await subscribed(t, { ZOETROPE_FAILPOINT: `${point}=kill` }, { dataDir }), { sim, c, m, it } = w;
    sim.mode = 'hold';
    await m.wish(it, 'plan', { plan: 'month_plus' }).catch(() => {});
    await within(PATIENCE_MS, w.server.exited, () => `${point}: it lives`);
    const server = await w.again(products());
    c.url = server.url;
    w.clock.set(MINUTE);
    const done = await m.until(x => x.change?.state === 'done', `${point}: over`);
    assert.equal(done.plan, 'month_plus', point);
    for (const n of w.due()) await sim.deliver(n.id, {});
    assert.deepEqual((await m.orders()).map(o => [o.price_minor, o.credits]), [[500, 160], [499, 160]], point);
    assert.equal(w.paid(), 999, point);
    await server.stop();
    await sound(server);
  }
});
