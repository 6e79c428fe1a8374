/**
 * Who is here. Nobody, until something is worth keeping: the first photo makes a guest. The cookie itself cannot be read, so a mark
 * remembers that there is one, and pages that nobody has to sign in for ask nothing of the server.
 */
import { useQuery, useQueryClient, type QueryClient, type UseQueryResult } from '@tanstack/react-query';
import { useEffect, useSyncExternalStore } from 'react';
import { api, onWaiting, Problem, waitingNow, type Schemas, type Waiting } from './api';

const MARK = 'zt-session', CHANGED = 'zt-changed', PERSON = 'zt-person';
const RENEW_MS = 12 * 60_000, MOVING_MS = 1_000, MOVING_MAX_MS = 30_000;      // a move waits for the guest's task: seconds, or hours
type Kind = 'guest' | 'person';

export type Me = Schemas['Me'];

const hearers = new Set<() => void>();

/** over: a person's session has ended, and they have not said yet that they go on without it. */
type Stored = Kind | 'over' | null;

const memory = new Map<string, string>();        // for a browser that lets nothing be stored: as long as the page lives
function stored(key: string): string | null {
  try { return localStorage.getItem(key) ?? memory.get(key) ?? null; } catch { return memory.get(key) ?? null; }
}
function store(key: string, value: string | null): void {
  memory.delete(key);
  try {
    if (value) localStorage.setItem(key, value);
    else localStorage.removeItem(key);
  } catch { if (value) memory.set(key, value); }
}

const isOver = (): boolean => stored(MARK) === 'over';
function mark(): Kind | null {
  const now = stored(MARK) as Stored;
  return now === 'over' ? null : now;
}
function setMark(kind: Stored): void {
  if (kind === stored(MARK)) return;
  store(MARK, kind);
  for (const hear of hearers) hear();
}
function onMark(hear: () => void): () => void {
  hearers.add(hear);
  return () => { hearers.delete(hear); };
}
/** Who is here, as far as this device knows. */
export const useKind = (): Kind | null => useSyncExternalStore(onMark, mark, () => null);
/** A person's session ended here, and they have not gone on without it. */
export const useOver = (): boolean => useSyncExternalStore(onMark, isOver, () => false);
const useKnown = (): boolean => useKind() !== null;

let cache: QueryClient | null = null;
export function bindCache(client: QueryClient): void { cache = client; }

/** Everything that belongs to somebody is asked for anew. */
function somebodyElse(): void {
  void cache?.invalidateQueries();
}

const losers = new Set<() => boolean>();
/** fn is called when a guest's session has ended, and with it what the guest had here: whether it let go of anything. */
export function onLost(fn: () => boolean): void { losers.add(fn); }
const lost = (): boolean => [...losers].map(fn => fn()).some(Boolean);

const enders = new Set<() => void>();
/** fn is called when a person's session has ended, and each time something needs one: they may sign in again. */
export function onOver(fn: () => void): void { enders.add(fn); }

/** True once this page wanted a session of its own: then a lost guest's session is replaced by a new one. */
let wanted = false;
let starting: Promise<void> | null = null;

const nobody = (): Problem => new Problem({ code: 'unauthenticated', status: 401 });

/** A person's session has ended: nothing of theirs stays in sight, and nobody becomes a guest in their place. */
function over(): void {
  starting = null;
  wanted = false;
  if (!isOver()) {
    setMark('over');
    forgetAnswers();
  }
  for (const fn of enders) fn();
}
function forgetAnswers(): void { void cache?.resetQueries({ predicate: query => query.queryKey[0] !== 'me' }); }

async function start(): Promise<void> {
  const was = mark();
  if (isOver()) {
    over();
    throw nobody();
  }
  try {
    if (was === 'person') await api.renew();        // what begins a session might begin a guest's
    else await api.post('/v1/sessions', { body: {}, again: true });
  } catch (error) {
    if (!(error instanceof Problem && error.status === 401)) throw error;        // the session this device had was ended; its cookies are gone
    if (was !== 'guest') {
      over();
      throw error;
    }
    setMark(null);
    somebodyElse();
    if (lost()) throw error;
    await api.post('/v1/sessions', { body: {}, again: true });
  }
  const fresh = mark() === null;
  if (fresh) setMark('guest');
  if (fresh) somebodyElse();
}

/** A session for what is about to be kept; one that is there is only renewed. */
export function ensureSession(): Promise<void> {
  wanted = true;
  starting ??= start().catch((error: unknown) => {
    starting = null;
    throw error;
  });
  return starting;
}

/** After a 401 that could not be renewed. A person is never turned into a guest behind their back, nor a guest who had photos here into another. */
export async function sessionOver(): Promise<boolean> {
  const was = mark();
  if (was === 'person' || isOver()) {
    over();
    return false;
  }
  setMark(null);
  if (was !== null) somebodyElse();
  if (!wanted || lost()) {
    starting = null;
    wanted = false;
    return false;
  }
  try {
    await start();
    return true;
  } catch { return false; }
}

export function signedIn(kind: Kind): void {
  setMark(kind);
  starting = Promise.resolve();
  wanted = true;
  somebodyElse();
  tellOtherTabs();
}

const leavers = new Set<() => void>();
/** fn is called when whoever was here has left: nothing of theirs stays in the page. */
export function onLeft(fn: () => void): void { leavers.add(fn); }
function left(): void {
  starting = null;
  wanted = false;
  try { sessionStorage.clear(); } catch { /* not allowed: then nothing was kept there */ }
  for (const fn of leavers) fn();
}

export function signedOut(): void {
  person = null;
  store(PERSON, null);
  setMark(null);
  left();
  cache?.clear();
}

const returners = new Set<() => void>();
/** fn is called when the person whose session had ended is here again. */
export function onReturn(fn: () => void): void { returners.add(fn); }

/** The person this page has seen, or an earlier one on this device. Another one, or nobody, may come in another tab, or when a session ends. */
let person: string | null = stored(PERSON);
function personIs(now: string | null): void {
  if (now === null && isOver()) return;        // they may be back
  const before = person;
  person = now;
  store(PERSON, now);
  if (before === now) {
    for (const fn of returners) fn();
  } else if (before !== null) {
    left();
    forgetAnswers();
  }
}

/** Tabs share their cookies: who signs in or out in one does it in all of them. */
export function useOtherTabs(): void {
  useEffect(() => {
    const heard = ({ key, newValue }: StorageEvent): void => {
      if (key === CHANGED) void cache?.invalidateQueries();
      if (key !== MARK) return;
      for (const hear of hearers) hear();
      if (newValue === null) left();
      if (newValue === 'over') over();
      void cache?.resetQueries();
    };
    addEventListener('storage', heard);
    return () => { removeEventListener('storage', heard); };
  }, []);
}

/** What is here was deleted: the other tabs look again. */
export function tellOtherTabs(): void {
  try { localStorage.setItem(CHANGED, String(Date.now())); } catch { /* private mode: they find out when they ask */ }
}

let linkRefusedAt: string | null = null;
/** The demo's link that led to this page opens nothing here. */
export const linkRefused = (): boolean => location.pathname === linkRefusedAt;

/**
 * On the machine that runs the demo, its account is opened by the link that it prints, …#magic=TOKEN, and accepted at once. Nowhere else: such
 * a link could sign somebody in to a stranger's account and make them upload their photos there. /auth asks before it accepts one.
 */
export async function adoptSession(): Promise<void> {
  const token = /^#magic=([\w-]{43})$/.exec(location.hash)?.[1];
  if (!token || location.pathname === '/auth') return;
  history.replaceState(null, '', location.pathname + location.search);
  linkRefusedAt = location.pathname;
  if (!['127.0.0.1', 'localhost', '[::1]'].includes(location.hostname)) return;
  try {
    const { account_kind } = await api.post('/v1/tokens', { body: { token, accept: true } });
    setMark(account_kind === 'guest' ? 'guest' : 'person');
  } catch (error) {
    if (error instanceof Problem && error.status >= 400 && error.status < 500) return;        // used before
  }
  linkRefusedAt = null;
}

/** Nobody is not an error: null. */
export async function orNobody<T>(ask: Promise<T>): Promise<T | null> {
  try {
    return await ask;
  } catch (error) {
    if (error instanceof Problem && error.status === 401) return null;
    throw error;
  }
}

export function useMe(always = false): Me | null | undefined {
  const known = useKnown(), me = useMeQuery(always).data;
  return known || always ? me : null;
}

export function useMeQuery(always = false): UseQueryResult<Me | null> {
  return useQuery({
    queryKey: ['me'], enabled: useKnown() || always, staleTime: 60_000, refetchInterval: query => (query.state.data?.moving ? Math.min(MOVING_MAX_MS, MOVING_MS * 1.5 ** query.state.dataUpdateCount) : false),
    queryFn: async () => {
      const me = await orNobody<Me>(api.get('/v1/me'));
      if (me !== null) setMark(me.kind !== 'guest' ? 'person' : 'guest');
      else if (mark() === 'person') over();
      else if (!isOver()) setMark(null);
      personIs(me !== null && me.kind !== 'guest' ? me.account : null);
      return me;
    },
  });
}

export function useWallet(): Schemas['Wallet'] | null | undefined {
  const known = useKnown(), wallet = useQuery({ queryKey: ['wallet'], enabled: known, queryFn: () => orNobody(api.get('/v1/wallet')) }).data;
  return known ? wallet : null;
}

export function useWaiting(): Waiting | null {
  return useSyncExternalStore(onWaiting, waitingNow, () => null);
}

/** An access token lasts 15 minutes: renewed before that, and when the phone wakes up. */
export function useRenewal(): void {
  const client = useQueryClient();
  useEffect(() => {
    let last = Date.now();
    const look = (): void => {
      if (document.visibilityState !== 'visible' || mark() === null || Date.now() - last < RENEW_MS) return;
      last = Date.now();
      api.renew().catch(() => { void client.invalidateQueries({ queryKey: ['me'] }); });        // that says whether it is over
    };
    const timer = setInterval(look, 60_000);
    document.addEventListener('visibilitychange', look);
    return () => {
      clearInterval(timer);
      document.removeEventListener('visibilitychange', look);
    };
  }, [client]);
}
