/* outbox.c - the table of mails: written, listed, forgotten. */
#include "mail/internal.h"

#include "base/id.h"
#include "base/json.h"

#define KEEP_MS (30LL * 24 * 3600 * 1000)
#define VOID_MS (3600LL * 1000)

DB_SQL(mail_insert, "INSERT INTO mail (id, to_addr, kind, lang, subject, plain, html, state, tries, error, created_ms, due_ms) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, '', ?, ?)");
DB_SQL(mail_page, "SELECT id, to_addr, subject, state, tries, error, created_ms FROM mail WHERE id < ? AND state <> 'void' ORDER BY id DESC LIMIT ?");
DB_SQL(mail_one, "SELECT id, to_addr, subject, state, tries, error, created_ms, plain, html FROM mail WHERE id = ? AND state <> 'void'");
DB_SQL(mail_old, "DELETE FROM mail WHERE created_ms <= ?");
DB_SQL(mail_void_old, "DELETE FROM mail WHERE state = 'void' AND due_ms <= ?");
DB_SQL(mail_count, "SELECT state, COUNT(*) FROM mail GROUP BY state");

static const char *const names[MAIL_KIND_COUNT] = {
#define MAIL(id, name, ...) name,
#include "mail/kinds.def"
#undef MAIL
};

int mail_add(struct mail *m, struct db_tx *tx, const struct mail_new *what, int64_t now_ms, struct err *e) {
    struct message_text t = { 0 };
    buf_init(&t.plain, MESSAGE_MAX);
    buf_init(&t.html, MESSAGE_MAX);
    message_write(&m->brand, what, &t);
    const char *state = what->nobody ? "void" : m->url[0] ? "queued" : "kept";
    int r = t.plain.failed || t.html.failed ? err_set(e, ERR_TOO_BIG, "a mail of over %d bytes", MESSAGE_MAX) : 0;
    if (r == 0)
        r = db_run(tx, NULL, e, &mail_insert, DB_INT(id_new()), DB_TEXT(what->to), DB_TEXT(names[what->kind]), DB_TEXT(what->lang),
                   DB_TEXT(t.subject), DB_STR(buf_str(&t.plain)), DB_STR(buf_str(&t.html)), DB_TEXT(state), DB_INT(now_ms), DB_INT(now_ms));
    buf_done(&t.plain);
    buf_done(&t.html);
    if (r >= 0)
        db_on_commit(tx, mail__wake, m);
    return r;
}

static void render(struct jw *w, const struct db_rows *rows) {
    jw_kid(w, "id", "mail", db_int(rows, 0));
    jw_kstr(w, "to", db_str(rows, 1));
    jw_kstr(w, "subject", db_str(rows, 2));
    jw_kstr(w, "state", db_str(rows, 3));
    jw_kint(w, "tries", db_int(rows, 4));
    jw_kstr(w, "error", db_str(rows, 5));
    jw_kint(w, "created_ms", db_int(rows, 6));
}

int mail_list(struct db_tx *tx, int64_t before_id, int limit, struct buf *out, struct err *e) {
    struct jw w;
    jw_init(&w, out);
    jw_arr(&w);
    DB_ROWS rows;
    int r = db_query(tx, &rows, e, &mail_page, DB_INT(before_id > 0 ? before_id : INT64_MAX), DB_INT(limit));
    while (r >= 0 && (r = db_next(&rows, e)) == 1) {
        jw_obj(&w);
        render(&w, &rows);
        jw_end_obj(&w);
    }
    jw_end_arr(&w);
    return r < 0 ? r : 0;
}

int mail_get(struct db_tx *tx, int64_t id, struct buf *out, struct err *e) {
    DB_ROWS rows;
    int r = db_one(tx, &rows, e, &mail_one, DB_INT(id));
    if (r <= 0)
        return r;
    struct jw w;
    jw_init(&w, out);
    jw_obj(&w);
    render(&w, &rows);
    jw_kstr(&w, "text", db_str(&rows, 7));
    jw_kstr(&w, "html", db_str(&rows, 8));
    jw_end_obj(&w);
    return 1;
}

int mail_expire(struct db_tx *tx, int64_t now_ms, struct err *e) {
    int r = db_run(tx, NULL, e, &mail_void_old, DB_INT(now_ms - VOID_MS));
    return r < 0 ? r : db_run(tx, NULL, e, &mail_old, DB_INT(now_ms - KEEP_MS));
}

int mail_get_stats(struct mail *m, struct db_tx *tx, struct mail_stats *ret, struct err *e) {
    struct mail_stats s = { .sent_total = m->sent, .retried_total = m->retried, .failed_total = m->failed };
    DB_ROWS rows;
    int r = db_query(tx, &rows, e, &mail_count);
    while (r >= 0 && (r = db_next(&rows, e)) == 1) {
        struct str state = db_str(&rows, 0);
        int64_t *at = str_eqz(state, "queued") ? &s.queued : str_eqz(state, "kept") ? &s.kept : str_eqz(state, "failed") ? &s.failed : NULL;
        if (at)
            *at = db_int(&rows, 1);
    }
    if (r >= 0)
        *ret = s;
    return r < 0 ? r : 0;
}
