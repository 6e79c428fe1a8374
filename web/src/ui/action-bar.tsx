/** What to do next, always within reach of the thumb. */
import type { ReactNode } from 'react';
import './action-bar.css';

export function ActionBar({ hint, children }: { hint?: ReactNode; children: ReactNode }) {
  return (
    <div className="action-bar">
      <div className="width narrow action-row">
        <div className="action-hint" aria-live="polite">{hint}</div>
        <div className="action-buttons">{children}</div>
      </div>
    </div>
  );
}
