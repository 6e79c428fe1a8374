// 20-api.test.mjs - the API's manners: sessions, rights, strict input, other people's things, idempotency, pages, its description.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test } from 'node:test';
import { Client } from './lib/client.mjs';
import { FOUR, isProblem, NOBODY, ONE } from './lib/expect.mjs';
import { check } from './lib/schema.mjs';
import { runZoetrope, startServer } from './lib/server.mjs';

let server, alice, bob, photo;
const person = (asset, face = 0) => ({ asset: asset.id, face });

before(async () => {
  server = await startServer(null, { env: { ZOETROPE_ENGINE_USE: 'fake' } });
  alice = await Client.guest(server.url);
  bob = await Client.guest(server.url);
  photo = await alice.photo(ONE);
});
after(async () => {
  const { code, signal } = await server.stop();
  const { stdout, code: verified } = await runZoetrope(['verify', '--deep'], { env: { ZOETROPE_DATA: server.dataDir } });
  server.forget();
  assert.deepEqual({ code, signal }, { code: 0, signal: null });
  assert.equal(verified, 0, stdout);
});

const quote = (c = alice, more = {}) => c.quote({ people: [person(photo)], template: 'hall', ...more });

test('every event thread of a large machine may read the database', async t => {
  const large = await startServer(t, { env: { ZOETROPE_ENGINE_USE: 'fake', ZOETROPE_NET_EVENT_THREADS: '64' } });
  for (let i = 0; i < 400; i++) {                      // each on a connection of its own, which the kernel gives to any of them
    const answer = await fetch(`${large.url}/v1/me`, { headers: { authorization: `Bearer ${'A'.repeat(43)}`, connection: 'close' } });
    assert.equal(answer.status, 401, await answer.text());
  }
});

describe('sessions', () => {
  test('a guest gets tokens, credits once, and cookies that scripts cannot read', async () => {
    const c = new Client(server.url);
    const made = await c.send('POST', '/v1/sessions', { json: {} });
    assert.equal(made.status, 201);
    assert.match(made.json.token, /^[\w-]+\.[\w-]+\.[\w-]{86}$/);
    assert.match(made.json.refresh, /^[\w-]{43}$/);
    const cookies = made.headers.getSetCookie();
    assert.deepEqual(cookies.map(x => x.split('=')[0]), ['zt_access', 'zt_refresh']);
    for (const cookie of cookies) assert.match(cookie, /Path=\/;.*SameSite=Lax; HttpOnly$/);
    assert.equal(made.headers.get('cache-control'), 'no-store');
    c.take(made.json);
    assert.deepEqual(await c.wallet(), { available: 400, held: 0 });
    const again = await c.send('POST', '/v1/sessions', { json: {} });
    assert.deepEqual([again.status, again.json.refresh, again.json.account, again.json.session], [200, null, made.json.account, made.json.session]);
    assert.deepEqual(await c.wallet(), { available: 400, held: 0 });
  });

  test('a page gets its tokens as cookies alone', async () => {
    const made = await new Client(server.url).send('POST', '/v1/sessions', { json: {}, headers: { 'sec-fetch-site': 'same-origin' } });
    assert.deepEqual([made.status, made.json.token, made.json.refresh], [201, null, null]);
    assert.equal(made.headers.getSetCookie().length, 2);
  });

  test('the cookie signs in; after DELETE neither it nor the token does', async () => {
    const c = await Client.guest(server.url);
    const cookie = { cookie: `zt_access=${c.token}`, authorization: null };
    assert.equal((await c.send('GET', '/v1/me', { headers: cookie })).json.account, c.account);
    await c.delete('/v1/sessions');
    const refused = await c.send('GET', '/v1/me');
    isProblem(refused, 401, 'unauthenticated');
    assert.equal(refused.headers.get('www-authenticate'), 'Bearer');
    isProblem(await c.send('GET', '/v1/me', { headers: cookie }), 401, 'unauthenticated');
  });

  test('a wrong token is refused even where none is needed; a stale cookie is as good as none', async () => {
    for (const authorization of ['Bearer ' + 'A'.repeat(43), 'Bearer x', 'Bearer ', 'Basic YTpi', `Bearer ${alice.token}x`]) {
      isProblem(await alice.send('GET', '/v1/me', { headers: { authorization } }), 401, 'unauthenticated');
      isProblem(await alice.send('GET', '/v1/recipes', { headers: { authorization } }), 401, 'unauthenticated');
    }
    const stale = { authorization: null, cookie: 'zt_access=' + 'A'.repeat(43) };
    assert.equal((await alice.send('GET', '/v1/recipes', { headers: stale })).status, 200);
    isProblem(await alice.send('GET', '/v1/me', { headers: stale }), 401, 'unauthenticated');
  });

  test('with a cookie only pages of this site may change anything', async () => {
    const c = await Client.guest(server.url);
    const cookie = { cookie: `zt_access=${c.token}`, authorization: null };
    const post = headers => c.send('POST', '/v1/sessions', { json: {}, headers: { ...cookie, ...headers } });
    isProblem(await post({}), 403, 'forbidden');
    isProblem(await post({ origin: 'https://evil.example' }), 403, 'forbidden');
    isProblem(await post({ origin: 'null' }), 403, 'forbidden');
    assert.equal((await post({ origin: server.url })).status, 200);
    // nor may a stranger's page replace the session of somebody whose cookie it cannot send
    isProblem(await c.send('POST', '/v1/sessions', { json: {}, headers: { authorization: null, origin: 'https://evil.example' } }), 403, 'forbidden');
  });

  test('one address cannot start guests without end', async t => {
    const small = await startServer(t, { env: { ZOETROPE_API_GUESTS_PER_HOUR: '6' } });
    const c = new Client(small.url);
    for (let i = 0; i < 2; i++) assert.equal((await c.send('POST', '/v1/sessions', { json: {} })).status, 201);
    const refused = await c.send('POST', '/v1/sessions', { json: {} });
    isProblem(refused, 429, 'rate_limited');
    const seconds = Number(refused.headers.get('retry-after'));
    assert.ok(seconds > 540 && seconds <= 600, `six in an hour are one in 600 seconds, not in ${seconds}`);
    assert.match(refused.json.detail, new RegExp(`again in ${seconds} seconds`));
  });
});

describe('the operator', () => {
  test('has a token in a file of its own, sees all tasks and all settings but no secret', async () => {
    const op = new Client(server.url, server.operatorToken());
    assert.equal((await op.get('/v1/me')).operator, true);
    const task = await alice.buy(await quote());
    assert.ok((await op.get('/v1/admin/tasks')).items.some(t => t.id === task.id));
    const settings = (await op.get('/v1/admin/settings')).items;
    assert.deepEqual(settings.find(s => s.name === 'engine.use'), { ...settings.find(s => s.name === 'engine.use'), value: 'fake', where: 'ZOETROPE_ENGINE_USE' });
    await alice.waitTask(task.id);
  });

  test('guests are refused', async () => {
    for (const path of ['/v1/admin/tasks', '/v1/admin/settings']) {
      isProblem(await alice.send('GET', path), 403, 'forbidden');
      isProblem(await new Client(server.url).send('GET', path), 401, 'unauthenticated');
    }
  });
});

describe('input', () => {
  const post = (path, body, headers = {}) => alice.send('POST', path, { body, headers: { 'content-type': 'application/json', 'idempotency-key': randomUUID(), ...headers } });
  const good = () => ({ recipe: 'family-portrait', people: [person(photo)], template: 'hall' });
  const raw = change => JSON.stringify({ ...good(), ...change });

  test('broken JSON is refused', async () => {
    for (const body of ['{', '{"quote":}', '[]', '"x"', 'null', '{"quote":"a","quote":"b"}', '{"a":1}x', '\xff\xfe', '{"quote":"\u0000"}', '['.repeat(100), '{"quote":NaN}'])
      for (const path of ['/v1/tasks', '/v1/quotes', '/v1/assets']) isProblem(await post(path, body), 400, 'bad_json');
  });

  test('unknown fields are named', async () => {
    assert.match(isProblem(await post('/v1/quotes', raw({ colour: 'red' })), 400, 'unknown_field').detail, /colour/);
    assert.match(isProblem(await post('/v1/sessions', '{"admin":true}'), 400, 'unknown_field').detail, /admin/);
    isProblem(await post('/v1/quotes', raw({ people: [{ ...person(photo), head: 1 }] })), 400, 'unknown_field');
    isProblem(await alice.send('GET', '/v1/tasks?colour=red'), 400, 'unknown_field');
  });

  test('missing and wrong fields are named', async () => {
    assert.match(isProblem(await post('/v1/quotes', '{}'), 400, 'bad_input').detail, /recipe|people/);
    for (const [field, value] of [['recipe', 7], ['recipe', ''], ['recipe', 'x'.repeat(33)], ['people', {}], ['people', [7]], ['people', 'x'], ['template', 7],
      ['backdrop', 'photo'], ['params', []], ['candidates', '4'], ['candidates', true], ['candidates', null]])
      assert.match(isProblem(await post('/v1/quotes', raw({ [field]: value })), 400, 'bad_input').detail, new RegExp(field));
    for (const asset of ['', 'x', 'asset_', 'task_0000000000000', 'asset_000000000000O', photo.id.toLowerCase(), `${photo.id}0`, '../etc/passwd'])
      isProblem(await post('/v1/quotes', raw({ people: [{ asset, face: 0 }] })), 400, 'bad_input');
  });

  test('numbers out of range are refused', async () => {
    const number = text => JSON.stringify(good()).replace('}', '}').replace(/}$/, `,"candidates":${text}}`);
    for (const text of ['9007199254740993', '-1', '0', '9', '1.5', '1e0', '9223372036854775808', '-9223372036854775809'])
      assert.ok(['bad_input', 'bad_json'].includes((await post('/v1/quotes', number(text))).json?.code), text);
    isProblem(await post('/v1/quotes', number('9007199254740993')), 400, 'bad_input');
    isProblem(await post('/v1/quotes', number('-1')), 400, 'bad_input');
    isProblem(await post('/v1/quotes', number('1e400')), 400, 'bad_json');
    for (const face of ['-1', '64', '9007199254740993', '1.5'])
      isProblem(await post('/v1/quotes', JSON.stringify(good()).replace('"face":0', `"face":${face}`)), 400, 'bad_input');
    for (const limit of ['0', '-1', '101', '1e2', '9007199254740993', '', '1.5']) isProblem(await alice.send('GET', `/v1/tasks?limit=${limit}`), 400, 'bad_input');
    isProblem(await alice.send('GET', '/v1/tasks?cursor=7'), 400, 'bad_input');
  });

  test('unknown recipes, templates and addresses are not found', async () => {
    isProblem(await post('/v1/quotes', raw({ recipe: 'swap-video' })), 404, 'unknown_recipe');
    isProblem(await post('/v1/quotes', raw({ template: 'moon' })), 404, 'unknown_template');
    isProblem(await alice.send('GET', '/v1/templates/moon/thumb'), 404, 'unknown_template');
    for (const path of ['/v1/nothing', '/v2/tasks', '/v1/tasks/', '/v1/tasks/task_0', '/v1/assets/x/content', '/static/nothing.js', '/.env'])
      isProblem(await alice.send('GET', path), 404, 'not_found');
    isProblem(await alice.send('GET', '/static/..%2f..%2fetc/passwd'), 400, 'bad_http');
    const answer = await alice.send('PUT', '/v1/tasks', { json: {} });
    isProblem(answer, 405, 'method_not_allowed');
    assert.match(answer.headers.get('allow'), /POST/);
  });

  test('bodies over the limit and of another kind are refused', async () => {
    isProblem(await post('/v1/quotes', raw({ recipe: 'x'.repeat(70_000) })), 413, 'too_big');
    isProblem(await post('/v1/quotes', JSON.stringify(good()), { 'content-type': 'text/plain' }), 415, 'unsupported_type');
    isProblem(await post('/v1/quotes', 'recipe=family-portrait', { 'content-type': 'application/x-www-form-urlencoded' }), 415, 'unsupported_type');
  });

  test('a template and a photo as background exclude each other, and one must be there', async () => {
    isProblem(await post('/v1/quotes', raw({ backdrop: photo.id })), 400, 'bad_input');
    const { template, ...without } = good();
    assert.equal(template, 'hall');
    assert.equal((await post('/v1/quotes', JSON.stringify(without))).status >= 400, true);
  });

  test('problems speak the language that was asked for', async () => {
    for (const [asked, said] of [['zh-CN,zh;q=0.9,en;q=0.8', 'zh'], ['en', 'en'], ['fr', 'en'], ['fr, zh;q=0.5', 'zh']]) {
      const answer = await alice.send('GET', '/v1/nothing', { headers: { 'accept-language': asked } });
      assert.equal(answer.json.title, answer.json.i18n[said].title, asked);
    }
  });
});

describe("other people's things", () => {
  test('do not exist', async () => {
    const upload = await alice.upload(Buffer.from('x')), offer = await quote(), task = await alice.buy(await quote());
    const tus = { 'tus-resumable': '1.0.0' };
    const key = () => ({ 'idempotency-key': randomUUID() });
    const tries = [
      ['GET', `/v1/assets/${photo.id}`], ['GET', `/v1/assets/${photo.id}/content`], ['DELETE', `/v1/assets/${photo.id}`],
      ['GET', `/v1/quotes/${offer.id}`], ['GET', `/v1/tasks/${task.id}`], ['GET', `/v1/tasks/${task.id}/events`],
      ['POST', `/v1/tasks/${task.id}/pick`, { json: { candidate: 0 }, headers: key() }], ['POST', `/v1/tasks/${task.id}/cancel`, { json: {}, headers: key() }],
      ['POST', '/v1/tasks', { json: { quote: offer.id }, headers: key() }], ['POST', '/v1/assets', { json: { upload, consent: true } }],
      ['DELETE', `/v1/uploads/${upload}`, { headers: tus }],
      ['PATCH', `/v1/uploads/${upload}`, { body: 'x', headers: { ...tus, 'upload-offset': '1', 'content-type': 'application/offset+octet-stream' } }],
    ];
    for (const [method, path, options] of tries) isProblem(await bob.send(method, path, options), 404, 'not_found');
    assert.equal((await bob.send('HEAD', `/v1/uploads/${upload}`, { headers: tus })).status, 404);
    const judged = await bob.send('POST', '/v1/quotes', { json: { recipe: 'family-portrait', people: [person(photo)], template: 'hall' } });
    assert.equal(judged.json.code, 'not_found', judged.text);
    assert.deepEqual((await bob.get('/v1/tasks')).items, []);
    assert.equal((await alice.get(`/v1/assets/${photo.id}`)).id, photo.id);
    await alice.waitTask(task.id);
    assert.deepEqual(await bob.wallet(), { available: 400, held: 0 });
  });
});

describe('idempotency', () => {
  test('an effect needs a key, of a sane kind', async () => {
    const offer = await quote();
    isProblem(await alice.send('POST', '/v1/tasks', { json: { quote: offer.id } }), 400, 'idempotency_key_missing');
    for (const key of ['x'.repeat(65), 'a b']) isProblem(await alice.send('POST', '/v1/tasks', { json: { quote: offer.id }, headers: { 'idempotency-key': key } }), 400, 'bad_input');
    assert.equal((await alice.get(`/v1/quotes/${offer.id}`)).task, null);
  });

  test('the same request with the same key happens once, also when both come at once', async () => {
    const c = await Client.guest(server.url);
    const mine = await c.photo(ONE), offer = await c.quote({ people: [person(mine)], template: 'hall' }), key = randomUUID();
    const answers = await Promise.all(Array.from({ length: 8 }, () => c.buy(offer, key)));
    assert.equal(new Set(answers.map(t => t.id)).size, 1);
    assert.equal((await c.buy(offer, key)).id, answers[0].id);
    const done = await c.waitTask(answers[0].id);
    assert.equal((await c.get('/v1/tasks')).items.length, 1);
    const { available, held } = await c.wallet();
    assert.deepEqual({ available: available + done.credits.captured, held }, { available: 400, held: 0 });
  });

  test('the same key with another body is refused and changes nothing', async () => {
    const c = await Client.guest(server.url);
    const mine = await c.photo(ONE), one = await c.quote({ people: [person(mine)], template: 'hall' }), two = await c.quote({ people: [person(mine)], template: 'ivory' });
    const key = randomUUID(), task = await c.buy(one, key);
    isProblem(await c.send('POST', '/v1/tasks', { json: { quote: two.id }, headers: { 'idempotency-key': key } }), 409, 'idempotency_key_reused');
    assert.equal((await c.get(`/v1/quotes/${two.id}`)).task, null);
    assert.equal((await c.get('/v1/tasks')).items.length, 1);
    await c.waitTask(task.id);
  });

  test('keys belong to their account and their address', async () => {
    const key = randomUUID();
    const tasks = [];
    for (const c of [await Client.guest(server.url), await Client.guest(server.url)]) {
      const mine = await c.photo(ONE), task = await c.buy(await c.quote({ people: [person(mine)], template: 'hall' }), key);
      await c.waitTask(task.id);
      assert.equal((await c.pick(task.id, 0, key)).state, 'done');
      tasks.push(task.id);
    }
    assert.notEqual(tasks[0], tasks[1]);
  });

  test('what was refused is not remembered', async () => {
    const key = randomUUID(), c = await Client.guest(server.url);
    isProblem(await c.send('POST', '/v1/tasks', { json: { quote: 'quote_0000000000001' }, headers: { 'idempotency-key': key } }), 404, 'not_found');
    const mine = await c.photo(ONE), task = await c.buy(await c.quote({ people: [person(mine)], template: 'hall' }), key);
    await c.waitTask(task.id);
  });

  test('a quote buys one task, whatever the key', async () => {
    const offer = await quote(), task = await alice.buy(offer);
    const again = isProblem(await alice.send('POST', '/v1/tasks', { json: { quote: offer.id }, headers: { 'idempotency-key': randomUUID() } }), 409, 'quote_used');
    assert.equal(again.detail, task.id, 'and says which');
    await alice.waitTask(task.id);
  });

  test('a photo that was deleted after its quote is named, and nothing is held', async () => {
    const c = await Client.guest(server.url), mine = await c.photo(ONE), offer = await c.quote({ people: [person(mine)], template: 'hall' });
    await c.delete(`/v1/assets/${mine.id}`);
    const gone = isProblem(await c.send('POST', '/v1/tasks', { json: { quote: offer.id }, headers: { 'idempotency-key': randomUUID() } }), 410, 'photo_gone');
    assert.equal(gone.detail, mine.id);
    assert.deepEqual(await c.wallet(), { available: 400, held: 0 });
  });

  test('an upload becomes one asset, however often it is sent', async () => {
    const { readFile } = await import('node:fs/promises');
    const upload = await alice.upload(await readFile(ONE));
    const made = await Promise.all([1, 2, 3].map(() => alice.post('/v1/assets', { upload, consent: true })));
    assert.equal(new Set(made.map(a => a.id)).size, 1);
    const again = await alice.send('POST', '/v1/assets', { json: { upload, consent: true } });
    assert.deepEqual([again.status, again.json.id], [200, made[0].id]);
    isProblem(await alice.send('POST', '/v1/assets', { json: { upload, purpose: 'backdrop' } }), 409, 'upload_used');
    await alice.delete(`/v1/assets/${made[0].id}`);
    isProblem(await alice.send('POST', '/v1/assets', { json: { upload, consent: true } }), 410, 'gone');
  });
});

describe('credits', () => {
  test('without enough of them nothing is made and nothing is held', async t => {
    const poor = await startServer(t, { env: { ZOETROPE_ENGINE_USE: 'fake', ZOETROPE_PRODUCT_GUEST_CREDITS: '39' } });
    const c = await Client.guest(poor.url), mine = await c.photo(ONE), offer = await c.quote({ people: [person(mine)], template: 'hall' });
    isProblem(await c.send('POST', '/v1/tasks', { json: { quote: offer.id }, headers: { 'idempotency-key': randomUUID() } }), 402, 'no_credit');
    assert.deepEqual(await c.wallet(), { available: 39, held: 0 });
    assert.deepEqual((await c.get('/v1/tasks')).items, []);
    const cheaper = await c.quote({ people: [person(mine)], template: 'hall', candidates: 2 });
    assert.equal(cheaper.credits, 20);
    await c.waitTask((await c.buy(cheaper)).id);
  });

  test('a photo that is deleted takes the tasks along that are being made from it, and their credits come back', async t => {
    const slow = await startServer(t, { env: { ZOETROPE_ENGINE_USE: 'fake', ZOETROPE_ENGINE_FAKE_SCRIPT: 'delay=600000' } });
    const [c, other] = [await Client.guest(slow.url), await Client.guest(slow.url)];
    const buy = async (who, input) => (await who.buy(await who.quote(input))).id;
    const [one, two, place, same] = [await c.photo(ONE), await c.photo(FOUR), await c.photo(NOBODY, { purpose: 'backdrop' }), await other.photo(ONE)];
    const [first, before, kept] = [await buy(c, { people: [person(one)], template: 'hall' }), await buy(c, { people: [person(two)], backdrop: place.id }), await buy(c, { people: [person(two)], template: 'hall' })];
    const theirs = await buy(other, { people: [person(same)], template: 'hall' });
    assert.equal((await c.send('DELETE', `/v1/assets/${same.id}`)).status, 404);
    assert.equal((await other.task(theirs)).state === 'cancelled', false, 'not by a stranger');
    await c.delete(`/v1/assets/${one.id}`);
    await c.delete(`/v1/assets/${place.id}`);
    const states = await Promise.all([first, before, kept].map(async id => (await c.task(id)).state));
    assert.deepEqual([states[0], states[1], states[2] === 'cancelled'], ['cancelled', 'cancelled', false]);
    assert.deepEqual(await c.wallet(), { available: 360, held: 40 });
    assert.equal((await other.task(theirs)).state === 'cancelled', false);
  });
  test('a cancelled task gives them back', async t => {
    const slow = await startServer(t, { env: { ZOETROPE_ENGINE_USE: 'fake', ZOETROPE_ENGINE_FAKE_SCRIPT: 'delay=600000' } });
    const c = await Client.guest(slow.url), mine = await c.photo(ONE), task = await c.buy(await c.quote({ people: [person(mine)], template: 'hall' }));
    assert.deepEqual(await c.wallet(), { available: 360, held: 40 });
    assert.equal((await c.cancel(task.id)).state, 'cancelled');
    assert.deepEqual(await c.wallet(), { available: 400, held: 0 });
    assert.equal((await c.cancel(task.id)).state, 'cancelled');           // once more is no harm
    assert.deepEqual(await c.wallet(), { available: 400, held: 0 });
    isProblem(await c.send('POST', `/v1/tasks/${task.id}/pick`, { json: { candidate: 0 }, headers: { 'idempotency-key': randomUUID() } }), 409, 'wrong_state');
  });
});

describe('what goes wrong with a task', () => {
  test('a picture that was deleted cannot be picked; another of the task can', async () => {
    const c = await Client.guest(server.url), mine = await c.photo(ONE);
    const task = await c.waitTask((await c.buy(await c.quote({ people: [person(mine)], template: 'hall' }))).id), [first, second] = task.candidates;
    await c.delete(`/v1/assets/${first.asset}`);
    const pick = candidate => c.send('POST', `/v1/tasks/${task.id}/pick`, { json: { candidate }, headers: { 'idempotency-key': randomUUID() } });
    isProblem(await pick(first.index), 410, 'gone');
    const now = await c.task(task.id);
    assert.deepEqual([now.state, now.candidates.map(k => k.index).includes(first.index)], ['choosing', false], 'and is not shown any more');
    assert.equal((await pick(second.index)).json.picked, second.index);
  });

  test('which checks the pictures failed is said in both languages, with what to do about it', async t => {
    const picky = await startServer(t, { env: { ZOETROPE_ENGINE_USE: 'fake', ZOETROPE_ENGINE_FAKE_SCRIPT: 'score.broken' } });
    const c = await Client.guest(picky.url), mine = await c.photo(ONE);
    const task = await c.waitTask((await c.buy(await c.quote({ people: [person(mine)], template: 'hall' }))).id);
    assert.deepEqual([task.state, task.error.code, task.people], ['failed', 'task_no_result', [person(mine)]]);
    assert.match(task.error.detail, /A face was hidden, missing or one too many \(4 of 4\)/);
    assert.deepEqual(task.error.checks.map(k => [k.code, k.detail]), [['check_faces_intact', '4 of 4']]);
    assert.match(task.error.next_en, /whole head/);
    assert.match(task.error.next_zh, /头部完整/);
    const api = await c.get('/openapi.json');
    assert.deepEqual(check(api, { $ref: '#/components/schemas/Task' }, task), []);
    assert.deepEqual(await c.wallet(), { available: 400, held: 0 });
  });
});

describe('lists', () => {
  test('come in pages that hold everything once, newest first', async () => {
    const c = await Client.guest(server.url), mine = await c.photo(ONE), made = [];
    for (let i = 0; i < 5; i++) made.unshift((await c.buy(await c.quote({ people: [person(mine)], template: 'hall', candidates: 2 }))).id);
    const all = async path => {
      const ids = [];
      for (let next = ''; next !== null;) {
        const page = await c.get(`${path}?limit=2${next && `&cursor=${next}`}`);
        assert.ok(page.items.length <= 2);
        ids.push(...page.items.map(i => i.id));
        next = page.next;
      }
      return ids;
    };
    assert.deepEqual(await all('/v1/tasks'), made);
    for (const id of made) await c.waitTask(id);
    const entries = await all('/v1/wallet/entries');
    assert.equal(new Set(entries).size, entries.length);
    assert.equal(entries.length, 6);                      // the welcome and five holds
  });

  test('are told apart whatever their texts hold', async () => {
    const db = new DatabaseSync(join(server.dataDir, 'zoetrope.db'), { timeout: 5000 }), op = new Client(server.url, server.operatorToken());
    const texts = ['}', '{', '"}', '\\', '\\"}{', '"]},{"id":"mail_0000000000009"'];
    const add = db.prepare(`INSERT INTO mail (id, to_addr, kind, lang, subject, plain, html, state, tries, error, created_ms, due_ms)
      VALUES (?, 'a@example.com', 'x', 'en', ?, '', '', 'sent', 0, ?, 1, 0)`);
    texts.forEach((text, i) => add.run(i + 1, text, text));
    db.close();
    const first = await op.get(`/v1/admin/mails?limit=${texts.length - 1}`), rest = await op.get(`/v1/admin/mails?limit=2&cursor=${first.next}`);
    assert.deepEqual(first.items.concat(rest.items).map(m => m.subject), texts.toReversed());
    assert.deepEqual([first.next, rest.next], [first.items.at(-1).id, null]);
  });
});

describe('assets', () => {
  test('are served as we made them, to their owner only, in ranges and with an ETag', async () => {
    const whole = await alice.send('GET', photo.content);
    assert.equal(whole.headers.get('content-type'), 'image/png');
    assert.equal(whole.headers.get('cache-control'), 'private, no-cache', 'a deleted picture does not live on in a cache');
    assert.deepEqual([...whole.bytes.subarray(0, 4)], [0x89, 0x50, 0x4e, 0x47]);
    const part = await alice.send('GET', photo.content, { headers: { range: 'bytes=100-199' } });
    assert.equal(part.status, 206);
    assert.deepEqual(part.bytes, whole.bytes.subarray(100, 200));
    assert.equal((await alice.send('GET', photo.content, { headers: { 'if-none-match': whole.headers.get('etag') } })).status, 304);
    const thumb = await alice.send('GET', photo.thumb);
    assert.equal(thumb.headers.get('content-type'), 'image/jpeg');
    assert.ok(thumb.bytes.length < whole.bytes.length);
    const file = await alice.send('GET', `${photo.content}?download=1`);
    assert.match(file.headers.get('content-disposition'), /^attachment; filename="reunion-\w+\.png"$/);
    isProblem(await alice.send('GET', `${photo.content}?as=original`), 400, 'bad_input');
  });

  test('are served as pictures or as bytes, whatever the picture process called them', async () => {
    const mine = await alice.photo(FOUR);
    const db = new DatabaseSync(join(server.dataDir, 'zoetrope.db'), { timeout: 5000 });
    for (const [said, served] of [['text/html', 'application/octet-stream'], ['image/png\r\nX-Evil: 1', 'application/octet-stream'], ['image/png', 'image/png']]) {
      assert.ok(db.prepare('UPDATE asset SET media_type = ? WHERE parent_id = (SELECT MAX(parent_id) FROM asset)').run(said).changes > 0);
      const file = await alice.send('GET', mine.content);
      assert.deepEqual([file.status, file.headers.get('content-type'), file.headers.get('x-evil')], [200, served, null]);
    }
    db.close();
    assert.equal((await alice.send('DELETE', `/v1/assets/${mine.id}`)).status, 204);
  });

  test('are gone after DELETE, with all that was made of them', async () => {
    const mine = await alice.photo(FOUR);
    assert.equal((await alice.send('DELETE', `/v1/assets/${mine.id}`)).status, 204);
    for (const path of [`/v1/assets/${mine.id}`, mine.content, mine.thumb]) isProblem(await alice.send('GET', path), 404, 'not_found');
    isProblem(await alice.send('DELETE', `/v1/assets/${mine.id}`), 404, 'not_found');
  });
});

describe('the page', () => {
  test('is sent with rules that let nothing foreign in, and its parts are there', async () => {
    for (const path of ['/', '/t/task_0000000000001']) {
      const page = await new Client(server.url).send('GET', path);
      assert.equal(page.status, 200);
      const csp = page.headers.get('content-security-policy');
      assert.match(csp, /default-src 'none'/);
      assert.doesNotMatch(csp, /unsafe|\*|http/);
      assert.equal(page.headers.get('x-content-type-options'), 'nosniff');
      for (const [, part] of page.text.matchAll(/(?:src|href)="(\/static\/[^"]+)"/g))
        assert.equal((await new Client(server.url).send('GET', part)).status, 200, part);
      assert.doesNotMatch(page.text, /<script(?![^>]*(?:src=|type="application\/json"))|style=|onclick/);
    }
  });

  test('at the address of what is no task it is a page all the same, and says 404', async () => {
    for (const path of ['/t/nonsense', '/t/task_1', '/t/asset_0000000000001', '/t/%3Cscript%3E']) {
      const page = await new Client(server.url).send('GET', path);
      assert.deepEqual([page.status, page.headers.get('content-type')], [404, 'text/html; charset=utf-8'], path);
      assert.match(page.headers.get('content-security-policy'), /default-src 'none'/);
      assert.match(page.text, /\/static\/index-/);
    }
  });
});

test('an address that is broken is a page to a person, and a problem to a program', async () => {
  for (const path of ['/%E0%A4%A', '/t/%ff', '/a%00b']) {
    const ask = accept => fetch(server.url + path, { headers: { accept } }), page = await ask('text/html,*/*'), problem = await ask('application/json');
    assert.deepEqual([page.status, page.headers.get('content-type')], [404, 'text/html; charset=utf-8'], path);
    assert.deepEqual([problem.status, problem.headers.get('content-type')], [400, 'application/problem+json'], path);
  }
  assert.equal((await fetch(`${server.url}/v1/tasks/%ff`, { headers: { accept: 'text/html' } })).status, 400, 'of the API, to everybody');
});

describe('a slash too many', () => {
  const ask = path => fetch(server.url + path, { redirect: 'manual', headers: { accept: 'text/html' } });
  test('leads to the page without it, and only to a page of ours', async () => {
    for (const [path, to] of [['/me/', '/me'], ['/new/', '/new'], ['/sign-in/?next=%2Fme', '/sign-in?next=%2Fme'], ['/t/task_0000000000001/', '/t/task_0000000000001'], ['/admin/tasks/', '/admin/tasks']]) {
      const answer = await ask(path);
      assert.deepEqual([answer.status, answer.headers.get('location')], [308, to], path);
    }
    for (const path of ['/nowhere/', '/v1/me/', '/static/a.js/', '/t/', '/t/a b/', '/admin/%5cevil/', '/admin/%2f/', '//me/', '/me//']) {
      const answer = await ask(path);
      assert.ok([400, 404].includes(answer.status) && !answer.headers.has('location'), `${path}: ${answer.status}`);
    }
  });
});

describe('operations', () => {
  test('health, readiness and numbers', async () => {
    assert.equal((await alice.get('/healthz')).ok, true);
    assert.deepEqual(await alice.get('/readyz'), { ready: true, db: true, disk: true, media: true });
    const text = (await alice.send('GET', '/metrics')).text;
    for (const name of ['zoetrope_http_requests_total{method="POST",route="/v1/quotes",class="2xx"}', 'zoetrope_http_request_seconds_bucket', 'zoetrope_tasks{state="done"}',
      'zoetrope_db_commit_seconds_bucket{le="0.001"}', 'zoetrope_db_batch_writes_bucket{le="16"}', 'zoetrope_db_wait_seconds_count', 'zoetrope_db_checkpoint_seconds_max', 'zoetrope_media_jobs_total', 'zoetrope_pool_queued', 'process_resident_memory_bytes', 'process_open_fds'])
      assert.ok(text.includes(name), name);
    for (const line of text.trim().split('\n')) assert.match(line, /^(# (HELP|TYPE) \w+ .+|\w+(\{(\w+="[^"]*",?)+\})? -?[\d.e+-]+)$/, line);
  });

  test('who asks at the same time whether it is ready shares one look', async () => {
    const writes = async () => Number(/^zoetrope_db_writes_total (\d+)$/m.exec((await alice.send('GET', '/metrics')).text)[1]), before = await writes();
    for (let i = 0; i < 30; i++) await Promise.all(Array.from({ length: 20 }, () => alice.get('/readyz')));
    assert.ok(await writes() - before < 300);
  });

  test('every request is one line of the log, with its ids and without its token', async () => {
    const answer = await alice.send('GET', '/v1/tasks/task_0000000000001');
    const line = await server.waitLog(l => l.ev === 'http.request' && l.req === answer.json.instance);
    assert.equal(line.status, 404);
    assert.equal(line.acct, alice.account);
    for (const text of [alice.token, server.operatorToken()]) assert.ok(!JSON.stringify(server.log).includes(text));
  });
});

describe('/openapi.json', () => {
  let api;
  before(async () => { api = await alice.get('/openapi.json'); });

  test('names every reference it uses, and every route it should', () => {
    assert.equal(api.openapi, '3.1.0');
    const text = JSON.stringify(api);
    for (const [, name] of text.matchAll(/#\/components\/schemas\/(\w+)/g)) assert.ok(api.components.schemas[name], name);
    for (const path of ['/v1/sessions', '/v1/uploads', '/v1/assets', '/v1/assets/{id}/content', '/v1/recipes', '/v1/templates', '/v1/quotes', '/v1/tasks',
      '/v1/tasks/{id}/events', '/v1/tasks/{id}/pick', '/v1/tasks/{id}/cancel', '/v1/wallet', '/healthz', '/readyz', '/metrics', '/v1/admin/tasks', '/v1/admin/settings']) assert.ok(api.paths[path], path);
    assert.deepEqual(Object.keys(api.paths).filter(path => !/^\/(v1\/|healthz|readyz|metrics|openapi)/.test(path)), [], 'pages are no part of it');
    assert.ok(api.paths['/v1/admin/settings'].get.security && !api.paths['/healthz'].get.security);
    const ids = new Set();
    for (const [path, item] of Object.entries(api.paths)) for (const [method, op] of Object.entries(item)) {
      assert.match(method, /^(get|post|put|patch|delete|head|options)$/);
      assert.ok(op.summary && op.responses['2XX'] && op.responses.default, `${method} ${path}`);
      assert.ok(!ids.has(op.operationId), op.operationId);
      ids.add(op.operationId);
      const named = op.parameters.filter(p => p.in === 'path').map(p => `{${p.name}}`);
      assert.deepEqual(named, [...path.matchAll(/\{\w+\}/g)].map(m => m[0]));
    }
    assert.ok(api.paths['/v1/tasks'].post.parameters.some(p => p.name === 'Idempotency-Key' && p.required));
  });

  test('says what the answers are really like', async () => {
    const answer = (method, path) => api.paths[path][method].responses['2XX'].content['application/json'].schema;
    const task = await alice.buy(await quote()), operator = new Client(server.url, server.operatorToken());
    const cases = [
      ['get', '/v1/me', await alice.get('/v1/me')], ['get', '/v1/wallet', await alice.get('/v1/wallet')], ['get', '/v1/wallet/entries', await alice.get('/v1/wallet/entries')],
      ['get', '/v1/recipes', await alice.get('/v1/recipes')], ['get', '/v1/templates', await alice.get('/v1/templates')], ['post', '/v1/assets', photo],
      ['post', '/v1/quotes', await quote()], ['post', '/v1/tasks', task], ['get', '/v1/tasks/{id}', await alice.waitTask(task.id)],
      ['get', '/v1/tasks', await alice.get('/v1/tasks')], ['get', '/healthz', await alice.get('/healthz')], ['get', '/readyz', await alice.get('/readyz')],
      ['get', '/v1/admin/tasks', await operator.get('/v1/admin/tasks')], ['get', '/v1/admin/settings', await operator.get('/v1/admin/settings')], ['post', '/v1/sessions', (await alice.send('POST', '/v1/sessions', { json: {} })).json],
    ];
    for (const [method, path, value] of cases) assert.deepEqual(check(api, answer(method, path), value), [], `${method} ${path}`);
    const problem = (await alice.send('GET', '/v1/nothing')).json;
    assert.deepEqual(check(api, { $ref: '#/components/schemas/Problem' }, problem), []);
    assert.notDeepEqual(check(api, { $ref: '#/components/schemas/Problem' }, { ...problem, code: 'made_up' }), []);       // the check can fail
  });
});
