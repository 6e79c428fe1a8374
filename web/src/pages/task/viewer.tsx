/** The pictures in full size: swipe or arrows to the next, pinch, wheel or buttons to zoom; two at once, beside or above each other. */
import { Fragment, useCallback, useEffect, useRef, useState, type PointerEvent, type ReactNode } from 'react';
import { content, type Candidate, type Task } from '../../lib/task';
import { IconButton } from '../../ui/button';
import { FullScreen } from '../../ui/dialog';
import { Picture } from '../../ui/picture';
import { useWords } from '../../words';
import { useMarks } from './choosing';
import { held, swiped, WHOLE, zoomed, type View } from './zoom';
import './viewer.css';

interface PaneProps { candidate: Candidate; label: string; caption?: ReactNode; view: View; onView: (next: (old: View) => View) => void; onSwipe: (by: -1 | 1) => void }

function Pane({ candidate, label, caption, view, onView, onSwipe }: PaneProps) {
  const frame = useRef<HTMLDivElement>(null), pointers = useRef(new Map<number, { x: number; y: number }>()), start = useRef({ x: 0, y: 0, moved: false });
  const [drag, setDrag] = useState(0);
  const middle = (x: number, y: number): { x: number; y: number } => {
    const box = frame.current?.getBoundingClientRect();
    return box ? { x: x - box.left - box.width / 2, y: y - box.top - box.height / 2 } : { x: 0, y: 0 };
  };
  const size = useCallback(() => ({ width: frame.current?.clientWidth ?? 1, height: frame.current?.clientHeight ?? 1 }), []);

  // React's own wheel listener is passive and could not keep the page from zooming
  useEffect(() => {
    const element = frame.current, wheel = (event: WheelEvent): void => {
      event.preventDefault();
      onView(old => zoomed(old, Math.exp(-event.deltaY / 300), middle(event.clientX, event.clientY), size()));
    };
    element?.addEventListener('wheel', wheel, { passive: false });
    return () => element?.removeEventListener('wheel', wheel);
  }, [onView, size]);

  const down = (event: PointerEvent): void => {
    frame.current?.setPointerCapture(event.pointerId);
    pointers.current.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (pointers.current.size === 1) start.current = { x: event.clientX, y: event.clientY, moved: false };
  };
  const move = (event: PointerEvent): void => {
    const before = pointers.current.get(event.pointerId);
    if (!before) return;
    const now = { x: event.clientX, y: event.clientY }, other = [...pointers.current].find(([id]) => id !== event.pointerId)?.[1];
    pointers.current.set(event.pointerId, now);
    if (other) {
      const far = (p: { x: number; y: number }): number => Math.hypot(p.x - other.x, p.y - other.y) || 1;
      setDrag(0);
      onView(old => zoomed(old, far(now) / far(before), middle((now.x + other.x) / 2, (now.y + other.y) / 2), size()));
    } else if (view.scale > 1) {
      onView(old => held({ ...old, x: old.x + now.x - before.x, y: old.y + now.y - before.y }, size()));
    } else {
      setDrag(now.x - start.current.x);
    }
    start.current.moved ||= Math.hypot(now.x - start.current.x, now.y - start.current.y) > 8;
  };
  const up = (event: PointerEvent): void => {
    const alone = pointers.current.size === 1;
    pointers.current.delete(event.pointerId);
    setDrag(0);
    if (!alone || view.scale > 1 || event.type === 'pointercancel') return;
    const by = swiped(event.clientX - start.current.x, event.clientY - start.current.y);
    if (by) onSwipe(by);
  };
  const twice = (event: React.MouseEvent): void => onView(old => (old.scale > 1 ? WHOLE : zoomed(old, 2.5, middle(event.clientX, event.clientY), size())));

  return (
    <div className="pane-box">
      {caption && <p className="pane-caption numbers">{caption}</p>}
      <div className={`pane ${view.scale > 1 ? 'pane-zoomed' : ''}`} ref={frame} onPointerDown={down} onPointerMove={move} onPointerUp={up} onPointerCancel={up} onDoubleClick={twice}>
        <Picture src={content(candidate.asset)} alt={label} draggable={false} width={candidate.width} height={candidate.height}
          className={drag || pointers.current.size ? 'pane-moving' : ''} style={{ transform: `translate(${view.x + drag}px, ${view.y}px) scale(${view.scale})` }} />
      </div>
    </div>
  );
}

/** Which picture is open, and which one beside it. */
export interface Open { at: number; beside: number | null }

/** n: the picture's number where there are two to choose from. */
interface Props { task: Task; open: Open | null; onOpen: (open: Open | null) => void; action: (candidate: Candidate, n: number | null) => ReactNode }

export function Viewer({ task, open, onOpen, action }: Props) {
  const { t } = useWords(), marksOf = useMarks(task), all = task.candidates.length, [view, setView] = useState(WHOLE);
  if (!open || !task.candidates[open.at]) return null;
  const { at, beside } = open, shown = beside === null ? [at] : [at, beside];
  /** On to the next one that is not in the other pane. */
  const past = (from: number, by: -1 | 1, other: number | null): number => {
    const next = (from + by + all) % all;
    return next === other ? (next + by + all) % all : next;
  };
  const moveFirst = (by: -1 | 1): void => {
    setView(WHOLE);
    onOpen({ at: past(at, by, beside), beside });
  };
  // of two, the second one is changed: the first stays to be compared with
  const move = (by: -1 | 1): void => {
    if (beside === null) return moveFirst(by);
    setView(WHOLE);
    onOpen({ at, beside: past(beside, by, at) });
  };
  const close = (): void => {
    setView(WHOLE);
    onOpen(null);
  };
  const zoom = (factor: number): void => setView(old => zoomed(old, factor, { x: 0, y: 0 }, { width: innerWidth, height: innerHeight }));
  const keys: Record<string, () => void> = { ArrowLeft: () => move(-1), ArrowRight: () => move(1), '+': () => zoom(1.5), '=': () => zoom(1.5), '-': () => zoom(1 / 1.5), 0: () => setView(WHOLE) };
  const labelOf = (n: number): string => t('pictureNOf', { n: n + 1, all });
  const named = (n: number): ReactNode => <><span className="viewer-n">{labelOf(n)}</span> {marksOf(task.candidates[n] as Candidate).map(({ kind, words }) => <span key={kind} className={`viewer-mark mark-${kind}`}>{words}</span>)}</>;
  return (
    <FullScreen open onClose={close} title={shown.map(labelOf).join(', ')} onKeyDown={event => keys[event.key]?.()}>
      <div className="viewer-top">
        <IconButton icon="close" label={t('close')} onClick={close} />
        <p className="viewer-title numbers" aria-live="polite">{beside === null ? named(at) : t('compare')}</p>
        <div className="viewer-tools">
          <IconButton icon="zoomOut" label={t('zoomOut')} disabled={view.scale <= 1} onClick={() => zoom(1 / 1.5)} />
          <IconButton icon="zoomIn" label={t('zoomIn')} onClick={() => zoom(1.5)} />
          {all > 1 && <IconButton icon="compare" className="viewer-two" label={t('compareTwo')} aria-pressed={beside !== null} onClick={() => onOpen({ at, beside: beside === null ? past(at, 1, null) : null })} />}
        </div>
      </div>
      <div className="viewer-panes">
        {shown.map((n, pane) => <Pane key={`${pane}-${n}`} candidate={task.candidates[n] as Candidate} label={labelOf(n)} {...(beside === null ? {} : { caption: named(n) })} view={view} onView={setView} onSwipe={pane ? move : moveFirst} />)}
      </div>
      <div className="viewer-bottom">
        {all > 1 && (
          <div className="viewer-steps">
            <IconButton icon="back" label={t('previous')} onClick={() => move(-1)} />
            <p className="viewer-dots" aria-hidden="true">{task.candidates.map((c, n) => <span key={c.index} className={shown.includes(n) ? 'dot-here' : ''} />)}</p>
            <IconButton icon="forward" label={t('following')} onClick={() => move(1)} />
          </div>
        )}
        <p className="viewer-hint small">{t('compareHint')}</p>
        <div className="viewer-act">{shown.map(n => <Fragment key={n}>{action(task.candidates[n] as Candidate, beside === null ? null : n + 1)}</Fragment>)}</div>
      </div>
    </FullScreen>
  );
}
