// SPDX-License-Identifier: Apache-2.0
// Tests the built handler chown-fake.
import { expect, test } from 'vitest';

import { errnoNumber } from '../../host/syscalls/errno.ts';
import { HandlerHarness, shippedComponent } from '../../test/support/handler-harness.ts';

const file = shippedComponent('chown-fake');
const same = 0xffff_ffff;
const eperm = errnoNumber('EPERM');
const einval = errnoNumber('EINVAL');
const path = new TextEncoder().encode('/a');

const calls = [
  ['chown', ['/a', 1, 2], { path, flags: 0 }],
  ['lchown', ['/a', 1, 2], { path, flags: 0x100 }],
  ['fchownat', [5, '/a', 1, 2, 0x100], { path, flags: 0x100 }],
  ['fchown', [7, 1, 2], { path: new Uint8Array(), flags: 0x1000 }],
] as const;

test('chown-fake: it answers both families with one capability', () => {
  expect(new HandlerHarness(file).component).toMatchObject({
    answers: ['chown', 'fchown'],
    imports: ['filesystem'],
  });
});

test.for(calls)('K21: chown-fake: %s is made as the caller', ([syscall, given, asked]) => {
  const handler = new HandlerHarness(file);
  expect(handler.ask(syscall, ...given)).toEqual({ kind: 'value', value: 0n });
  expect(handler.calls).toEqual([
    expect.objectContaining({ operation: 'chown', ...asked, first: 1, second: 2, isLent: false }),
  ]);
});

test.for(calls)('chown-fake: %s that is refused counts as done', ([syscall, given]) => {
  for (const errno of [eperm, einval]) {
    const handler = new HandlerHarness(file);
    handler.host.prepare(errno, errno, errno);
    expect(handler.ask(syscall, ...given)).toEqual({ kind: 'value', value: 0n });
    const ids = handler.calls.map((call) => call.kind === 'operate' && [call.first, call.second]);
    expect(ids).toEqual([
      [1, 2],
      [1, same],
      [same, 2],
    ]);
  }
});

test('chown-fake: of one id nothing else is tried', () => {
  for (const ids of [
    [1, same],
    [same, 2],
  ] as const) {
    const handler = new HandlerHarness(file);
    handler.host.prepare(eperm);
    expect(handler.ask('chown', '/a', ...ids)).toMatchObject({ kind: 'value' });
    expect(handler.calls).toHaveLength(1);
  }
});

test.for(['ENOENT', 'EROFS', 'EACCES', 'ELOOP', 'EIO', 'ENOTDIR'] as const)(
  'chown-fake: %s is no matter of ids',
  (errno) => {
    const handler = new HandlerHarness(file);
    const number = errnoNumber(errno);
    handler.host.prepare(number, eperm, number, eperm, eperm, number);
    for (let tries = 0; tries < 3; tries += 1) {
      expect(handler.ask('chown', '/a', 1, 2)).toMatchObject({ kind: 'fail', errno });
    }
  },
);

test('chown-fake: unknown flags are the kernel’s EINVAL, and nothing is done', () => {
  const handler = new HandlerHarness(file);
  expect(handler.ask('fchownat', 5, '/a', 1, 2, 0x10)).toMatchObject({ errno: 'EINVAL' });
  expect(handler.calls).toEqual([]);
});

test('chown-fake: a descriptor that is none is EBADF', () => {
  const handler = new HandlerHarness(file);
  handler.host.prepare(errnoNumber('EBADF'));
  expect(handler.ask('fchown', 7, 1, 2)).toMatchObject({ errno: 'EBADF' });
});
