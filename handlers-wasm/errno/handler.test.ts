// SPDX-License-Identifier: Apache-2.0
// Tests the built handler errno.
import { expect, test } from 'vitest';

import { errnos } from '../../host/syscalls/errno.ts';
import { HandlerHarness, shippedComponent } from '../../test/support/handler-harness.ts';
import { failureOf } from '../../test/support/agent-failure.ts';
import { failure } from '../../test/support/failures.ts';

const file = shippedComponent('errno');

test('errno: it answers any call and wants no capability', () => {
  const { component } = new HandlerHarness(file, { errno: 'EPERM' });
  expect(component).toMatchObject({ answers: ['any'], imports: [], isConfigurable: true });
});

test('K17: errno: every errno of Linux is answered as itself', () => {
  for (const [errno, number] of errnos) {
    const handler = new HandlerHarness(file, { errno });
    expect(handler.ask('chmod', '/a', 0o755)).toEqual({ kind: 'fail', errno, number });
  }
});

test.for([
  ['EWOULDBLOCK', 'EAGAIN'],
  ['ENOTSUP', 'EOPNOTSUPP'],
] as const)('errno: %s is another name of %s', ([alias, errno]) => {
  const handler = new HandlerHarness(file, { errno: alias });
  expect(handler.ask('getpid')).toMatchObject({ kind: 'fail', errno });
});

test('errno: each call gets the answer, whatever its arguments are', () => {
  const handler = new HandlerHarness(file, { errno: 'ENOSYS' });
  const answers = [
    handler.ask('fsopen', null, 0),
    handler.ask('mount', { errno: 'EFAULT' }, null, null, -1n, null),
    handler.ask('mkdir', { errno: 'EPERM' }, 0),
    handler.ask('getpid'),
  ];
  for (const answer of answers) expect(answer).toMatchObject({ kind: 'fail', errno: 'ENOSYS' });
  expect(handler.calls).toEqual([]);
});

test('errno: an instance answers any number of calls', () => {
  const handler = new HandlerHarness(file, { errno: 'EBADMSG' });
  for (let round = 0; round < 20_000; round += 1) {
    if (handler.ask('fchmodat2', -100, '/a', 0o755, 0).kind !== 'fail') throw new Error('no errno');
  }
  expect(handler.instance.isBroken).toBe(false);
});

test.for(['', 'EPERMM', 'eperm', '1', 'EPERM ', 'ERESTARTSYS', 'É', '💥'])(
  'G3: errno: "%s" is refused, and the message says it',
  (errno) => {
    const wrong = failure('AGENT_SETTING_INVALID', '"errno"', `"${errno}"`);
    expect(() => new HandlerHarness(file, { errno })).toThrow(wrong);
  },
);

test('G3: errno: without the setting it refuses to start', () => {
  expect(failureOf(() => new HandlerHarness(file, { errn: 'EPERM' }))).toMatchObject({
    code: 'AGENT_SETTING_INVALID',
    message: expect.stringContaining('"errno"'),
  });
});
