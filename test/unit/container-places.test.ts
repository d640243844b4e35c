// SPDX-License-Identifier: Apache-2.0
// Tests which listeners have a place in common, and when it is another container's.
import { expect, test } from 'vitest';

import { keyOf } from '../../host/container-key.ts';
import type { ContainerKey } from '../../host/container-key.ts';
import { ContainerPlaces, mostPlaces } from '../../host/notification/container-places.ts';

const named = (containerId: string, peerUid = 0): ContainerKey =>
  keyOf({ state: { containerId }, peerUid });

test('ContainerPlaces: all listeners of a container have its place, and nobody else', () => {
  const places = new ContainerPlaces();
  const place = places.take(named('c1'));
  expect(places.take(named('c1'))).toBe(place);
  expect(places.take(named('c2'))).not.toBe(place);
  expect(places.take(named('c1', 1000))).not.toBe(place);
});

test('ContainerPlaces: a place is free after the last listener', () => {
  const places = new ContainerPlaces();
  const place = places.take(named('c1'));
  places.take(named('c1'));
  expect(places.release(named('c1'))).toBe(false);
  expect(places.take(named('c2'))).not.toBe(place);
  expect(places.release(named('c1'))).toBe(true);
  expect(places.take(named('c3'))).toBe(place);
});

test('ContainerPlaces: past the last place containers share one, which is never free', () => {
  const places = new ContainerPlaces();
  for (let index = 0; index < mostPlaces; index += 1) places.take(named(`c${index}`));
  expect(places.take(named('late'))).toBe(mostPlaces);
  expect(places.release(named('late'))).toBe(true);
  expect(places.take(named('later'))).toBe(mostPlaces);
  places.release(named('c5'));
  expect(places.take(named('last'))).toBe(5);
});
