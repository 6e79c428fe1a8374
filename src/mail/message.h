/*
 * message.h - inside mail/: what a mail says, and how it looks on the wire.
 */
#ifndef ZT_MAIL_MESSAGE_H
#define ZT_MAIL_MESSAGE_H

#include "mail/mail.h"

#define MESSAGE_MAX (64 * 1024)

struct message_text { char subject[256]; struct buf plain, html; };
void message_write(const struct mail_brand *brand, const struct mail_new *what, struct message_text *ret);   /* the caller's bufs, initialised */

/* RFC 5322: headers and both parts. Nothing of it is trusted: bodies and subject are base64, addresses were parsed, ids are ours. */
struct message_wire { int64_t id, created_ms; const char *from_name, *from, *to; struct str subject, plain, html; };
void message_wire(const struct message_wire *w, struct buf *out);

#endif
