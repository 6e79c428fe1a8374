/* code.c - see code.h. */
#include "shop/code.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/json.h"
#include "db/db.h"
#include "ledger/ledger.h"
#include "shop/internal.h"

#define EXPIRE_MAX 200                         /* orders a round */
#define RANDOM_N 12                            /* characters of a random word: 60 bits, so that nobody finds one by trying */

DB_SQL(code_add, "INSERT INTO shop_code (code, batch, kind, plan, amount, currency, valid_ms, uses_max, uses, each_max, starts_ms, ends_ms, disabled, note, created_ms) "
                 "VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?, 0, ?, ?)");
DB_SQL(code_one, "SELECT kind, plan, amount, currency, valid_ms, each_max, starts_ms, ends_ms, disabled FROM shop_code WHERE code = ?");
DB_SQL(code_count, "UPDATE shop_code SET uses = uses + 1 WHERE code = ? AND (uses_max = 0 OR uses < uses_max)");
DB_SQL(code_uncount, "UPDATE shop_code SET uses = uses - 1 WHERE code = ?");
DB_SQL(code_used_n, "SELECT COUNT(*), COALESCE(MAX(n), -1) FROM shop_code_use WHERE code = ? AND account_id = ?");
DB_SQL(code_use, "INSERT INTO shop_code_use (code, account_id, n, id, order_id, at_ms) VALUES (?, ?, ?, ?, ?, ?)");
DB_SQL(code_of_order, "SELECT code FROM shop_code_use WHERE order_id = ?");
DB_SQL(code_unuse, "DELETE FROM shop_code_use WHERE order_id = ?");
DB_SQL(code_give, "UPDATE shop_code_use SET account_id = ?, n = id WHERE account_id = ?");      /* two accounts may have used the same word */
DB_SQL(code_page, "SELECT code, batch, kind, plan, amount, currency, uses_max, uses, each_max, starts_ms, ends_ms, disabled, note FROM shop_code "
                  "WHERE (? = 0 OR batch = ?) AND code > ? ORDER BY code LIMIT ?");
DB_SQL(code_disable, "UPDATE shop_code SET disabled = 1 WHERE batch = ?");
DB_SQL(code_wrong_n, "SELECT COUNT(*) FROM shop_code WHERE uses <> (SELECT COUNT(*) FROM shop_code_use u WHERE u.code = shop_code.code)");

const char *const shop_code_kind_names[] = {
#define X(id, text) text,
    SHOP_CODE_KINDS(X)
#undef X
    NULL,
};

/* Capitals and digits: what people type has blanks, dashes and small letters. false: this is no word. */
static bool read_word(struct str typed, char ret[SHOP_CODE_MAX]) {
    size_t n = 0;
    for (size_t i = 0; i < typed.n; i++) {
        char c = typed.p[i];
        if (c == ' ' || c == '-')
            continue;
        c = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
        if (n == SHOP_CODE_MAX - 1 || !((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')))
            return false;
        ret[n++] = c;
    }
    ret[n] = '\0';
    return n >= 4;
}

static void random_word(char ret[SHOP_CODE_MAX]) {
    static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";      /* Crockford's: nothing that looks like something else */
    uint8_t random[RANDOM_N];
    crypto_random(random, sizeof(random));
    for (size_t i = 0; i < RANDOM_N; i++)
        ret[i] = digits[random[i] % 32];
    ret[RANDOM_N] = '\0';
}

/* ---- made ---- */
static int check_new(const struct shop *s, const struct shop_code_new *n, struct err *e) {
    const struct studio_plan *plan = n->plan.n ? studio_plan_named(studio_product(s->studio, STR_NULL), n->plan) : NULL;
    if ((n->plan.n && !plan) || (plan && (plan->kind == STUDIO_PLAN_FREE || plan->kind == STUDIO_PLAN_MEMBER)))
        return err_set(e, ERR_BAD_INPUT, "plan: one that is sold once, or left out");
    if (n->kind == SHOP_CODE_PLAN && !plan)
        return err_set(e, ERR_BAD_INPUT, "plan: which one is given");
    if (n->kind == SHOP_CODE_CREDITS && (n->amount < 1 || n->valid_ms < 1))
        return err_set(e, ERR_BAD_INPUT, "amount, valid_days: how many credits, and for how long");
    if (n->kind == SHOP_CODE_PERCENT && (n->amount < 1 || n->amount > 100))
        return err_set(e, ERR_BAD_INPUT, "amount: 1 to 100 per cent");
    if (n->kind == SHOP_CODE_AMOUNT && n->amount < 1)
        return err_set(e, ERR_BAD_INPUT, "amount: how much less, in fen or cents");
    if (n->ends_ms <= n->starts_ms || n->ends_ms <= clock_ms())
        return err_set(e, ERR_BAD_INPUT, "ends_ms: in the future, and after starts_ms");
    return n->word.n && n->count != 1 ? err_set(e, ERR_BAD_INPUT, "count: 1 for a word of one's own") : 0;
}

int shop_code_make(struct db_tx *tx, const struct shop *s, const struct shop_code_new *n, struct err *e) {
    int r = check_new(s, n, e);
    for (int i = 0; r >= 0 && i < n->count; i++) {
        char word[SHOP_CODE_MAX];
        if (!n->word.n)
            random_word(word);
        else if (!read_word(n->word, word))
            return err_set(e, ERR_BAD_INPUT, "code: 4 to %d letters and digits", SHOP_CODE_MAX - 1);
        r = db_run(tx, NULL, e, &code_add, DB_TEXT(word), DB_INT(n->batch), DB_TEXT(shop_code_kind_names[n->kind]), DB_STR(n->plan.n ? n->plan : STR("")),
                   DB_INT(n->kind == SHOP_CODE_PLAN ? 0 : n->amount), DB_TEXT(n->kind == SHOP_CODE_AMOUNT ? ledger_currency_name(n->currency) : ""), DB_INT(n->valid_ms),
                   DB_INT(n->uses_max), DB_INT(n->each_max), DB_INT(n->starts_ms), DB_INT(n->ends_ms), DB_STR(n->note.n ? n->note : STR("")), DB_INT(clock_ms()));
        if (r == ERR_RACE && n->word.n)
            return err_set(e, ERR_CODE_TAKEN, "code: \"%s\" is there already", word);
    }
    return r < 0 ? r : 0;
}

int shop_code_list(struct db_tx *tx, int64_t batch, struct str after, int limit, struct buf *out, struct err *e) {
    struct jw w;
    DB_ROWS rows = { 0 };
    int r = db_query(tx, &rows, e, &code_page, DB_INT(batch), DB_INT(batch), DB_STR(after.n ? after : STR("")), DB_INT(limit));
    jw_init(&w, out);
    jw_arr(&w);
    while (r >= 0 && (r = db_next(&rows, e)) == 1) {
        jw_obj(&w);
        jw_kstr(&w, "code", db_str(&rows, 0));
        jw_kid(&w, "batch", "batch", db_int(&rows, 1));
        jw_kstr(&w, "kind", db_str(&rows, 2));
        jw_kstr(&w, "plan", db_str(&rows, 3));
        jw_kint(&w, "amount", db_int(&rows, 4));
        jw_kstr(&w, "currency", db_str(&rows, 5));
        jw_kint(&w, "uses_max", db_int(&rows, 6));
        jw_kint(&w, "uses", db_int(&rows, 7));
        jw_kint(&w, "each_max", db_int(&rows, 8));
        jw_kint(&w, "starts_ms", db_int(&rows, 9));
        jw_kint(&w, "ends_ms", db_int(&rows, 10));
        jw_kbool(&w, "disabled", db_int(&rows, 11) != 0);
        jw_kstr(&w, "note", db_str(&rows, 12));
        jw_end_obj(&w);
    }
    jw_end_arr(&w);
    return r < 0 ? r : out->failed ? err_set(e, ERR_TOO_BIG, "the list does not fit the answer") : 0;
}

int shop_code_disable(struct db_tx *tx, int64_t batch, struct err *e) {
    int64_t changed;
    int r = db_run(tx, &changed, e, &code_disable, DB_INT(batch));
    return r < 0 ? r : changed ? 0 : err_set(e, ERR_NOT_FOUND, "no such batch");
}

/* ---- used ---- */
struct worth { enum shop_code_kind kind; int64_t amount, valid_ms; char plan[33], currency[4]; };

/* One use by this account, taken. */
static int use(struct db_tx *tx, struct str typed, int64_t account, int64_t id, int64_t order, struct worth *ret, struct err *e) {
    char word[SHOP_CODE_MAX];
    int64_t each_max, now = clock_ms(), changed, n, next;
    if (!read_word(typed, word))
        return err_set(e, ERR_CODE_WRONG, "no such code");
    {
        DB_ROWS rows = { 0 }, used = { 0 };
        int r = db_one(tx, &rows, e, &code_one, DB_TEXT(word));
        if (r < 0)
            return r;
        if (r == 0 || db_int(&rows, 8) || now < db_int(&rows, 6) || now >= db_int(&rows, 7))
            return err_set(e, ERR_CODE_WRONG, r == 0 ? "no such code" : "it is not good now");
        *ret = (struct worth){ .amount = db_int(&rows, 2), .valid_ms = db_int(&rows, 4) };
        while (ret->kind < SHOP_CODE_KIND_COUNT - 1 && !str_eqz(db_str(&rows, 0), shop_code_kind_names[ret->kind]))
            ret->kind++;
        snprintf(ret->plan, sizeof(ret->plan), "%.*s", STR_ARG(db_str(&rows, 1)));
        snprintf(ret->currency, sizeof(ret->currency), "%.*s", STR_ARG(db_str(&rows, 3)));
        each_max = db_int(&rows, 5);
        if ((r = db_one(tx, &used, e, &code_used_n, DB_TEXT(word), DB_INT(account))) < 0)
            return r;
        n = db_int(&used, 0);
        next = db_int(&used, 1) + 1;
    }
    if (n >= each_max)
        return err_set(e, ERR_CODE_USED, "by this account, %lld times", (long long)n);
    int r = db_run(tx, &changed, e, &code_count, DB_TEXT(word));
    if (r < 0 || changed != 1)
        return r < 0 ? r : err_set(e, ERR_CODE_USED, "as often as it may be");
    return db_run(tx, NULL, e, &code_use, DB_TEXT(word), DB_INT(account), DB_INT(next), DB_INT(id), DB_INT(order), DB_INT(now));
}

int shop__code_off(struct db_tx *tx, struct str word, int64_t account, int64_t order, const struct studio_plan *plan, enum ledger_currency currency, int64_t *ret_off,
                   struct err *e) {
    struct worth w;
    int64_t price = plan->price[currency];
    int r = plan->kind == STUDIO_PLAN_MEMBER ? err_set(e, ERR_CODE_WRONG, "a membership costs what it costs") : use(tx, word, account, id_new(), order, &w, e);
    if (r < 0)
        return r;
    if ((w.kind != SHOP_CODE_PERCENT && w.kind != SHOP_CODE_AMOUNT) || (w.plan[0] && !str_eqz(plan->name, w.plan)) ||
        (w.kind == SHOP_CODE_AMOUNT && strcmp(w.currency, ledger_currency_name(currency)) != 0))
        return err_set(e, ERR_CODE_WRONG, "it is for something else");
    int64_t off = w.kind == SHOP_CODE_PERCENT ? price * w.amount / 100 : w.amount;
    *ret_off = off < price ? off : price;
    return 0;
}

int shop__code_release(struct db_tx *tx, int64_t order, struct err *e) {
    char word[SHOP_CODE_MAX];
    {
        DB_ROWS rows = { 0 };
        int r = db_one(tx, &rows, e, &code_of_order, DB_INT(order));
        if (r <= 0)
            return r;
        snprintf(word, sizeof(word), "%.*s", STR_ARG(db_str(&rows, 0)));
    }
    int r = db_run(tx, NULL, e, &code_unuse, DB_INT(order));
    return r < 0 ? r : db_run(tx, NULL, e, &code_uncount, DB_TEXT(word));
}

int shop_code_redeem(struct db_tx *tx, struct shop *s, const struct shop_redeem *want, int64_t *ret_order, struct err *e) {
    struct worth w;
    int64_t order = id_new();
    int r = use(tx, want->word, want->account, want->id, order, &w, e);
    if (r < 0)
        return r;
    if (w.kind == SHOP_CODE_CREDITS) {
        *ret_order = 0;
        return ledger_grant(tx, &(struct ledger_grant){ .account = want->account, .credits = w.amount, .source = LEDGER_PROMO, .expires_ms = clock_ms() + w.valid_ms,
                                                        .cause = "code", .cause_id = want->id, .product = want->product->name }, e);
    }
    const struct studio_plan *plan = w.kind == SHOP_CODE_PLAN ? studio_plan_named(want->product, str_z(w.plan)) : NULL;
    if (!plan)
        return err_set(e, ERR_CODE_WRONG, w.kind == SHOP_CODE_PLAN ? "that plan is not offered any more" : "it makes an order cheaper: give it there");
    if ((r = shop__order_rate(tx, s, want->account, e)) < 0)
        return r;
    *ret_order = order;
    struct shop_order_new o = { .id = order, .account = want->account, .product = want->product, .plan = plan, .provider = "", .lang = want->lang };
    while (o.currency + 1 < LEDGER_CURRENCY_COUNT && plan->price[o.currency] == 0)
        o.currency++;
    return shop__order_add(tx, s, &o, /* off= */ plan->price[o.currency], e);
}

DB_SQL(code_use_one, "SELECT c.kind, c.amount, c.plan, u.order_id FROM shop_code_use u JOIN shop_code c ON c.code = u.code WHERE u.id = ?");

int shop_code_use_get(struct db_tx *tx, int64_t id, struct shop_use *ret, struct err *e) {
    DB_ROWS rows = { 0 };
    int r = db_one(tx, &rows, e, &code_use_one, DB_INT(id));
    if (r <= 0)
        return r;
    bool credits = str_eqz(db_str(&rows, 0), "credits");
    *ret = (struct shop_use){ .kind = shop_code_kind_names[credits ? SHOP_CODE_CREDITS : SHOP_CODE_PLAN], .credits = credits ? db_int(&rows, 1) : 0,
                              .order = credits ? 0 : db_int(&rows, 3) };
    snprintf(ret->plan, sizeof(ret->plan), "%.*s", STR_ARG(db_str(&rows, 2)));
    return 1;
}

/* Of orders that nobody can pay any more, whatever their provider said when they were closed. */
DB_SQL(code_over, "SELECT u.order_id FROM shop_code_use u JOIN shop_order o ON o.id = u.order_id WHERE o.state IN ('closed', 'failed') AND o.ask_ms = 0 LIMIT 1");

int shop_code_expire(struct db_tx *tx, struct err *e) {
    for (int i = 0; i < EXPIRE_MAX; i++) {
        int64_t order;
        {
            DB_ROWS rows = { 0 };
            int r = db_one(tx, &rows, e, &code_over);
            if (r <= 0)
                return r;
            order = db_int(&rows, 0);
        }
        int r = shop__code_release(tx, order, e);
        if (r < 0)
            return r;
    }
    return 0;
}

int shop_code_move(struct db_tx *tx, int64_t from, int64_t to, struct err *e) { return db_run(tx, NULL, e, &code_give, DB_INT(to), DB_INT(from)); }

int shop_code_verify(struct db_tx *tx, void (*tell)(void *ctx, const char *what), void *ctx, struct err *e) {
    DB_ROWS rows = { 0 };
    int r = db_one(tx, &rows, e, &code_wrong_n);
    if (r < 0 || db_int(&rows, 0) == 0)
        return r < 0 ? r : 0;
    tell(ctx, "a code counts other uses than it has");
    return 1;
}
