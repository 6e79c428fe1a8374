// 89-newcomer.test.mjs - what somebody who came for the first time stumbled over, one test each. Pictures: out/screens/.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Client } from '../lib/client.mjs';
import { FOUR, NOBODY, ONE } from '../lib/expect.mjs';
import { linkOf, person, typeIn } from '../lib/people.mjs';
import { startServer } from '../lib/server.mjs';
import { NEXT, openBrowser, openWalk } from '../lib/walk.mjs';

const PASSWORD = 'a long enough secret 3';
let server, slow, failing, browser, operator;
const fake = script => startServer(null, { env: { ZOETROPE_ENGINE_USE: 'fake', ZOETROPE_AUTH_MAILS_PER_HOUR: '100', ZOETROPE_AUTH_SIGN_INS_PER_HOUR: '300', ZOETROPE_ENGINE_FAKE_SCRIPT: script } });
before(async () => {
  [server, slow, failing, browser] = await Promise.all([fake('delay=100'), fake('delay=600000'), fake('compose.refused; delay=20'), openBrowser()]);
  operator = new Client(server.url, server.operatorToken());
});
after(async () => {
  await browser.close();
  for (const one of [server, slow, failing]) {
    const { code } = await one.stop();
    one.forget();
    assert.equal(code, 0);
  }
});

const link = (email, kind) => linkOf(operator, email, kind);
async function signIn(walk, email) {
  await walk.go('/sign-in?next=/me');
  await typeIn(walk, email, PASSWORD);
  await walk.$('.devices').waitFor();
}
const blank = (width, height, type = 'image/jpeg') => `new Promise(done => { const c = Object.assign(document.createElement('canvas'), { width: ${width}, height: ${height} }); c.getContext('2d').fillRect(0, 0, ${width}, ${height}); c.toBlob(b => b.arrayBuffer().then(a => done([...new Uint8Array(a)])), '${type}'); })`;

test('a photo that cannot be used is named where one goes on, and at the price', async t => {
  const walk = await openWalk(t, browser, server.url, { name: 'left-out-en' });
  await walk.toPrice([ONE, NOBODY]);
  await walk.$('.summary').getByText('1 photo cannot be used').waitFor();
  await walk.shot('price');
  await walk.page.goBack();
  await walk.page.goBack();
  await walk.page.locator('.action-hint', { hasText: '1 person joins · 1 photo cannot be used' }).waitFor();
  await walk.shot('photos');
});

test('too few credits: what is lacking stands beside the button, and nothing is left afterwards', async t => {
  const walk = await openWalk(t, browser, server.url, { name: 'short-en', axe: true });
  await walk.page.route('**/v1/wallet', async route => route.fulfill({ json: { ...await (await route.fetch()).json(), available: 25 } }));
  await walk.go('/new');
  await walk.agree();
  await walk.photos([ONE]);
  await walk.next().click();
  await walk.$('.tile input[type=radio]').first().check();
  await walk.next().click();
  await walk.page.locator('.action-hint', { hasText: 'You need 15 credits more.' }).waitFor();
  const { y, height } = await walk.$('.action-hint').boundingBox();
  assert.ok(y >= 0 && y + height <= 740, 'in sight');
  assert.equal(await walk.next().isDisabled(), true);
  assert.equal(await walk.page.getByText('Left afterwards').count(), 0);
  await walk.shot('price');
});

test('the first task of a fresh server says how long it takes, too', async t => {
  const walk = await openWalk(t, browser, slow.url, { name: 'fresh-en' });
  await walk.toPrice([ONE]);
  await walk.next().click();
  await walk.page.getByText('usually about a minute').waitFor();
  await walk.shot('working');
});

test('two clicks at once are one request', async t => {
  const walk = await openWalk(t, browser, server.url), sent = [];
  walk.page.on('request', request => { if (request.method() === 'POST') sent.push(new URL(request.url()).pathname); });
  await walk.go('/sign-in');
  await walk.$('input[type=email]').fill('twice@example.com');
  await walk.$('input[name=password]').fill(PASSWORD);
  await walk.page.evaluate(() => { for (let n = 0; n < 2; n++) document.querySelector('button[type=submit]').click(); });
  await walk.$('[role=alert]').waitFor();
  assert.deepEqual(sent.filter(path => path === '/v1/sessions/password').length, 1);
  await walk.page.evaluate(() => { for (let n = 0; n < 2; n++) document.querySelector('.form-more .link').click(); });
  await walk.h1('Look into your mail');
  assert.deepEqual(sent.filter(path => path === '/v1/mails').length, 1);
});

test('what is wrong with a file is said as it is, and what is asked for is said before', async t => {
  const walk = await openWalk(t, browser, server.url, { name: 'files-en', axe: true });
  await walk.go('/new');
  await walk.agree();
  await walk.page.getByText('at least 720 pixels on the shorter side').waitFor();
  await walk.id('files').setInputFiles([{ name: 'moving.gif', mimeType: 'image/gif', buffer: Buffer.from('GIF89a') }]);
  await walk.page.getByText('This type of file cannot be read.').waitFor();
  const [name, mark] = await Promise.all(['.photo-none span', '.photo-stamp'].map(s => walk.$(s).boundingBox()));
  assert.equal(await walk.$('.photo-none').innerText(), 'moving.gif', 'what cannot be shown has its name');
  assert.ok(name.y + name.height <= mark.y, 'the stamp does not lie on it');
  const wide = Buffer.from(await walk.page.evaluate(blank(2400, 120)));
  await walk.id('files').setInputFiles([{ name: 'wide.jpg', mimeType: 'image/jpeg', buffer: wide }]);
  await walk.settled(2);
  const [frame, stamp, bin] = await Promise.all(['.photo-frame', '.photo-stamp', '.photo-remove'].map(s => walk.id('photo').nth(1).locator(s).boundingBox()));
  assert.ok(stamp.y >= bin.y + bin.height - 1 || stamp.x + stamp.width <= bin.x, 'the stamp and the bin do not lie on each other');
  assert.ok(stamp.y >= frame.y && stamp.y + stamp.height <= frame.y + frame.height, 'the stamp lies on its picture');
  assert.ok(bin.y + bin.height <= frame.y + frame.height, 'so does the bin');
  await walk.shot('refused');
});

test('a background that will not do says so where one looks, and another one takes its place', async t => {
  const walk = await openWalk(t, browser, server.url, { name: 'backdrop-en' }), hint = words => walk.page.locator('.action-hint', { hasText: words }).waitFor();
  await walk.go('/new');
  await walk.agree();
  await walk.photos([ONE]);
  await walk.next().click();
  await walk.id('own-file').setInputFiles([FOUR]);
  await hint('This photo cannot be used as a background.');
  await walk.until(() => (b => b.top >= 0 && b.bottom <= document.querySelector('.action-bar').getBoundingClientRect().top)(document.querySelector('.photo .button-primary').getBoundingClientRect()));
  assert.equal(await walk.$('.tile-on').count(), 0, 'nothing looks chosen');
  await walk.shot('refused');
  await walk.id('replace-file').setInputFiles([NOBODY]);
  await walk.until(next => document.querySelector('.tile input[value=""]')?.checked && !document.querySelector(next).disabled, NEXT);
  await walk.id('own-file').setInputFiles([FOUR]);
  await hint('This photo cannot be used as a background.');
  await walk.$('.photo-remove').click();
  await hint('Choose a background.');
  assert.equal(await walk.id('photo').count(), 0);
  await walk.page.goBack();
  await walk.settled(1);                                            // nothing of it became one of the people
});

test('the same photo twice: one of the two goes by one tap; who has no picture yet is not asked to make another', async t => {
  const walk = await openWalk(t, browser, server.url, { name: 'twice-en' });
  await walk.go('/new');
  await walk.agree();
  await walk.photos([ONE, ONE]);
  await walk.$('.meant').getByRole('button', { name: /^Take away girl/ }).click();
  await walk.settled(1);
  await walk.until(next => !document.querySelector(next).disabled && !document.querySelector('.notice-bad'), NEXT);
  await walk.go('/me');
  await walk.page.getByText('No pictures yet').waitFor();
  assert.equal(await walk.page.getByText('Make another').count(), 0);
  assert.ok(await walk.$('.empty .button-big > span').evaluate(e => e.getBoundingClientRect().height < 30), 'one line');
  await walk.shot('me');
});

test('what a good photo is: one line each, as wide as what stands below; and a finger leaves no button lit behind it', async t => {
  for (const [lang, width] of [['en', 1440], ['zh', 360], ['en', 360]]) {
    const walk = await openWalk(t, browser, server.url, { lang, width, name: `good-${width}-${lang}`, isMobile: width < 1000 });
    await walk.go('/new');
    await walk.$('.good').waitFor();
    assert.deepEqual(await walk.$('.good li > :last-child').evaluateAll(all => all.filter(e => e.clientHeight > 30).map(e => e.textContent)), [], `${lang}, ${width}`);
    const [last, consent] = await Promise.all(['.good li:last-child', '.consent'].map(s => walk.$(s).boundingBox()));
    assert.ok(Math.abs(last.x + last.width - consent.x - consent.width) < 1, `${lang}, ${width}`);
    await walk.shot('new');
    if (lang === 'zh') continue;
    await walk.agree();
    await walk.photos(['one', 'two'].map(name => ({ name: `${name}.gif`, mimeType: 'image/gif', buffer: Buffer.from('GIF89a') })));
    const bin = walk.$('.photo-remove').first(), colour = () => bin.evaluate(e => getComputedStyle(e).color), before = await colour();
    await bin.click();
    await walk.settled(1);
    await walk.calm();
    assert.equal(await colour() === before, width < 1000, 'a mouse lies on the next one, a finger does not');
  }
});

test('who taps one face too many is told', async t => {
  const walk = await openWalk(t, browser, server.url, { name: 'sixth-en', axe: true });
  await walk.go('/new');
  await walk.agree();
  await walk.photos([FOUR, FOUR]);
  const boxes = walk.$('.chip input');
  for (let n = 0; n < 5; n++) await boxes.nth(n).check({ force: true });
  assert.equal(await walk.page.getByText('At most 5 people fit into one picture.').count(), 0);
  await boxes.nth(5).click({ force: true });
  await walk.page.getByText('At most 5 people fit into one picture.').waitFor();
  assert.equal(await walk.$('.chip input:checked').count(), 5);
  await walk.shot('full');
});

test('the ends of a link: used, wrong password, somebody else\'s', async t => {
  const email = 'ends@example.com', walk = await openWalk(t, browser, server.url, { name: 'link-en', axe: true });
  await person(operator, email, PASSWORD);
  await signIn(walk, email);
  await operator.post('/v1/mails', { email, kind: 'magic' });
  const used = await link(email, 'magic');
  const other = await openWalk(t, browser, server.url, { name: 'link-other-en' });
  await other.go(used);
  await other.h1('Is this account yours?');
  await other.shot('asks');
  await other.page.getByRole('link', { name: 'No, leave' }).click();
  await other.page.waitForURL(url => url.pathname === '/');
  await other.page.goto('about:blank');
  await other.go(used);
  await other.$('#main .button-primary').click();
  await other.h1('You are signed in');
  assert.equal((await other.$('.empty').innerText()).match(/signed in/g).length, 1, 'said once');
  await walk.page.goto('about:blank');
  await walk.go(used);
  await walk.page.getByText('You are signed in already').waitFor();
  assert.equal(await walk.$('#main').getByRole('link', { name: 'To my pictures' }).getAttribute('href'), '/me');
  await walk.shot('used');

  const fresh = await openWalk(t, browser, server.url, { name: 'link-password-en', axe: true });
  await fetch(`${server.url}/v1/accounts`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ email: 'mail-first@example.com', password: PASSWORD }) });
  await fresh.go(await link('mail-first@example.com', 'confirm'));
  await fresh.h1('Is it you?');
  await fresh.$('input[name=password]').fill('not the right secret');
  await fresh.$('button[type=submit]').click();
  await fresh.page.getByText('This is not the password you signed up with.').waitFor();
  await fresh.shot('wrong');
});

test('Chinese pages call devices in Chinese', async t => {
  const email = 'device@example.com', walk = await openWalk(t, browser, server.url, { lang: 'zh', name: 'device-zh' });
  await person(operator, email, PASSWORD);
  await signIn(walk, email);
  await walk.$('.device-name', { hasText: 'Linux 上的 Chrome' }).first().waitFor();
  assert.deepEqual((await walk.$('.device-name').allTextContents()).filter(name => / on |Unknown/.test(name)), []);
  await walk.shot('me');
});

for (const lang of ['en', 'zh']) {
  test(`at 320 px everything stays in its place, ${lang}`, async t => {
    const walk = await openWalk(t, browser, server.url, { lang, width: 320, height: 640, name: `320-${lang}` });
    // what leaves its card, what is cut, which names of steps touch
    const wrong = () => walk.page.evaluate(() => [
      ...[...document.querySelectorAll('.card a, .card .button, .tile p, .tile .button, .width .button:not(.button-bare)')].filter(e => {
        const a = e.getBoundingClientRect(), around = e.closest('.card, .tile, .width'), b = around.getBoundingClientRect(), margin = around.matches('.width') ? 16 : 0;
        return a.width && (a.left < b.left + margin - 0.5 || a.right > b.right - margin + 0.5 || a.bottom > b.bottom + 0.5 && e.closest('.tile'));
      }).map(e => `out of its place: ${e.textContent}`),
      ...[...document.querySelectorAll('.steps-name')].map(e => e.getBoundingClientRect()).filter((b, n, all) => n && all[n - 1].right > b.left - 3).map(b => `names of steps touch at ${b.left}`),
      ...[...document.querySelectorAll('.button, .tile p, .summary dt, .summary .roster')].filter(e => e.scrollWidth > e.clientWidth + 1 || e.matches('.tile p') && e.clientHeight > 60).map(e => `cut: ${e.textContent}`),
    ]);
    await walk.go('/new');
    await walk.agree();
    await walk.photos([ONE, NOBODY]);
    assert.deepEqual(await wrong(), [], 'photos');
    await walk.shot('photos');
    await walk.next().click();
    await walk.$('.tile input[type=radio]').first().check();
    assert.deepEqual(await wrong(), [], 'styles');
    await walk.shot('styles');
    await walk.next().click();
    await walk.priced();
    assert.deepEqual(await wrong(), [], 'price');
    await walk.shot('price');
    await walk.next().click();
    await walk.chosen();
    await walk.shot('grid');
    await walk.id('candidate').first().click();
    await walk.$('.viewer-act .button').click();
    await walk.id('picked').waitFor();
    assert.deepEqual(await wrong(), [], 'done');
    const [offer, gold] = await Promise.all(['.keep', '.top-credits'].map(s => walk.$(s).evaluate(e => getComputedStyle(e).backgroundColor)));
    assert.equal(offer, gold, 'an offer is no card like the others');
    await walk.shot('done');
    await walk.go('/sign-in');
    await walk.$('input[type=email]').waitFor();
    assert.deepEqual(await wrong(), [], 'sign-in');
    await walk.go('/me');
    await walk.$('.mine').waitFor();
    assert.deepEqual(await wrong(), [], 'me');
  });
}

test('a picture that failed says once that the credits are back', async t => {
  const walk = await openWalk(t, browser, failing.url, { name: 'failed-en', axe: true });
  await walk.toPrice([ONE]);
  await walk.next().click();
  await walk.h1('This did not work');
  assert.equal((await walk.$('.empty').innerText()).match(/given back/g)?.length, 1);
  await walk.shot('failed');
});

test('marks have their own colours, wherever they stand', async t => {
  const walk = await openWalk(t, browser, server.url, { name: 'marks-en' });
  await walk.page.route(/\/v1\/tasks\/task_\w+$/, async route => {
    const json = await (await route.fetch()).json();
    for (const candidate of json.candidates) candidate.scores = { identity_min: candidate === json.candidates[1] ? 0.9 : 0.1 };
    await route.fulfill({ json });
  });
  await walk.toPrice([ONE]);
  await walk.next().click();
  await walk.chosen();
  await walk.shot('alone');
  const marks = await walk.$('.marks span').evaluateAll(all => all.map(m => [m.textContent, getComputedStyle(m).backgroundColor]));
  assert.equal(new Set(marks.filter(([words]) => words === 'Best').map(([, colour]) => colour)).size, 1);
  assert.equal(marks.some(([words]) => words === 'Most alike'), true);
  assert.equal(marks.some(([words, colour]) => words === 'Most alike' && colour === marks.find(m => m[0] === 'Best')[1]), false);
});

test('without scripts it says so, in the page\'s own look', async t => {
  const walk = await openWalk(t, browser, server.url, { name: 'no-script-en', javaScriptEnabled: false });
  await walk.go('/');
  assert.equal(await walk.$('noscript').count(), 1);
  const box = await walk.$('.no-script').boundingBox();
  assert.equal(box.width, 360, 'over the whole width');
  await walk.page.screenshot({ path: 'out/screens/no-script-en-00.png' });
});
