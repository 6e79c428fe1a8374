/*
 * fuzz_jpeg_small.c - any bytes as a JPEG, decoded by the short way for thumbnails and by libjpeg's: what the first takes, the second does, too,
 * and wherever it gives up the verdict is libjpeg's.
 */
#include "media/photo.h"

#include <string.h>
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    struct photo_limits lim = { 1 << 20, 512 * 512, 8, 4 };
    struct str file = { (const char *)data, n };
    PHOTO_CLEANUP struct photo quick = { 0 }, slow = { 0 };
    struct err e;
    if (n < 3 || memcmp(data, "\xff\xd8\xff", 3) != 0)
        return 0;
    int r = photo_decode(file, &lim, &quick, &e);
    lim.fit_px = 0;
    if (photo_decode(file, &lim, &slow, &e) != r || (r == 0 && (quick.w != slow.w || quick.h != slow.h)))
        __builtin_trap();
    return 0;
}
