// SPDX-License-Identifier: Apache-2.0
// Handlers that fail again and again are left alone for a while: their calls fail at once. All
// threads share what is known of them; a container's handlers are its own, so that no container can
// have another's quarantined.
import { IndexPool } from './index-pool.ts';

/** Words of a handler's state. */
const word = { failures: 0, backOffMs: 1, isProbed: 2, words: 4 } as const;

/** Of all containers together; those past it are never left alone. */
export const mostHandlers = 16_384;
/** Failures in a row that it takes. */
const patience = 5;
const firstBackOffMs = 1000;
const longestBackOffMs = 60_000;

/** Milliseconds since the machine started, the same in all threads. */
function uptimeMs(): bigint {
  return process.hrtime.bigint() / 1_000_000n;
}

/** What all threads have of it. */
export interface QuarantineBuffers {
  readonly states: SharedArrayBuffer;
  readonly ends: SharedArrayBuffer;
}

export function makeQuarantineBuffers(): QuarantineBuffers {
  return {
    states: new SharedArrayBuffer(mostHandlers * word.words * Int32Array.BYTES_PER_ELEMENT),
    ends: new SharedArrayBuffer(mostHandlers * BigInt64Array.BYTES_PER_ELEMENT),
  };
}

/** The states of handlers by their indexes, seen from one thread. */
export class Quarantine {
  readonly #states: Int32Array;
  /** When each quarantine ends, in `uptimeMs`; 0: there is none. */
  readonly #ends: BigInt64Array;

  constructor({ states, ends }: QuarantineBuffers) {
    this.#states = new Int32Array(states);
    this.#ends = new BigInt64Array(ends);
  }

  /**
   * Whether the handler may be asked. When its quarantine has ended, one call tries it; the others
   * fail until that one is through.
   */
  mayAsk(handler: number): boolean {
    if ((this.#states[handler * word.words + word.failures] ?? 0) < patience) return true;
    if (uptimeMs() < Atomics.load(this.#ends, handler)) return false;
    return Atomics.exchange(this.#states, handler * word.words + word.isProbed, 1) === 0;
  }

  /** To be called after each good answer: it costs a read when all is well. */
  succeeded(handler: number): void {
    if ((this.#states[handler * word.words + word.failures] ?? 0) !== 0) this.clear(handler);
  }

  /**
   * @param isGrave it has used its time up: that alone is enough
   * @returns how long it is left alone, in milliseconds; 0: it is not
   */
  failed(handler: number, isGrave: boolean): number {
    // there were too many: this one is never left alone
    if (handler < 0 || handler >= mostHandlers) return 0;
    const first = handler * word.words;
    const failures =
      Atomics.add(this.#states, first + word.failures, isGrave ? patience : 1) +
      (isGrave ? patience : 1);
    if (failures < patience) return 0;
    // others that were asked before it began fail too
    if (uptimeMs() < Atomics.load(this.#ends, handler)) return 0;
    const before = Atomics.load(this.#states, first + word.backOffMs);
    const backOffMs = before === 0 ? firstBackOffMs : Math.min(2 * before, longestBackOffMs);
    Atomics.store(this.#states, first + word.backOffMs, backOffMs);
    Atomics.store(this.#ends, handler, uptimeMs() + BigInt(backOffMs));
    Atomics.store(this.#states, first + word.isProbed, 0);
    return backOffMs;
  }

  /** Forgets all about a handler. */
  clear(handler: number): void {
    this.#states.fill(0, handler * word.words, (handler + 1) * word.words);
    Atomics.store(this.#ends, handler, 0n);
  }

  isQuarantined(handler: number): boolean {
    // there were too many
    if (handler < 0 || handler >= mostHandlers) return false;
    return Atomics.load(this.#ends, handler) !== 0n;
  }
}

/** In the main thread: which indexes are whose. */
export class QuarantineBook {
  readonly buffers: QuarantineBuffers = makeQuarantineBuffers();
  readonly quarantine: Quarantine = new Quarantine(this.buffers);
  readonly #indexes = new IndexPool(mostHandlers);

  /** Indexes for a container's handlers; past the last one when there are none left. */
  take(count: number): readonly number[] {
    return Array.from({ length: count }, () => this.#indexes.take());
  }

  /** Those of a container whose handlers change: as many as are needed, never fewer than it had. */
  resize(indexes: readonly number[], count: number): readonly number[] {
    return [...indexes, ...this.take(Math.max(0, count - indexes.length))];
  }

  /** A container is gone. */
  release(indexes: readonly number[]): void {
    for (const index of indexes) {
      if (index >= mostHandlers) continue;
      this.quarantine.clear(index);
      this.#indexes.giveBack(index);
    }
  }

  /** How many handlers are left alone now. */
  count(): number {
    let quarantined = 0;
    for (let index = 0; index < this.#indexes.end; index += 1) {
      if (this.quarantine.isQuarantined(index)) quarantined += 1;
    }
    return quarantined;
  }
}
