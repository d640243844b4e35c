// SPDX-License-Identifier: Apache-2.0
// Tests in C++ on arm64, each case in a process of its own, under the sanitizers.
import { expect, test } from 'vitest';

import { nativeCases, runNativeCase } from '../../support/native-programs.ts';
import { nativeTests } from '../tests.ts';

const cases = await nativeCases(nativeTests);

test.for(cases.map((each) => [each.title, each] as const))('arm64: %s', async ([, nativeCase]) => {
  expect(await runNativeCase(nativeCase)).toBe('');
});
