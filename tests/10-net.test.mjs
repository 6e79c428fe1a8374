// 10-net: the HTTP server by raw sockets, against the test server that has a route of every kind.
import { createHash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import assert from 'node:assert/strict';
import test from 'node:test';
import { setInterval } from 'node:timers/promises';
import { Raw } from './lib/raw.mjs';
import { PATIENCE_MS, tempDir, within } from './lib/server.mjs';
import { startTestServer } from './lib/testserver.mjs';

const get = (path, more = '') => `GET ${path} HTTP/1.1\r\nHost: test\r\n${more}\r\n`;
const sha = b => createHash('sha256').update(b).digest('hex');
const problem = r => {
  assert.equal(r.headers['content-type'], 'application/problem+json');
  return JSON.parse(r.text);
};

test('keep-alive serves many requests on one connection, whole or byte by byte', async t => {
  const s = await startTestServer(t);
  const c = await Raw.connect(s.port);
  for (let i = 0; i < 3; i++) {
    const asked = Date.now();
    c.write(get('/hello'));
    const r = await c.response(), date = Date.parse(r.headers.date);
    assert.deepEqual([r.status, r.text, r.headers.connection], [200, 'hello\n', undefined]);
    assert.equal(r.headers['x-content-type-options'], 'nosniff');
    assert.ok(asked - 2000 < date && date <= Date.now(), r.headers.date);
  }
  for (const byte of Buffer.from('POST /echo HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n')) {
    await new Promise(f => c.socket.write(Buffer.of(byte), f));
  }
  assert.equal((await c.response()).text, 'abcde');
  c.write(get('/hello', 'Connection: close\r\n'));
  assert.equal((await c.response()).headers.connection, 'close');
  await c.closed();
});

test('an answer that just fills the memory of its request is sent or refused', async t => {
  const s = await startTestServer(t);
  const c = await Raw.connect(s.port);
  const seen = new Set();
  for (let n = 2 ** 20 - 48 * 1024; n <= 2 ** 20 + 64; n += n < 2 ** 20 - 4096 ? 1024 : 64) {
    c.write(get(`/copied?n=${n}`));
    const r = await c.response();
    seen.add(r.status);
    if (r.status === 200) assert.equal(r.body.length, n);
    else assert.equal(problem(r).code, 'too_big');
  }
  assert.deepEqual([...seen], [200, 413]);
});

test('HTTP/1.0 closes unless asked to keep alive', async t => {
  const s = await startTestServer(t);
  const c = await Raw.connect(s.port);
  c.write('GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n');
  assert.equal((await c.response()).headers.connection, 'keep-alive');
  c.write('GET /hello HTTP/1.0\r\n\r\n');
  assert.equal((await c.response()).headers.connection, 'close');
  await c.closed();
});

test('pipelined requests are answered in order, also when the first one waits', async t => {
  const s = await startTestServer(t);
  const c = await Raw.connect(s.port);
  let all = get('/slow');
  for (let i = 0; i < 300; i++) all += get(`/hello/n${i}`) + `POST /count HTTP/1.1\r\nHost: test\r\nContent-Length: 2\r\n\r\n{}`;
  c.write(all);
  await s.until(x => x.waiting === 1, 'the handler at the gate');
  assert.equal(c.pending.length, 0, 'nothing may overtake the first answer');
  await s.ask('POST', '/gate');
  assert.equal((await c.response()).text, 'slow\n');
  for (let i = 0; i < 300; i++) {
    assert.match((await c.response()).text, new RegExp(`^n${i}\\|`));
    assert.equal((await c.response()).text, `${i + 1}\n`);
  }
  c.destroy();
});

test('a client that shuts its sending half still gets every answer', async t => {
  const s = await startTestServer(t);
  const c = await Raw.connect(s.port);
  c.write(get('/slow') + get('/hello'));
  c.end();
  await s.until(x => x.waiting === 1, 'the handler at the gate');
  await s.ask('POST', '/gate');
  assert.equal((await c.response()).text, 'slow\n');
  assert.equal((await c.response()).text, 'hello\n');
  await c.closed();
});

test('routing: params, HEAD, OPTIONS, 404, 405 with Allow, languages', async t => {
  const s = await startTestServer(t);
  assert.equal((await s.ask('GET', '/hello/a%20b?q=1%2B1+2', { Cookie: 'x=1; c=crumb', 'Accept-Language': 'fr, zh-CN;q=0.8, en;q=0.5' })).text, 'a b|1+1 2|crumb|zh\n');
  assert.equal((await s.ask('GET', '/hello/world')).text, 'hello\n');
  const head = await s.ask('HEAD', '/hello');
  assert.deepEqual([head.status, head.headers['content-length'], head.text], [200, '6', '']);
  const options = await s.ask('OPTIONS', '/hello');
  assert.deepEqual([options.status, options.headers.allow], [204, 'GET, HEAD, OPTIONS']);
  assert.equal((await s.ask('OPTIONS', '*')).status, 204);
  const wrong = await s.ask('DELETE', '/hello');
  assert.deepEqual([wrong.status, wrong.headers.allow, problem(wrong).code], [405, 'GET, HEAD, OPTIONS', 'method_not_allowed']);
  for (const path of ['/nowhere', '/hello/', '/hello/a/b', '/Hello']) assert.equal((await s.ask('GET', path)).status, 404, path);
  const zh = problem(await s.ask('GET', '/nowhere', { 'Accept-Language': 'zh' }));
  assert.equal(zh.title, zh.i18n.zh.title);
  assert.notEqual(zh.title, zh.i18n.en.title);
  assert.match(zh.instance, /^req_[0-9A-Z]{13}$/);
});

test('our own faults say nothing of their reason; a header with a line break is left out', async t => {
  const s = await startTestServer(t);
  const fail = await s.ask('GET', '/fail');
  assert.equal(fail.status, 500);
  assert.ok(!fail.text.includes('secret'), fail.text);
  await s.line(/the secret reason/);
  assert.equal((await s.ask('GET', '/nothing')).status, 500);
  const cookie = await s.ask('GET', '/cookie');
  assert.equal(cookie.headers['set-cookie'], 'c=crumb; Path=/; Max-Age=60; SameSite=Lax; HttpOnly');
  assert.equal(cookie.headers.injected, undefined);
});

test('an answer before the body: the connection goes on when the body is there, else it is closed', async t => {
  const s = await startTestServer(t);
  const c = await Raw.connect(s.port);
  c.write('POST /denied HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello' + get('/hello'));
  assert.equal((await c.response()).status, 401);
  assert.equal((await c.response()).text, 'hello\n');
  c.write('POST /denied HTTP/1.1\r\nHost: test\r\nContent-Length: 500\r\n\r\nhello');
  const r = await c.response();
  assert.deepEqual([r.status, r.headers.connection], [401, 'close']);
  await c.closed();
});

test('ETag: 304 and 412; Range: 206, 416, If-Range', async t => {
  const s = await startTestServer(t);
  const full = await s.ask('GET', '/static');
  assert.deepEqual([full.status, full.headers.etag, full.text.length], [200, '"s1"', 36]);
  for (const v of ['"s1"', 'W/"s1"', '"x", "s1"', '*']) {
    const r = await s.ask('GET', '/static', { 'If-None-Match': v });
    assert.deepEqual([r.status, r.text, r.headers.etag], [304, '', '"s1"'], v);
  }
  assert.equal((await s.ask('GET', '/static', { 'If-None-Match': '"s2"' })).status, 200);
  assert.equal((await s.ask('GET', '/static', { 'If-Match': '"s2"' })).status, 412);
  const ranges = [['bytes=0-0', 206, '0', '0-0'], ['bytes=10-', 206, 'abcdefghijklmnopqrstuvwxyz', '10-35'], ['bytes=-3', 206, 'xyz', '33-35'],
    ['bytes=30-99', 206, 'uvwxyz', '30-35'], ['bytes=36-', 416, null, '*'], ['bytes=-0', 416, null, '*'], ['bytes=0-1,4-5', 206, '012345', '0-5'],
    ['bytes=5-2', 200, null, null], ['items=0-1', 200, null, null], ['bytes=x', 200, null, null]];
  for (const [range, status, text, place] of ranges) {
    const r = await s.ask('GET', '/static', { Range: range });
    assert.equal(r.status, status, range);
    if (text !== null) assert.equal(r.text, text, range);
    if (place) assert.equal(r.headers['content-range'], `bytes ${place}/36`, range);
  }
  assert.equal((await s.ask('GET', '/static', { Range: 'bytes=0-1', 'If-Range': '"s1"' })).status, 206);
  assert.equal((await s.ask('GET', '/static', { Range: 'bytes=0-1', 'If-Range': '"old"' })).status, 200);
  assert.equal((await s.ask('HEAD', '/static', { Range: 'bytes=0-1' })).headers['content-length'], '36');
});

test('files go out by sendfile, whole and in ranges, with Last-Modified', async t => {
  const s = await startTestServer(t);
  const all = await s.ask('GET', '/file'), same = await s.ask('GET', '/big');
  assert.equal(all.body.length, 16 << 20);
  assert.equal(sha(all.body), sha(same.body));
  const part = await s.ask('GET', '/file', { Range: 'bytes=4000000-8000003' });
  assert.equal(part.status, 206);
  assert.ok(part.body.equals(all.body.subarray(4000000, 8000004)));
  const since = await s.ask('GET', '/file', { 'If-Modified-Since': all.headers['last-modified'] });
  assert.equal(since.status, 304);
  const head = await s.ask('HEAD', '/file');
  assert.deepEqual([head.status, head.headers['content-length']], [200, String(16 << 20)]);
});

test('WRITE routes: answered after the lane, errors as problems', async t => {
  const s = await startTestServer(t);
  assert.equal((await s.ask('POST', '/count', {}, '{}')).text, '1\n');
  const failed = await s.ask('POST', '/count?fail');
  assert.deepEqual([failed.status, problem(failed).code], [409, 'wrong_state']);
  assert.equal((await s.stats()).counter, 1);
});

test('BLOCKING: 503 with Retry-After when the pool and its queue are full, and INLINE goes on meanwhile', async t => {
  const s = await startTestServer(t, { pool_threads: 2, pool_queue_max: 3 });
  const waiting = [];
  for (let i = 0; i < 5; i++) {
    const c = await Raw.connect(s.port);
    c.write(get('/slow'));
    waiting.push(c);
    await s.until(x => x.waiting === Math.min(i + 1, 2) && x.queued === Math.max(i - 1, 0), `request ${i} at its place`);
  }
  const refused = await s.ask('GET', '/slow');
  assert.deepEqual([refused.status, problem(refused).code], [503, 'busy']);
  assert.ok(Number(refused.headers['retry-after']) > 0);
  assert.equal((await s.ask('GET', '/hello')).status, 200);
  await s.ask('POST', '/gate?n=5');
  for (const c of waiting) assert.equal((await c.response()).text, 'slow\n');
});

test('a handler that is late: 503 for a read, "nobody knows" for a change that had begun', async t => {
  const s = await startTestServer(t, { handler_ms: '150ms', pool_threads: 1 });
  const slow = await s.ask('GET', '/slow');
  assert.deepEqual([slow.status, problem(slow).code], [503, 'busy']);
  const c = await Raw.connect(s.port);
  c.write('POST /count?gate HTTP/1.1\r\nHost: test\r\n\r\n');
  const r = await c.response();
  assert.deepEqual([r.status, problem(r).code], [502, 'outcome_unknown']);
  await s.ask('POST', '/gate?n=2');
  await s.until(x => x.counter === 1 && x.waiting === 0, 'the late change');
  c.write(get('/hello'));
  assert.equal((await c.response()).text, 'hello\n', 'a late answer must not come in between');
});

test('a head that does not come: 408 and close; an idle connection: close', async t => {
  const s = await startTestServer(t, { header_ms: '200ms', idle_ms: '300ms' });
  const slow = await Raw.connect(s.port), began = Date.now();
  slow.write('GET /hello HTTP/1.1\r\nHost: te');
  const r = await slow.response();
  assert.ok(Date.now() - began >= 190, `${Date.now() - began} ms`);
  assert.deepEqual([r.status, r.headers.connection], [408, 'close']);
  await slow.closed();
  const idle = await Raw.connect(s.port);
  assert.equal((await idle.closed()).length, 0);
});

test('dribbling the head byte by byte does not move its deadline', async t => {
  const s = await startTestServer(t, { header_ms: '300ms' });
  const c = await Raw.connect(s.port);
  let stop = false;
  const dribble = (async () => {
    c.write('GET /hello HTTP/1.1\r\nX: ');
    for await (const _ of setInterval(5)) { if (stop || c.ended) break; c.write('y'); }
  })();
  assert.equal((await c.response({ ms: 3000 })).status, 408);
  stop = true;
  await dribble;
});

test('a body slower than the minimum rate: 408 and close; its sink is aborted', async t => {
  const s = await startTestServer(t, { body_rate_min: 1000, body_grace_ms: '200ms' });
  for (const path of ['/echo', '/stream']) {
    const c = await Raw.connect(s.port);
    c.write(`PUT ${path} HTTP/1.1\r\nHost: test\r\nContent-Length: 5000\r\n\r\n` + 'x'.repeat(150));
    const r = await c.response();
    assert.deepEqual([r.status, r.headers.connection], [408, 'close'], path);
    await c.closed();
  }
  const x = await s.until(y => y.aborted === 1, 'the abort');
  assert.equal(x.bytes, 150, 'what came is handed over before the abort');
});

test('a client that reads nothing is cut off, and others do not notice', async t => {
  const s = await startTestServer(t, { write_stall_ms: '300ms' });
  const c = await Raw.connect(s.port, { pauseOnConnect: true });
  c.socket.pause();
  c.write(get('/big'));
  assert.equal((await s.ask('GET', '/hello')).status, 200);
  await s.until(x => x.timeouts === 1 && x.conns === 1, 'the end of the stalled connection');
  c.destroy();
});

test('answers that the kernel has taken whole keep nobody who does not read them; who has read them is left alone', async t => {
  const s = await startTestServer(t, { write_stall_ms: '300ms' }), n = 400_000, ask = get(`/copied?n=${n}`);
  const reader = await Raw.connect(s.port), c = await Raw.connect(s.port, { pauseOnConnect: true });
  reader.write(ask);
  assert.equal((await reader.response()).body.length, n);
  c.socket.pause();
  c.write(ask + ask);
  await s.until(x => x.timeouts === 1 && x.conns === 2, 'the end of the one who does not read');
  reader.write(ask);
  assert.equal((await reader.response()).body.length, n);
  c.destroy();
});

test('a connection that was never served has less time than one that was', async t => {
  const s = await startTestServer(t, { event_threads: 1, first_ms: '1s', idle_ms: '60s' });
  const served = await Raw.connect(s.port), silent = await Raw.connect(s.port);
  served.write(get('/hello'));
  assert.equal((await served.response()).status, 200);
  await s.ask('POST', '/waited?ms=5000');                  // so long are event threads said to let wait: once that has lasted all is refused
  await within(PATIENCE_MS, (async () => { while ((await s.ask('GET', '/as/feed')).status !== 503); })());
  const refused = await Raw.connect(s.port);
  refused.write(get('/as/feed'));
  const answer = await refused.response();
  assert.deepEqual([answer.status, answer.headers.connection], [503, undefined]);
  await Promise.all([refused.closed(), silent.closed()]);
  await s.ask('POST', '/waited?ms=0');
  served.write(get('/as/operate'));
  assert.equal((await served.response()).status, 200);
});

test('when connections run out, the one that was silent for longest makes room', async t => {
  const s = await startTestServer(t, { event_threads: 1, conns_max: 3, conns_per_ip_max: 0 });
  const kept = [], hello = async c => { c.write(get('/hello')); assert.equal((await c.response()).status, 200); };
  for (let i = 0; i < 3; i++) kept.push(await Raw.connect(s.port));
  await hello(kept[1]);                                    // so this is the one: the others are served later, by the server's clock of milliseconds
  for (const at = performance.now(); performance.now() < at + 20;) for (const c of [kept[0], kept[2]]) await hello(c);
  const fourth = async () => {                             // refused as long as all have just been served
    const c = await Raw.connect(s.port);
    c.write(get('/hello'));
    if ((await c.response().catch(() => ({}))).status === 200) return c;
    c.destroy();
    return fourth();
  };
  const c = await within(PATIENCE_MS, fourth());
  await kept[1].closed();
  for (const x of [kept[0], kept[2], c]) await hello(x);
});

test('limits: connections of one address, connections in all; both are told 503', async t => {
  const s = await startTestServer(t, { conns_per_ip_max: 3 });
  const three = [];
  for (let i = 0; i < 3; i++) {
    three.push(await Raw.connect(s.port));
    three[i].write(get('/hello'));
    await three[i].response();
  }
  const fourth = await Raw.connect(s.port);
  const r = await fourth.response();
  assert.deepEqual([r.status, problem(r).code, r.headers.connection], [503, 'busy', 'close']);
  await fourth.closed();
  three[0].destroy();
  const again = async () => {
    const c = await Raw.connect(s.port);
    c.write(get('/hello'));
    const x = await c.response();
    return x.status === 200 ? c : again();
  };
  await within(PATIENCE_MS, again());

  const all = await startTestServer(t, { conns_max: 2, conns_per_ip_max: 0 });
  const kept = [await Raw.connect(all.port), await Raw.connect(all.port)];
  for (const c of kept) { c.write(get('/hello')); assert.equal((await c.response()).status, 200); }
  assert.equal((await (await Raw.connect(all.port)).response()).status, 503);
});

test('trusted proxies: the user is the last address that no proxy has', async t => {
  const ip = a => a.text.split(' ')[0].slice(-8);
  const plain = await startTestServer(t), far = { 'X-Forwarded-For': '9.9.9.9, 8.8.8.8, 10.0.0.5', 'X-Forwarded-Proto': 'https' };
  const stranger = await plain.ask('GET', '/whoami', far);
  assert.deepEqual([ip(stranger), stranger.text.split(' ')[1]], ['7f000001', 'plain\n']);
  const s = await startTestServer(t, { trusted_proxies: '127.0.0.1, 10.0.0.0/8' });
  const user = await s.ask('GET', '/whoami', far);
  assert.deepEqual([ip(user), user.text.split(' ')[1]], ['08080808', 'tls\n']);
  assert.equal(ip(await s.ask('GET', '/whoami', { 'X-Forwarded-For': 'rubbish' })), '7f000001');
  const c = await Raw.connect(s.port);                     // the proxy added a line of its own, and did not know whom to name
  c.write(get('/whoami', 'X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: unknown, 10.0.0.5\r\n'));
  assert.equal(ip(await c.response()), '0a000005');
});

test('unix sockets', async t => {
  const dir = tempDir();
  await startTestServer(t, {}, `127.0.0.1:0,unix:${join(dir, 's')}`);
  const c = await Raw.connect({ path: join(dir, 's') });
  c.write(get('/hello'));
  assert.equal((await c.response()).text, 'hello\n');
  c.destroy();
});

test('the time between two requests on a unix socket is nobody\'s wait', async t => {
  const dir = tempDir();
  const clock = await startTestServer(t, { header_ms: '500ms' });            // another one, so that nothing wakes the first
  await startTestServer(t, { event_threads: 1, delay_ms: '100ms' }, `127.0.0.1:0,unix:${join(dir, 's')}`);
  const c = await Raw.connect({ path: join(dir, 's') }), all = [];
  for (let i = 0; i < 6; i++) {
    c.write(get('/hello'));
    all.push((await c.response()).status);
    const tick = await Raw.connect(clock.port);
    tick.write('GET');
    assert.equal((await tick.response()).status, 408);
    tick.destroy();
  }
  assert.deepEqual(all, Array(6).fill(200));
  c.destroy();
});

test('big bodies are refused before they are read', async t => {
  const s = await startTestServer(t);
  const c = await Raw.connect(s.port);
  c.write('POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 10000000\r\n\r\n');
  const r = await c.response();
  assert.deepEqual([r.status, problem(r).code, r.headers.connection], [413, 'too_big', 'close']);
  await c.closed();
  const chunked = await Raw.connect(s.port);
  chunked.write('POST /echo HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n' + ('4000\r\n' + 'x'.repeat(0x4000) + '\r\n').repeat(5));
  assert.equal((await chunked.response()).status, 413);
  assert.equal((await s.ask('GET', '/hello', { 'Content-Length': 3 }, 'abc')).status, 413);
});

test('Expect: 100-continue is answered when the body is wanted, and only then', async t => {
  const s = await startTestServer(t);
  for (const [path, final] of [['/echo', 200], ['/stream', 201]]) {
    const c = await Raw.connect(s.port);
    c.write(`PUT ${path} HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n`);
    assert.equal((await c.response()).status, 100, path);
    c.write('body');
    assert.equal((await c.response()).status, final, path);
    c.destroy();
  }
  for (const [path, n, status] of [['/echo', 10000000, 413], ['/stream?refuse', 4, 409], ['/nowhere', 4, 404]]) {
    const c = await Raw.connect(s.port);
    c.write(`PUT ${path} HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: ${n}\r\n\r\n`);
    assert.equal((await c.response()).status, status, path);
    c.destroy();
  }
});

test('STREAM: bodies of all shapes arrive whole', async t => {
  const s = await startTestServer(t);
  for (const n of [0, 1, 131071, 131072, 131073, 5_000_000]) {
    const body = randomBytes(n);
    const r = await s.ask('PUT', '/stream', n ? {} : { 'Content-Length': 0 }, body);
    assert.deepEqual([r.status, r.text], [201, `${sha(body)} ${n}\n`]);
  }
  const c = await Raw.connect(s.port), body = Buffer.alloc(700_000, 'chunk');
  c.write('PUT /stream HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n');
  for (let at = 0; at < body.length; at += 7001) {
    const part = body.subarray(at, at + 7001);
    c.write(`${part.length.toString(16)}\r\n`);
    c.write(part);
    c.write('\r\n');
  }
  c.write('0\r\n\r\n' + get('/hello'));
  assert.equal((await c.response()).text, `${sha(body)} ${body.length}\n`);
  assert.equal((await c.response()).text, 'hello\n');
  c.destroy();
});

test('STREAM: a full sink stops the reading; a cut upload is aborted after what came was written', async t => {
  const s = await startTestServer(t);
  const c = await Raw.connect(s.port), total = 256 << 20, part = Buffer.alloc(1 << 20, 'x');
  c.write(`PUT /stream?gate HTTP/1.1\r\nHost: test\r\nContent-Length: ${total}\r\n\r\n`);
  await s.until(x => x.opened === 1, 'the sink');
  let given = 0;
  while (c.socket.writableLength < 32 << 20 && given < total) { c.write(part); given += part.length; }
  await s.until(x => x.waiting === 1, 'the sink at the gate');
  assert.ok(c.socket.writableLength > 16 << 20, 'the server must not have read it all');
  c.destroy();
  await s.ask('POST', '/gate?n=1000');
  const x = await s.until(y => y.aborted === 1, 'the abort');
  assert.ok(x.bytes > 0 && x.bytes < given);
  assert.equal(x.ended, 0);
});

test('STREAM: a sink that fails answers at once and closes', async t => {
  const s = await startTestServer(t);
  const c = await Raw.connect(s.port);
  c.write('PUT /stream?broken HTTP/1.1\r\nHost: test\r\nContent-Length: 100000000\r\n\r\n' + 'x'.repeat(300_000));
  const r = await c.response();
  assert.deepEqual([r.status, problem(r).code, r.headers.connection], [503, 'storage_full', 'close']);
  await c.closed();
  assert.equal((await s.stats()).aborted, 1);
});

/** Reads events from n+1 to `last` of /events, giving their ids. */
async function readEvents(s, after, last) {
  const c = await Raw.connect(s.port), ids = [];
  c.write(get('/events', after ? `Last-Event-ID: ${after}\r\n` : ''));
  let text = '';
  while (ids.at(-1) !== last) {
    text += await c.take('\n\n');
    for (let end; (end = text.indexOf('\n\n')) >= 0; text = text.slice(end + 2)) {
      const m = /^id: (\d+)\nevent: n\ndata: \{"n":(\d+)\}$/.exec(text.slice(0, end));
      if (m) { assert.equal(m[1], m[2]); ids.push(Number(m[1])); }
    }
  }
  return { ids, c };
}

test('SSE: live events, and resuming without loss or doubles', async t => {
  const s = await startTestServer(t);
  await s.ask('POST', '/events?n=10');
  const first = await readEvents(s, 0, 10);
  const range = (a, b) => Array.from({ length: b - a + 1 }, (_, i) => a + i);
  assert.deepEqual(first.ids, range(1, 10));
  first.c.destroy();
  await s.ask('POST', '/events?n=500');                     // while nobody listens
  const resumed = readEvents(s, 10, 1010);
  await s.until(x => x.sse === 1, 'the stream');
  for (let i = 0; i < 100; i++) await s.ask('POST', '/events?n=5');
  const { ids, c } = await resumed;
  assert.deepEqual(ids, range(11, 1010));
  c.destroy();
  await s.until(x => x.sse === 0, 'the end of the stream');
  const many = await Promise.all(Array.from({ length: 20 }, (_, i) => readEvents(s, i * 50, 1010)));
  many.forEach((m, i) => { assert.deepEqual(m.ids, range(i * 50 + 1, 1010)); m.c.destroy(); });
  assert.equal((await s.ask('GET', '/events', { 'Last-Event-ID': '-1' })).status, 400);
  await s.ask('POST', '/events?n=3086');                     // 4096: the end of the stream, which closes it
  const last = await readEvents(s, 4000, 4096);
  assert.deepEqual(last.ids, range(4001, 4096));
  await last.c.closed();
});

test('SSE: a wake between reading and subscribing is not lost', async t => {
  const s = await startTestServer(t);
  for (let i = 1; i <= 100; i++) {
    const both = await Promise.all([readEvents(s, i - 1, i), s.ask('POST', '/events?n=1')]);
    assert.deepEqual(both[0].ids, [i]);
    both[0].c.destroy();
  }
});

test('SIGTERM: the request under way finishes, idle and streaming connections end, the process ends by itself', async t => {
  const s = await startTestServer(t);
  const idle = await Raw.connect(s.port), busy = await Raw.connect(s.port), sse = await Raw.connect(s.port), fresh = await Raw.connect(s.port);
  const upload = await Raw.connect(s.port);
  idle.write(get('/hello'));
  await idle.response();
  sse.write(get('/events'));
  await sse.take('retry:');
  busy.write(get('/slow'));
  upload.write('PUT /stream HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\n12345');
  await s.until(x => x.waiting === 1 && x.opened === 1, 'both requests');
  fresh.write('GET /he');
  const gate = await Raw.connect(s.port);
  gate.write('POST /gate HTTP/1.1\r\nHost: test\r\n');
  s.proc.kill('SIGTERM');
  await idle.closed();
  await sse.closed();
  // each event thread closes its own listener: nobody listens any more once the last one has
  for (const deadline = Date.now() + PATIENCE_MS; ;) {
    const late = await Raw.connect(s.port).catch(() => null);
    if (!late) break;
    late.destroy();
    assert.ok(Date.now() < deadline, 'somebody still listens');
  }
  upload.write('67890');
  const up = await upload.response();
  assert.deepEqual([up.status, up.headers.connection], [201, 'close']);
  fresh.write('llo HTTP/1.1\r\nHost: test\r\n\r\n');
  assert.equal((await fresh.response()).headers.connection, 'close');
  gate.write('\r\n');
  await gate.response();
  const r = await busy.response();
  assert.deepEqual([r.text, r.headers.connection], ['slow\n', 'close']);
  for (const c of [fresh, upload, busy, gate]) c.destroy();
  assert.deepEqual(await within(PATIENCE_MS, s.exited), { code: 0, signal: null });
});

test('SIGTERM: what does not finish is cut off after drain_ms', async t => {
  const s = await startTestServer(t, { drain_ms: '300ms' });
  const c = await Raw.connect(s.port);
  c.write('PUT /stream HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\n12345');
  await s.until(x => x.opened === 1, 'the sink');
  s.proc.kill('SIGTERM');
  await c.closed();
  assert.deepEqual(await within(PATIENCE_MS, s.exited), { code: 0, signal: null });
});

test('no descriptors left: the server stays alive and serves again when some are free', async t => {
  const s = await startTestServer(t, { conns_per_ip_max: 0 });
  const { execFileSync } = await import('node:child_process');
  execFileSync('prlimit', ['--pid', String(s.proc.pid), '--nofile=40:40']);
  const many = [];
  for (let i = 0; i < 60; i++) many.push(await Raw.connect(s.port));
  await within(PATIENCE_MS, Promise.any(many.map(c => c.closed().then(() => true))), () => 'nobody was turned away');
  await s.line(/out_of_descriptors/);
  for (const c of many) c.destroy();
  const served = async () => {       // the kernel may hand over the new connection before the ends of the old ones
    for (;;) {
      const r = await s.ask('GET', '/hello').catch(() => null);
      if (r) return r.status;
    }
  };
  assert.equal(await within(PATIENCE_MS, served(), () => 'nobody is served although descriptors are free'), 200);
});

test('clients that break off anywhere leave nothing behind', async t => {
  const s = await startTestServer(t, { pool_threads: 3, conns_per_ip_max: 0 });
  let seed = 20260101;
  const random = n => { seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0; return Math.floor(seed / 2 ** 32 * n); };
  const upload = n => `PUT /stream HTTP/1.1\r\nHost: test\r\nContent-Length: ${n}\r\n\r\n` + 'x'.repeat(n);
  const chunked = n => 'PUT /stream HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n' + `${n.toString(16)}\r\n${'y'.repeat(n)}\r\n0\r\n\r\n`;
  const kinds = [() => get('/hello'), () => get('/file'), () => get('/big', `Range: bytes=${random(1e6)}-\r\n`), () => get('/events'),
    () => 'POST /count HTTP/1.1\r\nHost: test\r\nContent-Length: 2\r\n\r\n{}', () => upload(random(600_000)), () => chunked(1 + random(300_000)),
    () => 'POST /events?n=1 HTTP/1.1\r\nHost: test\r\n\r\n', () => get('/nowhere'), () => 'rubbish\r\n\r\n', () => get('/slow')];
  const one = async () => {
    const c = await Raw.connect(s.port);
    let bytes = '';
    for (let i = 0; i <= random(4); i++) bytes += kinds[random(kinds.length)]();
    bytes = bytes.slice(0, random(3) ? undefined : random(bytes.length));
    for (let at = 0; at < bytes.length && !c.ended;) {
      const n = 1 + random(200_000);
      await new Promise(f => c.socket.write(bytes.slice(at, at + n), 'latin1', f));
      at += n;
    }
    const how = random(4);
    if (how === 0) c.end();
    if (how === 1) c.socket.resetAndDestroy();
    else if (how === 2) c.destroy();
    else await c.closed(random(60)).catch(() => {});
    c.destroy();
  };
  await s.ask('POST', '/gate?n=1000');
  await Promise.all(Array.from({ length: 12 }, async () => { for (let i = 0; i < 40; i++) await one(); }));
  const x = await s.until(y => y.conns === 1 && y.sse === 0 && y.queued === 0 && y.opened === y.aborted + y.ended, 'the end of everything');
  assert.ok(x.aborted > 0 && x.ended > 0, JSON.stringify(x));
  s.proc.kill('SIGTERM');
  assert.deepEqual(await within(PATIENCE_MS, s.exited), { code: 0, signal: null });
});
