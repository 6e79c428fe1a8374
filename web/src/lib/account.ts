/** Accounts over HTTP. */
import { api } from './api';

export interface Device { id: string; current: boolean; created_ms: number; seen_ms: number; label: string; address: string }
export type MailKind = 'confirm' | 'reset' | 'magic';
/** Two letters, or empty: anywhere. */
export type Region = 'CN' | '';

/** Only addresses of our own are gone on to. */
const isOurs = (path: string): boolean => /^\/(?!\/)[\w/?=&-]*$/.test(path);
export const ourPath = (path: string | null): string => (path !== null && isOurs(path) ? path : '/me');

/** Where a mail's link goes on to: it opens in a tab that knows nothing of this one. Good for a day, and once. */
const NEXT = 'zt-next', NEXT_MS = 86_400_000;
export function keepNext(path: string): void {
  try {
    if (path === '/me') localStorage.removeItem(NEXT);
    else localStorage.setItem(NEXT, `${Date.now()} ${path}`);
  } catch { /* not allowed: then it leads to the pictures */ }
}
export function takeNext(): string {
  try {
    const [at = '', path = ''] = (localStorage.getItem(NEXT) ?? '').split(' ');
    localStorage.removeItem(NEXT);
    return Date.now() - Number(at) < NEXT_MS ? ourPath(path) : '/me';
  } catch { return '/me'; }
}

const body = (value: unknown): { body: unknown } => ({ body: value });

export const account = {
  signIn: (email: string, password: string) => api.send<unknown>('POST', '/v1/sessions/password', body({ email, password })),
  signUp: (email: string, password: string, lang: string) => api.send<unknown>('POST', '/v1/accounts', body({ email, password, lang })),
  mail: (email: string, kind: MailKind, lang: string) => api.send<unknown>('POST', '/v1/mails', body({ email, kind, lang })),
  useToken: (token: string, how: { password?: string; accept?: true } = {}) => api.send<{ kind: MailKind; account_kind: string }>('POST', '/v1/tokens', body({ token, ...how })),
  signOut: () => api.send<unknown>('DELETE', '/v1/sessions'),
  devices: () => api.send<{ items: Device[] }>('GET', '/v1/sessions'),
  endDevice: (id: string) => api.send<unknown>('DELETE', '/v1/sessions/{id}', { path: { id } }),
  endAll: () => api.send<unknown>('POST', '/v1/sessions/end-all', body({})),
  changePassword: (old: string, next: string) => api.send<unknown>('PUT', '/v1/me/password', body({ old, new: next })),
  change: (what: { name?: string; lang?: string; region?: Region }) => api.send<unknown>('PATCH', '/v1/me', body(what)),
};
