/** An order that is not decided: the page asks for the truth, more and more rarely, and says what can be done meanwhile. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { lazy, Suspense, useEffect, useState } from 'react';
import { useLocation } from 'wouter';
import { asProblem } from '../../lib/api';
import { callWeChat, sceneOf, shop, startBy, useMoney, useMoved, useShop, waysFor, type Order, type Start, type Way } from '../../lib/shop';
import { useTime } from '../../lib/time';
import { Button, FileLink } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import { Icon } from '../../ui/icons';
import { Notice, ProblemNotice } from '../../ui/notice';
import { useShopWords, type ShopKey } from '../../words/shop';

const Qr = lazy(() => import('./qr'));

const FIRST_MS = 2_000, LAST_MS = 10_000, SLOWER = 1.4, TIRED_MS = 4 * 60_000;

/** lost: the provider did not answer last time; tired: this page stopped asking, the server goes on. */
export function useTruth(order: Order | undefined): { lost: boolean; tired: boolean; look: () => void } {
  const cache = useQueryClient(), [state, set] = useState({ lost: false, tired: false, round: 0 }), id = order?.state === 'open' ? order.id : null;
  useEffect(() => {
    if (id === null) return undefined;
    let over = false, wait = FIRST_MS, timer: ReturnType<typeof setTimeout> | undefined;
    const until = Date.now() + TIRED_MS;
    const ask = async (): Promise<void> => {
      let lost = false;
      try {
        const now = await shop.check(id);
        if (!over) cache.setQueryData(['order', id], now);
      } catch { lost = true; }
      if (over) return;
      const tired = Date.now() > until;
      set(old => (old.lost === lost && old.tired === tired ? old : { ...old, lost, tired }));
      if (tired) return;
      timer = setTimeout(() => void ask(), wait);
      wait = Math.min(LAST_MS, wait * SLOWER);
    };
    void ask();
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [cache, id, state.round]);
  // who comes back from the app that pays wants to know at once
  useEffect(() => {
    const seen = (): void => { if (document.visibilityState === 'visible') set(old => ({ ...old, tired: false, round: old.round + 1 })); };
    document.addEventListener('visibilitychange', seen);
    return () => document.removeEventListener('visibilitychange', seen);
  }, []);
  return { lost: state.lost, tired: state.tired, look: () => set(old => ({ ...old, tired: false, round: old.round + 1 })) };
}

const SCAN: Record<string, ShopKey> = { wechat: 'waitQrWechat', alipay: 'waitQrAlipay' };

function Scan({ order, start }: { order: Order; start: Start }) {
  const { t } = useShopWords(), price = useMoney()(order.price_minor, order.currency);
  return (
    <figure className="scan card">
      <h2>{t('waitQr', { price })}</h2>
      <Suspense fallback={<span className="qr bone" />}><Qr text={start.text} label={t('waitQrAlt', { price })} /></Suspense>
      <figcaption className="small soft">{t(SCAN[order.provider] ?? 'waitQrOther')}</figcaption>
      {/^https?:/.test(start.text) && <FileLink kind="quiet" href={start.text}>{t('waitQrLink')}</FileLink>}
    </figure>
  );
}

/** There is no way back from giving up, so it is asked once more. */
function Stop({ order }: { order: Order }) {
  const { t } = useShopWords(), cache = useQueryClient(), [open, setOpen] = useState(false), moved = useMoved();
  const cancel = useMutation({
    mutationFn: () => shop.cancel(order.id),
    onSuccess: now => {
      cache.setQueryData(['order', order.id], now);
      moved();
      setOpen(false);
    },
  });
  return (
    <>
      <Button kind="bare" onClick={() => setOpen(true)}>{t('waitStop')}</Button>
      <Dialog open={open} onClose={() => setOpen(false)} title={t('stopTitle')} text={t('stopText')} actions={(
        <><Button kind="quiet" onClick={() => setOpen(false)}>{t('stopKeep')}</Button><Button kind="danger" busy={cancel.isPending} onClick={() => cancel.mutate()}>{t('stopDo')}</Button></>
      )}>{cancel.error && <ProblemNotice problem={asProblem(cancel.error)} />}</Dialog>
    </>
  );
}

export function Waiting({ order, truth }: { order: Order; truth: ReturnType<typeof useTruth> }) {
  const { t } = useShopWords(), time = useTime(), all = useShop().data, [, go] = useLocation(), cache = useQueryClient();
  const way = all?.ways.find(w => w.provider === order.provider), scene = way && sceneOf(way), scan = order.scene === 'qr' || (order.scene === null && scene === 'qr');
  const plan = all?.plans.find(p => p.plan === order.plan), others = all && plan && waysFor(all, plan, order.currency).length > 1;
  // begun as a QR code: it is drawn again after a reload
  const drawn = useQuery({ queryKey: ['start', order.id], enabled: scan, staleTime: Infinity, queryFn: () => shop.start(order.id, 'qr') });
  const pay = useMutation({
    mutationFn: (by: Way) => startBy(order.id, by),
    onSuccess: async start => {
      if (start.show === 'redirect') return location.assign(start.text);
      if (start.show === 'call') await callWeChat(start.text);
      else cache.setQueryData(['start', order.id], start);
      truth.look();
    },
    onError: () => truth.look(),        // decided meanwhile, most likely
  });
  const start = drawn.data?.show === 'qr' ? drawn.data : null, problem = pay.error ?? drawn.error;
  return (
    <div className="order-waiting">
      <h1>{t(truth.tired ? 'waitLong' : 'waitTitle')}</h1>
      <p className="soft" role="status">{!truth.tired && <span className="spinner" aria-hidden="true" />} {t(truth.tired ? 'waitLongText' : 'waitText')}</p>
      {truth.lost && <Notice kind="info" icon="clock" title={t('waitLost')} />}
      {problem && asProblem(problem).code !== 'pay_over' && <ProblemNotice problem={asProblem(problem)} />}
      {start && <Scan order={order} start={start} />}
      <div className="order-acts">
        {truth.tired && <Button big onClick={truth.look}>{t('waitLook')}</Button>}
        {!start && <Button big={!truth.tired} kind={truth.tired ? 'quiet' : 'primary'} busy={pay.isPending} disabled={!scene} onClick={() => { if (way) pay.mutate(way); }}>{t('waitPay')}</Button>}
        {others && <Button kind="quiet" onClick={() => go(`/buy/${order.plan}`)}>{t('waitOther')}</Button>}
        <Stop order={order} />
      </div>
      <p className="small soft numbers"><Icon name="clock" size={16} /> {t('waitUntil', { when: time(order.until_ms) })}</p>
    </div>
  );
}
