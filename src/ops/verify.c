/* verify.c - proves what must always be true; beside a running server it reads one snapshot. */
#include "blob/blob.h"
#include "db/db.h"
#include "ledger/ledger.h"
#include "ops/ops.h"
#include "task/task.h"

struct teller { FILE *out; const char *room; int problems; };

static void tell(void *ctx, const char *what) {
    struct teller *t = ctx;
    t->problems++;
    fprintf(t->out, "%s: %s\n", t->room, what);
}

int ops_verify(struct db *d, struct blob_store *s, bool deep, FILE *out, struct err *e) {
    struct teller t = { .out = out };
    struct db_tx *tx = db_reader(d);
    int r = db_snapshot_begin(tx, e);
    if (r < 0)
        return r;
    t.room = "ledger";
    r = ledger_verify(tx, tell, &t, e);
    t.room = "task";
    if (r >= 0)
        r = task_verify(tx, tell, &t, e);
    db_snapshot_end(tx);
    t.room = "blob";
    if (r >= 0)
        r = blob_verify(s, d, deep, tell, &t, e);
    return r < 0 ? r : t.problems;
}
