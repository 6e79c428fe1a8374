/* share.c - see share.h. */
#include "net/share.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"

#define SLOTS 32768u
struct share {
    int64_t         emit_us, reach_us;
    uint64_t        seed;                        /* so that nobody can aim at another one's slots */
    _Atomic int64_t next_us[2][SLOTS];           /* when the next one would be on schedule */
};

struct share *share_new(int64_t per_s) {
    if (per_s <= 0)
        return NULL;
    struct share *s = calloc(1, sizeof(*s));
    if (!s)
        abort();
    s->emit_us = 1000000 / per_s > 0 ? 1000000 / per_s : 1;
    s->reach_us = 2 * 1000000;
    crypto_random(&s->seed, sizeof(s->seed));
    return s;
}

void share_free(struct share *s) { free(s); }

static uint64_t mix(uint64_t x) {                /* splitmix64's */
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

bool share_over(struct share *s, uint64_t key, int64_t now_us) {
    if (!s)
        return false;
    uint64_t h = mix(key ^ s->seed);
    _Atomic int64_t *at[2] = { &s->next_us[0][h % SLOTS], &s->next_us[1][(h >> 32) % SLOTS] };
    int64_t next_us[2];
    bool over = true;
    for (int i = 0; i < 2; i++) {
        next_us[i] = atomic_load_explicit(at[i], memory_order_relaxed);
        next_us[i] = (next_us[i] < now_us ? now_us : next_us[i]) + s->emit_us;
        over &= next_us[i] - s->reach_us > now_us;
    }
    for (int i = 0; i < 2 && !over; i++)
        atomic_store_explicit(at[i], next_us[i], memory_order_relaxed);
    return over;
}

uint64_t share_key_ip(const uint8_t ip[16]) {
    static const uint8_t v4[12] = { [10] = 0xff, 0xff };
    uint64_t hi, lo = 0;
    memcpy(&hi, ip, 8);
    if (memcmp(ip, v4, 12) == 0)
        memcpy(&lo, ip + 8, 8);
    return mix(hi) ^ lo;
}
