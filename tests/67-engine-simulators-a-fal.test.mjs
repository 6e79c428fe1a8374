// 67-engine-simulators-a-fal.test.mjs - the simulator of fal's queue, driven by fal's own client, unmodified but for the address: what it believes of the
// real thing it must find here, and each fault that can be ordered must be seen by it. Nothing of ours takes part.
import assert from 'node:assert/strict';
import { createPublicKey, verify } from 'node:crypto';
import { test } from 'node:test';
import { createFalClient } from '@fal-ai/client';
import { brokenCalls, brokenResults, byHand, control, download, place, time } from './lib/engines.mjs';
import { until } from './lib/server.mjs';
import { start } from './sim/engine.mjs';
import { Fal, jwkOf, keyOf, webhookHeaders } from './sim/fal.mjs';
import { clip, picture, probe, sha256 } from './sim/media.mjs';

const HOUR = 3_600_000, KEY = 'id:secret', MOVE = 'fal-ai/wan/v2.2-14b/animate/move', DRAW = 'simulator/portraits', HOSTS = /^https:\/\/(queue\.)?fal\.run/;

function clientOf(url, credentials = KEY) {
  return createFalClient({ credentials, fetch: (target, init) => fetch(String(target).replace(HOSTS, url), init) }).queue;
}
async function world(t, { say, ...options } = {}) {
  const clock = time(t), photo = picture('photo', { width: 400, height: 600 }), film = clip('dance', { seconds: 3 });
  const at = await place(t, { '/p.png': photo, '/v.mp4': film }, say);
  const sim = await start(Fal, { key: KEY, now: clock.now, ...options }, t), queue = clientOf(sim.url);
  const animate = { image_url: `${at.url}/p.png`, video_url: `${at.url}/v.mp4` };
  const submit = (input = { prompt: 'a cat' }, more = {}, model = DRAW) => queue.submit(model, { input, ...more });
  const status = (requestId, model = DRAW, logs = false) => queue.status(model, { requestId, logs }), result = (requestId, model = DRAW) => queue.result(model, { requestId });
  const pass = ms => clock.pass(sim, ms);
  const done = async (...a) => { const { request_id } = await submit(...a); await pass(5000); return (await result(request_id, a[2])).data; };
  const call = async (method, path, { key = KEY, body, headers = {} } = {}) => {
    const r = await fetch(`${sim.url}/${path}`, { method, headers: { Authorization: `Key ${key}`, ...headers }, body: typeof body === 'object' ? JSON.stringify(body) : body });
    return { status: r.status, headers: r.headers, body: await r.text() };
  };
  return { sim, at, photo, film, queue, animate, submit, status, result, pass, done, call, ask: control(sim) };
}
/** The client waits seconds before it tries again: here it does not. */
function hurry(t) {
  const wait = setTimeout;
  t.mock.method(globalThis, 'setTimeout', (f, ms, ...a) => wait(f, Math.min(ms, 1), ...a));
}

test('fal simulator: a request from the submit to its result', async t => {
  const { sim, at, photo, film, animate, submit, status, result, pass, call } = await world(t);
  const q = await submit({ ...animate, seed: 7 }, {}, MOVE), base = `${sim.url}/fal-ai/wan/requests/${q.request_id}`, states = [];
  assert.deepEqual(q, { request_id: q.request_id, gateway_request_id: q.request_id, status: 'IN_QUEUE', queue_position: 0, response_url: base, status_url: `${base}/status`, cancel_url: `${base}/cancel` });
  assert.deepEqual([sim.calls.at(-1).status, sim.calls.at(-1).path, sim.inputs], [200, `/${MOVE}`, []]);
  for (const ms of [999, 1, 3999, 1]) {
    await pass(ms);
    states.push((await status(q.request_id, MOVE)).status);
  }
  assert.deepEqual(states, ['IN_QUEUE', 'IN_PROGRESS', 'IN_PROGRESS', 'COMPLETED']);
  assert.deepEqual(sim.inputs.map(i => [i.from, i.sha256]), [[`${at.url}/p.png`, sha256(photo)], [`${at.url}/v.mp4`, sha256(film)]]);
  const end = await status(q.request_id, MOVE, true), { data, requestId } = await result(q.request_id, MOVE), file = await download(data.video.url);
  assert.deepEqual([end.metrics, end.logs[0].message, end.error, requestId, data.seed], [{ inference_time: 4 }, 'run 1', undefined, q.request_id, 7]);
  assert.deepEqual([file.type, probe(file.bytes).seconds, data.video.file_size, data.video.content_type], ['video/mp4', 3, file.bytes.length, 'video/mp4']);
  assert.equal(sim.tasks.get(q.request_id).results[0].sha256, sha256(file.bytes));
  assert.deepEqual(sim.billed, { [MOVE]: 3 });
  for (const url of [q.status_url, q.response_url]) assert.equal((await fetch(url, { headers: { Authorization: `Key ${KEY}` } })).status, 200);
  assert.equal((await call('GET', `${MOVE}/requests/${q.request_id}/status`)).status, 404);          // with the sub path
  assert.equal((await call('GET', `simulator/portraits/requests/${q.request_id}/status`)).status, 404);
  await pass(7 * 24 * HOUR);
  assert.equal((await download(data.video.url)).status, 403);
});

test('fal simulator: what came is known by its bytes', async t => {
  const { sim, done } = await world(t), bytes = async url => (await download(url)).bytes, seed = { prompt: 'a cat', seed: 7 };
  const { images, seed: told } = await done({ ...seed, num_images: 4 });
  assert.deepEqual([told, new Set((await Promise.all(images.map(f => bytes(f.url)))).map(sha256)).size, sim.billed[DRAW]], [7, 4, 4]);
  assert.deepEqual(await bytes((await done(seed)).images[0].url), await bytes((await done(seed)).images[0].url));
  assert.notDeepEqual(await bytes((await done({ ...seed, seed: 8 })).images[0].url), await bytes((await done(seed)).images[0].url));
  const free = await done();
  assert.deepEqual(await bytes((await done({ prompt: 'a cat', seed: free.seed })).images[0].url), await bytes(free.images[0].url));  // the seed it took is told
});

test('fal simulator: the queue, its headers, and who may ask', async t => {
  const { sim, queue, submit, status, result, pass, call } = await world(t, { lanes: 1 });
  const a = await submit(), b = await submit(undefined, { priority: 'low' }), c = await submit();
  assert.deepEqual([b.queue_position, c.queue_position], [1, 1]);
  assert.equal((await status(b.request_id)).queue_position, 2);
  await pass(6000);
  assert.deepEqual((await Promise.all([a, b, c].map(x => status(x.request_id)))).map(s => s.status), ['COMPLETED', 'IN_QUEUE', 'IN_PROGRESS']);
  await assert.rejects(result(b.request_id), { status: 400 });
  const soon = await submit(undefined, { startTimeout: 3 });           // it would begin after four
  await pass(4000);
  const late = await status(soon.request_id);
  assert.deepEqual([late.status, late.error_type, late.metrics.inference_time], ['COMPLETED', 'request_timeout', null]);
  await assert.rejects(result(soon.request_id), e => e.status === 504 && e.isUserTimeout && e.body.error_type === 'request_timeout' && e.requestId === soon.request_id);
  const before = sim.bills.length, kept = await submit(undefined, { storageSettings: { expiresIn: 60 } }), begun = await submit(undefined, { startTimeout: 30 });
  await pass(20_000);
  assert.equal((await status(begun.request_id)).error, undefined);      // it began in time, and may take longer
  assert.equal(sim.bills.length - before, 3);
  const link = (await result(kept.request_id)).data.images[0].url, ended = sim.tasks.get(kept.request_id).ended_ms;
  await pass(ended + 59_999 - sim.now());
  assert.equal((await download(link)).status, 200);
  await pass(1);
  assert.equal((await download(link)).status, 403);
  for (const headers of [{ 'x-fal-request-timeout': '1' }, { 'x-fal-queue-priority': 'high' }, { 'x-fal-object-lifecycle-preference': '{' }, { 'x-fal-object-lifecycle-preference': '{"expiration_duration_seconds":0}' }])
    assert.equal((await call('POST', DRAW, { body: { prompt: 'x' }, headers })).status, 422, JSON.stringify(headers));
  assert.equal((await call('POST', DRAW, { body: '{' })).status, 422);
  assert.equal((await call('POST', `${DRAW}?fal_webhook=nowhere`, { body: { prompt: 'x' } })).status, 422);
  await assert.rejects(queue.submit('fal-ai/none', { input: {} }), { status: 404 });
  await assert.rejects(clientOf(sim.url, 'id:other').submit(DRAW, { input: { prompt: 'x' } }), { status: 401 });
  await assert.rejects(status('00000000-0000-0000-0000-000000000000'), { status: 404 });
  assert.equal((await call('POST', DRAW, { headers: { Authorization: `Bearer ${KEY}` }, body: {} })).status, 401);
});

test('fal simulator: cancel', async t => {
  const { sim, queue, submit, status, result, pass, call } = await world(t), put = id => call('PUT', `${DRAW}/requests/${id}/cancel`);
  const waits = await submit();
  const said = await put(waits.request_id);
  assert.deepEqual([said.status, said.body], [202, '{"status":"CANCELLATION_REQUESTED"}']);
  await assert.rejects(status(waits.request_id), { status: 404 });
  const runs = await submit();
  sim.fault('submit', 'deaf');
  const deaf = await submit();
  await pass(2000);
  for (const x of [runs, deaf]) await queue.cancel(DRAW, { requestId: x.request_id });
  assert.deepEqual([(await status(runs.request_id)).error_type, (await status(deaf.request_id)).status], ['client_cancelled', 'IN_PROGRESS']);
  await assert.rejects(result(runs.request_id), { status: 499 });
  await pass(3000);
  assert.equal((await result(deaf.request_id)).data.images.length, 1);
  assert.deepEqual([(await put(deaf.request_id)).status, (await put(deaf.request_id)).body], [400, '{"status":"ALREADY_COMPLETED"}']);
  assert.deepEqual([(await put('nobody')).status, (await put('nobody')).body], [404, '{"status":"NOT_FOUND"}']);
  assert.equal(sim.bills.length, 1);
});

test('fal simulator: what does not fit is told by the result', async t => {
  const { sim, at, animate, submit, status, result, pass } = await world(t);
  at.files['/x'] = Buffer.from('neither');
  const no = async (more, field, type) => {
    const { request_id } = await submit({ ...animate, ...more }, {}, MOVE);
    await pass(1000);
    assert.deepEqual([(await status(request_id, MOVE)).status, (await status(request_id, MOVE)).error_type], ['COMPLETED', type]);
    await assert.rejects(result(request_id, MOVE), e => { assert.deepEqual([e.name, e.status, e.getFieldErrors(field).map(x => x.type)], ['ValidationError', 422, [type]]); return true; });
  };
  await no({ image_url: undefined }, 'image_url', 'missing');
  await no({ image_url: 'ftp://h/x' }, 'image_url', 'url_parsing');
  await no({ seed: 'x' }, 'seed', 'type_error');
  await no({ video_url: `${at.url}/none` }, 'video_url', 'file_download_error');
  await no({ video_url: `${at.url}/x` }, 'video_url', 'image_load_error');
  assert.equal(sim.bills.length, 0);
});

test('fal simulator: a lost runner runs it again, and a late result is normal', async t => {
  const { sim, submit, status, result, pass, call, at } = await world(t);
  sim.fault('submit', 'runner_lost', 1, { count: 2 });
  const q = await submit(undefined, { webhookUrl: `${at.url}/hook` });
  await pass(9000);
  const s = await status(q.request_id);
  assert.deepEqual([s.status, sim.tasks.get(q.request_id).runs, s.gateway_request_id === q.request_id], ['IN_PROGRESS', 3, false]);
  await pass(4000);
  assert.equal((await result(q.request_id)).data.images.length, 1);
  const told = JSON.parse(at.got[0].body);
  assert.deepEqual([told.request_id, told.gateway_request_id === q.request_id, sim.bills.length], [q.request_id, false, 1]);
  sim.fault('submit', 'runner_lost');
  const once = JSON.parse((await call('POST', DRAW, { body: { prompt: 'x' }, headers: { 'x-fal-no-retry': '1' } })).body);
  sim.fault('submit', 'runner_lost', 1, { count: 99 });
  const never = await submit();
  await pass(5000);
  assert.equal((await status(once.request_id)).error_type, 'runner_disconnected');
  await pass(39_999);
  assert.equal((await status(never.request_id)).status, 'IN_PROGRESS');
  await pass(1);
  assert.deepEqual([(await status(never.request_id)).error_type, sim.tasks.get(never.request_id).runs, sim.bills.length], ['runner_disconnected', 11, 1]);
});

test('fal simulator: webhooks, and the keys that verify them', async t => {
  const { sim, at, submit, pass, result, call } = await world(t, { user: 'user_test' });
  const keys = async () => JSON.parse((await call('GET', '.well-known/jwks.json', { key: '' })).body).keys;
  const verified = (n, list) => {
    const h = name => n.headers[`x-fal-webhook-${name}`], text = [h('request-id'), h('user-id'), h('timestamp'), sha256(n.body)].join('\n');
    return list.some(jwk => verify(null, Buffer.from(text), createPublicKey({ key: jwk, format: 'jwk' }), Buffer.from(h('signature'), 'hex')));
  };
  const told = async (kind = '', trouble = '', more = {}) => {
    at.got.length = 0;
    if (kind) sim.fault('submit', kind, 1, more);
    if (trouble) sim.trouble({ kind: trouble, seconds: 30 });
    const { request_id } = await submit(undefined, { webhookUrl: `${at.url}/hook?job=1&x=%2F` });
    await pass(5000);
    const list = await keys();
    return at.got.map(n => (verified(n, list) ? (JSON.parse(n.body).request_id === request_id ? JSON.parse(n.body).status : 'another') : 'forged'));
  };
  const [jwk] = await keys();
  assert.deepEqual([Object.keys(jwk), jwk.kty, jwk.crv, jwk.x.length], [['kty', 'crv', 'x'], 'OKP', 'Ed25519', 43]);
  assert.deepEqual(await told(), ['OK']);
  const body = JSON.parse(at.got[0].body);
  assert.deepEqual(Object.keys(body), ['request_id', 'gateway_request_id', 'status', 'payload']);
  assert.deepEqual([body.payload, at.got[0].path, at.got[0].headers['x-fal-webhook-user-id']], [(await result(body.request_id)).data, '/hook?job=1&x=%2F', 'user_test']);
  assert.deepEqual(await told('failed'), ['ERROR']);
  assert.deepEqual(JSON.parse(at.got[0].body).payload.detail[0].type, 'internal_server_error');
  assert.deepEqual(await told('payload_error'), ['OK']);
  assert.deepEqual([JSON.parse(at.got[0].body).payload, typeof JSON.parse(at.got[0].body).payload_error], [null, 'string']);
  assert.equal((await result(JSON.parse(at.got[0].body).request_id)).data.images.length, 1);          // by GET it is there
  assert.deepEqual(await told('success_then_failed'), ['OK', 'ERROR']);
  assert.deepEqual(await told('', 'duplicate'), ['OK', 'OK']);
  assert.deepEqual(await told('', 'lost'), []);
  assert.deepEqual(await told('', 'forged'), ['forged', 'OK']);
  assert.deepEqual(await told('', 'badsig'), ['forged', 'OK']);
  assert.deepEqual(await told('', 'stale'), ['OK', 'OK']);
  assert.deepEqual(at.got.map(n => Math.floor(sim.now() / 1000) - Number(n.headers['x-fal-webhook-timestamp'])), [301, 0]);
  assert.deepEqual(await told('', 'late'), []);
  await pass(30_000);
  assert.equal(at.got.length, 1);
  at.got.length = 0;
  sim.fault('submit', 'early_notice');
  const early = submit(undefined, { webhookUrl: `${at.url}/hook` });
  await until(() => at.got.length === 1);
  assert.equal(JSON.parse(at.got[0].body).request_id, (await early).request_id);
  // the keys change
  const old = await keys();
  sim.rotate();
  assert.deepEqual([await told(), verified(at.got[0], old), (await keys()).length], [['OK'], false, 2]);
  sim.rotate({ keep: false });
  assert.deepEqual([await told(), (await keys()).length], [['OK'], 1]);
  sim.rotate({ publish: false });
  assert.deepEqual(await told(), ['forged']);                            // nobody can know yet
});

test('fal simulator: a webhook is tried again ten times in two hours', async t => {
  const { at, sim, submit, pass } = await world(t, { say: () => 500 });
  await submit(undefined, { webhookUrl: `${at.url}/hook` });
  await pass(5000);
  assert.equal(at.got.length, 1);
  await pass(2 * HOUR - 1);
  assert.equal(at.got.length, 10);
  await pass(1);
  assert.equal(at.got.length, 11);
  await pass(24 * HOUR);
  assert.equal(at.got.length, 11);
  assert.equal(sim.notices[0].due_ms, null);
});

test('fal simulator: the vector of the contract', () => {
  const key = keyOf('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60'), id = '123e4567-e89b-12d3-a456-426614174000';
  const body = `{"request_id":"${id}","gateway_request_id":"${id}","status":"OK","payload":{"video":{"url":"https://v3.fal.media/files/x/out.mp4"}}}`;
  assert.deepEqual(jwkOf(key), { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' });
  assert.equal(webhookHeaders({ id, user: 'user_test', at_s: 1768465800, body, key })['X-Fal-Webhook-Signature'],
    '815b70b181dbe854aa4aed36c802044184d02b66cb2055799012b7fe856b797b40895054e97adebcffe8bb1740ed596eb54849dcbd07a6f9a36b17339118310b');
});

test('fal simulator: each fault of a call is seen, and has the effect it says', async t => {
  const { sim, call, submit, status, result, pass } = await world(t), is = (code, more = () => true) => a => a.status === code && JSON.parse(a.body).detail && more(a);
  await brokenCalls(sim, 'submit', () => call('POST', DRAW, { body: { prompt: 'x' } }), () => sim.tasks.size, {
    401: is(401), arrears: is(403), moderation: is(422, a => /content_policy_violation/.test(a.body) && a.headers.get('x-fal-retryable') === 'false'), 500: is(500), '500_after': is(500),
    429: is(429, a => !a.headers.has('retry-after')), '429_seconds': is(429, a => a.headers.get('retry-after') === '2'),
    '429_date': is(429, a => Math.abs(Date.parse(a.headers.get('retry-after')) - sim.now() - 2000) <= 1000) });
  const { request_id } = await submit();
  await pass(5000);
  for (const [op, path] of [['poll', '/status'], ['answer', '']]) {
    const seen = () => sim.calls.filter(c => c.op === op && c.status === 200).length;
    await brokenCalls(sim, op, () => call('GET', `${DRAW}/requests/${request_id}${path}`), seen, { 401: is(401), 500: is(500), 429: is(429) });
  }
  sim.fault('jwks', '500');
  assert.equal((await call('GET', '.well-known/jwks.json')).status, 500);
  // and by its own client, which asks again after 429, 502, 503, 504 and a connection that was cut
  hurry(t);
  for (const [kind, made] of [['429', 1], ['502', 1], ['reset', 1], ['504_after', 2], ['lost', 2]]) {
    const before = sim.tasks.size;
    sim.fault('submit', kind);
    await submit();
    assert.equal(sim.tasks.size - before, made, kind);                   // made twice, and nothing but our own webhook tells them apart
  }
  for (const [kind, code] of [['500', 500], ['500_after', 500], ['401', 401], ['arrears', 403], ['moderation', 422]]) {
    sim.fault('submit', kind);
    await assert.rejects(submit(), { status: code }, kind);
  }
  for (const kind of ['500', '502', '504_after', '429', 'lost']) {
    sim.fault('poll', kind);
    assert.equal((await status(request_id)).status, 'COMPLETED', kind);
  }
  sim.fault('answer', '500');
  await assert.rejects(result(request_id), { status: 500 });
  sim.fault('submit', 'refuse', 1, { status: 403, about: 'forbidden' });
  await submit();
  await assert.rejects(submit({ prompt: 'forbidden' }), { status: 403 });
  await assert.rejects(submit({ prompt: 'simulate-moderation' }), { status: 422 });
});

test('fal simulator: what befalls requests and results', async t => {
  const { sim, submit, status, result, pass, ask } = await world(t);
  hurry(t);                                                              // of 503 and 504 the client asks again
  const fate = async (kind, more = {}, input = { prompt: 'x' }) => { sim.fault('submit', kind, 1, more); const { request_id } = await submit(input); await pass(5000); return request_id; };
  const failed = async (code, type, ...a) => {
    const id = await fate(...a), s = await status(id);
    assert.deepEqual([s.status, s.error_type, typeof s.error], ['COMPLETED', type, 'string']);
    await assert.rejects(result(id), e => e.status === code && JSON.stringify(e.body).includes(type), type);
    return sim.calls.at(-1);
  };
  await failed(422, 'content_policy_violation', 'moderation_after');
  await failed(500, 'internal_server_error', 'failed');
  await failed(422, 'image_too_small', 'failed', { code: 'image_too_small' });
  await failed(503, 'runner_scheduling_failure', 'failed', { code: 'runner_scheduling_failure' });
  await failed(504, 'startup_timeout', 'expired');
  await failed(499, 'client_cancelled', 'cancelled');
  assert.equal(sim.bills.length, 0);
  assert.equal((await result(await fate('error_inside'))).data.error.message, 'generation failed');
  assert.deepEqual((await result(await fate('empty'))).data.images, []);
  assert.equal((await result(await fate('partial', {}, { prompt: 'x', num_images: 4 }))).data.images.length, 3);
  assert.equal((await status(await fate('odd_status'))).status, 'PONDERING');
  await assert.rejects(status(await fate('vanish')), { status: 404 });
  const twice = await fate('success_then_failed');
  assert.equal((await status(twice)).error, undefined);
  assert.equal((await result(twice)).data.images.length, 1);
  assert.equal((await status(twice)).error_type, 'runner_disconnected');
  await assert.rejects(result(twice), { status: 503 });
  const late = await fate('late', { seconds: 60 });
  assert.equal((await status(late)).status, 'IN_PROGRESS');
  await pass(60_000);
  assert.equal((await status(late)).error, undefined);
  const { request_id } = await submit();
  await ask('fate', { id: request_id, kind: 'failed', code: 'nsfw' });
  await ask('finish', { id: request_id });
  assert.equal((await status(request_id)).error_type, 'nsfw');
  await brokenResults(async kind => (await result(await fate(kind))).data.images[0].url);
  await ask('rotate', { keep: false });
  assert.equal((await ask('state')).said.tasks.length, sim.tasks.size);
});

test('fal simulator: by hand', async t => {
  const said = await byHand(t, 'tests/sim/fal.mjs', '--key=a:b', '--run-ms=1');
  assert.deepEqual([said.simulator, said.settings.ZOETROPE_FAL_KEY, said.settings.ZOETROPE_FAL_URL], ['Fal', 'a:b', said.url]);
  const queue = clientOf(said.url, 'a:b'), { request_id } = await queue.submit(DRAW, { input: { prompt: '<b>' } });
  await queue.subscribeToStatus(DRAW, { requestId: request_id, pollInterval: 20 });
  assert.equal((await queue.result(DRAW, { requestId: request_id })).data.images.length, 1);
  assert.match(await (await fetch(said.url)).text(), /no AI is at work here.*simulator\/portraits.*answer/s);
});
