/** /me: my pictures, also those still being made; my account below them. */
import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { Link } from 'wouter';
import { api, asProblem } from '../../lib/api';
import { useText } from '../../lib/app-context';
import { useTemplates } from '../../lib/catalogue';
import { useMe } from '../../lib/session';
import { isDeleted, isWorking, smallOf, type Task } from '../../lib/task';
import { useDate } from '../../lib/time';
import { useTitle } from '../../lib/title';
import { Button, ButtonLink } from '../../ui/button';
import { Icon } from '../../ui/icons';
import { Notice } from '../../ui/notice';
import { Picture } from '../../ui/picture';
import { PrivacyClock } from '../../ui/privacy-clock';
import { Empty, Failed, SignedOut } from '../../ui/states';
import { useWords, type Key } from '../../words';
import { Account } from './account';
import './me.css';

const STATES: Partial<Record<Task['state'], Key>> = { choosing: 'stateChoosing', done: 'stateDone', failed: 'stateFailed', cancelled: 'stateCancelled' };
const REFRESH_MS = 5_000;

function useTasks() {
  return useInfiniteQuery({
    queryKey: ['tasks'], initialPageParam: undefined as string | undefined, retry: false,
    queryFn: ({ pageParam }) => api.get('/v1/tasks', { query: { limit: 12, ...(pageParam ? { cursor: pageParam } : {}) } }),
    getNextPageParam: page => page.next ?? undefined,
    refetchInterval: query => (query.state.data?.pages.some(p => p.items.some(isWorking)) ? REFRESH_MS : false),
  });
}

function Card({ task }: { task: Task }) {
  const { t } = useWords(), text = useText(), date = useDate(), template = useTemplates().data?.find(x => x.name === task.template);
  const picked = task.candidates.find(c => c.index === task.picked) ?? task.candidates[0], working = isWorking(task), deleted = isDeleted(task), state = t(deleted ? 'deletedTitle' : STATES[task.state] ?? 'stateWorking');
  const src = picked ? smallOf(picked) : template && !deleted ? api.url(template.thumb) : null;
  return (
    <li className={`mine card mine-${working ? 'working' : deleted ? 'deleted' : task.state}`}>
      <Link href={`/t/${task.id}`}>
        <span className="mine-picture">
          {src ? <Picture src={src} alt="" loading="lazy" /> : <Icon name={deleted ? 'trash' : 'image'} size={32} />}
          {working && <span className="mine-bar"><span style={{ width: `${Math.max(4, task.progress_pm / 10)}%` }} /></span>}
          <span className="mine-state">{working && <span className="spinner" aria-hidden="true" />}{state}</span>
        </span>
        <span className="mine-words"><span className="mine-name">{template ? text(template.title) : t('styleOwn')}</span><span className="small soft numbers">{date(task.created_ms)}</span></span>
      </Link>
      {task.results_until_ms !== null && !deleted && (task.state === 'choosing' || task.state === 'done') && <PrivacyClock until={task.results_until_ms} />}
    </li>
  );
}

function Pictures({ moving }: { moving: boolean }) {
  const { t } = useWords(), tasks = useTasks();
  if (tasks.isPending) return <div className="mine-list">{[1, 2, 3].map(n => <div key={n} className="bone bone-picture" />)}</div>;
  const problem = tasks.isError ? asProblem(tasks.error) : null;
  if (problem?.status === 401) return <SignedOut inside next="/me"><ButtonLink href="/new" kind="quiet" icon="people">{t('start')}</ButtonLink></SignedOut>;
  if (problem) return <Failed problem={problem} again={() => void tasks.refetch()} />;
  const items = tasks.data?.pages.flatMap(p => p.items) ?? [];
  if (!items.length && moving) return null;
  if (!items.length) return <Empty inside icon="frame" title={t('meEmpty')} text={t('meEmptyText')}><ButtonLink href="/new" big icon="people">{t('start')}</ButtonLink></Empty>;
  return (
    <>
      <ul className="mine-list">{items.map(task => <Card key={task.id} task={task} />)}</ul>
      {tasks.hasNextPage && <div className="mine-more"><Button kind="quiet" busy={tasks.isFetchingNextPage} onClick={() => void tasks.fetchNextPage()}>{t('meMore')}</Button></div>}
    </>
  );
}

/** What the guest made comes over in a moment, or when it is finished: then it is there without a reload. */
function useMoving(moving: boolean): void {
  const cache = useQueryClient(), was = useRef(moving);
  useEffect(() => {
    if (was.current && !moving) for (const key of ['tasks', 'wallet']) void cache.invalidateQueries({ queryKey: [key] });
    was.current = moving;
  }, [cache, moving]);
}

export default function Me() {
  const { t } = useWords(), me = useMe(true), moving = me?.moving ?? false, some = (useTasks().data?.pages[0]?.items.length ?? 0) > 0;
  useMoving(moving);
  useTitle(t('meTitle'));
  return (
    <div className="width me">
      <div className="me-top"><h1>{t('meTitle')}</h1>{some && <ButtonLink href="/new" kind="quiet" icon="plus">{t('another')}</ButtonLink>}</div>
      {moving && <Notice kind="info" icon="clock" title={t('movingTitle')} next={t('movingText')} />}
      <Pictures moving={moving} />
      <Account me={me} />
    </div>
  );
}
