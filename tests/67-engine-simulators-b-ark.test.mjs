// 67-engine-simulators-b-ark.test.mjs - the simulator of Volcengine Ark, by calls written from the contract: there is no client of it on npm.
// Nothing of ours takes part.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { brokenCalls, brokenResults, byHand, control, download, place, time } from './lib/engines.mjs';
import { until } from './lib/server.mjs';
import { Ark } from './sim/ark.mjs';
import { start } from './sim/engine.mjs';
import { picture, probe } from './sim/media.mjs';

const DAY = 86_400_000, SEEDREAM = 'doubao-seedream-4-0-250828', OLD = 'doubao-seedream-3-0-t2i-250415', SEEDANCE = 'doubao-seedance-1-0-pro-250528';

async function world(t, { say, ...options } = {}) {
  const clock = time(t), sim = await start(Ark, { key: 'ark-1', now: clock.now, ...options }, t), files = await place(t, { '/photo.png': picture('photo'), '/end.png': picture('end') }, say);
  const call = async (method, path, body, headers = {}) => {
    const r = await fetch(`${sim.url}/api/v3${path}`, { method, headers: { Authorization: 'Bearer ark-1', ...(body ? { 'Content-Type': 'application/json' } : {}), ...headers }, body: body && JSON.stringify(body) });
    return { status: r.status, headers: r.headers, body: await r.text() };
  };
  const json = async (...a) => { const r = await call(...a); return { status: r.status, ...JSON.parse(r.body) }; };
  const draw = (more = {}) => json('POST', '/images/generations', { model: SEEDREAM, prompt: 'a red kite', ...more });
  const text = t => ({ type: 'text', text: t }), image = (role, name = 'photo', url = `${files.url}/${name}.png`) => ({ type: 'image_url', image_url: { url }, ...(role ? { role } : {}) });
  const submit = (more = {}) => json('POST', '/contents/generations/tasks', { model: SEEDANCE, content: [text('the kite flies'), image()], seed: 11, ...more });
  const look = id => json('GET', `/contents/generations/tasks/${id}`), pass = ms => clock.pass(sim, ms);
  return { sim, files, call, json, draw, submit, look, pass, text, image, ask: control(sim), heard: () => files.got.map(n => JSON.parse(n.body).status) };
}
const code = r => [r.status, r.error?.code];

test('Ark simulator: who may ask, and for what', async t => {
  const { sim, call, draw, submit } = await world(t, { closed: ['doubao-seedream-5-0'], rpm: 3 });
  for (const headers of [{ Authorization: 'Bearer other' }, { Authorization: 'ark-1' }, { Authorization: '' }]) {
    const r = await call('GET', '/contents/generations/tasks', undefined, headers), { error } = JSON.parse(r.body);
    assert.deepEqual([r.status, error.code, error.type, typeof error.message, error.param], [401, 'AuthenticationError', 'Unauthorized', 'string', '']);
  }
  assert.deepEqual(code(await draw({ model: 'gpt' })), [404, 'InvalidEndpointOrModel.NotFound']);
  assert.deepEqual(code(await draw({ model: 'doubao-seedream-5-0' })), [404, 'ModelNotOpen']);
  assert.deepEqual(code(await draw({ model: undefined })), [400, 'MissingParameter']);
  assert.equal((await call('POST', '/chat/completions', {})).status, 404);
  assert.equal((await call('POST', '/images/generations', undefined, { 'Content-Type': 'application/json' })).status, 400);
  assert.equal((await draw({ model: 'ep-2026' })).status, 200);
  assert.equal((await call('GET', '/contents/generations/tasks', undefined, { 'X-Client-Request-Id': 'ours-1' })).headers.get('x-client-request-id'), 'ours-1');
  assert.deepEqual([(await draw()).status, (await draw()).status, (await draw()).status, code(await draw())], [200, 200, 200, [429, 'ModelAccountRpmRateLimitExceeded']]);
  await sim.advance(60_000);
  assert.deepEqual([(await draw()).status, (await submit()).status], [200, 200]);
});

test('Ark simulator: pictures, of which some may fail', async t => {
  const { sim, files, draw, pass } = await world(t), auto = n => ({ sequential_image_generation: 'auto', sequential_image_generation_options: { max_images: n } });
  const one = await draw({ model: OLD, seed: 5, size: '1024x768' }), bytes = async r => (await download(r.data[0].url)).bytes;
  assert.deepEqual([one.model, one.data.length, one.data[0].size, one.usage], [OLD, 1, '1024x768', { generated_images: 1, output_tokens: 16384, total_tokens: 16384 }]);
  assert.equal(probe(await bytes(one)).type, 'image/png');
  const same = { model: OLD, seed: 5, size: '1024x768' };
  assert.deepEqual(await bytes(await draw(same)), await bytes(one));
  assert.deepEqual(Buffer.from((await draw({ ...same, response_format: 'b64_json' })).data[0].b64_json, 'base64'), await bytes(one));
  for (const more of [{ seed: 6 }, { watermark: false }, { prompt: 'a blue kite' }, { size: '2K' }, { image: `${files.url}/photo.png` }]) assert.notDeepEqual(await bytes(await draw({ ...same, ...more })), await bytes(one), JSON.stringify(more));
  assert.notDeepEqual(await bytes(await draw()), await bytes(await draw()));
  const several = await draw({ ...auto(4), image: [`${files.url}/photo.png`, `data:image/png;base64,${picture('inline').toString('base64')}`] });
  assert.equal(several.data.length, 4);
  assert.equal(new Set(await Promise.all(several.data.map(async d => (await download(d.url)).bytes.toString('hex')))).size, 4);
  assert.deepEqual(sim.inputs.slice(-2).map(i => i.fault), ['', '']);
  const before = sim.billed.pictures;
  sim.fault('POST /images/generations', 'partial');
  const partial = await draw(auto(3));
  assert.deepEqual([partial.status, partial.data.map(d => d.error?.code ?? 'ok'), partial.usage.generated_images, sim.billed.pictures - before], [200, ['ok', 'ok', 'OutputImageSensitiveContentDetected'], 2, 2]);
  for (const more of [{ seed: 5 }, { prompt: '' }, { size: 'huge' }, { ...auto(16) }, { ...auto(14), image: [`${files.url}/photo.png`, `${files.url}/end.png`] }, { image: `${files.url}/missing.png` }, { image: Array(15).fill('x') },
    { response_format: 'png' }, { watermark: 'no' }, { optimize_prompt_options: { mode: 'slow' } }, { sequential_image_generation: 'yes' }]) assert.deepEqual(code(await draw(more)), [400, 'InvalidParameter'], JSON.stringify(more));
  await pass(DAY);
  assert.equal((await download(one.data[0].url)).status, 403);
});

test('Ark simulator: pictures as a stream', async t => {
  const { sim, call } = await world(t);
  sim.fault('', 'partial');
  const r = await call('POST', '/images/generations', { model: SEEDREAM, prompt: 'x', stream: true, sequential_image_generation: 'auto', sequential_image_generation_options: { max_images: 2 } });
  assert.equal(r.headers.get('content-type'), 'text/event-stream');
  const events = r.body.split('\n\n').filter(Boolean), last = events.pop();
  assert.equal(last, 'data: [DONE]');
  const said = events.map(e => JSON.parse(/^event: (\S+)\ndata: (.*)$/.exec(e)[2]));
  assert.deepEqual(said.map(e => [e.type, e.image_index ?? null]), [['image_generation.partial_succeeded', 0], ['image_generation.partial_failed', 1], ['image_generation.completed', null]]);
  assert.equal((await download(said[0].url)).status, 200);
  assert.equal(said[1].error.code, 'OutputImageSensitiveContentDetected');
  assert.equal(said[2].usage.generated_images, 1);
});

test('Ark simulator: what befalls pictures', async t => {
  const { sim, draw } = await world(t);
  for (const [kind, want] of [['moderation_after', [400, 'OutputImageSensitiveContentDetected']], ['failed', [500, 'InternalServiceError']], ['error_inside', [200, 'InternalServiceError']], ['privacy', [400, 'InputImageSensitiveContentDetected.PrivacyInformation']],
    ['overloaded', [429, 'ServerOverloaded']], ['quota', [429, 'QuotaExceeded']]]) assert.deepEqual(code(await draw({ prompt: `simulate-${kind}` })), want);
  assert.equal(sim.billed.pictures, undefined);
  assert.deepEqual((await draw({ prompt: 'simulate-empty' })).data, []);
  await brokenResults(async kind => (await draw({ prompt: `simulate-${kind}` })).data[0].url);
});

test('Ark simulator: a clip from the submit to the end of its record, and what is called back', async t => {
  const { sim, files, submit, look, pass, heard, image, text } = await world(t), callback_url = `${files.url}/cb/secret`;
  const { id } = await submit({ callback_url, return_last_frame: true, duration: 5, ratio: '9:16' });
  assert.match(id, /^cgt-20260115083000-/);
  await until(() => files.got.length === 1);
  assert.deepEqual([(await look(id)).status, heard(), files.asked], ['queued', ['queued'], ['/photo.png']]);
  await pass(1000);
  assert.equal((await look(id)).status, 'running');
  await pass(4000);
  const done = await look(id);
  assert.deepEqual([done.status, done.seed, done.resolution, done.ratio, done.duration, done.framespersecond, done.usage, done.updated_at - done.created_at], ['succeeded', 11, '720p', '9:16', 5, 24,
    { completion_tokens: 108900, total_tokens: 108900 }, 5]);
  assert.deepEqual([heard(), files.got.map(n => n.path)], [['queued', 'running', 'succeeded'], Array(3).fill('/cb/secret')]);
  assert.deepEqual({ ...JSON.parse(files.got[2].body) }, { ...done, status: 'succeeded' });
  assert.ok(!Object.keys(files.got[2].headers).some(h => /sign/.test(h)));
  const clip = await download(done.content.video_url);
  assert.deepEqual([clip.type, probe(clip.bytes).seconds, (await download(done.content.last_frame_url)).type], ['video/mp4', 5, 'image/png']);
  const again = async more => { const { id: i } = await submit({ ratio: '9:16', ...more }); await pass(5000); return (await download((await look(i)).content.video_url)).bytes; };
  assert.deepEqual(await again(), clip.bytes);
  assert.deepEqual(await again({ seed: undefined, content: [text('the kite flies --seed 11 --rt 9:16'), image()] }).then(b => probe(b).seconds), 5);
  for (const more of [{ seed: 12 }, { content: [text('the kite falls'), image()] }, { content: [text('the kite flies'), image('', 'end')] }, { watermark: true }, { duration: 6 }]) assert.notDeepEqual(await again(more), clip.bytes);
  assert.equal(sim.billed.tokens, 108900 * 7 + 130680);
  await pass(DAY);
  assert.deepEqual([(await download(done.content.video_url)).status, (await look(id)).status], [403, 'succeeded']);
  await pass(6 * DAY);
  assert.deepEqual(code(await look(id)), [404, 'NotFound']);
});

test('Ark simulator: text flags, and what a clip may not be', async t => {
  const { sim, files, submit, look, text, image } = await world(t);
  const { id } = await submit({ seed: undefined, content: [text('x --rs 1080p --rt 1:1 --dur 10 --seed 3 --wm true --cf true')] }), p = sim.tasks.get(id).p;
  assert.deepEqual([p.resolution, p.ratio, p.duration, p.seed, p.watermark, p.camera_fixed], ['1080p', '1:1', 10, 3, true, true]);
  await submit({ frames: 121 });
  for (const more of [{ content: [] }, { content: 'x' }, { content: [text('')] }, { content: [text('a'), text('b')] }, { content: [{ type: 'smell' }] }, { content: [image('last_frame')] }, { content: [image(), image()] },
    { content: [image('first_frame'), image('first_frame')] }, { content: [image('first_frame'), image('reference_image')] }, { content: [image('nose')] }, { content: [image('', 'missing')] }, { resolution: '8K' }, { ratio: '2:1' }, { duration: 0 },
    { duration: '5' }, { frames: 26 }, { seed: 'x' }, { watermark: 1 }, { service_tier: 'gold' }, { execution_expires_after: 3599 }, { execution_expires_after: 259_201 }, { callback_url: 'ftp://x' }]) assert.deepEqual(code(await submit(more)), [400, 'InvalidParameter'], JSON.stringify(more));
  assert.equal(sim.tasks.size, 2);
  for (const content of [[image('first_frame'), image('last_frame', 'end')], [text('x'), image('reference_image'), image('reference_image', 'end')]]) assert.equal((await submit({ content })).status, 200);
  assert.ok(files.asked.length > 4);
  assert.equal((await look(id)).status, 'queued');
});

test('Ark simulator: lanes, the queue, list, cancel, expiry', async t => {
  const { sim, json, submit, look, pass, call } = await world(t, { lanes: 1, queue_max: 3 });
  const ids = [];
  for (let i = 0; i < 3; i++) ids.push((await submit()).id);
  assert.deepEqual(code(await submit()), [429, 'RateLimitExceeded.QueuedTasksExceeded']);
  await pass(1000);
  assert.deepEqual(await Promise.all(ids.map(async i => (await look(i)).status)), ['running', 'queued', 'queued']);
  const remove = async i => { const r = await call('DELETE', `/contents/generations/tasks/${i}`); return [r.status, JSON.parse(r.body)]; };
  assert.equal((await remove(ids[0]))[0], 400);
  assert.deepEqual(await remove(ids[1]), [200, {}]);
  assert.deepEqual([(await look(ids[0])).status, (await look(ids[1])).status], ['running', 'cancelled']);
  await pass(4000);
  assert.deepEqual([(await look(ids[0])).status, (await look(ids[2])).status], ['succeeded', 'running']);
  const list = async q => { const r = await json('GET', `/contents/generations/tasks?${q}`); return [r.total, r.items.map(i => i.id)]; };
  assert.deepEqual(await list(''), [3, [ids[2], ids[1], ids[0]]]);
  assert.deepEqual(await list('page_num=2&page_size=2'), [3, [ids[0]]]);
  assert.deepEqual(await list('filter.status=cancelled'), [1, [ids[1]]]);
  assert.deepEqual(await list(`filter.task_ids=${ids[0]}&filter.task_ids=${ids[2]}`), [2, [ids[2], ids[0]]]);
  assert.deepEqual(await list('filter.model=other'), [0, []]);
  assert.deepEqual(code(await json('GET', '/contents/generations/tasks?page_size=0')), [400, 'InvalidParameter']);
  assert.deepEqual(await remove(ids[0]), [200, {}]);
  assert.deepEqual([(await look(ids[0])).status, (await list(''))[0]], [404, 2]);
  await pass(4000);
  sim.fault('', 'late', 1, { seconds: 10_000 });
  const { id } = await submit({ execution_expires_after: 3600 });
  await pass(3_599_000);
  assert.equal((await look(id)).status, 'running');
  await pass(1000);
  assert.equal((await look(id)).status, 'expired');
  assert.equal(sim.billed.tokens, 2 * 108900);                         // of four
});

test('Ark simulator: what befalls callbacks', async t => {
  const answers = [], { sim, files, submit, look, pass, heard, ask } = await world(t, { say: n => answers[n - 1] ?? 200 }), callback_url = `${files.url}/cb`;
  const run = async (kind, type = 'succeeded', more = {}) => {
    files.got.length = 0;
    if (kind) await ask('trouble', { kind, type, ...more });
    const { id } = await submit({ callback_url });
    await until(() => files.got.length > 0);
    await pass(5000);
    return id;
  };
  await run('duplicate');
  assert.deepEqual(heard(), ['queued', 'running', 'succeeded', 'succeeded']);
  await run('lost');
  assert.deepEqual(heard(), ['queued', 'running']);
  const id = await run('forged'), [, , forged, real] = files.got.map(n => n.body);
  assert.notEqual(forged, real);
  assert.equal(JSON.parse(real).id, id);
  await run('late', 'succeeded', { seconds: 100 });
  assert.deepEqual(heard(), ['queued', 'running']);
  await pass(100_000);
  assert.deepEqual(heard(), ['queued', 'running', 'succeeded']);
  await run('slow', 'running');
  assert.deepEqual(heard(), ['queued', 'succeeded']);
  await ask('release', {});
  assert.deepEqual(heard(), ['queued', 'succeeded', 'running']);
  await run('reordered', 'running');
  assert.deepEqual(heard(), ['queued', 'succeeded', 'running']);
  // three more tries, five seconds apart
  files.got.length = 0;
  answers.push(500, 500, 500, 500, 500, 500, 500, 500);
  await submit({ callback_url });
  await until(() => files.got.length === 1);
  await pass(60_000);
  assert.deepEqual(heard().filter(s => s === 'queued').length, 4);
  // before the submit is answered
  answers.length = 0;
  files.got.length = 0;
  sim.fault('POST /contents/generations/tasks', 'early_notice');
  const { id: early } = await submit({ callback_url });
  assert.deepEqual(JSON.parse(files.got[0].body).id, early);           // is there when the answer is
  await pass(5000);
  // a word that is not in the book, each time
  sim.fault('POST /contents/generations/tasks', 'odd_status');
  await run('');
  assert.deepEqual(heard(), ['pondering', 'pondering', 'pondering']);
  // success, and then failure
  sim.fault('POST /contents/generations/tasks', 'success_then_failed');
  const both = await run('');
  assert.deepEqual([heard(), (await look(both)).status, (await look(both)).status], [['queued', 'running', 'succeeded', 'failed'], 'succeeded', 'failed']);
});

test('Ark simulator: each fault of a call is seen, and has the effect it says', async t => {
  const { sim, call, text } = await world(t), code = (status, c) => a => a.status === status && JSON.parse(a.body).error.code === c;
  await brokenCalls(sim, 'POST /contents/generations/tasks', () => call('POST', '/contents/generations/tasks', { model: SEEDANCE, content: [text('x')] }), () => sim.tasks.size, {
    401: code(401, 'AuthenticationError'), arrears: code(403, 'AccountOverdueError'), moderation: code(400, 'InputTextSensitiveContentDetected'), privacy: code(400, 'InputImageSensitiveContentDetected.PrivacyInformation'),
    overloaded: code(429, 'ServerOverloaded'), quota: code(429, 'QuotaExceeded'), 500: code(500, 'InternalServiceError'), '500_after': code(500, 'InternalServiceError'), 429: a => code(429, 'ModelAccountRpmRateLimitExceeded')(a) && !a.headers.has('retry-after'),
    '429_seconds': a => a.status === 429 && a.headers.get('retry-after') === '2', '429_date': a => Date.parse(a.headers.get('retry-after')) - sim.now() === 2000 - sim.now() % 1000 });
});

test('Ark simulator: what befalls clips', async t => {
  const { sim, json, submit, look, pass, ask } = await world(t);
  const fate = async (kind, more = {}) => { await ask('faults', { op: 'POST /contents/generations/tasks', kind, ...more }); const { id } = await submit(); await pass(5000); return id; };
  for (const [kind, status, c] of [['moderation_after', 'failed', 'OutputVideoSensitiveContentDetected'], ['privacy_after', 'failed', 'InputImageSensitiveContentDetected.PrivacyInformation'], ['failed', 'failed', 'InternalServiceError'],
    ['cancelled', 'cancelled'], ['expired', 'expired'], ['error_inside', 'succeeded', 'InternalServiceError']]) {
    const r = await look(await fate(kind));
    assert.deepEqual([r.status, r.error?.code, Boolean(r.content)], [status, c, false]);
  }
  assert.equal(sim.billed.tokens, undefined);
  assert.deepEqual((await look(await fate('empty'))).content, {});
  assert.equal((await look(await fate('odd_status'))).status, 'pondering');
  const gone = await fate('vanish');
  assert.deepEqual(code(await look(gone)), [404, 'NotFound']);
  assert.ok(!(await json('GET', '/contents/generations/tasks')).items.some(i => i.id === gone));
  const late = await fate('late', { seconds: 60 });
  assert.equal((await look(late)).status, 'running');
  await pass(60_000);
  assert.equal((await look(late)).status, 'succeeded');
  await brokenResults(async kind => (await look(await fate(kind))).content.video_url);
});

test('Ark simulator: by hand', async t => {
  const said = await byHand(t, 'tests/sim/ark.mjs', '--key=k');
  assert.equal(said.settings.ZOETROPE_ARK_KEY, 'k');
  const r = await fetch(`${said.settings.ZOETROPE_ARK_URL}/images/generations`, { method: 'POST', headers: { Authorization: 'Bearer k', 'Content-Type': 'application/json' }, body: JSON.stringify({ model: SEEDREAM, prompt: 'x' }) });
  assert.equal(r.status, 200);
  assert.match(await (await fetch(said.url)).text(), /POST \/images\/generations/);
});
