/** What is sold and what was bought: plans, ways to pay, orders, and what one may do by them. */
import { useQuery, useQueryClient, type UseQueryResult } from '@tanstack/react-query';
import { useCallback, useSyncExternalStore } from 'react';
import { api, asProblem, type Schemas } from './api';
import { orNobody, useKind, useMe } from './session';
import { useWords } from '../words';

export type Plan = Schemas['Plan'];
export type Way = Schemas['PayWay'];
export type Shop = Schemas['PlanList'];
export type Mine = Schemas['May'];
export type Currency = keyof Plan['price'];
export type Scene = Way['scenes'][number];
export type Refund = Schemas['Refund'];
export type Order = Schemas['Order'];
/** What to do next: go there, draw it, or call the app that this browser is part of. */
export type Start = Schemas['OrderStart'];

export const shop = {
  order: ({ plan, currency, provider, code, key }: Intent) => api.post('/v1/orders', { body: { plan, currency, provider, ...(code ? { code } : {}) }, key }),
  get: (id: string) => api.get('/v1/orders/{id}', { path: { id } }),
  list: (cursor: string | undefined) => api.get('/v1/orders', { query: { limit: 20, ...(cursor ? { cursor } : {}) } }),
  paidFor: (id: string, cursor: string | undefined) => api.get('/v1/memberships/{id}/orders', { path: { id }, query: { limit: 20, ...(cursor ? { cursor } : {}) } }),
  start: async (id: string, scene: Scene) => {
    const start = await api.post('/v1/orders/{id}/start', { path: { id }, body: { scene }, again: true }), intent = intentNow();
    if (intent?.order === id) keepIntent({ ...intent, unshown: false });
    return start;
  },
  check: (id: string) => api.post('/v1/orders/{id}/check', { path: { id }, body: {}, again: true }),
  cancel: (id: string) => api.post('/v1/orders/{id}/cancel', { path: { id }, body: {}, again: true }),
  refund: (id: string, reason: string, key: string) => api.post('/v1/orders/{id}/refund', { path: { id }, body: reason ? { reason } : {}, key }),
};

const FRESH = 60_000;

export function useShop(): UseQueryResult<Shop> {
  return useQuery({ queryKey: ['plans'], staleTime: 10 * FRESH, queryFn: () => api.get('/v1/plans') });
}

/** What who is here may do now; null: nobody is here. */
export function useMine(enabled = true): UseQueryResult<Mine | null> {
  const known = useKind() !== null;
  return useQuery({ queryKey: ['may'], enabled: enabled && known, queryFn: () => orNobody(api.get('/v1/me/may')) });
}

/** After money or credits have moved: everything that names them is asked for again. */
export function useMoved(): () => void {
  const cache = useQueryClient();
  return useCallback(() => {
    for (const key of ['wallet', 'may', 'orders', 'entries', 'order', 'memberships']) void cache.invalidateQueries({ queryKey: [key] });
  }, [cache]);
}

// ---- money ----
export function useMoney(): (minor: number, currency: string) => string {
  const { locale } = useWords();
  return (minor, currency) => {
    const form = new Intl.NumberFormat(locale, { style: 'currency', currency }), digits = form.resolvedOptions().maximumFractionDigits ?? 2;
    return form.format(minor / 10 ** digits);
  };
}

const CURRENCY = 'zt-currency';
const hearers = new Set<() => void>();
const hear = (fn: () => void): (() => void) => {
  hearers.add(fn);
  return () => { hearers.delete(fn); };
};
function byHand(): string | null {
  try { return localStorage.getItem(CURRENCY); } catch { return null; }
}

/** Those that something is sold in, and that somebody takes. */
export function currenciesOf(all: Shop | undefined): Currency[] {
  const paid = (all?.plans ?? []).filter(p => p.kind !== 'free');
  return (['CNY', 'USD'] as const).filter(c => paid.some(p => p.price[c] !== undefined) && all?.ways.some(w => w.currencies.includes(c)));
}

/** What was chosen by hand; else that of the region, or of the language. */
export function useCurrency(all: Shop | undefined): { currency: Currency; choose: (currency: Currency) => void } {
  const chosen = useSyncExternalStore(hear, byHand, () => null), me = useMe(), { lang } = useWords(), there = currenciesOf(all);
  const wish = chosen ?? (me?.region === 'CN' || lang === 'zh' ? 'CNY' : 'USD');
  const choose = (currency: Currency): void => {
    try { localStorage.setItem(CURRENCY, currency); } catch { /* not allowed: asked again next time */ }
    for (const fn of hearers) fn();
  };
  return { currency: there.find(c => c === wish) ?? there[0] ?? 'CNY', choose };
}

// ---- ways to pay ----
const ORDER: Record<Currency, string[]> = { CNY: ['wechat', 'alipay', 'stripe'], USD: ['stripe', 'wechat', 'alipay'] };

/** Those for this plan and currency, the region's own first, test money last. */
export function waysFor(all: Shop, plan: Plan, currency: Currency): Way[] {
  const place = (w: Way): number => { const at = ORDER[currency].indexOf(w.provider); return w.test ? 99 : at < 0 ? 50 : at; };
  return all.ways.filter(w => w.currencies.includes(currency) && (plan.kind !== 'member' || w.members) && sceneOf(w) !== undefined).sort((a, b) => place(a) - place(b));
}

export const inWeChat = (): boolean => /MicroMessenger/i.test(navigator.userAgent);
const onPhone = (): boolean => /Mobi|Android|iPhone|iPad/i.test(navigator.userAgent) || (navigator.maxTouchPoints > 0 && innerWidth < 1000);

/** How this browser can pay that way, the best first. */
function scenesOf(way: Way): Scene[] {
  const wishes: Scene[] = inWeChat() ? (way.provider === 'wechat' ? ['jsapi', 'qr'] : ['h5', 'page', 'qr']) : onPhone() ? ['h5', 'page', 'qr'] : way.provider === 'wechat' ? ['qr', 'page'] : ['page', 'qr', 'h5'];
  return wishes.filter(s => way.scenes.includes(s));
}
export const sceneOf = (way: Way): Scene | undefined => scenesOf(way)[0];

/** Begins to pay; inside WeChat, where the payer may not be known by name yet, with a code to scan instead. */
export async function startBy(order: string, way: Way): Promise<Start> {
  const [first = 'page', second] = scenesOf(way);
  try {
    return await shop.start(order, first);
  } catch (error) {
    if (first !== 'jsapi' || second === undefined || asProblem(error).code !== 'bad_input') throw error;
    return shop.start(order, second);
  }
}

// ---- one intent, one order ----
/** Kept in the tab: pressing twice, a reload or the way back from the provider's page all lead to the same order. */
/** code: makes it cheaper; empty: none. unshown: nobody was told yet where to pay it. */
export interface Intent { plan: string; currency: Currency; provider: string; code: string; key: string; order: string | null; unshown?: boolean }
const INTENT = 'zt-buying';
let kept: Intent | null = null;

export function intentNow(): Intent | null {
  try { return JSON.parse(sessionStorage.getItem(INTENT) ?? 'null') as Intent | null; } catch { return kept; }
}
export function keepIntent(intent: Intent | null): void {
  kept = intent;
  try {
    if (intent) sessionStorage.setItem(INTENT, JSON.stringify(intent));
    else sessionStorage.removeItem(INTENT);
  } catch { /* not allowed: then it lives as long as the page */ }
}
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map(b => b.toString(16).padStart(2, '0')).join('');
}
/** That order is decided: the next one is another. */
export function intentOver(order: string): void {
  if (intentNow()?.order === order) keepIntent(null);
}

// ---- WeChat's own browser ----
interface Bridge { invoke: (what: string, params: unknown, done: (answer: { err_msg: string }) => void) => void }
const bridge = (): Bridge | undefined => (window as unknown as { WeixinJSBridge?: Bridge }).WeixinJSBridge;

/** Calls up WeChat's own sheet. What it says proves nothing: afterwards the truth is asked for. */
export function callWeChat(text: string): Promise<'ok' | 'cancel' | 'fail'> {
  return new Promise(done => {
    const call = (): void => bridge()?.invoke('getBrandWCPayRequest', JSON.parse(text), ({ err_msg }) => done(/:ok$/.test(err_msg) ? 'ok' : /:cancel$/.test(err_msg) ? 'cancel' : 'fail'));
    if (bridge()) call();
    else document.addEventListener('WeixinJSBridgeReady', call, { once: true });
  });
}
