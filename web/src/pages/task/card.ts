/** The share card: paper, the picture in a thin frame, the house's name and the line that says it was made by AI. */
interface Card { src: string; crossOrigin: boolean; title: string; line: string; note: string; colours: Record<string, string>; chinese: boolean }

const WIDTH = 1080, EDGE = 64, BASE = 236, PICTURE_MAX = 1200;
const SERIF = { zh: '"Songti SC", "Noto Serif SC", "Noto Serif CJK SC", serif', en: 'Palatino, Georgia, "Noto Serif", serif' };
const SANS = { zh: '"PingFang SC", "Noto Sans SC", "Noto Sans CJK SC", "Microsoft YaHei", sans-serif', en: 'system-ui, "Segoe UI", Roboto, sans-serif' };

function rounded(c: CanvasRenderingContext2D, x: number, y: number, w: number, h: number, r: number): void {
  c.beginPath();
  c.moveTo(x + r, y);
  c.arcTo(x + w, y, x + w, y + h, r);
  c.arcTo(x + w, y + h, x, y + h, r);
  c.arcTo(x, y + h, x, y, r);
  c.arcTo(x, y, x + w, y, r);
  c.closePath();
}

/** Two people under one round moon, as in ui/icons.tsx, on a grid of 32. */
function mark(c: CanvasRenderingContext2D, x: number, y: number, size: number, seal: string, people: string): void {
  c.save();
  c.translate(x, y);
  c.scale(size / 32, size / 32);
  c.fillStyle = seal;
  c.beginPath();
  c.arc(16, 16, 15, 0, 2 * Math.PI);
  c.fill();
  c.fillStyle = people;
  c.fill(new Path2D('M11.4 14.8a3.2 3.2 0 100-6.4 3.2 3.2 0 000 6.4zm9.2 0a3.2 3.2 0 100-6.4 3.2 3.2 0 000 6.4zM5.8 24c.3-4.6 2.5-7.3 5.6-7.3 1.9 0 3.5 1 4.6 2.7 1.1-1.7 2.7-2.7 4.6-2.7 3.1 0 5.3 2.7 5.6 7.300z'));
  c.restore();
}

/** PNG; null when the browser cannot (out of canvas memory, or the picture is gone). */
export async function drawCard(card: Card): Promise<Blob | null> {
  const image = new Image(), canvas = document.createElement('canvas'), c = canvas.getContext('2d'), lang = card.chinese ? 'zh' : 'en';
  if (card.crossOrigin) image.crossOrigin = 'use-credentials';
  image.src = card.src;
  try { await image.decode(); } catch { return null; }
  if (!c || !image.naturalWidth) return null;
  // the picture as large as it fits, never cropped; the card is as high as that needs
  const scale = Math.min((WIDTH - 2 * EDGE) / image.naturalWidth, PICTURE_MAX / image.naturalHeight);
  const w = image.naturalWidth * scale, h = image.naturalHeight * scale, x = (WIDTH - w) / 2, y = EDGE, HEIGHT = Math.round(EDGE + h + BASE);
  canvas.width = WIDTH;
  canvas.height = HEIGHT;
  const colour = (name: string): string => card.colours[name] ?? '#a8322a';
  c.fillStyle = colour('paper');
  c.fillRect(0, 0, WIDTH, HEIGHT);
  c.strokeStyle = colour('gold');
  c.lineWidth = 2;
  rounded(c, 24, 24, WIDTH - 48, HEIGHT - 48, 28);
  c.stroke();
  c.save();
  rounded(c, x, y, w, h, 18);
  c.clip();
  c.imageSmoothingQuality = 'high';
  c.drawImage(image, x, y, w, h);
  c.restore();
  mark(c, EDGE, HEIGHT - 190, 120, colour('accent'), '#fffaf3');
  c.fillStyle = '#2b201b';
  c.font = `700 52px ${SERIF[lang]}`;
  c.fillText(card.title, EDGE + 148, HEIGHT - 142, WIDTH - 2 * EDGE - 148);
  c.fillStyle = '#65564b';
  c.font = `400 34px ${SANS[lang]}`;
  c.fillText(card.line, EDGE + 148, HEIGHT - 92, WIDTH - 2 * EDGE - 148);
  c.font = `400 25px ${SANS[lang]}`;
  c.fillText(card.note, EDGE + 148, HEIGHT - 54, WIDTH - 2 * EDGE - 148);
  return new Promise(done => canvas.toBlob(done, 'image/png'));
}
