/*
 * flat.h - read a flatbuffer that nobody has checked.
 * A position is an offset from the start of the bytes; 0 stands for "not there", because a root offset lives at 0.
 * A read outside the bytes answers 0 and sets `bad`, which stays set: check it once, when the reading is over.
 * Source: the flatbuffers "Internals" page, read 2026-11-20.
 */
#ifndef TFLITE2ONNX_FLAT_H
#define TFLITE2ONNX_FLAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct flat {
    const uint8_t *p;   /* borrowed */
    size_t n;
    bool bad;
};

/* The table that the file begins with. */
size_t flat_root(struct flat *f);

/* Scalars of field `id` of a table; `otherwise` when the table leaves the field (or the table itself is) out. */
int32_t flat_int(struct flat *f, size_t table, int id, int32_t otherwise);
int flat_byte(struct flat *f, size_t table, int id, int otherwise);

/* The table, vector or string that field `id` of a table points to. */
size_t flat_ref(struct flat *f, size_t table, int id);

/* Vectors: how many elements, one element, and the bytes of a vector of bytes (*ret_n of them, NULL when empty). */
uint32_t flat_count(struct flat *f, size_t vector);
int32_t flat_int_at(struct flat *f, size_t vector, uint32_t i);
size_t flat_table_at(struct flat *f, size_t vector, uint32_t i);
const uint8_t *flat_bytes(struct flat *f, size_t vector, size_t *ret_n);

#endif
