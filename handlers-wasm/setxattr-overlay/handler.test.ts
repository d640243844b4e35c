// SPDX-License-Identifier: Apache-2.0
// Tests the built handler setxattr-overlay.
import { expect, test } from 'vitest';

import { errnoNumber } from '../../host/syscalls/errno.ts';
import { HandlerHarness, shippedComponent } from '../../test/support/handler-harness.ts';

const file = shippedComponent('setxattr-overlay');
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const opaque = 'trusted.overlay.opaque';
const address = 0x1000;
const value = bytesOf('y');
const path = bytesOf('/d');
const name = bytesOf(opaque);

test('setxattr-overlay: it answers four families with two capabilities', () => {
  expect(new HandlerHarness(file).component).toMatchObject({
    answers: ['setxattr', 'getxattr', 'listxattr', 'removexattr'],
    imports: ['memory', 'overlay'],
  });
});

test.for([
  ['setxattr', ['/d', opaque, value, 1, 1], { path, name, value, flags: 1 }],
  ['lsetxattr', ['/d', opaque, value, 1, 1], { path, name, value, flags: 0x101 }],
  ['fsetxattr', [5, opaque, value, 1, 1], { path: bytesOf(''), name, value, flags: 0x1001 }],
  ['removexattr', ['/d', opaque], { path, name, flags: 0 }],
  ['lremovexattr', ['/d', opaque], { path, name, flags: 0x100 }],
  ['fremovexattr', [5, opaque], { path: bytesOf(''), name, flags: 0x1000 }],
  ['removexattrat', [5, '/d', 0x100, opaque], { path, name, flags: 0x100 }],
] as const)('K21: setxattr-overlay: %s is done with lent power', ([syscall, given, asked]) => {
  const handler = new HandlerHarness(file);
  expect(handler.ask(syscall, ...given)).toEqual({ kind: 'value', value: 0n });
  expect(handler.calls).toEqual([expect.objectContaining({ ...asked, isLent: true })]);
  handler.host.prepare(errnoNumber('ENOSPC'), errnoNumber('EPERM'));
  expect(handler.ask(syscall, ...given)).toMatchObject({ kind: 'fail', errno: 'ENOSPC' });
  // not lent: the kernel judges who has the power itself
  expect(handler.ask(syscall, ...given)).toEqual({ kind: 'continue' });
});

/** Where the room for a result is among the arguments. */
const listed = bytesOf(`user.a\0${opaque}\0`);

const readers = [
  ['getxattr', ['/d', opaque, address, 100], 2, 'getXattr', value],
  ['lgetxattr', ['/d', opaque, address, 100], 2, 'getXattr', value],
  ['fgetxattr', [5, opaque, address, 100], 2, 'getXattr', value],
  ['listxattr', ['/d', address, 100], 1, 'listXattr', listed],
  ['llistxattr', ['/d', address, 100], 1, 'listXattr', listed],
  ['flistxattr', [5, address, 100], 1, 'listXattr', listed],
  ['listxattrat', [5, '/d', 0, address, 100], 3, 'listXattr', listed],
] as const;

test.for(readers)('K21: setxattr-overlay: %s writes what there is', (row) => {
  const [syscall, given, argument, operation, bytes] = row;
  const handler = new HandlerHarness(file);
  handler.host.prepareResult({ bytes });
  // what a write says where an argument is no room
  if (argument === 3) handler.host.prepare(0, errnoNumber('EINVAL'));
  expect(handler.ask(syscall, ...given)).toEqual({ kind: 'value', value: BigInt(bytes.length) });
  expect(handler.calls[0]).toMatchObject({ operation, isLent: true });
  expect(handler.calls.at(-1)).toEqual({ kind: 'write', argument, offset: 0n, bytes });
});

test.for(readers)(
  'M1: setxattr-overlay: %s without enough room writes nothing',
  ([syscall, given]) => {
    const handler = new HandlerHarness(file);
    const bytes = bytesOf(`${opaque}${'x'.repeat(101 - opaque.length - 1)}\0`);
    handler.host.prepareResult({ bytes }, { bytes });
    expect(handler.ask(syscall, ...given)).toMatchObject({ kind: 'fail', errno: 'ERANGE' });
    const asking = [...given.slice(0, -1), 0];
    expect(handler.ask(syscall, ...asking)).toEqual({ kind: 'value', value: 101n });
    expect(handler.calls.filter(({ kind }) => kind === 'write')).toEqual([]);
  },
);

test.for(readers)(
  'M4: setxattr-overlay: %s fails where nothing may be written',
  ([syscall, given, , , bytes]) => {
    const handler = new HandlerHarness(file);
    handler.host.prepareResult({ bytes });
    handler.host.prepare(0, errnoNumber('EOPNOTSUPP'));
    expect(handler.ask(syscall, ...given)).toMatchObject({ errno: 'EOPNOTSUPP' });
  },
);

test.for([
  '',
  'user.a\0',
  'trusted.overlay\0',
  'user.trusted.overlay.x\0security.capability\0',
  'system.posix_acl_access\0user.b\0',
])('M4: setxattr-overlay: the kernel lists %j, which has no name to be added', (names) => {
  for (const size of [0, 1, 100]) {
    const handler = new HandlerHarness(file);
    handler.host.prepareResult({ bytes: bytesOf(names) });
    expect(handler.ask('listxattr', '/d', address, size)).toEqual({ kind: 'continue' });
    expect(handler.calls.filter(({ kind }) => kind === 'write')).toEqual([]);
  }
});

const unread = ['EPERM', 'ENODATA', 'ENOENT', 'EOPNOTSUPP', 'ETIMEDOUT'] as const;

test.for(readers)(
  'setxattr-overlay: %s of what could not be read is the kernel’s to answer',
  ([syscall, given]) => {
    for (const errno of unread) {
      const handler = new HandlerHarness(file);
      handler.host.prepare(errnoNumber(errno));
      expect(handler.ask(syscall, ...given)).toEqual({ kind: 'continue' });
    }
  },
);

test.for(['trusted.overlay', 'trusted.other', 'user.overlay.opaque', 'security.capability', 'x'])(
  'K1: setxattr-overlay: the kernel judges the name %s',
  (other) => {
    const handler = new HandlerHarness(file);
    expect(handler.ask('setxattr', '/d', other, value, 1, 0)).toEqual({ kind: 'continue' });
    expect(handler.ask('getxattr', '/d', other, address, 1)).toEqual({ kind: 'continue' });
    expect(handler.ask('removexattr', '/d', other)).toEqual({ kind: 'continue' });
    expect(handler.calls).toEqual([]);
  },
);

test('M1: setxattr-overlay: a value has at most 4096 bytes', () => {
  const handler = new HandlerHarness(file);
  const max = new Uint8Array(4096);
  expect(handler.ask('setxattr', '/d', opaque, max, 4096, 0)).toMatchObject({ kind: 'value' });
  const more = new Uint8Array(4097);
  expect(handler.ask('setxattr', '/d', opaque, more, 4097, 0)).toMatchObject({ errno: 'E2BIG' });
  expect(handler.calls).toHaveLength(1);
});
