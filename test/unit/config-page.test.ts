// SPDX-License-Identifier: Apache-2.0
// The page on the configuration has every key of the schemas and of metadata, and its examples are valid.
import { expect, test } from 'vitest';

import { bundleSchema } from '../../host/bundles/bundle-schema.ts';
import { grantLimits, operationsOf } from '../../host/bundles/grant-limits.ts';
import { reservedKeys, settingTypes } from '../../host/bundles/setting.ts';
import { parseConfig } from '../../host/config/config-text.ts';
import { configSchema } from '../../host/config/config-schema.ts';
import { Page, pagePaths } from '../support/pages.ts';

const page = new Page('deploy/docs/reference/config.md');

/** Names of properties, at any depth. */
function keysOf(schema: unknown): readonly string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  return Object.entries(schema).flatMap(([key, value]: readonly [string, unknown]) => [
    ...(key === 'properties' && typeof value === 'object' && value !== null
      ? Object.keys(value)
      : []),
    ...keysOf(value),
  ]);
}

test.for([
  ['config.yaml', configSchema(), ['Grants', 'config.yaml']],
  ['bundle.json', bundleSchema(), ['Grants', 'bundle.json']],
] as const)('config.md: every key of %s is in its section', ([, schema, headings]) => {
  const words = headings
    .flatMap((heading) => [...page.section(heading).matchAll(/`(?<code>[^`\n]+)`/gu)])
    .flatMap(({ groups }) => groups?.['code']?.match(/[\w$-]+/gu) ?? []);
  expect([...new Set(keysOf(schema))].filter((key) => !words.includes(key))).toEqual([]);
});

test('config.md: every grant is in the table with its limits', () => {
  const rows = page.section('Grants').split('\n');
  for (const [grant, limits] of grantLimits) {
    const row = rows.find((line) => line.startsWith(`| \`${grant}\` `)) ?? '';
    for (const limit of Object.keys(limits)) expect(row).toContain(`\`${limit}\``);
  }
  for (const [, grant = '', listed = ''] of page
    .section('Grants')
    .matchAll(/^\| `(\w+)` +\| `operations`: (.*?) *\|$/gmu)) {
    for (const [, operation = ''] of listed.matchAll(/`([^`]+)`/gu)) {
      expect(operationsOf(grant)).toContain(operation);
    }
  }
});

test('config.md: all types of settings, fields of templates and keys of metadata are listed', () => {
  const fields = ['Namespace', 'Pod', 'Container', 'ContainerID', 'Pid', 'Pid1', 'Init'];
  const names = fields.map((field) => `{{.${field}}}`);
  expect(page.listed).toEqual(expect.arrayContaining([...settingTypes, ...names, ...reservedKeys]));
});

/** Indented where they are in a list. */
function configurationsOf(path: string): readonly string[] {
  return new Page(path)
    .blocks('yaml')
    .map((block) => block.replaceAll(new RegExp(`^${/^ */u.exec(block)?.[0] ?? ''}`, 'gmu'), ''))
    .filter((block) => block.startsWith('bundles:'));
}

const shown = pagePaths().flatMap((path) =>
  configurationsOf(path).map((text) => [path, text] as const),
);

test('configurations: those of two pages at least are looked at', () => {
  const pages = shown.map(([path]) => path);
  expect(pages).toContain('deploy/docs/reference/config.md');
  expect(pages).toContain('deploy/docs/howto/troubleshoot.md');
});

test.for(shown)('configurations: that of %s is valid', ([path, text]) => {
  expect(parseConfig(text, path).config.bundles.size).toBeGreaterThan(0);
});
