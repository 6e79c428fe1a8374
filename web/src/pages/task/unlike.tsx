/** "Not like me": the first time it is made again for nothing, the second time what it cost comes back. Which of the two is said before. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useLocation } from 'wouter';
import { api, asProblem } from '../../lib/api';
import { useMoved } from '../../lib/shop';
import type { Task } from '../../lib/task';
import { Button, ButtonLink } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import { Notice, ProblemNotice } from '../../ui/notice';
import { useShopWords } from '../../words/shop';

/** What can still be done about it: other pictures, the price back, or it was done already. */
function useNext(task: Task): { first: boolean; again: string | null; can: boolean } {
  const first = task.again_of === null, known = useQuery({ queryKey: ['tasks', 'again'], enabled: first, queryFn: () => api.get('/v1/tasks', { query: { limit: 100 } }) });
  // what was made again was free: what it cost is the first one's price
  const paid = useQuery({ queryKey: ['task', task.again_of, 'once'], enabled: !first, queryFn: () => api.get('/v1/tasks/{id}', { path: { id: task.again_of ?? '' } }) });
  return { first, again: known.data?.items.find(x => x.again_of === task.id)?.id ?? null, can: first ? known.data !== undefined && task.credits.captured > 0 : (paid.data?.credits.captured ?? 0) > 0 };
}

export function Unlike({ task }: { task: Task }) {
  const { t } = useShopWords(), cache = useQueryClient(), moved = useMoved(), [, go] = useLocation(), [open, setOpen] = useState(false), { first, again, can } = useNext(task);
  const say = useMutation({
    mutationFn: () => api.post('/v1/tasks/{id}/unlike', { path: { id: task.id }, body: {}, key: `unlike-${task.id}` }),        // one decision, one key
    onSuccess: now => {
      moved();
      void cache.invalidateQueries({ queryKey: ['tasks'] });
      setOpen(false);
      if (now.id !== task.id) go(`/t/${now.id}`);
    },
  });
  if (say.isSuccess && !first) return <Notice kind="good" title={t('unlikeDone')} next={t('unlikeDoneText')}><ButtonLink href="/wallet" kind="quiet">{t('unlikeWallet')}</ButtonLink></Notice>;
  if (again) return <ButtonLink href={`/t/${again}`} kind="quiet" icon="forward">{t('unlikeOther')}</ButtonLink>;
  if (!can) return null;
  const problem = say.error && asProblem(say.error);
  return (
    <>
      <Button kind="quiet" icon="swap" onClick={() => setOpen(true)}>{t('unlike')}</Button>
      <Dialog open={open} onClose={() => setOpen(false)} title={t(first ? 'unlikeFirst' : 'unlikeSecond')} text={t(first ? 'unlikeFirstText' : 'unlikeSecondText')} actions={(
        <><Button kind="quiet" onClick={() => setOpen(false)}>{t('unlikeKeep')}</Button><Button busy={say.isPending} onClick={() => say.mutate()}>{t(first ? 'unlikeFirstDo' : 'unlikeSecondDo')}</Button></>
      )}>
        {first && task.credits.captured > 0 && <p className="soft">{t('unlikeFirstThen')}</p>}
        {problem && (problem.code === 'wrong_state' ? <Notice kind="info" title={t('unlikeOver')} next={t('unlikeOverNext')} /> : <ProblemNotice problem={problem} />)}
      </Dialog>
    </>
  );
}
