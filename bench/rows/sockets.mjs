// sockets.mjs - WebSockets that listen: what one holds, and how fast and at what cost all of them are told something.
//
// Ours is the server with the topics of src/net/testserver.c, two event threads; npm ws is one process, as Node runs. The generator reads on
// the same two cores: of one text at a time it uses as much CPU as we do, so that deliveries a second say little about the server. Hence the
// row of CPU beside it. There both sides spend it in the kernel: of our CPU 92 % is send() (perf), one call for each socket.
import { sockets } from '../lib/load.mjs';
import { memory, treeCpuUs } from '../lib/proc.mjs';
import { npmWs, testServer } from '../lib/servers.mjs';

const BYTES = 100, PATH = '/ws/topic/7';
const starts = { ours: () => testServer('--net.event_threads=2', '--net.ws_ping_ms=10m'), theirs: npmWs };

async function broadcasts(ctx) {
  const n = ctx.quick ? 2000 : 10_000, servers = [], crowds = {};
  try {
    for (const [side, start] of Object.entries(starts)) {
      servers.push(await start());
      crowds[side] = { server: servers.at(-1), sockets: await sockets(servers.at(-1).port, n, PATH) };
    }
    const tell = (side, times, each) => async seconds => {
      const { server, sockets: crowd } = crowds[side], cpu = treeCpuUs(...server.pids);
      const m = await crowd.round(times, BYTES, Math.max(2, Math.round(seconds * each / n)));
      return { ...m, serverUs: treeCpuUs(...server.pids) - cpu };
    };
    const rate = m => m.deliveries / m.took_us * 1e6, cost = m => m.serverUs / m.deliveries;
    const extra = m => ({ cpu_us_each: cost(m), generator_us_each: m.cpu_us / m.deliveries, generator_share: m.cpu_us / (m.cpu_us + m.serverUs) });
    await ctx.ab('broadcast-ws', { ours: tell('ours', 16, 60_000), theirs: tell('theirs', 16, 6000), value: rate, extra });
    await ctx.ab('broadcast-ws-single', { ours: tell('ours', 1, 100_000), theirs: tell('theirs', 1, 100_000), value: rate, extra });
    await ctx.ab('broadcast-ws-cpu', { ours: tell('ours', 1, 100_000), theirs: tell('theirs', 1, 100_000), value: cost, extra });
    for (const c of Object.values(crowds)) await c.sockets.close();
  } finally {
    await Promise.all(servers.map(s => s.stop()));
  }
}

/** Bytes of the process that each of so many sockets adds, that have heard one text and wait for the next. */
async function perSocket(start, n) {
  const server = await start();
  try {
    const first = await sockets(server.port, 50, PATH);       // code and tables that the first ones bring in
    await first.round(1, BYTES, 1);
    await first.close();
    const before = memory(server.pids[0]).pss, crowd = await sockets(server.port, n, PATH);
    await crowd.round(1, BYTES, 1);
    const grown = memory(server.pids[0]).pss - before;
    await crowd.close();
    return grown / n;
  } finally {
    await server.stop();
  }
}

async function held(ctx) {
  const n = ctx.quick ? 2000 : 10_000;
  for (let i = 0; i < Math.min(ctx.rounds, 3); i++) {
    const bytes = await perSocket(starts.ours, n);
    for (const row of ['websocket-memory', 'websocket-memory-ws']) if (ctx.wants(row)) ctx.add(row, 'ours', bytes);
    if (ctx.wants('websocket-memory-ws')) ctx.add('websocket-memory-ws', 'theirs', await perSocket(starts.theirs, n));
  }
}

export const groups = [
  { rows: ['broadcast-ws', 'broadcast-ws-single', 'broadcast-ws-cpu'], run: broadcasts },
  { rows: ['websocket-memory', 'websocket-memory-ws'], run: held },
];
