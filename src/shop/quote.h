/*
 * quote.h - price and limits of one task before it is bought: input verdicts come here, before any hold.
 * Owns: table quote (short-lived; the input is kept as canonical JSON so that the task is made from exactly what was priced).
 * Threads: inside write functions; rendering anywhere.
 */
#ifndef ZT_SHOP_QUOTE_H
#define ZT_SHOP_QUOTE_H

#include "base/arena.h"
#include "base/err.h"
#include "shop/free.h"
#include "shop/may.h"
#include "studio/studio.h"
#include "task/task.h"

struct shop_quote {
    int64_t    id, account, credits, created_ms, expires_ms, task;   /* task: 0 until bought; a quote buys one task */
    struct str plan;                                                 /* by which it is made; "" while nothing is sold */
    bool       free;                                                 /* the picture of the day: taken with its task (free.h), costs nothing */
    struct task_new spec;                                            /* people, template, candidates, params */
};
/* Judges every input, then prices. Inputs that will not do: ERR_… of the first reason, and issues gets all of them as one JSON array
 * [{input, index, asset, code, en, zh, next_en, next_zh, detail, face?}]. Other errors (ERR_BAD_INPUT, ERR_UNKNOWN_FIELD,
 * ERR_UNKNOWN_TEMPLATE, ERR_PLAN_NEEDED) leave issues as it was. Texts of the result live as long as those of `want`.
 *
 * want->spec.candidates 0: as many as one may. While something is sold: with credits enough it is paid and made as one's plan allows. Without, or by
 * the free plan, one picture is that of the day while there is one left. Else the price is named all the same. */
int shop_quote_make(struct db_tx *tx, const struct shop_house *h, const struct shop_who *who, struct arena *a, const struct shop_quote *want,
                    struct shop_quote *ret, struct buf *issues, struct err *e);
/* 1/0/<0; ERR_QUOTE_EXPIRED when it is too late. */
int shop_quote_get(struct db_tx *tx, const struct studio *s, struct arena *a, int64_t id, int64_t account, struct shop_quote *ret, struct err *e);
int shop_quote_bought(struct db_tx *tx, int64_t id, int64_t task, struct err *e);   /* ERR_QUOTE_USED when it was bought before */

/* What was priced by a plan is made by it only while the account has that plan or a better one: ERR_QUOTE_EXPIRED. */
int shop_quote_still(struct db_tx *tx, const struct shop_house *h, const struct shop_quote *q, struct err *e);

/* All quotes of one account become another's. */
int shop_quote_move(struct db_tx *tx, int64_t from, int64_t to, struct err *e);

/* Keeper: forgets quotes that expired a day ago. */
int shop_quote_forget(struct db_tx *tx, int64_t now_ms, struct err *e);

#endif
