#!/usr/bin/env node
// tencent.mjs - a simulator of Tencent Cloud: FuseFace, FuseFaceUltra (facefusion), BeautifyPic (fmu) and ImageModeration (ims), all at one address; TC3
// signatures. Every answer is HTTP 200, what failed too. In a test: const tencent = await start(Tencent, {}, t).
import { createHmac } from 'node:crypto';
import { byHand, hex } from './sim.mjs';
import { CALLS, DAY, EngineSim, FAULTS_TEXT, MB, RESULTS, no, start } from './engine.mjs';
import { sha256 } from './media.mjs';

const USAGE = `tencent.mjs - a simulator of Tencent Cloud's FuseFace, FuseFaceUltra, BeautifyPic and ImageModeration; nothing is charged by it

  node tests/sim/tencent.mjs

  --port=N                            0 (the default): any that is free
  --secret-id=, --secret-key=, --token=    of the account; a token makes it a temporary one
  --models=A,B                        templates that FuseFace knows (qc_100792_162409_4)
  --published=no                      the activity of FuseFace is not: one call in a second, not fifty

Prints one line of JSON: its URL, and the account's settings. Its own page (/) shows what was asked. Faults of its own: risk {suggestion, label, sub, score}
of ImageModeration (Block, Porn, SexyHigh, 95); refuse {code} for every verdict about a picture (FailedOperation.NoFaceDetected).
${FAULTS_TEXT}`;

const SKEW_S = 300, FACE = { types: ['image/png', 'image/jpeg', 'image/bmp'], bytes_max: 5 * MB, side_min: 64 };
const ACTIONS = {
  FuseFace: { service: 'facefusion', versions: ['2022-09-27'], rate: 50 }, FuseFaceUltra: { service: 'facefusion', versions: ['2022-09-27'], rate: 50 },
  BeautifyPic: { service: 'fmu', versions: ['2019-12-13'], rate: 20 }, ImageModeration: { service: 'ims', versions: ['2020-12-29', '2020-07-13'], rate: 100 },
};
const hmac = (key, text) => createHmac('sha256', key).update(text).digest();

/** The signature of a request. names: the signed headers, sorted; timestamp: seconds. */
export function signTc3({ headers, names, bodyHash, secretKey, service, timestamp }) {
  const day = new Date(timestamp * 1000).toISOString().slice(0, 10), scope = `${day}/${service}/tc3_request`;
  const canonical = ['POST', '/', '', ...names.map(n => `${n}:${String(headers[n] ?? '').trim().toLowerCase()}`), '', names.join(';'), bodyHash].join('\n');
  return hmac([day, service, 'tc3_request'].reduce(hmac, `TC3${secretKey}`), ['TC3-HMAC-SHA256', timestamp, scope, sha256(canonical)].join('\n')).toString('hex');
}

export class Tencent extends EngineSim {
  kinds = [...CALLS, 'failed', 'error_inside', 'empty', ...RESULTS, 'risk'];

  /** models: {id: true}, or false for one that is not reviewed yet. */
  constructor({ secretId = 'AKIDSIMULATOR', secretKey = 'simulatorsecret', token = '', models = { qc_100792_162409_4: true }, published = true, ...more } = {}) {
    super(more);
    Object.assign(this, { secretId, secretKey, token, models, published });
  }

  // ---- answers ----
  #id() { return hex(16).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-'); }
  error(Code, Message = Code) { return no(200, { Response: { Error: { Code, Message }, RequestId: this.#id() } }); }
  refusal(kind, how) {
    return this.error({ 401: 'AuthFailure.SignatureFailure', 429: 'RequestLimitExceeded', 500: 'InternalError', arrears: 'FailedOperation.BalanceInsufficient', moderation: 'FailedOperation.ModerationFailed',
      refuse: how.code || 'FailedOperation.NoFaceDetected' }[kind]);
  }
  say(fields) { return { Response: { ...fields, RequestId: this.#id() } }; }

  // ---- signatures ----
  #verify({ headers, raw }, service) {
    const m = /^TC3-HMAC-SHA256 Credential=([^/\s]+)\/(\d{4}-\d\d-\d\d)\/([^/]+)\/tc3_request, ?SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})$/.exec(headers.authorization ?? '');
    if (!m) throw this.error('AuthFailure.InvalidAuthorization');
    const [, id, day, scoped, list, signature] = m, names = list.split(';'), timestamp = Number(headers['x-tc-timestamp']);
    if (id !== this.secretId) throw this.error('AuthFailure.SecretIdNotFound');
    if (!/^\d{1,11}$/.test(headers['x-tc-timestamp'] ?? '')) throw this.error('MissingParameter', 'X-TC-Timestamp');
    if (Math.abs(this.seconds() - timestamp) > SKEW_S) throw this.error('AuthFailure.SignatureExpire');
    if (this.token && headers['x-tc-token'] !== this.token) throw this.error('AuthFailure.TokenFailure');
    const right = day === new Date(timestamp * 1000).toISOString().slice(0, 10) && scoped === service && ['content-type', 'host'].every(n => names.includes(n)) && names.join() === [...names].sort().join() &&
      signature === signTc3({ headers, names, bodyHash: sha256(raw), secretKey: this.secretKey, service, timestamp });
    if (!right) throw this.error('AuthFailure.SignatureFailure', 'The provided credentials could not be validated.');
  }

  // ---- calls ----
  op({ method, headers }) { return headers['x-tc-action'] ?? method; }
  async route(call) {
    const { method, url, headers, raw } = call, action = ACTIONS[call.op];
    if (method !== 'POST' || url.pathname !== '/') throw this.error('UnsupportedProtocol');
    if (!headers['x-tc-action']) throw this.error('MissingParameter', 'X-TC-Action');
    if (!action) throw this.error('InvalidAction');
    this.#verify(call, action.service);
    if (!action.versions.includes(headers['x-tc-version'])) throw this.error('NoSuchVersion');
    if (!/^application\/json\b/.test(headers['content-type'] ?? '')) throw this.error('InvalidRequest', 'Content-Type');
    const q = this.json(raw, this.error('InvalidParameter', 'no JSON')), rate = call.op === 'FuseFace' && !this.published ? 1 : action.rate;
    if (this.over(call.op, rate)) throw this.error('RequestLimitExceeded');
    return this[call.op](q, call);
  }
  #need(ok, what, code = 'InvalidParameterValue') { if (!ok) throw this.error(code, what); }
  /** One of the two: an address or base64. */
  async #picture(url, image, limits = FACE, too_large = 'FailedOperation.ImagePixelExceed') {
    this.#need(typeof url === 'string' || typeof image === 'string', 'a picture or its address', 'MissingParameter');
    const got = await this.input(url ?? Buffer.from(image, 'base64'), limits), long = Math.max(got.width, got.height);
    if (got.fault) throw this.error({ download: 'FailedOperation.ImageDownloadError', type: 'FailedOperation.ImageDecodeFailed', bytes: 'FailedOperation.ImageSizeExceed',
      side: long > (limits.side_max ?? Infinity) ? too_large : 'FailedOperation.ImageResolutionTooSmall' }[got.fault]);
    return got.sha256;
  }
  async #faces(list) {
    this.#need(Array.isArray(list) && list.length >= 1 && list.length <= 6, 'MergeInfos', list === undefined ? 'MissingParameter' : undefined);
    return Promise.all(list.map(m => this.#picture(m.Url, m.Image)));
  }
  #styled(q) {
    this.#need(['url', 'base64'].includes(q.RspImgType), 'RspImgType', q.RspImgType === undefined ? 'MissingParameter' : undefined);
    this.#need([undefined, 0, 1].includes(q.LogoAdd), 'LogoAdd');
    for (const name of ['FuseFaceDegree', 'FuseProfileDegree', 'Whitening', 'Smoothing', 'FaceLifting', 'EyeEnlarging'])
      this.#need(q[name] === undefined || (Number.isInteger(q[name]) && q[name] >= 0 && q[name] <= 100), name);
  }
  /** What a picture comes as; fields(value, isUrl) names it. */
  #made(call, key, how, life_ms, fields) {
    const kind = call.fault, bytes = this.picture(key), url = how === 'url';
    if (kind === 'failed') throw this.error('FailedOperation.InnerError');
    if (kind === 'error_inside') return this.say({ ...fields(this.keep(bytes, 'image/png', life_ms), true), Error: { Code: 'FailedOperation.FuseInnerError', Message: 'it failed after all' } });
    this.bill(call.op, 1);
    return this.say(fields(kind === 'empty' ? '' : url ? this.keep(bytes, 'image/png', life_ms, this.fateOf(call)) : bytes.toString('base64'), url));
  }
  async FuseFace(q, call) {
    this.#need(q.ProjectId && q.ModelId, 'ProjectId, ModelId', 'MissingParameter');
    this.#styled(q);
    if (!(q.ModelId in this.models)) throw this.error('FailedOperation.FuseMaterialNotExist');
    if (!this.models[q.ModelId]) throw this.error('FailedOperation.FuseMaterialNotAuth');
    const key = JSON.stringify(['FuseFace', q.ModelId, await this.#faces(q.MergeInfos), q.FuseFaceDegree, q.FuseProfileDegree, q.LogoAdd ?? 1, q.FuseParam]);
    return this.#made(call, key, q.RspImgType, 7 * DAY, FusedImage => ({ FusedImage, ReviewResultSet: [] }));
  }
  async FuseFaceUltra(q, call) {
    this.#styled(q);
    const model = await this.#picture(q.ModelUrl, q.ModelImage, { ...FACE, side_max: 1080 });
    const key = JSON.stringify(['FuseFaceUltra', model, await this.#faces(q.MergeInfos), q.LogoAdd ?? 1, q.FusionUltraParam]);
    return this.#made(call, key, q.RspImgType, DAY, FusedImage => ({ FusedImage }));
  }
  async BeautifyPic(q, call) {
    this.#styled({ RspImgType: 'base64', ...q });
    const { Whitening = 30, Smoothing = 10, FaceLifting = 70, EyeEnlarging = 70 } = q, key = JSON.stringify(['BeautifyPic', await this.#picture(q.Url, q.Image, { ...FACE, side_max: 4000 }, 'FailedOperation.ImageSizeInvalid'), Whitening, Smoothing, FaceLifting, EyeEnlarging]);
    return this.#made(call, key, q.RspImgType ?? 'base64', DAY, (v, url) => ({ ResultImage: url ? '' : v, ResultUrl: url ? v : '' }));
  }
  async ImageModeration(q, call) {
    await this.#picture(q.FileUrl, q.FileContent, { ...FACE, side_min: 1, types: [...FACE.types, 'image/webp', 'image/gif'] });
    if (call.fault === 'failed') throw this.error('InternalError');
    const risky = call.fault === 'risk', { suggestion = 'Block', label = 'Porn', sub = 'SexyHigh', score = 95 } = call.how ?? {};
    const found = risky ? { Suggestion: suggestion, Label: label, SubLabel: sub, Score: score } : { Suggestion: 'Pass', Label: 'Normal', SubLabel: '', Score: 0 };
    if (call.fault === 'error_inside') return this.say({ ...found, Error: { Code: 'InternalError', Message: 'it failed after all' } });
    this.bill('ImageModeration', 1);
    return this.say({ ...(call.fault === 'empty' ? {} : found), DataId: q.DataId ?? '', BizType: q.BizType ?? '' });
  }
}

if (process.argv[1] === import.meta.filename) {
  await byHand(USAGE, ['port', 'secret-id', 'secret-key', 'token', 'models', 'published'], async f => {
    const sim = await start(Tencent, { port: Number(f.port ?? 0), ...(f['secret-id'] ? { secretId: f['secret-id'] } : {}), ...(f['secret-key'] ? { secretKey: f['secret-key'] } : {}), token: f.token ?? '',
      ...(f.models ? { models: Object.fromEntries(f.models.split(',').map(m => [m, true])) } : {}), published: f.published !== 'no' });
    return { sim, settings: { tencent_url: sim.url, tencent_secret_id: sim.secretId, tencent_secret_key: sim.secretKey, ...(sim.token ? { tencent_token: sim.token } : {}) } };
  }, 'ZOETROPE_');
}
