// SPDX-License-Identifier: Apache-2.0
// The main thread's side of replay-worker.ts.
import { Worker } from 'node:worker_threads';

import { messageOf } from '../errors.ts';
import type { RecordedCall } from './recorded-call.ts';
import type { ReplayChain, ReplayedCall, ReplayMessage } from './replay-worker.ts';

/** Where the worker is, compiled or as it is written. */
const workerFile = new URL(
  import.meta.url.endsWith('.ts') ? './replay-worker.ts' : './replay-worker.js',
  import.meta.url,
);

/** What came of a call, or that nothing did. */
export type ReplayOutcome =
  | ({ readonly kind: 'replayed' } & ReplayedCall)
  /** It did not come to an end; its thread was ended. */
  | { readonly kind: 'ended'; readonly reason: string };

interface Waiting {
  readonly chain: number;
  readonly call: RecordedCall;
  readonly resolve: (outcome: ReplayOutcome) => void;
}

export class ReplayThread implements AsyncDisposable {
  /** For one call, on a machine that may be busy. */
  readonly #patienceMs: number;
  readonly #chains: Map<number, ReplayChain> = new Map();
  /** Those that were sent, in order. */
  #waiting: Waiting[] = [];
  /** Started when it is needed. */
  #worker: Worker | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(patienceMs: number) {
    this.#patienceMs = patienceMs;
  }

  begin(number: number, chain: ReplayChain): void {
    this.#chains.set(number, chain);
    if (this.#worker !== undefined) send(this.#worker, { kind: 'begin', chain: number, ...chain });
  }

  /** Its calls that wait are not asked about any more. */
  end(number: number): void {
    this.#chains.delete(number);
    const dropped = this.#waiting.filter(({ chain }) => chain === number);
    if (dropped.length === 0) {
      if (this.#worker !== undefined) send(this.#worker, { kind: 'end', chain: number });
      return;
    }
    // they are on their way, and one of them may never end
    this.#waiting = this.#waiting.filter(({ chain }) => chain !== number);
    this.#stopWorker();
    for (const { resolve } of dropped) resolve({ kind: 'ended', reason: 'nobody waits any more' });
    if (this.#waiting.length === 0) return;
    this.#watch();
    this.#start();
  }

  /** Asks a chain about a recorded call; calls are answered in their order. */
  async ask(chain: number, call: RecordedCall): Promise<ReplayOutcome> {
    return new Promise((resolve) => {
      this.#waiting.push({ chain, call, resolve });
      if (this.#waiting.length === 1) this.#watch();
      if (this.#worker === undefined) this.#start();
      else send(this.#worker, { kind: 'call', chain, call });
    });
  }

  /** What is waited for is answered as ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    const worker = this.#worker;
    this.#stopWorker();
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { resolve } of waiting) resolve({ kind: 'ended', reason: 'nobody waits any more' });
    await worker?.terminate();
  }

  /** Sends all that is waited for. */
  #start(): void {
    // its standard streams are ours otherwise, and become non-blocking
    const worker = new Worker(workerFile, { stdout: true, stderr: true });
    this.#worker = worker;
    worker.unref();
    worker.on('message', (replayed: ReplayedCall) => {
      if (worker === this.#worker) this.#answer({ kind: 'replayed', ...replayed });
    });
    worker.on('error', (thrown) => {
      if (worker === this.#worker) this.#giveUp(messageOf(thrown));
    });
    for (const [chain, parts] of this.#chains) send(worker, { kind: 'begin', chain, ...parts });
    for (const { chain, call } of this.#waiting) send(worker, { kind: 'call', chain, call });
  }

  #stopWorker(): void {
    clearTimeout(this.#timer);
    void this.#worker?.terminate();
    this.#worker = undefined;
  }

  #answer(outcome: ReplayOutcome): void {
    clearTimeout(this.#timer);
    const first = this.#waiting.shift();
    if (this.#waiting.length > 0) this.#watch();
    first?.resolve(outcome);
  }

  #watch(): void {
    this.#timer = setTimeout(() => {
      this.#giveUp(`no answer after ${this.#patienceMs / 1000} s`);
    }, this.#patienceMs);
  }

  /** The call that is asked about ends the thread; the others are asked about on another one. */
  #giveUp(reason: string): void {
    this.#stopWorker();
    this.#answer({ kind: 'ended', reason });
    // whoever hears of it may want to end the chain first
    setImmediate(() => {
      if (this.#worker === undefined && this.#waiting.length > 0) this.#start();
    });
  }
}

function send(worker: Worker, message: ReplayMessage): void {
  worker.postMessage(message);
}
