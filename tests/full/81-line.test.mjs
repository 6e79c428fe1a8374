// 81-line.test.mjs - bad lines: 2G, 3G and 4G of our own making, cuts in the middle, answers that get lost, two tabs, impatient fingers.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Client } from '../lib/client.mjs';
import { FOUR, ONE } from '../lib/expect.mjs';
import { PROFILES, startShaper } from '../lib/shaper.mjs';
import { PATIENCE_MS, startServer, within } from '../lib/server.mjs';
import { NEXT, openBrowser, openWalk } from '../lib/walk.mjs';

let server, browser;
before(async () => {
  [server, browser] = await Promise.all([startServer(null, { env: { ZOETROPE_ENGINE_USE: 'fake', ZOETROPE_ENGINE_FAKE_SCRIPT: 'delay=150' } }), openBrowser()]);
});
after(async () => {
  await browser.close();
  const { code } = await server.stop();
  server.forget();
  assert.equal(code, 0);
});

/** A picture takes long enough there to be looked at on its way. */
const slowServer = t => startServer(t, { env: { ZOETROPE_ENGINE_USE: 'fake', ZOETROPE_ENGINE_FAKE_SCRIPT: 'compose.delay=2500; delay=50' } });

/** What the API says of the person whose page it is. */
const ask = (walk, path) => walk.page.evaluate(path => fetch(path).then(r => r.json()), path);
const tasks = walk => ask(walk, '/v1/tasks').then(list => list.items);

/** Asks beside the page, with its cookies, while the page itself is cut off. */
async function untilChoosing(walk, id) {
  const cookie = (await walk.context.cookies(walk.url)).map(c => `${c.name}=${c.value}`).join('; ');
  const client = new Client(walk.url);
  client.send = (send => (method, path, how = {}) => send(method, path, { ...how, headers: { cookie, ...how.headers } }))(client.send.bind(client));
  await within(PATIENCE_MS, (async () => { while ((await client.task(id)).state !== 'choosing'); })());
}

/** A picture of one person in few bytes, made as a phone makes it smaller. */
let small;
async function smallPhoto(walk) {
  if (small) return small;
  const asset = await Client.guest(server.url).then(c => c.photo(ONE).then(a => c.send('GET', `/v1/assets/${a.id}/content`)));
  const base64 = await walk.page.evaluate(async data => {
    const image = new Image();
    image.src = `data:image/jpeg;base64,${data}`;
    await image.decode();
    const canvas = Object.assign(document.createElement('canvas'), { width: 1080, height: 720 });
    canvas.getContext('2d').drawImage(image, 0, 0, 1080, 720);
    return canvas.toDataURL('image/jpeg', 0.4).split(',')[1];
  }, asset.bytes.toString('base64'));
  small = { name: 'small.jpg', mimeType: 'image/jpeg', buffer: Buffer.from(base64, 'base64') };
  return small;
}

// Two at a time: a slow line is mostly waiting.
describe('bad lines', { concurrency: 2 }, () => {
  for (const profile of ['2g', '3g', '4g']) {
    test(`words are there before the script, and a picture gets made, on ${profile}`, async t => {
      const helper = await openWalk(t, browser, server.url);
      const photo = profile === '4g' ? ONE : await smallPhoto(helper);
      const line = await startShaper(t, server.port, PROFILES[profile]), walk = await openWalk(t, browser, line.url);
      walk.context.setDefaultTimeout(60_000);
      const words = walk.page.waitForFunction(() => document.querySelector('h1') && performance.getEntriesByName('first-contentful-paint').length, null, { timeout: 60_000 });
      await walk.page.route('**/*.js', route => words.then(() => route.continue(), () => route.abort()));          // no script comes before words were painted
      await walk.page.goto(line.url, { waitUntil: 'commit' });
      await words;
      assert.match(await walk.$('h1').innerText(), /together/);
      assert.equal(await walk.$('.closing').count(), 0, 'no script has run');
      await walk.$('.closing').waitFor();
      await walk.go('/new');
      await walk.agree();
      await walk.photos([photo]);
      await walk.next().click();
      await walk.$('.tile input[type=radio]').first().check();
      await walk.next().click();
      await walk.priced();
      await walk.next().click();
      await walk.task();
      await walk.chosen();
      assert.deepEqual(walk.errors, []);
    });
  }

  test('an upload that is cut in the middle goes on where it was', async t => {
    const line = await startShaper(t, server.port, PROFILES['4g']), walk = await openWalk(t, browser, line.url), offsets = [];
    walk.page.on('request', r => { if (r.method() === 'PATCH') offsets.push(Number(r.headers()['upload-offset'])); });
    await walk.go('/new');
    await walk.agree();
    const cut = line.cutAfter(200_000);                       // of 330 kB or so
    await walk.id('files').setInputFiles([FOUR]);
    await cut;
    line.restore();
    await walk.settled(1);
    assert.equal(await walk.$('.photo-good').count(), 1);
    assert.ok(offsets.length > 1 && offsets.at(-1) > 0, `went on at ${offsets.at(-1)}, began at ${offsets[0]}`);
  });

  test('a photo whose line stays cut says so, and is sent when the line is back', async t => {
    const line = await startShaper(t, server.port), walk = await openWalk(t, browser, line.url);
    await walk.go('/new');
    await walk.agree();
    await walk.context.setOffline(true);
    await walk.page.locator('.connection', { hasText: /offline/ }).waitFor();
    await walk.id('files').setInputFiles([ONE]);
    await walk.id('photo').waitFor();
    await walk.context.setOffline(false);
    await walk.settled(1);
    assert.equal(await walk.$('.photo-good').count(), 1);
  });

  test('the news of a task go on after a cut', async t => {
    const line = await startShaper(t, (await slowServer(t)).port), walk = await openWalk(t, browser, line.url), streams = [];
    walk.page.on('request', r => { if (/\/events/.test(r.url())) streams.push(r.url()); });
    await walk.toPrice([ONE]);
    await walk.next().click();
    await walk.task();
    await walk.$('[role=progressbar]').waitFor();
    await walk.until(() => document.querySelector('.phase-here'));
    line.cut();
    await walk.page.locator('.connection, .may-close').first().waitFor();
    line.restore();
    await walk.chosen();
    assert.ok(streams.length > 1, 'the stream was opened again');
  });

  test('a task is found again after being offline', async t => {
    const walk = await openWalk(t, browser, (await slowServer(t)).url);
    await walk.toPrice([ONE]);
    await walk.next().click();
    const id = await walk.task();
    await walk.$('[role=progressbar]').waitFor();
    await walk.context.setOffline(true);
    await walk.page.locator('.connection', { hasText: /offline/ }).waitFor();
    await untilChoosing(walk, id);
    await walk.context.setOffline(false);
    await walk.chosen();
    await walk.page.close();
    await walk.tab();
    await walk.go('/me');
    await walk.$('.mine a').click();
    assert.equal(await walk.task(), id);
    await walk.chosen();
  });

  for (const [what, keep] of [['the answer', 0], ['half of the answer', 20]]) {
    test(`buying while ${what} is lost makes exactly one task`, async t => {
      const line = await startShaper(t, server.port), walk = await openWalk(t, browser, line.url);
      await walk.toPrice([ONE]);
      const lost = line.loseAnswer('POST /v1/tasks ', keep);
      await walk.next().click();
      await lost;
      const id = await walk.task();
      await walk.chosen();
      assert.equal(line.lost, 1);
      assert.deepEqual((await tasks(walk)).map(x => x.id), [id]);
      const { available } = await ask(walk, '/v1/wallet');
      assert.equal(available, 360, 'paid once');
    });
  }

  test('a double click buys once', async t => {
    const walk = await openWalk(t, browser, server.url), sent = [];
    walk.page.on('request', r => { if (r.method() === 'POST' && r.url().endsWith('/v1/tasks')) sent.push(r.headers()['idempotency-key']); });
    await walk.toPrice([ONE]);
    await walk.page.evaluate(next => { const b = document.querySelector(next); b.click(); b.click(); }, NEXT);      // before anything is drawn anew
    const id = await walk.task(), wallet = await ask(walk, '/v1/wallet');
    await walk.chosen();
    assert.equal(new Set(sent).size, 1, 'one decision, one key');
    assert.deepEqual((await tasks(walk)).map(x => x.id), [id]);
    assert.equal(wallet.available, 360, 'one hold');
    const other = await openWalk(t, browser, server.url);
    await other.toPrice([ONE]);
    await other.next().dblclick();                                   // and as a finger does it
    await other.task();
    await other.chosen();
    assert.equal((await tasks(other)).length, 1);
  });

  test('two tabs on one task: what is taken in one shows in the other', async t => {
    const walk = await openWalk(t, browser, server.url);
    await walk.toPrice([ONE]);
    await walk.next().click();
    const id = await walk.task(), first = walk.page;
    await walk.chosen();
    const second = await walk.tab();
    await walk.go(`/t/${id}`);
    await walk.chosen();
    await walk.id('candidate').nth(2).click();
    await walk.$('.viewer-act .button').click();
    await walk.id('picked').waitFor();
    const shown = await walk.id('picked').getAttribute('src');
    await first.getByTestId('picked').waitFor();
    assert.equal(await first.getByTestId('picked').getAttribute('src'), shown);
    await second.close();
    assert.deepEqual(walk.errors, []);
  });

  test('a guest in two tabs is one guest', async t => {
    const walk = await openWalk(t, browser, server.url), first = walk.page, made = [];
    walk.context.on('request', r => { if (r.method() === 'POST' && r.url().endsWith('/v1/sessions')) made.push(r.url()); });
    await walk.go('/new');
    await walk.agree();
    const second = await walk.tab();
    await walk.go('/new');
    await walk.agree();
    await Promise.all([first, second].map(page => page.getByTestId('files').setInputFiles([ONE])));       // both at once
    for (const page of [first, second]) await page.locator('[data-testid=photo][data-state=ready]').waitFor();
    const who = await Promise.all([first, second].map(page => page.evaluate(() => fetch('/v1/me').then(r => r.json()))));
    assert.equal(who[0].id ?? who[0].account, who[1].id ?? who[1].account);
    for (const page of [first, second]) {
      await page.locator(NEXT).click();
      await page.locator('.tile input[type=radio]').first().check();
      await page.locator(NEXT).click();
      await page.waitForFunction(next => document.querySelector('.price') && !document.querySelector(next).disabled && !document.querySelector('.bone-word'), NEXT);
      await page.locator(NEXT).click();
      await page.waitForURL(/\/t\//);
    }
    assert.equal((await tasks(walk)).length, 2, 'both tasks belong to the one guest');
  });
});
