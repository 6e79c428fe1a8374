#!/usr/bin/env node
// fal.mjs - a simulator of fal's queue: submit, status, result, cancel; webhooks signed with Ed25519, and the keys to verify them.
// In a test: const sim = await start(Fal, {}, t).
// As with fal, nothing of the input is looked at before it runs: what does not fit is told by the result. Not in the contract, and so chosen: 202 for the
// status of what has not ended, 400 for a result that is not there yet, 404 for a request that was taken out of the queue, 499 for one that was stopped,
// 403 for an account without money, and the gaps between the tries of a webhook.
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { byHand, hex } from './sim.mjs';
import { DAY, EngineSim, FAULTS_TEXT, Json, no, start } from './engine.mjs';
import { clip, picture, sha256 } from './media.mjs';

const USAGE = `fal.mjs - a simulator of fal's queue; nothing is charged by it, and its state is gone when it ends

  node tests/sim/fal.mjs

  --port=N                0 (the default): any that is free
  --key=, --user=         of the API (key-id:key-secret), and of the webhooks (user_simulator)
  --queue-ms=, --run-ms=  how long a request waits at least, and how long it runs (1000, 4000)
  --lanes=                how many run at a time, of each app (no limit)

Prints one line of JSON: its URL, and the settings. Its own page (/) shows what was asked. Calls are named submit, poll, answer, cancel, jwks, and GET /files.
"failed" has {code}: a type of a model's error, or of a request's (request_timeout, startup_timeout, runner_scheduling_failure, runner_connection_timeout,
runner_disconnected, runner_connection_refused). "expired" is startup_timeout. Faults of tasks of its own: runner_lost {count: 1} - so many times it is run once
more; deaf - it does not stop when it is told to; payload_error - its webhook has no payload. Of webhooks (trouble): badsig - one comes first that is wrongly
signed. POST below /_sim/:
  rotate {keep, publish}  a new key signs; keep (true): the old one stays in the list; publish (true): the new one stands in it
${FAULTS_TEXT}`;

// "Up to 10 times over 2 h."
const SCHEDULE = [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 2090];
const PATIENCE_MS = 15_000, RETRIES_MAX = 10, KEPT_MS = 7 * DAY;
const REQUEST_ERRORS = { request_timeout: 504, startup_timeout: 504, runner_scheduling_failure: 503, runner_connection_timeout: 503, runner_disconnected: 503, runner_connection_refused: 503 };
const FITS = { link: v => typeof v === 'string' && /^(https?:\/\/[\x21-\x7e]+|data:.*)$/.test(v), text: v => typeof v === 'string', whole: Number.isInteger };
/** id: {inputs: {name*: kind}, output}. Other inputs are taken as they come. */
export const MODELS = {
  'fal-ai/wan/v2.2-14b/animate/move': { inputs: { 'image_url*': 'link', 'video_url*': 'link', resolution: 'text', seed: 'whole' }, output: 'video' },
  'fal-ai/wan/v2.2-14b/animate/replace': { inputs: { 'image_url*': 'link', 'video_url*': 'link', resolution: 'text', seed: 'whole' }, output: 'video' },
  'simulator/portraits': { inputs: { 'prompt*': 'text', image_url: 'link', num_images: 'whole', seed: 'whole' }, output: 'images' },
};
const TYPES = ['image/png', 'image/jpeg', 'image/webp', 'image/gif', 'image/bmp', 'video/mp4', 'video/quicktime', 'video/x-msvideo'];
const uuid = () => hex(16).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');

/** The key of 32 bytes, in hex. */
export const keyOf = seed => createPrivateKey({ key: Buffer.from(`302e020100300506032b657004220420${seed}`, 'hex'), format: 'der', type: 'pkcs8' });
export const jwkOf = key => { const { kty, crv, x } = createPublicKey(key).export({ format: 'jwk' }); return { kty, crv, x }; };
export function webhookHeaders({ id, user, at_s, body, key }) {
  const message = [id, user, at_s, createHash('sha256').update(body).digest('hex')].join('\n');
  return { 'X-Fal-Webhook-Request-Id': id, 'X-Fal-Webhook-User-Id': user, 'X-Fal-Webhook-Timestamp': String(at_s), 'X-Fal-Webhook-Signature': sign(null, Buffer.from(message), key).toString('hex') };
}

export class Fal extends EngineSim {
  kinds = [...this.kinds, 'early_notice', 'runner_lost', 'deaf', 'payload_error'];
  noticeKinds = ['badsig'];
  #keys = [];            // the last one signs
  #published = [];

  constructor({ key = 'key-id:key-secret', user = 'user_simulator', models = MODELS, signingKey = generateKeyPairSync('ed25519').privateKey, ...more } = {}) {
    super({ schedule: SCHEDULE, patience_ms: PATIENCE_MS, ...more });
    Object.assign(this, { key, user, models });
    this.#keys = [signingKey];
    this.#published = [signingKey];
    this.verbs.rotate = q => this.rotate(q);
  }
  rotate({ keep = true, publish = true } = {}) {
    this.#keys.push(generateKeyPairSync('ed25519').privateKey);
    this.#published = [...(keep ? this.#published : []), ...(publish ? this.#keys.slice(-1) : [])];
  }

  // ---- answers ----
  refusal(kind, how = {}) {
    if (kind === '429') return no(429, { detail: 'Too many requests' });
    if (kind === '401') return no(401, { detail: 'Authentication is required to access this application.' });
    if (kind === '500') return no(500, { detail: 'Internal Server Error' });
    if (kind === 'arrears') return no(403, { detail: 'User is locked. Reason: Exhausted balance. Top up your balance at fal.ai/dashboard/billing.' });
    if (kind === 'moderation') return no(422, this.#detail('content_policy_violation', 'prompt'), { 'X-Fal-Retryable': 'false' });
    return no(how.status, { detail: how.code || 'refused on order' });
  }
  #detail(type, field = 'image_url', msg = type.replaceAll('_', ' '), input = null) {
    return { detail: [{ loc: ['body', field], msg, type, url: `https://docs.fal.ai/errors#${type}`, ctx: {}, input }] };
  }

  // ---- calls ----
  #parts(url) {
    const [, app, id, verb] = /^\/([^/]+\/[^/]+)\/requests\/([\w-]+)(?:\/(status|cancel))?$/.exec(url.pathname) ?? [];
    return { app, id, verb };
  }
  op({ method, url }) {
    const { id, verb } = this.#parts(url);
    if (url.pathname === '/.well-known/jwks.json') return 'jwks';
    if (method === 'POST') return 'submit';
    return id ? { status: 'poll', cancel: 'cancel' }[verb] ?? 'answer' : 'other';
  }
  async route(call) {
    const { method, url, headers } = call, { app, id } = this.#parts(url), what = `${method} ${call.op}`;
    if (what === 'GET jwks') return { keys: this.#published.map(jwkOf) };
    if (headers.authorization !== `Key ${this.key}`) throw this.refusal('401');
    if (what === 'POST submit') return this.#submit(call);
    const t = this.tasks.get(id), known = t && t.app === app && !t.removed && !this.vanished(t);
    if (what === 'PUT cancel') return this.#cancel(known ? t : null);
    if (!known) throw no(404, { detail: id ? `Request ${id} not found` : 'Path not found' });
    if (what === 'GET poll') return this.#status(t, url.searchParams.get('logs') === '1');
    if (what === 'GET answer') return this.#result(t);
    throw no(405, { detail: 'Method Not Allowed' });
  }

  // ---- submit ----
  async #submit(call) {
    const { url, headers, raw } = call, model = url.pathname.slice(1), app = model.split('/').slice(0, 2).join('/'), hook = url.searchParams.get('fal_webhook') ?? '';
    if (!Object.hasOwn(this.models, model)) throw no(404, { detail: `Application "${model}" not found` });
    const input = raw.length ? this.json(raw, no(422, this.#detail('json_invalid', 'body'))) : {}, wait = headers['x-fal-request-timeout'], keep = headers['x-fal-object-lifecycle-preference'];
    if (hook && !/^https?:\/\/./.test(hook)) throw no(422, { detail: 'fal_webhook is no URL' });
    if (wait !== undefined && !(Number(wait) > 1)) throw no(422, { detail: 'x-fal-request-timeout: more than one second' });
    if (![undefined, 'low', 'normal'].includes(headers['x-fal-queue-priority'])) throw no(422, { detail: 'x-fal-queue-priority: low or normal' });
    const kept_s = keep === undefined ? KEPT_MS / 1000 : this.json(keep, no(422, { detail: 'x-fal-object-lifecycle-preference is JSON' })).expiration_duration_seconds;
    if (!(kept_s > 0)) throw no(422, { detail: 'expiration_duration_seconds' });
    const fate = this.fateOf(call) ?? (['runner_lost', 'deaf', 'payload_error'].includes(call.fault) ? call.how : null), id = uuid();
    const t = this.begin(id, { model, what: model, app, lane: app, priority: headers['x-fal-queue-priority'] === 'low' ? 1 : 0, input, webhook: hook, gateway: id, fate, kept_ms: kept_s * 1000,
      deadline_ms: fate?.kind === 'expired' ? this.now() + this.queue_ms : wait === undefined ? undefined : this.now() + Number(wait) * 1000, retried: headers['x-fal-no-retry'] !== '1', runs: 0, media: {}, failure: null, results: [], logs: [] });
    const said = { request_id: id, gateway_request_id: id, status: 'IN_QUEUE', queue_position: this.ahead(t), ...this.#urls(t) };
    if (call.fault === 'early_notice') await this.finish(id);
    return said;
  }
  #urls(t) { const base = `${this.url}/${t.app}/requests/${t.id}`; return { response_url: base, status_url: `${base}/status`, cancel_url: `${base}/cancel` }; }

  // ---- what becomes of them ----
  #fails(t, type, field, msg) {
    const request = Object.hasOwn(REQUEST_ERRORS, type), status = request ? REQUEST_ERRORS[type] : type === 'internal_server_error' ? 500 : type === 'client_cancelled' ? 499 : 422;
    t.failure = { type, status, body: request || status === 499 ? { detail: msg ?? type.replaceAll('_', ' '), error_type: type } : this.#detail(type, field, msg),
      headers: request || status === 499 ? { 'X-Fal-Error-Type': type } : { 'X-Fal-Retryable': String(status === 500) } };
    if (t.state === 'running') t.run_ms = 0;                         // at once
  }
  async #look(t) {
    for (const [k, kind] of Object.entries(this.models[t.model].inputs)) {
      const name = k.replace('*', ''), v = t.input[name];
      if (v === undefined && name !== k) return this.#fails(t, 'missing', name, 'Field required');
      if (v !== undefined && !FITS[kind](v)) return this.#fails(t, kind === 'link' ? 'url_parsing' : 'type_error', name);
      if (v === undefined || kind !== 'link') continue;
      const got = await this.input(v, { types: TYPES });
      t.media[name] = { sha256: got.sha256, type: got.type, width: got.width, height: got.height, seconds: got.seconds };
      if (got.fault) return this.#fails(t, got.fault === 'download' ? 'file_download_error' : 'image_load_error', name);
    }
  }
  moved(t) {
    if (t.state === 'running') {
      delete t.deadline_ms;                                          // it began in time
      t.runs++;
      t.logs.push({ timestamp: new Date(t.started_ms).toISOString(), level: 'INFO', source: 'USER', message: `run ${t.runs}` });
      return this.until(t, this.#look(t));
    }
    if (t.removed) return undefined;
    const fate = t.fate?.kind;
    if (fate === 'runner_lost' && !t.overdue && !t.stopped && t.runs <= (t.fate.count ?? 1)) {
      if (t.retried && t.runs <= RETRIES_MAX) {
        t.gateway = uuid();
        return this.again(t);
      }
      this.#fails(t, 'runner_disconnected');
    }
    const ends = { moderation_after: 'content_policy_violation', failed: t.fate?.code || 'internal_server_error', cancelled: 'client_cancelled' };
    if (t.overdue) this.#fails(t, fate === 'expired' ? 'startup_timeout' : 'request_timeout');
    else if (t.stopped) this.#fails(t, 'client_cancelled', '', 'Request was cancelled');
    else if (ends[fate] && !t.failure) this.#fails(t, ends[fate], fate === 'moderation_after' ? 'prompt' : undefined);
    if (!t.failure) this.#make(t);
    this.#tell(t, t.failure);
    if (fate === 'success_then_failed' && !t.failure) this.#tell(t, this.#relapse(t));
    return undefined;
  }
  #relapse(t) {
    const had = t.failure;
    this.#fails(t, 'runner_disconnected');
    const now = t.failure;
    t.failure = had;
    return now;
  }
  #make(t) {
    const model = this.models[t.model], fate = t.fate, { seed = Number.parseInt(hex(3), 16), ...input } = t.input;
    const key = JSON.stringify([t.model, Object.entries(input).map(([k, v]) => [k, t.media[k]?.sha256 ?? v]), seed]);
    const asked = model.output === 'images' ? t.input.num_images ?? 1 : 1, count = fate?.kind === 'partial' ? Math.max(0, asked - (fate.count ?? 1)) : asked;
    const made = ['empty', 'error_inside'].includes(fate?.kind) ? [] : Array.from({ length: count }, (_, i) => {
      const film = Object.values(t.media).find(m => m.seconds);
      const [bytes, type] = model.output === 'video' ? [clip(`${key} ${i}`, { width: 256, height: 256, seconds: film?.seconds ?? 2 }), 'video/mp4'] : [picture(`${key} ${i}`, { width: 256, height: 256 }), 'image/png'];
      const url = this.keep(bytes, type, t.kept_ms, fate, t.ended_ms);
      t.results.push({ url, sha256: sha256(bytes) });
      return { url, content_type: type, file_name: url.split('/').pop().split('?')[0], file_size: bytes.length };
    });
    t.output = { ...(model.output === 'video' ? { video: made[0] ?? null } : { images: made.map(f => ({ ...f, width: 256, height: 256 })), has_nsfw_concepts: made.map(() => false) }), seed,
      ...(fate?.kind === 'error_inside' ? { error: { type: 'internal_error', message: 'generation failed' } } : {}) };
    this.bill(t.model, model.output === 'video' ? Object.values(t.media).find(m => m.seconds)?.seconds ?? 2 : count, t.id);
  }

  // ---- what is told ----
  #failureNow(t) { return t.failure ?? (t.relapsed ? this.#relapse(t) : null); }
  #status(t, logs) {
    const more = logs ? { logs: t.logs } : {}, say = (status, rest = {}) => ({ status: t.fate?.kind === 'odd_status' ? t.fate.word ?? 'PONDERING' : status, request_id: t.id, gateway_request_id: t.gateway, ...this.#urls(t), ...rest });
    if (t.state === 'queued') return new Json(say('IN_QUEUE', { queue_position: this.ahead(t), ...more }), 202);
    if (t.state === 'running') return new Json(say('IN_PROGRESS', { logs: logs ? t.logs : null }), 202);
    const failure = this.#failureNow(t);
    return say('COMPLETED', { ...more, metrics: { inference_time: t.started_ms === null ? null : (t.ended_ms - t.started_ms) / 1000 },
      ...(failure ? { error: failure.body.detail?.[0]?.msg ?? String(failure.body.detail), error_type: failure.type } : {}) });
  }
  #result(t) {
    const headers = { 'X-Fal-Request-Id': t.id };
    if (t.state !== 'ended') throw no(400, { detail: 'Request is still in progress' }, headers);
    const failure = this.#failureNow(t), timed = failure?.type === 'request_timeout' ? { 'X-Fal-Request-Timeout-Type': 'user' } : {};
    if (failure) throw no(failure.status, failure.body, { ...headers, ...failure.headers, ...timed });
    if (t.fate?.kind === 'success_then_failed') t.relapsed = true;
    return new Json(t.output, 200, headers);
  }
  #cancel(t) {
    if (!t) throw no(404, { status: 'NOT_FOUND' });
    if (t.state === 'ended') throw no(400, { status: 'ALREADY_COMPLETED' });
    if (t.state === 'queued') t.removed = true;
    else t.stopped = t.fate?.kind !== 'deaf';
    if (t.removed || t.stopped) this.move(t, 'ended');
    return new Json({ status: 'CANCELLATION_REQUESTED' }, 202);
  }
  #tell(t, failure) {
    const whole = { request_id: t.id, gateway_request_id: t.gateway }, error = failure && (failure.body.detail?.[0]?.msg ?? String(failure.body.detail));
    const body = JSON.stringify(failure ? { ...whole, status: 'ERROR', error, payload: failure.body }
      : t.fate?.kind === 'payload_error' ? { ...whole, status: 'OK', payload: null, payload_error: 'Response payload is not JSON serializable' } : { ...whole, status: 'OK', payload: t.output });
    this.notify(t.webhook, uuid(), failure ? 'ERROR' : 'OK', [t.id], ({ stale_s = 0, kind = '' }) => ({ body, headers: { 'Content-Type': 'application/json',
      ...webhookHeaders({ id: t.id, user: this.user, at_s: this.seconds() - stale_s, body, key: kind === 'badsig' ? generateKeyPairSync('ed25519').privateKey : this.#keys.at(-1) }) } }));
  }
}

if (process.argv[1] === import.meta.filename) {
  await byHand(USAGE, ['port', 'key', 'user', 'queue-ms', 'run-ms', 'lanes'], async ({ port = 0, key, user, ...f }) => {
    const sim = await start(Fal, { port: Number(port), key, user, queue_ms: Number(f['queue-ms'] ?? 1000), run_ms: Number(f['run-ms'] ?? 4000), lanes: Number(f.lanes ?? Infinity) });
    return { sim, settings: { fal_url: sim.url, fal_key: sim.key, fal_jwks_url: `${sim.url}/.well-known/jwks.json` } };
  }, 'ZOETROPE_');
}
