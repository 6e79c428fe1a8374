#!/usr/bin/env node
// comfyui.mjs - a simulator of a ComfyUI server: graphs are validated, queued and "run" one at a time; files in and out; progress and previews over a
// WebSocket; and a restart that forgets what it must. A preview that /view is asked for is the picture itself. In a test: const comfy = await start(ComfyUI, {}, t).
import { randomUUID } from 'node:crypto';
import { WebSocketServer } from 'ws';
import { byHand, hex } from './sim.mjs';
import { EngineSim, FAULTS_TEXT, RESULTS, Raw, no, start } from './engine.mjs';
import { probe, sha256 } from './media.mjs';

const USAGE = `comfyui.mjs - a simulator of a ComfyUI server; its state is gone when it ends

  node tests/sim/comfyui.mjs

  --port=N     0 (the default): any that is free
  --run-ms=    how long a graph runs (4000)

Prints one line of JSON: its URL. Its own page (/) shows what was asked. It knows the nodes of /object_info, and no others. Faults of its own: oom (out
of memory in the sampler). There are no keys, no money and no moderation here. POST below /_sim/, beside the others:
  restart {files}    queue, history and sockets are gone; files: those too
${FAULTS_TEXT}`;

const HISTORY_MAX = 10_000, TICKS = 4, UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const TYPES = { png: 'image/png', jpg: 'image/jpeg', mp4: 'video/mp4' };
const INT = (min, max, d = min) => ['INT', { default: d, min, max }], FLOAT = (min, max, d = min) => ['FLOAT', { default: d, min, max }], TEXT = ['STRING', { multiline: true }];
const SAMPLERS = ['euler', 'euler_ancestral', 'dpmpp_2m', 'dpmpp_2m_sde', 'ddim'], SCHEDULERS = ['normal', 'karras', 'exponential', 'simple'];
const SEED = ['INT', { default: 0, min: 0, max: 2 ** 53 }];

/** name: [inputs, outputs, is it an output node]. Files are lists of names, as in the real one. */
const nodes = m => ({
  CheckpointLoaderSimple: [{ ckpt_name: [m.checkpoints] }, ['MODEL', 'CLIP', 'VAE']],
  LoadImage: [{ image: ['FILE'] }, ['IMAGE', 'MASK']],
  LoadImageMask: [{ image: ['FILE'], channel: [['alpha', 'red', 'green', 'blue']] }, ['MASK']],
  VHS_LoadVideo: [{ video: ['FILE'], force_rate: FLOAT(0, 60), frame_load_cap: INT(0, 10_000) }, ['IMAGE', 'INT', 'AUDIO']],
  'SAMModelLoader (segment anything)': [{ model_name: [['sam_vit_h (2.56GB)', 'sam_vit_b (375MB)']] }, ['SAM_MODEL']],
  'GroundingDinoModelLoader (segment anything)': [{ model_name: [['GroundingDINO_SwinT_OGC (694MB)']] }, ['GROUNDING_DINO_MODEL']],
  'GroundingDinoSAMSegment (segment anything)': [{ prompt: TEXT, threshold: FLOAT(0, 1, 0.3), sam_model: ['SAM_MODEL'], grounding_dino_model: ['GROUNDING_DINO_MODEL'], image: ['IMAGE'] }, ['IMAGE', 'MASK']],
  CLIPTextEncode: [{ text: TEXT, clip: ['CLIP'] }, ['CONDITIONING']],
  ControlNetLoader: [{ control_net_name: [m.controlnets] }, ['CONTROL_NET']],
  Canny: [{ image: ['IMAGE'], low_threshold: FLOAT(0.01, 0.99, 0.4), high_threshold: FLOAT(0.01, 0.99, 0.8) }, ['IMAGE']],
  DWPreprocessor: [{ image: ['IMAGE'] }, ['IMAGE', 'POSE_KEYPOINT']],
  ControlNetApplyAdvanced: [{ positive: ['CONDITIONING'], negative: ['CONDITIONING'], control_net: ['CONTROL_NET'], image: ['IMAGE'], strength: FLOAT(0, 10, 1), start_percent: FLOAT(0, 1), end_percent: FLOAT(0, 1, 1) },
    ['CONDITIONING', 'CONDITIONING']],
  IPAdapterUnifiedLoader: [{ model: ['MODEL'], preset: [['LIGHT - SD1.5 only (low strength)', 'STANDARD (medium strength)', 'PLUS (high strength)', 'PLUS FACE (portraits)']] }, ['MODEL', 'IPADAPTER']],
  IPAdapterAdvanced: [{ model: ['MODEL'], ipadapter: ['IPADAPTER'], image: ['IMAGE'], weight: FLOAT(-1, 5, 1), weight_type: [['linear', 'ease in', 'style transfer']], combine_embeds: [['concat', 'add', 'average']],
    start_at: FLOAT(0, 1), end_at: FLOAT(0, 1, 1), embeds_scaling: [['V only', 'K+V']] }, ['MODEL'], false, { attn_mask: ['MASK'], image_negative: ['IMAGE'] }],
  VAEEncode: [{ pixels: ['IMAGE'], vae: ['VAE'] }, ['LATENT']],
  VAEEncodeForInpaint: [{ pixels: ['IMAGE'], vae: ['VAE'], mask: ['MASK'], grow_mask_by: INT(0, 64, 6) }, ['LATENT']],
  EmptyLatentImage: [{ width: INT(16, 16384, 512), height: INT(16, 16384, 512), batch_size: INT(1, 4096) }, ['LATENT']],
  RepeatLatentBatch: [{ samples: ['LATENT'], amount: INT(1, 64) }, ['LATENT']],
  KSampler: [{ model: ['MODEL'], seed: SEED, steps: INT(1, 10_000, 20), cfg: FLOAT(0, 100, 8), sampler_name: [SAMPLERS], scheduler: [SCHEDULERS], positive: ['CONDITIONING'], negative: ['CONDITIONING'],
    latent_image: ['LATENT'], denoise: FLOAT(0, 1, 1) }, ['LATENT']],
  VAEDecode: [{ samples: ['LATENT'], vae: ['VAE'] }, ['IMAGE']],
  SaveImage: [{ images: ['IMAGE'], filename_prefix: ['STRING', { default: 'ComfyUI' }] }, [], true],
  PreviewImage: [{ images: ['IMAGE'] }, [], true],
  VHS_VideoCombine: [{ images: ['IMAGE'], frame_rate: FLOAT(1, 120, 8), loop_count: INT(0, 100), filename_prefix: ['STRING', {}], format: [['video/h264-mp4', 'image/gif']], pingpong: ['BOOLEAN', {}], save_output: ['BOOLEAN', {}] },
    ['VHS_FILENAMES'], true],
});
const isLink = v => Array.isArray(v);

export class ComfyUI extends EngineSim {
  kinds = ['cut', 'extra', 'strings', 'skewed', 'failed', 'partial', 'vanish', 'odd_status', 'error_inside', 'empty', 'late', 'cancelled', 'result_404', 'result_wrong', 'result_empty', 'result_short', 'oom'];
  maps = ['outputs', 'node_errors', 'prompt', 'inputs', 'nodes'];
  history = new Map();
  disk = new Map();
  freed = [];
  #sockets = new Map();
  #metadata = new WeakSet();
  #ws = new WebSocketServer({ noServer: true });
  #number = 0; #run = 0; #counter = 0;
  #current = null;       // what runs

  /** models: {checkpoints, controlnets}, by name; without: nodes that are not installed. */
  constructor({ models = {}, without = [], run_ms = 4000, ...more } = {}) {
    super({ queue_ms: 0, run_ms, lanes: 1, ...more });
    this.nodes = nodes({ checkpoints: ['sdxl.safetensors'], controlnets: ['canny.safetensors', 'openpose.safetensors'], ...models });
    for (const name of without) delete this.nodes[name];
  }
  verbs = { ...this.verbs, restart: q => this.restart(q), state: () => ({ ...this.state(), history: [...this.history.keys()], files: [...this.disk.keys()], freed: this.freed }) };

  // ---- the WebSocket ----
  upgrade(req, socket, head) {
    const url = new URL(req.url, this.url);
    if (url.pathname.replace(/^\/api/, '') !== '/ws' || this.#foreign(req.headers)) return void socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
    this.#ws.handleUpgrade(req, socket, head, ws => {
      const sid = url.searchParams.get('clientId') || hex(16);
      this.#sockets.get(sid)?.close();
      this.#sockets.set(sid, ws);
      ws.on('message', data => {
        try { if (JSON.parse(data).data?.supports_preview_metadata) this.#metadata.add(ws); } catch { /* whatever else it says */ }
      });
      ws.on('close', () => { if (this.#sockets.get(sid) === ws) this.#sockets.delete(sid); });
      ws.on('error', () => {});
      ws.send(JSON.stringify({ type: 'status', data: { status: { exec_info: { queue_remaining: this.underWay } }, sid } }));
    });
  }
  async close() {
    for (const ws of this.#ws.clients) ws.terminate();
    return super.close();
  }
  #everyone(type, data) { for (const ws of this.#sockets.values()) ws.send(JSON.stringify({ type, data })); }
  #status() { this.#everyone('status', { status: { exec_info: { queue_remaining: this.underWay } } }); }
  /** To whoever asked for that run, and into its history if `kept`. */
  #tell(t, type, data, kept = false) {
    const all = { ...data, prompt_id: t.prompt_id, ...(kept ? { timestamp: this.now() } : {}) };
    if (kept) t._messages.push([type, all]);
    this.#sockets.get(t.client)?.send(JSON.stringify({ type, data: all }));
  }
  #preview(t, node, n) {
    const ws = this.#sockets.get(t.client), png = this.picture(`${t.prompt_id} ${n}`, { width: 16, height: 16 }), u32 = v => { const b = Buffer.alloc(4); b.writeUInt32BE(v); return b; };
    if (!ws) return;
    if (!this.#metadata.has(ws)) return void ws.send(Buffer.concat([u32(1), u32(2), png]));
    const meta = Buffer.from(JSON.stringify({ node_id: node, display_node_id: node, prompt_id: t.prompt_id, image_type: 'image/png' }));
    ws.send(Buffer.concat([u32(4), u32(meta.length), meta, png]));
  }

  // ---- calls ----
  op({ method, url }) { return `${method} ${url.pathname.replace(/^\/api(?!\/jobs)/, '').replace(/^(\/history|\/object_info|\/api\/jobs)\/[^/]+/, '$1/:id')}`; }
  /** On a loopback address a page from elsewhere is refused. */
  #foreign(headers) { try { return headers.origin !== undefined && new URL(headers.origin).host !== headers.host; } catch { return true; } }
  refusal(kind, how) { return kind === 'refuse' ? no(how.status, { error: { type: how.code, message: 'refused on order', details: '', extra_info: {} }, node_errors: {} }) : no(500, { error: '500 Internal Server Error' }); }
  async route(call) {
    const { url, headers, raw } = call, q = url.searchParams, id = decodeURIComponent(url.pathname.split('/').at(-1));
    if (this.#foreign(headers)) throw no(403, { error: 'origin' });
    const json = () => (raw.length ? this.json(raw, no(400, { error: 'no JSON' })) : {}), ok = () => new Raw('', 'text/plain');
    switch (call.op) {
      case 'POST /prompt': return this.submit(json(), call);
      case 'GET /prompt': return { exec_info: { queue_remaining: this.underWay } };
      case 'GET /queue': return { queue_running: this.#queue('running'), queue_pending: this.#queue('queued') };
      case 'POST /queue': this.#unqueue(json()); return ok();
      case 'POST /interrupt': this.#interrupt(json().prompt_id); return ok();
      case 'GET /history': return Object.fromEntries([...this.history].slice(-(Number(q.get('max_items')) || HISTORY_MAX)));
      case 'GET /history/:id': return this.history.has(id) ? { [id]: this.history.get(id) } : {};
      case 'POST /history': this.#forget(json()); return ok();
      case 'POST /upload/image': return this.upload(call);
      case 'POST /upload/mask': return this.upload(call, true);
      case 'GET /view': return this.view(q);
      case 'GET /system_stats': return { system: { os: 'posix', ram_total: 64e9, ram_free: 48e9, comfyui_version: '0.3.60', python_version: '3.12.3', pytorch_version: '2.7.0+cu128' },
        devices: [{ name: 'cuda:0 Simulator : cudaMallocAsync', type: 'cuda', index: 0, vram_total: 24e9, vram_free: 20e9, torch_vram_total: 1e9, torch_vram_free: 5e8 }] };
      case 'GET /object_info': return Object.fromEntries(Object.keys(this.nodes).map(n => [n, this.#describe(n)]));
      case 'GET /object_info/:id': return this.nodes[id] ? { [id]: this.#describe(id) } : {};
      case 'POST /free': this.freed.push(json()); return ok();
      case 'GET /api/jobs': return { jobs: this.#jobs() };
      case 'GET /api/jobs/:id': {
        const job = this.#jobs().find(j => j.id === id);
        if (!job) throw no(404, { error: 'Job not found' });
        return job;
      }
      case 'POST /api/jobs/:id/cancel': return { cancelled: this.#cancel(url.pathname.split('/').at(-2)) };
      default: throw no(404, { error: '404: Not Found' });
    }
  }
  #describe(name) {
    const [required, output, isOutput = false, optional = {}] = this.nodes[name], names = () => [...this.disk.keys()].filter(k => k.startsWith('input/')).map(k => k.slice('input/'.length));
    const shown = Object.fromEntries(Object.entries(required).map(([k, [type, more]]) => [k, type === 'FILE' ? [names(), { image_upload: true }] : more ? [type, more] : [type]]));
    return { input: { required: shown, optional }, input_order: { required: Object.keys(required), optional: Object.keys(optional) }, output, output_is_list: output.map(() => false), output_name: output, name,
      display_name: name, description: '', python_module: 'nodes', category: 'simulator', output_node: isOutput };
  }

  // ---- graphs ----
  #wrong(type, message, details = '', extra_info = {}) { return { type, message, details, extra_info }; }
  /** Errors of one node and of all it needs, by node id. path: the nodes on the way here. */
  #validate(graph, id, errors, path = []) {
    if (path.includes(id)) return void (errors[id] ??= []).push(this.#wrong('dependency_cycle', 'Dependency cycle detected', [...path, id].join(' -> ')));
    const node = graph[id], [required, , , optional = {}] = this.nodes[node.class_type], mine = [], add = (...a) => mine.push(this.#wrong(...a));
    for (const [name, [type, limits = {}]] of Object.entries({ ...required, ...optional })) {
      const v = node.inputs?.[name], info = { input_name: name }, told = `${name}: ${JSON.stringify(v)}`;
      if (v === undefined) { if (name in required) add('required_input_missing', 'Required input is missing', name, info); }
      else if (isLink(v)) {
        const from = v.length === 2 && typeof v[0] === 'string' && Number.isInteger(v[1]) ? graph[v[0]] : undefined;
        if (v.length !== 2) add('bad_linked_input', 'Bad linked input, must be a length-2 list of [node_id, slot_index]', name, info);
        else if (!from) add('exception_during_inner_validation', 'Exception when validating inner node', `'${v[0]}'`, info);
        else if (this.nodes[from.class_type][1][v[1]] !== (Array.isArray(type) ? '' : type)) add('return_type_mismatch', 'Return type mismatch between linked nodes', `${name}, received_type(${this.nodes[from.class_type][1][v[1]]}) mismatch input_type(${type})`, info);
        else this.#validate(graph, v[0], errors, [...path, id]);
      } else if (Array.isArray(type)) { if (!type.includes(v)) add('value_not_in_list', 'Value not in list', `${name}: '${v}' not in ${JSON.stringify(type)}`, info); }
      else if (type === 'FILE') { if (!this.disk.has(`input/${v}`)) add('custom_validation_failed', 'Custom validation failed for node', `${name} - Invalid image file: ${v}`, info); }
      else if (type === 'INT' || type === 'FLOAT') {
        if (typeof v !== 'number' || (type === 'INT' && !Number.isInteger(v))) add('invalid_input_type', `Failed to convert an input value to a ${type} value`, told, info);
        else if (v < limits.min) add('value_smaller_than_min', `Value ${v} smaller than min of ${limits.min}`, name, info);
        else if (v > limits.max) add('value_bigger_than_max', `Value ${v} bigger than max of ${limits.max}`, name, info);
      } else if (type === 'STRING' || type === 'BOOLEAN') { if (typeof v !== type.toLowerCase()) add('invalid_input_type', `Failed to convert an input value to a ${type} value`, told, info); }
      else add('bad_linked_input', 'Bad linked input, must be a length-2 list of [node_id, slot_index]', name, info);
    }
    if (mine.length) errors[id] = [...errors[id] ?? [], ...mine.filter(m => !errors[id]?.some(o => JSON.stringify(o) === JSON.stringify(m)))];
  }
  submit(q, call) {
    const bad = (type, message, details = '', node_errors = {}) => no(400, { error: this.#wrong(type, message, details), node_errors });
    if (q.prompt_id !== undefined && !UUID.test(q.prompt_id)) throw bad('invalid_prompt_id', 'prompt_id must be a UUID');
    const graph = q.prompt;
    if (graph === undefined || graph === null || typeof graph !== 'object') throw bad('no_prompt', 'No prompt provided', 'No prompt provided');
    for (const [id, n] of Object.entries(graph)) {
      if (!n?.class_type) throw bad('invalid_prompt', 'Cannot execute because a node is missing the class_type property.', `Node ID '#${id}'`);
      if (!this.nodes[n.class_type]) throw bad('missing_node_type', `Node '${n._meta?.title ?? n.class_type}' not found. The custom node may not be installed.`, `Node ID '#${id}'`);
    }
    const outputs = Object.keys(graph).filter(id => this.nodes[graph[id].class_type][2] && (!q.partial_execution_targets || q.partial_execution_targets.includes(id)));
    if (!outputs.length) throw bad('prompt_no_outputs', 'Prompt has no outputs');
    const node_errors = {}, good = [];
    for (const out of outputs) {
      const errors = {};
      this.#validate(graph, out, errors);
      if (!Object.keys(errors).length) good.push(out);
      for (const [id, list] of Object.entries(errors)) {
        node_errors[id] ??= { errors: list, dependent_outputs: [], class_type: graph[id].class_type };
        node_errors[id].dependent_outputs.push(out);
      }
    }
    if (!good.length) throw bad('prompt_outputs_failed_validation', 'Prompt outputs failed validation', '', node_errors);
    const n = q.number !== undefined ? Number(q.number) : this.#number++, number = q.front && q.number === undefined ? -n : n, prompt_id = q.prompt_id ?? randomUUID();
    this.begin(`run-${++this.#run}`, { what: Object.values(graph).some(x => x.class_type === 'KSampler') ? 'KSampler' : graph[good[0]].class_type, prompt_id, client: q.client_id ?? '', priority: number, number, good,
      fate: this.fateOf(call) ?? (call.fault === 'oom' ? call.how : null), _graph: graph, _extra: { ...q.extra_data, ...(q.client_id ? { client_id: q.client_id } : {}) }, _messages: [], _ticks: [] });
    this.#status();
    return { prompt_id, number, node_errors };
  }
  /** All that a node needs, deepest first. */
  #needs(graph, id, seen = []) {
    for (const v of Object.values(graph[id].inputs ?? {})) if (isLink(v)) this.#needs(graph, v[0], seen);
    if (!seen.includes(id)) seen.push(id);
    return seen;
  }

  // ---- running ----
  /** Nobody is told anything about a tick before its time, or after the run is over. */
  nextEvent() { return Math.min(super.nextEvent(), this.#current?._ticks[0]?.at ?? Infinity); }
  happen() {
    this.#tick();
    super.happen();
    this.#tick();
  }
  #tick() { while (this.#current?._ticks[0]?.at <= this.now()) this.#current._ticks.shift().tell(); }
  moved(t) {
    this.#current = t.state === 'running' ? t : this.#current === t ? null : this.#current;
    if (t.gone) return;
    const graph = t._graph, order = t.good.reduce((all, out) => this.#needs(graph, out, all), []), sampler = order.find(id => graph[id].class_type === 'KSampler'), at = sampler ? order.indexOf(sampler) + 1 : 0;
    const executing = id => this.#tell(t, 'executing', { node: id, display_node: id });
    if (t.state === 'running') {
      this.#tell(t, 'execution_start', {}, true);
      this.#tell(t, 'execution_cached', { nodes: [] }, true);
      order.slice(0, at).forEach(executing);
      const steps = sampler ? graph[sampler].inputs.steps : 0, ticks = Math.min(TICKS, steps);
      t._ticks = Array.from({ length: ticks }, (_, i) => ({ at: t.started_ms + Math.round(this.runMs(t) * (i + 1) / (ticks + 1)), tell: () => {
        const value = Math.round(steps * (i + 1) / ticks), state = { value, max: steps, state: 'running', node_id: sampler, prompt_id: t.prompt_id };
        this.#tell(t, 'progress', { value, max: steps, node: sampler });
        this.#tell(t, 'progress_state', { nodes: { [sampler]: state } });
        this.#preview(t, sampler, i);
      } }));
      return;
    }
    const interrupted = t.interrupted || t.fate?.kind === 'cancelled', ticks = t._ticks.splice(0);
    if (!interrupted) for (const tick of ticks) tick.tell();
    this.bill('runs', 1, t.prompt_id);
    if (interrupted) {
      this.#tell(t, 'execution_interrupted', { node_id: sampler ?? order[0], node_type: graph[sampler ?? order[0]].class_type, executed: order.slice(0, Math.max(0, at - 1)) }, true);
      this.#remember(t, {}, 'error');
    } else if (['failed', 'oom'].includes(t.fate?.kind)) this.#fail(t, sampler ?? order[0], order);
    else this.#succeed(t, order.slice(at), executing);
    this.#tell(t, 'executing', { node: null });
    this.#status();
  }
  #fail(t, id, order) {
    const oom = t.fate.kind === 'oom', node = t._graph[id];
    this.#tell(t, 'execution_error', { node_id: id, node_type: node.class_type, executed: order.slice(0, order.indexOf(id)), exception_message: oom ? 'Allocation on device ' : 'shapes cannot be multiplied',
      exception_type: oom ? 'torch.OutOfMemoryError' : 'RuntimeError', traceback: ['  File "execution.py", line 496, in execute\n'], current_inputs: { seed: [node.inputs?.seed ?? 0] }, current_outputs: [] }, true);
    this.#remember(t, {}, 'error');
  }
  #succeed(t, rest, executing) {
    const kind = t.fate?.kind, outputs = {};
    for (const id of rest) {
      executing(id);
      if (!t.good.includes(id) || kind === 'empty' || kind === 'error_inside') continue;
      outputs[id] = this.#output(t, id);
      this.#tell(t, 'executed', { node: id, display_node: id, output: outputs[id] });
    }
    if (kind === 'error_inside') this.#tell(t, 'execution_error', { node_id: rest.at(-1), node_type: '', executed: [], exception_message: 'it failed after all', exception_type: 'RuntimeError', traceback: [] }, true);
    this.#tell(t, 'execution_success', {}, true);
    this.#remember(t, outputs, kind === 'odd_status' ? 'pondering' : 'success');
  }
  #remember(t, outputs, status_str) {
    if (this.vanished(t)) return;
    this.history.delete(t.prompt_id);
    this.history.set(t.prompt_id, { prompt: this.#entry(t), outputs, status: { status_str, completed: status_str === 'success', messages: t._messages }, meta: {} });
    if (this.history.size > HISTORY_MAX) this.history.delete(this.history.keys().next().value);
  }
  #entry(t) { return [t.number, t.prompt_id, t._graph, t._extra, t.good]; }
  /** What an output node leaves: pictures of all that went into it, so of another seed another, and of the same graph the same. */
  #output(t, id) {
    const graph = t._graph, needs = this.#needs(graph, id), node = graph[id], clip = node.class_type === 'VHS_VideoCombine', temp = node.class_type === 'PreviewImage' || (clip && !node.inputs.save_output);
    const key = JSON.stringify(needs.filter(n => n !== id).map(n => [n, graph[n].class_type, Object.entries(graph[n].inputs ?? {}).sort().map(([k, v]) => [k, this.nodes[graph[n].class_type][0][k]?.[0] === 'FILE' ? sha256(this.disk.get(`input/${v}`).bytes) : v])]));
    const batch = needs.reduce((n, x) => n * (graph[x].inputs?.batch_size ?? graph[x].inputs?.amount ?? 1), 1), folder = (node.inputs.filename_prefix ?? 'ComfyUI_temp').split('/'), prefix = folder.pop();
    const count = Math.max(0, (clip ? 1 : batch) - (t.fate?.kind === 'partial' && id === t.good.at(-1) ? 1 : 0));
    const list = Array.from({ length: count }, (_, i) => {
      const filename = `${prefix}_${String(++this.#counter).padStart(5, '0')}${clip ? '.mp4' : '_.png'}`, place = { filename, subfolder: folder.join('/'), type: temp ? 'temp' : 'output' };
      this.#write(place, clip ? this.clip(key, { seconds: batch / node.inputs.frame_rate, fps: node.inputs.frame_rate }) : this.picture(`${key} ${i}`), t.fate);
      return clip ? { ...place, format: node.inputs.format, frame_rate: node.inputs.frame_rate } : place;
    });
    return { [clip ? 'gifs' : 'images']: list };
  }

  // ---- queue and history ----
  #of(state) { return [...this.tasks.values()].filter(t => t.state === state && !this.vanished(t)); }
  #queue(state) { return this.#of(state).sort((a, b) => a.priority - b.priority).map(t => this.#entry(t)); }
  #unqueue({ clear = false, delete: ids = [] }) {
    for (const t of this.#of('queued')) if (clear || ids.includes(t.prompt_id)) this.#drop(t);
    this.#status();
  }
  #drop(t) {
    t.gone = true;
    t._ticks.length = 0;
    this.move(t, 'ended');
  }
  #interrupt(prompt_id) {
    const t = this.#of('running').find(x => prompt_id === undefined || x.prompt_id === prompt_id);
    if (t) {
      t.interrupted = true;
      this.move(t, 'ended');
    }
    return Boolean(t);
  }
  #cancel(prompt_id) {
    const t = this.#of('queued').find(x => x.prompt_id === prompt_id);
    if (t) this.#drop(t);
    return Boolean(t) || this.#interrupt(prompt_id);
  }
  #forget({ clear = false, delete: ids = [] }) { for (const id of clear ? [...this.history.keys()] : ids) this.history.delete(id); }
  #jobs() {
    return [...this.#of('running').map(t => ({ id: t.prompt_id, status: 'in_progress' })), ...this.#of('queued').map(t => ({ id: t.prompt_id, status: 'pending' })),
      ...[...this.history].reverse().map(([id, h]) => ({ id, status: h.status.status_str === 'success' ? 'completed' : 'failed' }))];
  }
  /** It ends and starts again: what was in memory is gone, what was on the disk is not. */
  restart({ files = false } = {}) {
    for (const t of [...this.#of('running'), ...this.#of('queued')]) this.#drop(t);
    this.tasks.clear();
    this.history.clear();
    for (const ws of this.#ws.clients) ws.terminate();
    this.#number = 0;
    for (const k of [...this.disk.keys()]) if (files || k.startsWith('temp/')) this.disk.delete(k);
  }

  // ---- files ----
  #write({ type, subfolder, filename }, bytes, fate = null) {
    this.disk.set([type, subfolder, filename].filter(Boolean).join('/'), { bytes, type: TYPES[filename.split('.').at(-1).toLowerCase()] ?? probe(bytes)?.type ?? 'application/octet-stream',
      kind: RESULTS.includes(fate?.kind) ? fate.kind : '', wrong_ms: this.now() + (fate?.seconds ?? 0) * 1000 });
  }
  #outside(...names) { return names.some(n => n.startsWith('/') || n.split('/').includes('..')); }
  async upload({ headers, raw }, mask = false) {
    const form = await new Response(raw, { headers: { 'content-type': headers['content-type'] ?? '' } }).formData().catch(() => null), image = form?.get('image');
    if (!image?.name) throw no(400, { error: 'no image' });
    const type = form.get('type') || 'input', subfolder = form.get('subfolder') || '', bytes = Buffer.from(await image.arrayBuffer());
    if (!['input', 'temp', 'output'].includes(type) || this.#outside(subfolder, image.name)) throw no(400, { error: 'type, subfolder' });
    if (mask) {
      const of = this.json(form.get('original_ref') ?? '', no(400, { error: 'original_ref' }));
      if (!this.disk.has([of.type ?? 'output', of.subfolder, of.filename].filter(Boolean).join('/'))) throw no(400, { error: 'no such original' });
    }
    const [, stem, ending] = /^(.*?)(\.[^.]*)?$/.exec(image.name), path = n => [type, subfolder, n].filter(Boolean).join('/');
    let name = image.name;
    if (form.get('overwrite') !== 'true' && form.get('overwrite') !== '1')
      for (let i = 1; this.disk.has(path(name)) && !this.disk.get(path(name)).bytes.equals(bytes); i++) name = `${stem} (${i})${ending ?? ''}`;
    this.inputs.push({ from: path(name), status: 200, bytes: bytes.length, sha256: sha256(bytes), ...probe(bytes), fault: '' });
    this.#write({ type, subfolder, filename: name }, bytes);
    return { name, subfolder, type };
  }
  view(q) {
    const filename = q.get('filename') ?? '', subfolder = q.get('subfolder') ?? '', type = q.get('type') || 'output';
    if (this.#outside(filename, subfolder) || !['input', 'temp', 'output'].includes(type)) throw no(400, { error: 'filename, subfolder, type' });
    const f = this.disk.get([type, subfolder, filename].filter(Boolean).join('/'));
    if (!filename || !f || this.spoiled(f) === 'result_404') throw no(404, { error: '404: Not Found' });
    const sent = this.served(f);
    sent.headers['Content-Disposition'] = `filename="${filename}"`;
    return sent;
  }
}

if (process.argv[1] === import.meta.filename) {
  await byHand(USAGE, ['port', 'run-ms'], async f => {
    const sim = await start(ComfyUI, { port: Number(f.port ?? 0), run_ms: Number(f['run-ms'] ?? 4000) });
    return { sim, settings: { comfyui_url: sim.url } };
  }, 'ZOETROPE_');
}
