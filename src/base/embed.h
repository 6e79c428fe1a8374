/*
 * embed.h - files built into the program: migrations, pages, schemas. Made by tools/embed.py.
 * Owns: nothing; everything is static and read only.  Threads: any.
 *
 *   pages_c = custom_target('pages', output: 'pages.c', input: files('a.html'), depfile: 'pages.d',
 *     command: [embed, '--depfile', '@DEPFILE@', '--base', meson.current_source_dir(), '@OUTPUT@', 'web_pages', '@INPUT@'])
 *   extern const struct embed_dir web_pages;
 */
#ifndef ZT_BASE_EMBED_H
#define ZT_BASE_EMBED_H

#include "base/str.h"

struct embed_file {
    const char *name;        /* path below --base, with '/', without a leading one */
    struct str  bytes;       /* NUL-terminated behind */
    const char *sha256;      /* 64 lower-case hex digits of bytes: a strong ETag without its quotes */
    const char *mime;        /* "text/html; charset=utf-8" */
    struct str  gzip, br;    /* the same, compressed: <name>.gz and <name>.br; p NULL when there was none */
};
struct embed_dir {
    const struct embed_file *files;    /* sorted by name, bytewise */
    size_t                   n;
};

/* The file of exactly that name, or NULL. */
const struct embed_file *embed_find(const struct embed_dir *dir, struct str name);

#endif
