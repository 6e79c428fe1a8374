// run.mjs - measures us beside our peers and judges the result by bench/budgets.
//
//   node bench/run.mjs [--quick] [--only=REGEXP] [--rounds=N] [--seconds=N]
//
// --quick    short rounds, and without the rows that take long: for daily use; writes out/bench-quick.*
// Leaves the raw samples in out/bench.json and a page in out/bench.html. Exit: 0 all budgets met; 1 one was missed or could not be measured.
import { execFileSync } from 'node:child_process';
import { closeSync, fdatasyncSync, mkdirSync, openSync, readdirSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { load } from './lib/proc.mjs';
import { page, show } from './lib/report.mjs';
import { folder, root } from './lib/rig.mjs';
import { median, ratio, spread } from './lib/stats.mjs';
import { judge, parseTable } from './lib/table.mjs';

const flag = name => process.argv.find(a => a.startsWith(`--${name}=`))?.slice(name.length + 3);
const quick = process.argv.includes('--quick'), only = flag('only') && new RegExp(flag('only'));
const LONG = /^(killed-bullmq-default|killed-celery-worker|tasks-portrait|idle-connection-nginx|upload-memory-tus|websocket-memory-ws|slow-(?!reading).*|overload-.*|tasks-bullmq|cached-read-fastapi-def)$/;

const say = text => process.stdout.write(`${text}\n`);

const table = parseTable(readFileSync(join(root, 'bench/budgets'), 'utf8'));
const results = new Map(table.map(r => [r.name, { ...r, ours: [], theirs: r.limit === undefined ? [] : [r.limit], extra: { ours: [], theirs: [] }, notes: [] }]));
const row = name => results.get(name) ?? (() => { throw new Error(`${name} is not in bench/budgets`); })();

/** What the rows' code is given. */
const ctx = {
  quick,
  rounds: Number(flag('rounds') ?? (quick ? 3 : 5)),
  seconds: Number(flag('seconds') ?? (quick ? 1 : 4)),
  wants: name => row(name).state !== 'pending' && (!only || only.test(name)) && !(quick && !only && LONG.test(name)),
  samples: name => row(name).ours,
  note: (name, text) => row(name).notes.push(text),
  /** One sample of one side; more: what else was seen with it. */
  add(name, side, value, more) {
    if (!Number.isFinite(value)) throw new Error(`${name}: ${side} measured ${value}`);
    row(name)[side].push(value);
    if (more) row(name).extra[side].push(more);
  },
  /** Both sides warmed up, then in turn, ours first, round for round. spec: { ours(s), theirs(s), value(m), extra(m), warm? } */
  async ab(name, { ours, theirs, value, extra, warm = 1 }) {
    if (!ctx.wants(name)) return;
    await ours(warm);
    await theirs(warm);
    for (let i = 0; i < ctx.rounds; i++)
      for (const [side, measure] of [['ours', ours], ['theirs', theirs]]) {
        const m = await measure(ctx.seconds);
        ctx.add(name, side, value(m), extra?.(m));
      }
    const r = row(name);
    say(`  ${name}: ${show(median(r.ours))} against ${show(median(r.theirs))} ${r.unit}, ${show(ratio(r.better, r.ours, r.theirs))} times`);
  },
};

/** Medians of what was seen beside the samples. */
function medians(list) {
  const names = new Set(list.flatMap(Object.keys));
  return Object.fromEntries([...names].map(n => [n, median(list.map(x => x[n]).filter(Number.isFinite))]).filter(([, v]) => Number.isFinite(v)));
}

/** Milliseconds that one small durable write takes on the disk that is measured. */
function syncMs() {
  const fd = openSync(join(folder('sync'), 'file'), 'w'), took = [];
  for (let i = 0; i < 50; i++) {
    const began = performance.now();
    writeSync(fd, Buffer.alloc(4096), 0, 4096, i * 4096);
    fdatasyncSync(fd);
    took.push(performance.now() - began);
  }
  closeSync(fd);
  return median(took);
}

function machine() {
  const version = (command, ...args) => { try { return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim().split('\n')[0]; } catch { return null; } };
  const debian = name => version('dpkg-query', '-W', '-f', '${Version}', name);
  const npm = JSON.parse(readFileSync(join(root, 'bench/package.json'), 'utf8')).dependencies;
  return {
    cpu: `${cpus().length} x ${cpus()[0].model.trim()}`, memory_gb: Math.round(totalmem() / 2 ** 30), kernel: release(), sync_ms: syncMs(), load_before: load(),
    commit: version('git', '-C', root, 'rev-parse', '--short', 'HEAD'),
    peers: { ...npm, ...Object.fromEntries(['nginx-light', 'redis-server', 'postgresql-15', 'python3-fastapi', 'python3-uvicorn', 'python3-celery', 'slowhttptest', 'wrk'].map(n => [n, debian(n)])), node: process.version },
  };
}

function verdicts() {
  return [...results.values()].map(r => {
    const measured = r.ours.length > 0 && r.theirs.length > 0, q = measured ? ratio(r.better, r.ours, r.theirs) : null;
    const { verdict, short } = ctx.wants(r.name) || r.state === 'pending' ? judge(r, q ?? NaN) : { verdict: 'left out', short: 0 };
    return {
      name: r.name, unit: r.unit, better: r.better, ours: r.ours, peer: r.peer, theirs: r.theirs, ratio: q, budget: Number.isFinite(r.need) ? r.need : null, verdict, short,
      spread: measured ? { ours: spread(r.ours), theirs: spread(r.theirs) } : null, beside: { ours: medians(r.extra.ours), theirs: medians(r.extra.theirs) }, notes: r.notes, why: r.why,
    };
  });
}

function tell(rows) {
  const cells = rows.filter(r => r.verdict !== 'left out').map(r => [r.verdict, r.name, r.ours.length ? show(median(r.ours)) : '', r.theirs.length ? show(median(r.theirs)) : '', r.unit,
    r.ratio === null ? '' : `${show(r.ratio)}x`, r.budget === null ? '' : `>= ${r.budget}x`, r.verdict === 'pending' ? r.why : r.peer]);
  const widths = cells[0].map((_, i) => Math.max(...cells.map(c => c[i].length)));
  for (const c of cells) say(c.map((text, i) => (i >= 2 && i <= 3 ? text.padStart(widths[i]) : text.padEnd(widths[i]))).join('  ').trimEnd());
}

async function main() {
  const began = Date.now(), about = { began: new Date(began).toISOString(), quick, rounds: ctx.rounds, seconds: ctx.seconds, ...machine() };
  say(`bench: ${about.cpu}, kernel ${about.kernel}, one durable 4 KB write ${show(about.sync_ms)} ms, load ${about.load_before.join(' ')}`);
  if (about.load_before[0] > 0.5) say('bench: the machine is busy with something else; ratios are of interleaved rounds, yet take them with care');
  const groups = [];
  for (const file of readdirSync(join(root, 'bench/rows'))) groups.push(...(await import(`./rows/${file}`)).groups);
  for (const g of groups) {
    const names = g.rows.filter(ctx.wants);
    if (!names.length) continue;
    say(`${names.join(' ')}`);
    try {
      await g.run(ctx);
    } catch (e) {
      for (const n of names) if (!row(n).ours.length || !row(n).theirs.length) ctx.note(n, String(e.message).split('\n', 1)[0].slice(0, 300));
      say(`  failed: ${String(e.stack).slice(0, 1500)}`);
    }
  }
  Object.assign(about, { load_after: load(), minutes: (Date.now() - began) / 60_000 });
  const rows = verdicts(), name = quick ? 'bench-quick' : 'bench';
  mkdirSync(join(root, 'out'), { recursive: true });
  writeFileSync(join(root, 'out', `${name}.json`), JSON.stringify({ about, rows }, null, 1) + '\n');
  writeFileSync(join(root, 'out', `${name}.html`), page(about, rows));
  say('');
  tell(rows);
  const bad = rows.filter(r => r.verdict === 'missed' || r.verdict === 'failed');
  say('');
  for (const r of bad)
    say(r.verdict === 'failed' ? `${r.name} could not be measured: ${r.notes[0] ?? 'no samples'}` : `${r.name} misses its budget by ${show(r.short * 100)} %: ${show(r.ratio)} times ${r.peer}, and ${r.budget} is asked`);
  const count = v => rows.filter(r => r.verdict === v).length;
  say(`bench: ${count('met')} budgets met, ${bad.length} not, ${count('pending')} pending, ${count('told')} told; out/${name}.json, out/${name}.html`);
  process.exit(bad.length ? 1 : 0);
}
await main();
