// 68-engine-outcomes.test.mjs - every remote engine beside the simulator of its service, one call at a time: what a call comes to, what it cost, and
// that nothing is made twice, whatever goes wrong on the way. The engines alone, without tasks around them (remote_tool).
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { place } from './lib/engines.mjs';
import { startRemoteTool } from './lib/remotetool.mjs';
import { root, startServer, tempDir, until } from './lib/server.mjs';
import { Aliyun } from './sim/aliyun.mjs';
import { Ark } from './sim/ark.mjs';
import { ComfyUI } from './sim/comfyui.mjs';
import { DashScope } from './sim/dashscope.mjs';
import { start } from './sim/engine.mjs';
import { Sim } from './sim/sim.mjs';
import { Fal } from './sim/fal.mjs';
import { Jimeng } from './sim/jimeng.mjs';
import { Replicate, versionOf } from './sim/replicate.mjs';
import { Tencent } from './sim/tencent.mjs';
import { VModel } from './sim/vmodel.mjs';
import { clip, picture, sha256 } from './sim/media.mjs';

const PHOTO = picture('photo', { width: 600, height: 800 }), CLIP = clip('dance', { width: 360, height: 640, seconds: 4, fps: 25 });

const pair = sim => ({ url: sim.url, keys: `${sim.keyId}:${sim.secret}` });
/**
 * One row a driver. ops: what it can do, and what with; main: the one the faults are tried with. submit: the call that is made at most once. finds: a lost
 * call can be found again, by a list of calls if they have one. store: how inputs go there. rateCode: what a task of theirs says that failed because of pace. modelCode: what they say of a model that an account may not use. upload: inputs go there when nobody can fetch them from us. cancel: while it waits. now: it answers at once, so a 500 may be
 * a call that was made. billsFailures: time used is charged. free: a machine of our own. models: what the simulator calls ours. verdict: it gives a word about
 * its input, and no file. Of an op, links: the service takes nothing else for it.
 */
const DRIVERS = {
  dashscope: {
    Sim: DashScope, options: { query_rps: 1e6 }, settings: sim => ({ url: sim.url, keys: sim.key }), submit: 'submit', poll: 'poll', list: 'list', store: 'upload', main: 'animate_mix', finds: true, upload: true, cancel: true, rateCode: 'Throttling.RateQuota', modelCode: 'Model.AccessDenied',
    ops: {
      animate_move: { in: ['picture', 'clip'], params: { mode: 'std' } }, animate_mix: { in: ['picture', 'clip'], params: { mode: 'pro' } }, motion: { in: ['picture'], params: { prompt: 'snow falls' } },
      draw: { in: ['person', 'person', 'backdrop'], params: { prompt: 'a family', seed: 7 } }, restore: { in: ['picture'], params: {} },
    },
  },
  replicate: {
    Sim: Replicate, settings: sim => ({ url: `${sim.url}/v1`, keys: sim.key }), submit: 'submit', poll: 'poll', list: 'list', store: 'upload', main: 'swap_video', finds: true, upload: true, cancel: true, billsFailures: true,
    models: text => text.replace(/(\S+\/\S+):[0-9a-f]{64}/g, (all, model) => `${model}:${versionOf(model)}`),
    ops: { swap_video: { in: ['face', 'clip'], params: {} }, swap_photo: { in: ['face', 'target'], params: {} } },
  },
  fal: {
    Sim: Fal, settings: sim => ({ url: sim.url, keys: sim.key }), submit: 'submit', poll: 'poll', main: 'animate_mix', cancel: true,
    ops: { animate_move: { in: ['picture', 'clip'], params: { seed: 3, seconds: 4 } }, animate_mix: { in: ['picture', 'clip'], params: { seed: 3, seconds: 4 } } },
  },
  vmodel: {
    Sim: VModel, settings: sim => ({ url: sim.url, keys: sim.key }), submit: 'submit', poll: 'poll', main: 'swap_video',
    ops: { swap_video: { in: ['face', 'clip'], params: { seconds: 4 } }, swap_photo: { in: ['face', 'target'], params: {} } },
  },
  ark: {
    Sim: Ark, settings: sim => ({ url: `${sim.url}/api/v3`, keys: sim.key }), submit: 'POST /contents/generations/tasks', poll: 'GET /contents/generations/tasks/:id', list: 'GET /contents/generations/tasks', rateCode: 'ModelAccountRpmRateLimitExceeded', main: 'motion', finds: true, cancel: true,
    ops: { motion: { in: ['picture'], params: { prompt: 'snow falls' } } },
    upload: true,
  },
  'ark, at once': {
    engine: 'ark', Sim: Ark, settings: sim => ({ url: `${sim.url}/api/v3`, keys: sim.key }), submit: 'POST /images/generations', main: 'draw', upload: true, now: true,
    ops: { draw: { in: ['person', 'person', 'backdrop'], params: { prompt: 'a family' } } },
  },
  jimeng: {
    Sim: Jimeng, settings: pair, submit: 'CVSync2AsyncSubmitTask', poll: 'CVSync2AsyncGetResult', main: 'motion', upload: true,
    ops: { motion: { in: ['picture'], params: { prompt: 'snow falls', seed: 7 } }, draw: { in: ['person', 'person', 'backdrop'], params: { prompt: 'a family', seed: 7 }, links: true } },
  },
  'jimeng, at once': {
    engine: 'jimeng', Sim: Jimeng, settings: pair, submit: 'ConvertPhotoV2', main: 'restore', now: true,
    ops: { restore: { in: ['picture'], params: {}, links: true } },
  },
  viapi: {
    Sim: Aliyun, settings: sim => ({ ...pair(sim), upload_url: sim.url }), submit: 'EnhanceFace', store: 'POST object', main: 'restore', now: true, upload: true,
    ops: { restore: { in: ['picture'], params: {} } },
  },
  tencent: {
    Sim: Tencent, settings: sim => ({ url: sim.url, keys: `${sim.secretId}:${sim.secretKey}` }), submit: 'FuseFaceUltra', main: 'swap_photo', now: true, upload: true,
    ops: { swap_photo: { in: ['face', 'target'], params: {} }, swap_template: { in: ['face'], params: { template: 'qc_100792_162409_4', project: '100792' }, submit: 'FuseFace' } },
  },
  green: {
    Sim: Aliyun, settings: pair, submit: 'ImageModeration', main: 'moderate', now: true, verdict: true,
    ops: { moderate: { in: ['picture'], params: {}, links: true } },
  },
  comfyui: {
    Sim: ComfyUI, settings: sim => ({ nodes: sim.url }), submit: 'POST /prompt', poll: 'GET /history/:id', store: 'POST /upload/image', main: 'outfit', finds: true, upload: true, cancel: true, free: true, fetch: 'GET /view',
    ops: { outfit: { in: ['picture', 'style'], params: { prompt: 'a red coat', seed: 7 } } },
  },
};

/** Our models, asked about five times a second. */
function models(name) {
  const { models: edit = text => text, engine = name } = DRIVERS[name], text = edit(readFileSync(join(root, `share/engines/${engine}.yaml`), 'utf8').replace(/^ +poll:.*\n/gm, '').replace(/^( +)result:/gm, '$1poll: 200ms\n$1result:'));
  const path = join(tempDir('zt-engine-'), `${engine}.yaml`);
  writeFileSync(path, text);
  return path;
}

async function world(t, name, { linked = true, options = {}, ...own } = {}) {
  const d = DRIVERS[name], engine = d.engine ?? name, at = await place(t, { '/photo.png': PHOTO, '/clip.mp4': CLIP }), dir = tempDir('zt-engine-'), sim = await start(d.Sim, { queue_ms: 0, run_ms: 200, ...d.options, ...options }, t);
  const paths = { picture: join(dir, 'photo.png'), clip: join(dir, 'clip.mp4') };
  writeFileSync(paths.picture, PHOTO);
  writeFileSync(paths.clip, CLIP);
  const settings = { ...d.settings(sim), models: models(name), ...own };
  const open = (other = {}) => startRemoteTool(t, Object.fromEntries(Object.entries({ ...settings, ...other }).map(([k, v]) => [`${engine}_${k}`, v])), { ZOETROPE_CLIENT_ALLOW: new URL(sim.url).host });
  let n = 0;
  const call = (op = d.main, { params = {}, limit_ms = 60_000, ...more } = {}) => ({ engine, op, params: { ...d.ops[op].params, ...params }, limit_ms, out: d.verdict ? undefined : join(dir, `out${n++}`),
    in: d.ops[op].in.map(role => ({ role, path: role === 'clip' ? paths.clip : paths.picture, link: linked ? `${at.url}/${role === 'clip' ? 'clip.mp4' : 'photo.png'}` : '' })), ...more });
  const tool = await open();
  return { d, engine, sim, tool, open, call, made: () => sim.bills.length, asked: op => sim.calls.filter(c => c.op === op).length };
}
const bytes = q => readFileSync(q.out), secretsOf = sim => [sim.key, sim.secret, sim.secretKey].filter(Boolean);
/** A result is what the simulator says it made, and it was paid for once. */
function isResult(w, q, r) {
  assert.equal(r.state, 'done', JSON.stringify(r));
  assert.equal(w.made(), 1);
  if (w.d.verdict) return assert.deepEqual(r.facts, { risk: 'none', labels: [] });
  const made = [...w.sim.tasks.values()].flatMap(x => x.results ?? []).map(x => x.sha256);
  assert.ok(made.length === 0 || made.includes(sha256(bytes(q))), 'these are not the bytes that were made');
  assert.ok(bytes(q).length > 60 && r.facts.bytes === bytes(q).length);
  assert.match(r.facts.type, /^(image|video)\//);
}

// They wait most of the time, each with a simulator of its own: so three services side by side, and six calls of each.
describe('every engine', { concurrency: 3 }, () => { for (const [name, d] of Object.entries(DRIVERS)) describe(name, { concurrency: 6 }, () => {
  for (const op of Object.keys(d.ops)) {
    test(`${name}: ${op} by links of ours`, async t => {
      const w = await world(t, name), q = w.call(op), r = await w.tool.run(q);
      isResult(w, q, r);
      assert.ok(r.cost_microusd > 0, JSON.stringify(r));
      assert.deepEqual(new Set(w.sim.inputs.map(i => i.sha256)), new Set(d.ops[op].in.map(role => sha256(role === 'clip' ? CLIP : PHOTO))));
      assert.equal(w.asked(d.ops[op].submit ?? d.submit), 1);
      for (const secret of [...secretsOf(w.sim), 'Signature=']) assert.ok(!w.tool.log().includes(secret), `${secret} in the log`);
    });
    if (d.ops[op].links) test(`${name}: ${op} where nobody can fetch from us says so, and sends nothing`, async t => {
      const w = await world(t, name, { linked: false }), r = await w.tool.run(w.call(op));
      assert.deepEqual([r.state, r.why, r.input_at_fault, w.sim.calls.length], ['failed', 'engine_failed', false, 0], JSON.stringify(r));
      assert.match(r.detail, /public_url/);
    });
    else if (d.upload) {
      test(`${name}: ${op} where nobody can fetch from us`, async t => {
        const w = await world(t, name, { linked: false }), q = w.call(op), r = await w.tool.run(q);
        isResult(w, q, r);
        assert.deepEqual(new Set(w.sim.inputs.map(i => i.sha256)), new Set(d.ops[op].in.map(role => sha256(role === 'clip' ? CLIP : PHOTO))));
      });
    }
  }

  // ---- nothing was taken: it may be tried again, here or elsewhere, and costs nothing ----
  const can = kind => (new d.Sim().kinds.includes(kind) && !(d.verdict && kind.startsWith('result_'))) || Sim.KINDS.includes(kind);
  for (const kind of ['429_seconds', '429_date', '429', '401', 'arrears'].filter(k => can(k) && !d.free)) {
    test(`${name}: ${kind} at the submit costs no try and pauses the key`, async t => {
      const w = await world(t, name);
      w.sim.fault(d.submit, kind);
      const q = w.call(), r = await w.tool.run(q);
      assert.deepEqual([r.state, r.why, r.input_at_fault], ['failed', 'busy', false], JSON.stringify(r));
      assert.equal(w.made(), 0);
      const { lanes, shut } = await w.tool.ask({ do: 'slots', engine: w.engine });
      const closed = Object.keys(lanes).filter(lane => lanes[lane] === 0);
      assert.deepEqual(Object.keys(shut), closed, JSON.stringify({ lanes, shut }));
      if (kind.startsWith('429')) assert.equal(closed.length, 1, JSON.stringify(shut));                // our pace in one lane
      else assert.equal(closed.length, Object.keys(lanes).length, JSON.stringify(shut));              // an account
    });
  }
  if (d.modelCode) test(`${name}: a model that an account may not use shuts its lane, and no other`, async t => {
    const w = await world(t, name);
    w.sim.fault(d.submit, 'arrears', 1, { code: d.modelCode });
    const r = await w.tool.run(w.call());
    assert.deepEqual([r.state, r.why], ['failed', 'busy'], JSON.stringify(r));
    const { lanes, shut } = await w.tool.ask({ do: 'slots', engine: w.engine });
    assert.deepEqual(Object.keys(lanes).filter(lane => lanes[lane] === 0), Object.keys(shut));
    assert.equal(Object.keys(shut).length, 1, JSON.stringify(shut));
    assert.match(Object.values(shut)[0], new RegExp(d.modelCode));
  });
  for (const kind of ['reset', '502', '500']) {
    test(`${name}: ${kind} at the submit leaves open whether it was taken`, async t => {
      const w = await world(t, name), q = w.call();
      w.sim.fault(d.submit, kind);
      const r = await w.tool.run(q);
      assert.equal(r.state, 'unknown', JSON.stringify(r));
      assert.ok(w.asked(d.submit) <= 1);                                    // nobody sent it again by himself
      assert.equal(w.made(), 0);
    });
  }
  if (can('moderation')) test(`${name}: moderation at the submit is the input's fault, for good`, async t => {
    const w = await world(t, name);
    w.sim.fault(d.submit, 'moderation');
    const r = await w.tool.run(w.call());
    assert.deepEqual([r.state, r.why, r.input_at_fault], ['failed', 'content_refused', true], JSON.stringify(r));
  });

  // ---- it was taken, and nobody heard ----
  for (const kind of ['lost', '504_after', '500_after', 'garbled', 'cut'].filter(can)) {
    test(`${name}: ${kind}: the call is ${d.finds ? 'found again, made once and paid once' : 'unknown, and is not made again'}`, async t => {
      const w = await world(t, name), q = w.call();
      w.sim.fault(d.submit, kind);
      const begun = await w.tool.ask({ do: 'submit', ...q }), r = await w.tool.ask({ do: 'over', ticket: begun.ticket });
      assert.equal(r.state, 'unknown', JSON.stringify(r));
      await w.tool.ask({ do: 'release', ticket: begun.ticket });
      const again = await w.tool.ask({ do: 'reconcile', engine: w.engine, op: q.op, attempt: begun.attempt, remote_id: begun.remote_id, out: q.out });
      const found = await w.tool.ask({ do: 'over', ticket: again.ticket });
      assert.equal(w.asked(d.submit), 1);
      if (d.finds) isResult(w, q, found);
      else assert.equal(found.state, 'unknown', JSON.stringify(found));
    });
  }
  if (d.finds) {
    test(`${name}: a call that is somebody else's is not taken for the lost one`, async t => {
      const w = await world(t, name, { options: { run_ms: 0 } }), first = w.call(), q = w.call();
      const one = await w.tool.run(first);
      isResult(w, first, one);
      w.sim.fault(d.submit, '500');
      const begun = await w.tool.ask({ do: 'submit', ...q });
      assert.equal((await w.tool.ask({ do: 'over', ticket: begun.ticket })).state, 'unknown');
      await w.tool.ask({ do: 'known', ids: [one.remote_id] });
      const again = await w.tool.ask({ do: 'reconcile', engine: w.engine, op: q.op, attempt: begun.attempt, remote_id: begun.remote_id, out: q.out }), looks = w.asked(d.list ?? d.poll);
      await until(() => w.asked(d.list ?? d.poll) > looks + (d.list ? 0 : 1));      // it is looked for over a minute; here it must only not have been taken
      assert.equal((await w.tool.ask({ do: 'now', ticket: again.ticket })).state, 'sending');
      assert.equal(bytes(q).length, 0);
    });
  }
  const lose = async (w, q, kind) => {
    w.sim.fault(d.submit, kind);
    const begun = await w.tool.ask({ do: 'submit', ...q });
    assert.equal((await w.tool.ask({ do: 'over', ticket: begun.ticket })).state, 'unknown');
    await w.tool.ask({ do: 'release', ticket: begun.ticket });
    return begun;
  };
  const find = async (w, q, { attempt, remote_id }, tool = w.tool) => tool.ask({ do: 'reconcile', engine: w.engine, op: q.op, attempt, remote_id, out: q.out });
  test(`${name}: of a call made with a key that is gone nobody says that it was not made, and no other key asks`, async t => {
    const w = await world(t, name), q = w.call(), lost = await lose(w, q, '500'), looks = w.asked(d.list ?? d.poll);
    await w.tool.kill();
    const tool = await w.open({ [d.free ? 'nodes' : 'keys']: d.free ? 'http://127.0.0.1:9' : 'another:one' }), again = await find(w, q, lost, tool);
    assert.deepEqual([again.ok, again.code, w.asked(d.list ?? d.poll)], [false, 'outcome_unknown', looks], JSON.stringify(again));
  });
  if (d.list) {
    test(`${name}: of two lost calls of which one was taken, nobody is given what may be the other's`, async t => {
      const w = await world(t, name), mine = w.call(), other = w.call();
      const one = await lose(w, mine, 'lost'), two = await lose(w, other, '500');
      w.sim.fault(d.list, 'slow');                                             // the list is not there before both look for theirs
      const a = (await find(w, mine, one)).ticket;
      await until(() => w.sim.holding === 1);
      const b = (await find(w, other, two)).ticket;
      w.sim.release();
      await until(() => w.asked(d.list) >= 4);
      for (const ticket of [a, b]) assert.equal((await w.tool.ask({ do: 'now', ticket })).state, 'sending');
      await w.tool.ask({ do: 'release', ticket: b });
      isResult(w, mine, await w.tool.ask({ do: 'over', ticket: a }));
    });
    for (const kind of ['refuse', '401', 'arrears']) {
      test(`${name}: ${kind} at the list of calls says nothing about the lost one`, async t => {
        const w = await world(t, name), q = w.call(), lost = await lose(w, q, 'lost');
        w.sim.fault(d.list, kind);
        assert.equal((await w.tool.ask({ do: 'over', ticket: (await find(w, q, lost)).ticket })).state, 'unknown');
      });
    }
    for (const kind of ['strings', 'cut', '502', '429_seconds']) {
      test(`${name}: ${kind} at the list of calls is asked again`, async t => {
        const w = await world(t, name), q = w.call(), lost = await lose(w, q, 'lost');
        w.sim.fault(d.list, kind);
        isResult(w, q, await w.tool.ask({ do: 'over', ticket: (await find(w, q, lost)).ticket }));
      });
    }
    test(`${name}: what waited for too long to be found again is not sent`, async t => {
      const w = await world(t, name), begun = await w.tool.ask({ do: 'submit', ...w.call() }), old = BigInt(begun.attempt) - (BigInt(20 * 60_000) << 21n);
      await w.tool.ask({ do: 'over', ticket: begun.ticket });
      const sent = w.asked(d.submit), r = await w.tool.run(w.call(d.main, { attempt: String(old) }));
      assert.deepEqual([r.state, r.why, w.asked(d.submit)], ['failed', 'busy', sent], JSON.stringify(r));
    });
  }
  if (!d.now) test(`${name}: after a restart a call is taken up by its name`, async t => {
    const w = await world(t, name, { options: { run_ms: 1500 } }), q = w.call();
    const begun = await w.tool.ask({ do: 'submit', ...q }), taken = await w.tool.ask({ do: 'taken', ticket: begun.ticket });
    assert.equal(taken.state, 'working', JSON.stringify(taken));
    await w.tool.kill();
    const tool = await w.open();
    const again = await tool.ask({ do: 'reconcile', engine: w.engine, op: q.op, attempt: begun.attempt, remote_id: taken.remote_id, out: q.out });
    isResult(w, q, await tool.ask({ do: 'over', ticket: again.ticket }));
    assert.equal(w.asked(d.submit), 1);
  });

  if (d.store) test(`${name}: who cancels while an input goes there sends nothing more`, async t => {
    const w = await world(t, name, { linked: false });
    w.sim.fault(d.store, 'slow');
    const begun = await w.tool.ask({ do: 'submit', ...w.call() });
    await until(() => w.sim.holding === 1);
    await w.tool.ask({ do: 'cancel', ticket: begun.ticket });
    w.sim.release();
    await until(() => w.asked(d.store) === 1);
    const r = await w.tool.ask({ do: 'over', ticket: begun.ticket });
    await w.tool.ask({ do: 'release', ticket: begun.ticket });
    assert.deepEqual([r.state, r.cost_microusd, w.asked(d.submit)], ['failed', 0, 0], JSON.stringify(r));
    await w.tool.end();
  });

  // ---- questions may be asked again ----
  if (d.poll) {
    for (const kind of ['500', '502', 'reset', 'lost', 'garbled', 'cut', '429_seconds', 'drip', 'extra', 'strings', 'skewed'].filter(can)) {
      test(`${name}: ${kind} at a question changes nothing`, async t => {
        const w = await world(t, name), q = w.call();
        w.sim.fault(d.poll, kind, 1, { every_ms: 1 });
        isResult(w, q, await w.tool.run(q));
        assert.equal(w.asked(d.submit), 1);
      });
    }
  }
  for (const kind of ['extra', 'strings', 'skewed', 'drip'].filter(can)) {
    test(`${name}: ${kind} at the submit changes nothing`, async t => {
      const w = await world(t, name), q = w.call();
      w.sim.fault(d.submit, kind, 1, { every_ms: 1 });
      isResult(w, q, await w.tool.run(q));
    });
  }

  // ---- how it ends over there ----
  const fated = async (t, kind, more) => {
    const w = await world(t, name), q = w.call();
    w.sim.fault(d.submit, kind, 1, more);
    return { w, q, r: await w.tool.run(q) };
  };
  if (can('moderation_after')) test(`${name}: moderation of what was made or given, at the end`, async t => {
    const { w, r } = await fated(t, 'moderation_after');
    assert.equal(r.state, 'failed', JSON.stringify(r));
    assert.ok(['content_refused', 'upstream'].includes(r.why), JSON.stringify(r));
    assert.equal(w.made(), r.cost_microusd > 0 ? 1 : 0);
  });
  if (!d.now) test(`${name}: a failure of its own may be tried again, and is not paid`, async t => {
    const { w, r } = await fated(t, 'failed');
    assert.deepEqual([r.state, r.input_at_fault, r.cost_microusd > 0], ['failed', false, Boolean(d.billsFailures)], JSON.stringify(r));
    if (!d.free) assert.equal(w.made(), d.billsFailures ? 1 : 0);
  });
  if (d.rateCode) test(`${name}: a task that failed because of pace is over, and is not asked about any more`, async t => {
    const { r } = await fated(t, 'failed', { code: d.rateCode });
    assert.deepEqual([r.state, r.why, r.input_at_fault], ['failed', 'upstream', false], JSON.stringify(r));
  });
  for (const kind of ['result_wrong', 'result_private', 'result_redirect'].filter(can)) {
    test(`${name}: ${kind}: no result, nothing stored, and what it cost is known`, async t => {
      const { r } = await fated(t, kind);
      assert.deepEqual([r.state, r.input_at_fault, r.cost_microusd > 0], ['failed', false, true], JSON.stringify(r));
    });
  }
  for (const kind of ['error_inside', 'empty'].filter(can)) {
    test(`${name}: ${kind}: a success without a result is over`, async t => {
      const { r } = await fated(t, kind);
      assert.deepEqual([r.state, r.input_at_fault], ['failed', false], JSON.stringify(r));
    });
  }
  if (can('vanish') && !d.now && !d.free) test(`${name}: vanish: a newcomer may not be known yet, an old call that is not known is lost and paid`, async t => {
    const w = await world(t, name), q = w.call();
    w.sim.fault(d.submit, 'vanish');
    const begun = await w.tool.ask({ do: 'submit', ...q }), taken = await w.tool.ask({ do: 'taken', ticket: begun.ticket });
    await until(() => w.asked(d.poll) >= 3);
    assert.equal((await w.tool.ask({ do: 'now', ticket: begun.ticket })).state, 'working');
    await w.tool.ask({ do: 'release', ticket: begun.ticket });
    const again = await w.tool.ask({ do: 'reconcile', engine: w.engine, op: q.op, attempt: begun.attempt, remote_id: taken.remote_id, out: q.out });
    const r = await w.tool.ask({ do: 'over', ticket: again.ticket });
    assert.deepEqual([r.state, r.input_at_fault, r.cost_microusd > 0], ['failed', false, true], JSON.stringify(r));
  });
  for (const kind of ['result_short', 'result_empty', 'result_403', 'result_404'].filter(can)) {
    test(`${name}: ${kind}: fetched again, then given up, and the cost is in the books`, async t => {
      const { w, r } = await fated(t, kind);
      assert.deepEqual([r.state, r.why, r.cost_microusd > 0], ['failed', 'engine_failed', true], JSON.stringify(r));
      assert.equal(w.made(), 1);
      assert.ok(w.asked(d.fetch ?? 'GET /files') >= (d.now ? 1 : 2));      // what answers at once has nothing to be asked for a new link
    });
  }
  if (d.cancel) {
    test(`${name}: what still waits over there is cancelled there, and not paid`, async t => {
      const w = await world(t, name, { options: { queue_ms: 60_000 } }), q = w.call();
      const begun = await w.tool.ask({ do: 'submit', ...q });
      assert.equal((await w.tool.ask({ do: 'taken', ticket: begun.ticket })).state, 'working');
      await w.tool.ask({ do: 'cancel', ticket: begun.ticket });
      await w.tool.ask({ do: 'release', ticket: begun.ticket });
      await until(() => w.sim.calls.some(c => /cancel|DELETE/.test(c.op) && c.status < 300));
      await w.sim.advance(120_000);
      assert.equal(w.made(), 0);
    });
  }
}); });

// ---- what is one service's own ----
test('jimeng: no watermark, and the hidden label with our number', async t => {
  const w = await world(t, 'jimeng', { producer: 'Lantern Ltd', propagator: 'Lantern' }), q = w.call('draw'), begun = await w.tool.ask({ do: 'submit', ...q });
  isResult(w, q, await w.tool.ask({ do: 'over', ticket: begun.ticket }));
  const asked = JSON.parse(w.sim.calls.find(c => c.op === w.d.poll).body);
  assert.deepEqual(JSON.parse(asked.req_json), { return_url: true, logo_info: { add_logo: false },
    aigc_meta: { content_producer: 'Lantern Ltd', producer_id: begun.attempt, content_propagator: 'Lantern', propagate_id: begun.attempt } });
});
test('green: what is risky is refused from the setting on, told below it, and paid for; what is not looked at yet may be tried again', async t => {
  const w = await world(t, 'green', { refuse: 'medium' });
  for (const [kind, level, want] of [['risk', 'high', ['failed', 'content_refused', true, 400]], ['risk', 'medium', ['failed', 'content_refused', true, 400]], ['risk', 'low', ['done', '', false, 400]],
    ['risk', 'odd', ['failed', 'engine_failed', false, 400]], ['processing', '', ['failed', 'upstream', false, 0]]]) {
    w.sim.fault(w.d.submit, kind, 1, { level, label: 'violent_weapon', confidence: 61.5 });
    const r = await w.tool.run(w.call());
    assert.deepEqual([r.state, r.why, r.input_at_fault, r.cost_microusd], want, JSON.stringify(r));
    if (level === 'low') assert.deepEqual(r.facts, { risk: 'low', labels: [{ label: 'violent_weapon', confidence: 61.5 }] });
  }
});
for (const name of ['viapi', 'tencent']) test(`${name}: a picture that does not fit is the input's fault`, async t => {
  const w = await world(t, name);
  w.sim.fault(w.d.submit, 'refuse', 1, name === 'viapi' ? { status: 400, code: 'InvalidImage.Resolution' } : { code: 'FailedOperation.NoFaceDetected' });
  const r = await w.tool.run(w.call());
  assert.deepEqual([r.state, r.why, r.input_at_fault, w.made()], ['failed', 'engine_refused', true, 0], JSON.stringify(r));
});
test('viapi: an upload whose permission ran out gets another one', async t => {
  const w = await world(t, 'viapi'), q = w.call();
  w.sim.fault('AuthorizeFileUpload', 'expired_token');
  isResult(w, q, await w.tool.run(q));
  assert.deepEqual([w.asked('AuthorizeFileUpload'), w.asked('POST object'), w.asked('EnhanceFace')], [2, 2, 1]);
});

test('a server finds the models of every engine that has a key, and each of their lanes is a line', async t => {
  const files = [...new Set(Object.entries(DRIVERS).map(([name, d]) => d.engine ?? name))];
  const server = await startServer(t, { env: Object.fromEntries(files.map(name => name === 'comfyui' ? ['ZOETROPE_ENGINE_COMFYUI_NODES', 'http://127.0.0.1:1'] : [`ZOETROPE_ENGINE_${name.toUpperCase()}_KEYS`, 'id:secret']).concat([['ZOETROPE_PUBLIC_URL', 'https://photos.example']])) });     // some fetch inputs from us
  const metrics = await (await fetch(`${server.url}/metrics`, { headers: { Authorization: `Bearer ${server.operatorToken()}` } })).text();
  for (const name of files)
    for (const [, lane] of readFileSync(join(root, `share/engines/${name}.yaml`), 'utf8').matchAll(/\{ lane: ([\w-]+),/g)) assert.match(metrics, new RegExp(`zoetrope_engine_slots\\{engine="${name}\\.${lane}"\\} [1-9]`));
});
