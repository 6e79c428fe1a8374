/*
 * exif.c - the one thing we want from EXIF: which way is up. Everything else in it is dropped unread.
 */
#include "media/photo.h"

#include <libexif/exif-data.h>

#define EXIF_MAX 65536u                             /* bytes; an APP1 segment holds no more */

int photo_exif_orientation(const void *exif, size_t n) {
    static const unsigned char head[6] = "Exif\0";  /* libexif wants it; PNG and WebP leave it out */
    unsigned char *block = NULL;
    ExifData *d = NULL;
    int orientation = 1;
    if (n < 8 || n > EXIF_MAX)
        return 1;
    bool bare = memcmp(exif, head, sizeof head) != 0;
    block = malloc(n + sizeof head);
    d = exif_data_new();
    if (block && d) {
        size_t skip = bare ? sizeof head : 0;
        memcpy(block, head, sizeof head);
        memcpy(block + skip, exif, n);
        exif_data_load_data(d, block, (unsigned)(n + skip));
        ExifEntry *entry = exif_content_get_entry(d->ifd[EXIF_IFD_0], EXIF_TAG_ORIENTATION);
        if (entry && entry->format == EXIF_FORMAT_SHORT && entry->components == 1 && entry->size >= 2) {
            int v = exif_get_short(entry->data, exif_data_get_byte_order(d));
            if (v >= 1 && v <= 8)
                orientation = v;
        }
    }
    if (d)
        exif_data_unref(d);
    free(block);
    return orientation;
}
