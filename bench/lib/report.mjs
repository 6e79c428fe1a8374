// report.mjs - out/bench.html: one page without scripts that can be read on a phone, in the light and in the dark, and printed.
import { median } from './stats.mjs';

export const escape = text => String(text).replace(/[&<>"]/g, c => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c]);
/** Three digits are what such measurements are good for. */
export const show = n => (Math.abs(n) >= 1000 ? Math.round(n).toLocaleString('en') : String(Number(n.toPrecision(3))));

const WORDS = { met: '✓ met', missed: '✗ missed', failed: '✗ not measured', pending: '… pending', told: 'no budget', 'left out': 'left out' };
const GROUPS = [
  ['What an answer costs', /^(cached|db)-read/], ['Bytes', /^range/], ['Memory', /^(idle|upload|websocket)/], ['Waiting', /^(fast-route|crowd|login)/], ['Messages', /^broadcast/], ['Too much to do', /^overload/], ['Slow clients', /^slow/],
  ['Durable tasks', /^tasks/], ['A killed worker', /^killed/], ['Money', /^ledger/], ['Pictures', /^(thumbs|portrait|swap)/],
];

const style = `
:root { color-scheme: light dark; --paper: #f7f6f3; --card: #fff; --ink: #1d1c1a; --soft: #66625b; --line: #e2dfd8; --ours: #0f766e; --theirs: #a8a29a; --good: #15703f; --bad: #b3261e; --wait: #8a6100; }
@media (prefers-color-scheme: dark) { :root { --paper: #161513; --card: #201f1c; --ink: #edeae4; --soft: #a5a097; --line: #35322d; --ours: #3cc4b6; --theirs: #746f67; --good: #67c58e; --bad: #ff8a80; --wait: #e0b252; } }
* { box-sizing: border-box; }
body { margin: 0; padding: clamp(1rem, 4vw, 3rem); background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 62rem; margin: auto; }
h1 { font-size: clamp(1.6rem, 5vw, 2.4rem); line-height: 1.15; margin: 0 0 .5rem; letter-spacing: -.02em; }
h2 { font-size: 1.1rem; margin: 2.5rem 0 .75rem; }
p { margin: .4rem 0; } .soft, figcaption { color: var(--soft); font-size: .875rem; }
.sums { display: flex; flex-wrap: wrap; gap: .5rem 1.75rem; margin: 1.25rem 0; } .sums b { font-size: 1.7rem; font-weight: 650; display: block; line-height: 1.1; font-variant-numeric: tabular-nums; }
.key i { display: inline-block; width: .8em; height: .8em; border-radius: 2px; margin: 0 .35em 0 0; background: var(--ours); } .key i.theirs { background: var(--theirs); margin-left: .9em; }
article { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: .9rem 1.1rem; margin: .6rem 0; break-inside: avoid; }
article header { display: flex; flex-wrap: wrap; justify-content: space-between; gap: .1rem 1rem; align-items: baseline; }
h3 { font-size: 1rem; margin: 0; overflow-wrap: anywhere; } .verdict { font-size: .875rem; font-weight: 600; white-space: nowrap; }
.met { color: var(--good); } .missed, .failed { color: var(--bad); } .pending { color: var(--wait); } .told { color: var(--soft); font-weight: 400; }
.bar { display: grid; grid-template-columns: minmax(5.5rem, 11rem) 1fr minmax(4.2rem, auto); gap: .7rem; align-items: center; font-size: .875rem; margin: .25rem 0; }
.bar span:last-child { text-align: right; font-variant-numeric: tabular-nums; } .bar .who { overflow-wrap: anywhere; line-height: 1.25; }
svg { display: block; width: 100%; overflow: visible; } .o { fill: var(--ours); } .t { fill: var(--theirs); } .dot { fill: var(--card); stroke: var(--ink); stroke-width: 1; opacity: .75; }
.ahead .bar { grid-template-columns: minmax(7rem, 13rem) 1fr minmax(3.2rem, auto); } .axis { stroke: var(--soft); stroke-dasharray: 3 3; } .miss { fill: var(--bad); }
table { border-collapse: collapse; font-size: .875rem; } td { padding: .15rem 1rem .15rem 0; vertical-align: top; overflow-wrap: anywhere; }
details summary { cursor: pointer; color: var(--soft); font-size: .875rem; margin-top: .4rem; }
@media (max-width: 40rem) { .bar, .ahead .bar { grid-template-columns: 1fr auto; gap: 0 .7rem; margin: .45rem 0; } .bar .who { grid-column: 1 / -1; } .sums { gap: .5rem 1.2rem; } }
@media print { body { background: none; } }`;

/** One side of a row: its median as a bar, its samples as dots. max: what the whole width stands for. */
function bar(kind, who, samples, max, unit) {
  const at = n => `${(100 * n / max).toFixed(2)}%`, m = median(samples);
  const dots = samples.length > 1 ? samples.map(n => `<circle class="dot" cx="${at(n)}" cy="9" r="2.5"/>`).join('') : '';
  return `<div class="bar"><span class="who">${escape(who)}</span><svg height="18" role="img" aria-label="${escape(`${who}: ${show(m)} ${unit}`)}">` +
    `<rect class="${kind}" x="0" y="3" width="${at(m)}" height="12" rx="2"/>${dots}</svg><span>${show(m)}</span></div>`;
}

const listed = pairs => Object.entries(pairs).map(([k, v]) => `${k.replaceAll('_', ' ')} ${k.endsWith('share') ? `${Math.round(v * 100)} %` : show(v)}`).join(', ');

function card(r) {
  const max = Math.max(...r.ours, ...r.theirs), measured = r.ratio !== null;
  const says = measured ? `${show(r.ratio)} times${r.budget === null ? '' : ` (at least ${r.budget})`}` : r.budget === null ? '' : `at least ${r.budget} times`;
  const beside = ['ours', 'theirs'].filter(s => Object.keys(r.beside[s]).length).map(s => `<p class="soft">${s}: ${listed(r.beside[s])}</p>`).join('');
  return `<article><header><h3>${escape(r.name)}</h3><span class="verdict ${r.verdict.replace(' ', '-')}">${says} ${WORDS[r.verdict]}</span></header>
${measured ? `<p class="soft">${escape(r.unit)}; ${r.better} is better</p>${bar('o', 'Zoetrope', r.ours, max, r.unit)}${bar('t', r.peer.replace(/^limit:.*/, 'limit'), r.theirs, max, r.unit)}` : ''}
<p class="soft">${escape(r.why)}</p>${r.notes.length && r.verdict === 'failed' ? `<p class="failed">${escape(r.notes[0])}</p>` : ''}${beside ? `<details><summary>more</summary>${beside}</details>` : ''}</article>`;
}

/** Every budget on one logarithmic scale: how far the ratio is above or below what is asked. */
function overview(rows) {
  const judged = rows.filter(r => r.ratio !== null && r.budget !== null);
  if (!judged.length) return '';
  const reach = Math.max(1, ...judged.map(r => Math.abs(Math.log10(r.ratio / r.budget)))), at = v => `${(50 + 50 * Math.log10(v) / reach).toFixed(2)}%`;
  const line = r => {
    const q = r.ratio / r.budget, [from, to] = q >= 1 ? [50, parseFloat(at(q))] : [parseFloat(at(q)), 50];
    return `<div class="bar"><span class="who">${escape(r.name)}</span><svg height="14" role="img" aria-label="${escape(`${r.name}: ${show(q)} times its budget`)}">` +
      `<line class="axis" x1="50%" x2="50%" y1="-4" y2="18"/><rect class="${q >= 1 ? 'o' : 'miss'}" x="${from}%" y="2" width="${Math.max(0.4, to - from).toFixed(2)}%" height="10" rx="2"/></svg><span>${show(q)}×</span></div>`;
  };
  return `<h2>All budgets</h2><article class="ahead"><p class="soft">How many times its budget each row reaches, on a logarithmic scale; the dashed line is the budget.</p>${judged.map(line).join('')}</article>`;
}

/** The whole page. about: of run.mjs; rows: as in out/bench.json. */
export function page(about, rows) {
  const shown = rows.filter(r => r.verdict !== 'left out'), count = (...v) => shown.filter(r => v.includes(r.verdict)).length;
  const groups = GROUPS.map(([title, names]) => [title, shown.filter(r => names.test(r.name))]).filter(([, list]) => list.length);
  const facts = { machine: `${about.cpu}, ${about.memory_gb} GB, Linux ${about.kernel}`, 'one durable write of 4 KB': `${show(about.sync_ms)} ms`, 'load before and after': `${about.load_before.join(' ')}; ${about.load_after.join(' ')}`,
    rounds: `${about.rounds} of ${about.seconds} s a side, in turn${about.quick ? ' (quick)' : ''}`, took: `${show(about.minutes)} minutes, from ${about.began}`, commit: about.commit, versions: Object.entries(about.peers).map(([k, v]) => `${k} ${v}`).join(', ') };
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Zoetrope beside its peers</title><style>${style}</style></head><body><main>
<h1>Zoetrope beside its peers</h1><p class="soft">Same machine, same client, same bytes, in turn. What each side makes durable stands with its row.</p>
<div class="sums"><span><b class="met">${count('met')}</b>budgets met</span><span><b class="missed">${count('missed', 'failed')}</b>not met</span><span><b class="pending">${count('pending')}</b>pending</span><span><b>${count('told')}</b>told only</span></div>
${overview(shown)}
<p class="soft key"><i></i>Zoetrope, median <i class="theirs"></i>peer or limit, median; small circles are samples</p>
${groups.map(([title, list]) => `<h2>${title}</h2>${list.map(card).join('\n')}`).join('\n')}
<h2>The machine</h2><table>${Object.entries(facts).map(([k, v]) => `<tr><td class="soft">${k}</td><td>${escape(v ?? '')}</td></tr>`).join('')}</table>
</main></body></html>
`;
}
