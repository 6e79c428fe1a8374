// 74-margin.test.mjs - what is left of what was sold: every number is a sum of the ledger's entries.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client } from './lib/client.mjs';
import { ONE } from './lib/expect.mjs';
import { movableClock, PATIENCE_MS, runZoetrope, startServer, tempDir, within } from './lib/server.mjs';

test('sold, spent, stored and sent: the margin by product; an hour costs once', async t => {
  const clock = movableClock(t), GB = 1_000_000_000;
  const server = await startServer(t, { env: { ZOETROPE_PAY_TEST_MONEY: 'true', ZOETROPE_ENGINE_USE: 'fake', ZOETROPE_OPS_TRAFFIC_GB_MICROUSD: String(GB),
    ZOETROPE_OPS_STORAGE_GB_MONTH_MICROUSD: String(GB), ZOETROPE_SHOP_USD_CNY_PM: '8000', ...clock.env } });
  const op = new Client(server.url, server.operatorToken()), c = await Client.guest(server.url);
  const margin = async () => Object.fromEntries((await op.get('/v1/admin/margin?days=1')).items.map(i => [i.product, i]));
  const buy = async () => {
    const o = await c.effect('/v1/orders', { plan: 'p9', currency: 'CNY', provider: 'test' });
    await c.post(`/v1/orders/${o.id}/start`, { scene: 'page' });
    await c.post(`/v1/pay/test/${o.id}`, { act: 'pay' });
    return o;
  };
  await buy();
  const back = await buy();
  let { reunion } = await margin();
  assert.deepEqual(reunion.sold, [{ currency: 'CNY', paid: 1980, refunded: 0, fees: 0, earned: 0 }]);
  assert.deepEqual([reunion.revenue, reunion.margin_pm, reunion.credits], [0, null, { granted: 80, spent: 0, returned: 0 }]);
  await c.effect(`/v1/orders/${back.id}/refund`, {});
  const photo = await c.photo(ONE);
  const task = await c.buy(await c.quote({ people: [{ asset: photo.id, face: 0 }], template: 'hall', candidates: 4 }));
  await c.waitTask(task.id);
  ({ reunion } = await margin());
  assert.deepEqual(reunion.sold, [{ currency: 'CNY', paid: 1980, refunded: 990, fees: 0, earned: 990 }]);
  // 9.90 CNY at 8 CNY a USD
  assert.deepEqual([reunion.revenue, reunion.margin, reunion.margin_pm, reunion.credits.spent], [1_237_500, 1_237_500, 1000, 40]);
  await c.get(`/v1/assets/${photo.id}/content`);
  clock.set(2 * 3600_000);
  const costs = await within(PATIENCE_MS, (async () => { for (;;) { const m = (await margin())['']; if (m?.cost.traffic && m?.cost.storage) return m.cost; } })(), () => 'the hour is not booked');
  assert.ok(costs.traffic > 10_000 && costs.storage > 100, JSON.stringify(costs));      // some 100 KB sent, some MB stored
  await server.stop();
  const { code, stdout } = await runZoetrope(['verify'], { env: { ZOETROPE_DATA: server.dataDir } });
  assert.equal(code, 0, stdout);
});

test('storage is booked once an hour: none is left out, none is booked again by the next life', async t => {
  const clock = movableClock(t), HOUR = 3600_000, MINUTE = 60_000, GB = 1_000_000_000, dataDir = tempDir('zt-data-');
  const env = { ZOETROPE_PAY_TEST_MONEY: 'true', ZOETROPE_ENGINE_USE: 'fake', ZOETROPE_OPS_STORAGE_GB_MONTH_MICROUSD: String(GB), ...clock.env };
  const start = () => startServer(t, { dataDir, env }), stored = server => new Client(server.url, server.operatorToken()).get('/v1/admin/margin?days=1').then(a => a.items.find(i => i.product === '')?.cost.storage ?? 0);
  const booked = async (server, sum) => {
    let seen;
    await within(20_000, (async () => { while ((seen = await stored(server)) < sum); })(), () => `${sum} is not booked, ${seen} is`);
    assert.equal(seen, sum);
  };
  let server = await start();                                      // its first round finds nothing stored
  const c = await Client.guest(server.url), photo = await c.photo(ONE), bytes = (await new Client(server.url, server.operatorToken()).get('/v1/admin/storage')).classes.reduce((n, k) => n + k.bytes, 0);
  const hour = Math.floor(bytes / 720);
  assert.ok(photo.id && hour > 10);
  const late = 2 * HOUR - Date.now() % HOUR - 10 * MINUTE;         // ten minutes before the next full hour but one
  clock.set(late);
  await booked(server, hour);
  clock.set(late + 15 * MINUTE);                                   // fifteen minutes after that it is another hour
  await booked(server, 2 * hour);
  await server.stop();
  server = await start();                                          // looks at once
  clock.set(late + 30 * MINUTE);
  clock.set(late + 75 * MINUTE);
  await booked(server, 3 * hour);
  await server.stop();
});
