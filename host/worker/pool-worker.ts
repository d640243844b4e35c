// SPDX-License-Identifier: Apache-2.0
// One worker thread, seen from the main thread.
import { join } from 'node:path';
import type { ResourceLimits, Worker } from 'node:worker_threads';

import type { CounterBlock } from '../counting/counter-sum.ts';
import { AgentError } from '../errors.ts';
import { startThread } from '../process/own-thread.ts';
import { heapLimitMb } from '../process/memory-limit.ts';
import type { UnreadCounter } from '../recording/tape-room.ts';
import type { TapedCall } from '../recording/recorded-call.ts';
import type { DroppedLines } from './dropped-lines.ts';
import type { LastUp } from './last-up.ts';
import type { PoolSize } from './pool-size.ts';
import { SentComponents } from './sent-components.ts';
import type { CallFailure, ListenerNote, WorkerInput, WorkerMessage } from './thread-messages.ts';

/** Notified of failed calls. */
export interface WorkerEvents {
  fail(failure: CallFailure): void;
  note(note: ListenerNote): void;
}

interface PoolWorkerParts {
  readonly input: WorkerInput;
  readonly size: PoolSize;
  readonly counters: CounterBlock;
  /** Recorded calls that have not arrived. */
  readonly unread: UnreadCounter;
}

/** Receivers of a worker's messages. */
interface MessageParts {
  readonly lastUp: LastUp;
  readonly events: WorkerEvents;
  readonly dropped: Pick<DroppedLines, 'begin'>;
  readonly onTaped: (taped: TapedCall) => void;
}

/**
 * Calls leave no garbage behind, so garbage of new containers is to be collected early. A worker whose
 * heap has grown beyond its limit ends, and not the whole agent.
 */
function workerLimits({ max }: PoolSize): ResourceLimits {
  return { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: heapLimitMb(max) };
}

/** @throws AgentError AGENT_WORKER */
function threadOf({ input, size }: PoolWorkerParts): Worker {
  const file = import.meta.filename.endsWith('.ts') ? 'worker.ts' : 'worker.js';
  try {
    return startThread(join(import.meta.dirname, file), {
      workerData: input,
      resourceLimits: workerLimits(size),
      // Else Node opens our standard streams for it, which makes them non-blocking, and with them
      // those of a command that we run.
      stdout: true,
      stderr: true,
    });
  } catch (cause) {
    throw new AgentError('AGENT_WORKER', 'cannot start a thread', { cause });
  }
}

export class PoolWorker {
  readonly thread: Worker;
  readonly counters: CounterBlock;
  readonly components: SentComponents;
  readonly unread: UnreadCounter;
  isReady = false;
  /** The pool has ended it. */
  isEnding = false;

  /** @throws AgentError AGENT_WORKER */
  constructor(parts: PoolWorkerParts) {
    const thread = threadOf(parts);
    this.thread = thread;
    this.counters = parts.counters;
    this.unread = parts.unread;
    this.components = new SentComponents({
      send: (message) => {
        thread.postMessage(message);
      },
      taken: parts.input.takenMessages,
    });
  }

  /** Hands its messages on. Resolves once the worker receives. */
  async listen(parts: MessageParts): Promise<void> {
    const { lastUp } = parts;
    await new Promise<void>((resolve, reject) => {
      this.thread.on('message', (message: WorkerMessage) => {
        if (message.kind === 'ready') {
          this.isReady = true;
          lastUp.note();
          resolve();
        } else this.#hear(message, parts);
      });
      this.thread.once('error', reject);
      this.thread.once('exit', () => {
        if (this.isReady) lastUp.note();
      });
    });
  }

  #hear(
    message: Exclude<WorkerMessage, { readonly kind: 'ready' }>,
    { events, dropped, onTaped }: MessageParts,
  ): void {
    switch (message.kind) {
      case 'slot':
        this.counters.name(message);
        break;
      case 'slots given back':
        this.counters.takeBack(message.slots);
        break;
      case 'failed':
        events.fail(message);
        break;
      case 'note':
        events.note(message);
        break;
      case 'lines dropped':
        dropped.begin(message);
        break;
      case 'taped':
        this.unread.come(message.cost);
        onTaped(message);
    }
  }
}
