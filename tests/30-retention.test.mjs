// 30-retention.test.mjs - what ends by the clock, in a running server whose clock is moved: photos, results, uploads, quotes, sessions.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { moved } from './lib/buyer.mjs';
import { Client } from './lib/client.mjs';
import { isProblem, NOBODY, ONE, storedFiles } from './lib/expect.mjs';
import { movableClock, PATIENCE_MS, runZoetrope, startServer, within } from './lib/server.mjs';

const MINUTE = 60_000, HOUR = 60 * MINUTE, DAY = 24 * HOUR;

/** Asks until test() is true: the keeper looks every few seconds. */
async function until(test, what) {
  let over = false;
  const look = async () => { while (!over && !(await test())) await new Client(url).get('/healthz'); };
  try { await within(PATIENCE_MS, look(), () => `${what} did not come`); } finally { over = true; }
}

let url;
async function start(t) {
  const clock = movableClock(t), server = await startServer(t, { env: { ZOETROPE_ENGINE_USE: 'fake', ZOETROPE_BLOB_GRACE: '0', ZOETROPE_UPLOAD_EXPIRE: '23h', ...clock.env } });
  url = server.url;
  return { clock, server, c: await Client.guest(server.url) };
}

test('photos die 24 hours after the result, results after 30 days, and each with its files', async t => {
  const { clock, server, c } = await start(t);
  const photo = await c.photo(ONE), backdrop = await c.photo(NOBODY, { purpose: 'backdrop' }), unfinished = await c.upload(readFileSync(ONE));
  const task = await c.waitTask((await c.buy(await c.quote({ people: [{ asset: photo.id, face: 0 }], backdrop: backdrop.id }))).id);
  assert.equal(task.state, 'choosing');
  for (const a of [photo, backdrop]) assert.equal((await c.get(`/v1/assets/${a.id}`)).delete_at_ms, task.ended_ms + 24 * HOUR);
  assert.equal(task.results_until_ms, task.ended_ms + 30 * DAY);
  const files = () => storedFiles(server.dataDir).map(f => f.slice(server.dataDir.length + 1));
  const db = new DatabaseSync(join(server.dataDir, 'zoetrope.db'), { timeout: 5000 });
  t.after(() => db.close());
  const named = () => db.prepare('SELECT DISTINCT sha FROM asset ORDER BY sha').all().map(r => r.sha), kept = named();
  const gone = async id => (await c.send('GET', `/v1/assets/${id}`)).status === 404;

  clock.set(24 * HOUR - 2 * MINUTE);                     // the upload has been idle for longer than it may: its end shows that the keeper was here
  await until(() => !files().some(f => basename(f) === unfinished), 'the end of the upload');
  assert.deepEqual(files().map(f => basename(f)).sort(), kept, 'nothing else has ended');

  clock.set(24 * HOUR + MINUTE);
  await until(async () => await gone(photo.id) && await gone(backdrop.id), 'the end of the photos');
  const results = named();
  assert.equal(db.prepare('SELECT COUNT(*) AS n FROM asset').get().n, 8, 'four pictures with their previews are left');
  await until(() => files().length === results.length, 'the end of the files');
  assert.deepEqual(files().map(f => basename(f)).sort(), results);
  for (const k of task.candidates) assert.equal((await c.send('GET', `/v1/assets/${k.asset}/content`)).status, 200);

  clock.set(20 * DAY);
  await c.waitTask(task.id, ['done']);                   // nobody chose in time
  await c.post('/v1/sessions', {});                      // a session lives 30 days from its last use like this
  await moved(server, clock, 30 * DAY - 10 * MINUTE);   // else an upload that begins before may be old within it
  const second = await c.upload(readFileSync(ONE));
  assert.deepEqual(files().map(f => basename(f)).filter(f => f !== second).sort(), results);

  clock.set(30 * DAY + 10 * MINUTE);
  await until(() => !files().some(f => f.startsWith('blob/')), 'the end of the results');
  const after = await c.task(task.id);
  assert.deepEqual([after.state, after.candidates], ['done', []]);
  isProblem(await c.send('GET', `/v1/assets/${task.candidates[0].asset}/content`), 404, 'not_found');
  assert.equal((await server.stop()).code, 0);
  const { stdout, code } = await runZoetrope(['verify', '--deep'], { env: { ZOETROPE_DATA: server.dataDir } });
  assert.equal(code, 0, stdout);
});

test('a price holds for 15 minutes', async t => {
  const { clock, c } = await start(t), photo = await c.photo(ONE);
  const [early, late] = [await c.quote({ people: [{ asset: photo.id, face: 0 }], template: 'hall' }), await c.quote({ people: [{ asset: photo.id, face: 0 }], template: 'hall' })];
  const buy = quote => c.send('POST', '/v1/tasks', { json: { quote: quote.id }, headers: { 'idempotency-key': randomUUID() } });
  clock.set(14 * MINUTE);
  assert.equal((await buy(early)).status, 201);
  clock.set(16 * MINUTE);
  await until(async () => (await c.send('GET', `/v1/quotes/${late.id}`)).status === 409, 'the end of the quote');
  isProblem(await buy(late), 409, 'quote_expired');
  assert.equal((await c.get('/v1/tasks')).items.length, 1);
});

test('a session ends 30 days after it was last renewed, and its row goes', async t => {
  const { clock, server, c } = await start(t), other = await Client.guest(server.url);
  const db = new DatabaseSync(join(server.dataDir, 'zoetrope.db'), { timeout: 5000 });
  t.after(() => db.close());
  const rows = () => db.prepare('SELECT COUNT(*) AS n FROM device').get().n;
  assert.equal(rows(), 2);
  await moved(server, clock, 29 * DAY);
  assert.ok((await c.send('POST', '/v1/sessions', { json: {} })).json.session_expires_ms > Date.now() + 58 * DAY);
  await moved(server, clock, 31 * DAY);
  isProblem(await other.send('POST', '/v1/sessions/refresh', { json: { refresh: other.refresh }, headers: { authorization: null } }), 401, 'session_over');
  assert.equal((await c.get('/v1/me')).account, c.account, 'who came back stays signed in');
  await until(() => rows() === 1, 'the end of the row');
});
