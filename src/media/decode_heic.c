/*
 * decode_heic.c - HEIC by libheif and libde265.
 * The decoder applies the file's own turning, mirroring and cropping, so the EXIF orientation must not be applied again
 * (ISO 23008-12, A.2.1). Its threads are the reason why the sandbox allows any.
 */
#include "media/photo.h"

#include <lcms2.h>
#include <libheif/heif.h>
#include "media/pixels.h"

struct decoder {
    struct heif_context      *ctx;
    struct heif_image_handle *handle;
    struct heif_image        *image;
};

static void decoder_done(struct decoder *x) {
    if (x->image)
        heif_image_release(x->image);
    if (x->handle)
        heif_image_handle_release(x->handle);
    if (x->ctx)
        heif_context_free(x->ctx);
}

static int failed(const char *doing, struct heif_error h, struct err *e) {
    switch (h.code) {
    case heif_error_Memory_allocation_error:
        return err_set(e, h.subcode == heif_suberror_Security_limit_exceeded ? ERR_IMAGE_TOO_LARGE : ERR_MEDIA_MEMORY, "HEIC: %s", h.message);
    case heif_error_Unsupported_feature:
    case heif_error_Unsupported_filetype:
        return err_set(e, ERR_IMAGE_TYPE, "HEIC: %s", h.message);
    default:
        return err_set(e, ERR_IMAGE_BROKEN, "HEIC: %s: %s", doing, h.message);
    }
}

/* Colours said by number (ISO 23091-2) become a profile, so that one path serves both. SDR pictures only: PQ and HLG are read as they are. */
static void icc_from_nclx(struct photo *p, const struct heif_color_profile_nclx *n) {
    static const double curve[] = { 2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045 };
    cmsCIExyY white = { n->color_primary_white_x, n->color_primary_white_y, 1 };
    cmsCIExyYTRIPLE primaries = {
        { n->color_primary_red_x, n->color_primary_red_y, 1 },
        { n->color_primary_green_x, n->color_primary_green_y, 1 },
        { n->color_primary_blue_x, n->color_primary_blue_y, 1 },
    };
    if (n->color_primaries != heif_color_primaries_SMPTE_EG_432_1 && n->color_primaries != heif_color_primaries_ITU_R_BT_2020_2_and_2100_0)
        return;                                     /* BT.709 is sRGB's; the rest is not found in photos */
    cmsToneCurve *c = cmsBuildParametricToneCurve(NULL, 4, curve);
    cmsToneCurve *three[3] = { c, c, c };
    cmsHPROFILE profile = c ? cmsCreateRGBProfile(&white, &primaries, three) : NULL;
    cmsUInt32Number size = 0;
    if (profile && cmsSaveProfileToMem(profile, NULL, &size) && size <= PHOTO_ICC_MAX && (p->icc = malloc(size))) {
        if (cmsSaveProfileToMem(profile, p->icc, &size))
            p->icc_n = size;
    }
    if (profile)
        cmsCloseProfile(profile);
    if (c)
        cmsFreeToneCurve(c);
}

static void read_profile(struct decoder *x, struct photo *p) {
    enum heif_color_profile_type t = heif_image_handle_get_color_profile_type(x->handle);
    if (t == heif_color_profile_type_rICC || t == heif_color_profile_type_prof) {
        size_t n = heif_image_handle_get_raw_color_profile_size(x->handle);
        uint8_t *icc = n > 0 && n <= PHOTO_ICC_MAX ? malloc(n) : NULL;
        if (icc && heif_image_handle_get_raw_color_profile(x->handle, icc).code == heif_error_Ok)
            photo_set_icc(p, icc, n);
        free(icc);
    } else if (t == heif_color_profile_type_nclx) {
        struct heif_color_profile_nclx *n = NULL;
        if (heif_image_handle_get_nclx_color_profile(x->handle, &n).code == heif_error_Ok && n) {
            icc_from_nclx(p, n);
            heif_nclx_color_profile_free(n);
        }
    }
}

static int read_pixels(struct decoder *x, struct photo *p, struct err *e) {
    enum heif_chroma chroma = p->alpha ? heif_chroma_interleaved_RGBA : heif_chroma_interleaved_RGB;
    struct heif_error h = heif_decode_image(x->handle, &x->image, heif_colorspace_RGB, chroma, NULL);
    if (h.code != heif_error_Ok)
        return failed("decoding", h, e);
    int stride = 0;
    const uint8_t *px = heif_image_get_plane_readonly(x->image, heif_channel_interleaved, &stride);
    int w = heif_image_get_width(x->image, heif_channel_interleaved), ht = heif_image_get_height(x->image, heif_channel_interleaved);
    int channels = p->alpha ? 4 : 3;
    if (!px || w != p->w || ht != p->h || stride < w * channels)
        return err_set(e, ERR_IMAGE_BROKEN, "HEIC: the picture is not of the size its header says");
    int r = pixels_new(w, ht, channels, &p->img, e);
    if (r < 0)
        return r;
    for (int y = 0; y < ht; y++)
        memcpy(p->img.px + (size_t)y * p->img.stride, px + (size_t)y * (size_t)stride, p->img.stride);
    return 0;
}

static int decode(struct str file, const struct photo_limits *lim, bool pixels, struct photo *p, struct err *e) {
    __attribute__((cleanup(decoder_done))) struct decoder x = { .ctx = heif_context_alloc() };
    if (!x.ctx)
        return err_set(e, ERR_MEDIA_MEMORY, "no memory for the HEIC decoder");
    heif_context_set_max_decoding_threads(x.ctx, 0);        /* tiles in this thread; children run side by side */
    struct heif_error h = heif_context_read_from_memory_without_copy(x.ctx, file.p, file.n, NULL);
    if (h.code == heif_error_Ok)
        h = heif_context_get_primary_image_handle(x.ctx, &x.handle);
    if (h.code != heif_error_Ok)
        return failed("reading", h, e);
    int r = photo_set_size(p, heif_image_handle_get_width(x.handle), heif_image_handle_get_height(x.handle), lim, e);
    if (r < 0)
        return r;
    p->alpha = heif_image_handle_has_alpha_channel(x.handle) != 0;
    read_profile(&x, p);
    return pixels ? read_pixels(&x, p, e) : 0;
}

const struct photo_decoder photo_heic = { PHOTO_HEIC, decode };
