/** "Not like me": the first time it is made again for nothing, the second time what it cost comes back. Which of the two is said before. */
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useLocation } from 'wouter';
import { api, asProblem } from '../../lib/api';
import { useMoved } from '../../lib/shop';
import type { Task } from '../../lib/task';
import { Button, ButtonLink } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import { Notice, ProblemNotice } from '../../ui/notice';
import { useShopWords } from '../../words/shop';

/** rerun: can be made again for nothing; refund: was, so its price can come back. */
type Unlikable = Task & { unlike?: 'rerun' | 'refund' | null };

export function Unlike({ task }: { task: Unlikable }) {
  const { t } = useShopWords(), cache = useQueryClient(), moved = useMoved(), [, go] = useLocation(), [open, setOpen] = useState(false), next = task.unlike ?? null;
  const say = useMutation({
    mutationFn: () => api.send<Task>('POST', '/v1/tasks/{id}/unlike', { path: { id: task.id }, body: {}, key: `unlike-${task.id}` }),
    onSuccess: now => {
      moved();
      void cache.invalidateQueries({ queryKey: ['tasks'] });
      setOpen(false);
      cache.setQueryData(['task', now.id], now);
      if (now.id !== task.id) go(`/t/${now.id}`);
    },
  });
  if (say.isSuccess && next !== 'rerun') return <Notice kind="good" title={t('unlikeDone')} next={t('unlikeDoneText')}><ButtonLink href="/wallet" kind="quiet">{t('unlikeWallet')}</ButtonLink></Notice>;
  if (next === null) return null;
  const first = next === 'rerun';
  return (
    <>
      <Button kind="quiet" icon="swap" onClick={() => setOpen(true)}>{t('unlike')}</Button>
      <Dialog open={open} onClose={() => setOpen(false)} title={t(first ? 'unlikeFirst' : 'unlikeSecond')} text={t(first ? 'unlikeFirstText' : 'unlikeSecondText')} actions={(
        <><Button kind="quiet" onClick={() => setOpen(false)}>{t('unlikeKeep')}</Button><Button busy={say.isPending} onClick={() => say.mutate()}>{t(first ? 'unlikeFirstDo' : 'unlikeSecondDo')}</Button></>
      )}>
        {first && <p className="soft refund-else">{t('unlikeFirstThen')}</p>}
        {say.error && <ProblemNotice problem={asProblem(say.error)} />}
      </Dialog>
    </>
  );
}
