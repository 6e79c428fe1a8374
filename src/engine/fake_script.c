/* fake_script.c - reads and counts the rules of fake_script.h. */
#include "engine/fake_script.h"

static const char *const what_names[FAKE_WHAT_COUNT] = {
#define X(id, text) [FAKE_##id] = text,
    FAKE_WHATS(X)
#undef X
};

static int rule_parse(struct str text, struct fake_rule *r, struct err *e) {
    struct str whole = text, head = str_cut(&text, '@'), nth = text;
    struct str what = str_cut(&head, '='), ms = head, op = STR_NULL;
    const char *dot = what.n ? memchr(what.p, '.', what.n) : NULL;
    *r = (struct fake_rule){ 0 };
    if (dot) {
        op = (struct str){ what.p, (size_t)(dot - what.p) };
        what = (struct str){ dot + 1, what.n - op.n - 1 };
    }
    for (int w = FAKE_NONE + 1; w < FAKE_WHAT_COUNT; w++)
        if (str_eqz(what, what_names[w]))
            r->what = (enum fake_what)w;
    bool timed = r->what == FAKE_DELAY || r->what == FAKE_JITTER || r->what == FAKE_LATE || r->what == FAKE_POOR || r->what == FAKE_SHUT,
         ok = r->what != FAKE_NONE && op.n < sizeof(r->only) && (!dot || op.n > 0) && timed == (ms.p != NULL);
    if (ok && timed)
        ok = str_int(ms, 0, 86400000, &r->ms) == 0;
    if (ok && nth.p) {
        r->onward = nth.n > 0 && nth.p[nth.n - 1] == '+';
        ok = str_int((struct str){ nth.p, nth.n - r->onward }, 1, 1000000000, &r->nth) == 0;
    }
    if (!ok)
        return err_set(e, ERR_CONFIG, "engine.fake_script: cannot read the rule \"%.*s\"", STR_ARG(whole));
    if (op.n)
        memcpy(r->only, op.p, op.n);
    return 0;
}

int fake_script_parse(struct str text, struct fake_script *ret, struct err *e) {
    struct fake_script s = { 0 };
    while (text.n) {
        struct str rule = str_trim(str_cut(&text, ';'));
        if (!rule.n)
            continue;
        if (s.n == FAKE_RULES_MAX)
            return err_set(e, ERR_CONFIG, "engine.fake_script: more than %d rules", FAKE_RULES_MAX);
        int r = rule_parse(rule, &s.rules[s.n++], e);
        if (r < 0)
            return r;
    }
    *ret = s;
    return 0;
}

static bool looks_at(const struct fake_rule *r, struct str op, const char *engine) {
    return !r->only[0] || str_eqz(op, r->only) || strcmp(engine, r->only) == 0;
}

/* Even from 0 to ms, by the number of the call alone. Source: S. Vigna, splitmix64.c, 2015, read 2026-11. */
static int64_t jitter_ms(const struct fake_rule *r) {
    uint64_t z = (uint64_t)r->seen * UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (int64_t)((z ^ (z >> 31)) % (uint64_t)(r->ms + 1));
}

struct fake_plan fake_script_next(struct fake_script *s, struct str op, const char *engine) {
    struct fake_plan p = { .what = FAKE_NONE };
    bool delayed = false, shaken = false;
    int64_t longer_ms = 0;
    for (size_t i = 0; i < s->n; i++) {
        struct fake_rule *r = &s->rules[i];
        if (!looks_at(r, op, engine))
            continue;
        r->seen++;
        if (r->nth && r->seen != r->nth && !(r->onward && r->seen > r->nth))
            continue;
        if (r->what == FAKE_DELAY) {
            if (!delayed)
                p.delay_ms = r->ms;
            delayed = true;
        } else if (r->what == FAKE_JITTER) {
            if (!shaken)
                longer_ms = jitter_ms(r);
            shaken = true;
        } else if (r->what == FAKE_SHUT) {
            if (r->nth)
                p.shut_ms = r->ms;
        } else if (p.what == FAKE_NONE && r->what != FAKE_POOR && r->what != FAKE_JUDGED) {
            p.what = r->what;
            p.late_ms = r->ms;
        }
    }
    p.delay_ms += longer_ms;
    return p;
}

const struct fake_rule *fake_script_has(const struct fake_script *s, struct str op, const char *engine, enum fake_what what) {
    for (size_t i = 0; i < s->n; i++)
        if (s->rules[i].what == what && looks_at(&s->rules[i], op, engine))
            return &s->rules[i];
    return NULL;
}

bool fake_script_poor(const struct fake_script *s, int64_t seed) {
    for (size_t i = 0; i < s->n; i++)
        if (s->rules[i].what == FAKE_POOR && seed % 1000 == s->rules[i].ms)
            return true;
    return false;
}
