// sharp.mjs - thumbnails by sharp (libvips), as many side by side as bench/thumbs makes. usage: node sharp.mjs PHOTO SIDE OUT
// Says "ready"; makes N of them for every number N it reads, then says "done". Quality and size as ours; defaults otherwise, so libvips
// shrinks while it loads. No sandbox.
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { createInterface } from 'node:readline';
import sharp from 'sharp';

const [, , photo, side, out] = process.argv;
sharp.cache(false);                   // each picture is a new one to a server
sharp.concurrency(1);                 // parallel over pictures, which is the faster way for many small jobs
const slots = availableParallelism();
const one = () => sharp(readFileSync(photo)).rotate().resize(Number(side), Number(side), { fit: 'inside', withoutEnlargement: true })
  .toColourspace('srgb').jpeg({ quality: 90 }).toBuffer();

async function make(n) {
  let left = n, last;
  await Promise.all(Array.from({ length: slots }, async () => { while (left-- > 0) last = await one(); }));
  return last;
}
await make(slots);
console.log('ready');
for await (const line of createInterface({ input: process.stdin })) {
  writeFileSync(out, await make(Number(line)));
  console.log('done');
}
