// SPDX-License-Identifier: Apache-2.0
// The pages of deploy/docs: each is in the index, and says first for whom it is; pictures are drawn.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { expect, test } from 'vitest';

import { projectRoot, runCommand } from '../support/command.ts';
import { Page, pagePaths } from '../support/pages.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

const index = 'deploy/docs/README.md';
const pages = pagePaths().filter((path) => path.startsWith('deploy/docs/') && path !== index);

test('docs: the index names every page', () => {
  const named = new Page(index).links.map(({ path }) => join(dirname(index), path));
  expect(pages.filter((path) => !named.includes(path))).toEqual([]);
  expect(pages.length).toBeGreaterThan(20);
});

test.for(pages)('docs: %s begins with its readers', (path) => {
  expect(new Page(path).text).toMatch(/^# .+\n\nFor /u);
});

test('docs: CONTRIBUTING.md has at most 1,200 words', () => {
  const words = new Page('CONTRIBUTING.md').text.split(/\s+/u).filter((word) => word !== '');
  expect(words.length).toBeLessThanOrEqual(1200);
});

test.for(['call', 'trust'])(
  'docs: the picture %s is what is drawn from its source',
  async (name) => {
    using folder = new TemporaryFolder();
    const drawn = await runCommand([process.execPath, 'deploy/docs/draw.mjs', folder.path, name], {
      cwd: projectRoot,
    });
    expect(drawn.stderr).toBe('');
    const kept = readFileSync(join(projectRoot, `deploy/docs/${name}.svg`), 'utf8');
    expect(readFileSync(folder.at(`${name}.svg`), 'utf8')).toBe(kept);
  },
);
