#!/usr/bin/env node
// stripe.mjs - a simulator of Stripe: Checkout Sessions, subscriptions, refunds, idempotency, signed events; and a page to pay on.
//
//   node tests/sim/stripe.mjs --port=9101 --notify=http://127.0.0.1:8080/v1/hooks/stripe      prints the settings to start the server with
//
// In a test: const stripe = await startStripe({ notify }). Beside sim.mjs: POST /_sim/pay {session, how}, settle {session, ok}, renew {subscription, ok},
// refund {session, amount}, dispute {session}.
import { createHash, createHmac } from 'node:crypto';
import { everySecond, escape, flags, hex, html, Refusal, Sim } from './sim.mjs';

const DAY = 86_400_000, MONTH_S = 30 * 86_400;
// "Up to three days with growing gaps."
const SCHEDULE = [60, 300, 1800, 7200, 18_000, 36_000, 36_000, 36_000, 36_000, 36_000];

const error = (status, type, message, more = {}) => new Refusal(status, { error: { type, message, ...more } });
const bad = (message, more) => error(400, 'invalid_request_error', message, more);

/** a[b][0]=c as {a: {b: [c]}}. */
export function unform(text) {
  const out = {};
  for (const [key, value] of new URLSearchParams(text)) {
    const path = key.split('[').map(p => p.replace(/\]$/, ''));
    let at = out;
    path.forEach((p, i) => {
      if (p === '') p = Object.keys(at).length;
      if (i === path.length - 1) at[p] = value;
      else at = at[p] ??= {};
    });
  }
  return out;
}
const list = o => Object.values(o ?? {});
function only(o, names, where = '') {
  for (const k of Object.keys(o ?? {})) if (!names.includes(k)) throw bad(`Received unknown parameter: ${where}${k}`, { code: 'parameter_unknown', param: where + k });
}
function whole(text, name, min = 1) {
  if (!/^\d{1,8}$/.test(text ?? '') || Number(text) < min) throw bad(`Invalid integer: ${text}`, { param: name });
  return Number(text);
}

export class Stripe extends Sim {
  sessions = new Map(); intents = new Map(); charges = new Map(); refunds = new Map(); subscriptions = new Map(); invoices = new Map(); customers = new Map();
  events = new Map(); prices = new Map(); items = new Map(); balances = new Map();
  #keys = new Map();

  constructor({ key = 'sk_test_simulator', secret = 'whsec_simulator', notify = '', ...more } = {}) {
    super({ schedule: SCHEDULE, ...more });
    Object.assign(this, { key, secret, notifyUrl: notify });
  }

  verbs = {
    pay: q => this.pay(q.session, q.how), settle: q => this.settle(q.session, q.ok), renew: q => this.renew(q.subscription, q.ok),
    refund: q => this.refundByHand(q.session, q.amount), dispute: q => this.dispute(q.session),
  };

  id(kind) { return `${kind}_${hex(12)}`; }
  add(map, kind, object, fields) {
    const o = { id: this.id(kind), object, created: this.seconds(), livemode: false, metadata: {}, ...fields };
    map.set(o.id, o);
    return o;
  }
  find(map, id) {
    if (!map.has(id)) throw error(404, 'invalid_request_error', `No such object: '${id}'`, { code: 'resource_missing' });
    return map.get(id);
  }

  // ---- events: the object as it is at this moment, signed anew at each try ----
  event(type, object) {
    const e = { id: this.id('evt'), object: 'event', api_version: '2026-10-28.endive', created: this.seconds(), type, livemode: false, pending_webhooks: 1,
      request: { id: null, idempotency_key: null }, data: { object: structuredClone(object) } };
    const body = JSON.stringify(e);
    this.events.set(e.id, e);
    this.notify(this.notifyUrl, e.id, type, object.id, ({ stale_s = 0 }) => {
      const t = this.seconds() - stale_s, v1 = createHmac('sha256', this.secret).update(`${t}.${body}`).digest('hex');
      return { headers: { 'Content-Type': 'application/json; charset=utf-8', 'Stripe-Signature': `t=${t},v1=${v1},v0=${'0'.repeat(64)}` }, body };
    });
  }

  // ---- calls ----
  opOf({ method, url }) { return `${method} ${url.pathname.replace(/\/(cs|sub|in|pi|re|ch|cus|evt|dp)_\w+/, '/:id')}`; }

  async answer(call) {
    const say = (status, body) => ({ status, headers: { 'Content-Type': 'application/json', 'Request-Id': this.id('req') }, body: JSON.stringify(body) });
    if (call.fault === '429') return say(429, { error: { type: 'rate_limit_error', message: 'Too many requests' } });
    try {
      this.#authorise(call);
      return this.#remembered(call, say, () => {
        if (call.fault === '500') throw error(500, 'api_error', 'Something went wrong on our end');
        const done = this.#route(call);
        if (call.fault === '500_after') throw error(500, 'api_error', 'Something went wrong on our end');
        return done;
      });
    } catch (e) {
      if (!(e instanceof Refusal)) throw e;
      return say(e.status, e.body);
    }
  }

  #authorise({ headers }) {
    const basic = /^Basic (.+)$/.exec(headers.authorization ?? ''), key = basic ? Buffer.from(basic[1], 'base64').toString().split(':')[0]
      : /^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1];
    if (key !== this.key) throw error(401, 'invalid_request_error', 'Invalid API Key provided');
  }

  /** The first answer to a key is the answer to it, a 500 too; what validation refused is not stored. */
  #remembered(call, say, run) {
    const key = call.method === 'POST' && call.headers['idempotency-key'];
    const attempt = () => {
      try { return say(200, run()); } catch (e) { if (e instanceof Refusal) return say(e.status, e.body); throw e; }
    };
    if (!key) return attempt();
    if (key.length > 255) throw bad('Idempotency-Key is too long');
    for (const [k, v] of this.#keys) if (v.at < this.now() - DAY) this.#keys.delete(k);
    const hash = createHash('sha256').update(`${call.method} ${call.url.pathname}\n`).update(call.raw).digest('hex'), old = this.#keys.get(key);
    if (old && old.hash !== hash)
      throw error(400, 'idempotency_error', `Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than '${key}'`);
    if (old) return { ...old.answer, headers: { ...old.answer.headers, 'Idempotent-Replayed': 'true' } };
    const answer = attempt();
    if (answer.status < 400 || answer.status >= 500 || answer.status === 402) this.#keys.set(key, { hash, answer, at: this.now() });
    return answer;
  }

  #route({ method, url, raw }) {
    const q = unform(method === 'GET' ? url.search.slice(1) : raw.toString()), p = url.pathname.split('/').slice(2), expand = list(q.expand);
    delete q.expand;
    const where = `${method} ${p.map((x, i) => (i % 2 === (p[0] === 'checkout' ? 0 : 1) && i ? ':id' : x)).join('/')}`;
    const id = p[0] === 'checkout' ? p[2] : p[1];
    const routes = {
      'POST checkout/sessions': () => this.create(q), 'GET checkout/sessions': () => this.find(this.sessions, id),
      'POST refunds': () => this.refund(q), 'POST subscriptions': () => this.change(this.find(this.subscriptions, id), q),
      'GET subscriptions': () => this.find(this.subscriptions, id), 'DELETE subscriptions': () => this.end(this.find(this.subscriptions, id)),
      'GET invoices': () => this.find(this.invoices, id), 'GET payment_intents': () => this.find(this.intents, id), 'GET events': () => this.find(this.events, id),
      'GET refunds': () => (id ? this.find(this.refunds, id)
        : { object: 'list', data: [...this.refunds.values()].filter(r => r.payment_intent === q.payment_intent).reverse(), has_more: false, url: '/v1/refunds' }),
      'POST expire': () => this.expire(this.find(this.sessions, id)),
    };
    const name = p[3] === 'expire' ? 'POST expire' : `${method} ${p[0] === 'checkout' ? 'checkout/sessions' : p[0]}`;
    if (!routes[name]) throw error(404, 'invalid_request_error', `Unrecognized request URL (${where})`);
    return this.#expanded(routes[name](), expand);
  }

  #maps = { payment_intent: 'intents', latest_charge: 'charges', balance_transaction: 'balances', subscription: 'subscriptions', latest_invoice: 'invoices', invoice: 'invoices', customer: 'customers' };
  #expanded(object, paths) {
    const out = structuredClone(object);
    for (const path of paths) {
      let at = out;
      for (const field of path.split('.')) {
        if (at === null || at === undefined) break;
        if (field === 'payments') { at.payments = { object: 'list', data: at._payments ?? [] }; break; }
        if (!(field in at)) throw bad(`This property cannot be expanded (${field}).`);
        if (typeof at[field] === 'string') at[field] = structuredClone(this[this.#maps[field]].get(at[field]));
        at = at[field];
      }
    }
    return JSON.parse(JSON.stringify(out, (k, v) => (k.startsWith('_') ? undefined : v)));
  }

  // ---- sessions ----
  create(q) {
    only(q, ['mode', 'client_reference_id', 'metadata', 'payment_intent_data', 'subscription_data', 'line_items', 'success_url', 'cancel_url', 'customer', 'expires_at']);
    only(q.payment_intent_data, ['metadata'], 'payment_intent_data.');
    only(q.subscription_data, ['metadata'], 'subscription_data.');
    if (!['payment', 'subscription'].includes(q.mode)) throw bad('Invalid mode', { param: 'mode' });
    if (!/^https?:\/\//.test(q.success_url ?? '')) throw bad('Not a valid URL', { code: 'url_invalid', param: 'success_url' });
    if (q.payment_intent_data && q.mode !== 'payment') throw bad('You can not pass `payment_intent_data` in `subscription` mode.');
    if (q.subscription_data && q.mode !== 'subscription') throw bad('You can not pass `subscription_data` in `payment` mode.');
    const lines = list(q.line_items).map(l => this.#line(l, q.mode));
    if (!lines.length || new Set(lines.map(l => l.currency)).size !== 1) throw bad('line_items: at least one, of one currency', { param: 'line_items' });
    const expires = q.expires_at === undefined ? this.seconds() + 86_400 : /^\d{10}$/.test(q.expires_at) ? Number(q.expires_at) : 0;
    if (expires < this.seconds() + 1800 || expires > this.seconds() + 86_400) throw bad('The `expires_at` timestamp must be between 30 minutes and 24 hours from now.');
    const s = this.add(this.sessions, 'cs_test', 'checkout.session', { mode: q.mode, client_reference_id: q.client_reference_id ?? null, metadata: q.metadata ?? {},
      amount_total: lines.reduce((n, l) => n + l.amount, 0), currency: lines[0].currency, success_url: q.success_url, cancel_url: q.cancel_url ?? null,
      customer: q.customer ?? null, expires_at: expires, status: 'open', payment_status: 'unpaid', payment_intent: null, subscription: null, invoice: null,
      _lines: lines, _below: (q.payment_intent_data ?? q.subscription_data)?.metadata ?? {} });
    s.url = `${this.url}/c/pay/${s.id}`;
    return s;
  }
  #line(l, mode) {
    only(l, ['price_data', 'quantity'], 'line_items.');
    only(l.price_data, ['currency', 'unit_amount', 'product_data', 'recurring'], 'line_items.price_data.');
    const { currency, unit_amount, product_data, recurring } = l.price_data ?? {};
    if (!/^[a-z]{3}$/.test(currency ?? '')) throw bad(`Invalid currency: ${currency}`, { param: 'currency' });
    if (!product_data?.name) throw bad('Missing required param: product_data[name]');
    if (!!recurring !== (mode === 'subscription')) throw bad('A recurring price goes with `subscription` mode, and only with it.');
    return { currency, name: product_data.name, unit: whole(unit_amount, 'unit_amount'), amount: whole(unit_amount, 'unit_amount') * whole(l.quantity, 'quantity'),
      months: recurring ? whole(recurring.interval_count ?? '1', 'interval_count') : 0 };
  }
  expire(s) {
    this.#overdue(s);
    if (s.status !== 'open') throw bad(`Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a status of \`${s.status}\`.`);
    s.status = 'expired';
    s.url = null;
    this.event('checkout.session.expired', s);
    return s;
  }
  #overdue(s) { if (s.status === 'open' && s.expires_at <= this.seconds()) { s.status = 'expired'; s.url = null; this.event('checkout.session.expired', s); } }

  // ---- what a payer and a bank do ----
  /** how: "card", "delayed" (a method that takes days), "declined"; "late": although it was expired, which Stripe lets nobody do and banks do. */
  pay(id, how = 'card') {
    const s = this.find(this.sessions, id);
    this.#overdue(s);
    if (s.status !== 'open' && how !== 'late') throw bad(`this session is ${s.status}`);
    if (how === 'declined') return s;
    s.customer ??= this.add(this.customers, 'cus', 'customer', {}).id;
    s.status = 'complete';
    s.url = null;
    if (s.mode === 'subscription') return this.#begin(s);
    const pi = this.add(this.intents, 'pi', 'payment_intent', { amount: s.amount_total, currency: s.currency, status: how === 'delayed' ? 'processing' : 'succeeded',
      metadata: s._below, customer: s.customer, latest_charge: null });
    s.payment_intent = pi.id;
    if (how !== 'delayed') this.#charge(s, pi);
    this.event('checkout.session.completed', s);
    return s;
  }
  #charge(s, pi) {
    const fee = Math.round(pi.amount * 0.029) + 30;
    const b = this.add(this.balances, 'txn', 'balance_transaction', { amount: pi.amount, currency: pi.currency, fee, net: pi.amount - fee });
    const c = this.add(this.charges, 'ch', 'charge', { amount: pi.amount, amount_refunded: 0, currency: pi.currency, disputed: false, payment_intent: pi.id,
      metadata: pi.metadata, balance_transaction: b.id, status: 'succeeded' });
    pi.latest_charge = c.id;
    pi.status = 'succeeded';
    if (s) s.payment_status = 'paid';
    this.event('payment_intent.succeeded', pi);
    return c;
  }
  /** The end of a delayed payment. */
  settle(id, ok = true) {
    const s = this.find(this.sessions, id), pi = this.find(this.intents, s.payment_intent);
    if (pi.status !== 'processing') throw bad('nothing is on its way');
    if (ok) this.#charge(s, pi);
    else {
      pi.status = 'requires_payment_method';
      this.event('payment_intent.payment_failed', pi);
    }
    this.event(`checkout.session.async_payment_${ok ? 'succeeded' : 'failed'}`, s);
    return s;
  }

  // ---- subscriptions ----
  #begin(s) {
    const l = s._lines[0], price = this.add(this.prices, 'price', 'price', { currency: l.currency, unit_amount: l.unit, product: this.id('prod'),
      recurring: { interval: 'month', interval_count: l.months } });
    const item = this.add(this.items, 'si', 'subscription_item', { price, quantity: 1, current_period_start: this.seconds(), current_period_end: this.seconds() + l.months * MONTH_S });
    const sub = this.add(this.subscriptions, 'sub', 'subscription', { status: 'active', customer: s.customer, metadata: s._below, cancel_at_period_end: false, cancel_at: null,
      pause_collection: null, currency: l.currency, items: { object: 'list', data: [item] }, latest_invoice: null });
    s.subscription = sub.id;
    s.payment_status = 'paid';
    s.invoice = this.#invoice(sub, true).id;
    this.event('checkout.session.completed', s);
    this.event('customer.subscription.created', sub);
    return s;
  }
  #invoice(sub, ok, amount) {
    const item = sub.items.data[0], total = amount ?? item.price.unit_amount;
    const pi = ok ? this.add(this.intents, 'pi', 'payment_intent', { amount: total, currency: sub.currency, status: 'processing', metadata: {}, customer: sub.customer, latest_charge: null }) : null;
    if (pi) this.#charge(null, pi);
    const i = this.add(this.invoices, 'in', 'invoice', { status: ok ? 'paid' : 'open', amount_due: total, amount_paid: ok ? total : 0, currency: sub.currency, customer: sub.customer,
      parent: { type: 'subscription_details', subscription_details: { subscription: sub.id, metadata: sub.metadata } },
      status_transitions: { paid_at: ok ? this.seconds() : null }, attempt_count: 1,
      lines: { object: 'list', data: [{ period: { start: item.current_period_start, end: item.current_period_end }, amount: total }] },
      _payments: pi ? [{ id: this.id('inpay'), object: 'invoice_payment', payment: { type: 'payment_intent', payment_intent: pi.id } }] : [] });
    sub.latest_invoice = i.id;
    this.event(ok ? 'invoice.paid' : 'invoice.payment_failed', i);
    return i;
  }
  /** A period is over. ok false: the bank refuses. */
  renew(id, ok = true) {
    const sub = this.find(this.subscriptions, id), item = sub.items.data[0];
    if (sub.cancel_at_period_end) return this.end(sub);
    if (!['active', 'past_due'].includes(sub.status)) throw bad(`this subscription is ${sub.status}`);
    if (!sub.pause_collection && (sub.status === 'active' || !ok)) {
      item.current_period_start = item.current_period_end;
      item.current_period_end += item.price.recurring.interval_count * MONTH_S;
    }
    if (!sub.pause_collection) {
      sub.status = ok ? 'active' : 'past_due';
      this.#invoice(sub, ok);
    }
    this.event('customer.subscription.updated', sub);
    return sub;
  }
  change(sub, q) {
    only(q, ['cancel_at_period_end', 'pause_collection', 'items', 'proration_behavior', 'payment_behavior', 'metadata']);
    if (sub.status === 'canceled') throw bad('A canceled subscription can only update its cancellation_details.');
    if (q.cancel_at_period_end !== undefined) sub.cancel_at_period_end = q.cancel_at_period_end === 'true';
    if (q.pause_collection !== undefined) sub.pause_collection = q.pause_collection === '' ? null : { behavior: q.pause_collection.behavior, resumes_at: null };
    const item = list(q.items)[0];
    if (item) {
      const had = sub.items.data[0], p = item.price_data;
      if (item.id !== had.id || p?.product !== had.price.product) throw error(404, 'invalid_request_error', 'No such subscription item or product', { code: 'resource_missing' });
      const before = had.price.unit_amount;
      had.price = this.add(this.prices, 'price', 'price', { currency: p.currency, unit_amount: whole(p.unit_amount, 'unit_amount'), product: p.product,
        recurring: { interval: 'month', interval_count: whole(p.recurring?.interval_count ?? '1', 'interval_count') } });
      if (q.proration_behavior === 'always_invoice' && had.price.unit_amount > before) this.#invoice(sub, true, had.price.unit_amount - before);
    }
    this.event('customer.subscription.updated', sub);
    return sub;
  }
  end(sub) {
    sub.status = 'canceled';
    this.event('customer.subscription.deleted', sub);
    return sub;
  }

  // ---- money back ----
  refund(q) {
    only(q, ['payment_intent', 'charge', 'amount', 'reason', 'metadata']);
    const pi = this.find(this.intents, q.payment_intent), c = pi.latest_charge && this.charges.get(pi.latest_charge);
    if (!c) throw bad('This PaymentIntent does not have a successful charge to refund.');
    const left = c.amount - c.amount_refunded, amount = q.amount === undefined ? left : whole(q.amount, 'amount');
    if (left === 0) throw bad(`Charge ${c.id} has already been refunded.`, { code: 'charge_already_refunded' });
    if (amount > left) throw bad(`Refund amount (${amount}) is greater than unrefunded amount on charge (${left})`);
    c.amount_refunded += amount;
    const r = this.add(this.refunds, 're', 'refund', { amount, currency: c.currency, payment_intent: pi.id, charge: c.id, reason: q.reason ?? null, status: 'succeeded',
      metadata: q.metadata ?? {} });
    this.event('charge.refunded', c);
    this.event('refund.created', r);
    return r;
  }
  refundByHand(id, amount) { return this.refund({ payment_intent: this.find(this.sessions, id).payment_intent, ...(amount ? { amount: String(amount) } : {}) }); }
  dispute(id) {
    const pi = this.find(this.intents, this.find(this.sessions, id).payment_intent), c = this.charges.get(pi.latest_charge);
    c.disputed = true;
    this.event('charge.dispute.created', { id: this.id('dp'), object: 'dispute', amount: c.amount, currency: c.currency, charge: c.id, payment_intent: pi.id, status: 'needs_response' });
    return c;
  }

  // ---- the page ----
  page(method, url, raw) {
    const id = /^\/c\/pay\/(cs_test_\w+)$/.exec(url.pathname)?.[1], s = id && this.sessions.get(id);
    if (!s) return null;
    const money = `${(s.amount_total / (['jpy', 'krw'].includes(s.currency) ? 1 : 100)).toFixed(['jpy', 'krw'].includes(s.currency) ? 0 : 2)} ${s.currency.toUpperCase()}`;
    const act = method === 'POST' ? new URLSearchParams(raw.toString()).get('act') : '';
    if (act === 'cancel') return { status: 303, location: s.cancel_url ?? s.success_url };
    if (act) {
      try { this.pay(id, act); } catch (e) { if (!(e instanceof Refusal)) throw e; }
      if (s.status === 'complete') return { status: 303, location: s.success_url.replaceAll('{CHECKOUT_SESSION_ID}', id) };
    }
    return { html: html('Stripe simulator', `<h1>${escape(s._lines[0].name)}</h1><p>${escape(money)}${s.mode === 'subscription' ? ', renewed' : ''}</p><p>This session is ${s.status}.</p>
<form method="post"><button name="act" value="card">Pay</button><button name="act" value="delayed">Pay, in days</button><button name="act" value="declined">Be declined</button>
<button name="act" value="cancel">Cancel</button></form>`) };
  }
}

export async function startStripe(options = {}, t = null) {
  const s = await new Stripe(options).listen(options.port);
  t?.after(() => s.close());
  return s;
}

if (process.argv[1] === import.meta.filename) {
  const f = flags(), s = await startStripe({ port: Number(f.port ?? 9101), notify: f.notify ?? '' });
  everySecond(s);
  console.log(`simulator of Stripe: ${s.url}\nZOETROPE_PAY_STRIPE_URL=${s.url} ZOETROPE_PAY_STRIPE_KEY=${s.key} ZOETROPE_PAY_STRIPE_WEBHOOK_SECRET=${s.secret} ` +
    `ZOETROPE_CLIENT_ALLOW=127.0.0.1:${s.port}`);
}
