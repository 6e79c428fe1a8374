// renewal.mjs - a membership renews itself at the simulator of Stripe: nobody orders, so what is told, or asked when its time comes, is all there is.
// Each period that was paid there is one order and one sale here. One membership for a whole world, one period of it for each death; where no
// clock is moved its periods run ahead of time.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { appendFileSync, cpSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { root, tempDir } from '../lib/server.mjs';
import { openStripe, sayAgain } from './pay.mjs';
import { LOOK_MS } from './world.mjs';

const MINUTE = 60_000, DAY = 24 * 60 * MINUTE, GRACE = 3 * DAY;
const STEP = 20 * DAY;                             // the session of somebody who is not seen for long ends
const ASK = 'GET /v1/subscriptions/:id', PRICES = { month: 499, month_plus: 999 }, CREDITS = { month: 160, month_plus: 320 };

let folder = null;
/** The product with a second membership, which is worth more. */
function products() {
  if (folder) return folder;
  folder = tempDir('zt-crash-products-');
  cpSync(join(root, 'products'), folder, { recursive: true });
  appendFileSync(join(folder, 'reunion/product.yaml'), `  - plan: month_plus
    kind: member
    title: { en: Monthly plus, zh: 高级月度会员 }
    lead: { en: "${CREDITS.month_plus} credits each month.", zh: 每月 ${CREDITS.month_plus} 点。 }
    price: { CNY: 4990, USD: ${PRICES.month_plus} }
    credits: ${CREDITS.month_plus}
    valid: 31d
    may: { candidates: 4, per_day: 0, weight: 8, quality_px: 4096, watermark: false, motion: true, ads: false, enhanced: true }
`);
  return folder;
}
export const leftovers = () => (folder ? [folder] : []);

async function provider(world) {
  const p = await openStripe(world);
  return { ...p, env: { ...p.env, ZOETROPE_PRODUCTS: products() } };
}

const look = async c => (await c.get('/v1/memberships')).items[0];
const now = w => Date.now() + w.offset;
const invoices = w => [...w.provider.sim.invoices.values()].filter(i => i.status === 'paid');
const theirs = w => [...w.provider.sim.subscriptions.values()][0];
const theirEnd = w => theirs(w).items.data[0].current_period_end * 1000;
const orders = w => w.rows("SELECT CAST(id AS TEXT) AS id, provider_ref, plan, price_minor, credits, trouble FROM shop_order WHERE kind = 'member' AND state = 'paid' ORDER BY shop_order.id");

/** The bank is asked for the next period, whatever the clock says, and the provider tells. */
async function renew(w, ok = true) {
  w.provider.sim.renew(theirs(w).id, ok);
  await w.provider.sim.sendDue();
}
/** What is on its way comes first. */
async function again(w) {
  await w.provider.sim.sendDue();
  await sayAgain(w);
}
/** Until all that was told is heard, and it is good. */
async function told(w, good) {
  const deaf = () => w.provider.sim.notices.some(n => n.trouble !== 'lost' && !(n.status >= 200 && n.status < 300));
  let seen;
  do {
    seen = await w.until(look, good, () => again(w));
    await again(w);
  } while (deaf());
  return seen;
}
const isPaid = w => m => m.state === 'active' && m.period_end_ms === theirEnd(w);

/** Looks until it is good. What the cashier does by the clock, which it reads once a second, logs a line, perhaps before its commit. */
async function worked(w, good, ms) {
  for (;; ms *= 2) {                               // its pauses grow, too
    const { server } = w, from = server.log.length;
    for (let i = 0; i < 10; i++) {                 // perhaps it is at it
      const seen = await w.call(look);
      if (good(seen)) return seen;
      await pause(LOOK_MS);
    }
    await w.pass(ms);
    const said = () => server.log.slice(from).some(l => ['shop.renewed', 'shop.change', 'shop.later'].includes(l.ev));
    if (w.server === server) await Promise.race([server.exited, server.waitLog(said, 2000).catch(() => null)]);
  }
}

/** The world's membership: begun once, and on its first plan. */
async function before(w) {
  const { sim } = w.provider, c = w.client;
  if (!sim.subscriptions.size) {
    const order = await c.effect('/v1/orders', { plan: 'month', currency: 'USD', provider: 'stripe' });
    const shown = await c.post(`/v1/orders/${order.id}/start`, { scene: 'page' });
    sim.pay(/cs_test_\w+/.exec(shown.text)[0]);
    await sim.sendDue();
    await told(w, m => m?.state === 'active');
  }
  return known(w);
}
async function known(w) {
  const m = await look(w.client);
  return { m, end: m.period_end_ms, paid: invoices(w).length, wallet: await w.client.wallet(), changes: w.rows('SELECT COUNT(*) AS n FROM shop_change')[0].n, keys: [randomUUID(), randomUUID()] };
}

/** A minute before its period ends, and nothing is due. */
async function beforeEnd(w) {
  await before(w);
  while (now(w) < theirEnd(w) - MINUTE) {
    await w.pass(Math.min(STEP, theirEnd(w) - MINUTE - now(w)));
    await w.client.renew();
  }
  const last = w.provider.sim.notices.findLast(n => n.type === 'invoice.paid');
  assert.equal(await w.provider.sim.deliver(last.id), 200);       // old news: it is asked, and next when the period ends
  return known(w);
}

/** The sums on both sides: each payment there is one order and one sale here, and no credits came but by them. */
async function settled(w, state, { periods, plan = 'month', credits = periods * CREDITS[plan], timeless = true }) {
  const { sim } = w.provider, there = invoices(w), here = orders(w), m = await look(w.client), first = [...sim.sessions.values()][0];
  assert.equal(there.length, state.paid + periods, 'paid at the provider');
  assert.deepEqual(here.map(o => o.provider_ref === first.id ? first.invoice : o.provider_ref).sort(), there.map(i => i.id).sort(), 'one order for each payment');
  assert.deepEqual(here.map(o => o.price_minor).sort(), there.map(i => i.amount_paid).sort(), 'its sum');
  assert.deepEqual(here.filter(o => o.trouble), []);
  const sold = w.rows("SELECT CAST(t.cause_id AS TEXT) AS id, l.paid, l.credits FROM ledger_lot l JOIN ledger_tx t ON t.id = l.id WHERE t.cause = 'order' ORDER BY t.cause_id");
  assert.deepEqual(sold.map(x => [x.id, x.paid, x.credits]), here.map(o => [o.id, o.price_minor, o.credits]), 'one sale for each order');
  assert.equal(here.slice(state.paid).reduce((n, o) => n + o.credits, 0), credits, 'credits of what came');
  if (timeless) assert.deepEqual(await w.client.wallet(), { available: state.wallet.available + credits, held: state.wallet.held });
  assert.deepEqual([m.state, m.plan, m.period_end_ms, m.grace_until_ms], ['active', plan, theirEnd(w), null]);
  assert.equal((await w.client.get('/v1/me/may')).until_ms, m.period_end_ms);
}

async function renewed(w) {
  await renew(w);
  await told(w, isPaid(w));
}

/** Refused: what one may do goes on for the grace; and paid after all. */
async function refused(w, state) {
  await renew(w, false);
  const late = await told(w, m => m.state === 'past_due');
  assert.deepEqual([late.period_end_ms, late.grace_until_ms], [state.end, state.end + GRACE]);
  const may = await w.call(c => c.get('/v1/me/may'));
  assert.deepEqual([may.plan, may.until_ms], ['month', state.end + GRACE]);
  assert.equal(orders(w).length, state.paid, 'nothing came yet');
  await renewed(w);
}

/** Nobody tells, and when the period is over the first answer about it does not come. */
async function unknown(w) {
  const { sim } = w.provider;
  sim.fault(ASK, 'lost', 1);
  sim.mode = 'hold';
  sim.renew(theirs(w).id, true);
  for (const n of sim.notices.filter(x => x.due_ms !== null)) Object.assign(n, { due_ms: null, trouble: 'lost' });
  sim.mode = 'auto';
  await worked(w, isPaid(w), 2 * MINUTE);
}

/** Each notice twice at once, the newest first. */
async function doubled(w) {
  const { sim } = w.provider, from = sim.notices.length;
  sim.mode = 'hold';
  sim.renew(theirs(w).id, true);
  for (const n of sim.notices.slice(from).reverse()) await Promise.all([sim.deliver(n.id), sim.deliver(n.id)]);
  sim.mode = 'auto';
  await told(w, isPaid(w));
}

/** What costs more is charged at once, what costs less begins with the next period. */
async function another(w, { m, keys }) {
  const { sim } = w.provider, wish = (plan, key) => w.call(c => c.effect(`/v1/memberships/${m.id}/plan`, { plan }, key));
  for (const [i, plan] of ['month_plus', 'month'].entries()) {
    sim.mode = 'hold';                             // one after the other, so that each death is where the dry run had it
    await wish(plan, keys[i]);
    const seen = await worked(w, x => x.change.state !== 'pending', MINUTE / 2);
    assert.deepEqual([seen.change.plan, seen.change.state], [plan, 'done']);
    sim.mode = 'auto';
    await told(w, x => x.plan === 'month_plus');   // until the next period
  }
}
async function onFirstPlan(w) {
  await before(w);
  if ((await look(w.client)).plan !== 'month') await renewed(w);
  return known(w);
}
async function changed(w, state) {
  await settled(w, state, { periods: 1, plan: 'month_plus', credits: CREDITS.month_plus - CREDITS.month });
  assert.equal(w.rows('SELECT COUNT(*) AS n FROM shop_change')[0].n, state.changes + 2, 'one change for each key');
  const m = await look(w.client);
  assert.deepEqual([m.next.plan, m.next.price_minor, theirs(w).items.data[0].price.unit_amount], ['month', PRICES.month, PRICES.month]);
}

export default {
  name: 'subscription renewal',
  outcomes: {
    success: { provider, before, run: renewed, check: (w, s) => settled(w, s, { periods: 1 }) },
    failure: { provider, before, run: refused, check: (w, s) => settled(w, s, { periods: 1 }) },
    'time-out': { provider, before: beforeEnd, run: unknown, check: (w, s) => settled(w, s, { periods: 1, timeless: false }) },
    duplicate: { provider, before, run: doubled, check: (w, s) => settled(w, s, { periods: 1 }) },
    'success (another plan)': { provider, before: onFirstPlan, run: another, check: changed },
  },
};
