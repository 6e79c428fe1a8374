/** Dates, numbers and spans of time in the page's language. */
import { useEffect, useState } from 'react';
import { useWords } from '../words';

/** The time now, again every `ms`; it stands still while nobody looks. */
export function useNow(ms: number): number {
  const [now, set] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => { if (document.visibilityState === 'visible') set(Date.now()); }, ms);
    return () => clearInterval(timer);
  }, [ms]);
  return now;
}

/** A date, or a time of day, is one word: it never breaks at the end of a line. Between the two it may. */
const whole = (date: string): string => date.replace(/\s/g, '\u00a0').replace(/[年月日]/g, '\u2060$&\u2060');

export function useDate(): (ms: number) => string {
  const { locale } = useWords();
  return ms => {
    const at = new Date(ms), day = at.toLocaleDateString(locale, { dateStyle: 'medium' }), time = at.toLocaleTimeString(locale, { timeStyle: 'short' });
    return at.toLocaleString(locale, { dateStyle: 'medium', timeStyle: 'short' }).replace(day, whole(day)).replace(time, whole(time));
  };
}

/** The day alone: of what is far. */
export function useDay(): (ms: number) => string {
  const { locale } = useWords();
  return ms => whole(new Date(ms).toLocaleDateString(locale, { dateStyle: 'medium' }));
}

/** The time of day alone: of something that is near. */
export function useTime(): (ms: number) => string {
  const { locale } = useWords();
  return ms => new Date(ms).toLocaleTimeString(locale, { timeStyle: 'short' });
}

const MINUTE = 60_000, HOUR = 60 * MINUTE, DAY = 24 * HOUR;

/** To the nearest day: what is kept for 30 days says 30 at first. */
export const daysIn = (ms: number): number => Math.max(1, Math.round(ms / DAY));

/** "23 h 14 min", as exact as it matters. */
export function useSpan(): (ms: number) => string {
  const { t } = useWords();
  return ms => {
    if (ms >= 2 * DAY) return t('days', { count: daysIn(ms) });
    if (ms >= HOUR) return t('hoursMinutes', { h: Math.floor(ms / HOUR), m: Math.floor((ms % HOUR) / MINUTE) });
    return t('minutesSeconds', { m: Math.floor(ms / MINUTE), s: Math.floor((ms % MINUTE) / 1000) });
  };
}
