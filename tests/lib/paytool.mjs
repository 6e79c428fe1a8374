// paytool.mjs - build/*/src/pay/pay_tool as an object: await tool.ask({ do: 'notice', … }).
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { binary, root, within } from './server.mjs';

function program() {
  const folders = process.env.ZOETROPE_BIN ? [dirname(binary())] : ['debug', 'release'].map(d => join(root, 'build', d));
  const found = folders.map(d => join(d, 'src/pay/pay_tool')).find(existsSync);
  if (!found) throw new Error('no pay_tool: build it first');
  return found;
}

/** settings: { stripe_url: …, timeout_ms: … } without "pay." in front; secrets too. env: beside them. */
export async function startPayTool(t, settings = {}, env = {}) {
  const own = Object.fromEntries(Object.entries(settings).map(([k, v]) => [`ZOETROPE_PAY_${k.toUpperCase()}`, String(v)]));
  const asan = Object.fromEntries(['ASAN_OPTIONS', 'UBSAN_OPTIONS', 'TSAN_OPTIONS'].filter(n => n in process.env).map(n => [n, process.env[n]]));
  const proc = spawn(program(), { stdio: ['pipe', 'pipe', 'pipe'], cwd: '/', env: { ...asan, ...own, ...env } });
  const exited = once(proc, 'exit');
  let log = '', n = 0;
  const waiting = new Map();
  proc.stderr.setEncoding('utf8').on('data', d => { log += d; });
  const ready = new Promise(done => createInterface({ input: proc.stdout }).on('line', line => {
    if (line === 'ready') return done();
    const answer = JSON.parse(line);
    waiting.get(answer.id)?.(answer);
    waiting.delete(answer.id);
  }));
  t.after(async () => {
    proc.stdin.end();
    await exited;
    if (/Sanitizer|runtime error/.test(log)) throw new Error(log);
  });
  await within(20_000, Promise.race([ready, exited.then(() => { throw new Error(`pay_tool ended: ${log}`); })]), () => log);
  return {
    log: () => log,
    ask: q => within(60_000, new Promise(done => {
      waiting.set(++n, done);
      proc.stdin.write(JSON.stringify({ id: n, ...q }) + '\n');
    }), () => `no answer to ${JSON.stringify(q).slice(0, 300)}\n${log}`),
  };
}
