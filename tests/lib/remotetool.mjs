// remotetool.mjs - build/*/src/engine/remote_tool as an object: one call at a remote engine from its submit to its end, without a server around it.
import { join } from 'node:path';
import { root } from './server.mjs';
import { startTool } from './tool.mjs';

/** settings: { dashscope_url: …, dashscope_keys: … } without "engine." in front; env: beside them. */
export async function startRemoteTool(t, settings = {}, env = {}) {
  const own = Object.fromEntries(Object.entries(settings).map(([k, v]) => [`ZOETROPE_ENGINE_${k.toUpperCase()}`, String(v)]));
  const tool = await startTool(t, 'src/engine/remote_tool', { REMOTE_TOOL_SHARE: join(root, 'share'), ...own, ...env }), { ask } = tool;
  return {
    ...tool,
    /** A call from its submit to its end. */
    async run(q) {
      const begun = await ask({ do: 'submit', ...q });
      if (!begun.ok) return begun;
      const over = await ask({ do: 'over', ticket: begun.ticket });
      await ask({ do: 'release', ticket: begun.ticket });
      return over;
    },
  };
}
