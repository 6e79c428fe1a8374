/* driver.c - the list of ways to be paid, the names of things, and what the drivers share. */
#include "pay/driver.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "net/client.h"

#define KEY_FILE_MAX (64 * 1024)
#define HOST_MAX     255

#define DRIVER(n) extern const struct pay_driver pay_driver_##n;
#include "pay/drivers.def"
#undef DRIVER
const struct pay_driver *const pay_drivers[] = {
#define DRIVER(n) &pay_driver_##n,
#include "pay/drivers.def"
#undef DRIVER
    NULL,
};

#define X(id, text) text,
const char *const pay_scene_names[] = { PAY_SCENES(X) NULL };
const char *const pay_state_names[] = { PAY_STATES(X) NULL };
const char *const pay_refund_state_names[] = { PAY_REFUND_STATES(X) NULL };
const char *const pay_member_state_names[] = { PAY_MEMBER_STATES(X) NULL };
const char *const pay_about_names[] = { PAY_ABOUT(X) NULL };
const char *const pay_test_act_names[] = { PAY_TEST_ACTS(X) NULL };
#undef X
const char *const pay_change_names[] = { "pause", "resume", "end", "keep", "end_now", "price", NULL };
const char *const pay_op_names[] = { "start", "query", "close", "refund", "query_refund", "query_member", "change", "keys", "query_dispute", "query_payments", NULL };
_Static_assert(COUNT(pay_change_names) == PAY_CHANGE_COUNT + 1 && COUNT(pay_op_names) == PAY_OP_COUNT + 1, "a name each");

/* ---- answers ---- */
int pay__unclear(const struct pay_work *w, struct err *e, const char *fmt, ...) {
    struct err detail = { 0 };
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(detail.text, sizeof(detail.text), fmt, ap);
    va_end(ap);
    return err_set(e, pay__is_effect(w) ? ERR_UNCERTAIN : ERR_UPSTREAM, "%s", detail.text);
}

int pay__status(const struct pay_work *w, const struct pay_said *said, const char *who, struct err *e) {
    if (said->status == 429)
        return err_set(e, ERR_UPSTREAM, "%s: too many requests, later again", who);
    if (said->status >= 500 || said->status == 408)
        return pay__unclear(w, e, "%s is in trouble (%d)", who, said->status);
    if (said->status < 200 || (said->status >= 300 && said->status < 400))
        return pay__unclear(w, e, "%s answered %d, which is nothing it says: is its URL in the settings right?", who, said->status);
    return 0;
}

void pay__header(struct pay_call *c, struct arena *a, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    http_add_header(c->headers, PAY_HEADERS_MAX, a, fmt, ap);
    va_end(ap);
}

/* ---- JSON of ours ---- */
void pay__json(struct jw *w, struct buf *b, size_t max) {
    buf_init(b, max);
    jw_init(w, b);
    jw_obj(w);
}

int pay__json_end(struct jw *w, struct arena *a, struct str *ret, struct err *e) {
    jw_end_obj(w);
    if (w->b->failed)
        return err_set(e, ERR_BAD_INPUT, "a request of more than %zu bytes", w->b->max);
    *ret = arena_str(a, buf_str(w->b));
    return 0;
}

/* ---- JSON of others ---- */
struct str pay__text(struct arena *a, const struct json_t *obj, const char *key, size_t max) {
    const json_t *v = json_object_get(obj, key);
    size_t n = json_string_length(v);
    return json_is_string(v) && n <= max ? arena_str(a, (struct str){ json_string_value(v), n }) : STR("");
}

int64_t pay__int(const struct json_t *obj, const char *key, int64_t otherwise) {
    const json_t *v = json_object_get(obj, key);
    return json_is_integer(v) ? json_integer_value(v) : otherwise;
}

int64_t pay__minor(const struct json_t *obj, const char *key) {
    int64_t minor = pay__int(obj, key, -1);
    return minor >= 0 && minor <= PAY_MINOR_MAX ? minor : -1;
}

bool pay__currency(struct str s, char out[4]) {
    bool ok = s.n == 3;
    memset(out, 0, 4);
    for (size_t i = 0; ok && i < 3; i++) {
        out[i] = (char)(s.p[i] >= 'a' && s.p[i] <= 'z' ? s.p[i] - ('a' - 'A') : s.p[i]);
        ok = out[i] >= 'A' && out[i] <= 'Z';
    }
    if (!ok)
        out[0] = 0;
    return ok;
}

/* ---- words ---- */
int pay__index(const char *const *names, struct str s) {
    for (int i = 0; names[i]; i++)
        if (str_eqz(s, names[i]))
            return i;
    return -1;
}

static bool only(struct str s, const char *more) {
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c && strchr(more, c))))
            return false;
    }
    return true;
}

bool pay__is_number(struct str s) { return s.n >= PAY_NUMBER_MIN && s.n <= PAY_NUMBER_MAX && only(s, "_-"); }
bool pay__is_name(struct str s) { return s.n >= 1 && s.n <= 255 && only(s, "_-"); }

bool pay__is_url(struct str s, size_t max) {
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] <= 0x20 || s.p[i] == 0x7F)
            return false;
    return s.n <= max && (str_starts(s, STR("https://")) || str_starts(s, STR("http://")));
}

struct str pay__join(struct arena *a, const struct str *parts, size_t n) {
    size_t all = 0, at = 0;
    for (size_t i = 0; i < n; i++)
        all += parts[i].n;
    char *out = arena_try(a, all + 1);
    for (size_t i = 0; out && i < n; at += parts[i++].n)
        if (parts[i].n)
            memcpy(out + at, parts[i].p, parts[i].n);
    return out ? (struct str){ out, all } : STR_NULL;
}

struct str pay__cut(struct str s, size_t max) {
    size_t n = 0;
    for (size_t step; n < s.n && (step = str_utf8_char((struct str){ s.p + n, s.n - n })) > 0 && n + step <= max;)
        n += step;
    return (struct str){ s.p, n };
}

/* ---- addresses ---- */
/* "host", "host:1234", "[::1]:1234"; host: the brackets' inside. */
static bool split_authority(struct str at, char host[HOST_MAX + 1], bool *ret_v6) {
    struct str port = at, name;
    int64_t n;
    *ret_v6 = str_starts(at, STR("["));
    if (*ret_v6) {
        (void)str_cut(&port, '[');
        name = str_cut(&port, ']');
        if (!port.p || (port.n && port.p[0] != ':'))
            return false;
        (void)str_cut(&port, ':');
    } else {
        name = str_cut(&port, ':');
    }
    if (name.n == 0 || name.n > HOST_MAX || !only(name, *ret_v6 ? ":." : ".-_"))
        return false;
    memcpy(host, name.p, name.n);
    host[name.n] = 0;
    return !port.p || (port.n && port.p[0] != '-' && str_int(port, 1, 65535, &n) == 0);
}

/* Only as it is written out: a name may point anywhere, and what has other spellings is no loopback here. */
static bool is_loopback(const char *host, bool v6) {
    struct in_addr four;
    struct in6_addr six;
    return v6 ? inet_pton(AF_INET6, host, &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six) : inet_pton(AF_INET, host, &four) == 1 && ntohl(four.s_addr) >> 24 == 127;
}

int pay__base_url(const struct config *cfg, const char *setting, bool path, const char **ret_url, bool *ret_own, struct err *e) {
    struct str url = str_z(config_str(cfg, setting)), rest = url;
    char host[HOST_MAX + 1];
    bool v6 = false, ok = pay__is_url(url, 300) && !memchr(url.p, '?', url.n) && !memchr(url.p, '#', url.n) && !memchr(url.p, '\\', url.n) && !str_ends(url, STR("/"));
    for (int i = 0; i < 2; i++)
        (void)str_cut(&rest, '/');         /* the scheme, and what is between the two slashes */
    ok = ok && split_authority(str_cut(&rest, '/'), host, &v6) && (path || !rest.p);
    if (!ok)
        return err_set(e, ERR_CONFIG, "%s (%s): https:// and a host, %s", setting, config_where(cfg, setting),
                       path ? "no user, no query, and no / at the end" : "nothing behind but a port");
    *ret_url = url.p;
    *ret_own = is_loopback(host, v6);
    return 0;
}

/* ---- keys ---- */
int pay__read_file(const struct config *cfg, const char *setting, const char *path, struct buf *ret, struct err *e) {
    __attribute__((cleanup(fd_close_p))) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);     /* a FIFO would wait for ever */
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0) {
        err_sys(e, ERR_CONFIG, "cannot read %s", path);
    } else if (!S_ISREG(st.st_mode) || st.st_size > KEY_FILE_MAX) {
        err_set(e, ERR_CONFIG, "%s is no key file (at most %d bytes)", path, KEY_FILE_MAX);
    } else {
        char *to = buf_reserve(ret, (size_t)st.st_size + 1);
        ssize_t n = to ? pread(fd, to, (size_t)st.st_size, 0) : -1;
        if (n >= 0) {
            buf_commit(ret, (size_t)n);
            return 0;
        }
        err_sys(e, ERR_CONFIG, "cannot read %s", path);
    }
    err_prefix(e, "%s (%s): ", setting, config_where(cfg, setting));
    return ERR_CONFIG;
}

void pay__nonce(char out[33]) {
    uint8_t random[16];
    crypto_random(random, sizeof(random));
    hex_encode(random, sizeof(random), out);
    for (int i = 0; i < 32; i++)
        if (out[i] >= 'a')
            out[i] -= 'a' - 'A';
}
