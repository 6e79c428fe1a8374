/**
 * A typed client of the HTTP API. Paths, bodies and answers come from schema.d.ts, which is made from /openapi.json.
 */
import { Problem, UNREACHABLE } from './problem.js';
import { Renewal } from './session.js';
import { watch, type Watching } from './watch.js';
import type { components, paths } from './schema.js';

export { Problem, UNREACHABLE } from './problem.js';
export type { ProblemDocument, Reason, Words } from './problem.js';
export type { Watching } from './watch.js';
export type { components, paths } from './schema.js';

export type Schemas = components['schemas'];
type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';
type PathsWith<M extends Method> = { [P in keyof paths]: paths[P] extends Record<M, { responses: unknown }> ? P : never }[keyof paths];
type Operation<P extends keyof paths, M extends Method> = paths[P] extends Record<M, infer O> ? O : never;
type Answer<O> = O extends { responses: { '2XX': { content: { 'application/json': infer T } } } } ? T : void;
type Body<O> = O extends { requestBody?: { content: { 'application/json': infer T } } } ? T : undefined;
type Query<O> = O extends { parameters: { query?: infer Q } } ? Q : undefined;

export interface Call<O> {
  /** What stands in braces in the path. */
  path?: Record<string, string>;
  query?: Query<O>;
  body?: Body<O>;
  /** Idempotency-Key: one decision, one key, however often it is sent. */
  key?: string;
  /** May be sent again although it is no GET and has no key. */
  again?: boolean;
  signal?: AbortSignal;
}

/** A call whose address the schema may not know. */
export interface LooseCall { path?: Record<string, string>; query?: unknown; body?: unknown; key?: string; again?: boolean; signal?: AbortSignal }

/** Why an answer is late: the server is busy (and when we try again), or nobody answers. */
export interface Waiting { why: 'busy' | 'unreachable'; seconds: number }

export interface Options {
  /** "https://api.example"; empty: where the page came from. */
  origin?: string;
  /** For programs that keep no cookies. With `refresh` both are renewed by themselves: the new ones are written here, and told. */
  token?: string;
  refresh?: string;
  onTokens?: (tokens: { token: string; refresh: string }) => void;
  lang?: () => string;
  /** null: it is over. */
  onWaiting?: (waiting: Waiting | null) => void;
  /** The session is over and could not be renewed. Return true after making a new one: then the request is sent again. */
  onSessionOver?: () => Promise<boolean>;
}

const TRIES = 6;
const REFRESH = '/v1/sessions/refresh';
/** What begins or renews a session needs none. */
const BEGINS = ['/v1/sessions', '/v1/sessions/password', REFRESH];
const pause = (ms: number): Promise<void> => new Promise(done => setTimeout(done, ms));

export class Client {
  readonly origin: string;
  private readonly renewal: Renewal;

  constructor(private readonly options: Options = {}) {
    this.origin = (options.origin ?? '').replace(/\/$/, '');
    this.renewal = new Renewal(() => this.refresh(), options.token === undefined);
  }

  get<P extends PathsWith<'get'>>(path: P, call: Call<Operation<P, 'get'>> = {}): Promise<Answer<Operation<P, 'get'>>> {
    return this.send('GET', path, call as LooseCall);
  }
  post<P extends PathsWith<'post'>>(path: P, call: Call<Operation<P, 'post'>> = {}): Promise<Answer<Operation<P, 'post'>>> {
    return this.send('POST', path, call as LooseCall);
  }
  put<P extends PathsWith<'put'>>(path: P, call: Call<Operation<P, 'put'>> = {}): Promise<Answer<Operation<P, 'put'>>> {
    return this.send('PUT', path, call as LooseCall);
  }
  patch<P extends PathsWith<'patch'>>(path: P, call: Call<Operation<P, 'patch'>> = {}): Promise<Answer<Operation<P, 'patch'>>> {
    return this.send('PATCH', path, call as LooseCall);
  }
  delete<P extends PathsWith<'delete'>>(path: P, call: Call<Operation<P, 'delete'>> = {}): Promise<Answer<Operation<P, 'delete'>>> {
    return this.send('DELETE', path, call as LooseCall);
  }

  /** An address of the API as an absolute one, for <img>, downloads and uploads. */
  url(path: string): string { return this.origin + path; }

  /** Renews the session before it ends, or finds out that it is over (a Problem). */
  renew(): Promise<void> { return this.renewal.run(); }

  /** Server-sent events; see watch.ts. */
  watch(path: string, how: Watching): () => void { return watch(this.url(path), how); }

  /** For addresses that the schema does not know. */
  async send<T>(method: string, template: string, call: LooseCall = {}): Promise<T> {
    const path = expand(template, call.path, call.query as Record<string, unknown> | undefined);
    const again = call.again ?? (method === 'GET' || call.key !== undefined);
    let renewed = false;
    for (let attempt = 1; ; attempt++) {
      const problem = await this.once<T>(method, path, call);
      if (!(problem instanceof Problem)) {
        if (attempt > 1) this.options.onWaiting?.(null);
        return problem;
      }
      if (problem.code === 'unauthenticated' && !renewed && !(method === 'POST' && BEGINS.includes(template))) {
        renewed = true;
        if (await this.revive()) continue;
        throw problem;
      }
      const wait = attempt < TRIES ? waitFor(problem, attempt, again) : null;
      if (!wait) {
        if (attempt > 1) this.options.onWaiting?.(null);
        throw problem;
      }
      this.options.onWaiting?.(wait);
      await pause(wait.seconds * 1000);
      if (call.signal?.aborted) throw problem;
    }
  }

  private async once<T>(method: string, path: string, call: LooseCall): Promise<T | Problem> {
    try {
      const answer = await this.fetch(method, path, call);
      if (!answer.ok) return await Problem.of(answer);
      return (answer.headers.get('content-type')?.includes('json') ? await answer.json() : undefined) as T;
    } catch (error) {        // also when the line broke in the middle of the answer
      if (call.signal?.aborted) throw error;
      return Problem.unreachable();
    }
  }

  private fetch(method: string, path: string, call: { body?: unknown; key?: string; signal?: AbortSignal }): Promise<Response> {
    const headers: Record<string, string> = {};
    if (this.options.lang) headers['accept-language'] = this.options.lang();
    if (this.options.token && path !== REFRESH) headers['authorization'] = `Bearer ${this.options.token}`;
    if (call.body !== undefined) headers['content-type'] = 'application/json';
    if (call.key) headers['idempotency-key'] = call.key;
    return fetch(this.url(path), {
      method, headers, credentials: this.origin ? 'include' : 'same-origin',
      ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }), ...(call.signal ? { signal: call.signal } : {}),
    });
  }

  /** By the cookie, or by the token of a program. */
  private async refresh(): Promise<void> {
    const { token, refresh } = this.options;
    if (token !== undefined && refresh === undefined) throw new Problem({ code: 'unauthenticated', status: 401 });
    const answer = await this.fetch('POST', REFRESH, refresh === undefined ? {} : { body: { refresh } });
    if (!answer.ok) throw await Problem.of(answer);
    if (refresh === undefined) return;
    const fresh = await answer.json() as Schemas['Session'];
    if (fresh.token === null) return;
    this.options.token = fresh.token;
    this.options.refresh = fresh.refresh ?? refresh;
    this.options.onTokens?.({ token: fresh.token, refresh: this.options.refresh });
  }

  private async revive(): Promise<boolean> {
    try {
      await this.renew();
      return true;
    } catch (error) {        // no answer is not the answer that it is over
      if (!(error instanceof Problem)) throw Problem.unreachable();
      if (error.status !== 401) throw error;
      return await this.options.onSessionOver?.() ?? false;
    }
  }
}

/** How long to wait before the same request again; null: it is not to be sent again. */
function waitFor(problem: Problem, attempt: number, again: boolean): Waiting | null {
  if (problem.code === UNREACHABLE) return again ? { why: 'unreachable', seconds: attempt } : null;
  if (problem.code === 'pay_setup') return null;        // out of order until somebody repairs it: another way to pay is of more use
  // 503: refused at the door, so nothing has happened; 429 to a person's single press is an answer
  if (problem.status !== 503 && !(problem.status === 429 && again)) return null;
  const seconds = (problem.retryAfterSeconds ?? 2) * attempt;
  return seconds > 60 ? null : { why: 'busy', seconds };
}

function expand(template: string, params: Record<string, string> | undefined, query: Record<string, unknown> | undefined): string {
  const path = template.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params?.[name] ?? ''));
  const pairs = Object.entries(query ?? {}).filter(([, v]) => v !== undefined && v !== null).map(([k, v]) => `${k}=${encodeURIComponent(String(v))}`);
  return pairs.length ? `${path}?${pairs.join('&')}` : path;
}
