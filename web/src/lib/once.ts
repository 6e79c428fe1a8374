/** A press that has no answer yet is not sent again: a second click comes before the page has drawn that it is busy. */
import { useRef } from 'react';

export function useOnce<A extends unknown[]>(send: (...args: A) => Promise<unknown>): (...args: A) => void {
  const running = useRef(false);
  return (...args) => {
    if (running.current) return;
    running.current = true;
    const over = (): void => { running.current = false; };
    send(...args).then(over, over);        // what went wrong, the mutation says
  };
}
