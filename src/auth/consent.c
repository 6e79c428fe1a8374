/* consent.c - what somebody agreed to, when, and from which session. */
#include "auth/internal.h"

#include "base/json.h"
#include "db/db.h"

DB_SQL(consent_add, "INSERT INTO consent (id, account_id, session_id, kind, version, lang, at_ms) VALUES (?, ?, ?, ?, ?, ?, ?)");
DB_SQL(consent_has, "SELECT 1 FROM consent WHERE account_id = ? AND kind = ? LIMIT 1");
DB_SQL(consent_find, "SELECT id, session_id, at_ms FROM consent WHERE account_id = ? AND kind = ? AND version = ? AND lang = ? ORDER BY id LIMIT 1");
DB_SQL(consent_list, "SELECT id, kind, version, lang, at_ms, session_id FROM consent WHERE account_id = ? ORDER BY id DESC LIMIT 100");

int auth_consent_add(struct db_tx *tx, const struct auth_consent *c, struct err *e) {
    return db_run(tx, NULL, e, &consent_add, DB_INT(c->id), DB_INT(c->account), DB_INT(c->session), DB_STR(c->kind), DB_STR(c->version), DB_STR(c->lang),
                  DB_INT(c->at_ms));
}

int auth_consent_find(struct db_tx *tx, struct auth_consent *c, struct err *e) {
    DB_ROWS rows;
    int r = db_one(tx, &rows, e, &consent_find, DB_INT(c->account), DB_STR(c->kind), DB_STR(c->version), DB_STR(c->lang));
    if (r == 1) {
        c->id = db_int(&rows, 0);
        c->session = db_int(&rows, 1);
        c->at_ms = db_int(&rows, 2);
    }
    return r;
}

int auth_consent_has(struct db_tx *tx, int64_t account, struct str kind, struct err *e) {
    DB_ROWS rows;
    return db_one(tx, &rows, e, &consent_has, DB_INT(account), DB_STR(kind));
}

int auth_consent_list(struct db_tx *tx, int64_t account, struct buf *out, struct err *e) {
    struct jw w;
    jw_init(&w, out);
    jw_arr(&w);
    DB_ROWS rows;
    int r = db_query(tx, &rows, e, &consent_list, DB_INT(account));
    while (r >= 0 && (r = db_next(&rows, e)) == 1) {
        jw_obj(&w);
        jw_kid(&w, "id", "consent", db_int(&rows, 0));
        jw_kstr(&w, "kind", db_str(&rows, 1));
        jw_kstr(&w, "version", db_str(&rows, 2));
        jw_kstr(&w, "lang", db_str(&rows, 3));
        jw_kint(&w, "at_ms", db_int(&rows, 4));
        jw_kid(&w, "session", "sess", db_int(&rows, 5));
        jw_end_obj(&w);
    }
    jw_end_arr(&w);
    return r < 0 ? r : 0;
}
