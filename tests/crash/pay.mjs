// pay.mjs - real money comes and goes back, by the simulators of Stripe and WeChat Pay, which outlive the server. A notice that met nobody is
// sent again, as providers do; the client comes back with the same keys, and looks at its order.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { tempDir } from '../lib/server.mjs';
import { startStripe } from '../sim/stripe.mjs';
import { startWechat, wechatKeys } from '../sim/wechat.mjs';

const CREDITS = 40;                                // of the plan p9
const at = sim => ({ ZOETROPE_CLIENT_ALLOW: `127.0.0.1:${sim.port}` });

/** What differs: how a provider is set up and begun, what a payer does, and what it knows of an order. */
const stripe = {
  name: 'stripe', currency: 'USD', scene: 'page', price: 199, begin: 'POST /v1/checkout/sessions', giveBack: 'POST /v1/refunds',
  async open(world) {
    const sim = await startStripe({ now: () => Date.now() + world.offset });
    return { ...stripe, sim, env: { ZOETROPE_PAY_STRIPE_URL: sim.url, ZOETROPE_PAY_STRIPE_KEY: sim.key, ZOETROPE_PAY_STRIPE_WEBHOOK_SECRET: sim.secret, ...at(sim) } };
  },
  pay(sim, order, shown, fail) { sim.pay(/cs_test_\w+/.exec(shown.text)[0], fail ? 'declined' : 'card'); },
  paid: (sim, order) => [...sim.charges.values()].filter(c => c.metadata.number === order.id).map(c => c.amount),
  refunds: (sim, order) => [...sim.refunds.values()].filter(r => sim.charges.get(r.charge)?.metadata.number === order.id && r.status !== 'failed').map(r => r.amount),
  slowRefund(sim) { sim.refundsBe('pending', 1); },
  endRefund(sim, order, ok) { for (const r of sim.refunds.values()) if (r.status === 'pending') sim.settleRefund(r.id, ok ? 'succeeded' : 'failed'); },
};
let keys = null;
const wechat = {
  name: 'wechat', currency: 'CNY', scene: 'qr', price: 990, begin: 'POST /v3/pay/transactions/native', giveBack: 'POST /v3/refund/domestic/refunds',
  async open(world) {
    if (!keys) {
      const dir = tempDir('zt-crash-wechat-');
      keys = { dir, ...wechatKeys(join(dir, 'keys')) };
    }
    const sim = await startWechat({ ...keys, now: () => Date.now() + world.offset }), settings = Object.entries(keys.settings).map(([k, v]) => [`ZOETROPE_PAY_${k.toUpperCase()}`, v]);
    return { ...wechat, sim, env: { ...Object.fromEntries(settings), ZOETROPE_PAY_WECHAT_URL: sim.url, ...at(sim) } };
  },
  pay(sim, order, shown, fail) { sim.pay(order.id, { fail }); },
  paid: (sim, order) => [sim.orders.get(order.id)].filter(o => o?.paid_ms).map(o => o.amount.total),
  refunds: (sim, order) => [...sim.refunds.values()].filter(r => r.order.out_trade_no === order.id && ['SUCCESS', 'PROCESSING'].includes(r.status)).map(r => r.amount.refund),
  slowRefund() { /* each takes its time */ },
  endRefund(sim, order, ok) { for (const r of sim.refunds.values()) if (r.status === 'PROCESSING') sim.settle(r.out_refund_no, ok ? 'SUCCESS' : 'CLOSED'); },
};

/** What was said to a server that was dead, or did not want it, is said again. */
export async function sayAgain(w) {
  for (const n of w.provider.sim.notices) if (n.trouble !== 'lost' && !(n.status >= 200 && n.status < 300)) await w.provider.sim.deliver(n.id);
}

const before = async w => ({ wallet: await w.client.wallet(), key: randomUUID(), orders: w.rows('SELECT COUNT(*) AS n FROM shop_order')[0].n });
const ask = (w, state) => c => c.effect('/v1/orders', { plan: 'p9', currency: w.provider.currency, provider: w.provider.name }, state.key);

/** Until it is begun: "nobody knows" is asked again, as the page does. */
async function begin(w, order) {
  for (let i = 0; ; i++) {
    try {
      return await w.call(c => c.post(`/v1/orders/${order.id}/start`, { scene: w.provider.scene }));
    } catch (error) {
      if (![502, 503].includes(error.status) || i > 10) throw error;
    }
  }
}

const check = order => c => c.post(`/v1/orders/${order.id}/check`, {});

async function buy(w, state, { twice = false, lost = false } = {}) {
  const { sim } = w.provider, once = f => (twice ? w.twice(f) : w.call(f));
  const order = state.order = await once(ask(w, state));
  if (lost) sim.fault(w.provider.begin, 'lost', 1, { about: order.id });
  const shown = twice ? (await Promise.all([begin(w, order), begin(w, order)]))[1] : await begin(w, order);
  if (lost || twice) sim.trouble({ kind: lost ? 'lost' : 'duplicate', times: lost ? 10 : 1, about: order.id });
  w.provider.pay(sim, order, shown, false);
  await sim.sendDue();
  return w.until(async c => (twice ? (await Promise.all([check(order)(c), check(order)(c)]))[0] : check(order)(c)), o => o.state !== 'open', () => sayAgain(w));
}

async function bought(w, state, opts) { assert.equal((await buy(w, state, opts)).state, 'paid'); }

async function refused(w, state) {
  const { sim } = w.provider, order = state.order = await w.call(ask(w, state)), shown = await begin(w, order);
  w.provider.pay(sim, order, shown, true);
  await sim.sendDue();
  await sayAgain(w);
  const o = await w.until(c => c.post(`/v1/orders/${order.id}/cancel`, {}), x => x.state !== 'open');
  assert.ok(['closed', 'failed'].includes(o.state), o.state);
}

/** The sums on both sides, and that the key still means the order. */
async function settled(w, state, { paid, credits = paid ? CREDITS : 0, refunds = 0, orders = 1 }) {
  const c = w.client, o = await ask(w, state)(c), { sim } = w.provider;
  assert.equal(o.id, state.order.id, 'the key was forgotten');
  assert.equal(o.trouble, state.trouble ?? null);
  assert.equal(w.rows('SELECT COUNT(*) AS n FROM shop_order')[0].n, state.orders + orders, 'one order');
  assert.deepEqual(await c.wallet(), { available: state.wallet.available + credits, held: state.wallet.held });
  assert.deepEqual(w.provider.paid(sim, state.order), paid ? [w.provider.price] : [], 'paid at the provider');
  assert.deepEqual(w.provider.refunds(sim, state.order), refunds ? [w.provider.price] : [], 'given back by the provider');
}

const paying = way => ({
  name: `pay by ${way === stripe ? 'Stripe' : 'WeChat'}`,
  outcomes: {
    success: { provider: way.open, before, run: (w, s) => bought(w, s), check: (w, s) => settled(w, s, { paid: true }) },
    failure: { provider: way.open, before, run: refused, check: (w, s) => settled(w, s, { paid: false }) },
    /* no answer to the start, and no notice at all */
    'time-out': { provider: way.open, before, run: (w, s) => bought(w, s, { lost: true }), check: (w, s) => settled(w, s, { paid: true }) },
    duplicate: { provider: way.open, before, run: (w, s) => bought(w, s, { twice: true }), check: (w, s) => settled(w, s, { paid: true }) },
  },
});

// ---- money back ----
async function paidBefore(w) {
  const state = await before(w);
  await bought(w, state);
  return { ...state, orders: state.orders + 1, wallet: await w.client.wallet(), refundKey: randomUUID() };
}

async function giveBack(w, state, { ok = true, lost = false, twice = false } = {}) {
  const { sim } = w.provider, order = state.order, once = f => (twice ? w.twice(f) : w.call(f));
  if (!ok) w.provider.slowRefund(sim);
  if (lost) sim.fault(w.provider.giveBack, 'lost', 1);
  if (twice) sim.trouble({ kind: 'duplicate', times: 2 });
  if (lost) sim.trouble({ kind: 'lost', times: 10 });
  await once(c => c.effect(`/v1/orders/${order.id}/refund`, { reason: 'not what I wanted' }, state.refundKey));
  const o = await w.until(c => c.get(`/v1/orders/${order.id}`), x => x.refund.state !== 'pending', async () => {
    w.provider.endRefund(sim, order, ok);
    await sim.sendDue();
    await sayAgain(w);
  });
  assert.ok((ok ? ['done'] : ['failed', 'closed']).includes(o.refund.state), o.refund.state);
  if (!ok) state.trouble = o.trouble;
}

const back = (w, s) => settled(w, s, { paid: true, credits: -CREDITS, refunds: 1, orders: 0 });
export const refund = {
  name: 'refund',
  outcomes: Object.fromEntries([stripe, wechat].flatMap(way => [
    ['success', { run: (w, s) => giveBack(w, s), check: back }],
    ['failure', { run: (w, s) => giveBack(w, s, { ok: false }), check: (w, s) => settled(w, s, { paid: true, credits: 0, orders: 0 }) }],
    ['time-out', { run: (w, s) => giveBack(w, s, { lost: true }), check: back }],
    ['duplicate', { run: (w, s) => giveBack(w, s, { twice: true }), check: back }],
  ].map(([name, o]) => [`${name} (${way.name})`, { provider: way.open, before: paidBefore, ...o }]))),
};
export const openStripe = stripe.open;
export const payByStripe = paying(stripe), payByWechat = paying(wechat);
/** What this file leaves on the disk. */
export const leftovers = () => (keys ? [keys.dir] : []);
