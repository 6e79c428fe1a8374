/* checks.c - see checks.h. */
#include "ops/checks.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/timex.h>

#include "base/clock.h"
#include "ops/metrics.h"

#define FDS_WANTED      8192
#define MEMORY_WANTED   (2LL << 30)
#define OLDEST_CLOCK_MS 1704067200000LL      /* 2024-01-01: ids count from there */

void ops__say(struct checkup *c, enum verdict v, const char *what, const char *next, const char *fmt, ...) {
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    c->row(c->ctx, v, what, text, next);
    c->warnings += v == OPS_WARN;
    c->fails += v == OPS_FAIL;
}

static double gib(int64_t bytes) { return (double)bytes / (1 << 30); }

void ops__check_machine(struct checkup *c) {
    struct sysinfo info;
    int64_t memory = sysinfo(&info) == 0 ? (int64_t)info.totalram * info.mem_unit : 0;
    bool small = memory < MEMORY_WANTED;
    ops__say(c, small ? OPS_WARN : OPS_OK, "machine", small ? "pictures of five people need 2 GiB; lower media.slots" : NULL,
             "%d cores, %.1f GiB memory", get_nprocs(), gib(memory));
    struct rlimit fds;
    getrlimit(RLIMIT_NOFILE, &fds);
    if (fds.rlim_max < FDS_WANTED)
        ops__say(c, OPS_WARN, "files", "raise it (ulimit -Hn 8192, or LimitNOFILE= in the service) for many connections",
                 "at most %llu open files", (unsigned long long)fds.rlim_max);
    else
        ops__say(c, OPS_OK, "files", NULL, "up to %llu open files", (unsigned long long)fds.rlim_max);
    struct timex t = { 0 };
    if (clock_ms() < OLDEST_CLOCK_MS)
        ops__say(c, OPS_FAIL, "clock", "set it, ids and deadlines are made from it", "it is set before 2024");
    else if (adjtimex(&t) == TIME_ERROR)
        ops__say(c, OPS_WARN, "clock", "install systemd-timesyncd or chrony", "nothing keeps it right");
    else
        ops__say(c, OPS_OK, "clock", NULL, "kept right");
}

void ops__check_disk(struct checkup *c, const struct config *cfg, const char *dir) {
    int64_t room = ops__disk_free(dir), reserve = config_int(cfg, "blob.reserve_bytes");
    if (room < reserve)
        ops__say(c, OPS_FAIL, "disk", "make room", "%.2f GiB free in %s, less than blob.reserve_bytes: new work is refused", gib(room), dir);
    else if (room < config_int(cfg, "ops.disk_warn_bytes"))
        ops__say(c, OPS_WARN, "disk", "make room before new work is refused", "%.1f GiB free in %s, less than ops.disk_warn_bytes", gib(room), dir);
    else
        ops__say(c, OPS_OK, "disk", NULL, "%.1f GiB free in %s", gib(room), dir);
}

static const char *text_of(const json_t *j, const char *key) {
    const char *text = json_string_value(json_object_get(j, key));
    return text ? text : "";
}

void ops__check_helper(struct checkup *c, const json_t *info) {
    const json_t *engine = json_object_get(info, "engine"), *box = json_object_get(info, "sandbox");
    if (json_is_true(json_object_get(engine, "ready")))
        ops__say(c, OPS_OK, "models", NULL, "%zu files in %s", json_array_size(json_object_get(engine, "files")), text_of(info, "share"));
    else
        ops__say(c, OPS_FAIL, "models", "run ./run setup, or name their folder with --media.share", "%s", text_of(engine, "why"));
    bool seccomp = json_is_true(json_object_get(box, "seccomp")), spaces = json_is_true(json_object_get(box, "namespaces"));
    long long landlock = json_integer_value(json_object_get(box, "landlock"));
    if (!seccomp)
        ops__say(c, OPS_FAIL, "sandbox", "strangers' pictures must not be decoded here", "the kernel offers no seccomp");
    else
        ops__say(c, OPS_OK, "sandbox", NULL, "seccomp%s%s (best effort: landlock %lld, namespaces %s)", landlock ? ", landlock" : "",
                 spaces ? ", namespaces" : "", landlock, spaces ? "yes" : "no");
    if (!json_is_true(json_object_get(info, "heic")))
        ops__say(c, OPS_WARN, "heic", "install libde265", "libheif has no HEVC decoder: photos of iPhones will be refused");
}
