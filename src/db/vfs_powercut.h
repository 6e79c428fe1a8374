/*
 * vfs_powercut.h - a disk that forgets: a SQLite VFS (tests only) which knows at every moment what a power cut would leave.
 *
 * It passes everything on to the usual VFS and keeps, beside each database and log file, the image of its last xSync() and the list of
 * writes since then. A real disk may have done any of those in any order, in units of a sector; powercut_image() plays that.
 * Threads: one writer; readers may open files too.
 */
#ifndef ZT_DB_VFS_POWERCUT_H
#define ZT_DB_VFS_POWERCUT_H

#include <stdbool.h>
#include <stdint.h>

#define POWERCUT_VFS "powercut"

/* Registers the VFS. before_op, when not NULL, is called on the writer's thread before each write, truncation and sync, with its number from 1. */
void powercut_setup(void (*before_op)(void *arg, int64_t op), void *arg);
/* Forgets all files. */
void powercut_reset(void);
/* From now on writes (SQLITE_FULL, SQLITE_IOERR_WRITE) or syncs (SQLITE_IOERR_FSYNC) fail with this code; SQLITE_OK: the disk is well again. */
void powercut_refuse(int sqlite_code);

/* Writes into the folder `dir` what the disk may hold if the power goes now. keep_permille: chance of each unsynced sector to have arrived
 * (0: none; 1000: all); seed: the dice. 0, or -1 with errno. */
int powercut_image(const char *dir, int keep_permille, uint64_t seed);

#endif
