// raw.mjs - HTTP by hand: exactly these bytes on a socket, and what comes back, one answer after the other.
//
//   const c = await Raw.connect(port);
//   c.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
//   const { status, headers, body } = await c.response();
//   await c.closed();                        // the server has shut its half (or the socket broke)
import { connect } from 'node:net';
import { once } from 'node:events';
import { PATIENCE_MS, within } from './server.mjs';

export class Raw {
  #parts = [];           // what came and was not looked at
  #all = Buffer.alloc(0);
  #waiting = [];
  ended = false;         // FIN came, or the connection broke
  error = null;

  static async connect(to, { pauseOnConnect = false } = {}) {
    const socket = connect(typeof to === 'number' ? { port: to, host: '127.0.0.1', allowHalfOpen: true } : { ...to, allowHalfOpen: true });
    const c = new Raw();
    c.socket = socket;
    socket.setNoDelay?.(true);
    socket.on('error', e => { c.error = e; c.#end(); });
    socket.on('end', () => c.#end());
    socket.on('close', () => c.#end());
    await within(PATIENCE_MS, once(socket, 'connect'));
    if (!pauseOnConnect) socket.on('data', d => { c.#parts.push(d); c.#came += d.length; if (c.#came >= c.#enough) c.#look(); });
    return c;
  }

  #came = 0;             // bytes that came and were not taken
  #enough = 0;           // looking before that many came is of no use
  get #in() {
    if (this.#parts.length) this.#all = Buffer.concat([this.#all, ...this.#parts.splice(0)]);
    return this.#all;
  }
  set #in(b) { this.#all = b; this.#came = b.length; this.#enough = 0; }

  #end() { this.ended = true; this.#look(); }
  #look() { for (const f of this.#waiting.splice(0)) f(); }

  /** Resolves when test() gives something other than undefined. */
  async #until(test, ms, what) {
    const deadline = Date.now() + ms;
    for (;;) {
      const v = test();
      if (v !== undefined) return v;
      if (Date.now() >= deadline) throw new Error(`no ${what} within ${ms} ms; so far: ${JSON.stringify(this.#in.toString('latin1').slice(0, 400))}`);
      await within(Math.max(1, deadline - Date.now()), new Promise(f => this.#waiting.push(f))).catch(() => {});
    }
  }

  write(bytes) { this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes); }
  end() { this.socket.end(); }
  destroy() { this.socket.destroy(); }
  get pending() { return this.#in; }

  /** The next answer. head: it answers a HEAD, so no body follows. */
  response({ head = false, ms = PATIENCE_MS } = {}) {
    return this.#until(() => {
      const end = this.#in.indexOf('\r\n\r\n');
      if (end < 0) { if (this.ended) throw new Error(`closed without an answer (${this.error?.code ?? 'FIN'})`); return undefined; }
      const [line, ...fields] = this.#in.toString('latin1', 0, end).split('\r\n');
      const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(line)?.[1]);
      if (!status) throw new Error(`not a status line: ${line}`);
      const headers = {};
      for (const f of fields) {
        const name = f.slice(0, f.indexOf(':')).toLowerCase();
        if (name in headers && name !== 'set-cookie') throw new Error(`${name} twice: ${fields}`);
        headers[name] = f.slice(f.indexOf(':') + 1).trim();
      }
      const n = head || status < 200 || status === 204 || status === 304 ? 0 : Number(headers['content-length'] ?? 0);
      if (this.#in.length < end + 4 + n) { if (this.ended) throw new Error('closed within a body'); this.#enough = end + 4 + n; return undefined; }
      const body = this.#in.subarray(end + 4, end + 4 + n);
      this.#in = this.#in.subarray(end + 4 + n);
      return { status, headers, body, text: body.toString('utf8') };
    }, ms, 'answer');
  }

  /** Waits until at least n bytes (of a stream that has no length) are there, or the text occurs; takes and returns all that came. */
  take(until, ms = PATIENCE_MS) {
    return this.#until(() => {
      const enough = typeof until === 'number' ? this.#in.length >= until : this.#in.includes(until);
      if (!enough) { if (this.ended) throw new Error('closed too early'); return undefined; }
      const all = this.#in;
      this.#in = Buffer.alloc(0);
      return all.toString('latin1');
    }, ms, `"${until}"`);
  }

  /** The server closed; gives the bytes that came and were not taken. */
  closed(ms = PATIENCE_MS) { return this.#until(() => (this.ended ? this.#in : undefined), ms, 'end of the connection'); }
}
