// 66-pay-simulators.test.mjs - our drivers over the real HTTP client against the simulators, with every fault that a provider has: each call ends in
// what is so, or says what to do next, and doing that ends in what is so. Money moves once.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { startPayTool } from './lib/paytool.mjs';
import { movableClock, PATIENCE_MS, startServer, tempDir, within } from './lib/server.mjs';
import { startStripe } from './sim/stripe.mjs';
import { startWechat, wechatKeys } from './sim/wechat.mjs';

const must = r => { assert.equal(r.ok, true, JSON.stringify(r)); return r; };
function not(r, code, next) { assert.deepEqual([r.ok, r.code, r.next], [false, code, next], JSON.stringify(r)); return r; }

/** Where notices arrive: got = [{headers, body}]; answers with what say() returns. */
async function receiver(t, say = () => 200) {
  const got = [];
  const server = createServer(async (req, res) => {
    const chunks = [];
    for await (const c of req) chunks.push(c);
    const n = { headers: req.headers, body: Buffer.concat(chunks).toString() };
    got.push(n);
    res.statusCode = await say(n, got.length);
    res.end();
  });
  await new Promise(done => server.listen(0, '127.0.0.1', done));
  t.after(() => { server.closeAllConnections(); server.close(); });
  return { got, url: `http://127.0.0.1:${server.address().port}/notify` };
}

// ---- Stripe ----
async function stripeWorld(t, { clock, timeout_ms = '20s', say } = {}) {
  const at = await receiver(t, say), sim = await startStripe({ notify: at.url }, t);
  const tool = await startPayTool(t, { stripe_url: sim.url, stripe_key: sim.key, stripe_webhook_secret: sim.secret, timeout_ms },
    { ZOETROPE_CLIENT_ALLOW: `127.0.0.1:${sim.port}`, ...clock?.env });
  const run = work => tool.ask({ do: 'run', provider: 'stripe', work });
  const start = (more = {}) => run({ op: 'start', number: 'order-42', minor: 1999, currency: 'USD', title: 'Four portraits', scene: 'page', return_url: 'https://photo.example.com/o/42', ...more });
  const query = id => run({ op: 'query', number: 'order-42', provider_id: id });
  const hear = n => tool.ask({ do: 'notice', provider: 'stripe', headers: n.headers, body: n.body });
  return { at, sim, tool, run, start, query, hear };
}

test('Stripe: paid, read again, given back in parts and no more', async t => {
  const { at, sim, run, start, query, hear } = await stripeWorld(t);
  const s = must(await start()).start;
  assert.equal(s.show, 'redirect');
  assert.equal(must(await query(s.provider_id)).truth.state, 'open');
  // a person at the page
  assert.match(await (await fetch(s.text)).text(), /Simulator: no money is moved here\..*Four portraits.*19\.99 USD/s);
  const back = await fetch(s.text, { method: 'POST', body: new URLSearchParams({ act: 'cancel' }), redirect: 'manual' });
  assert.deepEqual([back.status, back.headers.get('location')], [303, 'https://photo.example.com/o/42']);
  assert.equal(must(await query(s.provider_id)).truth.state, 'open');
  await fetch(s.text, { method: 'POST', body: new URLSearchParams({ act: 'card' }), redirect: 'manual' });
  const truth = must(await query(s.provider_id)).truth;
  assert.deepEqual([truth.state, truth.minor, truth.currency, truth.fee, truth.refunded, truth.number], ['paid', 1999, 'USD', 88, 0, 'order-42']);
  await sim.sendDue();
  const notices = await Promise.all(at.got.map(hear));
  assert.deepEqual(notices.map(n => [must(n).what, n.about, n.number]).sort(),
    [['checkout.session.completed', 'payment', 'order-42'], ['payment_intent.succeeded', 'payment', 'order-42']]);
  assert.equal(must(await start()).start.provider_id, s.provider_id);      // Stripe plays its first answer back
  assert.equal(sim.sessions.size, 1);
  not(await run({ op: 'close', provider_id: s.provider_id }), 'pay_over', 'never');
  const refund = (number, minor, op = 'refund') => run({ op, refund: number, number: 'order-42', transaction_id: truth.transaction_id, minor, total: 1999, currency: 'USD' });
  assert.equal(must(await refund('refund-1', 1000)).refund.state, 'done');
  assert.equal(must(await refund('refund-1', 1000)).refund.minor, 1000);
  not(await refund('refund-1', 999), 'pay_setup', 'operator');     // the same number, another amount: our own fault
  not(await refund('refund-2', 1000), 'pay_refused', 'never');
  assert.equal(must(await refund('refund-1', 1, 'query_refund')).refund.minor, 1000);
  not(await refund('refund-9', 1, 'query_refund'), 'not_found', 'never');
  assert.equal(must(await query(s.provider_id)).truth.refunded, 1000);
  must(await refund('refund-3', 999));
  not(await refund('refund-4', 1), 'pay_over', 'never');
  sim.dispute(s.provider_id);
  assert.equal(must(await query(s.provider_id)).truth.disputed, true);
});

test('Stripe: after every fault the same call again ends in one session', async t => {
  const { sim, start, query, run } = await stripeWorld(t);
  const POST = 'POST /v1/checkout/sessions';
  for (const [i, [kind, code, next]] of [['429', 'upstream', 'again'], ['lost', 'outcome_unknown', 'ask'], ['reset', 'outcome_unknown', 'ask'], ['garbled', 'outcome_unknown', 'ask']].entries()) {
    const number = `fault-${i}-00`, before = sim.sessions.size;
    sim.fault(POST, kind);
    not(await start({ number }), code, next);
    const s = must(await start({ number })).start;
    assert.equal(sim.sessions.size, before + 1, kind);
    assert.equal(must(await run({ op: 'query', number, provider_id: s.provider_id })).truth.number, number);
  }
  for (const kind of ['500', '500_after']) {
    const number = `stored-${kind}`;
    sim.fault(POST, kind);
    not(await start({ number }), 'outcome_unknown', 'ask');
    not(await start({ number }), 'outcome_unknown', 'ask');        // Stripe plays the 500 back under its key
    must(await start({ number, attempt: 2 }));                     // hence the attempt; nobody ever saw the first one's page
  }
  const s = must(await start()).start;
  for (const kind of ['500', '429', 'garbled']) {                  // (what is lost on a used connection, the client asks again by itself)
    sim.fault('', kind);
    not(await query(s.provider_id), 'upstream', 'again');          // a question changes nothing
    assert.equal(must(await query(s.provider_id)).truth.state, 'open');
  }
});

test('Stripe: a refund gives back once, however late it is asked for again', async t => {
  const { sim, run, start, query } = await stripeWorld(t), POST = 'POST /v1/refunds';
  const s = must(await start()).start.provider_id;
  sim.pay(s);
  const { transaction_id } = must(await query(s)).truth;
  const back = (refund, more = {}) => run({ op: 'refund', refund, transaction_id, minor: 100, total: 1999, currency: 'USD', ...more });
  const given = () => sim.charges.get(sim.intents.get(transaction_id).latest_charge).amount_refunded;
  for (const [i, kind] of ['lost', 'garbled', '500_after'].entries()) {
    const number = `late-${kind}`;
    sim.fault(POST, kind);
    not(await back(number), 'outcome_unknown', 'ask');
    assert.equal(given(), (i + 1) * 100, kind);
    await sim.advance(2 * 86_400_000);                             // Stripe has forgotten the key
    assert.equal(must(await back(number)).refund.state, 'done');
    assert.equal(must(await back(number, { attempt: 2 })).refund.number, number);
    not(await back(number, { minor: 101 }), 'pay_setup', 'operator');      // the same number, another amount: our own fault
    assert.equal(given(), (i + 1) * 100, kind);
  }
  sim.fault(POST, '500');                                          // nothing happened, and Stripe plays that back under its key
  not(await back('stored-1'), 'outcome_unknown', 'ask');
  not(await back('stored-1'), 'outcome_unknown', 'ask');
  assert.equal(must(await back('stored-1', { attempt: 2 })).refund.state, 'done');
  assert.deepEqual([given(), sim.refunds.size], [400, 4]);
  sim.refundsBe('pending');
  assert.equal(must(await back('as-it-is')).refund.state, 'pending');
  sim.settleRefund([...sim.refunds.keys()].at(-1), 'failed');
  assert.equal(must(await back('as-it-is')).refund.state, 'failed');      // as it is now, and not as it was
  sim.fault('GET /v1/refunds', '500');
  not(await back('not-yet'), 'upstream', 'again');                 // who cannot look does not give
  sim.fault('GET /v1/refunds', 'refuse', 1, { status: 400, code: 'x' });
  not(await back('not-yet'), 'pay_setup', 'operator');             // who is not let look was not refused a refund: it may have been made
  assert.equal(sim.refunds.size, 5);
});

test('Stripe: a change whose 500 is played back is made by its next attempt; a customer of elsewhere is said to be one', async t => {
  const { sim, run, start } = await stripeWorld(t);
  const s = must(await start({ months: 1 })).start.provider_id;
  sim.pay(s);
  const member = sim.sessions.get(s).subscription, change = (more = {}) => run({ op: 'change', what: 'end', number: 'change-1', member, ...more });
  sim.fault('POST /v1/subscriptions/:id', '500');
  not(await change(), 'outcome_unknown', 'ask');
  not(await change(), 'outcome_unknown', 'ask');
  assert.equal(must(await change({ attempt: 2 })).truth.member.ends, true);
  must(await change({ what: 'end_now', number: 'change-2' }));
  not(await change({ what: 'end_now', number: 'change-2' }), 'pay_over', 'never');      // it says so; a question says the rest
  assert.equal(must(await run({ op: 'query_member', provider_id: member })).truth.member.state, 'ended');
  not(await start({ number: 'order-43', customer: 'cus_of_test_mode' }), 'not_found', 'never');
  must(await start({ number: 'order-43' }));                       // what was refused so is not kept under its key
});

test('Stripe: an answer that does not come in time is an unknown outcome', async t => {
  const { sim, start } = await stripeWorld(t, { timeout_ms: '300ms' });
  sim.fault('POST /v1/checkout/sessions', 'slow');
  not(await start(), 'outcome_unknown', 'ask');
  sim.release();
});

test('Stripe: closing, paying days later, paying after the close', async t => {
  const { sim, run, start, query } = await stripeWorld(t);
  const a = must(await start({ number: 'order-a' })).start.provider_id, b = must(await start({ number: 'order-b' })).start.provider_id;
  const of = (number, provider_id) => run({ op: 'query', number, provider_id });
  must(await run({ op: 'close', provider_id: a }));
  not(await run({ op: 'close', provider_id: a }), 'pay_over', 'never');
  assert.equal(must(await of('order-a', a)).truth.state, 'closed');
  sim.pay(a, 'late');
  assert.equal(must(await of('order-a', a)).truth.state, 'paid');
  sim.pay(b, 'delayed');
  assert.equal(must(await of('order-b', b)).truth.state, 'processing');
  sim.settle(b, false);
  assert.equal(must(await of('order-b', b)).truth.state, 'failed');
  const c = must(await start({ number: 'order-c' })).start.provider_id;
  sim.pay(c, 'delayed');
  sim.settle(c, true);
  assert.equal(must(await of('order-c', c)).truth.state, 'paid');
  const d = must(await start()).start.provider_id;
  await sim.advance(86_400_001);
  sim.pay(must(await start({ number: 'order-e' })).start.provider_id);
  assert.throws(() => sim.pay(d), /expired/);
  assert.equal(must(await query(d)).truth.state, 'closed');
});

test('Stripe: a membership is renewed, fails, is paused, changed and ended', async t => {
  const { at, sim, run, start, hear } = await stripeWorld(t);
  const s = must(await start({ months: 1 })).start.provider_id;
  sim.pay(s);
  const first = must(await run({ op: 'query', provider_id: s })).truth, sub = first.member.id;
  assert.deepEqual([first.state, first.minor, first.member.state], ['paid', 1999, 'active']);
  assert.match(first.transaction_id, /^pi_/);
  const read = async () => must(await run({ op: 'query_member', provider_id: sub })).truth;
  const one = await read();
  sim.renew(sub);
  const two = await read();
  assert.equal(two.member.period_start_ms, one.member.period_end_ms);
  assert.notEqual(two.provider_id, one.provider_id);
  assert.deepEqual([two.state, two.minor, two.number], ['paid', 1999, 'order-42']);
  await sim.sendDue();
  const paid = (await Promise.all(at.got.map(hear))).filter(n => n.what === 'invoice.paid');
  assert.deepEqual(paid.map(n => [n.about, n.member, n.number]), [['member', sub, 'order-42'], ['member', sub, 'order-42']]);
  assert.equal(must(await run({ op: 'query', provider_id: paid[1].provider_id })).truth.member.id, sub);
  must(await run({ op: 'refund', refund: 'refund-m', transaction_id: two.transaction_id, minor: 500, total: 1999, currency: 'USD' }));
  sim.renew(sub, false);
  assert.deepEqual([(await read()).member.state, (await read()).state], ['past_due', 'open']);
  sim.renew(sub);
  let n = 0;
  const change = (what, more = {}) => run({ op: 'change', what, number: `change-${++n}`, member: sub, ...more });
  assert.equal(must(await change('pause')).truth.member.state, 'paused');
  assert.equal(must(await change('resume')).truth.member.state, 'active');
  assert.equal(must(await change('end')).truth.member.ends, true);
  assert.equal(must(await change('keep')).truth.member.ends, false);
  const { item, product } = two.member;
  const up = must(await change('price', { minor: 2999, currency: 'USD', months: 1, item, product, charge_now: true })).truth;
  assert.deepEqual([up.state, up.minor], ['paid', 1000]);
  assert.equal(must(await change('end_now')).truth.member.state, 'ended');
  not(await change('end'), 'pay_refused', 'never');
});

test('Stripe: notices lost, doubled, reordered, forged, stale and refused', async t => {
  let status = 500;
  const { at, sim, start, hear, query } = await stripeWorld(t, { say: () => status });
  sim.mode = 'hold';
  const s = must(await start()).start.provider_id;
  sim.pay(s);
  const [first, second] = sim.notices;
  await sim.deliver(second.id);
  await sim.deliver(first.id);
  await sim.deliver(first.id);
  await sim.deliver(first.id, { forge: true });
  await sim.deliver(first.id, { stale_s: 301 });
  await sim.deliver(first.id, { lose: true });
  const said = await Promise.all(at.got.map(hear));
  assert.deepEqual(said.map(n => n.ok), [true, true, true, false, false]);
  assert.deepEqual([said[0].event_id, said[1].event_id, said[2].event_id], [second.id, first.id, first.id]);
  assert.deepEqual(said.slice(3).map(n => n.reply_status), [400, 400]);
  assert.equal(must(await query(s)).truth.state, 'paid');          // whatever came or did not
  sim.mode = 'auto';
  assert.ok(second.due_ms > sim.now());                            // it was answered 500, so it comes again
  status = 200;
  await sim.advance(60_001);
  assert.equal(second.status, 200);
  assert.equal(second.due_ms, null);
});

// ---- WeChat Pay ----
async function wechatWorld(t, { clock, say, twoKeys = false } = {}) {
  const dir = tempDir('zt-wechat-'), { settings, ...keys } = wechatKeys(dir, { twoKeys }), at = await receiver(t, say);
  const sim = await startWechat(keys, t);
  const tool = await startPayTool(t, { ...settings, wechat_url: sim.url }, { ZOETROPE_CLIENT_ALLOW: `127.0.0.1:${sim.port}`, ...clock?.env });
  const run = work => tool.ask({ do: 'run', provider: 'wechat', work });
  const order = { op: 'start', number: 'T20260101-0001', minor: 1990, currency: 'CNY', title: '四张全家福', scene: 'qr', notify_url: at.url };
  const start = (more = {}) => run({ ...order, ...more });
  const query = (number = order.number) => run({ op: 'query', number });
  const hear = n => tool.ask({ do: 'notice', provider: 'wechat', headers: n.headers, body: n.body });
  return { at, sim, tool, run, start, query, hear, order, keys };
}

test('WeChat Pay: all kinds of orders, paid, noticed, given back', async t => {
  const { at, sim, run, start, query, hear } = await wechatWorld(t);
  not(await query(), 'not_found', 'never');
  assert.match(must(await start()).start.text, /^weixin:\/\/wxpay\//);
  must(await start());                                             // the same again gives a fresh one of the same order
  not(await start({ minor: 1 }), 'pay_over', 'never');
  assert.equal(sim.orders.size, 1);
  const jsapi = must(await start({ number: 'jsapi-1', scene: 'jsapi', openid: 'oMe' })).start;
  assert.deepEqual([jsapi.show, Object.keys(JSON.parse(jsapi.text)).length], ['call', 6]);
  must(await start({ number: 'mini-1', scene: 'mini', openid: 'oMe' }));
  const h5 = must(await start({ number: 'h5-001', scene: 'h5', client_ip: '203.0.113.9', return_url: 'https://photo.example.com/back?a=1' })).start;
  const back = await fetch(h5.text, { method: 'POST', body: new URLSearchParams({ act: 'pay' }), redirect: 'manual' });
  assert.deepEqual([back.status, back.headers.get('location')], [303, 'https://photo.example.com/back?a=1']);
  assert.equal(must(await query('h5-001')).truth.state, 'paid');
  assert.match(await (await fetch(`${sim.url}/pay/T20260101-0001`)).text(), /Simulator.*四张全家福.*19\.90 CNY.*QR text/s);
  sim.pay('T20260101-0001');
  await sim.sendDue();
  const n = (await Promise.all(at.got.map(hear))).find(x => x.number === 'T20260101-0001'), truth = must(await query()).truth;
  assert.deepEqual(must(n).truth, truth);
  assert.deepEqual([truth.state, truth.minor, truth.currency, truth.customer], ['paid', 1990, 'CNY', 'oSimulatedPayer']);
  not(await run({ op: 'close', number: 'T20260101-0001' }), 'pay_over', 'never');
  const refund = (number, minor, op = 'refund') => run({ op, refund: number, number: 'T20260101-0001', minor, total: 1990, currency: 'CNY', reason: '不像我', notify_url: at.url });
  assert.equal(must(await refund('refund-1', 990)).refund.state, 'pending');
  assert.equal(must(await refund('refund-1', 990)).refund.state, 'pending');
  not(await refund('refund-1', 991), 'pay_refused', 'never');
  not(await refund('refund-2', 1001), 'pay_refused', 'never');
  not(await refund('refund-9', 1, 'query_refund'), 'not_found', 'never');
  sim.settle('refund-1');
  not(await refund('refund-3', 500), 'upstream', 'again');         // two of one order are a minute apart
  await sim.advance(60_000);
  must(await refund('refund-3', 500));
  sim.settle('refund-3', 'ABNORMAL');
  await sim.sendDue();
  const refunds = (await Promise.all(at.got.map(hear))).filter(x => x.about === 'refund').map(x => [must(x).refund_number, x.refund.state, x.refund.minor, x.refund.currency]);
  assert.deepEqual(refunds, [['refund-1', 'done', 990, 'CNY'], ['refund-3', 'abnormal', 500, 'CNY']]);
  assert.equal(must(await refund('refund-1', 990, 'query_refund')).refund.state, 'done');
  assert.deepEqual([must(await query()).truth.state, must(await query()).truth.refunded], ['paid', -1]);
});

test('WeChat Pay: after every fault the same call again, or a question, ends in what is so', async t => {
  const { sim, run, start, query } = await wechatWorld(t);
  for (const [i, [kind, code, next]] of [['429', 'upstream', 'again'], ['500', 'outcome_unknown', 'ask'], ['500_after', 'outcome_unknown', 'ask'], ['lost', 'outcome_unknown', 'ask'],
    ['reset', 'outcome_unknown', 'ask'], ['garbled', 'outcome_unknown', 'ask'], ['forged', 'outcome_unknown', 'ask'], ['unsigned', 'outcome_unknown', 'ask'],
    ['stale', 'outcome_unknown', 'ask'], ['probe', 'outcome_unknown', 'ask']].entries()) {
    const number = `fault-${i}-00`;
    sim.fault('POST /v3/pay/transactions/native', kind);
    not(await start({ number }), code, next);
    must(await start({ number }));
    assert.equal(must(await query(number)).truth.state, 'open');
    sim.pay(number);
    const back = { op: 'refund', refund: `back-${i}-00`, number, minor: 1990, total: 1990, currency: 'CNY' };
    sim.fault('POST /v3/refund/domestic/refunds', kind);
    not(await run(back), code, next);
    must(await run(back));
    assert.equal(sim.orders.get(number).refunded, 1990, kind);
    if (kind !== 'lost' && kind !== 'reset') {                     // on a used connection the client asks again by itself
      sim.fault('', kind);
      not(await query(number), 'upstream', 'again');
    }
    must(await query(number));
  }
  must(await start());
  sim.fault('', 'unsigned');                                       // 204 and an empty body are signed, too
  not(await run({ op: 'close', number: 'T20260101-0001' }), 'outcome_unknown', 'ask');
  must(await run({ op: 'close', number: 'T20260101-0001' }));
  assert.equal(must(await query()).truth.state, 'closed');
  not(await start(), 'pay_over', 'never');
  sim.pay('T20260101-0001', { late: true });
  assert.equal(must(await query()).truth.state, 'paid');
});

test('WeChat Pay: a notice comes again on its schedule, by a clock that both share', async t => {
  const clock = movableClock(t);
  let status = 500;
  const { at, sim, start, hear, order } = await wechatWorld(t, { clock, say: () => status });
  must(await start());
  sim.pay(order.number);
  await sim.sendDue();
  assert.equal(at.got.length, 1);
  for (const wait of [15, 15, 30, 180]) {
    const before = at.got.length;
    await sim.advance(wait * 1000 - 100);
    assert.equal(at.got.length, before);
    await sim.advance(100);
    assert.equal(at.got.length, before + 1);
  }
  status = 200;
  await sim.advance(600_000);
  await sim.advance(86_400_000);
  assert.equal(at.got.length, 6);
  // our clock is that of the first notice: the last one is from the future for us, until we get there
  assert.equal((await hear(at.got[5])).code, 'pay_notice_forged');
  must(await hear(at.got[0]));
  clock.set(840_000);
  const deadline = Date.now() + PATIENCE_MS;
  let r;
  do r = await hear(at.got[5]); while (!r.ok && Date.now() < deadline);      // the clock's file is read ten times a second
  must(r);
  assert.equal((await hear(at.got[0])).code, 'pay_notice_forged');
});

test('WeChat Pay: while keys change, notices of either are opened as soon as both are known', async t => {
  const { at, sim, tool, start, hear, order } = await wechatWorld(t, { twoKeys: true });
  must(await start());
  sim.mode = 'hold';
  sim.pay(order.number);
  for (let i = 0; i < 2; i++) await sim.deliver(sim.notices[0].id);
  must(await hear(at.got[0]));
  not(await hear(at.got[1]), 'pay_setup', 'operator');             // the certificate is not known yet: answered 500, so it comes again
  must(await tool.ask({ do: 'renew_keys' }));
  must(await hear(at.got[1]));
  must(await tool.ask({ do: 'renew_keys' }));
  sim.fault('GET /v3/certificates', 'forged');
  assert.equal((await tool.ask({ do: 'renew_keys' })).ok, false);
  sim.certificates = [];
  must(await tool.ask({ do: 'renew_keys' }));                      // new merchants have none: 404, and that is fine
});

test('no provider in a private network is reached unless the settings allow it, and no secret is in the log', async t => {
  const sim = await startStripe({ key: 'sk_test_very_secret', secret: 'whsec_very_secret' }, t), settings = { stripe_url: sim.url, stripe_key: sim.key, stripe_webhook_secret: sim.secret };
  const work = { op: 'start', number: 'order-42', minor: 5, currency: 'USD', title: 'x', scene: 'page', return_url: 'https://x.example' };
  const closed = await startPayTool(t, settings), open = await startPayTool(t, settings, { ZOETROPE_CLIENT_ALLOW: `127.0.0.1:${sim.port}` });
  not(await closed.ask({ do: 'run', provider: 'stripe', work }), 'pay_setup', 'operator');
  assert.equal(sim.calls.length, 0);
  must(await open.ask({ do: 'run', provider: 'stripe', work }));
  await within(PATIENCE_MS, (async () => { while (!/pay\.call/.test(open.log())) await open.ask({ do: 'providers' }); })());
  assert.doesNotMatch(open.log() + closed.log(), /very_secret|Bearer/);
});

test('test money: everything goes, over a restart, and nothing is set up by itself', async t => {
  const dir = tempDir('zt-test-money-');
  const nothing = await startPayTool(t);
  assert.deepEqual((await nothing.ask({ do: 'providers' })).providers, []);
  const work = { op: 'start', number: 'order-42', minor: 990, currency: 'CNY', title: 'x', scene: 'page', return_url: 'https://x.example' };
  await t.test('before', async t2 => {
    const tool = await startPayTool(t2, { test_money: true }, { PAY_TOOL_DATA: dir });
    assert.equal(must(await tool.ask({ do: 'run', provider: 'test', work })).start.text, '/pay/test/order-42');
    must(await tool.ask({ do: 'act', number: 'order-42', act: 'pay' }));       // its notice is lost
  });
  const tool = await startPayTool(t, { test_money: true }, { PAY_TOOL_DATA: dir });
  assert.equal(must(await tool.ask({ do: 'run', provider: 'test', work: { op: 'query', number: 'order-42' } })).truth.state, 'paid');
  not(await tool.ask({ do: 'run', provider: 'test', work }), 'pay_over', 'never');
  await assert.rejects(startPayTool({ after() {} }, { test_money: true, stripe_key: 'sk_live_1', stripe_webhook_secret: 'x' }), /beside real money/);
});

test('test money: the server forgets what is long over', async t => {
  const dir = tempDir('zt-test-money-'), clock = movableClock(t);
  await t.test('before', async t2 => {
    const tool = await startPayTool(t2, { test_money: true }, { PAY_TOOL_DATA: dir });
    for (const number of ['never-paid', 'was-paid'])
      must(await tool.ask({ do: 'run', provider: 'test', work: { op: 'start', number, minor: 990, currency: 'CNY', title: 'x', scene: 'page', return_url: 'https://x.example' } }));
    must(await tool.ask({ do: 'act', number: 'was-paid', act: 'pay' }));
  });
  clock.set(31 * 86_400_000);
  const server = await startServer(t, { dataDir: dir, env: { ZOETROPE_PAY_TEST_MONEY: 'true', ...clock.env } });
  const db = new DatabaseSync(join(dir, 'zoetrope.db'), { timeout: 5000, readOnly: true });
  t.after(() => db.close());
  const left = () => db.prepare('SELECT number FROM pay_test').all().map(r => r.number);
  const look = async () => { while (left().length > 1) await (await fetch(`${server.url}/healthz`)).arrayBuffer(); };
  await within(PATIENCE_MS, look(), () => `still there: ${left()}`);
  assert.deepEqual(left(), ['was-paid']);
});
