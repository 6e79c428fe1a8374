// overload.mjs - more than the server can do, open loop: how much is still done, how long it takes, and how soon all is well again.
//
//   node bench/overload.mjs [--seconds 20] [row...]            rows: see below; writes out/overload.json
//
// "wait", "lane" and "burn" are the server with handlers of a known cost (testserver): what fills is the workers' line, the writer's, and the
// event threads themselves. To refuse costs CPU, too, about 10 us, and as much again for the generator. So ten times too much can be refused
// by an event thread only when what it serves takes a hundred times that; "write" and "read" are the real program with routes of 25 to 40 us,
// offered twice what it can do. Where the CPU is what is short, compare goodput with best by what the server got of it: server_cores.
//
// Capacity is measured first, closed loop, by the same generator on the same machine. Goodput is what was answered well while the burst lasted,
// latencies are of what was let in, from when it was due.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Client } from '../tests/lib/client.mjs';
import { root, startServer } from '../tests/lib/server.mjs';
import { startTestServer } from '../tests/lib/testserver.mjs';

const CALM_S = 3, AFTER_S = 10;
const { values: arg, positionals } = parseArgs({ allowPositionals: true, options: { seconds: { type: 'string', default: '20' } } });
const seconds = Number(arg.seconds);
const dir = mkdtempSync(join(tmpdir(), 'flood-'));
const flood = join(root, 'build/release/bench/flood');

const raw = (method, path, token, body, more = '') => `${method} ${path} HTTP/1.1\r\nHost: localhost\r\n` +
  (token ? `Authorization: Bearer ${token}\r\n` : '') + more + (body === undefined ? '' : `Content-Length: ${Buffer.byteLength(body)}\r\n`) + `\r\n${body ?? ''}`;

async function testServer() {
  const s = await startTestServer(null, { conns_per_ip_max: 0 });
  return { port: s.port, pid: s.proc.pid, url: s.url, lines: '/lines', beside: { probe: raw('GET', '/lines'), metrics: raw('GET', '/as/operate'), payment: raw('GET', '/as/payment') },
    stop: async () => { s.proc.kill('SIGTERM'); await s.exited; } };
}
async function realServer() {
  const s = await startServer(null, { env: { ZOETROPE_NET_CONNS_PER_IP_MAX: '0', ZOETROPE_LOG_LEVEL: 'error' } });
  return { port: s.port, pid: s.pid, url: s.url, lines: '/metrics', beside: { probe: raw('GET', '/healthz'), ready: raw('GET', '/readyz'), metrics: raw('GET', '/metrics') },
    token: (await Client.guest(s.url)).token, stop: () => s.stop() };
}
const rows = {
  wait: { start: testServer, factor: 10, conns: 2000, main: () => raw('GET', '/wait/20000') },
  lane: { start: testServer, factor: 10, conns: 2000, main: () => raw('POST', '/wait/1000', null, '') },
  burn: { start: testServer, factor: 10, conns: 4000, main: () => raw('GET', '/burn/2000') },
  write: { start: realServer, factor: 2, conns: 10000, main: s => raw('PATCH', '/v1/me', s.token, '{"lang":"en"}', 'Content-Type: application/json\r\n') },
  read: { start: realServer, factor: 2, conns: 10000, main: s => raw('GET', '/v1/tasks', s.token) },
};

/** kinds: { name: request }; phases: [[seconds, rate of each kind in turn]]. */
async function run(server, conns, kinds, phases) {
  const names = Object.keys(kinds);
  names.forEach(n => writeFileSync(join(dir, n), kinds[n]));
  const plan = names.map(n => `kind ${n} ${join(dir, n)}\n`).join('') + phases.map(([s, ...rates]) => `phase ${s} ${rates.join(' ')}\n`).join('');
  const p = spawn(flood, [String(server.port), String(conns)], { stdio: ['pipe', 'pipe', 'inherit'] });
  p.stdin.end(plan);
  let out = '';
  for await (const d of p.stdout) out += d;
  return JSON.parse(out);
}

const cpu = pid => { const f = readFileSync(`/proc/${pid}/stat`, 'latin1').replace(/.*\) /s, '').split(' '); return (Number(f[11]) + Number(f[12])) / 100; };
const sum = (x, from, n) => x.tenths.main.slice(from, from + n).reduce((a, b) => a + b, 0);
const ms = us => us?.map(x => Math.round(x / 100) / 10);

async function one(name) {
  const row = rows[name], server = await row.start();
  try {
    const kinds = { main: row.main(server), ...server.beside }, beside = [20, 5, 5];
    const closed = async (conns, s) => sum(await run(server, conns, { main: kinds.main }, [[s, -1]]), 0, s * 10) / s;
    await closed(32, 1);
    let before = cpu(server.pid), used = 0;
    const best = Math.max(await closed(16, 3), await closed(64, 3)), best_cores = (cpu(server.pid) - before) / 6;
    const began = Date.now();
    setTimeout(() => { before = cpu(server.pid); }, CALM_S * 1000);
    setTimeout(() => { used = (cpu(server.pid) - before) / seconds; }, (CALM_S + seconds) * 1000);
    const x = await run(server, row.conns, kinds, [[CALM_S, best / 2, ...beside], [seconds, best * row.factor, ...beside], [AFTER_S, best / 2, ...beside]]);
    const wall = (Date.now() - began) / 1000, [calm, burst, after] = x.phases, from = (CALM_S + seconds) * 10;
    let back = 0;             // tenths after the burst until for half a second as much is answered as is asked
    while (back < AFTER_S * 10 - 5 && sum(x, from + back, 5) < best / 4 * 0.95) back++;
    const lines = await (await fetch(server.url + server.lines)).text();
    return {
      name, best: Math.round(best), offered: Math.round(burst.main.sent / seconds), goodput: Math.round(sum(x, CALM_S * 10, seconds * 10) / seconds),
      share: +(sum(x, CALM_S * 10, seconds * 10) / seconds / best).toFixed(3), let_in_ms_50_99_999_max: ms(burst.main.ok_us), refused_ms_50_99_999_max: ms(burst.main.shed_us),
      generator_late_ms: ms(burst.main.late_us), refused: burst.main.shed, retry_after_min_mean_max: burst.main.retry, recovered_s: back / 10, calm_ms: ms(calm.main.ok_us), after_ms: ms(after.main.ok_us),
      after_refused: after.main.shed, server_cores_best_burst: [+best_cores.toFixed(2), +used.toFixed(2)], generator_cores: +(x.cpu_s / wall).toFixed(2),
      beside: Object.fromEntries(Object.keys(server.beside).map(k => [k, `${burst[k].ok} of ${burst[k].sent}, p99 ${ms(burst[k].ok_us)[1]} ms`])),
      lost: calm.main.lost + burst.main.lost + after.main.lost, otherwise: burst.main.other + burst.main.limited, raw: x,
      lines: server.lines === '/lines' ? lines : lines.split('\n').filter(l => /^zoetrope_http_(pressed|shed_total).* [1-9]/.test(l)).join(' '),
    };
  } finally {
    await server.stop();
  }
}

const results = [];
for (const name of positionals.length ? positionals : Object.keys(rows)) {
  const r = await one(name);
  results.push(r);
  const { raw: _, ...shown } = r;
  console.log(JSON.stringify(shown).replaceAll(',"', ', "'));
}
mkdirSync(join(root, 'out'), { recursive: true });
writeFileSync(join(root, 'out/overload.json'), JSON.stringify(results));
rmSync(dir, { recursive: true });
