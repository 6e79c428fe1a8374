// 13-ranges: several ranges at once, from files and from memory.
import assert from 'node:assert/strict';
import test from 'node:test';
import { Raw } from './lib/raw.mjs';
import { startTestServer } from './lib/testserver.mjs';

const total = 16 << 20;

/** The parts of a multipart/byteranges answer: [{ from, to, body }]; fails when it is not exactly what RFC 9110 14.6 says. */
function parts(r, type = 'application/octet-stream') {
  assert.equal(r.status, 206);
  assert.equal(r.headers['content-range'], undefined, 'that belongs to the parts');
  const boundary = /^multipart\/byteranges; boundary=([0-9a-f]{24})$/.exec(r.headers['content-type'])[1], out = [];
  let rest = r.body, mark = `--${boundary}\r\n`;
  for (;;) {
    assert.equal(rest.toString('latin1', 0, mark.length), mark);
    const end = rest.indexOf('\r\n\r\n'), head = rest.toString('latin1', mark.length, end);
    const m = /^Content-Type: (.*)\r\nContent-Range: bytes (\d+)-(\d+)\/(\d+)$/.exec(head);
    assert.deepEqual([m[1], Number(m[4])], [type, total]);
    const [from, to] = [Number(m[2]), Number(m[3])];
    out.push({ from, to, body: rest.subarray(end + 4, end + 4 + to - from + 1) });
    rest = rest.subarray(end + 4 + to - from + 1);
    mark = `\r\n--${boundary}\r\n`;
    if (rest.toString('latin1') === `\r\n--${boundary}--\r\n`) return out;
  }
}

test('several ranges of a file and of bytes in memory', async t => {
  const s = await startTestServer(t);
  const whole = (await s.ask('GET', '/big')).body;
  const cases = ['0-0,1000-1999', '5000000-5000001,0-9', '-1,0-0,8000000-12000000', '0-3999999,4000200-7999999,9000000-', '16777215-,100-100'];
  for (const path of ['/big', '/file']) {
    for (const ranges of cases) {
      const got = parts(await s.ask('GET', path, { Range: `bytes=${ranges}` }));
      const want = ranges.split(',').map(x => x.split('-')).map(([a, b]) => (a === '' ? [total - Number(b), total - 1] : [Number(a), b === '' ? total - 1 : Number(b)]));
      assert.deepEqual(got.map(p => [p.from, p.to]), want, `${path} ${ranges}`);
      for (const p of got) assert.ok(p.body.equals(whole.subarray(p.from, p.to + 1)), `${path} ${ranges}`);
    }
    const near = await s.ask('GET', path, { Range: 'bytes=0-9,20-29' });
    assert.deepEqual([near.status, near.headers['content-range'], near.body.length], [206, `bytes 0-29/${total}`, 30]);
    const one = await s.ask('GET', path, { Range: `bytes=5-9,${total}-` });
    assert.deepEqual([one.status, one.headers['content-range']], [206, `bytes 5-9/${total}`]);
  }
});

test('abuse is refused, broken lists are ignored, HEAD has no ranges', async t => {
  const s = await startTestServer(t);
  for (const path of ['/big', '/file']) {
    const many = Array.from({ length: 17 }, (_, i) => `${i * 1000}-${i * 1000}`).join(',');
    for (const ranges of [many, '0-,0-,0-,0-', `${total}-,${total + 5}-`]) {
      const r = await s.ask('GET', path, { Range: `bytes=${ranges}` });
      assert.deepEqual([r.status, r.headers['content-range'], JSON.parse(r.text).code], [416, `bytes */${total}`, 'bad_range'], ranges);
    }
    assert.equal(parts(await s.ask('GET', path, { Range: `bytes=${many.split(',').slice(1).join(',')}` })).length, 16);
    assert.equal((await s.ask('GET', path, { Range: 'bytes=0-1,9-8' })).status, 200);
    const head = await s.ask('HEAD', path, { Range: 'bytes=0-1,1000-1001' });
    assert.deepEqual([head.status, head.headers['content-length'], head.headers['content-type']], [200, String(total), 'application/octet-stream']);
  }
});

test('If-Range: the same representation or the whole one', async t => {
  const s = await startTestServer(t);
  const Range = 'bytes=0-1,1000-1001';
  for (const [path, tag] of [['/big', '"b1"'], ['/file', '"f1"']]) {
    assert.equal(parts(await s.ask('GET', path, { Range, 'If-Range': tag })).length, 2);
    for (const other of ['"old"', `W/${tag}`, 'Mon, 01 Jan 2001 00:00:00 GMT']) assert.equal((await s.ask('GET', path, { Range, 'If-Range': other })).status, 200, other);
    assert.equal((await s.ask('GET', path, { Range, 'If-Match': '"old"' })).status, 412);
    assert.equal((await s.ask('GET', path, { Range, 'If-None-Match': tag })).status, 304);
  }
});

test('a client that reads late gets every byte, and the connection goes on', async t => {
  const s = await startTestServer(t);
  const whole = (await s.ask('GET', '/big')).body;
  for (const path of ['/big', '/file']) {
    const c = await Raw.connect(s.port);
    c.socket.pause();
    const ask = `GET ${path} HTTP/1.1\r\nHost: test\r\nRange: bytes=8000000-15999999,0-7000000\r\n\r\n`;
    c.write(ask + ask + 'GET /hello HTTP/1.1\r\nHost: test\r\n\r\n');
    await s.ask('GET', '/hello');                             // the others are served meanwhile
    c.socket.resume();
    for (let i = 0; i < 2; i++) for (const p of parts(await c.response({ ms: 20_000 }))) assert.ok(p.body.equals(whole.subarray(p.from, p.to + 1)));
    assert.equal((await c.response()).text, 'hello\n');
    c.destroy();
  }
});
