// 67-engine-simulators-b-tencent.test.mjs - the simulator of Tencent Cloud, driven by tencentcloud-sdk-nodejs, unmodified, which believes it talks to
// facefusion.tencentcloudapi.com and its like. Nothing of ours takes part.
import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { connect } from 'node:net';
import { test } from 'node:test';
import common from 'tencentcloud-sdk-nodejs-common';
import ims from 'tencentcloud-sdk-nodejs-ims';
import Sign from 'tencentcloud-sdk-nodejs-common/tencentcloud/common/sign.js';
import { BASE, brokenCalls, brokenResults, byHand, control, download, place, time } from './lib/engines.mjs';
import { start } from './sim/engine.mjs';
import { picture, probe, sha256 } from './sim/media.mjs';
import { Tencent, signTc3 } from './sim/tencent.mjs';

const { CommonClient } = common, ACCOUNT = { secretId: 'AKIDTESTONLY', secretKey: 'TestSecretForUnitTests' }, DAY = 86_400_000, MODEL = 'qc_100792_162409_4';

async function world(t, options = {}) {
  const clock = time(t), sim = await start(Tencent, { ...ACCOUNT, now: clock.now, ...options }, t), files = await place(t, { '/a.png': picture('a'), '/b.png': picture('b'), '/model.png': picture('model') });
  class ToSimulator extends Agent { createConnection(o, done) { return connect({ port: sim.port, host: '127.0.0.1' }, done); } }
  const agent = new ToSimulator(), config = { credential: { ...ACCOUNT, ...(sim.token ? { token: sim.token } : {}) }, region: 'ap-guangzhou' };
  t.after(() => agent.destroy());
  const client = (service, version) => new CommonClient(`${service}.tencentcloudapi.com`, version, { ...config, profile: { httpProfile: { protocol: 'http://', agent } } });
  const face = client('facefusion', '2022-09-27'), fmu = client('fmu', '2019-12-13'), moderation = new ims.ims.v20201229.Client({ ...config, profile: { httpProfile: { protocol: 'http://', agent } } });
  const url = n => `${files.url}/${n}.png`, merge = (...names) => names.map(n => ({ Url: url(n) }));
  const fuse = more => face.request('FuseFace', { ProjectId: '100792', ModelId: MODEL, RspImgType: 'url', MergeInfos: merge('a'), ...more });
  const ultra = more => face.request('FuseFaceUltra', { RspImgType: 'url', ModelUrl: url('model'), MergeInfos: merge('a'), LogoAdd: 0, ...more });
  const beautify = more => fmu.request('BeautifyPic', { Url: url('a'), RspImgType: 'url', ...more });
  const moderate = more => moderation.ImageModeration({ FileUrl: url('a'), ...more });
  return { sim, files, fuse, ultra, beautify, moderate, url, merge, client, pass: async ms => { await clock.pass(sim, ms); agent.destroy(); }, ask: control(sim) };
}
const bytes = async r => (await download(r.FusedImage ?? r.ResultUrl)).bytes;
const refused = code => e => { assert.equal(e.code, code, e.stack); assert.ok(e.requestId); return true; };

/** By the contract, so that each part can be wrong. */
async function tc3(sim, action, q, { version = '2022-09-27', service = 'facefusion', scope = service, secretId = sim.secretId, secretKey = sim.secretKey, at = sim.now(), body = JSON.stringify(q), sent = body, before = {}, after = {}, drop = [], names } = {}) {
  const timestamp = Math.floor(at / 1000), headers = { host: `127.0.0.1:${sim.port}`, 'content-type': 'application/json; charset=utf-8', 'x-tc-action': action, 'x-tc-version': version, 'x-tc-timestamp': String(timestamp), ...before };
  names ??= ['content-type', 'host'];
  headers.authorization = `TC3-HMAC-SHA256 Credential=${secretId}/${new Date(timestamp * 1000).toISOString().slice(0, 10)}/${scope}/tc3_request, SignedHeaders=${names.join(';')}, Signature=${signTc3({ headers, names, bodyHash: sha256(body), secretKey, service, timestamp })}`;
  Object.assign(headers, after);
  for (const h of [...drop, 'host']) delete headers[h];
  const r = await fetch(sim.url, { method: 'POST', headers, body: sent });
  return { status: r.status, headers: r.headers, body: await r.text() };
}
const said = a => JSON.parse(a.body).Response, code = a => { assert.equal(a.status, 200); assert.ok(said(a).RequestId); return said(a).Error?.Code; };

test('Tencent Cloud simulator: the vectors of the contract, and the SDK, sign alike', () => {
  const body = '{"Limit": 1, "Filters": [{"Values": ["\\u672a\\u547d\\u540d"], "Name": "instance-name"}]}';
  assert.equal(sha256(body), '35e9c5b0e3ae67532d3c9f17ead6c90222632e5b1ff7f6e89887f1398934f064');
  const one = { headers: { 'content-type': 'application/json; charset=utf-8', host: 'cvm.tencentcloudapi.com', 'x-tc-action': 'DescribeInstances' }, bodyHash: sha256(body), secretKey: 'Gu5t9xGARNpq86cd98joQYCN3EXAMPLE', service: 'cvm', timestamp: 1551113065 };
  assert.equal(signTc3({ ...one, names: ['content-type', 'host'] }), '72e494ea809ad7a8c8f7a4507b9bddcbaa8e581f516e8da2f66e2c5a96525168');
  assert.equal(signTc3({ ...one, names: ['content-type', 'host', 'x-tc-action'] }), '644be983de9a8a3f00db8eadaba61467c3b429e2215758ba897b738ca469fd26');
  const payload = { ProjectId: '100792', ModelId: MODEL, RspImgType: 'url' }, two = 'e8ac84598efbc4c5daae00b76e27d2760f9f134ae48b83f1d7bd3180d190a4f6';
  assert.equal(signTc3({ headers: { 'content-type': 'application/json', host: 'facefusion.tencentcloudapi.com' }, names: ['content-type', 'host'], bodyHash: sha256(JSON.stringify(payload)), secretKey: ACCOUNT.secretKey, service: 'facefusion', timestamp: 1768465800 }), two);
  assert.ok((Sign.default ?? Sign).sign3({ url: 'https://facefusion.tencentcloudapi.com/', payload, timestamp: 1768465800, service: 'facefusion', ...ACCOUNT, headers: { 'Content-Type': 'application/json' } }).endsWith(`Signature=${two}`));
});

test('Tencent Cloud simulator: who may ask', async t => {
  const { sim, url, client, fuse } = await world(t), q = { ProjectId: '1', ModelId: MODEL, RspImgType: 'url', MergeInfos: [{ Url: url('a') }] };
  assert.ok((await fuse()).FusedImage);
  const is = async (want, how, action = 'FuseFace') => assert.equal(code(await tc3(sim, action, q, how)), want, JSON.stringify(how));
  await is(undefined);
  await is(undefined, { names: ['content-type', 'host', 'x-tc-action'] });
  await is(undefined, { at: BASE - 300_000 });
  await is('AuthFailure.SignatureExpire', { at: BASE - 301_000 });
  await is('AuthFailure.SignatureExpire', { at: BASE + 301_000 });
  await is('AuthFailure.SignatureFailure', { secretKey: 'other' });
  await is('AuthFailure.SignatureFailure', { sent: JSON.stringify({ ...q, LogoAdd: 0 }) });
  await is('AuthFailure.SignatureFailure', { names: ['host'] });
  await is('AuthFailure.SignatureFailure', { service: 'cvm' });
  await is('AuthFailure.SignatureFailure', { scope: 'cvm' });
  await is('AuthFailure.SignatureFailure', { after: { 'content-type': 'application/json' } });
  await is('AuthFailure.SignatureFailure', { names: ['content-type', 'host', 'x-tc-action'], after: { 'x-tc-action': 'FuseFaceUltra' } });
  await is('AuthFailure.SecretIdNotFound', { secretId: 'AKIDOTHER' });
  await is('AuthFailure.InvalidAuthorization', { drop: ['authorization'] });
  await is('MissingParameter', { drop: ['x-tc-timestamp'] });
  await is('MissingParameter', { drop: ['x-tc-action'] });
  await is('InvalidAction', {}, 'SwapGenderPic');
  await is('NoSuchVersion', { version: '2018-12-01' });
  await is('InvalidParameter', { body: '{' });
  await assert.rejects(client('facefusion', '2022-09-27').request('ImageModeration', {}), refused('AuthFailure.SignatureFailure'));
});

test('Tencent Cloud simulator: temporary credentials', async t => {
  const { sim, fuse } = await world(t, { token: 'sts' });
  assert.ok((await fuse()).FusedImage);
  for (const after of [{}, { 'x-tc-token': 'other' }]) assert.equal(code(await tc3(sim, 'FuseFace', {}, { after })), 'AuthFailure.TokenFailure');
});

test('Tencent Cloud simulator: faces into a template', async t => {
  const { sim, files, fuse, merge, pass } = await world(t, { models: { [MODEL]: true, new: false } }), a = await fuse(), fused = await bytes(a);
  assert.deepEqual([Object.keys(a), probe(fused).type, files.asked, sim.inputs.map(i => i.fault)], [['FusedImage', 'ReviewResultSet', 'RequestId'], 'image/png', ['/a.png'], ['']]);
  assert.deepEqual(await bytes(await fuse()), fused);
  assert.deepEqual(await bytes(await fuse({ LogoAdd: 1 })), fused);     // they add their mark unless told not to
  for (const more of [{ LogoAdd: 0 }, { MergeInfos: merge('b') }, { MergeInfos: merge('a', 'b') }, { FuseFaceDegree: 50 }]) assert.notDeepEqual(await bytes(await fuse(more)), fused, JSON.stringify(more));
  assert.deepEqual(Buffer.from((await fuse({ RspImgType: 'base64', MergeInfos: [{ Image: picture('a').toString('base64') }] })).FusedImage, 'base64'), fused);
  Object.assign(files.files, { '/text.png': Buffer.from('text'), '/63.png': picture('s', { width: 63, height: 100 }), '/heavy.png': Buffer.concat([picture('h'), Buffer.alloc(5 << 20)]) });
  for (const [more, want] of [[{ ProjectId: '' }, 'MissingParameter'], [{ ModelId: 'none' }, 'FailedOperation.FuseMaterialNotExist'], [{ ModelId: 'new' }, 'FailedOperation.FuseMaterialNotAuth'], [{ RspImgType: 'png' }, 'InvalidParameterValue'],
    [{ RspImgType: undefined }, 'MissingParameter'], [{ MergeInfos: undefined }, 'MissingParameter'], [{ MergeInfos: [] }, 'InvalidParameterValue'], [{ MergeInfos: merge(...Array(7).fill('a')) }, 'InvalidParameterValue'], [{ MergeInfos: [{}] }, 'MissingParameter'],
    [{ LogoAdd: 2 }, 'InvalidParameterValue'], [{ FuseFaceDegree: 101 }, 'InvalidParameterValue'], [{ MergeInfos: merge('none') }, 'FailedOperation.ImageDownloadError'], [{ MergeInfos: merge('text') }, 'FailedOperation.ImageDecodeFailed'],
    [{ MergeInfos: merge('63') }, 'FailedOperation.ImageResolutionTooSmall'], [{ MergeInfos: merge('heavy') }, 'FailedOperation.ImageSizeExceed']]) await assert.rejects(fuse(more), refused(want), JSON.stringify(more));
  assert.deepEqual(sim.billed, { FuseFace: 8 });
  await pass(DAY);
  assert.equal((await download(a.FusedImage)).status, 200);
  await pass(6 * DAY);
  assert.equal((await download(a.FusedImage)).status, 403);
});

test('Tencent Cloud simulator: faces into any picture, and beauty', async t => {
  const { sim, files, ultra, beautify, url, merge, pass } = await world(t), a = await ultra(), b = await beautify();
  Object.assign(files.files, { '/1081.png': picture('l', { width: 1081, height: 100 }), '/4001.png': picture('l', { width: 4001, height: 100 }) });
  assert.deepEqual(await bytes(await ultra({ ModelUrl: undefined, ModelImage: picture('model').toString('base64') })), await bytes(a));
  for (const more of [{ LogoAdd: 1 }, { LogoAdd: undefined }, { ModelUrl: url('b') }, { MergeInfos: merge('b') }]) assert.notDeepEqual(await bytes(await ultra(more)), await bytes(a));
  assert.notDeepEqual(await bytes(await beautify({ Whitening: 90 })), await bytes(b));
  assert.deepEqual(Buffer.from((await beautify({ RspImgType: undefined })).ResultImage, 'base64'), await bytes(b));
  await assert.rejects(ultra({ ModelUrl: url('1081') }), refused('FailedOperation.ImagePixelExceed'));
  await assert.rejects(ultra({ ModelUrl: undefined }), refused('MissingParameter'));
  await assert.rejects(beautify({ Url: url('4001') }), refused('FailedOperation.ImageSizeInvalid'));
  await assert.rejects(beautify({ EyeEnlarging: -1 }), refused('InvalidParameterValue'));
  assert.deepEqual(sim.billed, { FuseFaceUltra: 6, BeautifyPic: 3 });
  await pass(DAY);
  assert.deepEqual([(await download(a.FusedImage)).status, (await download(b.ResultUrl)).status], [403, 403]);
});

test('Tencent Cloud simulator: moderation', async t => {
  const { sim, moderate, url } = await world(t), { RequestId, ...clean } = await moderate({ DataId: 'job-42', BizType: 'photos' });
  assert.ok(RequestId);
  assert.deepEqual(clean, { Suggestion: 'Pass', Label: 'Normal', SubLabel: '', Score: 0, DataId: 'job-42', BizType: 'photos' });
  sim.fault('ImageModeration', 'risk', 1, { suggestion: 'Review', label: 'Sexy', sub: 'Bikini', score: 60 });
  const review = await moderate({ FileUrl: undefined, FileContent: picture('a').toString('base64') });
  assert.deepEqual([review.Suggestion, review.Label, review.SubLabel, review.Score], ['Review', 'Sexy', 'Bikini', 60]);
  assert.equal((await moderate({ FileUrl: `${url('a')}?simulate-risk` })).Suggestion, 'Block');
  await assert.rejects(moderate({ FileUrl: url('none') }), refused('FailedOperation.ImageDownloadError'));
  await assert.rejects(moderate({ FileUrl: undefined }), refused('MissingParameter'));
  sim.fault('ImageModeration', 'failed');
  await assert.rejects(moderate(), refused('InternalError'));
  sim.fault('ImageModeration', 'error_inside');
  await assert.rejects(moderate(), refused('InternalError'));
  sim.fault('ImageModeration', 'empty');
  assert.equal((await moderate()).Suggestion, undefined);
  assert.equal(code(await tc3(sim, 'ImageModeration', { FileUrl: url('a') }, { service: 'ims', version: '2020-07-13' })), undefined);
  assert.deepEqual(sim.billed, { ImageModeration: 5 });
});

test('Tencent Cloud simulator: how many in a second', async t => {
  const { sim, fuse, beautify, pass } = await world(t, { published: false });
  await fuse();
  await assert.rejects(fuse(), refused('RequestLimitExceeded'));
  for (let i = 0; i < 20; i++) await beautify();
  await assert.rejects(beautify(), refused('RequestLimitExceeded'));
  await pass(1000);
  await fuse();
  assert.deepEqual([sim.billed, new Set(sim.calls.map(c => c.status))], [{ FuseFace: 2, BeautifyPic: 20 }, new Set([200])]);
});

test('Tencent Cloud simulator: each fault is seen, and has the effect it says', async t => {
  const { sim, fuse, url, ask } = await world(t), is = c => a => code(a) === c, q = { ProjectId: '1', ModelId: MODEL, RspImgType: 'url', MergeInfos: [{ Url: url('a') }] };
  const call = () => tc3(sim, 'FuseFace', q);
  await brokenCalls(sim, 'FuseFace', call, () => sim.billed.FuseFace ?? 0, { 401: is('AuthFailure.SignatureFailure'), arrears: is('FailedOperation.BalanceInsufficient'), moderation: is('FailedOperation.ModerationFailed'), 500: is('InternalError'),
    '500_after': is('InternalError'), 429: a => is('RequestLimitExceeded')(a) && !a.headers.has('retry-after'), '429_seconds': a => is('RequestLimitExceeded')(a) && a.headers.get('retry-after') === '2',
    '429_date': a => Date.parse(a.headers.get('retry-after')) - sim.now() === 2000 - sim.now() % 1000 });
  for (const c of ['FailedOperation.NoFaceDetected', 'FailedOperation.FuseFreqCtrl']) {
    await ask('faults', { op: 'FuseFace', kind: 'refuse', code: c });
    await assert.rejects(fuse(), refused(c));
  }
  sim.fault('FuseFace', 'failed');
  await assert.rejects(fuse(), refused('FailedOperation.InnerError'));
  const before = sim.billed.FuseFace;
  sim.fault('FuseFace', 'error_inside');
  const inside = said(await call());
  assert.deepEqual([inside.Error.Code, typeof inside.FusedImage, sim.billed.FuseFace - before], ['FailedOperation.FuseInnerError', 'string', 0]);
  sim.fault('FuseFace', 'empty');
  assert.equal((await fuse()).FusedImage, '');
  await brokenResults(async kind => (await fuse({ MergeInfos: [{ Url: `${url('a')}?simulate-${kind}` }] })).FusedImage);
  assert.throws(() => sim.fault('', 'vanish'));
});

test('Tencent Cloud simulator: by hand', async t => {
  const line = await byHand(t, 'tests/sim/tencent.mjs', '--models=m1', '--secret-key=k'), files = await place(t, { '/a.png': picture('a') });
  const sim = { url: line.url, port: line.port, secretKey: 'k', secretId: line.settings.ZOETROPE_TENCENT_SECRET_ID, now: () => Date.now() };
  assert.equal(code(await tc3(sim, 'FuseFace', { ProjectId: '1', ModelId: 'm1', RspImgType: 'url', MergeInfos: [{ Url: `${files.url}/a.png` }] })), undefined);
  assert.match(await (await fetch(line.url)).text(), /FuseFace/);
});
