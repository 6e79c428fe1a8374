/* template.c - reads template.yaml and checks that the files it names are there. */
#include "studio/catalogue.h"
#include "base/field.h"

#include <sys/stat.h>

#include "base/json.h"

#define THUMB_BYTES_MAX (256 * 1024)
#define FILE_BYTES_MAX  (32 * 1024 * 1024)

struct template_file {
    struct studio_template t;
    const struct yaml     *files;
    struct str             data_name;
};
#define AT(member) offsetof(struct template_file, member)

static const struct field template_fields[] = {
    { "template", FIELD_NAME, true, 0, 0, AT(t.name) },
    { "version", FIELD_INT, true, 1, 1000 * 1000, AT(t.version) },
    { "order", FIELD_INT, false, 0, 1000, AT(t.order) },
    { "title", FIELD_TEXT, true, 0, 0, AT(t.title) },
    { "tags", FIELD_NAMES, true, 1, 16, AT(t.tags) },
    { "licence", FIELD_STR, true, 1, 200, AT(t.licence) },
    { "thumb", FIELD_FILE, true, 0, 0, AT(t.thumb) },
    { "files", FIELD_LIST, false, 0, 4, AT(files) },
    { "data", FIELD_FILE, false, 0, 0, AT(data_name) },
    { 0 },
};

static int check_file(struct arena *a, const char *path, const struct yaml *n, const char *dir, struct str name, int64_t bytes_max,
                      struct err *e) {
    struct stat st;
    if (stat(arena_printf(a, "%s/%.*s", dir, STR_ARG(name)).p, &st) < 0 || !S_ISREG(st.st_mode))
        return field_wrong(path, n, e, "there is no file %.*s beside it", STR_ARG(name));
    if (st.st_size == 0 || st.st_size > bytes_max)
        return field_wrong(path, n, e, "%.*s must have 1 to %lld bytes", STR_ARG(name), (long long)bytes_max);
    return 0;
}

static int read_data(struct arena *a, const char *dir, struct str name, struct str *ret_json, struct err *e) {
    const char *path = arena_printf(a, "%s/%.*s", dir, STR_ARG(name)).p;
    CLEANUP(json_unref) json_t *j = NULL;
    int r = field_read_file(a, path, STUDIO__FILE_MAX, ret_json, e);
    if (r < 0)
        return r;
    struct err why = { 0 };
    if (json_read(*ret_json, &j, &why) < 0 || !json_is_object(j))
        return err_set(e, ERR_CONFIG, "%s: must be one JSON object: %s", path, why.text);
    return 0;
}

int studio__template_read(struct arena *a, const char *dir, struct str name, struct studio_template *ret, struct err *e) {
    const char *path = arena_printf(a, "%s/template.yaml", dir).p;
    struct str text;
    struct yaml *root;
    struct template_file f = { .t.data = STR("{}"), .t.order = 100, .t.dir = str_z(dir) };
    int r = field_read_file(a, path, STUDIO__FILE_MAX, &text, e);
    if (r < 0 || (r = yaml_parse(a, text, path, &root, e)) < 0 || (r = field_bind(a, path, template_fields, root, &f, e)) < 0 ||
        (r = check_file(a, path, yaml_get(root, "thumb"), dir, f.t.thumb, THUMB_BYTES_MAX, e)) < 0)
        return r;
    if (!str_eq(f.t.name, name))
        return field_wrong(path, yaml_get(root, "template"), e, "template must be named like its folder, %.*s", STR_ARG(name));
    for (const struct yaml *n = f.files ? f.files->child : NULL; n; n = n->next) {
        struct str *file = &f.t.files[f.t.n_files++];
        if ((r = field_name_of(path, n, /* is_file= */ true, file, e)) < 0 ||
            (r = check_file(a, path, n, dir, *file, FILE_BYTES_MAX, e)) < 0)
            return r;
    }
    if (f.data_name.n && (r = read_data(a, dir, f.data_name, &f.t.data, e)) < 0)
        return r;
    *ret = f.t;
    return 0;
}
