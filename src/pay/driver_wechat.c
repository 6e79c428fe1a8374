/*
 * driver_wechat.c - WeChat Pay, API v3: JSAPI, mini-program, H5 and Native orders; amounts in fen of CNY.
 * Document: the merchant documentation of API v3, as collected in November 2026; names and rules of signing and verifying as in
 * wechatpay-go 0.2.21, wechatpay-axios-plugin 0.9.6 and wechatpay-node-v3 2.2.1. Quirks:
 * - Our request is signed with the merchant's key; a 2xx answer and every notice with one of WeChat's, chosen by Wechatpay-Serial: a platform
 *   certificate, or a public key (PUB_KEY_ID_…). While a merchant moves from one to the other notices use either, so all are loaded at once.
 * - Answers of other statuses are not verified: they carry nothing that is believed, only why something did not happen.
 * - "Close" answers 204, and its signature covers the empty body.
 * - A notice holds the truth, sealed with the APIv3 key (AES-256-GCM). Notices stop after a day: whoever waits must also ask.
 * - Now and then WeChat sends a probe whose signature begins WECHATPAY/SIGNTEST/; whoever takes it for good fails their check.
 * - `time_expire` is a limit for paying, no close; a refunded order says REFUND, without how much.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/crypto.h"
#include "base/json.h"
#include "base/rsa.h"
#include "pay/driver.h"
#include "pay/gcm.h"
#include "pay/wire.h"

#define SCHEME       "WECHATPAY2-SHA256-RSA2048"
#define SKEW_S       300
#define KEYS_MAX     16
#define BODY_MAX     (8 * 1024)
#define TITLE_MAX    127
#define REASON_MAX   80
#define PREPAY_MS    (2 * INT64_C(3600000))         /* a prepay_id and a code_url live two hours */
#define H5_MS        (5 * INT64_C(60000))           /* an h5_url five minutes */
#define SERIAL_MAX   128

struct verify_key { char serial[SERIAL_MAX]; struct rsa_key *key; };
struct wechat {
    const char       *base, *mchid, *appid, *mini, *serial;       /* of the config */
    uint8_t           v3_key[PAY_GCM_KEY];
    struct rsa_key   *key;
    pthread_mutex_t   grow;                          /* for whoever adds keys; they are only ever added */
    atomic_size_t     n_keys;
    struct verify_key keys[KEYS_MAX];
};

/* ---- keys ---- */
static const struct rsa_key *find_key(const struct wechat *g, struct str serial) {
    size_t n = atomic_load_explicit(&g->n_keys, memory_order_acquire);
    for (size_t i = 0; i < n; i++)
        if (str_eqz(serial, g->keys[i].serial))
            return g->keys[i].key;
    return NULL;
}

/* Takes k over. One that is there already stays. */
static int add_key(struct wechat *g, struct str serial, struct rsa_key *k, struct err *e) {
    int r = 0;
    pthread_mutex_lock(&g->grow);
    size_t n = atomic_load(&g->n_keys);
    bool known = find_key(g, serial) != NULL;
    if (!known && (n == KEYS_MAX || serial.n == 0 || serial.n >= SERIAL_MAX)) {
        r = err_set(e, ERR_PAY_SETUP, "more than %d keys, or a serial that is none: take old ones out of pay.wechat_verify", KEYS_MAX);
    } else if (!known) {
        memcpy(g->keys[n].serial, serial.p, serial.n);
        g->keys[n].serial[serial.n] = 0;
        g->keys[n].key = TAKE(k);
        atomic_store_explicit(&g->n_keys, n + 1, memory_order_release);
    }
    pthread_mutex_unlock(&g->grow);
    rsa_free(k);
    return r;
}

static int read_private(const struct config *cfg, struct wechat *g, struct err *e) {
    BUF_CLEANUP struct buf pem;
    buf_init(&pem, 128 * 1024);
    int r = pay__read_file(cfg, "pay.wechat_key_file", config_str(cfg, "pay.wechat_key_file"), &pem, e);
    if (r < 0)
        return r;
    g->key = rsa_private(pem.p, pem.n);
    crypto_wipe(pem.p, pem.n);
    return g->key ? 0 : err_set(e, ERR_CONFIG, "pay.wechat_key_file: no RSA private key in PEM: use apiclient_key.pem of the merchant's console");
}

/* "serial=file" */
static int read_verify(const struct config *cfg, struct wechat *g, struct str item, struct err *e) {
    BUF_CLEANUP struct buf pem;
    char path[3000], own_serial[RSA_SERIAL_MAX];
    struct str file = item, serial = str_trim(str_cut(&file, '='));
    file = str_trim(file);
    buf_init(&pem, 128 * 1024);
    if (serial.n == 0 || serial.n >= SERIAL_MAX || file.n == 0 || file.n >= sizeof(path))
        return err_set(e, ERR_CONFIG, "pay.wechat_verify: each is serial=file, with commas between");
    memcpy(path, file.p, file.n);
    path[file.n] = 0;
    int r = pay__read_file(cfg, "pay.wechat_verify", path, &pem, e);
    if (r < 0)
        return r;
    CLEANUP(rsa_free) struct rsa_key *k = rsa_public(pem.p, pem.n, own_serial);
    bool bare = str_starts(serial, STR("PUB_KEY_ID_"));
    if (!k)
        return err_set(e, ERR_CONFIG, "pay.wechat_verify: %s holds no RSA public key or certificate in PEM", path);
    if (bare == (own_serial[0] != 0) || (!bare && !str_eqz(serial, own_serial)))
        return err_set(e, ERR_CONFIG, "pay.wechat_verify: %s belongs to %s, not to %.*s", path, own_serial[0] ? own_serial : "a PUB_KEY_ID_…", STR_ARG(serial));
    if (find_key(g, serial))
        return err_set(e, ERR_CONFIG, "pay.wechat_verify: %.*s stands there twice", STR_ARG(serial));
    return add_key(g, serial, TAKE(k), e);
}

static void close_wechat(void *arg) {
    struct wechat *g = arg;
    if (!g)
        return;
    for (size_t i = 0; i < g->n_keys; i++)
        rsa_free(g->keys[i].key);
    rsa_free(g->key);
    pthread_mutex_destroy(&g->grow);
    crypto_wipe(g->v3_key, sizeof(g->v3_key));
    free(g);
}

static int read_settings(const struct config *cfg, struct wechat *g, bool *ret_own, struct err *e) {
    struct str v3 = str_z(config_str(cfg, "pay.wechat_v3_key")), verify = str_z(config_str(cfg, "pay.wechat_verify"));
    if (!pay__is_name(str_z(g->mchid)) || !pay__is_name(str_z(g->appid)) || (g->mini[0] && !pay__is_name(str_z(g->mini))))
        return err_set(e, ERR_CONFIG, "pay.wechat_mchid, pay.wechat_appid: all of WeChat Pay's settings are needed; see docs/payments.md");
    if (!pay__is_name(str_z(g->serial)))
        return err_set(e, ERR_CONFIG, "pay.wechat_serial: the serial number of the merchant's certificate, see docs/payments.md");
    if (v3.n != PAY_GCM_KEY)
        return err_set(e, ERR_CONFIG, "pay.wechat_v3_key: must have 32 characters; set ZOETROPE_PAY_WECHAT_V3_KEY or …_FILE");
    memcpy(g->v3_key, v3.p, PAY_GCM_KEY);
    int r = pay__base_url(cfg, "pay.wechat_url", /* path= */ false, &g->base, ret_own, e);
    if (r >= 0)
        r = read_private(cfg, g, e);
    while (r >= 0 && verify.n)
        r = read_verify(cfg, g, str_cut(&verify, ','), e);
    if (r >= 0 && g->n_keys == 0)
        r = err_set(e, ERR_CONFIG, "pay.wechat_verify: without a key of WeChat's no answer can be believed; see docs/payments.md");
    return r;
}

static int open_wechat(const struct config *cfg, void **ret_g, bool *ret_real, struct err *e) {
    if (!config_str(cfg, "pay.wechat_mchid")[0])
        return 0;
    struct wechat *g = calloc(1, sizeof(*g));
    if (!g)
        return err_set(e, ERR_INTERNAL, "no memory");
    pthread_mutex_init(&g->grow, NULL);
    g->mchid = config_str(cfg, "pay.wechat_mchid");
    g->appid = config_str(cfg, "pay.wechat_appid");
    g->mini = config_str(cfg, "pay.wechat_mini_appid");
    g->serial = config_str(cfg, "pay.wechat_serial");
    bool own = false;
    int r = read_settings(cfg, g, &own, e);
    if (r < 0) {
        close_wechat(g);
        return r == ERR_PAY_SETUP ? (e->code = ERR_CONFIG) : r;
    }
    *ret_g = g;
    *ret_real = !own;
    return 1;
}

/* ---- signing ---- */
/* RSA over the message, in base64. */
static struct str signature(const struct wechat *g, struct str message, struct arena *a) {
    uint8_t raw[RSA_SIGNATURE_MAX];
    size_t n = rsa_sign(g->key, message.p, message.n, raw);
    char *text = arena_alloc(a, (n + 2) / 3 * 4 + 1);
    return (struct str){ text, n ? base64_encode(raw, n, text) : 0 };
}

/* Finishes a call: the path with its query as it is sent, and the body; both are signed as they are. */
static int sign_call(const struct wechat *g, const struct pay_moment *m, struct arena *a, const char *method, struct str path, struct str body,
                     struct pay_call *ret, struct err *e) {
    long long at = (long long)(m->now_ms / 1000);
    struct str message = arena_printf(a, "%s\n%.*s\n%lld\n%s\n%.*s\n", method, STR_ARG(path), at, m->nonce, STR_ARG(body));
    struct str sign = signature(g, message, a);
    if (sign.n == 0)
        return err_set(e, ERR_PAY_SETUP, "cannot sign with pay.wechat_key_file");
    *ret = (struct pay_call){ .method = method, .url = arena_printf(a, "%s%.*s", g->base, STR_ARG(path)), .body = body };
    pay__header(ret, a, "Authorization: " SCHEME " mchid=\"%s\",serial_no=\"%s\",timestamp=\"%lld\",nonce_str=\"%s\",signature=\"%.*s\"", g->mchid, g->serial,
                at, m->nonce, STR_ARG(sign));
    pay__header(ret, a, "Accept: application/json");
    if (body.n)
        pay__header(ret, a, "Content-Type: application/json");
    size_t n = atomic_load_explicit(&g->n_keys, memory_order_acquire);
    for (size_t i = 0; i < n; i++)
        if (str_starts(str_z(g->keys[i].serial), STR("PUB_KEY_ID_"))) {
            pay__header(ret, a, "Wechatpay-Serial: %s", g->keys[i].serial);      /* answers are then signed with that one */
            break;
        }
    return 1;
}

/* Parameters with which the page or the mini-program calls the payer's WeChat up. */
static struct str call_up(const struct wechat *g, const char *appid, struct str prepay_id, const struct pay_moment *m, struct arena *a) {
    BUF_CLEANUP struct buf out;
    struct jw w;
    struct str json = STR(""), at = arena_printf(a, "%lld", (long long)(m->now_ms / 1000)), package = arena_printf(a, "prepay_id=%.*s", STR_ARG(prepay_id));
    struct str message = arena_printf(a, "%s\n%.*s\n%s\n%.*s\n", appid, STR_ARG(at), m->nonce, STR_ARG(package));
    pay__json(&w, &out, BODY_MAX);
    jw_kz(&w, "appId", appid);
    jw_kstr(&w, "timeStamp", at);
    jw_kz(&w, "nonceStr", m->nonce);
    jw_kstr(&w, "package", package);
    jw_kz(&w, "signType", "RSA");
    jw_kstr(&w, "paySign", signature(g, message, a));
    (void)pay__json_end(&w, a, &json, NULL);       /* "" is nothing to pay with */
    return json;
}

/* ---- verifying ---- */
/* Whatever is wrong with the message itself is ERR_PAY_NOTICE; a key we do not have is ERR_PAY_SETUP. */
static int verify(const struct wechat *g, const struct rsa_key *other, const struct pay_said *s, int64_t now_ms, struct arena *a, struct err *e) {
    struct str at = s->header(s->from, "Wechatpay-Timestamp"), nonce = s->header(s->from, "Wechatpay-Nonce"),
               sign = s->header(s->from, "Wechatpay-Signature"), serial = s->header(s->from, "Wechatpay-Serial"),
               type = s->header(s->from, "Wechatpay-Signature-Type");
    uint8_t raw[RSA_SIGNATURE_MAX];
    int64_t at_s, now_s = now_ms / 1000;
    if (!at.n || !nonce.n || !sign.n || !serial.n || nonce.n > 128 || serial.n >= SERIAL_MAX)
        return err_set(e, ERR_PAY_NOTICE, "a signature header is missing or too long");
    if (type.p && !str_eqz(type, SCHEME))
        return err_set(e, ERR_PAY_NOTICE, "another kind of signature than " SCHEME);
    if (str_int(at, 0, INT64_C(100000000000), &at_s) < 0 || now_s - at_s >= SKEW_S || at_s - now_s >= SKEW_S)
        return err_set(e, ERR_PAY_NOTICE, "its time is %d s or more from ours: an old message, or one of the clocks is wrong", SKEW_S);
    if (str_starts(sign, STR("WECHATPAY/SIGNTEST/")))
        return err_set(e, ERR_PAY_NOTICE, "a probe with a false signature, which WeChat sends on purpose");
    const struct rsa_key *k = find_key(g, serial);
    if (!k)
        k = other;
    if (!k)
        return err_set(e, ERR_PAY_SETUP, "signed with key %.*s, which pay.wechat_verify does not name: add it", STR_ARG(serial));
    int n = base64_decode(sign, /* standard= */ true, raw, sizeof(raw));
    struct str line = STR("\n"), message = PAY_JOIN(a, at, line, nonce, line, s->body, line);
    if (!message.p)
        return err_set(e, ERR_TOO_BIG, "a message that is too big");
    if (n < 0 || !rsa_verify(k, message.p, message.n, raw, (size_t)n))
        return err_set(e, ERR_PAY_NOTICE, "the signature is wrong");
    return 0;
}

/* {algorithm, nonce, associated_data, ciphertext}: what was sealed with the APIv3 key. */
static int unseal(const struct wechat *g, const json_t *sealed, struct arena *a, struct str *ret_plain, struct err *e) {
    struct str algorithm = pay__text(a, sealed, "algorithm", 64), nonce = pay__text(a, sealed, "nonce", 64), aad = pay__text(a, sealed, "associated_data", 1024),
               text = pay__text(a, sealed, "ciphertext", PAY_NOTICE_MAX);
    size_t room = text.n / 4 * 3 + 1;
    if (!str_eqz(algorithm, "AEAD_AES_256_GCM"))
        return err_set(e, ERR_PAY_SETUP, "sealed by %.*s, which is not known here", STR_ARG(pay__cut(algorithm, 40)));
    uint8_t *raw = arena_try(a, room), *plain = arena_try(a, room);
    int n = raw && plain && text.n ? base64_decode(text, /* standard= */ true, raw, room) : ERR_BAD_INPUT;
    if (n < PAY_GCM_TAG || !pay_gcm_open(g->v3_key, nonce.p, nonce.n, aad.p, aad.n, raw, (size_t)n, plain))
        return err_set(e, ERR_PAY_SETUP, "cannot be unsealed: is pay.wechat_v3_key the APIv3 key of the merchant's console?");
    *ret_plain = (struct str){ (char *)plain, (size_t)n - PAY_GCM_TAG };
    return 0;
}

/* ---- what an order and a refund say ---- */
static int state_of(struct str s, enum pay_state *ret) {
    static const struct { const char *name; enum pay_state state; } states[] = {
        { "SUCCESS", PAY_PAID }, { "REFUND", PAY_PAID }, { "NOTPAY", PAY_OPEN }, { "USERPAYING", PAY_PROCESSING }, { "ACCEPT", PAY_PROCESSING },
        { "CLOSED", PAY_CLOSED }, { "REVOKED", PAY_CLOSED }, { "PAYERROR", PAY_FAILED },
    };
    for (size_t i = 0; i < COUNT(states); i++)
        if (str_eqz(s, states[i].name)) {
            *ret = states[i].state;
            return 0;
        }
    return ERR_NOT_FOUND;
}

static void money_of(const json_t *amount, const char *key, struct arena *a, struct pay_money *ret) {
    bool told = json_object_get(amount, "currency") != NULL;                     /* the amount of a refund's notice names none */
    ret->minor = pay__minor(amount, key);
    pay__currency(told ? pay__text(a, amount, "currency", 3) : STR("CNY"), ret->currency);
}

/* ERR_PAY_NOTICE: not one of ours. */
static int read_order(const struct wechat *g, const json_t *j, struct arena *a, struct pay_truth *ret, struct err *e) {
    struct str mchid = pay__text(a, j, "mchid", 64), appid = pay__text(a, j, "appid", 64), state = pay__text(a, j, "trade_state", 32);
    if (!str_eqz(mchid, g->mchid) || (!str_eqz(appid, g->appid) && !(g->mini[0] && str_eqz(appid, g->mini))))
        return err_set(e, ERR_PAY_NOTICE, "it is about another merchant or app");
    *ret = (struct pay_truth){ .number = pay__text(a, j, "out_trade_no", PAY_NUMBER_MAX), .transaction_id = pay__text(a, j, "transaction_id", 64),
                               .provider_id = STR(""), .customer = pay__text(a, json_object_get(j, "payer"), "openid", 128), .fee_minor = -1 };
    if (!pay__is_number(ret->number) || state_of(state, &ret->state) < 0)
        return err_set(e, ERR_PAY_NOTICE, "an order without a number, or in a state that is not known here (%.*s)", STR_ARG(pay__cut(state, 32)));
    if (ret->state != PAY_PAID)
        return 0;
    money_of(json_object_get(j, "amount"), "total", a, &ret->paid);
    ret->refunded_minor = str_eqz(state, "REFUND") ? -1 : 0;
    if (ret->paid.minor < 1 || !ret->paid.currency[0] || ret->transaction_id.n == 0 || wire_rfc3339(pay__text(a, j, "success_time", 40), &ret->paid_ms) < 0)
        return err_set(e, ERR_PAY_NOTICE, "a paid order without amount, transaction or time");
    return 0;
}

static int read_refund(const json_t *j, const char *state_key, struct arena *a, struct pay_refund_truth *ret, struct err *e) {
    static const struct { const char *name; enum pay_refund_state state; } states[] = {
        { "SUCCESS", PAY_REFUND_DONE }, { "CLOSED", PAY_REFUND_CLOSED }, { "PROCESSING", PAY_REFUND_PENDING }, { "ABNORMAL", PAY_REFUND_ABNORMAL } };
    struct str state = pay__text(a, j, state_key, 32);
    *ret = (struct pay_refund_truth){ .state = PAY_REFUND_STATE_COUNT, .number = pay__text(a, j, "out_refund_no", 64),
                                      .payment_number = pay__text(a, j, "out_trade_no", 64), .provider_id = pay__text(a, j, "refund_id", 64),
                                      .transaction_id = pay__text(a, j, "transaction_id", 64) };
    for (size_t i = 0; i < COUNT(states); i++)
        if (str_eqz(state, states[i].name))
            ret->state = states[i].state;
    money_of(json_object_get(j, "amount"), "refund", a, &ret->amount);
    (void)wire_rfc3339(pay__text(a, j, "success_time", 40), &ret->done_ms);      /* only a refund that is done has one */
    if (ret->state == PAY_REFUND_STATE_COUNT || ret->number.n == 0 || ret->amount.minor < 1 || !ret->amount.currency[0])
        return err_set(e, ERR_PAY_NOTICE, "a refund without number or amount, or in a state that is not known here (%.*s)", STR_ARG(pay__cut(state, 32)));
    return 0;
}

/* ---- requests ---- */
static int build_start(const struct wechat *g, const struct pay_ask *ask, const struct pay_moment *m, struct arena *a, struct pay_call *ret, struct err *e) {
    static const char *const paths[] = { [PAY_H5] = "h5", [PAY_QR] = "native", [PAY_JSAPI] = "jsapi", [PAY_MINI] = "jsapi" };
    BUF_CLEANUP struct buf b = { 0 };
    struct jw w;
    struct str body;
    if (ask->scene == PAY_MINI && !g->mini[0])
        return err_set(e, ERR_PAY_SETUP, "pay.wechat_mini_appid is not set");
    if (ask->scene == PAY_H5 && ask->client_ip.n == 0)
        return err_set(e, ERR_BAD_INPUT, "client_ip: needed for H5");
    pay__json(&w, &b, BODY_MAX);
    jw_kz(&w, "appid", ask->scene == PAY_MINI ? g->mini : g->appid);
    jw_kz(&w, "mchid", g->mchid);
    jw_kstr(&w, "description", pay__cut(ask->title, TITLE_MAX));
    jw_kstr(&w, "out_trade_no", ask->number);
    if (ask->until_ms) {
        char until[26];
        wire_china_rfc3339(ask->until_ms, until);
        jw_kz(&w, "time_expire", until);
    }
    jw_kstr(&w, "notify_url", ask->notify_url);
    jw_key(&w, "amount");
    jw_obj(&w);
    jw_kint(&w, "total", ask->price.minor);
    jw_kz(&w, "currency", ask->price.currency);
    jw_end_obj(&w);
    if (ask->scene == PAY_JSAPI || ask->scene == PAY_MINI) {
        jw_key(&w, "payer");
        jw_obj(&w);
        jw_kstr(&w, "openid", ask->openid);
        jw_end_obj(&w);
    }
    if (ask->scene == PAY_H5) {
        jw_key(&w, "scene_info");
        jw_obj(&w);
        jw_kstr(&w, "payer_client_ip", ask->client_ip);
        jw_key(&w, "h5_info");
        jw_obj(&w);
        jw_kz(&w, "type", "Wap");
        jw_end_obj(&w);
        jw_end_obj(&w);
    }
    int r = pay__json_end(&w, a, &body, e);
    return r < 0 ? r : sign_call(g, m, a, "POST", arena_printf(a, "/v3/pay/transactions/%s", paths[ask->scene]), body, ret, e);
}

/* The path of an order; by our number wherever it is known, since that one also exists before anybody pays. */
static struct str order_path(const struct wechat *g, const struct pay_which *of, struct arena *a) {
    if (of->number.n)
        return arena_printf(a, "/v3/pay/transactions/out-trade-no/%.*s?mchid=%s", STR_ARG(of->number), g->mchid);
    return arena_printf(a, "/v3/pay/transactions/id/%.*s?mchid=%s", STR_ARG(of->transaction_id), g->mchid);
}

static int build_refund(const struct wechat *g, const struct pay_refund_ask *ask, const struct pay_moment *m, struct arena *a, struct pay_call *ret,
                        struct err *e) {
    BUF_CLEANUP struct buf b;
    struct jw w;
    struct str body;
    pay__json(&w, &b, BODY_MAX);
    if (ask->of.transaction_id.n)
        jw_kstr(&w, "transaction_id", ask->of.transaction_id);
    else
        jw_kstr(&w, "out_trade_no", ask->of.number);
    jw_kstr(&w, "out_refund_no", ask->number);
    if (ask->reason.n)
        jw_kstr(&w, "reason", pay__cut(ask->reason, REASON_MAX));
    if (ask->notify_url.n)
        jw_kstr(&w, "notify_url", ask->notify_url);
    jw_key(&w, "amount");
    jw_obj(&w);
    jw_kint(&w, "refund", ask->amount.minor);
    jw_kint(&w, "total", ask->total_minor);
    jw_kz(&w, "currency", ask->amount.currency);
    jw_end_obj(&w);
    int r = pay__json_end(&w, a, &body, e);
    return r < 0 ? r : sign_call(g, m, a, "POST", STR("/v3/refund/domestic/refunds"), body, ret, e);
}

static int build(const void *arg, const struct pay_work *w, const struct pay_moment *m, struct arena *a, struct pay_call *ret, struct pay_result *ret_result,
                 struct err *e) {
    const struct wechat *g = arg;
    switch (w->op) {
    case PAY_OP_START:
        return build_start(g, w->ask, m, a, ret, e);
    case PAY_OP_QUERY:
        if (!w->which->number.n && !w->which->transaction_id.n)
            return err_set(e, ERR_BAD_INPUT, "an order is asked for by number or transaction_id");
        return sign_call(g, m, a, "GET", order_path(g, w->which, a), STR(""), ret, e);
    case PAY_OP_CLOSE:
        if (!w->which->number.n)
            return err_set(e, ERR_BAD_INPUT, "an order is closed by its number");
        return sign_call(g, m, a, "POST", arena_printf(a, "/v3/pay/transactions/out-trade-no/%.*s/close", STR_ARG(w->which->number)),
                         arena_printf(a, "{\"mchid\":\"%s\"}", g->mchid), ret, e);
    case PAY_OP_REFUND:
        if (!w->refund->of.number.n && !w->refund->of.transaction_id.n)
            return err_set(e, ERR_BAD_INPUT, "a refund is of a number or a transaction_id");
        return build_refund(g, w->refund, m, a, ret, e);
    case PAY_OP_QUERY_REFUND:
        return sign_call(g, m, a, "GET", arena_printf(a, "/v3/refund/domestic/refunds/%.*s", STR_ARG(w->refund->number)), STR(""), ret, e);
    default:
        return sign_call(g, m, a, "GET", STR("/v3/certificates"), STR(""), ret, e);
    }
}

/* ---- answers ---- */
/* {"code":"…","message":"…"} of another status than 2xx. */
static int read_trouble(const struct pay_work *w, const struct pay_said *s, struct arena *a, struct err *e) {
    static const struct { const char *code; int err; } codes[] = {
        { "ORDER_CLOSED", ERR_PAY_OVER }, { "ORDERPAID", ERR_PAY_OVER }, { "ORDER_PAID", ERR_PAY_OVER }, { "OUT_TRADE_NO_USED", ERR_PAY_OVER },
        { "ORDER_NOT_EXIST", ERR_NOT_FOUND }, { "RESOURCE_NOT_EXISTS", ERR_NOT_FOUND }, { "SIGN_ERROR", ERR_PAY_SETUP }, { "NO_AUTH", ERR_PAY_SETUP },
        { "PARAM_ERROR", ERR_PAY_SETUP }, { "APPID_MCHID_NOT_MATCH", ERR_PAY_SETUP }, { "MCH_NOT_EXISTS", ERR_PAY_SETUP },
        { "NOT_ENOUGH", ERR_PAY_SETUP },                   /* of a refund: the merchant's balance; also of an expired certificate */
        { "RULE_LIMIT", ERR_PAY_REFUSED }, { "USER_ACCOUNT_ABNORMAL", ERR_PAY_REFUSED }, { "TRADE_ERROR", ERR_PAY_REFUSED }, { "ACCOUNT_ERROR", ERR_PAY_REFUSED },
        { "FREQUENCY_LIMITED", ERR_UPSTREAM }, { "FREQUENCY_LIMIT_EXCEED", ERR_UPSTREAM }, { "RATELIMIT_EXCEEDED", ERR_UPSTREAM },
        /* the same, as older pages spell them */
        { "ORDERCLOSED", ERR_PAY_OVER }, { "ORDERNOTEXIST", ERR_NOT_FOUND }, { "NOAUTH", ERR_PAY_SETUP }, { "NOTENOUGH", ERR_PAY_SETUP }, { "NOENOUGH", ERR_PAY_SETUP },
        { "RULELIMIT", ERR_PAY_REFUSED }, { "ACCOUNTERROR", ERR_PAY_REFUSED },
    };
    CLEANUP(json_unref) json_t *j = NULL;
    bool ours = s->status == 401 || s->status == 403;
    int r = pay__status(w, s, "WeChat Pay", e), err = ours ? ERR_PAY_SETUP : ERR_PAY_REFUSED;
    if (r < 0)
        return r;
    (void)json_read(s->body, &j, NULL);
    struct str code = pay__text(a, j, "code", 64), message = pay__text(a, j, "message", 1024);
    if (code.n == 0 && !ours)
        return pay__unclear(w, e, "%d, and not in WeChat Pay's words: is pay.wechat_url right?", s->status);
    if (s->status == 404)
        err = ERR_NOT_FOUND;
    for (size_t i = 0; i < COUNT(codes); i++)
        if (str_eqz(code, codes[i].code))
            err = codes[i].err;
    return err_set(e, err, "WeChat Pay says %d %.*s: %.*s", s->status, STR_ARG(code), STR_ARG(pay__cut(message, 120)));
}

static int parse_start(const struct wechat *g, const struct pay_work *w, const json_t *j, const struct pay_moment *m, struct arena *a, struct pay_start *ret,
                       struct err *e) {
    const struct pay_ask *ask = w->ask;
    struct str prepay = pay__text(a, j, "prepay_id", 128), h5 = pay__text(a, j, "h5_url", 1500), code = pay__text(a, j, "code_url", 512);
    *ret = (struct pay_start){ .provider_id = STR("") };
    switch (ask->scene) {
    case PAY_JSAPI:
    case PAY_MINI:
        ret->show = PAY_SHOW_CALL;
        ret->until_ms = m->now_ms + PREPAY_MS;
        if (pay__is_name(prepay))
            ret->text = call_up(g, ask->scene == PAY_MINI ? g->mini : g->appid, prepay, m, a);
        break;
    case PAY_QR:
        ret->show = PAY_SHOW_QR;
        ret->until_ms = m->now_ms + PREPAY_MS;
        ret->text = code;
        break;
    default:
        ret->show = PAY_SHOW_REDIRECT;
        ret->until_ms = m->now_ms + H5_MS;
        if (pay__is_url(h5, 1500)) {
            BUF_CLEANUP struct buf url;
            buf_init(&url, BODY_MAX);
            buf_add_str(&url, h5);
            if (ask->return_url.n)
                wire_add(&url, "redirect_url", ask->return_url);
            ret->text = url.failed ? STR("") : arena_str(a, buf_str(&url));
        }
    }
    if (ask->until_ms && ask->until_ms < ret->until_ms)
        ret->until_ms = ask->until_ms;
    return ret->text.n ? 0 : pay__unclear(w, e, "WeChat Pay's answer has nothing to pay with; make the same call again");
}

/* New platform certificates, sealed with the APIv3 key. The answer may be signed with one of those that it brings. */
static int parse_keys(struct wechat *g, const struct pay_said *s, const struct pay_moment *m, struct arena *a, struct err *e) {
    CLEANUP(json_unref) json_t *j = NULL;
    struct rsa_key *fresh[KEYS_MAX] = { 0 };
    struct str serials[KEYS_MAX], used = s->header(s->from, "Wechatpay-Serial");
    const struct rsa_key *signer = NULL;
    size_t n = 0;
    int r = json_read(s->body, &j, e);
    const json_t *data = json_object_get(j, "data");
    for (size_t i = 0; r >= 0 && i < json_array_size(data) && n < KEYS_MAX; i++) {
        const json_t *one = json_array_get(data, i);
        char serial[RSA_SERIAL_MAX];
        struct str pem;
        serials[n] = pay__text(a, one, "serial_no", SERIAL_MAX - 1);
        r = unseal(g, json_object_get(one, "encrypt_certificate"), a, &pem, e);
        if (r >= 0 && (!(fresh[n] = rsa_public(pem.p, pem.n, serial)) || !str_eqz(serials[n], serial)))
            r = err_set(e, ERR_UPSTREAM, "a certificate that is none");
        if (r >= 0 && str_eq(serials[n], used))
            signer = fresh[n];
        n++;
    }
    if (r >= 0)
        r = verify(g, signer, s, m->now_ms, a, e);
    for (size_t i = 0; i < n; i++) {
        if (r >= 0)
            r = add_key(g, serials[i], TAKE(fresh[i]), e);
        rsa_free(fresh[i]);
    }
    return r;
}

static int parse_body(const struct wechat *g, const struct pay_work *w, const json_t *j, const struct pay_moment *m, struct arena *a, struct pay_result *ret,
                      struct err *e) {
    int r;
    switch (w->op) {
    case PAY_OP_START:
        return parse_start(g, w, j, m, a, &ret->start, e);
    case PAY_OP_QUERY:
        r = read_order(g, j, a, &ret->truth, e);
        if (r >= 0 && ((w->which->number.n && !str_eq(w->which->number, ret->truth.number)) ||
                       (!w->which->number.n && !str_eq(w->which->transaction_id, ret->truth.transaction_id))))
            r = err_set(e, ERR_PAY_NOTICE, "the answer is about another order");
        break;
    default:
        r = read_refund(j, "status", a, &ret->refund, e);
        if (r >= 0 && (!str_eq(w->refund->number, ret->refund.number) || (w->refund->of.number.n && !str_eq(w->refund->of.number, ret->refund.payment_number))))
            r = err_set(e, ERR_PAY_NOTICE, "the answer is about another refund");
    }
    return r == ERR_PAY_NOTICE ? pay__unclear(w, e, "WeChat Pay's answer: %s", e->text) : r;
}

static int parse(void *arg, const struct pay_work *w, const struct pay_said *s, const struct pay_moment *m, struct arena *a, struct pay_result *ret,
                 struct err *e) {
    struct wechat *g = arg;
    CLEANUP(json_unref) json_t *j = NULL;
    struct err why = { 0 };
    if (w->op == PAY_OP_KEYS && (s->status == 403 || s->status == 404))
        return 0;                      /* who has a public key only, has no certificates */
    if (s->status < 200 || s->status > 299)
        return read_trouble(w, s, a, e);
    int r = w->op == PAY_OP_KEYS ? parse_keys(g, s, m, a, &why) : verify(g, NULL, s, m->now_ms, a, &why);
    if (r == ERR_PAY_SETUP && !pay__is_effect(w))
        return err_set(e, ERR_PAY_SETUP, "WeChat Pay's answer: %s", why.text);
    if (r < 0)
        return pay__unclear(w, e, "WeChat Pay's answer: %s", why.text);
    if (w->op == PAY_OP_CLOSE || w->op == PAY_OP_KEYS)
        return 0;
    if (json_read(s->body, &j, &why) < 0)
        return pay__unclear(w, e, "WeChat Pay's answer: %s", why.text);
    return parse_body(g, w, j, m, a, ret, e);
}

/* ---- notices ---- */
static int read_notice(const struct wechat *g, const json_t *j, struct arena *a, struct pay_notice *ret, struct err *e) {
    CLEANUP(json_unref) json_t *inner = NULL;
    const json_t *resource = json_object_get(j, "resource");
    struct str plain;
    ret->event_id = pay__text(a, j, "id", 128);
    ret->what = pay__text(a, j, "event_type", 64);
    (void)wire_rfc3339(pay__text(a, j, "create_time", 40), &ret->made_ms);
    bool order = str_eqz(ret->what, "TRANSACTION.SUCCESS");
    if (!order && !str_starts(ret->what, STR("REFUND.")))
        return 0;
    int r = unseal(g, resource, a, &plain, e);
    if (r >= 0 && json_read(plain, &inner, NULL) < 0)
        r = err_set(e, ERR_PAY_NOTICE, "what was sealed is no JSON");
    if (r < 0)
        return r;
    if (order) {
        r = read_order(g, inner, a, &ret->payment, e);
        ret->about = PAY_ABOUT_PAYMENT;
        ret->number = ret->payment.number;
        ret->transaction_id = ret->payment.transaction_id;
    } else {
        r = read_refund(inner, "refund_status", a, &ret->refund, e);
        if (r >= 0 && !str_eqz(pay__text(a, inner, "mchid", 64), g->mchid))
            r = err_set(e, ERR_PAY_NOTICE, "it is about another merchant");
        ret->about = PAY_ABOUT_REFUND;
        ret->number = ret->refund.payment_number;
        ret->refund_number = ret->refund.number;
        ret->provider_id = ret->refund.provider_id;
        ret->transaction_id = ret->refund.transaction_id;
    }
    ret->truth = r >= 0;
    return r;
}

static int notice(const void *arg, const struct pay_said *s, int64_t now_ms, struct arena *a, struct pay_notice *ret, struct err *e) {
    CLEANUP(json_unref) json_t *j = NULL;
    int r = verify(arg, NULL, s, now_ms, a, e);
    if (r >= 0 && json_read(s->body, &j, e) < 0)
        r = err_set(e, ERR_PAY_NOTICE, "no JSON");
    return r < 0 ? r : read_notice(arg, j, a, ret, e);
}

const struct pay_driver pay_driver_wechat = {
    .name = "wechat",
    .can = PAY_CAN_REFUND_ONE,
    .scenes = 1u << PAY_H5 | 1u << PAY_QR | 1u << PAY_JSAPI | 1u << PAY_MINI,
    .notify_per_ask = true,
    .currencies = "CNY",
    .yes = { 200, "application/json", "" },
    .again = { 500, "application/json", "{\"code\":\"FAIL\",\"message\":\"later\"}" },
    .forged = { 401, "application/json", "{\"code\":\"FAIL\",\"message\":\"wrong signature\"}" },
    .open = open_wechat, .close = close_wechat, .build = build, .parse = parse, .notice = notice,
    .ops = 1u << PAY_OP_KEYS,
    .fee_pm = "pay.wechat_fee_pm",
};
