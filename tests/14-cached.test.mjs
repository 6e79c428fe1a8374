// 14-cached: answers that are equal for everybody, in the test server and in the product.
import assert from 'node:assert/strict';
import test from 'node:test';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { Raw } from './lib/raw.mjs';
import { startServer } from './lib/server.mjs';
import { startTestServer } from './lib/testserver.mjs';

const plain = r => ({ br: brotliDecompressSync, gzip: gunzipSync })[r.headers['content-encoding']]?.(r.body) ?? r.body;
const version = r => Number(/^version (\d+), line 0\n/.exec(plain(r).toString())[1]);

/** The answer as soon as its version is liked. */
async function until(s, test) {
  for (const deadline = Date.now() + 10_000; ;) {
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
