// SPDX-License-Identifier: Apache-2.0
// Tests the addon with the calls of a command: receive, answer, act, end.
import { existsSync, readFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import {
  answerKind,
  arches,
  eventKind,
  inbox,
  loadNative,
  numbersPerArch,
  tokenOf,
} from '../../host/native.ts';
import { ReceivedCall } from '../../host/notification/received-call.ts';
import { Syscalls } from '../../host/notification/syscalls.ts';
import { trappedCalls } from '../../host/notification/trapped-calls.ts';
import { LaunchedCommand } from '../support/launched-command.ts';
import { until } from '../support/polling.ts';
import { openFdCount, untilChildless, untilFdCountIs } from '../support/process-resources.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

const native = loadNative();
const syscalls = new Syscalls();
const readSetLength = arches.length * numbersPerArch;

test('addon: a call is received with what its pointer says', () => {
  using command = new LaunchedCommand(native, 'mkdir /some/path');
  const { call: received } = command;
  command.next();
  const syscall = syscalls.find(received.arch, received.number);
  expect(syscall?.family).toBe('mkdir');
  if (syscall === undefined) return;
  const [path] = syscall.arguments.flatMap(({ kind }, index) => (kind === 'path' ? [index] : []));
  const offset = received.pointerOffset(path ?? 0);
  const bytes = received.bytes.slice(offset, offset + received.pointerLength(path ?? 0));
  expect(new TextDecoder().decode(bytes)).toBe('/some/path');
  expect(received.tid).toBeGreaterThan(0);
  received.answer({ kind: 'value', value: 0n });
  expect(command.end()).toBe(0);
});

test.for([
  ['a value', { kind: 'value', value: 0n }, 0],
  ['an errno', { kind: 'fail', errno: 'EDOM', number: 33 }, 1],
  ['continue', { kind: 'continue' }, 1],
] as const)('K17: addon: %s reaches the caller', ([, action, code]) => {
  using command = new LaunchedCommand(native, 'exec mkdir /nonexistent/a 2>/dev/null');
  command.next().answer(action);
  expect(command.end()).toBe(code);
  expect(command.call.wasGone).toBe(false);
});

test('K17: addon: errno and continue are told apart by what the caller hears', () => {
  using folder = new TemporaryFolder();
  const said = folder.at('said');
  using command = new LaunchedCommand(
    native,
    `exec 2>${said}; mkdir /nonexistent/a; mkdir /nonexistent/a; mkdir /nonexistent/a; true`,
  );
  command.next().answer({ kind: 'fail', errno: 'EDOM', number: 33 });
  command.next().answer({ kind: 'continue' });
  command.next().answer({ kind: 'fail', errno: 'EHWPOISON', number: 133 });
  command.end();
  expect(readFileSync(said, 'utf8').match(/: [^:\n]+$/gmu)).toEqual([
    ': Numerical argument out of domain',
    ': No such file or directory',
    ': Memory page has hardware error',
  ]);
});

test('addon: a call that is not answered fails with EPERM', () => {
  using folder = new TemporaryFolder();
  const said = folder.at('said');
  using command = new LaunchedCommand(native, `mkdir /nonexistent/a 2>${said}`);
  command.next();
  expect(command.end()).toBe(1);
  expect(readFileSync(said, 'utf8')).toContain('Operation not permitted');
});

test('K12: addon: an answer is sent once', () => {
  using command = new LaunchedCommand(native, 'mkdir /a && mkdir /b 2>/dev/null');
  command.next().answer({ kind: 'value', value: 0n });
  command.next();
  const view = new DataView(command.call.bytes.buffer);
  expect(view.getUint32(inbox.answerKind, true)).toBe(answerKind.none);
  // so the second call fails
  expect(command.end()).toBe(1);
});

test('addon: a call that is not answered when its worker leaves fails, and does not hang', () => {
  using command = new LaunchedCommand(native, 'mkdir /nonexistent/a 2>/dev/null');
  command.next();
  native.detachWorker(command.worker);
  const call = new ReceivedCall();
  const other = native.attachWorker(command.receiver, call.bytes);
  try {
    const events = new Set<number>();
    while (!events.has(eventKind.exited)) events.add(native.receive(other));
    expect(events.has(eventKind.notification)).toBe(false);
    expect(native.launchExit(command.launch)?.code).toBe(1);
  } finally {
    native.detachWorker(other);
  }
});

test('addon: the registry of the listener is given to whoever has a call of it', () => {
  using command = new LaunchedCommand(native, 'mkdir /a');
  const { token } = command.next();
  expect([...native.listenerRegistry(command.worker, tokenOf(token))]).toEqual([1, 2, 3]);
  expect(() => native.listenerRegistry(command.worker, tokenOf(token + 1))).toThrow(
    expect.objectContaining({ code: 'ENOENT' }),
  );
  expect(native.listenerCount(command.receiver)).toBe(1);
  command.call.answer({ kind: 'value', value: 0n });
  command.end();
});

test('addon: a directory is made for the caller', () => {
  using folder = new TemporaryFolder();
  using command = new LaunchedCommand(native, `umask 027; mkdir ${folder.at('asked')}`);
  command.next();
  const path = new TextEncoder().encode(folder.at('made'));
  expect(native.mkdirAsCaller(command.worker, -100, path, 0, path.length, 0o777)).toBe(0);
  expect(native.mkdirAsCaller(command.worker, -100, path, 0, path.length, 0o777)).toBe(17);
  command.call.answer({ kind: 'value', value: 0n });
  expect(command.end()).toBe(0);
  expect(existsSync(folder.at('made'))).toBe(true);
  expect(existsSync(folder.at('asked'))).toBe(false);
});

test('K2: addon: nothing is done for a caller that was killed', async () => {
  using folder = new TemporaryFolder();
  using command = new LaunchedCommand(native, `mkdir ${folder.at('asked')}`);
  const { tid } = command.next();
  process.kill(tid, 'SIGKILL');
  await until('the caller to end', () => (existsSync(`/proc/${tid}/root/.`) ? undefined : true));
  const path = new TextEncoder().encode(folder.at('made'));
  expect(native.mkdirAsCaller(command.worker, -100, path, 0, path.length, 0o777)).toBe(-1);
  command.call.answer({ kind: 'value', value: 0n });
  command.end();
  expect(existsSync(folder.at('made'))).toBe(false);
});

test('addon: signals reach a command, and what it died of is its exit code', () => {
  using command = new LaunchedCommand(native, 'kill -s STOP $$');
  expect(native.launchExit(command.launch)).toBeNull();
  expect(native.launchPid(command.launch)).toBeGreaterThan(0);
  expect(native.launchKill(command.launch, 15)).toBe(true);
  expect(native.launchKill(command.launch, 9)).toBe(true);
  expect([128 + 9, 128 + 15]).toContain(command.end());
  expect(native.launchKill(command.launch, 9)).toBe(false);
});

test('addon: a command that is not there says so', () => {
  const receiver = native.createReceiver(syscalls.readKinds());
  const worker = native.attachWorker(receiver, new Uint8Array(inbox.size));
  const start = (candidates: readonly string[]): number => {
    const launch = native.launch(['x'], [], candidates, trappedCalls(['mkdir']));
    const set = new Uint8Array(readSetLength);
    native.adoptLaunch(receiver, launch, new Uint8Array(), set);
    while (native.receive(worker) !== eventKind.exited);
    const errno = native.launchExit(launch)?.execErrno ?? -1;
    native.closeLaunch(launch);
    return errno;
  };
  expect(start([])).toBe(2);
  expect(start(['/nonexistent', '/etc/passwd/x'])).toBe(2);
  expect(start(['/nonexistent', '/etc/passwd'])).toBe(13);
  native.detachWorker(worker);
  native.closeReceiver(receiver);
});

test('addon: a listener is adopted once', () => {
  using command = new LaunchedCommand(native, 'true');
  expect(() =>
    native.adoptLaunch(
      command.receiver,
      command.launch,
      new Uint8Array(),
      new Uint8Array(readSetLength),
    ),
  ).toThrow(expect.objectContaining({ syscall: expect.any(String) }));
});

test('addon: a read set of another size is refused', () => {
  const receiver = native.createReceiver(syscalls.readKinds());
  const launch = native.launch(['true'], [], ['/bin/true'], trappedCalls(['mkdir']));
  expect(() =>
    native.adoptLaunch(receiver, launch, new Uint8Array(), new Uint8Array(readSetLength - 1)),
  ).toThrow(expect.objectContaining({ code: 'EINVAL' }));
  native.closeLaunch(launch);
  native.closeReceiver(receiver);
});

test('addon: a command that still runs ends with its handle', async () => {
  const launch = native.launch(['sleep', '600'], [], ['/bin/sleep'], trappedCalls(['mkdir']));
  const pid = native.launchPid(launch);
  expect(existsSync(`/proc/${pid}`)).toBe(true);
  native.closeLaunch(launch);
  expect(existsSync(`/proc/${pid}`)).toBe(false);
  await untilChildless(process.pid);
});

test('addon: commands leave no descriptors behind', async () => {
  const before = openFdCount(process.pid);
  for (let round = 0; round < 20; round += 1) {
    using command = new LaunchedCommand(native, 'mkdir /nonexistent/a 2>/dev/null');
    command.next().answer({ kind: 'continue' });
    expect(command.end()).toBe(1);
  }
  await untilFdCountIs(process.pid, before);
  await untilChildless(process.pid);
});
