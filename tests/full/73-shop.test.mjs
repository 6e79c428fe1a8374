// 73-shop.test.mjs - buying with test money and with the Stripe simulator, from the first screen to four clean candidates: reloads, the way back,
// double clicks, a bank that says no, notices that are lost, money and credits that come back, and what the operator sees. Pictures: out/screens/.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Client } from '../lib/client.mjs';
import { NOON, ONE } from '../lib/expect.mjs';
import { person, typeIn } from '../lib/people.mjs';
import { startServer, tempDir } from '../lib/server.mjs';
import { openBrowser, openWalk } from '../lib/walk.mjs';
import { startStripe } from '../sim/stripe.mjs';
import { startWechat, wechatKeys } from '../sim/wechat.mjs';

const ENV = { ZOETROPE_ENGINE_USE: 'fake', ZOETROPE_ENGINE_FAKE_SCRIPT: 'delay=40', ZOETROPE_PAY_TEST_MONEY: 'true', ZOETROPE_SHOP_FREE_PER_NETWORK: '1000', ...NOON };
let server, browser;
before(async () => { [server, browser] = await Promise.all([startServer(null, { env: ENV }), openBrowser()]); });
after(async () => {
  await browser.close();
  const { code } = await server.stop();
  server.forget();
  assert.equal(code, 0);
});

const WORDS = {
  en: { price: '$1.99', fine: '$4.99', left: /1 left today/, waiting: /Waiting for the payment/, paid: /Paid/, failed: /did not go through/, closed: /closed/, back: /went back|way back/, used: /Used for/, given: /given back/, why: /because the picture did not work/ },
  zh: { price: '¥9.90', fine: '¥29.90', left: /今日剩余 1 次/, waiting: /等待付款结果/, paid: /付款成功/, failed: /付款没有成功/, closed: /订单已关闭/, back: /已退|退回/, used: /^制作“.+”已使用/, given: /已退回/, why: /没有做成/ },
};
const ORDER = /\/orders\/(order_\w+)$/;

/** A person on the way to the price, and what they do there. */
class Buyer {
  constructor(walk, words) { Object.assign(this, { walk, words }); }
  static async open(t, how, url = server.url) { return new Buyer(await openWalk(t, browser, url, how), WORDS[how.lang ?? 'en']); }

  plan(name) { return this.walk.id(`plan-${name}`); }
  way(name) { return this.walk.id(`way-${name}`); }
  bank(act) { return this.walk.id(`act-${act}`); }
  at(path) { return this.walk.page.waitForURL(url => url.pathname + url.search === path); }

  async toPlans() {
    const { walk } = this;
    await walk.go('/new');
    await walk.agree();
    await walk.photos([ONE]);
    await walk.next().click();
    await walk.$('.tile input[type=radio]').first().check();
    await walk.next().click();
    await this.plan('p9').waitFor();
  }
  async toBank(plan = 'p9') {
    await this.toPlans();
    await this.plan(plan).locator('input').check();
    await this.walk.next().click();
    await this.pay();
  }
  /** On the page that names the ways to pay. */
  async pay() {
    await this.walk.id('price').waitFor();
    await this.walk.next().click();
    await this.bank('pay').waitFor();
  }
  async notice(what) {
    await this.walk.$('.test-more summary').click();
    await this.walk.$(`input[name=notice][value=${what}]`).check();
  }
  state(state) { return this.walk.$(`[data-testid=order][data-state=${state}]`).waitFor(); }
  async order() {
    await this.walk.page.waitForURL(ORDER);
    return ORDER.exec(new URL(this.walk.page.url()).pathname)[1];
  }
  async make() {
    await this.walk.$('[data-testid=go-on] .button-primary:not(:disabled)').click();
    return this.walk.task();
  }
  /** What the server says to this person. */
  ask(path) { return this.walk.page.evaluate(path => fetch(path).then(r => r.json()), path); }
  async entries() { return (await this.ask('/v1/wallet/entries')).items.map(e => [e.kind, e.credits]); }
}

for (const [lang, width, height] of [['zh', 360, 740], ['en', 1440, 900]]) test(`buying 9.9 with test money, ${lang} at ${width}`, async t => {
  const buyer = await Buyer.open(t, { lang, width, height, name: `shop-${width}-${lang}`, axe: true }), { walk, words } = buyer, reload = () => walk.page.reload(), back = () => walk.page.goBack();
  const sent = [], quotes = [];
  let checks = 0;
  walk.page.on('request', r => { checks += /\/check$/.test(r.url()) ? 1 : 0; });
  walk.page.on('response', r => { if (new URL(r.url()).pathname === '/v1/quotes') r.json().then(q => quotes.push(q), () => {}); });        // of a page that is left, no body is kept
  walk.page.on('request', r => { if (r.method() === 'POST' && new URL(r.url()).pathname === '/v1/orders') sent.push(r.headers()['idempotency-key']); });
  await walk.go('/');
  await walk.$('.hero a').click();
  await walk.agree();
  await walk.photos([ONE]);
  await walk.next().click();
  await walk.$('.tile input[value=hall]').check();
  await walk.next().click();

  await buyer.plan('free').waitFor();
  assert.ok(await buyer.plan('free').locator('input').isChecked(), 'what costs nothing is chosen first');
  assert.match(await buyer.plan('free').innerText(), words.left);
  assert.ok((await buyer.plan('p9').innerText()).includes(words.price) && (await buyer.plan('p29').innerText()).includes(words.fine), 'the price stands before the button');
  assert.doesNotMatch(await walk.$('.plans').innerText(), /moves|微动态/, 'what cannot be made yet is not promised');
  await walk.shot('price');
  const other = lang === 'zh' ? ['USD', /US\$1\.99/] : ['CNY', /CN¥9\.90/];
  await walk.page.getByRole('button', { name: other[0] }).click();
  await walk.until(([p, re]) => new RegExp(re).test(document.querySelector(p).innerText), ['[data-testid=plan-p9]', other[1].source]);
  await walk.page.getByRole('button', { name: lang === 'zh' ? 'CNY' : 'USD' }).click();
  await buyer.plan('p9').locator('input').check();
  await reload();
  await buyer.plan('p9').waitFor();
  assert.ok(await buyer.plan('p9').locator('input').isChecked(), 'the choice stays');
  await walk.shot('chosen');

  await walk.next().click();
  await walk.id('price').waitFor();
  assert.equal(await walk.id('price').innerText(), words.price);
  assert.match(await buyer.way('test').innerText(), /TEST|测试/);
  await walk.shot('pay');
  await reload();
  await walk.id('price').waitFor();
  await walk.page.evaluate(next => { const b = document.querySelector(next); b.click(); b.click(); }, '.action-bar .button-primary');
  await buyer.bank('pay').waitFor();
  assert.match(await walk.$('.test-large').innerText(), /TEST|测试/);
  await walk.shot('bank');
  await reload();
  await buyer.bank('pay').waitFor();
  await back();                                                    // changed one's mind, and back again: still one order
  await buyer.pay();
  assert.equal(new Set(sent).size, 1, 'one intent, one key');
  assert.equal((await buyer.ask('/v1/orders')).items.length, 1, 'and one order');

  await buyer.notice('lose');                                      // nobody tells us: the page finds out
  await walk.shot('bank-more');
  await buyer.bank('pay').click();
  const id = await buyer.order();
  await buyer.state('paid');
  await walk.id('go-on').waitFor();
  assert.ok(checks > 0, 'by itself');
  await walk.h1(words.paid);
  await walk.$('[data-testid=go-on] .button-primary:not(:disabled)').waitFor();
  await walk.shot('paid');
  await reload();
  await buyer.state('paid');
  const task = await buyer.make(), quote = quotes.find(q => q.id && q.free === false && q.credits === 40 && q.plan === 'p9');
  assert.deepEqual([quote?.candidates, quote?.watermark], [4, false], 'four clean ones');
  await walk.chosen(4);
  await walk.shot('four');
  await back();                                                    // what was paid for is not for sale once more
  await walk.until(() => !document.querySelector('[data-testid=go-on]'));
  await walk.go(`/orders/${id}`);
  await buyer.state('paid');
  await walk.$('.order-acts a[href="/new"]').waitFor();
  await walk.shot('receipt');

  await walk.go('/wallet');
  await walk.id('entry').nth(1).waitFor();
  await walk.page.locator('[data-kind=hold] .row-title', { hasText: words.used }).waitFor({ timeout: 5000 });
  await walk.$(`[data-kind=hold] a[href="/t/${task}"]`).waitFor();
  assert.deepEqual(await buyer.entries(), [['hold', -40], ['grant', 40]]);
  assert.equal(await walk.id('available').innerText(), '0');
  await walk.shot('wallet');
  await walk.go('/orders');
  await walk.id('order-row').waitFor();
  assert.equal(await walk.id('order-row').count(), 1);
  await walk.shot('orders');
  await walk.go('/me');
  await walk.$('.panel a[href="/orders"]').waitFor();
  await walk.shot('me');
  assert.deepEqual(walk.errors, []);
});

test('a bank that says no, one that is left, and a third time that works', async t => {
  const buyer = await Buyer.open(t, { lang: 'zh', name: 'shop-no-zh', axe: true }), { walk, words } = buyer;
  await buyer.toBank();
  await buyer.bank('fail').click();
  await buyer.state('failed');
  await walk.h1(words.failed);
  await walk.shot('declined');
  await walk.page.locator('.order-acts .button-primary').click();
  await buyer.pay();
  await buyer.bank('cancel').click();
  await buyer.state('closed');
  await walk.h1(words.closed);
  await walk.shot('cancelled');
  await walk.page.locator('.order-acts .button-primary').click();
  await walk.id('price').waitFor();
  await walk.next().click();
  await buyer.bank('pay').waitFor();
  await walk.go('/orders');                                        // gone away in the middle: it is found again, and can be given up
  await walk.id('order-row').nth(2).waitFor();
  await walk.id('order-row').first().locator('a').click();
  await buyer.state('open');
  await walk.h1(words.waiting);
  await walk.shot('open');
  await walk.$('.order-waiting .button-bare').click();
  await walk.$('[role=dialog]').waitFor();
  await walk.shot('give-up', { whole: false });
  await walk.$('[role=dialog] .button-quiet').click();
  await walk.gone('[role=dialog]');
  await walk.$('.order-waiting .button-primary').click();
  await buyer.notice('twice');
  await buyer.bank('pay').click();
  await buyer.state('paid');
  assert.deepEqual((await buyer.ask('/v1/orders')).items.map(o => o.state), ['paid', 'closed', 'failed']);
  assert.deepEqual(await buyer.entries(), [['grant', 40]], 'a notice that comes twice counts once');
  assert.deepEqual(walk.errors, []);
});

test('money back: at once while nothing is used', async t => {
  const buyer = await Buyer.open(t, { name: 'shop-back-en', axe: true }), { walk, words } = buyer;
  await buyer.toBank();
  await buyer.bank('pay').click();
  await buyer.state('paid');
  await walk.page.getByRole('button', { name: 'Ask for the money back' }).click();
  await walk.$('[role=dialog] input[name=reason]').fill('I changed my mind');
  await walk.shot('ask', { whole: false });
  await walk.page.evaluate(() => { const b = document.querySelector('[role=dialog] .button-danger'); b.click(); b.click(); });
  await walk.gone('[role=dialog]');
  await walk.h1(words.back);
  await walk.page.locator('.notice', { hasText: '$1.99 went back' }).waitFor();
  await walk.shot('went-back');
  assert.deepEqual(await buyer.entries(), [['takeback', -40], ['grant', 40]]);
  await walk.go('/wallet');
  await walk.page.locator('[data-kind=takeback]', { hasText: 'Went with the money' }).waitFor();
  assert.deepEqual(walk.errors, []);
});

test('a picture that fails gives its credits back, and /wallet says why', async t => {
  const other = await startServer(t, { env: { ...ENV, ZOETROPE_ENGINE_FAKE_SCRIPT: 'compose.refused; delay=20' } });
  const buyer = await Buyer.open(t, { lang: 'zh', name: 'shop-fails-zh', axe: true }, other.url), { walk, words } = buyer;
  await buyer.toBank();
  await buyer.bank('pay').click();
  await buyer.make();
  await walk.$('.empty').waitFor();
  await walk.shot('failed');
  await walk.$('.empty a[href="/wallet"]').click();
  const row = walk.page.locator('[data-kind=release]', { hasText: words.why });
  await row.waitFor();
  await row.locator('.entry-why').waitFor();
  await walk.page.locator('[data-kind=hold] .row-title', { hasText: words.given }).waitFor({ timeout: 5000 });
  assert.equal(await walk.id('available').innerText(), '40');
  await walk.shot('wallet');
  await walk.go('/new');
  await buyer.toPlans();
  assert.ok(await buyer.plan('credits').locator('input').isChecked(), 'credits that are there come first');
  await walk.shot('credits-first');
  assert.deepEqual(walk.errors, []);
});

test('not like me: other pictures for nothing, and then the money', async t => {
  const buyer = await Buyer.open(t, { lang: 'zh', name: 'shop-unlike-zh', axe: true }), { walk } = buyer;
  await buyer.toBank();
  await buyer.bank('pay').click();
  const id = await buyer.order(), first = await buyer.make(), unlike = () => walk.page.getByRole('button', { name: '不像本人' }).click();
  await walk.chosen(4);
  await unlike();
  await walk.$('[role=dialog]').waitFor();
  await walk.shot('first', { whole: false });
  await walk.page.evaluate(() => { const b = document.querySelector('[role=dialog] .button-primary'); b.click(); b.click(); });
  await walk.page.waitForURL(url => /task_/.test(url.pathname) && !url.pathname.includes(first));
  const second = await walk.task();
  await walk.chosen(4);
  assert.deepEqual([(await buyer.ask(`/v1/tasks/${second}`)).credits.price, await buyer.entries()], [0, [['hold', -40], ['grant', 40]]]);
  await walk.go(`/t/${first}`);
  await walk.chosen(4);
  await walk.$(`.under a[href="/t/${second}"]`).click();          // these ones stay, and lead there
  await walk.page.waitForURL(url => url.pathname.includes(second));
  await walk.chosen(4);
  await unlike();
  await walk.$('[role=dialog]').waitFor();
  await walk.shot('second', { whole: false });
  await walk.$('[role=dialog] .button-primary').click();
  await walk.$('.notice-good').waitFor();
  await walk.shot('settled');
  await walk.$('.notice-good a').click();
  await walk.id('entry').nth(3).waitFor();
  assert.deepEqual((await buyer.entries()).map(e => e.join(' ')).sort(), ['grant 40', 'hold -40', 'return 40', 'takeback -40']);
  await walk.$(`[data-kind=return] a[href="/t/${first}"]`).waitFor({ timeout: 5000 });
  await walk.shot('wallet');
  await walk.$(`[data-kind=takeback] a[href="/orders/${id}"]`).click({ timeout: 5000 });
  await walk.page.locator('.notice-good', { hasText: '¥9.90 已退回' }).waitFor();
  await walk.go(`/t/${second}`);                                   // said once more, it was done once
  await walk.chosen(4);
  await unlike();
  await walk.$('[role=dialog] .button-primary').click();
  await walk.$('.notice-good').waitFor();
  assert.equal((await buyer.entries()).length, 4);
  assert.deepEqual(walk.errors, []);
});

test('codes: less to pay, said before the button; and credits for nothing', async t => {
  const operator = new Client(server.url, server.operatorToken()), ends_ms = Date.now() + 86_400_000;
  await operator.effect('/v1/admin/codes', { kind: 'percent', amount: 50, code: 'HALF2026', ends_ms });
  await operator.effect('/v1/admin/codes', { kind: 'credits', amount: 30, valid_days: 30, code: 'THIRTY2026', ends_ms });
  const buyer = await Buyer.open(t, { lang: 'zh', name: 'shop-code-zh', axe: true }), { walk } = buyer;
  await buyer.toPlans();
  await walk.go('/wallet');
  await walk.$('.code-part summary').click();
  await walk.$('input[name=code]').fill('thirty 2026');
  await walk.$('.code-part .button').click();
  await walk.$('.code-part .notice-bad').filter({ hasText: '登录后才能使用' }).waitFor();      // guests are made by the dozen
  await walk.shot('guest');
  await person(operator, 'codes@example.com', 'a long sentence of mine');
  await walk.go('/sign-in?next=/new');
  await typeIn(walk, 'codes@example.com', 'a long sentence of mine');
  await walk.page.waitForURL(url => url.pathname === '/new');
  await walk.next().click();                              // the guest's photo came along
  await walk.$('.tile input[type=radio]').first().check();
  await walk.next().click();
  await buyer.plan('p9').waitFor();
  await buyer.plan('p9').locator('input').check();
  await walk.next().click();
  await walk.id('price').waitFor();
  await walk.$('.code-part summary').click();
  await walk.$('input[name=code]').fill('nosuchcode');
  await walk.$('.code-part .button').click();
  await walk.$('.code-part .notice-bad').waitFor();
  await walk.shot('wrong');
  await walk.$('input[name=code]').fill('half-2026');
  await walk.$('.code-part .button').click();
  await walk.page.getByTestId('price').filter({ hasText: '¥4.95' }).waitFor();
  assert.match(await walk.next().innerText(), /¥4\.95/);
  await walk.shot('half');
  await walk.page.reload();
  await walk.page.getByTestId('price').filter({ hasText: '¥4.95' }).waitFor();
  await walk.next().click();
  await buyer.bank('pay').waitFor();
  assert.match(await buyer.bank('pay').innerText(), /¥4\.95/);
  await buyer.bank('pay').click();
  await buyer.state('paid');
  assert.deepEqual((await buyer.ask('/v1/orders')).items.map(o => [o.state, o.price_minor, o.off_minor]), [['paid', 495, 495]]);
  await walk.go('/wallet');
  await walk.$('.code-part summary').click();
  await walk.$('input[name=code]').fill('thirty 2026');
  await walk.$('.code-part .button').click();
  await walk.$('.code-part .notice-good').waitFor();
  await walk.until(() => document.querySelector('[data-testid=available]').textContent === '70');
  await walk.shot('redeemed');
  assert.deepEqual(walk.errors, []);
});

test('a code that takes the whole price: nothing to pay, so no way to pay; it is taken, and that leads on', async t => {
  const other = await startServer(t, { env: { ...ENV, ZOETROPE_SHOP_SELL_BELOW_COST: 'true' } }), operator = new Client(other.url, other.operatorToken());
  await operator.effect('/v1/admin/codes', { kind: 'percent', amount: 100, code: 'WHOLE2026', ends_ms: Date.now() + 86_400_000 });
  await person(operator, 'whole@example.com', 'a long sentence of mine');
  const buyer = await Buyer.open(t, { lang: 'zh', name: 'shop-whole-zh', axe: true }, other.url), { walk } = buyer;
  await walk.go('/sign-in?next=/buy/p9');
  await typeIn(walk, 'whole@example.com', 'a long sentence of mine');
  await buyer.way('test').waitFor();
  await walk.$('.code-part summary').click();
  await walk.$('input[name=code]').fill('whole2026');
  await walk.$('.code-part .button').click();
  await walk.page.getByTestId('price').filter({ hasText: '¥0.00' }).waitFor();
  await walk.$('.ways').waitFor({ state: 'detached', timeout: 5000 });
  assert.equal((await walk.next().innerText()).trim(), '领取');
  await walk.shot('whole');
  await walk.page.reload();
  await walk.page.getByTestId('price').filter({ hasText: '¥0.00' }).waitFor();
  await walk.next().click();
  await buyer.state('paid');
  await walk.h1(/已是您的/);
  await walk.$('.order-acts a[href="/new"]').waitFor();
  assert.doesNotMatch(await walk.$('#main').innerText(), /款项已退回|支付方式/);
  await walk.shot('yours');
  assert.deepEqual((await buyer.ask('/v1/orders')).items.map(o => [o.state, o.price_minor]), [['paid', 0]]);
  assert.deepEqual(walk.errors, []);
});

test('whose session ended while they wanted to pay are told, and come back; a guest who is forgotten reads what that means', async t => {
  const operator = new Client(server.url, server.operatorToken()), email = 'ended@example.com', password = 'a long sentence of mine';
  await person(operator, email, password);
  const buyer = await Buyer.open(t, { lang: 'zh', name: 'shop-ended-zh', axe: true }), { walk } = buyer;
  await walk.go('/sign-in?next=/buy/p9');
  await typeIn(walk, email, password);
  await buyer.way('test').waitFor();
  const elsewhere = new Client(server.url);
  elsewhere.take(await elsewhere.post('/v1/sessions/password', { email, password }));
  await elsewhere.post('/v1/sessions/end-all', {});
  await walk.next().click();
  await walk.page.locator('h1', { hasText: '您的会话已结束' }).waitFor({ timeout: 10_000 });
  await walk.shot('person');
  await walk.$('#main a[href="/sign-in?next=/buy/p9"]').click();
  await typeIn(walk, email, password);
  await buyer.pay();
  await buyer.bank('pay').click();
  await buyer.state('paid');
  const id = await buyer.order();
  assert.deepEqual(walk.errors, []);

  const guest = await Buyer.open(t, { lang: 'en', name: 'shop-forgotten-en', axe: true });
  await guest.toPlans();
  await guest.plan('p9').locator('input').check();
  await guest.walk.next().click();
  await guest.walk.id('price').waitFor();
  await guest.walk.context.clearCookies();
  await guest.walk.next().click();
  await guest.walk.page.locator('h1', { hasText: 'Your session has ended' }).waitFor({ timeout: 10_000 });
  await guest.walk.shot('guest');
  await guest.walk.page.getByRole('button', { name: 'Choose the photos again' }).click();
  await guest.walk.page.waitForURL(url => url.pathname === '/new');
  await guest.walk.id('consent').waitFor();
  await guest.walk.go(`/orders/${id}`);
  await guest.walk.context.clearCookies();
  await guest.walk.page.reload();
  await guest.walk.page.getByText(/ordered as a guest.+the number of the order/).waitFor({ timeout: 10_000 });
  assert.ok((await guest.walk.$('#main').innerText()).includes(id));
  await guest.walk.$(`#main a[href="/sign-in?next=/orders/${id}"]`).waitFor();
  await guest.walk.shot('order');
  assert.deepEqual(guest.walk.errors, []);
});

test('buying by keyboard alone', async t => {
  const buyer = await Buyer.open(t, { name: 'shop-keys-en' }), { walk } = buyer, press = key => walk.page.keyboard.press(key);
  await buyer.toPlans();
  await walk.tabTo('input[name=plan]');
  await press('ArrowDown');
  await walk.until(() => document.querySelector('[data-testid=plan-p9] input').checked);
  await walk.tabTo('.action-bar .button-primary');
  await press('Enter');
  await walk.id('price').waitFor();
  await walk.tabTo('input[name=way]');
  await walk.tabTo('.action-bar .button-primary');
  await press('Enter');
  await buyer.bank('pay').waitFor();
  await walk.tabTo('[data-testid=act-pay]');
  await press('Enter');
  await walk.$('[data-testid=go-on] .button-primary:not(:disabled)').waitFor();
  await walk.tabTo('[data-testid=go-on] .button-primary');
  await press('Enter');
  await walk.task();
  await walk.chosen(4);
  assert.deepEqual(walk.errors, []);
});

test('the free picture of the day, and then no more', async t => {
  const buyer = await Buyer.open(t, { name: 'shop-free-en' }), { walk } = buyer;
  await buyer.toPlans();
  await walk.next().click();
  await walk.task();
  await walk.chosen(1);
  await walk.shot('one');
  await buyer.toPlans();
  assert.ok(await buyer.plan('free').locator('input').isDisabled());
  assert.match(await buyer.plan('free').innerText(), /Used\. Again on/);
  await walk.shot('used');
  assert.deepEqual(walk.errors, []);
});

test('the Stripe simulator: its page, its notice, four candidates; and what is said when it does not answer', async t => {
  const stripe = await startStripe({ key: 'sk_test_1', secret: 'whsec_1' }, t);
  const env = { ...ENV, ZOETROPE_PAY_TEST_MONEY: 'false', ZOETROPE_PAY_STRIPE_URL: stripe.url, ZOETROPE_PAY_STRIPE_KEY: stripe.key, ZOETROPE_PAY_STRIPE_WEBHOOK_SECRET: stripe.secret, ZOETROPE_CLIENT_ALLOW: `127.0.0.1:${stripe.port}` };
  const other = await startServer(t, { env });
  stripe.notifyUrl = `${other.url}/v1/hooks/stripe`;
  const buyer = await Buyer.open(t, { name: 'shop-stripe-en', axe: true }, other.url), { walk } = buyer;
  await buyer.toPlans();
  await buyer.plan('p9').locator('input').check();
  await walk.next().click();
  await walk.id('price').waitFor();
  await buyer.way('stripe').waitFor();
  await walk.shot('ways');
  stripe.fault('POST /v1/checkout/sessions', 'refuse', 1, { status: 400 });
  await walk.next().click();
  await walk.$('.notice-bad').waitFor();
  await walk.shot('refused');
  stripe.fault('POST /v1/checkout/sessions', 'lost', 1);           // it is down or slow: nothing is charged by that, and the same button is right
  await walk.next().click();
  await walk.page.locator('.notice-bad', { hasText: 'Nothing was charged by this' }).waitFor();
  assert.doesNotMatch(await walk.$('.notice-bad').innerText(), /Do not repeat|operator|log/);
  await walk.shot('down');
  await walk.next().click();
  await walk.page.locator('button[value=cancel]').click();         // left without paying: the order is open, and its page says so
  await buyer.state('open');
  await walk.shot('left');
  await walk.$('.order-waiting .button-primary').click();
  await walk.page.locator('button[value=card]').click();
  await buyer.state('paid');
  await walk.shot('paid');
  await buyer.make();
  await walk.chosen(4);
  assert.deepEqual(walk.errors, []);
});

test('the WeChat Pay simulator: a code to scan on a desk; inside WeChat its own sheet, or the code', async t => {
  const dir = tempDir('zt-wechat-'), { settings, ...keys } = wechatKeys(dir), wechat = await startWechat(keys, t);
  const named = Object.fromEntries(Object.entries({ ...settings, wechat_url: wechat.url }).map(([k, v]) => [`ZOETROPE_PAY_${k.toUpperCase()}`, String(v)]));
  const other = await startServer(t, { env: { ...ENV, ZOETROPE_PAY_TEST_MONEY: 'false', ZOETROPE_PUBLIC_URL: 'https://photo.example.com', ...named, ZOETROPE_CLIENT_ALLOW: `127.0.0.1:${wechat.port}` } });
  wechat.notifyUrl = `${other.url}/v1/hooks/wechat`;
  const buyer = await Buyer.open(t, { lang: 'zh', width: 1440, height: 900, name: 'shop-wechat-zh', axe: true }, other.url), { walk } = buyer;
  await buyer.toPlans();
  await buyer.plan('p9').locator('input').check();
  await walk.next().click();
  await buyer.way('wechat').waitFor();
  await walk.next().click();
  const id = await buyer.order(), code = () => walk.id('qr').getAttribute('data-text');
  await walk.id('qr').waitFor();
  assert.match(await code(), /^weixin:/);
  await walk.shot('scan');
  wechat.trouble({ kind: 'lost' });
  wechat.pay(id);
  await buyer.state('paid');
  await buyer.make();                                              // priced anew: before it was paid, there was a free one
  await walk.chosen(4);

  const app = await Buyer.open(t, { lang: 'zh', name: 'shop-in-wechat-zh', userAgent: 'Mozilla/5.0 (Linux; Android 12) AppleWebKit/537.36 Chrome/107.0 Mobile Safari/537.36 MicroMessenger/8.0.40' }, other.url);
  await app.toPlans();
  await app.plan('p9').locator('input').check();
  await app.walk.next().click();
  await app.way('wechat').waitFor();
  await app.walk.next().click();                                   // nobody knows who this is in WeChat: so there is a code
  await app.walk.id('qr').waitFor();
  await app.walk.shot('code');
  await app.walk.page.reload();
  await app.walk.id('qr').waitFor();                               // drawn again
  // once it is known, WeChat's sheet is called with what the server signed, and closed without paying; then the page asks for the truth
  await app.walk.page.route('**/v1/orders/*/start', route => route.fulfill({ json: { show: 'call', text: '{"package":"prepay_id=1"}', until_ms: null } }));
  await app.walk.page.evaluate(() => { window.WeixinJSBridge = { invoke: (what, params, done) => { window.called = [what, params]; done({ err_msg: 'get_brand_wcpay_request:cancel' }); } }; });
  await app.walk.page.goBack();
  await app.walk.id('price').waitFor();
  await app.walk.next().click();
  await app.state('open');
  assert.deepEqual(await app.walk.page.evaluate(() => window.called), ['getBrandWCPayRequest', { package: 'prepay_id=1' }]);
  assert.deepEqual([...walk.errors, ...app.walk.errors], []);
});

test('an operator decides about a refund, and sees one person\'s money over time', async t => {
  const buyer = await Buyer.open(t, { name: 'shop-asked-en' }), { walk } = buyer;
  await buyer.toBank();
  await buyer.bank('pay').click();
  await buyer.make();
  await walk.chosen(4);
  await walk.go('/orders');
  await walk.id('order-row').locator('a').click();
  await walk.page.getByRole('button', { name: 'Ask for the money back' }).click();
  await walk.$('[role=dialog] input[name=reason]').fill('It does not look like us');
  await walk.$('[role=dialog] .button-danger').click();
  await walk.page.locator('.notice', { hasText: 'You asked for the money back' }).waitFor();
  await walk.shot('asked');
  const { account } = await buyer.ask('/v1/me');
  const moves = desk => desk.page.locator('tbody tr', { hasText: /Money back|Paid/ }).locator('td:nth-child(3)').allInnerTexts();

  for (const [lang, width] of [['en', 1440], ['zh', 360]]) {
    const desk = await openWalk(t, browser, server.url, { lang, width, height: 900, name: `shop-admin-${width}-${lang}`, axe: true });
    await desk.go('/admin');
    await desk.id('token').fill(server.operatorToken());
    await desk.$('button[type=submit]').click();
    await desk.$('.sections').waitFor();
    await desk.go('/admin/orders');
    if (lang === 'en') await desk.$('.admin-section').first().getByText('It does not look like us').waitFor();        // who waits stands first
    await desk.$('.admin-section').nth(2).getByText('It does not look like us').waitFor();
    assert.equal(await desk.$('.notice-bad').count(), 0);
    await desk.shot('orders');
    await desk.go(`/admin/accounts/${account}`);
    await desk.$('.table tbody tr').nth(3).waitFor();
    if (lang === 'en') assert.deepEqual(await moves(desk), ['–', '+$1.99', '$1.99'], 'what was only asked for has not moved');
    await desk.shot('money');
    if (lang === 'zh') continue;
    await desk.page.getByRole('button', { name: 'Give a part back' }).first().click();
    await desk.$('[role=dialog]').waitFor();
    await desk.page.getByLabel(/^Money, at most/).fill('1.00');
    await desk.page.getByLabel('Reason').fill('Half of it was fine');
    await desk.shot('part', { whole: false });
    await desk.page.getByRole('dialog').getByRole('button', { name: 'Leave it' }).click();
    await desk.gone('[role=dialog]');
    await desk.page.getByRole('button', { name: 'Refuse' }).first().click();
    await desk.page.getByLabel('Reason').fill('The pictures came out well');
    await desk.page.getByRole('dialog').getByRole('button', { name: 'Refuse' }).click();
    await desk.gone('[role=dialog]');
    await desk.page.getByText('The pictures came out well').first().waitFor();
    assert.deepEqual(await moves(desk), ['–', '+$1.99', '$1.99'], 'nor what was refused');
    const { id } = (await buyer.ask('/v1/orders')).items.find(o => o.state === 'paid');      // what a person must look at goes when they say what was done
    await new Client(server.url).post(`/v1/pay/test/${id}`, { act: 'dispute' });
    await desk.go('/admin/orders');
    await desk.page.getByRole('button', { name: 'Settled by hand' }).first().click();
    await desk.page.getByLabel('What was done').fill('Called them: a mistake');
    await desk.shot('settle', { whole: false });
    await desk.page.getByRole('dialog').getByRole('button', { name: 'Settled by hand' }).click();
    await desk.gone('[role=dialog]');
    await desk.page.getByText('There is no trouble.').waitFor();
    assert.equal((await new Client(server.url, server.operatorToken()).get(`/v1/admin/orders/${id}`)).troubles[0].note, 'Called them: a mistake');
  }
  await walk.page.reload();
  await walk.page.locator('.notice', { hasText: 'The pictures came out well' }).waitFor();
  await walk.shot('refused');
  const operator = new Client(server.url, server.operatorToken());
  assert.equal((await operator.get('/v1/admin/refunds?state=asked')).items.length, 0);
  assert.deepEqual(walk.errors, []);
});
