// 70-plans.test.mjs - plans and what they allow: the free picture of the day, by account, device and network; quotes by plan; the mark in the picture.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test } from 'node:test';
import { Client } from './lib/client.mjs';
import { isProblem, NOON, NOON_H, ONE, patientProducts } from './lib/expect.mjs';
import * as png from './lib/png.mjs';
import { check } from './lib/schema.mjs';
import { movableClock, PATIENCE_MS, root, runZoetrope, startServer, tempDir, within } from './lib/server.mjs';

const HOUR = 3600 * 1000, DAY = 24 * HOUR, CHINA_H = 8;
const SELLS = { ZOETROPE_PAY_TEST_MONEY: 'true', ...NOON };
const FAKE = { ZOETROPE_ENGINE_USE: 'fake' };

/** A guest with a photo, on a device and in a network of its own. */
class Visitor extends Client {
  constructor(url, { net = 1, device } = {}) {
    super(url);
    Object.assign(this, { net, device });
  }
  send(method, path, options = {}) {
    const headers = { 'x-forwarded-for': `203.0.${this.net}.9`, ...this.device && { cookie: `zt_device=${this.device}` }, ...options.headers };
    return super.send(method, path, { ...options, headers });
  }
  static async come(url, how = {}) {
    const c = new Visitor(url, how);
    const made = await c.send('POST', '/v1/sessions', { json: {} });
    assert.equal(made.status, 201, made.text);
    c.take(made.json);
    const given = made.headers.getSetCookie().find(x => x.startsWith('zt_device='));
    if (how.device) assert.equal(given, undefined, 'a device that has its cookie keeps it');
    else assert.match(given, /^zt_device=[0-9a-f]{32}; Path=\/; Max-Age=34560000; SameSite=Lax; HttpOnly$/);
    c.device ??= given.slice(10, 42);
    c.shot = await c.photo(ONE);
    return c;
  }
  ask(more = {}) { return this.quote({ people: [{ asset: this.shot.id, face: 0 }], template: 'hall', ...more }); }
  try(quote) { return this.send('POST', '/v1/tasks', { json: { quote: quote.id }, headers: { 'idempotency-key': randomUUID() } }); }
  may() { return this.get('/v1/me/may'); }
}

/** A plan bought with test money: the order. */
async function bought(c, plan) {
  const order = await c.effect('/v1/orders', { plan, currency: 'CNY', provider: 'test' });
  await c.post(`/v1/orders/${order.id}/start`, { scene: 'page' });
  await c.post(`/v1/pay/test/${order.id}`, { act: 'pay' });
  return c.get(`/v1/orders/${order.id}`);
}

const here = { ZOETROPE_NET_TRUSTED_PROXIES: '127.0.0.1/32' };      // so that X-Forwarded-For tells networks apart

describe('the free picture of the day', () => {
  let server, api;
  before(async () => {
    server = await startServer(null, { env: { ...FAKE, ...SELLS, ...here, ZOETROPE_SHOP_FREE_PER_NETWORK: '3', ZOETROPE_ENGINE_FAKE_SCRIPT: 'fake.refused@1' } });
    api = await new Client(server.url).get('/openapi.json');
  });
  after(async () => {
    await server.stop();
    const { stdout, code } = await runZoetrope(['verify', '--deep'], { env: { ZOETROPE_DATA: server.dataDir } });
    server.forget();
    assert.equal(code, 0, stdout);
  });

  test('plans and ways to pay are told to everybody', async () => {
    const answer = await new Client(server.url).send('GET', '/v1/plans');
    assert.match(answer.headers.get('cache-control'), /public/);
    assert.deepEqual(check(api, { $ref: '#/components/schemas/PlanList' }, answer.json), []);
    const { selling, product, plans, ways } = answer.json;
    assert.deepEqual([selling, product], [true, 'reunion']);
    assert.deepEqual(plans.map(p => [p.plan, p.kind]), [['free', 'free'], ['p9', 'once'], ['pack100', 'pack'], ['month', 'member'], ['p29', 'once']]);
    assert.deepEqual([plans[0].price, plans[1].price], [{}, { CNY: 990, USD: 199 }]);
    for (let i = 1; i < plans.length; i++) assert.ok(plans[i].may.weight >= plans[i - 1].may.weight, 'a later plan is worth more');
    assert.deepEqual(ways.map(w => [w.provider, w.test, w.currencies]), [['test', true, ['CNY', 'USD']]]);
  });

  test('comes back when its task fails, is gone once it was made, and names the time of the next', async () => {
    const c = await Visitor.come(server.url);
    assert.deepEqual(await c.wallet(), { available: 0, held: 0 }, 'no gift beside the free plan');
    const may = await c.may();
    assert.deepEqual(check(api, { $ref: '#/components/schemas/May' }, may), []);
    assert.deepEqual([may.selling, may.plan, may.until_ms, may.may.candidates, may.free.per_day, may.free.left], [true, 'free', null, 1, 1, 1]);
    assert.ok(may.free.again_ms > Date.now() && may.free.again_ms <= Date.now() + DAY && (may.free.again_ms + NOON_H * HOUR) % DAY === 0, 'midnight');
    const quotes = [];
    for (let i = 0; i < 3; i++) quotes.push(await c.ask());
    for (const q of quotes) assert.deepEqual([q.credits, q.candidates, q.plan, q.watermark, q.free], [0, 1, 'free', true, true]);
    const failed = await c.waitTask((await c.buy(quotes[0])).id);                 // the engine refuses the first call
    assert.equal(failed.state, 'failed');
    assert.equal((await c.may()).free.left, 1, 'given back');
    const task = await c.buy(quotes[1]);
    assert.equal((await c.may()).free.left, 0);
    const refused = await c.try(quotes[2]);
    const problem = isProblem(refused, 402, 'free_used');
    const seconds = Number(refused.headers.get('retry-after'));
    assert.ok(Math.abs(seconds * 1000 - (may.free.again_ms - Date.now())) < 120_000, `again in ${seconds} seconds`);
    assert.match(problem.detail, new RegExp(`account; again in ${seconds} seconds, at ${new Date(may.free.again_ms).toISOString().replace('.000', '')}`));
    const done = await c.waitTask(task.id);
    assert.deepEqual([done.state, done.delivered, done.credits.price], ['choosing', 1, 0]);
    assert.equal((await c.may()).free.left, 0, 'it was made');
    const next = await c.ask();
    assert.deepEqual([next.credits, next.candidates, next.free], [10, 1, false], 'the price is named all the same');
    isProblem(await c.try(next), 402, 'no_credit');
    isProblem(await c.try(quotes[0]), 409, 'quote_used');
  });

  test('more pictures than the plan has are refused before any price', async () => {
    const c = await Visitor.come(server.url, { net: 2 });
    const refused = await c.send('POST', '/v1/quotes', { json: { recipe: 'family-portrait', people: [{ asset: c.shot.id, face: 0 }], template: 'hall', candidates: 4 } });
    assert.match(isProblem(refused, 402, 'plan_needed').detail, /candidates: 1 with plan free/);
    assert.equal((await c.ask({ candidates: 1 })).free, true);
  });

  test('is one for a device, whoever sits before it', async () => {
    const first = await Visitor.come(server.url, { net: 3 });
    const second = await Visitor.come(server.url, { net: 4, device: first.device });      // a new guest, another network
    const early = await second.ask();
    assert.equal(early.free, true);
    await first.waitTask((await first.buy(await first.ask())).id);
    assert.deepEqual([(await second.may()).free.left, (await second.ask()).free], [0, false]);
    assert.match(isProblem(await second.try(early), 402, 'free_used').detail, /1 a day for one device/);
  });

  test('is so many for a network, and no address is kept', async () => {
    for (let i = 0; i < 3; i++) {
      const c = await Visitor.come(server.url, { net: 77 });
      await c.waitTask((await c.buy(await c.ask())).id);
    }
    const fourth = await Visitor.come(server.url, { net: 77 }), elsewhere = await Visitor.come(server.url, { net: 78 });
    assert.deepEqual([(await fourth.may()).free.left, (await elsewhere.may()).free.left], [0, 1]);
    assert.equal((await fourth.ask()).free, false);
    const db = new DatabaseSync(join(server.dataDir, 'zoetrope.db'), { readOnly: true });
    const rows = db.prepare('SELECT kind, subject FROM shop_free').all();
    db.close();
    assert.ok(rows.filter(r => r.kind === 'net').length >= 3);
    for (const r of rows.filter(r => r.kind !== 'account')) assert.match(r.subject, /^[0-9a-f]{64}$/);
    assert.ok(!rows.some(r => r.subject.includes(fourth.device) || r.subject.includes('203.0')));
  });

  test('two requests at once take one', async () => {
    const c = await Visitor.come(server.url, { net: 5 });
    const quotes = await Promise.all(Array.from({ length: 8 }, () => c.ask()));
    const answers = await Promise.all(quotes.map(q => c.try(q)));
    assert.deepEqual(answers.map(a => a.status).sort(), [201, ...Array(7).fill(402)]);
  });
});

test('each day has its own free picture, and a cancelled task gives it back', async t => {
  const clock = movableClock(t);
  clock.set((DAY + 12 * HOUR - (Date.now() + CHINA_H * HOUR) % DAY) % DAY);       // noon in China
  const server = await startServer(t, { env: { ...FAKE, ...SELLS, ...here, ...clock.env, ZOETROPE_SHOP_DAY_OFFSET_H: String(CHINA_H), ZOETROPE_ENGINE_FAKE_SCRIPT: 'delay=600000' } });
  const c = await Visitor.come(server.url);
  const first = await c.ask(), second = await c.ask();
  const task = await c.buy(first);
  assert.equal((await c.may()).free.left, 0);
  await c.cancel(task.id);
  assert.equal((await c.may()).free.left, 1);
  await c.cancel((await c.buy(second)).id);
  await c.buy(await c.ask());
  const { again_ms, left } = (await c.may()).free;
  assert.deepEqual([left, (again_ms + CHINA_H * HOUR) % DAY], [0, 0]);
  clock.set(again_ms - Date.now() - 60_000);                       // a minute before midnight in China
  const until = now => within(PATIENCE_MS, (async () => { while (Date.parse((await c.send('GET', '/healthz')).headers.get('date')) < now); })());
  await until(again_ms - 61_000);
  assert.equal((await c.may()).free.left, 0);
  clock.set(again_ms - Date.now() + 1000);
  await until(again_ms);
  const { free } = await c.may();
  assert.deepEqual([free.left, free.again_ms], [1, again_ms + DAY]);
});

test('whoever paid gets what the plan says, until the money goes back', async t => {
  const server = await startServer(t, { env: { ...FAKE, ...SELLS, ...here } });
  const c = await Visitor.come(server.url);
  const p9 = await bought(c, 'p9');
  const may = await c.may();
  assert.deepEqual([may.plan, may.until_ms, may.may.candidates, may.may.watermark], ['p9', p9.ends_ms, 4, false]);
  const quote = await c.ask();
  assert.deepEqual([quote.credits, quote.candidates, quote.plan, quote.watermark, quote.free], [40, 4, 'p9', false, false]);
  const one = await c.ask({ candidates: 1 });
  assert.deepEqual([one.credits, one.plan, one.watermark, one.free], [10, 'p9', false, false]);
  const done = await c.waitTask((await c.buy(quote)).id);
  assert.deepEqual([done.state, done.delivered, done.credits.price], ['choosing', 4, 40]);
  const rest = await c.ask();                                      // the credits are spent, and the day's is there
  assert.deepEqual([rest.credits, rest.candidates, rest.plan, rest.watermark, rest.free], [0, 1, 'free', true, true]);
  const more = await c.ask({ candidates: 4 });                     // asked for: the price is named all the same
  assert.deepEqual([more.credits, more.plan, more.free], [40, 'p9', false]);
  isProblem(await c.try(more), 402, 'no_credit');
  const p29 = await bought(c, 'p29');
  assert.deepEqual([(await c.may()).plan, (await c.ask()).plan], ['p29', 'p29']);
  await c.effect(`/v1/orders/${p29.id}/refund`, {});
  assert.deepEqual([(await c.may()).plan, (await c.wallet()).available], ['p9', 0]);
  await server.stop();
  const { stdout, code } = await runZoetrope(['verify'], { env: { ZOETROPE_DATA: server.dataDir } });
  assert.equal(code, 0, stdout);
});

test('a newcomer gets no gift while something is sold, unless the operator says so', async t => {
  const server = await startServer(t, { env: { ...FAKE, ...SELLS, ...here, ZOETROPE_PRODUCT_GUEST_CREDITS: '50' } });
  const c = await Visitor.come(server.url);
  assert.deepEqual(await c.wallet(), { available: 50, held: 0 });
  assert.equal((await c.ask()).free, true, 'what would look the same is not paid for');
});

test('nothing changes while nothing is sold', async t => {
  const server = await startServer(t, { env: { ...FAKE } });
  const c = new Client(server.url);
  const made = await c.send('POST', '/v1/sessions', { json: {} });
  assert.ok(!made.headers.getSetCookie().some(x => x.startsWith('zt_device')), 'nobody is counted');
  c.take(made.json);
  assert.deepEqual(await c.wallet(), { available: 400, held: 0 });
  const plans = await c.get('/v1/plans');
  assert.deepEqual([plans.selling, plans.ways, plans.plans.length], [false, [], 5]);
  const may = await c.get('/v1/me/may');
  assert.deepEqual([may.selling, may.plan, may.may.watermark, may.free.left], [false, null, false, null]);
  const photo = await c.photo(ONE), quote = await c.quote({ people: [{ asset: photo.id, face: 0 }], template: 'hall' });
  assert.deepEqual([quote.credits, quote.candidates, quote.plan, quote.watermark, quote.free], [40, 4, null, false, false]);
});

test('what would be sold below cost is not', async t => {
  const products = tempDir('zt-products-'), recipe = join(products, 'reunion/recipes/family-portrait.yaml');
  cpSync(join(root, 'products'), products, { recursive: true });
  writeFileSync(recipe, readFileSync(recipe, 'utf8').replace(/^price:.*$/m, '$&\ncost: { microusd: 400000, per: candidate }'));
  const env = { ...FAKE, ZOETROPE_PRODUCTS: products };
  const refused = await startServer(t, { env: { ...env, ...SELLS } }).then(() => assert.fail('it started'), error => error);
  assert.equal(refused.exitCode, 2, refused.message);
  assert.match(refused.message, /plan p9 sells family-portrait below cost: 1 of it brings 343750 and costs 400000 microusd/);
  await startServer(t, { env: { ...env, ...SELLS, ZOETROPE_SHOP_SELL_BELOW_COST: 'true' } });
  await startServer(t, { env });                                   // nothing is sold
});

test('what no recipe needs is promised by no plan; what one needs only those plans have', async t => {
  const honest = await startServer(t, { env: { ...FAKE, ...SELLS, ...here } }), told = (await new Client(honest.url).get('/v1/plans')).plans;
  assert.deepEqual(told.filter(p => p.may.enhanced || p.may.motion).map(p => p.plan), []);
  const products = tempDir('zt-products-'), recipe = join(products, 'reunion/recipes/family-portrait.yaml');
  cpSync(join(root, 'products'), products, { recursive: true });
  writeFileSync(recipe, `${readFileSync(recipe, 'utf8')}needs: [enhanced]\n`);
  const env = { ...FAKE, ...here, ZOETROPE_PRODUCTS: products }, server = await startServer(t, { env: { ...env, ...SELLS } });
  const c = await Visitor.come(server.url), ask = () => c.send('POST', '/v1/quotes', { json: { recipe: 'family-portrait', people: [{ asset: c.shot.id, face: 0 }], template: 'hall' } });
  assert.deepEqual((await c.get('/v1/plans')).plans.filter(p => p.may.enhanced || p.may.motion).map(p => [p.plan, p.may.enhanced, p.may.motion]), [['p29', true, false]]);
  isProblem(await ask(), 402, 'plan_needed');                      // nor is the free picture one of these
  await bought(c, 'p9');
  assert.equal((await c.may()).may.enhanced, false);
  isProblem(await ask(), 402, 'plan_needed');
  await bought(c, 'p29');
  assert.equal((await c.may()).may.enhanced, true);
  assert.equal((await ask()).status, 201);
  const open = await startServer(t, { env }), anybody = await Client.guest(open.url);      // nothing is sold: everybody may
  assert.deepEqual([(await anybody.get('/v1/me/may')).may.enhanced, (await anybody.get('/v1/me/may')).may.motion], [true, false]);
});

test('the mark is in the picture that was promised with it, in its corner, and in no other', async t => {
  const server = await startServer(t, { env: { ...SELLS, ...here, ZOETROPE_PRODUCTS: patientProducts() } });
  const c = await Visitor.come(server.url);
  const picture = async quote => {
    const task = await c.waitTask((await c.buy(quote)).id);
    assert.equal(task.state, 'choosing', JSON.stringify(task.error));
    const { asset, width, height } = task.candidates[0], jpeg = await c.get(`/v1/assets/${asset}/content`);
    if (process.env.ZT_KEEP) writeFileSync(join(process.env.ZT_KEEP, `${quote.watermark ? 'marked' : 'clean'}.jpg`), jpeg);
    const seen = png.decode(await c.get((await c.photo(jpeg, { purpose: 'backdrop' })).content));      // as the intake sees it
    assert.deepEqual([seen.width, seen.height], [width, height]);
    return seen;
  };
  const params = { width: 1024 };                                  // small enough for a PNG of it to be taken in as it is
  const free = await c.ask({ params });
  assert.deepEqual([free.watermark, free.candidates], [true, 1]);
  const marked = await picture(free);
  await bought(c, 'p9');
  const clean = await picture(await c.ask({ candidates: 1, params }));     // the same people, place and seed
  const { width, height } = marked, box = { x0: width, y0: height, x1: 0, y1: 0 };
  let brighter = 0, differ = 0;
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const at = 3 * (y * width + x) + 1, d = marked.data[at] - clean.data[at];
      if (Math.abs(d) < 24) continue;                              // less is the JPEG's own
      differ++;
      brighter += d > 40;
      box.x0 = Math.min(box.x0, x); box.y0 = Math.min(box.y0, y);
      box.x1 = Math.max(box.x1, x); box.y1 = Math.max(box.y1, y);
    }
  assert.ok(differ > 500 && brighter > 200, `${differ} pixels differ, ${brighter} are brighter`);
  assert.ok(box.x0 > 0.78 * width && box.y0 > 0.9 * height && box.x1 < 0.99 * width && box.y1 < 0.99 * height, JSON.stringify({ box, width, height }));
  assert.ok(box.x1 - box.x0 > 0.14 * width, `it is ${box.x1 - box.x0} px wide`);
});
