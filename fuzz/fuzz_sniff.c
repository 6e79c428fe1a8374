/*
 * fuzz_sniff.c - any bytes as a photo: told by content, header read, a small one decoded and finished.
 * HEIC only as far as the sniffer: what is behind is libheif's and libde265's own code, which the sandbox is there for.
 */
#include "media/photo.h"

#include "fuzz.h"
#include "media/pixels.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static const struct photo_limits lim = { 1 << 20, 256 * 256, 16 };
    struct str file = { (const char *)data, n };
    PHOTO_CLEANUP struct photo head = { 0 }, whole = { 0 };
    PIXELS_CLEANUP struct img8 img = { 0 };
    enum photo_type t;
    struct err e;
    int r = photo_sniff(file, &t, &e);
    if (r < 0 && (e.code != r || (r != ERR_IMAGE_EMPTY && r != ERR_IMAGE_TYPE && r != ERR_IMAGE_ANIMATED)))
        __builtin_trap();
    if (r < 0 || t == PHOTO_HEIC)
        return 0;
    r = photo_probe(file, &lim, &head, &e);
    if (r == 0 && (head.type != t || head.w <= 0 || head.h <= 0 || head.w * head.h > 256 * 256 || head.orientation < 1 || head.orientation > 8))
        __builtin_trap();
    if (r == 0 && photo_decode(file, &lim, &whole, &e) == 0 && photo_finish(&whole, 16, &img, &e) == 0 &&
        (img.channels != 3 || img.w > 16 || img.h > 16))
        __builtin_trap();
    return 0;
}
