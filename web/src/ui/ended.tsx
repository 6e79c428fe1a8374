/** The session ended, and a page says so that needs one. */
import { useEffect } from 'react';
import { useLocation } from 'wouter';
import { useJourney } from '../lib/journey';
import { signedOut } from '../lib/session';
import { useWords } from '../words';
import { Button, ButtonLink } from './button';
import { Empty } from './states';

/** A guest: nothing of before is left, and it is said. A person (theirs): all of it is here again when they are, at `next`. */
export function Ended({ theirs, next }: { theirs: boolean; next: string }) {
  const { t } = useWords(), journey = useJourney(), [, go] = useLocation(), signIn = `/sign-in?next=${next}`;
  useEffect(() => () => journey.beginAnew(), [journey]);        // who comes back another way has read it
  const anew = (): void => {
    if (theirs) signedOut();
    journey.beginAnew();
    go('/new', { replace: true });
  };
  return (
    <div className="width">
      <Empty icon="user" title={t('endedTitle')} text={t(theirs ? 'endedSignIn' : 'endedText')}>
        {theirs
          ? <><ButtonLink href={signIn}>{t('signIn')}</ButtonLink><Button kind="bare" onClick={anew}>{t('endedGuest')}</Button></>
          : <><Button onClick={anew}>{t('endedDo')}</Button><ButtonLink href={signIn} kind="bare">{t('signIn')}</ButtonLink></>}
      </Empty>
    </div>
  );
}
