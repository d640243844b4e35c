// SPDX-License-Identifier: Apache-2.0
// Tests the sums over all workers: by namespace, by handler and by container, whatever comes and goes.
import { describe, expect, test } from 'vitest';

import { CounterSum } from '../../host/counting/counter-sum.ts';
import { maxNamespaces } from '../../host/counting/counted-rows.ts';
import { otherSlot, unnamedSlot } from '../../host/counting/counters.ts';
import { CountingWorker, countAt } from '../support/counted-calls.ts';

const suffix = { name: 'suffix', bundle: 'demo' };

/** By the sums that they are in, and by their tokens. */
const entered: WeakMap<CounterSum, Map<number, Disposable>> = new WeakMap();

function begin(
  sum: CounterSum,
  token: number,
  namespace?: string,
  containerId = `c${token}`,
): void {
  const workload = namespace === undefined ? {} : { workload: { namespace } };
  const all = entered.get(sum) ?? new Map<number, Disposable>();
  entered.set(sum, all.set(token, sum.enter(token, { containerId, ...workload })));
}

function end(sum: CounterSum, token: number): void {
  entered.get(sum)?.get(token)?.[Symbol.dispose]();
}

function workerOf(sum: CounterSum): CountingWorker {
  return new CountingWorker(sum.take());
}

/** `namespace syscall status: calls`. */
function requestsOf(sum: CounterSum): readonly string[] {
  return sum
    .totals()
    .requests.map(({ labels, counts }) => `${Object.values(labels).join(' ')}: ${counts.calls}`)
    .toSorted();
}

/** `syscall handler bundle: calls`. */
function answersOf(sum: CounterSum): readonly string[] {
  return sum
    .totals()
    .answers.map(({ labels, counts }) => `${Object.values(labels).join(' ')}: ${counts.calls}`)
    .toSorted();
}

function callsOf(sum: CounterSum, token: number): number | undefined {
  return sum
    .containers()
    .get(token)
    ?.reduce((all, { counts }) => all + counts.calls, 0);
}

describe('CounterSum', () => {
  test('without workers there is nothing', () => {
    expect(new CounterSum().totals()).toEqual({ requests: [], answers: [] });
  });

  test('adds what workers have counted in different slots', () => {
    const sum = new CounterSum();
    begin(sum, 1, 'shop');
    begin(sum, 2, 'shop');
    begin(sum, 3);
    const [first, second] = [workerOf(sum), workerOf(sum)];
    first.count({ token: 1, syscall: 'mkdir', handler: suffix, end: 'value', bucket: 2 });
    second.count({ token: 3, syscall: 'chmod', errno: 1 });
    second.count({ token: 2, syscall: 'mkdir', handler: suffix, end: 'value', bucket: 2 });
    second.count({ token: 1, syscall: 'mkdir', handler: suffix, errno: 17 });
    second.count({
      token: 1,
      syscall: 'mkdir',
      handler: suffix,
      end: 'gone',
      bucket: 20,
      durationNs: 11_000_000_000n,
    });
    expect(requestsOf(sum)).toEqual([' chmod 1: 1', 'shop mkdir 0: 3', 'shop mkdir 17: 1']);
    expect(answersOf(sum)).toEqual(['chmod none : 1', 'mkdir suffix demo: 4']);
    expect([1, 2, 3].map((token) => callsOf(sum, token))).toEqual([3, 1, 1]);
    const mkdir = sum.totals().answers.find(({ labels }) => labels.syscall === 'mkdir')?.counts;
    expect(mkdir?.ends).toEqual({ value: 2, errno: 1, continue: 0, gone: 1, failed: 0 });
    expect(mkdir?.durations.buckets[2]).toBe(2);
    expect(mkdir?.durations.buckets[20]).toBe(1);
    expect(mkdir?.durations.sumSeconds).toBeCloseTo(11.000009, 9);
  });

  test('calls without a name are counted, and not shown when there are none', () => {
    const sum = new CounterSum();
    const block = sum.take();
    expect(requestsOf(sum)).toEqual([]);
    countAt(block, unnamedSlot);
    countAt(block, otherSlot);
    countAt(block, otherSlot);
    expect(requestsOf(sum)).toEqual(['other other other: 2', 'other unknown other: 1']);
    expect(answersOf(sum)).toEqual(['other other other: 2', 'unknown none : 1']);
  });

  test('a worker that ends takes nothing away, and another goes on with its counters', () => {
    const sum = new CounterSum();
    begin(sum, 1, 'shop');
    const [first, kept] = [workerOf(sum), workerOf(sum)];
    first.count({ token: 1, syscall: 'mkdir' });
    countAt(first.block, unnamedSlot);
    kept.count({ token: 1, syscall: 'mkdir' });
    sum.retire(first.block);
    expect(requestsOf(sum)).toEqual(['other unknown other: 1', 'shop mkdir 0: 2']);
    expect(callsOf(sum, 1)).toBe(2);

    const next = workerOf(sum);
    expect(next.block).toBe(first.block);
    next.count({ token: 1, syscall: 'chmod' });
    next.count({ token: 1, syscall: 'mkdir' });
    expect(requestsOf(sum)).toEqual([
      'other unknown other: 1',
      'shop chmod 0: 1',
      'shop mkdir 0: 3',
    ]);
    expect(callsOf(sum, 1)).toBe(4);
  });

  test('a worker that ended before it was told that a container has, leaves no slot behind', () => {
    const sum = new CounterSum();
    begin(sum, 1, 'shop');
    const worker = workerOf(sum);
    worker.count({ token: 1, syscall: 'mkdir' });
    end(sum, 1);
    sum.retire(worker.block);
    expect(workerOf(sum).count({ token: 2, syscall: 'mkdir' })).toBe(1);
    expect(requestsOf(sum)).toEqual(['other mkdir 0: 1', 'shop mkdir 0: 1']);
  });

  test('workers that end again and again need no more blocks, also when one ends twice', () => {
    const sum = new CounterSum();
    const blocks = Array.from({ length: 100 }, () => {
      const block = sum.take();
      sum.retire(block);
      sum.retire(block);
      return block;
    });
    expect(new Set(blocks).size).toBe(1);
    expect(sum.take()).not.toBe(sum.take());
  });

  test('a container that is gone has no figures, and its calls stay in all sums', () => {
    const sum = new CounterSum();
    begin(sum, 1, 'shop');
    const worker = workerOf(sum);
    worker.count({ token: 1, syscall: 'mkdir', handler: suffix });
    end(sum, 1);
    expect(callsOf(sum, 1)).toBeUndefined();
    expect(requestsOf(sum)).toEqual(['shop mkdir 0: 1']);
    worker.slots.end(1);
    expect(requestsOf(sum)).toEqual(['shop mkdir 0: 1']);
    begin(sum, 2, 'shop');
    expect(worker.count({ token: 2, syscall: 'chmod' })).toBe(1);
    expect(requestsOf(sum)).toEqual(['shop chmod 0: 1', 'shop mkdir 0: 1']);
    expect(callsOf(sum, 2)).toBe(1);
  });

  test('no sum ever goes down while slots change hands and messages are late', () => {
    const sum = new CounterSum();
    const worker = workerOf(sum);
    worker.isHolding = true;
    let made = 0;
    const seen: number[] = [];
    const look = (): void => {
      const { requests } = sum.totals();
      const shop = requests.filter(({ labels }) => labels.namespace === 'shop');
      seen.push(shop.reduce((all, { counts }) => all + counts.calls, 0));
    };
    for (let token = 1; token <= 300; token += 1) {
      begin(sum, token, 'shop');
      for (let call = 0; call < 3; call += 1) {
        worker.count({ token, syscall: `s${call}` });
        made += 1;
        look();
      }
      if (token % 2 === 0) worker.deliver();
      look();
      end(sum, token);
      look();
      worker.slots.end(token);
      look();
      if (token % 3 === 0) worker.deliver();
      look();
    }
    worker.deliver();
    look();
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
    expect(seen.at(-1)).toBe(made);
  });
});

describe('A3: what a container is told, it decides itself', () => {
  test('of one that calls all there is, no more than 129 rows are told apart', () => {
    const sum = new CounterSum();
    begin(sum, 1, 'shop');
    for (let round = 0; round < 10; round += 1) {
      const worker = workerOf(sum);
      for (let errno = 1; errno <= 50; errno += 1) {
        worker.count({ token: 1, syscall: `call${round}`, errno });
      }
      worker.slots.end(1);
    }
    expect(sum.containers().get(1)).toHaveLength(129);
    expect(callsOf(sum, 1)).toBe(500);
  });
});

describe('G8: namespaces come from outside', () => {
  test('of 10,000 that come and go the newest are told apart, and nothing grows', () => {
    const sum = new CounterSum();
    const worker = workerOf(sum);
    const max = 10_000;
    for (let token = 1; token <= max; token += 1) {
      begin(sum, token, `n${token}`);
      worker.count({ token, syscall: 'mkdir', handler: suffix });
      worker.count({ token, syscall: 'chmod', errno: 1 });
      end(sum, token);
      worker.slots.end(token);
    }
    const { requests, answers } = sum.totals();
    expect(requests.length).toBeLessThanOrEqual(2 * maxNamespaces);
    const names = new Set(requests.map(({ labels }) => labels.namespace));
    expect(names).toContain(`n${max}`);
    expect(names).not.toContain('n1');
    expect(names).not.toContain('other');
    expect(requests.every(({ counts }) => counts.calls === 1)).toBe(true);
    // which nobody forgets
    expect(answers.map(({ counts }) => counts.calls)).toEqual([max, max]);
  });

  test('of 10,000 at a time as many as may be are told apart, and the rest is one', () => {
    const sum = new CounterSum();
    const worker = workerOf(sum);
    for (let token = 1; token <= 10_000; token += 1) {
      begin(sum, token, `n${token}`);
      worker.count({ token, syscall: 'mkdir' });
    }
    const names = sum.namespaces();
    expect(names.size).toBe(maxNamespaces - 1);
    expect(names.get('n1')).toBe(1);
    expect(names.get('other')).toBe(10_000 - (maxNamespaces - 2));
    const rows = requestsOf(sum);
    expect(rows.length).toBeLessThanOrEqual(maxNamespaces);
    const calls = rows.reduce((all, row) => all + Number(row.split(': ')[1]), 0);
    expect(calls).toBe(10_000);

    for (let token = 1; token <= 10_000; token += 1) end(sum, token);
    begin(sum, 10_001, 'next');
    expect(sum.namespaces()).toEqual(new Map([['next', 1]]));
  });

  test('one that has gone and comes back goes on where it was', () => {
    const sum = new CounterSum();
    const worker = workerOf(sum);
    for (const token of [1, 2]) {
      begin(sum, token, 'shop');
      worker.count({ token, syscall: 'mkdir' });
      end(sum, token);
      worker.slots.end(token);
    }
    expect(requestsOf(sum)).toEqual(['shop mkdir 0: 2']);
  });

  test('one whose containers are there is never forgotten', () => {
    const sum = new CounterSum();
    const worker = workerOf(sum);
    begin(sum, 1, 'stays');
    worker.count({ token: 1, syscall: 'mkdir' });
    for (let token = 2; token <= 500; token += 1) {
      begin(sum, token, `n${token}`);
      end(sum, token);
    }
    expect(requestsOf(sum)).toContain('stays mkdir 0: 1');
  });

  test('all errnos of all syscalls in 100 namespaces are bounded, and each keeps its own', () => {
    const sum = new CounterSum();
    const names = Array.from({ length: 98 }, (_, index) => `n${index}`);
    names.forEach((name, index) => {
      const token = index + 1;
      begin(sum, token, name);
      // each of its own, as slots of one worker are bounded too
      const worker = workerOf(sum);
      for (let each = 0; each < 64; each += 1) {
        worker.count({ token, syscall: `s${each % 8}`, errno: each });
      }
    });
    const { requests } = sum.totals();
    expect(requests.length).toBeLessThanOrEqual(1100);
    const calls = new Map<string, number>();
    for (const { labels, counts } of requests) {
      calls.set(labels.namespace, (calls.get(labels.namespace) ?? 0) + counts.calls);
    }
    expect(calls).toEqual(new Map(names.map((name) => [name, 64])));
  });

  test('a name that Kubernetes would not have is other', () => {
    const sum = new CounterSum();
    begin(sum, 1, 'x'.repeat(64));
    begin(sum, 2, 'x'.repeat(63));
    expect([...sum.namespaces().keys()]).toEqual(['other', 'x'.repeat(63)]);
  });

  test('a container with several listeners is one', () => {
    const sum = new CounterSum();
    for (const token of [1, 2]) begin(sum, token, 'shop', 'c');
    expect(sum.namespaces()).toEqual(new Map([['shop', 1]]));
    end(sum, 1);
    expect(sum.namespaces()).toEqual(new Map([['shop', 1]]));
    end(sum, 2);
    expect(sum.namespaces()).toEqual(new Map());
  });
});
