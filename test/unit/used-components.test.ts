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
