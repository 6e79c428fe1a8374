// table.mjs - reads bench/budgets, and judges what was measured by it.

const WORD = /^[a-z0-9-]+$/;

/**
 * The rows of the table's text: { name, unit, better, peer, need, state, limit?, why }.
 *   need    the ratio to reach; NaN for a row that only tells
 *   state   "gate", "tell", or "pending" (then why says what is missing)
 *   limit   of a peer such as "limit:1024": the number that takes the peer's place
 * Throws with the line's number when the table is wrong: a gate that cannot be read would be no gate.
 */
export function parseTable(text) {
  const rows = [], seen = new Set();
  for (const [i, line] of text.split('\n').entries()) {
    if (!line.trim() || line.startsWith('#')) continue;
    const wrong = what => { throw new Error(`bench/budgets:${i + 1}: ${what}: ${line}`); };
    const cells = line.split('|').map(c => c.trim());
    if (cells.length !== 6) wrong(`${cells.length} cells instead of 6`);
    const [name, unit, better, peer, budget, why] = cells;
    if (!WORD.test(name)) wrong('no such name');
    if (seen.has(name)) wrong('the name stands twice');
    seen.add(name);
    if (!unit) wrong('no unit');
    if (better !== 'lower' && better !== 'higher') wrong('better is lower or higher');
    if (!why) wrong('no reason');
    const [, pending, tell, number] = /^(pending )?(?:(tell)|(\d+(?:\.\d+)?))$/.exec(budget) ?? wrong('a budget is a ratio, "tell", or "pending" and a ratio');
    const row = { name, unit, better, peer, need: tell ? NaN : Number(number), state: pending ? 'pending' : tell ? 'tell' : 'gate', why };
    if (number && Number(number) <= 0) wrong('a ratio is above 0');
    const limit = /^limit:(\d+(?:\.\d+)?)$/.exec(peer);
    if (limit) row.limit = Number(limit[1]);
    else if (!peer || peer.startsWith('limit')) wrong('no such peer');
    rows.push(row);
  }
  return rows;
}

/**
 * What a row's measurement is worth: { verdict, short } with verdict "met", "missed", "told", "pending" or "failed".
 * ratio: how many times better ours is (stats.mjs); undefined when nothing was measured. short: how far below the budget, 0..1.
 */
export function judge(row, ratio) {
  if (row.state === 'pending') return { verdict: 'pending', short: 0 };
  if (!Number.isFinite(ratio)) return { verdict: 'failed', short: 1 };
  if (row.state === 'tell') return { verdict: 'told', short: 0 };
  return ratio >= row.need ? { verdict: 'met', short: 0 } : { verdict: 'missed', short: 1 - ratio / row.need };
}
