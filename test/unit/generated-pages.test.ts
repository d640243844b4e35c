// SPDX-License-Identifier: Apache-2.0
// The pages that `npm run generate` prints are those of these commands and bundles, and all of them.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { beforeAll, expect, test } from 'vitest';

import { agentUsage, runUsage } from '../../host/commands/options.ts';
import { generatedPages } from '../../host/commands/pages/generated-pages.ts';
import { usageParts } from '../../host/commands/pages/usage-text.ts';
import { tools } from '../../host/commands/tool.ts';
import { projectRoot } from '../support/command.ts';
import { Page } from '../support/pages.ts';

let pages: ReadonlyMap<string, string>;
let usages: readonly string[];

beforeAll(async () => {
  pages = await generatedPages();
  const others = await Promise.all(tools.map(async ({ load }) => load()));
  usages = [agentUsage, runUsage, ...others.map(({ usage }) => usage)];
});

test.for([
  'deploy/docs/reference/cli.md',
  'deploy/docs/reference/bundles.md',
  'deploy/man/seccompagent.1',
])('%s is what npm run generate prints', (path) => {
  expect(readFileSync(join(projectRoot, path), 'utf8')).toBe(pages.get(path));
});

test('package.json names the manual page', () => {
  const manifest: unknown = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8'));
  expect(manifest).toMatchObject({ man: ['deploy/man/seccompagent.1'] });
});

test('cli.md and the manual page have every command, option and default', () => {
  const manual = (pages.get('deploy/man/seccompagent.1') ?? '')
    .replaceAll(String.raw`\-`, '-')
    .replaceAll('...', '…');
  const page = (pages.get('deploy/docs/reference/cli.md') ?? '').replaceAll(String.raw`\|`, '|');
  for (const usage of usages) {
    for (const word of usage.match(/(?:^|(?<=[ (]))-[a-z][\w-]*|\(default [^)\n]*\)/gmu) ?? []) {
      expect(manual).toContain(word);
      expect(page).toContain(word);
    }
  }
});

test('one thing has one name: settings are given by -metadata, output goes to -o', () => {
  const terms = usages.flatMap((usage) =>
    usageParts(usage).flatMap((part) => (part.kind === 'item' ? part.term.split(', ') : [])),
  );
  const named = (pattern: RegExp): readonly string[] =>
    [...new Set(terms)].filter((term) => pattern.test(term));
  expect(named(/KEY=VALUE|setting/u)).toEqual(['-metadata KEY=VALUE']);
  expect(named(/^-o(?:ut|ut-.*|utput)?\b/u)).toEqual(['-o PREFIX', '-o FILE']);
});

function words(text: string): readonly string[] {
  return text.split(/\s+/u).filter((word) => word !== '');
}

test('the parts of a usage text have all its words, in their order', () => {
  for (const usage of usages) {
    const parts = usageParts(usage).flatMap((part) => {
      switch (part.kind) {
        case 'item':
          return [part.term, part.term.startsWith('-help') ? '' : part.text, ...part.table];
        case 'heading':
          return [`${part.text}:`];
        case 'paragraph':
        case 'synopsis':
          return [part.text];
      }
    });
    expect(words(parts.join(' '))).toEqual(words(usage.replace(/^Usage: /u, '')));
  }
});

test('bundles.md has every built-in bundle with its README', () => {
  const page = new Page('deploy/docs/reference/bundles.md');
  const names = readdirSync(join(projectRoot, 'handlers-wasm'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
  const linked = page.links.map(({ path }) => path);
  for (const name of names) {
    expect(linked).toContain(`../../../handlers-wasm/${name}/README.md`);
  }
});
