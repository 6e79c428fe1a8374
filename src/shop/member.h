/*
 * member.h - memberships: a plan that its provider renews each month until somebody ends it.
 * Owns: shop_member, shop_period, shop_change.
 * Invariants:
 *   a membership begins in the transaction that books its first order, and bears that order's id;
 *   each payment for it is an order of its own, once for what the provider calls that payment (UNIQUE), sold in the ledger in the same
 *   transaction: credits of the month, until its end;
 *   what one may do by it is the end of its orders, so shop_may() needs to know nothing of memberships. While the provider tries to renew it,
 *   they end shop.grace later;
 *   a plan changes with the money of it, never before;
 *   what somebody wants changed is a row with a number before the provider hears of it; one at a time, and never again after a later one;
 *   whatever a notice does is also done without one: each membership has a time at which it is asked about.
 *
 * Threads: functions with a tx wherever it lives (write functions for those that change something).
 * Used by: api/.  Uses: shop/order.h.
 */
#ifndef ZT_SHOP_MEMBER_H
#define ZT_SHOP_MEMBER_H

#include "shop/order.h"

/* The membership as JSON for its owner; account 0 = the operator, who is told more. 1/0/<0. */
int shop_member_render(struct db_tx *tx, const struct shop *s, int64_t member, int64_t account, struct jw *w, struct err *e);
/* One's own, newest first, a JSON array; and the operator's list. */
int shop_member_list(struct db_tx *tx, const struct shop *s, int64_t account, int64_t before_id, int limit, struct buf *out, struct err *e);
struct shop_member_find { struct str state; int64_t account, before_id; int limit; };      /* "" and 0: any */
int shop_member_search(struct db_tx *tx, const struct shop *s, const struct shop_member_find *q, struct buf *out, struct err *e);
/* What was paid for it, newest first, as shop_order_list(): months and the differences of upgrades. ERR_NOT_FOUND. */
int shop_member_orders(struct db_tx *tx, const struct shop *s, int64_t member, int64_t account, int64_t before_id, int limit, struct buf *out, struct err *e);

/*
 * What somebody wants of a membership; the cashier does it. PAY_CHANGE_PRICE: plan, another one of kind member that is sold in its currency;
 * what costs more is paid at once, what costs less begins with the next period. PAY_CHANGE_END_NOW: the operator's; whatever else was
 * under way is dropped.
 * ERR_NOT_FOUND; ERR_STATE: not as it stands, or another change is under way; ERR_BAD_INPUT: not such a plan. Write function.
 */
struct shop_wish { int64_t id, member, account /* 0: the operator's */, by; enum pay_change what; const struct studio_plan *plan; };
int shop_member_wish(struct db_tx *tx, struct shop *s, const struct shop_wish *w, struct err *e);

#endif
