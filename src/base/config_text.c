/* config_text.c - the table as a manual: the example file and --help. */
#include "base/config.h"

#include <inttypes.h>

#include "base/config_table.h"
#include "base/json.h"

/* A number in the largest unit that divides it: 65536 -> "64K". */
static void add_scaled(struct buf *out, int64_t v, const struct config_unit *units) {
    while (units[1].name && (v == 0 || v % units->factor != 0))
        units++;
    buf_printf(out, "%" PRId64 "%s", v / units->factor, v == 0 ? "" : units->name);
}

static void add_number(struct buf *out, const struct setting *s, int64_t v) {
    if (s->type == SET_BYTES)
        add_scaled(out, v, config__bytes_units);
    else if (s->type == SET_MS)
        add_scaled(out, v, config__ms_units);
    else
        buf_add_int(out, v);
}

static void add_range(struct buf *out, const struct setting *s) {
    if (s->type == SET_BOOL) {
        buf_add_z(out, "true or false");
    } else if (s->type == SET_STR || s->type == SET_SECRET) {
        buf_printf(out, "text of %" PRId64 " to %" PRId64 " bytes", s->min, s->max);
    } else {
        add_number(out, s, s->min);
        buf_add_z(out, " to ");
        add_number(out, s, s->max);
    }
}

/* "net.idle_ms" -> "net"; "listen" -> "". */
static struct str section_of(const struct setting *s) {
    const char *dot = strrchr(s->name, '.');
    return (struct str){ s->name, dot ? (size_t)(dot - s->name) : 0 };
}

static void add_entry(struct buf *out, const struct setting *s) {
    struct str section = section_of(s);
    const char *indent = section.n ? "  " : "";
    buf_printf(out, "%s# %s (", indent, s->help ? s->help : "");
    add_range(out, s);
    buf_add_z(out, ")\n");
    if (s->type == SET_SECRET) {
        char env[CONFIG_ENV_MAX];
        config__env_name(s, env);
        buf_printf(out, "%s# secret, never in this file: %s, or %s_FILE with the name of a file\n", indent, env, env);
        return;
    }
    buf_printf(out, "%s%s: ", indent, s->name + section.n + (section.n ? 1 : 0));
    if (s->type == SET_STR) {
        struct jw w;                           /* a JSON string is a YAML string too */
        jw_init(&w, out);
        jw_str(&w, str_z(s->def ? s->def : ""));
    } else {
        buf_add_z(out, s->def);
    }
    buf_add_c(out, '\n');
}

static bool seen_before(const struct config *c, size_t i) {
    for (size_t k = 0; k < i; k++)
        if (str_eq(section_of(c->values[k].set), section_of(c->values[i].set)))
            return true;
    return false;
}

static void add_section(const struct config *c, struct str section, struct buf *out) {
    if (section.n)
        buf_printf(out, "\n%.*s:\n", STR_ARG(section));
    for (size_t i = 0; i < c->n; i++)
        if (str_eq(section_of(c->values[i].set), section))
            add_entry(out, c->values[i].set);
}

void config_write_example(const struct config *c, struct buf *out) {
    buf_add_z(out, "# Every setting of zoetrope, at its default. Made from the tables in the source: do not edit here.\n"
                   "# Looked for as --config FILE, then ./zoetrope.yaml, then /etc/zoetrope/zoetrope.yaml.\n"
                   "# Later ones win: defaults < this file < environment < flags. A setting net.idle_ms is also\n"
                   "# ZOETROPE_NET_IDLE_MS and --net.idle_ms=75s. Sizes: 10, 64K, 2M, 1G. Durations: 500ms, 5s, 2m, 24h, 30d.\n\n");
    add_section(c, STR(""), out);
    for (size_t i = 0; i < c->n; i++)
        if (section_of(c->values[i].set).n && !seen_before(c, i))
            add_section(c, section_of(c->values[i].set), out);
}

void config_write_help(const struct config *c, struct buf *out) {
    for (size_t i = 0; i < c->n; i++) {
        const struct setting *s = c->values[i].set;
        if (s->type != SET_SECRET)
            buf_printf(out, "  --%s=%s\n        %s\n", s->name, s->def ? s->def : "", s->help ? s->help : "");
    }
}
