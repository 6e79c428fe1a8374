// slow.mjs - slowhttptest (Debian) in each of its modes with 5,000 connections against the real server, and a client beside it that is in no hurry:
// for how long the slow ones hold their connections, and what the other one notices.
//
// held: from when a connection was accepted until it was gone, the longest, by the server's own counts four times a second; those that were
// accepted first are taken to go first. A connection that slowhttptest itself gives up counts, too, so that its time (25 s) is the most.
import { flood, request } from '../lib/load.mjs';
import { folder, Proc, until } from '../lib/rig.mjs';
import { zoetrope } from '../lib/servers.mjs';
import { longestHeld } from '../lib/stats.mjs';

const SECONDS = 25, EVERY_MS = 250;
const modes = {
  heads: { flags: ['-H', '-i', '3', '-x', '24'] },
  bodies: { flags: ['-B', '-i', '3', '-s', '8192', '-x', '10', '-t', 'POST'], path: '/v1/sessions' },
  ranges: { flags: ['-R', '-a', '10', '-b', '3000'] },
  reading: { flags: ['-X', '-w', '512', '-y', '1024', '-n', '1', '-z', '32', '-k', '3'] },
};

async function measure({ flags, path }, conns) {
  const server = await zoetrope({ args: ['--engine.use=fake'] });
  try {
    const page = await (await fetch(server.url)).text();
    const sizes = await Promise.all([...new Set(page.match(/\/static\/[\w.-]+/g))].map(async p => [(await (await fetch(server.url + p)).arrayBuffer()).byteLength, p]));
    const beside = flood(server.port, 20, { page: request('GET', '/'), ready: request('GET', '/readyz') }, [[SECONDS + 5, 50, 10]]);
    const samples = [], began = performance.now();
    const look = async () => {
      const m = await (await fetch(`${server.url}/metrics`)).text(), value = name => Number(new RegExp(`^zoetrope_${name} (\\d+)`, 'm').exec(m)[1]);
      return [(performance.now() - began) / 1000, value('http_connections_total'), value('http_connections')];
    };
    await until(async () => (await look())[2] >= 21, 'the client beside it');
    const [, before, there] = await look();
    let more = true;
    const watch = (async () => {
      for (; more; await new Promise(f => setTimeout(f, EVERY_MS))) {
        const [at, opened, open] = await look();
        samples.push([at, opened - before, open - there]);
      }
    })();
    const slow = new Proc('slowhttptest', 'slowhttptest', ['-c', String(conns), '-r', '2000', '-l', String(SECONDS), '-p', '5', ...flags, '-u', server.url + (path ?? sizes.sort((a, b) => b[0] - a[0])[0][1])],
      { cwd: folder('slow') });
    const code = await slow.exited;
    const x = await beside;
    more = false;
    await watch;
    const opened = samples.at(-1)[1], { page: p, ready } = x.phases[0];
    if (opened < conns * 0.9) throw new Error(`slowhttptest opened ${opened} of ${conns} connections, and ended with ${code}: ${slow.log()}`);
    return { held: longestHeld(samples), p99_ms: p.ok_us[1] / 1000, good: (p.ok + ready.ok) / (p.sent + ready.sent), more: { most_open: Math.max(...samples.map(s => s[2])), ready_p99_ms: ready.ok_us[1] / 1000, max_ms: p.ok_us[3] / 1000 } };
  } finally {
    await server.stop();
    server.server.forget();
  }
}

async function slow(ctx) {
  for (const [name, mode] of Object.entries(modes)) {
    const rows = { [`slow-${name}-held`]: 'held', [`slow-${name}-p99`]: 'p99_ms', [`slow-${name}-served`]: 'good' };
    if (!Object.keys(rows).some(ctx.wants)) continue;
    const m = await measure(mode, ctx.quick ? 1000 : 5000);
    for (const [row, what] of Object.entries(rows)) if (ctx.wants(row)) ctx.add(row, 'ours', m[what], m.more);
  }
}

export const groups = [{ rows: Object.keys(modes).flatMap(m => [`slow-${m}-held`, `slow-${m}-p99`, `slow-${m}-served`]), run: slow }];
