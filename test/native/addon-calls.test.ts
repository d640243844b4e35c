// SPDX-License-Identifier: Apache-2.0
// Tests the addon with the calls of a command: receive, answer, act, end.
import { existsSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';

import { expect, test } from 'vitest';

import {
  answerKind,
  arches,
  eventKind,
  inbox,
  loadNative,
  numbersPerArch,
  receiverEventKind,
  registryPart,
  tokenOf,
} from '../../host/native.ts';
import type { ReceiverEvent, ReceiverHandle } from '../../host/native.ts';
import { figure, makeCounters, slotLayout } from '../../host/counting/counters.ts';
import { ReceivedCall } from '../../host/call/received-call.ts';
import { Syscalls } from '../../host/syscalls/syscalls.ts';
import { trappedCalls } from '../../host/syscalls/trapped-calls.ts';
import { mkdirByAddon } from '../support/mkdir-by-addon.ts';
import { LaunchedCommand } from '../support/launched-command.ts';
import { until } from '../support/polling.ts';
import { openFdCount, untilChildless, untilFdCountIs } from '../support/process-resources.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

const native = loadNative();
const syscalls = new Syscalls();
const readSetLength = arches.length * numbersPerArch;
/** Of no meaning here: it only has to be a counters' slot. */
const slot = 3;
const nothing = new Uint8Array();
const noTerms = {
  registry: nothing,
  handlers: nothing,
  annotations: nothing,
  chain: nothing,
  failureErrno: 1,
  paths: nothing,
};

interface Other extends Disposable {
  readonly call: ReceivedCall;
  readonly receive: () => number;
}

/** Another worker of a receiver, on this thread. */
function attach(receiver: ReceiverHandle): Other {
  const call = new ReceivedCall();
  const worker = native.attachWorker(receiver, call.bytes, new Uint8Array(makeCounters()), 2);
  return {
    call,
    receive: native.receiveFunction(worker),
    [Symbol.dispose]: () => {
      native.detachWorker(worker);
    },
  };
}

/** Events for the main thread, up to now. */
function eventsOf(receiver: ReceiverHandle): readonly ReceiverEvent[] {
  const events: ReceiverEvent[] = [];
  for (;;) {
    const event = native.nextReceiverEvent(receiver);
    if (event === null) return events;
    events.push(event);
  }
}

test('addon: a call is received with what its pointer says', () => {
  using command = new LaunchedCommand(native, 'mkdir /some/path');
  const { call: received } = command;
  command.next();
  const syscall = syscalls.find(received.arch, received.number);
  expect(syscall?.family).toBe('mkdir');
  if (syscall === undefined) return;
  const [path] = syscall.arguments.flatMap(({ kind }, index) =>
    kind.name === 'path' ? [index] : [],
  );
  const offset = received.pointerOffset(path ?? 0);
  const bytes = received.bytes.slice(offset, offset + received.pointerLength(path ?? 0));
  expect(new TextDecoder().decode(bytes)).toBe('/some/path');
  expect(received.tid).toBeGreaterThan(0);
  received.answer({ kind: 'value', value: 0n }, slot);
  expect(command.end()).toBe(0);
});

test.for([
  ['a value', { kind: 'value', value: 0n }, 0],
  ['an errno', { kind: 'fail', errno: 'EDOM', number: 33 }, 1],
  ['continue', { kind: 'continue' }, 1],
] as const)('K17: addon: %s reaches the caller', ([, action, code]) => {
  using command = new LaunchedCommand(native, 'exec mkdir /nonexistent/a 2>/dev/null');
  command.next().answer(action, slot);
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
  command.next().answer({ kind: 'fail', errno: 'EDOM', number: 33 }, slot);
  command.next().answer({ kind: 'continue' }, slot);
  command.next().answer({ kind: 'fail', errno: 'EHWPOISON', number: 133 }, slot);
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
  command.next().answer({ kind: 'value', value: 0n }, slot);
  command.next();
  const view = new DataView(command.call.bytes.buffer);
  expect(view.getUint32(inbox.answerKind, true)).toBe(answerKind.none);
  // so the second call fails
  expect(command.end()).toBe(1);
});

test('addon: a call that is not answered fails as its listener says', () => {
  using folder = new TemporaryFolder();
  const said = folder.at('said');
  using refusing = new LaunchedCommand(native, `mkdir /nonexistent/a 2>${said}`, {
    failureErrno: 133,
  });
  refusing.next();
  refusing.end();
  expect(readFileSync(said, 'utf8')).toContain('Memory page has hardware error');
  using lenient = new LaunchedCommand(native, `mkdir ${folder.at('made')}`, { failureErrno: 0 });
  lenient.next();
  expect(lenient.end()).toBe(0);
  expect(existsSync(folder.at('made'))).toBe(true);
});

test('addon: a call that is not answered when its worker leaves fails, and does not hang', () => {
  using command = new LaunchedCommand(native, 'mkdir /nonexistent/a 2>/dev/null');
  command.next();
  using other = attach(command.receiver);
  native.detachWorker(command.worker);
  expect(command.exitCode()).toBe(1);
  // all that is left to hear
  expect(other.receive()).toBe(eventKind.ended);
  expect(other.call.token).toBe(command.listener);
});

test('addon: the main thread is told of the ends of a listener and of its command', () => {
  using command = new LaunchedCommand(native, 'mkdir /nonexistent/a; exit 7');
  command.next().answer({ kind: 'value', value: 0n }, slot);
  using other = attach(command.receiver);
  expect(command.end()).toBe(7);
  expect(other.receive()).toBe(eventKind.ended);
  native.stopReceiver(command.receiver);
  expect(other.receive()).toBe(eventKind.stopped);
  const events = eventsOf(command.receiver).map(({ kind, token }) => ({ kind, token }));
  expect(events).toHaveLength(2);
  expect(events).toContainEqual({ kind: receiverEventKind.ended, token: command.listener });
  expect(events).toContainEqual({ kind: receiverEventKind.exited, token: command.process });
  expect(native.listenerCount(command.receiver)).toBe(0);
});

test('addon: an answer is counted in its slot by its kind', () => {
  using command = new LaunchedCommand(native, 'for i in 1 2 3 4 5; do mkdir /a; done 2>/dev/null');
  command.next().answer({ kind: 'value', value: 0n }, 7);
  command.next().answer({ kind: 'fail', errno: 'EDOM', number: 33 }, 7);
  command.next().answer({ kind: 'continue' }, 7);
  command.next().answerFailure({ kind: 'fail', errno: 'EPERM', number: 1 }, 7);
  command.next();
  command.end();
  const wordsOf = (index: number): readonly number[] =>
    [...command.counters.subarray(index * slotLayout.words, (index + 1) * slotLayout.words)].map(
      Number,
    );
  expect(wordsOf(7).slice(slotLayout.ends, 5)).toEqual([1, 1, 1, 0, 1]);
  expect(wordsOf(7)[slotLayout.durationSumNs]).toBeGreaterThan(0);
  const durations = wordsOf(7).slice(slotLayout.buckets);
  expect(durations.reduce((sum, count) => sum + count)).toBe(4);
  // nobody said where the last one is counted
  expect(wordsOf(0).slice(slotLayout.ends, 5)).toEqual([0, 0, 0, 0, 1]);
});

test('addon: figures say what a receiver has', () => {
  using command = new LaunchedCommand(native, 'mkdir /a && mkdir /b');
  const figures = new BigUint64Array(figure.count);
  const read = (index: number): number => {
    native.receiverFigures(command.receiver, new Uint8Array(figures.buffer));
    return Number(figures[index]);
  };
  expect([figure.received, figure.listeners, figure.workers].map(read)).toEqual([0, 1, 1]);
  command.next().answer({ kind: 'value', value: 0n }, slot);
  command.next();
  expect(read(figure.received)).toBe(2);
  expect(read(figure.busyWorkers)).toBe(1);
  expect(read(figure.receiveDelayCount)).toBe(2);
  command.call.answer({ kind: 'value', value: 0n }, slot);
  command.end();
  expect(read(figure.workers)).toBe(0);
  expect(read(figure.busyWorkers)).toBe(0);
});

test('addon: an answer with a delay reaches the caller after it', () => {
  const delayMs = 150;
  using command = new LaunchedCommand(native, 'mkdir /a 2>/dev/null || mkdir /b');
  const answer = { kind: 'fail', errno: 'EDOM', number: 33 } as const;
  command.next().answer({ kind: 'delay', delayMs, answer }, slot);
  const began = performance.now();
  // the caller is quicker than its next call
  command.next();
  expect(performance.now() - began).toBeGreaterThanOrEqual(delayMs - 1);
  const view = new DataView(command.call.bytes.buffer);
  expect(view.getUint32(inbox.answerDelay, true)).toBe(0);
  command.call.answer({ kind: 'value', value: 0n }, slot);
  expect(command.end()).toBe(0);
});

test('G11: addon: a late answer is sent when the receiver stops', () => {
  using command = new LaunchedCommand(native, 'mkdir /nonexistent/a');
  const answer = { kind: 'value', value: 0n } as const;
  command.next().answer({ kind: 'delay', delayMs: 3_600_000, answer }, slot);
  native.detachWorker(command.worker);
  const figures = new BigUint64Array(figure.count);
  native.receiverFigures(command.receiver, new Uint8Array(figures.buffer));
  expect(figures[figure.lateAnswers]).toBe(1n);
  native.stopReceiver(command.receiver);
  expect(command.exitCode()).toBe(0);
});

test('addon: the first process of a launched command is killed', async () => {
  using command = new LaunchedCommand(native, 'mkdir /nonexistent/a 2>/dev/null; sleep 100');
  command.next();
  expect(native.killContainer(command.receiver, command.process)).toBe(constants.errno.ESRCH);
  const inThread = native.stopContainer(command.receiver, command.process, 0);
  expect(await inThread).toBe(constants.errno.ESRCH);
  // in our own cgroup nobody knows which other processes are its
  expect(native.killContainer(command.receiver, command.listener)).toBe(constants.errno.EPERM);
  expect(command.exitCode()).toBe(128 + 9);
  expect(native.killContainer(command.receiver, command.listener)).toBe(constants.errno.ESRCH);
});

test('addon: the registry of the listener is given to whoever has a call of it', () => {
  using command = new LaunchedCommand(native, 'mkdir /a');
  const { token } = command.next();
  const partOf = (part: number): readonly number[] => [
    ...native.listenerRegistry(command.worker, tokenOf(token), part),
  ];
  expect(partOf(registryPart.own)).toEqual([1, 2, 3]);
  expect(partOf(registryPart.handlers)).toEqual([4, 5]);
  expect(partOf(registryPart.annotations)).toEqual([6]);
  expect(partOf(3)).toEqual([]);
  expect(() => native.listenerRegistry(command.worker, tokenOf(token + 1), 0)).toThrow(
    expect.objectContaining({ code: 'ENOENT' }),
  );
  expect(native.listenerCount(command.receiver)).toBe(1);
  command.call.answer({ kind: 'value', value: 0n }, slot);
  command.end();
});

test('addon: a directory is made for the caller', () => {
  using folder = new TemporaryFolder();
  using command = new LaunchedCommand(native, `umask 027; mkdir ${folder.at('asked')}`);
  command.next();
  const path = new TextEncoder().encode(folder.at('made'));
  expect(mkdirByAddon(native, command.worker, path, 0, path.length, 0o777)).toBe(0);
  expect(mkdirByAddon(native, command.worker, path, 0, path.length, 0o777)).toBe(17);
  command.call.answer({ kind: 'value', value: 0n }, slot);
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
  expect(mkdirByAddon(native, command.worker, path, 0, path.length, 0o777)).toBe(-1);
  command.call.answer({ kind: 'value', value: 0n }, slot);
  command.end();
  expect(existsSync(folder.at('made'))).toBe(false);
});

test('A5: addon: only so much is done for one call', () => {
  const max = 1000;
  using folder = new TemporaryFolder();
  using command = new LaunchedCommand(native, 'mkdir /nonexistent/a && mkdir /nonexistent/b');
  command.next();
  const path = new TextEncoder().encode(folder.path);
  const act = (): number => mkdirByAddon(native, command.worker, path, 0, path.length, 0o777);
  const answers = Array.from({ length: max }, act);
  expect(new Set(answers)).toEqual(new Set([17]));
  const refused = expect.objectContaining({ code: 'EDQUOT' });
  expect(act).toThrow(refused);
  expect(act).toThrow(refused);
  command.call.answer({ kind: 'value', value: 0n }, slot);
  // the next call has as much of its own
  command.next();
  expect(act()).toBe(17);
  command.call.answer({ kind: 'value', value: 0n }, slot);
  expect(command.end()).toBe(0);
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

test('addon: a command that is not there says so', async () => {
  const receiver = native.createReceiver(syscalls.readKinds(), 1, 1);
  const start = async (candidates: readonly string[]): Promise<number> => {
    const launch = native.launch(['x'], [], candidates, trappedCalls(['mkdir']));
    native.adoptLaunch(receiver, launch, {
      ...noTerms,
      reads: new Uint8Array(readSetLength),
    });
    const exit = await until('its end', () => native.launchExit(launch) ?? undefined);
    native.closeLaunch(launch);
    return exit.execErrno;
  };
  expect(await start([])).toBe(2);
  expect(await start(['/nonexistent', '/etc/passwd/x'])).toBe(2);
  expect(await start(['/nonexistent', '/etc/passwd'])).toBe(13);
  native.closeReceiver(receiver);
});

test('addon: a listener is adopted once', () => {
  using command = new LaunchedCommand(native, 'true');
  expect(() =>
    native.adoptLaunch(command.receiver, command.launch, {
      ...noTerms,
      reads: new Uint8Array(readSetLength),
    }),
  ).toThrow(expect.objectContaining({ syscall: expect.any(String) }));
});

test('addon: a read set of another size is refused', () => {
  const receiver = native.createReceiver(syscalls.readKinds(), 1, 1);
  const launch = native.launch(['true'], [], ['/bin/true'], trappedCalls(['mkdir']));
  expect(() =>
    native.adoptLaunch(receiver, launch, {
      ...noTerms,
      reads: new Uint8Array(readSetLength - 1),
    }),
  ).toThrow(expect.objectContaining({ code: 'EINVAL' }));
  native.closeLaunch(launch);
  native.closeReceiver(receiver);
});

test('addon: a failure that is no errno is refused', () => {
  const receiver = native.createReceiver(syscalls.readKinds(), 1, 1);
  const launch = native.launch(['true'], [], ['/bin/true'], trappedCalls(['mkdir']));
  expect(() =>
    native.adoptLaunch(receiver, launch, {
      ...noTerms,
      reads: new Uint8Array(readSetLength),
      failureErrno: 4096,
    }),
  ).toThrow(TypeError);
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
    command.next().answer({ kind: 'continue' }, slot);
    expect(command.end()).toBe(1);
  }
  await untilFdCountIs(process.pid, before);
  await untilChildless(process.pid);
});
