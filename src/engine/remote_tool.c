/*
 * remote_tool.c - the engines for scripts: JSON lines in, JSON lines out. Built with the tests, not installed. Settings as flags and environment, as
 * of the server; REMOTE_TOOL_SHARE names the folder with engines/.
 *   {"do":"submit","engine":…,"op":…,"params":{…},"in":[{"path":…,"role":…,"link":…}],"out":path,"attempt":…,"limit_ms":…,"notice_url":…} -> {"ticket", "attempt",
 *   and as foreseen: "remote_id", "cost_microusd"}; without out no file is given to it, as to one that only judges
 *   {"do":"reconcile","engine":…,"op":…,"attempt":…,"remote_id":…,"out":path}      -> {"ticket"}
 *   {"do":"taken","ticket":…}   answered when the call was taken, or is over          -> {"state", "remote_id", …}
 *   {"do":"over","ticket":…}    answered when nothing more will happen to it          -> the same
 *   {"do":"now","ticket":…}     answered at once                                      -> the same
 *   {"do":"cancel"|"release","ticket":…}   {"do":"slots","engine":…} -> {"lanes":{…}, "shut":{…}}   {"do":"known","ids":[…]}   {"do":"engines"}
 *   {"do":"notice","engine":…,"attempt":…,"by":…,"headers":{…},"body":…} -> {"again", "remote_id"}
 * An answer has ok, the line's own "id", and either what came or {code, detail}.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/id.h"
#include "base/json.h"
#include "base/log.h"
#include "base/scope.h"
#include "engine/engine.h"
#include "net/tool.h"

#define LINE_MAX_BYTES (1 << 20)
#define TICKETS_MAX    8192
#define ENGINES        32

extern char **environ;

struct opened { const struct engine_driver *d; struct engine *g; };
struct slot {
    const struct opened *o;
    void   *ticket;
    int64_t attempt;
    struct engine_foreseen foreseen;
    int     out;
    int64_t asked;                     /* id of the line that waits; 0: none does */
    bool    over_only;                 /* it waits for the end, not for the taking */
    int64_t poll_at_ms;
    struct engine_result last;
};
static struct opened engines[ENGINES];
static size_t n_engines;
static struct slot slots[TICKETS_MAX];
static int wake_fd;
static json_t *known;

static void wake(void *arg) {
    uint64_t one = 1;
    ssize_t n = write(wake_fd, &one, sizeof(one));
    (void)n;
}

static int tell_known(void *arg, int64_t attempt, struct str holds, void (*tell)(void *to, struct str remote_id), void *to) {
    for (size_t i = 0; i < json_array_size(known); i++)
        tell(to, str_z(json_string_value(json_array_get(known, i))));
    return 0;
}

static const char *text(const json_t *j, const char *key) {
    const char *s = json_string_value(json_object_get(j, key));
    return s ? s : "";
}

static const struct opened *engine_named(const json_t *j) {
    for (size_t i = 0; i < n_engines; i++)
        if (strcmp(engines[i].d->name, text(j, "engine")) == 0)
            return &engines[i];
    return NULL;
}

/* ---- answers ---- */

static void say(int64_t id, int r, const struct err *e, json_t *with) {
    json_t *j = with ? with : json_object();
    json_object_set_new(j, "id", json_integer(id));
    json_object_set_new(j, "ok", json_boolean(r >= 0));
    if (r < 0) {
        json_object_set_new(j, "code", json_string(err_reason(r)->code));
        json_object_set_new(j, "detail", json_string(e->text));
    }
    char *line = json_dumps(j, JSON_COMPACT);
    puts(line ? line : "{}");
    fflush(stdout);
    free(line);
    json_decref(j);
}

static json_t *result_json(const struct engine_result *r) {
    static const char *const states[] = { "sending", "working", "done", "failed", "unknown" };
    json_t *facts = NULL;
    if (r->facts.n)
        json_read(r->facts, &facts, NULL);
    return json_pack("{s:s, s:s#, s:s, s:s, s:b, s:b, s:I, s:i, s:o*}", "state", states[r->state], "remote_id", r->remote_id.p ? r->remote_id.p : "", (int)r->remote_id.n,
                     "why", r->state >= ENGINE_FAILED ? err_reason(r->err.code)->code : "", "detail", r->state >= ENGINE_FAILED ? r->err.text : "", "input_at_fault",
                     r->input_at_fault, "again", r->state == ENGINE_FAILED && err_reason(r->err.code)->retry == RETRY_LATER, "cost_microusd",
                     (json_int_t)r->cost_microusd, "progress_pm", r->progress_pm, "facts", facts);
}

/* ---- calls ---- */

static int open_in(const json_t *j, struct engine_call *c, struct err *e) {
    const json_t *list = json_object_get(j, "in");
    for (size_t i = 0; i < json_array_size(list) && i < ENGINE_FDS_MAX; i++) {
        const json_t *one = json_array_get(list, i);
        int fd = open(text(one, "path"), O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            return err_sys(e, ERR_IO, "%s", text(one, "path"));
        c->role[c->n_in] = str_z(text(one, "role"));
        c->link[c->n_in] = str_z(text(one, "link"));
        c->in[c->n_in++] = fd;
    }
    return 0;
}

static int begin(const json_t *j, bool again, size_t *ret_slot, struct err *e) {
    const struct opened *o = engine_named(j);
    size_t i = 0;
    while (i < TICKETS_MAX && slots[i].ticket)
        i++;
    if (!o || i == TICKETS_MAX)
        return err_set(e, ERR_NOT_FOUND, "no such engine, or no room");
    int64_t limit = json_integer_value(json_object_get(j, "limit_ms")), attempt = 0;
    if (text(j, "attempt")[0] && str_int(str_z(text(j, "attempt")), 1, INT64_MAX, &attempt) < 0)
        return err_set(e, ERR_BAD_INPUT, "attempt: a number as a text");
    char *params = json_dumps(json_object_get(j, "params"), JSON_COMPACT);
    struct engine_call c = { .attempt = attempt ? attempt : id_new(), .op = str_z(text(j, "op")), .params = str_z(params), .notice_url = str_z(text(j, "notice_url")),
                             .deadline_ms = limit ? clock_mono_ms() + limit : INT64_MAX, .n_out = text(j, "out")[0] != 0 };
    struct slot *s = &slots[i];
    *s = (struct slot){ .o = o, .out = c.n_out ? open(text(j, "out"), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1 };
    c.out[0] = s->out;
    int r = c.n_out && s->out < 0 ? err_sys(e, ERR_IO, "%s", text(j, "out")) : again ? 0 : open_in(j, &c, e);
    if (r >= 0)
        r = again ? o->d->reconcile(o->g, &c, str_z(text(j, "remote_id")), &s->ticket, e) : o->d->submit(o->g, &c, &s->ticket, e);
    for (size_t k = 0; k < c.n_in; k++)
        close(c.in[k]);
    if (r < 0 && s->out >= 0)
        close(s->out);
    *ret_slot = i;
    s->attempt = c.attempt;
    if (!again && o->d->foresee)
        o->d->foresee(o->g, &c, &s->foreseen);
    free(params);
    return r;
}

static void look(struct slot *s) {
    struct err e;
    if (s->o->d->poll(s->o->g, s->ticket, &s->last, &e) < 0)
        s->last = (struct engine_result){ .state = ENGINE_FAILED, .err = e };
    s->poll_at_ms = s->last.poll_at_ms ? s->last.poll_at_ms : clock_mono_ms() + 10000;
    bool over = s->last.state >= ENGINE_DONE;
    if (s->asked && (over || (!s->over_only && s->last.state == ENGINE_WORKING)))
        {
        int64_t id = s->asked;
        s->asked = 0;
        say(id, 0, NULL, result_json(&s->last));
    }
    if (over)
        s->poll_at_ms = INT64_MAX;
}

static void release(struct slot *s) {
    s->o->d->release(s->o->g, s->ticket);
    if (s->out >= 0)
        close(s->out);
    *s = (struct slot){ 0 };
}

/* Slots of each lane, and why it is shut. */
static json_t *lanes_of(const struct opened *o) {
    json_t *lanes = json_object(), *shut = json_object();
    struct err why;
    char name[ENGINE_NAME_MAX + 1];
    snprintf(name, sizeof(name), "%s", o->d->name);
    for (size_t i = 0; o->d->lane ? o->d->lane(o->g, i, name) : i == 0; i++) {
        json_object_set_new(lanes, name, json_integer(o->d->slots(o->g, i)));
        if (o->d->shut && o->d->shut(o->g, i, &why) == 1)
            json_object_set_new(shut, name, json_string(why.text));
    }
    return json_pack("{s:o, s:o}", "lanes", lanes, "shut", shut);
}

static void answer(struct str line) {
    CLEANUP(json_unref) json_t *j = NULL;
    struct err e = { 0 };
    size_t i = 0;
    int r = json_read(line, &j, &e);
    const char *verb = text(j, "do");
    int64_t id = json_integer_value(json_object_get(j, "id")), n = json_integer_value(json_object_get(j, "ticket"));
    struct slot *s = n >= 0 && n < TICKETS_MAX && slots[n].ticket ? &slots[n] : NULL;
    json_t *with = NULL;
    char attempt[24];
    if (r < 0) {
        say(id, r, &e, NULL);
        return;
    }
    if (strcmp(verb, "submit") == 0 || strcmp(verb, "reconcile") == 0) {
        r = begin(j, verb[0] == 'r', &i, &e);
        snprintf(attempt, sizeof(attempt), "%lld", (long long)slots[i].attempt);
        with = r < 0 ? NULL : json_pack("{s:I, s:s, s:s, s:I}", "ticket", (json_int_t)i, "attempt", attempt, "remote_id", slots[i].foreseen.remote_id,
                                        "cost_microusd", (json_int_t)slots[i].foreseen.cost_microusd);
    } else if (strcmp(verb, "slots") == 0 && engine_named(j)) {
        with = lanes_of(engine_named(j));
    } else if (strcmp(verb, "engines") == 0) {
        with = json_pack("{s:[]}", "engines");
        for (i = 0; i < n_engines; i++)
            json_array_append_new(json_object_get(with, "engines"), json_string(engines[i].d->name));
    } else if (strcmp(verb, "known") == 0) {
        json_decref(known);
        known = json_incref(json_object_get(j, "ids"));
    } else if (strcmp(verb, "notice") == 0 && engine_named(j)) {
        const struct opened *o = engine_named(j);
        struct engine_notice notice = { tool_header, json_object_get(j, "headers"), str_z(text(j, "body")), .by = str_z(text(j, "by")) };
        struct engine_heard heard = { 0 };
        if (str_int(str_z(text(j, "attempt")), 1, INT64_MAX, &notice.attempt) >= 0)
            r = o->d->notice ? o->d->notice(o->g, &notice, &heard, &e) : err_set(&e, ERR_NOT_FOUND, "no notices");
        with = r < 0 ? NULL : json_pack("{s:b, s:s}", "again", heard.again, "remote_id", heard.remote_id);
    } else if (!s) {
        r = err_set(&e, ERR_NOT_FOUND, "no such ticket or verb");
    } else if (strcmp(verb, "over") == 0 || strcmp(verb, "taken") == 0) {
        s->asked = id;
        s->over_only = verb[0] == 'o';
        look(s);
        return;
    } else if (strcmp(verb, "now") == 0) {
        look(s);
        with = result_json(&s->last);
    } else if (strcmp(verb, "cancel") == 0) {
        r = s->o->d->cancel(s->o->g, s->ticket, &e);
    } else if (strcmp(verb, "release") == 0) {
        release(s);
    } else {
        r = err_set(&e, ERR_NOT_FOUND, "no such verb");
    }
    say(id, r, &e, with);
}

/* ---- the loop ---- */

static int64_t look_at_due(void) {
    int64_t now = clock_mono_ms(), soonest = now + 60000;
    for (size_t i = 0; i < TICKETS_MAX; i++) {
        if (!slots[i].ticket || slots[i].poll_at_ms == INT64_MAX)
            continue;
        look(&slots[i]);
        soonest = slots[i].ticket && slots[i].poll_at_ms < soonest ? slots[i].poll_at_ms : soonest;
    }
    return soonest;
}

static void loop(void) {
    static char lines[LINE_MAX_BYTES];
    size_t have = 0;
    for (;;) {
        int64_t wait = look_at_due() - clock_mono_ms();
        struct pollfd p[2] = { { .fd = 0, .events = POLLIN }, { .fd = wake_fd, .events = POLLIN } };
        poll(p, 2, wait < 0 ? 0 : (int)wait);
        if (p[1].revents) {
            uint64_t n;
            ssize_t got = read(wake_fd, &n, sizeof(n));
            (void)got;
        }
        if (!p[0].revents)
            continue;
        ssize_t got = read(0, lines + have, sizeof(lines) - have);
        if (got <= 0)
            return;
        have += (size_t)got;
        for (char *end; (end = memchr(lines, '\n', have));) {
            size_t n = (size_t)(end - lines);
            answer((struct str){ lines, n });
            memmove(lines, end + 1, have - n - 1);
            have -= n + 1;
        }
    }
}

static int open_all(int argc, char **argv, struct config **cfg, struct http_client **http, struct err *e) {
    static const struct setting *const tables[] = { engine_settings, http_client_settings, NULL };
    int r = tool_open(tables, argc, argv, environ, cfg, http, e);
    if (r < 0)
        return r;
    struct engine_ctx ctx = { .cfg = *cfg, .client = *http, .share = getenv("REMOTE_TOOL_SHARE"), .reachable = true, .wake = wake, .names = tell_known };
    for (size_t i = 0; engine_drivers[i] && n_engines < ENGINES; i++) {
        struct opened *o = &engines[n_engines];
        if (!(engine_drivers[i]->can & ENGINE_IS_REMOTE))
            continue;
        o->d = engine_drivers[i];
        if ((r = o->d->open(&ctx, &o->g, e)) < 0)
            return r;
        n_engines += r == 0;
    }
    return 0;
}

int main(int argc, char **argv) {
    struct config *cfg = NULL;
    struct http_client *http = NULL;
    struct err e = { 0 };
    clock_setup(getenv("ZOETROPE_CLOCK_OFFSET_FILE"));
    log_setup(2, LOG_DEBUG);
    wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int r = open_all(argc, argv, &cfg, &http, &e);
    if (r < 0) {
        fprintf(stderr, "remote_tool: %s\n", e.text);
    } else {
        puts("ready");
        fflush(stdout);
        loop();
    }
    for (size_t i = 0; i < TICKETS_MAX; i++)
        if (slots[i].ticket)
            release(&slots[i]);
    for (size_t i = 0; i < n_engines; i++)
        engines[i].d->close(engines[i].g);
    json_decref(known);
    http_client_free(http);
    config_free(cfg);
    return r < 0;
}
