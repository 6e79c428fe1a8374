/* auth.c - the life of this room, its settings and its numbers. */
#include "auth/internal.h"

#include <stdlib.h>

#include "auth/driver.h"
#include "base/scope.h"

#define DRIVER(n) extern const struct auth_driver auth_##n;
#include "auth/drivers.def"
#undef DRIVER
static const struct auth_driver *const drivers[] = {
#define DRIVER(n) &auth_##n,
#include "auth/drivers.def"
#undef DRIVER
};

const struct auth_driver *auth__driver(const char *name) {
    for (size_t i = 0; i < COUNT(drivers); i++)
        if (strcmp(drivers[i]->name, name) == 0)
            return drivers[i];
    return NULL;
}

const struct setting auth_settings[] = {
    { "auth.hash_memory", SET_BYTES, "19M", 19 << 20, 1 << 30, "Memory that hashing one password takes (argon2id; 19M and 2 passes are OWASP's least)." },
    { "auth.hash_passes", SET_INT, "2", 2, 100, "Passes over that memory." },
    { "auth.hash_threads", SET_INT, "1", 1, 64, "Passwords hashed at once, on threads of their own that give way to everything else." },
    { "auth.hash_queue_max", SET_INT, "64", 1, 10000, "Sign-ins that may wait for one of them; more are answered 503." },
    { "auth.sign_ins_per_hour", SET_INT, "60", 3, 1000000, "Sign-ins one address may try in an hour, of one account a third of that; a third at once." },
    { "auth.mails_per_hour", SET_INT, "9", 3, 100000, "Mails that one guest may ask for in an hour, or one network address to one mailbox; to a mailbox in all 4 times, from a network address 10 times as many." },
    { 0 },
};

void auth_close(struct auth *a) {
    if (!a)
        return;
    auth__access_close(a);
    auth__keys_close(a);
    pthread_rwlock_destroy(&a->keys_lock);
    free(a);
}
DEFINE_CLEANUP(struct auth, auth_close)

int auth_open(const struct config *cfg, struct db *d, const char *data_dir, struct auth **ret_a, bool *ret_made, struct err *e) {
    CLEANUP(auth_close) struct auth *a = calloc(1, sizeof *a);
    if (!a)
        abort();
    a->db = d;
    a->hash_memory = config_int(cfg, "auth.hash_memory");
    a->hash_passes = config_int(cfg, "auth.hash_passes");
    const char *url = config_str(cfg, "public_url");
    snprintf(a->issuer, sizeof a->issuer, "%s", url[0] ? url : "zoetrope");
    pthread_rwlock_init(&a->keys_lock, NULL);
    int r = crypto_password_nobody(a->hash_memory, a->hash_passes, a->dummy, e);
    if (r < 0 || (r = auth__access_open(a, e)) < 0)
        return r;
    if ((r = auth__keys_open(a, data_dir, e)) < 0 || (r = auth__operator_ensure(a, data_dir, ret_made, e)) < 0)
        return r;
    *ret_a = TAKE(a);
    return 0;
}

void auth_get_stats(struct auth *a, struct auth_stats *ret) {
    *ret = (struct auth_stats){ a->sign_ins, a->refused, a->refreshed, a->reused, a->hashes, a->checked, a->remembered, a->ended_known };
}
