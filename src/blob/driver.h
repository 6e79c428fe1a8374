/*
 * driver.h - what a place for stored bytes must be able to do (drivers.def).
 * The store (store.c) writes each file to a local temporary first and hashes it; the driver takes it home from there.
 * Threads: any, several at once.  Errors: ERR_DISK_FULL, ERR_IO, ERR_NOT_FOUND.
 * Used by: blob/ only.
 */
#ifndef ZT_BLOB_DRIVER_H
#define ZT_BLOB_DRIVER_H

#include "blob/blob.h"

/* The name of one stored file. Equal bytes are one file only within one account and class. */
struct blob_key {
    int64_t    account;
    enum blob_class class;
    char       sha[SHA256_HEX + 1];
};

#define BLOB_LINKS_MAX 64

/* One file found by walk(). Returning < 0 ends the walk. */
typedef int blob_walk_fn(void *ctx, const struct blob_key *k, int64_t age_ms, struct err *e);

struct blob_driver {
    const char *name;
    /* dir: an existing folder of our own, where the driver may keep files. */
    int  (*open)(const struct config *cfg, const char *dir, void **ret_home, struct err *e);
    void (*close)(void *home);
    /* Makes the temporary file at `path` (open as fd) durable as k: when this returns, a power cut cannot take it. Consumes path. An equal file
     * is replaced, so that its age starts anew. */
    int  (*store)(void *home, const struct blob_key *k, const char *path, int fd, struct err *e);
    /* Makes the bytes of n <= BLOB_LINKS_MAX files of one account, in order of class and sha, durable as those of account `to` too; young, also
     * when they are there already. What is gone is passed over. */
    int  (*link)(void *home, const struct blob_key *from, size_t n, int64_t to, struct err *e);
    int  (*get)(void *home, const struct blob_key *k, int *ret_fd, int64_t *ret_bytes, struct err *e);
    int  (*remove)(void *home, const struct blob_key *k, struct err *e);      /* what is gone already is a success */
    int  (*age)(void *home, const struct blob_key *k, int64_t *ret_ms, struct err *e);
    int  (*walk)(void *home, blob_walk_fn *fn, void *ctx, struct err *e);
};

#endif
