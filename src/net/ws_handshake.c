/* ws_handshake.c - see ws_handshake.h. */
#include "net/ws_handshake.h"

#include "base/crypto.h"
#include "base/digest.h"
#include "net/cors.h"
#include "net/head.h"

#define KEY_BYTES 16

/* The only header of that name; STR_NULL when there is none, or more than one: which would count? */
static struct str only(const struct http_header *h, size_t n, struct str name) {
    struct str found = STR_NULL;
    for (size_t i = 0; i < n; i++)
        if (str_ieq(h[i].name, name)) {
            if (found.p)
                return STR_NULL;
            found = h[i].value;
        }
    return found;
}

/* A list may be spread over several headers of the same name (RFC 9110 5.3). */
static bool listed(const struct http_header *h, size_t n, struct str name, struct str token) {
    for (size_t i = 0; i < n; i++)
        if (str_ieq(h[i].name, name) && head_has_token(h[i].value, token))
            return true;
    return false;
}

static int accept_of(struct str key, char out[WS_ACCEPT_LEN + 1], struct err *e) {
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";    /* RFC 6455 1.3 */
    char text[64];
    uint8_t sha1[DIGEST_MAX];
    int n = snprintf(text, sizeof text, "%.*s%s", STR_ARG(key), guid);
    struct digest *d = digest_new("sha1");
    if (!d)
        return err_set(e, ERR_INTERNAL, "OpenSSL has no SHA-1");
    digest_add(d, text, (size_t)n);
    size_t bytes = digest_end(d, sha1);
    digest_free(d);
    return base64_encode(sha1, bytes, out) == WS_ACCEPT_LEN ? 0 : err_set(e, ERR_INTERNAL, "SHA-1 failed");
}

int ws_handshake(const struct http_header *h, size_t n, char ret_accept[WS_ACCEPT_LEN + 1], struct err *e) {
    uint8_t raw[KEY_BYTES + 2];
    if (!listed(h, n, STR("Upgrade"), STR("websocket")) || !listed(h, n, STR("Connection"), STR("upgrade")))
        return err_set(e, ERR_UPGRADE, "no Upgrade: websocket with Connection: Upgrade");
    if (!str_eqz(only(h, n, STR("Sec-WebSocket-Version")), "13"))
        return err_set(e, ERR_UPGRADE, "Sec-WebSocket-Version is not 13");
    struct str key = only(h, n, STR("Sec-WebSocket-Key"));
    if (key.n != 24 || base64_decode(key, /* standard= */ true, raw, sizeof raw) != KEY_BYTES)
        return err_set(e, ERR_BAD_HTTP, "Sec-WebSocket-Key is not one of %d bytes in base64", KEY_BYTES);
    return accept_of(key, ret_accept, e);
}

const char *ws_handshake_protocol(const struct http_header *h, size_t n, const char *const *ours) {
    for (size_t i = 0; ours && i < n; i++) {
        if (!str_ieq(h[i].name, STR("Sec-WebSocket-Protocol")))
            continue;
        for (struct str list = h[i].value; list.n;) {
            struct str one = str_trim(str_cut(&list, ','));
            for (const char *const *p = ours; *p; p++)
                if (str_eqz(one, *p))
                    return *p;
        }
    }
    return NULL;
}

bool ws_handshake_origin_ok(struct str origin, struct str host, struct str public_url, const struct str *friends, size_t n_friends) {
    if (!origin.p || cors_allowed(friends, n_friends, origin))
        return true;
    while (str_ends(public_url, STR("/")))
        public_url.n--;
    if (public_url.n && str_ieq(origin, public_url))
        return true;
    struct str authority = origin, scheme = str_cut(&authority, ':');
    if ((!str_ieq(scheme, STR("http")) && !str_ieq(scheme, STR("https"))) || !str_starts(authority, STR("//")))
        return false;                     /* "null", chrome-extension://… */
    return host.n && str_ieq((struct str){ authority.p + 2, authority.n - 2 }, host);
}
