// SPDX-License-Identifier: Apache-2.0
// Tests what the build of the addon says of a compiler that is too old.
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { naming } from '../support/failures.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

const script = join(import.meta.dirname, '../../native/build.mjs');

function writeProgram(path: string, text: string): void {
  writeFileSync(path, `#!/bin/sh\n${text}\n`);
  chmodSync(path, 0o755);
}

/** Runs it in a folder of its own, with a compiler that prints this when it preprocesses. */
function buildWith(
  folder: TemporaryFolder,
  preprocessed: string,
  environment: Readonly<Record<string, string>> = {},
): { readonly status: number | null; readonly stderr: string } {
  for (const name of ['bin', 'native']) mkdirSync(folder.at(name));
  copyFileSync(script, folder.at('native/build.mjs'));
  symlinkSync('/bin/sh', folder.at('bin/sh'));
  for (const name of ['make', 'python3']) writeProgram(folder.at(`bin/${name}`), '');
  const version = 'g++ (Debian 10.2.1-6) 10.2.1 20210110';
  const print = `case "$*" in *--version) echo '${version}' ;; *) ${preprocessed} ;; esac`;
  for (const name of ['g++', 'g++-own']) writeProgram(folder.at(`bin/${name}`), print);
  const { status, stderr } = spawnSync(process.execPath, [folder.at('native/build.mjs')], {
    env: { PATH: folder.at('bin'), ...environment },
    encoding: 'utf8',
  });
  return { status, stderr };
}

test.for([
  ['an option that it does not know', 'exit 1'],
  ['a library without std::expected', 'echo "expected __cpp_lib_expected gcc 11 clang __clang__"'],
] as const)('addon: a compiler that is too old is named, with a newer one: %s', ([, prints]) => {
  using folder = new TemporaryFolder();
  expect(buildWith(folder, prints)).toEqual({
    status: 1,
    stderr: naming('g++', '10.2.1', 'g++ 12', 'CXX=g++-12'),
  });
});

test('addon: the compiler is the one that CXX names', () => {
  using folder = new TemporaryFolder();
  const { status, stderr } = buildWith(folder, 'exit 1', { CXX: 'g++-own -m64' });
  expect({ status, stderr }).toEqual({ status: 1, stderr: naming('g++-own -m64', '10.2.1') });
});

test('addon: a compiler that is new enough is taken', () => {
  using folder = new TemporaryFolder();
  const { stderr } = buildWith(folder, 'echo "expected 202211L gcc 99 clang __clang__"');
  // which is not there
  expect(stderr).toEqual(naming("Cannot find module 'node-gyp"));
});

test('addon: npm with a Node that is too old to build a checkout is named', () => {
  const environment = {
    npm_config_user_agent: 'npm/9.2.0 node/v18.20.4 linux x64 workspaces/false',
  };
  const newEnough = 'echo "expected 202211L gcc 99 clang __clang__"';
  using installed = new TemporaryFolder();
  expect(buildWith(installed, newEnough, environment).stderr).toEqual(naming('node-gyp'));
  using checkout = new TemporaryFolder();
  mkdirSync(checkout.at('host'));
  writeFileSync(checkout.at('host/tsconfig.json'), '{}');
  expect(buildWith(checkout, newEnough, environment)).toEqual({
    status: 1,
    stderr: naming('18.20.4', '20'),
  });
});
