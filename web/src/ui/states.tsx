/** Nothing yet, still coming, could not come. */
import type { ReactNode } from 'react';
import type { Problem } from '../lib/api';
import { linkRefused } from '../lib/session';
import { useWords } from '../words';
import { Button, ButtonLink } from './button';
import { Icon, type IconName } from './icons';
import { ProblemNotice } from './notice';
import './states.css';

export function Empty({ icon, title, text, inside, children }: { icon: IconName; title: string; text?: string; /** Of a page that has its own title. */ inside?: boolean; children?: ReactNode }) {
  return (
    <div className="empty">
      <span className="empty-icon"><Icon name={icon} size={34} /></span>
      {inside ? <h2>{title}</h2> : <h1>{title}</h1>}
      {text && <p className="soft">{text}</p>}
      {children}
    </div>
  );
}

/** Nobody, as far as the server knows: it has no say about what is here. */
export function SignedOut({ next, inside, children }: { next: string; inside?: boolean; children?: ReactNode }) {
  const { t } = useWords(), refused = linkRefused();
  return <Empty icon="user" title={t(refused ? 'linkUsedTitle' : 'signedOutTitle')} text={t(refused ? 'linkUsedText' : 'signedOutText')} {...(inside ? { inside } : {})}><ButtonLink href={`/sign-in?next=${next}`}>{t('signIn')}</ButtonLink>{children}</Empty>;
}

export function PageSkeleton() {
  const { t } = useWords();
  return (
    <div className="width narrow skeleton" role="status" aria-label={t('loading')}>
      <div className="bone bone-title" /><div className="bone" /><div className="bone bone-short" /><div className="bone bone-picture" />
    </div>
  );
}

export function Failed({ problem, again }: { problem: Problem; again: () => void }) {
  const { t } = useWords();
  return <ProblemNotice problem={problem}><Button kind="quiet" onClick={again}>{t('retry')}</Button></ProblemNotice>;
}
