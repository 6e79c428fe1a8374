// expect.mjs - what the whole-server tests say again and again.
import assert from 'node:assert/strict';
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, tempDir } from './server.mjs';

export const samples = join(root, 'build/deps/samples');
export const sample = name => join(samples, name);
export const ONE = sample('girl-919048_1280.jpg');        // one person, 1280x853
export const FOUR = sample('sample6.jpg');                // four people, 1920x1537
export const NOBODY = join(root, 'share/templates/hall/background.jpg');

/** A server whose day of free pictures is at noon now, so that none ends while a test looks. */
export const NOON_H = 12 - new Date().getUTCHours(), NOON = { ZOETROPE_SHOP_DAY_OFFSET_H: String(NOON_H) };

/** The product where a step may take all of its task's time, for pictures that are really made: the machine may be busy with something else. */
export function patientProducts() {
  const dir = tempDir('zt-products-'), recipe = join(dir, 'reunion/recipes/family-portrait.yaml');
  cpSync(join(root, 'products'), dir, { recursive: true });
  const text = readFileSync(recipe, 'utf8').replace(/step_s: \d+, deadline_s: (\d+)/, 'step_s: $1, deadline_s: $1');
  assert.match(text, /step_s: 600/);
  writeFileSync(recipe, text);
  return dir;
}

/** The answer is that problem, in both languages, with the next step. `answer`: of Client.send(). */
export function isProblem(answer, status, code) {
  const p = answer.json;
  assert.equal(answer.status, status, answer.text);
  assert.match(answer.headers.get('content-type'), /^application\/problem\+json/);
  assert.equal(p?.code, code, answer.text);
  assert.equal(p.status, status);
  for (const lang of ['en', 'zh']) for (const key of ['title', 'next']) assert.ok(p.i18n[lang][key].length > 1, `${lang}.${key} of ${code}`);
  assert.notEqual(p.i18n.en.title, p.i18n.zh.title);
  assert.match(p.i18n.zh.title, /\p{Script=Han}/u);
  return p;
}

/** A list of reasons as the page shows them: exactly these codes, each in both languages. */
export function hasReasons(list, codes) {
  assert.deepEqual(list.map(r => r.code), codes);
  for (const r of list) for (const key of ['en', 'next_en', 'zh', 'next_zh']) assert.ok(r[key]?.length > 1, `${key} of ${r.code}`);
}

/** Every file under the data folder that holds somebody's bytes. */
export function storedFiles(dataDir) {
  return ['blob', 'upload'].flatMap(part => readdirSync(join(dataDir, part), { recursive: true, withFileTypes: true }))
    .filter(e => e.isFile()).map(e => join(e.parentPath, e.name)).sort();
}
