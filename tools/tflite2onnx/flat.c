#include "flat.h"

#include <string.h>

static bool inside(struct flat *f, size_t at, size_t n) {
    if (at > f->n || n > f->n - at)
        f->bad = true;
    return !f->bad;
}

static uint32_t read_u32(struct flat *f, size_t at) {
    uint32_t v = 0;
    if (inside(f, at, sizeof v))
        memcpy(&v, f->p + at, sizeof v);
    return v;
}

static uint16_t read_u16(struct flat *f, size_t at) {
    uint16_t v = 0;
    if (inside(f, at, sizeof v))
        memcpy(&v, f->p + at, sizeof v);
    return v;
}

/* Follow the offset stored at `at`. Offsets only lead forward, so a file cannot send us round in circles. */
static size_t follow(struct flat *f, size_t at) {
    uint32_t ahead = read_u32(f, at);
    if (ahead == 0)
        f->bad = true;
    return f->bad ? 0 : at + ahead;
}

size_t flat_root(struct flat *f) {
    return follow(f, 0);
}

/* Where field `id` is stored, or 0: a table begins with the way back to its list of field offsets. */
static size_t field_at(struct flat *f, size_t table, int id) {
    if (!table)
        return 0;
    int64_t list = (int64_t)table - (int32_t)read_u32(f, table);
    if (f->bad || list < 0 || list > (int64_t)f->n) {
        f->bad = true;
        return 0;
    }
    size_t slot = 4 + 2 * (size_t)id;
    if (slot + 2 > read_u16(f, (size_t)list))
        return 0;
    uint16_t ahead = read_u16(f, (size_t)list + slot);
    return f->bad || ahead == 0 ? 0 : table + ahead;
}

int32_t flat_int(struct flat *f, size_t table, int id, int32_t otherwise) {
    size_t at = field_at(f, table, id);
    return at ? (int32_t)read_u32(f, at) : otherwise;
}

int flat_byte(struct flat *f, size_t table, int id, int otherwise) {
    size_t at = field_at(f, table, id);
    if (!at)
        return otherwise;
    return inside(f, at, 1) ? (int8_t)f->p[at] : 0;
}

size_t flat_ref(struct flat *f, size_t table, int id) {
    size_t at = field_at(f, table, id);
    return at ? follow(f, at) : 0;
}

uint32_t flat_count(struct flat *f, size_t vector) {
    return vector ? read_u32(f, vector) : 0;
}

/* Where element i of a vector of 4-byte elements is, or 0. */
static size_t element_at(struct flat *f, size_t vector, uint32_t i) {
    if (i >= flat_count(f, vector)) {
        f->bad = true;
        return 0;
    }
    return vector + 4 + 4 * (size_t)i;
}

int32_t flat_int_at(struct flat *f, size_t vector, uint32_t i) {
    size_t at = element_at(f, vector, i);
    return at ? (int32_t)read_u32(f, at) : 0;
}

size_t flat_table_at(struct flat *f, size_t vector, uint32_t i) {
    size_t at = element_at(f, vector, i);
    return at ? follow(f, at) : 0;
}

const uint8_t *flat_bytes(struct flat *f, size_t vector, size_t *ret_n) {
    *ret_n = 0;
    uint32_t n = flat_count(f, vector);
    if (n == 0 || !inside(f, vector + 4, n))
        return NULL;
    *ret_n = n;
    return f->p + vector + 4;
}
