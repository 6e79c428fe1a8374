// 67-engine-simulators-a-vmodel.test.mjs - the simulator of VModel, driven by calls written from the contract file: its maker has no client on npm.
// Nothing of ours takes part.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BASE, brokenCalls, brokenResults, byHand, control, download, place, time } from './lib/engines.mjs';
import { until } from './lib/server.mjs';
import { start } from './sim/engine.mjs';
import { clip, picture, probe, sha256 } from './sim/media.mjs';
import { VERSIONS, VModel } from './sim/vmodel.mjs';

const HOUR = 3_600_000, KEY = 'vm-test', [VIDEO, PHOTO] = Object.keys(VERSIONS);

async function world(t, { say, ...options } = {}) {
  const clock = time(t), photo = picture('photo', { width: 400, height: 600 }), film = clip('dance', { seconds: 3 });
  const at = await place(t, { '/p.png': photo, '/v.mp4': film }, say);
  const sim = await start(VModel, { key: KEY, now: clock.now, ...options }, t);
  const call = async (method, path, { key = KEY, body, headers = {} } = {}) => {
    const r = await fetch(`${sim.url}/api/tasks/v1/${path}`, { method, headers: { Authorization: `Bearer ${key}`, ...(body ? { 'Content-Type': 'application/json' } : {}), ...headers },
      body: typeof body === 'object' ? JSON.stringify(body) : body });
    return { status: r.status, headers: r.headers, body: await r.text() };
  };
  const json = async (...a) => { const r = await call(...a); return { status: r.status, ...JSON.parse(r.body) }; };
  const swap = (more = {}, input = {}) => ({ version: VIDEO, input: { source: `${at.url}/p.png`, target: `${at.url}/v.mp4`, ...input }, ...more });
  const submit = async (q = swap()) => (await json('POST', 'create', { body: q })).result?.task_id, get = async id => (await json('GET', `get/${id}`)).result;
  const pass = ms => clock.pass(sim, ms), done = async q => { const id = await submit(q); await pass(5000); return get(id); };
  return { sim, at, photo, film, call, json, swap, submit, get, pass, done, ask: control(sim) };
}

test('VModel simulator: a task from its creation to the end of its link', async t => {
  const { sim, at, photo, film, json, swap, get, pass, done } = await world(t);
  const made = await json('POST', 'create', { body: swap() }), id = made.result.task_id, states = [];
  assert.deepEqual(made, { status: 200, code: 200, result: { task_id: id, task_cost: 20 }, message: { en: 'Success' } });
  for (const ms of [999, 1, 3999, 1]) {
    await pass(ms);
    states.push((await get(id)).status);
  }
  assert.deepEqual(states, ['starting', 'processing', 'processing', 'succeeded']);
  assert.deepEqual(sim.inputs.map(i => [i.from, i.sha256]), [[`${at.url}/p.png`, sha256(photo)], [`${at.url}/v.mp4`, sha256(film)]]);
  const end = await get(id), file = await download(end.output[0]), s = BASE / 1000;
  assert.deepEqual(end, { task_id: id, user_id: 1, version: VIDEO, error: null, total_time: 5, predict_time: 4, logs: null, output: end.output, status: 'succeeded', create_at: s, completed_at: s + 5 });
  assert.deepEqual([file.type, probe(file.bytes).seconds, sha256(file.bytes)], ['video/mp4', 3, sim.tasks.get(id).results[0].sha256]);
  const photos = await done({ version: PHOTO, input: { swap_image: `${at.url}/p.png`, target_image: `${at.url}/p.png`, disable_safety_checker: false } });
  assert.equal(probe((await download(photos.output[0])).bytes).type, 'image/png');
  assert.deepEqual(sim.billed, { 'video-face-swap': 20, 'photo-face-swap-pro': 2 });
  await pass(24 * HOUR);
  assert.equal((await download(end.output[0])).status, 403);
});

test('VModel simulator: what it does not take, with a status or without', async t => {
  for (const refusals of ['http', '200'])
    await t.test(refusals, async t => {
      const { sim, at, call, json, swap, done } = await world(t, { refusals }), photo = `${at.url}/p.png`;
      const no = async (code, a) => assert.deepEqual([(await a).status, (await a).code, (await a).result, typeof (await a).message.en], [refusals === '200' ? 200 : code, code, null, 'string']);
      await no(401, json('POST', 'create', { body: swap(), key: 'other' }));
      await no(401, json('GET', 'get/x', { headers: { Authorization: KEY } }));
      await no(404, json('GET', 'get/00'));
      await no(404, json('POST', 'cancel', { body: {} }));
      for (const q of ['{', swap({ version: 'f'.repeat(64) }), swap({ version: undefined }), swap({ input: undefined }), swap({ webhook_url: 'nowhere' }), swap({ stray: 1 }), swap({}, { source: undefined }), swap({}, { keep_fps: 'yes' }),
        swap({}, { face: photo }), swap({}, { source: 'data:image/png;base64,AAAA' }), swap({}, { source: 'ftp://h/x' })]) await no(400, json('POST', 'create', { body: q }));
      assert.equal((await call('POST', 'create', { body: JSON.stringify(swap()), headers: { 'Content-Type': 'text/plain' } })).status, refusals === '200' ? 200 : 400);
      assert.equal(sim.tasks.size, 0);
      for (const [input, error] of [[{ source: `${at.url}/none` }, 'source cannot be downloaded'], [{ target: photo }, 'target is not supported']]) {
        const end = await done(swap({}, input));
        assert.deepEqual([end.status, end.error, end.output], ['failed', error, null]);
      }
      assert.equal(sim.bills.length, 0);
    });
});

test('VModel simulator: webhooks, which nobody signs', async t => {
  const { sim, at, swap, submit, get, pass } = await world(t), webhook_url = `${at.url}/hook/unguessable`;
  const told = async (kind = '', trouble = '', more = {}) => {
    at.got.length = 0;
    if (kind) sim.fault('submit', kind, 1, more);
    if (trouble) sim.trouble({ kind: trouble, seconds: 30 });
    const id = await submit(swap({ webhook_url }));
    await pass(5000);
    return at.got.map(n => { const e = JSON.parse(n.body); return (e.result ?? e).task_id === id ? (e.result ?? e).status : 'another'; });
  };
  assert.deepEqual(await told(), ['succeeded']);
  const { body, path, headers } = at.got[0];
  assert.deepEqual([JSON.parse(body), path, Object.keys(headers).filter(h => /sign/.test(h))], [await get(JSON.parse(body).task_id), '/hook/unguessable', []]);
  assert.deepEqual(await told('failed'), ['failed']);
  assert.deepEqual(await told('success_then_failed'), ['succeeded', 'failed']);
  assert.deepEqual(await told('', 'inside'), ['succeeded']);
  assert.equal(JSON.parse(at.got[0].body).code, 200);
  assert.deepEqual(await told('', 'duplicate'), ['succeeded', 'succeeded']);
  assert.deepEqual(await told('', 'lost'), []);
  assert.deepEqual(await told('', 'forged'), ['succeeded', 'succeeded']);
  assert.notEqual(at.got[0].body, at.got[1].body);                      // and who could tell
  assert.deepEqual(await told('', 'late'), []);
  await pass(30_000);
  assert.equal(at.got.length, 1);
  at.got.length = 0;
  sim.fault('submit', 'early_notice');
  const early = submit(swap({ webhook_url }));
  await until(() => at.got.length === 1);
  assert.equal(JSON.parse(at.got[0].body).task_id, await early);
});

test('VModel simulator: a webhook is tried three times more', async t => {
  const { at, swap, submit, pass } = await world(t, { say: () => 500 });
  await submit(swap({ webhook_url: `${at.url}/hook` }));
  await pass(5000);
  const came = [at.got.length];
  for (const ms of [5000, 15_000, 45_000, 24 * HOUR]) {
    await pass(ms);
    came.push(at.got.length);
  }
  assert.deepEqual(came, [1, 2, 3, 4, 4]);
});

test('VModel simulator: each fault of a call is seen, and has the effect it says', async t => {
  const { sim, call, json, swap, submit } = await world(t), is = (status, more = () => true) => a => a.status === status && JSON.parse(a.body).code === status && more(a);
  await brokenCalls(sim, 'submit', () => call('POST', 'create', { body: swap() }), () => sim.tasks.size, { 401: is(401), arrears: is(402), moderation: is(400), 500: is(500), '500_after': is(500),
    429: is(429, a => !a.headers.has('retry-after')), '429_seconds': is(429, a => a.headers.get('retry-after') === '2'), '429_date': is(429, a => Math.abs(Date.parse(a.headers.get('retry-after')) - sim.now() - 2000) <= 1000) });
  const id = await submit(), seen = () => sim.calls.filter(c => c.op === 'poll' && c.status === 200).length;
  await brokenCalls(sim, 'poll', () => call('GET', `get/${id}`), seen, { 401: is(401), 500: is(500), 429: is(429) });
  sim.fault('submit', 'refuse', 1, { status: 403, about: 'forbidden' });
  assert.equal((await json('POST', 'create', { body: swap() })).code, 200);
  assert.equal((await json('POST', 'create', { body: swap({}, { source: 'http://h/forbidden.png' }) })).code, 403);
  assert.equal((await json('POST', 'create', { body: swap({}, { source: 'http://h/p.png?simulate-arrears' }) })).code, 402);
  sim.refusals = '200';
  sim.fault('submit', 'arrears');
  assert.deepEqual(await json('POST', 'create', { body: swap() }), { status: 200, code: 402, result: null, message: { en: 'Insufficient credits' } });
});

test('VModel simulator: what befalls tasks and results', async t => {
  const { sim, json, submit, get, pass, ask } = await world(t);
  const fate = async (kind, more = {}) => { sim.fault('submit', kind, 1, more); const id = await submit(); await pass(5000); return id; };
  const said = async (...a) => { const r = await get(await fate(...a)); return [r.status, r.error, r.output?.length ?? null]; };
  assert.deepEqual(await said('moderation_after'), ['failed', 'NSFW content detected', null]);
  assert.deepEqual(await said('failed', { code: 'no face found' }), ['failed', 'no face found', null]);
  assert.deepEqual(await said('cancelled'), ['canceled', null, null]);
  assert.equal(sim.bills.length, 0);
  assert.deepEqual(await said('error_inside'), ['succeeded', 'output could not be saved', null]);
  assert.deepEqual(await said('empty'), ['succeeded', null, 0]);
  assert.deepEqual(await said('partial'), ['succeeded', null, 0]);
  assert.deepEqual(await said('odd_status'), ['pondering', null, 1]);
  assert.equal((await json('GET', `get/${await fate('vanish')}`)).code, 404);
  assert.equal(sim.bills.length, 5);
  const twice = await fate('success_then_failed');
  assert.deepEqual([(await get(twice)).status, (await get(twice)).status], ['succeeded', 'failed']);
  const late = await fate('late', { seconds: 60 });
  assert.equal((await get(late)).status, 'processing');
  await pass(60_000);
  assert.equal((await get(late)).status, 'succeeded');
  const id = await submit();
  await ask('fate', { id, kind: 'failed', code: 'E1' });
  await ask('finish', { id });
  assert.equal((await get(id)).error, 'E1');
  await brokenResults(async kind => (await get(await fate(kind))).output[0]);
  assert.equal((await ask('state')).said.tasks.length, sim.tasks.size);
});

test('VModel simulator: by hand', async t => {
  const said = await byHand(t, 'tests/sim/vmodel.mjs', '--key=abc', '--refusals=200');
  assert.deepEqual([said.simulator, said.settings.ZOETROPE_VMODEL_KEY, said.settings.ZOETROPE_VMODEL_URL], ['VModel', 'abc', said.url]);
  const r = await fetch(`${said.url}/api/tasks/v1/get/00`, { headers: { Authorization: 'Bearer abc' } });
  assert.deepEqual([r.status, (await r.json()).code], [200, 404]);
  assert.match(await (await fetch(said.url)).text(), /no AI is at work here.*poll/s);
});
