/* free_test.c - the picture of the day: counted by account, device and network, given back after a failure, and anew each day. */
#include "shop/testing.h"

struct taking { struct testing *t; int per_day; struct shop_who who; int64_t task, now_ms, again_ms; };
static int taking_fn(struct db_tx *tx, void *arg, struct err *e) {
    struct taking *k = arg;
    return shop_free_take(tx, k->t->cfg, k->per_day, &k->who, k->task, k->now_ms, &k->again_ms, e);
}
static int take(struct testing *t, struct shop_who who, int64_t task) {
    struct taking k = { t, 1, who, task, clock_ms(), 0 };
    int r = db_do(t->db, taking_fn, &k, &t->e);
    if (r == ERR_FREE_USED)
        assert_true(k.again_ms > k.now_ms && k.again_ms <= k.now_ms + 24 * 3600 * 1000);
    return r;
}
static int64_t left(struct testing *t, struct shop_who who) {
    struct err *e = &t->e;
    struct shop_day f;
    OK(shop_free_left(db_reader(t->db), t->cfg, 1, &who, clock_ms(), &f, e));
    return f.left;
}

static struct testing *rig(void **state) {
    shop_testing_open(*state, /* plans= */ true);
    return *state;
}

static void an_account_a_device_and_a_network_have_one_each(void **state) {
    struct testing *t = rig(state);
    struct err *e = &t->e;
    OK(config_set(t->cfg, "shop.free_per_network", STR("3"), "test", e));
    assert_int_equal(left(t, shop_testing_who(ME, "ab", 1)), 1);
    assert_int_equal(take(t, shop_testing_who(ME, "ab", 1), 1), 0);
    assert_int_equal(left(t, shop_testing_who(ME, "ab", 1)), 0);
    assert_int_equal(take(t, shop_testing_who(ME, "ab", 1), 2), ERR_FREE_USED);
    assert_non_null(strstr(t->e.text, "account"));
    assert_int_equal(take(t, shop_testing_who(ME, "cd", 2), 2), ERR_FREE_USED);          /* elsewhere, the same account */
    assert_int_equal(take(t, shop_testing_who(YOU, "ab", 2), 2), ERR_FREE_USED);         /* a new guest, the same device */
    assert_non_null(strstr(t->e.text, "device"));
    assert_int_equal(take(t, shop_testing_who(YOU, "cd", 1), 2), 0);
    assert_int_equal(take(t, shop_testing_who(THEM, "", 1), 3), 0);                      /* no cookie: two are counted */
    assert_int_equal(left(t, shop_testing_who(1004, "ef", 1)), 0);
    assert_int_equal(take(t, shop_testing_who(1004, "ef", 1), 4), ERR_FREE_USED);        /* a fourth of the same /24 */
    assert_non_null(strstr(t->e.text, "network"));
    assert_int_equal(take(t, shop_testing_who(1004, "ef", 2), 4), 0);
    OK(config_set(t->cfg, "shop.free_per_network", STR("0"), "test", e));
    assert_int_equal(take(t, shop_testing_who(1005, "aa", 1), 5), 0);                    /* no limit */
}

static void a_refused_one_takes_nothing(void **state) {
    struct testing *t = rig(state);
    DB_SQL(rows, "SELECT COUNT(*) FROM shop_free WHERE ? = 0");
    assert_int_equal(take(t, shop_testing_who(ME, "ab", 1), 1), 0);
    assert_int_equal(testing_count(t, &rows, 0), 3);
    assert_int_equal(take(t, shop_testing_who(YOU, "ab", 2), 2), ERR_FREE_USED);         /* the account's place was written first */
    assert_int_equal(testing_count(t, &rows, 0), 3);
    assert_int_equal(left(t, shop_testing_who(YOU, "cd", 2)), 1);
}

static void nobody_can_be_read_out_of_it(void **state) {
    static const uint8_t other_key[CRYPTO_KEY] = { 8 }, key[CRYPTO_KEY] = { 7 };
    const uint8_t near[16] = { [10] = 0xff, [11] = 0xff, 10, 0, 1, 200 }, six[16] = { 0x20, 1, 0xd, 0xb8, 0, 1, 9 }, same48[16] = { 0x20, 1, 0xd, 0xb8, 0, 1, 8, 7 };
    struct shop_who a = shop_testing_who(ME, "ab", 1), b, c;
    shop_who(key, ME, STR_NULL, near, &b);
    assert_string_equal(a.net, b.net);                           /* the same /24 */
    assert_string_equal(b.device, "");
    assert_string_not_equal(a.net, shop_testing_who(ME, "ab", 2).net);
    assert_int_equal(strlen(a.device), 2 * CRYPTO_MAC);
    assert_null(strstr(a.device, "abab"));
    shop_who(other_key, ME, STR("abababababababababababababababab"), near, &c);
    assert_string_not_equal(a.device, c.device);
    assert_string_not_equal(a.net, c.net);
    shop_who(key, ME, STR_NULL, six, &b);
    shop_who(key, ME, STR_NULL, same48, &c);
    assert_string_equal(b.net, c.net);                           /* the same /48 */
    shop_who(key, ME, STR("not one of ours"), six, &b);
    assert_string_equal(b.device, "");
    char device[SHOP_DEVICE_MAX];
    shop_device_new(device);
    assert_true(shop_device_known(str_z(device)));
}

static void the_day_begins_where_the_setting_says(void **state) {
    struct testing *t = rig(state);
    struct err *e = &t->e;
    struct shop_who who = shop_testing_who(ME, "ab", 1);
    int64_t noon = INT64_C(1767182400000);                       /* 2025-12-31T12:00:00Z */
    struct taking k = { t, 1, who, 1, noon, 0 };
    OK(db_do(t->db, taking_fn, &k, e));
    k.now_ms = noon + 4 * 3600 * 1000 - 1;                       /* a moment before midnight in China */
    assert_int_equal(db_do(t->db, taking_fn, &k, e), ERR_FREE_USED);
    assert_int_equal(k.again_ms, noon + 4 * 3600 * 1000);
    assert_non_null(strstr(e->text, "2025-12-31T16:00:00Z"));
    k.now_ms++;
    k.task = 2;
    OK(db_do(t->db, taking_fn, &k, e));
    OK(config_set(t->cfg, "shop.day_offset_h", STR("0"), "test", e));
    struct shop_day f;
    OK(shop_free_left(db_reader(t->db), t->cfg, 1, &who, noon, &f, e));
    assert_int_equal(f.again_ms, noon + 12 * 3600 * 1000);
    assert_int_equal(f.per_day, 1);
}

struct forgetting { const struct config *cfg; int64_t now_ms; };
static int forget_fn(struct db_tx *tx, void *arg, struct err *e) {
    const struct forgetting *f = arg;
    return shop_free_forget(tx, f->cfg, f->now_ms, e);
}

static void old_days_are_forgotten(void **state) {
    struct testing *t = rig(state);
    struct err *e = &t->e;
    DB_SQL(rows, "SELECT COUNT(*) FROM shop_free WHERE ? = 0");
    struct forgetting f = { t->cfg, clock_ms() + 2LL * 24 * 3600 * 1000 };
    assert_int_equal(take(t, shop_testing_who(ME, "ab", 1), 1), 0);
    OK(db_do(t->db, forget_fn, &f, e));
    assert_int_equal(testing_count(t, &rows, 0), 3);
    f.now_ms += 24LL * 3600 * 1000;
    OK(db_do(t->db, forget_fn, &f, e));
    assert_int_equal(testing_count(t, &rows, 0), 0);
}

static void a_task_that_ended_without_a_picture_gives_it_back(void **state) {
    struct testing *t = rig(state);
    DB_SQL(rows, "SELECT COUNT(*) FROM shop_free WHERE ? = 0");
    struct shop_who who = shop_testing_who(ME, "ab", 1);
    testing_grant(t, ME, 100);
    int64_t task = testing_buy(t, ME, (struct testing_order){ "plain", 1, 1, 1 });
    assert_int_equal(take(t, who, task), 0);
    assert_int_equal(take(t, who, 2), ERR_FREE_USED);
    assert_int_equal(testing_cancel(t, task, ME), 0);
    assert_int_equal(left(t, who), 1);
    assert_int_equal(take(t, who, 2), 0);
    assert_int_equal(testing_count(t, &rows, 0), 3);             /* the same places */
    assert_int_equal(take(t, who, 3), ERR_FREE_USED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TESTING(an_account_a_device_and_a_network_have_one_each),
        TESTING(a_refused_one_takes_nothing),
        TESTING(nobody_can_be_read_out_of_it),
        TESTING(the_day_begins_where_the_setting_says),
        TESTING(old_days_are_forgotten),
        TESTING(a_task_that_ended_without_a_picture_gives_it_back),
    };
    return cmocka_run_group_tests_name("free", tests, NULL, NULL);
}
