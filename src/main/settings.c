/* settings.c - every room's settings in one list, and those of nobody in particular. */
#include "api/api.h"
#include "auth/auth.h"
#include "blob/blob.h"
#include "cache/cache.h"
#include "db/db.h"
#include "engine/engine.h"
#include "mail/mail.h"
#include "main/commands.h"
#include "media/client.h"
#include "net/client.h"
#include "net/server.h"
#include "ops/ops.h"
#include "pay/pay.h"
#include "shop/may.h"
#include "shop/order.h"
#include "task/task.h"

static const struct setting own_settings[] = {
    { "data", SET_STR, "./data", 1, 3000, "Folder of everything this server keeps: database, pictures, the operator's token." },
    { "role", SET_STR, "all", 1, 16, "What this process does: all. (api, worker and keeper come with the shared databases.)" },
    { "share", SET_STR, "", 0, 3000, "Folder with templates/; empty: the nearest share/zoetrope above this program." },
    { "products", SET_STR, "", 0, 3000, "Folder with the products; empty: the nearest share/zoetrope/products above this program." },
    { "log.level", SET_STR, "info", 4, 5, "Least important events that are logged: debug, info, warn, error." },
    { "node", SET_INT, "0", 0, 255, "Number of this machine, part of every id: two servers on one database need two." },
    { 0 },
};

const struct setting *const main_settings[] = {
    own_settings, net_settings, http_client_settings, db_settings, cache_settings, blob_settings, media_settings, engine_settings,
    task_settings, auth_settings, mail_settings, pay_settings, shop_plan_settings, shop_settings, api_settings, ops_settings, NULL,
};
