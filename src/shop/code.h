/*
 * code.h - words that are worth something: credits, a plan, or less to pay.
 * Owns: shop_code, shop_code_use.
 * A use is a row and a count in the transaction of what it does, so a word is used as often as it may be and no oftener. An order that comes to
 * nothing gives its use back, once nobody can pay it any more.
 * Threads: write functions; listing any reader.
 */
#ifndef ZT_SHOP_CODE_H
#define ZT_SHOP_CODE_H

#include "base/buf.h"
#include "base/err.h"
#include "shop/order.h"

/* Stored names never change. */
#define SHOP_CODE_KINDS(X) \
    X(CREDITS, "credits")       /* amount credits for nothing */ \
    X(PLAN, "plan")             /* that plan for nothing, as if it had been bought */ \
    X(PERCENT, "percent")       /* so many per cent less to pay */ \
    X(AMOUNT, "amount")         /* so many fen or cents less */
#define X(id, text) SHOP_CODE_##id,
enum shop_code_kind { SHOP_CODE_KINDS(X) SHOP_CODE_KIND_COUNT };
#undef X
extern const char *const shop_code_kind_names[];                 /* NULL-ended */

#define SHOP_CODE_MAX   33                                       /* characters of a word, and NUL */
#define SHOP_CODES_MAX  1000                                     /* that one call makes */

struct shop_code_new {
    int64_t    batch;
    enum shop_code_kind kind;
    struct str plan;                                             /* PLAN: which; PERCENT, AMOUNT: "" = any */
    int64_t    amount, valid_ms, uses_max /* 0 = no limit */, each_max, starts_ms, ends_ms;
    enum ledger_currency currency;
    struct str note;
    struct str word;                                             /* "" = made at random, `count` of them; else this one */
    int        count;
};
/* ERR_BAD_INPUT naming what is wrong; ERR_RACE: there is such a word. */
int shop_code_make(struct db_tx *tx, const struct shop *s, const struct shop_code_new *n, struct err *e);
/* Of a batch (0: all), a JSON array [{code, batch, kind, …, uses}] in the order of the words behind `after`. */
int shop_code_list(struct db_tx *tx, int64_t batch, struct str after, int limit, struct buf *out, struct err *e);
int shop_code_disable(struct db_tx *tx, int64_t batch, struct err *e);

/*
 * CREDITS and PLAN: what it is worth is there at the commit. id: of the use; *ret_order: the order that gives a plan, 0 = credits.
 * ERR_CODE_WRONG (unknown, ended, not begun, or for something else), ERR_CODE_USED; ERR_RATE: shop.orders_per_hour were made.
 */
struct shop_redeem { int64_t id, account; struct str word; const struct studio_product *product; const char *lang; };
int shop_code_redeem(struct db_tx *tx, struct shop *s, const struct shop_redeem *r, int64_t *ret_order, struct err *e);

/* What a use was worth. 1/0/<0. */
struct shop_use { const char *kind; int64_t credits, order; char plan[33]; };
int shop_code_use_get(struct db_tx *tx, int64_t id, struct shop_use *ret, struct err *e);

/* Keeper: gives back the uses of orders that came to nothing. */
int shop_code_expire(struct db_tx *tx, struct err *e);

/* All uses of one account become another's. */
int shop_code_move(struct db_tx *tx, int64_t from, int64_t to, struct err *e);
/* Counts and uses agree. Returns how many are told. */
int shop_code_verify(struct db_tx *tx, void (*tell)(void *ctx, const char *what), void *ctx, struct err *e);

#endif
