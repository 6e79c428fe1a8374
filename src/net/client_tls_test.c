/* client_tls_test.c - whose word the client takes: a server with a certificate made for "localhost" a moment ago. */
#define ERR_STATE openssl_ERR_STATE    /* OpenSSL has a type of the name of one of our errors */
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#undef ERR_STATE

#include "net/client.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/testing.h"

static char ca_path[] = "/tmp/zt-ca-XXXXXX", allow[64];
static int listen_fd, port;
static SSL_CTX *tls;
static pthread_t thread;

static X509 *make_certificate(EVP_PKEY *key) {
    X509 *x = X509_new();
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(x));
    X509_EXTENSION *san = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:localhost");
    X509_add_ext(x, san, -1);
    X509_EXTENSION_free(san);
    assert_true(X509_sign(x, key, EVP_sha256()) > 0);
    return x;
}

/* Answers every connection with the same 200 until the listener is shut. */
static void *serve(void *arg) {
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nyes";
    for (int fd; (fd = accept(listen_fd, NULL, NULL)) >= 0; close(fd)) {
        SSL *s = SSL_new(tls);
        char request[2000];
        SSL_set_fd(s, fd);
        if (SSL_accept(s) == 1 && SSL_read(s, request, sizeof(request)) > 0)
            SSL_write(s, answer, sizeof(answer) - 1);
        SSL_shutdown(s);
        SSL_free(s);
    }
    return NULL;
}

static int setup(void **state) {
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = make_certificate(key);
    int fd = mkstemp(ca_path);
    FILE *f = fdopen(fd, "w");
    PEM_write_X509(f, x);
    fclose(f);
    tls = SSL_CTX_new(TLS_server_method());
    SSL_CTX_use_certificate(tls, x);
    SSL_CTX_use_PrivateKey(tls, key);
    X509_free(x);
    EVP_PKEY_free(key);
    signal(SIGPIPE, SIG_IGN);
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(at);
    listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(listen_fd, (struct sockaddr *)&at, len) < 0 || listen(listen_fd, 10) < 0 || getsockname(listen_fd, (struct sockaddr *)&at, &len) < 0)
        return -1;
    port = ntohs(at.sin_port);
    snprintf(allow, sizeof(allow), "localhost:%d,127.0.0.1:%d", port, port);
    return pthread_create(&thread, NULL, serve, NULL);
}

static int teardown(void **state) {
    shutdown(listen_fd, SHUT_RDWR);
    pthread_join(thread, NULL);
    close(listen_fd);
    SSL_CTX_free(tls);
    unlink(ca_path);
    return 0;
}

static int get(const char *host, const char *ca_file, struct http_reply *reply, struct err *e) {
    char url[100];
    struct http_client_conf conf = { .connect_ms = 5000, .in_flight_max = 3, .allow = allow, .ca_file = ca_file };
    CLEANUP(http_client_free) struct http_client *c = NULL;
    snprintf(url, sizeof(url), "https://%s:%d/", host, port);
    struct http_ask ask = { .method = "GET", .url = url, .total_ms = 10000, .body_max = 100 };
    int r = http_client_new(&conf, &c, e);
    return r < 0 ? r : http_client_do(c, &ask, reply, e);
}

static void takes_a_certificate_it_knows(void **state) {
    struct http_reply reply;
    struct err e;
    assert_int_equal(get("localhost", ca_path, &reply, &e), 0);
    check_str(buf_str(&reply.body), "yes");
    http_reply_done(&reply);
}

static void refuses_strangers_and_other_names(void **state) {
    struct http_reply reply;
    struct err e;
    check_err(get("localhost", "", &reply, &e), ERR_UPSTREAM, &e, "SSL");           /* not signed by anybody the system knows */
    http_reply_done(&reply);
    check_err(get("127.0.0.1", ca_path, &reply, &e), ERR_UPSTREAM, &e, "SSL");      /* made for localhost only */
    http_reply_done(&reply);
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(takes_a_certificate_it_knows), cmocka_unit_test(refuses_strangers_and_other_names) };
    return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
