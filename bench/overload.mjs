// overload.mjs - ten times what the server can do, open loop: what is still done, how long it takes, and how soon all is well again.
//
//   node bench/overload.mjs [--seconds 20] [--factor 10] [--conns 2000] [row...]     rows: write read blocking mixed; writes out/overload.json
//
// The server is the real one (ZOETROPE_BIN or the newest build), with its own data folder and durable writes. The generator runs on the same
// machine and takes its share of it, which the result says; so capacity is measured with it, too.
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { root, startServer } from '../tests/lib/server.mjs';
import { Client } from '../tests/lib/client.mjs';

const { values: arg, positionals } = parseArgs({ allowPositionals: true, options: {
  seconds: { type: 'string', default: '20' }, factor: { type: 'string', default: '10' }, conns: { type: 'string', default: '2000' } } });
const seconds = Number(arg.seconds), factor = Number(arg.factor);
const dir = mkdtempSync(join(tmpdir(), 'flood-'));
const flood = join(dir, 'flood');
execFileSync('cc', ['-O2', '-o', flood, join(import.meta.dirname, 'flood.c')]);

const raw = (method, path, token, body, more = '') => `${method} ${path} HTTP/1.1\r\nHost: localhost\r\n` +
  (token ? `Authorization: Bearer ${token}\r\n` : '') + more + (body === undefined ? '' : `Content-Length: ${Buffer.byteLength(body)}\r\n`) + `\r\n${body ?? ''}`;

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

const rows = {
  write: c => ({ main: raw('PATCH', '/v1/me', c.token, '{"lang":"en"}', 'Content-Type: application/json\r\n') }),
  read: c => ({ main: raw('GET', '/v1/tasks', c.token) }),
  blocking: () => ({ main: raw('GET', '/v1/templates/festive/thumb', null) }),
};

async function one(name) {
  const server = await startServer(null, { env: { ZOETROPE_NET_CONNS_PER_IP_MAX: '0', ZOETROPE_LOG_LEVEL: 'error' } });
  try {
    const c = await Client.guest(server.url);
    const kinds = { ...rows[name](c), probe: raw('GET', '/healthz'), ready: raw('GET', '/readyz'), metrics: raw('GET', '/metrics') };
    const answered = (x, from, s) => x.tenths.main.slice(from * 10, (from + s) * 10).reduce((a, b) => a + b, 0) / s;
    const closed = async (conns, s) => answered(await run(server, conns, { main: kinds.main }, [[s, -1]]), 0, s);
    await closed(32, 1);
    const best = Math.max(await closed(16, 3), await closed(64, 3));
    process.stderr.write(`${name}: best ${Math.round(best)}/s\n`);
    const beside = [20, 5, 2], before = cpu(server.pid), began = Date.now();
    const x = await run(server, Number(arg.conns), kinds, [[3, best / 2, ...beside], [seconds, best * factor, ...beside], [10, best / 2, ...beside]]);
    const wall = (Date.now() - began) / 1000, [calm, burst, after] = x.phases;
    // Recovered: the first tenth after the burst from which on, for a second, all that is asked is answered.
    const from = (3 + seconds) * 10, want = best / 20 * 0.95;
    let back = 0;
    while (back < 100 && Array.from({ length: 10 }, (_, i) => x.tenths.main[from + back + i] ?? 0).reduce((a, b) => a + b) < want * 10) back++;
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    const result = {
      name, best: Math.round(best), offered: Math.round(burst.main.sent / seconds), goodput: Math.round(answered(x, 3, seconds)),
      share: +(answered(x, 3, seconds) / best).toFixed(3), p50_ms: burst.main.ok_us[0] / 1000, p99_ms: burst.main.ok_us[1] / 1000, max_ms: burst.main.ok_us[3] / 1000,
      shed: burst.main.shed, shed_p99_ms: burst.main.shed_us[1] / 1000, retry: burst.main.retry, recovered_s: back / 10,
      server_cpu: +((cpu(server.pid) - before) / wall).toFixed(2), generator_cpu: +(x.cpu_s / wall).toFixed(2),
      beside: Object.fromEntries(['probe', 'ready', 'metrics'].map(k => [k, { ok: `${burst[k].ok}/${burst[k].sent}`, p99_ms: burst[k].ok_us[1] / 1000 }])),
      lost: burst.main.lost + after.main.lost, other: burst.main.other + burst.main.limited, calm_p99_ms: calm.main.ok_us[1] / 1000, raw: x,
      lines: metrics.split('\n').filter(l => /^zoetrope_http_(pressed|shed_total).* [1-9]/.test(l)),
    };
    return result;
  } finally {
    await server.stop();
  }
}

const results = [];
for (const name of positionals.length ? positionals : ['write', 'read', 'blocking']) {
  const r = await one(name);
  results.push(r);
  const { raw: _, ...shown } = r;
  console.log(JSON.stringify(shown, null, 1));
}
mkdirSync(join(root, 'out'), { recursive: true });
writeFileSync(join(root, 'out/overload.json'), JSON.stringify(results));
rmSync(dir, { recursive: true });
