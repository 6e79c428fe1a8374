/** The words of the operators' pages, a chunk of their own with them. */
import { adminEn } from './admin-en';
import { adminZh } from './admin-zh';
import { useMoreWords, type Translate } from './index';
import type { Base, Lang, WordsOf } from './keys';

export type AdminWords = WordsOf<keyof typeof adminEn>;
export type AdminKey = Base<keyof typeof adminEn>;

const WORDS: Record<Lang, Record<string, string>> = { en: adminEn, zh: adminZh };

export function useAdminWords(): { t: Translate<AdminKey>; lang: Lang; locale: string } { return useMoreWords<AdminKey>(WORDS); }
