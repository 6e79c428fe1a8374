/** When these pictures die, counted down. */
import { useDate, useNow, useSpan } from '../lib/time';
import { useWords } from '../words';
import { Icon } from './icons';

const HOUR = 3_600_000;

export function PrivacyClock({ until }: { until: number }) {
  const { t } = useWords(), now = useNow(until - Date.now() < HOUR ? 1000 : 20_000), span = useSpan(), date = useDate(), left = until - now;
  return (
    <p className="privacy-clock soft small numbers" title={t('clockAt', { date: date(until) })} data-testid="clock">
      <Icon name="clock" size={18} /> {left > 0 ? t('clockIn', { time: span(left) }) : t('clockOver')} <span className="privacy-date">{t('clockAt', { date: date(until) })}</span>
    </p>
  );
}
