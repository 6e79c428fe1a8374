// 12-websocket: WebSockets by hand and with npm ws, against the test server.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { WebSocket } from 'ws';
import { Raw } from './lib/raw.mjs';
import { PATIENCE_MS, within } from './lib/server.mjs';
import { startTestServer } from './lib/testserver.mjs';
import { accept, closing, frame, handshake, RawSocket } from './lib/ws.mjs';

/** An open socket of npm ws; m.next() gives its next message. */
async function open(s, path, protocols, options) {
  const m = new WebSocket(`ws://127.0.0.1:${s.port}${path}`, protocols, options);
  const got = [], waiting = [];
  m.on('message', (data, binary) => { const f = waiting.shift(); const v = binary ? data : data.toString(); f ? f(v) : got.push(v); });
  m.next = () => (got.length ? Promise.resolve(got.shift()) : within(PATIENCE_MS, new Promise(f => waiting.push(f)), () => `no message on ${path}`));
  m.closed = once(m, 'close').then(([code, reason]) => `${code} ${reason}`);
  await within(PATIENCE_MS, once(m, 'open'));
  return m;
}

test('the opening handshake: what is right is accepted, what is not is refused with a reason', async t => {
  const s = await startTestServer(t, { cors_origins: 'https://cdn.photos.example' });
  const cases = [
    [{}, 101], [{ Upgrade: 'WebSocket', Connection: 'keep-alive, upgrade' }, 101],
    [{ Upgrade: null }, 426], [{ Connection: 'keep-alive' }, 426], [{ 'Sec-WebSocket-Version': '8' }, 426], [{ 'Sec-WebSocket-Version': null }, 426],
    [{ 'Sec-WebSocket-Key': null }, 400], [{ 'Sec-WebSocket-Key': 'short' }, 400],
    [{ Origin: 'http://test' }, 101], [{ Origin: 'https://cdn.photos.example' }, 101], [{ Origin: 'http://evil.example' }, 403], [{ Origin: 'null' }, 403],
    [{ 'Content-Length': '3' }, 413], [{ 'Transfer-Encoding': 'chunked' }, 413],
  ];
  for (const [headers, status] of cases) {
    const c = await Raw.connect(s.port);
    c.write(handshake('/ws/echo', headers));
    const r = await c.response();
    assert.equal(r.status, status, JSON.stringify(headers));
    if (status === 101) {
      assert.deepEqual([r.headers['sec-websocket-accept'], r.headers.upgrade, r.headers.connection], [accept, 'websocket', 'Upgrade']);
      assert.equal(r.headers['content-length'], undefined);
    }
    if (status === 426) assert.deepEqual([r.headers['sec-websocket-version'], r.headers.upgrade, JSON.parse(r.text).code], ['13', 'websocket', 'upgrade_required']);
    c.destroy();
  }
  for (const line of ['GET /ws/echo HTTP/1.0', 'HEAD /ws/echo HTTP/1.1']) {
    const c = await Raw.connect(s.port);
    c.write(handshake('', {}, line));
    assert.equal((await c.response({ head: line.startsWith('HEAD') })).status, 426, line);
    c.destroy();
  }
  for (const [path, line, status] of [['/ws/denied', undefined, 401], ['/ws/refused', undefined, 403], ['/ws/topic/x', undefined, 404], ['', 'POST /ws/echo HTTP/1.1', 405]]) {
    const c = await Raw.connect(s.port);
    c.write(handshake(path, {}, line));
    assert.equal((await c.response()).status, status, path);
    c.write('GET /hello HTTP/1.1\r\nHost: test\r\n\r\n');          // a refused handshake leaves a connection that speaks HTTP
    assert.equal((await c.response()).text, 'hello\n');
    c.destroy();
  }
  const x = await s.until(y => y.ws === 0 && y.conns === 1, 'the end of all sockets');
  assert.equal(x.ws_closed, x.ws_opened + 1, 'closed() also for the one that never opened');
});

test('npm ws: texts, binary, subprotocols, pings, goodbyes', async t => {
  const s = await startTestServer(t);
  const m = await open(s, '/ws/echo', ['nothing.v9', 'echo.v1', 'echo.v2'], { perMessageDeflate: true });
  assert.deepEqual([m.protocol, m.extensions], ['echo.v1', '']);
  for (const text of ['', 'a', 'x'.repeat(125), 'x'.repeat(126), '你好'.repeat(5000), 'x'.repeat(65536)]) {
    m.send(text);
    assert.equal(await m.next(), text);
  }
  const bytes = Buffer.from([0, 255, 254, 128]);
  m.send(bytes);
  assert.deepEqual(await m.next(), bytes);
  m.send('ab', { fin: false });
  m.send('cd', { fin: true });
  assert.equal(await m.next(), 'abcd');
  m.ping('are you there');
  assert.equal(String((await within(PATIENCE_MS, once(m, 'pong')))[0]), 'are you there');
  m.close(4001, 'enough');
  assert.equal(await m.closed, '4001 enough', 'the same code back');
  const other = await open(s, '/ws/echo');
  other.send('protocol');
  assert.equal(await other.next(), 'none');
  other.send('close me');
  assert.equal(await other.closed, '4000 as you wish');
  await s.until(x => x.ws === 0 && x.ws_closed === 2 && x.ws_code === 4000, 'the ends');
});

test('frames: rules kept and broken', async t => {
  const s = await startTestServer(t);
  const F = frame, text = p => F(0x81, p), bye = closing(1000);
  const big = 'x'.repeat(65536);
  const cases = [
    ['a text', [text('Hello'), bye], 'text(Hello) close(1000 )'],
    ['fragments with control frames between', [F(0x01, 'a'), F(0x89, 'p1'), F(0x00, 'b'), F(0x89, 'p2'), F(0x80, 'c'), bye], 'pong(p1) pong(p2) text(abc) close(1000 )'],
    ['a pong nobody asked for', [F(0x8a, 'x'), text('a'), bye], 'text(a) close(1000 )'],
    ['ten pings at once', [...Array(10).keys()].map(i => F(0x89, `p${i}`)).concat(bye), `${[...Array(10).keys()].map(i => `pong(p${i})`).join(' ')} close(1000 )`],
    ['close without a code', [F(0x88)], 'close()'],
    ['close with a reason', [closing(3000, '再见')], 'close(3000 再见)'],
    ['what stands behind a close', [bye, text('late')], 'close(1000 )'],
    ['a close between fragments', [F(0x01, 'a'), bye], 'close(1000 )'],
    ['the largest message', [text(big), bye], 'text(65536) close(1000 )'],
    ['one byte more', [text(big + 'x')], 'close(1009 the message is over the limit)'],
    ['one byte more, in fragments', [F(0x01, big), F(0x80, 'x')], 'close(1009 the message is over the limit)'],
    ['an endless announcement', [F(0x81, 'x', { announce: 2 ** 50 })], 'close(1009 the message is over the limit)'],
    ['endless empty fragments', [F(0x01), ...Array(1024).fill(F(0x00))], 'close(1008 too many fragments)'],
    ['no mask', [F(0x81, 'Hello', { mask: null })], 'close(1002 )'],
    ['a mask of zeros', [F(0x81, 'Hello', { mask: Buffer.alloc(4) }), bye], 'text(Hello) close(1000 )'],
    ['a compressed frame', [F(0xc1, 'a')], 'close(1002 )'],
    ['a reserved opcode', [F(0x83, 'a')], 'close(1002 )'],
    ['a continuation of nothing', [F(0x80, 'a')], 'close(1002 )'],
    ['a message within a message', [F(0x01, 'a'), text('b')], 'close(1002 )'],
    ['a long ping', [F(0x89, 'x'.repeat(126))], 'close(1002 )'],
    ['a ping in fragments', [F(0x09, 'x')], 'close(1002 )'],
    ['close 1005', [closing(1005)], 'close(1002 )'],
    ['close 65535', [closing(65535)], 'close(1002 )'],
    ['half a close code', [F(0x88, '\x03')], 'close(1002 )'],
    ['bad UTF-8', [F(0x81, Buffer.from([0x61, 0xff]))], 'close(1007 not UTF-8)'],
    ['a surrogate', [F(0x81, Buffer.from([0xed, 0xa0, 0x80]))], 'close(1007 not UTF-8)'],
    ['a character cut by fragments', [F(0x01, Buffer.from([0xe4, 0xbd])), F(0x80, Buffer.from([0xa0])), bye], 'text(你) close(1000 )'],
    ['bad UTF-8 in a close', [F(0x88, Buffer.from([0x03, 0xe8, 0xff]))], 'close(1007 not UTF-8)'],
    ['good messages, then a bad frame', [text('a'), text('b'), F(0x83)], 'text(a) text(b) close(1002 )'],
  ];
  for (const [name, frames, want] of cases) {
    const bytes = Buffer.concat(frames);
    for (const step of bytes.length < 500 ? [bytes.length, 1] : [bytes.length, 1000]) {
      const w = await RawSocket.open(s.port, '/ws/echo');
      for (let at = 0; at < bytes.length; at += step) w.write(bytes.subarray(at, at + step));
      assert.equal(await w.all(), want, `${name}, ${step} bytes at a time`);
      w.c.destroy();
    }
  }
  const x = await s.until(y => y.ws === 0 && y.conns === 1, 'the end of all sockets');
  assert.equal(x.ws_closed, x.ws_opened);
});

test('frames that come with the handshake are read behind it', async t => {
  const s = await startTestServer(t);
  const c = await Raw.connect(s.port);
  c.write(Buffer.concat([Buffer.from(handshake('/ws/echo')), frame(0x81, 'early'), closing(1000)]));
  const all = Buffer.from(await within(PATIENCE_MS, c.closed())).toString('latin1');
  assert.match(all, /^HTTP\/1\.1 101 .*\r\n\r\n\x81\x05early\x88\x02\x03\xe8$/s);
});

test('a client that ends, breaks or half-closes without a goodbye is 1006', async t => {
  const s = await startTestServer(t);
  for (const [i, end] of [c => c.end(), c => c.destroy(), c => c.socket.resetAndDestroy()].entries()) {
    const w = await RawSocket.open(s.port, '/ws/echo');
    w.write(frame(0x01, 'half a message'));
    end(w.c);
    const x = await s.until(y => y.ws_closed === i + 1, 'the end');
    assert.equal(x.ws_code, 1006);
  }
  const w = await RawSocket.open(s.port, '/ws/echo');        // a goodbye and FIN in one breath is a goodbye
  w.write(closing(1000, 'bye'));
  w.c.end();
  assert.equal(await w.all(), 'close(1000 bye)');
  assert.equal((await s.until(y => y.ws_closed === 4, 'the end')).ws_code, 1000);
});

test('silence: a ping, then goodbye; who answers stays', async t => {
  const s = await startTestServer(t, { ws_ping_ms: '1s' });
  const silent = await RawSocket.open(s.port, '/ws/echo'), alive = await open(s, '/ws/echo');
  assert.equal((await silent.next()).first, 0x89);
  const f = await silent.next();
  assert.deepEqual([f.first, f.data.readUInt16BE(0), f.data.toString('utf8', 2)], [0x88, 1001, 'no answer to a ping']);
  for (let i = 0; i < 3; i++) await within(PATIENCE_MS, once(alive, 'ping'));
  alive.send('still here');
  assert.equal(await alive.next(), 'still here');
  assert.equal((await s.stats()).ws, 2, 'the silent one has a moment to answer');
  silent.write(closing(1001));
  await silent.c.closed();
  await s.until(x => x.ws === 1, 'the end of the silent one');
  alive.terminate();
});

test('a message has its time, and pings between its fragments give it no more', async t => {
  const s = await startTestServer(t, { ws_message_ms: '200ms', ws_ping_ms: '10m' });
  const w = await RawSocket.open(s.port, '/ws/echo');
  w.write(Buffer.concat([frame(0x81, 'a whole one'), frame(0x01, 'the begin')]));
  assert.equal((await w.next()).text, 'a whole one');
  let f;
  for (const deadline = Date.now() + PATIENCE_MS; ;) {
    w.write(frame(0x89, 'p'));
    if ((f = await w.next()).first !== 0x8a) break;
    assert.ok(Date.now() < deadline, 'it is never closed');
  }
  assert.deepEqual([f.first, f.data.readUInt16BE(0), f.data.toString('utf8', 2)], [0x88, 1008, 'the message took too long']);
  w.c.destroy();
});

test('a broadcast reaches every socket of its topic on every event thread, in order, and no other', async t => {
  const s = await startTestServer(t, { conns_per_ip_max: 0 });
  const ours = await Promise.all(Array.from({ length: 20 }, () => open(s, '/ws/topic/7')));
  const other = await open(s, '/ws/topic/8'), same = await open(s, '/ws/topic/381');   // of the same bucket as 7
  for (let i = 0; i < 50; i++) await s.ask('POST', '/ws/topic/7', {}, `message ${i}`);
  for (const m of ours) for (let i = 0; i < 50; i++) assert.equal(await m.next(), `message ${i}`);
  await s.ask('POST', '/ws/topic/7?binary', {}, 'bytes');
  for (const m of ours) assert.deepEqual(await m.next(), Buffer.from('bytes'));
  await s.ask('POST', '/ws/topic/8', {}, 'for the other');
  assert.equal(await other.next(), 'for the other', 'and nothing before it');
  await s.ask('POST', '/ws/topic/381', {}, 'x');
  assert.equal(await same.next(), 'x');
  assert.equal((await s.ask('POST', '/ws/topic/7', {}, 'x'.repeat(65537))).status, 413);
  for (const m of [...ours, other, same]) m.close();
  await s.until(x => x.ws === 0, 'the end');
  assert.equal((await s.ask('POST', '/ws/topic/7', {}, 'to nobody')).status, 204);
});

test('a thousand sockets hear everything, and an idle one costs little', async t => {
  const s = await startTestServer(t, { conns_per_ip_max: 0 });
  const rss = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${s.proc.pid}/status`, 'utf8'))[1]) * 1024;
  await (await RawSocket.open(s.port, '/ws/topic/1')).c.closed(1).catch(() => {});     // what the first one costs is not counted
  const before = rss();
  const all = [];
  for (let i = 0; i < 20; i++) all.push(...await Promise.all(Array.from({ length: 50 }, () => RawSocket.open(s.port, '/ws/topic/7'))));
  const each = (rss() - before) / 1000;
  if (!process.env.ZOETROPE_BIN || !/asan|tsan/.test(process.env.ZOETROPE_BIN)) assert.ok(each <= 12 * 1024, `${each} bytes a socket`);
  t.diagnostic(`${Math.round(each)} bytes an idle WebSocket`);
  for (let i = 0; i < 20; i++) await s.ask('POST', '/ws/topic/7?times=5', {}, 'x'.repeat(100));
  for (const w of all) {
    for (let i = 0; i < 100; i++) assert.equal((await w.next(20_000)).data.length, 100);
    w.c.destroy();
  }
  await s.until(x => x.ws <= 1, 'the end');
});

test('a slow reader is told and dropped; the others of its topic hear everything', async t => {
  const s = await startTestServer(t, { ws_queue_bytes: '64K' });
  const slow = await RawSocket.open(s.port, '/ws/topic/7'), quick = await open(s, '/ws/topic/7');
  slow.c.socket.pause();
  let n = 0;
  while ((await s.stats()).ws_slow === 0) {
    await s.ask('POST', '/ws/topic/7', {}, `${n}`.padEnd(8192, '.'));
    assert.equal((await quick.next()).length, 8192);
    assert.ok(++n < 5000, 'nobody is ever too slow');
  }
  slow.c.socket.resume();
  let last, count = 0;
  for (let f; (f = await slow.next()); last = f, count++) if (f.first === 0x88) slow.write(frame(0x88, f.data));
  assert.deepEqual([last.first, last.data.readUInt16BE(0)], [0x88, 1013]);
  assert.match(last.data.toString('utf8', 2), /read too slowly/);
  assert.ok(count < n, 'what it had not begun to get is thrown away');
  const x = await s.until(y => y.ws === 1, 'the end of the slow one');
  assert.deepEqual([x.ws_slow, x.ws_code], [1, 1013]);
  await s.ask('POST', '/ws/topic/7', {}, 'still here');
  assert.equal(await quick.next(), 'still here');
  quick.terminate();
});

test('one that reads nothing at all is gone after a while, told or not', async t => {
  const s = await startTestServer(t, { write_stall_ms: '200ms' });
  const deaf = await RawSocket.open(s.port, '/ws/echo');
  deaf.c.socket.pause();
  for (let i = 0; i < 200; i++) deaf.write(frame(0x82, Buffer.alloc(65536)));
  const x = await s.until(y => y.ws === 0, 'its end', 20_000);
  assert.deepEqual([x.ws_slow, x.ws_code], [1, 1013]);
  deaf.c.destroy();
});

test('a flood of pings is answered as far as it is read, and holds no memory', async t => {
  const s = await startTestServer(t);
  const w = await RawSocket.open(s.port, '/ws/echo');
  const flood = Buffer.concat(Array(5000).fill(frame(0x89, 'x'.repeat(125))));
  w.write(Buffer.concat([flood, frame(0x81, 'done'), closing(1000)]));
  const got = await w.all();
  assert.match(got, /^(pong\(125\) )+text\(done\) close\(1000 \)$/);
  assert.equal((await s.stats()).ws_slow, 0);
});

test('SIGTERM: sockets are told 1001 and the process ends by itself', async t => {
  const s = await startTestServer(t);
  const m = await open(s, '/ws/topic/7'), w = await RawSocket.open(s.port, '/ws/echo');
  w.write(frame(0x01, 'half'));
  await s.until(x => x.ws === 2, 'both');
  s.proc.kill('SIGTERM');
  assert.equal(await m.closed, '1001 the server is stopping');
  const f = await w.next();
  assert.deepEqual([f.first, f.data.readUInt16BE(0)], [0x88, 1001]);
  w.write(closing(1001));
  await w.c.closed();
  w.c.end();
  assert.deepEqual(await within(PATIENCE_MS, s.exited), { code: 0, signal: null });
});

test('SIGTERM: one that does not answer is cut off after drain_ms', async t => {
  const s = await startTestServer(t, { drain_ms: '200ms' });
  const w = await RawSocket.open(s.port, '/ws/echo');
  s.proc.kill('SIGTERM');
  assert.match(await w.all(), /^close\(1001 /);
  assert.deepEqual(await within(PATIENCE_MS, s.exited), { code: 0, signal: null });
});

test('sockets that come and go at random, while others broadcast, leave nothing behind', async t => {
  const s = await startTestServer(t, { conns_per_ip_max: 0 });
  let seed = 20260102, over = false;
  const random = n => { seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0; return Math.floor(seed / 2 ** 32 * n); };
  const talk = (async () => { while (!over) await s.ask('POST', `/ws/topic/${1 + random(3)}?times=${1 + random(20)}`, {}, 'x'.repeat(random(3000))); })();
  const parts = [() => frame(0x81, 'x'.repeat(random(2000))), () => frame(0x89, 'p'), () => frame(0x01, 'a'), () => frame(0x80, 'b'), () => closing(1000),
    () => frame(0x83), () => Buffer.from('rubbish')];
  const one = async () => {
    const w = await RawSocket.open(s.port, random(2) ? '/ws/echo' : `/ws/topic/${1 + random(3)}`);
    for (let i = random(6); i > 0 && !w.c.ended; i--) w.write(parts[random(parts.length)]());
    if (random(2)) await w.next(1 + random(30)).catch(() => {});
    [() => w.c.end(), () => w.c.destroy(), () => w.c.socket.resetAndDestroy()][random(3)]();
    w.c.destroy();
  };
  await Promise.all(Array.from({ length: 10 }, async () => { for (let i = 0; i < 40; i++) await one(); }));
  over = true;
  await talk;
  const x = await s.until(y => y.ws === 0 && y.conns === 1, 'the end of everything');
  assert.deepEqual([x.ws_opened, x.ws_closed], [400, 400]);
  s.proc.kill('SIGTERM');
  assert.deepEqual(await within(PATIENCE_MS, s.exited), { code: 0, signal: null });
});
