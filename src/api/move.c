/*
 * move.c - the work of a guest who signed in goes to the person: photos, tasks, quotes, uploads, consents, keys, credits that were paid for.
 *
 * A sign-in moves a little work itself, so that the person sees it at once; much is left to the keeper, for those who sign in share few threads.
 * Files first: each is linked into the person's folder, durably. Then one transaction changes the owner of every row; it fails, to be tried
 * again, when there is a file that was not linked. A crash before the commit leaves links that nobody names, for the sweep at start; after
 * it, old names without rows, for the reaper. Nothing is moved while a task of the guest is under way: its worker has read whose it is.
 * What comes late for a decided task looks at its owner again, and is fetched again when that is another one (task/store.c).
 * The guest's sessions ended in the transaction that wrote the row of account_move, but a request that had begun before may still add
 * something; so the row stays for 15 minutes, longer than any request, and what comes late is moved too.
 */
#include "api/move.h"

#include "auth/auth.h"
#include "base/log.h"
#include "blob/blob.h"
#include "db/db.h"
#include "ledger/ledger.h"
#include "shop/order.h"
#include "shop/quote.h"
#include "task/task.h"

#define LATE_MS    AUTH_ACCESS_MS           /* after the sign-in: nothing of the guest can be under way any more */
#define AGAIN_MS   (60LL * 1000)
#define BUSY_MS    1000
#define TURNS_MAX  8                        /* files that keep coming: next time */
#define FEW        32                       /* assets that are moved while somebody waits for their session */

struct moving { struct auth_move m; char linked[SHA256_HEX + 1]; int64_t now_ms; bool open; };

static int move_rows(struct db_tx *tx, void *arg, struct err *e) {
    struct moving *w = arg;
    int64_t from = w->m.from, to = w->m.to;
    int r = task_move(tx, from, to, e);
    if (r < 0)
        return r;
    w->open = r == 0;
    if (w->open)
        return auth_move_later(tx, from, w->now_ms + BUSY_MS, e);
    if ((r = blob_move_rows(tx, from, to, w->linked, e)) < 0 || (r = shop_quote_move(tx, from, to, e)) < 0 || (r = shop_order_move(tx, from, to, e)) < 0 ||
        (r = api_key_move(tx, from, to, e)) < 0 || (r = ledger_move(tx, from, to, e)) < 0 || (r = auth_move_rows(tx, from, to, e)) < 0)
        return r;
    return w->now_ms - w->m.at_ms > LATE_MS ? auth_move_end(tx, from, e) : auth_move_done(tx, from, w->now_ms, w->now_ms + AGAIN_MS, e);
}

static int move(const struct app *app, const struct auth_move *m, int64_t now_ms, bool *ret_open, struct err *e) {
    struct moving w = { .m = *m, .now_ms = now_ms };
    int r = ERR_RACE;
    for (int i = 0; i < TURNS_MAX && r == ERR_RACE; i++)
        if ((r = blob_move_files(app->blobs, app->db, m->from, m->to, w.linked, e)) >= 0)
            r = db_do(app->db, move_rows, &w, e);
    if (r >= 0)
        *ret_open = w.open;
    return r;
}

int api__move(const struct app *app, const struct auth_move *m, int64_t now_ms, bool *ret_open, struct err *e) {
    int r = blob_move_few(db_reader(app->db), m->from, FEW, e);
    if (r == 0)
        *ret_open = true;
    return r <= 0 ? r : move(app, m, now_ms, ret_open, e);
}

static int put_off(struct db_tx *tx, void *arg, struct err *e) {
    const struct moving *w = arg;
    return auth_move_later(tx, w->m.from, w->now_ms + AGAIN_MS, e);
}

int api_move_chore(const struct app *app, int64_t now_ms, struct err *e) {
    struct moving w = { .now_ms = now_ms };
    int r;
    while ((r = auth_move_next(db_reader(app->db), now_ms, &w.m, e)) == 1) {
        struct err why = { 0 };
        if (move(app, &w.m, now_ms, &w.open, &why) >= 0)
            continue;
        log_event(LOG_ERROR, "move.failed", F_INT("from", w.m.from), F_INT("to", w.m.to), F_ERR(&why));     /* others must not wait behind it */
        if ((r = db_do(app->db, put_off, &w, e)) < 0)
            return r;
    }
    return r;
}
