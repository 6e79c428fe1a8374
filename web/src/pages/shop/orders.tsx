/** /orders: everything that was ordered, newest first; ?membership=…: what was paid for that one. */
import { useInfiniteQuery } from '@tanstack/react-query';
import { Link, useSearch } from 'wouter';
import { asProblem } from '../../lib/api';
import { shop, useMoney, useShop, type Order } from '../../lib/shop';
import { useDate } from '../../lib/time';
import { useTitle } from '../../lib/title';
import { Button, ButtonLink } from '../../ui/button';
import { Icon } from '../../ui/icons';
import { Empty, Failed, SignedOut } from '../../ui/states';
import { useShopWords } from '../../words/shop';
import { OrderState, TestBadge, usePlanTitle } from './parts';

function Row({ order, title }: { order: Order; title: string }) {
  const date = useDate(), money = useMoney();
  return (
    <li className="row card" data-testid="order-row">
      <Link href={`/orders/${order.id}`}>
        <span className="row-words"><span className="row-title">{title} {order.test && <TestBadge />}</span><span className="small soft numbers">{date(order.created_ms)}</span></span>
        <span className="row-right"><span className="numbers row-amount">{money(order.price_minor, order.currency)}</span><OrderState order={order} /></span>
        <Icon name="forward" size={18} />
      </Link>
    </li>
  );
}

function List({ member }: { member: string | null }) {
  const { t } = useShopWords(), title = usePlanTitle(useShop().data);
  const list = useInfiniteQuery({ queryKey: ['orders', member], initialPageParam: undefined as string | undefined, queryFn: ({ pageParam }) => (member ? shop.paidFor(member, pageParam) : shop.list(pageParam)), getNextPageParam: page => page.next ?? undefined });
  if (list.isPending) return <div className="rows">{[1, 2, 3].map(n => <div key={n} className="bone bone-row" />)}</div>;
  const problem = list.isError ? asProblem(list.error) : null, items = list.data?.pages.flatMap(p => p.items) ?? [];
  if (problem?.status === 401) return <SignedOut inside next={member ? `/orders?membership=${member}` : '/orders'} />;
  if (problem) return <Failed problem={problem} again={() => void list.refetch()} />;
  if (!items.length) return <Empty inside icon="frame" title={t('ordersNone')} text={t('ordersNoneText')}><ButtonLink href="/new" big icon="people">{t('goOnNew')}</ButtonLink></Empty>;
  return (
    <>
      <ul className="rows">{items.map(order => <Row key={order.id} order={order} title={title(order)} />)}</ul>
      {list.hasNextPage && <div className="order-acts"><Button kind="quiet" busy={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>{t('ordersMore')}</Button></div>}
    </>
  );
}

export default function Orders() {
  const { t } = useShopWords(), member = /^member_\w+$/.exec(new URLSearchParams(useSearch()).get('membership') ?? '')?.[0] ?? null, title = t(member ? 'memberPayments' : 'ordersTitle');
  useTitle(title);
  return (
    <div className="width narrow">
      <div className="plans-top money-top"><h1>{title}</h1>{member && <ButtonLink href="/orders" kind="bare">{t('ordersTitle')}</ButtonLink>}<ButtonLink href="/wallet" kind="bare">{t('walletTitle')}</ButtonLink></div>
      {member && <p className="soft">{t('memberPaymentsText')}</p>}
      <List member={member} />
    </div>
  );
}
