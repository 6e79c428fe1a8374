/*
 * event.c - what is told about a task, numbered in the commit, and the stream that tells it.
 * Progress is one row that moves: a reader needs the newest only, and a long task leaves no trail.
 */
#include "task/internal.h"

#include "base/clock.h"
#include "base/json.h"

#define STREAM_BYTES (32u * 1024)       /* about as much as one pull may hand out */
#define HINT_MS      1000

DB_SQL(event_add, "INSERT INTO task_event (task_id, seq, kind, data, at_ms) VALUES (?, ?, ?, ?, ?)");
DB_SQL(event_drop, "DELETE FROM task_event WHERE task_id = ? AND seq = ?");
DB_SQL(event_after, "SELECT seq, kind, data FROM task_event WHERE task_id = ? AND seq > ? ORDER BY seq");

int task__tell(struct db_tx *tx, struct task_row *t, const char *kind, const struct buf *data, struct err *e) {
    if (data->failed)
        return err_set(e, ERR_TOO_BIG, "the event %s does not fit", kind);
    int r = db_run(tx, NULL, e, &event_add, DB_INT(t->id), DB_INT(t->seq + 1), DB_TEXT(kind), DB_STR(buf_str(data)),
                   DB_INT(clock_ms()));
    if (r < 0)
        return r;
    t->seq++;
    return 0;
}

int task__tell_state(struct db_tx *tx, struct task_row *t, struct err *e) {
    BUF_CLEANUP struct buf b;
    buf_init(&b, 4096);
    struct jw w;
    jw_init(&w, &b);
    jw_obj(&w);
    jw_kz(&w, "state", task_state_name(t->state));
    jw_kint(&w, "progress_pm", t->progress_pm);
    if (t->state == TASK_CHOOSING || t->state == TASK_DONE)
        jw_kint(&w, "delivered", t->delivered);
    if (t->picked >= 0)
        jw_kint(&w, "picked", t->picked);
    if (t->error_code[0])
        jw_kz(&w, "error", t->error_code);
    jw_end_obj(&w);
    return task__tell(tx, t, "state", &b, e);
}

int task__forget_progress(struct db_tx *tx, struct task_row *t, struct err *e) {
    if (t->progress_seq == 0)
        return 0;
    int r = db_run(tx, NULL, e, &event_drop, DB_INT(t->id), DB_INT(t->progress_seq));
    if (r < 0)
        return r;
    t->progress_seq = 0;
    return 0;
}

int task__tell_progress(struct db_tx *tx, struct task_row *t, int progress_pm, struct err *e) {
    if (progress_pm <= t->progress_pm)      /* never backwards */
        return 0;
    int r = task__forget_progress(tx, t, e);
    if (r < 0)
        return r;
    t->progress_pm = progress_pm;
    BUF_CLEANUP struct buf b;
    buf_init(&b, 256);
    buf_printf(&b, "{\"progress_pm\":%d}", progress_pm);
    if ((r = task__tell(tx, t, "progress", &b, e)) < 0)
        return r;
    t->progress_seq = t->seq;
    return 0;
}

/* As things are at this moment; whoever reads it later reads it again. */
static int hint(struct db_tx *tx, struct task_stream *s, const struct task_row *t, struct buf *out, struct err *e) {
    int64_t now = clock_mono_ms();
    if (!s->c || !task__open(t->state) || (s->hint_at_ms && now - s->hint_at_ms < HINT_MS))
        return 0;
    struct jw w;
    s->hint_at_ms = now;
    buf_add_z(out, "event: eta\ndata: ");
    jw_init(&w, out);
    jw_obj(&w);
    int r = task__write_eta(tx, s->c, &w, t, e);
    jw_end_obj(&w);
    buf_add_z(out, "\n\n");
    return r;
}

int task_events(struct db_tx *tx, struct task_stream *s, int64_t *seq, struct buf *out, struct err *e) {
    /* The state is read first: an event committed in between is then told now or by the next pull, never lost. */
    struct task_row t;
    int64_t said = *seq;
    int r = task__load(tx, s->task, &t, e);
    if (r < 0)
        return r;
    DB_ROWS rows = { 0 };
    if ((r = db_query(tx, &rows, e, &event_after, DB_INT(s->task), DB_INT(said))) < 0)
        return r;
    size_t start = out->n;
    while (out->n - start < STREAM_BYTES && (r = db_next(&rows, e)) > 0) {
        said = db_int(&rows, 0);
        if (str_eqz(db_str(&rows, 1), TASK_EVENT_OPERATOR))
            continue;
        buf_printf(out, "id: %lld\nevent: %.*s\ndata: %.*s\n\n", (long long)said, STR_ARG(db_str(&rows, 1)), STR_ARG(db_str(&rows, 2)));
    }
    if (r < 0 || (r = hint(tx, s, &t, out, e)) < 0)
        return r;
    if (out->failed)
        return err_set(e, ERR_TOO_BIG, "the events do not fit");
    *seq = said;
    /* Failed may still become choosing by a late result; for the person looking on, that is another visit. */
    bool over = t.state == TASK_DONE || t.state == TASK_FAILED || t.state == TASK_CANCELLED;
    return over && said >= t.seq;
}
