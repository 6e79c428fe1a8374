/*
 * metrics.h - inside ops/: the numbers of /metrics.
 */
#ifndef ZT_OPS_METRICS_H
#define ZT_OPS_METRICS_H

#include "net/server.h"

int ops__metrics_get(struct http_req *req, struct http_res *res, struct err *e);

/* ---- process.c: this process as the kernel sees it; 0 when it cannot be read ---- */
struct ops__process {
    int64_t rss_bytes, threads, fds, fds_max;
    double  cpu_s, start_s;              /* start_s: seconds since 1970 */
};
void ops__process_read(struct ops__process *ret);
/* Bytes an ordinary process may still write in the file system of dir; -1 when unknown. */
int64_t ops__disk_free(const char *dir);

#endif
