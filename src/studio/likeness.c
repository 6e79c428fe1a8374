/*
 * likeness.c - whether two faces are one person, by what intake wrote about each ("who", media/ops.def).
 */
#include "studio/studio.h"

#include <math.h>

#include "base/crypto.h"
#include "base/json.h"

#define WHO_BYTES 128

/* 0, or < 0 when the facts do not say whose face it is. */
static int read_who(struct str facts_json, int face, int8_t ret[WHO_BYTES]) {
    CLEANUP(json_unref) json_t *facts = NULL;
    if (face < 0 || facts_json.n == 0 || json_read(facts_json, &facts, NULL) < 0)
        return ERR_NOT_FOUND;
    const json_t *who = json_object_get(json_array_get(json_object_get(facts, "faces"), (size_t)face), "who");
    const char *hex = json_string_value(who);
    return hex ? hex_decode(str_z(hex), (uint8_t *)ret, WHO_BYTES) : ERR_NOT_FOUND;
}

int studio_likeness_pm(struct str facts_a, int face_a, struct str facts_b, int face_b) {
    int8_t a[WHO_BYTES], b[WHO_BYTES];
    int ab = 0, aa = 0, bb = 0;
    if (read_who(facts_a, face_a, a) < 0 || read_who(facts_b, face_b, b) < 0)
        return -1000;
    for (size_t i = 0; i < WHO_BYTES; i++) {
        ab += a[i] * b[i];
        aa += a[i] * a[i];
        bb += b[i] * b[i];
    }
    return aa && bb ? (int)lrint(1000 * ab / sqrt((double)aa * bb)) : -1000;
}
