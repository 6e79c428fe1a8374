#!/usr/bin/env node
// ark.mjs - a simulator of Volcengine Ark: pictures (Seedream, SeedEdit; streamed too) and clips (Seedance tasks with callbacks, list, cancel).
// Where the contract leaves a word open it says so at the place. In a test: const ark = await start(Ark, {}, t).
import { byHand, hex } from './sim.mjs';
import { DAY, EngineSim, FAULTS_TEXT, MB, Raw, no, start } from './engine.mjs';

const USAGE = `ark.mjs - a simulator of Volcengine Ark; nothing is charged by it, and its state is gone when it ends

  node tests/sim/ark.mjs

  --port=N                    0 (the default): any that is free
  --key=                      ark-simulator
  --queue-ms=, --run-ms=, --lanes=, --rpm=    how it works (1000, 4000, 10 at a time) and how many new tasks and pictures it takes in a minute (500)

Prints one line of JSON: its URL, and the settings to use it with. Its own page (/) shows what was asked. Callbacks are not signed; those that
fail are tried three times more. Faults of its own: privacy, privacy_after (a real person in a picture), overloaded, quota, and early_notice (what is
due to be called back is called back before the answer to the submit).
${FAULTS_TEXT}`;

const API = '/api/v3', TASKS = `${API}/contents/generations/tasks`, PICTURES = `${API}/images/generations`, RECORD_MS = 7 * DAY, LINK_MS = DAY, REFERENCES_AND_OUTPUTS_MAX = 15;
const MODELS = ['doubao-seedream-4-0-250828', 'doubao-seedream-3-0-t2i-250415', 'doubao-seededit-3-0-i2i-250628', 'doubao-seedance-1-0-pro-250528', 'doubao-seedance-1-0-lite-i2v-250428'];
const FLAGS = { rs: 'resolution', resolution: 'resolution', rt: 'ratio', ratio: 'ratio', dur: 'duration', duration: 'duration', seed: 'seed', wm: 'watermark', watermark: 'watermark', cf: 'camera_fixed', camerafixed: 'camera_fixed' };
const IMAGES = { types: ['image/png', 'image/jpeg', 'image/webp', 'image/bmp', 'image/gif'], bytes_max: 30 * MB };
const STATUS = { 400: 'BadRequest', 401: 'Unauthorized', 403: 'Forbidden', 404: 'NotFound', 429: 'TooManyRequests', 500: 'InternalServerError' };

export class Ark extends EngineSim {
  kinds = [...this.kinds, 'privacy', 'privacy_after', 'overloaded', 'quota', 'early_notice'];
  refusals = ['privacy', 'overloaded', 'quota'];

  constructor({ key = 'ark-simulator', models = MODELS, closed = [], rpm = 500, queue_max = 120, lanes = 10, ...more } = {}) {
    super({ schedule: [5, 5, 5], patience_ms: 5000, lanes, ...more });
    Object.assign(this, { key, models, closed, rpm, queue_max });
  }

  // ---- answers ----
  error(status, code, message = code, param = '') { return no(status, { error: { code, message: `${message}. Request id: ${hex(16)}`, param, type: STATUS[status] } }); }
  refusal(kind, how) {
    return { 401: () => this.error(401, 'AuthenticationError', 'the API key is missing or invalid'), 429: () => this.error(429, 'ModelAccountRpmRateLimitExceeded'), 500: () => this.error(500, 'InternalServiceError'),
      arrears: () => this.error(403, 'AccountOverdueError'), moderation: () => this.error(400, how.code || 'InputTextSensitiveContentDetected'), refuse: () => this.error(how.status, how.code || 'InvalidParameter'),
      privacy: () => this.error(400, 'InputImageSensitiveContentDetected.PrivacyInformation', 'the picture may contain a real person'), overloaded: () => this.error(429, 'ServerOverloaded'),
      quota: () => this.error(429, 'QuotaExceeded') }[kind]();
  }
  need(ok, param, message = `the parameter ${param} is not valid`) { if (!ok) throw this.error(400, 'InvalidParameter', message, param); }
  headers(call) { const id = call.headers['x-client-request-id']; return id ? { 'X-Client-Request-Id': id } : {}; }

  // ---- calls ----
  op({ method, url }) { return `${method} ${url.pathname.replace(/(tasks)\/[^/]+$/, '$1/:id').replace(API, '')}`; }
  async route(call) {
    const { method, url, headers, raw } = call, id = url.pathname.startsWith(`${TASKS}/`) && url.pathname.slice(TASKS.length + 1);
    if (headers.authorization !== `Bearer ${this.key}`) throw this.refusal('401', {});
    if (method === 'GET' && url.pathname === TASKS) return this.list(url.searchParams);
    if (method === 'GET' && id) return this.shown(this.#find(id), true);
    if (method === 'DELETE' && id) return this.remove(this.#find(id));
    if (method !== 'POST' || ![TASKS, PICTURES].includes(url.pathname)) throw this.error(404, 'NotFound');
    this.need(/^application\/json\b/.test(headers['content-type'] ?? ''), '', 'Content-Type: application/json is needed');
    const q = this.json(raw, this.error(400, 'InvalidParameter', 'no JSON'));
    if (!q.model) throw this.error(400, 'MissingParameter', 'model', 'model');
    if (this.closed.includes(q.model)) throw this.error(404, 'ModelNotOpen');
    if (!/^ep-/.test(q.model) && !this.models.includes(q.model)) throw this.error(404, 'InvalidEndpointOrModel.NotFound');
    if (this.over(q.model, this.rpm, 60_000)) throw this.refusal('429', {});
    return url.pathname === TASKS ? this.submit(q, call) : this.draw(q, call);
  }
  async #inputs(sources, param, limits = IMAGES) {
    const got = await Promise.all(sources.map(s => this.input(s, limits)));
    this.need(got.every(g => !g.fault), param, `${param}: ${got.map(g => g.fault).filter(Boolean).join()}`);
    return got.map(g => g.sha256);
  }
  #whole(v, min = 0, max = 2 ** 31 - 1) { return Number.isInteger(v) && v >= min && v <= max; }

  // ---- pictures: at once ----
  async draw(q, call) {
    const old = /seedream-3|seededit/.test(q.model) || /^ep-/.test(q.model), images = q.image === undefined ? [] : [q.image].flat(), auto = q.sequential_image_generation === 'auto';
    this.need(typeof q.prompt === 'string' && q.prompt.length > 0, 'prompt');
    this.need(images.every(i => typeof i === 'string') && images.length < REFERENCES_AND_OUTPUTS_MAX, 'image');
    this.need(q.size === undefined || /^([124]K|\d{3,4}x\d{3,4})$/.test(q.size), 'size');
    this.need(q.seed === undefined || (old && this.#whole(q.seed, -1)), 'seed');
    this.need(q.guidance_scale === undefined || (old && q.guidance_scale >= 1 && q.guidance_scale <= 10), 'guidance_scale');
    this.need([undefined, 'auto', 'disabled'].includes(q.sequential_image_generation), 'sequential_image_generation');
    const most = q.sequential_image_generation_options?.max_images ?? REFERENCES_AND_OUTPUTS_MAX;
    this.need(this.#whole(most, 1, REFERENCES_AND_OUTPUTS_MAX), 'sequential_image_generation_options.max_images');
    this.need(!auto || q.sequential_image_generation_options?.max_images === undefined || images.length + most <= REFERENCES_AND_OUTPUTS_MAX, 'sequential_image_generation_options.max_images');
    this.need([undefined, 'url', 'b64_json'].includes(q.response_format), 'response_format');
    this.need([undefined, true, false].includes(q.watermark), 'watermark');
    this.need([undefined, 'standard', 'fast'].includes(q.optimize_prompt_options?.mode), 'optimize_prompt_options.mode');
    const inputs = await this.#inputs(images, 'image'), fate = this.fateOf(call), end = fate?.kind, count = auto ? Math.min(most, REFERENCES_AND_OUTPUTS_MAX - images.length) : 1;
    if (end === 'moderation_after') throw this.error(400, fate.code || 'OutputImageSensitiveContentDetected');
    if (end === 'failed') throw this.refusal('500', {});
    if (end === 'error_inside') return this.error(500, 'InternalServiceError').body;       // with HTTP 200
    const size = /x/.test(q.size ?? '') ? q.size : { '1K': '1024x1024', '4K': '4096x4096' }[q.size] ?? '2048x2048', created = this.seconds();
    const key = JSON.stringify([q.model, q.prompt, inputs, size, q.seed === undefined || q.seed === -1 ? hex(8) : q.seed, q.guidance_scale, q.watermark ?? true]);
    const data = Array.from({ length: end === 'empty' ? 0 : count }, (_, i) => {
      if (end === 'partial' && i === count - 1) return { error: { code: 'OutputImageSensitiveContentDetected', message: 'the picture may contain sensitive content' } };
      const bytes = this.picture(`${key} ${i}`);
      return q.response_format === 'b64_json' ? { b64_json: bytes.toString('base64'), size } : { url: this.keep(bytes, 'image/png', LINK_MS, fate), size };
    });
    const made = data.filter(d => !d.error).length, usage = { generated_images: made, output_tokens: 16384 * made, total_tokens: 16384 * made };
    this.bill('pictures', made);
    if (!q.stream) return { model: q.model, created, data, usage };
    const events = data.map((d, image_index) => ({ type: `image_generation.partial_${d.error ? 'failed' : 'succeeded'}`, model: q.model, created, image_index, ...d }));
    events.push({ type: 'image_generation.completed', model: q.model, created, usage });
    return new Raw(events.map(e => `event: ${e.type}\ndata: ${JSON.stringify(e)}\n\n`).join('') + 'data: [DONE]\n\n', 'text/event-stream');
  }

  // ---- clips ----
  async submit(q, call) {
    this.need(Array.isArray(q.content) && q.content.length > 0, 'content');
    const texts = q.content.filter(c => c?.type === 'text'), pictures = q.content.filter(c => c?.type === 'image_url'), films = q.content.filter(c => c?.type === 'video_url');
    this.need(texts.length <= 1 && texts.every(c => typeof c.text === 'string' && c.text) && texts.length + pictures.length + films.length === q.content.length, 'content');
    this.need([...pictures, ...films].every(c => typeof c[c.type]?.url === 'string'), 'content.image_url.url');
    const roles = pictures.map(c => c.role ?? (pictures.length === 1 ? 'first_frame' : '')), of = r => roles.filter(x => x === r).length;
    this.need(roles.every(r => ['first_frame', 'last_frame', 'reference_image'].includes(r)) && of('first_frame') <= 1 && of('last_frame') <= of('first_frame') &&
      !(of('reference_image') && of('first_frame')), 'content.role');
    const flags = {}, said = [...(texts[0]?.text ?? '').matchAll(/ --(\w+) (\S+)/g)];
    for (const [, name, v] of said) if (FLAGS[name]) flags[FLAGS[name]] = /^-?\d+$/.test(v) ? Number(v) : { true: true, false: false }[v] ?? v;
    const p = { resolution: '720p', ratio: '16:9', duration: 5, watermark: false, camera_fixed: false, service_tier: 'default', execution_expires_after: 172_800, ...flags,
      ...Object.fromEntries(Object.entries(q).filter(([k, v]) => !['model', 'content'].includes(k) && v !== undefined)) };
    this.need(['480p', '720p', '1080p'].includes(p.resolution), 'resolution');
    this.need(['16:9', '4:3', '1:1', '3:4', '9:16', '21:9', '9:21', 'adaptive'].includes(p.ratio), 'ratio');
    this.need(this.#whole(p.duration, 1, 60), 'duration');
    this.need(p.seed === undefined || this.#whole(p.seed, -1), 'seed');
    this.need(p.frames === undefined || (this.#whole(p.frames, 25) && (p.frames - 25) % 4 === 0), 'frames');
    for (const name of ['watermark', 'camera_fixed', 'return_last_frame', 'generate_audio', 'draft']) this.need([undefined, true, false].includes(p[name]), name);
    this.need(['default', 'flex'].includes(p.service_tier), 'service_tier');
    this.need(this.#whole(p.execution_expires_after, 3600, 259_200), 'execution_expires_after');
    this.need(p.callback_url === undefined || /^https?:\/\/\S+$/.test(p.callback_url), 'callback_url');
    const inputs = [...await this.#inputs(pictures.map(c => c.image_url.url), 'content.image_url'), ...await this.#inputs(films.map(c => c.video_url.url), 'content.video_url', { types: ['video/mp4', 'video/quicktime'] })];
    // the contract has the number and no word for it
    if ([...this.tasks.values()].filter(t => t.state === 'queued').length >= this.queue_max) throw this.error(429, 'RateLimitExceeded.QueuedTasksExceeded');
    const seconds = p.frames ? (p.frames - 1) / 24 : p.duration, seed = p.seed === undefined || p.seed === -1 ? parseInt(hex(3), 16) : p.seed;
    const t = this.begin(`cgt-${new Date(this.now()).toISOString().replace(/\D/g, '').slice(0, 14)}-${hex(3)}`, { what: q.model, p: { ...p, seed }, seconds,
      fate: this.fateOf(call) ?? (call.fault === 'privacy_after' ? call.how : null), deadline_ms: this.now() + p.execution_expires_after * 1000, updated_ms: this.now(),
      _key: JSON.stringify([q.model, texts[0]?.text, inputs, roles, p.resolution, p.ratio, seconds, seed, p.watermark, p.camera_fixed]) });
    this.#call(t);
    return { id: t.id };
  }
  #ends = { moderation_after: 'OutputVideoSensitiveContentDetected', failed: 'InternalServiceError', privacy_after: 'InputImageSensitiveContentDetected.PrivacyInformation' };
  /** Only success is paid for. */
  moved(t) {
    t.updated_ms = t.ended_ms ?? t.started_ms;
    if (t.state === 'ended' && !this.#ends[t.fate?.kind] && !['cancelled', 'expired', 'error_inside'].includes(t.fate?.kind) && !t.overdue && !t.cancelled) {
      t.made = true;
      this.bill('tokens', Math.round(t.seconds * 21_780), t.id);
      t._video = this.keep(this.clip(t._key, { seconds: t.seconds }), 'video/mp4', LINK_MS, t.fate, t.ended_ms);
      if (t.p.return_last_frame) t._last = this.keep(this.picture(t._key), 'image/png', LINK_MS, null, t.ended_ms);
    }
    this.#call(t);
    if (t.state === 'ended' && t.fate?.kind === 'success_then_failed') this.#call(t, 'failed');
  }
  shown(t, asked = false, end = asked && t.state === 'ended' ? this.endOf(t) : t.fate?.kind ?? '') {
    const status = end === 'odd_status' ? 'pondering' : t.cancelled ? 'cancelled' : t.overdue ? 'expired' : t.state !== 'ended' ? t.state : this.#ends[end] ? 'failed'
      : ['cancelled', 'expired'].includes(end) ? end : 'succeeded';
    const body = { id: t.id, model: t.what, status, created_at: Math.floor(t.made_ms / 1000), updated_at: Math.floor(t.updated_ms / 1000), service_tier: t.p.service_tier };
    if (status === 'failed') return { ...body, error: { code: t.fate.code || this.#ends[end], message: 'the task failed' } };
    if (status !== 'succeeded') return body;
    if (end === 'error_inside') return { ...body, content: null, error: { code: 'InternalServiceError', message: 'the task failed' } };
    const tokens = Math.round(t.seconds * 21_780), { seed, resolution, ratio, duration } = t.p;
    return { ...body, content: end === 'empty' ? {} : { video_url: t._video, ...(t._last ? { last_frame_url: t._last } : {}) }, usage: { completion_tokens: tokens, total_tokens: tokens },
      seed, resolution, ratio, duration, framespersecond: 24 };
  }
  /** Calls back with what a query would say now. */
  #call(t, end) {
    const said = this.shown(t, false, end), body = JSON.stringify(said);
    t.calls = (t.calls ?? 0) + 1;
    this.notify(t.p.callback_url, `${t.id} ${t.calls}`, said.status, t.id, () => ({ headers: { 'Content-Type': 'application/json' }, body }));
  }
  #known(t) { return t && !t.deleted && !this.vanished(t) && this.now() < t.made_ms + RECORD_MS; }
  #find(id) {
    const t = this.tasks.get(id);
    if (!this.#known(t)) throw this.error(404, 'NotFound', `no task ${id}`);
    return t;
  }
  list(q) {
    const page = Number(q.get('page_num') ?? 1), size = Number(q.get('page_size') ?? 20), ids = q.getAll('filter.task_ids'), status = q.get('filter.status'), model = q.get('filter.model');
    this.need(this.#whole(page, 1, 500), 'page_num');
    this.need(this.#whole(size, 1, 500), 'page_size');
    const all = [...this.tasks.values()].reverse().filter(t => this.#known(t)).map(t => this.shown(t)).filter(s => (!status || s.status === status) && (!model || s.model === model) && (!ids.length || ids.includes(s.id)));
    return { items: all.slice((page - 1) * size, page * size), total: all.length };
  }
  /** One that waits is cancelled, of one that ended the record goes, and one that runs stays: with which word is not in the contract. */
  remove(t) {
    if (t.state === 'running') throw this.error(400, 'InvalidAction', 'a running task cannot be deleted');
    if (t.state === 'queued') {
      t.cancelled = true;
      this.move(t, 'ended');
    } else {
      t.deleted = true;
    }
    return {};
  }
}

if (process.argv[1] === import.meta.filename) {
  await byHand(USAGE, ['port', 'key', 'queue-ms', 'run-ms', 'lanes', 'rpm'], async f => {
    const sim = await start(Ark, { port: Number(f.port ?? 0), ...(f.key ? { key: f.key } : {}), queue_ms: Number(f['queue-ms'] ?? 1000), run_ms: Number(f['run-ms'] ?? 4000), lanes: Number(f.lanes ?? 10), rpm: Number(f.rpm ?? 500) });
    return { sim, settings: { ark_url: `${sim.url}${API}`, ark_key: sim.key } };
  }, 'ZOETROPE_');
}
