// SPDX-License-Identifier: Apache-2.0
// W1: an agent compiles one function at a time, also where many are called often at once: then it
// takes the memory of one.
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { compilerFlags } from '../../host/handler/compiling/compiler-flags.ts';
import { runCommand } from '../support/command.ts';
import { MemoryCgroup } from '../support/memory-cgroup.ts';

const limitBytes = 2 ** 30;
const deadlineMs = 55_000;

interface Trial {
  readonly what: string;
  readonly flags: readonly string[];
  readonly options: readonly string[];
}

test.each<Trial>([
  {
    what: 'a module, all when it is loaded',
    flags: ['--no-liftoff', '--no-wasm-lazy-compilation', '--no-wasm-tier-up'],
    options: [],
  },
  {
    what: 'many modules, each when it was called',
    flags: ['--wasm-tiering-budget=1'],
    options: ['modules'],
  },
])('W1: compiling: an agent compiles functions of $what, one at a time', async (trial) => {
  using cgroup = new MemoryCgroup(limitBytes);
  const program = join(import.meta.dirname, '../support/compiling-peak.ts');
  const [enter = '', ...rest] = cgroup.wrapper;
  const node = [process.execPath, ...compilerFlags, ...trial.flags];
  const { code, stdout, stderr } = await runCommand(
    [enter, ...rest, ...node, program, ...trial.options],
    { deadlineMs },
  );
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const { one, six }: { one: number; six: number } = JSON.parse(stdout);
  expect(six).toBeLessThan(2 * one);
});
