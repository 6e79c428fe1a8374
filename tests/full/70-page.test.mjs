// 70-page.test.mjs - the plain page by hand: a real browser, on a phone and on a desk, in both languages. Pictures of it: out/page/.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openPage } from '../lib/browser.mjs';
import { Client } from '../lib/client.mjs';
import { FOUR, NOBODY, ONE, sample } from '../lib/expect.mjs';
import { root, startServer, tempDir } from '../lib/server.mjs';

let server;
before(async () => { server = await startServer(null, { env: { ZOETROPE_ENGINE_USE: 'fake', ZOETROPE_ENGINE_FAKE_SCRIPT: 'delay=400' } }); });
after(async () => {
  const { code } = await server.stop();
  server.forget();
  assert.equal(code, 0);
});

const settled = n => `document.querySelectorAll('.photo .words > :first-child:is(.good, .bad)').length === ${n}`;
const picture = (name, page) => page.screenshot(join(root, 'out/page', `${name}.png`));

async function isSound(page) {
  assert.deepEqual(page.errors, []);
  assert.ok(await page.js('document.scrollingElement.scrollWidth <= innerWidth'), 'nothing stands out to the right');
  for (const { role, name } of await page.controls()) assert.notEqual(name, '', `a ${role} has a name`);
  assert.ok(await page.js(`[...document.images].every(i => i.hasAttribute('alt'))`));
}

for (const [width, height, lang] of [[360, 740, 'en'], [360, 740, 'zh'], [1280, 800, 'en'], [1280, 800, 'zh']]) {
  test(`from photos to the picked picture at ${width}x${height} in ${lang}`, async t => {
    const page = await openPage(t, { lang, width, height }), name = `${width}-${lang}`;
    await page.go(`${server.url}/`);
    await page.until(`document.querySelectorAll('.template img').length >= 4 && [...document.images].every(i => i.complete)`);
    assert.equal(await page.js('document.documentElement.lang'), lang === 'zh' ? 'zh-CN' : 'en');
    assert.match(await page.text('h1'), lang === 'zh' ? /同框/ : /together/);
    await isSound(page);
    await picture(`${name}-1-start`, page);

    await page.click('#consent');
    await page.files('#files', [FOUR, ONE, sample('doctor-5871743_640.jpg')]);
    await page.until(settled(3));
    assert.equal(await page.js(`document.querySelectorAll('.face input').length`), 5, 'a box for every face that may join');
    assert.match(await page.text('#summary'), lang === 'zh' ? /^1 人/ : /^1 person/, 'the only person in a photo joins at once');
    await page.click('.face input:not(:checked)');
    await page.until(`!document.querySelector('#start').disabled`);
    assert.match(await page.text('#summary'), lang === 'zh' ? /2 人.*40 点/ : /2 people.*40 credits/);
    await page.until(`[...document.images].every(i => i.complete)`);
    await isSound(page);
    await picture(`${name}-2-photos`, page);

    await page.click('#start');
    await page.until(`location.pathname.startsWith('/t/') && !document.querySelector('#working').hidden`);
    await isSound(page);
    await picture(`${name}-3-working`, page);
    await page.go(server.url + await page.js('location.pathname'));                // closed and opened again
    await page.until(`document.querySelectorAll('.result img').length === 4 && [...document.images].every(i => i.complete)`);
    await page.click('.result:nth-child(2) input');
    await page.until(`!document.querySelector('#pick').disabled && [...document.images].every(i => i.complete)`);
    await isSound(page);
    await picture(`${name}-4-choose`, page);
    await page.click('#pick');
    await page.until(`!document.querySelector('#download').hidden`);
    assert.equal(await page.js(`fetch(document.querySelector('#download').href).then(r => r.headers.get('content-disposition').startsWith('attachment'))`), true);
    await isSound(page);
    await picture(`${name}-5-done`, page);
  });
}

test('no photo leaves before everybody agreed', async t => {
  const page = await openPage(t), sent = [];
  page.pipe.on('Network.requestWillBeSent', ({ request }) => sent.push(`${request.method} ${new URL(request.url).pathname}`));
  await page.go(`${server.url}/`);
  await page.until(`document.querySelectorAll('.template').length > 0`);
  await page.files('#files', [ONE]);
  await page.until(`document.querySelector('#notice').classList.contains('bad')`);
  assert.equal(await page.js('document.activeElement.id'), 'consent');
  assert.deepEqual(sent.filter(s => s.startsWith('POST')), []);
  assert.equal(await page.js(`document.querySelectorAll('.photo').length`), 0);
});

test('a background of one\'s own does not leave before everybody agreed, either', async t => {
  const page = await openPage(t), sent = [];
  page.pipe.on('Network.requestWillBeSent', ({ request }) => sent.push(`${request.method} ${new URL(request.url).pathname} ${request.postData ?? ''}`));
  await page.go(`${server.url}/`);
  await page.until(`document.querySelector('#own-file')`);
  await page.files('#own-file', [NOBODY]);
  await page.until(`document.querySelector('#notice').classList.contains('bad')`);
  assert.equal(await page.js('document.activeElement.id'), 'consent');
  assert.deepEqual(sent.filter(s => s.startsWith('POST')), []);
  await page.click('#consent');
  await page.files('#own-file', [NOBODY]);
  await page.until(`document.querySelectorAll('.photo .good').length === 1`);
  assert.match(sent.find(s => s.startsWith('POST /v1/assets')), /"consent":true/);
});

test('a failed task says what to do, and the credits in the head are those of now', async t => {
  const picky = await startServer(t, { env: { ZOETROPE_ENGINE_USE: 'fake', ZOETROPE_ENGINE_FAKE_SCRIPT: 'score.broken; compose.delay=500' } });
  const page = await openPage(t);
  await page.go(`${picky.url}/`);
  await page.until(`document.querySelectorAll('.template').length > 0`);
  await page.click('#consent');
  await page.files('#files', [ONE]);
  await page.until(`!document.querySelector('#start').disabled && /400/.test(document.querySelector('#credits').textContent)`);
  // the first answer about credits after the start comes last, as on a bad line
  await page.js(`(() => { const real = fetch; let first = true; window.fetch = async (...a) => {
    const answer = await real(...a);
    if (String(a[0]).includes('/v1/wallet') && first) { first = false; await new Promise(f => { window.release = f; }); window.came = true; }
    return answer; }; })()`);
  await page.click('#start');
  await page.until(`/400/.test(document.querySelector('#credits').textContent) && /whole head/.test(document.querySelector('#task-lead').textContent)`);
  await page.until('window.release');
  await page.js('release()');
  await page.until('window.came');
  await page.js('new Promise(requestAnimationFrame)');
  assert.match(await page.text('#credits'), /400/);
  await isSound(page);
});

test('everything can be deleted at once', async t => {
  const alice = await Client.guest(server.url), photo = await alice.photo(ONE), page = await openPage(t);
  const task = await alice.waitTask((await alice.buy(await alice.quote({ people: [{ asset: photo.id, face: 0 }], template: 'hall' }))).id);
  await page.cdp('Page.navigate', { url: `${server.url}/t/${task.id}#session=${alice.token}` });
  await page.until(`document.querySelectorAll('.result').length === 4`);
  await page.click('#delete');
  assert.match(await page.text('#delete'), /Really/);
  assert.equal((await alice.send('GET', `/v1/assets/${photo.id}`)).status, 200, 'asked once more');
  await page.click('#delete');
  await page.until(`/have been deleted/.test(document.querySelector('#task-lead').textContent) && document.querySelector('#delete').hidden`);
  assert.equal(await page.text('#task-title'), 'Deleted');
  for (const id of [photo.id, ...task.candidates.map(k => k.asset)]) assert.equal((await alice.send('GET', `/v1/assets/${id}`)).status, 404);
  await isSound(page);
  await picture('360-en-deleted', page);
});

test('an address of no task says so', async t => {
  const page = await openPage(t);
  await page.go(`${server.url}/t/nonsense`);
  await page.until(`document.querySelector('#notice').classList.contains('bad')`);
  assert.match(await page.text('#notice'), /nothing here/i);
});

test('a photo that will not do says why and can be replaced alone', async t => {
  const page = await openPage(t, { lang: 'zh' }), text = join(tempDir('zt-page-'), 'note.jpg');
  writeFileSync(text, 'not a photo');
  await page.go(`${server.url}/`);
  await page.click('#consent');
  await page.files('#files', [text, NOBODY]);
  await page.until(settled(2));
  const words = await page.js(`[...document.querySelectorAll('.photo .bad')].map(n => n.textContent)`);
  assert.deepEqual(words, ['无法识别该照片格式。', '照片中未找到人脸。']);
  await page.js(`document.querySelector('.photo button').click()`);                // replaces the first of the two
  await page.files('#files', [ONE]);
  await page.until(`document.querySelectorAll('.photo .good').length === 1 && document.querySelectorAll('.photo').length === 2`);
  await isSound(page);
});

test('a background of one\'s own', async t => {
  const page = await openPage(t);
  await page.go(`${server.url}/`);
  await page.until(`document.querySelector('#own-file')`);
  await page.click('#consent');
  await page.files('#files', [ONE]);
  await page.files('#own-file', [NOBODY]);
  await page.until(`document.querySelectorAll('.photo .good').length === 2 && !document.querySelector('#start').disabled`);
  assert.equal(await page.js(`document.querySelector('.template input[value=""]').checked`), true);
  await isSound(page);
  await picture('360-en-own', page);
  await page.click('#start');
  await page.until(`document.querySelectorAll('.result').length === 4`);
});

test('the language is kept, the task can be cancelled, credits come back', async t => {
  const slow = await startServer(t, { env: { ZOETROPE_ENGINE_USE: 'fake', ZOETROPE_ENGINE_FAKE_SCRIPT: 'delay=600000' } });
  const page = await openPage(t, { dark: true });
  await page.go(`${slow.url}/`);
  await page.until(`document.querySelectorAll('.template').length > 0`);
  await page.click('#language');
  assert.match(await page.text('h1'), /同框/);
  await page.click('#consent');
  await page.files('#files', [ONE]);
  await page.until(`!document.querySelector('#start').disabled`);
  await page.click('#start');
  await page.until(`!document.querySelector('#working').hidden`);
  await page.until(`/360/.test(document.querySelector('#credits').textContent)`);
  await page.click('#cancel');
  await page.until(`document.querySelector('#working').hidden && !document.querySelector('#actions').hidden`);
  assert.equal(await page.text('#task-title'), '已取消');
  await page.until(`/400/.test(document.querySelector('#credits').textContent)`);
  await page.go(`${slow.url}/`);
  await page.until(`document.querySelectorAll('.template').length > 0`);
  assert.match(await page.text('h1'), /同框/);
  await picture('360-zh-dark', page);
  await isSound(page);
});

test('the account of the demo can be opened by its link on its own machine', async t => {
  const alice = await Client.guest(server.url), photo = await alice.photo(ONE), page = await openPage(t);
  const task = await alice.waitTask((await alice.buy(await alice.quote({ people: [{ asset: photo.id, face: 0 }], template: 'hall' }))).id);
  await page.cdp('Page.navigate', { url: `${server.url}/t/${task.id}#magic=${(await alice.post('/v1/me/link', {})).token}` });
  await page.until(`document.querySelectorAll('.result').length === 4`);
  assert.equal(await page.js('location.hash'), '');
});

test('somebody else\'s task, and being offline, are said', async t => {
  const alice = await Client.guest(server.url), photo = await alice.photo(ONE);
  const task = await alice.buy(await alice.quote({ people: [{ asset: photo.id, face: 0 }], template: 'hall' }));
  const page = await openPage(t);
  await page.go(`${server.url}/t/${task.id}`);
  await page.until(`document.querySelector('#notice').classList.contains('bad')`);
  assert.match(await page.text('#notice'), /nothing here/i);
  await page.cdp('Network.emulateNetworkConditions', { offline: true, latency: 0, downloadThroughput: -1, uploadThroughput: -1 });
  await page.until(`/offline/.test(document.querySelector('#notice').textContent)`);
  await alice.waitTask(task.id);
});
