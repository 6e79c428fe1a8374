/*
 * share.c - up from the program until there is a share/zoetrope.
 */
#include "media/share.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void share_find(char *out, size_t cap) {
    char dir[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", dir, sizeof dir - 1);
    dir[n > 0 ? n : 0] = 0;
    out[0] = 0;
    for (char *slash; (slash = strrchr(dir, '/'));) {
        *slash = 0;
        int len = snprintf(out, cap, "%s/share/zoetrope", dir);
        if (len > 0 && (size_t)len < cap && access(out, R_OK | X_OK) == 0)
            return;
        out[0] = 0;
    }
}
