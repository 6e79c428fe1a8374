// walk.mjs - a person with a browser (Playwright, Debian's Chromium), the steps they take, and what must be true at each of them.
//
//   const browser = await openBrowser();
//   const walk = await openWalk(t, browser, server.url, { lang: 'zh', width: 360, height: 740, name: '360x740-zh' });
//   await walk.agree(); await walk.photos([FOUR, ONE]); … await walk.shot('photos');        // out/screens/<name>-<n>-photos.png
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { PATIENCE_MS, root } from './server.mjs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const SCREENS = join(root, 'out/screens');
export const NEXT = '.action-bar .button-primary', TASK = /\/t\/(task_\w+)/;

export function openBrowser() {
  mkdirSync(SCREENS, { recursive: true });
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--no-first-run', '--hide-scrollbars'] });
}

export class Walk {
  errors = [];                 // what the pages threw, and what the browser refused to do for them
  #shots = 0;

  constructor(context, url, name, axe) { Object.assign(this, { context, url, name, axe }); }

  async tab() {
    this.page = await this.context.newPage();
    this.page.on('pageerror', error => this.errors.push(error.stack ?? String(error)));
    this.page.on('console', message => { if (message.type() === 'error' && !/Failed to load resource|net::ERR/.test(message.text())) this.errors.push(message.text()); });
    return this.page;
  }

  go(path) { return this.page.goto(this.url + path); }
  $(selector) { return this.page.locator(selector); }
  id(testid) { return this.page.getByTestId(testid); }
  next() { return this.page.locator(NEXT); }
  /** As soon as fn(arg) is true in the page. */
  until(fn, arg) { return this.page.waitForFunction(fn, arg, { timeout: PATIENCE_MS }); }
  gone(selector) { return this.page.locator(selector).waitFor({ state: 'detached' }); }
  h1(words) { return this.page.locator('h1', { hasText: words }).waitFor(); }

  /** Pictures are there, nothing moves, nothing is still being asked for. */
  async calm() {
    await this.until(() => !document.querySelector('.bone') && [...document.images].every(i => i.complete || i.loading === 'lazy') && document.getAnimations().every(a => a.playState !== 'running' || a.effect?.getTiming().iterations === Infinity));
  }

  async agree() {
    await this.id('consent').check();
    await this.id('files').waitFor({ state: 'attached' });
  }

  settled(n) {
    return this.until(n => [...document.querySelectorAll('[data-testid=photo]')].filter(p => /ready|refused/.test(p.dataset.state)).length === n && document.querySelectorAll('[data-testid=photo]').length === n, n);
  }

  async photos(files, all = files.length) {
    await this.id('files').setInputFiles(files);
    await this.settled(all);
  }

  /** From nothing to the page that names the price. */
  async toPrice(files) {
    await this.go('/new');
    await this.agree();
    await this.photos(files);
    await this.next().click();
    await this.$('.tile input[type=radio]').first().check();
    await this.next().click();
    await this.priced();
  }

  priced() { return this.until(next => document.querySelector('.price') && !document.querySelector('.bone-word') && !document.querySelector(next).disabled, NEXT); }

  /** The task that the page shows. */
  async task() {
    await this.page.waitForURL(TASK);
    return TASK.exec(this.page.url())[1];
  }

  chosen(n = 4) { return this.until(n => document.querySelectorAll('[data-testid=candidate]').length === n, n); }

  /** Tab, until the focus is on what is wanted; on the way it is always seen, never lost, and never covered. */
  async tabTo(selector, { most = 60, key = 'Tab' } = {}) {
    for (let n = 0; n < most; n++) {
      await this.page.keyboard.press(key);
      const at = await this.page.evaluate(selector => {
        const e = document.activeElement;
        if (!e || e === document.body) return { lost: true };
        // a control that is drawn by its neighbour (a tile, a face) is seen as that neighbour
        const seen = [e, e.nextElementSibling, e.parentElement].filter(Boolean).some(x => getComputedStyle(x).outlineStyle !== 'none' && parseFloat(getComputedStyle(x).outlineWidth) > 0 || getComputedStyle(x).boxShadow !== 'none' && x !== e.parentElement);
        return { hit: e.matches(selector), seen, what: e.outerHTML.slice(0, 160) };
      }, selector);
      if (at.lost) continue;                                                   // the browser's own controls, between the last and the first
      assert.ok(at.seen, `one sees where the focus is: ${at.what}`);
      await this.page.waitForFunction(() => {                                  // it may still be scrolling there
        const e = document.activeElement, b = e.getBoundingClientRect(), bar = document.elementFromPoint(b.left + b.width / 2, b.top + b.height / 2)?.closest('.action-bar');
        return !bar || bar.contains(e);
      }, null, { timeout: PATIENCE_MS }).catch(() => assert.fail(`the focus is under the bar: ${at.what}`));
      if (at.hit) return;
    }
    assert.fail(`${selector} was never reached by ${key}`);
  }

  /** Nothing serious or critical, in the light and in the dark. */
  async accessible(where) {
    await this.page.evaluate(AXE);
    for (const colorScheme of ['dark', 'light']) {
      await this.page.emulateMedia({ colorScheme });
      await this.calm();
      const found = await this.page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }).then(r => r.violations.filter(v => /serious|critical/.test(v.impact)).map(v => `${v.id}: ${v.nodes.map(n => `${n.target} ${n.failureSummary}`).join(' | ')}`)));
      assert.deepEqual(found, [], `axe on ${where}, ${colorScheme}`);
    }
  }

  /** Nothing stands out to the side, a thumb hits every button, the console is quiet, axe is content; a picture of the whole page is kept. */
  async shot(step, { whole = true } = {}) {
    await this.calm();
    assert.ok(await this.page.evaluate(() => document.scrollingElement.scrollWidth <= innerWidth), `${step}: nothing stands out to the right`);
    assert.deepEqual(await this.page.evaluate(() => [...document.querySelectorAll('.button, .icon-button, .top-link')].map(b => [b.outerHTML, b.getBoundingClientRect()])
      .filter(([, b]) => b.width && (b.width < 44 || b.height < 44)).map(([html]) => html)), [], `${step}: buttons of at least 44 px`);
    assert.deepEqual(this.errors, [], step);
    const size = this.page.viewportSize(), path = join(SCREENS, `${this.name}-${String(this.#shots++).padStart(2, '0')}-${step}.png`);
    // what sticks to the bottom stands at the bottom of the picture
    if (whole) await this.page.setViewportSize({ ...size, height: Math.min(4000, Math.max(size.height, await this.page.evaluate(() => document.scrollingElement.scrollHeight))) });
    await this.page.screenshot({ path });
    if (whole) await this.page.setViewportSize(size);
    if (this.axe) await this.accessible(step);
  }
}

export async function openWalk(t, browser, url, { lang = 'en', width = 360, height = 740, name = 'walk', axe = false, ...more } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, locale: lang === 'zh' ? 'zh-CN' : 'en-US', hasTouch: width < 1000, reducedMotion: 'no-preference', ...more });
  context.setDefaultTimeout(PATIENCE_MS);
  t.after(() => context.close());
  const walk = new Walk(context, url, name, axe);
  await walk.tab();
  return walk;
}
