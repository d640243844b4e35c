// SPDX-License-Identifier: Apache-2.0
// The main thread's side of replay-worker.ts.
import type { Worker } from 'node:worker_threads';

import { messageOf } from '../errors.ts';
import { heapLimitMb } from '../process/memory-limit.ts';
import { startThread } from '../process/own-thread.ts';
import { FairQueue } from '../scheduling/fair-queue.ts';
import type {
  EncodedCall,
  ReplayAnswer,
  ReplayChain,
  ReplayedCall,
  ReplayMessage,
} from './replay-worker.ts';

/** The worker's file, compiled or as it is written. */
const workerFile = new URL(
  import.meta.url.endsWith('.ts') ? './replay-worker.ts' : './replay-worker.js',
  import.meta.url,
);

/** Outcome of a call, if there is one. */
export type ReplayOutcome =
  | ({ readonly kind: 'replayed' } & ReplayedCall)
  /** It did not come to an end; its thread was ended. */
  | { readonly kind: 'ended'; readonly reason: string };

interface Chain extends ReplayChain {
  /** Its owner: chains of one owner share the time for them. */
  readonly who: string;
}

interface Asking extends EncodedCall {
  readonly resolve: (outcome: ReplayOutcome) => void;
}

/** Calls of one owner that are asked about. */
interface AskedTurn {
  readonly who: string;
  readonly beganMs: number;
  /** Those without an answer, in order. */
  readonly calls: Asking[];
}

/** They are sent at once, so that the thread does not wait for us between them. */
const maxOfTurn = 64;
/** It has as much of what heaps may have. */
const partsOfHeaps = 4;
const unasked: ReplayOutcome = { kind: 'ended', reason: 'nobody waits any more' };

/** A thread, and what it has been sent. */
class ReplayWorker {
  readonly #worker: Worker;
  readonly #chains: Map<number, readonly string[]> = new Map();
  /** Number of these chains that have a component, by its id. */
  readonly #users: Map<string, number> = new Map();

  constructor(onAnswer: (answer: ReplayAnswer) => void, onFailed: (thrown: unknown) => void) {
    // its standard streams are ours otherwise, and become non-blocking
    this.#worker = startThread(workerFile, {
      stdout: true,
      stderr: true,
      resourceLimits: { maxOldGenerationSizeMb: heapLimitMb(partsOfHeaps) },
    });
    this.#worker.unref();
    this.#worker.on('message', onAnswer);
    this.#worker.on('error', onFailed);
  }

  has(number: number): boolean {
    return this.#chains.has(number);
  }

  ask(asked: readonly EncodedCall[]): void {
    const calls = asked.map(({ chain, call }) => ({ chain, call }));
    this.#send({ kind: 'calls', calls });
  }

  end(number: number): void {
    const ids = this.#chains.get(number);
    if (ids === undefined) return;
    this.#chains.delete(number);
    this.#send({ kind: 'end', chain: number, unused: ids.filter((id) => this.#release(id)) });
  }

  async terminate(): Promise<void> {
    await this.#worker.terminate();
  }

  /** Components are sent once for all chains that have them. */
  begin(number: number, { registry, redaction, components: all }: Chain): void {
    const byId = new Map(all.map((component) => [component.id, component]));
    this.#chains.set(number, [...byId.keys()]);
    const components = [...byId.values()].filter(({ id }) => this.#use(id));
    this.#send({ kind: 'begin', chain: number, registry, components, redaction });
  }

  /** @returns whether the worker does not have it */
  #use(id: string): boolean {
    const users = this.#users.get(id) ?? 0;
    this.#users.set(id, users + 1);
    return users === 0;
  }

  /** @returns whether nobody has it any more */
  #release(id: string): boolean {
    const users = (this.#users.get(id) ?? 0) - 1;
    if (users > 0) this.#users.set(id, users);
    else this.#users.delete(id);
    return users <= 0;
  }

  #send(message: ReplayMessage): void {
    this.#worker.postMessage(message);
  }
}

export class ReplayThread implements AsyncDisposable {
  /** For one call, on a machine that may be busy. */
  readonly #patienceMs: number;
  readonly #chains: Map<number, Chain> = new Map();
  readonly #waiting: FairQueue<Asking> = new FairQueue();
  /** Started when it is needed. */
  #worker: ReplayWorker | undefined;
  #turn: AskedTurn | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(patienceMs: number) {
    this.#patienceMs = patienceMs;
  }

  /** It is sent to the thread with the first call of it. */
  begin(number: number, chain: ReplayChain, who = ''): void {
    this.#chains.set(number, { ...chain, who });
  }

  /** Its calls that wait are not asked about any more. */
  end(number: number): void {
    const chain = this.#chains.get(number);
    if (chain === undefined) return;
    this.#chains.delete(number);
    this.#worker?.end(number);
    // the thread goes on with those that it has, which is nothing to anybody any more
    for (const asking of this.#turn?.calls ?? []) {
      if (asking.chain === number) asking.resolve(unasked);
    }
    const isOfIt = (asking: Asking): boolean => asking.chain === number;
    for (const { resolve } of this.#waiting.remove(chain.who, isOfIt)) resolve(unasked);
  }

  /**
   * Asks a chain about a recorded call. Those of one owner are answered in their order.
   * @param call as `encodeCall` writes it
   */
  async ask(chain: number, call: Uint8Array): Promise<ReplayOutcome> {
    const who = this.#chains.get(chain)?.who;
    if (who === undefined) return unasked;
    return new Promise((resolve) => {
      this.#waiting.add(who, { chain, call, resolve });
      this.#askNext();
    });
  }

  /** Pending calls are answered as ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    const worker = this.#worker;
    this.#stopWorker();
    const asked = this.#turn?.calls ?? [];
    this.#turn = undefined;
    for (const { resolve } of [...asked, ...this.#waiting.clear()]) resolve(unasked);
    await worker?.terminate();
  }

  #askNext(): void {
    if (this.#turn !== undefined) return;
    const turn = this.#waiting.take(maxOfTurn);
    if (turn === undefined) return;
    const { who, items } = turn;
    this.#turn = { who, beganMs: performance.now(), calls: [...items] };
    this.#watch();
    try {
      this.#worker ??= this.#start();
    } catch (thrown) {
      // there is no thread to be had
      this.#giveUp(messageOf(thrown));
      return;
    }
    for (const { chain: number } of items) {
      const chain = this.#worker.has(number) ? undefined : this.#chains.get(number);
      if (chain !== undefined) this.#worker.begin(number, chain);
    }
    this.#worker.ask(items);
  }

  #start(): ReplayWorker {
    const worker: ReplayWorker = new ReplayWorker(
      (answer) => {
        if (worker !== this.#worker) return;
        if (answer.kind === 'replayed') this.#answer(answer);
        else this.#endTurn();
      },
      (thrown) => {
        if (worker === this.#worker) this.#giveUp(messageOf(thrown));
      },
    );
    return worker;
  }

  #stopWorker(): void {
    clearTimeout(this.#timer);
    void this.#worker?.terminate();
    this.#worker = undefined;
  }

  #answer(outcome: ReplayOutcome): void {
    clearTimeout(this.#timer);
    this.#turn?.calls.shift()?.resolve(outcome);
    this.#watch();
  }

  #endTurn(): void {
    clearTimeout(this.#timer);
    const turn = this.#turn;
    if (turn === undefined) return;
    this.#turn = undefined;
    const { who, beganMs, calls } = turn;
    const left = calls.filter(({ chain }) => this.#chains.has(chain));
    this.#waiting.end(who, performance.now() - beganMs, left);
    this.#askNext();
  }

  #watch(): void {
    const asked = this.#turn?.calls[0];
    if (asked === undefined) return;
    this.#timer = setTimeout(() => {
      // the main thread may have been busy, and the answer be there
      setImmediate(() => {
        if (this.#turn?.calls[0] !== asked) return;
        this.#giveUp(`no answer after ${this.#patienceMs / 1000} s`);
      });
    }, this.#patienceMs);
  }

  /** The call that is asked about ends the thread; the others are asked about on another one. */
  #giveUp(reason: string): void {
    this.#stopWorker();
    this.#turn?.calls.shift()?.resolve({ kind: 'ended', reason });
    // whoever hears of it may want to end the chain first
    setImmediate(() => {
      if (this.#worker === undefined) this.#endTurn();
    });
  }
}
