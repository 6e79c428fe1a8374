// 16-overload: more to do than can be done: what goes first, what always answers, and that all is well again. Nothing here takes long:
// handlers wait at a gate, and what event threads are said to let wait is set by the test.
import assert from 'node:assert/strict';
import net from 'node:net';
import test from 'node:test';
import { PATIENCE_MS } from './lib/server.mjs';
import { startTestServer } from './lib/testserver.mjs';

const order = ['settle', 'sign_in', 'read', 'upload', 'create', 'feed'];
const lines = async s => JSON.parse((await s.ask('GET', '/lines')).text);
const statuses = async (s, headers = {}) => {
  const all = [];
  for (const name of order) all.push((await s.ask('GET', `/as/${name}`, headers)).status);
  return all;
};
/** Asks until `test` likes what comes back. */
async function until(ask, test, what) {
  for (const deadline = Date.now() + PATIENCE_MS; ;) {
    const x = await ask();
    if (test(x)) return x;
    assert.ok(Date.now() < deadline, `${what} did not come: ${JSON.stringify(x)}`);
  }
}
/** Looks at the server's numbers for so long. */
const wait = async (s, ms) => { for (const at = performance.now(); performance.now() < at + ms;) await s.stats(); };
const say = (s, ms) => s.ask('POST', `/waited?ms=${ms}`);
/** A server whose event thread is said to let nobody wait: whatever else the machine does, only what a test makes wait does. */
async function start(t, settings) {
  const s = await startTestServer(t, { event_threads: 1, delay_ms: '50ms', ...settings });
  await say(s, 0);
  await until(() => lines(s), x => x.event.pressed === 0, 'calm');               // it may have waited before it was said that it does not
  return s;
}
/** Every event thread has seen waits of so long for long enough. */
async function press(s, ms = 60) {
  await say(s, ms);
  await until(async () => { await statuses(s); return lines(s); }, x => x.event.pressed === 1, 'pressure');
}

test('under pressure the less urgent go first, and those who always answer do', async t => {
  const s = await start(t, { rate_per_ip: 0 });
  assert.deepEqual(await statuses(s), Array(6).fill(200));
  await press(s);
  for (const [ms, n] of [[48, 6], [55, 5], [65, 4], [75, 3], [85, 2], [95, 1], [105, 0], [5000, 0]]) {
    await say(s, ms);
    await until(() => statuses(s, { 'X-Person': '1' }), x => x.filter(y => y === 200).length === n, `${n} classes at ${ms} ms`);
    assert.deepEqual(await statuses(s, { 'X-Person': '1' }), [...Array(n).fill(200), ...Array(6 - n).fill(503)], `at ${ms} ms`);
    for (const name of ['operate', 'payment']) assert.equal((await s.ask('GET', `/as/${name}`)).status, 200, name);
  }
  await say(s, 1);
  await until(() => lines(s), x => x.event.pressed === 0, 'the end of it');
  assert.deepEqual(await statuses(s), Array(6).fill(200));
});

test('within a class guests go before people, and who asks for more than his share before others', async t => {
  const s = await start(t, { rate_per_account: 5, rate_per_ip: 100000 });
  await press(s);
  await say(s, 78);                                           // readers: 80 ms, each demerit 3
  const read = async headers => (await s.ask('GET', '/as/read', headers)).status;
  await until(() => read({}), x => x === 503, 'the refusal of nobody, who is a guest');
  assert.equal(await read({ 'X-Person': '1' }), 200, 'a person');
  assert.equal(await read({ 'X-Account': '7' }), 503, 'a guest');
  const ask = () => read({ 'X-Account': '8', 'X-Person': '1' });
  assert.equal(await ask(), 200);
  await until(ask, x => x === 503, 'the end of his share');
  assert.equal(await read({ 'X-Account': '9', 'X-Person': '1' }), 200, 'another one');
  await say(s, 70);                                           // there is room for all: nobody is refused for his share alone
  await until(ask, x => x === 200, 'room');
  await until(() => read({ 'X-Account': '7' }), x => x === 200, 'room for a guest');      // not every request is measured
});

test('what is never refused and needs no right is refused to who asks for more than his share of it, under pressure', async t => {
  const s = await start(t, { rate_per_ip: 5, trusted_proxies: '127.0.0.0/8', delay_ms: '1s' });      // its workers may really let wait, too
  const operate = async ip => (await s.ask('GET', '/as/operate', { 'X-Forwarded-For': ip })).status;
  for (let i = 0; i < 50; i++) assert.equal(await operate('8.8.8.8'), 200, 'all is calm');
  await press(s, 1200);
  await until(() => operate('8.8.8.8'), x => x === 503, 'the end of his share');
  assert.equal(await operate('9.9.9.9'), 200, 'another one');
  for (let i = 0; i < 50; i++) assert.equal((await s.ask('GET', '/as/payment', { 'X-Forwarded-For': '8.8.8.8' })).status, 200);
});

test('who is refused keeps his connection, is told when to come back, and that in his language', async t => {
  const s = await start(t);
  await press(s);
  await say(s, 500);
  const refused = await until(() => s.ask('GET', '/as/read', { Connection: 'keep-alive', 'Accept-Language': 'zh' }), x => x.status === 503, 'a refusal');
  assert.equal(refused.headers['content-type'], 'application/problem+json');
  assert.equal(refused.headers.connection ?? 'keep-alive', 'keep-alive');
  assert.match(refused.headers['retry-after'], /^([1-9]|[1-5]\d|60)$/);
  const problem = JSON.parse(refused.text);
  assert.equal(problem.code, 'busy');
  assert.match(problem.title, /[\u4e00-\u9fff]/);
});

test('workers that do not get on: what would wait is refused, the urgent has a worker of its own', async t => {
  const s = await start(t, { pool_threads: 4, pool_queue_max: 1000, delay_ms: '50ms' });
  const slow = [];
  for (let i = 1; i <= 3; i++) {
    slow.push(s.ask('GET', '/slow'));
    await s.until(x => x.waiting === i, `${i} at the gate`);  // the fourth worker takes nothing but the urgent
  }
  slow.push(s.ask('GET', '/slow'));
  await s.until(x => x.queued === 1, 'one that waits');
  await wait(s, 500);                                         // ten targets without any progress
  const refused = await until(() => {
    const p = s.ask('GET', '/file?n=1', { Range: 'bytes=0-0' });
    slow.push(p);
    return Promise.race([p, s.ask('GET', '/lines').then(() => null)]);               // let in: it waits with the others
  }, x => x?.status === 503, 'a refusal');
  assert.ok((await lines(s)).worker.shed >= 1);
  assert.ok(Number(refused.headers['retry-after']) >= 1);
  for (let i = 0; i < 20; i++) assert.equal((await s.ask('GET', '/as/operate')).status, 200);
  await until(() => s.ask('POST', '/gate?n=4'), x => x.status === 200, 'an open gate');
  assert.deepEqual((await Promise.all(slow)).map(x => x.status).slice(0, 3), [200, 200, 200]);
  await s.until(x => x.queued === 0, 'the end of the queue');
  await until(() => s.ask('GET', '/file', { Range: 'bytes=0-0' }), x => x.status === 206, 'all as before');
});

test('who waited too long is refused rather than begun, the body of a stream too; and only those are counted', async t => {
  const s = await start(t, { pool_threads: 1, delay_ms: '200ms' });
  const gate = () => s.until(x => x.waiting === 1, 'one at the gate');
  const all = [s.ask('GET', '/slow')];
  await gate();
  for (let i = 0; i < 80; i++) all.push(s.ask('GET', '/slow'));
  await s.until(x => x.queued === 80, 'a line');
  const streams = Array.from({ length: 5 }, () => s.ask('PUT', '/stream', {}, 'body'));
  await s.until(x => x.queued === 85, 'the streams behind it');
  const paid = s.ask('GET', '/as/payment'), bulk = Array.from({ length: 20 }, () => s.ask('GET', '/bulk'));
  await s.until(x => x.queued === 106, 'all');                // every ninth job is of bulk and stands at the gate, however late the others are
  await until(async () => { await gate(); await s.ask('POST', '/gate'); await wait(s, 20); return lines(s); }, x => x.worker.pressed === 1, 'pressure');
  await gate();
  await wait(s, 1000);                                         // 4 targets are 800: what stands behind it now is late
  await s.ask('POST', '/gate?n=200');
  assert.deepEqual((await Promise.all(streams)).map(x => x.status), Array(5).fill(503));
  assert.equal((await paid).status, 200);
  assert.deepEqual((await Promise.all(bulk)).map(x => x.status), Array(20).fill(200));
  const refused = (await Promise.all(all)).filter(x => x.status === 503).length + 5;
  assert.equal((await s.stats()).opened, 0);
  const x = await lines(s);
  assert.deepEqual([x.worker.late, x.worker.shed, x.urgent.late], [refused, refused, 0]);
});

test('what takes long leaves workers for the rest', async t => {
  const s = await start(t, { pool_threads: 8, delay_ms: '1s' });
  const bulk = Array.from({ length: 12 }, () => s.ask('GET', '/bulk'));
  await s.until(x => x.waiting === 6 && x.queued === 6, 'three quarters of the workers');
  assert.equal((await s.ask('GET', '/file', { Range: 'bytes=0-0' })).status, 206);
  await s.ask('POST', '/gate?n=12');
  assert.deepEqual((await Promise.all(bulk)).map(x => x.status), Array(12).fill(200));
});

test('a writer that does not get on is not given more', async t => {
  const s = await start(t, { delay_ms: '1ms' });
  const first = s.ask('POST', '/count?gate');
  await s.until(x => x.waiting === 1, 'one at the gate');
  const waits = [s.ask('POST', '/count')];
  await until(() => lines(s), x => x.write.waiting === 1, 'one that waits');
  const refused = await until(() => {
    const p = s.ask('POST', '/count', {}, 'x');
    waits.push(p);
    return Promise.race([p, s.ask('GET', '/lines').then(() => null)]);
  }, x => x?.status === 503, 'a refusal');
  assert.equal(JSON.parse(refused.text).code, 'busy');
  assert.equal((await s.ask('GET', '/hello')).status, 200, 'what does not write');
  await s.ask('POST', '/gate');
  assert.equal((await first).status, 201);
  await Promise.all(waits);
  await until(() => s.ask('POST', '/count'), x => x.status === 201, 'all as before');
  assert.equal((await lines(s)).write.waiting, 0);
});

/** Takes /big (16 MiB) bit by bit, so many bytes a millisecond, with a look at the server's numbers between two bits; how much came before the end. */
async function sip(s, rate) {
  const socket = net.connect(s.port, '127.0.0.1');
  const began = performance.now();
  let got = 0, ended = false;
  socket.on('error', () => {}).on('close', () => { ended = true; });
  socket.on('readable', () => {});                            // nothing is read but by read()
  socket.write('GET /big HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n');
  while (!ended) {
    await s.stats();
    const due = Math.floor(rate * (performance.now() - began)) - got;
    got += socket.read(Math.min(due, socket.readableLength))?.length ?? 0;
    if (got > 16 << 20) break;                                // all of it, and the head
  }
  socket.destroy();
  return got;
}

test('who takes an answer more slowly than the rate is cut off, however steadily; who does not is left alone', async t => {
  const fast = await startTestServer(t, { write_stall_ms: '20ms', body_rate_min: '1G' });
  assert.ok(await sip(fast, 100_000) < 16 << 20, 'cut off');
  assert.equal((await fast.stats()).timeouts, 1);
  const slow = await startTestServer(t, { write_stall_ms: '2s', body_rate_min: 1 });
  assert.ok(await sip(slow, 4096) > 16 << 20, 'all of it');
  assert.equal((await slow.stats()).timeouts, 0);
});
