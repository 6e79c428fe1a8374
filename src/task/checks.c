/* checks.c - which checks the pictures of a task failed, in words. The verdicts stay with the candidates after their pictures are gone. */
#include <stdio.h>

#include "base/json.h"
#include "task/internal.h"

#define ARENA_MAX (2u << 20)         /* the reports of all candidates at their longest */

/* By the names of media/score.c. */
static const struct { const char *name; int reason; } checks[TASK_CHECKS] = {
    { "faces_intact", ERR_CHECK_FACES }, { "identity", ERR_CHECK_IDENTITY }, { "edges", ERR_CHECK_EDGES }, { "light", ERR_CHECK_LIGHT },
};

static void count(struct task__checks *c, struct str scores) {
    CLEANUP(json_unref) json_t *j = NULL;
    const json_t *name;
    size_t i;
    if (scores.n == 0 || json_read(scores, &j, NULL) < 0)
        return;
    json_array_foreach(json_object_get(j, "failed"), i, name)
        for (size_t k = 0; k < TASK_CHECKS; k++)
            if (json_is_string(name) && strcmp(json_string_value(name), checks[k].name) == 0)
                c->failed[k].n++;
}

int task__checks_failed(struct db_tx *tx, int64_t task, struct task__checks *ret, struct err *e) {
    CLEANUP(arena_free) struct arena *a = arena_new(ARENA_MAX);
    struct task__candidate all[TASK_CANDIDATES_MAX];
    struct task__checks c = { 0 };
    size_t n = 0;
    int r = task__candidate_list(tx, task, a, all, COUNT(all), &n, e);
    if (r < 0)
        return r;
    for (size_t k = 0; k < TASK_CHECKS; k++)
        c.failed[k].why = err_reason(checks[k].reason);
    for (size_t i = 0; i < n; i++)
        if (all[i].verdict == CANDIDATE_BROKEN) {
            c.broken++;
            count(&c, all[i].scores);
        }
    for (size_t k = 1; k < TASK_CHECKS; k++)          /* most often failed first */
        for (size_t i = k; i > 0 && c.failed[i].n > c.failed[i - 1].n; i--) {
            struct task__check_failed swap = c.failed[i];
            c.failed[i] = c.failed[i - 1];
            c.failed[i - 1] = swap;
        }
    *ret = c;
    return 0;
}

void task__checks_say(const struct task__checks *c, struct err *e) {
    for (size_t k = 0; k < TASK_CHECKS && c->failed[k].n; k++) {
        struct str words = str_z(c->failed[k].why->en);
        words.n -= str_ends(words, STR("."));
        err_set(e, e->code, "%s%s %.*s (%d of %d)", e->text, k ? ";" : ":", STR_ARG(words), c->failed[k].n, c->broken);
    }
}
