/** Swipe, pinch, wheel and drag of one picture, as numbers: nothing here knows React or draws. */

export interface View { scale: number; x: number; y: number }
export const WHOLE: View = { scale: 1, x: 0, y: 0 };
export const SCALE_MAX = 6;
const SWIPE_PX = 56;

export interface Size { width: number; height: number }

/** Not out of the frame: x and y are offsets of the middle in px. */
export function held(view: View, frame: Size): View {
  const scale = Math.min(SCALE_MAX, Math.max(1, view.scale)), x = ((scale - 1) * frame.width) / 2, y = ((scale - 1) * frame.height) / 2;
  return { scale, x: Math.min(x, Math.max(-x, view.x)), y: Math.min(y, Math.max(-y, view.y)) };
}

/** Larger or smaller by a factor, with the point (from the frame's middle) staying where it is. */
export function zoomed(view: View, factor: number, at: { x: number; y: number }, frame: Size): View {
  const scale = Math.min(SCALE_MAX, Math.max(1, view.scale * factor)), k = scale / view.scale;
  return held({ scale, x: at.x - (at.x - view.x) * k, y: at.y - (at.y - view.y) * k }, frame);
}

/** -1: the one before, 1: the next, 0: not far enough. */
export function swiped(dx: number, dy: number): -1 | 0 | 1 {
  if (Math.abs(dx) < SWIPE_PX || Math.abs(dx) < Math.abs(dy)) return 0;
  return dx > 0 ? -1 : 1;
}
