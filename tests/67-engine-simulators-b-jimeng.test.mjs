// 67-engine-simulators-b-jimeng.test.mjs - the simulator of Volcengine's visual API, driven by @volcengine/openapi, unmodified, and by calls signed as
// Volcengine's SDK for Python signs them. Nothing of ours takes part.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import openapi from '@volcengine/openapi';
import { BASE, brokenCalls, brokenResults, byHand, control, download, place, time } from './lib/engines.mjs';
import { start } from './sim/engine.mjs';
import { Jimeng, signVolc } from './sim/jimeng.mjs';
import { clip, picture, probe, sha256 } from './sim/media.mjs';

const { Service, Signer } = openapi, HOUR = 3_600_000;
const ACCOUNT = { keyId: 'AKLTTESTACCESSKEY0000000000000000', secret: 'VGVzdFNlY3JldEtleUZvclVuaXRUZXN0cw==' };

async function world(t, options = {}) {
  const clock = time(t), sim = await start(Jimeng, { ...ACCOUNT, now: clock.now, concurrent: 1000, qps: 1000, ...options }, t);
  const photo = picture('photo', { width: 400, height: 320 }), files = await place(t, { '/photo.png': photo, '/mask.png': picture('mask', { width: 400, height: 320 }) });
  const service = new Service({ protocol: 'http:', host: `127.0.0.1:${sim.port}`, serviceName: 'cv', region: 'cn-north-1', accessKeyId: sim.keyId, secretKey: sim.secret, sessionToken: sim.token || undefined });
  const api = (Action, Version = '2022-08-31') => service.createJSONAPI(Action, { Version });
  const submit = api('CVSync2AsyncSubmitTask'), query = api('CVSync2AsyncGetResult'), convert = api('ConvertPhotoV2');
  const draw = async (more = {}) => (await submit({ req_key: 'jimeng_t2i_v40', prompt: 'a red kite over the sea', seed: 7, ...more })).data?.task_id;
  const look = (task_id, req_key = 'jimeng_t2i_v40', how = { return_url: true }) => query({ req_key, task_id, req_json: JSON.stringify(how) });
  const pass = ms => clock.pass(sim, ms);
  const done = async (more, key = more?.req_key) => { const id = await draw(more); await pass(5000); return (await look(id, key)).data; };
  return { sim, files, photo, service, api, submit, query, convert, draw, look, pass, done, ask: control(sim) };
}

/** As volc-sdk-python signs: content-type too. change: {headers, body, secret, keyId} put in after, or before signing. */
async function raw(sim, Action, q, { version = '2022-08-31', secret = sim.secret, keyId = sim.keyId, at = sim.now(), before = {}, after = {}, drop = [], body = JSON.stringify(q), sent = body, names, region, scope = `${region ?? 'cn-north-1'}/cv`, token } = {}) {
  const date = new Date(at).toISOString().replace(/[-:]|\.\d+/g, ''), query = new URLSearchParams({ Action, Version: version });
  const headers = { 'content-type': 'application/json', host: `127.0.0.1:${sim.port}`, 'x-content-sha256': sha256(body), 'x-date': date, ...(token ? { 'x-security-token': token } : {}), ...before };
  names ??= Object.keys(headers).sort();
  const signature = signVolc({ method: 'POST', query, headers, names, bodyHash: sha256(body), secret, region });
  headers.authorization = `HMAC-SHA256 Credential=${keyId}/${date.slice(0, 8)}/${scope}/request, SignedHeaders=${names.join(';')}, Signature=${signature}`;
  Object.assign(headers, after);
  for (const h of [...drop, 'host']) delete headers[h];
  const r = await fetch(`${sim.url}/?${query}`, { method: 'POST', headers, body: sent });
  return { status: r.status, headers: r.headers, body: await r.text() };
}

test('Jimeng simulator: both vectors of the contract, and the SDK, sign alike', () => {
  const body = '{"req_key":"jimeng_t2i_v40","prompt":"a red kite over the sea","seed":7}';
  const headers = { 'content-type': 'application/json', host: 'visual.volcengineapi.com', 'x-content-sha256': sha256(body), 'x-date': '20260115T083000Z' };
  const sign = names => signVolc({ method: 'POST', query: [['Version', '2022-08-31'], ['Action', 'CVSync2AsyncSubmitTask']], headers, names, bodyHash: sha256(body), secret: ACCOUNT.secret });
  const a = '241fda1cb07761f8fbed4e1de37984c82916481fa51c5f0fcc30a378171df647', b = '254ee21960a2c91fb99031e4b7304e45e1801097af93521c072d5aec0b87ffa6';
  assert.equal(sign(['content-type', 'host', 'x-content-sha256', 'x-date']), a);
  assert.equal(sign(['host', 'x-content-sha256', 'x-date']), b);
  const request = { region: 'cn-north-1', method: 'POST', pathname: '/', params: { Action: 'CVSync2AsyncSubmitTask', Version: '2022-08-31' }, headers: { host: headers.host }, body };
  new Signer(request, 'cv').addAuthorization({ accessKeyId: ACCOUNT.keyId, secretKey: ACCOUNT.secret }, new Date(BASE));
  assert.ok(request.headers.Authorization.endsWith(`Signature=${b}`));
});

test('Jimeng simulator: who may ask', async t => {
  const { sim, submit, draw } = await world(t), q = { req_key: 'jimeng_t2i_v40', prompt: 'x' };
  assert.ok(await draw());
  assert.equal((await raw(sim, 'CVSync2AsyncSubmitTask', q)).status, 200);
  const refused = async (code, how) => {
    const a = await raw(sim, 'CVSync2AsyncSubmitTask', q, how), { ResponseMetadata: m } = JSON.parse(a.body);
    assert.deepEqual([a.status, m.Error.Code, m.Action, m.Service, m.Region], [401, code, 'CVSync2AsyncSubmitTask', 'cv', 'cn-north-1']);
  };
  await refused('SignatureDoesNotMatch', { secret: 'another' });
  await refused('SignatureDoesNotMatch', { sent: JSON.stringify({ ...q, prompt: 'y' }) });
  await refused('SignatureDoesNotMatch', { after: { 'content-type': 'application/json; charset=utf-8' } });
  await refused('SignatureDoesNotMatch', { drop: ['x-content-sha256'] });
  await refused('SignatureDoesNotMatch', { before: { 'x-content-sha256': sha256('another body') } });
  await refused('SignatureDoesNotMatch', { names: ['content-type', 'host', 'x-content-sha256'] });
  await refused('SignatureDoesNotMatch', { region: 'cn-beijing' });
  for (const scope of ['cn-beijing/cv', 'cn-north-1/iam']) await refused('SignatureDoesNotMatch', { scope });
  await refused('InvalidAccessKey', { keyId: 'AKLTOTHER' });
  await refused('MissingAuthenticationToken', { drop: ['authorization'] });
  await refused('InvalidTimestamp', { at: BASE - 15 * 60_000 - 1000 });
  await refused('InvalidTimestamp', { at: BASE + 15 * 60_000 + 1000 });
  await refused('InvalidTimestamp', { drop: ['x-date'] });
  assert.equal((await raw(sim, 'CVSync2AsyncSubmitTask', q, { at: BASE - 14 * 60_000 })).status, 200);
  await refused('InvalidActionOrVersion', { version: '2020-01-01' });
  assert.equal((await submit({ req_key: 'jimeng_t2i_v99', prompt: 'x' })).code, 50400);
  assert.equal(JSON.parse((await raw(sim, 'CVSync2AsyncSubmitTask', q, { body: '{' })).body).code, 50200);
});

test('Jimeng simulator: temporary credentials', async t => {
  const { sim, draw } = await world(t, { token: 'STS2token' }), q = { req_key: 'jimeng_t2i_v40', prompt: 'x' };
  assert.ok(await draw());
  assert.equal((await raw(sim, 'CVSync2AsyncSubmitTask', q, { token: 'STS2token' })).status, 200);
  for (const how of [{}, { token: 'other' }, { token: 'STS2token', names: ['content-type', 'host', 'x-content-sha256', 'x-date'] }]) assert.equal((await raw(sim, 'CVSync2AsyncSubmitTask', q, how)).status, 401);
});

test('Jimeng simulator: pictures from the submit to the end of their links', async t => {
  const { sim, files, query, draw, look, pass, done } = await world(t), image_urls = [`${files.url}/photo.png`];
  const id = await draw({ image_urls });
  assert.deepEqual(files.asked, ['/photo.png']);
  const states = [];
  for (const ms of [0, 999, 1, 3999, 1]) {
    await pass(ms);
    states.push((await look(id)).data.status);
  }
  assert.deepEqual(states, ['in_queue', 'in_queue', 'generating', 'generating', 'done']);
  const a = await look(id);
  assert.deepEqual([a.code, a.status, a.message, a.data.image_urls.length, a.data.binary_data_base64, a.data.video_url], [10000, 10000, 'Success', 1, null, '']);
  assert.match((await raw(sim, 'CVSync2AsyncGetResult', { req_key: 'jimeng_t2i_v40', task_id: id, req_json: '{"return_url":true}' })).body, /\?Expires=\d+\\u0026Signature=/);
  const bytes = (await download(a.data.image_urls[0])).bytes, of = async d => (await download(d.image_urls[0])).bytes;
  assert.equal(probe(bytes).type, 'image/png');
  assert.deepEqual(sim.inputs.map(i => [i.from, i.status, i.type, i.width, i.height, i.fault]), [[image_urls[0], 200, 'image/png', 400, 320, '']]);
  assert.deepEqual(Buffer.from((await look(id, 'jimeng_t2i_v40', {})).data.binary_data_base64[0], 'base64'), bytes);     // no link was asked for
  assert.deepEqual(await of(await done({ image_urls })), bytes);                        // same words, same picture, same seed
  for (const other of [{ image_urls, seed: 8 }, { image_urls, prompt: 'a blue kite' }, { image_urls: [`${files.url}/mask.png`] }, { image_urls, width: 2048, height: 1536 }, {}]) assert.notDeepEqual(await of(await done(other)), bytes);
  assert.notDeepEqual(await of(await done({ image_urls, seed: -1 })), await of(await done({ image_urls, seed: -1 })));
  const marked = await look(id, 'jimeng_t2i_v40', { return_url: true, logo_info: { add_logo: true }, aigc_meta: { producer_id: 'our-1', content_propagator: 'us' } });
  assert.equal(marked.data.aigc_meta_tagged, true);
  assert.notDeepEqual(await of(marked.data), bytes);
  assert.equal((await look(id, 'jimeng_t2i_v40', { aigc_meta: { producer_id: 'our-1' } })).code, 50200);
  assert.equal((await query({ req_key: 'jimeng_t2i_v40', task_id: id, req_json: { return_url: true } })).code, 50200);  // a string holds it
  assert.equal((await look(id, 'jimeng_i2i_v30')).data.status, 'not_found');
  assert.equal((await look('1')).data.status, 'not_found');
  assert.equal((await download(a.data.image_urls[0].replace('Expires=1', 'Expires=2'))).status, 403);
  await pass(12 * HOUR);
  assert.equal((await look(id)).data.status, 'not_found');
  assert.equal((await download(a.data.image_urls[0])).status, 200);
  await pass(12 * HOUR);
  assert.equal((await download(a.data.image_urls[0])).status, 403);
});

test('Jimeng simulator: how many pictures, and what is paid for', async t => {
  const { sim, draw, look, done, files, pass, api } = await world(t);
  assert.equal((await done({ prompt: '画4张' })).image_urls.length, 4);
  assert.equal((await done({ prompt: '4 pictures of a cat', force_single: true })).image_urls.length, 1);
  assert.equal((await done({ prompt: '15 pictures', image_urls: Array(3).fill(`${files.url}/photo.png`) })).image_urls.length, 12);
  sim.fault('CVSync2AsyncSubmitTask', 'pictures', 1, { count: 3 });
  assert.equal((await done()).image_urls.length, 3);
  sim.fault('CVSync2AsyncSubmitTask', 'partial');
  assert.equal((await done({ prompt: '4 pictures' })).image_urls.length, 3);
  assert.deepEqual(sim.billed, { jimeng_t2i_v40: 4 + 1 + 12 + 3 + 3 });
  for (const kind of ['moderation_after', 'failed', 'expired']) await done({ prompt: `simulate-${kind}` }).catch(() => null);
  assert.deepEqual(sim.billed, { jimeng_t2i_v40: 23 });
  const id = await draw();
  assert.equal((await api('CVCancelTask', '2024-06-06')({ req_key: 'jimeng_t2i_v40', task_id: id })).code, 10000);
  await pass(5000);
  assert.equal((await look(id)).data.status, 'done');                  // what was begun is made, and paid
  assert.deepEqual(sim.billed, { jimeng_t2i_v40: 24 });
});

test('Jimeng simulator: clips, whose links live an hour', async t => {
  const { sim, files, photo, draw, look, done, pass } = await world(t), req_key = 'jimeng_ti2v_v30_pro', image_urls = [`${files.url}/photo.png`];
  const five = await done({ req_key, image_urls, aspect_ratio: '3:4' }), ten = await done({ req_key, binary_data_base64: [photo.toString('base64')], frames: 241 });
  const a = await download(five.video_url), b = await download(ten.video_url);
  assert.deepEqual([a.type, probe(a.bytes).seconds, probe(b.bytes).seconds, five.image_urls], ['video/mp4', 5, 10, null]);
  assert.deepEqual(sim.billed, { [req_key]: 15 });
  await pass(HOUR);
  assert.equal((await download(five.video_url)).status, 403);
  const id = await draw({ req_key, image_urls });
  await pass(5000 + HOUR);
  assert.equal((await download((await look(id, req_key)).data.video_url)).status, 403);     // asked for too late
});

test('Jimeng simulator: what it does not take', async t => {
  const { sim, files, submit } = await world(t), say = async q => (await submit({ prompt: 'x', ...q })).code;
  const no = async q => assert.equal(await say(q), 50200, JSON.stringify(q).slice(0, 200));
  Object.assign(files.files, { '/small.png': picture('s', { width: 400, height: 319 }), '/wide.png': picture('w', { width: 1201, height: 400 }), '/tall.png': picture('t', { width: 1300, height: 4097 }),
    '/clip.mp4': clip('c'), '/text.png': Buffer.from('no picture'), '/heavy.png': Buffer.concat([picture('h'), Buffer.alloc(15 * 1024 * 1024)]), '/moved.png': { status: 302, headers: { Location: '/photo.png' } } });
  const at = (...names) => names.map(n => `${files.url}/${n}.png`), v40 = { req_key: 'jimeng_t2i_v40' }, pro = { req_key: 'jimeng_ti2v_v30_pro' };
  for (const q of [{ ...v40, prompt: '' }, { ...v40, prompt: 'x'.repeat(801) }, { ...v40, image_urls: at(...Array(11).fill('photo')) }, { ...v40, scale: 1.1 }, { ...v40, seed: 1.5 }, { ...v40, size: 1024 * 1023 },
    { ...v40, width: 2048 }, { ...v40, width: 512, height: 512 }, { ...v40, image_urls: at('wide') }, { ...v40, image_urls: at('tall') }, { ...v40, image_urls: at('text') }, { ...v40, image_urls: at('heavy') },
    { ...v40, image_urls: at('missing') }, { ...v40, image_urls: [`${files.url}/clip.mp4`] }, { ...v40, image_urls: 'x' }, { ...pro, image_urls: at('small') }, { ...pro, image_urls: at('photo', 'mask') }, { ...pro, frames: 120 },
    { ...pro, aspect_ratio: '2:1' }, { ...pro, image_urls: at('photo'), binary_data_base64: ['x'] }, { req_key: 'jimeng_i2i_v30' }, { req_key: 'jimeng_i2i_v30', image_urls: at('photo'), width: 500, height: 600 },
    { req_key: 'jimeng_i2v_first_tail_v30_1080', image_urls: at('photo') }, { req_key: 'jimeng_t2i_v31', image_urls: at('photo') }]) await no(q);
  assert.deepEqual(sim.tasks.size, 0);
  for (const q of [{ ...v40, prompt: 'ü'.repeat(800) }, { ...v40, image_urls: at('moved') }, { ...pro, image_urls: at('photo') }, { req_key: 'jimeng_i2i_v30', image_urls: at('photo'), width: 512, height: 1536 },
    { req_key: 'jimeng_i2v_first_tail_v30_1080', image_urls: at('photo', 'mask') }, { req_key: 'jimeng_t2i_v31' }]) assert.equal(await say(q), 10000, JSON.stringify(q).slice(0, 200));
});

test('Jimeng simulator: how much at a time, and in a second', async t => {
  const { sim, draw, submit, pass } = await world(t, { concurrent: 2, qps: 3 }), q = { req_key: 'jimeng_t2i_v40', prompt: 'x' };
  await draw();
  await draw();
  assert.equal((await submit(q)).code, 50430);
  assert.equal((await submit(q)).code, 50429);
  assert.deepEqual(sim.calls.slice(-2).map(c => c.status), [429, 429]);
  await pass(1000);
  assert.equal((await submit(q)).code, 50430);
  await pass(4000);
  assert.equal((await submit(q)).code, 10000);
});

test('Jimeng simulator: old photos, at once', async t => {
  const { sim, files, convert } = await world(t), q = { req_key: 'lens_opr', image_urls: [`${files.url}/photo.png`], if_color: 1 };
  const a = await convert({ ...q, return_url: true }), b = await convert(q), grey = await convert({ ...q, if_color: 0 });
  assert.deepEqual((await download(a.data.image_urls[0])).bytes, Buffer.from(b.data.binary_data_base64[0], 'base64'));
  assert.notEqual(grey.data.binary_data_base64[0], b.data.binary_data_base64[0]);
  for (const more of [{ if_color: 2 }, { image_urls: [] }, { req_key: 'lens_other' }]) assert.equal((await convert({ ...q, ...more })).code, 50200);
  for (const [kind, code] of [['moderation_after', 50511], ['failed', 50500], ['error_inside', 50511]]) {
    sim.fault('ConvertPhotoV2', kind);
    assert.deepEqual([(await convert(q)).code, sim.calls.at(-1).status], [code, { failed: 500, error_inside: 200 }[kind] ?? 400]);
  }
  sim.fault('ConvertPhotoV2', 'empty');
  assert.deepEqual((await convert(q)).data.binary_data_base64, []);
  assert.deepEqual(sim.billed, { lens_opr: 4 });
});

test('Jimeng simulator: each fault of a call is seen, and has the effect it says', async t => {
  const { sim } = await world(t), code = n => a => a.status === { 50429: 429, 50500: 500 }[n] || (a.status === 400 && JSON.parse(a.body).code === n);
  await brokenCalls(sim, 'CVSync2AsyncSubmitTask', () => raw(sim, 'CVSync2AsyncSubmitTask', { req_key: 'jimeng_t2i_v40', prompt: 'x' }), () => sim.tasks.size, {
    401: a => a.status === 401 && JSON.parse(a.body).ResponseMetadata.Error.Code === 'SignatureDoesNotMatch', arrears: code(50400), moderation: code(50412), 500: code(50500), '500_after': code(50500),
    429: a => a.status === 429 && JSON.parse(a.body).code === 50429 && !a.headers.has('retry-after'), '429_seconds': a => a.status === 429 && a.headers.get('retry-after') === '2',
    '429_date': a => a.status === 429 && Date.parse(a.headers.get('retry-after')) - sim.now() === 2000 - sim.now() % 1000 });
  sim.fault('', 'refuse', 1, { code: 50413, about: 'forbidden' });
  const words = prompt => raw(sim, 'CVSync2AsyncSubmitTask', { req_key: 'jimeng_t2i_v40', prompt });
  assert.equal((await words('allowed')).status, 200);
  assert.equal(JSON.parse((await words('forbidden')).body).code, 50413);
  assert.equal((await words('simulate-arrears')).status, 400);
  assert.throws(() => sim.fault('', 'cancelled'));                     // it cannot happen here
});

test('Jimeng simulator: what befalls tasks and results', async t => {
  const { sim, draw, look, pass, ask } = await world(t);
  const fate = async (kind, more = {}) => { sim.fault('CVSync2AsyncSubmitTask', kind, 1, more); const id = await draw(); await pass(5000); return id; };
  const said = async (...a) => { const r = await look(await fate(...a)); return [sim.calls.at(-1).status, r.code, r.data?.status ?? null]; };
  assert.deepEqual(await said('moderation_after'), [400, 50511, null]);
  assert.deepEqual(await said('moderation_after', { code: 50519 }), [400, 50519, null]);
  assert.deepEqual(await said('failed'), [500, 50500, null]);
  assert.deepEqual(await said('error_inside'), [200, 50511, null]);
  assert.deepEqual(await said('vanish'), [200, 10000, 'not_found']);
  assert.deepEqual(await said('odd_status'), [200, 10000, 'pondering']);
  assert.deepEqual(await said('expired'), [200, 10000, 'expired']);
  assert.deepEqual((await look(await fate('empty'))).data.image_urls, []);
  const twice = await fate('success_then_failed');
  assert.deepEqual([(await look(twice)).data.status, (await look(twice)).code], ['done', 50500]);
  const late = await fate('late', { seconds: 60 });
  assert.equal((await look(late)).data.status, 'generating');
  await pass(60_000);
  assert.equal((await look(late)).data.status, 'done');
  const later = await draw();
  await ask('fate', { id: later, kind: 'failed' });
  await pass(5000);
  assert.equal((await look(later)).code, 50500);
  await brokenResults(async kind => (await look(await fate(kind))).data.image_urls[0]);
  const slow = (await look(await fate('result_404', { seconds: 100 }))).data.image_urls[0];
  assert.equal((await download(slow)).status, 200);
  await pass(100_000);
  assert.equal((await download(slow)).status, 404);
  assert.equal((await ask('state')).said.tasks.length, sim.tasks.size);
});

test('Jimeng simulator: by hand', async t => {
  const said = await byHand(t, 'tests/sim/jimeng.mjs', '--secret=abc', '--token=tok');
  assert.equal(said.settings.ZOETROPE_JIMENG_SECRET, 'abc');
  const sim = { ...said, secret: 'abc', keyId: said.settings.ZOETROPE_JIMENG_KEY_ID, now: () => Date.now() };
  assert.equal((await raw(sim, 'CVSync2AsyncSubmitTask', { req_key: 'jimeng_t2i_v40', prompt: '<b>' }, { token: 'tok' })).status, 200);
  const page = await (await fetch(said.url)).text();
  assert.match(page, /no AI is at work here/);
  assert.match(page, /jimeng_t2i_v40.*CVSync2AsyncSubmitTask/s);
});
