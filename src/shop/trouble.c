/*
 * trouble.c - why a person must look at an order, from when until when, and how it ended. The order itself bears the newest that is open.
 * A provider says the same thing many times: each is a row once, and what somebody settled by hand does not begin again.
 */
#include <stdio.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "db/db.h"
#include "shop/internal.h"

#define SHOWN_MAX 20

DB_SQL(trouble_one, "SELECT id, over_ms, by_account FROM shop_trouble WHERE order_id = ? AND what = ? AND about = ?");
DB_SQL(trouble_add, "INSERT INTO shop_trouble (id, order_id, what, about, since_ms, over_ms, by_account, note) VALUES (?, ?, ?, ?, ?, 0, 0, '')");
DB_SQL(trouble_again, "UPDATE shop_trouble SET over_ms = 0, since_ms = ? WHERE id = ?");
DB_SQL(trouble_over, "UPDATE shop_trouble SET over_ms = ? WHERE order_id = ? AND over_ms = 0 AND what = ? AND (? = '' OR about = ?)");
DB_SQL(trouble_past, "UPDATE shop_trouble SET about = ? WHERE order_id = ? AND what = ? AND about = '' AND over_ms > 0 AND by_account <> 0");
DB_SQL(trouble_hand, "UPDATE shop_trouble SET over_ms = ?, by_account = ?, note = ? WHERE order_id = ? AND over_ms = 0");
DB_SQL(trouble_newest, "SELECT what FROM shop_trouble WHERE order_id = ? AND over_ms = 0 ORDER BY id DESC LIMIT 1");
DB_SQL(trouble_since, "SELECT MAX(since_ms) FROM shop_trouble WHERE order_id = ? AND over_ms = 0");
DB_SQL(trouble_order, "UPDATE shop_order SET trouble = ? WHERE id = ?");
DB_SQL(trouble_list, "SELECT what, about, since_ms, over_ms, by_account, note FROM shop_trouble WHERE order_id = ? ORDER BY id DESC LIMIT ?");

/* The order's own word, from its rows. */
static int show(struct db_tx *tx, struct order *o, struct err *e) {
    DB_ROWS rows = { 0 };
    int r = db_one(tx, &rows, e, &trouble_newest, DB_INT(o->id));
    if (r < 0)
        return r;
    snprintf(o->trouble, sizeof(o->trouble), "%.*s", STR_ARG(r ? db_str(&rows, 0) : STR("")));
    db_rows_done(&rows);
    return db_run(tx, NULL, e, &trouble_order, DB_TEXT(o->trouble), DB_INT(o->id));
}

int shop__trouble_about(struct db_tx *tx, struct order *o, const char *what, struct str about, struct err *e) {
    DB_ROWS rows = { 0 };
    struct str ref = about.n && about.n < SHOP__REF ? about : STR("");
    int r = db_one(tx, &rows, e, &trouble_one, DB_INT(o->id), DB_TEXT(what), DB_STR(ref));
    if (r < 0 || (r == 1 && (db_int(&rows, 1) == 0 || db_int(&rows, 2) != 0)))
        return r < 0 ? r : 0;
    int64_t id = r ? db_int(&rows, 0) : id_new();
    db_rows_done(&rows);
    log_event(LOG_ERROR, "shop.trouble", F_STR("order", o->number), F_STR("what", what), F_STRN("about", ref));
    r = r ? db_run(tx, NULL, e, &trouble_again, DB_INT(clock_ms()), DB_INT(id))
          : db_run(tx, NULL, e, &trouble_add, DB_INT(id), DB_INT(o->id), DB_TEXT(what), DB_STR(ref), DB_INT(clock_ms()));
    return r < 0 ? r : show(tx, o, e);
}

int shop__trouble_open(struct db_tx *tx, int64_t order, const char *what, struct str about, struct err *e) {
    DB_ROWS rows = { 0 };
    int r = db_one(tx, &rows, e, &trouble_one, DB_INT(order), DB_TEXT(what), DB_STR(about));
    return r <= 0 ? r : db_int(&rows, 1) == 0;
}

int shop__trouble(struct db_tx *tx, struct order *o, const char *what, struct err *e) { return shop__trouble_about(tx, o, what, STR(""), e); }

int shop__trouble_past(struct db_tx *tx, struct order *o, const char *what, struct err *e) {
    char until[ID_TEXT_MAX];
    id_text(until, "until", id_new());
    return db_run(tx, NULL, e, &trouble_past, DB_TEXT(until), DB_INT(o->id), DB_TEXT(what));
}

int shop__trouble_over(struct db_tx *tx, struct order *o, const char *what, struct str about, struct err *e) {
    int64_t changed;
    struct str ref = about.n ? about : STR("");
    int r = o->trouble[0] ? db_run(tx, &changed, e, &trouble_over, DB_INT(clock_ms()), DB_INT(o->id), DB_TEXT(what), DB_STR(ref), DB_STR(ref)) : 0;
    if (r < 0 || !o->trouble[0] || changed == 0)
        return r < 0 ? r : 0;
    log_event(LOG_INFO, "shop.trouble_over", F_STR("order", o->number), F_STR("what", what));
    return show(tx, o, e);
}

/* What nobody has looked at is not settled by who looked at something else. */
static int all_seen(struct db_tx *tx, const struct order *o, int64_t seen_ms, struct err *e) {
    DB_ROWS rows = { 0 };
    int r = db_one(tx, &rows, e, &trouble_since, DB_INT(o->id));
    if (r < 0)
        return r;
    return r == 1 && db_int(&rows, 0) > seen_ms ? err_set(e, ERR_RACE, "something else is wrong with order %s by now", o->number) : 0;
}

/* A payment that was never booked is not waited for any more. */
static int close_it(struct db_tx *tx, struct order *o, struct err *e) {
    int r = o->state == SHOP_OPEN ? shop__order_move(tx, o, SHOP_CLOSED, /* ask_ms= */ 0, e) : 0;
    return r < 0 || o->state != SHOP_CLOSED ? r : shop__code_release(tx, o->id, e);
}

int shop_order_settled(struct db_tx *tx, struct shop *s, const struct shop_settled *w, struct err *e) {
    struct order o;
    char by[ID_TEXT_MAX];
    int r = shop__order_get(tx, w->order, 0, &o, e);
    if (r <= 0)
        return r < 0 ? r : err_set(e, ERR_NOT_FOUND, "no such order");
    if (!o.trouble[0])
        return err_set(e, ERR_STATE, "nothing of order %s waits for a person", o.number);
    if ((r = all_seen(tx, &o, w->seen_ms, e)) < 0)
        return r;
    if (w->money > 0 && (o.state != SHOP_PAID || w->money > o.price - o.refunded))
        return err_set(e, ERR_BAD_INPUT, "money_minor: at most %lld of it can have gone back", (long long)(o.state == SHOP_PAID ? o.price - o.refunded : 0));
    if (w->money > 0 && (r = shop__gone_back(tx, s, &o, w->money, w->by, STR(""), /* ref= */ STR(""), e)) < 0)      /* the note is not for its owner */
        return r;
    id_text(by, "acct", w->by);
    log_event(LOG_INFO, "shop.trouble_settled", F_STR("order", o.number), F_STR("what", o.trouble), F_STR("by", by), F_INT("minor", w->money));
    if ((r = db_run(tx, NULL, e, &trouble_hand, DB_INT(clock_ms()), DB_INT(w->by), DB_STR(w->note), DB_INT(o.id))) < 0 || (r = show(tx, &o, e)) < 0)
        return r;
    return close_it(tx, &o, e);
}

int shop__trouble_closed(struct db_tx *tx, struct order *o, struct err *e) {
    int r = shop__trouble_over(tx, o, "amount", STR(""), e);
    return r < 0 ? r : close_it(tx, o, e);
}

int shop__trouble_render(struct db_tx *tx, int64_t order, struct jw *w, struct err *e) {
    DB_ROWS rows = { 0 };
    int r = db_query(tx, &rows, e, &trouble_list, DB_INT(order), DB_INT(SHOWN_MAX));
    jw_arr(w);
    while (r >= 0 && (r = db_next(&rows, e)) == 1) {
        jw_obj(w);
        jw_kstr(w, "what", db_str(&rows, 0));
        jw_kstr(w, "about", db_str(&rows, 1));
        jw_kint(w, "since_ms", db_int(&rows, 2));
        shop__key_ms(w, "over_ms", db_int(&rows, 3));
        jw_kid(w, "by", "acct", db_int(&rows, 4));
        jw_kstr(w, "note", db_str(&rows, 5));
        jw_end_obj(w);
    }
    jw_end_arr(w);
    return r < 0 ? r : 0;
}
