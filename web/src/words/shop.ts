/** The words of the pages of money: a chunk of their own, not part of the first load. */
import { useMoreWords, type Translate } from './index';
import type { Base, Lang, WordsOf } from './keys';
import { shopEn } from './shop-en';
import { shopZh } from './shop-zh';

export type ShopWords = WordsOf<keyof typeof shopEn>;
export type ShopKey = Base<keyof typeof shopEn>;

const WORDS: Record<Lang, Record<string, string>> = { en: shopEn, zh: shopZh };

export function useShopWords(): { t: Translate<ShopKey>; lang: Lang; locale: string } { return useMoreWords<ShopKey>(WORDS); }
