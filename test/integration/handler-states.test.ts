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
