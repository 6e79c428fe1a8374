#!/usr/bin/env node
// replicate.mjs - a simulator of Replicate: predictions by version, model and deployment, waiting, deadlines, cancel, list, files, signed webhooks.
// In a test: const sim = await start(Replicate, {}, t).
// Stricter where that finds mistakes: a field, an input or an event it does not know is refused; a webhook must be https, but for 127.0.0.1. Not in the
// contract, and so chosen: how long files live (24 h), a page of lists (100), what happens to a running prediction at its deadline (canceled).
import { createHmac } from 'node:crypto';
import { byHand, hex } from './sim.mjs';
import { DAY, EngineSim, FAULTS_TEXT, HOUR, Json, MB, no, Raw, start } from './engine.mjs';
import { clip, picture, sha256 } from './media.mjs';

const USAGE = `replicate.mjs - a simulator of Replicate; nothing is charged by it, and its state is gone when it ends

  node tests/sim/replicate.mjs

  --port=N                0 (the default): any that is free
  --key=, --secret=       of the API (r8_simulator), of the signatures of webhooks (whsec_...; two with a comma while one replaces the other)
  --queue-ms=, --run-ms=  how long a prediction is "starting" at least, and how long it is "processing" (1000, 4000)
  --create-rpm=, --other-rpm=   calls a minute (600, 3000)

Prints one line of JSON: its URL, and the settings. Its own page (/) shows what was asked. Calls are named submit, poll, cancel, list, upload, files, secret,
and GET /files (a result). Of "failed" and "moderation_after", {code} is the text of the error. "expired" is "aborted": it ended before it began. Faults of
tasks of its own: shape {as: string | array | object} - of the output; backwards - "processing" is told once more after "completed". Of webhooks (trouble):
second - a signature of somebody else stands before ours in the list; badsig - one comes first that is wrongly signed.
${FAULTS_TEXT}`;

const RESULT_MS = HOUR, FILE_MS = DAY, FILE_MB = 100, DATA_URL_MAX = 256 << 10, LONGEST_MS = 30 * 60_000, EVENT_MS = 500, PAGE = 100, WAIT_S = 60;
// "Exponential backoff, the last about a minute after completion."
const SCHEDULE = [2, 4, 8, 16, 30];
const PATIENCE_MS = 5000;
const EVENTS = ['start', 'output', 'logs', 'completed'];
/** owner/name: {inputs: {name*: kind}, output, usd_s (a second) or usd_run, official}. Kinds: link, text, number, flag. The version is the hash of the name. */
export const MODELS = {
  'arabyai-replicate/roop_face_swap': { inputs: { 'target_video*': 'link', 'swap_image*': 'link' }, output: 'video', usd_run: 0.11 },
  'synthesys-ai/synthesys-roop': { inputs: { 'source_path*': 'link', 'target_path*': 'link', frame_processor: 'text' }, output: 'video' },
  'ddvinh1/video-faceswap-gpu': { inputs: { 'source_image*': 'link', 'target_video*': 'link', enhance: 'flag' }, output: 'video' },
  'aiunivers/face-swap': { inputs: { 'source_image*': 'link', 'target_image*': 'link' }, output: 'image' },
  'yan-ops/face_swap': { inputs: { 'target_image*': 'link', 'source_image*': 'link', request_id: 'text' }, output: 'object' },
  'simulator/portraits': { inputs: { 'prompt*': 'text', image: 'link', n: 'number', seed: 'number' }, output: 'images', official: true },
};
const USD_S = 0.001;
export const versionOf = name => sha256(name);
const KINDS = { link: v => typeof v === 'string', text: v => typeof v === 'string', number: v => typeof v === 'number', flag: v => typeof v === 'boolean' };
const iso = ms => (ms === null ? null : new Date(ms).toISOString().replace('Z', '000000Z'));
const ALPHABET = 'abcdefghjkmnpqrstvwxyz0123456789';
const idOf = n => [...Buffer.from(hex(n), 'hex')].map(b => ALPHABET[b % 32]).join('');

/** The headers of a webhook. secrets: one signature of each, in the order of the list. */
export function webhookHeaders({ id, at_s, body, secrets }) {
  const sign = secret => `v1,${createHmac('sha256', Buffer.from(secret.replace(/^whsec_/, ''), 'base64')).update(`${id}.${at_s}.${body}`).digest('base64')}`;
  return { 'webhook-id': id, 'webhook-timestamp': String(at_s), 'webhook-signature': secrets.map(sign).join(' ') };
}

export class Replicate extends EngineSim {
  kinds = [...this.kinds, 'early_notice', 'shape', 'backwards'];
  noticeKinds = ['badsig'];
  oddNotices = ['second'];
  bodyMax = (FILE_MB + 2) * MB;
  uploads = new Map();
  deployments = new Map();

  /** models: as MODELS; deployments: {'owner/name': model}. */
  constructor({ key = 'r8_simulator', secret = `whsec_${Buffer.alloc(24, 7).toString('base64')}`, models = MODELS, deployments = {}, create_rpm = 600, other_rpm = 3000, ...more } = {}) {
    super({ schedule: SCHEDULE, patience_ms: PATIENCE_MS, ...more });
    Object.assign(this, { key, secret, models, create_rpm, other_rpm });
    for (const [name, model] of Object.entries(deployments)) this.deployments.set(name, model);
  }
  state() { return { ...super.state(), uploads: [...this.uploads.values()].map(u => this.#file(u)) }; }

  // ---- answers ----
  refused(status, title, detail, more = {}) { return no(status, { title, detail, status, ...more }); }
  refusal(kind, how = {}) {
    if (kind === '429') return no(429, { detail: how.code || 'Request was throttled. Expected available in 1 second.' });
    if (kind === '401') return this.refused(401, 'Unauthenticated', 'You did not pass a valid authentication token');
    if (kind === '500') return no(500, { detail: 'Internal server error' });
    if (kind === 'arrears') return this.refused(402, 'Insufficient credit', 'You have insufficient credit to run this model. Go to https://replicate.com/account/billing#billing to purchase credit.');
    if (kind === 'moderation') return this.refused(422, 'Input validation failed', how.code || 'The input was flagged as sensitive (E005). Please try again with different inputs.');
    return this.refused(how.status, 'Refused', how.code || 'refused on order');
  }
  #invalid(detail, field) { return this.refused(422, 'Input validation failed', `- ${field}: ${detail}\n`, { invalid_fields: [{ field, type: 'invalid', description: detail }] }); }

  // ---- calls ----
  op({ method, url }) {
    const p = url.pathname.replace(/^\/v1/, '');
    if (/^(\/(models|deployments)\/[^/]+\/[^/]+)?\/predictions$/.test(p)) return method === 'POST' ? 'submit' : 'list';
    if (/^\/predictions\/\w+\/cancel$/.test(p)) return 'cancel';
    if (/^\/predictions\/\w+$/.test(p)) return 'poll';
    if (p === '/webhooks/default/secret') return 'secret';
    return p === '/files' && method === 'POST' ? 'upload' : /^\/files(\/|$)/.test(p) ? 'files' : 'other';
  }
  async route(call) {
    const { method, url, headers } = call, parts = url.pathname.split('/').slice(2), is = op => call.op === op;
    if (headers.authorization !== `Bearer ${this.key}`) throw this.refusal('401');
    const rpm = is('submit') ? this.create_rpm : this.other_rpm;
    if (this.over(is('submit') ? 'create' : 'other', rpm, 60_000)) throw no(429, { detail: 'Request was throttled. Expected available in 1 second.' }, { 'Retry-After': '1' });
    if (is('submit') && method === 'POST') return this.#create(call, parts);
    if (is('poll') && method === 'GET') return this.shown(this.#prediction(parts[1]));
    if (is('cancel') && method === 'POST') return this.#cancel(this.#prediction(parts[1]));
    if (is('list') && method === 'GET') return this.#list(url);
    if (is('secret') && method === 'GET') return { key: this.secret.split(',')[0] };
    if (is('upload')) return this.#upload(call);
    if (is('files')) return this.#files(method, parts[1]);
    throw this.refused(404, 'Not found', 'The requested resource could not be found.');
  }
  #prediction(id) {
    const t = this.tasks.get(id);
    if (!t || this.vanished(t)) throw this.refused(404, 'Not found', 'The requested resource could not be found.');
    return t;
  }

  // ---- create ----
  #model(parts, q) {
    if (parts[0] === 'predictions') {
      const [name, given] = /^[0-9a-f]{64}$/.test(q.version ?? '') ? [Object.keys(this.models).find(n => versionOf(n) === q.version), q.version] : String(q.version ?? '').split(':');
      const ok = Object.hasOwn(this.models, name ?? '') && (given ? given === versionOf(name) : this.models[name].official);
      if (!ok) throw this.refused(422, 'Invalid version or not permitted', 'The specified version does not exist (or perhaps you don\'t have permission to use it?)');
      return name;
    }
    const path = `${parts[1]}/${parts[2]}`, name = parts[0] === 'deployments' ? this.deployments.get(path) : path;
    if (!Object.hasOwn(this.models, name ?? '') || (parts[0] === 'models' && !this.models[name].official)) throw this.refused(404, 'Not found', 'The requested resource could not be found.');
    return name;
  }
  #inputs(model, input) {
    const links = {};
    for (const k of Object.keys(input)) if (!Object.hasOwn(model.inputs, k) && !Object.hasOwn(model.inputs, `${k}*`)) throw this.#invalid('Additional property is not allowed', `input.${k}`);
    for (const [k, kind] of Object.entries(model.inputs)) {
      const name = k.replace('*', ''), v = input[name];
      if (v === undefined && name !== k) throw this.#invalid(`${name} is required`, `input.${name}`);
      if (v === undefined) continue;
      if (!KINDS[kind](v)) throw this.#invalid(`Invalid type. Expected: ${kind}`, `input.${name}`);
      if (kind !== 'link') continue;
      if (!/^https?:\/\/[\x21-\x7e]+$|^data:/.test(v)) throw this.#invalid('Does not match format \'uri\'', `input.${name}`);
      if (v.startsWith('data:') && v.length > DATA_URL_MAX) throw this.#invalid('data URLs are for files of less than 256 KB', `input.${name}`);
      links[name] = v;
    }
    return links;
  }
  #seconds(text, name) {
    const [, h, m, s] = /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$/.exec(text) ?? [];
    const n = Number(h ?? 0) * 3600 + Number(m ?? 0) * 60 + Number(s ?? 0);
    if (n < 5) throw this.refused(422, 'Invalid header', `${name}: at least 5s`);
    return n;
  }
  async #create(call, parts) {
    const { headers, raw } = call;
    if (!/^application\/json\b/.test(headers['content-type'] ?? '')) throw this.refused(415, 'Unsupported media type', 'Content-Type: application/json is needed');
    const q = this.json(raw, no(400, { detail: 'JSON parse error' })), known = ['version', 'input', 'webhook', 'webhook_events_filter', 'stream'];
    const odd = Object.keys(q).find(k => !known.includes(k));
    if (odd) throw this.#invalid('Additional property is not allowed', odd);
    const name = this.#model(parts, q), model = this.models[name];
    if (typeof q.input !== 'object' || q.input === null) throw this.#invalid('input is required', 'input');
    const links = this.#inputs(model, q.input);
    if (q.webhook !== undefined && !/^https:\/\/|^http:\/\/127\.0\.0\.1[:/]/.test(q.webhook)) throw this.#invalid('webhook must be an HTTPS URL', 'webhook');
    if (q.webhook_events_filter && !(Array.isArray(q.webhook_events_filter) && q.webhook_events_filter.every(e => EVENTS.includes(e)))) throw this.#invalid('unknown event', 'webhook_events_filter');
    const [, wait, n] = /^(wait)(?:=(\d+))?$/.exec(headers.prefer ?? '') ?? [];
    if (n !== undefined && !(n >= 1 && n <= WAIT_S)) throw this.refused(422, 'Invalid header', 'Prefer: wait takes 1 to 60 seconds');
    const after = headers['cancel-after'] === undefined ? null : this.#seconds(headers['cancel-after'], 'Cancel-After');
    const fate = this.fateOf(call) ?? (['shape', 'backwards'].includes(call.fault) ? call.how : null);
    const t = this.begin(idOf(26), { model: name, what: name, version: versionOf(name), input: q.input, links, webhook: q.webhook ?? '', filter: q.webhook_events_filter ?? ['output', 'completed'],
      deadline_ms: fate?.kind === 'expired' ? this.now() + this.queue_ms : after === null ? undefined : this.now() + after * 1000, _deadline: after === null ? null : this.now() + after * 1000, fate, media: {}, error: null, output: null, results: [], logs: '', status: 'starting' });
    if (call.fault === 'early_notice') await this.finish(t.id);
    if (wait) await this.#waited(t, Number(n ?? WAIT_S));
    return new Json(this.shown(t), 201);
  }
  /** For so many seconds of the clock at most; it is looked at, because nobody else may do so meanwhile. */
  async #waited(t, seconds) {
    if (t.state === 'ended') return;
    const timer = setInterval(() => this.advance(0), 100);
    await Promise.race([this.hold(seconds), new Promise(ended => { t._ended = ended; })]);
    clearInterval(timer);
  }

  // ---- what becomes of them ----
  async #look(t) {
    for (const [name, link] of Object.entries(t.links)) {
      const file = this.uploads.get(/\/v1\/files\/(\w+)$/.exec(link)?.[1]), own = file && link.startsWith(this.url) && file.expires_ms > this.now();
      const got = await this.input(own ? file.bytes : link, { types: ['image/png', 'image/jpeg', 'image/webp', 'image/gif', 'image/bmp', 'video/mp4', 'video/quicktime', 'video/x-msvideo'] });
      t.media[name] = { sha256: got.sha256, type: got.type, width: got.width, height: got.height, seconds: got.seconds };
      if (!got.fault) continue;
      t.error = got.fault === 'download' ? `Failed to download ${name}: ${got.status || 'connection error'}` : `cannot identify ${name}`;
      t.run_ms = 0;
    }
  }
  runMs(t) { return Math.min(super.runMs(t), LONGEST_MS); }
  moved(t) {
    if (t.state === 'running') {
      t.status = 'processing';
      this.until(t, this.#look(t));
      return this.#tell(t, 'start');
    }
    this.#close(t);
    t._ended?.();
  }
  #close(t) {
    const fate = t.fate?.kind, errors = { moderation_after: t.fate?.code || 'NSFW content detected. Try running it again, or try a different prompt.', failed: t.fate?.code || 'CUDA out of memory' };
    if (super.runMs(t) > LONGEST_MS && t.started_ms !== null) t.error ??= 'Prediction timed out after 30 minutes';
    if (t.overdue) t.status = t.started_ms === null ? 'aborted' : 'canceled';
    else if (t.status !== 'canceled') t.status = fate === 'expired' ? 'aborted' : fate === 'cancelled' ? 'canceled' : errors[fate] || t.error ? 'failed' : 'succeeded';
    if (t.status === 'failed') t.error ??= errors[fate];
    t.logs = 'Using seed: 1\n';
    if (t.status === 'succeeded') this.#make(t);
    // time used is paid for, however it ended; what never began is not
    const model = this.models[t.model], used_s = t.started_ms === null || t.status === 'aborted' ? 0 : (t.ended_ms - t.started_ms) / 1000;
    t.metrics = { ...(used_s || t.status === 'succeeded' ? { predict_time: used_s } : {}), total_time: (t.ended_ms - t.made_ms) / 1000 };
    if (t.status === 'succeeded' && model.usd_run) this.bill(t.model, Math.round(model.usd_run * 1e6), t.id);
    else if (used_s) this.bill(t.model, Math.round(used_s * (model.usd_s ?? USD_S) * 1e6), t.id);
    if (t.results.length) this.#tell(t, 'output');
    this.#tell(t, 'completed');
    if (fate === 'backwards') this.#tell(t, 'start', { status: 'processing', output: null, completed_at: null, metrics: {} });
    if (fate === 'success_then_failed' && t.status === 'succeeded') this.#tell(t, 'completed', { status: 'failed', output: null, error: 'the worker was lost' });
  }
  #make(t) {
    const model = this.models[t.model], fate = t.fate, key = JSON.stringify([t.version, Object.entries(t.input).map(([k, v]) => [k, t.media[k]?.sha256 ?? v]), t.input.seed ?? t.id]);
    if (fate?.kind === 'empty') return;
    if (fate?.kind === 'error_inside') {
      t.error = 'Some outputs could not be saved';
      return;
    }
    const asked = model.output === 'images' ? t.input.n ?? 1 : 1, count = fate?.kind === 'partial' ? Math.max(0, asked - (fate.count ?? 1)) : asked;
    const film = Object.values(t.media).find(m => m.seconds);
    const made = Array.from({ length: count }, (_, i) => {
      const [bytes, type] = model.output === 'video' ? [clip(`${key} ${i}`, { width: 256, height: 256, seconds: film?.seconds ?? 2 }), 'video/mp4'] : [picture(`${key} ${i}`, { width: 256, height: 256 }), 'image/png'];
      const url = this.keep(bytes, type, RESULT_MS, fate, t.ended_ms);
      t.results.push({ url, sha256: sha256(bytes) });
      return url;
    });
    const as = fate?.kind === 'shape' ? fate.as : { images: 'array', object: 'object' }[model.output] ?? 'string';
    t.output = as === 'array' ? made : as === 'object' ? { image: made[0], code: 200, msg: 'succeed' } : made[0] ?? null;
  }
  /** As it is told now: an hour after its end what went in and came out is gone. */
  shown(t) {
    const removed = t.state === 'ended' && this.now() - t.ended_ms >= RESULT_MS, base = `${this.url}/v1/predictions/${t.id}`;
    const again = t.state === 'ended' && t.fate?.kind === 'success_then_failed' && t.status === 'succeeded' && this.endOf(t) === 'failed';
    return { id: t.id, model: t.model, version: t.version, input: removed ? {} : t.input, logs: removed ? '' : t.logs, output: removed || again ? null : t.output, data_removed: removed,
      error: again ? 'the worker was lost' : t.error, status: t.fate?.kind === 'odd_status' ? t.fate.word ?? 'pondering' : again ? 'failed' : t.status, source: 'api', created_at: iso(t.made_ms),
      started_at: iso(t.started_ms), completed_at: iso(t.ended_ms), deadline: iso(t._deadline), metrics: t.metrics ?? {}, urls: { get: base, cancel: `${base}/cancel`, stream: `${this.url}/stream/${t.id}`, web: `https://replicate.com/p/${t.id}` } };
  }
  #cancel(t) {
    if (t.state !== 'ended') {
      t.status = 'canceled';
      this.move(t, 'ended');
    }
    return this.shown(t);
  }
  #list(url) {
    const all = [...this.tasks.values()].reverse().filter(t => !this.vanished(t)), at = Number(Buffer.from(url.searchParams.get('cursor') ?? '', 'base64').toString() || 0);
    const page = n => (n < 0 || n >= all.length ? null : `${this.url}/v1/predictions?cursor=${encodeURIComponent(Buffer.from(String(n)).toString('base64'))}`);
    return { previous: at === 0 ? null : page(Math.max(0, at - PAGE)), next: page(at + PAGE), results: all.slice(at, at + PAGE).map(t => ({ ...this.shown(t) })) };
  }

  // ---- webhooks ----
  #tell(t, event, more = {}) {
    if (!t.webhook || !t.filter.includes(event)) return;
    if (event === 'output' && this.now() - (t._told ?? -Infinity) < EVENT_MS) return;
    if (event === 'output') t._told = this.now();
    const looks = t.told, body = JSON.stringify({ ...this.shown(t), ...(event === 'output' ? { status: 'processing', completed_at: null } : {}), ...more }), id = `msg_${idOf(27)}`;
    t.told = looks;                                                  // that was no look at it
    this.notify(t.webhook, id, event, [t.id], ({ stale_s = 0, kind = '', trouble = '' }) => {
      const at_s = this.seconds() - stale_s, other = `whsec_${Buffer.alloc(24, 9).toString('base64')}`, ours = this.secret.split(',');
      const secrets = kind === 'badsig' ? [other] : trouble === 'second' ? [other, ...ours] : ours;
      return { headers: { 'Content-Type': 'application/json', ...webhookHeaders({ id, at_s, body, secrets }) }, body };
    }, event === 'completed' ? {} : { schedule: [] });
  }

  // ---- files ----
  #file(u) {
    return { id: u.id, name: u.name, content_type: u.type, size: u.bytes.length, etag: sha256(u.bytes).slice(0, 32), checksums: { sha256: sha256(u.bytes) }, metadata: u.metadata, created_at: iso(u.made_ms),
      expires_at: iso(u.expires_ms), urls: { get: `${this.url}/v1/files/${u.id}` } };
  }
  async #upload({ headers, raw }) {
    const form = await new Response(raw, { headers: { 'Content-Type': headers['content-type'] ?? '' } }).formData().catch(() => null), content = form?.get('content');
    if (!content || typeof content === 'string') throw no(400, { detail: 'Missing content' });
    const bytes = Buffer.from(await content.arrayBuffer()), part = form.get('metadata') ?? '{}';
    if (bytes.length > FILE_MB * MB) throw no(413, { detail: `Files are at most ${FILE_MB} MB` });
    const metadata = this.json(typeof part === 'string' ? part : await part.text(), no(400, { detail: 'metadata is JSON' }));
    const u = { id: idOf(26), name: form.get('filename') ?? content.name, type: form.get('type') ?? content.type ?? 'application/octet-stream', bytes, metadata, made_ms: this.now(), expires_ms: this.now() + FILE_MS };
    this.uploads.set(u.id, u);
    return new Json(this.#file(u), 201);
  }
  #files(method, id) {
    const live = [...this.uploads.values()].filter(u => u.expires_ms > this.now()), u = live.find(x => x.id === id);
    if (method === 'GET' && !id) return { previous: null, next: null, results: live.reverse().map(x => this.#file(x)) };
    if (!u) throw this.refused(404, 'Not found', 'The requested resource could not be found.');
    if (method === 'GET') return this.#file(u);
    if (method !== 'DELETE') throw no(405, { detail: `Method "${method}" not allowed.` });
    this.uploads.delete(id);
    return new Raw('', 'application/json', { status: 204 });
  }
}

if (process.argv[1] === import.meta.filename) {
  await byHand(USAGE, ['port', 'key', 'secret', 'queue-ms', 'run-ms', 'create-rpm', 'other-rpm'], async ({ port = 0, key, secret, ...f }) => {
    const sim = await start(Replicate, { port: Number(port), key, secret, queue_ms: Number(f['queue-ms'] ?? 1000), run_ms: Number(f['run-ms'] ?? 4000), create_rpm: Number(f['create-rpm'] ?? 600),
      other_rpm: Number(f['other-rpm'] ?? 3000) });
    return { sim, settings: { replicate_url: `${sim.url}/v1`, replicate_key: sim.key, replicate_webhook_secret: sim.secret } };
  }, 'ZOETROPE_');
}
