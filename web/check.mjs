// check.mjs - what must be true of the built pages.  node web/check.mjs DIST
import * as acorn from 'acorn';
import { full } from 'acorn-walk';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const dist = process.argv[2], here = import.meta.dirname, bad = [];
const assets = readdirSync(join(dist, 'static')), read = name => readFileSync(join(dist, 'static', name), 'utf8');

// ---- scripts: nothing that a browser of Chromium 86 (WeChat's) cannot read or lacks ----
const LATER = new Set(['at', 'findLast', 'findLastIndex', 'toSorted', 'toReversed', 'toSpliced', 'hasOwn', 'replaceAllWith', 'randomUUID', 'groupBy', 'withResolvers', 'isWellFormed']);
const LATER_GLOBALS = new Set(['structuredClone', 'scheduler', 'URLPattern', 'Temporal']);
const guarded = /typeof (structuredClone|scheduler)/;      // a library that asks first may use it
for (const name of assets.filter(n => n.endsWith('.js'))) {
  let tree;
  const code = read(name);
  try {
    tree = acorn.parse(code, { ecmaVersion: 2020, sourceType: 'module', allowHashBang: false });
  } catch (error) {
    // class fields came with Chrome 72 and 84, `??=` with 85: all that es2021 and 2022 have that Chromium 86 knows is compiled away as well
    bad.push(`static/${name}: not ES2020: ${error.message}`);
    continue;
  }
  full(tree, node => {
    if (node.type === 'CallExpression' && node.callee.type === 'MemberExpression' && !node.callee.computed && LATER.has(node.callee.property.name)) {
      bad.push(`static/${name}: .${node.callee.property.name}() is newer than Chromium 86: ${code.slice(node.start, node.start + 80)}`);
    }
    if (node.type === 'CallExpression' && node.callee.type === 'Identifier' && LATER_GLOBALS.has(node.callee.name) && !guarded.test(code)) {
      bad.push(`static/${name}: ${node.callee.name}() is newer than Chromium 86`);
    }
  });
}

// ---- style sheets ----
const NEWER = [
  [/:has\(/, ':has()'], [/:is\(/, ':is()'], [/:where\(/, ':where()'], [/(^|[;{\s])inset(-[a-z]+)*:/, 'inset'], [/aspect-ratio:/, 'aspect-ratio'],
  [/\b\d+(\.\d+)?[dsl]v[hw]\b/, 'dvh, svh, lvh'], [/@layer\b/, '@layer'], [/@container\b/, '@container'], [/color-mix\(/, 'color-mix()'], [/oklch\(|oklab\(|lab\(|lch\(/, 'new colour spaces'],
  [/(margin|padding)-(inline|block):/, 'logical shorthands'], [/translate:|rotate:|scale:/, 'single transforms'], [/@media[^{]*[<>]=/, 'media ranges'], [/(^|[{};\s])&/, 'nesting'],
  [/:not\([^()]*,/, ':not() with a list'], [/overflow(-[xy])?:\s*clip/, 'overflow: clip'],
];
for (const name of assets.filter(n => n.endsWith('.css'))) {
  const css = read(name);
  for (const [pattern, what] of NEWER) if (pattern.test(css)) bad.push(`static/${name}: ${what} is newer than Chromium 86: …${pattern.exec(css).input.slice(pattern.exec(css).index, pattern.exec(css).index + 60)}`);
}

// ---- words: every key is used somewhere (that none is missing, tsc says) ----
const sources = readdirSync(join(here, 'src'), { recursive: true }).filter(n => /\.tsx?$/.test(n) && !/words\/(admin-|shop-)?(en|zh)/.test(n)).map(n => readFileSync(join(here, 'src', n), 'utf8')).join('\n');
for (const file of ['en.ts', 'admin-en.ts', 'shop-en.ts']) {
  for (const [, key] of readFileSync(join(here, 'src/words', file), 'utf8').matchAll(/^ {2}(\w+): /gm)) {
    const base = key.replace(/_(one|other)$/, '');
    if (!sources.includes(`'${base}'`)) bad.push(`web/src/words/${file}: nobody says "${key}"`);
  }
}

// ---- weight: what must come before a page works, gzipped ----
const BUDGET = 150 * 1024, html = readFileSync(join(dist, 'landing.en.html'), 'utf8');
const first = new Set(), visit = name => {
  if (first.has(name)) return;
  first.add(name);
  for (const [, next] of read(name).matchAll(/(?:from|import)\s*["']\.\/([\w.-]+\.js)["']/g)) visit(next);
};
for (const [, name] of html.matchAll(/static\/([\w.-]+\.js)/g)) visit(name);
const weight = [...first].reduce((sum, name) => sum + gzipSync(read(name), { level: 9 }).length, 0);
if (first.size === 0) bad.push('landing.en.html loads no script');
if (weight > BUDGET) bad.push(`the first load is ${weight} bytes of gzipped JavaScript, the limit is ${BUDGET}`);

for (const complaint of bad) console.error(`web: ${complaint}`);
if (bad.length) process.exit(1);
console.error(`web: first load ${(weight / 1024).toFixed(1)} KB of JavaScript, gzipped (limit ${BUDGET / 1024})`);
