/** Renewing the session once, however many requests and tabs notice at the same time that it is over. */

const LOCK = 'zt-session', MARK = 'zt-session-renewed';
const FRESH_MS = 5_000;

/** One tab after the other where the browser has Web Locks (Chrome 69, Safari 15.4); else only within this tab. */
function exclusively<T>(work: () => Promise<T>): Promise<T> {
  const locks = typeof navigator === 'undefined' ? undefined : (navigator as Partial<Navigator>).locks;
  return locks ? locks.request(LOCK, work) as Promise<T> : work();
}

function lastRenewal(): number {
  try { return Number(localStorage.getItem(MARK) ?? 0); } catch { return 0; }        // private mode, Node
}
function markRenewal(): void {
  try { localStorage.setItem(MARK, String(Date.now())); } catch { /* then each tab renews for itself */ }
}

/** Calls renew() at most once at a time; where the tabs share a cookie, not at all when another has done so a moment ago. */
export class Renewal {
  private running: Promise<void> | null = null;

  constructor(private readonly renew: () => Promise<void>, private readonly shared: boolean) {}

  run(): Promise<void> {
    this.running ??= (this.shared ? exclusively(async () => {
      if (Math.abs(Date.now() - lastRenewal()) < FRESH_MS) return;        // a mark of the future: the clock was set back
      await this.renew();
      markRenewal();
    }) : this.renew()).finally(() => { this.running = null; });
    return this.running;
  }
}
