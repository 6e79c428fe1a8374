// pgboss.mjs - pg-boss on PostgreSQL with fsync. usage: node pgboss.mjs ROLE URL
//   worker    fetches up to 500 jobs at once, twice a second (the shortest polling it allows), and acknowledges each batch at once
//   produce   as in bullmq.mjs
import { createInterface } from 'node:readline';
import { PgBoss } from 'pg-boss';

const [, , role, url] = process.argv;
const boss = new PgBoss({ connectionString: url, max: role === 'worker' ? 8 : 32 });
boss.on('error', e => console.error(e));
await boss.start();
await boss.createQueue('bench').catch(() => {});
const lines = createInterface({ input: process.stdin });

if (role === 'worker') {
  let done = 0, goal = Infinity;
  for (let i = 0; i < 4; i++) await boss.work('bench', { batchSize: 500, pollingIntervalSeconds: 0.5 }, async () => {});
  console.log('ready');
  // A batch counts when the database says that it is complete.
  const { default: pg } = await import('pg');
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  for await (const line of lines) {
    goal = Number(line);
    do {
      done = Number((await client.query(`SELECT count(*) FROM pgboss.job WHERE name = 'bench' AND state = 'completed'`)).rows[0].count);
      if (done < goal) await new Promise(f => setTimeout(f, 20));
    } while (done < goal);
    console.log(`done ${goal}`);
  }
} else {
  console.log('ready');
  for await (const line of lines) {
    let left = Number(line);
    await Promise.all(Array.from({ length: 64 }, async () => { while (left-- > 0) await boss.send('bench', { task: left }); }));
    console.log('added');
  }
}
