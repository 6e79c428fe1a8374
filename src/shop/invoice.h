/*
 * invoice.h - a payer wants an invoice: what for, to whom, where to. A person writes it; here it is not lost.
 * Owns: shop_invoice. One for an order, which must be paid and not given back.
 */
#ifndef ZT_SHOP_INVOICE_H
#define ZT_SHOP_INVOICE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

struct db_tx;
struct jw;

/* email: as mail_address() gave it. ERR_NOT_FOUND; ERR_STATE: not paid, all given back, or written already. Asked again before: the newer words count.
 * Write function. */
struct shop_invoice_new { int64_t order, account; struct str title, tax_no; const char *email; };
int shop_invoice_ask(struct db_tx *tx, const struct shop_invoice_new *n, struct err *e);
/* The operator has sent it (note: its number), or will not (note: why). Write function. */
int shop_invoice_end(struct db_tx *tx, int64_t order, bool sent, struct str note, struct err *e);
/* The value: an object {title, tax_no, email, state, note, created_ms, done_ms}, or null. */
int shop_invoice_render(struct db_tx *tx, int64_t order, struct jw *w, struct err *e);
/* Those of one state, newest order first, a JSON array [{order, account, what, price_minor, title, …}]. Any reader. */
int shop_invoice_list(struct db_tx *tx, struct str state, int64_t before_order, int limit, struct buf *out, struct err *e);

#endif
