/** What the sections have in common: tables that become cards, badges, things to copy, spans of time, what stands there while waiting. */
import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query';
import { useEffect, useState, type FormEvent, type ReactNode } from 'react';
import { asProblem } from '../../lib/api';
import { useDate, useNow, useSpan } from '../../lib/time';
import { Button } from '../../ui/button';
import { Field } from '../../ui/field';
import { Failed } from '../../ui/states';
import { Notice } from '../../ui/notice';
import { useWords } from '../../words';
import { useAdminWords, type AdminKey } from '../../words/admin';

export type Tone = 'good' | 'bad' | 'busy' | 'wait' | 'calm';

export function Badge({ tone, children }: { tone: Tone; children: ReactNode }) {
  return <span className={`badge badge-${tone}`}>{children}</span>;
}

/** A value that stands in a column, null for nothing; numbers to the right. */
export interface Column<T> { label: string; of: (item: T) => ReactNode; number?: boolean; /** The first line of the card on a phone. */ first?: boolean; wide?: boolean }

/** A table on a desk, cards on a phone, without what is nothing. The roles stay said, because `display` takes them away. */
export function Table<T>({ caption, columns, items, keyOf }: { caption: string; columns: readonly Column<T>[]; items: readonly T[]; keyOf: (item: T) => string }) {
  const { t } = useAdminWords();
  const look = (c: Column<T>): string => [c.number ? 'numbers cell-number' : '', c.first ? 'cell-first' : '', c.wide ? 'cell-wide' : ''].filter(Boolean).join(' ');
  return (
    <div className="table-room">
      <table className="table" role="table">
        <caption className="unseen">{caption}</caption>
        <thead role="rowgroup"><tr role="row">{columns.map(c => <th key={c.label} role="columnheader" scope="col" className={look(c)}>{c.label}</th>)}</tr></thead>
        <tbody role="rowgroup">
          {items.map(item => (
            <tr key={keyOf(item)} role="row">
              {columns.map(c => {
                const value = c.of(item);
                return <td key={c.label} role="cell" data-label={c.label} className={`${look(c)}${value === null ? ' cell-none' : ''}`}>{value ?? t('none')}</td>;
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Names and values of one thing; long: the first value needs a line of a phone for itself. */
export function Facts({ items, long }: { items: readonly (readonly [string, ReactNode] | null)[]; long?: boolean }) {
  return <dl className={`facts ${long ? 'facts-long' : ''}`}>{items.filter(i => i !== null).map(([name, value]) => <div key={name}><dt>{name}</dt><dd className="numbers">{value}</dd></div>)}</dl>;
}

export function Section({ title, text, children }: { title: string; text?: string; children: ReactNode }) {
  return <section className="admin-section"><h2>{title}</h2>{text && <p className="soft small">{text}</p>}{children}</section>;
}

export function Bones() {
  const { t } = useWords();
  return <div className="bones" role="status" aria-label={t('loading')}>{[1, 2, 3, 4, 5].map(n => <div key={n} className="bone" />)}</div>;
}

interface Asked<T> { data: T | undefined; error: unknown; isError: boolean; refetch: () => unknown }

/** What was asked for, or why it is not there. What is known stays in sight when asking again fails. */
export function Loaded<T>({ asked, children }: { asked: Asked<T>; children: (data: T) => ReactNode }) {
  const { t } = useAdminWords(), { data } = asked;
  if (data === undefined) return asked.isError ? <Failed problem={asProblem(asked.error)} again={() => void asked.refetch()} /> : <Bones />;
  return <>{asked.isError && <Notice kind="info" icon="clock" title={t('stale')} />}{children(data)}</>;
}

interface Page<T> { items: T[]; next: string | null }

/** Pages of a list, newest first; looked at again every `refresh` ms while somebody sees it. */
export function usePages<T>(key: readonly unknown[], read: (cursor: string | undefined) => Promise<Page<T>>, refresh?: number) {
  const asked = useInfiniteQuery({
    queryKey: ['admin', ...key], initialPageParam: undefined as string | undefined, placeholderData: keepPreviousData, refetchInterval: refresh ?? false,
    queryFn: ({ pageParam }) => read(pageParam), getNextPageParam: page => page.next ?? undefined, select: data => data.pages.flatMap(p => p.items),
  });
  return asked;
}

export function More({ list }: { list: { hasNextPage: boolean; isFetchingNextPage: boolean; fetchNextPage: () => unknown } }) {
  const { t } = useAdminWords();
  return list.hasNextPage ? <div className="more"><Button kind="quiet" busy={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>{t('more')}</Button></div> : null;
}

/** One thing to look for; Enter or the button looks. */
export function Find({ label, hint, value, onFind, children }: { label: string; hint: string; value: string; onFind: (text: string) => void; children?: ReactNode }) {
  const { t } = useAdminWords(), [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    onFind(text.trim());
  };
  return (
    <form className="find" role="search" onSubmit={submit}>
      {children}
      <div className="find-text">
        <Field label={label} hint={hint} type="search" enterKeyHint="search" autoCapitalize="none" spellCheck={false} maxLength={254} value={text} onValue={setText} />
        <Button type="submit" kind="quiet">{t('find')}</Button>
      </div>
    </form>
  );
}

/** Also where the page is not served by https, and browsers hide the clipboard. */
async function copyText(text: string): Promise<void> {
  if (navigator.clipboard as Clipboard | undefined) return navigator.clipboard.writeText(text);
  const area = document.createElement('textarea');
  area.value = text;
  area.className = 'unseen';
  document.body.append(area);
  area.select();
  document.execCommand('copy');
  area.remove();
}

export function CopyButton({ text, label = 'copy' }: { text: string; label?: AdminKey }) {
  const { t } = useAdminWords(), [done, setDone] = useState(false);
  useEffect(() => {
    if (!done) return undefined;
    const timer = setTimeout(() => setDone(false), 2500);
    return () => clearTimeout(timer);
  }, [done]);
  return <Button kind="quiet" icon={done ? 'check' : undefined} onClick={() => void copyText(text).then(() => setDone(true))}><span aria-live="polite">{t(done ? 'copied' : label)}</span></Button>;
}

const KI = 1024, UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

export function useBytes(): (bytes: number) => string {
  const { locale } = useWords();
  return bytes => {
    const step = bytes < 1 ? 0 : Math.min(Math.floor(Math.log(bytes) / Math.log(KI)), UNITS.length - 1), n = bytes / KI ** step;
    return `${n.toLocaleString(locale, { maximumFractionDigits: n < 10 && step ? 1 : 0 })} ${UNITS[step] ?? ''}`;
  };
}

/** 840 ms is "0.84 s", three minutes are "3 min 5 s". */
export function useTook(): (ms: number) => string {
  const { t } = useAdminWords(), { locale } = useWords(), span = useSpan();
  return ms => (ms < 60_000 ? t('seconds', { n: (Math.max(0, ms) / 1000).toLocaleString(locale, { maximumFractionDigits: ms < 1000 ? 2 : ms < 10_000 ? 1 : 0 }) }) : span(ms));
}

/** How long ago, or in how long; the date for who points at it. */
export function When({ ms }: { ms: number | null | undefined }) {
  const { t } = useAdminWords(), now = useNow(10_000), took = useTook(), date = useDate();
  if (!ms) return <>{t('none')}</>;
  const left = ms - now;
  return <time dateTime={new Date(ms).toISOString()} title={date(ms)}>{Math.abs(left) < 10_000 ? t('justNow') : t(left > 0 ? 'inTime' : 'ago', { time: took(Math.round(Math.abs(left) / 1000) * 1000) })}</time>;
}
