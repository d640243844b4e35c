// SPDX-License-Identifier: Apache-2.0
// Tests what the agent takes for its memory: the machine's, without what is set aside.
import { expect, test } from 'vitest';

import { bytesSetAside } from '../../host/process/memory-limit.ts';

const gibibyte = 2 ** 30;

function meminfo(...lines: readonly string[]): string {
  return ['MemTotal:       16777216 kB', 'MemAvailable:   12582912 kB', ...lines, ''].join('\n');
}

test.for([
  ['without such pages', [], 0],
  [
    'of the usual size',
    ['HugePages_Total:    2048', 'Hugepagesize:       2048 kB', 'Hugetlb:         4194304 kB'],
    4 * gibibyte,
  ],
  [
    'of all sizes',
    ['HugePages_Total:       0', 'Hugepagesize:       2048 kB', 'Hugetlb:         8388608 kB'],
    8 * gibibyte,
  ],
  [
    'where their sum is not told',
    ['HugePages_Total:    1024', 'Hugepagesize:       2048 kB'],
    2 * gibibyte,
  ],
] as const)(
  'memory limit: huge pages that are set aside are not counted, %s',
  ([, lines, bytes]) => {
    expect(bytesSetAside(meminfo(...lines))).toBe(bytes);
  },
);
