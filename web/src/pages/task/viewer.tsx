/** The pictures in full size: swipe or arrows to the next, pinch, wheel or buttons to zoom, two side by side where there is room. */
import { useCallback, useEffect, useRef, useState, type PointerEvent, type ReactNode } from 'react';
import { content, type Candidate, type Task } from '../../lib/task';
import { IconButton } from '../../ui/button';
import { FullScreen } from '../../ui/dialog';
import { useWords } from '../../words';
import { useMarks } from './choosing';
import { held, swiped, WHOLE, zoomed, type View } from './zoom';
import './viewer.css';

interface PaneProps { candidate: Candidate; label: string; view: View; onView: (next: (old: View) => View) => void; onSwipe: (by: -1 | 1) => void }

function Pane({ candidate, label, view, onView, onSwipe }: PaneProps) {
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
    <div className={`pane ${view.scale > 1 ? 'pane-zoomed' : ''}`} ref={frame} onPointerDown={down} onPointerMove={move} onPointerUp={up} onPointerCancel={up} onDoubleClick={twice}>
      <img src={content(candidate.asset)} alt={label} draggable={false} width={candidate.width} height={candidate.height}
        className={drag || pointers.current.size ? 'pane-moving' : ''} style={{ transform: `translate(${view.x + drag}px, ${view.y}px) scale(${view.scale})` }} />
    </div>
  );
}

interface Props { task: Task; at: number | null; onMove: (n: number) => void; onClose: () => void; action: (candidate: Candidate) => ReactNode }

export function Viewer({ task, at, onMove, onClose, action }: Props) {
  const { t } = useWords(), marksOf = useMarks(task), all = task.candidates.length, [view, setView] = useState(WHOLE), [two, setTwo] = useState(false);
  const candidate = at === null ? undefined : task.candidates[at], other = two && at !== null && all > 1 ? task.candidates[(at + 1) % all] : undefined;
  const move = (by: -1 | 1): void => {
    if (at === null) return;
    setView(WHOLE);
    onMove((at + by + all) % all);
  };
  const zoom = (factor: number): void => setView(old => zoomed(old, factor, { x: 0, y: 0 }, { width: innerWidth, height: innerHeight }));
  const keys: Record<string, () => void> = { ArrowLeft: () => move(-1), ArrowRight: () => move(1), '+': () => zoom(1.5), '=': () => zoom(1.5), '-': () => zoom(1 / 1.5), 0: () => setView(WHOLE) };
  const labelOf = (n: number): string => t('pictureNOf', { n: n + 1, all });
  if (at === null || !candidate) return null;
  return (
    <FullScreen open onClose={() => { setView(WHOLE); onClose(); }} title={labelOf(at)} onKeyDown={event => keys[event.key]?.()}>
      <div className="viewer-top">
        <IconButton icon="close" label={t('close')} onClick={() => { setView(WHOLE); onClose(); }} />
        <p className="viewer-title numbers" aria-live="polite">{labelOf(at)} {marksOf(candidate).map(mark => <span key={mark} className="viewer-mark">{mark}</span>)}</p>
        <div className="viewer-tools">
          <IconButton icon="zoomOut" label={t('zoomOut')} disabled={view.scale <= 1} onClick={() => zoom(1 / 1.5)} />
          <IconButton icon="zoomIn" label={t('zoomIn')} onClick={() => zoom(1.5)} />
          {all > 1 && <IconButton icon="compare" className="viewer-two" label={t('compareTwo')} aria-pressed={two} onClick={() => setTwo(!two)} />}
        </div>
      </div>
      <div className="viewer-panes">
        <Pane key={candidate.index} candidate={candidate} label={labelOf(at)} view={view} onView={setView} onSwipe={move} />
        {other && <Pane key={`other-${other.index}`} candidate={other} label={labelOf((at + 1) % all)} view={view} onView={setView} onSwipe={move} />}
        {all > 1 && <IconButton icon="back" className="viewer-arrow viewer-back" label={t('previous')} onClick={() => move(-1)} />}
        {all > 1 && <IconButton icon="forward" className="viewer-arrow viewer-on" label={t('following')} onClick={() => move(1)} />}
      </div>
      <div className="viewer-bottom">
        {all > 1 && <p className="viewer-dots" aria-hidden="true">{task.candidates.map((c, n) => <span key={c.index} className={n === at ? 'dot-here' : ''} />)}</p>}
        <p className="viewer-hint small">{t('compareHint')}</p>
        <div className="viewer-act">{action(candidate)}</div>
      </div>
    </FullScreen>
  );
}
