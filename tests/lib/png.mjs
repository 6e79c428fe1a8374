// png.mjs - just enough PNG to make test photos out of other photos: 8-bit, not interlaced.
//
//   const p = decode(bytes)            // { width, height, data }: packed RGB
//   encode(p)                          // bytes of a PNG file
//   shrink(p, n), crop(p, x, y, w, h), onCanvas(p, w, h), blur(p, radius)
import { crc32, deflateSync, inflateSync } from 'node:zlib';

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const CHANNELS = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

export function chunk(type, data) {
  const out = Buffer.alloc(12 + data.length);
  out.writeUInt32BE(data.length, 0);
  out.write(type, 4, 'latin1');
  data.copy(out, 8);
  out.writeUInt32BE(crc32(out.subarray(4, 8 + data.length)), 8 + data.length);
  return out;
}

export function header(width, height, colourType = 2) {
  const h = Buffer.alloc(13);
  h.writeUInt32BE(width, 0);
  h.writeUInt32BE(height, 4);
  h.set([8, colourType, 0, 0, 0], 8);
  return chunk('IHDR', h);
}

/** more: chunks between the header and the pixels. */
export function encode({ width, height, data }, more = []) {
  const rows = Buffer.alloc(height * (1 + width * 3));
  for (let y = 0; y < height; y++) data.copy(rows, y * (1 + width * 3) + 1, y * width * 3, (y + 1) * width * 3);
  return Buffer.concat([SIGNATURE, header(width, height), ...more, chunk('IDAT', deflateSync(rows, { level: 1 })), chunk('IEND', Buffer.alloc(0))]);
}

/** A file that says it is that large and holds next to nothing. */
export function bomb(width, height) {
  return Buffer.concat([SIGNATURE, header(width, height), chunk('IDAT', deflateSync(Buffer.alloc(1 << 20))), chunk('IEND', Buffer.alloc(0))]);
}

function unfilter(raw, width, height, bpp) {
  const stride = width * bpp, out = Buffer.alloc(height * stride);
  for (let y = 0; y < height; y++) {
    const filter = raw[y * (stride + 1)], from = y * (stride + 1) + 1, to = y * stride;
    for (let i = 0; i < stride; i++) {
      const a = i >= bpp ? out[to + i - bpp] : 0, b = y ? out[to - stride + i] : 0, c = y && i >= bpp ? out[to - stride + i - bpp] : 0;
      let guess = 0;
      if (filter === 1) guess = a;
      if (filter === 2) guess = b;
      if (filter === 3) guess = (a + b) >> 1;
      if (filter === 4) {
        const p = a + b - c, pa = Math.abs(p - a), pb = Math.abs(p - b), pc = Math.abs(p - c);
        guess = pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
      }
      out[to + i] = raw[from + i] + guess;
    }
  }
  return out;
}

export function decode(bytes) {
  let width, height, type, palette;
  const parts = [];
  for (let at = 8; at < bytes.length;) {
    const n = bytes.readUInt32BE(at), name = bytes.toString('latin1', at + 4, at + 8), data = bytes.subarray(at + 8, at + 8 + n);
    if (name === 'IHDR') {
      width = data.readUInt32BE(0);
      height = data.readUInt32BE(4);
      type = data[9];
      if (data[8] !== 8 || data[12] !== 0) throw new Error('only 8-bit PNG that is not interlaced');
    }
    if (name === 'PLTE') palette = data;
    if (name === 'IDAT') parts.push(data);
    at += 12 + n;
  }
  const bpp = CHANNELS[type], px = unfilter(inflateSync(Buffer.concat(parts)), width, height, bpp), data = Buffer.alloc(width * height * 3);
  for (let i = 0; i < width * height; i++)
    for (let c = 0; c < 3; c++) data[i * 3 + c] = palette ? palette[px[i] * 3 + c] : px[i * bpp + (bpp >= 3 ? c : 0)];
  return { width, height, data };
}

/** n x n pixels become one. */
export function shrink(p, n) {
  const width = Math.floor(p.width / n), height = Math.floor(p.height / n), data = Buffer.alloc(width * height * 3);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) for (let c = 0; c < 3; c++) {
    let sum = 0;
    for (let j = 0; j < n; j++) for (let i = 0; i < n; i++) sum += p.data[((y * n + j) * p.width + x * n + i) * 3 + c];
    data[(y * width + x) * 3 + c] = sum / (n * n);
  }
  return { width, height, data };
}

export function crop(p, x, y, width, height) {
  const data = Buffer.alloc(width * height * 3);
  for (let j = 0; j < height; j++) p.data.copy(data, j * width * 3, ((y + j) * p.width + x) * 3, ((y + j) * p.width + x + width) * 3);
  return { width, height, data };
}

/** In the middle of a grey canvas. */
export function onCanvas(p, width, height) {
  const data = Buffer.alloc(width * height * 3, 128), x = (width - p.width) >> 1, y = (height - p.height) >> 1;
  for (let j = 0; j < p.height; j++) p.data.copy(data, ((y + j) * width + x) * 3, j * p.width * 3, (j + 1) * p.width * 3);
  return { width, height, data };
}

/** Box blur, three times over: close to a Gaussian. */
export function blur(p, radius) {
  let from = Buffer.from(p.data);
  const at = (x, y) => (y * p.width + x) * 3;
  for (let round = 0; round < 6; round++) {
    const to = Buffer.alloc(from.length), along = round % 2 === 0, length = along ? p.width : p.height, lines = along ? p.height : p.width;
    for (let l = 0; l < lines; l++) for (let c = 0; c < 3; c++) {
      const get = i => from[(along ? at(i, l) : at(l, i)) + c], clamp = i => Math.min(length - 1, Math.max(0, i));
      let sum = 0;
      for (let i = -radius; i <= radius; i++) sum += get(clamp(i));
      for (let i = 0; i < length; i++) {
        to[(along ? at(i, l) : at(l, i)) + c] = sum / (2 * radius + 1);
        sum += get(clamp(i + radius + 1)) - get(clamp(i - radius));
      }
    }
    from = to;
  }
  return { ...p, data: from };
}
