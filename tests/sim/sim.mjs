// sim.mjs - what the simulators of providers share: a server, a clock that can be moved, faults on order, and notices that are sent by a
// schedule and can be held, lost, doubled, reordered, aged or forged. A simulator is no provider: it knows the rules that are written down and
// none that are not. Every answer has the header X-Simulator.
//
// Control, all below /_sim/, JSON in and out (tests call the methods of the object instead):
//   POST clock    {advance_ms}                        moves the clock; what is due on the way happens and is sent at its time
//   POST faults   {op, kind, times, about, ...}  the next calls of that op ("" = any) that name `about`: see Sim.fault(). Where a simulator says so, the
//                 words simulate-KIND anywhere in a request do the same for that one request
//   POST release  {}                                  lets go of everything that "slow" holds
//   POST notices  {mode: "auto" | "hold"}             hold: nothing is sent by itself
//   GET  notices                                      what was made, and how often it was delivered
//   POST trouble  {kind, about, type, times}          the next notices: see Sim.trouble()
//   POST deliver  {id, forge, stale_s, lose}          now, whatever the schedule says
//   GET  calls                                        what was asked of it
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';

const KEPT = 10_000, DRIP_MS = 20;

export const hex = n => randomBytes(n).toString('hex');

/** An answer that is no success. */
export class Refusal extends Error {
  constructor(status, body) { super(JSON.stringify(body)); this.status = status; this.body = body; }
}

export class Sim {
  #server;
  #faults = [];
  #troubles = [];
  #offset = 0;
  #held = [];
  #sending = Promise.resolve();
  bodyMax = 1 << 20;
  notices = [];
  mode = 'auto';
  calls = [];            // {method, path, op, status}: what was asked of it

  /** schedule: seconds until the next try of a notice, after each that failed. patience_ms: how long whoever is noticed may take to answer. */
  constructor({ schedule, now = Date.now, patience_ms }) { Object.assign(this, { schedule, realNow: now, patience_ms }); }

  async listen(port = 0) {
    this.#server = createServer((req, res) => this.#take(req, res).catch(e => { res.destroy(); this.broken = e; }));
    if (this.upgrade) this.#server.on('upgrade', (req, socket, head) => this.upgrade(req, socket, head));
    await new Promise(done => this.#server.listen(port, '127.0.0.1', done));
    this.port = this.#server.address().port;
    this.url = `http://127.0.0.1:${this.port}`;
    return this;
  }
  async close() {
    this.#letGo(() => true);
    this.#server.closeAllConnections();
    await new Promise(done => this.#server.close(done));
    if (this.broken) throw this.broken;
  }

  // ---- the clock ----
  now() { return this.realNow() + this.#offset; }
  seconds() { return Math.floor(this.now() / 1000); }
  /** Stops wherever something is due, so a day in one step and a day in many are the same. */
  async advance(ms) {
    if (!(ms >= 0)) throw new Refusal(400, { message: 'advance_ms: no clock goes back' });
    const end = this.now() + ms, offset = this.#offset + ms;
    await this.sendDue();
    for (;;) {
      const due = this.notices.filter(n => this.#ready(n)).map(n => n.due_ms);
      const at = Math.min(this.nextEvent?.() ?? Infinity, ...due);
      if (!(at <= end)) break;
      this.#offset += Math.max(0, at - this.now());
      this.happen?.();
      await this.sendDue();
    }
    this.#offset = Math.max(this.#offset, offset);
    this.happen?.();
    this.#letGo(h => h.at <= this.now());
    await this.sendDue();
  }

  // ---- faults ----
  static KINDS = ['500', '500_after', '502', '504_after', 'lost', 'reset', '429', 'slow', 'slow_after', 'delay', 'delay_after', 'garbled', 'drip', 'refuse'];
  kinds = [];            // those of one simulator
  tags = false;          // are faults also ordered by words in a request
  noticeKinds = [];      // troubles of one simulator: somebody else sends one first, made with this kind
  oddNotices = [];       // and those of the notice itself: made with this trouble
  /**
   * kind: 500 (nothing happens; Stripe remembers it), 500_after (it happens, and the answer is 500), 502 (something in front of the provider answers;
   * nothing happens and nothing is remembered), 504_after (it happens, and something in front of the provider gives up), lost (it happens, and no answer
   * comes), reset (nothing happens, and no answer comes), 429, slow (it waits for release(), and happens then), slow_after (it happens, and the answer
   * waits for release()), delay and delay_after (the same, for {seconds: 60} of the simulator's clock), garbled (it happens, and half an answer comes),
   * drip (the answer comes byte by byte, one {every_ms: 20}), refuse (nothing happens; {status, code}), and those of the simulator itself. about: only calls whose path or
   * body has this text.
   */
  fault(op, kind, times = 1, { about = '', status = 400, code = '', ...more } = {}) {
    if (![...Sim.KINDS, ...this.kinds].includes(kind)) throw new Refusal(400, { message: `no such fault: ${kind}` });
    this.#faults.push({ ...more, op, kind, times, about, status, code });
  }
  #fault(call) {
    const f = this.#faults.find(x => x.times > 0 && (!x.op || x.op === call.op) && (!x.about || `${call.target}\n${call.raw}`.includes(x.about)));
    if (f) f.times--;
    this.#faults = this.#faults.filter(x => x.times > 0);
    const tag = !f && this.tags && /simulate-([a-z0-9_]+)/.exec(`${call.target}\n${call.raw}`)?.[1];
    return [...Sim.KINDS, ...this.kinds].includes(tag) ? { op: call.op, kind: tag, status: 400, code: '' } : f;
  }
  /** seconds: of the simulator's clock; without, until release(). */
  hold(seconds = Infinity) { return new Promise(go => this.#held.push({ go, at: this.now() + seconds * 1000 })); }
  #letGo(which) {
    const going = this.#held.filter(which);
    this.#held = this.#held.filter(h => !going.includes(h));
    for (const h of going) h.go();
  }
  release() {
    this.#letGo(() => true);
    for (const n of this.notices) if (n.due_ms === Infinity) n.due_ms = this.now();
  }
  get holding() { return this.#held.length; }

  // ---- requests ----
  async #take(req, res) {
    const chunks = [];
    let size = 0;
    for await (const c of req) {
      if ((size += c.length) > this.bodyMax) return void res.writeHead(413, { Connection: 'close' }).end();
      chunks.push(c);
    }
    const raw = Buffer.concat(chunks), url = new URL(req.url, this.url);
    res.setHeader('X-Simulator', this.constructor.name);
    if (url.pathname.startsWith('/_sim/')) return this.#control(req, res, url, raw);
    const page = req.method === 'GET' && url.pathname === '/' && !url.search ? { html: this.index() } : await this.page?.(req.method, url, raw);
    if (page) {
      res.writeHead(page.status ?? 200, { 'Content-Type': 'text/html; charset=utf-8', ...(page.location ? { Location: page.location } : {}) });
      res.end(page.html ?? '');
      return this.mode === 'auto' && req.method === 'POST' ? this.sendDue() : undefined;
    }
    const call = { method: req.method, url, target: req.url, headers: req.headers, raw };
    call.op = this.opOf(call);
    call.how = this.#fault(call);
    call.fault = call.how?.kind ?? '';
    if (call.fault === 'reset') return void res.destroy();
    if (call.fault === '502') return void res.writeHead(502, { 'Content-Type': 'text/html' }).end('<html>Bad Gateway</html>');
    if (call.fault === 'slow' || call.fault === 'delay') {
      const ended = this.began?.(call);
      await this.hold(call.fault === 'delay' ? call.how.seconds ?? 60 : Infinity);
      ended?.();
    }
    const answer = await this.answer(call);
    this.calls.push({ method: req.method, path: url.pathname, op: call.op, status: answer.status, headers: req.headers, body: raw.toString() });
    if (this.calls.length > KEPT) this.calls.shift();
    if (call.fault === 'lost') return void res.destroy();
    if (call.fault === 'slow_after' || call.fault === 'delay_after') await this.hold(call.fault === 'delay_after' ? call.how.seconds ?? 60 : Infinity);
    if (call.fault === '504_after') return void res.writeHead(504, { 'Content-Type': 'text/html' }).end('<html>Gateway Time-out</html>');
    const body = Buffer.from(answer.body ?? ''), length = answer.length ?? body.length;
    res.writeHead(answer.status, { ...answer.headers, ...(answer.status === 204 ? {} : { 'Content-Length': length }) });
    if (call.fault === 'drip') return void this.#drip(res, body, call.how.every_ms ?? DRIP_MS);
    if (length > body.length) return void (body.length ? res.write(body, () => res.destroy()) : (res.flushHeaders(), res.destroy()));
    if (call.fault === 'garbled') return void res.write(body.subarray(0, body.length / 2), () => res.destroy());
    res.end(body);
    if (this.mode === 'auto') await this.sendDue();
  }

  #drip(res, body, every_ms) {
    let at = 0;
    res.flushHeaders();
    const timer = setInterval(() => (at < body.length ? res.write(body.subarray(at, ++at)) : res.end()), every_ms);
    res.on('close', () => clearInterval(timer));
  }

  async #control(req, res, url, raw) {
    const what = url.pathname.slice('/_sim/'.length);
    const verbs = {
      clock: q => this.advance(q.advance_ms),
      faults: q => this.fault(q.op ?? '', String(q.kind), q.times, q),
      release: () => this.release(),
      notices: q => { if (req.method === 'POST') this.mode = q.mode; },
      trouble: q => this.trouble(q),
      deliver: q => this.deliver(q.id, q),
      calls: () => this.calls.map(({ method, path, op, status }) => ({ method, path, op, status })),
      ...this.verbs,
    };
    let status = 200, said;
    try {
      const ask = raw.length ? JSON.parse(raw) : {};
      if (!Object.hasOwn(verbs, what)) throw new Refusal(404, { message: `no such control: ${what}` });
      const did = await verbs[what](ask);
      if (this.mode === 'auto') await this.sendDue();
      said = { said: did ?? null, now_ms: this.now(), notices: this.notices.map(({ id, type, about, tries, status, due_ms, trouble }) =>
        ({ id, type, about, tries, status, due_ms: due_ms === Infinity ? null : due_ms, trouble })) };
    } catch (e) {
      status = e instanceof Refusal ? e.status : e instanceof SyntaxError ? 400 : 500;
      said = { message: e.message };
    }
    // what is only of use in here, and the orders that refunds point back to, stay here
    res.writeHead(status, { 'Content-Type': 'application/json' });
    res.end(JSON.stringify(said, (k, v) => (k.startsWith('_') || k === 'same' ? undefined : v)));
  }

  // ---- notices ----
  static TROUBLES = ['lost', 'duplicate', 'reordered', 'stale', 'forged', 'slow', 'late'];
  /**
   * What befalls the next notices of that type ("" = any) about that object ("" = any; an id or a number of ours). lost: it never comes; duplicate:
   * it comes twice; reordered: it comes behind the next one; slow: it waits for release(); late: it comes {seconds} later; forged, stale: somebody else
   * sends an altered one, or a recording of it that is 301 s old, before it comes.
   */
  trouble({ kind, about = '', type = '', times = 1, seconds = 60 }) {
    if (![...Sim.TROUBLES, ...this.noticeKinds, ...this.oddNotices].includes(kind)) throw new Refusal(400, { message: `no such trouble: ${kind}` });
    this.#troubles.push({ kind, about, type, times, seconds });
  }
  /** make(options): {headers, body} signed at this moment. about: what it may be called by. schedule: its own; after_ms: not at once. */
  notify(url, id, type, about, make, { schedule = this.schedule, after_ms = 0 } = {}) {
    if (!url) return;
    const names = [about].flat().filter(Boolean);
    const t = this.#troubles.find(x => x.times > 0 && (!x.type || x.type === type) && (!x.about || names.includes(x.about)));
    if (t) t.times--;
    const due_ms = t?.kind === 'lost' ? null : t?.kind === 'slow' ? Infinity : this.now() + after_ms + (t?.kind === 'late' ? t.seconds * 1000 : 0);
    this.notices.push({ id, type, about: names[0], url, make, schedule, tries: 0, status: 0, due_ms, trouble: t?.kind ?? '', statuses: [] });
    if (this.notices.length > KEPT) this.notices.shift();
  }
  /** Can be sent by itself, as soon as its time has come. */
  #ready(n) {
    const behind = () => this.notices.slice(this.notices.indexOf(n) + 1).some(x => x.tries > 0);
    return this.mode === 'auto' && n.due_ms !== null && !n.busy && !(n.trouble === 'reordered' && n.tries === 0 && !behind());
  }
  /** When it is done, everything that was due is delivered, whoever began with it. */
  sendDue() {
    const run = this.#sending.then(() => this.#sendAll());
    this.#sending = run.catch(() => {});
    return run;
  }
  async #sendAll() {
    for (let n; (n = this.notices.find(x => this.#ready(x) && x.due_ms <= this.now()));) {
      n.busy = (n.busy ?? 0) + 1;
      try {
        const first = n.tries === 0;
        if (first && n.trouble === 'forged') await this.deliver(n.id, { forge: true, aside: true });
        if (first && n.trouble === 'stale') await this.deliver(n.id, { stale_s: 301, aside: true });
        if (first && this.noticeKinds.includes(n.trouble)) await this.deliver(n.id, { kind: n.trouble, aside: true });
        await this.deliver(n.id);
        if (first && n.trouble === 'duplicate') await this.deliver(n.id);
      } finally {
        n.busy--;
      }
    }
  }
  /**
   * forge: one byte is changed after signing; stale_s: signed so long ago; lose: counted as sent, and never is; aside: by somebody else, so it is no
   * try of the notice itself. The status it was answered with, 0 for none.
   */
  async deliver(id, { forge = false, stale_s = 0, lose = false, aside = false, kind = '' } = {}) {
    const n = this.notices.find(x => x.id === id);
    if (!n) throw new Refusal(404, { message: `no notice ${id}` });
    n.busy = (n.busy ?? 0) + 1;
    try {
      if (lose) {
        n.due_ms = null;
        return n.status = 0;
      }
      const { headers, body } = n.make({ stale_s, kind, trouble: n.trouble });
      const sent = forge ? body.replace(/\d(?=\D*$)/, d => String((Number(d) + 1) % 10)) : body;
      if (!aside) n.tries++;
      const signal = this.patience_ms ? AbortSignal.timeout(this.patience_ms) : undefined;
      const status = await fetch(n.url, { method: 'POST', headers, body: sent, signal, redirect: 'manual' })
        .then(async r => { await r.arrayBuffer(); return r.status; }, () => 0);
      n.statuses.push(status);
      if (aside) return status;
      n.status = status;
      const wait = n.schedule[n.tries - 1];
      n.due_ms = (status >= 200 && status < 300) || wait === undefined ? null : this.now() + wait * 1000;
      return status;
    } finally {
      n.busy--;
    }
  }
}

export const escape = s => String(s).replace(/[&<>"']/g, c => `&#${c.charCodeAt(0)};`);
export const html = (title, body, banner = 'no money is moved here') => `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escape(title)}</title><style>body{font:16px/1.5 sans-serif;max-width:30em;margin:3em auto;padding:0 1em}button{font:inherit;padding:.6em 1.2em;margin:.3em}
.sim{background:#b00;color:#fff;padding:.3em .8em}</style><p class="sim">Simulator: ${banner}.</p>${body}</html>`;

/** A simulator that is run by hand: start(flags) gives {sim, settings}; notices go out by themselves, and one line of JSON says where it is. */
export async function byHand(usage, names, start, prefix = 'ZOETROPE_PAY_') {
  const flags = Object.fromEntries(process.argv.slice(2).map(a => a.replace(/^--/, '').split(/=(.*)/s, 2)));
  if ('help' in flags) return void console.log(usage);
  const odd = Object.keys(flags).find(f => !names.includes(f));
  if (odd !== undefined) {
    console.error(`no such flag: --${odd}\n\n${usage}`);
    return void (process.exitCode = 2);
  }
  const { sim, settings } = await start(flags);
  setInterval(() => sim.advance(0).catch(e => console.error(e)), 1000);
  console.log(JSON.stringify({ simulator: sim.constructor.name, url: sim.url, port: sim.port,
    settings: Object.fromEntries([...Object.entries(settings).map(([k, v]) => [`${prefix}${k.toUpperCase()}`, v]), ['ZOETROPE_CLIENT_ALLOW', `127.0.0.1:${sim.port}`]]) }));
}
