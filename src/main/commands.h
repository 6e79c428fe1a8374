/*
 * commands.h - inside main/: what the commands share.
 */
#ifndef ZT_MAIN_COMMANDS_H
#define ZT_MAIN_COMMANDS_H

#include "base/config.h"

/* Exit codes, also in --help. */
enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_IN_USE = 3 };

extern const struct setting *const main_settings[];      /* every room's table; NULL-ended */

struct command {
    const char *name, *flags, *help;
    int (*run)(const struct config *cfg, int argc, char **argv);      /* argv: what stands behind the settings; gives the exit code */
};
extern const struct command main_commands[];             /* ends with a row without name */

int command_serve(const struct config *cfg, int argc, char **argv);
int command_verify(const struct config *cfg, int argc, char **argv);
int command_doctor(const struct config *cfg, int argc, char **argv);
int command_migrate(const struct config *cfg, int argc, char **argv);
int command_openapi(const struct config *cfg, int argc, char **argv);
int command_settings(const struct config *cfg, int argc, char **argv);
int command_version(const struct config *cfg, int argc, char **argv);

/* Every route of this program; NULL-ended, static. */
struct route;
const struct route *const *main_routes(void);

/* Where the parts lie that come with the program. Written into out; false when there are none. The setting wins, else the nearest one in
 * a folder above this program: installed as ../share/zoetrope/…, in a build folder the source tree's. */
bool main_share_dir(const struct config *cfg, char *out, size_t cap);       /* holds templates/ */
bool main_products_dir(const struct config *cfg, char *out, size_t cap);

/* One line on stderr for a person, "zoetrope: <what>: <why>", and the exit code that fits. */
int main_fail(const char *what, const struct err *e);

#endif
