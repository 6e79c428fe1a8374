// build.mjs - the pages: types checked, bundled, first screens rendered, checked, compressed.  node web/build.mjs OUT [--stamp FILE]
//
// OUT/landing.{en,zh}.html, OUT/app.{en,zh}.html   with {{holes}} for the server
// OUT/static/…                                     names with a hash; each also as .gz and .br where that is smaller
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const here = import.meta.dirname, out = resolve(process.argv[2] ?? join(here, 'dist'));
process.chdir(here);
process.env.NODE_ENV = 'production';

// ./run client needs a program of the changed API before the types can agree with it
if (!process.env.ZT_PAGES_UNCHECKED) execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', '.'], { stdio: ['ignore', 2, 2] });

const { build } = await import('vite');
const quiet = { logLevel: 'warn', configFile: join(here, 'vite.config.ts') };
await build({ ...quiet, build: { outDir: out, emptyOutDir: true, rollupOptions: { input: 'index.html' } } });

// ---- the first screens ----
const rooms = mkdtempSync(join(tmpdir(), 'zt-prerender-'));
await build({ ...quiet, build: { outDir: rooms, ssr: 'src/prerender.tsx', emptyOutDir: true, rollupOptions: { output: { entryFileNames: 'prerender.mjs' } } }, ssr: { noExternal: true } });
const { landing, frame } = await import(pathToFileURL(join(rooms, 'prerender.mjs')).href);
rmSync(rooms, { recursive: true });
const page = readFileSync(join(out, 'index.html'), 'utf8');
rmSync(join(out, 'index.html'));
for (const lang of ['en', 'zh']) {
  for (const [name, shell] of [['landing', landing(lang)], ['app', frame(lang)]]) {
    if (/ style="|<script/.test(shell)) throw new Error(`${name}.${lang}: the first screen has what the Content-Security-Policy refuses`);
    writeFileSync(join(out, `${name}.${lang}.html`), page.replace('<!--shell-->', () => shell).replace('<!--head-->', '{{head}}').replace('<!--boot-->', '{{boot}}'));
  }
}

execFileSync(process.execPath, ['check.mjs', out], { stdio: ['ignore', 2, 2] });

// ---- what the server may send instead ----
for (const name of readdirSync(join(out, 'static'))) {
  if (!/\.(js|css|svg)$/.test(name)) continue;
  const path = join(out, 'static', name), bytes = readFileSync(path);
  const gz = gzipSync(bytes, { level: 9 }), br = brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } });
  if (gz.length < bytes.length * 0.95) writeFileSync(`${path}.gz`, gz);
  if (br.length < bytes.length * 0.95) writeFileSync(`${path}.br`, br);
}
