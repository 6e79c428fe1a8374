/** A membership: what one has, until when, what is charged next; and what its owner may want of it, with what will happen said before. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { Link } from 'wouter';
import { api, asProblem, type Schemas } from '../../lib/api';
import { useText } from '../../lib/app-context';
import { orNobody, useKind, useMe } from '../../lib/session';
import { newKey, useMoney, useMoved, type Plan, type Shop } from '../../lib/shop';
import { useDay } from '../../lib/time';
import { Button, ButtonLink } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import { Notice, ProblemNotice } from '../../ui/notice';
import { useWords } from '../../words';
import { useShopWords, type ShopKey } from '../../words/shop';
import { TestBadge } from './parts';

export type Membership = Schemas['Membership'];
type List = Schemas['MembershipList'];
type What = 'end' | 'keep' | 'pause' | 'resume' | 'plan';
interface Wish { what: What; plan?: Plan }

const LOOK_MS = 1_500, TOLD_MS = 24 * 3_600_000, KEY = ['memberships'];

const live = (m: Membership): boolean => m.state === 'active' || m.state === 'past_due' || m.state === 'paused';
const pending = (m: Membership): boolean => m.change?.state === 'pending';

/** One's own; looked at again and again while something that was asked for is under way. */
export function useMemberships(): Membership[] {
  const known = useKind() !== null, moved = useMoved();
  const asked = useQuery({
    queryKey: KEY, enabled: known, refetchInterval: q => (q.state.data?.items.some(m => pending(m) || m.state === 'waiting') ? LOOK_MS : false),
    queryFn: () => orNobody<List>(api.get('/v1/memberships')),
  });
  const items = known ? asked.data?.items ?? [] : [], waits = items.some(pending), waited = useRef(false);
  // what one may do, and what is charged, may be another now
  useEffect(() => {
    if (waited.current && !waits) moved();
    waited.current = waits;
  }, [waits, moved]);
  return items;
}

export const isMember = (all: Membership[]): boolean => all.some(live);

/** A guest's session ends, and what renews itself must still be found then: nobody becomes a member without an account. undefined: not known yet. */
export function useIsGuest(): boolean | undefined {
  const me = useMe(), kind = useKind();
  return me === undefined ? undefined : kind === null || me?.kind === 'guest';
}

export function GuestMember() {
  const { t } = useShopWords();
  return <Notice kind="info" icon="mail" title={t('memberGuest')} next={t('memberGuestText')} />;
}

// ---- what is so ----
const STATES: Record<Membership['state'], [ShopKey, string]> = {
  none: ['memberWaiting', 'wait'], waiting: ['memberWaiting', 'wait'], active: ['memberActive', 'good'], past_due: ['memberLate', 'bad'], paused: ['memberPaused', 'wait'], ended: ['memberEnded', 'calm'],
};

function State({ it }: { it: Membership }) {
  const { t } = useShopWords(), [word, tone] = it.ends && it.state === 'active' ? ['memberEnding' as const, 'wait'] : STATES[it.state];
  return <span className={`state-word state-${tone}`}>{t(word)}</span>;
}

/** In plain words; the first is what matters. */
function useTold(): (it: Membership, title: (plan: string) => string) => string[] {
  const { t } = useShopWords(), words = useWords(), money = useMoney(), day = useDay();
  return (it, title) => {
    const end = day(it.period_end_ms), price = (minor: number): string => money(minor, it.currency), credits = (count: number): string => words.t('credits', { count });
    if (it.state === 'none' || it.state === 'waiting') return [t('memberWaitingText')];
    if (it.state === 'ended') return [t('memberEndedText', { when: day(it.ended_ms ?? it.period_end_ms) })];
    if (it.state === 'past_due') {
      return [it.grace_until_ms !== null && it.grace_until_ms > Date.now() ? t('memberLateText', { when: day(it.grace_until_ms) }) : t('memberLateOver'), t(it.ends ? 'memberLateEnds' : 'memberLateNext')];
    }
    const over = it.period_end_ms <= Date.now();
    if (it.state === 'paused') return [...(over ? [t('memberPausedOver')] : [t('memberPausedText', { when: end })]), ...(it.ends ? [t('memberEndsText', { when: end })] : [])];
    if (it.ends || !it.next) return [t('memberEndsText', { when: end })];
    const { next } = it, when = day(next.at_ms);
    if (next.plan !== it.plan) return [t('memberThen', { when, plan: title(next.plan), price: price(next.price_minor), credits: credits(next.credits) })];
    return [t('memberNext', { when, price: price(next.price_minor), credits: credits(next.credits) })];
  };
}

// ---- what may be wanted ----
const DO: Record<What, ShopKey> = { end: 'memberEnd', keep: 'memberKeep', pause: 'memberPause', resume: 'memberResume', plan: 'memberPlan' };
const ASKED: Record<Schemas['MembershipChange']['what'], ShopKey> = { end: 'memberAskedEnd', end_now: 'memberAskedEnd', keep: 'memberAskedKeep', pause: 'memberAskedPause', resume: 'memberAskedResume', plan: 'memberAskedPlan' };

/** Others it may become: sold in the same currency. */
const others = (it: Membership, all: Shop | undefined): Plan[] => (all?.plans ?? []).filter(p => p.kind === 'member' && p.price[it.currency] !== undefined && p.plan !== (it.next?.plan ?? it.plan));

function allowed(it: Membership, all: Shop | undefined): What[] {
  if (!live(it)) return [];
  if (pending(it)) return it.ends || it.change?.what === 'end' || it.change?.what === 'end_now' ? [] : ['end'];        // who wants to end it never waits
  const on = it.state === 'active' && !it.ends, list: What[] = [];
  if (it.ends) list.push('keep');
  if (it.state === 'paused') list.push('resume');
  if (on && others(it, all).length) list.push('plan');
  if (on) list.push('pause');
  if (!it.ends) list.push('end');
  return list;
}

/**
 * What a dearer plan is charged at once, at most: what stands between the two, for what is left of the month. Providers count it by the second, and from
 * what the next month would cost now.
 */
function difference(it: Membership, minor: number, now: number): number {
  const begun = new Date(it.period_end_ms);
  begun.setUTCMonth(begun.getUTCMonth() - 1);
  const left = Math.min(1, Math.max(0, (it.period_end_ms - now) / (it.period_end_ms - begun.getTime())));
  return Math.max(1, Math.round((minor - (it.next?.price_minor ?? it.price_minor)) * left));
}

/** What will happen. */
function useBefore(it: Membership): (wish: Wish) => { title: string; text: string; act: string } {
  const { t } = useShopWords(), text = useText(), words = useWords(), money = useMoney(), when = useDay()(it.period_end_ms), monthly = money(it.next?.price_minor ?? it.price_minor, it.currency);
  return ({ what, plan }) => {
    if (what === 'end') return { title: t('memberEndSure'), text: t(it.state === 'paused' ? 'memberEndPausedBefore' : 'memberEndBefore', { when }), act: t('memberEndDo') };
    if (what === 'keep') return { title: t('memberKeepSure'), text: t(it.state === 'paused' ? 'memberKeepPausedBefore' : 'memberKeepBefore', { when, price: monthly }), act: t('memberKeep') };
    if (what === 'pause') return { title: t('memberPauseSure'), text: t('memberPauseBefore', { when }), act: t('memberPause') };
    if (what === 'resume') return { title: t('memberResumeSure'), text: t('memberResumeBefore', { when, price: monthly }), act: t('memberResume') };
    const minor = plan?.price[it.currency] ?? 0, more = minor > it.price_minor && minor > (it.next?.price_minor ?? 0);
    return { title: t('memberPlanSure', { plan: plan ? text(plan.title) : '' }), text: t(more ? 'memberPlanMore' : 'memberPlanLater', { when, sum: money(difference(it, minor, Date.now()), it.currency), price: money(minor, it.currency), credits: words.t('credits', { count: plan?.credits ?? 0 }) }), act: t('memberPlanDo') };
  };
}

function Plans({ it, all, plan, choose }: { it: Membership; all: Shop; plan: Plan | undefined; choose: (plan: Plan) => void }) {
  const { t } = useShopWords(), text = useText(), money = useMoney(), words = useWords();
  return (
    <fieldset className="member-plans">
      <legend>{t('memberPlanWhich')}</legend>
      {others(it, all).map(p => (
        <label key={p.plan}><input type="radio" name="member-plan" value={p.plan} checked={p.plan === plan?.plan} onChange={() => choose(p)} /> <span className="member-plan"><span>{text(p.title)}</span><span className="small soft numbers">{t('perMonth', { price: money(p.price[it.currency] ?? 0, it.currency) })}</span><span className="small soft numbers">{words.t('credits', { count: p.credits })}</span></span></label>
      ))}
    </fieldset>
  );
}

function Acts({ it, all }: { it: Membership; all: Shop | undefined }) {
  const { t } = useShopWords(), cache = useQueryClient(), before = useBefore(it), [wish, setWish] = useState<Wish | null>(null), key = useRef(''), list = allowed(it, all);
  const ask = useMutation({
    mutationFn: ({ what, plan }: Wish) => (what === 'plan'
      ? api.post('/v1/memberships/{id}/plan', { path: { id: it.id }, body: { plan: plan?.plan ?? '' }, key: key.current })
      : api.post(`/v1/memberships/{id}/${what}`, { path: { id: it.id }, body: {}, key: key.current })),
    onSuccess: now => {
      cache.setQueryData<List | null>(KEY, was => was && { ...was, items: was.items.map(m => (m.id === now.id ? now : m)) });
      setWish(null);
    },
    onError: () => { void cache.invalidateQueries({ queryKey: KEY }); },      // it may stand otherwise than this page thought
  });
  const open = (what: What): void => {
    const plan = what === 'plan' ? others(it, all)[0] : undefined;
    key.current = newKey();        // one decision, one key
    ask.reset();
    setWish({ what, ...(plan ? { plan } : {}) });
  };
  const choose = (plan: Plan): void => {
    key.current = newKey();
    ask.reset();
    setWish({ what: 'plan', plan });
  };
  const said = wish && before(wish);
  return (
    <>
      {list.length > 0 && <div className="order-acts">{list.map(what => <Button key={what} kind={what === 'keep' || what === 'resume' ? 'primary' : what === 'end' ? 'bare' : 'quiet'} data-testid={`member-${what}`} onClick={() => open(what)}>{t(DO[what])}</Button>)}</div>}
      <Dialog open={wish !== null} onClose={() => setWish(null)} title={said?.title ?? ''} text={said?.text ?? ''} actions={(
        <><Button kind="quiet" onClick={() => setWish(null)}>{t('memberLeave')}</Button><Button kind={wish?.what === 'end' ? 'danger' : 'primary'} busy={ask.isPending} onClick={() => wish && ask.mutate(wish)}>{said?.act}</Button></>
      )}>
        {wish?.what === 'plan' && all && <Plans it={it} all={all} plan={wish.plan} choose={choose} />}
        {ask.error && <ProblemNotice problem={asProblem(ask.error)} />}
      </Dialog>
    </>
  );
}

/** The newest wish: under way, or that it did not work. What worked is seen. */
function Asked({ it }: { it: Membership }) {
  const { t } = useShopWords(), { change } = it;
  if (change?.state === 'pending') return <Notice kind="info" icon="clock" title={t(ASKED[change.what])} next={t('memberAskedText')} />;
  if (change?.state === 'failed' && Date.now() - (change.done_ms ?? 0) < TOLD_MS) return <Notice kind="bad" title={t('memberNot')} next={t(live(it) ? 'memberNotNext' : 'memberNotEnded')} />;
  return null;
}

function Card({ it, all }: { it: Membership; all: Shop | undefined }) {
  const { t } = useShopWords(), text = useText(), money = useMoney(), told = useTold();
  const title = (name: string): string => { const plan = all?.plans.find(p => p.plan === name); return plan ? text(plan.title) : name; };
  const [first, ...more] = told(it, title), again = it.state === 'ended' && all?.plans.some(p => p.plan === it.plan);
  return (
    <div className="member card" data-testid="membership" data-state={it.state} data-ends={it.ends} data-asked={pending(it)}>
      <div className="member-top"><p className="plan-title">{title(it.plan)} {it.test && <TestBadge />}</p><State it={it} /></div>
      {it.state !== 'ended' && <p className="soft numbers">{t('perMonth', { price: money(it.price_minor, it.currency) })}</p>}
      <div role="status"><p className="numbers">{first}</p>{more.map(line => <p key={line} className="soft numbers">{line}</p>)}</div>
      <Asked it={it} />
      <Acts it={it} all={all} />
      <p className="small"><Link href={`/orders?membership=${it.id}`}>{t('memberPayments')}</Link></p>
      {again && <div className="order-acts"><ButtonLink kind="quiet" href={`/buy/${it.plan}`}>{t('memberAgain')}</ButtonLink></div>}
    </div>
  );
}

/** Those that go on; the newest one that is over, when there is none. */
export function Memberships({ list, all }: { list: Membership[]; all: Shop | undefined }) {
  const { t } = useShopWords(), on = list.filter(m => m.state !== 'ended' && m.state !== 'none'), shown = on.length ? on : list.filter(m => m.state === 'ended').slice(0, 1);
  if (!shown.length) return null;
  return (
    <section aria-labelledby="membership">
      <h2 id="membership">{t('memberTitle')}</h2>
      {shown.map(it => <Card key={it.id} it={it} all={all} />)}
    </section>
  );
}
