/* id_test.c - uniqueness under threads and a clock stepping back; the text form and everything it refuses. */
#include "base/id.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/testing.h"

enum { THREADS = 4, EACH = 20000 };

static void rises_even_when_the_clock_steps_back(void **state) {
    int64_t last = id_new();
    for (int i = 0; i < 30000; i++) {                            /* more than the 8,192 of one ms */
        if (i == 10000)
            clock_set_offset_ms(-3600000);
        if (i == 20000)
            clock_set_offset_ms(INT64_C(-100) * 365 * 86400000);    /* before our epoch */
        int64_t id = id_new();
        assert_true(id > last);
        last = id;
    }
    clock_set_offset_ms(0);
}

static void rises_above_what_another_one_made(void **state) {
    for (unsigned node = 0; node < 256; node += 255) {
        int64_t seen = (id_new() + (INT64_C(60000) << 21)) | 0xFF << 13 | 0x1FFF;      /* a minute ahead, of the last node */
        id_set_node(node);
        id_pass(seen);
        id_pass(1);
        assert_true(id_new() > seen);
    }
    id_set_node(0);
}

static void holds_time_node_and_sequence(void **state) {
    id_set_node(0xA5);
    clock_set_offset_ms(3600000);                                /* ahead of what the test above borrowed */
    int64_t before = clock_ms(), id = id_new(), after = clock_ms();
    assert_in_range((id >> 21) + INT64_C(1704067200000), before, after);
    assert_int_equal((id >> 13) & 0xFF, 0xA5);
    clock_set_offset_ms(0);
    id_set_node(0);
}

static void *make_many(void *out) {
    int64_t *ids = out;
    for (int i = 0; i < EACH; i++)
        ids[i] = id_new();
    return NULL;
}

static int compare(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void is_unique_across_threads(void **state) {
    static int64_t ids[THREADS * EACH];
    pthread_t threads[THREADS];
    for (int t = 0; t < THREADS; t++)
        assert_int_equal(pthread_create(&threads[t], NULL, make_many, ids + t * EACH), 0);
    for (int t = 0; t < THREADS; t++)
        pthread_join(threads[t], NULL);
    qsort(ids, COUNT(ids), sizeof(ids[0]), compare);
    for (size_t i = 1; i < COUNT(ids); i++)
        assert_true(ids[i - 1] < ids[i]);
}

static void text_comes_back(void **state) {
    static const struct { int64_t id; const char *text; } known[] = {
        { 1, "task_0000000000001" }, { 31, "task_000000000000Z" }, { 32, "task_0000000000010" }, { INT64_MAX, "task_7ZZZZZZZZZZZZ" },
        { 1234567890123456789, "task_128GGYHYYK08N" },
    };
    char text[ID_TEXT_MAX];
    for (size_t i = 0; i < COUNT(known); i++) {
        int64_t back = 0;
        assert_int_equal(id_text(text, "task", known[i].id), 18);
        check_z(text, known[i].text);
        assert_int_equal(id_parse(str_z(text), "task", &back), 0);
        assert_true(back == known[i].id);
    }
    assert_int_equal(id_text(text, "sixteen_letters_", 1), 30);
}

static void refuses_everything_else(void **state) {
    static const char *const bad[] = {
        "", "task", "task_", "task_000000000001", "task_00000000000011", "Task_0000000000001", "tusk_0000000000001",
        "task-0000000000001", "task_000000000000z", "task_000000000000I", "task_000000000000L", "task_000000000000O",
        "task_000000000000U", "task_8000000000000", "task_Z000000000000", "task_0000000000000", "task_00000-0000001",
        " task_0000000000001", "task_000000000000 ", "acct_0000000000001",
    };
    int64_t id = 42;
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_int_equal(id_parse(str_z(bad[i]), "task", &id), ERR_BAD_INPUT);
    assert_int_equal(id_parse(STR("task_000000000000\0"), "task", &id), ERR_BAD_INPUT);
    assert_int_equal(id_parse(STR_NULL, "task", &id), ERR_BAD_INPUT);
    assert_int_equal(id, 42);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rises_even_when_the_clock_steps_back),
        cmocka_unit_test(rises_above_what_another_one_made),
        cmocka_unit_test(holds_time_node_and_sequence),
        cmocka_unit_test(is_unique_across_threads),
        cmocka_unit_test(text_comes_back),
        cmocka_unit_test(refuses_everything_else),
    };
    return RUN(tests);
}
