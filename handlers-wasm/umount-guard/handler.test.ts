// SPDX-License-Identifier: Apache-2.0
// Tests the built handler umount-guard.
import { expect, test } from 'vitest';

import { errnoNumber } from '../../host/syscalls/errno.ts';
import { userNamespace } from '../../host/native.ts';
import { familyMembers } from '../../host/syscalls/syscall-table.ts';
import { failureOf } from '../../test/support/agent-failure.ts';
import { HandlerHarness, shippedComponent } from '../../test/support/handler-harness.ts';

const file = shippedComponent('umount-guard');
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
/** CAP_SYS_ADMIN of <linux/capability.h>. */
const capability = 21;
const asked = { kind: 'capability', capability, where: userNamespace.ofMounts };

test('umount-guard: an administrator’s unmount is done by the host, which knows what to spare', () => {
  const handler = new HandlerHarness(file, { protect: ' /a , /b,' });
  handler.host.prepare(1);
  expect(handler.ask('umount2', '/x', 2)).toEqual({ kind: 'value', value: 0n });
  expect(handler.calls).toEqual([
    asked,
    expect.objectContaining({
      operation: 'unmount',
      path: bytesOf('/x'),
      flags: 2,
      value: bytesOf('/a\0/b\0'),
    }),
  ]);
});

test('A8: umount-guard: without a setting the host spares masks all the same', () => {
  const handler = new HandlerHarness(file);
  handler.host.prepare(1, errnoNumber('EPERM'));
  expect(handler.ask('umount2', '/proc/keys', 0)).toMatchObject({ kind: 'fail', errno: 'EPERM' });
  expect(handler.calls[1]).toMatchObject({ operation: 'unmount', value: bytesOf('') });
});

test('A1: umount-guard: nothing is lent to who could not unmount', () => {
  const handler = new HandlerHarness(file);
  handler.host.prepare(0);
  expect(handler.ask('umount2', '/x', 0)).toMatchObject({ kind: 'fail', errno: 'EPERM' });
  handler.host.prepare(-errnoNumber('ESRCH'));
  expect(handler.ask('umount2', '/x', 0)).toMatchObject({ kind: 'fail', errno: 'ESRCH' });
  expect(handler.calls).toEqual([asked, asked]);
});

const flags = { MS_REMOUNT: 32n, MS_BIND: 4096n, MS_MOVE: 8192n } as const;
const magic = 0xc0ed_0000n;

test.for(Object.entries(flags))(
  'K21, K1: umount-guard: %s is EPERM by its register',
  ([, flag]) => {
    const handler = new HandlerHarness(file);
    for (const given of [flag, flag | 1n, flag | 16_384n, flag | magic]) {
      expect(handler.ask('mount', 0, 0, 0, given, 0)).toMatchObject({
        kind: 'fail',
        errno: 'EPERM',
      });
    }
    expect(handler.calls).toEqual([]);
  },
);

const newMounts = [0n, 1n, magic, 32_768n] as const;

test('K1: umount-guard: a new mount is EPERM by its register, unless they are let pass', () => {
  const handler = new HandlerHarness(file);
  const open = new HandlerHarness(file, { new: 'continue' });
  for (const given of newMounts) {
    expect(handler.ask('mount', 0, 0, 0, given, 0)).toMatchObject({ kind: 'fail', errno: 'EPERM' });
    expect(open.ask('mount', 0, 0, 0, given, 0)).toEqual({ kind: 'next' });
  }
});

test.for(familyMembers('execve').map((name) => [name] as const))(
  'umount-guard: %s is trapped for the agent alone: others answer it',
  ([name]) => {
    const handler = new HandlerHarness(file);
    expect(handler.ask(name, ...(name === 'execve' ? ['/x'] : [-100, '/x']))).toEqual({
      kind: 'next',
    });
    expect(handler.calls).toEqual([]);
  },
);

test('umount-guard: propagation is others’ to answer', () => {
  const handler = new HandlerHarness(file);
  for (const given of [1n << 17n, 1n << 18n, (1n << 19n) | 16_384n, (1n << 20n) | magic]) {
    expect(handler.ask('mount', 0, 0, 0, given, 0)).toEqual({ kind: 'next' });
  }
});

test.for(familyMembers('mountapi').map((name) => [name] as const))(
  'K21: umount-guard: %s is ENOSYS',
  ([name]) => {
    const guarding = new HandlerHarness(file);
    expect(guarding.ask(name, -1, 0, 0, 0, 0)).toMatchObject({ kind: 'fail', errno: 'ENOSYS' });
    const open = new HandlerHarness(file, { changes: 'continue' });
    expect(open.ask(name, -1, 0, 0, 0, 0)).toEqual({ kind: 'next' });
  },
);

test('umount-guard: with changes=continue mount is others’ to answer', () => {
  const handler = new HandlerHarness(file, { changes: 'continue' });
  expect(handler.ask('mount', 0, 0, 0, flags.MS_MOVE, 0)).toEqual({ kind: 'next' });
  expect(handler.ask('mount', 0, 0, 0, 0n, 0)).toEqual({ kind: 'next' });
});

test.for(['changes', 'new'])('G3: umount-guard: an unknown value of %s is refused', (key) => {
  expect(failureOf(() => new HandlerHarness(file, { [key]: 'allow' }))).toMatchObject({
    code: 'AGENT_SETTING_INVALID',
    message: expect.stringContaining(key),
  });
});
