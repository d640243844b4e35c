// SPDX-License-Identifier: Apache-2.0
// In the main thread: what all workers have counted, by container, by namespace and by handler. A sum
// never goes down: what a slot has counted is taken from it when it is given back, in one step.
import {
  CallCounts,
  bucketCount,
  callEnds,
  makeCounters,
  other,
  otherLabels,
  otherSlot,
  slotLayout,
  unnamedLabels,
  unnamedSlot,
} from './counters.ts';
import type { CallLabels, SlotName } from './counters.ts';
import type { Registry } from '../registry/registry.ts';
import { CountedRows, RequestRows } from './counted-rows.ts';
import type { CountedRow, RequestRow } from './counted-rows.ts';

export interface Totals<T extends string> {
  readonly labels: Readonly<Record<T, string>>;
  readonly counts: CallCounts;
}

type AnswerLabel = 'syscall' | 'handler' | 'bundle';
export type RequestTotals = Totals<'namespace' | 'syscall' | 'status'>;
export type AnswerTotals = Totals<AnswerLabel>;

/** All that was counted until one moment. */
export interface CallTotals {
  readonly requests: readonly RequestTotals[];
  readonly answers: readonly AnswerTotals[];
}

const maxAnswerRows = 1000;
/** Containers choose their calls and results, so labels are limited. */
const maxRowsOfContainer = 128;
const otherAnswer = { syscall: other, handler: other, bundle: other };
/** Workers may tell of a container a little after its end. */
const maxEnded = 1024;

/** A container, or one that was. */
interface Counted {
  readonly id: string;
  /** As it is shown. */
  readonly namespace: string;
  /** Of slots that count no more; undefined once it is gone. */
  rows: CountedRows<keyof CallLabels> | undefined;
}

interface Slot {
  readonly labels: CallLabels;
  readonly container: Counted | undefined;
  readonly request: RequestRow;
  readonly answer: CountedRow<AnswerLabel>;
}

/** The counters of one worker at a time, with what their slots are for. */
export class CounterBlock {
  readonly buffer: SharedArrayBuffer = makeCounters();
  readonly #words: BigUint64Array = new BigUint64Array(this.buffer);
  readonly #slots: Map<number, Slot> = new Map();
  readonly #sum: CounterSum;

  constructor(sum: CounterSum) {
    this.#sum = sum;
  }

  /** Takes what the worker's `CounterSlots` has announced. */
  name(name: SlotName): void {
    this.#slots.set(name.slot, this.#sum.slotOf(name));
  }

  /** Takes what slots have counted that the worker gives back, and lets it have them anew. */
  takeBack(slots: readonly number[]): void {
    for (const slot of slots) this.#empty(slot);
  }

  /** The same with all of them; the worker must have ended. */
  takeAllBack(): void {
    this.takeBack([unnamedSlot, ...this.#slots.keys(), otherSlot]);
  }

  *read(): Iterable<readonly [Slot, CallCounts]> {
    for (const [number, slot] of this.#slots) yield [slot, this.#countsOf(number)];
    for (const number of [unnamedSlot, otherSlot]) {
      const counts = this.#countsOf(number);
      if (counts.calls > 0) yield [this.#slotOf(number), counts];
    }
  }

  #empty(number: number): void {
    const counts = this.#countsOf(number);
    if (counts.calls > 0) this.#sum.keep(this.#slotOf(number), counts);
    this.#slots.delete(number);
    const first = number * slotLayout.words;
    for (let word = 0; word < slotLayout.isGivenBack; word += 1) this.#words[first + word] = 0n;
    // at the end: from now on the worker may use it
    Atomics.store(this.#words, first + slotLayout.isGivenBack, 0n);
  }

  #slotOf(number: number): Slot {
    const labels = number === unnamedSlot ? unnamedLabels : otherLabels;
    return this.#slots.get(number) ?? this.#sum.slotOf({ token: 0, ...labels });
  }

  #countsOf(number: number): CallCounts {
    const first = number * slotLayout.words;
    const word = (index: number): number => Number(Atomics.load(this.#words, first + index));
    const counts = new CallCounts();
    callEnds.forEach((end, index) => {
      counts.ends[end] = word(slotLayout.ends + index);
    });
    const { durations } = counts;
    // without a list of its own: there are thousands of slots
    for (let index = 0; index < bucketCount; index += 1) {
      durations.buckets[index] = word(slotLayout.buckets + index);
    }
    durations.sumSeconds = word(slotLayout.durationSumNs) / 1e9;
    return counts;
  }
}

export class CounterSum {
  readonly #blocks: Set<CounterBlock> = new Set();
  readonly #free: CounterBlock[] = [];
  readonly #requests = new RequestRows();
  readonly #answers = new CountedRows<AnswerLabel>(maxAnswerRows);
  readonly #containers: Map<number, Counted> = new Map();
  readonly #ended: Map<number, Counted> = new Map();

  /** The counters for a worker that is about to start. */
  take(): CounterBlock {
    const block = this.#free.pop() ?? new CounterBlock(this);
    this.#blocks.add(block);
    return block;
  }

  /** To be called once the worker's thread has ended, and not before. */
  retire(block: CounterBlock): void {
    if (!this.#blocks.delete(block)) return;
    block.takeAllBack();
    this.#free.push(block);
  }

  /**
   * A container is there, until what is returned is disposed of.
   * @param token of its listener
   */
  enter(
    token: number,
    { containerId, workload }: Pick<Registry, 'containerId' | 'workload'>,
  ): Disposable {
    const container: Counted = {
      id: containerId,
      namespace: this.#requests.enter(workload?.namespace ?? ''),
      rows: new CountedRows<keyof CallLabels>(maxRowsOfContainer),
    };
    this.#containers.set(token, container);
    return {
      [Symbol.dispose]: () => {
        this.#leave(token, container);
      },
    };
  }

  #leave(token: number, container: Counted): void {
    this.#containers.delete(token);
    container.rows = undefined;
    this.#ended.set(token, container);
    const [oldest = token] = this.#ended.keys();
    if (this.#ended.size > maxEnded) this.#ended.delete(oldest);
    this.#requests.leave(container.namespace);
  }

  /** Labels of a slot. */
  slotOf({ token, syscall, handler, bundle, status }: CallLabels & { token: number }): Slot {
    const container = this.#containers.get(token) ?? this.#ended.get(token);
    const labels = { syscall, handler, bundle, status };
    return {
      labels,
      container,
      request: this.#requests.rowOf(container?.namespace ?? other, syscall, status),
      answer: this.#answers.rowOf({ syscall, handler, bundle }, otherAnswer),
    };
  }

  /** Keeps what a slot has counted that is there no more. */
  keep({ labels, container, request, answer }: Slot, counts: CallCounts): void {
    request.counts.add(counts);
    answer.counts.add(counts);
    container?.rows?.rowOf(labels, otherLabels).counts.add(counts);
  }

  /** Counts until now. */
  totals(): CallTotals {
    // first: calls that have no slot of their own may need a row
    const counted = [...this.#read()];
    const requests = copied(this.#requests.values());
    const answers = copied(this.#answers.values());
    for (const [slot, counts] of counted) {
      requests.get(slot.request)?.counts.add(counts);
      answers.get(slot.answer)?.counts.add(counts);
    }
    return { requests: [...requests.values()], answers: [...answers.values()] };
  }

  /** The same of each container that is there, by the tokens of their listeners. */
  containers(): ReadonlyMap<number, readonly Totals<keyof CallLabels>[]> {
    const rows = new Map(
      [...this.#containers.values()].map((container) => {
        const own = new CountedRows<keyof CallLabels>(maxRowsOfContainer);
        for (const { labels, counts } of container.rows?.values() ?? []) {
          own.rowOf(labels, otherLabels).counts.add(counts);
        }
        return [container, own] as const;
      }),
    );
    for (const [{ container, labels }, counts] of this.#read()) {
      const own = container === undefined ? undefined : rows.get(container);
      own?.rowOf(labels, otherLabels).counts.add(counts);
    }
    return new Map(
      [...this.#containers].map(([token, container]) => [
        token,
        [...(rows.get(container)?.values() ?? [])],
      ]),
    );
  }

  /** Number of containers of each namespace that has some; they may have several listeners. */
  namespaces(): ReadonlyMap<string, number> {
    const ids = new Map<string, Set<string>>();
    for (const { id, namespace } of this.#containers.values()) {
      ids.set(namespace, (ids.get(namespace) ?? new Set()).add(id));
    }
    return new Map([...ids].map(([namespace, { size }]) => [namespace, size]));
  }

  *#read(): Iterable<readonly [Slot, CallCounts]> {
    for (const block of this.#blocks) yield* block.read();
  }
}

function copied<T extends string>(
  rows: Iterable<CountedRow<T>>,
): ReadonlyMap<CountedRow<T>, Totals<T>> {
  return new Map(
    [...rows].map((row) => {
      const counts = new CallCounts();
      counts.add(row.counts);
      return [row, { labels: row.labels, counts }] as const;
    }),
  );
}
