/** Step 3: what it costs, said by the server, before anything is held. */
import { useEffect, type ReactNode } from 'react';
import { Link, useLocation, useSearch } from 'wouter';
import { api, asProblem, type Schemas } from '../../lib/api';
import { useText } from '../../lib/app-context';
import { useRecipe, useTemplates } from '../../lib/catalogue';
import { useJourney } from '../../lib/journey';
import { useWallet } from '../../lib/session';
import { useShop, type Shop } from '../../lib/shop';
import { ActionBar } from '../../ui/action-bar';
import { Button, ButtonLink } from '../../ui/button';
import { Picture } from '../../ui/picture';
import { useWords } from '../../words';
import { useShopWords } from '../../words/shop';
import { useMake } from './make';
import { Plans, useOffers } from './plans';
import { Issues, useQuote } from './quote';
import { Roster } from './roster';
import { stepHref } from '.';

function Place() {
  const { t } = useWords(), text = useText(), journey = useJourney(), template = useTemplates().data?.find(x => x.name === journey.template);
  const src = journey.template === '' ? journey.backdrop?.url : template && api.url(template.thumb);
  return <span className="roster">{src && <Picture className="place" src={src} alt="" />}<span>{template ? text(template.title) : t('styleOwn')}</span></span>;
}

function Prices({ quote, refused, wallet }: { quote: Schemas['Quote'] | undefined; refused: boolean; wallet: Schemas['Wallet'] | null | undefined }) {
  const { t } = useWords(), recipe = useRecipe().data, credits = (count: number): string => t('credits', { count });
  if (refused) return null;        // what has to change first stands below
  const wait = <span className="bone bone-word" />;
  return (
    <>
      <div><dt>{t('confirmPictures')}</dt><dd className="numbers">{quote ? t('confirmCount', { count: quote.candidates }) : wait}</dd></div>
      <div><dt>{t('confirmPrice')}</dt><dd className="numbers price">{quote ? credits(quote.credits) : wait}{quote && recipe?.credits_per === 'candidate' && <span className="small soft"> {t('confirmEach', { credits: credits(recipe.credits) })}</span>}</dd></div>
      {wallet && quote && <div><dt>{t('confirmHave')}</dt><dd className="numbers">{credits(wallet.available)} {wallet.available >= quote.credits && <span className="small soft">{t('confirmAfter', { count: wallet.available - quote.credits })}</span>}</dd></div>}
    </>
  );
}

/** What was put together so far, each part with its way back. */
function Summary({ children }: { children?: ReactNode }) {
  const { t } = useWords();
  return (
    <dl className="summary card">
      <div><dt>{t('confirmPeople')}</dt><dd><Roster /><Link href={stepHref('photos')} aria-label={`${t('confirmChange')}: ${t('confirmPeople')}`}>{t('confirmChange')}</Link></dd></div>
      <div><dt>{t('confirmStyle')}</dt><dd><Place /><Link href={stepHref('style')} aria-label={`${t('confirmChange')}: ${t('confirmStyle')}`}>{t('confirmChange')}</Link></dd></div>
      {children}
    </dl>
  );
}

function Wrong({ error, again }: { error: unknown; again?: (() => void) | undefined }) {
  const { t } = useWords(), problem = asProblem(error), issues = problem.document.issues?.length;
  return (
    <>
      <Issues problem={problem} />
      {problem.status === 401 && <ButtonLink href={`/sign-in?next=${stepHref('confirm')}`}>{t('signIn')}</ButtonLink>}
      {again && !issues && <Button kind="quiet" onClick={again}>{t('retry')}</Button>}
    </>
  );
}

/** Nothing is sold: one price, in credits. */
function InCredits() {
  const { t } = useWords(), journey = useJourney(), [, go] = useLocation();
  const recipe = useRecipe(), quote = useQuote(journey.template), wallet = useWallet(), make = useMake(() => void quote.refetch());
  const short = wallet && quote.data && wallet.available < quote.data.credits ? quote.data.credits - wallet.available : 0;
  const error = make.error ?? quote.error ?? recipe.error;
  useEffect(() => { make.reset(); }, [quote.data?.id]);

  return (
    <>
      <div className="width narrow step-body">
        <h1>{t('confirmTitle')}</h1>
        {error && <Wrong error={error} again={quote.isError ? () => void quote.refetch() : undefined} />}
        <Summary><Prices quote={quote.data} refused={quote.isError || recipe.isError} wallet={wallet} /></Summary>
        <p className="soft fair">{t('confirmFair')}</p>
      </div>
      <ActionBar hint={short > 0 ? <span className="action-bad" role="alert">{t('confirmShort', { credits: t('credits', { count: short }) })}</span> : quote.data && t('credits', { count: quote.data.credits })}>
        <Button kind="quiet" big icon="back" aria-label={t('back')} onClick={() => go(stepHref('style'))} />
        <Button big busy={make.isPending} disabled={!quote.data || short > 0} onClick={() => { if (quote.data) make.mutate(quote.data.id); }}>{make.isPending ? t('confirmStarting') : t('confirmStart')}</Button>
      </ActionBar>
    </>
  );
}

/** Something is sold: which of it. The choice stands in the address, so that the way back from paying finds it. */
function InMoney({ all }: { all: Shop }) {
  const { t } = useWords(), shop = useShopWords(), [, go] = useLocation(), picked = new URLSearchParams(useSearch()).get('plan');
  const { offers, pending, error: refused, again, quote } = useOffers(all), make = useMake(again), error = make.error ?? refused;
  const can = offers.filter(o => !o.off), chosen = pending ? undefined : can.find(o => o.id === picked) ?? can[0];
  useEffect(() => { make.reset(); }, [chosen?.id]);
  const next = (): void => {
    if (chosen?.quote) make.mutate(chosen.quote.id);
    else if (chosen) go(`/buy/${chosen.id}`);
  };
  return (
    <>
      <div className="width narrow step-body">
        <h1>{t('confirmTitle')}</h1>
        {error && <Wrong error={error} again={refused ? again : undefined} />}
        <Summary />
        {!quote.isError && <Plans all={all} offers={offers} pending={pending} chosen={chosen?.id} choose={id => go(`${stepHref('confirm')}&plan=${id}`, { replace: true })} />}
        {chosen && (chosen.plan || chosen.quote?.credits !== 0) && <p className="soft fair">{chosen.plan ? shop.t('payPromise') : t('confirmFair')}</p>}
      </div>
      <ActionBar hint={chosen && `${chosen.title} · ${chosen.price}`}>
        <Button kind="quiet" big icon="back" aria-label={t('back')} onClick={() => go(stepHref('style'))} />
        <Button big busy={make.isPending} disabled={!chosen || quote.isError} onClick={next}>{make.isPending ? t('confirmStarting') : chosen?.plan ? shop.t('toPay') : t('confirmStart')}</Button>
      </ActionBar>
    </>
  );
}

export function ConfirmStep() {
  const { t } = useWords(), all = useShop(), [, go] = useLocation();
  if (all.data) return all.data.selling ? <InMoney all={all.data} /> : <InCredits />;
  return (
    <>
      <div className="width narrow step-body">
        <h1>{t('confirmTitle')}</h1>
        {all.isError && <Wrong error={all.error} again={() => void all.refetch()} />}
        <Summary>{!all.isError && <Prices quote={undefined} refused={false} wallet={null} />}</Summary>
      </div>
      <ActionBar>
        <Button kind="quiet" big icon="back" aria-label={t('back')} onClick={() => go(stepHref('style'))} />
        <Button big disabled>{t('confirmStart')}</Button>
      </ActionBar>
    </>
  );
}
