/* verify.c - proves what must always be true; beside a running server it reads one snapshot. */
#include "auth/auth.h"
#include "base/id.h"
#include "blob/blob.h"
#include "db/db.h"
#include "ledger/ledger.h"
#include "ops/ops.h"
#include "shop/order.h"
#include "task/task.h"

struct teller { FILE *out; const char *room; int problems; };

static void tell(void *ctx, const char *what) {
    struct teller *t = ctx;
    t->problems++;
    fprintf(t->out, "%s: %s\n", t->room, what);
}

/* Across the rooms: nothing belongs to nobody. */
DB_SQL(verify_owners, "SELECT 'an asset', x.account_id FROM asset x WHERE NOT EXISTS (SELECT 1 FROM account a WHERE a.id = x.account_id) UNION "
                      "SELECT 'an upload', x.account_id FROM upload x WHERE NOT EXISTS (SELECT 1 FROM account a WHERE a.id = x.account_id) UNION "
                      "SELECT 'a task', x.account_id FROM task x WHERE NOT EXISTS (SELECT 1 FROM account a WHERE a.id = x.account_id) UNION "
                      "SELECT 'a quote', x.account_id FROM quote x WHERE NOT EXISTS (SELECT 1 FROM account a WHERE a.id = x.account_id) UNION "
                      "SELECT 'an order', x.account_id FROM shop_order x WHERE NOT EXISTS (SELECT 1 FROM account a WHERE a.id = x.account_id) UNION "
                      "SELECT 'a membership', x.account_id FROM shop_member x WHERE NOT EXISTS (SELECT 1 FROM account a WHERE a.id = x.account_id) UNION "
                      "SELECT 'credits', x.owner_id FROM ledger_account x WHERE x.owner_id <> 0 AND NOT EXISTS (SELECT 1 FROM account a WHERE a.id = x.owner_id)");

static int owners_exist(struct db_tx *tx, struct teller *t, struct err *e) {
    DB_ROWS rows;
    int r = db_query(tx, &rows, e, &verify_owners);
    while (r >= 0 && (r = db_next(&rows, e)) == 1) {
        char id[ID_TEXT_MAX], line[120];
        id_text(id, "acct", db_int(&rows, 1));
        snprintf(line, sizeof line, "%.*s of %s, which does not exist", STR_ARG(db_str(&rows, 0)), id);
        tell(t, line);
    }
    return r;
}

/* What the tables say of one another: of one moment. */
static int rows_agree(struct db *d, struct teller *t, struct err *e) {
    DB_SNAPSHOT struct db_tx *tx = db_snapshot(d);
    t->room = "ledger";
    int r = ledger_verify(tx, tell, t, e);
    t->room = "auth";
    if (r >= 0)
        r = auth_verify(tx, tell, t, e);
    if (r >= 0)
        r = owners_exist(tx, t, e);
    t->room = "shop";
    if (r >= 0)
        r = shop_verify(tx, tell, t, e);
    t->room = "task";
    return r < 0 ? r : task_verify(tx, tell, t, e);
}

int ops_verify(struct db *d, struct blob_store *s, bool deep, FILE *out, struct err *e) {
    struct teller t = { .out = out };
    int r = rows_agree(d, &t, e);
    t.room = "blob";
    if (r >= 0)
        r = blob_verify(s, d, deep, tell, &t, e);
    return r < 0 ? r : t.problems;
}
