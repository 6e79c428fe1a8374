/*
 * address.h - is this an e-mail address that we write to. Stricter than RFC 5321, on purpose: a dot-atom of ASCII before the @ and a name
 * with a dot behind it. No quoted strings, comments, literals or routes: nobody signs up with one, and each is a way into a header.
 * Threads: any.  Uses: base/.
 */
#ifndef ZT_MAIL_ADDRESS_H
#define ZT_MAIL_ADDRESS_H

#include "base/err.h"
#include "base/str.h"

#define MAIL_ADDRESS_MAX 255               /* 254 characters (RFC 5321 4.5.3.1.3) + NUL */

/* The address in lower case, so that two spellings of one mailbox are one person. ERR_EMAIL_WRONG. */
int mail_address(struct str given, char out[MAIL_ADDRESS_MAX], struct err *e);

#endif
