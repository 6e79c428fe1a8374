// photos.js - the photos on their way in, their verdicts, and who joins.
import { ask, Problem, sendFile, signIn } from './net.js';
import { reasonText, words } from './words.js';

const BYTES_MAX = 10 * 1000 * 1000;
export const PEOPLE_MAX = 5;

/** One photo: { name, file, url, state: 'waiting' | 'sending' | 'checking' | 'ready' | 'refused', share, asset, problem, ticked: Set } */
export class Photo {
  constructor(file, purpose = 'people') {
    Object.assign(this, { name: file?.name ?? '', file, purpose, url: file ? URL.createObjectURL(file) : null, state: 'waiting', share: 0, ticked: new Set() });
  }

  /** consent: what the box said. */
  async send(changed, consent) {
    try {
      if (this.file.size > BYTES_MAX) throw new Problem({ code: 'image_too_large', i18n: { en: { title: words.tooLarge }, zh: { title: words.tooLarge } } });
      await ready();
      this.state = 'sending';
      const upload = await sendFile(this.file, share => {
        this.share = share;
        changed();
      });
      this.state = 'checking';
      changed();
      this.take(await ask('POST', '/v1/assets', { upload, purpose: this.purpose, consent }, { again: true }));
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this.state = 'refused';
      this.problem = error.document;
    }
    changed();
  }

  /** The server's asset; the only person in a photo joins without being ticked. */
  take(asset) {
    this.asset = asset;
    this.state = asset.ok ? 'ready' : 'refused';
    this.problem = null;
    const usable = (asset.faces ?? []).filter(f => f.ok);
    if (asset.ok && usable.length === 1 && asset.faces.length === 1) this.ticked.add(usable[0].index);
  }

  get people() { return this.state === 'ready' ? [...this.ticked].sort((a, b) => a - b).map(face => ({ asset: this.asset.id, face })) : []; }
  get busy() { return this.state !== 'ready' && this.state !== 'refused'; }
  forget() { if (this.url) URL.revokeObjectURL(this.url); }
}

/** One session for all photos that are sent at once; one that is there already is renewed. */
let session;
export const ready = () => (session ??= signIn().catch(error => {
  session = null;
  throw error;
}));

/** The card of a photo. on: { changed(), remove(photo), full: no more people may be ticked } */
export function card(photo, on) {
  const li = document.createElement('li');
  li.className = 'photo';
  const frame = document.createElement('div');
  frame.className = photo.busy ? 'frame waiting' : 'frame';
  const img = document.createElement('img');
  img.alt = photo.name;
  img.src = photo.asset ? photo.asset.thumb : photo.url;
  if (!photo.asset) img.onerror = () => img.remove();          // HEIC: this browser cannot show it before the server has
  frame.append(img);
  if (photo.asset && photo.state === 'ready') for (const face of photo.asset.faces ?? []) frame.append(faceBox(photo, face, on));
  li.append(frame, verdict(photo), row(photo, on));
  return li;
}

function faceBox(photo, face, on) {
  const [x0, y0, x1, y1] = face.box, { width, height } = photo.asset, within = v => Math.min(100, Math.max(0, v * 100));
  const label = document.createElement('label');
  label.className = 'face';
  label.style.left = `${within(x0 / width)}%`;
  label.style.top = `${within(y0 / height)}%`;
  label.style.width = `${within(x1 / width) - within(x0 / width)}%`;
  label.style.height = `${within(y1 / height) - within(y0 / height)}%`;
  const input = document.createElement('input');
  input.type = 'checkbox';
  input.checked = photo.ticked.has(face.index);
  input.disabled = !face.ok || (on.full && !input.checked);
  input.setAttribute('aria-label', face.ok ? words.face(face.index + 1, photo.name) : words.faceBad(face.index + 1, reasonText(face.reasons[0]).title));
  input.dataset.focus = `${photo.asset.id} ${face.index}`;
  input.onchange = () => {
    if (input.checked) photo.ticked.add(face.index);
    else photo.ticked.delete(face.index);
    on.changed();
  };
  const box = document.createElement('i'), tick = document.createElement('b');
  tick.textContent = '✓';
  box.append(tick);
  label.append(input, box);
  return label;
}

function line(text, kind) {
  const p = document.createElement('p');
  p.textContent = text;
  if (kind) p.className = kind;
  return p;
}

function verdict(photo) {
  const div = document.createElement('div');
  div.className = 'words';
  div.setAttribute('role', 'status');
  if (photo.state === 'waiting') div.append(line(words.waiting));
  if (photo.state === 'sending') div.append(line(words.sending(Math.round(photo.share * 100))));
  if (photo.state === 'checking') div.append(line(photo.purpose === 'people' ? words.checking : words.checkingBackdrop));
  if (photo.problem) {
    const { title, next } = reasonText(photo.problem);
    div.append(line(title, 'bad'), ...(next ? [line(next)] : []));
  } else if (photo.asset && !photo.asset.ok) {
    const seen = new Set();
    for (const r of photo.asset.reasons) {
      if (seen.has(r.code)) continue;
      seen.add(r.code);
      const { title, next } = reasonText(r);
      div.append(line(title, 'bad'), line(next));
    }
  } else if (photo.asset) {
    const usable = photo.asset.faces?.filter(f => f.ok).length;
    div.append(line(photo.purpose !== 'people' ? words.backdropGood : photo.asset.faces.length === 1 ? words.oneFound : words.found(usable), 'good'));
    for (const f of photo.asset.faces ?? []) if (!f.ok) div.append(line(words.faceBad(f.index + 1, reasonText(f.reasons[0]).title)));
  }
  return div;
}

function row(photo, on) {
  const div = document.createElement('div');
  div.className = 'row';
  const name = document.createElement('span');
  name.textContent = photo.name;
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'quiet';
  button.textContent = photo.state === 'refused' ? words.replace : words.remove;
  button.setAttribute('aria-label', photo.state === 'refused' ? `${words.replace}: ${photo.name}` : words.removeNamed(photo.name));
  button.onclick = () => on.remove(photo, { replace: photo.state === 'refused' });
  div.append(name, button);
  return div;
}
