// web-dist.mjs - the pages as files, for an object store or a CDN.  node tools/web-dist.mjs [API_ORIGIN] [FOLDER]
//
// API_ORIGIN   "https://api.example.com": where the API is; its server needs the origin of these pages in net.cors_origins, and both must be below
//              one domain (https://photos.example.com), or browsers send no cookie. Empty: the same origin.
// FOLDER       default web/dist-static; made anew
//
// The server itself writes them: it is started on an empty data folder, asked for every page, and stopped.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { root, startServer } from '../tests/lib/server.mjs';

const [api = '', folder = join(root, 'web/dist-static')] = process.argv.slice(2), out = resolve(folder);
if (api && !/^https?:\/\/[a-z0-9.:[\]-]+$/.test(api)) {
  console.error(`web-dist: "${api}" is no origin such as https://api.example`);
  process.exit(2);
}
process.env.ZOETROPE_BIN ??= join(root, 'build/release/zoetrope');

function put(path, bytes) {
  const file = join(out, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, bytes);
}

/** The API's origin goes into the data and the policy; the policy becomes part of the page, since a store sends no such header. */
function placed(html, policy) {
  const here = `'self'${api ? ` ${api}` : ''}`;
  const csp = policy.replace(/; frame-ancestors[^;]*/, '').replace(/(img-src|connect-src) 'self'/g, `$1 ${here}`);
  return html.replace('"api":""', () => `"api":${JSON.stringify(api)}`).replace('<meta charset="utf-8">', () => `<meta charset="utf-8">\n  <meta http-equiv="Content-Security-Policy" content="${csp}">`);
}

const server = await startServer(null);
try {
  rmSync(out, { recursive: true, force: true });
  const get = async path => {
    const answer = await fetch(server.url + path, { headers: { accept: 'text/html', 'accept-language': 'zh' } });
    if (!answer.ok && path !== '/404') throw new Error(`${path}: ${answer.status}`);
    return answer;
  };
  const page = async (path, file) => {
    const answer = await get(path), html = await answer.text();
    put(file, placed(html, answer.headers.get('content-security-policy')));
    return html;
  };
  const first = await page('/', 'index.html'), seen = new Set();
  for (const name of ['new', 'me', 'orders', 'wallet', 'sign-in', 'sign-up', 'auth', 'admin']) await page(`/${name}`, `${name}/index.html`);
  await page('/me', 'app.html');        // for /t/*, /buy/*, /orders/*, /pay/*: a rule of the store or CDN
  await page('/404', '404.html');
  const copy = async path => {
    if (seen.has(path)) return;
    seen.add(path);
    const bytes = Buffer.from(await (await get(path)).arrayBuffer());
    put(path.split('?')[0].slice(1), bytes);
    if (!path.endsWith('.js') && !path.endsWith('.css')) return;
    const text = bytes.toString();
    for (const [, name] of text.matchAll(/["'`(](?:\.\/|\/?static\/)([\w.-]+\.(?:js|css|svg|webp))["'`)]/g)) await copy(`/static/${name}`);
  };
  for (const [, path] of first.matchAll(/"(\/(?:static|product|theme\.css|icon\.svg)[^"]*)"/g)) await copy(path);
  await copy('/robots.txt');
  console.log(`web-dist: ${out}: ${seen.size} files and the pages${api ? `, for the API at ${api}` : ''}`);
  console.log('web-dist: let the store answer /t/*, /buy/*, /orders/* and /pay/* with app.html and everything unknown with 404.html');
} finally {
  await server.stop();
  server.forget();
}
