// SPDX-License-Identifier: Apache-2.0
// Tests lists of strings: where callers have them, and how they are handed on.
import { expect, test } from 'vitest';

import { argumentStrings } from '../../host/call/argument-memory.ts';
import { ReceivedCall } from '../../host/call/received-call.ts';
import { stringListBytes, stringListOf } from '../../host/call/string-list.ts';
import { arches, inbox } from '../../host/native.ts';
import { Syscalls } from '../../host/syscalls/syscalls.ts';
import { fillCall } from '../support/handler-harness.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test('string list: what is written is read', () => {
  for (const isTruncated of [false, true]) {
    const list = { items: [bytes('ls'), bytes(''), bytes('-l')], isTruncated };
    expect(stringListOf(stringListBytes(list))).toEqual(list);
  }
});

test('M7: string list: redacted bytes end where they end', () => {
  const { items } = stringListOf(new Uint8Array(20).fill(0x2a));
  expect(items.map(({ length }) => length)).toEqual([12]);
  expect(stringListOf(new Uint8Array(0))).toEqual({ items: [], isTruncated: false });
});

const syscalls = new Syscalls();

test.for([
  ['x86_64', 64, 0xdead_beef_0000_1000n],
  ['i386', 32, 0x1000n],
  ['x32', 32, 0xdead_beef_0000_1000n],
  ['arm64', 64, 0xdead_beef_0000_1000n],
] as const)('K19: string list: the pointers of %s have %i bits', ([arch, pointerBits, address]) => {
  const call = new ReceivedCall();
  fillCall(call, 'execve', ['/a', 0xdead_beef_0000_1000n, 0]);
  new DataView(call.bytes.buffer).setUint32(inbox.arch, arches.indexOf(arch), true);
  const execve = syscalls.byName('execve');
  if (execve === undefined) throw new Error('no execve');
  expect(argumentStrings(call, execve, 1)).toEqual({ address, pointerBits });
  expect(argumentStrings(call, execve, 2)).toMatchObject({ address: 0n });
  expect([0, 3, 6].map((index) => argumentStrings(call, execve, index))).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});
