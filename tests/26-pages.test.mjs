// 26-pages.test.mjs - what the build of the pages refuses, and the arithmetic of looking at a picture.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { root, tempDir } from './lib/server.mjs';
import { held, SCALE_MAX, swiped, WHOLE, zoomed } from '../web/src/pages/task/zoom.ts';

/** What web/check.mjs says of a page with this script and style sheet. */
function check(js, css = 'a{color:red}') {
  const dist = tempDir('zt-dist-');
  mkdirSync(join(dist, 'static'));
  writeFileSync(join(dist, 'landing.en.html'), '<script type="module" src="/static/a.js"></script>');
  writeFileSync(join(dist, 'static/a.js'), js);
  writeFileSync(join(dist, 'static/a.css'), css);
  const { status, stderr } = spawnSync(process.execPath, [join(root, 'web/check.mjs'), dist], { encoding: 'utf8' });
  return { status, stderr };
}

test('what Chromium 86 knows is let through', () => {
  const { status, stderr } = check('export const f = async (a) => { for await (const x of a ?? []) x?.y; };', '.a:focus-visible{top:0;gap:1px;width:clamp(1px,2vw,3px);height:100vh}');
  assert.equal(status, 0, stderr);
});

test('scripts that WeChat\'s browser cannot read, or lacks functions for, fail the build', () => {
  for (const js of ['class A { static { f(); } }', 'await f();', 'const a = x ||= 1;', '[1].at(-1);', 'crypto.randomUUID();', 'structuredClone({});', 'Object.hasOwn({}, "a");', '[].findLast(f);']) {
    const { status, stderr } = check(js);
    assert.equal(status, 1, js);
    assert.match(stderr, /static\/a\.js: (not ES2020|.*newer than Chromium 86)/, js);
  }
});

test('so do style sheets', () => {
  for (const css of ['a:has(b){top:0}', 'a{inset:0}', 'a{aspect-ratio:3/2}', 'a{height:100dvh}', '@layer a{}', 'a{margin-inline:1px}', 'a{color:color-mix(in srgb,red,blue)}', '@container (width>1px){}', 'a:is(b,c){top:0}', 'a:not(b,c){top:0}', 'a{&:hover{top:0}}']) {
    const { status, stderr } = check('', css);
    assert.equal(status, 1, css);
    assert.match(stderr, /static\/a\.css: .* is newer than Chromium 86/, css);
  }
});

test('so does a first load of more than 150 KB', () => {
  const { status, stderr } = check(`export const x = "${randomBytes(160 * 1024).toString('base64')}";`);
  assert.equal(status, 1);
  assert.match(stderr, /the first load is \d+ bytes/);
});

test('zooming keeps the point under the fingers and never leaves the frame', () => {
  const frame = { width: 400, height: 300 }, at = { x: 100, y: -50 };
  const twice = zoomed(WHOLE, 2, at, frame);
  assert.deepEqual(twice, { scale: 2, x: -100, y: 50 });
  assert.deepEqual(zoomed(twice, 0.5, at, frame), WHOLE, 'back to the whole');
  assert.equal(zoomed(twice, 1000, at, frame).scale, SCALE_MAX);
  assert.deepEqual(zoomed(WHOLE, 0.1, at, frame), WHOLE);
  assert.deepEqual(held({ scale: 2, x: 9999, y: -9999 }, frame), { scale: 2, x: 200, y: -150 });
  assert.deepEqual([swiped(-80, 10), swiped(80, 10), swiped(20, 0), swiped(80, 200)], [1, -1, 0, 0]);
});
