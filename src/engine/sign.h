/*
 * sign.h - how requests to AI providers are signed: Volcengine V4, Aliyun RPC v1 and ACS3, Tencent TC3.
 * Pure: no I/O, no clock, no random numbers; whatever is new in each request (time, nonce) is given. A request that is sent again is signed
 * again, with a time and a nonce of its own: Aliyun refuses nonces that were used, all of them what is older than 5 to 15 minutes.
 * Owns: nothing; all that is returned lives in the arena.  Threads: any.
 * Used by: the drivers of this room.  Uses: base/.
 */
#ifndef ZT_ENGINE_SIGN_H
#define ZT_ENGINE_SIGN_H

#include "base/arena.h"
#include "base/err.h"

#define SIGN_PAIRS_MAX   64
#define SIGN_HEADERS_MAX 10
#define SIGN_TEXT_MAX    ((size_t)256 * 1024)  /* bytes of an encoded query, and of what is signed; bodies may be larger where only their hash is */
#define SIGN_FIELD_MAX   4096                  /* bytes of a host, a key, a session token … */

struct sign_pair { struct str name, value; };  /* plain, not encoded; any bytes */

/* What the provider's console calls access key; secret as it is written there (it may look like base64, but is not). */
struct sign_key {
    struct str id, secret;
    struct str session;              /* of temporary credentials, else "" */
};

/* Everything is borrowed, and printable ASCII but for pairs and body. Empty means that the request has no such thing. */
struct sign_request {
    const char *method;              /* "POST", capitals */
    struct str  host;                /* what the Host header will say: a port is part of it unless it is the scheme's */
    struct str  path;                /* begins with "/"; as it will be sent, encoded already */
    const struct sign_pair *query;   /* in any order, each name once */
    size_t      n_query;
    struct str  body;                /* the very bytes that will be sent */
    struct str  content_type;        /* with a body only */
    struct str  service, region;     /* "cv", "cn-north-1" */
    struct str  action, version;
    struct sign_key key;
    int64_t     now_ms;
    struct str  nonce;               /* Aliyun: 16 to 64 characters, never the same again */
    bool        wide;                /* sign the wider of the two sets of headers that clients of the provider sign (below); both are accepted */
};

struct sign_result {
    const char *headers[SIGN_HEADERS_MAX + 1];   /* "Name: value", NULL-ended; all but Content-Length. Host is among them */
    struct str  query;               /* encoded; send exactly this behind the "?" */
    struct str  canonical;           /* what was hashed and signed: providers show theirs when they disagree. Has the session token: never log it */
};

/*
 * The request's headers, with Authorization.
 * volcengine   Signature Version 4 in Volcengine's dialect (document 6369, clients volc-sdk-python and @volcengine/openapi 1.36.2, read
 *              2026-11): Action and Version stand in the query, and are put there. Signs host, x-content-sha256, x-date, x-security-token;
 *              wide: content-type, too.
 * acs3         ACS3-HMAC-SHA256 (Aliyun, "V3"; @alicloud/openapi-util 0.3.3): action, version, nonce as x-acs-*; signs those, host, content-type.
 * tc3          TC3-HMAC-SHA256 (Tencent, API 3.0; tencentcloud-sdk-nodejs-common 4.1.220): signs content-type, host; wide: x-tc-action, too. A
 *              content type is needed, for GET as well.
 * Errors: ERR_BAD_INPUT names the field, never shows a value; ERR_TOO_BIG over SIGN_TEXT_MAX or the arena.
 */
int sign_volcengine(const struct sign_request *q, struct arena *a, struct sign_result *ret, struct err *e);
int sign_acs3(const struct sign_request *q, struct arena *a, struct sign_result *ret, struct err *e);
int sign_tc3(const struct sign_request *q, struct arena *a, struct sign_result *ret, struct err *e);

/*
 * Aliyun's RPC style, signature version 1.0 (HMAC-SHA1): everything is one list of parameters, of which method, action, version, region, key,
 * now_ms and nonce of q say the common ones, and q->query the others ("Format" is JSON unless it is one of them). Host, path, body, content type
 * are not signed, nor looked at.
 * ret_form  encoded, Signature among it: the query of a GET, the form of a POST
 * Errors: as above.
 */
int sign_aliyun_rpc(const struct sign_request *q, struct arena *a, struct str *ret_form, struct err *e);

#endif
