// SPDX-License-Identifier: Apache-2.0
// Tests what the build of the addon says of a compiler that is too old.
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { isBefore } from '../../host/text/version.ts';
import lock from '../../package-lock.json' with { type: 'json' };
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
  shells: readonly string[] = ['sh'],
): { readonly status: number | null; readonly stderr: string } {
  for (const name of ['bin', 'native']) mkdirSync(folder.at(name));
  copyFileSync(script, folder.at('native/build.mjs'));
  for (const name of shells) symlinkSync('/bin/sh', folder.at(`bin/${name}`));
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

const newEnough = 'echo "expected 202211L gcc 99 clang __clang__"';

/** As g++ 10 and clang 14 say it. */
const refused = `echo "g++: error: unrecognized command line option '-std=c++23'" >&2; exit 1`;
const clangRefused = `echo "error: invalid value 'c++23' in '-std=c++23'" >&2; exit 1`;

test.for([
  ['an option that it does not know', refused],
  ['a value that it does not know', clangRefused],
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
  const { status, stderr } = buildWith(folder, refused, { CXX: 'g++-own -m64' });
  expect({ status, stderr }).toEqual({ status: 1, stderr: naming('g++-own -m64', '10.2.1') });
});

test.for([
  ['g++-12', 'g++-12', true],
  ['g++-12 -m64', 'g++-12', true],
  ['ccache g++', 'ccache', false],
  ['clang++-99', 'clang++-99', false],
  ['/none/g++-12', '/none/g++-12', false],
] as const)('addon: CXX=%j that is not in PATH is named', ([value, command, isPackage]) => {
  using folder = new TemporaryFolder();
  const { status, stderr } = buildWith(folder, newEnough, { CXX: value });
  expect({ status, stderr }).toEqual({ status: 1, stderr: naming('CXX', command) });
  const packages = /apt-get install (?<packages>.*)/u.exec(stderr)?.groups?.['packages'];
  expect(packages).toBe(isPackage ? command : undefined);
});

test.for([
  [
    'its first message',
    'echo "ccache: error: no compiler" >&2; exit 1',
    'ccache: error: no compiler',
  ],
  [
    'a file that is missing',
    'echo "<stdin>:1:10: fatal error: version" >&2; exit 1',
    'fatal error',
  ],
  ['its status', 'exit 3', /\b3\b/u],
  ['its signal', 'kill -9 $$', /\b(?:137|SIGKILL|Killed)\b/u],
  ['what it prints instead', 'echo Hello', 'Hello'],
] as const)(
  'addon: a compiler that fails is not called too old: %s is named',
  ([, prints, named]) => {
    using folder = new TemporaryFolder();
    const { status, stderr } = buildWith(folder, prints);
    expect({ status, stderr }).toEqual({ status: 1, stderr: naming('g++', named, 'CXX=g++-12') });
    // of the line for one that is too old
    expect(stderr).not.toMatch(/C\+\+23|10\.2\.1/u);
  },
);

test('addon: a compiler that cannot be run is named', () => {
  using folder = new TemporaryFolder();
  const { status, stderr } = buildWith(folder, newEnough, {}, []);
  expect({ status, stderr }).toEqual({ status: 1, stderr: naming('g++', 'ENOENT') });
  expect(stderr).not.toMatch(/TypeError/u);
});

test('addon: a compiler that is new enough is taken', () => {
  using folder = new TemporaryFolder();
  const { stderr } = buildWith(folder, newEnough);
  // which is not there
  expect(stderr).toEqual(naming("Cannot find module 'node-gyp"));
});

/** As npm names the Node that it runs with. */
function npmWith(node: string): Readonly<Record<string, string>> {
  return { npm_config_user_agent: `npm/9.2.0 node/v${node} linux x64 workspaces/false` };
}

function checkout(folder: TemporaryFolder): void {
  mkdirSync(folder.at('host'));
  writeFileSync(folder.at('host/tsconfig.json'), '{}');
}

/** The Nodes with which npm installs what a checkout is built with: `^20.19.0 || >=22.12.0`. */
const ranges = lock.packages['node_modules/@rolldown/binding-linux-x64-gnu'].engines.node
  .split(' || ')
  .map((range) => {
    const { kind, version } = /^(?<kind>\^|>=)(?<version>[\d.]+)$/u.exec(range)?.groups ?? {};
    if (version === undefined) throw new Error(`unexpected range ${range}`);
    return { isOfMajor: kind === '^', least: version.split('.').map(Number) };
  });

function isInstalled(node: string): boolean {
  const version = node.split('.').map(Number);
  return ranges.some(
    ({ isOfMajor, least }) => !isBefore(version, least) && (!isOfMajor || version[0] === least[0]),
  );
}

test.for([
  '18.20.4',
  '20.18.1',
  '20.19.0',
  '20.19.2',
  '21.7.3',
  '22.11.0',
  '22.12.0',
  '23.0.0',
  '24.0.0',
  '26.10.0',
])('addon: npm with Node %s builds a checkout, or is named as too old', (node) => {
  using folder = new TemporaryFolder();
  checkout(folder);
  const { status, stderr } = buildWith(folder, newEnough, npmWith(node));
  const built = naming("Cannot find module 'node-gyp");
  const bounds = ranges.map(({ least }) => least.slice(0, 2).join('.'));
  expect({ status, stderr }).toEqual({
    status: 1,
    stderr: isInstalled(node) ? built : naming(node, ...bounds),
  });
});

test('addon: npm may have any Node where the package is installed', () => {
  using folder = new TemporaryFolder();
  expect(buildWith(folder, newEnough, npmWith('18.20.4')).stderr).toEqual(naming('node-gyp'));
});
