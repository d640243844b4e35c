// SPDX-License-Identifier: Apache-2.0
// A thread that reads bundles of strangers: reading, hashing and compiling them takes seconds, for
// which nobody else is to wait. The thread ends when it has had nothing to do for a while,
// and with it goes what it had in memory.
import type { Worker } from 'node:worker_threads';

import { AgentError } from '../errors.ts';
import { ownTypes } from '../handler/known-types.ts';
import type { KnownTypes } from '../handler/known-types.ts';
import { startThread } from '../process/own-thread.ts';
import { asRunningProgram } from '../program.ts';
import type { LoadingAnswer, LoadingQuestion, Numbered } from './loading-worker.ts';

/** The worker's file, compiled or as it is written. */
const workerFile = new URL(
  import.meta.url.endsWith('.ts') ? './loading-worker.ts' : './loading-worker.js',
  import.meta.url,
);
/** Longer than what nobody could find out is remembered in there. */
const idleMs = 10_000;

const ended: LoadingAnswer = {
  kind: 'failed',
  code: 'AGENT_COMPONENT_UNTRIED',
  message: 'the thread that reads bundles has ended: try it again',
};

/** Why there is nothing. */
export function failureIn({ code, message }: LoadingAnswer & { kind: 'failed' }): Error {
  return code === undefined ? new Error(message) : new AgentError(code, message);
}

export class LoadingThread {
  readonly #types: SharedArrayBuffer;
  #worker: Worker | undefined;
  readonly #waiting: Map<number, (answer: LoadingAnswer) => void> = new Map();
  #lastNumber = 0;
  #idle: NodeJS.Timeout | undefined;

  constructor(types: KnownTypes = ownTypes()) {
    this.#types = types.buffer;
  }

  /** It never rejects. */
  async ask(question: LoadingQuestion): Promise<LoadingAnswer> {
    const answer = this.#ask(question);
    // Node would wait for the child
    return question.kind === 'find out' ? asRunningProgram(answer) : answer;
  }

  /** Waiting callers hear that it has ended. */
  end(): void {
    const worker = this.#worker;
    this.#forget(worker);
    void worker?.terminate();
  }

  async #ask(question: LoadingQuestion): Promise<LoadingAnswer> {
    const worker = this.#worker ?? this.#tryStart();
    if (worker === undefined) return ended;
    clearTimeout(this.#idle);
    worker.ref();
    this.#lastNumber += 1;
    const numbered: Numbered<LoadingQuestion> = { ...question, number: this.#lastNumber };
    return new Promise((resolve) => {
      this.#waiting.set(numbered.number, resolve);
      worker.postMessage(numbered);
    });
  }

  /** @returns undefined: there is no thread to be had */
  #tryStart(): Worker | undefined {
    try {
      return this.#start();
    } catch {
      return undefined;
    }
  }

  #start(): Worker {
    // else Node opens our standard streams for it, which makes them non-blocking
    const worker = startThread(workerFile, {
      workerData: this.#types,
      stdout: true,
      stderr: true,
    });
    this.#worker = worker;
    worker.on('message', ({ number, ...answer }: Numbered<LoadingAnswer>) => {
      this.#waiting.get(number)?.(answer);
      this.#waiting.delete(number);
      if (this.#waiting.size === 0) this.#rest(worker);
    });
    // such as for want of memory
    worker.on('error', () => {
      this.#forget(worker);
    });
    worker.on('exit', () => {
      this.#forget(worker);
    });
    return worker;
  }

  #rest(worker: Worker): void {
    worker.unref();
    this.#idle = setTimeout(() => {
      this.end();
    }, idleMs).unref();
  }

  #forget(worker: Worker | undefined): void {
    if (worker === undefined || worker !== this.#worker) return;
    clearTimeout(this.#idle);
    this.#worker = undefined;
    for (const resolve of this.#waiting.values()) resolve(ended);
    this.#waiting.clear();
  }
}
