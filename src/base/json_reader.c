/*
 * json_reader.c - JSON in: jansson behind a scan of our own.
 * The scan comes first because jansson recurses up to 2,048 levels and allocates as it goes: depth and number of values are
 * known to be small before it sees the text. The scan is no parser: what is not JSON it lets through, and jansson refuses.
 */
#include "base/json.h"

static struct str skip_string(struct str s) {
    s.p++, s.n--;                              /* the opening quote */
    while (s.n && s.p[0] != '"') {
        size_t step = s.p[0] == '\\' && s.n > 1 ? 2 : 1;
        s.p += step, s.n -= step;
    }
    if (s.n)
        s.p++, s.n--;
    return s;
}

static int check_size(struct str s, struct err *e) {
    size_t depth = 0, nodes = 1;
    while (s.n) {
        char c = s.p[0];
        if (c == '"') {
            s = skip_string(s);
            continue;
        }
        if ((c == '[' || c == '{') && ++depth > JSON_DEPTH_MAX)
            return err_set(e, ERR_BAD_JSON, "nested deeper than %d levels", JSON_DEPTH_MAX);
        if ((c == ']' || c == '}') && depth > 0)
            depth--;
        if ((c == '[' || c == '{' || c == ',') && ++nodes > JSON_NODES_MAX)
            return err_set(e, ERR_BAD_JSON, "more than %d values", JSON_NODES_MAX);
        s.p++, s.n--;
    }
    return 0;
}

int json_read(struct str text, json_t **ret_j, struct err *e) {
    int r = check_size(text, e);
    if (r < 0)
        return r;
    json_error_t why;
    json_t *j = json_loadb(text.p ? text.p : "", text.n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
    if (!j) {
        /* jansson ends with "near '<words of the text>'": those stay out of answers and logs */
        struct str said = str_z(why.text);
        const char *near = memmem(said.p, said.n, " near '", 7);
        if (near)
            said.n = (size_t)(near - said.p);
        return err_set(e, ERR_BAD_JSON, "line %d, column %d: %.*s", why.line, why.column, STR_ARG(said));
    }
    *ret_j = j;
    return 0;
}
