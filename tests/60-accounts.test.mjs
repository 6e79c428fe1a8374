// 60-accounts.test.mjs - sessions and accounts: tokens that turn, thefts, devices, sign-up, sign-in, links, and what moves with a person.
import assert from 'node:assert/strict';
import { createHash, createPublicKey, createSign, generateKeyPairSync } from 'node:crypto';
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test } from 'node:test';
import { Client } from './lib/client.mjs';
import { FOUR, isProblem, ONE } from './lib/expect.mjs';
import { PATIENCE_MS, runZoetrope, startServer, tempDir, within } from './lib/server.mjs';

const MIN = 60_000, DAY = 24 * 60 * MIN;
const slow = Number(process.env.ZOETROPE_SLOW ?? 1);

/** A server whose clock can be moved. */
class Clocked {
  static async start(t, { env = {}, dataDir } = {}) {
    const c = new Clocked();
    c.file = join(tempDir('zt-clock-'), 'offset');
    c.offset = 0;
    writeFileSync(c.file, '0');
    c.options = { dataDir, env: { ZOETROPE_ENGINE_USE: 'fake', ZOETROPE_CLOCK_OFFSET_FILE: c.file, ...env } };
    c.server = await startServer(t, c.options);
    return c;
  }

  get url() { return this.server.url; }

  /** Moves the time and waits until the server knows: an answer's expiry tells. */
  async move(ms) {
    this.offset += ms;
    writeFileSync(this.file, String(this.offset));
    await until(async () => {
      const date = new Date((await fetch(`${this.url}/healthz`)).headers.get('date')).getTime();
      return Math.abs(date - Date.now() - this.offset) < 3000;
    }, 'the clock did not move');
  }
}

/** Waits for a condition, with a deadline; the answers themselves give the pace. */
async function until(holds, why) {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const value = await holds();
    if (value) return value;
    assert.ok(Date.now() < end, why);
    await new Promise(go => setImmediate(go));
  }
}

const refresh = (url, token, headers = {}) => new Client(url).send('POST', '/v1/sessions/refresh', { json: { refresh: token }, headers });
const part = (token, i) => JSON.parse(Buffer.from(token.split('.')[i], 'base64url'));
const me = (url, token) => new Client(url, token).send('GET', '/v1/me');

/** Rows of the database, read beside the server. */
function rows(server, sql, ...args) {
  const db = new DatabaseSync(join(server.dataDir, 'zoetrope.db'), { readOnly: true });
  try { return db.prepare(sql).all(...args); } finally { db.close(); }
}

let server;
before(async () => { server = await startServer(null, { env: { ZOETROPE_ENGINE_USE: 'fake' } }); });
after(async () => {
  await server.stop();
  const { stdout, code } = await runZoetrope(['verify', '--deep'], { env: { ZOETROPE_DATA: server.dataDir } });
  server.forget();
  assert.equal(code, 0, stdout);
});

describe('access tokens', () => {
  test('are JWTs of 15 minutes, signed with ES256', async () => {
    const c = await Client.guest(server.url);
    assert.deepEqual(Object.keys(part(c.token, 0)).sort(), ['alg', 'kid']);
    assert.equal(part(c.token, 0).alg, 'ES256');
    const claims = part(c.token, 1);
    assert.deepEqual({ ...claims, iat: 0, exp: 0 }, { iss: 'zoetrope', sub: c.account, sid: c.session, kind: 'guest', iat: 0, exp: 0 });
    assert.equal(claims.exp - claims.iat, 900);
  });

  test('nothing but our own signature is believed', async () => {
    const c = await Client.guest(server.url);
    const [head, payload, signature] = c.token.split('.');
    const b64 = o => Buffer.from(typeof o === 'string' ? o : JSON.stringify(o)).toString('base64url');
    const operator = b64({ ...part(c.token, 1), kind: 'operator' });
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const signed = (h, p) => `${h}.${p}.${createSign('sha256').update(`${h}.${p}`).sign({ key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
    const jwk = publicKey.export({ format: 'jwk' });
    assert.equal(createPublicKey({ key: jwk, format: 'jwk' }).asymmetricKeyType, 'ec');
    for (const forged of [
      `${head}.${operator}.${signature}`, `${b64({ alg: 'none' })}.${payload}.`, `${b64({ ...part(c.token, 0), alg: 'none' })}.${operator}.`,
      signed(head, operator), signed(b64({ alg: 'ES256', jwk }), operator), signed(b64({ ...part(c.token, 0), jwk }), operator),
      `${b64({ ...part(c.token, 0), alg: 'HS256' })}.${payload}.${signature}`, `${head}.${payload}`, `${head}.${payload}.${signature}.x`,
      `${head}.${payload}.${signature}A`, `${head}.${payload}.${signature.slice(0, -1)}`, `${head}..${signature}`, `.${payload}.${signature}`,
      `${head}.${payload}.${Buffer.alloc(64).toString('base64url')}`, 'x'.repeat(5000), '..', `${head}.${payload}.${'='.repeat(86)}`,
    ]) isProblem(await me(server.url, forged), 401, 'unauthenticated');
    assert.equal((await me(server.url, c.token)).status, 200);
  });

  test('a hot token costs no signature check', async () => {
    const c = await Client.guest(server.url);
    const numbers = async () => {
      const text = await (await fetch(`${server.url}/metrics`)).text();
      return ['checked', 'remembered'].map(n => Number(new RegExp(`^zoetrope_access_tokens_total{how="${n}"} (\\d+)`, 'm').exec(text)[1]));
    };
    const [checked, remembered] = await numbers();
    for (let i = 0; i < 50; i++) assert.equal((await me(server.url, c.token)).status, 200);
    const [checkedNow, rememberedNow] = await numbers();
    assert.deepEqual([checkedNow - checked, rememberedNow - remembered], [1, 49]);
  });

  test('make no other access token: a stolen one ends', async () => {
    const c = await Client.guest(server.url);
    const again = await c.send('POST', '/v1/sessions', { json: {} });
    assert.deepEqual([again.status, again.json.token, again.json.refresh, again.json.session], [200, null, null, c.session]);
    assert.deepEqual([Object.keys(again.json).length, again.json.moving], [9, false], 'a whole Session');
    assert.equal(again.json.expires_ms, part(c.token, 1).exp * 1000);
    assert.deepEqual(again.headers.getSetCookie(), []);
    const cookie = await c.send('POST', '/v1/sessions', { json: {}, headers: { authorization: null, origin: server.url, cookie: `zt_access=${c.token}` } });
    assert.deepEqual([cookie.status, cookie.json.token, cookie.headers.getSetCookie()], [200, null, []]);
    const both = await c.send('POST', '/v1/sessions', { json: {}, headers: { authorization: null, origin: server.url, cookie: `zt_access=${c.token}; zt_refresh=${c.refresh}` } });
    assert.deepEqual([both.status, both.json.session, both.headers.getSetCookie().length], [200, c.session, 2], 'the refresh token was used');
    assert.notEqual(both.json.refresh, c.refresh);
  });

  test('end after 15 minutes; the session goes on', async t => {
    const s = await Clocked.start(t);
    const c = await Client.guest(s.url);
    await s.move(14 * MIN);
    assert.equal((await me(s.url, c.token)).status, 200);
    await s.move(2 * MIN);
    isProblem(await me(s.url, c.token), 401, 'unauthenticated');
    const account = c.account;
    await c.renew();
    assert.equal((await c.get('/v1/me')).account, account);
  });

  test('a page that comes back with only its refresh cookie finds its account', async t => {
    const s = await Clocked.start(t);
    const c = await Client.guest(s.url);
    await s.move(DAY);
    const headers = { authorization: null, origin: s.url, cookie: `zt_access=${c.token}; zt_refresh=${c.refresh}` };
    const back = await c.send('POST', '/v1/sessions', { json: {}, headers });
    assert.deepEqual([back.status, back.json.account, back.json.session], [200, c.account, c.session]);
    await s.move(31 * DAY);
    const late = await c.send('POST', '/v1/sessions', { json: {}, headers: { ...headers, cookie: `zt_refresh=${back.json.refresh}` } });
    assert.equal(late.status, 201, 'after 30 days there is a new guest');
    assert.notEqual(late.json.account, c.account);
  });

  test('keys turn after 30 days; old ones verify until their last token has ended; the private part is sealed', async t => {
    const s = await Clocked.start(t);
    const first = await Client.guest(s.url);
    const kid = c => part(c.token, 0).kid;
    await s.move(30 * DAY - 5 * MIN);
    await first.renew();
    const c = await Client.guest(s.url);
    assert.equal(kid(c), kid(first), 'before the turn');
    await s.move(10 * MIN);
    const next = await until(async () => { const n = await Client.guest(s.url); return kid(n) !== kid(c) && n; }, 'no new key');
    assert.equal((await me(s.url, c.token)).status, 200, 'the old key verifies');
    assert.equal(rows(s.server, 'SELECT COUNT(*) AS n FROM sign_key')[0].n, 2);
    for (const { sealed } of rows(s.server, 'SELECT sealed FROM sign_key'))
      assert.doesNotMatch(Buffer.from(sealed, 'base64url').toString('latin1'), /crv|"d"/);
    assert.equal(statSync(join(s.server.dataDir, 'master.key')).mode & 0o777, 0o600);
    await s.move(30 * MIN);
    await until(() => rows(s.server, 'SELECT COUNT(*) AS n FROM sign_key')[0].n === 1, 'the old key stays');
    await next.renew();
    assert.equal((await me(s.url, next.token)).status, 200);
  });

  test('outlive a restart, and so does their end', async t => {
    const dataDir = tempDir('zt-restart-');
    let s = await startServer(t, { dataDir });
    const stays = await Client.guest(s.url), ends = await Client.guest(s.url);
    await ends.delete('/v1/sessions');
    await s.kill();
    s = await startServer(t, { dataDir });
    assert.equal((await me(s.url, stays.token)).status, 200);
    isProblem(await me(s.url, ends.token), 401, 'unauthenticated');
    await s.kill();
    const file = join(dataDir, 'master.key'), key = readFileSync(file);
    rmSync(file);
    await assert.rejects(startServer(t, { dataDir }), /master\.key is missing/, 'a lost key is no reason to sign everybody out');
    writeFileSync(file, key);
    s = await startServer(t, { dataDir });
    assert.equal((await me(s.url, stays.token)).status, 200);
    await s.kill();
    writeFileSync(file, '');
    s = await startServer(t, { dataDir });
    isProblem(await me(s.url, stays.token), 401, 'unauthenticated');
    isProblem(await refresh(s.url, stays.refresh), 401, 'session_over');
    assert.ok(s.log.some(l => l.ev === 'auth.key_lost'), 'the operator is told');
  });
});

test('an address that is too long for an access token is refused at start, not at the first visitor', async t => {
  const url = n => `https://${'x'.repeat(n - 8)}`;
  await assert.rejects(startServer(t, { env: { ZOETROPE_PUBLIC_URL: url(500) } }), e => {
    assert.match(e.message, /public_url: must be text, 0 to 200 bytes/);
    return true;
  });
  const s = await startServer(t, { env: { ZOETROPE_PUBLIC_URL: url(200) } });
  assert.equal((await new Client(s.url).send('POST', '/v1/sessions', { json: {} })).status, 201);
});

describe('refresh tokens', () => {
  test('turn with every use', async () => {
    const c = await Client.guest(server.url);
    const seen = new Set([c.refresh]);
    for (let i = 0; i < 5; i++) {
      const { account, session } = c;
      await c.renew();
      assert.deepEqual([c.account, c.session], [account, session]);
      assert.ok(!seen.has(c.refresh));
      seen.add(c.refresh);
    }
    const stored = rows(server, 'SELECT token_sha, before_sha FROM device WHERE account_id = (SELECT MAX(account_id) FROM device)');
    assert.equal(stored[0].token_sha, createHash('sha256').update(c.refresh).digest('hex'), 'only a hash is stored');
  });

  test('an old one ends the session and all its tokens at once', async () => {
    const c = await Client.guest(server.url);
    const stolen = c.refresh;
    await c.renew();
    await c.renew();
    const thief = await refresh(server.url, stolen);
    isProblem(thief, 401, 'session_reused');
    assert.ok(thief.headers.getSetCookie().every(x => /=; .*Max-Age=0/.test(x)), 'cookies are taken back');
    isProblem(await c.send('GET', '/v1/me'), 401, 'unauthenticated');
    isProblem(await refresh(server.url, c.refresh), 401, 'session_over');
  });

  test('an answer that was lost: who asks again within 10 seconds gets the same new one, and the session lives on', async t => {
    const s = await Clocked.start(t);
    const c = await Client.guest(s.url);
    const before = c.refresh;
    await c.renew();
    await s.move(4000);
    const again = await refresh(s.url, before);
    assert.deepEqual([again.status, again.json.refresh, again.json.session], [200, c.refresh, c.session]);
    assert.equal((await me(s.url, again.json.token)).status, 200);
    assert.deepEqual(again.headers.getSetCookie().map(x => x.split('=')[0]), ['zt_access', 'zt_refresh']);
    await s.move(12 * MIN);
    await c.renew();
    await s.move(MIN);
    isProblem(await refresh(s.url, before), 401, 'session_reused');
    isProblem(await refresh(s.url, c.refresh), 401, 'session_over');
  });

  test('two tabs that refresh at once both go on', async () => {
    const c = await Client.guest(server.url);
    const answers = await Promise.all(Array.from({ length: 8 }, () => refresh(server.url, c.refresh)));
    assert.deepEqual(answers.map(a => a.status), Array(8).fill(200));
    assert.equal(new Set(answers.map(a => a.json.refresh)).size, 1, 'one of them turned it');
    assert.notEqual(answers[0].json.refresh, c.refresh);
  });

  test('an old one is no new guest either: POST /v1/sessions ends the session; that of a guest who is gone is', async () => {
    const c = await Client.guest(server.url), stolen = c.refresh;
    const open = refreshToken => new Client(server.url).send('POST', '/v1/sessions', { json: {}, headers: { origin: server.url, cookie: `zt_refresh=${refreshToken}` } });
    await c.renew();
    await c.renew();
    const first = await open(stolen);
    isProblem(first, 401, 'session_reused');
    assert.ok(first.headers.getSetCookie().every(x => /=; .*Max-Age=0/.test(x)), 'cookies are taken back');
    isProblem(await me(server.url, c.token), 401, 'unauthenticated');
    isProblem(await refresh(server.url, c.refresh), 401, 'session_over');
    assert.equal((await open(c.refresh)).status, 201);
    assert.equal((await open('A'.repeat(43))).status, 201, 'not ours');
  });

  test('a clock that is set back revives neither an old one nor a session that ended', async t => {
    const s = await Clocked.start(t), [c, left, other] = [await Client.guest(s.url), await Client.guest(s.url), await Client.guest(s.url)];
    await left.delete('/v1/sessions');
    await s.move(20 * MIN);
    await other.renew();
    await other.delete('/v1/sessions');
    await s.move(-20 * MIN);
    isProblem(await me(s.url, left.token), 401, 'unauthenticated');
    const before = c.refresh;
    await c.renew();
    await s.move(-5000);
    assert.equal((await refresh(s.url, before)).status, 200, 'a step of seconds is nobody\'s theft');
    await s.move(-30_000);
    isProblem(await refresh(s.url, before), 401, 'session_reused');
  });

  test('made-up ones end nobody\'s session', async () => {
    const c = await Client.guest(server.url);
    const bytes = Buffer.from(c.refresh, 'base64url');
    for (let i = 0; i < 32; i++) {
      const forged = Buffer.from(bytes);
      forged[i] ^= 1;
      isProblem(await refresh(server.url, forged.toString('base64url')), 401, 'session_over');
    }
    for (const bad of ['x', 'A'.repeat(43), 'A'.repeat(128)]) isProblem(await refresh(server.url, bad), 401, 'session_over');
    isProblem(await new Client(server.url).send('POST', '/v1/sessions/refresh', { json: {} }), 401, 'session_over');
    await c.renew();
  });

  test('by cookie only from our own pages', async () => {
    const c = await Client.guest(server.url);
    const send = headers => new Client(server.url).send('POST', '/v1/sessions/refresh', { json: {}, headers: { cookie: `zt_refresh=${c.refresh}`, ...headers } });
    isProblem(await send({}), 403, 'forbidden');
    isProblem(await send({ origin: 'https://evil.example' }), 403, 'forbidden');
    isProblem(await send({ origin: server.url, 'sec-fetch-site': 'same-site' }), 403, 'forbidden');
    assert.equal((await send({ 'sec-fetch-site': 'same-origin' })).status, 200);
  });

  test('with an https address cookies are Secure and __Host-', async t => {
    const s = await startServer(t, { env: { ZOETROPE_PUBLIC_URL: 'https://photos.example' } });
    const made = await new Client(s.url).send('POST', '/v1/sessions', { json: {} });
    for (const cookie of made.headers.getSetCookie()) assert.match(cookie, /^__Host-zt_(access|refresh)=[^;]+; Path=\/; Max-Age=\d+; SameSite=Lax; Secure; HttpOnly$/);
    assert.equal(part(made.json.token, 1).iss, 'https://photos.example');
  });
});

// ---- people ----

const good = 'correct horse battery staple';
let count = 0;
const newAddress = () => `somebody${++count}.${process.pid}@photos.example`;
/** The newest mail to an address: { subject, text, html, kind, token }. Without an SMTP server they are kept. */
function mailTo(srv, to) {
  const m = rows(srv, "SELECT kind, lang, subject, plain, html, state, tries, error FROM mail WHERE to_addr = ? AND state <> 'void' ORDER BY id DESC LIMIT 1", to)[0];
  if (!m) return null;
  const [, link, token] = /\/auth#(\w+)=([\w-]+)/.exec(m.plain) ?? [];
  return { ...m, link, token };
}
const visitor = srv => new Client(srv.url);
const signIn = (c, email, password) => c.send('POST', '/v1/sessions/password', { json: { email, password } });
const useToken = (c, token, password, accept = true) => c.send('POST', '/v1/tokens', { json: { token, ...password && { password }, ...accept && { accept } } });

/** Signs up, confirms; c is then the person's first device. */
async function person(srv, { c, email = newAddress(), password = good } = {}) {
  c ??= await Client.guest(srv.url);
  assert.equal((await c.send('POST', '/v1/accounts', { json: { email, password } })).status, 202);
  const used = await useToken(c, mailTo(srv, email).token);
  assert.equal(used.status, 200, used.text);
  c.take(used.json);
  return Object.assign(c, { email, password });
}
/** Another device of the person. */
async function device(srv, p, headers = {}) {
  const c = visitor(srv);
  const answer = await c.send('POST', '/v1/sessions/password', { json: { email: p.email, password: p.password }, headers });
  assert.equal(answer.status, 201, answer.text);
  c.take(answer.json);
  return c;
}
/** A wrong password takes as long for the person as for nobody: the least time of each of n tries. Whatever else the machine does only adds to
 * a time; so what is unlike is tried further, up to 100 times. */
async function takesAsLong(srv, p, n) {
  const least = { known: Infinity, unknown: Infinity }, unlike = () => Math.abs(least.known - least.unknown) >= 0.5 * Math.max(least.known, least.unknown);
  for (let i = 0; i < n || i < 100 && unlike(); i++)
    for (const [kind, email] of i % 2 ? [['known', p.email], ['unknown', newAddress()]] : [['unknown', newAddress()], ['known', p.email]]) {
      const began = performance.now();
      assert.equal((await signIn(visitor(srv), email, 'wrong password')).status, 401);
      least[kind] = Math.min(least[kind], performance.now() - began);
    }
  assert.ok(!unlike(), `at least ${least.known.toFixed(1)} ms and ${least.unknown.toFixed(1)} ms`);
}
const hashes = async srv => Number(/^zoetrope_password_hashes_total (\d+)/m.exec(await (await fetch(`${srv.url}/metrics`)).text())[1]);

describe('people', () => {
  let srv;
  const many = { ZOETROPE_ENGINE_USE: 'fake', ZOETROPE_AUTH_SIGN_INS_PER_HOUR: '1000000', ZOETROPE_AUTH_MAILS_PER_HOUR: '100000' };
  before(async () => { srv = await startServer(null, { env: many }); });
  after(async () => {
    await srv.stop();
    const { stdout, code } = await runZoetrope(['verify', '--deep'], { env: { ZOETROPE_DATA: srv.dataDir } });
    srv.forget();
    assert.equal(code, 0, stdout);
  });

  test('a guest signs up, confirms, and keeps the account with everything in it', async () => {
    const c = await Client.guest(srv.url), email = newAddress();
    const guest = { ...c };
    assert.deepEqual((await c.send('POST', '/v1/accounts', { json: { email: email.toUpperCase(), password: good, lang: 'zh' } })).json, {});
    isProblem(await signIn(visitor(srv), email, good), 401, 'sign_in_wrong');
    const mail = mailTo(srv, email);
    assert.match(mail.subject, /团圆照相馆/);
    assert.match(mail.html, new RegExp(`href="${srv.url}/auth#confirm=${mail.token}"`));
    const used = await useToken(c, mail.token);
    assert.equal(used.status, 200);
    assert.deepEqual([used.json.kind, used.json.account_kind, used.json.account], ['confirm', 'person', guest.account]);
    assert.notEqual(used.json.session, guest.session, 'a new session');
    isProblem(await me(srv.url, guest.token), 401, 'unauthenticated');
    isProblem(await refresh(srv.url, guest.refresh), 401, 'session_over');
    c.take(used.json);
    assert.deepEqual({ ...await c.get('/v1/me'), account: 0, session: 0 },
      { account: 0, session: 0, kind: 'person', operator: false, email, verified: true, moving: false, name: '', lang: 'zh', region: '' });
    assert.deepEqual(await c.wallet(), { available: 400, held: 0 });
    isProblem(await useToken(visitor(srv), mail.token), 410, 'token_over');
    assert.equal((await signIn(visitor(srv), `  ${email} `, good)).status, 201);
  });

  test('without a session, confirming makes the account', async () => {
    const c = visitor(srv), email = newAddress();
    await c.post('/v1/accounts', { email, password: good });
    const used = (await useToken(visitor(srv), mailTo(srv, email).token, good)).json;
    c.take(used);
    assert.deepEqual([used.account_kind, await c.wallet()], ['person', { available: 400, held: 0 }]);
  });

  test('who did not sign up confirms nothing: a stranger with your address does not get your account', async () => {
    const stranger = await Client.guest(srv.url), owner = await Client.guest(srv.url), email = newAddress();
    await stranger.post('/v1/accounts', { email, password: good });
    const { token } = mailTo(srv, email);
    for (const c of [owner, visitor(srv)]) isProblem(await useToken(c, token), 422, 'password_asked');
    isProblem(await useToken(owner, token, 'not what was chosen'), 401, 'sign_in_wrong');
    isProblem(await signIn(stranger, email, good), 401, 'sign_in_wrong');
    const other = await useToken(visitor(srv), token, good);        // the very one who signed up, elsewhere
    assert.deepEqual([other.status, other.json.account], [200, stranger.account]);
  });

  test('passwords: long enough, not among the commonest, not the address; NFC', async () => {
    const c = visitor(srv), email = newAddress();
    for (const [password, why] of [['short', /short/], ['x'.repeat(129), /long/], ['aaaaaaaaaaaa', /one character/], ['中'.repeat(12), /one character/], [' '.repeat(12), /only spaces/], ['1Q2W3E4R5T', /common/], ['qwertyuiop', /common/],
      [email, /address/], [email.split('@')[0], /address/], ['中'.repeat(9), /short/]])
      assert.match(isProblem(await c.send('POST', '/v1/accounts', { json: { email, password } }), 422, 'password_weak').detail, why, password);
    assert.equal(mailTo(srv, email), null);
    for (const bad of ['x', 'a@b', 'a@b.co\r\nBcc: x@y.zz', 'a b@c.de', '"a"@b.co'])
      assert.ok(['email_wrong', 'bad_input'].includes((await c.send('POST', '/v1/accounts', { json: { email: bad, password: good } })).json.code), bad);
    const p = await person(srv, { password: 'caf\u00e9 caf\u00e9 caf\u00e9' });
    assert.equal((await signIn(visitor(srv), p.email, 'cafe\u0301 cafe\u0301 cafe\u0301')).status, 201);
  });

  test('an unknown address, a wrong password and an unconfirmed one look the same, and cost the same', async () => {
    const p = await person(srv), waiting = newAddress();
    await visitor(srv).post('/v1/accounts', { email: waiting, password: good });
    const look = a => ({ status: a.status, json: { ...a.json, instance: 0 }, names: [...a.headers.keys()] });
    const tries = [[newAddress(), good], [p.email, 'wrong password'], [waiting, good]];
    const answers = [];
    for (const [email, password] of tries) {
      const n = await hashes(srv);
      answers.push(look(await signIn(visitor(srv), email, password)));
      assert.equal(await hashes(srv) - n, 1, 'one password hashed');
    }
    assert.equal(answers[0].status, 401);
    assert.deepEqual(answers[1], answers[0]);
    assert.deepEqual(answers[2], answers[0]);

    // The same for signing up and for links: same answer, same rows written, same hashes.
    const rowsOf = () => rows(srv, 'SELECT (SELECT COUNT(*) FROM mail) + (SELECT COUNT(*) FROM login_token) AS n')[0].n;
    for (const send of [(c, email) => c.send('POST', '/v1/accounts', { json: { email, password: good } }),
      ...['confirm', 'reset', 'magic'].map(kind => (c, email) => c.send('POST', '/v1/mails', { json: { email, kind } }))]) {
      const seen = [];
      for (const email of [p.email, newAddress(), waiting]) {
        const [n, h] = [rowsOf(), await hashes(srv)];
        const a = await send(visitor(srv), email);
        seen.push({ status: a.status, text: a.text, names: [...a.headers.keys()], rows: rowsOf() - n, hashes: await hashes(srv) - h });
      }
      assert.equal(seen[0].status, 202);
      assert.equal(seen[0].rows, 2);
      assert.deepEqual(seen[1], seen[0]);
      assert.deepEqual(seen[2], seen[0]);
    }
  });

  test('the time of an answer does not tell either (loosely: what costs the time was counted above)', async () => {
    await takesAsLong(srv, await person(srv), 15);
  });

  test('signing up with a taken address tells its owner, and nobody else', async () => {
    const p = await person(srv), stranger = await Client.guest(srv.url);
    await stranger.post('/v1/accounts', { email: p.email, password: 'another good password' });
    const mail = mailTo(srv, p.email);
    assert.deepEqual([mail.kind, mail.link], ['have_account', 'magic']);
    isProblem(await signIn(stranger, p.email, 'another good password'), 401, 'sign_in_wrong');
    const used = await useToken(await Client.guest(srv.url), mail.token);
    assert.deepEqual([used.json.kind, used.json.account], ['magic', p.account]);
  });

  test('links: asked for again, used once, the older ones die with the one that is used', async () => {
    const c = await Client.guest(srv.url), email = newAddress();
    await c.post('/v1/accounts', { email, password: good });
    const first = mailTo(srv, email).token;
    await visitor(srv).post('/v1/mails', { email, kind: 'confirm' });
    const second = mailTo(srv, email).token;
    assert.notEqual(second, first);
    const used = await Promise.all([useToken(visitor(srv), second, good), useToken(visitor(srv), second, good), useToken(c, second)]);
    assert.equal(used.filter(u => u.status === 200).length, 1, 'three at once');
    for (const [i, u] of used.entries()) assert.ok([200, 410, ...(i === 2 ? [401] : [])].includes(u.status), `${u.status}: the guest's session may have ended meanwhile`);
    isProblem(await useToken(visitor(srv), first), 410, 'token_over');
    for (const bad of ['x', 'A'.repeat(43), 'A'.repeat(128)]) isProblem(await useToken(visitor(srv), bad), 410, 'token_over');
    const stored = rows(srv, 'SELECT sha FROM login_token').map(r => r.sha);
    assert.ok(stored.includes(createHash('sha256').update(second).digest('hex')) && !stored.includes(second), 'only hashes are stored');
  });

  test('a link asked for again is that of one\'s own sign-up, also when a stranger signed up with the address later', async () => {
    const c = await Client.guest(srv.url), email = newAddress();
    await c.post('/v1/accounts', { email, password: good });
    await (await Client.guest(srv.url)).post('/v1/accounts', { email, password: 'the stranger knows it' });
    await c.post('/v1/mails', { email, kind: 'confirm' });
    const used = await useToken(c, mailTo(srv, email).token);
    assert.deepEqual([used.status, used.json.account], [200, c.account]);
    isProblem(await signIn(visitor(srv), email, 'the stranger knows it'), 401, 'sign_in_wrong');
  });

  test('links end with time', async t => {
    const s = await Clocked.start(t), c = await Client.guest(s.url), email = newAddress();
    await c.post('/v1/accounts', { email, password: good });
    const late = mailTo(s.server, email).token;
    await s.move(25 * 60 * MIN);
    isProblem(await useToken(visitor(s), late), 410, 'token_over');
  });

  test('a link that ends while its new password is being hashed is over', async t => {
    const s = await Clocked.start(t, { env: { ...many, ZOETROPE_AUTH_HASH_PASSES: String(90 * slow) } }), p = await person(s.server);
    await visitor(s).post('/v1/mails', { email: p.email, kind: 'reset' });
    const n = await hashes(s);
    let answer = null;
    const late = useToken(visitor(s), mailTo(s.server, p.email).token, 'a new good password').then(a => { answer = a; });
    await until(async () => await hashes(s) > n, 'the password is not being hashed');
    await s.move(61 * MIN);
    assert.equal(answer, null, 'it is still being hashed');
    await late;
    isProblem(answer, 410, 'token_over');
    assert.equal((await signIn(visitor(s), p.email, p.password)).status, 201, 'the old one stays');
  });

  test('a guest whose work is on its way to a person is signed in to no more', async t => {
    const dataDir = tempDir('zt-moving-');
    const s = await startServer(t, { dataDir, env: many }), g = await Client.guest(s.url), p = await person(s);
    const { token } = await g.post('/v1/me/link', {});
    const db = new DatabaseSync(join(dataDir, 'zoetrope.db'));        // as if the guest's sign-in fell between the look and the use
    db.exec(`INSERT INTO account_move (from_id, to_id, at_ms, next_ms) SELECT g.id, p.id, 0, 9e15 FROM account g, account p WHERE g.kind = 'guest' AND p.kind = 'person'`);
    db.close();
    isProblem(await useToken(visitor(s), token), 410, 'token_over');
    assert.ok(p.account);
  });

  test('reset: a new password, every session ended, the owner told', async () => {
    const p = await person(srv), other = await device(srv, p);
    await visitor(srv).post('/v1/mails', { email: p.email, kind: 'reset' });
    const { token } = mailTo(srv, p.email);
    isProblem(await useToken(visitor(srv), token), 400, 'bad_input');
    isProblem(await useToken(visitor(srv), token, 'qwertyuiop'), 422, 'password_weak');
    const used = await useToken(visitor(srv), token, 'a new good password');
    assert.deepEqual([used.status, used.json.kind, used.json.account], [200, 'reset', p.account]);
    for (const c of [p, other]) {
      isProblem(await me(srv.url, c.token), 401, 'unauthenticated');
      isProblem(await refresh(srv.url, c.refresh), 401, 'session_over');
    }
    assert.equal(mailTo(srv, p.email).kind, 'password');
    isProblem(await signIn(visitor(srv), p.email, p.password), 401, 'sign_in_wrong');
    assert.equal((await signIn(visitor(srv), p.email, 'a new good password')).status, 201);
  });

  test('changing the password needs the old one and ends the other sessions', async () => {
    const p = await person(srv), other = await device(srv, p);
    isProblem(await p.send('PUT', '/v1/me/password', { json: { old: 'not this one', new: 'a new good password' } }), 401, 'sign_in_wrong');
    isProblem(await p.send('PUT', '/v1/me/password', { json: { old: p.password, new: 'short' } }), 422, 'password_weak');
    assert.equal((await p.send('PUT', '/v1/me/password', { json: { old: p.password, new: 'a new good password' } })).status, 204);
    assert.equal((await me(srv.url, p.token)).status, 200, 'this one stays');
    isProblem(await me(srv.url, other.token), 401, 'unauthenticated');
    isProblem(await signIn(visitor(srv), p.email, p.password), 401, 'sign_in_wrong');
    isProblem(await (await Client.guest(srv.url)).send('PUT', '/v1/me/password', { json: { old: 'x', new: 'y' } }), 403, 'forbidden');
  });

  test('changing the password ends the links of before, too', async () => {
    const p = await person(srv), tokens = [(await p.post('/v1/me/link', {})).token];
    for (const kind of ['magic', 'reset']) {
      await visitor(srv).post('/v1/mails', { email: p.email, kind });
      tokens.push(mailTo(srv, p.email).token);
    }
    assert.equal((await p.send('PUT', '/v1/me/password', { json: { old: p.password, new: 'a new good password' } })).status, 204);
    for (const token of tokens) isProblem(await useToken(visitor(srv), token, 'the finder\'s own one'), 410, 'token_over');
    assert.equal((await useToken(visitor(srv), (await p.post('/v1/me/link', {})).token)).status, 200, 'a new one is');
  });

  test('a stolen token of a person: all ends, and a mail says so', async () => {
    const p = await person(srv), stolen = p.refresh;
    await p.renew();
    await p.renew();
    isProblem(await refresh(srv.url, stolen), 401, 'session_reused');
    assert.equal(mailTo(srv, p.email).kind, 'stolen');
    isProblem(await me(srv.url, p.token), 401, 'unauthenticated');
  });

  test('a person whose session ended is told so, not made a guest, as long as the cookie lives', async t => {
    const s = await Clocked.start(t), p = await person(s.server), phone = await device(s.server, p);
    const open = () => visitor(s).send('POST', '/v1/sessions', { json: {}, headers: { origin: s.url, cookie: `zt_refresh=${phone.refresh}` } });
    await p.delete(`/v1/sessions/${phone.session}`);
    isProblem(await open(), 401, 'session_over');
    await s.move(DAY);
    isProblem(await open(), 401, 'session_over');
    assert.deepEqual(rows(s.server, 'SELECT label, address FROM device WHERE ended_ms > 0').map(r => r.label + r.address), ['', ''], 'no more than that it was there');
  });

  test('devices: seen with a label and a coarse address, signed out one by one or all', async () => {
    const p = await person(srv);
    const phone = await device(srv, p, { 'user-agent': 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Mobile/15E148 Safari/604.1' });
    const evil = await device(srv, p, { 'user-agent': '<script>alert(1)</script>' });
    let { items } = await p.get('/v1/sessions');
    assert.deepEqual(items.map(i => [i.id, i.current, i.label, i.address]).sort(), [[p.session, true, 'Node.js', '127.0.0.0/24'],
      [phone.session, false, 'Safari on iPhone', '127.0.0.0/24'], [evil.session, false, 'Unknown device', '127.0.0.0/24']].sort());
    await p.delete(`/v1/sessions/${evil.session}`);
    isProblem(await me(srv.url, evil.token), 401, 'unauthenticated');
    isProblem(await p.send('DELETE', `/v1/sessions/${evil.session}`), 404, 'not_found');
    const stranger = await Client.guest(srv.url);
    isProblem(await stranger.send('DELETE', `/v1/sessions/${phone.session}`), 404, 'not_found');
    assert.equal((await me(srv.url, phone.token)).status, 200);
    assert.equal((await phone.send('POST', '/v1/sessions/end-all', { json: {} })).status, 204);
    for (const c of [p, phone]) isProblem(await me(srv.url, c.token), 401, 'unauthenticated');
  });

  test('one account has 32 devices at most', async () => {
    const p = await person(srv), first = await device(srv, p);
    await p.renew();
    for (let i = 0; i < 31; i++) await device(srv, p);
    assert.equal((await p.get('/v1/sessions')).items.length, 32);
    isProblem(await me(srv.url, first.token), 401, 'unauthenticated');
  });

  test('every sign-in begins a new session and ends the one it came with', async () => {
    const p = await person(srv), planted = await Client.guest(srv.url);
    const answer = await signIn(planted, p.email, p.password);
    assert.notEqual(answer.json.session, planted.session);
    isProblem(await me(srv.url, planted.token), 401, 'unauthenticated');
    isProblem(await refresh(srv.url, planted.refresh), 401, 'session_over');
    const again = await signIn(new Client(srv.url, answer.json.token), p.email, p.password);
    assert.notEqual(again.json.session, answer.json.session);
    isProblem(await me(srv.url, answer.json.token), 401, 'unauthenticated');
  });

  test('no address in a request leads anywhere', async () => {
    const p = await person(srv);
    for (const to of ['//evil.example', '/\\evil.example', 'https://evil.example']) {
      isProblem(await visitor(srv).send('POST', '/v1/sessions/password', { json: { email: p.email, password: p.password, next: to } }), 400, 'unknown_field');
      isProblem(await visitor(srv).send('POST', '/v1/tokens', { json: { token: 'x', redirect: to } }), 400, 'unknown_field');
      for (const path of [`/auth?next=${to}`, `/${to}`]) {
        const a = await visitor(srv).send('GET', path);
        assert.ok(a.status < 300 || a.status >= 400, `${path}: ${a.status}`);
        assert.equal(a.headers.get('location'), null);
      }
    }
    // nor does a Host header reach a mail
    await visitor(srv).send('POST', '/v1/mails', { json: { email: p.email, kind: 'magic' }, headers: { 'x-forwarded-host': 'evil.example' } });
    assert.doesNotMatch(mailTo(srv, p.email).plain, /evil/);
  });

  test('sign-in from a stranger\'s page is refused', async () => {
    const p = await person(srv);
    for (const [path, json] of [['/v1/sessions/password', { email: p.email, password: p.password }], ['/v1/accounts', { email: newAddress(), password: good }],
      ['/v1/tokens', { token: 'x' }], ['/v1/mails', { email: p.email, kind: 'magic' }]])
      for (const headers of [{ origin: 'https://evil.example' }, { 'sec-fetch-site': 'cross-site' }, { 'sec-fetch-site': 'same-site' }])
        isProblem(await visitor(srv).send('POST', path, { json, headers }), 403, 'forbidden');
  });

  test('hashes are made anew when the parameters change', async t => {
    const dataDir = tempDir('zt-rehash-');
    let s = await startServer(t, { dataDir, env: many });
    const p = await person(s), secret = () => rows({ dataDir }, 'SELECT secret FROM identity')[0].secret;
    assert.match(secret(), /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    await s.stop();
    s = await startServer(t, { dataDir, env: { ...many, ZOETROPE_AUTH_HASH_PASSES: '3' } });
    isProblem(await signIn(visitor(s), p.email, 'wrong password'), 401, 'sign_in_wrong');
    assert.match(secret(), /t=2,/);
    assert.equal((await signIn(visitor(s), p.email, p.password)).status, 201);
    assert.match(secret(), /t=3,/);
    assert.equal((await signIn(visitor(s), p.email, p.password)).status, 201);
  });

  test('an old and cheaper hash does not tell either who has an account', async t => {
    const dataDir = tempDir('zt-cheaper-');
    let s = await startServer(t, { dataDir, env: many });
    const p = await person(s);
    await s.stop();
    s = await startServer(t, { dataDir, env: { ...many, ZOETROPE_AUTH_HASH_PASSES: '16' } });
    await takesAsLong(s, p, 5);
  });

  describe('a password that changes while another request is about to act on it', () => {
    /** A server whose present hash is slow and whose next ones are not, a person of it, and a link to reset the password. */
    async function slowHash(t) {
      const dataDir = tempDir('zt-slow-'), fast = { ...many, ZOETROPE_AUTH_HASH_THREADS: '2' };
      let s = await startServer(t, { dataDir, env: { ...many, ZOETROPE_AUTH_HASH_PASSES: String(60 * slow) } });
      const p = await person(s);
      await s.stop();
      s = await startServer(t, { dataDir, env: fast });
      p.url = s.url;
      await visitor(s).post('/v1/mails', { email: p.email, kind: 'reset' });
      return { s, p, token: mailTo(s, p.email).token };
    }
    const next = 'a new good password';

    test('the old one signs nobody in afterwards, and does not come back', async t => {
      const { s, p, token } = await slowHash(t), n = await hashes(s);
      let late = null;
      const intruder = signIn(visitor(s), p.email, p.password).then(a => { late = a; });
      await until(async () => await hashes(s) > n, 'the password is not being proved');
      assert.equal((await useToken(visitor(s), token, next)).status, 200);
      assert.equal(late, null, 'the sign-in is still under way');
      await intruder;
      isProblem(late, 401, 'sign_in_wrong');
      assert.equal((await signIn(visitor(s), p.email, next)).status, 201);
      isProblem(await signIn(visitor(s), p.email, p.password), 401, 'sign_in_wrong');
    });

    test('nor does it change the new one, from a session that has ended', async t => {
      const { s, p, token } = await slowHash(t), n = await hashes(s);
      let late = null;
      const intruder = p.send('PUT', '/v1/me/password', { json: { old: p.password, new: 'the intruder\'s own' } }).then(a => { late = a; });
      await until(async () => await hashes(s) > n, 'the password is not being proved');
      assert.equal((await useToken(visitor(s), token, next)).status, 200);
      assert.equal(late, null, 'the change is still under way');
      await intruder;
      isProblem(late, 401, 'unauthenticated');
      assert.equal((await signIn(visitor(s), p.email, next)).status, 201);
    });
  });

  test('when too many wait for a hash, the next are told to come again; other routes go on', async t => {
    const s = await startServer(t, { env: { ...many, ZOETROPE_AUTH_HASH_QUEUE_MAX: '2', ZOETROPE_AUTH_HASH_PASSES: '20' } });
    const c = await Client.guest(s.url);
    const tries = Array.from({ length: 12 }, () => signIn(visitor(s), newAddress(), good));
    const first = await Promise.race(tries);
    isProblem(first, 503, 'busy');
    assert.ok(Number(first.headers.get('retry-after')) > 0);
    assert.equal((await me(s.url, c.token)).status, 200);
    const statuses = (await Promise.all(tries)).map(a => a.status);
    assert.ok(statuses.includes(401) && statuses.every(x => x === 401 || x === 503), String(statuses));
  });

  test('the profile', async () => {
    const c = await Client.guest(srv.url);
    const now = await c.patch('/v1/me', { name: '小明', lang: 'zh', region: 'CN' });
    assert.deepEqual([now.name, now.lang, now.region, now.kind, now.email, now.verified], ['小明', 'zh', 'CN', 'guest', null, false]);
    assert.deepEqual((await c.patch('/v1/me', { region: '' })).name, '小明');
    for (const json of [{ region: 'cn' }, { lang: 'fr' }, { name: 'x'.repeat(81) }]) isProblem(await c.send('PATCH', '/v1/me', { json }), 400, 'bad_input');
  });

  test('a link of the account\'s own signs another device in, once, while this session lives', async () => {
    const c = await Client.guest(srv.url);
    const link = await c.post('/v1/me/link', {});
    assert.equal(link.url, `${srv.url}/auth#magic=${link.token}`);
    const other = await useToken(visitor(srv), link.token);
    assert.deepEqual([other.status, other.json.account, other.json.account_kind], [200, c.account, 'guest']);
    isProblem(await useToken(visitor(srv), link.token), 410, 'token_over');
    const next = await c.post('/v1/me/link', {});
    await c.delete('/v1/sessions');
    isProblem(await useToken(visitor(srv), next.token), 410, 'token_over');
    const op = new Client(srv.url, srv.operatorToken());
    const used = await useToken(visitor(srv), (await op.post('/v1/me/link', {})).token);
    assert.equal(used.json.account_kind, 'operator');
    assert.equal((await new Client(srv.url, used.json.token).get('/v1/me')).operator, true);
  });

  test('the operator\'s pages end with the token that opened them, and with a sign-in there; the link lasts minutes', async t => {
    const s = await Clocked.start(t, { env: many }), op = new Client(s.url, s.server.operatorToken());
    const link = async () => (await op.post('/v1/me/link', {})).token;
    const late = await link();
    await s.move(11 * MIN);
    isProblem(await useToken(visitor(s), late), 410, 'token_over');
    const p = await person(s.server), pages = [visitor(s), visitor(s)];
    for (const c of pages) c.take((await useToken(c, await link())).json);
    assert.equal((await signIn(pages[0], p.email, p.password)).status, 201);
    isProblem(await me(s.url, pages[0].token), 401, 'unauthenticated');
    assert.equal((await me(s.url, pages[1].token)).status, 200);
    assert.equal((await signIn(op, p.email, p.password)).status, 201);
    assert.equal((await me(s.url, op.token)).status, 200, 'a program keeps its token');
    await op.delete('/v1/sessions');
    isProblem(await me(s.url, pages[1].token), 401, 'unauthenticated');
    isProblem(await refresh(s.url, pages[1].refresh), 401, 'session_over');
  });

  test('a link of somebody else\'s signs nobody in who does not say so: it names the account first, and is not used up', async () => {
    const p = await person(srv), first = p.email[0], masked = `${first}…@photos.example`, unasked = (c, token) => useToken(c, token, undefined, false);
    const asks = async (c, token, who) => assert.equal(isProblem(await unasked(c, token), 422, 'accept_asked').detail, who);
    await visitor(srv).post('/v1/mails', { email: p.email, kind: 'magic' });
    const sent = mailTo(srv, p.email).token, victim = await Client.guest(srv.url);
    await asks(victim, sent, masked);
    await asks(visitor(srv), sent, masked);
    await asks(await person(srv), sent, masked);
    assert.equal((await victim.get('/v1/me')).kind, 'guest', 'the victim is who it was');
    const { token } = await p.post('/v1/me/link', {}), guests = (await victim.post('/v1/me/link', {})).token;
    await asks(victim, token, masked);
    assert.equal((await unasked(p, token)).status, 200, 'in that account already');
    await asks(visitor(srv), guests, 'a guest');
    await asks(visitor(srv), (await new Client(srv.url, srv.operatorToken()).post('/v1/me/link', {})).token, 'the operator');
    assert.equal((await useToken(visitor(srv), sent)).json.account, p.account);
    await victim.post('/v1/mails', { email: p.email, kind: 'magic' });
    assert.equal((await unasked(victim, mailTo(srv, p.email).token)).json.account, p.account, 'the guest who asked for it');
  });

  test('who is signed out and asks for a link is known again by the browser that opens it', async () => {
    const p = await person(srv), ask = async email => (await visitor(srv).send('POST', '/v1/mails', { json: { email, kind: 'magic' } })).headers.getSetCookie();
    const [own, other] = [await ask(p.email), await ask(newAddress())], token = mailTo(srv, p.email).token;
    for (const cookies of [own, other]) {
      assert.equal(cookies.length, 1);
      assert.match(cookies[0], /^zt_asked=\d{13}-[\w-]{43}; Path=\/; Max-Age=3600; SameSite=Lax; HttpOnly$/, 'whether or not there is an account');
    }
    const open = cookie => visitor(srv).send('POST', '/v1/tokens', { json: { token }, headers: { origin: srv.url, cookie: cookie.split(';')[0] } });
    isProblem(await open(other[0]), 422, 'accept_asked');
    isProblem(await open('zt_asked='), 422, 'accept_asked');
    const [, when, mac] = /^zt_asked=(\d+)-([\w-]+)/.exec(own[0]);
    for (const at of [Number(when) - 1, Number(when) + 1, '']) isProblem(await open(`zt_asked=${at}-${mac}`), 422, 'accept_asked');
    const opened = await open(own[0]);
    assert.equal(opened.json.account, p.account);
    assert.ok(opened.headers.getSetCookie().some(c => c.startsWith('zt_asked=; Path=/; Max-Age=0;')), 'it is good for one link');
  });

  test('rates: sign-ins by address and account, mails by mailbox', async t => {
    const s = await startServer(t, { env: { ZOETROPE_AUTH_SIGN_INS_PER_HOUR: '9', ZOETROPE_AUTH_MAILS_PER_HOUR: '6' } });
    const email = newAddress(), statuses = [];
    const guest = await Client.guest(s.url), other = await Client.guest(s.url), signUp = async password => (await other.send('POST', '/v1/accounts', { json: { email: 'another@photos.example', password } })).status;
    for (const weak of ['1234567890', 'password123', 'short', 'qwertyuiop']) statuses.push(await signUp(weak));
    assert.deepEqual([...statuses.splice(0), await signUp(good)], [422, 422, 422, 422, 202], 'what is refused uses nothing up');
    for (let i = 0; i < 5; i++) statuses.push((await guest.send('POST', '/v1/mails', { json: { email, kind: 'magic' } })).status);
    assert.deepEqual(statuses, [202, 202, 202, 202, 429], 'two thirds at once');
    const refused = await visitor(s).send('POST', '/v1/accounts', { json: { email, password: good } });
    isProblem(refused, 429, 'rate_limited');
    assert.ok(Number(refused.headers.get('retry-after')) > 0);
    statuses.length = 0;
    for (let i = 0; i < 3; i++) statuses.push((await signIn(visitor(s), email, good)).status);
    assert.deepEqual(statuses, [401, 429, 429], 'one account: a third of the third');
    for (let i = 0; i < 4; i++) statuses.push((await signIn(visitor(s), newAddress(), good)).status);
    assert.equal(statuses.at(-1), 429, 'one address');
  });
});

test('no stranger keeps an owner from a link: mails are counted by who asks, too; a mailbox has its own end', async t => {
  const s = await startServer(t, { env: { ZOETROPE_AUTH_MAILS_PER_HOUR: '6' } }), email = newAddress();
  const ask = from => new Promise((done, fail) => {
    const body = JSON.stringify({ email, kind: 'reset' });
    request(`${s.url}/v1/mails`, { method: 'POST', localAddress: from, headers: { 'content-type': 'application/json', 'content-length': body.length } },
      answer => { answer.resume(); done(answer.statusCode); }).on('error', fail).end(body);
  });
  for (const want of [202, 202, 202, 202, 429, 429]) assert.equal(await ask('127.0.0.1'), want);
  for (let n = 0; n < 4; n++) assert.equal(await ask('127.0.0.2'), 202, 'from elsewhere');
  assert.equal(await ask('127.0.0.5'), 429, 'but not without end');
});

// ---- what moves with a person ----

const who = (asset, face = 0) => ({ asset: asset.id, face });
async function portrait(c, photo, { wait = true, candidates = 2, more = {} } = {}) {
  const quote = await c.quote({ people: [who(photo)], template: 'hall', candidates, ...more });
  const task = await c.buy(quote);
  return wait ? c.waitTask(task.id) : task;
}

describe('the work of a guest who signs in', () => {
  const env = { ZOETROPE_ENGINE_USE: 'fake', ZOETROPE_AUTH_SIGN_INS_PER_HOUR: '1000', ZOETROPE_AUTH_MAILS_PER_HOUR: '1000' };
  async function verify(dataDir) {
    const { stdout, code } = await runZoetrope(['verify', '--deep'], { env: { ZOETROPE_DATA: dataDir } });
    assert.equal(code, 0, stdout);
  }
  /** Everything the person can see. */
  async function sees(c) {
    const tasks = (await c.get('/v1/tasks')).items;
    for (const t of tasks)
      for (const k of t.candidates ?? []) assert.ok((await c.get(`/v1/assets/${k.asset}/content`)).length > 100);
    return tasks.map(t => t.id).sort();
  }

  test('moves: photos, tasks, pictures, uploads, consents, keys; no gift twice', async t => {
    const s = await startServer(t, { env });
    const p = await person(s);
    const same = await p.photo(ONE), mine = await portrait(p, same);
    const g = await Client.guest(s.url);
    const photo = await g.photo(ONE), other = await g.photo(FOUR);       // ONE: the same bytes as the person's own
    const task = await portrait(g, photo), key = 'a-key-of-the-guest';
    const quote = await g.quote({ people: [who(other)], template: 'hall', candidates: 1 });
    const upload = await g.upload(Buffer.from('half of it'), { name: 'rest.jpg' });
    const bought = await g.buy(await g.quote({ people: [who(other)], template: 'hall', candidates: 1 }), key);
    await g.waitTask(bought.id);
    const before = (await p.wallet()).available;
    const answer = await signIn(g, p.email, p.password);
    assert.deepEqual([answer.status, answer.json.account, answer.json.moving], [201, p.account, false]);
    g.take(answer.json);
    assert.deepEqual(await sees(g), [mine.id, task.id, bought.id].sort());
    assert.deepEqual(await sees(p), await sees(g), 'on the other device too');
    assert.ok((await g.get(`/v1/assets/${photo.id}/content`)).length > 1000);
    assert.equal((await g.get(`/v1/quotes/${quote.id}`)).id, quote.id);
    const head = await g.send('HEAD', `/v1/uploads/${upload}`, { headers: { 'tus-resumable': '1.0.0' } });
    assert.equal(head.headers.get('upload-offset'), '10');
    assert.equal((await g.get('/v1/me/consents')).items.length, 2, 'the guest\'s and the person\'s own');
    assert.deepEqual(await g.wallet(), { available: before, held: 0 }, 'welcome credits are given once');
    await g.pick(task.id, task.candidates[0].index);
    await verify(s.dataDir);
    await s.stop();                                    // at start what nobody names is swept: the old names
    const again = await startServer(t, { dataDir: s.dataDir, env });
    g.url = again.url;
    await sees(g);
    await verify(s.dataDir);
  });

  test('credits that were paid for move; gifts count as spent first', async t => {
    const dataDir = tempDir('zt-credits-');
    let s = await startServer(t, { env, dataDir });
    const p = await person(s), g = await Client.guest(s.url);
    await portrait(g, await g.photo(ONE));             // costs 20 of the 400
    await s.stop();
    const db = new DatabaseSync(join(dataDir, 'zoetrope.db'));        // as a purchase will write it
    const one = (sql, ...a) => Object.values(db.prepare(sql).get(...a))[0];
    const wallet = "ledger_account WHERE book = 'wallet' AND balance = 380";
    db.exec(`INSERT INTO ledger_tx VALUES (1, 'topup', 1, 1, '', 0);
      INSERT INTO ledger_lot SELECT 1, owner_id, 1, 70, 1, 70, 0, 0, 0, 0, '', 0, 0, 0, '', 1, 8640000000000000, lot_id, live_id FROM ${wallet};
      INSERT INTO ledger_entry SELECT last_id + 1, 1, 'grant', 0, 'issued', 0, owner_id, 'wallet', last_id, 70, 1 FROM ${wallet};
      UPDATE ledger_account SET balance = balance - 70 WHERE book = 'issued';
      UPDATE ledger_account SET balance = balance + 70, last_id = last_id + 1, lot_id = 1, live_id = 1 WHERE book = 'wallet' AND balance = 380`);
    assert.equal(one('SELECT SUM(balance) FROM ledger_account WHERE unit = ?', 'credit'), 0);
    db.close();
    s = await startServer(t, { env, dataDir });
    g.url = p.url = s.url;
    g.take((await signIn(g, p.email, p.password)).json);
    assert.deepEqual(await g.wallet(), { available: 470, held: 0 });
    const entries = (await g.get('/v1/wallet/entries')).items;
    assert.deepEqual([entries[0].kind, entries[0].credits], ['move', 70]);
    await verify(dataDir);
  });

  test('waits for the task under way', async t => {
    const s = await startServer(t, { env: { ...env, ZOETROPE_ENGINE_FAKE_SCRIPT: 'compose.delay=1500' } });
    const p = await person(s), g = await Client.guest(s.url), photo = await g.photo(ONE);
    const task = await portrait(g, photo, { wait: false });
    const answer = await signIn(g, p.email, p.password);
    g.take(answer.json);
    assert.deepEqual([answer.status, answer.json.moving], [201, true]);
    assert.deepEqual((await g.get('/v1/tasks')).items, [], 'not yet');
    assert.equal((await g.get('/v1/me')).moving, true);
    assert.deepEqual(await g.wallet(), { available: 400, held: 0 });
    await until(async () => (await g.get('/v1/tasks')).items.length, 'the task did not come');
    assert.equal((await g.get('/v1/me')).moving, false, 'although it is looked for what comes late');
    const done = await g.task(task.id);
    assert.deepEqual([done.state, done.candidates.length], ['choosing', 2]);
    await sees(g);
    await g.pick(task.id, done.candidates[0].index);
    await verify(s.dataDir);
  });

  test('is left to the keeper when it is much: nobody who signs in waits for hundreds of files', async t => {
    const s = await startServer(t, { env });
    const p = await person(s), g = await Client.guest(s.url), photo = await g.photo(ONE), tasks = [];
    for (let i = 0; i < 5; i++) tasks.push((await portrait(g, photo, { candidates: 4 })).id);
    assert.ok(rows(s, 'SELECT sha FROM asset').length > 32);
    const answer = await signIn(g, p.email, p.password);
    g.take(answer.json);
    assert.deepEqual([answer.status, answer.json.moving], [201, true]);
    await until(async () => (await g.get('/v1/tasks')).items.length, 'the tasks did not come');
    assert.deepEqual(await sees(g), tasks.sort());
    await verify(s.dataDir);
  });

  test('takes along what a request under way adds late', async t => {
    const s = await Clocked.start(t, { env });
    const p = await person(s.server), g = await Client.guest(s.url);
    const upload = await g.upload(readFileSync(FOUR)), old = g.token;
    const late = new Client(s.url, old).send('POST', '/v1/assets', { json: { upload, purpose: 'people', consent: true } });
    await until(async () => Number(/^zoetrope_media_running (\d+)/m.exec(await (await fetch(`${s.url}/metrics`)).text())[1]) > 0, 'the photo is not being looked at');
    g.take((await signIn(g, p.email, p.password)).json);
    isProblem(await me(s.url, old), 401, 'unauthenticated');
    const asset = (await late).json;
    assert.match(asset?.id ?? '', /^asset_/);
    await s.move(2 * MIN);
    await until(async () => (await g.send('GET', `/v1/assets/${asset.id}/content`)).status === 200, 'the photo did not come');
    await s.move(15 * MIN);
    await until(() => rows(s.server, 'SELECT COUNT(*) AS n FROM account_move')[0].n === 0, 'the move is not over');
    await verify(s.server.dataDir);
  });

  for (const point of ['blob.after_link', 'db.before_commit', 'db.after_commit'])
    test(`survives a death at ${point}`, async t => {
      const dataDir = tempDir('zt-move-'), spec = join(tempDir('zt-fp-'), 'spec');
      writeFileSync(spec, '');
      let s = await startServer(t, { dataDir, env: { ...env, ZOETROPE_FAILPOINT_FILE: spec } });
      const p = await person(s), g = await Client.guest(s.url);
      const task = await portrait(g, await g.photo(ONE));
      await s.stop();
      let died = 0;
      for (let hit = 0; hit < 12; hit++) {
        writeFileSync(spec, `${point}=kill:after=${hit}`);
        s = await startServer(null, { dataDir, env: { ...env, ZOETROPE_FAILPOINT_FILE: spec } }).catch(() => null);
        if (!s) continue;                              // it died while it made ready: nothing of ours yet
        g.url = p.url = s.url;
        const answer = await signIn(g, p.email, p.password).catch(() => null);
        const end = answer && await Promise.race([s.exited, until(() => rows(s, 'SELECT COUNT(*) AS n FROM task WHERE account_id = (SELECT account_id FROM identity)')[0].n > 0, '').then(() => null)]);
        died += !answer || !!end;
        await s.kill();
        await verify(dataDir);
        if (answer?.status === 201) break;
      }
      assert.ok(died > 0, 'it never died');
      writeFileSync(spec, '');
      s = await startServer(t, { dataDir, env });
      const c = visitor(s);
      c.take((await signIn(c, p.email, p.password)).json);
      await until(async () => (await sees(c)).includes(task.id), 'the work did not come');
      await s.stop();
      await verify(dataDir);
    });

  test('moves with a link to a new password that this guest asked for, and with a confirmation by the password of the sign-up', async t => {
    const s = await startServer(t, { env });
    const p = await person(s), g = await Client.guest(s.url), photo = await g.photo(ONE), was = g.token;
    await visitor(s).post('/v1/mails', { email: p.email, kind: 'reset' });
    const strange = await useToken(g, mailTo(s, p.email).token, 'a new good password');
    isProblem(await new Client(s.url, strange.json.token).send('GET', `/v1/assets/${photo.id}`), 404, 'not_found');
    assert.equal((await me(s.url, was)).status, 200, 'a link that somebody else asked for takes nothing along');
    await g.post('/v1/mails', { email: p.email, kind: 'reset' });
    g.take((await useToken(g, mailTo(s, p.email).token, 'another good password')).json);
    assert.equal((await g.get(`/v1/assets/${photo.id}`)).id, photo.id);
    isProblem(await me(s.url, was), 401, 'unauthenticated');

    for (const signer of [await Client.guest(s.url), visitor(s)]) {
      const other = await Client.guest(s.url), kept = await other.photo(ONE), before = other.token, email = newAddress();
      await signer.post('/v1/accounts', { email, password: good });
      other.take((await useToken(other, mailTo(s, email).token, good)).json);
      assert.equal((await other.get(`/v1/assets/${kept.id}`)).id, kept.id);
      isProblem(await me(s.url, before), 401, 'unauthenticated');
      assert.deepEqual(await other.wallet(), { available: 400, held: 0 }, 'welcome credits are given once');
    }
    await verify(s.dataDir);
  });

  test('stays when a link opens that this guest had not asked for; moves when it had', async t => {
    const s = await startServer(t, { env });
    const p = await person(s), g = await Client.guest(s.url), photo = await g.photo(ONE);
    await visitor(s).post('/v1/mails', { email: p.email, kind: 'magic' });           // a stranger's link, sent on to the guest
    const strange = await useToken(g, mailTo(s, p.email).token);
    assert.equal(strange.json.account, p.account);
    isProblem(await new Client(s.url, strange.json.token).send('GET', `/v1/assets/${photo.id}`), 404, 'not_found');
    assert.equal((await g.get(`/v1/assets/${photo.id}`)).id, photo.id, 'the guest has it still');
    await g.post('/v1/mails', { email: p.email, kind: 'magic' });
    g.take((await useToken(g, mailTo(s, p.email).token)).json);
    assert.equal((await g.get(`/v1/assets/${photo.id}`)).id, photo.id);
    assert.equal(g.account, p.account);
  });
});

test('consents: the words, their language, when, from which session; one comes with the first photo', async () => {
  const c = await Client.guest(server.url);
  await c.photo(ONE);
  await c.photo(FOUR);
  const [implied, ...none] = (await c.get('/v1/me/consents')).items;
  assert.deepEqual([implied.kind, implied.version, implied.lang, implied.session, none.length], ['faces', 'api', 'en', c.session, 0]);
  const made = await c.send('POST', '/v1/consents', { json: { kind: 'faces', version: '2026-11', lang: 'zh' } });
  assert.equal(made.status, 201);
  assert.deepEqual((await c.get('/v1/me/consents')).items[0], made.json);
  for (const json of [{ kind: 'all', version: '1', lang: 'en' }, { kind: 'faces', version: '', lang: 'en' }, { kind: 'faces', version: '1' }])
    isProblem(await c.send('POST', '/v1/consents', { json }), 400, 'bad_input');
});

test('the same words are agreed to once, and nobody fills the table', async t => {
  const s = await startServer(t, { env: { ZOETROPE_ENGINE_USE: 'fake', ZOETROPE_API_PHOTOS_PER_HOUR: '30' } });
  const c = await Client.guest(s.url), agree = json => c.send('POST', '/v1/consents', { json: { kind: 'faces', version: '1', lang: 'en', ...json } });
  const first = await agree(), again = await agree();
  assert.deepEqual([first.status, again.status], [201, 200]);
  assert.deepEqual(again.json, first.json, 'when it was, and from which session');
  assert.notEqual((await agree({ lang: 'zh' })).json.id, first.json.id);
  assert.notEqual((await agree({ version: '2' })).json.id, first.json.id);
  assert.equal((await c.get('/v1/me/consents')).items.length, 3);
  const statuses = [];
  for (let i = 0; i < 7; i++) statuses.push((await agree({ version: `v${i}` })).status);
  assert.deepEqual(statuses, [201, 201, 201, 201, 201, 201, 429]);
});

test('verify tells what is wrong with accounts', async t => {
  const dataDir = tempDir('zt-verify-');
  const s = await startServer(t, { dataDir, env: { ZOETROPE_ENGINE_USE: 'fake' } });
  const p = await person(s), g = await Client.guest(s.url);
  await g.photo(ONE);
  await s.stop();
  for (const [broken, mended, words] of [
    ["UPDATE identity SET account_id = account_id + 1", "UPDATE identity SET account_id = account_id - 1", [/is a person without a login/, /has a login and is no person/]],
    ["UPDATE account SET kind = 'gone' WHERE kind = 'guest'", "UPDATE account SET kind = 'guest' WHERE kind = 'gone'", [/is of no known kind/]],
    ["UPDATE asset SET account_id = 7", '', [/an asset of acct_0000000000007, which does not exist/]],
  ]) {
    const db = new DatabaseSync(join(dataDir, 'zoetrope.db'));
    db.exec('PRAGMA foreign_keys = OFF');
    db.exec(broken);
    const { stdout, code } = await runZoetrope(['verify'], { env: { ZOETROPE_DATA: dataDir } });
    assert.equal(code, 1);
    for (const w of words) assert.match(stdout, w);
    if (mended) db.exec(mended);
    db.close();
  }
  assert.ok(p.account);
});
