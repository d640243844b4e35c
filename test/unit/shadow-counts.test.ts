// SPDX-License-Identifier: Apache-2.0
// Tests the counts of shadows, of which there are no more than may be.
import { expect, test } from 'vitest';

import { ShadowCounts } from '../../host/recording/shadow-counts.ts';

test('shadow counts: calls are counted by bundle and system call', () => {
  const counts = new ShadowCounts();
  counts.add('a', 'mkdir', false);
  counts.add('a', 'mkdir', true);
  counts.add('b', 'mkdir', true);
  expect(counts.values()).toEqual([
    { bundle: 'a', syscall: 'mkdir', calls: 2, different: 1 },
    { bundle: 'b', syscall: 'mkdir', calls: 1, different: 1 },
  ]);
  counts.forget('a');
  expect(counts.values().map(({ bundle }) => bundle)).toEqual(['b']);
});

test('A3: shadow counts: containers that all name others have no more counts than may be', () => {
  const counts = new ShadowCounts();
  for (let index = 0; index < 5000; index += 1) counts.add(`b${index}`, 'mkdir', index % 2 === 0);
  expect(counts.values()).toHaveLength(1001);
  expect(counts.values().at(-1)).toEqual({
    bundle: 'other',
    syscall: 'other',
    calls: 4000,
    different: 2000,
  });
});
