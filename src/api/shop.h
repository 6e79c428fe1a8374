/*
 * shop.h - inside api/: what the shop is asked with.
 */
#ifndef ZT_API_SHOP_H
#define ZT_API_SHOP_H

#include "api/internal.h"
#include "shop/quote.h"

struct shop_house api__house(const struct app *app);
/* Who asks, by account, device and network. */
void api__who(const struct http_req *req, struct shop_who *ret);
/* A device gets its cookie when it has none. Only while something is sold: nobody counts before. */
void api__device(const struct http_req *req, struct http_res *res);

#endif
