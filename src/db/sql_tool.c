/*
 * sql_tool.c - the scanner of sql_text.c for scripts: tools/sql-portability. Built with the tests, not installed.
 *   sql_tool dollars    statements from stdin, each ended by NUL, to stdout with $1, $2, ... for '?'
 *   sql_tool split      one file of SQL from stdin; its statements to stdout, each ended by NUL
 */
#include <stdio.h>

#include "db/sql_text.h"

#define INPUT_MAX (16 * 1024 * 1024)

static int read_all(struct buf *in) {
    size_t n;
    do {
        char *to = buf_reserve(in, 64 * 1024);
        if (!to)
            return -1;
        n = fread(to, 1, 64 * 1024, stdin);
        buf_commit(in, n);
    } while (n > 0);
    return ferror(stdin) ? -1 : 0;
}

static int dollars(struct str in, struct err *e) {
    BUF_CLEANUP struct buf out;
    buf_init(&out, INPUT_MAX);
    while (in.n) {
        int r = db_sql_dollars(str_cut(&in, 0), &out, e);
        if (r < 0)
            return r;
        fwrite(out.p ? out.p : "", 1, out.n + 1, stdout);
        buf_reset(&out);
    }
    return 0;
}

static int split(struct str in, struct err *e) {
    BUF_CLEANUP struct buf out;
    int r;
    buf_init(&out, INPUT_MAX);
    while ((r = db_sql_next(&in, /* driver= */ NULL, &out, e)) == 1) {
        fwrite(out.p, 1, out.n + 1, stdout);
        buf_reset(&out);
    }
    return r;
}

int main(int argc, char **argv) {
    BUF_CLEANUP struct buf in;
    struct err e = { 0 };
    buf_init(&in, INPUT_MAX);
    bool is_split = argc == 2 && strcmp(argv[1], "split") == 0;
    if (!is_split && (argc != 2 || strcmp(argv[1], "dollars") != 0)) {
        fputs("usage: sql_tool dollars | split\n", stderr);
        return 2;
    }
    if (read_all(&in) < 0) {
        fputs("sql_tool: cannot read\n", stderr);
        return 1;
    }
    if ((is_split ? split : dollars)(buf_str(&in), &e) < 0) {
        fprintf(stderr, "sql_tool: %s\n", e.text);
        return 1;
    }
    return 0;
}
