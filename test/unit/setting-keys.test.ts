// SPDX-License-Identifier: Apache-2.0
// Tests that what a handler says of its settings names the keys that people have written.
import { expect, test } from 'vitest';

import { withKeys } from '../../host/registry/setting-keys.ts';
import { naming } from '../support/failures.ts';

const keys = [
  ['duration', 'EXEC_DURATION'],
  ['pattern', 'EXEC_PATTERN'],
] as const;

test.for([
  ['the setting "duration" is too long', 'the setting "EXEC_DURATION" is too long'],
  ['neither "pattern" nor "duration"', 'neither "EXEC_PATTERN" nor "EXEC_DURATION"'],
  ['"other" is wrong: "pattern"', '"other" is wrong: "EXEC_PATTERN"'],
  ['too long', naming('too long', 'EXEC_DURATION', 'EXEC_PATTERN')],
  ['a duration', naming('a duration', 'EXEC_DURATION', 'EXEC_PATTERN')],
] as const)('G3: setting keys: %s', ([text, named]) => {
  expect(withKeys(text, keys)).toEqual(named);
  expect(withKeys(text, [])).toBe(text);
});
