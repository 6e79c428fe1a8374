/* img8.c - the little that can be done with a packed picture. */
#include "media/image.h"

int img8_check(const struct img8 *img, struct err *e) {
    if (!img || !img->px || img->w < 1 || img->h < 1)
        return err_set(e, ERR_BAD_INPUT, "a picture without pixels");
    if (img->channels != 3 && img->channels != 4)
        return err_set(e, ERR_BAD_INPUT, "a picture with %d channels", img->channels);
    if (img->w > IMAGE_SIDE_MAX || img->h > IMAGE_SIDE_MAX || (int64_t)img->w * img->h > IMAGE_PIXELS_MAX)
        return err_set(e, ERR_IMAGE_TOO_LARGE, "%d x %d pixels", img->w, img->h);
    if (img->stride < (size_t)img->w * (size_t)img->channels)
        return err_set(e, ERR_BAD_INPUT, "a picture whose rows overlap");
    return 0;
}

struct img8 img8_new(int w, int h, int channels) {
    size_t stride = (size_t)w * (size_t)channels;
    uint8_t *px = calloc((size_t)h, stride);
    if (!px)
        abort(); /* see "Memory" in plane.h */
    return (struct img8){ w, h, channels, stride, px };
}

void img8_done(struct img8 *img) {
    free(img->px);
    img->px = NULL;
}
