// 25-admin.test.mjs - the operator's API: rights, finding tasks, all that happened to one, cancel, again for nothing, accounts, storage, health.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { Client } from './lib/client.mjs';
import { FOUR, isProblem, ONE } from './lib/expect.mjs';
import { check } from './lib/schema.mjs';
import { runZoetrope, startServer } from './lib/server.mjs';

let server, op, alice, bob, photo, hers, his, broken;
const reads = ['/v1/admin/tasks', '/v1/admin/accounts', '/v1/admin/storage', '/v1/admin/health', '/v1/admin/settings', '/v1/admin/mails'];
const quoteOf = (c, asset, more = {}) => c.quote({ people: [{ asset: asset.id, face: 0 }], template: 'hall', candidates: 1, ...more });
const ids = list => list.items.map(t => t.id);
const find = query => op.get(`/v1/admin/tasks?${new URLSearchParams(query)}`);

before(async () => {
  // The third picture is refused by its engine: that task fails.
  server = await startServer(null, { env: { ZOETROPE_ENGINE_USE: 'fake', ZOETROPE_ENGINE_FAKE_SCRIPT: 'compose.refused@3; delay=20' } });
  op = new Client(server.url, server.operatorToken());
  alice = await Client.guest(server.url);
  bob = await Client.guest(server.url);
  photo = await alice.photo(ONE);
  hers = await alice.waitTask((await alice.buy(await quoteOf(alice, photo))).id);
  const bobs = await bob.photo(FOUR);
  his = await bob.waitTask((await bob.buy(await quoteOf(bob, bobs))).id);
  broken = await bob.waitTask((await bob.buy(await quoteOf(bob, bobs))).id);
  assert.deepEqual([hers.state, his.state, broken.state], ['choosing', 'choosing', 'failed']);
});
after(async () => {
  const { code, signal } = await server.stop();
  const { stdout, code: verified } = await runZoetrope(['verify', '--deep'], { env: { ZOETROPE_DATA: server.dataDir } });
  server.forget();
  assert.deepEqual({ code, signal }, { code: 0, signal: null });
  assert.equal(verified, 0, stdout);
});

describe('rights', () => {
  test('a guest is refused, nobody is asked to sign in, and nothing happens', async () => {
    const nobody = new Client(server.url);
    for (const path of [...reads, `/v1/admin/tasks/${hers.id}`]) {
      isProblem(await alice.send('GET', path), 403, 'forbidden');
      isProblem(await nobody.send('GET', path), 401, 'unauthenticated');
    }
    for (const what of ['cancel', 'rerun']) {
      const post = c => c.send('POST', `/v1/admin/tasks/${hers.id}/${what}`, { json: {}, headers: { 'idempotency-key': randomUUID() } });
      isProblem(await post(alice), 403, 'forbidden');
      isProblem(await post(nobody), 401, 'unauthenticated');
    }
    assert.equal((await alice.get('/v1/tasks')).items.length, 1);
  });

  test('the operator\'s token signs a browser in for half a day, and only that one knows it', async () => {
    const page = { origin: server.url, 'sec-fetch-site': 'same-origin', 'content-type': 'application/json' };
    const post = (path, body, headers = {}) => fetch(server.url + path, { method: 'POST', headers: { ...page, ...headers }, body: JSON.stringify(body) });
    const { token } = await (await post('/v1/me/link', {}, { authorization: `Bearer ${server.operatorToken()}` })).json();
    const answer = await post('/v1/tokens', { token, accept: true }), session = await answer.json();
    assert.deepEqual([answer.status, session.account_kind, session.token, session.refresh], [200, 'operator', null, null]);
    assert.ok(Math.abs(session.session_expires_ms - Date.now() - 43_200_000) < 60_000);
    const cookies = answer.headers.getSetCookie();
    assert.ok(cookies.length === 2 && cookies.every(c => /HttpOnly/.test(c) && !c.includes(server.operatorToken())), cookies.join('\n'));
    const cookie = cookies.map(c => c.split(';')[0]).join('; ');
    assert.equal((await fetch(`${server.url}/v1/admin/tasks`, { headers: { cookie } })).status, 200);
    assert.equal((await fetch(`${server.url}/v1/admin/tasks/${hers.id}/cancel`, { method: 'POST', body: '{}',
      headers: { cookie, origin: 'https://elsewhere.example', 'content-type': 'application/json', 'idempotency-key': randomUUID() } })).status, 403, 'not from another site');
    assert.equal((await post('/v1/tokens', { token })).status, 410, 'once');
    assert.equal((await post('/v1/me/link', {}, { authorization: `Bearer ${'x'.repeat(43)}` })).status, 401);
    const end = await fetch(`${server.url}/v1/sessions`, { method: 'DELETE', headers: { ...page, cookie } });
    assert.equal(end.status, 204);
    assert.equal((await fetch(`${server.url}/v1/admin/tasks`, { headers: { cookie } })).status, 401);
    assert.equal((await op.send('GET', '/v1/admin/tasks')).status, 200, 'the program\'s token lives on');
  });

  test('an operator is shown nobody\'s pictures', async () => {
    for (const asset of [photo.id, hers.candidates[0].asset, hers.candidates[0].thumb]) {
      assert.equal((await alice.send('GET', `/v1/assets/${asset}/content`)).status, 200);
      assert.equal((await op.send('GET', `/v1/assets/${asset}/content`)).status, 404, asset);
    }
  });

  test('the owner is told neither account nor engine', async () => {
    const own = await alice.task(hers.id);
    assert.ok(!('account' in own) && !('engine' in own));
  });
});

describe('tasks', () => {
  test('are found by state, recipe, account, photo, id and error, and page by page', async () => {
    assert.deepEqual(ids(await find({})), [broken.id, his.id, hers.id]);
    assert.deepEqual(ids(await find({ state: 'failed' })), [broken.id]);
    assert.deepEqual(ids(await find({ state: 'choosing', recipe: 'family-portrait' })), [his.id, hers.id]);
    assert.deepEqual(ids(await find({ recipe: 'nothing' })), []);
    assert.deepEqual(ids(await find({ account: bob.account })), [broken.id, his.id]);
    assert.deepEqual(ids(await find({ account: bob.account, state: 'choosing' })), [his.id]);
    assert.deepEqual(ids(await find({ q: alice.account })), [hers.id]);
    assert.deepEqual(ids(await find({ q: his.id })), [his.id]);
    assert.deepEqual(ids(await find({ q: his.id, account: alice.account })), []);
    assert.deepEqual(ids(await find({ q: photo.id })), [hers.id]);
    assert.deepEqual(ids(await find({ q: broken.error.code })), [broken.id]);
    assert.deepEqual(ids(await find({ q: "no' OR 1=1 --" })), []);
    const first = await find({ limit: 2 });
    assert.deepEqual([ids(first), first.next], [[broken.id, his.id], his.id]);
    const rest = await find({ limit: 2, cursor: first.next });
    assert.deepEqual([ids(rest), rest.next], [[hers.id], null]);
    assert.equal(first.items[0].account, bob.account);
    assert.equal(first.items[0].engine, 'fake');
  });

  test('a query that makes no sense is refused', async () => {
    const bad = { 'state=made': 'bad_input', 'account=x': 'bad_input', 'limit=0': 'bad_input', 'limit=101': 'bad_input', 'cursor=x': 'bad_input',
      'sort=id': 'unknown_field', [`account=${bob.account}&q=${alice.account}`]: 'bad_input' };
    for (const [query, code] of Object.entries(bad)) assert.equal((await op.send('GET', `/v1/admin/tasks?${query}`)).json.code, code, query);
    for (const id of ['task_0000000000001', 'x', hers.id.toLowerCase()]) isProblem(await op.send('GET', `/v1/admin/tasks/${id}`), 404, 'not_found');
  });

  test('all that happened to one stands there in the order of time', async () => {
    const all = await op.get(`/v1/admin/tasks/${hers.id}`);
    assert.equal(all.task.id, hers.id);
    assert.deepEqual(all.attempts.map(a => [a.op, a.state]), [['cutout', 'stored'], ['compose', 'stored'], ['score', 'stored']]);
    assert.deepEqual(all.events.filter(ev => ev.kind === 'state').map(ev => ev.data.state), ['queued', 'preparing', 'running', 'checking', 'choosing']);
    assert.deepEqual(all.ledger.map(m => [m.kind, m.unit, m.amount]), [['hold', 'credit', 10], ['capture', 'credit', 10]]);
    const times = all.log.map(l => l.at_ms);
    assert.deepEqual(times, [...times].sort((a, b) => a - b));
    assert.equal(all.log.length, all.events.length + 2 * all.attempts.length + all.ledger.length);
    assert.deepEqual(new Set(all.log.map(l => l.from)), new Set(['event', 'attempt', 'ledger']));
    const failed = (await op.get(`/v1/admin/tasks/${broken.id}`)).log.map(l => l.text).join('\n');
    assert.match(failed, /compose 0 on fake is refused after \d+ ms: engine_refused/);
    assert.match(failed, /release 10 credit/);
  });
});

describe('again for nothing', () => {
  test('makes a real picture for the owner, once per key, and the books say what it was', async () => {
    const key = randomUUID(), before = await bob.wallet();
    const post = () => op.effect(`/v1/admin/tasks/${broken.id}/rerun`, {}, key);
    const made = await post();
    assert.deepEqual([made.account, made.credits.price, made.recipe, made.asked], [bob.account, 0, broken.recipe, broken.asked]);
    assert.notEqual(made.id, broken.id);
    assert.equal((await post()).id, made.id, 'the same key makes no second one');
    const done = await bob.waitTask(made.id);
    assert.equal(done.state, 'choosing', JSON.stringify(done.error));
    const picture = await bob.send('GET', `/v1/assets/${done.candidates[0].asset}/content`);
    assert.deepEqual([picture.status, picture.headers.get('content-type')], [200, 'image/png']);
    assert.deepEqual(await bob.wallet(), before);
    const { ledger, events } = await op.get(`/v1/admin/tasks/${made.id}`), operator = (await op.get('/v1/me')).account;
    assert.deepEqual(ledger, []);
    assert.deepEqual(events.filter(ev => ev.kind === 'operator').map(ev => ev.data), [{ did: 'rerun', by: operator, of: broken.id }]);
    assert.deepEqual((await op.get(`/v1/admin/tasks/${broken.id}`)).events.at(-1).data, { did: 'rerun', by: operator, as: made.id });
  });

  test('who did it is not told to the owner, and leaves no gap to wait for', async () => {
    const kinds = [];
    for await (const ev of bob.events(`/v1/tasks/${broken.id}/events`)) kinds.push(ev.event);       // ends: the task is final
    assert.ok(kinds.includes('state') && !kinds.includes('operator'), kinds.join());
  });

  test('not while it is being made, not without its photos, not of nothing', async t => {
    const slow = await startServer(t, { env: { ZOETROPE_ENGINE_USE: 'fake', ZOETROPE_ENGINE_FAKE_SCRIPT: 'compose.hang@1' } });
    const boss = new Client(slow.url, slow.operatorToken()), c = await Client.guest(slow.url), own = await c.photo(ONE);
    const rerun = id => boss.send('POST', `/v1/admin/tasks/${id}/rerun`, { json: {}, headers: { 'idempotency-key': randomUUID() } });
    const task = await c.buy(await quoteOf(c, own));
    isProblem(await rerun(task.id), 409, 'wrong_state');
    isProblem(await rerun('task_0000000000001'), 404, 'not_found');
    await boss.effect(`/v1/admin/tasks/${task.id}/cancel`, {});
    assert.equal((await c.waitTask(task.id)).state, 'cancelled');
    assert.equal((await c.send('DELETE', `/v1/assets/${own.id}`)).status, 204);
    isProblem(await rerun(task.id), 410, 'photo_gone');
  });
});

describe('cancel', () => {
  test('gives the credits back, and is written down once', async t => {
    const slow = await startServer(t, { env: { ZOETROPE_ENGINE_USE: 'fake', ZOETROPE_ENGINE_FAKE_SCRIPT: 'cutout.hang' } });
    const boss = new Client(slow.url, slow.operatorToken()), c = await Client.guest(slow.url);
    const task = await c.buy(await quoteOf(c, await c.photo(ONE)));
    assert.equal((await c.wallet()).held, 10);
    for (let i = 0; i < 2; i++) assert.equal((await boss.effect(`/v1/admin/tasks/${task.id}/cancel`, {})).state, 'cancelled');
    assert.deepEqual(await c.wallet(), { available: 400, held: 0 });
    const { events, ledger } = await boss.get(`/v1/admin/tasks/${task.id}`);
    assert.equal(events.filter(ev => ev.kind === 'operator' && ev.data.did === 'cancel').length, 1);
    assert.deepEqual(ledger.map(m => m.kind), ['hold', 'release']);
    const missing = await boss.send('POST', `/v1/admin/tasks/${task.id}/cancel`, { json: {} });
    isProblem(missing, 400, 'idempotency_key_missing');
    assert.equal((await slow.stop()).code, 0);
    assert.equal((await runZoetrope(['verify'], { env: { ZOETROPE_DATA: slow.dataDir } })).code, 0);
  });

  test('what is decided stays as it is', async () => {
    isProblem(await op.send('POST', `/v1/admin/tasks/${hers.id}/cancel`, { json: {}, headers: { 'idempotency-key': randomUUID() } }), 409, 'wrong_state');
    assert.equal((await op.get(`/v1/admin/tasks/${hers.id}`)).events.filter(ev => ev.kind === 'operator').length, 0);
  });
});

describe('accounts, storage, health', () => {
  test('an account shows credits, tasks and bytes', async () => {
    const all = (await op.get('/v1/admin/accounts')).items, one = all.find(a => a.id === alice.account);
    assert.deepEqual([all.length, all.filter(a => a.kind === 'operator').length], [3, 1]);
    assert.deepEqual([one.kind, one.credits, one.held, one.tasks], ['guest', 390, 0, 1]);
    assert.ok(one.bytes > photo.bytes && one.seen_ms > Date.now() - 600_000);
    assert.deepEqual((await op.get(`/v1/admin/accounts?q=${alice.account}`)).items, [one]);
    for (const q of ['x', hers.id, 'acct_0000000000001']) assert.deepEqual((await op.get(`/v1/admin/accounts?q=${encodeURIComponent(q)}`)).items, []);
    const { items } = await op.get(`/v1/admin/accounts/${alice.account}/entries`);
    assert.deepEqual(items, (await alice.get('/v1/wallet/entries')).items);
    assert.equal(items.reduce((sum, entry) => sum + entry.credits, 0), 390);
    const first = await op.get('/v1/admin/accounts?limit=2'), rest = await op.get(`/v1/admin/accounts?limit=2&cursor=${first.next}`);
    assert.deepEqual(ids(first).concat(ids(rest)), all.map(a => a.id));
  });

  test('storage says what is there and what goes next', async () => {
    const s = await op.get('/v1/admin/storage');
    assert.ok(s.disk.total > s.disk.free && s.disk.free > 0 && s.disk.reserve > 0);
    const of = Object.fromEntries(s.classes.map(c => [c.class, c]));
    assert.ok(of.original.files >= 2 && of.original.bytes > photo.bytes && of.result.files >= 2, JSON.stringify(s.classes));
    assert.ok(Math.abs(s.oldest_due_ms - Date.now()) < 40 * 86_400_000);
    assert.ok(s.oldest_due_ms <= of.result.next_due_ms);
    await alice.upload(Buffer.from('half a photo'));
    assert.equal((await op.get('/v1/admin/storage')).uploads.n, s.uploads.n + 1);
  });

  test('the mailbox keeps what nobody sends, and the account is found by its address', async () => {
    const carol = await Client.guest(server.url);
    assert.equal((await carol.send('POST', '/v1/accounts', { json: { email: 'Carol@Example.com', password: 'a long walk home', lang: 'en' } })).status, 202);
    const [mail] = (await op.get('/v1/admin/mails?limit=1')).items;
    assert.deepEqual([mail.to, mail.state, mail.tries, 'text' in mail], ['carol@example.com', 'kept', 0, false]);
    const whole = await op.get(`/v1/admin/mails/${mail.id}`), token = /#confirm=([\w-]{43})/.exec(whole.text)[1];
    assert.ok(whole.html.includes(token));
    isProblem(await op.send('GET', '/v1/admin/mails/mail_0000000000001'), 404, 'not_found');
    const by = q => op.get(`/v1/admin/accounts?q=${encodeURIComponent(q)}`).then(list => list.items.map(a => [a.kind, a.email]));
    assert.deepEqual(await by('carol@example.com'), []);
    assert.equal((await carol.send('POST', '/v1/tokens', { json: { token, accept: true } })).status, 200);
    assert.deepEqual(await by('CAROL@example.com'), [['person', 'carol@example.com']]);
  });

  test('health has rows with words, and the numbers of the moment', async () => {
    const h = await op.get('/v1/admin/health');
    assert.equal(h.ok, true);
    for (const name of ['database', 'disk', 'pictures', 'models', 'sandbox', 'studio', 'machine', 'clock'])
      assert.ok(h.checks.some(c => c.name === name && c.text.length > 3), name);
    for (const c of h.checks) assert.ok((c.level === 'ok') === (c.next === null), JSON.stringify(c));
    assert.equal(h.stats.tasks.failed, 1);
    assert.ok(h.stats.eta.compared >= 1);
  });

  test('health says what to do when the disk is full, and what an engine lacks', async t => {
    const full = await startServer(t, { env: { ZOETROPE_ENGINE_USE: 'fake', ZOETROPE_ENGINE_FAKE_SCRIPT: 'fake.shut=600000', ZOETROPE_BLOB_RESERVE_BYTES: '1000000G' } });
    const c = new Client(full.url, full.operatorToken()), h = await c.get('/v1/admin/health'), engine = h.checks.filter(row => row.name === 'engine');
    assert.deepEqual(engine.map(row => row.level), ['warn']);
    assert.match(engine[0].text, /^fake takes nothing since \d+ s, and 0 tasks wait for it: the script says shut$/);
    assert.match(engine[0].next, /paid back/);
    const { text } = await c.send('GET', '/metrics'), shut = name => Number(text.split('\n').find(l => l.startsWith(`zoetrope_engine_shut_seconds{engine="${name}"}`)).split(' ')[1]);
    assert.ok(shut('fake') > 0 && shut('fake_remote') === 0);
    assert.match(text, /^zoetrope_calls_untellable 0$/m);
    const disk = h.checks.find(c => c.name === 'disk');
    assert.deepEqual([h.ok, disk.ok, disk.level, disk.next], [false, false, 'fail', 'make room']);
  });
});

describe('its description', () => {
  test('marks what is the operator\'s, names what it uses, and is what the answers are like', async () => {
    const api = await op.get('/openapi.json'), text = JSON.stringify(api);
    for (const [, name] of text.matchAll(/#\/components\/schemas\/(\w+)/g)) assert.ok(api.components.schemas[name], name);
    for (const [path, item] of Object.entries(api.paths)) for (const o of Object.values(item))
      assert.equal(o.tags?.includes('operator') ?? false, path.startsWith('/v1/admin/'), path);
    for (const path of [...reads, '/v1/admin/tasks/{id}', '/v1/admin/tasks/{id}/cancel', '/v1/admin/tasks/{id}/rerun']) assert.ok(api.paths[path], path);
    const answer = path => api.paths[path].get.responses['2XX'].content['application/json'].schema;
    for (const path of reads) assert.deepEqual(check(api, answer(path), await op.get(path)), [], path);
    for (const id of [hers.id, broken.id]) assert.deepEqual(check(api, answer('/v1/admin/tasks/{id}'), await op.get(`/v1/admin/tasks/${id}`)), [], id);
    const { account, ...less } = (await find({ limit: 1 })).items[0];
    assert.notDeepEqual(check(api, { $ref: '#/components/schemas/AdminTask' }, less), [], `the check can fail: ${account}`);
    assert.deepEqual(api.paths['/v1/admin/tasks'].get.parameters.map(p => p.name), ['limit', 'cursor', 'state', 'recipe', 'account', 'q']);
  });
});
