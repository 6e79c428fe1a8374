/*
 * testing.h - the whole of task/ on a temporary folder, with the fake engines: a database, a store, products written for the tests.
 * Used by: *_test.c of task/ and shop/.
 *
 * Recipes: "group" as family-portrait (cutout, compose, score; 2 of 4 needed, 1 rerun), "plain" (compose only, 1 needed, no checks).
 */
#ifndef ZT_TASK_TESTING_H
#define ZT_TASK_TESTING_H

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/failpoint.h"
#include "base/id.h"
#include "base/json.h"
#include "base/log.h"
#include "blob/blob.h"
#include "engine/engine.h"
#include "engine/fake_png.h"
#include "ledger/ledger.h"
#include "net/client.h"
#include "task/core.h"

#define OK(call)                                                                                                                 \
    do {                                                                                                                         \
        int ok_r = (call);                                                                                                       \
        if (ok_r < 0)                                                                                                            \
            fail_msg("%s: %d %s", #call, ok_r, e->text);                                                                         \
    } while (0)

enum { ME = 1001, YOU = 1002, THEM = 1003 };
enum { TESTING_PATIENCE_S = 180 };     /* every step is an fsync: a slow, busy disk is no failure */

struct testing {
    char           dir[96];
    const char    *script, *use;      /* engine.fake_script, engine.use; set before testing_open() */
    const char    *slots;             /* engine.fake_slots */
    const char    *keys;              /* engine.replicate_keys, of a service at which nobody answers; set before testing_open() */
    const struct setting *more[4];    /* tables of rooms further right; NULL-ended; set before testing_open() */
    struct config *cfg;
    struct http_client *http;         /* NULL: nothing goes out */
    struct db     *db;
    struct blob_store *blobs;
    struct studio *studio;
    struct task_core *core;
    struct arena  *a;
    struct err     e;
    /* every stream wakes this */
    pthread_mutex_t lock;
    pthread_cond_t  woken;
    int64_t         wakes;
};

static inline int testing_rm(const char *path, const struct stat *st, int type, struct FTW *at) { return remove(path); }

static inline void testing_file(struct testing *t, const char *name, const char *text) {
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", t->dir, name);
    for (char *p = path + strlen(t->dir) + 1; (p = strchr(p, '/')); p++) {
        *p = '\0';
        mkdir(path, 0700);
        *p = '/';
    }
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

#ifndef TESTING_DEADLINE_S
#define TESTING_DEADLINE_S "20"
#endif
#define TESTING_RECIPE(name, inputs, steps, candidates, engines)                                                                 \
    "recipe: " name "\nversion: 1\ntitle: { en: T, zh: T }\ninputs:\n" inputs                                                    \
    "  backdrop: { kind: template | image, tags: [backdrop], max_mb: 10, short_side_min_px: 720 }\n"                             \
    "candidates: " candidates "\nchecks: [faces_intact]\nengines: " engines "\nsteps:\n" steps                                   \
    "limits: { step_s: 5, deadline_s: " TESTING_DEADLINE_S ", choose_s: 3600 }\nprice: { credits: 10, per: candidate }\n"                            \
    "retention: { inputs: 24h, outputs: 30d }\nparams: { fidelity: 0.7, light: auto }\n"
#define TESTING_PEOPLE "  people: { kind: image, min: 1, max: 5, max_mb: 10, short_side_min_px: 720, face: { min_px: 80, confidence_min: 0.7 } }\n"
#define TESTING_COMPOSE "  - { op: compose, state: running, per: candidate }\n"

static inline void testing_products(struct testing *t) {
    testing_file(t, "products/p/product.yaml", "product: p\ntitle: { en: P, zh: P }\ntagline: { en: P, zh: P }\n"
                                               "lead: { en: l, zh: 述 }\ntheme: { light: { accent: \"#000000\" } }\nrecipes: [group, plain, ways]\nguest: { credits: 100 }\n");
    testing_file(t, "products/p/recipes/group.yaml",
                 TESTING_RECIPE("group", TESTING_PEOPLE,
                                "  - { op: cutout, state: preparing, per: person }\n" TESTING_COMPOSE "  - { op: score, state: checking, per: candidate }\n",
                                "{ free: 1, paid: 4, min: 2, reruns: 1, seeds: [1001, 1002, 1003, 1004] }", "[fake, fake_remote]"));
    testing_file(t, "products/p/recipes/plain.yaml",
                 TESTING_RECIPE("plain", TESTING_PEOPLE, TESTING_COMPOSE, "{ free: 1, paid: 4, min: 1, reruns: 0, seeds: [1, 2, 3, 4] }", "[fake]"));
    testing_file(t, "products/p/recipes/ways.yaml",
                 TESTING_RECIPE("ways", TESTING_PEOPLE, "  - { op: cutout, state: preparing, per: person, way: remote }\n" TESTING_COMPOSE,
                                "{ free: 1, paid: 4, min: 1, reruns: 0, seeds: [1, 2, 3, 4] }", "[fake_remote, fake]"));
    testing_file(t, "share/templates/wall/template.yaml", "template: wall\nversion: 1\ntitle: { en: W, zh: W }\ntags: [backdrop]\n"
                                                          "licence: MIT\nthumb: thumb.jpg\nfiles: [wall.png]\ndata: scene.json\n");
    testing_file(t, "share/templates/wall/thumb.jpg", "x");
    testing_file(t, "share/templates/wall/wall.png", "x");
    testing_file(t, "share/templates/wall/scene.json", "{\"kind\":\"backdrop\"}");
}

static inline void testing_wake(void *arg, int64_t topic) {
    struct testing *t = arg;
    pthread_mutex_lock(&t->lock);
    t->wakes++;
    pthread_cond_broadcast(&t->woken);
    pthread_mutex_unlock(&t->lock);
}

/* A service of two lanes, which makes what our recipes ask for in the second of them. */
static inline void testing_service(struct testing *t) {
    struct err *e = &t->e;
    char path[160];
    testing_file(t, "replicate.yaml", "engine: replicate\nqueries_per_minute: 600\nlanes:\n  - { lane: clips, concurrent: 1, per_minute: 60, burst: 1 }\n"
                                      "  - { lane: pictures, concurrent: 2, per_minute: 600, burst: 10 }\nmodels:\n  - op: compose\n    model: a/b:0123\n"
                                      "    form: version\n    lane: pictures\n    price: { microusd: 5000, per: call }\n    result: picture\n"
                                      "  - op: cutout\n    model: a/c:4567\n    form: version\n    lane: pictures\n    price: { microusd: 700, per: call }\n"
                                      "    result: picture\n");
    snprintf(path, sizeof(path), "%s/replicate.yaml", t->dir);
    OK(config_set(t->cfg, "engine.replicate_keys", str_z(t->keys), "test", e));
    OK(config_set(t->cfg, "engine.replicate_url", STR("http://127.0.0.1:9"), "test", e));
    OK(config_set(t->cfg, "engine.replicate_models", str_z(path), "test", e));
    OK(http_client_new(&(struct http_client_conf){ .connect_ms = 1000, .in_flight_max = 8, .allow = "127.0.0.1:9", .ca_file = "" }, &t->http, e));
}

/* Everything but the dispatcher; testing_start() starts that. */
static inline void testing_open(struct testing *t) {
    const struct setting *const tables[] = { db_settings, blob_settings, engine_settings, task_settings, t->more[0], t->more[1], t->more[2], NULL };
    struct err *e = &t->e;
    char share[128], products[128];
    snprintf(share, sizeof(share), "%s/share", t->dir);
    snprintf(products, sizeof(products), "%s/products", t->dir);
    OK(config_new(tables, &t->cfg, e));
    OK(config_set(t->cfg, "engine.use", str_z(t->use), "test", e));
    OK(config_set(t->cfg, "engine.fake_script", str_z(t->script), "test", e));
    OK(config_set(t->cfg, "engine.fake_slots", str_z(t->slots), "test", e));
    OK(config_set(t->cfg, "task.ask", STR("20ms"), "test", e));
    if (t->keys)
        testing_service(t);
    OK(db_open(t->cfg, t->dir, false, &t->db, e));
    OK(blob_open(t->cfg, t->dir, &t->blobs, e));
    OK(studio_load(share, products, &t->studio, e));
    struct task_core_conf conf = { .cfg = t->cfg, .db = t->db, .blobs = t->blobs, .studio = t->studio, .client = t->http, .share = share, .wake_topic = testing_wake, .wake_arg = t };
    OK(task_core_new(&conf, &t->core, e));
    t->a = arena_new(8u << 20);
}

static inline void testing_start(struct testing *t) {
    struct err *e = &t->e;
    int64_t swept;
    OK(blob_sweep(t->blobs, t->db, &swept, e));
    OK(task_core_start(t->core, e));
}

/* The whole of it, under that script. */
static inline struct testing *testing_go(void **state, const char *script) {
    struct testing *t = *state;
    t->script = script;
    testing_open(t);
    testing_start(t);
    return t;
}

static inline void testing_close(struct testing *t) {
    task_core_stop(t->core, 0);
    task_core_free(t->core);
    http_client_free(TAKE(t->http));
    studio_free(t->studio);
    blob_close(t->blobs);
    db_close(t->db);
    config_free(t->cfg);
    arena_free(t->a);
    t->core = NULL;
    t->db = NULL;
    t->a = NULL;
}

static inline int testing_setup(void **state) {
    struct testing *t = calloc(1, sizeof(*t));
    pthread_condattr_t mono;
    struct err e;
    log_setup(2, getenv("ZT_TEST_LOG") ? LOG_DEBUG : LOG_ERROR);
    assert_int_equal(crypto_setup(&e), 0);
    pthread_condattr_init(&mono);
    pthread_condattr_setclock(&mono, CLOCK_MONOTONIC);
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->woken, &mono);
    snprintf(t->dir, sizeof(t->dir), "/tmp/zt-task-XXXXXX");
    assert_non_null(mkdtemp(t->dir));
    t->script = t->use = "";
    t->slots = "4";
    testing_products(t);
    *state = t;
    return 0;
}

static inline int testing_teardown(void **state) {
    struct testing *t = *state;
    if (t->db)
        testing_close(t);
    nftw(t->dir, testing_rm, 8, FTW_DEPTH | FTW_PHYS);
    pthread_cond_destroy(&t->woken);
    pthread_mutex_destroy(&t->lock);
    free(t);
    return 0;
}

#define TESTING(fn) cmocka_unit_test_setup_teardown(fn, testing_setup, testing_teardown)

/* ---- doing ---- */

struct testing_grant { int64_t account, credits, id; };
static inline int testing_grant_fn(struct db_tx *tx, void *arg, struct err *e) {
    const struct testing_grant *g = arg;
    return ledger_grant(tx, &(struct ledger_grant){ .account = g->account, .credits = g->credits, .cause = "test", .cause_id = g->id }, e);
}
static inline void testing_grant(struct testing *t, int64_t account, int64_t credits) {
    struct err *e = &t->e;
    OK(db_do(t->db, testing_grant_fn, &(struct testing_grant){ account, credits, id_new() }, e));
}

static inline int testing_asset_fn(struct db_tx *tx, void *arg, struct err *e) { return blob_asset_add(tx, arg, e); }
/* A photo with one good face. */
static inline int64_t testing_photo(struct testing *t, int64_t account) {
    struct err *e = &t->e;
    struct blob_put *p;
    BUF_CLEANUP struct buf png;
    buf_init(&png, 1 << 16);
    struct blob_asset as = {
        .id = id_new(), .account = account, .class = BLOB_ORIGINAL, .type = STR("image/png"), .role = STR("photo"), .width = 1000, .height = 1200,
        .facts = STR("{\"faces\":[{\"box\":[400,300,600,560],\"size_px\":200,\"confidence\":0.95,\"blur\":0.1,\"yaw\":2,\"pitch\":1,\"cut\":false}]}"),
        .consent_ms = clock_ms(), .created_ms = clock_ms(), .delete_at_ms = clock_ms() + 3600000,
    };
    fake_png(&png, (uint64_t)as.id);
    OK(blob_put_begin(t->blobs, account, BLOB_ORIGINAL, &p, e));
    OK(blob_put_write(p, png.p, png.n, e));
    OK(blob_put_end(p, as.sha, &as.bytes, e));
    OK(db_do(t->db, testing_asset_fn, &as, e));
    return as.id;
}

struct testing_create { struct task_core *c; struct task_new n; };
static inline int testing_create_fn(struct db_tx *tx, void *arg, struct err *e) {
    const struct testing_create *k = arg;
    return task_create(tx, k->c, &k->n, e);
}
struct testing_order { const char *recipe; int people, candidates, weight; };
/* Makes the photos it needs. < 0: why it was refused. */
static inline int testing_try(struct testing *t, int64_t account, struct testing_order o, int64_t *ret_id) {
    struct testing_create k = { t->core, { .id = id_new(), .account = account, .recipe = studio_recipe(t->studio, str_z(o.recipe)),
                                           .n_people = (size_t)o.people, .template_name = STR("wall"), .candidates = o.candidates,
                                           .price_credits = 10 * o.candidates, .params = STR("{}"), .weight = o.weight ? o.weight : 1 } };
    assert_non_null(k.n.recipe);
    for (int i = 0; i < o.people; i++)
        k.n.people[i] = (struct task_person){ testing_photo(t, account), 0 };
    *ret_id = k.n.id;
    return db_do(t->db, testing_create_fn, &k, &t->e);
}
static inline int64_t testing_buy(struct testing *t, int64_t account, struct testing_order o) {
    struct err *e = &t->e;
    int64_t id;
    testing_grant(t, account, 10 * o.candidates);
    OK(testing_try(t, account, o, &id));
    return id;
}
#define GROUP ((struct testing_order){ "group", 2, 4, 1 })
#define PLAIN ((struct testing_order){ "plain", 0, 1, 1 })

struct testing_task { struct task_core *c; int64_t task, account; int candidate; int64_t now_ms; };
static inline int testing_cancel_fn(struct db_tx *tx, void *arg, struct err *e) {
    const struct testing_task *k = arg;
    return task_cancel(tx, k->c, k->task, k->account, e);
}
static inline int testing_pick_fn(struct db_tx *tx, void *arg, struct err *e) {
    const struct testing_task *k = arg;
    return task_pick(tx, k->c, k->task, k->account, k->candidate, e);
}
static inline int testing_alarm_fn(struct db_tx *tx, void *arg, struct err *e) {
    const struct testing_task *k = arg;
    return task__alarm(tx, k->c, k->task, k->now_ms, e);
}
static inline int testing_cancel(struct testing *t, int64_t task, int64_t account) {
    return db_do(t->db, testing_cancel_fn, &(struct testing_task){ .c = t->core, .task = task, .account = account }, &t->e);
}
/* Its time is over. */
static inline int testing_ring(struct testing *t, int64_t task) {
    return db_do(t->db, testing_alarm_fn, &(struct testing_task){ .c = t->core, .task = task, .now_ms = clock_ms() + 86400000 }, &t->e);
}
static inline int testing_pick(struct testing *t, int64_t task, int64_t account, int candidate) {
    return db_do(t->db, testing_pick_fn, &(struct testing_task){ .c = t->core, .task = task, .account = account, .candidate = candidate }, &t->e);
}

/* ---- looking ---- */

static inline struct task_row testing_row(struct testing *t, int64_t task) {
    struct err *e = &t->e;
    struct task_row row;
    OK(task__load(db_reader(t->db), task, &row, e));
    return row;
}

/* Waits, woken by the streams, until done() says so. */
static inline void testing_wait(struct testing *t, bool (*done)(struct testing *t, int64_t id), int64_t id, const char *what) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += TESTING_PATIENCE_S;
    for (;;) {
        pthread_mutex_lock(&t->lock);
        int64_t seen = t->wakes;
        pthread_mutex_unlock(&t->lock);
        if (done(t, id))
            return;
        pthread_mutex_lock(&t->lock);
        int code = 0;
        while (t->wakes == seen && code == 0)
            code = pthread_cond_timedwait(&t->woken, &t->lock, &until);
        pthread_mutex_unlock(&t->lock);
        if (code)
            fail_msg("%s did not come about in %d s; the task is %s", what, TESTING_PATIENCE_S, task_state_name(testing_row(t, id).state));
    }
}

static inline bool testing_is_decided(struct testing *t, int64_t id) { return !task__open(testing_row(t, id).state); }
static inline void testing_expect(struct testing *t, int64_t task, enum task_state state) {
    testing_wait(t, testing_is_decided, task, "a decision");
    struct task_row row = testing_row(t, task);
    if (row.state != state)
        fail_msg("the task is %s, not %s: %s %s", task_state_name(row.state), task_state_name(state), row.error_code, row.error_text);
}

static inline int64_t testing_count(struct testing *t, const struct db_sql *q, int64_t arg) {
    struct err *e = &t->e;
    DB_ROWS rows = { 0 };
    OK(db_one(db_reader(t->db), &rows, e, q, DB_INT(arg)));
    return db_int(&rows, 0);
}

DB_SQL(testing_attempts, "SELECT COUNT(*) FROM attempt WHERE task_id = ?");
DB_SQL(testing_unknown, "SELECT COUNT(*) FROM attempt WHERE task_id = ? AND state = 'unknown'");
DB_SQL(testing_written_off, "SELECT COUNT(*) FROM attempt WHERE task_id = ? AND state = 'written_off'");
DB_SQL(testing_booked, "SELECT COALESCE(SUM(amount), 0) FROM ledger_entry WHERE kind = 'cost' AND amount > ?");
static inline bool testing_has_unknown(struct testing *t, int64_t id) { return testing_count(t, &testing_unknown, id) > 0; }
static inline bool testing_is_written_off(struct testing *t, int64_t id) { return testing_count(t, &testing_written_off, id) == 1; }
static inline int64_t testing_cost(struct testing *t) { return testing_count(t, &testing_booked, 0); }      /* of all calls, in the books */

static inline void testing_balance(struct testing *t, int64_t account, int64_t available, int64_t held) {
    struct err *e = &t->e;
    struct ledger_balance b;
    OK(ledger_balance(db_reader(t->db), account, &b, e));
    assert_int_equal(b.available, available);
    assert_int_equal(b.held, held);
}

static inline void testing_note(void *ctx, const char *what) {
    if (!*(char *)ctx)
        snprintf(ctx, 240, "%s", what);
}
/* Books, tasks and files are whole. */
static inline void testing_clean(struct testing *t) {
    struct err *e = &t->e;
    char first[240] = "";
    {
        DB_SNAPSHOT struct db_tx *rd = db_snapshot(t->db);
        OK(ledger_verify(rd, testing_note, first, e));
        OK(task_verify(rd, testing_note, first, e));
    }
    OK(blob_verify(t->blobs, t->db, /* deep= */ true, testing_note, first, e));
    if (first[0])
        fail_msg("%s", first);
}

#endif
