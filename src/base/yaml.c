/*
 * yaml.c - libyaml's events into a tree.
 * Anchors, tags and second documents are refused: they let a small file mean a big one, or one thing look like another.
 */
#include "base/yaml.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <yaml.h>

#include "base/buf.h"
#include "base/json.h"

#define TEXT_MAX ((size_t)1 << 20)
#define DEPTH_MAX 16
#define NODES_MAX 20000

struct reader {
    yaml_parser_t parser;
    yaml_event_t  event;                       /* the newest; empty after it was freed */
    struct arena *arena;
    const char   *name;
    struct err   *e;
    int           nodes;
};

static void event_drop(struct reader *r) {
    yaml_event_delete(&r->event);
    memset(&r->event, 0, sizeof(r->event));
}

static void reader_done(struct reader *r) {
    event_drop(r);
    yaml_parser_delete(&r->parser);
}

static int event_line(const struct reader *r) { return (int)r->event.start_mark.line + 1; }

static int refuse(const struct reader *r, int line, const char *what) {
    return err_set(r->e, ERR_CONFIG, "%s:%d: %s", r->name, line, what);
}

static int event_next(struct reader *r) {
    event_drop(r);
    if (yaml_parser_parse(&r->parser, &r->event))
        return 0;
    const char *what = r->parser.problem ? r->parser.problem : "cannot be read";
    /* Encoding errors know no line, only an offset in bytes; the mark is then where reading stopped. */
    size_t line = r->parser.problem_mark.line ? r->parser.problem_mark.line : r->parser.mark.line;
    if (strstr(what, "cannot start any token"))
        return err_set(r->e, ERR_CONFIG, "%s:%d: %s (a tab? YAML indents with spaces)", r->name, (int)line + 1, what);
    return refuse(r, (int)line + 1, what);
}

static int refuse_extras(const struct reader *r, const yaml_char_t *anchor, const yaml_char_t *tag) {
    if (anchor)
        return refuse(r, event_line(r), "anchors are not used here");
    if (tag)
        return refuse(r, event_line(r), "tags are not used here");
    return 0;
}

static int compare_keys(const void *a, const void *b) {
    const struct yaml *const *x = a, *const *y = b;
    size_t n = (*x)->key.n < (*y)->key.n ? (*x)->key.n : (*y)->key.n;
    int order = memcmp((*x)->key.p, (*y)->key.p, n);
    if (order == 0)
        order = ((*x)->key.n > (*y)->key.n) - ((*x)->key.n < (*y)->key.n);
    return order ? order : ((*x)->line > (*y)->line) - ((*x)->line < (*y)->line);
}

/* By sorting: a file of 10,000 equal-length keys must not cost 50 million comparisons. */
static int refuse_duplicates(const struct reader *r, const struct yaml *map) {
    if (map->n < 2)
        return 0;
    const struct yaml **all = malloc(map->n * sizeof(*all));
    if (!all)
        abort();
    size_t n = 0;
    for (const struct yaml *c = map->child; c; c = c->next)
        all[n++] = c;
    qsort(all, n, sizeof(*all), compare_keys);
    int result = 0;
    for (size_t i = 1; i < n && result == 0; i++)
        if (str_eq(all[i - 1]->key, all[i]->key))
            result = err_set(r->e, ERR_CONFIG, "%s:%d: '%.*s' stands here twice", r->name, all[i]->line, STR_ARG(all[i]->key));
    free(all);
    return result;
}

static int too_large(const struct reader *r) {
    return err_set(r->e, ERR_TOO_BIG, "%s:%d: larger than the memory set aside for it", r->name, event_line(r));
}

static int scalar_text(struct reader *r, struct str *ret_text) {
    struct str s = { (const char *)r->event.data.scalar.value, r->event.data.scalar.length };
    if (s.n && memchr(s.p, 0, s.n))
        return refuse(r, event_line(r), "text must not hold a NUL");
    char *p = arena_try(r->arena, s.n + 1);
    if (!p)
        return too_large(r);
    memcpy(p, s.p, s.n);
    *ret_text = (struct str){ p, s.n };
    return 0;
}

static int read_node(struct reader *r, int depth, struct yaml **ret_node);

/* Everything up to the end event of the list or map `node`. */
static int read_children(struct reader *r, struct yaml *node, yaml_event_type_t end, int depth) {
    struct yaml **tail = &node->child;
    for (;;) {
        struct str key = STR_NULL;
        int x = event_next(r);
        if (x < 0)
            return x;
        if (r->event.type == end)
            return node->kind == YAML_MAP ? refuse_duplicates(r, node) : 0;
        int line = event_line(r);
        if (node->kind == YAML_MAP) {
            if (r->event.type != YAML_SCALAR_EVENT)
                return refuse(r, line, "a key must be plain text");
            x = refuse_extras(r, r->event.data.scalar.anchor, r->event.data.scalar.tag);
            if (x >= 0)
                x = scalar_text(r, &key);
            if (x >= 0)
                x = event_next(r);
            if (x < 0)
                return x;
        }
        struct yaml *child;
        x = read_node(r, depth + 1, &child);
        if (x < 0)
            return x;
        child->key = key;
        if (node->kind == YAML_MAP)
            child->line = line;                /* the line of the key is the one to point at */
        *tail = child;
        tail = &child->next;
        node->n++;
    }
}

/* The node that begins with the present event. */
static int read_node(struct reader *r, int depth, struct yaml **ret_node) {
    int line = event_line(r), x;
    if (depth > DEPTH_MAX)
        return refuse(r, line, "nested too deeply");
    if (++r->nodes > NODES_MAX)
        return refuse(r, line, "too many entries");
    struct yaml *node = arena_try(r->arena, sizeof(*node));
    if (!node)
        return too_large(r);
    node->line = line;
    switch (r->event.type) {
    case YAML_SCALAR_EVENT:
        node->kind = YAML_SCALAR;
        node->plain = r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
        x = refuse_extras(r, r->event.data.scalar.anchor, r->event.data.scalar.tag);
        if (x >= 0)
            x = scalar_text(r, &node->text);
        break;
    case YAML_SEQUENCE_START_EVENT:
        node->kind = YAML_LIST;
        x = refuse_extras(r, r->event.data.sequence_start.anchor, r->event.data.sequence_start.tag);
        if (x >= 0)
            x = read_children(r, node, YAML_SEQUENCE_END_EVENT, depth);
        break;
    case YAML_MAPPING_START_EVENT:
        node->kind = YAML_MAP;
        x = refuse_extras(r, r->event.data.mapping_start.anchor, r->event.data.mapping_start.tag);
        if (x >= 0)
            x = read_children(r, node, YAML_MAPPING_END_EVENT, depth);
        break;
    default:
        x = refuse(r, line, "aliases are not used here");
    }
    if (x >= 0)
        *ret_node = node;
    return x;
}

static int read_stream(struct reader *r, struct yaml **ret_root) {
    struct yaml *root = NULL;
    int x = event_next(r);                     /* stream start */
    if (x >= 0)
        x = event_next(r);                     /* document start, or the end of an empty stream */
    if (x >= 0 && r->event.type == YAML_STREAM_END_EVENT) {
        root = arena_try(r->arena, sizeof(*root));
        if (!root)
            return too_large(r);
        *root = (struct yaml){ .kind = YAML_MAP, .line = 1 };
        *ret_root = root;
        return 0;
    }
    if (x >= 0)
        x = event_next(r);
    if (x >= 0)
        x = read_node(r, 1, &root);
    if (x >= 0)
        x = event_next(r);                     /* document end */
    if (x >= 0)
        x = event_next(r);
    if (x >= 0 && r->event.type != YAML_STREAM_END_EVENT)
        x = refuse(r, event_line(r), "a second document");
    if (x >= 0)
        *ret_root = root;
    return x;
}

int yaml_parse(struct arena *a, struct str text, const char *name, struct yaml **ret_root, struct err *e) {
    struct reader r = { .arena = a, .name = name, .e = e };
    if (text.n > TEXT_MAX)
        return err_set(e, ERR_CONFIG, "%s: larger than 1 MiB", name);
    if (!yaml_parser_initialize(&r.parser))
        abort();
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)(text.p ? text.p : ""), text.n);
    int x = read_stream(&r, ret_root);
    reader_done(&r);
    return x;
}

const struct yaml *yaml_get(const struct yaml *map, const char *key) {
    if (!map || map->kind != YAML_MAP)
        return NULL;
    for (const struct yaml *c = map->child; c; c = c->next)
        if (str_eqz(c->key, key))
            return c;
    return NULL;
}

int yaml_int(const struct yaml *n, int64_t min, int64_t max, int64_t *ret_v, struct err *e) {
    if (n->kind == YAML_SCALAR && n->plain && str_int(n->text, min, max, ret_v) == 0)
        return 0;
    return err_set(e, ERR_CONFIG, "line %d: %.*s: must be a whole number from %" PRId64 " to %" PRId64, n->line, STR_ARG(n->key), min, max);
}

int yaml_bool(const struct yaml *n, bool *ret_v, struct err *e) {
    bool yes = str_eq(n->text, STR("true")), no = str_eq(n->text, STR("false"));
    if (n->kind != YAML_SCALAR || !n->plain || !(yes || no))
        return err_set(e, ERR_CONFIG, "line %d: %.*s: must be true or false", n->line, STR_ARG(n->key));
    *ret_v = yes;
    return 0;
}

static size_t digits(struct str s, size_t i) {
    size_t n = 0;
    while (i + n < s.n && s.p[i + n] >= '0' && s.p[i + n] <= '9')
        n++;
    return n;
}

/* The number grammar of RFC 8259: no leading zeros, no '+', digits on both sides of the point. */
static bool is_json_number(struct str s) {
    size_t i = s.n && s.p[0] == '-', n = digits(s, i);
    if (n == 0 || (n > 1 && s.p[i] == '0'))
        return false;
    i += n;
    if (i < s.n && s.p[i] == '.') {
        n = digits(s, i + 1);
        if (n == 0)
            return false;
        i += 1 + n;
    }
    if (i < s.n && (s.p[i] == 'e' || s.p[i] == 'E')) {
        i++;
        if (i < s.n && (s.p[i] == '+' || s.p[i] == '-'))
            i++;
        n = digits(s, i);
        if (n == 0)
            return false;
        i += n;
    }
    return i == s.n;
}

/* May it stand in JSON as a number? What json_read() would call out of range stays text. */
static bool is_number(struct str s) {
    int64_t whole;
    if (!is_json_number(s))
        return false;
    return strcspn(s.p, ".eE") == s.n ? str_int(s, INT64_MIN, INT64_MAX, &whole) == 0 : isfinite(strtod(s.p, NULL));
}

static void write_scalar(const struct yaml *n, struct jw *w) {
    struct str s = n->text;
    if (!n->plain)
        jw_str(w, s);
    else if (s.n == 0 || str_eq(s, STR("~")) || str_eq(s, STR("null")))
        jw_null(w);
    else if (str_eq(s, STR("true")) || str_eq(s, STR("false")) || is_number(s))
        jw_raw(w, s);
    else
        jw_str(w, s);
}

static void write_node(const struct yaml *n, struct jw *w) {
    if (n->kind == YAML_SCALAR) {
        write_scalar(n, w);
        return;
    }
    n->kind == YAML_MAP ? jw_obj(w) : jw_arr(w);
    for (const struct yaml *c = n->child; c; c = c->next) {
        if (n->kind == YAML_MAP)
            jw_key(w, c->key.p);
        write_node(c, w);
    }
    n->kind == YAML_MAP ? jw_end_obj(w) : jw_end_arr(w);
}

void yaml_to_json(const struct yaml *n, struct buf *out) {
    struct jw w;
    jw_init(&w, out);
    write_node(n, &w);
}
