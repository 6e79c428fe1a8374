/** The tab's own title: what is here, then the house's name. A tab in the background says so that its picture is ready. */
import { useEffect } from 'react';
import { useBoot, useText } from './app-context';

/** here: null for the house itself. */
export function useTitle(here: string | null): void {
  const { product } = useBoot(), brand = useText()(product.title);
  useEffect(() => { document.title = here === null ? brand : `${here} · ${brand}`; }, [here, brand]);
}
