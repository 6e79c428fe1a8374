/** /admin/accounts: who is here, with what they own. */
import { Link, useLocation, useSearch } from 'wouter';
import { api, type Schemas } from '../../lib/api';
import { Button } from '../../ui/button';
import { Empty } from '../../ui/states';
import { useWords } from '../../words';
import { useAdminWords } from '../../words/admin';
import { Badge, Find, Loaded, More, Table, useBytes, usePages, When, type Column, type Tone } from './parts';

type Account = Schemas['AdminAccount'];

const KINDS = { guest: ['guest', 'calm'], person: ['person', 'good'], operator: ['operator', 'busy'] } as const satisfies Record<string, readonly [string, Tone]>;
const known = (kind: string): kind is keyof typeof KINDS => kind in KINDS;

function useColumns(): Column<Account>[] {
  const { t } = useAdminWords(), { locale } = useWords(), bytes = useBytes(), number = (n: number): string => n.toLocaleString(locale);
  return [
    { label: t('account'), first: true, of: a => <Link href={`/admin/accounts/${a.id}`} className="id">{a.id}</Link> },
    { label: t('kind'), of: a => (known(a.kind) ? <Badge tone={KINDS[a.kind][1]}>{t(KINDS[a.kind][0])}</Badge> : a.kind) },
    { label: t('email'), wide: true, of: a => a.email },
    { label: t('credits'), number: true, of: a => number(a.credits) },
    { label: t('held'), number: true, of: a => number(a.held) },
    { label: t('tasks'), number: true, of: a => (a.tasks ? <Link href={`/admin/tasks?account=${a.id}`} aria-label={`${t('itsTasks', { id: a.id })}: ${number(a.tasks)}`}>{number(a.tasks)}</Link> : 0) },
    { label: t('bytes'), number: true, of: a => bytes(a.bytes) },
    { label: t('seen'), of: a => a.seen_ms && <When ms={a.seen_ms} /> },
    { label: t('created'), of: a => <When ms={a.created_ms} /> },
  ];
}

export function Accounts() {
  const { t } = useAdminWords(), columns = useColumns(), q = new URLSearchParams(useSearch()).get('q') ?? '', [at, go] = useLocation();
  const find = (text: string): void => go(text ? `${at}?q=${encodeURIComponent(text)}` : at, { replace: true });
  const list = usePages(['accounts', q], cursor => api.get('/v1/admin/accounts', { query: { limit: 50, ...(q ? { q } : {}), ...(cursor ? { cursor } : {}) } }));
  return (
    <>
      <Find label={t('accountFind')} hint={t('accountFindHint')} value={q} onFind={find} />
      <Loaded asked={list}>
        {items => (items.length ? <><Table caption={t('accounts')} columns={columns} items={items} keyOf={a => a.id} /><More list={list} /></>
          : q ? <Empty inside icon="zoomIn" title={t('accountsNoMatch')} text={t('accountsNoMatchText')}><Button kind="quiet" onClick={() => find('')}>{t('showAll')}</Button></Empty>
            : <Empty inside icon="people" title={t('accountsNone')} />)}
      </Loaded>
    </>
  );
}
