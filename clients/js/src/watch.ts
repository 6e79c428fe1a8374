/** Server-sent events that go on after any interruption, and asking again and again where they do not get through. */

export interface Watching {
  /** Something happened: read the truth again. Called once at the start, too. */
  onEvent: (event: { type: string; data: unknown }) => void;
  /** Names of the events to hear. */
  types?: readonly string[];
  /** live: events arrive; asking: they do not, so onEvent is called every few seconds. */
  onMode?: (mode: 'live' | 'asking') => void;
}

const RETRY_MS = [1_000, 2_000, 4_000, 8_000, 15_000], ASK_MS = 4_000;

/** url is absolute or of this origin. The function that comes back ends it. */
export function watch(url: string, how: Watching): () => void {
  let source: EventSource | null = null, over = false, failures = 0, last = '';
  let retry: ReturnType<typeof setTimeout> | undefined, asking: ReturnType<typeof setInterval> | undefined;

  const ask = (on: boolean): void => {
    if (on === (asking !== undefined)) return;
    clearInterval(asking);
    asking = on ? setInterval(() => how.onEvent({ type: 'ask', data: null }), ASK_MS) : undefined;
    how.onMode?.(on ? 'asking' : 'live');
  };

  const hear = (message: MessageEvent<string>): void => {
    last = message.lastEventId || last;
    let data: unknown = null;
    try { data = JSON.parse(message.data); } catch { /* a hint without words is a hint, too */ }
    how.onEvent({ type: message.type, data });
  };

  const open = (): void => {
    if (over) return;
    source = new EventSource(last ? `${url}${url.includes('?') ? '&' : '?'}seq=${encodeURIComponent(last)}` : url, { withCredentials: true });
    for (const type of how.types ?? ['state', 'progress']) source.addEventListener(type, hear);
    source.onopen = () => {
      failures = 0;
      ask(false);
      how.onEvent({ type: 'open', data: null });
    };
    source.onerror = () => {
      failures++;
      if (failures > 1) ask(true);
      if (source?.readyState !== EventSource.CLOSED) return;        // it connects again by itself, and says what it saw last
      const wait = RETRY_MS[Math.min(failures, RETRY_MS.length) - 1] ?? 15_000;
      retry = setTimeout(open, wait * (0.75 + Math.random() / 2));
    };
  };

  open();
  return () => {
    over = true;
    source?.close();
    clearTimeout(retry);
    clearInterval(asking);
  };
}
