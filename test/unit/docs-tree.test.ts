// SPDX-License-Identifier: Apache-2.0
// The pages of deploy/docs: each is in the index, and says first for whom it is; pictures are drawn.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { expect, test } from 'vitest';

import { agentUsage, runUsage } from '../../host/commands/options.ts';
import { tools } from '../../host/commands/tool.ts';
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

test.for([
  ['README.md', 1000],
  ['CONTRIBUTING.md', 1200],
] as const)('docs: %s has at most %i words', ([path, limit]) => {
  const words = new Page(path).text.split(/\s+/u).filter((word) => word !== '');
  expect(words.length).toBeLessThanOrEqual(limit);
});

test('docs: README.md has at most 120 lines, and the picture', () => {
  const readme = new Page('README.md');
  expect(readme.text.split('\n').length).toBeLessThanOrEqual(121);
  expect(readme.links.map(({ path }) => path)).toContain('deploy/docs/call.svg');
});

/** The commands of seccompagent that pages show in blocks, without the command behind `--`. */
function shownCommands(): readonly (readonly string[])[] {
  return pagePaths()
    .map((path) => new Page(path))
    .flatMap((page) => [...page.blocks('sh'), ...page.blocks('console')])
    .flatMap((block) => block.replaceAll('\\\n', ' ').split('\n'))
    .flatMap((line) => /^(?:[$#] )?(?:sudo )?seccompagent ([^#&;|]+)/u.exec(line)?.[1] ?? [])
    .map((words) => (words.split(' -- ')[0] ?? '').trim().split(' '));
}

test('docs: every command that a page shows exists, with its options', async () => {
  const loaded = await Promise.all(
    tools.map(async ({ name, load }) => [name, (await load()).usage] as const),
  );
  const usages = new Map([...loaded, ['run', runUsage]]);
  const commands = shownCommands();
  expect(commands.length).toBeGreaterThan(30);
  for (const words of commands) {
    const [first = ''] = words;
    const usage = first.startsWith('-') ? agentUsage : usages.get(first);
    const options = words.flatMap((word) => /^-[a-z][a-z-]*/u.exec(word) ?? []);
    const unknown = options.filter(
      (option) => !new RegExp(`[ (|]${option}\\b`, 'u').test(usage ?? ''),
    );
    expect({ words, isKnown: usage !== undefined, unknown }).toEqual({
      words,
      isKnown: true,
      unknown: [],
    });
  }
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
