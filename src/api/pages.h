/*
 * pages.h - inside api/: the documents of the pages, rendered once per language.
 */
#ifndef ZT_API_PAGES_H
#define ZT_API_PAGES_H

#include "base/config.h"
#include "base/err.h"
#include "base/scope.h"

struct pages;
struct studio;

/* cfg, studio: borrowed for as long as the pages live. api_origin: "https://api.example", "" = where the page came from; borrowed for the call. */
int pages_new(const struct config *cfg, const struct studio *studio, const char *api_origin, struct pages **ret_p, struct err *e);
void pages_free(struct pages *p);

DEFINE_CLEANUP(struct pages, pages_free)

#endif
