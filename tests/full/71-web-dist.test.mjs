// 71-web-dist.test.mjs - the pages from another origin than the API, as an object store would serve them; of the same site, as two ports of one
// host are: pages of another site get no cookie, and the server refuses them (24-cors.test.mjs).
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { openPage } from '../lib/browser.mjs';
import { ONE } from '../lib/expect.mjs';
import { binary, root, startServer, tempDir } from '../lib/server.mjs';

const TYPES = { html: 'text/html; charset=utf-8', js: 'text/javascript', css: 'text/css', svg: 'image/svg+xml', webp: 'image/webp', txt: 'text/plain' };

/** A store with the one rule that tools/web-dist.mjs asks for. */
async function store(t, folder) {
  const server = createServer(async (request, answer) => {
    const path = new URL(request.url, 'http://x').pathname;
    for (const file of path.startsWith('/t/') ? ['/app.html'] : [path, `${path}/index.html`, '/404.html']) {
      const bytes = await readFile(join(folder, file)).catch(() => null);
      if (!bytes) continue;
      answer.writeHead(file === '/404.html' ? 404 : 200, { 'content-type': TYPES[file.split('.').pop()] ?? 'application/octet-stream' });
      answer.end(bytes);
      return;
    }
  });
  await new Promise(done => server.listen(0, '127.0.0.1', done));
  t.after(() => server.close());
  return `http://127.0.0.1:${server.address().port}`;
}

test('the pages on their own reach the API elsewhere, from a photo to the picture', async t => {
  const folder = tempDir('zt-dist-'), site = await store(t, folder);
  const api = await startServer(t, { env: { ZOETROPE_ENGINE_USE: 'fake', ZOETROPE_NET_CORS_ORIGINS: site } });
  execFileSync(process.execPath, [join(root, 'tools/web-dist.mjs'), api.url, folder], { env: { ...process.env, ZOETROPE_BIN: binary() } });
  const page = await openPage(t, { lang: 'en' });
  await page.go(`${site}/`);
  await page.until(`document.querySelector('.closing')`);
  assert.match(await page.text('h1'), /together/, 'in the language of the browser, not that of the file');
  await page.click('.hero a');
  await page.until(`document.querySelector('[data-testid=consent]')`);
  await page.click('[data-testid=consent]');
  await page.until(`document.querySelector('[data-testid=files]')`);
  await page.files('[data-testid=files]', [ONE]);
  await page.until(`document.querySelector('[data-testid=photo]')?.dataset.state === 'ready'`);
  await page.click('.action-bar .button-primary');
  await page.until(`document.querySelectorAll('.tile img').length >= 4 && [...document.querySelectorAll('.tile img')].some(i => i.naturalWidth > 0)`);
  await page.click('.tile input');
  await page.click('.action-bar .button-primary');
  await page.until(`document.querySelector('.price') && !document.querySelector('.bone-word')`);
  await page.click('.action-bar .button-primary');
  await page.until(`document.querySelectorAll('[data-testid=candidate] img').length === 4 && [...document.images].every(i => i.complete && i.naturalWidth)`);
  await page.go(site + await page.js('location.pathname'));                          // the store answers /t/* with the same page
  await page.until(`document.querySelectorAll('[data-testid=candidate]').length === 4`);
  assert.deepEqual(page.errors, []);
});
