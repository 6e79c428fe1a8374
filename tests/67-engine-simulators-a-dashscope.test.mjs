// 67-engine-simulators-a-dashscope.test.mjs - the simulator of DashScope, driven by calls written from the contract file: nobody's client for it is on npm.
// Nothing of ours takes part.
import assert from 'node:assert/strict';
import { createVerify, X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { BASE, brokenCalls, brokenResults, byHand, control, download, place, time } from './lib/engines.mjs';
import { until } from './lib/server.mjs';
import { DashScope } from './sim/dashscope.mjs';
import { start } from './sim/engine.mjs';
import { clip, picture, probe, sha256 } from './sim/media.mjs';

const HOUR = 3_600_000, KEY = 'sk-test', ANIMATE = 'image2video/video-synthesis';

async function world(t, { files = {}, say, ...options } = {}) {
  const clock = time(t), photo = picture('photo', { width: 400, height: 600 }), film = clip('dance', { width: 360, height: 640, seconds: 5.2, fps: 25 });
  const at = await place(t, { '/p.png': photo, '/v.mp4': film, ...files }, say);
  const sim = await start(DashScope, { key: KEY, now: clock.now, query_rps: 1e6, ...options }, t);
  const call = async (method, path, { key = KEY, body, headers = {}, ...more } = {}) => {
    const r = await fetch(`${sim.url}/api/v1/${path}`, { method, headers: { Authorization: `Bearer ${key}`, ...(body ? { 'Content-Type': 'application/json' } : {}), ...headers },
      body: typeof body === 'string' || !body ? body : JSON.stringify(body), ...more });
    return { status: r.status, headers: r.headers, body: await r.text() };
  };
  const json = async (...a) => { const r = await call(...a); return { status: r.status, ...JSON.parse(r.body) }; };
  const animate = ({ input = {}, parameters = {}, model = 'wan2.2-animate-mix', ...more } = {}) => ({ model, input: { image_url: `${at.url}/p.png`, video_url: `${at.url}/v.mp4`, watermark: false, ...input },
    parameters: { mode: 'wan-std', ...parameters }, ...more });
  const post = (q, { service = ANIMATE, headers = {}, ...o } = {}) => json('POST', `services/aigc/${service}`, { body: q, headers: { 'X-DashScope-Async': 'enable', ...headers }, ...o });
  const submit = async (q = animate(), o) => (await post(q, o)).output?.task_id;
  const poll = async id => (await json('GET', `tasks/${id}`)).output;
  const pass = ms => clock.pass(sim, ms);
  const done = async (q, o) => { const id = await submit(q, o); await pass(5000); return poll(id); };
  return { sim, at, photo, film, call, json, animate, post, submit, poll, pass, done, ask: control(sim) };
}

test('DashScope simulator: a task from the submit to the end of its link', async t => {
  const { sim, at, photo, film, json, post, animate, poll, pass, done } = await world(t);
  const made = await post(animate());
  assert.deepEqual([made.status, Object.keys(made.output), made.output.task_status], [200, ['task_status', 'task_id'], 'PENDING']);
  assert.match(made.request_id, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  const id = made.output.task_id, states = [];
  assert.deepEqual(sim.inputs, []);                                    // nothing is fetched before it runs
  for (const ms of [0, 999, 1, 3999, 1]) {
    await pass(ms);
    states.push((await poll(id)).task_status);
  }
  assert.deepEqual(states, ['PENDING', 'PENDING', 'RUNNING', 'RUNNING', 'SUCCEEDED']);
  assert.deepEqual(sim.inputs.map(i => [i.from, i.status, i.sha256]), [[`${at.url}/p.png`, 200, sha256(photo)], [`${at.url}/v.mp4`, 200, sha256(film)]]);
  const said = await json('GET', `tasks/${id}`), url = said.output.results.video_url;
  assert.deepEqual([said.output.submit_time, said.output.scheduled_time, said.output.end_time], ['2026-01-15 16:30:00.000', '2026-01-15 16:30:01.000', '2026-01-15 16:30:05.000']);
  assert.deepEqual(said.usage, { video_duration: 5.2, video_ratio: 'standard' });
  assert.match(url, /^http:\/\/.*\?Expires=\d{10}&/);
  const got = await download(url);
  assert.deepEqual({ ...probe(got.bytes), kind: got.type }, { type: 'video/mp4', width: 720, height: 1280, seconds: 5.2, fps: 15, kind: 'video/mp4' });
  assert.equal(sim.tasks.get(id).results[0].sha256, sha256(got.bytes));
  assert.deepEqual(sim.billed, { 'wan2.2-animate-mix': 5.2 * 600 });
  const pro = await done(animate({ model: 'wan2.2-animate-move', parameters: { mode: 'wan-pro', check_image: false } }));
  assert.equal(probe((await download(pro.results.video_url)).bytes).fps, 25);
  assert.equal(sim.billed['wan2.2-animate-move'], 5.2 * 600);
  await pass(24 * HOUR - 5001);
  assert.equal((await download(url)).status, 200);
  await pass(1);
  assert.equal((await download(url)).status, 403);
  assert.match((await download(url)).bytes.toString(), /<Code>AccessDenied<\/Code>/);
  const later = await json('GET', `tasks/${id}`);
  assert.deepEqual([later.status, later.output], [200, { task_id: id, task_status: 'UNKNOWN' }]);
  assert.equal((await poll('nobody')).task_status, 'UNKNOWN');
});

test('DashScope simulator: one at a time, cancel while it waits, and the list', async t => {
  const { sim, json, animate, submit, poll, pass } = await world(t);
  const a = await submit(), b = await submit(animate({ model: 'wan2.2-animate-move' })), c = await submit();
  await pass(2000);
  assert.deepEqual(await Promise.all([a, b, c].map(async x => (await poll(x)).task_status)), ['RUNNING', 'PENDING', 'PENDING']);
  const late = await json('POST', `tasks/${a}/cancel`);
  assert.deepEqual([late.status, late.code], [400, 'UnsupportedOperation']);
  const gone = await json('POST', `tasks/${c}/cancel`);
  assert.deepEqual(Object.keys(gone), ['status', 'request_id']);
  await pass(3000);
  assert.deepEqual(await Promise.all([a, b, c].map(async x => (await poll(x)).task_status)), ['SUCCEEDED', 'RUNNING', 'CANCELED']);
  assert.equal(sim.tasks.get(b).started_ms - sim.tasks.get(a).ended_ms, 0);
  await pass(4000);
  assert.deepEqual(sim.billed, { 'wan2.2-animate-mix': 3120, 'wan2.2-animate-move': 2080 });       // not for what was canceled
  const list = q => json('GET', `tasks/?${new URLSearchParams(q)}`), day = { start_time: '20260115160000', end_time: '20260115170000' };
  const all = await list({ ...day, page_size: 2 });
  assert.deepEqual([all.total, all.total_page, all.page_no, all.page_size, all.data.map(d => d.task_id)], [3, 2, 1, 2, [c, b]]);
  assert.deepEqual(Object.keys(all.data[1]), ['task_id', 'status', 'model_name', 'gmt_create', 'start_time', 'end_time', 'request_id', 'user_api_unique_key', 'api_key_id', 'region']);
  assert.equal(all.data[1].gmt_create, BASE);
  assert.deepEqual((await list({ ...day, page_no: 2, page_size: 2 })).data.map(d => d.task_id), [a]);
  assert.deepEqual((await list({ ...day, model_name: 'wan2.2-animate-move' })).data.map(d => d.task_id), [b]);
  assert.deepEqual((await list({ ...day, status: 'CANCELED' })).data.map(d => d.task_id), [c]);
  assert.equal((await list({ start_time: '20260115163001', end_time: '20260115170000' })).total, 0);
  assert.equal((await list({ start_time: '20260114000000', end_time: '20260115170000' })).code, 'InvalidParameter');
  assert.equal((await list({})).total, 3);
});

test('DashScope simulator: who may ask, how often, and in what words it is refused', async t => {
  const { sim, at, call, json, post, animate, pass } = await world(t, { query_rps: 20, workspace: 'ws-1' });
  const no = async (status, code, q, o) => { const a = await post(q, o); assert.deepEqual([a.status, a.code], [status, code], JSON.stringify(q).slice(0, 200)); assert.ok(a.message && a.request_id); await pass(1000); };
  await no(401, 'InvalidApiKey', animate(), { key: 'sk-other' });
  await no(401, 'InvalidApiKey', animate(), { headers: { Authorization: `Basic ${KEY}` } });
  await no(404, 'WorkSpaceNotFound', animate(), { headers: { 'X-DashScope-WorkSpace': 'ws-2' } });
  await no(403, 'AccessDenied', animate(), { headers: { 'X-DashScope-Async': '' } });
  await no(404, 'ModelNotFound', animate({ model: 'wan9' }));
  await no(400, 'BadRequest.EmptyModel', animate({ model: '' }));
  await no(400, 'BadRequest.EmptyInput', { model: 'wan2.2-animate-mix', parameters: { mode: 'wan-std' } });
  await no(400, 'BadRequest.EmptyParameters', { ...animate(), parameters: undefined });
  await no(400, 'InvalidParameter', '{"model":');
  for (const q of [animate({ parameters: { mode: 'wan-fast' } }), animate({ parameters: { mode: undefined } }), animate({ parameters: { watermark: true } }), animate({ input: { image_url: undefined } }),
    animate({ input: { watermark: 'no' } }), animate({ input: { prompt: 'x' } }), animate({ parameters: { check_image: 1 } })]) await no(400, 'InvalidParameter', q);
  await no(400, 'InvalidParameter', animate(), { service: 'image2video/elsewhere' });
  for (const image_url of ['ftp://h/p.png', `${at.url}/photo é.png`, 'data:image/png;base64,AA==', 'oss://none']) await no(400, 'InvalidURL', animate({ input: { image_url } }));
  assert.equal(sim.tasks.size, 0);
  const five = await Promise.all(Array.from({ length: 6 }, () => post(animate())));
  assert.deepEqual(five.map(a => a.status).sort(), [200, 200, 200, 200, 200, 429]);
  assert.equal(five.find(a => a.status === 429).code, 'Throttling.RateQuota');
  await pass(1000);
  assert.equal((await post(animate())).status, 200);
  const looks = await Promise.all(Array.from({ length: 21 }, () => call('GET', 'tasks/x')));
  assert.equal(looks.filter(a => a.status === 429).length, 1);
  // a short-lived key
  const { token, expires_at } = await json('POST', 'tokens?expire_in_seconds=1800');
  assert.match(token, /^st-/);
  assert.equal(expires_at, Math.floor(sim.now() / 1000) + 1800);
  assert.equal((await json('POST', 'tokens?expire_in_seconds=1801')).status, 400);
  await pass(1_799_000);
  assert.equal((await post(animate(), { key: token })).status, 200);
  await pass(1000);
  assert.equal((await post(animate(), { key: token })).status, 401);
});

test('DashScope simulator: inputs are fetched, and measured', async t => {
  const film = more => clip('f', { width: 200, height: 200, seconds: 2, fps: 15, ...more }), still = (width, height) => picture('s', { width, height });
  const jpeg = (w, h) => Buffer.from([0xff, 0xd8, 0xff, 0xc0, 0, 17, 8, h >> 8, h & 255, w >> 8, w & 255, 3, ...Array(10).fill(0)]);
  const avi = Buffer.alloc(72);
  avi.write('RIFF', 0); avi.write('AVI ', 8); avi.write('LIST', 12); avi.write('hdrlavih', 20);
  for (const [at, v] of [[32, 40_000], [48, 100], [64, 640], [68, 480]]) avi.writeUInt32LE(v, at);
  const good = { image_url: { a: still(200, 600), b: jpeg(4096, 4096) }, video_url: { a: film(), b: film({ seconds: 30, width: 2048, height: 1000 }), c: film({ brand: 'qt  ', fps: 60 }), d: avi } };
  const bad = { image_url: { Resolution: still(199, 300), 'Resolution 2': jpeg(4097, 4000), AspectRatio: still(200, 602), ImageSize: Buffer.concat([still(300, 300), Buffer.alloc(5 << 20)]), Format: film(), Openerror: Buffer.from('no picture') },
    video_url: { Resolution: film({ width: 2050, height: 1000 }), 'Resolution 2': film({ height: 198 }), AspectRatio: film({ height: 602 }), Duration: film({ seconds: 1.8 }), 'Duration 2': film({ seconds: 30.2 }), FPS: film({ fps: 14 }),
      'FPS 2': film({ fps: 61 }), Format: still(300, 300), Openerror: film().subarray(0, 60) } };
  const { sim, at, animate, done, submit, poll, pass } = await world(t);
  for (const [name, list] of Object.entries(good))
    for (const [k, bytes] of Object.entries(list)) {
      at.files['/x'] = bytes;
      const o = await done(animate({ input: { [name]: `${at.url}/x` } }));
      assert.equal(o.task_status, 'SUCCEEDED', `${name} ${k}: ${JSON.stringify(o)}`);
    }
  for (const [name, list] of Object.entries(bad))
    for (const [k, bytes] of Object.entries(list)) {
      at.files['/x'] = bytes;
      const o = await done(animate({ input: { [name]: `${at.url}/x` } }));
      assert.deepEqual([o.task_status, o.code], ['FAILED', `InvalidFile.${k.split(' ')[0]}`], `${name} ${k}`);
    }
  at.files['/x'] = { status: 403, body: 'expired' };
  assert.equal((await done(animate({ input: { video_url: `${at.url}/x` } }))).code, 'InvalidURL');
  assert.equal((await done(animate({ input: { video_url: 'http://127.0.0.1:1/x.mp4' } }))).code, 'InvalidURL');
  // a link that dies while its task waits
  at.files['/x'] = film();
  const first = await submit(), second = await submit(animate({ input: { video_url: `${at.url}/x` } }));
  await pass(2000);
  at.files['/x'] = { status: 403, body: 'expired' };
  await pass(5000);
  assert.deepEqual([(await poll(first)).task_status, (await poll(second)).code], ['SUCCEEDED', 'InvalidURL']);
  assert.equal(sim.billed['wan2.2-animate-mix'], 600 * (5.2 * 2 + 2 + 30 + 2 + 4 + 5.2));
});

test('DashScope simulator: temporary uploads', async t => {
  const { sim, photo, film, json, animate, post, submit, poll, pass } = await world(t), MIX = 'wan2.2-animate-mix';
  const policy = async (model = MIX) => (await json('GET', `uploads?action=getPolicy&model=${model}`)).data;
  const send = async (p, bytes, name, { change = {}, last = true } = {}) => {
    const form = new FormData(), fields = { OSSAccessKeyId: p.oss_access_key_id, Signature: p.signature, policy: p.policy, key: `${p.upload_dir}/${name}`, 'x-oss-object-acl': p.x_oss_object_acl,
      'x-oss-forbid-overwrite': p.x_oss_forbid_overwrite, success_action_status: '200', 'x-oss-content-type': 'image/png', ...change };
    if (!last) form.append('file', new Blob([bytes]), name);
    for (const [k, v] of Object.entries(fields)) form.append(k, v);
    if (last) form.append('file', new Blob([bytes]), name);
    const r = await fetch(p.upload_host, { method: 'POST', body: form });
    return { status: r.status, body: await r.text(), url: `oss://${fields.key}` };
  };
  const p = await policy();
  assert.deepEqual([p.expire_in_seconds, p.max_file_size_mb, p.x_oss_object_acl, p.x_oss_forbid_overwrite], [300, 100, 'private', 'true']);
  const a = await send(p, photo, 'p.png'), b = await send(p, film, 'v.mp4');
  assert.deepEqual([a.status, b.status], [200, 200]);
  const q = animate({ input: { image_url: a.url, video_url: b.url } }), headers = { 'X-DashScope-OssResourceResolve': 'enable' };
  assert.equal((await post(q)).code, 'InvalidURL');                    // the header is missing
  const id = await submit(q, { headers });
  await pass(5000);
  assert.equal((await poll(id)).task_status, 'SUCCEEDED');
  assert.deepEqual(Object.values(sim.tasks.get(id).media).map(m => m.sha256), [sha256(photo), sha256(film)]);
  assert.equal((await post({ ...q, model: 'wan2.2-animate-move' }, { headers })).code, 'InvalidURL');
  const code = async (...args) => { const r = await send(...args); return [r.status, /<Code>(\w+)</.exec(r.body)?.[1], /<Message>([^<]+)/.exec(r.body)?.[1]]; };
  assert.deepEqual((await code(p, photo, 'p.png')).slice(0, 2), [409, 'FileAlreadyExists']);
  assert.deepEqual((await code(p, photo, 'q.png', { last: false })).slice(0, 2), [400, 'InvalidArgument']);
  assert.deepEqual((await code(p, photo, 'q.png', { change: { Signature: 'x' } })).slice(0, 2), [403, 'SignatureDoesNotMatch']);
  assert.deepEqual((await code(p, photo, 'q.png', { change: { key: 'elsewhere/q.png' } })).slice(0, 2), [403, 'AccessDenied']);
  assert.deepEqual((await code(p, photo, 'q.png', { change: { 'x-oss-object-acl': 'public' } })).slice(0, 2), [403, 'AccessDenied']);
  assert.equal((await send(p, photo, 'q.png', { change: { success_action_status: '' } })).status, 204);
  await pass(295_000);
  assert.deepEqual(await code(p, photo, 'r.png'), [403, 'AccessDenied', 'Invalid according to Policy: Policy expired.']);
  assert.equal((await send(await policy(), photo, 'r.png')).status, 200);
  await pass(48 * HOUR);
  assert.equal((await post(q, { headers })).code, 'InvalidURL');
  assert.equal((await json('GET', 'uploads?action=getPolicy&model=none')).code, 'ModelNotFound');
  assert.equal((await json('GET', `uploads?action=put&model=${MIX}`)).code, 'InvalidParameter');
  assert.equal((await json('GET', `uploads?action=getPolicy&model=${MIX}`, { key: 'x' })).code, 'InvalidApiKey');
});

test('DashScope simulator: image to video, and picture edits', async t => {
  const { sim, at, photo, json, post, submit, poll, pass, done } = await world(t), image = `${at.url}/p.png`, I2V = { service: 'video-generation/video-synthesis' }, EDIT = { service: 'image2image/image-synthesis' };
  const q = { model: 'wan2.2-i2v-plus', input: { prompt: 'she smiles', img_url: image }, parameters: { resolution: '1080P', duration: 5, seed: 7, watermark: false } };
  const film = await done(q, I2V), bytes = async url => (await download(url)).bytes;
  assert.match(film.video_url, /^http:/);
  assert.equal(film.results, undefined);
  assert.deepEqual([probe(await bytes(film.video_url)).seconds, sim.billed['wan2.2-i2v-plus']], [5, 5000]);
  assert.deepEqual(await bytes((await done(q, I2V)).video_url), await bytes(film.video_url));     // the same seed
  for (const more of [{ parameters: { ...q.parameters, seed: 8 } }, { input: { ...q.input, prompt: 'she laughs' } }, { parameters: {} }]) assert.notDeepEqual(await bytes((await done({ ...q, ...more }, I2V)).video_url), await bytes(film.video_url));
  const many = await Promise.all(Array.from({ length: 3 }, () => post(q, I2V)));
  assert.deepEqual(many.map(a => a.status).sort(), [200, 200, 429]);
  await pass(6000);
  // by function, some of which fail
  const edit = (more = {}, parameters = { n: 4, seed: 1 }) => ({ model: 'wanx2.1-imageedit', input: { function: 'colorization', prompt: 'old photo', base_image_url: image, ...more }, parameters });
  const four = await done(edit(), EDIT);
  assert.deepEqual(four.task_metrics, { TOTAL: 4, SUCCEEDED: 4, FAILED: 0 });
  assert.equal(new Set((await Promise.all(four.results.map(r => bytes(r.url)))).map(sha256)).size, 4);
  sim.fault('submit', 'partial', 1, { count: 3 });
  const some = await json('GET', `tasks/${await submit(edit(), EDIT).then(async id => (await pass(5000), id))}`);
  assert.deepEqual([some.output.task_status, some.output.task_metrics, some.output.results.map(r => r.code ?? 'url')], ['SUCCEEDED', { TOTAL: 4, SUCCEEDED: 1, FAILED: 3 },
    ['url', 'InternalError.Timeout', 'InternalError.Timeout', 'InternalError.Timeout']]);
  assert.deepEqual([some.usage, sim.billed['wanx2.1-imageedit']], [{ image_count: 1 }, 5 * 140]);
  for (const more of [{ function: 'swap' }, { prompt: 'x'.repeat(801) }, { prompt: undefined }, { base_image_url: undefined }]) assert.equal((await post(edit(more), EDIT)).code, 'InvalidParameter');
  assert.equal((await post(edit({ base_image_url: `${at.url}/v.mp4` }), EDIT)).status, 200);
  // by text, at once
  const words = (parts = [{ image }, { text: 'make it snow' }], parameters = { n: 2, seed: 3, watermark: false }) => ({ model: 'qwen-image-edit-plus', input: { messages: [{ role: 'user', content: parts }] }, parameters });
  const now = { service: 'multimodal-generation/generation', headers: { 'X-DashScope-Async': '' } }, said = await post(words(), now), urls = said.output.choices[0].message.content.map(c => c.image);
  assert.deepEqual([said.output.choices[0].finish_reason, said.output.choices[0].message.role, urls.length, said.usage.image_count], ['stop', 'assistant', 2, 2]);
  assert.equal(probe(await bytes(urls[0])).type, 'image/png');
  assert.deepEqual(await bytes((await post(words([{ image: `data:image/png;base64,${photo.toString('base64')}` }, { text: 'make it snow' }]), now)).output.choices[0].message.content[1].image), await bytes(urls[1]));
  assert.equal((await post(words(), { service: now.service })).code, 'AccessDenied');
  for (const parts of [[{ text: 'x' }], [{ image }], [{ image }, { image }, { image }, { image }, { text: 'x' }], [{ image, text: 'x' }]]) assert.equal((await post(words(parts), now)).code, 'InvalidParameter');
  assert.equal((await post(words([{ image: `${at.url}/none` }, { text: 'x' }]), now)).code, 'InvalidURL');
  assert.equal(sim.billed['qwen-image-edit-plus'], 4);
  for (const [kind, status, code] of [['moderation_after', 400, 'DataInspectionFailed'], ['failed', 500, 'InternalError.Algo'], ['error_inside', 200, 'InternalError.Upload']]) {
    const a = await post(words([{ image }, { text: `simulate-${kind}` }]), now);
    assert.deepEqual([a.status, a.code], [status, code]);
  }
  for (const [kind, n] of [['empty', 0], ['partial', 1]]) assert.equal((await post(words([{ image }, { text: `simulate-${kind}` }]), now)).output.choices[0].message.content.length, n);
});

test('DashScope simulator: each fault of a call is seen, and has the effect it says', async t => {
  const { sim, call, animate, submit, poll, pass, json } = await world(t), service = `services/aigc/${ANIMATE}`;
  // each in a second of its own: five submits a second are allowed
  const ask = async () => { await sim.advance(1000); return call('POST', service, { body: animate(), headers: { 'X-DashScope-Async': 'enable' } }); };
  const is = (status, code, more = () => true) => a => a.status === status && JSON.parse(a.body).code === code && more(a);
  await brokenCalls(sim, 'submit', ask, () => sim.tasks.size, { 401: is(401, 'InvalidApiKey'), arrears: is(400, 'Arrearage'), moderation: is(400, 'DataInspectionFailed'), 500: is(500, 'InternalError'),
    '500_after': is(500, 'InternalError'), 429: is(429, 'Throttling.RateQuota', a => !a.headers.has('retry-after')), '429_seconds': is(429, 'Throttling.RateQuota', a => a.headers.get('retry-after') === '2'),
    '429_date': is(429, 'Throttling.RateQuota', a => Math.abs(Date.parse(a.headers.get('retry-after')) - sim.now() - 2000) <= 1000) });
  sim.fault('submit', 'arrears', 1, { code: 'PrepaidBillOverdue' });
  assert.ok(is(429, 'PrepaidBillOverdue')(await ask()));
  sim.fault('submit', 'refuse', 1, { status: 403, code: 'AllocationQuota.FreeTierOnly', about: 'animate-move' });
  assert.equal((await ask()).status, 200);
  assert.ok(is(403, 'AllocationQuota.FreeTierOnly')(await call('POST', service, { body: animate({ model: 'wan2.2-animate-move' }), headers: { 'X-DashScope-Async': 'enable' } })));
  await pass(1000);
  assert.equal((await json('POST', service, { body: animate({ input: { image_url: 'http://h/p.png?simulate-moderation' } }), headers: { 'X-DashScope-Async': 'enable' } })).code, 'DataInspectionFailed');
  const id = await submit();
  const looks = () => sim.calls.filter(c => c.op === 'poll' && c.status === 200).length;
  await brokenCalls(sim, 'poll', () => call('GET', `tasks/${id}`), looks, { 401: is(401, 'InvalidApiKey'), 500: is(500, 'InternalError'), 429: is(429, 'Throttling.RateQuota'),
    '429_seconds': a => a.headers.get('retry-after') === '2' });
  sim.fault('poll', 'vanish');                                         // of a look it means nothing
  assert.equal((await poll(id)).task_id, id);
  assert.throws(() => sim.fault('', 'expired'), /no such fault/);
});

test('DashScope simulator: what befalls tasks and results', async t => {
  const { sim, animate, submit, poll, pass, ask, at } = await world(t);
  const fate = async (kind, more = {}, q) => { sim.fault('submit', kind, 1, more); const id = await submit(q); await pass(5000); return id; };
  const said = async (...a) => { const o = await poll(await fate(...a)); return [sim.calls.at(-1).status, o.task_status, o.code ?? null]; };
  assert.deepEqual(await said('moderation_after'), [200, 'FAILED', 'DataInspectionFailed']);
  assert.deepEqual(await said('failed'), [200, 'FAILED', 'InternalError.Algo']);
  const alone = { code: 'InvalidFile.MultiHuman' };
  assert.deepEqual(await said('failed', alone), [200, 'FAILED', 'InvalidFile.MultiHuman']);
  assert.deepEqual(await said('failed', alone, animate({ parameters: { check_image: false } })), [200, 'SUCCEEDED', null]);
  assert.deepEqual(await said('error_inside'), [200, 'SUCCEEDED', 'InternalError.Upload']);
  assert.deepEqual(await said('empty'), [200, 'SUCCEEDED', null]);
  assert.deepEqual(await said('cancelled'), [200, 'CANCELED', null]);
  assert.deepEqual(await said('odd_status'), [200, 'PONDERING', null]);
  assert.deepEqual(await said('odd_status', { word: 'SUSPENDED' }), [200, 'SUSPENDED', null]);
  const before = sim.bills.length;
  assert.deepEqual(await said('vanish'), [200, 'UNKNOWN', null]);
  assert.equal(sim.bills.length - before, 1);                          // and costs what it costs
  const gone = await fate('vanish', { seconds: 5 });
  assert.equal((await poll(gone)).task_status, 'UNKNOWN');
  const twice = await fate('success_then_failed');
  assert.deepEqual([(await poll(twice)).task_status, (await poll(twice)).task_status], ['SUCCEEDED', 'FAILED']);
  const late = await fate('late', { seconds: 60 });
  assert.equal((await poll(late)).task_status, 'RUNNING');
  await pass(60_000);
  assert.equal((await poll(late)).task_status, 'SUCCEEDED');
  const later = await submit(animate({ input: { video_url: `${at.url}/v.mp4?x=1` } }));
  await ask('fate', { id: later, kind: 'failed', code: 'InvalidFile.NoHuman' });
  await ask('finish', { id: later });
  assert.equal((await poll(later)).code, 'InvalidFile.NoHuman');
  await brokenResults(async kind => (await poll(await fate(kind))).results.video_url);
  // and the download, for as long as it is ordered
  const { video_url } = (await poll(await fate('late', { seconds: 0 }))).results, plain = await download(video_url);
  for (const [kind, status] of [['500', 500], ['429', 503], ['502', 502], ['504_after', 504]]) {
    sim.fault('GET /files', kind);
    assert.equal((await download(video_url)).status, status, kind);
  }
  sim.fault('GET /files', 'refuse', 1, { status: 404 });
  assert.equal((await download(video_url)).status, 404);
  sim.fault('GET /files', 'garbled');
  assert.equal((await download(video_url)).cut, true);
  for (const kind of ['lost', 'reset']) {
    sim.fault('GET /files', kind);
    await assert.rejects(download(video_url), kind);
  }
  sim.fault('GET /files', 'drip', 1, { every_ms: 60_000 });
  const stop = new AbortController(), slow = await fetch(video_url, { signal: stop.signal });
  assert.equal(Number(slow.headers.get('content-length')), plain.bytes.length);
  stop.abort();
  await assert.rejects(slow.arrayBuffer(), { name: 'AbortError' });      // it had not come
  assert.deepEqual((await download(video_url)).bytes, plain.bytes);
  const { said: state } = await ask('state');
  assert.equal(state.tasks.length, sim.tasks.size);
  assert.equal(state.billed['wan2.2-animate-mix'], sim.bills.reduce((n, b) => n + b.units, 0));
});

test('DashScope simulator: notices as EventBridge pushes them', async t => {
  const answers = [], { sim, at, submit, poll, pass } = await world(t, { say: n => answers[n - 1] ?? 200 });
  sim.notifyUrl = `${at.url}/hooks/dashscope?x=1`;
  const cert = await (await fetch(`${sim.url}/certificate.pem`)).text();
  /** As the contract says it is verified; the reason if it is not. */
  const hear = n => {
    const h = name => n.headers[`x-eventbridge-${name}`] ?? '';
    if (Math.abs(sim.now() / 1000 - Number(h('signature-timestamp'))) > 60) return 'old';
    if (!/^https:\/\/[a-z0-9-]+-eventbridge\.oss-accelerate\.aliyuncs\.com\//.test(h('signature-url'))) return 'not their certificate';
    const lines = ['signature-timestamp', 'hash-method', 'signature-version', 'signature-url', 'signature-token'].map(k => `x-eventbridge-${k}: ${h(k)}\n`);
    const text = `${sim.notifyUrl}\n${lines.join('')}${n.body}`;
    return createVerify('RSA-SHA256').update(text).verify(new X509Certificate(cert).publicKey, h('signature-v2'), 'base64') ? JSON.parse(n.body) : 'forged';
  };
  const told = async kind => {
    if (kind) sim.trouble({ kind, seconds: 89 });
    at.got.length = 0;
    const id = await submit();
    await pass(6000);
    return [id, ...at.got.map(hear)];
  };
  const [id, event, ...rest] = await told('');
  assert.deepEqual([rest, event.source, event.type, event.specversion, event.data.task_id, event.data.task_status, event.data.contain_result], [[], 'acs.dashscope', 'dashscope:System:AsyncTaskFinish', '1.0', id, 'SUCCEEDED', false]);
  assert.equal(event.data.end_time, sim.tasks.get(id).ended_ms);
  assert.deepEqual((await told('forged')).slice(1).map(x => x.data?.task_status ?? x), ['forged', 'SUCCEEDED']);
  assert.deepEqual((await told('stale')).slice(1).map(x => x.data?.task_status ?? x), ['old', 'SUCCEEDED']);
  assert.deepEqual((await told('impostor')).slice(1).map(x => x.data?.task_status ?? x), ['not their certificate', 'SUCCEEDED']);
  assert.deepEqual((await told('lost')).slice(1), []);
  const [, a, b] = await told('duplicate');
  assert.deepEqual([a.id, a.data], [b.id, b.data]);
  assert.deepEqual((await told('late')).slice(1), []);
  await pass(88_999);
  assert.equal(at.got.length, 0);
  await pass(1);
  assert.equal(at.got.length, 1);
  sim.fault('submit', 'success_then_failed');
  assert.deepEqual((await told('')).slice(1).map(e => e.data.task_status), ['SUCCEEDED', 'FAILED']);
  sim.fault('submit', 'early_notice');
  sim.notice_s = 0;
  at.got.length = 0;
  const early = submit();
  await until(() => at.got.length === 1);
  assert.equal(hear(at.got[0]).data.task_id, await early);
  assert.equal((await poll(await early)).task_status, 'SUCCEEDED');
  answers.push(...Array(200).fill(500));
  at.got.length = 0;
  await submit();
  await pass(5000);
  const n = sim.notices.at(-1);
  assert.deepEqual([n.tries, Math.round((n.due_ms - sim.now()) / 1000)], [1, 10]);
  await pass(HOUR);
  assert.deepEqual([n.tries, n.due_ms, new Set(at.got.map(g => JSON.parse(g.body).id)).size], [9, null, 1]);
});

test('DashScope simulator: by hand', async t => {
  const said = await byHand(t, 'tests/sim/dashscope.mjs', '--key=sk-abc');
  assert.deepEqual([said.simulator, said.settings.ZOETROPE_DASHSCOPE_KEY, said.settings.ZOETROPE_DASHSCOPE_URL], ['DashScope', 'sk-abc', said.url]);
  assert.equal((await fetch(`${said.url}/api/v1/tasks/x`, { headers: { Authorization: 'Bearer sk-abc' } })).status, 200);
  assert.match(await (await fetch(said.url)).text(), /no AI is at work here.*poll/s);
});
