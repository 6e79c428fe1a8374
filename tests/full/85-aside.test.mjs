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
