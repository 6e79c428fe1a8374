/*
 * address.h - internet addresses: text, CIDR lists, and which of them are not public.
 * All are kept as 16 bytes, IPv4 as ::ffff:a.b.c.d.  Owns: nothing.  Threads: any.
 */
#ifndef ZT_NET_ADDRESS_H
#define ZT_NET_ADDRESS_H

#include <sys/socket.h>
#include "base/arena.h"
#include "base/err.h"

#define ADDRESS_TEXT_MAX 46

int address_parse(struct str s, uint8_t ret_ip[16]);                        /* 0 or ERR_BAD_INPUT */
void address_text(const uint8_t ip[16], char out[ADDRESS_TEXT_MAX]);        /* IPv4 without the ::ffff: */
void address_of(const struct sockaddr *sa, uint8_t ret_ip[16], uint16_t *ret_port);   /* other families give zeros */
/* True for every address that is not a public unicast one: loopback, private, link-local, shared, documentation, multicast, reserved,
 * and IPv6 forms that carry such an IPv4 address (mapped, NAT64, 6to4, Teredo). Source: IANA special-purpose registries, read 2025-06. */
bool address_is_private(const uint8_t ip[16]);

struct cidr { uint8_t ip[16]; int bits; };                                  /* bits counted in the 16-byte form */
/* "10.0.0.0/8, ::1": into the arena. ERR_CONFIG with the part that is wrong. */
int cidr_parse(struct arena *a, const char *list, struct cidr **ret_c, size_t *ret_n, struct err *e);
bool cidr_has(const struct cidr *c, size_t n, const uint8_t ip[16]);

#endif
