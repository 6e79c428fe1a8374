/* may.c - see may.h. */
#include "shop/may.h"

#include "base/scope.h"
#include "db/db.h"

const struct setting shop_plan_settings[] = {
    { "shop.free_per_network", SET_INT, "20", 0, 1000000, "Free pictures a day for one network (IPv4: /24, IPv6: /48), however many guests come from it; 0: no limit." },
    { "shop.day_offset_h", SET_INT, "8", -12, 14, "Hours that the day of free pictures begins before midnight UTC: 8 is China's midnight." },
    { "shop.sell_below_cost", SET_BOOL, "false", 0, 0, "Sell also where the price does not cover what the engine is expected to cost." },
    { "shop.usd_cny_pm", SET_INT, "7200", 1000, 100000, "What a USD is worth in thousandths of a CNY, to compare prices with the engines' cost." },
    { 0 },
};

DB_SQL(may_paid, "SELECT plan, ends_ms FROM shop_order WHERE account_id = ? AND state = 'paid' AND ends_ms > ? AND product = ? "
                 "AND (refunded_minor < price_minor OR price_minor = 0)");

bool shop_sells(const struct pay *p, const struct studio_product *product) {
    struct pay_provider_info any;
    return p && product && product->n_plans > 0 && pay_provider(p, 0, &any);
}

static size_t plan_at(const struct studio_product *p, struct str name) {
    size_t i = 0;
    while (i < p->n_plans && !str_eq(p->plans[i].name, name))
        i++;
    return i;
}

int shop_may(struct db_tx *tx, const struct shop_house *h, int64_t account, int64_t now_ms, struct shop_may *ret, struct err *e) {
    if (!shop_sells(h->pay, h->product)) {
        *ret = (struct shop_may){ .may = { .candidates = STUDIO_CANDIDATES_MAX, .per_day = 0, .weight = 1, .quality_px = STUDIO_QUALITY_MAX_PX,
                                           .motion = h->product && h->product->has_motion, .enhanced = h->product && h->product->has_enhanced } };
        return 0;
    }
    const struct studio_product *p = h->product;
    size_t best = 0;
    int64_t until_ms = 0;
    DB_ROWS rows = { 0 };
    int r = db_query(tx, &rows, e, &may_paid, DB_INT(account), DB_INT(now_ms), DB_STR(p->name));
    while (r >= 0 && (r = db_next(&rows, e)) == 1) {
        size_t i = plan_at(p, db_str(&rows, 0));
        if (i == p->n_plans || i < best)                         /* a plan that is not offered any more gives nothing beyond its credits */
            continue;
        until_ms = i > best || db_int(&rows, 1) > until_ms ? db_int(&rows, 1) : until_ms;
        best = i;
    }
    if (r < 0)
        return r;
    *ret = (struct shop_may){ .sells = true, .plan = &p->plans[best], .until_ms = until_ms, .may = p->plans[best].may };
    return 0;
}

/* ---- never below cost ---- */

int64_t shop_microusd(const struct config *cfg, enum ledger_currency c, int64_t minor) {
    return c == LEDGER_USD ? minor * 10000 : (int64_t)((__int128)minor * 10000 * 1000 / config_int(cfg, "shop.usd_cny_pm"));
}

static struct shop_margin costs(const struct studio_recipe *recipe, int n) {
    return (struct shop_margin){ .costs_microusd = recipe->cost_microusd * (recipe->cost_per_candidate ? n : 1) };
}

/* What n candidates bring of a plan that costs so much. Prices have at most 1e8 minor units (studio/product.c), so 1e12 microusd; credits are 8e6 at most. */
static int64_t brings(const struct config *cfg, const struct studio_plan *plan, enum ledger_currency c, int64_t price, const struct studio_recipe *recipe, int n) {
    return shop_microusd(cfg, c, price) * (recipe->price_credits * (recipe->price_per_candidate ? n : 1)) / plan->credits;
}

static bool good(const struct config *cfg, const struct shop_margin *m) { return m->brings_microusd >= m->costs_microusd || config_bool(cfg, "shop.sell_below_cost"); }

bool shop_covers(const struct shop_house *h, const struct studio_plan *plan, const struct studio_recipe *recipe, int n, struct shop_margin *ret) {
    struct shop_margin m = costs(recipe, n);
    bool any = false;
    for (size_t c = 0; c < LEDGER_CURRENCY_COUNT && plan->credits > 0; c++) {
        int64_t more = plan->price[c] ? brings(h->cfg, plan, (enum ledger_currency)c, plan->price[c], recipe, n) : 0;
        if (plan->price[c] == 0 || (any && more >= m.brings_microusd))
            continue;
        m.brings_microusd = more;
        any = true;
    }
    if (ret)
        *ret = m;
    return !any || good(h->cfg, &m);
}

/* Both figures are straight lines: what lies between one candidate and the most is covered as well. */
static int most_of(const struct studio_plan *plan, const struct studio_recipe *recipe) {
    return plan->may.candidates < recipe->candidates_paid ? plan->may.candidates : recipe->candidates_paid;
}

bool shop_covers_at(const struct shop_house *h, const struct studio_plan *plan, enum ledger_currency currency, int64_t price) {
    for (struct str rest = h->product->recipes; rest.n && plan->credits > 0;) {
        const struct studio_recipe *recipe = studio_recipe(h->studio, str_cut(&rest, ','));
        const int counts[] = { 1, recipe ? most_of(plan, recipe) : 1 };
        for (size_t i = 0; recipe && i < COUNT(counts); i++) {
            struct shop_margin m = costs(recipe, counts[i]);
            m.brings_microusd = brings(h->cfg, plan, currency, price, recipe, counts[i]);
            if (!good(h->cfg, &m))
                return false;
        }
    }
    return true;
}

static int check_plan(const struct shop_house *h, const struct studio_plan *plan, const struct studio_recipe *recipe, struct err *e) {
    const int counts[] = { 1, most_of(plan, recipe) };
    for (size_t i = 0; i < COUNT(counts); i++) {
        struct shop_margin m;
        if (shop_covers(h, plan, recipe, counts[i], &m))
            continue;
        return err_set(e, ERR_CONFIG, "plan %.*s sells %.*s below cost: %d of it brings %lld and costs %lld microusd; raise the price, or set shop.sell_below_cost",
                       STR_ARG(plan->name), STR_ARG(recipe->name), counts[i], (long long)m.brings_microusd, (long long)m.costs_microusd);
    }
    return 0;
}

int shop_check(const struct shop_house *h, struct err *e) {
    if (!shop_sells(h->pay, h->product))
        return 0;
    for (size_t i = 0; i < h->product->n_plans; i++)
        for (struct str rest = h->product->recipes; rest.n;) {
            const struct studio_recipe *recipe = studio_recipe(h->studio, str_cut(&rest, ','));
            int r = recipe ? check_plan(h, &h->product->plans[i], recipe, e) : 0;
            if (r < 0)
                return r;
        }
    return 0;
}
