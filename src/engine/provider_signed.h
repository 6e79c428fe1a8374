/*
 * provider_signed.h - inside engine/provider_*.c: services whose requests are signed (sign.h) instead of bearing a key.
 * An account stands in the settings as "id:secret", and that pair is its key everywhere else. All of Aliyun signs and refuses in the same words.
 * Owns: nothing.  Threads: as provider.h.
 */
#ifndef ZT_ENGINE_PROVIDER_SIGNED_H
#define ZT_ENGINE_PROVIDER_SIGNED_H

#include "engine/provider.h"
#include "engine/sign.h"

/* Whether each of engine.<name>_keys is "id:secret", for a provider's open(). ERR_CONFIG, which shows none of them. */
int provider_check_pairs(const struct config *cfg, const char *name, struct err *e);

typedef int provider_sign_fn(const struct sign_request *q, struct arena *a, struct sign_result *ret, struct err *e);
/*
 * Makes *c a request to the root of base_url, signed with the job's key at this moment. c->method and c->body are there already; q says what is
 * asked (service, region, action, version, query, content_type), and the rest of it is filled in here.
 * 1, or ERR_ENGINE_FAILED: an address or a key that cannot be signed is no fault of the task's.
 */
int provider_sign(provider_sign_fn *sign, struct sign_request q, const char *base_url, const struct provider_job *j, const struct provider_moment *m,
                  struct arena *a, struct provider_call *c, struct err *e);

/* Aliyun: `pairs` as the form of a POST, or in the query of a GET; signed by ACS3. Returns as above. */
int provider_aliyun(const char *base_url, const char *method, const char *action, const char *version, const struct sign_pair *pairs, size_t n,
                    const struct provider_job *j, const struct provider_moment *m, struct arena *a, struct provider_call *c, struct err *e);
/* A refusal in the words of Aliyun's gateway (Code is a text); sets *o and returns true when it was one. */
bool provider_aliyun_refused(const struct provider_said *said, const json_t *body, struct provider_outcome *o);

#endif
