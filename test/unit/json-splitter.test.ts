// SPDX-License-Identifier: Apache-2.0
// Tests that JSON is taken apart wherever its pieces end, and what lies is found out.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { expect, test } from 'vitest';

import { JsonSplitter, tooLarge } from '../../host/kubernetes/json-splitter.ts';
import type { SplitterKind } from '../../host/kubernetes/json-splitter.ts';
import { failureOf } from '../support/agent-failure.ts';
import { until } from '../support/polling.ts';

const limits = { itemBytes: 100, maxItemBytes: 400, frameBytes: 200, listBytes: 500 };
const mebibyte = 1024 * 1024;

function split(kind: SplitterKind, text: string, size: number): readonly unknown[] {
  const splitter = new JsonSplitter(kind, limits);
  const bytes = Buffer.from(text);
  const items: unknown[] = [];
  for (let at = 0; at < bytes.length; at += size) {
    items.push(...splitter.push(bytes.subarray(at, at + size)));
  }
  return [...items, splitter.end()];
}

const odd = { a: '}{][\\"é', b: [{ c: [] }], d: {} };
const list = { kind: 'PodList', metadata: { x: { y: [{}] } }, items: [odd, {}, odd], last: 'é' };

test.for([1, 2, 3, 7, 1000])(
  'json splitter: items of a list come one by one, by %d bytes',
  (size) => {
    const frame = { ...list, items: [0, 0, 0] };
    expect(split('list', JSON.stringify(list), size)).toEqual([odd, {}, odd, frame]);
    const spaced = JSON.stringify(list, undefined, 1);
    expect(split('list', spaced, size)).toEqual([odd, {}, odd, frame]);
  },
);

test.for([1, 5, 1000])(
  'json splitter: objects of a sequence come one by one, by %d bytes',
  (size) => {
    const text = `${JSON.stringify(odd)}\n{}\r\n \n${JSON.stringify(odd)}\n`;
    expect(split('sequence', text, size)).toEqual([odd, {}, odd, undefined]);
  },
);

test.for<readonly [SplitterKind, string]>([
  ['sequence', '{"a":1}}'],
  ['sequence', 'nonsense'],
  ['sequence', '[{}]'],
  ['sequence', '{a:1}'],
  ['sequence', '{"a":'],
  ['sequence', `{"a":"${'x'.repeat(200)}`],
  ['sequence', `{"a":"${'x'.repeat(400)}"}`],
  ['list', '{"items":[{"a":1}'],
  ['list', '{"items":[{"a" 1}]}'],
  ['list', '{"items":[{}{}]}'],
  ['list', `{"items":[${'{},'.repeat(200)}`],
  ['list', `{"a":"${'x'.repeat(300)}"}`],
  ['list', `{"items":[${`{"a":"${'x'.repeat(50)}"},`.repeat(10)}{}]}`],
  ['list', ''],
])('G7: json splitter: a %s of %j is refused', ([kind, text]) => {
  expect(failureOf(() => split(kind, text, 50)).code).toBe('AGENT_KUBERNETES');
});

test.for([1, 7, 50, 1000])(
  'json splitter: what is too large is passed over, and the others come, by %d bytes',
  (size) => {
    const large = { a: '<"\\'.repeat(40), b: [odd] };
    const texts = [odd, large, odd].map((item) => JSON.stringify(item));
    expect(split('sequence', texts.join('\n'), size)).toEqual([odd, tooLarge, odd, undefined]);
    const whole = `{"items":[${texts.join(',')}]}`;
    expect(split('list', whole, size)).toEqual([odd, tooLarge, odd, { items: [0, 0, 0] }]);
  },
);

/** Outside of the heap, where the bytes of buffers are. */
function bytesInBuffers(): number {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  if (typeof collect !== 'function') throw new Error('garbage cannot be collected');
  collect();
  return process.memoryUsage().arrayBuffers;
}

test('G7: json splitter: split items are released', async () => {
  const splitter = new JsonSplitter('list', {
    itemBytes: mebibyte,
    maxItemBytes: mebibyte,
    frameBytes: mebibyte,
    listBytes: 1024 * mebibyte,
  });
  const text = 'x'.repeat(mebibyte - 100);
  let count = 0;
  const push = (piece: string): void => {
    // one of its own for each piece, as sockets have them
    const bytes = Buffer.alloc(piece.length, piece);
    for (const _item of splitter.push(bytes)) count += 1;
  };
  push('{"items":[{}');
  const before = bytesInBuffers();
  for (let index = 0; index < 64; index += 1) push(`,{"a":"${text}"}`);
  // another thread frees what was collected, once it has a processor
  await until('them to be released', () => bytesInBuffers() - before < 16 * mebibyte || undefined);
  push(']}');
  expect(count).toBe(65);
  expect(splitter.end()).toEqual({ items: Array.from({ length: 65 }, () => 0) });
});
