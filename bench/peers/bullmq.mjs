// bullmq.mjs - BullMQ on a Redis that fsyncs every write. usage: node bullmq.mjs ROLE REDIS_PORT [OPTIONS AS JSON]
//   worker    runs jobs that do nothing, says "ready"; "done N" each time N jobs in all are completed (N as enqueued)
//             options.files: a folder; each job then stores two results there as a server of pictures must: written, fdatasynced, renamed, folder fsynced
//   produce   for every number N that it reads, adds N jobs one by one, 64 at a time under way; says "added"
//   stuck     a worker whose job "victim" says "started ATTEMPT" with the time in ms, and never ends
import { open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Queue, Worker } from 'bullmq';

const [, , role, port, options = '{}'] = process.argv;
const connection = { host: '127.0.0.1', port: Number(port), maxRetriesPerRequest: null };
const stdin = () => createInterface({ input: process.stdin });

async function keep(folder, name, bytes) {
  const f = await open(join(folder, `${name}.part`), 'w');
  await f.writeFile(bytes);
  await f.datasync();
  await f.close();
  await rename(join(folder, `${name}.part`), join(folder, name));
  const d = await open(folder);
  await d.sync();
  await d.close();
}

if (role === 'worker') {
  const { files, bytes = 2000, ...more } = JSON.parse(options), result = Buffer.alloc(bytes, 'x');
  const work = files ? job => Promise.all(['picture', 'preview'].map(what => keep(files, `${job.id}-${what}`, result))) : async () => {};
  let done = 0, goal = Infinity;
  const told = () => { if (done >= goal) { console.log(`done ${goal}`); goal = Infinity; } };
  const worker = new Worker('bench', work, { connection, concurrency: 64, ...more });
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
