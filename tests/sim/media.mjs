// media.mjs - files for the simulators of engines: what a file is, by its head, and small pictures and clips that tell what they were made from.
//
//   probe(bytes)                 // {type, width, height, seconds, fps} or null
//   picture(key, {width, height})    // PNG; the pixels depend on the key
//   clip(key, {width, height, seconds, fps})     // MP4, H.264 baseline, some 12 bytes a frame; one colour, which depends on the key, and so do the bytes
import { createHash } from 'node:crypto';
import { encode } from '../lib/png.mjs';

export const sha256 = data => createHash('sha256').update(data).digest('hex');

// ---- what it is ----
function jpegSize(b) {
  for (let at = 2; at + 9 < b.length;) {
    if (b[at] !== 0xff) return null;
    const marker = b[at + 1];
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) return { width: b.readUInt16BE(at + 7), height: b.readUInt16BE(at + 5) };
    at += 2 + b.readUInt16BE(at + 2);
  }
  return null;
}
function webpSize(b) {
  const kind = b.toString('latin1', 12, 16);
  if (kind === 'VP8X') return { width: 1 + b.readUIntLE(24, 3), height: 1 + b.readUIntLE(27, 3) };
  if (kind === 'VP8L') return { width: 1 + (b.readUInt32LE(21) & 0x3fff), height: 1 + ((b.readUInt32LE(21) >> 14) & 0x3fff) };
  return { width: b.readUInt16LE(26) & 0x3fff, height: b.readUInt16LE(28) & 0x3fff };
}
/** {name: [content, ...]} of the boxes that lie in b. */
function boxes(b) {
  const out = {};
  for (let at = 0; at + 8 <= b.length;) {
    const wide = b.readUInt32BE(at) === 1, size = wide ? Number(b.readBigUInt64BE(at + 8)) : b.readUInt32BE(at) || b.length - at;
    if (size < 8) break;
    (out[b.toString('latin1', at + 4, at + 8)] ??= []).push(b.subarray(at + (wide ? 16 : 8), at + size));
    at += size;
  }
  return out;
}
function movie(b) {
  const moov = boxes(b).moov?.[0], mvhd = moov && boxes(moov).mvhd?.[0];
  if (!mvhd) return null;
  const v1 = mvhd[0] === 1, scale = mvhd.readUInt32BE(v1 ? 20 : 12), length = v1 ? Number(mvhd.readBigUInt64BE(24)) : mvhd.readUInt32BE(16);
  for (const trak of (boxes(moov).trak ?? []).map(boxes)) {
    const h = trak.tkhd[0], mdia = boxes(trak.mdia[0]), width = h.readUInt32BE(h.length - 8) >>> 16;
    if (!width) continue;                             // it is heard, not seen
    const frames = boxes(boxes(mdia.minf[0]).stbl[0]).stsz[0].readUInt32BE(8), seconds = length / scale;
    return { type: b.toString('latin1', 8, 12) === 'qt  ' ? 'video/quicktime' : 'video/mp4', width, height: h.readUInt32BE(h.length - 4) >>> 16, seconds, fps: Math.round(100 * frames / seconds) / 100 };
  }
  return null;
}

export function probe(b) {
  try {
    if (b.subarray(0, 8).equals(Buffer.from('89504e470d0a1a0a', 'hex'))) return { type: 'image/png', width: b.readUInt32BE(16), height: b.readUInt32BE(20) };
    if (b.readUInt16BE(0) === 0xffd8) return jpegSize(b) && { type: 'image/jpeg', ...jpegSize(b) };
    if (b.toString('latin1', 0, 2) === 'BM') return { type: 'image/bmp', width: b.readInt32LE(18), height: Math.abs(b.readInt32LE(22)) };
    if (b.toString('latin1', 8, 12) === 'WEBP') return { type: 'image/webp', ...webpSize(b) };
    if (b.toString('latin1', 0, 3) === 'GIF') return { type: 'image/gif', width: b.readUInt16LE(6), height: b.readUInt16LE(8) };
    if (b.toString('latin1', 4, 8) === 'ftyp') return movie(b);
    if (b.toString('latin1', 8, 12) === 'AVI ') {     // its main header comes first
      const us = b.readUInt32LE(32);
      return { type: 'video/x-msvideo', width: b.readUInt32LE(64), height: b.readUInt32LE(68), seconds: b.readUInt32LE(48) * us / 1e6, fps: Math.round(1e8 / us) / 100 };
    }
  } catch (e) {
    if (!(e instanceof RangeError || e instanceof TypeError)) throw e;      // cut in the middle of its head, or without what every movie has
  }
  return null;
}

// ---- a picture ----
const BLOCK = 8;
/** Blocks of the colours that the key's hash has: 8 by 8 of them. */
export function picture(key, { width = 64, height = 64 } = {}) {
  const colours = Buffer.concat(Array.from({ length: 6 }, (_, i) => createHash('sha256').update(`${i} ${key}`).digest())), data = Buffer.alloc(width * height * 3);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const block = Math.floor(y * BLOCK / height) * BLOCK + Math.floor(x * BLOCK / width);
      colours.copy(data, (y * width + x) * 3, block * 3, block * 3 + 3);
    }
  return encode({ width, height, data });
}

// ---- a clip: a macroblock of samples and all others like their neighbours; and then only skipped ones ----
class Bits {
  #bytes = []; #left = 8; #now = 0;
  u(value, n) {
    for (let i = n - 1; i >= 0; i--) {
      this.#now |= ((value >> i) & 1) << --this.#left;
      if (!this.#left) this.#push();
    }
    return this;
  }
  #push() { this.#bytes.push(this.#now); this.#now = 0; this.#left = 8; }
  ue(v) { const n = 32 - Math.clz32(v + 1); return this.u(0, n - 1).u(v + 1, n); }
  raw(bytes) {
    if (this.#left < 8) this.#push();
    this.#bytes.push(...bytes);
  }
  /** A NAL unit: no three bytes in it look like the start of another. */
  nal(head) {
    this.u(1, 1);
    if (this.#left < 8) this.#push();
    const out = [head];
    for (const b of this.#bytes) {
      if (b <= 3 && out.at(-1) === 0 && out.at(-2) === 0 && out.length > 2) out.push(3);
      out.push(b);
    }
    return Buffer.from(out);
  }
}
const box = (name, ...parts) => {
  const body = Buffer.concat(parts.map(p => (typeof p === 'string' ? Buffer.from(p, 'hex') : p))), head = Buffer.alloc(8);
  head.writeUInt32BE(8 + body.length);
  head.write(name, 4, 'latin1');
  return Buffer.concat([head, body]);
};
const u32 = (...n) => { const b = Buffer.alloc(4 * n.length); n.forEach((v, i) => b.writeUInt32BE(v, 4 * i)); return b; };
const u16 = (...n) => { const b = Buffer.alloc(2 * n.length); n.forEach((v, i) => b.writeUInt16BE(v, 2 * i)); return b; };
const sized = nal => Buffer.concat([u32(nal.length), nal]);

/** width and height even; brand "qt  ": a MOV. */
export function clip(key, { width = 64, height = 64, seconds = 2, fps = 8, brand = 'isom' } = {}) {
  const w = Math.ceil(width / 16), h = Math.ceil(height / 16), crop = [w * 16 - width, h * 16 - height].map(n => n / 2), [y, cb, cr] = createHash('sha256').update(String(key)).digest();
  const sps = new Bits().u(66, 8).u(0xc0, 8).u(40, 8).ue(0).ue(0).ue(2).ue(1).u(0, 1).ue(w - 1).ue(h - 1).u(3, 2).u(crop[0] || crop[1] ? 1 : 0, 1);
  if (crop[0] || crop[1]) sps.ue(0).ue(crop[0]).ue(0).ue(crop[1]);
  const pps = new Bits().ue(0).ue(0).u(0, 2).ue(0).ue(0).ue(0).u(0, 3).ue(0).ue(0).ue(0).u(1, 1).u(0, 2).nal(0x68), idr = new Bits().ue(0).ue(7).ue(0).u(0, 4).ue(0).u(0, 2).ue(0).ue(1);
  idr.ue(25).raw([...Buffer.alloc(256, 48 + (y >> 1)), ...Buffer.alloc(64, 48 + (cb >> 1)), ...Buffer.alloc(64, 48 + (cr >> 1))]);      // I_PCM
  for (let i = 1; i < w * h; i++) {
    idr.ue(3).ue(0).ue(0);                          // Intra 16x16 from the mean of its neighbours, chroma too, the same quantiser
    if ((i === 1 && w > 1) || i === w) idr.u(3, 6);  // no coefficients: written by how many the neighbours have, and I_PCM counts as 16
    else idr.u(1, 1);
  }
  const spsNal = sps.u(0, 1).nal(0x67), count = Math.max(1, Math.round(seconds * fps)), frames = [sized(idr.nal(0x65))];
  for (let n = 1; n < count; n++) frames.push(sized(new Bits().ue(0).ue(5).ue(0).u(n % 16, 4).u(0, 3).ue(0).ue(1).ue(w * h).nal(0x41)));
  const length = Math.round(seconds * 1000), matrix = u32(0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000), tick = Math.round(1000 / fps);
  const avc1 = box('avc1', Buffer.alloc(6), u16(1), Buffer.alloc(16), u16(width, height), u32(0x480000, 0x480000, 0), u16(1), Buffer.alloc(32), u16(24, 0xffff),
    box('avcC', '0142c028ffe1', u16(spsNal.length), spsNal, '01', u16(pps.length), pps));
  const ftyp = Buffer.concat([box('ftyp', Buffer.from(brand), u32(0x200), Buffer.from(`${brand}isomavc1`)), box('free', Buffer.from(String(key)))]);
  const moov = start => box('moov',
    box('mvhd', u32(0, 0, 0, 1000, length, 0x10000), u16(0x100, 0), u32(0, 0), matrix, u32(0, 0, 0, 0, 0, 0, 2)),
    box('trak', box('tkhd', u32(7, 0, 0, 1, 0, length, 0, 0), u16(0, 0, 0, 0), matrix, u32(width * 65536, height * 65536)),
      box('mdia', box('mdhd', u32(0, 0, 0, 1000, length), u16(0x55c4, 0)), box('hdlr', u32(0, 0), Buffer.from('vide'), u32(0, 0, 0), Buffer.from('video\0')),
        box('minf', box('vmhd', u32(1), u16(0, 0, 0, 0)), box('dinf', box('dref', u32(0, 1), box('url ', u32(1)))),
          box('stbl', box('stsd', u32(0, 1), avc1), box('stts', u32(0, 1, count, tick)), box('stss', u32(0, 1, 1)), box('stsc', u32(0, 1, 1, count, 1)),
            box('stsz', u32(0, 0, count), u32(...frames.map(f => f.length))), box('stco', u32(0, 1, start)))))));
  return Buffer.concat([ftyp, moov(ftyp.length + moov(0).length + 8), box('mdat', ...frames)]);
}
