/*
 * stream.c - bodies that go to a sink on the pool, piece by piece.
 * A step is one job: open the sink if it is not, write what has gathered, then perhaps finish (handle()) or abort. One step at a time for a
 * request; between steps it holds no worker, however slow its client is.
 */
#include "net/internal.h"

#include <stdlib.h>

void stream_begin(struct http_call *call) {
    struct stream *s = call->stream = calloc(1, sizeof(*s));
    if (!s)
        abort();
    buf_init(&s->fill, STREAM_BUF_BYTES);
    buf_init(&s->drain, STREAM_BUF_BYTES);
}

void stream_free(struct stream *s) {
    buf_done(&s->fill);
    buf_done(&s->drain);
    free(s);
}

size_t stream_room(const struct stream *s) { return STREAM_BUF_BYTES - s->fill.n; }

/* On the pool. */
static void run_step(struct pool_job *j) {
    struct http_call *call = CONTAINER_OF(j, struct http_call, job);
    struct stream *s = call->stream;
    struct http_req *req = &call->req;
    int r = 0;
    log_ctx_set((struct log_ctx){ .req = req->id, .account = req->account });
    call->err = (struct err){ 0 };
    if (!s->opened) {
        r = j->late ? shed_late(call, pool_admission(shed_pool(call), j->line), &call->err) : 0;
        if (r >= 0)
            r = req->route->body_open(req, &s->sink, &call->err);
        s->opened = r >= 0;
        s->closed = r < 0;
    }
    if (s->opened && s->drain.n)
        r = s->sink.write(s->sink.ctx, s->drain.p, s->drain.n, &call->err);
    if (s->opened && (r < 0 || s->step == STEP_ABORT)) {
        s->sink.abort(s->sink.ctx);
        s->closed = true;
    }
    call->rc = r;
    s->closed |= s->step == STEP_FINISH;
    log_ctx_set((struct log_ctx){ 0 });
    if (s->closed && s->step != STEP_ABORT)
        call_handle(call);
    loop_post(call->loop, call);
}

int stream_kick(struct http_call *call) {
    struct stream *s = call->stream;
    if (atomic_load(&call->phase) != CALL_HERE || s->closed)
        return 0;
    if (!s->ended && !s->gave_up && s->opened && stream_room(s) > 0)
        return 0;                                  /* let more gather */
    struct buf full = s->fill;
    s->fill = s->drain;
    buf_reset(&s->fill);
    s->drain = full;
    s->step = s->ended ? STEP_FINISH : s->gave_up ? STEP_ABORT : STEP_MORE;
    call->job.run = run_step;
    atomic_store(&call->phase, CALL_RUNNING);
    call->loop->away++;
    if (s->opened) {
        pool_continue(shed_pool(call), &call->job);
    } else if (!pool_submit(shed_pool(call), &call->job)) {
        atomic_store(&call->phase, CALL_HERE);
        call->loop->away--;
        s->closed = true;                          /* it never came to be */
        return ERR_BUSY;
    }
    return 0;
}

bool stream_home(struct http_call *call) {
    struct stream *s = call->stream;
    if (s->closed)
        return true;
    buf_reset(&s->drain);
    stream_kick(call);                             /* opened by now, so it is not refused */
    return false;
}

void stream_give_up(struct http_call *call) {
    struct stream *s = call->stream;
    s->gave_up = !s->ended;                        /* what came whole is finished, answer or not */
    if (atomic_load(&call->phase) != CALL_HERE)
        return;
    if (s->closed || !s->opened || stream_kick(call) < 0)
        call_free(call);
}
