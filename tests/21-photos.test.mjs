// 21-photos.test.mjs - what people and their enemies send instead of a good photo: each gets a reason and the next step, and leaves nothing.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test } from 'node:test';
import { deflateSync } from 'node:zlib';
import { Client } from './lib/client.mjs';
import { FOUR, hasReasons, isProblem, NOBODY, ONE, sample, storedFiles } from './lib/expect.mjs';
import * as png from './lib/png.mjs';
import { runZoetrope, startServer } from './lib/server.mjs';

let server, c, jpeg, pixels;

before(async () => {
  server = await startServer(null, { env: { ZOETROPE_ENGINE_USE: 'fake' } });
  c = await Client.guest(server.url);
  jpeg = await readFile(ONE);
  pixels = png.decode(await c.get((await c.photo(jpeg)).content));
});
after(async () => {
  const { code } = await server.stop();
  const { stdout, code: verified } = await runZoetrope(['verify', '--deep'], { env: { ZOETROPE_DATA: server.dataDir } });
  server.forget();
  assert.equal(code, 0);
  assert.equal(verified, 0, stdout);
});

const crc = (type, data) => png.chunk(type, data);
const riff = (...chunks) => {
  const body = Buffer.concat([Buffer.from('WEBP'), ...chunks]), head = Buffer.alloc(8);
  head.write('RIFF');
  head.writeUInt32LE(body.length, 4);
  return Buffer.concat([head, body]);
};
const webpChunk = (name, data) => {
  const head = Buffer.alloc(8);
  head.write(name);
  head.writeUInt32LE(data.length, 4);
  return Buffer.concat([head, data, Buffer.alloc(data.length & 1)]);
};
const apng = () => {
  const actl = Buffer.alloc(8);
  actl.writeUInt32BE(2, 0);
  return png.encode(png.crop(pixels, 0, 0, 800, 800), [crc('acTL', actl)]);
};
const gif = (frames = 2) => Buffer.concat([Buffer.from('GIF89a'), Buffer.from([1, 0, 1, 0, 0x80, 0, 0, 0, 0, 0, 255, 255, 255]),
  ...Array.from({ length: frames }, () => Buffer.from([0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0])), Buffer.from([0x3b])]);

describe('files that are no photo', () => {
  const cases = [
    ['nothing at all', () => Buffer.alloc(0), 422, 'image_empty'],
    ['text', () => Buffer.from('hello, world\n'.repeat(100)), 415, 'image_type'],
    ['one byte', () => Buffer.from([0xff]), 415, 'image_type'],
    ['a truncated JPEG', () => jpeg.subarray(0, jpeg.length >> 1), 422, 'image_broken'],
    ['a JPEG that is only a head', () => jpeg.subarray(0, 200), 422, 'image_broken'],
    ['a damaged JPEG', () => Buffer.concat([jpeg.subarray(0, 400), Buffer.alloc(jpeg.length - 400, 0xa5)]), 422, 'image_broken'],
    ['a truncated PNG', () => png.encode(png.crop(pixels, 0, 0, 800, 800)).subarray(0, 100_000), 422, 'image_broken'],
    ['a PNG with a wrong checksum', () => { const b = png.encode(png.crop(pixels, 0, 0, 800, 800)); b[b.length - 20] ^= 1; return b; }, 422, 'image_broken'],
    ['a GIF of two frames', gif, 422, 'image_animated'],
    ['a GIF of one frame', () => gif(1), 415, 'image_type'],
    ['an animated PNG', apng, 422, 'image_animated'],
    ['an animated WebP', () => riff(webpChunk('VP8X', Buffer.from([0x02, 0, 0, 0, 0xff, 3, 0, 0xff, 3, 0])), webpChunk('ANIM', Buffer.alloc(6))), 422, 'image_animated'],
    ['a playlist that is called a photo', () => Buffer.from('#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:10,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n'), 415, 'image_type'],
    ['an SVG that reads a file', () => Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'), 415, 'image_type'],
    ['an ImageMagick script', () => Buffer.from('push graphic-context\nviewbox 0 0 640 480\nfill \'url(https://127.0.0.1/"|id)\'\npop graphic-context'), 415, 'image_type'],
    ['a page with a JPEG inside', () => Buffer.concat([Buffer.from('<html><script>alert(1)</script>'), jpeg]), 415, 'image_type'],
    ['a PDF', () => Buffer.from('%PDF-1.7\n1 0 obj\n<<>>\nendobj\n'), 415, 'image_type'],
    ['a picture of 900 million pixels', () => png.bomb(30_000, 30_000), 413, 'image_too_large'],
    ['a picture that says it has none', () => png.bomb(0, 10), 422, 'image_broken'],
    ['eleven megabytes', () => Buffer.concat([jpeg, Buffer.alloc(11_000_000)]), 413, 'image_too_large'],
  ];
  for (const [name, make, status, code] of cases) {
    test(name, async () => {
      const before = storedFiles(server.dataDir);
      const upload = await c.upload(make());
      const answer = await c.send('POST', '/v1/assets', { json: { upload, consent: true } });
      isProblem(answer, status, code);
      assert.equal((await c.send('HEAD', `/v1/uploads/${upload}`, { headers: { 'tus-resumable': '1.0.0' } })).status, 404, 'the upload is gone');
      assert.deepEqual(storedFiles(server.dataDir), before, 'nothing is stored');
      assert.deepEqual(await c.wallet(), { available: 400, held: 0 });
    });
  }

  test('the server and its picture process took no harm', async () => {
    assert.equal((await c.get('/readyz')).ready, true);
    assert.equal((await c.photo(jpeg)).ok, true);
    assert.equal(server.log.filter(l => l.lv === 'error').length, 0, server.tail());
  });

  test('what hides behind a photo is not served', async () => {
    const hidden = Buffer.from('<script>alert("hidden behind the last byte")</script>');
    const asset = await c.photo(Buffer.concat([jpeg, hidden]));
    for (const path of [asset.content, asset.thumb]) assert.equal((await c.get(path)).includes('hidden behind'), false);
  });

  test('what the camera wrote about place and person is nowhere on the disk', async () => {
    const exif = Buffer.from('Exif\0\0II*\0\x08\0\0\0\x01\0\x0e\x01\x02\0\x14\0\0\0\x1a\0\0\0\0\0\0\0secret place 12.34N\0', 'latin1');
    const app1 = Buffer.concat([Buffer.from([0xff, 0xe1, (exif.length + 2) >> 8, (exif.length + 2) & 255]), exif]);
    const sent = Buffer.concat([jpeg.subarray(0, 2), app1, jpeg.subarray(2)]), mark = jpeg.subarray(jpeg.length >> 1, (jpeg.length >> 1) + 64);
    const holders = () => readdirSync(server.dataDir, { recursive: true, withFileTypes: true }).filter(e => e.isFile())
      .map(e => join(e.parentPath, e.name)).filter(f => [Buffer.from('secret place'), mark].some(b => readFileSync(f).includes(b)));
    const upload = await c.upload(sent);
    assert.deepEqual(holders(), [join(server.dataDir, 'upload', upload)], 'the search finds it while it is there');
    for (const purpose of ['people', 'backdrop']) {
      const asset = await c.post('/v1/assets', { upload: purpose === 'people' ? upload : await c.upload(sent), purpose, consent: true });
      if (purpose === 'people') assert.equal(asset.ok, true);
      assert.deepEqual([asset.width, asset.height, asset.type], [1280, 853, 'image/jpeg']);
      for (const path of [asset.content, asset.thumb]) assert.equal((await c.get(path)).includes('secret place'), false);
      assert.deepEqual(holders(), [], 'neither as an upload nor as an asset');
    }
  });
});

describe('uploads that are not ready', () => {
  test('an unfinished one cannot be used yet, and can be finished', async () => {
    const tus = { 'tus-resumable': '1.0.0' };
    const made = await c.send('POST', '/v1/uploads', { headers: { ...tus, 'upload-length': String(jpeg.length) } });
    const path = new URL(made.headers.get('location'), server.url).pathname, upload = path.split('/').pop();
    isProblem(await c.send('POST', '/v1/assets', { json: { upload, consent: true } }), 409, 'upload_incomplete');
    const sent = await c.send('PATCH', path, { body: jpeg, headers: { ...tus, 'upload-offset': '0', 'content-type': 'application/offset+octet-stream' } });
    assert.equal(sent.status, 204);
    assert.equal((await c.post('/v1/assets', { upload, consent: true })).ok, true);
  });

  test('without consent no face is looked for', async () => {
    const upload = await c.upload(jpeg);
    for (const consent of [false, undefined]) isProblem(await c.send('POST', '/v1/assets', { json: { upload, consent } }), 422, 'consent_missing');
    isProblem(await c.send('POST', '/v1/assets', { json: { upload, consent: 'yes' } }), 400, 'bad_input');
    const backdrop = await c.post('/v1/assets', { upload, purpose: 'backdrop' });
    assert.deepEqual([backdrop.role, backdrop.consent_ms, backdrop.faces], ['backdrop', 0, undefined]);
  });
});

describe('photos that will not do', () => {
  const judged = async p => c.photo(png.encode(p), { type: 'image/png' });

  test('one person, well seen', async () => {
    const a = await c.photo(ONE);
    assert.deepEqual([a.ok, a.reasons, a.faces.length, a.faces[0].ok], [true, [], 1, true]);
    assert.ok(a.faces[0].size_px > 80 && a.faces[0].confidence >= 0.7);
  });
  test('four people, each to be ticked', async () => {
    const a = await c.photo(FOUR);
    assert.deepEqual([a.ok, a.faces.map(f => f.index), a.faces.every(f => f.ok)], [true, [0, 1, 2, 3], true]);
  });
  test('nobody', async () => hasReasons((await c.photo(NOBODY)).reasons, ['face_none']));
  test('too small', async () => hasReasons((await c.photo(sample('doctor-5871743_640.jpg'))).reasons.slice(0, 1), ['image_too_small']));
  test('a face too small', async () => hasReasons((await judged(png.onCanvas(png.shrink(pixels, 4), 1280, 853))).reasons, ['face_small']));
  test('a blurred face', async () => hasReasons((await judged(png.blur(pixels, 8))).reasons, ['face_blurred']));
  test('a face cut by the edge', async () => hasReasons((await judged(png.crop(pixels, 0, 0, 730, 853))).reasons, ['face_cut']));
});

describe('quotes', () => {
  let one, four, nobody, refused;
  before(async () => {
    [one, four, nobody] = [await c.photo(ONE), await c.photo(FOUR), await c.photo(NOBODY)];
    refused = async (people, more = { template: 'hall' }) => c.send('POST', '/v1/quotes', { json: { recipe: 'family-portrait', people, ...more } });
  });
  const p = (asset, face = 0) => ({ asset: asset.id, face });

  test('name the price per picture', async () => {
    const q = await c.quote({ people: [p(one), p(four, 0), p(four, 1), p(four, 2), p(four, 3)], template: 'hall' });
    assert.deepEqual([q.credits, q.candidates, q.people.length], [40, 4, 5]);
  });
  test('nobody was chosen', async () => isProblem(await refused([]), 422, 'people_none'));
  test('six people are too many', async () => {
    isProblem(await refused([p(one), p(four, 0), p(four, 1), p(four, 2), p(four, 3), p(await c.photo(sample('woman-5883428_1280.jpg')))]), 422, 'people_many');
    isProblem(await refused(Array.from({ length: 20 }, (_, face) => p(four, face))), 422, 'people_many');
  });
  test('the same person twice', async () => isProblem(await refused([p(four, 1), p(four, 1)]), 422, 'face_twice'));
  test('one shot of somebody beside himself, also smaller and darker, or of another file', async () => {
    const again = await c.photo(png.encode(pixels), { type: 'image/png' });
    const other = await c.photo(png.encode(png.onCanvas(png.shrink({ ...pixels, data: pixels.data.map(v => v * 0.6) }, 2), 1280, 853)), { type: 'image/png' });
    for (const twin of [again, other]) {
      const problem = isProblem(await refused([p(four, 2), p(one), p(four, 0), p(twin)]), 422, 'people_alike');
      hasReasons(problem.issues, ['people_alike']);
      assert.deepEqual([problem.issues[0].asset, problem.issues[0].other, problem.issues[0].index], [twin.id, one.id, 3]);
      for (const id of [one.id, twin.id]) assert.match(problem.issues[0].detail, new RegExp(id));
    }
  });
  test('whose face it is, is never shown', async () => {
    const db = new DatabaseSync(join(server.dataDir, 'zoetrope.db'), { timeout: 5000 }), mine = await c.photo(png.encode({ ...pixels, data: pixels.data.map(v => v * 0.9) }), { type: 'image/png' });
    const { facts } = db.prepare("SELECT facts FROM asset WHERE class = 'original' ORDER BY id DESC LIMIT 1").get(), who = JSON.parse(facts).faces[0].who;
    assert.match(who, /^[0-9a-f]{256}$/);
    assert.doesNotMatch(JSON.stringify([mine, await c.get(`/v1/assets/${mine.id}`)]), new RegExp(`who|${who}`));
    await c.photo(FOUR, { purpose: 'backdrop' });
    assert.doesNotMatch(db.prepare("SELECT facts FROM asset WHERE role = 'backdrop' ORDER BY id DESC LIMIT 1").get().facts, /who/, 'nobody asks who stands in a background');
    await c.delete(`/v1/assets/${mine.id}`);
    db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    db.close();
    assert.equal(readFileSync(join(server.dataDir, 'zoetrope.db')).includes(who), false, 'and dies with the photo');
  });
  test('a face that is not in the photo', async () => {
    const problem = isProblem(await refused([p(one, 0), p(one, 1)]), 422, 'face_none');
    hasReasons(problem.issues, ['face_none']);
    assert.equal(problem.issues[0].asset, one.id);
  });
  test('every photo that will not do is named with its reason', async () => {
    const small = await c.photo(png.encode(png.onCanvas(png.shrink(pixels, 4), 1280, 853)), { type: 'image/png' });
    const problem = isProblem(await refused([p(four, 0), p(small), p(nobody)]), 422, 'face_small');
    hasReasons(problem.issues, ['face_small', 'face_none']);
    assert.deepEqual(problem.issues.map(i => i.asset), [small.id, nobody.id]);
  });
  test('no background', async () => isProblem(await refused([p(one)], {}), 400, 'bad_input'));
  test('a background of one\'s own that is too small', async () => {
    const tiny = await c.photo(png.encode(png.crop(pixels, 0, 0, 400, 400)), { type: 'image/png', purpose: 'backdrop', consent: false });
    hasReasons(tiny.reasons, ['image_too_small']);
    isProblem(await refused([p(one)], { backdrop: tiny.id }), 422, 'image_too_small');
  });
  test('a background with people as large as ours', async () => {
    const crowd = await c.photo(FOUR, { purpose: 'backdrop' });
    assert.deepEqual([crowd.ok, crowd.faces], [false, undefined]);
    hasReasons(crowd.reasons, ['backdrop_people']);
    hasReasons(isProblem(await refused([p(one)], { backdrop: crowd.id }), 422, 'backdrop_people').issues, ['backdrop_people']);
    const far = await c.photo(png.encode(png.onCanvas(png.shrink(pixels, 8), 1280, 853)), { type: 'image/png', purpose: 'backdrop' });
    assert.deepEqual([far.ok, far.reasons], [true, []], 'somebody far away may stay');
  });
  test('a background of one\'s own that will do', async () => {
    const own = await c.photo(NOBODY, { purpose: 'backdrop', consent: false });
    assert.equal((await c.quote({ people: [p(one)], backdrop: own.id })).backdrop, own.id);
  });
  test('after all that no credit is gone', async () => assert.deepEqual(await c.wallet(), { available: 400, held: 0 }));
});

test('zlib bombs inside a PNG end at once', async () => {
  const idat = png.chunk('IDAT', deflateSync(Buffer.alloc(200_000_000)));        // 200 kB become 200 MB
  const file = Buffer.concat([png.bomb(1000, 1000).subarray(0, 33), idat, png.chunk('IEND', Buffer.alloc(0))]);
  const answer = await c.send('POST', '/v1/assets', { json: { upload: await c.upload(file), consent: true } });
  assert.ok([201, 422].includes(answer.status), answer.text);
  assert.equal((await c.get('/readyz')).ready, true);
});
