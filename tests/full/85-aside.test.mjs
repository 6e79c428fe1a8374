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

for (const [lang, width, height] of [['en', 360, 740], ['zh', 360, 740], ['en', 1280, 800]]) {
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
  assert.equal(await percent(), 22);
  let last = 22;
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
