/** /pay/test/{number}: plays the bank. Nothing here is money, and it says so in large letters. */
import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { api, asProblem } from '../../lib/api';
import { useMoney } from '../../lib/shop';
import { useTitle } from '../../lib/title';
import { Button, ButtonLink, FileLink } from '../../ui/button';
import { Notice, ProblemNotice } from '../../ui/notice';
import { Empty, Failed, PageSkeleton } from '../../ui/states';
import { useShopWords, type ShopKey } from '../../words/shop';
import { TestBadge } from './parts';

type Notified = 'send' | 'lose' | 'twice';

const MORE = { process: 'testProcess', pay_late: 'testPayLate', renew: 'testRenew', renew_fail: 'testRenewFail', dispute: 'testDispute', dispute_won: 'testDisputeWon', dispute_lost: 'testDisputeLost', refund_done: 'testRefundDone', refund_abnormal: 'testRefundAbnormal' } as const satisfies Record<string, ShopKey>;
const STATES: Record<string, ShopKey> = { open: 'stateOpen', processing: 'testProcess', paid: 'statePaid', closed: 'stateClosed', failed: 'stateFailed' };
const NOTICES = { send: 'testSend', lose: 'testLose', twice: 'testTwice' } as const satisfies Record<Notified, ShopKey>;
type More = keyof typeof MORE;
type Act = More | 'pay' | 'fail' | 'cancel';
/** A bank stays open behind these; behind the others one is sent back. */
const STAYS: readonly Act[] = ['renew', 'renew_fail', 'dispute', 'dispute_won', 'dispute_lost', 'refund_done', 'refund_abnormal'];

const web = (url: string): string => (/^https?:\/\//.test(url) ? url : '/');

export default function TestMoney({ number }: { number: string }) {
  const { t } = useShopWords(), money = useMoney(), [notice, setNotice] = useState<Notified>('send');
  const view = useQuery({ queryKey: ['pay-test', number], staleTime: 0, queryFn: () => api.get('/v1/pay/test/{number}', { path: { number } }) });
  const act = useMutation({
    mutationFn: (what: Act) => api.post('/v1/pay/test/{number}', { path: { number }, body: { act: what, notice } }),
    onSuccess: (_, what) => {
      if (STAYS.includes(what)) return void view.refetch();
      if (view.data) location.assign(web(what === 'cancel' ? view.data.cancel_url || view.data.return_url : view.data.return_url));
    },
  });
  useTitle(t('testTitle'));
  if (view.isPending) return <PageSkeleton />;
  if (!view.data) {
    if (asProblem(view.error).status === 404) return <div className="width"><Empty icon="frame" title={t('testGone')} text={t('testGoneText')}><ButtonLink href="/">{t('testBack')}</ButtonLink></Empty></div>;
    return <div className="width narrow"><Failed problem={asProblem(view.error)} again={() => void view.refetch()} /></div>;
  }
  const { price, title, state, return_url } = view.data, named = money(price.minor, price.currency), leaving = act.isSuccess && !STAYS.includes(act.variables);
  const button = (what: Act, words: string, kind: 'primary' | 'quiet' | 'bare', big = false) => <Button key={what} kind={kind} big={big} busy={act.variables === what && (act.isPending || leaving)} disabled={act.isPending || leaving} onClick={() => act.mutate(what)} data-testid={`act-${what}`}>{words}</Button>;
  return (
    <div className="width narrow test-money">
      <p className="test-large" aria-hidden="true">{t('test')}</p>
      <h1>{t('testTitle')} <span className="unseen"><TestBadge /></span></h1>
      <p className="soft">{t('testText')}</p>
      <div className="pay-what card"><h2>{title}</h2><p className="pay-price numbers">{named}</p><p className="small soft">{t('testState', { state: STATES[state] ? t(STATES[state]) : state })}</p></div>
      {act.error && <ProblemNotice problem={asProblem(act.error)} />}
      {act.isSuccess && !leaving && <Notice kind="good" title={t('testDone', { what: act.variables in MORE ? t(MORE[act.variables as More]) : act.variables })} />}
      <div className="order-acts">{button('pay', t('testPay', { price: named }), 'primary', true)}{button('fail', t('testDecline'), 'quiet', true)}{button('cancel', t('testCancel'), 'bare')}</div>
      <details className="test-more card">
        <summary>{t('testMore')}</summary>
        <p className="small soft">{t('testMoreText')}</p>
        <fieldset className="notices"><legend>{t('testNotice')}</legend>{(Object.keys(NOTICES) as Notified[]).map(n => <label key={n}><input type="radio" name="notice" value={n} checked={n === notice} onChange={() => setNotice(n)} /> {t(NOTICES[n])}</label>)}</fieldset>
        <div className="test-acts">{(Object.keys(MORE) as More[]).map(what => button(what, t(MORE[what]), 'quiet'))}</div>
      </details>
      <div className="order-links"><FileLink kind="bare" href={web(return_url)}>{t('testBack')}</FileLink></div>
    </div>
  );
}
