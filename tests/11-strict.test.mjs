// 11-strict: no malformed request gets through (./run strict does the same with nginx beside it as the control).
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import assert from 'node:assert/strict';
import test from 'node:test';
import { root, tempDir } from './lib/server.mjs';

for (const server of ['testserver', 'zoetrope']) {
  test(`malformed requests are refused, good ones accepted: ${server}`, async t => {
    const dir = tempDir();
    const args = [join(root, 'tests/strict/strict.mjs'), '--server', server, '--no-nginx', '--out', join(dir, 'strict.json')];
    const { stdout } = await promisify(execFile)(process.execPath, args).catch(e => assert.fail(e.stdout + e.stderr));
    assert.match(stdout, /(\d+) of \1 malformed requests refused and closed, 0 read as two; (\d+) of \2 good ones accepted/);
  });
}
