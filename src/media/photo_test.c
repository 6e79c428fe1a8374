/*
 * photo_test.c - told by content; upright, sRGB, opaque and without metadata; refused with the right reason.
 */
#include "media/intake.h"

#include <lcms2.h>
#include <math.h>
#include "base/testing.h"
#include "media/fixture.h"

static const struct photo_limits limits = PHOTO_LIMITS_DEFAULT;
static const struct fixture_extras plain = { 0 };

static int sniff(const char *bytes, size_t n) {
    enum photo_type t = PHOTO_JPEG;
    struct err e;
    int r = photo_sniff((struct str){ bytes, n }, &t, &e);
    return r < 0 ? r : (int)t;
}

/* One pixel each: a header with two colours; a picture of its own. */
#define GIF_HEAD    "GIF89a\1\0\1\0\x80\0\0\0\0\0\xff\xff\xff"
#define GIF_PICTURE ",\0\0\0\0\1\0\1\0\0\2\2\x44\1\0"

static void is_told_by_its_content(void **state) {
#define CASE(lit, want) { "" lit, sizeof lit - 1, want }
    static const struct { const char *p; size_t n; int want; } cases[] = {
        CASE("", ERR_IMAGE_EMPTY),
        CASE("\xff\xd8\xff\xe0", PHOTO_JPEG),
        CASE("\xff\xd8", ERR_IMAGE_TYPE),
        CASE("\x89PNG\r\n\x1a\n", PHOTO_PNG),
        CASE("\x89PNG\r\n", ERR_IMAGE_TYPE),
        CASE("RIFF\1\0\0\0WEBPVP8 ", PHOTO_WEBP),
        CASE("RIFF\1\0\0\0WEBPVP8X\x0a\0\0\0\x02", ERR_IMAGE_ANIMATED),
        CASE("RIFF\1\0\0\0AVI ", ERR_IMAGE_TYPE),
        CASE("\0\0\0\x18" "ftypheic\0\0\0\0mif1heic", PHOTO_HEIC),
        CASE("\0\0\0\x18" "ftypmif1\0\0\0\0mif1heic", PHOTO_HEIC),
        CASE("\0\0\0\x18" "ftypmsf1\0\0\0\0msf1hevc", ERR_IMAGE_ANIMATED),
        CASE("\0\0\0\x18" "ftyphevc\0\0\0\0msf1hevc", ERR_IMAGE_ANIMATED),
        CASE("\0\0\0\x14" "ftypheic\0\0\0\0heic\0\0\0\x08" "moov", ERR_IMAGE_ANIMATED),
        CASE("\0\0\0\x1c" "ftypavif\0\0\0\0avifmif1miaf", ERR_IMAGE_TYPE),
        CASE("\0\0\0\x18" "ftypisom\0\0\2\0isommp42", ERR_IMAGE_TYPE),
        CASE("\xff\xff\xff\xff" "ftypisom\0\0\2\0isommp42", ERR_IMAGE_TYPE),
        CASE("\0\0\0\x08" "ftyp", ERR_IMAGE_TYPE),
        CASE("GIF89a\1\0\1\0", ERR_IMAGE_TYPE),
        CASE(GIF_HEAD GIF_PICTURE ";", ERR_IMAGE_TYPE),                                              /* still: no animation, but no photo either */
        CASE(GIF_HEAD "!\xf9\4\0\0\0\0\0" GIF_PICTURE "!\xfe\2hi\0" GIF_PICTURE, ERR_IMAGE_ANIMATED),
        CASE(GIF_HEAD GIF_PICTURE ",\0\0\0\0\1\0\1\0\x87", ERR_IMAGE_TYPE),                       /* cut: what is not there does not count */
        CASE(GIF_HEAD "!\xff\xff", ERR_IMAGE_TYPE),
        CASE("%PDF-1.7\n", ERR_IMAGE_TYPE),
        CASE("<svg xmlns='http://www.w3.org/2000/svg'/>", ERR_IMAGE_TYPE),
        CASE("<!DOCTYPE html><html></html>", ERR_IMAGE_TYPE),
        CASE("#EXTM3U\nfile:///etc/passwd\n", ERR_IMAGE_TYPE),
        CASE("PK\3\4", ERR_IMAGE_TYPE),
        CASE("II*\0", ERR_IMAGE_TYPE),
        CASE("\0\0\0\0\0\0\0\0\0\0\0\0", ERR_IMAGE_TYPE),
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        int got = sniff(cases[i].p, cases[i].n);
        if (got != cases[i].want)
            fail_msg("case %zu: got %d, want %d", i, got, cases[i].want);
    }
}

static void names_what_was_sent_instead(void **state) {
    enum photo_type t;
    struct err e;
    photo_sniff(STR("\xef\xbb\xbf \n <SVG width='1'/>"), &t, &e);
    assert_non_null(strstr(e.text, "an SVG drawing"));
    photo_sniff(STR("%PDF-1.4"), &t, &e);
    assert_non_null(strstr(e.text, "a PDF document"));
    photo_sniff(STR("#extm3u"), &t, &e);
    assert_non_null(strstr(e.text, "a playlist"));
}

/* ---- what comes out ---- */

static const uint8_t *pixel(const struct img8 *img, int x, int y) { return img->px + (size_t)y * img->stride + (size_t)(x * img->channels); }

static void check_near(const uint8_t *got, int r, int g, int b, int tolerance) {
    if (abs(got[0] - r) > tolerance || abs(got[1] - g) > tolerance || abs(got[2] - b) > tolerance)
        fail_msg("pixel is %d %d %d, not %d %d %d +- %d", got[0], got[1], got[2], r, g, b, tolerance);
}

static void check_quarters(const struct img8 *img, int w, int h) {
    assert_int_equal(img->w, w);
    assert_int_equal(img->h, h);
    assert_int_equal(img->channels, 3);
    check_near(pixel(img, w / 4, h / 4), 255, 0, 0, 6);
    check_near(pixel(img, w * 3 / 4, h / 4), 0, 255, 0, 6);
    check_near(pixel(img, w / 4, h * 3 / 4), 0, 0, 255, 6);
    check_near(pixel(img, w * 3 / 4, h * 3 / 4), 255, 255, 255, 6);
}

static bool holds(struct str s, struct str what) { return s.n >= what.n && memmem(s.p, s.n, what.p, what.n) != NULL; }

static void check_bare(const struct intake *in) {
    struct str png = buf_str(&in->png), jpeg = buf_str(&in->thumb.jpeg), photo = buf_str(&in->photo_jpeg);
    static const char *const words[] = { "Exif", "SecretCam", "eXIf", "iCCP", "tEXt", "ICC_PROFILE", "http://ns.adobe.com" };
    for (size_t i = 0; i < COUNT(words); i++)
        assert_false(holds(png, str_z(words[i])) || holds(jpeg, str_z(words[i])) || holds(photo, str_z(words[i])));
    for (size_t at = 8; at < png.n;) {              /* chunks: the header, the picture and the end, nothing else */
        const uint8_t *u = (const uint8_t *)png.p + at;
        assert_true(memcmp(u + 4, "IHDR", 4) == 0 || memcmp(u + 4, "IDAT", 4) == 0 || memcmp(u + 4, "IEND", 4) == 0);
        at += 12 + ((size_t)u[0] << 24 | (size_t)u[1] << 16 | (size_t)u[2] << 8 | u[3]);
    }
}

static void take_in(const struct buf *file, struct intake *ret) {
    const struct intake_rules rules = INTAKE_RULES_DEFAULT;
    struct err e = { 0 };
    if (intake_photo(buf_str(file), &rules, ret, &e) < 0)
        fail_msg("%s: %s", err_reason(e.code)->code, e.text);
}

static int refuse(struct str file, struct err *e) {
    const struct intake_rules rules = INTAKE_RULES_DEFAULT;
    struct intake in;
    int r = intake_photo(file, &rules, &in, e);
    intake_done(&in);
    return r;
}

typedef void (*make)(const struct img8 *img, const struct fixture_extras *x, struct buf *out);

static void check_orientations(make m) {
    PIXELS_CLEANUP struct img8 upright = fixture_quarters(96, 64);
    for (int o = 1; o <= 8; o++) {
        PIXELS_CLEANUP struct img8 stored = fixture_stored(&upright, o);
        BUF_CLEANUP struct buf exif = { 0 }, file = { 0 };
        INTAKE_CLEANUP struct intake in = { 0 };
        buf_init(&exif, 4096);
        fixture_exif(o, o % 2, &exif);
        m(&stored, &(struct fixture_extras){ .exif = buf_str(&exif) }, &file);
        assert_true(holds(buf_str(&file), STR("SecretCam")));
        take_in(&file, &in);
        assert_int_equal(in.orientation, o);
        assert_int_equal(in.width, 96);
        assert_int_equal(in.height, 64);
        check_quarters(&in.photo, 96, 64);
        check_quarters(&in.working, 96, 64);
        check_quarters(&in.thumb.img, 96, 64);
        check_bare(&in);
    }
}

static void jpeg_stands_upright(void **state) { check_orientations(fixture_jpeg); }
static void png_stands_upright(void **state) { check_orientations(fixture_png); }
static void webp_stands_upright(void **state) { check_orientations(fixture_webp); }

static void heic_stands_upright(void **state) {
    static const int turns[] = { 1, 3, 6, 8 };
    PIXELS_CLEANUP struct img8 upright = fixture_quarters(96, 64);
    for (size_t i = 0; i < COUNT(turns); i++) {
        PIXELS_CLEANUP struct img8 stored = fixture_stored(&upright, turns[i]);
        BUF_CLEANUP struct buf exif = { 0 }, file = { 0 };
        INTAKE_CLEANUP struct intake in = { 0 };
        buf_init(&exif, 4096);
        fixture_exif(turns[i], true, &exif);        /* must be ignored: the file's own turn has been applied */
        if (!fixture_heic(&stored, &(struct fixture_extras){ .exif = buf_str(&exif) }, turns[i], &file)) {
            skip();
            return;
        }
        take_in(&file, &in);
        assert_int_equal(in.type, PHOTO_HEIC);
        assert_int_equal(in.width, 96);
        check_quarters(&in.working, 96, 64);
        check_bare(&in);
    }
}

static void senseless_orientations_are_ignored(void **state) {
    static const uint8_t loop[] = "II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\6\0\0\0\x08\0\0\0";      /* IFD1 is IFD0 again */
    BUF_CLEANUP struct buf exif = { 0 };
    buf_init(&exif, 4096);
    fixture_exif(9, false, &exif);
    assert_int_equal(photo_exif_orientation(exif.p, exif.n), 1);
    buf_reset(&exif);
    fixture_exif(6, false, &exif);
    assert_int_equal(photo_exif_orientation(exif.p, exif.n), 6);
    for (size_t n = 0; n < exif.n; n++) {           /* cut short anywhere: an answer, whatever it is, and no crash */
        int o = photo_exif_orientation(exif.p, n);
        assert_in_range(o, 1, 8);
    }
    assert_int_equal(photo_exif_orientation(loop, sizeof loop), 6);
    assert_int_equal(photo_exif_orientation("Exif\0\0garbage", 13), 1);
}

/* ---- colours ---- */

static double from_srgb(double v) { return v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4); }
static double to_srgb(double v) { return v <= 0.0031308 ? 12.92 * v : 1.055 * pow(v, 1 / 2.4) - 0.055; }
static int byte(double v) { return (int)lround(255 * (v < 0 ? 0 : v > 1 ? 1 : v)); }

/* Linear to linear sRGB, both white D65; from the primaries (CSS Color 4, sample code, read 2026-11). */
static const double p3_to_srgb[3][3] = { { 1.2249401763, -0.2249401763, 0 }, { -0.0420569547, 1.0420569547, 0 }, { -0.0196375546, -0.0786360456, 1.0982736001 } };
static const double adobe_to_srgb[3][3] = { { 1.3983557440, -0.3983557440, 0 }, { 0, 1, 0 }, { 0, -0.0429289893, 1.0429289893 } };
static const double p3_primaries[6] = { 0.680, 0.320, 0.265, 0.690, 0.150, 0.060 };
static const double adobe_primaries[6] = { 0.64, 0.33, 0.21, 0.71, 0.15, 0.06 };

static void check_profile(make m, const double primaries[6], double gamma, const double matrix[3][3], int tolerance) {
    static const uint8_t colours[][3] = { { 200, 100, 60 }, { 40, 160, 90 }, { 128, 128, 128 }, { 255, 255, 255 }, { 90, 60, 200 }, { 230, 190, 170 } };
    BUF_CLEANUP struct buf icc = { 0 };
    buf_init(&icc, PHOTO_ICC_MAX);
    fixture_icc(primaries, gamma, &icc);
    for (size_t i = 0; i < COUNT(colours); i++) {
        PIXELS_CLEANUP struct img8 img = fixture_plain(32, 32, 3, colours[i]);
        BUF_CLEANUP struct buf file = { 0 };
        INTAKE_CLEANUP struct intake in = { 0 };
        double lin[3], out[3];
        for (int c = 0; c < 3; c++)
            lin[c] = gamma > 0 ? pow(colours[i][c] / 255.0, gamma) : from_srgb(colours[i][c] / 255.0);
        for (int c = 0; c < 3; c++)
            out[c] = to_srgb(matrix[c][0] * lin[0] + matrix[c][1] * lin[1] + matrix[c][2] * lin[2]);
        m(&img, &(struct fixture_extras){ .icc = buf_str(&icc) }, &file);
        take_in(&file, &in);
        check_near(pixel(&in.working, 16, 16), byte(out[0]), byte(out[1]), byte(out[2]), tolerance);
        check_bare(&in);
    }
}

static void heic_maker(const struct img8 *img, const struct fixture_extras *x, struct buf *out) {
    if (!fixture_heic(img, x, 1, out))
        skip();
}

static void display_p3_becomes_srgb(void **state) {
    check_profile(fixture_png, p3_primaries, 0, p3_to_srgb, 2);
    check_profile(fixture_webp, p3_primaries, 0, p3_to_srgb, 2);
    check_profile(fixture_jpeg, p3_primaries, 0, p3_to_srgb, 4);
}
static void display_p3_heic_becomes_srgb(void **state) { check_profile(heic_maker, p3_primaries, 0, p3_to_srgb, 7); }
static void adobe_rgb_becomes_srgb(void **state) {
    check_profile(fixture_png, adobe_primaries, 563 / 256.0, adobe_to_srgb, 2);
    check_profile(fixture_jpeg, adobe_primaries, 563 / 256.0, adobe_to_srgb, 4);
}

static void damaged_profile_is_taken_for_srgb(void **state) {
    static const uint8_t colour[] = { 200, 100, 60 };
    BUF_CLEANUP struct buf icc = { 0 }, file = { 0 };
    INTAKE_CLEANUP struct intake in = { 0 };
    PIXELS_CLEANUP struct img8 img = fixture_plain(32, 32, 3, colour);
    buf_init(&icc, PHOTO_ICC_MAX);
    fixture_icc(p3_primaries, 0, &icc);
    memset(icc.p + 128, 0xff, icc.n - 128);
    fixture_jpeg(&img, &(struct fixture_extras){ .icc = buf_str(&icc) }, &file);
    take_in(&file, &in);
    check_near(pixel(&in.working, 16, 16), 200, 100, 60, 3);
}

static void alpha_goes_onto_white(void **state) {
    static const uint8_t half_red[] = { 255, 0, 0, 128 }, gone[] = { 9, 9, 9, 0 };
    static const make makers[] = { fixture_png, fixture_webp };
    for (size_t i = 0; i < COUNT(makers); i++) {
        PIXELS_CLEANUP struct img8 a = fixture_plain(32, 32, 4, half_red), b = fixture_plain(32, 32, 4, gone);
        BUF_CLEANUP struct buf fa = { 0 }, fb = { 0 };
        INTAKE_CLEANUP struct intake ia = { 0 }, ib = { 0 };
        makers[i](&a, &plain, &fa);
        makers[i](&b, &plain, &fb);
        take_in(&fa, &ia);
        take_in(&fb, &ib);
        check_near(pixel(&ia.working, 5, 5), 255, 127, 127, 1);
        check_near(pixel(&ib.working, 5, 5), 255, 255, 255, 0);
    }
}

static void printers_inks_become_colours(void **state) {
    static const uint8_t cyan[] = { 0, 255, 255, 255 }, grey[] = { 255, 255, 255, 100 };   /* Adobe: 255 = no ink */
    PIXELS_CLEANUP struct img8 a = fixture_plain(32, 32, 4, cyan), b = fixture_plain(32, 32, 4, grey);
    BUF_CLEANUP struct buf fa = { 0 }, fb = { 0 };
    INTAKE_CLEANUP struct intake ia = { 0 }, ib = { 0 };
    fixture_jpeg(&a, &(struct fixture_extras){ .cmyk = true }, &fa);
    fixture_jpeg(&b, &(struct fixture_extras){ .cmyk = true }, &fb);
    take_in(&fa, &ia);
    take_in(&fb, &ib);
    check_near(pixel(&ia.working, 5, 5), 0, 255, 255, 4);
    check_near(pixel(&ib.working, 5, 5), 100, 100, 100, 4);
}

/* ---- sizes ---- */

static void working_copy_fits_its_bytes(void **state) {
    PIXELS_CLEANUP struct img8 img = fixture_noise(2200, 1600);
    BUF_CLEANUP struct buf file = { 0 };
    INTAKE_CLEANUP struct intake in = { 0 };
    struct photo again;
    struct err e;
    fixture_jpeg(&img, &plain, &file);
    take_in(&file, &in);
    assert_int_equal(in.width, 2200);
    assert_int_equal(in.height, 1600);
    assert_in_range(in.png.n, 1200000, 2000000);    /* full use of what is allowed, within what a guess can do */
    assert_true(fabs((double)in.working.w / in.working.h - 2200.0 / 1600) < 0.01);
    assert_int_equal(in.thumb.img.w, 360);
    assert_int_equal(in.thumb.img.h, 262);
    assert_int_equal(photo_decode(buf_str(&in.png), &limits, &again, &e), 0);     /* what was written is what is said */
    assert_int_equal(again.w, in.working.w);
    assert_memory_equal(again.img.px, in.working.px, in.working.stride * (size_t)in.working.h);
    photo_done(&again);
}

/* What is kept of a file is bounded, too, whatever was in it; what engines look at stays whole. */
static void the_photo_is_bounded(void **state) {
    PIXELS_CLEANUP struct img8 wide = fixture_noise(4500, 300), img = fixture_noise(1200, 800);
    BUF_CLEANUP struct buf wide_file = { 0 }, file = { 0 };
    INTAKE_CLEANUP struct intake a = { 0 }, b = { 0 }, c = { 0 };
    struct intake_rules rules = INTAKE_RULES_DEFAULT;
    struct err e;
    fixture_jpeg(&wide, &plain, &wide_file);
    take_in(&wide_file, &a);
    assert_int_equal(a.width, 4500);
    assert_int_equal(a.photo.w, 4096);
    fixture_jpeg(&img, &plain, &file);
    take_in(&file, &b);
    assert_int_equal(b.photo.w, 1200);
    rules.photo_bytes_max = (int64_t)b.photo_jpeg.n - 1;
    assert_int_equal(intake_photo(buf_str(&file), &rules, &c, &e), 0);            /* a little over: fewer bits, no fewer pixels */
    assert_in_range(c.photo_jpeg.n, 1, (size_t)rules.photo_bytes_max);
    assert_int_equal(c.photo.w, 1200);
    intake_done(&c);
    rules.photo_bytes_max = 65536;
    assert_int_equal(intake_photo(buf_str(&file), &rules, &c, &e), 0);
    assert_in_range(c.photo_jpeg.n, 1, 65536);
    assert_in_range(c.photo.w, 75, 300);
}

static void small_photos_stay_as_they_are(void **state) {
    PIXELS_CLEANUP struct img8 img = fixture_noise(37, 21);
    BUF_CLEANUP struct buf file = { 0 };
    INTAKE_CLEANUP struct intake in = { 0 };
    fixture_png(&img, &plain, &file);
    take_in(&file, &in);
    assert_int_equal(in.working.w, 37);
    assert_memory_equal(in.working.px, img.px, img.stride * 21);
}

static void shrinking_keeps_flat_colours_and_means(void **state) {
    static const uint8_t colour[] = { 13, 200, 77 };
    PIXELS_CLEANUP struct img8 flat = fixture_plain(701, 503, 3, colour), noise = fixture_noise(900, 700), a = { 0 }, b = { 0 };
    struct err e;
    assert_int_equal(pixels_shrink(&flat, 100, 71, &a, &e), 0);
    for (int i = 0; i < 100 * 71; i++)
        check_near(a.px + 3 * i, 13, 200, 77, 0);
    assert_int_equal(pixels_shrink(&noise, 9, 7, &b, &e), 0);
    for (int i = 0; i < 9 * 7; i++)
        check_near(b.px + 3 * i, 127, 127, 127, 8);
}

static void shrinking_is_exact(void **state) {
    static const int to[] = { 1, 2, 7, 90, 128, 359, 360, 511 };
    struct err e;
    PIXELS_CLEANUP struct img8 ramp = fixture_noise(512, 40);
    for (int y = 0; y < 40; y++) {
        for (int x = 0; x < 512; x++) {             /* up, down, flat */
            uint8_t *p = ramp.px + (size_t)y * ramp.stride + 3 * (size_t)x;
            p[0] = (uint8_t)(x / 2);
            p[1] = (uint8_t)(255 - x / 2);
            p[2] = 255;
        }
    }
    for (size_t i = 0; i < COUNT(to); i++) {
        PIXELS_CLEANUP struct img8 small = { 0 };
        double scale = 512.0 / to[i];
        assert_int_equal(pixels_shrink(&ramp, to[i], 20, &small, &e), 0);
        for (int x = 0; x < to[i]; x++) {
            double centre = ((x + 0.5) * scale - 0.5) / 2 - 0.25;       /* the ramp's steps are two wide */
            if (x * scale < 3 * scale || (to[i] - 1 - x) < 3)           /* the filter's reach: beyond the edge there is nothing to weigh */
                continue;
            check_near(pixel(&small, x, 10), (int)lround(centre), (int)lround(255 - centre), 255, 1);
        }
    }
    for (int v = 0; v < 256; v++) {                 /* widths that are no multiple of any loop's step */
        const uint8_t colour[] = { (uint8_t)v, (uint8_t)(255 - v), (uint8_t)(v ^ 0x55) };
        PIXELS_CLEANUP struct img8 flat = fixture_plain(67 + v % 5, 61, 3, colour), small = { 0 };
        assert_int_equal(pixels_shrink(&flat, 31, 1 + v % 61, &small, &e), 0);
        for (int k = 0; k < small.w * small.h; k++)
            check_near(small.px + 3 * k, colour[0], colour[1], colour[2], 0);
    }
}

/* What is mirrored stays so: no place of the filter leans to one side. */
static void shrinking_keeps_symmetry(void **state) {
    PIXELS_CLEANUP struct img8 img = fixture_noise(333, 221), mirrored = { 0 }, a = { 0 }, b = { 0 };
    struct err e;
    assert_int_equal(pixels_upright(&img, 3, &mirrored, &e), 0);
    assert_int_equal(pixels_shrink(&img, 101, 67, &a, &e), 0);
    assert_int_equal(pixels_shrink(&mirrored, 101, 67, &b, &e), 0);
    for (int y = 0; y < 67; y++) {
        for (int x = 0; x < 101; x++) {
            const uint8_t *p = pixel(&a, x, y);
            check_near(pixel(&b, 100 - x, 66 - y), p[0], p[1], p[2], 1);
        }
    }
}

/* The cosine transform leaves twice the size that is wanted, and as little more as it can. */
static void thumbnails_are_decoded_at_twice_their_size(void **state) {
    static const struct { int w, h, side_px, want; } cases[] = {
        { 1600, 1200, 400, 400 }, { 1600, 1200, 401, 800 }, { 1600, 1200, 800, 800 }, { 1600, 1200, 801, 1600 }, { 1600, 1200, 100, 200 },
        { 1200, 1600, 400, 300 }, { 1601, 1203, 400, 401 }, { 1600, 4, 200, 200 }, { 300, 200, 720, 300 }, { 1600, 1200, 0, 1600 },
    };
    static const uint8_t colour[] = { 90, 140, 200 };
    for (size_t i = 0; i < COUNT(cases); i++) {
        PIXELS_CLEANUP struct img8 img = fixture_plain(cases[i].w, cases[i].h, 3, colour);
        BUF_CLEANUP struct buf file = { 0 };
        PHOTO_CLEANUP struct photo p = { 0 };
        struct photo_limits lim = limits;
        struct err e;
        lim.side_px = cases[i].side_px;
        fixture_jpeg(&img, &plain, &file);
        assert_int_equal(photo_decode(buf_str(&file), &lim, &p, &e), 0);
        if (p.img.w != cases[i].want)
            fail_msg("case %zu: decoded %d wide, not %d", i, p.img.w, cases[i].want);
    }
    /* Noise is the worst picture for a crude filter: what folds into the thumbnail cannot be told from what belongs there. */
    PIXELS_CLEANUP struct img8 noise = fixture_noise(1600, 1200), whole = { 0 };
    BUF_CLEANUP struct buf file = { 0 };
    PHOTO_CLEANUP struct photo p = { 0 }, facts = { 0 };
    THUMB_CLEANUP struct thumb t = { 0 };
    struct err e;
    fixture_jpeg(&noise, &plain, &file);
    assert_int_equal(photo_decode(buf_str(&file), &limits, &p, &e), 0);
    assert_int_equal(pixels_shrink(&p.img, 200, 150, &whole, &e), 0);
    assert_int_equal(thumb_photo(buf_str(&file), &limits, 200, &facts, &t, &e), 0);
    int64_t off = 0;
    for (int k = 0; k < 200 * 150 * 3; k++)
        off += (whole.px[k] - t.img.px[k]) * (whole.px[k] - t.img.px[k]);
    assert_true(off < 12 * 200 * 150 * 3);          /* mean square; 8 at twice the size, 26 when the transform goes all the way */
}

typedef void (*thumb_maker)(const struct img8 *img, const struct fixture_extras *x, struct buf *out);

static void thumbnails_have_the_size_of_intakes(void **state) {
    static const struct { int w, h, want_w, want_h; } cases[] = {
        { 1, 1, 1, 1 }, { 8000, 20, 360, 1 }, { 20, 8000, 1, 360 }, { 1500, 727, 360, 174 }, { 2500, 1545, 360, 222 }, { 361, 360, 360, 359 }, { 96, 64, 96, 64 }, { 4001, 1999, 360, 180 },
    };
    static const uint8_t colour[] = { 90, 140, 200 };
    for (size_t i = 0; i < COUNT(cases); i++) {
        PIXELS_CLEANUP struct img8 img = fixture_plain(cases[i].w, cases[i].h, 3, colour);
        BUF_CLEANUP struct buf file = { 0 };
        INTAKE_CLEANUP struct intake in = { 0 };
        PHOTO_CLEANUP struct photo p = { 0 };
        THUMB_CLEANUP struct thumb t = { 0 };
        struct err e;
        fixture_jpeg(&img, &plain, &file);
        take_in(&file, &in);
        assert_int_equal(thumb_photo(buf_str(&file), &limits, 360, &p, &t, &e), 0);
        assert_int_equal(p.w, cases[i].w);
        assert_int_equal(t.img.w, cases[i].want_w);
        assert_int_equal(t.img.h, cases[i].want_h);
        assert_int_equal(in.thumb.img.w, cases[i].want_w);
        assert_int_equal(in.thumb.img.h, cases[i].want_h);
        for (int k = 0; k < t.img.w * t.img.h; k++)
            check_near(t.img.px + 3 * k, 90, 140, 200, 2);
    }
}

static void thumbnails_stand_upright(void **state) {
    static const thumb_maker makers[] = { fixture_jpeg, fixture_png, fixture_webp };
    PIXELS_CLEANUP struct img8 upright = fixture_quarters(1920, 1280);
    for (int o = 1; o <= 8; o++) {
        PIXELS_CLEANUP struct img8 stored = fixture_stored(&upright, o);
        for (size_t i = 0; i < COUNT(makers); i++) {
            BUF_CLEANUP struct buf exif = { 0 }, file = { 0 };
            PHOTO_CLEANUP struct photo p = { 0 };
            THUMB_CLEANUP struct thumb t = { 0 };
            struct err e;
            buf_init(&exif, 4096);
            fixture_exif(o, o % 2, &exif);
            if (i != 0 && o != 6)                   /* the others turn by the same code; once is enough for the slow ones */
                continue;
            makers[i](&stored, &(struct fixture_extras){ .exif = buf_str(&exif) }, &file);
            assert_int_equal(thumb_photo(buf_str(&file), &limits, 96, &p, &t, &e), 0);
            assert_int_equal(photo_upright_w(&p), 1920);
            check_quarters(&t.img, 96, 64);
            assert_false(holds(buf_str(&t.jpeg), STR("Exif")) || holds(buf_str(&t.jpeg), STR("SecretCam")));
        }
    }
}

static void one_pixel_wide_is_fine(void **state) {
    PIXELS_CLEANUP struct img8 img = fixture_noise(3000, 1);
    BUF_CLEANUP struct buf file = { 0 };
    INTAKE_CLEANUP struct intake in = { 0 };
    fixture_png(&img, &plain, &file);
    take_in(&file, &in);
    assert_int_equal(in.working.w, 2048);
    assert_int_equal(in.working.h, 1);
    assert_int_equal(in.thumb.img.w, 360);
}

/* ---- refusals ---- */

static void check_broken_when_cut(make m) {
    PIXELS_CLEANUP struct img8 img = fixture_noise(64, 64);
    BUF_CLEANUP struct buf file = { 0 };
    struct err e;
    m(&img, &plain, &file);
    for (size_t part = 1; part < 8; part++) {
        struct str cut = { file.p, file.n * part / 8 };
        assert_int_equal(refuse(cut, &e), ERR_IMAGE_BROKEN);
    }
}

static void truncated_files_are_broken(void **state) {
    check_broken_when_cut(fixture_jpeg);
    check_broken_when_cut(fixture_png);
    check_broken_when_cut(fixture_webp);
}

static void truncated_heic_is_broken(void **state) { check_broken_when_cut(heic_maker); }

static void progressive_jpeg_works_and_breaks_alike(void **state) {
    PIXELS_CLEANUP struct img8 img = fixture_quarters(96, 64);
    BUF_CLEANUP struct buf file = { 0 };
    INTAKE_CLEANUP struct intake in = { 0 };
    struct err e;
    fixture_jpeg(&img, &(struct fixture_extras){ .progressive = true }, &file);
    take_in(&file, &in);
    check_quarters(&in.working, 96, 64);
    assert_int_equal(refuse((struct str){ file.p, file.n / 2 }, &e), ERR_IMAGE_BROKEN);
}

static void animations_are_refused(void **state) {
    PIXELS_CLEANUP struct img8 img = fixture_quarters(16, 16);
    BUF_CLEANUP struct buf png = { 0 }, webp = { 0 };
    struct err e;
    fixture_png(&img, &(struct fixture_extras){ .animated = true }, &png);
    fixture_webp(&img, &(struct fixture_extras){ .animated = true }, &webp);
    assert_int_equal(refuse(buf_str(&png), &e), ERR_IMAGE_ANIMATED);
    assert_int_equal(refuse(buf_str(&webp), &e), ERR_IMAGE_ANIMATED);
}

static void bombs_are_refused_by_their_header(void **state) {
    static const struct { uint32_t w, h; int want; } cases[] = {
        { 30000, 30000, ERR_IMAGE_TOO_LARGE }, { 16384, 16384, ERR_IMAGE_TOO_LARGE }, { 16385, 1, ERR_IMAGE_TOO_LARGE },
        { 8000, 7000, ERR_IMAGE_TOO_LARGE }, { 0, 16, ERR_IMAGE_BROKEN }, { 0x7fffffff, 0x7fffffff, ERR_IMAGE_TOO_LARGE }, { 64, 64, ERR_IMAGE_BROKEN },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        BUF_CLEANUP struct buf file = { 0 };
        struct err e;
        fixture_bomb(cases[i].w, cases[i].h, &file);
        int got = refuse(buf_str(&file), &e);
        if (got != cases[i].want)
            fail_msg("%u x %u: %s: %s", cases[i].w, cases[i].h, err_reason(got)->code, e.text);
    }
}

/* The chunk says 1.7 GB, the file has 100 bytes: found by fuzzing. */
static void a_chunk_cannot_ask_for_more_than_the_file_has(void **state) {
    PIXELS_CLEANUP struct img8 img = fixture_quarters(8, 8);
    BUF_CLEANUP struct buf file = { 0 };
    struct err e;
    fixture_png(&img, &plain, &file);
    memcpy(file.p + 33, "ftyp", 4);                 /* the length of the chunk behind the header: a text */
    assert_memory_equal(file.p + 37, "tEXt", 4);
    check_err(refuse(buf_str(&file), &e), ERR_IMAGE_BROKEN, &e, "ends too early");
}

static void too_many_bytes_are_refused(void **state) {
    PIXELS_CLEANUP struct img8 img = fixture_noise(64, 64);
    BUF_CLEANUP struct buf file = { 0 };
    struct photo p;
    struct err e;
    fixture_png(&img, &plain, &file);
    struct photo_limits lim = { (int64_t)file.n - 1, 1000000, 0 };
    assert_int_equal(photo_probe(buf_str(&file), &lim, &p, &e), ERR_IMAGE_TOO_LARGE);
}

/* What stands behind a whole JPEG is dropped with the original: nothing of it may come out. */
static void polyglots_lose_their_tail(void **state) {
    PIXELS_CLEANUP struct img8 img = fixture_quarters(96, 64);
    BUF_CLEANUP struct buf file = { 0 };
    INTAKE_CLEANUP struct intake in = { 0 };
    fixture_jpeg(&img, &plain, &file);
    buf_add_z(&file, "<html><script>alert('tail')</script>PK\3\4");
    take_in(&file, &in);
    check_quarters(&in.working, 96, 64);
    assert_false(holds(buf_str(&in.png), STR("alert(")) || holds(buf_str(&in.thumb.jpeg), STR("alert(")));
}

static void a_probe_decodes_nothing(void **state) {
    PIXELS_CLEANUP struct img8 img = fixture_noise(96, 64);
    BUF_CLEANUP struct buf exif = { 0 }, file = { 0 };
    struct photo p;
    struct err e;
    buf_init(&exif, 4096);
    fixture_exif(6, true, &exif);
    fixture_jpeg(&img, &(struct fixture_extras){ .exif = buf_str(&exif) }, &file);
    assert_int_equal(photo_probe((struct str){ file.p, file.n * 2 / 3 }, &limits, &p, &e), 0);
    assert_null(p.img.px);
    assert_int_equal(photo_upright_w(&p), 64);
    assert_int_equal(photo_upright_h(&p), 96);
    photo_done(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_told_by_its_content), cmocka_unit_test(names_what_was_sent_instead), cmocka_unit_test(jpeg_stands_upright),
        cmocka_unit_test(png_stands_upright), cmocka_unit_test(webp_stands_upright), cmocka_unit_test(heic_stands_upright),
        cmocka_unit_test(senseless_orientations_are_ignored), cmocka_unit_test(display_p3_becomes_srgb),
        cmocka_unit_test(display_p3_heic_becomes_srgb), cmocka_unit_test(adobe_rgb_becomes_srgb),
        cmocka_unit_test(damaged_profile_is_taken_for_srgb), cmocka_unit_test(alpha_goes_onto_white),
        cmocka_unit_test(printers_inks_become_colours), cmocka_unit_test(working_copy_fits_its_bytes), cmocka_unit_test(the_photo_is_bounded),
        cmocka_unit_test(small_photos_stay_as_they_are), cmocka_unit_test(shrinking_keeps_flat_colours_and_means),
        cmocka_unit_test(shrinking_is_exact), cmocka_unit_test(shrinking_keeps_symmetry), cmocka_unit_test(thumbnails_are_decoded_at_twice_their_size),
        cmocka_unit_test(thumbnails_have_the_size_of_intakes), cmocka_unit_test(thumbnails_stand_upright),
        cmocka_unit_test(one_pixel_wide_is_fine), cmocka_unit_test(truncated_files_are_broken),
        cmocka_unit_test(truncated_heic_is_broken), cmocka_unit_test(progressive_jpeg_works_and_breaks_alike),
        cmocka_unit_test(animations_are_refused), cmocka_unit_test(bombs_are_refused_by_their_header),
        cmocka_unit_test(a_chunk_cannot_ask_for_more_than_the_file_has), cmocka_unit_test(too_many_bytes_are_refused), cmocka_unit_test(polyglots_lose_their_tail), cmocka_unit_test(a_probe_decodes_nothing),
    };
    return RUN(tests);
}
