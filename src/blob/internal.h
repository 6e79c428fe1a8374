/* internal.h - what the files of blob/ share. */
#ifndef ZT_BLOB_INTERNAL_H
#define ZT_BLOB_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "blob/driver.h"

struct blob_store {
    const struct blob_driver *drv;
    void           *home;             /* the driver's */
    int             tmp_dir, upload_dir;
    char            tmp_path[4096];
    int64_t         reserve_bytes, grace_ms;
    int64_t         upload_bytes_max, account_uploads_max, account_bytes_max, commit_bytes, expire_ms;
    pthread_rwlock_t naming;          /* shared while files get their names, alone while one loses it: see reap.c */
    pthread_mutex_t appending;        /* appends */
    struct blob_append *appends;      /* under way; at most one for an upload */
    _Atomic int64_t free_bytes, free_asked_ms;     /* blob_room's memory */
};

/* asset.c */
int blob__class_of(struct str name, enum blob_class *ret_c, struct err *e);
int blob__is_named(struct db_tx *tx, const struct blob_key *k, struct err *e);       /* 1: some row names this file; 0 */
int blob__asset_next(struct db_tx *tx, int64_t after_id, int64_t *ret_id, struct blob_key *ret_k, int64_t *ret_bytes, struct err *e);   /* 1/0 */
int blob__asset_end(struct db_tx *tx, int64_t now_ms, struct err *e);                /* deletes some rows past their end; 1: there may be more */
/* store.c */
int blob__hash(int fd, char ret_sha[SHA256_HEX + 1], int64_t *ret_bytes, struct err *e);
/* upload.c */
int blob__upload_exists(struct db_tx *tx, int64_t id, struct err *e);                /* 1/0 */
int blob__upload_next(struct db_tx *tx, int64_t after_id, int64_t *ret_id, int64_t *ret_done, struct err *e);   /* 1/0 */
int blob__upload_end(struct db_tx *tx, int64_t now_ms, struct err *e);               /* as blob__asset_end */
void blob__upload_name(int64_t id, char out[32]);

#endif
