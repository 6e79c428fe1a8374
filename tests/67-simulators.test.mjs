// 67-simulators.test.mjs - the simulators of Stripe and WeChat Pay, driven by those providers' own clients, unmodified: what a client believes of the
// real thing it must find here, and each fault that can be ordered must be seen by it. Nothing of ours takes part.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import Stripe from 'stripe';
import axiosPlugin from 'wechatpay-axios-plugin';
import nodeV3 from 'wechatpay-node-v3';
import { PATIENCE_MS, root, tempDir, until, within } from './lib/server.mjs';
import { startStripe } from './sim/stripe.mjs';
import { startWechat, wechatKeys } from './sim/wechat.mjs';

const { Aes, Formatter, Rsa, Wechatpay } = axiosPlugin, WxPay = nodeV3.default ?? nodeV3;
const DAY = 86_400_000;

/** Where notices arrive: got = [{headers, body}]; answers with what say() returns, or never when that is 0. */
async function receiver(t, say = () => 200) {
  const got = [];
  const server = createServer(async (req, res) => {
    const chunks = [];
    for await (const c of req) chunks.push(c);
    got.push({ headers: req.headers, body: Buffer.concat(chunks).toString() });
    const status = say(got.length);
    if (status) res.writeHead(status).end();
  });
  await new Promise(done => server.listen(0, '127.0.0.1', done));
  t.after(() => { server.closeAllConnections(); server.close(); });
  return { got, url: `http://127.0.0.1:${server.address().port}/notify` };
}
/** The control API as a script uses it. */
const control = sim => async (what, body) => {
  const r = await fetch(`${sim.url}/_sim/${what}`, body ? { method: 'POST', body: JSON.stringify(body) } : {});
  const said = await r.json();
  assert.equal(r.status, 200, JSON.stringify(said));
  return said;
};

// ---- Stripe ----
const SECRET = 'whsec_simulated';
async function stripeWorld(t, { say, retries = 0, ...options } = {}) {
  const at = await receiver(t, say), sim = await startStripe({ key: 'sk_test_1', secret: SECRET, notify: at.url, ...options }, t);
  const stripe = new Stripe('sk_test_1', { host: '127.0.0.1', port: sim.port, protocol: 'http', maxNetworkRetries: retries, telemetry: false });
  const create = (more = {}, o) => stripe.checkout.sessions.create({ mode: 'payment', client_reference_id: 'order-1', success_url: 'https://x.example/back?s={CHECKOUT_SESSION_ID}',
    cancel_url: 'https://x.example/no', line_items: [{ price_data: { currency: 'usd', unit_amount: 1999, product_data: { name: 'Four <portraits>' } }, quantity: 1 }], ...more }, o);
  const member = () => create({ mode: 'subscription', subscription_data: { metadata: { number: 'member-1' } },
    line_items: [{ price_data: { currency: 'usd', unit_amount: 990, recurring: { interval: 'month' }, product_data: { name: 'Member' } }, quantity: 1 }] });
  const hear = n => stripe.webhooks.constructEvent(n.body, n.headers['stripe-signature'], SECRET);
  const events = () => at.got.map(n => JSON.parse(n.body).type);
  return { at, sim, stripe, create, member, hear, events, ask: control(sim) };
}

test('Stripe simulator: a payment from the session to the last refund', async t => {
  const { at, sim, stripe, create, hear, events } = await stripeWorld(t);
  const s = await create();
  assert.deepEqual([s.status, s.payment_status, s.amount_total, s.currency, s.payment_intent], ['open', 'unpaid', 1999, 'usd', null]);
  sim.pay(s.id, 'declined');
  assert.equal((await stripe.checkout.sessions.retrieve(s.id)).status, 'open');
  sim.pay(s.id);
  const paid = await stripe.checkout.sessions.retrieve(s.id, { expand: ['payment_intent.latest_charge.balance_transaction'] });
  assert.deepEqual([paid.status, paid.payment_status, paid.url, paid.payment_intent.status], ['complete', 'paid', null, 'succeeded']);
  assert.equal(paid.payment_intent.latest_charge.balance_transaction.net, 1999 - paid.payment_intent.latest_charge.balance_transaction.fee);
  const intent = paid.payment_intent.id;
  assert.equal((await stripe.paymentIntents.retrieve(intent)).amount, 1999);
  const first = await stripe.refunds.create({ payment_intent: intent, amount: 500, reason: 'requested_by_customer' });
  await assert.rejects(stripe.refunds.create({ payment_intent: intent, amount: 1500 }), { statusCode: 400, rawType: 'invalid_request_error' });
  sim.refundsBe('pending');
  const second = await stripe.refunds.create({ payment_intent: intent });
  assert.deepEqual([second.amount, second.status], [1499, 'pending']);
  await assert.rejects(stripe.refunds.create({ payment_intent: intent }), { statusCode: 400, code: 'charge_already_refunded' });
  sim.settleRefund(second.id, 'failed');
  assert.equal((await stripe.refunds.retrieve(second.id)).status, 'failed');
  assert.equal((await stripe.charges.retrieve(first.charge)).amount_refunded, 500);
  sim.refundByHand(s.id, 99);                                      // in the dashboard
  assert.equal((await stripe.charges.retrieve(first.charge)).amount_refunded, 599);
  assert.deepEqual((await stripe.refunds.list({ payment_intent: intent })).data.map(r => r.amount), [99, 1499, 500]);
  const page = await stripe.refunds.list({ payment_intent: intent, limit: 2 });
  assert.deepEqual([page.data.length, page.has_more, (await stripe.refunds.list({ payment_intent: intent, starting_after: page.data[1].id })).data.length], [2, true, 1]);
  sim.dispute(s.id);
  sim.endDispute(s.id, true);
  await sim.sendDue();
  assert.deepEqual(events(), ['payment_intent.payment_failed', 'payment_intent.succeeded', 'checkout.session.completed', 'charge.refunded', 'refund.created', 'charge.refunded', 'refund.created',
    'refund.failed', 'charge.refunded', 'refund.created', 'charge.dispute.created', 'charge.dispute.closed']);
  const e = hear(at.got[3]);
  assert.deepEqual([e.object, e.livemode, e.data.object.amount_refunded, e.request.id], ['event', false, 500, first.lastResponse.requestId]);
  assert.match(e.request.idempotency_key, /./);                    // its client makes one for each POST
  assert.equal(hear(at.got[8]).request.id, null);                  // nobody asked for what a person did
  assert.deepEqual((await stripe.events.retrieve(e.id)).data.object, e.data.object);
  assert.equal((await stripe.events.list({ type: 'refund.created', limit: 100 })).data.length, 3);
});

test('Stripe simulator: refuses what Stripe refuses', async t => {
  const { sim, stripe, create } = await stripeWorld(t);
  const raw = (headers, body = 'amount=5&currency=usd', path = '/v1/payment_intents') => fetch(sim.url + path, { method: 'POST', headers, body }).then(async r => [r.status, (await r.json()).error.type]);
  const good = { Authorization: 'Bearer sk_test_1', 'Stripe-Version': '2026-10-28.endive', 'Content-Type': 'application/x-www-form-urlencoded' };
  assert.equal((await fetch(`${sim.url}/v1/payment_intents`, { method: 'POST', headers: good, body: 'amount=5&currency=usd' })).status, 200);
  assert.deepEqual(await raw({ ...good, Authorization: 'Bearer sk_test_2' }), [401, 'invalid_request_error']);
  assert.deepEqual(await raw({ ...good, Authorization: '' }), [401, 'invalid_request_error']);
  assert.deepEqual(await raw({ ...good, 'Stripe-Version': '' }), [400, 'invalid_request_error']);
  assert.deepEqual(await raw({ ...good, 'Content-Type': 'application/json' }, '{"amount":5}'), [400, 'invalid_request_error']);
  assert.deepEqual(await raw(good, 'amount=5&currency=usd&colour=red'), [400, 'invalid_request_error']);
  for (const form of ['amount=5&amount[x]=5&currency=usd', '__proto__[x]=1&amount=5&currency=usd']) assert.deepEqual(await raw(good, form), [400, 'invalid_request_error'], form);
  assert.deepEqual(await raw(good, 'a=1', '/v1/nothing'), [404, 'invalid_request_error']);
  assert.equal((await fetch(sim.url + '/v1/payment_intents', { method: 'POST', headers: good, body: Buffer.alloc(1 << 21, 'a') }).then(r => r.status, () => 413)), 413);
  for (const wrong of [{ mode: 'gift' }, { success_url: 'x' }, { line_items: [] }, { subscription_data: { metadata: { a: 1 } } }, { expires_at: Math.floor(Date.now() / 1000) + 60 },
    { line_items: [{ price_data: { currency: 'usd', unit_amount: 0, product_data: { name: 'x' } }, quantity: 1 }] }, { surprise: 'x' }])
    await assert.rejects(create(wrong), { statusCode: 400, rawType: 'invalid_request_error' }, JSON.stringify(wrong));
  assert.equal(sim.sessions.size, 0);
  await assert.rejects(stripe.checkout.sessions.retrieve('cs_test_none'), { statusCode: 404, code: 'resource_missing' });
  const s = await create();
  assert.equal((await stripe.checkout.sessions.expire(s.id)).status, 'expired');
  await assert.rejects(stripe.checkout.sessions.expire(s.id), { statusCode: 400 });
  assert.throws(() => sim.pay(s.id), /expired/);
  sim.pay(s.id, 'late');
  assert.equal((await stripe.checkout.sessions.retrieve(s.id)).payment_status, 'paid');
  assert.throws(() => sim.pay(s.id, 'late'), /complete/);          // and not twice
  assert.throws(() => sim.fault('', 'explode'), /no such fault/);
});

test('Stripe simulator: payment intents and the cards of tests', async t => {
  const { sim, stripe } = await stripeWorld(t);
  const make = pm => stripe.paymentIntents.create({ amount: 500, currency: 'jpy', confirm: true, payment_method: pm, automatic_payment_methods: { enabled: true } });
  assert.equal((await make('pm_card_visa')).status, 'succeeded');
  await assert.rejects(make('pm_card_chargeDeclined'), e => e instanceof Stripe.errors.StripeCardError && e.statusCode === 402 && e.decline_code === 'generic_decline' &&
    e.payment_intent.status === 'requires_payment_method');
  const slow = await make('pm_card_authenticationRequired');
  assert.equal(slow.status, 'requires_action');
  assert.equal((await stripe.paymentIntents.confirm(slow.id)).status, 'succeeded');
  await assert.rejects(stripe.paymentIntents.confirm(slow.id), { code: 'payment_intent_unexpected_state' });
  const open = await stripe.paymentIntents.create({ amount: 500, currency: 'usd' });
  assert.equal(open.status, 'requires_payment_method');
  assert.equal((await stripe.paymentIntents.cancel(open.id)).status, 'canceled');
  sim.decline();
  await assert.rejects(make('pm_card_visa'), { statusCode: 402 });
  assert.equal((await make('pm_card_visa')).status, 'succeeded');
  await assert.rejects(stripe.refunds.create({ payment_intent: open.id }), { statusCode: 400 });
});

test('Stripe simulator: idempotency keys, also while one is under way', async t => {
  const { sim, create, ask } = await stripeWorld(t);
  const POST = 'POST /v1/checkout/sessions', key = { idempotencyKey: 'one' };
  await ask('faults', { op: POST, kind: 'slow' });
  const first = create({}, key);
  await until(() => sim.holding === 1);
  await assert.rejects(create({}, key), { statusCode: 409, code: 'idempotency_key_in_use' });
  await ask('release', {});
  const s = await first, again = await create({}, key);
  assert.deepEqual([again.id, again.lastResponse.headers['idempotent-replayed'], sim.sessions.size], [s.id, 'true', 1]);
  await assert.rejects(create({ client_reference_id: 'other' }, key), { statusCode: 400, rawType: 'idempotency_error' });
  sim.fault(POST, '500');
  await assert.rejects(create({}, { idempotencyKey: 'two' }), { statusCode: 500 });
  await assert.rejects(create({}, { idempotencyKey: 'two' }), { statusCode: 500 });    // stored
  sim.fault(POST, '502');
  await assert.rejects(create({}, { idempotencyKey: 'three' }));
  assert.ok((await create({}, { idempotencyKey: 'three' })).id);   // what never got to Stripe is not
  await sim.advance(DAY + 1);
  assert.ok((await create({}, { idempotencyKey: 'two' })).id);
});

test('Stripe simulator: each fault is seen by the client, and its retries have one effect', async t => {
  const { sim, create } = await stripeWorld(t), POST = 'POST /v1/checkout/sessions';
  const { StripeRateLimitError, StripeAPIError, StripeConnectionError, StripeInvalidRequestError, StripePermissionError } = Stripe.errors;
  for (const [kind, error, made] of [['500', StripeAPIError, 0], ['500_after', StripeAPIError, 1], ['502', StripeAPIError, 0], ['lost', StripeConnectionError, 1], ['reset', StripeConnectionError, 0],
    ['429', StripeRateLimitError, 0], ['garbled', StripeConnectionError, 1]]) {
    const before = sim.sessions.size;
    // a connection that is cut the client tries once more by itself, with the same key
    sim.fault(POST, kind, ['lost', 'reset'].includes(kind) ? 2 : 1);
    await assert.rejects(create(), e => e instanceof error, kind);
    assert.equal(sim.sessions.size - before, made, kind);
    await create();                                                // once ordered, once seen
  }
  sim.fault(POST, 'refuse', 1, { status: 403, code: 'more_permissions_required' });
  await assert.rejects(create(), e => e instanceof StripePermissionError);
  sim.fault('', 'refuse', 1, { about: 'order-7', status: 400, code: 'x' });
  await create({ client_reference_id: 'order-6' });                // not about this one
  await assert.rejects(create({ client_reference_id: 'order-7' }), e => e instanceof StripeInvalidRequestError && e.code === 'x');
  sim.fault(POST, 'slow_after');                                   // a time-out after the effect
  const before = sim.sessions.size, hurried = create({}, { timeout: 1000, idempotencyKey: 'hurried' });
  await assert.rejects(hurried, e => e instanceof StripeConnectionError);
  assert.equal(sim.sessions.size - before, 1);
  sim.release();
  assert.equal((await create({}, { idempotencyKey: 'hurried' })).lastResponse.headers['idempotent-replayed'], 'true');

  const patient = new Stripe('sk_test_1', { host: '127.0.0.1', port: sim.port, protocol: 'http', maxNetworkRetries: 2, telemetry: false });
  for (const kind of ['lost', 'reset', 'garbled', '429']) {
    const had = sim.refunds.size, s = await create();
    sim.pay(s.id);
    const payment_intent = sim.sessions.get(s.id).payment_intent;
    sim.fault('POST /v1/refunds', kind);
    // it gives up on half an answer and on 429
    if (kind === '429' || kind === 'garbled') await assert.rejects(patient.refunds.create({ payment_intent, amount: 10 }), Stripe.errors.StripeError);
    else await patient.refunds.create({ payment_intent, amount: 10 });
    assert.equal(sim.refunds.size - had, kind === '429' ? 0 : 1, kind);
  }
});

test('Stripe simulator: subscriptions live by the clock', async t => {
  const at = Date.UTC(2026, 0, 31, 12);
  const { sim, stripe, member, events, ask } = await stripeWorld(t, { now: () => at });
  const s = await member();
  sim.pay(s.id);
  const id = (await stripe.checkout.sessions.retrieve(s.id)).subscription, read = () => stripe.subscriptions.retrieve(id, { expand: ['latest_invoice.payments'] });
  const ends = sub => new Date(sub.items.data[0].current_period_end * 1000).toISOString().slice(0, 10);
  assert.equal(ends(await read()), '2026-02-28');
  await ask('clock', { advance_ms: 28 * DAY - 1 });
  assert.equal(ends(await read()), '2026-02-28');
  await ask('clock', { advance_ms: 1 });
  let sub = await read();
  assert.deepEqual([sub.status, ends(sub), sub.latest_invoice.status, sub.latest_invoice.amount_paid], ['active', '2026-03-31', 'paid', 990]);
  assert.match(sub.latest_invoice.payments.data[0].payment.payment_intent, /^pi_/);
  await ask('bank', { subscription: id, ok: false });
  await ask('clock', { advance_ms: 31 * DAY });
  sub = await read();
  assert.deepEqual([sub.status, sub.latest_invoice.status, sub.latest_invoice.attempt_count], ['past_due', 'open', 1]);
  const owed = sub.latest_invoice.id;
  await ask('clock', { advance_ms: 3 * DAY });
  assert.deepEqual([(await read()).latest_invoice.id, (await read()).latest_invoice.attempt_count], [owed, 2]);
  await ask('bank', { subscription: id, ok: true });
  await ask('clock', { advance_ms: 5 * DAY });
  sub = await read();
  assert.deepEqual([sub.status, sub.latest_invoice.id, sub.latest_invoice.status, sub.latest_invoice.attempt_count, ends(sub)], ['active', owed, 'paid', 3, '2026-04-30']);
  await stripe.subscriptions.update(id, { pause_collection: { behavior: 'void' } });
  await ask('clock', { advance_ms: 30 * DAY });
  sub = await read();
  assert.deepEqual([sub.status, sub.latest_invoice.status, sub.pause_collection.behavior], ['active', 'void', 'void']);
  await stripe.subscriptions.update(id, { pause_collection: '' });
  const item = sub.items.data[0], up = (unit_amount, more) => stripe.subscriptions.update(id, { items: [{ id: item.id, price_data: { currency: 'usd', unit_amount, product: item.price.product,
    recurring: { interval: 'month' } } }], proration_behavior: 'always_invoice', payment_behavior: 'error_if_incomplete', ...more });
  await ask('decline', { times: 1 });
  await assert.rejects(up(2990), { statusCode: 402 });
  assert.equal((await read()).items.data[0].price.unit_amount, 990);     // an upgrade that is not paid does not happen
  await up(2990);
  assert.deepEqual([(await read()).items.data[0].price.unit_amount, (await read()).latest_invoice.amount_paid], [2990, 2000]);
  await stripe.subscriptions.update(id, { cancel_at_period_end: true });
  await ask('clock', { advance_ms: 31 * DAY });
  assert.equal((await read()).status, 'canceled');
  await assert.rejects(stripe.subscriptions.cancel(id), { statusCode: 404 });

  const other = await member();
  sim.pay(other.id);
  const second = sim.sessions.get(other.id).subscription;
  await ask('bank', { subscription: second, ok: false });
  await ask('clock', { advance_ms: 60 * DAY });                    // a month, and all tries after it, in one step
  assert.equal((await stripe.subscriptions.retrieve(second)).status, 'canceled');
  assert.equal(sim.invoices.get(sim.subscriptions.get(second).latest_invoice).attempt_count, 4);
  assert.ok(events().includes('customer.subscription.deleted'));
  const old = await member();
  await ask('clock', { advance_ms: DAY });
  assert.equal((await stripe.checkout.sessions.retrieve(old.id)).status, 'expired');
});

test('Stripe simulator: what befalls notices', async t => {
  const answers = [], { at, sim, create, hear, ask } = await stripeWorld(t, { say: n => answers[n - 1] ?? 200, patience_ms: 200 });
  const paid = async (number, kind, type = 'checkout.session.completed') => {
    if (kind) await ask('trouble', { kind, about: number, type });
    at.got.length = 0;
    const s = await create({ client_reference_id: number });
    await ask('pay', { session: s.id });
    return sim.notices.find(n => n.type === type && n.about === s.id);
  };
  const types = () => at.got.map(n => { try { return hear(n).type.split('.').at(-1); } catch (e) { return e instanceof Stripe.errors.StripeSignatureVerificationError ? 'no' : String(e); } });
  await paid('plain');
  assert.deepEqual(types(), ['succeeded', 'completed']);
  assert.equal((await paid('order-lost', 'lost')).due_ms, null);
  assert.deepEqual(types(), ['succeeded']);
  await paid('order-twice', 'duplicate');
  assert.deepEqual(types(), ['succeeded', 'completed', 'completed']);
  assert.equal(hear(at.got[1]).id, hear(at.got[2]).id);
  await ask('trouble', { kind: 'reordered', type: 'payment_intent.succeeded' });
  await paid('order-turned');
  assert.deepEqual(types(), ['completed', 'succeeded']);
  await paid('order-forged', 'forged');
  assert.deepEqual(types(), ['succeeded', 'no', 'completed']);
  await paid('order-stale', 'stale');
  assert.deepEqual(types(), ['succeeded', 'no', 'completed']);
  await paid('order-slow', 'slow');
  assert.deepEqual(types(), ['succeeded']);
  await ask('release', {});
  assert.deepEqual(types(), ['succeeded', 'completed']);
  // not a 2xx, or nothing at all: it comes again, later and later
  answers.push(200, 500, 0, 302);
  const n = await paid('order-retried');
  assert.deepEqual([at.got.length, n.status], [2, 500]);
  await ask('clock', { advance_ms: 60_000 });
  assert.deepEqual([at.got.length, n.status], [3, 0]);
  await ask('clock', { advance_ms: 299_000 });
  assert.equal(at.got.length, 3);
  await ask('clock', { advance_ms: 1000 });
  assert.deepEqual([at.got.length, n.status], [4, 302]);
  await ask('clock', { advance_ms: 1_800_000 });
  assert.deepEqual([at.got.length, n.status, n.due_ms], [5, 200, null]);
  at.got.length = 0;
  await ask('clock', { advance_ms: 7 * DAY });
  assert.deepEqual(types(), []);                                   // what was lost never comes
  // both secrets while one replaces the other
  sim.secret = `whsec_new, ${SECRET}`;
  await paid('order-rolled');
  assert.deepEqual(types(), ['succeeded', 'completed']);
});

// ---- WeChat Pay ----
async function wechatWorld(t, { say, ...options } = {}) {
  const dir = tempDir('zt-wechat-'), { settings, ...keys } = wechatKeys(dir, { twoKeys: true }), at = await receiver(t, say);
  const sim = await startWechat({ ...keys, ...options }, t), mchid = settings.wechat_mchid;
  const certs = { [keys.keys[0].serial]: keys.platformPublic, [keys.keys[1].serial]: keys.certificates[0].pem };
  const axios = new Wechatpay({ mchid, serial: keys.serial, privateKey: keys.merchantPrivate, certs, baseURL: sim.url });
  // the other one knows no host but WeChat's: only the way there is changed
  const node = new WxPay({ appid: settings.wechat_appid, mchid, serial_no: keys.serial, publicKey: Buffer.from(keys.merchantKey), privateKey: Buffer.from(keys.merchantPrivate), key: keys.v3Key });
  const direct = url => url.replace('https://api.mch.weixin.qq.com', sim.url), real = node.httpService;
  node.createHttp({ get: (url, ...more) => real.get(direct(url), ...more), post: (url, ...more) => real.post(direct(url), ...more) });
  const order = (number, more = {}) => ({ appid: settings.wechat_appid, mchid, description: '四张全家福', out_trade_no: number, notify_url: at.url, amount: { total: 1990, currency: 'CNY' }, ...more });
  const native = (number, more) => axios.v3.pay.transactions.native.post(order(number, more)).then(r => r.data);
  const query = number => axios.v3.pay.transactions.outTradeNo._number_.get({ number, params: { mchid } }).then(r => r.data);
  const close = number => axios.v3.pay.transactions.outTradeNo._number_.close.post({ mchid }, { number });
  const refund = (number, out_refund_no, amount, more = {}) => axios.v3.refund.domestic.refunds.post({ out_trade_no: number, out_refund_no, notify_url: at.url,
    amount: { refund: amount, total: 1990, currency: 'CNY' }, ...more }).then(r => r.data);
  /** Verified and opened as a client does it; throws when it is not WeChat's. */
  const hear = ({ headers: h, body }) => {
    const key = certs[h['wechatpay-serial']], at_s = Number(h['wechatpay-timestamp']);
    assert.ok(Math.abs(sim.seconds() - at_s) < 300, 'stale');
    assert.ok(key && Rsa.verify(Formatter.response(h['wechatpay-timestamp'], h['wechatpay-nonce'], body), h['wechatpay-signature'], key), 'forged');
    const { event_type, resource: r } = JSON.parse(body);
    const one = JSON.parse(Aes.AesGcm.decrypt(r.ciphertext, keys.v3Key, r.nonce, r.associated_data));
    assert.deepEqual(node.decipher_gcm(r.ciphertext, r.associated_data, r.nonce, keys.v3Key), one);
    return { event_type, ...one };
  };
  return { at, sim, keys, settings, axios, node, order, native, query, close, refund, hear, ask: control(sim) };
}
const code = (status, name) => e => e.response?.status === status && e.response.data.code === name;

test('WeChat Pay simulator: orders of each kind, closed and paid, by two clients', async t => {
  const { at, sim, axios, node, order, native, query, close, hear, settings } = await wechatWorld(t);
  assert.match((await native('native-1')).code_url, /^weixin:\/\/wxpay\//);
  assert.match((await axios.v3.pay.transactions.jsapi.post(order('jsapi-1', { payer: { openid: 'oMe' } }))).data.prepay_id, /^wx/);
  assert.match((await axios.v3.pay.transactions.h5.post(order('h5-001', { scene_info: { payer_client_ip: '203.0.113.9', h5_info: { type: 'Wap' } } }))).data.h5_url, /^http/);
  const { appid, mchid, ...theirs } = order('node-1');
  const other = await node.transactions_native(theirs);
  assert.match(other.data?.code_url ?? other.code_url, /^weixin:/);
  const asked = await node.query({ out_trade_no: 'node-1' });
  assert.equal((asked.data ?? asked).trade_state, 'NOTPAY');
  assert.equal((await query('node-1')).appid, settings.wechat_appid);
  assert.equal((await close('node-1')).status, 204);               // whose signature, over nothing, this client has verified
  assert.equal((await query('node-1')).trade_state, 'CLOSED');
  await assert.rejects(native('node-1', { description: 'x' }), code(403, 'OUT_TRADE_NO_USED'));
  await assert.rejects(axios.v3.pay.transactions.native.post(theirs).then(r => r.data), code(400, 'PARAM_ERROR'));
  assert.ok(appid && mchid);
  const first = await native('native-1');
  assert.notEqual(first.code_url, (await native('native-1')).code_url);      // the same again is a fresh one of the same order
  await assert.rejects(native('native-1', { attach: 'x' }), code(403, 'OUT_TRADE_NO_USED'));
  for (const wrong of [{ notify_url: 'https://x.example/n?a=1' }, { notify_url: 'http://x.example/n' }, { amount: { total: 0, currency: 'CNY' } }, { amount: { total: 5, currency: 'USD' } }, { amount: { total: 1.5, currency: 'CNY' } },
    { out_trade_no: 'short' }, { out_trade_no: 'x'.repeat(33) }, { description: '' }, { attach: 'x'.repeat(129) }, { appid: 'wxother' }, { time_expire: 'soon' }])
    await assert.rejects(native('wrong-1', wrong), code(400, 'PARAM_ERROR'), JSON.stringify(wrong));
  sim.pay('native-1', { begun: true });
  assert.equal((await query('native-1')).trade_state, 'USERPAYING');
  sim.pay('native-1');
  sim.pay('jsapi-1', { fail: true });
  assert.equal((await query('jsapi-1')).trade_state, 'PAYERROR');
  await assert.rejects(close('native-1'), code(400, 'ORDERPAID'));
  sim.pay('node-1', { late: true });                               // paid after the close
  const truth = await query('node-1');
  assert.deepEqual([truth.trade_state, truth.amount.payer_total, truth.trade_type], ['SUCCESS', 1990, 'NATIVE']);
  assert.deepEqual((await axios.v3.pay.transactions.id._id_.get({ id: truth.transaction_id, params: { mchid: settings.wechat_mchid } })).data, truth);
  await sim.sendDue();
  assert.deepEqual(at.got.map(hear).map(n => [n.event_type, n.out_trade_no, n.trade_state]), [['TRANSACTION.SUCCESS', 'native-1', 'SUCCESS'], ['TRANSACTION.SUCCESS', 'node-1', 'SUCCESS']]);
  await assert.rejects(query('nobody-1'), code(404, 'ORDER_NOT_EXIST'));
  // a limit for paying is no close
  await native('short-1', { time_expire: new Date(sim.now() + 8 * 3_600_000 + 1000).toISOString().replace(/\.\d+Z/, '+08:00') });
  await sim.advance(59_000);
  assert.equal((await query('short-1')).trade_state, 'NOTPAY');
  await sim.advance(1000);
  assert.throws(() => sim.pay('short-1'), /NOTPAY/);
  assert.equal((await query('short-1')).trade_state, 'NOTPAY');
});

test('WeChat Pay simulator: refunds, and their rules', async t => {
  const { at, sim, native, query, refund, hear, axios, node } = await wechatWorld(t);
  await native('order-1');
  await assert.rejects(refund('order-1', 'r1', 5), code(400, 'INVALID_REQUEST'));
  sim.pay('order-1');
  const one = await refund('order-1', 'r1', 990);
  assert.deepEqual([one.status, one.amount.refund], ['PROCESSING', 990]);
  assert.equal((await refund('order-1', 'r1', 990)).refund_id, one.refund_id);        // the same number once
  await assert.rejects(refund('order-1', 'r1', 991), code(400, 'INVALID_REQUEST'));
  await assert.rejects(refund('order-1', 'r2', 1001), code(400, 'INVALID_REQUEST'));
  await assert.rejects(refund('order-1', 'r2', 100), code(429, 'FREQUENCY_LIMITED'));
  sim.settle('r1');
  await sim.advance(60_000);
  await refund('order-1', 'r2', 100);
  sim.settle('r2', 'ABNORMAL');
  const found = await node.find_refunds('r2');
  assert.equal((found.data ?? found).status, 'ABNORMAL');
  assert.equal((await axios.v3.refund.domestic.refunds._no_.get({ no: 'r1' })).data.status, 'SUCCESS');
  sim.refundByHand('order-1', 10);
  assert.throws(() => sim.refundByHand('order-1', 1000), /990 fen/);
  assert.equal((await query('order-1')).trade_state, 'REFUND');
  await assert.rejects(axios.v3.refund.domestic.refunds._no_.get({ no: 'r9' }), code(404, 'RESOURCE_NOT_EXISTS'));
  await sim.sendDue();
  const came = at.got.map(n => JSON.parse(n.body).event_type);
  assert.deepEqual(came, ['TRANSACTION.SUCCESS', 'REFUND.SUCCESS', 'REFUND.ABNORMAL']);        // nobody wanted one of what a person did
  assert.equal(hear(at.got[1]).amount.refund, 990);
  await native('order-2');
  sim.pay('order-2');
  for (let i = 0; i < 50; i++) {
    await refund('order-2', `many-${i}`, 1);
    sim.refunds.get(`many-${i}`).created_ms -= 60_000;             // the clock would leave the client's behind
  }
  await assert.rejects(refund('order-2', 'many-50', 1), code(403, 'RULE_LIMIT'));
  await native('order-3');
  sim.pay('order-3').paid_ms -= 365 * DAY;
  await assert.rejects(refund('order-3', 'r3', 1), code(400, 'INVALID_REQUEST'));
});

test('WeChat Pay simulator: requests are verified, answers can be forged', async t => {
  const { sim, keys, settings, native, query, ask, node } = await wechatWorld(t);
  const signed = ({ at = sim.seconds(), nonce = 'A'.repeat(32), path = '/v3/certificates', send = path, serial = keys.serial, mchid = settings.wechat_mchid, key = keys.merchantPrivate } = {}) =>
    fetch(sim.url + send, { headers: { Accept: 'application/json', 'User-Agent': 'x',
      Authorization: Formatter.authorization(mchid, nonce, Rsa.sign(Formatter.request('GET', path, String(at), nonce, ''), key), String(at), serial) } });
  assert.equal((await signed()).status, 200);
  for (const wrong of [{ at: sim.seconds() - 300 }, { at: sim.seconds() + 301 }, { nonce: 'short' }, { send: '/v3/certificates?x=1' }, { serial: '5'.repeat(40) }, { mchid: '1900000000' },
    { key: keys.keys[0].privateKey }]) assert.equal((await signed(wrong)).status, 401, JSON.stringify(Object.keys(wrong)));
  assert.equal((await fetch(`${sim.url}/v3/certificates`)).headers.get('x-simulator'), 'Wechat');
  const got = await node.get_certificates(keys.v3Key);
  assert.deepEqual(got.map(c => c.serial_no), [keys.keys[1].serial]);
  for (const kind of ['forged', 'unsigned', 'stale', 'probe']) {
    await native('order-1');
    await ask('faults', { kind });
    await assert.rejects(query('order-1'), e => !e.response || e.response.status === 200, kind);      // it came, and is not believed
    assert.equal((await query('order-1')).trade_state, 'NOTPAY');
  }
  for (const [kind, status] of [['500', 500], ['500_after', 500], ['502', 502], ['429', 429]]) {
    await ask('faults', { kind, about: 'order-2' });
    await native('order-3');
    await assert.rejects(native('order-2'), e => e.response.status === status, kind);
    assert.equal(sim.orders.has('order-2'), kind === '500_after' , kind);
    sim.orders.delete('order-2');
  }
  for (const kind of ['lost', 'reset', 'garbled']) {
    await ask('faults', { kind, about: 'order-2' });
    await assert.rejects(native('order-2'), e => !e.response || kind === 'garbled', kind);
    assert.equal(sim.orders.has('order-2'), kind !== 'reset', kind);
    sim.orders.delete('order-2');
  }
  await ask('faults', { kind: 'refuse', status: 403, code: 'NOT_ENOUGH' });
  await assert.rejects(native('order-4'), code(403, 'NOT_ENOUGH'));
});

test('WeChat Pay simulator: what befalls notices, and the whole table of retries', async t => {
  const answers = [], { at, sim, native, hear, ask } = await wechatWorld(t, { say: n => answers[n - 1] ?? 200, patience_ms: 200 });
  const heard = () => at.got.map(n => { try { return hear(n).out_trade_no; } catch (e) { return e.message; } });
  const paid = async (number, kind) => {
    if (kind) await ask('trouble', { kind, about: number });
    await native(number);
    at.got.length = 0;
    await ask('pay', { out_trade_no: number });
    return sim.notices.at(-1);
  };
  for (const [kind, came] of [['', ['n-plain']], ['lost', []], ['duplicate', ['n-duplicate', 'n-duplicate']], ['forged', ['forged', 'n-forged']], ['stale', ['stale', 'n-stale']],
    ['probe', ['forged', 'n-probe']], ['slow', []]]) {
    await paid(`n-${kind || 'plain'}`, kind);
    assert.deepEqual(heard(), came, kind);
  }
  await ask('release', {});
  assert.deepEqual(heard(), ['n-slow']);
  await paid('n-before', 'reordered');
  assert.deepEqual(heard(), []);
  await native('n-behind');
  await ask('pay', { out_trade_no: 'n-behind' });
  assert.deepEqual(heard(), ['n-behind', 'n-before']);
  assert.equal(new Set(sim.notices.flatMap(n => [n.make({}).headers['Wechatpay-Serial'], n.make({}).headers['Wechatpay-Serial']])).size, 2);      // both keys sign
  // never a yes: 16 tries in 24 h 4 m, then nothing
  answers.push(...Array(99).fill(500));
  answers[3] = 0;                                                  // no answer at all is a no
  const n = await paid('n-refused'), begun = sim.now(), times = [];
  for (const s of [15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10_800, 10_800, 10_800, 21_600, 21_600]) {
    const before = at.got.length;
    times.push(Math.round((n.due_ms - sim.now()) / 1000));
    await ask('clock', { advance_ms: n.due_ms - sim.now() });
    assert.equal(at.got.length, before + 1);
    assert.ok(Math.abs(times.at(-1) - s) <= 1, `${times.at(-1)} is not ${s}`);
  }
  assert.deepEqual([n.tries, n.due_ms, Math.round((sim.now() - begun) / 60_000)], [16, null, 1444]);
  await ask('clock', { advance_ms: 7 * DAY });
  assert.equal(at.got.length, 16);
});

test('the simulators are run by hand', async t => {
  const script = (name, ...flags) => spawn(process.execPath, [`${root}/tests/sim/${name}.mjs`, ...flags], { stdio: ['ignore', 'pipe', 'pipe'] });
  for (const name of ['stripe', 'wechat']) {
    const help = script(name, '--help');
    let said = '';
    help.stdout.on('data', d => { said += d; });
    assert.deepEqual((await once(help, 'close'))[0], 0);
    assert.match(said, /a simulator of .* no money is moved/);
    const wrong = script(name, '--colour=red');
    assert.equal((await once(wrong, 'close'))[0], 2);
    const dir = tempDir('zt-sim-'), proc = script(name, ...(name === 'wechat' ? [`--dir=${dir}`] : ['--key=sk_test_2']));
    t.after(() => proc.kill());
    const [line] = await within(PATIENCE_MS, once(createInterface({ input: proc.stdout }), 'line'));
    const { url, port, settings } = JSON.parse(line);
    assert.equal(settings.ZOETROPE_CLIENT_ALLOW, `127.0.0.1:${port}`);
    assert.match(await (await fetch(url)).text(), /Simulator: no money is moved here/);
    assert.deepEqual((await (await fetch(`${url}/_sim/notices`)).json()).notices, []);
    assert.equal((await fetch(`${url}/_sim/nothing`)).status, 404);
    assert.equal((await fetch(`${url}/_sim/clock`, { method: 'POST', body: '{' })).status, 400);
    if (name === 'stripe') assert.equal(settings.ZOETROPE_PAY_STRIPE_KEY, 'sk_test_2');
    else assert.match(settings.ZOETROPE_PAY_WECHAT_VERIFY, /PUB_KEY_ID_.*,5[0-9A-F]{39}=/);
  }
});
