// SPDX-License-Identifier: Apache-2.0
// Tests how missing programs are installed or asked for.

import { expect, test } from 'vitest';

import { naming } from '../support/failures.ts';
import { type PackageSystem, requirePackages } from '../support/packages.ts';

const needs = [
  { command: 'runc', package: 'runc' },
  { command: 'clang-format-19', package: 'clang-format-19' },
  { command: 'clang-tidy-19', package: 'clang-format-19' },
];

/** A system that records what is run; `install` brings the `installable` commands. */
function fakeSystem(options: {
  readonly uid: number;
  readonly commands: readonly string[];
  readonly installable: readonly string[];
}): { readonly system: PackageSystem; readonly runs: readonly string[] } {
  const commands = new Set(options.commands);
  const runs: string[] = [];
  const system: PackageSystem = {
    uid: options.uid,
    hasCommand: (command) => commands.has(command),
    run: (command, args, environment) => {
      runs.push(`${environment['DEBIAN_FRONTEND']} ${command} ${args.join(' ')}`);
      if (args[0] === 'install') for (const name of options.installable) commands.add(name);
    },
  };
  return { system, runs };
}

test('requirePackages: runs nothing when every command is there', () => {
  const commands = needs.map((need) => need.command);
  const { system, runs } = fakeSystem({ uid: 1000, commands, installable: [] });
  requirePackages(needs, system);
  expect(runs).toEqual([]);
});

test('requirePackages: root on Debian installs what is missing, each package once', () => {
  const { system, runs } = fakeSystem({
    uid: 0,
    commands: ['apt-get', 'runc'],
    installable: ['clang-format-19', 'clang-tidy-19'],
  });
  requirePackages(needs, system);
  expect(runs).toEqual([
    'noninteractive apt-get update',
    'noninteractive apt-get install -y --no-install-recommends clang-format-19',
  ]);
});

test.for([
  { who: 'no root', uid: 1000, commands: ['apt-get'] },
  { who: 'no apt-get', uid: 0, commands: [] },
])('requirePackages: says what to install where there is $who', ({ uid, commands }) => {
  const { system, runs } = fakeSystem({ uid, commands, installable: [] });
  expect(() => requirePackages(needs, system)).toThrow(
    'apt-get install -y --no-install-recommends runc clang-format-19',
  );
  expect(runs).toEqual([]);
});

test('requirePackages: refuses a package that does not bring its command', () => {
  const { system } = fakeSystem({ uid: 0, commands: ['apt-get'], installable: ['runc'] });
  expect(() => requirePackages(needs, system)).toThrow(
    expect.objectContaining({
      message: naming(/^(?!.*\brunc\b)/u, 'clang-format-19', 'clang-tidy-19'),
    }),
  );
});
