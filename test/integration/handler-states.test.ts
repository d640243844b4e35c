// SPDX-License-Identifier: Apache-2.0
// Tests who shares what handlers remember, and until when.
import { expect, test } from 'vitest';

import { keyOf } from '../../host/agent-socket/container-key.ts';
import type { ContainerKey } from '../../host/agent-socket/container-key.ts';
import { loadNative } from '../../host/native.ts';
import { HandlerStates, mostStateBytes } from '../../host/worker/handler-states.ts';

const native = loadNative();
const named = (containerId: string, peerUid = 0): ContainerKey =>
  keyOf({ state: { containerId }, peerUid });
const key = Uint8Array.of(107);
const room = new Uint8Array(mostStateBytes);

test('HandlerStates: handlers of one bundle share, others do not', () => {
  const states = new HandlerStates(native);
  const [a, b, c] = states.take(named('c1'), ['one', 'two', 'one']);
  expect(a).toBe(c);
  expect(a).not.toBe(b);
  expect(states.take(named('c2'), ['one'])[0]).not.toBe(a);
});

test('HandlerStates: a second listener of a container has what the first one has', () => {
  const states = new HandlerStates(native);
  const first = states.take(named('c1'), ['one', 'one']);
  const [state] = first;
  if (state === undefined) throw new Error('no state');
  native.stateSet(state, key, Uint8Array.of(1, 2));
  const second = states.take(named('c1'), ['one']);
  expect(second).toEqual([state]);
  states.release(first);
  expect(native.stateGet(state, key, room)).toBe(2);
  states.release(second);
  expect(() => native.stateGet(state, key, room)).toThrow('EBADF');
  const [anew] = states.take(named('c1'), ['one']);
  if (anew === undefined) throw new Error('no state');
  expect(native.stateGet(anew, key, room)).toBe(-1);
});

test('HandlerStates: names do not run into each other', () => {
  const states = new HandlerStates(native);
  const handles = [
    states.take(named('a","b'), ['c']),
    states.take(named('a'), ['b","c']),
    states.take(named('a'), [undefined]),
  ];
  expect(new Set(handles.flat()).size).toBe(3);
});

test('HandlerStates: a container of a user by the id of root’s has nothing of it', () => {
  const states = new HandlerStates(native);
  const [roots] = states.take(named('c1'), ['one']);
  const [theirs] = states.take(named('c1', 1000), ['one']);
  expect(theirs).not.toBe(roots);
  expect(states.take(named('c1', 1000), ['one'])).toEqual([theirs]);
});
