/* free.c - see free.h. */
#include "shop/free.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/scope.h"
#include "db/db.h"
#include "task/task.h"

#define DAY_MS    (24LL * 3600 * 1000)
#define KEPT_DAYS 2

DB_SQL(free_list, "SELECT slot, task_id FROM shop_free WHERE day = ? AND kind = ? AND subject = ? ORDER BY slot");
DB_SQL(free_add, "INSERT INTO shop_free (day, kind, subject, slot, task_id) VALUES (?, ?, ?, ?, ?)");
DB_SQL(free_again, "UPDATE shop_free SET task_id = ? WHERE day = ? AND kind = ? AND subject = ? AND slot = ? AND task_id = ?");
DB_SQL(free_old, "DELETE FROM shop_free WHERE day < ?");

/* ---- who ---- */

void shop_device_new(char out[SHOP_DEVICE_MAX]) {
    uint8_t random[(SHOP_DEVICE_MAX - 1) / 2];
    crypto_random(random, sizeof random);
    hex_encode(random, sizeof random, out);
}

bool shop_device_known(struct str device) {
    uint8_t raw[(SHOP_DEVICE_MAX - 1) / 2];
    return hex_decode(device, raw, sizeof raw) == 0;
}

static void hide(const uint8_t key[CRYPTO_KEY], const char *kind, const void *p, size_t n, char out[SHOP_SUBJECT_MAX]) {
    uint8_t mac[CRYPTO_MAC], text[64];
    size_t k = strlen(kind) + 1;
    memcpy(text, kind, k);                                       /* a device is never taken for a network */
    memcpy(text + k, p, n);
    crypto_mac(key, text, k + n, mac);
    hex_encode(mac, sizeof mac, out);
}

void shop_who(const uint8_t key[CRYPTO_KEY], int64_t account, struct str device, const uint8_t ip[16], struct shop_who *ret) {
    static const uint8_t v4_mapped[12] = { [10] = 0xff, [11] = 0xff };
    snprintf(ret->account, sizeof ret->account, "%lld", (long long)account);
    ret->device[0] = '\0';
    if (shop_device_known(device))
        hide(key, "device", device.p, device.n, ret->device);
    hide(key, "net", ip, memcmp(ip, v4_mapped, sizeof v4_mapped) == 0 ? 15 : 6, ret->net);       /* a /24, a /48 */
}

/* ---- the day ---- */

static int64_t day_of(const struct config *cfg, int64_t now_ms, int64_t *ret_again_ms) {
    int64_t shift_ms = config_int(cfg, "shop.day_offset_h") * 3600 * 1000, day = (now_ms + shift_ms) / DAY_MS;
    *ret_again_ms = (day + 1) * DAY_MS - shift_ms;
    return day;
}

/* ---- places ---- */

struct places {
    const char *kind, *subject;
    int64_t limit;
    /* found */
    int64_t used, slot, gave_up;                                 /* slot: the first to be had, -1 none; gave_up: the task that had it, 0 = nobody */
};

static int look(struct db_tx *tx, int64_t day, struct places *p, struct err *e) {
    int64_t next = 0;                                            /* no slot below it is missing */
    p->used = 0;
    p->slot = -1;
    p->gave_up = 0;
    DB_ROWS rows = { 0 };
    int r = db_query(tx, &rows, e, &free_list, DB_INT(day), DB_TEXT(p->kind), DB_TEXT(p->subject));
    while (r >= 0 && (r = db_next(&rows, e)) == 1) {
        int64_t slot = db_int(&rows, 0), task = db_int(&rows, 1);
        int gave_up = task_gave_up(tx, task, e);
        if (gave_up < 0)
            return gave_up;
        p->used += !gave_up;
        if (gave_up && p->slot < 0) {
            p->slot = slot;
            p->gave_up = task;
        }
        next += slot == next;
    }
    if (r < 0)
        return r;
    if (p->used >= p->limit)
        p->slot = -1;
    else if (p->slot < 0)
        p->slot = next;
    return 0;
}

static size_t places_of(const struct config *cfg, int per_day, const struct shop_who *who, struct places out[3]) {
    int64_t per_net = config_int(cfg, "shop.free_per_network");
    size_t n = 0;
    out[n++] = (struct places){ .kind = "account", .subject = who->account, .limit = per_day };
    if (who->device[0])
        out[n++] = (struct places){ .kind = "device", .subject = who->device, .limit = per_day };
    if (per_net)
        out[n++] = (struct places){ .kind = "net", .subject = who->net, .limit = per_net };
    return n;
}

int shop_free_left(struct db_tx *tx, const struct config *cfg, int per_day, const struct shop_who *who, int64_t now_ms, struct shop_day *ret, struct err *e) {
    struct shop_day f = { .per_day = per_day, .left = per_day };
    int64_t day = day_of(cfg, now_ms, &f.again_ms);
    struct places p[3];
    size_t n = per_day ? places_of(cfg, per_day, who, p) : 0;
    for (size_t i = 0; i < n; i++) {
        int r = look(tx, day, &p[i], e);
        if (r < 0)
            return r;
        int64_t left = p[i].used < p[i].limit ? p[i].limit - p[i].used : 0;
        f.left = left < f.left ? left : f.left;
    }
    *ret = f;
    return 0;
}

static int used_up(const struct places *p, int64_t now_ms, int64_t again_ms, struct err *e) {
    time_t at = (time_t)(again_ms / 1000);
    struct tm tm;
    char when[32] = "";
    if (gmtime_r(&at, &tm))
        strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &tm);
    return err_set(e, ERR_FREE_USED, "%lld a day for one %s; again in %lld seconds, at %s", (long long)p->limit, strcmp(p->kind, "net") == 0 ? "network" : p->kind,
                   (long long)((again_ms - now_ms + 999) / 1000), when);
}

static int take_place(struct db_tx *tx, int64_t day, const struct places *p, int64_t task, struct err *e) {
    int64_t changed = 0;
    if (!p->gave_up)
        return db_run(tx, NULL, e, &free_add, DB_INT(day), DB_TEXT(p->kind), DB_TEXT(p->subject), DB_INT(p->slot), DB_INT(task));
    int r = db_run(tx, &changed, e, &free_again, DB_INT(task), DB_INT(day), DB_TEXT(p->kind), DB_TEXT(p->subject), DB_INT(p->slot), DB_INT(p->gave_up));
    return r < 0 || changed == 1 ? r : err_set(e, ERR_RACE, "the free picture was taken just now");
}

int shop_free_take(struct db_tx *tx, const struct config *cfg, int per_day, const struct shop_who *who, int64_t task, int64_t now_ms,
                   int64_t *ret_again_ms, struct err *e) {
    int64_t again_ms, day = day_of(cfg, now_ms, &again_ms);
    struct places p[3];
    size_t n = per_day ? places_of(cfg, per_day, who, p) : 0;
    for (size_t i = 0; i < n; i++) {
        int r = look(tx, day, &p[i], e);
        if (r >= 0 && p[i].slot < 0) {
            *ret_again_ms = again_ms;
            return used_up(&p[i], now_ms, again_ms, e);
        }
        if (r < 0 || (r = take_place(tx, day, &p[i], task, e)) < 0)
            return r;
    }
    return 0;
}

int shop_free_forget(struct db_tx *tx, const struct config *cfg, int64_t now_ms, struct err *e) {
    int64_t again_ms;
    return db_run(tx, NULL, e, &free_old, DB_INT(day_of(cfg, now_ms, &again_ms) - KEPT_DAYS));
}
