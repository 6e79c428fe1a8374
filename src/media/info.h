/*
 * info.h - what this helper is: libraries, models, sandbox. Said in HELLO and by --info.
 * Owns: nothing.  Threads: any.
 */
#ifndef ZT_MEDIA_INFO_H
#define ZT_MEDIA_INFO_H

#include "base/buf.h"
#include "base/err.h"
#include "media/sandbox.h"

struct info {
    const char          *share_dir;                 /* holds runtime/ and models/ */
    int                  slots;
    bool                 test_ops, vision;
    const struct err    *vision_why;                /* when there is no vision */
    struct sandbox_level sandbox;
};

/*
 * {"version", "protocol", "slots", "test_ops", "threads": 1 or something is wrong, "libraries": {name: version}, "heic": bool, "share",
 *  "engine": {"ready": bool, "why": null | text, "files": [{"name", "bytes"}]},
 *  "sandbox": {"seccomp": bool, "landlock": ABI or 0, "namespaces": bool}}
 */
void info_write(const struct info *i, struct buf *out);

#endif
