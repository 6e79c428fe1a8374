/*
 * free.h - the picture of the day that costs nothing, counted by account, by device and by network.
 * Owns: shop_free. Whoever begins anew as a guest has the same device and network, so the day's picture stays taken; the account counts where a
 * device is new. A place is taken in the transaction that makes its task, and is free again once that task failed or was cancelled: that is seen
 * when somebody asks, nothing has to be given back.
 * Threads: write functions; reading any reader.
 */
#ifndef ZT_SHOP_FREE_H
#define ZT_SHOP_FREE_H

#include "base/config.h"
#include "base/crypto.h"
#include "base/err.h"
#include "base/str.h"

struct db_tx;

#define SHOP_DEVICE_COOKIE "zt_device"
#define SHOP_DEVICE_S      (400 * 24 * 3600)                     /* as long as browsers keep a cookie */
#define SHOP_DEVICE_MAX    33                                    /* 32 hex digits, made at random, and NUL */
#define SHOP_SUBJECT_MAX   65

/* Who asks. No address and no cookie is kept: device and net are MACs by a key of this server. */
struct shop_who { char account[24], device[SHOP_SUBJECT_MAX], net[SHOP_SUBJECT_MAX]; };      /* device "": none that we gave */
/* device: of the cookie, STR_NULL when there is none; ip: of the peer as net/address.h has it. */
void shop_who(const uint8_t key[CRYPTO_KEY], int64_t account, struct str device, const uint8_t ip[16], struct shop_who *ret);
void shop_device_new(char out[SHOP_DEVICE_MAX]);
bool shop_device_known(struct str device);                       /* one that shop_device_new() may have made */

struct shop_day {
    int64_t per_day, left;                                       /* both 0 when there is no limit */
    int64_t again_ms;                                            /* the next day begins then */
};
/* per_day: of the free plan; 0 = no limit. */
int shop_free_left(struct db_tx *tx, const struct config *cfg, int per_day, const struct shop_who *who, int64_t now_ms, struct shop_day *ret, struct err *e);
/* ERR_FREE_USED naming when there is one again; ret_again_ms: that time, set then. ERR_RACE: somebody took it just now. Write function. */
int shop_free_take(struct db_tx *tx, const struct config *cfg, int per_day, const struct shop_who *who, int64_t task, int64_t now_ms,
                   int64_t *ret_again_ms, struct err *e);
/* Keeper: forgets what is older than two days. */
int shop_free_forget(struct db_tx *tx, const struct config *cfg, int64_t now_ms, struct err *e);

#endif
