/*
 * pages.c - the pages, built into the program: a few documents, rendered once per language, and their parts.
 *
 * The documents come from web/ with {{holes}} (web/build.mjs); here they get the product's words, colours and pictures, so that the
 * first screen stands before any script has come, in the visitor's language, and search engines can read it.
 */
#include "api/pages.h"

#include <stdlib.h>

#include "api/internal.h"
#include "base/crypto.h"
#include "base/embed.h"
#include "base/id.h"
#include "base/json.h"
#include "studio/studio.h"

extern const struct embed_dir api_web;

#define DOCUMENT_MAX (64 * 1024)
#define PICTURES_MAX (STUDIO_EXAMPLES_MAX * (STUDIO_BEFORES_MAX + 1))

enum { PAGE_LANDING, PAGE_APP, PAGE_LOST, PAGE_COUNT };
enum { LANG_EN, LANG_ZH, LANG_COUNT };
static const char *const langs[LANG_COUNT] = { "en", "zh" }, *const tags[LANG_COUNT] = { "en", "zh-CN" };

struct picture { struct str name, bytes; char hash[SHA256_HEX + 1]; };
struct pages {
    struct cached *document[PAGE_COUNT][LANG_COUNT], *theme, *robots, *sitemap;
    struct picture pictures[PICTURES_MAX];
    size_t         n_pictures;
    char           csp[512];
};

/* What the documents are made from. */
struct source {
    const struct studio_product *product;
    struct pages                *pages;
    const char                  *url;            /* public_url without a last '/'; "" = unknown */
    const char                  *api;            /* origin of the API; "" = where the page came from */
    const char                  *icp;
};

static struct str words(const struct field_text *t, int lang) { return lang == LANG_ZH ? t->zh : t->en; }

/* ---- pictures ---- */

static const struct picture *picture_of(const struct pages *p, struct str name) {
    for (size_t i = 0; i < p->n_pictures; i++)
        if (str_eq(p->pictures[i].name, name))
            return &p->pictures[i];
    return NULL;
}

static void add_picture(struct pages *p, const struct studio_picture *from) {
    if (picture_of(p, from->name))
        return;
    struct picture *to = &p->pictures[p->n_pictures++];
    to->name = from->name;
    to->bytes = from->bytes;
    sha256_hex(from->bytes.p, from->bytes.n, to->hash);
}

static void collect_pictures(struct pages *p, const struct studio_product *product) {
    for (size_t i = 0; i < product->n_examples; i++) {
        const struct studio_example *x = &product->examples[i];
        add_picture(p, &x->after);
        for (size_t k = 0; k < x->n_before; k++)
            add_picture(p, &x->before[k]);
    }
}

static void picture_url(const struct pages *p, const struct studio_picture *of, char out[128]) {
    snprintf(out, 128, "/product/%.*s?v=%.12s", STR_ARG(of->name), picture_of(p, of->name)->hash);
}

/* ---- HTML ---- */

static void add_escaped(struct buf *b, struct str s) {
    for (size_t i = 0; i < s.n; i++) {
        switch (s.p[i]) {
        case '&': buf_add_z(b, "&amp;"); break;
        case '<': buf_add_z(b, "&lt;"); break;
        case '>': buf_add_z(b, "&gt;"); break;
        case '"': buf_add_z(b, "&quot;"); break;
        default: buf_add_c(b, s.p[i]);
        }
    }
}

/* Chinese headings are kept together where nothing says that they may break, and WebKit does not take a comma for that: U+200B behind it. */
static void add_clauses(struct buf *b, struct str s) {
    static const char comma[] = "\uff0c";
    const size_t n = sizeof comma - 1;
    for (const char *at; (at = memmem(s.p, s.n, comma, n)); s = (struct str){ at + n, (size_t)(s.p + s.n - at) - n }) {
        add_escaped(b, (struct str){ s.p, (size_t)(at - s.p) + n });
        buf_add_z(b, "\u200b");
    }
    add_escaped(b, s);
}

static void add_meta(struct buf *b, const char *kind, const char *name, struct str content) {
    buf_printf(b, "<meta %s=\"%s\" content=\"", kind, name);
    add_escaped(b, content);
    buf_add_z(b, "\">\n");
}

static void add_addresses(struct buf *b, const struct source *s, int lang) {
    char at[128];
    if (!s->url[0])
        return;
    buf_printf(b, "<link rel=\"canonical\" href=\"%s/?lang=%s\">\n<link rel=\"alternate\" hreflang=\"x-default\" href=\"%s/\">\n", s->url, langs[lang], s->url);
    for (int i = 0; i < LANG_COUNT; i++)
        buf_printf(b, "<link rel=\"alternate\" hreflang=\"%s\" href=\"%s/?lang=%s\">\n", tags[i], s->url, langs[i]);
    if (s->product->n_examples) {
        picture_url(s->pages, &s->product->examples[0].after, at);
        buf_printf(b, "<meta property=\"og:image\" content=\"%s%s\">\n", s->url, at);
    }
}

static void add_head(struct buf *b, const struct source *s, int page, int lang) {
    const struct studio_product *p = s->product;
    buf_add_z(b, "<title>");
    add_escaped(b, words(&p->title, lang));
    if (page == PAGE_LANDING) {
        buf_add_z(b, " · ");
        add_escaped(b, words(&p->tagline, lang));
    }
    buf_add_z(b, "</title>\n");
    add_meta(b, "name", "description", words(&p->lead, lang));
    if (page == PAGE_LANDING) {
        add_meta(b, "property", "og:type", STR("website"));
        add_meta(b, "property", "og:title", words(&p->title, lang));
        add_meta(b, "property", "og:description", words(&p->lead, lang));
        add_meta(b, "property", "og:locale", str_z(lang == LANG_ZH ? "zh_CN" : "en_GB"));
        add_addresses(b, s, lang);
    } else {
        add_meta(b, "name", "robots", STR("noindex"));
    }
    buf_printf(b, "<meta name=\"theme-color\" media=\"(prefers-color-scheme: light)\" content=\"%.*s\">\n", STR_ARG(p->light[STUDIO_PAPER]));
    buf_printf(b, "<meta name=\"theme-color\" media=\"(prefers-color-scheme: dark)\" content=\"%.*s\">\n", STR_ARG(p->dark[STUDIO_PAPER]));
    buf_printf(b, "<link rel=\"icon\" href=\"/icon.svg\" type=\"image/svg+xml\">\n<link rel=\"stylesheet\" href=\"/theme.css?v=%.12s\">\n", cached_etag(s->pages->theme));
}

static void add_text(struct jw *w, const char *key, const struct field_text *t) { api__text(w, key, t); }

static void add_picture_url(struct jw *w, const struct pages *p, const struct studio_picture *of) {
    char at[128];
    picture_url(p, of, at);
    jw_str(w, str_z(at));
}

/* What the script finds in the page (web/src/lib/boot.ts). A '<' would end its element: \u003c says the same. */
static void add_boot(struct buf *b, const struct source *s, int page, int lang) {
    const struct studio_product *p = s->product;
    BUF_CLEANUP struct buf json;
    struct jw w;
    buf_init(&json, DOCUMENT_MAX);
    jw_init(&w, &json);
    jw_obj(&w);
    jw_kz(&w, "lang", langs[lang]);
    jw_kz(&w, "api", s->api);
    jw_kz(&w, "icp", s->icp);
    jw_kint(&w, "status", page == PAGE_LOST ? 404 : 200);
    jw_key(&w, "product");
    jw_obj(&w);
    jw_kstr(&w, "name", p->name);
    add_text(&w, "title", &p->title);
    add_text(&w, "tagline", &p->tagline);
    add_text(&w, "lead", &p->lead);
    jw_key(&w, "theme");
    jw_obj(&w);
    for (size_t i = 0; i < STUDIO_COLOUR_COUNT; i++)
        jw_kstr(&w, studio_colour_name[i], p->light[i]);
    jw_end_obj(&w);
    jw_key(&w, "examples");
    jw_arr(&w);
    for (size_t i = 0; i < p->n_examples; i++) {
        jw_obj(&w);
        jw_key(&w, "before");
        jw_arr(&w);
        for (size_t k = 0; k < p->examples[i].n_before; k++)
            add_picture_url(&w, s->pages, &p->examples[i].before[k]);
        jw_end_arr(&w);
        jw_key(&w, "after");
        add_picture_url(&w, s->pages, &p->examples[i].after);
        add_text(&w, "alt", &p->examples[i].alt);
        jw_end_obj(&w);
    }
    jw_end_arr(&w);
    jw_end_obj(&w);
    jw_end_obj(&w);
    b->failed |= json.failed;
    for (size_t i = 0; i < json.n; i++) {
        if (json.p[i] == '<')
            buf_add_z(b, "\\u003c");
        else
            buf_add_c(b, json.p[i]);
    }
}

static void add_hero(struct buf *b, const struct source *s, struct str hole, int lang) {
    char at[128] = "";
    if (!s->product->n_examples)
        return;
    const struct studio_example *x = &s->product->examples[0];
    if (str_eqz(hole, "hero_alt")) {
        add_escaped(b, words(&x->alt, lang));
        return;
    }
    picture_url(s->pages, str_eqz(hole, "hero_before_1") ? &x->before[0] : str_eqz(hole, "hero_before_2") ? &x->before[1] : &x->after, at);
    add_escaped(b, str_z(at));
}

static int fill_hole(struct buf *b, const struct source *s, struct str hole, int page, int lang, struct err *e) {
    if (str_eqz(hole, "lang"))
        buf_add_z(b, tags[lang]);
    else if (str_eqz(hole, "head"))
        add_head(b, s, page, lang);
    else if (str_eqz(hole, "boot"))
        add_boot(b, s, page, lang);
    else if (str_eqz(hole, "title"))
        add_escaped(b, words(&s->product->title, lang));
    else if (str_eqz(hole, "tagline"))
        add_clauses(b, words(&s->product->tagline, lang));
    else if (str_eqz(hole, "lead"))
        add_escaped(b, words(&s->product->lead, lang));
    else if (str_starts(hole, STR("hero_")))
        add_hero(b, s, hole, lang);
    else
        return err_set(e, ERR_INTERNAL, "the pages have a hole \"%.*s\" that nothing fills", (int)(hole.n < 40 ? hole.n : 40), hole.p);
    return 0;
}

struct document { const struct source *source; int page, lang; };

static int render_document(void *ctx, struct buf *b, struct err *e) {
    const struct document *d = ctx;
    int page = d->page, lang = d->lang;
    char name[32];
    snprintf(name, sizeof name, "%s.%s.html", page == PAGE_LANDING ? "landing" : "app", langs[lang]);
    const struct embed_file *f = embed_find(&api_web, str_z(name));
    if (!f)
        return err_set(e, ERR_INTERNAL, "%s is not in the program", name);
    for (const char *at = f->bytes.p, *end = at + f->bytes.n; at < end;) {
        const char *open = strstr(at, "{{"), *close = open ? strstr(open, "}}") : NULL;
        if (!close) {
            buf_add(b, at, (size_t)(end - at));
            break;
        }
        buf_add(b, at, (size_t)(open - at));
        int r = fill_hole(b, d->source, (struct str){ open + 2, (size_t)(close - open - 2) }, page, lang, e);
        if (r < 0)
            return r;
        at = close + 2;
    }
    return 0;
}

/* ---- the rest that is made once ---- */

static void add_colours(struct buf *b, const struct str *colours) {
    for (size_t i = 0; i < STUDIO_COLOUR_COUNT; i++) {
        buf_add_z(b, "--");
        for (const char *c = studio_colour_name[i]; *c; c++)
            buf_add_c(b, *c == '_' ? '-' : *c);
        buf_printf(b, ":%.*s;", STR_ARG(colours[i]));
    }
}

static int render_theme(void *ctx, struct buf *b, struct err *e) {
    const struct studio_product *p = ((const struct source *)ctx)->product;
    buf_add_z(b, ":root{");
    add_colours(b, p->light);
    buf_add_z(b, "}\n@media (prefers-color-scheme: dark){:root{");
    add_colours(b, p->dark);
    buf_add_z(b, "}}\n");
    return 0;
}

static int render_robots(void *ctx, struct buf *b, struct err *e) {
    const char *url = ((const struct source *)ctx)->url;
    buf_add_z(b, "User-agent: *\nDisallow: /v1/\nDisallow: /t/\nDisallow: /me\nDisallow: /buy/\nDisallow: /orders\nDisallow: /wallet\nDisallow: /pay/\nDisallow: /admin\n");
    if (url[0])
        buf_printf(b, "Sitemap: %s/sitemap.xml\n", url);
    return 0;
}

static int render_sitemap(void *ctx, struct buf *b, struct err *e) {
    const char *url = ((const struct source *)ctx)->url;
    buf_add_z(b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\n");
    for (int i = 0; url[0] && i < LANG_COUNT; i++)
        buf_printf(b, "<url><loc>%s/?lang=%s</loc></url>\n", url, langs[i]);
    buf_add_z(b, "</urlset>\n");
    return 0;
}

#define FOR_EVER "public, max-age=31536000, immutable"

static int render_all(struct pages *p, struct source *s, struct err *e) {
    const struct cached_conf parts[] = {
        { .name = "/theme.css", .type = "text/css; charset=utf-8", .cache_control = FOR_EVER, .render = render_theme, .ctx = s, .bytes_max = DOCUMENT_MAX },
        { .name = "/robots.txt", .type = "text/plain; charset=utf-8", .cache_control = "public, max-age=3600", .render = render_robots, .ctx = s, .bytes_max = DOCUMENT_MAX },
        { .name = "/sitemap.xml", .type = "application/xml", .cache_control = "public, max-age=3600", .render = render_sitemap, .ctx = s, .bytes_max = DOCUMENT_MAX },
    };
    int r = cached_new(&parts[0], &p->theme, e);
    if (r < 0 || (r = cached_new(&parts[1], &p->robots, e)) < 0 || (r = cached_new(&parts[2], &p->sitemap, e)) < 0)
        return r;
    for (int page = 0; page < PAGE_COUNT; page++)
        for (int lang = 0; lang < LANG_COUNT; lang++) {
            struct document d = { s, page, lang };        /* may go: without .version it is rendered now and never again */
            /* always asked again, mostly answered by 304: a new release must not meet parts of an old one */
            const struct cached_conf conf = { .name = "a page", .type = "text/html; charset=utf-8", .cache_control = "no-cache", .vary = "Accept-Language, Cookie",
                                              .status = page == PAGE_LOST ? 404 : 0, .render = render_document, .ctx = &d, .bytes_max = DOCUMENT_MAX };
            if ((r = cached_new(&conf, &p->document[page][lang], e)) < 0)
                return r;
        }
    return 0;
}

int pages_new(const struct config *cfg, const struct studio *studio, const char *api_origin, struct pages **ret_p, struct err *e) {
    CLEANUP(pages_free) struct pages *p = calloc(1, sizeof *p);
    if (!p)
        abort();
    struct str url = str_z(config_str(cfg, "public_url"));
    while (str_ends(url, STR("/")))
        url.n--;
    char base[1024];
    snprintf(base, sizeof base, "%.*s", STR_ARG(url));
    struct source s = { .product = studio_product(studio, STR_NULL), .pages = p, .url = base, .api = api_origin, .icp = config_str(cfg, "product.icp") };
    /* nothing from elsewhere, nothing inline; pictures of one's own may be shown before they are sent (blob:) */
    snprintf(p->csp, sizeof p->csp, "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; base-uri 'none'; "
                                    "form-action 'none'; frame-ancestors 'none'");
    collect_pictures(p, s.product);
    int r = render_all(p, &s, e);
    if (r < 0)
        return r;
    *ret_p = TAKE(p);
    return 0;
}

void pages_free(struct pages *p) {
    if (!p)
        return;
    for (int page = 0; page < PAGE_COUNT; page++)
        for (int lang = 0; lang < LANG_COUNT; lang++)
            cached_free(p->document[page][lang]);
    cached_free(p->theme);
    cached_free(p->robots);
    cached_free(p->sitemap);
    free(p);
}

/* ---- routes ---- */

static const struct pages *pages_of(const struct http_req *req) { return api_app(req)->api->pages; }

/* ?lang= (links for search engines), then what was chosen by hand, then what the browser prefers. */
static int lang_of(struct http_req *req) {
    struct str asked = http_req_query(req, "lang"), chosen = http_req_cookie_plain(req, "zt_lang");
    for (int i = 0; i < LANG_COUNT; i++)
        if (str_eqz(asked, langs[i]))
            return i;
    for (int i = 0; i < LANG_COUNT; i++)
        if (str_eqz(chosen, langs[i]))
            return i;
    return strcmp(req->lang, "zh") == 0 ? LANG_ZH : LANG_EN;
}

static int send_document(struct http_req *req, struct http_res *res, int page) {
    int lang = lang_of(req);
    http_res_header(res, "Content-Security-Policy", "%s", pages_of(req)->csp);
    http_res_header(res, "Content-Language", "%s", tags[lang]);
    return http_res_cached(res, pages_of(req)->document[page][lang]);
}

static int landing_get(struct http_req *req, struct http_res *res, struct err *e) { return send_document(req, res, PAGE_LANDING); }
static int app_get(struct http_req *req, struct http_res *res, struct err *e) { return send_document(req, res, PAGE_APP); }

/* A task's address shows the page, whoever's it is: the page asks with the visitor's session. What is no id is nobody's. */
static int task_page_get(struct http_req *req, struct http_res *res, struct err *e) {
    int64_t id;
    return send_document(req, res, id_parse(req->params[0], "task", &id) < 0 ? PAGE_LOST : PAGE_APP);
}

static bool is_page(struct str path);

/* A person gets a page that says so; a program its problem document. */
static int lost_get(struct http_req *req, struct http_res *res, struct err *e) {
    struct str accept = http_req_header(req, "Accept"), bare = { req->path.p, req->path.n - 1 };
    if (str_ends(req->path, STR("/")) && is_page(bare)) {
        http_res_header(res, "Location", "%.*s%s%.*s", STR_ARG(bare), req->query.n ? "?" : "", STR_ARG(req->query));
        return http_res_empty(res, 308);
    }
    bool person = accept.n && memmem(accept.p, accept.n, "text/html", 9) && !str_starts(req->path, STR("/v1/"));
    return person ? send_document(req, res, PAGE_LOST) : err_set(e, ERR_NOT_FOUND, "%.*s %.*s", STR_ARG(req->method), STR_ARG(req->path));
}

static int send_part(struct http_req *req, struct http_res *res, struct str name, const char *cache_control, struct err *e) {
    const struct embed_file *f = embed_find(&api_web, name);
    if (!f)
        return err_set(e, ERR_NOT_FOUND, "no such file");
    http_res_header(res, "Content-Security-Policy", "%s", pages_of(req)->csp);      /* an SVG is a document, too */
    return http_res_static(res, &(struct http_static){ f->bytes, f->gzip, f->br, f->mime, f->sha256, cache_control, NULL, 0 });
}

/* Their names, or the ?v= of their links, change with what is in them. */
static int static_get(struct http_req *req, struct http_res *res, struct err *e) {
    return send_part(req, res, arena_printf(req->arena, "static/%.*s", STR_ARG(req->params[0])), FOR_EVER, e);
}
static int icon_get(struct http_req *req, struct http_res *res, struct err *e) { return send_part(req, res, STR("icon.svg"), "public, max-age=86400", e); }

static int picture_get(struct http_req *req, struct http_res *res, struct err *e) {
    const struct picture *f = picture_of(pages_of(req), req->params[0]);
    if (!f)
        return err_set(e, ERR_NOT_FOUND, "no such picture");
    const char *type = str_ends(f->name, STR(".webp")) ? "image/webp" : str_ends(f->name, STR(".png")) ? "image/png" : "image/jpeg";
    return http_res_static(res, &(struct http_static){ .bytes = f->bytes, .type = type, .etag = f->hash, .cache_control = FOR_EVER });
}

static int theme_get(struct http_req *req, struct http_res *res, struct err *e) { return http_res_cached(res, pages_of(req)->theme); }
static int robots_get(struct http_req *req, struct http_res *res, struct err *e) { return http_res_cached(res, pages_of(req)->robots); }
static int sitemap_get(struct http_req *req, struct http_res *res, struct err *e) { return http_res_cached(res, pages_of(req)->sitemap); }

#define PAGE(path, handle, help_) { "GET", path, ROUTE_INLINE, TRAFFIC_READ, ROUTE_PAGE | ROUTE_PURE, 0, handle, .help = help_ }
const struct route api_pages_routes[] = {
    PAGE("/", landing_get, "The first page."),
    PAGE("/new", app_get, "From photos to a task."),
    PAGE("/t/{task}", task_page_get, "One task."),
    PAGE("/me", app_get, "My pictures, my account."),
    PAGE("/buy/{plan}", app_get, "How to pay for a plan."),
    PAGE("/orders", app_get, "What was ordered."),
    PAGE("/orders/{order}", app_get, "One order: where one comes back to from paying, and the receipt."),
    PAGE("/wallet", app_get, "Credits, and what moved them."),
    PAGE("/pay/test/{number}", app_get, "Plays the bank of test money."),
    PAGE("/sign-in", app_get, "Sign in."),
    PAGE("/sign-up", app_get, "Create an account."),
    PAGE("/auth", app_get, "Where the links in mails lead."),
    PAGE("/admin", app_get, "The operators' pages."),
    PAGE("/admin/{page}", app_get, "The operators' pages."),
    PAGE("/admin/{page}/{id}", app_get, "The operators' pages."),
    PAGE("/static/{file}", static_get, "Parts of the pages."),
    PAGE("/product/{file}", picture_get, "Pictures of the product's examples."),
    PAGE("/theme.css", theme_get, "The product's colours."),
    PAGE("/icon.svg", icon_get, "The mark of the house."),
    PAGE("/robots.txt", robots_get, "What search engines may read."),
    PAGE("/sitemap.xml", sitemap_get, "What search engines should read."),
    PAGE(ROUTE_ANY_PATH, lost_get, "There is no such page."),
    { 0 },
};

/* Is it the address of a page, not of a part of one? What fills a {hole} must be plain: it goes into a Location. */
static bool is_page(struct str path) {
    for (size_t i = 0; i < path.n; i++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-/", path.p[i]) || !path.p[i])
            return false;
    for (const struct route *r = api_pages_routes; r->method; r++) {
        struct str want = str_z(r->path), have = path;
        bool same = r->handle == app_get || r->handle == task_page_get;
        while (same && want.p && have.p) {
            struct str w = str_cut(&want, '/'), h = str_cut(&have, '/');
            same = str_starts(w, STR("{")) ? h.n > 0 : str_eq(w, h);
        }
        if (same && !want.p && !have.p)
            return true;
    }
    return false;
}
