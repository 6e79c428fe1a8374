/* rate.c - see rate.h. */
#include "task/rate.h"

#include <math.h>

#define PER_OCTAVE 4
#define KEEP       (63.0 / 64)       /* what a new call leaves of the weight of those before */
#define KEEP_TASKS (31.0 / 32)
#define DRIFT      0.03              /* machines are not the same from one minute to the next: the least doubt about a mean */
#define SPREAD_MIN 0.02              /* of a mean: no two calls take the same */

static int bucket_of(double ms) {
    int b = ms <= 1 ? 0 : (int)(log2(ms) * PER_OCTAVE);
    return b < RATE_BUCKETS ? b : RATE_BUCKETS - 1;
}

static double middle_of(int bucket) { return exp2((bucket + 0.5) / PER_OCTAVE); }

void rate_took(struct rate *r, double ms) {
    if (ms < 0)
        return;
    for (int i = 0; i < RATE_BUCKETS; i++)
        r->hist[i] = (float)(r->hist[i] * KEEP);
    r->hist[bucket_of(ms)] += 1;
    r->n = r->n * KEEP + 1;
    r->sum = r->sum * KEEP + ms;
    r->sum2 = r->sum2 * KEEP + ms * ms;
}

void rate_stored(struct rate *r, double ms) {
    if (ms < 0)
        return;
    r->store_n = r->store_n * KEEP + 1;
    r->store_sum = r->store_sum * KEEP + ms;
}

void rate_decided(struct rate *r, double calls, double units) {
    if (units <= 0)
        return;
    r->calls = r->calls * KEEP_TASKS + calls;
    r->units = r->units * KEEP_TASKS + units;
}

double rate_mean(const struct rate *r) { return r->n > 0 ? r->sum / r->n : 0; }

double rate_var(const struct rate *r) {
    double mean = rate_mean(r), var = r->n > 0 ? r->sum2 / r->n - mean * mean : 0, least = SPREAD_MIN * mean * SPREAD_MIN * mean;
    /* Few calls say little about the spread: until there are more, a quarter of the mean is assumed too. */
    double few = r->n < 8 ? (0.25 * mean) * (0.25 * mean) * (1 - r->n / 8) : 0;
    return (var > least ? var : least) + few;
}

double rate_doubt(const struct rate *r) {
    double mean = rate_mean(r);
    return r->n > 0 && mean > 0 ? sqrt(rate_var(r) / r->n) / mean + DRIFT : 0;
}

double rate_calls(const struct rate *r) { return r->units > 0 ? r->calls / r->units : 1; }

double rate_store_ms(const struct rate *r) { return r->store_n > 0 ? r->store_sum / r->store_n : 0; }

void rate_left(const struct rate *r, double age_ms, double *ret_mean, double *ret_var) {
    double w = 0, sum = 0, sum2 = 0;
    if (age_ms <= 0) {
        *ret_mean = rate_mean(r);
        *ret_var = rate_var(r);
        return;
    }
    for (int b = bucket_of(age_ms); b < RATE_BUCKETS; b++) {
        double left = middle_of(b) - age_ms;
        if (r->hist[b] < 1e-6f || left <= 0)
            continue;
        w += r->hist[b];
        sum += r->hist[b] * left;
        sum2 += r->hist[b] * left * left;
    }
    if (w > 0) {
        *ret_mean = sum / w;
        *ret_var = sum2 / w - *ret_mean * *ret_mean + (0.05 * *ret_mean) * (0.05 * *ret_mean);
    } else {
        /* Longer than any call before: it may end now, or take as long again. */
        *ret_mean = age_ms * 0.25;
        *ret_var = age_ms * age_ms * 0.25;
    }
}

double rate_quantile(const struct rate *r, double q) {
    double all = 0, sum = 0;
    for (int b = 0; b < RATE_BUCKETS; b++)
        all += r->hist[b];
    if (all <= 0)
        return 0;
    for (int b = 0; b < RATE_BUCKETS; b++)
        if ((sum += r->hist[b]) >= q * all)
            return middle_of(b);
    return middle_of(RATE_BUCKETS - 1);
}
