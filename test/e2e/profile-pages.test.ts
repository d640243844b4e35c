// SPDX-License-Identifier: Apache-2.0
// The commands of the pages on profiles and the doctor work, and the pages list all findings and checks.
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import { kernelChecks } from '../../host/doctor/kernel.ts';
import { findingCodes } from '../../host/profile/finding.ts';
import { runCommand, seccompagent } from '../support/command.ts';
import { failed } from '../support/failures.ts';
import { Page } from '../support/pages.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

/** Of what a profile lets pass or refuses, as the pages say; others would tell of a mistake. */
const expectedNotes =
  /^seccompagent: note: .*(?:ENOSYS|\b(?:fchmod|setxattr)\b.*\bchmod\b|pivot_root, .*\bCLONE_NEWNS\b).*\n/gmu;

const page = (name: string): Page => new Page(`deploy/docs/${name}`);

/** The commands of a page, in their order. */
function commandsOf(name: string): readonly string[] {
  return (
    page(name)
      .blocks('sh')
      .flatMap((block) => block.trim().split('\n'))
      // a container needs an agent: test/e2e/readme.test.ts
      .filter(
        (line) => /^seccompagent (?:doctor|profile)/u.test(line) && !line.includes('/tmp/own'),
      )
      .map((line) => line.replace(/^seccompagent/u, seccompagent))
  );
}

test.for(['howto/profiles.md', 'reference/doctor.md'])(
  'docs: the commands of %s work, in their order',
  async (name) => {
    using folder = new TemporaryFolder();
    const commands = commandsOf(name);
    expect(commands.length).toBeGreaterThan(0);
    for (const command of commands) {
      const { code, stderr } = await runCommand(['sh', '-c', command], { cwd: folder.path });
      const unexpected = stderr.replaceAll(expectedNotes, '');
      expect({ command, code, unexpected }).toEqual({ command, code: 0, unexpected: '' });
    }
  },
);

test('profile: a file of somebody else is not overwritten', async () => {
  using folder = new TemporaryFolder();
  writeFileSync(folder.at('victim'), 'precious');
  symlinkSync(folder.at('victim'), folder.at('link'));
  const result = await runCommand(
    [seccompagent, 'profile', 'generate', 'mkdir-suffix', '-o', 'link'],
    { cwd: folder.path },
  );
  expect(result).toEqual(failed('AGENT_PROFILE_INVALID', 'link', 'ELOOP'));
  expect(readFileSync(folder.at('victim'), 'utf8')).toBe('precious');
});

test('docs: reference/lint.md lists all findings', () => {
  const rows = Object.entries(findingCodes).map(([code, what]) => `| \`${code}\` ${what}`);
  const text = page('reference/lint.md').text.replaceAll(/` +\| /gu, '` ');
  for (const row of rows) expect(text).toContain(row);
  expect(page('reference/lint.md').listed).toHaveLength(rows.length);
});

test('docs: doctor.md lists all checks', async () => {
  const { stdout } = await runCommand([seccompagent, 'doctor', '-json']);
  const shown: readonly { readonly name: string }[] = JSON.parse(stdout);
  const works = { works: true, step: '', errno: 0, signal: 0 };
  // those that only runtimes' managers bring are no rows
  const managers = ['podman', 'docker', 'containerd', 'crio'];
  const names = [...shown, ...kernelChecks(() => works)]
    .map(({ name }) => name)
    .filter((name) => !managers.includes(name));
  expect(page('reference/doctor.md').listed).toEqual(expect.arrayContaining([...new Set(names)]));
});
