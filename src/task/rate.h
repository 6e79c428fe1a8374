/*
 * rate.h - how long one kind of call takes, measured: mean, spread, and what is left of a call that has run for a while.
 * A histogram with decay: 22 octaves from 1 ms on, 4 buckets each; the newest 64 calls or so count. Pure: no clock, no thread.
 */
#ifndef ZT_TASK_RATE_H
#define ZT_TASK_RATE_H

#include <stdbool.h>

#define RATE_BUCKETS 88

struct rate {
    double n, sum, sum2;             /* weights of the calls seen, their ms, their ms squared */
    double calls, units;             /* of decided tasks: calls made for so many units of the plan; retries and second pictures make it > 1 */
    double store_n, store_sum;       /* ms from the end of a call until what it made was home */
    float  hist[RATE_BUCKETS];
};

void rate_took(struct rate *r, double ms);
void rate_stored(struct rate *r, double ms);
void rate_decided(struct rate *r, double calls, double units);
static inline bool rate_known(const struct rate *r) { return r->n > 0; }
double rate_mean(const struct rate *r);                              /* ms */
double rate_var(const struct rate *r);                               /* ms squared */
double rate_doubt(const struct rate *r);                             /* standard error of the mean, as a part of it */
double rate_calls(const struct rate *r);                             /* calls a unit needs; 1 before any task was decided */
double rate_store_ms(const struct rate *r);
/* Of a call that has run for age_ms: the mean and the variance of what is left. */
void rate_left(const struct rate *r, double age_ms, double *ret_mean, double *ret_var);
double rate_quantile(const struct rate *r, double q);                /* ms; 0 when nothing is known */

#endif
