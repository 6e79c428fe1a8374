/* move.h - inside api/: see move.c. */
#ifndef ZT_API_MOVE_H
#define ZT_API_MOVE_H

#include "api/api.h"

struct auth_move;
/* Once the row of account_move is there. Waits on the disk and on the writer, not for long: *ret_open: a task of the guest is under way, or
 * there is much to move; the keeper goes on within a second. */
int api__move(const struct app *app, const struct auth_move *m, int64_t now_ms, bool *ret_open, struct err *e);

#endif
