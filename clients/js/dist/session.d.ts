/** Renewing the session once, however many requests and tabs notice at the same time that it is over. */
/** Calls renew() at most once at a time; not at all when another tab has done so since `since`. */
export declare class Renewal {
    private readonly renew;
    private running;
    constructor(renew: () => Promise<void>);
    run(): Promise<void>;
}
