// shaper.mjs - a bad line between a browser and the server: so many bytes a second each way, a delay, cuts, lost answers.
//
//   const line = await startShaper(t, server.port, PROFILES['3g']);      // line.url instead of server.url
//   line.cut(); line.restore();                                           // every connection breaks, new ones are refused until then
//   line.loseAnswer('POST /v1/tasks ');                                   // it is sent, the server acts, and nobody hears of it
//
// One link each way is shared by all connections, as on a phone. Timers only move bytes; tests wait for what the page shows.
import { createServer, connect } from 'node:net';

export const PROFILES = {
  '2g': { bytesPerS: 50_000 / 8, delayMs: 400 / 2 },          // delayMs each way: half a round trip
  '3g': { bytesPerS: 750_000 / 8, delayMs: 150 / 2 },
  '4g': { bytesPerS: 9_000_000 / 8, delayMs: 50 / 2 },
  free: { bytesPerS: Infinity, delayMs: 0 },
};
const PIECE_MAX = 1400, QUEUED_MAX = 64 << 10;

class Link {
  freeAt = 0;                // when the link has sent all that was given to it

  constructor(line) { this.line = line; }

  /** When a piece that is given now arrives. */
  arrival(bytes) {
    const { bytesPerS, delayMs } = this.line.profile;
    this.freeAt = Math.max(performance.now(), this.freeAt) + bytes / bytesPerS * 1000;
    return this.freeAt + delayMs;
  }
}

/** Everything that `from` says reaches `to` in order, late and slowly; no more than QUEUED_MAX waits. */
function carry(line, link, from, to, seen) {
  const queue = [];
  let queued = 0, timer;
  const next = () => {
    if (timer || !queue.length) return;
    timer = setTimeout(() => {
      timer = undefined;
      const { piece } = queue.shift();
      if (piece === null) return to.end();
      queued -= piece.length;
      if (!to.destroyed) to.write(piece);
      if (queued < QUEUED_MAX / 2) from.resume();
      next();
    }, Math.max(0, queue[0].at - performance.now()));
  };
  const put = piece => {
    queue.push({ piece, at: link.arrival(piece?.length ?? 0) });
    queued += piece?.length ?? 0;
    next();
  };
  from.on('data', data => {
    if (seen(data) === false) return;
    const { bytesPerS } = line.profile, size = bytesPerS === Infinity ? data.length : PIECE_MAX;
    for (let at = 0; at < data.length; at += size) put(data.subarray(at, at + size));
    if (queued > QUEUED_MAX) from.pause();
  });
  from.on('end', () => put(null));
  from.on('close', () => { if (!from.readableEnded) to.destroy(); clearTimeout(from.readableEnded ? undefined : timer); });
}

export async function startShaper(t, port, profile = PROFILES.free) {
  const pairs = new Set(), cutAfter = [], losing = [];
  let open = true;
  const line = { profile, up: 0, lost: 0 };                   // up: bytes of the browser that have passed so far
  const up = new Link(line), down = new Link(line);
  const proxy = createServer({ allowHalfOpen: true }, near => {
    if (!open) return near.destroy();
    const far = connect({ port, host: '127.0.0.1', allowHalfOpen: true }), pair = { near, far, lose: null };
    const end = () => { near.destroy(); far.destroy(); pairs.delete(pair); };
    pairs.add(pair);
    for (const socket of [near, far]) {
      socket.setNoDelay(true);
      socket.on('error', end);
      socket.on('close', () => { if (near.destroyed && far.destroyed) pairs.delete(pair); });
    }
    carry(line, up, near, far, data => {
      line.up += data.length;
      const text = data.toString('latin1'), n = losing.findIndex(l => text.startsWith(l.request));
      if (n >= 0) pair.lose = losing.splice(n, 1)[0];
      const due = cutAfter[0];
      if (due && line.up >= due.bytes) {
        cutAfter.shift();
        line.cut();
        due.done();
        return false;
      }
      return true;
    });
    carry(line, down, far, near, data => {
      if (!pair.lose) return true;
      const { keep, done } = pair.lose;
      line.lost++;
      if (keep) near.write(data.subarray(0, data.indexOf('\r\n\r\n') + 4 + keep), () => end());        // the head came, the rest did not
      else end();
      done();
      return false;
    });
  });
  await new Promise(done => proxy.listen(0, '127.0.0.1', done));
  line.url = `http://127.0.0.1:${proxy.address().port}`;
  line.cut = () => {
    open = false;
    for (const { near, far } of pairs) { near.destroy(); far.destroy(); }
    pairs.clear();
  };
  line.restore = () => { open = true; };
  /** Cut as soon as so many more bytes came from the browser. */
  line.cutAfter = bytes => new Promise(done => cutAfter.push({ bytes: line.up + bytes, done }));
  /** keep: so many bytes of the answer's body still arrive; without, nothing does. */
  line.loseAnswer = (request, keep = 0) => new Promise(done => losing.push({ request, keep, done }));
  t.after(() => {
    line.cut();
    proxy.close();
  });
  return line;
}
