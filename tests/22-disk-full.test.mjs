// 22-disk-full.test.mjs - when the disk is full: new work is refused, running work is safe, it is said, and it heals by itself.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Client } from './lib/client.mjs';
import { isProblem, ONE, storedFiles } from './lib/expect.mjs';
import { PATIENCE_MS, runZoetrope, startServer, tempDir, within } from './lib/server.mjs';

const tus = { 'tus-resumable': '1.0.0' };
const MIB = 1 << 20;

/** Asks until the answer has that status: blob_room() looks at the disk once a second. */
async function until(c, method, path, status, make = () => ({})) {
  const look = async () => {
    for (;;) {
      const answer = await c.send(method, path, make());
      if (answer.status === status) return answer;
    }
  };
  return within(PATIENCE_MS, look(), () => `${method} ${path} never answered ${status}`);
}

async function isSound(server) {
  assert.equal((await server.stop()).code, 0);
  const { stdout, code } = await runZoetrope(['verify', '--deep'], { env: { ZOETROPE_DATA: server.dataDir } });
  assert.equal(code, 0, stdout);
}

test('no room but the reserve: told before anything is held, finished when there is room again', async t => {
  const dataDir = tempDir('zt-full-'), big = join(dataDir, 'big');
  const { bavail, bsize } = statfsSync(dataDir);
  // So much may be used, then it counts as full: more than others write or remove meanwhile.
  const free = Math.floor(bavail * bsize / MIB), margin = Math.min(4096, Math.floor(free / 3)), reserve = free - margin;
  if (margin < 300) return t.skip('the temporary folder has less than 900 MiB of room');
  const server = await startServer(t, { dataDir, env: { ZOETROPE_ENGINE_USE: 'fake', ZOETROPE_ENGINE_FAKE_SCRIPT: 'compose.delay=1500', ZOETROPE_BLOB_RESERVE_BYTES: `${reserve}M` } });
  const c = await Client.guest(server.url), photo = await c.photo(ONE), input = { people: [{ asset: photo.id, face: 0 }], template: 'hall' };
  const running = await c.buy(await c.quote(input)), waiting = await c.quote(input), upload = await c.upload(readFileSync(ONE));

  execFileSync('fallocate', ['-l', `${2 * margin * MIB}`, big]);
  assert.equal((await until(c, 'GET', '/readyz', 503)).json.disk, false);
  isProblem(await c.send('POST', '/v1/tasks', { json: { quote: waiting.id }, headers: { 'idempotency-key': randomUUID() } }), 503, 'storage_full');
  isProblem(await c.send('POST', '/v1/assets', { json: { upload, consent: true } }), 503, 'storage_full');
  const { detail } = isProblem(await c.send('POST', '/v1/uploads', { headers: { ...tus, 'upload-length': `${20 * MIB}` } }), 503, 'storage_full');
  assert.match(detail, new RegExp(`^${reserve + 20} MiB free are needed, ${reserve} of them as a reserve .+; there are \\d+$`));
  await server.waitLog(l => l.ev === 'alarm.disk_full');
  assert.equal((await c.waitTask(running.id)).state, 'choosing', 'running work goes on');
  assert.deepEqual(await c.wallet(), { available: 360, held: 0 }, 'nothing was held for what was refused');

  rmSync(big);
  const task = (await until(c, 'POST', '/v1/tasks', 201, () => ({ json: { quote: waiting.id }, headers: { 'idempotency-key': 'after-the-flood' } }))).json;
  assert.equal((await c.post('/v1/assets', { upload, consent: true })).ok, true, 'the upload was kept');
  assert.equal((await c.waitTask(task.id)).state, 'choosing');
  await server.waitLog(l => l.ev === 'alarm.disk_ok' || l.ev === 'alarm.disk_low');
  await isSound(server);
});

for (const [point, what] of [['blob.after_write', 'while a photo is stored'], ['upload.after_append', 'while an upload is written'], ['db.before_commit', 'while the database commits']]) {
  test(`the disk refuses ${what}`, async t => {
    const spec = join(tempDir('zt-fp-'), 'spec');
    writeFileSync(spec, '');
    const server = await startServer(t, { env: { ZOETROPE_ENGINE_USE: 'fake', ZOETROPE_FAILPOINT_FILE: spec } });
    const arm = async text => {
      const seen = server.log.length;
      writeFileSync(spec, text);
      process.kill(server.pid, 'SIGUSR2');
      await server.waitLog(l => server.log.indexOf(l) >= seen && /failpoint/.test(l.line ?? l.ev));
    };
    const c = await Client.guest(server.url);
    await c.photo(ONE);
    const bytes = readFileSync(ONE), ready = await c.upload(bytes), before = storedFiles(server.dataDir);

    await arm(`${point}=enospc`);
    const refused = point.startsWith('upload')
      ? await c.send('PATCH', new URL((await c.send('POST', '/v1/uploads', { headers: { ...tus, 'upload-length': String(bytes.length) } })).headers.get('location'), server.url).pathname,
        { body: bytes, headers: { ...tus, 'upload-offset': '0', 'content-type': 'application/offset+octet-stream' } })
      : await c.send('POST', '/v1/assets', { json: { upload: ready, consent: true } });
    isProblem(refused, 503, 'storage_full');
    assert.equal((await c.send('GET', '/healthz')).status, 200, 'it lives');
    await arm('');

    assert.equal((await c.post('/v1/assets', { upload: ready, consent: true })).ok, true, 'heals by itself, and the upload was kept');
    const after = storedFiles(server.dataDir);
    assert.ok(after.length <= before.length + 3, `left over: ${after.filter(f => !before.includes(f))}`);
    assert.deepEqual(await c.wallet(), { available: 400, held: 0 });
    await isSound(server);
  });
}
