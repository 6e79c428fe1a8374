/*
 * fake_script.h - what the fake engines are told to do, in one line of text.
 *
 *   script = rule *( ";" rule )            spaces around a rule are ignored; the empty script does everything at once and well
 *   rule   = [ only "." ] what [ "=" ms ] [ "@" n [ "+" ] ]
 *   only     calls of this operation ("compose.refused") or of this engine ("fake.failed"); absent: every call
 *   @n       only the n-th call the rule looks at, counted from 1; "@n+" from that one on; absent: each
 *   what     delay=ms   the call takes that long (default 0); the first delay rule that matches
 *            jitter=ms  and up to so much longer, another time for each call, the same in each run; the first that matches
 *            refused    the engine refuses the input: never again, never elsewhere
 *            failed     the engine fails: may be tried again
 *            died       as a killed picture process
 *            busy       submit answers "not now"
 *            uncertain  submit ends without an answer; nobody knows
 *            unknown    the call was taken, its outcome never becomes known
 *            lost       as unknown; when asked later, it never happened
 *            late=ms    as unknown; when asked later, it is done that long after it was sent
 *            hang       never ends
 *            broken     `score` says the picture is not good enough
 *            poor=n     the same, for every picture whose seed ends in n (modulo 1000)
 *            judged     `compose` answers with its verdict, so that no `score` is needed
 *            die        the server is killed (SIGKILL) at the call
 *            shut=ms    the engine takes no calls for so long after it was opened, or with @n behind that call; "fake.shut=500"
 *   The first fault rule that matches wins. Example: "delay=50; compose.failed@2; score.broken@1; compose.late=2000@3"
 *
 * Two engines obey it: `fake` may be repeated blindly, as the local one; `fake_remote` costs money, may not, and can be asked.
 * When a call is asked about that has no remote id (submit was `uncertain`), the rules `lost` and `late` of the script answer.
 * Used by: driver_fake.c.
 */
#ifndef ZT_ENGINE_FAKE_SCRIPT_H
#define ZT_ENGINE_FAKE_SCRIPT_H

#include "base/err.h"
#include "base/str.h"

#define FAKE_WHATS(X) \
    X(NONE, "") X(DELAY, "delay") X(JITTER, "jitter") X(REFUSED, "refused") X(FAILED, "failed") X(DIED, "died") X(BUSY, "busy") X(UNCERTAIN, "uncertain") \
    X(UNKNOWN, "unknown") X(LOST, "lost") X(LATE, "late") X(HANG, "hang") X(BROKEN, "broken") X(POOR, "poor") X(JUDGED, "judged") X(DIE, "die") X(SHUT, "shut")
enum fake_what {
#define X(id, text) FAKE_##id,
    FAKE_WHATS(X)
#undef X
    FAKE_WHAT_COUNT
};

#define FAKE_RULES_MAX 32
struct fake_rule {
    char           only[16];     /* operation or engine; "" = every call */
    enum fake_what what;
    int64_t        ms;
    int64_t        nth, seen;    /* nth 0 = each; seen counts the calls looked at */
    bool           onward;
};
struct fake_script {
    struct fake_rule rules[FAKE_RULES_MAX];
    size_t           n;
};

/* What one call shall do. */
struct fake_plan { enum fake_what what; int64_t delay_ms, late_ms, shut_ms; };

/* ERR_CONFIG with the rule that is wrong. */
int fake_script_parse(struct str text, struct fake_script *ret, struct err *e);
/* Counts this call on every rule and says what it shall do. */
struct fake_plan fake_script_next(struct fake_script *s, struct str op, const char *engine);
/* A rule `poor` names this seed. */
bool fake_script_poor(const struct fake_script *s, int64_t seed);
/* The first rule of that kind for this op and engine, whatever its count; NULL when there is none. */
const struct fake_rule *fake_script_has(const struct fake_script *s, struct str op, const char *engine, enum fake_what what);

#endif
