// SPDX-License-Identifier: Apache-2.0
// The floors of host/ and native/: what is below knows nothing of what is above. Types count.
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');

/** Every import, export and dynamic import of TypeScript; those of packages do not begin with a dot. */
const imports = /(?:^(?:import|export|\})[^'\n]*from|^import|import\()\s*'(\.[^']+)'/gmu;
const includes = /^#include "([^"]+)"/gmu;

/** As CONTRIBUTING.md lists them, from the ground up: folders, or files that stand beside these. */
function floorsOf(top: string): readonly string[] {
  const text = readFileSync(join(root, 'CONTRIBUTING.md'), 'utf8');
  const line = new RegExp(`^- \`${top}/\`: (.+)$`, 'mu').exec(text)?.[1] ?? '';
  return [...line.matchAll(/`([^`]+)`/gu)].map(([, name = '']) => name);
}

/** The floor's place, by a path below `top`. */
function floorOf(floors: readonly string[], path: string): number {
  const [first = '', ...rest] = path.split('/');
  return floors.indexOf(rest.length > 0 ? first : (first.split('.')[0] ?? ''));
}

function filesBelow(top: string, endings: RegExp): readonly string[] {
  return readdirSync(join(root, top), { recursive: true, encoding: 'utf8' }).filter((path) =>
    endings.test(path),
  );
}

interface Arrow {
  readonly from: string;
  readonly to: string;
}

/** AssemblyScript names files without their ending. */
function withEnding(path: string): string {
  return /\.\w+$/u.test(path) ? path : `${path}.ts`;
}

function arrowsOfTypeScript(top: string): readonly Arrow[] {
  return filesBelow(top, /(?<!\.d)\.ts$/u).flatMap((from) =>
    [...readFileSync(join(root, top, from), 'utf8').matchAll(imports)]
      .map(([, to = '']) => ({ from, to: withEnding(normalize(join(dirname(from), to))) }))
      // the compilers of handlers, which commands run
      .filter(({ to }) => !to.startsWith('..')),
  );
}

const arrowsOfHost = (): readonly Arrow[] => arrowsOfTypeScript('host');

function arrowsOfNative(): readonly Arrow[] {
  return filesBelow('native', /\.(?:cc|h)$/u).flatMap((from) =>
    [...readFileSync(join(root, 'native', from), 'utf8').matchAll(includes)].map(([, to = '']) => ({
      from,
      to,
    })),
  );
}

test.for([
  ['host', arrowsOfHost],
  ['native', arrowsOfNative],
] as const)('layers: in %s nothing below knows what is above', ([top, arrowsOf]) => {
  const floors = floorsOf(top);
  const arrows = arrowsOf();
  const place = (path: string): number => floorOf(floors, path);
  const files = new Set(arrows.flatMap(({ from, to }) => [from, to]));

  expect([...files].filter((path) => place(path) < 0)).toEqual([]);
  expect(
    arrows
      .filter(({ from, to }) => place(to) > place(from))
      .map(({ from, to }) => `${from} -> ${to}`),
  ).toEqual([]);
  expect(arrows.length).toBeGreaterThan(100);
});

/** Files that import one another, by however many others. */
function inCircles(arrows: readonly Arrow[]): readonly string[] {
  let left = arrows;
  for (;;) {
    const importing = new Set(left.map(({ from }) => from));
    const imported = new Set(left.map(({ to }) => to));
    const next = left.filter(({ from, to }) => importing.has(to) && imported.has(from));
    if (next.length === left.length) return [...importing];
    left = next;
  }
}

test.for([
  ['host', arrowsOfHost],
  ['native', arrowsOfNative],
  ['guest-sdk', () => arrowsOfTypeScript('guest-sdk')],
] as const)('layers: no files of %s import one another', ([, arrowsOf]) => {
  expect(inCircles(arrowsOf())).toEqual([]);
  expect(inCircles([...arrowsOf(), { from: 'a', to: 'b' }, { from: 'b', to: 'a' }])).toEqual([
    'a',
    'b',
  ]);
});

/** The files of the agent's own process: its sources, and what these include. */
function filesOfAddon(): ReadonlySet<string> {
  const words = ['native/build.mjs', '--sources=addon'];
  const sources = execFileSync(process.execPath, words, { cwd: root, encoding: 'utf8' });
  const files = new Set<string>();
  const take = (file: string): void => {
    if (files.has(file)) return;
    files.add(file);
    const text = readFileSync(join(root, file), 'utf8');
    for (const [, to = ''] of text.matchAll(includes)) take(`native/${to}`);
  };
  for (const source of sources.trim().split(/\s+/u)) take(source);
  return files;
}

test('A5: layers: the agent itself asks no file system of a container how it is', () => {
  // STATFS waits for a server that never answers, and so would a worker; helpers can be killed
  const asking = [...filesOfAddon()].filter((file) =>
    /\bf?statv?fs(?:64)?\s*\(/u.test(readFileSync(join(root, file), 'utf8')),
  );
  // of a pidfd, whose file system is the kernel's own
  expect(asking).toEqual(['native/caller/process_identity.cc']);
});
