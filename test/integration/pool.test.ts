// SPDX-License-Identifier: Apache-2.0
// Tests how worker threads are started, added, replaced and ended, with a receiver without listeners.
import { setTimeout as sleep } from 'node:timers/promises';

import { expect, test } from 'vitest';

import { AgentError, messageOf } from '../../host/errors.ts';
import { loadComponent } from '../../host/handler/direct.ts';
import { createLog } from '../../host/log/log.ts';
import { UserLines } from '../../host/log/user-lines.ts';
import type { LogOptions } from '../../host/log/log.ts';
import { heapLimitMb } from '../../host/process/memory-limit.ts';
import { inbox, loadNative } from '../../host/native.ts';
import type { ReceiverHandle } from '../../host/native.ts';
import { CounterSum } from '../../host/counting/counter-sum.ts';
import { figure, makeCounters } from '../../host/counting/counters.ts';
import { Pool } from '../../host/worker/pool.ts';
import { poolSize } from '../../host/worker/pool-size.ts';
import type { PoolSize } from '../../host/worker/pool-size.ts';
import { makeQuarantineBuffers } from '../../host/worker/quarantine.ts';
import { Observers } from '../../host/observation/observers.ts';
import { makeLossCounters } from '../../host/recording/tape-room.ts';
import { DroppedLines } from '../../host/worker/dropped-lines.ts';
import { Syscalls } from '../../host/syscalls/syscalls.ts';
import { trapping } from '../support/hostile-components.ts';
import { until } from '../support/polling.ts';
import { openFdCount, untilFdCountIs } from '../support/process-resources.ts';

const native = loadNative();
const logOptions: LogOptions = { level: 'fatal', format: 'text', isColored: false };

function createReceiver(size: PoolSize): ReceiverHandle {
  return native.createReceiver(new Syscalls().readKinds(), size.running, size.min);
}

async function startPool(receiver: ReceiverHandle, size: PoolSize): Promise<Pool> {
  const log = createLog(logOptions);
  const lines = new UserLines(log);
  const observers = await Observers.open({}, { log, lines });
  return Pool.start({
    native,
    receiver,
    log,
    logOptions,
    size,
    counters: new CounterSum(),
    quarantine: makeQuarantineBuffers(),
    dropped: new DroppedLines(lines),
    events: { fail: () => undefined, note: () => undefined },
    losses: makeLossCounters(),
    observation: observers.observation,
    tapers: [],
  });
}

interface Running extends AsyncDisposable {
  readonly pool: Pool;
  /** How many workers are attached to the receiver. */
  attached(): number;
}

async function start(size: PoolSize): Promise<Running> {
  const receiver = createReceiver(size);
  const pool = await startPool(receiver, size);
  const figures = new BigUint64Array(figure.count);
  return {
    pool,
    attached: () => {
      native.receiverFigures(receiver, new Uint8Array(figures.buffer));
      return Number(figures[figure.workers]);
    },
    [Symbol.asyncDispose]: async () => {
      await pool.stop();
      native.closeReceiver(receiver);
    },
  };
}

test.for([1, 2, 64])('poolSize: %i workers are so many at any time', (workers) => {
  expect(poolSize(workers)).toEqual({ running: workers, min: workers, max: workers });
});

const gib = 2 ** 30;

test.for([
  { cores: 1, memoryBytes: gib, size: { running: 2, min: 3, max: 8 } },
  { cores: 2, memoryBytes: gib, size: { running: 2, min: 3, max: 8 } },
  { cores: 4, memoryBytes: gib, size: { running: 4, min: 5, max: 16 } },
  { cores: 64, memoryBytes: gib, size: { running: 10, min: 11, max: 16 } },
  { cores: 256, memoryBytes: gib / 8, size: { running: 5, min: 6, max: 8 } },
  { cores: 256, memoryBytes: 512 * gib, size: { running: 32, min: 33, max: 48 } },
])('poolSize: $cores cores and $memoryBytes bytes of memory', ({ cores, memoryBytes, size }) => {
  expect(poolSize(undefined, { cores, memoryBytes })).toEqual(size);
});

test.for<readonly [max: number, memoryBytes: number, each: number]>([
  [8, gib, 64],
  [16, gib, 32],
  [48, 48 * gib, 512],
  // that there is one at all
  [8, gib / 8, 32],
])('pool: the heaps of %i workers have half of %i bytes at most', ([max, memoryBytes, each]) => {
  expect(heapLimitMb(max, memoryBytes)).toBe(each);
});

test('G11: pool: it starts the fewest, and stops them all', async () => {
  const size = { running: 2, min: 3, max: 5 };
  const receiver = createReceiver(size);
  const pool = await startPool(receiver, size);
  expect(pool.workerCount).toBe(3);
  expect(pool.isStuck).toBe(false);
  await pool.stop();
  expect(pool.workerCount).toBe(0);
  expect(pool.isStuck).toBe(false);
  native.closeReceiver(receiver);
});

test('pool: it grows up to the most', async () => {
  await using running = await start({ running: 1, min: 1, max: 3 });
  const { pool } = running;
  for (let round = 0; round < 5; round += 1) pool.grow();
  await until('three workers', () => pool.workerCount === 3 || undefined);
  pool.grow();
  await sleep(200);
  expect(pool.workerCount).toBe(3);
  expect(running.attached()).toBe(3);
});

test('pool: workers that have nothing to do end, but for the fewest', async () => {
  await using running = await start({ running: 1, min: 2, max: 4 });
  const { pool } = running;
  pool.grow();
  pool.grow();
  await until('four workers', () => pool.workerCount === 4 || undefined);
  await until('two to end', () => pool.workerCount === 2 || undefined);
  // longer than one waits before it ends
  await sleep(2500);
  expect(pool.workerCount).toBe(2);
  expect(running.attached()).toBe(2);
});

test('pool: another worker takes the place of one that is ended', async () => {
  await using running = await start({ running: 1, min: 1, max: 2 });
  const { pool } = running;
  pool.end(1);
  expect(pool.workerCount).toBe(0);
  await until('another worker', () => pool.workerCount === 1 || undefined);
  // neither one that is told already nor one that is not there
  pool.end(1);
  pool.end(99);
  expect(pool.workerCount).toBe(1);
});

test('pool: workers that have no calls forget components at once', async () => {
  await using running = await start({ running: 2, min: 3, max: 3 });
  const { pool } = running;
  const component = loadComponent(trapping());
  for (let round = 0; round < 3; round += 1) {
    pool.share([component]);
    expect(pool.components).toEqual([component]);
    // so that those who wait for calls wait already
    await sleep(100);
    pool.keepOnly(new Set());
    expect(pool.components).toEqual([]);
    // longer than they have for it
    await sleep(1100);
    expect(pool.components).toEqual([]);
  }
});

test('pool: it neither grows nor replaces anybody once it has stopped', async () => {
  const size = { running: 1, min: 1, max: 4 };
  const receiver = createReceiver(size);
  const pool = await startPool(receiver, size);
  await pool.stop();
  pool.grow();
  pool.end(1);
  await sleep(200);
  expect(pool.workerCount).toBe(0);
  native.closeReceiver(receiver);
});

test('pool: when a worker cannot start, all are ended', async () => {
  const size = { running: 1, min: 3, max: 3 };
  const receiver = createReceiver(size);
  // there is room for two
  const others = Array.from({ length: 62 }, () =>
    native.attachWorker(receiver, new Uint8Array(inbox.size), new Uint8Array(makeCounters()), 0),
  );
  const thrown: unknown = await startPool(receiver, size).catch((error: unknown) => error);
  expect(thrown).toBeInstanceOf(AgentError);
  expect(thrown).toMatchObject({ code: 'AGENT_WORKER' });
  expect(messageOf(thrown)).toContain('ENOSPC');
  const figures = new BigUint64Array(figure.count);
  native.receiverFigures(receiver, new Uint8Array(figures.buffer));
  expect(figures[figure.workers]).toBe(62n);
  for (const worker of others) native.detachWorker(worker);
  native.closeReceiver(receiver);
});

/** A pool that grows and is stopped. */
async function growAndStop(): Promise<void> {
  await using running = await start({ running: 1, min: 2, max: 3 });
  running.pool.grow();
  await until('three workers', () => running.pool.workerCount === 3 || undefined);
}

test('G10: pool: it leaves no descriptor behind', async () => {
  await growAndStop();
  const before = openFdCount(process.pid);
  await growAndStop();
  await expect(untilFdCountIs(process.pid, before)).resolves.toBeUndefined();
});
