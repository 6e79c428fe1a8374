/** What an operator decides about money: all of it back, a part, or no; and that what was wrong is settled. Asked first; one key for one decision. */
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { api, asProblem, type Schemas } from '../../lib/api';
import { newKey, useMoney } from '../../lib/shop';
import { Button } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import { Field } from '../../ui/field';
import { ProblemNotice } from '../../ui/notice';
import { useAdminWords } from '../../words/admin';

export type AdminOrder = Schemas['AdminOrder'];
type Deed = 'all' | 'part' | 'refuse' | 'settle';

const WORDS = { all: ['refundAll', 'refundAllText'], part: ['refundPart', 'refundPartText'], refuse: ['refundRefuse', 'refundRefuseText'], settle: ['settle', 'settleText'] } as const;
const REASON_MAX = 120;

/** "3.5" of something with hundredths is 350; null: no amount. */
export function minorOf(text: string): number | null {
  const m = /^(\d{1,9})(?:[.,](\d{1,2}))?$/.exec(text.trim());
  return m ? Number(m[1]) * 100 + Number((m[2] ?? '').padEnd(2, '0')) : null;
}

/** Something of it is left to give back, and no money is on its way. */
export const canDecide = (order: AdminOrder): boolean => order.state === 'paid' && order.refunded_minor < order.price_minor && order.refund?.state !== 'pending';

export function Decide({ order }: { order: AdminOrder }) {
  const { t } = useAdminWords(), money = useMoney(), cache = useQueryClient(), [deed, setDeed] = useState<Deed | null>(null), key = useRef('');
  const [reason, setReason] = useState(''), [amount, setAmount] = useState(''), [credits, setCredits] = useState('0'), asked = order.refund?.state === 'asked' ? order.refund : null;
  const seen = Math.max(0, ...order.troubles.map(x => x.since_ms));
  const left = order.state === 'paid' ? order.price_minor - order.refunded_minor : 0, part = minorOf(amount), whole = /^\d{1,9}$/.test(credits) ? Number(credits) : null;
  const act = useMutation({
    mutationFn: (what: Deed) => (what === 'refuse'
      ? api.post('/v1/admin/refunds/{id}/refuse', { path: { id: asked?.id ?? '' }, body: { reason }, key: key.current })
      : what === 'settle' ? api.post('/v1/admin/orders/{id}/settled', { path: { id: order.id }, body: { note: reason, seen_ms: seen, ...(part ? { money_minor: part } : {}) }, key: key.current })
      : api.post('/v1/admin/orders/{id}/refund', { path: { id: order.id }, body: { reason, credits: whole ?? 0, ...(what === 'part' ? { money_minor: part ?? 0 } : {}) }, key: key.current })),
    onSuccess: () => {
      setDeed(null);
      void cache.invalidateQueries({ queryKey: ['admin'] });
    },
  });
  const ask = (what: Deed): void => {
    key.current = newKey();
    act.reset();
    setReason('');
    setAmount('');
    setCredits(String(what === 'all' ? order.credits_left : 0));
    setDeed(what);
  };
  const [title, text] = WORDS[deed ?? 'all'], few = whole !== null && whole <= order.credits_left;
  const gives = deed === 'all' || deed === 'part', typed = amount.trim() !== '', amiss = part === null || part === 0 || part > left;
  const wrong = !reason.trim() || (gives && !few) || (deed === 'part' && amiss) || (deed === 'settle' && typed && amiss);
  return (
    <div className="deeds">
      {order.trouble && <Button kind="quiet" onClick={() => ask('settle')}>{t('settle')}</Button>}
      {canDecide(order) && <><Button kind="quiet" onClick={() => ask('all')}>{t('refundAll')}</Button><Button kind="quiet" onClick={() => ask('part')}>{t('refundPart')}</Button></>}
      {asked && <Button kind="bare" onClick={() => ask('refuse')}>{t('refundRefuse')}</Button>}
      <Dialog open={deed !== null} onClose={() => setDeed(null)} title={t(title)} text={t(text, { money: money(left, order.currency) })}
        actions={<><Button kind="quiet" onClick={() => setDeed(null)}>{t('keep')}</Button><Button kind={gives ? 'danger' : 'primary'} busy={act.isPending} disabled={wrong} onClick={() => deed && act.mutate(deed)}>{t(title)}</Button></>}>
        {deed === 'part' && <Field label={t('refundMoney', { money: money(left, order.currency) })} inputMode="decimal" value={amount} onValue={setAmount} />}
        {deed === 'settle' && left > 0 && <Field label={t('settleMoney', { money: money(left, order.currency) })} hint={t('settleMoneyHint')} inputMode="decimal" value={amount} onValue={setAmount} />}
        {gives && <Field label={t('refundCredits', { n: order.credits_left })} inputMode="numeric" value={credits} onValue={setCredits} />}
        <Field label={t(deed === 'settle' ? 'settleNote' : 'refundWhy')} hint={t(deed === 'settle' ? 'settleNoteHint' : 'refundWhyHint')} maxLength={REASON_MAX} value={reason} onValue={setReason} />
        {act.error && <ProblemNotice problem={asProblem(act.error)}>{asProblem(act.error).document.detail && <p className="small soft">{asProblem(act.error).document.detail}</p>}</ProblemNotice>}
      </Dialog>
    </div>
  );
}
