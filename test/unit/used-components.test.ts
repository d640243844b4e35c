// SPDX-License-Identifier: Apache-2.0
// Tests that components are used as long as a listener has them.
import { expect, test } from 'vitest';

import { UsedComponents } from '../../host/containers/used-components.ts';
import { looping, trapping } from '../support/hostile-components.ts';
import { loadTrusted } from '../support/trusted-component.ts';

const [one, other] = [loadTrusted(trapping()), loadTrusted(looping())];

test('A6: used components: each is there once, and until the last listener has it no more', () => {
  const used = new UsedComponents();
  const [first, second] = [used.enter(), used.enter()];
  first.replace([one, other, one], 'a');
  second.replace([one], 'b');
  expect(used.all()).toEqual([one, other]);
  expect(used.of('a')).toEqual([one, other]);
  first.replace([one], 'a');
  expect(used.of('a')).toEqual([one]);
  first[Symbol.dispose]();
  expect(used.of('a')).toEqual([]);
  expect(used.of('b')).toEqual([one]);
  expect(used.all()).toEqual([one]);
  expect(used.ids()).toEqual(new Set([one.id]));
  second[Symbol.dispose]();
  expect(used.all()).toEqual([]);
});

test('A6: used components: what workers have left of ended containers is still its owner’s', () => {
  const used = new UsedComponents();
  const listener = used.enter();
  listener.replace([one, other], 'a');
  listener.replace([other], 'a');
  const held = new Set([one.id, other.id]);
  const { id, codeBytes } = one;
  expect(used.leftOf('a', held)).toEqual([{ id, codeBytes }]);
  expect(used.leftOf('b', held)).toEqual([]);
  expect(used.leftOf('a', new Set([other.id]))).toEqual([]);
  used.keepLeft(held);
  expect(used.leftOf('a', held)).toHaveLength(1);
  used.keepLeft(new Set());
  expect(used.leftOf('a', held)).toEqual([]);
});
