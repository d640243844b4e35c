// SPDX-License-Identifier: Apache-2.0
// Tests what the action `perform` makes of each call, as it stands in an inbox.
import { expect, test } from 'vitest';

import { gone } from '../../host/call/host.ts';
import { errnoNumber } from '../../host/syscalls/errno.ts';
import { inbox } from '../../host/native.ts';
import { Performer } from '../../host/worker/perform.ts';
import { canPerform } from '../../host/syscalls/family-table.ts';
import { ReceivedCall } from '../../host/call/received-call.ts';
import { families } from '../../host/syscalls/syscall-table.ts';
import { Syscalls } from '../../host/syscalls/syscalls.ts';
import type { Syscall } from '../../host/syscalls/syscalls.ts';
import { failure } from '../support/failures.ts';
import { RecordingHost, fillCall } from '../support/handler-harness.ts';
import type { GivenArgument } from '../support/handler-harness.ts';

const syscalls = new Syscalls();
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

function syscallOf(name: string): Syscall {
  const found = syscalls.byName(name);
  if (found === undefined) throw new Error(`no ${name}`);
  return found;
}

interface Performed {
  readonly host: RecordingHost;
  readonly call: ReceivedCall;
  readonly perform: (name: string, ...given: readonly GivenArgument[]) => unknown;
}

function performing(): Performed {
  const host = new RecordingHost();
  const call = new ReceivedCall();
  const performer = new Performer(call, host);
  return {
    host,
    call,
    perform: (name, ...given) => {
      fillCall(call, name, given);
      return performer.perform(syscallOf(name), false);
    },
  };
}

function how(flags: bigint, mode: bigint, resolve: bigint): Uint8Array {
  return new Uint8Array(BigUint64Array.of(flags, mode, resolve).buffer);
}

/** As the addon leaves them: flags, size, value. */
function xattrArgs(flags: number, value: string): Uint8Array {
  const header = new Uint8Array(Uint32Array.of(flags, value.length).buffer);
  return Uint8Array.of(...header, ...bytesOf(value));
}

const text32 = 't'.repeat(32);
const bytes32 = bytesOf(text32);

const wide = 0xdead_beef_0000_0000n;

test.for([
  ['mkdir', ['/a', 0o755], { operation: 'mkdir', path: '/a', mode: 0o755 }],
  ['mkdirat', [-100, '/a', 0o755n | wide], { operation: 'mkdir', path: '/a', mode: 0o755 }],
  ['mknod', ['/a', 0o20644, 0x103], { operation: 'mknod', mode: 0o20644, first: 1, second: 3 }],
  [
    'mknodat',
    [5, '/a', 0o60644, 0xfff1_23ff],
    { operation: 'mknod', first: 0x123, second: 0xfff_ff },
  ],
  ['chmod', ['/a', 0o7777], { operation: 'chmod', path: '/a', mode: 0o7777, flags: 0 }],
  ['fchmodat2', [3, '/a', 0o600, 0x100], { operation: 'chmod', path: '/a', flags: 0x100 }],
  ['fchmod', [3, 0o600], { operation: 'chmod', path: '', flags: 0x1000, mode: 0o600 }],
  ['chown', ['/a', 1, -1n], { operation: 'chown', first: 1, second: 0xffff_ffff, flags: 0 }],
  ['lchown', ['/a', 1, 2], { operation: 'chown', path: '/a', flags: 0x100 }],
  ['fchownat', [3, '', 1, 2, 0x1000], { operation: 'chown', path: '', flags: 0x1000 }],
  ['fchown', [3, 1, 2], { operation: 'chown', path: '', first: 1, second: 2, flags: 0x1000 }],
  ['rename', ['/a', '/b'], { operation: 'rename', path: '/a', secondPath: '/b', flags: 0 }],
  [
    'renameat2',
    [1, '/a', 2, '/b', 7n | wide],
    { operation: 'rename', path: '/a', secondPath: '/b', flags: 7 },
  ],
  ['link', ['/a', '/b'], { operation: 'link', path: '/a', secondPath: '/b', flags: 0 }],
  ['linkat', [1, '/a', 2, '/b', 0x400], { operation: 'link', flags: 0x400 }],
  ['symlink', ['to', '/a'], { operation: 'symlink', path: '/a', secondPath: 'to' }],
  ['symlinkat', ['to', 4, '/a'], { operation: 'symlink', path: '/a', secondPath: 'to' }],
  ['unlink', ['/a'], { operation: 'unlink', path: '/a', flags: 0 }],
  ['rmdir', ['/a'], { operation: 'unlink', path: '/a', flags: 0x200 }],
  ['unlinkat', [1, '/a', 0x200], { operation: 'unlink', path: '/a', flags: 0x200 }],
  [
    'setxattr',
    ['/a', 'user.a', 'value', 5, 1],
    { operation: 'setXattr', path: '/a', name: 'user.a', value: 'value', flags: 1 },
  ],
  ['lsetxattr', ['/a', 'user.a', 'value', 5, 0], { operation: 'setXattr', flags: 0x100 }],
  ['fsetxattr', [3, 'user.a', 'v', 1, 2], { operation: 'setXattr', path: '', flags: 0x1002 }],
  [
    'setxattrat',
    [3, '/a', 0x100, 'user.a', xattrArgs(2, 'value'), 16],
    { operation: 'setXattr', path: '/a', name: 'user.a', value: 'value', flags: 0x102 },
  ],
  [
    'truncate',
    ['/a', 0x7fff_ffff_ffff_fffen],
    { operation: 'truncate', path: '/a', first: 0xffff_fffe, second: 0x7fff_ffff },
  ],
  ['truncate', ['/a', 0x5_0000_0001n], { operation: 'truncate', first: 1, second: 5 }],
  ['utime', ['/a', null], { operation: 'setTimes', path: '/a', value: null, flags: 0 }],
  ['utimes', ['/a', bytes32], { operation: 'setTimes', path: '/a', value: text32 }],
  ['futimesat', [3, '/a', bytes32], { operation: 'setTimes', path: '/a', value: text32 }],
  ['utimensat', [3, '/a', bytes32, 0x100], { operation: 'setTimes', value: text32, flags: 0x100 }],
  ['utimensat', [3, '', null, 0x1000], { operation: 'setTimes', path: '', flags: 0x1000 }],
  ['utimensat', [3, null, bytes32, 0], { operation: 'setTimes', path: '', flags: 0x1000 }],
  ['futimesat', [3, null, null], { operation: 'setTimes', path: '', flags: 0x1000 }],
  ['removexattr', ['/a', 'user.a'], { operation: 'removeXattr', path: '/a', name: 'user.a' }],
  ['fremovexattr', [3, 'user.a'], { operation: 'removeXattr', path: '', flags: 0x1000 }],
] as const)('K18: perform: %s is done as it was decoded', ([name, given, asked]) => {
  const { host, perform } = performing();
  expect(perform(name, ...given)).toEqual({ kind: 'value', value: 0n });
  const texts = Object.entries(asked).map(([key, value]) => {
    const isText = typeof value === 'string' && key !== 'operation';
    return [key, isText ? bytesOf(value) : value];
  });
  expect(host.calls).toEqual([expect.objectContaining(Object.fromEntries(texts))]);
});

test.for([
  // a bit that is no flag
  ['open', ['/a', 0x4000_0002, 0], { flags: 2, isStrict: false }, false],
  ['open', ['/a', 0o2100101, 0o600], { flags: 0o2100101, mode: 0o600, isStrict: false }, true],
  ['openat', [3, '/a', 0, wide], { flags: 0, mode: 0 }, false],
  ['creat', ['/a', 0o640], { flags: 0o1101, mode: 0o640 }, false],
  ['openat2', [3, '/a', how(0o2000000n, 0n, 0n), 24], { flags: 0o2000000, isStrict: true }, true],
  [
    'openat2',
    [3, '/a', how(0n, 0n, (1n << 63n) | 8n), 24],
    { flags: 0, low: 8, high: 0x8000_0000, isStrict: true },
    false,
  ],
  ['openat2', [3, '', how(0n, 0n, 0n), 24], { isStrict: true }, false],
] as const)('perform: %s gives the file', ([name, given, asked, isCloseOnExec]) => {
  const { host, perform } = performing();
  host.prepareResult({ descriptor: 9 });
  expect(perform(name, ...given)).toEqual({ kind: 'descriptor', descriptor: 9, isCloseOnExec });
  expect(host.calls).toEqual([expect.objectContaining({ operation: 'open', ...asked })]);
});

test.for([
  ['openat2', [3, '/a', how(1n << 32n, 0n, 0n), 24], 'EINVAL'],
  ['fchownat', [3, '', 1, 2, 0], 'ENOENT'],
  ['fchownat', [3, '/a', 1, 2, 0x800], 'EINVAL'],
  ['symlink', ['', '/a'], 'ENOENT'],
  ['unlinkat', [1, '/a', 0x1000], 'EINVAL'],
  // a bit that the agent uses itself
  ['renameat2', [1, '/a', 2, '/b', 0x4000_0000], 'EINVAL'],
  ['openat2', [3, '/a', how(0x4000_0000n, 0n, 0n), 24], 'EINVAL'],
  ['setxattr', ['/a', 'user.a', 'v', 1, 4], 'EINVAL'],
  ['mkdir', [null, 0], 'EFAULT'],
  ['mkdir', [{ errno: 'ENAMETOOLONG' }, 0], 'ENAMETOOLONG'],
  ['openat2', [3, '/a', { errno: 'E2BIG' }, 5000], 'E2BIG'],
  ['setxattr', ['/a', { errno: 'ERANGE' }, { errno: 'E2BIG' }, 70_000, 0], 'ERANGE'],
  ['rename', ['/a', { errno: 'EFAULT' }], 'EFAULT'],
] as const)('M1, M2: perform: %s with %s is %s, and nobody is asked', ([name, given, errno]) => {
  const { host, perform } = performing();
  expect(perform(name, ...given)).toMatchObject({ kind: 'fail', errno });
  expect(host.calls).toEqual([]);
});

test('M1: perform: the kernel alone gives a descriptor that is a name', () => {
  const { host, perform } = performing();
  expect(perform('openat', 3, '/a', 0o10000000, 0)).toEqual({ kind: 'continue' });
  // the kernel would read the flags again
  const failed = { kind: 'fail', errno: 'EOPNOTSUPP' };
  expect(perform('openat2', 3, '/a', how(0o10000000n, 0n, 0n), 24)).toMatchObject(failed);
  expect(host.calls).toEqual([]);
});

test('perform: the kernel’s result is the answer', () => {
  const { host, perform } = performing();
  host.prepare(errnoNumber('EROFS'), gone, 4000);
  expect(perform('mkdir', '/a', 0)).toMatchObject({ kind: 'fail', errno: 'EROFS' });
  expect(perform('mkdir', '/a', 0)).toMatchObject({ kind: 'fail', errno: 'EINTR' });
  expect(perform('mkdir', '/a', 0)).toMatchObject({ kind: 'fail', errno: 'EIO' });
});

test.for([
  ['getxattr', ['/a', 'user.a', 0x1000, 8], 2],
  ['fgetxattr', [3, 'user.a', 0x1000, 8], 2],
  ['listxattr', ['/a', 0x1000, 8], 1],
  ['flistxattr', [3, 0x1000, 5], 1],
] as const)('perform: %s writes what it got to where it was asked', ([name, given, argument]) => {
  const { host, perform } = performing();
  host.prepareResult({ bytes: bytesOf('value') });
  expect(perform(name, ...given)).toEqual({ kind: 'value', value: 5n });
  expect(host.calls[1]).toEqual({ kind: 'write', argument, offset: 0n, bytes: bytesOf('value') });
});

test('M1: perform: a value has the room that there is, and 0 asks for the size', () => {
  const { host, perform } = performing();
  const getxattr = (size: bigint): unknown => {
    host.prepareResult({ bytes: bytesOf('value') });
    return perform('getxattr', '/a', 'user.a', 0x1000, size);
  };
  expect(getxattr(4n)).toMatchObject({ kind: 'fail', errno: 'ERANGE' });
  expect(getxattr(0n)).toEqual({ kind: 'value', value: 5n });
  expect(host.calls.filter(({ kind }) => kind === 'write')).toEqual([]);
  expect(getxattr(0xffff_ffff_ffff_ffffn)).toEqual({ kind: 'value', value: 5n });
  host.prepare(0, errnoNumber('EOPNOTSUPP'));
  expect(getxattr(9n)).toMatchObject({ kind: 'fail', errno: 'EOPNOTSUPP' });
});

test('K19: perform: ids of 16 bits are those of 32-bit programs', () => {
  const { host, call } = performing();
  fillCall(call, 'chown', ['/a', 0x1_ffffn, 0x1_0005n]);
  const old = syscalls.find(1, 182);
  if (old === undefined) throw new Error('no chown of i386');
  expect(new Performer(call, host).perform(old, false)).toEqual({ kind: 'value', value: 0n });
  expect(host.calls).toEqual([expect.objectContaining({ first: 0xffff_ffff, second: 5 })]);
});

test('perform: the kernel truncates what a descriptor refers to', () => {
  const { host, perform } = performing();
  expect(perform('ftruncate', 3, 7)).toEqual({ kind: 'continue' });
  expect(host.calls).toEqual([]);
});

test('perform: the kernel truncates no length below 0', () => {
  const { host, perform } = performing();
  expect(perform('truncate', '', -1n)).toMatchObject({ kind: 'fail', errno: 'EINVAL' });
  expect(host.calls).toEqual([]);
});

test.for([
  [3, null],
  [-100, null],
  [-100, { errno: 'EFAULT' }],
  [-100, '/no/such'],
] as const)('perform: times that both stay are 0 whatever the file is: %j', ([dirfd, path]) => {
  const { host, perform } = performing();
  const omitted = new Uint8Array(Uint32Array.of(2, 0, 0, 0, 2, 0, 0, 0).buffer);
  expect(perform('utimensat', dirfd, path, omitted, 0x200)).toEqual({ kind: 'value', value: 0n });
  expect(host.calls).toEqual([]);
});

test.for([
  ['EFAULT', [-100, null, null, 0]],
  ['EINVAL', [3, null, null, 0x100]],
  ['EINVAL', [3, '/a', null, 0x200]],
  ['ENOENT', [3, '', null, 0]],
  ['EFAULT', [3, '/a', { errno: 'EFAULT' }, 0]],
  ['EFAULT', [3, { errno: 'ENAMETOOLONG' }, { errno: 'EFAULT' }, 0]],
] as const)('perform: %s of utimensat with %j', ([errno, given]) => {
  const { host, perform } = performing();
  expect(perform('utimensat', ...given)).toMatchObject({ kind: 'fail', errno });
  expect(host.calls).toEqual([]);
});

test('perform: a call that it cannot do fails, and so does a call that was not read', () => {
  const { perform } = performing();
  expect(() => perform('mount', null, '/a', null, 0, null)).toThrow(
    failure('AGENT_HANDLER_FAILED', 'mount'),
  );
  expect(() => perform('mkdir', 0x1000, 0)).toThrow(failure('AGENT_CALLER'));
});

test('perform: what only the kernel can do for a process is refused by name', () => {
  const { perform } = performing();
  for (const name of ['chdir', 'chroot', 'readlink', 'access', 'stat']) {
    expect(() => perform(name, '/a')).toThrow(failure('AGENT_HANDLER_FAILED', name, 'continue'));
  }
});

test('perform: no family takes power that the caller may not have', () => {
  const others = ['mount', 'umount', 'mountapi', 'stat', 'access', 'readlink', 'chdir', 'chroot'];
  others.push('sysinfo', 'execve', 'swapon', 'swapoff');
  expect(families().filter((family) => !canPerform(family))).toEqual(others);
});

test('perform: the strings are those of the inbox', () => {
  const { host, call, perform } = performing();
  perform('mkdir', '/a', 0);
  expect(call.pointerOffset(0)).toBeGreaterThanOrEqual(inbox.took);
  expect(host.calls[0]).toMatchObject({ path: bytesOf('/a') });
});
