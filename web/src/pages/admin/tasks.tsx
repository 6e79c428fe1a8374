/** /admin/tasks: everybody's tasks, found by state, recipe, account or any id; the filter stands in the address. */
import { useQuery } from '@tanstack/react-query';
import { Link, useLocation, useSearch } from 'wouter';
import { api, type Schemas } from '../../lib/api';
import { useText } from '../../lib/app-context';
import { isWorking, type Task } from '../../lib/task';
import { useNow } from '../../lib/time';
import { Button } from '../../ui/button';
import { Select } from '../../ui/field';
import { Icon } from '../../ui/icons';
import { Empty } from '../../ui/states';
import { useAdminWords } from '../../words/admin';
import { Badge, Find, Loaded, More, Table, usePages, useTook, When, type Column, type Tone } from './parts';

export type AdminTask = Schemas['AdminTask'];
type State = Task['state'];

export const REFRESH_MS = 3_000;
const STATES: readonly State[] = ['queued', 'preparing', 'running', 'checking', 'choosing', 'done', 'failed', 'cancelled'];
const TONES: Record<State, Tone> = { queued: 'wait', preparing: 'busy', running: 'busy', checking: 'busy', choosing: 'good', done: 'good', failed: 'bad', cancelled: 'calm' };
const FILTERS = ['state', 'recipe', 'account', 'q'] as const;
type Filter = Partial<Record<(typeof FILTERS)[number], string>>;

export function StateBadge({ state }: { state: State }) {
  const { t } = useAdminWords();
  return <Badge tone={TONES[state]}>{t(state)}</Badge>;
}

/** From the first step to the decision; so far, while it is under way. */
export function Took({ task }: { task: AdminTask }) {
  const { t } = useAdminWords(), took = useTook(), now = useNow(1000);
  if (!task.started_ms) return <>{t('none')}</>;
  return <>{took((task.ended_ms ?? now) - task.started_ms)}</>;
}

function useFilter(): [Filter, (change: Filter) => void] {
  const query = new URLSearchParams(useSearch()), [at, go] = useLocation(), filter: Filter = {};
  for (const name of FILTERS) {
    const value = query.get(name);
    if (value) filter[name] = value;
  }
  return [filter, change => {
    const next = new URLSearchParams(Object.entries({ ...filter, ...change }).filter(([, v]) => v)).toString();
    go(next ? `${at}?${next}` : at, { replace: true });
  }];
}

export function useErrorWords(): (error: NonNullable<AdminTask['error']>) => string {
  const { lang } = useAdminWords();
  return error => error[lang];
}

function useColumns(): Column<AdminTask>[] {
  const { t } = useAdminWords(), words = useErrorWords();
  return [
    { label: t('task'), first: true, of: x => <Link href={`/admin/tasks/${x.id}`} className="id">{x.id}</Link> },
    { label: t('state'), of: x => <><StateBadge state={x.state} />{isWorking(x) && x.progress_pm > 0 && <span className="small soft numbers"> {Math.floor(x.progress_pm / 10)} %</span>}</> },
    { label: t('recipe'), of: x => x.recipe },
    { label: t('account'), of: x => <Link href={`/admin/tasks?account=${x.account}`} className="id">{x.account}</Link> },
    { label: t('created'), of: x => <When ms={x.created_ms} /> },
    { label: t('took'), number: true, of: x => (x.started_ms ? <Took task={x} /> : null) },
    { label: t('credits'), number: true, of: x => (x.credits.price ? x.credits.price : t('free')) },
    { label: t('error'), wide: true, of: x => (x.error ? <span className="error-words" title={x.error.code}>{words(x.error)}</span> : null) },
  ];
}

function useRecipes(): { name: string; title: string }[] {
  const text = useText(), list = useQuery({ queryKey: ['recipes'], staleTime: 3_600_000, queryFn: () => api.get('/v1/recipes') }).data;
  return list?.items.map(r => ({ name: r.name, title: text(r.title) })) ?? [];
}

export function Tasks() {
  const { t } = useAdminWords(), [filter, change] = useFilter(), columns = useColumns(), recipes = useRecipes(), some = Object.keys(filter).length > 0;
  const list = usePages(['tasks', filter], cursor => api.get('/v1/admin/tasks', { query: { limit: 50, ...filter, ...(cursor ? { cursor } : {}) } }), REFRESH_MS);
  const clear = (): void => change({ state: '', recipe: '', account: '', q: '' });
  return (
    <>
      <Find label={t('taskFind')} hint={t('taskFindHint')} value={filter.q ?? ''} onFind={q => change({ q })}>
        <Select label={t('state')} value={filter.state ?? ''} onValue={state => change({ state })}>
          <option value="">{t('all')}</option>{STATES.map(s => <option key={s} value={s}>{t(s)}</option>)}
        </Select>
        <Select label={t('recipe')} value={filter.recipe ?? ''} onValue={recipe => change({ recipe })}>
          <option value="">{t('all')}</option>{recipes.map(r => <option key={r.name} value={r.name}>{r.title}</option>)}
        </Select>
      </Find>
      <div className="under-find">
        {filter.account && <button type="button" className="chosen" onClick={() => change({ account: '' })}>{t('ofAccount', { id: filter.account })} <Icon name="close" size={16} /><span className="unseen">{t('clear')}</span></button>}
        <span className="live small soft"><span className="live-dot" aria-hidden="true" /> {t('live')}</span>
      </div>
      <Loaded asked={list}>
        {items => (items.length ? <><Table caption={t('tasks')} columns={columns} items={items} keyOf={x => x.id} /><More list={list} /></>
          : some ? <Empty inside icon="zoomIn" title={t('tasksNoMatch')} text={t('tasksNoMatchText')}><Button kind="quiet" onClick={clear}>{t('showAll')}</Button></Empty>
            : <Empty inside icon="frame" title={t('tasksNone')} text={t('tasksNoneText')} />)}
      </Loaded>
    </>
  );
}
