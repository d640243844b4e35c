// SPDX-License-Identifier: Apache-2.0
// W1: an agent compiles one function at a time, also where many are called often at once: then it
// takes the memory of one.
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { compilerFlags } from '../../host/handler/compiling/compiler-flags.ts';
import { runCommand } from '../support/command.ts';
import { MemoryCgroup } from '../support/memory-cgroup.ts';

/** By which V8 compiles at once what it would compile when it is called often. */
const flags = ['--no-liftoff', '--no-wasm-lazy-compilation', '--no-wasm-tier-up'];
const limitBytes = 2 ** 30;
const deadlineMs = 55_000;

test('W1: compiling: an agent compiles one function at a time', async () => {
  using cgroup = new MemoryCgroup(limitBytes);
  const program = join(import.meta.dirname, '../support/compiling-peak.ts');
  const [first, ...rest] = [
    ...cgroup.wrapper,
    process.execPath,
    ...compilerFlags,
    ...flags,
    program,
  ];
  const { code, stdout, stderr } = await runCommand([first, ...rest], { deadlineMs });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const { one, six }: { one: number; six: number } = JSON.parse(stdout);
  expect(six).toBeLessThan(2 * one);
});
