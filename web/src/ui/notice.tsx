/** Something to be told, and what to do next. */
import type { ReactNode } from 'react';
import type { Problem, Words } from '../lib/api';
import { UNREACHABLE } from '@zoetrope/client';
import { useTime } from '../lib/time';
import { useWords } from '../words';
import { Icon, type IconName } from './icons';
import './notice.css';

interface Props { kind: 'bad' | 'good' | 'info'; icon?: IconName; title: ReactNode; next?: ReactNode; children?: ReactNode }

export function Notice({ kind, icon = kind === 'bad' ? 'warn' : kind === 'good' ? 'check' : 'heart', title, next, children }: Props) {
  return (
    <div className={`notice notice-${kind}`} role={kind === 'bad' ? 'alert' : 'status'}>
      <Icon name={icon} />
      <div>
        <p className="notice-title">{title}</p>
        {next && <p>{next}</p>}
        {children}
      </div>
    </div>
  );
}

/** A problem's words in the page's language. */
export function useProblemWords(): (problem: Problem) => { title: string; next: string } {
  const { t, lang } = useWords(), time = useTime();
  const told = (words: Words | null, problem: Problem): Words | null => words && (problem.againMs === null ? words : { ...words, next: t('againAt', { time: time(problem.againMs) }) });
  return problem => told(problem.words(lang), problem) ?? (problem.code === UNREACHABLE
    ? { title: t('unreachableTitle'), next: t('unreachableNext') }
    : { title: t('oddTitle'), next: t('oddNext') });
}

/** The server's reason in the page's language; the request's number where only the operator can help. */
export function ProblemNotice({ problem, children }: { problem: Problem; children?: ReactNode }) {
  const { t } = useWords(), { title, next } = useProblemWords()(problem), id = problem.document.instance;
  return (
    <Notice kind="bad" title={title} next={next}>
      {problem.status >= 500 && id && <p className="small soft">{t('requestId', { id })}</p>}
      {children}
    </Notice>
  );
}
