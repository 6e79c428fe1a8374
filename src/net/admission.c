/* admission.c - see admission.h. All numbers are relaxed atomics: each stands for itself, and one that is a moment old does no harm. */
#include "net/admission.h"

#define GAP_WEIGHT    16                      /* of 16 parts of the average the newest sample is one */
#define CLASS_PERCENT 20                      /* of a target between the limits of two classes */
#define DEMERIT_PERCENT 6                     /* three of them stay above the next class */
#define OWED_MAX_US   (INT64_C(40) * 1000000) /* and half as much again by the spread makes ADMISSION_RETRY_S */

const int64_t admission_hist_edge_us[ADMISSION_HIST] = { 1000, 2500, 5000, 10000, 25000, 50000, 100000, 200000, 500000, INT64_MAX };

#define GET(p)    atomic_load_explicit((p), memory_order_relaxed)
#define SET(p, v) atomic_store_explicit((p), (v), memory_order_relaxed)
#define ADD(p, v) atomic_fetch_add_explicit((p), (v), memory_order_relaxed)

void admission_init(struct admission *a, int64_t target_us) {
    *a = (struct admission){ .target_us = target_us };
    SET(&a->window_min_us, INT64_MAX);
}

int64_t admission_delay(const struct admission *a, int64_t now_us) {
    int64_t waiting = GET(&a->waiting), delay_us = waiting * GET(&a->gap_ns) / 1000;
    int64_t stalled_us = waiting > 0 ? now_us - GET(&a->progress_us) : 0, last_us = GET(&a->last_us);
    if (stalled_us > ADMISSION_STALL * a->target_us && stalled_us > delay_us)
        delay_us = stalled_us;
    return last_us > delay_us && now_us - GET(&a->last_at_us) < a->target_us ? last_us : delay_us;
}

static int64_t limit_us(const struct admission *a, enum traffic_class class, int demerits) {
    if (!admission_pressed(a))
        return ADMISSION_BURST * a->target_us;
    return a->target_us * (100 + CLASS_PERCENT * (TRAFFIC_FEED - (int)class) - DEMERIT_PERCENT * demerits) / 100;
}

bool admission_ask(const struct admission *a, enum traffic_class class, int demerits, int64_t now_us) {
    if (class <= TRAFFIC_PAYMENT || admission_delay(a, now_us) <= limit_us(a, class, demerits))
        return true;
    int64_t above_us = GET(&a->above_us), since_us = now_us - above_us;
    return !admission_pressed(a) && GET(&a->waiting) == 0 &&
           (above_us == 0 || since_us < a->target_us || GET(&a->above_wait_us) - GET(&a->last_us) >= since_us);
}

int64_t admission_refuse(struct admission *a, enum traffic_class class, int64_t now_us) {
    int64_t owed_us = GET(&a->owed_us), item_ns = GET(&a->item_ns);
    owed_us = (owed_us < now_us ? now_us : owed_us) + item_ns / 1000 + 1;
    if (owed_us > now_us + OWED_MAX_US)
        owed_us = now_us + OWED_MAX_US;
    SET(&a->owed_us, owed_us);
    uint64_t n = (uint64_t)ADD(&a->shed[class], 1) + 1;
    int64_t wait_us = owed_us - now_us;
    int64_t spread_us = (int64_t)((n * UINT64_C(0x9e3779b97f4a7c15) >> 44) * (uint64_t)wait_us >> 20);      /* 0 .. wait_us, evenly (golden ratio) */
    int64_t s = (wait_us / 2 + spread_us + 999999) / 1000000;
    return s < 1 ? 1 : s > ADMISSION_RETRY_S ? ADMISSION_RETRY_S : s;
}

/* ---- the window ---- */
static void close_window(struct admission *a, int64_t now_us, int64_t waited_us) {
    int64_t window_us = 2 * a->target_us, took_us = now_us - GET(&a->window_us), n = GET(&a->window_n), min_us = GET(&a->window_min_us);
    bool whole = took_us < 2 * window_us;         /* else there was a pause without work */
    bool good = (whole ? min_us : waited_us) < a->target_us / 2;
    SET(&a->good, good ? GET(&a->good) + 1 : 0);
    if (whole && min_us > a->target_us)
        SET(&a->pressed, true);
    else if (good && (!whole || GET(&a->good) >= ADMISSION_CALM))
        SET(&a->pressed, false);
    if (whole && n > 0)
        SET(&a->item_ns, took_us * 1000 / n);
    SET(&a->window_us, now_us);
    SET(&a->window_min_us, INT64_MAX);
    SET(&a->window_n, 0);
}

static void note(struct admission *a, int64_t waited_us, int64_t now_us) {
    if (now_us - GET(&a->window_us) >= 2 * a->target_us)
        close_window(a, now_us, waited_us);
    if (waited_us < GET(&a->window_min_us))
        SET(&a->window_min_us, waited_us);
    SET(&a->window_n, GET(&a->window_n) + 1);
    SET(&a->noted_us, now_us);
    int edge = 0;
    while (waited_us > admission_hist_edge_us[edge])
        edge++;
    SET(&a->hist[edge], GET(&a->hist[edge]) + 1);
    SET(&a->sum_us, GET(&a->sum_us) + waited_us);
}

void admission_note(struct admission *a, int64_t waited_us, int64_t now_us) {
    note(a, waited_us, now_us);
    SET(&a->last_us, waited_us);
    SET(&a->last_at_us, now_us);
    if (waited_us <= ADMISSION_BURST * a->target_us) {
        SET(&a->above_us, 0);
    } else if (GET(&a->above_us) == 0) {
        SET(&a->above_wait_us, waited_us);
        SET(&a->above_us, now_us);
    }
}

/* ---- lines that can be counted ---- */
void admission_enter(struct admission *a, struct admission_ticket *ret, int64_t now_us) {
    ret->at_us = now_us;
    ret->ahead = ADD(&a->waiting, 1);
    if (ret->ahead == 0)
        SET(&a->progress_us, now_us);
}

bool admission_leave(struct admission *a, const struct admission_ticket *t, int64_t now_us) {
    int64_t waited_us = now_us - t->at_us, gap_ns = GET(&a->gap_ns);
    ADD(&a->waiting, -1);
    SET(&a->progress_us, now_us);
    if (t->ahead > 0)
        SET(&a->gap_ns, gap_ns == 0 ? waited_us * 1000 / t->ahead : gap_ns + (waited_us * 1000 / t->ahead - gap_ns) / GAP_WEIGHT);
    note(a, waited_us, now_us);
    return admission_pressed(a) && waited_us > ADMISSION_LATE * a->target_us;
}

void admission_cancel(struct admission *a) { ADD(&a->waiting, -1); }

void admission_add_stats(const struct admission *a, struct admission_stats *io, int64_t now_us) {
    io->waiting += GET(&a->waiting);
    io->late += GET(&a->late);
    io->sum_us += GET(&a->sum_us);
    for (int i = 0; i < TRAFFIC_COUNT; i++)
        io->shed[i] += GET(&a->shed[i]);
    for (int i = 0; i < ADMISSION_HIST; i++)
        io->hist[i] += GET(&a->hist[i]);
    io->pressed += admission_pressed(a) && now_us - GET(&a->noted_us) < 4 * a->target_us;
}
