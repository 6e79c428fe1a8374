// buyer.mjs - somebody who buys with real money: with test money, or at the simulator of Stripe.
//
//   const { server, clock, act, buyer } = await testWorld(t);       // act: what a bank does
//   const c = await buyer(), order = await c.order();               // a guest; with an address: somebody with an account
import assert from 'node:assert/strict';
import { appendFileSync, cpSync } from 'node:fs';
import { join } from 'node:path';
import { startStripe } from '../sim/stripe.mjs';
import { Client } from './client.mjs';
import { person } from './people.mjs';
import { movableClock, PATIENCE_MS, root, runZoetrope, startServer, tempDir, within } from './server.mjs';

/** What must hold whatever happened: the books, the orders and each other. */
export async function sound(server) {
  const { code, stdout } = await runZoetrope(['verify'], { env: { ZOETROPE_DATA: server.dataDir } });
  assert.equal(code, 0, stdout);
}

export class Buyer extends Client {
  static async new(server, provider, currency, email) {
    const c = Object.assign(new Buyer(server.url), { server, provider, currency }), password = 'a long sentence of mine';
    if (email) await person(await operator(server), email, password);
    c.take(email ? await c.post('/v1/sessions/password', { email, password }) : await c.post('/v1/sessions', {}));
    c.before = (await c.wallet()).available;
    return c;
  }
  order(more = {}, key) { return this.effect('/v1/orders', { plan: 'p9', currency: this.currency, provider: this.provider, ...more }, key); }
  start(order, scene = 'page') { return this.post(`/v1/orders/${order.id}/start`, { scene }); }
  check(order) { return this.post(`/v1/orders/${order.id}/check`, {}); }
  look(order) { return this.get(`/v1/orders/${order.id}`); }
  refund(order, reason) { return this.effect(`/v1/orders/${order.id}/refund`, reason ? { reason } : {}); }
  async gained() { return (await this.wallet()).available - this.before; }
  /** Looked at again and again: the cashier works beside us. */
  async until(order, good, what) {
    let seen;
    const look = async () => {
      do seen = await this.look(order); while (!good(seen));
      return seen;
    };
    return within(PATIENCE_MS, look(), () => `${what}: ${JSON.stringify(seen)}`);
  }
}

/** The server's clock is moved and it has seen that. */
export async function moved(server, clock, ms) {
  clock.set(ms);
  const seen = async () => { while (Math.abs(Date.parse((await fetch(`${server.url}/healthz`)).headers.get('date')) - Date.now() - ms) > 5000); };
  await within(PATIENCE_MS, seen(), () => 'the clock did not move');
}

export async function operator(server) { return new Client(server.url, server.operatorToken()); }

/** The product with a second membership, which is worth more. */
export function twoMemberships() {
  const dir = tempDir('zt-products-');
  cpSync(join(root, 'products'), dir, { recursive: true });
  appendFileSync(join(dir, 'reunion/product.yaml'), `  - plan: month_plus
    kind: member
    title: { en: Monthly plus, zh: 高级月度会员 }
    lead: { en: "320 credits each month.", zh: 每月 320 点。 }
    price: { CNY: 4990, USD: 999 }
    credits: 320
    valid: 31d
    may: { candidates: 4, per_day: 0, weight: 8, quality_px: 4096, watermark: false, motion: true, ads: false, enhanced: true }
`);
  return { ZOETROPE_PRODUCTS: dir };
}

export async function testWorld(t, env = {}) {
  const clock = movableClock(t), server = await startServer(t, { env: { ZOETROPE_PAY_TEST_MONEY: 'true', ZOETROPE_ENGINE_USE: 'fake', ...clock.env, ...env } });
  const act = (order, what, notice) => new Client(server.url).post(`/v1/pay/test/${order.id}`, { act: what, ...(notice ? { notice } : {}) });
  return { clock, server, act, buyer: email => Buyer.new(server, 'test', 'CNY', email) };
}

/** again(): the server of the same data, after it died. */
export async function stripeWorld(t, env = {}, options = {}) {
  const clock = movableClock(t), sim = await startStripe({ now: Date.now }, t);
  const settings = { ZOETROPE_PAY_STRIPE_URL: sim.url, ZOETROPE_PAY_STRIPE_KEY: sim.key, ZOETROPE_PAY_STRIPE_WEBHOOK_SECRET: sim.secret,
    ZOETROPE_CLIENT_ALLOW: `127.0.0.1:${sim.port}`, ZOETROPE_ENGINE_USE: 'fake', ...clock.env };
  const begin = async more => {
    const server = await startServer(t, { ...options, env: { ...settings, ...more } });
    sim.notifyUrl = `${server.url}/v1/hooks/stripe`;
    for (const n of sim.notices) n.url = sim.notifyUrl;          // it listens elsewhere now
    return server;
  };
  const server = await begin(env);
  const pay = async o => {
    const session = [...sim.sessions.values()].filter(s => s.client_reference_id === o.id).at(-1);      // the one that the buyer was shown
    sim.pay(session.id);
    if (sim.mode === 'auto') await sim.sendDue();
    return session;
  };
  return { clock, sim, server, pay, again: (more = {}) => begin(more), buyer: email => Buyer.new(server, 'stripe', 'USD', email) };
}
