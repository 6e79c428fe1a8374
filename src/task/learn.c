/*
 * learn.c - what eta knows when a process starts: how long the calls of the newest tasks took, and which tasks are open. No table of
 * its own: attempts say when they began and when they were home, which is a little longer than they held their slot.
 */
#include "task/core.h"

#include <stdio.h>

#include "base/clock.h"

#define LEARN_TASKS 64               /* newest that went through */
#define LEARN_OPEN  (4 * ETA_LINE_MAX)

DB_SQL(learn_tasks, "SELECT t.id, t.recipe, t.engine, t.asked, (SELECT COUNT(*) FROM task_input i WHERE i.task_id = t.id) FROM task t "
                    "WHERE t.state IN ('choosing', 'done') ORDER BY t.id DESC LIMIT ?");
DB_SQL(learn_calls, "SELECT op, updated_ms - created_ms FROM attempt WHERE task_id = ? AND engine IN (?, 'local') AND state = 'stored' ORDER BY id");
DB_SQL(learn_line, "SELECT t.id, t.turn, t.engine, t.recipe, t.asked, t.in_line, (SELECT COUNT(*) FROM task_input i WHERE i.task_id = t.id) "
                   "FROM task t WHERE t.state IN ('queued', 'preparing', 'running', 'checking') ORDER BY t.turn, t.id LIMIT ?");

struct past { int64_t id; char engine_name[33]; int engine, recipe, asked, people; };

static int learn_task(struct task_core *c, const struct past *p, struct err *e) {
    const struct studio_recipe *re = studio_recipe_at(c->conf.studio, (size_t)p->recipe);
    int calls[STUDIO_STEPS_MAX] = { 0 }, r;
    bool any = false;
    DB_ROWS rows = { 0 };
    r = db_query(db_reader(c->db), &rows, e, &learn_calls, DB_INT(p->id), DB_TEXT(p->engine_name));
    while (r >= 0 && (r = db_next(&rows, e)) > 0)
        for (size_t s = 0; s < re->n_steps; s++) {
            int64_t took = db_int(&rows, 1);
            /* The wall clock may have been set in between. */
            if (!str_eq(re->steps[s].op, db_str(&rows, 0)) || took < 0 || took > 2 * re->steps[s].limit_ms)
                continue;
            eta_took(c->eta, p->engine, p->recipe, s, took);
            calls[s]++;
            any = true;
        }
    if (r >= 0 && any)
        eta_decided(c->eta, p->engine, p->recipe, p->people, p->asked, calls);
    return r;
}

static int learn_rates(struct task_core *c, struct err *e) {
    struct past past[LEARN_TASKS];
    int n = 0, r;
    {
        DB_ROWS rows = { 0 };
        r = db_query(db_reader(c->db), &rows, e, &learn_tasks, DB_INT(LEARN_TASKS));
        while (r >= 0 && n < LEARN_TASKS && (r = db_next(&rows, e)) > 0) {
            struct past *p = &past[n];
            char recipe[65];
            snprintf(recipe, sizeof(recipe), "%.*s", STR_ARG(db_str(&rows, 1)));
            snprintf(p->engine_name, sizeof(p->engine_name), "%.*s", STR_ARG(db_str(&rows, 2)));
            p->id = db_int(&rows, 0);
            p->engine = eta_engine_of(c->eta, p->engine_name);
            p->recipe = eta_recipe_of(c->eta, recipe);
            p->asked = (int)db_int(&rows, 3);
            p->people = (int)db_int(&rows, 4);
            n += p->engine >= 0 && p->recipe >= 0 && p->people <= TASK_PEOPLE_MAX;
        }
        if (r < 0)
            return r;
    }
    while (n > 0)                    /* oldest first: the newest count most */
        if ((r = learn_task(c, &past[--n], e)) < 0)
            return r;
    return 0;
}

int learn_open(struct task_core *c, struct err *e) {
    int r = learn_rates(c, e);
    if (r < 0)
        return r;
    DB_ROWS rows = { 0 };
    r = db_query(db_reader(c->db), &rows, e, &learn_line, DB_INT(LEARN_OPEN));
    while (r >= 0 && (r = db_next(&rows, e)) > 0) {
        char engine[33], recipe[65];
        snprintf(engine, sizeof(engine), "%.*s", STR_ARG(db_str(&rows, 2)));
        snprintf(recipe, sizeof(recipe), "%.*s", STR_ARG(db_str(&rows, 3)));
        struct eta_task t = { .id = db_int(&rows, 0), .turn = db_int(&rows, 1), .engine = eta_engine_of(c->eta, engine),
                              .recipe = eta_recipe_of(c->eta, recipe), .people = (int)db_int(&rows, 6), .asked = (int)db_int(&rows, 4),
                              .in_line = db_int(&rows, 5) != 0, .open = true };
        if (t.people <= TASK_PEOPLE_MAX)
            eta_note(c->eta, &t, clock_mono_ms());
    }
    return r;
}
