#!/usr/bin/env node
// aliyun.mjs - a simulator of Alibaba Cloud's EnhanceFace (viapi), of the upload it needs (AuthorizeFileUpload and OSS), and of Green's ImageModeration,
// all at one address; RPC signatures v1 and ACS3. The contract has families of codes for inputs that do not fit, not each code: the words behind the dot
// are ours. In a test: const aliyun = await start(Aliyun, {}, t).
import { createHmac } from 'node:crypto';
import { byHand, hex } from './sim.mjs';
import { CALLS, DAY, EngineSim, FAULTS_TEXT, MB, RESULTS, Raw, no, start } from './engine.mjs';
import { sha256 } from './media.mjs';

const USAGE = `aliyun.mjs - a simulator of Alibaba Cloud: EnhanceFace, AuthorizeFileUpload, ImageModeration; nothing is charged by it

  node tests/sim/aliyun.mjs

  --port=N                    0 (the default): any that is free
  --key-id=, --secret=, --token=    of the account; a token makes it a temporary one
  --any-url=yes               EnhanceFace takes pictures from anywhere; else only what was uploaded, or lies on OSS Shanghai
  --qps=                      EnhanceFace in a second (10)

Prints one line of JSON: its URL, and the account's settings. Its own page (/) shows what was asked. Faults of its own: risk {level, label, confidence}
(high, pornographic_adultContent, 81), processing (Code 280), expired_token (of an upload).
${FAULTS_TEXT}`;

const SKEW_MS = 15 * 60_000, LINK_MS = 30 * 60_000, GRANT_MS = 30 * 60_000, FACE = '2019-12-30', PLATFORM = '2019-12-19', GREEN = '2022-03-02';
const SERVICES = ['baselineCheck', 'baselineCheck_pro', 'tonalityImprove', 'aigcCheck', 'aigcDetector', 'profilePhotoCheck', 'postImageCheck', 'advertisingCheck', 'liveStreamCheck', 'riskDetection'];
const enc = s => encodeURIComponent(s).replace(/[!'()*]/g, c => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
const sorted = pairs => [...pairs].map(([k, v]) => [enc(k), enc(v)]).sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0)).map(p => p.join('=')).join('&');

/** RPC signature v1, of everything but the signature itself. */
export function signRpc(method, pairs, secret) {
  const text = `${method}&%2F&${enc(sorted([...pairs].filter(([k]) => k !== 'Signature')))}`;
  return createHmac('sha1', `${secret}&`).update(text).digest('base64');
}
/** ACS3-HMAC-SHA256. names: the signed headers, sorted. */
export function signAcs3({ method, path = '/', query = [], headers, names, bodyHash, secret }) {
  const canonical = [method, path, sorted(query), ...names.map(n => `${n}:${String(headers[n] ?? '').trim()}`), '', names.join(';'), bodyHash].join('\n');
  return createHmac('sha256', secret).update(`ACS3-HMAC-SHA256\n${sha256(canonical)}`).digest('hex');
}

export class Aliyun extends EngineSim {
  kinds = [...CALLS.filter(k => k !== 'moderation'), 'failed', 'error_inside', 'empty', ...RESULTS, 'risk', 'processing', 'expired_token'];
  objects = new Map();
  #grants = new Map();
  #nonces = new Map();

  constructor({ keyId = 'LTAISIMULATOR', secret = 'simulatorsecret', token = '', anyUrl = false, qps = 10, greenQps = 100, ...more } = {}) {
    super(more);
    Object.assign(this, { keyId, secret, token, anyUrl, qps, greenQps });
  }

  // ---- answers ----
  error(status, Code, Message = Code) {
    return no(status, { RequestId: this.#id(), HostId: 'facebody.cn-shanghai.aliyuncs.com', Code, Message, Recommend: `https://api.aliyun.com/troubleshoot?q=${Code}` });
  }
  #id() { return hex(16).toUpperCase().replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-'); }
  refusal(kind, how) {
    return { 401: () => this.error(400, 'SignatureDoesNotMatch', 'refused on order'), 429: () => this.error(429, 'Throttling.User', 'Request was denied due to user flow control.'), 500: () => this.error(500, 'InternalError'),
      arrears: () => this.error(403, 'InvalidApi.NotPurchase'), refuse: () => this.error(how.status, how.code || 'InvalidParameter') }[kind]();
  }

  // ---- signatures ----
  #once(id, nonce) {
    for (const [n, until] of this.#nonces) {
      if (until > this.now()) break;
      this.#nonces.delete(n);
    }
    if (!nonce) throw this.error(400, 'IncompleteSignature', 'the nonce is missing');
    if (this.#nonces.has(`${id} ${nonce}`)) throw this.error(400, 'SignatureNonceUsed', 'Specified signature nonce was used already.');
    this.#nonces.set(`${id} ${nonce}`, this.now() + 2 * SKEW_MS);
  }
  #time(text) {
    if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(text ?? '')) throw this.error(400, 'InvalidTimeStamp.Format');
    if (!(Math.abs(Date.parse(text) - this.now()) <= SKEW_MS)) throw this.error(400, 'InvalidTimeStamp.Expired');
  }
  #who(id, token) {
    if (id !== this.keyId) throw this.error(404, 'InvalidAccessKeyId.NotFound');
    if (this.token && token !== this.token) throw this.error(400, 'InvalidSecurityToken.Malformed');
  }
  #verify({ method, url, headers, raw }, params) {
    const bad = message => this.error(400, 'SignatureDoesNotMatch', message), m = /^ACS3-HMAC-SHA256 Credential=([^,]+),SignedHeaders=([a-z0-9;-]+),Signature=([0-9a-f]{64})$/.exec(headers.authorization ?? '');
    if (m) {
      const names = m[2].split(';'), bodyHash = sha256(raw);
      this.#who(m[1], headers['x-acs-security-token']);
      this.#time(headers['x-acs-date']);
      const needed = ['host', ...(raw.length ? ['content-type'] : []), ...Object.keys(headers).filter(h => h.startsWith('x-acs-'))];
      if (headers['x-acs-content-sha256'] !== bodyHash) throw bad('x-acs-content-sha256');
      if (!needed.every(n => names.includes(n)) || names.join() !== [...names].sort().join()) throw bad('SignedHeaders');
      if (m[3] !== signAcs3({ method, path: url.pathname, query: url.searchParams, headers, names, bodyHash, secret: this.secret })) throw bad('Specified signature is not matched with our calculation.');
      this.#once(m[1], headers['x-acs-signature-nonce']);
      return { Action: headers['x-acs-action'], Version: headers['x-acs-version'] };
    }
    const p = Object.fromEntries(params);
    if (!p.Signature) throw this.error(400, 'IncompleteSignature', 'there is no signature');
    if (p.SignatureMethod !== 'HMAC-SHA1' || p.SignatureVersion !== '1.0') throw this.error(400, 'IncompleteSignature', 'SignatureMethod, SignatureVersion');
    this.#who(p.AccessKeyId, p.SecurityToken);
    this.#time(p.Timestamp);
    if (p.Signature !== signRpc(method, params, this.secret)) throw bad('Specified signature is not matched with our calculation.');
    this.#once(p.AccessKeyId, p.SignatureNonce);
    return p;
  }

  // ---- calls ----
  #params({ url, headers, raw }) {
    const form = /^application\/x-www-form-urlencoded\b/.test(headers['content-type'] ?? '') ? [...new URLSearchParams(raw.toString())] : [];
    return [...url.searchParams, ...form];
  }
  op(call) {
    const { method, url, headers } = call;
    if (/^multipart\/form-data/.test(headers['content-type'] ?? '')) return 'POST object';
    if (method === 'GET' && url.pathname !== '/') return 'GET object';
    return headers['x-acs-action'] ?? Object.fromEntries(this.#params(call)).Action ?? method;
  }
  async route(call) {
    if (call.op === 'POST object') return this.#stored(call);
    if (call.op === 'GET object') return this.#object(call.url.pathname.slice(1));
    const params = this.#params(call), { Action, Version } = this.#verify(call, params), p = Object.fromEntries(params);
    if (Action === 'EnhanceFace' && Version === FACE) return this.enhance(p, call);
    if (Action === 'AuthorizeFileUpload' && Version === PLATFORM) return this.authorise(p, call);
    if (Action === 'ImageModeration' && Version === GREEN) return this.moderate(p, call);
    throw this.error(404, 'InvalidAction.NotFound');
  }

  // ---- a place to upload to: bucket "127" at "0.0.1:port" is this address, whoever puts them together ----
  authorise(p, call) {
    if (p.Product !== 'facebody') throw this.error(400, 'InvalidParameter.Product');
    if (call.fault === 'failed') throw this.refusal('500');
    const ObjectKey = `${hex(4)}/${hex(12)}`, AccessKeyId = `STS.${hex(8)}`, until = this.now() + (call.fault === 'expired_token' ? 0 : GRANT_MS);
    const EncodedPolicy = Buffer.from(JSON.stringify({ expiration: new Date(until).toISOString(), conditions: [['eq', '$key', ObjectKey]] })).toString('base64');
    const Signature = createHmac('sha1', hex(16)).update(EncodedPolicy).digest('base64');
    this.#grants.set(AccessKeyId, { EncodedPolicy, Signature, ObjectKey, until });
    return { RequestId: this.#id(), AccessKeyId, Bucket: '127', Endpoint: `0.0.1:${this.port}`, EncodedPolicy, ObjectKey, Signature, UseAccelerate: false };
  }
  #xml(status, Code, Message = Code) { return new Raw(`<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${Code}</Code><Message>${Message}</Message><RequestId>${hex(12)}</RequestId><HostId>oss</HostId></Error>`, 'application/xml', { status }); }
  async #stored({ headers, raw }) {
    const form = await new Response(raw, { headers: { 'content-type': headers['content-type'] } }).formData().catch(() => null), fields = form ? [...form.keys()] : [];
    if (fields.at(-1) !== 'file') return this.#xml(400, 'InvalidArgument', 'the file is the last field');
    const grant = this.#grants.get(form.get('OSSAccessKeyId')), file = form.get('file');
    if (!grant) return this.#xml(403, 'InvalidAccessKeyId');
    if (form.get('policy') !== grant.EncodedPolicy || form.get('Signature') !== grant.Signature) return this.#xml(403, 'SignatureDoesNotMatch');
    if (this.now() >= grant.until) return this.#xml(403, 'AccessDenied', 'Invalid according to Policy: Policy expired.');
    if (form.get('key') !== grant.ObjectKey) return this.#xml(403, 'AccessDenied', 'Invalid according to Policy: Policy Condition failed: ["eq", "$key"]');
    this.objects.set(grant.ObjectKey, { bytes: typeof file === 'string' ? Buffer.from(file) : Buffer.from(await file.arrayBuffer()), until_ms: this.now() + DAY });
    if (form.get('success_action_status') !== '201') return new Raw('', 'text/plain', { status: 204 });
    return new Raw(`<?xml version="1.0" encoding="UTF-8"?>\n<PostResponse><Bucket>127</Bucket><Location>${this.url}/${grant.ObjectKey}</Location><Key>${grant.ObjectKey}</Key><ETag>"${sha256(grant.ObjectKey).slice(0, 32)}"</ETag></PostResponse>`,
      'application/xml', { status: 201 });
  }
  #alive(key) { const o = this.objects.get(key); return o && this.now() < o.until_ms ? o : null; }
  #object(key) { const o = this.#alive(key); return o ? new Raw(o.bytes, 'application/octet-stream') : this.#xml(404, 'NoSuchKey'); }
  /** What was uploaded here is taken from here. */
  own(url) { return url.host === `127.0.0.1:${this.port}` ? this.#alive(url.pathname.slice(1))?.bytes ?? null : undefined; }

  // ---- faces of old photos ----
  async enhance(p, call) {
    if (this.over('EnhanceFace', this.qps)) throw this.refusal('429');
    if (!p.ImageURL) throw this.error(400, 'MissingImageURL', 'ImageURL is mandatory for this action.');
    let url;
    try { url = new URL(p.ImageURL); } catch { throw this.error(400, 'InvalidParameter.URL'); }
    if (/[\u2e80-\uffef]/.test(`${p.ImageURL} ${decodeURIComponent(url.href.replace(/%(?![0-9A-Fa-f]{2})/g, '%25'))}`)) throw this.error(400, 'InvalidParameter.URL', 'no Chinese characters in it');
    const shanghai = url.host === `127.0.0.1:${this.port}` || /\.oss-cn-shanghai(-internal)?\.aliyuncs\.com$/.test(url.hostname);
    if (!shanghai && !this.anyUrl) throw this.error(400, 'InvalidParameter.Region', 'the picture must be on OSS Shanghai');
    const got = await this.input(p.ImageURL, { types: ['image/png', 'image/jpeg', 'image/bmp'], bytes_max: 3 * MB, side_min: 33, side_max: 2047 });
    if (got.fault) throw this.error(400, { download: 'InvalidFile.Download', type: 'InvalidImage.Type', bytes: 'InvalidFile.Size', side: 'InvalidImage.Resolution' }[got.fault]);
    if (call.fault === 'failed') throw this.refusal('500');
    if (call.fault === 'error_inside') return this.error(500, 'InternalError').body;        // with HTTP 200
    this.bill('EnhanceFace', 1);
    const ImageURL = call.fault === 'empty' ? '' : this.keep(this.picture(`EnhanceFace ${got.sha256}`), 'image/png', LINK_MS, this.fateOf(call));
    return { RequestId: this.#id(), Data: { ImageURL } };
  }

  // ---- moderation ----
  async moderate(p, call) {
    const say = (Code, Msg, Data) => (Code === 200 || Code === 280 ? { Code, Msg, RequestId: this.#id(), ...(Data ? { Data } : {}) } : (() => { throw no(Code, { Code, Msg, RequestId: this.#id() }); })());
    if (this.over('ImageModeration', this.greenQps)) say(588, 'EXCEED_QUOTA');
    const q = this.json(p.ServiceParameters ?? '', no(400, { Code: 400, Msg: 'ServiceParameters is JSON', RequestId: this.#id() })), bucket = q.ossBucketName && q.ossRegionId && q.ossObjectName;
    if (!SERVICES.includes((p.Service ?? '').replace(/_(cb|global)$/, '')) || !(typeof q.imageUrl === 'string' || bucket)) say(400, 'bad parameter');
    if (q.dataId !== undefined && !/^[\w.-]{1,64}$/.test(q.dataId)) say(400, 'dataId');
    const got = await this.input(q.imageUrl ?? `${this.url}/${q.ossObjectName}`, { types: ['image/png', 'image/jpeg', 'image/bmp', 'image/webp', 'image/gif'], bytes_max: 20 * MB, side_max: 16384, fetch_ms: 7000, redirects: false });
    if (got.fault === 'download') say(got.status === 404 ? 404 : got.status >= 300 && got.status < 400 ? 401 : 403, 'the picture cannot be downloaded');
    if (got.fault) say(400, `the picture: ${got.fault}`);
    if (call.fault === 'failed') say(500, 'internal error');
    if (call.fault === 'processing') return say(280, 'still processing');
    this.bill('ImageModeration', 1);
    if (['error_inside', 'empty'].includes(call.fault)) return say(200, call.fault === 'empty' ? 'success' : 'internal error');
    const { level = 'high', label = 'pornographic_adultContent', confidence = 81 } = call.how ?? {}, risky = call.fault === 'risk';
    return say(200, 'success', { DataId: q.dataId ?? '', RiskLevel: risky ? level : 'none', Result: [risky ? { Label: label, Confidence: confidence, Description: label } : { Label: 'nonLabel', Description: 'no risk' }] });
  }
}

if (process.argv[1] === import.meta.filename) {
  await byHand(USAGE, ['port', 'key-id', 'secret', 'token', 'any-url', 'qps'], async f => {
    const sim = await start(Aliyun, { port: Number(f.port ?? 0), ...(f['key-id'] ? { keyId: f['key-id'] } : {}), ...(f.secret ? { secret: f.secret } : {}), token: f.token ?? '', anyUrl: f['any-url'] === 'yes', qps: Number(f.qps ?? 10) });
    const account = n => ({ [`${n}_url`]: sim.url, [`${n}_key_id`]: sim.keyId, [`${n}_secret`]: sim.secret, ...(sim.token ? { [`${n}_token`]: sim.token } : {}) });
    return { sim, settings: { ...account('viapi'), ...account('green') } };
  }, 'ZOETROPE_');
}
