/** /buy/{plan}: the price once more, how to pay it, and on to whoever takes the money. */
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { useLocation } from 'wouter';
import { asProblem } from '../../lib/api';
import { useText } from '../../lib/app-context';
import { creditsOf, useRecipe } from '../../lib/catalogue';
import { useJourney } from '../../lib/journey';
import { ensureSession, useWallet } from '../../lib/session';
import { callWeChat, intentNow, keepIntent, newKey, shop, startBy, useCurrency, useShop, waysFor, type Intent, type Order, type Plan, type Shop, type Start, type Way } from '../../lib/shop';
import { useTitle } from '../../lib/title';
import { ActionBar } from '../../ui/action-bar';
import { Button, ButtonLink } from '../../ui/button';
import { Icon } from '../../ui/icons';
import { Notice, ProblemNotice } from '../../ui/notice';
import { Empty, Failed, PageSkeleton } from '../../ui/states';
import { Steps } from '../../ui/steps';
import { useWords } from '../../words';
import { useShopWords } from '../../words/shop';
import { CurrencySwitch, Features, TestBadge, useFeatures, usePrice, useWayWords } from './parts';

interface Begun { order: string; start: Start | null }

/** Decided meanwhile: paid, closed, too late. Its page says what. */
const decided = (error: unknown): boolean => ['pay_over', 'wrong_state'].includes(asProblem(error).code);

/** The order of this tab for exactly this; another one that was begun and not paid is given up first. */
async function intentFor(plan: string, currency: Intent['currency'], provider: string): Promise<Intent | { decided: string }> {
  const old = intentNow();
  if (old && old.plan === plan && old.currency === currency && old.provider === provider) return old;
  if (old?.order) {
    try {
      const was: Order = await shop.cancel(old.order);
      if (was.state === 'paid') return { decided: was.id };
    } catch (error) {
      if (decided(error)) return { decided: old.order };
      if (asProblem(error).status !== 404) throw error;
    }
  }
  const intent: Intent = { plan, currency, provider, key: newKey(), order: null };
  keepIntent(intent);
  return intent;
}

async function begin(plan: string, currency: Intent['currency'], way: Way): Promise<Begun> {
  await ensureSession();
  const intent = await intentFor(plan, currency, way.provider);
  if ('decided' in intent) return { order: intent.decided, start: null };
  const order = intent.order ?? (await shop.order(plan, currency, way.provider, intent.key)).id;
  keepIntent({ ...intent, order });
  try {
    return { order, start: await startBy(order, way) };
  } catch (error) {
    if (decided(error)) return { order, start: null };
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
            <span className={`way-mark way-${way.provider}`} aria-hidden="true" />
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
  const journey = useJourney(), ways = price === null ? [] : waysFor(all, plan, currency), before = intentNow(), [picked, pick] = useState(before?.plan === plan.plan ? before.provider : null);
  const way = ways.find(w => w.provider === picked) ?? ways[0], pressed = useRef(false), back = journey.people.length ? `/new?step=confirm&plan=${plan.plan}` : '/wallet';
  const pay = useMutation({
    mutationFn: (by: Way) => begin(plan.plan, currency, by),
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
  const going = pay.isPending || (pay.isSuccess && pressed.current);
  return (
    <>
      {journey.people.length > 0 && <div className="width narrow"><Steps at={2} hrefs={['/new', '/new?step=style']} /></div>}
      <div className="width narrow step-body">
        <h1>{t('payTitle')}</h1>
        {pay.error && <ProblemNotice problem={asProblem(pay.error)} />}
        <Have />
        <section className="pay-what card" aria-label={t('payWhat')}>
          <div className="plans-top"><h2>{text(plan.title)}</h2><CurrencySwitch all={all} /></div>
          <Features items={features(plan)} />
          <p className="pay-price numbers" data-testid="price">{price ?? '–'}</p>
        </section>
        {!pay.error && before?.order && before.plan === plan.plan && <Notice kind="info" icon="clock" title={t('payOpen')} next={t('payOpenNext')} />}
        {ways.length > 0
          ? <section className="pay-how"><h2 id="ways">{t('payHow')}</h2><Ways ways={ways} chosen={way?.provider} choose={pick} /></section>
          : <Notice kind="bad" title={t('payNobody')} next={t('payNobodyNext')} />}
        <p className="soft small fair">{t('payPromise')}</p>
      </div>
      <ActionBar hint={`${text(plan.title)} · ${price ?? '–'}`}>
        <Button kind="quiet" big icon="back" aria-label={t('payBack')} onClick={() => go(back)} />
        <Button big busy={going} disabled={!way} onClick={press}>{going ? t('payDoing') : t('payDo', { price: price ?? '' })}</Button>
      </ActionBar>
    </>
  );
}

export default function Buy({ plan: name }: { plan: string }) {
  const { t } = useShopWords(), all = useShop(), plan = all.data?.plans.find(p => p.plan === name && p.kind !== 'free');
  useTitle(t('payTitle'));
  if (all.isError && !all.data) return <div className="width narrow"><Failed problem={asProblem(all.error)} again={() => void all.refetch()} /></div>;
  if (!all.data) return <PageSkeleton />;
  if (!all.data.selling) return <div className="width"><Empty icon="heart" title={t('payNothing')} text={t('payNothingText')}><ButtonLink href="/new">{t('goOnNew')}</ButtonLink></Empty></div>;
  if (!plan) return <div className="width"><Empty icon="frame" title={t('payNoPlan')} text={t('payNoPlanText')}><ButtonLink href="/new">{t('goOnNew')}</ButtonLink></Empty></div>;
  return <Checkout all={all.data} plan={plan} />;
}
