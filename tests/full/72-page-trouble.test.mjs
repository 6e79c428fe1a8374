// 72-page-trouble.test.mjs - the pages when the server says no for a while, the session ends, or nobody answers. Pictures of it: out/page/.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openPage } from '../lib/browser.mjs';
import { FOUR, ONE } from '../lib/expect.mjs';
import { root, startServer } from '../lib/server.mjs';

let server;
before(async () => { server = await startServer(null, { env: { ZOETROPE_ENGINE_USE: 'fake', ZOETROPE_ENGINE_FAKE_SCRIPT: 'delay=400' } }); });
after(async () => {
  const { code } = await server.stop();
  server.forget();
  assert.equal(code, 0);
});

const $ = id => `document.querySelector('[data-testid="${id}"]')`;
const states = (...all) => `[...document.querySelectorAll('[data-testid=photo]')].map(p => p.dataset.state).join() === '${all.join()}'`;
const NEXT = '.action-bar .button-primary';
const picture = (name, page) => page.screenshot(join(root, 'out/page', `${name}.png`));
const pressIn = (page, within, words) => page.js(`[...document.querySelectorAll('${within} button')].find(b => /${words}/.test(b.textContent)).click()`);

async function toPhotos(page) {
  await page.go(`${server.url}/new`);
  await page.until($('consent'));
  await page.click('[data-testid=consent]');
  await page.until($('files'));
}

/** Requests of this kind are answered with this problem until what is given back is called; .times: how often that was. */
async function answered(page, method, path, status, problem, headers = {}) {
  let on = true;
  const over = () => { on = false; };
  over.times = 0;
  const body = Buffer.from(JSON.stringify({ status, ...problem })).toString('base64');
  page.pipe.on('Fetch.requestPaused', ({ requestId, request }) => {
    if (on && request.method === method) {
      over.times++;
      page.cdp('Fetch.fulfillRequest', { requestId, responseCode: status, responseHeaders: Object.entries({ 'content-type': 'application/problem+json', ...headers }).map(([name, value]) => ({ name, value })), body });
    } else {
      page.cdp('Fetch.continueRequest', { requestId });
    }
  });
  await page.cdp('Fetch.enable', { patterns: [{ urlPattern: `*${path}` }] });
  return over;
}

test('an access token that ended is renewed below an upload', async t => {
  const page = await openPage(t);
  await toPhotos(page);
  await page.files('[data-testid=files]', [ONE]);
  await page.until(states('ready'));
  await page.cdp('Network.deleteCookies', { name: 'zt_access', url: server.url });
  await page.files('[data-testid=files]', [FOUR]);
  await page.until(`${states('ready', 'ready')} || ${$('photo')} && document.querySelector('.photo-bad, .photo-wait')`);
  assert.equal(await page.js(states('ready', 'ready')), true, await page.js(`document.querySelector('.photos').textContent`));
});

test('a full disk is said as what it is, and the photo can be sent again', async t => {
  const page = await openPage(t), room = await answered(page, 'POST', '/v1/uploads', 503, {
    code: 'storage_full', i18n: { en: { title: 'Out of room here.', next: 'Try later.' }, zh: { title: '满了。', next: '稍后。' } } }, { 'retry-after': '2' });
  await toPhotos(page);
  await page.files('[data-testid=files]', [ONE]);
  await page.until(states('held'));
  assert.match(await page.text('.photo-verdict'), /Out of room here\.\s*Try later\./);
  assert.equal(await page.js(`document.querySelector('.photo-stamp') === null`), true, 'nothing is wrong with the photo');
  await picture('360-en-full', page);
  room();
  await pressIn(page, '.photo-acts', 'Try again');
  await page.until(states('ready'));
});

test('the limit of new guests is a wait, with its time', async t => {
  const page = await openPage(t, { lang: 'zh' }), open = await answered(page, 'POST', '/v1/sessions', 429, {
    code: 'rate_limited', detail: 'at most 5 in an hour; again in 1500 seconds', i18n: { en: { title: 'Too many.', next: 'Wait.' }, zh: { title: '操作过于频繁。', next: '请稍候再试。' } } }, { 'retry-after': '2' });
  await toPhotos(page);
  await page.files('[data-testid=files]', [ONE]);
  await page.until(states('held'));
  assert.equal(open.times, 1, 'no use in knocking before');
  assert.match(await page.text('.photo-verdict'), /操作过于频繁。\s*\d+:\d\d 之后可以重试/);
  assert.equal(await page.js($('replace-file')), null, 'another photo would not help');
  await picture('360-zh-limit', page);
  open();
  await pressIn(page, '.photo-acts', '重试');
  await page.until(states('ready'));
});

test('a lost connection is no verdict on the photo, and it goes on by itself', async t => {
  const page = await openPage(t), off = offline => page.cdp('Network.emulateNetworkConditions', { offline, latency: 0, downloadThroughput: -1, uploadThroughput: -1 });
  await toPhotos(page);
  await page.files('[data-testid=files]', [ONE]);
  await page.until(states('ready'));
  await off(true);
  await page.files('[data-testid=files]', [FOUR]);
  await page.until(states('ready', 'lost'));
  assert.equal(await page.js(`document.querySelector('.photo-stamp') === null`), true);
  await picture('360-en-lost', page);
  await off(false);
  await page.until(states('ready', 'ready'));
});

test('consent is recorded before the first photo, once for each picture, and taken back with the photos', async t => {
  const page = await openPage(t), sent = [];
  page.pipe.on('Network.requestWillBeSent', ({ request }) => sent.push(`${request.method} ${new URL(request.url).pathname.replace(/\/asset_\w+$/, '')} ${request.postData ?? ''}`.trim()));
  const at = what => sent.findIndex(s => s.startsWith(what)), count = what => sent.filter(s => s.startsWith(what)).length;
  await toPhotos(page);
  await page.files('[data-testid=files]', [ONE, FOUR]);
  await page.until(states('ready', 'ready'));
  assert.equal(sent[at('POST /v1/consents')], 'POST /v1/consents {"kind":"faces","version":"2026-11","lang":"en"}');
  assert.ok(at('POST /v1/consents') < at('POST /v1/uploads'));
  assert.equal(count('POST /v1/consents'), 1);
  await page.click('[data-testid=consent]');
  await page.until(`/2 photos/.test(document.querySelector('[role=dialog]')?.textContent)`);
  await pressIn(page, '[role=dialog]', 'Keep them');
  await page.until(`!document.querySelector('[role=dialog]')`);
  assert.deepEqual(await page.js(`[${$('consent')}.checked, document.querySelectorAll('[data-testid=photo]').length]`), [true, 2], 'one tap deletes nothing');
  await page.click('[data-testid=consent]');
  await page.until(`document.querySelector('[role=dialog] .button-danger')`);
  await page.click('[role=dialog] .button-danger');
  await page.until(`!${$('photo')} && !document.querySelector('[role=dialog]') && /were deleted/.test(document.querySelector('.consent-gone')?.textContent)`);
  await page.until(`(p => { const b = p.getBoundingClientRect(); return [b.top + 1, b.bottom - 1].every(y => p === document.elementFromPoint(b.left + 5, y)); })(document.querySelector('.consent-gone'))`);
  await page.until(`fetch('/v1/tasks').then(() => true)`);
  assert.equal(count('DELETE /v1/assets'), 2, 'the server has them no more');
  await picture('360-en-withdrawn', page);
  await page.click('[data-testid=consent]');
  await page.until($('files'));
  await page.files('[data-testid=files]', [ONE]);
  await page.until(states('ready'));
  assert.equal(count('POST /v1/consents'), 2);
  await page.click(NEXT);
  await page.until(`document.querySelectorAll('.tile input').length >= 4`);
  await page.click('.tile input');
  await page.click(NEXT);
  await page.until(`document.querySelector('.price') && !document.querySelector('${NEXT}').disabled`);
  await page.click(NEXT);
  await page.until(`document.querySelectorAll('[data-testid=candidate]').length === 4`);
  await page.js(`document.querySelector('.brand').click()`);
  await page.until(`document.querySelector('.hero a')`);
  await page.click('.hero a');
  await page.until($('consent'));
  assert.equal(await page.js(`${$('consent')}.checked`), false, 'for another picture it is asked again');
});

test('who signs out leaves no photo on the device', async t => {
  const page = await openPage(t);
  await toPhotos(page);
  await page.files('[data-testid=files]', [ONE]);
  await page.until(states('ready'));
  await page.click('.top-link[href="/me"]');
  await page.until(`document.querySelector('.devices')`);
  await pressIn(page, '.panel-acts', 'everywhere');
  await page.until(`document.querySelector('[role=dialog]')`);
  await page.click('[role=dialog] .button-danger');
  await page.until(`document.querySelector('.hero a')`);
  await page.click('.hero a');
  await page.until($('consent'));
  assert.deepEqual(await page.js(`[${$('consent')}.checked, document.querySelectorAll('.photo, .face-picture').length]`), [false, 0]);
});

test('one person in two photos is said instead of a price', async t => {
  const page = await openPage(t, { lang: 'zh' });
  await page.go(`${server.url}/`);
  await page.until(`document.querySelector('.top a[href="/sign-in"]')`);
  await picture('360-zh-landing', page);
  await toPhotos(page);
  await page.files('[data-testid=files]', [ONE, ONE]);
  await page.until(states('ready', 'ready'));
  const seen = `(n => { const b = n?.getBoundingClientRect(), bar = document.querySelector('.action-bar').getBoundingClientRect(); return b && b.top >= 0 && b.bottom <= bar.top; })(document.querySelector('.notice-bad'))`;
  await page.until(seen);                                          // at once, with both photos, where it can be read
  assert.equal(await page.js(`document.querySelectorAll('.notice-bad img').length`), 2);
  assert.doesNotMatch(await page.text('.notice-bad'), /说明/, 'it points to nothing that is not there');
  assert.equal(await page.js(`document.querySelector('${NEXT}').disabled`), true);
  await picture('360-zh-twice-photos', page);
  await page.click('.chip input');                                 // one of the two does not join: that is all
  await page.until(`!document.querySelector('.notice-bad') && !document.querySelector('${NEXT}').disabled`);
  await page.click('.chip input');
  await page.until(seen);
  await page.js(`(f => { sessionStorage.setItem('zt-journey', JSON.stringify({ ...f, template: 'hall' })); location.href = '/new?step=confirm'; })(JSON.parse(sessionStorage.getItem('zt-journey')))`);
  await page.until(`location.search === '?step=confirm' && document.querySelector('.notice-bad li') && ${seen}`);
  assert.equal(await page.js(`document.querySelector('.bone-word')`), null, 'nothing looks as if it were still coming');
  assert.match(await page.text('.notice-bad'), /照片需要先调整/);
  assert.deepEqual(await page.js(`[...document.querySelectorAll('.summary a')].map(a => a.getClientRects().length)`), [1, 1]);
  assert.ok(await page.js(`[...document.querySelectorAll('.summary a')].every(a => a.getBoundingClientRect().width > 30)`), 'one word, one line');
  await picture('360-zh-twice', page);
});
