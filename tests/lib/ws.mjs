// ws.mjs - WebSocket frames by hand (RFC 6455), for what a good client would never send.
import { createHash, randomBytes } from 'node:crypto';
import { Raw } from './raw.mjs';
import { PATIENCE_MS } from './server.mjs';

/** One frame of a client. first: FIN, reserved bits and opcode as on the wire, such as 0x81. */
export function frame(first, payload = '', { mask = randomBytes(4), announce } = {}) {
  const data = Buffer.from(payload), n = announce ?? data.length;
  const head = n < 126 ? Buffer.from([first, n]) : n < 65536 ? Buffer.from([first, 126, n >> 8, n & 255])
    : Buffer.concat([Buffer.from([first, 127]), (b => (b.writeBigUInt64BE(BigInt(n)), b))(Buffer.alloc(8))]);
  if (!mask) return Buffer.concat([head, data]);
  head[1] |= 0x80;
  return Buffer.concat([head, mask, data.map((b, i) => b ^ mask[i % 4])]);
}
export const closing = (code, reason = '') => frame(0x88, Buffer.concat([Buffer.from([code >> 8, code & 255]), Buffer.from(reason)]));

export const key = 'dGhlIHNhbXBsZSBub25jZQ==';
export const accept = createHash('sha1').update(key + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11').digest('base64');
const good = { Upgrade: 'websocket', Connection: 'Upgrade', 'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Key': key };

/** The bytes of an opening handshake; a header that is null is left out. */
export const handshake = (path, headers = {}, line = `GET ${path} HTTP/1.1`) =>
  `${line}\r\nHost: test\r\n${Object.entries({ ...good, ...headers }).filter(([, v]) => v !== null).map(([k, v]) => `${k}: ${v}\r\n`).join('')}\r\n`;

export class RawSocket {
  #rest = Buffer.alloc(0);
  #frames = [];

  static async open(port, path, { headers, ...how } = {}) {
    const s = new RawSocket();
    s.c = await Raw.connect(port, how);
    s.c.write(handshake(path, headers));
    s.answer = await s.c.response();
    if (s.answer.status !== 101) throw new Error(`no handshake: ${s.answer.status} ${s.answer.text}`);
    return s;
  }
  write(bytes) { this.c.write(bytes); }

  /** The next frame of the server: { first, data }, or null when the connection has ended. */
  async next(ms = PATIENCE_MS) {
    for (;;) {
      const b = this.#rest;
      if (b.length >= 2) {
        if (b[1] & 0x80) throw new Error('a masked frame from the server');
        const n = b[1], at = n < 126 ? 2 : n === 126 ? 4 : 10;
        const length = b.length < at ? Infinity : n < 126 ? n : n === 126 ? b.readUInt16BE(2) : Number(b.readBigUInt64BE(2));
        if (b.length >= at + length) {
          this.#rest = b.subarray(at + length);
          return { first: b[0], data: b.subarray(at, at + length), text: b.toString('utf8', at, at + length) };
        }
      }
      if (this.c.ended && !this.c.pending.length) return null;
      this.#rest = Buffer.concat([b, Buffer.from(await this.c.take(1, ms).catch(e => { if (/closed too early/.test(e.message)) return ''; throw e; }), 'latin1')]);
    }
  }

  /** The frames up to the end of the connection, as text: "text(a) pong(x) close(1000 bye)". */
  async all() {
    const names = { 0x81: 'text', 0x82: 'binary', 0x88: 'close', 0x89: 'ping', 0x8a: 'pong' }, out = [];
    for (let f; (f = await this.next());) {
      const close = f.first === 0x88 && f.data.length;
      out.push(`${names[f.first] ?? f.first.toString(16)}(${close ? `${f.data.readUInt16BE(0)} ${f.data.toString('utf8', 2)}` : f.data.length > 60 ? f.data.length : f.text})`);
    }
    return out.join(' ');
  }
}
