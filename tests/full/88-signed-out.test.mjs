// 88-signed-out.test.mjs - somebody with an account is on the way to a picture when their session ends elsewhere ("sign out everywhere"). They
// are told, never become a guest, and find what they had after signing in again; somebody else does not. Pictures: out/screens/.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Client } from '../lib/client.mjs';
import { ONE, sample } from '../lib/expect.mjs';
import { person, typeIn } from '../lib/people.mjs';
import { startServer } from '../lib/server.mjs';
import { openBrowser, openWalk } from '../lib/walk.mjs';

const OTHER = sample('woman-5883428_1280.jpg'), PASSWORD = 'a long enough secret 3', ENDED = 'Your session has ended';
let server, browser, operator;
before(async () => {
  [server, browser] = await Promise.all([startServer(null, { env: { ZOETROPE_ENGINE_USE: 'fake', ZOETROPE_AUTH_MAILS_PER_HOUR: '100', ZOETROPE_AUTH_SIGN_INS_PER_HOUR: '300', ZOETROPE_ENGINE_FAKE_SCRIPT: 'delay=150' } }), openBrowser()]);
  operator = new Client(server.url, server.operatorToken());
});
after(async () => {
  await browser.close();
  const { code } = await server.stop();
  server.forget();
  assert.equal(code, 0);
});

/** Somebody with an account; elsewhere() ends all their sessions, as another device of theirs does. */
async function owner(email) {
  await person(operator, email, PASSWORD);
  return { email, elsewhere: async () => {
    const send = (path, body, cookie = '') => fetch(server.url + path, { method: 'POST', headers: { 'content-type': 'application/json', origin: server.url, cookie }, body: JSON.stringify(body) });
    const answer = await send('/v1/sessions/password', { email, password: PASSWORD });
    assert.equal(answer.status, 201);
    const { status } = await send('/v1/sessions/end-all', {}, answer.headers.getSetCookie().map(c => c.split(';')[0]).join('; '));
    assert.ok(status < 300, `ended: ${status}`);
  } };
}
const signIn = (walk, email) => typeIn(walk, email, PASSWORD);

/** On /new as somebody, and what sessions the page begins from then on. */
async function begin(t, who, more = {}) {
  const walk = await openWalk(t, browser, server.url, more), guests = [];
  await walk.go('/sign-in?next=/new');
  await signIn(walk, who.email);
  await walk.page.waitForURL(url => url.pathname === '/new');
  await walk.until(() => document.querySelector('[data-testid=credits]'));
  walk.page.on('response', answer => { if (answer.request().method() === 'POST' && new URL(answer.url()).pathname === '/v1/sessions') guests.push(answer.status()); });
  return { walk, guests };
}

/** They are told, sign in again by the button, and are back where they were. */
async function again(walk, email) {
  await walk.h1(ENDED);
  const here = new URL(walk.page.url());
  await walk.$('#main').getByRole('link', { name: 'Sign in', exact: true }).click();
  await signIn(walk, email);
  await walk.page.waitForURL(url => url.pathname + url.search === here.pathname + here.search);
}

test('consent and a photo that was not sent yet are there again', async t => {
  const who = await owner('a-consent@example.com'), { walk, guests } = await begin(t, who, { name: 'signed-out-en', axe: true });
  await walk.agree();
  await who.elsewhere();
  await walk.id('files').setInputFiles([ONE]);
  await walk.h1(ENDED);
  assert.equal(await walk.$('.top a[href="/sign-in"]').count(), 1);
  await walk.shot('ended');
  await again(walk, who.email);
  await walk.settled(1);
  assert.equal(await walk.id('consent').isChecked(), true);
  await walk.until(() => document.querySelector('[data-testid=photo]').dataset.state === 'ready');
  assert.deepEqual(guests.filter(status => status === 201), [], 'nobody became a guest');
  await walk.shot('back');
  assert.deepEqual(walk.errors, []);
});

test('a photo that was good, and the one that was added, are there again', async t => {
  const who = await owner('b-second@example.com'), { walk, guests } = await begin(t, who);
  await walk.agree();
  await walk.photos([ONE]);
  await who.elsewhere();
  await walk.id('files').setInputFiles([OTHER]);
  await again(walk, who.email);
  await walk.settled(2);
  assert.deepEqual(guests.filter(status => status === 201), [], 'nobody became a guest');
  assert.deepEqual(walk.errors, []);
});

test('at the price: told, also after a reload, and back at the price', async t => {
  const who = await owner('c-price@example.com'), { walk, guests } = await begin(t, who, { lang: 'zh', name: 'signed-out-zh' });
  await walk.agree();
  await walk.photos([ONE]);
  await walk.next().click();
  await walk.$('.tile input[type=radio]').first().check();
  await walk.next().click();
  await walk.priced();
  await who.elsewhere();
  await walk.next().click();
  await walk.h1('您的会话已结束');
  await walk.shot('ended');
  await walk.page.reload();
  await walk.h1('您的会话已结束');
  await walk.$('#main').getByRole('link', { name: '登录', exact: true }).click();
  await signIn(walk, who.email);
  await walk.page.waitForURL(url => url.search === '?step=confirm');
  await walk.priced();
  await walk.next().click();
  await walk.task();
  await walk.chosen();
  assert.deepEqual(guests.filter(status => status === 201), [], 'nobody became a guest');
  assert.deepEqual(walk.errors, []);
});

test('somebody else who signs in afterwards finds nothing of it, and a guest only begins anew when asked to', async t => {
  const [who, other] = [await owner('d-first@example.com'), await owner('d-other@example.com')], { walk, guests } = await begin(t, who);
  await walk.agree();
  await walk.photos([ONE]);
  await who.elsewhere();
  await walk.id('files').setInputFiles([OTHER]);
  await walk.h1(ENDED);
  await walk.$('#main').getByRole('link', { name: 'Sign in', exact: true }).click();
  await signIn(walk, other.email);
  await walk.page.waitForURL(url => url.pathname === '/new');
  await walk.id('consent').waitFor();
  assert.equal(await walk.id('consent').isChecked(), false);
  assert.equal(await walk.id('photo').count(), 0);

  await walk.agree();
  await other.elsewhere();
  await walk.id('files').setInputFiles([ONE]);
  await walk.h1(ENDED);
  assert.deepEqual(guests, [], 'no guest so far');
  await walk.page.getByRole('button', { name: 'Go on as a guest' }).click();
  await walk.id('consent').waitFor();
  assert.equal(await walk.id('consent').isChecked(), false);
  await walk.agree();
  await walk.photos([ONE]);
  assert.deepEqual(guests, [201]);
  assert.deepEqual(walk.errors, []);
});

test('a session that ended in one tab is over in the others, and nothing of it stays in sight', async t => {
  const who = await owner('e-tabs@example.com'), { walk } = await begin(t, who), photos = walk.page;
  await walk.agree();
  await walk.photos([ONE]);
  await walk.tab();
  await walk.go('/me');
  await walk.$('.devices').waitFor();
  await who.elsewhere();
  await walk.page.reload();
  await walk.h1('My pictures');
  await walk.page.getByText('You are signed out here').waitFor();
  await photos.locator('h1', { hasText: ENDED }).waitFor();
  assert.equal(await photos.getByTestId('photo').count(), 0);
  await walk.$('.empty').getByRole('link', { name: 'Sign in', exact: true }).click();
  await signIn(walk, who.email);
  await photos.getByTestId('photo').waitFor();
  assert.deepEqual(walk.errors, []);
});
