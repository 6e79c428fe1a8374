// load.mjs - the client's side: wrk for closed loops, bench/load for open ones. Both are processes, so their CPU can be told apart.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { built, folder, Proc, run } from './rig.mjs';
import { machineCpuUs, treeCpuParts, treeCpuUs } from './proc.mjs';

const head = (path, headers = {}) =>
  `GET ${path} HTTP/1.1\r\nHost: bench\r\n${Object.entries(headers).map(([k, v]) => `${k}: ${v}\r\n`).join('')}\r\n`;

let script;
function differingScript() {
  script ??= join(folder('differing'), 'differing.lua');
  writeFileSync(script, 'local n = 0\nrequest = function() n = n + 1; wrk.headers["X-Number"] = n; return wrk.format() end\n');
  return script;
}

/**
 * wrk for that long on so many connections, one thread: the next request when the answer is there. Gives { requests, bytes, seconds,
 * serverCpuUs, userShare: the part of it outside the kernel, p50, p99 (ms), generatorShare: wrk's part of server and wrk, othersShare: the part of
 * all CPU time that neither of them used }. Throws when a request failed.
 * server: { port, pids }; pids name the trees that serve. differing: a number counts up in each head, so that no two are the same.
 */
export async function closedLoop(server, path, { conns = 32, seconds = 2, headers = {}, differing = false } = {}) {
  const p = new Proc('wrk', 'wrk', ['-t1', `-c${conns}`, `-d${seconds}s`, '--latency', '--timeout', '30s', ...(differing ? ['-s', differingScript()] : []),
    ...Object.entries(headers).flatMap(([k, v]) => ['-H', `${k}: ${v}`]), `http://127.0.0.1:${server.port}${path}`]);
  const before = treeCpuParts(...server.pids), machine = machineCpuUs();
  let out = '';
  p.proc.stdout.setEncoding('utf8').on('data', d => { out += d; });
  const generator = await new Promise(f => {             // its own CPU, read while it is still there
    let last = 0;
    const timer = setInterval(() => { last = Math.max(last, treeCpuUs(p.pid)); }, 50);
    p.exited.then(() => { clearInterval(timer); f(last); });
  });
  const after = treeCpuParts(...server.pids), now = machineCpuUs();
  const serverCpuUs = after.user + after.system - before.user - before.system;
  const done = /(\d+) requests in ([\d.]+)(ms|s|m), ([\d.]+)(B|KB|MB|GB) read/.exec(out);
  if (!done || /Non-2xx|Socket errors/.test(out)) throw new Error(`wrk ${path}: ${out}${p.log()}`);
  const bytes = Number(done[4]) * { B: 1, KB: 1024, MB: 1024 ** 2, GB: 1024 ** 3 }[done[5]];
  const ms = q => { const [, n, u] = new RegExp(`${q}%\\s+([\\d.]+)(us|ms|s)`).exec(out); return Number(n) * { us: 1e-3, ms: 1, s: 1e3 }[u]; };
  return {
    requests: Number(done[1]), bytes, seconds: Number(done[2]) * { ms: 1e-3, s: 1, m: 60 }[done[3]], serverCpuUs,
    userShare: (after.user - before.user) / serverCpuUs, p50: ms(50), p99: ms(99), generatorShare: generator / (generator + serverCpuUs), othersShare: 1 - (generator + serverCpuUs) / Math.max(1, now.busy - machine.busy),
  };
}

/** rate requests a second, latencies from when each was due; what bench/load says, in its words. */
export async function openLoop(port, path, { conns, rate, seconds, headers = {} }) {
  return JSON.parse(await run(built('bench/load'), ['open', port, conns, rate, seconds].map(String), { input: head(path, headers) }));
}

/** Every request (whole texts) once, conns side by side. */
export async function burst(port, conns, requests) {
  return JSON.parse(await run(built('bench/load'), ['burst', port, conns].map(String), { input: requests.map(r => `${r}\0`).join('') }));
}

/** So many connections that made one request each and stay open until close(). */
export async function idle(port, conns, path) {
  const p = new Proc('load', built('bench/load'), ['idle', String(port), String(conns), head(path)]);
  await p.line(/^idle$/);
  return { close: async () => { p.proc.stdin.end(); const [text] = await p.line(/^\{.*\}$/); await p.exited; return JSON.parse(text); } };
}

/** A whole request. body: undefined for none. */
export const request = (method, path, { token, body, headers = '' } = {}) => `${method} ${path} HTTP/1.1\r\nHost: localhost\r\n` +
  (token ? `Authorization: Bearer ${token}\r\n` : '') + headers + (body === undefined ? '' : `Content-Length: ${Buffer.byteLength(body)}\r\n`) + `\r\n${body ?? ''}`;

/**
 * Requests of several kinds at fixed rates, in phases, open loop. kinds: { name: request() }; phases: [[seconds, a rate for each kind; -1: closed loop]].
 * What bench/flood says, and cores: how many of them the generator used while it ran.
 */
export async function flood(port, conns, kinds, phases) {
  const dir = folder('flood'), names = Object.keys(kinds), began = performance.now();
  names.forEach(n => writeFileSync(join(dir, n), kinds[n]));
  const plan = names.map(n => `kind ${n} ${join(dir, n)}\n`).join('') + phases.map(([s, ...rates]) => `phase ${s} ${rates.join(' ')}\n`).join('');
  const x = JSON.parse(await run(built('bench/flood'), [port, conns].map(String), { input: plan }));
  return { ...x, cores: x.cpu_s / ((performance.now() - began) / 1000) };
}

/** So many WebSockets that listen: { round(times, bytes, rounds) -> { deliveries, took_us, cpu_us }, close() }; see bench/sockets.c. */
export async function sockets(port, conns, path) {
  const p = new Proc('sockets', built('bench/sockets'), [port, conns, path].map(String));
  await p.line(/^open$/);
  return {
    async round(times, bytes, rounds) {
      p.write(`${times} ${bytes} ${rounds}\n`);
      return JSON.parse((await p.line(/^\{.*\}$/))[0]);
    },
    close: () => { p.proc.stdin.end(); return p.exited; },
  };
}
