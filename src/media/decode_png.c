/*
 * decode_png.c - PNG by libpng: photos of any kind as 8-bit RGB(A), depth maps as 16-bit gray.
 */
#include "media/photo.h"

#include <png.h>
#include "media/pixels.h"

#define CHUNK_MAX (8 * 1024 * 1024)                 /* bytes one chunk may unpack to: a profile can be a bomb, too */

struct decoder {
    png_structp png;
    png_infop   info;
    struct str  rest;                               /* not yet read */
    png_bytepp  rows;
    struct err *e;
    int         rc;
};

static void on_error(png_structp png, png_const_charp text) {
    struct decoder *x = png_get_error_ptr(png);
    bool memory = strstr(text, "memory") != NULL;
    x->rc = err_set(x->e, memory ? ERR_MEDIA_MEMORY : ERR_IMAGE_BROKEN, "PNG: %s", text);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp text) { }   /* about chunks we do not want anyway */

static void on_read(png_structp png, png_bytep out, size_t n) {
    struct decoder *x = png_get_io_ptr(png);
    if (n > x->rest.n)
        png_error(png, "the file ends too early");
    memcpy(out, x->rest.p, n);
    x->rest = (struct str){ x->rest.p + n, x->rest.n - n };
}

/* libpng makes room for what a chunk says its length is, up to 2 GB, before it looks for the bytes. So they are looked for here. */
static void check_chunks(struct decoder *x) {
    const uint8_t *p = (const uint8_t *)x->rest.p + 8;
    for (size_t left = x->rest.n - 8;;) {
        size_t n = left < 12 ? 0 : (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
        if (left < 12 || n > left - 12)
            png_error(x->png, "the file ends too early");
        if (memcmp(p + 4, "IEND", 4) == 0)
            return;
        p += n + 12;
        left -= n + 12;
    }
}

/* Reads the header. Call behind setjmp; x is cleaned up by the caller in any case. */
static void begin(struct decoder *x) {
    /* Chunks that say nothing about pixels or colours are not even read. */
    static const png_byte unwanted[] = "tEXt\0zTXt\0iTXt\0tIME\0sPLT\0hIST\0pCAL\0sCAL\0oFFs\0pHYs\0bKGD";
    check_chunks(x);
    png_set_keep_unknown_chunks(x->png, PNG_HANDLE_CHUNK_NEVER, unwanted, sizeof unwanted / 5);
    png_set_read_fn(x->png, x, on_read);
    png_set_user_limits(x->png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);    /* ours come first thing after, with better words */
    png_set_chunk_malloc_max(x->png, CHUNK_MAX);
    png_set_chunk_cache_max(x->png, 64);
    png_read_info(x->png, x->info);
}

static int open_decoder(struct decoder *x) {
    x->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, x, on_error, on_warning);
    x->info = x->png ? png_create_info_struct(x->png) : NULL;
    return x->info ? 0 : err_set(x->e, ERR_MEDIA_MEMORY, "no memory for the PNG decoder");
}

static void close_decoder(struct decoder *x) {
    png_destroy_read_struct(&x->png, &x->info, NULL);
    free(x->rows);
}

/* All rows at once, so that interlaced files work the same. */
static int read_rows(struct decoder *x, uint8_t *px, size_t stride, int h) {
    x->rows = calloc((size_t)h, sizeof *x->rows);
    if (!x->rows)
        return err_set(x->e, ERR_MEDIA_MEMORY, "no memory for %d rows", h);
    for (int y = 0; y < h; y++)
        x->rows[y] = px + (size_t)y * stride;
    png_read_image(x->png, x->rows);
    png_read_end(x->png, NULL);
    return 0;
}

static void read_facts(struct decoder *x, struct photo *p) {
    png_bytep exif = NULL, icc = NULL;
    png_uint_32 n = 0;
    png_charp name = NULL;
    int method = 0;
    p->alpha = (png_get_color_type(x->png, x->info) & PNG_COLOR_MASK_ALPHA) || png_get_valid(x->png, x->info, PNG_INFO_tRNS);
    if (png_get_eXIf_1(x->png, x->info, &n, &exif))
        p->orientation = photo_exif_orientation(exif, n);
    if (png_get_iCCP(x->png, x->info, &name, &method, &icc, &n))
        photo_set_icc(p, icc, n);
}

static int read_pixels(struct decoder *x, struct photo *p) {
    png_set_expand(x->png);                         /* palettes, less than 8 bits, tRNS */
    png_set_scale_16(x->png);
    png_set_gray_to_rgb(x->png);
    png_set_interlace_handling(x->png);
    png_read_update_info(x->png, x->info);
    int r = pixels_new(p->w, p->h, png_get_channels(x->png, x->info), &p->img, x->e);
    if (r < 0)
        return r;
    if (png_get_rowbytes(x->png, x->info) != p->img.stride)
        return err_set(x->e, ERR_IMAGE_BROKEN, "PNG: unexpected kind of pixels");
    return read_rows(x, p->img.px, p->img.stride, p->h);
}

static int decode(struct str file, const struct photo_limits *lim, bool pixels, struct photo *p, struct err *e) {
    struct decoder x = { .rest = file, .e = e };
    x.rc = open_decoder(&x);
    if (x.rc == 0 && setjmp(png_jmpbuf(x.png)) == 0) {
        begin(&x);
        x.rc = photo_set_size(p, png_get_image_width(x.png, x.info), png_get_image_height(x.png, x.info), lim, e);
        if (x.rc == 0)
            read_facts(&x, p);
        if (x.rc == 0 && pixels)
            x.rc = read_pixels(&x, p);
    }
    close_decoder(&x);
    return x.rc;
}

const struct photo_decoder photo_png = { PHOTO_PNG, decode };

static int read_depth(struct decoder *x, struct img16 *d) {
    png_uint_32 w = png_get_image_width(x->png, x->info), h = png_get_image_height(x->png, x->info);
    if (png_get_bit_depth(x->png, x->info) != 16 || png_get_color_type(x->png, x->info) != PNG_COLOR_TYPE_GRAY)
        return err_set(x->e, ERR_BAD_INPUT, "a depth map is a 16-bit gray PNG");
    if (w > IMAGE_SIDE_MAX || h > IMAGE_SIDE_MAX || (uint64_t)w * h > IMAGE_PIXELS_MAX)
        return err_set(x->e, ERR_IMAGE_TOO_LARGE, "depth map of %u x %u pixels", (unsigned)w, (unsigned)h);
    png_set_swap(x->png);                           /* the file is big-endian, the machines we run on are not */
    png_set_interlace_handling(x->png);
    png_read_update_info(x->png, x->info);
    *d = (struct img16){ (int)w, (int)h, w, malloc(2 * (size_t)w * h) };
    if (!d->px)
        return err_set(x->e, ERR_MEDIA_MEMORY, "no memory for a depth map");
    return read_rows(x, (uint8_t *)d->px, 2 * d->stride, d->h);
}

int pixels_depth(struct str file, struct img16 *ret, struct err *e) {
    struct decoder x = { .rest = file, .e = e };
    struct img16 d = { 0 };
    struct img16 *volatile into = &d;               /* survives longjmp */
    if (file.n < 8 || png_sig_cmp((png_const_bytep)file.p, 0, 8) != 0)
        return err_set(e, ERR_IMAGE_TYPE, "a depth map is a 16-bit gray PNG");
    x.rc = open_decoder(&x);
    if (x.rc == 0 && setjmp(png_jmpbuf(x.png)) == 0) {
        begin(&x);
        x.rc = read_depth(&x, into);
    }
    close_decoder(&x);
    if (x.rc < 0) {
        free(into->px);
        return x.rc;
    }
    *ret = *into;
    return 0;
}
