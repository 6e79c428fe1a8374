/** The language of the page: i18next for plurals and values, a context so that everything follows when it changes. */
import i18next, { type i18n } from 'i18next';
import { createContext, useCallback, useContext, useEffect, useMemo, useState, type ReactNode } from 'react';
import { en } from './en';
import { zh } from './zh';
import type { Key, Lang } from './keys';

export type { Key, Lang } from './keys';
export type Translate<K extends string> = (key: K, values?: Record<string, string | number>) => string;
export type T = Translate<Key>;

const LOCALE: Record<Lang, string> = { en: 'en', zh: 'zh-CN' };

export function translator<K extends string>(lang: Lang, words: Record<string, string>): Translate<K> {
  const instance: i18n = i18next.createInstance();
  void instance.init({
    lng: LOCALE[lang], fallbackLng: false, initAsync: false, interpolation: { escapeValue: false },        // React escapes
    resources: { [LOCALE[lang]]: { translation: words } },
  });
  return (key, values) => instance.t(key as string, values ?? {});
}

const YEAR_S = 365 * 24 * 3600;

/** The server writes the first screen in this language from now on. */
function remember(lang: Lang): void {
  document.cookie = `zt_lang=${lang}; Path=/; Max-Age=${YEAR_S}; SameSite=Lax${location.protocol === 'https:' ? '; Secure' : ''}`;
}

const inAddress = () => new URLSearchParams(location.search).get('lang');

/** As the server chooses it: the address, then what was chosen by hand, then the browser. */
export function preferredLang(otherwise: Lang): Lang {
  const wishes = [inAddress(), /(?:^|; )zt_lang=(en|zh)/.exec(document.cookie)?.[1], ...navigator.languages];
  for (const wish of wishes) {
    if (/^zh\b/i.test(wish ?? '')) return 'zh';
    if (/^en\b/i.test(wish ?? '')) return 'en';
  }
  return otherwise;
}

export interface Language { t: T; lang: Lang; locale: string; setLang: (lang: Lang) => void }

const Context = createContext<Language | null>(null);

/** The language outside of React: for requests, see lib/api.ts. */
let current: Lang = 'en';
export const currentLang = (): Lang => current;

export function LanguageProvider({ first, children }: { first: Lang; children: ReactNode }) {
  const [lang, set] = useState(first);
  current = lang;
  const t = useMemo(() => translator<Key>(lang, lang === 'zh' ? zh : en), [lang]);
  const setLang = useCallback((next: Lang) => {
    remember(next);
    set(next);
  }, []);
  useEffect(() => { document.documentElement.lang = LOCALE[lang]; }, [lang]);
  useEffect(() => { if (inAddress()) remember(first); }, [first]);       // who follows a link to the Chinese page means the next ones, too
  const value = useMemo(() => ({ t, lang, locale: LOCALE[lang], setLang }), [t, lang, setLang]);
  return <Context.Provider value={value}>{children}</Context.Provider>;
}

export function useWords(): Language {
  const value = useContext(Context);
  if (!value) throw new Error('outside of LanguageProvider');
  return value;
}

/** The words of a part that is a chunk of its own: they come with it only. words: a constant. */
export function useMoreWords<K extends string>(words: Record<Lang, Record<string, string>>): { t: Translate<K>; lang: Lang; locale: string } {
  const { lang, locale } = useWords(), t = useMemo(() => translator<K>(lang, words[lang]), [lang, words]);
  return { t, lang, locale };
}
