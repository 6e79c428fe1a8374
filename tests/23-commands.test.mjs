// 23-commands.test.mjs - the program as its operator uses it: commands, settings, exit codes, signals.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Client } from './lib/client.mjs';
import { ONE } from './lib/expect.mjs';
import { binary, PATIENCE_MS, root, runZoetrope, startServer, tempDir, within } from './lib/server.mjs';

const folder = t => {
  const dir = tempDir('zt-cmd-');
  return dir;
};

test('help and version', async () => {
  const help = await runZoetrope(['--help']);
  assert.equal(help.code, 0);
  for (const command of ['serve', 'verify', 'doctor', 'migrate', 'settings', 'version']) {
    assert.match(help.stdout, new RegExp(`^  ${command} `, 'm'));
    const own = await runZoetrope([command, '--help']);
    assert.equal(own.code, 0);
    assert.match(own.stdout, new RegExp(`usage: zoetrope ${command}`));
  }
  assert.match((await runZoetrope(['version'])).stdout, /^zoetrope \d+\.\d+\.\d+\n$/);
});

test('wrong commands, flags and settings end with 2 and say where', async t => {
  const dir = folder(t);
  mkdirSync(join(dir, 'empty'));
  writeFileSync(join(dir, 'bad.yaml'), 'net:\n  idle_ms: 5s\n  speed: 9\n');
  writeFileSync(join(dir, 'url.yaml'), '# users see\npublic_url: photos.example\n');
  for (const [args, env, said] of [
    [[], {}, /usage/], [['fly'], {}, /no command "fly"/], [['serve', '--fly=1'], {}, /fly/], [['serve', 'now'], {}, /"now"/], [['serve', '--deep'], {}, /deep/],
    [['serve', '--net.idle_ms=soon'], {}, /--net\.idle_ms/], [['serve'], { ZOETROPE_NET_IDLE_MS: '-1' }, /ZOETROPE_NET_IDLE_MS/],
    [['serve', `--config=${join(dir, 'bad.yaml')}`], {}, /bad\.yaml:3/], [['serve', '--role=worker'], {}, /worker.*all/], [['serve', '--log.level=loud'], {}, /log\.level/],
    [['serve', `--products=${join(dir, 'empty')}`], {}, /no product/], [['serve', '--listen=nowhere'], {}, /listen.*"nowhere"/],
    [['serve', `--config=${join(dir, 'url.yaml')}`], {}, /url\.yaml:2: "photos\.example" must begin with http/],
    ...['ftp://a', 'HTTPS://a', '//a', 'a:80'].map(url => [['serve', `--public_url=${url}`], {}, /--public_url: .* must begin with http/]),
    ...['https://a/sub/', 'https://a/?x', 'https://a?x=1', 'https://a#x', 'http://a//'].map(url => [['serve', `--public_url=${url}`], {}, /--public_url: .* must end behind the host/]),
    ...['https://', 'https:///', 'http://a b', 'http://u@a', 'http://-a', 'http://[::1', 'http://[]', 'https://:80', 'http://a"b'].map(url => [['serve', `--public_url=${url}`], {}, /--public_url: .* names no host/]),
    ...['http://a:', 'http://a:0', 'http://a:65536', 'http://a:8x'].map(url => [['serve', `--public_url=${url}`], {}, /--public_url: .* has no port/]),
    [['serve', `--public_url=https://${'a'.repeat(193)}`], {}, /--public_url/],
    [['serve'], { ZOETROPE_NET_TRUSTED_PROXIES: 'everybody' }, /ZOETROPE_NET_TRUSTED_PROXIES: /],
    [['serve', '--nope'], {}, /--nope: there is no such setting; did you mean --node\?/], [['serve', '--xyzzy'], {}, /--xyzzy: there is no such setting; `zoetrope settings`/], [['serve', '--lisen=127.0.0.1:0'], {}, /--lisen: .*did you mean --listen\?/],
    [['serve', '--net.idlems', '5s'], {}, /did you mean --net\.idle_ms\?/], [['serve', '--data'], {}, /--data: needs a value/],
  ]) {
    const { code, stderr } = await runZoetrope(args, { env: { ZOETROPE_DATA: join(dir, 'data'), ...env } });
    assert.equal(code, 2, `${args}: ${stderr}`);
    assert.match(stderr, said);
    assert.equal(existsSync(join(dir, 'data')), false, `${args}: no trace`);
  }
});

test('zoetrope.example.yaml is what the program prints, and loads', async t => {
  const { stdout } = await runZoetrope(['settings']);
  assert.equal(readFileSync(join(root, 'zoetrope.example.yaml'), 'utf8'), stdout, 'run: build/zoetrope settings > zoetrope.example.yaml');
  const { code, stderr } = await runZoetrope(['version', `--config=${join(root, 'zoetrope.example.yaml')}`]);
  assert.equal(code, 0, stderr);
});

test('an address of users that is one is taken; https is then all there is', async t => {
  for (const url of ['https://photos.example', 'http://photos.example:8080/', 'https://[::1]:443', `https://${'a'.repeat(192)}`]) {
    const server = await startServer(t, { env: { ZOETROPE_PUBLIC_URL: url } }), { port } = await server.waitLog(l => l.ev === 'server.started');
    for (const path of ['/healthz', '/v1/me', '/', '/nowhere'])
      assert.equal((await fetch(`http://127.0.0.1:${port}${path}`)).headers.get('strict-transport-security'), url.startsWith('https') ? 'max-age=31536000' : null, url + path);
  }
});

test('with no settings but a folder it serves, keeps its secrets to itself, and ends with 0 on both signals', async t => {
  const dataDir = join(folder(t), 'deep');
  for (const signal of ['SIGTERM', 'SIGINT']) {
    const server = await startServer(t, { dataDir });
    assert.equal(statSync(dataDir).mode & 0o777, 0o700);
    assert.equal(statSync(join(dataDir, 'operator.token')).mode & 0o777, 0o600);
    assert.deepEqual(await server.stop(signal), { code: 0, signal: null });
  }
});

test('a second signal ends it at once', async t => {
  const server = await startServer(t, { env: { ZOETROPE_ENGINE_USE: 'fake', ZOETROPE_ENGINE_FAKE_SCRIPT: 'delay=600000', ZOETROPE_NET_DRAIN_MS: '10m' } });
  const c = await Client.guest(server.url), photo = await c.photo(ONE);
  await c.buy(await c.quote({ people: [{ asset: photo.id, face: 0 }], template: 'hall' }));
  const hanging = await fetch(`${server.url}/v1/uploads`, { method: 'POST', headers: { authorization: `Bearer ${c.token}`, 'tus-resumable': '1.0.0', 'upload-length': '100' } });
  assert.equal(hanging.status, 201);
  server.proc.kill('SIGTERM');
  await server.waitLog(l => l.ev === 'server.stopping');
  server.proc.kill('SIGTERM');
  const { code } = await within(PATIENCE_MS, server.exited);
  assert.ok(code === 143 || code === 0, String(code));         // 0: it was quicker than we
});

test('one folder has one server; verify and doctor look at it beside', async t => {
  const server = await startServer(t, { env: { ZOETROPE_ENGINE_USE: 'fake' } }), env = { ZOETROPE_DATA: server.dataDir, ZOETROPE_LISTEN: '127.0.0.1:0' };
  const c = await Client.guest(server.url), photo = await c.photo(ONE);
  const task = await c.buy(await c.quote({ people: [{ asset: photo.id, face: 0 }], template: 'hall' }));
  const second = await runZoetrope(['serve'], { env });
  assert.equal(second.code, 3, second.stderr);
  assert.match(second.stderr, new RegExp(`running server.*${server.pid}`));
  const verify = await runZoetrope(['verify', '--deep'], { env });
  assert.deepEqual([verify.code, verify.stdout], [0, 'verified: nothing is wrong\n'], verify.stderr);
  const doctor = await runZoetrope(['doctor'], { env });
  assert.match(doctor.stdout, /^OK {4}database/m, doctor.stdout);
  assert.match(doctor.stdout, /^OK {4}models/m);
  assert.equal(doctor.code, 0, doctor.stdout);
  await c.waitTask(task.id);
});

test('the demo beside a running server says what to do and leaves the last pictures alone', async t => {
  const server = await startServer(t), out = folder(t);
  writeFileSync(join(out, 'pick.jpg'), 'the last one');
  const proc = spawn(process.execPath, [join(root, 'tools/demo.mjs'), `--out=${out}`],
    { env: { PATH: process.env.PATH, ZOETROPE_BIN: binary(), ZOETROPE_DATA: server.dataDir }, stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => proc.kill('SIGKILL'));
  let said = '';
  proc.stdout.on('data', d => { said += d; });
  const [code] = await within(PATIENCE_MS, once(proc, 'close'));
  assert.equal(code, 3, said);
  assert.ok(said.includes(server.dataDir) && /stop it/.test(said) && /ZOETROPE_DATA=/.test(said), said);
  assert.doesNotMatch(said, /"ev"|not json|at .*\.mjs/, 'no log, no stack');
  assert.equal(readFileSync(join(out, 'pick.jpg'), 'utf8'), 'the last one');
});

test('verify tells what is missing', async t => {
  const dataDir = folder(t), server = await startServer(t, { dataDir }), env = { ZOETROPE_DATA: dataDir };
  await (await Client.guest(server.url)).photo(ONE);
  await server.stop();
  const stored = readdirSync(join(dataDir, 'blob'), { recursive: true, withFileTypes: true }).filter(e => e.isFile()).map(e => join(e.parentPath, e.name));
  assert.equal(stored.length, 3);
  const bytes = readFileSync(stored[0]);
  bytes[10] ^= 1;
  rmSync(stored[0]);
  writeFileSync(stored[0], bytes);                              // the size is right, the hash is not
  assert.equal((await runZoetrope(['verify'], { env })).code, 0);
  const deep = await runZoetrope(['verify', '--deep'], { env });
  assert.equal(deep.code, 1, deep.stdout);
  rmSync(stored[1]);
  const gone = await runZoetrope(['verify'], { env });
  assert.equal(gone.code, 1);
  assert.match(gone.stdout, /^blob: /m);
  assert.match(gone.stdout, /1 problem\(s\) found/);
});

test('verify of a folder that is not there, or has no database, says so and makes nothing', async t => {
  const dir = folder(t);
  for (const data of [join(dir, 'gone'), dir]) {
    const { code, stderr } = await runZoetrope(['verify'], { env: { ZOETROPE_DATA: data } });
    assert.equal(code, 1);
    assert.match(stderr, data === dir ? /^zoetrope: verify: .*database/ : /^zoetrope: verify: there is no data folder .*gone/);
    assert.deepEqual(readdirSync(dir), []);
  }
});

test('an empty folder is well, a file that is no database is named, an address in use is named with the way out', async t => {
  const data = join(folder(t), 'data'), env = { ZOETROPE_DATA: data, ZOETROPE_LISTEN: '127.0.0.1:0' };
  mkdirSync(data);
  const empty = await runZoetrope(['doctor'], { env, ms: 90_000 });
  assert.match(empty.stdout, /^OK {4}database {3}there is no database in .+ yet/m);
  assert.equal(empty.code, 0, empty.stdout);
  const server = await startServer(t), taken = await runZoetrope(['serve'], { env: { ...env, ZOETROPE_LISTEN: server.host } });
  assert.equal(taken.code, 1);
  assert.match(taken.stderr, new RegExp(`cannot listen on 127\\.0\\.0\\.1 port ${server.port}: Address already in use; .*--listen=`));
  rmSync(data, { recursive: true });
  mkdirSync(data);
  writeFileSync(join(data, 'zoetrope.db'), 'this is a letter to grandmother, and no database at all');
  const junk = await runZoetrope(['serve'], { env });
  assert.equal(junk.code, 1);
  assert.match(junk.stderr, /zoetrope\.db: file is not a database/);
});

test('doctor finds what is broken', async t => {
  const dir = folder(t), data = join(dir, 'data');
  mkdirSync(data);
  writeFileSync(join(data, 'zoetrope.db'), 'this is not a database, and long enough to be looked at'.repeat(200));
  const { code, stdout } = await runZoetrope(['doctor'], { env: { ZOETROPE_DATA: data, ZOETROPE_MEDIA_HELPER: '/nonexistent', ZOETROPE_SHARE: dir, ZOETROPE_PUBLIC_URL: 'photos.example' }, ms: 90_000 });
  assert.equal(code, 1, stdout);
  for (const what of ['settings', 'studio', 'pictures']) assert.match(stdout, new RegExp(`^FAIL {2}${what}`, 'm'), stdout);
});

test('it drains: requests under way are answered, new ones are not taken', async t => {
  const server = await startServer(t), c = await Client.guest(server.url);
  const slow = c.photo(ONE);                                    // some hundred milliseconds in the picture process
  await server.waitLog(l => l.ev === 'http.request' && l.method === 'PATCH');
  const stopped = server.stop();
  const photo = await slow.catch(e => e);
  assert.ok(photo.ok === true || /fetch failed|503/.test(String(photo)), String(photo));
  assert.equal((await stopped).code, 0);
  await assert.rejects(fetch(`${server.url}/healthz`));
});

test('when it says that it is ready, so does /readyz; else it says why not', async t => {
  const server = await startServer(t);
  assert.equal((await fetch(`${server.url}/readyz`)).status, 200);
  const lame = await startServer(t, { env: { ZOETROPE_MEDIA_HELPER: '/nonexistent' } });
  assert.equal((await fetch(`${lame.url}/readyz`)).status, 503);
  assert.match(lame.said[1], /^It takes no work yet: the picture process does not start/);
});

test('stdout has where it is, where mails are, where the token of the operator is, and nothing else', async t => {
  const proc = spawn(binary(), ['serve'], { env: { PATH: process.env.PATH, ZOETROPE_LISTEN: '127.0.0.1:0', ZOETROPE_DATA: folder(t) } });
  t.after(() => proc.kill('SIGKILL'));
  const out = [];
  const ready = new Promise(found => proc.stdout.on('data', d => {
    out.push(d);
    if (String(Buffer.concat(out)).includes('operator.token')) found();
  }));
  await within(PATIENCE_MS, ready);
  assert.match(String(Buffer.concat(out)), /^zoetrope is ready: http:\/\/127\.0\.0\.1:\d+\/ {2}\(data in .+; Ctrl-C ends it\)\nMails are kept, .+ \/admin\/mails\nThe operator's token was written to .+\/operator\.token\n$/);
});
