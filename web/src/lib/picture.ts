/** What the browser itself can do for a photo before it is sent: make it smaller, and look whether it will be good. It never refuses. */

export type Hint = 'hintDark' | 'hintBright' | 'hintBlurred' | 'hintSmall';
export interface Looked { width: number; height: number; hint: Hint | null }

const LONG_SIDE = 2048, LOOK_SIDE = 256, QUALITY = 0.9;
const SHORT_SIDE_GOOD = 720;

/** Photos of phones are HEIC where the browser may not read them: then the server looks alone. */
export async function open(file: Blob): Promise<HTMLImageElement | null> {
  const url = URL.createObjectURL(file), image = new Image();
  try {
    image.src = url;
    await image.decode();        // upright: browsers turn by EXIF since Chromium 81
    return image;
  } catch {
    return null;
  } finally {
    URL.revokeObjectURL(url);
  }
}

function paint(image: HTMLImageElement, longSide: number): HTMLCanvasElement | null {
  const scale = Math.min(1, longSide / Math.max(image.naturalWidth, image.naturalHeight)), canvas = document.createElement('canvas');
  canvas.width = Math.max(1, Math.round(image.naturalWidth * scale));
  canvas.height = Math.max(1, Math.round(image.naturalHeight * scale));
  const context = canvas.getContext('2d');
  if (!context) return null;
  context.imageSmoothingQuality = 'high';
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  return canvas;
}

/** A smaller JPEG of the same picture; null when it would not be smaller or cannot be made (phones run out of canvas memory). */
export async function shrink(image: HTMLImageElement, bytes: number): Promise<Blob | null> {
  const canvas = paint(image, LONG_SIDE);
  if (!canvas) return null;
  const small = await new Promise<Blob | null>(done => canvas.toBlob(done, 'image/jpeg', QUALITY));
  return small && small.size < bytes ? small : null;
}

/** Worth shrinking: over the limit, or so large that sending it takes a phone noticeably longer. */
export function isLarge(image: HTMLImageElement, bytes: number, bytesMax: number): boolean {
  return bytes > bytesMax || (bytes > 3_000_000 && Math.max(image.naturalWidth, image.naturalHeight) > LONG_SIDE);
}

/** Brightness 0..255 on average, and how much edges stand out (variance of the Laplacian): thresholds tried on phone photos. */
export function look(image: HTMLImageElement): Looked {
  const { naturalWidth: width, naturalHeight: height } = image, canvas = paint(image, LOOK_SIDE);
  const pixels = canvas?.getContext('2d', { willReadFrequently: true })?.getImageData(0, 0, canvas.width, canvas.height);
  if (Math.min(width, height) < SHORT_SIDE_GOOD) return { width, height, hint: 'hintSmall' };
  if (!pixels) return { width, height, hint: null };
  const { data, width: w, height: h } = pixels, luma = new Float32Array(w * h);
  let sum = 0;
  for (let i = 0; i < luma.length; i++) {
    const v = 0.299 * (data[4 * i] ?? 0) + 0.587 * (data[4 * i + 1] ?? 0) + 0.114 * (data[4 * i + 2] ?? 0);
    luma[i] = v;
    sum += v;
  }
  const mean = sum / luma.length;
  let edges = 0, square = 0, n = 0;
  const at = (i: number): number => luma[i] ?? 0;
  for (let y = 1; y < h - 1; y++) {
    for (let x = 1; x < w - 1; x++) {
      const i = y * w + x, d = 4 * at(i) - at(i - 1) - at(i + 1) - at(i - w) - at(i + w);
      edges += d;
      square += d * d;
      n++;
    }
  }
  const sharpness = n ? square / n - (edges / n) ** 2 : Infinity;
  const hint: Hint | null = mean < 45 ? 'hintDark' : mean > 225 ? 'hintBright' : sharpness < 18 ? 'hintBlurred' : null;
  return { width, height, hint };
}
