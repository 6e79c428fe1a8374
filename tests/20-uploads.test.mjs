// Resumable uploads as the tus 1.0 text demands them, against the real server: what is told is durable, what is refused changes nothing.
import test from 'node:test';
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { PATIENCE_MS, startServer, tempDir, within } from './lib/server.mjs';
import { Client } from './lib/client.mjs';
import { Raw } from './lib/raw.mjs';

const TYPE = 'application/offset+octet-stream';
const tus = extra => ({ 'tus-resumable': '1.0.0', ...extra });
const sum = (algorithm, bytes) => `${algorithm} ${createHash(algorithm).update(bytes).digest('base64')}`;

const create = (c, length, extra = {}) => c.send('POST', '/v1/uploads', { headers: tus({ 'upload-length': String(length), ...extra }) });
const patch = (c, path, offset, body, extra = {}) =>
  c.send('PATCH', path, { body, headers: tus({ 'content-type': TYPE, 'upload-offset': String(offset), ...extra }) });
const head = (c, path) => c.send('HEAD', path, { headers: tus() });
const offsetOf = async (c, path) => Number((await head(c, path)).headers.get('upload-offset'));

async function made(c, length, extra) {
  const res = await create(c, length, extra);
  assert.equal(res.status, 201, res.text);
  return res.headers.get('location');
}

/** The stored bytes of an upload that has not become anything yet. */
const stored = (server, path) => readFileSync(join(server.dataDir, 'upload', path.split('/').pop()));

function refused(res, status, code) {
  assert.equal(res.status, status, res.text);
  assert.equal(res.json.code, code);
  assert.equal(res.headers.get('content-type'), 'application/problem+json');
  assert.equal(res.headers.get('tus-resumable'), '1.0.0');
}

/** Asks until the answer is right; the other side is at work on it. */
async function until(ask, right) {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const v = await ask();
    if (right(v)) return v;
    assert.ok(Date.now() < deadline, `still ${v} after ${PATIENCE_MS} ms`);
  }
}

/** A PATCH by hand: the head promises `length` bytes, `bytes` of them are sent. */
async function patchRaw(server, c, path, offset, length, bytes, extra = '') {
  const raw = await Raw.connect(server.port);
  raw.write(`PATCH ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${c.token}\r\nTus-Resumable: 1.0.0\r\nContent-Type: ${TYPE}\r\n` +
    `Upload-Offset: ${offset}\r\n${extra}Content-Length: ${length}\r\n\r\n`);
  raw.write(bytes);
  return raw;
}

test('uploads by tus 1.0', async t => {
  const server = await startServer(null, { env: { ZOETROPE_UPLOAD_COMMIT_BYTES: '64K', ZOETROPE_UPLOAD_MAX_BYTES: '100M' } });
  t.after(async () => { await server.kill(); server.forget(); });
  const me = await Client.guest(server.url), you = await Client.guest(server.url), nobody = new Client(server.url);

  await t.test('OPTIONS says what is spoken here, to anybody', async () => {
    const res = await nobody.send('OPTIONS', '/v1/uploads');
    assert.equal(res.status, 204);
    assert.equal(res.headers.get('tus-version'), '1.0.0');
    assert.equal(res.headers.get('tus-resumable'), '1.0.0');
    assert.equal(res.headers.get('tus-extension'), 'creation,checksum,expiration,termination');
    assert.equal(res.headers.get('tus-checksum-algorithm'), 'sha1,sha256');
    assert.equal(res.headers.get('tus-max-size'), String(100 << 20));
  });

  await t.test('an upload is created, filled in parts and whole', async () => {
    const metadata = `filename ${Buffer.from('全家 ../../x.jpg').toString('base64')},filetype aW1hZ2UvanBlZw==,private`;
    const res = await create(me, 11, { 'upload-metadata': metadata });
    const path = res.headers.get('location');
    assert.match(path, /^\/v1\/uploads\/upload_[0-9A-Z]{13}$/);
    const ends = Date.parse(res.headers.get('upload-expires'));
    assert.ok(Math.abs(ends - Date.now() - 86_400_000) < 60_000, 'a day to go');
    let h = await head(me, path);
    assert.equal(h.status, 200);
    assert.equal(h.headers.get('upload-offset'), '0');
    assert.equal(h.headers.get('upload-length'), '11');
    assert.equal(h.headers.get('upload-metadata'), metadata);
    assert.equal(h.headers.get('cache-control'), 'no-store');
    const one = await patch(me, path, 0, 'hello ');
    assert.equal(one.status, 204);
    assert.equal(one.headers.get('upload-offset'), '6');
    assert.ok(one.headers.get('upload-expires'));
    assert.equal(one.headers.get('tus-resumable'), '1.0.0');
    assert.equal((await patch(me, path, 6, '')).headers.get('upload-offset'), '6');
    assert.equal((await patch(me, path, 6, 'world')).headers.get('upload-offset'), '11');
    assert.equal(await offsetOf(me, path), 11);
    assert.equal(stored(server, path).toString(), 'hello world');
    refused(await patch(me, path, 11, 'x'), 413, 'too_big');
    refused(await patch(me, path, 0, 'x'), 409, 'upload_offset');
  });

  await t.test('a body without a length is taken too, up to the promised length', async () => {
    const path = await made(me, 5);
    const chunked = async (offset, chunks) => {
      const raw = await Raw.connect(server.port);
      raw.write(`PATCH ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${me.token}\r\nTus-Resumable: 1.0.0\r\nContent-Type: ${TYPE}\r\n` +
        `Upload-Offset: ${offset}\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}`);
      const res = await raw.response();
      raw.destroy();
      return res;
    };
    assert.equal((await chunked(0, '2\r\nab\r\n1\r\nc\r\n0\r\n\r\n')).status, 204);
    assert.equal((await chunked(3, '5\r\nDEFGH\r\n0\r\n\r\n')).status, 413);
    assert.equal(await offsetOf(me, path), 3);
    assert.equal((await patch(me, path, 3, 'de')).status, 204);
    assert.equal(stored(server, path).toString(), 'abcde');
  });

  await t.test('another version is refused with ours, and nothing is done', async () => {
    const path = await made(me, 5);
    for (const [method, at] of [['POST', '/v1/uploads'], ['HEAD', path], ['PATCH', path], ['DELETE', path]])
      for (const version of [null, '0.2.2', '1.0.0, 2.0.0']) {
        const res = await me.send(method, at, { headers: { 'tus-resumable': version, 'upload-length': '5', 'upload-offset': '0', 'content-type': TYPE },
          body: method === 'PATCH' ? 'hello' : undefined });
        assert.equal(res.status, 412, `${method} ${version}`);
        assert.equal(res.headers.get('tus-version'), '1.0.0');
      }
    assert.equal(await offsetOf(me, path), 0);
  });

  await t.test('a creation that makes no sense is refused', async () => {
    for (const length of ['', '-1', '+5', '5 5', '1e3', '0x10', '9223372036854775808', 'x'])
      refused(await create(me, length), 400, 'bad_input');
    refused(await me.send('POST', '/v1/uploads', { headers: tus() }), 400, 'bad_input');
    refused(await create(me, 5, { 'upload-defer-length': '1' }), 400, 'bad_input');
    refused(await create(me, (100 << 20) + 1), 413, 'too_big');
    for (const metadata of ['filename x', 'filename  aGk=', 'a aGk=,a aGk=', 'filename AAAA', ',', 'filename aGk=, '])
      refused(await create(me, 5, { 'upload-metadata': metadata }), 400, 'bad_input');
    refused(await create(me, 5, { 'upload-metadata': `a ${'QUFB'.repeat(1200)}` }), 413, 'too_big');
  });

  await t.test('a part that makes no sense is refused and changes nothing', async () => {
    const path = await made(me, 5);
    refused(await patch(me, path, 0, 'hello', { 'content-type': 'application/octet-stream' }), 415, 'unsupported_type');
    for (const offset of ['-1', '', 'x', '1e0']) refused(await patch(me, path, offset, 'hello'), 400, 'bad_input');
    refused(await patch(me, path, 1, 'ello'), 409, 'upload_offset');
    refused(await patch(me, path, 0, 'hello!'), 413, 'too_big');
    for (const sumText of ['md5 XUFAKrxLKna5cZ2REBfFkg==', 'sha1', 'sha1 AAAA', 'sha256 !!!'])
      refused(await patch(me, path, 0, 'hello', { 'upload-checksum': sumText }), 400, 'bad_input');
    assert.equal(await offsetOf(me, path), 0);
    assert.equal((await me.send('POST', path, { headers: tus({ 'x-http-method-override': 'PATCH', 'content-type': TYPE, 'upload-offset': '0' }) })).status, 405);
  });

  await t.test('a checksum decides about its part as a whole', async () => {
    const bytes = randomBytes(300_000), path = await made(me, bytes.length);
    assert.equal((await patch(me, path, 0, bytes.subarray(0, 7), { 'upload-checksum': sum('sha1', bytes.subarray(0, 7)) })).status, 204);
    const broken = Buffer.from(bytes.subarray(7));
    broken[200_000] ^= 1;
    for (const algorithm of ['sha1', 'sha256'])
      refused(await patch(me, path, 7, broken, { 'upload-checksum': sum(algorithm, bytes.subarray(7)) }), 460, 'upload_checksum');
    assert.equal(await offsetOf(me, path), 7);
    const res = await patch(me, path, 7, bytes.subarray(7), { 'upload-checksum': sum('sha256', bytes.subarray(7)) });
    assert.equal(res.headers.get('upload-offset'), String(bytes.length));
    assert.deepEqual(stored(server, path), bytes);
  });

  await t.test('what arrived before the wire broke is kept, unless a checksum was to decide', async () => {
    const path = await made(me, 1000);
    (await patchRaw(server, me, path, 0, 1000, 'x'.repeat(400))).destroy();
    await until(() => offsetOf(me, path), at => at === 400);
    (await patchRaw(server, me, path, 400, 600, 'y'.repeat(300), `Upload-Checksum: ${sum('sha1', 'y'.repeat(600))}\r\n`)).destroy();
    // It is over when the next part is accepted; it must go on at 400.
    await until(async () => (await patch(me, path, 400, 'z'.repeat(600))).status, status => status === 204);
    assert.equal(stored(server, path).toString(), 'x'.repeat(400) + 'z'.repeat(600));
  });

  await t.test('while one sends, another is refused', async () => {
    const path = await made(me, 2_000_000), part = 'a'.repeat(1_000_000);
    const first = await patchRaw(server, me, path, 0, 2_000_000, part);
    const at = await until(() => offsetOf(me, path), n => n > 0);             // it is under way
    refused(await patch(me, path, at, 'b'), 409, 'conflict');
    first.write(part);
    assert.equal((await first.response()).status, 204);
    first.destroy();
    assert.equal(stored(server, path).toString(), 'a'.repeat(2_000_000));
  });

  await t.test('nobody sees or touches the uploads of another', async () => {
    const path = await made(me, 5);
    assert.equal((await head(you, path)).status, 404);
    refused(await patch(you, path, 0, 'evil!'), 404, 'not_found');
    refused(await you.send('DELETE', path, { headers: tus() }), 404, 'not_found');
    for (const at of ['/v1/uploads/upload_0000000000001', '/v1/uploads/asset_0000000000001', '/v1/uploads/1'])
      assert.equal((await head(me, at)).status, 404, at);
    assert.equal((await create(nobody, 5)).status, 401);
    assert.equal((await head(nobody, path)).status, 401);
    assert.equal((await patch(nobody, path, 0, 'evil!')).status, 401);
    assert.equal(await offsetOf(me, path), 0);
  });

  await t.test('DELETE ends an upload and its bytes', async () => {
    const path = await made(me, 10);
    await patch(me, path, 0, 'hello');
    assert.equal(stored(server, path).length, 5);
    const res = await me.send('DELETE', path, { headers: tus() });
    assert.equal(res.status, 204);
    assert.equal(res.headers.get('tus-resumable'), '1.0.0');
    assert.equal((await head(me, path)).status, 404);
    refused(await me.send('DELETE', path, { headers: tus() }), 404, 'not_found');
    assert.ok(!existsSync(join(server.dataDir, 'upload', path.split('/').pop())));
  });
});

test('an account has its number and bytes of open uploads', async t => {
  const server = await startServer(t, { env: { ZOETROPE_UPLOAD_ACCOUNT_MAX: '3', ZOETROPE_UPLOAD_ACCOUNT_BYTES_MAX: '1000' } });
  const me = await Client.guest(server.url), you = await Client.guest(server.url);
  const path = await made(me, 600);
  refused(await create(me, 401), 413, 'too_big');
  await made(me, 400);
  await made(me, 0);
  refused(await create(me, 0), 429, 'rate_limited');
  await made(you, 1000);
  await me.send('DELETE', path, { headers: tus() });
  await made(me, 600);
});

test('a full disk refuses new uploads', async t => {
  const server = await startServer(t, { env: { ZOETROPE_BLOB_RESERVE_BYTES: '1048576G' } });
  refused(await create(await Client.guest(server.url), 5), 503, 'storage_full');
});

test('kill -9 in the middle of a part: what was told is there, and the upload goes on', async t => {
  const dataDir = tempDir('zt-data-'), env = { ZOETROPE_UPLOAD_COMMIT_BYTES: '64K' };
  const bytes = randomBytes(2_000_000);
  let server = await startServer(t, { dataDir, env });
  const me = await Client.guest(server.url);
  const path = await made(me, bytes.length);
  let offset = 0;
  for (let round = 0; round < 3; round++) {
    const raw = await patchRaw(server, me, path, offset, bytes.length - offset, bytes.subarray(offset, offset + 500_000));
    const told = await until(() => offsetOf(me, path), n => n > offset);
    await server.kill();
    raw.destroy();
    server = await startServer(t, { dataDir, env });
    me.url = server.url;
    offset = await offsetOf(me, path);
    assert.ok(offset >= told, `told ${told}, after the kill ${offset}`);
    assert.deepEqual(stored(server, path).subarray(0, offset), bytes.subarray(0, offset));
  }
  assert.equal((await within(PATIENCE_MS, patch(me, path, offset, bytes.subarray(offset)))).status, 204);
  assert.deepEqual(stored(server, path), bytes);
  assert.equal(readdirSync(join(dataDir, 'upload')).length, 1);
});
