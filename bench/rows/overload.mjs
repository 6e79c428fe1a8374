// overload.mjs - ten times more than the server can do, open loop: how much is still done, how long it takes, and how soon all is well again.
//
// "wait", "lane" and "burn" are the server with handlers of a known cost (src/net/testserver.c): what fills is the workers' line (16 of 20 ms side by
// side), the writer's (1 ms each) and the event threads' (2 ms of CPU each). Capacity is measured first, closed loop, by the same generator on the
// same machine. Goodput is what was answered well while the burst lasted; latencies are of what was let in, from when it was due.
//
// Where CPU is what is short ("burn"), generator and server fight for two cores: the server is not slower then, it gets less. So its share of best
// is that of goodput for each core that it got or that lay idle: what it spends on refusing counts against it, and so does what it could have
// used and did not. Both stand beside it, with the generator's cores, and the raw share is told.
import { flood, request } from '../lib/load.mjs';
import { idleUs, treeCpuUs } from '../lib/proc.mjs';
import { testServer } from '../lib/servers.mjs';

const FACTOR = 10, CALM_S = 3, AFTER_S = 8;
const kinds = {
  wait: { main: request('GET', '/wait/20000'), conns: 2000 },
  lane: { main: request('POST', '/wait/1000', { body: '' }), conns: 2000 },
  burn: { main: request('GET', '/burn/2000'), conns: 4000, scarce: true },
};
const sum = (x, from, n) => x.tenths.main.slice(from, from + n).reduce((a, b) => a + b, 0);

/** One measurement: { share, p99_ms, recovery_s, and what stands beside them }. */
async function measure({ main, conns, scarce }, seconds) {
  const server = await testServer('--net.event_threads=2');
  try {
    const cpu = () => treeCpuUs(...server.pids) / 1e6;
    const closed = async (c, s) => {
      const before = cpu(), x = await flood(server.port, c, { main }, [[s, -1]]);
      return { rate: sum(x, 0, s * 10) / s, cores: (cpu() - before) / s };
    };
    await closed(32, 1);
    const best = [await closed(16, 3), await closed(64, 3)].sort((a, b) => b.rate - a.rate)[0];
    const both = () => ({ server: cpu(), idle: idleUs() / 1e6 });
    let before, after;
    const clocks = [setTimeout(() => { before = both(); }, CALM_S * 1000), setTimeout(() => { after = both(); }, (CALM_S + seconds) * 1000)];
    const x = await flood(server.port, conns, { main, payment: request('GET', '/as/payment') },
      [[CALM_S, best.rate / 2, 5], [seconds, best.rate * FACTOR, 5], [AFTER_S, best.rate / 2, 5]]).finally(() => clocks.forEach(clearTimeout));
    const [, burst] = x.phases, from = (CALM_S + seconds) * 10, goodput = sum(x, CALM_S * 10, seconds * 10) / seconds, cores = (after.server - before.server) / seconds, idle = (after.idle - before.idle) / seconds;
    let back = 0;                                        // tenths after the burst until for half a second as much is answered as is asked
    while (back < AFTER_S * 10 - 5 && sum(x, from + back, 5) < best.rate / 4 * 0.95) back++;
    if (burst.payment.ok !== burst.payment.sent) throw new Error(`payments were refused: ${JSON.stringify(burst.payment)}`);
    if (!burst.main.shed) throw new Error(`nothing was refused, so it was no overload: ${JSON.stringify(burst.main)}`);
    const raw = goodput / best.rate;
    return {
      share: scarce ? raw * best.cores / (cores + idle) : raw, p99_ms: burst.main.ok_us[1] / 1000, recovery_s: back / 10,
      more: { best: best.rate, offered: burst.main.sent / seconds, goodput, raw_share: raw, server_cores_best: best.cores, server_cores: cores, idle_cores: idle, generator_cores: x.cores,
        refused_p99_ms: (burst.main.shed_us[1] ?? NaN) / 1000, payment_p99_ms: burst.payment.ok_us[1] / 1000, lost: burst.main.lost },
    };
  } finally {
    await server.stop();
  }
}

async function overload(ctx) {
  for (const [kind, k] of Object.entries(kinds)) {
    const rows = { [`overload-${kind}-goodput`]: 'share', [`overload-${kind}-p99`]: 'p99_ms', [`overload-${kind}-recovery`]: 'recovery_s' };
    if (!Object.keys(rows).some(ctx.wants)) continue;
    for (let i = 0; i < Math.min(ctx.rounds, 3); i++) {
      const m = await measure(k, ctx.quick ? 5 : 15);
      for (const [row, what] of Object.entries(rows)) if (ctx.wants(row)) ctx.add(row, 'ours', Math.max(m[what], 0.001), m.more);
      if (k.scarce && ctx.wants('overload-burn-raw')) ctx.add('overload-burn-raw', 'ours', m.more.raw_share, m.more);
    }
  }
}

const names = Object.keys(kinds).flatMap(k => [`overload-${k}-goodput`, `overload-${k}-p99`, `overload-${k}-recovery`]);
export const groups = [{ rows: [...names, 'overload-burn-raw'], run: overload }];
