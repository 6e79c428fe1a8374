// 74-member.test.mjs - a membership in the browser, with test money: bought, paused, resumed, another plan, ended, kept, and a renewal that fails; what
// was asked for is shown until it is done. And the operator: codes that are made, handed out, used and switched off, and what is left of what was sold.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { moved, testWorld, twoMemberships } from '../lib/buyer.mjs';
import { Client } from '../lib/client.mjs';
import { ONE } from '../lib/expect.mjs';
import { linkOf, person, typeIn } from '../lib/people.mjs';
import { openBrowser, openWalk } from '../lib/walk.mjs';

const DAY = 86_400_000, ENV = { ZOETROPE_ENGINE_FAKE_SCRIPT: 'delay=40', ZOETROPE_SHOP_CODES_PER_HOUR: '1000' };
let browser;
before(async () => { browser = await openBrowser(); });
after(() => browser.close());

const WORDS = {
  en: { price: '$4.99', guest: 'A membership needs an account', next: /Renews on .+: \$4\.99 is charged, and you get 160 credits/, pause: /Nothing is charged until you resume it/, paused: /What you paid for is yours until/, more: /difference for the rest of this month, about \$5\.00, is charged at once.+\$9\.99 a month, with 320 credits/, plus: /Renews on .+: \$9\.99 is charged, and you get 320 credits/, then: /From .+: Monthly membership, \$4\.99 a month/, ends: /Ends on .+Nothing is charged any more/, asked: /The provider is being asked/, later: /all stays as it is\. From then on it is \$4\.99 a month, with 160 credits/ },
  zh: { price: '¥29.90', guest: '开通会员需要账号', next: /自动续费 ¥29\.90，到账 160 点/, pause: /恢复之前不会扣费/, paused: /已付费的部分可用至/, more: /立即补扣本月剩余时间的差价，约 ¥20\.00.+此后每月 ¥49\.90，含 320 点/, plus: /自动续费 ¥49\.90，到账 320 点/, then: /起改为月度会员，每月 ¥29\.90/, ends: /到期，不再扣费/, asked: /正在等待支付渠道确认/, later: /之前一切照旧；此后每月 ¥29\.90，含 160 点/ },
};

const EMAIL = 'member@example.com', PASSWORD = 'a long sentence of mine';

/** Somebody who is a member, or becomes one. */
class Member {
  constructor(walk, words) { Object.assign(this, { walk, words }); }
  static async open(t, url, how) { return new Member(await openWalk(t, browser, url, { axe: true, ...how }), WORDS[how.lang]); }

  act(what) { return this.walk.id(`member-${what}`); }
  card(state, more = '') { return this.walk.$(`[data-testid=membership][data-state=${state}]${more}`).waitFor(); }
  text() { return this.walk.id('membership').innerText(); }
  /** What may be wanted now. */
  async acts() { return this.walk.$('[data-testid^=member-]').evaluateAll(all => all.map(b => b.dataset.testid.slice(7)).sort().join(' ')); }
  async said(words) {
    await this.walk.$('[role=dialog]').waitFor();
    assert.match(await this.walk.$('[role=dialog]').innerText(), words);
  }
  async confirm() {
    await this.walk.$('[role=dialog] .dialog-actions .button:last-child').click();
    await this.walk.gone('[role=dialog]');
  }
  async buy() {
    const { walk } = this;
    await walk.go('/buy/month');
    await walk.id('price').waitFor();
    await walk.next().click();
    await walk.id('act-pay').click();
    await walk.$('[data-testid=order][data-state=paid]').waitFor();
    return /order_\w+/.exec(walk.page.url())[0];
  }
}

for (const [lang, width, height] of [['zh', 360, 740], ['en', 1440, 900]]) test(`the month: bought, paused, resumed, changed, ended and kept, ${lang} at ${width}`, async t => {
  const { server } = await testWorld(t, { ...ENV, ...twoMemberships() }), me = await Member.open(t, server.url, { lang, width, height, name: `member-${width}-${lang}` }), { walk, words } = me;
  await walk.go('/buy/month');
  await walk.id('price').waitFor();
  assert.ok((await walk.id('price').innerText()).includes(words.price));
  await walk.page.locator('.notice', { hasText: words.guest }).waitFor();
  assert.equal(await walk.$('.ways').count(), 0, 'nothing to pay yet');
  await walk.shot('guest');
  await walk.next().click();
  await walk.page.waitForURL(url => url.pathname === '/sign-up' && url.search === '?next=/buy/month');
  await typeIn(walk, EMAIL, PASSWORD);
  await walk.$('.empty').waitFor();
  const mail = await walk.context.newPage();                       // the mail's link, opened beside it: both lead back
  await mail.goto(`${server.url}${await linkOf(new Client(server.url, server.operatorToken()), EMAIL, 'confirm')}`);
  await mail.locator('input[type=password]').fill(PASSWORD);       // nobody was a guest here yet: who signed up is asked for
  await mail.locator('button[type=submit]').click();
  await mail.locator('.empty a[href="/buy/month"]').waitFor();
  await mail.close();
  await walk.page.waitForURL(url => url.pathname === '/buy/month');
  await walk.$('.way').waitFor();
  assert.equal(await walk.page.locator('.notice', { hasText: words.guest }).count(), 0);
  await me.buy();
  await walk.go('/wallet');
  await me.card('active', '[data-ends=false]');
  assert.match(await me.text(), words.next);
  assert.equal(await me.acts(), 'end pause plan');
  assert.equal(await walk.$('.plans-more a[href^="/buy/month"]').count(), 0, 'one is a member: no second one is offered');
  await walk.shot('active');

  // the provider takes its time: what was asked for is shown until it is done, and nothing else is offered
  let slow = true;
  const as = json => { for (const m of json.items ?? [json]) if (slow && m.change) Object.assign(m, { state: 'active', next: m.next ?? null, change: { ...m.change, state: 'pending', done_ms: null } }); return json; };
  await walk.page.route(url => url.pathname.startsWith('/v1/memberships'), async route => {
    const response = await route.fetch();
    await route.fulfill({ response, json: as(await response.json()) });
  });
  await me.act('pause').click();
  await me.said(words.pause);
  await walk.shot('pause-before', { whole: false });
  await me.confirm();
  await me.card('active', '[data-asked=true]');
  assert.match(await me.text(), words.asked);
  assert.equal(await me.acts(), 'end', 'nothing else is offered; who wants to end it never waits');
  await walk.shot('pause-asked');
  slow = false;
  await me.card('paused', '[data-asked=false]');
  await walk.page.unrouteAll({ behavior: 'wait' });
  assert.match(await me.text(), words.paused);
  assert.equal(await me.acts(), 'end resume');
  await walk.shot('paused');
  await walk.page.reload();
  await me.card('paused');
  await me.act('resume').click();
  await me.said(lang === 'zh' ? /恢复每月扣费 ¥29\.90/ : /\$4\.99 is charged every month again/);
  await me.confirm();
  await me.card('active', '[data-asked=false]');
  assert.match(await me.text(), words.next);

  await me.act('plan').click();
  await me.said(words.more);
  await walk.shot('plan-before', { whole: false });
  await me.confirm();
  await walk.page.getByTestId('membership').filter({ hasText: words.plus }).waitFor();
  await walk.shot('plan-more');
  await me.act('plan').click();
  await me.said(words.later);
  await me.confirm();
  await walk.page.getByTestId('membership').filter({ hasText: words.then }).waitFor();
  await walk.shot('plan');

  await me.act('end').click();
  await me.said(lang === 'zh' ? /不再扣下一个月的费用/ : /No further month is charged/);
  await walk.page.keyboard.press('Escape');                        // not yet
  await walk.gone('[role=dialog]');
  await me.act('end').click();
  await me.confirm();
  await me.card('active', '[data-ends=true][data-asked=false]');
  assert.match(await me.text(), words.ends);
  assert.equal(await me.acts(), 'keep');
  await walk.shot('ending');
  await me.act('keep').click();
  await me.said(lang === 'zh' ? /会员照常继续/ : /It goes on as if you had not ended it/);
  await me.confirm();
  await me.card('active', '[data-ends=false][data-asked=false]');
  assert.equal(await me.acts(), 'end pause plan');
  assert.deepEqual(walk.errors, []);
});

test('a wish that meets another one; a renewal that fails, and then the end', async t => {
  const { server, clock } = await testWorld(t, ENV), me = await Member.open(t, server.url, { lang: 'en', name: 'member-late-en' }), { walk } = me, bank = new Client(server.url);
  await person(new Client(server.url, server.operatorToken()), EMAIL, PASSWORD);
  await walk.go('/sign-in?next=/wallet');
  await typeIn(walk, EMAIL, PASSWORD);
  await walk.page.waitForURL(url => url.pathname === '/wallet');
  const order = await me.buy(), act = what => bank.post(`/v1/pay/test/${order}`, { act: what });
  await walk.go('/wallet');
  await me.card('active');
  assert.equal(await me.acts(), 'end pause', 'there is no other plan to change to');
  const other = await walk.context.newPage();                      // another tab ends it first
  await other.goto(`${server.url}/wallet`);
  await other.getByTestId('member-end').click();
  await other.locator('[role=dialog] .button-danger').click();
  await other.locator('[data-testid=membership][data-ends=true]').waitFor();
  await me.act('pause').click();
  await walk.$('[role=dialog] .button-primary').click();
  await walk.$('[role=dialog] .notice-bad').waitFor();             // said, and the card says how it stands
  await walk.shot('conflict', { whole: false });
  await walk.page.keyboard.press('Escape');
  await me.card('active', '[data-ends=true]');
  await me.act('keep').click();
  await me.confirm();
  await me.card('active', '[data-ends=false]');
  await other.close();

  const seen = () => walk.page.evaluate(() => fetch('/v1/memberships').then(r => r.json()).then(r => r.items[0]));
  const end = (await seen()).period_end_ms, late = end - Date.now() + 60_000;
  await act('renew_fail');
  await moved(server, clock, 20 * DAY);                            // in steps, as somebody who comes by
  assert.equal(await walk.page.evaluate(() => fetch('/v1/sessions/refresh', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' }).then(r => r.status)), 200);
  await moved(server, clock, late);
  await walk.page.reload();
  await me.card('past_due');
  assert.match(await me.text(), /did not go through.+Until .+ you can do everything as before/s);
  assert.equal(await me.acts(), 'end');
  await walk.shot('late');
  await act('renew');
  await walk.page.reload();
  await me.card('active');
  await me.act('end').click();
  await me.confirm();
  await me.card('active', '[data-ends=true]');
  await act('renew');                                              // its time is over
  await walk.page.reload();
  await me.card('ended');
  assert.equal(await walk.id('membership').locator('.order-acts a').getAttribute('href'), '/buy/month');
  await walk.shot('ended');
  assert.deepEqual(walk.errors, []);
});

const SHOWN = {
  en: { title: 'Payments of this membership', asked: 'You asked for an invoice', sent: /sent to member@example\.com.*No\. 7/s, end: 'End it now', send: 'It was sent', ended: 'Ended' },
  zh: { title: '会员付款记录', asked: '您已申请发票', sent: /已发送至 member@example\.com.*No\. 7/s, end: '立即结束', send: '已发送', ended: '已结束' },
};
for (const [lang, width, height] of [['zh', 360, 740], ['en', 1440, 900]]) test(`each month that was paid, its invoice, and the operator's side of both, ${lang} at ${width}`, async t => {
  const { server } = await testWorld(t, ENV), op = new Client(server.url, server.operatorToken()), words = SHOWN[lang];
  const me = await Member.open(t, server.url, { lang, width, height, name: `payments-${width}-${lang}` }), { walk } = me, bank = new Client(server.url);
  await person(op, EMAIL, PASSWORD);
  await walk.go('/sign-in?next=/wallet');
  await typeIn(walk, EMAIL, PASSWORD);
  await walk.page.waitForURL(url => url.pathname === '/wallet');
  const order = await me.buy();
  for (let n = 0; n < 2; n++) await bank.post(`/v1/pay/test/${order}`, { act: 'renew' });
  await walk.go('/wallet');
  await me.card('active');
  await walk.$('a[href^="/orders?membership="]').click();
  await walk.h1(words.title);
  await walk.id('order-row').nth(2).waitFor();
  assert.equal(await walk.id('order-row').count(), 3);
  await walk.shot('payments');
  await walk.id('order-row').nth(1).locator('a').click();
  await walk.id('invoice-ask').click();
  const act = walk.$('[role=dialog] .button-primary');
  assert.ok(await act.isDisabled(), 'to whom is missing');
  await walk.$('input[name=title]').fill('Ann & Sons');
  assert.equal(await walk.$('input[name=invoice-email]').inputValue(), EMAIL);
  await walk.shot('invoice-ask', { whole: false });
  await act.click();
  await walk.gone('[role=dialog]');
  await walk.page.getByText(words.asked).waitFor();
  await walk.shot('invoice-asked');

  const desk = await openDesk(t, server, { lang, width, height, name: `memberships-${width}-${lang}` }), press = name => desk.page.getByRole('button', { name, exact: true });
  await desk.go('/admin/memberships');
  await desk.$('tbody tr').waitFor();
  await desk.shot('list');
  await desk.$('.find select').selectOption('ended');
  await desk.$('.empty').waitFor();
  await desk.shot('none');
  await desk.$('.find select').selectOption('');
  await desk.$('tbody a[href^="/admin/memberships/member_"]').click();
  await desk.$('tbody tr').nth(2).waitFor();
  await desk.shot('one');
  await desk.go('/admin/invoices');
  await desk.$('tbody tr').waitFor();
  await desk.shot('invoices');
  await press(words.send).click();
  await desk.$('[role=dialog]').waitFor();
  assert.ok(await desk.$('[role=dialog] .button-primary').isDisabled(), 'its number is missing');
  await desk.$('input[name=note]').fill('No. 7');
  await desk.shot('invoice-send', { whole: false });
  await desk.$('[role=dialog] .button-primary').click();
  await desk.$('.empty').waitFor();
  await desk.$('.find select').selectOption('sent');
  await desk.$('tbody tr').waitFor();
  await desk.shot('invoices-sent');
  await walk.page.reload();
  await walk.$('.invoice .notice-good').waitFor();
  assert.match(await walk.$('.invoice').innerText(), words.sent);
  assert.equal(await walk.id('invoice-ask').count(), 0);

  await desk.go('/admin/memberships');
  await press(words.end).click();
  await desk.$('[role=dialog]').waitFor();
  await desk.shot('end', { whole: false });
  await desk.$('[role=dialog] .button-danger').click();
  await desk.gone('[role=dialog]');
  await desk.$('tbody').getByText(words.ended, { exact: true }).waitFor();
  assert.equal(await press(words.end).count(), 0);
  await walk.go('/wallet');
  await me.card('ended');
  assert.deepEqual([...walk.errors, ...desk.errors], []);
});

/** An operator at a desk, or with a phone. */
async function openDesk(t, server, how) {
  const desk = await openWalk(t, browser, server.url, { axe: true, height: 900, ...how });
  await desk.go('/admin');
  await desk.id('token').fill(server.operatorToken());
  await desk.$('button[type=submit]').click();
  await desk.$('.sections').waitFor();
  return desk;
}

test('codes: made, taken along, used, counted, and switched off', async t => {
  const { server } = await testWorld(t, ENV), desk = await openDesk(t, server, { lang: 'en', width: 1440, name: 'codes-1440-en' }), field = name => desk.$(`input[name=${name}]`), make = desk.page.getByRole('button', { name: 'Make them' });
  await desk.$('.sections a[href="/admin/codes"]').click();
  await desk.page.getByText('No code was made yet').waitFor();
  await desk.shot('none');
  assert.ok(await make.isDisabled(), 'something is missing');
  await field('amount').fill('30');
  await field('count').fill('3');
  await field('note').fill('=Spring, for the "club"');
  await make.click();
  await desk.id('codes-made').waitFor();
  const codes = (await desk.id('codes-made').innerText()).trim().split('\n');
  assert.equal(codes.length, 3);
  for (const code of codes) assert.match(code, /^[0-9A-Z]{12}$/);
  await desk.$('tbody tr').waitFor();
  await desk.shot('made');
  await desk.context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await desk.$('tbody').getByRole('button', { name: 'Copy as text' }).click();
  await desk.$('tbody').getByRole('button', { name: 'Copied' }).waitFor();
  assert.deepEqual((await desk.page.evaluate(() => navigator.clipboard.readText())).split('\n').sort(), [...codes].sort());
  const [file] = await Promise.all([desk.page.waitForEvent('download'), desk.$('tbody').getByRole('button', { name: 'CSV' }).click()]);
  assert.match(file.suggestedFilename(), /^batch_\w+\.csv$/);
  const [head, ...lines] = readFileSync(await file.path(), 'utf8').split('\r\n');
  assert.equal(head, '\ufeffcode,kind,amount,currency,plan,uses,uses_max,starts,ends,disabled,note');
  assert.deepEqual(lines.filter(Boolean).map(l => l.split(',')[0]).sort(), [...codes].sort());
  assert.match(lines[0], /,credits,30,,,0,1,.*,false,"'=Spring, for the ""club"""$/, 'no table calculates with it');

  // a word of one's own, less to pay
  await desk.$('select').first().selectOption('percent');
  await field('amount').fill('101');
  assert.ok(await make.isDisabled());
  await field('amount').fill('50');
  await field('word').fill('half2027');
  await field('note').fill('');
  await field('uses').fill('0');
  await make.click();
  await desk.page.locator('tbody tr', { hasText: 'HALF2027' }).waitFor();

  const walk = await openWalk(t, browser, server.url, { lang: 'zh', name: 'codes-used-zh', axe: true }), redeem = async code => {
    await walk.$('input[name=code]').fill(code);
    await walk.$('.code-part .button').click();
  };
  const operator = new Client(server.url, server.operatorToken());
  await person(operator, 'codes@example.com', 'a long sentence of mine');
  await walk.go('/sign-in?next=/wallet');
  await typeIn(walk, 'codes@example.com', 'a long sentence of mine');
  await walk.page.waitForURL(url => url.pathname === '/wallet');
  await walk.$('.code-part summary').click();
  await redeem(codes[0].toLowerCase());
  await walk.$('.code-part .notice-good').waitFor();
  await walk.until(() => document.querySelector('[data-testid=available]').textContent === '30');
  await desk.page.reload();
  const row = desk.page.locator('tbody tr', { hasText: 'Spring' });
  await row.getByText('1 of 3').waitFor();
  await row.getByRole('button', { name: 'Disable' }).click();
  await desk.$('[role=dialog]').waitFor();
  await desk.shot('disable', { whole: false });
  await desk.$('[role=dialog] .button-danger').click();
  await desk.gone('[role=dialog]');
  await row.getByText('Disabled').waitFor();
  await redeem(codes[1]);
  await walk.$('.code-part .notice-bad').waitFor();
  assert.equal(await walk.id('available').innerText(), '30');

  const phone = await openDesk(t, server, { lang: 'zh', width: 360, name: 'codes-360-zh' });
  await phone.go('/admin/codes');
  await phone.$('tbody tr').nth(1).waitFor();
  await phone.$('select').first().selectOption('amount');
  await phone.shot('all');
  assert.deepEqual([...desk.errors, ...walk.errors, ...phone.errors], []);
});

test('what is left of what was sold: by product, with a bar; a loss is seen', async t => {
  const { server, buyer, act } = await testWorld(t, ENV), c = await buyer(), desks = [];
  for (const [lang, width] of [['en', 1440], ['zh', 360]]) {
    const desk = await openDesk(t, server, { lang, width, name: `margin-${width}-${lang}` });
    await desk.$('.sections a[href="/admin/margin"]').click();
    await desk.$('.admin-section .empty').waitFor();
    desks.push(desk);
  }
  const order = await c.order();
  await c.start(order);
  await act(order, 'pay');
  const photo = await c.photo(ONE), task = await c.buy(await c.quote({ people: [{ asset: photo.id, face: 0 }], template: 'hall', candidates: 4 }));
  await c.waitTask(task.id);
  const row = { product: 'other', sold: [{ currency: 'CNY', paid: 5970, refunded: 990, fees: 36, earned: 2990 }, { currency: 'USD', paid: 998, refunded: 0, fees: 59, earned: 499 }], credits: { granted: 320, spent: 160, returned: 0 } };
  const shown = [{ ...row, revenue: 9_140_000, cost: { provider: 3_100_000, traffic: 90_000, storage: 20_000 }, margin: 5_290_000, margin_pm: 579 },
    { ...row, product: 'third', revenue: 2_000_000, cost: { provider: 3_000_000, traffic: 0, storage: 0 }, margin: -1_100_000, margin_pm: -550 }];
  for (const desk of desks) {
    await desk.page.reload();
    const line = desk.page.locator('tbody tr', { hasText: 'reunion' });
    await line.locator('.margin-bar').waitFor();
    assert.match(await line.innerText(), /¥9\.90[^]*¥0\.00[^]*¥0\.00[^]*\$1\.\d\d[^]*100%/);
    await desk.page.route('**/v1/admin/margin*', async route => {
      const response = await route.fetch(), json = await response.json();
      await route.fulfill({ response, json: { ...json, items: [...json.items, ...shown] } });
    });
    const asked = desk.page.waitForRequest(/\/v1\/admin\/margin\?days=90/);
    await desk.$('select').selectOption('90');
    await asked;
    await desk.$('.margin-loss .margin-end').waitFor();
    await desk.shot('products');
    assert.deepEqual(desk.errors, []);
  }
});
