/*
 * share.h - who asks for more than his share, by address and by account: GCRA (ITU-T I.371, virtual scheduling) without keys. A key is two
 * slots by two hashes; who shares one slot with somebody busy is still told apart by the other. About 512 KiB, touched only while used.
 * Owns: its table.  Threads: any; two at the same moment may count as one.
 */
#ifndef ZT_NET_SHARE_H
#define ZT_NET_SHARE_H

#include <stdbool.h>
#include <stdint.h>

struct share;

/* per_s: how many a second, and twice as many at once; 0: no limit, and NULL is returned. */
struct share *share_new(int64_t per_s);
void share_free(struct share *s);                /* NULL is fine */
/* Counts one. true: it is more than the share (and was not counted). s NULL: false. */
bool share_over(struct share *s, uint64_t key, int64_t now_us);
/* IPv6 by /64, the smallest block one household gets. */
uint64_t share_key_ip(const uint8_t ip[16]);

#endif
