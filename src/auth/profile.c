/* profile.c - what an account says about itself. */
#include "auth/internal.h"

#include "base/clock.h"
#include "db/db.h"

DB_SQL(me_one, "SELECT a.kind, i.subject, p.name, p.lang, p.region FROM account a LEFT JOIN identity i ON i.account_id = a.id AND i.driver = 'email' "
               "LEFT JOIN profile p ON p.account_id = a.id WHERE a.id = ?");
DB_SQL(profile_one, "SELECT name, lang, region FROM profile WHERE account_id = ?");
DB_SQL(profile_add, "INSERT INTO profile (account_id, name, lang, region, updated_ms) VALUES (?, ?, ?, ?, ?)");
DB_SQL(profile_set, "UPDATE profile SET name = ?, lang = ?, region = ?, updated_ms = ? WHERE account_id = ?");

int auth_me_get(struct db_tx *tx, struct arena *m, int64_t account, struct auth_me *ret, struct err *e) {
    DB_ROWS rows;
    int r = db_one(tx, &rows, e, &me_one, DB_INT(account));
    if (r < 0)
        return r;
    if (r == 0)
        return err_set(e, ERR_NOT_FOUND, "this account is gone");
    *ret = (struct auth_me){ .email = arena_str(m, db_str(&rows, 1)), .name = arena_str(m, db_str(&rows, 2)),
                             .lang = arena_str(m, db_str(&rows, 3)), .region = arena_str(m, db_str(&rows, 4)) };
    return auth__kind_of(db_str(&rows, 0), &ret->kind) < 0 ? err_set(e, ERR_DB, "an account of no known kind") : 0;
}

static struct db_arg newer(struct str given, struct str old) { return DB_STR(given.p ? given : old.p ? old : STR("")); }

int auth_profile_set(struct db_tx *tx, int64_t account, const struct auth_profile *p, struct err *e) {
    CLEANUP(arena_free) struct arena *m = arena_new(4096);
    struct auth_profile old = { 0 };
    int found;
    {
        DB_ROWS rows;
        found = db_one(tx, &rows, e, &profile_one, DB_INT(account));
        if (found < 0)
            return found;
        if (found)
            old = (struct auth_profile){ arena_str(m, db_str(&rows, 0)), arena_str(m, db_str(&rows, 1)), arena_str(m, db_str(&rows, 2)) };
    }
    struct db_arg name = newer(p->name, old.name), lang = newer(p->lang, old.lang), region = newer(p->region, old.region);
    if (found)
        return db_run(tx, NULL, e, &profile_set, name, lang, region, DB_INT(clock_ms()), DB_INT(account));
    return db_run(tx, NULL, e, &profile_add, DB_INT(account), name, lang, region, DB_INT(clock_ms()));
}
