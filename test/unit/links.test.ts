// SPDX-License-Identifier: Apache-2.0
// Every link of the documentation leads to a file of the project, and to a heading of its page.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { expect, test } from 'vitest';

import { projectRoot } from '../support/command.ts';
import { Page, pagePaths } from '../support/pages.ts';

function faultOf(page: Page, { path, anchor }: Page['links'][number]): string | undefined {
  const target = path === '' ? page.path : join(dirname(page.path), path);
  if (!existsSync(join(projectRoot, target))) return `${target} is not there`;
  if (anchor === '' || !target.endsWith('.md')) return undefined;
  return new Page(target).anchors.has(anchor) ? undefined : `${target} has no #${anchor}`;
}

test.for(pagePaths())('links: those of %s lead somewhere', (path) => {
  const page = new Page(path);
  expect(page.links.flatMap((link) => faultOf(page, link) ?? [])).toEqual([]);
});
