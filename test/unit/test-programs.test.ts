// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';

import { fault, programSources } from '../support/compile.ts';

// They are compiled when they are first asked for, which for some is an hour into all tests.
describe('test programs', () => {
  test.each(programSources())('%s compiles without a warning', (source) => {
    expect(fault(source)).toBe('');
  });
});
