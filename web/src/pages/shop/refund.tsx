/** Money back: asked for with what will happen said before, and where it is now. */
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { asProblem } from '../../lib/api';
import { newKey, shop, useMoney, useMoved, type Order, type Refund } from '../../lib/shop';
import { useDate } from '../../lib/time';
import { Button } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import { Field } from '../../ui/field';
import { Notice, ProblemNotice } from '../../ui/notice';
import { useShopWords } from '../../words/shop';

const REASON_MAX = 120, REGRET_MS = 7 * 24 * 3_600_000;

export function MoneyBack({ order }: { order: Order }) {
  return order.refund && <Where order={order} refund={order.refund} />;
}

function Where({ order, refund }: { order: Order; refund: Refund }) {
  const { t } = useShopWords(), price = useMoney()(refund.money_minor, order.currency), date = useDate();
  switch (refund.state) {
    case 'asked': return <Notice kind="info" icon="clock" title={t('refundAsked')} next={t('refundAskedText')} />;
    case 'pending': return <Notice kind="info" icon="clock" title={t('refundPending', { price })} next={t('refundPendingText')} />;
    case 'done': return <Notice kind="good" title={t('refundDone', { price })} next={t('refundDoneText', { when: date(refund.done_ms ?? refund.created_ms) })} />;
    case 'abnormal': return <Notice kind="bad" title={t('refundAbnormal')} next={t('refundAbnormalText')} />;
    case 'refused': return <Notice kind="info" icon="close" title={t('refundRefused')} next={refund.detail ? t('refundRefusedWhy', { why: refund.detail }) : undefined} />;
    case 'taken': return null;        // answered by another one
    default: return <Notice kind="bad" title={t('refundFailed')} next={t('refundFailedText')} />;
  }
}

export function AskBack({ order }: { order: Order }) {
  const { t } = useShopWords(), cache = useQueryClient(), moved = useMoved(), [open, setOpen] = useState(false), [reason, setReason] = useState(''), key = useRef('');
  const price = useMoney()(order.price_minor - order.refunded_minor, order.currency);
  const asNew = order.credits_left === order.credits && order.refunded_minor === 0 && Date.now() - (order.paid_ms ?? 0) < REGRET_MS;
  const ask = useMutation({
    mutationFn: () => shop.refund(order.id, reason.trim(), key.current),
    onSuccess: now => {
      cache.setQueryData(['order', order.id], now);
      moved();
      setOpen(false);
    },
  });
  const begin = (): void => {
    key.current = newKey();        // one decision, one key
    ask.reset();
    setOpen(true);
  };
  return (
    <>
      <Button kind="bare" onClick={begin}>{t('refundAsk')}</Button>
      <Dialog open={open} onClose={() => setOpen(false)} title={t('refundSure', { price })} text={t(asNew ? 'refundText' : 'refundTextLook')} actions={(
        <><Button kind="quiet" onClick={() => setOpen(false)}>{t('refundKeep')}</Button><Button kind="danger" busy={ask.isPending} onClick={() => ask.mutate()}>{t('refundDo')}</Button></>
      )}>
        <Field label={t('refundReason')} hint={t('refundReasonHint')} name="reason" maxLength={REASON_MAX} value={reason} onValue={setReason} />
        {ask.error && <ProblemNotice problem={asProblem(ask.error)} />}
      </Dialog>
    </>
  );
}
