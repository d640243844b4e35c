// SPDX-License-Identifier: Apache-2.0
// Runs clang-tidy over the sources of the addon and its helper, as many at a time as there are cores.
import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { requirePackages } from './packages.ts';

const root = join(import.meta.dirname, '../..');
const flags = [
  '-std=c++23',
  '-fno-exceptions',
  '-fno-rtti',
  '-DNAPI_VERSION=9',
  '-DNODE_ADDON_API_DISABLE_CPP_EXCEPTIONS',
  `-I${join(root, 'native')}`,
  '-isystem',
  join(root, 'node_modules/node-addon-api'),
  '-isystem',
  join(root, `node_modules/node-linux-${process.arch}/include/node`),
];

requirePackages([
  { command: 'clang-tidy-19', package: 'clang-tidy-19' },
  { command: 'clang-format-19', package: 'clang-format-19' },
]);
const files = readdirSync(join(root, 'native'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.cc'))
  .map((name) => join(root, 'native', name));

async function work(): Promise<void> {
  for (let file = files.pop(); file !== undefined; file = files.pop()) {
    try {
      await promisify(execFile)('clang-tidy-19', ['--quiet', file, '--', ...flags]);
    } catch (thrown) {
      const output = thrown instanceof Error && 'stdout' in thrown ? String(thrown.stdout) : '';
      process.stdout.write(output === '' ? `${file}: ${String(thrown)}\n` : output);
      process.exitCode = 1;
    }
  }
}

await Promise.all(Array.from({ length: availableParallelism() }, work));
