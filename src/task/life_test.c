/*
 * life_test.c - long random lives. First the transactions alone, thousands of them in any order, by workers that lose their leases and
 * write all the same; then the whole dispatcher on engines that fail in every way, stopped and started in between. The books, the
 * tasks and the files must be whole at each look. The seed is fixed; ZT_TEST_SEED tries another.
 */
#include "task/testing.h"

/* xorshift64*: the same life for the same seed. */
static uint64_t dice_state;
static uint64_t dice(uint64_t sides) {
    dice_state ^= dice_state >> 12;
    dice_state ^= dice_state << 25;
    dice_state ^= dice_state >> 27;
    return dice_state * UINT64_C(2685821657736338717) % sides;
}
static void seed_dice(void) {
    const char *seed = getenv("ZT_TEST_SEED");
    int64_t n = 20261121;
    if (seed)
        assert_int_equal(str_int(str_z(seed), 1, INT64_MAX, &n), 0);
    dice_state = (uint64_t)n;
}

/* ---- transactions alone ---- */

enum { TASKS_MAX = 400, STEPS = 6000 };
struct known { int64_t id, account, fence, old_fence; };
struct world {
    struct testing *t;
    struct known tasks[TASKS_MAX];
    size_t n;
    int    done[16], refused[16];          /* by kind of step */
};

struct step { struct world *w; struct known *k; int kind; struct task__claim claim; int candidate; };

static int add_layer_row(struct db_tx *tx, int64_t account, enum blob_class class, int64_t *ret_id, struct err *e) {
    struct blob_asset as = { .id = id_new(), .account = account, .class = class, .bytes = 1, .type = STR("x"), .role = STR("x"), .created_ms = 1 };
    snprintf(as.sha, sizeof(as.sha), "%064llx", (unsigned long long)as.id);
    *ret_id = as.id;
    return blob_asset_add(tx, &as, e);
}

/* A worker's call, walked along the edges of an attempt to a random end. */
static int work(struct db_tx *tx, struct step *s, int64_t fence, struct err *e) {
    struct task_row t;
    int r = task__load_leased(tx, s->k->id, fence, &t, e);
    if (r < 0)
        return r;
    bool picture = dice(3) > 0;
    struct task__attempt a = { .id = id_new(), .task = t.id, .fence = fence, .ix = picture ? (int)dice((uint64_t)t.asked) : 0,
                               .state = ATTEMPT_INTENT, .created_ms = clock_ms() };
    snprintf(a.op, sizeof(a.op), "%s", picture ? "compose" : "cutout");
    snprintf(a.engine, sizeof(a.engine), "%s", dice(2) ? "fake" : "fake_remote");
    if (t.state < TASK_CHECKING && dice(2) && (r = task__move(tx, s->w->t->core, &t, t.state + 1, e)) < 0)
        return r;
    if ((r = task__attempt_add(tx, &a, e)) < 0)
        return r;
    while (dice(6) && a.state != ATTEMPT_STORED) {
        a.cost_microusd = (int64_t)dice(3) * 100;
        if (a.state == ATTEMPT_FETCHING && (r = add_layer_row(tx, t.account, picture ? BLOB_RESULT : BLOB_WORK, &a.asset, e)) < 0)
            return r;
        if ((r = task__attempt_move(tx, &a, a.state + 1, NULL, e)) < 0)
            return r;
    }
    if (a.state != ATTEMPT_STORED && dice(2))
        r = task__attempt_move(tx, &a, dice(2) ? ATTEMPT_UNKNOWN : ATTEMPT_FAILED, NULL, e);
    if (r < 0 || a.state != ATTEMPT_STORED || !picture)
        return r < 0 ? r : 0;
    struct task__candidate c = { .task = t.id, .ix = a.ix, .attempt = a.id, .asset = a.asset, .verdict = (int)dice(3) - 1, .score_pm = (int64_t)dice(1000) };
    return task__candidate_put(tx, &c, e);
}

static int late(struct db_tx *tx, struct step *s, struct err *e) {
    struct task_row t;
    int r = task__load(tx, s->k->id, &t, e);
    struct task__candidate c = { .task = s->k->id, .ix = (int)dice(4), .verdict = CANDIDATE_FINE };
    if (r < 0 || !task__wants_late(&t))
        return r < 0 ? r : err_set(e, ERR_STATE, "not wanted");
    /* Only what was never delivered can come late. */
    CLEANUP(arena_free) struct arena *m = arena_new(1 << 20);
    struct task__candidate all[TASK_CANDIDATES_MAX];
    size_t n;
    if (c.ix >= t.asked || (r = task__candidate_list(tx, t.id, m, all, COUNT(all), &n, e)) < 0)
        return r < 0 ? r : err_set(e, ERR_STATE, "not asked for");
    for (size_t i = 0; i < n; i++)
        if (all[i].ix == c.ix && all[i].asset)
            return err_set(e, ERR_STATE, "there already");
    if ((r = add_layer_row(tx, t.account, BLOB_RESULT, &c.asset, e)) < 0)
        return r;
    return task__late(tx, s->w->t->core, &t, &c, e);
}

enum { S_CLAIM, S_WORK, S_STALE_WORK, S_DECIDE, S_STALE_DECIDE, S_FAIL, S_EXPIRE, S_BACK, S_CANCEL, S_PICK, S_ALARM, S_LATE, S_KINDS };
static int step_fn(struct db_tx *tx, void *arg, struct err *e) {
    struct step *s = arg;
    struct task_core *c = s->w->t->core;
    struct task_row t;
    int r;
    switch (s->kind) {
    case S_CLAIM:
        return task__lease_claim(tx, c, &s->claim, e);
    case S_WORK: case S_STALE_WORK:
        return work(tx, s, s->kind == S_WORK ? s->k->fence : s->k->old_fence, e);
    case S_DECIDE: case S_STALE_DECIDE: case S_FAIL:
        if ((r = task__load_leased(tx, s->k->id, s->kind == S_STALE_DECIDE ? s->k->old_fence : s->k->fence, &t, e)) < 0)
            return r;
        return s->kind == S_FAIL ? task__fail(tx, c, &t, &(struct err){ ERR_INTERNAL, "dice" }, e) : task__decide(tx, c, &t, NULL, e);
    case S_EXPIRE:
        return task__lease_expire(tx, c, clock_ms() + 61000, e);
    case S_BACK:
        return task__lease_give_back(tx, c, s->k->id, s->k->fence, dice(2) ? "fake" : "", e);
    case S_CANCEL:
        return task_cancel(tx, c, s->k->id, s->k->account, e);
    case S_PICK:
        return task_pick(tx, c, s->k->id, s->k->account, s->candidate, e);
    case S_ALARM:
        return task__alarm(tx, c, s->k->id, clock_ms() + 86400000, e);
    case S_LATE:
        return late(tx, s, e);
    }
    return ERR_INTERNAL;
}

static void verify_rows(struct testing *t, int step) {
    struct err *e = &t->e;
    char first[240] = "";
    OK(ledger_verify(db_reader(t->db), testing_note, first, e));
    OK(task_verify(db_reader(t->db), testing_note, first, e));
    if (first[0])
        fail_msg("after step %d: %s", step, first);
}

static void buy_one(struct world *w) {
    if (w->n == TASKS_MAX)
        return;
    struct known *k = &w->tasks[w->n];
    k->account = ME + (int64_t)dice(3);
    if (dice(3))
        testing_grant(w->t, k->account, (int64_t)dice(60));
    int r = testing_try(w->t, k->account, (struct testing_order){ dice(2) ? "plain" : "group", (int)dice(3), 1 + (int)dice(4), 1 + (int)dice(8) }, &k->id);
    if (r < 0 && r != ERR_NO_CREDIT)
        fail_msg("%d %s", r, w->t->e.text);
    w->n += r >= 0;
}

static void transactions_in_any_order_leave_clean_books(void **state) {
    struct testing *t = *state;
    struct world w = { .t = t };
    t->use = "fake";
    seed_dice();
    testing_open(t);
    while (w.n == 0)
        buy_one(&w);
    for (int i = 0; i < STEPS; i++) {
        if (dice(12) == 0)
            buy_one(&w);
        struct step s = { .w = &w, .k = &w.tasks[dice(w.n)], .kind = (int)dice(S_KINDS), .candidate = (int)dice(4),
                          .claim = { .engine = "fake", .max = 2, .lease_ms = 60000, .claims_max = 6 } };
        if ((s.kind == S_EXPIRE && dice(8)) || (s.kind >= S_FAIL && s.kind <= S_ALARM && dice(3)))
            continue;                      /* rare, or nothing would live long */
        int r = db_do(t->db, step_fn, &s, &t->e);
        if (r < 0 && r != ERR_RACE && r != ERR_STATE && r != ERR_BAD_INPUT)
            fail_msg("step %d of kind %d: %d %s", i, s.kind, r, t->e.text);
        if ((s.kind == S_STALE_WORK || s.kind == S_STALE_DECIDE) && r >= 0)
            fail_msg("step %d: an overtaken worker was let through", i);
        (r < 0 ? w.refused : w.done)[s.kind]++;
        for (int k = 0; s.kind == S_CLAIM && r >= 0 && k < s.claim.n; k++)
            for (size_t m = 0; m < w.n; m++)
                if (w.tasks[m].id == s.claim.id[k]) {
                    w.tasks[m].old_fence = w.tasks[m].fence;
                    w.tasks[m].fence = s.claim.fence[k];
                }
        if (i % 500 == 0)
            verify_rows(t, i);
    }
    verify_rows(t, STEPS);
    for (int k = 0; k < S_KINDS; k++) {
        if (w.done[k] == 0 && k != S_STALE_WORK && k != S_STALE_DECIDE)
            fail_msg("no step of kind %d ever succeeded", k);
        if (w.refused[k] == 0 && k != S_CLAIM && k != S_EXPIRE && k != S_ALARM)
            fail_msg("no step of kind %d was ever refused", k);
    }
}

/* ---- the whole dispatcher ---- */

DB_SQL(life_open, "SELECT COUNT(*) FROM task WHERE state IN ('queued', 'preparing', 'running', 'checking') AND ? = 0");
static bool all_decided(struct testing *t, int64_t id) { return testing_count(t, &life_open, 0) == 0; }

static void a_dispatcher_on_bad_engines_ends_every_task(void **state) {
    struct testing *t = *state;
    static const char *const scripts[] = {
        "delay=5; compose.failed@2; compose.died@5; score.broken@3; cutout.refused@4; compose.busy@7; score.died@2; compose.failed@11",
        "fake.failed; fake_remote.late=60@2; fake_remote.lost@5; poor=1",
        "compose.judged; poor=2; delay=2; compose.died@3; cutout.died@1; fake_remote.unknown@3",
    };
    int64_t ids[36], last = 0;
    size_t n = 0;
    seed_dice();
    for (size_t life = 0; life < 6; life++) {
        t->script = scripts[life % COUNT(scripts)];
        testing_open(t);
        t->core->lease_ms = 3000;
        testing_start(t);
        for (int i = 0; i < 6; i++)
            last = ids[n++] = testing_buy(t, ME + (int64_t)dice(3), ((struct testing_order){ dice(2) ? "plain" : "group", (int)dice(3), 1 + (int)dice(4), 1 }));
        for (int i = 0; i < 2; i++) {
            size_t k = dice(n);
            struct task_row row = testing_row(t, ids[k]);
            int r = dice(2) ? testing_cancel(t, row.id, row.account) : testing_pick(t, row.id, row.account, 0);
            assert_true(r >= 0 || r == ERR_STATE || r == ERR_BAD_INPUT);
        }
        if (life % 2)                      /* let it get somewhere, or not */
            testing_wait(t, testing_is_decided, ids[dice(n)], "one of the tasks");
        testing_close(t);
        testing_open(t);
        testing_clean(t);
        testing_close(t);
    }
    t->script = "";
    testing_open(t);
    testing_start(t);
    testing_wait(t, all_decided, last, "the end of all tasks");
    testing_clean(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TESTING(transactions_in_any_order_leave_clean_books),
        TESTING(a_dispatcher_on_bad_engines_ends_every_task),
    };
    cmocka_set_test_filter(getenv("ZT_TEST_ONLY"));
    return cmocka_run_group_tests_name("life", tests, NULL, NULL);
}
