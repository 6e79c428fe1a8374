/*
 * thumb.c - thumbnails.
 *
 * A JPEG can be decoded at a half, a quarter or an eighth of its size for less than its whole size costs, because small cosine transforms
 * are cheap. But they are a crude filter: fine detail folds into false patterns. So they only shrink to twice the size wanted, and
 * the last factor, of two or more, is Lanczos'. On a noisy photo of 12 megapixels that costs 1 ms more than going all the way. What remains is
 * the reading of Huffman codes, three quarters of it all; of the usual photo jpeg_small() reads only those that count.
 */
#include "media/thumb.h"

#define JPEG_MAX (1024 * 1024)                      /* bytes */

void thumb_done(struct thumb *t) {
    pixels_done(&t->img);
    buf_done(&t->jpeg);
}

static int encode(struct img8 *img, struct thumb *ret, struct err *e) {
    BUF_CLEANUP struct buf jpeg = { 0 };
    buf_init(&jpeg, JPEG_MAX);
    int r = pixels_jpeg(img, THUMB_QUALITY, &jpeg, e);
    if (r < 0)
        return r;
    *ret = (struct thumb){ *img, jpeg };
    *img = (struct img8){ 0 };
    jpeg = (struct buf){ 0 };
    return 0;
}

int thumb_draw(const struct img8 *img, int w, int h, struct thumb *ret, struct err *e) {
    PIXELS_CLEANUP struct img8 small = { 0 };
    int r = pixels_shrink(img, w, h, &small, e);
    return r < 0 ? r : encode(&small, ret, e);
}

int thumb_photo(struct str file, const struct photo_limits *lim, int side_px, struct photo *ret_facts, struct thumb *ret, struct err *e) {
    PHOTO_CLEANUP struct photo p = { 0 };
    PIXELS_CLEANUP struct img8 img = { 0 };
    struct photo_limits twice = *lim;
    twice.side_px = 2 * side_px;
    twice.fit_px = side_px;
    int r = photo_decode(file, &twice, &p, e);
    if (r < 0 || (r = photo_finish(&p, side_px, &img, e)) < 0 || (r = encode(&img, ret, e)) < 0)
        return r;
    *ret_facts = p;
    p = (struct photo){ 0 };
    return 0;
}
