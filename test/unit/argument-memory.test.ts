// SPDX-License-Identifier: Apache-2.0
// Tests what handlers may read and write behind the arguments of calls.
import { expect, test } from 'vitest';

import { inbox } from '../../host/native.ts';
import { argumentMemory } from '../../host/call/argument-memory.ts';
import type { ArgumentMemory } from '../../host/call/argument-memory.ts';
import { ReceivedCall } from '../../host/call/received-call.ts';
import { syscallNumbers } from '../../host/syscalls/syscall-numbers.ts';
import { syscallTable } from '../../host/syscalls/syscall-table.ts';
import { Syscalls } from '../../host/syscalls/syscalls.ts';
import { fillCall } from '../support/handler-harness.ts';
import type { GivenArgument } from '../support/handler-harness.ts';

const syscalls = new Syscalls();
const i386 = 1;

function memoryOf(
  name: string,
  given: readonly GivenArgument[],
  argument: number,
  arch = 0,
): ArgumentMemory {
  const call = new ReceivedCall();
  // x86-64 lacks some of the calls
  fillCall(call, 'mkdir', given);
  new DataView(call.bytes.buffer).setUint32(inbox.arch, arch, true);
  const syscall = syscalls.byName(name);
  if (syscall === undefined) throw new Error(`no ${name}`);
  return argumentMemory(call, syscall, argument);
}

test('argument memory: decoded bytes are the snapshot', () => {
  expect(memoryOf('mkdir', ['/abc', 0], 0)).toMatchObject({ kind: 'snapshot', size: 4n });
  expect(memoryOf('setxattr', ['/a', 'user.a', 'value', 5, 0], 2)).toMatchObject({ size: 5n });
  expect(memoryOf('mkdir', [null, 0], 0)).toEqual({ kind: 'fault', length: inbox.null });
  expect(memoryOf('mkdir', [{ errno: 'EFAULT' }, 0], 0)).toEqual({ kind: 'fault', length: -14 });
});

test('M4: argument memory: only results are written, and only as large as they are', () => {
  expect(memoryOf('sysinfo', [0x1000], 0)).toEqual({
    kind: 'memory',
    address: 0x1000n,
    size: 112n,
    isResult: true,
  });
  expect(memoryOf('sysinfo', [0], 0)).toEqual({ kind: 'fault', length: inbox.null });
  expect(memoryOf('getxattr', ['/a', 'user.a', 0x1000, 77], 2)).toMatchObject({
    size: 77n,
    isResult: true,
  });
  expect(memoryOf('fsconfig', [3, 0, 0x1000, 0x2000, 0], 3)).toMatchObject({
    address: 0x2000n,
    isResult: false,
  });
});

test('M4: argument memory: getxattrat has its room in a struct', () => {
  const args = new Uint8Array(16);
  const view = new DataView(args.buffer);
  view.setBigUint64(0, 0x7000n, true);
  view.setUint32(8, 33, true);
  expect(memoryOf('getxattrat', [3, '/a', 0, 'user.a', args, 16], 4)).toEqual({
    kind: 'memory',
    address: 0x7000n,
    size: 33n,
    isResult: true,
  });
});

test('K19: argument memory: results of 32-bit programs have their own sizes and addresses', () => {
  const high = 0xdead_beef_0000_0000n;
  expect(memoryOf('sysinfo', [high | 0x1000n], 0, i386)).toMatchObject({
    address: 0x1000n,
    size: 64n,
  });
  expect(memoryOf('listxattr', ['/a', high | 0x1000n, high | 5n], 1, i386)).toMatchObject({
    address: 0x1000n,
    size: 5n,
  });
  expect(memoryOf('sysinfo', [high], 0, i386)).toMatchObject({ kind: 'fault' });
});

test('M1: argument memory: a size of all bits is what it is', () => {
  expect(memoryOf('getxattr', ['/a', 'user.a', 0x1000, -1n], 2)).toMatchObject({
    size: 0xffff_ffff_ffff_ffffn,
  });
});

test.for([
  ['an integer', 'mkdir', 1],
  ['a dirfd', 'mkdirat', 0],
  ['the arguments of a program', 'execve', 1],
  ['its environment', 'execve', 2],
  ['none', 'mkdir', 2],
  ['none at all', 'mkdir', 0xffff_ffff],
  ['a call that is not decoded', 'getpid', 0],
] as const)('argument memory: there is none behind %s', ([, name, argument]) => {
  expect(memoryOf(name, [], argument)).toEqual({ kind: 'none' });
});

test('argument memory: an architecture that nobody knows has none', () => {
  expect(memoryOf('sysinfo', [0x1000], 0, 4)).toEqual({ kind: 'none' });
});

test('argument memory: the room of readlink has the size of an int', () => {
  expect(memoryOf('readlink', ['/a', 0x1000, 0x7_0000_0005n], 1)).toMatchObject({ size: 5n });
});

test('argument memory: every result has a size', () => {
  const registers = Array.from({ length: 6 }, () => 0x1000);
  for (const { name, arguments: own } of syscallTable) {
    for (const [index, { kind }] of own.entries()) {
      if (kind.name !== 'result') continue;
      const numbers = syscallNumbers.find(([known]) => known === name)?.slice(1) ?? [];
      for (const [arch, number] of numbers.entries()) {
        if (number === -1) continue;
        const memory = memoryOf(name, registers, index, arch);
        if (memory.kind !== 'memory' || memory.size === 0n) throw new Error(`${name} has no size`);
      }
    }
  }
  expect(memoryOf('sysinfo', [1], 0)).toMatchObject({ kind: 'memory' });
});
