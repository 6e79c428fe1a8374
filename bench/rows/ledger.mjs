// ledger.mjs - durable transactions of money, beside pgbench on the same disk: the ledger as a library, and end to end over HTTP.
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { burst } from '../lib/load.mjs';
import { treeCpuUs } from '../lib/proc.mjs';
import { built, folder, Proc, run } from '../lib/rig.mjs';
import { Client, postgres, zoetrope } from '../lib/servers.mjs';
import { photo, post, quotes } from './tasks.mjs';

// Theirs wants a process for each client and is best with few; ours takes as many as come.
const CLIENTS = 64, SCALE = 64, SUBMITTERS = 512, CONNS = 256, ACCOUNTS = 500_000;

async function pgbench() {
  const store = await postgres(), bin = '/usr/lib/postgresql/15/bin/pgbench', here = ['-h', store.socket, '-p', String(store.port), '-U', 'bench'];
  await run(bin, [...here, '-i', '-I', 'dtGvp', '-q', '-s', String(SCALE), 'postgres']);
  return {
    stop: () => store.stop(),
    async run(seconds) {
      const cpu = treeCpuUs(...store.pids), said = await run(bin, [...here, '-M', 'prepared', '-c', String(CLIENTS), '-j', '2', '-T', String(seconds), 'postgres']);
      const n = Number(/^number of transactions actually processed: (\d+)/m.exec(said)[1]), tps = Number(/^tps = ([\d.]+)/m.exec(said)[1]);
      if (!/^number of failed transactions: 0 /m.test(said)) throw new Error(said);
      return { n, seconds: n / tps, cpuUs: treeCpuUs(...store.pids) - cpu };
    },
  };
}

async function library() {
  const p = new Proc('ledger', built('bench/ledger'), [folder('ledger'), String(ACCOUNTS), String(SUBMITTERS), '--db.cache_bytes=256M', '--db.checkpoint_bytes=64M', '--db.truncate_bytes=256M']);
  await p.line(/^ready$/, 300_000);
  return {
    /** The books are verified, too. */
    async stop() {
      p.proc.stdin.end();
      if (await p.exited !== 0) throw new Error(`ledger: ${p.log()}`);
    },
    async run(kind, seconds) {
      const cpu = treeCpuUs(p.pid);
      p.write(`${kind} ${seconds * 1000}\n`);
      const [, n, us] = await p.line(/^done (\d+) (\d+)$/);
      return { n: Number(n), seconds: Number(us) / 1e6, cpuUs: treeCpuUs(p.pid) - cpu };
    },
  };
}

/** Tasks that only take their hold and stand in line: the one slot of the engine is busy for ever. */
async function overHttp(n) {
  const server = await zoetrope({ args: ['--engine.use=fake', '--engine.fake_script=hang', '--engine.fake_slots=1', '--product.guest_credits=1000000', '--task.runs_max=1', '--task.account_max=100000',
    '--task.line_max=1000000'] });
  const client = await Client.guest(server.url), asset = (await client.photo(photo)).id, db = new DatabaseSync(join(server.dataDir, 'zoetrope.db'), { readOnly: true });
  const held = db.prepare(`SELECT COUNT(*) AS n FROM ledger_hold`), good = m => { if (m.errors || m.bad_status) throw new Error(JSON.stringify(m)); return m; };
  const quote = JSON.stringify({ recipe: 'family-portrait', people: [{ asset, face: 0 }], template: 'hall', candidates: 1 });
  return {
    stop: async () => { db.close(); await server.stop(); server.server.forget(); },
    async run() {
      good(await burst(server.port, CONNS, Array.from({ length: n }, () => post('/v1/quotes', client.token, quote))));
      const requests = (await quotes(db, n)).map(id => post('/v1/tasks', client.token, JSON.stringify({ quote: id }), `Idempotency-Key: ${randomUUID()}\r\n`));
      const before = held.get().n, cpu = treeCpuUs(...server.pids), began = performance.now();
      good(await burst(server.port, CONNS, requests));
      const seconds = (performance.now() - began) / 1000;
      if (held.get().n - before !== n) throw new Error(`${held.get().n - before} holds of ${n}`);
      return { n, seconds, cpuUs: treeCpuUs(...server.pids) - cpu };
    },
  };
}

const value = m => m.n / m.seconds, extra = m => ({ cpu_us_each: m.cpuUs / m.n });

async function ledger(ctx) {
  const theirs = await pgbench(), ours = await library();
  try {
    for (const [row, kind] of [['ledger-tpcb', 'grant'], ['ledger-tpcb-cost', 'cost'], ['ledger-tpcb-spend', 'spend']])
      await ctx.ab(row, { ours: s => ours.run(kind, s), theirs: s => theirs.run(s), value, extra });
    if (ctx.wants('ledger-tpcb-http')) {
      const http = await overHttp(ctx.quick ? 1000 : 5000);
      try {
        await ctx.ab('ledger-tpcb-http', { ours: () => http.run(), theirs: s => theirs.run(s), value, extra });
      } finally {
        await http.stop();
      }
    }
  } finally {
    await theirs.stop();
    await ours.stop();
  }
}

export const groups = [{ rows: ['ledger-tpcb', 'ledger-tpcb-cost', 'ledger-tpcb-spend', 'ledger-tpcb-http'], run: ledger }];
