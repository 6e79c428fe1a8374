// schema.mjs - does a value fit a schema of /openapi.json; the part of JSON Schema that we use, and an error for any other keyword.
const KNOWN = new Set(['type', 'required', 'properties', 'items', 'enum', 'pattern', 'minimum', 'maximum', 'minItems', 'maxItems', 'anyOf', 'allOf', 'description', '$ref']);

const isType = (v, t) => ({ null: v === null, array: Array.isArray(v), object: typeof v === 'object' && v !== null && !Array.isArray(v), integer: Number.isInteger(v) })[t] ?? typeof v === t;

/** The ways in which value does not fit; [] when it does. api: the whole document. */
export function check(api, schema, value, at = '$') {
  if (schema.$ref) return check(api, schema.$ref.slice(2).split('/').reduce((o, k) => o[k], api), value, at);
  const wrong = Object.keys(schema).filter(k => !KNOWN.has(k)).map(k => `${at}: this checker does not know "${k}"`);
  if (schema.anyOf) return schema.anyOf.some(s => check(api, s, value, at).length === 0) ? wrong : [...wrong, `${at}: fits none of anyOf`];
  if (schema.allOf) wrong.push(...schema.allOf.flatMap(s => check(api, s, value, at)));
  if (schema.enum && !schema.enum.includes(value)) wrong.push(`${at}: ${JSON.stringify(value)} is not in the enum`);
  if (schema.type && ![schema.type].flat().some(t => isType(value, t))) return [...wrong, `${at}: ${JSON.stringify(value)} is not ${schema.type}`];
  if (schema.pattern && typeof value === 'string' && !new RegExp(schema.pattern).test(value)) wrong.push(`${at}: "${value}" is not ${schema.pattern}`);
  if (value < schema.minimum || value > schema.maximum) wrong.push(`${at}: ${value} is out of range`);
  if (Array.isArray(value)) {
    if (value.length < schema.minItems || value.length > schema.maxItems) wrong.push(`${at}: ${value.length} items`);
    if (schema.items) value.forEach((v, i) => wrong.push(...check(api, schema.items, v, `${at}[${i}]`)));
  } else if (isType(value, 'object')) {
    for (const key of schema.required ?? []) if (!(key in value)) wrong.push(`${at}: ${key} is missing`);
    for (const [key, s] of Object.entries(schema.properties ?? {})) if (key in value) wrong.push(...check(api, s, value[key], `${at}.${key}`));
  }
  return wrong;
}
