// paytool.mjs - build/*/src/pay/pay_tool as an object: await tool.ask({ do: 'notice', … }).
import { startTool } from './tool.mjs';

/** settings: { stripe_url: …, timeout_ms: … } without "pay." in front; secrets too. env: beside them. */
export const startPayTool = (t, settings = {}, env = {}) =>
  startTool(t, 'src/pay/pay_tool', { ...Object.fromEntries(Object.entries(settings).map(([k, v]) => [`ZOETROPE_PAY_${k.toUpperCase()}`, String(v)])), ...env });
