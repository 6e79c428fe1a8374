/*
 * ledger.c - durable transactions of the ledger, as a library: through the write lane, SQLite WAL with synchronous=FULL.
 * usage: ledger FOLDER ACCOUNTS SUBMITTERS          FOLDER: empty, on the disk to measure; the database stays in it
 * Gives every account credits and says "ready"; then, for each line "cost N", "grant N" or "spend N" (N milliseconds) that it reads, hands
 * in transactions as long as that, and says "done TRANSACTIONS MICROSECONDS". At the end of the input the books are verified.
 *
 *   cost    the cost of a call at a provider: two balances, transaction, entry (what TPC-B does, and a cause that happens once)
 *   grant   credits for a random account: two balances, transaction, entry, lot
 *   spend   in turn: credits of a random account are held for a task (two balances, transaction, entry, lot, hold, use), and captured
 *           (the same again); each is a transaction of its own
 * Each submitter hands in its next transaction when the one before is on the disk, as a client of pgbench does.
 */
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/config.h"
#include "base/id.h"
#include "base/log.h"
#include "db/db.h"
#include "ledger/ledger.h"

#define SUBMITTERS_MAX 1024
#define CREDITS        1000000000
#define GIVEN_AT_ONCE  1000

enum kind { COST, GRANT, SPEND };

struct run {
    struct db   *db;
    int64_t      accounts, end_us;
    enum kind    kind;
    atomic_llong done;
    sem_t        idle;                /* posted by each submitter when the time is up */
};

struct submitter {
    struct db_write write;            /* first: done() gets its address */
    struct run     *run;
    uint64_t        dice;
    int64_t         account, task, id;/* task: held, and to be captured next */
};

static _Noreturn void die(const struct err *e) {
    fprintf(stderr, "ledger: %s\n", e->text);
    exit(1);
}

static int64_t any_account(struct submitter *s) {
    s->dice ^= s->dice << 13;
    s->dice ^= s->dice >> 7;
    s->dice ^= s->dice << 17;
    return 1 + (int64_t)(s->dice % (uint64_t)s->run->accounts);
}

static int transaction(struct db_tx *tx, void *arg, struct err *e) {
    struct submitter *s = arg;
    switch (s->run->kind) {
    case COST:
        return ledger_cost(tx, &(struct ledger_cost){ .kind = "cost", .cause_id = s->id, .microusd = 1234, .product = STR("reunion") }, e);
    case GRANT:
        return ledger_grant(tx, &(struct ledger_grant){ .account = s->account, .credits = 1, .source = LEDGER_PROMO, .cause = "bench", .cause_id = s->id, .product = STR("reunion") }, e);
    default:
        return s->task ? ledger_resolve(tx, s->task, 10, e) : ledger_hold(tx, s->account, 10, s->id, STR("reunion"), e);
    }
}

static void submit(struct submitter *s) {
    struct err e;
    s->account = any_account(s);
    s->id = id_new();
    if (db_submit(s->run->db, &s->write, &e) < 0)
        die(&e);
}

static void answered(struct db_write *w) {
    struct submitter *s = (struct submitter *)w;
    if (w->rc < 0)
        die(&w->err);
    s->task = s->run->kind == SPEND && !s->task ? s->id : 0;
    atomic_fetch_add(&s->run->done, 1);
    if (clock_mono_us() < s->run->end_us || s->task)
        submit(s);
    else
        sem_post(&s->run->idle);
}

static void measure(struct run *r, struct submitter *all, int n, int64_t ms) {
    int64_t began_us = clock_mono_us();
    r->end_us = began_us + ms * 1000;
    r->done = 0;
    for (int i = 0; i < n; i++)
        submit(&all[i]);
    for (int i = 0; i < n; i++)
        sem_wait(&r->idle);
    printf("done %lld %lld\n", (long long)r->done, (long long)(clock_mono_us() - began_us));
}

struct gift { int64_t from, to; };
static int give(struct db_tx *tx, void *arg, struct err *e) {
    const struct gift *g = arg;
    int r = 0;
    for (int64_t a = g->from; r >= 0 && a < g->to; a++)
        r = ledger_grant(tx, &(struct ledger_grant){ .account = a, .credits = CREDITS, .source = LEDGER_PROMO, .cause = "first", .cause_id = a, .product = STR("reunion") }, e);
    return r;
}

static void told(void *ctx, const char *what) { fprintf(stderr, "ledger: %s\n", what); }

static int serve(struct run *r, int n, struct err *e) {
    static struct submitter all[SUBMITTERS_MAX];
    static const char *const kinds[] = { [COST] = "cost", [GRANT] = "grant", [SPEND] = "spend" };
    char line[64];
    for (int64_t a = 1; a <= r->accounts; a += GIVEN_AT_ONCE) {
        struct gift g = { a, a + GIVEN_AT_ONCE < r->accounts + 1 ? a + GIVEN_AT_ONCE : r->accounts + 1 };
        int rc = db_do(r->db, give, &g, e);
        if (rc < 0)
            return rc;
    }
    for (int i = 0; i < n; i++)
        all[i] = (struct submitter){ .write = { .fn = transaction, .arg = &all[i], .done = answered }, .run = r, .dice = UINT64_C(88172645463325252) + (uint64_t)i * 7919 };
    printf("ready\n");
    while (fflush(stdout) == 0 && fgets(line, sizeof(line), stdin)) {
        struct str rest = { line, strcspn(line, "\n") }, kind = str_cut(&rest, ' ');
        int64_t ms = 0;
        for (r->kind = COST; r->kind <= SPEND && !str_eqz(kind, kinds[r->kind]); r->kind++)
            ;
        if (r->kind > SPEND || str_int(rest, 1, 3600000, &ms) < 0)
            return err_set(e, ERR_BAD_INPUT, "cost, grant or spend, and milliseconds");
        measure(r, all, n, ms);
    }
    int broken = ledger_verify(db_reader(r->db), told, NULL, e);
    return broken > 0 ? err_set(e, ERR_DB, "%d things are wrong with the books", broken) : broken;
}

int main(int argc, char **argv, char **envp) {
    static const struct setting *const settings[] = { db_settings, NULL };
    struct config *cfg = NULL;
    struct run r = { 0 };
    struct err e = { 0 };
    int64_t n = 0;
    int rest;
    if (argc < 4 || str_int(str_z(argv[2]), 1, 10000000, &r.accounts) < 0 || str_int(str_z(argv[3]), 1, SUBMITTERS_MAX, &n) < 0) {
        fprintf(stderr, "usage: ledger FOLDER ACCOUNTS SUBMITTERS [--db.*=...]\n");
        return 2;
    }
    log_setup(2, LOG_WARN);
    sem_init(&r.idle, 0, 0);
    if (config_new(settings, &cfg, &e) < 0 || config_load(cfg, argc - 4, argv + 4, envp, &rest, &e) < 0 ||
        db_open(cfg, argv[1], /* read_only= */ false, &r.db, &e) < 0 || serve(&r, (int)n, &e) < 0)
        die(&e);
    db_close(r.db);
    config_free(cfg);
    return 0;
}
