/*
 * lend.c - what a service outside is given for the length of one call: a link to each photo that the call is made of, and where it may tell us
 * about the call; see task.h. Nothing of it is kept anywhere: a link says what it is for, and the call's row says whether it still counts.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/id.h"
#include "engine/link.h"
#include "engine/notice.h"
#include "task/core.h"

#define CALL_KIND "call"

const char *const task_heard_names[] = {
#define X(id, text) text,
    TASK_HEARD(X)
#undef X
};

/* ---- giving ---- */

void lend_to(struct call *k) {
    const struct task_core_conf *conf = &k->run->c->conf;
    struct str url = str_z(conf->public_url);
    char link[LINK_TEXT + 1], token[NOTICE_TOKEN + 1], id[ID_TEXT_MAX];
    if (url.n == 0 || !core_is_remote(k->engine))
        return;
    if (str_ends(url, STR("/")))
        url.n--;
    for (size_t i = 0; i < k->ec.n_in; i++) {
        if (!k->ec.asset[i])
            continue;
        link_make(conf->link_key, &(struct link_to){ k->row.id, k->ec.asset[i], clock_ms() + k->run->recipe->deadline_ms }, link);
        k->ec.link[i] = arena_printf(k->a, "%.*s/v1/lent/%s", STR_ARG(url), link);
    }
    notice_token(conf->notice_key, k->row.id, token);
    id_text(id, CALL_KIND, k->row.id);
    k->ec.notice_url = arena_printf(k->a, "%.*s/v1/hooks/engine/%s/%s/%s", STR_ARG(url), k->engine->d->name, id, token);
}

/* It needs no input any more, and nothing new can be told about it. */
static bool is_over(enum attempt_state s) { return s != ATTEMPT_INTENT && s != ATTEMPT_SUBMITTED && s != ATTEMPT_UNKNOWN; }

static int lend_photo(struct task_core *c, struct db_tx *rd, int64_t asset, int64_t account, struct arena *a, struct task_lent *ret, struct err *e) {
    struct blob_asset photo;
    int r = blob_asset_get(rd, a, asset, account, &photo, e);
    if (r <= 0)
        return r < 0 ? r : ERR_NOT_FOUND;
    *ret = (struct task_lent){ .bytes = photo.bytes, .type = photo.type, .tag = arena_str(a, str_z(photo.sha)) };
    return blob_asset_open(c->conf.blobs, &photo, &ret->fd, e);
}

/* Part of the program's own files: anybody's to see. */
static int lend_file(struct task_core *c, const char *name, size_t i, struct arena *a, struct task_lent *ret, struct err *e) {
    const struct studio_template *t = studio_template(c->conf.studio, str_z(name));
    struct stat st;
    if (!t || i >= t->n_files)
        return ERR_NOT_FOUND;
    CLEANUP(fd_close) int fd = open(arena_printf(a, "%.*s/%.*s", STR_ARG(t->dir), STR_ARG(t->files[i])).p, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_sys(e, ERR_IO, "template %.*s: cannot open %.*s", STR_ARG(t->name), STR_ARG(t->files[i]));
    *ret = (struct task_lent){ .bytes = st.st_size, .type = str_ends(t->files[i], STR(".png")) ? STR("image/png") : str_ends(t->files[i], STR(".webp")) ? STR("image/webp") : STR("image/jpeg"),
                               .tag = arena_printf(a, "%.*s-%d-%zu", STR_ARG(t->name), t->version, i) };
    ret->fd = TAKE_FD(fd);
    return 0;
}

int task_lent(struct task_core *c, struct str link, struct arena *a, struct task_lent *ret, struct err *e) {
    DB_SNAPSHOT struct db_tx *rd = db_snapshot(c->db);
    struct link_to to;
    struct task__attempt call;
    struct task_row t;
    int r = link_read(c->conf.link_key, link, clock_ms(), &to);
    if (r < 0 || (r = task__attempt_load(rd, to.attempt, &call, e)) < 0 || (r = task__load(rd, call.task, &t, e)) < 0)
        ;
    else if (is_over(call.state) || !task__open(t.state))
        r = ERR_NOT_FOUND;
    else
        r = to.asset > 0 ? lend_photo(c, rd, to.asset, t.account, a, ret, e) : lend_file(c, t.template_name, (size_t)-(to.asset + 1), a, ret, e);
    return r == ERR_NOT_FOUND ? err_set(e, ERR_NOT_FOUND, "nothing is lent here, or not any more") : r;
}

/* ---- hearing ---- */

struct naming { struct task_core *c; int64_t attempt; const char *remote_id; bool named; };

DB_SQL(lend_twice, "SELECT 1 FROM attempt WHERE id >= ? AND id < ? AND remote_id = ? LIMIT 1");
DB_SQL(lend_name, "UPDATE attempt SET remote_id = ?, ask_ms = ?, updated_ms = ? WHERE id = ?");
#define TWICE_MS (16 * 60000LL)      /* as far apart as two calls may be intended that a service could take for one (engine/provider.h) */

/* The name of a call whose answer was lost, or is not here yet. A name that another call bears is nobody else's. */
static int name_fn(struct db_tx *tx, void *arg, struct err *e) {
    struct naming *n = arg;
    struct task__attempt a;
    int64_t now = clock_ms();
    int r = task__attempt_load(tx, n->attempt, &a, e);
    n->named = false;
    if (r < 0 || task__attempt_named(&a) || is_over(a.state))
        return r;
    {
        DB_ROWS rows = { 0 };
        r = db_one(tx, &rows, e, &lend_twice, DB_INT(id_at_ms(id_ms(a.id) - TWICE_MS)), DB_INT(id_at_ms(id_ms(a.id) + TWICE_MS)), DB_TEXT(n->remote_id));
        if (r != 0)
            return r < 0 ? r : err_set(e, ERR_ENGINE_NOTICE, "it names another call's result");
    }
    n->named = true;
    return db_run(tx, NULL, e, &lend_name, DB_TEXT(n->remote_id), DB_INT(a.ask_ms ? now : 0), DB_INT(now), DB_INT(a.id));
}

static void note_named(struct task_core *c, int64_t attempt) {
    uint64_t one = 1;
    pthread_mutex_lock(&c->moved_lock);
    few_add(&c->named, attempt);
    pthread_mutex_unlock(&c->moved_lock);
    ssize_t n = write(c->wake_fd, &one, sizeof(one));
    (void)n;                         /* EAGAIN: it is awake already */
}

void lend_take_named(struct task_core *c, int64_t now_ms) {
    pthread_mutex_lock(&c->moved_lock);
    struct few named = c->named;
    c->named.n = 0;
    pthread_mutex_unlock(&c->moved_lock);
    for (struct run *r = named.n ? c->runs : NULL; r; r = r->next)
        for (struct call *k = r->calls; k; k = k->next)
            if (k->phase == CALL_WAITING && few_has(&named, k->row.id))
                k->ask_at_ms = now_ms;
}

static int take_in(struct task_core *c, const struct core_engine *g, const struct task_notice *n, const struct task__attempt *a, enum task_heard *ret_what, struct err *e) {
    struct engine_notice told = { n->header, n->from, n->body, a->id, n->by };
    struct engine_heard heard = { 0 };
    int r = g->d->notice(g->g, &told, &heard, e);
    *ret_what = r == ERR_ENGINE_NOTICE ? TASK_HEARD_REFUSED : r < 0 ? TASK_HEARD_LATER : heard.again ? TASK_HEARD_AGAIN : TASK_HEARD_WOKE;
    if (r < 0 || task__attempt_named(a) || !heard.remote_id[0])
        return r;
    struct naming name = { c, a->id, heard.remote_id, false };
    if ((r = db_do(c->db, name_fn, &name, e)) < 0) {
        *ret_what = r == ERR_ENGINE_NOTICE ? TASK_HEARD_REFUSED : TASK_HEARD_LATER;
        return r;
    }
    if (name.named)
        note_named(c, a->id);
    return 0;
}

int task_notice(struct task_core *c, const struct task_notice *n, struct err *e) {
    struct core_engine *g = c->engines, *end = c->engines + c->n_engines;
    enum task_heard what = TASK_HEARD_STRANGER;
    struct task__attempt a;
    int64_t call;
    while (g < end && !(str_eqz(n->engine, g->d->name) && g->d->notice && g->lane == 0))
        g++;
    if (g == end)
        return err_set(e, ERR_NOT_FOUND, "no such engine");
    int r = id_parse(n->call, CALL_KIND, &call);
    if (r < 0 || !notice_is_token(c->conf.notice_key, call, n->token))
        r = err_set(e, ERR_NOT_FOUND, "no such call");
    else if ((r = task__attempt_load(db_reader(c->db), call, &a, e)) < 0)
        what = r == ERR_NOT_FOUND ? TASK_HEARD_OVER : TASK_HEARD_LATER;
    else if (engine_driver(str_z(a.engine)) != g->d)
        r = err_set(e, ERR_NOT_FOUND, "no such call");
    else if (is_over(a.state))
        what = TASK_HEARD_OVER;
    else
        r = take_in(c, g, n, &a, &what, e);
    atomic_fetch_add(&c->heard[g - c->engines][what], 1);
    return r;
}

const char *task_get_notices(struct task_core *c, size_t i, int64_t ret_n[TASK_HEARD_COUNT]) {
    for (struct core_engine *g = c->engines; g < c->engines + c->n_engines; g++) {
        if (!g->d->notice || g->lane != 0 || i-- > 0)
            continue;
        for (int k = 0; k < TASK_HEARD_COUNT; k++)
            ret_n[k] = atomic_load(&c->heard[g - c->engines][k]);
        return g->d->name;
    }
    return NULL;
}
