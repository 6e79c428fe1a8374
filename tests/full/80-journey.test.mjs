// 80-journey.test.mjs - the whole way from the first screen to the deleted picture, at three sizes in both languages: a reload and a
// step back at every step, the tab closed and opened again, axe in the light and in the dark. Pictures of all of it: out/screens/.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { Client } from '../lib/client.mjs';
import { FOUR, NOBODY, ONE, sample } from '../lib/expect.mjs';
import { startServer } from '../lib/server.mjs';
import { NEXT, openBrowser, openWalk } from '../lib/walk.mjs';

const OTHER = sample('woman-5883428_1280.jpg');
let server, browser;
before(async () => {
  [server, browser] = await Promise.all([startServer(null, { env: { ZOETROPE_ENGINE_USE: 'fake', ZOETROPE_ENGINE_FAKE_SCRIPT: 'delay=250', ZOETROPE_ENGINE_FAKE_SLOTS: '1' } }), openBrowser()]);
  await crowd();
});
after(async () => {
  await browser.close();
  const { code } = await server.stop();
  server.forget();
  assert.equal(code, 0);
});

/** Other people, who stand in line first; the server has seen how long a task takes. */
const others = [];
async function crowd() {
  for (let n = 0; n < 3; n++) {
    const client = await Client.guest(server.url), photo = await client.photo(ONE);
    others.push(async () => client.buy(await client.quote({ people: [{ asset: photo.id, face: 0 }], template: 'hall', candidates: 1 })).then(task => client.waitTask.bind(client, task.id)));
    await (await others[n]())();
  }
}

const SIZES = [[360, 740], [820, 1180], [1440, 900]];
const WORDS = {
  en: { bad: /No face/, joins: '4 people join', ahead: /\d pictures? ahead of yours/, eta: /left|any moment/, deleted: 'Deleted', price: '40 credits', best: /Best/, alike: /Most alike/ },
  zh: { bad: /未找到人脸/, joins: '4 人参加', ahead: /前面还有 \d 个/, eta: /大约|马上就好/, deleted: '已删除', price: '40 点', best: /最佳/, alike: /最像本人/ },
};

for (const [width, height] of SIZES) for (const lang of ['zh', 'en']) {
  const words = WORDS[lang], name = `${width}x${height}-${lang}`;
  test(`the whole way at ${name}`, async t => {
    // axe where the layouts differ most
    const walk = await openWalk(t, browser, server.url, { lang, width, height, name, axe: name === '360x740-zh' || name === '1440x900-en' });
    const at = path => walk.page.waitForURL(url => url.pathname + url.search === path);
    const reload = () => walk.page.reload(), back = () => walk.page.goBack({ waitUntil: 'commit' }), forward = () => walk.page.goForward({ waitUntil: 'commit' });

    await walk.go('/');
    await walk.$('.closing').waitFor();
    await reload();
    await walk.$('.closing').waitFor();
    assert.ok(width < 640 || await walk.page.evaluate(() => {
      const words = document.createRange();
      words.selectNodeContents(document.querySelector('.hero-act > span'));
      return Math.abs(words.getBoundingClientRect().left - document.querySelector('.hero-act > a').getBoundingClientRect().left) < 1;
    }), 'the words below the button begin where it does');
    await walk.shot('landing');

    await walk.$('.hero a').click();
    await at('/new');
    await walk.id('consent').waitFor();
    await walk.calm();
    assert.ok(await walk.page.evaluate(() => (b => b.bottom <= innerHeight && document.elementFromPoint(b.left + b.width / 2, b.bottom - 2).closest('.drop'))(document.querySelector('.drop .button').getBoundingClientRect())), 'what chooses photos is on the first screen');
    await walk.shot('new');
    assert.ok(await walk.$('.top a[href="/sign-in"]').isVisible(), 'who has an account can sign in anywhere');
    await walk.agree();
    await reload();
    await walk.id('files').waitFor({ state: 'attached' });
    assert.ok(await walk.id('consent').isChecked(), 'who agreed has agreed');
    await back();
    await walk.$('.closing').waitFor();
    await forward();
    await walk.id('files').waitFor({ state: 'attached' });

    await walk.photos([FOUR, NOBODY, ONE]);
    assert.match(await walk.$('.photo-bad').innerText(), words.bad);
    await walk.shot('refused');
    await reload();
    await walk.settled(3);
    assert.deepEqual(await walk.id('photo').evaluateAll(all => all.map(p => p.dataset.state)), ['ready', 'refused', 'ready'], 'all three are still there');
    const kept = await walk.$('.photo img').nth(0).getAttribute('src');
    await walk.id('replace-file').setInputFiles(OTHER);
    await walk.until(() => [...document.querySelectorAll('[data-testid=photo]')].every(p => p.dataset.state === 'ready'));
    assert.equal(await walk.$('.photo img').nth(0).getAttribute('src'), kept, 'only the bad one was sent again');
    await walk.$('.chip input:not(:checked)').first().click();
    await walk.$('.chip input:not(:checked)').first().click();
    await walk.page.locator('.action-hint', { hasText: words.joins }).waitFor();
    await reload();
    await walk.settled(3);
    await walk.page.locator('.action-hint', { hasText: words.joins }).waitFor();
    await walk.shot('photos');

    await walk.next().click();
    await at('/new?step=style');
    await walk.$('.tile img').nth(3).waitFor();
    assert.ok(await walk.next().isDisabled());
    await reload();
    await walk.$('.tile img').nth(3).waitFor();
    await back();
    await at('/new');
    await walk.settled(3);
    await forward();
    await at('/new?step=style');
    await walk.$('.tile input[value=hall]').check();
    await reload();
    await walk.until(() => document.querySelector('.tile input[value=hall]')?.checked);
    await walk.shot('style');

    await walk.next().click();
    await at('/new?step=confirm');
    await walk.priced();
    await back();
    await at('/new?step=style');
    await forward();
    await walk.priced();
    await reload();
    await walk.priced();
    assert.match(await walk.$('.price').innerText(), new RegExp(words.price));
    await walk.page.locator('.summary', { hasText: words.joins }).waitFor();
    assert.ok(await walk.page.evaluate(next => Math.abs(document.querySelector(next).getBoundingClientRect().right - document.querySelector('.summary').getBoundingClientRect().right) < 1, NEXT), 'the button ends where the card does');
    assert.ok(await walk.page.evaluate(() => [...document.querySelectorAll('.top-credits, .top-words')].every(e => e.getClientRects()[0].width > 10)), 'what stands at the top has its name');
    await walk.shot('price');

    for (const buy of others) await buy();
    await walk.next().click();
    const id = await walk.task();
    await walk.$('[role=progressbar]').waitFor();
    assert.match(await walk.$('.place-in-line').innerText(), words.ahead);
    await walk.page.locator('.place-in-line', { hasText: words.eta }).waitFor();
    await walk.shot('working');
    await reload();
    await walk.$('[role=progressbar], [data-testid=candidate]').first().waitFor();      // it may be made by now
    await back();                                                  // what was bought cannot be bought again
    await at('/new');
    await walk.id('consent').waitFor();
    assert.equal(await walk.id('photo').count(), 0);
    await forward();
    await at(`/t/${id}`);
    await walk.page.locator('.steps, [data-testid=candidate]').first().waitFor();
    await walk.page.close();                                       // the tab is closed and opened again
    await walk.tab();
    await walk.go('/me');
    await walk.$('.mine').waitFor();
    assert.equal(await walk.$('.mine').count(), 1, 'found under /me');
    assert.ok(await walk.page.evaluate(() => document.querySelector('.mine-name').getBoundingClientRect().top - document.querySelector('.mine-picture').getBoundingClientRect().bottom) >= 4, 'the title keeps off its picture');
    await walk.shot('me');
    await walk.$('.mine a').click();
    await at(`/t/${id}`);
    await walk.chosen();
    await reload();
    await walk.chosen();
    const labels = await walk.id('candidate').evaluateAll(all => all.map(b => b.getAttribute('aria-label')));
    assert.match(labels[0], words.best);
    assert.equal(labels.filter(l => words.alike.test(l)).length, 1, 'one is the most alike');
    await walk.shot('grid');

    await walk.id('candidate').nth(1).click();
    await walk.$('[role=dialog] img').waitFor();
    await walk.shot('full', { whole: false });
    if (width >= 960) {                                             // two side by side where there is room, else one after the other
      await walk.$('.viewer-two').click();
      await walk.$('.pane').nth(1).waitFor();
      await walk.shot('compare', { whole: false });
    } else {
      const [first] = await walk.$('.viewer-title').allInnerTexts();
      await walk.page.keyboard.press('ArrowRight');
      await walk.until(first => document.querySelector('.viewer-title').innerText !== first, first);
    }
    await back();                                                  // closes what lies over the page, and leaves the page
    await walk.gone('[role=dialog]');
    await at(`/t/${id}`);
    await walk.chosen();
    await walk.id('candidate').nth(1).click();
    await walk.$('.viewer-act .button').click();
    await walk.id('picked').waitFor();
    await walk.gone('[role=dialog]');
    await reload();
    await walk.id('picked').waitFor();
    assert.equal(new URL(walk.page.url()).pathname, `/t/${id}`);
    for (const says of ['.lead', '[data-testid=clock]']) assert.match(await walk.$(says).innerText(), /30 (days|天)/, 'as long as was promised');
    await walk.shot('done');

    const save = async click => {
      const [file] = await Promise.all([walk.page.waitForEvent('download'), click()]);
      assert.match(file.suggestedFilename(), /^reunion\b/);
      return readFileSync(await file.path());
    };
    const picture = await save(() => walk.$('.result-acts a').click());
    assert.match(picture.toString('latin1', 0, 12), /^\x89PNG|^\xff\xd8\xff|WEBP/, 'a picture was saved');
    await walk.$('.result-acts button').click();
    await walk.$('img.share-card').waitFor();
    await walk.shot('share', { whole: false });
    assert.equal((await save(() => walk.$('.dialog-actions a').click())).toString('latin1', 0, 4), '\x89PNG');
    await back();
    await walk.gone('[role=dialog]');
    await at(`/t/${id}`);

    const assets = await walk.page.evaluate(id => fetch(`/v1/tasks/${id}`).then(r => r.json()).then(task => [...task.candidates.map(c => c.asset), ...task.people.map(p => p.asset)]), id);
    await walk.$('.under-quiet button').click();
    await walk.$('[role=dialog] .button-danger').waitFor();
    await walk.shot('delete', { whole: false });
    await walk.$('[role=dialog] .button-danger').click();
    await walk.h1(words.deleted);
    await reload();
    await walk.h1(words.deleted);
    await walk.shot('deleted');
    const left = await walk.page.evaluate(ids => Promise.all(ids.map(id => fetch(`/v1/assets/${id}`).then(r => r.status))), assets);
    assert.deepEqual(new Set(left), new Set([404]), 'photos and pictures are gone');
    assert.deepEqual(walk.errors, []);
  });
}
