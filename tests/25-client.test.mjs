// 25-client.test.mjs - clients/js: its types are those of this program, and it does what its README says.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { before, test } from 'node:test';
import { ONE } from './lib/expect.mjs';
import { Client as Plain } from './lib/client.mjs';
import { binary, root, startServer, tempDir } from './lib/server.mjs';

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

test('the package names what it ships', () => {
  const manifest = JSON.parse(readFileSync(join(root, 'clients/js/package.json'), 'utf8'));
  assert.equal(manifest.main, 'dist/index.js');
  assert.equal(manifest.private, undefined);
});
