// SPDX-License-Identifier: Apache-2.0
// The bindings for C and Rust are those of the contract.
import { readFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import { bindingSources } from '../../guest-sdk/generate-bindings.ts';

test('bindings: the checked-in files are what the generator makes', async () => {
  for (const { path, contents } of await bindingSources()) {
    expect(readFileSync(path, 'utf8')).toBe(contents);
  }
});
