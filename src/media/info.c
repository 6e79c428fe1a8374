/*
 * info.c - the helper about itself.
 */
#include "media/info.h"

#include <dirent.h>
#include <lcms2.h>
#include <libheif/heif.h>
#include <png.h>
#include <stdio.h>
#include <jpeglib.h>
#include <sys/stat.h>
#include <webp/decode.h>
#include "base/json.h"
#include "media/proto.h"

#define FILES_MAX 64
#define TEXT_(x) #x
#define TEXT(x)  TEXT_(x)

static void write_libraries(struct jw *w) {
    char text[32];
    int v = WebPGetDecoderVersion();
    jw_key(w, "libraries");
    jw_obj(w);
    jw_kz(w, "libjpeg-turbo", TEXT(LIBJPEG_TURBO_VERSION));
    jw_kz(w, "libpng", png_get_libpng_ver(NULL));
    snprintf(text, sizeof text, "%d.%d.%d", v >> 16, v >> 8 & 255, v & 255);
    jw_kz(w, "libwebp", text);
    jw_kz(w, "libheif", heif_get_version());
    snprintf(text, sizeof text, "%d.%d", cmsGetEncodedCMMversion() / 1000, cmsGetEncodedCMMversion() % 1000 / 10);
    jw_kz(w, "lcms2", text);
    jw_end_obj(w);
    jw_kbool(w, "heic", heif_have_decoder_for_format(heif_compression_HEVC) != 0);
}

/* The runtime and the models as they lie there. */
static void write_files(const char *share, const char *sub, struct jw *w) {
    char dir[4096], path[4096];
    snprintf(dir, sizeof dir, "%s/%s", share, sub);
    DIR *d = opendir(dir);
    struct dirent *f;
    for (int n = 0; d && n < FILES_MAX && (f = readdir(d));) {
        struct stat st;
        int len = snprintf(path, sizeof path, "%s/%s", dir, f->d_name);
        if (len < 0 || (size_t)len >= sizeof path || stat(path, &st) < 0 || !S_ISREG(st.st_mode))
            continue;
        jw_obj(w);
        jw_kz(w, "name", path + strlen(share) + 1);
        jw_kint(w, "bytes", st.st_size);
        jw_end_obj(w);
        n++;
    }
    if (d)
        closedir(d);
}

/* More than one means that a library has started some: they are missing in every child, with whatever they had locked. */
static int count_threads(void) {
    DIR *d = opendir("/proc/self/task");
    int n = 0;
    for (const struct dirent *f; d && (f = readdir(d));)
        n += f->d_name[0] != '.';
    if (d)
        closedir(d);
    return n;
}

void info_write(const struct info *i, struct buf *out) {
    struct jw w;
    jw_init(&w, out);
    jw_obj(&w);
    jw_kz(&w, "version", ZT_VERSION);
    jw_kint(&w, "protocol", PROTO_VERSION);
    jw_kint(&w, "slots", i->slots);
    jw_kbool(&w, "test_ops", i->test_ops);
    jw_kint(&w, "threads", count_threads());
    write_libraries(&w);
    jw_kz(&w, "share", i->share_dir);
    jw_key(&w, "engine");
    jw_obj(&w);
    jw_kbool(&w, "ready", i->vision);
    jw_kz(&w, "why", i->vision ? NULL : i->vision_why->text);
    jw_key(&w, "files");
    jw_arr(&w);
    write_files(i->share_dir, "runtime", &w);
    write_files(i->share_dir, "models", &w);
    jw_end_arr(&w);
    jw_end_obj(&w);
    jw_key(&w, "sandbox");
    jw_obj(&w);
    jw_kbool(&w, "seccomp", i->sandbox.seccomp);
    jw_kint(&w, "landlock", i->sandbox.landlock);
    jw_kbool(&w, "namespaces", i->sandbox.namespaces);
    jw_end_obj(&w);
    jw_end_obj(&w);
}
