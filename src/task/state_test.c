/* state_test.c - every edge of tasks and attempts, and every edge that is none. */
#include "task/testing.h"

static void a_task_moves_along_its_edges_only(void **state) {
    /* Written out by hand from the design, not from the code's table. */
    static const char *const edges[] = {
        "queued preparing", "queued failed", "queued cancelled", "preparing running", "preparing failed", "preparing cancelled",
        "running checking", "running failed", "running cancelled", "checking choosing", "checking failed", "checking cancelled",
        "choosing done", "failed choosing",
    };
    size_t found = 0;
    for (int from = 0; from < TASK_STATE_COUNT; from++)
        for (int to = 0; to < TASK_STATE_COUNT; to++) {
            char edge[64];
            bool wanted = false;
            snprintf(edge, sizeof(edge), "%s %s", task_state_name((enum task_state)from), task_state_name((enum task_state)to));
            for (size_t i = 0; i < COUNT(edges); i++)
                wanted |= strcmp(edge, edges[i]) == 0;
            if (task__may_go((enum task_state)from, (enum task_state)to) != wanted)
                fail_msg("%s: %s", edge, wanted ? "missing" : "must not be");
            found += wanted;
        }
    assert_int_equal(found, COUNT(edges));
}

static void an_attempt_moves_along_its_edges_only(void **state) {
    static const char *const edges[] = {
        "intent submitted", "intent fetching", "intent refused", "intent failed", "intent unknown", "submitted fetching", "submitted stored", "submitted refused", "submitted failed",
        "submitted unknown", "fetching stored", "fetching refused", "fetching failed", "fetching unknown", "unknown fetching",
        "unknown failed", "unknown written_off",
    };
    size_t found = 0;
    for (int from = 0; from < ATTEMPT_STATE_COUNT; from++)
        for (int to = 0; to < ATTEMPT_STATE_COUNT; to++) {
            char edge[64];
            bool wanted = false;
            snprintf(edge, sizeof(edge), "%s %s", task__attempt_state_name((enum attempt_state)from), task__attempt_state_name((enum attempt_state)to));
            for (size_t i = 0; i < COUNT(edges); i++)
                wanted |= strcmp(edge, edges[i]) == 0;
            if (task__attempt_may_go((enum attempt_state)from, (enum attempt_state)to) != wanted)
                fail_msg("%s: %s", edge, wanted ? "missing" : "must not be");
            found += wanted;
        }
    assert_int_equal(found, COUNT(edges));
}

static void names_are_read_back(void **state) {
    for (int s = 0; s < TASK_STATE_COUNT; s++)
        assert_int_equal(task__state_of(str_z(task_state_name((enum task_state)s))), s);
    for (int s = 0; s < ATTEMPT_STATE_COUNT; s++)
        assert_int_equal(task__attempt_state_of(str_z(task__attempt_state_name((enum attempt_state)s))), s);
    assert_int_equal(task__state_of(STR("Queued")), -1);
    assert_int_equal(task__attempt_state_of(STR("")), -1);
}

/* ---- who was overtaken changes nothing ---- */

struct claim { struct testing *t; struct task__claim k; };
static int claim_fn(struct db_tx *tx, void *arg, struct err *e) {
    struct claim *c = arg;
    return task__lease_claim(tx, c->t->core, &c->k, e);
}
static int64_t claim(struct testing *t, int64_t *ret_id) {
    struct err *e = &t->e;
    struct claim c = { t, { .engine = "fake", .max = 1, .lease_ms = 1000, .claims_max = 5 } };
    OK(db_do(t->db, claim_fn, &c, e));
    *ret_id = c.k.n ? c.k.id[0] : 0;
    return c.k.n ? c.k.fence[0] : 0;
}

static int expire_fn(struct db_tx *tx, void *arg, struct err *e) {
    struct testing *t = arg;
    return task__lease_expire(tx, t->core, clock_ms() + 2000, e);
}

/* What a worker may want to write, each naming the fence it believes in. */
struct write { struct testing *t; int64_t id, fence; int what; };
static int write_fn(struct db_tx *tx, void *arg, struct err *e) {
    const struct write *w = arg;
    struct task_row row;
    int r = task__load_leased(tx, w->id, w->fence, &row, e);
    if (r < 0)
        return r;
    switch (w->what) {
    case 0:
        return task__move(tx, w->t->core, &row, TASK_PREPARING, e);
    case 1:
        return task__fail(tx, w->t->core, &row, &(struct err){ ERR_INTERNAL, "test" }, e);
    case 2:
        return task__decide(tx, w->t->core, &row, NULL, e);
    default:
        return task__lease_give_back(tx, w->t->core, w->id, w->fence, "", e);
    }
}

static void a_worker_that_lost_its_lease_changes_nothing(void **state) {
    struct testing *t = *state;
    int64_t id, again;
    testing_open(t);
    testing_buy(t, ME, PLAIN);
    int64_t old = claim(t, &id);
    assert_true(old > 0);
    assert_int_equal(claim(t, &again), 0);                        /* nobody else may have it */
    assert_int_equal(db_do(t->db, expire_fn, t, &t->e), 1);
    int64_t fence = claim(t, &again);
    assert_int_equal(again, id);
    assert_true(fence > old);
    struct task_row before = testing_row(t, id);
    for (int what = 0; what < 4; what++)
        assert_int_equal(db_do(t->db, write_fn, &(struct write){ t, id, old, what }, &t->e), ERR_RACE);
    struct task_row after = testing_row(t, id);
    assert_memory_equal(&before, &after, sizeof(before));
    assert_int_equal(db_do(t->db, write_fn, &(struct write){ t, id, fence, 0 }, &t->e), 0);
    assert_int_equal(db_do(t->db, write_fn, &(struct write){ t, id, fence, 1 }, &t->e), 0);
    assert_int_equal(db_do(t->db, write_fn, &(struct write){ t, id, fence, 1 }, &t->e), ERR_RACE);   /* decided once */
    testing_clean(t);
}

/* A row kept in memory while somebody else moved the task: the save itself is refused, whatever was checked before. */
static int stale_fn(struct db_tx *tx, void *arg, struct err *e) {
    const struct write *w = arg;
    struct task_row mine, theirs;
    int r = task__load(tx, w->id, &mine, e);
    if (r < 0 || (r = task__load(tx, w->id, &theirs, e)) < 0 || (r = task__fail(tx, w->t->core, &theirs, &(struct err){ ERR_INTERNAL, "x" }, e)) < 0)
        return r;
    mine.progress_pm = 500;
    r = task__save(tx, w->t->core, &mine, e);
    assert_int_equal(r, ERR_RACE);
    return 0;
}

static void a_stale_row_is_not_saved(void **state) {
    struct testing *t = *state;
    testing_open(t);
    int64_t id = testing_buy(t, ME, PLAIN);
    assert_int_equal(db_do(t->db, stale_fn, &(struct write){ t, id, 0, 0 }, &t->e), 0);
    assert_int_equal(testing_row(t, id).state, TASK_FAILED);
    testing_clean(t);
}

static void what_kills_every_worker_is_given_up(void **state) {
    struct testing *t = *state;
    int64_t id;
    testing_open(t);
    int64_t task = testing_buy(t, ME, PLAIN);
    for (int i = 0; i < 5; i++) {
        assert_true(claim(t, &id) > 0);
        assert_int_equal(db_do(t->db, expire_fn, t, &t->e), 1);
    }
    assert_int_equal(claim(t, &id), 0);
    struct task_row row = testing_row(t, task);
    assert_int_equal(row.state, TASK_FAILED);
    assert_string_equal(row.error_code, "internal");
    testing_balance(t, ME, 10, 0);
    testing_clean(t);
}

/* ---- events ---- */

static void the_stream_says_everything_once_and_ends(void **state) {
    struct testing *t = *state;
    t->use = "fake";
    testing_open(t);
    testing_start(t);
    int64_t task = testing_buy(t, ME, GROUP);
    testing_expect(t, task, TASK_CHOOSING);
    assert_int_equal(testing_pick(t, task, ME, 1), 0);
    /* Told in one go, and told again from each place in between: together the same frames. */
    BUF_CLEANUP struct buf whole, part;
    buf_init(&whole, 1 << 20);
    buf_init(&part, 1 << 20);
    int64_t seq = 0, last = 0;
    struct task_stream stream = { .task = task };
    assert_int_equal(task_events(db_reader(t->db), &stream, &seq, &whole, &t->e), 1);
    assert_int_equal(seq, testing_row(t, task).seq);
    const char *at = whole.p, *states[] = { "queued", "preparing", "running", "checking", "choosing", "done" };
    for (size_t i = 0; i < COUNT(states); i++) {
        char want[64];
        snprintf(want, sizeof(want), "data: {\"state\":\"%s\"", states[i]);
        at = strstr(at, want);
        if (!at)
            fail_msg("no %s in its place in %s", states[i], whole.p);
    }
    for (const char *frame = whole.p; (frame = strstr(frame, "id: ")); frame++) {
        int64_t id, from;
        assert_int_equal(str_int((struct str){ frame + 4, strcspn(frame + 4, "\n") }, 1, INT64_MAX, &id), 0);
        assert_true(id > last);
        last = from = id;
        buf_reset(&part);
        assert_int_equal(task_events(db_reader(t->db), &stream, &from, &part, &t->e), 1);
        const char *rest = strstr(frame, "\n\n") + 2;
        assert_string_equal(part.n ? part.p : "", rest);
    }
    assert_int_equal(task_events(db_reader(t->db), &(struct task_stream){ .task = 1 }, &seq, &part, &t->e), ERR_NOT_FOUND);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_task_moves_along_its_edges_only),
        cmocka_unit_test(an_attempt_moves_along_its_edges_only),
        cmocka_unit_test(names_are_read_back),
        TESTING(a_worker_that_lost_its_lease_changes_nothing),
        TESTING(a_stale_row_is_not_saved),
        TESTING(what_kills_every_worker_is_given_up),
        TESTING(the_stream_says_everything_once_and_ends),
    };
    return cmocka_run_group_tests_name("state", tests, NULL, NULL);
}
