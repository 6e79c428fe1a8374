#!/usr/bin/env node
// Draws products/reunion/mark.png, the brand in pictures of plans with a watermark: white on nothing, with a soft shadow, so that it can be read
// on light and dark alike. The picture is kept with the product; this is how it was made, with Chromium.
//
//   node tools/mark.mjs <Chinese font> <Latin font> [out.png]      fonts: files of @fontsource/noto-serif-sc (OFL 1.1), weights 600 and 600
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { deflateSync } from 'node:zlib';
import { openPage } from '../tests/lib/browser.mjs';
import { chunk, header } from '../tests/lib/png.mjs';

const [chinese, latin, out = resolve(import.meta.dirname, '../products/reunion/mark.png')] = process.argv.slice(2);
if (!chinese || !latin) throw new Error('mark.mjs: name the two font files');
const font = file => `url(data:font/woff2;base64,${readFileSync(file).toString('base64')})`;

// 740 px is 18 % of 4096, the widest picture there is; it is only ever shrunk.
const html = `<!doctype html><meta charset="utf-8"><style>
  @font-face { font-family: Mark; src: ${font(chinese)}; unicode-range: U+2E80-9FFF }
  @font-face { font-family: Mark; src: ${font(latin)}; unicode-range: U+0-FF }
  html, body { margin: 0; background: transparent }
  #mark { width: 740px; height: 232px; display: flex; flex-direction: column; align-items: center; justify-content: center;
          color: #fff; font-family: Mark; font-weight: 600; filter: drop-shadow(0 2px 4px rgba(0,0,0,.6)) drop-shadow(0 0 7px rgba(0,0,0,.3)) }
  #zh { font-size: 128px; line-height: 132px; letter-spacing: 12px; margin-right: -12px; white-space: nowrap }
  #en { display: flex; align-items: center; gap: 26px; font-size: 50px; line-height: 60px; letter-spacing: 15px; white-space: nowrap }
  #en i { width: 118px; height: 4px; background: #fff; border-radius: 2px }
  #en b { font-weight: 600; margin-right: -15px }
</style><div id="mark"><div id="zh">团圆照相馆</div><div id="en"><i></i><b>Reunion</b><i></i></div></div>`;

const WIDTH = 740, HEIGHT = 232;

/** Gray and alpha, in steps nobody sees: half the bytes of what Chromium writes. */
function encode(rgba) {
  const rows = Buffer.alloc(HEIGHT * (1 + 2 * WIDTH));
  for (let y = 0; y < HEIGHT; y++) {
    const row = y * (1 + 2 * WIDTH);
    for (let x = 0; x < WIDTH; x++) {
      const at = 4 * (y * WIDTH + x), alpha = Math.round(rgba[at + 3] / 5) * 5;
      rows[row + 1 + 2 * x] = alpha ? Math.round(rgba[at] / 51) * 51 : 0;
      rows[row + 2 + 2 * x] = alpha;
    }
  }
  return Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), header(WIDTH, HEIGHT, 4), chunk('IDAT', deflateSync(rows, { level: 9 })), chunk('IEND', Buffer.alloc(0))]);
}

const after = [];
try {
  const page = await openPage({ after: fn => after.push(fn) }, { lang: 'zh', width: WIDTH, height: HEIGHT });
  const { frameTree } = await page.cdp('Page.getFrameTree');
  await page.cdp('Emulation.setDeviceMetricsOverride', { width: WIDTH, height: HEIGHT, deviceScaleFactor: 1, mobile: false });
  await page.cdp('Page.setDocumentContent', { frameId: frameTree.frame.id, html });
  await page.js('document.fonts.ready.then(() => Promise.all([...document.fonts].map(f => f.load()))).then(() => 1)');
  await page.cdp('Emulation.setDefaultBackgroundColorOverride', { color: { r: 0, g: 0, b: 0, a: 0 } });
  const { data } = await page.cdp('Page.captureScreenshot', { format: 'png', clip: { x: 0, y: 0, width: WIDTH, height: HEIGHT, scale: 1 } });
  const pixels = await page.js(`(async () => {
    const image = new Image();
    image.src = 'data:image/png;base64,${data}';
    await image.decode();
    const canvas = document.createElement('canvas');
    canvas.width = image.width; canvas.height = image.height;
    const c = canvas.getContext('2d');
    c.drawImage(image, 0, 0);
    return Array.from(c.getImageData(0, 0, image.width, image.height).data);
  })()`);
  const png = encode(pixels);
  writeFileSync(out, png);
  console.log(`${out}: ${png.length} bytes`);
} finally {
  for (const fn of after.reverse()) await fn();
}
