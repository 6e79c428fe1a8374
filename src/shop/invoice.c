/* invoice.c - see invoice.h. */
#include "shop/invoice.h"

#include "base/clock.h"
#include "base/json.h"
#include "db/db.h"
#include "shop/internal.h"

#define COLUMNS "order_id, title, tax_no, email, state, note, created_ms, done_ms"
DB_SQL(invoice_add, "INSERT INTO shop_invoice (account_id, " COLUMNS ") VALUES (?, ?, ?, ?, ?, 'asked', '', ?, 0)");
DB_SQL(invoice_again, "UPDATE shop_invoice SET title = ?, tax_no = ?, email = ?, state = 'asked', note = '', done_ms = 0 WHERE order_id = ? AND state <> 'sent'");
DB_SQL(invoice_one, "SELECT " COLUMNS " FROM shop_invoice WHERE order_id = ?");
DB_SQL(invoice_end, "UPDATE shop_invoice SET state = ?, note = ?, done_ms = ? WHERE order_id = ? AND state = 'asked'");
DB_SQL(invoice_page, "SELECT i.order_id, i.title, i.tax_no, i.email, i.state, i.note, i.created_ms, i.done_ms, o.account_id, o.title, o.currency, o.price_minor, o.refunded_minor, "
                     "o.paid_ms FROM shop_invoice i JOIN shop_order o ON o.id = i.order_id WHERE i.state = ? AND i.order_id < ? ORDER BY i.order_id DESC LIMIT ?");
DB_SQL(invoice_give, "UPDATE shop_invoice SET account_id = ? WHERE account_id = ?");

int shop_invoice_ask(struct db_tx *tx, const struct shop_invoice_new *n, struct err *e) {
    struct order o;
    bool asked;
    int64_t changed;
    int r = shop__order_get(tx, n->order, n->account, &o, e);
    if (r <= 0)
        return r < 0 ? r : err_set(e, ERR_NOT_FOUND, "no such order");
    if (o.state != SHOP_PAID || o.price == 0 || o.refunded >= o.price)
        return err_set(e, ERR_STATE, "nothing was paid for order %s, or all of it went back", o.number);
    {
        DB_ROWS rows = { 0 };
        if ((r = db_one(tx, &rows, e, &invoice_one, DB_INT(n->order))) < 0)
            return r;
        asked = r == 1;
    }
    struct str tax_no = n->tax_no.n ? n->tax_no : STR("");
    if (!asked)
        return db_run(tx, NULL, e, &invoice_add, DB_INT(n->account), DB_INT(n->order), DB_STR(n->title), DB_STR(tax_no), DB_TEXT(n->email), DB_INT(clock_ms()));
    r = db_run(tx, &changed, e, &invoice_again, DB_STR(n->title), DB_STR(tax_no), DB_TEXT(n->email), DB_INT(n->order));
    return r < 0 ? r : changed == 1 ? 0 : err_set(e, ERR_STATE, "the invoice was sent already");
}

int shop_invoice_end(struct db_tx *tx, int64_t order, bool sent, struct str note, struct err *e) {
    int64_t changed;
    int r = db_run(tx, &changed, e, &invoice_end, DB_TEXT(sent ? "sent" : "refused"), DB_STR(note), DB_INT(clock_ms()), DB_INT(order));
    return r < 0 ? r : changed == 1 ? 0 : err_set(e, ERR_STATE, "nobody waits for this invoice");
}

static void write_invoice(struct jw *w, const struct db_rows *rows, bool with_order) {
    jw_obj(w);
    if (with_order) {
        jw_kid(w, "id", "order", db_int(rows, 0));
        jw_kid(w, "order", "order", db_int(rows, 0));
        jw_kid(w, "account", "acct", db_int(rows, 8));
        jw_kstr(w, "what", db_str(rows, 9));
        jw_kstr(w, "currency", db_str(rows, 10));
        jw_kint(w, "price_minor", db_int(rows, 11));
        jw_kint(w, "refunded_minor", db_int(rows, 12));
        jw_kint(w, "paid_ms", db_int(rows, 13));
    }
    jw_kstr(w, "title", db_str(rows, 1));
    jw_kstr(w, "tax_no", db_str(rows, 2));
    jw_kstr(w, "email", db_str(rows, 3));
    jw_kstr(w, "state", db_str(rows, 4));
    jw_kstr(w, "note", db_str(rows, 5));
    jw_kint(w, "created_ms", db_int(rows, 6));
    jw_key(w, "done_ms");
    if (db_int(rows, 7))
        jw_int(w, db_int(rows, 7));
    else
        jw_null(w);
    jw_end_obj(w);
}

int shop_invoice_render(struct db_tx *tx, int64_t order, struct jw *w, struct err *e) {
    DB_ROWS rows = { 0 };
    int r = db_one(tx, &rows, e, &invoice_one, DB_INT(order));
    if (r == 1)
        write_invoice(w, &rows, /* with_order= */ false);
    else if (r == 0)
        jw_null(w);
    return r < 0 ? r : 0;
}

int shop_invoice_list(struct db_tx *tx, struct str state, int64_t before_order, int limit, struct buf *out, struct err *e) {
    struct jw w;
    DB_ROWS rows = { 0 };
    int r = db_query(tx, &rows, e, &invoice_page, DB_STR(state), DB_INT(before_order > 0 ? before_order : INT64_MAX), DB_INT(limit));
    jw_init(&w, out);
    jw_arr(&w);
    while (r >= 0 && (r = db_next(&rows, e)) == 1)
        write_invoice(&w, &rows, /* with_order= */ true);
    jw_end_arr(&w);
    return r < 0 ? r : 0;
}

int shop__invoice_move(struct db_tx *tx, int64_t from, int64_t to, struct err *e) { return db_run(tx, NULL, e, &invoice_give, DB_INT(to), DB_INT(from)); }
