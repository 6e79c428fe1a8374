/** Not codes of the server: nobody answered, or not in its language. */
export const UNREACHABLE = 'unreachable';
/** Retry-After says when to knock again at the earliest; a limit by the hour says in its detail when that will help. */
function waitOf(document, retryAfterSeconds) {
    const said = Number(/again in (\d{1,6}) seconds/.exec(document.detail ?? '')?.[1] ?? NaN);
    return Number.isFinite(said) ? Math.max(said, retryAfterSeconds ?? 0) : retryAfterSeconds;
}
export class Problem extends Error {
    constructor(document, retryAfterSeconds = null) {
        super(document.i18n?.en.title ?? document.code);
        this.document = document;
        this.retryAfterSeconds = retryAfterSeconds;
        this.atMs = Date.now();
        this.name = 'Problem';
        this.code = document.code;
        this.status = document.status;
    }
    /** When it may work again, if that is longer than anybody waits before a screen; else null. */
    get againMs() {
        return this.retryAfterSeconds !== null && this.retryAfterSeconds > 60 ? this.atMs + this.retryAfterSeconds * 1000 : null;
    }
    /** In one language; null when the server gave no words (it was not our server that answered, or nobody did). */
    words(lang) {
        return this.document.i18n?.[lang] ?? null;
    }
    static unreachable() {
        return new Problem({ code: UNREACHABLE, status: 0 });
    }
    static async of(answer) {
        const after = Number(answer.headers.get('retry-after') ?? NaN);
        const text = await answer.text().catch(() => '');
        return Problem.from(text, answer.status, Number.isFinite(after) ? after : null);
    }
    /** From a body that should be a problem document: a proxy's error page is not. */
    static from(text, status, retryAfterSeconds = null) {
        try {
            const document = JSON.parse(text);
            if (typeof document.code === 'string')
                return new Problem({ ...document, status }, waitOf(document, retryAfterSeconds));
        }
        catch { /* not ours */ }
        return new Problem({ code: `http_${status}`, status }, retryAfterSeconds);
    }
}
