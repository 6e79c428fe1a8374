#!/usr/bin/env node
// run.mjs - the crash matrix (./run crash): every step of every scenario that changes something is the last one of a server, once by kill -9
// and once by a power cut; the next life must bring the scenario to its end, with the right sums, and `zoetrope verify` finds nothing.
//
//   usage: run.mjs [--pairs] [--minutes=N] [--only=REGEXP] [--jobs=N] [--no-planted]
//
// A dry run of each scenario counts the hits of failpoints on its way, so a new failpoint is died at without another line here. Then bugs are
// planted on purpose (src/base/planted.def, build/planted), and each must be caught. --pairs: the second life dies, too, at each of its hits.
// Writes out/crash.json; ends with "N passed, N failed", one for each scenario and outcome, each planted bug, and the gate's own rules.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { root, tempDir } from '../lib/server.mjs';
import { makeTemplate, release, World } from './world.mjs';
import { leftovers as ofPay, payByStripe, payByWechat, refund } from './pay.mjs';
import renewal, { leftovers as ofRenewal } from './renewal.mjs';
import spend from './spend.mjs';

const flags = Object.fromEntries(process.argv.slice(2).map(a => a.replace(/^--/, '').split(/=(.*)/s, 2).concat(true)));
const jobs = Number(flags.jobs ?? availableParallelism() + 1), only = new RegExp(flags.only ?? '');
const planted = join(root, 'build/planted/zoetrope');
const scenarios = [renewal, spend, payByStripe, payByWechat, refund];         // the longest waits first
const HOWS = ['kill', 'power'];
const CASES_A_WORLD = 60;
const WALKS = 3;               // outcomes at once: some wait for a time-out most of their time

/** Failpoints that lie on no scenario's way, and the test that dies there. */
const elsewhere = {
  'upload.after_append': 'src/blob/upload_test.c', 'blob.before_unlink': 'src/blob/store_test.c', 'blob.after_link': 'tests/60-accounts.test.mjs',
};
/** Each bug, and where it must show: in each of these. */
const bugs = {
  charge_by_attempt: [['spend', 'success', 'kill'], ['pay by Stripe', 'success', 'kill']], dedupe_outside: [['spend', 'success', 'kill'], ['pay by WeChat', 'success', 'kill']],
  refund_forgotten: [['spend', 'failure', 'kill'], ['refund', 'success (stripe)', 'kill']], blob_unsynced: [['spend', 'success', 'power']],
  sync_normal: [['spend', 'success', 'power'], ['pay by WeChat', 'success', 'power']], period_outside: [['subscription renewal', 'success', 'kill']],
};

const began = Date.now(), box = tempDir('zt-crash-template-');
const points = [...readFileSync(join(root, 'src/base/failpoints.def'), 'utf8').matchAll(/^FAILPOINT\(\w+, "([\w.]+)"\)/gm)].map(m => m[1]);
const deathsAt = Object.fromEntries(points.map(p => [p, 0])), violations = [], rows = [];
let passed = 0, failed = 0, cases = 0;
const say = text => console.log(`${((Date.now() - began) / 1000).toFixed(1).padStart(6)} s  ${text}`);
const verdict = (ok, text) => { if (ok) passed++; else failed++; say(`${ok ? 'ok' : 'NOT OK'}  ${text}`); };

/** A world that is replaced when it has seen enough, or something went wrong in it. */
class Place {
  constructor(template, scenario, options) { Object.assign(this, { template, scenario, options, seen: 0, world: null }); }
  /** second: the hit of the second life at which that ends, too. */
  async play(n, second) {
    if (this.seen++ >= CASES_A_WORLD) await this.leave();
    try {
      if (!this.world) {
        this.seen = 0;
        this.world = new World(this.template, { ...this.options, args: this.scenario.args, env: { ...this.options.env, ...this.scenario.env } });
        this.world.provider = await this.scenario.provider?.(this.world);
        await this.world.start();
      }
      let armed = second;
      this.world.nextSpec = () => { const m = armed; armed = 0; return m ? `*=kill:after=${m - 1}` : ''; };
      return await this.world.play(this.scenario, n);
    } catch (error) {
      const where = /^ +at .*(?:spend|pay|renewal|world)\.mjs.*/m.exec(error.stack)?.[0] ?? '', server = this.world?.server, { exitCode, signalCode } = server?.proc ?? {};
      const ended = exitCode != null || signalCode ? `\nthe server had ended: ${exitCode ?? signalCode}; it said:\n${server.tail(12)}` : '';
      await this.leave();
      return { met: true, violation: `${error.message}${error.cause ? ` (${error.cause.code ?? error.cause.message})` : ''}\n${where}${ended}` };
    }
  }
  async leave() {
    await this.world?.end();
    this.world = null;
  }
}

/** Works through a list with so many hands; each hand has what make() gives, until done(it). */
async function share(list, make, each, done, hands = jobs) {
  const left = [...list];
  await Promise.all(Array.from({ length: Math.min(hands, left.length) }, async () => {
    const own = make();
    try { while (left.length) await each(own, left.shift()); } finally { await done(own); }
  }));
}

/** Seconds of the processor that we and all who ended took. */
function cpuSeconds() {
  const [utime, stime, cutime, cstime] = readFileSync('/proc/self/stat', 'utf8').replace(/^.*\) /s, '').split(' ').slice(11, 15);
  return (Number(utime) + Number(stime) + Number(cutime) + Number(cstime)) / 100;
}

async function walk(template, name, outcome, scenario) {
  const row = { scenario: name, outcome, hits: 0, cases: 0, violations: 0, unmet: 0 };
  rows.push(row);
  const broke = (how, n, said) => {
    row.violations++;
    violations.push({ scenario: name, outcome, how, hit: n, said });
    say(`VIOLATION ${name} ${outcome}, ${how} at hit ${n}: ${said}`);
  };
  const dry = new Place(template, scenario, { how: 'power' });
  const { violation: early } = await dry.play(0);                  // a server's first moments have hits of their own
  const { hits = [], violation = early } = early ? {} : await dry.play(0);
  await dry.leave();
  if (violation) broke('dry run', 0, violation);
  row.hits = hits.length;
  row.at = hits;
  // by chance a run has a few hits more or less than the dry one; of the tries of both kinds a quarter may miss
  for (const how of violation ? [] : HOWS) {
    const list = Array.from({ length: hits.length }, (_, i) => i + 1);
    await share(list, () => new Place(template, scenario, { how }), async (place, n) => {
      const r = await place.play(n);
      if (r.violation) return void (row.cases++, cases++, broke(how, n, r.violation));
      if (!r.met) return void row.unmet++;
      row.cases++;
      cases++;
      if (r.at) deathsAt[r.at]++;                  // the dead server's last line was not always read
    }, place => place.leave());
  }
  verdict(!row.violations && row.hits > 0 && row.unmet <= row.hits / 2, `${name}, ${outcome}: ${row.hits} hits, ${row.cases} deaths, ${row.violations} violations${row.unmet ? `, ${row.unmet} hits were not met` : ''}`);
}

/** Until it shows, or the scenario has no more hits. */
async function plant(template, bug, [name, outcome, how]) {
  const place = new Place(template, scenarios.find(s => s.name === name).outcomes[outcome], { how, bin: planted, env: { ZOETROPE_PLANTED: bug } });
  const found = { bug, where: `${name}, ${outcome}, ${how}` };
  try {
    for (let n = 0, r; (r = await place.play(n)).met || n === 0; n++)
      if (r.violation) return { ...found, hit: n, said: r.violation.split('\n')[0] };
    return { ...found, missed: true };
  } finally {
    await place.leave();
  }
}

async function pairs(template, list, until) {
  const row = { scenario: 'pairs', cases: 0, violations: 0, of: 0 };
  const all = list.flatMap(({ name, outcome, scenario, hits }) => HOWS.flatMap(how => Array.from({ length: hits }, (_, a) =>
    Array.from({ length: hits }, (_, b) => ({ name, outcome, scenario, how, n: a + 1, m: b + 1 }))).flat()));
  row.of = all.length;
  // each a hand's breadth from the last one, so that a limit of time leaves no region out; 7919 is a prime
  const step = all.length % 7919 ? 7919 : 7927, order = all.map((_, i) => all[(i * step) % all.length]);
  await share(order, () => new Map(), async (places, c) => {
    if (Date.now() > until) return;
    const key = `${c.name} ${c.outcome} ${c.how}`;
    if (!places.has(key)) places.set(key, new Place(template, c.scenario, { how: c.how }));
    const r = await places.get(key).play(c.n, c.m);
    if (!r.violation && !(r.deaths > 1)) return;
    row.cases++;
    if (!r.violation) return;
    row.violations++;
    violations.push({ scenario: c.name, outcome: c.outcome, how: c.how, hit: c.n, second: c.m, said: r.violation });
    say(`VIOLATION ${key} at hits ${c.n} and ${c.m}: ${r.violation}`);
  }, async places => { for (const p of places.values()) await p.leave(); });
  verdict(row.violations === 0 && row.cases > 0, `pairs: ${row.cases} of ${row.of}, ${row.violations} violations`);
  return row;
}

const template = await makeTemplate(join(box, 'data'));
say('a guest with a photo');
const list = scenarios.flatMap(s => Object.entries(s.outcomes).map(([outcome, scenario]) => ({ name: s.name, outcome, scenario }))).filter(c => only.test(`${c.name} ${c.outcome}`));
await share(list, () => null, (_, c) => walk(template, c.name, c.outcome, c.scenario), () => {}, WALKS);

const found = [];
if (!flags['no-planted']) {
  await share(Object.entries(bugs).flatMap(([bug, list]) => list.map(where => [bug, where])), () => null, async (_, [bug, where]) => {
    const r = await plant(template, bug, where);
    found.push(r);
    verdict(!r.missed, r.missed ? `planted ${bug}: NOT caught by ${r.where}` : `planted ${bug}: caught by ${r.where} at hit ${r.hit}: ${r.said.slice(0, 120)}`);
  }, () => {});
  const listed = [...readFileSync(join(root, 'src/base/planted.def'), 'utf8').matchAll(/^PLANTED\(\w+, "(\w+)"\)/gm)].map(m => m[1]).sort();
  verdict(listed.join() === Object.keys(bugs).sort().join(), 'every bug of planted.def is planted');
  const strings = readFileSync(release), names = [...listed, 'ZOETROPE_PLANTED'].filter(n => strings.includes(n));
  verdict(!names.length && listed.every(n => readFileSync(planted).includes(n)), `the release build has no switch for them${names.length ? `: ${names}` : ''}`);
}
if (!flags.only) {
  const never = points.filter(p => !deathsAt[p] && !elsewhere[p]);
  verdict(!never.length, `every failpoint was died at${never.length ? `, but: ${never}` : ''}`);
}
let pairRow = null;
if (flags.pairs) pairRow = await pairs(template, list.map(c => ({ ...c, hits: rows.find(r => r.scenario === c.name && r.outcome === c.outcome).hits })), Date.now() + Number(flags.minutes ?? 30) * 60_000);

for (const dir of [box, ...ofPay(), ...ofRenewal()]) rmSync(dir, { recursive: true, force: true });
mkdirSync(join(root, 'out'), { recursive: true });
const commit = (() => { try { return execFileSync('git', ['rev-parse', 'HEAD'], { cwd: root, encoding: 'utf8' }).trim(); } catch { return null; } })();
writeFileSync(join(root, 'out/crash.json'), `${JSON.stringify({
  failpoints: Object.values(deathsAt).filter(Boolean).length, cases: cases + (pairRow?.cases ?? 0), violations: violations.length,
  planted: Object.keys(bugs).length, caught: Object.keys(bugs).filter(b => found.some(f => f.bug === b) && found.every(f => f.bug !== b || !f.missed)).length,
  seconds: Math.round((Date.now() - began) / 1000), cpu_s: Math.round(cpuSeconds()), commit, scenarios: rows, pairs: pairRow, deaths: deathsAt, elsewhere, bugs: found, broken: violations,
}, null, 2)}\n`);
say(`${cases} deaths, ${violations.length} violations, ${Math.round(cpuSeconds())} CPU s; out/crash.json`);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);                      // a wait for what a dead server logs may have its timer still
