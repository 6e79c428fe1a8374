/*
 * tell.h - what a proof finds: a line each, handed to whoever asked for the proof, and counted.
 * Threads: whichever runs the proof; one at a time.
 */
#ifndef ZT_BASE_TELL_H
#define ZT_BASE_TELL_H

struct tell {
    void (*fn)(void *ctx, const char *what);   /* what: borrowed for the call, one line without its end */
    void *ctx;
    int   n;                                   /* told so far */
};

/* Cut behind 255 bytes. */
void tell(struct tell *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
