/** `/`: what one gets here, seen before it is read. The first screen is also written by the server (prerender.tsx). */
import { useEffect, useState } from 'react';
import { useBoot, useText } from '../lib/app-context';
import type { Example } from '../lib/boot';
import { useTitle } from '../lib/title';
import { ButtonLink } from '../ui/button';
import { Icon, type IconName } from '../ui/icons';
import { useWords, type Key } from '../words';
import './landing.css';

const STEPS: [Key, Key, IconName][] = [
  ['how1', 'how1Text', 'people'], ['how2', 'how2Text', 'image'], ['how3', 'how3Text', 'shield'], ['how4', 'how4Text', 'clock'], ['how5', 'how5Text', 'heart'],
];
const PROMISES: [Key, Key, IconName][] = [
  ['promise1', 'promise1Text', 'clock'], ['promise2', 'promise2Text', 'shield'], ['promise3', 'promise3Text', 'check'],
];

/** Where a Chinese heading may break, said to WebKit, too; add_clauses() of src/api/pages.c writes the same. */
const clauses = (heading: string): string => heading.replace(/，/g, '，\u200b');

function Hero({ example }: { example: Example | undefined }) {
  const { t } = useWords(), text = useText(), { product } = useBoot();
  return (
    <section className="hero width">
      <div className="hero-words">
        <h1>{clauses(text(product.tagline))}</h1>
        <p className="hero-lead soft">{text(product.lead)}</p>
        <div className="hero-act">
          <ButtonLink href="/new" big icon="people">{t('start')}</ButtonLink>
          <span className="soft small">{t('startHint')}</span>
        </div>
      </div>
      {example && (
        <figure className="hero-picture">
          <div className="hero-after"><img src={example.after} alt={text(example.alt)} width="960" height="640" /></div>
          <div className="hero-before">
            <img src={example.before[0]} alt="" width="160" height="160" />
            <Icon name="plus" size={20} />
            <img src={example.before[1]} alt="" width="160" height="160" />
          </div>
        </figure>
      )}
    </section>
  );
}

function Gallery({ examples }: { examples: Example[] }) {
  const { t } = useWords(), text = useText();
  if (!examples.length) return null;
  return (
    <section className="band">
      <div className="width">
        <h2>{t('examplesTitle')}</h2>
        <p className="soft">{t('examplesText')}</p>
        <ul className="gallery">
          {examples.map(example => (
            <li key={example.after} className="example card">
              <img className="example-after" src={example.after} alt="" width="960" height="640" loading="lazy" />
              <div className="example-row">
                {example.before.map((src, n) => <img key={src} src={src} alt={`${t('exampleBefore')} ${n + 1}`} width="160" height="160" loading="lazy" />)}
                <span className="soft small">{text(example.alt)}</span>
              </div>
            </li>
          ))}
        </ul>
      </div>
    </section>
  );
}

/** All below the first screen comes with the script. */
function Rest({ examples }: { examples: Example[] }) {
  const { t } = useWords();
  return (
    <>
      <section className="width how">
        <h2>{t('howTitle')}</h2>
        <ol className="how-list">
          {STEPS.map(([title, text, icon], n) => (
            <li key={title}>
              <span className="how-number numbers">{n + 1}</span>
              <div><h3><Icon name={icon} /> {t(title)}</h3><p className="soft">{t(text)}</p></div>
            </li>
          ))}
        </ol>
      </section>
      <Gallery examples={examples} />
      <section className="width promises">
        <h2>{t('promiseTitle')}</h2>
        <ul>
          {PROMISES.map(([title, text, icon]) => <li key={title}><span className="promise-icon"><Icon name={icon} size={26} /></span><h3>{t(title)}</h3><p className="soft">{t(text)}</p></li>)}
        </ul>
      </section>
      <section className="width closing">
        <h2>{t('ctaTitle')}</h2>
        <ButtonLink href="/new" big icon="people">{t('start')}</ButtonLink>
      </section>
    </>
  );
}

export function Landing() {
  const { product } = useBoot(), [more, setMore] = useState(false);
  useEffect(() => setMore(true), []);
  useTitle(null);
  return (
    <>
      <Hero example={product.examples[0]} />
      {more && <Rest examples={product.examples.slice(1)} />}
    </>
  );
}
