#!/usr/bin/env node
// vmodel.mjs - a simulator of VModel: create and get, webhooks without a signature. In a test: const sim = await start(VModel, {}, t).
// Much of VModel is not written down. Not in the contract, and so chosen: how long results live (24 h), a failure costs nothing, what a request may not be
// (inputs it does not know are refused), the gaps between the three tries, the codes of refusals; these come with their HTTP status, or all with HTTP 200.
import { byHand, hex } from './sim.mjs';
import { DAY, EngineSim, FAULTS_TEXT, no, start } from './engine.mjs';
import { clip, picture, sha256 } from './media.mjs';

const USAGE = `vmodel.mjs - a simulator of VModel; nothing is charged by it, and its state is gone when it ends

  node tests/sim/vmodel.mjs

  --port=N                0 (the default): any that is free
  --key=                  of the API (vmodel-simulator)
  --refusals=             http (the default): with a status of their own; 200: all with HTTP 200, and only the code in the body says so
  --queue-ms=, --run-ms=  how long a task is "starting" at least, and how long it is "processing" (1000, 4000)

Prints one line of JSON: its URL, and the settings. Its own page (/) shows what was asked. Calls are named submit, poll, and GET /files. Of "failed" and
"moderation_after", {code} is the text of the error. Of webhooks (trouble): inside - the task is in "result", as in an answer.
${FAULTS_TEXT}`;

// Three retries.
const SCHEDULE = [5, 15, 45], PATIENCE_MS = 5000;
const STILL = ['image/png', 'image/jpeg', 'image/webp', 'image/bmp'], FILM = ['video/mp4', 'video/quicktime', 'video/x-msvideo'];
const flag = v => typeof v === 'boolean';
/** version: {name, inputs: {name*: types of a link, or a check}, output, cost: credits of a run}. */
export const VERSIONS = {
  '85e248d268bcc04f5302cf9645663c2c12acd03c953ec1a4bbfdc252a65bddc0': { name: 'video-face-swap', inputs: { 'source*': STILL, 'target*': FILM, keep_fps: flag }, output: 'video', cost: 20 },
  'a3c8d261fd14126eececf9812b52b40811e9ed557ccc5706452888cdeeebc0b6': { name: 'photo-face-swap-pro', inputs: { 'swap_image*': STILL, 'target_image*': STILL, disable_safety_checker: flag }, output: 'image', cost: 2 },
};

export class VModel extends EngineSim {
  kinds = [...this.kinds.filter(k => k !== 'expired'), 'early_notice'];
  oddNotices = ['inside'];

  constructor({ key = 'vmodel-simulator', refusals = 'http', versions = VERSIONS, ...more } = {}) {
    super({ schedule: SCHEDULE, patience_ms: PATIENCE_MS, ...more });
    Object.assign(this, { key, refusals, versions });
  }

  // ---- answers ----
  said(result) { return { code: 200, result, message: {} }; }
  refused(code, en) { return no(this.refusals === '200' ? 200 : code, { code, result: null, message: { en } }); }
  refusal(kind, how = {}) {
    const [code, en] = { 429: [429, 'Too many requests'], 401: [401, 'Unauthorized'], 500: [500, 'Internal server error'], arrears: [402, 'Insufficient credits'], moderation: [400, 'The input contains sensitive content'],
      refuse: [how.status, how.code || 'refused on order'] }[kind];
    return this.refused(code, en);
  }

  // ---- calls ----
  op({ method, url }) {
    if (method === 'POST' && url.pathname === '/api/tasks/v1/create') return 'submit';
    return method === 'GET' && /^\/api\/tasks\/v1\/get\/\w+$/.test(url.pathname) ? 'poll' : 'other';
  }
  async route(call) {
    if (call.headers.authorization !== `Bearer ${this.key}`) throw this.refusal('401');
    if (call.op === 'submit') return this.#create(call);
    if (call.op !== 'poll') throw this.refused(404, 'Not found');
    const t = this.tasks.get(call.url.pathname.split('/').pop());
    if (!t || this.vanished(t)) throw this.refused(404, 'Task not found');
    const again = t.state === 'ended' && t.fate?.kind === 'success_then_failed' && t.status === 'succeeded' && this.endOf(t) === 'failed';
    return this.said(this.shown(t, again ? this.#relapsed : {}));
  }
  async #create(call) {
    if (!/^application\/json\b/.test(call.headers['content-type'] ?? '')) throw this.refused(400, 'Content-Type: application/json is needed');
    const q = this.json(call.raw, this.refused(400, 'Invalid JSON')), model = this.versions[q.version], need = (ok, what) => { if (!ok) throw this.refused(400, what); };
    need(Object.hasOwn(this.versions, q.version ?? ''), 'Invalid version');
    for (const k of Object.keys(q)) need(['version', 'input', 'webhook_url'].includes(k), `${k} is unknown here`);
    need(q.input && typeof q.input === 'object', 'input is required');
    need(q.webhook_url === undefined || /^https?:\/\/./.test(q.webhook_url), 'webhook_url is no URL');
    for (const k of Object.keys(q.input)) need(Object.hasOwn(model.inputs, k) || Object.hasOwn(model.inputs, `${k}*`), `input.${k} is unknown here`);
    for (const [k, rule] of Object.entries(model.inputs)) {
      const name = k.replace('*', ''), v = q.input[name];
      need(v !== undefined || name === k, `input.${name} is required`);
      if (v !== undefined) need(Array.isArray(rule) ? /^https?:\/\/[\x21-\x7e]+$/.test(v) : rule(v), `input.${name} must be ${Array.isArray(rule) ? 'an http(s) URL' : 'a flag'}`);
    }
    const t = this.begin(hex(16), { what: model.name, version: q.version, input: q.input, webhook: q.webhook_url ?? '', fate: this.fateOf(call), media: {}, error: null, output: null, results: [], status: 'starting' });
    if (call.fault === 'early_notice') await this.finish(t.id);
    return { code: 200, result: { task_id: t.id, task_cost: model.cost }, message: { en: 'Success' } };
  }

  // ---- what becomes of them ----
  async #look(t) {
    for (const [k, types] of Object.entries(this.versions[t.version].inputs)) {
      if (!Array.isArray(types)) continue;
      const name = k.replace('*', ''), got = await this.input(t.input[name], { types });
      t.media[name] = { sha256: got.sha256, type: got.type, width: got.width, height: got.height, seconds: got.seconds };
      if (!got.fault) continue;
      t.error = got.fault === 'download' ? `${name} cannot be downloaded` : `${name} is not supported`;
      t.run_ms = 0;
    }
  }
  moved(t) {
    if (t.state === 'running') {
      t.status = 'processing';
      return this.until(t, this.#look(t));
    }
    const fate = t.fate?.kind, errors = { moderation_after: t.fate?.code || 'NSFW content detected', failed: t.fate?.code || 'Task failed' };
    t.error ??= errors[fate] ?? null;
    t.status = fate === 'cancelled' ? 'canceled' : t.error ? 'failed' : 'succeeded';
    if (t.status === 'succeeded') this.#make(t);
    this.#tell(t);
    if (fate === 'success_then_failed' && t.status === 'succeeded') this.#tell(t, this.#relapsed);
    return undefined;
  }
  #relapsed = { status: 'failed', error: 'the worker was lost', output: null };
  #make(t) {
    const { name, output, cost } = this.versions[t.version], fate = t.fate?.kind, key = JSON.stringify([name, Object.entries(t.input).map(([k, v]) => [k, t.media[k]?.sha256 ?? v]), t.id]);
    this.bill(name, cost, t.id);
    t.output = [];
    if (['empty', 'partial'].includes(fate)) return;
    if (fate === 'error_inside') {
      t.error = 'output could not be saved';
      t.output = null;
      return;
    }
    const bytes = output === 'video' ? clip(key, { width: 256, height: 256, seconds: t.media.target.seconds }) : picture(key, { width: 256, height: 256 });
    t.output = [this.keep(bytes, output === 'video' ? 'video/mp4' : 'image/png', DAY, t.fate, t.ended_ms)];
    t.results.push({ url: t.output[0], sha256: sha256(bytes) });
  }
  shown(t, more = {}) {
    const s = (from, to) => (to === null ? null : Math.round((to - from) / 100) / 10);
    return { task_id: t.id, user_id: 1, version: t.version, error: t.error, total_time: s(t.made_ms, t.ended_ms), predict_time: t.started_ms === null ? null : s(t.started_ms, t.ended_ms), logs: null, output: t.output,
      status: t.fate?.kind === 'odd_status' ? t.fate.word ?? 'pondering' : t.status, create_at: Math.floor(t.made_ms / 1000), completed_at: t.ended_ms === null ? null : Math.floor(t.ended_ms / 1000), ...more };
  }
  #tell(t, more) {
    const shown = this.shown(t, more);
    this.notify(t.webhook, hex(12), shown.status, [t.id], ({ trouble = '' }) => ({ headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(trouble === 'inside' ? this.said(shown) : shown) }));
  }
}

if (process.argv[1] === import.meta.filename) {
  await byHand(USAGE, ['port', 'key', 'refusals', 'queue-ms', 'run-ms'], async ({ port = 0, key, refusals, ...f }) => {
    const sim = await start(VModel, { port: Number(port), key, refusals, queue_ms: Number(f['queue-ms'] ?? 1000), run_ms: Number(f['run-ms'] ?? 4000) });
    return { sim, settings: { vmodel_url: sim.url, vmodel_key: sim.key } };
  }, 'ZOETROPE_');
}
