/* list.c - accounts as the operator sees them. */
#include <stdio.h>

#include "auth/auth.h"
#include "db/db.h"

#define SEEN "(SELECT MAX(s.expires_ms) FROM session s WHERE s.account_id = a.id)"
DB_SQL(auth_list, "SELECT a.id, a.kind, a.created_ms, " SEEN " FROM account a WHERE a.id < ? ORDER BY a.id DESC LIMIT ?");
DB_SQL(auth_list_one, "SELECT a.id, a.kind, a.created_ms, " SEEN " FROM account a WHERE a.id = ? AND a.id < ? ORDER BY a.id DESC LIMIT ?");

int auth_account_list(struct db_tx *reader, int64_t account, int64_t before_id, int max, struct auth_listed *ret, struct err *e) {
    int64_t before = before_id > 0 ? before_id : INT64_MAX;
    int n = 0;
    DB_ROWS rows = { 0 };
    int r = account ? db_query(reader, &rows, e, &auth_list_one, DB_INT(account), DB_INT(before), DB_INT(max))
                    : db_query(reader, &rows, e, &auth_list, DB_INT(before), DB_INT(max));
    while (r >= 0 && n < max && (r = db_next(&rows, e)) > 0) {
        struct auth_listed *a = &ret[n++];
        int64_t ends_ms = db_int(&rows, 3);
        *a = (struct auth_listed){ .id = db_int(&rows, 0), .created_ms = db_int(&rows, 2), .seen_ms = ends_ms > AUTH_SESSION_MS ? ends_ms - AUTH_SESSION_MS : 0 };
        snprintf(a->kind, sizeof(a->kind), "%.*s", STR_ARG(db_str(&rows, 1)));
    }
    return r < 0 ? r : n;
}
