/*
 * lab.c - zoetrope-media-lab: runs the vision operations on files, for developers who want to look at pictures. Not installed.
 *
 *   zoetrope-media-lab [options] PHOTO[:FACE] ...        FACE: index from the left, default 0
 *     -l FILE  libonnxruntime.so.1     -m DIR  models     -o PREFIX  where pictures go ("PREFIX0.ppm" ...)
 *     -b FILE  background (JPEG)       -d FILE  inverse depth (16-bit grey PNG)      -s FILE  scene data (JSON)
 *     -v N,N.. variants, default 0,1,2,3     -w PX  width     -S SEED     -p JSON  more compose parameters     -f  only list
 * faces -c  only cut out: writes every person on grey beside magenta
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <jpeglib.h>
#include <png.h>

#include "media/cutout.h"
#include "media/layer.h"
#include "media/scene.h"
#include "media/studio_ops.h"

struct options {
    const char *ort, *models, *out, *background, *depth, *scene, *variants, *params;
    int width;
    uint64_t seed;
    bool faces_only, cut_only, scene_only;
};

static double cpu_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static _Noreturn void die(const char *what, const char *why) {
    fprintf(stderr, "zoetrope-media-lab: %s: %s\n", what, why);
    exit(1);
}

static struct img8 read_jpeg(const char *path) {
    CLEANUP(fclose) FILE *f = fopen(path, "rb");
    if (!f)
        die(path, strerror(errno));
    struct jpeg_decompress_struct d;
    struct jpeg_error_mgr err;
    d.err = jpeg_std_error(&err);
    jpeg_create_decompress(&d);
    jpeg_stdio_src(&d, f);
    jpeg_read_header(&d, TRUE);
    d.out_color_space = JCS_RGB;
    jpeg_start_decompress(&d);
    struct img8 img = img8_new((int)d.output_width, (int)d.output_height, 3);
    while (d.output_scanline < d.output_height) {
        JSAMPROW row = img.px + img.stride * d.output_scanline;
        jpeg_read_scanlines(&d, &row, 1);
    }
    jpeg_finish_decompress(&d);
    jpeg_destroy_decompress(&d);
    return img;
}

static struct img16 read_depth(const char *path) {
    CLEANUP(fclose) FILE *f = fopen(path, "rb");
    if (!f)
        die(path, strerror(errno));
    png_structp p = png_create_read_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = p ? png_create_info_struct(p) : NULL;
    if (!info || setjmp(png_jmpbuf(p)))
        die(path, "not a PNG");
    png_init_io(p, f);
    png_read_png(p, info, PNG_TRANSFORM_SWAP_ENDIAN, NULL);
    int w = (int)png_get_image_width(p, info), h = (int)png_get_image_height(p, info);
    if (png_get_bit_depth(p, info) != 16 || png_get_channels(p, info) != 1)
        die(path, "not a 16-bit grey PNG");
    struct img16 img = { w, h, (size_t)w, malloc(sizeof(uint16_t) * (size_t)w * (size_t)h) };
    if (!img.px)
        die(path, "out of memory");
    for (int y = 0; y < h; y++)
        memcpy(img.px + (size_t)y * img.stride, png_get_rows(p, info)[y], (size_t)w * 2);
    png_destroy_read_struct(&p, &info, NULL);
    return img;
}

static void read_text(const char *path, struct buf *out) {
    CLEANUP(fclose) FILE *f = fopen(path, "rb");
    char part[4096];
    if (!f)
        die(path, strerror(errno));
    for (size_t n; (n = fread(part, 1, sizeof part, f)) > 0;)
        buf_add(out, part, n);
}

static void write_ppm(const struct img8 *img, const char *path) {
    CLEANUP(fclose) FILE *f = fopen(path, "wb");
    if (!f)
        die(path, strerror(errno));
    fprintf(f, "P6\n%d %d\n255\n", img->w, img->h);
    for (int y = 0; y < img->h; y++)
        fwrite(img->px + (size_t)y * img->stride, 3, (size_t)img->w, f);
}

static void list_faces(struct vision *v, const char *path, const struct img8 *photo) {
    static struct vision_face faces[VISION_FACES_MAX];
    struct err e = { 0 };
    double t = cpu_ms();
    int n = vision_faces(v, photo, faces, VISION_FACES_MAX, &e);
    if (n < 0)
        die(path, e.text);
    printf("%s: %d faces, %.0f ms\n", path, n, cpu_ms() - t);
    for (int i = 0; i < n; i++) {
        const struct vision_face *f = &faces[i];
        int r = vision_face_check(f, &VISION_RULES_DEFAULT, &e);
        printf("  %d: %.0f,%.0f %.0f px, confidence %.2f, yaw %.0f pitch %.0f roll %.0f, blur %.2f, coloured light %.3f: %s\n", i, (double)f->box[0],
               (double)f->box[1], (double)f->size_px, (double)f->confidence, (double)f->yaw_deg, (double)f->pitch_deg,
               (double)f->roll_deg, (double)f->blur, (double)f->odd_light, r < 0 ? e.text : "good");
    }
}

/* A layer on grey and on a colour that nobody wears, to look at its edges. */
static void show_layer(struct str blob, const char *path) {
    static const int behind[2][3] = { { 150, 150, 150 }, { 255, 0, 255 } };
    struct layer l;
    struct err e = { 0 };
    if (layer_read(blob, &l, &e) < 0)
        die(path, e.text);
    IMG8_CLEANUP struct img8 img = img8_new(2 * l.f.w, l.f.h, 3);
    for (int y = 0; y < l.f.h; y++)
        for (int x = 0; x < 2 * l.f.w; x++) {
            const uint8_t *q = l.rgba + 4 * ((size_t)y * (size_t)l.f.w + (size_t)(x % l.f.w));
            for (int c = 0; c < 3; c++)
                img.px[(size_t)y * img.stride + (size_t)(3 * x + c)] =
                    (uint8_t)((q[c] * q[3] + behind[x / l.f.w][c] * (255 - q[3])) / 255);
        }
    write_ppm(&img, path);
    printf("%s: %d x %d, head %.0f px, skin %.3f %.3f %.3f, light %.2f %.2f, noise %.4f, blur %.2f, scraps %.3f, holes %.3f, floating %.2f, neighbours", path, l.f.w,
           l.f.h, (double)l.f.head_px, (double)l.f.skin[0], (double)l.f.skin[1], (double)l.f.skin[2], (double)l.f.light_x,
           (double)l.f.light_y, (double)l.f.noise, (double)l.f.blur,
           (double)l.f.scraps, (double)l.f.holes, (double)l.f.floating);
    for (int i = 0; i < l.f.n_neighbours; i++)
        printf(" %.1f", (double)l.f.neighbour[i][2]);
    printf("\n");
}

/* The scene as it is, sharp and whole. */
static void render(const struct options *o, const struct vision_scene *in) {
    struct scene s;
    struct err e = { 0 };
    if (scene_read(in, &s, &e) < 0)
        die("scene", e.text);
    struct scene_view all = { { 0, 0, 1, 1 }, 2 };
    if (s.background)
        all.window = (struct rectf){ 0, 0, (float)s.background->w, (float)s.background->h };
    PIC_CLEANUP struct pic p = scene_render(&s, &all, o->width, o->width * 2 / 3, /* blur= */ 0, /* middle_x= */ 0.5f, o->seed);
    pic_to_srgb(&p);
    IMG8_CLEANUP struct img8 img = img8_of_srgb(&p);
    write_ppm(&img, o->out);
}

static void compose_all(struct vision *v, const struct options *o, const struct str *layers, int n) {
    struct err e = { 0 };
    struct buf scene_json;
    buf_init(&scene_json, 64 * 1024);
    IMG8_CLEANUP struct img8 background = o->background ? read_jpeg(o->background) : (struct img8){ 0 };
    struct img16 depth = o->depth ? read_depth(o->depth) : (struct img16){ 0 };
    if (o->scene)
        read_text(o->scene, &scene_json);
    struct vision_scene scene = { background.px ? &background : NULL, depth.px ? &depth : NULL, buf_str(&scene_json) };
    if (o->scene_only)
        render(o, &scene);
    for (const char *p = o->scene_only ? "" : o->variants; *p; p += *p == 44) {
        char params[1024], path[4096];
        int variant = (int)strtol(p, (char **)(uintptr_t)&p, 10);
        snprintf(params, sizeof params, "{\"variant\": %d, \"width\": %d%s%s}", variant, o->width, o->params ? ", " : "",
                 o->params ? o->params : "");
        struct buf report, scores;
        buf_init(&report, VISION_REPORT_MAX);
        buf_init(&scores, VISION_REPORT_MAX);
        IMG8_CLEANUP struct img8 picture = { 0 };
        double t = cpu_ms();
        if (vision_compose(v, layers, n, &scene, o->seed + (uint64_t)variant, str_z(params), &picture, &report, &e) < 0)
            die("compose", e.text);
        double made = cpu_ms();
        if (vision_score(v, &picture, layers, n, buf_str(&report), &scores, &e) < 0)
            die("score", e.text);
        snprintf(path, sizeof path, "%s%d.ppm", o->out, variant);
        write_ppm(&picture, path);
        printf("%s: compose %.0f ms, score %.0f ms: %s\n", path, made - t, cpu_ms() - made, scores.p);
        buf_done(&report);
        buf_done(&scores);
    }
    free(depth.px);
    buf_done(&scene_json);
}

static void work(struct vision *v, const struct options *o, char **photos, int n) {
    struct buf layers[VISION_PEOPLE_MAX];
    struct str views[VISION_PEOPLE_MAX] = { 0 };
    if (n > VISION_PEOPLE_MAX && !o->faces_only)
        die("people", "too many");
    for (int i = 0; i < n; i++) {
        char *colon = strrchr(photos[i], ':');
        int face = colon ? (int)strtol(colon + 1, NULL, 10) : 0;
        if (colon)
            *colon = 0;
        IMG8_CLEANUP struct img8 photo = read_jpeg(photos[i]);
        if (o->faces_only) {
            list_faces(v, photos[i], &photo);
            continue;
        }
        struct err e = { 0 };
        char path[4096];
        double t = cpu_ms();
        buf_init(&layers[i], VISION_LAYER_MAX);
        if (vision_cutout(v, &photo, face, &layers[i], &e) < 0)
            die(photos[i], e.text);
        views[i] = buf_str(&layers[i]);
        printf("cutout %.0f ms ", cpu_ms() - t);
        snprintf(path, sizeof path, "%scut%d.ppm", o->out, i);
        show_layer(views[i], path);
    }
    if (o->faces_only)
        return;
    if (!o->cut_only)
        compose_all(v, o, views, n);
    for (int i = 0; i < n; i++)
        buf_done(&layers[i]);
}

int main(int argc, char **argv) {
    struct options o = { .ort = "build/share/zoetrope/runtime/libonnxruntime.so.1",
                         .models = "build/share/zoetrope/models",
                         .out = "lab",
                         .variants = "0,1,2,3",
                         .width = 1920,
                         .seed = 1001 };
    for (int c; (c = getopt(argc, argv, "l:m:o:b:d:s:v:w:S:p:fcr")) != -1;)
        switch (c) {
        case 'l':
            o.ort = optarg;
            break;
        case 'm':
            o.models = optarg;
            break;
        case 'o':
            o.out = optarg;
            break;
        case 'b':
            o.background = optarg;
            break;
        case 'd':
            o.depth = optarg;
            break;
        case 's':
            o.scene = optarg;
            break;
        case 'v':
            o.variants = optarg;
            break;
        case 'w':
            o.width = (int)strtol(optarg, NULL, 10);
            break;
        case 'S':
            o.seed = strtoull(optarg, NULL, 10);
            break;
        case 'p':
            o.params = optarg;
            break;
        case 'f':
            o.faces_only = true;
            break;
        case 'r':
            o.scene_only = true;
            break;
        case 'c':
            o.cut_only = true;
            break;
        default:
            die("usage", "see the comment at the head of src/media/lab.c");
        }
    struct vision *v = NULL;
    struct err e = { 0 };
    if (vision_new(o.ort, o.models, &v, &e) < 0)
        die("models", e.text);
    if (o.scene_only)
        compose_all(v, &o, NULL, 0);
    else
        work(v, &o, argv + optind, argc - optind);
    vision_free(v);
    return 0;
}
