/* ws_reader.c - see ws_reader.h. */
#include "net/ws_reader.h"

#include <stdlib.h>
#include <wslay/wslay.h>

#include "net/websocket.h"

#define KEEP_BYTES 4096                   /* an idle reader keeps a message buffer up to this */

struct ws_reader {
    wslay_frame_context_ptr frame;
    struct str     *in;                   /* where frame reads from, during a call */
    uint64_t        given, used;          /* bytes that frame has taken; bytes of what it gave back, frame heads among them */
    bool            within;               /* a frame is under way: */
    uint8_t         opcode;
    bool            fin;
    uint64_t        left;                 /* of its payload */
    uint8_t         message_opcode;       /* of the message under way; 0: none */
    unsigned        fragments;
    bool            delivered;            /* message was given out and is to be emptied */
    struct buf      message;
    size_t          control_n;
    char            control[WS_CONTROL_MAX];
};

static ssize_t give(uint8_t *to, size_t n, int flags, void *user_data) {
    struct ws_reader *r = user_data;
    if (n > r->in->n)
        n = r->in->n;
    if (n == 0)
        return -1;                        /* wslay: nothing now */
    memcpy(to, r->in->p, n);
    *r->in = (struct str){ r->in->p + n, r->in->n - n };
    r->given += n;
    return (ssize_t)n;
}

struct ws_reader *ws_reader_new(void) {
    static const struct wslay_frame_callbacks callbacks = { .recv_callback = give };
    struct ws_reader *r = calloc(1, sizeof(*r));
    if (!r || wslay_frame_context_init(&r->frame, &callbacks, r) != 0)
        abort();
    buf_init(&r->message, 0);
    return r;
}

void ws_reader_free(struct ws_reader *r) {
    if (!r)
        return;
    wslay_frame_context_free(r->frame);
    buf_done(&r->message);
    free(r);
}

bool ws_reader_idle(const struct ws_reader *r) { return !r->within && !r->message_opcode && r->given == r->used; }
bool ws_reader_in_message(const struct ws_reader *r) { return r->message_opcode != 0; }

/* The head of a frame has come. */
static int begin_frame(struct ws_reader *r, const struct wslay_frame_iocb *f, size_t message_max) {
    uint64_t n = f->payload_length;
    r->used += 2 + (n < 126 ? 0 : n < 65536 ? 2 : 8) + (f->mask ? 4 : 0);
    if (!f->mask || f->rsv)                                          /* 5.1, 5.2: no extension was agreed on */
        return WS_PROTOCOL_ERROR;
    r->within = true;
    r->opcode = f->opcode;
    r->fin = f->fin;
    r->left = n;
    switch (f->opcode) {
    case WS_CLOSE:
    case WS_PING:
    case WS_PONG:                                                    /* 5.5: whole, and short: wslay has looked */
        r->control_n = 0;
        return 0;
    case WS_TEXT:
    case WS_BINARY:
        if (r->message_opcode)                                       /* 5.4: another message inside of one */
            return WS_PROTOCOL_ERROR;
        r->message_opcode = f->opcode;
        r->fragments = 0;
        break;
    case WS_CONTINUATION:
        if (!r->message_opcode)
            return WS_PROTOCOL_ERROR;
        break;
    default:
        return WS_PROTOCOL_ERROR;
    }
    if (++r->fragments > WS_FRAGMENTS_MAX)
        return WS_POLICY;
    return n > message_max || r->message.n + n > message_max ? WS_TOO_BIG : 0;
}

/* 7.4: codes that may be sent over the wire. 1004 to 1006 and 1015 stand for something that was not sent. */
static bool code_ok(int code) {
    return (code >= 1000 && code <= 1014 && (code < 1004 || code > 1006)) || (code >= 3000 && code <= 4999);
}

static int end_control(struct ws_reader *r, struct ws_event *ret) {
    struct str data = { r->control, r->control_n };
    *ret = (struct ws_event){ .opcode = r->opcode, .data = data };
    if (r->opcode != WS_CLOSE)
        return 1;
    ret->code = WS_NO_STATUS;
    if (data.n == 0)
        return 1;
    if (data.n == 1)                                                 /* 5.5.1: the code has two bytes */
        return WS_PROTOCOL_ERROR;
    ret->code = (uint8_t)data.p[0] << 8 | (uint8_t)data.p[1];
    ret->data = (struct str){ data.p + 2, data.n - 2 };
    if (!code_ok(ret->code))
        return WS_PROTOCOL_ERROR;
    return str_utf8(ret->data) ? 1 : WS_BAD_DATA;
}

static int end_message(struct ws_reader *r, struct ws_event *ret) {
    *ret = (struct ws_event){ .opcode = r->message_opcode, .data = buf_str(&r->message) };
    r->message_opcode = 0;
    r->delivered = true;
    return ret->opcode == WS_TEXT && !str_utf8(ret->data) ? WS_BAD_DATA : 1;     /* 8.1 */
}

static void empty(struct ws_reader *r) {
    r->delivered = false;
    buf_reset(&r->message);
    if (r->message.cap > KEEP_BYTES)
        buf_done(&r->message);
}

int ws_reader_next(struct ws_reader *r, struct str *in, size_t message_max, struct ws_event *ret) {
    struct wslay_frame_iocb f;
    r->in = in;
    r->message.max = message_max;
    if (r->delivered)
        empty(r);
    for (;;) {
        ssize_t n = wslay_frame_recv(r->frame, &f);
        if (n == WSLAY_ERR_WANT_READ) {
            if (in->n)
                continue;                                            /* it takes a frame's head in several bites */
            return 0;
        }
        if (n < 0)
            return WS_PROTOCOL_ERROR;
        int code = r->within ? 0 : begin_frame(r, &f, message_max);
        if (code)
            return code;
        bool control = r->opcode >= WS_CLOSE;
        if (control) {
            memcpy(r->control + r->control_n, f.data, (size_t)n);    /* wslay has refused what is longer than WS_CONTROL_MAX */
            r->control_n += (size_t)n;
        } else {
            buf_add(&r->message, f.data, (size_t)n);
        }
        r->left -= (uint64_t)n;
        r->used += (uint64_t)n;
        if (r->left)
            continue;
        r->within = false;
        if (control)
            return end_control(r, ret);
        if (r->fin)
            return end_message(r, ret);
    }
}
