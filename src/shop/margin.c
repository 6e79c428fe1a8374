/* margin.c - see margin.h. Every number is a sum of entries; nothing is kept. */
#include "shop/margin.h"

#include <stdio.h>

#include "base/json.h"
#include "ledger/ledger.h"

#define PRODUCTS_MAX 32

struct sold { int64_t paid, refunded, fees, earned; };
struct product {
    char name[LEDGER_PRODUCT_MAX + 1];
    struct sold sold[LEDGER_CURRENCY_COUNT];
    int64_t provider, traffic, storage, given, spent, returned;
};
struct sums { struct product all[PRODUCTS_MAX]; size_t n; bool full; };

/* The kinds of movement of ledger/, and which way each counts. */
static void count_money(struct sold *s, struct str kind, int64_t amount) {
    const struct { const char *kind; int64_t *of; int sign; } kinds[] = {
        { "pay", &s->paid, 1 }, { "refund", &s->refunded, 1 }, { "unrefund", &s->refunded, -1 }, { "fee", &s->fees, 1 }, { "fee_back", &s->fees, -1 },
        { "earn", &s->earned, 1 }, { "unearn", &s->earned, -1 },
    };
    for (size_t i = 0; i < COUNT(kinds); i++)
        if (str_eqz(kind, kinds[i].kind))
            *kinds[i].of += kinds[i].sign * amount;
}

static void count_rest(struct product *p, struct str kind, struct str unit, int64_t amount) {
    const struct { const char *unit, *kind; int64_t *of; } kinds[] = {
        { "microusd", "cost", &p->provider }, { "microusd", "traffic", &p->traffic }, { "microusd", "storage", &p->storage },
        { "credit", "grant", &p->given }, { "credit", "capture", &p->spent }, { "credit", "return", &p->returned },
    };
    for (size_t i = 0; i < COUNT(kinds); i++)
        if (str_eqz(unit, kinds[i].unit) && str_eqz(kind, kinds[i].kind))
            *kinds[i].of += amount;
}

static void take(void *ctx, const struct ledger_sum *s) {
    struct sums *all = ctx;
    if (all->n == 0 || !str_eqz(s->product, all->all[all->n - 1].name)) {
        if (all->n == PRODUCTS_MAX) {
            all->full = true;
            return;
        }
        snprintf(all->all[all->n++].name, sizeof(all->all[0].name), "%.*s", STR_ARG(s->product));
    }
    struct product *p = &all->all[all->n - 1];
    enum ledger_currency c;
    if (ledger_currency_of(s->unit, &c))
        count_money(&p->sold[c], s->kind, s->amount);
    else
        count_rest(p, s->kind, s->unit, s->amount);
}

static void write_product(struct jw *w, const struct product *p, const struct config *cfg) {
    int64_t revenue = 0, fees = 0, cost = p->provider + p->traffic + p->storage;
    jw_obj(w);
    jw_kz(w, "product", p->name);
    jw_key(w, "sold");
    jw_arr(w);
    for (size_t i = 0; i < LEDGER_CURRENCY_COUNT; i++) {
        enum ledger_currency c = (enum ledger_currency)i;
        const struct sold *s = &p->sold[c];
        if (s->paid == 0 && s->refunded == 0 && s->fees == 0 && s->earned == 0)
            continue;
        jw_obj(w);
        jw_kz(w, "currency", ledger_currency_name(c));
        jw_kint(w, "paid", s->paid);
        jw_kint(w, "refunded", s->refunded);
        jw_kint(w, "fees", s->fees);
        jw_kint(w, "earned", s->earned);
        jw_end_obj(w);
        revenue += shop_microusd(cfg, c, s->earned);
        fees += shop_microusd(cfg, c, s->fees);
    }
    jw_end_arr(w);
    jw_key(w, "cost");
    jw_obj(w);
    jw_kint(w, "provider", p->provider);
    jw_kint(w, "traffic", p->traffic);
    jw_kint(w, "storage", p->storage);
    jw_end_obj(w);
    jw_key(w, "credits");
    jw_obj(w);
    jw_kint(w, "granted", p->given);
    jw_kint(w, "spent", p->spent);
    jw_kint(w, "returned", p->returned);
    jw_end_obj(w);
    jw_kint(w, "revenue", revenue);
    jw_kint(w, "margin", revenue - fees - cost);
    jw_key(w, "margin_pm");
    if (revenue > 0)
        jw_int(w, (int64_t)((__int128)(revenue - fees - cost) * 1000 / revenue));
    else
        jw_null(w);
    jw_end_obj(w);
}

int shop_margin(struct db_tx *tx, const struct config *cfg, int64_t from_ms, int64_t to_ms, struct jw *w, struct err *e) {
    struct sums all = { .n = 0 };
    int r = ledger_sums(tx, from_ms, to_ms, take, &all, e);
    if (r < 0 || all.full)
        return r < 0 ? r : err_set(e, ERR_TOO_BIG, "more than %d products", PRODUCTS_MAX);
    jw_arr(w);
    for (size_t i = 0; i < all.n; i++)
        write_product(w, &all.all[i], cfg);
    jw_end_arr(w);
    return 0;
}
