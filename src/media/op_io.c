/*
 * op_io.c - how operations read their inputs and write their outputs.
 */
#include "media/op.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>
#include "media/photo.h"
#include "media/pixels.h"

/* Mapped, not copied: the page faults of a fresh buffer cost as much as all else that a probe does. */
int op_read(int fd, size_t max, struct str *ret, struct err *e) {
    off_t n = lseek(fd, 0, SEEK_END);
    if (n < 0)
        return err_sys(e, ERR_IO, "measuring an input");
    if ((uint64_t)n > max)
        return err_set(e, ERR_IMAGE_TOO_LARGE, "over %zu bytes", max);
    if (n == 0) {
        *ret = STR("");
        return 0;
    }
    void *p = mmap(NULL, (size_t)n, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    if (p == MAP_FAILED)
        return errno == ENOMEM ? err_set(e, ERR_MEDIA_MEMORY, "no memory for an input") : err_sys(e, ERR_IO, "reading an input");
    *ret = (struct str){ p, (size_t)n };
    return 0;
}

int op_write(int fd, struct str bytes, struct err *e) {
    if (ftruncate(fd, 0) < 0)
        return err_sys(e, ERR_IO, "emptying an output");
    for (size_t at = 0; at < bytes.n;) {
        ssize_t n = pwrite(fd, bytes.p + at, bytes.n - at, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(e, ERR_IO, "writing an output");
        at += (size_t)n;
    }
    return 0;
}

void op_tell_file(struct jw *w, const char *key, const char *type, const struct img8 *img, size_t bytes) {
    jw_key(w, key);
    jw_obj(w);
    jw_kz(w, "type", type);
    jw_kint(w, "width", img->w);
    jw_kint(w, "height", img->h);
    jw_kint(w, "bytes", (int64_t)bytes);
    jw_end_obj(w);
}

int op_read_photo(int fd, int side_max_px, struct img8 *ret, int *ret_w, int *ret_h, struct err *e) {
    struct str file;
    PHOTO_CLEANUP struct photo p = { 0 };
    struct photo_limits lim = PHOTO_LIMITS_DEFAULT;
    lim.side_px = side_max_px;
    int r = op_read(fd, (size_t)lim.bytes_max, &file, e);
    if (r == 0)
        r = photo_decode(file, &lim, &p, e);
    if (r < 0)
        return r;
    int w = photo_upright_w(&p), h = photo_upright_h(&p);
    r = photo_finish(&p, side_max_px, ret, e);
    if (r < 0)
        return r;
    if (ret_w)
        *ret_w = w;
    if (ret_h)
        *ret_h = h;
    return 0;
}
