// browser.mjs - one page in headless Chromium, over its debugging pipe; no package needed.
//
//   const page = await openPage(t, { lang: 'zh', width: 360, height: 740 });
//   await page.go(url); await page.until('document.title'); await page.click('#start'); await page.files('#files', [path]);
import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { PATIENCE_MS, tempDir, within } from './server.mjs';

const program = process.env.CHROMIUM ?? 'chromium';

/** Chrome DevTools Protocol over file descriptors 3 and 4: JSON texts, each ended by NUL. */
class Pipe {
  #next = 1;
  #waiting = new Map();
  #rest = '';
  #listeners = new Map();

  constructor(proc) {
    this.out = proc.stdio[3];
    proc.stdio[4].setEncoding('utf8').on('data', data => {
      const texts = (this.#rest + data).split('\0');
      this.#rest = texts.pop();
      for (const text of texts) this.#take(JSON.parse(text));
    });
    this.out.on('error', () => {});        // it has ended
  }

  #take(message) {
    if (!message.id) {
      for (const fn of this.#listeners.get(message.method) ?? []) fn(message.params);
      return;
    }
    const { done, fail } = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (message.error) fail(new Error(message.error.message));
    else done(message.result);
  }

  send(method, params = {}, sessionId = undefined) {
    const id = this.#next++;
    this.out.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return within(PATIENCE_MS, new Promise((done, fail) => this.#waiting.set(id, { done, fail })), () => `Chromium did not answer ${method}`);
  }

  on(method, fn) { this.#listeners.set(method, [...(this.#listeners.get(method) ?? []), fn]); }
}

class Page {
  errors = [];             // uncaught exceptions and what the console calls an error

  constructor(pipe, session) {
    this.pipe = pipe;
    this.session = session;
    pipe.on('Runtime.exceptionThrown', p => this.errors.push(p.exceptionDetails.exception?.description ?? p.exceptionDetails.text));
    pipe.on('Log.entryAdded', ({ entry }) => { if (entry.level === 'error' && entry.source !== 'network') this.errors.push(entry.text); });
  }

  cdp(method, params) { return this.pipe.send(method, params, this.session); }

  /** The value of an expression, promises awaited. */
  async js(expression) {
    const { result, exceptionDetails } = await this.cdp('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true });
    if (exceptionDetails) throw new Error(`${expression}: ${exceptionDetails.exception?.description ?? exceptionDetails.text}`);
    return result.value;
  }

  /** As soon as the expression is true; looked at once a frame, also across a navigation. */
  until(expression, ms = PATIENCE_MS) {
    const look = async () => {
      for (;;) {
        try {
          return await this.js(`new Promise(done => { const look = () => { const v = (() => ${expression})(); v ? done(true) : requestAnimationFrame(look); }; look(); })`);
        } catch (error) {
          if (!/context was destroyed|navigated|Cannot find context/.test(error.message)) throw error;
        }
      }
    };
    return within(ms, look(), () => `never true: ${expression}`);
  }

  async go(url) {
    await this.cdp('Page.navigate', { url });
    await this.until(`document.readyState === 'complete' && location.href.startsWith(${JSON.stringify(url)})`);
  }
  click(selector) { return this.js(`document.querySelector(${JSON.stringify(selector)}).click()`); }
  text(selector) { return this.js(`document.querySelector(${JSON.stringify(selector)})?.textContent.trim()`); }

  async files(selector, paths) {
    const { root } = await this.cdp('DOM.getDocument');
    const { nodeId } = await this.cdp('DOM.querySelector', { nodeId: root.nodeId, selector });
    await this.cdp('DOM.setFileInputFiles', { nodeId, files: paths });
  }

  async screenshot(file) {
    const { cssContentSize: size } = await this.cdp('Page.getLayoutMetrics');
    const clip = { x: 0, y: 0, width: size.width, height: Math.min(size.height, 4000), scale: 1 };
    const { data } = await this.cdp('Page.captureScreenshot', { format: 'png', captureBeyondViewport: true, clip });
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, Buffer.from(data, 'base64'));
  }

  /** What a screen reader would say: [{ role, name }] of everything one can act on. */
  async controls() {
    const { nodes } = await this.cdp('Accessibility.getFullAXTree');
    const acting = new Set(['button', 'link', 'checkbox', 'radio', 'textbox', 'combobox', 'slider', 'switch', 'tab', 'menuitem']);
    return nodes.filter(n => !n.ignored && acting.has(n.role?.value)).map(n => ({ role: n.role.value, name: n.name?.value ?? '' }));
  }
}

export async function openPage(t, { lang = 'en', width = 360, height = 740, dark = false } = {}) {
  const profile = tempDir('zt-chromium-'), tag = lang === 'zh' ? 'zh-CN' : 'en-US';
  const proc = spawn(program, ['--headless=new', '--no-sandbox', '--disable-gpu', '--hide-scrollbars', '--remote-debugging-pipe', `--user-data-dir=${profile}`,
    `--lang=${tag}`, `--accept-lang=${tag}`], { env: { ...process.env, TMPDIR: profile }, stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
  const ended = new Promise(done => proc.once('exit', done));
  const pipe = new Pipe(proc);
  t.after(async () => {
    await pipe.send('Browser.close').catch(() => {});
    await within(10_000, ended).catch(() => proc.kill('SIGKILL'));
  });
  const { targetId } = await pipe.send('Target.createTarget', { url: 'about:blank' });
  const { sessionId } = await pipe.send('Target.attachToTarget', { targetId, flatten: true });
  const page = new Page(pipe, sessionId);
  for (const domain of ['Page', 'Runtime', 'DOM', 'Log', 'Network', 'Accessibility']) await page.cdp(`${domain}.enable`);
  await page.cdp('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: width < 600 });
  await page.cdp('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }] });
  return page;
}
