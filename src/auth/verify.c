/* verify.c - what must be true of accounts, from their rows alone. */
#include <stdio.h>

#include "auth/internal.h"
#include "base/id.h"
#include "db/db.h"

DB_SQL(verify_person, "SELECT a.id FROM account a WHERE a.kind = 'person' AND NOT EXISTS (SELECT 1 FROM identity i WHERE i.account_id = a.id)");
DB_SQL(verify_identity, "SELECT i.account_id FROM identity i WHERE NOT EXISTS (SELECT 1 FROM account a WHERE a.id = i.account_id AND a.kind = 'person')");
DB_SQL(verify_device, "SELECT d.account_id FROM device d WHERE NOT EXISTS (SELECT 1 FROM account a WHERE a.id = d.account_id)");
DB_SQL(verify_consent, "SELECT c.account_id FROM consent c WHERE NOT EXISTS (SELECT 1 FROM account a WHERE a.id = c.account_id)");
DB_SQL(verify_move, "SELECT m.from_id FROM account_move m WHERE NOT EXISTS (SELECT 1 FROM account a WHERE a.id = m.from_id AND a.kind = 'guest') "
                    "OR NOT EXISTS (SELECT 1 FROM account p WHERE p.id = m.to_id AND p.kind <> 'guest')");
DB_SQL(verify_kind, "SELECT id FROM account WHERE kind NOT IN ('guest', 'person', 'operator')");

int auth_verify(struct db_tx *tx, void (*tell)(void *ctx, const char *what), void *ctx, struct err *e) {
    static const struct { const struct db_sql *sql; const char *what; } checks[] = {
        { &verify_person, "is a person without a login" }, { &verify_identity, "has a login and is no person" },
        { &verify_device, "has a session and does not exist" }, { &verify_consent, "has agreed to something and does not exist" },
        { &verify_move, "is moving and is no guest, or moves to nobody" }, { &verify_kind, "is of no known kind" },
    };
    int told = 0;
    for (size_t i = 0; i < COUNT(checks); i++) {
        DB_ROWS rows;
        int r = db_query(tx, &rows, e, checks[i].sql);
        while (r >= 0 && (r = db_next(&rows, e)) == 1) {
            char id[ID_TEXT_MAX], line[120];
            id_text(id, "acct", db_int(&rows, 0));
            snprintf(line, sizeof line, "%s %s", id, checks[i].what);
            tell(ctx, line);
            told++;
        }
        if (r < 0)
            return r;
    }
    return told;
}
