// SPDX-License-Identifier: Apache-2.0
// Tests what counts of the components that workers have, also of workers that do not look.
import { expect, test } from 'vitest';

import { SentComponents, TakenMessages } from '../../host/worker/sent-components.ts';
import type { ComponentMessage } from '../../host/worker/thread-messages.ts';
import { looping, trapping } from '../support/hostile-components.ts';
import { loadTrusted } from '../support/trusted-component.ts';

const [one, other] = [loadTrusted(trapping()), loadTrusted(looping())];

/** A worker whose port is an array. */
class Worker {
  readonly #taken = new SharedArrayBuffer(4);
  readonly port: ComponentMessage[] = [];
  clock = 0;
  readonly components = new SentComponents({
    send: (message) => {
      this.port.push(message);
    },
    taken: this.#taken,
    now: () => this.clock,
  });

  take(count = this.port.length): void {
    const taken = new TakenMessages(this.#taken);
    for (let left = count; left > 0; left -= 1) taken.add();
    this.port.splice(0, count);
  }

  get left(): readonly string[] {
    return this.components.left.map(({ id }) => id);
  }
}

test('sent components: a forgotten component counts until the worker has taken the message', () => {
  const worker = new Worker();
  worker.components.add(one);
  worker.components.add(other);
  worker.take();
  worker.components.forget(one.id);
  worker.components.forget(other.id);
  // one that has no calls would have heard of it
  worker.clock += 1000;
  expect(worker.left).toEqual([one.id, other.id]);
  worker.take(1);
  expect(worker.left).toEqual([other.id]);
  worker.take(1);
  expect(worker.left).toEqual([]);
});

test('sent components: a worker has a moment for it', () => {
  const worker = new Worker();
  worker.components.add(one);
  worker.components.forget(one.id);
  expect(worker.left).toEqual([]);
  expect(worker.components.leftIds).toEqual([one.id]);
  worker.clock += 1000;
  expect(worker.left).toEqual([one.id]);
  worker.take();
  expect(worker.components.leftIds).toEqual([]);
});

test('sent components: one that is lost gets nothing more, and keeps what it had', () => {
  const worker = new Worker();
  worker.components.add(one);
  worker.take();
  worker.components.lose();
  worker.components.add(other);
  worker.components.forget(other.id);
  expect(worker.left).toEqual([]);
  worker.components.forget(one.id);
  expect(worker.port).toEqual([]);
  expect(worker.left).toEqual([one.id]);
});

test('sent components: components of a lost worker do not count', () => {
  const worker = new Worker();
  worker.components.add(one);
  worker.components.forget(one.id);
  worker.components.add(other);
  worker.components.forget(other.id);
  worker.take(3);
  worker.components.lose();
  expect(worker.left).toEqual([other.id]);
});

test('sent components: a component that it never had is not forgotten', () => {
  const worker = new Worker();
  worker.components.forget(one.id);
  expect(worker.port).toEqual([]);
  expect(worker.left).toEqual([]);
});
