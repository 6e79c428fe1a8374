/** /admin/codes: codes are made here, handed out as text or as a table, and switched off. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useRef, useState, type FormEvent } from 'react';
import { api, asProblem, type Schemas } from '../../lib/api';
import { useText } from '../../lib/app-context';
import { newKey, useMoney, useShop, type Currency, type Plan } from '../../lib/shop';
import { useDay } from '../../lib/time';
import { Button } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import { Field, Select } from '../../ui/field';
import { Notice, ProblemNotice } from '../../ui/notice';
import { Empty } from '../../ui/states';
import { useWords } from '../../words';
import { useAdminWords, type AdminKey } from '../../words/admin';
import { minorOf } from './decide';
import { Badge, CopyButton, Loaded, Section, Table } from './parts';

type Code = Schemas['CodeList']['items'][number];
type Kind = Code['kind'];
interface Batch { id: string; codes: Code[]; first: Code; uses: number }

const PAGE = 1000, PAGES = 20;        // that the server gives at once, and that are asked for
const DAY_MS = 86_400_000, KINDS = { credits: 'codeCredits', plan: 'codePlan', percent: 'codePercent', amount: 'codeAmount' } as const satisfies Record<Kind, AdminKey>;

async function allCodes(): Promise<{ batches: Batch[]; cut: boolean }> {
  const codes: Code[] = [];
  let after: string | undefined, n = 0;
  do {
    const { items } = await api.get('/v1/admin/codes', { query: after === undefined ? {} : { after } });
    codes.push(...items);
    after = items.length < PAGE ? undefined : items[items.length - 1]?.code;
  } while (after !== undefined && ++n < PAGES);
  const by = new Map<string, Code[]>();
  for (const code of codes) by.set(code.batch, [...(by.get(code.batch) ?? []), code]);
  const batches = [...by].flatMap(([id, all]) => (all[0] ? [{ id, codes: all, first: all[0], uses: all.reduce((sum, c) => sum + c.uses, 0) }] : []));
  return { batches: batches.sort((a, b) => (a.id < b.id ? 1 : -1)), cut: after !== undefined };      // ids grow with time
}

/** A cell of CSV; a table calculates with what begins like a formula, so that is kept from it. */
function cell(value: string | number | boolean): string {
  const text = String(value), safe = typeof value === 'string' && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
}

const asText = (codes: Code[]): string => codes.map(c => c.code).join('\n');

function asTable(codes: Code[]): string {
  const time = (ms: number): string => (ms ? new Date(ms).toISOString() : '');
  const rows = codes.map(c => [c.code, c.kind, c.amount, c.currency, c.plan, c.uses, c.uses_max, time(c.starts_ms), time(c.ends_ms), c.disabled, c.note]);
  return [['code', 'kind', 'amount', 'currency', 'plan', 'uses', 'uses_max', 'starts', 'ends', 'disabled', 'note'], ...rows].map(row => row.map(cell).join(',')).join('\r\n') + '\r\n';
}

function save(codes: Code[], name: string): void {
  const url = URL.createObjectURL(new Blob(['\ufeff', asTable(codes)], { type: 'text/csv' })), link = document.createElement('a');      // the mark tells Excel that it is UTF-8
  link.href = url;
  link.download = `${name}.csv`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

function Take({ codes, name }: { codes: Code[]; name: string }) {
  return <><CopyButton text={asText(codes)} label={'codesCopy'} /><Button kind="quiet" icon="download" onClick={() => save(codes, name)}>CSV</Button></>;
}

/** What one is worth. */
function useWorth(): (code: Code) => string {
  const { t } = useAdminWords(), words = useWords(), money = useMoney(), text = useText(), plans = useShop().data?.plans;
  const named = (name: string): string => { const plan = plans?.find(p => p.plan === name); return plan ? text(plan.title) : name; };
  return c => {
    if (c.kind === 'credits') return words.t('credits', { count: c.amount });
    if (c.kind === 'plan') return named(c.plan);
    const off = c.kind === 'percent' ? t('codeLessPercent', { n: c.amount }) : t('codeLess', { money: money(c.amount, c.currency || 'CNY') });
    return c.plan ? `${off} (${named(c.plan)})` : off;
  };
}

// ---- make ----
/** The end of that day, here; null: no day. */
function endOf(day: string): number | null {
  const ms = new Date(`${day}T23:59:59.999`).getTime();
  return /^\d{4}-\d\d-\d\d$/.test(day) && Number.isFinite(ms) ? ms : null;
}
function dayIn(days: number): string {
  const d = new Date(Date.now() + days * DAY_MS), two = (n: number): string => String(n).padStart(2, '0');
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`;
}
const whole = (text: string, min: number, max: number): number | null => (/^\d{1,9}$/.test(text.trim()) && Number(text) >= min && Number(text) <= max ? Number(text) : null);

/** What is typed; a word of one's own makes one code. */
interface Form { kind: Kind; amount: string; currency: Currency; plan: string; days: string; count: string; word: string; uses: string; until: string; note: string }
const START = (): Form => ({ kind: 'credits', amount: '', currency: 'CNY', plan: '', days: '30', count: '1', word: '', uses: '1', until: dayIn(30), note: '' });

type Wish = Parameters<typeof make>[0];
const make = (body: { kind: Kind; ends_ms: number; uses_max: number; amount?: number; currency?: Currency; plan?: string; valid_days?: number; count?: number; code?: string; note?: string }, key: string) => api.post('/v1/admin/codes', { body, key });

/** null: something is missing, or out of its range. */
function wishOf(f: Form): Wish | null {
  const ends_ms = endOf(f.until), uses_max = whole(f.uses, 0, 100_000_000), count = whole(f.count, 1, 1000), days = whole(f.days, 1, 3650), word = f.word.trim();
  const amount = f.kind === 'plan' ? 0 : f.kind === 'amount' ? minorOf(f.amount) : whole(f.amount, 1, f.kind === 'percent' ? 100 : 100_000_000);
  if (ends_ms === null || ends_ms <= Date.now() || uses_max === null || amount === null || (f.kind !== 'plan' && amount < 1) || (f.kind === 'plan' && !f.plan) || (f.kind === 'credits' && days === null)) return null;
  if (word ? word.length < 4 : count === null) return null;
  return {
    kind: f.kind, ends_ms, uses_max, ...(f.kind === 'plan' ? {} : { amount }), ...(f.kind === 'amount' ? { currency: f.currency } : {}), ...(f.kind !== 'credits' && f.plan ? { plan: f.plan } : {}),
    ...(f.kind === 'credits' && days ? { valid_days: days } : {}), ...(word ? { code: word } : { count: count ?? 1 }), ...(f.note.trim() ? { note: f.note.trim() } : {}),
  };
}

const WORTH = { credits: 'codeWorthCredits', percent: 'codeWorthPercent', amount: 'codeWorthAmount' } as const satisfies Record<Exclude<Kind, 'plan'>, AdminKey>;

function Fields({ form, set, plans }: { form: Form; set: (more: Partial<Form>) => void; plans: Plan[] }) {
  const { t } = useAdminWords(), text = useText(), { kind } = form;
  return (
    <div className="code-fields">
      <Select label={t('kind')} value={kind} onValue={value => set({ kind: value as Kind, amount: '' })}>{(Object.keys(KINDS) as Kind[]).map(k => <option key={k} value={k}>{t(KINDS[k])}</option>)}</Select>
      {kind !== 'plan' && <Field label={t(WORTH[kind])} name="amount" inputMode={kind === 'amount' ? 'decimal' : 'numeric'} autoComplete="off" value={form.amount} onValue={amount => set({ amount })} />}
      {kind === 'amount' && <Select label={t('codeCurrency')} value={form.currency} onValue={value => set({ currency: value as Currency })}><option value="CNY">CNY</option><option value="USD">USD</option></Select>}
      {kind === 'credits' && <Field label={t('codeDays')} name="days" inputMode="numeric" autoComplete="off" value={form.days} onValue={days => set({ days })} />}
      {kind !== 'credits' && <Select label={t('plan')} value={form.plan} onValue={plan => set({ plan })}><option value="">{t(kind === 'plan' ? 'codePlanWhich' : 'codePlanAny')}</option>{plans.map(p => <option key={p.plan} value={p.plan}>{text(p.title)}</option>)}</Select>}
      {!form.word.trim() && <Field label={t('codeCount')} hint={t('codeCountHint')} name="count" inputMode="numeric" autoComplete="off" value={form.count} onValue={count => set({ count })} />}
      <Field label={t('codeUses')} hint={t('codeUsesHint')} name="uses" inputMode="numeric" autoComplete="off" value={form.uses} onValue={uses => set({ uses })} />
      <Field label={t('codeUntil')} name="until" type="date" min={dayIn(0)} value={form.until} onValue={until => set({ until })} />
      <Field label={t('codeWord')} hint={t('codeWordHint')} name="word" autoCapitalize="characters" autoComplete="off" spellCheck={false} maxLength={32} value={form.word} onValue={word => set({ word })} />
      <Field label={t('codeNote')} hint={t('codeNoteHint')} name="note" autoComplete="off" maxLength={60} value={form.note} onValue={note => set({ note })} />
    </div>
  );
}

function Make() {
  const { t } = useAdminWords(), cache = useQueryClient(), [form, setForm] = useState(START), last = useRef({ wish: '', key: '' });
  const plans = (useShop().data?.plans ?? []).filter(p => p.kind === 'once' || p.kind === 'pack'), wish = wishOf(form);
  const act = useMutation({
    mutationFn: (want: Wish) => {
      const said = JSON.stringify(want);
      if (last.current.wish !== said) last.current = { wish: said, key: newKey() };        // pressed again after no answer came: the same codes
      return make(want, last.current.key);
    },
    onSuccess: () => {
      last.current = { wish: '', key: '' };
      void cache.invalidateQueries({ queryKey: ['admin', 'codes'] });
    },
  });
  const set = (more: Partial<Form>): void => setForm(was => ({ ...was, ...more })), made = act.data?.items;
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (wish) act.mutate(wish);
  };
  return (
    <Section title={t('codesMake')} text={t('codesMakeText')}>
      <form className="code-form card" onSubmit={submit}>
        <Fields form={form} set={set} plans={plans} />
        <Button type="submit" busy={act.isPending} disabled={!wish}>{t('codesMakeDo')}</Button>
      </form>
      {act.error && <ProblemNotice problem={asProblem(act.error)}>{asProblem(act.error).document.detail && <p className="small soft">{asProblem(act.error).document.detail}</p>}</ProblemNotice>}
      {made && made[0] && (
        <Notice kind="good" title={t('codesMade', { count: made.length })}>
          <pre className="codes-made" tabIndex={0} aria-label={t('codesMade', { count: made.length })} data-testid="codes-made">{asText(made)}</pre>
          <div className="deeds"><Take codes={made} name={made[0].batch} /></div>
        </Notice>
      )}
    </Section>
  );
}

// ---- what there is ----
function Disable({ batch }: { batch: Batch }) {
  const { t } = useAdminWords(), cache = useQueryClient(), [open, setOpen] = useState(false), key = useRef('');
  const act = useMutation({
    mutationFn: () => api.post('/v1/admin/codes/{batch}/disable', { path: { batch: batch.id }, body: {}, key: key.current }),
    onSuccess: () => {
      setOpen(false);
      void cache.invalidateQueries({ queryKey: ['admin', 'codes'] });
    },
  });
  const ask = (): void => {
    key.current = newKey();
    act.reset();
    setOpen(true);
  };
  return (
    <>
      <Button kind="bare" onClick={ask}>{t('codesDisable')}</Button>
      <Dialog open={open} onClose={() => setOpen(false)} title={t('codesDisableSure', { count: batch.codes.length })} text={t('codesDisableText')} actions={(
        <><Button kind="quiet" onClick={() => setOpen(false)}>{t('keep')}</Button><Button kind="danger" busy={act.isPending} onClick={() => act.mutate()}>{t('codesDisableDo')}</Button></>
      )}>
        {act.error && <ProblemNotice problem={asProblem(act.error)} />}
      </Dialog>
    </>
  );
}

function State({ code }: { code: Code }) {
  const { t } = useAdminWords();
  return code.disabled ? <Badge tone="bad">{t('codeOff')}</Badge> : code.ends_ms <= Date.now() ? <Badge tone="calm">{t('codeOver')}</Badge> : <Badge tone="good">{t('codeOn')}</Badge>;
}

function List() {
  const { t } = useAdminWords(), { locale } = useWords(), worth = useWorth(), day = useDay();
  const asked = useQuery({ queryKey: ['admin', 'codes'], queryFn: allCodes }), number = (n: number): string => n.toLocaleString(locale);
  const name = ({ codes, first }: Batch): string => (codes.length === 1 ? first.code : first.note);
  return (
    <Section title={t('codesAll')}>
      <Loaded asked={asked}>
        {({ batches, cut }) => (batches.length ? (
          <>
            {cut && <Notice kind="info" title={t('codesCut')} />}
            <Table caption={t('codesAll')} items={batches} keyOf={b => b.id} columns={[
              { label: t('codesBatch'), first: true, of: b => <>{name(b) && <span className={b.codes.length === 1 ? 'id' : ''}>{name(b)}</span>}{b.codes.length === 1 && b.first.note && <span className="setting-help small soft">{b.first.note}</span>}{!name(b) && <span className="id">{b.id}</span>}</> },
              { label: t('codeWorth'), of: b => worth(b.first) },
              { label: t('state'), of: b => <State code={b.first} /> },
              { label: t('codesCount'), number: true, of: b => number(b.codes.length) },
              { label: t('codesUsed'), number: true, of: b => (b.first.uses_max ? t('codesUsedOf', { n: number(b.uses), all: number(b.codes.length * b.first.uses_max) }) : number(b.uses)) },
              { label: t('codeUntil'), of: b => day(b.first.ends_ms) },
              { label: t('codesTake'), wide: true, of: b => <div className="deeds codes-deeds"><Take codes={b.codes} name={b.id} />{!b.first.disabled && <Disable batch={b} />}</div> },
            ]} />
          </>
        ) : <Empty inside icon="heart" title={t('codesNone')} text={t('codesNoneText')} />)}
      </Loaded>
    </Section>
  );
}

export function Codes() {
  return <><Make /><List /></>;
}
