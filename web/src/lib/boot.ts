/** What the server wrote into the page before sending it: the product, the language, where the API is. */
import type { Lang } from '../words/keys';

export interface Text { en: string; zh: string }
export interface Example { before: string[]; after: string; alt: Text }
export interface Product {
  name: string;
  title: Text;
  tagline: Text;
  lead: Text;
  /** Colours by name; the page's own share card draws with them. */
  theme: Record<string, string>;
  examples: Example[];
}
export interface Boot {
  lang: Lang;
  /** Origin of the API; empty: this one. */
  api: string;
  /** What the law of mainland China wants under every page; empty elsewhere. */
  icp: string;
  /** 404: there is no such page. */
  status: number;
  product: Product;
}

export function readBoot(): Boot {
  return JSON.parse(document.getElementById('boot')?.textContent ?? 'null') as Boot;
}
