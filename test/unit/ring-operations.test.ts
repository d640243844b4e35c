// SPDX-License-Identifier: Apache-2.0
// Holds what is known of io_uring's operations against the kernel's header, and the calls' names.
import { existsSync, readFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import { familyOf, isKnownCall, waysAround } from '../../host/profile/families.ts';
import { ringOperations } from '../../host/profile/ring-operations.ts';

const header = '/usr/include/linux/io_uring.h';
/** libseccomp's names of calls that only old ABIs have. */
const oldCalls: readonly string[] = ['recv', 'send'];

/** In the order of their numbers. */
function operationsOf(text: string): readonly string[] {
  const [, body = ''] = /^enum io_uring_op \{(.*?)IORING_OP_LAST/msu.exec(text) ?? [];
  return [...body.matchAll(/^\s*IORING_OP_(\w+),/gmu)].map(([, name = '']) => name);
}

test('K21: ring operations: each of the kernel’s has its calls, or has none', ({ skip }) => {
  skip(!existsSync(header), 'needs linux-libc-dev');
  const operations = operationsOf(readFileSync(header, 'utf8'));
  expect(operations.length).toBeGreaterThan(50);
  // those that are newer than the header follow
  expect(Object.keys(ringOperations).slice(0, operations.length)).toEqual(operations);
});

test('K21: ring operations: each call is one by its family’s name, and has io_uring as a way around', () => {
  const calls = [...new Set(Object.values(ringOperations).flat())];
  const known = calls.filter((call) => isKnownCall(call) || oldCalls.includes(call));
  expect(calls).toEqual(known);
  expect(calls.map((call) => familyOf(call))).toEqual(calls);
  for (const call of calls) expect(waysAround(call)).toContain('io_uring_setup');
});

test.for(['chmod', 'mount', 'execve', 'getpid'])(
  'K21: ring operations: %s is done by none',
  (call) => {
    expect(waysAround(call)).not.toContain('io_uring_setup');
  },
);
