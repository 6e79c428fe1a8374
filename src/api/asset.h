/*
 * asset.h - inside api/: photos as they come in (intake.c) and as they are shown (assets.c).
 */
#ifndef ZT_API_ASSET_H
#define ZT_API_ASSET_H

#include "api/internal.h"

#define API_ROLE_PHOTO    "photo"         /* people are in it; class original; children "working" and "thumb" */
#define API_ROLE_BACKDROP "backdrop"      /* likewise, but nobody asks whose faces are in it */

/* What a browser is told. A row's type was said by the process that touches strangers' bytes, so it is only believed when it is one of a few. */
struct api__served { const char *type, *suffix; };
struct api__served api__served_as(struct str type);

struct blob_asset;
int api__asset_answer(struct http_req *req, struct http_res *res, int status, const struct blob_asset *a, struct err *e);

extern const struct json_field api__intake_fields[];
int api__intake_parse(struct http_req *req, struct err *e);
int api__intake_post(struct http_req *req, struct http_res *res, struct err *e);

#endif
