/*
 * sign_in.c - sign up, sign in, links, passwords.
 *
 * Whether an address has an account must not be learnt from an answer, nor from how long it takes: a password is hashed in any case, the same
 * rows are written in any case (for nobody: 'void'), and the answer is the same. What hashes runs on the costly pool.
 *
 * Nobody is signed in to somebody else's account by one careless click, or a stranger who sent them a link would get their next photos: a link
 * that signs in, opened anywhere but in the browser that asked for it, is answered with whose account it is, until they accept that.
 *
 * A sign-in always begins a new session and ends the one it came with, so a session that somebody planted is worth nothing. A guest's work
 * moves over when the person typed a password here, or opened a link that this very guest had asked for; not by any other link, or a mail
 * from a stranger could carry somebody's photos into the stranger's account.
 */
#include "api/move.h"
#include "api/session.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "base/id.h"
#include "base/log.h"
#include "db/db.h"
#include "mail/mail.h"

static const char *const kinds[] = { "confirm", "reset", "magic", NULL };

struct sign_body { struct str email, password, token, old; int lang, kind; bool accept; };
#define AT(member) offsetof(struct sign_body, member)
#define EMAIL_FIELD    { "email", JSON_F_STR, true, 1, 254, AT(email), .help = "name@domain; capitals do not matter." }
#define PASSWORD_HELP  "10 to 128 characters."
#define LANG_FIELD     { "lang", JSON_F_ENUM, false, 0, 0, AT(lang), .names = api__langs, .help = "Of the mail; left out: as Accept-Language." }
static const struct json_field password_fields[] = { EMAIL_FIELD, { "password", JSON_F_STR, true, 1, 1024, AT(password), .help = "The password." }, { 0 } };
static const struct json_field account_fields[] = { EMAIL_FIELD, { "password", JSON_F_STR, true, 1, 1024, AT(password), .help = PASSWORD_HELP }, LANG_FIELD, { 0 } };
static const struct json_field mail_fields[] = {
    EMAIL_FIELD, { "kind", JSON_F_ENUM, true, 0, 0, AT(kind), .names = kinds, .help = "Which link." }, LANG_FIELD, { 0 },
};
static const struct json_field token_fields[] = {
    { "token", JSON_F_STR, true, 1, 128, AT(token), .help = "What stands behind # in the link." },
    { "password", JSON_F_STR, false, 1, 1024, AT(password), .help = "reset: the new one, " PASSWORD_HELP " confirm: the one chosen at sign-up, where another device opens the link." },
    { "accept", JSON_F_BOOL, false, 0, 0, AT(accept), .help = "magic: true: the account named by accept_asked is the one to be signed in to. Ask the person first." }, { 0 },
};
static const struct json_field change_fields[] = {
    { "old", JSON_F_STR, true, 1, 1024, AT(old), .help = "The present password." },
    { "new", JSON_F_STR, true, 1, 1024, AT(password), .help = PASSWORD_HELP }, { 0 },
};

struct sign_job {
    struct sign_body   body;
    char               email[MAIL_ADDRESS_MAX], sealed[CRYPTO_PASSWORD_MAX + 1];
    const char        *lang;
    int64_t            now_ms, credits;
    struct app        *app;
    int64_t            guest, old_account, old_session;      /* who came: a guest, and the session to be ended; 0 = none */
    struct auth_device on;
    struct auth_session s;
    struct auth_ended  ended[4];
    bool               moves;                                /* the guest's work follows */
    char               token[AUTH_TOKEN_MAX];
    struct auth_token  used;
    struct auth_proved proved;
};

static int sign_job(struct http_req *req, const struct json_field *fields, struct err *e) {
    struct sign_job *job = ARENA_NEW(req->arena, struct sign_job);
    job->body.lang = -1;
    int r = api_body(req, fields, &job->body, e);
    if (r < 0)
        return r;
    job->app = api_app(req);
    job->now_ms = clock_ms();
    job->lang = job->body.lang < 0 ? req->lang : api__langs[job->body.lang];
    job->credits = api__welcome_credits(job->app);
    bool is_operator = req->rights & AUTH_OPERATOR;
    job->guest = req->account && !is_operator && !(req->rights & AUTH_PERSON) ? req->account : 0;
    if (!is_operator || auth_access_ends(req)) {             /* the operator's programs keep their token */
        job->old_account = req->account;
        job->old_session = req->session;
    }
    for (size_t i = 0; i < COUNT(job->ended); i++)
        job->ended[i].a = job->app->auth;
    auth_device_of(req, &job->on);
    auth_token_new(job->token);
    req->job = job;
    return job->body.email.p ? auth_address(job->body.email, job->email, e) : 0;
}

/* Per network address, and per account from this address. */
static int sign_in_rate(struct http_req *req, const char *email, struct err *e) {
    int64_t n = config_int(api_app(req)->cfg, "auth.sign_ins_per_hour");
    char ip[33], who[SHA256_HEX + 40], sha[SHA256_HEX + 1];
    int r = api__rate(req, "sign_in_ip", api__peer(req, ip), n, e);
    if (r < 0 || !email)
        return r;
    sha256_hex(email, strlen(email), sha);
    snprintf(who, sizeof who, "%.32s:%s", sha, ip);
    return api__rate(req, "sign_in", str_z(who), (n + 2) / 3, e);
}

/* Per account that asks, per network address, and per mailbox from there; per mailbox in all several times that, so that no single stranger
 * keeps its owner from a link. */
static int mail_rate(struct http_req *req, const char *email, struct err *e) {
    int64_t n = config_int(api_app(req)->cfg, "auth.mails_per_hour");
    char ip[33], sha[SHA256_HEX + 1], account[24], from[SHA256_HEX + 40];
    sha256_hex(email, strlen(email), sha);
    snprintf(account, sizeof account, "%lld", (long long)req->account);
    int r = api__rate(req, "mail_ip", api__peer(req, ip), 10 * n, e);
    if (r >= 0 && req->account)
        r = api__rate_eager(req, "mail_account", str_z(account), n, e);
    snprintf(from, sizeof from, "%.32s:%s", sha, ip);
    if (r < 0 || (r = api__rate_eager(req, "mail_from", str_z(from), n, e)) < 0)
        return r;
    return api__rate(req, "mail", str_z(sha), 4 * n, e);
}

static int accepted(struct http_req *req, struct http_res *res, struct err *e) {
    const struct sign_job *job = req->job;
    char mark[AUTH_ASKED_MAX];
    auth_asked_mark(job->app->auth, job->email, job->now_ms, mark);
    http_res_cookie(res, AUTH_ASKED_COOKIE, mark, AUTH_MAILED_MS / 1000, /* http_only= */ true);
    BUF_CLEANUP struct buf b;
    buf_init(&b, 16);
    buf_add_z(&b, "{}");
    return api_json(res, 202, &b, e);
}

/* ---- a mail with a link ---- */

struct linked { enum mail_kind mail; struct auth_token_new token; };

/* Both rows; for nobody, when `token.nobody`. */
static int send_link(struct db_tx *tx, const struct sign_job *job, const struct linked *l, struct err *e) {
    char base[512], link[640], to[MAIL_ADDRESS_MAX], lang[9] = "";
    int r = l->token.account && l->token.kind != AUTH_TOKEN_CONFIRM ? auth_email_of(tx, l->token.account, to, lang, e) : 0;
    if (r < 0)
        return r;
    const char *words = lang[0] ? lang : job->lang;          /* the owner's language, not that of whoever asks */
    struct auth_token_new t = l->token;
    t.email = job->email;
    t.lang = words;
    t.token = job->token;
    t.asker = job->guest;
    if ((r = auth_token_add(tx, &t, job->now_ms, e)) < 0)
        return r;
    api__base_url(job->app, base);
    snprintf(link, sizeof link, "%s/auth#%s=%s", base, auth_token_kind_name(l->token.kind), job->token);
    return mail_add(job->app->mail, tx, &(struct mail_new){ l->mail, job->email, words, link, l->token.nobody }, job->now_ms, e);
}

/* ---- POST /v1/accounts ---- */

static int account_parse(struct http_req *req, struct err *e) {
    int r = sign_job(req, account_fields, e);
    const struct sign_job *job = req->job;
    if (r >= 0)
        r = auth_password_judge(job->email, job->body.password, e);      /* who is refused for that has not used up a mail */
    return r < 0 ? r : mail_rate(req, job->email, e);
}

static int account_write(struct db_tx *tx, void *arg, struct err *e) {
    const struct sign_job *job = arg;
    int64_t account = 0;
    int r = auth_account_of(tx, job->email, &account, e);
    if (r < 0)
        return r;
    struct linked l = r ? (struct linked){ MAIL_HAVE_ACCOUNT, { .kind = AUTH_TOKEN_MAGIC, .sealed = "", .account = account, .ends_ms = job->now_ms + AUTH_MAILED_MS } }
                        : (struct linked){ MAIL_CONFIRM, { .kind = AUTH_TOKEN_CONFIRM, .sealed = job->sealed, .account = job->guest, .ends_ms = job->now_ms + AUTH_LINK_MS } };
    return send_link(tx, job, &l, e);
}

static int account_post(struct http_req *req, struct http_res *res, struct err *e) {
    struct sign_job *job = req->job;
    int r = auth_password_seal(job->app->auth, job->email, job->body.password, job->sealed, e);
    if (r < 0 || (r = db_do(job->app->db, account_write, job, e)) < 0)
        return r;
    return accepted(req, res, e);
}

/* ---- POST /v1/mails ---- */

static int mails_parse(struct http_req *req, struct err *e) {
    int r = sign_job(req, mail_fields, e);
    return r < 0 ? r : mail_rate(req, ((struct sign_job *)req->job)->email, e);
}

static int mails_write(struct db_tx *tx, struct http_req *req, struct err *e) {
    static const enum mail_kind mails[AUTH_TOKEN_KIND_COUNT] = { MAIL_CONFIRM, MAIL_RESET, MAIL_MAGIC };
    struct sign_job *job = req->job;
    enum auth_token_kind kind = (enum auth_token_kind)job->body.kind;
    int64_t account = 0, guest = 0;
    char sealed[CRYPTO_PASSWORD_MAX + 1] = "";
    int known = auth_account_of(tx, job->email, &account, e), waits = known < 0 ? known : auth_signup_find(tx, job->email, job->guest, job->now_ms, &guest, sealed, e);
    if (waits < 0)
        return waits;
    bool confirm = kind == AUTH_TOKEN_CONFIRM;
    struct linked l = { mails[kind], { .kind = kind, .sealed = confirm ? sealed : "", .account = confirm ? guest : account,
                                       .ends_ms = job->now_ms + (confirm ? AUTH_LINK_MS : AUTH_MAILED_MS), .nobody = confirm ? known || !waits : !known } };
    return send_link(tx, job, &l, e);
}

static int mails_post(struct http_req *req, struct http_res *res, struct err *e) { return accepted(req, res, e); }

/* ---- beginning a session ---- */

static int end_old(struct db_tx *tx, struct sign_job *job, struct err *e) {
    return job->old_session ? auth_session_end(tx, job->old_account, job->old_session, job->now_ms, &job->ended[0], e) : 0;
}

/* In the transaction that found out whose it is. */
static int begin_session(struct db_tx *tx, struct http_req *req, struct sign_job *job, int64_t account, struct err *e) {
    struct auth_me me;
    int r = auth_me_get(tx, req->arena, account, &me, e);
    if (r < 0 || (me.kind == AUTH_KIND_GUEST && (r = auth_is_guest(tx, account, e)) < 0))
        return r;
    if (me.kind == AUTH_KIND_GUEST && r == 0)
        return err_set(e, ERR_TOKEN_OVER, "this guest signed in, and everything went along");
    job->s = (struct auth_session){ .account = account, .session = id_new(), .kind = me.kind };
    auth_refresh_new(job->app->auth, job->s.session, job->s.refresh);
    return auth_session_add(tx, &job->s, &job->on, job->now_ms, &job->ended[1], e);
}

/* The guest who came signs in: the work follows, and no session of the guest stays. */
static int bring_guest(struct db_tx *tx, struct sign_job *job, int64_t to, struct err *e) {
    job->moves = false;
    int r = job->guest && job->guest != to ? auth_is_guest(tx, job->guest, e) : 0;
    if (r <= 0)
        return r;
    job->moves = true;
    if ((r = auth_move_add(tx, job->guest, to, job->now_ms, e)) < 0)
        return r;
    return auth_session_end_all(tx, job->guest, /* except= */ 0, job->now_ms, &job->ended[3], e);
}

/* Moves what can be moved at once; the keeper does the rest. */
static int session_begun(struct http_req *req, struct http_res *res, int status, const char *kind, struct err *e) {
    struct sign_job *job = req->job;
    bool open = false;
    struct auth_move m = { job->guest, job->s.account, job->now_ms };
    struct err why = { 0 };
    if (job->moves && api__move(job->app, &m, job->now_ms, &open, &why) < 0) {
        log_event(LOG_WARN, "move.retrying", F_INT("from", m.from), F_INT("to", m.to), F_ERR(&why));
        open = true;
    }
    auth_count_sign_in(job->app->auth, true);
    return api__session_answer(req, res, status, &job->s, kind, open, e);
}

/* ---- POST /v1/sessions/password ---- */

static int password_parse(struct http_req *req, struct err *e) {
    int r = sign_job(req, password_fields, e);
    return r < 0 ? r : sign_in_rate(req, ((struct sign_job *)req->job)->email, e);
}

static int password_write(struct db_tx *tx, void *arg, struct err *e) {
    struct http_req *req = arg;
    struct sign_job *job = req->job;
    const struct auth_proved *p = &job->proved;
    int r = auth_password_still(tx, p, e);
    if (r < 0 || (p->again[0] && (r = auth_password_set(tx, p->account, p->again, e)) < 0) || (r = end_old(tx, job, e)) < 0 ||
        (r = bring_guest(tx, job, p->account, e)) < 0)
        return r;
    return begin_session(tx, req, job, p->account, e);
}

static int password_post(struct http_req *req, struct http_res *res, struct err *e) {
    struct sign_job *job = req->job;
    int r = auth_password_prove(job->app->auth, db_reader(job->app->db), job->email, job->body.password, &job->proved, e);
    if (r == 0) {
        auth_count_sign_in(job->app->auth, false);
        return err_set(e, ERR_SIGN_IN_WRONG, "%s", "");
    }
    if (r < 0 || (r = db_do(job->app->db, password_write, req, e)) < 0)
        return r;
    return session_begun(req, res, 201, NULL, e);
}

/* ---- POST /v1/tokens ---- */

static int token_parse(struct http_req *req, struct err *e) {
    int r = sign_job(req, token_fields, e);
    return r < 0 ? r : sign_in_rate(req, NULL, e);
}

/* The guest who signed up becomes a person; when that one is somebody else by now, or there was none, a new account does. */
static int confirm(struct db_tx *tx, struct sign_job *job, int64_t *ret_account, struct err *e) {
    const struct auth_token *t = &job->used;
    int64_t account = t->account;
    int r = account ? auth_is_guest(tx, account, e) : 0;
    if (r < 0)
        return r;
    if (r == 0) {
        account = id_new();
        if ((r = auth_guest_new(tx, account, job->now_ms, e)) < 0 || (r = api__welcome(tx, account, job->credits, e)) < 0)
            return r;
    }
    struct auth_profile p = { .lang = str_z(t->lang) };
    if ((r = auth_person_new(tx, account, t->email, t->sealed, job->now_ms, e)) < 0 || (r = auth_profile_set(tx, account, &p, e)) < 0)
        return r;
    *ret_account = account;
    return auth_session_end_all(tx, account, /* except= */ 0, job->now_ms, &job->ended[2], e);
}

static int reset(struct db_tx *tx, struct sign_job *job, struct err *e) {
    const struct auth_token *t = &job->used;
    int r = auth_password_set(tx, t->account, job->sealed, e);
    if (r < 0 || (r = auth_session_end_all(tx, t->account, /* except= */ 0, job->now_ms, &job->ended[2], e)) < 0)
        return r;
    return mail_add(job->app->mail, tx, &(struct mail_new){ .kind = MAIL_PASSWORD, .to = t->email, .lang = t->lang }, job->now_ms, e);
}

static int token_write(struct db_tx *tx, void *arg, struct err *e) {
    struct http_req *req = arg;
    struct sign_job *job = req->job;
    int64_t account = job->used.account;
    job->now_ms = clock_ms();                                /* a hash took its time: what was found then may be over now */
    int r = auth_token_find(tx, job->body.token, job->now_ms, &job->used, e);
    if (r == 0)
        return err_set(e, ERR_TOKEN_OVER, "it ended just now");
    if (r > 0)
        r = auth_token_use(tx, &job->used, job->now_ms, e);
    if (r < 0 || (job->old_account == account && (r = end_old(tx, job, e)) < 0))
        return r;
    bool brings = job->guest == job->used.asker;
    if (job->used.kind == AUTH_TOKEN_CONFIRM) {
        brings = true;                                       /* who_signed_up(): this guest, or whoever typed the password */
        r = confirm(tx, job, &account, e);
    } else if (job->used.kind == AUTH_TOKEN_RESET) {
        r = reset(tx, job, e);
    }
    if (r >= 0 && brings)
        r = bring_guest(tx, job, account, e);
    return r < 0 ? r : begin_session(tx, req, job, account, e);
}

/*
 * Whoever signs up names an address and a password; that the address is theirs, only its owner's click says. If any click were enough, a
 * stranger could sign up with your address, wait for you to click, and know the password of your account. So the click must come from the
 * guest who signed up, or with that password.
 */
static int who_signed_up(const struct sign_job *job, struct err *e) {
    if (job->guest && job->guest == job->used.account)
        return 0;
    if (!job->body.password.n)
        return err_set(e, ERR_PASSWORD_ASKED, "%s", "");
    if (auth_password_fits(job->app->auth, job->body.password, job->used.sealed))
        return 0;
    auth_count_sign_in(job->app->auth, false);
    return err_set(e, ERR_SIGN_IN_WRONG, "%s", "");
}

/* "l…@photos.example": its owner knows it again, others do not learn it. */
static void mask(const char *email, char out[MAIL_ADDRESS_MAX + 3]) {
    size_t first = str_utf8_char(str_z(email));
    const char *at = strrchr(email, '@');
    snprintf(out, MAIL_ADDRESS_MAX + 3, "%.*s…%s", (int)first, email, at ? at : "");
}

/* Who is nobody yet, because they were signed out, is known by the mark. A link that was not mailed has no address. */
static bool asked_here(const struct http_req *req, const struct sign_job *job) {
    return job->used.email[0] && auth_asked_here(job->app->auth, job->used.email, http_req_cookie(req, AUTH_ASKED_COOKIE), job->now_ms);
}

static int who_accepts(struct http_req *req, const struct sign_job *job, struct err *e) {
    const struct auth_token *t = &job->used;
    bool expected = (job->guest && job->guest == t->asker) || job->old_account == t->account || asked_here(req, job);
    if (job->body.accept || expected)
        return 0;
    struct auth_me me;
    char email[MAIL_ADDRESS_MAX], who[MAIL_ADDRESS_MAX + 3];
    int r = auth_me_get(db_reader(job->app->db), req->arena, t->account, &me, e);
    if (r < 0)
        return r;
    snprintf(email, sizeof email, "%.*s", STR_ARG(me.email));
    mask(email, who);
    return err_set(e, ERR_ACCEPT_ASKED, "%s", email[0] ? who : me.kind == AUTH_KIND_OPERATOR ? "the operator" : "a guest");
}

static int token_post(struct http_req *req, struct http_res *res, struct err *e) {
    struct sign_job *job = req->job;
    int r = auth_token_find(db_reader(job->app->db), job->body.token, job->now_ms, &job->used, e);
    if (r == 0) {
        auth_count_sign_in(job->app->auth, false);
        return err_set(e, ERR_TOKEN_OVER, "%s", "");
    }
    if (r > 0 && job->used.kind == AUTH_TOKEN_CONFIRM)
        r = who_signed_up(job, e);
    if (r > 0 && job->used.kind == AUTH_TOKEN_MAGIC)
        r = who_accepts(req, job, e);
    if (r > 0 && job->used.kind == AUTH_TOKEN_RESET) {
        if (!job->body.password.n)
            return err_set(e, ERR_BAD_INPUT, "password: the new one is missing");
        r = auth_password_seal(job->app->auth, job->used.email, job->body.password, job->sealed, e);
    }
    if (r < 0 || (r = db_do(job->app->db, token_write, req, e)) < 0)
        return r;
    if (http_req_cookie(req, AUTH_ASKED_COOKIE).n)
        http_res_cookie(res, AUTH_ASKED_COOKIE, "", /* max_age_s= */ 0, /* http_only= */ true);
    return session_begun(req, res, 200, auth_token_kind_name(job->used.kind), e);
}

/* ---- PUT /v1/me/password ---- */

static int change_parse(struct http_req *req, struct err *e) {
    int r = sign_job(req, change_fields, e);
    char who[24];
    snprintf(who, sizeof who, "%lld", (long long)req->account);
    return r < 0 ? r : api__rate(req, "password", str_z(who), (config_int(api_app(req)->cfg, "auth.sign_ins_per_hour") + 2) / 3, e);
}

static int change_write(struct db_tx *tx, void *arg, struct err *e) {
    struct http_req *req = arg;
    struct sign_job *job = req->job;
    char lang[9] = "", email[MAIL_ADDRESS_MAX];
    int r = auth_device_lives(tx, req->session, e);
    if (r == 0)
        return err_set(e, ERR_UNAUTHENTICATED, "this session was ended just now");
    if (r < 0 || (r = auth_password_still(tx, &job->proved, e)) < 0 || (r = auth_password_set(tx, req->account, job->sealed, e)) < 0 ||
        (r = auth_session_end_all(tx, req->account, req->session, job->now_ms, &job->ended[0], e)) < 0 ||
        (r = auth_token_cancel(tx, req->account, job->email, job->now_ms, e)) < 0 ||
        (r = auth_email_of(tx, req->account, email, lang, e)) < 0)
        return r;
    return mail_add(job->app->mail, tx, &(struct mail_new){ .kind = MAIL_PASSWORD, .to = job->email, .lang = lang[0] ? lang : job->lang }, job->now_ms, e);
}

static int change_put(struct http_req *req, struct http_res *res, struct err *e) {
    struct sign_job *job = req->job;
    char lang[9];
    int r = auth_email_of(db_reader(job->app->db), req->account, job->email, lang, e);
    if (r == 1)
        r = auth_password_prove(job->app->auth, db_reader(job->app->db), job->email, job->body.old, &job->proved, e);
    if (r == 0) {
        auth_count_sign_in(job->app->auth, false);
        return err_set(e, ERR_SIGN_IN_WRONG, "%s", "");
    }
    if (r < 0 || (r = auth_password_seal(job->app->auth, job->email, job->body.password, job->sealed, e)) < 0 ||
        (r = db_do(job->app->db, change_write, req, e)) < 0)
        return r;
    return http_res_empty(res, 204);
}

/* ---- POST /v1/me/link ---- */

static int link_parse(struct http_req *req, struct err *e) {
    int r = sign_job(req, api__no_fields, e);
    char who[24];
    snprintf(who, sizeof who, "%lld", (long long)req->account);
    return r < 0 ? r : api__rate(req, "link", str_z(who), config_int(api_app(req)->cfg, "auth.mails_per_hour"), e);
}

static int64_t link_ends(const struct http_req *req) {
    const struct sign_job *job = req->job;
    return job->now_ms + (req->rights & AUTH_OPERATOR ? AUTH_OPERATOR_LINK_MS : AUTH_LINK_MS);
}

static int link_write(struct db_tx *tx, struct http_req *req, struct err *e) {
    const struct sign_job *job = req->job;
    struct auth_token_new t = { .kind = AUTH_TOKEN_MAGIC, .email = "", .sealed = "", .lang = job->lang, .account = req->account, .session = req->session,
                                .ends_ms = link_ends(req), .token = job->token };
    return auth_token_add(tx, &t, job->now_ms, e);
}

static int link_post(struct http_req *req, struct http_res *res, struct err *e) {
    const struct sign_job *job = req->job;
    char base[512], link[640];
    api__base_url(job->app, base);
    snprintf(link, sizeof link, "%s/auth#magic=%s", base, job->token);
    BUF_CLEANUP struct buf b;
    buf_init(&b, 2048);
    struct jw w;
    jw_init(&w, &b);
    jw_obj(&w);
    jw_kz(&w, "url", link);
    jw_kz(&w, "token", job->token);
    jw_kint(&w, "expires_ms", link_ends(req));
    jw_end_obj(&w);
    return api_json(res, 201, &b, e);
}

const struct route api_sign_in_routes[] = {
    { "POST", "/v1/sessions/password", ROUTE_BLOCKING, TRAFFIC_SIGN_IN, ROUTE_COSTLY, 0, password_post, password_parse, .body_max = API_BODY_MAX, .in = password_fields,
      .out = "Session", .help = "Sign in. The work of the guest who does moves to the account." },
    { "POST", "/v1/accounts", ROUTE_BLOCKING, TRAFFIC_SIGN_IN, ROUTE_COSTLY, 0, account_post, account_parse, .body_max = API_BODY_MAX, .in = account_fields,
      .out = "Accepted", .help = "Sign up: a mail with a link comes. The answer is the same whether or not the address has an account." },
    { "POST", "/v1/mails", ROUTE_WRITE, TRAFFIC_SIGN_IN, 0, 0, mails_post, mails_parse, mails_write, .body_max = API_BODY_MAX, .in = mail_fields, .out = "Accepted",
      .help = "Ask for a link again, or for one to choose a new password or to sign in without one." },
    { "POST", "/v1/tokens", ROUTE_BLOCKING, TRAFFIC_SIGN_IN, ROUTE_COSTLY, 0, token_post, token_parse, .body_max = API_BODY_MAX, .in = token_fields, .out = "Session",
      .help = "Use a link: it signs this device in. 422 accept_asked: it was asked for elsewhere; the detail says whose account it is, and it is not used up." },
    { "PUT", "/v1/me/password", ROUTE_BLOCKING, TRAFFIC_SIGN_IN, ROUTE_COSTLY, AUTH_ACCOUNT | AUTH_PERSON, change_put, change_parse, .body_max = API_BODY_MAX,
      .in = change_fields, .help = "Change the password; all other devices are signed out, and no link of before is good any more." },
    { "POST", "/v1/me/link", ROUTE_WRITE, TRAFFIC_SIGN_IN, 0, AUTH_ACCOUNT, link_post, link_parse, link_write, .body_max = API_BODY_MAX, .in = api__no_fields, .out = "Link",
      .help = "A link that signs another device in to this account: once, within 24 hours (the operator: 10 minutes), as long as this session lives." },
    { 0 },
};
