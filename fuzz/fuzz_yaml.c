/* fuzz_yaml.c - any bytes as a settings file: parsed to a tree, written as JSON, and loaded into a table of settings. */
#include "base/config.h"
#include "base/json.h"
#include "base/yaml.h"

#include "fuzz.h"

static const struct setting settings[] = {
    { "listen", SET_STR, "127.0.0.1:8080", 3, 64, "Where to listen." },
    { "net.idle_ms", SET_MS, "75s", 1000, 3600000, "Quiet connections are closed after this." },
    { "net.body_max", SET_BYTES, "64K", 1, 1 << 30, "Largest body." },
    { "net.guard", SET_BOOL, "true", 0, 0, "Be strict." },
    { "task.lease_s", SET_INT, "120", 10, 3600, "Seconds a worker owns a task." },
    { "auth.key", SET_SECRET, "", 8, 64, "Signs sessions." },
    { 0 },
};
static const struct setting *const tables[] = { settings, NULL };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    struct str text = { (const char *)data, n };
    struct err e;
    CLEANUP(arena_free) struct arena *a = arena_new(8 << 20);
    struct yaml *root;
    if (yaml_parse(a, text, "fuzz.yaml", &root, &e) == 0) {
        BUF_CLEANUP struct buf b;
        buf_init(&b, 8 << 20);
        yaml_to_json(root, &b);
        CLEANUP(json_unref) json_t *j = NULL;
        if (b.failed || json_read(buf_str(&b), &j, &e) < 0)
            __builtin_trap();                  /* every tree is JSON that our own reader takes */
    }
    CLEANUP(config_free) struct config *c = NULL;
    if (config_new(tables, &c, &e) < 0)
        __builtin_trap();
    if (config_load_file(c, text, "fuzz.yaml", &e) == 0 && config_str(c, "auth.key")[0])
        __builtin_trap();                      /* no file may set a secret */
    return 0;
}
