// SPDX-License-Identifier: Apache-2.0
// Runs the tests of the addon once more, on its build with the address and undefined-behaviour
// sanitizers, in a vitest of its own.
import { execFile, execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');
const addon = join(root, 'build-asan/build/Release/seccompagent.node');
const timeoutMs = 300_000;

/** Where the compiler has a file of its own. */
function compilersFile(name: string): string {
  return execFileSync('gcc', [`-print-file-name=${name}`], { encoding: 'utf8' }).trim();
}

function vitest(): string {
  const manifest = createRequire(import.meta.url).resolve('vitest/package.json');
  return join(dirname(manifest), 'vitest.mjs');
}

/** All that a run of these test files says; its sanitizers end a process at the first finding. */
async function output(files: readonly string[]): Promise<string> {
  const config = ['--config', join(root, 'test/vitest.config.ts')];
  const args = [vitest(), 'run', ...config, ...files.map((file) => join('test/native', file))];
  const env = {
    ...process.env,
    NO_COLOR: '1',
    // that run's tests are counted as one here
    SECCOMPAGENT_TEST_COUNTS: undefined,
    SECCOMPAGENT_ASAN: '1',
    LD_PRELOAD: compilersFile('libasan.so'),
    // what V8 keeps until the process ends is no leak of ours
    ASAN_OPTIONS: 'detect_leaks=0',
    UBSAN_OPTIONS: 'print_stacktrace=1',
  };
  const options = { cwd: root, env, timeout: timeoutMs, maxBuffer: 64 * 1024 * 1024 };
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, args, options);
    return stdout + stderr;
  } catch (thrown) {
    if (!(thrown instanceof Error) || !('stdout' in thrown) || !('stderr' in thrown)) throw thrown;
    return `${thrown.message}\n${String(thrown.stdout)}${String(thrown.stderr)}`;
  }
}

test(
  'G10: addon: its tests pass on the build with sanitizers',
  { timeout: timeoutMs },
  async () => {
    expect(existsSync(addon), `npm run build:asan makes ${addon}`).toBe(true);
    const said = await output([
      'addon-misuse.test.ts',
      'addon-requests.test.ts',
      'addon-calls.test.ts',
      'addon-threads.test.ts',
      'filter.test.ts',
    ]);
    expect(said).not.toMatch(/AddressSanitizer|runtime error:/u);
    expect(said).toMatch(/^\d+ passed, 0 failed, 0 skipped$/mu);
  },
);
