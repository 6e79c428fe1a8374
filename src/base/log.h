/*
 * log.h - JSON lines, one event a line.
 * Line: {"t":"2026-...Z","lv":"info","ev":"task.done","req":"req_...","task":"task_...","acct":"acct_...", fields...}
 * Threads: any; a line is written with one write(2) to fd 2 or the log file. A text field is cut at 2 KiB, a line at 16 KiB (then it
 * says "cut":true); errno is kept. Secrets, tokens and full prompts are never logged.
 * A line that cannot be written is lost, silently; the program ignores SIGPIPE.
 * The context is per thread and set by the front doors (net for a request, task for a task); ids of 0 are left out.
 */
#ifndef ZT_BASE_LOG_H
#define ZT_BASE_LOG_H

#include "base/err.h"
#include "base/str.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

struct log_ctx { int64_t req, task, account; };

struct log_field {
    const char *name;
    enum { LOG_F_STR, LOG_F_INT, LOG_F_BOOL } kind;
    struct str  s;
    int64_t     i;
};
#define F_STR(name, v)  ((struct log_field){ (name), LOG_F_STR, str_z(v), 0 })
#define F_STRN(name, v) ((struct log_field){ (name), LOG_F_STR, (v), 0 })
#define F_INT(name, v)  ((struct log_field){ (name), LOG_F_INT, STR_NULL, (v) })
#define F_BOOL(name, v) ((struct log_field){ (name), LOG_F_BOOL, STR_NULL, (v) })
#define F_ERR(e)        F_STR("code", err_reason((e)->code)->code), F_STR("err", (e)->text)

/* fd: where lines go (default 2). min: lines below are dropped. */
void log_setup(int fd, enum log_level min);
bool log_keeps(enum log_level lv);         /* lines of this level are written */
void log_ctx_set(struct log_ctx c);        /* this thread, until set again */
struct log_ctx log_ctx_get(void);

/* log_event(LOG_INFO, "task.done", F_STR("engine", name), F_INT("took_ms", ms)) */
#define log_event(lv, ev, ...) \
    log_event_((lv), (ev), (struct log_field[]){ { 0 }, ##__VA_ARGS__ }, \
               sizeof((struct log_field[]){ { 0 }, ##__VA_ARGS__ }) / sizeof(struct log_field))
/* fields[0] is always the empty field that makes a call without fields legal C. */
void log_event_(enum log_level lv, const char *ev, const struct log_field *fields, size_t n);

#endif
