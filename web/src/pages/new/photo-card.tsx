/** One photo: how far it is, what is wrong with it, who of it joins. */
import { useRef, useState, type ReactNode } from 'react';
import type { Reason } from '../../lib/api';
import { useJourney } from '../../lib/journey';
import { ACCEPT, type Face, type LocalRefusal, type Photo } from '../../lib/photo';
import { Button, ButtonLink, IconButton } from '../../ui/button';
import { FacePicture } from '../../ui/face';
import { Icon } from '../../ui/icons';
import { useProblemWords } from '../../ui/notice';
import { useWords, type Key } from '../../words';

const REFUSALS: Record<LocalRefusal, [Key, Key]> = { tooLarge: ['tooLarge', 'tooLargeNext'], notPhoto: ['notPhoto', 'notPhotoNext'] };

interface Words { title: string; next: string }

function useReasonWords(): (reason: Reason) => Words {
  const { lang } = useWords();
  return reason => (lang === 'zh' ? { title: reason.zh, next: reason.next_zh } : { title: reason.en, next: reason.next_en });
}

/** Why the photo cannot be used, or not now: each reason once. */
function useRefusal(photo: Photo): Words[] {
  const { t } = useWords(), ofProblem = useProblemWords(), ofReason = useReasonWords();
  if (photo.state === 'lost') return [{ title: t('photoLost'), next: '' }];
  if (photo.state === 'held' && photo.problem?.status === 401) return [{ title: t('signedOutTitle'), next: t('signedOutPhoto') }];
  if (photo.state !== 'refused' && photo.state !== 'held') return [];
  if (photo.refusal) return [{ title: t(REFUSALS[photo.refusal][0], { mb: Math.round(photo.limit / 1e6) }), next: t(REFUSALS[photo.refusal][1]) }];
  if (photo.problem) return [ofProblem(photo.problem)];
  const reasons = photo.asset?.reasons ?? [];
  return reasons.filter((r, i) => reasons.findIndex(other => other.code === r.code) === i).map(ofReason);
}

function Progress({ photo }: { photo: Photo }) {
  const { t } = useWords(), percent = Math.round(photo.share * 100);
  const words = photo.state === 'waiting' ? t('photoWaiting') : photo.state === 'shrinking' ? t('photoShrinking')
    : photo.state === 'sending' ? t('photoSending', { percent }) : t(photo.purpose === 'people' ? 'photoChecking' : 'photoCheckingBackdrop');
  return (
    <div className="photo-progress">
      <span className="numbers">{words}{'\u00a0'}…</span>
      <span className={`bar ${photo.state === 'checking' ? 'bar-endless' : ''}`}><span style={{ width: `${photo.state === 'checking' ? 100 : Math.max(4, percent)}%` }} /></span>
    </div>
  );
}

/** Rings on the photo itself: what was seen, and where. Tapping one is the same as tapping its face below. */
function Ring({ photo, face, on }: { photo: Photo; face: Face; on: boolean }) {
  const { width = 1, height = 1 } = photo.asset ?? {}, [x0 = 0, y0 = 0, x1 = 0, y1 = 0] = face.box, percent = (v: number): string => `${Math.min(100, Math.max(0, v * 100))}%`;
  const style = { left: percent(x0 / width), top: percent(y0 / height), width: percent((Math.min(x1, width) - Math.max(x0, 0)) / width), height: percent((Math.min(y1, height) - Math.max(y0, 0)) / height) };
  const kind = !face.ok ? 'ring-bad' : on ? 'ring-on' : '';
  return (
    <label className={`ring ${kind}`} style={style} htmlFor={face.ok ? faceId(photo, face) : undefined} aria-hidden="true">
      {(on || !face.ok) && <span className="ring-badge"><Icon name={face.ok ? 'check' : 'warn'} size={14} /></span>}
    </label>
  );
}
const faceId = (photo: Photo, face: Face): string => `${photo.key}-face-${face.index}`;

function FaceChip({ photo, face, full, onFull }: { photo: Photo; face: Face; full: boolean; onFull: () => void }) {
  const { t } = useWords(), ofReason = useReasonWords(), { asset, url } = photo, on = photo.ticked.has(face.index), n = face.index + 1;
  const reason = face.reasons[0], label = face.ok || !reason ? t('faceJoins', { n, name: photo.name }) : t('faceBad', { n, why: ofReason(reason).title });
  return (
    <li className={`chip ${face.ok ? '' : 'chip-bad'}`}>
      <input type="checkbox" id={faceId(photo, face)} checked={on} disabled={!face.ok} aria-disabled={full && !on} onChange={() => (full && !on ? onFull() : photo.toggle(face.index))} aria-label={label} />
      <span className="chip-look">
        {asset && url && <FacePicture src={url} width={asset.width} height={asset.height} box={face.box} onError={() => photo.cannotShow()} />}
        <span className="chip-badge"><Icon name={face.ok ? 'check' : 'warn'} size={14} /></span>
      </span>
      {!face.ok && reason && <span className="chip-why small">{ofReason(reason).title}</span>}
    </li>
  );
}

/** A button that opens the phone's own picker. */
export function FileButton({ onFiles, label, children, multiple, big, kind, icon, testid }: {
  onFiles: (files: File[]) => void; label?: string; children: ReactNode; multiple?: boolean; big?: boolean; kind?: 'primary' | 'quiet'; icon?: 'plus' | 'swap' | 'image'; testid?: string;
}) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <Button kind={kind ?? 'quiet'} {...(big ? { big } : {})} icon={icon} aria-label={label} onClick={() => input.current?.click()}>{children}</Button>
      <input ref={input} type="file" className="unseen" accept={ACCEPT} multiple={multiple} tabIndex={-1} aria-hidden="true" data-testid={testid}
        onChange={event => {
          const files = [...event.target.files ?? []];
          event.target.value = '';
          if (files.length) onFiles(files);
        }} />
    </>
  );
}

function Verdict({ photo, refusal }: { photo: Photo; refusal: Words[] }) {
  const { t } = useWords(), usable = photo.faces.filter(f => f.ok).length;
  return (
    <div className="photo-verdict" role="status">
      {photo.busy && <Progress photo={photo} />}
      {refusal.map(({ title, next }) => <div key={title}><p className={photo.state === 'refused' ? 'photo-bad' : 'photo-wait'}><Icon name={photo.state === 'refused' ? 'warn' : 'clock'} size={18} /> {title}</p>{next && <p className="small soft">{next}</p>}</div>)}
      {photo.state === 'ready' && (
        <p className="photo-good"><Icon name="check" size={18} /> {photo.purpose === 'people' ? t('photoGood', { count: usable }) : t('photoBackdropGood')}</p>
      )}
      {photo.hint && photo.state !== 'refused' && !photo.busy && <p className="small photo-hint">{t(photo.hint)}</p>}
    </div>
  );
}

/** One that needs the whole row: several faces to tick, or words. */
export const isWide = (photo: Photo): boolean => photo.faces.length > 1 || photo.state === 'refused' || photo.state === 'held' || photo.state === 'lost';

export function PhotoCard({ photo, full, max, alone }: { photo: Photo; /** Nobody more fits. */ full: boolean; max?: number; /** No other small one stands beside it. */ alone?: boolean }) {
  const { t } = useWords(), journey = useJourney(), refusal = useRefusal(photo), several = photo.faces.length > 1, [pressed, setPressed] = useState(false), told = refusal.length > 0, wrong = photo.state === 'refused' && told;
  const replace = (files: File[]): void => journey.add(files, photo);
  return (
    <li className={`photo card ${several || told ? 'photo-wide' : alone ? 'photo-alone' : ''} ${wrong ? 'photo-refused' : ''}`} data-testid="photo" data-state={photo.state}>
      <div className="photo-frame">
        {photo.url
          ? <span className="photo-picture"><img src={photo.url} alt={photo.name} onError={() => photo.cannotShow()} />{photo.asset && photo.faces.map(f => <Ring key={f.index} photo={photo} face={f} on={photo.ticked.has(f.index)} />)}</span>
          : <span className="photo-none"><Icon name="image" size={32} /><span className="photo-name small">{photo.name}</span></span>}
        {wrong && <span className="photo-stamp">{t('photoBad')}</span>}
      </div>
      <div className="photo-side">
        <Verdict photo={photo} refusal={refusal} />
        {photo.state === 'ready' && several && <p className="small soft">{t('photoTick')}</p>}
        {photo.state === 'ready' && <ul className="chips">{photo.faces.map(f => <FaceChip key={f.index} photo={photo} face={f} full={full} onFull={() => setPressed(true)} />)}</ul>}
        {full && pressed && max !== undefined && <p className="small photo-bad" role="alert">{t('joiningMax', { max })}</p>}
        <div className="photo-acts">
          {photo.state === 'refused' && <FileButton kind="primary" icon="swap" label={t('replacePhotoNamed', { name: photo.name })} onFiles={replace} testid="replace-file">{t('replacePhoto')}</FileButton>}
          {(photo.state === 'lost' || photo.state === 'held') && <Button kind={photo.state === 'held' ? 'primary' : 'quiet'} onClick={() => journey.again(photo)}>{t('retry')}</Button>}
          {photo.state === 'held' && photo.problem?.status === 401 && <ButtonLink kind="quiet" href="/sign-in?next=/new">{t('signIn')}</ButtonLink>}
        </div>
      </div>
      <IconButton icon="trash" className="photo-remove" label={t('removePhoto', { name: photo.name })} onClick={() => journey.remove(photo)} />
    </li>
  );
}
