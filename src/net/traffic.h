/*
 * traffic.h - what a request is for. When there is more to do than can be done, what stands lower goes first (admission.h).
 */
#ifndef ZT_NET_TRAFFIC_H
#define ZT_NET_TRAFFIC_H

#define TRAFFIC_LIST(X) \
    X(OPERATE, "operate")  /* probes, numbers, the operator: never shed, but for who asks for more than his share of what needs no right */ \
    X(PAYMENT, "payment")  /* what a payment provider has to say: never shed, it repeats itself a few times only */ \
    X(SETTLE,  "settle")   /* ends what was begun, and so frees something: picks, cancels, deletes, signs out; what workers bring */ \
    X(SIGN_IN, "sign_in")  /* who you are: passwords, links, renewal */ \
    X(READ,    "read")     /* looks at what is there, or changes a word of it */ \
    X(UPLOAD,  "upload")   /* brings something to work on, and what that needs: a guest's session, a consent */ \
    X(CREATE,  "create")   /* orders work */ \
    X(FEED,    "feed")     /* looks around */

/* The order is the order of service. */
enum traffic_class {
    TRAFFIC_NONE,          /* a route without one is refused at start */
#define X(id, name) TRAFFIC_##id,
    TRAFFIC_LIST(X)
#undef X
    TRAFFIC_COUNT
};

#endif
