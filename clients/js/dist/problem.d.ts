/** What the server answered instead of what was asked (RFC 9457), or that nothing answered at all. */
import type { components } from './schema.js';
export type Reason = components['schemas']['Reason'];
export interface Words {
    title: string;
    next: string;
}
/** Not codes of the server: nobody answered, or not in its language. */
export declare const UNREACHABLE = "unreachable";
export interface ProblemDocument {
    code: string;
    status: number;
    i18n?: {
        en: Words;
        zh: Words;
    };
    detail?: string;
    instance?: string;
    issues?: Reason[];
}
export declare class Problem extends Error {
    readonly document: ProblemDocument;
    readonly retryAfterSeconds: number | null;
    readonly code: string;
    readonly status: number;
    private readonly atMs;
    constructor(document: ProblemDocument, retryAfterSeconds?: number | null);
    /** When it may work again, if that is longer than anybody waits before a screen; else null. */
    get againMs(): number | null;
    /** In one language; null when the server gave no words (it was not our server that answered, or nobody did). */
    words(lang: 'en' | 'zh'): Words | null;
    static unreachable(): Problem;
    static of(answer: Response): Promise<Problem>;
    /** From a body that should be a problem document: a proxy's error page is not. */
    static from(text: string, status: number, retryAfterSeconds?: number | null): Problem;
}
