/*
 * turn.c - who is next: start-time fair queuing between accounts.
 *
 * Virtual time is the turn of the newest task that was claimed. A new task's turn is virtual time, or where its account's previous
 * task ends if that is later; it ends its cost / weight further on. So a thousand tasks of one account lie one behind the other in
 * virtual time, and the first task of another account has its turn at once, whenever it comes.
 * Source: P. Goyal, H. Vin, H. Cheng, "Start-time Fair Queueing", SIGCOMM 1996, sections 2 and 3.
 */
#include "task/internal.h"

#include <assert.h>

DB_SQL(turn_clock, "SELECT vtime FROM task_clock WHERE id = 1");
DB_SQL(turn_clock_set, "UPDATE task_clock SET vtime = ? WHERE id = 1 AND vtime < ?");
DB_SQL(turn_account, "SELECT finish, open_tasks FROM task_account WHERE account_id = ?");
DB_SQL(turn_account_add, "INSERT INTO task_account (account_id, finish, open_tasks) VALUES (?, ?, 1)");
DB_SQL(turn_account_next, "UPDATE task_account SET finish = ?, open_tasks = open_tasks + 1 WHERE account_id = ?");
DB_SQL(turn_account_over, "UPDATE task_account SET finish = finish - ?, open_tasks = open_tasks - 1 WHERE account_id = ?");
DB_SQL(turn_line, "SELECT COUNT(*) FROM (SELECT 1 AS one FROM task WHERE in_line = 1 LIMIT ?) line");
DB_SQL(turn_before, "SELECT COUNT(*) FROM (SELECT 1 AS one FROM task WHERE in_line = 1 AND engine = ? "
                    "AND (turn < ? OR (turn = ? AND id < ?)) LIMIT ?) line");

int64_t task__turn_cost(const struct task_row *t) {
    assert(t->weight >= 1 && t->weight <= TASK_WEIGHT_MAX);
    return (int64_t)TASK_TURN_UNIT * (t->asked > 0 ? t->asked : 1) / t->weight;
}

/* One number of one row; 0 when there is none. */
static int number(struct db_tx *tx, const struct db_sql *q, struct db_arg arg, int64_t *ret, struct err *e) {
    DB_ROWS rows = { 0 };
    int r = db_one(tx, &rows, e, q, arg);
    if (r < 0)
        return r;
    *ret = r > 0 ? db_int(&rows, 0) : 0;
    return r;
}

/* Counts the line when all the room that the last count left was used up: to count ten thousand for each newcomer is most of its cost. */
static int take_room(struct db_tx *tx, int64_t line_max, int64_t *room, struct err *e) {
    int64_t waiting;
    int r = *room > 0 ? 0 : number(tx, &turn_line, DB_INT(line_max), &waiting, e);
    if (r < 0)
        return r;
    if (*room <= 0)
        *room = line_max - waiting;
    if (*room <= 0)
        return err_set(e, ERR_BUSY, "%lld tasks are waiting", (long long)waiting);
    --*room;
    return 0;
}

int task__turn_take(struct db_tx *tx, struct task_row *t, int64_t account_max, int64_t line_max, int64_t *line_room, struct err *e) {
    int64_t vtime, finish = 0, open = 0;
    bool known;
    int r;
    {
        DB_ROWS rows = { 0 };
        if ((r = db_one(tx, &rows, e, &turn_account, DB_INT(t->account))) < 0)
            return r;
        known = r > 0;
        if (known) {
            finish = db_int(&rows, 0);
            open = db_int(&rows, 1);
        }
    }
    if (open >= account_max)
        return err_set(e, ERR_RATE, "%lld of your tasks are not finished yet; at most %lld", (long long)open, (long long)account_max);
    if ((r = take_room(tx, line_max, line_room, e)) < 0)
        return r;
    {
        DB_ROWS rows = { 0 };
        if ((r = db_one(tx, &rows, e, &turn_clock)) < 0)
            return r;
        vtime = r > 0 ? db_int(&rows, 0) : 0;
    }
    t->turn = finish > vtime ? finish : vtime;
    finish = t->turn + task__turn_cost(t);
    return known ? db_run(tx, NULL, e, &turn_account_next, DB_INT(finish), DB_INT(t->account))
                 : db_run(tx, NULL, e, &turn_account_add, DB_INT(t->account), DB_INT(finish));
}

int task__turn_claimed(struct db_tx *tx, int64_t turn, struct err *e) {
    return db_run(tx, NULL, e, &turn_clock_set, DB_INT(turn), DB_INT(turn));
}

int task__turn_over(struct db_tx *tx, const struct task_row *t, struct err *e) {
    /* A task that was never worked on gives its virtual time back; else an account that cancels a hundred would wait for them. */
    int64_t back = t->started_ms == 0 ? task__turn_cost(t) : 0;
    return db_run(tx, NULL, e, &turn_account_over, DB_INT(back), DB_INT(t->account));
}

int task__turn_place(struct db_tx *tx, const struct task_row *t, int64_t *ret_place, struct err *e) {
    DB_ROWS rows = { 0 };
    int r = db_one(tx, &rows, e, &turn_before, DB_TEXT(t->engine), DB_INT(t->turn), DB_INT(t->turn), DB_INT(t->id), DB_INT(TASK_PLACE_EXACT));
    if (r < 0)
        return r;
    *ret_place = 1 + (r > 0 ? db_int(&rows, 0) : 0);
    return *ret_place > TASK_PLACE_EXACT;
}
