/** /buy/{plan}: the price once more, how to pay it, and on to whoever takes the money. */
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { useLocation } from 'wouter';
import { asProblem } from '../../lib/api';
import { useText } from '../../lib/app-context';
import { creditsOf, useRecipe } from '../../lib/catalogue';
import { useJourney } from '../../lib/journey';
import { ensureSession, useOver, useWallet } from '../../lib/session';
import { callWeChat, intentNow, keepIntent, newKey, shop, startBy, useCurrency, useMoney, useShop, waysFor, type Intent, type Order, type Plan, type Shop, type Start, type Way } from '../../lib/shop';
import { useTitle } from '../../lib/title';
import { ActionBar } from '../../ui/action-bar';
import { Button, ButtonLink } from '../../ui/button';
import { Ended } from '../../ui/ended';
import { Icon } from '../../ui/icons';
import { Notice, ProblemNotice } from '../../ui/notice';
import { Empty, Failed, PageSkeleton } from '../../ui/states';
import { Steps } from '../../ui/steps';
import { useWords } from '../../words';
import { useShopWords } from '../../words/shop';
import { CodeForm } from './code';
import { GuestMember, useIsGuest } from './member';
import { CurrencySwitch, Features, forNothing, TestBadge, useFeatures, usePrice, useWayWords } from './parts';

/** What is wanted; which order of this tab it is, is found out. */
type Wish = Pick<Intent, 'plan' | 'currency' | 'provider' | 'code'>;
interface Begun { order: string; start: Start | null }

/** Decided meanwhile: paid, closed, too late. Its page says what. */
const decided = (error: unknown): boolean => ['pay_over', 'wrong_state'].includes(asProblem(error).code);

/** Another order that was begun and not paid is given up first. Its number, when it was paid after all. shown: where to pay it, once; else nobody can have. */
async function giveUp(order: string, shown: boolean): Promise<string | null> {
  try {
    const was: Order = await shop.cancel(order);
    return was.state === 'paid' ? was.id : null;
  } catch (error) {
    if (decided(error)) return order;
    const { status } = asProblem(error);
    if (status !== 404 && (shown || status < 500)) throw error;        // its provider is down, which is why another one is chosen: the server closes it
    return null;
  }
}

const same = (a: Wish, b: Wish): boolean => a.plan === b.plan && a.currency === b.currency && a.provider === b.provider && a.code === b.code;

/** The order for exactly this, made once however often it is asked for; over: the one before it was paid. */
async function orderFor(wish: Wish): Promise<{ intent: Intent; order: Order | null; over: string | null }> {
  await ensureSession();
  const old = intentNow(), kept = old && same(old, wish) ? old : null, over = old?.order && !kept ? await giveUp(old.order, !old.unshown) : null;
  const intent = kept ?? { ...wish, key: newKey(), order: null, unshown: true };
  if (over) return { intent, order: null, over };
  keepIntent(intent);
  try {
    const order = await shop.order(intent);
    keepIntent({ ...intent, order: order.id });
    return { intent, order, over: null };
  } catch (error) {
    const { status } = asProblem(error);
    if (status >= 400 && status < 500) keepIntent(null);        // surely nothing was made by that key
    throw error;
  }
}

async function begin(wish: Wish, way: Way): Promise<Begun> {
  const { order, over } = await orderFor(wish);
  if (over || !order) return { order: over ?? '', start: null };
  try {
    return { order: order.id, start: await startBy(order.id, way) };
  } catch (error) {
    if (decided(error)) return { order: order.id, start: null };
    throw error;
  }
}

function Ways({ ways, chosen, choose }: { ways: Way[]; chosen: string | undefined; choose: (provider: string) => void }) {
  const words = useWayWords();
  return (
    <div className="ways" role="radiogroup" aria-labelledby="ways">
      {ways.map(way => {
        const { name, hint } = words(way);
        return (
          <label key={way.provider} className={`way card ${way.provider === chosen ? 'plan-on' : ''}`} data-testid={`way-${way.provider}`}>
            <input type="radio" name="way" value={way.provider} checked={way.provider === chosen} onChange={() => choose(way.provider)} />
            <span className="way-words"><span className="plan-title">{name}{way.test && <> <TestBadge /></>}</span><span className="small soft">{hint}</span></span>
            <span className={`way-mark way-${way.provider}`} aria-hidden="true">{[...name][0]}</span>
            <span className="tile-check"><Icon name="check" size={16} /></span>
          </label>
        );
      })}
    </div>
  );
}

/** Enough is there already. */
function Have() {
  const { t } = useShopWords(), words = useWords(), recipe = useRecipe().data, wallet = useWallet(), journey = useJourney();
  if (!wallet || !recipe || wallet.available < creditsOf(recipe) || !journey.people.length) return null;
  return <Notice kind="info" title={t('payHave', { credits: words.t('credits', { count: wallet.available }) })} next={t('payHaveNext')}><ButtonLink kind="quiet" href="/new?step=confirm">{t('payHaveDo')}</ButtonLink></Notice>;
}

function Checkout({ all, plan }: { all: Shop; plan: Plan }) {
  const { t } = useShopWords(), text = useText(), { currency } = useCurrency(all), price = usePrice()(plan, currency), features = useFeatures(), [, go] = useLocation(), cache = useQueryClient();
  const journey = useJourney(), ways = price === null ? [] : waysFor(all, plan, currency), [before] = useState(intentNow), [picked, pick] = useState(before?.plan === plan.plan ? before.provider : null);
  const way = ways.find(w => w.provider === picked) ?? ways[0], pressed = useRef(false), back = journey.people.length ? `/new?step=confirm&plan=${plan.plan}` : '/wallet';
  const guest = useIsGuest(), signUp = plan.kind === 'member' && guest === true;
  const [code, setCode] = useState(before?.plan === plan.plan ? before.code : ''), wish = (provider: string, by = code): Wish => ({ plan: plan.plan, currency, provider, code: by });
  // with a code the order is made before it is paid: it names the price
  const cheaper = useMutation({
    mutationFn: async (by: string) => (await orderFor(wish(way?.provider ?? '', by))).order,
    onSuccess: (_, by) => setCode(by),
    onError: () => setCode(''),
  });
  const off = cheaper.data && cheaper.data.currency === currency && cheaper.data.off_minor > 0 ? cheaper.data : null, money = useMoney(), taken = off && forNothing(off) ? off : null, due = off ? money(off.price_minor, currency) : price;
  const pay = useMutation({
    mutationFn: (by: Way) => begin(wish(by.provider), by),
    onSuccess: async ({ order, start }) => {
      if (start?.show === 'redirect') return location.assign(start.text);        // the button stays busy until the page is gone
      if (start?.show === 'qr') cache.setQueryData(['start', order], start);
      if (start?.show === 'call') await callWeChat(start.text);
      go(`/orders/${order}`);
    },
    onSettled: (begun, error) => { pressed.current = !error && begun?.start?.show === 'redirect'; },
  });
  const press = (): void => {
    if (pressed.current || !way) return;        // the second half of a double click
    pressed.current = true;
    pay.mutate(way);
  };
  useEffect(() => {
    void journey.restore();
    // back from the provider's page, as the browser kept this one
    const shown = ({ persisted }: PageTransitionEvent): void => {
      if (!persisted) return;
      pressed.current = false;
      pay.reset();
    };
    addEventListener('pageshow', shown);
    return () => removeEventListener('pageshow', shown);
  }, []);
  useEffect(() => { if (code) cheaper.mutate(code); }, [currency]);        // what it costs with it: after a reload, and in another currency
  const going = pay.isPending || (pay.isSuccess && pressed.current);
  return (
    <>
      {journey.people.length > 0 && <div className="width narrow"><Steps at={2} hrefs={['/new', '/new?step=style']} /></div>}
      <div className="width narrow step-body">
        <h1>{t('payTitle')}</h1>
        {pay.error && <ProblemNotice problem={asProblem(pay.error)}>{asProblem(pay.error).code === 'orders_open' && <ButtonLink kind="quiet" href="/orders">{t('ordersTitle')}</ButtonLink>}</ProblemNotice>}
        {!taken && <Have />}
        {signUp && <GuestMember />}
        <section className="pay-what card" aria-label={t('payWhat')}>
          <div className="plans-top"><h2>{text(plan.title)}</h2>{!taken && <CurrencySwitch all={all} />}</div>
          <Features items={features(plan)} />
          <p className="pay-price numbers">{off && <s className="soft small">{price}</s>} <span data-testid="price">{due ?? '–'}</span></p>
        </section>
        {!pay.error && !off && before?.order && before.plan === plan.plan && <Notice kind="info" icon="clock" title={t('payOpen')} next={t('payOpenNext')} />}
        {signUp || taken ? null : ways.length > 0
          ? <section className="pay-how"><h2 id="ways">{t('payHow')}</h2><Ways ways={ways} chosen={way?.provider} choose={pick} /></section>
          : <Notice kind="bad" title={t('payNobody')} next={t('payNobodyNext')} />}
        {taken && <Notice kind="good" title={t('codeWhole')} />}
        {way && !taken && plan.kind !== 'member' && <CodeForm hint={t('codeHintPay')} act={t('codeApply')} first={code} busy={cheaper.isPending} problem={cheaper.error && asProblem(cheaper.error)} onCode={by => cheaper.mutate(by)}>{off && <Notice kind="good" title={t('codeOff', { off: money(off.off_minor, currency) })} />}</CodeForm>}
        {!taken && <p className="soft small fair">{t('payPromise')}</p>}
      </div>
      <ActionBar hint={`${text(plan.title)} · ${due ?? '–'}`}>
        <Button kind="quiet" big icon="back" aria-label={t('payBack')} onClick={() => go(back)} />
        {signUp
          ? <ButtonLink big href={`/sign-up?next=/buy/${plan.plan}`}>{t('memberGuestDo')}</ButtonLink>
          : taken ? <ButtonLink big href={`/orders/${taken.id}`}>{t('payTake')}</ButtonLink>
          : <Button big busy={going} disabled={!way || (plan.kind === 'member' && guest === undefined)} onClick={press}>{going ? t('payDoing') : t('payDo', { price: due ?? '' })}</Button>}
      </ActionBar>
    </>
  );
}

export default function Buy({ plan: name }: { plan: string }) {
  const { t } = useShopWords(), over = useOver(), { ended } = useJourney(), all = useShop(), plan = all.data?.plans.find(p => p.plan === name && p.kind !== 'free');
  useTitle(t('payTitle'));
  if (over || ended) return <Ended theirs={over || ended === 'waiting'} next={`/buy/${name}`} />;
  if (all.isError && !all.data) return <div className="width narrow"><Failed problem={asProblem(all.error)} again={() => void all.refetch()} /></div>;
  if (!all.data) return <PageSkeleton />;
  if (!all.data.selling) return <div className="width"><Empty icon="heart" title={t('payNothing')} text={t('payNothingText')}><ButtonLink href="/new">{t('goOnNew')}</ButtonLink></Empty></div>;
  if (!plan) return <div className="width"><Empty icon="frame" title={t('payNoPlan')} text={t('payNoPlanText')}><ButtonLink href="/new">{t('goOnNew')}</ButtonLink></Empty></div>;
  return <Checkout all={all.data} plan={plan} />;
}
