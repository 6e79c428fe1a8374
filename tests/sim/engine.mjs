// engine.mjs - what the simulators of AI engines share: tasks that move by the clock, inputs that are fetched and looked at, results that are files
// with a life, a count of what was billed, and the faults that every engine must survive.
import { createHmac } from 'node:crypto';
import { hex, html, escape, Refusal, Sim } from './sim.mjs';
import { clip, picture, probe, sha256 } from './media.mjs';

export const MB = 1 << 20, HOUR = 3_600_000, DAY = 24 * HOUR;
const FILES_MAX = 2000, FETCH_MS = 10_000, INPUT_MAX = 256 * MB, ENDINGS = { 'image/png': 'png', 'image/jpeg': 'jpg', 'video/mp4': 'mp4' };

/**
 * Of one call. 401, arrears, moderation, 429 (no header), 429_seconds (Retry-After: 2), 429_date (the same as a date): nothing happens. It happens, and
 * then: cut (200, whole by its length, and half the JSON), extra (fields that nobody knows), strings (numbers as strings), skewed (Date is {seconds: 600} off).
 */
export const CALLS = ['401', 'arrears', 'moderation', '429_seconds', '429_date', 'cut', 'extra', 'strings', 'skewed'];
/**
 * Of the task that a call makes. late: takes {seconds: 3600} longer; success_then_failed: to be asked once says success, after that failure; vanish: it
 * runs, is billed, and nobody knows it; odd_status: a word that is not in the book; error_inside: success, with an error in it; empty: success, and
 * nothing; partial: one result too few; cancelled, expired: by the provider, unasked.
 */
export const FATES = ['moderation_after', 'failed', 'success_then_failed', 'partial', 'vanish', 'odd_status', 'error_inside', 'empty', 'late', 'cancelled', 'expired'];
/** Of its results: 403, 404 ({seconds: 0} after they were made), wrong (a page, called a picture), empty, short (ends before its Content-Length), private and
 * redirect (the link leads, at once or by a redirect, into a private network). */
export const RESULTS = ['result_403', 'result_404', 'result_wrong', 'result_empty', 'result_short', 'result_private', 'result_redirect'];
export const FAULTS_TEXT = `Faults of every engine (order them by POST /_sim/faults, or by writing simulate-KIND into a prompt or an input's address):
  calls    those of sim.mjs, and ${CALLS.join(', ')}
  tasks    ${FATES.join(', ')}
  results  ${RESULTS.join(', ')}
Of these, one knows those that can happen to it. POST below /_sim/, JSON, beside those of sim.mjs:
  fate  {id, kind}     of a task that has not ended; finish {id}: now
  GET state            tasks, inputs that were fetched, what was billed`;

/** An answer that is no JSON. */
export class Raw {
  constructor(bytes, type, { status = 200, length, headers = {} } = {}) { Object.assign(this, { bytes, type, status, length, headers }); }
}
/** An answer that is JSON, and no 200. */
export class Json {
  constructor(body, status, headers = {}) { Object.assign(this, { body, status, headers }); }
}
export const no = (status, body, headers = {}) => Object.assign(new Refusal(status, body), { headers });

/** What of it is wrong: '', 'type', 'bytes', 'side', 'ratio' or 'seconds'. */
function judge(bytes, is, { types = ['image/png', 'image/jpeg'], bytes_max = Infinity, side_min = 1, side_max = Infinity, short_min = 0, ratio_max = Infinity, seconds = [0, Infinity] }) {
  if (bytes.length > bytes_max) return 'bytes';
  if (!is || !types.includes(is.type)) return 'type';
  const short = Math.min(is.width, is.height), long = Math.max(is.width, is.height);
  if (short < Math.max(side_min, short_min) || long > side_max) return 'side';
  if (long / short > ratio_max) return 'ratio';
  return is.seconds !== undefined && !(is.seconds >= seconds[0] && is.seconds <= seconds[1]) ? 'seconds' : '';
}

export class EngineSim extends Sim {
  tags = true;
  bodyMax = 64 * MB;
  tasks = new Map();
  files = new Map();
  inputs = [];
  bills = [];
  #rates = new Map();
  #linkKey = hex(16);
  #live = new Set();
  #lanes = new Map();
  #pending = new Set();
  #quiet_ms = 0;         // nothing happens by itself before

  /** queue_ms: before a task runs, at least; run_ms: how long it runs; lanes: how many at a time, of each lane (lanesOf). */
  constructor({ queue_ms = 1000, run_ms = 4000, lanes = Infinity, schedule = [], ...more } = {}) {
    super({ schedule, ...more });
    Object.assign(this, { queue_ms, run_ms, lanes });
  }
  kinds = [...CALLS, ...FATES, ...RESULTS];
  verbs = {
    state: () => this.state(),
    fate: ({ id, kind, ...more }) => {
      const t = this.tasks.get(id);
      if (!t || t.state === 'ended' || ![...FATES, ...RESULTS].includes(kind)) throw new Refusal(400, { message: 'no such task is under way, or no such fate' });
      t.fate = { kind, ...more };
    },
    finish: q => this.finish(q.id),
  };
  state() { return { tasks: [...this.tasks.values()], inputs: this.inputs, billed: this.billed }; }
  get billed() {
    const sum = {};
    for (const b of this.bills) sum[b.what] = (sum[b.what] ?? 0) + b.units;
    return sum;
  }
  bill(what, units, task = '') { this.bills.push({ what, units, task }); }

  // ---- calls ----
  opOf(call) { return call.url.pathname.startsWith('/files/') ? 'GET /files' : this.op(call); }
  async answer(call) {
    this.happen();
    let said, status = 200, headers = {};
    try {
      if (call.op === 'GET /files') said = this.#file(call);
      else {
        const ordered = this.ordered(call);
        if (ordered) throw ordered;
        said = await this.route(call);
        this.happen();
        if (call.fault === '500_after') throw this.refusal('500', {}, call);
        if (call.fault === 'early_notice') await this.sendDue();
      }
      if (said instanceof Raw || said instanceof Json) status = said.status;
      if (said instanceof Json) ({ headers, body: said } = said);
    } catch (e) {
      if (!(e instanceof Refusal)) throw e;
      ({ status, headers = {} } = e);
      said = e.body;
    }
    const skew = call.fault === 'skewed' ? (call.how.seconds ?? 600) * 1000 : 0;
    headers = { Date: new Date(this.now() + skew).toUTCString(), ...this.headers?.(call), ...headers };
    if (said instanceof Raw) return { status, headers: { ...headers, 'Content-Type': said.type, ...said.headers }, body: said.bytes, length: said.length };
    if (call.fault === 'extra') said = this.#extra(said);
    let body = said === undefined ? '' : this.text(JSON.stringify(said, call.fault === 'strings' ? (k, v) => (typeof v === 'number' ? String(v) : v) : undefined));
    if (call.fault === 'cut') body = body.slice(0, body.length / 2);
    return { status, headers: { ...headers, ...(body ? { 'Content-Type': 'application/json' } : {}) }, body };
  }
  text(json) { return json; }
  /** Objects whose names are data, so that a name nobody knows would be data too. */
  maps = [];
  #extra(v, name = '(root)') {
    if (Array.isArray(v)) return v.map(x => this.#extra(x));
    if (v === null || typeof v !== 'object') return v;
    const inner = Object.fromEntries(Object.entries(v).map(([k, x]) => [k, this.#extra(x, k)]));
    return this.maps.includes(name) ? inner : { ...inner, x_new_field: { of: ['a', 1, null] } };
  }
  /** The refusal that was ordered for this call. refusal(kind, how, call) of a simulator says it in its provider's words. */
  ordered(call) {
    const kind = { '429_seconds': '429', '429_date': '429' }[call.fault] ?? call.fault;
    if (!['401', '429', '500', 'arrears', 'moderation', 'refuse', ...this.refusals ?? []].includes(kind)) return null;
    const e = this.refusal(kind, call.how, call);
    if (call.fault === '429_seconds') e.headers = { ...e.headers, 'Retry-After': '2' };
    if (call.fault === '429_date') e.headers = { ...e.headers, 'Retry-After': new Date(this.now() + 2000).toUTCString() };
    return e;
  }
  json(raw, refuse) { try { return JSON.parse(raw); } catch { throw refuse; } }
  /** Is this one more than max in so many ms? It counts if not. */
  over(what, max, per_ms = 1000) {
    const at = (this.#rates.get(what) ?? []).filter(t => t > this.now() - per_ms);
    this.#rates.set(what, at);
    if (at.length >= max) return true;
    at.push(this.now());
    return false;
  }

  // ---- tasks ----
  fateOf(call) { return [...FATES, ...RESULTS].includes(call.fault) ? call.how : null; }
  /**
   * queued now; `moved(task)` is called when it runs and when it ended. Of fields: lane is whom it queues with, a lower priority runs sooner, and at
   * deadline_ms it has ended, with overdue set.
   */
  begin(id, fields) {
    const t = { id, made_ms: this.now(), started_ms: null, ended_ms: null, state: 'queued', fate: null, lane: '', priority: 0, ...fields };
    this.tasks.set(id, t);
    this.#live.add(t);
    this.#by(t.made_ms + this.queue_ms);
    this.#by(t.deadline_ms);
    return t;
  }
  runMs(t) { return (t.run_ms ?? this.run_ms) + (t.fate?.kind === 'late' ? (t.fate.seconds ?? 3600) * 1000 : 0); }
  lanesOf() { return this.lanes; }
  #lane(name) {
    if (!this.#lanes.has(name)) this.#lanes.set(name, { running: 0, free_ms: 0 });
    return this.#lanes.get(name);
  }
  /** each(at, task, state) of what happens by itself as things are. Of a lane that is full in part only the first begins. */
  #events(each) {
    const heads = new Map(), ready = t => t.ready_ms ?? t.made_ms + this.queue_ms;
    for (const t of this.#live) {
      if (t.deadline_ms !== undefined) each(t.deadline_ms, t, 'overdue');
      if (t.state === 'running' && !t.pending) each(t.started_ms + this.runMs(t), t, 'ended');
      if (t.state !== 'queued') continue;
      if (this.lanesOf(t.lane) === Infinity) each(ready(t), t, 'running');
      else if (!(heads.get(t.lane)?.priority <= t.priority)) heads.set(t.lane, t);
    }
    for (const [name, t] of heads) {
      const lane = this.#lane(name);
      if (lane.running < this.lanesOf(name)) each(Math.max(ready(t), lane.free_ms), t, 'running');
    }
  }
  nextEvent() {
    let next = Infinity;
    this.#events(at => { if (at < next) next = at; });
    return next;
  }
  happen() {
    while (this.#quiet_ms <= this.now()) {
      const due = [], now = this.now();
      let next = Infinity;
      this.#events((at, t, state) => {
        if (at <= now) due.push({ at, t, state, was: t.state });
        else if (at < next) next = at;
      });
      this.#quiet_ms = next;
      for (const { at, t, state, was } of due.sort((x, y) => x.at - y.at)) {
        if (t.state !== was) continue;                                // what came first changed that
        if (state === 'overdue') t.overdue = true;
        this.move(t, state === 'overdue' ? 'ended' : state, at);
      }
    }
  }
  #by(ms) { if (ms < this.#quiet_ms) this.#quiet_ms = ms; }
  move(t, state, at = this.now()) {
    const lane = this.#lane(t.lane), full = lane.running >= this.lanesOf(t.lane);
    if (t.state === 'running') {
      lane.running--;
      if (full) lane.free_ms = at;
    }
    if (state === 'running') lane.running++;
    if (state === 'ended') this.#live.delete(t);
    t.state = state;
    if (state !== 'queued') t[state === 'running' ? 'started_ms' : 'ended_ms'] = at;
    if (this.lanesOf(t.lane) !== Infinity) this.#quiet_ms = 0;       // the next of its lane may begin
    else if (state === 'running') this.#by(at + this.runMs(t));
    this.moved?.(t);
  }
  /** Once more from the queue, as if it had not run. */
  again(t) {
    Object.assign(t, { state: 'queued', ready_ms: t.ended_ms, started_ms: null, ended_ms: null });
    this.#live.add(t);
    this.#quiet_ms = 0;
  }
  /** It cannot end before that is over. */
  until(t, promise) {
    t.pending = true;
    const p = promise.catch(e => { this.broken ??= e; }).then(() => {
      this.#pending.delete(p);
      t.pending = false;
      this.#quiet_ms = 0;
      this.happen();
      return this.mode === 'auto' ? super.sendDue() : null;
    });
    this.#pending.add(p);
  }
  /** Of what tasks wait for the clock knows nothing: first that, and then what is due. */
  async sendDue() {
    while (this.#pending.size) await Promise.all(this.#pending);
    this.happen();
    return super.sendDue();
  }
  /** Runs to its end, whatever the clock says. */
  async finish(id) {
    const t = this.tasks.get(id);
    if (!t) throw new Refusal(404, { message: `no task ${id}` });
    if (t.state === 'queued') this.move(t, 'running');
    while (this.#pending.size) await Promise.all(this.#pending);
    if (t.state === 'running') this.move(t, 'ended');
    return this.sendDue();
  }
  /** How many of its lane will run before it. */
  ahead(t) {
    let n = 0, past = false;
    for (const o of this.#live) {
      if (o === t) past = true;
      else if (o.state === 'queued' && o.lane === t.lane && (o.priority < t.priority || (o.priority === t.priority && !past))) n++;
    }
    return n;
  }
  get underWay() { return this.#live.size; }
  /** Has its provider lost it? */
  vanished(t) { return t.fate?.kind === 'vanish' && this.now() >= t.made_ms + (t.fate.seconds ?? 0) * 1000; }
  /** What the end of it is, this time it is asked for: '' is success. */
  endOf(t) { return t.fate?.kind === 'success_then_failed' ? (t.told = (t.told ?? 0) + 1) > 1 ? 'failed' : '' : t.fate?.kind ?? ''; }

  // ---- inputs ----
  /** A link of ours is followed as a stranger would; a data: URL or bytes are taken as they are. {fault, data, sha256, type, width, height, seconds}. */
  async input(source, limits = {}) {
    const seen = { from: Buffer.isBuffer(source) ? '(bytes)' : source.slice(0, 300), status: 0, bytes: 0, type: '', sha256: '', fault: 'download' };
    this.inputs.push(seen);
    const data = Buffer.isBuffer(source) ? source : await this.#fetch(source, seen, limits);
    if (!data) return seen;
    const is = probe(data);
    Object.assign(seen, { bytes: data.length, sha256: sha256(data), ...is, fault: judge(data, is, limits) });
    return { ...seen, data };
  }
  async #fetch(source, seen, { fetch_ms = FETCH_MS, redirects = true }) {
    const inline = /^data:[\w/+.-]+;base64,([A-Za-z0-9+/]*={0,2})$/.exec(source)?.[1];
    if (inline !== undefined) return Buffer.from(inline, 'base64');
    if (!/^https?:\/\/[\x21-\x7e]+$/.test(source)) return null;
    const own = this.own?.(new URL(source));
    if (own !== undefined) return own;
    try {
      const r = await fetch(source, { signal: AbortSignal.timeout(fetch_ms), redirect: redirects ? 'follow' : 'manual' });
      seen.status = r.status;
      const parts = [];
      let n = 0;
      for await (const part of r.body ?? []) {
        parts.push(part);
        if ((n += part.length) > INPUT_MAX) return null;
      }
      return r.ok ? Buffer.concat(parts) : null;
    } catch {
      return null;
    }
  }

  // ---- results ----
  picture(key, sides) { return picture(key, sides); }
  clip(key, more) { return clip(key, more); }
  /** A link to a file, which dies life_ms after `from`. */
  keep(bytes, type, life_ms, fate = null, from = this.now()) {
    const name = `${hex(12)}.${ENDINGS[type]}`, kind = RESULTS.includes(fate?.kind) ? fate.kind : '', until = Math.floor((from + life_ms) / 1000);
    this.files.set(name, { bytes, type, kind, until_ms: until * 1000, wrong_ms: from + (fate?.seconds ?? 0) * 1000 });
    if (this.files.size > FILES_MAX) this.files.delete(this.files.keys().next().value);
    return kind === 'result_private' ? `http://10.0.0.7/${name}` : `${this.url}/files/${name}?Expires=${until}&Signature=${this.#sign(name, until)}`;
  }
  #sign(name, until) { return createHmac('sha256', this.#linkKey).update(`${name}\n${until}`).digest('hex').slice(0, 32); }
  #file({ url, fault, how }) {
    const name = url.pathname.slice('/files/'.length), f = this.files.get(name), until = url.searchParams.get('Expires');
    const xml = (status, code, message) => new Raw(`<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${message}</Message></Error>`, 'application/xml', { status });
    const kind = f ? this.spoiled(f) : '', ordered = { 500: 500, '500_after': 500, 429: 503, refuse: how?.status }[fault];
    if (ordered) return xml(ordered, how.code || (ordered === 503 ? 'SlowDown' : 'InternalError'), 'refused on order');
    if (!f || kind === 'result_404') return xml(404, 'NoSuchKey', 'The specified key does not exist.');
    if (url.searchParams.get('Signature') !== this.#sign(name, until)) return xml(403, 'SignatureDoesNotMatch', 'The request signature we calculated does not match.');
    if (this.now() >= f.until_ms || kind === 'result_403') return xml(403, 'AccessDenied', 'Request has expired.');
    if (kind === 'result_redirect') return new Raw('', 'text/plain', { status: 302, headers: { Location: `http://169.254.169.254/${name}` } });
    return this.served(f);
  }
  spoiled(f) { return this.now() >= f.wrong_ms ? f.kind : ''; }
  /** A file {bytes, type, kind, wrong_ms} as it comes, and what was ordered for it. */
  served(f) {
    const kind = this.spoiled(f);
    if (kind === 'result_wrong') return new Raw('<!doctype html><title>Not a picture</title>', f.type);
    if (kind === 'result_empty') return new Raw('', f.type);
    if (kind === 'result_short') return new Raw(f.bytes.subarray(0, f.bytes.length / 2), f.type, { length: f.bytes.length });
    return new Raw(f.bytes, f.type);
  }

  // ---- the page ----
  index() {
    const name = this.constructor.name, row = cells => `<tr>${cells.map(c => `<td>${escape(c)}</td>`).join('')}</tr>`;
    return html(`${name} simulator`, `<h1>${name} simulator</h1><h2>Tasks</h2><table>${[...this.tasks.values()].reverse().map(t => row([t.id, t.what ?? '', t.state, t.fate?.kind ?? ''])).join('')}</table>
<h2>Asked</h2><table>${this.calls.slice(-50).reverse().map(c => row([c.op, c.status])).join('')}</table>
<h2>Inputs</h2><table>${this.inputs.slice(-50).reverse().map(i => row([i.from, i.type, i.bytes, i.fault])).join('')}</table><p>Billed: ${escape(JSON.stringify(this.billed))}</p>`,
    'no AI is at work here, and nothing is charged');
  }
}

/** In a test: const sim = await start(Class, options, t). */
export async function start(Class, options = {}, t = null) {
  const s = await new Class(options).listen(options.port);
  t?.after(() => s.close());
  return s;
}
