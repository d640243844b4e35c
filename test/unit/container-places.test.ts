// SPDX-License-Identifier: Apache-2.0
// Tests by what containers are known, for how long, and when another one has their place.
import { expect, test } from 'vitest';

import { keyOf } from '../../host/agent-socket/container-key.ts';
import { ContainerPlaces, maxPlaces } from '../../host/counting/container-places.ts';
import type { ContainerPlace } from '../../host/counting/container-places.ts';

const rememberedMs = 120_000;

class Places {
  readonly forgotten: ContainerPlace[] = [];
  now = 0;
  readonly #listeners: Map<string, Disposable[]> = new Map();
  readonly #places = new ContainerPlaces({
    onForgotten: (own) => this.forgotten.push(own),
    now: () => this.now,
  });

  take(containerId: string, user = 0): ContainerPlace {
    const key = keyOf({ state: { containerId }, peerUid: user });
    const listener = this.#places.enter(key, user);
    this.#listeners.set(key, [...(this.#listeners.get(key) ?? []), listener]);
    return listener.own;
  }

  release(containerId: string, user = 0): void {
    const key = keyOf({ state: { containerId }, peerUid: user });
    this.#listeners.get(key)?.pop()?.[Symbol.dispose]();
  }
}

test('ContainerPlaces: all listeners of a container are known by the same, and nobody else is', () => {
  const places = new Places();
  const own = places.take('c1');
  expect(places.take('c1')).toBe(own);
  for (const other of [places.take('c2'), places.take('c1', 1000)]) {
    expect(other.place).not.toBe(own.place);
    expect(other.token).not.toBe(own.token);
  }
});

test('ContainerPlaces: a container is remembered without a listener, and then its place is free', () => {
  const places = new Places();
  const own = places.take('c1');
  places.take('c1');
  places.release('c1');
  places.now = rememberedMs;
  expect(places.take('c2').place).not.toBe(own.place);
  places.release('c1');
  places.now += rememberedMs - 1;
  expect(places.take('c1')).toBe(own);
  places.release('c1');
  expect(places.forgotten).toEqual([]);
  places.now += rememberedMs;
  const next = places.take('c3');
  expect(places.forgotten).toEqual([own]);
  expect(next.place).toBe(own.place);
  expect(next.token).not.toBe(own.token);
  expect(places.take('c1').token).not.toBe(own.token);
});

test('ContainerPlaces: of containers that come and go only some are remembered', () => {
  const places = new Places();
  const first = places.take('c0');
  places.release('c0');
  for (const [user, count] of [
    [1000, 5000],
    [0, 1023],
  ] as const) {
    for (let index = 1; index <= count; index += 1) {
      places.take(`c${index}`, user);
      places.release(`c${index}`, user);
    }
  }
  expect(places.forgotten).toHaveLength(5000 - 256);
  // what users start makes no difference to root's
  expect(places.take('c0')).toBe(first);
});

test('ContainerPlaces: past the last place containers share one, which is never free', () => {
  const places = new Places();
  for (let index = 0; index < maxPlaces; index += 1) places.take(`c${index}`);
  const late = places.take('late');
  const later = places.take('later');
  expect([late.place, later.place]).toEqual([maxPlaces, maxPlaces]);
  expect(later.token).not.toBe(late.token);
  places.release('late');
  places.release('c5');
  places.now = rememberedMs;
  expect(places.take('last').place).toBe(5);
  expect(places.take('next').place).toBe(maxPlaces);
});

test('ContainerPlaces: users leave places for root', () => {
  const places = new Places();
  for (let index = 0; index < maxPlaces; index += 1) places.take(`c${index}`, 1000 + (index % 20));
  expect(places.take('late', 1000).place).toBe(maxPlaces);
  expect(places.take('of root').place).toBeLessThan(maxPlaces);
  places.release('c0', 1000);
  places.now = rememberedMs;
  expect(places.take('next', 1001).place).toBe(0);
  expect(places.take('after', 1001).place).toBe(maxPlaces);
});
