/* settings.c - the settings of this room, and the server's configuration out of them. */
#include "base/config.h"
#include "net/internal.h"

const struct setting net_settings[] = {
    { "listen", SET_STR, "127.0.0.1:8080", 1, 1000, "Where to listen: address:port, [address]:port or unix:/path, several with commas." },
    { "public_url", SET_STR, "", 0, 200, "The address users see, such as https://photos.example, without a path; https switches secure cookies and HSTS on." },
    { "net.event_threads", SET_INT, "0", 0, 64, "Event threads, each with its own listener; 0 is one a core." },
    { "net.pool_threads", SET_INT, "16", 1, 1024, "Worker threads for requests that wait for a disk or a helper." },
    { "net.pool_queue_max", SET_INT, "256", 1, 100000, "Requests that may wait for a worker; more are answered 503." },
    { "net.delay_ms", SET_MS, "50ms", 1, 10000, "How long requests may wait in a line that does not drain; beyond it the less urgent ones are answered 503. Ten times as long where passwords are hashed and photos taken in." },
    { "net.rate_per_ip", SET_INT, "100", 0, 1000000, "Requests a second of one address (IPv6: one /64) above which, when there is too much to do, it goes behind others; 0 is no limit." },
    { "net.rate_per_account", SET_INT, "20", 0, 1000000, "The same for one account." },
    { "net.conns_max", SET_INT, "20000", 1, 1000000, "Connections open at once; more are answered 503." },
    { "net.conns_per_ip_max", SET_INT, "256", 0, 1000000, "Connections one address may have open (IPv6: one /64); 0 is no limit. Trusted proxies have none." },
    { "net.header_ms", SET_MS, "5s", 10, 60000, "From the first byte of a request to the end of its headers." },
    { "net.idle_ms", SET_MS, "60s", 10, 3600000, "How long a connection may be kept open between requests." },
    { "net.first_ms", SET_MS, "9s", 10, 3600000, "How long a connection may be kept open before its first request; one whose requests were all refused for want of room counts as new." },
    { "net.write_stall_ms", SET_MS, "9s", 10, 600000, "The period over which the rate of a client that takes an answer is measured; of events and messages: how long it may take none." },
    { "net.body_rate_min", SET_BYTES, "1K", 0, 1 << 30, "Bytes a second a request body must bring, on average over each net.body_grace_ms, and a client take of an answer, over each net.write_stall_ms." },
    { "net.body_grace_ms", SET_MS, "5s", 10, 600000, "The period over which the rate of a request body is measured." },
    { "net.ws_ping_ms", SET_MS, "30s", 10, 3600000, "Silence after which a WebSocket is pinged; after as much again without an answer it is closed." },
    { "net.ws_message_ms", SET_MS, "60s", 10, 3600000, "From the first byte of a message on a WebSocket to its last; one that takes longer is closed." },
    { "net.ws_queue_bytes", SET_BYTES, "256K", 1024, 1 << 30, "Bytes that may wait for the reader of one WebSocket; one that reads more slowly is told so and closed." },
    { "net.ws_queue_frames", SET_INT, "256", 1, 65536, "Messages that may wait for the reader of one WebSocket." },
    { "net.handler_ms", SET_MS, "60s", 10, 600000, "How long an answer may take to be made." },
    { "net.drain_ms", SET_MS, "20s", 0, 600000, "When stopping: how long requests under way may take to finish." },
    { "net.trusted_proxies", SET_STR, "", 0, 4000, "Addresses or CIDR blocks whose X-Forwarded-For and X-Forwarded-Proto are believed; with commas." },
    { "net.cors_origins", SET_STR, "", 0, 4000, "Origins whose pages may use this API with the user's session; below the same domain as public_url, or browsers send no cookie; with commas, no *." },
    { 0 },
};

void http_server_conf_from(const struct config *cfg, struct http_server_conf *ret) {
    *ret = (struct http_server_conf){
        .listen = config_str(cfg, "listen"),
        .public_url = config_str(cfg, "public_url"),
        .event_threads = (int)config_int(cfg, "net.event_threads"),
        .pool_threads = (int)config_int(cfg, "net.pool_threads"),
        .pool_queue_max = (int)config_int(cfg, "net.pool_queue_max"),
        .delay_ms = config_int(cfg, "net.delay_ms"),
        .rate_per_ip = config_int(cfg, "net.rate_per_ip"),
        .rate_per_account = config_int(cfg, "net.rate_per_account"),
        .conns_max = (int)config_int(cfg, "net.conns_max"),
        .conns_per_ip_max = (int)config_int(cfg, "net.conns_per_ip_max"),
        .header_ms = config_int(cfg, "net.header_ms"),
        .idle_ms = config_int(cfg, "net.idle_ms"),
        .first_ms = config_int(cfg, "net.first_ms"),
        .write_stall_ms = config_int(cfg, "net.write_stall_ms"),
        .body_rate_min = config_int(cfg, "net.body_rate_min"),
        .body_grace_ms = config_int(cfg, "net.body_grace_ms"),
        .ws_ping_ms = config_int(cfg, "net.ws_ping_ms"),
        .ws_message_ms = config_int(cfg, "net.ws_message_ms"),
        .ws_queue_bytes = (int)config_int(cfg, "net.ws_queue_bytes"),
        .ws_queue_frames = (int)config_int(cfg, "net.ws_queue_frames"),
        .handler_ms = config_int(cfg, "net.handler_ms"),
        .drain_ms = config_int(cfg, "net.drain_ms"),
        .trusted_proxies = config_str(cfg, "net.trusted_proxies"),
        .cors_origins = config_str(cfg, "net.cors_origins"),
    };
}

static bool url_host_ok(struct str host) {
    bool v6 = str_starts(host, STR("[")) && str_ends(host, STR("]"));
    static const char name_chars[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-", v6_chars[] = "[]0123456789abcdefABCDEF:.";
    return host.n > (v6 ? 3 : 0) && strspn(host.p, v6 ? v6_chars : name_chars) >= host.n && (v6 || (host.p[0] != '.' && host.p[0] != '-'));
}

/* http[s]://host[:port][/]. Links, cookies and the issuer of tokens are made from it: what is no origin would break each in its own way. */
static int public_url_check(const char *url, struct err *e) {
    struct str rest = str_z(url);
    int64_t port;
    if (!rest.n)
        return 0;
    size_t scheme = str_starts(rest, STR("https://")) ? 8 : str_starts(rest, STR("http://")) ? 7 : 0;
    if (!scheme)
        return err_set(e, ERR_CONFIG, "\"%.60s\" must begin with http:// or https://, such as https://photos.example", url);
    rest.p += scheme, rest.n -= scheme;
    if (str_ends(rest, STR("/")))
        rest.n--;
    if (rest.n && strcspn(rest.p, "/?#") < rest.n)
        return err_set(e, ERR_CONFIG, "\"%.60s\" must end behind the host: pages lie at /, not below a path, and there is no query", url);
    const char *colon = memrchr(rest.p, ':', rest.n);
    if (colon && !memchr(colon, ']', rest.n - (size_t)(colon - rest.p))) {
        struct str digits = { colon + 1, rest.n - (size_t)(colon + 1 - rest.p) };
        if (str_int(digits, 1, 65535, &port) < 0)
            return err_set(e, ERR_CONFIG, "\"%.60s\" has no port between 1 and 65535 behind its ':'", url);
        rest.n = (size_t)(colon - rest.p);
    }
    return url_host_ok(rest) ? 0 : err_set(e, ERR_CONFIG, "\"%.60s\" names no host, such as https://photos.example", url);
}

int http_server_check(const struct config *cfg, struct err *e) {
    CLEANUP(arena_free) struct arena *a = arena_new(1 << 20);
    struct listen_at *at;
    struct cidr *proxies;
    size_t n;
    int r = listen_parse(a, config_str(cfg, "listen"), &at, &n, e);
    if (r < 0)
        return err_prefix(e, "%s: ", config_where(cfg, "listen"));
    r = public_url_check(config_str(cfg, "public_url"), e);
    if (r < 0)
        return err_prefix(e, "%s: ", config_where(cfg, "public_url"));
    r = cidr_parse(a, config_str(cfg, "net.trusted_proxies"), &proxies, &n, e);
    return r < 0 ? err_prefix(e, "%s: ", config_where(cfg, "net.trusted_proxies")) : 0;
}
