/*
 * fixture.c - small pictures for the tests.
 */
#include "media/fixture.h"

#include <assert.h>
#include <lcms2.h>
#include <libheif/heif.h>
#include <png.h>
#include <stdio.h>
#include <string.h>
#include <jpeglib.h>
#include <webp/encode.h>
#include "media/pixels.h"

#define FILE_MAX (64 * 1024 * 1024)

/* Asked by LeakSanitizer: the encoder behind fixture_heic() forgets some of its memory. */
const char *fixture_leaks(void) __asm__("__lsan_default_suppressions");
const char *fixture_leaks(void) { return "leak:libx265"; }

/* ---- pixels ---- */

static struct img8 blank(int w, int h, int channels) {
    struct img8 img;
    struct err e;
    int r = pixels_new(w, h, channels, &img, &e);
    assert(r == 0);
    return img;
}

struct img8 fixture_plain(int w, int h, int channels, const uint8_t *colour) {
    struct img8 img = blank(w, h, channels);
    for (int i = 0; i < w * h; i++)
        memcpy(img.px + i * channels, colour, (size_t)channels);
    return img;
}

struct img8 fixture_quarters(int w, int h) {
    static const uint8_t colours[4][3] = { { 255, 0, 0 }, { 0, 255, 0 }, { 0, 0, 255 }, { 255, 255, 255 } };
    struct img8 img = blank(w, h, 3);
    for (int y = 0; y < h; y++) {
        for (int x = 0; x < w; x++)
            memcpy(img.px + 3 * (y * w + x), colours[2 * (y >= h / 2) + (x >= w / 2)], 3);
    }
    return img;
}

struct img8 fixture_noise(int w, int h) {
    struct img8 img = blank(w, h, 3);
    uint32_t s = 2463534242u;                       /* Marsaglia's xorshift */
    for (size_t i = 0; i < img.stride * (size_t)h; i++) {
        s ^= s << 13;
        s ^= s >> 17;
        s ^= s << 5;
        img.px[i] = (uint8_t)(s >> 16);
    }
    return img;
}

/* TIFF 6.0, Orientation: "the 0th row represents the visual <a> of the image, the 0th column the visual <b>". */
struct img8 fixture_stored(const struct img8 *up, int orientation) {
    static const struct { char row0, column0; } sides[9] = {
        [1] = { 't', 'l' }, [2] = { 't', 'r' }, [3] = { 'b', 'r' }, [4] = { 'b', 'l' },
        [5] = { 'l', 't' }, [6] = { 'r', 't' }, [7] = { 'r', 'b' }, [8] = { 'l', 'b' },
    };
    char row0 = sides[orientation].row0, column0 = sides[orientation].column0;
    bool turned = orientation >= 5;
    struct img8 img = blank(turned ? up->h : up->w, turned ? up->w : up->h, 3);
    for (int r = 0; r < img.h; r++) {
        for (int c = 0; c < img.w; c++) {
            int x = row0 == 'l' ? r : row0 == 'r' ? up->w - 1 - r : column0 == 'l' ? c : up->w - 1 - c;
            int y = row0 == 't' ? r : row0 == 'b' ? up->h - 1 - r : column0 == 't' ? c : up->h - 1 - c;
            memcpy(img.px + 3 * (r * img.w + c), up->px + 3 * (y * up->w + x), 3);
        }
    }
    return img;
}

/* ---- metadata ---- */

static void put(struct buf *b, bool big, uint32_t v, int bytes) {
    for (int i = 0; i < bytes; i++)
        buf_add_c(b, (char)(v >> 8 * (big ? bytes - 1 - i : i)));
}

static void ifd_entry(struct buf *b, bool big, unsigned tag, unsigned type, uint32_t count, uint32_t value) {
    put(b, big, tag, 2);
    put(b, big, type, 2);
    put(b, big, count, 4);
    if (type == 3) {                                /* SHORT: left in its field */
        put(b, big, value, 2);
        put(b, big, 0, 2);
    } else {
        put(b, big, value, 4);
    }
}

void fixture_exif(int orientation, bool big, struct buf *out) {
    BUF_CLEANUP struct buf b = { 0 };
    buf_init(&b, 4096);
    buf_add_z(&b, big ? "MM" : "II");
    put(&b, big, 42, 2);
    put(&b, big, 8, 4);
    put(&b, big, 3, 2);                             /* IFD0 at 8: three entries, ends at 50 */
    ifd_entry(&b, big, 0x010f, 2, 12, 50);          /* Make, at 50 */
    ifd_entry(&b, big, 0x0112, 3, 1, (uint32_t)orientation);
    ifd_entry(&b, big, 0x8825, 4, 1, 62);           /* GPS IFD, at 62 */
    put(&b, big, 0, 4);
    buf_add(&b, "SecretCam\0\0\0", 12);
    put(&b, big, 2, 2);
    ifd_entry(&b, big, 1, 2, 2, big ? 'N' << 24 : 'N');
    ifd_entry(&b, big, 2, 5, 3, 92);                /* latitude: three rationals, at 92 */
    put(&b, big, 0, 4);
    for (uint32_t i = 0; i < 3; i++) {
        put(&b, big, 31 + i, 4);
        put(&b, big, 1, 4);
    }
    buf_add_str(out, buf_str(&b));
}

void fixture_icc(const double p[6], double gamma, struct buf *out) {
    static const double srgb[] = { 2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045 };
    cmsCIExyY white = { 0.3127, 0.3290, 1 };
    cmsCIExyYTRIPLE t = { { p[0], p[1], 1 }, { p[2], p[3], 1 }, { p[4], p[5], 1 } };
    cmsToneCurve *c = gamma > 0 ? cmsBuildGamma(NULL, gamma) : cmsBuildParametricToneCurve(NULL, 4, srgb);
    cmsToneCurve *three[3] = { c, c, c };
    cmsHPROFILE profile = cmsCreateRGBProfile(&white, &t, three);
    cmsUInt32Number n = 0;
    assert(profile && cmsSaveProfileToMem(profile, NULL, &n));
    char *room = buf_reserve(out, n);
    assert(room && cmsSaveProfileToMem(profile, room, &n));
    buf_commit(out, n);
    cmsCloseProfile(profile);
    cmsFreeToneCurve(c);
}

/* ---- files ---- */

void fixture_jpeg(const struct img8 *img, const struct fixture_extras *x, struct buf *out) {
    struct jpeg_compress_struct c;
    struct jpeg_error_mgr errors;
    unsigned char *bytes = NULL;
    unsigned long n = 0;
    buf_init(out, FILE_MAX);
    c.err = jpeg_std_error(&errors);
    jpeg_create_compress(&c);
    jpeg_mem_dest(&c, &bytes, &n);
    c.image_width = (JDIMENSION)img->w;
    c.image_height = (JDIMENSION)img->h;
    c.input_components = img->channels;
    c.in_color_space = x->cmyk ? JCS_CMYK : JCS_RGB;
    jpeg_set_defaults(&c);
    jpeg_set_quality(&c, 95, TRUE);
    c.comp_info[0].h_samp_factor = c.comp_info[0].v_samp_factor = 1;
    if (x->cmyk)
        c.write_Adobe_marker = TRUE;
    if (x->progressive)
        jpeg_simple_progression(&c);
    jpeg_start_compress(&c, TRUE);
    if (x->exif.n) {
        BUF_CLEANUP struct buf app1 = { 0 };
        buf_init(&app1, 65000);
        buf_add(&app1, "Exif\0", 6);
        buf_add_str(&app1, x->exif);
        jpeg_write_marker(&c, JPEG_APP0 + 1, (const JOCTET *)app1.p, (unsigned)app1.n);
    }
    if (x->icc.n)
        jpeg_write_icc_profile(&c, (const JOCTET *)x->icc.p, (unsigned)x->icc.n);
    while (c.next_scanline < c.image_height) {
        JSAMPROW row = img->px + (size_t)c.next_scanline * img->stride;
        jpeg_write_scanlines(&c, &row, 1);
    }
    jpeg_finish_compress(&c);
    jpeg_destroy_compress(&c);
    buf_add(out, bytes, n);
    free(bytes);
}

static void png_put(png_structp png, png_bytep p, size_t n) { buf_add(png_get_io_ptr(png), p, n); }

void fixture_png(const struct img8 *img, const struct fixture_extras *x, struct buf *out) {
    static const png_byte acTL[8] = { 0, 0, 0, 2, 0, 0, 0, 0 };
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    png_text text = { .compression = PNG_TEXT_COMPRESSION_NONE, .key = (png_charp)(uintptr_t)"Comment", .text = (png_charp)(uintptr_t)"SecretCam" };
    buf_init(out, FILE_MAX);
    png_set_write_fn(png, out, png_put, NULL);
    png_set_IHDR(png, info, (png_uint_32)img->w, (png_uint_32)img->h, 8, img->channels == 4 ? PNG_COLOR_TYPE_RGB_ALPHA : PNG_COLOR_TYPE_RGB,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_set_text(png, info, &text, 1);
    if (x->exif.n)
        png_set_eXIf_1(png, info, (png_uint_32)x->exif.n, (png_bytep)(uintptr_t)x->exif.p);
    if (x->icc.n)
        png_set_iCCP(png, info, "test", PNG_COMPRESSION_TYPE_BASE, (png_const_bytep)x->icc.p, (png_uint_32)x->icc.n);
    png_write_info(png, info);
    if (x->animated)
        png_write_chunk(png, (png_const_bytep)"acTL", acTL, sizeof acTL);
    for (int y = 0; y < img->h; y++)
        png_write_row(png, img->px + (size_t)y * img->stride);
    png_write_end(png, NULL);
    png_destroy_write_struct(&png, &info);
}

static void riff_chunk(struct buf *b, const char *name, struct str body) {
    buf_add(b, name, 4);
    put(b, false, (uint32_t)body.n, 4);
    buf_add_str(b, body);
    if (body.n % 2)
        buf_add_c(b, 0);
}

void fixture_webp(const struct img8 *img, const struct fixture_extras *x, struct buf *out) {
    BUF_CLEANUP struct buf body = { 0 }, vp8x = { 0 };
    uint8_t *bytes = NULL;
    size_t n = img->channels == 4 ? WebPEncodeLosslessRGBA(img->px, img->w, img->h, (int)img->stride, &bytes)
                                  : WebPEncodeLosslessRGB(img->px, img->w, img->h, (int)img->stride, &bytes);
    assert(n > 12);
    buf_init(out, FILE_MAX);
    buf_init(&body, FILE_MAX);
    buf_init(&vp8x, 10);
    put(&vp8x, false, (x->icc.n ? 0x20u : 0) | (img->channels == 4 ? 0x10u : 0) | (x->exif.n ? 0x08u : 0) | (x->animated ? 0x02u : 0), 4);
    put(&vp8x, false, (uint32_t)img->w - 1, 3);
    put(&vp8x, false, (uint32_t)img->h - 1, 3);
    riff_chunk(&body, "VP8X", buf_str(&vp8x));
    if (x->icc.n)
        riff_chunk(&body, "ICCP", x->icc);
    buf_add(&body, bytes + 12, n - 12);             /* the VP8L chunk behind "RIFF....WEBP" */
    if (x->exif.n)
        riff_chunk(&body, "EXIF", x->exif);
    buf_add_z(out, "RIFF");
    put(out, false, (uint32_t)body.n + 4, 4);
    buf_add_z(out, "WEBP");
    buf_add_str(out, buf_str(&body));
    WebPFree(bytes);
}

static struct heif_error heif_put(struct heif_context *ctx, const void *p, size_t n, void *out) {
    buf_add(out, p, n);
    return (struct heif_error){ heif_error_Ok, heif_suberror_Unspecified, "" };
}

bool fixture_heic(const struct img8 *img, const struct fixture_extras *x, int turn, struct buf *out) {
    struct heif_writer writer = { .writer_api_version = 1, .write = heif_put };
    struct heif_context *ctx = heif_context_alloc();
    struct heif_encoder *enc = NULL;
    struct heif_image *pic = NULL;
    struct heif_image_handle *handle = NULL;
    struct heif_encoding_options *o = heif_encoding_options_alloc();
    int stride = 0;
    bool ok = heif_context_get_encoder_for_format(ctx, heif_compression_HEVC, &enc).code == heif_error_Ok;
    buf_init(out, FILE_MAX);
    if (ok) {
        heif_encoder_set_lossy_quality(enc, 95);
        heif_encoder_set_parameter_string(enc, "chroma", "444");
        heif_image_create(img->w, img->h, heif_colorspace_RGB, heif_chroma_interleaved_RGB, &pic);
        heif_image_add_plane(pic, heif_channel_interleaved, img->w, img->h, 8);
        uint8_t *px = heif_image_get_plane(pic, heif_channel_interleaved, &stride);
        for (int y = 0; y < img->h; y++)
            memcpy(px + y * stride, img->px + (size_t)y * img->stride, 3 * (size_t)img->w);
        if (x->icc.n)
            heif_image_set_raw_color_profile(pic, "prof", x->icc.p, x->icc.n);
        o->image_orientation = (enum heif_orientation)turn;
        ok = heif_context_encode_image(ctx, pic, enc, o, &handle).code == heif_error_Ok;
        if (ok && x->exif.n)
            heif_context_add_exif_metadata(ctx, handle, x->exif.p, (int)x->exif.n);
        ok = ok && heif_context_write(ctx, &writer, out).code == heif_error_Ok;
        heif_image_handle_release(handle);
        heif_image_release(pic);
        heif_encoder_release(enc);
    }
    heif_encoding_options_free(o);
    heif_context_free(ctx);
    return ok;
}

void fixture_bomb(uint32_t w, uint32_t h, struct buf *out) {
    /* Made small by libpng, then its header is written anew: zeros as they are, the size and its checksum as told. */
    static const uint8_t black[3] = { 0 };
    struct img8 img = fixture_plain(16, 16, 3, black);
    fixture_png(&img, &(struct fixture_extras){ 0 }, out);
    pixels_done(&img);
    uint8_t *ihdr = (uint8_t *)out->p + 12;
    for (int i = 0; i < 4; i++) {
        ihdr[4 + i] = (uint8_t)(w >> 8 * (3 - i));
        ihdr[8 + i] = (uint8_t)(h >> 8 * (3 - i));
    }
    uint32_t crc = 0xffffffff;                      /* PNG third edition, annex D */
    for (int i = 0; i < 17; i++) {
        crc ^= ihdr[i];
        for (int k = 0; k < 8; k++)
            crc = crc & 1 ? 0xedb88320u ^ crc >> 1 : crc >> 1;
    }
    crc = ~crc;
    for (int i = 0; i < 4; i++)
        ihdr[17 + i] = (uint8_t)(crc >> 8 * (3 - i));
}
