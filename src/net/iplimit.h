/*
 * iplimit.h - how many connections each address has open. IPv6 is counted by /64, the smallest block one household gets.
 * Owns: its table, sized once.  Threads: any.
 */
#ifndef ZT_NET_IPLIMIT_H
#define ZT_NET_IPLIMIT_H

#include <stdbool.h>
#include <stdint.h>

struct iplimit;

/* per_ip_max: connections an address may have, 0 = no limit. conns_max: the most addresses that can be counted at once. */
struct iplimit *iplimit_new(int per_ip_max, int conns_max);
void iplimit_free(struct iplimit *t);
bool iplimit_take(struct iplimit *t, const uint8_t ip[16]);     /* false: the address has its share already */
void iplimit_drop(struct iplimit *t, const uint8_t ip[16]);     /* once for each take that gave true */

#endif
