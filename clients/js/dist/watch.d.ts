/** Server-sent events that go on after any interruption, and asking again and again where they do not get through. */
export interface Watching {
    /** Something happened: read the truth again. Called once at the start, too. */
    onEvent: (event: {
        type: string;
        data: unknown;
    }) => void;
    /** Names of the events to hear. */
    types?: readonly string[];
    /** live: events arrive; asking: they do not, so onEvent is called every few seconds. */
    onMode?: (mode: 'live' | 'asking') => void;
}
/** url is absolute or of this origin. The function that comes back ends it. */
export declare function watch(url: string, how: Watching): () => void;
