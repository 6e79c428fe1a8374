// 70-page.test.mjs - the pages by hand: a real browser, on a phone and on a desk, in both languages. Pictures of it: out/page/.
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

const $ = id => `document.querySelector('[data-testid="${id}"]')`;
const settled = n => `[...document.querySelectorAll('[data-testid=photo]')].filter(p => /ready|refused/.test(p.dataset.state)).length === ${n}`;
const NEXT = '.action-bar .button-primary', loaded = `[...document.images].every(i => i.complete || i.loading === 'lazy')`;
const picture = (name, page) => page.screenshot(join(root, 'out/page', `${name}.png`));

/** Nothing stands out, everything has a name, nothing is too small for a thumb, and the console is quiet. */
async function isSound(page) {
  assert.deepEqual(page.errors, []);
  assert.ok(await page.js('document.scrollingElement.scrollWidth <= innerWidth'), 'nothing stands out to the right');
  for (const { role, name } of await page.controls()) assert.notEqual(name, '', `a ${role} has a name`);
  assert.ok(await page.js(`[...document.images].every(i => i.hasAttribute('alt'))`));
  const small = await page.js(`[...document.querySelectorAll('.button, .icon-button, .top-link')].map(b => b.getBoundingClientRect()).filter(b => b.width && (b.width < 44 || b.height < 44)).length`);
  assert.equal(small, 0, 'buttons of at least 44 px');
}

async function agree(page) {
  await page.until($('consent'));
  await page.click('[data-testid=consent]');
  await page.until($('files'));
}

/** From /new with one photo to the step that names the price. */
async function toPrice(page, url, files = [ONE]) {
  await page.go(`${url}/new`);
  await agree(page);
  await page.files('[data-testid=files]', files);
  await page.until(settled(files.length));
  await page.click(NEXT);
  await page.until(`document.querySelectorAll('.tile input').length >= 4`);
  await page.click('.tile input');
  await page.click(NEXT);
  await page.until(`document.querySelector('.price') && !document.querySelector('.bone-word') && !document.querySelector('${NEXT}').disabled`);
}

test('the server writes the first screen, in the language that is wanted', async () => {
  const page = (path, headers = {}) => fetch(server.url + path, { headers: { accept: 'text/html', ...headers } });
  for (const [path, headers, lang, words] of [
    ['/', { 'accept-language': 'zh-CN,zh;q=0.9,en;q=0.8' }, 'zh-CN', '各在一方'], ['/', { 'accept-language': 'en' }, 'en', 'together at last'],
    ['/?lang=zh', { 'accept-language': 'en' }, 'zh-CN', '各在一方'], ['/', { 'accept-language': 'en', cookie: 'zt_lang=zh' }, 'zh-CN', '各在一方'],
    ['/?lang=en', { cookie: 'zt_lang=zh' }, 'en', 'together at last'], ['/', { cookie: 'zt_lang=fr', 'accept-language': 'zh' }, 'zh-CN', '各在一方'],
  ]) {
    const answer = await page(path, headers), html = await answer.text();
    assert.match(html, new RegExp(`<html lang="${lang}">`), `${path} ${JSON.stringify(headers)}`);
    assert.match(html, new RegExp(`<h1>[^<]*${words}`));
    assert.match(html, /<meta name="description" content="[^"]+">/);
    assert.doesNotMatch(html, /\{\{|<!--\w/, 'no hole is left');
    assert.doesNotMatch(html, / style="|<script>|<style/, 'nothing that the Content-Security-Policy refuses');
  }
  const lost = await page('/nothing/here');
  assert.equal(lost.status, 404);
  assert.match(await lost.text(), /"status":404/);
  const problem = await fetch(`${server.url}/v1/nothing`, { headers: { accept: 'text/html' } });
  assert.equal(problem.headers.get('content-type'), 'application/problem+json');
});

test('parts are compressed as the client likes, and kept for ever', async () => {
  const html = await (await fetch(server.url)).text(), script = /\/static\/[\w-]+\.js/.exec(html)[0], lengths = new Set(), tags = new Set();
  for (const [accept, coding] of [['identity', null], ['gzip', 'gzip'], ['gzip, br', 'br'], ['br;q=0, gzip;q=0.5', 'gzip'], ['zstd', null]]) {
    const answer = await fetch(server.url + script, { headers: { 'accept-encoding': accept }, method: 'HEAD' });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get('content-encoding'), coding, accept);
    assert.equal(answer.headers.get('vary'), 'Accept-Encoding');
    assert.match(answer.headers.get('cache-control'), /immutable/);
    lengths.add(answer.headers.get('content-length'));
    tags.add(answer.headers.get('etag'));
    const again = await fetch(server.url + script, { headers: { 'accept-encoding': accept, 'if-none-match': answer.headers.get('etag') } });
    assert.equal(again.status, 304);
  }
  assert.equal(lengths.size, 3);
  assert.equal(tags.size, 3, 'each coding has an ETag of its own');
});

test('no photo leaves before everybody agreed', async t => {
  const page = await openPage(t), sent = [];
  page.pipe.on('Network.requestWillBeSent', ({ request }) => sent.push(`${request.method} ${new URL(request.url).pathname}`));
  await page.go(`${server.url}/new`);
  await page.until($('consent'));
  assert.equal(await page.js(`${$('files')} === null`), true, 'there is nothing to choose files with');
  await page.click('.drop .button');
  await page.until(`document.querySelector('[role=alert]')`);
  assert.equal(await page.js('document.activeElement.dataset.testid'), 'consent');
  await page.js(`(() => {
    const data = new DataTransfer();
    data.items.add(new File(['x'], 'a.jpg', { type: 'image/jpeg' }));
    document.querySelector('.drop').dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }));
  })()`);
  await page.until(`document.querySelector('[role=alert]')`);
  assert.equal(await page.js(`document.querySelectorAll('[data-testid=photo]').length`), 0);
  assert.deepEqual(sent.filter(s => s.startsWith('POST')), []);
  await isSound(page);
});

test('nothing goes on when somebody no longer agrees', async t => {
  const page = await openPage(t), sent = [];
  page.pipe.on('Network.requestWillBeSent', ({ request }) => sent.push(`${request.method} ${new URL(request.url).pathname} ${request.postData ?? ''}`));
  await page.go(`${server.url}/new`);
  await agree(page);
  await page.files('[data-testid=files]', [ONE]);
  await page.until(`!document.querySelector('${NEXT}').disabled`);
  assert.match(sent.find(s => s.startsWith('POST /v1/assets')), /"consent":true/);
  await page.click('[data-testid=consent]');
  await page.until(`document.querySelector('[role=dialog] .button-danger')`);
  assert.equal(await page.js(`document.querySelectorAll('[data-testid=photo]').length`), 1, 'asked first');
  await page.click('[role=dialog] .button-danger');
  await page.until(`!document.querySelector('${NEXT}')`);
  await page.go(`${server.url}/new?step=style`);
  await page.until(`location.search === '' && ${$('consent')} && !${$('consent')}.checked`);
});

test('a failed task says what to do, and the credits in the head are those of now', async t => {
  const picky = await startServer(t, { env: { ZOETROPE_ENGINE_USE: 'fake', ZOETROPE_ENGINE_FAKE_SCRIPT: 'score.broken; compose.delay=500' } });
  const page = await openPage(t), credits = n => `/^${n} /.test(${$('credits')}?.textContent)`;
  await toPrice(page, picky.url);
  await page.until(credits(400));
  // the first answer about credits after the start comes last, as on a bad line
  await page.js(`(() => { const real = fetch; let first = true; window.fetch = async (...a) => {
    const answer = await real(...a);
    if (String(a[0]).includes('/v1/wallet') && first) { first = false; await new Promise(f => { window.release = f; }); window.came = true; }
    return answer; }; })()`);
  await page.click(NEXT);
  await page.until(`${credits(400)} && /whole head/.test(document.querySelector('.empty')?.textContent)`);
  await page.until('window.release');
  await page.js('release()');
  await page.until('window.came');
  await page.js('new Promise(requestAnimationFrame)');
  assert.match(await page.text('[data-testid=credits]'), /^400 /);
  await isSound(page);
  await picture('360-en-failed', page);
});

test('an address of no task is nobody\'s', async t => {
  const page = await openPage(t);
  assert.equal((await fetch(`${server.url}/t/nonsense`, { headers: { accept: 'text/html' } })).status, 404);
  await page.go(`${server.url}/t/nonsense`);
  await page.until(`/nothing here/i.test(document.querySelector('.empty h1')?.textContent)`);
});

test('a photo that will not do says why and can be replaced alone', async t => {
  const page = await openPage(t, { lang: 'zh' }), text = join(tempDir('zt-page-'), 'note.jpg');
  writeFileSync(text, 'not a photo');
  await page.go(`${server.url}/new`);
  await agree(page);
  await page.files('[data-testid=files]', [text, NOBODY]);
  await page.until(settled(2));
  const words = await page.js(`[...document.querySelectorAll('.photo-bad')].map(n => n.textContent.trim())`);
  assert.deepEqual(words, ['无法读取这种类型的文件。', '照片中未找到人脸。']);
  assert.equal(await page.js(`document.querySelector('${NEXT}').disabled`), true);
  await picture('360-zh-refused', page);
  await page.files('[data-testid=replace-file]', [ONE]);                          // of the first of the two
  await page.until(`document.querySelectorAll('[data-testid=photo]').length === 2 && document.querySelectorAll('.photo-good').length === 1 && ${settled(2)}`);
  assert.equal(await page.js(`document.querySelector('[data-testid=photo]').dataset.state`), 'ready', 'it takes the place of the one it replaces');
  await isSound(page);
});

test('what was put together survives a reload', async t => {
  const page = await openPage(t);
  await toPrice(page, server.url, [FOUR, ONE]);
  await page.cdp('Page.reload');
  await page.until(`document.querySelector('.price') && !document.querySelector('.bone-word') && ${loaded}`);
  assert.match(await page.text('.summary'), /1 person joins/);
  await page.js('history.back()');
  await page.until(`location.search === '?step=style'`);
  await page.js('history.back()');
  await page.until(`location.pathname === '/new' && location.search === '' && document.querySelectorAll('[data-testid=photo]').length === 2`);
  await isSound(page);
});

test('a background of one\'s own', async t => {
  const page = await openPage(t);
  await page.go(`${server.url}/new`);
  await agree(page);
  await page.files('[data-testid=files]', [ONE]);
  await page.until(settled(1));
  await page.click(NEXT);
  await page.until($('own-file'));
  await page.files('[data-testid=own-file]', [NOBODY]);
  await page.until(`document.querySelector('.tile input[value=""]')?.checked && !document.querySelector('${NEXT}').disabled`);
  await isSound(page);
  await picture('360-en-own', page);
  await page.click(NEXT);
  await page.until(`document.querySelector('.price') && !document.querySelector('.bone-word')`);
  await page.click(NEXT);
  await page.until(`document.querySelectorAll('[data-testid=candidate]').length === 4`);
});

test('the language is kept, the task can be cancelled, credits come back', async t => {
  const slow = await startServer(t, { env: { ZOETROPE_ENGINE_USE: 'fake', ZOETROPE_ENGINE_FAKE_SCRIPT: 'delay=600000' } });
  const page = await openPage(t, { dark: true }), credits = n => `new RegExp('^${n} ').test(${$('credits')}?.textContent)`;
  await page.go(`${slow.url}/`);
  await page.until(`document.querySelector('.closing')`);
  await page.js(`[...document.querySelectorAll('.top-link')].pop().click()`);
  await page.until(`/同框/.test(document.querySelector('h1').textContent)`);
  await toPrice(page, slow.url);
  await page.click(NEXT);
  await page.until(`document.querySelector('[role=progressbar]') && ${credits(360)}`);
  await picture('360-zh-dark-working', page);
  await page.js(`[...document.querySelectorAll('.working-acts button')].pop().click()`);
  await page.until(`document.querySelector('[role=dialog]')`);
  await isSound(page);
  await page.click('[role=dialog] .button-danger');
  await page.until(`/已取消/.test(document.querySelector('.empty h1')?.textContent) && ${credits(400)}`);
  await page.go(`${slow.url}/`);
  await page.until(`document.querySelector('.closing') && ${loaded}`);
  assert.match(await page.text('h1'), /同框/);
  assert.equal(await page.js('document.documentElement.lang'), 'zh-CN');
  await picture('360-zh-dark', page);
  await isSound(page);
});

test('a link of an account names it and asks before it signs in', async t => {
  const alice = await Client.guest(server.url), page = await openPage(t, { width: 360, height: 740 });
  const link = async () => (await alice.post('/v1/me/link', {})).url;
  await page.cdp('Page.navigate', { url: await link() });
  await page.until(`/Open these pictures here/.test(document.body?.innerText)`);
  assert.equal(await page.js(`fetch('/v1/me').then(r => r.status)`), 401, 'nobody yet');
  assert.equal(await page.js('location.hash'), '');
  await picture('360-en-auth', page);
  await isSound(page);
  await page.js(`[...document.querySelectorAll('button')].find(b => /Open these/.test(b.innerText)).click()`);
  await page.until(`/You are signed in/.test(document.body.innerText)`);
  assert.equal(await page.js(`fetch('/v1/me').then(r => r.json()).then(m => m.account)`), alice.account);
});

test('the pictures can be compared by keyboard, and deleted for ever', async t => {
  const alice = await Client.guest(server.url), photo = await alice.photo(ONE), page = await openPage(t, { width: 1280, height: 800 });
  const task = await alice.waitTask((await alice.buy(await alice.quote({ people: [{ asset: photo.id, face: 0 }], template: 'hall' }))).id);
  const key = name => page.cdp('Input.dispatchKeyEvent', { type: 'keyDown', key: name }).then(() => page.cdp('Input.dispatchKeyEvent', { type: 'keyUp', key: name }));
  await page.cdp('Page.navigate', { url: `${server.url}/t/${task.id}#magic=${(await alice.post('/v1/me/link', {})).token}` });        // as the demo does on its own machine
  await page.until(`document.querySelectorAll('[data-testid=candidate]').length === 4`);
  assert.equal(await page.js('location.hash'), '');
  await page.js(`(b => { b.focus(); b.click(); })(document.querySelector('[data-testid=candidate]'))`);
  const shows = n => page.until(`new RegExp('Picture ${n} of 4').test(document.querySelector('.viewer-title')?.textContent)`);
  await shows(1);
  await key('ArrowRight');
  await shows(2);
  await key('ArrowLeft');
  await key('ArrowLeft');
  await shows(4);
  await key('+');
  await page.until(`/scale\\(1\\.5\\)/.test(document.querySelector('.pane img').style.transform)`);
  await key('0');
  await page.until(`/scale\\(1\\)/.test(document.querySelector('.pane img').style.transform)`);
  await page.click('.viewer-two');
  await page.until(`document.querySelectorAll('.pane').length === 2 && ${loaded}`);
  await isSound(page);
  await picture('1280-en-compare', page);
  await key('Escape');
  await page.until(`!document.querySelector('[role=dialog]') && document.activeElement.dataset.testid === 'candidate'`);

  await page.js(`[...document.querySelectorAll('.under-quiet button')].pop().click()`);
  await page.until(`document.querySelector('[role=dialog] .button-danger')`);
  assert.equal((await alice.send('GET', `/v1/assets/${photo.id}`)).status, 200, 'asked once more');
  await page.click('[role=dialog] .button-danger');
  await page.until(`/Deleted/.test(document.querySelector('.empty h1')?.textContent)`);
  for (const id of [photo.id, ...task.candidates.map(c => c.asset)]) assert.equal((await alice.send('GET', `/v1/assets/${id}`)).status, 404, 'the photo, too');
  assert.equal(await page.js(`fetch('/v1/assets/${task.candidates[0].asset}/content').then(r => r.status)`), 404, 'nor does the browser remember it');
  await page.cdp('Page.reload');
  await page.until(`/Deleted/.test(document.querySelector('.empty h1')?.textContent)`);
  await page.go(`${server.url}/me`);
  await page.until(`/Deleted/.test(document.querySelector('.mine-state')?.textContent) && ${loaded}`);
  assert.equal(await page.js(`document.querySelector('.mine [data-testid=clock]')`), null);
  assert.ok(await page.js(`(([icon, frame]) => icon.top >= frame.top && icon.bottom <= frame.bottom)(['.mine-picture > .icon', '.mine-picture'].map(s => document.querySelector(s).getBoundingClientRect()))`), 'its icon is whole');
  await picture('1280-en-me-deleted', page);
});

test('a guest signs up, confirms, signs out and in again, and the picture is still there', async t => {
  const page = await openPage(t, { lang: 'zh' }), email = 'lin@example.com', operator = new Client(server.url, server.operatorToken());
  const type = (selector, text) => page.js(`(e => {
    Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(e, ${JSON.stringify(text)});
    e.dispatchEvent(new Event('input', { bubbles: true }));
  })(document.querySelector('${selector}'))`);
  const enter = async (path, password) => {
    await page.go(server.url + path);
    await page.until(`document.querySelector('form')`);
    await type('input[type=email]', email);
    await type('input[name=password]', password);
    await page.click('button[type=submit]');
  };
  await toPrice(page, server.url);
  await page.click(NEXT);
  await page.until(`document.querySelectorAll('[data-testid=candidate]').length === 4`);
  await enter('/sign-up', 'password12');
  await page.until(`/密码过于简单/.test(document.querySelector('[role=alert]')?.textContent)`);
  await enter('/sign-up', 'a long enough secret 7');
  await page.until(`/查收邮件/.test(document.querySelector('.empty h1')?.textContent)`);
  const mail = await operator.get(`/v1/admin/mails/${(await operator.get('/v1/admin/mails')).items[0].id}`);
  await page.cdp('Page.navigate', { url: server.url + /\/auth#confirm=[\w-]+/.exec(mail.text)[0] });
  await page.until(`/已确认/.test(document.querySelector('.empty h1')?.textContent)`);
  assert.equal(await page.js('location.hash'), '', 'the token is not left in the address');
  await page.go(`${server.url}/me`);
  await page.until(`document.querySelectorAll('.mine').length === 1 && document.querySelector('.account').textContent.includes('${email}')`);
  await isSound(page);
  await picture('360-zh-account', page);
  await page.js(`[...document.querySelectorAll('.panel-acts .button-quiet')].find(b => /退出登录/.test(b.textContent)).click()`);
  await page.until(`location.pathname === '/' && !${$('credits')}`);
  await enter('/sign-in', 'not the right secret');
  await page.until(`document.querySelector('[role=alert]')`);
  await enter('/sign-in', 'a long enough secret 7');
  await page.until(`location.pathname === '/me' && document.querySelectorAll('.mine').length === 1`);
});

test('somebody else\'s task, and being offline, are said', async t => {
  const alice = await Client.guest(server.url), photo = await alice.photo(ONE);
  const task = await alice.buy(await alice.quote({ people: [{ asset: photo.id, face: 0 }], template: 'hall' }));
  const page = await openPage(t), other = await Client.guest(server.url);
  for (const path of [`/t/${task.id}`, '/me']) {
    await page.go(server.url + path);
    await page.until(`/signed out here/.test(document.querySelector('.empty')?.textContent) && document.querySelector('.empty a[href="/sign-in?next=${path}"]')`);
    await isSound(page);
  }
  await page.cdp('Page.navigate', { url: `${server.url}/t/${task.id}#magic=${(await other.post('/v1/me/link', {})).token}` });
  await page.until(`/not here/.test(document.querySelector('.empty h1')?.textContent)`);
  await page.cdp('Network.emulateNetworkConditions', { offline: true, latency: 0, downloadThroughput: -1, uploadThroughput: -1 });
  await page.until(`/offline/.test(document.querySelector('.connection')?.textContent)`);
  await page.cdp('Network.emulateNetworkConditions', { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: -1 });
  await page.until(`!document.querySelector('.connection')`);
  await alice.waitTask(task.id);
});
