/*
 * blob.h - stored bytes: the store (drivers), the assets that own them, and uploads on their way in.
 * Owns: files under <data>/blob and <data>/upload; the tables asset and upload.
 * Invariant: an asset row exists only for bytes that are home: written, fdatasynced, renamed, directory fsynced, then committed.
 *            A file without a row is an orphan of a crash; the sweep at start removes it. A row without a file is an error that verify shows.
 * Strangers: no byte that was sent outlives its upload. An `original` is the photo as zoetrope-media drew it anew: upright, sRGB, no metadata.
 * Sharing:   equal bytes are one file only within one account and class.
 * Threads:   store functions wait on the disk: pool, dispatcher, keeper only. Table functions run wherever their tx lives.
 */
#ifndef ZT_BLOB_BLOB_H
#define ZT_BLOB_BLOB_H

#include "base/arena.h"
#include "base/config.h"
#include "base/crypto.h"

struct blob_store;
struct db;
struct db_tx;

enum blob_class { BLOB_ORIGINAL, BLOB_WORK, BLOB_RESULT, BLOB_PUBLIC, BLOB_CLASS_COUNT };   /* stored as "original", "work", "result", "public" */
const char *blob_class_name(enum blob_class c);

extern const struct setting blob_settings[];             /* rows "blob.…" and "upload.…" */
int blob_open(const struct config *cfg, const char *data_dir, struct blob_store **ret_s, struct err *e);
void blob_close(struct blob_store *s);
DEFINE_CLEANUP(struct blob_store, blob_close)
/* 0 while there is room (blob.reserve_bytes free besides `bytes`), else ERR_DISK_FULL; asked before new work is taken. Cheap (cached 1 s). */
int blob_room(struct blob_store *s, int64_t bytes, struct err *e);

/* ---- one file on its way in ---- */
struct blob_put;
int blob_put_begin(struct blob_store *s, int64_t account, enum blob_class c, struct blob_put **ret_p, struct err *e);
int blob_put_fd(struct blob_put *p);                     /* the open temporary file: others may write to it (a media child) */
int blob_put_write(struct blob_put *p, const void *bytes, size_t n, struct err *e);
/* Hashes what is in the file, makes it durable under its name. Frees p in any case. sha: 64 hex digits + NUL.
 * Whoever else was given the descriptor must be done with it: the bytes must not change after they were hashed. */
int blob_put_end(struct blob_put *p, char ret_sha[SHA256_HEX + 1], int64_t *ret_bytes, struct err *e);
void blob_put_abort(struct blob_put *p);
DEFINE_CLEANUP(struct blob_put, blob_put_abort)

int blob_get(struct blob_store *s, int64_t account, enum blob_class c, const char *sha, int *ret_fd, int64_t *ret_bytes, struct err *e);

/* ---- assets ---- */
struct blob_asset {
    int64_t    id, account;
    enum blob_class class;
    char       sha[SHA256_HEX + 1];
    int64_t    bytes;
    struct str type;                                     /* media type, "image/png" */
    struct str role;                                     /* "photo", "working", "thumb", "layer", "candidate", … */
    int64_t    parent;                                   /* the asset this one was made from, or 0 */
    int        width, height;                            /* pixels, 0 when not a picture */
    struct str facts;                                    /* JSON object: faces, verdicts …; "" when none */
    int64_t    consent_ms;                               /* when the owner agreed to processing; 0 = not asked */
    int64_t    created_ms, delete_at_ms;                 /* delete_at 0 = kept until its owner deletes it */
};
int blob_asset_add(struct db_tx *tx, const struct blob_asset *a, struct err *e);       /* id given by the caller (id_new) */
/* 1 found, 0 not (also when it belongs to another account, unless account is 0 = operator). Texts live in the arena. */
int blob_asset_get(struct db_tx *tx, struct arena *m, int64_t id, int64_t account, struct blob_asset *ret, struct err *e);
int blob_asset_child(struct db_tx *tx, struct arena *m, int64_t parent, const char *role, struct blob_asset *ret, struct err *e);   /* 1/0 */
/* Sets the end of the asset and of all that was made from it (working copy, thumbnail). ERR_NOT_FOUND when there is no such asset. */
int blob_asset_keep_until(struct db_tx *tx, int64_t id, int64_t delete_at_ms, struct err *e);
/* Deletes the row and the rows of all that was made from it; files go in blob_reap once no row names them. ERR_NOT_FOUND as in blob_asset_get. */
int blob_asset_delete(struct db_tx *tx, int64_t id, int64_t account, struct err *e);
int blob_asset_open(struct blob_store *s, const struct blob_asset *a, int *ret_fd, struct err *e);

/* Keeper: deletes expired assets (each by its own delete_at) and uploads, then unlinks files that no row names, never one younger than
 * blob.grace, which protects files whose row is being written. ret_removed (may be NULL): files. */
int blob_reap(struct blob_store *s, struct db *d, int64_t now_ms, int64_t *ret_removed, struct err *e);
/* At start, before any put: removes temporaries and every file that no row names. */
int blob_sweep(struct blob_store *s, struct db *d, int64_t *ret_removed, struct err *e);
/* verify: every row has its file with the right size (and hash when deep). Problems are told one by one. */
int blob_verify(struct blob_store *s, struct db *d, bool deep, void (*tell)(void *ctx, const char *what), void *ctx, struct err *e);

/* What is stored, and what ends when; for the operator. Walks over every row. */
struct blob_usage {
    int64_t total_bytes, free_bytes, reserve_bytes;      /* of the disk */
    struct { int64_t files, bytes, next_due_ms; } classes[BLOB_CLASS_COUNT];   /* next_due_ms: 0 when nothing ends */
    int64_t uploads, upload_bytes, upload_due_ms;
    int64_t due_hour, due_day, due_bytes_day;            /* assets that end within an hour, a day */
};
int blob_usage_get(struct blob_store *s, struct db_tx *reader, int64_t now_ms, struct blob_usage *ret, struct err *e);
int blob_usage_of(struct db_tx *reader, int64_t account, int64_t *ret_bytes, struct err *e);   /* of all assets of one account */
/* ---- everything of one account becomes another's. Files first, then rows: a crash in between leaves files that nobody names ---- */
/* 1: the account has no more than `max` assets; 0: it has. */
int blob_move_few(struct db_tx *reader, int64_t account, int64_t max, struct err *e);
/* Makes each file of `from` durable among those of `to`, in batches, and says in linked which those were. Waits on the disk. */
int blob_move_files(struct blob_store *s, struct db *d, int64_t from, int64_t to, char linked[SHA256_HEX + 1], struct err *e);
/* The rows of assets and uploads. ERR_RACE when there are files now that were not linked: link them and try again. */
int blob_move_rows(struct db_tx *tx, int64_t from, int64_t to, const char *linked, struct err *e);

/* ---- uploads (tus 1.0; the HTTP side is api/uploads.c) ---- */
#define BLOB_UPLOAD_NAME_MAX 255                         /* bytes */
#define BLOB_UPLOAD_TYPE_MAX 127
#define BLOB_UPLOAD_METADATA_MAX 4096
struct blob_upload {
    int64_t    id, account;
    int64_t    length, offset;                           /* bytes; offset: how many are durable */
    struct str name, type;                               /* as the client says; never used as a path */
    struct str metadata;                                 /* Upload-Metadata as sent */
    int64_t    created_ms, expires_ms;
};
int64_t blob_upload_max(const struct blob_store *s);     /* bytes, upload.max_bytes */
/* Checked outside a transaction, before blob_upload_add: ERR_TOO_BIG, ERR_DISK_FULL. */
int blob_upload_allowed(struct blob_store *s, int64_t length, struct err *e);
/* Makes the row: offset 0; sets u->expires_ms from u->created_ms. ERR_RATE over the account's number of open uploads, ERR_TOO_BIG over its bytes. */
int blob_upload_add(struct db_tx *tx, const struct blob_store *s, struct blob_upload *u, struct err *e);
int blob_upload_get(struct db_tx *tx, struct arena *m, int64_t id, int64_t account, struct blob_upload *ret, struct err *e);   /* 1/0 */
/* Opens the bytes of a complete upload for reading (ERR_UPLOAD_INCOMPLETE otherwise). */
int blob_upload_open(struct blob_store *s, const struct blob_upload *u, int *ret_fd, struct err *e);
/* The upload has become an asset, or is not wanted: its row goes with this tx. Its file goes by blob_upload_erase() after the commit, or else by
 * the reaper: unlinking a large file may wait on the disk, which the writer thread must not. ERR_NOT_FOUND when there is no such row. */
int blob_upload_drop(struct db_tx *tx, struct blob_store *s, int64_t id, struct err *e);
void blob_upload_erase(struct blob_store *s, int64_t id);

/* ---- bytes for an upload; one at a time for each upload. Pool threads only ---- */
struct blob_append;
/* offset: where the client wants to go on. whole: keep all of these bytes or none (they carry a checksum).
 * ERR_UPLOAD_OFFSET it goes on elsewhere; ERR_RACE bytes are being added by another request; ERR_GONE expired; ERR_DISK_FULL. */
int blob_append_begin(struct blob_store *s, struct db *d, const struct blob_upload *u, int64_t offset, bool whole, struct blob_append **ret_a, struct err *e);
int blob_append_write(struct blob_append *a, const void *bytes, size_t n, struct err *e);   /* ERR_TOO_BIG past the upload's length */
/* Makes the bytes durable, then says so in the row. Frees a in any case. */
int blob_append_end(struct blob_append *a, int64_t *ret_offset, int64_t *ret_expires_ms, struct err *e);
/* The rest will not come: keeps what arrived, unless `whole`. Frees a; NULL is fine. */
void blob_append_abort(struct blob_append *a);
/* Takes back every byte since begin (a wrong checksum), where `whole` was asked. Frees a. */
void blob_append_discard(struct blob_append *a);

#endif
