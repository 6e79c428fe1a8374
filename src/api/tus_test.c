/* tus_test.c - Upload-Metadata and Upload-Checksum, as clients write them and as attackers do. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "api/tus.h"
#include "base/digest.h"

static struct arena *arena;
static struct tus_metadata m;

static int parse(const char *header) {
    struct err e = { 0 };
    arena_reset(arena);
    m = (struct tus_metadata){ 0 };
    return tus_metadata_parse(str_z(header), arena, &m, &e);
}

static void metadata_of_real_clients_is_read(void **state) {
    assert_int_equal(parse("filename d29ybGRfZG9taW5hdGlvbl9wbGFuLnBkZg==,is_confidential"), 0);
    assert_true(str_eqz(m.name, "world_domination_plan.pdf"));
    assert_null(m.type.p);
    assert_int_equal(parse("filename aW1nLmpwZw==,filetype aW1hZ2UvanBlZw=="), 0);      /* tus-js-client */
    assert_true(str_eqz(m.name, "img.jpg") && str_eqz(m.type, "image/jpeg"));
    assert_int_equal(parse("relativePath bnVsbA==,name aW1nLmpwZw==,type aW1hZ2UvanBlZw==,filetype aW1hZ2UvanBlZw==,filename aW1nLmpwZw=="), 0);   /* Uppy */
    assert_true(str_eqz(m.name, "img.jpg") && str_eqz(m.type, "image/jpeg"));
    assert_int_equal(parse("filename 5YWo5a62LmpwZw=="), 0);
    assert_true(str_eqz(m.name, "全家.jpg"));
    assert_int_equal(parse(NULL), 0);
    assert_int_equal(parse(""), 0);
    assert_int_equal(parse("a , b ,c"), 0);
}

static void metadata_that_breaks_the_rules_is_refused(void **state) {
    static const char *const bad[] = {
        ",", "a,", "a,,b", " ", "filename  aW1n", "filename aW1n aW1n", "filename aW1", "filename aW1n=", "filename !!!!", "filename aW1n\n",
        "a,a", "filename aW1n,filename aW1n", "k\x01 aW1n", "\xc3\xa4 aW1n",
        "filename AAAA",                       /* NUL bytes */
        "filename Cg==",                       /* a line end */
        "filename gICA",                       /* not UTF-8 */
        "filetype 5YWo",                       /* not ASCII */
        "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q",   /* 17 pairs */
    };
    for (size_t i = 0; i < COUNT(bad); i++)
        if (parse(bad[i]) != ERR_BAD_INPUT)
            fail_msg("accepted: %s", bad[i]);
}

static void a_long_name_is_cut_between_characters(void **state) {
    char header[2048] = "filename ";
    for (int i = 0; i < 100; i++)              /* 全 is three bytes and four digits of base64 */
        memcpy(header + 9 + 4 * i, "5YWo", 5);
    assert_int_equal(parse(header), 0);
    assert_int_equal(m.name.n, 255);
    memcpy(header + 9, "YWFh", 4);             /* "aaa" in front */
    memmove(header + 9, header + 10, strlen(header + 9));
    assert_int_equal(parse(header), ERR_BAD_INPUT);      /* 4n - 1 digits */
    assert_int_equal(parse("filename YeWFqOWFqA=="), 0);
    char type[600] = "filetype ";
    for (int i = 0; i < 43; i++)
        memcpy(type + 9 + 4 * i, "YWFh", 5);
    assert_int_equal(parse(type), ERR_BAD_INPUT);        /* 129 bytes */
}

static void checksums_are_read_or_refused(void **state) {
    struct tus_checksum c = { 0 };
    struct err e = { 0 };
    assert_int_equal(tus_checksum_parse(STR("sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0="), &c, &e), 0);
    assert_string_equal(c.algorithm, "sha1");
    assert_int_equal(c.n, 20);
    assert_memory_equal(c.sum, "\x2a\xae\x6c\x35\xc9\x4f\xcf\xb4\x15\xdb\xe9\x5f\x40\x8b\x9c\xe9\x1e\xe8\x46\xed", 20);
    assert_int_equal(tus_checksum_parse(STR("sha256 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="), &c, &e), 0);
    assert_int_equal(c.n, 32);
    static const char *const bad[] = {
        "", "sha1", "sha1 ", "sha1  Kq5sNclPz7QV2+lfQIuc6R7oRu0=", "SHA1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=", "md5 1B2M2Y8AsgTpgAmY7PhCfg==",
        "sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0", "sha256 Kq5sNclPz7QV2+lfQIuc6R7oRu0=", "sha1 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
        "sha1 Kq5sNclPz7QV2-lfQIuc6R7oRu0=", "crc32 AAAA",
    };
    for (size_t i = 0; i < COUNT(bad); i++)
        if (tus_checksum_parse(str_z(bad[i]), &c, &e) != ERR_BAD_INPUT)
            fail_msg("accepted: %s", bad[i]);
    assert_int_equal(c.n, 32);                 /* untouched by failures */
}

static void digests_are_those_of_the_standard(void **state) {
    uint8_t sum[DIGEST_MAX];
    struct digest *d = digest_new("sha1");
    digest_add(d, "hello ", 6);
    digest_add(d, "world", 5);
    assert_int_equal(digest_end(d, sum), 20);
    assert_memory_equal(sum, "\x2a\xae\x6c\x35\xc9\x4f\xcf\xb4\x15\xdb\xe9\x5f\x40\x8b\x9c\xe9\x1e\xe8\x46\xed", 20);
    digest_free(d);
    d = digest_new("sha256");
    assert_int_equal(digest_end(d, sum), 32);
    assert_memory_equal(sum, "\xe3\xb0\xc4\x42", 4);
    digest_free(d);
    assert_null(digest_new("sha3000"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(metadata_of_real_clients_is_read),
        cmocka_unit_test(metadata_that_breaks_the_rules_is_refused),
        cmocka_unit_test(a_long_name_is_cut_between_characters),
        cmocka_unit_test(checksums_are_read_or_refused),
        cmocka_unit_test(digests_are_those_of_the_standard),
    };
    arena = arena_new(1 << 20);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_free(arena);
    return failed;
}
