// SPDX-License-Identifier: Apache-2.0
// Tests the JSON Schema of bundle.json against the reader, and against all bundles that there are.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, test } from 'vitest';

import { packageRoot } from '../../host/package-root.ts';
import { bundleSchema } from '../../host/bundles/bundle-schema.ts';
import {
  mistakesBeyondSchema,
  mistakesOfSchema,
  wholeManifest,
} from '../support/manifest-samples.ts';

const file = join(packageRoot(), 'deploy/schema/bundle.schema.json');
const schema: unknown = JSON.parse(readFileSync(file, 'utf8'));

function isValid(text: string): boolean {
  const json: unknown = JSON.parse(text);
  if (typeof schema !== 'object' || schema === null) throw new Error(`${file} is no schema`);
  return new Ajv2020({ strict: true, strictTypes: false, strictRequired: false }).validate(
    schema,
    json,
  );
}

/** The paths of all bundle.json in a folder of bundles. */
function bundlesIn(folder: string): readonly string[] {
  const path = join(packageRoot(), folder);
  return readdirSync(path)
    .map((name) => join(path, name, 'bundle.json'))
    .filter((candidate) => existsSync(candidate));
}

test('bundle schema: the shipped file is what npm run generate makes', () => {
  expect(schema).toEqual(bundleSchema());
});

test.each(['handlers-wasm', 'dist/handlers-wasm', 'test/fixtures/handlers'])(
  'bundle schema: all bundles of %s are valid',
  (folder) => {
    const bundles = bundlesIn(folder);
    expect(bundles.length).toBeGreaterThan(5);
    expect(bundles.filter((path) => !isValid(readFileSync(path, 'utf8')))).toEqual([]);
  },
);

test('bundle schema: a whole manifest is valid', () => {
  expect(isValid(JSON.stringify(wholeManifest.bundle))).toBe(true);
});

test.for(mistakesOfSchema)('bundle schema: %s is invalid', ([, text]) => {
  expect(isValid(text)).toBe(false);
});

// what only the reader refuses is written down, so that nothing gets lost on the way to the schema
test.for(mistakesBeyondSchema.filter(([name]) => name !== 'no JSON'))(
  'bundle schema: %s is beyond it',
  ([, text]) => {
    expect(isValid(text)).toBe(true);
  },
);
