/*
 * decode_jpeg.c - JPEG by libjpeg-turbo.
 *
 * libjpeg mends what is broken and goes on; a half-grey photo is not what its owner meant to send, so its warnings about missing
 * or damaged picture data end the decoding here. The harmless ones (bytes between segments, odd version numbers) do not.
 */
#include "media/photo.h"

#include <setjmp.h>
#include <stdio.h>
#include <jpeglib.h>
#include <jerror.h>
#include "media/jpeg_small.h"
#include "media/pixels.h"

#define SCANS_MAX 100                               /* of a progressive file; real ones have about 10, a bomb has thousands */

struct decoder {
    struct jpeg_decompress_struct d;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf stop;
    struct err *e;
    int rc;
};

__attribute__((noreturn)) static void on_error(j_common_ptr c) {
    struct decoder *x = c->client_data;
    char text[JMSG_LENGTH_MAX];
    x->errors.format_message(c, text);
    x->rc = err_set(x->e, x->errors.msg_code == JERR_OUT_OF_MEMORY ? ERR_MEDIA_MEMORY : ERR_IMAGE_BROKEN, "JPEG: %s", text);
    longjmp(x->stop, 1);
}

static void on_message(j_common_ptr c, int level) {
    struct decoder *x = c->client_data;
    if (level >= 0)
        return;
    switch (x->errors.msg_code) {
    case JWRN_EXTRANEOUS_DATA:
    case JWRN_ADOBE_XFORM:
    case JWRN_JFIF_MAJOR:
    case JWRN_TOO_MUCH_DATA:
    case JWRN_BOGUS_ICC:
        return;
    default:
        on_error(c);
    }
}

static void on_progress(j_common_ptr c) {
    struct decoder *x = c->client_data;
    if (x->d.input_scan_number <= SCANS_MAX)
        return;
    x->rc = err_set(x->e, ERR_IMAGE_BROKEN, "JPEG: more than %d scans", SCANS_MAX);
    longjmp(x->stop, 1);
}

static void read_markers(struct decoder *x, struct photo *p) {
    for (jpeg_saved_marker_ptr m = x->d.marker_list; m; m = m->next) {
        if (m->marker == JPEG_APP0 + 1 && m->data_length > 14 && memcmp(m->data, "Exif\0", 6) == 0) {
            p->orientation = photo_exif_orientation(m->data, m->data_length);
            break;
        }
    }
    JOCTET *icc = NULL;
    unsigned icc_n = 0;
    if (jpeg_read_icc_profile(&x->d, &icc, &icc_n))
        photo_set_icc(p, icc, icc_n);
    free(icc);
}

/* The cosine transform shrinks by 2, 4 and 8 almost for nothing. */
static void choose_scale(struct jpeg_decompress_struct *d, int side_px) {
    unsigned side = d->image_width > d->image_height ? d->image_width : d->image_height;
    d->scale_denom = 8;
    d->scale_num = 8;
    while (side_px > 0 && d->scale_num > 1 && side * (d->scale_num / 2) / 8 >= (unsigned)side_px)
        d->scale_num /= 2;
}

static int read_pixels(struct decoder *x, struct photo *p) {
    struct jpeg_decompress_struct *d = &x->d;
    bool inks = d->jpeg_color_space == JCS_CMYK || d->jpeg_color_space == JCS_YCCK;
    d->out_color_space = inks ? JCS_CMYK : JCS_RGB;
    jpeg_start_decompress(d);
    int r = pixels_new((int)d->output_width, (int)d->output_height, inks ? 4 : 3, &p->img, x->e);
    if (r < 0)
        return r;
    p->cmyk = inks;
    while (d->output_scanline < d->output_height) {
        JSAMPROW row = p->img.px + (size_t)d->output_scanline * p->img.stride;
        jpeg_read_scanlines(d, &row, 1);
    }
    jpeg_finish_decompress(d);
    /* Adobe's files hold 255 for no ink, which is what struct photo wants; the few others hold 0. */
    if (inks && !d->saw_Adobe_marker) {
        for (size_t i = 0; i < p->img.stride * (size_t)p->img.h; i++)
            p->img.px[i] = (uint8_t)(255 - p->img.px[i]);
    }
    return 0;
}

static int decode(struct str file, const struct photo_limits *lim, bool pixels, struct photo *p, struct err *e) {
    struct decoder x = { .e = e };
    x.d.err = jpeg_std_error(&x.errors);
    x.d.client_data = &x;
    x.errors.error_exit = on_error;
    x.errors.emit_message = on_message;
    x.progress.progress_monitor = on_progress;
    if (setjmp(x.stop) == 0) {
        jpeg_create_decompress(&x.d);
        x.d.progress = &x.progress;
        jpeg_save_markers(&x.d, JPEG_APP0 + 1, 0xffff);     /* EXIF */
        jpeg_save_markers(&x.d, JPEG_APP0 + 2, 0xffff);     /* ICC */
        jpeg_mem_src(&x.d, (const unsigned char *)file.p, file.n);
        jpeg_read_header(&x.d, TRUE);
        x.rc = photo_set_size(p, x.d.image_width, x.d.image_height, lim, e);
        if (x.rc == 0)
            read_markers(&x, p);
        if (x.rc == 0 && pixels && lim->fit_px > 0)
            x.rc = jpeg_small(&x.d, lim->fit_px, &p->img, e);
        if (x.rc == 0 && pixels) {
            choose_scale(&x.d, lim->side_px);
            x.rc = read_pixels(&x, p);
        }
    }
    jpeg_destroy_decompress(&x.d);
    return x.rc < 0 ? x.rc : 0;
}

const struct photo_decoder photo_jpeg = { PHOTO_JPEG, decode };
