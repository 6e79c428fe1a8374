// curves.mjs - is a curve flat? A robust slope with its confidence, a verdict, and a page that shows what it is about.
import { page, show } from './report.mjs';
import { median } from './stats.mjs';

const DAY_S = 86_400, POINTS_MAX = 400;
const escape = text => String(text).replace(/[&<>"]/g, c => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c]);

/** Blocks of neighbours become their medians, so that no more than `max` points are left: the number of pairs is their square. */
function thinned(points, max) {
  const size = Math.ceil(points.length / max), blocks = [];
  for (let i = 0; i < points.length; i += size) blocks.push(points.slice(i, i + size));
  return blocks.map(b => [median(b.map(p => p[0])), median(b.map(p => p[1]))]);
}

/**
 * Theil and Sen: the median of the slopes of all pairs of points [x, y], which a quarter of wild points does not move, and the 95 % bounds
 * by Kendall's variance. null of fewer than 8 points. Neighbours that depend on each other make the bounds narrower than they should be.
 */
export function theilSen(points) {
  const p = thinned(points, POINTS_MAX), n = p.length, slopes = [];
  if (n < 8) return null;
  for (let i = 0; i < n; i++) for (let j = i + 1; j < n; j++) if (p[j][0] !== p[i][0]) slopes.push((p[j][1] - p[i][1]) / (p[j][0] - p[i][0]));
  slopes.sort((a, b) => a - b);
  const reach = 1.96 * Math.sqrt(n * (n - 1) * (2 * n + 5) / 18), at = k => slopes[Math.min(slopes.length - 1, Math.max(0, Math.round(k)))];
  const slope = median(slopes);
  return { slope, low: at((slopes.length - reach) / 2), high: at((slopes.length + reach) / 2), level: median(p.map(([x, y]) => y - slope * x)), points: n };
}

/**
 * points: [seconds, value]. rule: { day: how much a day may add, seen: how much the window itself must have added before the slope is believed }.
 * "flat", "rises" or "not measured", with the figures.
 */
export function judge(points, rule) {
  const fit = theilSen(points);
  if (!fit) return { verdict: 'not measured', points: points.length };
  const seconds = points.at(-1)[0] - points[0][0], day = fit.slope * DAY_S, window = fit.slope * seconds, most = Math.max(...points.map(p => p[1]));
  const rises = day > rule.day && window > rule.seen && fit.low > 0;
  return { verdict: rises ? 'rises' : 'flat', day, low: fit.low * DAY_S, high: fit.high * DAY_S, window, seconds, most, median: median(points.map(p => p[1])), slope: fit.slope, level: fit.level, points: points.length };
}

// ---- the page ----

const UNITS = { bytes: [[2 ** 30, 'GB'], [2 ** 20, 'MB'], [2 ** 10, 'KB'], [1, 'B']], ms: [[1000, 's'], [1, 'ms']] };
/** A value with the unit that a person would choose. */
export function human(v, unit) {
  if (!Number.isFinite(v)) return '–';
  const [size, name] = (UNITS[unit] ?? []).find(([s]) => Math.abs(v) >= s) ?? UNITS[unit]?.at(-1) ?? [1, unit];
  return `${show(v / size)}${name ? ` ${name}` : ''}`;
}
/** The next round number in that unit: an axis ends there. */
function roundUp(v, unit) {
  const size = (UNITS[unit] ?? [[1]]).find(([s]) => v >= s)?.[0] ?? 1, step = 10 ** Math.floor(Math.log10(v / size)) / 2;
  return Math.ceil(v / size / step - 1e-9) * step * size;
}
const signed = (v, unit) => `${v > 0 ? '+' : v < 0 ? '−' : '±'}${human(Math.abs(v), unit)}`;

const style = `
.verdict.flat, .verdict.good { color: var(--good); } .verdict.rises, .verdict.too-high, .verdict.bad, .verdict.not-measured { color: var(--bad); }
.plots { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 28rem), 1fr)); gap: .6rem; } .plots article { margin: 0; }
.plot { display: grid; grid-template-columns: 4.2rem 1fr; grid-template-rows: 8rem auto; font-size: .75rem; color: var(--soft); font-variant-numeric: tabular-nums; margin-top: .5rem; }
.plot .y { display: flex; flex-direction: column; justify-content: space-between; text-align: right; padding-right: .5rem; line-height: 1; white-space: nowrap; } .plot .x { grid-column: 2; display: flex; justify-content: space-between; padding-top: .25rem; }
.plot svg { height: 100%; border-bottom: 1px solid var(--line); border-left: 1px solid var(--line); overflow: hidden; } .plot polyline, .plot line { fill: none; vector-effect: non-scaling-stroke; }
.curve { stroke: var(--ours); stroke-width: 1.6; stroke-linejoin: round; } .curve.second { stroke: var(--wait); stroke-width: 1.1; } .fit { stroke: var(--ink); stroke-width: 1.6; stroke-dasharray: 6 4; } .window { fill: var(--ours); opacity: .08; }
.f { stroke-width: 1; opacity: .75; } .f-server { stroke: var(--bad); stroke-width: 2; } .f-helper { stroke: #c2410c; } .f-child { stroke: #d97706; stroke-dasharray: 2 2; } .f-disk { stroke: #2563eb; } .f-slow { stroke: #7c3aed; } .f-clock { stroke: #64748b; stroke-dasharray: 5 3; }
@media (prefers-color-scheme: dark) { .f-helper { stroke: #fb923c; } .f-child { stroke: #fbbf24; } .f-disk { stroke: #60a5fa; } .f-slow { stroke: #a78bfa; } .f-clock { stroke: #94a3b8; } }
.marks { display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; } .marks svg { display: inline-block; width: 1rem; height: .9rem; vertical-align: -.15em; margin-right: .35rem; }
.list { overflow-x: auto; } td.head { color: var(--soft); white-space: nowrap; } td.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }`;

const clock = s => `${Math.floor(s / 60)}:${String(Math.round(s % 60)).padStart(2, '0')}`;

/** One curve over the whole run. A gap or a new life breaks the line. */
function plot(c, run) {
  const values = [c.points, c.second ?? []].flat().map(p => p[1]).filter(Number.isFinite), max = roundUp(Math.max(...values, 0) || 1, c.unit), x = s => (1000 * s / run.seconds).toFixed(1), y = v => (100 - 100 * v / max).toFixed(2);
  const lines = points => run.lives.map(l => points.filter(([s, v]) => s >= l.from && s < l.to && Number.isFinite(v)).map(([s, v]) => `${x(s)},${y(v)}`).join(' ')).filter(Boolean);
  const draw = (points, kind) => lines(points).map(l => `<polyline class="${kind}" points="${l}"/>`).join('');
  const j = c.judged, fit = j?.slope !== undefined ? `<rect class="window" x="${x(c.window[0])}" y="0" width="${x(c.window[1] - c.window[0])}" height="100"/>` : '';
  const fitted = fit && `<line class="fit" x1="${x(c.window[0])}" x2="${x(c.window[1])}" y1="${y(j.level + j.slope * c.window[0])}" y2="${y(j.level + j.slope * c.window[1])}"/>`;
  const marks = run.faults.map(f => `<line class="f f-${f.name}" x1="${x(f.at)}" x2="${x(f.at)}" y1="0" y2="100"/>`).join('');
  return `<div class="plot"><div class="y"><span>${human(max, c.unit)}</span><span>0</span></div><svg viewBox="0 0 1000 100" preserveAspectRatio="none" role="img" aria-label="${escape(`${c.title}: up to ${human(Math.max(...values), c.unit)}`)}">${fit}${marks}${draw(c.second ?? [], 'curve second')}${draw(c.points, 'curve')}${fitted}</svg>` +
    `<div class="x"><span>0:00</span><span>${clock(run.seconds / 2)}</span><span>${clock(run.seconds)}</span></div></div>`;
}

function card(c, run) {
  const j = c.judged, last = run.lives.at(-1), of = c.points.filter(([s, v]) => s >= last.from && Number.isFinite(v)).map(p => p[1]);
  const says = !j ? '' : j.slope === undefined ? `only ${j.points} samples to judge` :
    `${signed(j.day, c.unit)} a day (95 %: ${signed(j.low, c.unit)} to ${signed(j.high, c.unit)}); at most +${human(c.rule.day, c.unit)}. Seen in ${clock(j.seconds)}: ${signed(j.window, c.unit)}.`;
  return `<article><header><h3>${escape(c.title)}</h3>${j ? `<span class="verdict ${j.verdict.replace(' ', '-')}">${j.verdict === 'flat' ? '✓' : '✗'} ${j.verdict}</span>` : ''}</header>
${plot(c, run)}<p class="soft">${c.legend ? `${escape(c.legend)} ` : ''}Last life: median ${human(median(of), c.unit)}, highest ${human(Math.max(...of), c.unit)}.</p>${says ? `<p class="soft">${says}</p>` : ''}</article>`;
}

const rows = (head, list) => `<div class="list"><table><tr>${head.map(h => `<td class="head">${h}</td>`).join('')}</tr>${list.map(r => `<tr>${r.map(v => `<td${/^[\d.,]+( \w{1,2})?$/.test(typeof v === 'number' ? show(v) : v) ? ' class="n"' : ''}>${typeof v === 'number' ? show(v) : escape(v)}</td>`).join('')}</tr>`).join('')}</table></div>`;

/**
 * The whole page. run: { about, seconds, lives: [{from, to}], faults: [{at, until, name, what}], curves, checks: [{name, ok, says}], errors, excused, told };
 * seconds count from the beginning.
 */
export function soakPage(run) {
  const base = /<style>([^]*?)<\/style>/.exec(page({ load_before: [], load_after: [], peers: {}, sync_ms: 0, minutes: 0 }, []))[1];     // one look for all that bench/ writes
  const judged = run.curves.filter(c => c.judged), told = run.curves.filter(c => !c.judged), good = run.checks.filter(c => c.ok).length, flat = judged.filter(c => c.judged.verdict === 'flat').length;
  const kinds = [...new Set(run.faults.map(f => f.name))], words = { server: 'kill -9 of the server', helper: 'kill -9 of zoetrope-media', child: 'kill -9 of a media child', disk: 'full disk', slow: 'picture process stopped', clock: 'clock moved on' };
  const mark = k => `<span><svg viewBox="0 0 16 14"><line class="f f-${k}" x1="8" x2="8" y1="0" y2="14"/></svg>${escape(words[k] ?? k)} × ${run.faults.filter(f => f.name === k).length}</span>`;
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Zoetrope: soak</title><style>${base}${style}</style></head><body><main>
<h1>Zoetrope: ${show(run.seconds / 60)} minutes under load, with faults</h1><p class="soft">${escape(run.about.says)}</p>
<div class="sums"><span><b class="${flat === judged.length ? 'met' : 'missed'}">${flat}/${judged.length}</b>curves flat</span><span><b class="${good === run.checks.length ? 'met' : 'missed'}">${good}/${run.checks.length}</b>checks passed</span><span><b>${run.about.answers.toLocaleString('en')}</b>answers</span><span><b>${run.about.tasks.toLocaleString('en')}</b>tasks</span><span><b>${run.faults.length}</b>faults</span></div>
${run.checks.map(c => `<article><header><h3>${escape(c.name)}</h3><span class="verdict ${c.ok ? 'good' : 'bad'}">${c.ok ? '✓ yes' : '✗ no'}</span></header><p class="soft">${escape(c.says)}</p></article>`).join('\n')}
<h2>Must be flat</h2><p class="soft">Tinted: what is judged, the second half of the last life (of a process that was killed in it, since then). Dashed: the Theil–Sen slope. Samples while a fault was on are shown, but of latencies not judged. A curve rises when its slope is above 0 with 95 % confidence, a day of it is more than allowed, and the window itself shows more than its ordinary unrest.</p>
<p class="soft marks">${kinds.map(mark).join('')}</p>
<div class="plots">${judged.map(c => card(c, run)).join('\n')}</div>
<h2>Told only</h2><div class="plots">${told.map(c => card(c, run)).join('\n')}</div>
<h2>Why these limits</h2>${rows(['curve', 'a day', 'unrest', 'because'], judged.map(c => [c.title, human(c.rule.day, c.unit), human(c.rule.seen, c.unit), c.rule.why]))}
<h2>Faults</h2>${rows(['at', 'what', 'seconds'], run.faults.map(f => [clock(f.at), f.what, Number((f.until - f.at).toFixed(1))]))}
<h2>Unexpected answers</h2>${run.errors.length ? rows(['times', 'what', 'first at'], run.errors.map(e => [e.n, e.what, clock(e.first)])) : '<p>None.</p>'}
<h2>Answers that a fault excused</h2>${run.excused.length ? rows(['times', 'what'], run.excused.map(e => [e.n, e.what])) : '<p>None.</p>'}
<h2>What was done</h2>${rows(['times', 'what'], run.told.done.map(e => [e.n, e.what]))}
<h2>What the server logged</h2>${rows(['times', 'what'], run.told.log.map(e => [e.n, e.what]))}
</main></body></html>
`;
}

/** Rises of a plateau: how many times the median of the last third is that of the third before it. */
export function plateau(points) {
  const n = points.length, third = (a, b) => median(points.slice(Math.floor(n * a), Math.floor(n * b)).map(p => p[1]));
  return third(2 / 3, 1) / third(1 / 3, 2 / 3);
}

