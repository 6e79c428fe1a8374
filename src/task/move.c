/* move.c - the tasks of one account become another's; never while a worker may be at one of them. */
#include "task/internal.h"

DB_SQL(move_open, "SELECT 1 FROM task WHERE account_id = ? AND state IN ('queued', 'preparing', 'running', 'checking') LIMIT 1");
DB_SQL(move_tasks, "UPDATE task SET account_id = ? WHERE account_id = ?");

int task_move(struct db_tx *tx, int64_t from, int64_t to, struct err *e) {
    {
        DB_ROWS rows = { 0 };
        int r = db_one(tx, &rows, e, &move_open, DB_INT(from));
        if (r != 0)
            return r < 0 ? r : 0;
    }
    int r = db_run(tx, NULL, e, &move_tasks, DB_INT(to), DB_INT(from));
    return r < 0 ? r : 1;
}
