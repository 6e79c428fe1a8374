// 67-engine-simulators-b-aliyun.test.mjs - the simulator of Alibaba Cloud's EnhanceFace, uploads and ImageModeration, driven by @alicloud/facebody20191230
// and @alicloud/openapi-client, unmodified, with both signatures. Nothing of ours takes part.
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import * as facebody from '@alicloud/facebody20191230';
import * as openapi from '@alicloud/openapi-client';
import openapiUtil from '@alicloud/openapi-util';
import * as teaUtil from '@alicloud/tea-util';
import { BASE, brokenCalls, brokenResults, byHand, control, download, place, time } from './lib/engines.mjs';
import { Aliyun, signAcs3, signRpc } from './sim/aliyun.mjs';
import { start } from './sim/engine.mjs';
import { picture, probe, sha256 } from './sim/media.mjs';

const { default: Facebody, EnhanceFaceRequest, EnhanceFaceAdvanceRequest } = facebody.default.EnhanceFaceRequest ? facebody.default : facebody;
const { default: OpenApi, Params, OpenApiRequest } = openapi.default.Params ? openapi.default : openapi, { RuntimeOptions } = teaUtil.default.RuntimeOptions ? teaUtil.default : teaUtil;
const Util = openapiUtil.default ?? openapiUtil, ACCOUNT = { keyId: 'LTAI5tTESTONLY', secret: 'TestSecretForUnitTests' };

async function world(t, options = {}) {
  const clock = time(t), sim = await start(Aliyun, { ...ACCOUNT, now: clock.now, qps: 1000, ...options }, t), files = await place(t, { '/photo.png': picture('photo') });
  const config = more => ({ accessKeyId: sim.keyId, accessKeySecret: sim.secret, ...(sim.token ? { securityToken: sim.token, type: 'sts' } : {}), endpoint: `127.0.0.1:${sim.port}`, protocol: 'http', regionId: 'cn-shanghai', ...more });
  const client = (more = {}) => { const c = new Facebody(config(more)); c._openPlatformEndpoint = `127.0.0.1:${sim.port}`; return c; };
  const runtime = new RuntimeOptions({ autoretry: false });
  const enhance = (imageURL, c = client()) => c.enhanceFaceWithOptions(new EnhanceFaceRequest({ imageURL }), runtime).then(r => r.body);
  const upload = (bytes, c = client()) => c.enhanceFaceAdvance(new EnhanceFaceAdvanceRequest({ imageURLObject: Readable.from([bytes]) }), runtime).then(r => r.body);
  const green = (Service, parameters, more = {}) => new OpenApi(config(more)).callApi(new Params({ action: 'ImageModeration', version: '2022-03-02', protocol: 'HTTP', pathname: '/', method: 'POST', authType: 'AK', style: 'RPC', reqBodyType: 'formData', bodyType: 'json' }),
    new OpenApiRequest({ body: { Service, ServiceParameters: JSON.stringify(parameters) } }), runtime).then(r => r.body);
  return { sim, files, client, enhance, upload, green, pass: ms => clock.pass(sim, ms), ask: control(sim) };
}
/** As the SDK says a refusal. */
const refused = (code, status) => e => { assert.deepEqual([e.code, e.data?.statusCode ?? e.statusCode], [code, status], e.message); return true; };

/** By the contract, so that each part can be wrong. */
async function rpc(sim, params, { method = 'POST', secret = sim.secret, keyId = sim.keyId, at = sim.now(), nonce = `n${Math.random()}`, after = {}, drop = [] } = {}) {
  const p = new URLSearchParams({ Format: 'JSON', AccessKeyId: keyId, SignatureMethod: 'HMAC-SHA1', SignatureVersion: '1.0', SignatureNonce: nonce, Timestamp: new Date(at).toISOString().replace(/\.\d+/, ''), ...params });
  p.set('Signature', signRpc(method, p, secret));
  for (const [k, v] of Object.entries(after)) p.set(k, v);
  for (const k of drop) p.delete(k);
  const r = await fetch(`${sim.url}/${method === 'GET' ? `?${p}` : ''}`, { method, ...(method === 'POST' ? { body: p } : {}) });
  return { status: r.status, headers: r.headers, body: await r.text() };
}
async function acs3(sim, action, version, form, { secret = sim.secret, keyId = sim.keyId, at = sim.now(), nonce = `n${Math.random()}`, sent, before = {}, after = {}, names } = {}) {
  const body = new URLSearchParams(form).toString();
  const headers = { host: `127.0.0.1:${sim.port}`, 'content-type': 'application/x-www-form-urlencoded', 'x-acs-action': action, 'x-acs-version': version, 'x-acs-date': new Date(at).toISOString().replace(/\.\d+/, ''),
    'x-acs-signature-nonce': nonce, 'x-acs-content-sha256': sha256(body), ...before };
  names ??= Object.keys(headers).sort();
  headers.authorization = `ACS3-HMAC-SHA256 Credential=${keyId},SignedHeaders=${names.join(';')},Signature=${signAcs3({ method: 'POST', headers, names, bodyHash: sha256(body), secret })}`;
  Object.assign(headers, after);
  delete headers.host;
  const r = await fetch(sim.url, { method: 'POST', headers, body: sent ?? body });
  return { status: r.status, headers: r.headers, body: await r.text() };
}
const code = a => [a.status, JSON.parse(a.body).Code];

test('Alibaba Cloud simulator: the vectors of the contract, and the SDK, sign alike', () => {
  const old = { AccessKeyId: 'testid', Action: 'DescribeRegions', Format: 'XML', Version: '2014-05-26', Timestamp: '2016-02-23T12:46:24Z', SignatureNonce: '3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf', SignatureMethod: 'HMAC-SHA1', SignatureVersion: '1.0' };
  assert.equal(signRpc('GET', Object.entries(old), 'testsecret'), 'OLeaidS1JvxuMvnyHOwuJ+uX5qY=');
  const face = { AccessKeyId: 'LTAI5tTESTONLY', Action: 'EnhanceFace', Format: 'JSON', ImageURL: 'https://example-bucket.oss-cn-shanghai.aliyuncs.com/old photo(1)*~.jpg', RegionId: 'cn-shanghai', SignatureMethod: 'HMAC-SHA1',
    SignatureNonce: '5f1c7e0a-0000-4000-8000-000000000001', SignatureVersion: '1.0', Timestamp: '2026-01-15T08:30:00Z', Version: '2019-12-30' };
  assert.equal(signRpc('POST', Object.entries({ ...face, Signature: 'ignored' }), ACCOUNT.secret), 'zYb713/DW7RegOAGx0ZEfxc57DI=');
  assert.equal(Util.getRPCSignature(face, 'POST', ACCOUNT.secret), 'zYb713/DW7RegOAGx0ZEfxc57DI=');
  const run = { host: 'ecs.cn-shanghai.aliyuncs.com', 'x-acs-action': 'RunInstances', 'x-acs-version': '2014-05-26', 'x-acs-date': '2023-10-26T10:22:32Z', 'x-acs-signature-nonce': '3156853299f313e23d1673dc12e1703d', 'x-acs-content-sha256': sha256('') };
  assert.equal(signAcs3({ method: 'POST', query: [['RegionId', 'cn-shanghai'], ['ImageId', 'win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd']], headers: run, names: Object.keys(run).sort(), bodyHash: sha256(''), secret: 'YourAccessKeySecret' }),
    '06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0');
  for (const [host, action, version, nonce, body, signature] of [
    ['green-cip.cn-shanghai.aliyuncs.com', 'ImageModeration', '2022-03-02', '5f1c7e0a000040008000000000000002', 'Service=baselineCheck&ServiceParameters=%7B%22imageUrl%22%3A%22https%3A%2F%2Fexample.com%2Fa.jpg%22%2C%22dataId%22%3A%22job-42%22%7D',
      '01c510db1e9ede889fa0070df7f1ea7eb04c60edf41e99886779b8cc9e86f52e'],
    ['facebody.cn-shanghai.aliyuncs.com', 'EnhanceFace', '2019-12-30', '5f1c7e0a000040008000000000000003', 'ImageURL=https%3A%2F%2Fexample-bucket.oss-cn-shanghai.aliyuncs.com%2Fold.jpg', 'd34dfa3aea0535a1a41e6da441a134bb38c2cbd6322452af00bea738b2f80252']]) {
    const headers = { host, 'content-type': 'application/x-www-form-urlencoded', 'x-acs-action': action, 'x-acs-version': version, 'x-acs-date': '2026-01-15T08:30:00Z', 'x-acs-signature-nonce': nonce, 'x-acs-content-sha256': sha256(body) };
    assert.equal(signAcs3({ method: 'POST', headers, names: Object.keys(headers).sort(), bodyHash: sha256(body), secret: ACCOUNT.secret }), signature);
    assert.ok(Util.getAuthorization({ method: 'POST', pathname: '/', query: {}, headers }, 'ACS3-HMAC-SHA256', sha256(body), ACCOUNT.keyId, ACCOUNT.secret).endsWith(`Signature=${signature}`));
  }
});

test('Alibaba Cloud simulator: a picture that is uploaded by the SDK, and enhanced', async t => {
  for (const signatureAlgorithm of [undefined, 'v2']) {
    const { sim, client, upload, enhance, pass } = await world(t, {}), c = client(signatureAlgorithm ? { signatureAlgorithm } : {}), photo = picture('old photo');
    const a = await upload(photo, c), d = await download(a.data.imageURL);
    assert.deepEqual([typeof a.requestId, probe(d.bytes).type, sim.calls.map(x => [x.op, x.status])], ['string', 'image/png', [['AuthorizeFileUpload', 200], ['POST object', 201], ['EnhanceFace', 200], ['GET /files', 200]]]);
    assert.equal(/^ACS3/.test(sim.calls[2].headers.authorization ?? ''), !signatureAlgorithm);
    assert.deepEqual(sim.inputs.map(i => [i.sha256, i.fault]), [[sha256(photo), '']]);
    const [key] = [...sim.objects.keys()], link = `${sim.url}/${key}`;
    assert.deepEqual((await download(link)).bytes, photo);
    assert.deepEqual((await download((await enhance(link, c)).data.imageURL)).bytes, d.bytes);
    assert.notDeepEqual((await download((await upload(picture('another'), c)).data.imageURL)).bytes, d.bytes);
    assert.deepEqual(sim.billed, { EnhanceFace: 3 });
    await pass(30 * 60_000);
    assert.equal((await download(a.data.imageURL)).status, 403);
    await pass(24 * 3_600_000);
    await assert.rejects(enhance(link, c), refused('InvalidFile.Download', 400));
    t.mock.timers.reset();
  }
});

test('Alibaba Cloud simulator: who may ask', async t => {
  const { sim, files } = await world(t, { anyUrl: true }), ask = { Action: 'EnhanceFace', Version: '2019-12-30', ImageURL: `${files.url}/photo.png`, RegionId: 'cn-shanghai' };
  assert.deepEqual([(await rpc(sim, ask)).status, (await rpc(sim, ask, { method: 'GET' })).status], [200, 200]);
  const no = async (want, how, params = ask) => assert.deepEqual(code(await rpc(sim, params, how)), want, JSON.stringify(how));
  await no([404, 'InvalidAccessKeyId.NotFound'], { keyId: 'LTAIother' });
  await no([400, 'SignatureDoesNotMatch'], { secret: 'other' });
  await no([400, 'SignatureDoesNotMatch'], { after: { ImageURL: `${files.url}/other.png` } });
  await no([400, 'IncompleteSignature'], { drop: ['Signature'] });
  await no([400, 'IncompleteSignature'], { after: { SignatureMethod: 'HMAC-SHA256' } });
  await no([400, 'InvalidTimeStamp.Expired'], { at: BASE - 15 * 60_000 - 1000 });
  await no([400, 'InvalidTimeStamp.Expired'], { at: BASE + 15 * 60_000 + 1000 });
  await no([400, 'InvalidTimeStamp.Format'], { after: { Timestamp: 'today' } });
  assert.equal((await rpc(sim, ask, { at: BASE - 14 * 60_000, nonce: 'one' })).status, 200);
  await no([400, 'SignatureNonceUsed'], { nonce: 'one' });
  await no([404, 'InvalidAction.NotFound'], {}, { ...ask, Action: 'RetouchSkin' });
  const form = { ImageURL: ask.ImageURL }, face = how => acs3(sim, 'EnhanceFace', '2019-12-30', form, how), wrong = async (want, how) => assert.deepEqual(code(await face(how)), want, JSON.stringify(how));
  assert.equal((await face()).status, 200);
  await wrong([404, 'InvalidAccessKeyId.NotFound'], { keyId: 'x' });
  await wrong([400, 'SignatureDoesNotMatch'], { secret: 'x' });
  await wrong([400, 'SignatureDoesNotMatch'], { sent: 'ImageURL=x' });
  await wrong([400, 'SignatureDoesNotMatch'], { before: { 'x-acs-content-sha256': sha256('another body') } });
  await wrong([400, 'SignatureDoesNotMatch'], { after: { 'x-acs-action': 'ImageModeration' } });
  await wrong([400, 'SignatureDoesNotMatch'], { names: ['host', 'x-acs-date'] });
  await wrong([400, 'SignatureDoesNotMatch'], { after: { 'x-acs-extra': 'unsigned' } });
  await wrong([400, 'InvalidTimeStamp.Expired'], { at: BASE + 16 * 60_000 });
  await wrong([400, 'SignatureNonceUsed'], { nonce: 'one' });
  const b = JSON.parse((await face({ secret: 'x' })).body);
  assert.deepEqual(Object.keys(b), ['RequestId', 'HostId', 'Code', 'Message', 'Recommend']);
});

test('Alibaba Cloud simulator: temporary credentials', async t => {
  const { sim, upload, client } = await world(t, { token: 'sts-token' }), c = client({ signatureAlgorithm: 'v2' });
  assert.ok((await upload(picture('x'))).data.imageURL);
  assert.ok((await upload(picture('x'), c)).data.imageURL);
  const ask = { Action: 'EnhanceFace', Version: '2019-12-30', ImageURL: `${sim.url}/${[...sim.objects.keys()][0]}` };
  assert.equal((await rpc(sim, { ...ask, SecurityToken: 'sts-token' })).status, 200);
  assert.deepEqual(code(await rpc(sim, ask)), [400, 'InvalidSecurityToken.Malformed']);
  assert.deepEqual(code(await acs3(sim, 'EnhanceFace', '2019-12-30', { ImageURL: ask.ImageURL }, { before: { 'x-acs-security-token': 'other' } })), [400, 'InvalidSecurityToken.Malformed']);
});

test('Alibaba Cloud simulator: what an upload may be', async t => {
  const { sim, upload } = await world(t), grant = async () => JSON.parse((await rpc(sim, { Action: 'AuthorizeFileUpload', Version: '2019-12-19', Product: 'facebody', RegionId: 'cn-shanghai' }, { method: 'GET' })).body);
  const post = async (g, change = {}, order) => {
    const form = new FormData(), fields = { OSSAccessKeyId: g.AccessKeyId, policy: g.EncodedPolicy, Signature: g.Signature, key: g.ObjectKey, success_action_status: '201', file: new Blob([picture('x')]), ...change };
    for (const k of order ?? Object.keys(fields)) form.set(k, fields[k]);
    const r = await fetch(`http://${g.Bucket}.${g.Endpoint}/`, { method: 'POST', body: form });
    return [r.status, /<Code>(\w+)/.exec(await r.text())?.[1]];
  };
  const g = await grant();
  assert.deepEqual(Object.keys(g), ['RequestId', 'AccessKeyId', 'Bucket', 'Endpoint', 'EncodedPolicy', 'ObjectKey', 'Signature', 'UseAccelerate']);
  assert.deepEqual(await post(g, { OSSAccessKeyId: 'STS.other' }), [403, 'InvalidAccessKeyId']);
  assert.deepEqual(await post(g, { Signature: 'x' }), [403, 'SignatureDoesNotMatch']);
  assert.deepEqual(await post(g, { policy: 'x' }), [403, 'SignatureDoesNotMatch']);
  assert.deepEqual(await post(g, { key: 'other' }), [403, 'AccessDenied']);
  assert.deepEqual(await post(g, {}, ['file', 'OSSAccessKeyId', 'policy', 'Signature', 'key']), [400, 'InvalidArgument']);
  assert.equal(sim.objects.size, 0);
  assert.deepEqual(await post(g), [201, undefined]);
  assert.deepEqual(await post(await grant(), { success_action_status: '200' }), [204, undefined]);
  const late = await grant();
  await sim.advance(30 * 60_000);
  assert.deepEqual(await post(late), [403, 'AccessDenied']);
  t.mock.timers.setTime(sim.now());
  sim.fault('AuthorizeFileUpload', 'expired_token');
  await assert.rejects(upload(picture('x')), e => e.code === 'AccessDenied');
  assert.deepEqual(code(await rpc(sim, { Action: 'AuthorizeFileUpload', Version: '2019-12-19', Product: 'other' })), [400, 'InvalidParameter.Product']);
  assert.deepEqual([(await download(`${sim.url}/none`)).status, sim.billed], [404, {}]);
});

test('Alibaba Cloud simulator: what EnhanceFace does not take', async t => {
  const { sim, files, enhance } = await world(t, { anyUrl: true }), strict = await start(Aliyun, { ...ACCOUNT, now: () => BASE, qps: 2 }, t), at = n => `${files.url}/${n}`;
  Object.assign(files.files, { '/32.png': picture('s', { width: 32, height: 100 }), '/33.png': picture('s', { width: 33, height: 33 }), '/2047.png': picture('l', { width: 2047, height: 100 }), '/2048.png': picture('l', { width: 2048, height: 100 }),
    '/heavy.png': Buffer.concat([picture('h'), Buffer.alloc(3 << 20)]), '/text.png': Buffer.from('text'), '/webp.png': Buffer.from('RIFF0000WEBPVP8X0000000000000000') });
  for (const [url, want] of [[at('32.png'), 'InvalidImage.Resolution'], [at('2048.png'), 'InvalidImage.Resolution'], [at('heavy.png'), 'InvalidFile.Size'], [at('text.png'), 'InvalidImage.Type'], [at('webp.png'), 'InvalidImage.Type'],
    [at('none.png'), 'InvalidFile.Download'], [at('%E7%85%A7%E7%89%87.png'), 'InvalidParameter.URL'], ['x', 'InvalidParameter.URL'], [undefined, 'MissingImageURL']]) await assert.rejects(enhance(url), refused(want, 400));
  for (const n of ['33.png', '2047.png', 'photo.png']) assert.ok((await enhance(at(n))).data.imageURL);
  assert.deepEqual(sim.billed, { EnhanceFace: 3 });
  const ask = url => rpc(strict, { Action: 'EnhanceFace', Version: '2019-12-30', ImageURL: url });
  assert.deepEqual(code(await ask(at('photo.png'))), [400, 'InvalidParameter.Region']);
  await ask(at('photo.png'));
  assert.deepEqual(code(await ask(at('photo.png'))), [429, 'Throttling.User']);
});

test('Alibaba Cloud simulator: moderation', async t => {
  const { sim, files, green } = await world(t, { greenQps: 1000 }), imageUrl = `${files.url}/photo.png`;
  const clean = await green('baselineCheck', { imageUrl, dataId: 'job-42' });
  assert.deepEqual([clean.Code, clean.Msg, clean.Data.DataId, clean.Data.RiskLevel, clean.Data.Result.map(r => r.Label)], [200, 'success', 'job-42', 'none', ['nonLabel']]);
  assert.equal((await green('aigcCheck_global', { imageUrl }, { signatureAlgorithm: 'v2' })).Code, 200);
  sim.fault('ImageModeration', 'risk', 1, { about: 'photo', level: 'medium', label: 'sexual_suggestive', confidence: 55.5 });
  assert.deepEqual((await green('baselineCheck', { imageUrl })).Data, { DataId: '', RiskLevel: 'medium', Result: [{ Label: 'sexual_suggestive', Confidence: 55.5, Description: 'sexual_suggestive' }] });
  assert.equal((await green('baselineCheck', { imageUrl: `${imageUrl}?simulate-risk` })).Data.RiskLevel, 'high');
  sim.fault('ImageModeration', 'processing');
  assert.deepEqual(await green('baselineCheck', { imageUrl }).then(r => [r.Code, r.Data]), [280, undefined]);
  assert.deepEqual(sim.billed, { ImageModeration: 4 });
  for (const kind of ['error_inside', 'empty']) {
    sim.fault('ImageModeration', kind);
    assert.deepEqual(await green('baselineCheck', { imageUrl }).then(r => [r.Code, r.Data]), [200, undefined]);
  }
  Object.assign(files.files, { '/moved.png': { status: 302, headers: { Location: '/photo.png' } }, '/shut.png': { status: 403 }, '/text.png': Buffer.from('text') });
  const at = n => ({ imageUrl: `${files.url}/${n}.png` });
  for (const [service, q, want] of [['none', { imageUrl }, 400], ['baselineCheck', {}, 400], ['baselineCheck', { imageUrl, dataId: 'a b' }, 400], ['baselineCheck', at('moved'), 401], ['baselineCheck', at('shut'), 403], ['baselineCheck', at('none'), 404],
    ['baselineCheck', at('text'), 400], ['baselineCheck', { imageUrl: 'http://127.0.0.1:1/x.png' }, 403]]) await assert.rejects(green(service, q), e => (e.data?.statusCode ?? e.statusCode) === want, JSON.stringify([service, q]));
  sim.fault('ImageModeration', 'failed');
  await assert.rejects(green('baselineCheck', { imageUrl }), e => (e.data?.statusCode ?? e.statusCode) === 500);
  sim.greenQps = 0;
  await assert.rejects(green('baselineCheck', { imageUrl }), e => (e.data?.statusCode ?? e.statusCode) === 588);
});

test('Alibaba Cloud simulator: each fault is seen, and has the effect it says', async t => {
  const { sim, files, enhance, ask } = await world(t, { anyUrl: true }), url = `${files.url}/photo.png`, is = (status, c) => a => a.status === status && JSON.parse(a.body).Code === c;
  await brokenCalls(sim, 'EnhanceFace', () => acs3(sim, 'EnhanceFace', '2019-12-30', { ImageURL: url }), () => sim.billed.EnhanceFace ?? 0, {
    401: is(400, 'SignatureDoesNotMatch'), arrears: is(403, 'InvalidApi.NotPurchase'), 429: a => is(429, 'Throttling.User')(a) && !a.headers.has('retry-after'), '429_seconds': a => a.headers.get('retry-after') === '2',
    '429_date': a => Date.parse(a.headers.get('retry-after')) - sim.now() === 2000 - sim.now() % 1000, 500: is(500, 'InternalError'), '500_after': is(500, 'InternalError') });
  await assert.rejects(enhance(`${url}?simulate-429`), refused('Throttling.User', 429));
  sim.fault('EnhanceFace', 'refuse', 1, { code: 'InvalidImage.NoFace' });
  await assert.rejects(enhance(url), refused('InvalidImage.NoFace', 400));
  sim.fault('EnhanceFace', 'failed');
  await assert.rejects(enhance(url), refused('InternalError', 500));
  await ask('faults', { op: 'EnhanceFace', kind: 'error_inside' });
  assert.equal((await enhance(url)).data, undefined);
  sim.fault('EnhanceFace', 'empty');
  assert.equal((await enhance(url)).data.imageURL, '');
  await brokenResults(async kind => (await enhance(`${url}?simulate-${kind}`)).data.imageURL);
  for (const kind of ['moderation', 'late', 'cancelled']) assert.throws(() => sim.fault('', kind), kind);
});

test('Alibaba Cloud simulator: by hand', async t => {
  const said = await byHand(t, 'tests/sim/aliyun.mjs', '--any-url=yes', '--secret=s'), files = await place(t, { '/photo.png': picture('photo') });
  const sim = { url: said.url, port: said.port, secret: said.settings.ZOETROPE_VIAPI_SECRET, keyId: said.settings.ZOETROPE_GREEN_KEY_ID, now: () => Date.now() };
  assert.equal((await rpc(sim, { Action: 'EnhanceFace', Version: '2019-12-30', ImageURL: `${files.url}/photo.png` })).status, 200);
  assert.match(await (await fetch(said.url)).text(), /EnhanceFace/);
});
