// 24-cors.test.mjs - pages served from elsewhere may use the API, but only those that are named.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runZoetrope, startServer, tempDir } from './lib/server.mjs';

const FRIEND = 'https://photos.example', STRANGER = 'https://photos.example.evil.example';

test('only the origins that are named may read answers', async t => {
  const server = await startServer(t, { env: { ZOETROPE_NET_CORS_ORIGINS: `${FRIEND}, http://127.0.0.1:1` } });
  const ask = (origin, path = '/v1/recipes', method = 'GET', headers = {}) => fetch(server.url + path, { method, headers: { ...(origin ? { origin } : {}), ...headers } });
  for (const [path, method, status] of [['/v1/recipes', 'GET', 200], ['/v1/me', 'GET', 401], ['/v1/nothing', 'GET', 404], ['/v1/recipes', 'DELETE', 405], ['/v1/uploads', 'OPTIONS', 204]]) {
    const good = await ask(FRIEND, path, method), bad = await ask(STRANGER, path, method), none = await ask(null, path, method);
    assert.equal(good.status, status, `${method} ${path}`);
    assert.equal(good.headers.get('access-control-allow-origin'), FRIEND, `${method} ${path}`);
    assert.equal(good.headers.get('access-control-allow-credentials'), 'true');
    for (const other of [bad, none]) {
      assert.equal(other.headers.get('access-control-allow-origin'), null);
      assert.equal(other.headers.get('access-control-allow-credentials'), null);
    }
    for (const answer of [good, bad, none]) assert.match(answer.headers.get('vary'), /Origin/, 'no cache gives one the answer of the other');
  }
});

test('the question before a request is answered for them alone', async t => {
  const server = await startServer(t, { env: { ZOETROPE_NET_CORS_ORIGINS: FRIEND } });
  const before = (origin, path = '/v1/tasks') => fetch(server.url + path, { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'idempotency-key' } });
  for (const path of ['/v1/tasks', '/v1/uploads', '/v1/nothing']) {
    const good = await before(FRIEND, path);
    assert.equal(good.status, 204);
    assert.match(good.headers.get('access-control-allow-methods'), /\bPATCH\b/);
    assert.match(good.headers.get('access-control-allow-headers'), /\bIdempotency-Key\b.*\bUpload-Offset\b/);
    assert.ok(Number(good.headers.get('access-control-max-age')) > 0);
  }
  const bad = await before(STRANGER);
  assert.equal(bad.headers.get('access-control-allow-origin'), null);
  assert.equal(bad.headers.get('access-control-allow-methods'), null);
});

test('a change with a cookie comes from them or from here, from nobody else', async t => {
  const server = await startServer(t, { env: { ZOETROPE_NET_CORS_ORIGINS: FRIEND } });
  const begin = (origin, site) => fetch(`${server.url}/v1/sessions`, { method: 'POST', headers: { 'content-type': 'application/json', 'sec-fetch-site': site, ...(origin ? { origin } : {}) }, body: '{}' });
  assert.equal((await begin(FRIEND, 'cross-site')).status, 201);
  assert.equal((await begin(server.url, 'same-origin')).status, 201);
  assert.equal((await begin(STRANGER, 'cross-site')).status, 403);
  assert.equal((await begin(null, 'cross-site')).status, 403);
});

test('without the setting nobody from elsewhere is told anything', async t => {
  const server = await startServer(t), answer = await fetch(`${server.url}/v1/recipes`, { headers: { origin: FRIEND } });
  assert.equal(answer.headers.get('access-control-allow-origin'), null);
  assert.doesNotMatch(answer.headers.get('vary') ?? '', /origin/i);
});

test('a page of another site is refused at the start: no browser would send it the cookie', async () => {
  const serve = (origin, url) => runZoetrope(['serve'], { env: { ZOETROPE_DATA: tempDir('zt-cors-'), ZOETROPE_LISTEN: '127.0.0.1:0', ZOETROPE_NET_CORS_ORIGINS: origin, ZOETROPE_PUBLIC_URL: url } });
  const { code, stderr } = await serve('https://photos.example.com,https://photos.example.net', 'https://api.example.com');
  assert.equal(code, 2);
  assert.match(stderr, /net\.cors_origins: https:\/\/photos\.example\.net is of another site/);
});

test('a wrong list is refused at the start', async () => {
  for (const list of ['*', 'https://a.example/path', 'a.example']) {
    const { code, stderr } = await runZoetrope(['serve'], { env: { ZOETROPE_DATA: tempDir('zt-cors-'), ZOETROPE_LISTEN: '127.0.0.1:0', ZOETROPE_NET_CORS_ORIGINS: list } });
    assert.equal(code, 2, list);
    assert.match(stderr, /net\.cors_origins/);
  }
});
