/**
 * At build time: the first screen of the landing page and the frame of every other page, once a language, with {{holes}} that the
 * server fills with the product's words (src/api/pages.c). So there is something to see before any script has come.
 */
import { renderToString } from 'react-dom/server';
import { App, newCache } from './app';
import type { Boot } from './lib/boot';
import { PageSkeleton } from './ui/states';
import type { Lang } from './words/keys';

const hole = (name: string): { en: string; zh: string } => ({ en: `{{${name}}}`, zh: `{{${name}}}` });

function boot(lang: Lang): Boot {
  return {
    lang, api: '', icp: '', status: 200,
    product: {
      name: '', title: hole('title'), tagline: hole('tagline'), lead: hole('lead'), theme: {},
      examples: [{ before: ['{{hero_before_1}}', '{{hero_before_2}}'], after: '{{hero_after}}', alt: hole('hero_alt') }],
    },
  };
}

export function landing(lang: Lang): string {
  return renderToString(<App boot={boot(lang)} cache={newCache()} at="/" />);
}
export function frame(lang: Lang): string {
  return renderToString(<App boot={boot(lang)} cache={newCache()} at="/me"><PageSkeleton /></App>);
}
