/** How a photo should be, and four ways it should not, drawn: people look before they read. */
import { Icon } from '../../ui/icons';
import { useWords, type Key } from '../../words';

type Fault = 'blurred' | 'turned' | 'cut' | 'shade';
const FAULTS: [Fault, Key][] = [['blurred', 'badBlurred'], ['turned', 'badTurned'], ['cut', 'badCut'], ['shade', 'badShade']];

/** On a grid of 60 x 68; colours in new.css. */
function Portrait({ fault }: { fault?: Fault }) {
  const profile = fault === 'turned';
  return (
    <svg className="portrait" viewBox="0 0 60 68" aria-hidden="true">
      {fault === 'blurred' && <filter id="out-of-focus"><feGaussianBlur stdDeviation="2.4" /></filter>}
      <g transform={fault === 'cut' ? 'translate(-9 -31) scale(1.3)' : undefined} filter={fault === 'blurred' ? 'url(#out-of-focus)' : undefined}>
        {!profile && <path className="portrait-hair" d="M16 34c-3-18 3-25 14-25s17 7 14 25z" />}
        <path className="portrait-clothes" d="M4 80V68c1-15 10-21 26-21s25 6 26 21v12z" />
        <path className="portrait-skin" d={profile ? 'M25 38h10v9c0 5-10 5-10 0z' : 'M25 40h10v8c0 5-10 5-10 0z'} />
        {profile
          ? <><path className="portrait-skin" d="M38 15c2 3 2 6 2 9l4 6-3 2c0 6-1 10-5 10-7 0-14-4-14-15s8-15 16-12z" /><path className="portrait-hair" d="M40 20c-8-1-11 3-10 10l-5 2-2 7c-8-6-10-28 6-30 6-1 10 5 11 11z" /><path className="portrait-line" d="M36.500 24.500h2M37 35.500c1 .6 2 .6 3.200.1" /></>
          : <><ellipse className="portrait-skin" cx="30" cy="29" rx="11.500" ry="14" /><path className="portrait-hair" d="M18 28c-1-12 5-16 12-16s13 4 12 16c-3-3-5-6-6-9-4 4-11 5-15 4-1 2-2 3-3 5z" /><path className="portrait-line" d="M25 29.500h.01M35 29.500h.01M26.500 36.500c2 2 5 2 7 0" /></>}
      </g>
      {fault === 'shade' && <path className="portrait-shade" d="M30 0h30v68H30z" />}
    </svg>
  );
}

export function GoodPhotos() {
  const { t } = useWords();
  return (
    <ul className="good" aria-label={t('goodPhoto')}>
      <li className="good-like"><span className="good-picture"><Portrait /><span className="good-badge"><Icon name="check" size={14} /></span></span><span className="good-name">{t('goodLike')}</span></li>
      {FAULTS.map(([fault, key]) => <li key={fault}><span className="good-picture"><Portrait fault={fault} /><span className="good-badge"><Icon name="close" size={14} /></span></span><span className="good-name">{t(key)}</span></li>)}
    </ul>
  );
}
