// slow.mjs - slowhttptest (Debian) in each of its modes with 5,000 connections against the real server, and a client beside it that is in no hurry:
// how long the slow ones hold their connections, and what the other one notices. Writes out/slow.json.
//
//   node bench/slow.mjs [--conns 5000] [mode...]               modes: H slow heads, B slow bodies, R ranges, X slow reading
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { root, startServer } from '../tests/lib/server.mjs';

const { values: arg, positionals } = parseArgs({ allowPositionals: true, options: { conns: { type: 'string', default: '5000' } } });
const dir = mkdtempSync(join(tmpdir(), 'slow-')), flood = join(root, 'build/release/bench/flood'), SECONDS = 25;

const common = ['-c', arg.conns, '-r', '2000', '-l', String(SECONDS), '-p', '5'];
const modes = {
  H: () => ['-H', '-i', '3', '-x', '24'],
  B: () => ['-B', '-i', '3', '-s', '8192', '-x', '10', '-t', 'POST'],
  R: () => ['-R', '-a', '10', '-b', '3000'],
  X: () => ['-X', '-w', '512', '-y', '1024', '-n', '1', '-z', '32', '-k', '3'],
};

async function one(mode) {
  const server = await startServer(null, { env: { ZOETROPE_NET_CONNS_PER_IP_MAX: '0', ZOETROPE_LOG_LEVEL: 'error' } });
  try {
    const page = await (await fetch(server.url)).text();
    const sizes = await Promise.all([...new Set(page.match(/\/static\/[\w.-]+/g))].map(async p => [(await (await fetch(server.url + p)).arrayBuffer()).byteLength, p]));
    const [bytes, large] = sizes.sort((a, b) => b[0] - a[0])[0];
    const path = mode === 'B' ? '/v1/sessions' : large;
    writeFileSync(join(dir, 'page'), 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    writeFileSync(join(dir, 'ready'), 'GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n');
    const probe = spawn(flood, [String(server.port), '20'], { stdio: ['pipe', 'pipe', 'inherit'] });
    probe.stdin.end(`kind page ${join(dir, 'page')}\nkind ready ${join(dir, 'ready')}\nphase ${SECONDS + 5} 50 10\n`);
    let said = '';
    probe.stdout.on('data', d => said += d);
    const began = Date.now(), open = [];
    const slow = spawn('slowhttptest', [...common, ...modes[mode](), '-u', server.url + path], { stdio: ['ignore', 'pipe', 'pipe'], cwd: dir });
    const ended = new Promise(f => slow.on('exit', code => f({ code, s: (Date.now() - began) / 1000 })));
    let text = '';
    slow.stdout.on('data', d => text += d);
    slow.stderr.on('data', d => text += d);
    let memory = 0;
    const watch = setInterval(async () => {
      const m = await (await fetch(`${server.url}/metrics`)).text().catch(() => '');
      open.push(Number(/^zoetrope_http_connections (\d+)/m.exec(m)?.[1]) - 21);
      memory = Math.max(memory, Number(/^process_resident_memory_bytes (\d+)/m.exec(m)?.[1]));
    }, 1000);
    const end = await ended;
    await new Promise(f => probe.on('exit', f));
    clearInterval(watch);
    const shed = [...(await (await fetch(`${server.url}/metrics`)).text()).matchAll(/^zoetrope_http_shed_total\{.*\} (\d+)$/mg)].reduce((n, m) => n + Number(m[1]), 0);
    const { page: p, ready } = JSON.parse(said).phases[0];
    const last = open.findLastIndex(n => n > 10) + 1;
    return { mode, path, bytes, ended: end, most_open: Math.max(...open), open_each_second: open.join(' '), held_s: last, refused: shed, memory_mb: Math.round(memory / 1e6),
      page: `${p.ok} of ${p.sent} (${p.shed} refused), p99 ${p.ok_us[1] / 1000} ms, max ${p.ok_us[3] / 1000} ms`, ready: `${ready.ok} of ${ready.sent}, max ${ready.ok_us[3] / 1000} ms`,
      said: /Exit status: .*/.exec(text.replace(/\x1b\[[\d;]*m/g, ''))?.[0] ?? text.slice(-300) };
  } finally {
    await server.stop();
  }
}

const results = [];
for (const mode of positionals.length ? positionals : Object.keys(modes)) {
  results.push(await one(mode));
  console.log(JSON.stringify(results.at(-1)).replaceAll(',"', ', "'));
}
mkdirSync(join(root, 'out'), { recursive: true });
writeFileSync(join(root, 'out/slow.json'), JSON.stringify(results));
rmSync(dir, { recursive: true });
