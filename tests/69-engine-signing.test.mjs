// 69-engine-signing.test.mjs - signatures beside the providers' own clients, unmodified, over random requests and messages: what we sign they sign
// alike, or believe; what they sign we believe, and nothing that was altered. The dice have a fixed seed; SEED=n is another.
import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { test } from 'node:test';
import aliyun from '@alicloud/openapi-util';
import volcengine from '@volcengine/openapi';
import { validateWebhook } from 'replicate';
import { Webhook } from 'standardwebhooks';
import tencentSign from 'tencentcloud-sdk-nodejs-common/tencentcloud/common/sign.js';
import { startTool } from './lib/tool.mjs';

const Aliyun = aliyun.default ?? aliyun, { Signer } = volcengine, { default: Tencent } = tencentSign;
const ROUNDS = 60, SEED = Number(process.env.SEED ?? 20261130);

// ---- dice: mulberry32 ----
function dice(seed) {
  const next = () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let x = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x;
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = n => Math.floor(next() * n), pick = list => list[below(list.length)];
  const text = (alphabet, min, max) => Array.from({ length: min + below(max - min + 1) }, () => pick(alphabet)).join('');
  return { below, pick, text, coin: () => next() < 0.5 };
}
const WORD = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'], NAME = [...WORD, '-', '_', '.'];
const ANY = [...NAME, ...' ~!*\'()+%/&=?#"\\:;,@$<>[]{}|^`\t\n\r', 'ü', '中', '文', '団', '\u00a0', '\u0000', '😀'];
const KEYISH = [...WORD, '+', '/', '='];

function request(d) {
  const query = {};
  for (let n = d.below(6); n > 0; n--) query[`p${d.text(NAME, 0, 6)}`] = d.text(ANY.filter(c => c !== '\0'), 0, 20);
  const now_ms = Date.UTC(2020 + d.below(30), d.below(12), 1 + d.below(28), d.below(24), d.below(60), d.below(60), d.below(1000));
  return { method: d.pick(['POST', 'GET', 'PUT']), host: `${d.text(WORD, 1, 8).toLowerCase()}.example.com`, path: d.pick(['/', '/', '/a/b', `/v1/${d.text(WORD, 1, 9)}`]), query,
    body: d.coin() ? JSON.stringify({ prompt: d.text(ANY.filter(c => c !== '\0'), 0, 60), seed: d.below(1e9) }) : '', content_type: d.pick(['application/json', 'application/json; charset=utf-8']),
    service: d.text(WORD, 1, 8).toLowerCase(), region: d.pick(['cn-north-1', 'ap-southeast-1']), action: d.text(WORD, 1, 20), version: '2022-08-31', key_id: d.text(WORD, 1, 40),
    secret: d.text(KEYISH, 1, 60), session: d.coin() ? d.text(KEYISH, 1, 300) : '', now_ms, nonce: d.text(NAME, 16, 36), wide: false };
}
const must = r => { assert.equal(r.ok, true, JSON.stringify(r)); return r; };
const sha256 = b => createHash('sha256').update(b).digest('hex');

/** `ours` and `theirs` of ROUNDS random requests are the same, and every part of them counts: the dice would not notice one that is left out. */
async function alike(t, scheme, change, theirs) {
  const tool = await startTool(t, 'src/engine/engine_tool'), d = dice(SEED), seen = new Set();
  for (let i = 0; i < ROUNDS; i++) {
    const q = { do: 'sign', scheme, ...request(d), ...change(d) }, ours = must(await tool.ask(q));
    await theirs(q, ours);
    seen.add(ours.form ?? ours.headers.Authorization);
  }
  assert.equal(seen.size, ROUNDS);
}

test('Volcengine: its own client signs every request as we do', t => alike(t, 'volcengine', () => ({}), (q, ours) => {
  const request = { region: q.region, method: q.method, pathname: q.path, params: { ...q.query, Action: q.action, Version: q.version }, body: q.body,
    headers: { Host: q.host, 'Content-Type': q.content_type, ...(q.body ? {} : { 'X-Content-Sha256': sha256('') }) } };
  const theirs = new Signer(request, q.service);
  theirs.addAuthorization({ accessKeyId: q.key_id, secretKey: q.secret, sessionToken: q.session }, new Date(q.now_ms));
  assert.deepEqual(ours.headers, request.headers);
  assert.equal(ours.canonical, theirs.canonicalString());
}));

test('Aliyun ACS3: its own client signs every request as we do', t => alike(t, 'acs3', () => ({}), (q, ours) => {
  const { Authorization, ...headers } = ours.headers, hash = sha256(q.body);
  assert.deepEqual(headers, { Host: q.host, 'Content-Type': q.content_type, 'x-acs-action': q.action, 'x-acs-version': q.version, 'x-acs-signature-nonce': q.nonce,
    'x-acs-date': new Date(q.now_ms).toISOString().replace(/\.\d+/, ''), 'x-acs-content-sha256': hash, ...(q.session && { 'x-acs-security-token': q.session }) });
  const theirs = Aliyun.getAuthorization({ method: q.method, pathname: q.path, query: q.query, headers }, 'ACS3-HMAC-SHA256', hash, q.key_id, q.secret);
  assert.equal(Authorization, theirs);
}));

test('Aliyun RPC: its own client signs every request as we do', t => alike(t, 'aliyun_rpc', d => ({ session: d.coin() ? d.text(KEYISH, 1, 300) : '' }), (q, ours) => {
  const { Signature, ...sent } = Object.fromEntries(new URLSearchParams(ours.form));
  assert.deepEqual(sent, { ...q.query, Format: 'JSON', AccessKeyId: q.key_id, Action: q.action, Version: q.version, RegionId: q.region, SignatureMethod: 'HMAC-SHA1',
    SignatureNonce: q.nonce, SignatureVersion: '1.0', Timestamp: new Date(q.now_ms).toISOString().replace(/\.\d+/, ''), ...(q.session && { SecurityToken: q.session }) });
  assert.equal(Signature, Aliyun.getRPCSignature(sent, q.method, q.secret));
}));

test('Tencent: its own client signs every request as we do', t => alike(t, 'tc3', d => ({ method: d.pick(['POST', 'GET']), path: '/' }), (q, ours) => {
  const theirs = Tencent.sign3({ method: q.method, url: `https://${q.host}${q.path}${ours.query ? '?' : ''}${ours.query}`, payload: q.body ? Buffer.from(q.body) : '', service: q.service,
    timestamp: Math.floor(q.now_ms / 1000), secretId: q.key_id, secretKey: q.secret, headers: { 'Content-Type': q.content_type } });
  assert.equal(ours.headers.Authorization, theirs);
  assert.deepEqual([...new URLSearchParams(ours.query)].sort(), Object.entries(q.query).sort());
  assert.deepEqual([ours.headers['X-TC-Action'], ours.headers['X-TC-Version'], ours.headers['X-TC-Region'], ours.headers['X-TC-Token'] ?? '', ours.headers['X-TC-Timestamp']],
    [q.action, q.version, q.region, q.session, String(Math.floor(q.now_ms / 1000))]);
}));

// ---- messages ----
const base64 = (d, n) => Buffer.from(Array.from({ length: n }, () => d.below(256))).toString('base64');
function message(d) {
  return { secret: `whsec_${base64(d, 24 + d.below(41))}`, id: `msg_${d.text(WORD, 1, 30)}`, seconds: Math.floor(Date.now() / 1000), body: JSON.stringify({ x: d.text(ANY, 0, 200) }) };
}
/** One character of s is another one. */
function altered(d, s) {
  const chars = [...s], at = d.below(chars.length);
  chars[at] = chars[at] === 'A' ? 'B' : 'A';
  return chars.join('');
}
const hear = (tool, m, signature, more = {}) => tool.ask({ do: 'hear', kind: 'webhook', secrets: [m.secret], now_ms: m.seconds * 1000,
  headers: { 'webhook-id': m.id, 'webhook-timestamp': String(m.seconds), 'webhook-signature': signature }, body: m.body, ...more });
async function refused(answer, words = /./) {
  const r = await answer;
  assert.deepEqual([r.ok, r.code], [false, 'engine_notice_forged'], JSON.stringify(r));
  assert.match(r.detail, words);
}

test('Standard Webhooks: what its own client signs we believe, and nothing that was altered', async t => {
  const tool = await startTool(t, 'src/engine/engine_tool'), d = dice(SEED);
  for (let i = 0; i < ROUNDS; i++) {
    const m = message(d), theirs = new Webhook(m.secret).sign(m.id, new Date(m.seconds * 1000), m.body);
    const r = must(await hear(tool, m, theirs));
    assert.deepEqual([r.message, r.sent_ms], [m.id, m.seconds * 1000]);
    const other = message(d), more = new Webhook(other.secret).sign(m.id, new Date(m.seconds * 1000), m.body);
    must(await hear(tool, m, `${more} v1a,${base64(d, 64)} ${theirs}`));
    must(await hear(tool, m, theirs, { secrets: [other.secret, m.secret] }));
    await refused(hear(tool, m, more), /no signature/);
    await refused(hear(tool, { ...m, body: altered(d, m.body) }, theirs), /no signature/);
    await refused(hear(tool, { ...m, id: `msg_${altered(d, m.id.slice(4))}` }, theirs), /no signature/);
    await refused(hear(tool, m, altered(d, theirs)), /no signature/);
    await refused(hear(tool, m, theirs, { now_ms: (m.seconds + 301) * 1000 }), /old message/);
    await refused(hear(tool, m, theirs, { now_ms: (m.seconds - 301) * 1000 }), /future/);
    await refused(hear(tool, { ...m, seconds: m.seconds + 1 }, theirs), /no signature/);
  }
});

test('Standard Webhooks: what we sign its own client and Replicate\'s believe', async t => {
  const tool = await startTool(t, 'src/engine/engine_tool'), d = dice(SEED);
  for (let i = 0; i < ROUNDS; i++) {
    const m = message(d), other = message(d), secrets = d.coin() ? [m.secret] : [other.secret, m.secret];
    const { signature } = must(await tool.ask({ do: 'sign_webhook', secrets, message: m.id, now_ms: m.seconds * 1000 + d.below(1000), body_base64: Buffer.from(m.body).toString('base64') }));
    const headers = { 'webhook-id': m.id, 'webhook-timestamp': String(m.seconds), 'webhook-signature': signature };
    assert.deepEqual(new Webhook(m.secret).verify(m.body, headers), JSON.parse(m.body));
    assert.equal(await validateWebhook({ headers, body: m.body }, m.secret), true);
    assert.equal(await validateWebhook({ headers, body: altered(d, m.body) }, m.secret), false);
    assert.throws(() => new Webhook(m.secret).verify(altered(d, m.body), headers), /No matching signature/);
    assert.throws(() => new Webhook(message(d).secret).verify(m.body, headers), /No matching signature/);
  }
});

// But for versions: it takes v9,… for v1,…; we do not.
test('Replicate: its client and we agree on what is genuine', async t => {
  const tool = await startTool(t, 'src/engine/engine_tool'), d = dice(SEED);
  for (let i = 0; i < ROUNDS; i++) {
    const m = message(d), right = new Webhook(m.secret).sign(m.id, new Date(m.seconds * 1000), m.body), wrong = `v1,${altered(d, right.slice(3))}`;
    for (const list of [right, wrong, `${wrong} ${right}`, `${right} ${wrong}`, `${wrong} ${wrong}`]) {
      const theirs = await validateWebhook({ id: m.id, timestamp: String(m.seconds), body: m.body, secret: m.secret, signature: list });
      assert.equal((await hear(tool, m, list)).ok, theirs, list);
    }
  }
});

// Neither fal nor EventBridge has a client that checks: Node's own cryptography signs as their documents say.
test('fal: messages signed by any key of the document are believed, and nothing that was altered', async t => {
  const tool = await startTool(t, 'src/engine/engine_tool'), d = dice(SEED);
  const pairs = Array.from({ length: 3 }, () => generateKeyPairSync('ed25519')), stranger = generateKeyPairSync('ed25519');
  const jwks = JSON.stringify({ keys: pairs.map(p => ({ ...p.publicKey.export({ format: 'jwk' }), use: 'sig' })) });
  for (let i = 0; i < ROUNDS; i++) {
    const body = JSON.stringify({ request_id: d.text(WORD, 1, 30), payload: d.text(ANY, 0, 100) }), id = d.text(NAME, 1, 36), user = d.text(NAME, 1, 20), at = 1768465800 + d.below(1e6);
    const made = key => sign(null, Buffer.from([id, user, at, sha256(body)].join('\n')), key).toString('hex');
    const ask = (signature, more = {}) => tool.ask({ do: 'hear', kind: 'fal', jwks, now_ms: at * 1000, body,
      headers: { 'X-Fal-Webhook-Request-Id': id, 'X-Fal-Webhook-User-Id': user, 'X-Fal-Webhook-Timestamp': String(at), 'X-Fal-Webhook-Signature': signature }, ...more });
    const right = made(d.pick(pairs).privateKey);
    assert.equal(must(await ask(right)).message, id);
    await refused(ask(made(stranger.privateKey)), /no key/);
    await refused(ask(right, { body: altered(d, body) }), /no key/);
    await refused(ask(right, { now_ms: (at + 301) * 1000 }), /old message/);
    await refused(ask(right, { headers: { 'X-Fal-Webhook-Request-Id': `${id}A`, 'X-Fal-Webhook-User-Id': user, 'X-Fal-Webhook-Timestamp': String(at), 'X-Fal-Webhook-Signature': right } }), /no key/);
  }
});

test('EventBridge: messages signed by the certificate\'s key are believed with our token, and nothing that was altered', async t => {
  const tool = await startTool(t, 'src/engine/engine_tool'), d = dice(SEED), { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 }), certificate = publicKey.export({ type: 'spki', format: 'pem' });
  for (let i = 0; i < ROUNDS; i++) {
    const at = 1768465800123 + d.below(1e9), token = d.text(NAME, 16, 40), target = `https://${d.text(WORD, 1, 9).toLowerCase()}.example.com/v1/hooks/dashscope?a=${d.text(WORD, 0, 9)}`;
    const body = JSON.stringify({ id: d.text(WORD, 1, 30), data: { task_id: d.text(ANY, 0, 50) } }), url = `https://${d.pick(['cn-beijing', 'ap-southeast-1'])}-eventbridge.oss-accelerate.aliyuncs.com/c.pem`;
    const headers = { 'x-eventbridge-signature-timestamp': String(at), 'x-eventbridge-hash-method': 'SHA256', 'x-eventbridge-signature-version': '1.0', 'x-eventbridge-signature-url': url,
      'x-eventbridge-signature-token': token };
    const made = (key, h = headers) => sign('sha256', Buffer.from([target, ...Object.entries(h).map(([k, v]) => `${k}: ${v}`), body].join('\n') + d.pick(['', '\n'])), key).toString('base64');
    const ask = (signature, more = {}) => tool.ask({ do: 'hear', kind: 'eventbridge', certificate, target, token, now_ms: at + 60_000, body, headers: { ...headers, 'x-eventbridge-signature-v2': signature }, ...more });
    const right = made(privateKey);
    assert.equal(must(await ask(right)).sent_ms, at);
    await refused(ask(made(stranger.privateKey)), /key did not/);
    await refused(ask(right, { body: altered(d, body) }), /key did not/);
    await refused(ask(right, { target: `${target}A` }), /key did not/);
    await refused(ask(right, { now_ms: at + 60_001 }), /old message/);
    await refused(ask(right, { token: altered(d, token) }), /token: not ours/);
    // theirs by signature, but ordered by somebody else
    for (const foreign of [altered(d, token), `${token}A`, token.slice(0, -1)].map(x => ({ ...headers, 'x-eventbridge-signature-token': x })))
      await refused(ask('', { headers: { ...foreign, 'x-eventbridge-signature-v2': made(privateKey, foreign) } }), /token: not ours/);
    const elsewhere = { ...headers, 'x-eventbridge-signature-url': 'https://evil.example/c.pem' };
    await refused(ask('', { headers: { ...elsewhere, 'x-eventbridge-signature-v2': made(privateKey, elsewhere) } }), /not where EventBridge/);
  }
});
