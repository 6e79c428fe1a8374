#!/usr/bin/env node
// stripe.mjs - a simulator of Stripe: Checkout Sessions, payment intents, subscriptions, refunds, idempotency, signed events; and a page to pay on.
// In a test: const stripe = await startStripe({ notify }).
// Stricter than Stripe where that finds mistakes: an unknown parameter, and a call that does not pin its Stripe-Version, are refused.
import { createHash, createHmac } from 'node:crypto';
import { byHand, escape, hex, html, Refusal, Sim } from './sim.mjs';

const USAGE = `stripe.mjs - a simulator of Stripe; no money is moved by it, and its state is gone when it ends

  node tests/sim/stripe.mjs --notify=http://127.0.0.1:8080/v1/hooks/stripe

  --port=N        0 (the default): any that is free
  --notify=URL    where events go to
  --key=, --secret=   of the API (sk_test_simulator), of the signatures of events (whsec_simulator; two with a comma while one replaces the other)

Prints one line of JSON: its URL, and the settings to start the server with. Its own page (/) lists the sessions. POST below /_sim/, JSON, beside
those of sim.mjs:
  pay       {session, how: card | delayed | declined | late}    settle {session, ok}        the end of a delayed one
  renew     {subscription, ok}    now; else it happens when the clock gets there, and bank {subscription, ok} says how
  decline   {times}               the next charges that a call asks for are refused (402)
  refund    {session, amount}     by a person in Stripe's dashboard
  refunds   {status, times}       the next refunds are "pending" at first; settle_refund {refund, status} ends them
  dispute   {session}             end_dispute {session, won, fee_back}
  GET state                       every object`;

const DAY_S = 86_400, DAY = DAY_S * 1000;
// "Up to three days with growing gaps."
const SCHEDULE = [60, 300, 1800, 7200, 18_000, 36_000, 36_000, 36_000, 36_000, 36_000];
const PATIENCE_MS = 20_000;
// Days after a renewal failed; then the subscription is over. Stripe lets each account choose.
const DUNNING_DAYS = [3, 5, 7];
const DISPUTE_FEE = 1500;

const error = (status, type, message, more = {}) => new Refusal(status, { error: { type, message, ...more } });
const bad = (message, more) => error(400, 'invalid_request_error', message, more);
const declined = more => error(402, 'card_error', 'Your card was declined.', { code: 'card_declined', decline_code: 'generic_decline', ...more });

/** The same day n months later; of the 31st, the last of a shorter month. */
function addMonths(s, n, day) {
  const d = new Date(s * 1000), first = Date.UTC(d.getUTCFullYear(), d.getUTCMonth() + n, 1, d.getUTCHours(), d.getUTCMinutes(), d.getUTCSeconds());
  const last = new Date(Date.UTC(d.getUTCFullYear(), d.getUTCMonth() + n + 1, 0)).getUTCDate();
  return first / 1000 + (Math.min(day, last) - 1) * DAY_S;
}
const changes = (before, now) => Object.fromEntries(Object.keys(now).filter(k => JSON.stringify(before[k]) !== JSON.stringify(now[k])).map(k => [k, before[k]]));

/** a[b][0]=c as {a: {b: [c]}}. */
export function unform(text) {
  const out = Object.create(null);
  for (const [key, value] of new URLSearchParams(text)) {
    const path = key.split('[').map(p => p.replace(/\]$/, ''));
    let at = out;
    path.forEach((p, i) => {
      if (p === '') p = Object.keys(at).length;
      if (i === path.length - 1) at[p] = value;
      else at = at[p] ??= Object.create(null);
      if (typeof at !== 'object') throw bad(`Invalid form: ${key}`);
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
  disputes = new Map();
  #keys = new Map();
  #running = new Set();
  #declines = 0;
  #refundsAs = { status: 'succeeded', times: 0 };
  #cause = { id: null, idempotency_key: null };

  constructor({ key = 'sk_test_simulator', secret = 'whsec_simulator', notify = '', ...more } = {}) {
    super({ schedule: SCHEDULE, patience_ms: PATIENCE_MS, ...more });
    Object.assign(this, { key, secret, notifyUrl: notify });
  }

  verbs = {
    pay: q => this.pay(q.session, q.how), settle: q => this.settle(q.session, q.ok), renew: q => this.renew(q.subscription, q.ok),
    bank: q => { this.find(this.subscriptions, q.subscription)._bank = q.ok; }, decline: q => this.decline(q.times),
    refund: q => this.refundByHand(q.session, q.amount), refunds: q => this.refundsBe(q.status, q.times), settle_refund: q => this.settleRefund(q.refund, q.status),
    dispute: q => this.dispute(q.session), end_dispute: q => this.endDispute(q.session, q.won, q.fee_back), state: () => this.state(),
  };
  state() {
    const all = ['sessions', 'intents', 'charges', 'refunds', 'subscriptions', 'invoices', 'customers', 'disputes', 'events'];
    return Object.fromEntries(all.map(k => [k, [...this[k].values()]]));
  }

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
  event(type, object, previous_attributes) {
    const e = { id: this.id('evt'), object: 'event', api_version: '2026-10-28.endive', created: this.seconds(), type, livemode: false, pending_webhooks: 1,
      request: { ...this.#cause }, data: { object: this.#bare(object), ...(previous_attributes ? { previous_attributes } : {}) } };
    const body = JSON.stringify(e);
    this.events.set(e.id, e);
    this.notify(this.notifyUrl, e.id, type, [object.id, object.client_reference_id, object.metadata?.number], ({ stale_s = 0 }) => {
      const t = this.seconds() - stale_s, v1 = k => createHmac('sha256', k).update(`${t}.${body}`).digest('hex');
      const signature = [`t=${t}`, ...this.secret.split(',').map(k => `v1=${v1(k.trim())}`), `v0=${'0'.repeat(64)}`].join(',');
      return { headers: { 'Content-Type': 'application/json; charset=utf-8', 'Stripe-Signature': signature }, body };
    });
  }
  #bare(object) { return JSON.parse(JSON.stringify(object, (k, v) => (k.startsWith('_') ? undefined : v))); }

  // ---- what time does ----
  nextEvent() {
    const at = [...this.sessions.values()].filter(s => s.status === 'open').map(s => s.expires_at);
    for (const s of this.subscriptions.values()) if (s.status !== 'canceled') at.push(s._retry_s ?? s.items.data[0].current_period_end);
    return at.length ? Math.min(...at) * 1000 : Infinity;
  }
  happen() {
    for (const s of this.sessions.values()) this.#overdue(s);
    for (const s of this.subscriptions.values())
      if (s.status !== 'canceled' && (s._retry_s ?? s.items.data[0].current_period_end) <= this.seconds()) this.renew(s.id, s._bank);
  }

  // ---- calls ----
  opOf({ method, url }) { return `${method} ${url.pathname.replace(/\/(cs|sub|in|pi|re|ch|cus|evt|dp)_\w+/, '/:id')}`; }

  async answer(call) {
    const id = this.id('req');
    const say = (status, body) => {
      if (body.error) body.error.request_log_url = `${this.url}/#${id}`;
      return { status, headers: { 'Content-Type': 'application/json', 'Request-Id': id }, body: JSON.stringify(body) };
    };
    if (call.fault === '429') return say(429, { error: { type: 'rate_limit_error', code: 'rate_limit', message: 'Too many requests' } });
    try {
      this.#authorise(call);
      return this.#remembered(call, say, () => {
        if (call.fault === '500') throw error(500, 'api_error', 'Something went wrong on our end');
        if (call.fault === 'refuse') throw error(call.how.status, call.how.status === 402 ? 'card_error' : 'invalid_request_error', 'refused on order', { code: call.how.code || undefined });
        this.#cause = { id, idempotency_key: call.headers['idempotency-key'] ?? null };
        try {
          const done = this.#route(call);
          if (call.fault === '500_after') throw error(500, 'api_error', 'Something went wrong on our end');
          return done;
        } finally {
          this.#cause = { id: null, idempotency_key: null };
        }
      });
    } catch (e) {
      if (!(e instanceof Refusal)) throw e;
      return say(e.status, e.body);
    }
  }

  #authorise({ method, headers, raw }) {
    const basic = /^Basic (.+)$/.exec(headers.authorization ?? ''), key = basic ? Buffer.from(basic[1], 'base64').toString().split(':')[0]
      : /^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1];
    if (key !== this.key) throw error(401, 'invalid_request_error', 'Invalid API Key provided');
    if (!/^\d{4}-\d\d-\d\d(\.\w+)?$/.test(headers['stripe-version'] ?? '')) throw bad('This simulator wants a Stripe-Version');
    if (method === 'POST' && raw.length && !/^application\/x-www-form-urlencoded\b/.test(headers['content-type'] ?? ''))
      throw bad('The body must be application/x-www-form-urlencoded');
  }

  /** While a call waits ("slow"), its key is in use. */
  began(call) {
    const key = call.method === 'POST' && call.headers['idempotency-key'];
    if (!key) return null;
    this.#running.add(key);
    return () => this.#running.delete(key);
  }

  /** The first answer to a key is the answer to it, a 500 too; what validation refused, and what met the same key under way, is not stored. */
  #remembered(call, say, run) {
    const key = call.method === 'POST' && call.headers['idempotency-key'];
    const attempt = () => {
      try { return say(200, run()); } catch (e) { if (e instanceof Refusal) return say(e.status, e.body); throw e; }
    };
    if (!key) return attempt();
    if (key.length > 255) throw bad('Idempotency-Key is too long');
    if (this.#running.has(key))
      throw error(409, 'idempotency_error', 'There is currently another in-progress request using this Idempotent Key', { code: 'idempotency_key_in_use' });
    for (const [k, v] of this.#keys) if (v.at < this.now() - DAY) this.#keys.delete(k);
    const hash = createHash('sha256').update(`${call.method} ${call.url.pathname}\n`).update(call.raw).digest('hex'), old = this.#keys.get(key);
    if (old && old.hash !== hash)
      throw error(400, 'idempotency_error', `Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than '${key}'`);
    if (old) return { ...old.answer, headers: { ...old.answer.headers, 'Idempotent-Replayed': 'true' } };
    const answer = attempt();
    if (answer.status < 400 || answer.status >= 500 || answer.status === 402) this.#keys.set(key, { hash, answer, at: this.now() });
    return answer;
  }

  #routes = [
    ['POST checkout/sessions', q => this.create(q)],
    ['GET checkout/sessions', q => this.list('sessions', q, ['payment_intent', 'subscription', 'customer', 'status'])],
    ['GET checkout/sessions/:id', (q, id) => this.find(this.sessions, id)],
    ['POST checkout/sessions/:id/expire', (q, id) => this.expire(this.find(this.sessions, id))],
    ['POST payment_intents', q => this.createIntent(q)],
    ['GET payment_intents', q => this.list('intents', q, ['customer'])],
    ['GET payment_intents/:id', (q, id) => this.find(this.intents, id)],
    ['POST payment_intents/:id/confirm', (q, id) => this.confirmIntent(this.find(this.intents, id), q)],
    ['POST payment_intents/:id/cancel', (q, id) => this.cancelIntent(this.find(this.intents, id), q)],
    ['POST customers', q => { only(q, ['email', 'name', 'metadata', 'description']); return this.add(this.customers, 'cus', 'customer', { ...q, metadata: q.metadata ?? {} }); }],
    ['GET customers/:id', (q, id) => this.find(this.customers, id)],
    ['GET subscriptions', q => this.list('subscriptions', q, ['customer', 'status'])],
    ['GET subscriptions/:id', (q, id) => this.find(this.subscriptions, id)],
    ['POST subscriptions/:id', (q, id) => this.change(this.find(this.subscriptions, id), q)],
    ['DELETE subscriptions/:id', (q, id) => this.end(this.find(this.subscriptions, id))],
    ['GET invoices', q => this.list('invoices', q, ['customer', 'status', 'subscription'])],
    ['GET invoices/:id', (q, id) => this.find(this.invoices, id)],
    ['POST refunds', q => this.refund(q)],
    ['GET refunds', q => this.list('refunds', q, ['payment_intent', 'charge'])],
    ['GET refunds/:id', (q, id) => this.find(this.refunds, id)],
    ['GET charges/:id', (q, id) => this.find(this.charges, id)],
    ['GET disputes', q => this.list('disputes', q, ['payment_intent', 'charge'])],
    ['GET disputes/:id', (q, id) => this.find(this.disputes, id)],
    ['GET events', q => this.list('events', q, ['type'])],
    ['GET events/:id', (q, id) => this.find(this.events, id)],
  ].map(([name, run]) => ({ method: name.split(' ')[0], pattern: new RegExp(`^/v1/${name.split(' ')[1].replace(':id', '(\\w+)')}$`), run }));

  #route({ method, url, raw }) {
    const q = unform(method === 'GET' ? url.search.slice(1) : raw.toString()), expand = list(q.expand);
    delete q.expand;
    for (const r of this.#routes) {
      const m = r.method === method && r.pattern.exec(url.pathname);
      if (m) return this.#expanded(r.run(q, m[1]), expand);
    }
    throw error(404, 'invalid_request_error', `Unrecognized request URL (${method}: ${url.pathname})`);
  }
  /** Newest first, a page at a time. */
  list(what, q, filters) {
    only(q, [...filters, 'limit', 'starting_after', 'created']);
    const limit = q.limit === undefined ? 10 : whole(q.limit, 'limit');
    if (limit > 100) throw bad('limit: at most 100', { param: 'limit' });
    const has = (o, f) => (what === 'invoices' && f === 'subscription' ? o.parent.subscription_details.subscription : o[f]);
    let all = [...this[what].values()].reverse().filter(o => filters.every(f => q[f] === undefined || has(o, f) === q[f]));
    if (q.created?.gte) all = all.filter(o => o.created >= Number(q.created.gte));
    if (q.starting_after) {
      const at = all.findIndex(o => o.id === q.starting_after);
      if (at < 0) throw bad(`No such object: '${q.starting_after}'`, { code: 'resource_missing', param: 'starting_after' });
      all = all.slice(at + 1);
    }
    return { object: 'list', data: all.slice(0, limit), has_more: all.length > limit, url: `/v1/${what === 'sessions' ? 'checkout/sessions' : what === 'intents' ? 'payment_intents' : what}` };
  }

  #maps = { payment_intent: 'intents', latest_charge: 'charges', balance_transaction: 'balances', subscription: 'subscriptions', latest_invoice: 'invoices', invoice: 'invoices', customer: 'customers' };
  #expanded(object, paths) {
    const out = structuredClone(object);
    if (object.object === 'list') {                             // each of its data, and those paths say so
      if (paths.some(p => !p.startsWith('data.'))) throw bad('This property cannot be expanded.');
      return { ...this.#bare(out), data: out.data.map(o => this.#expanded(o, paths.map(p => p.slice('data.'.length)))) };
    }
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
    return this.#bare(out);
  }

  // ---- sessions ----
  create(q) {
    only(q, ['mode', 'client_reference_id', 'metadata', 'payment_intent_data', 'subscription_data', 'line_items', 'success_url', 'cancel_url', 'customer', 'expires_at']);
    only(q.payment_intent_data, ['metadata'], 'payment_intent_data.');
    only(q.subscription_data, ['metadata'], 'subscription_data.');
    if (!['payment', 'subscription'].includes(q.mode)) throw bad('Invalid mode', { param: 'mode' });
    if (!/^https?:\/\//.test(q.success_url ?? '')) throw bad('Not a valid URL', { code: 'url_invalid', param: 'success_url' });
    if (q.payment_intent_data && q.mode !== 'payment') throw bad('You can not pass `payment_intent_data` in `subscription` mode.');
    if (q.customer !== undefined && !this.customers.has(q.customer)) throw bad(`No such customer: '${q.customer}'`, { code: 'resource_missing', param: 'customer' });
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
    if (!['card', 'delayed', 'declined', 'late'].includes(how)) throw bad(`how: ${how}`);
    const s = this.find(this.sessions, id);
    this.#overdue(s);
    if (how === 'late' ? s.status === 'complete' : s.status !== 'open') throw bad(`this session is ${s.status}`);
    s.customer ??= this.add(this.customers, 'cus', 'customer', {}).id;
    if (s.mode === 'subscription' && how === 'declined') return s;
    if (s.mode === 'subscription') {
      this.#complete(s);
      return this.#begin(s);
    }
    // One intent for all tries: a declined card leaves the session open and the intent where the next card finds it.
    const pi = s.payment_intent ? this.intents.get(s.payment_intent) : this.add(this.intents, 'pi', 'payment_intent', { amount: s.amount_total, currency: s.currency,
      status: 'requires_payment_method', metadata: s._below, customer: s.customer, latest_charge: null });
    s.payment_intent = pi.id;
    if (how === 'declined') {
      this.event('payment_intent.payment_failed', pi);
      return s;
    }
    this.#complete(s);
    pi.status = how === 'delayed' ? 'processing' : 'succeeded';
    if (how !== 'delayed') this.#charge(s, pi);
    this.event('checkout.session.completed', s);
    return s;
  }
  #complete(s) {
    s.status = 'complete';
    s.url = null;
  }
  decline(times = 1) { this.#declines = times; }
  #cardWorks() { return this.#declines === 0 || this.#declines-- <= 0; }
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

  // ---- payment intents without a session ----
  createIntent(q) {
    only(q, ['amount', 'currency', 'automatic_payment_methods', 'payment_method', 'confirm', 'customer', 'metadata', 'description', 'return_url']);
    if (!/^[a-z]{3}$/.test(q.currency ?? '')) throw bad(`Invalid currency: ${q.currency}`, { param: 'currency' });
    const pi = this.add(this.intents, 'pi', 'payment_intent', { amount: whole(q.amount, 'amount'), currency: q.currency, customer: q.customer ?? null, metadata: q.metadata ?? {},
      status: 'requires_payment_method', latest_charge: null, last_payment_error: null });
    pi.client_secret = `${pi.id}_secret_${hex(8)}`;
    return q.confirm === 'true' ? this.confirmIntent(pi, q) : pi;
  }
  /** By the names that Stripe's documents use for cards of tests; any other is a good one. */
  confirmIntent(pi, q) {
    if (!['requires_payment_method', 'requires_confirmation', 'requires_action'].includes(pi.status))
      throw bad(`This PaymentIntent's status is ${pi.status}.`, { code: 'payment_intent_unexpected_state' });
    if (!q.payment_method && pi.status === 'requires_payment_method') throw bad('You cannot confirm this PaymentIntent because it\'s missing a payment method.');
    if (/authenticationRequired/.test(q.payment_method ?? '') && pi.status !== 'requires_action') {
      pi.status = 'requires_action';
      this.event('payment_intent.requires_action', pi);
      return pi;
    }
    if (/chargeDeclined/.test(q.payment_method ?? '') || !this.#cardWorks()) {
      pi.status = 'requires_payment_method';
      const e = declined();
      pi.last_payment_error = { ...e.body.error };
      this.event('payment_intent.payment_failed', pi);
      e.body.error.payment_intent = this.#bare(pi);
      throw e;
    }
    this.#charge(null, pi);
    return pi;
  }
  cancelIntent(pi, q) {
    only(q, ['cancellation_reason']);
    if (['succeeded', 'canceled', 'processing'].includes(pi.status)) throw bad(`You cannot cancel this PaymentIntent because it has a status of ${pi.status}.`);
    pi.status = 'canceled';
    this.event('payment_intent.canceled', pi);
    return pi;
  }

  // ---- subscriptions ----
  #begin(s) {
    const l = s._lines[0], price = this.add(this.prices, 'price', 'price', { currency: l.currency, unit_amount: l.unit, product: this.id('prod'),
      recurring: { interval: 'month', interval_count: l.months } });
    const item = this.add(this.items, 'si', 'subscription_item', { price, quantity: 1, current_period_start: this.seconds(),
      current_period_end: addMonths(this.seconds(), l.months, new Date(this.now()).getUTCDate()) });
    const sub = this.add(this.subscriptions, 'sub', 'subscription', { status: 'active', customer: s.customer, metadata: s._below, cancel_at_period_end: false, cancel_at: null,
      pause_collection: null, currency: l.currency, items: { object: 'list', data: [item] }, latest_invoice: null, _day: new Date(this.now()).getUTCDate(), _tries: 0, _retry_s: null,
      _bank: true });
    s.subscription = sub.id;
    s.payment_status = 'paid';
    s.invoice = this.#invoice(sub, 'paid').id;
    this.event('checkout.session.completed', s);
    this.event('customer.subscription.created', sub);
    return s;
  }
  #invoice(sub, status, amount) {
    const item = sub.items.data[0], total = amount ?? item.price.unit_amount;
    const i = this.add(this.invoices, 'in', 'invoice', { status: 'open', amount_due: total, amount_paid: 0, currency: sub.currency, customer: sub.customer,
      parent: { type: 'subscription_details', subscription_details: { subscription: sub.id, metadata: sub.metadata } },
      status_transitions: { paid_at: null }, attempt_count: 0, next_payment_attempt: null,
      lines: { object: 'list', data: [{ period: { start: item.current_period_start, end: item.current_period_end }, amount: total }] }, _payments: [] });
    sub.latest_invoice = i.id;
    if (status === 'void') i.status = 'void';
    else this.#collect(sub, i, status === 'paid');
    return i;
  }
  #collect(sub, i, ok) {
    i.attempt_count++;
    if (ok) {
      const pi = this.add(this.intents, 'pi', 'payment_intent', { amount: i.amount_due, currency: sub.currency, status: 'processing', metadata: {}, customer: sub.customer,
        latest_charge: null });
      this.#charge(null, pi);
      Object.assign(i, { status: 'paid', amount_paid: i.amount_due, next_payment_attempt: null });
      i.status_transitions.paid_at = this.seconds();
      i._payments.push({ id: this.id('inpay'), object: 'invoice_payment', payment: { type: 'payment_intent', payment_intent: pi.id } });
    } else {
      i.next_payment_attempt = sub._retry_s;
    }
    this.event(ok ? 'invoice.paid' : 'invoice.payment_failed', i);
  }
  /** A period is over, or what failed is tried again. ok false: the bank refuses; after as many tries as DUNNING_DAYS has, it is over. */
  renew(id, ok = true) {
    const sub = this.find(this.subscriptions, id), item = sub.items.data[0], before = structuredClone(sub);
    if (!['active', 'past_due'].includes(sub.status)) throw bad(`this subscription is ${sub.status}`);
    if (sub.cancel_at_period_end && sub.status === 'active') return this.end(sub);
    const again = sub.status === 'past_due';
    if (!again) {
      item.current_period_start = item.current_period_end;
      item.current_period_end = addMonths(item.current_period_end, item.price.recurring.interval_count, sub._day);
    }
    const days = DUNNING_DAYS[sub._tries];
    if (!ok && again && days === undefined) {
      this.#collect(sub, this.invoices.get(sub.latest_invoice), false);
      return this.end(sub);
    }
    const charged = again || !sub.pause_collection;
    sub._tries = charged && !ok ? sub._tries + 1 : 0;
    sub._retry_s = charged && !ok ? Math.max(this.seconds(), again ? 0 : item.current_period_start) + days * DAY_S : null;
    sub.status = charged && !ok ? 'past_due' : 'active';
    if (again) this.#collect(sub, this.invoices.get(sub.latest_invoice), ok);
    else this.#invoice(sub, sub.pause_collection ? 'void' : ok ? 'paid' : 'open');
    this.event('customer.subscription.updated', sub, changes(this.#bare(before), this.#bare(sub)));
    return sub;
  }
  change(sub, q) {
    only(q, ['cancel_at_period_end', 'pause_collection', 'items', 'proration_behavior', 'payment_behavior', 'metadata']);
    const before = structuredClone(sub);
    if (sub.status === 'canceled') throw bad('A canceled subscription can only update its cancellation_details.');
    if (q.cancel_at_period_end !== undefined) sub.cancel_at_period_end = q.cancel_at_period_end === 'true';
    if (q.pause_collection !== undefined) sub.pause_collection = q.pause_collection === '' ? null : { behavior: q.pause_collection.behavior, resumes_at: null };
    const item = list(q.items)[0];
    if (item) {
      const had = sub.items.data[0], p = item.price_data;
      if (item.id !== had.id || p?.product !== had.price.product) throw error(404, 'invalid_request_error', 'No such subscription item or product', { code: 'resource_missing' });
      const old = had.price.unit_amount, more = whole(p.unit_amount, 'unit_amount') - old, charged = q.proration_behavior === 'always_invoice' && more > 0;
      if (charged && !this.#cardWorks()) throw declined();       // payment_behavior=error_if_incomplete: nothing changes
      had.price = this.add(this.prices, 'price', 'price', { currency: p.currency, unit_amount: old + more, product: p.product,
        recurring: { interval: 'month', interval_count: whole(p.recurring?.interval_count ?? '1', 'interval_count') } });
      if (charged) this.#invoice(sub, 'paid', more);
    }
    this.event('customer.subscription.updated', sub, changes(this.#bare(before), this.#bare(sub)));
    return sub;
  }
  end(sub) {
    if (sub.status === 'canceled') throw error(404, 'invalid_request_error', `No such subscription: '${sub.id}'`, { code: 'resource_missing' });
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
    const status = this.#refundsAs.times-- > 0 ? this.#refundsAs.status : 'succeeded';
    const r = this.add(this.refunds, 're', 'refund', { amount, currency: c.currency, payment_intent: pi.id, charge: c.id, reason: q.reason ?? null, status,
      metadata: q.metadata ?? {} });
    this.event('charge.refunded', c);
    this.event('refund.created', r);
    return r;
  }
  refundsBe(status, times = 1) {
    if (!['pending', 'requires_action', 'succeeded'].includes(status)) throw bad(`status: ${status}`);
    this.#refundsAs = { status, times };
  }
  /** status: succeeded, failed or canceled; of the last two the money is the merchant's again. */
  settleRefund(id, status = 'succeeded') {
    const r = this.find(this.refunds, id), c = this.charges.get(r.charge);
    if (!['pending', 'requires_action'].includes(r.status) || !['succeeded', 'failed', 'canceled'].includes(status)) throw bad(`this refund is ${r.status}`);
    r.status = status;
    if (status !== 'succeeded') c.amount_refunded -= r.amount;
    if (status === 'failed') r.failure_reason = 'lost_or_stolen_card';
    this.event(status === 'failed' ? 'refund.failed' : 'refund.updated', r);
    return r;
  }
  refundByHand(id, amount) { return this.refund({ payment_intent: this.find(this.sessions, id).payment_intent, ...(amount ? { amount: String(amount) } : {}) }); }
  dispute(id) {
    const pi = this.find(this.intents, this.find(this.sessions, id).payment_intent), c = this.charges.get(pi.latest_charge);
    c.disputed = true;
    this.event('charge.dispute.created', this.add(this.disputes, 'dp', 'dispute', { amount: c.amount, currency: c.currency, charge: c.id, payment_intent: pi.id,
      status: 'needs_response', balance_transactions: [this.#disputeMove(-c.amount, c.currency, DISPUTE_FEE)] }));
    return c;
  }
  #disputeMove(amount, currency, fee) { return this.add(this.balances, 'txn', 'balance_transaction', { amount, currency, fee, net: amount - fee, type: 'adjustment' }); }
  /** fee_back: of a won one Stripe gives its fee back in some countries. */
  endDispute(id, won, fee_back = false) {
    const pi = this.find(this.sessions, id).payment_intent, d = [...this.disputes.values()].find(x => x.payment_intent === pi);
    if (!d) throw bad('nobody disputes it');
    d.status = won ? 'won' : 'lost';
    if (won) d.balance_transactions.push(this.#disputeMove(d.amount, d.currency, fee_back ? -DISPUTE_FEE : 0));
    this.event('charge.dispute.closed', d);
    return d;
  }

  // ---- the pages ----
  index() {
    return html('Stripe simulator', `<h1>Stripe simulator</h1><ul>${[...this.sessions.values()].reverse().map(s =>
      `<li><a href="/c/pay/${s.id}">${escape(s.client_reference_id ?? s.id)}</a> ${escape(s._lines[0].name)}: ${s.status}, ${s.payment_status}</li>`).join('')}</ul>`);
  }
  page(method, url, raw) {
    const id = /^\/c\/pay\/(cs_test_\w+)$/.exec(url.pathname)?.[1], s = id && this.sessions.get(id);
    if (!s) return null;
    const money = `${(s.amount_total / (['jpy', 'krw'].includes(s.currency) ? 1 : 100)).toFixed(['jpy', 'krw'].includes(s.currency) ? 0 : 2)} ${s.currency.toUpperCase()}`;
    const act = method === 'POST' ? new URLSearchParams(raw.toString()).get('act') : '';
    if (act === 'cancel') return { status: 303, location: s.cancel_url ?? s.success_url };
    if (act) {
      try { this.pay(id, act); } catch (e) { if (!(e instanceof Refusal)) throw e; }
      if (s.status === 'complete' && s.success_url) return { status: 303, location: s.success_url.replaceAll('{CHECKOUT_SESSION_ID}', id) };
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
  await byHand(USAGE, ['port', 'notify', 'key', 'secret'], async ({ port = 0, ...more }) => {
    const sim = await startStripe({ port: Number(port), ...more });
    return { sim, settings: { stripe_url: sim.url, stripe_key: sim.key, stripe_webhook_secret: sim.secret } };
  });
}
