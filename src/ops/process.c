/* process.c - this process as the kernel sees it. Source: proc(5), read 2026-11-21. */
#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/scope.h"
#include "ops/metrics.h"

static int64_t count_fds(void) {
    DIR *d = opendir("/proc/self/fd");
    int64_t n = -3;                      /* ".", ".." and the one of this listing */
    if (!d)
        return 0;
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

/* Fields 20 (threads), 22 (start time in clock ticks after boot) and 24 (resident pages), counted behind the ")" of the name. */
static void read_stat(struct ops__process *ret) {
    CLEANUP(fclose) FILE *f = fopen("/proc/self/stat", "re");
    char line[1024];
    if (!f || !fgets(line, sizeof line, f))
        return;
    const char *behind = strrchr(line, ')');
    long threads = 0, rss = 0;
    unsigned long long start = 0;
    if (!behind || sscanf(behind + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %ld %*d %llu %*u %ld", &threads,
                          &start, &rss) != 3)
        return;
    struct timespec since_boot;
    clock_gettime(CLOCK_BOOTTIME, &since_boot);
    double age_s = (double)since_boot.tv_sec - (double)start / (double)sysconf(_SC_CLK_TCK);
    ret->threads = threads;
    ret->rss_bytes = rss * sysconf(_SC_PAGESIZE);
    ret->start_s = (double)clock_ms() / 1000 - age_s;
}

void ops__process_read(struct ops__process *ret) {
    struct rlimit fds;
    struct rusage used;
    *ret = (struct ops__process){ .fds = count_fds() };
    if (getrlimit(RLIMIT_NOFILE, &fds) == 0)
        ret->fds_max = (int64_t)fds.rlim_cur;
    if (getrusage(RUSAGE_SELF, &used) == 0)
        ret->cpu_s = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) + (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
    read_stat(ret);
}

int64_t ops__disk_free(const char *dir) {
    struct statvfs v;
    return statvfs(dir, &v) == 0 ? (int64_t)(v.f_bavail * v.f_frsize) : -1;
}
