// 65-pay-clients.test.mjs - payments beside other people's clients, unmodified: what they sign is accepted and what was altered is not, what we
// sign they accept, and the simulators are good enough for them.
import assert from 'node:assert/strict';
import { createPrivateKey, createSign, generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { AlipaySdk } from 'alipay-sdk';
import Stripe from 'stripe';
import axiosPlugin from 'wechatpay-axios-plugin';
import nodeV3 from 'wechatpay-node-v3';
import { startPayTool } from './lib/paytool.mjs';
import { tempDir } from './lib/server.mjs';
import { startStripe, unform } from './sim/stripe.mjs';
import { startWechat, wechatKeys } from './sim/wechat.mjs';

const { Aes, Formatter, Rsa, Wechatpay } = axiosPlugin, WxPay = nodeV3.default ?? nodeV3;
const AT = 1767323045, NONCE = '593BEC0C930BF1AFEB40B4A08C8FB242';

function folder(t) {
  const dir = tempDir('zt-pay-');
  return dir;
}
const must = r => { assert.equal(r.ok, true, JSON.stringify(r)); return r; };
const flip = s => s.replace(/\d(?=\D*$)/, d => String((Number(d) + 1) % 10));

// ---- Stripe ----
const SECRET = 'whsec_of_ours', stripeSettings = { stripe_key: 'sk_test_1', stripe_webhook_secret: SECRET };
const event = JSON.stringify({ id: 'evt_1', object: 'event', type: 'checkout.session.completed', created: AT,
  data: { object: { id: 'cs_test_1', object: 'checkout.session', client_reference_id: 'order-42', title: '团圆 "照相馆"' } } }, null, 2);

test('Stripe: events signed by its own client are accepted, altered ones refused', async t => {
  const tool = await startPayTool(t, stripeSettings), stripe = new Stripe('sk_test_1');
  const header = stripe.webhooks.generateTestHeaderString({ payload: event, secret: SECRET, timestamp: AT });
  const hear = (body, signature, now = AT) => tool.ask({ do: 'notice', provider: 'stripe', now_ms: now * 1000, headers: { 'Stripe-Signature': signature }, body });
  const n = must(await hear(event, header));
  assert.deepEqual([n.event_id, n.about, n.number, n.provider_id, n.carries_truth, n.reply_status], ['evt_1', 'payment', 'order-42', 'cs_test_1', false, 200]);
  for (const [body, signature, now] of [[flip(event), header], [event.replace('paid', ''), header.replace(/v1=./, 'v1=')], [event + '\n', header], [JSON.stringify(JSON.parse(event)), header],
    [event, header, AT + 301], [event, header, AT - 301],
    [event, stripe.webhooks.generateTestHeaderString({ payload: event, secret: 'whsec_of_others', timestamp: AT })]]) {
    const r = await hear(body, signature, now);
    assert.deepEqual([r.ok, r.code, r.reply_status], [false, 'pay_notice_forged', 400]);
  }
  // while one secret replaces the other, its client signs with both
  const other = stripe.webhooks.generateTestHeaderString({ payload: event, secret: 'whsec_new', timestamp: AT });
  must(await hear(event, `${other},${header.split(',')[1]}`));
});

test('Stripe: its client can use the simulator, believes its events, and asks for the same session as we', async t => {
  const sim = await startStripe({ key: 'sk_test_1', secret: SECRET }, t), tool = await startPayTool(t, { ...stripeSettings, stripe_url: sim.url });
  const stripe = new Stripe('sk_test_1', { host: '127.0.0.1', port: sim.port, protocol: 'http', maxNetworkRetries: 0, telemetry: false });
  const work = { op: 'start', number: 'order-42', minor: 1999, currency: 'USD', title: 'Photo & print', scene: 'page', return_url: 'https://photo.example.com/o/42?a=1&b=ü' };
  const session = await stripe.checkout.sessions.create({ mode: 'payment', client_reference_id: 'order-42', metadata: { number: 'order-42' },
    payment_intent_data: { metadata: { number: 'order-42' } }, success_url: work.return_url, cancel_url: work.return_url,
    line_items: [{ price_data: { currency: 'usd', unit_amount: 1999, product_data: { name: 'Photo & print' } }, quantity: 1 }] });
  const ours = must(await tool.ask({ do: 'build', provider: 'stripe', work })), theirs = sim.calls.at(-1);
  assert.deepEqual(unform(ours.body), unform(theirs.body));
  assert.equal(ours.headers['Stripe-Version'], theirs.headers['stripe-version']);
  assert.equal(ours.headers.Authorization, theirs.headers.authorization);
  assert.equal(ours.method, theirs.method);
  assert.equal(new URL(ours.url).pathname, theirs.path);
  sim.pay(session.id);
  const done = await stripe.checkout.sessions.retrieve(session.id, { expand: ['payment_intent.latest_charge.balance_transaction'] });
  assert.equal(done.payment_status, 'paid');
  assert.equal((await stripe.refunds.create({ payment_intent: done.payment_intent.id, amount: 500 })).status, 'succeeded');
  const made = [];
  sim.notifyUrl = 'http://127.0.0.1:1/';
  sim.mode = 'hold';
  sim.dispute(session.id);
  for (const n of sim.notices) made.push(n.make({}));
  assert.equal(made.length, 1);
  assert.equal(stripe.webhooks.constructEvent(made[0].body, made[0].headers['Stripe-Signature'], SECRET).type, 'charge.dispute.created');
  await assert.rejects(stripe.checkout.sessions.retrieve('cs_test_none'), { statusCode: 404 });
  await assert.rejects(stripe.refunds.create({ payment_intent: done.payment_intent.id, amount: 5000 }), { statusCode: 400 });
  await assert.rejects(new Stripe('sk_wrong', { host: '127.0.0.1', port: sim.port, protocol: 'http' }).checkout.sessions.retrieve(session.id), { statusCode: 401 });
});

test('Stripe: its client and the simulator agree on idempotency', async t => {
  const sim = await startStripe({ key: 'sk_test_1' }, t), stripe = new Stripe('sk_test_1', { host: '127.0.0.1', port: sim.port, protocol: 'http', maxNetworkRetries: 0 });
  const ask = { mode: 'payment', success_url: 'https://x.example', line_items: [{ price_data: { currency: 'usd', unit_amount: 5, product_data: { name: 'x' } }, quantity: 1 }] };
  const create = (more, key) => stripe.checkout.sessions.create({ ...ask, ...more }, { idempotencyKey: key });
  assert.equal((await create({}, 'a')).id, (await create({}, 'a')).id);
  assert.equal(sim.sessions.size, 1);
  await assert.rejects(create({ client_reference_id: 'x' }, 'a'), { rawType: 'idempotency_error' });
  sim.fault('', '500');
  await assert.rejects(create({}, 'b'), { statusCode: 500 });
  await assert.rejects(create({}, 'b'), { statusCode: 500 });      // played back
  await assert.rejects(create({ mode: 'no' }, 'c'), { statusCode: 400 });
  assert.ok((await create({}, 'c')).id);                           // what validation refused was not stored
  await sim.advance(86_400_001);
  assert.ok((await create({}, 'b')).id);                           // pruned after a day
});

// ---- WeChat Pay ----
const order = { op: 'start', number: 'T20260101-0001', minor: 1990, currency: 'CNY', title: '全家福 "A4"', scene: 'jsapi', openid: 'oUpF8uMuAJO_M2pxb1Q9zNjWeS6o',
  notify_url: 'https://photo.example.com/pay/wechat/notify' };
const authorization = h => Object.fromEntries([...h.matchAll(/(\w+)="([^"]*)"/g)].map(m => [m[1], m[2]]));

test('WeChat Pay: what we sign, two independent clients sign alike', async t => {
  const { settings, ...keys } = wechatKeys(folder(t)), tool = await startPayTool(t, settings);
  const other = new WxPay({ appid: settings.wechat_appid, mchid: settings.wechat_mchid, serial_no: keys.serial, publicKey: Buffer.from(keys.merchantKey),
    privateKey: Buffer.from(keys.merchantPrivate), key: keys.v3Key });
  for (const work of [order, { ...order, scene: 'qr' }, { ...order, scene: 'h5', client_ip: '203.0.113.9' }, { op: 'query', number: order.number }, { op: 'close', number: order.number },
    { op: 'refund', refund: 'refund-7', number: order.number, minor: 990, total: 1990, currency: 'CNY', reason: '不像我' }, { op: 'query_refund', refund: 'refund-7', number: order.number }]) {
    const c = must(await tool.ask({ do: 'build', provider: 'wechat', now_ms: AT * 1000, nonce: NONCE, work })), { pathname, search } = new URL(c.url);
    const a = authorization(c.headers.Authorization), message = Formatter.request(c.method, pathname + search, String(AT), NONCE, c.body);
    assert.equal(a.signature, Rsa.sign(message, keys.merchantPrivate), work.op);
    assert.ok(Rsa.verify(message, a.signature, keys.merchantKey));
    assert.equal(a.signature, other.getSignature(c.method, NONCE, String(AT), pathname + search, c.body || undefined));
    const theirs = authorization(Formatter.authorization(settings.wechat_mchid, NONCE, a.signature, String(AT), keys.serial));
    assert.deepEqual(a, theirs);
  }
});

test('WeChat Pay: notices and answers signed by a foreign client are accepted, altered ones refused', async t => {
  const { settings, ...keys } = wechatKeys(folder(t)), tool = await startPayTool(t, settings), platform = keys.keys[0].privateKey.export({ type: 'pkcs8', format: 'pem' });
  const plain = JSON.stringify({ mchid: settings.wechat_mchid, appid: 'wxmini', out_trade_no: order.number, transaction_id: '42000', trade_state: 'SUCCESS',
    success_time: '2026-01-01T10:34:56+08:00', payer: { openid: 'o1' }, amount: { total: 1990, payer_total: 1890, currency: 'CNY' } });
  const notice = (text, { nonce = '0123456789ab', aad = 'transaction', key = keys.v3Key } = {}) => JSON.stringify({ id: 'EV-1', event_type: 'TRANSACTION.SUCCESS', create_time: '2026-01-01T10:34:57+08:00',
    resource: { algorithm: 'AEAD_AES_256_GCM', ciphertext: Aes.AesGcm.encrypt(text, key, nonce, aad), associated_data: aad, nonce } });
  const hear = (body, { sign = platform, at = AT, serial = keys.keys[0].serial, send = body } = {}) => tool.ask({ do: 'notice', provider: 'wechat', now_ms: AT * 1000, body: send,
    headers: { 'Wechatpay-Timestamp': String(at), 'Wechatpay-Nonce': NONCE, 'Wechatpay-Serial': serial, 'Wechatpay-Signature': Rsa.sign(Formatter.response(String(at), NONCE, body), sign) } });
  const n = must(await hear(notice(plain)));
  assert.deepEqual([n.carries_truth, n.truth.state, n.truth.minor, n.truth.currency, n.number, n.reply_status, n.reply_body], [true, 'paid', 1990, 'CNY', order.number, 200, '']);
  must(await hear(notice(plain, { aad: '' })));
  for (const r of [await hear(notice(plain), { send: flip(notice(plain)) }), await hear(notice(plain), { sign: keys.merchantPrivate }), await hear(notice(plain), { at: AT - 300 }),
    await hear(notice(plain), { at: AT + 300 }), await hear(notice(plain.replace('"wxmini"', '"wxother"'))), await hear(notice(plain.replace(settings.wechat_mchid, '1900000000')))])
    assert.deepEqual([r.ok, r.code, r.reply_status], [false, 'pay_notice_forged', 401], JSON.stringify(r));
  for (const r of [await hear(notice(plain), { serial: 'PUB_KEY_ID_OTHER' }), await hear(notice(plain, { key: '0'.repeat(32) }))])
    assert.deepEqual([r.ok, r.code, r.next, r.reply_status], [false, 'pay_setup', 'operator', 500]);
  // call-up parameters, as the other client would verify them
  const body = JSON.stringify({ prepay_id: 'wx2014' }), headers = { 'Wechatpay-Timestamp': String(AT), 'Wechatpay-Nonce': NONCE, 'Wechatpay-Serial': keys.keys[0].serial,
    'Wechatpay-Signature': Rsa.sign(Formatter.response(String(AT), NONCE, body), platform) };
  const p = JSON.parse(must(await tool.ask({ do: 'parse', provider: 'wechat', now_ms: AT * 1000, nonce: NONCE, work: order, status: 200, headers, body })).start.text);
  assert.ok(Rsa.verify(Formatter.joinedByLineFeed(p.appId, p.timeStamp, p.nonceStr, p.package), p.paySign, keys.merchantKey));
  assert.deepEqual(Object.keys(p), ['appId', 'timeStamp', 'nonceStr', 'package', 'signType', 'paySign']);
});

test('WeChat Pay: a foreign client can use the simulator, and opens its notices', async t => {
  const { settings, ...keys } = wechatKeys(folder(t)), sim = await startWechat(keys, t), serial = keys.keys[0].serial;
  const client = new Wechatpay({ mchid: settings.wechat_mchid, serial: keys.serial, privateKey: keys.merchantPrivate, certs: { [serial]: keys.platformPublic }, baseURL: sim.url });
  const ask = { appid: settings.wechat_appid, mchid: settings.wechat_mchid, description: 'x', out_trade_no: 'T20260101-0002', notify_url: 'https://photo.example.com/n',
    amount: { total: 5, currency: 'CNY' } };
  assert.match((await client.v3.pay.transactions.native.post(ask)).data.code_url, /^weixin:\/\//);
  await assert.rejects(client.v3.pay.transactions.native.post({ ...ask, description: 'y' }), e => e.response.data.code === 'OUT_TRADE_NO_USED');
  assert.equal((await client.v3.pay.transactions.outTradeNo._number_.get({ number: ask.out_trade_no, params: { mchid: ask.mchid } })).data.trade_state, 'NOTPAY');
  sim.mode = 'hold';
  sim.pay(ask.out_trade_no);
  const { headers, body } = sim.notices[0].make({}), r = JSON.parse(body).resource;
  assert.ok(Rsa.verify(Formatter.response(headers['Wechatpay-Timestamp'], headers['Wechatpay-Nonce'], body), headers['Wechatpay-Signature'], keys.platformPublic));
  assert.equal(JSON.parse(Aes.AesGcm.decrypt(r.ciphertext, keys.v3Key, r.nonce, r.associated_data)).amount.total, 5);
  const other = new WxPay({ appid: 'x', mchid: 'x', serial_no: keys.serial, publicKey: Buffer.from(keys.merchantKey), privateKey: Buffer.from(keys.merchantPrivate), key: keys.v3Key });
  assert.equal(other.decipher_gcm(r.ciphertext, r.associated_data, r.nonce, keys.v3Key).trade_state, 'SUCCESS');
  await assert.rejects(client.v3.pay.transactions.outTradeNo._number_.close.post({ mchid: ask.mchid }, { number: ask.out_trade_no }), e => e.response.data.code === 'ORDERPAID');
});

// ---- Alipay ----
function alipay(t) {
  const dir = folder(t), pair = () => generateKeyPairSync('rsa', { modulusLength: 2048, publicKeyEncoding: { type: 'spki', format: 'pem' }, privateKeyEncoding: { type: 'pkcs8', format: 'pem' } });
  const app = pair(), platform = pair();
  writeFileSync(join(dir, 'app.pem'), app.privateKey);
  writeFileSync(join(dir, 'alipay.pem'), platform.publicKey);
  const settings = { alipay_app_id: '2021000000000001', alipay_seller_id: '2088102119685838', alipay_url: 'https://alipay.example/gateway.do', alipay_key_file: join(dir, 'app.pem'),
    alipay_verify_file: join(dir, 'alipay.pem') };
  const sdk = (publicKey, privateKey) => new AlipaySdk({ appId: settings.alipay_app_id, privateKey, alipayPublicKey: publicKey, keyType: 'PKCS8', gateway: settings.alipay_url });
  return { settings, app, platform, sdk: sdk(platform.publicKey, app.privateKey), theirs: sdk(app.publicKey, platform.privateKey) };
}
const page = { op: 'start', number: 'T20260101-0001', minor: 1990, currency: 'CNY', title: 'Photo print A4', scene: 'page', notify_url: 'https://photo.example.com/n', return_url: 'https://photo.example.com/r?a=1' };

test('Alipay: what we sign its client accepts, and would have sent the same', async t => {
  const { settings, sdk, theirs } = alipay(t), tool = await startPayTool(t, settings);
  const url = new URL(must(await tool.ask({ do: 'build', provider: 'alipay', work: page })).start.text), p = Object.fromEntries(url.searchParams);
  assert.equal(theirs.checkNotifySignV2(p), true);
  assert.equal(theirs.checkNotifySignV2({ ...p, biz_content: p.biz_content.replace('19.90', '0.01') }), false);
  const same = new URL(sdk.pageExecute('alipay.trade.page.pay', 'GET', { notifyUrl: page.notify_url, returnUrl: page.return_url,
    bizContent: { out_trade_no: page.number, product_code: 'FAST_INSTANT_TRADE_PAY', total_amount: '19.90', subject: page.title } }));
  const known = u => Object.fromEntries([...u.searchParams].filter(([k]) => !['sign', 'timestamp', 'alipay_sdk'].includes(k)));
  assert.deepEqual(known(url), known(same));
  for (const work of [{ ...page, scene: 'qr' }, { op: 'query', number: page.number }, { op: 'close', number: page.number },
    { op: 'refund', refund: 'refund-7', number: page.number, minor: 5, total: 1990, currency: 'CNY', reason: '不像我 100%' }]) {
    const c = must(await tool.ask({ do: 'build', provider: 'alipay', work }));
    assert.equal(theirs.checkNotifySignV2(Object.fromEntries(new URLSearchParams(c.body))), true, work.op);
  }
});

test('Alipay: notices that its client believes we believe, and no others', async t => {
  const { settings, platform, sdk } = alipay(t), tool = await startPayTool(t, settings);
  const fields = { app_id: settings.alipay_app_id, seller_id: settings.alipay_seller_id, notify_id: 'n1', notify_type: 'trade_status_sync', notify_time: '2026-01-02 11:04:11', charset: 'utf-8',
    version: '1.0', out_trade_no: page.number, trade_no: '2026', trade_status: 'TRADE_SUCCESS', total_amount: '19.90', gmt_payment: '2026-01-02 11:04:10', subject: '全家福 + 100% & more', body: '' };
  const signed = f => {
    const text = Object.keys(f).sort().map(k => `${k}=${f[k]}`).join('&');
    return { ...f, sign_type: 'RSA2', sign: createSign('RSA-SHA256').update(text).sign(createPrivateKey(platform.privateKey), 'base64') };
  };
  const hear = f => tool.ask({ do: 'notice', provider: 'alipay', body: new URLSearchParams(f).toString() });
  const good = signed(fields);
  assert.equal(sdk.checkNotifySignV2(good), true);
  const n = must(await hear(good));
  assert.deepEqual([n.truth.state, n.truth.minor, n.number, n.reply_body], ['paid', 1990, page.number, 'success']);
  for (const bad of [{ ...good, total_amount: '0.01' }, { ...good, body: 'x' }, { ...good, more: '1' }, { ...good, sign: '' }]) {
    assert.equal(sdk.checkNotifySignV2(bad), false);
    assert.equal((await hear(bad)).code, 'pay_notice_forged');
  }
  assert.equal((await hear(signed({ ...fields, app_id: '2021000000000002' }))).code, 'pay_notice_forged');
});
