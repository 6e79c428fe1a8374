/* list.c - accounts as the operator sees them. */
#include <stdio.h>

#include "auth/auth.h"
#include "db/db.h"

/* An operator's program has a session without an end, so only devices say when somebody was here. */
#define COLUMNS "SELECT a.id, a.kind, a.created_ms, (SELECT MAX(d.seen_ms) FROM device d WHERE d.account_id = a.id), " \
                "(SELECT MIN(i.subject) FROM identity i WHERE i.account_id = a.id AND i.driver = 'email') FROM account a "
DB_SQL(auth_list, COLUMNS "WHERE a.id < ? ORDER BY a.id DESC LIMIT ?");
DB_SQL(auth_list_one, COLUMNS "WHERE a.id = ? AND a.id < ? ORDER BY a.id DESC LIMIT ?");

int auth_account_list(struct db_tx *reader, int64_t account, int64_t before_id, int max, struct auth_listed *ret, struct err *e) {
    int64_t before = before_id > 0 ? before_id : INT64_MAX;
    int n = 0;
    DB_ROWS rows = { 0 };
    int r = account ? db_query(reader, &rows, e, &auth_list_one, DB_INT(account), DB_INT(before), DB_INT(max))
                    : db_query(reader, &rows, e, &auth_list, DB_INT(before), DB_INT(max));
    while (r >= 0 && n < max && (r = db_next(&rows, e)) > 0) {
        struct auth_listed *a = &ret[n++];
        *a = (struct auth_listed){ .id = db_int(&rows, 0), .created_ms = db_int(&rows, 2), .seen_ms = db_int(&rows, 3) };
        snprintf(a->kind, sizeof(a->kind), "%.*s", STR_ARG(db_str(&rows, 1)));
        snprintf(a->email, sizeof(a->email), "%.*s", STR_ARG(db_str(&rows, 4)));
    }
    return r < 0 ? r : n;
}
