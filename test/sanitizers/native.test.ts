// SPDX-License-Identifier: Apache-2.0
// Runs the tests in C++: each case is a process of its own, under the sanitizers.
import { expect, test } from 'vitest';

import { caseMs, nativeCases, runNativeCase } from '../support/native-programs.ts';

const cases = await nativeCases();

test.concurrent.for(cases.map((each) => [each.title, each] as const))(
  '%s',
  { timeout: caseMs },
  async ([, nativeCase]) => {
    expect(await runNativeCase(nativeCase)).toBe('');
  },
);
