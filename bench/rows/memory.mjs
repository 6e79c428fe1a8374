// memory.mjs - bytes a connection that says nothing holds, bytes of a server that does nothing, bytes that uploads take on their way.
// Counted is the memory of the processes, not what the kernel keeps for sockets: that is the same on every side.
import { writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { idle } from '../lib/load.mjs';
import { memory, tree } from '../lib/proc.mjs';
import { Client, nginx, tusServer, zoetrope } from '../lib/servers.mjs';
import { until } from '../lib/rig.mjs';

const MB = 1 << 20;
const sum = (pids, what) => pids.reduce((n, pid) => n + (memory(pid)[what] || 0), 0);
/** The processes that hold connections: nginx's workers; of ours not the picture helper, whose memory moves by itself. */
const holders = server => (server.server ? [server.server.pid] : server.pids.flatMap(tree));

/** Bytes that each of n connections adds to a server that was just started. */
async function perConnection(start, path, n) {
  const server = await start();
  try {
    await (await idle(server.port, 50, path)).close();        // code and tables that the first requests bring in
    const before = sum(holders(server), 'pss'), crowd = await idle(server.port, n, path);
    const grown = sum(holders(server), 'pss') - before, told = await crowd.close();
    if (told.errors || told.bad_status || told.served !== n) throw new Error(`${server.name}: ${JSON.stringify(told)}`);
    return grown / n;
  } finally {
    await server.stop();
  }
}

const ours = () => zoetrope({ args: ['--engine.use=fake', '--net.idle_ms=10m'] });
const theirs = () => nginx({ files: { 'catalogue.json': '{}' } });

async function connections(ctx) {
  for (let i = 0; i < ctx.rounds; i++) {
    for (const n of [1000, 10_000]) {
      const row = `idle-connection-${n}`;
      if (ctx.wants(row)) ctx.add(row, 'ours', await perConnection(ours, '/v1/recipes', n));
    }
    if (ctx.wants('idle-connection-nginx')) {
      ctx.add('idle-connection-nginx', 'ours', await perConnection(ours, '/v1/recipes', 10_000));
      ctx.add('idle-connection-nginx', 'theirs', await perConnection(theirs, '/catalogue.json', 10_000));
    }
  }
}

/** The server alone, and what its picture helper holds with all models loaded. */
async function resting(ctx) {
  for (let i = 0; i < ctx.rounds; i++) {
    const server = await zoetrope();
    try {
      await until(async () => (await fetch(`${server.url}/readyz`)).ok, 'the picture helper');
      const own = memory(server.server.pid), all = sum(server.pids.flatMap(tree), 'pss');
      ctx.add('idle-rss', 'ours', own.rss / MB);
      ctx.add('idle-helper-pss', 'ours', (all - own.pss) / MB);
    } finally {
      await server.stop();
    }
  }
}

/** One request with a body of so many bytes, made as it is sent; resolves with the answer's status and headers. */
function send(agent, port, method, path, headers, bytes) {
  const part = Buffer.alloc(256 * 1024, 0x5a);
  return new Promise((good, bad) => {
    const q = request({ agent, host: '127.0.0.1', port, method, path, headers: { ...headers, 'content-length': bytes } }, a => {
      a.resume().on('end', () => good({ status: a.statusCode, headers: a.headers }));
    }).on('error', bad);
    let left = bytes;
    const more = () => {
      while (left > 0) {
        const n = Math.min(left, part.length);
        left -= n;
        if (!q.write(n === part.length ? part : part.subarray(0, n))) return;
      }
      q.end();
    };
    q.on('drain', more);
    more();
  });
}

/** Highest growth of resident memory while `side by side` uploads of so many bytes each run, by tus 1.0. */
async function uploadPeak(server, path, headers, sideBySide, bytes) {
  const agent = new Agent({ keepAlive: false }), tus = { 'tus-resumable': '1.0.0', ...headers };
  const one = async size => {
    const made = await send(agent, server.port, 'POST', path, { ...tus, 'upload-length': size }, 0);
    if (made.status !== 201) throw new Error(`${server.name}: POST ${made.status}`);
    const at = new URL(made.headers.location, `http://127.0.0.1:${server.port}`).pathname;
    const sent = await send(agent, server.port, 'PATCH', at, { ...tus, 'upload-offset': '0', 'content-type': 'application/offset+octet-stream' }, size);
    if (sent.status !== 204) throw new Error(`${server.name}: PATCH ${sent.status}`);
  };
  await one(MB);                                              // code that the first upload brings in
  const before = memory(server.pids[0]).rss, began = performance.now();
  writeFileSync(`/proc/${server.pids[0]}/clear_refs`, '5');   // forget the peak so far
  await Promise.all(Array.from({ length: sideBySide }, () => one(bytes)));
  return { grown: memory(server.pids[0]).peak - before, seconds: (performance.now() - began) / 1000 };
}

async function uploads(ctx) {
  const sideBySide = 4, bytes = (ctx.quick ? 64 : 256) * MB;
  for (let i = 0; i < Math.min(ctx.rounds, 3); i++) {
    const mine = await zoetrope({ args: ['--engine.use=fake', '--upload.account_bytes_max=16G'] });
    try {
      const client = await Client.guest(mine.url);
      const m = await uploadPeak(mine, '/v1/uploads', { authorization: `Bearer ${client.token}` }, sideBySide, bytes);
      for (const row of ['upload-memory', 'upload-memory-tus']) ctx.add(row, 'ours', m.grown / MB, { mb_s: sideBySide * bytes / MB / m.seconds });
    } finally {
      await mine.stop();
      mine.server.forget();
    }
    if (!ctx.wants('upload-memory-tus')) continue;
    const tus = await tusServer();
    try {
      const m = await uploadPeak(tus, '/files', {}, sideBySide, bytes);
      ctx.add('upload-memory-tus', 'theirs', m.grown / MB, { mb_s: sideBySide * bytes / MB / m.seconds });
    } finally {
      await tus.stop();
    }
  }
}

export const groups = [
  { rows: ['idle-connection-1000', 'idle-connection-10000', 'idle-connection-nginx'], run: connections },
  { rows: ['idle-rss', 'idle-helper-pss'], run: resting },
  { rows: ['upload-memory', 'upload-memory-tus'], run: uploads },
];
