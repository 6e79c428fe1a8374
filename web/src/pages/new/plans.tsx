/** The price while something is sold: credits that are there already, the free picture of the day, and what can be bought. */
import { Link } from 'wouter';
import type { Schemas } from '../../lib/api';
import { useText } from '../../lib/app-context';
import { useRecipe, type Recipe } from '../../lib/catalogue';
import { useJourney } from '../../lib/journey';
import { useWallet } from '../../lib/session';
import { useCurrency, useMine, type Mine, type Plan, type Shop } from '../../lib/shop';
import { useDate } from '../../lib/time';
import { Icon } from '../../ui/icons';
import { useShopWords } from '../../words/shop';
import { CurrencySwitch, Features, useEach, useFeatures, usePictures, usePrice } from '../shop/parts';
import { useQuote } from './quote';

/** quote: makes it at once; none: it is bought first. why: it cannot be chosen now. */
export interface Offer { id: string; title: string; price: string; features: string[]; note?: string | null; quote?: Schemas['Quote']; plan?: Plan; off?: boolean }

/** How many pictures the credits are enough for. */
const enoughFor = (recipe: Recipe, credits: number): number => (recipe.credits_per !== 'candidate' ? (credits >= recipe.credits ? recipe.candidates_max : 0) : Math.min(recipe.candidates_max, Math.floor(credits / recipe.credits)));

function useFreeNote(): (free: Mine['free']) => string | null {
  const { t } = useShopWords(), date = useDate();
  return free => (free.left === null ? null : free.left > 0 ? t('freeLeft', { count: free.left }) : t('freeAgain', { when: date(free.again_ms) }));
}

/** What somebody with these photos and this wallet can do, the cheapest for them first. */
export function useOffers(all: Shop | undefined) {
  const { t } = useShopWords(), text = useText(), journey = useJourney(), recipe = useRecipe().data, wallet = useWallet(), selling = all?.selling === true, mine = useMine(selling);
  const { currency } = useCurrency(all), features = useFeatures(), pictures = usePictures(), price = usePrice(), freeNote = useFreeNote();
  const quote = useQuote(journey.template), asked = quote.data;
  const have = wallet?.available ?? 0, reaches = asked !== undefined && !asked.free && asked.credits > 0 && have >= asked.credits;
  // credits that are left over from other pictures are good for fewer
  const fewer = selling && asked && recipe && !reaches ? enoughFor(recipe, have) : 0;
  const part = useQuote(journey.template, fewer > 0, fewer || undefined), paid = reaches ? asked : fewer > 0 ? part.data : undefined;
  const pending = selling && (quote.isPending || wallet === undefined || mine.isPending || (fewer > 0 && part.isPending));
  const offers: Offer[] = [];
  if (paid) {
    offers.push({ id: 'credits', title: t('creditsUse'), price: t('creditsOf', { use: paid.credits, count: have }), quote: paid,
      features: [pictures(paid.candidates), t(paid.watermark ? 'markOurs' : 'markNone')] });
  }
  for (const plan of all?.plans ?? []) {
    if (plan.kind === 'free') {
      // whoever has credits enough pays with them: the server would not give it for nothing
      if (!paid && mine.data) offers.push({ id: 'free', title: plan.may.per_day === 1 ? t('freeTitle') : text(plan.title), price: t('freeNow'), features: features(plan), note: freeNote(mine.data.free), ...(asked?.free ? { quote: asked } : { off: true }) });
    } else {
      const named = price(plan, currency);
      if (named !== null) offers.push({ id: plan.plan, title: text(plan.title), price: named, features: features(plan), plan });
    }
  }
  return { offers, pending, quote, again: () => { void quote.refetch(); void mine.refetch(); if (fewer) void part.refetch(); }, error: quote.error ?? part.error ?? mine.error };
}

function Card({ offer, on, choose }: { offer: Offer; on: boolean; choose: () => void }) {
  return (
    <label className={`plan card ${on ? 'plan-on' : ''} ${offer.off ? 'plan-off' : ''}`} data-testid={`plan-${offer.id}`}>
      <input type="radio" name="plan" value={offer.id} checked={on} disabled={offer.off} onChange={choose} />
      <span className="plan-top"><span className="plan-title">{offer.title}</span><span className={`plan-price numbers ${offer.id === 'credits' ? 'plan-words' : ''}`}>{offer.price}</span></span>
      <Features items={offer.features} />
      {offer.note && <span className="plan-note small numbers"><Icon name="clock" size={16} /> {offer.note}</span>}
      <span className="tile-check"><Icon name="check" size={16} /></span>
    </label>
  );
}

/** Packs and memberships are for few, so they stand behind. */
const quiet = (offer: Offer): boolean => offer.plan?.kind === 'pack' || offer.plan?.kind === 'member';

export function Plans({ all, offers, pending, chosen, choose }: { all: Shop; offers: Offer[]; pending: boolean; chosen: string | undefined; choose: (id: string) => void }) {
  const { t } = useShopWords(), each = useEach(), others = offers.filter(quiet);
  return (
    <section aria-labelledby="plans" className="plans-part">
      <div className="plans-top"><h2 id="plans">{t('planTitle')}</h2><CurrencySwitch all={all} /></div>
      <div className="plans" role="radiogroup" aria-labelledby="plans">
        {pending ? [1, 2, 3].map(n => <span key={n} className="plan card bone" />) : offers.filter(o => !quiet(o)).map(o => <Card key={o.id} offer={o} on={o.id === chosen} choose={() => choose(o.id)} />)}
      </div>
      {others.length > 0 && (
        <div className="plans-more">
          <p className="small soft">{t('planMore')}</p>{each && <p className="small soft">{each}</p>}
          <ul>{others.map(o => <li key={o.id}><Link href={`/buy/${o.id}`}><span>{o.title}</span> <span className="numbers">{o.price}</span></Link></li>)}</ul>
        </div>
      )}
    </section>
  );
}
