/* paths.c - where the parts lie that come with the program. */
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "main/commands.h"

static bool try_dir(char *out, size_t cap, const char *dir, const char *sub, const char *mark) {
    char path[PATH_MAX];
    int n = snprintf(path, sizeof path, "%s/%s/%s", dir, sub, mark);
    if (n < 0 || (size_t)n >= sizeof path || access(path, R_OK | X_OK) < 0)
        return false;
    n = snprintf(out, cap, "%s/%s", dir, sub);
    return n > 0 && (size_t)n < cap;
}

/* Upwards from the program: the first folder that has one of the two subs with mark in it. */
static bool nearest(char *out, size_t cap, const char *installed, const char *source_tree, const char *mark) {
    char dir[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", dir, sizeof dir - 1);
    dir[n > 0 ? n : 0] = '\0';
    for (char *slash; (slash = strrchr(dir, '/'));) {
        *slash = '\0';
        if (try_dir(out, cap, dir, installed, mark) || try_dir(out, cap, dir, source_tree, mark))
            return true;
    }
    return false;
}

static bool chosen(const struct config *cfg, const char *setting, char *out, size_t cap) {
    const char *path = config_str(cfg, setting);
    int n = path[0] ? snprintf(out, cap, "%s", path) : 0;
    return n > 0 && (size_t)n < cap;
}

bool main_share_dir(const struct config *cfg, char *out, size_t cap) {
    return chosen(cfg, "share", out, cap) || nearest(out, cap, "share/zoetrope", "share", "templates");
}

bool main_products_dir(const struct config *cfg, char *out, size_t cap) {
    return chosen(cfg, "products", out, cap) || nearest(out, cap, "share/zoetrope/products", "products", ".");
}
