// sim.mjs - what the simulators of payment providers share: a server, a clock that can be moved, faults on order, and notices that are sent by a
// schedule and can be held, lost, doubled, reordered, aged or forged. A simulator is no provider: it knows the rules that are written down and
// none that are not.
//
// Control, all below /_sim/ and JSON (tests call the methods of the object instead):
//   POST clock   {advance_ms}                     moves the clock and sends what is due by then
//   POST faults  {op, kind, times}                the next calls of that op ("" = any): see Sim.fault()
//   POST notices {mode: "auto" | "hold"}          hold: nothing is sent by itself
//   GET  notices                                  what was made, and how often it was delivered
//   POST deliver {id, forge, stale_s, lose}       now, whatever the schedule says
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';

export const hex = n => randomBytes(n).toString('hex');

/** An answer that is no success. */
export class Refusal extends Error {
  constructor(status, body) { super(JSON.stringify(body)); this.status = status; this.body = body; }
}

export class Sim {
  #server;
  #faults = [];
  #offset = 0;
  #held = [];
  notices = [];
  mode = 'auto';
  calls = [];            // {method, path, op, status}: what was asked of it

  /** schedule: seconds until the next try of a notice, after each that failed. */
  constructor({ schedule, now = Date.now }) { this.schedule = schedule; this.realNow = now; }

  async listen(port = 0) {
    this.#server = createServer((req, res) => this.#take(req, res).catch(e => { res.destroy(); this.broken = e; }));
    await new Promise(done => this.#server.listen(port, '127.0.0.1', done));
    this.port = this.#server.address().port;
    this.url = `http://127.0.0.1:${this.port}`;
    return this;
  }
  async close() {
    for (const r of this.#held.splice(0)) r();
    this.#server.closeAllConnections();
    await new Promise(done => this.#server.close(done));
    if (this.broken) throw this.broken;
  }

  // ---- the clock ----
  now() { return this.realNow() + this.#offset; }
  seconds() { return Math.floor(this.now() / 1000); }
  async advance(ms) {
    this.#offset += ms;
    await this.sendDue();
  }

  // ---- faults ----
  /**
   * kind: 500 (nothing happens), 500_after (it happens, and the answer is 500), lost (it happens, and no answer comes), reset (nothing happens, and
   * no answer comes), 429, slow (it waits for release()), garbled (half an answer), and those of the simulator itself (forged, …).
   */
  fault(op, kind, times = 1) { this.#faults.push({ op, kind, times }); }
  #fault(op) {
    const f = this.#faults.find(x => x.times > 0 && (!x.op || x.op === op));
    if (f) f.times--;
    return f?.kind ?? '';
  }
  release() { for (const r of this.#held.splice(0)) r(); }

  // ---- requests ----
  async #take(req, res) {
    const chunks = [];
    for await (const c of req) chunks.push(c);
    const raw = Buffer.concat(chunks), url = new URL(req.url, this.url);
    if (url.pathname.startsWith('/_sim/')) return this.#control(req, res, url, raw);
    const page = await this.page?.(req.method, url, raw);
    if (page) {
      res.writeHead(page.status ?? 200, { 'Content-Type': 'text/html; charset=utf-8', ...(page.location ? { Location: page.location } : {}) });
      return void res.end(page.html ?? '');
    }
    const call = { method: req.method, url, target: req.url, headers: req.headers, raw };
    call.op = this.opOf(call);
    call.fault = this.#fault(call.op);
    if (call.fault === 'reset') return void res.destroy();
    if (call.fault === 'slow') await new Promise(r => this.#held.push(r));
    const answer = await this.answer(call);
    this.calls.push({ method: req.method, path: url.pathname, op: call.op, status: answer.status, headers: req.headers, body: raw.toString() });
    if (call.fault === 'lost') return void res.destroy();
    const body = Buffer.from(answer.body ?? '');
    res.writeHead(answer.status, { ...answer.headers, ...(answer.status === 204 ? {} : { 'Content-Length': body.length }) });
    if (call.fault === 'garbled') return void res.write(body.subarray(0, body.length / 2), () => res.destroy());
    res.end(body);
    if (this.mode === 'auto') await this.sendDue();
  }

  async #control(req, res, url, raw) {
    const what = url.pathname.slice('/_sim/'.length), ask = raw.length ? JSON.parse(raw) : {};
    const verbs = {
      clock: () => this.advance(ask.advance_ms),
      faults: () => this.fault(ask.op ?? '', String(ask.kind), ask.times),
      release: () => this.release(),
      notices: () => { if (req.method === 'POST') this.mode = ask.mode; },
      deliver: () => this.deliver(ask.id, ask),
      ...this.verbs,
    };
    try {
      if (!verbs[what]) throw new Refusal(404, { message: 'no such control' });
      const said = await verbs[what](ask);
      if (this.mode === 'auto') await this.sendDue();
      res.writeHead(200, { 'Content-Type': 'application/json' });
      res.end(JSON.stringify({ said: said ?? null, now_ms: this.now(), notices: this.notices.map(({ id, type, about, tries, status, due_ms }) =>
        ({ id, type, about, tries, status, due_ms })) }));
    } catch (e) {
      res.writeHead(e.status ?? 500, { 'Content-Type': 'application/json' });
      res.end(JSON.stringify({ message: e.message }));
    }
  }

  // ---- notices ----
  /** make(options): {headers, body} signed at this moment. */
  notify(url, id, type, about, make) {
    if (url) this.notices.push({ id, type, about, url, make, tries: 0, status: 0, due_ms: this.now() });
  }
  async sendDue() {
    for (const n of [...this.notices])
      if (this.mode === 'auto' && n.due_ms !== null && n.due_ms <= this.now() && !n.busy) await this.deliver(n.id);
  }
  /** forge: one byte is changed after signing; stale_s: signed so long ago; lose: counted as sent, and never is. The status it was answered with. */
  async deliver(id, { forge = false, stale_s = 0, lose = false } = {}) {
    const n = this.notices.find(x => x.id === id);
    if (!n) throw new Refusal(404, { message: `no notice ${id}` });
    n.busy = true;
    try {
      if (lose) {
        n.due_ms = null;
        return n.status = 0;
      }
      const { headers, body } = n.make({ stale_s });
      const sent = forge ? body.replace(/\d(?=\D*$)/, d => String((Number(d) + 1) % 10)) : body;
      n.tries++;
      n.status = await fetch(n.url, { method: 'POST', headers, body: sent }).then(async r => { await r.arrayBuffer(); return r.status; }, () => 0);
      const wait = this.schedule[n.tries - 1];
      n.due_ms = (n.status >= 200 && n.status < 300) || wait === undefined ? null : this.now() + wait * 1000;
      return n.status;
    } finally {
      n.busy = false;
    }
  }
}

export const escape = s => String(s).replace(/[&<>"']/g, c => `&#${c.charCodeAt(0)};`);
export const html = (title, body) => `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escape(title)}</title><style>body{font:16px/1.5 sans-serif;max-width:30em;margin:3em auto;padding:0 1em}button{font:inherit;padding:.6em 1.2em;margin:.3em}
.sim{background:#b00;color:#fff;padding:.3em .8em}</style><p class="sim">Simulator: no money is moved here.</p>${body}</html>`;

/** For a simulator that is run by hand: notices go out by themselves. */
export function everySecond(sim) { setInterval(() => sim.sendDue(), 1000); }
export const flags = () => Object.fromEntries(process.argv.slice(2).map(a => a.replace(/^--/, '').split(/=(.*)/s, 2)));
