/** The words of the operators' pages, a chunk of their own with them. */
import { useMemo } from 'react';
import { adminEn } from './admin-en';
import { adminZh } from './admin-zh';
import { translator, useWords, type Translate } from './index';
import type { Base, Lang, WordsOf } from './keys';

export type AdminWords = WordsOf<keyof typeof adminEn>;
export type AdminKey = Base<keyof typeof adminEn>;

const WORDS: Record<Lang, Record<string, string>> = { en: adminEn, zh: adminZh };

export function useAdminWords(): { t: Translate<AdminKey>; lang: Lang; locale: string } {
  const { lang, locale } = useWords(), t = useMemo(() => translator<AdminKey>(lang, WORDS[lang]), [lang]);
  return { t, lang, locale };
}
