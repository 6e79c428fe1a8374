/** Stands in for react-remove-scroll: the page behind a dialog does not scroll, by a class instead of a <style> made at run time. */
import { Slot } from '@radix-ui/react-slot';
import { useEffect, type ReactNode } from 'react';

let open = 0;

export function RemoveScroll({ children }: { children: ReactNode }) {
  useEffect(() => {
    open++;
    document.documentElement.classList.add('locked');
    return () => {
      if (--open === 0) document.documentElement.classList.remove('locked');
    };
  }, []);
  return <Slot>{children}</Slot>;
}
