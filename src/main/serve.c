/*
 * serve.c - the server: everything up in one order, down in the reverse one.
 *
 * Up: what is only read first, so that a wrong file leaves no trace; then the database (its lock says whether this data is ours at all);
 * then what a crash left behind is cleared away; then what works, and the door last. Down: the door first; requests under way finish, tasks give back what they hold, and the database goes last.
 */
#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/api.h"
#include "auth/auth.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "blob/blob.h"
#include "cache/cache.h"
#include "db/db.h"
#include "mail/mail.h"
#include "main/commands.h"
#include "main/signals.h"
#include "media/client.h"
#include "net/client.h"
#include "ops/ops.h"
#include "pay/pay.h"
#include "shop/order.h"
#include "shop/quote.h"
#include "studio/studio.h"
#include "task/task.h"

#define READY_WAIT_MS 5000            /* for the picture process, which takes about half a second */

struct serve {
    struct app         app;
    struct ops_keeper *keeper;
    bool               operator_made, tasks_started;
    char               title_en[200], title_zh[200], accent[32];   /* of mails */
};

/* ---- chores of rooms that do not know the keeper ---- */

struct expire { const struct app *app; int64_t now_ms; };

static int expire_rows(struct db_tx *tx, void *arg, struct err *e) {
    const struct expire *x = arg;
    int r = auth_expire(tx, x->now_ms, e);
    if (r < 0 || (r = api_key_expire(tx, x->now_ms, e)) < 0 || (r = mail_expire(tx, x->now_ms, e)) < 0)
        return r;
    if ((r = shop_quote_forget(tx, x->now_ms, e)) < 0 || (r = shop_free_forget(tx, x->app->cfg, x->now_ms, e)) < 0 || (r = pay_expire(tx, x->now_ms, e)) < 0)
        return r;
    return shop_order_forget(tx, x->now_ms, e);
}
static int expire(const struct app *app, int64_t now_ms, struct err *e) { return db_do(app->db, expire_rows, &(struct expire){ app, now_ms }, e); }

static int turn_keys(const struct app *app, int64_t now_ms, struct err *e) { return auth_keys_turn(app->auth, now_ms, e); }

static int renew_pay_keys(const struct app *app, int64_t now_ms, struct err *e) { return pay_renew_keys(app->pay, e); }

static const struct ops_chore chores[] = {
    { "keys", 1000, turn_keys },
    { "moves", 1000, api_move_chore },
    { "expire", 600 * 1000, expire },
    { "pay keys", 6 * 3600 * 1000, renew_pay_keys },
    { 0 },
};

/* ---- up ---- */

/*
 * What a thread has freed only its own arena can give out again. By default there may be eight a core, so each of our threads has one; with two a
 * core 3.3 MB of freed memory become 1.2, and the server comes to its lasting size sooner. Small pieces never get this far (tcache).
 */
static void share_arenas(void) {
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    mallopt(M_ARENA_MAX, cores > 1 ? 2 * (int)cores : 2);
}

/* Thousands of connections need thousands of descriptors; the soft limit is often 1,024 for the sake of programs that use select(). */
static void raise_fd_limit(void) {
    struct rlimit fds;
    if (getrlimit(RLIMIT_NOFILE, &fds) == 0 && fds.rlim_cur < fds.rlim_max) {
        fds.rlim_cur = fds.rlim_max;
        setrlimit(RLIMIT_NOFILE, &fds);
    }
}

static int check_role(const struct config *cfg, struct err *e) {
    const char *role = config_str(cfg, "role");
    if (strcmp(role, "all") == 0)
        return 0;
    return err_set(e, ERR_CONFIG, "%s: role %s needs a database that several processes share, which this version does not have; use all",
                   config_where(cfg, "role"), role);
}

static int open_data(struct serve *s, struct err *e) {
    struct app *app = &s->app;
    int64_t removed = 0;
    if (mkdir(app->data_dir, 0700) < 0 && errno != EEXIST)
        return err_sys(e, ERR_CONFIG, "%s: the data folder %s cannot be made; make it, or name another one with --data", config_where(app->cfg, "data"), app->data_dir);
    int r = db_open(app->cfg, app->data_dir, /* read_only= */ false, &app->db, e);
    if (r < 0 || (r = blob_open(app->cfg, app->data_dir, &app->blobs, e)) < 0 || (r = blob_sweep(app->blobs, app->db, &removed, e)) < 0)
        return r;
    if (removed)
        log_event(LOG_INFO, "server.swept", F_INT("files", removed));
    return auth_open(app->cfg, app->db, app->data_dir, &app->auth, &s->operator_made, e);
}

static int open_studio(struct serve *s, struct err *e) {
    char share[PATH_MAX], products[PATH_MAX];
    if (!main_share_dir(s->app.cfg, share, sizeof share))
        return err_set(e, ERR_CONFIG, "there is no share/zoetrope with templates above this program; name one with --share");
    if (!main_products_dir(s->app.cfg, products, sizeof products))
        return err_set(e, ERR_CONFIG, "there are no products above this program; name their folder with --products");
    return studio_load(share, products, &s->app.studio, e);
}

/* Mails look like the product. */
static int open_mail(struct serve *s, struct err *e) {
    struct app *app = &s->app;
    const struct studio_product *p = studio_product(app->studio, STR_NULL);
    snprintf(s->title_en, sizeof s->title_en, "%.*s", STR_ARG(p->title.en));
    snprintf(s->title_zh, sizeof s->title_zh, "%.*s", STR_ARG(p->title.zh));
    snprintf(s->accent, sizeof s->accent, "%.*s", STR_ARG(p->light[STUDIO_ACCENT]));
    struct mail_brand brand = { s->title_en, s->title_zh, s->accent };
    int r = mail_new(app->cfg, app->db, &brand, &app->mail, e);
    return r < 0 ? r : mail_start(app->mail, e);
}

static int open_pay(struct serve *s, struct err *e) {
    struct app *app = &s->app;
    struct http_client_conf conf;
    http_client_conf_from(app->cfg, &conf);
    int r = http_client_new(&conf, &app->client, e);
    if (r < 0)
        return r;
    uint8_t test_key[CRYPTO_KEY];      /* that of the process before, so its notices of test money may still arrive */
    auth_derive(app->auth, AUTH_FOR_TEST_MONEY, test_key);
    r = pay_new(app->cfg, app->client, app->db, test_key, &app->pay, e);
    crypto_wipe(test_key, sizeof test_key);
    if (r < 0)
        return r;
    struct shop_house house = { .cfg = app->cfg, .studio = app->studio, .pay = app->pay, .product = studio_product(app->studio, STR_NULL) };
    r = shop_check(&house, e);
    return r < 0 ? r : shop_new(app->cfg, app->db, app->pay, app->studio, &app->shop, e);
}

static void wake_topic(void *arg, int64_t topic) {
    const struct app *app = arg;
    if (app->server)
        http_server_wake(app->server, topic);
}

static int open_tasks(struct serve *s, struct err *e) {
    struct app *app = &s->app;
    char share[PATH_MAX];
    if (!main_share_dir(app->cfg, share, sizeof share))
        return err_set(e, ERR_CONFIG, "there is no share/zoetrope above this program");
    struct task_core_conf conf = { .cfg = app->cfg, .db = app->db, .blobs = app->blobs, .media = app->media, .studio = app->studio,
                                   .client = app->client, .share = share, .public_url = config_str(app->cfg, "public_url"),
                                   .wake_topic = wake_topic, .wake_arg = app };
    auth_derive(app->auth, AUTH_FOR_LINKS, conf.link_key);
    auth_derive(app->auth, AUTH_FOR_NOTICES, conf.notice_key);
    int r = task_core_new(&conf, &app->tasks, e);
    crypto_wipe(&conf, sizeof conf);
    return r;
}

const struct route *const *main_routes(void) {
    static const struct route *routes[32];
    size_t n = 0;
    for (const struct route *const *t = api_routes; *t && n < COUNT(routes) - 3; t++)
        routes[n++] = *t;
    routes[n++] = ops_routes;
    routes[n++] = ops_admin_routes;
    return routes;
}

static int open_door(struct serve *s, struct err *e) {
    struct app *app = &s->app;
    struct http_server_conf conf;
    int r = api_new(app, main_routes(), &app->api, e);
    if (r < 0)
        return r;
    http_server_conf_from(app->cfg, &conf);
    conf.routes = main_routes();
    conf.app = app;
    conf.authorise = auth_authorise;
    conf.write_submit = api_write_submit;
    conf.access_log = ops_access_log;
    conf.favoured = AUTH_PERSON | AUTH_OPERATOR;
    conf.costly_threads = (int)config_int(app->cfg, "auth.hash_threads");
    conf.costly_queue_max = (int)config_int(app->cfg, "auth.hash_queue_max");
    return http_server_new(&conf, &app->server, e);
}

static int start(struct serve *s, struct err *e) {
    static const struct ops_chore *const lists[] = { ops_chores, chores, NULL };
    struct app *app = &s->app;
    int r = open_studio(s, e);
    if (r < 0 || (r = open_data(s, e)) < 0 || (r = cache_open(app->cfg, &app->cache, e)) < 0 ||
        (r = open_mail(s, e)) < 0 || (r = open_pay(s, e)) < 0 || (r = media_new(app->cfg, &app->media, e)) < 0 || (r = open_tasks(s, e)) < 0 || (r = open_door(s, e)) < 0 ||
        (r = task_core_start(app->tasks, e)) < 0)
        return r;
    s->tasks_started = true;
    if ((r = shop_start(app->shop, e)) < 0 || (r = ops_keeper_start(app, lists, &s->keeper, e)) < 0)
        return r;
    return http_server_start(app->server, e);
}

/* ---- down; also after a start that failed half-way ---- */

static void stop(struct serve *s) {
    struct app *app = &s->app;
    if (app->server)
        http_server_stop(app->server);
    ops_keeper_stop(s->keeper);
    shop_stop(app->shop);
    mail_stop(app->mail);
    if (s->tasks_started)
        task_core_stop(app->tasks, config_int(app->cfg, "net.drain_ms"));
    task_core_free(app->tasks);
    media_free(app->media);
    http_server_free(app->server);
    api_free(app->api);
    cache_close(app->cache);
    studio_free(app->studio);
    auth_close(app->auth);
    mail_free(app->mail);
    shop_free(app->shop);
    pay_free(app->pay);
    http_client_free(app->client);
    blob_close(app->blobs);
    db_close(app->db);
}

/* The door is open already, but /readyz says 503 until the picture process has loaded its models. */
static const char *await_ready(const struct serve *s) {
    int64_t until = clock_mono_ms() + READY_WAIT_MS;
    bool waits;
    const char *why;
    while ((why = ops_not_ready(&s->app, &waits)) && waits && clock_mono_ms() < until && !signals_wait_ms(10))
        ;
    return why;
}

/* All that stands on stdout, for people and for whoever starts us: its first line says where. */
static void say_ready(const struct serve *s, const char *lacks) {
    const struct config *cfg = s->app.cfg;
    const char *url = config_str(cfg, "public_url");
    struct str at = str_z(config_str(cfg, "listen"));
    at = str_cut(&at, ',');
    bool any = str_starts(at, STR("0.0.0.0:")) || str_starts(at, STR("[::]:"));
    size_t host = at.n;
    while (host > 0 && at.p[host - 1] != ':')
        host--;
    fputs("zoetrope is ready: ", stdout);
    if (url[0])
        printf("%s", url);
    else if (str_starts(at, STR("unix:")))
        printf("%.*s", STR_ARG(at));
    else
        printf("http://%.*s:%d/", any ? 9 : (int)host - 1, any ? "127.0.0.1" : at.p, http_server_port(s->app.server));
    printf("  (data in %s; Ctrl-C ends it)\n", s->app.data_dir);
    if (lacks)
        printf("It takes no work yet: %s; /readyz answers 200 when it does\n", lacks);
    if (!config_str(cfg, "smtp.url")[0])
        puts("Mails are kept, as no smtp.url is set: the operator reads them at /admin/mails");
    if (s->operator_made)
        printf("The operator's token was written to %s/operator.token\n", s->app.data_dir);
    fflush(stdout);
}

int command_serve(const struct config *cfg, int argc, char **argv) {
    struct err e = { 0 };
    struct serve s = { .app = { .cfg = cfg, .settings = main_settings, .data_dir = config_str(cfg, "data"), .started_ms = clock_mono_ms() } };
    share_arenas();
    raise_fd_limit();
    if (check_role(cfg, &e) < 0 || http_server_check(cfg, &e) < 0 || signals_setup(&e) < 0)
        return main_fail("serve", &e);
    if (start(&s, &e) < 0) {
        stop(&s);
        return main_fail("serve", &e);
    }
    log_event(LOG_INFO, "server.started", F_STR("version", ZT_VERSION), F_INT("port", http_server_port(s.app.server)));
    say_ready(&s, await_ready(&s));
    int sig = signals_wait();
    log_event(LOG_INFO, "server.stopping", F_INT("signal", sig));
    stop(&s);
    log_event(LOG_INFO, "server.stopped");
    return EXIT_OK;
}
