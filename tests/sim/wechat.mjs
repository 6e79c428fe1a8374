#!/usr/bin/env node
// wechat.mjs - a simulator of WeChat Pay, API v3: orders of all kinds, close, refunds, platform certificates; requests are verified, answers and
// notices signed, notices sealed and sent again on WeChat's schedule; and a page to pay on.
// In a test: const wechat = await startWechat(wechatKeys(dir)).
import { createCipheriv, createPrivateKey, createPublicKey, createSign, createVerify, generateKeyPairSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { byHand, escape, hex, html, Refusal, Sim } from './sim.mjs';

const USAGE = `wechat.mjs - a simulator of WeChat Pay (API v3); no money is moved by it, and its state is gone when it ends

  node tests/sim/wechat.mjs --dir=/tmp/wechat-simulator

  --port=N        0 (the default): any that is free
  --dir=FOLDER    where it writes the keys that the server needs; a temporary folder of its own if not named
  --notify=URL    where notices go to, instead of the notify_url of each order

Prints one line of JSON: its URL, and the settings to start the server with. Its own page (/) lists the orders; each has a page to pay on, with
the text of its QR code. Answers and notices are signed with a public key or a platform certificate, at random. POST below /_sim/, JSON, beside
those of sim.mjs:
  pay     {out_trade_no, openid, late, fail, begun}     late: although it was closed; fail: the bank refuses; begun: the payer types a password
  refund  {out_refund_no, status}                       the end of a refund: SUCCESS, CLOSED or ABNORMAL
  refund_by_hand {out_trade_no, amount, notify_url}     by a person in the merchant's console
  GET state                                             every order and refund
Faults of its own (sim.mjs, faults): forged, unsigned, stale, probe - an answer whose signature is wrong, missing, 301 s old, or one of WeChat's
probes; and of notices (trouble): probe.`;

// Seconds between the tries of a notice: 24 h 4 m in all.
const SCHEDULE = [15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10_800, 10_800, 10_800, 21_600, 21_600];
const PATIENCE_MS = 5000, H5_MS = 300_000, PREPAY_MS = 7_200_000, REFUND_GAP_MS = 60_000, REFUNDS_MAX = 50, YEAR_MS = 365 * 86_400_000;
const no = (status, code, message = code) => new Refusal(status, { code, message });

/** 2026-01-02T11:04:05+08:00 */
export const china = ms => new Date(ms + 8 * 3_600_000).toISOString().replace(/\.\d+Z$/, '+08:00');
const sign = (key, text) => createSign('RSA-SHA256').update(text).sign(key, 'base64');

export class Wechat extends Sim {
  orders = new Map(); refunds = new Map();
  kinds = ['forged', 'unsigned', 'stale', 'probe'];
  noticeKinds = ['probe'];
  #flip = 0;

  /**
   * merchantKey: PEM of the merchant's public key; keys: [{serial, privateKey}], of which answers take the one that the request names, else the first,
   * and notices pick(keys, n) for the n-th, by default each in turn; certificates: [{serial, pem}] of GET /v3/certificates; notify: instead of the
   * address that an order names.
   */
  constructor({ mchid = '1900009191', appids = ['wxd678efh567hg6787', 'wxmini'], serial, merchantKey, keys, v3Key, certificates = [], notify = '',
    pick = (all, n) => all[n % all.length], ...more }) {
    super({ schedule: SCHEDULE, patience_ms: PATIENCE_MS, ...more });
    Object.assign(this, { mchid, appids, serial, merchantKey: createPublicKey(merchantKey), keys, v3Key, certificates, pick, notifyUrl: notify });
  }

  verbs = {
    pay: q => this.#shown(this.pay(q.out_trade_no, q)), refund: q => this.#back(this.settle(q.out_refund_no, q.status)),
    refund_by_hand: q => this.#back(this.refundByHand(q.out_trade_no, q.amount, q.notify_url)),
    state: () => ({ orders: [...this.orders.values()].map(o => ({ ...this.#shown(o), kind: o.kind, refunded: o.refunded })), refunds: [...this.refunds.values()].map(r => this.#back(r)) }),
  };

  // ---- signing ----
  #headers(body, key, at = this.seconds()) {
    const nonce = hex(16);
    return { 'Wechatpay-Timestamp': String(at), 'Wechatpay-Nonce': nonce, 'Wechatpay-Serial': key.serial, 'Wechatpay-Signature': sign(key.privateKey, `${at}\n${nonce}\n${body}\n`),
      'Request-ID': hex(12) };
  }
  #seal(plain, aad) {
    const nonce = hex(6), c = createCipheriv('aes-256-gcm', Buffer.from(this.v3Key), nonce);
    c.setAAD(Buffer.from(aad));
    return { algorithm: 'AEAD_AES_256_GCM', nonce, associated_data: aad, ciphertext: Buffer.concat([c.update(plain), c.final(), c.getAuthTag()]).toString('base64') };
  }
  #verify({ method, target, headers, raw }) {
    const m = /^WECHATPAY2-SHA256-RSA2048 (.+)$/.exec(headers.authorization ?? '');
    const pairs = Object.fromEntries([...(m?.[1] ?? '').matchAll(/(\w+)="([^"]*)"/g)].map(x => [x[1], x[2]]));
    if (!m || pairs.mchid !== this.mchid || pairs.serial_no !== this.serial) throw no(401, 'SIGN_ERROR', 'no such merchant or serial');
    if (!/^[0-9A-Za-z]{8,32}$/.test(pairs.nonce_str ?? '')) throw no(401, 'SIGN_ERROR', 'nonce_str');
    if (!(Math.abs(this.seconds() - Number(pairs.timestamp)) < 300)) throw no(401, 'SIGN_ERROR', 'timestamp');
    if (!headers['user-agent'] || !/application\/json/.test(headers.accept ?? '')) throw no(400, 'PARAM_ERROR', 'User-Agent and Accept: application/json are needed');
    if (raw.length && !/^application\/json/.test(headers['content-type'] ?? '')) throw no(400, 'PARAM_ERROR', 'Content-Type: application/json is needed');
    const v = createVerify('RSA-SHA256').update(`${method}\n${target}\n${pairs.timestamp}\n${pairs.nonce_str}\n`).update(raw).update('\n');
    if (!v.verify(this.merchantKey, pairs.signature ?? '', 'base64')) throw no(401, 'SIGN_ERROR', 'wrong signature');
  }

  // ---- calls ----
  opOf({ method, url }) { return `${method} ${url.pathname.replace(/(out-trade-no|transactions\/id|refunds)\/[^/]+/, '$1/:id')}`; }

  async answer(call) {
    let status = 200, body = '';
    try {
      if (call.fault === '429') throw no(429, 'FREQUENCY_LIMITED');
      if (call.fault === '500') throw no(500, 'SYSTEM_ERROR');
      if (call.fault === 'refuse') throw no(call.how.status, call.how.code, 'refused on order');
      this.#verify(call);
      const said = this.#route(call);
      if (call.fault === '500_after') throw no(500, 'SYSTEM_ERROR');
      if (said === undefined) status = 204;
      else body = JSON.stringify(said);
    } catch (e) {
      if (!(e instanceof Refusal)) throw e;
      status = e.status;
      body = JSON.stringify(e.body);
    }
    const key = this.keys.find(k => k.serial === call.headers['wechatpay-serial']) ?? this.keys[0];
    const headers = this.#headers(body, key, this.seconds() - (call.fault === 'stale' ? 301 : 0));
    if (call.fault === 'forged') headers['Wechatpay-Signature'] = this.#headers(body + ' ', key)['Wechatpay-Signature'];
    if (call.fault === 'unsigned') delete headers['Wechatpay-Signature'];
    if (call.fault === 'probe') headers['Wechatpay-Signature'] = `WECHATPAY/SIGNTEST/${headers['Wechatpay-Signature']}`;
    return { status, headers: { ...headers, ...(body ? { 'Content-Type': 'application/json; charset=utf-8' } : {}) }, body };
  }

  #route({ method, url, raw }) {
    const p = url.pathname.split('/').slice(1).map(decodeURIComponent), json = raw.length ? this.#json(raw) : {};
    const mine = () => { if ((method === 'GET' ? url.searchParams.get('mchid') : json.mchid) !== this.mchid) throw no(400, 'PARAM_ERROR', 'mchid'); };
    if (url.pathname === '/v3/certificates' && method === 'GET') {
      if (!this.certificates.length) throw no(404, 'RESOURCE_NOT_EXISTS', 'no usable platform certificate');
      return { data: this.certificates.map(c => ({ serial_no: c.serial, effective_time: china(this.now()), expire_time: china(this.now() + 5 * 365 * 86_400_000),
        encrypt_certificate: this.#seal(c.pem, 'certificate') })) };
    }
    if (p[1] === 'pay' && p[2] === 'transactions') {
      if (method === 'POST' && ['jsapi', 'h5', 'native'].includes(p[3])) return this.order(p[3], json);
      mine();
      if (method === 'GET' && p[3] === 'out-trade-no') return this.#shown(this.#order(p[4]));
      if (method === 'GET' && p[3] === 'id') return this.#shown([...this.orders.values()].find(o => o.transaction_id === p[4]) ?? this.#order(''));
      if (method === 'POST' && p[5] === 'close') return void this.closeOrder(p[4]);
    }
    if (p[1] === 'refund' && p[3] === 'refunds') {
      if (method === 'POST') return this.#back(this.refund(json));
      const r = this.refunds.get(p[4]);
      if (!r) throw no(404, 'RESOURCE_NOT_EXISTS', 'no such refund');
      return this.#back(r);
    }
    throw no(404, 'RESOURCE_NOT_EXISTS', 'no such path');
  }
  #json(raw) { try { return JSON.parse(raw); } catch { throw no(400, 'PARAM_ERROR', 'no JSON'); } }
  #need(ok, what) { if (!ok) throw no(400, 'PARAM_ERROR', what); }

  // ---- orders ----
  #order(number) {
    const o = this.orders.get(number);
    if (!o) throw no(404, 'ORDER_NOT_EXIST', 'no such order');
    return o;
  }
  order(kind, q) {
    const text = (v, max) => typeof v === 'string' && v.length > 0 && Buffer.byteLength(v) <= max;
    this.#need(q.mchid === this.mchid && this.appids.includes(q.appid), 'mchid, appid');
    this.#need(text(q.description, 127), 'description');
    this.#need(/^[0-9A-Za-z_\-|*]{6,32}$/.test(q.out_trade_no ?? ''), 'out_trade_no');
    this.#need(text(q.notify_url, 255) && /^https:\/\/|^http:\/\/127\.0\.0\.1[:/]/.test(q.notify_url) && !q.notify_url.includes('?'), 'notify_url');
    this.#need(q.attach === undefined || text(q.attach, 128), 'attach');
    this.#need(Number.isInteger(q.amount?.total) && q.amount.total > 0 && q.amount.currency === 'CNY', 'amount');
    if (kind === 'jsapi') this.#need(text(q.payer?.openid, 128), 'payer.openid');
    if (kind === 'h5') this.#need(text(q.scene_info?.payer_client_ip, 45) && text(q.scene_info?.h5_info?.type, 32), 'scene_info');
    if (q.time_expire !== undefined) this.#need(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+08:00$/.test(q.time_expire), 'time_expire');
    const had = this.orders.get(q.out_trade_no), same = JSON.stringify([kind, q]);
    if (had && had.same !== same) throw no(403, 'OUT_TRADE_NO_USED', 'this number was used with other parameters');
    if (had && had.state !== 'NOTPAY') throw no(400, had.state === 'CLOSED' ? 'ORDER_CLOSED' : 'ORDERPAID');
    const until = q.time_expire ? Math.max(Date.parse(q.time_expire), this.now() + 60_000) : this.now() + 7 * 86_400_000;
    if (had && this.now() >= had.until) throw no(400, 'ORDER_CLOSED', 'time_expire is over');
    const o = had ?? { ...q, kind, same, until, state: 'NOTPAY', refunded: 0 };
    this.orders.set(q.out_trade_no, o);
    o.prepay = `wx${hex(17)}`;
    o.prepay_ms = this.now();
    return kind === 'jsapi' ? { prepay_id: o.prepay } : kind === 'native' ? { code_url: `weixin://wxpay/bizpayurl?pr=${o.prepay}` }
      : { h5_url: `${this.url}/pay/${q.out_trade_no}?prepay_id=${o.prepay}` };
  }
  closeOrder(number) {
    const o = this.#order(number);
    if (!['NOTPAY', 'CLOSED'].includes(o.state)) throw no(400, 'ORDERPAID');
    o.state = 'CLOSED';
  }
  #shown(o) {
    const paid = ['SUCCESS', 'REFUND'].includes(o.state);
    return { appid: o.appid, mchid: o.mchid, out_trade_no: o.out_trade_no, attach: o.attach ?? '', trade_state: o.state, trade_state_desc: o.state,
      ...(paid ? { transaction_id: o.transaction_id, trade_type: o.kind.toUpperCase(), bank_type: 'OTHERS', success_time: china(o.paid_ms), payer: { openid: o.paidBy },
        amount: { total: o.amount.total, payer_total: o.amount.total, currency: 'CNY', payer_currency: 'CNY' } } : { payer: {} }) };
  }

  /** What the payer does. late: although it was closed or too late; fail: the bank refuses; begun: not there yet, and can still be paid. */
  pay(number, { openid = 'oSimulatedPayer', late = false, fail = false, begun = false } = {}) {
    const o = this.#order(number);
    if (late ? o.paid_ms : !['NOTPAY', 'USERPAYING'].includes(o.state) || this.now() >= o.until) throw no(400, 'ORDER_CLOSED', `this order is ${o.state}`);
    if (fail || begun) {
      o.state = fail ? 'PAYERROR' : 'USERPAYING';
      return o;
    }
    Object.assign(o, { state: 'SUCCESS', transaction_id: `42${String(this.now()).padStart(16, '0')}${String(this.orders.size).padStart(10, '0')}`, paid_ms: this.now(),
      paidBy: o.payer?.openid ?? openid });
    this.#notice(o.notify_url, 'TRANSACTION.SUCCESS', 'transaction', number, this.#shown(o));
    return o;
  }

  // ---- money back ----
  refund(q) {
    const o = q.transaction_id ? [...this.orders.values()].find(x => x.transaction_id === q.transaction_id) : this.orders.get(q.out_trade_no);
    this.#need(/^[0-9A-Za-z_\-|*@]{1,64}$/.test(q.out_refund_no ?? ''), 'out_refund_no');
    this.#need(Number.isInteger(q.amount?.refund) && q.amount.refund > 0 && q.amount.currency === 'CNY', 'amount');
    this.#need(q.reason === undefined || Buffer.byteLength(q.reason) <= 80, 'reason');
    if (!o) throw no(404, 'RESOURCE_NOT_EXISTS', 'no such order');
    const had = this.refunds.get(q.out_refund_no);
    if (had) {
      if (had.amount.refund !== q.amount.refund || had.order !== o) throw no(400, 'INVALID_REQUEST', 'this refund number was used with other parameters');
      return had;
    }
    if (!o.paid_ms) throw no(400, 'INVALID_REQUEST', 'this order is not paid');
    if (this.now() - o.paid_ms >= YEAR_MS) throw no(400, 'INVALID_REQUEST', 'this order is more than a year old');
    if (q.amount.total !== o.amount.total || o.refunded + q.amount.refund > o.amount.total) throw no(400, 'INVALID_REQUEST', 'more than was paid');
    const before = [...this.refunds.values()].filter(r => r.order === o);
    if (before.length >= REFUNDS_MAX) throw no(403, 'RULE_LIMIT', `${REFUNDS_MAX} refunds of one order`);
    if (before.some(r => this.now() - r.created_ms < REFUND_GAP_MS)) throw no(429, 'FREQUENCY_LIMITED', 'refunds of one order are a minute apart');
    o.refunded += q.amount.refund;
    const r = { ...q, order: o, refund_id: `50${hex(13)}`, status: 'PROCESSING', created_ms: this.now() };
    this.refunds.set(q.out_refund_no, r);
    return r;
  }
  /** By a person in the console, whom no rule about gaps binds: a number nobody here gave, done at once, and a notice only where one is wanted. */
  refundByHand(number, amount, notify_url) {
    const o = this.#order(number), out_refund_no = `CONSOLE${hex(8)}`, left = o.amount.total - o.refunded;
    if (!o.paid_ms || !(amount === undefined || (Number.isInteger(amount) && amount > 0 && amount <= left)) || left === 0) throw no(400, 'INVALID_REQUEST', `${left} fen are left`);
    o.refunded += amount ?? left;
    this.refunds.set(out_refund_no, { out_refund_no, order: o, amount: { refund: amount ?? left }, refund_id: `50${hex(13)}`, status: 'PROCESSING', created_ms: this.now(), notify_url });
    return this.settle(out_refund_no);
  }
  #back(r) {
    return { refund_id: r.refund_id, out_refund_no: r.out_refund_no, transaction_id: r.order.transaction_id, out_trade_no: r.order.out_trade_no, channel: 'ORIGINAL',
      user_received_account: 'wallet', create_time: china(r.created_ms), ...(r.done_ms ? { success_time: china(r.done_ms) } : {}), status: r.status,
      amount: { total: r.order.amount.total, refund: r.amount.refund, payer_total: r.order.amount.total, payer_refund: r.amount.refund, currency: 'CNY' } };
  }
  /** The end of a refund: SUCCESS, CLOSED or ABNORMAL. */
  settle(number, status = 'SUCCESS') {
    const r = this.refunds.get(number);
    if (!r || r.status !== 'PROCESSING') throw no(400, 'INVALID_REQUEST', 'no such refund is on its way');
    r.status = status;
    if (status === 'SUCCESS') {
      r.done_ms = this.now();
      r.order.state = 'REFUND';
    } else {
      r.order.refunded -= r.amount.refund;
    }
    const { currency, ...amount } = this.#back(r).amount;
    this.#notice(r.notify_url ?? '', `REFUND.${status}`, 'refund', [number, r.order.out_trade_no], { mchid: this.mchid, out_trade_no: r.order.out_trade_no, transaction_id: r.order.transaction_id,
      out_refund_no: number, refund_id: r.refund_id, refund_status: status, ...(r.done_ms ? { success_time: china(r.done_ms) } : {}), user_received_account: 'wallet', amount });
    return r;
  }

  #notice(url, type, original, about, plain) {
    const id = `EV-${hex(8)}`, create_time = china(this.now());
    this.notify(url && (this.notifyUrl || url), id, type, about, ({ stale_s = 0, kind = '' }) => {
      const body = JSON.stringify({ id, create_time, resource_type: 'encrypt-resource', event_type: type, summary: type,
        resource: { original_type: original, ...this.#seal(JSON.stringify(plain), original) } });
      const headers = this.#headers(body, this.pick(this.keys, this.#flip++), this.seconds() - stale_s);
      if (kind === 'probe') headers['Wechatpay-Signature'] = `WECHATPAY/SIGNTEST/${headers['Wechatpay-Signature']}`;
      return { headers: { 'Content-Type': 'application/json', ...headers }, body };
    });
  }

  // ---- the pages: of H5, and of everything else for whoever has no WeChat at hand ----
  index() {
    return html('WeChat Pay simulator', `<h1>WeChat Pay simulator</h1><ul>${[...this.orders.values()].reverse().map(o =>
      `<li><a href="/pay/${escape(encodeURIComponent(o.out_trade_no))}">${escape(o.out_trade_no)}</a> ${escape(o.description)}: ${o.state}</li>`).join('')}</ul>`);
  }
  page(method, url, raw) {
    const o = this.orders.get(/^\/pay\/([\w-]+)$/.exec(url.pathname)?.[1]);
    if (!o) return null;
    const act = method === 'POST' ? new URLSearchParams(raw.toString()).get('act') : '', back = url.searchParams.get('redirect_url');
    const over = this.now() - o.prepay_ms >= (o.kind === 'h5' ? H5_MS : PREPAY_MS);
    if (act && !over) {
      try { if (act !== 'cancel') this.pay(o.out_trade_no, { fail: act === 'fail' }); } catch (e) { if (!(e instanceof Refusal)) throw e; }
      if (back) return { status: 303, location: back };
    }
    return { status: over ? 410 : 200, html: html('WeChat Pay simulator', `<h1>${escape(o.description)}</h1><p>${(o.amount.total / 100).toFixed(2)} CNY</p><p>This order is ${escape(o.state)}.</p>
${over ? '<p>This page is over: the shop must ask for a fresh one.</p>' : ''}
${o.kind === 'native' ? `<p>QR text: <code>weixin://wxpay/bizpayurl?pr=${escape(o.prepay)}</code></p>` : ''}
${over ? '' : `<form method="post"><button name="act" value="pay">Pay</button><button name="act" value="fail">Be refused by the bank</button><button name="act" value="cancel">Cancel</button></form>`}`) };
  }
}

// ---- keys ----
const der = (tag, ...parts) => {
  const body = Buffer.concat(parts), n = body.length, len = n < 128 ? [n] : n < 256 ? [0x81, n] : [0x82, n >> 8, n & 255];
  return Buffer.concat([Buffer.from([tag, ...len]), body]);
};
/** A self-signed X.509 certificate of ten years: just as much of one as a platform certificate's reader looks at. serial: 40 hex digits. */
export function certificate(pair, serial, now = Date.now()) {
  const time = ms => der(0x17, Buffer.from(new Date(ms).toISOString().slice(2, 19).replace(/[-:T]/g, '') + 'Z'));
  const sha256WithRsa = der(0x30, Buffer.from('06092a864886f70d01010b0500', 'hex'));
  const name = der(0x30, der(0x31, der(0x30, Buffer.from('0603550403', 'hex'), der(0x0c, Buffer.from('WeChat Pay simulator')))));
  const tbs = der(0x30, der(0xa0, der(0x02, Buffer.from([2]))), der(0x02, Buffer.from(serial, 'hex')), sha256WithRsa, name, der(0x30, time(now - 86_400_000), time(now + 10 * YEAR_MS)),
    name, createPublicKey(pair.publicKey).export({ type: 'spki', format: 'der' }));
  const signature = createSign('RSA-SHA256').update(tbs).sign(pair.privateKey), all = der(0x30, tbs, sha256WithRsa, der(0x03, Buffer.from([0]), signature));
  return `-----BEGIN CERTIFICATE-----\n${all.toString('base64').match(/.{1,64}/g).join('\n')}\n-----END CERTIFICATE-----\n`;
}
/** 40 hex digits of a positive number, so that every reader writes them alike. */
const serialNumber = () => `5${hex(20).slice(1)}`.toUpperCase();

/**
 * Keys for both sides in a folder, and what the server's settings are then. twoKeys: a platform certificate beside the public key, which the settings
 * do not name: it is to be fetched.
 */
export function wechatKeys(dir, { twoKeys = false } = {}) {
  mkdirSync(dir, { recursive: true });
  const pair = () => generateKeyPairSync('rsa', { modulusLength: 2048, publicKeyEncoding: { type: 'spki', format: 'pem' }, privateKeyEncoding: { type: 'pkcs8', format: 'pem' } });
  const merchant = pair(), platform = pair(), v3Key = hex(16), serial = serialNumber(), id = 'PUB_KEY_ID_SIMULATOR';
  writeFileSync(join(dir, 'merchant.pem'), merchant.privateKey, { mode: 0o600 });
  writeFileSync(join(dir, 'platform.pem'), platform.publicKey);
  const keys = [{ serial: id, privateKey: createPrivateKey(platform.privateKey) }], certificates = [];
  if (twoKeys) {
    const second = pair(), number = serialNumber(), pem = certificate(second, number);
    writeFileSync(join(dir, 'certificate.pem'), pem);
    keys.push({ serial: number, privateKey: createPrivateKey(second.privateKey) });
    certificates.push({ serial: number, pem });
  }
  return { serial, v3Key, merchantKey: merchant.publicKey, merchantPrivate: merchant.privateKey, platformPublic: platform.publicKey, keys, certificates,
    settings: { wechat_mchid: '1900009191', wechat_appid: 'wxd678efh567hg6787', wechat_mini_appid: 'wxmini', wechat_serial: serial, wechat_v3_key: v3Key,
      wechat_key_file: join(dir, 'merchant.pem'), wechat_verify: `${id}=${join(dir, 'platform.pem')}` } };
}

export async function startWechat(options, t = null) {
  const s = await new Wechat(options).listen(options.port);
  t?.after(() => s.close());
  return s;
}

if (process.argv[1] === import.meta.filename) {
  await byHand(USAGE, ['port', 'dir', 'notify'], async ({ port = 0, dir = mkdtempSync(join(tmpdir(), 'wechat-simulator-')), notify = '' }) => {
    const { settings, ...keys } = wechatKeys(dir, { twoKeys: true });
    settings.wechat_verify += `,${keys.certificates[0].serial}=${join(dir, 'certificate.pem')}`;
    const sim = await startWechat({ ...keys, port: Number(port), notify, pick: all => all[Math.floor(Math.random() * all.length)] });
    return { sim, settings: { ...settings, wechat_url: sim.url } };
  });
}
