// 61-mail.test.mjs - mails through somebody else's SMTP server (aiosmtpd): STARTTLS, sign-in, answers of every kind, broken connections.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, test } from 'node:test';
import { Client } from './lib/client.mjs';
import { PATIENCE_MS, root, runZoetrope, startServer, tempDir, within } from './lib/server.mjs';

let dir, smtp;
const tests = join(root, 'tests');

/** The SMTP server, and what it saw. */
class Smtp {
  seen = [];
  #waiting = [];
  static async start(cert, key) {
    const s = new Smtp();
    s.proc = spawn('/usr/bin/python3', [join(tests, 'lib/smtp.py'), cert, key, 'us', 'secret of ours'], { stdio: ['pipe', 'pipe', 'inherit'] });
    createInterface({ input: s.proc.stdout }).on('line', line => {
      s.seen.push(JSON.parse(line));
      s.#waiting = s.#waiting.filter(w => !w());
    });
    s.port = (await s.wait(e => e.port)).port;
    return s;
  }
  /** The n-th event (from 1) for which test is true. */
  wait(is, n = 1) {
    return within(PATIENCE_MS, new Promise(found => {
      const look = () => { const all = this.seen.filter(is); return all.length >= n && (found(all[n - 1]), true); };
      if (!look()) this.#waiting.push(look);
    }), () => `the SMTP server saw only ${JSON.stringify(this.seen.map(e => ({ ...e, text: undefined })))}`);
  }
  async plan(...what) {
    const before = this.seen.filter(e => e.ev === 'planned').length;
    for (const w of what) this.proc.stdin.write(w + '\n');
    await this.wait(e => e.ev === 'planned', before + what.length);
  }
  /** All that came for somebody by now: what it printed before the answer to our knock is here. */
  async messages(to) {
    const before = this.seen.filter(e => e.ev === 'here').length;
    this.proc.stdin.write('knock\n');
    await this.wait(e => e.ev === 'here', before + 1);
    return this.seen.filter(e => e.ev === 'message' && e.to[0] === to);
  }
}

before(async () => {
  dir = tempDir('zt-smtp-');
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', join(dir, 'key.pem'), '-out', join(dir, 'cert.pem'),
    '-days', '30', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'], { stdio: 'ignore' });
  smtp = await Smtp.start(join(dir, 'cert.pem'), join(dir, 'key.pem'));
});
after(() => smtp?.proc.kill());

const start = (t, env = {}) => startServer(t, { env: { ZOETROPE_SMTP_URL: `smtp://localhost:${smtp.port}`, ZOETROPE_SMTP_CA_FILE: join(dir, 'cert.pem'),
  ZOETROPE_SMTP_USER: 'us', ZOETROPE_SMTP_PASSWORD: 'secret of ours', ZOETROPE_SMTP_FROM: 'noreply@photos.example', ZOETROPE_SMTP_RETRY_MS: '50ms',
  ZOETROPE_AUTH_MAILS_PER_HOUR: '1000', ...env } });
let n = 0;
async function signUp(server) {
  const email = `somebody${++n}@photos.example`;
  await new Client(server.url).post('/v1/accounts', { email, password: 'correct horse battery staple', lang: 'zh' });
  return email;
}
function row(server, to) {
  const db = new DatabaseSync(join(server.dataDir, 'zoetrope.db'), { readOnly: true });
  try { return db.prepare('SELECT state, tries, error, plain, html FROM mail WHERE to_addr = ?').get(to); } finally { db.close(); }
}
const ended = (server, ev = 'mail.sent') => server.waitLog(l => l.ev === ev);
/** Both parts of a message, decoded. */
function parts(text) {
  const [head, ...rest] = text.split('\r\n\r\n');
  const boundary = /boundary="([^"]+)"/.exec(head)[1];
  return { head, parts: text.split(`--${boundary}`).slice(1, -1).map(p => Buffer.from(p.split('\r\n\r\n')[1], 'base64').toString()), rest };
}
const unfold = head => head.replace(/\r\n /g, ' ');
const words = s => s.replace(/=\?UTF-8\?B\?([^?]*)\?=\s*/g, (_, b) => Buffer.from(b, 'base64').toString());

test('a mail goes out encrypted and signed in, in both forms, and its text is forgotten', async t => {
  const server = await start(t), to = await signUp(server);
  await ended(server);
  const [m, ...more] = await smtp.messages(to);
  assert.equal(more.length, 0);
  assert.deepEqual([m.tls, m.user, m.sender, m.to], [true, 'us', 'noreply@photos.example', [to]]);
  const { head, parts: [plain, html] } = parts(m.text);
  assert.match(words(unfold(head)), /Subject: 请验证您在团圆照相馆的邮箱/);
  assert.match(words(unfold(head)), /From: 团圆照相馆 ?<noreply@photos\.example>/);
  assert.match(head, /Date: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+0000\r\n/);
  const link = new RegExp(`${server.url}/auth#confirm=([\\w-]{43})`).exec(plain);
  assert.ok(link && html.includes(link[0]) && html.includes('#a8322a'));
  assert.deepEqual({ ...row(server, to) }, { state: 'sent', tries: 1, error: '', plain: '', html: '' });
  assert.equal((await new Client(server.url).send('POST', '/v1/tokens', { json: { token: link[1], password: 'correct horse battery staple' } })).status, 200);
  for (const line of m.text.split('\r\n')) assert.ok(line.length <= 78 && /^[\x20-\x7e\t]*$/.test(line));
});

test('4xx: tried again until it is taken, always as the same message', async t => {
  const server = await start(t);
  await smtp.plan('451', '451');
  const to = await signUp(server);
  await ended(server);
  const all = await smtp.messages(to);
  assert.deepEqual(all.map(m => m.plan), ['451', '451', 'ok']);
  assert.equal(new Set(all.map(m => /Message-ID: (\S+)/.exec(m.text)[1])).size, 1);
  assert.equal(row(server, to).tries, 3);
  assert.ok(server.log.some(l => l.ev === 'mail.retrying'));
});

test('5xx: given up at once, with a line in the log', async t => {
  const server = await start(t);
  await smtp.plan('550');
  const to = await signUp(server);
  await ended(server, 'mail.failed');
  const { state, tries, error } = row(server, to);
  assert.deepEqual([state, tries], ['failed', 1]);
  assert.match(error, /550/);
  assert.equal((await smtp.messages(to)).length, 1);
});

test('a connection that breaks in DATA: sent again; one that breaks behind it: outcome unknown, sent again as the same message', async t => {
  const server = await start(t);
  await smtp.plan('cut', 'lost');
  const to = await signUp(server);
  await ended(server);
  const all = await smtp.messages(to);
  assert.deepEqual(all.map(m => m.plan), ['lost', 'ok']);
  assert.equal(new Set(all.map(m => /Message-ID: (\S+)/.exec(m.text)[1])).size, 1);
  assert.equal(row(server, to).tries, 3);
  assert.ok(server.log.some(l => l.ev === 'mail.unknown'), 'said so');
});

test('it gives up after the last try', async t => {
  const server = await start(t, { ZOETROPE_SMTP_TRIES_MAX: '3' });
  await smtp.plan('451', '451', '451');
  const to = await signUp(server);
  const failed = await ended(server, 'mail.failed');
  assert.equal(failed.tries, 3);
  assert.equal(row(server, to).state, 'failed');
});

test('a wrong password of ours, a certificate nobody knows: nothing is lost, nothing goes out', async t => {
  for (const env of [{ ZOETROPE_SMTP_PASSWORD: 'wrong' }, { ZOETROPE_SMTP_CA_FILE: '' }]) {
    const server = await start(t, env), to = await signUp(server);
    await ended(server, 'mail.retrying');
    assert.equal(row(server, to).state, 'queued');
    assert.equal((await smtp.messages(to)).length, 0);
    await server.stop();
  }
});

test('mails survive kill -9: written with their cause, sent by the next start', async t => {
  const dataDir = tempDir('zt-mail-');
  const env = { ZOETROPE_SMTP_URL: 'smtp://localhost:1', ZOETROPE_SMTP_RETRY_MS: '10ms' };
  let server = await startServer(t, { dataDir, env });
  const to = await signUp(server);
  await ended(server, 'mail.retrying');
  await server.kill();
  server = await startServer(t, { dataDir, env: { ...env, ZOETROPE_SMTP_URL: `smtp://localhost:${smtp.port}`, ZOETROPE_SMTP_CA_FILE: join(dir, 'cert.pem'),
    ZOETROPE_SMTP_USER: 'us', ZOETROPE_SMTP_PASSWORD: 'secret of ours' } });
  await ended(server);
  assert.equal((await smtp.messages(to)).length, 1);
});

test('to nobody goes nothing', async t => {
  const server = await start(t);
  await new Client(server.url).post('/v1/mails', { email: 'nobody@photos.example', kind: 'magic' });
  const to = await signUp(server);
  await smtp.wait(e => e.ev === 'message' && e.to[0] === to);
  assert.equal((await smtp.messages('nobody@photos.example')).length, 0);
  assert.equal(row(server, 'nobody@photos.example').state, 'void');
});

test('a password in smtp.url is refused at the start, and not said again: the operator can read that setting', async () => {
  const { code, stderr } = await runZoetrope(['serve'], { env: { ZOETROPE_DATA: tempDir('zt-smtp-url-'), ZOETROPE_LISTEN: '127.0.0.1:0', ZOETROPE_SMTP_URL: 'smtp://us:hunter2@localhost:1' } });
  assert.equal(code, 2);
  assert.match(stderr, /smtp\.user/);
  assert.doesNotMatch(stderr, /hunter2/);
});
