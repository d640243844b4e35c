// SPDX-License-Identifier: Apache-2.0
// The worker threads, seen from the main thread.
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';

import { AgentError, messageOf } from '../errors.ts';
import type { LoadedComponent } from '../handler/direct.ts';
import type { LogOptions, Logger } from '../log.ts';
import type { Native, ReceiverHandle } from '../native.ts';
import type { WorkerInput, WorkerMessage } from './thread-messages.ts';

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
  /** Only then are workers that end replaced. */
  #isUp = false;

  private constructor(parts: PoolParts) {
    this.#parts = parts;
  }

  /** Resolves once every worker receives; when one can't start, all are ended again. */
  static async start(parts: PoolParts): Promise<Pool> {
    const pool = new Pool(parts);
    const count = Math.max(fewestWorkers, availableParallelism());
    const started = await Promise.allSettled(Array.from({ length: count }, () => pool.#add()));
    const failed = started.find((result) => result.status === 'rejected');
    if (failed !== undefined) {
      await pool.stop();
      throw new AgentError('AGENT_WORKER', 'a worker thread cannot start', {
        cause: failed.reason,
      });
    }
    pool.#isUp = true;
    return pool;
  }

  /** Lets each worker finish the call that it handles. */
  async stop(): Promise<void> {
    this.#isUp = false;
    const ended = [...this.#workers].map((worker) => once(worker, 'exit'));
    this.#parts.native.stopReceiver(this.#parts.receiver);
    await Promise.all(ended);
  }

  async #add(): Promise<void> {
    const { receiver, logOptions, components } = this.#parts;
    const input: WorkerInput = { receiver, log: logOptions };
    const file = import.meta.filename.endsWith('.ts') ? 'worker.ts' : 'worker.js';
    const worker = new Worker(join(import.meta.dirname, file), {
      workerData: input,
      // Else Node opens our standard streams for it, which makes them non-blocking, and with them
      // those of a command that we run.
      stdout: true,
      stderr: true,
    });
    this.#workers.add(worker);
    for (const component of components) worker.postMessage(component);
    worker.on('error', (thrown) => {
      this.#parts.log.error({ error: messageOf(thrown) }, 'worker failed');
    });
    worker.on('exit', () => {
      this.#workers.delete(worker);
      if (this.#isUp) setTimeout(() => void this.#replace(), restartDelayMs);
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
    if (!this.#isUp) return;
    try {
      await this.#add();
    } catch {
      // reported by its event `error`; its event `exit` tries again
    }
  }
}
