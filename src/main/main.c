/* main.c - commands, settings, help. Start-up order is in serve.c. */
#include <stdio.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/failpoint.h"
#include "base/id.h"
#include "base/log.h"
#include "main/commands.h"

extern char **environ;

const struct command main_commands[] = {
    { "serve", "", "Run the server until SIGTERM or SIGINT; a second signal ends it at once.", command_serve },
    { "verify", "[--deep]", "Prove the books, the tasks and the stored files, also beside a running server. --deep reads every file.", command_verify },
    { "doctor", "", "Look at everything the server needs, and say what to do about what is wrong.", command_doctor },
    { "migrate", "", "Bring the database to this version's shape, without serving.", command_migrate },
    { "settings", "", "Print zoetrope.example.yaml: every setting, its default and what it does.", command_settings },
    { "openapi", "", "Print what /openapi.json says, without a server.", command_openapi },
    { "version", "", "Print the version.", command_version },
    { 0 },
};

static void print_help(FILE *out, const struct command *only) {
    fprintf(out, "zoetrope %s - AI photo products from one server.\n\n", ZT_VERSION);
    if (only)
        fprintf(out, "usage: zoetrope %s %s [--<setting>=<value> ...]\n\n%s\n", only->name, only->flags, only->help);
    else
        fputs("usage: zoetrope <command> [--<setting>=<value> ...]\n\n", out);
    for (const struct command *c = only ? NULL : main_commands; c && c->name; c++)
        fprintf(out, "  %-9s %s\n", c->name, c->help);
    fputs("\nSettings come from zoetrope.yaml (or --config=FILE), then ZOETROPE_<NAME> in the environment, then flags.\n"
          "`zoetrope settings` prints them all. The two to know:\n"
          "  --listen=127.0.0.1:8080   ZOETROPE_LISTEN   where to listen\n"
          "  --data=./data             ZOETROPE_DATA     where everything is kept\n\n"
          "Exit codes: 0 done; 1 failed, or problems were found; 2 wrong command or setting; 3 the data is in use by another server.\n",
          out);
}

int main_fail(const char *what, const struct err *e) {
    fflush(stdout);
    fprintf(stderr, "zoetrope: %s: %s\n", what, e->text[0] ? e->text : err_reason(e->code)->en);
    return e->code == ERR_CONFIG ? EXIT_USAGE : e->code == ERR_BUSY ? EXIT_IN_USE : EXIT_FAILED;
}

static const struct command *find_command(const char *name) {
    for (const struct command *c = main_commands; c->name; c++)
        if (strcmp(c->name, name) == 0)
            return c;
    return NULL;
}

static bool is_help(const char *arg) { return strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0 || strcmp(arg, "help") == 0; }

/* Log level, ids, clock, failpoints: what every command wants. */
static int set_up(const struct config *cfg, struct err *e) {
    static const char *const levels[] = { "debug", "info", "warn", "error" };
    const char *level = config_str(cfg, "log.level");
    clock_setup(getenv("ZOETROPE_CLOCK_OFFSET_FILE"));
    int r = crypto_setup(e);
    if (r < 0)
        return r;
    id_set_node((unsigned)config_int(cfg, "node"));
    if ((r = failpoint_setup(e)) < 0)
        return r;
    for (size_t i = 0; i < COUNT(levels); i++) {
        if (strcmp(level, levels[i]) == 0) {
            log_setup(STDERR_FILENO, (enum log_level)i);
            return 0;
        }
    }
    return err_set(e, ERR_CONFIG, "%s: log.level must be debug, info, warn or error", config_where(cfg, "log.level"));
}

/* `--deep` and the like belong to the command, not to the settings: they are moved behind them. Returns how many there are. */
static int split_flags(int argc, char **argv) {
    int own = 0;
    for (int i = 0; i + own < argc; i++) {
        if (strcmp(argv[i], "--deep") != 0)
            continue;
        char *flag = argv[i];
        memmove(&argv[i], &argv[i + 1], (size_t)(argc - i - 1) * sizeof argv[0]);
        argv[argc - 1] = flag;
        own++;
        i--;
    }
    return own;
}

int main(int argc, char **argv) {
    struct err e = { 0 };
    const struct command *c = argc > 1 ? find_command(strcmp(argv[1], "--version") == 0 ? "version" : argv[1]) : NULL;
    for (int i = 1; i < argc; i++) {
        if (is_help(argv[i])) {
            print_help(stdout, c);
            return EXIT_OK;
        }
    }
    if (!c) {
        if (argc > 1)
            fprintf(stderr, "zoetrope: there is no command \"%s\"\n\n", argv[1]);
        print_help(stderr, NULL);
        return EXIT_USAGE;
    }
    CLEANUP(config_free) struct config *cfg = NULL;
    int own = c->flags[0] ? split_flags(argc - 2, argv + 2) : 0, rest = 0;
    int n = argc - 2 - own;
    if (config_new(main_settings, &cfg, &e) < 0 || config_load(cfg, n, argv + 2, environ, &rest, &e) < 0 || set_up(cfg, &e) < 0)
        return main_fail("settings", &e);
    if (rest < n) {
        fprintf(stderr, "zoetrope: \"%s\" is neither a setting nor a flag of %s\n", argv[2 + rest], c->name);
        return EXIT_USAGE;
    }
    return c->run(cfg, own, argv + 2 + n);
}
