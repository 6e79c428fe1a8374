#!/usr/bin/env node
// dashscope.mjs - a simulator of Alibaba DashScope: wan2.2-animate-move and -mix, image to video, picture edits (qwen-image-edit at once, wanx2.1-imageedit
// as a task), temporary uploads, and notices as EventBridge pushes them. In a test: const sim = await start(DashScope, { notify }, t).
// Stricter where that finds mistakes: a field or parameter it does not know is refused; a task fetches its inputs when it begins to run, so a link has to
// live as long as the queue is; move and mix queue together. Not in the contract, and so chosen: the gaps between EventBridge's tries, the texts of messages.
import { createHmac, createSign, generateKeyPairSync } from 'node:crypto';
import { byHand, hex } from './sim.mjs';
import { DAY, EngineSim, FAULTS_TEXT, HOUR, MB, no, Raw, start } from './engine.mjs';
import { clip, picture, probe, sha256 } from './media.mjs';
import { certificate } from './wechat.mjs';

const USAGE = `dashscope.mjs - a simulator of Alibaba DashScope; nothing is charged by it, and its state is gone when it ends

  node tests/sim/dashscope.mjs --notify=http://127.0.0.1:8080/v1/hooks/dashscope

  --port=N                0 (the default): any that is free
  --key=                  of the API (sk-simulator)
  --notify=URL            where EventBridge pushes to; nothing is pushed without
  --queue-ms=, --run-ms=  how long a task waits at least, and how long it runs (1000, 4000)
  --query-rps=            how many looks at tasks a second (20)

Prints one line of JSON: its URL, and the settings. Its own page (/) shows what was asked. Calls are named submit, poll, cancel, list, policy, upload,
tokens, and GET /files. The certificate of the pushes is at /certificate.pem: the link they carry names EventBridge's own host.
Of "failed", {code} says of what; of 429, arrears and refuse, too (CommodityNotPurchased, say). odd_status: {word}. Of notices (trouble): impostor - one comes
first that is rightly signed by somebody whose certificate lies on a host with a similar name.
${FAULTS_TEXT}`;

const SIDES = { side_min: 200, ratio_max: 3 }, STILL = ['image/jpeg', 'image/png', 'image/bmp', 'image/webp'];
const PHOTO = { ...SIDES, types: STILL, side_max: 4096, bytes_max: 5 * MB }, FILM = { ...SIDES, types: ['video/mp4', 'video/x-msvideo', 'video/quicktime'], side_max: 2048, bytes_max: 200 * MB, seconds: [2, 30] };
const SERVICES = '/api/v1/services/aigc';
const FUNCTIONS = ['stylization_all', 'stylization_local', 'description_edit', 'description_edit_with_mask', 'remove_watermark', 'expand', 'super_resolution', 'colorization', 'doodle',
  'control_cartoon_feature'];
const is = { text: v => typeof v === 'string', flag: v => typeof v === 'boolean', seed: v => Number.isInteger(v) && v >= 0 && v <= 2147483647, number: v => typeof v === 'number',
  count: v => Number.isInteger(v) && v >= 1 && v <= 6, prompt: v => typeof v === 'string' && [...v].length <= 800, link: v => typeof v === 'string' && v.length > 0,
  one: (...words) => v => words.includes(v) };
// fields: name -> rule, with a * when it must be there; media: what is fetched, and its limits
const ANIMATE = { path: '/image2video/video-synthesis', lane: 'animate', rps: 5, lanes: 1, media: { image_url: PHOTO, video_url: FILM },
  input: { 'image_url*': is.link, 'video_url*': is.link, watermark: is.flag }, parameters: { 'mode*': is.one('wan-std', 'wan-pro'), check_image: is.flag } };
const I2V = { path: '/video-generation/video-synthesis', rps: 2, lanes: 2, media: { img_url: { types: STILL }, audio_url: null },
  input: { 'img_url*': is.link, prompt: is.text, negative_prompt: is.text, audio_url: is.link },
  parameters: { resolution: is.one('480P', '720P', '1080P'), duration: is.number, prompt_extend: is.flag, watermark: is.flag, audio: is.flag, seed: is.seed } };
const EDIT = { path: '/multimodal-generation/generation', rps: Infinity, now: true, input: { 'messages*': Array.isArray },
  parameters: { n: is.count, negative_prompt: is.text, prompt_extend: is.flag, watermark: is.flag, seed: is.seed } };
const MODELS = {
  'wan2.2-animate-move': ANIMATE, 'wan2.2-animate-mix': ANIMATE, 'wan2.2-i2v-flash': I2V, 'wan2.2-i2v-plus': I2V, 'wan2.6-i2v': { ...I2V, rps: 5, lanes: 5 },
  'wanx2.1-imageedit': { path: '/image2image/image-synthesis', rps: Infinity, lanes: Infinity, media: { base_image_url: { types: STILL }, mask_image_url: { types: STILL } },
    input: { 'function*': is.one(...FUNCTIONS), 'prompt*': is.prompt, 'base_image_url*': is.link, mask_image_url: is.link },
    parameters: { n: is.count, strength: is.number, top_scale: is.number, bottom_scale: is.number, left_scale: is.number, right_scale: is.number, upscale_factor: is.number, seed: is.seed,
      watermark: is.flag, is_sketch: is.flag } },
  'qwen-image-edit': EDIT, 'qwen-image-edit-plus': EDIT, 'qwen-image-edit-max': EDIT,
};
/** What is billed, in thousandths of a yuan: of a second of video, or of a picture. Of wan i2v and qwen the contract has no price. */
const PRICES = { 'wan2.2-animate-move': { standard: 400, pro: 600 }, 'wan2.2-animate-mix': { standard: 600, pro: 900 }, 'wanx2.1-imageedit': { picture: 140 } };
const WORDS = { InvalidApiKey: 'Invalid API-key provided.', Arrearage: 'Access denied, please make sure your account is in good standing.', AccessDenied: 'current user api does not support synchronous calls.',
  'Throttling.RateQuota': 'Requests rate limit exceeded, please try again later.', DataInspectionFailed: 'Input data may contain inappropriate content.',
  InvalidURL: 'The request URL is invalid, please check the request URL is available and the request image format is one of the following types: JPEG, JPG, PNG, BMP, and WEBP.',
  UnsupportedOperation: 'The task is not in the PENDING status and cannot be canceled.', 'InvalidFile.NoHuman': 'There is no human body in the input image.' };
/** judge() of engine.mjs, in DashScope's words. */
const UNFIT = { type: 'Format', side: 'Resolution', ratio: 'AspectRatio', seconds: 'Duration' };
const FPS = [15, 60], TASK_MS = DAY, UPLOAD_MS = 48 * HOUR, POLICY_S = 300, UPLOAD_MB = 100, WINDOW_MS = DAY, TOKEN_S = [60, 1800], SCHEDULE = [10, 20, 40, 80, 160, 320, 512, 512];
const EVENT_HOST = 'cn-beijing-eventbridge.oss-accelerate.aliyuncs.com';

/** 2025-09-18 15:32:00.105, the time of Beijing. */
export const beijing = ms => new Date(ms + 8 * HOUR).toISOString().replace('T', ' ').slice(0, 23);
const uuid = () => hex(16).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
const pairOf = () => generateKeyPairSync('rsa', { modulusLength: 2048, publicKeyEncoding: { type: 'spki', format: 'pem' }, privateKeyEncoding: { type: 'pkcs8', format: 'pem' } });

/** The headers of an EventBridge push, version 2. certificate_url: where the receiver finds whose signature it is. */
export function eventHeaders({ url, body, at_s, key, token = '', certificate_url = `https://${EVENT_HOST}/x509_public_certificate.pem` }) {
  const said = { 'x-eventbridge-signature-timestamp': String(at_s), 'x-eventbridge-hash-method': 'SHA256', 'x-eventbridge-signature-version': '2.0',
    'x-eventbridge-signature-url': certificate_url, 'x-eventbridge-signature-token': token };
  const text = `${url}\n${Object.entries(said).map(([k, v]) => `${k}: ${v}\n`).join('')}${body}`;
  return { ...said, 'x-eventbridge-signature-v2': createSign('RSA-SHA256').update(text).sign(key, 'base64') };
}

export class DashScope extends EngineSim {
  kinds = [...this.kinds.filter(k => k !== 'expired'), 'early_notice'];
  noticeKinds = ['impostor'];
  bodyMax = (UPLOAD_MB + 2) * MB;
  uploads = new Map();
  #policies = new Map();
  #tokens = new Map();
  #keys = {};

  /** workspace: when given, X-DashScope-WorkSpace must name it or be missing. eventToken: of EventBridge's target. */
  constructor({ key = 'sk-simulator', notify = '', workspace = '', query_rps = 20, eventToken = 'simulator', notice_s = 1, ...more } = {}) {
    super({ schedule: SCHEDULE, patience_ms: 5000, ...more });
    Object.assign(this, { key, notifyUrl: notify, workspace, query_rps, eventToken, notice_s });
  }
  lanesOf(lane) { return lane === 'animate' ? 1 : MODELS[lane]?.lanes ?? Infinity; }
  state() { return { ...super.state(), uploads: [...this.uploads].map(([url, u]) => ({ url, model: u.model, size: u.bytes.length, until_ms: u.until_ms })) }; }

  // ---- answers ----
  said(more) { return { request_id: uuid(), ...more }; }
  refused(status, code, message = WORDS[code] ?? code) { return no(status, { code, message, request_id: uuid() }); }
  refusal(kind, how = {}) {
    if (kind === '429') return this.refused(429, how.code || 'Throttling.RateQuota');
    if (kind === '401') return this.refused(401, 'InvalidApiKey');
    if (kind === '500') return this.refused(500, 'InternalError', 'An internal error has occured, please try again later or contact service support.');
    if (kind === 'arrears') return how.code ? this.refused(429, how.code) : this.refused(400, 'Arrearage');
    if (kind === 'moderation') return this.refused(400, how.code || 'DataInspectionFailed');
    return this.refused(how.status, how.code || 'InvalidParameter');
  }
  #need(ok, message, code = 'InvalidParameter') { if (!ok) throw this.refused(400, code, message); }

  // ---- calls ----
  op({ method, url }) {
    const p = url.pathname;
    if (method === 'POST' && p.startsWith('/api/v1/services/')) return 'submit';
    if (/^\/api\/v1\/tasks\/?$/.test(p)) return 'list';
    if (p.startsWith('/api/v1/tasks/')) return p.endsWith('/cancel') ? 'cancel' : 'poll';
    return { '/api/v1/uploads': 'policy', '/oss': 'upload', '/api/v1/tokens': 'tokens', '/certificate.pem': 'certificate' }[p] ?? 'other';
  }
  async route(call) {
    const { method, url } = call, what = `${method} ${call.op}`, id = /^\/api\/v1\/tasks\/([^/]+)/.exec(url.pathname)?.[1];
    if (what === 'GET certificate') return new Raw(this.keys().certificate, 'application/x-pem-file');
    if (what === 'POST upload') return this.#upload(call);
    this.#authorise(call);
    if (what === 'POST submit') return this.#submit(call);
    if (what === 'GET policy') return this.#policy(url.searchParams);
    if (what === 'POST tokens') return this.#token(url.searchParams);
    if (['GET poll', 'GET list', 'POST cancel'].includes(what) && this.over('query', this.query_rps)) throw this.refused(429, 'Throttling.RateQuota');
    if (what === 'GET poll') return this.#poll(this.tasks.get(id), id);
    if (what === 'GET list') return this.#list(url.searchParams);
    if (what === 'POST cancel') return this.#cancel(this.tasks.get(id));
    throw this.refused(404, 'NotFound');
  }
  #authorise({ headers }) {
    const key = /^Bearer (\S+)$/.exec(headers.authorization ?? '')?.[1];
    if (key !== this.key && !(this.#tokens.get(key) > this.now())) throw this.refused(401, 'InvalidApiKey');
    if (this.workspace && ![undefined, this.workspace].includes(headers['x-dashscope-workspace'])) throw this.refused(404, 'WorkSpaceNotFound');
  }
  #token(q) {
    const s = Number(q.get('expire_in_seconds') ?? TOKEN_S[0]), token = `st-${hex(16)}`;
    this.#need(Number.isInteger(s) && s >= 1 && s <= TOKEN_S[1], 'expire_in_seconds');
    this.#tokens.set(token, this.now() + s * 1000);
    return { token, expires_at: this.seconds() + s };
  }

  // ---- submit ----
  #fields(q, rules, where) {
    for (const k of Object.keys(q)) this.#need(Object.hasOwn(rules, k) || Object.hasOwn(rules, `${k}*`), `${where}.${k} is unknown here`);
    for (const [k, rule] of Object.entries(rules)) {
      const name = k.replace('*', ''), v = q[name];
      if (v === undefined) this.#need(name === k, `${where}.${name} is missing`);
      else this.#need(rule(v), `${where}.${name}`);
    }
  }
  #link(link, call, model) {
    if (link.startsWith('oss://')) {
      this.#need(call.headers['x-dashscope-ossresourceresolve'] === 'enable', WORDS.InvalidURL, 'InvalidURL');
      const u = this.uploads.get(link);
      this.#need(u && u.model === model && u.until_ms > this.now(), WORDS.InvalidURL, 'InvalidURL');
    } else {
      this.#need(/^https?:\/\/[\x21-\x7e]+$/.test(link), WORDS.InvalidURL, 'InvalidURL');
    }
  }
  #submit(call) {
    const { headers, raw, url } = call;
    this.#need(/^application\/json\b/.test(headers['content-type'] ?? ''), 'Content-Type: application/json is needed');
    const q = this.json(raw, this.refused(400, 'InvalidParameter', 'Required body invalid, please check the request body format.')), rule = MODELS[q.model];
    this.#need(q.model, 'The request is missing in required field: model', 'BadRequest.EmptyModel');
    if (!Object.hasOwn(MODELS, q.model)) throw this.refused(404, 'ModelNotFound');
    this.#need(url.pathname === SERVICES + rule.path, 'url error, please check url！');
    const later = headers['x-dashscope-async'] === 'enable';
    if (later === !!rule.now) throw this.refused(403, 'AccessDenied', rule.now ? 'current user api does not support asynchronous calls.' : WORDS.AccessDenied);
    if (this.over(`submit ${rule.lane ?? q.model}`, rule.rps)) throw this.refused(429, 'Throttling.RateQuota');
    this.#need(q.input && typeof q.input === 'object', 'The request is missing in required field: input', 'BadRequest.EmptyInput');
    const must = Object.keys(rule.parameters).some(k => k.endsWith('*'));
    this.#need(q.parameters || !must, 'The request is missing in required field: parameters', 'BadRequest.EmptyParameters');
    this.#fields(q, { 'model*': is.text, 'input*': v => v && typeof v === 'object', parameters: v => v && typeof v === 'object' }, 'body');
    this.#fields(q.input, rule.input, 'input');
    this.#fields(q.parameters ?? {}, rule.parameters, 'parameters');
    if (rule.now) return this.#edit(call, q);
    const links = Object.fromEntries(Object.keys(rule.media).filter(k => q.input[k]).map(k => [k, q.input[k]]));
    for (const link of Object.values(links)) this.#link(link, call, q.model);
    const t = this.begin(uuid(), { model: q.model, what: q.model, lane: rule.lane ?? q.model, links, input: q.input, parameters: q.parameters ?? {}, fate: this.fateOf(call), media: {}, failure: null,
      results: [] });
    if (call.fault === 'early_notice') return this.finish(t.id).then(() => this.#accepted(t));
    return this.#accepted(t);
  }
  #accepted(t) { return { output: { task_status: 'PENDING', task_id: t.id }, request_id: uuid() }; }

  async #look(t) {
    const rules = MODELS[t.model].media;
    for (const [name, link] of Object.entries(t.links)) {
      const own = link.startsWith('oss://') ? this.uploads.get(link) : undefined;
      if (own && own.until_ms <= this.now()) return this.#fails(t, 'InvalidURL');
      const got = await this.input(own ? own.bytes : link, rules[name] ?? { types: [] });
      if (got.fault === 'download') return this.#fails(t, 'InvalidURL');
      t.media[name] = { sha256: got.sha256, type: got.type, width: got.width, height: got.height, seconds: got.seconds };
      if (!rules[name]) continue;
      const code = got.fault === 'bytes' ? (rules[name] === FILM ? 'Size' : 'ImageSize') : got.fault === 'type' && !probe(got.data) ? 'Openerror' : UNFIT[got.fault];
      if (code) return this.#fails(t, rules === ANIMATE.media ? `InvalidFile.${code}` : `InvalidParameter`);
      if (rules[name] === FILM && !(got.fps >= FPS[0] && got.fps <= FPS[1])) return this.#fails(t, 'InvalidFile.FPS');
    }
  }
  #fails(t, code) {
    t.failure = { code, message: WORDS[code] ?? code };
    if (t.state === 'running') t.run_ms = 0;                       // at once
  }

  // ---- what becomes of tasks ----
  moved(t) {
    if (t.state === 'running') return void this.until(t, this.#look(t));
    if (t.outcome === 'CANCELED') return;
    const fate = t.fate?.kind, codes = { moderation_after: 'DataInspectionFailed', failed: t.fate?.code || 'InternalError.Algo' };
    // false skips the look at the picture, so what was wrong with the person in it is not found
    const unseen = t.parameters.check_image === false && /^InvalidFile\.(NoHuman|MultiHuman|Face|Full|Front|Body)/.test(codes[fate]);
    if (codes[fate] && !t.failure && !unseen) this.#fails(t, codes[fate]);
    t.outcome = fate === 'cancelled' ? 'CANCELED' : t.failure ? 'FAILED' : 'SUCCEEDED';
    if (t.outcome === 'SUCCEEDED') this.#make(t);
    this.#event(t, t.outcome);
    if (fate === 'success_then_failed' && t.outcome === 'SUCCEEDED') this.#event(t, 'FAILED');
  }
  #make(t) {
    const { image_url, video_url, img_url } = t.media, key = JSON.stringify([t.model, t.parameters, t.media, t.input.prompt, t.parameters.seed ?? t.id]), fate = t.fate;
    const tall = m => (m && m.width > m.height ? { width: 1280, height: 720 } : { width: 720, height: 1280 });
    const put = (bytes, type) => {
      const url = this.keep(bytes, type, TASK_MS, fate, t.ended_ms);
      t.results.push({ url, sha256: sha256(bytes) });
      return url;
    };
    if (['error_inside', 'empty'].includes(fate?.kind)) {
      if (fate.kind === 'error_inside') t.output = { code: 'InternalError.Upload', message: 'Failed to upload result.' };
      return;
    }
    if (t.model === 'wanx2.1-imageedit') {
      const n = t.parameters.n ?? 1, lost = fate?.kind === 'partial' ? Math.min(n - 1, fate.count ?? 1) : 0;
      const results = Array.from({ length: n }, (_, i) => (i < n - lost ? { url: put(picture(`${key} ${i}`), 'image/png') } : { code: 'InternalError.Timeout', message: 'An internal timeout error has occured.' }));
      t.output = { results, task_metrics: { TOTAL: n, SUCCEEDED: n - lost, FAILED: lost } };
      t.usage = { image_count: n - lost };
      return this.bill(t.model, PRICES[t.model].picture * (n - lost), t.id);
    }
    const ratio = t.parameters.mode === 'wan-pro' ? 'pro' : 'standard', seconds = video_url ? video_url.seconds : t.parameters.duration ?? 5;
    const url = put(clip(key, { ...tall(image_url ?? img_url), seconds, fps: ratio === 'pro' ? 25 : 15 }), 'video/mp4');
    t.output = video_url ? { results: { video_url: url } } : { video_url: url };
    t.usage = video_url ? { video_duration: seconds, video_ratio: ratio } : { video_duration: seconds, video_count: 1 };
    this.bill(t.model, Math.round(seconds * (PRICES[t.model]?.[ratio] ?? 1000)), t.id);
  }
  #poll(t, id) {
    if (!t || this.vanished(t) || this.now() - t.made_ms >= TASK_MS) return this.said({ output: { task_id: id, task_status: 'UNKNOWN' } });
    const times = { submit_time: beijing(t.made_ms), ...(t.started_ms === null ? {} : { scheduled_time: beijing(t.started_ms) }), ...(t.state === 'ended' ? { end_time: beijing(t.ended_ms) } : {}) };
    const say = (task_status, more = {}, usage) => this.said({ output: { task_id: t.id, task_status, ...times, ...more }, ...(usage ? { usage } : {}) });
    if (t.fate?.kind === 'odd_status') return say(t.fate.word ?? 'PONDERING');
    if (t.state !== 'ended') return say(t.state === 'queued' ? 'PENDING' : 'RUNNING');
    if (t.fate?.kind === 'success_then_failed' && t.outcome === 'SUCCEEDED' && this.endOf(t) === 'failed') return say('FAILED', { code: 'InternalError', message: 'An internal error has occured.' });
    return say(t.outcome, t.outcome === 'FAILED' ? t.failure : t.output, t.usage);
  }
  #cancel(t) {
    if (!t || t.state !== 'queued') throw this.refused(400, 'UnsupportedOperation');
    t.outcome = 'CANCELED';
    this.move(t, 'ended');
    return this.said();
  }
  #list(q) {
    const time = name => {
      const [, y, mo, d, h, mi, s] = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/.exec(q.get(name) ?? '') ?? [];
      this.#need(y || !q.has(name), name);
      return y ? Date.UTC(y, mo - 1, d, h, mi, s) - 8 * HOUR : NaN;
    };
    const whole = (name, plain, max) => { const n = Number(q.get(name) ?? plain); this.#need(Number.isInteger(n) && n >= 1 && n <= max, name); return n; };
    const to = q.has('end_time') ? time('end_time') : this.now(), from = q.has('start_time') ? time('start_time') : to - WINDOW_MS, page_no = whole('page_no', 1, 10_000), page_size = whole('page_size', 10, 100);
    this.#need(to >= from && to - from <= WINDOW_MS, 'The time window is at most 24 hours.');
    const status = t => (t.state === 'ended' ? t.outcome : t.state === 'queued' ? 'PENDING' : 'RUNNING');
    // seconds are all that can be asked for, so the last one counts whole
    const all = [...this.tasks.values()].reverse().filter(t => !this.vanished(t) && t.made_ms >= from && t.made_ms < to + 1000 && this.now() - t.made_ms < TASK_MS
      && (!q.get('model_name') || q.get('model_name') === t.model) && (!q.get('status') || q.get('status') === status(t)));
    return this.said({ total: all.length, total_page: Math.ceil(all.length / page_size), page_no, page_size, data: all.slice((page_no - 1) * page_size, page_no * page_size).map(t => ({ task_id: t.id,
      status: status(t), model_name: t.model, gmt_create: t.made_ms, start_time: t.started_ms, end_time: t.ended_ms, request_id: uuid(), ...this.#account() })) });
  }
  #account() { return { user_api_unique_key: 'apikey:v1:simulator', api_key_id: '1', region: 'cn-beijing' }; }

  // ---- at once ----
  async #edit(call, q) {
    const content = q.input.messages.length === 1 && q.input.messages[0].role === 'user' ? q.input.messages[0].content : null;
    this.#need(Array.isArray(content) && content.every(p => Object.keys(p).length === 1 && (is.link(p.image) || is.prompt(p.text))), 'input.messages: one of the user, of pictures and a text');
    const links = content.filter(p => p.image).map(p => p.image), texts = content.filter(p => p.text !== undefined);
    this.#need(links.length >= 1 && links.length <= 3 && texts.length === 1, 'one to three pictures and one text');
    const media = [];
    for (const link of links) {
      if (!link.startsWith('data:')) this.#link(link, call, q.model);
      const got = await this.input(this.uploads.get(link)?.bytes ?? link, { types: STILL });
      this.#need(got.fault !== 'download', WORDS.InvalidURL, 'InvalidURL');
      this.#need(!got.fault, 'The picture cannot be read.', 'InvalidParameter');
      media.push(got.sha256);
    }
    const n = q.parameters?.n ?? 1, fate = this.fateOf(call), id = uuid(), shape = { width: 512, height: 512 }, key = JSON.stringify([q.model, media, texts[0].text, q.parameters?.seed ?? id]);
    if (fate?.kind === 'moderation_after') throw this.refused(400, 'DataInspectionFailed', 'Output data may contain inappropriate content.');
    if (fate?.kind === 'failed') throw this.refused(fate.code ? 400 : 500, fate.code || 'InternalError.Algo');
    const t = { id, model: q.model, what: q.model, state: 'ended', outcome: 'SUCCEEDED', made_ms: this.now(), started_ms: this.now(), ended_ms: this.now(), fate, media, results: [] };
    this.tasks.set(id, t);
    const count = fate?.kind === 'empty' ? 0 : fate?.kind === 'partial' ? Math.max(0, n - (fate.count ?? 1)) : n;
    const made = Array.from({ length: count }, (_, i) => {
      const bytes = picture(`${key} ${i}`, shape), url = this.keep(bytes, 'image/png', DAY, fate, this.now());
      t.results.push({ url, sha256: sha256(bytes) });
      return { image: url };
    });
    this.bill(q.model, count, id);
    if (fate?.kind === 'error_inside') return { code: 'InternalError.Upload', message: 'Failed to upload result.', request_id: id };
    return { output: { choices: [{ finish_reason: 'stop', message: { role: 'assistant', content: made } }] }, usage: { image_count: count, ...shape }, request_id: id };
  }

  // ---- temporary uploads: a policy, and a form as OSS takes it ----
  #policy(q) {
    this.#need(q.get('action') === 'getPolicy', 'action');
    if (!Object.hasOwn(MODELS, q.get('model') ?? '')) throw this.refused(404, 'ModelNotFound');
    if (this.over(`policy ${q.get('model')}`, 100)) throw this.refused(429, 'Throttling.RateQuota');
    const upload_dir = `dashscope-instant/${hex(16)}/${beijing(this.now()).slice(0, 10)}/${uuid()}`, until_ms = this.now() + POLICY_S * 1000;
    const policy = Buffer.from(JSON.stringify({ expiration: new Date(until_ms).toISOString(), conditions: [['content-length-range', 0, UPLOAD_MB * MB], ['starts-with', '$key', upload_dir],
      { 'x-oss-object-acl': 'private' }, { 'x-oss-forbid-overwrite': 'true' }] })).toString('base64');
    const signature = createHmac('sha1', this.key).update(policy).digest('base64');
    this.#policies.set(policy, { until_ms, upload_dir, signature, model: q.get('model') });
    return this.said({ data: { policy, signature, upload_dir, upload_host: `${this.url}/oss`, expire_in_seconds: POLICY_S, max_file_size_mb: UPLOAD_MB, capacity_limit_mb: 999999999,
      oss_access_key_id: 'LTAI5tSimulator', x_oss_object_acl: 'private', x_oss_forbid_overwrite: 'true' } });
  }
  async #upload({ headers, raw }) {
    const xml = (status, code, message) => new Raw(`<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${message}</Message></Error>`, 'application/xml', { status });
    const form = await new Response(raw, { headers: { 'Content-Type': headers['content-type'] ?? '' } }).formData().catch(() => null);
    if (!form) return xml(400, 'MalformedPOSTRequest', 'The body of your POST request is not well-formed multipart/form-data.');
    const names = [...form.keys()], get = k => form.get(k), p = this.#policies.get(get('policy')), file = get('file');
    if (names.at(-1) !== 'file' || typeof file === 'string') return xml(400, 'InvalidArgument', 'POST requires exactly one file upload per request, and it must be the last field.');
    if (!p || get('Signature') !== p.signature || get('OSSAccessKeyId') !== 'LTAI5tSimulator') return xml(403, 'SignatureDoesNotMatch', 'The request signature we calculated does not match the signature you provided.');
    if (p.until_ms <= this.now()) return xml(403, 'AccessDenied', 'Invalid according to Policy: Policy expired.');
    const key = get('key') ?? '', unfit = !key.startsWith(`${p.upload_dir}/`) || get('x-oss-object-acl') !== 'private' || get('x-oss-forbid-overwrite') !== 'true';
    if (unfit) return xml(403, 'AccessDenied', 'Invalid according to Policy: Policy Condition failed.');
    const bytes = Buffer.from(await file.arrayBuffer());
    if (bytes.length > UPLOAD_MB * MB) return xml(400, 'EntityTooLarge', 'Your proposed upload exceeds the maximum allowed size.');
    if (this.uploads.has(`oss://${key}`)) return xml(409, 'FileAlreadyExists', 'The object you specified already exists and can not be overwritten.');
    this.uploads.set(`oss://${key}`, { bytes, model: p.model, until_ms: this.now() + UPLOAD_MS });
    return new Raw('', 'application/xml', { status: Number(get('success_action_status')) === 200 ? 200 : 204 });
  }

  // ---- EventBridge ----
  keys() {
    if (!this.#keys.privateKey) {
      const pair = pairOf();
      this.#keys = { ...pair, certificate: certificate(pair, `5${hex(19)}a`) };
    }
    return this.#keys;
  }
  #event(t, task_status) {
    if (!this.notifyUrl) return;
    const id = uuid(), data = { task_id: t.id, task_status, start_time: t.started_ms, end_time: t.ended_ms, request_id: uuid(), ...this.#account(), contain_result: false };
    const body = JSON.stringify({ id, source: 'acs.dashscope', specversion: '1.0', type: 'dashscope:System:AsyncTaskFinish', datacontenttype: 'application/json;charset=utf-8',
      time: new Date(this.now()).toISOString(), subject: 'acs:dashscope:cn-beijing:1:task', aliyunaccountid: '1', data });
    this.notify(this.notifyUrl, id, 'dashscope:System:AsyncTaskFinish', [t.id], ({ stale_s = 0, kind = '' }) => {
      const by = kind === 'impostor' ? { key: pairOf().privateKey, certificate_url: `https://${EVENT_HOST}.example.com/x509_public_certificate.pem` } : { key: this.keys().privateKey };
      return { headers: { 'Content-Type': 'application/cloudevents+json; charset=utf-8', ...eventHeaders({ url: this.notifyUrl, body, at_s: this.seconds() - stale_s, token: this.eventToken, ...by }) }, body };
    }, { after_ms: this.notice_s * 1000 });
  }
}

if (process.argv[1] === import.meta.filename) {
  await byHand(USAGE, ['port', 'key', 'notify', 'queue-ms', 'run-ms', 'query-rps'], async ({ port = 0, key, notify, ...f }) => {
    const sim = await start(DashScope, { port: Number(port), key, notify, queue_ms: Number(f['queue-ms'] ?? 1000), run_ms: Number(f['run-ms'] ?? 4000), query_rps: Number(f['query-rps'] ?? 20) });
    return { sim, settings: { dashscope_url: sim.url, dashscope_key: sim.key } };
  }, 'ZOETROPE_');
}
