/** Accounts over HTTP. */
import { api } from './api';

export interface Device { id: string; current: boolean; created_ms: number; seen_ms: number; label: string; address: string }
export type MailKind = 'confirm' | 'reset' | 'magic';
/** Two letters, or empty: anywhere. */
export type Region = 'CN' | '';

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
