// 25-client.test.mjs - clients/js: its types are those of this program, and it does what its README says.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { before, test } from 'node:test';
import { ONE } from './lib/expect.mjs';
import { Client as Plain } from './lib/client.mjs';
import { binary, movableClock, PATIENCE_MS, root, startServer, tempDir, within } from './lib/server.mjs';

let client;
before(async () => {
  const dist = tempDir('zt-client-');
  execFileSync(process.execPath, [join(root, 'web/node_modules/typescript/bin/tsc'), '-p', join(root, 'clients/js'), '--outDir', dist]);
  copyFileSync(join(root, 'clients/js/package.json'), join(dist, 'package.json'));
  client = await import(pathToFileURL(join(dist, 'index.js')).href);
});

test('the types are what the program says', () => {
  execFileSync(join(root, 'tools/client'), ['--check'], { env: { ...process.env, ZOETROPE_BIN: binary() }, stdio: ['ignore', 'ignore', 'pipe'] });
});

test('the description printed without a server is the one that it serves', async t => {
  const server = await startServer(t), served = await (await fetch(`${server.url}/openapi.json`)).json();
  assert.deepEqual(JSON.parse(execFileSync(binary(), ['openapi'], { encoding: 'utf8' })), served);
});

test('from a photo to a picture, by the package alone', async t => {
  const server = await startServer(t, { env: { ZOETROPE_ENGINE_USE: 'fake' } });
  const session = await new client.Client({ origin: server.url }).post('/v1/sessions', { body: {} });
  const me = new client.Client({ origin: `${server.url}/`, token: session.token, lang: () => 'zh' });
  const photo = await new Plain(server.url, session.token).photo(ONE);        // uploads are tus's own business
  const quote = await me.post('/v1/quotes', { body: { recipe: 'family-portrait', people: [{ asset: photo.id, face: 0 }], template: 'hall' } });
  const task = await me.post('/v1/tasks', { body: { quote: quote.id }, key: quote.id });
  assert.equal((await me.post('/v1/tasks', { body: { quote: quote.id }, key: quote.id })).id, task.id, 'one key, one task');
  const done = await new Plain(server.url, session.token).waitTask(task.id);
  assert.equal(done.state, 'choosing');
  const list = await me.get('/v1/tasks', { query: { limit: 1 } });
  assert.deepEqual(list.items.map(i => i.id), [task.id]);
});

test('what is refused is a problem with words in both languages', async t => {
  const server = await startServer(t), nobody = new client.Client({ origin: server.url });
  await assert.rejects(nobody.get('/v1/wallet'), error => {
    assert.ok(error instanceof client.Problem);
    assert.equal(error.status, 401);
    assert.equal(error.code, 'unauthenticated');
    assert.match(error.words('zh').title, /登录/);
    assert.match(error.words('en').next, /\S/);
    return true;
  });
  await server.kill();
  await assert.rejects(nobody.post('/v1/sessions', { body: {} }), error => error.code === 'unreachable' && error.words('en') === null);
});

test('a session that is over is asked for once, and the request goes again', async t => {
  const server = await startServer(t);
  let over = 0;
  const options = { origin: server.url, onSessionOver: async () => {
    over++;
    options.token = (await new Plain(server.url).post('/v1/sessions', {})).token;
    return true;
  } };
  const me = new client.Client(options);
  assert.equal((await me.get('/v1/wallet')).held, 0);
  assert.equal(over, 1);
});

/** Answers as a server would, by "METHOD path"; what is not there is a 401 with the code `code`. What was asked is in `asked`. */
async function scripted(t, code, answers = {}) {
  const asked = [], server = createServer(async (req, res) => {
    let body = '';
    for await (const part of req) body += part;
    asked.push({ what: `${req.method} ${req.url}`, authorization: req.headers.authorization, body });
    const answer = answers[asked.at(-1).what];
    res.writeHead(answer ? 200 : 401, { 'content-type': 'application/json' });
    res.end(JSON.stringify(answer ?? { code, status: 401 }));
  });
  await new Promise(done => server.listen(0, '127.0.0.1', done));
  t.after(() => server.close());
  return { asked, origin: `http://127.0.0.1:${server.address().port}` };
}

test('a program renews its tokens by itself, and signs out long after its access token ended', async t => {
  const clock = movableClock(t), server = await startServer(t, { env: clock.env });
  const session = await new Plain(server.url).post('/v1/sessions', {}), told = [];
  const me = new client.Client({ origin: server.url, token: session.token, refresh: session.refresh, onTokens: tokens => told.push(tokens) });
  const ends = async token => { while ((await new Plain(server.url, token).send('GET', '/v1/me')).status === 200); };
  clock.set(16 * 60_000);
  await within(PATIENCE_MS, ends(session.token), () => 'the access token does not end');
  assert.equal((await me.get('/v1/sessions')).items.length, 1);
  assert.equal(told.length, 1);
  assert.ok(told[0].token !== session.token && told[0].refresh && told[0].refresh !== session.refresh, JSON.stringify(told));
  clock.set(32 * 60_000);
  await within(PATIENCE_MS, ends(told[0].token), () => 'the access token does not end');
  await me.delete('/v1/sessions');
  await assert.rejects(me.get('/v1/sessions'), error => error.code === 'unauthenticated');
});

test('a token that ended is not shown where it is renewed, and nothing is asked without a refresh token', async t => {
  const server = await scripted(t, 'unauthenticated', { 'POST /v1/sessions/refresh': { token: 'new', refresh: null } });
  const bare = new client.Client({ origin: server.origin, token: 'old' });
  await assert.rejects(bare.get('/v1/me'), error => error.code === 'unauthenticated');
  assert.deepEqual(server.asked.map(a => a.what), ['GET /v1/me']);
  const whole = new client.Client({ origin: server.origin, token: 'old', refresh: 'R' });
  await assert.rejects(whole.get('/v1/me'), error => error.code === 'unauthenticated');
  assert.deepEqual(server.asked.slice(1), [
    { what: 'GET /v1/me', authorization: 'Bearer old', body: '' },
    { what: 'POST /v1/sessions/refresh', authorization: undefined, body: '{"refresh":"R"}' },
    { what: 'GET /v1/me', authorization: 'Bearer new', body: '' },
  ]);
});

test('a wrong password is an answer: nothing is renewed and nothing sent again', async t => {
  const server = await scripted(t, 'sign_in_wrong'), me = new client.Client({ origin: server.origin });
  await assert.rejects(me.put('/v1/me/password', { body: { old: 'a', new: 'b' } }), error => error.code === 'sign_in_wrong');
  assert.deepEqual(server.asked.map(a => a.what), ['PUT /v1/me/password']);
});

test('what begins or renews a session is not renewed for', async t => {
  const server = await scripted(t, 'unauthenticated'), me = new client.Client({ origin: server.origin });
  for (const path of ['/v1/sessions', '/v1/sessions/password', '/v1/sessions/refresh'])
    await assert.rejects(me.post(path, { body: {} }), error => error.code === 'unauthenticated');
  assert.deepEqual(server.asked.map(a => a.what), ['POST /v1/sessions', 'POST /v1/sessions/password', 'POST /v1/sessions/refresh']);
});

test('a clock that was set back does not stop the renewing', async t => {
  const before = Object.getOwnPropertyDescriptor(globalThis, 'localStorage'), kept = new Map([['zt-session-renewed', String(Date.now() + 3600_000)]]);
  Object.defineProperty(globalThis, 'localStorage', { configurable: true, value: { getItem: k => kept.get(k) ?? null, setItem: (k, v) => kept.set(k, v) } });
  t.after(() => before ? Object.defineProperty(globalThis, 'localStorage', before) : delete globalThis.localStorage);
  const server = await scripted(t, 'unauthenticated', { 'POST /v1/sessions/refresh': {} }), page = new client.Client({ origin: server.origin });
  await page.renew();
  await page.renew();
  assert.deepEqual(server.asked.map(a => a.what), ['POST /v1/sessions/refresh'], 'once, and then it is fresh');
});

test('the package names what it ships', () => {
  const manifest = JSON.parse(readFileSync(join(root, 'clients/js/package.json'), 'utf8'));
  assert.equal(manifest.main, 'dist/index.js');
  assert.equal(manifest.private, undefined);
});
