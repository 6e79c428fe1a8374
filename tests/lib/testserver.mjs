// testserver.mjs - starts build/*/src/net/testserver (one route of every kind) on a free port.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { binary, PATIENCE_MS, root, within } from './server.mjs';
import { Raw } from './raw.mjs';

function testserver() {
  const folders = process.env.ZOETROPE_BIN ? [dirname(binary())] : ['debug', 'release'].map(d => join(root, 'build', d));
  const found = folders.map(d => join(d, 'src/net/testserver')).find(existsSync);
  if (!found) throw new Error('no testserver: build it first');
  return found;
}

/** settings: { header_ms: '200ms', … } without the "net." in front. */
export async function startTestServer(t, settings = {}, listen = '127.0.0.1:0') {
  // The machine may be busy with something else: nothing is refused and nobody cut off for that, where a test is not about it.
  settings = { event_threads: 2, delay_ms: '1s', first_ms: '10m', idle_ms: '10m', header_ms: '1m', write_stall_ms: '1m', body_grace_ms: '1m', ...settings };
  const args = [`--listen=${listen}`, ...Object.entries(settings).map(([k, v]) => `--net.${k}=${v}`)];
  const proc = spawn(testserver(), args, { stdio: ['ignore', 'pipe', 'pipe'], cwd: '/', env: process.env });
  const exited = once(proc, 'exit').then(([code, signal]) => ({ code, signal }));
  let log = '';
  t?.after(async () => {
    proc.kill('SIGKILL');
    await exited;
    if (/Sanitizer|runtime error/.test(log)) throw new Error(log);
  });
  const lines = [], waiting = [];
  proc.stderr.setEncoding('utf8').on('data', d => {
    log += d;
    for (const f of waiting.splice(0)) f();
  });
  createInterface({ input: proc.stdout }).on('line', line => {
    lines.push(line);
    for (const f of waiting.splice(0)) f();
  });
  const line = async re => {         // of its output or its log, past or to come
    for (;;) {
      const m = [...lines, log].map(l => re.exec(l)).find(Boolean);
      if (m) return m;
      await within(PATIENCE_MS, Promise.race([new Promise(f => waiting.push(f)), exited.then(x => { throw new Error(`ended: ${JSON.stringify(x)}\n${log}`); })]),
        () => `no line ${re}; log:\n${log}`);
    }
  };
  const port = Number((await line(/ready: http:\/\/[^:]+:(\d+)\//))[1]);
  const server = { proc, port, exited, line, url: `http://127.0.0.1:${port}` };
  /** One request on a connection of its own. */
  server.ask = async (method, path, headers = {}, body = '') => {
    const c = await Raw.connect(port);
    const all = { Host: 'test', Connection: 'close', ...(body.length ? { 'Content-Length': body.length } : {}), ...headers };
    c.write(`${method} ${path} HTTP/1.1\r\n${Object.entries(all).map(([k, v]) => `${k}: ${v}\r\n`).join('')}\r\n`);
    if (body.length) c.write(body);
    const answer = await c.response({ head: method === 'HEAD' });
    c.destroy();
    return answer;
  };
  server.stats = async () => JSON.parse((await server.ask('GET', '/stats')).text);
  /** The statistics as soon as test() likes them. */
  server.until = async (test, what, ms = PATIENCE_MS) => {
    const deadline = Date.now() + ms;
    for (;;) {
      const s = await server.stats();
      if (test(s)) return s;
      if (Date.now() > deadline) throw new Error(`${what} did not come: ${JSON.stringify(s)}`);
    }
  };
  return server;
}
