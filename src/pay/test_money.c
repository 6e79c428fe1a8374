/*
 * test_money.c - the provider of test money: rows of pay_test and what may happen to them. A request and its effect are one transaction.
 * A refund is on its way for two seconds, since nobody should take an accepted refund for a done one.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "db/db.h"
#include "pay/internal.h"

#define REFUND_MS  INT64_C(2000)
#define DAY_MS     (24 * INT64_C(3600000))
#define MONTH_MS   (30 * DAY_MS)                       /* months of test money have 30 days */
#define ROW_MAX    (16 * 1024)
#define UNPAID_MS  (30 * DAY_MS)                       /* what is kept how long: see pay_expire() */
#define PAID_MS    (90 * DAY_MS)
#define EXPIRE_MAX 100

#define COLUMNS "number, state, minor, currency, title, return_url, cancel_url, until_ms, paid_ms, disputed, months, period, period_start_ms, period_end_ms, " \
                "member_state, ends"
#define MORE    ", parts, part_minor, total_minor"
DB_SQL(pay_test_get, "SELECT " COLUMNS MORE " FROM pay_test WHERE number = ?");
DB_SQL(pay_test_add, "INSERT INTO pay_test (" COLUMNS ", created_ms) VALUES (?, 'open', ?, ?, ?, ?, ?, ?, 0, 0, ?, 0, 0, 0, ?, 0, ?)");
DB_SQL(pay_test_put, "UPDATE pay_test SET state = ?, minor = ?, paid_ms = ?, disputed = ?, months = ?, period = ?, period_start_ms = ?, period_end_ms = ?, "
                     "member_state = ?, ends = ?, parts = ?, part_minor = ?, total_minor = ? WHERE number = ?");
DB_SQL(pay_test_refunded, "SELECT COALESCE(SUM(minor), 0) FROM pay_test_refund WHERE payment = ? AND (state = 'done' OR (state = 'pending' AND created_ms <= ?))");
DB_SQL(pay_test_refunds, "SELECT COALESCE(SUM(minor), 0) FROM pay_test_refund WHERE payment = ? AND state <> 'abnormal'");
DB_SQL(pay_test_refund_get, "SELECT payment, minor, state, created_ms FROM pay_test_refund WHERE number = ?");
DB_SQL(pay_test_refund_add, "INSERT INTO pay_test_refund (number, payment, minor, state, created_ms) VALUES (?, ?, ?, 'pending', ?)");
DB_SQL(pay_test_refund_put, "UPDATE pay_test_refund SET state = ? WHERE number = ?");
DB_SQL(pay_test_refund_last, "SELECT number FROM pay_test_refund WHERE payment = ? AND state = 'pending' AND created_ms > ? ORDER BY created_ms DESC, number DESC LIMIT 1");
DB_SQL(pay_test_over, "SELECT number FROM pay_test WHERE created_ms <= ? AND (state <> 'paid' OR (paid_ms <= ? AND period_end_ms <= ?)) AND NOT EXISTS "
                      "(SELECT 1 FROM pay_test_refund r WHERE r.payment = pay_test.number AND r.created_ms > ?) ORDER BY created_ms LIMIT ?");
DB_SQL(pay_test_forget, "DELETE FROM pay_test WHERE number = ?");
DB_SQL(pay_test_refunds_forget, "DELETE FROM pay_test_refund WHERE payment = ?");

struct row {
    struct str number, title, return_url, cancel_url;
    char    state[16], member_state[16], currency[4];
    int64_t minor, until_ms, paid_ms, disputed, months, period, period_start_ms, period_end_ms, ends, parts, part_minor, total_minor;
};

static void copy(char *out, size_t cap, struct str s) { snprintf(out, cap, "%.*s", STR_ARG(s)); }

/* 1: there; 0: not. */
static int get_row(struct db_tx *tx, struct str number, struct arena *a, struct row *ret, struct err *e) {
    DB_ROWS rows;
    int r = db_one(tx, &rows, e, &pay_test_get, DB_STR(number));
    if (r <= 0)
        return r;
    *ret = (struct row){ .number = arena_str(a, db_str(&rows, 0)), .minor = db_int(&rows, 2), .title = arena_str(a, db_str(&rows, 4)),
                         .return_url = arena_str(a, db_str(&rows, 5)), .cancel_url = arena_str(a, db_str(&rows, 6)), .until_ms = db_int(&rows, 7),
                         .paid_ms = db_int(&rows, 8), .disputed = db_int(&rows, 9), .months = db_int(&rows, 10), .period = db_int(&rows, 11),
                         .period_start_ms = db_int(&rows, 12), .period_end_ms = db_int(&rows, 13), .ends = db_int(&rows, 15),
                         .parts = db_int(&rows, 16), .part_minor = db_int(&rows, 17), .total_minor = db_int(&rows, 18) };
    copy(ret->state, sizeof(ret->state), db_str(&rows, 1));
    copy(ret->currency, sizeof(ret->currency), db_str(&rows, 3));
    copy(ret->member_state, sizeof(ret->member_state), db_str(&rows, 14));
    return 1;
}

static int put_row(struct db_tx *tx, const struct row *w, struct err *e) {
    return db_run(tx, NULL, e, &pay_test_put, DB_TEXT(w->state), DB_INT(w->minor), DB_INT(w->paid_ms), DB_INT(w->disputed), DB_INT(w->months),
                  DB_INT(w->period), DB_INT(w->period_start_ms), DB_INT(w->period_end_ms), DB_TEXT(w->member_state), DB_INT(w->ends),
                  DB_INT(w->parts), DB_INT(w->part_minor), DB_INT(w->total_minor), DB_STR(w->number));
}

static int sum(struct db_tx *tx, const struct db_sql *q, struct str payment, int64_t before_ms, int64_t *ret, struct err *e) {
    DB_ROWS rows;
    int r = q == &pay_test_refunded ? db_one(tx, &rows, e, q, DB_STR(payment), DB_INT(before_ms)) : db_one(tx, &rows, e, q, DB_STR(payment));
    if (r >= 0)
        *ret = db_int(&rows, 0);
    return r < 0 ? r : 0;
}

static int write_payment(struct db_tx *tx, const struct row *p, int64_t now_ms, struct jw *w, struct err *e) {
    int64_t refunded = 0;
    int r = sum(tx, &pay_test_refunded, p->number, now_ms - REFUND_MS, &refunded, e);
    jw_obj(w);
    jw_kstr(w, "number", p->number);
    jw_kz(w, "state", p->state);
    jw_kint(w, "minor", p->part_minor ? p->part_minor : p->minor);       /* of the newest payment */
    jw_kint(w, "part", p->part_minor ? p->parts : 0);
    jw_kz(w, "currency", p->currency);
    jw_kint(w, "paid_ms", p->paid_ms);
    jw_kint(w, "refunded", refunded);
    jw_kint(w, "disputed", p->disputed);
    jw_kint(w, "period", p->period);
    jw_kint(w, "period_start_ms", p->period_start_ms);
    jw_kint(w, "period_end_ms", p->period_end_ms);
    jw_kz(w, "member_state", p->member_state);
    jw_kint(w, "ends", p->ends);
    jw_end_obj(w);
    return r;
}

/* 1: written; 0: there is none. */
static int write_refund(struct db_tx *tx, struct str number, const char *currency, int64_t now_ms, struct jw *w, struct err *e) {
    DB_ROWS rows;
    int r = db_one(tx, &rows, e, &pay_test_refund_get, DB_STR(number));
    if (r <= 0)
        return r;
    int64_t done_ms = db_int(&rows, 3) + REFUND_MS;
    bool arrived = str_eqz(db_str(&rows, 2), "pending") && done_ms <= now_ms;
    jw_obj(w);
    jw_kstr(w, "refund", number);
    jw_kstr(w, "number", db_str(&rows, 0));
    jw_kint(w, "minor", db_int(&rows, 1));
    jw_kz(w, "currency", currency);
    jw_kstr(w, "state", arrived ? STR("done") : db_str(&rows, 2));
    jw_kint(w, "done_ms", arrived || str_eqz(db_str(&rows, 2), "done") ? done_ms : 0);
    jw_end_obj(w);
    return 1;
}

/* ---- requests ---- */
struct request {
    const json_t *j;
    struct arena *a;
    int64_t       now_ms;
    int           status;
    struct buf    body;
};

static int say(struct request *q, int status, const char *message) {
    struct jw w;
    q->status = status;
    buf_reset(&q->body);
    jw_init(&w, &q->body);
    jw_obj(&w);
    jw_kz(&w, "message", message);
    jw_end_obj(&w);
    return 0;
}

static int say_payment(struct db_tx *tx, struct request *q, const struct row *p, struct err *e) {
    struct jw w;
    q->status = 200;
    buf_reset(&q->body);
    jw_init(&w, &q->body);
    return write_payment(tx, p, q->now_ms, &w, e);
}

static int start(struct db_tx *tx, struct request *q, struct str number, struct err *e) {
    struct str currency = pay__text(q->a, q->j, "currency", 3);
    int64_t minor = pay__int(q->j, "minor", 0), months = pay__int(q->j, "months", 0);
    struct row p;
    int r = get_row(tx, number, q->a, &p, e);
    if (r == 1 && (p.minor != minor || p.months != months || !str_eqz(currency, p.currency)))
        return say(q, 409, "this number was used for something else");
    if (r == 1 && strcmp(p.state, "open") != 0)
        return say(q, 409, "this payment is over");
    if (r == 0)
        r = db_run(tx, NULL, e, &pay_test_add, DB_STR(number), DB_INT(minor), DB_STR(currency), DB_STR(pay__text(q->a, q->j, "title", 256)),
                   DB_STR(pay__text(q->a, q->j, "return_url", 1000)), DB_STR(pay__text(q->a, q->j, "cancel_url", 1000)),
                   DB_INT(pay__int(q->j, "until_ms", 0)), DB_INT(months), DB_TEXT(months ? "waiting" : "none"), DB_INT(q->now_ms));
    if (r >= 0)
        r = get_row(tx, number, q->a, &p, e);
    return r < 0 ? r : say_payment(tx, q, &p, e);
}

static int close_payment(struct db_tx *tx, struct request *q, struct row *p, struct err *e) {
    if (strcmp(p->state, "open") != 0 && strcmp(p->state, "closed") != 0)
        return say(q, 409, "this payment is decided already");
    copy(p->state, sizeof(p->state), STR("closed"));
    int r = put_row(tx, p, e);
    return r < 0 ? r : say_payment(tx, q, p, e);
}

static int refund(struct db_tx *tx, struct request *q, const struct row *p, struct err *e) {
    struct str number = pay__text(q->a, q->j, "refund", PAY_NUMBER_MAX);
    int64_t minor = pay__int(q->j, "minor", 0), given = 0;
    struct jw w;
    DB_ROWS rows;
    int r = db_one(tx, &rows, e, &pay_test_refund_get, DB_STR(number));
    bool again = r == 1, same = again && db_int(&rows, 1) == minor && str_eq(db_str(&rows, 0), p->number);
    db_rows_done(&rows);
    if (again && !same)
        return say(q, 409, "this refund number was used for something else");
    if (r >= 0)
        r = sum(tx, &pay_test_refunds, p->number, 0, &given, e);
    if (r >= 0 && !again && (strcmp(p->state, "paid") != 0 || minor > (p->total_minor > p->minor ? p->total_minor : p->minor) - given))
        return say(q, 422, "more than there is to give back");
    if (r >= 0 && !again)
        r = db_run(tx, NULL, e, &pay_test_refund_add, DB_STR(number), DB_STR(p->number), DB_INT(minor), DB_INT(q->now_ms));
    q->status = 200;
    jw_init(&w, &q->body);
    return r < 0 ? r : write_refund(tx, number, p->currency, q->now_ms, &w, e);
}

/* What costs more is charged for what is left of the period. Once: the same call again finds the price as it is to be. */
static void change_price(struct row *p, int64_t minor, int64_t months, bool charge, int64_t now_ms) {
    int64_t all = p->period_end_ms - p->period_start_ms, left = p->period_end_ms - now_ms;
    if (charge && minor > p->minor && left > 0) {
        left = left < all ? left : all;
        int64_t part = (int64_t)(((__int128)(minor - p->minor) * left + all / 2) / all);
        p->part_minor = part > 0 ? part : 1;
        p->total_minor += p->part_minor;
        p->parts++;
        p->paid_ms = now_ms;
    }
    p->minor = minor;
    p->months = months;
}

static int change(struct db_tx *tx, struct request *q, struct row *p, struct err *e) {
    struct str what = pay__text(q->a, q->j, "what", 16);
    if (!p->months || !strcmp(p->member_state, "ended") || !strcmp(p->member_state, "waiting"))
        return say(q, 422, "there is no membership that could be changed");
    if (str_eqz(what, "pause") && strcmp(p->member_state, "active") == 0)
        copy(p->member_state, sizeof(p->member_state), STR("paused"));
    else if (str_eqz(what, "resume") && strcmp(p->member_state, "paused") == 0)
        copy(p->member_state, sizeof(p->member_state), STR("active"));
    else if (str_eqz(what, "end") || str_eqz(what, "keep"))
        p->ends = str_eqz(what, "end");
    else if (str_eqz(what, "end_now"))
        copy(p->member_state, sizeof(p->member_state), STR("ended"));
    else if (str_eqz(what, "price"))
        change_price(p, pay__int(q->j, "minor", p->minor), pay__int(q->j, "months", p->months), pay__int(q->j, "charge", 0) != 0, q->now_ms);
    int r = put_row(tx, p, e);
    return r < 0 ? r : say_payment(tx, q, p, e);
}

static int on_request(struct db_tx *tx, void *arg, struct err *e) {
    struct request *q = arg;
    struct str op = pay__text(q->a, q->j, "op", 16), number = pay__text(q->a, q->j, "number", PAY_NUMBER_MAX);
    struct row p;
    struct jw w;
    buf_reset(&q->body);
    if (str_eqz(op, "start"))
        return start(tx, q, number, e);
    int r = get_row(tx, number, q->a, &p, e);
    if (r <= 0)
        return r < 0 ? r : say(q, 404, "there is no such payment");
    if (str_eqz(op, "query") || str_eqz(op, "query_member"))
        return say_payment(tx, q, &p, e);
    if (str_eqz(op, "close"))
        return close_payment(tx, q, &p, e);
    if (str_eqz(op, "refund"))
        return refund(tx, q, &p, e);
    if (str_eqz(op, "change"))
        return change(tx, q, &p, e);
    q->status = 200;
    jw_init(&w, &q->body);
    r = write_refund(tx, pay__text(q->a, q->j, "refund", PAY_NUMBER_MAX), p.currency, q->now_ms, &w, e);
    return r == 0 ? say(q, 404, "there is no such refund") : r;
}

int pay__test_answer(struct db *d, const struct pay_call *c, struct arena *a, int *ret_status, struct str *ret_body, struct err *e) {
    CLEANUP(json_unref) json_t *j = NULL;
    struct request q = { .a = a, .status = 500 };
    int r = json_read(c->body, &j, e);
    if (r < 0)
        return r;
    q.j = j;
    q.now_ms = pay__int(j, "now_ms", 0);
    buf_init(&q.body, ROW_MAX);
    r = db_do(d, on_request, &q, e);
    if (r >= 0 && q.body.failed)
        r = err_set(e, ERR_INTERNAL, "an answer of test money of more than %d bytes", ROW_MAX);
    *ret_status = q.status;
    *ret_body = r < 0 ? STR("") : arena_str(a, buf_str(&q.body));
    buf_done(&q.body);
    return r;
}

/* ---- what the page does ---- */
static bool is(const char *state, const char *one, const char *other) { return strcmp(state, one) == 0 || strcmp(state, other) == 0; }

static void paid(struct row *p, int64_t now_ms) {
    copy(p->state, sizeof(p->state), STR("paid"));
    p->paid_ms = now_ms;
    p->total_minor += p->minor;
    if (p->months) {
        copy(p->member_state, sizeof(p->member_state), STR("active"));
        p->period = 1;
        p->period_start_ms = now_ms;
        p->period_end_ms = now_ms + p->months * MONTH_MS;
    }
}

static void renewed(struct row *p, int64_t now_ms) {
    if (p->ends) {
        copy(p->member_state, sizeof(p->member_state), STR("ended"));
        return;
    }
    copy(p->member_state, sizeof(p->member_state), STR("active"));
    p->period++;
    p->parts = p->part_minor = 0;
    p->total_minor += p->minor;
    p->paid_ms = now_ms;
    p->period_start_ms = p->period_end_ms;
    p->period_end_ms += p->months * MONTH_MS;
}

/* False: it cannot happen in this state. */
static bool act_on(struct row *p, enum pay_test_act act, int64_t now_ms) {
    bool member = p->period > 0 && is(p->member_state, "active", "past_due");
    switch (act) {
    case PAY_TEST_PAY:
        if (!is(p->state, "open", "processing") || (p->until_ms && p->until_ms < now_ms))
            return false;
        paid(p, now_ms);
        return true;
    case PAY_TEST_PAY_LATE:
        if (!is(p->state, "open", "closed"))
            return false;
        paid(p, now_ms);
        return true;
    case PAY_TEST_PROCESS:
    case PAY_TEST_FAIL:
    case PAY_TEST_CANCEL:
        if (!is(p->state, "open", act == PAY_TEST_FAIL ? "processing" : "open"))
            return false;
        copy(p->state, sizeof(p->state), act == PAY_TEST_PROCESS ? STR("processing") : act == PAY_TEST_FAIL ? STR("failed") : STR("closed"));
        return true;
    case PAY_TEST_RENEW:
        if (member)
            renewed(p, now_ms);
        return member;
    case PAY_TEST_RENEW_FAIL:
        if (member)
            copy(p->member_state, sizeof(p->member_state), STR("past_due"));
        return member;
    case PAY_TEST_DISPUTE:
        if (p->disputed)
            return false;
        p->disputed = PAY__TEST_DISPUTED;
        return strcmp(p->state, "paid") == 0;
    case PAY_TEST_DISPUTE_WON:
    case PAY_TEST_DISPUTE_LOST:
        if (p->disputed != PAY__TEST_DISPUTED)
            return false;
        p->disputed = act == PAY_TEST_DISPUTE_WON ? 0 : PAY__TEST_LOST;
        return true;
    default:
        return true;                   /* refunds: a row of their own */
    }
}

struct act {
    struct str        number;
    enum pay_test_act act;
    struct arena     *a;
    int64_t           now_ms;
    char              id[33];
    struct buf        body;
};

static enum pay_about about_of(enum pay_test_act act) {
    return act == PAY_TEST_REFUND_DONE || act == PAY_TEST_REFUND_ABNORMAL ? PAY_ABOUT_REFUND
           : act == PAY_TEST_RENEW || act == PAY_TEST_RENEW_FAIL          ? PAY_ABOUT_MEMBER
           : act == PAY_TEST_DISPUTE || act == PAY_TEST_DISPUTE_WON || act == PAY_TEST_DISPUTE_LOST ? PAY_ABOUT_DISPUTE
                                                                          : PAY_ABOUT_PAYMENT;
}

/* The newest refund that is on its way; *ret lives in the arena. */
static int move_refund(struct db_tx *tx, const struct act *t, struct str *ret, struct err *e) {
    DB_ROWS rows;
    int r = db_one(tx, &rows, e, &pay_test_refund_last, DB_STR(t->number), DB_INT(t->now_ms - REFUND_MS));
    if (r <= 0)
        return r < 0 ? r : err_set(e, ERR_STATE, "no refund of this payment is on its way");
    *ret = arena_str(t->a, db_str(&rows, 0));
    db_rows_done(&rows);
    return db_run(tx, NULL, e, &pay_test_refund_put, DB_TEXT(t->act == PAY_TEST_REFUND_DONE ? "done" : "abnormal"), DB_STR(*ret));
}

static int on_act(struct db_tx *tx, void *arg, struct err *e) {
    struct act *t = arg;
    enum pay_about about = about_of(t->act);
    struct str moved = STR_NULL;
    struct row p;
    struct jw w;
    int r = get_row(tx, t->number, t->a, &p, e);
    if (r == 0)
        return err_set(e, ERR_NOT_FOUND, "no such payment of test money");
    if (r > 0 && !act_on(&p, t->act, t->now_ms))
        return err_set(e, ERR_STATE, "%s: not while the payment is %s", pay_test_act_names[t->act], p.state);
    if (r > 0)
        r = about == PAY_ABOUT_REFUND ? move_refund(tx, t, &moved, e) : put_row(tx, &p, e);
    if (r < 0)
        return r;
    buf_reset(&t->body);
    jw_init(&w, &t->body);
    jw_obj(&w);
    jw_kz(&w, "id", t->id);
    jw_kz(&w, "what", pay_test_act_names[t->act]);
    jw_kz(&w, "about", pay_about_names[about]);
    jw_kint(&w, "now_ms", t->now_ms);
    jw_key(&w, "payment");
    r = write_payment(tx, &p, t->now_ms, &w, e);
    if (r >= 0 && moved.p) {
        jw_key(&w, "refund");
        r = write_refund(tx, moved, p.currency, t->now_ms, &w, e);
    }
    jw_end_obj(&w);
    return r >= 0 && t->body.failed ? err_set(e, ERR_INTERNAL, "a notice of test money of more than %d bytes", ROW_MAX) : r < 0 ? r : 0;
}

int pay_test_act(struct pay *p, struct str number, enum pay_test_act act, struct arena *a, struct pay_test_notice *ret, struct err *e) {
    struct act t = { .number = number, .act = act, .a = a, .now_ms = clock_ms() };
    if ((unsigned)act >= PAY_TEST_ACT_COUNT)
        return err_set(e, ERR_BAD_INPUT, "no such act");
    if (!pay_has(p, "test"))
        return err_set(e, ERR_NOT_FOUND, "there is no test money here: pay.test_money");
    pay__nonce(t.id);
    buf_init(&t.body, ROW_MAX);
    int r = db_do(p->db, on_act, &t, e);
    if (r >= 0) {
        ret->body = arena_str(a, buf_str(&t.body));
        ret->signature = pay__test_sign(p->test_key, t.now_ms, ret->body, a);
    }
    buf_done(&t.body);
    return r;
}

int pay_test_view(struct pay *p, struct str number, struct arena *a, struct pay_test_view *ret, struct err *e) {
    struct row row;
    if (!pay_has(p, "test"))
        return err_set(e, ERR_NOT_FOUND, "there is no test money here: pay.test_money");
    int r = get_row(db_reader(p->db), number, a, &row, e);
    if (r <= 0)
        return r < 0 ? r : err_set(e, ERR_NOT_FOUND, "no such payment of test money");
    *ret = (struct pay_test_view){ .price = { .minor = row.minor }, .title = row.title, .return_url = row.return_url, .cancel_url = row.cancel_url,
                                   .months = (int)row.months, .until_ms = row.until_ms };
    memcpy(ret->price.currency, row.currency, sizeof(row.currency));
    int state = pay__index(pay_state_names, str_z(row.state));
    ret->state = (enum pay_state)(state < 0 ? PAY_CLOSED : state);
    return 0;
}

/* ---- what is long over ---- */
/* Fills numbers; how many. */
static int find_over(struct db_tx *tx, int64_t now_ms, char numbers[EXPIRE_MAX][PAY_NUMBER_MAX + 1], struct err *e) {
    int64_t paid_before = now_ms - PAID_MS;
    DB_ROWS rows;
    int n = 0, r = db_query(tx, &rows, e, &pay_test_over, DB_INT(now_ms - UNPAID_MS), DB_INT(paid_before), DB_INT(paid_before), DB_INT(paid_before), DB_INT(EXPIRE_MAX));
    while (r >= 0 && n < EXPIRE_MAX && (r = db_next(&rows, e)) == 1)
        copy(numbers[n++], PAY_NUMBER_MAX + 1, db_str(&rows, 0));
    return r < 0 ? r : n;
}

int pay_expire(struct db_tx *tx, int64_t now_ms, struct err *e) {
    char numbers[EXPIRE_MAX][PAY_NUMBER_MAX + 1];
    int n = find_over(tx, now_ms, numbers, e), r = n;
    for (int i = 0; i < n && r >= 0; i++) {
        r = db_run(tx, NULL, e, &pay_test_refunds_forget, DB_TEXT(numbers[i]));
        if (r >= 0)
            r = db_run(tx, NULL, e, &pay_test_forget, DB_TEXT(numbers[i]));
    }
    return r < 0 ? r : 0;
}
