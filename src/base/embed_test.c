/* embed_test.c - the table that tools/embed.py made from testdata/embed. */
#include "base/embed.h"

#include "base/crypto.h"
#include "base/testing.h"

extern const struct embed_dir test_files, test_nothing;

static void finds_by_exact_name(void **state) {
    assert_int_equal(test_files.n, 3);
    for (size_t i = 0; i < test_files.n; i++)
        assert_ptr_equal(embed_find(&test_files, str_z(test_files.files[i].name)), &test_files.files[i]);
    static const char *const none[] = { "", "a.htm", "a.htmll", "/a.html", "b", "b/", "b/all-bytes", "zzz", "A.html" };
    for (size_t i = 0; i < COUNT(none); i++)
        assert_null(embed_find(&test_files, str_z(none[i])));
    assert_null(embed_find(&test_files, STR("a.html\0")));
    assert_null(embed_find(&test_nothing, STR("a.html")));
}

static void bytes_and_labels_are_true(void **state) {
    const struct embed_file *page = embed_find(&test_files, STR("a.html")), *all = embed_find(&test_files, STR("b/all-bytes.png"));
    check_str(page->bytes, "<p class=\"x\">what?" "?!\\ 照片</p>\n");
    check_z(page->mime, "text/html; charset=utf-8");
    check_z(all->mime, "image/png");
    assert_int_equal(all->bytes.n, 2 * 256);
    for (size_t i = 0; i < all->bytes.n; i++)
        assert_int_equal((unsigned char)all->bytes.p[i], i < 256 ? i : 511 - i);
    assert_int_equal(all->bytes.p[all->bytes.n], 0);
    assert_int_equal(embed_find(&test_files, STR("empty.txt"))->bytes.n, 0);
    for (size_t i = 0; i < test_files.n; i++) {
        char hex[SHA256_HEX + 1];
        sha256_hex(test_files.files[i].bytes.p, test_files.files[i].bytes.n, hex);
        check_z(test_files.files[i].sha256, hex);
    }
}

static void compressed_forms_hang_on_their_file(void **state) {
    const struct embed_file *page = embed_find(&test_files, STR("a.html")), *empty = embed_find(&test_files, STR("empty.txt"));
    check_str(page->gzip, "zip");
    check_str(page->br, "bro");
    check_str(empty->gzip, "e");
    assert_null(empty->br.p);
    assert_null(embed_find(&test_files, STR("b/all-bytes.png"))->gzip.p);
    assert_null(embed_find(&test_files, STR("a.html.gz")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_by_exact_name),
        cmocka_unit_test(bytes_and_labels_are_true),
        cmocka_unit_test(compressed_forms_hang_on_their_file),
    };
    return RUN(tests);
}
