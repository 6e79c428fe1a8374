// Reporter of Node's test runner: one JSON line for every finished test, for tools/test-runner.py to count.
export default async function* reporter(source) {
  for await (const { type, data } of source) {
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    if (data.details?.type === 'suite') continue;
    yield JSON.stringify({
      file: data.file ?? '',
      name: data.name,
      nesting: data.nesting,
      ok: type === 'test:pass',
      skip: data.skip ?? data.todo ?? false,
      ms: Math.round(data.details?.duration_ms ?? 0),
      error: type === 'test:fail' ? String(data.details?.error?.cause?.stack ?? data.details?.error ?? '') : '',
    }) + '\n';
  }
}
