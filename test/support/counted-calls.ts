// SPDX-License-Identifier: Apache-2.0
// A worker's counters without a worker: calls are counted where the addon counts them.
import { CounterSlots } from '../../host/counting/counter-slots.ts';
import type { SlotHandler } from '../../host/counting/counter-slots.ts';
import { callEnds, slotLayout } from '../../host/counting/counters.ts';
import type { CallEnd } from '../../host/counting/counters.ts';
import type { CounterBlock } from '../../host/counting/counter-sum.ts';

/** A call that has ended. */
export interface EndedCall {
  readonly token: number;
  readonly syscall: string;
  /** Absent: none has answered. */
  readonly handler?: SlotHandler;
  readonly errno?: number;
  readonly end?: CallEnd;
  readonly bucket?: number;
  readonly durationNs?: bigint;
}

/** Counts a call at a slot, as the addon does. */
export function countAt(
  block: CounterBlock,
  slot: number,
  { end = 'errno', bucket = 0, durationNs = 3000n }: Partial<EndedCall> = {},
): void {
  const words = new BigUint64Array(block.buffer);
  const add = (word: number, value: bigint): void => {
    const index = slot * slotLayout.words + word;
    words[index] = (words[index] ?? 0n) + value;
  };
  add(slotLayout.ends + callEnds.indexOf(end), 1n);
  add(slotLayout.durationSumNs, durationNs);
  add(slotLayout.buckets + bucket, 1n);
}

/** A worker, as far as it counts. Its messages come at once, unless they are held back. */
export class CountingWorker {
  readonly block: CounterBlock;
  readonly slots: CounterSlots;
  readonly #held: (() => void)[] = [];
  isHolding = false;

  constructor(block: CounterBlock) {
    this.block = block;
    this.slots = new CounterSlots({
      counters: block.buffer,
      announce: (name) => {
        this.#send(() => {
          block.name(name);
        });
      },
      giveBack: (slots) => {
        this.#send(() => {
          block.takeBack(slots);
        });
      },
    });
  }

  /** @returns the slot that has counted it */
  count(call: EndedCall): number {
    const { token, syscall, handler, errno = 0 } = call;
    const slot = this.slots.of(token, token).answersOf(syscall, handler).of(errno);
    countAt(this.block, slot, call);
    return slot;
  }

  /** Lets the messages come that were held back. */
  deliver(): void {
    for (const message of this.#held.splice(0)) message();
  }

  #send(message: () => void): void {
    if (this.isHolding) this.#held.push(message);
    else message();
  }
}
