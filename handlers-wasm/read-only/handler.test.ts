// SPDX-License-Identifier: Apache-2.0
// Tests the built handler read-only.
import { expect, test } from 'vitest';

import { errnoNumber } from '../../host/syscalls/errno.ts';
import { failureOf } from '../../test/support/agent-failure.ts';
import { HandlerHarness, shippedComponent } from '../../test/support/handler-harness.ts';
import type { GivenArgument } from '../../test/support/handler-harness.ts';

const file = shippedComponent('read-only');
const folders = { folders: '/kept,/deep/kept' };
const flag = { wronly: 1, rdwr: 2, creat: 0o100, excl: 0o200, trunc: 0o1000, tmpfile: 0o20200000 };

type Call = readonly [syscall: string, ...words: GivenArgument[]];

const refused: readonly (readonly [errno: string, ...call: Call])[] = [
  ['EROFS', 'chmod', '/kept', 0o600],
  ['EROFS', 'chmod', '/kept/a/b', 0o600],
  ['EROFS', 'chown', '/deep/kept/a', 1, 1],
  ['EROFS', 'mkdir', '/kept/a', 0o777],
  ['EROFS', 'mknod', '/kept/a', 0o644, 0],
  ['EROFS', 'symlink', 'a', '/kept/a'],
  ['EROFS', 'link', '/a', '/kept/a'],
  ['EROFS', 'link', '/kept/a', '/a'],
  ['EROFS', 'rename', '/kept/a', '/a'],
  ['EROFS', 'rename', '/a', '/kept/a'],
  ['EBUSY', 'rename', '/deep', '/a'],
  ['EBUSY', 'rename', '/a', '/deep'],
  ['EROFS', 'unlink', '/kept/a'],
  ['EROFS', 'rmdir', '/kept'],
  ['EBUSY', 'rmdir', '/deep'],
  ['EROFS', 'truncate', '/kept/a', 0],
  ['EROFS', 'removexattr', '/kept/a', 'user.a'],
  ['EROFS', 'open', '/kept/a', flag.wronly, 0],
  ['EROFS', 'open', '/kept/a', flag.rdwr, 0],
  ['EROFS', 'open', '/kept/a', flag.trunc, 0],
  ['EROFS', 'open', '/kept', flag.tmpfile | flag.rdwr, 0],
];

const allowed: readonly Call[] = [
  ['chmod', '/keptt', 0o600],
  ['chmod', '/', 0o600],
  ['chmod', '/deep', 0o700],
  ['mkdir', '/deep/other', 0o777],
  ['rename', '/a', '/b'],
  ['unlink', '/b'],
  ['open', '/kept/a', 0, 0],
  ['open', '/kept/a', flag.creat, 0o600],
  ['open', '/b', flag.creat | flag.wronly, 0o600],
];

test.for(refused)('A16: read-only: %s of %s %j', ([errno, syscall, ...words]) => {
  const handler = new HandlerHarness(file, folders);
  expect(handler.ask(syscall, ...words)).toMatchObject({ kind: 'fail', errno });
});

test.for(allowed)('A16: read-only: the host does %s %j', ([syscall, ...words]) => {
  const handler = new HandlerHarness(file, folders);
  expect(handler.ask(syscall, ...words)).toEqual({ kind: 'perform' });
});

test('A16: read-only: what cannot be looked up fails as it does', () => {
  const handler = new HandlerHarness(file, folders);
  for (const errno of ['ENOENT', 'EXDEV', 'ELOOP'] as const) {
    handler.host.prepare(errnoNumber(errno));
    expect(handler.ask('chmod', '/a', 0o600)).toMatchObject({ kind: 'fail', errno });
  }
});

test.for([
  ['READ_ONLY is absent', {}],
  ['a path is relative', { folders: '/kept,etc' }],
] as const)('A15: read-only: the container is refused if %s', ([, settings]) => {
  expect(failureOf(() => new HandlerHarness(file, settings).ask('chmod', '/a', 0)).code).toBe(
    'AGENT_SETTING_INVALID',
  );
});
