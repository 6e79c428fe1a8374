// 90-bench.test.mjs - what ./run bench judges by: its statistics, and the one table of budgets.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { tree, treeCpuUs } from '../bench/lib/proc.mjs';
import { judge as judgeCurve } from '../bench/lib/curves.mjs';
import { page } from '../bench/lib/report.mjs';
import { ssim } from '../bench/lib/ssim.mjs';
import { longestHeld, median, quantile, ratio, spread } from '../bench/lib/stats.mjs';
import { judge, parseTable } from '../bench/lib/table.mjs';
import { root } from './lib/server.mjs';

describe('statistics', () => {
  test('a median is the middle, whatever the order, and leaves the list alone', () => {
    const list = [9, 1, 5];
    assert.equal(median(list), 5);
    assert.deepEqual(list, [9, 1, 5]);
    assert.equal(median([4, 1, 3, 2]), 2.5);
    assert.equal(median([10, 9, 100]), 10, 'numbers, not words');
    assert.ok(Number.isNaN(median([])));
  });

  test('a quantile lies between its neighbours by proportion', () => {
    assert.equal(quantile([0, 10], 0.25), 2.5);
    assert.equal(quantile([1, 2, 3], 1), 3);
    assert.equal(quantile([7], 0.99), 7);
  });

  test('a ratio above 1 means that we are ahead, whichever way the unit counts', () => {
    assert.equal(ratio('lower', [1, 2, 3], [8, 8, 8]), 4);
    assert.equal(ratio('higher', [1, 2, 3], [8, 8, 8]), 0.25);
    assert.equal(spread([9, 10, 12]), 0.3);
  });

  test('likeness is 1 for the same picture, and falls with noise', () => {
    const w = 32, h = 24, a = Uint8Array.from({ length: w * h }, (_, i) => (i % w) * 7), b = a.map((v, i) => v + (i % 2 ? 9 : 0));
    assert.equal(ssim(a, a, w, h), 1);
    assert.ok(ssim(a, b, w, h) < 0.98 && ssim(a, b, w, h) > 0);
    assert.ok(ssim(a, a.map(v => 255 - v), w, h) < 0, 'the opposite is worse than nothing alike');
    const flat = v => new Uint8Array(w * h).fill(v), c = 6.5025;
    assert.ok(Math.abs(ssim(flat(100), flat(120), w, h) - (2 * 100 * 120 + c) / (100 ** 2 + 120 ** 2 + c)) < 1e-9);
    assert.throws(() => ssim(a, b, w, h + 1), /size/);
  });
});

describe('the table', () => {
  const line = (over = {}) => Object.values({ name: 'a-row', unit: 'ms', better: 'lower', peer: 'nginx', budget: '1.5', why: 'because', ...over }).join(' | ');

  test('a row is read', () => {
    assert.deepEqual(parseTable(`# words\n\n${line()}\n`), [{ name: 'a-row', unit: 'ms', better: 'lower', peer: 'nginx', need: 1.5, state: 'gate', why: 'because' }]);
    assert.equal(parseTable(line({ peer: 'limit:1024' }))[0].limit, 1024);
    assert.equal(parseTable(line({ budget: 'pending 3' }))[0].state, 'pending');
    assert.equal(parseTable(line({ budget: 'tell' }))[0].state, 'tell');
  });

  test('a row that cannot be read stops everything, and its line is named', () => {
    for (const wrong of [{ name: 'A row' }, { unit: '' }, { better: 'more' }, { peer: '' }, { peer: 'limit:x' }, { budget: '' }, { budget: '0' }, { budget: 'pending' }, { budget: '-1' }, { why: '' }])
      assert.throws(() => parseTable(`#\n${line(wrong)}`), /budgets:2/, JSON.stringify(wrong));
    assert.throws(() => parseTable(`${line()}\n${line()}`), /budgets:2: the name stands twice/);
    assert.throws(() => parseTable('a-row | ms'), /2 cells/);
  });

  test('what is not measured, or missed by a hair, is not met; what is pending never is', () => {
    const [gate] = parseTable(line()), [pending] = parseTable(line({ budget: 'pending 1.5' })), [tell] = parseTable(line({ budget: 'tell' }));
    assert.deepEqual(judge(gate, 1.5), { verdict: 'met', short: 0 });
    assert.equal(judge(gate, 1.4999).verdict, 'missed');
    assert.equal(judge(gate, 0.75).short, 0.5);
    for (const nothing of [NaN, undefined, Infinity]) assert.equal(judge(gate, nothing).verdict, 'failed');
    assert.equal(judge(tell, NaN).verdict, 'failed');
    assert.equal(judge(tell, 0.1).verdict, 'told');
    assert.equal(judge(pending, 100).verdict, 'pending');
  });

  test('bench/budgets itself can be read, and every row of it is measured somewhere or pending', async () => {
    const rows = parseTable(readFileSync(join(root, 'bench/budgets'), 'utf8'));
    const modules = await Promise.all(readdirSync(join(root, 'bench/rows')).map(f => import(`../bench/rows/${f}`)));
    const measured = new Set(modules.flatMap(m => m.groups.flatMap(g => g.rows)));
    assert.deepEqual(rows.filter(r => r.state !== 'pending' && !measured.has(r.name)).map(r => r.name), [], 'nothing measures them');
    assert.ok(rows.filter(r => r.state === 'gate').length >= 20);
  });
});

test('CPU time of a tree counts what it used itself and what its children used', () => {
  assert.ok(tree(process.pid).includes(process.pid));
  const burn = 'const used = () => { const { user, system } = process.cpuUsage(); return user + system; }; for (const at = used(); used() < at + 300_000;);';
  for (const [whose, work] of [['own', () => new Function(burn)()], ['children', () => spawnSync(process.execPath, ['-e', burn])]]) {
    const before = treeCpuUs(process.pid);
    work();
    const used = treeCpuUs(process.pid) - before;
    assert.ok(used >= 270_000, `${whose}: ${used} us, of 300,000 by its own account`);     // both ends are exact to a tick of 10 ms
  }
});

test('the page shows every row and lets no text out of its place', () => {
  const base = { unit: 'ms', better: 'lower', ours: [1, 2], theirs: [3, 4], ratio: 2, budget: 1, verdict: 'met', short: 0, beside: { ours: { p99_ms: 3 }, theirs: {} }, notes: [], why: 'a <b>reason</b>' };
  const about = { cpu: 'x', memory_gb: 1, kernel: 'k', sync_ms: 1, load_before: [0], load_after: [0], rounds: 1, seconds: 1, minutes: 1, began: '', commit: 'c', peers: {} };
  const html = page(about, [{ ...base, name: 'cached-read-x', peer: 'nginx' }, { ...base, name: 'ledger-y', peer: 'limit:3', ours: [], theirs: [], ratio: null, verdict: 'pending' }]);
  for (const text of ['cached-read-x', 'ledger-y', '2 times (at least 1) ✓ met', '… pending', 'a &lt;b&gt;reason']) assert.ok(html.includes(text), text);
  assert.ok(!/<b>reason|<script|https?:\/\//.test(html));
});

test('a soak calls a curve flat when what it rises could be chance, and not when it goes on rising', () => {
  const noise = i => ((i * 7919) % 13) / 13 - 0.5, points = slope => Array.from({ length: 100 }, (_, i) => [i * 5, 100 + slope * i * 5 + noise(i)]);
  const rule = { day: 10, seen: 2 };
  assert.equal(judgeCurve(points(0), rule).verdict, 'flat');
  assert.equal(judgeCurve(points(0.02), rule).verdict, 'rises');
  assert.equal(judgeCurve(points(-0.02), rule).verdict, 'flat');
  assert.equal(judgeCurve(points(0.002), rule).verdict, 'flat', 'one in all: less than is seen');
  assert.equal(judgeCurve(points(0).slice(0, 2), rule).verdict, 'not measured');
});

test('how long connections were held is told from counts', () => {
  assert.equal(longestHeld([[0, 10, 10], [1, 20, 20], [2, 20, 15], [5, 20, 9], [9, 20, 0]]), 8);
  assert.equal(longestHeld([[0, 0, 0], [1, 5, 5], [4, 5, 5]]), 3, 'never gone: as long as was looked');
});
