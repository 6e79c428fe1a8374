// tool.mjs - a program of the tests that answers JSON lines, as an object: await tool.ask({ do: 'sign', … }).
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { binary, PATIENCE_MS, root, within } from './server.mjs';

function program(path) {
  const folders = process.env.ZOETROPE_BIN ? [dirname(binary())] : ['debug', 'release'].map(d => join(root, 'build', d));
  const found = folders.map(d => join(d, path)).find(existsSync);
  if (!found) throw new Error(`no ${basename(path)}: build it first`);
  return found;
}

/** path: below the build folder, 'src/pay/pay_tool'. It ends with the test, and must not have been seen wrong by a sanitizer. */
export async function startTool(t, path, env = {}) {
  const asan = Object.fromEntries(['ASAN_OPTIONS', 'UBSAN_OPTIONS', 'TSAN_OPTIONS'].filter(n => n in process.env).map(n => [n, process.env[n]]));
  const proc = spawn(program(path), { stdio: ['pipe', 'pipe', 'pipe'], cwd: '/', env: { ...asan, ...env } });
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
  const end = async () => {
    proc.stdin.end();
    await within(PATIENCE_MS, exited, () => `${basename(path)} does not end\n${log}`);
    if (/Sanitizer|runtime error/.test(log)) throw new Error(log);
  };
  t.after(end);
  await within(PATIENCE_MS, Promise.race([ready, exited.then(() => { throw new Error(`${basename(path)} ended: ${log}`); })]), () => log);
  return {
    log: () => log, end, kill: async () => { proc.kill('SIGKILL'); await exited; },
    ask: q => within(PATIENCE_MS, new Promise(done => {
      waiting.set(++n, done);
      proc.stdin.write(JSON.stringify({ id: n, ...q }) + '\n');
    }), () => `no answer to ${JSON.stringify(q).slice(0, 300)}\n${log}`),
  };
}
