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

/* The settings every remote engine has. */
#define REMOTE(name, title, url, key)                                                                                                     \
    { "engine." name "_keys", SET_SECRET, "", 0, 4000, title ": its keys (" key "), with commas; empty: it is not used." },                \
    { "engine." name "_url", SET_STR, url, 8, 300, title ": address of its API, without / at the end; another region's, or for tests." }, \
    { "engine." name "_models", SET_STR, "", 0, 1000, title ": a file of models, prices and limits instead of share/engines/" name ".yaml." },
const struct setting engine_settings[] = {
    { "engine.use", SET_STR, "", 0, 200,
      "Comma list of engines that replaces every recipe's own; for tests and drills (\"fake\")." },
    { "engine.fake_script", SET_STR, "", 0, 2000,
      "Delays and faults of the engines fake and fake_remote; the grammar is in engine/fake_script.h." },
    { "engine.fake_slots", SET_INT, "4", 1, 1024, "How many calls the engines fake and fake_remote work on side by side." },
    REMOTE("dashscope", "DashScope (Alibaba Model Studio)", "https://dashscope.aliyuncs.com", "sk-…")
    REMOTE("replicate", "Replicate", "https://api.replicate.com/v1", "r8_…")
    { "engine.replicate_webhook_secrets", SET_SECRET, "", 0, 1000,
      "Replicate: the secrets that sign its webhooks (whsec_…), one an account, with commas; empty: calls are only asked about." },
    REMOTE("fal", "fal", "https://queue.fal.run", "id:secret")
    { "engine.fal_jwks_url", SET_STR, "https://rest.fal.ai/.well-known/jwks.json", 8, 300, "fal: the document of the keys that sign its webhooks." },
    REMOTE("vmodel", "VModel", "https://api.vmodel.ai", "token")
    REMOTE("ark", "Ark (Volcengine)", "https://ark.cn-beijing.volces.com/api/v3", "key")
    REMOTE("jimeng", "Jimeng (Volcengine's visual API)", "https://visual.volcengineapi.com", "AccessKeyId:SecretAccessKey")
    { "engine.jimeng_region", SET_STR, "cn-north-1", 1, 40, "Jimeng: the region that its requests are signed for." },
    { "engine.jimeng_producer", SET_STR, "", 0, 200,
      "Jimeng: who makes the pictures, for the hidden label that mainland China wants in them; with engine.jimeng_propagator, or neither." },
    { "engine.jimeng_propagator", SET_STR, "", 0, 200, "Jimeng: who spreads the pictures, for the same label." },
    REMOTE("viapi", "Alibaba viapi (faces of old photographs)", "https://facebody.cn-shanghai.aliyuncs.com", "AccessKeyId:AccessKeySecret")
    { "engine.viapi_upload_url", SET_STR, "https://openplatform.aliyuncs.com", 8, 300,
      "Alibaba viapi: address of the API that permits uploads of inputs, without / at the end." },
    REMOTE("tencent", "Tencent (face fusion)", "https://facefusion.tencentcloudapi.com", "SecretId:SecretKey")
    { "engine.tencent_region", SET_STR, "ap-guangzhou", 1, 40, "Tencent: the region that is asked." },
    REMOTE("green", "Aliyun Green (content moderation)", "https://green-cip.cn-shanghai.aliyuncs.com", "AccessKeyId:AccessKeySecret")
    { "engine.green_refuse", SET_STR, "high", 3, 6, "Aliyun Green: the risk from which on a picture is refused: low, medium or high." },
    { "engine.comfyui_nodes", SET_STR, "", 0, 2000,
      "ComfyUI: addresses of our own machines (http://10.0.0.5:8188), with commas; empty: it is not used. They need a place in client.allow, and no door to the internet." },
    { "engine.comfyui_models", SET_STR, "", 0, 1000, "ComfyUI: a file of graphs, prices and limits instead of share/engines/comfyui.yaml." },
    { NULL },
};

const struct engine_driver *engine_driver(struct str name) {
    name = str_cut(&name, '.');                        /* a lane's name begins with its engine's */
    for (size_t i = 0; engine_drivers[i]; i++)
        if (str_eqz(name, engine_drivers[i]->name))
            return engine_drivers[i];
    return NULL;
}
