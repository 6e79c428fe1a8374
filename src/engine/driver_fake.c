/*
 * driver_fake.c - two engines that obey a script (fake_script.h) and draw a small valid picture by themselves: tests, drills,
 * demos. No thread and no timer: a call says by poll_at_ms when it wants to be looked at again.
 */
#include "engine/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/clock.h"
#include "base/config.h"
#include "base/json.h"
#include "base/scope.h"
#include "engine/fake_png.h"
#include "engine/fake_script.h"

#define COST_MICROUSD 2000  /* of one call of fake_remote that did something */
#define POLL_MS       60000 /* a call that hangs is looked at this often, like any call whose wake may be lost */

struct engine {
    struct fake_script script;
    int slots, busy;
    bool remote;
    const char *name;
    int64_t opens_ms;         /* clock_mono_ms(): nothing is taken before */
};

struct ticket {
    char op[16];
    int64_t seed;
    int64_t remake;                  /* as the call said, when it also said what had failed */
    struct fake_plan plan;
    int64_t ready_ms;         /* clock_mono_ms() */
    int out[ENGINE_OUTS_MAX]; /* ours */
    size_t n_out;
    bool cancelled, drawn, poor, judged;
    char remote_id[64];
    struct buf facts;
};

static int fake_open_as(const struct engine_ctx *ctx, bool remote, struct engine **ret_g, struct err *e) {
    struct engine *g = calloc(1, sizeof(*g));
    if (!g)
        abort();
    int r = fake_script_parse(str_z(config_str(ctx->cfg, "engine.fake_script")), &g->script, e);
    if (r < 0) {
        free(g);
        return r;
    }
    g->slots = (int)config_int(ctx->cfg, "engine.fake_slots");
    g->remote = remote;
    g->name = remote ? "fake_remote" : "fake";
    const struct fake_rule *shut = fake_script_has(&g->script, STR(""), g->name, FAKE_SHUT);
    g->opens_ms = shut && !shut->nth ? clock_mono_ms() + shut->ms : 0;
    *ret_g = g;
    return 0;
}

static int fake_open(const struct engine_ctx *ctx, struct engine **ret_g, struct err *e) {
    return fake_open_as(ctx, /* remote= */ false, ret_g, e);
}

static int fake_remote_open(const struct engine_ctx *ctx, struct engine **ret_g, struct err *e) {
    return fake_open_as(ctx, /* remote= */ true, ret_g, e);
}

static int fake_shut(struct engine *g, size_t lane, struct err *ret_why) {
    if (clock_mono_ms() >= g->opens_ms)
        return 0;
    err_set(ret_why, ERR_ENGINE_SHUT, "the script says shut");
    return 1;
}

static int fake_slots(struct engine *g, size_t lane) {
    return clock_mono_ms() >= g->opens_ms ? g->slots : 0;
}

/* The seed chooses the colour and the score; a picture that is to be judged brings it in its report. */
static int read_params(struct engine *g, const struct engine_call *c, struct ticket *t, struct err *e) {
    CLEANUP(json_unref) json_t *j = NULL;
    int r = json_read(c->params.n ? c->params : STR("{}"), &j, e);
    if (r < 0)
        return r;
    const json_t *seed = json_object_get(j, "seed"), *report = json_object_get(j, "report");
    t->seed = json_integer_value(seed ? seed : json_object_get(report, "seed"));
    const json_t *own = json_object_get(j, "params");
    t->remake = json_array_size(json_object_get(own, "failed")) ? json_integer_value(json_object_get(own, "remake")) : 0;
    t->plan = fake_script_next(&g->script, c->op, g->name);
    if (t->plan.shut_ms)
        g->opens_ms = clock_mono_ms() + t->plan.shut_ms;
    t->poor = fake_script_poor(&g->script, t->seed);
    t->judged = fake_script_has(&g->script, c->op, g->name, FAKE_JUDGED);
    return 0;
}

static struct ticket *ticket_new(const struct engine_call *c) {
    struct ticket *t = calloc(1, sizeof(*t));
    if (!t)
        abort();
    buf_init(&t->facts, 4096);
    snprintf(t->op, sizeof(t->op), "%.*s", STR_ARG(c->op));
    return t;
}

static void ticket_free(struct ticket *t) {
    for (size_t i = 0; i < t->n_out; i++)
        close(t->out[i]);
    buf_done(&t->facts);
    free(t);
}

static int take(struct engine *g, const struct engine_call *c, struct ticket *t, void **ret_ticket, struct err *e) {
    for (; t->n_out < c->n_out; t->n_out++)
        if ((t->out[t->n_out] = fcntl(c->out[t->n_out], F_DUPFD_CLOEXEC, 3)) < 0)
            return err_sys(e, ERR_BUSY, "no descriptor for the fake engine");
    g->busy++;
    *ret_ticket = t;
    return 0;
}

static void fake_remote_foresee(struct engine *g, const struct engine_call *c, struct engine_foreseen *ret) {
    *ret = (struct engine_foreseen){ .cost_microusd = COST_MICROUSD };
}

static int fake_submit(struct engine *g, const struct engine_call *c, void **ret_ticket, struct err *e) {
    if (g->busy >= g->slots)
        return err_set(e, ERR_BUSY, "the fake engine has %d slots", g->slots);
    struct ticket *t = ticket_new(c);
    int r = read_params(g, c, t, e);
    if (r >= 0) {
        t->ready_ms = clock_mono_ms() + t->plan.delay_ms;
        switch (t->plan.what) {
        case FAKE_BUSY:
            r = err_set(e, ERR_BUSY, "the script says busy");
            break;
        case FAKE_UNCERTAIN:
            r = err_set(e, ERR_UNCERTAIN, "the script says nobody knows");
            break;
        case FAKE_DIE:
            raise(SIGKILL);
            break;
        default:
            /* All that a later process needs to answer for this call: what, when (wall clock), and the colour. */
            if (g->remote)
                snprintf(t->remote_id, sizeof(t->remote_id), "%s:%lld:%lld",
                         t->plan.what == FAKE_LOST      ? "lost"
                         : t->plan.what == FAKE_UNKNOWN ? "unknown"
                                                        : "done",
                         (long long)(clock_ms() + (t->plan.what == FAKE_LATE ? t->plan.late_ms : t->plan.delay_ms)),
                         (long long)t->seed);
            r = take(g, c, t, ret_ticket, e);
        }
    }
    if (r < 0)
        ticket_free(t);
    return r;
}

static void write_verdict(struct ticket *t, struct jw *w) {
    bool ok = t->plan.what != FAKE_BROKEN && !t->poor;
    jw_obj(w);
    jw_kint(w, "faces", ok ? 2 : 1);
    jw_kint(w, "people", 2);
    jw_kreal(w, "identity_min", 0.5 + (double)(t->seed % 40) / 100, 3);
    jw_kreal(w, "margin_min", 0.2, 3);
    jw_kreal(w, "score", ok ? 0.5 + (double)(t->seed % 50) / 100 : 0.1, 3);
    jw_kbool(w, "ok", ok);
    jw_key(w, "failed");
    jw_arr(w);
    if (!ok)
        jw_str(w, STR("faces_intact"));
    jw_end_arr(w);
    jw_end_obj(w);
}

/* What the operations of the picture process answer, small. */
static void write_facts(struct ticket *t) {
    struct jw w;
    jw_init(&w, &t->facts);
    if (strcmp(t->op, "score") == 0) {
        write_verdict(t, &w);
        return;
    }
    jw_obj(&w);
    jw_kz(&w, "type", "image/png");
    jw_kint(&w, "width", FAKE_PNG_SIDE);
    jw_kint(&w, "height", FAKE_PNG_SIDE);
    jw_key(&w, "preview");
    jw_obj(&w);
    jw_kz(&w, "type", "image/png");
    jw_kint(&w, "width", FAKE_PNG_SIDE);
    jw_kint(&w, "height", FAKE_PNG_SIDE);
    jw_end_obj(&w);
    jw_key(&w, "report");
    jw_obj(&w);
    jw_kint(&w, "seed", t->seed);
    jw_kint(&w, "remake", t->remake);
    jw_end_obj(&w);
    if (t->judged) {
        jw_key(&w, "score");
        write_verdict(t, &w);
    }
    jw_end_obj(&w);
}

static int draw(struct ticket *t, struct err *e) {
    if (t->drawn)
        return 0;
    BUF_CLEANUP struct buf png;
    buf_init(&png, 64 * 1024);
    fake_png(&png, (uint64_t)t->seed);
    for (size_t i = 0; i < t->n_out; i++) {
        for (size_t at = 0; at < png.n;) {
            ssize_t n = pwrite(t->out[i], png.p + at, png.n - at, (off_t)at);
            if (n < 0 && errno != EINTR)
                return err_sys(e, ERR_IO, "the fake engine cannot write its picture");
            at += n > 0 ? (size_t)n : 0;
        }
    }
    write_facts(t);
    t->drawn = true;
    return 0;
}

static void fail(struct engine_result *ret, int code, const char *text) {
    ret->state = ENGINE_FAILED;
    err_set(&ret->err, code, "%s", text);
}

static int fake_poll(struct engine *g, void *ticket, struct engine_result *ret, struct err *e) {
    struct ticket *t = ticket;
    int64_t now = clock_mono_ms();
    *ret = (struct engine_result){ .state = ENGINE_WORKING, .remote_id = str_z(t->remote_id) };
    if (t->cancelled) {
        fail(ret, ERR_STATE, "cancelled");
        return 0;
    }
    if (t->plan.what == FAKE_HANG || now < t->ready_ms) {
        ret->poll_at_ms = t->plan.what == FAKE_HANG ? now + POLL_MS : t->ready_ms;
        ret->progress_pm = t->plan.delay_ms > 0 ? (int)(1000 - 1000 * (t->ready_ms - now) / t->plan.delay_ms) : 0;
        if (ret->progress_pm < 0 || t->plan.what == FAKE_HANG)
            ret->progress_pm = 0;
        return 0;
    }
    ret->cost_microusd = g->remote ? COST_MICROUSD : 0;
    switch (t->plan.what) {
    case FAKE_REFUSED:
        fail(ret, ERR_ENGINE_REFUSED, "the script says refused");
        ret->input_at_fault = true;
        break;
    case FAKE_FAILED:
        fail(ret, ERR_UPSTREAM, "the script says failed");
        break;
    case FAKE_DIED:
        fail(ret, ERR_MEDIA_DIED, "the script says died");
        break;
    case FAKE_UNKNOWN:
    case FAKE_LOST:
    case FAKE_LATE:
        ret->state = ENGINE_UNKNOWN;
        err_set(&ret->err, ERR_UNCERTAIN, "the script says unknown");
        break;
    default: {
        int r = draw(t, e);
        if (r < 0)
            return r;
        ret->state = ENGINE_DONE;
        ret->facts = buf_str(&t->facts);
    }
    }
    return 0;
}

static void fake_release(struct engine *g, void *ticket) {
    g->busy--;
    ticket_free(ticket);
}

static int fake_cancel(struct engine *g, void *ticket, struct err *e) {
    ((struct ticket *)ticket)->cancelled = true;
    return 0;
}

static void fake_close(struct engine *g) {
    free(g);
}

static int fake_reconcile(struct engine *g, const struct engine_call *c, struct str remote_id, void **ret_ticket, struct err *e) {
    int64_t ready_at = 0, seed = 0;
    struct str rest = remote_id, what = str_cut(&rest, ':');
    if (remote_id.n) {
        if (str_int(str_cut(&rest, ':'), 0, INT64_MAX, &ready_at) < 0 || str_int(rest, INT64_MIN, INT64_MAX, &seed) < 0)
            return err_set(e, ERR_UNCERTAIN, "not one of our ids");
    } else {
        what = fake_script_has(&g->script, c->op, g->name, FAKE_LOST)   ? STR("lost")
               : fake_script_has(&g->script, c->op, g->name, FAKE_LATE) ? STR("done")
                                                               : STR("unknown");
    }
    if (str_eqz(what, "lost"))
        return err_set(e, ERR_NOT_FOUND, "the call was never made");
    if (!str_eqz(what, "done"))
        return err_set(e, ERR_UNCERTAIN, "still nobody knows");
    struct ticket *t = ticket_new(c);
    int64_t wait_ms = ready_at - clock_ms();
    t->seed = seed;
    t->ready_ms = clock_mono_ms() + (wait_ms > 0 ? wait_ms : 0);
    snprintf(t->remote_id, sizeof(t->remote_id), "%.*s", STR_ARG(remote_id));
    int r = take(g, c, t, ret_ticket, e);
    if (r < 0)
        ticket_free(t);
    return r;
}

const struct engine_driver engine_fake = {
    .name = "fake",
    .can = ENGINE_CAN_IMAGE | ENGINE_CAN_CANCEL | ENGINE_CAN_REPEAT,
    .open = fake_open,
    .slots = fake_slots,
    .shut = fake_shut,
    .submit = fake_submit,
    .poll = fake_poll,
    .release = fake_release,
    .close = fake_close,
    .cancel = fake_cancel,
};

const struct engine_driver engine_fake_remote = {
    .name = "fake_remote",
    .can = ENGINE_CAN_IMAGE | ENGINE_CAN_CANCEL | ENGINE_CAN_RECONCILE | ENGINE_IS_REMOTE,
    .open = fake_remote_open,
    .slots = fake_slots,
    .shut = fake_shut,
    .submit = fake_submit,
    .poll = fake_poll,
    .release = fake_release,
    .close = fake_close,
    .cancel = fake_cancel,
    .reconcile = fake_reconcile,
    .foresee = fake_remote_foresee,
};
