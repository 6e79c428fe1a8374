// An unmodified tus-js-client sends 1 GiB, is cut off twice, resumes, and the server stays small.
import test from 'node:test';
import assert from 'node:assert/strict';
import { createReadStream, openSync, writeSync, ftruncateSync, closeSync, readFileSync, writeFileSync, readdirSync, statSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { createServer, connect } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import * as tus from 'tus-js-client';
import { startServer, tempDir, within, binary } from './lib/server.mjs';
import { Client } from './lib/client.mjs';

const GiB = 2 ** 30, MiB = 2 ** 20;
const sanitized = /\/(asan|tsan)\//.test(binary());       // their shadow memory says nothing about ours

/** A sparse file in which every MiB begins with its own number, so that a piece lost, doubled or moved changes the hash. */
function bigFile(dir, bytes) {
  const path = join(dir, 'big.bin'), fd = openSync(path, 'w'), mark = Buffer.alloc(8);
  ftruncateSync(fd, bytes);
  for (let at = 0; at < bytes; at += MiB) {
    mark.writeBigUInt64LE(BigInt(at + 1));
    writeSync(fd, mark, 0, 8, at);
  }
  closeSync(fd);
  return path;
}

async function sha256(path) {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(path, { highWaterMark: 4 * MiB })) hash.update(piece);
  return hash.digest('hex');
}

const memory = (pid, what) => Number(new RegExp(`^${what}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) * 1024;
const resetPeak = pid => writeFileSync(`/proc/${pid}/clear_refs`, '5');

/** A wire that breaks once after `bytes` went up through it. */
async function cuttingProxy(t, to, bytes) {
  let left = bytes, cuts = 0;
  const proxy = createServer(client => {
    const up = connect(to.port, to.host);
    const end = () => { client.destroy(); up.destroy(); };
    client.on('data', piece => {
      left -= piece.length;
      if (left <= 0 && cuts === 0) { cuts++; end(); } else if (!up.write(piece)) { client.pause(); up.once('drain', () => client.resume()); }
    });
    up.pipe(client);
    for (const s of [client, up]) s.on('error', end).on('close', end);
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  t.after(() => proxy.close());
  return { url: `http://127.0.0.1:${proxy.address().port}`, cuts: () => cuts };
}

/** All files below a folder. */
const filesBelow = dir => readdirSync(dir, { recursive: true, withFileTypes: true }).filter(f => f.isFile()).map(f => join(f.parentPath, f.name));

test('1 GiB by tus-js-client: cut by the wire, stopped by the user, resumed, whole; <= 16 MiB of memory', async t => {
  const server = await startServer(t);
  const client = await Client.guest(server.url);
  const dir = tempDir();
  const path = bigFile(dir, GiB);
  const proxy = await cuttingProxy(t, { host: '127.0.0.1', port: server.port }, 300 * MiB);
  const idle = memory(server.pid, 'VmRSS');
  resetPeak(server.pid);

  const options = {
    endpoint: `${proxy.url}/v1/uploads`, retryDelays: [0, 20, 50, 100, 200, 500], uploadSize: GiB, metadata: { filename: 'big.bin' },
    headers: { authorization: `Bearer ${client.token}` }, urlStorage: new tus.FileUrlStorage(join(dir, 'urls.json')),
    onBeforeRequest: req => { seen.push(req.getMethod()); },
  };
  const seen = [];

  // The first user gives up after 600 MiB (the wire broke once before that).
  let upload, stoppedAt;
  await within(240_000, new Promise((resolve, reject) => {
    upload = new tus.Upload(createReadStream(path), { ...options, chunkSize: 64 * MiB, onError: reject,
      onProgress: sent => { if (sent > 600 * MiB && stoppedAt === undefined) { stoppedAt = sent; upload.abort().then(resolve, reject); } } });
    upload.start();
  }));
  assert.equal(proxy.cuts(), 1);
  assert.ok(seen.includes('HEAD'), 'the client asked for the offset after the cut');

  // Another client, later: goes on from where the server is.
  const head = await fetch(`${server.url}${new URL(upload.url).pathname}`, { method: 'HEAD', headers: { ...options.headers, 'tus-resumable': '1.0.0' } });
  const offset = Number(head.headers.get('upload-offset'));
  assert.ok(offset > 300 * MiB && offset < GiB, `the server kept ${offset} bytes`);
  let first = -1;
  await within(240_000, new Promise((resolve, reject) => {
    new tus.Upload(createReadStream(path), { ...options, chunkSize: 64 * MiB, uploadUrl: upload.url, onError: reject, onSuccess: resolve,
      onProgress: sent => { if (first < 0) first = sent; } }).start();
  }));
  assert.ok(first >= offset, `nothing was sent twice: the second client began at ${first}, the server had ${offset}`);

  const peak = memory(server.pid, 'VmHWM');
  t.diagnostic(`idle ${(idle / MiB).toFixed(1)} MiB, peak ${(peak / MiB).toFixed(1)} MiB`);
  if (!sanitized) assert.ok(peak - idle <= 16 * MiB, `grew by ${((peak - idle) / MiB).toFixed(1)} MiB`);

  const stored = filesBelow(server.dataDir).filter(f => statSync(f).size === GiB);
  assert.equal(stored.length, 1, 'one file of 1 GiB is stored');
  assert.equal(await sha256(stored[0]), await sha256(path));
});
