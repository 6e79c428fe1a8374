// webdriver.mjs - WebKit, the engine of every iPhone: Debian's MiniBrowser through WebKitWebDriver (W3C WebDriver), on a screen of its own.
//
//   const page = await openWebKit(t, { lang: 'zh', width: 360, height: 740 });
//   await page.go(url); await page.until('document.title'); await page.click('#start'); await page.type('#files', path);
import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { PATIENCE_MS, tempDir, within } from './server.mjs';

const ELEMENT = 'element-6066-11e4-a52e-4f735466cecf';

function miniBrowser() {
  const arch = readdirSync('/usr/lib').find(d => /-linux-gnu/.test(d) && readdirSync(`/usr/lib/${d}`).includes('webkit2gtk-4.1'));
  if (!arch) throw new Error('no webkit2gtk-4.1: tools/setup test-full');
  return `/usr/lib/${arch}/webkit2gtk-4.1/MiniBrowser`;
}

/** It cannot choose a port itself, and by the time it listens somebody else may have this one. */
async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise(done => server.once('listening', done));
  const { port } = server.address();
  await new Promise(done => server.close(done));
  return port;
}

/** Ends with the test, whatever happens. */
function run(t, program, args, options) {
  const proc = spawn(program, args, options), ended = new Promise(done => proc.once('exit', done));
  proc.once('error', () => {});
  t.after(async () => {
    proc.kill('SIGTERM');
    await within(5_000, ended).catch(() => proc.kill('SIGKILL'));
  });
  return proc;
}

class Page {
  constructor(base) { this.base = base; }

  async #call(method, path, body) {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const answer = await fetch(this.base + path, { method, signal, ...(body ? { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } } : {}) });
    const { value } = await answer.json();
    if (!answer.ok) throw Object.assign(new Error(`${path}: ${value.error}: ${value.message}`), { code: value.error });
    return value;
  }
  async #element(selector) { return (await this.#call('POST', '/element', { using: 'css selector', value: selector }))[ELEMENT]; }

  go(url) { return this.#call('POST', '/url', { url }); }
  reload() { return this.#call('POST', '/refresh', {}); }
  back() { return this.#call('POST', '/back', {}); }
  /** The value of an expression. */
  js(expression) { return this.#call('POST', '/execute/sync', { script: `return (${expression});`, args: [] }); }
  text(selector) { return this.js(`document.querySelector(${JSON.stringify(selector)})?.textContent.trim()`); }
  size(width, height) { return this.#call('POST', '/window/rect', { width, height }); }
  /** Only what lies on top can be clicked: a finger could not reach anything else. */
  async click(selector) {
    const one = `document.querySelector(${JSON.stringify(selector)})`;
    await this.until(`(e => { if (!e || e.disabled) return false; e.scrollIntoView({ block: 'center' }); const b = e.getBoundingClientRect(), top = document.elementFromPoint(b.left + b.width / 2, b.top + b.height / 2); return e === top || e.contains(top); })(${one})`);
    await this.js(`${one}.click()`);
  }
  async type(selector, text) { return this.#call('POST', `/element/${await this.#element(selector)}/value`, { text }); }

  /** As soon as the expression is true; also across a navigation. */
  until(expression, ms = PATIENCE_MS) {
    const look = async () => {
      for (;;) {
        try {                          // asked again at once; a script that waits inside the page would not outlive a step back
          if (await this.js(`(() => { try { return Boolean(${expression}); } catch { return false; } })()`)) return;
        } catch (error) {
          if (!/script timeout|javascript error|stale|no such frame|unknown error/.test(error.code)) throw error;
        }
      }
    };
    return within(ms, look(), () => `never true: ${expression}`);
  }

  async screenshot(file) {
    // WebKitGTK takes the picture when it next draws, and a page at rest may not draw again: something invisible moves for a while
    await this.js(`(() => { let n = 0; const draw = () => { document.documentElement.style.outline = \`\${n % 2}px solid transparent\`; if (++n < 120) requestAnimationFrame(draw); }; draw(); })()`);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, Buffer.from(await this.#call('GET', '/screenshot'), 'base64'));
  }
  end() { return this.#call('DELETE', ''); }
}

export async function openWebKit(t, { lang = 'en', width = 360, height = 740 } = {}) {
  const home = tempDir('zt-webkit-');
  const screen = run(t, 'Xvfb', ['-displayfd', '3', '-screen', '0', '1600x1200x24', '-nolisten', 'tcp'], { stdio: ['ignore', 'ignore', 'ignore', 'pipe'] });
  const display = await within(PATIENCE_MS, new Promise(found => createInterface({ input: screen.stdio[3] }).once('line', found)), () => 'Xvfb did not start');
  const tag = lang === 'zh' ? 'zh_CN' : 'en_US';
  const env = { PATH: process.env.PATH, HOME: home, XDG_RUNTIME_DIR: home, XDG_DATA_HOME: home, XDG_CACHE_HOME: home, DISPLAY: `:${display}`, GDK_BACKEND: 'x11', LANG: 'C.UTF-8', LANGUAGE: tag,
    NO_AT_BRIDGE: '1', WEBKIT_DISABLE_COMPOSITING_MODE: '1', LIBGL_ALWAYS_SOFTWARE: '1', WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: '1' };        // root in a container has no namespaces
  const listens = async () => {
    for (let tries = 0; tries < 5; tries++) {
      const port = await freePort(), driver = run(t, 'WebKitWebDriver', [`--port=${port}`, '--host=127.0.0.1'], { env, stdio: 'ignore' });
      while (driver.exitCode === null)
        try { return await fetch(`http://127.0.0.1:${port}/status`).then(() => `http://127.0.0.1:${port}`); } catch { await new Promise(setImmediate); }
    }
    throw new Error('WebKitWebDriver ends');
  };
  const base = await within(PATIENCE_MS, listens(), () => 'WebKitWebDriver did not start');
  const capabilities = { alwaysMatch: { browserName: 'MiniBrowser', 'webkitgtk:browserOptions': { binary: miniBrowser(), args: ['--automation', `--geometry=${width}x${height}`] } } };
  const answer = await within(PATIENCE_MS, fetch(`${base}/session`, { method: 'POST', body: JSON.stringify({ capabilities }), headers: { 'content-type': 'application/json' } }), () => 'MiniBrowser did not start');
  const { value } = await answer.json();
  if (!value.sessionId) throw new Error(JSON.stringify(value));
  const page = new Page(`${base}/session/${value.sessionId}`);
  t.after(() => page.end().catch(() => {}));
  await page.size(width, height);
  return page;
}
