/* replay.c - main() for builds without libFuzzer: gives every file of the folders named to the target once. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/scope.h"
#include "fuzz.h"

#define SEED_MAX ((size_t)1 << 20)

/* Ends the program when the file cannot be read. */
static void replay(const char *folder, const char *leaf) {
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s", folder, leaf);
    CLEANUP(fclose) FILE *f = fopen(path, "rb");
    BUF_CLEANUP struct buf b;
    buf_init(&b, SEED_MAX);
    char part[4096];
    size_t n;
    while (f && (n = fread(part, 1, sizeof(part), f)) > 0)
        buf_add(&b, part, n);
    if (!f || ferror(f) || b.failed) {
        fprintf(stderr, "%s: cannot be read, or larger than %zu bytes\n", path, SEED_MAX);
        exit(1);
    }
    LLVMFuzzerTestOneInput((const uint8_t *)(b.p ? b.p : ""), b.n);
}

int main(int argc, char **argv) {
    int seeds = 0;
    for (int i = 1; i < argc; i++) {
        DIR *d = opendir(argv[i]);
        struct dirent *entry;
        while (d && (entry = readdir(d)))
            if (entry->d_name[0] != '.') {
                replay(argv[i], entry->d_name);
                seeds++;
            }
        if (d)
            closedir(d);
    }
    printf("%d seeds replayed\n", seeds);
    return seeds > 0 ? 0 : 1;                  /* a corpus that was lost is a failure */
}
