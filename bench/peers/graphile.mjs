// graphile.mjs - Graphile Worker on PostgreSQL with fsync, batched as its documents advise for throughput. usage: node graphile.mjs ROLE URL
//   worker    64 jobs side by side out of a local queue of 500, completions written in batches
//   produce   as in bullmq.mjs
import { createInterface } from 'node:readline';
import { makeWorkerUtils, run } from 'graphile-worker';

const [, , role, url] = process.argv;
const lines = createInterface({ input: process.stdin });
const quiet = { log: () => {} };
const { Logger } = await import('graphile-worker');
const logger = new Logger(() => quiet.log);

if (role === 'worker') {
  const { default: pg } = await import('pg');
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  let ran = 0;
  await run({ logger, taskList: { bench: async () => { ran++; } }, noHandleSignals: true,
    preset: { worker: { connectionString: url, maxPoolSize: 16, concurrentJobs: 64, pollInterval: 500, localQueue: { size: 500 }, completeJobBatchDelay: 0, failJobBatchDelay: 0 } } });
  console.log('ready');
  for await (const line of lines) {
    const goal = Number(line);
    for (;;) {                            // it deletes a job that is complete: all have run and none is left in the table
      if (ran >= goal && Number((await client.query('SELECT count(*) FROM graphile_worker._private_jobs')).rows[0].count) === 0) break;
      await new Promise(f => setTimeout(f, 20));
    }
    console.log(`done ${goal}`);
  }
} else {
  const utils = await makeWorkerUtils({ logger, connectionString: url, maxPoolSize: 32 });
  await utils.migrate();
  console.log('ready');
  for await (const line of lines) {
    let left = Number(line);
    await Promise.all(Array.from({ length: 64 }, async () => { while (left-- > 0) await utils.addJob('bench', { task: left }); }));
    console.log('added');
  }
}
