// SPDX-License-Identifier: Apache-2.0
// Tests the queue of events that are delivered to somebody else.
import { expect, test } from 'vitest';

import { messageOf } from '../../host/errors.ts';
import { Delivery } from '../../host/observation/delivery.ts';
import type { DeliveryResult } from '../../host/observation/delivery.ts';
import { until } from '../support/polling.ts';

interface Receiver {
  readonly delivery: Delivery<number>;
  readonly taken: number[];
  readonly undelivered: string[];
  /** How many are on their way, at most so far. */
  readonly max: () => number;
}

function receiver(
  answer: (event: number) => DeliveryResult | Promise<DeliveryResult>,
  room = { maxAtOnce: 2, maxWaiting: 5 },
): Receiver {
  const taken: number[] = [];
  const undelivered: string[] = [];
  let [now, max] = [0, 0];
  const delivery = new Delivery<number>({
    ...room,
    deliver: async (event) => {
      now += 1;
      max = Math.max(max, now);
      taken.push(event);
      const result = await answer(event);
      now -= 1;
      return result;
    },
    onUndelivered: (result, count, thrown) =>
      undelivered.push(
        [result, count, ...(thrown === undefined ? [] : [messageOf(thrown)])].join(' '),
      ),
  });
  return { delivery, taken, undelivered, max: () => max };
}

function add(delivery: Delivery<number>, count: number): void {
  for (let event = 1; event <= count; event += 1) delivery.add(event, {});
  delivery.flush();
}

test('delivery: events are sent in their order, so many at once', async () => {
  const { delivery, taken, max } = receiver(() => 'sent');
  add(delivery, 5);
  await until('all to be sent', () => delivery.counts.sent === 5 || undefined);
  expect(taken).toEqual([1, 2, 3, 4, 5]);
  expect(max()).toBe(2);
  await delivery[Symbol.asyncDispose]();
});

test('delivery: items beyond its room are lost, and earlier ones are sent', async () => {
  const { delivery, taken, undelivered } = receiver(() => 'sent');
  add(delivery, 8);
  await until('all to be sent', () => delivery.counts.sent === 5 || undefined);
  expect(taken).toEqual([1, 2, 3, 4, 5]);
  expect(undelivered).toEqual(['lost 1', 'lost 1', 'lost 1']);
  expect(delivery.counts).toEqual({ sent: 5, failed: 0, lost: 3 });
  await delivery[Symbol.asyncDispose]();
});

test('delivery: a container that floods leaves room to others', async () => {
  const { delivery, undelivered } = receiver(() => 'away', { maxAtOnce: 1, maxWaiting: 100 });
  const [loud, quiet] = [{}, {}];
  for (let event = 0; event < 1000; event += 1) delivery.add(event, loud);
  expect(undelivered).toHaveLength(950);
  delivery.add(1, quiet);
  expect(undelivered).toHaveLength(950);
  await delivery[Symbol.asyncDispose]();
});

test('delivery: while nobody is there, one event asks again and again, and none fails', async () => {
  let isThere = false;
  const { delivery, taken } = receiver(() => (isThere ? 'sent' : 'away'));
  add(delivery, 5);
  await until('some tries', () => taken.length >= 5 || undefined);
  expect(new Set(taken)).toEqual(new Set([1, 2]));
  isThere = true;
  await until('all to be sent', () => delivery.counts.sent === 5 || undefined);
  expect(delivery.counts).toEqual({ sent: 5, failed: 0, lost: 0 });
  await delivery[Symbol.asyncDispose]();
});

test('delivery: a failed item is not sent again', async () => {
  const { delivery, taken } = receiver((event) => (event === 2 ? 'failed' : 'sent'));
  add(delivery, 3);
  await until('all to be through', () => delivery.counts.sent === 2 || undefined);
  expect(taken).toEqual([1, 2, 3]);
  expect(delivery.counts.failed).toBe(1);
  await delivery[Symbol.asyncDispose]();
});

test('delivery: a thrown error is a failure, and the next items are sent', async () => {
  const { delivery, taken, undelivered } = receiver((event) => {
    if (event === 2) throw new Error('no such file');
    return 'sent';
  });
  add(delivery, 4);
  await until('all to be through', () => delivery.counts.sent === 3 || undefined);
  expect(taken).toEqual([1, 2, 3, 4]);
  expect(delivery.counts.failed).toBe(1);
  expect(undelivered).toEqual(['failed 1 no such file']);
  await delivery[Symbol.asyncDispose]();
});

test('delivery: at the end, what nobody takes is lost and counted', async () => {
  const { delivery } = receiver(() => 'away');
  add(delivery, 5);
  await delivery[Symbol.asyncDispose]();
  await until('all to be counted', () => delivery.counts.lost === 5 || undefined);
  delivery.add(6, {});
  expect(delivery.counts.lost).toBe(6);
});
