/** /orders/{id}: where one comes back to from paying. It waits for the truth, leads on, and is the receipt afterwards. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { asProblem } from '../../lib/api';
import { useOver, useWallet } from '../../lib/session';
import { intentOver, shop, useMoney, useMoved, useShop, type Order } from '../../lib/shop';
import { useDate, useDay } from '../../lib/time';
import { useTitle } from '../../lib/title';
import { ButtonLink } from '../../ui/button';
import { Ended } from '../../ui/ended';
import { Icon } from '../../ui/icons';
import { Notice } from '../../ui/notice';
import { Empty, Failed, PageSkeleton } from '../../ui/states';
import { useWords } from '../../words';
import { useShopWords, type ShopKey } from '../../words/shop';
import { GoOn } from './go-on';
import { Invoice } from './invoice';
import { forNothing, OrderState, TestBadge, usePlanTitle, useWayWords } from './parts';
import { AskBack, MoneyBack } from './refund';
import { useTruth, Waiting } from './waiting';

const REFUND_MS = 3_000, NEWS_MS = 3_600_000;

function Receipt({ order }: { order: Order }) {
  const { t } = useShopWords(), date = useDate(), money = useMoney(), way = useWayWords()(order), title = usePlanTitle(useShop().data)(order);
  return (
    <section className="receipt" aria-labelledby="receipt">
      <h2 id="receipt">{t(order.paid_ms ? 'receipt' : 'orderTitle')}</h2>
      <dl className="summary card">
        <div><dt>{t('receiptState')}</dt><dd><OrderState order={order} /></dd></div>
        <div><dt>{t('receiptWhat')}</dt><dd>{title}</dd></div>
        <div><dt>{t('receiptAmount')}</dt><dd className="numbers price">{money(order.price_minor, order.currency)}{order.off_minor > 0 && <span className="small soft">{t('receiptOff')} {money(order.off_minor, order.currency)}</span>}</dd></div>
        {order.refunded_minor > 0 && <div><dt>{t('receiptBack')}</dt><dd className="numbers">{money(order.refunded_minor, order.currency)}</dd></div>}
        {order.credits > 0 && <div><dt>{t('receiptCredits')}</dt><dd className="numbers">{order.credits}</dd></div>}
        {order.provider && <div><dt>{t('receiptBy')}</dt><dd><span>{way.name} {order.test && <TestBadge />}</span></dd></div>}
        <div><dt>{t(!order.paid_ms ? 'receiptOrdered' : forNothing(order) ? 'receiptGot' : 'receiptDate')}</dt><dd className="numbers">{date(order.paid_ms ?? order.created_ms)}</dd></div>
        <div><dt>{t('receiptNumber')}</dt><dd className="numbers order-number">{order.id}</dd></div>
      </dl>
      {order.test && order.paid_ms !== null && <p className="small soft">{t('testNote')}</p>}
    </section>
  );
}

function Paid({ order }: { order: Order }) {
  const { t } = useShopWords(), day = useDay(), wallet = useWallet(), count = order.credits, back = order.refund?.state;
  if (back === 'pending' || back === 'abnormal') return <h1>{t('backUnderWay')}</h1>;
  if (!forNothing(order) && order.refunded_minor >= order.price_minor) return <><h1>{t('backTitle')}</h1><p className="soft lead">{t('backText')}</p></>;
  // a receipt that is looked at later is no news
  if (Date.now() - (order.paid_ms ?? 0) > NEWS_MS) return <h1>{t('orderTitle')}</h1>;
  return (
    <>
      <h1 className="order-paid"><Icon name="check" size={28} /> {t(forNothing(order) ? 'yoursTitle' : 'paidTitle')}</h1>
      {count > 0 && wallet && wallet.available > 0 && <p className="soft lead">{order.ends_ms ? t('paidText', { count, until: day(order.ends_ms) }) : t('paidTextEver', { count })}</p>}
      {back !== 'asked' && <GoOn />}
    </>
  );
}

function Over({ order, words: [title, text] }: { order: Order; words: [ShopKey, ShopKey] }) {
  const { t } = useShopWords();
  return <><h1>{t(title)}</h1><p className="soft lead">{t(text)}</p><div className="order-acts"><ButtonLink href={`/buy/${order.plan}`} big>{t('orderAgain')}</ButtonLink></div></>;
}

function State({ order, truth }: { order: Order; truth: ReturnType<typeof useTruth> }) {
  const { t } = useShopWords();
  if (order.trouble && order.state !== 'paid') return <><h1>{t('troubleTitle')}</h1><Notice kind="info" icon="eye" title={t('troubleText')} /></>;
  if (order.state === 'paid') return <Paid order={order} />;
  if (order.state === 'open') return <Waiting order={order} truth={truth} />;
  return <Over order={order} words={order.state === 'failed' ? ['failedTitle', 'failedText'] : ['closedTitle', 'closedText']} />;
}

const TITLES: Record<Order['state'], ShopKey> = { open: 'waitTitle', paid: 'paidTitle', closed: 'closedTitle', failed: 'failedTitle' };

export default function OrderPage({ id }: { id: string }) {
  const { t } = useShopWords(), words = useWords(), over = useOver(), moved = useMoved(), cache = useQueryClient();
  const asked = useQuery({ queryKey: ['order', id], queryFn: () => shop.get(id), staleTime: 0, refetchInterval: q => (q.state.data?.refund?.state === 'pending' ? REFUND_MS : false) });
  const order = asked.data, truth = useTruth(order), state = order?.state;
  useTitle(t(order && forNothing(order) ? 'yoursTitle' : state ? TITLES[state] : 'orderTitle'));
  // what was paid is in the wallet now; the next purchase is another one
  useEffect(() => {
    if (!state || state === 'open') return;
    intentOver(id);
    moved();
    cache.removeQueries({ queryKey: ['quote'], type: 'inactive' });        // priced without it
    void cache.invalidateQueries({ queryKey: ['quote'] });
  }, [id, state, moved, cache]);
  if (asked.isPending) return <PageSkeleton />;
  if (!order) {
    const problem = asProblem(asked.error);
    if (problem.status === 401) return over ? <Ended theirs next={`/orders/${id}`} /> : <div className="width"><Empty icon="user" title={words.t('signedOutTitle')} text={t('orderNobody', { id })}><ButtonLink href={`/sign-in?next=/orders/${id}`}>{words.t('signIn')}</ButtonLink><ButtonLink href="/new" kind="quiet" icon="people">{t('goOnNew')}</ButtonLink></Empty></div>;
    if (problem.status === 404) return <div className="width"><Empty icon="frame" title={t('orderGone')} text={t('orderGoneText')}><ButtonLink href="/orders">{t('ordersTitle')}</ButtonLink></Empty></div>;
    return <div className="width narrow"><Failed problem={problem} again={() => void asked.refetch()} /></div>;
  }
  return (
    <div className="width narrow order" data-testid="order" data-state={order.state}>
      <State order={order} truth={truth} />
      <MoneyBack order={order} />
      <Receipt order={order} />
      <Invoice order={order} />
      <div className="order-links">{order.can_refund && <AskBack order={order} />}<ButtonLink href="/orders" kind="bare">{t('ordersTitle')}</ButtonLink><ButtonLink href="/wallet" kind="bare">{t('walletTitle')}</ButtonLink></div>
    </div>
  );
}
