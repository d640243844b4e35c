// SPDX-License-Identifier: Apache-2.0
// Tests who shares what handlers remember, and until when.
import { expect, test } from 'vitest';

import { keyOf } from '../../host/agent-socket/container-key.ts';
import type { ContainerKey } from '../../host/agent-socket/container-key.ts';
import { loadNative } from '../../host/native.ts';
import { HandlerStates, maxStateBytes } from '../../host/worker/handler-states.ts';

const native = loadNative();
const named = (containerId: string, peerUid = 0): ContainerKey =>
  keyOf({ state: { containerId }, peerUid });
const key = Uint8Array.of(107);
const room = new Uint8Array(maxStateBytes);

test('HandlerStates: handlers of one bundle share, others do not', () => {
  const states = new HandlerStates(native);
  const [a, b, c] = states.enter(named('c1'), ['one', 'two', 'one']).first;
  expect(a).toBe(c);
  expect(a).not.toBe(b);
  expect(states.enter(named('c2'), ['one']).first[0]).not.toBe(a);
});

test('HandlerStates: a second listener of a container has what the first one has', () => {
  const states = new HandlerStates(native);
  const one = states.enter(named('c1'), ['one', 'one']);
  const [state] = one.first;
  if (state === undefined) throw new Error('no state');
  native.stateSet(state, key, Uint8Array.of(1, 2));
  const other = states.enter(named('c1'), ['one']);
  expect(other.first).toEqual([state]);
  one[Symbol.dispose]();
  expect(native.stateGet(state, key, room)).toBe(2);
  other[Symbol.dispose]();
  expect(() => native.stateGet(state, key, room)).toThrow('EBADF');
  const [anew] = states.enter(named('c1'), ['one']).first;
  if (anew === undefined) throw new Error('no state');
  expect(native.stateGet(anew, key, room)).toBe(-1);
});

test('HandlerStates: names do not run into each other', () => {
  const states = new HandlerStates(native);
  const handles = [
    states.enter(named('a","b'), ['c']).first,
    states.enter(named('a'), ['b","c']).first,
    states.enter(named('a'), [undefined]).first,
  ];
  expect(new Set(handles.flat()).size).toBe(3);
});

test('HandlerStates: a container of a user by the id of root’s has nothing of it', () => {
  const states = new HandlerStates(native);
  const [roots] = states.enter(named('c1'), ['one']).first;
  const [theirs] = states.enter(named('c1', 1000), ['one']).first;
  expect(theirs).not.toBe(roots);
  expect(states.enter(named('c1', 1000), ['one']).first).toEqual([theirs]);
});

test('HandlerStates: the state of a bundle stays while handlers change, and ends with the listener', () => {
  const states = new HandlerStates(native);
  const listener = states.enter(named('c1'), ['one']);
  const [state] = listener.first;
  if (state === undefined) throw new Error('no state');
  expect(listener.change(['two', 'one'])[1]).toBe(state);
  expect(listener.change(['two'])).not.toContain(state);
  expect(listener.change(['one'])).toEqual([state]);
  listener[Symbol.dispose]();
  expect(() => native.stateGet(state, key, room)).toThrow('EBADF');
});

/** Fills all that a container may have, until there is no room: the states that are full. */
function fill(states: HandlerStates, container: ContainerKey): number {
  const bundles = Array.from({ length: 16 }, (_, place) => `bundle-${place}`);
  const { first } = states.enter(container, bundles);
  const value = new Uint8Array(maxStateBytes - key.length);
  return first.filter((state) => native.stateSet(state, key, value) === 0).length;
}

const gibibyte = 2 ** 30;

test('G1: HandlerStates: the containers of one user have so much together, and others theirs', () => {
  const states = new HandlerStates(native, gibibyte);
  const full = Array.from({ length: 100 }, (_, place) => fill(states, named(`c${place}`, 1000)));
  const sum = full.reduce((all, count) => all + count, 0);
  expect(sum * maxStateBytes).toBeLessThanOrEqual(16 * 2 ** 20);
  expect(sum).toBeGreaterThan(250);
  expect([fill(states, named('c1', 1001)), fill(states, named('c1'))]).toEqual([16, 16]);
});

test('G1: HandlerStates: all users, and all containers of root, have a part of the memory', () => {
  const memory = gibibyte / 8;
  const states = new HandlerStates(native, memory);
  const bytes = (container: (place: number) => ContainerKey): number => {
    const full = Array.from({ length: 100 }, (_, place) => fill(states, container(place)));
    return full.reduce((all, count) => all + count, 0) * maxStateBytes;
  };
  const ofUsers = bytes((place) => named('d', 2000 + place));
  const ofRoot = bytes((place) => named(`d${place}`));
  expect(ofUsers).toBeLessThanOrEqual(memory * (1 / 16 + 1 / 32));
  expect(ofUsers).toBeGreaterThan(0);
  expect(ofRoot).toBeLessThanOrEqual(memory * (1 / 8 + 1 / 32));
  expect(ofRoot).toBeGreaterThan(0);
  // whoever comes later, and has little, has it
  const [late] = states.enter(named('late', 3000), ['one']).first;
  expect(late === undefined ? -1 : native.stateSet(late, key, new Uint8Array(1000))).toBe(0);
});
