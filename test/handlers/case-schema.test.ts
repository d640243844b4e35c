// SPDX-License-Identifier: Apache-2.0
// Tests the JSON Schema of handler.test.yaml against all cases that there are.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, test } from 'vitest';
import { parse } from 'yaml';

import { packageRoot } from '../../host/package-root.ts';
import { caseSchema } from '../../host/trial/case-schema.ts';
import { writeScaffold } from '../../guest-sdk/build/scaffold.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

const validate = new Ajv2020({ strict: true, strictTypes: false, strictRequired: false }).compile(
  caseSchema(),
);

function mistakesIn(text: string): readonly object[] {
  return validate(parse(text)) ? [] : (validate.errors ?? [{}]);
}

function filesIn(folder: string): readonly string[] {
  const path = join(packageRoot(), folder);
  return readdirSync(path)
    .map((name) => join(path, name, 'handler.test.yaml'))
    .filter((file) => existsSync(file));
}

test('case schema: the shipped file is what npm run generate makes', () => {
  const file = join(packageRoot(), 'deploy/schema/handler-test.schema.json');
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(caseSchema());
});

test.for([...filesIn('handlers-wasm'), ...filesIn('guest-sdk/examples')])(
  'case schema: %s is valid',
  (file) => {
    expect(mistakesIn(readFileSync(file, 'utf8'))).toEqual([]);
  },
);

test('case schema: the cases of a new bundle are valid, and its files name their schemas', async () => {
  using parent = new TemporaryFolder();
  const scaffold = { name: 'hello', parent: parent.path, language: 'c' };
  const folder = await writeScaffold({ ...scaffold, syscalls: ['mkdir', 'mount', 'getpid'] });
  const text = readFileSync(join(folder, 'handler.test.yaml'), 'utf8');
  expect(mistakesIn(text)).toEqual([]);
  const [, cases = ''] = /^# yaml-language-server: \$schema=(\S+)$/mu.exec(text) ?? [];
  const manifest: { readonly $schema: string } = JSON.parse(
    readFileSync(join(folder, 'bundle.json'), 'utf8'),
  );
  for (const [path, title] of [
    [cases, 'handler.test.yaml'],
    [manifest.$schema, 'bundle.json'],
  ] as const) {
    expect(JSON.parse(readFileSync(join(folder, path), 'utf8'))).toMatchObject({
      title: expect.stringContaining(title),
    });
  }
});

test.for([
  'cases: [{ nmae: a, call: mkdir, expect: { action: next } }]',
  'cases: [{ name: a, call: mkdri, expect: { action: next } }]',
  'cases: [{ name: a, call: mkdir, arguments: { paht: /a }, expect: { action: next } }]',
  'cases: [{ name: a, call: mkdir, expect: { action: nxet } }]',
  'cases: [{ name: a, call: mkdir, expect: {} }]',
  'cases: [{ name: a, call: mkdir, expect: { action: { fail: ENOTHING } } }]',
  'cases: [{ name: a, call: mkdir, answers: [fine], expect: { action: next } }]',
  'cases: [{ name: a, call: mkdir, expect: { calls: [filesystem.mkdri] } }]',
])('case schema: %s is invalid', (text) => {
  expect(mistakesIn(text)).not.toEqual([]);
});
