// SPDX-License-Identifier: Apache-2.0
// The worker threads, seen from the main thread.
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

import { AgentError, failureFields } from '../errors.ts';
import type { LoadedComponent } from '../handler/direct.ts';
import type { LogOptions, Log } from '../log/log.ts';
import type { Native, ReceiverHandle } from '../native.ts';
import type { Observation } from '../observation/observation.ts';
import { SeldomNotice } from '../scheduling/seldom-notice.ts';
import { UnreadCounter, UnreadRoom } from '../recording/tape-room.ts';
import { TapeTurns } from '../recording/tape-turns.ts';
import type { CodeSize } from '../bundles/code-room.ts';
import type { CounterBlock, CounterSum } from '../counting/counter-sum.ts';
import type { DroppedLines } from './dropped-lines.ts';
import { maxInstanceBytes, maxResidentBytes } from './instance-memory.ts';
import type { PoolSize } from './pool-size.ts';
import type { QuarantineBuffers } from './quarantine.ts';
import { PoolWorker } from './pool-worker.ts';
import { LastUp } from './last-up.ts';
import { StartRate } from './start-rate.ts';
import type { WorkerEvents } from './pool-worker.ts';
import type { WorkerInput } from './thread-messages.ts';
import type { TapedCall } from '../recording/recorded-call.ts';

export interface Taper {
  /** @param done to be called once the call takes no more room */
  take(taped: TapedCall, done: () => void): void;
}

export interface PoolParts {
  readonly native: Native;
  readonly receiver: ReceiverHandle;
  readonly log: Log;
  readonly logOptions: LogOptions;
  readonly size: PoolSize;
  readonly counters: CounterSum;
  readonly quarantine: QuarantineBuffers;
  readonly dropped: DroppedLines;
  readonly events: WorkerEvents;
  /** Counters of calls that were lost on their way to recorders. */
  readonly losses: SharedArrayBuffer;
  readonly observation: Observation;
  /** Each takes all calls that were written down. */
  readonly tapers: readonly Taper[];
}

/**
 * Instances of handlers, of all workers together. Each memory takes 8 GiB of address space, of which
 * a process has 128 TiB; an instance that was given up has its own until the garbage is collected.
 */
const maxInstances = 8000;
/** More than there can be workers at once, with those that are just ending. */
const instancePlaces = 256;
/** So that a worker that can't start is not started again and again without a pause. */
const restartDelayMs = 100;
/** At a stop: how long handlers may take for the calls that they have. */
const stopPatienceMs = 3000;
/** Then they are ended. A worker that a caller's memory holds does not end before the process does. */
const endPatienceMs = 1000;

/** Whether it has settled before so much time was over. */
async function isWithin(work: Promise<unknown>, milliseconds: number): Promise<boolean> {
  const patience = new AbortController();
  const isLate = sleep(milliseconds, false, { signal: patience.signal }).catch(() => false);
  try {
    return await Promise.race([work.then(() => true), isLate]);
  } finally {
    patience.abort();
  }
}

/** So often the main thread looks at what the process has: calls take memory that nobody counts. */
const lookMs = 250;

export class Pool {
  readonly #parts: PoolParts;
  readonly #workers: Map<number, PoolWorker> = new Map();
  readonly #components: Map<string, LoadedComponent> = new Map();
  readonly #tapeTurns = new TapeTurns();
  readonly #unread = new UnreadRoom();
  readonly #threadless: SeldomNotice;
  /** Only then are workers that end replaced. */
  #isUp = false;
  #lastId = 0;
  readonly #starts: StartRate;
  readonly #lastUp = new LastUp();
  #looking: NodeJS.Timeout | undefined;
  /** Each worker tells its own. */
  readonly #instanceCounts = new Int32Array(new SharedArrayBuffer(4 * instancePlaces));
  readonly #memoryCounts = new Int32Array(new SharedArrayBuffer(4 * instancePlaces));

  private constructor(parts: PoolParts) {
    this.#parts = parts;
    this.#threadless = new SeldomNotice(parts.log);
    this.#starts = new StartRate(2 * parts.size.max);
  }

  /** Resolves once every worker receives; when one can't start, all are ended again. */
  static async start(parts: PoolParts): Promise<Pool> {
    const pool = new Pool(parts);
    const { min } = parts.size;
    const started = await Promise.allSettled(Array.from({ length: min }, () => pool.#add()));
    const failed = started.find((result) => result.status === 'rejected');
    if (failed !== undefined) {
      await pool.stop();
      const { reason: cause } = failed;
      throw new AgentError('AGENT_WORKER', 'a worker thread cannot start', { cause });
    }
    pool.#isUp = true;
    // the first time it needs a descriptor
    pool.#lookAtMemory();
    pool.#looking = setInterval(() => {
      pool.#lookAtMemory();
    }, lookMs).unref();
    return pool;
  }

  /** Whether a worker has not ended: no thread of Node's can then be waited for. */
  get isStuck(): boolean {
    return !this.#isUp && this.#workers.size > 0;
  }

  /** No worker has been up for longer than it takes to replace one. */
  get isDown(): boolean {
    return this.workerCount === 0 && this.#lastUp.isLongAgo;
  }

  /** Workers that receive, or are about to. */
  get workerCount(): number {
    return this.#living.filter(({ isReady }) => isReady).length;
  }

  /** Gives every worker, and those to come, what containers may need from now on. */
  share(components: readonly LoadedComponent[]): void {
    for (const component of components) {
      if (this.#components.has(component.id)) continue;
      this.#components.set(component.id, component);
      for (const { components: sent } of this.#workers.values()) sent.add(component);
    }
  }

  /** Of what was shared and is not forgotten. */
  get sharedIds(): readonly string[] {
    return [...this.#components.keys()];
  }

  /** Shared components, and forgotten ones that workers still have. */
  get components(): readonly CodeSize[] {
    const workers = [...this.#workers.values()];
    return [...this.#components.values(), ...workers.flatMap(({ components }) => components.left)];
  }

  /** Ids of shared components, and of all that a worker may still have. */
  get heldIds(): ReadonlySet<string> {
    const left = [...this.#workers.values()].flatMap(({ components }) => components.leftIds);
    return new Set([...this.#components.keys(), ...left]);
  }

  /** Forgets all other components. */
  keepOnly(ids: ReadonlySet<string>): void {
    const forgotten = this.sharedIds.filter((id) => !ids.has(id));
    if (forgotten.length === 0) return;
    for (const id of forgotten) {
      this.#components.delete(id);
      for (const { components } of this.#workers.values()) components.forget(id);
    }
    // else those that have no calls would not look
    this.#parts.native.tellAllOfShortage(this.#parts.receiver);
  }

  /** Calls wait and every worker is busy: adds one, if there may be more. */
  grow(): void {
    this.#addUpTo('max');
  }

  /** Whether all that was written down of calls has been read. */
  get isRead(): boolean {
    const workers = [...this.#workers.values()];
    return this.#unread.isEmpty && workers.every(({ unread }) => unread.isEmpty);
  }

  /** Ends a worker whose handler does not come to an end; another one takes its place. */
  end(id: number): void {
    const worker = this.#workers.get(id);
    if (worker === undefined || worker.isEnding) return;
    worker.isEnding = true;
    worker.components.lose();
    void worker.thread.terminate();
    this.#addUpTo('min');
  }

  /** Lets each worker finish the call that it handles, within limits. */
  async stop(): Promise<void> {
    this.#isUp = false;
    clearInterval(this.#looking);
    this.#starts[Symbol.dispose]();
    this.#threadless[Symbol.dispose]();
    const ended = Promise.all(
      [...this.#workers.values()].map(async ({ thread }) => once(thread, 'exit')),
    );
    this.#parts.native.stopReceiver(this.#parts.receiver);
    if (await isWithin(ended, stopPatienceMs)) return;
    for (const { thread } of this.#workers.values()) void thread.terminate();
    if (await isWithin(ended, endPatienceMs)) return;
    this.#parts.log.event('worker-stuck');
  }

  #lookAtMemory(): void {
    const { native, receiver } = this.#parts;
    if (native.residentBytes() > maxResidentBytes()) native.tellAllOfShortage(receiver);
  }

  get #living(): readonly PoolWorker[] {
    return [...this.#workers.values()].filter(({ isEnding }) => !isEnding);
  }

  #addUpTo(most: 'min' | 'max'): void {
    if (!this.#isUp || this.#living.length >= this.#parts.size[most]) return;
    void this.#tryAdd(() => {
      this.#addUpTo(most);
    });
  }

  /** @param again tries it later, where there is no thread to be had, or there were too many */
  async #tryAdd(again: () => void): Promise<void> {
    if (!this.#starts.take(again)) return;
    try {
      await this.#add();
      // more may have ended meanwhile, and only one waits until it may be replaced
      this.#addUpTo('min');
    } catch (thrown) {
      // of a thread that was, its event `error` tells, and its event `exit` tries again
      if (!(thrown instanceof AgentError) || thrown.code !== 'AGENT_WORKER') return;
      this.#threadless.tell(1, 'worker-not-started', { ...failureFields(thrown) });
      setTimeout(again, restartDelayMs).unref();
    }
  }

  /** Gives back the counters and memory of a worker that has ended. */
  #release(id: number, counters: CounterBlock): void {
    Atomics.store(this.#instanceCounts, id % instancePlaces, 0);
    Atomics.store(this.#memoryCounts, id % instancePlaces, 0);
    this.#parts.counters.retire(counters);
    this.#parts.observation.leave(id);
  }

  async #add(): Promise<void> {
    const { receiver, logOptions, size, quarantine, dropped, losses, observation } = this.#parts;
    this.#lastId += 1;
    const id = this.#lastId;
    const counters = this.#parts.counters.take();
    const unread = this.#unread.buffers();
    const input: WorkerInput = {
      receiver,
      log: logOptions,
      id,
      instanceRoom: {
        max: maxInstances,
        counts: this.#instanceCounts.buffer,
        place: id % instancePlaces,
      },
      memoryRoom: {
        max: maxInstanceBytes(),
        maxResident: maxResidentBytes(),
        workers: size.max,
        counts: this.#memoryCounts.buffer,
        place: id % instancePlaces,
      },
      counters: counters.buffer,
      takenMessages: new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT),
      quarantine,
      logRoom: dropped.buffer,
      tape: { losses, unread },
      decisions: observation.enter(id),
    };
    using unlessStarted = new DisposableStack();
    unlessStarted.defer(() => {
      this.#release(id, counters);
    });
    const worker = new PoolWorker({ input, size, counters, unread: new UnreadCounter(unread) });
    unlessStarted.move();
    this.#workers.set(id, worker);
    for (const component of this.#components.values()) worker.components.add(component);
    await this.#watch(id, worker);
  }

  /** Resolves once the worker receives. */
  async #watch(id: number, worker: PoolWorker): Promise<void> {
    const { thread, counters } = worker;
    thread.on('error', (thrown) => {
      this.#parts.log.event('worker-failed', failureFields(thrown));
    });
    thread.on('exit', (code) => {
      this.#workers.delete(id);
      this.#release(id, counters);
      const delayMs = code !== 0 && !worker.isEnding ? restartDelayMs : 0;
      setTimeout(() => {
        this.#addUpTo('min');
      }, delayMs);
    });
    await worker.listen({
      ...this.#parts,
      lastUp: this.#lastUp,
      onTaped: (taped) => {
        this.#takeTaped(taped);
      },
    });
  }

  #takeTaped(taped: TapedCall): void {
    const { place, cost, order } = taped;
    this.#unread.take(place, cost);
    const { tapers } = this.#parts;
    let left = tapers.length;
    const done = (): void => {
      left -= 1;
      if (left === 0) this.#unread.leave(place, cost);
    };
    this.#tapeTurns.add(order, () => {
      for (const taper of tapers) taper.take(taped, done);
    });
  }
}
