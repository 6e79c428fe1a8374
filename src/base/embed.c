/* embed.c - looking up a built-in file. */
#include "base/embed.h"

static int compare(struct str a, struct str b) {
    size_t n = a.n < b.n ? a.n : b.n;
    int order = n ? memcmp(a.p, b.p, n) : 0;
    return order ? order : (a.n > b.n) - (a.n < b.n);
}

const struct embed_file *embed_find(const struct embed_dir *dir, struct str name) {
    size_t low = 0, high = dir->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int order = compare(name, str_z(dir->files[mid].name));
        if (order == 0)
            return &dir->files[mid];
        if (order < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return NULL;
}
