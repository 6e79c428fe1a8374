// remotetool.mjs - build/*/src/engine/remote_tool as an object: one call from its submit to its end, without a server around it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { binary, root, within } from './server.mjs';

function program() {
  const folders = process.env.ZOETROPE_BIN ? [dirname(binary())] : ['debug', 'release'].map(d => join(root, 'build', d));
  const found = folders.map(d => join(d, 'src/engine/remote_tool')).find(existsSync);
  if (!found) throw new Error('no remote_tool: build it first');
  return found;
}

/** settings: { dashscope_url: …, dashscope_keys: … } without "engine." in front; env: beside them. */
export async function startRemoteTool(t, settings = {}, env = {}) {
  const own = Object.fromEntries(Object.entries(settings).map(([k, v]) => [`ZOETROPE_ENGINE_${k.toUpperCase()}`, String(v)]));
  const passed = Object.fromEntries(['ASAN_OPTIONS', 'UBSAN_OPTIONS', 'TSAN_OPTIONS'].filter(n => n in process.env).map(n => [n, process.env[n]]));
  const proc = spawn(program(), { stdio: ['pipe', 'pipe', 'pipe'], cwd: '/', env: { REMOTE_TOOL_SHARE: join(root, 'share'), ...passed, ...own, ...env } });
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
    await within(60_000, exited, () => `remote_tool does not end\n${log}`);
    if (/Sanitizer|runtime error/.test(log)) throw new Error(log);
  };
  t.after(end);
  await within(60_000, Promise.race([ready, exited.then(() => { throw new Error(`remote_tool ended: ${log}`); })]), () => log);
  const ask = q => within(120_000, new Promise(done => {
    waiting.set(++n, done);
    proc.stdin.write(JSON.stringify({ id: n, ...q }) + '\n');
  }), () => `no answer to ${JSON.stringify(q).slice(0, 300)}\n${log}`);
  return {
    ask, end, kill: async () => { proc.kill('SIGKILL'); await exited; },
    log: () => log,
    lines: () => log.split('\n').filter(l => l.startsWith('{')).map(l => JSON.parse(l)),
    /** A call from its submit to its end. */
    async run(q) {
      const begun = await ask({ do: 'submit', ...q });
      if (!begun.ok) return begun;
      const over = await ask({ do: 'over', ticket: begun.ticket });
      await ask({ do: 'release', ticket: begun.ticket });
      return over;
    },
  };
}
