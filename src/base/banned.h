/*
 * banned.h - functions that do not compile here; the build puts this header in front of every file of ours.
 * They overrun (strcpy, sprintf, gets), cannot report an error (atoi), keep hidden state (strtok, localtime) or start a shell.
 * Instead: struct buf, snprintf, str_int(), str_cut(), gmtime_r(), posix_spawn().
 * Source of the idea: git banned.h.  Parts compiled from other people's source define ZT_THIRD_PARTY.
 */
#ifndef ZT_BASE_BANNED_H
#define ZT_BASE_BANNED_H
#ifndef ZT_THIRD_PARTY

/* Their own declarations come first, so that the macros below cannot garble them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ZT_BANNED(name) sorry_##name##_is_banned_see_base_banned_h
#undef strcpy
#define strcpy(...) ZT_BANNED(strcpy)
#undef strcat
#define strcat(...) ZT_BANNED(strcat)
#undef stpcpy
#define stpcpy(...) ZT_BANNED(stpcpy)
#undef sprintf
#define sprintf(...) ZT_BANNED(sprintf)
#undef vsprintf
#define vsprintf(...) ZT_BANNED(vsprintf)
#undef gets
#define gets(...) ZT_BANNED(gets)
#undef atoi
#define atoi(...) ZT_BANNED(atoi)
#undef atol
#define atol(...) ZT_BANNED(atol)
#undef atoll
#define atoll(...) ZT_BANNED(atoll)
#undef strtok
#define strtok(...) ZT_BANNED(strtok)
#undef localtime
#define localtime(...) ZT_BANNED(localtime)
#undef gmtime
#define gmtime(...) ZT_BANNED(gmtime)
#undef ctime
#define ctime(...) ZT_BANNED(ctime)
#undef system
#define system(...) ZT_BANNED(system)
#undef popen
#define popen(...) ZT_BANNED(popen)
#undef tmpnam
#define tmpnam(...) ZT_BANNED(tmpnam)
#undef mktemp
#define mktemp(...) ZT_BANNED(mktemp)

#endif
#endif
