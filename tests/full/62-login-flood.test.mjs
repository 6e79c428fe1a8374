// 62-login-flood.test.mjs - while as many passwords as the server takes are being tried, other routes answer as before.
//
// Whoever waits behind a password waits for a whole hash: tens of milliseconds of a core. So it is counted, not timed: the hashes that were
// done while reads were made one after the other are far fewer than the reads. How long a read takes beside the flood is in bench/ (login-flood).
//
// The flood comes from a process of its own, from half as many connections as may wait for a hash, so that hashing is what the machine
// is busy with, and not the making and refusing of requests.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { test } from 'node:test';
import { Client } from '../lib/client.mjs';
import { startServer } from '../lib/server.mjs';

const FLOODERS = 30, REQUESTS = 2000;

const flood = `
  const { Agent, request } = require('node:http');
  const agent = new Agent({ keepAlive: true });
  const [url, n] = process.argv.slice(1);
  const go = i => {
    const body = JSON.stringify({ email: 'somebody' + i + '.' + Math.random() + '@photos.example', password: 'correct horse battery staple' });
    const q = request(url + '/v1/sessions/password', { agent, method: 'POST', headers: { 'content-type': 'application/json', 'content-length': body.length } }, a => {
      a.resume().on('end', () => { process.send?.(a.statusCode); go(i); });
    });
    q.on('error', () => process.exit(0)).end(body);
  };
  for (let i = 0; i < n; i++) go(i);
`;

/** n requests, one after the other, each begun by the answer before. */
async function read(agent, url, token, n) {
  for (let i = 0; i < n; i++) {
    const q = request(`${url}/v1/me`, { agent, headers: { authorization: `Bearer ${token}` } }).end();
    const [a] = await once(q, 'response');
    assert.equal(a.statusCode, 200);
    a.resume();
    await once(a, 'end');
  }
}
async function hashes(url) {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/^zoetrope_password_hashes_total (\d+)$/m.exec(text)[1]);
}

test('a flood of sign-ins holds nothing else up', { timeout: 120_000 }, async t => {
  const server = await startServer(t, { env: { ZOETROPE_AUTH_SIGN_INS_PER_HOUR: '1000000', ZOETROPE_LOG_LEVEL: 'warn' } });
  const c = await Client.guest(server.url), agent = new Agent({ keepAlive: true, maxSockets: 1 }), statuses = {};
  t.after(() => agent.destroy());
  const f = spawn(process.execPath, ['-e', flood, server.url, String(FLOODERS)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  t.after(() => f.kill('SIGKILL'));
  f.on('message', s => { statuses[s] = (statuses[s] ?? 0) + 1; });
  await once(f, 'message');                            // it has begun
  const before = await hashes(server.url);
  await read(agent, server.url, c.token, REQUESTS);
  let done = await hashes(server.url) - before;
  t.diagnostic(`${done} passwords hashed during ${REQUESTS} reads; answers ${JSON.stringify(statuses)}`);
  assert.ok(done * 10 < REQUESTS, `${done} passwords were hashed while ${REQUESTS} reads waited`);
  for (; done === 0; done = await hashes(server.url) - before)
    await read(agent, server.url, c.token, 1);         // the flood goes on, or the test ends by its time
  assert.ok(statuses[401] > 0, 'passwords were tried');
});
