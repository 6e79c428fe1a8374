/* eta.c - see eta.h. */
#include "task/eta.h"

#include <assert.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "task/rate.h"

#define PEOPLE_KINDS  9              /* 0..8 people; 1..8 candidates */
#define SUM_AT_ONCE   512            /* a line this long is added up whenever it has changed, a longer one every SUM_MS */
#define SUM_MS        100
#define HAND_MS       20             /* what is in hand is looked at this often */
#define OVERTAKE_MS   60000.0        /* newcomers with a smaller turn: how far back they are remembered */
#define ROOM_GUESS    0.2            /* of the room for newcomers, this part is taken, as long as nothing was seen, */
#define ROOM_WEIGHT   2.0
#define ROOM_TIMES    2
#define ROOM_SPREAD   1.0            /* and it may be this much more */
#define CORRECT_FROM  8              /* comparisons before promises are corrected; p90 believes half of them then, */
#define UNPROVED_P50  1.5            /* until then: first tasks come while the machine does much else, and better early than late */
#define UNPROVED_P90  2.0
#define CORRECT_HALF  32.0           /* p50 with that many, and ever more */
#define CORRECT_MAX   0.6931         /* p50 up to twice or half (natural logarithm) */
#define Z90           1.2816         /* of the normal distribution */

const double eta_hist_edge[ETA_HIST] = { 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, INFINITY };

/* Work: slot time in ms. doubt: ms by which it is off when the measured means are; it adds up straight, the spread of calls does not. */
struct work { double ms, var, doubt, units, strange; };   /* strange: tasks of which nothing was measured */

struct promise { int64_t at_ms; double raw_ms, room_ms, taken, p50_ms, p90_ms; };   /* room_ms: for newcomers, see room_ms() */
struct entry {
    int64_t  turn, id;
    uint16_t recipe;
    uint8_t  people, asked;
    bool     in_line;
    unsigned runs_gen, run;          /* it is runs[run] when runs_gen is the newest */
    int64_t  place;
    struct work ahead;
    struct promise said[ETA_WHEN_COUNT];
};
struct line {
    struct entry *e;
    size_t  n, cap;
    int     slots;
    bool    dirty, moved;
    int64_t summed_ms, hand_ms;
    struct work hand, all;           /* hand: what is left of the runs; all: of the others */
    int64_t waiting, candidates, vtime;   /* candidates: of all; vtime: the largest turn that was claimed */
    double  overtaken;               /* slot ms of newcomers, decayed, by the part of the line they passed */
    int64_t overtaken_ms;
};
struct kept {
    struct eta_error sum;
    double  ratio[ETA_KEPT], error[ETA_KEPT], bias[ETA_KEPT];      /* ratio: ln(actual / uncorrected promise) */
    bool    covered[ETA_KEPT];
    double  room[ETA_KEPT], more[ETA_KEPT];  /* as parts of the promise: room for newcomers, and how much longer than without them it took */
    size_t  n, next;
    double  q50, q90;                /* of ratio */
};
struct eta {
    const struct studio *studio;
    struct eta_engine engines[ETA_ENGINES_MAX];
    size_t  n_engines, n_recipes;
    const struct studio_recipe *recipes[ETA_RECIPES_MAX];
    pthread_mutex_t lock;
    struct rate *rates;              /* [engine][recipe][step] */
    struct work *works;              /* [engine][recipe][people][asked], of a whole task; all 0: to be worked out */
    struct line lines[ETA_ENGINES_MAX];
    struct eta_run *runs;
    size_t  n_runs, cap_runs;
    unsigned runs_gen;
    struct kept kept[ETA_WHEN_COUNT];
    double  room_taken;              /* part of room_ms that newcomers took */
};

/* ---- life ---- */

struct eta *eta_new(const struct studio *s, const struct eta_engine *engines, size_t n_engines) {
    struct eta *x = calloc(1, sizeof(*x));
    if (!x)
        abort();
    assert(n_engines <= ETA_ENGINES_MAX);
    x->studio = s;
    x->room_taken = ROOM_GUESS;
    pthread_mutex_init(&x->lock, NULL);
    for (; x->n_engines < n_engines; x->n_engines++)
        x->engines[x->n_engines] = engines[x->n_engines];
    while (x->n_recipes < ETA_RECIPES_MAX && (x->recipes[x->n_recipes] = studio_recipe_at(s, x->n_recipes)))
        x->n_recipes++;
    size_t kinds = (x->n_engines ? x->n_engines : 1) * (x->n_recipes ? x->n_recipes : 1);
    x->rates = calloc(kinds * STUDIO_STEPS_MAX, sizeof(*x->rates));
    x->works = calloc(kinds * PEOPLE_KINDS * PEOPLE_KINDS, sizeof(*x->works));
    if (!x->rates || !x->works)
        abort();
    return x;
}

void eta_free(struct eta *x) {
    if (!x)
        return;
    for (size_t g = 0; g < x->n_engines; g++)
        free(x->lines[g].e);
    free(x->rates);
    free(x->works);
    free(x->runs);
    pthread_mutex_destroy(&x->lock);
    free(x);
}

int eta_engine_of(const struct eta *x, const char *name) {
    for (size_t i = 0; i < x->n_engines; i++)
        if (strcmp(x->engines[i].name, name) == 0)
            return (int)i;
    return -1;
}

int eta_recipe_of(const struct eta *x, const char *name) {
    for (size_t i = 0; i < x->n_recipes; i++)
        if (str_eqz(x->recipes[i]->name, name))
            return (int)i;
    return -1;
}

static bool known(const struct eta *x, int engine, int recipe) {
    return engine >= 0 && (size_t)engine < x->n_engines && recipe >= 0 && (size_t)recipe < x->n_recipes;
}

/* ---- what calls take ---- */

static struct rate *rate_at(const struct eta *x, int engine, int recipe, size_t step) {
    return &x->rates[((size_t)engine * x->n_recipes + (size_t)recipe) * STUDIO_STEPS_MAX + step];
}

/* Its own, or as long as there is none that of another recipe's step with the same operation. */
static const struct rate *rate_of(const struct eta *x, int engine, int recipe, size_t step) {
    const struct rate *best = rate_at(x, engine, recipe, step);
    struct str op = x->recipes[recipe]->steps[step].op;
    for (size_t r = 0; !rate_known(best) && r < x->n_recipes; r++)
        for (size_t s = 0; s < x->recipes[r]->n_steps; s++)
            if (str_eq(x->recipes[r]->steps[s].op, op) && rate_known(rate_at(x, engine, (int)r, s)))
                best = rate_at(x, engine, (int)r, s);
    return best;
}

static int units_of(const struct eta *x, int engine, const struct studio_step *s, int people, int asked) {
    if (!studio_step_is_of(s, x->engines[engine].remote))
        return 0;
    return s->per == STUDIO_PER_PERSON ? people : s->per == STUDIO_PER_CANDIDATE ? asked : 1;
}

static struct work *work_at(const struct eta *x, int engine, int recipe, int people, int asked) {
    return &x->works[(((size_t)engine * x->n_recipes + (size_t)recipe) * PEOPLE_KINDS + (size_t)people) * PEOPLE_KINDS + (size_t)asked];
}

static void forget_works(struct eta *x, int engine) {
    size_t n = x->n_recipes * PEOPLE_KINDS * PEOPLE_KINDS;
    memset(&x->works[(size_t)engine * n], 0, n * sizeof(*x->works));
    x->lines[engine].dirty = true;
}

void eta_took(struct eta *x, int engine, int recipe, size_t step, int64_t slot_ms) {
    if (!known(x, engine, recipe))
        return;
    pthread_mutex_lock(&x->lock);
    rate_took(rate_at(x, engine, recipe, step), (double)slot_ms);
    forget_works(x, engine);
    pthread_mutex_unlock(&x->lock);
}

void eta_stored(struct eta *x, int engine, int recipe, size_t step, int64_t ms) {
    if (!known(x, engine, recipe))
        return;
    pthread_mutex_lock(&x->lock);
    rate_stored(rate_at(x, engine, recipe, step), (double)ms);
    pthread_mutex_unlock(&x->lock);
}

void eta_decided(struct eta *x, int engine, int recipe, int people, int asked, const int *calls) {
    if (!known(x, engine, recipe))
        return;
    const struct studio_recipe *re = x->recipes[recipe];
    pthread_mutex_lock(&x->lock);
    for (size_t s = 0; s < re->n_steps; s++)
        if (studio_step_is_of(&re->steps[s], x->engines[engine].remote))
            rate_decided(rate_at(x, engine, recipe, s), calls[s], units_of(x, engine, &re->steps[s], people, asked));
    forget_works(x, engine);
    pthread_mutex_unlock(&x->lock);
}

/* ---- work ---- */

static void add(struct work *to, const struct work *w) {
    to->ms += w->ms;
    to->var += w->var;
    to->doubt += w->doubt;
    to->units += w->units;
    to->strange += w->strange;
}

/* So many units of a step that have not begun. */
static void add_units(struct work *to, const struct rate *r, double units) {
    double calls = units * rate_calls(r), mean = rate_mean(r);
    if (calls <= 0)
        return;
    if (!rate_known(r))
        to->strange = 1;
    to->ms += calls * mean;
    to->var += calls * rate_var(r);
    to->doubt += calls * mean * rate_doubt(r);
    to->units += calls;
}

/* A whole task. */
static const struct work *work_of(const struct eta *x, int engine, const struct entry *e) {
    struct work *w = work_at(x, engine, e->recipe, e->people, e->asked);
    if (w->units > 0 || w->strange > 0)
        return w;
    const struct studio_recipe *re = x->recipes[e->recipe];
    *w = (struct work){ 0 };
    for (size_t s = 0; s < re->n_steps; s++)
        add_units(w, rate_of(x, engine, e->recipe, s), units_of(x, engine, &re->steps[s], e->people, e->asked));
    if (w->strange > 0)
        *w = (struct work){ .strange = 1 };
    return w;
}

/* What a run still needs; busy_only: of what it holds now. */
static struct work left_of(const struct eta *x, const struct eta_run *r, int64_t now_ms, bool busy_only) {
    const struct studio_recipe *re = x->recipes[r->recipe];
    struct work w = { 0 };
    for (size_t s = 0; s < re->n_steps; s++) {
        const struct rate *rate = rate_of(x, r->engine, r->recipe, s);
        for (int b = 0; b < r->steps[s].busy; b++) {
            double mean, var;
            rate_left(rate, (double)(now_ms - r->steps[s].began_ms[b]), &mean, &var);
            add(&w, &(struct work){ .ms = mean, .var = var, .doubt = mean * rate_doubt(rate), .units = 1 });
        }
        if (!busy_only)
            add_units(&w, rate, r->steps[s].todo);
    }
    return w;
}

/* The stages a task goes through, given the slots: a stage begins when the one before has ended. */
static void stages(const struct eta *x, const struct eta_run *r, int slots, int64_t now_ms, double *ret_ms, double *ret_var, double *ret_doubt) {
    /* Expected largest of k normal values, in standard deviations. */
    static const double largest[ETA_UNITS_MAX + 1] = { 0, 0, 0.56, 0.85, 1.03, 1.16, 1.27, 1.35, 1.42 };
    const struct studio_recipe *re = x->recipes[r->recipe];
    double ms = 0, all_var = 0, doubt = 0;
    for (size_t s = 0; s < re->n_steps; s++) {
        const struct rate *rate = rate_of(x, r->engine, r->recipe, s);
        const struct eta_step *st = &r->steps[s];
        double mean = rate_mean(rate), var = rate_var(rate), calls = rate_calls(rate), left = 0, longest = 0, left_var = 0, took = 0;
        int side = st->todo + st->busy < slots ? st->todo + st->busy : slots;
        if (st->todo + st->busy == 0 || side < 1)
            continue;
        for (int b = 0; b < st->busy; b++) {
            double m, v;
            rate_left(rate, (double)(now_ms - st->began_ms[b]), &m, &v);
            left += m;
            longest = m > longest ? m : longest;
            left_var = v > left_var ? v : left_var;
        }
        double spread = largest[side < ETA_UNITS_MAX ? side : ETA_UNITS_MAX];
        if (st->todo == 0)
            took = longest + (st->busy > 1 ? spread * sqrt(left_var) : 0) + (calls > 1 ? (calls - 1) * mean : 0);
        else if (st->busy == 0)
            took = (ceil((double)st->todo / side) * mean + spread * sqrt(var)) * calls;
        else
            took = (left + st->todo * mean * calls) / side + spread * sqrt(var);
        all_var += st->todo * calls * var / side + left_var;
        doubt += took * rate_doubt(rate);
        ms += took + (calls < 1 && st->busy == 0 ? calls : 1) * rate_store_ms(rate);
    }
    *ret_ms = ms;
    *ret_var = all_var;
    *ret_doubt = doubt;
}

/* ---- the line ---- */

static size_t place_of(const struct line *l, int64_t turn, int64_t id) {
    size_t lo = 0, hi = l->n;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (l->e[mid].turn < turn || (l->e[mid].turn == turn && l->e[mid].id < id))
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static struct entry *entry_of(const struct line *l, int64_t turn, int64_t id) {
    size_t i = place_of(l, turn, id);
    return i < l->n && l->e[i].id == id ? &l->e[i] : NULL;
}

static const struct eta_run *run_of(const struct eta *x, const struct entry *e) {
    return e->runs_gen == x->runs_gen && e->run < x->n_runs && x->runs[e->run].id == e->id ? &x->runs[e->run] : NULL;
}

/* What is ahead of each; a task that was claimed a moment ago and is not in hand yet still stands there. */
static void sum_up(struct eta *x, int engine, int64_t now_ms) {
    struct line *l = &x->lines[engine];
    if (!l->dirty || (l->n > SUM_AT_ONCE && now_ms - l->summed_ms < SUM_MS))
        return;
    struct work sum = { 0 };
    l->waiting = l->candidates = 0;
    for (size_t i = 0; i < l->n; i++) {
        struct entry *e = &l->e[i];
        e->ahead = sum;
        e->place = e->in_line ? ++l->waiting : 0;
        if (run_of(x, e))
            continue;
        add(&sum, work_of(x, engine, e));
        l->candidates += e->asked;
    }
    l->all = sum;
    l->summed_ms = now_ms;
    l->dirty = false;
}

static const struct work *in_hand(struct eta *x, int engine, int64_t now_ms) {
    struct line *l = &x->lines[engine];
    if (l->hand_ms && now_ms - l->hand_ms < HAND_MS)
        return &l->hand;
    l->hand = (struct work){ 0 };
    l->hand_ms = now_ms;
    for (size_t i = 0; i < x->n_runs; i++)
        if (x->runs[i].engine == engine) {
            struct work w = left_of(x, &x->runs[i], now_ms, false);
            add(&l->hand, &w);
        }
    return &l->hand;
}

/* ---- foretelling ---- */

/* How long the slots work until one is free for what stands behind w. */
static double begins_ms(const struct work *w, int slots) {
    return w->units < slots ? 0 : w->ms / slots * (w->units - slots + 1) / w->units;
}

/* How much longer the wait gets when one more account buys all it may between virtual time and this turn; at most `times` the wait. */
static double room_ms(const struct line *l, const struct entry *e, double begins, double times) {
    double ahead = e->turn > l->vtime ? (double)(e->turn - l->vtime) / ETA_TURN_UNIT : 0;        /* candidates */
    double room = l->candidates ? ahead * l->all.ms / (double)l->candidates / l->slots : 0;
    return room < times * begins ? room : times * begins;
}

static double overtaken_ms(const struct line *l, double begins, int64_t now_ms) {
    double rate = l->overtaken * exp(-(double)(now_ms - l->overtaken_ms) / OVERTAKE_MS) / OVERTAKE_MS / l->slots;
    return begins * (rate < 1 ? rate : 1);
}

/* ms from now, not yet corrected; false when nothing is known. */
static bool foretell(struct eta *x, int engine, const struct entry *e, int64_t now_ms, double *ret_p50, double *ret_p90, double *ret_room) {
    struct line *l = &x->lines[engine];
    const struct eta_run *r = run_of(x, e);
    struct eta_run fresh = { .engine = engine, .recipe = e->recipe };
    struct work w = { 0 };
    double own_ms, own_var, own_doubt, room = 0, late = 0;
    const struct work *whole = work_of(x, engine, e);
    if (l->slots < 1 || whole->strange > 0 || (r && r->stuck))
        return false;
    if (r) {
        for (size_t i = 0; i < x->n_runs; i++) {
            const struct eta_run *o = &x->runs[i];
            if (o->engine != engine || o->id == e->id)
                continue;
            struct work theirs = left_of(x, o, now_ms, /* busy_only= */ o->turn > r->turn || (o->turn == r->turn && o->id > r->id));
            add(&w, &theirs);
        }
        bool waits = false;
        for (size_t s = 0; s < STUDIO_STEPS_MAX; s++)
            waits |= r->steps[s].todo > 0;
        if (!waits)
            w = (struct work){ 0 };
    } else {
        sum_up(x, engine, now_ms);
        w = e->ahead;
        add(&w, in_hand(x, engine, now_ms));
        for (size_t s = 0; s < x->recipes[e->recipe]->n_steps; s++)
            fresh.steps[s].todo = units_of(x, engine, &x->recipes[e->recipe]->steps[s], e->people, e->asked);
        r = &fresh;
    }
    /* Of which nothing is known: as this one. */
    w.ms += w.strange * whole->ms;
    w.units += w.strange * whole->units;
    w.var += w.strange * whole->ms * whole->ms;
    stages(x, r, l->slots, now_ms, &own_ms, &own_var, &own_doubt);
    double begins = begins_ms(&w, l->slots), part = w.ms > 0 ? begins * l->slots / w.ms : 0, doubt = w.doubt * part / l->slots + own_doubt;
    double mean = begins + own_ms, var = w.var * part / l->slots / l->slots + own_var + doubt * doubt;
    if (r == &fresh) {
        room = room_ms(l, e, begins, 1);
        late = overtaken_ms(l, begins, now_ms);
        double much = ROOM_SPREAD * room_ms(l, e, begins, ROOM_TIMES);
        late = late > much ? late : much;
    }
    mean += x->room_taken * room;
    mean = mean > 1 ? mean : 1;
    double cv2 = var / (mean * mean), wide2 = (var + late * late) / (mean * mean);
    *ret_p50 = mean / sqrt(1 + cv2);
    *ret_p90 = *ret_p50 * exp(Z90 * sqrt(log(1 + wide2)));
    *ret_room = room;
    return true;
}

/* By what was promised before and what came of it. */
static void correct(const struct kept *k, double raw50, double raw90, double *ret_p50, double *ret_p90) {
    if (k->n < CORRECT_FROM) {
        *ret_p50 = raw50 * UNPROVED_P50;
        *ret_p90 = raw90 * UNPROVED_P90;
        return;
    }
    double n = (double)k->n, by = n / (n + CORRECT_HALF) * k->q50, wide = n / (n + CORRECT_FROM) * k->q90;
    by = by > CORRECT_MAX ? CORRECT_MAX : by < -CORRECT_MAX ? -CORRECT_MAX : by;
    *ret_p50 = raw50 * exp(by);
    *ret_p90 = raw90 * exp(by > 0 ? by : 0);
    if (raw50 * exp(wide) > *ret_p90)
        *ret_p90 = raw50 * exp(wide);
}

static struct promise promise(struct eta *x, int engine, const struct entry *e, enum eta_when when, int64_t now_ms) {
    struct promise p = { 0 };
    double raw90;
    if (!foretell(x, engine, e, now_ms, &p.raw_ms, &raw90, &p.room_ms))
        return p;
    p.at_ms = now_ms;
    p.taken = x->room_taken;
    correct(&x->kept[when], p.raw_ms, raw90, &p.p50_ms, &p.p90_ms);
    return p;
}

/* ---- keeping one's word ---- */

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double quantile(const double *v, size_t n, double q) {
    double sorted[ETA_KEPT];
    if (n == 0)
        return 0;
    memcpy(sorted, v, n * sizeof(*v));
    qsort(sorted, n, sizeof(*sorted), by_size);
    return sorted[(size_t)(q * (double)(n - 1) + 0.5)];
}

/* Least squares over what was seen, beside a guess that weighs as much as a few dozen tasks with little room. */
static double taken(const struct kept *k) {
    double xy = ROOM_GUESS * ROOM_WEIGHT, xx = ROOM_WEIGHT;
    for (size_t i = 0; i < k->n; i++) {
        xy += k->room[i] * k->more[i];
        xx += k->room[i] * k->room[i];
    }
    return xy < 0 ? 0 : xy > ROOM_TIMES * xx ? ROOM_TIMES : xy / xx;
}

static void compare(struct eta *x, enum eta_when when, const struct promise *p, int64_t now_ms) {
    struct kept *k = &x->kept[when];
    if (p->at_ms == 0)
        return;
    double actual = now_ms > p->at_ms ? (double)(now_ms - p->at_ms) : 1, error = fabs(p->p50_ms - actual) / actual;
    int h = 0;
    while (h < ETA_HIST - 1 && error > eta_hist_edge[h])
        h++;
    k->sum.hist[h]++;
    k->sum.n++;
    k->sum.sum += error;
    k->ratio[k->next] = log(actual / p->raw_ms);
    k->error[k->next] = error;
    k->bias[k->next] = (p->p50_ms - actual) / actual;
    k->covered[k->next] = actual <= p->p90_ms;
    k->room[k->next] = p->room_ms / p->raw_ms;
    k->more[k->next] = (actual - p->raw_ms) / p->raw_ms + p->taken * k->room[k->next];
    k->next = (k->next + 1) % ETA_KEPT;
    k->n += k->n < ETA_KEPT;
    k->q50 = quantile(k->ratio, k->n, 0.5);
    k->q90 = quantile(k->ratio, k->n, 0.9);
    if (when == ETA_QUEUED)
        x->room_taken = taken(k);
}

/* ---- the open tasks ---- */

static void take_out(struct line *l, struct entry *e) {
    size_t i = (size_t)(e - l->e);
    memmove(e, e + 1, (l->n - i - 1) * sizeof(*e));
    l->n--;
    l->dirty = l->moved = true;
}

static struct entry *put_in(struct line *l, const struct entry *e) {
    if (l->n == ETA_LINE_MAX)
        return NULL;
    if (l->n == l->cap) {
        l->cap = l->cap ? 2 * l->cap : 64;
        l->e = realloc(l->e, l->cap * sizeof(*l->e));
        if (!l->e)
            abort();
    }
    size_t i = place_of(l, e->turn, e->id);
    memmove(&l->e[i + 1], &l->e[i], (l->n - i) * sizeof(*e));
    l->e[i] = *e;
    if (i > 0) {                     /* near enough until a long line is added up again */
        l->e[i].ahead = l->e[i - 1].ahead;
        l->e[i].place = l->e[i - 1].place + 1;
    }
    l->n++;
    l->dirty = l->moved = true;
    return &l->e[i];
}

static void remember_overtaking(struct eta *x, int engine, const struct entry *e, int64_t now_ms) {
    struct line *l = &x->lines[engine];
    size_t behind = l->n - (size_t)(e - l->e) - 1;
    l->overtaken *= exp(-(double)(now_ms - l->overtaken_ms) / OVERTAKE_MS);
    l->overtaken_ms = now_ms;
    if (l->n > 1)
        l->overtaken += work_of(x, engine, e)->ms * (double)behind / (double)(l->n - 1);
}

static void note(struct eta *x, const struct eta_task *t, int64_t now_ms) {
    struct entry e = { .turn = t->turn, .id = t->id, .recipe = (uint16_t)t->recipe, .people = (uint8_t)t->people, .asked = (uint8_t)t->asked };
    bool was = false;
    for (size_t g = 0; g < x->n_engines; g++) {
        struct entry *old = entry_of(&x->lines[g], t->turn, t->id);
        if (!old)
            continue;
        was = true;
        if (!t->open) {
            for (int w = 0; t->kept_word && w < ETA_WHEN_COUNT; w++)
                compare(x, (enum eta_when)w, &old->said[w], now_ms);
        } else if ((int)g == t->engine) {
            if (!t->in_line && t->turn > x->lines[g].vtime)
                x->lines[g].vtime = t->turn;
            x->lines[g].dirty |= old->in_line != t->in_line;
            x->lines[g].moved |= old->in_line != t->in_line;
            old->in_line = t->in_line;
            return;
        }
        e = *old;
        take_out(&x->lines[g], old);
    }
    if (!t->open || !known(x, t->engine, t->recipe) || (!was && t->people < 0))
        return;
    e.in_line = t->in_line;
    struct entry *in = put_in(&x->lines[t->engine], &e);
    if (!in || was)
        return;
    remember_overtaking(x, t->engine, in, now_ms);
    if (t->in_line)
        in->said[ETA_QUEUED] = promise(x, t->engine, in, ETA_QUEUED, now_ms);
}

void eta_note(struct eta *x, const struct eta_task *t, int64_t now_ms) {
    assert(t->people < PEOPLE_KINDS && t->asked >= 0 && t->asked < PEOPLE_KINDS);
    pthread_mutex_lock(&x->lock);
    note(x, t, now_ms);
    pthread_mutex_unlock(&x->lock);
}

void eta_runs(struct eta *x, const struct eta_run *runs, size_t n, const int *slots, int64_t now_ms) {
    pthread_mutex_lock(&x->lock);
    if (n > x->cap_runs) {
        x->cap_runs = n + 64;
        x->runs = realloc(x->runs, x->cap_runs * sizeof(*x->runs));
        if (!x->runs)
            abort();
    }
    if (n)
        memcpy(x->runs, runs, n * sizeof(*runs));
    x->n_runs = n;
    x->runs_gen++;
    for (size_t g = 0; g < x->n_engines; g++) {
        x->lines[g].slots = slots[g] > 0 ? slots[g] : x->lines[g].slots;
        x->lines[g].dirty = true;
        x->lines[g].hand_ms = 0;
    }
    for (size_t i = 0; i < n; i++) {
        struct entry *e = known(x, runs[i].engine, runs[i].recipe) ? entry_of(&x->lines[runs[i].engine], runs[i].turn, runs[i].id) : NULL;
        if (e) {
            e->runs_gen = x->runs_gen;
            e->run = (unsigned)i;
        }
    }
    for (size_t i = 0; i < n; i++) {
        struct entry *e = known(x, runs[i].engine, runs[i].recipe) ? entry_of(&x->lines[runs[i].engine], runs[i].turn, runs[i].id) : NULL;
        if (e && e->said[ETA_STARTED].at_ms == 0)
            e->said[ETA_STARTED] = promise(x, runs[i].engine, e, ETA_STARTED, now_ms);
    }
    pthread_mutex_unlock(&x->lock);
}

/* ---- asking ---- */

struct eta_answer eta_ask(struct eta *x, int64_t id, int64_t turn, int engine, int64_t now_ms) {
    struct eta_answer a = { -1, -1, -1 };
    if (engine < 0 || (size_t)engine >= x->n_engines)
        return a;
    pthread_mutex_lock(&x->lock);
    const struct entry *e = entry_of(&x->lines[engine], turn, id);
    if (e) {
        sum_up(x, engine, now_ms);
        struct promise p = promise(x, engine, e, run_of(x, e) ? ETA_STARTED : ETA_QUEUED, now_ms);
        a.place = e->place;
        if (p.at_ms) {
            a.p50_ms = llround(p.p50_ms);
            a.p90_ms = llround(p.p90_ms);
        }
    }
    pthread_mutex_unlock(&x->lock);
    return a;
}

size_t eta_moved(struct eta *x, int64_t *ret_ids, size_t max) {
    size_t n = 0;
    pthread_mutex_lock(&x->lock);
    for (size_t g = 0; g < x->n_engines; g++) {
        struct line *l = &x->lines[g];
        for (size_t i = 0; l->moved && i < l->n && n < max; i++)
            if (l->e[i].in_line)
                ret_ids[n++] = l->e[i].id;
        l->moved = false;
    }
    pthread_mutex_unlock(&x->lock);
    return n;
}

/* ---- numbers ---- */

static void steps_of(const struct eta *x, struct eta_stats *out) {
    for (size_t g = 0; g < x->n_engines; g++)
        for (size_t r = 0; r < x->n_recipes; r++)
            for (size_t s = 0; s < x->recipes[r]->n_steps; s++) {
                const struct rate *rate = rate_at(x, (int)g, (int)r, s);
                if (rate_known(rate) && out->n_steps < sizeof(out->steps) / sizeof(out->steps[0]))
                    out->steps[out->n_steps++] = (struct eta_step_stats){
                        .engine = x->engines[g].name, .recipe = x->recipes[r]->name, .op = x->recipes[r]->steps[s].op, .n = rate->n,
                        .mean_ms = rate_mean(rate), .p50_ms = rate_quantile(rate, 0.5), .p90_ms = rate_quantile(rate, 0.9),
                        .calls = rate_calls(rate) };
            }
}

void eta_get_stats(struct eta *x, int64_t now_ms, struct eta_stats *ret) {
    *ret = (struct eta_stats){ .n_engines = x->n_engines };
    pthread_mutex_lock(&x->lock);
    for (int w = 0; w < ETA_WHEN_COUNT; w++) {
        const struct kept *k = &x->kept[w];
        ret->error[w] = k->sum;
        ret->error[w].median = quantile(k->error, k->n, 0.5);
        for (size_t i = 0; i < k->n; i++) {
            ret->error[w].bias += k->bias[i] / (double)k->n;
            ret->error[w].covered += k->covered[i] ? 1 / (double)k->n : 0;
        }
    }
    for (size_t g = 0; g < x->n_engines; g++) {
        sum_up(x, (int)g, now_ms);
        const struct line *l = &x->lines[g];
        ret->engines[g] = (struct eta_engine_stats){ .name = x->engines[g].name, .slots = l->slots, .waiting = l->waiting,
                                                     .ahead_ms = llround(l->all.ms + in_hand(x, (int)g, now_ms)->ms) };
    }
    steps_of(x, ret);
    pthread_mutex_unlock(&x->lock);
}
