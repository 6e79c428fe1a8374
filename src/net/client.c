/* client.c - the thread that drives libcurl, and the rules every single transfer is under. */
#include "net/client.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "net/address.h"
#include "net/head.h"

#define REPLY_HEADERS_MAX (64 * 1024)
#define URL_MAX           2000

void http_add_header(const char **headers, size_t max, struct arena *a, const char *fmt, va_list ap) {
    size_t n = 0;
    while (headers[n])
        n++;
    if (n == max)
        abort();
    headers[n] = arena_vprintf(a, fmt, ap).p;
}

/* One ask under way; a redirect uses it again. */
struct transfer {
    struct http_client    *client;
    const struct http_ask *ask;
    struct http_reply     *reply;
    void                 (*done)(void *ctx);
    void                  *ctx;
    CURL                  *easy;
    struct curl_slist     *headers;
    char                   url[URL_MAX + 1], origin[300];     /* origin: "https://host:port" of the first URL */
    bool                   allowed;       /* the present URL is on the allow list */
    bool                   blocked;       /* an address was refused */
    int                    redirects;
    int64_t                deadline_ms;
    size_t                 part;          /* of the body: which, and how many bytes of it (before base64) were sent */
    int64_t                part_at;
    struct transfer       *next;
};

struct http_client {
    struct http_client_conf conf;
    char                   *allow, *ca_file;
    CURLM                  *multi;
    pthread_t               thread;
    pthread_mutex_t         lock;
    struct transfer        *queue, **queue_last;    /* guarded by lock, with the next three */
    int                     in_flight;
    bool                    stop, started;
    atomic_bool             some_cancelled;
    struct transfer        *active;                 /* the thread's own */
};

const struct setting http_client_settings[] = {
    { "client.connect_ms", SET_MS, "10s", 10, 120000, "Outgoing HTTP: name lookup, TCP and TLS together." },
    { "client.in_flight_max", SET_INT, "256", 1, 10000, "Outgoing HTTP: requests under way at once." },
    { "client.allow", SET_STR, "", 0, 2000, "host:port pairs that outgoing HTTP may reach in plain text and in private networks; with commas." },
    { "client.ca_file", SET_STR, "", 0, 1000, "Certificate authorities for outgoing HTTPS, instead of the system's." },
    { 0 },
};

void http_client_conf_from(const struct config *cfg, struct http_client_conf *ret) {
    *ret = (struct http_client_conf){
        .connect_ms = config_int(cfg, "client.connect_ms"),
        .in_flight_max = (int)config_int(cfg, "client.in_flight_max"),
        .allow = config_str(cfg, "client.allow"),
        .ca_file = config_str(cfg, "client.ca_file"),
    };
}

/* ---- rules ---- */
static bool is_safe(const struct http_ask *ask) { return str_eqz(STR("GET"), ask->method) || str_eqz(STR("HEAD"), ask->method); }

/* Checks t->url and takes it apart: sets allowed, and writes "scheme://host:port" to origin. */
static int check_url(struct transfer *t, char origin[300], struct err *e) {
    CURLU *u = curl_url();
    char *scheme = NULL, *host = NULL, *port = NULL, *user = NULL;
    int r = 0;
    if (!u || curl_url_set(u, CURLUPART_URL, t->url, CURLU_DISALLOW_USER) != CURLUE_OK || curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
        curl_url_get(u, CURLUPART_HOST, &host, 0) != CURLUE_OK || curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) != CURLUE_OK) {
        r = err_set(e, ERR_BAD_INPUT, "not a URL that may be fetched");
    } else {
        char where[280];
        snprintf(where, sizeof(where), "%.255s:%.6s", host, port);
        snprintf(origin, 300, "%.8s://%s", scheme, where);
        t->allowed = head_has_token(str_z(t->client->conf.allow), str_z(where));
        if (!str_eqz(STR("https"), scheme) && !(t->allowed && str_eqz(STR("http"), scheme)))
            r = err_set(e, ERR_BLOCKED_ADDRESS, "only https is fetched, not %.8s://%s", scheme, where);
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    curl_free(user);
    curl_url_cleanup(u);
    return r;
}

/* libcurl has looked the name up and is about to connect to this address; what is checked here is what is connected to. */
static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *at) {
    struct transfer *t = arg;
    uint8_t ip[16];
    uint16_t port;
    char text[ADDRESS_TEXT_MAX];
    address_of(&at->addr, ip, &port);
    if (!t->allowed && address_is_private(ip)) {
        address_text(ip, text);
        t->blocked = true;
        err_set(&t->reply->err, ERR_BLOCKED_ADDRESS, "%s is not a public address", text);
        return CURL_SOCKET_BAD;
    }
    return socket(at->family, at->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, at->protocol);
}

/* ---- what comes ---- */
static size_t take_header(char *p, size_t one, size_t n, void *arg) {
    struct transfer *t = arg;
    struct str line = { p, n };
    if (str_starts(line, STR("HTTP/")))                /* of the next answer: after 100 Continue or a redirect */
        buf_reset(&t->reply->headers);
    buf_add_str(&t->reply->headers, line);
    return t->reply->headers.failed ? 0 : n;
}

static int write_all(int fd, const char *p, size_t n, struct err *e) {
    while (n) {
        ssize_t w = write(fd, p, n);
        if (w < 0 && errno != EINTR)
            return err_sys(e, ERR_IO, "cannot store what was fetched");
        if (w > 0) {
            p += w;
            n -= (size_t)w;
        }
    }
    return 0;
}

static size_t take_body(char *p, size_t one, size_t n, void *arg) {
    struct transfer *t = arg;
    struct http_reply *reply = t->reply;
    long status = 0;
    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status >= 300 && status < 400 && t->ask->redirects_max)
        return n;                                      /* the page that comes with a redirect is of no interest */
    reply->body_bytes += (int64_t)n;
    if (reply->body_bytes > t->ask->body_max) {
        err_set(&reply->err, ERR_TOO_BIG, "the answer is over %lld bytes", (long long)t->ask->body_max);
        return 0;
    }
    if (t->ask->to_fd > 0)
        return write_all(t->ask->to_fd, p, n, &reply->err) < 0 ? 0 : n;
    buf_add(&reply->body, p, n);
    if (reply->body.failed)
        err_set(&reply->err, ERR_TOO_BIG, "no memory for the answer");
    return reply->body.failed ? 0 : n;
}

/* ---- what goes ---- */
static int64_t bytes_of(const struct http_part *p) { return p->fd > 0 ? p->bytes : (int64_t)p->text.n; }
static int64_t size_sent(const struct http_part *p) { return p->fd > 0 && p->base64 ? (p->bytes + 2) / 3 * 4 : bytes_of(p); }

static int read_file(const struct http_part *p, int64_t at, char *out, size_t n, struct err *e) {
    for (size_t got = 0; got < n;) {
        ssize_t r = pread(p->fd, out + got, n - got, (off_t)(at + (int64_t)got));
        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            return r < 0 ? err_sys(e, ERR_IO, "cannot read what is sent") : err_set(e, ERR_IO, "a file that is sent ended early");
        got += (size_t)r;
    }
    return 0;
}

/* The next bytes of a part, as many as fit; libcurl's buffers hold 16 KB and more, so that a group of base64 always does. */
static ssize_t take_part(struct transfer *t, const struct http_part *p, char *out, size_t room) {
    enum { GROUPS = 1024 };
    int64_t left = bytes_of(p) - t->part_at;
    size_t n = left < (int64_t)room ? (size_t)left : room;
    if (p->fd <= 0) {
        memcpy(out, p->text.p + t->part_at, n);
    } else if (!p->base64) {
        if (read_file(p, t->part_at, out, n, &t->reply->err) < 0)
            return -1;
    } else {
        char raw[3 * GROUPS], text[4 * GROUPS + 1];
        size_t groups = room / 4 < GROUPS ? room / 4 : GROUPS;
        n = left < (int64_t)(3 * groups) ? (size_t)left : 3 * groups;
        if (n == 0 || read_file(p, t->part_at, raw, n, &t->reply->err) < 0)
            return -1;
        size_t made = base64_encode(raw, n, text);
        memcpy(out, text, made);
        t->part_at += (int64_t)n;
        return (ssize_t)made;
    }
    t->part_at += (int64_t)n;
    return (ssize_t)n;
}

static size_t give_body(char *out, size_t one, size_t room, void *arg) {
    struct transfer *t = arg;
    while (t->part < t->ask->n_parts) {
        const struct http_part *p = &t->ask->parts[t->part];
        if (t->part_at < bytes_of(p)) {
            ssize_t n = take_part(t, p, out, room);
            return n < 0 ? CURL_READFUNC_ABORT : (size_t)n;
        }
        t->part++;
        t->part_at = 0;
    }
    return 0;
}

/* ---- one transfer ---- */
static int set_headers(struct transfer *t, bool same_origin) {
    curl_slist_free_all(TAKE(t->headers));
    struct curl_slist *list = curl_slist_append(NULL, "Expect:");      /* our bodies are small; waiting for 100 would only cost time */
    for (const char *const *h = t->ask->headers; list && h && *h; h++) {
        struct str rest = str_z(*h), name = str_cut(&rest, ':');
        bool secret = str_ieq(name, STR("Authorization")) || str_ieq(name, STR("Cookie")) || str_ieq(name, STR("X-Api-Key"));
        if (secret && !same_origin)
            continue;
        struct curl_slist *longer = curl_slist_append(list, *h);
        if (!longer)
            curl_slist_free_all(list);
        list = longer;
    }
    t->headers = list;
    return list ? 0 : ERR_INTERNAL;
}

/* Sets the handle up for t->url; used for the first request and for each redirect. */
static int arm(struct transfer *t, struct err *e) {
    char origin[300];
    int64_t left_ms = t->deadline_ms - clock_mono_ms();
    int r = check_url(t, origin, e);
    if (r < 0)
        return r;
    if (left_ms <= 0)
        return err_set(e, ERR_UPSTREAM, "no time is left");
    if (!t->origin[0])
        memcpy(t->origin, origin, sizeof(origin));
    if (set_headers(t, str_eqz(str_z(t->origin), origin)) < 0)
        return err_set(e, ERR_INTERNAL, "no memory");
    curl_easy_setopt(t->easy, CURLOPT_URL, t->url);
    curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers);
    curl_easy_setopt(t->easy, CURLOPT_TIMEOUT_MS, (long)left_ms);
    curl_easy_setopt(t->easy, CURLOPT_PROTOCOLS_STR, t->allowed ? "http,https" : "https");
    return 0;
}

static int make_easy(struct transfer *t, struct err *e) {
    const struct http_client_conf *conf = &t->client->conf;
    const struct http_ask *ask = t->ask;
    CURL *h = t->easy = curl_easy_init();
    if (!h)
        return err_set(e, ERR_INTERNAL, "no memory");
    curl_easy_setopt(h, CURLOPT_PRIVATE, t);
    curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(h, CURLOPT_QUICK_EXIT, 1L);          /* else giving up waits for getaddrinfo() to return, and everybody with it */
    curl_easy_setopt(h, CURLOPT_PROXY, "");
    curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, (long)conf->connect_ms);
    curl_easy_setopt(h, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(h, CURLOPT_OPENSOCKETDATA, t);
    curl_easy_setopt(h, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(h, CURLOPT_HEADERDATA, t);
    curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(h, CURLOPT_WRITEDATA, t);
    /* On a used connection that the other side closes without an answer, libcurl sends the request again by itself; nobody may do that with one
     * that changes things. A new connection per change is the only way to switch it off. */
    curl_easy_setopt(h, CURLOPT_FRESH_CONNECT, is_safe(ask) ? 0L : 1L);
    curl_easy_setopt(h, CURLOPT_USERAGENT, "zoetrope/" ZT_VERSION);
    if (conf->ca_file[0])
        curl_easy_setopt(h, CURLOPT_CAINFO, conf->ca_file);
    if (ask->n_parts) {
        int64_t all = 0;
        for (size_t i = 0; i < ask->n_parts; i++)
            all += size_sent(&ask->parts[i]);
        curl_easy_setopt(h, CURLOPT_POST, 1L);
        curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)all);
        curl_easy_setopt(h, CURLOPT_READFUNCTION, give_body);
        curl_easy_setopt(h, CURLOPT_READDATA, t);
    } else if (ask->body.n) {
        curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)ask->body.n);
        curl_easy_setopt(h, CURLOPT_POSTFIELDS, ask->body.p);
    } else if (str_eqz(STR("POST"), ask->method) || str_eqz(STR("PUT"), ask->method)) {
        curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE, 0L);
        curl_easy_setopt(h, CURLOPT_POSTFIELDS, "");
    }
    if (str_eqz(STR("HEAD"), ask->method))
        curl_easy_setopt(h, CURLOPT_NOBODY, 1L);
    else
        curl_easy_setopt(h, CURLOPT_CUSTOMREQUEST, ask->method);
    return arm(t, e);
}

static void transfer_free(struct transfer *t) {
    curl_easy_cleanup(t->easy);
    curl_slist_free_all(t->headers);
    free(t);
}

static void finish(struct transfer *t, int rc) {
    struct http_client *c = t->client;
    struct http_reply *reply = t->reply;
    void (*done)(void *) = t->done;
    void *ctx = t->ctx;
    for (struct transfer **p = &c->active; *p; p = &(*p)->next)
        if (*p == t) {
            *p = t->next;
            break;
        }
    reply->rc = rc;
    transfer_free(t);
    pthread_mutex_lock(&c->lock);
    c->in_flight--;
    pthread_mutex_unlock(&c->lock);
    done(ctx);
}

/* Why libcurl gave up, in our words. Bytes of a request that changes things having been sent, its outcome is not known. */
static int failure(struct transfer *t, CURLcode code) {
    struct err *e = &t->reply->err;
    long sent = 0;
    curl_easy_getinfo(t->easy, CURLINFO_REQUEST_SIZE, &sent);
    if (t->blocked && sent == 0)           /* of a name's several addresses another may have been public, and have had the request */
        return ERR_BLOCKED_ADDRESS;
    if (e->code == ERR_TOO_BIG || e->code == ERR_DISK_FULL || e->code == ERR_IO)
        return e->code;
    return err_set(e, sent > 0 && !is_safe(t->ask) ? ERR_UNCERTAIN : ERR_UPSTREAM, "%s", curl_easy_strerror(code));
}

/* True when the answer is a redirect that is followed: the transfer is under way again. */
static bool follow(struct transfer *t, int *ret_rc) {
    char *to = NULL;
    if (t->reply->status < 301 || t->reply->status > 308 || t->reply->status == 304 || !is_safe(t->ask) || t->ask->redirects_max == 0)
        return false;
    if (curl_easy_getinfo(t->easy, CURLINFO_REDIRECT_URL, &to) != CURLE_OK || !to)
        return false;
    if (++t->redirects > t->ask->redirects_max || strlen(to) > URL_MAX) {
        *ret_rc = err_set(&t->reply->err, ERR_UPSTREAM, "more than %d redirects, or one that is too long", t->ask->redirects_max);
        return false;
    }
    memcpy(t->url, to, strlen(to) + 1);
    *ret_rc = arm(t, &t->reply->err);
    if (*ret_rc < 0)
        return false;
    curl_multi_add_handle(t->client->multi, t->easy);
    return true;
}

static void ended(struct http_client *c, CURL *easy, CURLcode code) {
    struct transfer *t = NULL;
    long status = 0;
    int rc = 0;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&t);
    curl_multi_remove_handle(c->multi, easy);
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    t->reply->status = (int)status;
    if (code != CURLE_OK)
        rc = failure(t, code);
    else if (follow(t, &rc))
        return;
    finish(t, rc);
}

/* ---- the thread ---- */
static void take_queue(struct http_client *c, bool *ret_stop) {
    pthread_mutex_lock(&c->lock);
    struct transfer *t = TAKE(c->queue);
    c->queue_last = &c->queue;
    *ret_stop = c->stop;
    pthread_mutex_unlock(&c->lock);
    while (t) {
        struct transfer *next = t->next;
        t->next = c->active;
        c->active = t;
        /* One that was cancelled while it stood in the queue is not looked for again. */
        int r = *ret_stop                             ? err_set(&t->reply->err, ERR_STOPPING, "the server is stopping")
                : atomic_load(&t->reply->cancelled) ? err_set(&t->reply->err, ERR_STOPPING, "cancelled")
                                                    : make_easy(t, &t->reply->err);
        if (r < 0)
            finish(t, r);
        else
            curl_multi_add_handle(c->multi, t->easy);
        t = next;
    }
}

static void give_up(struct transfer *t, const char *why) {
    curl_multi_remove_handle(t->client->multi, t->easy);
    int rc = failure(t, CURLE_ABORTED_BY_CALLBACK);
    finish(t, rc == ERR_UPSTREAM ? err_set(&t->reply->err, ERR_STOPPING, "%s", why) : rc);
}

static void end_cancelled(struct http_client *c) {
    if (!atomic_exchange(&c->some_cancelled, false))
        return;
    for (struct transfer *t = c->active, *next; t; t = next) {
        next = t->next;
        if (atomic_load(&t->reply->cancelled))
            give_up(t, "cancelled");
    }
}

static void end_all(struct http_client *c) {
    while (c->active)
        give_up(c->active, "the server is stopping");
}

static void *client_main(void *arg) {
    struct http_client *c = arg;
    pthread_setname_np(pthread_self(), "client");
    for (;;) {
        bool stop;
        int running, left;
        take_queue(c, &stop);
        if (stop)
            break;
        end_cancelled(c);
        curl_multi_perform(c->multi, &running);
        for (CURLMsg *m; (m = curl_multi_info_read(c->multi, &left));)
            if (m->msg == CURLMSG_DONE)
                ended(c, m->easy_handle, m->data.result);
        curl_multi_poll(c->multi, NULL, 0, 60000, NULL);       /* woken by curl_multi_wakeup(); libcurl shortens it for its own timers */
    }
    end_all(c);
    return NULL;
}

/* ---- asking ---- */
int http_client_submit(struct http_client *c, const struct http_ask *ask, struct http_reply *reply, void (*done)(void *ctx), void *ctx, struct err *e) {
    size_t url_n = strlen(ask->url);
    if (url_n > URL_MAX || ask->total_ms < 1 || ask->body_max < 0 || ask->redirects_max < 0 || ask->redirects_max > 3 ||
        !head_is_token(str_z(ask->method)) || (ask->n_parts && (ask->body.n || ask->redirects_max || is_safe(ask))))
        return err_set(e, ERR_BAD_INPUT, "a request that cannot be sent");
    struct transfer *t = calloc(1, sizeof(*t));
    if (!t)
        return err_set(e, ERR_BUSY, "no memory");
    *t = (struct transfer){ .client = c, .ask = ask, .reply = reply, .done = done, .ctx = ctx, .deadline_ms = clock_mono_ms() + ask->total_ms };
    memcpy(t->url, ask->url, url_n);
    *reply = (struct http_reply){ 0 };
    buf_init(&reply->headers, REPLY_HEADERS_MAX);
    buf_init(&reply->body, (size_t)ask->body_max);
    pthread_mutex_lock(&c->lock);
    int r = c->stop ? err_set(e, ERR_STOPPING, "the server is stopping") : 0;
    if (r == 0 && c->in_flight >= c->conf.in_flight_max)
        r = err_set(e, ERR_BUSY, "%d requests are under way", c->in_flight);
    if (r == 0) {
        c->in_flight++;
        *c->queue_last = t;
        c->queue_last = &t->next;
    }
    pthread_mutex_unlock(&c->lock);
    if (r < 0)
        free(t);
    else
        curl_multi_wakeup(c->multi);
    return r;
}

void http_client_cancel(struct http_client *c, struct http_reply *reply) {
    atomic_store(&reply->cancelled, true);
    atomic_store(&c->some_cancelled, true);
    curl_multi_wakeup(c->multi);
}

struct waiter { pthread_mutex_t lock; pthread_cond_t cond; bool done; };
static void wake_waiter(void *arg) {
    struct waiter *w = arg;
    pthread_mutex_lock(&w->lock);
    w->done = true;
    pthread_cond_signal(&w->cond);
    pthread_mutex_unlock(&w->lock);
}

int http_client_do(struct http_client *c, const struct http_ask *ask, struct http_reply *reply, struct err *e) {
    struct waiter w = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false };
    int r = http_client_submit(c, ask, reply, wake_waiter, &w, e);
    if (r < 0) {
        reply->rc = r;
        return r;
    }
    pthread_mutex_lock(&w.lock);
    while (!w.done)                                    /* total_ms bounds the wait */
        pthread_cond_wait(&w.cond, &w.lock);
    pthread_mutex_unlock(&w.lock);
    if (reply->rc < 0 && e)
        *e = reply->err;
    return reply->rc;
}

struct str http_reply_header(const struct http_reply *r, const char *name) {
    struct str rest = buf_str(&r->headers);
    while (rest.n) {
        struct str line = str_cut(&rest, '\n'), value = line, key = str_cut(&value, ':');
        if (value.p && str_ieq(key, str_z(name))) {
            if (value.n && value.p[value.n - 1] == '\r')
                value.n--;
            return str_trim(value);
        }
    }
    return STR_NULL;
}

void http_reply_done(struct http_reply *r) {
    buf_done(&r->headers);
    buf_done(&r->body);
}

/* ---- life ---- */
static void setup_curl(void) { curl_global_init(CURL_GLOBAL_DEFAULT); }

int http_client_new(const struct http_client_conf *conf, struct http_client **ret_c, struct err *e) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, setup_curl);
    struct http_client *c = calloc(1, sizeof(*c));
    if (!c)
        return err_set(e, ERR_INTERNAL, "no memory");
    c->conf = *conf;
    c->allow = strdup(conf->allow ? conf->allow : "");
    c->ca_file = strdup(conf->ca_file ? conf->ca_file : "");
    c->conf.allow = c->allow;
    c->conf.ca_file = c->ca_file;
    c->queue_last = &c->queue;
    pthread_mutex_init(&c->lock, NULL);
    c->multi = curl_multi_init();
    if (!c->allow || !c->ca_file || !c->multi || pthread_create(&c->thread, NULL, client_main, c) != 0) {
        http_client_free(c);
        return err_set(e, ERR_INTERNAL, "cannot start the HTTP client");
    }
    c->started = true;
    *ret_c = c;
    return 0;
}

void http_client_free(struct http_client *c) {
    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    c->stop = true;
    pthread_mutex_unlock(&c->lock);
    if (c->started) {
        curl_multi_wakeup(c->multi);
        pthread_join(c->thread, NULL);
    }
    curl_multi_cleanup(c->multi);
    pthread_mutex_destroy(&c->lock);
    free(c->allow);
    free(c->ca_file);
    free(c);
}
