/** /admin/memberships: what renews itself, of whom, and until when; one of them with all that was paid for it. Ended here at once, when it must be. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { Link, useLocation, useSearch } from 'wouter';
import { api, asProblem, type Schemas } from '../../lib/api';
import { newKey, useMoney } from '../../lib/shop';
import { useDate } from '../../lib/time';
import { Button } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import { Select } from '../../ui/field';
import { Icon } from '../../ui/icons';
import { ProblemNotice } from '../../ui/notice';
import { Empty } from '../../ui/states';
import { useAdminWords, type AdminKey } from '../../words/admin';
import { Rows } from './orders';
import { Badge, Facts, Find, Loaded, More, Section, Table, usePages, When, type Tone } from './parts';

type Member = Schemas['AdminMembership'];

const REFRESH_MS = 10_000;
const STATES = { active: ['memberActive', 'good'], past_due: ['memberLate', 'bad'], paused: ['memberPaused', 'wait'], ended: ['memberEnded', 'calm'] } as const satisfies Partial<Record<Member['state'], readonly [AdminKey, Tone]>>;
const isKnown = (state: string): state is keyof typeof STATES => state in STATES;
const live = (m: Member): boolean => m.state !== 'ended';

function State({ it }: { it: Member }) {
  const { t } = useAdminWords();
  return (
    <>
      {isKnown(it.state) ? <Badge tone={STATES[it.state][1]}>{t(STATES[it.state][0])}</Badge> : <Badge tone="wait">{it.state}</Badge>}
      {it.ends && live(it) && <> <Badge tone="wait">{t('memberEnds')}</Badge></>}
      {it.change?.state === 'pending' && <> <Badge tone="busy">{t('memberAsked')}</Badge></>}
      {it.test && <> <Badge tone="calm">TEST</Badge></>}
    </>
  );
}

/** When money is due next, and how much; until when it is paid, when none is. */
function Next({ it }: { it: Member }) {
  const { t } = useAdminWords(), money = useMoney();
  if (!live(it)) return <>{t('none')}</>;
  return it.next ? <><When ms={it.next.at_ms} /> · {money(it.next.price_minor, it.currency)}</> : <>{t('memberUntil')} <When ms={it.period_end_ms} /></>;
}

function End({ it }: { it: Member }) {
  const { t } = useAdminWords(), cache = useQueryClient(), [sure, setSure] = useState(false), key = useRef('');
  const end = useMutation({
    mutationFn: () => api.post('/v1/admin/memberships/{id}/end_now', { path: { id: it.id }, body: {}, key: key.current }),
    onSuccess: () => {
      setSure(false);
      void cache.invalidateQueries({ queryKey: ['admin'] });
    },
  });
  const ask = (): void => {
    key.current = newKey();
    end.reset();
    setSure(true);
  };
  if (!live(it) || (it.change?.what === 'end_now' && it.change.state === 'pending')) return null;
  return (
    <div className="deeds">
      <Button kind="quiet" onClick={ask}>{t('memberEndNow')}</Button>
      <Dialog open={sure} onClose={() => setSure(false)} title={t('memberEndSure')} text={t('memberEndText')}
        actions={<><Button kind="quiet" onClick={() => setSure(false)}>{t('keep')}</Button><Button kind="danger" busy={end.isPending} onClick={() => end.mutate()}>{t('memberEndNow')}</Button></>}>
        {end.error && <ProblemNotice problem={asProblem(end.error)} />}
      </Dialog>
    </div>
  );
}

export function Memberships() {
  const { t } = useAdminWords(), money = useMoney(), [at, go] = useLocation(), search = new URLSearchParams(useSearch()), state = search.get('state') ?? '', account = search.get('account') ?? '';
  const filter = { ...(state ? { state } : {}), ...(account ? { account } : {}) };
  const list = usePages(['memberships', filter], cursor => api.get('/v1/admin/memberships', { query: { limit: 50, ...filter, ...(cursor ? { cursor } : {}) } }), REFRESH_MS);
  const find = (next: { state?: string; account?: string }): void => {
    const query = new URLSearchParams(Object.entries({ state, account, ...next }).filter(([, value]) => value)).toString();
    go(query ? `${at}?${query}` : at, { replace: true });
  };
  return (
    <>
      <p className="soft lead">{t('membershipsText')}</p>
      <Find label={t('account')} hint={t('memberFindHint')} value={account} onFind={text => find({ account: text })}>
        <Select label={t('state')} value={state} onValue={value => find({ state: value })}><option value="">{t('all')}</option>{(Object.keys(STATES) as (keyof typeof STATES)[]).map(s => <option key={s} value={s}>{t(STATES[s][0])}</option>)}</Select>
      </Find>
      <Loaded asked={list}>
        {items => (items.length ? (
          <>
            <Table caption={t('memberships')} items={items} keyOf={m => m.id} columns={[
              { label: t('membership'), first: true, of: m => <Link href={`/admin/memberships/${m.id}`} className="id">{m.id}</Link> },
              { label: t('state'), of: m => <State it={m} /> },
              { label: t('plan'), of: m => m.plan },
              { label: t('price'), number: true, of: m => money(m.price_minor, m.currency) },
              { label: t('memberNext'), of: m => <Next it={m} /> },
              { label: t('provider'), of: m => m.provider },
              { label: t('account'), of: m => <Link href={`/admin/accounts/${m.account}`} className="id">{m.account}</Link> },
              { label: t('decide'), wide: true, of: m => (live(m) ? <End it={m} /> : null) },
            ]} /><More list={list} />
          </>
        ) : <Empty inside icon="frame" title={t(state || account ? 'memberNoMatch' : 'membershipsNone')} />)}
      </Loaded>
    </>
  );
}

function Payments({ id }: { id: string }) {
  const { t } = useAdminWords(), list = usePages(['payments', id], cursor => api.get('/v1/admin/memberships/{id}/orders', { path: { id }, query: { limit: 50, ...(cursor ? { cursor } : {}) } }), REFRESH_MS);
  return <Rows deciding list={list} caption={t('memberPayments')} none={<p className="soft">{t('none')}</p>} />;
}

export function OneMembership({ id }: { id: string }) {
  const { t } = useAdminWords(), date = useDate(), money = useMoney(), asked = useQuery({ queryKey: ['admin', 'membership', id], refetchInterval: REFRESH_MS, queryFn: () => api.get('/v1/admin/memberships/{id}', { path: { id } }) });
  return (
    <>
      <Link href="/admin/memberships" className="back-link"><Icon name="back" size={18} /> {t('backTo')}</Link>
      <Loaded asked={asked}>
        {it => (
          <>
            <div className="one-top"><h2 className="id">{it.id}</h2><State it={it} /></div>
            <End it={it} />
            <Facts items={[
              [t('account'), <Link href={`/admin/accounts/${it.account}`} className="id">{it.account}</Link>], [t('plan'), it.plan], [t('price'), money(it.price_minor, it.currency)], [t('credits'), it.credits],
              [t('memberNext'), <Next it={it} />], [t('memberUntil'), date(it.period_end_ms)], it.grace_until_ms ? [t('memberGrace'), date(it.grace_until_ms)] : null, [t('provider'), it.provider],
              [t('memberRef'), <span className="id">{it.provider_ref}</span>], it.change ? [t('memberChange'), [it.change.what, it.change.plan, it.change.state, it.change.detail].filter(Boolean).join(': ')] : null, [t('created'), date(it.created_ms)],
            ]} />
            <Section title={t('memberPayments')} text={t('memberPaymentsText')}><Payments id={id} /></Section>
          </>
        )}
      </Loaded>
    </>
  );
}
