/** Where one is on the way from photos to the chosen picture. */
import { Link } from 'wouter';
import { useWords, type Key } from '../words';
import { Icon } from './icons';
import './steps.css';

const STEPS: Key[] = ['stepPhotos', 'stepStyle', 'stepConfirm', 'stepMaking', 'stepChoose'];

/** at: 0..4. hrefs: of the steps that one can go back to. */
export function Steps({ at, hrefs = [] }: { at: number; hrefs?: (string | undefined)[] }) {
  const { t } = useWords();
  return (
    <nav className="steps" aria-label={t('steps')}>
      <ol>
        {STEPS.map((key, n) => {
          const state = n < at ? 'past' : n === at ? 'here' : 'ahead', href = n < at ? hrefs[n] : undefined;
          const inner = <><span className="steps-dot numbers">{n < at ? <Icon name="check" size={16} /> : n + 1}</span><span className="steps-name">{t(key)}</span></>;
          return (
            <li key={key} className={`steps-${state}`} aria-current={n === at ? 'step' : undefined}>
              {href ? <Link href={href}>{inner}</Link> : <span>{inner}</span>}
            </li>
          );
        })}
      </ol>
      <p className="unseen">{t('stepOf', { n: at + 1, all: STEPS.length, name: t(STEPS[at] ?? 'stepPhotos') })}</p>
    </nav>
  );
}
