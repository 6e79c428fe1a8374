/** What the server answered instead of what was asked (RFC 9457), or that nothing answered at all. */
import type { components } from './schema.js';

export type Reason = components['schemas']['Reason'];
export interface Words { title: string; next: string }

/** Not codes of the server: nobody answered, or not in its language. */
export const UNREACHABLE = 'unreachable';

export interface ProblemDocument {
  code: string;
  status: number;
  i18n?: { en: Words; zh: Words };
  detail?: string;
  instance?: string;
  issues?: Reason[];
}

/** Retry-After says when to knock again at the earliest; a limit by the hour says in its detail when that will help. */
function waitOf(document: ProblemDocument, retryAfterSeconds: number | null): number | null {
  const said = Number(/again in (\d{1,6}) seconds/.exec(document.detail ?? '')?.[1] ?? NaN);
  return Number.isFinite(said) ? Math.max(said, retryAfterSeconds ?? 0) : retryAfterSeconds;
}

export class Problem extends Error {
  readonly code: string;
  readonly status: number;
  private readonly atMs = Date.now();

  constructor(readonly document: ProblemDocument, readonly retryAfterSeconds: number | null = null) {
    super(document.i18n?.en.title ?? document.code);
    this.name = 'Problem';
    this.code = document.code;
    this.status = document.status;
  }

  /** When it may work again, if that is longer than anybody waits before a screen; else null. */
  get againMs(): number | null {
    return this.retryAfterSeconds !== null && this.retryAfterSeconds > 60 ? this.atMs + this.retryAfterSeconds * 1000 : null;
  }

  /** In one language; null when the server gave no words (it was not our server that answered, or nobody did). */
  words(lang: 'en' | 'zh'): Words | null {
    return this.document.i18n?.[lang] ?? null;
  }

  static unreachable(): Problem {
    return new Problem({ code: UNREACHABLE, status: 0 });
  }

  static async of(answer: Response): Promise<Problem> {
    const after = Number(answer.headers.get('retry-after') ?? NaN);
    const text = await answer.text().catch(() => '');
    return Problem.from(text, answer.status, Number.isFinite(after) ? after : null);
  }

  /** From a body that should be a problem document: a proxy's error page is not. */
  static from(text: string, status: number, retryAfterSeconds: number | null = null): Problem {
    try {
      const document = JSON.parse(text) as ProblemDocument;
      if (typeof document.code === 'string') return new Problem({ ...document, status }, waitOf(document, retryAfterSeconds));
    } catch { /* not ours */ }
    return new Problem({ code: `http_${status}`, status }, retryAfterSeconds);
  }
}
