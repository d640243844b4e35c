// SPDX-License-Identifier: Apache-2.0
// Tests which process the addon finds to be a container's first one: whose it is, by its ids and by who
// has made its user namespace, and whose pid namespace the sender has entered.
import { once } from 'node:events';
import { readFileSync, readlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

import { expect, test } from 'vitest';

import { loadNative } from '../../host/native.ts';
import type { FoundProcess } from '../../host/native.ts';
import { RunningCommand } from '../support/command.ts';
import { until } from '../support/polling.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

const native = loadNative();
const [user, anotherUser] = [1000, 1001];

interface Sender {
  readonly pid?: number;
  readonly uid: number;
  /** As its state says; 0: that says none. */
  readonly said?: number;
}

/** Asks as of a connection to a socket of ours. @param meanwhile before it is asked */
async function found(
  { pid = process.pid, uid, said = 0 }: Sender,
  meanwhile: () => Promise<void> = async () => undefined,
): Promise<FoundProcess | undefined> {
  using folder = new TemporaryFolder();
  const path = folder.at('agent.socket');
  const socket = native.listenSocket(path, new Int32Array());
  const client = connect(path);
  try {
    await once(client, 'connect');
    const buffer = new Uint8Array(16);
    const event = await until('it', () => native.nextSocketEvent(socket, buffer) ?? undefined);
    native.keepAsked(socket, event.connection, pid, uid, said);
    await meanwhile();
    return (await native.findFirstProcess(socket, event.connection, uid)) ?? undefined;
  } finally {
    client.destroy();
    native.closeSocket(socket);
  }
}

async function firstOf(sender: Sender): Promise<number | undefined> {
  const first = await found(sender);
  return first?.pid;
}

async function isOf(said: number, uid: number): Promise<boolean> {
  return (await firstOf({ uid, said })) === said;
}

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
  expect(await isOf(process.pid, user)).toBe(true);
  expect(await isOf(process.pid, anotherUser)).toBe(false);
});

test('A10: owner: processes of root belong to no user, except in a user namespace of theirs', async () => {
  await using theirs = await started([...asUser, 'unshare', '--user'], true);
  const words: readonly [string, ...string[]] = [
    'nsenter',
    `--user=/proc/${theirs.pid}/ns/user`,
    '--preserve-credentials',
  ];
  await using entered = await started(words, true);
  expect(await isOf(entered.pid, user)).toBe(true);
  expect(await isOf(entered.pid, anotherUser)).toBe(false);
  expect(await isOf(process.pid, user)).toBe(false);
  expect(await isOf(1, user)).toBe(false);
});

test('A10: owner: one that has ended is nobody’s', async () => {
  const ended = await started(asUser, false);
  const { pid } = ended;
  await ended[Symbol.asyncDispose]();
  expect(await isOf(pid, user)).toBe(false);
  expect(await firstOf({ uid: user })).toBeUndefined();
});

test('owner: one that ends before it is asked about is nobody’s, whoever has its number then', async () => {
  await using ending = await started(asUser, false);
  const first = found({ uid: user, said: ending.pid }, async () => {
    ending.kill('SIGKILL');
    await ending.ended;
  });
  expect(await first).toBeUndefined();
});

/** The children of a process's first thread. */
function childrenOf(pid: number): readonly number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return text === '' ? [] : text.split(' ').map(Number);
}

const entering = ['unshare', '--pid', '--fork', '--kill-child', 'sleep', '600'] as const;

test('G6: first process: it is found in the namespace that the sender has entered', async () => {
  await using runtime = new RunningCommand(entering);
  const first = await until('the first process', () => childrenOf(runtime.pid)[0]);
  expect(await firstOf({ pid: runtime.pid, uid: 0 })).toBe(first);
  // a sender inside of it, and one whose child is
  expect(await firstOf({ pid: first, uid: 0 })).toBe(first);
  await using parent = new RunningCommand(['unshare', '--fork', '--kill-child', ...entering]);
  const child = await until('its child', () => childrenOf(parent.pid)[0]);
  const inner = await until('the first process', () => childrenOf(child)[0]);
  expect(await firstOf({ pid: parent.pid, uid: 0 })).toBe(inner);
  // for users, it is to be theirs
  expect(await firstOf({ pid: runtime.pid, uid: user })).toBeUndefined();
});

test('first process: a sender in our own pid namespace, or that is gone, tells nothing', async () => {
  const nobody = 0x7fff_ffff;
  expect(await firstOf({ uid: 0 })).toBeUndefined();
  expect(await firstOf({ pid: nobody, uid: 0 })).toBeUndefined();
});

test('K2: identity: a process has one, as long as it lives, that no other one has', async () => {
  await using one = await started(asUser, false);
  await using other = await started(asUser, false);
  const identity = native.processIdentity(one.pid);
  expect(identity).not.toBeNull();
  // before Linux 6.9 these are ticks of the clock
  await pause(20);
  expect(native.processIdentity(one.pid)).toBe(identity);
  expect(await found({ uid: user, said: one.pid })).toEqual({ pid: one.pid, identity });
  expect(native.processIdentity(process.pid)).not.toBe(identity);
  expect(native.processIdentity(other.pid)).not.toBe(null);
  one.kill('SIGKILL');
  await one.ended;
  expect(native.processIdentity(one.pid)).toBeNull();
});
