// 83-account.test.mjs - the ways in and out of an account, everything by keyboard alone, and axe on the pages that the way to a picture does
// not pass (that is 80-journey).
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Client } from '../lib/client.mjs';
import { ONE } from '../lib/expect.mjs';
import { linkOf, person, typeIn } from '../lib/people.mjs';
import { startServer } from '../lib/server.mjs';
import { openBrowser, openWalk } from '../lib/walk.mjs';

let server, browser, operator;
before(async () => {
  [server, browser] = await Promise.all([startServer(null, { env: { ZOETROPE_ENGINE_USE: 'fake', ZOETROPE_AUTH_MAILS_PER_HOUR: '100', ZOETROPE_ENGINE_FAKE_SCRIPT: 'delay=150' } }), openBrowser()]);
  operator = new Client(server.url, server.operatorToken());
});
after(async () => {
  await browser.close();
  const { code } = await server.stop();
  server.forget();
  assert.equal(code, 0);
});

async function enter(walk, path, email, password) {
  await walk.go(path);
  await typeIn(walk, email, password);
}
const link = (email, kind) => linkOf(operator, email, kind);

test('sign up, confirm, sign out, in, forget, come by link, and sign out elsewhere', async t => {
  const walk = await openWalk(t, browser, server.url, { name: 'account-en', axe: true }), email = 'mei@example.com', first = 'a long enough secret 7', second = 'another long secret 8';
  await walk.toPrice([ONE]);
  await walk.next().click();
  const id = await walk.task();
  await walk.chosen();
  await walk.go('/sign-up');
  await walk.$('input[type=email]').waitFor();
  await walk.shot('sign-up');
  await enter(walk, '/sign-up', email, first);
  await walk.h1('Look into your mail');
  await walk.shot('mail');
  await walk.go(await link(email, 'confirm'));
  await walk.h1('Your e-mail is confirmed');
  assert.equal(new URL(walk.page.url()).hash, '', 'the token is not left in the address');
  await walk.shot('confirmed');
  await walk.go(`/t/${id}`);
  await walk.chosen();

  await walk.go('/me');
  await walk.$('.mine').waitFor();
  await walk.$('.devices').waitFor();
  await walk.shot('me');
  await walk.page.getByRole('button', { name: 'Sign out', exact: true }).click();
  await walk.page.waitForURL(url => url.pathname === '/');
  await walk.go(`/t/${id}`);
  await walk.h1('You are signed out here');
  await walk.shot('not-here');

  await enter(walk, `/sign-in?next=/t/${id}`, email, 'not the right secret');
  await walk.page.locator('[role=alert]', { hasText: /password is wrong/ }).waitFor();
  assert.equal(await walk.$('input[type=email]').inputValue(), email, 'what was typed stays');
  await walk.shot('wrong');
  await walk.$('input[name=password]').fill(first);
  await walk.$('button[type=submit]').click();
  await walk.chosen();

  // forgotten, on another device: this one is signed out
  const phone = await openWalk(t, browser, server.url, { name: 'forgot-en', axe: true });
  await phone.go('/sign-in');
  await phone.$('input[type=email]').fill(email);
  await phone.page.getByRole('button', { name: 'Forgot the password?' }).click();
  await phone.h1('Look into your mail');
  const reset = await link(email, 'reset');
  await phone.go(reset);
  await phone.$('input[name=password]').waitFor();
  await phone.shot('reset');
  await phone.$('input[name=password]').fill(second);
  await phone.$('button[type=submit]').click();
  await phone.h1('The new password is saved');
  await phone.go('/me');
  await phone.go(reset);
  await phone.page.getByRole('link', { name: 'Ask for a new link' }).waitFor();
  assert.equal(await phone.$('input').count(), 0, 'nothing is typed for a link that is used');
  await phone.go(`/t/${id}`);
  await phone.chosen();
  await walk.go('/me');
  await walk.page.getByText('You are signed out here').waitFor();

  // back by a link, without a password
  await walk.go('/sign-in');
  await walk.$('input[type=email]').fill(email);
  await walk.page.getByRole('button', { name: 'Mail me a link instead' }).click();
  await walk.page.waitForFunction(() => document.querySelector('[role=alert]') || /mail/.test(document.querySelector('h1')?.textContent));
  assert.equal(await walk.$('[role=alert]').count(), 0, await walk.$('#main').innerText());
  await walk.h1('Look into your mail');
  const magic = await link(email, 'magic'), stranger = await openWalk(t, browser, server.url, { name: 'stranger-en' });
  await stranger.go(magic);                                        // asks before another browser becomes somebody's
  await stranger.h1('Is this account yours?');
  await stranger.shot('magic');
  await walk.go(magic);
  await walk.h1('You are signed in');
  await walk.go('/me');
  await walk.$('.mine').waitFor();
  await walk.until(() => document.querySelectorAll('.devices li').length === 2);
  await walk.page.getByRole('button', { name: /^Sign out .+/ }).filter({ hasNotText: 'everywhere' }).first().click();
  await walk.until(() => document.querySelectorAll('.devices li').length === 1);
  await phone.page.reload();
  await phone.h1('You are signed out here');
  assert.deepEqual(walk.errors, []);
});

test('who signs out in one tab has left the others, too', async t => {
  const walk = await openWalk(t, browser, server.url), email = 'ying@example.com';
  await walk.toPrice([ONE]);
  await walk.next().click();
  const id = await walk.task(), picture = walk.page;
  await walk.chosen();
  await walk.tab();
  await enter(walk, '/sign-up', email, 'a long enough secret 9');
  await walk.h1('Look into your mail');
  const waits = walk.page;
  await walk.tab();
  await walk.go(await link(email, 'confirm'));
  await walk.h1('Your e-mail is confirmed');
  await waits.waitForURL(url => url.pathname === '/me');           // it heard of it
  await waits.locator('.mine').waitFor();
  const photos = await walk.tab();
  await walk.go('/new');
  await walk.agree();
  await walk.photos([ONE]);
  await walk.tab();
  await walk.go('/me');
  await walk.page.getByRole('button', { name: 'Sign out', exact: true }).click();
  await walk.page.waitForURL(url => url.pathname === '/');
  await picture.locator('h1', { hasText: 'You are signed out here' }).waitFor();
  await photos.getByTestId('consent').waitFor();
  assert.equal(await photos.getByTestId('photo').count(), 0);
  assert.equal(await photos.getByTestId('consent').isChecked(), false);
  for (const page of [picture, photos]) {
    await page.reload();
    await page.locator('.top').waitFor();
    assert.equal(await page.locator('[data-testid=photo], [data-testid=candidate]').count(), 0, 'nor do they come back');
  }
  assert.equal(new URL(picture.url()).pathname, `/t/${id}`);
  assert.deepEqual(walk.errors, []);
});

test('who signs in as somebody else in one tab leaves nothing of the first in the others', async t => {
  const [ours, theirs] = ['hong-of-two@example.com', 'mei-of-two@example.com'], password = 'a long enough secret 4';
  for (const email of [ours, theirs]) await person(operator, email, password);
  const walk = await openWalk(t, browser, server.url), photos = walk.page;
  await enter(walk, '/sign-in?next=/new', ours, password);
  await photos.waitForURL(url => url.pathname === '/new');
  await walk.agree();
  await walk.photos([ONE]);
  const me = await walk.tab();
  await walk.go('/me');
  await me.getByText(ours).first().waitFor();
  await walk.tab();
  await enter(walk, '/sign-in?next=/me', theirs, password);
  await walk.page.getByText(theirs).first().waitFor();
  await me.getByText(theirs).first().waitFor();
  assert.equal(await me.getByText(ours).count(), 0);
  await photos.getByTestId('consent').waitFor();
  assert.equal(await photos.getByTestId('photo').count(), 0);
  assert.deepEqual(walk.errors, []);
});

test('a picture that is being made when its guest signs in comes along by itself', async t => {
  const slow = await startServer(t, { env: { ZOETROPE_ENGINE_USE: 'fake', ZOETROPE_ENGINE_FAKE_SCRIPT: 'compose.delay=3000; delay=50' } });
  const email = 'lan@example.com', password = 'a long enough secret 3';
  await person(new Client(slow.url, slow.operatorToken()), email, password);
  const walk = await openWalk(t, browser, slow.url, { name: 'moving-en' });
  await walk.toPrice([ONE]);
  await walk.next().click();
  const id = await walk.task();
  await enter(walk, '/sign-in?next=/me', email, password);
  await walk.page.locator('.notice', { hasText: 'coming to this account' }).waitFor();
  await walk.shot('me');
  await walk.$('.mine a').waitFor();
  assert.equal(await walk.$('.mine a').getAttribute('href'), `/t/${id}`);
  await walk.gone('.notice');
  assert.deepEqual(walk.errors, []);
});

test('the language of a link stays', async t => {
  const walk = await openWalk(t, browser, server.url);
  await walk.go('/?lang=zh');
  await walk.$('.closing').waitFor();
  await walk.go('/new');
  await walk.id('consent').waitFor();
  assert.equal(await walk.page.evaluate(() => document.documentElement.lang), 'zh-CN');
});

test('axe has nothing against the other pages', async t => {
  const slow = await startServer(t, { env: { ZOETROPE_ENGINE_USE: 'fake', ZOETROPE_ENGINE_FAKE_SCRIPT: 'delay=600000' } });
  const walk = await openWalk(t, browser, slow.url, { lang: 'zh', name: 'other-zh', axe: true });
  for (const [name, path, ready] of [['sign-in', '/sign-in', 'input[type=email]'], ['auth-nothing', '/auth', '.empty'], ['admin', '/admin', '.door'], ['me-empty', '/me', '.empty'], ['lost', '/sign-in/nowhere', '.empty'],
    ['reset-dead', '/auth#reset=0123456789012345678901234567890123456789012', '.empty .button-primary']]) {
    await walk.page.goto(slow.url + path);
    await walk.$(ready).waitFor();
    await walk.shot(name);
  }
  await walk.toPrice([ONE]);
  await walk.next().click();
  await walk.$('[role=progressbar]').waitFor();
  await walk.$('.working-acts button').click();
  await walk.$('[role=dialog]').waitFor();
  await walk.shot('cancel', { whole: false });
  await walk.context.setOffline(true);
  await walk.$('.connection').waitFor();
  await walk.shot('offline', { whole: false });
  await walk.context.setOffline(false);
  await walk.$('[role=dialog] .button-danger').click();
  await walk.h1('已取消');
  await walk.shot('cancelled');
});

test('what is typed wrongly is said in the field, in the language of the page', async t => {
  for (const [lang, empty, address, short] of [['zh', '请填写此项。', '请填写有效的邮箱地址。', '密码至少要有 10 个字符。'], ['en', 'Please fill this in.', 'Please type a valid e-mail address.', 'A password has at least 10 characters.']]) {
    const walk = await openWalk(t, browser, server.url, { lang, name: `typed-${lang}`, axe: true }), wrong = walk.$('.field-wrong'), press = () => walk.$('button[type=submit]').click();
    await walk.go('/sign-up');
    await walk.$('input[type=email]').waitFor();
    await press();
    assert.deepEqual(await wrong.allInnerTexts(), [empty, empty]);
    assert.equal(await walk.page.evaluate(() => document.activeElement.type), 'email', 'the first one has the focus');
    await walk.$('input[type=email]').fill('nobody');
    await walk.$('input[name=password]').pressSequentially('short');
    assert.equal(await wrong.count(), 0, 'who types is not scolded');
    await press();
    assert.deepEqual(await wrong.allInnerTexts(), [address, short]);
    for (const input of ['input[type=email]', 'input[name=password]']) {
      assert.ok(await walk.$(input).evaluate((e, words) => e.getAttribute('aria-describedby').split(' ').some(id => words.includes(document.getElementById(id).textContent)) && e.getAttribute('aria-invalid') === 'true', [address, short]));
    }
    await walk.shot('wrong');
    assert.ok(await walk.$('input[type=email]').evaluate(input => new Promise(done => {
      addEventListener('invalid', event => setTimeout(() => done(event.defaultPrevented)), { capture: true, once: true });
      input.checkValidity();
    })), 'the browser itself says nothing');
  }
});

test('a long address breaks nothing', async t => {
  const email = 'a.verylongnameverylongnameverylongname@photos.example.com', other = `b${email.slice(1)}`, password = 'a long enough secret 5';
  const walk = await openWalk(t, browser, server.url, { name: 'long-en' });
  for (const name of [other, email]) {
    await enter(walk, '/sign-up', name, password);
    await walk.h1('Look into your mail');
    await walk.shot('mail');
    await walk.go('/me');
    await walk.go(await link(name, 'confirm'));
    await walk.until(() => document.querySelector('input[name=password]') || /confirmed/.test(document.querySelector('h1')?.textContent));
    if (await walk.$('input[name=password]').count()) {
      await walk.$('input[name=password]').fill(password);
      await walk.$('button[type=submit]').click();
    }
    await walk.h1('Your e-mail is confirmed');
  }
  await walk.go('/me');
  await walk.$('.devices').waitFor();
  await walk.shot('me');
  await walk.page.setViewportSize({ width: 1440, height: 900 });
  await walk.shot('me-desk');
  const widths = await walk.$('.panel').evaluateAll(all => all.map(p => Math.round(p.getBoundingClientRect().width)));
  assert.equal(new Set(widths).size, 1, `columns alike: ${widths}`);
  const desk = await openWalk(t, browser, server.url, { width: 1440, height: 900, name: 'long-admin-en' });
  await desk.go('/admin');
  await desk.id('token').fill(server.operatorToken());
  await desk.$('button[type=submit]').click();
  await desk.$('.sections').waitFor();
  await desk.go('/admin/accounts');
  await desk.page.getByText(email).waitFor();
  await desk.shot('accounts');
  assert.ok(await desk.$('.table-room').evaluate(room => room.scrollWidth <= room.clientWidth), 'the table fits');
});

const focused = walk => walk.page.evaluate(() => document.activeElement !== document.body && document.activeElement !== null);

test('the whole way by keyboard alone', async t => {
  const walk = await openWalk(t, browser, server.url, { name: 'keys-en' }), press = key => walk.page.keyboard.press(key);
  walk.page.on('filechooser', chooser => chooser.setFiles([ONE, ONE]));
  await walk.go('/');
  await walk.$('.closing').waitFor();
  await press('Tab');
  assert.ok(await walk.page.evaluate(() => document.activeElement.matches('.skip')), 'first of all the way past the head');
  await walk.tabTo('.hero a');
  await press('Enter');
  await walk.id('consent').waitFor();
  await walk.tabTo('[data-testid=consent]');
  await press('Space');
  await walk.id('files').waitFor({ state: 'attached' });
  await walk.tabTo('.drop .button');
  await press('Enter');
  await walk.settled(2);
  assert.ok(await focused(walk), 'the focus is still somewhere');
  await walk.tabTo('.chip input', { key: 'Shift+Tab' });
  await press('Space');
  await walk.page.locator('.action-hint', { hasText: '1 person joins' }).waitFor();
  await walk.tabTo('.action-bar .button-primary');
  await press('Enter');
  await walk.$('.tile input[type=radio]').first().waitFor();
  assert.ok(await focused(walk), 'a new step has the focus');
  await walk.tabTo('.tile input[type=radio]');
  await press('ArrowRight');
  await walk.$('.tile input[type=radio]:checked').waitFor();
  await walk.tabTo('.action-bar .button-primary');
  await press('Enter');
  await walk.priced();
  await walk.tabTo('.action-bar .button-primary');
  await press('Enter');
  await walk.task();
  await walk.chosen();
  await walk.tabTo('[data-testid=candidate]');
  await press('Enter');
  await walk.$('[role=dialog]').waitFor();
  const title = await walk.$('.viewer-title').innerText();
  await press('ArrowRight');
  await walk.until(title => document.querySelector('.viewer-title').innerText !== title, title);
  for (let n = 0; n < 12; n++) {                                               // round and round inside
    await press('Tab');
    assert.ok(await walk.page.evaluate(() => !!document.activeElement.closest('[role=dialog]')), 'the focus stays in what lies on top');
  }
  await press('Escape');
  await walk.gone('[role=dialog]');
  await walk.until(() => document.activeElement?.dataset.testid === 'candidate');       // and goes back to where it was, a moment after the dialog went
  await press('Enter');
  await walk.$('[role=dialog]').waitFor();
  await walk.tabTo('.viewer-act .button');
  await press('Enter');
  await walk.id('picked').waitFor();
  await walk.gone('[role=dialog]');
  await walk.tabTo('.result-acts .button:not(a)');
  await press('Enter');
  await walk.$('img.share-card').waitFor();
  await press('Escape');
  await walk.gone('[role=dialog]');
  await walk.tabTo('.under-quiet button');
  await press('Enter');
  await walk.$('[role=dialog]').waitFor();
  await walk.tabTo('[role=dialog] .button-danger');
  await press('Enter');
  await walk.h1('Deleted');
  await walk.tabTo('.empty .button');
  assert.deepEqual(walk.errors, []);
});
