/** Step 4: what happens right now, how long it takes, and that nobody has to watch. */
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, asProblem } from '../../lib/api';
import { useTemplates } from '../../lib/catalogue';
import { useLeft, useProgress } from '../../lib/progress';
import { content, type News, type Task } from '../../lib/task';
import { Button, ButtonLink } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import { Icon } from '../../ui/icons';
import { ProblemNotice } from '../../ui/notice';
import { Picture } from '../../ui/picture';
import { useWords, type Key } from '../../words';

const PHASES: [Task['state'], Key][] = [['queued', 'phase1'], ['preparing', 'phase2'], ['running', 'phase3'], ['checking', 'phase4']];
const WORDS: Partial<Record<Task['state'], [Key, Key]>> = {
  queued: ['queued', 'queuedText'], preparing: ['preparing', 'preparingText'], running: ['running', 'runningText'], checking: ['checking', 'checkingText'],
};
const SOON_S = 5, SECONDS_MAX = 90;

function useEta(): (ms: number) => string {
  const { t } = useWords();
  return ms => {
    const seconds = ms / 1000;
    if (seconds < SOON_S) return t('etaSoon');
    if (seconds < SECONDS_MAX) return t('etaSeconds', { count: Math.round(seconds / 5) * 5 });
    return t('etaMinutes', { count: Math.round(seconds / 60) });
  };
}

function Frame({ task }: { task: Task }) {
  const template = useTemplates().data?.find(x => x.name === task.template);
  const src = template ? api.url(template.thumb) : task.backdrop ? content(task.backdrop) : null;
  return (
    <div className={`developing developing-${task.state}`} aria-hidden="true">
      {src && <Picture src={src} alt="" />}
      <span className="developing-veil" /><span className="developing-people"><Icon name="people" size={64} /></span>
    </div>
  );
}

function Cancel({ task }: { task: Task }) {
  const { t } = useWords(), [open, setOpen] = useState(false), cache = useQueryClient();
  const cancel = useMutation({
    mutationFn: () => api.post('/v1/tasks/{id}/cancel', { path: { id: task.id }, body: {}, key: `cancel-${task.id}` }),
    onSuccess: next => cache.setQueryData(['task', task.id], next),
  });
  return (
    <>
      <Button kind="bare" onClick={() => setOpen(true)}>{t('cancelTask')}</Button>
      <Dialog open={open} onClose={() => setOpen(false)} title={t('cancelSure')} text={t('cancelSureText')} actions={(
        <>
          <Button kind="quiet" onClick={() => setOpen(false)}>{t('cancelKeep')}</Button>
          <Button kind="danger" busy={cancel.isPending} onClick={() => cancel.mutate()}>{t('cancelTask')}</Button>
        </>
      )}>
        {cancel.error && <ProblemNotice problem={asProblem(cancel.error)} />}
      </Dialog>
    </>
  );
}

export function Working({ task, news }: { task: Task; news: News }) {
  const { t } = useWords(), eta = useEta(), [title, text] = WORDS[task.state] ?? ['queued', 'queuedText'];
  const shown = useProgress(task), left = useLeft(task), percent = Math.round(shown / 10), at = PHASES.findIndex(([state]) => state === task.state), ahead = (task.place ?? 0) - 1;
  return (
    <div className="width narrow working">
      <Frame task={task} />
      <h1>{t(title)}</h1>
      <p className="soft">{t(text)}</p>
      <div className="progress" role="progressbar" aria-valuemin={0} aria-valuemax={100} aria-valuenow={percent} aria-label={t(title)}>
        <span style={{ width: `${Math.max(3, shown / 10)}%` }} />
      </div>
      <ol className="phases" aria-hidden="true">{PHASES.map(([state, key], n) => <li key={state} className={n < at ? 'phase-past' : n === at ? 'phase-here' : ''}>{t(key)}</li>)}</ol>
      <p className="place-in-line numbers" role="status">
        {task.state === 'queued' && <span>{ahead > 0 ? t('ahead', { count: ahead }) : t('nextInLine')}</span>}
        <span>{left !== null ? eta(left) : t('etaUsual')}</span>
      </p>
      <p className="may-close"><Icon name="check" /> {t('mayClose')}</p>
      {news !== 'live' && <p className="small soft" role="status">{t(news === 'lost' ? 'newsLost' : 'newsAsking')}</p>}
      <div className="working-acts"><ButtonLink href="/me" kind="quiet" icon="frame">{t('myPictures')}</ButtonLink><Cancel task={task} /></div>
    </div>
  );
}
