/** Renewing the session once, however many requests and tabs notice at the same time that it is over. */
/** Calls renew() at most once at a time; where the tabs share a cookie, not at all when another has done so a moment ago. */
export declare class Renewal {
    private readonly renew;
    private readonly shared;
    private running;
    constructor(renew: () => Promise<void>, shared: boolean);
    run(): Promise<void>;
}
