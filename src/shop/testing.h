/*
 * testing.h - the rig of task/testing.h with something to sell: plans, test money, orders that were paid.
 * Used by: *_test.c of shop/.
 */
#ifndef ZT_SHOP_TESTING_H
#define ZT_SHOP_TESTING_H

#include "shop/free.h"
#include "shop/may.h"
#include "task/testing.h"

#define SHOP_TESTING_MAY(n, weight, px, mark) \
    "{ candidates: " n ", per_day: 1, weight: " weight ", quality_px: " px ", watermark: " mark ", motion: false, ads: true, enhanced: false }"
#define SHOP_TESTING_PLAN(name, kind, price, more) "  - { plan: " name ", kind: " kind ", title: { en: T, zh: T }, lead: { en: l, zh: 述 }, " price ", " more " }\n"
#define SHOP_TESTING_PLANS \
    "mark: mark.png\nplans:\n  - { plan: free, kind: free, title: { en: F, zh: F }, lead: { en: l, zh: 述 }, may: " SHOP_TESTING_MAY("1", "1", "1024", "true") " }\n" \
    SHOP_TESTING_PLAN("p9", "once", "price: { CNY: 990, USD: 199 }, credits: 40, valid: 30d", "may: " SHOP_TESTING_MAY("4", "4", "4096", "false")) \
    SHOP_TESTING_PLAN("p29", "once", "price: { CNY: 2990 }, credits: 40, valid: 30d", "may: " SHOP_TESTING_MAY("4", "8", "4096", "false"))

/* more: further lines of product.yaml. */
static inline void shop_testing_product(struct testing *t, const char *more) {
    char text[4096];
    snprintf(text, sizeof text, "product: p\ntitle: { en: P, zh: P }\ntagline: { en: P, zh: P }\nlead: { en: l, zh: 述 }\nrecipes: [group, plain]\nguest: { credits: 100 }\n%s", more);
    testing_file(t, "products/p/product.yaml", text);
    testing_file(t, "products/p/mark.png", "\x89PNG\r\n\x1a\n");
}

static inline void shop_testing_open(struct testing *t, bool plans) {
    t->more[0] = pay_settings;
    t->more[1] = shop_plan_settings;
    shop_testing_product(t, plans ? SHOP_TESTING_PLANS : "");
    testing_open(t);
}

/* Freed by the caller. */
static inline struct pay *shop_testing_money(struct testing *t) {
    struct err *e = &t->e;
    struct pay *p;
    OK(config_set(t->cfg, "pay.test_money", STR("true"), "test", e));
    OK(pay_new(t->cfg, NULL, t->db, NULL, &p, e));
    return p;
}

static inline struct shop_house shop_testing_house(const struct testing *t, const struct pay *p) {
    return (struct shop_house){ .cfg = t->cfg, .studio = t->studio, .pay = p, .product = studio_product(t->studio, STR_NULL) };
}

/* device: two hex digits, or "" for none; net: the third number of an IPv4 address. */
static inline struct shop_who shop_testing_who(int64_t account, const char *device, int net) {
    static const uint8_t key[CRYPTO_KEY] = { 7 };
    uint8_t ip[16] = { [10] = 0xff, [11] = 0xff, 10, 0, (uint8_t)net, 5 };
    char cookie[SHOP_DEVICE_MAX] = "";
    struct shop_who who;
    for (size_t i = 0; device[0] && i + 2 < sizeof cookie; i += 2)
        snprintf(cookie + i, 3, "%s", device);
    shop_who(key, account, str_z(cookie), ip, &who);
    return who;
}

struct shop_testing_order { int64_t account; const char *plan, *state; int64_t price, refunded, ends_ms; };
DB_SQL(shop_testing_order_add,
       "INSERT INTO shop_order (id, account_id, product, plan, kind, title, provider, scene, currency, list_minor, off_minor, price_minor, credits, valid_ms, state, trouble, "
       "attempt, started_ms, provider_ref, transaction_ref, customer, fee_minor, refunded_minor, disputed, asks, asked_ms, ask_ms, created_ms, until_ms, paid_ms, ends_ms) "
       "VALUES (?, ?, 'p', ?, 'once', 't', 'test', '', 'CNY', ?, 0, ?, 40, 1, ?, '', 1, 0, '', '', '', 0, ?, 0, 0, 0, 0, 1, 1, 1, ?)");
static inline int shop_testing_order_fn(struct db_tx *tx, void *arg, struct err *e) {
    const struct shop_testing_order *o = arg;
    return db_run(tx, NULL, e, &shop_testing_order_add, DB_INT(id_new()), DB_INT(o->account), DB_TEXT(o->plan), DB_INT(o->price), DB_INT(o->price), DB_TEXT(o->state),
                  DB_INT(o->refunded), DB_INT(o->ends_ms));
}
static inline void shop_testing_order(struct testing *t, struct shop_testing_order o) {
    struct err *e = &t->e;
    OK(db_do(t->db, shop_testing_order_fn, &o, e));
}

#endif
