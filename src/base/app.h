/*
 * app.h - what one running server consists of. main/ fills it before the first thread starts; afterwards nobody writes to it.
 * Handlers find it as http_req.app. Only names are known here, so that no room depends on another by including this.
 */
#ifndef ZT_BASE_APP_H
#define ZT_BASE_APP_H

#include <stdint.h>

struct app {
    const struct config *cfg;
    struct db          *db;
    struct cache       *cache;
    struct blob_store  *blobs;
    struct mail        *mail;
    struct auth        *auth;
    struct media       *media;
    struct studio      *studio;
    struct task_core   *tasks;
    struct http_client *client;          /* all outgoing HTTP */
    struct pay         *pay;
    struct shop        *shop;
    struct http_server *server;
    struct api         *api;             /* answers that are rendered once */
    const struct setting *const *settings;   /* every room's table; NULL-ended */
    const char         *data_dir;
    int64_t             started_ms;      /* clock_mono_ms() */
};

#endif
