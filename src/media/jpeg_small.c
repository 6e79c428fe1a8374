/*
 * jpeg_small.c - reading only the lowest coefficients of a baseline JPEG: two by two of each block, or its mean alone.
 *
 * The pixels are the inverse cosine transform of that many points, which is what a good filter would leave of the block. Brightness and
 * colours stay apart until they are shrunk, since the colours usually are half as large: RGB is made of the result only.
 * Source of the format: ITU-T T.81 (1992), sections F.2 and E.2, annex C; of the colours: JFIF 1.02.
 */
#include "media/jpeg_small.h"

#include <endian.h>
#include <math.h>
#include <string.h>
#include "media/pixels.h"

#define ALWAYS __attribute__((always_inline))
#define LOOK   10                                   /* bits that one look into a table resolves; longer codes are rare */
#define SKIP   11                                   /* bits looked at when several codes are passed over */
#define NEED   4                                    /* last coefficient of two by two, in zigzag order: 1 and 2 are its neighbours, 3 is not used */
#define ENDS   64                                   /* a run that says: the block has ended */

/* ---- bits ---- */

/*
 * The next bits stand on top of acc, n of them (those below are the same as will come again). Behind the last byte before a marker come
 * zeros: `padded` counts them.
 */
struct bits {
    const uint8_t *p, *end;
    uint64_t acc;
    int n, padded;
};

/* By value, so that the fast way can keep its copy in registers. */
static struct bits refill_slowly(struct bits b) {
    while (b.n <= 56) {
        unsigned byte = 0;
        if (b.p < b.end && *b.p != 0xff) {
            byte = *b.p++;
        } else if (b.end - b.p >= 2 && b.p[1] == 0) {           /* 0xff in the data has a zero behind it */
            byte = 0xff;
            b.p += 2;
        } else {
            b.padded += 8;
        }
        b.acc |= (uint64_t)byte << (56 - b.n);
        b.n += 8;
    }
    return b;
}

static inline ALWAYS bool has_ff(uint64_t v) { return ((~v - 0x0101010101010101u) & v & 0x8080808080808080u) != 0; }

/* At least 56 bits after it. */
static inline ALWAYS void refill(struct bits *b) {
    uint64_t v = UINT64_MAX;
    if (b->end - b->p >= 8)
        memcpy(&v, b->p, sizeof v);
    v = be64toh(v);
    if (has_ff(v)) {
        *b = refill_slowly(*b);
        return;
    }
    b->acc |= v >> b->n;
    b->p += (63 - b->n) >> 3;
    b->n |= 56;
}

static inline ALWAYS unsigned peek(const struct bits *b, int n) { return (unsigned)(b->acc >> (64 - n)); }

static inline ALWAYS void drop(struct bits *b, unsigned n) {
    b->acc <<= n;
    b->n -= (int)n;
}

/* The top n bits as the value of a coefficient; n may be 0. */
static inline ALWAYS int value_of(uint64_t top, unsigned n) {
    int v = (int)(top >> 1 >> (63 - n));
    return v < (1 << n >> 1) ? v - (1 << n) + 1 : v;
}

/* All that is left is the filling of a last byte and then the marker 0xff `code`: passes over both. */
static bool take_marker(struct bits *b, unsigned code) {
    struct bits f = refill_slowly(*b);
    if (f.n - f.padded >= 8 || f.n < f.padded || f.end - f.p < 2 || f.p[0] != 0xff || f.p[1] != code)
        return false;
    *b = (struct bits){ .p = f.p + 2, .end = f.end };
    return true;
}

/* ---- codes ---- */

/* What one look tells. In all three, 0 says: the bits looked at are not enough. */
struct codes {
    uint16_t look[1 << LOOK];                       /* length << 8 | symbol */
    int32_t  quick[1 << LOOK];                      /* value << 16 | run << 8 | bits of code and value; no ZRL */
    uint32_t skip[1 << SKIP];                       /* bits << 16 | coefficients << 8 | 1 if the block ends: of several codes */
    int first[17], count[17], offset[17];           /* of each length */
    const uint8_t *symbol;
};

/* Length << 8 | symbol of the code at the top of 32 bits; 0: there is none. */
static unsigned code_at(const struct codes *c, uint32_t top) {
    unsigned found = c->look[top >> (32 - LOOK)];
    for (int len = LOOK + 1; !found && len <= 16; len++) {
        int code = (int)(top >> (32 - len)) - c->first[len];
        if (code >= 0 && code < c->count[len])
            found = (unsigned)len << 8 | c->symbol[c->offset[len] + code];
    }
    return found;
}

static int32_t quick_of(const struct codes *c, uint32_t top, bool ac) {
    unsigned found = code_at(c, top), len = found >> 8, size = found & 15, run = found >> 4 & 15;
    if (!found || len + size > LOOK || (ac && size == 0 && run == 15))
        return 0;
    if (ac && size == 0)
        return (int32_t)(ENDS << 8 | len);
    return (int32_t)((uint32_t)value_of((uint64_t)top << 32 << len, size) << 16 | run << 8 | (len + size));
}

static uint32_t skip_of(const struct codes *c, uint32_t top) {
    unsigned bits = 0, coefs = 0;
    for (;;) {
        unsigned found = code_at(c, top << bits), len = found >> 8, size = found & 15, run = found >> 4 & 15;
        if (!found || bits + len + size > SKIP || coefs + run + 1 > 63)
            return bits << 16 | coefs << 8;
        if (size == 0 && run != 15)
            return (bits + len) << 16 | coefs << 8 | 1;
        bits += len + size;
        coefs += run + 1;
    }
}

static bool codes_make(const JHUFF_TBL *t, bool ac, struct codes *c) {
    int code = 0, n = 0;
    if (!t)
        return false;
    memset(c->look, 0, sizeof c->look);
    c->symbol = t->huffval;
    for (int len = 1; len <= 16; len++, code <<= 1) {
        c->first[len] = code;
        c->count[len] = t->bits[len];
        c->offset[len] = n;
        if (code + c->count[len] > 1 << len || n + c->count[len] > 256)
            return false;
        for (int i = 0; i < c->count[len]; i++, code++, n++) {
            if (ac ? (c->symbol[n] & 15) > 10 : c->symbol[n] > 11)       /* as much as samples of 8 bits need */
                return false;
            for (int k = 0; len <= LOOK && k < 1 << (LOOK - len); k++)
                c->look[(code << (LOOK - len)) + k] = (uint16_t)(len << 8 | c->symbol[n]);
        }
    }
    for (uint32_t i = 0; i < 1 << LOOK; i++)
        c->quick[i] = quick_of(c, i << (32 - LOOK), ac);
    for (uint32_t i = 0; ac && i < 1 << SKIP; i++)
        c->skip[i] = skip_of(c, i << (32 - SKIP));
    return true;
}

/* ---- blocks ---- */

struct part {
    struct codes dc, ac;
    int h, v, last;                                 /* blocks of an MCU; the mean of the block before */
    int scale[NEED + 1];                            /* of a coefficient */
    struct img8 plane;                              /* room for whole MCUs; w and h are the picture's */
    double cover_w, cover_h;                        /* the same, exactly: the last sample may be the picture's in part */
};

struct small {
    struct bits bits;
    int atom;                                       /* pixels of a block in each direction: 1 or 2 */
    int n_parts, mcus_x, mcus_y;
    struct part part[3];
};

static uint8_t sample(int v) { return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v); }

/* One code with its value. *run: coefficients of 0 before it, or ENDS. False: no such code. */
static inline ALWAYS bool take_code(struct bits *b, const struct codes *c, bool ac, int *run, int *value) {
    int32_t q = c->quick[peek(b, LOOK)];
    if (q) {
        drop(b, (unsigned)q & 255);
        *run = q >> 8 & 255;
        *value = q >> 16;
        return true;
    }
    unsigned found = code_at(c, (uint32_t)(b->acc >> 32)), size = found & 15;
    drop(b, found >> 8);
    *run = (int)(found >> 4 & 15);
    if (ac && size == 0 && *run != 15)
        *run = ENDS;
    *value = value_of(b->acc, size);
    drop(b, size);
    return found != 0;
}

/* The coefficients from k on, up to the block's end. */
static inline ALWAYS bool skip_rest(struct bits *b, const struct codes *c, int k) {
    while (k < 64) {
        int run, value;
        if (b->n < 32)
            refill(b);
        uint32_t s = c->skip[peek(b, SKIP)];
        if (s && k + (int)(s >> 8 & 255) + (int)(s & 1) <= 64) {
            drop(b, s >> 16);
            if (s & 1)
                return true;
            k += (int)(s >> 8 & 255);
            continue;
        }
        if (!take_code(b, c, true, &run, &value))
            return false;
        if (run == ENDS)
            return true;
        k += run + 1;
    }
    return k == 64;
}

/* ret: coefficients of zigzag places 0 to `need`, times their steps. */
static inline ALWAYS bool take_block(struct bits *b, struct part *p, int need, int *ret) {
    int run, value, k = 1;
    refill(b);
    if (!take_code(b, &p->dc, false, &run, &value))
        return false;
    p->last += value;
    if (p->last < INT16_MIN || p->last > INT16_MAX)
        return false;
    ret[0] = p->last * p->scale[0];
    while (k <= need) {
        if (b->n < 32)
            refill(b);
        if (!take_code(b, &p->ac, true, &run, &value))
            return false;
        if (run == ENDS)
            return true;
        k += run;
        if (k <= need)
            ret[k] = value * p->scale[k];
        k++;
    }
    return skip_rest(b, &p->ac, k);
}

static inline ALWAYS void put_block(const int *c, int atom, uint8_t *d, size_t stride) {
    int mean = c[0] + (128 * 8 + 4), top = mean + c[2], bottom = mean - c[2];
    if (atom == 1) {
        d[0] = sample(mean >> 3);
        return;
    }
    d[0] = sample((top + c[1] + c[4]) >> 3);
    d[1] = sample((top - c[1] - c[4]) >> 3);
    d[stride] = sample((bottom + c[1] - c[4]) >> 3);
    d[stride + 1] = sample((bottom - c[1] + c[4]) >> 3);
}

static inline ALWAYS bool take_mcu(struct small *s, struct bits *b, int x, int y) {
    for (int i = 0; i < s->n_parts; i++) {
        struct part *p = &s->part[i];
        for (int n = 0; n < p->h * p->v; n++) {
            int coef[NEED + 1] = { 0 }, row = n >> (p->h - 1), col = n & (p->h - 1);
            if (!take_block(b, p, s->atom == 1 ? 0 : NEED, coef))
                return false;
            size_t at = (size_t)((y * p->v + row) * s->atom) * p->plane.stride + (size_t)((x * p->h + col) * s->atom);
            put_block(coef, s->atom, p->plane.px + at, p->plane.stride);
        }
    }
    return b->n >= b->padded;                       /* none of it was made up */
}

static bool take_scan(struct small *s, unsigned restart_interval) {
    struct bits b = s->bits;
    unsigned marker = 0, left = restart_interval;
    for (int y = 0; y < s->mcus_y; y++) {
        for (int x = 0; x < s->mcus_x; x++) {
            if (restart_interval > 0 && left-- == 0) {
                if (!take_marker(&b, 0xd0 + marker))
                    return false;
                marker = (marker + 1) & 7;
                left = restart_interval - 1;
                for (int i = 0; i < s->n_parts; i++)
                    s->part[i].last = 0;
            }
            if (!take_mcu(s, &b, x, y))
                return false;
        }
    }
    return take_marker(&b, 0xd9);
}

/* ---- the file's head, and the picture ---- */

static bool is_usual(const struct jpeg_decompress_struct *d) {
    int n = d->num_components, most = n == 1 ? MAX_SAMP_FACTOR : 2;
    if (d->progressive_mode || d->arith_code || d->data_precision != 8 || d->comps_in_scan != n || !d->src ||
        d->Ss != 0 || d->Se != DCTSIZE2 - 1 || d->Ah != 0 || d->Al != 0 ||
        !((n == 3 && d->jpeg_color_space == JCS_YCbCr) || (n == 1 && d->jpeg_color_space == JCS_GRAYSCALE)))
        return false;
    for (int i = 0; i < n; i++, most = 1) {
        const jpeg_component_info *c = d->cur_comp_info[i];
        if (c != &d->comp_info[i] || c->h_samp_factor > most || c->v_samp_factor > most)
            return false;
        /* Numbers from the file, which libjpeg looks at only when it begins to decode. */
        if (c->dc_tbl_no < 0 || c->dc_tbl_no >= NUM_HUFF_TBLS || c->ac_tbl_no < 0 || c->ac_tbl_no >= NUM_HUFF_TBLS ||
            c->quant_tbl_no < 0 || c->quant_tbl_no >= NUM_QUANT_TBLS || !d->quant_tbl_ptrs[c->quant_tbl_no])
            return false;
    }
    return true;
}

static int round_up(int n, int by) { return (n + by - 1) / by; }

/* 1 or 0: is it one that we take? */
static int prepare(const struct jpeg_decompress_struct *d, struct small *s, struct err *e) {
    static const int zigzag[NEED + 1] = { 0, 1, 8, 16, 9 };
    int w = (int)d->image_width, h = (int)d->image_height, mcu_w = 0, mcu_h = 0;
    s->bits = (struct bits){ .p = d->src->next_input_byte, .end = d->src->next_input_byte + d->src->bytes_in_buffer };
    for (int i = 0; i < s->n_parts; i++) {
        const jpeg_component_info *c = d->cur_comp_info[i];
        const JQUANT_TBL *q = d->quant_tbl_ptrs[c->quant_tbl_no];
        struct part *p = &s->part[i];
        p->h = s->n_parts == 1 ? 1 : c->h_samp_factor;          /* a scan of one part has no MCUs but blocks */
        p->v = s->n_parts == 1 ? 1 : c->v_samp_factor;
        for (int k = 0; k <= NEED; k++) {
            p->scale[k] = q->quantval[zigzag[k]];
            if (p->scale[k] > 255)
                return 0;
        }
        if (!codes_make(d->dc_huff_tbl_ptrs[c->dc_tbl_no], false, &p->dc) || !codes_make(d->ac_huff_tbl_ptrs[c->ac_tbl_no], true, &p->ac))
            return 0;
        if (i == 0) {
            mcu_w = 8 * p->h;
            mcu_h = 8 * p->v;
            s->mcus_x = round_up(w, mcu_w);
            s->mcus_y = round_up(h, mcu_h);
        }
        int r = pixels_new(s->mcus_x * p->h * s->atom, s->mcus_y * p->v * s->atom, 1, &p->plane, e);
        if (r < 0)
            return r;
        p->cover_w = (double)(w * p->h * s->atom) / mcu_w;
        p->cover_h = (double)(h * p->v * s->atom) / mcu_h;
        p->plane.w = (int)ceil(p->cover_w);
        p->plane.h = (int)ceil(p->cover_h);
    }
    return 1;
}

/* JFIF 1.02, in fixed point of 16 bits. */
static void colours(const uint8_t *luma, const uint8_t *blue, const uint8_t *red, int n, uint8_t *d) {
    for (int x = 0; x < n; x++, d += 3) {
        int y = luma[x], cb = blue[x] - 128, cr = red[x] - 128;
        d[0] = sample(y + ((91881 * cr + 32768) >> 16));
        d[1] = sample(y + ((-22554 * cb - 46802 * cr + 32768) >> 16));
        d[2] = sample(y + ((116130 * cb + 32768) >> 16));
    }
}

/* The planes become the picture. */
static int finish(struct small *s, int w, int h, struct img8 *ret, struct err *e) {
    int r = 0;
    for (int i = 0; r == 0 && i < s->n_parts; i++) {
        struct img8 fit;
        r = pixels_shrink_part(&s->part[i].plane, s->part[i].cover_w, s->part[i].cover_h, w, h, &fit, e);
        if (r == 0) {
            pixels_done(&s->part[i].plane);
            s->part[i].plane = fit;
        }
    }
    if (r < 0 || (r = pixels_new(w, h, 3, ret, e)) < 0)
        return r;
    for (int y = 0; y < h; y++) {
        const struct img8 *luma = &s->part[0].plane, *blue = &s->part[1].plane, *red = &s->part[2].plane;
        uint8_t *d = ret->px + (size_t)y * ret->stride;
        const uint8_t *from = luma->px + (size_t)y * luma->stride;
        if (s->n_parts == 3)
            colours(from, blue->px + (size_t)y * blue->stride, red->px + (size_t)y * red->stride, w, d);
        for (int x = 0; s->n_parts == 1 && x < w; x++, d += 3)
            d[0] = d[1] = d[2] = from[x];
    }
    return 1;
}

int jpeg_small(const struct jpeg_decompress_struct *d, int side_px, struct img8 *ret, struct err *e) {
    int w, h, side = (int)(d->image_width > d->image_height ? d->image_width : d->image_height);
    if (side / 4 < 2 * side_px || !is_usual(d))
        return 0;
    struct small *s = calloc(1, sizeof *s);
    if (!s)
        return err_set(e, ERR_MEDIA_MEMORY, "no memory for the codes of a JPEG");
    s->atom = side / 8 < 2 * side_px ? 2 : 1;
    s->n_parts = d->num_components;
    pixels_fit((int)d->image_width, (int)d->image_height, side_px, &w, &h);
    int r = prepare(d, s, e);
    if (r > 0)
        r = take_scan(s, d->restart_interval) ? finish(s, w, h, ret, e) : 0;
    for (int i = 0; i < s->n_parts; i++)
        pixels_done(&s->part[i].plane);
    free(s);
    return r;
}
