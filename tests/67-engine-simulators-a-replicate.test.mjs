// 67-engine-simulators-a-replicate.test.mjs - the simulator of Replicate, driven by Replicate's own client, unmodified: what it believes of the real thing
// it must find here, and each fault that can be ordered must be seen by it. Nothing of ours takes part.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import Replicate, { validateWebhook } from 'replicate';
import { brokenCalls, brokenResults, byHand, control, download, place, time } from './lib/engines.mjs';
import { until } from './lib/server.mjs';
import { start } from './sim/engine.mjs';
import { clip, picture, probe, sha256 } from './sim/media.mjs';
import { Replicate as Simulator, versionOf, webhookHeaders } from './sim/replicate.mjs';

const HOUR = 3_600_000, KEY = 'r8_test', SECRET = `whsec_${Buffer.from('a secret of some length').toString('base64')}`, PORTRAITS = 'simulator/portraits', SWAP = 'arabyai-replicate/roop_face_swap';

async function world(t, { say, ...options } = {}) {
  const clock = time(t), photo = picture('photo', { width: 400, height: 600 }), film = clip('dance', { seconds: 3 });
  const at = await place(t, { '/p.png': photo, '/v.mp4': film }, say);
  const sim = await start(Simulator, { key: KEY, secret: SECRET, now: clock.now, ...options }, t);
  const replicate = new Replicate({ auth: KEY, baseUrl: `${sim.url}/v1`, useFileOutput: false, ...options.client });
  const draw = (input = {}, more = {}) => replicate.predictions.create({ model: PORTRAITS, input: { prompt: 'a cat', ...input }, ...more });
  const swap = (more = {}) => replicate.predictions.create({ version: versionOf(SWAP), input: { target_video: `${at.url}/v.mp4`, swap_image: `${at.url}/p.png` }, ...more });
  const get = id => replicate.predictions.get(id), pass = ms => clock.pass(sim, ms);
  const done = async made => { const { id } = await made; await pass(5000); return get(id); };
  const call = async (method, path, { key = KEY, body, headers = {} } = {}) => {
    const r = await fetch(`${sim.url}/v1/${path}`, { method, headers: { Authorization: `Bearer ${key}`, ...(body ? { 'Content-Type': 'application/json' } : {}), ...headers }, body: body && JSON.stringify(body) });
    return { status: r.status, headers: r.headers, body: await r.text() };
  };
  const refused = (promise, status) => assert.rejects(promise, e => { assert.equal(e.response?.status, status, e.stack); assert.match(e.message, /"detail":/); return true; });
  return { sim, at, photo, film, replicate, draw, swap, get, pass, done, call, refused, ask: control(sim) };
}
/** The client waits half a second and more before it tries again: here it does not. */
function hurry(t) {
  const wait = setTimeout;
  t.mock.method(globalThis, 'setTimeout', (f, ms, ...a) => wait(f, Math.min(ms, 1), ...a));
}

test('Replicate simulator: a prediction from its creation to the end of its data', async t => {
  const { sim, at, photo, film, replicate, swap, get, pass } = await world(t);
  const p = await swap(), states = [];
  assert.equal(sim.calls.at(-1).status, 201);
  assert.deepEqual([p.status, p.model, p.version, p.output, p.error, p.data_removed, p.source, p.metrics, p.started_at, p.deadline], ['starting', SWAP, versionOf(SWAP), null, null, false, 'api', {}, null, null]);
  assert.deepEqual([p.created_at, p.urls.get, p.urls.cancel], ['2026-01-15T08:30:00.000000000Z', `${sim.url}/v1/predictions/${p.id}`, `${sim.url}/v1/predictions/${p.id}/cancel`]);
  for (const ms of [999, 1, 3999, 1]) {
    await pass(ms);
    states.push((await get(p.id)).status);
  }
  assert.deepEqual(states, ['starting', 'processing', 'processing', 'succeeded']);
  assert.deepEqual(sim.inputs.map(i => [i.from, i.sha256]), [[`${at.url}/v.mp4`, sha256(film)], [`${at.url}/p.png`, sha256(photo)]]);
  const end = await get(p.id), file = await download(end.output);
  assert.deepEqual([end.metrics, typeof end.output, file.type, probe(file.bytes).seconds], [{ predict_time: 4, total_time: 5 }, 'string', 'video/mp4', 3]);
  assert.equal(sim.tasks.get(p.id).results[0].sha256, sha256(file.bytes));
  assert.deepEqual(sim.billed, { [SWAP]: 110_000 });                    // by the run
  assert.equal((await replicate.wait(p, {})).id, p.id);
  await pass(HOUR - 1);
  assert.equal((await get(p.id)).data_removed, false);
  assert.equal((await download(end.output)).status, 200);
  await pass(1);
  const gone = await get(p.id);
  assert.deepEqual([gone.data_removed, gone.output, gone.input, gone.status], [true, null, {}, 'succeeded']);
  assert.equal((await download(end.output)).status, 403);
});

test('Replicate simulator: models by version, name and deployment; shapes of output; seeds', async t => {
  const { sim, replicate, draw, done, refused, at } = await world(t, { deployments: { 'us/fast': PORTRAITS } }), bytes = async url => (await download(url)).bytes;
  const four = await done(draw({ n: 4, seed: 7 }));
  assert.equal(new Set((await Promise.all(four.output.map(bytes))).map(sha256)).size, 4);
  assert.notDeepEqual(await bytes((await done(draw({ n: 1, seed: 7 }))).output[0]), await bytes(four.output[0]));      // n is an input like any other
  assert.deepEqual(await bytes((await done(draw({ n: 4, seed: 7 }))).output[2]), await bytes(four.output[2]));
  assert.notDeepEqual(await bytes((await done(draw())).output[0]), await bytes((await done(draw())).output[0]));
  assert.equal((await done(replicate.deployments.predictions.create('us', 'fast', { input: { prompt: 'x' } }))).status, 'succeeded');
  assert.equal((await done(replicate.predictions.create({ version: `${PORTRAITS}:${versionOf(PORTRAITS)}`, input: { prompt: 'x' } }))).status, 'succeeded');
  assert.equal((await done(replicate.predictions.create({ version: PORTRAITS, input: { prompt: 'x' } }))).status, 'succeeded');
  const pair = { target_image: `${at.url}/p.png`, source_image: `${at.url}/p.png` };
  assert.equal((await done(replicate.predictions.create({ version: versionOf('yan-ops/face_swap'), input: pair }))).output.code, 200);
  for (const [as, is] of [['string', o => typeof o === 'string'], ['array', Array.isArray], ['object', o => o.image]]) {
    sim.fault('submit', 'shape', 1, { as });
    assert.ok(is((await done(draw())).output), as);
  }
  await refused(replicate.predictions.create({ version: 'f'.repeat(64), input: {} }), 422);
  await refused(replicate.predictions.create({ version: SWAP, input: {} }), 422);                // not official
  await refused(replicate.predictions.create({ model: 'no/body', input: {} }), 404);
  await refused(replicate.deployments.predictions.create('us', 'slow', { input: {} }), 404);
  for (const input of [{ prompt: undefined }, { prompt: 1 }, { n: '4' }, { colour: 'red' }, { image: 'ftp://h/x' }, { image: `data:image/png;base64,${'A'.repeat(256 << 10)}` }]) await refused(draw(input), 422);
  for (const more of [{ webhook: 'http://example.com/x' }, { webhook: 'https://h/x', webhook_events_filter: ['end'] }, { stray: 1 }]) await refused(draw({}, more), 422);
  await refused(replicate.predictions.get('nobody'), 404);
  await refused(new Replicate({ auth: 'r8_other', baseUrl: `${sim.url}/v1` }).predictions.list(), 401);
});

test('Replicate simulator: waiting, deadlines, cancel', async t => {
  const { sim, draw, get, pass, done, call, replicate } = await world(t), body = { input: { prompt: 'x' } }, path = `models/${PORTRAITS}/predictions`;
  const long = draw({}, { wait: 2 });
  await until(() => sim.holding === 1);
  await pass(2000);
  assert.equal((await long).status, 'processing');                      // it took longer than was waited
  const short = draw({}, { wait: true });
  await until(() => sim.holding === 1);
  await pass(5000);
  assert.equal((await short).status, 'succeeded');
  const run = replicate.run(PORTRAITS, { input: { prompt: 'run' } });
  await until(() => sim.tasks.size === 3);
  await pass(5000);
  assert.match((await run)[0], /^http:/);
  const made = async headers => { const a = await call('POST', path, { body, headers }); return [a.status, JSON.parse(a.body)]; };
  for (const headers of [{ Prefer: 'wait=61' }, { Prefer: 'wait=0' }, { 'Cancel-After': '4s' }, { 'Cancel-After': 'soon' }]) assert.equal((await made(headers))[0], 422, JSON.stringify(headers));
  const bills = () => sim.bills.length, before = bills(), [, p] = await made({ 'Cancel-After': '1m30s' });
  assert.equal(Date.parse(p.deadline) - Date.parse(p.created_at), 90_000);
  sim.fault('submit', 'late', 1, { seconds: 600 });
  const [, slow] = await made({ 'Cancel-After': '5s' });
  await pass(5000);
  const cut = await get(slow.id);
  assert.deepEqual([cut.status, cut.metrics.predict_time, cut.output], ['canceled', 4, null]);
  assert.equal(bills() - before, 2);                                    // time used is paid for
  sim.queue_ms = 10_000;
  const [, never] = await made({ 'Cancel-After': '5s' });
  await pass(5000);
  const aborted = await get(never.id);
  assert.deepEqual([aborted.status, aborted.started_at, aborted.metrics.predict_time], ['aborted', null, undefined]);
  sim.queue_ms = 1000;
  assert.equal(bills() - before, 2);
  const a = await draw(), b = await draw();
  assert.equal((await replicate.predictions.cancel(a.id)).status, 'canceled');
  await pass(3000);
  const canceled = await replicate.predictions.cancel(b.id);
  assert.deepEqual([canceled.status, canceled.metrics.predict_time], ['canceled', 2]);
  assert.equal(bills() - before, 3);
  const ended = await done(draw());
  assert.equal((await replicate.predictions.cancel(ended.id)).status, 'succeeded');
  sim.fault('submit', 'late', 1, { seconds: 7200 });
  const { id } = await draw();
  await pass(1000 + 30 * 60_000);
  assert.deepEqual([(await get(id)).status, (await get(id)).error], ['failed', 'Prediction timed out after 30 minutes']);
});

test('Replicate simulator: the list, a page at a time', async t => {
  const { sim, replicate, draw } = await world(t), ids = [];
  for (let i = 0; i < 102; i++) ids.unshift((await draw({ seed: i })).id);
  sim.tasks.get(ids[5]).fate = { kind: 'vanish' };
  const first = await replicate.predictions.list();
  assert.deepEqual([first.previous, first.results.length, first.results[0].input], [null, 100, { prompt: 'a cat', seed: 101 }]);
  const pages = [];
  for await (const page of replicate.paginate(replicate.predictions.list)) pages.push(page);
  assert.deepEqual(pages.flat().map(p => p.id), ids.filter((_, i) => i !== 5));
});

test('Replicate simulator: files', async t => {
  const { sim, photo, replicate, draw, done, get, pass, refused } = await world(t);
  const f = await replicate.files.create(new Blob([photo], { type: 'image/png' }), { ours: 'job-1' });
  assert.deepEqual([f.size, f.content_type, f.metadata, f.checksums.sha256, f.urls.get], [photo.length, 'image/png', { ours: 'job-1' }, sha256(photo), `${sim.url}/v1/files/${f.id}`]);
  assert.equal(Date.parse(f.expires_at) - Date.parse(f.created_at), 24 * HOUR);
  const p = await done(draw({ image: f.urls.get }));
  assert.deepEqual([p.status, sim.tasks.get(p.id).media.image.sha256], ['succeeded', sha256(photo)]);
  const direct = await done(draw({ image: photo }));                    // its client uploads what is no link
  assert.equal(sim.tasks.get(direct.id).media.image.sha256, sha256(photo));
  assert.equal((await replicate.files.list()).results.length, 2);
  assert.equal((await replicate.files.get(f.id)).id, f.id);
  assert.equal(await replicate.files.delete(f.id), true);
  assert.equal(sim.calls.at(-1).status, 204);
  await refused(replicate.files.get(f.id), 404);
  assert.match((await done(draw({ image: f.urls.get }))).error, /^Failed to download image/);
  assert.equal((await done(draw({ image: `data:image/png;base64,${photo.toString('base64')}` }))).status, 'succeeded');
  const second = (await replicate.files.list()).results[0];
  await pass(24 * HOUR);
  await refused(replicate.files.get(second.id), 404);
  assert.equal((await get(p.id)).data_removed, true);
});

test('Replicate simulator: inputs that cannot be had or read fail the prediction, and cost what was used', async t => {
  const { sim, at, draw, done } = await world(t);
  at.files['/x'] = Buffer.from('neither');
  assert.match((await done(draw({ image: `${at.url}/x` }))).error, /^cannot identify image/);
  const p = await done(draw({ image: `${at.url}/none` }));
  assert.deepEqual([p.status, p.error, p.output, sim.inputs.at(-1).status], ['failed', 'Failed to download image: 404', null, 404]);
  assert.match((await done(draw({ image: 'http://127.0.0.1:1/x.png' }))).error, /connection error/);
  assert.equal(sim.bills.length, 0);                                    // it ended as it began
});

test('Replicate simulator: webhooks, signed as its own client verifies them', async t => {
  const { sim, at, replicate, draw, get, pass } = await world(t), webhook = `${at.url}/hook?attempt=1`;
  const { key } = await replicate.webhooks.default.secret.get();
  assert.equal(key, SECRET);
  const hear = async n => (await validateWebhook({ headers: n.headers, body: n.body }, key)) && JSON.parse(n.body);
  const told = async (more = {}, kind = '', trouble = '') => {
    at.got.length = 0;
    if (kind) sim.fault('submit', kind);
    if (trouble) sim.trouble({ kind: trouble, type: 'completed', seconds: 30 });
    const p = await draw({}, { webhook, ...more });
    await pass(5000);
    return Promise.all(at.got.map(async n => { const e = await hear(n); return e ? (e.id === p.id ? e.status : 'another') : 'forged'; }));
  };
  assert.deepEqual(await told(), ['processing', 'succeeded']);
  assert.deepEqual(JSON.parse(at.got[1].body), await get(JSON.parse(at.got[1].body).id));           // the same object as GET
  assert.equal(at.got[0].path, '/hook?attempt=1');
  assert.deepEqual(await told({ webhook_events_filter: ['completed'] }), ['succeeded']);
  assert.deepEqual(await told({ webhook_events_filter: ['start', 'output', 'completed'] }), ['processing', 'processing', 'succeeded']);
  assert.deepEqual(await told({ webhook_events_filter: [] }), []);
  assert.deepEqual(await told({}, 'failed'), ['failed']);
  assert.deepEqual(await told({}, 'backwards'), ['processing', 'succeeded']);                       // nobody asked for "start"
  assert.deepEqual(await told({ webhook_events_filter: ['start', 'completed'] }, 'backwards'), ['processing', 'succeeded', 'processing']);
  assert.deepEqual(await told({}, 'success_then_failed'), ['processing', 'succeeded', 'failed']);
  assert.deepEqual(await told({}, '', 'duplicate'), ['processing', 'succeeded', 'succeeded']);
  assert.equal(at.got[1].headers['webhook-id'], at.got[2].headers['webhook-id']);
  assert.deepEqual(await told({}, '', 'lost'), ['processing']);
  assert.deepEqual(await told({}, '', 'forged'), ['processing', 'forged', 'succeeded']);
  assert.deepEqual(await told({}, '', 'badsig'), ['processing', 'forged', 'succeeded']);
  assert.deepEqual(await told({}, '', 'stale'), ['processing', 'succeeded', 'succeeded']);          // its client does not look at the time
  assert.deepEqual(at.got.map(n => Math.floor(sim.now() / 1000) - Number(n.headers['webhook-timestamp'])), [0, 301, 0]);
  assert.deepEqual(await told({}, '', 'second'), ['processing', 'succeeded']);
  assert.deepEqual(at.got.map(n => n.headers['webhook-signature'].split(' ').length), [1, 2]);
  assert.deepEqual(await told({}, '', 'late'), ['processing']);
  await pass(29_999);
  assert.equal(at.got.length, 1);
  await pass(1);
  assert.equal(at.got.length, 2);
  at.got.length = 0;
  sim.fault('submit', 'early_notice');
  const early = draw({}, { webhook, webhook_events_filter: ['completed'] });
  await until(() => at.got.length === 1);
  assert.equal((await hear(at.got[0])).id, (await early).id);
  // while one secret replaces the other
  sim.secret = `${SECRET},whsec_${Buffer.from('the next one, as long').toString('base64')}`;
  assert.deepEqual(await told(), ['processing', 'succeeded']);
  assert.equal(at.got[1].headers['webhook-signature'].split(' ').length, 2);
});

test('Replicate simulator: only the end is told again, for about a minute', async t => {
  const { sim, at, draw, pass } = await world(t, { say: () => 500 }), made_ms = [];
  await draw({}, { webhook: `${at.url}/hook` });
  await pass(5000);
  assert.equal(at.got.length, 2);
  for (const s of [2, 4, 8, 16, 30]) {
    await pass(s * 1000 - 1);
    made_ms.push(at.got.length);
    await pass(1);
  }
  assert.deepEqual([made_ms, at.got.length], [[2, 3, 4, 5, 6], 7]);
  await pass(HOUR);
  assert.equal(at.got.length, 7);
  assert.equal(new Set(at.got.slice(1).map(n => n.headers['webhook-id'])).size, 1);
});

test('Replicate simulator: both vectors of the contract', () => {
  const a = webhookHeaders({ id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', at_s: 1614265330, body: '{"test": 2432232314}', secrets: ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'] });
  assert.equal(a['webhook-signature'], 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
  const b = webhookHeaders({ id: 'msg_2KWPBgLlAfxdpx2AI54pPJ85f4W', at_s: 1674087231, secrets: ['whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD'],
    body: '{"id":"ufawqhfynnddngldkgtslldrkq","status":"succeeded","output":["https://replicate.delivery/xyz/out.mp4"],"error":null}' });
  assert.equal(b['webhook-signature'], 'v1,14MDSyhq6IutGR0E2qM4LkI2MYyyiciwj2VfNx1p/c4=');
});

test('Replicate simulator: each fault of a call is seen, and has the effect it says', async t => {
  const { sim, call, draw, get, refused } = await world(t), body = { input: { prompt: 'x', n: 2 } }, is = (status, more = () => true) => a => a.status === status && JSON.parse(a.body).detail && more(a);
  await brokenCalls(sim, 'submit', async () => { const a = await call('POST', `models/${PORTRAITS}/predictions`, { body }); return { ...a, status: a.status === 201 ? 200 : a.status }; }, () => sim.tasks.size, {
    401: is(401), arrears: is(402), moderation: is(422, a => /E005/.test(a.body)), 500: is(500), '500_after': is(500), 429: is(429, a => !a.headers.has('retry-after') && /throttled/.test(a.body)),
    '429_seconds': is(429, a => a.headers.get('retry-after') === '2'), '429_date': is(429, a => Math.abs(Date.parse(a.headers.get('retry-after')) - sim.now() - 2000) <= 1000) });
  sim.fault('submit', '429', 1, { code: 'Your rate limit resets in ~30s' });
  assert.match((await call('POST', `models/${PORTRAITS}/predictions`, { body })).body, /resets in ~30s/);
  const { id } = await draw(), looks = () => sim.calls.filter(c => c.op === 'poll' && c.status === 200).length;
  await brokenCalls(sim, 'poll', () => call('GET', `predictions/${id}`), looks, { 401: is(401), 500: is(500), 429: is(429) });
  // and by its own client, which asks again after 429, and after 5xx when it only looks
  hurry(t);
  const before = sim.tasks.size;
  for (const kind of ['429', '429_seconds', '429_date']) {
    sim.fault('submit', kind);
    await draw();
  }
  assert.equal(sim.tasks.size - before, 3);
  for (const [kind, status] of [['500', 500], ['500_after', 500], ['502', 502], ['504_after', 504], ['401', 401], ['arrears', 402], ['moderation', 422]]) {
    sim.fault('submit', kind);
    await assert.rejects(draw(), e => e.response.status === status, kind);
  }
  assert.equal(sim.tasks.size - before, 5);
  for (const kind of ['500', '502', '504_after', '429']) {
    sim.fault('poll', kind);
    assert.equal((await get(id)).id, id, kind);
  }
  sim.fault('submit', 'refuse', 1, { status: 404, about: 'forbidden' });
  await draw();
  await refused(draw({ prompt: 'forbidden' }), 404);
  await refused(draw({ prompt: 'simulate-arrears' }), 402);
});

test('Replicate simulator: a connection that is cut after a submit, and what its own client makes of it', async t => {
  const { sim, draw } = await world(t);
  hurry(t);
  sim.fault('submit', 'lost');
  await draw();
  assert.equal(sim.tasks.size, 2);                                      // it asks again: made twice, and nothing that tells them apart but our own webhook
});

test('Replicate simulator: calls a minute', async t => {
  const { sim, call, pass } = await world(t, { create_rpm: 2, other_rpm: 3 }), create = () => call('POST', `models/${PORTRAITS}/predictions`, { body: { input: { prompt: 'x' } } });
  assert.deepEqual([(await create()).status, (await create()).status], [201, 201]);
  const no = await create();
  assert.deepEqual([no.status, JSON.parse(no.body).detail, no.headers.get('retry-after')], [429, 'Request was throttled. Expected available in 1 second.', '1']);
  for (const status of [200, 200, 200, 429]) assert.equal((await call('GET', 'predictions')).status, status);
  await pass(60_000);
  assert.deepEqual([(await create()).status, (await call('GET', 'predictions')).status, sim.tasks.size], [201, 200, 3]);
});

test('Replicate simulator: what befalls predictions and results', async t => {
  const { sim, draw, get, pass, ask, refused } = await world(t);
  const fate = async (kind, more = {}, input = {}) => { sim.fault('submit', kind, 1, more); const { id } = await draw(input); await pass(5000); return id; };
  const said = async (...a) => { const p = await get(await fate(...a)); return [p.status, p.error, p.output?.length ?? null]; };
  assert.deepEqual(await said('moderation_after'), ['failed', 'NSFW content detected. Try running it again, or try a different prompt.', null]);
  assert.deepEqual(await said('moderation_after', { code: 'flagged as sensitive (E005)' }), ['failed', 'flagged as sensitive (E005)', null]);
  assert.deepEqual(await said('failed'), ['failed', 'CUDA out of memory', null]);
  assert.deepEqual(await said('error_inside'), ['succeeded', 'Some outputs could not be saved', null]);
  assert.deepEqual(await said('empty'), ['succeeded', null, null]);
  assert.deepEqual(await said('partial', {}, { n: 4 }), ['succeeded', null, 3]);
  assert.deepEqual(await said('cancelled'), ['canceled', null, null]);
  assert.deepEqual(await said('odd_status'), ['pondering', null, 1]);
  const before = sim.bills.length;
  assert.deepEqual(await said('expired'), ['aborted', null, null]);
  assert.equal(sim.bills.length, before);
  await refused(get(await fate('vanish')), 404);
  assert.equal(sim.bills.length, before + 1);
  const twice = await fate('success_then_failed');
  assert.deepEqual([(await get(twice)).status, (await get(twice)).status], ['succeeded', 'failed']);
  const late = await fate('late', { seconds: 60 });
  assert.equal((await get(late)).status, 'processing');
  await pass(60_000);
  assert.equal((await get(late)).status, 'succeeded');
  const { id } = await draw();
  await ask('fate', { id, kind: 'failed', code: 'E1' });
  await ask('finish', { id });
  assert.equal((await get(id)).error, 'E1');
  await brokenResults(async kind => (await get(await fate(kind))).output[0]);
  assert.equal((await ask('state')).said.tasks.length, sim.tasks.size);
});

test('Replicate simulator: by hand', async t => {
  const said = await byHand(t, 'tests/sim/replicate.mjs', '--key=r8_hand', '--run-ms=1');
  assert.deepEqual([said.simulator, said.settings.ZOETROPE_REPLICATE_KEY, said.settings.ZOETROPE_REPLICATE_URL], ['Replicate', 'r8_hand', `${said.url}/v1`]);
  const hand = new Replicate({ auth: 'r8_hand', baseUrl: `${said.url}/v1`, useFileOutput: false });
  assert.match((await hand.run(PORTRAITS, { input: { prompt: '<b>' } }))[0], /^http:/);
  assert.match(await (await fetch(said.url)).text(), /no AI is at work here.*simulator\/portraits.*submit/s);
});
