/*
 * margin.h - what is left: money earned less what providers, payments, traffic and disks cost, by product, out of the ledger.
 * Threads: any reader.
 */
#ifndef ZT_SHOP_MARGIN_H
#define ZT_SHOP_MARGIN_H

#include "shop/may.h"

struct jw;

/*
 * Of the time from..to, ms: the JSON array [{product, sold: [{currency, paid, refunded, fees, earned}], cost: {provider, traffic, storage}, credits: {granted,
 * spent, returned}, revenue, margin, margin_pm}]. Minor units in `sold`; cost, revenue and margin in millionths of a USD, CNY by shop.usd_cny_pm.
 * revenue: earned, which is what was paid for credits that are spent or gone; margin: revenue - fees - cost; margin_pm: per mille of revenue, null without one.
 * A product "" has what belongs to none.
 */
int shop_margin(struct db_tx *tx, const struct config *cfg, int64_t from_ms, int64_t to_ms, struct jw *w, struct err *e);

#endif
