// SPDX-License-Identifier: Apache-2.0
// Tests by what containers are known, for how long, and when another one has their place.
import { expect, test } from 'vitest';

import { keyOf } from '../../host/agent-socket/container-key.ts';
import { ContainerPlaces, mostPlaces } from '../../host/counting/container-places.ts';
import type { ContainerPlace } from '../../host/counting/container-places.ts';

const rememberedMs = 120_000;

class Book {
  readonly forgotten: ContainerPlace[] = [];
  now = 0;
  readonly #places = new ContainerPlaces({
    onForgotten: (own) => this.forgotten.push(own),
    now: () => this.now,
  });

  take(containerId: string, user = 0): ContainerPlace {
    return this.#places.take(keyOf({ state: { containerId }, peerUid: user }), user);
  }

  release(containerId: string, user = 0): void {
    this.#places.release(keyOf({ state: { containerId }, peerUid: user }));
  }
}

test('ContainerPlaces: all listeners of a container are known by the same, and nobody else is', () => {
  const book = new Book();
  const own = book.take('c1');
  expect(book.take('c1')).toBe(own);
  for (const other of [book.take('c2'), book.take('c1', 1000)]) {
    expect(other.place).not.toBe(own.place);
    expect(other.token).not.toBe(own.token);
  }
});

test('ContainerPlaces: a container is remembered without a listener, and then its place is free', () => {
  const book = new Book();
  const own = book.take('c1');
  book.take('c1');
  book.release('c1');
  book.now = rememberedMs;
  expect(book.take('c2').place).not.toBe(own.place);
  book.release('c1');
  book.now += rememberedMs - 1;
  expect(book.take('c1')).toBe(own);
  book.release('c1');
  expect(book.forgotten).toEqual([]);
  book.now += rememberedMs;
  const next = book.take('c3');
  expect(book.forgotten).toEqual([own]);
  expect(next.place).toBe(own.place);
  expect(next.token).not.toBe(own.token);
  expect(book.take('c1').token).not.toBe(own.token);
});

test('ContainerPlaces: of containers that come and go only some are remembered', () => {
  const book = new Book();
  const first = book.take('c0');
  book.release('c0');
  for (const [user, count] of [
    [1000, 5000],
    [0, 1023],
  ] as const) {
    for (let index = 1; index <= count; index += 1) {
      book.take(`c${index}`, user);
      book.release(`c${index}`, user);
    }
  }
  expect(book.forgotten).toHaveLength(5000 - 256);
  // what users start makes no difference to root's
  expect(book.take('c0')).toBe(first);
});

test('ContainerPlaces: past the last place containers share one, which is never free', () => {
  const book = new Book();
  for (let index = 0; index < mostPlaces; index += 1) book.take(`c${index}`);
  const late = book.take('late');
  const later = book.take('later');
  expect([late.place, later.place]).toEqual([mostPlaces, mostPlaces]);
  expect(later.token).not.toBe(late.token);
  book.release('late');
  book.release('c5');
  book.now = rememberedMs;
  expect(book.take('last').place).toBe(5);
  expect(book.take('next').place).toBe(mostPlaces);
});

test('ContainerPlaces: users leave places for root', () => {
  const book = new Book();
  for (let index = 0; index < mostPlaces; index += 1) book.take(`c${index}`, 1000 + (index % 20));
  expect(book.take('late', 1000).place).toBe(mostPlaces);
  expect(book.take('of root').place).toBeLessThan(mostPlaces);
  book.release('c0', 1000);
  book.now = rememberedMs;
  expect(book.take('next', 1001).place).toBe(0);
  expect(book.take('after', 1001).place).toBe(mostPlaces);
});
