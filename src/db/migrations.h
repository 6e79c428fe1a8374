/* migrations.h - the files of migrations/, built in (migrations/meson.build lists them). */
#ifndef ZT_DB_MIGRATIONS_H
#define ZT_DB_MIGRATIONS_H

#include "base/embed.h"

extern const struct embed_dir db_migrations;

#endif
