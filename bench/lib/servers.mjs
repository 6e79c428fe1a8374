// servers.mjs - everything that is measured as a server: us and our peers, each with what it makes durable and what not.
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { built, folder, freePort, node, Proc, python, root, run, until, unprivileged } from './rig.mjs';

process.env.ZOETROPE_BIN = built('zoetrope');
const { startServer } = await import('../../tests/lib/server.mjs');
export const { Client } = await import('../../tests/lib/client.mjs');

const peer = name => join(root, 'bench/peers', name);
const answers = port => until(async () => (await fetch(`http://127.0.0.1:${port}/`)).status > 0, `port ${port}`);

/** Our server as it is shipped: durable writes, sandbox, limits; but no limit of connections per address and no access log. */
export async function zoetrope({ args = [], name = 'data' } = {}) {
  const server = await startServer(null, { dataDir: folder(name), args: ['--net.conns_per_ip_max=0', '--log.level=warn', ...args] });
  return { name: 'zoetrope', port: server.port, url: server.url, pids: [server.pid], server, dataDir: server.dataDir, stop: () => server.stop() };
}

/** Products with one recipe of one step, so that a task is as small as a queue's job: made of ours, nothing else differs. */
export function smallestProduct() {
  const to = join(folder('products'), 'products'), recipe = join(to, 'reunion/recipes/family-portrait.yaml');
  cpSync(join(root, 'products'), to, { recursive: true });
  const text = readFileSync(recipe, 'utf8');
  const small = text.replace(/^steps:\n(?: +- .*\n)+/m, 'steps:\n  - { op: compose, state: running, per: candidate }\n').replace(/\bmin: 2, reruns/, 'min: 1, reruns');
  if (small.split('{ op:').length !== 2 || !small.includes('min: 1, reruns')) throw new Error('the recipe looks different now: see smallestProduct()');
  writeFileSync(recipe, small);
  return to;
}

/** nginx, one worker a core, sendfile and open_file_cache on, no access log. files: { 'name': bytes } under /; returns: { '/path': text }. */
export async function nginx({ files = {}, returns = {} } = {}) {
  const dir = folder('nginx'), port = await freePort();
  mkdirSync(join(dir, 'www'));
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(dir, 'www', name), bytes);
  for (const [path, text] of Object.entries(returns)) if (/['\\$]/.test(path + text)) throw new Error('nginx would read that otherwise');
  writeFileSync(join(dir, 'nginx.conf'), `
    daemon off; worker_processes auto; pid ${dir}/pid; error_log ${dir}/error.log; worker_rlimit_nofile 40000;
    events { worker_connections 20000; }
    http {
      access_log off; sendfile on; tcp_nopush on; keepalive_timeout 3600s; keepalive_requests 1000000000;
      open_file_cache max=1000 inactive=60s; open_file_cache_valid 60s;
      client_body_temp_path ${dir}/b; proxy_temp_path ${dir}/p; fastcgi_temp_path ${dir}/f; uwsgi_temp_path ${dir}/u; scgi_temp_path ${dir}/s;
      types { application/json json; image/png png; image/jpeg jpg; }
      server {
        listen 127.0.0.1:${port} backlog=4096 reuseport; root ${dir}/www; add_header Cache-Control "public, max-age=60";
        ${Object.entries(returns).map(([path, text]) => `location = ${path} { default_type application/json; return 200 '${text}'; }`).join('\n')}
      }
    }`);
  const p = new Proc('nginx', 'nginx', ['-c', join(dir, 'nginx.conf'), '-e', join(dir, 'error.log'), '-p', dir], unprivileged(dir));
  await answers(port);
  return { name: 'nginx', port, pids: [p.pid], stop: () => p.stop('SIGQUIT') };
}

export async function fastify(catalogue, database) {
  const p = new Proc('fastify', node, [peer('fastify.mjs'), catalogue, database], { env: { NODE_ENV: 'production' } });
  const [, port] = await p.line(/^ready (\d+)$/);
  return { name: 'fastify', port: Number(port), pids: [p.pid], stop: () => p.stop() };
}

export async function fastapi(catalogue, database) {
  const port = await freePort();
  const p = new Proc('fastapi', python, [peer('fastapi_app.py'), catalogue, database, String(port)]);
  await answers(port);
  return { name: 'fastapi', port, pids: [p.pid], stop: () => p.stop() };
}

/** @tus/server; nothing is fsynced. */
export async function tusServer() {
  const p = new Proc('@tus/server', node, [peer('tus.mjs'), folder('tus')], { env: { NODE_ENV: 'production' } });
  const [, port] = await p.line(/^ready (\d+)$/);
  return { name: '@tus/server', port: Number(port), pids: [p.pid], stop: () => p.stop() };
}

/** Redis that answers a write when it is on the disk: appendonly yes, appendfsync always. */
export async function redis() {
  const port = await freePort();
  const p = new Proc('redis', 'redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder('redis'), '--appendonly', 'yes', '--appendfsync', 'always', '--save', '', '--maxmemory-policy', 'noeviction']);
  await p.line(/Ready to accept connections/);
  return { name: 'redis', port, pids: [p.pid], stop: () => p.stop() };
}

/** PostgreSQL 15 with its defaults, so fsync and synchronous_commit are on; in a folder of its own, as an account without rights. */
export async function postgres() {
  const dir = folder('pg'), port = await freePort(), bin = '/usr/lib/postgresql/15/bin';
  const who = unprivileged(dir);
  await run(join(bin, 'initdb'), ['-D', join(dir, 'db'), '-U', 'bench', '--auth=trust', '-E', 'UTF8', '--locale=C'], who);
  const p = new Proc('postgres', join(bin, 'postgres'), ['-D', join(dir, 'db'), '-k', dir, '-c', 'listen_addresses=127.0.0.1', '-p', String(port),
    '-c', 'fsync=on', '-c', 'synchronous_commit=on', '-c', 'max_connections=100', '-c', 'shared_buffers=256MB'], who);
  await until(() => run(join(bin, 'pg_isready'), ['-h', '127.0.0.1', '-p', String(port)]).then(() => true), 'PostgreSQL');
  return { name: 'postgres', port, socket: dir, pids: [p.pid], url: `postgres://bench@127.0.0.1:${port}/postgres`, stop: () => p.stop('SIGINT') };
}

/** Our HTTP server with handlers of a known cost and topics of WebSockets (src/net/testserver.c). */
export async function testServer(...args) {
  const p = new Proc('testserver', built('src/net/testserver'), ['--listen=127.0.0.1:0', '--net.conns_per_ip_max=0', ...args]);
  const [, port] = await p.line(/ready: http:\/\/[^:]+:(\d+)\//);
  return { name: 'testserver', port: Number(port), url: `http://127.0.0.1:${port}`, pids: [p.pid], stop: () => p.stop() };
}

export async function npmWs() {
  const p = new Proc('npm ws', node, [peer('ws.mjs')], { env: { NODE_ENV: 'production' } });
  const [, port] = await p.line(/^ready (\d+)$/);
  return { name: 'npm ws', port: Number(port), pids: [p.pid], stop: () => p.stop() };
}
