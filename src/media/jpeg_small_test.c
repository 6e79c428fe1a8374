/* jpeg_small_test.c - thumbnails by the short way are those of the long way, and whatever is broken is left to libjpeg. */
#include "media/jpeg_small.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/testing.h"
#include "media/fixture.h"
#include "media/photo.h"
#include "media/pixels.h"

struct kind {
    int w, h, channels, luma_h, luma_v, quality, restart;
    bool optimize, progressive;
};

/* Soft forms in all colours, and the grain of a sensor. */
static struct img8 scene(int w, int h, int channels) {
    struct img8 img = fixture_noise(w, h), out;
    struct err e;
    assert_int_equal(pixels_new(w, h, channels, &out, &e), 0);
    for (int y = 0; y < h; y++) {
        for (int x = 0; x < w; x++) {
            const uint8_t *grain = img.px + (size_t)y * img.stride + 3 * (size_t)x;
            for (int c = 0; c < channels; c++) {
                double v = 128 + 100 * sin(x * (0.011 + 0.004 * c) + c) * cos(y * (0.017 - 0.003 * c)) + (grain[c] - 128) / 16.0;
                out.px[(size_t)y * out.stride + (size_t)(x * channels + c)] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
            }
        }
    }
    pixels_done(&img);
    return out;
}

static void make(const struct kind *k, struct buf *out) {
    PIXELS_CLEANUP struct img8 img = scene(k->w, k->h, k->channels);
    struct jpeg_compress_struct c;
    struct jpeg_error_mgr errors;
    unsigned char *bytes = NULL;
    unsigned long n = 0;
    c.err = jpeg_std_error(&errors);
    jpeg_create_compress(&c);
    jpeg_mem_dest(&c, &bytes, &n);
    c.image_width = (JDIMENSION)k->w;
    c.image_height = (JDIMENSION)k->h;
    c.input_components = k->channels;
    c.in_color_space = k->channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(&c);
    jpeg_set_quality(&c, k->quality, TRUE);
    c.comp_info[0].h_samp_factor = k->luma_h;
    c.comp_info[0].v_samp_factor = k->luma_v;
    c.restart_interval = (unsigned)k->restart;
    c.optimize_coding = k->optimize;
    if (k->progressive)
        jpeg_simple_progression(&c);
    jpeg_start_compress(&c, TRUE);
    while (c.next_scanline < c.image_height) {
        JSAMPROW row = img.px + (size_t)c.next_scanline * img.stride;
        jpeg_write_scanlines(&c, &row, 1);
    }
    jpeg_finish_compress(&c);
    jpeg_destroy_compress(&c);
    buf_init(out, n + 1);
    buf_add(out, bytes, n);
    free(bytes);
}

/* What jpeg_small() says of a file. */
static int ask(struct str file, int side_px, struct img8 *ret) {
    struct jpeg_decompress_struct d;
    struct jpeg_error_mgr errors;
    struct err e;
    d.err = jpeg_std_error(&errors);
    jpeg_create_decompress(&d);
    jpeg_mem_src(&d, (const unsigned char *)file.p, file.n);
    assert_int_equal(jpeg_read_header(&d, TRUE), JPEG_HEADER_OK);
    int r = jpeg_small(&d, side_px, ret, &e);
    jpeg_destroy_decompress(&d);
    return r;
}

static const struct photo_limits limits = PHOTO_LIMITS_DEFAULT;

static const struct kind kinds[] = {
    { 1600, 1200, 3, 2, 2, 92, 0, false, false },  { 1600, 1200, 3, 1, 1, 92, 0, true, false }, { 1601, 1203, 3, 2, 1, 75, 7, true, false },
    { 1203, 1601, 3, 1, 2, 100, 1, false, false }, { 1607, 11, 3, 2, 2, 90, 0, true, false },   { 1600, 1200, 1, 1, 1, 90, 5, true, false },
    { 1603, 1201, 1, 2, 2, 98, 0, true, false },   { 3301, 2203, 3, 2, 2, 85, 3, true, false }, { 1601, 1, 3, 2, 2, 90, 0, false, false },
};

/* Beside the whole picture, shrunk by the same filter. */
static double mean_square(const struct img8 *a, const struct img8 *b) {
    double off = 0;
    size_t n = a->stride * (size_t)a->h;
    for (size_t k = 0; k < n; k++)
        off += (a->px[k] - b->px[k]) * (a->px[k] - b->px[k]);
    return off / (double)n;
}

static void are_those_of_the_whole_picture(void **state) {
    for (size_t i = 0; i < COUNT(kinds); i++) {
        BUF_CLEANUP struct buf file = { 0 };
        PHOTO_CLEANUP struct photo p = { 0 };
        PIXELS_CLEANUP struct img8 small = { 0 }, want = { 0 };
        struct err e;
        make(&kinds[i], &file);
        assert_int_equal(ask(buf_str(&file), 200, &small), 1);
        assert_int_equal(photo_decode(buf_str(&file), &limits, &p, &e), 0);
        assert_int_equal(photo_finish(&p, 200, &want, &e), 0);
        assert_int_equal(small.channels, 3);
        if (small.w != want.w || small.h != want.h)
            fail_msg("kind %zu: %d x %d, not %d x %d", i, small.w, small.h, want.w, want.h);
        if (mean_square(&want, &small) > 1.5)       /* libjpeg's own way has up to 6: it rounds sides up to whole pixels of a half and an eighth */
            fail_msg("kind %zu: mean square %.2f", i, mean_square(&want, &small));
    }
}

static void others_are_left_to_libjpeg(void **state) {
    static const struct kind small = { 1599, 1200, 3, 2, 2, 90, 0, true, false }, progressive = { 1600, 1200, 3, 2, 2, 90, 0, true, true },
                             thirds = { 1600, 1200, 3, 3, 1, 90, 0, true, false };
    const struct kind *const all[] = { &small, &progressive, &thirds };
    for (size_t i = 0; i < COUNT(all); i++) {
        BUF_CLEANUP struct buf file = { 0 };
        struct img8 none;
        make(all[i], &file);
        if (ask(buf_str(&file), 200, &none) != 0)
            fail_msg("kind %zu was taken", i);
    }
}

/* The same verdict with and without the short way, wherever the file is cut or changed. */
static void broken_files_are_told_alike(void **state) {
    unsigned dice = 1;
    for (size_t i = 0; i < COUNT(kinds); i++) {
        BUF_CLEANUP struct buf file = { 0 };
        int taken = 0;
        make(&kinds[i], &file);
        for (int n = 0; n < 60; n++) {
            BUF_CLEANUP struct buf copy = { 0 };
            dice = dice * 1664525 + 1013904223;
            size_t at = (size_t)(((uint64_t)dice * file.n) >> 32);
            buf_init(&copy, file.n + 1);
            buf_add(&copy, file.p, n % 3 == 0 ? at : file.n);
            if (n % 3 == 1)
                copy.p[at] ^= (char)(1 << (dice >> 8 & 7));
            if (n % 3 == 2)
                copy.p[at] = (char)0xff;
            PHOTO_CLEANUP struct photo fast = { 0 }, slow = { 0 };
            struct photo_limits lim = limits;
            struct err e;
            lim.side_px = 400;
            int want = photo_decode(buf_str(&copy), &lim, &slow, &e);
            lim.fit_px = 200;
            int r = photo_decode(buf_str(&copy), &lim, &fast, &e);
            if (r != want)
                fail_msg("kind %zu, change %d at %zu: %d, not %d", i, n, at, r, want);
            taken += r == 0 && fast.img.w <= 200 && fast.img.h <= 200;
        }
        assert_in_range(taken, 1, 59);              /* else nothing was compared */
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(are_those_of_the_whole_picture),
        cmocka_unit_test(others_are_left_to_libjpeg),
        cmocka_unit_test(broken_files_are_told_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
