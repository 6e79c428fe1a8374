// bullmq.mjs - BullMQ on a Redis that fsyncs every write. usage: node bullmq.mjs ROLE REDIS_PORT [OPTIONS AS JSON]
//   worker    runs jobs that do nothing, says "ready"; "done N" each time N jobs in all are completed (N as enqueued)
//   produce   for every number N that it reads, adds N jobs one by one, 64 at a time under way; says "added"
//   stuck     a worker whose job "victim" says "started ATTEMPT" with the time in ms, and never ends
import { createInterface } from 'node:readline';
import { Queue, Worker } from 'bullmq';

const [, , role, port, options = '{}'] = process.argv;
const connection = { host: '127.0.0.1', port: Number(port), maxRetriesPerRequest: null };
const stdin = () => createInterface({ input: process.stdin });

if (role === 'worker') {
  let done = 0, goal = Infinity;
  const told = () => { if (done >= goal) { console.log(`done ${goal}`); goal = Infinity; } };
  const worker = new Worker('bench', async () => {}, { connection, concurrency: 64, ...JSON.parse(options) });
  worker.on('completed', () => { done++; told(); });
  await worker.waitUntilReady();
  console.log('ready');
  for await (const line of stdin()) { goal = Number(line); told(); }
} else if (role === 'produce') {
  const queue = new Queue('bench', { connection });
  await queue.waitUntilReady();
  console.log('ready');
  for await (const line of stdin()) {
    let left = Number(line);
    await Promise.all(Array.from({ length: 64 }, async () => { while (left-- > 0) await queue.add('job', { task: left }); }));
    console.log('added');
  }
} else {
  const queue = new Queue('victims', { connection });
  const worker = new Worker('victims', async () => {
    console.log(`started ${Date.now()}`);
    await new Promise(() => {});
  }, { connection, ...JSON.parse(options) });
  await worker.waitUntilReady();
  console.log('ready');
  for await (const line of stdin()) if (line === 'add') await queue.add('victim', {});
}
