/** What somebody has put together so far. It outlives a reload (not the tab): the photos are on the server, their numbers here. */
import { useSyncExternalStore } from 'react';
import { CONSENT_VERSION } from '../words/consent';
import { currentLang } from '../words';
import { api, asProblem, type Schemas } from './api';
import { Photo, type Purpose } from './photo';
import { onLeft, onLost, onOver, onReturn } from './session';

type Task = Schemas['Task'];
const KEPT = 'zt-journey', MADE_FROM = 'zt-made-from', MADE_FROM_MAX = 30;
const AT_ONCE = 2, RESUME_MS = 10_000;

interface KeptPhoto { asset: string; name: string; ticked: number[] }
interface Kept { consent: boolean; recorded: boolean; template: string | null; photos: KeptPhoto[]; backdrop: KeptPhoto | null }

function read<T>(store: () => Storage, key: string): T | null {
  try { return JSON.parse(store().getItem(key) ?? 'null') as T | null; } catch { return null; }
}
function write(store: () => Storage, key: string, value: unknown): void {
  try { store().setItem(key, JSON.stringify(value)); } catch { /* full, or not allowed: then it lives as long as the page */ }
}
const tab = (): Storage => sessionStorage, device = (): Storage => localStorage;

export class Journey {
  consent = false;
  /** Photos were deleted, because somebody no longer agrees. */
  withdrawn = false;
  /** The session ended. lost: nobody gets at the photos that were here; waiting: their owner does, after signing in again. */
  ended: 'lost' | 'waiting' | null = null;
  photos: Photo[] = [];
  backdrop: Photo | null = null;
  /** Name of a template; "" is the own backdrop. */
  template: string | null = null;
  /** Photos of an earlier opening of this page are being asked for. */
  restoring = false;
  bytesMax = 10_000_000;
  private version = 0;
  private readonly hearers = new Set<() => void>();
  private readonly queue: Photo[] = [];
  private sending = 0;
  /** The server knows of the consent, or is being told. */
  private recorded: Promise<void> | null = null;
  private resuming: ReturnType<typeof setTimeout> | null = null;

  readonly hear = (fn: () => void): (() => void) => {
    this.hearers.add(fn);
    return () => { this.hearers.delete(fn); };
  };
  readonly now = (): number => this.version;

  /** Before the first byte of a photo: the server is told what was agreed to, once for each picture that is made. */
  private readonly agreed = async (): Promise<boolean> => {
    if (!this.consent) return false;
    this.recorded ??= this.record();
    await this.recorded;
    return this.consent;
  };
  private async record(): Promise<void> {
    try {
      await api.post('/v1/consents', { body: { kind: 'faces', version: CONSENT_VERSION, lang: currentLang() }, again: true });
      this.keep();
    } catch (error) {
      this.recorded = null;
      throw error;
    }
  }
  private readonly changed = (): void => {
    this.version++;
    for (const fn of this.hearers) fn();
    this.keep();
    this.resumeLater();
  };

  get people(): { asset: string; face: number }[] { return this.photos.flatMap(p => p.joining); }
  get count(): number { return this.all.length; }
  get busy(): boolean { return this.photos.some(p => p.busy); }

  /** Who no longer agrees wants the photos back, too. */
  agree(consent: boolean): void {
    this.withdrawn = !consent && this.all.length > 0;
    if (!consent) {
      for (const photo of this.all) this.drop(photo);
      this.empty();
    }
    this.consent = consent;
    this.changed();
  }

  /** Somebody leaves this device: nothing that was chosen stays behind. The server keeps what it has until its time is over. */
  clear(): void {
    for (const photo of this.all) photo.forget();
    this.empty();
    this.ended = null;
    this.changed();
  }

  /** A guest's session ended: what it had sent is gone. False when there was nothing. */
  lose(): boolean {
    if (!this.all.some(photo => photo.asset)) return false;
    this.clear();
    this.ended = 'lost';
    this.changed();
    return true;
  }
  beginAnew(): void {
    if (this.ended !== 'lost') return;
    this.ended = null;
    this.changed();
  }

  /** A person's session ended: what is here waits for them, out of sight. */
  wait(): void {
    if (this.ended || !(this.consent || this.count || this.restoring)) return;
    this.ended = 'waiting';
    this.changed();
  }
  /** They are back. */
  goOn(): void {
    if (this.ended !== 'waiting' || this.restoring) return;
    this.ended = null;
    for (const photo of this.all.filter(p => p.problem?.status === 401)) this.enqueue(photo);
    if (this.consent || this.count) this.changed();
    else void this.restore();
  }

  private get all(): Photo[] { return [...this.photos, ...(this.backdrop ? [this.backdrop] : [])]; }

  private empty(): void {
    this.queue.length = 0;
    Object.assign(this, { photos: [], backdrop: null, template: null, consent: false, recorded: null });
  }

  choose(template: string): void {
    this.template = template;
    this.changed();
  }

  /** instead: the photo whose place the first file takes, one of a person or the backdrop. */
  add(files: Iterable<File>, instead: Photo | null = null): void {
    if (instead && instead === this.backdrop) {
      const [file] = files;
      return file && this.setBackdrop(file);
    }
    for (const file of files) {
      const photo = this.make(file, 'people'), at = instead ? this.photos.indexOf(instead) : -1;
      if (instead && at >= 0) {
        this.photos = this.photos.map((p, i) => (i === at ? photo : p));
        this.drop(instead);
        instead = null;
      } else {
        this.photos = [...this.photos, photo];
      }
    }
    this.changed();
  }

  setBackdrop(file: File): void {
    if (this.backdrop) this.drop(this.backdrop);
    this.backdrop = this.make(file, 'backdrop');
    this.template = '';
    this.changed();
  }

  remove(photo: Photo): void {
    this.photos = this.photos.filter(p => p !== photo);
    if (photo === this.backdrop) {
      this.backdrop = null;
      if (this.template === '') this.template = null;
    }
    this.drop(photo);
    this.changed();
  }

  /** One person less: their photo goes, or only its tick, when others of it join. */
  takeAway({ asset, face }: { asset: string; face: number }): void {
    const photo = this.photos.find(p => p.asset?.id === asset);
    if (photo && photo.faces.length > 1) photo.toggle(face);
    else if (photo) this.remove(photo);
  }

  again(photo: Photo): void { this.enqueue(photo); }

  /** After a task was bought: its originals can be deleted together with it, and the next journey begins empty, also of consent. */
  finish(task: string): void {
    const made = read<Record<string, string[]>>(device, MADE_FROM) ?? {}, assets = this.all.flatMap(p => (p.asset ? [p.asset.id] : []));
    const entries = [...Object.entries(made), [task, assets] as const].slice(-MADE_FROM_MAX);
    write(device, MADE_FROM, Object.fromEntries(entries));
    this.clear();
  }

  /** Photos that were on the server before this page was opened. */
  async restore(): Promise<void> {
    const kept = read<Kept>(tab, KEPT);
    if (!kept || this.photos.length || this.restoring || this.ended === 'waiting') return;
    this.consent = kept.consent;
    this.recorded = kept.recorded ? Promise.resolve() : null;
    this.template = kept.template;
    if (!kept.photos.length && !kept.backdrop) return this.changed();
    this.restoring = true;
    this.changed();
    const revive = async (from: KeptPhoto, purpose: Purpose): Promise<Photo | null> => {
      try {
        return Photo.again(from.name, purpose, await api.get('/v1/assets/{id}', { path: { id: from.asset } }), from.ticked, this.bytesMax, this.agreed, this.changed);
      } catch (error) {        // deleted since, or somebody else's
        if (asProblem(error).status === 401) this.ended ??= 'lost';
        return null;
      }
    };
    const [photos, backdrop] = await Promise.all([Promise.all(kept.photos.map(p => revive(p, 'people'))), kept.backdrop ? revive(kept.backdrop, 'backdrop') : null]);
    this.photos = [...photos.filter((p): p is Photo => p !== null), ...this.photos];
    this.backdrop ??= backdrop;
    if (this.ended) this.empty();
    if (this.template === '' && !this.backdrop) this.template = null;
    this.restoring = false;
    this.changed();
  }

  /** The same picture once more: its photos, who of each and its background, as far as they are still there. It was agreed to. */
  remake(task: Task, nameOf: (n: number) => string): void {
    const people = task.people ?? [], photos = [...new Set(people.map(p => p.asset))].map((asset, n) => ({
      asset, name: nameOf(n + 1), ticked: people.filter(p => p.asset === asset).map(p => p.face),
    }));
    this.clear();
    const backdrop = task.backdrop === null ? null : { asset: task.backdrop, name: '', ticked: [] };
    write(tab, KEPT, { consent: true, recorded: false, template: backdrop ? '' : task.template, photos, backdrop } satisfies Kept);
    void this.restore();
  }

  /** What the connection interrupted goes on by itself. */
  resume(): void {
    for (const photo of this.lost) this.enqueue(photo);
  }

  private get lost(): Photo[] { return this.all.filter(p => p.state === 'lost'); }

  /** A browser may not notice that the connection is back, and a server that comes back is no such event. */
  private resumeLater(): void {
    if (this.resuming !== null || !this.lost.length) return;
    this.resuming = setTimeout(() => {
      this.resuming = null;
      if (navigator.onLine) this.resume();
      this.resumeLater();
    }, RESUME_MS);
  }

  private make(file: File, purpose: Purpose): Photo {
    const photo = new Photo(file.name, purpose, file, this.bytesMax, this.agreed, this.changed);
    this.enqueue(photo);
    return photo;
  }

  /** Two at a time: more only make each one slower. */
  private enqueue(photo: Photo): void {
    if (!this.queue.includes(photo)) this.queue.push(photo);
    void this.work();
  }

  private async work(): Promise<void> {
    if (this.sending >= AT_ONCE) return;
    const photo = this.queue.shift();
    if (!photo) return;
    this.sending++;
    try {
      if (this.photos.includes(photo) || this.backdrop === photo || photo.state === 'waiting') await photo.send();
    } finally {
      this.sending--;
      void this.work();
    }
  }

  private drop(photo: Photo): void {
    photo.forget();
    const at = this.queue.indexOf(photo);
    if (at >= 0) this.queue.splice(at, 1);
    if (photo.asset) api.delete('/v1/assets/{id}', { path: { id: photo.asset.id } }).catch(() => {});        // it is deleted in a day in any case
  }

  private keep(): void {
    if (this.restoring || this.ended === 'waiting') return;        // what is kept waits, too
    const kept = (p: Photo): KeptPhoto[] => (p.asset ? [{ asset: p.asset.id, name: p.name, ticked: [...p.ticked] }] : []);
    const now: Kept = { consent: this.consent, recorded: this.recorded !== null, template: this.template, photos: this.photos.flatMap(kept), backdrop: (this.backdrop ? kept(this.backdrop)[0] : null) ?? null };
    write(tab, KEPT, now);
  }
}

/** The originals that a task was made from, as far as this device knows. */
export function madeFrom(task: string): string[] { return read<Record<string, string[]>>(device, MADE_FROM)?.[task] ?? []; }

export const journey = new Journey();
onLeft(() => { journey.clear(); });
onLost(() => journey.lose());
onOver(() => { journey.wait(); });
onReturn(() => { journey.goOn(); });

export function useJourney(): Journey {
  useSyncExternalStore(journey.hear, journey.now, journey.now);
  return journey;
}
