// 68-engine-served.test.mjs - the whole server with services that fetch what they draw from us and tell us when they are done (fal, VModel; Replicate's
// webhooks): who reads a photo, and until when; which messages are heard; and that a picture comes home once, however it is told.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { served } from './lib/served.mjs';
import { runZoetrope, startServer, until } from './lib/server.mjs';
import { isProblem, NOBODY } from './lib/expect.mjs';
import { Fal, webhookHeaders } from './sim/fal.mjs';
import { Replicate, versionOf, webhookHeaders as standardHeaders } from './sim/replicate.mjs';
import { VModel } from './sim/vmodel.mjs';
import { sha256 } from './sim/media.mjs';

const LATER = 1e9;       // ms: it does not end before it is told to
const fal = { name: 'fal', Sim: Fal, model: ['model: simulator/portraits', 'form: queue', 'names: { person: image_url, seed: seed }', 'body: { prompt: together }'],
  settings: sim => ({ url: sim.url, jwks_url: `${sim.url}/.well-known/jwks.json` }), shown: 1 };
const vmodel = { name: 'vmodel', Sim: VModel, model: ['model: a3c8d261fd14126eececf9812b52b40811e9ed557ccc5706452888cdeeebc0b6', 'form: version', 'names: { person: swap_image, backdrop: target_image }'],
  settings: sim => ({ url: sim.url }), shown: 2 };
const replicate = { name: 'replicate', Sim: Replicate, model: [`model: yan-ops/face_swap:${versionOf('yan-ops/face_swap')}`, 'form: version', 'names: { person: source_image, backdrop: target_image }'],
  settings: sim => ({ url: `${sim.url}/v1`, webhook_secrets: sim.secret }), shown: 0 };

const taken = async w => { const had = w.sim.tasks.size, task = await w.order(); await until(() => w.sim.tasks.size > had); return task; };
const keysAreHere = w => until(() => w.d !== fal || w.sim.calls.some(c => c.op === 'jwks' && c.status === 200));
const chosen = async (w, task) => { const done = await w.client.waitTask(task.id); assert.equal(done.state, 'choosing', JSON.stringify(done)); return done; };
const asked = (w, op) => w.sim.calls.filter(c => c.op === op).length;
const send = (w, path, { headers = {}, body = '{}' } = {}) => w.client.send('POST', path, { body, headers: { authorization: null, 'content-type': 'application/json', ...headers } });
const get = (w, path, options = {}) => w.client.send('GET', path, { ...options, headers: { authorization: null, ...options.headers } });
async function clean(w) {
  assert.equal((await w.server.stop()).code, 0);
  const { code, stdout, stderr } = await runZoetrope(['verify', '--deep'], { env: { ZOETROPE_DATA: w.server.dataDir } });
  assert.equal(code, 0, stdout + stderr);
}

// Most of the time they wait for a disk or for each other.
describe('services that fetch and tell', { concurrency: 3 }, () => {
for (const d of [fal, vmodel]) test(`${d.name}: the whole way, by a notice`, async t => {
  const w = await served(t, d, { options: { queue_ms: LATER } });
  const before = await w.client.wallet();
  let task = await taken(w);
  const links = w.links(), first = w.task(), working = await w.bytes(w.person);

  await t.test('a link shows one photo, to whoever has it and nobody else', async () => {
    assert.equal(links.length, d.shown);
    const r = await get(w, links[0]);
    assert.equal(r.status, 200, r.text);
    assert.equal(sha256(r.bytes), sha256(working));
    assert.deepEqual([r.headers.get('content-type'), r.headers.get('cache-control'), r.headers.get('set-cookie')], ['image/png', 'private, no-store', null]);
    const part = await get(w, links[0], { headers: { range: 'bytes=1-3' } });
    assert.deepEqual([part.status, part.text, part.headers.get('content-range')], [206, 'PNG', `bytes 1-3/${working.length}`]);
    for (const wrong of [`${links[0].slice(0, -9)}AAAAAAAAA`, links[0].slice(0, -1), `${links[0]}A`, '/v1/lent/x']) isProblem(await get(w, wrong), 404, 'not_found');
    assert.equal((await w.client.send('PUT', links[0], { body: '' })).status, 405);
  });
  await t.test('messages that are not genuine do nothing', async () => {
    await keysAreHere(w);
    const polls = asked(w, 'poll'), [, , , , , call, token, by] = w.hook().split('/');
    assert.match(call, /^call_/);
    for (const path of [`/v1/hooks/engine/${d.name}/${call}/${token.replace(/^./, c => (c === 'A' ? 'B' : 'A'))}/${by}`, `/v1/hooks/engine/nobody/${call}/${token}/${by}`, `/v1/hooks/engine/${d.name}/call_0000000000000/${token}/${by}`])
      isProblem(await send(w, path), 404, 'not_found');
    assert.equal((await send(w, w.hook(), { body: 'x'.repeat(300_000) })).status, 413);
    if (d === fal) {
      const key = generateKeyPairSync('ed25519').privateKey, body = JSON.stringify({ request_id: first.id, status: 'OK' }), at_s = Math.floor(Date.now() / 1000);
      const sign = (at, k = key) => webhookHeaders({ id: first.id, user: 'user', at_s: at, body, key: k });
      isProblem(await send(w, w.hook(), { headers: sign(at_s - 301), body }), 401, 'engine_notice_forged');
      const keys = asked(w, 'jwks'), doubt = await send(w, w.hook(), { headers: sign(at_s), body });      // it may be a new key: they are looked at once more, and not again soon
      assert.deepEqual([doubt.status, doubt.headers.get('retry-after') !== null], [503, true], doubt.text);
      await until(() => asked(w, 'jwks') > keys);
      let again;
      do again = await send(w, w.hook(), { headers: sign(at_s), body }); while (again.status === 503);
      isProblem(again, 401, 'engine_notice_forged');
      assert.equal(asked(w, 'jwks'), keys + 1);
    }
    else for (const body of ['', '{}', '{"task_id":7}', '{"task_id":""}', '{"result":{"task_id":"a b"}}']) isProblem(await send(w, w.hook(), { body }), 401, 'engine_notice_forged');
    assert.equal(asked(w, 'poll'), polls);
    assert.equal(await w.heard('woke'), 0);
    assert.ok(await w.heard('stranger') >= 2 && await w.heard('refused') >= 2);
  });
  await t.test('a genuine one makes us ask, and the picture comes home', async () => {
    const polls = asked(w, 'poll');
    await w.sim.finish(first.id);
    const done = await chosen(w, task);
    assert.ok(asked(w, 'poll') > polls, 'nobody was asked');
    assert.equal(w.sim.inputs.length, d.shown);
    const photos = [working, readFileSync(NOBODY)].map(sha256);                 // a working copy, and the template's own file
    for (const i of w.sim.inputs) assert.ok(photos.includes(i.sha256));
    const picture = await w.client.send('GET', `/v1/assets/${done.candidates[0].asset}/content`);
    assert.deepEqual([picture.status, picture.headers.get('content-type')], [200, 'image/jpeg']);      // drawn anew: never the service's own bytes
    assert.notEqual(sha256(picture.bytes), first.results[0].sha256);
    assert.deepEqual(await w.client.wallet(), { available: before.available - 10, held: 0 });
    assert.equal(w.sim.bills.length, 1);
    assert.equal(await w.heard('woke'), 1);
  });
  await t.test('behind the end nothing is shown, and nothing is news', async () => {
    for (const link of links) isProblem(await get(w, link), 404, 'not_found');
    const polls = asked(w, 'poll');
    assert.equal(await w.sim.deliver(w.sim.notices.at(-1).id), 204);
    assert.equal(await w.heard('over'), 1);
    assert.equal(asked(w, 'poll'), polls);
  });
  await t.test('what nobody heard of is known by its notice, and made once', async () => {
    for (const kind of ['lost', 'garbled']) {
      w.sim.fault('submit', kind);
      const submits = asked(w, 'submit'), bills = w.sim.bills.length, lost = await taken(w);
      await w.server.waitLog(l => l.ev === 'task.unknown' && l.task === lost.id);
      assert.equal((await get(w, w.links()[0])).status, 200);                   // it may be under way: it may need its photo
      await w.sim.finish(w.task().id);
      await chosen(w, lost);
      assert.deepEqual([asked(w, 'submit') - submits, w.sim.bills.length - bills], [1, 1]);
    }
    w.sim.fault('submit', 'early_notice');                                      // it is done before we are told that it was taken
    await chosen(w, await w.order());
  });
  if (d === fal) await t.test('kill -9 in the middle: the link still shows the photo, and the picture comes home once', async () => {
    const keys = asked(w, 'jwks'), submits = asked(w, 'submit'), bills = w.sim.bills.length, cut = await taken(w);
    await until(() => asked(w, 'submit') > submits);
    await w.server.kill();
    await w.open(w.server.dataDir);
    w.client.url = w.server.url;
    assert.equal((await get(w, w.links()[0])).status, 200);
    await until(() => asked(w, 'jwks') > keys);
    await w.sim.finish(w.task().id);
    await chosen(w, cut);
    assert.deepEqual([asked(w, 'submit') - submits, w.sim.bills.length - bills], [1, 1]);
  });
  await t.test('whoever cancels, or deletes the photo, ends it at once', async () => {
    task = await taken(w);
    const shown = w.links();
    for (const l of shown) assert.equal((await get(w, l)).status, 200);
    await w.client.cancel(task.id);
    for (const l of shown) isProblem(await get(w, l), 404, 'not_found');
    task = await taken(w);
    const [photo] = w.links();
    assert.equal((await get(w, photo)).status, 200);
    await w.client.delete(`/v1/assets/${w.person.id}`);
    isProblem(await get(w, photo), 404, 'not_found');
    assert.equal((await w.client.task(task.id)).state, 'cancelled');
  });
  await t.test('no address stands in the log', () => {
    const log = w.server.log.map(l => JSON.stringify(l)).join('\n'), secrets = w.front.asked.filter(a => /^\/v1\/(lent|hooks)/.test(a.path)).map(a => a.path.split('/').slice(3)).flat().filter(s => s.length > 40);
    assert.ok(secrets.length > 2 && w.server.log.some(l => l.route === '/v1/lent/{link}'));
    for (const s of [...secrets, ...links.map(l => l.split('/').pop())]) assert.ok(!log.includes(s), 'an address that is a secret was logged');
  });
  await clean(w);
});

test('Replicate: its webhooks are heard when they are signed with our secret, once each', async t => {
  const w = await served(t, replicate, { options: { queue_ms: LATER } }), task = await taken(w), id = w.task().id, body = JSON.stringify({ id, status: 'succeeded' });
  await w.server.waitLog(l => l.ev === 'engine.call' && l.step === 'submit');
  const at_s = Math.floor(Date.now() / 1000), sign = (at, secret = w.sim.secret) => standardHeaders({ id: 'msg_1', at_s: at, body, secrets: [secret] });
  isProblem(await send(w, w.hook(), { headers: sign(at_s, `whsec_${Buffer.alloc(24, 8).toString('base64')}`), body }), 401, 'engine_notice_forged');
  isProblem(await send(w, w.hook(), { headers: sign(at_s - 301), body }), 401, 'engine_notice_forged');
  const polls = asked(w, 'poll');
  assert.equal((await send(w, w.hook(), { headers: sign(at_s), body })).status, 204);
  await until(() => asked(w, 'poll') === polls + 1);
  assert.equal((await send(w, w.hook(), { headers: sign(at_s), body })).status, 204);
  assert.deepEqual([await w.heard('woke'), await w.heard('again'), await w.heard('refused')], [1, 1, 2]);
  assert.equal((await w.client.task(task.id)).state, 'running');                // it said "succeeded"; the service does not
  await w.sim.finish(id);
  await chosen(w, task);
  assert.equal(w.sim.inputs.length, 2);
  assert.ok(!w.front.asked.some(a => a.path.startsWith('/v1/lent/')));          // small files go there by themselves
  await clean(w);
});

for (const d of [fal, vmodel]) test(`${d.name}: without notices it is asked, and what goes wrong over there costs nothing`, async t => {
  const w = await served(t, d, { poll: '200ms' }), before = await w.client.wallet();
  w.sim.mode = 'hold';                                                          // none is ever sent
  await chosen(w, await w.order());
  for (const [kind, code] of [['moderation_after', 'content_refused'], ['result_wrong', 'engine_failed'], ['result_404', 'engine_failed'], ['error_inside', 'engine_failed'], ['result_private', 'engine_failed']]) {
    w.sim.fault('submit', kind);
    const done = await w.client.waitTask((await w.order()).id);
    assert.deepEqual([done.state, done.error?.code], ['failed', code], `${kind}: ${JSON.stringify(done)}`);
  }
  assert.deepEqual(await w.client.wallet(), { available: before.available - 10, held: 0 });
  await clean(w);
});

test('without public_url what fetches from us is not used, and the operator is told why', async t => {
  const server = await startServer(t, { env: { ZOETROPE_ENGINE_FAL_KEYS: 'a:b', ZOETROPE_ENGINE_VMODEL_KEYS: 'token' } });
  for (const engine of ['fal', 'vmodel']) {
    const line = await server.waitLog(l => l.ev === 'engine.missing' && l.engine === engine);
    assert.match(JSON.stringify(line), /public_url/);
  }
  assert.doesNotMatch(await (await fetch(`${server.url}/metrics`)).text(), /engine="(fal|vmodel)/);
});
});
