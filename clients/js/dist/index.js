/**
 * A typed client of the HTTP API. Paths, bodies and answers come from schema.d.ts, which is made from /openapi.json.
 */
import { Problem, UNREACHABLE } from './problem.js';
import { Renewal } from './session.js';
import { watch } from './watch.js';
export { Problem, UNREACHABLE } from './problem.js';
const TRIES = 6;
const REFRESH = '/v1/sessions/refresh';
/** What begins or renews a session needs none. */
const BEGINS = ['/v1/sessions', '/v1/sessions/password', REFRESH];
const pause = (ms) => new Promise(done => setTimeout(done, ms));
export class Client {
    constructor(options = {}) {
        this.options = options;
        this.origin = (options.origin ?? '').replace(/\/$/, '');
        this.renewal = new Renewal(() => this.refresh(), options.token === undefined);
    }
    get(path, call = {}) {
        return this.send('GET', path, call);
    }
    post(path, call = {}) {
        return this.send('POST', path, call);
    }
    put(path, call = {}) {
        return this.send('PUT', path, call);
    }
    patch(path, call = {}) {
        return this.send('PATCH', path, call);
    }
    delete(path, call = {}) {
        return this.send('DELETE', path, call);
    }
    /** An address of the API as an absolute one, for <img>, downloads and uploads. */
    url(path) { return this.origin + path; }
    /** Renews the session before it ends, or finds out that it is over (a Problem). */
    renew() { return this.renewal.run(); }
    /** Server-sent events; see watch.ts. */
    watch(path, how) { return watch(this.url(path), how); }
    /** For addresses that the schema does not know. */
    async send(method, template, call = {}) {
        const path = expand(template, call.path, call.query);
        const again = call.again ?? (method === 'GET' || call.key !== undefined);
        let renewed = false;
        for (let attempt = 1;; attempt++) {
            const problem = await this.once(method, path, call);
            if (!(problem instanceof Problem)) {
                if (attempt > 1)
                    this.options.onWaiting?.(null);
                return problem;
            }
            if (problem.code === 'unauthenticated' && !renewed && !(method === 'POST' && BEGINS.includes(template))) {
                renewed = true;
                if (await this.revive())
                    continue;
                throw problem;
            }
            const wait = attempt < TRIES ? waitFor(problem, attempt, again) : null;
            if (!wait) {
                if (attempt > 1)
                    this.options.onWaiting?.(null);
                throw problem;
            }
            this.options.onWaiting?.(wait);
            await pause(wait.seconds * 1000);
            if (call.signal?.aborted)
                throw problem;
        }
    }
    async once(method, path, call) {
        try {
            const answer = await this.fetch(method, path, call);
            if (!answer.ok)
                return await Problem.of(answer);
            return (answer.headers.get('content-type')?.includes('json') ? await answer.json() : undefined);
        }
        catch (error) { // also when the line broke in the middle of the answer
            if (call.signal?.aborted)
                throw error;
            return Problem.unreachable();
        }
    }
    fetch(method, path, call) {
        const headers = {};
        if (this.options.lang)
            headers['accept-language'] = this.options.lang();
        if (this.options.token && path !== REFRESH)
            headers['authorization'] = `Bearer ${this.options.token}`;
        if (call.body !== undefined)
            headers['content-type'] = 'application/json';
        if (call.key)
            headers['idempotency-key'] = call.key;
        return fetch(this.url(path), {
            method, headers, credentials: this.origin ? 'include' : 'same-origin',
            ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }), ...(call.signal ? { signal: call.signal } : {}),
        });
    }
    /** By the cookie, or by the token of a program. */
    async refresh() {
        const { token, refresh } = this.options;
        if (token !== undefined && refresh === undefined)
            throw new Problem({ code: 'unauthenticated', status: 401 });
        const answer = await this.fetch('POST', REFRESH, refresh === undefined ? {} : { body: { refresh } });
        if (!answer.ok)
            throw await Problem.of(answer);
        if (refresh === undefined)
            return;
        const fresh = await answer.json();
        if (fresh.token === null)
            return;
        this.options.token = fresh.token;
        this.options.refresh = fresh.refresh ?? refresh;
        this.options.onTokens?.({ token: fresh.token, refresh: this.options.refresh });
    }
    async revive() {
        try {
            await this.renew();
            return true;
        }
        catch {
            return await this.options.onSessionOver?.() ?? false;
        }
    }
}
/** How long to wait before the same request again; null: it is not to be sent again. */
function waitFor(problem, attempt, again) {
    if (problem.code === UNREACHABLE)
        return again ? { why: 'unreachable', seconds: attempt } : null;
    // 503: refused at the door, so nothing has happened; 429 to a person's single press is an answer
    if (problem.status !== 503 && !(problem.status === 429 && again))
        return null;
    const seconds = (problem.retryAfterSeconds ?? 2) * attempt;
    return seconds > 60 ? null : { why: 'busy', seconds };
}
function expand(template, params, query) {
    const path = template.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(params?.[name] ?? ''));
    const pairs = Object.entries(query ?? {}).filter(([, v]) => v !== undefined && v !== null).map(([k, v]) => `${k}=${encodeURIComponent(String(v))}`);
    return pairs.length ? `${path}?${pairs.join('&')}` : path;
}
