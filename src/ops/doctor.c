/* doctor.c - one line a check: what is there, what is wrong, what to do. */
#include <curl/curl.h>
#include <errno.h>
#include <sodium.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "base/json.h"
#include "blob/blob.h"
#include "db/db.h"
#include "media/client.h"
#include "ops/checks.h"
#include "ops/ops.h"
#include "studio/studio.h"

#define MEDIA_WAIT_MS   10000

DEFINE_CLEANUP(struct db, db_close)
DEFINE_CLEANUP(struct media, media_free)

static void row(void *ctx, enum verdict v, const char *what, const char *text, const char *next) {
    static const char *const names[] = { "OK  ", "WARN", "FAIL" };
    fprintf(ctx, "%s  %-10s %s%s%s\n", names[v], what, text, next ? ": " : "", next ? next : "");
}

static void check_data(struct checkup *c, const struct ops_doctor *d) {
    const char *dir = d->data_dir;
    struct stat st;
    if (stat(dir, &st) < 0 && errno == ENOENT) {
        ops__say(c, OPS_OK, "data", NULL, "%s is not there yet; `zoetrope serve` makes it", dir);
        return;
    }
    if (access(dir, R_OK | W_OK | X_OK) < 0) {
        ops__say(c, OPS_FAIL, "data", "give it to the user who runs the server", "%s: %s", dir, strerror(errno));
        return;
    }
    ops__check_disk(c, d->cfg, dir);
    struct err e = { 0 };
    CLEANUP(db_close) struct db *db = NULL;
    struct db_stats stats;
    if (db_open(d->cfg, dir, /* read_only= */ true, &db, &e) < 0) {
        ops__say(c, e.code == ERR_NOT_FOUND ? OPS_OK : OPS_FAIL, "database", NULL, "%s", e.text);
        return;
    }
    db_get_stats(db, &stats);
    ops__say(c, OPS_OK, "database", NULL, "%.1f MiB; `zoetrope verify` proves what is in it", (double)stats.file_bytes / (1 << 20));
}

static void check_studio(struct checkup *c, const struct ops_doctor *d) {
    struct err e = { 0 };
    CLEANUP(studio_free) struct studio *s = NULL;
    if (!d->share_dir || !d->products_dir) {
        ops__say(c, OPS_FAIL, "studio", NULL, "no %s above this program: name the folder with --%s, or run ./run setup",
                 d->share_dir ? "products" : "share/zoetrope with templates", d->share_dir ? "products" : "share");
        return;
    }
    if (studio_load(d->share_dir, d->products_dir, &s, &e) < 0) {
        ops__say(c, OPS_FAIL, "studio", NULL, "%s", e.text);
        return;
    }
    size_t recipes = 0, templates = 0;
    while (studio_recipe_at(s, recipes))
        recipes++;
    while (studio_template_at(s, templates))
        templates++;
    ops__say(c, templates ? OPS_OK : OPS_WARN, "studio", NULL, "%zu recipe(s), %zu template(s)", recipes, templates);
}

/* The helper starts by itself; its first words are awaited, not guessed. */
static void check_media(struct checkup *c, const struct ops_doctor *d) {
    struct err e = { 0 };
    CLEANUP(media_free) struct media *m = NULL;
    if (media_new(d->cfg, &m, &e) < 0) {
        ops__say(c, OPS_FAIL, "pictures", NULL, "%s", e.text);
        return;
    }
    struct media_stats stats;
    int64_t until = clock_mono_ms() + MEDIA_WAIT_MS;
    for (media_get_stats(m, &stats); !stats.ready && clock_mono_ms() < until; media_get_stats(m, &stats))
        nanosleep(&(struct timespec){ .tv_nsec = 20 * 1000 * 1000 }, NULL);
    CLEANUP(arena_free) struct arena *a = arena_new(1 << 20);
    CLEANUP(json_unref) json_t *info = NULL;
    struct str text;
    if (!stats.ready || media_info(m, a, &text, &e) < 0 || json_read(text, &info, &e) < 0) {
        ops__say(c, OPS_FAIL, "pictures", "it must lie beside this program (--media.helper names another place)", "zoetrope-media does not start%s%s",
                 e.text[0] ? ": " : "", e.text);
        return;
    }
    const char *version = json_string_value(json_object_get(info, "version"));
    ops__say(c, OPS_OK, "pictures", NULL, "zoetrope-media %s, %d at a time", version ? version : "?", stats.slots);
    ops__check_helper(c, info);
    const char *name;
    json_t *its;
    fprintf(d->out, "OK    libraries  libcurl %s, libsodium %s, jansson %s", curl_version_info(CURLVERSION_NOW)->version,
            sodium_version_string(), jansson_version_str());
    json_object_foreach(json_object_get(info, "libraries"), name, its)
        fprintf(d->out, ", %s %s", name, json_string_value(its));
    fputc('\n', d->out);
}

int ops_doctor(const struct ops_doctor *d) {
    struct checkup c = { .row = row, .ctx = d->out };
    ops__say(&c, OPS_OK, "version", NULL, "zoetrope %s", ZT_VERSION);
    ops__say(&c, OPS_OK, "settings", NULL, "listen %s (%s), data %s (%s)", config_str(d->cfg, "listen"), config_where(d->cfg, "listen"), d->data_dir,
             config_where(d->cfg, "data"));
    struct err e = { 0 };
    if (http_server_check(d->cfg, &e) < 0)
        ops__say(&c, OPS_FAIL, "settings", "the server does not start with it", "%s", e.text);
    ops__check_machine(&c);
    check_data(&c, d);
    check_studio(&c, d);
    check_media(&c, d);
    fprintf(d->out, "%s: %d to fix, %d to look at\n", c.fails ? "not ready" : "ready", c.fails, c.warnings);
    return c.fails;
}
