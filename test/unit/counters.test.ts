// SPDX-License-Identifier: Apache-2.0
// Tests the counters that workers share with the main thread: slots, sums, workers that end.
import { describe, expect, test } from 'vitest';

import {
  CounterSum,
  Durations,
  SlotBook,
  bucketBoundsSeconds,
  bucketCount,
  callEnds,
  figure,
  makeCounters,
  otherSlot,
  slotCount,
  slotLayout,
  unnamedSlot,
} from '../../host/notification/counters.ts';
import type { CallEnd, CounterBlock, SlotName } from '../../host/notification/counters.ts';

/** What the addon does when a call has ended. */
function count(
  block: CounterBlock,
  slot: number,
  { end, bucket, durationNs }: { end: CallEnd; bucket: number; durationNs: bigint },
): void {
  const words = new BigUint64Array(block.buffer);
  const add = (word: number, value: bigint): void => {
    const index = slot * slotLayout.words + word;
    words[index] = (words[index] ?? 0n) + value;
  };
  add(slotLayout.firstEnd + callEnds.indexOf(end), 1n);
  add(slotLayout.durationSumNs, durationNs);
  add(slotLayout.firstBucket + bucket, 1n);
}

const quick = { end: 'errno', bucket: 0, durationNs: 3000n } as const;

/** A worker's book whose announcements reach its block, as messages do. */
function bookOf(block: CounterBlock): SlotBook {
  return new SlotBook({
    taken: block.taken,
    announce: (name) => {
      block.name(name);
    },
  });
}

/** Totals as `syscall handler: calls`. */
function shown(sum: CounterSum): readonly string[] {
  return sum
    .totals()
    .map(({ syscall, handler, ends }) => {
      const calls = Object.values(ends).reduce((all, each) => all + each, 0);
      return `${syscall} ${handler}: ${calls}`;
    })
    .toSorted();
}

describe('layout', () => {
  test('a slot holds an end each, the sum and the buckets', () => {
    expect(slotLayout.durationSumNs).toBe(callEnds.length);
    expect(slotLayout.firstBucket + bucketCount).toBeLessThanOrEqual(slotLayout.words);
    expect(makeCounters().byteLength).toBe(slotCount * slotLayout.words * 8);
  });

  test('the bounds rise', () => {
    expect(bucketBoundsSeconds).toEqual(bucketBoundsSeconds.toSorted((a, b) => a - b));
    expect(new Set(bucketBoundsSeconds).size).toBe(20);
  });

  test('the figures of the receive delay do not overlap', () => {
    expect(figure.firstReceiveDelayBucket + bucketCount).toBe(figure.receiveDelaySumNs);
    expect(figure.receiveDelaySumNs).toBeLessThan(figure.count);
  });
});

describe('SlotBook', () => {
  test('a pair keeps its slot and is announced once', () => {
    const announced: SlotName[] = [];
    const book = new SlotBook({ taken: [], announce: (name) => announced.push(name) });
    expect(book.slotFor('mkdir', 'suffix')).toBe(1);
    expect(book.slotFor('mkdir', 'errno')).toBe(2);
    expect(book.slotFor('mkdir', 'suffix')).toBe(1);
    expect(book.slotFor('chmod')).toBe(3);
    expect(announced).toEqual([
      { slot: 1, syscall: 'mkdir', handler: 'suffix' },
      { slot: 2, syscall: 'mkdir', handler: 'errno' },
      { slot: 3, syscall: 'chmod', handler: 'none' },
    ]);
  });

  test('names that look alike when joined are different pairs', () => {
    const book = new SlotBook({ taken: [], announce: () => {} });
    const slots = [book.slotFor('a', 'b c'), book.slotFor('a b', 'c'), book.slotFor('a', 'b')];
    expect(new Set(slots).size).toBe(3);
  });

  test('once all slots are taken the last one is for all others, unannounced', () => {
    const announced: SlotName[] = [];
    const book = new SlotBook({ taken: [], announce: (name) => announced.push(name) });
    const slots = Array.from({ length: 300 }, (_, index) => book.slotFor('mkdir', `h${index}`));
    expect(slots.slice(0, 254)).toEqual(Array.from({ length: 254 }, (_, index) => index + 1));
    expect(new Set(slots.slice(254))).toEqual(new Set([otherSlot]));
    expect(announced).toHaveLength(254);
    expect(book.slotFor('mkdir', 'h7')).toBe(8);
  });

  test('goes on behind the slots that were taken before', () => {
    const taken = [{ slot: 1, syscall: 'mkdir', handler: 'suffix' }];
    const book = new SlotBook({ taken, announce: () => {} });
    expect(book.slotFor('mkdir', 'suffix')).toBe(1);
    expect(book.slotFor('chmod', 'errno')).toBe(2);
  });
});

describe('CounterSum', () => {
  test('without workers there is nothing', () => {
    expect(new CounterSum().totals()).toEqual([]);
  });

  test('adds what workers counted for the same pair in different slots', () => {
    const sum = new CounterSum();
    const [first, second] = [sum.take(), sum.take()];
    bookOf(first).slotFor('mkdir', 'suffix');
    const book = bookOf(second);
    book.slotFor('chmod', 'errno');
    book.slotFor('mkdir', 'suffix');
    count(first, 1, { end: 'value', bucket: 2, durationNs: 20_000n });
    count(second, 2, { end: 'value', bucket: 2, durationNs: 15_000n });
    count(second, 2, { end: 'gone', bucket: 20, durationNs: 11_000_000_000n });
    count(second, 1, quick);

    expect(shown(sum)).toEqual(['chmod errno: 1', 'mkdir suffix: 3']);
    const mkdir = sum.totals().find(({ syscall }) => syscall === 'mkdir');
    expect(mkdir?.ends).toEqual({ value: 2, errno: 0, continue: 0, gone: 1, failed: 0 });
    expect(mkdir?.durations.buckets[2]).toBe(2);
    expect(mkdir?.durations.buckets[20]).toBe(1);
    expect(mkdir?.durations.sumSeconds).toBeCloseTo(11.000035, 9);
  });

  test('a pair that was announced is there before its first call', () => {
    const sum = new CounterSum();
    bookOf(sum.take()).slotFor('mkdir', 'suffix');
    expect(shown(sum)).toEqual(['mkdir suffix: 0']);
  });

  test('calls without a name are counted, and not shown when there are none', () => {
    const sum = new CounterSum();
    const block = sum.take();
    expect(shown(sum)).toEqual([]);
    count(block, unnamedSlot, quick);
    count(block, otherSlot, quick);
    count(block, otherSlot, quick);
    expect(shown(sum)).toEqual(['other other: 2', 'unknown none: 1']);
  });

  test('a handler called other shares the totals of all others', () => {
    const sum = new CounterSum();
    const block = sum.take();
    bookOf(block).slotFor('other', 'other');
    count(block, 1, quick);
    count(block, otherSlot, quick);
    expect(shown(sum)).toEqual(['other other: 2']);
  });

  test('a worker that ends takes nothing away, and who replaces it goes on', () => {
    const sum = new CounterSum();
    const first = sum.take();
    const kept = sum.take();
    bookOf(first).slotFor('mkdir', 'suffix');
    bookOf(kept).slotFor('mkdir', 'suffix');
    count(first, 1, quick);
    count(kept, 1, quick);

    sum.retire(first);
    expect(shown(sum)).toEqual(['mkdir suffix: 2']);

    const second = sum.take();
    const book = bookOf(second);
    expect(book.slotFor('chmod', 'errno')).toBe(2);
    expect(book.slotFor('mkdir', 'suffix')).toBe(1);
    count(second, 1, quick);
    count(second, 2, quick);
    expect(shown(sum)).toEqual(['chmod errno: 1', 'mkdir suffix: 3']);
  });

  test('an answer that is sent after its worker has ended still counts', () => {
    const sum = new CounterSum();
    const block = sum.take();
    bookOf(block).slotFor('execve', 'wait');
    sum.retire(block);
    count(block, 1, { end: 'continue', bucket: 18, durationNs: 5_000_000_000n });
    expect(shown(sum)).toEqual(['execve wait: 1']);
  });

  test('workers that end again and again need no more blocks', () => {
    const sum = new CounterSum();
    const blocks = new Set(
      Array.from({ length: 100 }, () => {
        const block = sum.take();
        sum.retire(block);
        return block;
      }),
    );
    expect(blocks.size).toBe(1);
  });

  test('a block that is retired twice is given to one worker', () => {
    const sum = new CounterSum();
    const block = sum.take();
    sum.retire(block);
    sum.retire(block);
    expect(sum.take()).toBe(block);
    expect(sum.take()).not.toBe(block);
  });

  test('totals rise with each call', () => {
    const sum = new CounterSum();
    const block = sum.take();
    bookOf(block).slotFor('mkdir', 'suffix');
    let before = 0;
    for (let round = 0; round < 50; round += 1) {
      count(block, 1, quick);
      const now = sum.totals()[0]?.ends.errno ?? 0;
      expect(now).toBe(before + 1);
      before = now;
    }
  });
});

test('Durations: adds bucket by bucket, in seconds', () => {
  const durations = new Durations();
  durations.add([1, 2], 1_500_000_000);
  durations.add([0, 1], 500_000_000);
  expect(durations.buckets.slice(0, 3)).toEqual([1, 3, 0]);
  expect(durations.buckets).toHaveLength(bucketCount);
  expect(durations.sumSeconds).toBe(2);
});
