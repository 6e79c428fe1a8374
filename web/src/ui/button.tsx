/** What one presses. A link that looks like a button is still a link. */
import type { AnchorHTMLAttributes, ButtonHTMLAttributes, ReactNode } from 'react';
import { Link } from 'wouter';
import { Icon, type IconName } from './icons';
import './button.css';

interface Look { kind?: 'primary' | 'quiet' | 'danger' | 'bare'; big?: boolean; icon?: IconName | undefined; children?: ReactNode }

function look({ kind = 'primary', big }: Look, extra = ''): string {
  return ['button', `button-${kind}`, big ? 'button-big' : '', extra].filter(Boolean).join(' ');
}

export function Button({ kind, big, icon, busy, children, className, disabled, ...rest }: Look & { busy?: boolean } & ButtonHTMLAttributes<HTMLButtonElement>) {
  return (
    <button type="button" {...rest} className={look({ ...(kind ? { kind } : {}), ...(big ? { big } : {}) }, className)} disabled={disabled || busy} aria-busy={busy || undefined}>
      {busy ? <span className="spinner" aria-hidden="true" /> : icon && <Icon name={icon} />}
      {children && <span>{children}</span>}
    </button>
  );
}

/** To another page of ours. */
export function ButtonLink({ kind, big, icon, href, children, className }: Look & { href: string; className?: string }) {
  return <Link href={href} className={look({ ...(kind ? { kind } : {}), ...(big ? { big } : {}) }, className)}>{icon && <Icon name={icon} />}<span>{children}</span></Link>;
}

/** To a file. */
export function FileLink({ kind, big, icon, children, className, ...rest }: Look & AnchorHTMLAttributes<HTMLAnchorElement>) {
  return <a {...rest} className={look({ ...(kind ? { kind } : {}), ...(big ? { big } : {}) }, className)}>{icon && <Icon name={icon} />}<span>{children}</span></a>;
}

/** Only an icon; the label is what a screen reader says. */
export function IconButton({ icon, label, className, ...rest }: { icon: IconName; label: string } & ButtonHTMLAttributes<HTMLButtonElement>) {
  return <button type="button" {...rest} className={`icon-button ${className ?? ''}`} aria-label={label} title={label}><Icon name={icon} size={22} /></button>;
}
