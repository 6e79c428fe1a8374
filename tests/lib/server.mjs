// server.mjs - starts the real zoetrope on a free port with its own data folder, and ends it whatever happens.
//
//   const server = await startServer(t);                      // t: the node:test context; the server ends with the test
//   const server = await startServer(null, { env: {...} });   // without: call server.stop() yourself
//
// Nothing here sleeps: readiness is the line that the server prints, its end is its exit, a log line is awaited with a deadline.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';

export const root = resolve(import.meta.dirname, '../..');

/** The binary under test: $ZOETROPE_BIN, else the newest of the build folders. */
export function binary() {
  if (process.env.ZOETROPE_BIN) return resolve(process.env.ZOETROPE_BIN);
  const built = ['debug', 'release'].map(d => join(root, 'build', d, 'zoetrope')).filter(existsSync);
  if (!built.length) throw new Error('no zoetrope under build/: build it first, or set ZOETROPE_BIN');
  return built.sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs)[0];
}

/** Of our own environment only what is about the machine and the sanitizers: no setting of the person who runs the tests. */
function passedOn() {
  const names = ['PATH', 'HOME', 'LANG', 'TZ', 'TMPDIR', 'ASAN_OPTIONS', 'UBSAN_OPTIONS', 'TSAN_OPTIONS', 'ZOETROPE_MEDIA_HELPER'];
  return Object.fromEntries(names.filter(n => n in process.env).map(n => [n, process.env[n]]));
}

const running = new Set(), folders = [];
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(130));
process.on('exit', () => {
  for (const s of running) s.proc.kill('SIGKILL');
  for (const f of folders) rmSync(f, { recursive: true, force: true, maxRetries: 10 });      // whoever was killed may write for another moment
});

class Server {
  log = [];              // every line of the log, parsed
  said = [];             // every line on stdout
  #waiting = [];

  constructor(proc, dataDir, ownsData) {
    this.proc = proc;
    this.pid = proc.pid;
    this.dataDir = dataDir;
    this.ownsData = ownsData;
    this.exited = once(proc, 'exit').then(([code, signal]) => ({ code, signal }));
    this.exited.then(() => running.delete(this));
    createInterface({ input: proc.stderr }).on('line', line => this.#take(line));
    running.add(this);
  }

  #take(line) {
    let event;
    try { event = JSON.parse(line); } catch { event = { ev: 'not json', line }; }
    this.log.push(event);
    this.#waiting = this.#waiting.filter(w => !(w.test(event) && (w.found(event), true)));
  }

  /** The first log event, past or to come, for which test(event) is true. */
  waitLog(test, ms = PATIENCE_MS) {
    const past = this.log.find(test);
    if (past) return Promise.resolve(past);
    return within(ms, new Promise(found => this.#waiting.push({ test, found })), () => `no such log line; the last ones:\n${this.tail()}`);
  }

  tail(n = 15) { return this.log.slice(-n).map(l => JSON.stringify(l)).join('\n'); }
  operatorToken() { return readFileSync(join(this.dataDir, 'operator.token'), 'utf8').trim(); }

  /** Ends it like an operator does; gives { code, signal }. */
  async stop(signal = 'SIGTERM', ms = PATIENCE_MS) {
    this.proc.kill(signal);
    try {
      return await within(ms, this.exited, () => `still running ${ms} ms after ${signal}; log:\n${this.tail()}`);
    } finally {
      this.proc.kill('SIGKILL');
    }
  }

  /** Ends it like a power cut does. */
  async kill() {
    this.proc.kill('SIGKILL');
    return this.exited;
  }

  forget() { if (this.ownsData) rmSync(this.dataDir, { recursive: true, force: true }); }
}

/**
 * How long a test waits for what must come. It is never seen but when something is wrong, so it is long: a machine that has much else to do, or
 * a sanitizer, is no failure. What a test says about time (`within a second`) has a number of its own.
 */
export const PATIENCE_MS = 120_000;

/** promise, or an Error with the words of why() after ms. */
export async function within(ms, promise, why = () => `not done within ${ms} ms`) {
  let timer;
  const late = new Promise((_, fail) => { timer = setTimeout(() => fail(new Error(why())), ms); });
  try { return await Promise.race([promise, late]); } finally { clearTimeout(timer); }
}

/** Looks until it is so; given up, it looks no more: a loop left behind would keep its process alive. */
export async function until(what, ms = PATIENCE_MS) {
  let over = false;
  const look = async () => { while (!over && !what()) await new Promise(setImmediate); };
  await within(ms, look(), () => `never: ${what}`).finally(() => { over = true; });
}

/** A folder that is gone when this process ends. */
export function tempDir(prefix = 'zt-') {
  folders.push(mkdtempSync(join(tmpdir(), prefix)));
  return folders.at(-1);
}

/** A clock that can be moved while servers run: { env, set(ms from now) }. env goes to startServer(). */
export function movableClock(t) {
  const dir = tempDir('zt-clock-'), file = join(dir, 'offset_ms');
  const set = ms => {
    writeFileSync(`${file}.new`, String(ms));            // whole or not at all: it may be read at any moment
    renameSync(`${file}.new`, file);
  };
  set(0);
  return { env: { ZOETROPE_CLOCK_OFFSET_FILE: file }, set };
}

/**
 * options: dataDir (default: a fresh one, removed at the end), env (added), args (flags behind `serve`), readyMs, bin (default: binary()).
 * An error bears exitCode when the server ended. The result: { url, host, port, pid, dataDir, log, waitLog(), stop(), kill(), exited, operatorToken() }.
 */
export async function startServer(t = null, { dataDir, env = {}, args = [], readyMs = PATIENCE_MS, bin = binary() } = {}) {
  const data = dataDir ?? tempDir('zt-data-');
  const proc = spawn(bin, ['serve', ...args], {
    cwd: tmpdir(),       // nobody's zoetrope.yaml
    env: { ...passedOn(),
      ZOETROPE_LISTEN: '127.0.0.1:0', ZOETROPE_DATA: data, ZOETROPE_API_GUESTS_PER_HOUR: '1000000',
      // what a test asks for is not refused because the machine is busy with something else
      ZOETROPE_NET_DELAY_MS: '1s', ZOETROPE_NET_HANDLER_MS: '10m', ZOETROPE_MEDIA_STEP_MS: '10m',
      ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const server = new Server(proc, data, !dataDir);
  t?.after(async () => {
    await server.kill();
    server.forget();
    const report = server.log.filter(l => l.ev === 'not json').map(l => l.line).join('\n');
    if (/Sanitizer|runtime error/.test(report)) throw new Error(report);
  });
  const out = createInterface({ input: proc.stdout });
  const ready = new Promise(found => out.on('line', line => {
    server.said.push(line);
    const m = /^zoetrope is ready: (http:\/\/([^/]+:(\d+)))\//.exec(line);
    if (m) found(m);
    else if (/^zoetrope is ready: /.test(line))             // a public_url was set: where it really listens is in the log
      server.waitLog(l => l.ev === 'server.started').then(({ port }) => found(['', `http://127.0.0.1:${port}`, `127.0.0.1:${port}`, port]));
  }));
  const ended = server.exited.then(({ code, signal }) => {
    throw Object.assign(new Error(`zoetrope ended before it was ready (code ${code}, signal ${signal}):\n${server.tail(30)}`), { exitCode: code });
  });
  ended.catch(() => {});
  const [, url, host, port] = await within(readyMs, Promise.race([ready, ended]), () => `not ready within ${readyMs} ms:\n${server.tail()}`);
  return Object.assign(server, { url, host, port: Number(port) });
}

/** Runs `zoetrope <args>` to its end: { code, signal, stdout, stderr }. */
export async function runZoetrope(args, { env = {}, ms = PATIENCE_MS, input, bin = binary() } = {}) {
  const proc = spawn(bin, args, { cwd: tmpdir(), env: { ...passedOn(), ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
  let stdout = '', stderr = '';
  proc.stdout.setEncoding('utf8').on('data', d => { stdout += d; });
  proc.stderr.setEncoding('utf8').on('data', d => { stderr += d; });
  proc.stdin.end(input);
  const timer = setTimeout(() => proc.kill('SIGKILL'), ms);
  const [code, signal] = await once(proc, 'close');
  clearTimeout(timer);
  return { code, signal, stdout, stderr };
}
