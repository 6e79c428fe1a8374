// 68-pay-outcomes.test.mjs - what our drivers make of everything that can go wrong on the other side: each refusal of a provider has its one outcome,
// and each message from outside that was altered has its refusal. Beside 65 (clients) and 66 (whole payments).
import assert from 'node:assert/strict';
import { createPrivateKey, createSign, generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { AlipaySdk } from 'alipay-sdk';
import Stripe from 'stripe';
import axiosPlugin from 'wechatpay-axios-plugin';
import { startPayTool } from './lib/paytool.mjs';
import { tempDir } from './lib/server.mjs';
import { startStripe } from './sim/stripe.mjs';
import { startWechat, wechatKeys } from './sim/wechat.mjs';

const { Aes, Formatter, Rsa } = axiosPlugin, AT = 1767323045, NONCE = '593BEC0C930BF1AFEB40B4A08C8FB242', DAY = 86_400_000;
const must = r => { assert.equal(r.ok, true, JSON.stringify(r)); return r; };
const no = (r, code, next, what) => assert.deepEqual([r.ok, r.code, r.next], [false, code, next], `${what}: ${JSON.stringify(r)}`);
function folder(t) {
  const dir = tempDir('zt-pay-');
  return dir;
}
const LATER = ['upstream', 'again'], UNKNOWN = ['outcome_unknown', 'ask'], OPERATOR = ['pay_setup', 'operator'], REFUSED = ['pay_refused', 'never'], OVER = ['pay_over', 'never'],
  ABSENT = ['not_found', 'never'];

test('Stripe: each refusal has its outcome', async t => {
  const sim = await startStripe({}, t);
  const tool = await startPayTool(t, { stripe_url: sim.url, stripe_key: sim.key, stripe_webhook_secret: sim.secret }, { ZOETROPE_CLIENT_ALLOW: `127.0.0.1:${sim.port}` });
  const run = work => tool.ask({ do: 'run', provider: 'stripe', work });
  let n = 0;
  const GIVE = 'POST /v1/refunds';
  const begin = (more = {}) => run({ op: 'start', number: `order-${++n}`, minor: 1999, currency: 'USD', title: 'x', scene: 'page', return_url: 'https://x.example/o', ...more });
  const s = must(await begin()).start.provider_id;
  sim.pay(s);
  const { transaction_id } = must(await run({ op: 'query', provider_id: s })).truth;
  const back = () => run({ op: 'refund', refund: `refund-${++n}`, transaction_id, minor: 1, total: 1999, currency: 'USD' });
  const ask = () => run({ op: 'query', provider_id: s });
  const other = must(await begin()).start.provider_id, close = () => run({ op: 'close', provider_id: other });
  //      status                   start     refund    close     query
  const table = [[400, 'x',        OPERATOR, REFUSED,  OVER,     REFUSED], [401, '',         OPERATOR, OPERATOR, OPERATOR, OPERATOR], [402, 'card_declined', REFUSED, REFUSED, REFUSED, REFUSED],
    [403, '',                      OPERATOR, OPERATOR, OPERATOR, OPERATOR], [404, 'resource_missing', ABSENT, ABSENT, ABSENT, ABSENT], [409, 'idempotency_key_in_use', UNKNOWN, UNKNOWN, UNKNOWN, LATER], [409, 'lock_timeout', UNKNOWN, UNKNOWN, UNKNOWN, LATER],
    [424, '',                      UNKNOWN,  UNKNOWN,  UNKNOWN,  LATER],
    [429, 'rate_limit',            LATER,    LATER,    LATER,    LATER], [500, '',           UNKNOWN,  UNKNOWN,  UNKNOWN,  LATER], [503, '',       UNKNOWN,  UNKNOWN,  UNKNOWN,  LATER],
    [301, '',                      UNKNOWN,  UNKNOWN,  UNKNOWN,  LATER]];
  for (const [status, code, ...outcomes] of table)
    for (const [i, call] of [begin, back, close, ask].entries()) {
      sim.fault(call === back ? GIVE : '', 'refuse', 1, { status, code });       // (each refund is looked for before)
      no(await call(), ...outcomes[i], `${status} ${call.name}`);
    }
  for (const [i, call] of [begin, back, close, ask].entries()) {
    sim.fault(call === back ? GIVE : '', '502');                   // whatever stands in front of Stripe, and no JSON at all
    no(await call(), ...(i === 3 ? LATER : UNKNOWN), `502 ${call.name}`);
  }
  assert.equal(sim.charges.get(sim.intents.get(transaction_id).latest_charge).amount_refunded, 0);     // none of those had an effect
  assert.equal(sim.sessions.size, 2);
  sim.fault(GIVE, 'refuse', 1, { status: 400, code: 'charge_already_refunded' });
  no(await back(), ...OVER, 'refunded already');
  must(await close());
});

test('Stripe: a key under way elsewhere, and a time-out after the effect', async t => {
  const sim = await startStripe({}, t), settings = { stripe_url: sim.url, stripe_key: sim.key, stripe_webhook_secret: sim.secret }, env = { ZOETROPE_CLIENT_ALLOW: `127.0.0.1:${sim.port}` };
  const tool = await startPayTool(t, settings, env), hasty = await startPayTool(t, { ...settings, timeout_ms: '1s' }, env);
  const work = { op: 'start', number: 'order-1', minor: 1999, currency: 'USD', title: 'x', scene: 'page', return_url: 'https://x.example/o' };
  sim.fault('', 'slow');
  no(await hasty.ask({ do: 'run', provider: 'stripe', work }), ...UNKNOWN, 'slow');
  no(await tool.ask({ do: 'run', provider: 'stripe', work }), ...UNKNOWN, 'the same key, while the first call is under way');
  sim.release();
  must(await tool.ask({ do: 'run', provider: 'stripe', work }));
  assert.equal(sim.sessions.size, 1);
  sim.fault('', 'slow_after');
  no(await hasty.ask({ do: 'run', provider: 'stripe', work: { ...work, number: 'order-2' } }), ...UNKNOWN, 'slow after');
  assert.equal(sim.sessions.size, 2);
  sim.release();
  must(await tool.ask({ do: 'run', provider: 'stripe', work: { ...work, number: 'order-2' } }));
  assert.equal(sim.sessions.size, 2);
});

test('Stripe: declined cards, refunds that fail, what people do in the dashboard', async t => {
  const sim = await startStripe({}, t);
  const tool = await startPayTool(t, { stripe_url: sim.url, stripe_key: sim.key, stripe_webhook_secret: sim.secret }, { ZOETROPE_CLIENT_ALLOW: `127.0.0.1:${sim.port}` });
  const run = work => tool.ask({ do: 'run', provider: 'stripe', work });
  const work = { op: 'start', number: 'order-1', minor: 1999, currency: 'USD', title: 'x', scene: 'page', return_url: 'https://x.example/o' };
  const s = must(await run(work)).start.provider_id, truth = async () => must(await run({ op: 'query', provider_id: s })).truth;
  sim.pay(s, 'declined');
  assert.equal((await truth()).state, 'open');                     // another card may work
  sim.pay(s);
  const { transaction_id } = await truth();
  sim.refundsBe('pending');
  const refund = (op = 'refund', refund = 'refund-1') => run({ op, refund, transaction_id, minor: 1000, total: 1999, currency: 'USD' });
  assert.equal(must(await refund()).refund.state, 'pending');
  sim.settleRefund([...sim.refunds.keys()][0], 'failed');
  assert.equal(must(await refund('query_refund')).refund.state, 'failed');
  assert.equal((await truth()).refunded, 0);
  sim.refundByHand(s, 300);
  assert.equal((await truth()).refunded, 300);
  no(await refund('query_refund', 'refund-2'), ...ABSENT, 'what a person gave back has no number of ours');
  sim.refundByHand(s);
  assert.equal((await truth()).refunded, 1999);
  no(await refund('refund', 'refund-3'), ...OVER, 'all is given back');

  const m = must(await run({ ...work, number: 'member-1', months: 1 })).start.provider_id;
  sim.pay(m);
  const member = sim.sessions.get(m).subscription, read = async () => must(await run({ op: 'query_member', provider_id: member })).truth;
  const first = await read();
  sim.decline();
  const { item, product } = first.member;
  no(await run({ op: 'change', what: 'price', number: 'change-1', member, minor: 2999, currency: 'USD', months: 1, item, product, charge_now: true }), ...REFUSED, 'an upgrade that is not paid');
  sim.subscriptions.get(member)._bank = false;
  await sim.advance(32 * DAY);
  const late = await read();
  assert.deepEqual([late.state, late.member.state], ['open', 'past_due']);
  sim.subscriptions.get(member)._bank = true;
  await sim.advance(3 * DAY);
  const paid = await read();
  assert.deepEqual([paid.state, paid.member.state, paid.provider_id, paid.minor], ['paid', 'active', late.provider_id, 1999]);
  assert.equal(paid.member.period_start_ms, first.member.period_end_ms);
});

test('Stripe: signatures at the edges, as its own client judges them or stricter', async t => {
  const secret = 'whsec_of_ours', tool = await startPayTool(t, { stripe_key: 'sk_test_1', stripe_webhook_secret: secret }), stripe = new Stripe('sk_test_1');
  const body = JSON.stringify({ id: 'evt_1', object: 'event', type: 'charge.refunded', created: AT, data: { object: { id: 'ch_1', object: 'charge', payment_intent: 'pi_1' } } });
  const header = stripe.webhooks.generateTestHeaderString({ payload: body, secret, timestamp: AT }), [time, v1] = header.split(',');
  const zero = '0'.repeat(64), late = header.replace(/^t=\d+/, `t=${AT + 1}`);
  for (const [what, signature, received, ours, theirs] of [['as it is', header, 0, true, true], ['300 s later', header, 300, true, true], ['301 s later', header, 301, false, false],
    ['300 s early', header, -300, true, true], ['5000 s early', header, -5000, false, true], ['no v1', `${time},${v1.replace('v1', 'v0')}`, 0, false, false],
    ['a wrong v1 beside it', `${time},v1=${zero},${v1}`, 0, true, true], ['v0 beside it', `${header},v0=${zero}`, 0, true, true], ['only a wrong v1', `${time},v1=${zero}`, 0, false, false],
    ['another time', late, 0, false, false], ['no time', v1, 0, false, false], ['half a v1', header.slice(0, -2), 0, false, false], ['empty', '', 0, false, false],
    ['two times', `t=1,${header}`, 0, false, null]]) {
    let believed = true;
    try { stripe.webhooks.constructEvent(body, signature, secret, 300, undefined, (AT + received) * 1000); } catch { believed = false; }
    if (theirs !== null) assert.equal(believed, theirs, `${what}, its client`);
    const r = await tool.ask({ do: 'notice', provider: 'stripe', now_ms: (AT + received) * 1000, headers: { 'Stripe-Signature': signature }, body });
    assert.equal(r.ok, ours, `${what}: ${JSON.stringify(r)}`);
    if (!ours) assert.deepEqual([r.code, r.reply_status], ['pay_notice_forged', 400], what);
  }
});

test('WeChat Pay: each refusal has its outcome', async t => {
  const { settings, ...keys } = wechatKeys(folder(t)), sim = await startWechat(keys, t);
  const tool = await startPayTool(t, { ...settings, wechat_url: sim.url }, { ZOETROPE_CLIENT_ALLOW: `127.0.0.1:${sim.port}` });
  const run = work => tool.ask({ do: 'run', provider: 'wechat', work });
  let n = 0;
  const begin = () => run({ op: 'start', number: `order-${++n}`, minor: 1990, currency: 'CNY', title: 'x', scene: 'qr', notify_url: 'https://x.example/n' });
  must(await begin());
  must(await begin());
  sim.pay('order-1');
  const back = () => run({ op: 'refund', refund: `refund-${++n}`, number: 'order-1', minor: 1, total: 1990, currency: 'CNY' });
  const ask = () => run({ op: 'query', number: 'order-1' }), close = () => run({ op: 'close', number: 'order-2' });
  for (const [status, code, effect, question = effect] of [[400, 'PARAM_ERROR', OPERATOR], [400, 'INVALID_REQUEST', REFUSED], [400, 'ORDER_CLOSED', OVER], [401, 'SIGN_ERROR', OPERATOR],
    [403, 'NO_AUTH', OPERATOR], [403, 'NOT_ENOUGH', OPERATOR], [403, 'OUT_TRADE_NO_USED', OVER], [403, 'RULE_LIMIT', REFUSED], [404, 'ORDER_NOT_EXIST', ABSENT], [404, 'RESOURCE_NOT_EXISTS', ABSENT],
    [429, 'FREQUENCY_LIMITED', LATER], [500, 'SYSTEM_ERROR', UNKNOWN, LATER], [500, 'BANK_ERROR', UNKNOWN, LATER]])
    for (const call of [begin, back, close, ask]) {
      sim.fault('', 'refuse', 1, { status, code });
      no(await call(), ...(call === ask ? question : effect), `${status} ${code} ${call.name}`);
    }
  for (const call of [begin, back, close, ask]) {
    sim.fault('', '502');
    no(await call(), ...(call === ask ? LATER : UNKNOWN), `502 ${call.name}`);
  }
  assert.deepEqual([sim.orders.size, sim.refunds.size, sim.orders.get('order-2').state], [2, 0, 'NOTPAY']);      // none of those had an effect
  const nonces = sim.calls.map(c => /nonce_str="([^"]+)"/.exec(c.headers.authorization)[1]);
  assert.equal(new Set(nonces).size, nonces.length);               // and no nonce was used twice
  sim.pay('order-2', { begun: true });
  assert.equal(must(await run({ op: 'query', number: 'order-2' })).truth.state, 'processing');
  sim.pay('order-2', { fail: true });
  assert.equal(must(await run({ op: 'query', number: 'order-2' })).truth.state, 'failed');
  sim.refundByHand('order-1', 990);                                // in the merchant's console: that something went back is all an order says
  const truth = must(await ask()).truth;
  assert.deepEqual([truth.state, truth.minor, truth.refunded], ['paid', 1990, -1]);
  no(await run({ op: 'refund', refund: 'refund-x', number: 'order-1', minor: 1001, total: 1990, currency: 'CNY' }), ...REFUSED, 'more than is left');
  sim.serial = '5'.repeat(40);                                     // our certificate was replaced
  no(await ask(), ...OPERATOR, 'serial');
});

test('WeChat Pay: every way to alter a notice', async t => {
  const { settings, ...keys } = wechatKeys(folder(t)), tool = await startPayTool(t, settings), platform = keys.keys[0].privateKey.export({ type: 'pkcs8', format: 'pem' });
  const plain = { mchid: settings.wechat_mchid, appid: settings.wechat_appid, out_trade_no: 'T20260101-0001', transaction_id: '42000', trade_state: 'SUCCESS', success_time: '2026-01-01T10:34:56+08:00',
    payer: { openid: 'o1' }, amount: { total: 1990, payer_total: 1990, currency: 'CNY' } };
  const seal = (more = {}, fields = {}) => JSON.stringify({ id: 'EV-1', event_type: 'TRANSACTION.SUCCESS', create_time: '2026-01-01T10:34:57+08:00', ...fields,
    resource: { algorithm: 'AEAD_AES_256_GCM', ciphertext: Aes.AesGcm.encrypt(JSON.stringify(plain), keys.v3Key, '0123456789ab', 'transaction'), associated_data: 'transaction', nonce: '0123456789ab', ...more } });
  const hear = (body, { signed = body, nonce = NONCE, at = AT, now = AT, serial = keys.keys[0].serial, prefix = '' } = {}) => tool.ask({ do: 'notice', provider: 'wechat', now_ms: now * 1000, body,
    headers: { 'Wechatpay-Timestamp': String(at), 'Wechatpay-Nonce': nonce, 'Wechatpay-Serial': serial,
      'Wechatpay-Signature': prefix + Rsa.sign(Formatter.response(String(AT), NONCE, signed), platform) } });
  const good = must(await hear(seal()));
  assert.deepEqual(must(await hear(seal())).truth, good.truth);    // replayed: the same truth, which whoever books it books once
  must(await hear(seal(), { now: AT + 299 }));
  must(await hear(seal(), { now: AT - 299 }));
  const sealed = JSON.parse(seal()).resource.ciphertext, bytes = Buffer.from(sealed, 'base64');
  const flipped = i => { const b = Buffer.from(bytes); b[i] ^= 1; return b.toString('base64'); };
  const forged = async (r, what) => { r = await r; assert.deepEqual([r.ok, r.code, r.reply_status], [false, 'pay_notice_forged', 401], `${what}: ${JSON.stringify(r)}`); };
  const body = seal();
  for (const i of [1, body.length >> 1, body.length - 2])          // one byte, anywhere
    await forged(hear(body.slice(0, i) + (body[i] === 'x' ? 'y' : 'x') + body.slice(i + 1), { signed: body }), `byte ${i}`);
  await forged(hear(body, { nonce: NONCE.toLowerCase() }), 'another nonce');
  await forged(hear(body, { at: AT + 1 }), 'another time');
  for (const now of [AT + 300, AT - 300]) await forged(hear(body, { now }), `received at ${now - AT}`);
  await forged(hear(body, { prefix: 'WECHATPAY/SIGNTEST/' }), 'a probe');
  await forged(hear(body, { signed: '' }), 'the signature of an empty body');
  no(await hear(body, { serial: '5'.repeat(40) }), ...OPERATOR, 'an unknown serial');
  // signed by WeChat's key, and yet sealed wrong: our APIv3 key may be the old one, so that the operator hears of it and WeChat comes again
  for (const [what, more] of [['a truncated tag', { ciphertext: bytes.subarray(0, -4).toString('base64') }], ['a flipped tag', { ciphertext: flipped(bytes.length - 1) }], ['a flipped byte', { ciphertext: flipped(0) }],
    ['another AAD', { associated_data: 'refund' }], ['no AAD', { associated_data: '' }], ['another nonce', { nonce: 'ba9876543210' }]]) {
    const r = await hear(seal(more));
    assert.deepEqual([r.ok, r.carries_truth ?? false], [false, false], what);
    assert.ok(['pay_setup', 'pay_notice_forged'].includes(r.code) && r.reply_status >= 400, `${what}: ${JSON.stringify(r)}`);
  }
  for (const [what, more] of [['no tag', { ciphertext: bytes.subarray(0, 15).toString('base64') }], ['a short nonce', { nonce: '0123' }], ['another algorithm', { algorithm: 'AES_128_CBC' }], ['no base64', { ciphertext: '!!' }]])
    assert.equal((await hear(seal(more))).ok, false, what);
  for (const [what, other] of [['another amount', { amount: { total: 1, currency: 'CNY' } }], ['another currency', { amount: { total: 1990, currency: 'USD' } }]]) {
    const r = must(await hear(seal({ ciphertext: Aes.AesGcm.encrypt(JSON.stringify({ ...plain, ...other }), keys.v3Key, '0123456789ab', 'transaction') })));
    assert.notDeepEqual([r.truth.minor, r.truth.currency], [1990, 'CNY'], what);     // it is told as it is, so that the order can be compared
  }
});

test('Alipay: answers that its client verifies we verify, and no others', async t => {
  const dir = folder(t), pair = () => generateKeyPairSync('rsa', { modulusLength: 2048, publicKeyEncoding: { type: 'spki', format: 'pem' }, privateKeyEncoding: { type: 'pkcs8', format: 'pem' } });
  const app = pair(), platform = pair();
  let make, seen;
  const gateway = createServer(async (req, res) => {
    const chunks = [];
    for await (const c of req) chunks.push(c);
    seen = { ...Object.fromEntries(new URL(req.url, 'http://x').searchParams), ...Object.fromEntries(new URLSearchParams(Buffer.concat(chunks).toString())) };
    res.setHeader('Content-Type', 'application/json').end(make(seen));
  });
  await new Promise(done => gateway.listen(0, '127.0.0.1', done));
  t.after(() => { gateway.closeAllConnections(); gateway.close(); });
  const { port } = gateway.address(), url = `http://127.0.0.1:${port}/gateway.do`;
  writeFileSync(join(dir, 'app.pem'), app.privateKey);
  writeFileSync(join(dir, 'alipay.pem'), platform.publicKey);
  const settings = { alipay_app_id: '2021000000000001', alipay_seller_id: '2088102119685838', alipay_url: url, alipay_key_file: join(dir, 'app.pem'), alipay_verify_file: join(dir, 'alipay.pem') };
  const tool = await startPayTool(t, settings, { ZOETROPE_CLIENT_ALLOW: `127.0.0.1:${port}` });
  const sdk = new AlipaySdk({ appId: settings.alipay_app_id, privateKey: app.privateKey, alipayPublicKey: platform.publicKey, keyType: 'PKCS8', gateway: url });
  const theirs = new AlipaySdk({ appId: settings.alipay_app_id, privateKey: platform.privateKey, alipayPublicKey: app.publicKey, keyType: 'PKCS8', gateway: url });
  const number = 'T20260101-0001', object = '{"code":"10000","msg":"Success","out_trade_no":"T20260101-0001","trade_no":"2026","trade_status":"TRADE_SUCCESS","total_amount":"19.90","send_pay_date":"2026-01-02 11:04:10","subject":"全家福 \\"a\\/b\\""}';
  const sign = text => createSign('RSA-SHA256').update(text).sign(createPrivateKey(platform.privateKey), 'base64');
  const answer = (text, signed = text) => p => `{"${p.method.replaceAll('.', '_')}_response":${text},"sign":"${sign(signed)}"}`;
  const both = async () => {
    let client = true;
    try { await sdk.exec('alipay.trade.query', { bizContent: { out_trade_no: number } }, { validateSign: true }); } catch { client = false; }
    const ours = await tool.ask({ do: 'run', provider: 'alipay', work: { op: 'query', number } });
    assert.equal(theirs.checkNotifySignV2(seen), true);            // and what we asked was signed as its client signs
    return [client, ours];
  };
  make = answer(object);
  const [client, ours] = await both();
  assert.equal(client, true);
  assert.deepEqual([must(ours).truth.state, ours.truth.minor, ours.truth.number], ['paid', 1990, number]);
  for (const [what, m] of [['another amount', answer(object.replace('19.90', '99.90'), object)], ['a space more', answer(object.replace(',', ', '), object)], ['signed by nobody', () => `{"alipay_trade_query_response":${object}}`]]) {
    make = m;
    const [believed, r] = await both();
    assert.equal(believed, false, `${what}, its client`);
    assert.equal(r.ok, false, what);
    assert.equal(r.truth, undefined, what);
  }
});
