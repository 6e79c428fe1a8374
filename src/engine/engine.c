/* engine.c - the list of engines and their settings. */
#include "engine/engine.h"

#include "base/config.h"

#define ENGINE_DRIVER(n) extern const struct engine_driver engine_##n;
#include "engine/drivers.def"
#undef ENGINE_DRIVER

const struct engine_driver *const engine_drivers[] = {
#define ENGINE_DRIVER(n) &engine_##n,
#include "engine/drivers.def"
#undef ENGINE_DRIVER
    NULL,
};

const struct setting engine_settings[] = {
    { "engine.use", SET_STR, "", 0, 200,
      "Comma list of engines that replaces every recipe's own; for tests and drills (\"fake\")." },
    { "engine.fake_script", SET_STR, "", 0, 2000,
      "Delays and faults of the engines fake and fake_remote; the grammar is in engine/fake_script.h." },
    { "engine.fake_slots", SET_INT, "4", 1, 1024, "How many calls the engines fake and fake_remote work on side by side." },
    { NULL },
};

const struct engine_driver *engine_driver(struct str name) {
    for (size_t i = 0; engine_drivers[i]; i++)
        if (str_eqz(name, engine_drivers[i]->name))
            return engine_drivers[i];
    return NULL;
}
