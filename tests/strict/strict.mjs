// strict.mjs - sends every case of cases.mjs, with a good request behind it as a probe, to our server and to nginx, and compares.
//
//   strict.mjs [--server zoetrope|testserver] [--no-nginx] [--only WORDS] [--out FILE]
//
// A case to be refused is well when there was exactly one answer, 4xx or 505, and the server closed: so the probe was not read.
// A case to be accepted is well when it was answered by neither, and the probe behind it as well. nginx is the control: its answers are
// written down beside ours; what it must accept proves that the cases to be accepted are good HTTP.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { startServer, root, within } from '../lib/server.mjs';
import { startTestServer } from '../lib/testserver.mjs';
import { accept, refuse } from './cases.mjs';

const PLACES = {
  zoetrope: { GET: '/healthz', POST: '/v1/sessions' },
  testserver: { GET: '/hello', POST: '/echo' },
};
const CLOSE_MS = 3000, QUIET_MS = 400, AT_ONCE = 8;

/** Writes bytes, gathers what comes until the other side closes, or has said nothing for `quiet` ms when that is given. */
function exchange(to, bytes, quiet) {
  return new Promise(done => {
    const socket = connect({ ...to, allowHalfOpen: true }), parts = [];
    let timer;
    const end = closed => {
      clearTimeout(timer);
      socket.destroy();
      done({ text: Buffer.concat(parts).toString('latin1'), closed });
    };
    const wait = ms => { clearTimeout(timer); timer = setTimeout(() => end(false), ms); };
    socket.on('error', () => end(true));
    socket.on('end', () => end(true));
    socket.on('connect', () => socket.write(Buffer.from(bytes, 'latin1')));
    socket.on('data', d => { parts.push(d); if (quiet) wait(quiet); });
    wait(CLOSE_MS);
  });
}

/** The final statuses in the order of the answers. head: the first answers a HEAD. */
function statuses(text, head) {
  const found = [];
  while (text) {
    const m = /^HTTP\/1\.[01] (\d{3})/.exec(text), end = text.indexOf('\r\n\r\n');
    if (!m || end < 0) { found.push('rubbish'); break; }
    const status = Number(m[1]), fields = text.slice(0, end), length = /\r\ncontent-length: *(\d+)/i.exec(fields);
    let n = length ? Number(length[1]) : 0;
    if (/\r\ntransfer-encoding: *chunked/i.test(fields)) n = text.indexOf('0\r\n\r\n', end + 4) + 5 - (end + 4);
    if ((head && found.length === 0) || status < 200 || status === 204 || status === 304) n = 0;
    if (status >= 200) found.push(status);
    text = text.slice(end + 4 + n);
  }
  return found;
}

const fill = (bytes, places) => bytes.replaceAll('{GET}', places.GET).replaceAll('{POST}', places.POST)
  .replace(/\{GET\{LAST%\}/, places.GET.slice(0, -1) + '%' + places.GET.charCodeAt(places.GET.length - 1).toString(16));

async function ask(to, [, , bytes, options = {}], places, quiet) {
  const sent = fill(bytes, places) + (options.more ?? '') + `GET ${places.GET} HTTP/1.1\r\nHost: test\r\nX-Probe: yes\r\n\r\n`;
  const { text, closed } = await exchange(to, sent, quiet);
  return { sent, statuses: statuses(text, options.head), closed, text };
}

function judgeRefusal({ statuses: s, closed }, { status } = {}) {
  const good = x => (status ? status.includes(x) : (x >= 400 && x < 500 && x !== 408) || x === 505);
  return s.length === 1 && good(s[0]) && closed;
}
const REFUSALS = [400, 405, 408, 411, 413, 414, 417, 431, 501, 505];
function judgeAccept({ statuses: s, closed }, { closes } = {}) {
  const good = x => typeof x === 'number' && !REFUSALS.includes(x) && x < 500;
  return closes ? s.length === 1 && good(s[0]) && closed : s.length === 2 && good(s[0]) && s[1] === 200;
}

async function startNginx(dir) {
  const socket = join(dir, 'nginx.sock'), conf = join(dir, 'nginx.conf');
  writeFileSync(conf, `daemon off; master_process off; pid ${dir}/pid; error_log ${dir}/error.log; worker_processes 1;
    events { worker_connections 256; }
    http { access_log off; client_body_temp_path ${dir}/b; proxy_temp_path ${dir}/p; fastcgi_temp_path ${dir}/f; uwsgi_temp_path ${dir}/u;
      scgi_temp_path ${dir}/s; keepalive_timeout 5s; server { listen unix:${socket}; location / { return 200 "ok"; } } }\n`);
  const bin = ['/usr/sbin/nginx', '/usr/bin/nginx'].find(existsSync);
  if (!bin) throw new Error('nginx is not installed (Debian package nginx-light); --no-nginx goes without the control');
  const proc = spawn(bin, ['-p', dir, '-c', conf], { stdio: 'ignore' });
  const version = /nginx\/(\S+)/.exec(spawnSync(bin, ['-v'], { encoding: 'utf8' }).stderr)?.[1];
  await within(5000, (async () => {
    while ((await exchange({ path: socket }, 'GET / HTTP/1.0\r\n\r\n', 0)).text === '') await new Promise(setImmediate);
  })(), () => 'nginx does not answer');
  return { proc, version, to: { path: socket } };
}

async function all(jobs) {
  const results = [];
  const worker = async () => { for (let i; (i = results.length) < jobs.length;) { results.push(null); results[i] = await jobs[i](); } };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return results;
}

async function main() {
  const { values: flags } = parseArgs({ options: { server: { type: 'string' }, 'no-nginx': { type: 'boolean' }, only: { type: 'string' },
    out: { type: 'string', default: join(root, 'out/strict.json') } } });
  const kind = flags.server ?? (existsSync(join(root, 'build/release/zoetrope')) ? 'zoetrope' : 'testserver');
  if (!PLACES[kind]) throw new Error(`no such server: ${kind}`);
  const server = kind === 'zoetrope' ? await startServer(null) : await startTestServer(null);
  const dir = mkdtempSync(join(tmpdir(), 'zt-strict-'));
  let nginx = null;
  try {
    if (!flags['no-nginx']) nginx = await startNginx(dir);
    const to = { host: '127.0.0.1', port: server.port };
    const job = (c, isRefusal) => async () => {
      const [name, rfc, , options] = c;
      const ours = await ask(to, c, PLACES[kind], isRefusal || options?.closes ? 0 : QUIET_MS);
      const theirs = nginx && await ask(nginx.to, c, { GET: '/healthz', POST: '/v1/sessions' }, QUIET_MS);
      return { case: name, rfc, must: isRefusal ? 'refuse' : 'accept', sent: ours.sent, answer: ours.text.slice(0, 2000), statuses: ours.statuses, closed: ours.closed,
        ok: (isRefusal ? judgeRefusal : judgeAccept)(ours, options),
        nginx: theirs && { statuses: theirs.statuses, closed: theirs.closed, refused: judgeRefusal(theirs), accepted: judgeAccept(theirs, options) } };
    };
    const wanted = c => !flags.only || c[0].includes(flags.only);
    const results = await all([...refuse.filter(wanted).map(c => job(c, true)), ...accept.filter(wanted).map(c => job(c, false))]);
    return report(kind, nginx, results, flags.out);
  } finally {
    await server.stop?.().catch(() => {});
    server.proc.kill('SIGKILL');
    server.forget?.();
    nginx?.proc.kill('SIGTERM');
    if (nginx) await within(5000, once(nginx.proc, 'exit'));
    rmSync(dir, { recursive: true, force: true });
  }
}

function report(kind, nginx, results, out) {
  mkdirSync(dirname(out), { recursive: true });
  writeFileSync(out, JSON.stringify(results, null, 1) + '\n');
  const refusals = results.filter(r => r.must === 'refuse'), controls = results.filter(r => r.must === 'accept'), bad = results.filter(r => !r.ok);
  for (const r of bad) console.log(`not ok: must ${r.must}: ${r.case} (${r.rfc}): ${r.statuses} ${r.closed ? 'closed' : 'open'}`);
  const twice = refusals.filter(r => r.statuses.length > 1).length;
  console.log(`strict: ${kind}: ${refusals.filter(r => r.ok).length} of ${refusals.length} malformed requests refused and closed, ${twice} read as two;` +
    ` ${controls.filter(r => r.ok).length} of ${controls.length} good ones accepted`);
  let broken = false;
  if (nginx) {
    const read = refusals.filter(r => r.nginx.statuses.length > 1).length;
    console.log(`strict: nginx ${nginx.version}, the control: refuses and closes ${refusals.filter(r => r.nginx.refused).length}, answers the probe` +
      ` behind ${read}; accepts ${controls.filter(r => r.nginx.accepted).length} of ${controls.length}`);
    broken = controls.filter(r => r.nginx.accepted).length < controls.length / 2;
    if (broken) console.log('not ok: nginx refuses most of the good requests, so the run proves nothing');
  }
  return bad.length === 0 && !broken && refusals.length + controls.length > 0;
}

process.exit(await main().catch(e => { console.error(`strict: ${e.message}`); return false; }) ? 0 : 1);
