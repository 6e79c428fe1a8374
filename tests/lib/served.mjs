// served.mjs - the whole server beside the simulator of a service that draws: a front door under which both reach each other, a recipe that is made over
// there, and the addresses that the service was given.
import assert from 'node:assert/strict';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { join } from 'node:path';
import { start } from '../sim/engine.mjs';
import { Client } from './client.mjs';
import { ONE } from './expect.mjs';
import { root, startServer, tempDir } from './server.mjs';

/** Passes everything on to `to`, and keeps what came: its address is known before the server's is. */
async function frontDoor(t) {
  const front = { to: null, asked: [] };
  const door = createServer((req, res) => {
    const asked = { method: req.method, path: req.url, headers: req.headers, status: 0 };
    front.asked.push(asked);
    const on = request(`${front.to}${req.url}`, { method: req.method, headers: req.headers }, answer => {
      asked.status = answer.statusCode;
      res.writeHead(answer.statusCode, answer.headers);
      answer.pipe(res);
    });
    on.on('error', () => res.destroy());
    req.pipe(on);
  });
  await new Promise(done => door.listen(0, '127.0.0.1', done));
  t.after(() => { door.closeAllConnections(); door.close(); });
  return Object.assign(front, { url: `http://127.0.0.1:${door.address().port}` });
}

/** The product, its recipe made by these engines, and its model file. */
function products(engines) {
  const dir = tempDir('zt-products-'), recipe = join(dir, 'reunion/recipes/family-portrait.yaml');
  cpSync(join(root, 'products'), dir, { recursive: true });
  const text = readFileSync(recipe, 'utf8').replace(/engines: .*/, `engines: [${engines}]`).replace(/steps:\n(  - .*\n)+/, `steps:
  - { op: draw, state: running, per: candidate, way: remote }
  - { op: finish, state: checking, per: candidate, way: remote, here: true }
`).replace(/min: 2, reruns: 1/, 'min: 1, reruns: 0').replace(/step_s: \d+/, 'step_s: 300').replace(/params: .*/, 'params: {}');
  writeFileSync(recipe, text);
  return dir;
}
export function modelFile(name, row) {
  const path = join(tempDir('zt-models-'), `${name}.yaml`), picture = '{ types: [image/jpeg, image/png], mb: 10 }';
  writeFileSync(path, `engine: ${name}
queries_per_minute: 60000
lanes:
  - { lane: all, concurrent: 10, per_minute: 6000, burst: 100 }
models:
  - op: draw
    lane: all
    price: { microusd: 4000, per: call }
    result: picture
    inputs: { person: ${picture}, backdrop: ${picture} }
${row.map(line => `    ${line}\n`).join('')}`);
  return path;
}

/**
 * d: {name, Sim, options, model: rows of the model file, settings(sim)}. poll: how long after the submit it is asked about for the first time.
 * Returns the two, the door between them, a client with a photo, and what follows.
 */
export async function served(t, d, { options = {}, poll = '600s', publicUrl = true, env = {} } = {}) {
  const sim = await start(d.Sim, { queue_ms: 0, run_ms: 0, ...d.options, ...options }, t), front = await frontDoor(t);
  const settings = { keys: sim.key, models: modelFile(d.name, [...d.model, `poll: ${poll}`]), ...d.settings(sim) };
  const all = {
    ...Object.fromEntries(Object.entries(settings).map(([k, v]) => [`ZOETROPE_ENGINE_${d.name.toUpperCase()}_${k.toUpperCase()}`, v])),
    ZOETROPE_CLIENT_ALLOW: new URL(sim.url).host, ZOETROPE_PRODUCTS: products(d.name), ...(publicUrl ? { ZOETROPE_PUBLIC_URL: front.url } : {}), ZOETROPE_LOG_LEVEL: 'debug', ...env,
  };
  const w = { sim, front, d };
  w.open = async (dataDir, bin) => {
    w.server = await startServer(t, { env: all, dataDir, bin });
    front.to = w.server.url;
    return w.server;
  };
  await w.open(tempDir('zt-data-'));
  w.client = await Client.guest(w.server.url);
  w.person = await w.client.photo(ONE);
  w.order = async () => w.client.buy(await w.client.quote({ people: [{ asset: w.person.id, face: 0 }], template: 'hall', candidates: 1 }));
  w.task = () => [...sim.tasks.values()].at(-1);
  /** What the newest call over there was given: our addresses, as paths. */
  w.links = () => Object.values(w.task().input).filter(v => typeof v === 'string' && v.startsWith(front.url)).map(v => v.slice(front.url.length));
  w.hook = () => w.task().webhook.slice(front.url.length);
  w.bytes = async asset => (await w.client.send('GET', `/v1/assets/${asset.id}/content`)).bytes;
  /** How many messages became of that. */
  w.heard = async what => {
    const text = (await w.client.send('GET', '/metrics')).text, m = new RegExp(`engine_notices_total\\{engine="${d.name}",result="${what}"\\} (\\d+)`).exec(text);
    assert.ok(m, text.slice(0, 300));
    return Number(m[1]);
  };
  return w;
}
