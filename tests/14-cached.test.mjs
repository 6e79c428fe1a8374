// 14-cached: answers that are equal for everybody, in the test server and in the product.
import assert from 'node:assert/strict';
import test from 'node:test';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { Raw } from './lib/raw.mjs';
import { PATIENCE_MS, startServer } from './lib/server.mjs';
import { startTestServer } from './lib/testserver.mjs';

const plain = r => ({ br: brotliDecompressSync, gzip: gunzipSync })[r.headers['content-encoding']]?.(r.body) ?? r.body;
const version = r => Number(/^version (\d+), line 0\n/.exec(plain(r).toString())[1]);

/** The answer as soon as its version is liked. */
async function until(s, test) {
  for (const deadline = Date.now() + PATIENCE_MS; ;) {
    const r = await s.ask('GET', '/cached');
    if (test(version(r))) return r;
    assert.ok(Date.now() < deadline, `still version ${version(r)}`);
  }
}

test('each coding is the same answer with an ETag of its own', async t => {
  const s = await startTestServer(t);
  const identity = await s.ask('GET', '/cached'), tags = new Set();
  for (const [accept, coding] of [['gzip, br', 'br'], ['gzip', 'gzip'], ['br;q=0', undefined], ['identity', undefined], ['gzip;q=0.5, br;q=0.1', 'gzip']]) {
    const r = await s.ask('GET', '/cached', { 'Accept-Encoding': accept });
    assert.deepEqual([r.status, r.headers['content-encoding'], r.headers.vary], [200, coding, 'Accept-Encoding'], accept);
    assert.ok(plain(r).equals(identity.body), accept);
    if (coding) assert.ok(r.body.length * 4 < identity.body.length, `${coding}: ${r.body.length} of ${identity.body.length}`);
    tags.add(r.headers.etag);
    assert.equal((await s.ask('GET', '/cached', { 'Accept-Encoding': accept, 'If-None-Match': r.headers.etag })).status, 304);
    const head = await s.ask('HEAD', '/cached', { 'Accept-Encoding': accept });
    assert.deepEqual([head.headers['content-length'], head.headers.etag], [String(r.body.length), r.headers.etag]);
    const part = await s.ask('GET', '/cached', { 'Accept-Encoding': accept, Range: 'bytes=10-19' });
    assert.deepEqual([part.status, part.headers['content-range']], [206, `bytes 10-19/${r.body.length}`]);
    assert.ok(part.body.equals(r.body.subarray(10, 20)));
    const two = await s.ask('GET', '/cached', { 'Accept-Encoding': accept, Range: 'bytes=0-9,1000-1009' });
    assert.equal(two.status, coding ? 200 : 206, 'several ranges of a coding cannot be said');
  }
  assert.equal(tags.size, 3);
  assert.equal((await s.stats()).renders, 1);
});

test('a new version is made by one worker; meanwhile everybody gets the old one, at once', async t => {
  const s = await startTestServer(t, { conns_per_ip_max: 0 });
  const old = await s.ask('GET', '/cached');
  await s.ask('POST', '/cached?gate');
  for (let i = 0; i < 50; i++) assert.equal(version(await s.ask('GET', '/cached')), 1);
  const x = await s.until(y => y.waiting === 1, 'the worker');
  assert.deepEqual([x.renders, x.waiting], [2, 1], 'no stampede');
  await s.ask('POST', '/gate?n=1000');
  const r = await until(s, v => v !== 1);
  assert.equal(version(r), 2);
  assert.notEqual(r.headers.etag, old.headers.etag);
  assert.equal((await s.ask('GET', '/cached', { 'If-None-Match': old.headers.etag })).status, 200);
  assert.equal((await s.stats()).renders, 2);
});

test('what changes while it is rendered is rendered again', async t => {
  const s = await startTestServer(t);
  await s.ask('POST', '/cached?gate');
  await s.ask('GET', '/cached');
  await s.until(y => y.waiting === 1, 'the worker');
  await s.ask('POST', '/cached');                               // version 3, while 2 is on its way
  await s.ask('POST', '/gate?n=1000');
  await until(s, v => v === 3);
});

test('a version that cannot be made leaves the old one, and is tried again', async t => {
  const s = await startTestServer(t);
  await s.ask('POST', '/cached?fail');
  assert.equal(version(await s.ask('GET', '/cached')), 1);
  await s.line(/http\.cached_failed/);
  for (let i = 0; i < 20; i++) assert.equal(version(await s.ask('GET', '/cached')), 1);
  assert.ok((await s.stats()).renders < 10, 'not at each request');
  await s.ask('POST', '/cached');                               // it would succeed now
  await until(s, v => v === 3);
});

test('who is still reading the old version gets it whole', async t => {
  const s = await startTestServer(t);
  const slow = await Promise.all(Array.from({ length: 20 }, async () => {
    const c = await Raw.connect(s.port);
    c.socket.pause();
    c.write('GET /cached HTTP/1.1\r\nHost: test\r\n\r\n'.repeat(200));      // more than sockets hold
    return c;
  }));
  await s.ask('GET', '/cached');
  for (let v = 2; v <= 6; v++) {
    await s.ask('POST', '/cached');
    await until(s, now => now === v);
  }
  for (const c of slow) {
    c.socket.resume();
    let last = 1;
    for (let i = 0; i < 200; i++) {
      const r = await c.response({ ms: 20_000 }), v = version(r);
      assert.ok(v >= last && v <= 6);
      assert.ok(r.text.endsWith(`version ${v}, line 1999\n`) && !r.text.includes(`version ${v + 1},`), 'of one version');
      last = v;
    }
    c.destroy();
  }
});

const undated = r => { const { date, ...headers } = r.headers; return { status: r.status, headers, body: r.body }; };

/** Asks on one connection, n times the same; each answer. */
async function times(c, n, head) {
  const all = [];
  for (let i = 0; i < n; i++) {
    c.write(head);
    all.push(await c.response());
  }
  return all;
}

test('the same bytes again get the same answer again, until its version moves', async t => {
  const s = await startTestServer(t, { event_threads: 1 });
  const c = await Raw.connect(s.port), head = 'GET /cached HTTP/1.1\r\nHost: test\r\nAccept-Encoding: gzip\r\n\r\n';
  const [first, ...others] = await times(c, 10, head);
  for (const r of others) assert.deepEqual(undated(r), undated(first));
  assert.equal((await s.stats()).repeated, 8, 'kept is what came twice');
  const none = head.replace('\r\n\r\n', `\r\nIf-None-Match: ${first.headers.etag}\r\n\r\n`);
  for (const r of await times(c, 5, none)) assert.deepEqual([r.status, r.body.length, r.headers.etag], [304, 0, first.headers.etag]);
  assert.equal((await s.stats()).repeated, 11);
  await s.ask('POST', '/cached');
  const moved = await until(s, v => v === 2);
  for (const r of await times(c, 5, head)) assert.equal(version(r), 2);
  for (const r of await times(c, 5, none)) assert.deepEqual([r.status, version(r)], [200, 2]);
  assert.equal((await s.stats()).repeated, 19, 'known heads get the new one from the second time on');
  assert.notEqual(moved.headers.etag, first.headers.etag);
  for (const deadline = Date.now() + 10_000; ;) {               // and its Date is that of now
    const [r] = await times(c, 1, head);
    if (r.headers.date !== first.headers.date) break;
    assert.ok(Date.now() < deadline, `still ${r.headers.date}`);
  }
});

test('what differs by one byte, says who asks, or has something behind it is looked at each time', async t => {
  const s = await startTestServer(t, { event_threads: 1 });
  const c = await Raw.connect(s.port), head = 'GET /cached HTTP/1.1\r\nHost: test\r\nAccept-Encoding: br\r\n\r\n';
  const [want] = await times(c, 3, head);
  assert.equal((await s.stats()).repeated, 1);
  for (let i = 0; i < 20; i++) {
    const [r] = await times(c, 1, head.replace('test', `test${i}`));
    assert.deepEqual(undated(r), undated(want));
  }
  for (const h of ['Authorization: Bearer x', 'Cookie: a=b', 'Range: bytes=0-9', 'Connection: close', 'Content-Length: 0\r\nAuthorization: x']) {
    const d = h.startsWith('Connection') ? await Raw.connect(s.port) : c;
    for (const r of await times(d, d === c ? 5 : 1, head.replace('\r\n\r\n', `\r\n${h}\r\n\r\n`))) assert.equal(r.status, h.startsWith('Range') ? 206 : 200);
  }
  for (const r of [...await times(c, 5, head.replace('/cached', '/hello')), ...await times(c, 5, head.replace('/cached', '/nowhere'))]) assert.ok(r.status === 200 || r.status === 404);
  for (let i = 0; i < 5; i++) {
    c.write(head.replace('GET', 'HEAD'));
    assert.equal((await c.response({ head: true })).body.length, 0);
  }
  assert.equal((await s.stats()).repeated, 1, 'none of them');
  c.write(head.repeat(7));
  for (let i = 0; i < 7; i++) assert.deepEqual(undated(await c.response()), undated(want));
  c.write(`${head}GET /hello HTTP/1.0\r\n\r\n`);
  assert.deepEqual(undated(await c.response()), undated(want));
  assert.deepEqual([(await c.response()).text, (await c.closed()).length], ['hello\n', 0]);
});

test('a client that shuts its half, or does not read, gets all of what is given again', async t => {
  const s = await startTestServer(t, { event_threads: 1 });
  const head = 'GET /cached HTTP/1.1\r\nHost: test\r\nAccept-Encoding: gzip\r\n\r\n';
  const other = await Raw.connect(s.port), slow = await Raw.connect(s.port);
  const [, want] = await times(slow, 2, head);
  slow.socket.pause();
  const hello = 'GET /hello HTTP/1.1\r\nHost: test\r\n\r\n', before = (await s.stats()).repeated;
  let n = 0, kept;
  do {                                              // each alone: the other's answer comes behind what was read for this one
    slow.write(head);
    n++;
    await times(other, 1, hello);
    kept = (await s.stats()).repeated - before;
  } while (kept === n && n < 5000);
  assert.ok(n < 5000, 'its socket never became full');
  slow.end();
  slow.socket.resume();
  for (let i = 0; i < n; i++) assert.deepEqual(undated(await slow.response({ ms: 20_000 })), undated(want), `answer ${i} of ${n}`);
  await slow.closed();

  const ends = await Raw.connect(s.port);                      // read ahead together with the end, while its first request waits
  ends.write('GET /slow HTTP/1.1\r\nHost: test\r\n\r\n');
  await s.until(x => x.waiting === 1, 'the worker');
  ends.write(head);
  ends.end();
  await times(other, 3, hello);
  await s.ask('POST', '/gate?n=1');
  assert.equal((await ends.response()).status, 200);
  assert.deepEqual(undated(await ends.response()), undated(want));
  await ends.closed();
});

test('the product: what is given again is counted and logged as ever', async t => {
  const server = await startServer(t), port = Number(new URL(server.url).port), c = await Raw.connect(port);
  const all = await times(c, 5, 'GET /robots.txt HTTP/1.1\r\nHost: x\r\n\r\n');
  for (const r of all) assert.deepEqual(undated(r), undated(all[0]));
  const lines = () => server.log.filter(l => l.ev === 'http.request' && l.path === '/robots.txt');
  await server.waitLog(() => lines().length === 5);
  assert.equal(new Set(lines().map(l => l.req)).size, 5);
  for (const l of lines()) assert.deepEqual([l.method, l.route, l.status, l.bytes, l.ip], ['GET', '/robots.txt', 200, all[0].body.length, '127.0.0.1']);
  const [metrics] = await times(c, 1, `GET /metrics HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${server.operatorToken()}\r\n\r\n`);
  const said = name => Number(new RegExp(`^zoetrope_${name.replace(/[{}]/g, '\\$&')} (\\d+)$`, 'm').exec(metrics.text)?.[1]);
  assert.equal(said('http_requests_total{method="GET",route="/robots.txt",class="2xx"}'), 5);
  assert.equal(said('http_repeated_total'), 3);
});

test('the product: pages and lists come compressed, by hand and for browsers', async t => {
  const server = await startServer(t);
  const ask = async (path, headers = {}) => {
    const c = await Raw.connect(Number(new URL(server.url).port));
    c.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${Object.entries(headers).map(([k, v]) => `${k}: ${v}\r\n`).join('')}\r\n`);
    const r = await c.response();
    c.destroy();
    return r;
  };
  for (const path of ['/', '/new', '/v1/recipes', '/v1/templates', '/openapi.json']) {
    const identity = await ask(path);
    assert.equal(identity.headers['content-encoding'], undefined);
    for (const coding of ['br', 'gzip']) {
      const r = await ask(path, { 'Accept-Encoding': coding });
      assert.deepEqual([r.status, r.headers['content-encoding'], r.headers['content-type']], [200, coding, identity.headers['content-type']], path);
      assert.ok(plain(r).equals(identity.body) && r.body.length < identity.body.length, path);
      assert.match(r.headers.vary, /^Accept-Encoding/);
      assert.equal((await ask(path, { 'Accept-Encoding': coding, 'If-None-Match': r.headers.etag })).status, 304);
    }
  }
  const page = await ask('/', { 'Accept-Encoding': 'br' });
  assert.equal(page.headers.vary, 'Accept-Encoding, Accept-Language, Cookie');
  const lost = await ask('/nowhere', { Accept: 'text/html', 'Accept-Encoding': 'gzip' });
  assert.deepEqual([lost.status, lost.headers['content-encoding'], lost.headers.etag], [404, 'gzip', undefined]);
  assert.match(plain(lost).toString(), /<!doctype html>/i);
});
