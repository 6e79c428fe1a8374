// ssim.mjs - structural similarity of two grey pictures: Wang, Bovik, Sheikh, Simoncelli, "Image Quality Assessment" (2004).

const SIGMA = 1.5, REACH = 5, C1 = (0.01 * 255) ** 2, C2 = (0.03 * 255) ** 2;
const kernel = Array.from({ length: 2 * REACH + 1 }, (_, i) => Math.exp(-((i - REACH) ** 2) / (2 * SIGMA ** 2)));
const total = kernel.reduce((a, b) => a + b, 0);

/** Gaussian mean of each window that lies wholly inside, rows then columns. */
function blur(src, w, h) {
  const w2 = w - 2 * REACH, h2 = h - 2 * REACH, rows = new Float64Array(w2 * h), out = new Float64Array(w2 * h2);
  for (let y = 0; y < h; y++)
    for (let x = 0; x < w2; x++) {
      let s = 0;
      for (let k = 0; k < kernel.length; k++) s += kernel[k] * src[y * w + x + k];
      rows[y * w2 + x] = s / total;
    }
  for (let y = 0; y < h2; y++)
    for (let x = 0; x < w2; x++) {
      let s = 0;
      for (let k = 0; k < kernel.length; k++) s += kernel[k] * rows[(y + k) * w2 + x];
      out[y * w2 + x] = s / total;
    }
  return out;
}

/** Mean SSIM of two pictures of w x h bytes each: 1 for the same picture. Windows of 11 x 11, sigma 1.5. */
export function ssim(a, b, w, h) {
  if (a.length !== w * h || b.length !== w * h) throw new Error('not pictures of that size');
  const product = (p, q) => Float64Array.from(p, (v, i) => v * q[i]);
  const ma = blur(a, w, h), mb = blur(b, w, h), aa = blur(product(a, a), w, h), bb = blur(product(b, b), w, h), ab = blur(product(a, b), w, h);
  let sum = 0;
  for (let i = 0; i < ma.length; i++) {
    const va = aa[i] - ma[i] ** 2, vb = bb[i] - mb[i] ** 2, cov = ab[i] - ma[i] * mb[i];
    sum += ((2 * ma[i] * mb[i] + C1) * (2 * cov + C2)) / ((ma[i] ** 2 + mb[i] ** 2 + C1) * (va + vb + C2));
  }
  return sum / ma.length;
}
