/* dispatch_test.c - whole lives of tasks on the fake engines: what goes well, every fault, and what it costs. */
#include "task/testing.h"

DB_SQL(count_composed, "SELECT COUNT(*) FROM attempt WHERE task_id = ? AND op = 'compose' AND state = 'stored'");
DB_SQL(count_engines, "SELECT COUNT(DISTINCT engine) FROM attempt WHERE task_id = ?");
DB_SQL(count_fine, "SELECT COUNT(*) FROM candidate WHERE task_id = ? AND place > 0");
DB_SQL(count_layers, "SELECT COUNT(*) FROM asset WHERE role = 'layer' AND account_id = ?");

static void four_candidates_are_made_judged_and_one_is_picked(void **state) {
    struct testing *t = testing_go(state, "");
    int64_t task = testing_buy(t, ME, GROUP);
    testing_expect(t, task, TASK_CHOOSING);
    struct task_row row = testing_row(t, task);
    assert_int_equal(row.delivered, 4);
    assert_int_equal(row.progress_pm, 1000);
    testing_balance(t, ME, 0, 0);
    assert_int_equal(testing_count(t, &testing_attempts, task), 2 + 4 + 4);
    assert_int_equal(testing_count(t, &count_layers, ME), 0);
    testing_clean(t);

    assert_int_equal(testing_pick(t, task, YOU, 0), ERR_NOT_FOUND);
    assert_int_equal(testing_pick(t, task, ME, 7), ERR_BAD_INPUT);
    assert_int_equal(testing_pick(t, task, ME, 2), 0);
    assert_int_equal(testing_pick(t, task, ME, 2), 0);            /* said twice */
    assert_int_equal(testing_pick(t, task, ME, 1), ERR_STATE);
    assert_int_equal(testing_row(t, task).state, TASK_DONE);
    testing_clean(t);
}

static void the_best_candidate_stands_first(void **state) {
    struct testing *t = testing_go(state, "");
    int64_t task = testing_buy(t, ME, GROUP);
    struct task__candidate all[TASK_CANDIDATES_MAX];
    size_t n;
    testing_expect(t, task, TASK_CHOOSING);
    assert_int_equal(task__candidate_list(db_reader(t->db), task, t->a, all, COUNT(all), &n, &t->e), 0);
    assert_int_equal(n, 4);
    assert_int_equal(all[0].ix, 3);                               /* the fake's scores grow with the seed */
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(all[i].place, (int)i + 1);
        assert_true(i == 0 || all[i].score_pm <= all[i - 1].score_pm);
    }
}

static void results_and_originals_die_on_their_days(void **state) {
    struct testing *t = testing_go(state, "");
    int64_t task = testing_buy(t, ME, GROUP);
    testing_expect(t, task, TASK_CHOOSING);
    struct task_row row = testing_row(t, task);
    DB_SQL(ends, "SELECT MIN(delete_at_ms), MAX(delete_at_ms), COUNT(*) FROM asset WHERE class = ?");
    static const struct { const char *class; int64_t keep_ms, n; } rules[] = { { "original", 86400000, 2 }, { "result", 30LL * 86400000, 8 } };
    for (size_t i = 0; i < COUNT(rules); i++) {
        DB_ROWS rows = { 0 };
        assert_int_equal(db_one(db_reader(t->db), &rows, &t->e, &ends, DB_TEXT(rules[i].class)), 1);
        assert_int_equal(db_int(&rows, 0), row.ended_ms + rules[i].keep_ms);
        assert_int_equal(db_int(&rows, 1), row.ended_ms + rules[i].keep_ms);
        assert_int_equal(db_int(&rows, 2), rules[i].n);
    }
}

struct again { struct testing *t; int64_t id, photo; };
static int again_fn(struct db_tx *tx, void *arg, struct err *e) {
    const struct again *g = arg;
    struct task_new n = { .id = g->id, .account = ME, .recipe = studio_recipe(g->t->studio, STR("group")), .people = { { g->photo, 0 } }, .n_people = 1,
                          .template_name = STR("wall"), .candidates = 2, .price_credits = 0, .params = STR("{}"), .weight = 1 };
    return task_create(tx, g->t->core, &n, e);
}

static void a_photo_lives_until_the_last_task_that_needs_it(void **state) {
    struct testing *t = *state;
    struct err *e = &t->e;
    t->use = "fake";
    testing_open(t);
    struct again first = { t, id_new(), testing_photo(t, ME) }, second = { t, id_new(), first.photo };
    OK(db_do(t->db, again_fn, &first, e));
    OK(db_do(t->db, again_fn, &second, e));
    DB_SQL(until, "SELECT delete_at_ms FROM asset WHERE id = ?");
    int64_t waiting = testing_count(t, &until, first.photo);
    assert_true(waiting > clock_ms() + 86400000);                 /* the line, the work, and a day to come back */
    OK(testing_cancel(t, first.id, ME));
    assert_int_equal(testing_count(t, &until, first.photo), waiting);
    OK(testing_cancel(t, second.id, ME));
    assert_int_equal(testing_count(t, &until, first.photo), testing_row(t, second.id).ended_ms + 86400000);
    testing_clean(t);
}

struct rerun { struct testing *t; int64_t task, id, photo, until_ms; };
static int rerun_fn(struct db_tx *tx, void *arg, struct err *e) {
    const struct rerun *g = arg;
    return task_operator_rerun(tx, g->t->core, g->task, g->id, THEM, e);
}
static int keep_fn(struct db_tx *tx, void *arg, struct err *e) {
    const struct rerun *g = arg;
    return blob_asset_keep_until(tx, g->photo, g->until_ms, e);
}

static void what_the_operator_makes_again_keeps_no_face_longer(void **state) {
    struct testing *t = testing_go(state, "");
    struct err *e = &t->e;
    DB_SQL(photo, "SELECT MIN(asset_id) FROM task_input WHERE task_id = ?");
    DB_SQL(until, "SELECT delete_at_ms FROM asset WHERE id = ?");
    struct rerun g = { .t = t, .task = testing_buy(t, ME, GROUP), .id = id_new() };
    testing_expect(t, g.task, TASK_CHOOSING);
    g.photo = testing_count(t, &photo, g.task);
    g.until_ms = clock_ms() + 3600000;                            /* the day is nearly over */
    OK(db_do(t->db, keep_fn, &g, e));
    OK(db_do(t->db, rerun_fn, &g, e));
    assert_true(testing_count(t, &until, g.photo) >= g.until_ms + testing_row(t, g.id).limit_ms);      /* while it is needed */
    testing_expect(t, g.id, TASK_CHOOSING);
    struct task_row row = testing_row(t, g.id);
    int64_t ends_ms = testing_count(t, &until, g.photo);
    assert_true(ends_ms >= g.until_ms - 1000);
    assert_true(ends_ms <= g.until_ms + (row.ended_ms - row.created_ms) + 1000);
    testing_clean(t);
}

static void progress_is_told_four_times_a_second_at_most(void **state) {
    struct testing *t = *state;
    t->slots = "1";
    testing_go(state, "delay=40");
    int64_t began = clock_mono_ms(), task = testing_buy(t, ME, GROUP);
    testing_expect(t, task, TASK_CHOOSING);
    int64_t took = clock_mono_ms() - began;
    DB_SQL(kept, "SELECT COUNT(*) FROM task_event WHERE task_id = ? AND kind <> 'progress'");
    int64_t told = testing_row(t, task).seq - testing_count(t, &kept, task);   /* numbers given out and replaced since */
    if (told < 1 || told > took / 250 + 2)
        fail_msg("told %d times in %d ms", (int)told, (int)took);
}

static void what_could_never_run_is_found_at_start(void **state) {
    struct testing *t = *state;
    struct task_core *c = NULL;
    testing_open(t);
    struct task_core_conf conf = { .cfg = t->cfg, .db = t->db, .blobs = t->blobs, .studio = t->studio };
    assert_int_equal(config_set(t->cfg, "engine.use", STR("fake, nobody"), "test", &t->e), 0);
    assert_int_equal(task_core_new(&conf, &c, &t->e), ERR_CONFIG);
    assert_non_null(strstr(t->e.text, "nobody"));
    assert_int_equal(config_set(t->cfg, "engine.use", STR(""), "test", &t->e), 0);
    assert_int_equal(config_set(t->cfg, "engine.fake_script", STR("explode"), "test", &t->e), 0);
    assert_int_equal(task_core_new(&conf, &c, &t->e), ERR_CONFIG);
}

static void a_broken_candidate_is_made_again_with_another_seed(void **state) {
    struct testing *t = testing_go(state, "score.broken@1");
    int64_t task = testing_buy(t, ME, GROUP);
    testing_expect(t, task, TASK_CHOOSING);
    assert_int_equal(testing_count(t, &count_composed, task), 5);
    assert_int_equal(testing_row(t, task).delivered, 4);
    DB_SQL(remade, "SELECT COUNT(*) FROM candidate WHERE task_id = ? AND seed > 2000");
    assert_int_equal(testing_count(t, &remade, task), 1);
    DB_SQL(told, "SELECT COUNT(*) FROM candidate WHERE task_id = ? AND seed > 2000 AND report LIKE '%\"remake\":1%'");
    assert_int_equal(testing_count(t, &told, task), 1);           /* and told how often it failed, and in what */
    testing_clean(t);
}

static void what_stays_broken_is_not_shown_and_not_paid(void **state) {
    struct testing *t = testing_go(state, "poor=1; poor=3");              /* the candidates with seeds 1001 and 1003, and 2001 and 2003 after them */
    int64_t task = testing_buy(t, ME, GROUP);
    testing_expect(t, task, TASK_CHOOSING);
    assert_int_equal(testing_row(t, task).delivered, 2);
    testing_balance(t, ME, 20, 0);
    assert_int_equal(testing_count(t, &count_fine, task), 2);
    assert_int_equal(testing_count(t, &count_composed, task), 6);
    testing_clean(t);
}

static void a_picture_that_comes_with_its_verdict_is_not_judged_again(void **state) {
    struct testing *t = testing_go(state, "compose.judged; poor=2");
    int64_t task = testing_buy(t, ME, GROUP);
    testing_expect(t, task, TASK_CHOOSING);
    assert_int_equal(testing_row(t, task).delivered, 3);
    DB_SQL(scored, "SELECT COUNT(*) FROM attempt WHERE task_id = ? AND op = 'score'");
    assert_int_equal(testing_count(t, &scored, task), 0);
    DB_SQL(checked, "SELECT COUNT(*) FROM task_event WHERE task_id = ? AND data LIKE '%checking%'");
    assert_int_equal(testing_count(t, &checked, task), 1);        /* the state was passed all the same */
    testing_clean(t);
}

static void below_the_minimum_everything_is_paid_back(void **state) {
    struct testing *t = testing_go(state, "score.broken");
    int64_t task = testing_buy(t, ME, GROUP);
    testing_expect(t, task, TASK_FAILED);
    assert_string_equal(testing_row(t, task).error_code, "task_no_result");
    testing_balance(t, ME, 40, 0);
    assert_int_equal(testing_count(t, &count_composed, task), 8);
    testing_clean(t);
}

static int spoil_fn(struct db_tx *tx, void *arg, struct err *e) {
    DB_SQL(spoil, "UPDATE candidate SET scores = ? WHERE task_id = ? AND ix = ?");
    static const char *const failed[] = { "[\"light\"]", "[\"edges\",\"light\"]", "[\"light\",\"moon\"]", "[]" };
    for (int ix = 0; ix < 4; ix++) {
        char scores[64];
        snprintf(scores, sizeof(scores), "{\"failed\":%s}", failed[ix]);
        int r = db_run(tx, NULL, e, &spoil, DB_TEXT(scores), DB_INT(*(int64_t *)arg), DB_INT(ix));
        if (r < 0)
            return r;
    }
    return 0;
}

static void the_checks_that_failed_are_named_most_often_first(void **state) {
    struct testing *t = testing_go(state, "score.broken");
    struct err *e = &t->e;
    int64_t task = testing_buy(t, ME, GROUP);
    testing_expect(t, task, TASK_FAILED);
    assert_string_equal(testing_row(t, task).error_text,
                        "0 of 4 pictures passed the checks, 2 are needed: A face was hidden, missing or one too many (4 of 4)");
    OK(db_do(t->db, spoil_fn, &task, e));
    struct task__checks c;
    struct err why = { ERR_TASK_NO_RESULT, "none" };
    OK(task__checks_failed(db_reader(t->db), task, &c, e));
    assert_int_equal(c.broken, 4);
    task__checks_say(&c, &why);
    assert_string_equal(why.text, "none: The light on the people did not agree with the background (3 of 4); Somebody could not be cut out cleanly (1 of 4)");
}

static void a_failure_that_may_pass_is_tried_again(void **state) {
    struct testing *t = testing_go(state, "compose.failed@1; compose.died@3; cutout.died@1");
    int64_t task = testing_buy(t, ME, GROUP);
    testing_expect(t, task, TASK_CHOOSING);
    assert_int_equal(testing_row(t, task).delivered, 4);
    assert_int_equal(testing_count(t, &testing_attempts, task), 10 + 3);
    testing_clean(t);
}

static void a_full_engine_costs_no_try(void **state) {
    struct testing *t = testing_go(state, "compose.busy@1; compose.busy@2; compose.busy@3; compose.busy@4");
    int64_t task = testing_buy(t, ME, PLAIN);
    testing_expect(t, task, TASK_CHOOSING);                       /* four refusals, three tries */
    testing_clean(t);
}

static void an_engine_that_keeps_failing_hands_over_to_the_next(void **state) {
    struct testing *t = testing_go(state, "fake.failed");
    int64_t task = testing_buy(t, ME, ((struct testing_order){ "group", 1, 4, 1 }));
    testing_expect(t, task, TASK_CHOOSING);
    assert_int_equal(testing_count(t, &count_engines, task), 2);
    assert_int_equal(testing_count(t, &testing_attempts, task), 3 + 1 + 4 + 4);
    assert_string_equal(testing_row(t, task).engine, "fake_remote");
    testing_clean(t);
}

static void a_task_goes_on_to_an_engine_of_the_other_way(void **state) {
    struct testing *t = testing_go(state, "fake_remote.failed");
    int64_t task = testing_buy(t, ME, ((struct testing_order){ "ways", 1, 2, 1 }));
    testing_expect(t, task, TASK_CHOOSING);
    assert_string_equal(testing_row(t, task).engine, "fake");
    assert_int_equal(testing_count(t, &testing_attempts, task), 3 + 2);      /* the remote step has no place in the local way */
    testing_clean(t);
}

static void an_input_that_is_refused_goes_nowhere_else(void **state) {
    struct testing *t = testing_go(state, "cutout.refused@1");
    int64_t task = testing_buy(t, ME, GROUP);
    testing_expect(t, task, TASK_FAILED);
    assert_string_equal(testing_row(t, task).error_code, "engine_refused");
    assert_int_equal(testing_count(t, &count_engines, task), 1);
    testing_balance(t, ME, 40, 0);
    testing_clean(t);
}

static bool is_running(struct testing *t, int64_t id) { return testing_row(t, id).state == TASK_RUNNING; }
static bool is_preparing(struct testing *t, int64_t id) { return testing_row(t, id).state == TASK_PREPARING; }
static bool is_checking(struct testing *t, int64_t id) { return testing_row(t, id).state == TASK_CHECKING; }

static void a_task_can_be_cancelled_in_each_open_state(void **state) {
    struct testing *t = *state;
    static const struct { const char *script; bool (*there)(struct testing *, int64_t); } ways[] = {
        { "cutout.hang", is_preparing }, { "compose.hang", is_running }, { "score.hang", is_checking },
    };
    t->use = "fake";
    for (size_t i = 0; i < COUNT(ways); i++) {
        testing_go(state, ways[i].script);
        int64_t task = testing_buy(t, ME, GROUP);
        testing_wait(t, ways[i].there, task, "the state to cancel in");
        assert_int_equal(testing_cancel(t, task, YOU), ERR_NOT_FOUND);
        assert_int_equal(testing_cancel(t, task, ME), 0);
        assert_int_equal(testing_cancel(t, task, ME), 0);         /* said twice */
        testing_expect(t, task, TASK_CANCELLED);
        testing_balance(t, ME, 40 * (int64_t)(i + 1), 0);
        testing_clean(t);
        /* The slot is free again: the next task is not kept waiting by the hanging call. */
        testing_close(t);
    }
    testing_go(state, "");
    testing_close(t);
    testing_open(t);                                              /* nobody works: it stays queued */
    int64_t task = testing_buy(t, YOU, GROUP);
    assert_int_equal(testing_cancel(t, task, 0), 0);              /* by the operator */
    assert_int_equal(testing_row(t, task).state, TASK_CANCELLED);
    testing_clean(t);
}

static void a_cancelled_call_frees_its_slot(void **state) {
    struct testing *t = *state;
    t->slots = "1";
    t->use = "fake";
    testing_go(state, "compose.hang@1");
    int64_t first = testing_buy(t, ME, PLAIN), second = testing_buy(t, YOU, PLAIN);
    testing_wait(t, is_running, first, "the first to hang");
    assert_int_equal(testing_cancel(t, first, ME), 0);
    testing_expect(t, second, TASK_CHOOSING);
    testing_clean(t);
}

/* ---- nobody knows ---- */

static void an_unknown_outcome_keeps_the_hold_until_the_deadline(void **state) {
    struct testing *t = *state;
    t->use = "fake_remote";
    testing_go(state, "compose.unknown");
    int64_t task = testing_buy(t, ME, PLAIN);
    testing_wait(t, testing_has_unknown, task, "an unknown attempt");
    testing_balance(t, ME, 0, 10);
    assert_int_equal(testing_count(t, &testing_attempts, task), 1); /* never repeated */
    testing_clean(t);
    assert_int_equal(testing_ring(t, task), 0);
    testing_expect(t, task, TASK_FAILED);
    testing_balance(t, ME, 10, 0);
    assert_int_equal(testing_count(t, &testing_unknown, task), 1);  /* still, in the books of cost */
    testing_clean(t);
}

static bool is_choosing(struct testing *t, int64_t id) { return testing_row(t, id).state == TASK_CHOOSING; }

static void a_late_result_is_given_free(void **state) {
    struct testing *t = *state;
    t->use = "fake_remote";
    testing_go(state, "compose.late=400");
    int64_t task = testing_buy(t, ME, PLAIN);
    testing_wait(t, testing_has_unknown, task, "an unknown attempt");
    assert_int_equal(testing_ring(t, task), 0);
    assert_int_equal(testing_row(t, task).state, TASK_FAILED);
    testing_balance(t, ME, 10, 0);
    testing_wait(t, is_choosing, task, "the late result");
    testing_balance(t, ME, 10, 0);
    assert_true(testing_row(t, task).given_free);
    assert_int_equal(testing_pick(t, task, ME, 0), 0);
    assert_true(testing_cost(t) > 0);
    testing_clean(t);
}

struct testing_move { int64_t from, to; };
static int move_fn(struct db_tx *tx, void *arg, struct err *e) {
    const struct testing_move *m = arg;
    int r = task_move(tx, m->from, m->to, e);
    return r < 0 ? r : ledger_move(tx, m->from, m->to, e);
}

/* A task that is over, and a call of it of which nobody knows; no dispatcher asks about it. */
static int64_t over_without_it(void **state) {
    struct testing *t = *state;
    t->use = "fake_remote";
    testing_go(state, "compose.unknown");
    int64_t task = testing_buy(t, ME, PLAIN);
    testing_wait(t, testing_has_unknown, task, "an unknown attempt");
    assert_int_equal(testing_ring(t, task), 0);
    testing_close(t);
    testing_open(t);
    return task;
}

/* What the dispatcher's hands do for an answer that comes late, up to the files it is to be written into. */
static struct call *late_call(struct testing *t, int64_t task) {
    struct err *e = &t->e;
    struct task__attempt a;
    DB_SQL(unknown, "SELECT MAX(id) FROM attempt WHERE task_id = ? AND state = 'unknown'");
    OK(task__attempt_load(db_reader(t->db), testing_count(t, &unknown, task), &a, e));
    struct call *k = call_late(t->core, &a, op_of(STR("compose")));
    run_add(t->core, k->run);
    store_reopen(&k->job);
    OK(k->rc);
    assert_int_equal(write(blob_put_fd(k->put[0]), "a picture", 9), 9);
    k->facts = STR("{\"type\":\"image/png\",\"width\":8,\"height\":8}");
    return k;
}

static void late_call_over(struct call *k) {
    struct run *r = k->run;
    call_stop(k);
    run_free_if_over(r);
}

static void a_late_result_waits_until_its_new_owner_is_known(void **state) {
    struct testing *t = *state;
    struct err *e = &t->e;
    int64_t task = over_without_it(state);

    struct call *k = late_call(t, task);
    OK(db_do(t->db, move_fn, &(struct testing_move){ ME, YOU }, e));
    store_result(&k->job);                                        /* its bytes lie in the folder of ME */
    assert_int_equal(k->rc, ERR_RACE);
    store_unknown(&k->job);
    late_call_over(k);
    testing_clean(t);

    k = late_call(t, task);
    store_result(&k->job);
    OK(k->rc);
    late_call_over(k);
    assert_int_equal(testing_row(t, task).state, TASK_CHOOSING);
    assert_int_equal(testing_pick(t, task, YOU, 0), 0);
    testing_clean(t);
}

static void a_result_that_is_late_but_in_time_is_paid(void **state) {
    struct testing *t = *state;
    t->use = "fake_remote";
    testing_go(state, "compose.late=200");
    int64_t task = testing_buy(t, ME, PLAIN);
    testing_expect(t, task, TASK_CHOOSING);
    testing_balance(t, ME, 0, 0);
    assert_int_equal(testing_count(t, &testing_attempts, task), 1);
    testing_clean(t);
}

static void a_call_that_never_happened_is_made_again(void **state) {
    struct testing *t = *state;
    t->use = "fake_remote";
    testing_go(state, "compose.lost@1");
    int64_t task = testing_buy(t, ME, PLAIN);
    testing_expect(t, task, TASK_CHOOSING);
    assert_int_equal(testing_count(t, &testing_attempts, task), 2);
    assert_int_equal(testing_cost(t), 2000);    /* of the second one alone */
    testing_clean(t);
}

static void a_submit_without_an_answer_is_not_repeated(void **state) {
    struct testing *t = *state;
    t->use = "fake_remote";
    testing_go(state, "compose.uncertain");
    int64_t task = testing_buy(t, ME, PLAIN);
    testing_wait(t, testing_has_unknown, task, "an unknown attempt");
    assert_int_equal(testing_ring(t, task), 0);
    testing_expect(t, task, TASK_FAILED);
    assert_int_equal(testing_count(t, &testing_attempts, task), 1);
    testing_clean(t);
}

static void what_nobody_ever_knows_is_written_off(void **state) {
    struct testing *t = *state;
    t->use = "fake_remote";
    testing_go(state, "compose.unknown");
    t->core->late_ms = 100;
    int64_t task = testing_buy(t, ME, PLAIN);
    testing_wait(t, testing_has_unknown, task, "an unknown attempt");
    assert_int_equal(testing_ring(t, task), 0);
    assert_int_equal(testing_cost(t), 0);
    testing_wait(t, testing_is_written_off, task, "the end of asking");
    assert_int_equal(testing_row(t, task).state, TASK_FAILED);
    testing_balance(t, ME, 10, 0);
    assert_int_equal(testing_cost(t), 2000);    /* nobody can say that it was not made */
    testing_clean(t);
}

static int write_off_fn(struct db_tx *tx, void *arg, struct err *e) {
    struct task__attempt a;
    int r = task__attempt_load(tx, *(int64_t *)arg, &a, e);
    a.ask_ms = 0;
    return r < 0 ? r : task__attempt_move(tx, &a, ATTEMPT_WRITTEN_OFF, NULL, e);
}

static void an_answer_behind_the_end_of_asking_changes_nothing(void **state) {
    struct testing *t = *state;
    struct err *e = &t->e;
    int64_t task = over_without_it(state);
    struct call *k = late_call(t, task);
    OK(db_do(t->db, write_off_fn, &k->row.id, e));
    store_result(&k->job);
    assert_int_equal(k->rc, ERR_RACE);
    store_failed(&k->job);
    assert_int_equal(k->rc, ERR_RACE);
    late_call_over(k);
    assert_int_equal(testing_row(t, task).state, TASK_FAILED);
    assert_int_equal(testing_cost(t), 2000);
    testing_clean(t);
}

DB_SQL(forget_cost, "DELETE FROM ledger_tx WHERE cause = 'cost'");
DB_SQL(forget_entry, "DELETE FROM ledger_entry WHERE kind = 'cost'");
static int forget_fn(struct db_tx *tx, void *arg, struct err *e) {
    int r = db_run(tx, NULL, e, &forget_cost);
    return r < 0 ? r : db_run(tx, NULL, e, &forget_entry);
}

static void a_cost_that_is_not_booked_is_found(void **state) {
    struct testing *t = *state;
    struct err *e = &t->e;
    char first[240] = "";
    t->use = "fake_remote";
    testing_go(state, "");
    int64_t task = testing_buy(t, ME, PLAIN);
    testing_expect(t, task, TASK_CHOOSING);
    testing_clean(t);
    OK(db_do(t->db, forget_fn, NULL, e));
    assert_int_equal(task_verify(db_reader(t->db), testing_note, first, e), 1);
    assert_non_null(strstr(first, "attempt compose 0 is stored for 2000 microusd, and 0 are booked"));
}

DB_SQL(count_stored, "SELECT COUNT(*) FROM attempt WHERE task_id = ? AND state = 'stored'");
static bool is_stored(struct testing *t, int64_t id) { return testing_count(t, &count_stored, id) == 1; }

static void what_comes_after_a_cancel_changes_the_books_of_cost_only(void **state) {
    struct testing *t = *state;
    t->use = "fake_remote";
    testing_go(state, "compose.late=300");
    int64_t task = testing_buy(t, ME, PLAIN);
    testing_wait(t, testing_has_unknown, task, "an unknown attempt");
    assert_int_equal(testing_cancel(t, task, ME), 0);
    testing_wait(t, is_stored, task, "the late result");
    assert_int_equal(testing_row(t, task).state, TASK_CANCELLED);
    assert_int_equal(testing_count(t, &count_fine, task), 0);
    assert_true(testing_cost(t) > 0);
    testing_balance(t, ME, 10, 0);
    testing_clean(t);
}

static void at_the_deadline_enough_is_enough(void **state) {
    struct testing *t = *state;
    t->use = "fake_remote";
    t->slots = "1";
    testing_go(state, "compose.unknown@4");
    int64_t task = testing_buy(t, ME, GROUP);
    testing_wait(t, testing_has_unknown, task, "an unknown attempt");
    DB_SQL(judged, "SELECT COUNT(*) FROM candidate WHERE task_id = ? AND verdict = 1");
    while (testing_count(t, &judged, task) < 3)
        testing_wait(t, is_checking, task, "checking");           /* each result wakes the stream */
    assert_int_equal(testing_ring(t, task), 0);
    testing_expect(t, task, TASK_CHOOSING);
    assert_int_equal(testing_row(t, task).delivered, 3);
    testing_balance(t, ME, 10, 0);
    testing_clean(t);
}

static void unpicked_candidates_stay_when_choosing_ends(void **state) {
    struct testing *t = testing_go(state, "");
    int64_t task = testing_buy(t, ME, PLAIN);
    testing_expect(t, task, TASK_CHOOSING);
    assert_int_equal(testing_ring(t, task), 0);
    struct task_row row = testing_row(t, task);
    assert_int_equal(row.state, TASK_DONE);
    assert_int_equal(row.picked, -1);
    assert_int_equal(testing_count(t, &count_fine, task), 1);
    testing_clean(t);
}

/* ---- limits ---- */

static void nobody_fills_the_line(void **state) {
    struct testing *t = *state;
    struct err *e = &t->e;
    int64_t id;
    testing_open(t);
    OK(config_set(t->cfg, "task.account_max", STR("2"), "test", e));
    t->core->account_max = 2;
    t->core->line_max = 3;
    testing_grant(t, ME, 1000);
    testing_grant(t, YOU, 1000);
    OK(testing_try(t, ME, PLAIN, &id));
    OK(testing_try(t, ME, PLAIN, &id));
    assert_int_equal(testing_try(t, ME, PLAIN, &id), ERR_RATE);
    assert_int_equal(t->core->line_room, 1);                      /* it took no room of the others */
    OK(testing_try(t, YOU, PLAIN, &id));
    int64_t last = id;
    assert_int_equal(testing_try(t, YOU, PLAIN, &id), ERR_BUSY);
    testing_balance(t, ME, 980, 20);                              /* a refused one holds nothing */
    OK(testing_cancel(t, last, YOU));
    OK(testing_try(t, YOU, PLAIN, &id));                          /* and who leaves makes room for one */
    assert_int_equal(testing_try(t, YOU, PLAIN, &id), ERR_BUSY);
    assert_int_equal(testing_try(t, THEM, PLAIN, &id), ERR_NO_CREDIT);
    testing_clean(t);
}

static void what_cannot_be_afforded_leaves_nothing(void **state) {
    struct testing *t = *state;
    int64_t id;
    testing_open(t);
    testing_grant(t, ME, 9);
    assert_int_equal(testing_try(t, ME, PLAIN, &id), ERR_NO_CREDIT);
    assert_int_equal(testing_count(t, &testing_attempts, id), 0);
    struct task_row row;
    assert_int_equal(task__load(db_reader(t->db), id, &row, &t->e), ERR_NOT_FOUND);
    testing_clean(t);
}

static void a_stop_gives_work_back_and_a_start_goes_on(void **state) {
    struct testing *t = *state;
    t->use = "fake";
    testing_go(state, "compose.hang");
    int64_t task = testing_buy(t, ME, GROUP);
    testing_wait(t, is_running, task, "running");
    testing_close(t);
    testing_go(state, "");
    testing_expect(t, task, TASK_CHOOSING);
    DB_SQL(cutouts, "SELECT COUNT(*) FROM attempt WHERE task_id = ? AND op = 'cutout'");
    assert_int_equal(testing_count(t, &cutouts, task), 2);        /* the layers were kept */
    testing_clean(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TESTING(four_candidates_are_made_judged_and_one_is_picked),
        TESTING(the_best_candidate_stands_first),
        TESTING(results_and_originals_die_on_their_days),
        TESTING(a_photo_lives_until_the_last_task_that_needs_it),
        TESTING(what_the_operator_makes_again_keeps_no_face_longer),
        TESTING(progress_is_told_four_times_a_second_at_most),
        TESTING(what_could_never_run_is_found_at_start),
        TESTING(the_checks_that_failed_are_named_most_often_first),
        TESTING(a_broken_candidate_is_made_again_with_another_seed),
        TESTING(what_stays_broken_is_not_shown_and_not_paid),
        TESTING(a_picture_that_comes_with_its_verdict_is_not_judged_again),
        TESTING(below_the_minimum_everything_is_paid_back),
        TESTING(a_failure_that_may_pass_is_tried_again),
        TESTING(a_full_engine_costs_no_try),
        TESTING(an_engine_that_keeps_failing_hands_over_to_the_next),
        TESTING(a_task_goes_on_to_an_engine_of_the_other_way),
        TESTING(an_input_that_is_refused_goes_nowhere_else),
        TESTING(a_task_can_be_cancelled_in_each_open_state),
        TESTING(a_cancelled_call_frees_its_slot),
        TESTING(an_unknown_outcome_keeps_the_hold_until_the_deadline),
        TESTING(a_late_result_is_given_free),
        TESTING(a_late_result_waits_until_its_new_owner_is_known),
        TESTING(a_result_that_is_late_but_in_time_is_paid),
        TESTING(a_call_that_never_happened_is_made_again),
        TESTING(a_submit_without_an_answer_is_not_repeated),
        TESTING(what_nobody_ever_knows_is_written_off),
        TESTING(an_answer_behind_the_end_of_asking_changes_nothing),
        TESTING(a_cost_that_is_not_booked_is_found),
        TESTING(what_comes_after_a_cancel_changes_the_books_of_cost_only),
        TESTING(at_the_deadline_enough_is_enough),
        TESTING(unpicked_candidates_stay_when_choosing_ends),
        TESTING(nobody_fills_the_line),
        TESTING(what_cannot_be_afforded_leaves_nothing),
        TESTING(a_stop_gives_work_back_and_a_start_goes_on),
    };
    cmocka_set_test_filter(getenv("ZT_TEST_ONLY"));
    return cmocka_run_group_tests_name("dispatch", tests, NULL, NULL);
}
