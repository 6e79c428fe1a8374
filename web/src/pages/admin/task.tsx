/** /admin/tasks/{id}: everything that happened to one task, line by line; cancel it, make it again. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useMemo, useRef, useState } from 'react';
import { Link } from 'wouter';
import { api, asProblem, type Schemas } from '../../lib/api';
import { isWorking } from '../../lib/task';
import { useDate } from '../../lib/time';
import { Button, ButtonLink } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import { Icon } from '../../ui/icons';
import { Notice, ProblemNotice } from '../../ui/notice';
import { useAdminWords, type AdminKey } from '../../words/admin';
import { Badge, CopyButton, Facts, Loaded, Section, Table, useTook, When, type Tone } from './parts';
import { REFRESH_MS, StateBadge, Took, useErrorWords, type AdminTask } from './tasks';

type All = Schemas['AdminTaskLog'];
type Line = Schemas['AdminLine'];
type Attempt = Schemas['AdminAttempt'];

const OVER: readonly AdminTask['state'][] = ['done', 'failed', 'cancelled'];
const UNDER_WAY: readonly Attempt['state'][] = ['intent', 'submitted', 'fetching'];
const FROM = { event: 'from_event', attempt: 'from_attempt', ledger: 'from_ledger' } as const;
const TRIED: Record<Attempt['state'], [Tone, AdminKey]> = {
  intent: ['wait', 'tried_intent'], submitted: ['busy', 'tried_submitted'], fetching: ['busy', 'tried_fetching'], stored: ['good', 'tried_stored'],
  refused: ['bad', 'tried_refused'], failed: ['bad', 'tried_failed'], unknown: ['wait', 'tried_unknown'], written_off: ['calm', 'tried_written_off'],
};

const MOVES = { hold: 'held', capture: 'captured', release: 'released', cost: 'cost' } as const satisfies Record<string, AdminKey>;
const moved = (kind: string): kind is keyof typeof MOVES => kind in MOVES;

const two = (n: number, digits = 2): string => String(n).padStart(digits, '0');
function clock(ms: number): string {
  const d = new Date(ms);
  return `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}.${two(d.getMilliseconds(), 3)}`;
}

function Log({ lines }: { lines: readonly Line[] }) {
  const { t } = useAdminWords(), first = lines[0]?.at_ms ?? 0;
  const all = useMemo(() => lines.map(l => `${new Date(l.at_ms).toISOString()} ${l.from} ${l.text}`).join('\n'), [lines]);
  if (!lines.length) return <p className="soft">{t('logNone')}</p>;
  return (
    <>
      <ol className="log card" tabIndex={0} aria-label={t('log')}>
        {lines.map((l, n) => (
          <li key={n} className={`log-${l.from}`}>
            <span className="log-when"><time dateTime={new Date(l.at_ms).toISOString()}>{clock(l.at_ms)}</time> <span className="log-after">+{((l.at_ms - first) / 1000).toFixed(3)}</span></span>
            <span className="log-from">{t(FROM[l.from])}</span> <span className="log-text">{l.text}</span>
          </li>
        ))}
      </ol>
      <CopyButton text={all} />
    </>
  );
}

function Attempts({ items }: { items: readonly Attempt[] }) {
  const { t } = useAdminWords(), took = useTook();
  if (!items.length) return <p className="soft">{t('attemptsNone')}</p>;
  return (
    <Table caption={t('attempts')} items={items} keyOf={a => a.id} columns={[
      { label: t('step'), first: true, of: a => `${a.op} ${a.index}` },
      { label: t('state'), of: a => <Badge tone={TRIED[a.state][0]}>{t(TRIED[a.state][1])}</Badge> },
      { label: t('engine'), of: a => a.engine },
      { label: t('took'), number: true, of: a => (UNDER_WAY.includes(a.state) ? null : took(a.updated_ms - a.created_ms)) },
      { label: t('seed'), number: true, of: a => a.seed },
      { label: t('cost'), number: true, of: a => (a.cost_microusd ? t('money', { n: (a.cost_microusd / 1e6).toFixed(4) }) : null) },
      { label: t('error'), wide: true, of: a => (a.error ? <span className="error-words">{[a.error, a.detail].filter(Boolean).join(': ')}</span> : a.detail || null) },
    ]} />
  );
}

function Candidates({ task }: { task: AdminTask }) {
  const { t } = useAdminWords();
  if (!task.candidates.length) return <p className="soft">{t('candidatesNone')}</p>;
  return (
    <Table caption={t('candidates')} items={task.candidates} keyOf={c => c.asset} columns={[
      { label: t('pictures'), first: true, of: c => <>{c.index + 1} {c.index === task.picked && <Badge tone="good">{t('picked')}</Badge>}</> },
      { label: t('score'), number: true, of: c => (c.score_pm === null ? null : `${(c.score_pm / 10).toFixed(1)} %`) },
      { label: t('size'), number: true, of: c => `${c.width} × ${c.height}` },
      { label: t('seed'), number: true, of: c => c.seed ?? null },
      { label: t('asset'), wide: true, of: c => <span className="id">{c.asset}</span> },
    ]} />
  );
}

function Ledger({ items }: { items: All['ledger'] }) {
  const { t } = useAdminWords();
  if (!items.length) return <p className="soft">{t('ledgerNone')}</p>;
  return (
    <Table caption={t('ledger')} items={items} keyOf={m => m.id} columns={[
      { label: t('kind'), first: true, of: m => (moved(m.kind) ? t(MOVES[m.kind]) : m.kind) },
      { label: t('amount'), number: true, of: m => (m.unit === 'credit' ? m.amount : t('money', { n: (m.amount / 1e6).toFixed(4) })) },
      { label: t('at'), of: m => <time dateTime={new Date(m.at_ms).toISOString()}>{clock(m.at_ms)}</time> },
      { label: t('cause'), wide: true, of: m => <span className="id">{m.cause}</span> },
    ]} />
  );
}

function Events({ items }: { items: All['events'] }) {
  const { t } = useAdminWords();
  return (
    <details className="fold">
      <summary><h2>{t('events')}</h2> <span className="soft numbers">{items.length}</span></summary>
      <Table caption={t('events')} items={items} keyOf={e => String(e.seq)} columns={[
        { label: '#', first: true, of: e => e.seq }, { label: t('kind'), of: e => e.kind },
        { label: t('at'), of: e => <time dateTime={new Date(e.at_ms).toISOString()}>{clock(e.at_ms)}</time> },
        { label: t('data'), wide: true, of: e => <code>{JSON.stringify(e.data)}</code> },
      ]} />
    </details>
  );
}

type Deed = 'cancel' | 'rerun';

/** Asked first; one key for one decision, so that pressing twice or a lost answer does it once. */
function Deeds({ task }: { task: AdminTask }) {
  const { t } = useAdminWords(), cache = useQueryClient(), [asked, setAsked] = useState<Deed | null>(null), key = useRef('');
  const act = useMutation({
    mutationFn: (deed: Deed) => (deed === 'cancel'
      ? api.post('/v1/admin/tasks/{id}/cancel', { path: { id: task.id }, body: {}, key: key.current })
      : api.post('/v1/admin/tasks/{id}/rerun', { path: { id: task.id }, body: {}, key: key.current })),
    onSuccess: () => {
      setAsked(null);
      void cache.invalidateQueries({ queryKey: ['admin'] });
    },
  });
  const ask = (deed: Deed): void => {
    key.current = `${deed}-${task.id}-${Date.now()}`;
    act.reset();
    setAsked(deed);
  };
  const cancel = asked === 'cancel', done = act.data;
  return (
    <>
      <div className="deeds">
        {isWorking(task) ? <Button kind="danger" icon="close" onClick={() => ask('cancel')}>{t('cancelDo')}</Button>
          : <Button kind="quiet" icon="swap" onClick={() => ask('rerun')}>{t('rerunDo')}</Button>}
      </div>
      {done && (act.variables === 'cancel' ? <Notice kind="good" title={t('cancelDone')} next={t('cancelDoneNext', { n: done.credits.released })} />
        : <Notice kind="good" title={t('rerunDone')}><ButtonLink kind="quiet" icon="forward" href={`/admin/tasks/${done.id}`}>{t('rerunOpen')}</ButtonLink></Notice>)}
      <Dialog open={asked !== null} onClose={() => setAsked(null)} title={t(cancel ? 'cancelTitle' : 'rerunTitle')} text={cancel ? t('cancelText', { n: task.credits.held }) : t('rerunText')}
        actions={<><Button kind="quiet" onClick={() => setAsked(null)}>{t('keep')}</Button>
          <Button kind={cancel ? 'danger' : 'primary'} busy={act.isPending} onClick={() => asked && act.mutate(asked)}>{t(cancel ? 'cancelDo' : 'rerunDo')}</Button></>}>
        {act.error && <ProblemNotice problem={asProblem(act.error)}>{asProblem(act.error).document.detail && <p className="small soft">{asProblem(act.error).document.detail}</p>}</ProblemNotice>}
      </Dialog>
    </>
  );
}

function useFacts(task: AdminTask): Parameters<typeof Facts>[0]['items'] {
  const { t } = useAdminWords(), date = useDate(), at = (ms: number | null | undefined): string => (ms ? date(ms) : t('none')), c = task.credits;
  return [
    [t('account'), <Link href={`/admin/accounts?q=${task.account}`} className="id">{task.account}</Link>],
    [t('recipe'), task.recipe], [t('engine'), task.engine], [t('template'), task.template ?? t('templateOwn')],
    task.place === null ? null : [t('place'), task.place], OVER.includes(task.state) ? null : [t('progress'), `${Math.floor(task.progress_pm / 10)} %`],
    [t('pictures'), t('picturesOf', { delivered: task.delivered, asked: task.asked })],
    [t('price'), c.price || t('free')], [t('held'), c.held], [t('captured'), c.captured], [t('released'), c.released],
    [t('created'), at(task.created_ms)], [t('started'), at(task.started_ms)], [t('ended'), at(task.ended_ms)], [t('took'), <Took task={task} />],
    task.ended_ms ? null : [t('deadline'), <When ms={task.deadline_ms} />], task.results_until_ms ? [t('deleted'), at(task.results_until_ms)] : null,
  ];
}

function Shown({ all }: { all: All }) {
  const { t } = useAdminWords(), words = useErrorWords(), { task } = all, facts = useFacts(task);
  return (
    <>
      <div className="one-top"><h2 className="id">{task.id}</h2><StateBadge state={task.state} /></div>
      {task.error && <Notice kind="bad" title={words(task.error)} next={<><code>{task.error.code}</code>{task.error.checks?.map(c => <span key={c.code}> · {words(c)}</span>)}</>} />}
      <Deeds task={task} />
      <Facts long items={facts} />
      <Section title={t('log')} text={t('logText')}><Log lines={all.log} /></Section>
      <Section title={t('attempts')}><Attempts items={all.attempts} /></Section>
      <Section title={t('candidates')} text={t('candidatesText')}><Candidates task={task} /></Section>
      <Section title={t('ledger')}><Ledger items={all.ledger} /></Section>
      <Events items={all.events} />
    </>
  );
}

export function OneTask({ id }: { id: string }) {
  const { t } = useAdminWords();
  const all = useQuery({
    queryKey: ['admin', 'task', id], queryFn: () => api.get('/v1/admin/tasks/{id}', { path: { id } }), staleTime: 0,
    refetchInterval: q => (q.state.data && OVER.includes(q.state.data.task.state) ? false : REFRESH_MS),
  });
  return (
    <>
      <Link href="/admin/tasks" className="back-link"><Icon name="back" size={18} /> {t('backTo')}</Link>
      <Loaded asked={all}>{data => <Shown all={data} />}</Loaded>
    </>
  );
}
