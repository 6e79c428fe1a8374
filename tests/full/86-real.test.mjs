// 86-real.test.mjs - the pages with pictures that the house itself makes: what stands on them is no flat colour. Pictures: out/screens/real-….png.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client } from '../lib/client.mjs';
import { ONE, patientProducts, sample } from '../lib/expect.mjs';
import { startServer } from '../lib/server.mjs';
import { openBrowser, openWalk } from '../lib/walk.mjs';

const OTHER = sample('woman-5883428_1280.jpg');
const WORDS = { en: { share: 'Share' }, zh: { share: '分享' } };

test('grid, full size, compare, done and share with real pictures', async t => {
  const server = await startServer(t, { env: { ZOETROPE_PRODUCTS: patientProducts() } }), browser = await openBrowser();
  t.after(() => browser.close());
  const alice = await Client.guest(server.url), photos = [await alice.photo(ONE), await alice.photo(OTHER)];
  const task = await alice.buy(await alice.quote({ people: photos.map(p => ({ asset: p.id, face: 0 })), template: 'hall' }));
  assert.equal((await alice.waitTask(task.id)).state, 'choosing');
  const walks = [];
  for (const [lang, width, height] of [['en', 1440, 900], ['zh', 360, 740]]) {
    const walk = await openWalk(t, browser, server.url, { lang, width, height, name: `real-${width}-${lang}` });
    walks.push([walk, WORDS[lang]]);
    await walk.go(`/t/${task.id}#magic=${(await alice.post('/v1/me/link', {})).token}`);
    await walk.chosen();
    await walk.shot('grid');
    await walk.id('candidate').first().click();
    await walk.$('.pane img').waitFor();
    await walk.shot('full', { whole: false });
    await walk.$('.viewer-two').click();
    await walk.$('.pane img').nth(1).waitFor();
    await walk.shot('compare', { whole: false });
    await walk.page.keyboard.press('Escape');
    await walk.gone('[role=dialog]');
  }
  const [[first]] = walks;
  await first.id('candidate').first().click();
  await first.$('.viewer-act .button').click();
  for (const [walk, words] of walks) {
    await walk.id('picked').waitFor();                               // the other one hears of it
    await walk.shot('done');
    await walk.page.getByRole('button', { name: words.share, exact: true }).click();
    await walk.until(() => document.querySelector('img.share-card')?.naturalWidth > 1000);
    await walk.shot('share', { whole: false });
  }
});
