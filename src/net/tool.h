/*
 * net/tool.h - what the programs have in common that put a room's functions at the hand of scripts (JSON lines in, JSON lines out). Built with the tests
 * only.  Used by: *_tool.c.
 */
#ifndef ZT_NET_TOOL_H
#define ZT_NET_TOOL_H

#include "base/config.h"
#include "base/crypto.h"
#include "base/json.h"
#include "net/client.h"

/* The headers of a message that a script wrote as an object (from); STR_NULL when absent. */
static inline struct str tool_header(const void *from, const char *name) {
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)from, key, v)
        if (str_ieq(str_z(key), str_z(name)))
            return (struct str){ json_string_value(v), json_string_length(v) };
    return STR_NULL;
}

/* Settings from flags and environment, as the server reads them, and a client by them. The caller frees both, also after an error. */
static inline int tool_open(const struct setting *const *tables, int argc, char **argv, char **env, struct config **ret_cfg, struct http_client **ret_http,
                            struct err *e) {
    struct http_client_conf conf;
    int rest, r = crypto_setup(e);
    if (r < 0 || (r = config_new(tables, ret_cfg, e)) < 0 || (r = config_load(*ret_cfg, argc - 1, argv + 1, env, &rest, e)) < 0)
        return r;
    http_client_conf_from(*ret_cfg, &conf);
    return http_client_new(&conf, ret_http, e);
}

#endif
