/** One task, as it is now and as it goes on. */
import { useQuery, useQueryClient, type UseQueryResult } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { api, asProblem, type Schemas } from './api';
import { madeFrom } from './journey';
import { useWaiting } from './session';

/** decided_ms: when it is promised to be decided, by this device's clock. */
export type Task = Schemas['Task'] & { decided_ms?: number | null };
export type Candidate = Schemas['Candidate'];

const WORKING: readonly Task['state'][] = ['queued', 'preparing', 'running', 'checking'];
const OVER: readonly Task['state'][] = ['done', 'failed', 'cancelled'];

const dated = <T extends Pick<Task, 'eta_ms'>>(news: T): T & { decided_ms: number | null } => ({ ...news, decided_ms: news.eta_ms === null ? null : Date.now() + news.eta_ms });

/** The photos a task was made of: what the server says, and what this device remembers. */
export function photosOf(task: Task): string[] {
  return [...new Set([...(task.people ?? []).map(p => p.asset), ...(task.backdrop ? [task.backdrop] : []), ...madeFrom(task.id)])];
}

/** Those of them that the server still has. */
export function usePhotos(task: Task): Schemas['Asset'][] {
  const ask = async (id: string): Promise<Schemas['Asset'] | null> => {
    try {
      return await api.get('/v1/assets/{id}', { path: { id } });
    } catch (error) {
      if (asProblem(error).status === 404) return null;
      throw error;
    }
  };
  const photos = useQuery({ queryKey: ['photos', task.id], queryFn: () => Promise.all(photosOf(task).map(ask)) });
  return (photos.data ?? []).filter(photo => photo !== null);
}

/** Every picture of it is gone. */
export const isDeleted = (task: Task): boolean => (task.state === 'choosing' || task.state === 'done') && task.candidates.length === 0;
export const isWorking = (task: Task): boolean => WORKING.includes(task.state);

/** asking: the stream does not get through; lost: nothing does. */
export type News = 'live' | 'asking' | 'lost';

/** The stream only says that something happened; the truth is read again. */
export function useTask(id: string): { task: UseQueryResult<Task>; news: News } {
  const cache = useQueryClient(), [asking, setAsking] = useState(false), waiting = useWaiting();
  const task = useQuery<Task>({ queryKey: ['task', id], queryFn: async () => dated(await api.get('/v1/tasks/{id}', { path: { id } })), staleTime: 0 });
  const follow = task.data !== undefined && !OVER.includes(task.data.state);
  useEffect(() => {
    if (!follow) return undefined;
    return api.watch(`/v1/tasks/${encodeURIComponent(id)}/events`, {
      types: ['state', 'progress', 'eta'],
      onMode: mode => setAsking(mode === 'asking'),
      onEvent: ({ type, data }) => {
        if (type === 'progress') {
          const { progress_pm } = data as { progress_pm: number };
          cache.setQueryData<Task>(['task', id], old => old && { ...old, progress_pm: Math.max(old.progress_pm, progress_pm) });
        } else if (type === 'eta') {
          cache.setQueryData<Task>(['task', id], old => old && { ...old, ...dated(data as Pick<Task, 'place' | 'eta_ms' | 'eta_p90_ms'>) });
        } else {
          void cache.invalidateQueries({ queryKey: ['task', id] });
        }
      },
    });
  }, [cache, id, follow]);
  // credits and the list move with the task
  const state = task.data?.state;
  useEffect(() => {
    if (!state) return;
    void cache.invalidateQueries({ queryKey: ['wallet'] });
    void cache.invalidateQueries({ queryKey: ['tasks'] });
  }, [cache, state]);
  return { task, news: !asking ? 'live' : task.isError || waiting?.why === 'unreachable' ? 'lost' : 'asking' };
}

export const content = (asset: string): string => api.url(`/v1/assets/${asset}/content`);
export const smallOf = (candidate: Candidate): string => content(candidate.thumb ?? candidate.asset);

function likeness(candidate: Candidate): number {
  const value = (candidate.scores as { identity_min?: number } | null | undefined)?.identity_min;
  return typeof value === 'number' && Number.isFinite(value) ? value : -1;
}

/** Index of the candidate whose least alike person is the most alike; null when nothing was measured or there is no choice. */
export function mostAlike(candidates: readonly Candidate[]): number | null {
  if (candidates.length < 2) return null;
  const best = candidates.reduce((a, b) => (likeness(b) > likeness(a) ? b : a));
  return likeness(best) >= 0 ? best.index : null;
}
