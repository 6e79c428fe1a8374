/** Server-sent events that go on after any interruption, and asking again and again where they do not get through. */
const RETRY_MS = [1000, 2000, 4000, 8000, 15000], ASK_MS = 4000;
/** url is absolute or of this origin. The function that comes back ends it. */
export function watch(url, how) {
    let source = null, over = false, failures = 0, last = '';
    let retry, asking;
    const ask = (on) => {
        if (on === (asking !== undefined))
            return;
        clearInterval(asking);
        asking = on ? setInterval(() => how.onEvent({ type: 'ask', data: null }), ASK_MS) : undefined;
        how.onMode?.(on ? 'asking' : 'live');
    };
    const hear = (message) => {
        last = message.lastEventId || last;
        let data = null;
        try {
            data = JSON.parse(message.data);
        }
        catch { /* a hint without words is a hint, too */ }
        how.onEvent({ type: message.type, data });
    };
    const open = () => {
        if (over)
            return;
        source = new EventSource(last ? `${url}${url.includes('?') ? '&' : '?'}seq=${encodeURIComponent(last)}` : url, { withCredentials: true });
        for (const type of how.types ?? ['state', 'progress'])
            source.addEventListener(type, hear);
        source.onopen = () => {
            failures = 0;
            ask(false);
            how.onEvent({ type: 'open', data: null });
        };
        source.onerror = () => {
            failures++;
            if (failures > 1)
                ask(true);
            if (source?.readyState !== EventSource.CLOSED)
                return; // it connects again by itself, and says what it saw last
            const wait = RETRY_MS[Math.min(failures, RETRY_MS.length) - 1] ?? 15000;
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
