// SPDX-License-Identifier: Apache-2.0
// No source file has more than 400 lines, no class more than 250. Generated files and tests are aside.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');
const folders = ['host', 'native', 'guest-sdk'];
const maxFileLines = 400;
const maxClassLines = 250;

interface Source {
  readonly path: string;
  readonly lines: readonly string[];
}

function isGenerated({ lines }: Source): boolean {
  return lines.slice(0, 5).some((line) => line.includes('npm run generate'));
}

function sources(): readonly Source[] {
  return folders
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((path) =>
        join(folder, path),
      ),
    )
    .filter((path) => /\.(?:ts|mjs|cc|h|c|rs)$/u.test(path) && !path.includes('node_modules/'))
    .map((path) => {
      const lines = readFileSync(join(root, path), 'utf8').trimEnd().split('\n');
      return { path, lines };
    })
    .filter((source) => !isGenerated(source));
}

/** Files with more lines than that, with their numbers of lines. */
function longFiles(all: readonly Source[]): readonly string[] {
  return all
    .filter(({ lines }) => lines.length > maxFileLines)
    .map(({ path, lines }) => `${path}: ${lines.length} lines`);
}

/** Formatted code: a class ends at the next closing brace with its indentation. */
function longClasses(all: readonly Source[]): readonly string[] {
  return all
    .filter(({ path }) => path.endsWith('.ts'))
    .flatMap(({ path, lines }) =>
      lines.flatMap((line, start) => {
        const found = /^(?<indent>\s*)(?:[\w=]+ )*class (?<name>\w+).*\{$/u.exec(line)?.groups;
        if (found === undefined) return [];
        const { indent = '', name = '' } = found;
        const length = lines.indexOf(`${indent}}`, start) - start + 1;
        return length > maxClassLines ? [`${path}: class ${name}: ${length} lines`] : [];
      }),
    );
}

test('sizes: no source file has more than 400 lines', () => {
  const all = sources();
  expect(all.length).toBeGreaterThan(400);
  expect(longFiles(all)).toEqual([]);
});

test('sizes: no class has more than 250 lines', () => {
  expect(longClasses(sources())).toEqual([]);
});

test('sizes: a longer file and a longer class are named', () => {
  const body = Array.from({ length: maxFileLines }, () => '  x = 1;');
  const long = { path: 'a.ts', lines: ['export class Long {', ...body, '}'] };
  expect(longFiles([long])).toEqual(['a.ts: 402 lines']);
  expect(longClasses([long])).toEqual(['a.ts: class Long: 402 lines']);
});
