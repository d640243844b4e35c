// SPDX-License-Identifier: Apache-2.0
// Tests whose a process is, by its ids and by who has made its user namespace.
import { readlinkSync } from 'node:fs';

import { expect, test } from 'vitest';

import { loadNative } from '../../host/native.ts';
import { RunningCommand } from '../support/command.ts';
import { until } from '../support/polling.ts';

const native = loadNative();
const [user, other] = [1000, 1001];

/** A process of a user that waits, once its program runs in another user namespace, or in ours. */
async function started(
  words: readonly [string, ...string[]],
  hasNamespace: boolean,
): Promise<RunningCommand> {
  const running = new RunningCommand([...words, 'sh', '-c', 'echo started; exec sleep 100']);
  await running.printed(/^started$/mu);
  await until('its namespace', () => {
    const isOther =
      readlinkSync(`/proc/${running.pid}/ns/user`) !== readlinkSync('/proc/self/ns/user');
    return isOther === hasNamespace || undefined;
  });
  return running;
}

const asUser: readonly [string, ...string[]] = [
  'setpriv',
  `--reuid=${user}`,
  `--regid=${user}`,
  '--clear-groups',
];

test('A10: owner: a process is its user’s, and no other’s', async () => {
  await using process = await started(asUser, false);
  expect(native.processIsOf(process.pid, user)).toBe(true);
  expect(native.processIsOf(process.pid, other)).toBe(false);
});

test('A10: owner: processes of root belong to no user, except in a user namespace of theirs', async () => {
  await using theirs = await started([...asUser, 'unshare', '--user'], true);
  const words: readonly [string, ...string[]] = [
    'nsenter',
    `--user=/proc/${theirs.pid}/ns/user`,
    '--preserve-credentials',
  ];
  await using entered = await started(words, true);
  expect(native.processIsOf(entered.pid, user)).toBe(true);
  expect(native.processIsOf(entered.pid, other)).toBe(false);
  expect(native.processIsOf(process.pid, user)).toBe(false);
  expect(native.processIsOf(1, user)).toBe(false);
});

test('A10: owner: one that has ended is nobody’s', async () => {
  const ended = await started(asUser, false);
  const { pid } = ended;
  await ended[Symbol.asyncDispose]();
  expect(native.processIsOf(pid, user)).toBe(false);
  expect(native.processIsOf(0, user)).toBe(false);
});
