// SPDX-License-Identifier: Apache-2.0
// Tests who shares what handlers remember, and until when.
import { expect, test } from 'vitest';

import { loadNative } from '../../host/native.ts';
import { StateBook, mostStateBytes } from '../../host/notification/state-book.ts';

const native = loadNative();
const key = Uint8Array.of(107);
const room = new Uint8Array(mostStateBytes);

test('StateBook: handlers of one bundle share, others do not', () => {
  const book = new StateBook(native);
  const [a, b, c] = book.take('c1', ['one', 'two', 'one']);
  expect(a).toBe(c);
  expect(a).not.toBe(b);
  expect(book.take('c2', ['one'])[0]).not.toBe(a);
});

test('StateBook: a second listener of a container has what the first one has', () => {
  const book = new StateBook(native);
  const first = book.take('c1', ['one', 'one']);
  const [state] = first;
  if (state === undefined) throw new Error('no state');
  native.stateSet(state, key, Uint8Array.of(1, 2));
  const second = book.take('c1', ['one']);
  expect(second).toEqual([state]);
  book.release(first);
  expect(native.stateGet(state, key, room)).toBe(2);
  book.release(second);
  expect(() => native.stateGet(state, key, room)).toThrow('EBADF');
  const [anew] = book.take('c1', ['one']);
  if (anew === undefined) throw new Error('no state');
  expect(native.stateGet(anew, key, room)).toBe(-1);
});

test('StateBook: names do not run into each other', () => {
  const book = new StateBook(native);
  const handles = [
    book.take('a","b', ['c']),
    book.take('a', ['b","c']),
    book.take('a', [undefined]),
  ];
  expect(new Set(handles.flat()).size).toBe(3);
});
