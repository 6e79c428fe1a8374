/** /t/{task}: from the line to the picture in hand. The address is all it needs to be found again. */
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useLocation } from 'wouter';
import { api, asProblem } from '../../lib/api';
import { journey } from '../../lib/journey';
import { linkRefused, tellOtherTabs } from '../../lib/session';
import { isDeleted, isWorking, photosOf, usePhotos, useTask, type News, type Task } from '../../lib/task';
import { useTitle } from '../../lib/title';
import { Button, ButtonLink } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import { Notice, ProblemNotice } from '../../ui/notice';
import { PrivacyClock } from '../../ui/privacy-clock';
import { Empty, Failed, PageSkeleton, SignedOut } from '../../ui/states';
import { Steps } from '../../ui/steps';
import { useWords, type Key } from '../../words';
import { Choosing } from './choosing';
import { Done } from './done';
import { Working } from './working';
import './task.css';

function titleOf(task: Task | undefined, pending: boolean): Key {
  if (!task) return pending ? 'loading' : 'taskGone';
  if (isDeleted(task)) return 'deletedTitle';
  if (isWorking(task)) return 'titleMaking';
  return task.state === 'choosing' ? 'titleReady' : task.state === 'done' ? 'titleDone' : task.state === 'failed' ? 'failed' : 'cancelled';
}

export default function TaskPage({ id }: { id: string }) {
  const { t } = useWords(), { task, news } = useTask(id), [deleted, setDeleted] = useState(false);
  useTitle(t(deleted ? 'deletedTitle' : titleOf(task.data, task.isPending)));
  if (task.isPending) return <PageSkeleton />;
  if (!task.data) {
    const problem = asProblem(task.error);
    if (problem.status === 401) return <div className="width"><SignedOut next={`/t/${id}`} /></div>;
    if (problem.status === 404) {
      return <div className="width"><Empty icon="frame" title={t(linkRefused() ? 'linkUsedTitle' : 'taskGone')} text={t(linkRefused() ? 'linkUsedText' : 'taskGoneText')}><ButtonLink href={`/sign-in?next=/t/${id}`}>{t('signIn')}</ButtonLink></Empty></div>;
    }
    return <div className="width narrow"><Failed problem={problem} again={() => void task.refetch()} /></div>;
  }
  if (deleted || isDeleted(task.data)) return <div className="width"><Empty icon="trash" title={t('deletedTitle')} text={t('deletedText')}><ButtonLink href="/new">{t('another')}</ButtonLink></Empty></div>;
  const at = isWorking(task.data) ? 3 : 4, over = task.data.state === 'failed' || task.data.state === 'cancelled';
  return (
    <>
      {!over && <div className="width narrow"><Steps at={at} /></div>}
      <State task={task.data} news={news} onDeleted={() => setDeleted(true)} />
    </>
  );
}

function State({ task, news, onDeleted }: { task: Task; news: News; onDeleted: () => void }) {
  if (isWorking(task)) return <Working task={task} news={news} />;
  if (task.state === 'failed' || task.state === 'cancelled') return <Over task={task} />;
  // the originals, too, where the server or this device knows them
  const assets = [...task.candidates.map(c => c.asset), ...photosOf(task)], remove = <DeleteNow assets={assets} words={['deleteNow', 'deleteSure', 'deleteSureText']} onDeleted={onDeleted} />;
  return task.state === 'choosing' ? <Choosing task={task} remove={remove} /> : <Done task={task} remove={remove} />;
}

function Over({ task }: { task: Task }) {
  const { t, lang } = useWords(), why = task.error, free = task.credits.price === 0, told = !free && /点数/.test(why?.next_zh ?? ''), photos = usePhotos(task), cache = useQueryClient(), [, go] = useLocation(), [deleted, setDeleted] = useState(false);
  const again = (): void => {
    journey.remake(task, n => t('photoN', { n }));
    go('/new');
  };
  const gone = (): void => {
    setDeleted(true);
    cache.setQueryData(['photos', task.id], []);
  };
  return (
    <div className="width">
      <Empty icon={task.state === 'failed' ? 'warn' : 'close'} title={t(task.state === 'failed' ? 'failed' : 'cancelled')} {...(told ? {} : { text: t(free ? 'overFree' : task.state === 'failed' ? 'failedText' : 'cancelledText') })}>
        {why && <Notice kind="info" icon="warn" title={lang === 'zh' ? why.zh : why.en} next={lang === 'zh' ? why.next_zh : why.next_en} />}
        {!free && <Link href="/wallet">{t('overWallet')}</Link>}
        {deleted && <Notice kind="good" title={t('photosGone')} />}
        {photos.length > 0
          ? <><Button big onClick={again}>{t('sameAgain')}</Button><ButtonLink href="/new" kind="quiet">{t('another')}</ButtonLink></>
          : <ButtonLink href="/new" big>{t('another')}</ButtonLink>}
        {photos.length > 0 && (
          <div className="over-photos">
            <p className="soft">{t('photosKept')}</p>
            <PrivacyClock until={Math.min(...photos.map(p => p.delete_at_ms))} />
            <DeleteNow assets={photos.map(p => p.id)} words={['deletePhotos', 'deletePhotosSure', 'deletePhotosText']} onDeleted={gone} />
          </div>
        )}
      </Empty>
    </div>
  );
}

/** There is no way back, so it is asked once more. */
function DeleteNow({ assets, words: [button, sure, text], onDeleted }: { assets: string[]; words: [Key, Key, Key]; onDeleted: () => void }) {
  const { t } = useWords(), [open, setOpen] = useState(false), cache = useQueryClient();
  const gone = async (id: string): Promise<void> => {
    try {
      await api.delete('/v1/assets/{id}', { path: { id }, again: true });
    } catch (error) {
      const { status } = asProblem(error);
      if (status !== 404 && status !== 410) throw error;        // gone is what was wanted
    }
  };
  const remove = useMutation({
    mutationFn: async () => { for (const id of assets) await gone(id); },
    onSuccess: () => {
      void cache.invalidateQueries({ queryKey: ['tasks'] });
      onDeleted();
    },
    onSettled: tellOtherTabs,
  });
  return (
    <>
      <Button kind="bare" icon="trash" onClick={() => setOpen(true)}>{t(button)}</Button>
      <Dialog open={open} onClose={() => setOpen(false)} title={t(sure)} text={t(text)} actions={(
        <>
          <Button kind="quiet" onClick={() => setOpen(false)}>{t('cancel')}</Button>
          <Button kind="danger" icon="trash" busy={remove.isPending} onClick={() => remove.mutate()}>{remove.isPending ? t('deleting') : t('deleteDo')}</Button>
        </>
      )}>
        {remove.error && <ProblemNotice problem={asProblem(remove.error)} />}
      </Dialog>
    </>
  );
}
