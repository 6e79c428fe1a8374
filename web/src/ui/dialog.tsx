/** A question that must be answered first. Radix keeps the focus inside, gives it back, and closes on Escape. */
import * as Radix from '@radix-ui/react-dialog';
import { useEffect, useLayoutEffect, useRef, type ReactNode } from 'react';
import { useWords } from '../words';
import { IconButton } from './button';
import './dialog.css';

/** Our dialogs have no trigger that Radix knows, so what had the focus before is remembered here. */
function useReturn(open: boolean): (event: Event) => void {
  const before = useRef<Element | null>(null);
  useLayoutEffect(() => { if (open) before.current = document.activeElement; }, [open]);
  return event => {
    event.preventDefault();
    if (before.current instanceof HTMLElement && before.current.isConnected) before.current.focus();
  };
}

let opened = 0;
const over = (): number | undefined => (history.state as { over?: number } | null)?.over;

/** "Back" closes what lies over the page and stays on the page: that is how a phone closes things. */
function useBack(open: boolean, onClose: () => void): void {
  const close = useRef(onClose);
  useLayoutEffect(() => { close.current = onClose; });
  useEffect(() => {
    if (!open) return undefined;
    const mine = ++opened;
    // an entry of before a reload is used again
    if (over() === undefined) history.pushState({ over: mine }, '');
    else history.replaceState({ over: mine }, '');
    const moved = (): void => { if (over() !== mine) close.current(); };
    addEventListener('popstate', moved);
    return () => {
      removeEventListener('popstate', moved);
      if (over() === mine) history.back();
    };
  }, [open]);
}

interface Props { open: boolean; onClose: () => void; title: string; text?: string; children?: ReactNode; actions?: ReactNode }

export function Dialog({ open, onClose, title, text, children, actions }: Props) {
  const { t } = useWords(), goBack = useReturn(open);
  useBack(open, onClose);
  return (
    <Radix.Root open={open} onOpenChange={next => { if (!next) onClose(); }}>
      <Radix.Portal>
        <Radix.Overlay className="veil" />
        <Radix.Content className="dialog card" onCloseAutoFocus={goBack} {...(text ? {} : { 'aria-describedby': undefined })}>
          <div className="dialog-top">
            <Radix.Title asChild><h2>{title}</h2></Radix.Title>
            <Radix.Close asChild><IconButton icon="close" label={t('close')} /></Radix.Close>
          </div>
          {text && <Radix.Description className="soft">{text}</Radix.Description>}
          {children}
          {actions && <div className="dialog-actions">{actions}</div>}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

/** Over everything, for pictures. */
export function FullScreen({ open, onClose, title, children, onKeyDown }: { open: boolean; onClose: () => void; title: string; children: ReactNode; onKeyDown?: (event: React.KeyboardEvent) => void }) {
  const goBack = useReturn(open);
  useBack(open, onClose);
  return (
    <Radix.Root open={open} onOpenChange={next => { if (!next) onClose(); }}>
      <Radix.Portal>
        <Radix.Content className="full-screen" aria-describedby={undefined} onCloseAutoFocus={goBack} onKeyDown={onKeyDown}>
          <Radix.Title className="unseen">{title}</Radix.Title>
          {children}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
