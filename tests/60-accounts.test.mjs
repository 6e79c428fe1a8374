// 60-accounts.test.mjs - sessions and accounts: tokens that turn, thefts, devices, sign-up, sign-in, links, and what moves with a person.
import assert from 'node:assert/strict';
import { createHash, createPublicKey, createSign, generateKeyPairSync } from 'node:crypto';
import { rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test } from 'node:test';
import { Client } from './lib/client.mjs';
import { isProblem } from './lib/expect.mjs';
import { runZoetrope, startServer, tempDir, within } from './lib/server.mjs';

const MIN = 60_000, DAY = 24 * 60 * MIN;
const slow = Number(process.env.ZOETROPE_SLOW ?? 1);

/** A server whose clock can be moved. */
class Clocked {
  static async start(t, { env = {}, dataDir } = {}) {
    const c = new Clocked();
    c.file = join(tempDir('zt-clock-'), 'offset');
    c.offset = 0;
    writeFileSync(c.file, '0');
    t?.after(() => rmSync(join(c.file, '..'), { recursive: true, force: true }));
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
async function until(holds, why, ms = 20_000 * slow) {
  const end = Date.now() + ms;
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
    t.after(() => rmSync(dataDir, { recursive: true, force: true }));
    let s = await startServer(t, { dataDir });
    const stays = await Client.guest(s.url), ends = await Client.guest(s.url);
    await ends.delete('/v1/sessions');
    await s.kill();
    s = await startServer(t, { dataDir });
    assert.equal((await me(s.url, stays.token)).status, 200);
    isProblem(await me(s.url, ends.token), 401, 'unauthenticated');
    await s.kill();
    rmSync(join(dataDir, 'master.key'));
    s = await startServer(t, { dataDir });
    isProblem(await me(s.url, stays.token), 401, 'unauthenticated');
    isProblem(await refresh(s.url, stays.refresh), 401, 'session_over');
    assert.ok(s.log.some(l => l.ev === 'auth.key_lost'), 'the operator is told');
  });
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

  test('the one before is good for 10 seconds after the change, for an access token and no more', async t => {
    const s = await Clocked.start(t);
    const c = await Client.guest(s.url);
    const before = c.refresh;
    await c.renew();
    await s.move(4000);
    const again = await refresh(s.url, before);
    assert.deepEqual([again.status, again.json.refresh, again.json.session], [200, null, c.session]);
    assert.equal((await me(s.url, again.json.token)).status, 200);
    assert.deepEqual(again.headers.getSetCookie().map(x => x.split('=')[0]), ['zt_access']);
    await s.move(MIN);
    isProblem(await refresh(s.url, before), 401, 'session_reused');
    isProblem(await refresh(s.url, c.refresh), 401, 'session_over');
  });

  test('two tabs that refresh at once both go on', async () => {
    const c = await Client.guest(server.url);
    const answers = await Promise.all(Array.from({ length: 8 }, () => refresh(server.url, c.refresh)));
    assert.deepEqual(answers.map(a => a.status), Array(8).fill(200));
    assert.equal(answers.filter(a => a.json.refresh).length, 1, 'one of them turned it');
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
