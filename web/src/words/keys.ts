import type { en } from './en';

type EnglishKey = keyof typeof en;
/** English says one and many; Chinese says both alike. */
type WithoutOne<K extends string> = K extends `${string}_one` ? never : K;
export type WordsOf<K extends string> = Record<WithoutOne<K>, string>;
export type Base<K extends string> = K extends `${infer B}_one` | `${infer B}_other` ? B : K;

/** What every language has to say. */
export type Words = WordsOf<EnglishKey>;
/** What a page may ask for. */
export type Key = Base<EnglishKey>;
export type Lang = 'en' | 'zh';
