// pictures.mjs - the README's pictures of the page, out of the page itself: node tools/pictures.mjs -> docs/pictures/{desk,phone,price}.jpg; //
// The people are the product's own examples (NOTICE), enlarged, since the sample photographs' rights are not stated. Real engine, real server.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startServer, root } from '../tests/lib/server.mjs';
import { openBrowser, openWalk } from '../tests/lib/walk.mjs';

const later = [], t = { after: fn => later.unshift(fn) };
const browser = await openBrowser(), server = await startServer(t), shop = await startServer(t, { env: { ZOETROPE_PAY_TEST_MONEY: 'true', ZOETROPE_ENGINE_USE: 'fake' } });
const file = name => join(root, 'docs/pictures', name), jpeg = { type: 'jpeg', quality: 85 };
const example = name => readFileSync(join(root, `products/reunion/examples/${name}.webp`)).toString('base64');

/** An example as a photo of 800 px, as somebody would send it. */
async function photo(page, name) {
  const url = await page.evaluate(async data => {
    const image = await createImageBitmap(await (await fetch(`data:image/webp;base64,${data}`)).blob()), canvas = Object.assign(document.createElement('canvas'), { width: 800, height: 800 });
    canvas.getContext('2d', { alpha: false }).drawImage(image, 0, 0, 800, 800);
    return canvas.toDataURL('image/jpeg', 0.92);
  }, example(name));
  return { name: `${name}.jpg`, mimeType: 'image/jpeg', buffer: Buffer.from(url.split(',')[1], 'base64') };
}

async function toPhotos(walk, people) {
  await walk.go('/new');
  await walk.agree();
  await walk.photos(people);
}
async function toPrice(walk) {
  await walk.next().click();
  await walk.$('.tile input[type=radio]').first().check();
  await walk.next().click();
}

try {
  const desk = await openWalk(t, browser, server.url, { width: 1280, height: 1360 });
  await desk.go('/');
  await desk.calm();
  await desk.page.screenshot({ path: file('desk.jpg'), ...jpeg });

  const phone = await openWalk(t, browser, server.url, { width: 360, height: 740, deviceScaleFactor: 1 });
  const blank = await phone.context.newPage(), people = [await photo(blank, 'cecilia'), await photo(blank, 'eileen')];
  const shots = [];
  const shot = async () => { await phone.page.evaluate(() => new Promise(done => { scrollTo({ top: 0, behavior: 'instant' }); requestAnimationFrame(() => requestAnimationFrame(done)); })); await phone.calm(); shots.push((await phone.page.screenshot()).toString('base64')); };
  await toPhotos(phone, people);
  await shot();
  await toPrice(phone);
  await phone.priced();
  await shot();
  await phone.next().click();
  await phone.task();
  await phone.chosen();
  await shot();
  const price = await openWalk(t, browser, shop.url, { width: 1000, height: 800 });
  await toPhotos(price, people);
  await toPrice(price);
  await price.$('.plans input').first().waitFor();
  await price.calm();
  await price.page.screenshot({ path: file('price.jpg'), ...jpeg });

  await blank.setViewportSize({ width: 1140, height: 760 });
  await blank.setContent(`<body style="margin:0;background:#e8ddcd;display:flex;gap:20px;padding:10px;box-sizing:border-box">${shots.map(s => `<img width="360" height="740" src="data:image/png;base64,${s}">`).join('')}</body>`);
  await blank.screenshot({ path: file('phone.jpg'), ...jpeg });
} finally {
  await browser.close();
  for (const end of later) await end();
}
