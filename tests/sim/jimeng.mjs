#!/usr/bin/env node
// jimeng.mjs - a simulator of Volcengine's visual API: Jimeng pictures and clips (submit and query), old photos (ConvertPhotoV2); Volcengine V4 signatures.
// Where the contract has no code for an input that does not fit, it is 50200 here. In a test: const jimeng = await start(Jimeng, {}, t).
import { createHash, createHmac } from 'node:crypto';
import { byHand, hex } from './sim.mjs';
import { DAY, EngineSim, FAULTS_TEXT, HOUR, MB, no, start } from './engine.mjs';
import { sha256 } from './media.mjs';

const USAGE = `jimeng.mjs - a simulator of Volcengine's visual API (Jimeng); nothing is charged by it, and its state is gone when it ends

  node tests/sim/jimeng.mjs

  --port=N                    0 (the default): any that is free
  --key-id=, --secret=, --token=    of the account; a token makes it a temporary one
  --queue-ms=, --run-ms=, --concurrent=, --qps=    how it works (1000, 4000), and what it takes at a time (2) and in a second (10)

Prints one line of JSON: its URL, and the account's settings. Its own page (/) shows what was asked. A prompt that says "3 pictures" or 3张 gets three.
Faults of its own: pictures {count} - so many, whatever the prompt says. Of moderation and moderation_after, {code} says which (50412, 50511).
${FAULTS_TEXT}`;

const SKEW_MS = 15 * 60_000, TASK_MS = 12 * HOUR, PICTURES_MAX = 15, SERVICE = 'cv', REGION = 'cn-north-1';
const WORDS = { 50200: 'Parameter Invalid', 50400: 'Access Denied', 50411: 'Pre Img Risk Not Pass', 50412: 'Text Risk Not Pass', 50413: 'Post Text Risk Not Pass',
  50429: 'Request Has Reached API Limit, Please Try Later', 50430: 'Request Has Reached API Concurrent Limit, Please Try Later', 50500: 'Internal Error', 50511: 'Post Img Risk Not Pass' };
const HTTP = { 50429: 429, 50430: 429, 50500: 500, 50501: 500 };

const many = { images: [0, 10], prompt: 800, limits: { bytes_max: 15 * MB, side_max: 4096, ratio_max: 3 }, many: true };
const edit = { images: [1, 1], prompt: 800, sides: [512, 1536] };
const motion = { images: [1, 1], prompt: 800, frames: [121, 241], limits: { bytes_max: 4.7 * MB, side_max: 4096, short_min: 320, ratio_max: 3 } };
const KEYS = {
  jimeng_t2i_v30: { images: [0, 0], prompt: 800 }, jimeng_t2i_v31: { images: [0, 0], prompt: 800 }, jimeng_t2i_v40: many,
  jimeng_seedream46_cvtob: { ...many, images: [0, 14] }, jimeng_i2i_v30: edit, jimeng_image2image_dream_inpaint: { images: [2, 2] }, jimeng_img2img_seed3_painting_edit: { images: [1, 2] },
  jimeng_i2i_seed3_tilesr_cvtob: { images: [1, 1] }, jimeng_ti2v_v30_pro: { ...motion, images: [0, 1], aspects: ['16:9', '4:3', '1:1', '3:4', '9:16', '21:9'] },
  jimeng_i2v_first_v30: motion, jimeng_i2v_first_v30_1080: motion, jimeng_i2v_first_tail_v30_1080: { ...motion, images: [2, 2] }, jimeng_t2v_v30: { ...motion, images: [0, 0] },
  faceswap_ai: { images: [2, 2] },
};
const enc = s => encodeURIComponent(s).replace(/[!'()*]/g, c => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
const hmac = (key, text) => createHmac('sha256', key).update(text).digest();

/** The signature of a request. names: the signed headers, sorted. */
export function signVolc({ method, path = '/', query, headers, names, bodyHash, secret, region = REGION, service = SERVICE }) {
  const at = headers['x-date'], day = at.slice(0, 8), scope = `${day}/${region}/${service}/request`;
  const sorted = [...query].map(([k, v]) => [enc(k), enc(v)]).sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0)).map(p => p.join('=')).join('&');
  const canonical = [method, path, sorted, ...names.map(n => `${n}:${String(headers[n] ?? '').trim()}`), '', names.join(';'), bodyHash].join('\n');
  const key = [day, region, service, 'request'].reduce(hmac, secret);
  return hmac(key, ['HMAC-SHA256', at, scope, sha256(canonical)].join('\n')).toString('hex');
}

export class Jimeng extends EngineSim {
  kinds = [...this.kinds.filter(k => k !== 'cancelled'), 'pictures'];

  constructor({ keyId = 'AKLTSIMULATOR', secret = 'c2ltdWxhdG9yc2VjcmV0', token = '', concurrent = 2, qps = 10, keys = Object.keys(KEYS), ...more } = {}) {
    super(more);
    Object.assign(this, { keyId, secret, token, concurrent, qps, open: keys });
  }

  // ---- answers ----
  said(code, data, message = WORDS[code] ?? 'Success') {
    return { code, data, message, request_id: `${new Date(this.now()).toISOString().replace(/\D/g, '').slice(0, 14)}${hex(9).toUpperCase()}`, status: code, time_elapsed: '104.852309ms' };
  }
  refused(code, message) { return no(HTTP[code] ?? 400, this.said(code, null, message)); }
  /** Faults of signing have another envelope. Of its words only SignatureDoesNotMatch is from the contract. */
  unsigned(call, Code, Message = Code) {
    const q = call.url.searchParams;
    return no(401, { ResponseMetadata: { RequestId: hex(16), Action: q.get('Action') ?? '', Version: q.get('Version') ?? '', Service: SERVICE, Region: REGION, Error: { Code, CodeN: 100010, Message } } });
  }
  refusal(kind, how, call) {
    if (kind === '401') return this.unsigned(call, 'SignatureDoesNotMatch', 'refused on order');
    return this.refused({ 429: 50429, 500: 50500, arrears: 50400, moderation: how.code || 50412, refuse: Number(how.code) || 50500 }[kind]);
  }
  /** Links in its answers carry \u0026. */
  text(json) { return json.replaceAll('&', '\\u0026'); }

  // ---- signatures ----
  #verify(call) {
    const { method, url, headers, raw } = call;
    const m = /^HMAC-SHA256 Credential=([^/\s]+)\/(\d{8})\/([^/]+)\/([^/]+)\/request, SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})$/.exec(headers.authorization ?? '');
    if (!m) throw this.unsigned(call, 'MissingAuthenticationToken', 'no Authorization, or not one of ours');
    const [, id, day, region, service, list, signature] = m, names = list.split(';'), at = headers['x-date'] ?? '';
    if (id !== this.keyId) throw this.unsigned(call, 'InvalidAccessKey');
    const [, y, mo, d, h, mi, s] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(at) ?? [];
    if (!y || !(Math.abs(Date.UTC(y, mo - 1, d, h, mi, s) - this.now()) <= SKEW_MS)) throw this.unsigned(call, 'InvalidTimestamp', 'X-Date');
    const bodyHash = createHash('sha256').update(raw).digest('hex'), needed = ['x-date', ...(raw.length ? ['x-content-sha256'] : []), ...(this.token ? ['x-security-token'] : [])];
    if (this.token && headers['x-security-token'] !== this.token) throw this.unsigned(call, 'InvalidSecurityToken');
    const right = day === at.slice(0, 8) && region === REGION && service === SERVICE && needed.every(n => names.includes(n)) && names.join() === [...names].sort().join()
      && (!raw.length || headers['x-content-sha256'] === bodyHash)
      && signature === signVolc({ method, path: url.pathname, query: url.searchParams, headers, names, bodyHash, secret: this.secret });
    if (!right) throw this.unsigned(call, 'SignatureDoesNotMatch', 'The request signature we calculated does not match the signature you provided.');
  }

  // ---- calls ----
  op({ url }) { return url.searchParams.get('Action') ?? `GET ${url.pathname}`; }
  async route(call) {
    this.#verify(call);
    const { method, url, headers, raw } = call, what = `${call.op} ${url.searchParams.get('Version')}`;
    if (method !== 'POST' || !/^application\/json\b/.test(headers['content-type'] ?? '')) throw this.refused(50200, 'POST and application/json are needed');
    const q = this.json(raw, this.refused(50200, 'no JSON'));
    if (this.over(call.op, this.qps)) throw this.refused(50429);
    switch (what) {
      case 'CVSync2AsyncSubmitTask 2022-08-31': case 'CVSubmitTask 2022-08-31': return this.submit(q, call);
      case 'CVSync2AsyncGetResult 2022-08-31': case 'CVGetResult 2022-08-31': return this.result(q);
      case 'ConvertPhotoV2 2022-08-31': return this.convert(q, call);
      case 'CVCancelTask 2024-06-06': return this.said(10000, null);      // it is there, and stops nothing
      default: throw this.unsigned(call, 'InvalidActionOrVersion');
    }
  }
  need(ok, what) { if (!ok) throw this.refused(50200, what); }

  async #pictures(q, rule) {
    const urls = q.image_urls ?? [], inline = q.binary_data_base64 ?? [];
    this.need([urls, inline].every(l => Array.isArray(l) && l.every(x => typeof x === 'string')) && !(urls.length && inline.length), 'image_urls, binary_data_base64');
    const sources = urls.length ? urls : inline.map(b => Buffer.from(b, 'base64'));
    this.need(sources.length >= rule.images[0] && sources.length <= rule.images[1], `pictures: ${rule.images.join('..')}`);
    const got = await Promise.all(sources.map(s => this.input(s, { side_max: 4096, bytes_max: 15 * MB, ...rule.limits })));
    this.need(got.every(g => !g.fault), `picture: ${got.map(g => g.fault).filter(Boolean).join()}`);
    return got.map(g => g.sha256);
  }
  async submit(q, call) {
    const rule = KEYS[q.req_key], whole = (v, min, max) => Number.isInteger(v) && v >= min && v <= max;
    if (!rule || !this.open.includes(q.req_key)) throw this.refused(50400);
    if (rule.prompt && (q.prompt !== undefined || rule.images[1] === 0)) this.need(typeof q.prompt === 'string' && q.prompt.length > 0 && [...q.prompt].length <= rule.prompt, 'prompt');
    this.need(q.seed === undefined || whole(q.seed, -1, 2 ** 31 - 1), 'seed');
    this.need(q.scale === undefined || (typeof q.scale === 'number' && q.scale >= 0 && q.scale <= (q.req_key === 'jimeng_seedream46_cvtob' ? 100 : 1)), 'scale');
    if (rule.frames) this.need(q.frames === undefined || rule.frames.includes(q.frames), 'frames');
    if (rule.aspects) this.need(q.aspect_ratio === undefined || rule.aspects.includes(q.aspect_ratio), 'aspect_ratio');
    if (rule.sides) this.need([q.width, q.height].every(v => v === undefined || whole(v, ...rule.sides)), 'width, height');
    this.need((q.width === undefined) === (q.height === undefined), 'width and height go together');
    if (rule.many) {
      const area = q.width ? q.width * q.height : q.size ?? 4194304;
      this.need(whole(area, 1024 ** 2, 4096 ** 2), 'size');
      this.need(q.force_single === undefined || typeof q.force_single === 'boolean', 'force_single');
    }
    const pictures = await this.#pictures(q, rule);
    if (this.underWay >= this.concurrent) throw this.refused(50430);
    const asked = Number(/(\d+) ?(?:pictures|张)/.exec(q.prompt ?? '')?.[1] ?? 1), most = rule.many && !q.force_single ? PICTURES_MAX - pictures.length : 1;
    const count = rule.frames ? 1 : call.fault === 'pictures' ? call.how.count ?? 2 : Math.min(most, Math.max(1, asked));
    const seed = q.seed === undefined || q.seed === -1 ? hex(8) : q.seed;
    const id = String(7392616336519610409n + BigInt(this.tasks.size)), { req_key, prompt, scale, width, height, size, frames = 121, aspect_ratio } = q;
    this.begin(id, { what: req_key, count, seconds: rule.frames ? (frames - 1) / 24 : 0, fate: this.fateOf(call),
      _key: JSON.stringify([req_key, prompt, scale, width, height, size, rule.frames && frames, aspect_ratio, seed, pictures]) });
    return this.said(10000, { task_id: id });
  }
  /** Only what comes out is paid for. */
  moved(t) {
    if (t.state !== 'ended' || ['moderation_after', 'failed', 'expired', 'error_inside'].includes(t.fate?.kind)) return;
    if (t.fate?.kind === 'partial') t.count--;
    this.bill(t.what, t.fate?.kind === 'empty' ? 0 : t.seconds || t.count, t.id);
  }
  #how(text) {
    const how = text === undefined ? {} : typeof text === 'string' ? this.json(text, this.refused(50200, 'req_json')) : null, meta = how?.aigc_meta;
    this.need(how !== null && typeof how === 'object', 'req_json is JSON in a string');
    this.need(meta === undefined || (meta.producer_id && meta.content_propagator), 'aigc_meta: producer_id, content_propagator');
    return { links: how.return_url === true, logo: how.logo_info?.add_logo === true, meta: meta !== undefined };
  }
  result(q) {
    const how = this.#how(q.req_json), t = this.tasks.get(q.task_id), none = { image_urls: null, binary_data_base64: null, video_url: '' };
    const state = (status, more = {}) => this.said(10000, { status, ...none, ...more });
    if (!t || t.what !== q.req_key || this.now() >= t.made_ms + TASK_MS || this.vanished(t)) return state('not_found');
    if (t.fate?.kind === 'odd_status') return state('pondering');
    if (t.state !== 'ended') return state(t.state === 'queued' ? 'in_queue' : 'generating');
    const end = this.endOf(t);
    if (end === 'moderation_after') throw this.refused(Number(t.fate.code) || 50511);
    if (end === 'failed') throw this.refused(50500);
    if (end === 'error_inside') return this.said(50511, null);          // with HTTP 200
    if (end === 'expired') return state('expired');
    if (end === 'empty') return state('done', { image_urls: [] });
    return state('done', { ...this.#files(t, how), ...(how.meta ? { aigc_meta_tagged: true } : {}) });
  }
  /** Their lives begin when the task ends, whenever they are asked for. */
  #files(t, { links, logo, meta }) {
    const key = `${t._key} logo:${logo} meta:${meta}`;
    if (t.seconds) return { video_url: this.keep(this.clip(key, { seconds: t.seconds }), 'video/mp4', HOUR, t.fate, t.ended_ms) };
    const made = Array.from({ length: t.count }, (_, i) => this.picture(`${key} ${i}`));
    return links ? { image_urls: made.map(p => this.keep(p, 'image/png', DAY, t.fate, t.ended_ms)) } : { binary_data_base64: made.map(p => p.toString('base64')) };
  }
  /** Old photos: at once. */
  async convert(q, call) {
    this.need(q.req_key === 'lens_opr', 'req_key');
    this.need(q.if_color === undefined || [0, 1].includes(q.if_color), 'if_color');
    const how = this.#how(JSON.stringify({ return_url: q.return_url })), [picture] = await this.#pictures(q, { images: [1, 1] }), fate = this.fateOf(call), end = fate?.kind;
    if (end === 'moderation_after') throw this.refused(Number(fate.code) || 50511);
    if (end === 'failed') throw this.refused(50500);
    if (end === 'error_inside') return this.said(50511, null);
    this.bill('lens_opr', 1);
    const t = { count: end === 'empty' ? 0 : 1, fate, ended_ms: this.now(), _key: JSON.stringify(['lens_opr', q.if_color ?? 0, picture]) };
    return this.said(10000, { image_urls: [], binary_data_base64: [], ...this.#files(t, how) });
  }
}

if (process.argv[1] === import.meta.filename) {
  await byHand(USAGE, ['port', 'key-id', 'secret', 'token', 'queue-ms', 'run-ms', 'concurrent', 'qps'], async f => {
    const sim = await start(Jimeng, { port: Number(f.port ?? 0), ...(f['key-id'] ? { keyId: f['key-id'] } : {}), ...(f.secret ? { secret: f.secret } : {}), token: f.token ?? '',
      queue_ms: Number(f['queue-ms'] ?? 1000), run_ms: Number(f['run-ms'] ?? 4000), concurrent: Number(f.concurrent ?? 2), qps: Number(f.qps ?? 10) });
    return { sim, settings: { jimeng_url: sim.url, jimeng_key_id: sim.keyId, jimeng_secret: sim.secret, ...(sim.token ? { jimeng_token: sim.token } : {}) } };
  }, 'ZOETROPE_');
}
