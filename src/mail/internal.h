/* internal.h - what the files of mail/ share. */
#ifndef ZT_MAIL_INTERNAL_H
#define ZT_MAIL_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "db/db.h"
#include "mail/message.h"

struct mail {
    struct db        *db;
    struct mail_brand brand;
    const char       *url, *user, *password, *ca_file;
    bool              starttls;
    int               tries_max;
    int64_t           retry_ms;
    char              from[MAIL_ADDRESS_MAX];
    pthread_t         thread;
    bool              started;
    pthread_mutex_t   lock;               /* guards due */
    pthread_cond_t    wake;
    bool              due;
    atomic_bool       stopping;
    _Atomic int64_t   sent, retried, failed;
};

void mail__wake(void *mail);              /* db_on_commit hook */

/* smtp.c: one mail to the server. */
enum smtp_end {
    SMTP_SENT,
    SMTP_AGAIN,       /* not now: 4xx, no connection, refused sign-in (our own settings, not the mail's fault) */
    SMTP_UNKNOWN,     /* the connection broke after the message went out */
    SMTP_NEVER,       /* 5xx */
};
enum smtp_end smtp_send(struct mail *m, const char *to, struct str message, char why[200]);

#endif
