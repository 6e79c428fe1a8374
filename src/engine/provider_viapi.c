/*
 * provider_viapi.c - Alibaba's Vision Intelligence: EnhanceFace (facebody, version 2019-12-30, read in November 2026), which makes the faces of an old
 * photograph clear, at once. It reads pictures from Alibaba's own store in Shanghai only, so an input that does not lie there goes there first, as the vendor's
 * client sends it: AuthorizeFileUpload (openplatform 2019-12-19) says where to and with which signature, for half an hour. Its results live half an hour.
 * Nothing tells one call from another: a lost one stays unknown.
 */
#include <stdlib.h>
#include <string.h>

#include "base/scope.h"
#include "engine/provider_signed.h"
#include "engine/remote.h"

static const char *const forms[] = { "face", NULL };

struct viapi { const char *upload_url; };

static int read_settings(const struct config *cfg, const struct models *models, const char *share, void **ret_g, struct err *e) {
    int r = provider_check_pairs(cfg, "viapi", e);
    if (r < 0)
        return r;
    struct viapi *g = malloc(sizeof(*g));
    if (!g)
        abort();
    g->upload_url = config_str(cfg, "engine.viapi_upload_url");
    *ret_g = g;
    return 0;
}

/* ---- inputs ---- */

/* In a bucket of Shanghai already, as a server's own may be. */
static bool lies_there(struct str link) {
    struct str rest = link, scheme = str_cut(&rest, '/'), nothing = str_cut(&rest, '/'), host = str_cut(&rest, '/');
    return str_eqz(scheme, "https:") && nothing.n == 0 && str_ends(host, STR(".oss-cn-shanghai.aliyuncs.com"));
}

/* Where the picture lies once it is stored; the scheme is the one we speak with them. */
static struct str object_url(const struct provider_job *j, bool whole, struct arena *a) {
    return arena_printf(a, "%s://%s.%s/%s", str_starts(str_z(j->base_url), STR("https:")) ? "https" : "http", provider_text(j->scratch, "Bucket"),
                        provider_text(j->scratch, "Endpoint"), whole ? provider_text(j->scratch, "ObjectKey") : "");
}

static int build_store(struct provider_job *j, const struct provider_moment *m, struct arena *a, struct provider_call *c, struct err *e) {
    const struct provider_field fields[] = {
        { "OSSAccessKeyId", provider_text(j->scratch, "AccessKeyId") }, { "policy", provider_text(j->scratch, "EncodedPolicy") },
        { "Signature", provider_text(j->scratch, "Signature") }, { "key", provider_text(j->scratch, "ObjectKey") }, { "success_action_status", "201" },
    };
    return provider_post_file(object_url(j, /* whole= */ false, a).p, fields, COUNT(fields), &j->in[j->uploaded], m, a, c, e);
}

static int build_upload(const struct viapi *g, struct provider_job *j, const struct provider_moment *m, struct arena *a, struct provider_call *c, struct err *e) {
    const struct sign_pair product[] = { { STR("Product"), STR("facebody") }, { STR("RegionId"), STR("cn-shanghai") } };
    for (; j->uploaded < j->n_in && lies_there(j->in[j->uploaded].link); j->uploaded++)
        j->in[j->uploaded].ref = j->in[j->uploaded].link;
    if (j->uploaded == j->n_in)
        return 0;
    if (j->scratch)
        return build_store(j, m, a, c, e);
    return provider_aliyun(g->upload_url, "GET", "AuthorizeFileUpload", "2019-12-19", product, COUNT(product), j, m, a, c, e);
}

static int build(const void *g, struct provider_job *j, enum provider_step step, const struct provider_moment *m, struct arena *a, struct provider_call *c,
                 struct err *e) {
    const struct provider_input *picture = provider_input_of(j, "picture");
    if (step == PROVIDER_UPLOAD)
        return build_upload(g, j, m, a, c, e);
    if (step != PROVIDER_SUBMIT)
        return 0;
    if (!picture)
        return err_set(e, ERR_BAD_INPUT, "a picture is needed");
    struct sign_pair url = { STR("ImageURL"), picture->ref };
    return provider_aliyun(j->base_url, "POST", arena_strz(a, j->model->model), "2019-12-30", &url, 1, j, m, a, c, e);
}

/* ---- what it says ---- */

static void parse_stored(struct provider_job *j, const struct provider_said *said, struct arena *a, struct provider_outcome *o) {
    bool stored = said->status == 201;
    struct str url = object_url(j, /* whole= */ true, a);
    json_decref(TAKE(j->scratch));                            /* each input, and each try, has a permission of its own */
    if (stored)
        provider_take_ref(j, url, o);
    else
        provider_unclear(o, "its store answers %d", said->status);
}

static void parse_permission(struct provider_job *j, json_t *body, struct provider_outcome *o) {
    static const char *const needed[] = { "AccessKeyId", "Bucket", "Endpoint", "EncodedPolicy", "ObjectKey", "Signature" };
    for (size_t i = 0; i < COUNT(needed); i++)
        if (!provider_text(body, needed[i])[0]) {
            provider_unclear(o, "a permission to upload without its %s", needed[i]);
            return;
        }
    j->scratch = json_incref(body);
    o->verdict = PROVIDER_GO_ON;
}

static void parse_result(struct provider_job *j, const json_t *body, struct provider_outcome *o) {
    const json_t *link = json_object_get(json_object_get(body, "Data"), "ImageURL");
    if (json_string_length(link)) {
        provider_take_result(j, link, o);
    } else {
        provider_failed(o, PROVIDER_ELSEWHERE, "it succeeded without a result");
        o->cost_microusd = model_cost_microusd(j->model, 1, 0);
    }
}

static void parse(const void *g, struct provider_job *j, enum provider_step step, const struct provider_said *said, struct arena *a, struct provider_outcome *o) {
    if (step == PROVIDER_UPLOAD && j->scratch) {
        parse_stored(j, said, a, o);
        return;
    }
    CLEANUP(json_unref) json_t *body = provider_json(said, o);
    if (!body || provider_aliyun_refused(said, body, o))
        return;
    if (step == PROVIDER_UPLOAD)
        parse_permission(j, body, o);
    else
        parse_result(j, body, o);
}

const struct provider provider_viapi = { .name = "viapi", .forms = forms, .open = read_settings, .close = free, .build = build, .parse = parse };
REMOTE_ENGINE(viapi);
