/* chunked.c - nine states; framing byte by byte, data as views. */
#include "net/chunked.h"

enum { SIZE_FIRST, SIZE, SIZE_LF, DATA, DATA_CR, DATA_LF, LAST_CR, LAST_LF, DONE };

static int hex_of(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One byte that is not data. */
static int framing(struct chunked *c, char b, struct err *e) {
    int digit = hex_of(b);
    switch (c->state) {
    case SIZE_FIRST:
    case SIZE:
        if (digit >= 0) {
            if (++c->digits > CHUNK_SIZE_DIGITS_MAX)
                return err_set(e, ERR_BAD_HTTP, "the chunk size has more than %d digits", CHUNK_SIZE_DIGITS_MAX);
            c->left = c->left << 4 | (unsigned)digit;
            c->state = SIZE;
            return 0;
        }
        if (c->state == SIZE_FIRST || b != '\r')
            return err_set(e, ERR_BAD_HTTP, "the chunk size is not hexadecimal digits and CRLF");
        c->state = SIZE_LF;
        return 0;
    case SIZE_LF:
        c->state = c->left ? DATA : LAST_CR;
        return b == '\n' ? 0 : err_set(e, ERR_BAD_HTTP, "CR without LF behind a chunk size");
    case DATA_CR:
        c->state = DATA_LF;
        return b == '\r' ? 0 : err_set(e, ERR_BAD_HTTP, "chunk data is longer than its size");
    case DATA_LF:
        c->state = SIZE_FIRST;
        c->digits = 0;
        return b == '\n' ? 0 : err_set(e, ERR_BAD_HTTP, "CR without LF behind chunk data");
    case LAST_CR:
        c->state = LAST_LF;
        return b == '\r' ? 0 : err_set(e, ERR_BAD_HTTP, "trailers are not taken");
    default:
        c->state = DONE;
        return b == '\n' ? 0 : err_set(e, ERR_BAD_HTTP, "CR without LF at the end of the body");
    }
}

int chunked_eat(struct chunked *c, struct str in, size_t *ret_used, struct str *ret_data, struct err *e) {
    size_t i = 0;
    *ret_data = STR_NULL;
    while (i < in.n && c->state != DATA && c->state != DONE) {
        int r = framing(c, in.p[i], e);
        if (r < 0)
            return r;
        i++;
    }
    if (c->state == DATA && i < in.n) {
        size_t n = in.n - i < c->left ? in.n - i : (size_t)c->left;
        *ret_data = (struct str){ in.p + i, n };
        c->left -= n;
        i += n;
        if (c->left == 0)
            c->state = DATA_CR;
    }
    *ret_used = i;
    return c->state == DONE;
}
