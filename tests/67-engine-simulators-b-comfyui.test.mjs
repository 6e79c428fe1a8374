// 67-engine-simulators-b-comfyui.test.mjs - the simulator of a ComfyUI server, by calls and a socket written from the contract: there is no client of
// it on npm that its makers wrote. Nothing of ours takes part.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import WebSocket from 'ws';
import { BASE, brokenCalls, byHand, control, time } from './lib/engines.mjs';
import { until, within } from './lib/server.mjs';
import { ComfyUI } from './sim/comfyui.mjs';
import { start } from './sim/engine.mjs';
import { picture, probe } from './sim/media.mjs';

const ID = '0b1d6c1e-4a0f-4c55-8d7c-0c1f0e7f8a11', other = n => ID.replace(/.$/, n);

/** Example of the contract: segment, ControlNet, IPAdapter, KSampler. */
const graph = (change = {}) => {
  const g = {
    1: { class_type: 'CheckpointLoaderSimple', inputs: { ckpt_name: 'sdxl.safetensors' } },
    2: { class_type: 'LoadImage', inputs: { image: 'person.png' } },
    3: { class_type: 'LoadImage', inputs: { image: 'style.png' } },
    4: { class_type: 'SAMModelLoader (segment anything)', inputs: { model_name: 'sam_vit_h (2.56GB)' } },
    5: { class_type: 'GroundingDinoModelLoader (segment anything)', inputs: { model_name: 'GroundingDINO_SwinT_OGC (694MB)' } },
    6: { class_type: 'GroundingDinoSAMSegment (segment anything)', inputs: { prompt: 'clothes', threshold: 0.3, sam_model: ['4', 0], grounding_dino_model: ['5', 0], image: ['2', 0] } },
    7: { class_type: 'CLIPTextEncode', inputs: { text: 'a red coat', clip: ['1', 1] } },
    8: { class_type: 'CLIPTextEncode', inputs: { text: 'low quality', clip: ['1', 1] } },
    9: { class_type: 'ControlNetLoader', inputs: { control_net_name: 'canny.safetensors' } },
    10: { class_type: 'Canny', inputs: { image: ['2', 0], low_threshold: 0.3, high_threshold: 0.7 } },
    11: { class_type: 'ControlNetApplyAdvanced', inputs: { positive: ['7', 0], negative: ['8', 0], control_net: ['9', 0], image: ['10', 0], strength: 0.8, start_percent: 0.0, end_percent: 1.0 } },
    12: { class_type: 'IPAdapterUnifiedLoader', inputs: { model: ['1', 0], preset: 'PLUS (high strength)' } },
    13: { class_type: 'IPAdapterAdvanced', inputs: { model: ['12', 0], ipadapter: ['12', 1], image: ['3', 0], attn_mask: ['6', 1], weight: 0.8, weight_type: 'linear', combine_embeds: 'concat', start_at: 0.0, end_at: 1.0, embeds_scaling: 'V only' } },
    14: { class_type: 'VAEEncodeForInpaint', inputs: { pixels: ['2', 0], vae: ['1', 2], mask: ['6', 1], grow_mask_by: 6 } },
    15: { class_type: 'KSampler', inputs: { seed: 7, steps: 25, cfg: 6.0, sampler_name: 'dpmpp_2m', scheduler: 'karras', denoise: 1.0, model: ['13', 0], positive: ['11', 0], negative: ['11', 1], latent_image: ['14', 0] } },
    16: { class_type: 'VAEDecode', inputs: { samples: ['15', 0], vae: ['1', 2] } },
    17: { class_type: 'SaveImage', inputs: { images: ['16', 0], filename_prefix: 'job42' } },
  };
  for (const [id, inputs] of Object.entries(change)) g[id] = inputs && { ...g[id], ...(inputs.class_type ? inputs : { inputs: { ...g[id]?.inputs, ...inputs } }) };
  return JSON.parse(JSON.stringify(g));
};

async function world(t, { ready = true, ...options } = {}) {
  const clock = time(t), sim = await start(ComfyUI, { now: clock.now, ...options }, t);
  const call = async (method, path, body, headers = {}) => {
    const r = await fetch(`${sim.url}${path}`, { method, headers: { ...(body && !(body instanceof FormData) ? { 'Content-Type': 'application/json' } : {}), ...headers }, body: body instanceof FormData || !body ? body : JSON.stringify(body) });
    return { status: r.status, headers: r.headers, body: await r.text() };
  };
  const json = async (...a) => { const r = await call(...a); return { status: r.status, ...JSON.parse(r.body) }; };
  const get = async path => JSON.parse((await call('GET', path)).body);
  const upload = async (name, bytes, more = {}, path = '/upload/image') => {
    const form = new FormData();
    form.set('image', new Blob([bytes], { type: 'image/png' }), name);
    for (const [k, v] of Object.entries(more)) form.set(k, v);
    return json('POST', path, form);
  };
  if (ready) for (const name of ['person', 'style']) await upload(`${name}.png`, picture(name));
  const submit = (change, more = {}) => json('POST', '/prompt', { client_id: 'me', prompt: graph(change), ...more });
  const file = async ({ filename, subfolder, type }) => Buffer.from(await (await fetch(`${sim.url}/view?${new URLSearchParams({ filename, subfolder, type })}`)).arrayBuffer());
  const pass = ms => clock.pass(sim, ms);
  /** Runs it, and what the history says then. */
  const run = async (change, more) => { const r = await submit(change, more); await pass(4000); return (await get(`/history/${r.prompt_id}`))[r.prompt_id]; };
  const listen = async (clientId = 'me', path = '/ws') => {
    const ws = new WebSocket(`${sim.url.replace('http', 'ws')}${path}?clientId=${clientId}`), heard = [];
    ws.on('message', (data, binary) => heard.push(binary ? data : JSON.parse(data)));
    t.after(() => ws.terminate());
    await once(ws, 'open');
    return { ws, heard, types: () => heard.map(m => (Buffer.isBuffer(m) ? 'binary' : m.type)) };
  };
  return { sim, call, json, get, upload, submit, file, pass, run, listen, ask: control(sim) };
}

test('ComfyUI simulator: a graph from the queue to its pictures', async t => {
  const { get, submit, file, pass, run, sim } = await world(t), a = await submit({}, { prompt_id: ID });
  assert.deepEqual(a, { status: 200, prompt_id: ID, number: 0, node_errors: {} });
  await submit({}, { prompt_id: other(2) });
  assert.deepEqual([await get(`/history/${ID}`), (await get('/prompt')).exec_info.queue_remaining], [{}, 2]);
  const q = await get('/queue');
  assert.deepEqual([q.queue_running.map(e => [e[0], e[1], e[3], e[4]]), q.queue_pending.map(e => e[1])], [[[0, ID, { client_id: 'me' }, ['17']]], [other(2)]]);
  assert.deepEqual(q.queue_running[0][2], graph());
  await pass(4000);
  const h = (await get(`/history/${ID}`))[ID], [image] = h.outputs[17].images;
  assert.deepEqual(h.status.messages.map(m => m[0]), ['execution_start', 'execution_cached', 'execution_success']);
  assert.deepEqual([h.status.status_str, h.status.completed, h.prompt[1], h.meta, image], ['success', true, ID, {}, { filename: 'job42_00001_.png', subfolder: '', type: 'output' }]);
  assert.equal(probe(await file(image)).type, 'image/png');
  assert.equal((await get('/queue')).queue_running[0][1], other(2));
  await pass(4000);
  const same = await file((await get(`/history/${other(2)}`))[other(2)].outputs[17].images[0]);
  assert.deepEqual(same, await file(image));
  for (const change of [{ 15: { seed: 8 } }, { 7: { text: 'a blue coat' } }, { 2: { image: 'style.png' } }]) assert.notDeepEqual(await file((await run(change)).outputs[17].images[0]), same);
  assert.deepEqual(await file((await run({ 17: { filename_prefix: 'a/b' } })).outputs[17].images[0]), same);
  assert.ok(sim.disk.has('output/a/b_00006_.png'));
  assert.deepEqual(sim.billed, { runs: 6 });
});

test('ComfyUI simulator: a repeated prompt_id runs twice; the order of the queue', async t => {
  const { sim, call, get, submit, pass } = await world(t);
  await submit({}, { prompt_id: ID });
  await submit({}, { prompt_id: ID });
  assert.deepEqual((await get('/queue')).queue_pending.map(e => e[1]), [ID]);
  await submit({}, { prompt_id: other(2) });
  assert.equal((await submit({}, { prompt_id: other(3), front: true })).number, -3);
  await submit({}, { prompt_id: other(4), number: 1.5 });
  assert.deepEqual((await get('/queue')).queue_pending.map(e => e[1]), [other(3), ID, other(4), other(2)]);
  await pass(5 * 4000);
  assert.deepEqual([Object.keys(await get('/history')), sim.billed.runs], [[other(3), ID, other(4), other(2)], 5]);
  assert.deepEqual(Object.keys(await get('/history?max_items=1')), [other(2)]);
  for (const bad of ['x', ID.toUpperCase(), '']) assert.equal((await submit({}, { prompt_id: bad })).error.type, 'invalid_prompt_id');
  assert.match((await submit()).prompt_id, /^[0-9a-f-]{36}$/);
  await call('POST', '/history', { delete: [ID] });
  assert.deepEqual(await get(`/history/${ID}`), {});
});

test('ComfyUI simulator: what is wrong with a graph', async t => {
  const { sim, json, submit } = await world(t), bad = async (change, type) => { const r = await submit(change); assert.deepEqual([r.status, r.error?.type], [400, type]); return r; };
  assert.equal((await json('POST', '/prompt', {})).error.type, 'no_prompt');
  await bad({ 4: { class_type: 'Unknown' } }, 'missing_node_type');
  assert.equal((await json('POST', '/prompt', { prompt: { 1: { inputs: {} } } })).error.type, 'invalid_prompt');
  await bad({ 17: undefined }, 'prompt_no_outputs');
  const r = await bad({ 1: { ckpt_name: 'x' } }, 'prompt_outputs_failed_validation');
  assert.deepEqual(r.node_errors, { 1: { errors: [{ type: 'value_not_in_list', message: 'Value not in list', details: 'ckpt_name: \'x\' not in ["sdxl.safetensors"]', extra_info: { input_name: 'ckpt_name' } }], dependent_outputs: ['17'], class_type: 'CheckpointLoaderSimple' } });
  for (const [change, node, type] of [[{ 15: { steps: null } }, 15, 'invalid_input_type'], [{ 15: { steps: 0 } }, 15, 'value_smaller_than_min'], [{ 15: { cfg: 101 } }, 15, 'value_bigger_than_max'], [{ 15: { steps: 1.5 } }, 15, 'invalid_input_type'],
    [{ 15: { model: ['1', 1] } }, 15, 'return_type_mismatch'], [{ 15: { model: ['1'] } }, 15, 'bad_linked_input'], [{ 15: { model: 'sdxl' } }, 15, 'bad_linked_input'], [{ 15: { model: ['99', 0] } }, 15, 'exception_during_inner_validation'],
    [{ 2: { image: 'none.png' } }, 2, 'custom_validation_failed'], [{ 7: { text: 5 } }, 7, 'invalid_input_type'], [{ 12: { model: ['13', 0] } }, 13, 'dependency_cycle'], [{ 8: { class_type: 'CLIPTextEncode', inputs: { text: 'x' } } }, 8, 'required_input_missing']]) {
    const e = await bad(change, 'prompt_outputs_failed_validation');
    assert.ok(e.node_errors[node].errors.some(x => x.type === type), `${type}: ${JSON.stringify(e.node_errors)}`);
  }
  assert.equal(sim.tasks.size, 0);
  // of two outputs one is valid: that one runs
  const half = await submit({ 18: { class_type: 'LoadImage', inputs: { image: 'none.png' } }, 19: { class_type: 'PreviewImage', inputs: { images: ['18', 0] } } });
  assert.deepEqual([half.status, Object.keys(half.node_errors), half.node_errors[18].dependent_outputs], [200, ['18'], ['19']]);
  await sim.advance(4000);
  assert.deepEqual(Object.keys(sim.history.get(half.prompt_id).outputs), ['17']);
});

test('ComfyUI simulator: its schema tells what is installed', async t => {
  const { get, submit, sim } = await world(t, { without: ['IPAdapterAdvanced'], models: { checkpoints: ['other.safetensors'] } }), all = await get('/object_info');
  assert.deepEqual([all.KSampler.input.required.steps, all.KSampler.output, all.SaveImage.output_node, all.CheckpointLoaderSimple.input.required.ckpt_name, all.LoadImage.input.required.image[0]],
    [['INT', { default: 20, min: 1, max: 10_000 }], ['LATENT'], true, [['other.safetensors']], ['person.png', 'style.png']]);
  assert.deepEqual([all.IPAdapterAdvanced, Object.keys(await get('/object_info/VAEDecode')), await get('/object_info/None')], [undefined, ['VAEDecode'], {}]);
  assert.equal((await submit()).error.type, 'missing_node_type');
  assert.deepEqual(Object.keys(await get('/object_info/GroundingDinoSAMSegment%20(segment%20anything)')), ['GroundingDinoSAMSegment (segment anything)']);
  const s = await get('/api/system_stats');
  assert.deepEqual([Object.keys(s.system), Object.keys(s.devices[0])], [['os', 'ram_total', 'ram_free', 'comfyui_version', 'python_version', 'pytorch_version'],
    ['name', 'type', 'index', 'vram_total', 'vram_free', 'torch_vram_total', 'torch_vram_free']]);
  await fetch(`${sim.url}/free`, { method: 'POST', body: JSON.stringify({ unload_models: true, free_memory: true }) });
  assert.deepEqual(sim.freed, [{ unload_models: true, free_memory: true }]);
});

test('ComfyUI simulator: files in and out', async t => {
  const { call, upload, file, sim } = await world(t, { ready: false }), a = picture('a'), b = picture('b');
  assert.deepEqual(await upload('x.png', a), { status: 200, name: 'x.png', subfolder: '', type: 'input' });
  assert.equal((await upload('x.png', a)).name, 'x.png');
  assert.equal((await upload('x.png', b)).name, 'x (1).png');
  assert.equal((await upload('x.png', b, { overwrite: 'true' })).name, 'x.png');
  assert.deepEqual(await upload('y.png', b, { subfolder: 'in/here', type: 'temp' }), { status: 200, name: 'y.png', subfolder: 'in/here', type: 'temp' });
  assert.deepEqual(await file({ filename: 'y.png', subfolder: 'in/here', type: 'temp' }), b);
  assert.deepEqual(await file({ filename: 'x.png', subfolder: '', type: 'input' }), b);
  assert.deepEqual([sim.inputs.length, sim.inputs[0].type], [5, 'image/png']);
  for (const more of [{ subfolder: '../x' }, { type: 'other' }]) assert.equal((await upload('z.png', a, more)).status, 400);
  assert.equal((await upload('m.png', a, { original_ref: JSON.stringify({ filename: 'x.png', subfolder: '', type: 'input' }) }, '/upload/mask')).name, 'm.png');
  assert.equal((await upload('m.png', a, { original_ref: JSON.stringify({ filename: 'none.png', type: 'input' }) }, '/upload/mask')).status, 400);
  for (const [path, status] of [['filename=none.png', 404], ['', 404], ['filename=..%2Fx.png&type=input', 400], ['filename=/etc/passwd', 400], ['filename=x.png&type=secret', 400], ['filename=x.png&type=input&preview=webp;90&channel=rgb', 200]])
    assert.equal((await call('GET', `/view?${path}`)).status, status, path);
  assert.equal((await call('POST', '/upload/image', { image: 'x' })).status, 400);
});

test('ComfyUI simulator: progress and previews over the socket', async t => {
  const { sim, listen, submit, pass } = await world(t), { heard, types, ws } = await listen(), stranger = await listen('you', '/api/ws');
  await until(() => heard.length === 1);
  assert.deepEqual(heard[0], { type: 'status', data: { status: { exec_info: { queue_remaining: 0 } }, sid: 'me' } });
  await submit({}, { prompt_id: ID });
  await pass(799);
  await until(() => heard.length >= 19);
  const start = ['status', 'status', 'execution_start', 'execution_cached', ...Array(15).fill('executing')];
  assert.deepEqual(types(), start);
  assert.equal(heard.at(-1).data.node, '15');
  await pass(1);
  await until(() => heard.length >= 22);
  assert.deepEqual(types().slice(19), ['progress', 'progress_state', 'binary']);
  assert.deepEqual([heard[19].data, heard[20].data.nodes[15].value], [{ value: 6, max: 25, node: '15', prompt_id: ID }, 6]);
  assert.deepEqual([heard[21].readUInt32BE(0), heard[21].readUInt32BE(4), probe(heard[21].subarray(8)).type], [1, 2, 'image/png']);
  ws.send(JSON.stringify({ type: 'feature_flags', data: { supports_preview_metadata: true } }));
  await pass(3200);
  await until(() => types().at(-1) === 'status');
  assert.deepEqual(types().slice(-7), ['binary', 'executing', 'executing', 'executed', 'execution_success', 'executing', 'status']);
  assert.deepEqual([heard.at(-4).data.output, heard.at(-2).data], [{ images: [{ filename: 'job42_00001_.png', subfolder: '', type: 'output' }] }, { node: null, prompt_id: ID }]);
  await pass(0);
  await submit({}, { prompt_id: other(2) });
  await pass(4000);
  await until(() => types().filter(x => x === 'execution_success').length === 2);
  const last = heard.filter(m => Buffer.isBuffer(m)).at(-1), n = last.readUInt32BE(4);
  assert.deepEqual([last.readUInt32BE(0), JSON.parse(last.subarray(8, 8 + n)).node_id, probe(last.subarray(8 + n)).type], [4, '15', 'image/png']);
  assert.deepEqual(new Set(stranger.types()), new Set(['status']));
  // the same clientId again: the first socket ends, and what came between is lost
  const closed = once(ws, 'close'), again = await listen();
  await within(10_000, closed);
  await until(() => again.heard.length === 1);
  await assert.rejects(once(new WebSocket(`${sim.url.replace('http', 'ws')}/other`), 'open'));
  await assert.rejects(once(new WebSocket(`${sim.url.replace('http', 'ws')}/ws`, { origin: 'https://elsewhere.example' }), 'open'));
});

test('ComfyUI simulator: who looks away for a while is told everything, in its order', async t => {
  let now = BASE;
  const sim = await start(ComfyUI, { now: () => now }, t), ws = new WebSocket(`${sim.url.replace('http', 'ws')}/ws?clientId=me`), heard = [];
  t.after(() => ws.terminate());
  ws.on('message', (data, binary) => { if (!binary) heard.push(JSON.parse(data)); });
  await once(ws, 'open');
  const small = { 14: { class_type: 'EmptyLatentImage', inputs: { width: 512, height: 512, batch_size: 1 } }, 13: { class_type: 'CheckpointLoaderSimple', inputs: { ckpt_name: 'sdxl.safetensors' } },
    11: { class_type: 'CLIPTextEncode', inputs: { text: 'x', clip: ['13', 1] } } };
  for (const n of [1, 2]) {
    const r = await fetch(`${sim.url}/prompt`, { method: 'POST', body: JSON.stringify({ client_id: 'me', prompt_id: other(n), prompt: graph({ ...small, 15: { negative: ['11', 0] } }) }) });
    assert.equal(r.status, 200, await r.text());
  }
  now += 8000;
  await fetch(`${sim.url}/queue`);
  await until(() => heard.filter(m => m.type === 'execution_success').length === 2);
  const of = n => heard.filter(m => m.data.prompt_id === other(n)).map(m => m.type).filter(x => !['executing', 'progress_state', 'execution_cached'].includes(x));
  for (const n of [1, 2]) assert.deepEqual(of(n), ['execution_start', ...Array(4).fill('progress'), 'executed', 'execution_success']);
});

test('ComfyUI simulator: out of the queue, and out of its work', async t => {
  const { sim, call, get, json, submit, pass, listen } = await world(t), { heard } = await listen();
  for (const n of [1, 2, 3, 4]) await submit({}, { prompt_id: other(n) });
  assert.equal((await call('POST', '/queue', { delete: [other(2)] })).status, 200);
  assert.equal((await call('POST', '/interrupt', { prompt_id: other(3) })).status, 200);      // does not run: nothing happens
  assert.deepEqual([(await get('/queue')).queue_running.map(e => e[1]), (await get('/queue')).queue_pending.map(e => e[1])], [[other(1)], [other(3), other(4)]]);
  await pass(1000);
  await call('POST', '/interrupt', { prompt_id: other(1) });
  const h = (await get(`/history/${other(1)}`))[other(1)];
  assert.deepEqual([h.status.status_str, h.status.completed, h.status.messages.at(-1)[0], h.status.messages.at(-1)[1].node_type, h.outputs], ['error', false, 'execution_interrupted', 'KSampler', {}]);
  await until(() => heard.some(m => m.type === 'execution_interrupted'));
  assert.deepEqual([await get(`/history/${other(2)}`), (await get('/queue')).queue_running[0][1]], [{}, other(3)]);
  assert.deepEqual((await get('/api/jobs')).jobs, [{ id: other(3), status: 'in_progress' }, { id: other(4), status: 'pending' }, { id: other(1), status: 'failed' }]);
  assert.deepEqual([(await json('POST', `/api/jobs/${other(4)}/cancel`)).cancelled, (await json('POST', `/api/jobs/${other(4)}/cancel`)).cancelled, (await json('GET', `/api/jobs/${other(4)}`)).status], [true, false, 404]);
  await call('POST', '/interrupt');                                                           // whatever runs
  assert.equal((await get(`/api/jobs/${other(3)}`)).status, 'failed');
  for (const n of [5, 6, 7]) await submit({}, { prompt_id: other(n) });
  await call('POST', '/queue', { clear: true });
  await pass(20_000);
  assert.deepEqual(Object.keys(await get('/history')), [other(1), other(3), other(5)]);
  await call('POST', '/history', { clear: true });
  assert.deepEqual([await get('/history'), sim.billed], [{}, { runs: 3 }]);
});

test('ComfyUI simulator: a restart forgets the queue and the history, and keeps the files', async t => {
  const { get, submit, pass, listen, run, file, ask } = await world(t), { ws, heard } = await listen(), done = await run({}, { prompt_id: ID });
  await submit({}, { prompt_id: other(2) });
  await submit({}, { prompt_id: other(3) });
  await until(() => heard.length > 3);
  const closed = once(ws, 'close');
  await ask('restart', {});
  await within(10_000, closed);
  await pass(60_000);
  assert.deepEqual([await get('/history'), await get('/queue'), await get(`/history/${other(2)}`)], [{}, { queue_running: [], queue_pending: [] }, {}]);
  assert.equal(probe(await file(done.outputs[17].images[0])).type, 'image/png');
  assert.equal((await run({}, { prompt_id: other(2) })).status.status_str, 'success');
  await ask('restart', { files: true });
  assert.equal(probe(await file(done.outputs[17].images[0])), null);
});

test('ComfyUI simulator: clips, batches, previews', async t => {
  const { run, file } = await world(t), batch = await run({ 14: { class_type: 'EmptyLatentImage', inputs: { width: 1024, height: 1024, batch_size: 3 } } });
  assert.equal(new Set(await Promise.all(batch.outputs[17].images.map(async i => (await file(i)).toString('hex')))).size, 3);
  const clip = await run({ 14: { class_type: 'EmptyLatentImage', inputs: { width: 512, height: 512, batch_size: 16 } },
    17: { class_type: 'VHS_VideoCombine', inputs: { images: ['16', 0], frame_rate: 8, loop_count: 0, filename_prefix: 'job', format: 'video/h264-mp4', pingpong: false, save_output: true } } });
  const [gif] = clip.outputs[17].gifs, is = probe(await file(gif));
  assert.deepEqual([gif.filename, gif.format, is.type, is.seconds], ['job_00004.mp4', 'video/h264-mp4', 'video/mp4', 2]);
  assert.equal((await run({ 17: { class_type: 'PreviewImage', inputs: { images: ['16', 0] } } })).outputs[17].images[0].type, 'temp');
});

test('ComfyUI simulator: who may ask, and each fault of a call', async t => {
  const { sim, call } = await world(t);
  assert.deepEqual([(await call('GET', '/queue', undefined, { Origin: 'https://elsewhere.example' })).status, (await call('GET', '/queue', undefined, { Origin: sim.url })).status, (await call('GET', '/none')).status], [403, 200, 404]);
  await brokenCalls(sim, 'POST /prompt', () => call('POST', '/prompt', { prompt: graph() }), () => sim.tasks.size, { 500: a => a.status === 500, '500_after': a => a.status === 500 });
  for (const kind of ['401', 'arrears', 'moderation', '429_seconds', 'result_private']) assert.throws(() => sim.fault('', kind), kind);       // none of it can happen here
  sim.fault('GET /history/:id', 'extra');
  assert.ok('x_new_field' in JSON.parse((await call('GET', `/history/${ID}`)).body));
  sim.fault('', 'refuse', 1, { code: 'prompt_outputs_failed_validation' });
  assert.equal(JSON.parse((await call('POST', '/prompt', { prompt: graph() })).body).error.type, 'prompt_outputs_failed_validation');
});

test('ComfyUI simulator: what befalls runs and their files', async t => {
  const { sim, get, run, submit, pass, listen, file } = await world(t), { heard } = await listen(), fate = async (kind, change, more = {}) => { sim.fault('POST /prompt', kind, 1, more); return run(change); };
  for (const [kind, type] of [['oom', /OutOfMemory/], ['failed', /RuntimeError/]]) {
    const h = await fate(kind), [name, e] = h.status.messages.at(-1);
    assert.deepEqual([h.status.status_str, h.status.completed, h.outputs, name, e.node_id, e.node_type], ['error', false, {}, 'execution_error', '15', 'KSampler']);
    assert.match(e.exception_type, type);
    assert.ok(Array.isArray(e.traceback) && e.current_inputs && e.executed.includes('13'));
    await until(() => heard.some(m => m.type === 'execution_error' && type.test(m.data.exception_type)));
  }
  assert.equal((await fate('cancelled')).status.messages.at(-1)[0], 'execution_interrupted');
  assert.deepEqual((await fate('empty')).outputs, {});
  const inside = await fate('error_inside');
  assert.deepEqual([inside.status.status_str, inside.outputs, inside.status.messages.some(m => m[0] === 'execution_error')], ['success', {}, true]);
  assert.equal((await fate('odd_status')).status.status_str, 'pondering');
  const batch = { 14: { class_type: 'EmptyLatentImage', inputs: { width: 512, height: 512, batch_size: 3 } } };
  assert.equal((await fate('partial', batch)).outputs[17].images.length, 2);
  assert.equal(await fate('vanish'), undefined);
  assert.equal(await run({ 7: { text: 'simulate-vanish' } }), undefined);
  sim.fault('POST /prompt', 'late', 1, { seconds: 60 });
  const { prompt_id } = await submit();
  await pass(4000);
  assert.deepEqual(await get(`/history/${prompt_id}`), {});
  await pass(60_000);
  assert.equal((await get(`/history/${prompt_id}`))[prompt_id].status.status_str, 'success');
  const broken = async kind => {
    const [{ filename }] = (await fate(kind)).outputs[17].images, r = await fetch(`${sim.url}/view?filename=${filename}`), bytes = await r.arrayBuffer().then(b => Buffer.from(b), () => null);
    return [r.status, bytes === null ? 'cut' : bytes.length === 0 ? 'empty' : probe(bytes)?.type ?? bytes.toString().slice(0, 9)];
  };
  assert.deepEqual([await broken('result_404'), await broken('result_empty'), await broken('result_short'), await broken('result_wrong')], [[404, '{"error":'], [200, 'empty'], [200, 'cut'], [200, '<!doctype']]);
  assert.equal(probe(await file((await run()).outputs[17].images[0])).type, 'image/png');
});

test('ComfyUI simulator: by hand', async t => {
  const said = await byHand(t, 'tests/sim/comfyui.mjs', '--run-ms=0');
  assert.equal(said.settings.ZOETROPE_COMFYUI_URL, said.url);
  const r = await fetch(`${said.url}/prompt`, { method: 'POST', body: JSON.stringify({ prompt: graph({ 2: { image: 'x' } }) }) });
  assert.equal(r.status, 400);
  assert.match(await (await fetch(said.url)).text(), /POST \/prompt/);
});
