/* templates.c - GET /v1/templates and their thumbnails. */
#include "api/internal.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/scope.h"
#include "studio/studio.h"

void api__templates_render(const struct studio *s, struct buf *out) {
    struct jw w;
    jw_init(&w, out);
    jw_obj(&w);
    jw_key(&w, "items");
    jw_arr(&w);
    const struct studio_template *t;
    for (size_t i = 0; (t = studio_template_at(s, i)); i++) {
        char thumb[128];
        snprintf(thumb, sizeof thumb, "/v1/templates/%.*s/thumb?v=%d", STR_ARG(t->name), t->version);
        jw_obj(&w);
        jw_kstr(&w, "name", t->name);
        jw_kint(&w, "version", t->version);
        api__text(&w, "title", &t->title);
        jw_kstr(&w, "tags", t->tags);
        jw_kstr(&w, "licence", t->licence);
        jw_kz(&w, "thumb", thumb);
        jw_end_obj(&w);
    }
    jw_end_arr(&w);
    jw_end_obj(&w);
}

static int templates_get(struct http_req *req, struct http_res *res, struct err *e) {
    return http_res_cached(res, api_app(req)->api->templates);
}

static int thumb_get(struct http_req *req, struct http_res *res, struct err *e) {
    const struct studio_template *t = studio_template(api_app(req)->studio, req->params[0]);
    if (!t)
        return err_set(e, ERR_UNKNOWN_TEMPLATE, "GET /v1/templates lists them");
    char path[4096], etag[64];
    snprintf(path, sizeof path, "%.*s/%.*s", STR_ARG(t->dir), STR_ARG(t->thumb));
    __attribute__((cleanup(fd_close_p))) int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_sys(e, ERR_INTERNAL, "%s", path);
    snprintf(etag, sizeof etag, "%.*s-%d", STR_ARG(t->name), t->version);
    const char *type = str_ends(t->thumb, STR(".png")) ? "image/png" : str_ends(t->thumb, STR(".webp")) ? "image/webp" : "image/jpeg";
    return http_res_file(res, TAKE_FD(fd), st.st_size, type, etag, "public, max-age=86400");
}

const struct route api_templates_routes[] = {
    { "GET", "/v1/templates", ROUTE_INLINE, TRAFFIC_READ, ROUTE_PURE, 0, templates_get, .out = "TemplateList", .help = "Backgrounds and styles to choose from." },
    { "GET", "/v1/templates/{name}/thumb", ROUTE_BLOCKING, TRAFFIC_READ, 0, 0, thumb_get, .help = "A small picture of a template." },
    { 0 },
};
