// 85-aside.test.mjs - what happens aside of the straight way: a picture is cancelled, two are compared, consent is taken back, somebody is
// there twice, a link was used before, another tab goes on. Pictures of it: out/screens/.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Client } from '../lib/client.mjs';
import { FOUR, ONE, sample } from '../lib/expect.mjs';
import { startServer } from '../lib/server.mjs';
import { openBrowser, openWalk } from '../lib/walk.mjs';

const OTHER = sample('woman-5883428_1280.jpg');
let server, slow, browser;
const fake = script => startServer(null, { env: { ZOETROPE_ENGINE_USE: 'fake', ZOETROPE_ENGINE_FAKE_SCRIPT: script } });
before(async () => { [server, slow, browser] = await Promise.all([fake('delay=100'), fake('delay=600000'), openBrowser()]); });
after(async () => {
  await browser.close();
  for (const one of [server, slow]) {
    const { code } = await one.stop();
    one.forget();
    assert.equal(code, 0);
  }
});

/** What somebody presses or reads stands inside of the window: the names of those that do not. */
const outside = (walk, selector) => walk.$(selector).evaluateAll(all => all.map(b => [b.textContent || b.ariaLabel, b.getBoundingClientRect()])
  .filter(([, b]) => b.width && (b.left < 0 || b.right > innerWidth || b.top < 0 || b.bottom > innerHeight)).map(([name, b]) => `${name}: ${Math.round(b.left)}..${Math.round(b.right)}, ${Math.round(b.top)}..${Math.round(b.bottom)}`));

/** Every request of the page as "METHOD /path status". */
function heard(walk) {
  const all = [];
  walk.page.on('response', answer => all.push(`${answer.request().method()} ${new URL(answer.url()).pathname} ${answer.status()}`));
  return all;
}

test('a cancelled picture can be made again of the same photos, or they are deleted at once', async t => {
  const walk = await openWalk(t, browser, slow.url, { name: 'cancelled-en', axe: true }), all = heard(walk);
  await walk.toPrice([FOUR, ONE]);
  await walk.next().click();
  const cancelled = async () => {
    await walk.task();
    await walk.page.getByRole('button', { name: 'Cancel the picture' }).click();
    await walk.$('[role=dialog] .button-danger').click();
    await walk.h1('Cancelled');
  };
  await cancelled();
  await walk.id('clock').waitFor();
  await walk.shot('photos-kept');
  await walk.page.getByRole('button', { name: 'Make it again' }).click();
  await walk.settled(1);                                           // of the group nobody was ticked
  await walk.page.locator('.action-hint', { hasText: '1 person joins' }).waitFor();
  await walk.next().click();
  await walk.$('.tile input:checked').waitFor();
  await walk.next().click();
  await walk.priced();
  await walk.next().click();
  await cancelled();
  await walk.page.getByRole('button', { name: 'Delete the photos now' }).click();
  await walk.$('[role=dialog] .button-danger').click();
  await walk.page.getByText('The photos are deleted.').waitFor();
  assert.equal(await walk.page.getByRole('button', { name: 'Make it again' }).count(), 0);
  await walk.shot('photos-gone');
  assert.deepEqual(all.filter(a => / 404$/.test(a) && !/favicon/.test(a)), [], 'nothing is deleted that has ended already');
});

for (const [lang, width, height] of [['en', 320, 640], ['en', 360, 740], ['zh', 360, 740], ['en', 1280, 800]]) {
  test(`two pictures are compared at once at ${width} in ${lang}`, async t => {
    const walk = await openWalk(t, browser, server.url, { lang, width, height, name: `compare-${width}-${lang}`, axe: lang === 'en' });
    await walk.toPrice([ONE]);
    await walk.next().click();
    await walk.chosen();
    await walk.shot('grid');
    await walk.page.getByRole('button', { name: lang === 'zh' ? '对比' : 'Compare' }).click();
    await walk.$('.pane').nth(1).waitFor();
    const panes = () => walk.$('.pane img').evaluateAll(all => all.map(i => [i.alt, i.style.transform]));
    const boxes = await walk.$('.pane').evaluateAll(all => all.map(p => p.getBoundingClientRect().toJSON()));
    assert.ok(width < 1000 ? boxes[1].top > boxes[0].bottom - 1 : boxes[1].left > boxes[0].right - 1, 'above each other on a phone, beside each other on a desk');
    assert.equal(await walk.page.evaluate(() => [...document.querySelectorAll('.pane button, .viewer-panes > button')].length), 0, 'nothing lies on a face');
    assert.deepEqual(await outside(walk, '[role=dialog] button, [role=dialog] a'), [], 'every button within the window');
    assert.deepEqual(await walk.$('.viewer-act .button').evaluateAll(all => all.filter(b => b.scrollWidth > b.clientWidth).map(b => b.textContent)), [], 'and every word within its button');
    await walk.shot('two', { whole: false });
    const [[first], [second]] = await panes();
    await walk.page.keyboard.press('ArrowRight');
    await walk.until(second => document.querySelectorAll('.pane img')[1].alt !== second, second);
    assert.equal((await panes())[0][0], first, 'the first one stays');
    await walk.page.keyboard.press('+');
    await walk.until(() => [...document.querySelectorAll('.pane img')].every(i => /scale\(1\.5\)/.test(i.style.transform)));
    await walk.$('.viewer-act .button').nth(1).click();
    await walk.id('picked').waitFor();
    const task = await walk.page.evaluate(id => fetch(`/v1/tasks/${id}`).then(r => r.json()), await walk.task());
    assert.equal(task.picked, task.candidates[2].index, 'the one in the second pane');
  });
}

test('between two news the bar goes on and the seconds go down, but never past what is known', async t => {
  const walk = await openWalk(t, browser, slow.url);
  await walk.toPrice([ONE]);
  await walk.next().click();
  const id = await walk.task(), bar = walk.$('[role=progressbar]');
  await bar.waitFor();
  const task = await walk.page.evaluate(id => fetch(`/v1/tasks/${id}`).then(r => r.json()), id);
  // one person, four pictures: nine pieces of work; nothing is told but once
  await walk.page.route(`**/v1/tasks/${id}/events`, () => {});
  await walk.page.route(`**/v1/tasks/${id}`, route => route.fulfill({ json: { ...task, state: 'running', progress_pm: 222, eta_ms: 40_000, eta_p90_ms: 60_000 } }));
  await walk.page.clock.install();
  await walk.page.reload();
  const shows = seconds => walk.page.getByText(`about ${seconds} seconds left`).waitFor(), percent = async () => Number(await bar.getAttribute('aria-valuenow'));
  await shows(40);
  let last = await percent();
  assert.ok(last >= 22 && last < 25, `where it was told, or a little on, as time goes by: ${last}`);
  for (const seconds of [35, 30, 25]) {
    await walk.page.clock.runFor(5_000);
    await shows(seconds);
    const now = await percent();
    assert.ok(now >= last && now < 33, `${now} after ${last}, before the third piece`);
    last = now;
  }
  assert.ok(last > 25, `it has gone on: ${last}`);
  await walk.page.clock.runFor(60_000);
  await walk.page.getByText('any moment now').waitFor();
  assert.ok(await percent() < 33, 'nobody said that the third piece is done');
});

test('a demo link that was used says so, and how to get another', async t => {
  const alice = await Client.guest(server.url), photo = await alice.photo(ONE), task = await alice.buy(await alice.quote({ people: [{ asset: photo.id, face: 0 }], template: 'hall' }));
  const path = `/t/${task.id}#magic=${(await alice.post('/v1/me/link', {})).token}`, first = await openWalk(t, browser, server.url), second = await openWalk(t, browser, server.url, { lang: 'zh' });
  await first.go(path);
  await first.chosen();
  await second.go(path);
  await second.page.getByText('./run demo').waitFor();
  await second.go('/new');
  await second.agree();
  await second.photos([ONE]);
  await second.go(path);                                           // as a guest, too
  await second.page.getByText('./run demo').waitFor();
  await second.go('/t/task_000000000000');
  await second.h1('这里');
  assert.equal(await second.page.getByText('./run demo').count(), 0, 'only where a link led');
  assert.deepEqual(second.errors, []);
});

test('a lost connection is called that, and large numbers can be read', async t => {
  const walk = await openWalk(t, browser, slow.url);
  await walk.page.route('**/v1/wallet', async route => route.fulfill({ json: { ...await (await route.fetch()).json(), available: 99_960 } }));
  await walk.toPrice([ONE]);
  await walk.next().click();
  await walk.$('[role=progressbar]').waitFor();
  await walk.until(() => /^99,960 credits$/.test(document.querySelector('[data-testid=credits]')?.textContent));
  const id = await walk.task();
  await walk.page.route(`**/v1/tasks/${id}/events`, route => route.abort());
  await walk.page.reload();
  await walk.page.getByText('looks for news every few seconds').waitFor();
  await walk.page.route(`**/v1/tasks/${id}`, route => route.abort());
  await walk.page.getByText('The connection is lost').waitFor();
});

test('a session that ended at the price says so, at once and after a reload, and leads on', async t => {
  const walk = await openWalk(t, browser, server.url, { name: 'ended-en', axe: true });
  await walk.toPrice([ONE]);
  await walk.context.clearCookies();
  await walk.next().click();
  await walk.h1('Your session has ended');
  assert.equal(await walk.id('credits').count(), 0, 'nobody has credits');
  assert.equal(await walk.$('.top a[href="/sign-in"]').count(), 1);
  await walk.shot('ended');
  await walk.page.getByRole('button', { name: 'Choose the photos again' }).click();
  await walk.agree();
  await walk.photos([ONE]);
  await walk.until(() => document.querySelector('[data-testid=credits]'));
  await walk.context.clearCookies();
  await walk.page.reload();
  await walk.h1('Your session has ended');
  assert.equal(await walk.page.getByRole('link', { name: 'Sign in', exact: true }).last().getAttribute('href'), '/sign-in?next=/new');
  assert.deepEqual(walk.errors, []);
});

test('an order of nobody, while photos are added: the others are not lost without a word', async t => {
  const walk = await openWalk(t, browser, server.url);
  await walk.go('/new');
  await walk.agree();
  await walk.photos([ONE]);
  await walk.context.clearCookies();
  await walk.id('files').setInputFiles([OTHER]);
  await walk.h1('Your session has ended');
});

test('a picture that was deleted in one tab is deleted in the others; deleted elsewhere, saving and sharing say so', async t => {
  const walk = await openWalk(t, browser, server.url), done = async () => {
    await walk.toPrice([ONE]);
    await walk.next().click();
    const id = await walk.task();
    await walk.chosen();
    await walk.id('candidate').first().click();
    await walk.$('.viewer-act .button').click();
    await walk.id('picked').waitFor();
    return id;
  };
  const id = await done(), first = walk.page;
  await walk.tab();
  await walk.go(`/t/${id}`);
  await walk.id('picked').waitFor();
  await walk.$('.under-quiet button').click();
  await walk.$('[role=dialog] .button-danger').click();
  await walk.h1('Deleted');
  await first.locator('h1', { hasText: 'Deleted' }).waitFor();
  assert.equal(await first.title(), 'Deleted · Reunion Photo Studio');

  for (const act of ['.result-acts button', '.result-acts a']) {
    const other = await done(), assets = await walk.page.evaluate(id => fetch(`/v1/tasks/${id}`).then(r => r.json()).then(task => task.candidates.map(c => c.asset)), other);
    let saved = 0;
    walk.page.on('download', () => { saved++; });
    // as on another device: this page hears nothing of it, and for a moment the task looks as it was
    const task = await walk.page.evaluate(id => fetch(`/v1/tasks/${id}`).then(r => r.json()), other);
    await walk.page.route(`**/v1/tasks/${other}`, route => route.fulfill({ json: task }));
    await walk.page.evaluate(ids => Promise.all(ids.map(id => fetch(`/v1/assets/${id}`, { method: 'DELETE' }))), assets);
    await walk.$(act).click();
    await walk.page.locator('[role=alert]').waitFor();
    assert.equal(await walk.$('img.share-card').count(), 0);
    await walk.page.unroute(`**/v1/tasks/${other}`);
    if (act.endsWith('button')) await walk.page.keyboard.press('Escape');
    await walk.$(act).click();
    await walk.h1('Deleted');
    assert.equal(saved, 0);
  }
  assert.deepEqual(walk.errors, []);
});

test('what was not picked is still there, and the tab says when a picture is ready', async t => {
  for (const [lang, making, ready, picked] of [['en', 'Making your picture … · Reunion Photo Studio', 'Ready: choose your favourite · Reunion Photo Studio', 'Your picture · Reunion Photo Studio'],
    ['zh', '正在制作您的合影… · 团圆照相馆', '做好了：选出最满意的一张 · 团圆照相馆', '您的合影 · 团圆照相馆']]) {
    const walk = await openWalk(t, browser, server.url, { lang, name: `all-${lang}`, axe: true });
    await walk.toPrice([ONE]);
    await walk.next().click();
    await walk.until(making => document.title === making, making);
    await walk.tab();                                              // the first one is in the background now
    const [back] = walk.context.pages();
    await back.waitForFunction(ready => document.title === ready, ready);
    walk.page = back;
    await walk.id('candidate').nth(1).click();
    assert.equal(await walk.$('.viewer-hint').isVisible(), await walk.page.evaluate(() => matchMedia('(pointer: coarse)').matches), 'fingers alone are told of swiping');
    await walk.$('.viewer-act .button').click();
    await walk.id('picked').waitFor();
    await walk.until(picked => document.title === picked, picked);
    assert.equal(await walk.$('.all button').count(), 4);
    await walk.shot('done');
    await walk.$('.all button').nth(3).click();
    await walk.$('[role=dialog] img').waitFor();
    const [file] = await Promise.all([walk.page.waitForEvent('download'), walk.$('.viewer-act a').click()]);
    assert.match(file.suggestedFilename(), /^reunion\b/);
    assert.deepEqual(walk.errors, []);
  }
});

test('small photos stand beside each other, whatever stands between them, and the way to sign in is in the head of a phone', async t => {
  const walk = await openWalk(t, browser, server.url, { width: 1440, height: 900, name: 'beside-en' });
  await walk.go('/new');
  await walk.agree();
  await walk.photos([ONE, FOUR, OTHER]);
  await walk.shot('photos');
  const boxes = await walk.id('photo').evaluateAll(all => all.map(p => p.getBoundingClientRect().toJSON()));
  assert.equal(boxes[0].top, boxes[2].top, 'the two small ones');
  assert.deepEqual(await walk.$('.photo-good').evaluateAll(all => all.map(p => p.getBoundingClientRect().height < 40)), [true, true, true], 'one line each');
  await walk.$('.photo-remove').first().click();
  await walk.settled(2);
  const [wide, alone] = await walk.id('photo').evaluateAll(all => all.map(p => p.getBoundingClientRect().width));
  assert.equal(alone, wide, 'no half of a row is empty');
  await walk.next().click();
  await walk.$('.tile-own').waitFor();
  assert.ok(await walk.$('.tile-own .button > span').evaluate(e => e.getBoundingClientRect().height < 30), 'one line on a desk');
  for (const lang of ['zh', 'en']) {
    const phone = await openWalk(t, browser, server.url, { lang, name: `head-${lang}` });
    await phone.toPrice([ONE]);
    await phone.page.goBack();
    await phone.$('.tile-own').waitFor();
    await phone.calm();
    await phone.page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
    const [tile, bar] = await phone.page.evaluate(() => ['.tile-own', '.action-bar'].map(s => document.querySelector(s).getBoundingClientRect().toJSON()));
    assert.ok(tile.bottom <= bar.top, `the bar covers nothing: ${tile.bottom} ${bar.top}`);
    assert.ok(await phone.page.evaluate(() => document.querySelector('.tile-own .button > span').getClientRects().length === 1 && document.querySelector('.tile-own .button > span').getBoundingClientRect().height < 30), 'one line');
    await phone.shot('style');
    assert.ok(await phone.$('.top a[href="/sign-in"]').isVisible());
  }
});

test('on a phone held sideways the picture has the height, and every button is in reach', async t => {
  const walk = await openWalk(t, browser, server.url, { width: 740, height: 360, name: 'sideways-en' });
  await walk.toPrice([ONE]);
  await walk.next().click();
  await walk.chosen();
  for (const [width, height] of [[740, 360], [844, 390]]) {
    await walk.page.setViewportSize({ width, height });
    await walk.id('candidate').first().click();
    for (const name of ['one', 'two']) {
      if (name === 'two') await walk.$('.viewer-two').click();
      await walk.$('.pane').nth(name === 'two' ? 1 : 0).waitFor();
      assert.deepEqual(await outside(walk, '[role=dialog] button'), [], `${name} at ${width}x${height}`);
      assert.ok((await walk.$('.viewer-panes').boundingBox()).height >= height - 2, `${name} at ${width}x${height}: the whole height`);
      await walk.shot(`${name}-${width}`, { whole: false });
    }
    await walk.page.keyboard.press('Escape');
    await walk.gone('[role=dialog]');
  }
});

test('a picture that does not come is asked for again: later, and when the connection is back', async t => {
  const walk = await openWalk(t, browser, server.url, { name: 'picture-en', axe: true }), asked = new Map(), held = new Set();
  let cut = true;
  await walk.page.route(/\/v1\/(assets\/\w+\/content|templates\/.*)/, route => {
    const { pathname } = new URL(route.request().url());
    asked.set(pathname, (asked.get(pathname) ?? 0) + 1);
    if (cut && route.request().resourceType() === 'image') {
      held.add(pathname);
      return route.abort();
    }
    return route.continue();
  });
  const there = (selector, n) => walk.until(([selector, n]) => [...document.querySelectorAll(selector)].filter(i => i.complete && i.naturalWidth).length === n, [selector, n]);
  await walk.page.clock.install();
  await walk.toPrice([ONE]);
  await walk.next().click();
  await walk.chosen();
  await walk.$('svg.picture-none').nth(3).waitFor();
  const boxes = await walk.$('.grid-picture').evaluateAll(all => all.map(b => b.getBoundingClientRect()).filter(b => b.height < b.width / 3).length);
  assert.equal(boxes, 0, 'their places are kept');
  await walk.shot('wait');
  cut = false;
  await walk.page.clock.fastForward(1_500);
  await there('.grid-picture img', 4);
  assert.ok(held.size >= 4);

  cut = true;
  await walk.page.reload();
  await walk.chosen();
  await walk.$('svg.picture-none').nth(3).waitFor();
  cut = false;
  await walk.page.evaluate(() => dispatchEvent(new Event('online')));
  await there('.grid-picture img', 4);
  assert.deepEqual(walk.errors, []);
});
