/** What was booted, for every component. */
import { createContext, useContext } from 'react';
import type { Boot, Text } from './boot';
import { useWords } from '../words';

export const BootContext = createContext<Boot | null>(null);

export function useBoot(): Boot {
  const boot = useContext(BootContext);
  if (!boot) throw new Error('outside of BootContext');
  return boot;
}

/** A text of the catalogue in the page's language. */
export function useText(): (text: Text) => string {
  const { lang } = useWords();
  return text => text[lang];
}
