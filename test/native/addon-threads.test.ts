// SPDX-License-Identifier: Apache-2.0
// Tests the addon in many threads at once: they wait, are woken, and leave nothing behind.
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { Worker } from 'node:worker_threads';

import { expect, test } from 'vitest';

import { eventKind, loadNative } from '../../host/native.ts';
import type { ReceiverHandle } from '../../host/native.ts';
import type { WorkerInput } from '../../host/notification/thread-messages.ts';
import { Syscalls } from '../../host/notification/syscalls.ts';
import { until } from '../support/polling.ts';
import { openFdCount, untilChildless, untilFdCountIs } from '../support/process-resources.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

const native = loadNative();
const file = new URL('../support/addon-worker.ts', import.meta.url);
const log: WorkerInput['log'] = { level: 'error', format: 'text', isColored: false };

/** A thread that waits for events: its id, and what came. */
interface Waiting {
  readonly tid: string;
  readonly event: Promise<unknown>;
  readonly exitCode: Promise<unknown>;
}

async function start(receiver: ReceiverHandle, words: readonly string[]): Promise<Waiting> {
  const input: WorkerInput = { receiver, log };
  const worker = new Worker(file, { workerData: input, argv: [...words] });
  const exitCode = once(worker, 'exit').then(([code]: readonly unknown[]) => code);
  const [first]: readonly unknown[] = await once(worker, 'message');
  const event = once(worker, 'message').then(([message]: readonly unknown[]) => message);
  const tid = typeof first === 'object' && first !== null && 'tid' in first ? first.tid : '';
  return { tid: String(tid), event, exitCode };
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
  const receiver = native.createReceiver(new Syscalls().readKinds());
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
  const before = openFdCount(process.pid);
  for (let count = 0; count < 3; count += 1) {
    expect(await round(4, words)).toEqual(Array.from({ length: 4 }, () => cleanEnd));
  }
  await untilFdCountIs(process.pid, before);
});

test('G10: addon: what a thread has left open ends with it', async () => {
  using folder = new TemporaryFolder();
  const path = folder.at('agent.socket');
  await round(1, ['open', path]);
  const before = openFdCount(process.pid);
  expect(await round(1, ['open', path])).toEqual([cleanEnd]);
  expect(existsSync(path)).toBe(false);
  await untilFdCountIs(process.pid, before);
  await untilChildless(process.pid);
});
