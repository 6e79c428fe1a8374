/*
 * colour.c - any photo's colours to sRGB, by Little CMS.
 */
#include "media/pixels.h"

#include <lcms2.h>

/* Profile and pixels must agree in kind; anything else would paint nonsense. */
static cmsHPROFILE open_profile(const void *icc, size_t n, cmsColorSpaceSignature a, cmsColorSpaceSignature b, cmsColorSpaceSignature *ret_kind) {
    cmsHPROFILE p = icc ? cmsOpenProfileFromMem(icc, (cmsUInt32Number)n) : NULL;
    if (!p)
        return NULL;
    *ret_kind = cmsGetColorSpace(p);
    if (*ret_kind == a || *ret_kind == b)
        return p;
    cmsCloseProfile(p);
    return NULL;
}

/* Reads w samples of `from` per row and writes RGB over them; in and out rows may be the same memory because out is never wider. */
static bool transform(struct img8 *img, cmsHPROFILE from, cmsUInt32Number from_format) {
    cmsHPROFILE srgb = cmsCreate_sRGBProfile();
    cmsHTRANSFORM t = srgb ? cmsCreateTransform(from, from_format, srgb, TYPE_RGB_8, INTENT_PERCEPTUAL, 0) : NULL;
    if (t) {
        for (int y = 0; y < img->h; y++) {
            uint8_t *row = img->px + (size_t)y * img->stride;
            cmsDoTransform(t, row, row, (cmsUInt32Number)img->w);
        }
        cmsDeleteTransform(t);
    }
    if (srgb)
        cmsCloseProfile(srgb);
    return t != NULL;
}

/* Without a profile: each ink takes its share of the light away. */
static void cmyk_to_rgb(struct img8 *img) {
    for (int y = 0; y < img->h; y++) {
        uint8_t *s = img->px + (size_t)y * img->stride, *d = s;
        for (int x = 0; x < img->w; x++, s += 4, d += 3) {
            unsigned k = s[3];
            for (int c = 0; c < 3; c++)
                d[c] = (uint8_t)((s[c] * k + 127) / 255);
        }
    }
}

/* A gray profile on a picture that the decoder has made RGB: three equal samples, of which the first one is read. */
static void keep_first_sample(struct img8 *img) {
    for (int y = 0; y < img->h; y++) {
        uint8_t *row = img->px + (size_t)y * img->stride;
        for (int x = 0; x < img->w; x++)
            row[x] = row[3 * x];
    }
}

static void spread_first_sample(struct img8 *img) {
    for (int y = 0; y < img->h; y++) {
        uint8_t *row = img->px + (size_t)y * img->stride;
        for (int x = img->w - 1; x >= 0; x--)
            row[3 * x] = row[3 * x + 1] = row[3 * x + 2] = row[x];
    }
}

static void gray_to_srgb(struct img8 *img, cmsHPROFILE from) {
    cmsHPROFILE srgb = cmsCreate_sRGBProfile();
    cmsToneCurve *curve = cmsBuildGamma(NULL, 2.2);
    cmsHPROFILE gray = curve ? cmsCreateGrayProfile(cmsD50_xyY(), srgb ? cmsReadTag(srgb, cmsSigGreenTRCTag) : curve) : NULL;
    cmsHTRANSFORM t = gray ? cmsCreateTransform(from, TYPE_GRAY_8, gray, TYPE_GRAY_8, INTENT_PERCEPTUAL, 0) : NULL;
    if (t) {
        keep_first_sample(img);
        for (int y = 0; y < img->h; y++) {
            uint8_t *row = img->px + (size_t)y * img->stride;
            cmsDoTransform(t, row, row, (cmsUInt32Number)img->w);
        }
        spread_first_sample(img);
        cmsDeleteTransform(t);
    }
    if (gray)
        cmsCloseProfile(gray);
    if (curve)
        cmsFreeToneCurve(curve);
    if (srgb)
        cmsCloseProfile(srgb);
}

static void repack(struct img8 *img) {
    size_t stride = 3 * (size_t)img->w;
    for (int y = 1; y < img->h; y++)
        memmove(img->px + (size_t)y * stride, img->px + (size_t)y * img->stride, stride);
    img->channels = 3;
    img->stride = stride;
}

int pixels_to_srgb(struct img8 *img, bool cmyk, const void *icc, size_t icc_n, struct err *e) {
    cmsColorSpaceSignature kind = cmsSigRgbData;
    cmsHPROFILE from = open_profile(icc, icc_n, cmyk ? cmsSigCmykData : cmsSigRgbData, cmyk ? cmsSigCmykData : cmsSigGrayData, &kind);
    if (img->channels != (cmyk ? 4 : 3)) {
        if (from)
            cmsCloseProfile(from);
        return err_set(e, ERR_INTERNAL, "%d channels to convert", img->channels);
    }
    if (cmyk) {
        if (!from || !transform(img, from, TYPE_CMYK_8_REV))
            cmyk_to_rgb(img);
        repack(img);
    } else if (from && kind == cmsSigGrayData) {
        gray_to_srgb(img, from);
    } else if (from) {
        transform(img, from, TYPE_RGB_8);
    }
    if (from)
        cmsCloseProfile(from);
    return 0;
}
