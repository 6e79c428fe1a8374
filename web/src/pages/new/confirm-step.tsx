/** Step 3: what it costs, said by the server, before anything is held. */
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { Link, useLocation } from 'wouter';
import { api, asProblem, type Schemas } from '../../lib/api';
import { useText } from '../../lib/app-context';
import { useRecipe, useTemplates } from '../../lib/catalogue';
import { useJourney } from '../../lib/journey';
import { useWallet } from '../../lib/session';
import { ActionBar } from '../../ui/action-bar';
import { Button, ButtonLink } from '../../ui/button';
import { Notice } from '../../ui/notice';
import { useWords } from '../../words';
import { Issues, useQuote } from './quote';
import { Roster } from './roster';
import { stepHref } from '.';

function Place() {
  const { t } = useWords(), text = useText(), journey = useJourney(), template = useTemplates().data?.find(x => x.name === journey.template);
  const src = journey.template === '' ? journey.backdrop?.url : template && api.url(template.thumb);
  return <span className="roster">{src && <img className="place" src={src} alt="" />}<span>{template ? text(template.title) : t('styleOwn')}</span></span>;
}

function Prices({ quote, refused, wallet }: { quote: Schemas['Quote'] | undefined; refused: boolean; wallet: Schemas['Wallet'] | null | undefined }) {
  const { t } = useWords(), recipe = useRecipe().data, credits = (count: number): string => t('credits', { count });
  if (refused) return null;        // what has to change first stands below
  const wait = <span className="bone bone-word" />;
  return (
    <>
      <div><dt>{t('confirmPictures')}</dt><dd className="numbers">{quote ? t('confirmCount', { count: quote.candidates }) : wait}</dd></div>
      <div><dt>{t('confirmPrice')}</dt><dd className="numbers price">{quote ? credits(quote.credits) : wait}{quote && recipe?.credits_per === 'candidate' && <span className="small soft"> {t('confirmEach', { credits: credits(recipe.credits) })}</span>}</dd></div>
      {wallet && quote && <div><dt>{t('confirmHave')}</dt><dd className="numbers">{credits(wallet.available)} <span className="small soft">{t('confirmAfter', { count: Math.max(0, wallet.available - quote.credits) })}</span></dd></div>}
    </>
  );
}

export function ConfirmStep() {
  const { t } = useWords(), journey = useJourney(), [, go] = useLocation(), cache = useQueryClient();
  const recipe = useRecipe(), quote = useQuote(journey.template), wallet = useWallet();
  const short = wallet && quote.data && wallet.available < quote.data.credits ? quote.data.credits - wallet.available : 0;
  const buy = useMutation({
    // one quote, one task, however often it is pressed
    mutationFn: (id: string) => api.post('/v1/tasks', { body: { quote: id }, key: id }),
    onSuccess: task => {
      cache.setQueryData(['task', task.id], task);
      cache.removeQueries({ queryKey: ['quote'] });        // it bought its picture: the same photos once more are another one
      void cache.invalidateQueries({ queryKey: ['wallet'] });
      void cache.invalidateQueries({ queryKey: ['tasks'] });
      go(`/t/${task.id}`, { replace: true });
      journey.finish(task.id);
    },
    onError: error => { if (asProblem(error).code === 'quote_expired') void quote.refetch(); },
  });
  const problem = buy.error ?? quote.error ?? recipe.error, issues = problem && asProblem(problem).document.issues?.length;
  useEffect(() => { buy.reset(); }, [quote.data?.id]);

  return (
    <>
      <div className="width narrow step-body">
        <h1>{t('confirmTitle')}</h1>
        {problem && <Issues problem={asProblem(problem)} />}
        {problem && asProblem(problem).status === 401 && <ButtonLink href={`/sign-in?next=${stepHref('confirm')}`}>{t('signIn')}</ButtonLink>}
        <dl className="summary card">
          <div><dt>{t('confirmPeople')}</dt><dd><Roster /><Link href={stepHref('photos')} aria-label={`${t('confirmChange')}: ${t('confirmPeople')}`}>{t('confirmChange')}</Link></dd></div>
          <div><dt>{t('confirmStyle')}</dt><dd><Place /><Link href={stepHref('style')} aria-label={`${t('confirmChange')}: ${t('confirmStyle')}`}>{t('confirmChange')}</Link></dd></div>
          <Prices quote={quote.data} refused={quote.isError || recipe.isError} wallet={wallet} />
        </dl>
        <p className="soft fair">{t('confirmFair')}</p>
        {quote.isError && !issues && <Button kind="quiet" onClick={() => void quote.refetch()}>{t('retry')}</Button>}
        {short > 0 && <Notice kind="bad" title={t('confirmShort', { credits: t('credits', { count: short }) })} />}
      </div>
      <ActionBar hint={quote.data && t('credits', { count: quote.data.credits })}>
        <Button kind="quiet" big icon="back" aria-label={t('back')} onClick={() => go(stepHref('style'))} />
        <Button big busy={buy.isPending} disabled={!quote.data || short > 0} onClick={() => { if (quote.data) buy.mutate(quote.data.id); }}>{buy.isPending ? t('confirmStarting') : t('confirmStart')}</Button>
      </ActionBar>
    </>
  );
}
