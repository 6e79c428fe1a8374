/*
 * device.c - what a person sees of a signed-in device: enough to know it again, too little to follow somebody.
 * The words are ours; of the User-Agent header only that it contains one of them is kept.
 */
#include "auth/auth.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "net/server.h"

struct word { const char *mark, *name; };

/* In order: many browsers name others that they want to be taken for. */
static const struct word browsers[] = {
    { "MicroMessenger", "WeChat" }, { "Edg", "Edge" }, { "OPR/", "Opera" }, { "SamsungBrowser", "Samsung Internet" },
    { "QQBrowser", "QQ Browser" }, { "UCBrowser", "UC Browser" }, { "Firefox", "Firefox" }, { "FxiOS", "Firefox" },
    { "CriOS", "Chrome" }, { "Chrome", "Chrome" }, { "Safari", "Safari" }, { "curl/", "curl" }, { "node", "Node.js" },
    { "python", "Python" },
};
static const struct word systems[] = {
    { "iPhone", "iPhone" }, { "iPad", "iPad" }, { "HarmonyOS", "HarmonyOS" }, { "Android", "Android" }, { "Windows", "Windows" },
    { "Mac OS X", "macOS" }, { "CrOS", "ChromeOS" }, { "Linux", "Linux" },
};

static const char *find(struct str in, const struct word *words, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (memmem(in.p, in.n, words[i].mark, strlen(words[i].mark)))
            return words[i].name;
    return NULL;
}

void auth_device_label(struct str ua, char out[80]) {
    if (ua.n > 512)
        ua.n = 512;
    const char *browser = ua.n ? find(ua, browsers, COUNT(browsers)) : NULL, *system = ua.n ? find(ua, systems, COUNT(systems)) : NULL;
    if (browser && system)
        snprintf(out, 80, "%s on %s", browser, system);
    else
        snprintf(out, 80, "%s", browser ? browser : system ? system : "Unknown device");
}

bool auth_peer_is_v4(const struct http_addr *peer) {
    static const uint8_t v4_mapped[12] = { [10] = 0xff, [11] = 0xff };
    return memcmp(peer->ip, v4_mapped, sizeof v4_mapped) == 0;
}

void auth_device_address(const struct http_addr *peer, char out[56]) {
    uint8_t ip[16] = { 0 };
    char text[INET6_ADDRSTRLEN] = "";
    bool v4 = auth_peer_is_v4(peer);
    memcpy(ip, v4 ? peer->ip + 12 : peer->ip, v4 ? 3 : 6);
    inet_ntop(v4 ? AF_INET : AF_INET6, ip, text, sizeof text);
    snprintf(out, 56, "%s/%d", text, v4 ? 24 : 48);
}

void auth_device_of(const struct http_req *req, struct auth_device *ret) {
    auth_device_label(http_req_header(req, "user-agent"), ret->label);
    auth_device_address(&req->peer, ret->address);
}
