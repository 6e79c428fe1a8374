/*
 * mail.h - mails to people: written down in the transaction of their cause, sent by one thread.
 * Owns: table mail, its thread.
 *
 * A mail is a row before it is anything else: what caused it and the row are one commit, so neither is there without the other. The thread
 * takes what is due, marks the try, and hands it to the SMTP server. 4xx and broken connections are tried again with growing pauses, 5xx are
 * not. A connection that breaks after the whole message went out and before the answer came leaves nobody knowing whether it was taken: it is
 * sent again, because a link twice is the lesser evil, with the same Message-ID, by which mailboxes see one mail.
 * Without smtp.url nothing is sent and the mails are kept for the operator, who finds them under /v1/admin/mails.
 * A sent mail keeps its row for 30 days, without its text: there was a token in it.
 *
 * Threads: mail_add wherever the tx lives; the rest any.
 * Used by: api/, ops/, main/.  Uses: base/, db/, libcurl.
 */
#ifndef ZT_MAIL_MAIL_H
#define ZT_MAIL_MAIL_H

#include "base/buf.h"
#include "base/config.h"
#include "base/err.h"
#include "mail/address.h"

struct mail;
struct db;
struct db_tx;

enum mail_kind {
#define MAIL(id, name, ...) MAIL_##id,
#include "mail/kinds.def"
#undef MAIL
    MAIL_KIND_COUNT
};

extern const struct setting mail_settings[];           /* rows "smtp.…" */

/* What every mail looks like. Texts are borrowed for good. */
struct mail_brand { const char *title_en, *title_zh, *accent; };      /* accent: "#a8322a", or anything else for none */
int mail_new(const struct config *cfg, struct db *d, const struct mail_brand *brand, struct mail **ret_m, struct err *e);
int mail_start(struct mail *m, struct err *e);
void mail_stop(struct mail *m);                        /* ends the try under way; its mail stays queued */
void mail_free(struct mail *m);                        /* NULL is fine */

struct mail_new {
    enum mail_kind kind;
    const char *to;                                    /* as mail_address() gave it */
    const char *lang;                                  /* "zh", or else English */
    const char *link;                                  /* https://…; NULL for a kind without one */
    bool        nobody;                                /* written and never sent: so that an unknown address costs what a known one does */
};
int mail_add(struct mail *m, struct db_tx *tx, const struct mail_new *what, int64_t now_ms, struct err *e);

/* For the operator. list: newest first, a JSON array [{id, to, subject, state, tries, error, created_ms}]; before_id 0 = newest. get: the same
 * with text and html; 1 found, 0 not. */
int mail_list(struct db_tx *tx, int64_t before_id, int limit, struct buf *out, struct err *e);
int mail_get(struct db_tx *tx, int64_t id, struct buf *out, struct err *e);
int mail_expire(struct db_tx *tx, int64_t now_ms, struct err *e);      /* keeper */

struct mail_stats { int64_t queued, kept, failed, sent_total, retried_total, failed_total; };
int mail_get_stats(struct mail *m, struct db_tx *tx, struct mail_stats *ret, struct err *e);

DEFINE_CLEANUP(struct mail, mail_free)

#endif
