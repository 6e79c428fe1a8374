/* fuzz_layer.c - any bytes as a layer that another child wrote: refused, or sound enough to be made a unit and arranged. */
#include "media/layer.h"

#include "fuzz.h"
#include "media/arrange.h"
#include "media/unit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    struct unit units[VISION_PEOPLE_MAX];
    struct layer l;
    struct err e;
    if (layer_read((struct str){ (const char *)data, n }, &l, &e) < 0)
        return 0;
    int made = unit_make_all(&l, 1, units);
    if (made != 1 || units[0].n != 1)
        __builtin_trap();
    struct arrange_wish wish = { 1.5f, 1280, 0, 1 };
    struct arrangement a;
    arrange_people(&units[0].shape, 1, &wish, &a);
    if (a.n != 1 || a.place[0].unit != 0 || !(a.head > 0 && a.head < 1))
        __builtin_trap();
    unit_done(&units[0]);
    return 0;
}
