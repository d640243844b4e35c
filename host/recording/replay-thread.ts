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

  end(number: number): void {
    this.#chains.delete(number);
    if (this.#worker !== undefined) send(this.#worker, { kind: 'end', chain: number });
  }

  /** Asks a chain about a recorded call; calls are answered in their order. */
  async ask(chain: number, call: RecordedCall): Promise<ReplayOutcome> {
    const worker = this.#running();
    return new Promise((resolve) => {
      this.#waiting.push({ chain, call, resolve });
      if (this.#waiting.length === 1) this.#watch();
      send(worker, { kind: 'call', chain, call });
    });
  }

  /** What is waited for is answered as ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { resolve } of waiting) resolve({ kind: 'ended', reason: 'nobody waits any more' });
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }

  #running(): Worker {
    if (this.#worker !== undefined) return this.#worker;
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
    return worker;
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
    void this.#worker?.terminate();
    this.#worker = undefined;
    this.#answer({ kind: 'ended', reason });
    if (this.#waiting.length === 0) return;
    const worker = this.#running();
    for (const { chain, call } of this.#waiting) send(worker, { kind: 'call', chain, call });
  }
}

function send(worker: Worker, message: ReplayMessage): void {
  worker.postMessage(message);
}
