/** /admin/orders: refunds that wait for a decision, orders that something is wrong with, and all of them. */
import type { ReactNode } from 'react';
import { Link, useLocation, useSearch } from 'wouter';
import { api } from '../../lib/api';
import { useMoney, type Order } from '../../lib/shop';
import { Select } from '../../ui/field';
import { Empty } from '../../ui/states';
import { useAdminWords, type AdminKey } from '../../words/admin';
import { canDecide, Decide, type AdminOrder } from './decide';
import { Badge, Loaded, More, Section, Table, usePages, When, type Column, type Tone } from './parts';

const REFRESH_MS = 10_000;
const STATES: Record<Order['state'], [AdminKey, Tone]> = { open: ['orderOpen', 'wait'], paid: ['orderPaid', 'good'], closed: ['orderClosed', 'calm'], failed: ['failed', 'bad'] };
type Filter = { state?: string; trouble?: string; account?: string };

export function useOrders(filter: Filter, refresh?: number) {
  return usePages(['orders', filter], cursor => api.get('/v1/admin/orders', { query: { limit: 50, ...filter, ...(cursor ? { cursor } : {}) } }), refresh);
}

export function OrderBadge({ order }: { order: Order }) {
  const { t } = useAdminWords(), [word, tone] = STATES[order.state];
  return <><Badge tone={tone}>{t(word)}</Badge>{order.trouble && <> <Badge tone="bad">{order.trouble}</Badge></>}{order.test && <> <Badge tone="calm">TEST</Badge></>}</>;
}

const backOf = ({ refund }: Order): string | null => refund && [refund.state, refund.reason, refund.detail].filter(Boolean).join(': ');

/** deciding: with the buttons and why, else with everything else. Whose it is leads to all about their money. */
function useColumns(deciding: boolean): Column<AdminOrder>[] {
  const { t } = useAdminWords(), money = useMoney();
  const given: Column<AdminOrder> = { label: t('backMoney'), number: true, of: o => (o.refunded_minor ? money(o.refunded_minor, o.currency) : null) };
  return [
    { label: t('order'), first: true, of: o => <span className="id">{o.id}</span> },
    { label: t('state'), of: o => <OrderBadge order={o} /> },
    { label: t('amount'), number: true, of: o => money(o.price_minor, o.currency) },
    ...(deciding ? [] : [given, { label: t('plan'), of: (o: AdminOrder) => o.plan }, { label: t('provider'), of: (o: AdminOrder) => o.provider }]),
    { label: t('account'), of: o => <Link href={`/admin/accounts/${o.account}`} className="id">{o.account}</Link> },
    { label: t('created'), of: o => <When ms={o.created_ms} /> },
    deciding ? { label: t('decide'), wide: true, of: o => <>{backOf(o)}{(canDecide(o) || o.trouble) && <Decide order={o} />}</> } : { label: t('refundReason'), wide: true, of: backOf },
  ];
}

interface RowsProps { list: Pick<ReturnType<typeof useOrders>, 'data' | 'error' | 'isError' | 'refetch' | 'hasNextPage' | 'isFetchingNextPage' | 'fetchNextPage'>; caption: string; none: ReactNode; deciding?: boolean }
/** deciding: the operator may give back what is left. */
export function Rows({ list, caption, none, deciding = false }: RowsProps) {
  const columns = useColumns(deciding);
  return <Loaded asked={list}>{items => (items.length ? <><Table caption={caption} columns={columns} items={items} keyOf={o => o.id} /><More list={list} /></> : none)}</Loaded>;
}

/** What a person must look at. */
function Troubled() {
  const { t } = useAdminWords();
  return <Rows deciding list={useOrders({ trouble: '1' }, REFRESH_MS)} caption={t('troubled')} none={<p className="soft">{t('troubledNone')}</p>} />;
}

/** Whose owners wait. */
function Asked() {
  const { t } = useAdminWords();
  const list = usePages(['refunds'], async cursor => {
    const { items, next } = await api.get('/v1/admin/refunds', { query: { state: 'asked', limit: 20, ...(cursor ? { cursor } : {}) } });
    return { items: await Promise.all(items.map(r => api.get('/v1/admin/orders/{id}', { path: { id: r.order } }))), next };
  }, REFRESH_MS);
  return <Rows deciding list={list} caption={t('refundsAsked')} none={<p className="soft">{t('refundsNone')}</p>} />;
}

export function Orders() {
  const { t } = useAdminWords(), [at, go] = useLocation(), state = new URLSearchParams(useSearch()).get('state') ?? '';
  const list = useOrders(state ? { state } : {}, REFRESH_MS), choose = (next: string): void => go(next ? `${at}?state=${next}` : at, { replace: true });
  return (
    <>
      <Section title={t('refundsAsked')} text={t('refundsAskedText')}><Asked /></Section>
      <Section title={t('troubled')} text={t('troubledText')}><Troubled /></Section>
      <Section title={t('ordersAll')}>
        <div className="find"><Select label={t('state')} value={state} onValue={choose}><option value="">{t('all')}</option>{(Object.keys(STATES) as Order['state'][]).map(s => <option key={s} value={s}>{t(STATES[s][0])}</option>)}</Select></div>
        <Rows list={list} caption={t('ordersAll')} none={<Empty inside icon="frame" title={t('ordersNone')} />} />
      </Section>
    </>
  );
}
