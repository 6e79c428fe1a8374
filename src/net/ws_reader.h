/*
 * ws_reader.h - from the bytes of a client to whole messages, or the code to close with. A cover over wslay's frame layer, which takes the
 * frames apart; the rules about messages are ours. (wslay's message layer allocates what a frame announces before it has come, has no limit
 * on fragments, and in version 1.1.1 skips two bytes of a close reason at every read.)
 * Owns: the message under way.  Threads: one at a time.  Source: RFC 6455, section numbers stand at each rule.
 */
#ifndef ZT_NET_WS_READER_H
#define ZT_NET_WS_READER_H

#include "base/buf.h"

#define WS_CONTROL_MAX   125              /* RFC 6455 5.5 */
#define WS_FRAGMENTS_MAX 1024             /* frames of one message: empty ones cost nothing but time, so they are counted */

enum ws_opcode { WS_CONTINUATION = 0, WS_TEXT = 1, WS_BINARY = 2, WS_CLOSE = 8, WS_PING = 9, WS_PONG = 10 };

struct ws_event {
    enum ws_opcode opcode;                /* WS_TEXT or WS_BINARY: a whole message; or a control frame */
    struct str     data;                  /* unmasked; of a WS_CLOSE the reason. Valid until the next call */
    int            code;                  /* WS_CLOSE: what the peer says, WS_NO_STATUS when nothing */
};

struct ws_reader;
struct ws_reader *ws_reader_new(void);
void ws_reader_free(struct ws_reader *r);                /* NULL is fine */

/* Takes bytes from the front of *in until something is complete. 1: *ret is set; 0: *in is empty and more is needed; else the code to close
 * with, and the reader is of no more use. message_max: see struct ws_kind. */
int ws_reader_next(struct ws_reader *r, struct str *in, size_t message_max, struct ws_event *ret);

/* Nothing is under way, neither a frame nor a message: another connection may use this reader. */
bool ws_reader_idle(const struct ws_reader *r);
/* A message is under way, be it between two of its frames. */
bool ws_reader_in_message(const struct ws_reader *r);

#endif
