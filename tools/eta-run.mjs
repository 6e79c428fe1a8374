// eta-run.mjs - is the promised time kept? A recorded busy run through the real server: accounts of different sizes buy tasks faster than
// they can be made; what each was promised when it was bought is compared with what it took.
//
//   node tools/eta-run.mjs [--tasks 200] [--engine fake|local] [--load 1.2] [--out out/eta.json]
//
// fake: random delays by engine.fake_script, a minute or two. local: real pictures, about a minute for every ten tasks.
// Exit code: 0 the median error is at most 20 %; 1 it is more, or something failed (said).
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { startServer, root } from '../tests/lib/server.mjs';
import { Client } from '../tests/lib/client.mjs';

const { values: opt } = parseArgs({ options: {
  tasks: { type: 'string', default: '200' }, engine: { type: 'string', default: 'fake' }, load: { type: 'string', default: '1.2' },
  out: { type: 'string', default: join(root, 'out/eta.json') } } });
const TASKS = Number(opt.tasks), LOAD = Number(opt.load), WARM = opt.engine === 'fake' ? 12 : 4, MAX_ERROR = 0.2;
const sizes = [10, 4, 2, 2, 1, 1];                       // tasks of an account for each of the smallest one's
const pause = ms => new Promise(done => setTimeout(done, ms));
const quantile = (list, q) => [...list].sort((a, b) => a - b)[Math.round(q * (list.length - 1))];

let dice = 20261125;
const random = () => { dice = (Math.imul(dice, 1664525) + 1013904223) >>> 0; return dice / 2 ** 32; };
const one = list => list[Math.floor(random() * list.length)];

const env = { ZOETROPE_ENGINE_USE: opt.engine, ZOETROPE_PRODUCT_GUEST_CREDITS: '100000', ZOETROPE_TASK_ACCOUNT_MAX: '100000',
  ZOETROPE_ENGINE_FAKE_SLOTS: '2', ZOETROPE_LOG_LEVEL: 'warn',
  ZOETROPE_ENGINE_FAKE_SCRIPT: 'cutout.delay=60; cutout.jitter=120; compose.delay=150; compose.jitter=500; score.delay=20; score.jitter=30' };
const server = await startServer(null, { env });
const say = text => process.stdout.write(text + '\n');
try {
  const accounts = [];
  for (const size of sizes) {
    const client = await Client.guest(server.url);
    accounts.push({ client, size, photo: await client.photo(join(root, 'build/deps/samples/sample6.jpg')) });
  }
  const many = accounts.flatMap(a => Array(a.size).fill(a));
  const buy = async account => {
    const { client, photo } = account;
    const people = Array.from({ length: 1 + Math.floor(random() * 4) }, (_, face) => ({ asset: photo.id, face }));
    const quote = await client.quote({ people, template: 'hall', candidates: one([1, 2, 3, 4]) });
    const task = await client.buy(quote);
    return { client, task, people: people.length };
  };

  // The first ones come alone: they teach what a call takes, and how many tasks a second can be made.
  let alone_ms = 0;
  for (let i = 0; i < WARM; i++) {
    const { client, task } = await buy(one(many));
    const done = await client.waitTask(task.id);
    alone_ms += done.ended_ms - done.created_ms;
  }
  const slots = Number(/^zoetrope_engine_slots\{engine="\w+"\} (\d+)/m.exec((await accounts[0].client.send('GET', '/metrics')).text
    .split('\n').filter(l => l.includes(`engine="${opt.engine}"`)).join('\n'))?.[1] ?? 1);
  let gap_ms = alone_ms / WARM / LOAD;                   // alone, a task has all slots to itself
  say(`${WARM} tasks alone: ${(alone_ms / WARM / 1000).toFixed(2)} s each; ${slots} slots; one more every ${(gap_ms / 1000).toFixed(2)} s on average`);

  const bought = [], begun = Date.now();
  for (let i = 0, at = 0; i < TASKS; i++) {
    at += -Math.log(random() + 1e-9) * gap_ms;
    const wait = begun + at - Date.now();
    if (wait > 0) await pause(wait);
    bought.push(await buy(one(many)));
  }
  const rows = await Promise.all(bought.map(async ({ client, task, people }) => {
    const done = await client.waitTask(task.id, undefined, 3_600_000);
    return { id: task.id, state: done.state, people, candidates: task.asked, place: task.place, promised_p50_ms: task.eta_ms, promised_p90_ms: task.eta_p90_ms,
      actual_ms: done.ended_ms - done.created_ms };
  }));

  const made = rows.filter(r => r.state === 'choosing'), told = made.filter(r => r.promised_p50_ms !== null);
  const errors = told.map(r => Math.abs(r.promised_p50_ms - r.actual_ms) / r.actual_ms);
  const bias = told.reduce((sum, r) => sum + (r.promised_p50_ms - r.actual_ms) / r.actual_ms, 0) / told.length;
  const kept = told.filter(r => r.actual_ms <= r.promised_p90_ms).length / told.length;
  const summary = { engine: opt.engine, tasks: rows.length, failed: rows.length - made.length, promised: told.length, median_error: quantile(errors, 0.5), p90_error: quantile(errors, 0.9), bias,
    within_p90: kept, actual_ms: { p50: quantile(rows.map(r => r.actual_ms), 0.5), max: Math.max(...rows.map(r => r.actual_ms)) },
    longest_line: Math.max(...rows.map(r => r.place ?? 0)) };
  mkdirSync(dirname(resolve(opt.out)), { recursive: true });
  writeFileSync(opt.out, JSON.stringify({ ...summary, rows }, null, 1) + '\n');
  const pct = v => `${(100 * v).toFixed(1)} %`;
  say(`${rows.length} tasks, ${rows.length - made.length} failed, ${told.length} promised; error: median ${pct(summary.median_error)}, 9 of 10 below ${pct(summary.p90_error)}, bias ${pct(bias)}; ` +
    `within p90 ${pct(kept)}; waited ${(summary.actual_ms.p50 / 1000).toFixed(1)} s (median) to ${(summary.actual_ms.max / 1000).toFixed(1)} s, line up to ${summary.longest_line}`);
  const text = (await accounts[0].client.send('GET', '/metrics')).text;
  say(text.split('\n').filter(l => /^zoetrope_(task_eta_(error_median|bias|p90_kept)|call_seconds|calls_per_unit)/.test(l)).join('\n'));
  if (told.length < made.length || summary.median_error > MAX_ERROR) process.exitCode = 1;
} finally {
  await server.stop();
  server.forget();
}
