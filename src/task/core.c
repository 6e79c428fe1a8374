/*
 * core.c - the dispatcher: one thread that claims tasks for engines with a free slot, starts what is due, and waits.
 * It waits in one place only (poll on wake_fd), and never for a disk: writes and files are the hands' work.
 */
#include "task/core.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/id.h"

#define RING_WAIT_MS   10000         /* longest wait for a place in the write lane */
#define RING_PAUSE_MS  10
#define TELL_LINE_MAX  128           /* waiting tasks whose streams are woken when the line has moved, once in IDLE_MS */
#define TELL_AGAIN_MS  5
#define IDLE_MS        1000          /* the clock's own work (keep.c) is due this often */
#define KNOWN_MS       (16 * 60000LL)/* a call that is listed over there beside a lost one was intended within these of it (engine/provider.h) */

const struct setting task_settings[] = {
    { "task.lease", SET_MS, "15s", 1000, 3600000, "How long a worker owns a task before another may take it; it is renewed while it works." },
    { "task.hands", SET_INT, "16", 1, 64, "Threads that make results durable; they wait for the disk side by side, so that many share one fsync." },
    { "task.runs_max", SET_INT, "64", 1, 4096, "Tasks worked on side by side; how many calls they make is up to the engines' slots." },
    { "task.tries_max", SET_INT, "3", 1, 20, "Calls of one step on one engine before it is given up, when each failed in a way that may pass." },
    { "task.claims_max", SET_INT, "40", 1, 1000, "Starts of one task before it is given up, when whoever works on it keeps dying." },
    { "task.account_max", SET_INT, "200", 1, 100000, "Unfinished tasks one account may have." },
    { "task.line_max", SET_INT, "10000", 1, 1000000, "Tasks that may wait in all; beyond, new ones are refused." },
    { "task.wait", SET_MS, "24h", 1000, 30LL * 86400000,
      "How long a task may wait for its first start, or for an engine that takes nothing, before it is given up and paid back." },
    { "task.late", SET_MS, "24h", 0, 30LL * 86400000, "How long an unknown call is asked about before it counts as made, and its cost is booked." },
    { "task.ask", SET_MS, "2s", 10, 3600000, "First pause before an unknown call is asked about again; it doubles up to 30 times that." },
    { 0 },
};

/* ---- waking ---- */

static void wake(void *arg) {
    struct task_core *c = arg;
    uint64_t one = 1;
    ssize_t n = write(c->wake_fd, &one, sizeof(one));
    (void)n;                         /* EAGAIN: it is awake already */
}

static void on_commit_line(void *arg) {
    struct task_core *c = arg;
    atomic_store(&c->line_changed, true);
    wake(c);
}

void task__wake_dispatcher(struct db_tx *tx, struct task_core *c) {
    if (c)
        db_on_commit(tx, on_commit_line, c);
}

static void note_moved(struct task_core *c, int64_t task) {
    pthread_mutex_lock(&c->moved_lock);
    if (c->n_moved < CORE_MOVED_MAX)
        c->moved[c->n_moved] = task;
    if (c->n_moved <= CORE_MOVED_MAX)
        c->n_moved++;
    pthread_mutex_unlock(&c->moved_lock);
}

static void on_commit_moved(void *arg) {
    const struct core_wake *w = arg;
    note_moved(w->c, w->task.id);
    on_commit_line(w->c);
}

void task__taken_away(struct db_tx *tx, struct task_core *c, int64_t task) {
    if (!c)
        return;
    struct core_wake *w = &c->wakes[c->wakes_used++ % CORE_WAKES];
    *w = (struct core_wake){ c, { .id = task } };
    db_on_commit(tx, on_commit_moved, w);
}

static void on_commit_stream(void *arg) {
    const struct core_wake *w = arg;
    if (w->task.engine >= 0 || !w->task.open)
        eta_note(w->c->eta, &w->task, clock_mono_ms());
    if (w->c->conf.wake_topic)
        w->c->conf.wake_topic(w->c->conf.wake_arg, w->task.id);
}

static void on_commit_tell(struct db_tx *tx, struct task_core *c, struct eta_task task) {
    struct core_wake *w = &c->wakes[c->wakes_used++ % CORE_WAKES];
    *w = (struct core_wake){ c, task };
    db_on_commit(tx, on_commit_stream, w);
}

void task__wake_stream(struct db_tx *tx, struct task_core *c, int64_t task) {
    if (c)
        on_commit_tell(tx, c, (struct eta_task){ .id = task, .engine = -1, .open = true });
}

void task__changed(struct db_tx *tx, struct task_core *c, const struct task_row *t, int people) {
    if (!c)
        return;
    on_commit_tell(tx, c, (struct eta_task){
        .id = t->id, .turn = t->turn, .engine = eta_engine_of(c->eta, t->engine), .recipe = eta_recipe_of(c->eta, t->recipe),
        .people = people, .asked = t->asked, .in_line = t->in_line, .open = task__open(t->state),
        .kept_word = t->state == TASK_CHOOSING && !t->given_free });
}

/* ---- helpers of the other files ---- */

int core_write(struct task_core *c, db_write_fn *fn, void *arg, struct err *e) {
    for (int waited = 0;; waited += RING_PAUSE_MS) {
        int r = db_do(c->db, fn, arg, e);
        if (r != ERR_BUSY || waited >= RING_WAIT_MS)
            return r;
        nanosleep(&(struct timespec){ 0, RING_PAUSE_MS * 1000000L }, NULL);
    }
}

struct core_engine *core_engine_of(struct task_core *c, const char *name) {
    for (size_t i = 0; i < c->n_engines; i++)
        if (strcmp(c->engines[i].name, name) == 0)
            return &c->engines[i];
    return NULL;
}

int64_t core_shut_ms(struct task_core *c, const char *engine) {
    const struct core_engine *g = c ? core_engine_of(c, engine) : NULL;
    if (!g)
        return c ? -1 : 0;
    pthread_mutex_lock(&c->lanes_lock);
    int64_t since = g->shut_since_ms;
    pthread_mutex_unlock(&c->lanes_lock);
    return since ? clock_mono_ms() - since + 1 : 0;
}

/* The lane in which an engine makes this recipe: that of its first step over there. NULL when it cannot. */
static struct core_engine *lane_for(struct task_core *c, struct str engine, const struct studio_recipe *r) {
    struct core_engine *g = c->engines, *end = c->engines + c->n_engines;
    while (g < end && !str_eqz(engine, g->d->name))
        g++;
    if (g == end || !g->d->lane_of)
        return g == end ? NULL : g;
    int lane = -1;
    for (size_t s = 0; s < r->n_steps && lane < 0; s++)
        if (studio_step_is_of(&r->steps[s], core_is_remote(g)) && !r->steps[s].here)
            lane = g->d->lane_of(g->g, r->steps[s].op, r->params);
    while (g < end && (int)g->lane != lane)
        g++;
    return lane < 0 || g == end ? NULL : g;
}

struct core_engine *core_engine_next(struct task_core *c, const struct studio_recipe *r, const char *after) {
    struct str use = str_z(config_str(c->conf.cfg, "engine.use")), names[CORE_ENGINES_MAX];
    size_t n = 0;
    if (use.n)
        while (use.n && n < CORE_ENGINES_MAX)
            names[n++] = str_trim(str_cut(&use, ','));
    else
        for (size_t i = 0; i < r->n_engines && n < CORE_ENGINES_MAX; i++)
            names[n++] = r->engines[i];
    bool passed = !after;
    for (size_t i = 0; i < n; i++) {
        struct core_engine *g = lane_for(c, names[i], r);
        if (passed && g)
            return g;
        passed |= after && g && strcmp(g->name, after) == 0;
    }
    return NULL;
}

void core_disk(struct task_core *c, int rc) {
    if (rc == ERR_DISK_FULL && !c->disk_full)
        log_event(LOG_ERROR, "task.disk_full", F_STR("doing", "waiting; running work is kept and goes on by itself"));
    if (rc >= 0 && c->disk_full)
        log_event(LOG_INFO, "task.disk_healed");
    if (rc == ERR_DISK_FULL || rc >= 0)
        c->disk_full = rc < 0;
}

/* ---- claiming ---- */

struct claim_job {
    struct hand_job job;
    struct task_core *c;
    struct core_engine *g;
    struct task__claim k;
    struct run *runs[TASK_CLAIM_MAX];
    int         rc;
    struct err  err;
};

static int claim_fn(struct db_tx *tx, void *arg, struct err *e) {
    struct claim_job *j = arg;
    return task__lease_claim(tx, j->c, &j->k, e);
}

/* What was claimed and cannot be loaded fails at once: its recipe is gone, or its row makes no sense. */
struct fail_claimed { struct task_core *c; int64_t id, fence; const struct err *why; };
static int fail_claimed_fn(struct db_tx *tx, void *arg, struct err *e) {
    const struct fail_claimed *f = arg;
    struct task_row t;
    int r = task__load_leased(tx, f->id, f->fence, &t, e);
    return r < 0 ? r : task__fail(tx, f->c, &t, f->why, e);
}

DB_SQL(core_waiting, "SELECT 1 FROM task WHERE in_line = 1 AND engine = ? LIMIT 1");

static void claim_work(struct hand_job *hj) {
    struct claim_job *j = (struct claim_job *)hj;
    {
        /* A look costs nothing; an idle server writes nothing. */
        DB_ROWS rows = { 0 };
        if ((j->rc = db_one(db_reader(j->c->db), &rows, &j->err, &core_waiting, DB_TEXT(j->g->name))) <= 0)
            return;
    }
    if ((j->rc = core_write(j->c, claim_fn, j, &j->err)) < 0)
        return;
    if (j->k.n)
        failpoint_hit(FP_TASK_AFTER_CLAIM);
    for (int i = 0; i < j->k.n; i++) {
        struct err why = { 0 }, e = { 0 };
        if (run_load(j->c, j->k.id[i], j->k.fence[i], &j->runs[i], &why) >= 0)
            continue;
        struct fail_claimed f = { j->c, j->k.id[i], j->k.fence[i], &why };
        TASK_LOG(LOG_ERROR, j->k.id[i], "task.cannot_load", F_ERR(&why));
        if (core_write(j->c, fail_claimed_fn, &f, &e) < 0)
            TASK_LOG(LOG_ERROR, j->k.id[i], "task.cannot_fail", F_STR("doing", "its lease will run out"), F_ERR(&e));
    }
}

static void claim_then(struct hand_job *hj) {
    struct claim_job *j = (struct claim_job *)hj;
    j->g->claiming = false;
    if (j->rc < 0 || j->k.n)
        core_disk(j->c, j->rc);
    if (j->rc < 0 && j->rc != ERR_DISK_FULL)
        log_event(LOG_ERROR, "task.claim", F_STR("doing", "retrying"), F_ERR(&j->err));
    if (j->rc < 0 || j->k.n == 0)
        j->g->dry = true;            /* until somebody wakes us, or the next tick */
    for (int i = 0; i < j->k.n; i++)
        if (j->runs[i])
            run_add(j->c, j->runs[i]);
    free(j);
}

static void claim_for(struct task_core *c, struct core_engine *g, int64_t now_ms) {
    int free_slots = core_slots_left(g), room = c->runs_max - c->n_runs;
    if (g->claiming || g->dry || free_slots <= 0 || room <= 0)
        return;
    for (struct run *r = c->runs; r; r = r->next)
        if (run_has_ready(r, g, now_ms))
            return;                  /* those in hand come first */
    struct claim_job *j = calloc(1, sizeof(*j));
    if (!j)
        abort();
    int max = free_slots < room ? free_slots : room;
    j->job = (struct hand_job){ .work = claim_work, .then = claim_then };
    j->c = c;
    j->g = g;
    j->k = (struct task__claim){ .engine = g->name, .max = max < TASK_CLAIM_MAX ? max : TASK_CLAIM_MAX, .lease_ms = c->lease_ms,
                                 .claims_max = c->claims_max };
    g->claiming = true;
    hands_give(c->hands, &j->job);
}

/* ---- the loop ---- */

/* What each lane takes in this turn. Who waits for one that is shut goes on when it opens; when the time is up first, see run.c and decide.c. */
static void look_at_lanes(struct task_core *c, int64_t now_ms) {
    for (struct core_engine *g = c->engines; g < c->engines + c->n_engines; g++) {
        struct err why = { 0 };
        bool shut = g->d->shut && g->d->shut(g->g, g->lane, &why) == 1;
        g->slots = g->d->slots(g->g, g->lane);
        if (shut == (g->shut_since_ms != 0))
            continue;
        int64_t took_ms = shut ? 0 : now_ms - g->shut_since_ms;
        pthread_mutex_lock(&c->lanes_lock);
        g->shut_since_ms = shut ? now_ms : 0;
        g->shut_why = why;
        pthread_mutex_unlock(&c->lanes_lock);
        if (shut)
            log_event(LOG_WARN, "engine.shut", F_STR("engine", g->name), F_STR("doing", "its tasks wait until it opens, or until their time is over"), F_ERR(&why));
        else
            log_event(LOG_INFO, "engine.open", F_STR("engine", g->name), F_INT("was_shut_ms", took_ms));
    }
}

DB_SQL(core_still, "SELECT fence FROM task WHERE id = ?");

static void look_at(struct task_core *c, struct run *r) {
    struct err e;
    DB_ROWS rows = { 0 };
    int k = r->late || r->gone ? -1 : db_one(db_reader(c->db), &rows, &e, &core_still, DB_INT(r->row.id));
    if (k < 0 || (k > 0 && db_int(&rows, 0) == r->row.fence))
        return;
    if (r->job_out)
        note_moved(c, r->row.id);                   /* its own job may have decided it, and says so when it is back */
    else
        run_drop(r, "moved on without us");
}

/* Those that were cancelled, expired, or taken by somebody else; a task that ends costs no look at the others. */
static void look_again(struct task_core *c) {
    int64_t moved[CORE_MOVED_MAX];
    pthread_mutex_lock(&c->moved_lock);
    unsigned n = c->n_moved;
    for (unsigned i = 0; i < n && i < CORE_MOVED_MAX; i++)
        moved[i] = c->moved[i];
    c->n_moved = 0;
    pthread_mutex_unlock(&c->moved_lock);
    for (struct run *r = n ? c->runs : NULL, *next; r; r = next) {
        bool named = n > CORE_MOVED_MAX;
        next = r->next;
        for (unsigned i = 0; !named && i < n; i++)
            named = moved[i] == r->row.id;
        if (named)
            look_at(c, r);
    }
}

static void step_all(struct task_core *c, int64_t now_ms) {
    for (struct run *r = c->runs, *next; r; r = next) {
        next = r->next;
        for (struct call *k = r->calls, *after; k; k = after) {
            after = k->next;
            call_poll(k, now_ms);
        }
        run_step(r);
        run_free_if_over(r);
    }
    if (!atomic_load(&c->stopping))
        for (size_t i = 0; i < c->n_engines; i++)
            claim_for(c, &c->engines[i], now_ms);
}

static int64_t next_ms(const struct task_core *c, int64_t now_ms) {
    int64_t at = now_ms + IDLE_MS;
    at = c->tick_at_ms < at ? c->tick_at_ms : at;
    at = c->told_late && now_ms + TELL_AGAIN_MS < at ? now_ms + TELL_AGAIN_MS : at;
    for (const struct run *r = c->runs; r; r = r->next) {
        int64_t its = run_next_ms(r);
        at = its < at ? its : at;
    }
    return at;
}

static bool work_under_way(const struct task_core *c) {
    for (const struct run *r = c->runs; r; r = r->next) {
        if (r->job_out)
            return true;
        for (const struct call *k = r->calls; k; k = k->next)
            if (k->phase != CALL_WAITING)
                return true;
    }
    return false;
}

static void give_all_back(struct task_core *c);

/* Those who wait and look on see the line move; who stands far behind is told by the streams' heartbeat. */
static void tell_line(struct task_core *c) {
    int64_t ids[TELL_LINE_MAX];
    size_t n = c->conf.wake_topic ? eta_moved(c->eta, ids, COUNT(ids)) : 0;
    for (size_t i = 0; i < n; i++)
        c->conf.wake_topic(c->conf.wake_arg, ids[i]);
}

static void *dispatcher_main(void *arg) {
    struct task_core *c = arg;
    pthread_setname_np(pthread_self(), "dispatcher");
    for (;;) {
        int64_t now = clock_mono_ms();
        if (atomic_load(&c->stopping) && (!work_under_way(c) || now >= atomic_load(&c->stop_at_ms)))
            break;
        int64_t wait = next_ms(c, now) - now;
        struct pollfd p = { .fd = c->wake_fd, .events = POLLIN };
        if (poll(&p, 1, wait < 0 ? 0 : wait > IDLE_MS ? IDLE_MS : (int)wait) > 0) {
            uint64_t n;
            ssize_t got = read(c->wake_fd, &n, sizeof(n));
            (void)got;
        }
        hands_take_back(c->hands);
        if (atomic_exchange(&c->line_changed, false))
            for (size_t i = 0; i < c->n_engines; i++)
                c->engines[i].dry = false;
        look_again(c);
        now = clock_mono_ms();
        lend_take_named(c, now);
        if (now >= c->tick_at_ms) {
            c->tick_at_ms = now + IDLE_MS;
            for (size_t i = 0; i < c->n_engines; i++)
                c->engines[i].dry = false;
            tell_line(c);
            keep_tick(c, now);
        }
        look_at_lanes(c, now);
        step_all(c, now);
        run_foretell(c, clock_mono_ms());
    }
    give_all_back(c);
    return NULL;
}

/* ---- the end ---- */

struct give_back { struct task_core *c; int64_t id, fence; };
static int give_back_fn(struct db_tx *tx, void *arg, struct err *e) {
    const struct give_back *g = arg;
    return task__lease_give_back(tx, g->c, g->id, g->fence, "", e);
}

/* What could not be finished stands in line again, so that the next process begins with it at once. */
static void give_all_back(struct task_core *c) {
    for (struct run *r = c->runs; r; r = r->next)
        run_stop(r);
    while (hands_wait(c->hands))
        hands_take_back(c->hands);   /* a stopped call does no more than end; a claim may still add a run */
    while (c->runs) {
        struct run *r = c->runs;
        struct give_back g = { c, r->row.id, r->row.fence };
        struct err e = { 0 };
        if (!r->late && !r->gone && core_write(c, give_back_fn, &g, &e) < 0 && e.code != ERR_RACE)
            log_event(LOG_WARN, "task.give_back", F_STR("doing", "its lease will run out"), F_ERR(&e));
        r->gone = true;
        run_stop(r);
        run_free_if_over(r);
    }
}

/* ---- life ---- */

DB_SQL(core_named, "SELECT remote_id FROM attempt WHERE id >= ? AND id < ? AND id <> ? AND remote_id LIKE ? AND (remote_id NOT LIKE ? OR state IN ('unknown', 'written_off'))");

/*
 * Of a call that is lost nobody knows whether it was made. One that is under way is with its engine, which knows; one that ended otherwise has got its
 * name, or was not made. One walk along the attempts of half an hour, which are so new that they are in memory: some 10 ms for 50,000 of them (a reader
 * waits for nobody), once for each list of calls that a lost one is looked for in. An index of names would cost every attempt, most of which have none.
 */
int core_names(void *arg, int64_t attempt, struct str holds, void (*tell)(void *to, struct str remote_id), void *to) {
    struct task_core *c = arg;
    struct err e;
    char some[64], lost[64];
    int64_t from = id_at_ms(id_ms(attempt) - KNOWN_MS), until = id_at_ms(id_ms(attempt) + KNOWN_MS);
    DB_ROWS rows = { 0 };
    snprintf(some, sizeof(some), "%%%.*s%%", STR_ARG(holds));
    snprintf(lost, sizeof(lost), "%%%.*s", STR_ARG(holds));
    int r = db_query(db_reader(c->db), &rows, &e, &core_named, DB_INT(from), DB_INT(until), DB_INT(attempt), DB_TEXT(some), DB_TEXT(lost));
    while (r >= 0 && (r = db_next(&rows, &e)) > 0)
        tell(to, db_str(&rows, 0));
    return r;
}

static int add_lanes(struct task_core *c, const struct engine_driver *d, struct engine *g, struct err *e) {
    struct core_engine to = { .d = d, .g = g };
    snprintf(to.name, sizeof(to.name), "%s", d->name);
    for (to.lane = 0; d->lane ? d->lane(g, to.lane, to.name) : to.lane == 0; to.lane++) {
        if (c->n_engines == CORE_ENGINES_MAX)
            return err_set(e, ERR_CONFIG, "engines with more than %d lanes in all", CORE_ENGINES_MAX);
        c->engines[c->n_engines++] = to;
    }
    return 0;
}

static int open_engines(struct task_core *c, struct err *e) {
    struct engine_ctx ctx = { .cfg = c->conf.cfg, .media = c->conf.media, .client = c->conf.client, .share = c->conf.share,
                              .reachable = c->conf.public_url && c->conf.public_url[0], .wake = wake, .wake_arg = c, .names = core_names, .names_arg = c };
    for (size_t i = 0; engine_drivers[i]; i++) {
        const struct engine_driver *d = engine_drivers[i];
        struct engine *g;
        struct err why;
        int r = d->open(&ctx, &g, &why);
        if (r == ERR_CONFIG) {
            *e = why;
            return r;
        }
        if (r < 0)
            log_event(LOG_WARN, "engine.missing", F_STR("engine", d->name), F_STR("doing", "ignoring it"), F_ERR(&why));
        else if (r == 0 && (r = add_lanes(c, d, g, e)) < 0)
            return r;
    }
    return 0;
}

/* What could never run is found at start, not by the first buyer. */
static int check_recipes(struct task_core *c, struct err *e) {
    struct str use = str_z(config_str(c->conf.cfg, "engine.use"));
    while (use.n) {
        struct str name = str_trim(str_cut(&use, ','));
        if (!engine_driver(name))
            return err_set(e, ERR_CONFIG, "%s: engine.use names %.*s, which is no engine", config_where(c->conf.cfg, "engine.use"), STR_ARG(name));
    }
    const struct studio_recipe *r;
    for (size_t i = 0; (r = studio_recipe_at(c->conf.studio, i)); i++) {
        struct plan p;
        int rc = plan_init(&p, r, /* remote= */ false, 1, 1, 1, 1, TASK_QUEUED, e);
        if (rc < 0)
            return rc;
        if (task_params_check(r, r->params, e) < 0) {
            err_prefix(e, "recipe %.*s: ", STR_ARG(r->name));
            return e->code = ERR_CONFIG;
        }
        if (!core_engine_next(c, r, NULL))
            log_event(LOG_WARN, "task.no_engine", F_STRN("recipe", r->name), F_STR("doing", "refusing its tasks"));
    }
    return 0;
}

int task_core_new(const struct task_core_conf *conf, struct task_core **ret_c, struct err *e) {
    struct task_core *c = calloc(1, sizeof(*c));
    if (!c)
        abort();
    const struct config *cfg = conf->cfg;
    c->conf = *conf;
    c->db = conf->db;
    pthread_mutex_init(&c->moved_lock, NULL);
    pthread_mutex_init(&c->lanes_lock, NULL);
    c->opened_ms = clock_mono_ms();
    c->lease_ms = config_int(cfg, "task.lease");
    c->wait_ms = config_int(cfg, "task.wait");
    c->late_ms = config_int(cfg, "task.late");
    c->ask_ms = config_int(cfg, "task.ask");
    c->account_max = (int)config_int(cfg, "task.account_max");
    c->line_max = (int)config_int(cfg, "task.line_max");
    c->runs_max = (int)config_int(cfg, "task.runs_max");
    c->tries_max = (int)config_int(cfg, "task.tries_max");
    c->claims_max = (int)config_int(cfg, "task.claims_max");
    c->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    c->told_runs = calloc((size_t)c->runs_max + TASK_CLAIM_MAX, sizeof(*c->told_runs));
    if (!c->told_runs)
        abort();
    int r = c->wake_fd < 0 ? err_sys(e, ERR_INTERNAL, "no descriptor for the dispatcher") : open_engines(c, e);
    struct eta_engine known[CORE_ENGINES_MAX];
    for (size_t i = 0; i < c->n_engines; i++)
        known[i] = (struct eta_engine){ c->engines[i].name, core_is_remote(&c->engines[i]) };
    c->eta = eta_new(conf->studio, known, c->n_engines);
    if (r >= 0)
        r = check_recipes(c, e);
    if (r >= 0)
        r = hands_new((int)config_int(cfg, "task.hands"), wake, c, &c->hands, e);
    if (r < 0) {
        task_core_free(c);
        return r;
    }
    *ret_c = c;
    return 0;
}

/* What the settings have left behind: tasks of an engine that is not there any more, which wait until it is there again or until their time is over; and
 * calls that cannot be asked about. */
static int tell_stranded(struct task_core *c, struct err *e) {
    struct task_lane lanes[2 * CORE_ENGINES_MAX];
    size_t n = 0;
    int r = task_get_lanes(c, db_reader(c->db), lanes, COUNT(lanes), &n, e);
    for (size_t i = 0; i < n; i++)
        if (!lanes[i].here)
            log_event(LOG_WARN, "task.stranded", F_STR("engine", lanes[i].name), F_INT("tasks", lanes[i].waiting), F_STR("why", lanes[i].why),
                      F_STR("doing", "they wait until it is there, or until their time is over"));
    struct task_unsure u;
    if (r < 0 || (r = task_get_unsure(c, db_reader(c->db), &u, e)) < 0)
        return r;
    if (u.untellable)
        log_event(LOG_ERROR, "task.untellable", F_INT("calls", u.untellable), F_STR("engine", u.engine), F_STR("why", u.why),
                  F_STR("doing", "making none of them again; they count as made when task.late has passed"));
    return 0;
}

int task_core_start(struct task_core *c, struct err *e) {
    assert(!c->started);
    int r = keep_recover(c, e);
    if (r < 0 || (r = learn_open(c, e)) < 0 || (r = tell_stranded(c, e)) < 0)
        return r;
    look_at_lanes(c, clock_mono_ms());
    int code = pthread_create(&c->thread, NULL, dispatcher_main, c);
    if (code)
        return err_set(e, ERR_INTERNAL, "cannot start the dispatcher: %s", strerror(code));
    c->started = true;
    wake(c);
    return 0;
}

void task_core_stop(struct task_core *c, int64_t drain_ms) {
    if (!c || !c->started)
        return;
    atomic_store(&c->stop_at_ms, clock_mono_ms() + drain_ms);
    atomic_store(&c->stopping, true);
    wake(c);
    pthread_join(c->thread, NULL);
    c->started = false;
}

void task_core_free(struct task_core *c) {
    if (!c)
        return;
    task_core_stop(c, 0);
    hands_free(c->hands);
    for (size_t i = 0; i < c->n_engines; i++)
        if (c->engines[i].lane == 0)
            c->engines[i].d->close(c->engines[i].g);
    if (c->wake_fd >= 0)
        close(c->wake_fd);
    eta_free(c->eta);
    free(c->told_runs);
    pthread_mutex_destroy(&c->moved_lock);
    pthread_mutex_destroy(&c->lanes_lock);
    free(c);
}
