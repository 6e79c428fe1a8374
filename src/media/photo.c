/*
 * photo.c - from a stranger's file to upright sRGB pixels: the order of the steps, and the limits they share.
 */
#include "media/photo.h"

#include "media/pixels.h"

void photo_done(struct photo *p) {
    pixels_done(&p->img);
    free(p->icc);
    *p = (struct photo){ 0 };
}

int photo_set_size(struct photo *p, int64_t w, int64_t h, const struct photo_limits *lim, struct err *e) {
    if (w <= 0 || h <= 0)
        return err_set(e, ERR_IMAGE_BROKEN, "the header gives no size");
    if (w > IMAGE_SIDE_MAX || h > IMAGE_SIDE_MAX)
        return err_set(e, ERR_IMAGE_TOO_LARGE, "%lld x %lld pixels; at most %d on a side", (long long)w, (long long)h, IMAGE_SIDE_MAX);
    if (w * h > lim->pixels_max)
        return err_set(e, ERR_IMAGE_TOO_LARGE, "%lld x %lld pixels; at most %lld million", (long long)w, (long long)h,
                       (long long)(lim->pixels_max / 1000000));
    p->w = (int)w;
    p->h = (int)h;
    return 0;
}

void photo_set_icc(struct photo *p, const void *icc, size_t n) {
    if (p->icc || n == 0 || n > PHOTO_ICC_MAX || !(p->icc = malloc(n)))
        return;
    memcpy(p->icc, icc, n);
    p->icc_n = n;
}

static int run(struct str file, const struct photo_limits *lim, bool pixels, struct photo *ret, struct err *e) {
    static const struct photo_decoder *const decoders[] = {
        [PHOTO_JPEG] = &photo_jpeg, [PHOTO_PNG] = &photo_png, [PHOTO_WEBP] = &photo_webp, [PHOTO_HEIC] = &photo_heic,
    };
    PHOTO_CLEANUP struct photo p = { .orientation = 1 };
    int r = photo_sniff(file, &p.type, e);
    if (r < 0)
        return r;
    if ((int64_t)file.n > lim->bytes_max)
        return err_set(e, ERR_IMAGE_TOO_LARGE, "over %lld bytes", (long long)lim->bytes_max);
    r = decoders[p.type]->decode(file, lim, pixels, &p, e);
    if (r < 0)
        return r;
    *ret = p;
    p = (struct photo){ 0 };
    return 0;
}

int photo_probe(struct str file, const struct photo_limits *lim, struct photo *ret, struct err *e) { return run(file, lim, false, ret, e); }

int photo_decode(struct str file, const struct photo_limits *lim, struct photo *ret, struct err *e) { return run(file, lim, true, ret, e); }

int photo_finish(struct photo *p, int side_max_px, struct img8 *ret, struct err *e) {
    int w, h;
    PIXELS_CLEANUP struct img8 small = { 0 };
    /* Alpha first: the colours below full transparency are meaningless and must not bleed into their neighbours when shrinking.
     * The profile last but one: it costs per pixel, and shrinking in the photo's own gamma differs by less than a step. */
    if (!p->cmyk)
        pixels_flatten(&p->img);
    if (p->cmyk) {
        int r = pixels_to_srgb(&p->img, true, p->icc, p->icc_n, e);
        if (r < 0)
            return r;
    }
    /* Of the whole picture: a decoder that shrinks rounds its sides up, and the ratio of those may round to another result. */
    pixels_fit(p->w, p->h, side_max_px, &w, &h);
    w = w > p->img.w ? p->img.w : w;
    h = h > p->img.h ? p->img.h : h;
    int r = 0;
    if (w != p->img.w || h != p->img.h) {
        if ((r = pixels_shrink(&p->img, w, h, &small, e)) < 0)
            return r;
        pixels_done(&p->img);
        p->img = small;
        small = (struct img8){ 0 };
    }
    if (!p->cmyk && (r = pixels_to_srgb(&p->img, false, p->icc, p->icc_n, e)) < 0)
        return r;
    if (p->orientation != 1)
        r = pixels_upright(&p->img, p->orientation, ret, e);
    else
        *ret = p->img;
    if (r < 0 || p->orientation != 1)
        pixels_done(&p->img);
    p->img = (struct img8){ 0 };
    return r;
}
