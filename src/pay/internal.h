/* internal.h - what pay.c, call.c and test_money.c share. */
#ifndef ZT_PAY_INTERNAL_H
#define ZT_PAY_INTERNAL_H

#include "pay/driver.h"

#define PAY_PROVIDERS_MAX 8

struct pay_open { const struct pay_driver *driver; void *g; int64_t fee_pm, fee_fixed; };
struct pay {
    struct http_client *http;
    struct db          *db;
    int64_t             timeout_ms, answer_max;
    uint8_t             test_key[CRYPTO_KEY];
    struct pay_open     open[PAY_PROVIDERS_MAX];
    size_t              n_open;
};

const struct pay_open *pay__find(const struct pay *p, const char *provider);     /* NULL: not set up */
/* Checks and writes the request; as build() of driver.h. */
int pay__build(const struct pay_driver *d, const void *g, const struct pay_work *w, const struct pay_moment *m, struct arena *a, struct pay_call *ret,
               struct pay_result *ret_result, struct err *e);
/* call.c: builds, sends, reads. */
int pay__run(struct pay *p, const struct pay_open *o, const struct pay_work *w, struct arena *a, struct pay_result *ret, struct err *e);
void pay__test_key(void *g, const uint8_t key[CRYPTO_KEY]);       /* driver_test.c; borrowed */
enum { PAY__TEST_DISPUTED = 1, PAY__TEST_LOST = 2 };              /* pay_test.disputed; 0: nobody disputes it, or nobody does any more */
/* test_money.c: the table. What a request of driver_test.c is answered with, in the caller's arena. */
int pay__test_answer(struct db *d, const struct pay_call *c, struct arena *a, int *ret_status, struct str *ret_body, struct err *e);
/* "t=…,v1=…", as of Stripe. */
struct str pay__test_sign(const uint8_t key[CRYPTO_KEY], int64_t now_ms, struct str body, struct arena *a);

#endif
