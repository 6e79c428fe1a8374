// media.mjs - pictures: thumbnails beside sharp, at equal likeness; and what one family portrait costs.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { treeCpuUs } from '../lib/proc.mjs';
import { built, folder, node, Proc, root } from '../lib/rig.mjs';
import { Client, zoetrope } from '../lib/servers.mjs';
import { ssim } from '../lib/ssim.mjs';

const SIDE = 360, samples = join(root, 'build/deps/samples');

/** A photo of 12 megapixels: a real one enlarged, with the grain of a sensor, as a camera would save it. */
async function photo12(sharp, path) {
  const w = 4000, h = 3000;
  const { data } = await sharp(join(samples, 'sample6.jpg')).resize(w, h, { fit: 'cover', kernel: 'lanczos3' }).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  let seed = 1;
  for (let i = 0; i < data.length; i++) {
    seed = (seed * 1103515245 + 12345) & 0x7fffffff;
    const v = data[i] + ((seed >> 16) % 13) - 6;
    data[i] = v < 0 ? 0 : v > 255 ? 255 : v;
  }
  writeFileSync(path, await sharp(data, { raw: { width: w, height: h, channels: 3 } }).jpeg({ quality: 92 }).toBuffer());
}

/** Likeness of a thumbnail to the whole photo shrunk by Lanczos without any short cut; luma only. */
async function likeness(sharp, photo, thumb) {
  const want = await sharp(readFileSync(photo)).resize(SIDE, SIDE, { fit: 'inside', kernel: 'lanczos3', fastShrinkOnLoad: false }).greyscale().raw().toBuffer({ resolveWithObject: true });
  const got = await sharp(readFileSync(thumb)).greyscale().raw().toBuffer({ resolveWithObject: true });
  if (want.info.width !== got.info.width || want.info.height !== got.info.height) throw new Error(`${thumb} is ${got.info.width}x${got.info.height}, not ${want.info.width}x${want.info.height}`);
  return ssim(want.data, got.data, want.info.width, want.info.height);
}

async function thumbnails(ctx) {
  const { default: sharp } = await import('sharp');
  const dir = folder('thumbs'), photo = join(dir, 'photo.jpg'), out = { ours: join(dir, 'ours.jpg'), theirs: join(dir, 'theirs.jpg') };
  await photo12(sharp, photo);
  const maker = (name, p) => ({
    stop: () => p.stop(),
    ready: () => p.line(/^ready$/),
    async make(n) {
      const cpu = treeCpuUs(p.pid), began = performance.now();
      p.write(`${n}\n`);
      await p.line(/^done$/);
      return { n, seconds: (performance.now() - began) / 1000, cpuUs: treeCpuUs(p.pid) - cpu };
    },
  });
  const ours = maker('thumbs', new Proc('thumbs', built('bench/thumbs'), [photo, String(SIDE), out.ours, `--media.helper=${built('zoetrope-media')}`]));
  const theirs = maker('sharp', new Proc('sharp', node, [join(root, 'bench/peers/sharp.mjs'), photo, String(SIDE), out.theirs]));
  try {
    await ours.ready();
    await theirs.ready();
    const n = ctx.quick ? 10 : 60;
    await ctx.ab('thumbs-sharp', { ours: () => ours.make(n), theirs: () => theirs.make(n), value: m => m.n / m.seconds, extra: m => ({ cpu_ms_each: m.cpuUs / m.n / 1000 }) });
    ctx.add('thumbs-ssim', 'ours', await likeness(sharp, photo, out.ours));
    ctx.add('thumbs-ssim-sharp', 'ours', await likeness(sharp, photo, out.ours));
    ctx.add('thumbs-ssim-sharp', 'theirs', await likeness(sharp, photo, out.theirs));
    const keep = join(root, 'out/bench');
    mkdirSync(keep, { recursive: true });
    for (const [who, path] of Object.entries(out)) if (existsSync(path)) writeFileSync(join(keep, `thumb-${who}.jpg`), readFileSync(path));
  } finally {
    await ours.stop();
    await theirs.stop();
  }
}

/** CPU seconds of server and helper for a portrait of three with four candidates, from the first byte of a photo to `choosing`. */
async function portrait(ctx) {
  const server = await zoetrope({ args: ['--product.guest_credits=100000'] });
  try {
    const client = await Client.guest(server.url);
    for (let i = 0; i < (ctx.quick ? 1 : 3); i++) {
      const cpu = treeCpuUs(...server.pids), began = performance.now(), people = [];
      for (const [file, face] of [['girl-919048_1280.jpg', 0], ['sample6.jpg', 3], ['woman-5883428_1280.jpg', 0]])
        people.push({ asset: (await client.photo(join(samples, file))).id, face });
      const task = await client.waitTask((await client.buy(await client.quote({ people, template: 'hall', candidates: 4 }))).id);
      if (task.state !== 'choosing') throw new Error(`the portrait ended as ${task.state}`);
      ctx.add('portrait-cpu', 'ours', (treeCpuUs(...server.pids) - cpu) / 1e6, { seconds: (performance.now() - began) / 1000 });
    }
  } finally {
    await server.stop();
  }
}

export const groups = [
  { rows: ['thumbs-sharp', 'thumbs-ssim', 'thumbs-ssim-sharp'], run: thumbnails },
  { rows: ['portrait-cpu'], run: portrait },
];
