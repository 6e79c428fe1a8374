/*
 * sql_text.h - SQL read as text, as far as it must be: where statements end, and where parameters stand.
 * Knows '...' with '' inside, "..." and `...` names, -- and slash-star comments (which do not nest). Backslash is an ordinary character.
 * Threads: any.  Used by: migrate.c, tools/sql-portability (through sql_tool.c), later driver_postgres.
 */
#ifndef ZT_DB_SQL_TEXT_H
#define ZT_DB_SQL_TEXT_H

#include "base/buf.h"
#include "base/err.h"

/*
 * Cuts the next statement off *rest and appends it to out, without its ';', its comments (each becomes a space) and the blanks around it.
 * A comment that begins with the name of the driver and ':' is for that database alone: its text stands for the word it is behind,
 * BIGINT/@sqlite:INTEGER@/ say (with stars), or is added when a blank or a bracket is in front of it. driver: NULL = none of them.
 * Returns 1, 0 when nothing but blanks and comments was left, ERR_BAD_INPUT when a quote or comment is not closed.
 */
int db_sql_next(struct str *rest, const char *driver, struct buf *out, struct err *e);

/* Appends sql with its '?' parameters as $1, $2, ... (PostgreSQL); quoted text, names and comments stay as they are. Returns how many. */
int db_sql_dollars(struct str sql, struct buf *out, struct err *e);

#endif
