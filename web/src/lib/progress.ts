/** How far a task seems to be between two news of it: on towards the end that was promised, never back, never past what was not told. */
import { useEffect, useState } from 'react';
import type { Task } from './task';
import { useNow } from './time';

const TICK_MS = 500, DONE_PM = 1000, BEFORE_NEXT = 0.9;

/** pm. Its news come with each piece of work: a person cut out, a picture composed, a picture looked at. */
function pieceOf(task: Task): number { return DONE_PM / ((task.people?.length ?? 1) + 2 * task.asked); }

/** was, and the answer: pm; left: ms until the promised end, null when nothing is promised. */
export function goneOn(was: number, task: Task, left: number | null): number {
  const from = Math.max(was, task.progress_pm), most = Math.min(DONE_PM - 1, task.progress_pm + pieceOf(task) * BEFORE_NEXT);
  if (left === null || task.state === 'queued') return from;
  return Math.max(from, Math.min(most, from + (DONE_PM - from) * TICK_MS / Math.max(TICK_MS, left)));
}

/** ms from now until the promised end, counted down between two news; null: not known. */
export function useLeft(task: Task): number | null {
  const now = useNow(TICK_MS);
  return task.decided_ms === undefined || task.decided_ms === null ? null : Math.max(0, task.decided_ms - now);
}

/** pm, for a bar. */
export function useProgress(task: Task): number {
  const [shown, set] = useState(task.progress_pm);
  useEffect(() => {
    const timer = setInterval(() => set(was => goneOn(was, task, task.decided_ms ? task.decided_ms - Date.now() : null)), TICK_MS);
    return () => clearInterval(timer);
  }, [task]);
  return Math.max(shown, task.progress_pm);
}
