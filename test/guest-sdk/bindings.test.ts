// SPDX-License-Identifier: Apache-2.0
// The bindings for C and Rust are those of the contract.
import { readFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import { readInterfaces } from '../../guest-sdk/build/wit-syntax.ts';
import { readContract } from '../../guest-sdk/build/wit.ts';
import { bindingSources } from '../../guest-sdk/generate-bindings.ts';

test('bindings: the checked-in files are what the generator makes', async () => {
  for (const { path, contents } of await bindingSources()) {
    expect(readFileSync(path, 'utf8')).toBe(contents);
  }
});

test('WIT: every interface, type and function is documented', async () => {
  const interfaces = readInterfaces((await readContract()).text);
  const items = interfaces.flatMap((each) => [each, ...each.declarations, ...each.functions]);
  expect(items.length).toBeGreaterThan(60);
  expect(items.filter(({ documentation }) => documentation.length === 0)).toEqual([]);
});
