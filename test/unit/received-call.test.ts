// SPDX-License-Identifier: Apache-2.0
// Tests how a received call is read by the types that the kernel declares, and how it is answered.
import { expect, test } from 'vitest';

import { continueAction, fail, valueAction } from '../../host/call/action.ts';
import type { Decision } from '../../host/call/action.ts';
import { answerKind, inbox } from '../../host/native.ts';
import { ReceivedCall } from '../../host/call/received-call.ts';
import { currentDirectory } from '../../host/syscalls/kinds/dirfd.ts';
import { modeKind } from '../../host/syscalls/kinds/mode.ts';
import type { DecodedValue } from '../../host/call/received-call.ts';
import { Syscalls } from '../../host/syscalls/syscalls.ts';
import type { Syscall } from '../../host/syscalls/syscalls.ts';
import { fillCall } from '../support/handler-harness.ts';
import type { GivenArgument } from '../support/handler-harness.ts';

function syscallOf(name: string): Syscall {
  const syscall = new Syscalls().byName(name);
  if (syscall === undefined) throw new Error(`no ${name}`);
  return syscall;
}

function received(name: string, ...given: readonly GivenArgument[]): ReceivedCall {
  const call = new ReceivedCall();
  fillCall(call, name, given);
  return call;
}

/** The decoded values of a call. */
function decoded(name: string, ...given: readonly GivenArgument[]): readonly DecodedValue[] {
  return received(name, ...given)
    .decode(syscallOf(name))
    .map(({ value }) => value);
}

test('ReceivedCall: its fields are where the addon writes them', () => {
  const call = new ReceivedCall();
  const view = new DataView(call.bytes.buffer);
  view.setUint32(inbox.token, 0xffff_fffe, true);
  view.setUint32(inbox.tid, 7, true);
  view.setUint32(inbox.arch, 2, true);
  view.setUint32(inbox.number, 83, true);
  view.setUint32(inbox.auditArch, 0xc000_003e, true);
  view.setBigUint64(inbox.id, 0xffff_ffff_ffff_ffffn, true);
  view.setUint32(inbox.wasGone, 1, true);
  view.setUint32(inbox.took, 250, true);
  expect(call).toMatchObject({
    token: 0xffff_fffe,
    tid: 7,
    arch: 2,
    number: 83,
    auditArch: 0xc000_003e,
    id: 0xffff_ffff_ffff_ffffn,
    previousTookUs: 250,
    wasGone: true,
  });
});

test.for([
  ['fchown', [3, 1, 2], true],
  ['utimensat', [3, null, null, 0], true],
  ['utimensat', [3, '', null, 0x1000], false],
  ['utimensat', [3, { errno: 'EFAULT' }, null, 0], false],
  ['utimes', [null, null], false],
  ['mount', [null, '/a', null, 0, null], false],
] as const)('ReceivedCall: %s with %j is of a descriptor: %s', ([name, given, isOfDescriptor]) => {
  expect(received(name, ...given).isOfDescriptor(syscallOf(name))).toBe(isOfDescriptor);
});

test.for([
  ['sign-extended', 0xffff_ffff_ffff_ff9cn],
  ['zero-extended', 0x0000_0000_ffff_ff9cn],
  ['with something else above', 0x1234_5678_ffff_ff9cn],
] as const)('K18: ReceivedCall: AT_FDCWD %s is AT_FDCWD', ([, register]) => {
  const call = received('mkdirat', register, '/a', 0o755);
  expect(call.dirfd(syscallOf('mkdirat'))).toBe(currentDirectory);
  expect(decoded('mkdirat', register, '/a', 0)[0]).toEqual({ kind: 'integer', value: -100n });
});

test.for([
  [0n, 0],
  [0xdead_beef_0000_0005n, 5],
  [0x7fff_ffffn, 0x7fff_ffff],
  [0xffff_ffffn, -1],
] as const)(
  'K18: ReceivedCall: of the dirfd %i the low 32 bits count, signed',
  ([register, dirfd]) => {
    expect(received('mkdirat', register, '/a', 0).dirfd(syscallOf('mkdirat'))).toBe(dirfd);
  },
);

test('K18: ReceivedCall: a call without a dirfd starts at the working directory', () => {
  expect(received('mkdir', '/a', 0).dirfd(syscallOf('mkdir'))).toBe(currentDirectory);
});

test.for([
  [0o755n, 0o755n],
  [0o1_7777n, 0o1_7777n],
  [0xffff_ffff_ffff_ffffn, 0xffffn],
  [0x1_0000n, 0n],
] as const)(
  'K18: ReceivedCall: of the mode %i the 16 bits of umode_t count',
  ([register, mode]) => {
    expect(received('mkdir', '/a', register).argument(1, modeKind.form)).toBe(mode);
    expect(decoded('mkdir', '/a', register)[1]).toEqual({ kind: 'integer', value: mode });
  },
);

test.for([
  [0x100n, 0x100n],
  [0xffff_ffffn, 0xffff_ffffn],
  [0xdead_beef_8000_0000n, 0x8000_0000n],
  [0x1_0000_0000n, 0n],
] as const)('K18: ReceivedCall: of the flags %i the low 32 bits count', ([register, flags]) => {
  expect(decoded('fchmodat2', -100, '/a', 0, register)[3]).toEqual({
    kind: 'integer',
    value: flags,
  });
});

test('K18: ReceivedCall: of the flags of mount all 64 bits count', () => {
  expect(decoded('mount', null, '/a', null, -1n, null)[3]).toEqual({
    kind: 'integer',
    value: 0xffff_ffff_ffff_ffffn,
  });
});

test.for([
  ['truncate', ['/a', -1n], -1n],
  ['truncate', ['/a', 0x7fff_ffff_ffff_ffffn], 0x7fff_ffff_ffff_ffffn],
  ['ftruncate', [3, 1n << 40n], 1n << 40n],
] as const)('ReceivedCall: the length of %s is signed', ([name, given, value]) => {
  expect(decoded(name, ...given)[1]).toEqual({ kind: 'integer', value });
});

test.for([
  ['truncate', 92, [0xffff_ffffn], -1n],
  ['truncate', 92, [0x7fff_ffffn], 0x7fff_ffffn],
  ['truncate64', 193, [0xffff_fff0n, 1n], 0x1_ffff_fff0n],
  ['truncate64', 193, [0xffff_ffffn, 0xffff_ffffn], -1n],
] as const)('ReceivedCall: the length of the 32-bit %s', ([, number, registers, value]) => {
  const call = received('truncate', '/a', ...registers);
  const syscall = new Syscalls().find(1, number);
  if (syscall === undefined) throw new Error('no such call');
  expect(call.decode(syscall)[1]).toEqual({ name: 'length', value: { kind: 'integer', value } });
});

test('K18: ReceivedCall: NULL is nothing, an empty string is something', () => {
  const bytes = new Uint8Array();
  expect(decoded('mount', null, '', null, 0, '')).toEqual([
    { kind: 'null' },
    { kind: 'bytes', bytes },
    { kind: 'null' },
    { kind: 'integer', value: 0n },
    { kind: 'bytes', bytes },
  ]);
});

function textOf(value: DecodedValue | undefined): string {
  return value?.kind === 'bytes' ? new TextDecoder().decode(value.bytes) : '';
}

test('ReceivedCall: strings stand one behind the other and are copied', () => {
  const call = received('mount', 'src', '/target', 'proc', 0, 'a=b');
  const values = call.decode(syscallOf('mount')).map(({ value }) => value);
  call.bytes.fill(0);
  expect([0, 1, 2, 4].map((index) => textOf(values[index]))).toEqual([
    'src',
    '/target',
    'proc',
    'a=b',
  ]);
});

test.for(['EFAULT', 'ENAMETOOLONG', 'EINVAL', 'EPERM', 'ESRCH'] as const)(
  'M2: ReceivedCall: a pointer that reads as %s is a fault',
  (errno) => {
    expect(decoded('mkdir', { errno }, 0)[0]).toEqual({ kind: 'fault', errno });
  },
);

test('ReceivedCall: a pointer that was not read is a fault', () => {
  expect(decoded('mkdir', 0x1000, 0)[0]).toEqual({ kind: 'fault', errno: 'EFAULT' });
});

test('ReceivedCall: a call that is not decoded has no arguments', () => {
  expect(decoded('getpid')).toEqual([]);
});

/** Answer of the addon. */
function answerOf(action: Decision): {
  readonly kind: number;
  readonly value: bigint;
  readonly errno: number;
} {
  const call = new ReceivedCall();
  call.answer(action, 0);
  const view = new DataView(call.bytes.buffer);
  return {
    kind: view.getUint32(inbox.answerKind, true),
    value: view.getBigInt64(inbox.answerValue, true),
    errno: view.getInt32(inbox.answerErrno, true),
  };
}

test('K17: ReceivedCall: each kind of answer is written where the addon reads it', () => {
  expect(answerOf(continueAction)).toEqual({ kind: answerKind.continue, value: 0n, errno: 0 });
  expect(answerOf(fail('EACCES'))).toEqual({ kind: answerKind.errno, value: 0n, errno: 13 });
  expect(answerOf({ kind: 'value', value: 7n })).toEqual({
    kind: answerKind.value,
    value: 7n,
    errno: 0,
  });
});

test.for([0x7fff_ffff_ffff_ffffn, -0x8000_0000_0000_0000n, -4096n, 0n, 1n])(
  'K17: ReceivedCall: the value %i is written whole',
  (value) => {
    const action = valueAction(value);
    if (action?.kind !== 'value') throw new Error('refused');
    expect(answerOf(action)).toEqual({ kind: answerKind.value, value, errno: 0 });
  },
);

/** Parts of an answer that are not for the caller. */
function asideOf(call: ReceivedCall): {
  readonly delayMs: number;
  readonly slot: number;
  readonly isFailure: number;
} {
  const view = new DataView(call.bytes.buffer);
  return {
    delayMs: view.getUint32(inbox.answerDelay, true),
    slot: view.getUint32(inbox.answerSlot, true),
    isFailure: view.getUint32(inbox.answerFailed, true),
  };
}

test('ReceivedCall: an answer says which counters count it', () => {
  const call = new ReceivedCall();
  call.answer(continueAction, 255);
  expect(asideOf(call)).toEqual({ delayMs: 0, slot: 255, isFailure: 0 });
});

test('ReceivedCall: an answer for a failure says so', () => {
  const call = new ReceivedCall();
  call.answerFailure(fail('EPERM'), 3);
  expect(asideOf(call)).toEqual({ delayMs: 0, slot: 3, isFailure: 1 });
});

test.for([1, 86_400_000])('ReceivedCall: an answer with a delay of %i ms is both', (delayMs) => {
  const call = new ReceivedCall();
  const delayed: Decision = { kind: 'delay', delayMs, answer: fail('EACCES') };
  call.answer(delayed, 9);
  expect(asideOf(call)).toEqual({ delayMs, slot: 9, isFailure: 0 });
  expect(answerOf(delayed)).toEqual({ kind: answerKind.errno, value: 0n, errno: 13 });
});

test('ReceivedCall: who runs, and for how long it may, is where the addon looks for it', () => {
  const call = new ReceivedCall();
  const view = new DataView(call.bytes.buffer);
  call.enter(0, 60_000);
  expect(view.getUint32(inbox.link, true)).toBe(1);
  expect(view.getUint32(inbox.deadline, true)).toBe(60_000);
  call.enter(2, 5);
  expect(view.getUint32(inbox.link, true)).toBe(3);
  expect(view.getUint32(inbox.deadline, true)).toBe(5);
});

test('ReceivedCall: its fields do not overlap and are aligned', () => {
  const { size, notRead, null: none, ...fields } = inbox;
  const wide: readonly number[] = [
    fields.registers,
    fields.pointers,
    fields.id,
    fields.answerValue,
  ];
  for (const offset of wide) expect(offset % 8).toBe(0);
  const offsets = Object.values(fields);
  expect(new Set(offsets).size).toBe(offsets.length);
  for (const offset of offsets) expect(offset % 4).toBe(0);
  expect(none).not.toBe(notRead);
  // room for four strings of PATH_MAX behind the last field
  expect(size - 4 * 4096).toBeGreaterThanOrEqual(Math.max(...offsets) + 4);
});

/** Value of each argument of a call. */
function said(
  name: string,
  ...given: Parameters<typeof fillCall>[2]
): readonly (readonly unknown[])[] {
  const call = new ReceivedCall();
  fillCall(call, name, given);
  const syscall = new Syscalls().byName(name);
  if (syscall === undefined) throw new Error(`no ${name}`);
  return call
    .decode(syscall)
    .map(({ name: argument, value }) => [argument, ...Object.values(value)]);
}

test('ReceivedCall: structs are told by their fields', () => {
  const how = new Uint8Array(BigUint64Array.of(1n << 40n, 0o600n, 8n).buffer);
  expect(said('openat2', 3, '/a', how, 24).slice(2)).toEqual([
    ['flags', 'integer', 1n << 40n],
    ['mode', 'integer', 0o600n],
    ['resolve', 'integer', 8n],
    ['size', 'integer', 24n],
  ]);
  expect(said('openat2', 3, '/a', { errno: 'E2BIG' }, 5000)[2]).toEqual(['how', 'fault', 'E2BIG']);
  const args = Uint8Array.of(2, 0, 0, 0, 1, 0, 0, 0, 97);
  expect(said('setxattrat', 3, '/a', 0, 'user.a', args, 16).slice(4, 6)).toEqual([
    ['value', 'bytes', Uint8Array.of(97)],
    ['flags', 'integer', 2n],
  ]);
  const room = new Uint8Array(BigUint64Array.of(0x1000n, 9n).buffer);
  expect(said('getxattrat', 3, '/a', 0, 'user.a', room, 16).slice(4, 6)).toEqual([
    ['value', 'unread'],
    ['size', 'integer', 9n],
  ]);
});

test('M1: ReceivedCall: pointers that are not followed show no address', () => {
  expect(said('execve', '/a', 0x1234, 0).slice(1)).toEqual([
    ['argv', 'unread'],
    ['envp', 'null'],
  ]);
  expect(said('sysinfo', 0x1234)).toEqual([['info', 'unread']]);
});
