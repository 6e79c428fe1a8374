// proc.mjs - what processes cost, told by the kernel: CPU time of a whole tree, memory, how busy the machine is.
import { readdirSync, readFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { loadavg } from 'node:os';

const TICK_US = 1e6 / Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

const read = path => { try { return readFileSync(path, 'utf8'); } catch { return null; } };

/** Fields of /proc/PID/stat behind the name, which may hold anything; null when it has ended. */
function stat(pid) {
  const text = read(`/proc/${pid}/stat`);
  return text && text.slice(text.lastIndexOf(')') + 2).split(' ');
}

/** pid and all its descendants that live. */
export function tree(pid) {
  const parents = new Map();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const f = stat(name);
    if (f) parents.set(Number(name), Number(f[1]));
  }
  const found = [pid];
  for (const p of found) for (const [child, parent] of parents) if (parent === p) found.push(child);
  return found;
}

/** The processes of this zoetrope-media that work on pictures: not itself, nor the light process it forks some of them from. */
export function workersOf(helper) {
  const children = tree(helper).slice(1), light = children.find(pid => Number(stat(pid)?.[1]) === helper && read(`/proc/${pid}/comm`)?.trim() === 'media-light');
  return light ? children.filter(pid => pid !== light) : [];        // without one it is only starting
}

/**
 * Microseconds of CPU that the trees of these pids have used since they began: user and system, with children that have ended and were
 * waited for. Exact to a tick (10 ms), so a window should hold at least a hundred.
 */
export function treeCpuUs(...pids) {
  const { user, system } = treeCpuParts(...pids);
  return user + system;
}

/** The same in two parts. */
export function treeCpuParts(...pids) {
  let user = 0, system = 0;
  for (const pid of pids.flatMap(tree)) {
    const f = stat(pid);
    user += f ? Number(f[11]) + Number(f[13]) : 0;
    system += f ? Number(f[12]) + Number(f[14]) : 0;
  }
  return { user: user * TICK_US, system: system * TICK_US };
}

/** Microseconds of CPU that all cores together had nothing to do for, since the machine was started. */
export function idleUs() {
  const [, , , , idle, iowait] = read('/proc/stat').split('\n', 1)[0].split(/ +/);
  return (Number(idle) + Number(iowait)) * TICK_US;
}

/** Bytes: { rss, pss, peak } of one process. peak: highest rss since resetPeak(). */
export function memory(pid) {
  const rollup = read(`/proc/${pid}/smaps_rollup`) ?? '', status = read(`/proc/${pid}/status`) ?? '';
  const kb = (text, name) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? NaN) * 1024;
  return { rss: kb(rollup, 'Rss'), pss: kb(rollup, 'Pss'), anonymous: kb(rollup, 'Anonymous'), peak: kb(status, 'VmHWM') };
}

/** All CPUs: microseconds { busy, total } since boot. */
export function machineCpuUs() {
  const n = read('/proc/stat').split('\n', 1)[0].trim().split(/\s+/).slice(1, 9).map(Number);
  const total = n.reduce((a, b) => a + b, 0);
  return { busy: (total - n[3] - n[4]) * TICK_US, total: total * TICK_US };
}

export const load = () => loadavg().map(n => Number(n.toFixed(2)));
