/* doctor.c - one line a check: what is there, what is wrong, what to do. */
#include <curl/curl.h>
#include <errno.h>
#include <sodium.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/timex.h>
#include <time.h>

#include "base/clock.h"
#include "base/json.h"
#include "blob/blob.h"
#include "db/db.h"
#include "media/client.h"
#include "ops/metrics.h"
#include "ops/ops.h"
#include "studio/studio.h"

#define MEDIA_WAIT_MS   10000
#define FDS_WANTED      8192
#define MEMORY_WANTED   (2LL << 30)
#define OLDEST_CLOCK_MS 1704067200000LL      /* 2024-01-01: ids count from there */

DEFINE_CLEANUP(struct db, db_close)
DEFINE_CLEANUP(struct media, media_free)

struct checkup { const struct ops_doctor *d; int fails, warnings; };
enum verdict { OK, WARN, FAIL };

__attribute__((format(printf, 4, 5))) static void say(struct checkup *c, enum verdict v, const char *what, const char *fmt, ...) {
    static const char *const names[] = { "OK  ", "WARN", "FAIL" };
    va_list ap;
    fprintf(c->d->out, "%s  %-10s ", names[v], what);
    va_start(ap, fmt);
    vfprintf(c->d->out, fmt, ap);
    va_end(ap);
    fputc('\n', c->d->out);
    c->warnings += v == WARN;
    c->fails += v == FAIL;
}

static double gib(int64_t bytes) { return (double)bytes / (1 << 30); }

static void check_machine(struct checkup *c) {
    struct sysinfo info;
    int64_t memory = sysinfo(&info) == 0 ? (int64_t)info.totalram * info.mem_unit : 0;
    say(c, memory < MEMORY_WANTED ? WARN : OK, "machine", "%d cores, %.1f GiB memory%s", get_nprocs(), gib(memory),
        memory < MEMORY_WANTED ? ": pictures of five people need 2 GiB; lower media.slots" : "");
    struct rlimit fds;
    getrlimit(RLIMIT_NOFILE, &fds);
    if (fds.rlim_max < FDS_WANTED)
        say(c, WARN, "files", "at most %llu open files: raise it (ulimit -Hn %d, or LimitNOFILE= in the service) for many connections",
            (unsigned long long)fds.rlim_max, FDS_WANTED);
    else
        say(c, OK, "files", "up to %llu open files", (unsigned long long)fds.rlim_max);
    struct timex t = { 0 };
    if (clock_ms() < OLDEST_CLOCK_MS)
        say(c, FAIL, "clock", "it is set before 2024: set it, ids and deadlines are made from it");
    else if (adjtimex(&t) == TIME_ERROR)
        say(c, WARN, "clock", "nothing keeps it right: install systemd-timesyncd or chrony");
    else
        say(c, OK, "clock", "kept right");
}

static void check_data(struct checkup *c) {
    const char *dir = c->d->data_dir;
    struct stat st;
    if (stat(dir, &st) < 0 && errno == ENOENT) {
        say(c, OK, "data", "%s is not there yet; `zoetrope serve` makes it", dir);
        return;
    }
    if (access(dir, R_OK | W_OK | X_OK) < 0) {
        say(c, FAIL, "data", "%s: %s: give it to the user who runs the server", dir, strerror(errno));
        return;
    }
    int64_t room = ops__disk_free(dir), reserve = config_int(c->d->cfg, "blob.reserve_bytes");
    if (room < reserve)
        say(c, FAIL, "disk", "%.2f GiB free in %s, less than blob.reserve_bytes: new work is refused; make room", gib(room), dir);
    else
        say(c, room < config_int(c->d->cfg, "ops.disk_warn_bytes") ? WARN : OK, "disk", "%.1f GiB free in %s", gib(room), dir);
    struct err e = { 0 };
    CLEANUP(db_close) struct db *db = NULL;
    struct db_stats stats;
    if (db_open(c->d->cfg, dir, /* read_only= */ true, &db, &e) < 0) {
        say(c, e.code == ERR_NOT_FOUND ? OK : FAIL, "database", "%s", e.text);
        return;
    }
    db_get_stats(db, &stats);
    say(c, OK, "database", "%.1f MiB; `zoetrope verify` proves what is in it", (double)stats.file_bytes / (1 << 20));
}

static void check_studio(struct checkup *c) {
    struct err e = { 0 };
    CLEANUP(studio_free) struct studio *s = NULL;
    if (!c->d->share_dir || !c->d->products_dir) {
        say(c, FAIL, "studio", "no %s above this program: name the folder with --%s, or run ./run setup",
            c->d->share_dir ? "products" : "share/zoetrope with templates", c->d->share_dir ? "products" : "share");
        return;
    }
    if (studio_load(c->d->share_dir, c->d->products_dir, &s, &e) < 0) {
        say(c, FAIL, "studio", "%s", e.text);
        return;
    }
    size_t recipes = 0, templates = 0;
    while (studio_recipe_at(s, recipes))
        recipes++;
    while (studio_template_at(s, templates))
        templates++;
    say(c, templates ? OK : WARN, "studio", "%zu recipe(s), %zu template(s)", recipes, templates);
}

static const char *text_of(const json_t *j, const char *key) {
    const char *text = json_string_value(json_object_get(j, key));
    return text ? text : "";
}

static void say_engine(struct checkup *c, const json_t *info) {
    const json_t *engine = json_object_get(info, "engine"), *box = json_object_get(info, "sandbox");
    if (json_is_true(json_object_get(engine, "ready")))
        say(c, OK, "models", "%zu files in %s", json_array_size(json_object_get(engine, "files")), text_of(info, "share"));
    else
        say(c, FAIL, "models", "%s: run ./run setup, or name their folder with --media.share", text_of(engine, "why"));
    bool seccomp = json_is_true(json_object_get(box, "seccomp")), spaces = json_is_true(json_object_get(box, "namespaces"));
    long long landlock = json_integer_value(json_object_get(box, "landlock"));
    if (!seccomp)
        say(c, FAIL, "sandbox", "the kernel offers no seccomp: strangers' pictures must not be decoded here");
    else
        say(c, OK, "sandbox", "seccomp%s%s (best effort: landlock %lld, namespaces %s)", landlock ? ", landlock" : "",
            spaces ? ", namespaces" : "", landlock, spaces ? "yes" : "no");
    if (!json_is_true(json_object_get(info, "heic")))
        say(c, WARN, "heic", "libheif has no HEVC decoder: photos of iPhones will be refused; install libde265");
}

/* The helper starts by itself; its first words are awaited, not guessed. */
static void check_media(struct checkup *c) {
    struct err e = { 0 };
    CLEANUP(media_free) struct media *m = NULL;
    if (media_new(c->d->cfg, &m, &e) < 0) {
        say(c, FAIL, "pictures", "%s", e.text);
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
        say(c, FAIL, "pictures", "zoetrope-media does not start%s%s: it must lie beside this program (--media.helper names another place)",
            e.text[0] ? ": " : "", e.text);
        return;
    }
    say(c, OK, "pictures", "zoetrope-media %s, %d at a time", text_of(info, "version"), stats.slots);
    say_engine(c, info);
    const char *name;
    json_t *version;
    fprintf(c->d->out, "OK    libraries  libcurl %s, libsodium %s, jansson %s", curl_version_info(CURLVERSION_NOW)->version,
            sodium_version_string(), jansson_version_str());
    json_object_foreach(json_object_get(info, "libraries"), name, version)
        fprintf(c->d->out, ", %s %s", name, json_string_value(version));
    fputc('\n', c->d->out);
}

int ops_doctor(const struct ops_doctor *d) {
    struct checkup c = { .d = d };
    say(&c, OK, "version", "zoetrope %s", ZT_VERSION);
    say(&c, OK, "settings", "listen %s (%s), data %s (%s)", config_str(d->cfg, "listen"), config_where(d->cfg, "listen"), d->data_dir,
        config_where(d->cfg, "data"));
    check_machine(&c);
    check_data(&c);
    check_studio(&c);
    check_media(&c);
    fprintf(d->out, "%s: %d to fix, %d to look at\n", c.fails ? "not ready" : "ready", c.fails, c.warnings);
    return c.fails;
}
