// SPDX-License-Identifier: Apache-2.0
// Tests the built handler mount.
import { describe, expect, test } from 'vitest';

import { gone } from '../../host/call/host.ts';
import { errnoNumber } from '../../host/syscalls/errno.ts';
import { userNamespace } from '../../host/native.ts';
import { familyMembers } from '../../host/syscalls/syscall-table.ts';
import { HandlerHarness, shippedComponent } from '../../test/support/handler-harness.ts';
import { failureOf } from '../../test/support/agent-failure.ts';

const file = shippedComponent('mount');
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

const flag = {
  MS_RDONLY: 1n,
  MS_NOSUID: 2n,
  MS_NOEXEC: 8n,
  MS_REMOUNT: 32n,
  MS_BIND: 4096n,
  MS_MOVE: 8192n,
  MS_UNBINDABLE: 1n << 17n,
  MS_PRIVATE: 1n << 18n,
  MS_SLAVE: 1n << 19n,
  MS_SHARED: 1n << 20n,
} as const;

function handlerFor(filesystems: string): HandlerHarness {
  return new HandlerHarness(file, { filesystems });
}

test('mount: it answers both mount APIs with two capabilities and nothing else', () => {
  const { component } = handlerFor('proc');
  expect(component).toMatchObject({
    answers: ['mount', 'any'],
    imports: ['caller', 'mounts'],
    isConfigurable: true,
  });
});

test('mount: a listed type is mounted with source, target, flags and data as they came', () => {
  const handler = handlerFor('proc,tmpfs');
  const source = Uint8Array.of(0x6e, 0xff, 0xfe);
  const data = Uint8Array.of(0x6d, 0x3d, 0x80);
  const flags = 0xdead_beef_0000_000bn;
  expect(handler.ask('mount', source, '/mnt/p', 'tmpfs', flags, data)).toEqual({
    kind: 'value',
    value: 0n,
  });
  expect(handler.calls).toEqual([
    { kind: 'mount', source, target: bytesOf('/mnt/p'), type: bytesOf('tmpfs'), flags, data },
  ]);
});

test('K18: mount: a NULL source and NULL data reach the operation as absent', () => {
  const handler = handlerFor('proc');
  handler.ask('mount', null, '/proc', 'proc', 0, null);
  expect(handler.calls).toEqual([
    {
      kind: 'mount',
      source: null,
      target: bytesOf('/proc'),
      type: bytesOf('proc'),
      flags: 0n,
      data: null,
    },
  ]);
});

test('mount: empty strings are not absent', () => {
  const handler = handlerFor('proc');
  handler.ask('mount', '', '', 'proc', 0, '');
  expect(handler.calls).toEqual([
    {
      kind: 'mount',
      source: bytesOf(''),
      target: bytesOf(''),
      type: bytesOf('proc'),
      flags: 0n,
      data: bytesOf(''),
    },
  ]);
});

test.for(['EBUSY', 'EPERM', 'ENOENT', 'EINVAL'] as const)(
  'mount: %s of the operation is the answer',
  (errno) => {
    const handler = handlerFor('proc');
    handler.host.prepare(errnoNumber(errno));
    expect(handler.ask('mount', 'proc', '/proc', 'proc', 0, null)).toMatchObject({
      kind: 'fail',
      errno,
    });
  },
);

test('mount: a notification that is gone is answered with EINTR, which nobody hears', () => {
  const handler = handlerFor('proc');
  handler.host.prepare(gone);
  expect(handler.ask('mount', 'proc', '/proc', 'proc', 0, null)).toMatchObject({
    kind: 'fail',
    errno: 'EINTR',
  });
});

test.for(['sysfs', 'pro', 'procs', 'PROC', '', 'proc.', 'proc,tmpfs'])(
  'K1: mount: the type "%s" is not listed, and the kernel judges the call',
  (type) => {
    const handler = handlerFor('proc,tmpfs');
    expect(handler.ask('mount', 'none', '/mnt', type, 0, null)).toEqual({ kind: 'continue' });
    expect(handler.calls).toEqual([]);
  },
);

test('K1: mount: a call without a type continues', () => {
  const handler = handlerFor('proc');
  expect(handler.ask('mount', '/a', '/b', null, 0, null)).toEqual({ kind: 'continue' });
  expect(handler.calls).toEqual([]);
});

test.for([
  'MS_REMOUNT',
  'MS_BIND',
  'MS_MOVE',
  'MS_UNBINDABLE',
  'MS_PRIVATE',
  'MS_SLAVE',
  'MS_SHARED',
] as const)('K1: mount: %s is no new mount, and the kernel judges the call', (name) => {
  const handler = handlerFor('proc');
  const flags = flag[name] | flag.MS_RDONLY;
  expect(handler.ask('mount', 'proc', '/proc', 'proc', flags, null)).toEqual({ kind: 'continue' });
  expect(handler.calls).toEqual([]);
});

test('mount: the magic number that programs of Linux 2.2 put into the flags means nothing', () => {
  const handler = handlerFor('proc');
  const flags = 0xc0ed_0000n | flag.MS_NOSUID;
  expect(handler.ask('mount', 'proc', '/proc', 'proc', flags, null)).toMatchObject({
    kind: 'value',
  });
  expect(handler.calls).toHaveLength(1);
});

test('K1: mount: a bind with the magic number continues', () => {
  const handler = handlerFor('proc');
  const flags = 0xc0ed_0000n | flag.MS_BIND;
  expect(handler.ask('mount', 'proc', '/proc', 'proc', flags, null)).toEqual({ kind: 'continue' });
  expect(handler.calls).toEqual([]);
});

test('mount: flags of a new mount do not keep it from being done', () => {
  const handler = handlerFor('proc');
  const flags = flag.MS_RDONLY | flag.MS_NOSUID | flag.MS_NOEXEC;
  handler.ask('mount', 'proc', '/proc', 'proc', flags, null);
  expect(handler.calls).toHaveLength(1);
});

test.for(['proc,tmpfs', ' tmpfs , proc ', 'tmpfs,,proc'])(
  'mount: spaces and empty items in the list "%s" do not count',
  (filesystems) => {
    const handler = handlerFor(filesystems);
    handler.ask('mount', null, '/proc', 'proc', 0, null);
    handler.ask('mount', null, '/tmp', 'tmpfs', 0, null);
    expect(handler.calls).toHaveLength(2);
  },
);

test('mount: an empty list lends nothing, not even for an empty type', () => {
  const handler = handlerFor('');
  expect(handler.ask('mount', null, '/proc', 'proc', 0, null)).toEqual({ kind: 'continue' });
  expect(handler.ask('mount', null, '/proc', '', 0, null)).toEqual({ kind: 'continue' });
});

test.for([
  ['a NULL target', [null, null, 'proc', 0, null], 'EFAULT'],
  ['a target that is not there', [null, { errno: 'EFAULT' }, 'proc', 0, null], 'EFAULT'],
  ['a target that is too long', [null, { errno: 'ENAMETOOLONG' }, 'proc', 0, null], 'ENAMETOOLONG'],
  ['a source that is too long', [{ errno: 'EINVAL' }, '/p', 'proc', 0, null], 'EINVAL'],
  ['a type that is not there', [null, '/p', { errno: 'EFAULT' }, 0, null], 'EFAULT'],
  ['data that is not there', [null, '/p', 'proc', 0, { errno: 'EFAULT' }], 'EFAULT'],
] as const)('M2: mount: %s fails with its errno, and the handler is not asked', (row) => {
  const [, given, errno] = row;
  const handler = handlerFor('proc');
  expect(handler.ask('mount', ...given)).toMatchObject({ kind: 'fail', errno });
  expect(handler.calls).toEqual([]);
});

test('G3: mount: without the setting it refuses to start', () => {
  expect(failureOf(() => new HandlerHarness(file))).toMatchObject({
    code: 'AGENT_SETTING_INVALID',
    message: expect.stringContaining('filesystems'),
  });
});

/** CAP_SYS_ADMIN of <linux/capability.h>. */
const sysAdmin = 21;

test('A2: mount: with require-admin an administrator of the container gets its mount', () => {
  const handler = new HandlerHarness(file, { filesystems: 'proc', 'require-admin': 'true' });
  handler.host.prepare(1);
  expect(handler.ask('mount', null, '/p', 'proc', 0, null)).toMatchObject({ kind: 'value' });
  expect(handler.calls).toEqual([
    { kind: 'capability', capability: sysAdmin, where: userNamespace.ofContainer },
    expect.objectContaining({ kind: 'mount' }),
  ]);
});

test.for([
  ['who has no CAP_SYS_ADMIN there', 0],
  ['of whose container nobody knows the first process', -errnoNumber('ESRCH')],
] as const)('A2: mount: with require-admin nothing is lent to somebody %s', ([, answer]) => {
  const handler = new HandlerHarness(file, { filesystems: 'proc', 'require-admin': 'true' });
  handler.host.prepare(answer);
  expect(handler.ask('mount', null, '/p', 'proc', 0, null)).toEqual({ kind: 'continue' });
  expect(handler.calls).toEqual([expect.objectContaining({ kind: 'capability' })]);
});

test('A2: mount: without require-admin nobody is asked who the caller is', () => {
  const handler = new HandlerHarness(file, { filesystems: 'proc', 'require-admin': 'false' });
  handler.ask('mount', null, '/p', 'proc', 0, null);
  expect(handler.calls).toEqual([expect.objectContaining({ kind: 'mount' })]);
});

const mountApi = familyMembers('mountapi');
/** Who asks whether a call is there passes nothing that means anything. */
const someArguments = [-1, 0, 0, 0, 0] as const;

test.for(mountApi.map((name) => [name] as const))('K21: mount: %s is ENOSYS', ([name]) => {
  for (const settings of [{}, { 'new-api': 'enosys' }]) {
    const handler = new HandlerHarness(file, { filesystems: 'proc', ...settings });
    expect(handler.ask(name, ...someArguments)).toMatchObject({ kind: 'fail', errno: 'ENOSYS' });
    expect(handler.calls).toEqual([]);
  }
});

test.for(mountApi.map((name) => [name] as const))(
  'K21: mount: with new-api=continue the kernel judges %s, and nothing is lent',
  ([name]) => {
    const handler = new HandlerHarness(file, { filesystems: 'proc', 'new-api': 'continue' });
    expect(handler.ask(name, ...someArguments)).toEqual({ kind: 'continue' });
    expect(handler.calls).toEqual([]);
  },
);

test.for([
  ['require-admin', 'yes'],
  ['new-api', 'eperm'],
] as const)('G3: mount: %s=%s is refused', ([name, value]) => {
  const settings = { filesystems: 'proc', [name]: value };
  expect(failureOf(() => new HandlerHarness(file, settings))).toMatchObject({
    code: 'AGENT_SETTING_INVALID',
    message: expect.stringContaining(name),
  });
});

test('mount: it has no opinion on other calls', () => {
  const handler = handlerFor('proc');
  expect(handler.ask('umount2', '/proc', 0)).toEqual({ kind: 'next' });
  expect(handler.ask('chmod', '/proc', 0o700)).toEqual({ kind: 'next' });
});

describe('mount: options of the setting', () => {
  const added = { filesystems: 'overlay', options: 'volatile' };

  test.for<readonly [own: string | null, all: string]>([
    [null, 'volatile'],
    ['', 'volatile'],
    ['lowerdir=a:b', 'lowerdir=a:b,volatile'],
    [String.raw`lowerdir=a\\`, String.raw`lowerdir=a\\,volatile`],
    [String.raw`lowerdir=a\:b`, String.raw`lowerdir=a\:b,volatile`],
  ])('those of the caller, %s, come before: %s', ([own, all]) => {
    const handler = new HandlerHarness(file, added);
    expect(handler.ask('mount', 'ov', '/m', 'overlay', 0, own)).toMatchObject({ kind: 'value' });
    expect(handler.calls).toMatchObject([{ kind: 'mount', data: bytesOf(all) }]);
  });

  test.for(['userxattr,lowerdir=a:b\\', '\\', '\\\\\\'])(
    'a caller, whose own are %s, cannot make them part of these',
    (own) => {
      const handler = new HandlerHarness(file, added);
      const answer = handler.ask('mount', 'ov', '/m', 'overlay', 0, own);
      expect(answer).toMatchObject({ kind: 'fail', errno: 'EINVAL' });
      expect(handler.calls).toEqual([]);
    },
  );

  test('where there are none, those of the caller are as they came', () => {
    const handler = handlerFor('overlay');
    handler.ask('mount', 'ov', '/m', 'overlay', 0, 'lowerdir=a\\');
    expect(handler.calls).toMatchObject([{ kind: 'mount', data: bytesOf('lowerdir=a\\') }]);
  });
});
