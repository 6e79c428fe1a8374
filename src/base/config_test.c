/* config_test.c - precedence, every type's edge values, and errors that name their place. */
#include "base/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/testing.h"

static const struct setting basics[] = {
    { "listen", SET_STR, "127.0.0.1:8080", 3, 20, "Where to listen." },
    { "net.idle_ms", SET_MS, "75s", 1000, 3600000, "Quiet connections are closed after this." },
    { "net.body_max", SET_BYTES, "64K", 1, INT64_C(4) << 30, "Largest body." },
    { "net.guard", SET_BOOL, "true", 0, 0, "Be strict." },
    { 0 },
};
static const struct setting others[] = {
    { "task.lease_s", SET_INT, "120", 10, 3600, "Seconds a worker owns a task." },
    { "task.score", SET_INT, "-3", -5, 5, "May be negative." },
    { "auth.key", SET_SECRET, NULL, 8, 16, "Signs sessions." },
    { "auth.motd", SET_STR, "say \"hi\" # ok", 0, 64, "Shown at sign-in." },
    { 0 },
};
static const struct setting *const tables[] = { basics, others, NULL };

/* Each test runs in a folder of its own, because ./zoetrope.yaml is looked for. */
struct place {
    char           dir[32];
    struct config *c;
    struct err     e;
    int            rest;
};

static int setup(void **state) {
    static struct place p;
    p = (struct place){ .dir = "/tmp/config-test-XXXXXX", .rest = -1 };
    *state = &p;
    return mkdtemp(p.dir) && chdir(p.dir) == 0 ? config_new(tables, &p.c, &p.e) : -1;
}

static int teardown(void **state) {
    struct place *p = *state;
    config_free(p->c);
    unlink("zoetrope.yaml");
    unlink("other.yaml");
    unlink("key");
    return chdir("/") == 0 && rmdir(p->dir) == 0 ? 0 : -1;
}

static void put(const char *path, const char *text) {
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0 && fclose(f) == 0);
}

/* argv and envp as NULL-ended lists; config_load() takes them as main() has them, but changes nothing */
static int load(struct place *p, const char **argv, const char **envp) {
    int argc = 0;
    while (argv[argc])
        argc++;
    return config_load(p->c, argc, (char **)(uintptr_t)argv, (char **)(uintptr_t)envp, &p->rest, &p->e);
}
#define LIST(...) ((const char *[]){ __VA_ARGS__ __VA_OPT__(,) NULL })

static void must(struct place *p, int r) {
    if (r < 0)
        fail_msg("%s", p->e.text);
}

static void defaults_stand_alone(void **state) {
    struct place *p = *state;
    must(p, load(p, LIST(), LIST()));
    check_z(config_str(p->c, "listen"), "127.0.0.1:8080");
    assert_int_equal(config_int(p->c, "net.idle_ms"), 75000);
    assert_int_equal(config_int(p->c, "net.body_max"), 65536);
    assert_true(config_bool(p->c, "net.guard"));
    assert_int_equal(config_int(p->c, "net.guard"), 1);
    assert_int_equal(config_int(p->c, "task.score"), -3);
    check_z(config_str(p->c, "auth.key"), "");
    check_z(config_where(p->c, "listen"), "default");
    assert_int_equal(p->rest, 0);
}

static void later_sources_win(void **state) {
    struct place *p = *state;
    put("zoetrope.yaml", "listen: file\nnet:\n  idle_ms: 2s\n  body_max: 2M\ntask.lease_s: 60\n");
    must(p, load(p, LIST("--listen=flag", "serve", "--listen=not-a-flag"),
                 LIST("HOME=/", "ZOETROPE_LISTEN=env", "ZOETROPE_NET_IDLE_MS=3s", "ZOETROPE_NET_IDLE=x=y")));
    check_z(config_str(p->c, "listen"), "flag");
    check_z(config_where(p->c, "listen"), "--listen");
    assert_int_equal(config_int(p->c, "net.idle_ms"), 3000);
    check_z(config_where(p->c, "net.idle_ms"), "ZOETROPE_NET_IDLE_MS");
    assert_int_equal(config_int(p->c, "net.body_max"), 2 << 20);
    check_z(config_where(p->c, "net.body_max"), "zoetrope.yaml:4");
    assert_int_equal(config_int(p->c, "task.lease_s"), 60);
    check_z(config_where(p->c, "task.lease_s"), "zoetrope.yaml:5");
    assert_true(config_bool(p->c, "net.guard"));
    check_z(config_where(p->c, "net.guard"), "default");
    assert_int_equal(p->rest, 1);
}

static void flags_take_both_forms(void **state) {
    struct place *p = *state;
    put("other.yaml", "listen: other\n");
    put("zoetrope.yaml", "listen: [not, looked, at]\n");
    must(p, load(p, LIST("--net.idle_ms", "4s", "--config", "other.yaml", "--net.guard=false", "--auth.motd=a=b", "--", "--listen=x"), LIST()));
    check_z(config_str(p->c, "listen"), "other");
    check_z(config_where(p->c, "listen"), "other.yaml:1");
    assert_int_equal(config_int(p->c, "net.idle_ms"), 4000);
    assert_false(config_bool(p->c, "net.guard"));
    check_z(config_str(p->c, "auth.motd"), "a=b");
    assert_int_equal(p->rest, 7);
}

static void bad_flags_are_named(void **state) {
    static const struct { const char *flag, *words; } bad[] = {
        { "--nothing=1", "--nothing: there is no such setting" }, { "--listen", "--listen: needs a value" },
        { "--config", "--config: needs a value" },               { "--config=missing.yaml", "missing.yaml: No such file" },
        { "--config=/", "/: Is a directory" },                    { "--task.lease_s=9", "--task.lease_s: task.lease_s: must be a whole number, 10 to 3600" },
        { "--auth.key=0123456789", "--auth.key: auth.key: is a secret: use the environment variable ZOETROPE_AUTH_KEY or ZOETROPE_AUTH_KEY_FILE" },
        { "--=x", "there is no such setting" },                   { "--Listen=abc", "--Listen: there is no such setting" },
    };
    struct place *p = *state;
    for (size_t i = 0; i < COUNT(bad); i++)
        check_err(load(p, LIST(bad[i].flag), LIST()), ERR_CONFIG, &p->e, bad[i].words);
}

static void bad_lines_are_named(void **state) {
    static const struct { const char *text, *words; } bad[] = {
        { "listen: a:1\n\nnest:\n  idle: 1\n", "z.yaml:3: nest: there is no such setting" },
        { "net:\n  idle: 75s\n", "z.yaml:2: net.idle: there is no such setting; did you mean net.idle_ms?" },
        { "net:\n  idle_ms:\n    x: 1\n", "z.yaml:2: net.idle_ms: must be one value" },
        { "net: 5\n", "z.yaml:1: net: is a group of settings" },
        { "net: [idle_ms]\n", "z.yaml:1: net: is a group of settings" },
        { "listen: [a]\n", "z.yaml:1: listen: must be one value" },
        { "listen:\n", "z.yaml:1: listen: has no value" },
        { "task:\n  lease_s: 9\n", "z.yaml:2: task.lease_s: must be a whole number, 10 to 3600" },
        { "task:\n  lease_s: 3601\n", "z.yaml:2: task.lease_s" },
        { "task:\n  lease_s: 1e2\n", "z.yaml:2: task.lease_s" },
        { "net:\n  guard: yes\n", "z.yaml:2: net.guard: must be true or false" },
        { "net:\n  idle_ms: 75\n", "z.yaml:2: net.idle_ms: must be a duration such as 500ms, 5s or 24h, 1000 to 3600000 ms" },
        { "net:\n  body_max: 5G\n", "z.yaml:2: net.body_max: must be a size such as 64K or 2M, 1 to 4294967296 bytes" },
        { "listen: ab\n", "z.yaml:1: listen: must be text, 3 to 20 bytes" },
        { "listen: \"abc\\n\"\n", "z.yaml:1: listen: must be text" },
        { "auth:\n  key: \"0123456789\"\n", "z.yaml:2: auth.key: is a secret" },
        { "net.idle_ms: 5s\nnet:\n  idle_ms: 6s\n", "z.yaml:3: net.idle_ms: was set before, at z.yaml:1" },
        { "- listen\n", "z.yaml:1: must be a map" },
        { "just words\n", "z.yaml:1: must be a map" },
        { "listen: a\nlisten: b\n", "z.yaml:2: 'listen' stands here twice" },
        { "\"\": 1\n", "z.yaml:1: : there is no such setting" },
        { "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa: 1\n", "z.yaml:1:" },
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct config *c = NULL;
        struct err e = { 0 };
        assert_int_equal(config_new(tables, &c, &e), 0);
        check_err(config_load_file(c, str_z(bad[i].text), "z.yaml", &e), ERR_CONFIG, &e, bad[i].words);
        config_free(c);
    }
}

static void empty_sections_are_fine(void **state) {
    struct place *p = *state;
    must(p, config_load_file(p->c, STR("net:\n#  idle_ms: 5s\ntask: {}\nauth: ~\nlisten: \"   \"\n"), "z.yaml", &p->e));
    check_z(config_str(p->c, "listen"), "   ");
}

static void sizes_and_durations_have_units(void **state) {
    static const struct { const char *name, *text; int64_t want; } good[] = {
        { "net.body_max", "1", 1 },           { "net.body_max", "64K", 65536 },    { "net.body_max", "2M", 2097152 },
        { "net.body_max", "4G", 4294967296 }, { "net.idle_ms", "1000ms", 1000 },   { "net.idle_ms", "5s", 5000 },
        { "net.idle_ms", "2m", 120000 },      { "net.idle_ms", "1h", 3600000 },    { "task.lease_s", "0010", 10 },
        { "task.score", "-5", -5 },
    };
    static const struct { const char *name, *text; } bad[] = {
        { "net.body_max", "" },   { "net.body_max", "K" },    { "net.body_max", "0" },    { "net.body_max", "1k" },  { "net.body_max", "1KB" },
        { "net.body_max", "-1" }, { "net.body_max", "1.5K" }, { "net.body_max", " 1K" },  { "net.body_max", "1 K" }, { "net.body_max", "4294967297" },
        { "net.body_max", "17179869185G" /* wraps to 1G */ }, { "net.body_max", "99999999999999999999" },            { "net.idle_ms", "1000" },
        { "net.idle_ms", "0" },   { "net.idle_ms", "999ms" }, { "net.idle_ms", "1d" },    { "net.idle_ms", "5S" },   { "net.idle_ms", "5s5" },
        { "task.score", "-6" },   { "task.score", "" },       { "net.guard", "1" },       { "net.guard", "TRUE" },   { "listen", "\xFF\xFF\xFF" },
        { "task.lease_s", "9007199254740993" },               { "task.lease_s", "1e400" },{ "task.lease_s", "-1" },
        { "listen", "123456789012345678901" },                { "none", "1" },
    };
    struct place *p = *state;
    for (size_t i = 0; i < COUNT(good); i++) {
        must(p, config_set(p->c, good[i].name, str_z(good[i].text), "test", &p->e));
        assert_true(config_int(p->c, good[i].name) == good[i].want);
    }
    for (size_t i = 0; i < COUNT(bad); i++)
        check_err(config_set(p->c, bad[i].name, str_z(bad[i].text), "test", &p->e), ERR_CONFIG, &p->e, "test: ");
    assert_int_equal(config_int(p->c, "net.idle_ms"), 3600000);  /* the last good value stays */
}

static void secrets_come_from_environment_or_file(void **state) {
    struct place *p = *state;
    must(p, load(p, LIST(), LIST("ZOETROPE_AUTH_KEY=from-env-0")));
    check_z(config_str(p->c, "auth.key"), "from-env-0");
    config_free(p->c);
    must(p, config_new(tables, &p->c, &p->e));
    put("key", "from-file-0\r\n\n");
    must(p, load(p, LIST(), LIST("ZOETROPE_AUTH_KEY_FILE=key")));
    check_z(config_str(p->c, "auth.key"), "from-file-0");
    check_z(config_where(p->c, "auth.key"), "ZOETROPE_AUTH_KEY_FILE");
}

static void bad_secrets_are_named_but_not_shown(void **state) {
    struct place *p = *state;
    put("key", "much-too-long-for-a-key\n");
    check_err(load(p, LIST(), LIST("ZOETROPE_AUTH_KEY_FILE=key")), ERR_CONFIG, &p->e, "ZOETROPE_AUTH_KEY_FILE: auth.key: must be text, 8 to 16");
    assert_null(strstr(p->e.text, "much-too"));
    check_err(load(p, LIST(), LIST("ZOETROPE_AUTH_KEY=short")), ERR_CONFIG, &p->e, "ZOETROPE_AUTH_KEY: auth.key: must be text, 8 to 16");
    assert_null(strstr(p->e.text, "short"));
    check_err(load(p, LIST(), LIST("ZOETROPE_AUTH_KEY_FILE=gone")), ERR_CONFIG, &p->e, "ZOETROPE_AUTH_KEY_FILE: gone: No such file");
    check_err(load(p, LIST(), LIST("ZOETROPE_AUTH_KEY_FILE=/dev/zero")), ERR_CONFIG, &p->e, "larger than 65536");
    put("key", "good-key");
    check_err(load(p, LIST(), LIST("ZOETROPE_AUTH_KEY_FILE=key", "ZOETROPE_AUTH_KEY=good-key")), ERR_CONFIG, &p->e, "ZOETROPE_AUTH_KEY is set too");
}

static void bad_variables_are_named(void **state) {
    struct place *p = *state;
    check_err(load(p, LIST(), LIST("ZOETROPE_TASK_LEASE_S=ten")), ERR_CONFIG, &p->e, "ZOETROPE_TASK_LEASE_S: task.lease_s: must be a whole number");
    check_err(load(p, LIST(), LIST("ZOETROPE_NET_GUARD=")), ERR_CONFIG, &p->e, "ZOETROPE_NET_GUARD: net.guard: must be true or false");
}

static void unknown_variables_are_ignored_aloud(void **state) {
    struct place *p = *state;
    int ends[2];
    char said[1000] = "";
    assert_int_equal(pipe(ends), 0);
    log_setup(ends[1], LOG_INFO);
    must(p, load(p, LIST(), LIST("ZOETROPE_PORT=tcp://10.0.0.1:80", "ZOETROPE_LISTEN_FILE=x", "ZOETROPE_MIRROR=/m", "ZOETROPE_FAILPOINT=", "zoetrope_listen=y")));
    log_setup(2, LOG_INFO);
    close(ends[1]);
    assert_true(read(ends[0], said, sizeof(said) - 1) > 0);
    close(ends[0]);
    const char *first = strstr(said, "\"ev\":\"config.unknown_variable_ignored\",\"name\":\"ZOETROPE_PORT\"}\n");
    assert_non_null(first);
    const char *second = strstr(first, "\"name\":\"ZOETROPE_LISTEN_FILE\"}\n");
    assert_non_null(second);
    assert_string_equal(strchr(second, '\n'), "\n");             /* and nothing else */
    assert_null(strstr(said, "tcp"));
}

static void unreadable_file_is_no_missing_file(void **state) {
    struct place *p = *state;
    assert_int_equal(mkdir("zoetrope.yaml", 0700), 0);
    check_err(load(p, LIST(), LIST()), ERR_CONFIG, &p->e, "zoetrope.yaml: Is a directory");
    assert_int_equal(rmdir("zoetrope.yaml"), 0);
}

static void example_loads_and_changes_nothing(void **state) {
    struct place *p = *state;
    BUF_CLEANUP struct buf b;
    buf_init(&b, 100000);
    config_write_example(p->c, &b);
    assert_false(b.failed);
    must(p, config_load_file(p->c, buf_str(&b), "example", &p->e));
    assert_int_equal(config_int(p->c, "net.idle_ms"), 75000);
    assert_int_equal(config_int(p->c, "net.body_max"), 65536);
    assert_int_equal(config_int(p->c, "task.score"), -3);
    check_z(config_str(p->c, "auth.motd"), "say \"hi\" # ok");
    check_z(config_str(p->c, "auth.key"), "");
    assert_true(str_starts(str_z(config_where(p->c, "auth.motd")), STR("example:")));
    assert_non_null(strstr(b.p, "\nnet:\n  # Quiet connections are closed after this. (1s to 1h)\n  idle_ms: 75s\n"));
    assert_non_null(strstr(b.p, "# Largest body. (1 to 4G)\n  body_max: 64K\n"));
    assert_non_null(strstr(b.p, "never in this file: ZOETROPE_AUTH_KEY, or ZOETROPE_AUTH_KEY_FILE"));
    assert_null(strstr(b.p, "\n  key:"));
    buf_reset(&b);
    config_write_help(p->c, &b);
    assert_non_null(strstr(b.p, "  --task.lease_s=120\n        Seconds a worker owns a task.\n"));
    assert_null(strstr(b.p, "auth.key"));
}

static void wrong_tables_are_found(void **state) {
    static const struct setting bad[][3] = {
        { { "a", SET_INT, "11", 0, 10, "" } },
        { { "a", SET_INT, NULL, 0, 10, "" } },
        { { "a.b_c", SET_BOOL, "true", 0, 0, "" }, { "a_b.c", SET_BOOL, "true", 0, 0, "" } },
        { { "Upper", SET_BOOL, "true", 0, 0, "" } },
        { { "config", SET_BOOL, "true", 0, 0, "" } },
        { { "", SET_BOOL, "true", 0, 0, "" } },
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct config *c = NULL;
        struct err e = { 0 };
        const struct setting *const list[] = { bad[i], NULL };
        check_err(config_new(list, &c, &e), ERR_CONFIG, &e, "");
        assert_null(c);
    }
}

int main(void) {
#define EACH(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        EACH(defaults_stand_alone),
        EACH(later_sources_win),
        EACH(flags_take_both_forms),
        EACH(bad_flags_are_named),
        EACH(bad_lines_are_named),
        EACH(empty_sections_are_fine),
        EACH(sizes_and_durations_have_units),
        EACH(secrets_come_from_environment_or_file),
        EACH(bad_secrets_are_named_but_not_shown),
        EACH(bad_variables_are_named),
        EACH(unknown_variables_are_ignored_aloud),
        EACH(unreadable_file_is_no_missing_file),
        EACH(example_loads_and_changes_nothing),
        EACH(wrong_tables_are_found),
    };
    return RUN(tests);
}
