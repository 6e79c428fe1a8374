/*
 * sheet.c - zoetrope-sheet: several pictures on one, two in a row, best first, for people who look. A developer's tool, not installed.
 *
 *   zoetrope-sheet OUT.jpg PICTURE ...        all of one size; 1..24 pictures
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "media/photo.h"
#include "media/pixels.h"

#define TILE_SIDE 960
#define GAP       8
#define TILES_MAX 24

static _Noreturn void die(const char *what, const char *why) {
    fprintf(stderr, "zoetrope-sheet: %s: %s\n", what, why);
    exit(1);
}

static struct img8 read_tile(const char *path) {
    __attribute__((cleanup(fd_close_p))) int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0)
        die(path, strerror(errno));
    void *bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED)
        die(path, strerror(errno));
    struct err e = { 0 };
    struct photo p = { 0 };
    struct img8 tile;
    if (photo_decode((struct str){ bytes, (size_t)st.st_size }, &PHOTO_LIMITS_DEFAULT, &p, &e) < 0 || photo_finish(&p, TILE_SIDE, &tile, &e) < 0)
        die(path, e.text);
    photo_done(&p);
    munmap(bytes, (size_t)st.st_size);
    return tile;
}

static void put(struct img8 *sheet, const struct img8 *tile, int x, int y) {
    for (int row = 0; row < tile->h && y + row < sheet->h; row++)
        memcpy(sheet->px + (size_t)(y + row) * sheet->stride + (size_t)x * 3, tile->px + (size_t)row * tile->stride, (size_t)tile->w * 3);
}

int main(int argc, char **argv) {
    int n = argc - 2;
    if (n < 1 || n > TILES_MAX)
        die("usage", "zoetrope-sheet OUT.jpg PICTURE ... (1 to 24)");
    struct img8 first = read_tile(argv[2]), sheet;
    int columns = n > 1 ? 2 : 1, rows = (n + columns - 1) / columns;
    struct err e = { 0 };
    if (pixels_new(columns * (first.w + GAP) + GAP, rows * (first.h + GAP) + GAP, 3, &sheet, &e) < 0)
        die("memory", e.text);
    memset(sheet.px, 255, sheet.stride * (size_t)sheet.h);
    for (int i = 0; i < n; i++) {
        struct img8 tile = i == 0 ? first : read_tile(argv[2 + i]);
        if (tile.w != first.w || tile.h != first.h)
            die(argv[2 + i], "not of the first picture's shape");
        put(&sheet, &tile, GAP + i % columns * (first.w + GAP), GAP + i / columns * (first.h + GAP));
        pixels_done(&tile);
    }
    struct buf jpeg;
    buf_init(&jpeg, (size_t)64 << 20);
    if (pixels_jpeg(&sheet, 88, &jpeg, &e) < 0)
        die(argv[1], e.text);
    FILE *f = fopen(argv[1], "wbe");
    if (!f || fwrite(jpeg.p, 1, jpeg.n, f) != jpeg.n || fclose(f) != 0)
        die(argv[1], strerror(errno));
    buf_done(&jpeg);
    pixels_done(&sheet);
    return 0;
}
