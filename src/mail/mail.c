/* mail.c - the thread that sends. */
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "base/scope.h"
#include "mail/internal.h"

#define LOOK_MS        1000               /* the clock may be moved, and a due time passes without a wake */
#define RETRY_MAX_MS   (3600LL * 1000)

DB_SQL(mail_due, "SELECT id, to_addr, subject, plain, html, tries, created_ms, lang FROM mail WHERE state = 'queued' AND due_ms <= ? ORDER BY due_ms, id LIMIT 1");
DB_SQL(mail_try, "UPDATE mail SET tries = tries + 1, due_ms = ? WHERE id = ? AND state = 'queued'");
DB_SQL(mail_end, "UPDATE mail SET state = ?, error = ?, plain = '', html = '' WHERE id = ?");
DB_SQL(mail_again, "UPDATE mail SET error = ?, due_ms = ? WHERE id = ?");

const struct setting mail_settings[] = {
    { "smtp.url", SET_STR, "", 0, 500, "SMTP server mails go through: smtp://host:587 (STARTTLS) or smtps://host:465; empty: mails are kept for the operator to read." },
    { "smtp.user", SET_STR, "", 0, 254, "Who we are to it; empty: no sign-in." },
    { "smtp.password", SET_SECRET, "", 0, 500, "And the password." },
    { "smtp.from", SET_STR, "noreply@localhost.localdomain", 3, 254, "Sender of all mails." },
    { "smtp.ca_file", SET_STR, "", 0, 3000, "Certificates to trust instead of the system's." },
    { "smtp.starttls", SET_BOOL, "true", 0, 0, "With smtp://: no mail and no password leave unencrypted. false only for a relay on this machine." },
    { "smtp.tries_max", SET_INT, "12", 1, 100, "Tries before a mail is given up." },
    { "smtp.retry_ms", SET_MS, "30s", 10, 3600000, "First pause between two tries; it doubles each time, up to an hour." },
    { 0 },
};

struct one {
    int64_t     id, tries, created_ms, due_ms;
    char        to[MAIL_ADDRESS_MAX], state[16], error[200];
    struct buf  subject, plain, html;
    bool        zh;
};

static void one_done(struct one *o) {
    buf_done(&o->subject);
    buf_done(&o->plain);
    buf_done(&o->html);
}

/* 1: there is one; 0: none is due. */
static int next_due(struct mail *m, struct one *o, struct err *e) {
    DB_ROWS rows;
    int r = db_one(db_reader(m->db), &rows, e, &mail_due, DB_INT(clock_ms()));
    if (r <= 0)
        return r;
    o->id = db_int(&rows, 0);
    snprintf(o->to, sizeof o->to, "%.*s", STR_ARG(db_str(&rows, 1)));
    buf_add_str(&o->subject, db_str(&rows, 2));
    buf_add_str(&o->plain, db_str(&rows, 3));
    buf_add_str(&o->html, db_str(&rows, 4));
    o->tries = db_int(&rows, 5);
    o->created_ms = db_int(&rows, 6);
    o->zh = str_eqz(db_str(&rows, 7), "zh");
    return 1;
}

/* Doubles from retry_ms up to an hour, give or take a quarter. */
static int64_t pause_after(const struct mail *m, int64_t tries) {
    int64_t ms = m->retry_ms;
    for (int64_t i = 1; i < tries && ms < RETRY_MAX_MS; i++)
        ms *= 2;
    ms = ms < RETRY_MAX_MS ? ms : RETRY_MAX_MS;
    uint32_t random;
    crypto_random(&random, sizeof random);
    return ms * 3 / 4 + (int64_t)(random % (uint32_t)(ms / 2 + 1));
}

static int mark_try(struct db_tx *tx, void *arg, struct err *e) {
    const struct one *o = arg;
    return db_run(tx, NULL, e, &mail_try, DB_INT(o->due_ms), DB_INT(o->id));
}

static int mark_end(struct db_tx *tx, void *arg, struct err *e) {
    const struct one *o = arg;
    if (o->state[0])
        return db_run(tx, NULL, e, &mail_end, DB_TEXT(o->state), DB_TEXT(o->error), DB_INT(o->id));
    return db_run(tx, NULL, e, &mail_again, DB_TEXT(o->error), DB_INT(o->due_ms), DB_INT(o->id));
}

static void say(struct mail *m, const struct one *o, enum smtp_end end) {
    if (end == SMTP_SENT) {
        atomic_fetch_add(&m->sent, 1);
        log_event(LOG_INFO, "mail.sent", F_INT("mail", o->id), F_INT("tries", o->tries));
    } else if (o->state[0]) {
        atomic_fetch_add(&m->failed, 1);
        log_event(LOG_ERROR, "mail.failed", F_INT("mail", o->id), F_INT("tries", o->tries), F_STR("why", o->error));
    } else {
        atomic_fetch_add(&m->retried, 1);
        log_event(LOG_WARN, end == SMTP_UNKNOWN ? "mail.unknown" : "mail.retrying", F_INT("mail", o->id), F_INT("tries", o->tries), F_STR("why", o->error));
    }
}

/* One try. It is on disk before it is made: a crash in the middle leaves a mail that is due later. */
static int send_one(struct mail *m, struct one *o, struct err *e) {
    BUF_CLEANUP struct buf wire;
    buf_init(&wire, 4 * MESSAGE_MAX);
    o->tries++;
    o->due_ms = clock_ms() + pause_after(m, o->tries);
    int r = db_do(m->db, mark_try, o, e);
    if (r < 0)
        return r;
    struct message_wire w = { .id = o->id, .created_ms = o->created_ms, .from_name = o->zh ? m->brand.title_zh : m->brand.title_en, .from = m->from,
                              .to = o->to, .subject = buf_str(&o->subject), .plain = buf_str(&o->plain), .html = buf_str(&o->html) };
    message_wire(&w, &wire);
    enum smtp_end end = wire.failed ? SMTP_NEVER : smtp_send(m, o->to, buf_str(&wire), o->error);
    if (atomic_load(&m->stopping) && end != SMTP_SENT)
        return 0;
    if (end == SMTP_SENT)
        o->error[0] = '\0';
    snprintf(o->state, sizeof o->state, "%s", end == SMTP_SENT ? "sent" : end == SMTP_NEVER || o->tries >= m->tries_max ? "failed" : "");
    r = db_do(m->db, mark_end, o, e);
    say(m, o, end);
    return r;
}

static void wait_due(struct mail *m) {
    pthread_mutex_lock(&m->lock);
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += LOOK_MS / 1000;
    while (!m->due && !atomic_load(&m->stopping) && pthread_cond_timedwait(&m->wake, &m->lock, &until) != ETIMEDOUT)
        ;
    m->due = false;
    pthread_mutex_unlock(&m->lock);
}

static void *mail_main(void *arg) {
    struct mail *m = arg;
    pthread_setname_np(pthread_self(), "mail");
    while (!atomic_load(&m->stopping)) {
        struct err e = { 0 };
        struct one o = { 0 };
        buf_init(&o.subject, 1024);
        buf_init(&o.plain, MESSAGE_MAX);
        buf_init(&o.html, MESSAGE_MAX);
        int r = next_due(m, &o, &e);
        if (r == 1)
            r = send_one(m, &o, &e) < 0 ? e.code : 1;
        one_done(&o);
        if (r < 0)
            log_event(LOG_ERROR, "mail.database", F_ERR(&e));
        if (r != 1)
            wait_due(m);
    }
    return NULL;
}

void mail__wake(void *arg) {
    struct mail *m = arg;
    pthread_mutex_lock(&m->lock);
    m->due = true;
    pthread_cond_signal(&m->wake);
    pthread_mutex_unlock(&m->lock);
}

/* ---- life ---- */

int mail_new(const struct config *cfg, struct db *d, const struct mail_brand *brand, struct mail **ret_m, struct err *e) {
    CLEANUP(mail_free) struct mail *m = calloc(1, sizeof *m);
    if (!m)
        abort();
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&m->wake, &monotonic);
    pthread_mutex_init(&m->lock, NULL);
    m->db = d;
    m->brand = *brand;
    m->url = config_str(cfg, "smtp.url");
    m->user = config_str(cfg, "smtp.user");
    m->password = config_str(cfg, "smtp.password");
    m->ca_file = config_str(cfg, "smtp.ca_file");
    m->starttls = config_bool(cfg, "smtp.starttls");
    m->tries_max = (int)config_int(cfg, "smtp.tries_max");
    m->retry_ms = config_int(cfg, "smtp.retry_ms");
    if (m->url[0] && !str_starts(str_z(m->url), STR("smtp://")) && !str_starts(str_z(m->url), STR("smtps://")))
        return err_set(e, ERR_CONFIG, "%s: smtp.url begins with smtp:// or smtps://", config_where(cfg, "smtp.url"));
    if (strchr(m->url, '@'))                     /* every setting but a secret is shown under /v1/admin/settings */
        return err_set(e, ERR_CONFIG, "%s: smtp.url holds a name or a password; they belong into smtp.user and smtp.password", config_where(cfg, "smtp.url"));
    if (mail_address(str_z(config_str(cfg, "smtp.from")), m->from, NULL) < 0)
        return err_set(e, ERR_CONFIG, "%s: smtp.from is no address", config_where(cfg, "smtp.from"));
    *ret_m = TAKE(m);
    return 0;
}

int mail_start(struct mail *m, struct err *e) {
    if (!m->url[0])
        return 0;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    if (pthread_create(&m->thread, NULL, mail_main, m) != 0)
        return err_set(e, ERR_INTERNAL, "cannot start the thread that sends mails");
    m->started = true;
    return 0;
}

void mail_stop(struct mail *m) {
    if (!m || !m->started)
        return;
    atomic_store(&m->stopping, true);
    mail__wake(m);
    pthread_join(m->thread, NULL);
    m->started = false;
}

void mail_free(struct mail *m) {
    if (!m)
        return;
    mail_stop(m);
    pthread_cond_destroy(&m->wake);
    pthread_mutex_destroy(&m->lock);
    free(m);
}
