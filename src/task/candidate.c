/* candidate.c - the pictures of a task, and what is thought of them. */
#include "task/internal.h"

#include <assert.h>
#include "base/clock.h"
#include "blob/blob.h"

#define COLUMNS "task_id, ix, attempt_id, asset_id, seed, variant, width, height, verdict, score_pm, place, report, scores"
DB_SQL(candidate_find, "SELECT asset_id FROM candidate WHERE task_id = ? AND ix = ?");
DB_SQL(candidate_drop, "DELETE FROM candidate WHERE task_id = ? AND ix = ?");
DB_SQL(candidate_add, "INSERT INTO candidate (" COLUMNS ", created_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
DB_SQL(candidate_judge, "UPDATE candidate SET verdict = ?, score_pm = ?, scores = ? WHERE task_id = ? AND ix = ?");
DB_SQL(candidate_all, "SELECT " COLUMNS " FROM candidate WHERE task_id = ? ORDER BY verdict DESC, place, score_pm DESC, ix");
DB_SQL(candidate_rank, "SELECT ix, verdict, asset_id FROM candidate WHERE task_id = ? ORDER BY verdict DESC, score_pm DESC, ix");
DB_SQL(candidate_place, "UPDATE candidate SET place = ? WHERE task_id = ? AND ix = ?");
DB_SQL(candidate_bare, "UPDATE candidate SET asset_id = 0, place = 0 WHERE task_id = ? AND ix = ?");

int task__candidate_put(struct db_tx *tx, const struct task__candidate *k, struct err *e) {
    int64_t old = 0;
    {
        DB_ROWS rows = { 0 };
        int r = db_one(tx, &rows, e, &candidate_find, DB_INT(k->task), DB_INT(k->ix));
        if (r < 0)
            return r;
        if (r > 0)
            old = db_int(&rows, 0);
    }
    int r = 0;
    if (old && (r = blob_asset_delete(tx, old, 0, e)) < 0)
        return r;
    if ((r = db_run(tx, NULL, e, &candidate_drop, DB_INT(k->task), DB_INT(k->ix))) < 0)
        return r;
    return db_run(tx, NULL, e, &candidate_add, DB_INT(k->task), DB_INT(k->ix), DB_INT(k->attempt), DB_INT(k->asset), DB_INT(k->seed),
                  DB_INT(k->variant), DB_INT(k->width), DB_INT(k->height), DB_INT(k->verdict), DB_INT(k->score_pm), DB_INT(k->place),
                  DB_STR(k->report), DB_STR(k->scores), DB_INT(clock_ms()));
}

int task__candidate_judge(struct db_tx *tx, int64_t task, int ix, int verdict, int64_t score_pm, struct str scores, struct err *e) {
    int64_t changed;
    int r = db_run(tx, &changed, e, &candidate_judge, DB_INT(verdict), DB_INT(score_pm), DB_STR(scores), DB_INT(task), DB_INT(ix));
    if (r < 0)
        return r;
    return changed == 1 ? 0 : err_set(e, ERR_RACE, "there is no candidate %d to judge", ix);
}

int task__candidate_list(struct db_tx *tx, int64_t task, struct arena *a, struct task__candidate *ret, size_t max, size_t *ret_n,
                         struct err *e) {
    DB_ROWS rows = { 0 };
    size_t n = 0;
    int r = db_query(tx, &rows, e, &candidate_all, DB_INT(task));
    while (r >= 0 && n < max && (r = db_next(&rows, e)) > 0)
        ret[n++] = (struct task__candidate){
            .task = db_int(&rows, 0), .ix = (int)db_int(&rows, 1), .attempt = db_int(&rows, 2), .asset = db_int(&rows, 3),
            .seed = db_int(&rows, 4), .variant = (int)db_int(&rows, 5), .width = db_int(&rows, 6), .height = db_int(&rows, 7),
            .verdict = (int)db_int(&rows, 8), .score_pm = db_int(&rows, 9), .place = (int)db_int(&rows, 10),
            .report = arena_str(a, db_str(&rows, 11)), .scores = arena_str(a, db_str(&rows, 12)),
        };
    if (r < 0)
        return r;
    *ret_n = n;
    return 0;
}

int task__candidate_decide(struct db_tx *tx, int64_t task, bool keep, int64_t delete_at_ms, int *ret_fine, struct err *e) {
    struct { int ix, verdict; int64_t asset; } all[TASK_CANDIDATES_MAX];
    int n = 0, fine = 0, r;
    {
        DB_ROWS rows = { 0 };
        r = db_query(tx, &rows, e, &candidate_rank, DB_INT(task));
        while (r >= 0 && n < TASK_CANDIDATES_MAX && (r = db_next(&rows, e)) > 0) {
            all[n].ix = (int)db_int(&rows, 0);
            all[n].verdict = (int)db_int(&rows, 1);
            all[n++].asset = db_int(&rows, 2);
        }
        if (r < 0)
            return r;
    }
    for (int i = 0; i < n; i++) {
        if (keep && all[i].verdict == CANDIDATE_FINE && all[i].asset) {
            fine++;
            if ((r = db_run(tx, NULL, e, &candidate_place, DB_INT(fine), DB_INT(task), DB_INT(all[i].ix))) < 0)
                return r;
            if ((r = blob_asset_keep_until(tx, all[i].asset, delete_at_ms, e)) < 0)
                return r;
        } else if (all[i].asset) {
            if ((r = blob_asset_delete(tx, all[i].asset, 0, e)) < 0)
                return r;
            if ((r = db_run(tx, NULL, e, &candidate_bare, DB_INT(task), DB_INT(all[i].ix))) < 0)
                return r;
        }
    }
    *ret_fine = fine;
    return 0;
}
