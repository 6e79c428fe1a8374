// 15-fair: many connections on few threads: nobody keeps a thread, no thread gets them all, and who is idle costs little.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import test from 'node:test';
import { Raw } from './lib/raw.mjs';
import { PATIENCE_MS } from './lib/server.mjs';
import { startTestServer } from './lib/testserver.mjs';
import { closing, frame, RawSocket } from './lib/ws.mjs';

const get = path => `GET ${path} HTTP/1.1\r\nHost: test\r\n\r\n`;
const sent = (c, bytes) => new Promise(f => c.socket.write(bytes, 'latin1', f));

/** Stops the process; returns when every thread of it stands. */
async function stop(proc) {
  proc.kill('SIGSTOP');
  const tasks = () => readdirSync(`/proc/${proc.pid}/task`).map(id => readFileSync(`/proc/${proc.pid}/task/${id}/stat`, 'latin1'));
  for (const deadline = Date.now() + PATIENCE_MS; !tasks().every(x => / T /.test(x.slice(x.lastIndexOf(')'))));) {
    assert.ok(Date.now() < deadline, 'it does not stop');
    await new Promise(setImmediate);
  }
}

test('who sends hundreds of requests without waiting does not keep others from theirs', async t => {
  const s = await startTestServer(t, { event_threads: 1 });
  const greedy = await Raw.connect(s.port), modest = await Raw.connect(s.port);
  for (const c of [greedy, modest]) { c.write(get('/order')); await c.response(); }
  await stop(s.proc);                                        // both requests wait when it wakes, the greedy one's first
  await sent(greedy, get('/order').repeat(600));
  await sent(modest, get('/order'));
  s.proc.kill('SIGCONT');
  const mine = Number((await modest.response()).text), theirs = [];
  for (let i = 0; i < 600; i++) theirs.push(Number((await greedy.response()).text));
  assert.ok(theirs.filter(n => n < mine).length <= 64, `${theirs.filter(n => n < mine).length} of the greedy one came first`);
  assert.deepEqual(theirs, theirs.toSorted((a, b) => a - b), 'in order');
  greedy.write(get('/hello'));
  assert.equal((await greedy.response()).text, 'hello\n');
  greedy.write(get('/slow') + get('/order').repeat(100));    // the half-close behind them takes nothing away
  greedy.end();
  await s.until(x => x.waiting === 1, 'the handler at the gate');
  await s.ask('POST', '/gate');
  for (let i = 0; i < 101; i++) await greedy.response();
  await greedy.closed();
  modest.destroy();
});

test('who sends hundreds of messages on a WebSocket does neither', async t => {
  const s = await startTestServer(t, { event_threads: 1, ws_queue_frames: 65536 });
  const greedy = await RawSocket.open(s.port, '/ws/echo'), modest = await Raw.connect(s.port);
  modest.write(get('/order'));
  await modest.response();
  await stop(s.proc);
  const flood = Buffer.concat(Array(3000).fill(frame(0x81, 'order')));
  await new Promise(f => greedy.c.socket.write(flood, f));
  await sent(modest, get('/order'));
  s.proc.kill('SIGCONT');
  const mine = Number((await modest.response()).text), theirs = [];
  for (let i = 0; i < 3000; i++) theirs.push(Number((await greedy.next()).text));
  assert.ok(theirs.filter(n => n < mine).length <= 256, `${theirs.filter(n => n < mine).length} of the greedy one came first`);
  assert.deepEqual(theirs, theirs.toSorted((a, b) => a - b), 'in order');
  for (const n of [100, 300, 500, 3000]) {                   // however they lie in the buffers, a goodbye and FIN behind them takes none away
    const w = await RawSocket.open(s.port, '/ws/echo');
    await stop(s.proc);
    await new Promise(f => w.c.socket.write(Buffer.concat([flood.subarray(0, n * flood.length / 3000), closing(1000)]), f));
    w.c.end();
    s.proc.kill('SIGCONT');
    const got = await w.all();
    assert.equal(got.match(/text/g)?.length, n);
    assert.match(got, / close\(1000 \)$/);
  }
  greedy.c.destroy();
  modest.destroy();
});

test('event threads share the connections evenly', async t => {
  const s = await startTestServer(t, { conns_per_ip_max: 0 });
  const all = [];
  for (let n = 4; n <= 96; n += 4) {
    for (let i = 0; i < 4; i++) all.push(await Raw.connect(s.port));
    const x = await s.until(y => y.conns === n + 1 && y.fewest + y.most === n + 1, `${n} connections`);
    assert.ok(x.most - x.fewest <= 2 + x.fewest / 16, `${x.fewest} and ${x.most} of ${n}`);
  }
  all.push(...await Promise.all(Array.from({ length: 400 }, () => Raw.connect(s.port))));       // a burst
  const x = await s.until(y => y.conns === 497 && y.fewest + y.most === 497, 'the burst');
  assert.ok(x.most - x.fewest <= 2 + x.fewest / 16, `${x.fewest} and ${x.most}`);
  for (const c of all) { c.write(get('/hello')); assert.equal((await c.response()).text, 'hello\n'); c.destroy(); }
  await s.until(y => y.conns === 1 && y.fewest + y.most === 1, 'the end');
});

test('an idle connection that was served costs less than 1 KB', async t => {
  const s = await startTestServer(t, { conns_per_ip_max: 0 });
  const rss = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${s.proc.pid}/status`, 'utf8'))[1]) * 1024;
  const serve = async n => {
    const all = await Promise.all(Array.from({ length: n }, () => Raw.connect(s.port)));
    for (const c of all) c.write('POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 3000\r\n\r\n');
    for (const c of all) c.write('x'.repeat(3000));
    for (const c of all) assert.equal((await c.response()).body.length, 3000);
    return all;
  };
  (await serve(100)).forEach(c => c.destroy());              // what the first ones cost is not counted
  await s.until(x => x.conns === 1, 'the end of the first ones');
  const before = rss(), all = [];
  for (let i = 0; i < 20; i++) all.push(...await serve(100));
  const each = (rss() - before - (1 << 20)) / all.length;    // 1 MiB: what the process takes for itself meanwhile
  t.diagnostic(`${Math.round(each)} bytes an idle connection, over 1 MiB in all`);
  if (!/asan|tsan/.test(process.env.ZOETROPE_BIN ?? '')) assert.ok(each <= 1024, `${each} bytes each`);
  all.forEach(c => c.destroy());
});
