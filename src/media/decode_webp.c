/*
 * decode_webp.c - WebP by libwebp.
 */
#include "media/photo.h"

#include <webp/decode.h>
#include <webp/demux.h>
#include "media/pixels.h"

/* EXIF and ICC chunks. A damaged container has none; whether the picture itself is whole is the decoder's to say. */
static void read_chunks(struct str file, struct photo *p) {
    WebPData data = { (const uint8_t *)file.p, file.n };
    WebPDemuxer *d = WebPDemux(&data);
    WebPChunkIterator it;
    if (!d)
        return;
    if (WebPDemuxGetChunk(d, "EXIF", 1, &it)) {
        p->orientation = photo_exif_orientation(it.chunk.bytes, it.chunk.size);
        WebPDemuxReleaseChunkIterator(&it);
    }
    if (WebPDemuxGetChunk(d, "ICCP", 1, &it)) {
        photo_set_icc(p, it.chunk.bytes, it.chunk.size);
        WebPDemuxReleaseChunkIterator(&it);
    }
    WebPDemuxDelete(d);
}

static int decode(struct str file, const struct photo_limits *lim, bool pixels, struct photo *p, struct err *e) {
    const uint8_t *bytes = (const uint8_t *)file.p;
    WebPDecoderConfig c;
    if (!WebPInitDecoderConfig(&c))
        return err_set(e, ERR_INTERNAL, "libwebp is of another version than its header");
    if (WebPGetFeatures(bytes, file.n, &c.input) != VP8_STATUS_OK)
        return err_set(e, ERR_IMAGE_BROKEN, "WebP: the header is damaged");
    if (c.input.has_animation)
        return err_set(e, ERR_IMAGE_ANIMATED, "an animated image/webp");
    int r = photo_set_size(p, c.input.width, c.input.height, lim, e);
    if (r < 0)
        return r;
    p->alpha = c.input.has_alpha != 0;
    read_chunks(file, p);
    if (!pixels)
        return 0;
    r = pixels_new(p->w, p->h, p->alpha ? 4 : 3, &p->img, e);
    if (r < 0)
        return r;
    c.output.colorspace = p->alpha ? MODE_RGBA : MODE_RGB;
    c.output.is_external_memory = 1;
    c.output.u.RGBA.rgba = p->img.px;
    c.output.u.RGBA.stride = (int)p->img.stride;
    c.output.u.RGBA.size = p->img.stride * (size_t)p->h;
    VP8StatusCode s = WebPDecode(bytes, file.n, &c);
    WebPFreeDecBuffer(&c.output);
    if (s == VP8_STATUS_OUT_OF_MEMORY)
        return err_set(e, ERR_MEDIA_MEMORY, "no memory for the WebP decoder");
    return s == VP8_STATUS_OK ? 0 : err_set(e, ERR_IMAGE_BROKEN, "WebP: %s", s == VP8_STATUS_SUSPENDED || s == VP8_STATUS_NOT_ENOUGH_DATA ? "the file ends too early" : "the picture data is damaged");
}

const struct photo_decoder photo_webp = { PHOTO_WEBP, decode };
