/** /admin/margin: what is left of what was sold, by product. */
import { useQuery } from '@tanstack/react-query';
import { useLocation, useSearch } from 'wouter';
import { api, type Schemas } from '../../lib/api';
import { useMoney } from '../../lib/shop';
import { useDay } from '../../lib/time';
import { Select } from '../../ui/field';
import { Empty } from '../../ui/states';
import { useWords } from '../../words';
import { useAdminWords } from '../../words/admin';
import { Loaded, Section, Table } from './parts';

type Row = Schemas['Margin']['items'][number];
type Sold = Row['sold'][number];

const DAYS = [7, 30, 90, 365], MICRO = 1_000_000, REFRESH_MS = 60_000;

const costOf = ({ cost }: Row): number => cost.provider + cost.traffic + cost.storage;
/** Of payments, in millionths of a USD: what is neither cost nor left. */
const feesOf = (row: Row): number => row.revenue - row.margin - costOf(row);

function useUsd(): (micro: number) => string {
  const { locale } = useWords();
  return micro => new Intl.NumberFormat(locale, { style: 'currency', currency: 'USD', minimumFractionDigits: 2, maximumFractionDigits: Math.abs(micro) < MICRO ? 4 : 2 }).format(micro / MICRO);
}

/** What was earned, as one bar: cost, fees, and what is left. Where it costs more than it brings, the bar is what it costs, and a line says where the money ends. */
function Bar({ row }: { row: Row }) {
  const { t } = useAdminWords(), usd = useUsd(), cost = costOf(row), fees = feesOf(row), whole = Math.max(row.revenue, cost + fees), part = (n: number): string => `${whole > 0 ? (Math.max(0, n) / whole) * 100 : 0}%`;
  if (whole <= 0) return null;
  return (
    <div className={`margin-bar ${row.margin < 0 ? 'margin-loss' : ''}`} role="img" aria-label={t('marginBar', { cost: usd(cost), fees: usd(fees), left: usd(row.margin) })}>
      <span className="margin-cost" style={{ width: part(cost) }} /><span className="margin-fees" style={{ width: part(fees) }} />
      {row.margin < 0 ? <span className="margin-end" style={{ left: part(row.revenue) }} /> : <span className="margin-left" style={{ width: part(row.margin) }} />}
    </div>
  );
}

function Products({ items }: { items: Row[] }) {
  const { t } = useAdminWords(), { locale } = useWords(), money = useMoney(), usd = useUsd();
  const each = (row: Row, of: (s: Sold) => number) => (row.sold.length ? <>{row.sold.map(s => <span key={s.currency} className="margin-line">{money(of(s), s.currency)}</span>)}</> : null);
  return (
    <Table caption={t('margin')} items={items} keyOf={r => r.product} columns={[
      { label: t('product'), first: true, of: r => r.product || t('marginNone') },
      { label: t('paidMoney'), number: true, of: r => each(r, s => s.paid) },
      { label: t('backMoney'), number: true, of: r => each(r, s => s.refunded) },
      { label: t('fees'), number: true, of: r => each(r, s => s.fees) },
      { label: t('earned'), number: true, of: r => usd(r.revenue) },
      { label: t('marginCost'), number: true, of: r => usd(costOf(r)) },
      { label: t('marginLeft'), number: true, of: r => <><strong className={r.margin < 0 ? 'error-words' : ''}>{usd(r.margin)}</strong>{r.margin_pm !== null && <span className="margin-line small soft">{(r.margin_pm / 1000).toLocaleString(locale, { style: 'percent', maximumFractionDigits: 1 })}</span>}</> },
      { label: t('marginOf'), wide: true, of: r => <Bar row={r} /> },
    ]} />
  );
}

export function Margin() {
  const { t } = useAdminWords(), words = useWords(), day = useDay(), [at, go] = useLocation(), wish = Number(new URLSearchParams(useSearch()).get('days')), days = DAYS.includes(wish) ? wish : 30;
  const asked = useQuery({ queryKey: ['admin', 'margin', days], queryFn: () => api.get('/v1/admin/margin', { query: { days } }), refetchInterval: REFRESH_MS });
  return (
    <Section title={t('marginTitle')} text={t('marginText')}>
      <div className="find"><Select label={t('marginDays')} value={String(days)} onValue={next => go(`${at}?days=${next}`, { replace: true })}>{DAYS.map(n => <option key={n} value={n}>{words.t('days', { count: n })}</option>)}</Select></div>
      <Loaded asked={asked}>
        {({ from_ms, to_ms, items }) => (items.length ? (
          <>
            <p className="small soft numbers found">{day(from_ms)} – {day(to_ms)}</p>
            <Products items={items} />
            <ul className="disk-key small margin-key">
              <li><span className="key margin-cost" aria-hidden="true" />{t('marginCost')}</li><li><span className="key margin-fees" aria-hidden="true" />{t('fees')}</li><li><span className="key margin-left" aria-hidden="true" />{t('marginLeft')}</li>
            </ul>
          </>
        ) : <Empty inside icon="frame" title={t('marginNothing')} text={t('marginNothingText')} />)}
      </Loaded>
    </Section>
  );
}
