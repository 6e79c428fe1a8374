/** /admin/accounts/{id}: one person's money over time: orders, refunds and credits in one line. */
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { api, type Schemas } from '../../lib/api';
import { useMoney } from '../../lib/shop';
import { useDate } from '../../lib/time';
import { Icon } from '../../ui/icons';
import { Empty } from '../../ui/states';
import { useWords } from '../../words';
import { useAdminWords } from '../../words/admin';
import { canDecide, Decide, type AdminOrder } from './decide';
import { OrderBadge, useOrders } from './orders';
import { Badge, Facts, Loaded, More, Section, Table, useBytes, usePages, When } from './parts';

type Entry = Schemas['Entry'];
interface Happened { key: string; at: number; what: ReactNode; amount: ReactNode; credits: number | null; more: ReactNode }

/** Money that went, or is on its way; asked for, refused or come to nothing it has not moved. */
const MOVED = ['pending', 'done', 'abnormal'];

/** Orders when they were made and paid, refunds, and what moved credits; newest first. */
function useLine(orders: AdminOrder[], entries: Entry[]): Happened[] {
  const { t } = useAdminWords(), money = useMoney(), line: Happened[] = [];
  for (const o of orders) {
    line.push({ key: o.id, at: o.created_ms, what: <>{t('lineOrdered')} <OrderBadge order={o} /></>, amount: money(o.price_minor, o.currency), credits: null, more: <><span className="id">{o.id}</span> · {o.plan} · {o.provider}{(canDecide(o) || o.trouble) && <Decide order={o} />}</> });
    if (o.paid_ms) line.push({ key: `${o.id}-paid`, at: o.paid_ms, what: <Badge tone="good">{t('linePaid')}</Badge>, amount: `+${money(o.price_minor, o.currency)}`, credits: null, more: <span className="id">{o.id}</span> });
    const r = o.refund;
    if (r) line.push({ key: r.id, at: r.done_ms ?? r.created_ms, what: <>{t('lineRefund')} <Badge tone={r.state === 'done' ? 'calm' : r.state === 'refused' ? 'calm' : 'wait'}>{r.state}</Badge></>, amount: MOVED.includes(r.state) ? `−${money(r.money_minor, o.currency)}` : null, credits: null, more: <><span className="id">{r.id}</span>{!MOVED.includes(r.state) && ` · ${money(r.money_minor, o.currency)}`}{[r.reason, r.detail].filter(Boolean).map(words => ` · ${words}`)}</> });
  }
  for (const e of entries) {
    line.push({ key: e.id, at: e.at, what: <Badge tone={e.credits > 0 ? 'good' : 'busy'}>{e.kind}</Badge>, amount: null, credits: e.credits, more: <>{e.cause}{e.task && <> · <Link href={`/admin/tasks/${e.task}`} className="id">{e.task}</Link></>}</> });
  }
  return line.sort((a, b) => b.at - a.at);
}

function Line({ id }: { id: string }) {
  const { t } = useAdminWords(), { locale } = useWords(), date = useDate();
  const orders = useOrders({ account: id }), entries = usePages(['entries', id], cursor => api.get('/v1/admin/accounts/{id}/entries', { path: { id }, query: { limit: 100, ...(cursor ? { cursor } : {}) } }));
  const line = useLine(orders.data ?? [], entries.data ?? []);
  return (
    <Loaded asked={orders}>
      {() => (
        <Loaded asked={entries}>
          {() => (line.length ? (
            <>
              <Table caption={t('moneyLine')} items={line} keyOf={h => h.key} columns={[
                { label: t('at'), first: true, of: h => <time dateTime={new Date(h.at).toISOString()}>{date(h.at)}</time> },
                { label: t('kind'), of: h => h.what },
                { label: t('amount'), number: true, of: h => h.amount },
                { label: t('credits'), number: true, of: h => h.credits?.toLocaleString(locale, { signDisplay: 'always' }) ?? null },
                { label: t('cause'), wide: true, of: h => h.more },
              ]} />
              <More list={orders} /><More list={entries} />
            </>
          ) : <p className="soft">{t('moneyLineNone')}</p>)}
        </Loaded>
      )}
    </Loaded>
  );
}

export function OneAccount({ id }: { id: string }) {
  const { t } = useAdminWords(), { locale } = useWords(), bytes = useBytes(), number = (n: number): string => n.toLocaleString(locale);
  const asked = useQuery({ queryKey: ['admin', 'account', id], queryFn: () => api.get('/v1/admin/accounts', { query: { q: id } }) });
  return (
    <>
      <Link href="/admin/accounts" className="back-link"><Icon name="back" size={18} /> {t('backTo')}</Link>
      <Loaded asked={asked}>
        {({ items: [account] }) => (account ? (
          <>
            <div className="one-top"><h2 className="id">{account.id}</h2></div>
            <Facts items={[
              [t('kind'), account.kind], [t('email'), account.email ?? t('none')], [t('credits'), number(account.credits)], [t('held'), number(account.held)],
              [t('tasks'), <Link href={`/admin/tasks?account=${account.id}`}>{number(account.tasks)}</Link>], [t('bytes'), bytes(account.bytes)], [t('created'), <When ms={account.created_ms} />], [t('seen'), <When ms={account.seen_ms} />],
            ]} />
            <Section title={t('moneyLine')} text={t('moneyLineText')}><Line id={id} /></Section>
          </>
        ) : <Empty inside icon="people" title={t('accountsNoMatch')} />)}
      </Loaded>
    </>
  );
}
