/*
 * arena.c - a list of blocks, each twice the last, filled from the front.
 * Under AddressSanitizer every allocation is a block of its own, so that a step over its end is seen.
 */
#include "base/arena.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALIGN ((size_t)16)
#define BLOCK_FIRST ((size_t)4096 - 64)      /* with malloc's own header one page */
#define BLOCK_MAX ((size_t)256 * 1024)

#ifdef __has_feature
#define HAS_FEATURE_ASAN __has_feature(address_sanitizer)
#else
#define HAS_FEATURE_ASAN 0
#endif
#if defined(__SANITIZE_ADDRESS__) || HAS_FEATURE_ASAN
#define ONE_BLOCK_EACH 1
#else
#define ONE_BLOCK_EACH 0
#endif

struct block {
    struct block *older;
    size_t        cap, n;
    _Alignas(16) unsigned char data[];
};

struct arena {
    struct block *newest;
    size_t        used, max, next_block;
};

static size_t round_up(size_t n) { return (n + (ALIGN - 1)) & ~(ALIGN - 1); }

struct arena *arena_new(size_t max_bytes) {
    assert(max_bytes <= SIZE_MAX / 2);       /* so that rounding up cannot overflow */
    struct arena *a = calloc(1, sizeof(*a));
    if (!a)
        abort();
    a->max = round_up(max_bytes);
    a->next_block = BLOCK_FIRST;
    return a;
}

static void free_down_to(struct arena *a, const struct block *keep) {
    while (a->newest != keep) {
        struct block *older = a->newest->older;
        free(a->newest);
        a->newest = older;
    }
}

void arena_free(struct arena *a) {
    if (!a)
        return;
    free_down_to(a, NULL);
    free(a);
}

void arena_reset(struct arena *a) {
    struct block *first = a->newest;
    while (first && first->older)
        first = first->older;
    if (first && (ONE_BLOCK_EACH || first->cap > BLOCK_FIRST))
        first = NULL;                        /* an outsized first block is not worth keeping */
    free_down_to(a, first);
    if (first)
        first->n = 0;
    a->used = 0;
    a->next_block = BLOCK_FIRST;
}

size_t arena_used(const struct arena *a) { return a->used; }

/* A block with room for n bytes in front of the list; NULL when memory is out. */
static struct block *add_block(struct arena *a, size_t n) {
    size_t cap = n;
    if (!ONE_BLOCK_EACH && cap < a->next_block) {
        cap = a->next_block;
        if (a->next_block < BLOCK_MAX)
            a->next_block *= 2;
    }
    struct block *b = malloc(sizeof(*b) + cap);
    if (!b)
        return NULL;
    *b = (struct block){ .older = a->newest, .cap = cap };
    a->newest = b;
    return b;
}

void *arena_try(struct arena *a, size_t n) {
    if (n > a->max - a->used)
        return NULL;
    size_t rounded = n ? round_up(n) : ALIGN;
    if (rounded > a->max - a->used)
        return NULL;
    struct block *b = a->newest;
    if (ONE_BLOCK_EACH || !b || b->cap - b->n < rounded) {
        b = add_block(a, ONE_BLOCK_EACH ? n : rounded);
        if (!b)
            return NULL;
    }
    void *p = b->data + b->n;
    b->n += ONE_BLOCK_EACH ? n : rounded;
    a->used += rounded;
    return memset(p, 0, n);
}

void *arena_alloc(struct arena *a, size_t n) {
    void *p = arena_try(a, n);
    if (!p) {
        fprintf(stderr, "arena: %zu bytes asked, %zu of %zu used\n", n, a->used, a->max);
        abort();
    }
    return p;
}

void *arena_alloc_array(struct arena *a, size_t size, size_t n) {
    size_t bytes;
    if (__builtin_mul_overflow(size, n, &bytes))
        bytes = SIZE_MAX;                    /* arena_alloc says so and aborts */
    return arena_alloc(a, bytes);
}

char *arena_strz(struct arena *a, struct str s) {
    assert(s.n < SIZE_MAX);
    char *p = arena_alloc(a, s.n + 1);
    if (s.n)
        memcpy(p, s.p, s.n);
    return p;
}

struct str arena_str(struct arena *a, struct str s) { return (struct str){ arena_strz(a, s), s.n }; }

struct str arena_vprintf(struct arena *a, const char *fmt, va_list ap) {
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    if (n < 0)
        abort();                             /* only a wrong format of our own does this */
    char *p = arena_alloc(a, (size_t)n + 1);
    vsnprintf(p, (size_t)n + 1, fmt, ap);
    return (struct str){ p, (size_t)n };
}

struct str arena_printf(struct arena *a, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    struct str s = arena_vprintf(a, fmt, ap);
    va_end(ap);
    return s;
}
