// rig.mjs - starts what is measured, and ends it whatever happens. Nothing is left running, nothing is left on the disk.
import { spawn } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';

export const root = resolve(import.meta.dirname, '../..');
export const node = process.execPath;
export const python = '/usr/bin/python3';              // Debian's own, whose packages tools/setup installs
export const built = name => join(root, 'build/release', name);

const alive = new Set(), folders = new Set();
process.on('exit', () => {
  for (const p of alive) { try { process.kill(-p.pid, 'SIGKILL'); } catch { /* it has ended */ } }
  for (const f of folders) rmSync(f, { recursive: true, force: true });
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(130));

/** A folder on the disk that is measured ($ZOETROPE_BENCH_DIR, else the system's temporary folder); removed at the end. */
export function folder(name) {
  const base = process.env.ZOETROPE_BENCH_DIR ?? tmpdir();
  mkdirSync(base, { recursive: true });
  const made = mkdtempSync(join(base, `zt-bench-${name}-`));
  folders.add(made);
  return made;
}

/** A port that was free a moment ago; for programs that cannot take port 0 and say which they got. */
export async function freePort() {
  const s = createServer().listen(0, '127.0.0.1');
  await once(s, 'listening');
  const { port } = s.address();
  s.close();
  return port;
}

export async function within(ms, promise, what) {
  let timer;
  const late = new Promise((_, fail) => { timer = setTimeout(() => fail(new Error(`${what}: not within ${ms} ms`)), ms); });
  try { return await Promise.race([promise, late]); } finally { clearTimeout(timer); }
}

/** Asks until it is answered with something true; for programs that do not say when they are ready. */
export async function until(ask, what, ms = 60_000, pauseMs = 20) {
  const deadline = Date.now() + ms;
  for (;;) {
    const v = await Promise.resolve().then(ask).catch(() => undefined);
    if (v) return v;
    if (Date.now() > deadline) throw new Error(`${what}: not within ${ms} ms`);
    await new Promise(f => setTimeout(f, pauseMs));
  }
}

/** A process group of its own: { pid, line(regexp) -> match, write(text), stop(), exited }. */
export class Proc {
  #lines = [];
  #wake = [];
  #log = '';

  constructor(name, command, args, { env = {}, user, cwd = tmpdir() } = {}) {
    const own = user === undefined ? {} : { uid: user.uid, gid: user.gid };
    this.name = name;
    this.proc = spawn(command, args, { cwd, env: { ...process.env, ...env }, detached: true, stdio: ['pipe', 'pipe', 'pipe'], ...own });
    this.pid = this.proc.pid;
    this.proc.stdin.on('error', () => {});
    alive.add(this.proc);
    this.exited = new Promise(f => this.proc.on('error', e => { this.#log += `${e}\n`; f(-1); }).on('exit', (code, signal) => f(signal ?? code)));
    this.exited.then(() => { alive.delete(this.proc); this.ended = true; this.#tell(); });
    createInterface({ input: this.proc.stdout }).on('line', l => { this.#lines.push(l); this.#tell(); });
    this.proc.stderr.setEncoding('utf8').on('data', d => { this.#log = (this.#log + d).slice(-8000); this.#tell(); });
  }

  #tell() { for (const f of this.#wake.splice(0)) f(); }

  /** The next line of its output that matches; lines before it are dropped. */
  async line(pattern, ms = 120_000) {
    const found = (async () => {
      for (;;) {
        while (this.#lines.length) {
          const m = pattern.exec(this.#lines.shift());
          if (m) return m;
        }
        if (this.ended) throw new Error(`${this.name} ended: ${this.#log.slice(-2000)}`);
        await new Promise(f => this.#wake.push(f));
      }
    })();
    try { return await within(ms, found, `${this.name} says ${pattern}`); } catch (e) { found.catch(() => {}); throw e; }
  }

  log() { return this.#log; }
  write(text) { this.proc.stdin.write(text); }

  async stop(signal = 'SIGTERM') {
    if (this.ended) return;
    try { process.kill(signal === 'SIGKILL' ? -this.pid : this.pid, signal); } catch { /* it has ended */ }
    await within(15_000, this.exited, `${this.name} ends`).catch(() => {});
    try { process.kill(-this.pid, 'SIGKILL'); } catch { /* it has ended */ }
  }
}

/** Runs a program to its end and gives its output; input: its stdin. Throws unless it exits with 0. */
export async function run(command, args, { input, ...options } = {}) {
  const p = new Proc(command.split('/').pop(), command, args, options);
  let out = '';
  p.proc.stdout.setEncoding('utf8').on('data', d => { out += d; });
  p.proc.stdin.end(input);
  const [code] = await Promise.all([p.exited, once(p.proc.stdout, 'close')]);
  if (code !== 0) throw new Error(`${command} ${args.join(' ')}: exit ${code}\n${out.slice(-2000)}${p.log()}`);
  return out;
}

/** An account without rights for servers that refuse to run as root; {} when we are nobody special ourselves. */
export function unprivileged(...owned) {
  if (process.getuid() !== 0) return {};
  const [, , uid, gid] = readFileSync('/etc/passwd', 'utf8').split('\n').find(l => l.startsWith('nobody:')).split(':').map(Number);
  for (const f of owned) if (existsSync(f)) chownSync(f, uid, gid);
  return { user: { uid, gid } };
}
