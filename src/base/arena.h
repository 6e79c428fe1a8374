/*
 * arena.h - memory that lives as long as one request, task or loading step, and is freed at once.
 * Owns: every block it gave out.  Threads: one at a time.
 * Every allocation counts as the next multiple of 16 bytes (so many small ones cannot pass the limit), and so does `max` itself.
 * An allocation past `max` gives NULL from arena_try (sizes a user chose) and aborts in arena_alloc (our own small needs).
 */
#ifndef ZT_BASE_ARENA_H
#define ZT_BASE_ARENA_H

#include <stdarg.h>
#include "base/scope.h"
#include "base/str.h"

struct arena;

struct arena *arena_new(size_t max_bytes);                 /* <= SIZE_MAX / 2 */
void arena_free(struct arena *a);                          /* NULL is fine */
void arena_reset(struct arena *a);                         /* keeps the first block */
size_t arena_used(const struct arena *a);                  /* bytes, each allocation rounded up to 16 */

void *arena_try(struct arena *a, size_t n);                /* zeroed, 16-byte aligned; NULL past max */
void *arena_alloc(struct arena *a, size_t n);              /* as arena_try, aborts instead of NULL */
#define ARENA_NEW(a, T) ((T *)arena_alloc((a), sizeof(T)))
#define ARENA_ARRAY(a, T, n) ((T *)arena_alloc_array((a), sizeof(T), (n)))
void *arena_alloc_array(struct arena *a, size_t size, size_t n);   /* overflow checked */

char *arena_strz(struct arena *a, struct str s);           /* NUL-terminated copy; embedded NULs are kept */
struct str arena_str(struct arena *a, struct str s);       /* copy, NUL-terminated behind */
struct str arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
struct str arena_vprintf(struct arena *a, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

DEFINE_CLEANUP(struct arena, arena_free)

#endif
