// SPDX-License-Identifier: Apache-2.0
// Tests the addon in many threads at once: they wait, are woken, and leave nothing behind.
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { Worker } from 'node:worker_threads';

import { expect, test } from 'vitest';

import { eventKind, loadNative, receiverEventKind } from '../../host/native.ts';
import type { ReceiverEvent, ReceiverHandle } from '../../host/native.ts';
import { makeCounters } from '../../host/counting/counters.ts';
import { makeQuarantineBuffers } from '../../host/worker/quarantine.ts';
import type { WorkerInput } from '../../host/worker/thread-messages.ts';
import { makeLossCounters, UnreadRoom } from '../../host/recording/tape-room.ts';
import { makeBell, makeDecisionRing } from '../../host/observation/decision-layout.ts';
import { makeLogRoom } from '../../host/worker/log-room.ts';
import { Syscalls } from '../../host/syscalls/syscalls.ts';
import { LaunchedCommand } from '../support/launched-command.ts';
import { until } from '../support/polling.ts';
import { settledFdCount, untilChildless, untilFdCountIs } from '../support/process-resources.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

const native = loadNative();
const file = new URL('../support/addon-worker.ts', import.meta.url);
const log: WorkerInput['log'] = { level: 'error', format: 'text', isColored: false };

/** A thread that waits for events: its id, and what came. */
interface Waiting {
  readonly worker: Worker;
  readonly tid: string;
  readonly event: Promise<unknown>;
  readonly exitCode: Promise<unknown>;
}

/** How its events name the thread. */
const workerId = 42;

function inputOf(receiver: ReceiverHandle): WorkerInput {
  return {
    receiver,
    log,
    id: workerId,
    memoryRoom: {
      max: 2 ** 30,
      maxResident: Infinity,
      workers: 1,
      counts: new SharedArrayBuffer(4),
      place: 0,
    },
    instanceRoom: { max: 100, counts: new SharedArrayBuffer(4), place: 0 },
    takenMessages: new SharedArrayBuffer(4),
    counters: makeCounters(),
    quarantine: makeQuarantineBuffers(),
    logRoom: makeLogRoom(),
    tape: { losses: makeLossCounters(), unread: new UnreadRoom().buffers() },
    decisions: { ring: makeDecisionRing(), bell: makeBell() },
  };
}

async function start(receiver: ReceiverHandle, words: readonly string[]): Promise<Waiting> {
  const worker = new Worker(file, { workerData: inputOf(receiver), argv: [...words] });
  const exitCode = once(worker, 'exit').then(([code]: readonly unknown[]) => code);
  const [first]: readonly unknown[] = await once(worker, 'message');
  const event = once(worker, 'message').then(([message]: readonly unknown[]) => message);
  const tid = typeof first === 'object' && first !== null && 'tid' in first ? first.tid : '';
  return { worker, tid: String(tid), event, exitCode };
}

/** Resolves once a thread of ours sleeps in the kernel. */
async function untilAsleep(tid: string): Promise<void> {
  await until(`thread ${tid} to wait`, () => {
    const line = readFileSync(`/proc/self/task/${tid}/stat`, 'utf8');
    return line.slice(line.lastIndexOf(')') + 2).startsWith('S') || undefined;
  });
}

/** The event that a thread got, and its exit code. */
type End = readonly [event: unknown, exitCode: unknown];

const cleanEnd: End = [{ event: eventKind.stopped }, 0];

/** Starts threads, stops the receiver once all wait, and waits for their ends. */
async function round(count: number, words: readonly string[]): Promise<readonly End[]> {
  const receiver = native.createReceiver(new Syscalls().readKinds(), count, count);
  try {
    const all = await Promise.all(Array.from({ length: count }, () => start(receiver, words)));
    await Promise.all(all.map(({ tid }) => untilAsleep(tid)));
    native.stopReceiver(receiver);
    return await Promise.all(
      all.map(async ({ event, exitCode }): Promise<End> => [await event, await exitCode]),
    );
  } finally {
    native.closeReceiver(receiver);
  }
}

test('G11: addon: stopReceiver wakes every waiting worker', async () => {
  expect(await round(8, ['detach'])).toEqual(Array.from({ length: 8 }, () => cleanEnd));
});

test.for([
  ['that detach', ['detach']],
  ['that just end', []],
  ['that collect garbage', ['detach', 'collect']],
  ['that collect garbage and just end', ['collect']],
] as const)('G10: addon: threads %s leave nothing behind', async ([, words]) => {
  setFlagsFromString('--expose-gc');
  // the first threads of a process make Node open what it keeps
  await round(2, words);
  const before = await settledFdCount(process.pid);
  for (let count = 0; count < 3; count += 1) {
    expect(await round(4, words)).toEqual(Array.from({ length: 4 }, () => cleanEnd));
  }
  await untilFdCountIs(process.pid, before);
});

test('G10: addon: a thread may be ended while the addon throws', async () => {
  const receiver = native.createReceiver(new Syscalls().readKinds(), 1, 1);
  try {
    // without the option of node-addon-api, one round in ten ends this process
    for (let count = 0; count < 60; count += 1) {
      const worker = new Worker(file, {
        workerData: inputOf(receiver),
        argv: ['throw'],
      });
      await once(worker, 'message');
      await new Promise((resolve) => setTimeout(resolve, count % 4));
      expect(await worker.terminate()).toBe(1);
    }
  } finally {
    native.closeReceiver(receiver);
  }
});

test('G10: addon: handles that a thread has left open end with it', async () => {
  using folder = new TemporaryFolder();
  const path = folder.at('agent.socket');
  await round(1, ['open', path]);
  const before = await settledFdCount(process.pid);
  expect(await round(1, ['open', path])).toEqual([cleanEnd]);
  expect(existsSync(path)).toBe(false);
  await untilFdCountIs(process.pid, before);
  await untilChildless(process.pid);
});

/** A command whose one call a thread has, and computes for ever. */
interface Computing extends Disposable {
  readonly command: LaunchedCommand;
  readonly thread: Waiting;
}

async function startComputing(deadlineMs: number): Promise<Computing> {
  const command = new LaunchedCommand(native, 'mkdir /nonexistent/a 2>/dev/null');
  // the thread is to be the only one who receives
  native.detachWorker(command.worker);
  const thread = await start(command.receiver, ['compute', String(deadlineMs)]);
  expect(await thread.event).toEqual({ event: eventKind.notification });
  return {
    command,
    thread,
    [Symbol.dispose]: () => {
      command[Symbol.dispose]();
    },
  };
}

/** The first event of a receiver that is of this kind. */
async function eventOf(receiver: ReceiverHandle, kind: number): Promise<unknown> {
  return until(`the event ${kind}`, () => {
    const event = native.nextReceiverEvent(receiver);
    return event?.kind === kind ? event : undefined;
  });
}

/** All that a receiver has to tell. */
function eventsOf(receiver: ReceiverHandle): readonly ReceiverEvent[] {
  const event = native.nextReceiverEvent(receiver);
  return event === null ? [] : [event, ...eventsOf(receiver)];
}

/** A thread that is terminated in the middle of a call, before the call's deadline. */
async function terminateOne(): Promise<void> {
  using computing = await startComputing(60_000);
  const { command, thread } = computing;
  expect(native.launchExit(command.launch)).toBeNull();
  await thread.worker.terminate();
  expect(await thread.exitCode).toBe(1);
  expect(command.exitCode()).toBe(1);
}

test('G10: addon: a thread that is terminated leaves a call that fails, and nothing else', async () => {
  await terminateOne();
  const before = await settledFdCount(process.pid);
  for (let count = 0; count < 4; count += 1) await terminateOne();
  await expect(untilFdCountIs(process.pid, before)).resolves.toBeUndefined();
  await untilChildless(process.pid);
});

test('A5: addon: a thread that ends within a handler is told of', async () => {
  using computing = await startComputing(60_000);
  const { command, thread } = computing;
  await thread.worker.terminate();
  expect(await eventOf(command.receiver, receiverEventKind.broken)).toEqual({
    kind: receiverEventKind.broken,
    token: command.listener,
    worker: workerId,
    link: 3,
    quarantineMs: 0,
  });
});

test('G10: addon: threads that are terminated at once leave nothing behind', async () => {
  await terminateOne();
  const before = await settledFdCount(process.pid);
  await Promise.all(Array.from({ length: 3 }, terminateOne));
  await expect(untilFdCountIs(process.pid, before)).resolves.toBeUndefined();
  await untilChildless(process.pid);
});

/** A thread whose call is ended at its deadline, and that is terminated then. */
async function exceedDeadline(): Promise<void> {
  using computing = await startComputing(100);
  const { command, thread } = computing;
  expect(await eventOf(command.receiver, receiverEventKind.overdue)).toEqual({
    kind: receiverEventKind.overdue,
    token: command.listener,
    worker: workerId,
    link: 3,
    quarantineMs: 0,
  });
  expect(command.exitCode()).toBe(1);
  await thread.worker.terminate();
  expect(await thread.exitCode).toBe(1);
  // its handler has failed but once
  const more = eventsOf(command.receiver);
  expect(more.filter(({ kind }) => kind === receiverEventKind.broken)).toEqual([]);
}

test('A5: addon: a call whose deadline passes fails while its thread computes', async () => {
  await exceedDeadline();
  const before = await settledFdCount(process.pid);
  await exceedDeadline();
  await expect(untilFdCountIs(process.pid, before)).resolves.toBeUndefined();
});
