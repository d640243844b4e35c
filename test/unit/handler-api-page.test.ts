// SPDX-License-Identifier: Apache-2.0
// The page on the handler API lists every function of the contract, and its names are those of the SDK.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { capabilities } from '../../host/handler/capabilities/offered.ts';
import { projectRoot } from '../support/command.ts';
import { Page } from '../support/pages.ts';

const page = new Page('deploy/docs/reference/handler-api.md');

function sdk(path: string): string {
  return readFileSync(join(projectRoot, 'guest-sdk', path), 'utf8');
}

const functions = capabilities.flatMap(({ name, functions: own }) =>
  [...own.keys()].map((each) => [name, each] as const),
);

/** The rows of the table, each with the interface that it belongs to. */
function listed(): readonly string[] {
  let current = '';
  const names: string[] = [];
  for (const line of page.section('Capabilities').split('\n')) {
    const [, first = '', second = ''] = line.split('|');
    const [, name] = /^ \[`(\w+)`\]/u.exec(first) ?? [];
    if (name !== undefined) current = name;
    const [, operation] = /^ `([\w-]+)` +$/u.exec(second) ?? [];
    if (operation !== undefined && current !== '') names.push(`${current}.${operation}`);
  }
  return names;
}

function camel(name: string): string {
  return name.replaceAll(/-(\w)/gu, (_, letter: string) => letter.toUpperCase());
}

/** Where AssemblyScript has names of its own. */
const otherNames: ReadonlyMap<string, readonly string[]> = new Map([
  ['caller.get-process', ['caller.process']],
  ['caller.get-credentials', ['caller.credentials']],
  ['container.get-resources', ['container.resources']],
  ['log.log', ['log.debug', 'log.info', 'log.warn', 'log.error']],
  ['arguments.all', ['arguments.callArguments']],
]);

test('handler-api.md: every function of every interface is in the table', () => {
  expect(listed().toSorted()).toEqual(functions.map((each) => each.join('.')).toSorted());
});

test.for(functions)('handler-api.md: %s.%s has these names in all languages', ([name, each]) => {
  const snake = each.replaceAll('-', '_');
  expect(sdk('c/contract.h')).toMatch(new RegExp(`\\bsca_${name}_${snake}\\(`, 'u'));
  const module = sdk('rust/contract.rs').split(`pub mod ${name} {`)[1]?.split('\npub mod ')[0];
  expect(module).toContain(`pub fn ${snake}(`);
  expect(sdk('typescript/contract.d.ts')).toContain(`function ${camel(each)}(`);
  const own = otherNames.get(`${name}.${each}`);
  for (const word of own ?? [`${name}.${camel(each)}`]) {
    const [file = '', exported = ''] = word.split('.');
    expect(sdk(`assembly/${file}.ts`)).toContain(`export function ${exported}(`);
  }
});

test('handler-api.md: the names that AssemblyScript has for itself are there', () => {
  const own = [...otherNames.values()]
    .flat()
    .map((word) => word.replace(/^arguments\.(.*)/u, '$1()'));
  expect(page.words).toEqual(expect.arrayContaining(own));
});

test('handler-api.md: the names beside the table are in the SDK', () => {
  expect(sdk('c/seccompagent.h') + sdk('c/contract.h')).toContain('sca_result_action(');
  expect(sdk('typescript/index.ts')).toMatch(
    /export function done\b[^]*export function errnoOf\b|export function errnoOf\b[^]*export function done\b/u,
  );
  expect(sdk('assembly/result.ts')).toContain('toAction(');
  expect(sdk('c/contract.h')).toContain('SCA_EXPORT_MKDIR(');
});
