/*
 * may.h - what is sold, and what an account may do now: computed from what it has paid for, never stored.
 * Owns: nothing; reads shop_order.
 * Threads: with a tx any reader or write function; the others any.
 * Used by: shop/, api/, main/.  Uses: base/, db/, pay/, studio/.
 */
#ifndef ZT_SHOP_MAY_H
#define ZT_SHOP_MAY_H

#include "base/config.h"
#include "base/err.h"
#include "pay/pay.h"
#include "studio/studio.h"

struct db_tx;

extern const struct setting shop_plan_settings[];                /* rows "shop.…" of plans, quotes and the free picture */

/* What most questions here need; borrowed, and the same for as long as the server runs. */
struct shop_house {
    const struct config *cfg;
    const struct studio *studio;
    const struct pay    *pay;                                    /* NULL: nobody can pay */
    const struct studio_product *product;
};

/* A provider is set up and the product has plans. Otherwise everybody may do everything, and credits are given. p NULL: no provider. */
bool shop_sells(const struct pay *p, const struct studio_product *product);

struct shop_may {
    bool    sells;
    const struct studio_plan *plan;                              /* NULL while nothing is sold */
    int64_t until_ms;                                            /* what is paid for ends then; 0: it does not end */
    struct studio_may may;
};
/* The best of the free plan and those that were paid, have not ended and were not given back as a whole; a later plan of the product is worth more. */
int shop_may(struct db_tx *tx, const struct shop_house *h, int64_t account, int64_t now_ms, struct shop_may *ret, struct err *e);

/*
 * Whether selling a recipe by a plan covers what the recipe's preferred engine is expected to cost: what a credit of the plan cost, times the
 * credits of n candidates. True as well when there is nothing to compare, or shop.sell_below_cost says so. ret (or NULL): both, in millionths of
 * a USD for those n; of currencies the one that brings less.
 */
struct shop_margin { int64_t brings_microusd, costs_microusd; };
bool shop_covers(const struct shop_house *h, const struct studio_plan *plan, const struct studio_recipe *recipe, int n, struct shop_margin *ret);
/* The same of the price that a code makes of a plan's, with every recipe of the product. */
bool shop_covers_at(const struct shop_house *h, const struct studio_plan *plan, enum ledger_currency currency, int64_t price_minor);
/* In millionths of a USD, CNY by shop.usd_cny_pm. */
int64_t shop_microusd(const struct config *cfg, enum ledger_currency c, int64_t minor);
/* At start: every plan with every recipe of the product. ERR_CONFIG naming plan, recipe and both figures. */
int shop_check(const struct shop_house *h, struct err *e);

#endif
