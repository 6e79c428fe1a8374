/* commands.c - the commands that do one thing and end. */
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/api.h"
#include "blob/blob.h"
#include "db/db.h"
#include "main/commands.h"
#include "ops/ops.h"

DEFINE_CLEANUP(struct db, db_close)

int command_verify(const struct config *cfg, int argc, char **argv) {
    struct err e = { 0 };
    CLEANUP(db_close) struct db *db = NULL;
    CLEANUP(blob_close) struct blob_store *blobs = NULL;
    const char *data_dir = config_str(cfg, "data");
    if (access(data_dir, F_OK) < 0) {
        err_sys(&e, ERR_IO, "there is no data folder %s (%s)", data_dir, config_where(cfg, "data"));
        return main_fail("verify", &e);
    }
    if (db_open(cfg, data_dir, /* read_only= */ true, &db, &e) < 0 || blob_open(cfg, data_dir, &blobs, &e) < 0)
        return main_fail("verify", &e);
    int problems = ops_verify(db, blobs, /* deep= */ argc > 0, stdout, &e);
    if (problems < 0)
        return main_fail("verify", &e);
    printf(problems ? "%d problem(s) found\n" : "verified: nothing is wrong\n", problems);
    return problems ? EXIT_FAILED : EXIT_OK;
}

int command_doctor(const struct config *cfg, int argc, char **argv) {
    char share[PATH_MAX], products[PATH_MAX];
    struct ops_doctor d = {
        .cfg = cfg,
        .data_dir = config_str(cfg, "data"),
        .share_dir = main_share_dir(cfg, share, sizeof share) ? share : NULL,
        .products_dir = main_products_dir(cfg, products, sizeof products) ? products : NULL,
        .out = stdout,
    };
    return ops_doctor(&d) ? EXIT_FAILED : EXIT_OK;
}

int command_migrate(const struct config *cfg, int argc, char **argv) {
    struct err e = { 0 };
    CLEANUP(db_close) struct db *db = NULL;
    const char *data_dir = config_str(cfg, "data");
    mkdir(data_dir, 0700);
    if (db_open(cfg, data_dir, /* read_only= */ false, &db, &e) < 0)
        return main_fail("migrate", &e);
    printf("the database in %s fits zoetrope %s\n", data_dir, ZT_VERSION);
    return EXIT_OK;
}

int command_settings(const struct config *cfg, int argc, char **argv) {
    BUF_CLEANUP struct buf b;
    buf_init(&b, 1024 * 1024);
    config_write_example(cfg, &b);
    return fwrite(b.p, 1, b.n, stdout) == b.n && fflush(stdout) == 0 ? EXIT_OK : EXIT_FAILED;
}

int command_openapi(const struct config *cfg, int argc, char **argv) {
    BUF_CLEANUP struct buf b;
    buf_init(&b, 1024 * 1024);
    api_openapi(main_routes(), &b);
    buf_add_c(&b, '\n');
    return !b.failed && fwrite(b.p, 1, b.n, stdout) == b.n && fflush(stdout) == 0 ? EXIT_OK : EXIT_FAILED;
}

int command_version(const struct config *cfg, int argc, char **argv) {
    printf("zoetrope %s\n", ZT_VERSION);
    return EXIT_OK;
}
