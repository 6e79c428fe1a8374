/*
 * websocket.h - WebSockets (RFC 6455): a route of kind ROUTE_WEBSOCKET answers its GET with http_res_websocket(), and from then on the
 * connection carries messages. What all sockets of a topic must hear is sent by http_server_broadcast(): encoded once, shared by all.
 * Owns: open sockets and what waits to be sent on them.  No extensions (no permessage-deflate: 300 KB a connection for texts of 100 bytes).
 * Threads: a struct ws belongs to its event thread; callbacks run there and must not wait. http_server_broadcast() is for any thread.
 */
#ifndef ZT_NET_WEBSOCKET_H
#define ZT_NET_WEBSOCKET_H

#include "net/server.h"

#define WS_BROADCAST_MAX (64 * 1024)      /* bytes of one broadcast message */
#define WS_REASON_MAX    123              /* bytes of a close reason: a control frame has 125, the code takes two */

/* Close codes (RFC 6455 7.4.1 and the registry of IANA) that this server sends, or makes up for closed(). */
enum {
    WS_NORMAL = 1000,
    WS_GOING_AWAY = 1001,                 /* the server stops; or the peer answered no ping */
    WS_PROTOCOL_ERROR = 1002,
    WS_NO_STATUS = 1005,                  /* closed() only: the peer closed without a code */
    WS_ABNORMAL = 1006,                   /* closed() only: the connection broke */
    WS_BAD_DATA = 1007,                   /* text that is not UTF-8 */
    WS_POLICY = 1008,
    WS_TOO_BIG = 1009,
    WS_TRY_AGAIN = 1013,                  /* the peer reads too slowly and missed something: connect again, read the state anew */
};

struct ws;
struct ws_kind {                          /* static */
    size_t             message_max;       /* bytes of one message, however it is cut; beyond: WS_TOO_BIG */
    const char *const *protocols;         /* subprotocols spoken, NULL-ended; NULL: none */
    /* All optional. closed() is called exactly once for each http_res_websocket() that returned 0, whatever becomes of the connection;
     * behind it the socket is gone, and opened() may never have been called. */
    void (*opened)(struct ws *ws);
    void (*message)(struct ws *ws, struct str data, bool text);    /* text: valid UTF-8. data is borrowed for the call */
    void (*closed)(struct ws *ws, int code);
};

/* For handle() of a ROUTE_WEBSOCKET; the handshake was checked before. ctx is the handler's own until closed(). */
int http_res_websocket(struct http_res *res, const struct ws_kind *kind, int64_t topic, void *ctx);

void *ws_ctx(const struct ws *ws);
const char *ws_protocol(const struct ws *ws);            /* the one agreed on, out of kind->protocols; NULL: none */
/* Queues one message. When more than net.ws_queue_bytes or net.ws_queue_frames wait, the peer reads too slowly: what it has not begun to
 * get is thrown away and it is closed with WS_TRY_AGAIN. After a close nothing is sent; that is no error. */
void ws_send(struct ws *ws, struct str data, bool text);
/* Says goodbye behind what is queued; the socket is gone when the peer has answered, or after a few seconds. reason: NULL or up to WS_REASON_MAX. */
void ws_close(struct ws *ws, int code, const char *reason);

/* From any thread: one message to every socket of the topic that is open by now. Order is kept for what one thread sends.
 * All of them get it or, with ERR_BUSY, none: more waits for the event threads than fits (4 MiB). ERR_TOO_BIG over WS_BROADCAST_MAX. */
int http_server_broadcast(struct http_server *s, int64_t topic, struct str data, bool text, struct err *e);

#endif
