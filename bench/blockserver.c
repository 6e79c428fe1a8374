/*
 * blockserver.c - our HTTP server with two routes: one that answers at once, one whose handler sleeps 20 ms on the pool, as a slow
 * database would. For the row that asks whether the second kind holds up the first; the product itself has no route that slow.
 * usage: blockserver [--listen=...] [--net.*=...]     says "ready PORT"
 */
#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "base/config.h"
#include "base/crypto.h"
#include "net/server.h"

#define BLOCK_MS 20

static int get_fast(struct http_req *req, struct http_res *res, struct err *e) {
    return http_res_body(res, 200, "text/plain", STR("fast\n"), /* borrowed= */ true);
}
static int get_block(struct http_req *req, struct http_res *res, struct err *e) {
    struct timespec ts = { 0, BLOCK_MS * 1000 * 1000 };
    nanosleep(&ts, NULL);
    return http_res_body(res, 200, "text/plain", STR("slow\n"), /* borrowed= */ true);
}
static const struct route routes[] = {
    { "GET", "/fast", ROUTE_INLINE, TRAFFIC_READ, .handle = get_fast },
    { "GET", "/block", ROUTE_BLOCKING, TRAFFIC_READ, .handle = get_block },
    { 0 },
};
static const struct route *const tables[] = { routes, NULL };
static int authorise(struct http_req *req, struct err *e) { return 0; }

int main(int argc, char **argv, char **envp) {
    static const struct setting *const settings[] = { net_settings, NULL };
    struct http_server_conf conf;
    struct http_server *server = NULL;
    struct config *cfg = NULL;
    struct err e = { 0 };
    sigset_t set;
    int rest, sig;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    int r = config_new(settings, &cfg, &e);
    if (r < 0 || (r = config_load(cfg, argc - 1, argv + 1, envp, &rest, &e)) < 0 || (r = crypto_setup(&e)) < 0)
        goto failed;
    http_server_conf_from(cfg, &conf);
    conf.routes = tables;
    conf.authorise = authorise;
    if ((r = http_server_new(&conf, &server, &e)) < 0 || (r = http_server_start(server, &e)) < 0)
        goto failed;
    printf("ready %d\n", http_server_port(server));
    fflush(stdout);
    sigwait(&set, &sig);
    http_server_stop(server);
    http_server_free(server);
    config_free(cfg);
    return 0;
failed:
    fprintf(stderr, "blockserver: %s\n", e.text);
    return 1;
}
