/*
 * share.h - where the files that come with the programs lie.
 * Owns: nothing.  Threads: any.
 */
#ifndef ZT_MEDIA_SHARE_H
#define ZT_MEDIA_SHARE_H

#include <stddef.h>

/*
 * The nearest share/zoetrope in a folder above this program: /usr/bin/x finds /usr/share/zoetrope, build/debug/src/media/x finds
 * build/share/zoetrope. Writes "" when there is none. cap: of out, > 0.
 */
void share_find(char *out, size_t cap);

#endif
