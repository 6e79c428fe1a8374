/** One photo on its way: chosen, made smaller, sent, looked at by the server, ready or refused. */
import { api, asProblem, UNREACHABLE, type Problem, type Schemas } from './api';
import { isLarge, look, open, shrink, type Hint } from './picture';
import { ensureSession } from './session';

export type Asset = Schemas['Asset'];
export type Face = Schemas['Face'];
export type Purpose = 'people' | 'backdrop';
/** refused: this photo will not do. held: not now, the server says why. lost: nobody answers, it goes on by itself. */
export type State = 'waiting' | 'shrinking' | 'sending' | 'checking' | 'ready' | 'refused' | 'held' | 'lost';

/** Refused here, before anything is sent. */
export type LocalRefusal = 'tooLarge' | 'notPhoto';

const IMAGE = /^image\/(jpe?g|png|webp|hei[cf])$/i, NAME = /\.(jpe?g|png|webp|hei[cf])$/i;
export const ACCEPT = 'image/jpeg,image/png,image/webp,image/heic,image/heif,.heic,.heif';
/** Past this a phone cannot open it either. */
const OPEN_BYTES_MAX = 60_000_000;

/** Says something about the moment or about who asks, nothing about the photo. */
const HELD = new Set([401, 402, 408, 425, 429]);

let counted = 0;

export class Photo {
  readonly key = `photo-${++counted}`;
  state: State = 'waiting';
  share = 0;
  /** What can be shown of it: a blob: address, later the server's. */
  url: string | null = null;
  asset: Asset | null = null;
  problem: Problem | null = null;
  refusal: LocalRefusal | null = null;
  hint: Hint | null = null;
  ticked: ReadonlySet<number> = new Set();
  private small = false;
  private body: Blob | null = null;
  private readonly gone = new AbortController();

  constructor(readonly name: string, readonly purpose: Purpose, readonly file: File | null, readonly limit: number, private readonly agreed: () => Promise<boolean>, private readonly changed: () => void) {
    if (file) this.url = URL.createObjectURL(file);
  }

  /** One that was sent before this page was opened. */
  static again(name: string, purpose: Purpose, asset: Asset, ticked: number[], limit: number, agreed: () => Promise<boolean>, changed: () => void): Photo {
    const photo = new Photo(name, purpose, null, limit, agreed, changed);
    photo.take(asset);
    photo.ticked = new Set(ticked);
    return photo;
  }

  get busy(): boolean { return this.state !== 'ready' && this.state !== 'refused' && this.state !== 'held' && this.state !== 'lost'; }
  get faces(): Face[] { return this.asset?.faces ?? []; }
  get joining(): { asset: string; face: number }[] {
    const asset = this.asset;
    if (this.state !== 'ready' || !asset) return [];
    return [...this.ticked].sort((a, b) => a - b).map(face => ({ asset: asset.id, face }));
  }

  async send(): Promise<void> {
    const file = this.file;
    if (!file) return;
    this.move('waiting', { problem: null, refusal: null });
    try {
      if (!IMAGE.test(file.type) && !NAME.test(file.name)) return this.move('refused', { refusal: 'notPhoto' });
      const session = ensureSession();
      session.catch(() => {});        // awaited below
      const body = this.body ??= await this.prepare(file);
      if (this.gone.signal.aborted) return;
      if (body.size > this.limit) return this.move('refused', { refusal: 'tooLarge' });
      await session;
      if (!await this.agreed()) return;
      await this.deliver(body);
      this.body = null;
      // small faces of a large group photo may have been lost by making it smaller: then the original goes after all
      if (this.small && this.needsOriginal() && file.size <= this.limit) await this.deliver(file);
    } catch (error) {
      const problem = asProblem(error);
      if (this.gone.signal.aborted) return;
      this.move(problem.code === UNREACHABLE ? 'lost' : HELD.has(problem.status) || problem.status >= 500 ? 'held' : 'refused', { problem });
    }
  }

  toggle(face: number): void {
    const next = new Set(this.ticked);
    if (!next.delete(face)) next.add(face);
    this.ticked = next;
    this.changed();
  }

  /** It was taken away: nothing more of it leaves the device. */
  forget(): void {
    this.gone.abort();
    this.letGo();
  }

  /** The file's own picture could not be shown (HEIC): the server's can. */
  cannotShow(): void {
    if (!this.url?.startsWith('blob:')) return;
    this.letGo();
    this.url = this.asset ? api.url(this.asset.content) : null;
    this.changed();
  }

  private letGo(): void { if (this.url?.startsWith('blob:')) URL.revokeObjectURL(this.url); }

  private async prepare(file: File): Promise<Blob> {
    this.small = false;
    if (file.size > OPEN_BYTES_MAX) return file;
    const image = await open(file);
    if (!image) return file;
    this.hint = look(image).hint;
    if (!isLarge(image, file.size, this.limit)) return file;
    this.move('shrinking');
    const smaller = await shrink(image, file.size);
    this.small = smaller !== null;
    return smaller ?? file;
  }

  private async deliver(body: Blob): Promise<void> {
    this.move('sending', { share: 0 });
    const { sendFile } = await import('./upload');
    const upload = await sendFile(body, this.name, share => this.move('sending', { share }), this.gone.signal);
    this.move('checking');
    const asset = await api.post('/v1/assets', { body: { upload, purpose: this.purpose, consent: true }, again: true });
    if (this.gone.signal.aborted) await api.delete('/v1/assets/{id}', { path: { id: asset.id }, again: true });
    else this.take(asset);
  }

  private needsOriginal(): boolean {
    const codes = [...this.asset?.reasons ?? [], ...this.faces.flatMap(f => f.reasons)].map(r => r.code as string);
    return codes.includes('face_small') || codes.includes('image_small');
  }

  /** The server's verdict; the only person in a photo joins without being ticked. */
  private take(asset: Asset): void {
    this.asset = asset;
    if (!this.url) this.url = api.url(asset.content);
    const [only, ...more] = asset.faces ?? [];
    if (asset.ok && only?.ok && more.length === 0) this.ticked = new Set([only.index]);
    this.move(asset.ok ? 'ready' : 'refused');
  }

  private move(state: State, also: Partial<Pick<Photo, 'share' | 'problem' | 'refusal'>> = {}): void {
    if (this.gone.signal.aborted) return;
    this.state = state;
    Object.assign(this, also);
    this.changed();
  }
}
