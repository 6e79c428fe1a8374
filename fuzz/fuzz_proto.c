/*
 * fuzz_proto.c - any bytes as a message from a child that a stranger's file has taken over. What is accepted must be what we
 * would have written ourselves.
 */
#include "media/proto.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    if (n == 0 || n > PROTO_MESSAGE_MAX)
        return 0;
    /* The first byte: how many descriptors came along. Bytes 4..7 of a message are its version, which changes with every reason
     * that is added: set right, so that the kept inputs go on reaching what is behind. */
    static char message[PROTO_MESSAGE_MAX];
    const uint32_t version = PROTO_VERSION;
    memcpy(message, data + 1, n - 1);
    if (n > 8)
        memcpy(message + 4, &version, sizeof version);
    struct str bytes = { message, n - 1 };
    struct proto_msg m;
    struct err e;
    if (proto_read(bytes, data[0] % (PROTO_FDS_MAX + 1), &m, &e) < 0)
        return 0;
    BUF_CLEANUP struct buf again;
    buf_init(&again, PROTO_MESSAGE_MAX);
    proto_write(&m, &again);
    if (!str_eq(buf_str(&again), bytes) || proto_length(bytes) != bytes.n)
        __builtin_trap();
    return 0;
}
