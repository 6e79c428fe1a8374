/** What the pages of money have in common: what a plan brings, in which currency, and that test money is none. */
import { useText } from '../../lib/app-context';
import { useRecipe } from '../../lib/catalogue';
import { currenciesOf, useCurrency, useMoney, useShop, type Order, type Plan, type Shop } from '../../lib/shop';
import { daysIn } from '../../lib/time';
import { Icon } from '../../ui/icons';
import { useWords } from '../../words';
import { useShopWords, type ShopKey } from '../../words/shop';
import '../new/new.css';
import './shop.css';

export function usePictures(): (count: number) => string {
  const { t } = useShopWords();
  return count => (count === 1 ? t('useOne') : t('usePictures', { count }));
}

/** "10 credits a picture"; null: not known yet, or it is not so. */
export function useEach(): string | null {
  const { t } = useShopWords(), recipe = useRecipe().data;
  return recipe?.credits_per === 'candidate' ? t('creditsEach', { count: recipe.credits }) : null;
}

export function useFeatures(): (plan: Plan) => string[] {
  const { t } = useShopWords(), each = useEach(), pictures = usePictures(), weights = useShop().data?.plans.map(p => p.may.weight) ?? [];
  return ({ may, credits, valid_ms, kind }) => {
    const bought = t('mayCredits', { count: credits });
    return [
      pictures(may.candidates), t(may.watermark ? 'markOurs' : 'markNone'), ...(may.motion ? [t('mayMove')] : []), ...(may.enhanced ? [t('mayBest')] : []),
      ...(may.weight === Math.max(...weights) && may.weight > Math.min(...weights) ? [t('mayFirst')] : []),
      ...(credits ? [valid_ms ? t('mayCreditsFor', { credits: bought, count: daysIn(valid_ms) }) : bought] : []), ...(each !== null && (kind === 'pack' || kind === 'member') ? [each] : []), ...(kind === 'member' ? [t('mayMonthly')] : []),
    ];
  };
}

export function Features({ items }: { items: string[] }) {
  return <ul className="features">{items.map(item => <li key={item}><Icon name="check" size={16} /><span>{item}</span></li>)}</ul>;
}

/** "¥9.90", of a membership "¥9.90 a month"; null: not sold in that currency. */
export function usePrice(): (plan: Plan, currency: keyof Plan['price']) => string | null {
  const { t } = useShopWords(), money = useMoney();
  return (plan, currency) => {
    const minor = plan.price[currency];
    if (minor === undefined) return null;
    return plan.kind === 'member' ? t('perMonth', { price: money(minor, currency) }) : money(minor, currency);
  };
}

export function CurrencySwitch({ all }: { all: Shop }) {
  const { t } = useShopWords(), { locale } = useWords(), { currency, choose } = useCurrency(all), there = currenciesOf(all);
  if (there.length < 2) return null;
  const sign = (c: string): string => new Intl.NumberFormat(locale, { style: 'currency', currency: c, currencyDisplay: 'narrowSymbol' }).formatToParts(0).find(p => p.type === 'currency')?.value ?? '';
  return (
    <div className="currencies" role="group" aria-label={t('planCurrency')}>
      {there.map(c => <button key={c} type="button" className="currency" aria-pressed={c === currency} onClick={() => choose(c)}>{sign(c)} {c}</button>)}
    </div>
  );
}

export function TestBadge() {
  const { t } = useShopWords();
  return <span className="test-badge">{t('test')}</span>;
}

const NAMES: Record<string, [ShopKey, ShopKey]> = { wechat: ['payWechat', 'payWechatHint'], alipay: ['payAlipay', 'payAlipayHint'], stripe: ['payStripe', 'payStripeHint'], test: ['payTest', 'payTestHint'] };

/** The name of a way to pay, and what it means to take it. */
export function useWayWords(): (way: { provider: string }) => { name: string; hint: string } {
  const { t } = useShopWords();
  return ({ provider }) => {
    const known = NAMES[provider];
    return known ? { name: t(known[0]), hint: t(known[1]) } : { name: provider, hint: t('payOther', { name: provider }) };
  };
}

/** A code took the whole price: nothing was paid, and nobody took it. */
export const forNothing = (order: Order): boolean => order.state === 'paid' && order.price_minor === 0;

const STATES: Record<Order['state'], [ShopKey, string]> = { open: ['stateOpen', 'wait'], paid: ['statePaid', 'good'], closed: ['stateClosed', 'calm'], failed: ['stateFailed', 'bad'] };

/** In one word. */
export function OrderState({ order }: { order: Order }) {
  const { t } = useShopWords(), refund = order.refund?.state;
  const [word, tone] = order.trouble ? ['stateTrouble' as const, 'bad']
    : refund === 'asked' ? ['stateAsked' as const, 'wait'] : refund === 'pending' || refund === 'abnormal' ? ['statePending' as const, 'wait']
      : order.refunded_minor >= order.price_minor && order.refunded_minor > 0 ? ['stateBack' as const, 'calm'] : order.refunded_minor > 0 ? ['statePartBack' as const, 'calm'] : forNothing(order) ? ['stateYours' as const, 'good'] : STATES[order.state];
  return <span className={`state-word state-${tone}`}>{t(word)}</span>;
}

/** The title of a plan by its name; what it was called when it was bought, if it is gone. */
export function usePlanTitle(all: Shop | undefined): (order: Order) => string {
  const text = useText();
  return order => {
    const plan = all?.plans.find(p => p.plan === order.plan);
    return plan ? text(plan.title) : order.title;
  };
}
