/** "Not like me": the first time it is made again for nothing, the second time what it cost comes back. Which of the two is said before. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useLocation } from 'wouter';
import { api, asProblem } from '../../lib/api';
import { useMoved, useShop } from '../../lib/shop';
import type { Task } from '../../lib/task';
import { useDay } from '../../lib/time';
import { Button, ButtonLink } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import { Notice, ProblemNotice } from '../../ui/notice';
import { useShopWords } from '../../words/shop';

interface Next { first: boolean; last: Task | undefined; again: Task | undefined; can: boolean; until: number | null }
/** What can still be done about it: other pictures, the price back, or it was done already; and until when. */
function useNext(task: Task): Next {
  const shop = useShop().data, first = task.again_of === null, known = useQuery({ queryKey: ['tasks', 'again'], enabled: first, queryFn: () => api.get('/v1/tasks', { query: { limit: 100 } }) });
  // what was made again was free: what it cost is the first one's price
  const paid = useQuery({ queryKey: ['task', task.again_of, 'once'], enabled: !first, queryFn: () => api.get('/v1/tasks/{id}', { path: { id: task.again_of ?? '' } }) });
  const last = known.data?.items.find(x => x.again_of === task.id), again = last?.state === 'cancelled' ? undefined : last, since = Math.max(task.ended_ms ?? 0, again?.state === 'failed' ? again.ended_ms ?? 0 : 0);
  const until = shop?.unlike_ms ? since + shop.unlike_ms : null, price = first ? task : paid.data;
  return { first, last, again, until, can: shop !== undefined && (!first || known.data !== undefined) && (price?.credits.captured ?? 0) > 0 && (until === null || until > Date.now()) };
}

export function Unlike({ task }: { task: Task }) {
  const { t } = useShopWords(), cache = useQueryClient(), moved = useMoved(), [, go] = useLocation(), [open, setOpen] = useState(false), day = useDay(), { first, last, again, can, until } = useNext(task);
  const failed = again?.state === 'failed', back = !first || failed;
  const say = useMutation({
    mutationFn: () => api.post('/v1/tasks/{id}/unlike', { path: { id: task.id }, body: {}, key: `unlike-${task.id}${last ? `-${last.id}` : ''}` }),        // one decision, one key; behind one that was cancelled it is another decision
    onSuccess: now => {
      moved();
      void cache.invalidateQueries({ queryKey: ['tasks'] });
      setOpen(false);
      if (now.id !== task.id) go(`/t/${now.id}`);
    },
  });
  if (say.isSuccess && say.data.id === task.id) return <Notice kind="good" title={t('unlikeDone')} next={t('unlikeDoneText')}><ButtonLink href="/wallet" kind="quiet">{t('unlikeWallet')}</ButtonLink></Notice>;
  if (again && !failed) return <ButtonLink href={`/t/${again.id}`} kind="quiet" icon="forward">{t('unlikeOther')}</ButtonLink>;
  if (!can) return null;
  const problem = say.error && asProblem(say.error);
  return (
    <>
      <Button kind="quiet" icon="swap" onClick={() => setOpen(true)}>{t('unlike')}</Button>
      <Dialog open={open} onClose={() => setOpen(false)} title={t(back ? 'unlikeSecond' : 'unlikeFirst')} text={t(failed ? 'unlikeFailedText' : back ? 'unlikeSecondText' : 'unlikeFirstText')} actions={(
        <><Button kind="quiet" onClick={() => setOpen(false)}>{t('unlikeKeep')}</Button><Button busy={say.isPending} onClick={() => say.mutate()}>{t(back ? 'unlikeSecondDo' : 'unlikeFirstDo')}</Button></>
      )}>
        {!back && <p className="soft">{t('unlikeFirstThen')}</p>}
        {until !== null && <p className="soft small">{t('unlikeUntil', { day: day(until) })}</p>}
        {problem && (problem.code === 'wrong_state' ? <Notice kind="info" title={t('unlikeOver')} next={t('unlikeOverNext')} /> : <ProblemNotice problem={problem} />)}
      </Dialog>
    </>
  );
}
