import { type Watching } from './watch.js';
import type { components, paths } from './schema.js';
export { Problem, UNREACHABLE } from './problem.js';
export type { ProblemDocument, Reason, Words } from './problem.js';
export type { Watching } from './watch.js';
export type { components, paths } from './schema.js';
export type Schemas = components['schemas'];
type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';
type PathsWith<M extends Method> = {
    [P in keyof paths]: paths[P] extends Record<M, {
        responses: unknown;
    }> ? P : never;
}[keyof paths];
type Operation<P extends keyof paths, M extends Method> = paths[P] extends Record<M, infer O> ? O : never;
type Answer<O> = O extends {
    responses: {
        '2XX': {
            content: {
                'application/json': infer T;
            };
        };
    };
} ? T : void;
type Body<O> = O extends {
    requestBody?: {
        content: {
            'application/json': infer T;
        };
    };
} ? T : undefined;
type Query<O> = O extends {
    parameters: {
        query?: infer Q;
    };
} ? Q : undefined;
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
export interface LooseCall {
    path?: Record<string, string>;
    query?: unknown;
    body?: unknown;
    key?: string;
    again?: boolean;
    signal?: AbortSignal;
}
/** Why an answer is late: the server is busy (and when we try again), or nobody answers. */
export interface Waiting {
    why: 'busy' | 'unreachable';
    seconds: number;
}
export interface Options {
    /** "https://api.example"; empty: where the page came from. */
    origin?: string;
    /** For programs that keep no cookies. With `refresh` both are renewed by themselves: the new ones are written here, and told. */
    token?: string;
    refresh?: string;
    onTokens?: (tokens: {
        token: string;
        refresh: string;
    }) => void;
    lang?: () => string;
    /** null: it is over. */
    onWaiting?: (waiting: Waiting | null) => void;
    /** The session is over and could not be renewed. Return true after making a new one: then the request is sent again. */
    onSessionOver?: () => Promise<boolean>;
}
export declare class Client {
    private readonly options;
    readonly origin: string;
    private readonly renewal;
    constructor(options?: Options);
    get<P extends PathsWith<'get'>>(path: P, call?: Call<Operation<P, 'get'>>): Promise<Answer<Operation<P, 'get'>>>;
    post<P extends PathsWith<'post'>>(path: P, call?: Call<Operation<P, 'post'>>): Promise<Answer<Operation<P, 'post'>>>;
    put<P extends PathsWith<'put'>>(path: P, call?: Call<Operation<P, 'put'>>): Promise<Answer<Operation<P, 'put'>>>;
    patch<P extends PathsWith<'patch'>>(path: P, call?: Call<Operation<P, 'patch'>>): Promise<Answer<Operation<P, 'patch'>>>;
    delete<P extends PathsWith<'delete'>>(path: P, call?: Call<Operation<P, 'delete'>>): Promise<Answer<Operation<P, 'delete'>>>;
    /** An address of the API as an absolute one, for <img>, downloads and uploads. */
    url(path: string): string;
    /** Renews the session before it ends, or finds out that it is over (a Problem). */
    renew(): Promise<void>;
    /** Server-sent events; see watch.ts. */
    watch(path: string, how: Watching): () => void;
    /** For addresses that the schema does not know. */
    send<T>(method: string, template: string, call?: LooseCall): Promise<T>;
    private once;
    private fetch;
    /** By the cookie, or by the token of a program. */
    private refresh;
    private revive;
}
