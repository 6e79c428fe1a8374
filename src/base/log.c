/* log.c - one event, one line, one write(2). */
#include "base/log.h"

#include <errno.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"

#define STR_MAX_BYTES 2048                     /* of one text field; the rest is cut */
#define LINE_MAX_BYTES 16384                   /* fields that no longer fit are left out and "cut":true is said */
#define LINE_TAIL_BYTES 16                     /* room kept for the ending: ,"cut":true}\n */

static atomic_int log_fd = 2;
static atomic_int log_min = LOG_INFO;
static _Thread_local struct log_ctx ctx;

void log_setup(int fd, enum log_level min) {
    atomic_store(&log_fd, fd);
    atomic_store(&log_min, (int)min);
}

bool log_keeps(enum log_level lv) { return (int)lv >= atomic_load_explicit(&log_min, memory_order_relaxed); }
void log_ctx_set(struct log_ctx c) { ctx = c; }
struct log_ctx log_ctx_get(void) { return ctx; }

static void add_head(struct jw *w, enum log_level lv, const char *ev) {
    static const char *const names[] = { "debug", "info", "warn", "error" };
    char t[25];
    clock_rfc3339(clock_ms(), t);
    jw_kz(w, "t", t);
    jw_kz(w, "lv", names[lv]);
    jw_kz(w, "ev", ev);
    if (ctx.req)
        jw_kid(w, "req", "req", ctx.req);
    if (ctx.task)
        jw_kid(w, "task", "task", ctx.task);
    if (ctx.account)
        jw_kid(w, "acct", "acct", ctx.account);
}

static void add_field(struct jw *w, const struct log_field *f) {
    struct str s = f->s;
    switch (f->kind) {
    case LOG_F_INT: jw_kint(w, f->name, f->i); break;
    case LOG_F_BOOL: jw_kbool(w, f->name, f->i != 0); break;
    case LOG_F_STR:
        if (s.n > STR_MAX_BYTES)
            s.n = STR_MAX_BYTES;
        if (s.p)
            jw_kstr(w, f->name, s);
        else
            jw_kz(w, f->name, NULL);
    }
}

static void write_line(struct str line) {
    ssize_t n;
    do
        n = write(atomic_load(&log_fd), line.p, line.n);
    while (n < 0 && errno == EINTR);
    /* A log that is full or gone must not stop the server; there is nobody left to tell. */
}

void log_event_(enum log_level lv, const char *ev, const struct log_field *fields, size_t n) {
    if ((int)lv < atomic_load_explicit(&log_min, memory_order_relaxed))
        return;
    int saved = errno;
    BUF_CLEANUP struct buf b;
    struct jw w;
    buf_init(&b, LINE_MAX_BYTES - LINE_TAIL_BYTES);
    jw_init(&w, &b);
    jw_obj(&w);
    add_head(&w, lv, ev);
    for (size_t i = 1; i < n; i++) {
        size_t before = b.n;
        add_field(&w, &fields[i]);
        if (b.failed) {
            b.failed = false;
            b.n = before;
            b.max = LINE_MAX_BYTES;
            buf_add_z(&b, ",\"cut\":true");
            break;
        }
    }
    b.max = LINE_MAX_BYTES;
    jw_end_obj(&w);
    buf_add_c(&b, '\n');
    write_line(buf_str(&b));
    errno = saved;
}
