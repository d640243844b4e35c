// SPDX-License-Identifier: Apache-2.0
// The worker threads, seen from the main thread.
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';

import { messageOf } from '../errors.ts';
import type { LoadedComponent } from '../handler/direct.ts';
import type { LogOptions, Logger } from '../log.ts';
import type { Native, ReceiverHandle } from '../native.ts';

/** What a worker thread starts with. */
export interface WorkerInput {
  readonly receiver: ReceiverHandle;
  readonly log: LogOptions;
}

/** What a worker thread tells. */
export type WorkerMessage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'ended'; readonly token: number }
  | { readonly kind: 'exited'; readonly token: number };

export interface PoolParts {
  readonly native: Native;
  readonly receiver: ReceiverHandle;
  readonly log: Logger;
  readonly logOptions: LogOptions;
  /** Sent to each worker before it can need them. */
  readonly components: readonly LoadedComponent[];
  readonly onEnded: (token: number) => void;
  readonly onExited: (token: number) => void;
}

/** One worker may wait for a container's file system while another receives. */
const fewestWorkers = 2;
/** So that a worker that can't start is not started again and again without a pause. */
const restartDelayMs = 100;

export class Pool {
  readonly #parts: PoolParts;
  readonly #workers: Set<Worker> = new Set();
  #isStopping = false;

  private constructor(parts: PoolParts) {
    this.#parts = parts;
  }

  /** Resolves once every worker receives. */
  static async start(parts: PoolParts): Promise<Pool> {
    const pool = new Pool(parts);
    const count = Math.max(fewestWorkers, availableParallelism());
    await Promise.all(Array.from({ length: count }, () => pool.#add()));
    return pool;
  }

  /** Lets each worker finish the call that it handles. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    const ended = [...this.#workers].map((worker) => once(worker, 'exit'));
    this.#parts.native.stopReceiver(this.#parts.receiver);
    await Promise.all(ended);
  }

  async #add(): Promise<void> {
    const { receiver, logOptions, components } = this.#parts;
    const input: WorkerInput = { receiver, log: logOptions };
    const file = import.meta.filename.endsWith('.ts') ? 'worker.ts' : 'worker.js';
    const worker = new Worker(join(import.meta.dirname, file), { workerData: input });
    this.#workers.add(worker);
    for (const component of components) worker.postMessage(component);
    worker.on('error', (thrown) => {
      this.#parts.log.error({ error: messageOf(thrown) }, 'worker failed');
    });
    worker.on('exit', () => {
      this.#workers.delete(worker);
      if (!this.#isStopping) setTimeout(() => void this.#replace(), restartDelayMs);
    });
    const isReady = new Promise<void>((resolve, reject) => {
      worker.on('message', (message: WorkerMessage) => {
        switch (message.kind) {
          case 'ready':
            resolve();
            break;
          case 'ended':
            this.#parts.onEnded(message.token);
            break;
          case 'exited':
            this.#parts.onExited(message.token);
        }
      });
      worker.once('error', reject);
    });
    await isReady;
  }

  async #replace(): Promise<void> {
    if (this.#isStopping) return;
    try {
      await this.#add();
    } catch {
      // reported by its event `error`; its event `exit` tries again
    }
  }
}
