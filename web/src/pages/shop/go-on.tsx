/** After paying: the picture that was begun is still in the browser, and one button goes on with it. */
import { useEffect } from 'react';
import { asProblem } from '../../lib/api';
import { useJourney } from '../../lib/journey';
import { useMe, useWallet } from '../../lib/session';
import { Button, ButtonLink } from '../../ui/button';
import { Icon } from '../../ui/icons';
import { useShopWords } from '../../words/shop';
import { useMake } from '../new/make';
import { Issues, useQuote } from '../new/quote';
import { Roster } from '../new/roster';

function Begun() {
  const { t } = useShopWords(), journey = useJourney(), quote = useQuote(journey.template), wallet = useWallet(), make = useMake(() => void quote.refetch()), error = make.error ?? quote.error;
  const enough = quote.data && wallet ? wallet.available >= quote.data.credits : false;
  return (
    <section className="go-on card" data-testid="go-on">
      <h2>{t('goOn')}</h2>
      <p className="soft">{t('goOnText')}</p>
      <Roster />
      {error && <Issues problem={asProblem(error)} />}
      {quote.data && wallet && quote.data.credits > 0 && <p className="numbers">{t('goOnCost', { use: quote.data.credits, have: wallet.available })}</p>}
      <div className="order-acts">
        {quote.isError ? <Button kind="quiet" onClick={() => void quote.refetch()}>{t('waitLook')}</Button>
          : <Button big icon="forward" busy={make.isPending || quote.isPending} disabled={!enough} onClick={() => { if (quote.data) make.mutate(quote.data.id); }}>{make.isPending ? t('goOnDoing') : t('goOnDo')}</Button>}
      </div>
    </section>
  );
}

function Keep() {
  const { t } = useShopWords(), me = useMe();
  if (me?.kind !== 'guest') return null;
  return <aside className="keep card"><Icon name="mail" size={28} /><div><h2>{t('keepBought')}</h2><p className="soft">{t('keepBoughtText')}</p><ButtonLink href="/sign-up" kind="quiet">{t('keepBoughtDo')}</ButtonLink></div></aside>;
}

export function GoOn() {
  const { t } = useShopWords(), journey = useJourney();
  useEffect(() => { void journey.restore(); }, [journey]);
  if (journey.restoring) return <div className="bone bone-picture" />;
  const begun = journey.people.length > 0 && journey.consent && journey.template !== null;
  return (
    <>
      {begun ? <Begun /> : <div className="order-acts"><ButtonLink href="/new" big icon="people">{t('goOnNew')}</ButtonLink></div>}
      <Keep />
    </>
  );
}
