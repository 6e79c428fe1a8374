/* fuzz_chunked.c - any bytes as a chunked body: the same however they are cut, and what is accepted reads the same in llhttp. */
#include "net/chunked.h"

#include <llhttp.h>
#include "base/buf.h"
#include "fuzz.h"

#define MUST(x) ((x) ? (void)0 : __builtin_trap())
#define IN_MAX 65536

/* Our reading, `step` bytes at a time. Returns 1, 0 or < 0; *ret_used counts the bytes up to the end of the body. */
static int ours(struct str in, size_t step, struct buf *body, size_t *ret_used) {
    struct chunked c = { 0 };
    size_t at = 0;
    while (at < in.n) {
        size_t used;
        struct str data, part = { in.p + at, in.n - at < step ? in.n - at : step };
        int r = chunked_eat(&c, part, &used, &data, NULL);
        if (r < 0)
            return r;
        MUST(used > 0 && used <= part.n && data.n <= used);
        buf_add_str(body, data);
        at += used;
        *ret_used = at;
        if (r)
            return 1;
    }
    return 0;
}

static int on_body(llhttp_t *l, const char *p, size_t n) {
    buf_add(l->data, p, n);
    return 0;
}
static int on_end(llhttp_t *l) { return HPE_PAUSED; }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static const llhttp_settings_t settings = { .on_body = on_body, .on_message_complete = on_end };
    static const struct str head = { "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", 56 };
    struct str in = { (const char *)data, n };
    BUF_CLEANUP struct buf whole, bytewise, theirs;
    size_t used = 0, used_bytewise = 0;
    if (n > IN_MAX)
        return 0;
    buf_init(&whole, IN_MAX);
    buf_init(&bytewise, IN_MAX);
    buf_init(&theirs, IN_MAX);
    int r = ours(in, IN_MAX, &whole, &used);
    MUST(ours(in, 1, &bytewise, &used_bytewise) == r);
    if (r != 1)
        return 0;
    MUST(used == used_bytewise && str_eq(buf_str(&whole), buf_str(&bytewise)));

    llhttp_t l;
    llhttp_init(&l, HTTP_REQUEST, &settings);
    l.data = &theirs;
    MUST(llhttp_execute(&l, head.p, head.n) == HPE_OK);
    MUST(llhttp_execute(&l, in.p, in.n) == HPE_PAUSED);
    MUST(llhttp_get_error_pos(&l) == in.p + used && str_eq(buf_str(&whole), buf_str(&theirs)));
    return 0;
}
