/*
 * remote.h - inside engine/: one engine out of a provider's pure functions: sends what they write, at the pace the gate allows, and keeps
 * each call's place between its first upload and the bytes at home.
 *
 *   WAITING (for the gate) -> UPLOADING -> SUBMITTING -> POLLING -> FETCHING -> over
 *                             a lost call: FINDING -> POLLING -> …
 *
 * Only SUBMITTING happens at most once: everything else may be asked again, and is, a few times (polls: until the call's end).
 * A call is known for good by what stands in its attempt's row (remote_id): "key~model~id", the first two as eight hex digits of a hash, so
 * that it is found again after a restart, also when keys and models were written in another order. Before it is sent that is "key,key~model~", all
 * keys it may be made with: only who has asked with each of them can say that it was never made. A key that is gone from the settings cannot be
 * asked with, so its calls stay unknown until it is there again, or to the end of all asking.
 * Threads: as engine.h says; answers come on the HTTP client's thread, which only notes them and wakes the dispatcher.
 */
#ifndef ZT_ENGINE_REMOTE_H
#define ZT_ENGINE_REMOTE_H

#include "engine/provider.h"

/* The vtable of one provider: `const struct engine_driver engine_dashscope = REMOTE_ENGINE(dashscope, can)`. */
int remote_open(const struct provider *p, const struct engine_ctx *ctx, struct engine **ret_g, struct err *e);
void remote_close(struct engine *g);
int remote_lane(struct engine *g, size_t i, char ret_name[ENGINE_NAME_MAX + 1]);
int remote_lane_of(struct engine *g, struct str op, struct str params);
int remote_slots(struct engine *g, size_t lane);
int remote_findable(struct engine *g, struct str op, struct str remote_id, struct err *ret_why);
void remote_foresee(struct engine *g, const struct engine_call *c, struct engine_foreseen *ret);
int remote_shut(struct engine *g, size_t lane, struct err *ret_why);
int remote_submit(struct engine *g, const struct engine_call *c, void **ret_ticket, struct err *e);
int remote_poll(struct engine *g, void *ticket, struct engine_result *ret, struct err *e);
void remote_release(struct engine *g, void *ticket);
int remote_cancel(struct engine *g, void *ticket, struct err *e);
int remote_reconcile(struct engine *g, const struct engine_call *c, struct str remote_id, void **ret_ticket, struct err *e);
int remote_notice(struct engine *g, const struct engine_notice *n, struct engine_heard *ret, struct err *e);

#define REMOTE_ENGINE(id)                                                                                                        \
    static int id##_open(const struct engine_ctx *ctx, struct engine **ret_g, struct err *e) {                                   \
        return remote_open(&provider_##id, ctx, ret_g, e);                                                                       \
    }                                                                                                                            \
    const struct engine_driver engine_##id = {                                                                                   \
        .name = #id, .can = ENGINE_CAN_IMAGE | ENGINE_CAN_VIDEO | ENGINE_CAN_CANCEL | ENGINE_CAN_RECONCILE | ENGINE_IS_REMOTE,   \
        .open = id##_open, .close = remote_close, .lane = remote_lane, .lane_of = remote_lane_of, .slots = remote_slots,         \
        .submit = remote_submit, .poll = remote_poll, .release = remote_release, .cancel = remote_cancel,                        \
        .reconcile = remote_reconcile, .notice = remote_notice, .shut = remote_shut, .foresee = remote_foresee,                  \
        .findable = remote_findable,                                                                                             \
    }

#endif
