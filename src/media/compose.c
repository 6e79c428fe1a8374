#include "media/compose.h"

#include <math.h>
#include <string.h>

#include "base/json.h"
#include "media/dice.h"
#include "media/filter.h"
#include "media/shade.h"

/* ---- parameters ---- */

const char *const compose_check_names[COMPOSE_CHECKS] = { "faces_intact", "identity", "edges", "light" };

/* Names nobody knows are passed over: they are another judge's. */
static bool read_failed(const json_t *list, bool failed[COMPOSE_CHECKS]) {
    if (!json_is_array(list) || json_array_size(list) > 16)
        return false;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *z = json_string_value(json_array_get(list, i));
        for (int k = 0; z && k < COMPOSE_CHECKS; k++)
            failed[k] |= strcmp(z, compose_check_names[k]) == 0;
        if (!z)
            return false;
    }
    return true;
}

int compose_params_read(struct str json, struct compose_params *ret_p, struct err *e) {
    struct compose_params p = COMPOSE_DEFAULT;
    if (json.n == 0) {
        *ret_p = p;
        return 0;
    }
    CLEANUP(json_unref) json_t *root = NULL;
    int r = json_read(json, &root, e);
    if (r < 0)
        return r;
    if (!json_is_object(root))
        return err_set(e, ERR_BAD_INPUT, "compose: the parameters must be an object");
    const char *key;
    json_t *v;
    json_object_foreach(root, key, v) {
        double d = json_number_value(v);
        bool number = json_is_number(v), sound;
        if (strcmp(key, "variant") == 0) {
            sound = json_is_integer(v) && d >= 0 && d <= 63;
            p.variant = sound ? (int)d : 0;
        } else if (strcmp(key, "width") == 0) {
            sound = json_is_integer(v) && d >= 640 && d <= 4096;
            p.width = sound ? (int)d : 0;
        } else if (strcmp(key, "aspect") == 0) {
            sound = number && d >= 0.5 && d <= 2.5;
            p.aspect = (float)d;
        } else if (strcmp(key, "fidelity") == 0) {
            sound = number && d >= 0 && d <= 1;
            p.fidelity = (float)d;
        } else if (strcmp(key, "edge_blur_px") == 0) {
            sound = number && d >= 0 && d <= 4;
            p.edge_blur_px = (float)d;
        } else if (strcmp(key, "light") == 0) {
            const char *z = json_string_value(v);
            sound = z && (strcmp(z, "auto") == 0 || strcmp(z, "off") == 0);
            p.light = sound && strcmp(z, "auto") == 0;
        } else if (strcmp(key, "remake") == 0) {
            sound = json_is_integer(v) && d >= 0 && d <= 63;
            p.remake = sound ? (int)d : 0;
        } else if (strcmp(key, "failed") == 0) {
            sound = read_failed(v, p.failed);
        } else {
            return err_set(e, ERR_UNKNOWN_FIELD, "compose: no parameter %.40s", key);
        }
        if (!sound)
            return err_set(e, ERR_BAD_INPUT, "compose: %.40s is out of range", key);
    }
    *ret_p = p;
    return 0;
}

/* ---- a unit at its place ---- */

/* Canvas-sized things are never made for one person: everything here covers only `box` of the canvas. */
struct figure {
    struct box box;
    struct pic rgb; /* sRGB, straight */
    struct plane alpha;
    float head; /* px */
};

static void figure_done(struct figure *f) {
    pic_done(&f->rgb);
    plane_done(&f->alpha);
}

/* Pictures made larger look softer than their neighbours: gives some of it back. */
static void sharpen(struct pic *p, float sigma, float amount) {
    for (int c = 0; c < 3; c++) {
        PLANE_CLEANUP struct plane soft = plane_copy(&p->c[c]);
        plane_gauss(&soft, sigma);
        for (size_t i = 0, n = plane_n(&soft); i < n; i++) {
            float d = p->c[c].px[i] - soft.px[i];
            p->c[c].px[i] = clampf(p->c[c].px[i] + amount * clampf(d, -0.12f, 0.12f), 0, 1);
        }
    }
}

/* Unit u resampled to its place, cut to the canvas. False when nothing of it would be seen. */
static bool place_unit(struct unit *u, const struct arrange_place *at, int w, int h, float edge_px, float choke, struct figure *ret_f) {
    float head = at->head * (float)h, k = head / u->head_px;
    float x0 = at->x * (float)h - u->eye_x * k, y0 = at->y * (float)h - u->eye_y * k;
    struct box b = box_around((struct rectf){ x0, y0, x0 + (float)u->alpha.w * k, y0 + (float)u->alpha.h * k }, w, h);
    if (box_w(b) < 2 || box_h(b) < 2)
        return false;
    struct rectf from = { ((float)b.x0 - x0) / k, ((float)b.y0 - y0) / k, ((float)b.x1 - x0) / k, ((float)b.y1 - y0) / k };
    struct figure f = { .box = b, .head = head };
    /* Colours travel multiplied by alpha, so that nothing from outside the outline bleeds in. */
    f.alpha = plane_resample(&u->alpha, from, box_w(b), box_h(b), RESAMPLE_CUBIC);
    for (int c = 0; c < 3; c++) {
        PLANE_CLEANUP struct plane m = plane_copy(&u->rgb.c[c]);
        for (size_t i = 0, n = plane_n(&m); i < n; i++)
            m.px[i] *= u->alpha.px[i];
        f.rgb.c[c] = plane_resample(&m, from, box_w(b), box_h(b), RESAMPLE_CUBIC);
        for (size_t i = 0, n = plane_n(&f.alpha); i < n; i++)
            f.rgb.c[c].px[i] = f.alpha.px[i] > 1e-3f ? clampf(f.rgb.c[c].px[i] / f.alpha.px[i], 0, 1) : 0;
    }
    for (size_t i = 0, n = plane_n(&f.alpha); i < n; i++)
        f.alpha.px[i] = clampf(f.alpha.px[i], 0, 1);
    if (k > 1.1f) /* unless the photo was sharpened already: that shows even more when enlarged */
        sharpen(&f.rgb, 0.5f * k, fminf(0.7f, 0.5f * (k - 1)) * smoothf(0.32f, 0.48f, u->blur));
    if (k > 1.2f)
        pic_gauss(&f.rgb, 0.4f * k * smoothf(0.36f, 0.28f, u->blur));
    /* A lens never draws an outline sharper than what is inside of it. */
    PLANE_CLEANUP struct plane soft = plane_copy(&f.alpha);
    plane_gauss(&soft, 0.45f * edge_px * (float)w / 1920);
    for (size_t i = 0, n = plane_n(&soft); i < n; i++)
        f.alpha.px[i] = fminf(f.alpha.px[i], clampf((1.12f + choke) * soft.px[i] - 0.06f - choke, 0, 1));
    *ret_f = f;
    return true;
}

/* ---- painting ---- */

/* Darkens what is behind: softly and shifted away from the light. People behind catch more of it than a wall further back. */
static void cast_shadow(struct pic *canvas, const struct plane *people, const struct figure *f, const struct scene *s) {
    float sigma = 0.11f * f->head, dx = -0.16f * f->head * s->key.dir[0], dy = 0.10f * f->head * fmaxf(s->key.dir[1], 0.2f);
    int pad = (int)(3 * sigma + fabsf(dx) + fabsf(dy)) + 2, w = pic_w(canvas), h = pic_h(canvas);
    struct box b = { clampi(f->box.x0 - pad, 0, w), clampi(f->box.y0 - pad, 0, h), clampi(f->box.x1 + pad, 0, w),
                     clampi(f->box.y1 + pad, 0, h) };
    struct rectf from = { (float)(b.x0 - f->box.x0) - dx, (float)(b.y0 - f->box.y0) - dy, (float)(b.x1 - f->box.x0) - dx,
                          (float)(b.y1 - f->box.y0) - dy };
    /* Outside of the figure's own box there is nothing, except below and beside where the canvas ends. */
    PLANE_CLEANUP struct plane wide = plane_new(box_w(b), box_h(b));
    for (int y = 0; y < wide.h; y++)
        for (int x = 0; x < wide.w; x++) {
            int sx = (int)floorf(from.x0 + (float)x + 0.5f), sy = (int)floorf(from.y0 + (float)y + 0.5f);
            if (sy >= f->alpha.h && f->box.y1 == h)
                sy = f->alpha.h - 1;
            if (sx >= 0 && sy >= 0 && sx < f->alpha.w && sy < f->alpha.h)
                plane_row(&wide, y)[x] = plane_row(&f->alpha, sy)[sx];
        }
    PLANE_CLEANUP struct plane shade = plane_gauss_far(&wide, sigma);
    float on_wall = s->kind == SCENE_BACKDROP ? 0.16f : s->kind == SCENE_ROOM ? 0.05f : 0;
    for (int y = 0; y < shade.h; y++) {
        const float *sh = plane_row(&shade, y), *pe = plane_row(people, b.y0 + y) + b.x0;
        for (int c = 0; c < 3; c++) {
            float *d = plane_row(&canvas->c[c], b.y0 + y) + b.x0;
            for (int x = 0; x < shade.w; x++)
                d[x] *= 1 - clampf(sh[x], 0, 1) * mixf(on_wall, 0.34f, pe[x]);
        }
    }
}

/* Light from behind creeps around an outline; without it people look glued on. Only where it is brighter than they are. */
static void wrap_light(struct figure *f, const struct pic *behind, float amount) {
    float sigma = 0.035f * f->head;
    PLANE_CLEANUP struct plane deep = plane_copy(&f->alpha);
    plane_gauss(&deep, sigma);
    for (int c = 0; c < 3; c++) {
        PLANE_CLEANUP struct plane light = plane_gauss_far(&behind->c[c], 3 * sigma);
        for (size_t i = 0, n = plane_n(&deep); i < n; i++) {
            float edge = clampf((1 - deep.px[i]) * 1.6f, 0, 1) * amount;
            f->rgb.c[c].px[i] += edge * fmaxf(0, light.px[i] - f->rgb.c[c].px[i] * 0.6f) * 0.5f;
        }
    }
}

/* Over the canvas, in sRGB: the mattes were learned on such mixtures. */
static void lay(struct pic *canvas, struct plane *people, const struct figure *f) {
    for (int y = 0; y < f->alpha.h; y++) {
        const float *a = plane_row(&f->alpha, y);
        for (int c = 0; c < 3; c++) {
            float *d = plane_row(&canvas->c[c], f->box.y0 + y) + f->box.x0;
            const float *s = plane_row(&f->rgb.c[c], y);
            for (int x = 0; x < f->alpha.w; x++)
                d[x] += (s[x] - d[x]) * a[x];
        }
        float *p = plane_row(people, f->box.y0 + y) + f->box.x0;
        for (int x = 0; x < f->alpha.w; x++)
            p[x] = fmaxf(p[x], a[x]);
    }
}

float compose_edge_score(const struct pic *shown, const struct pic *behind, const struct pic *body, const struct plane *alpha,
                         struct box where) {
    struct plane in = plane_copy(alpha);
    int r = clampi(box_w(where) / 60, 3, 24);
    for (size_t i = 0, n = plane_n(&in); i < n; i++)
        in.px[i] = alpha->px[i] > 0.95f;
    struct plane weight = plane_copy(&in);
    plane_box(&weight, r);
    double excess = 0, count = 0;
    struct plane near[3];
    for (int c = 0; c < 3; c++) {
        near[c] = plane_copy(&body->c[c]);
        for (size_t i = 0, n = plane_n(&in); i < n; i++)
            near[c].px[i] *= in.px[i];
        plane_box(&near[c], r);
    }
    for (size_t i = 0, n = plane_n(&in); i < n; i++) {
        if (alpha->px[i] < 0.08f || alpha->px[i] > 0.85f || weight.px[i] < 0.02f)
            continue;
        float l[3] = { 0 };
        static const float k[3] = { 0.2126f, 0.7152f, 0.0722f };
        for (int c = 0; c < 3; c++) {
            l[0] += k[c] * shown->c[c].px[i];
            l[1] += k[c] * behind->c[c].px[i];
            l[2] += k[c] * near[c].px[i] / weight.px[i];
        }
        float hi = fmaxf(l[1], l[2]), lo = fminf(l[1], l[2]), slack = 0.04f;
        excess += (double)(fmaxf(0, l[0] - hi - slack) + fmaxf(0, lo - l[0] - slack));
        count++;
    }
    for (int c = 0; c < 3; c++)
        plane_done(&near[c]);
    plane_done(&in);
    plane_done(&weight);
    return count < 20 ? 1 : clampf(1 - (float)(excess / count) / 0.10f, 0, 1);
}

/* One unit from its pixels to the canvas. Returns its edge score. */
static float paint_unit(struct pic *canvas, struct plane *people, struct unit *u, const struct arrange_place *at,
                        const struct scene *s, const struct compose_params *p) {
    struct figure f;
    if (!place_unit(u, at, pic_w(canvas), pic_h(canvas), p->edge_blur_px, p->choke, &f))
        return 1;
    PIC_CLEANUP struct pic body = pic_copy(&f.rgb);
    cast_shadow(canvas, people, &f, s);
    PIC_CLEANUP struct pic behind = pic_crop(canvas, f.box);
    wrap_light(&f, &behind, s->kind == SCENE_BACKDROP ? 0.35f : 0.6f);
    lay(canvas, people, &f);
    PIC_CLEANUP struct pic shown = pic_crop(canvas, f.box);
    float score = compose_edge_score(&shown, &behind, &body, &f.alpha, f.box);
    figure_done(&f);
    return score;
}

/* ---- whole ---- */

/* What the four candidates look like, apart from who stands where. */
struct look {
    float zoom, pan, blur;
    float tone;  /* how bright a painted backdrop is */
    bool mirror; /* the lamp of a painted backdrop stands on the other side */
    struct grade grade;
};

static struct look look_of(int variant, uint64_t seed) {
    static const struct look kinds[4] = {
        { 1.05f, 0.00f, 1.0f, 1.14f, false, { 0.08f, 0.10f, 0.10f, 0.02f, 0.00f, 0.26f, 0.10f, 0.010f } },   /* classic */
        { 1.45f, 0.80f, 1.6f, 0.40f, true, { -0.04f, 0.26f, -0.14f, 0.08f, 0.00f, 0.50f, 0.08f, 0.010f } },  /* crisp, a little cool */
        { 1.15f, -0.70f, 0.8f, 1.45f, false, { 0.20f, -0.08f, 0.20f, -0.05f, 0.35f, 0.06f, 0.28f, 0.008f } }, /* airy */
        { 1.20f, -0.40f, 0.6f, 0.80f, true, { -0.18f, 0.26f, 0.46f, 0.04f, 0.20f, 0.50f, 0.14f, 0.016f } },   /* film */
    };
    struct look l = kinds[variant % 4];
    if (variant >= 4) {
        struct dice d = { seed * 31u + (uint64_t)variant };
        l.zoom *= dice_between(&d, 1, 1.25f);
        l.pan = dice_between(&d, -0.6f, 0.6f);
        l.grade.warm += dice_between(&d, -0.15f, 0.15f);
    }
    return l;
}

/* The scene as this candidate shows it. What stands in a photo stays as it is; a painted backdrop can be painted and lit anew. */
static struct scene scene_in(const struct scene *s, const struct look *l) {
    struct scene out = *s;
    if (s->kind != SCENE_BACKDROP)
        return out;
    /* A pale cloth made paler would burn out, made much darker it would be another cloth. */
    float *const colours[] = { out.cloth.base, out.cloth.glow, out.cloth.edge };
    float brightest = fmaxf(out.cloth.glow[0], fmaxf(out.cloth.glow[1], out.cloth.glow[2]));
    float tone = fminf(l->tone, fmaxf(0.66f / fmaxf(brightest, 0.01f), 0.9f));
    tone = l->tone < 1 ? powf(l->tone, brightest > 0.5f ? 0.6f : 1) : tone;
    for (int i = 0; i < 9; i++)
        colours[i / 3][i % 3] = clampf(colours[i / 3][i % 3] * tone, 0, 1);
    if (l->mirror) {
        out.key.dir[0] = -out.key.dir[0];
        out.fill.dir[0] = -out.fill.dir[0];
    }
    return out;
}

/* What is done otherwise because the candidate was made before and found wanting. */
static void learn(const struct compose_params *asked, struct compose_params *p, struct arrange_wish *wish) {
    float times = (float)clampi(asked->remake, 1, 3);
    if (asked->failed[CHECK_FACES] || asked->failed[CHECK_IDENTITY])
        wish->wider = (int)times;
    if (asked->failed[CHECK_IDENTITY]) /* less of everything that touches a face */
        p->fidelity = fminf(1, p->fidelity + 0.12f * times);
    else if (asked->failed[CHECK_LIGHT]) /* beyond the usual full strength */
        p->push = 0.35f * times;
    if (asked->failed[CHECK_EDGES]) {
        p->edge_blur_px *= 1 + 0.35f * times;
        p->choke = 0.10f * times;
        wish->hide = (int)times;
    }
}

static void fill_report(const struct unit *units, const struct arrangement *a, const float *edge, float h,
                        struct compose_report *r) {
    for (int k = 0; k < a->n; k++) {
        const struct arrange_place *at = &a->place[k];
        const struct unit *u = &units[at->unit];
        for (int i = 0; i < u->n; i++) {
            const struct arrange_head *hd = &u->shape.head[i];
            float head = at->head * h, x = at->x * h + hd->x * head, y = at->y * h + hd->y * head;
            __typeof__(r->person[0]) *q = &r->person[u->who[i]];
            q->eye[0] = x;
            q->eye[1] = y;
            q->head_px = head * hd->size;
            q->face[0] = x - hd->left * head;
            q->face[1] = y - 0.7f * hd->up * head;
            q->face[2] = x + hd->right * head;
            q->face[3] = y + hd->down * head;
            q->edge = edge[at->unit];
            q->outside = at->outside;
            q->head_out = at->head_out;
        }
    }
    r->cut_shown = a->cut_shown;
    r->covered = a->covered;
    r->floating = a->floating;
}

/* Lights every unit. Members of one unit share a plan. */
static float light_units(struct unit *units, int n_units, const struct layer *layers, int n, const struct scene *s,
                         const struct compose_params *p) {
    struct layer_facts seen[VISION_PEOPLE_MAX];
    const struct layer_facts *facts[VISION_PEOPLE_MAX];
    struct light_plan plan[VISION_PEOPLE_MAX];
    int group[VISION_PEOPLE_MAX] = { 0 };
    /* Fidelity 0.7 is the usual: full agreement; 1 leaves two thirds of each photo's own light alone. */
    float strength = p->light ? clampf(1 - 2.2f * (p->fidelity - 0.7f), 0.34f, 1) + p->push : 0, uneven = 0;
    for (int u = 0; u < n_units; u++) {
        struct shade_face face[VISION_PEOPLE_MAX];
        shade_even(&units[u], layers, strength, face);
        for (int i = 0; i < units[u].n; i++) {
            int who = units[u].who[i];
            group[who] = u;
            facts[who] = &seen[who];
            seen[who] = layers[who].f;
            memcpy(seen[who].skin, face[i].skin, sizeof seen[who].skin);
            seen[who].light_x = face[i].light_x;
            seen[who].light_y = face[i].light_y;
            uneven = fmaxf(uneven, face[i].uneven);
        }
    }
    light_plan(facts, group, n, s, strength, plan);
    for (int u = 0; u < n_units && strength > 0; u++)
        light_apply(&units[u].rgb, &plan[units[u].who[0]], units[u].eye_x, units[u].eye_y, units[u].head_px);
    return light_agreement(plan, n, uneven);
}

/* 3:2, as photographers hang families, 4:5 for one person; somebody's own picture keeps its shape as far as everybody finds room in it. */
static float aspect_of(const struct scene *s, const struct compose_params *p, int people) {
    static const float narrowest[VISION_PEOPLE_MAX + 1] = { 1, 0.75f, 0.8f, 1, 1.2f, 1.3f };
    if (p->aspect > 0)
        return p->aspect;
    if (s->kind == SCENE_PICTURE)
        return clampf((float)s->background->w / (float)s->background->h, narrowest[people], 1.78f);
    return people == 1 ? 0.8f : 1.5f;
}

struct pic compose_picture(const struct layer *layers, int n, const struct scene *place, const struct compose_params *asked,
                           uint64_t seed, struct compose_report *ret_report, struct img8 *ret_empty) {
    struct unit units[VISION_PEOPLE_MAX];
    struct arrange_unit shapes[VISION_PEOPLE_MAX];
    int n_units = unit_make_all(layers, n, units);
    float aspect = aspect_of(place, asked, n);
    int w = aspect >= 1 ? asked->width : (int)lroundf((float)asked->width * aspect);
    int h = aspect >= 1 ? (int)lroundf((float)asked->width / aspect) : asked->width;
    struct arrangement a;
    struct arrange_wish wish = { (float)w / (float)h, (float)h, asked->variant, seed - (uint64_t)asked->variant, 0, 0 };
    struct compose_params own = *asked, *p = &own;
    learn(asked, &own, &wish);
    for (int i = 0; i < n_units; i++)
        shapes[i] = units[i].shape;
    arrange_people(shapes, n_units, &wish, &a);

    struct look look = look_of(p->variant, seed);
    struct scene shown = scene_in(place, &look);
    const struct scene *s = &shown;
    float eyes = 0, middle = 0;
    for (int i = 0; i < a.n; i++) {
        eyes += a.place[i].y / (float)a.n;
        middle += a.place[i].x / wish.aspect / (float)a.n;
    }
    struct scene_view view = scene_aim(s, wish.aspect, (float)h, a.head * (float)h, eyes, look.zoom, look.pan);
    struct pic canvas = scene_render(s, &view, w, h, s->kind == SCENE_PICTURE ? 0.35f * look.blur : look.blur, middle, seed);
    pic_to_srgb(&canvas);
    if (ret_empty)
        *ret_empty = img8_of_srgb(&canvas);

    *ret_report = (struct compose_report){ .n = n };
    ret_report->light = light_units(units, n_units, layers, n, s, p);
    PLANE_CLEANUP struct plane people = plane_new(w, h);
    float edge[VISION_PEOPLE_MAX];
    for (int i = 0; i < a.n; i++)
        edge[a.place[i].unit] = paint_unit(&canvas, &people, &units[a.place[i].unit], &a.place[i], s, p);
    fill_report(units, &a, edge, (float)h, ret_report);
    pic_to_linear(&canvas);
    light_grade(&canvas, &look.grade, seed);
    for (int i = 0; i < n_units; i++)
        unit_done(&units[i]);
    return canvas;
}
