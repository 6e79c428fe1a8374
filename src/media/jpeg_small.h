/*
 * jpeg_small.h - a JPEG at a quarter or an eighth of its size, for thumbnails of photos.
 * Owns: nothing.  Threads: any.  Only called in the sandboxed child.  Uses: libjpeg's public state after jpeg_read_header().
 *
 * Most of what a thumbnail costs is to find the ends of Huffman codes whose values nobody looks at: of 64 coefficients, these sizes need four
 * or one. libjpeg takes them apart one by one; here several are passed over at a time.
 */
#ifndef ZT_MEDIA_JPEG_SMALL_H
#define ZT_MEDIA_JPEG_SMALL_H

#include <stdio.h>
#include <jpeglib.h>
#include "base/err.h"
#include "media/image.h"

/*
 * d: its head is read; its source holds the rest of the whole file, and is not touched. side_px: longer side of the result, >= 1.
 * ret: RGB, of the size pixels_fit() says, by pixels_shrink() from one at least twice as large; colour profile and orientation as stored.
 * 1: done. 0: "let libjpeg do it", which is no verdict. Taken is only the usual kind of file, large enough and with nothing missing or broken:
 * baseline, one scan, grey or YCbCr, colours whole or halved. ERR_MEDIA_MEMORY.
 */
int jpeg_small(const struct jpeg_decompress_struct *d, int side_px, struct img8 *ret, struct err *e);

#endif
