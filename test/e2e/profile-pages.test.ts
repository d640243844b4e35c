// SPDX-License-Identifier: Apache-2.0
// What deploy/docs/profiles.md and deploy/docs/doctor.md show is what happens, and they list all that there is.
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { kernelChecks } from '../../host/doctor/kernel.ts';
import { findingCodes } from '../../host/profile/finding.ts';
import { projectRoot, runCommand, seccompagent } from '../support/command.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

function page(name: string): string {
  return readFileSync(join(projectRoot, 'deploy/docs', name), 'utf8');
}

/** The commands of a page, in their order. */
function commandsOf(text: string): readonly string[] {
  return [...text.matchAll(/```sh\n(?<code>.*?)```/gsu)]
    .flatMap((match) => (match.groups?.['code'] ?? '').trim().split('\n'))
    .map((line) => line.replace(/^seccompagent/u, seccompagent));
}

/** What stands in the first column of its tables. */
function listed(text: string): readonly string[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .flatMap((line) => [...(line.split('|')[1] ?? '').matchAll(/`(?<name>[^`]+)`/gu)])
    .map((match) => match.groups?.['name'] ?? '');
}

test.for(['profiles.md', 'doctor.md'])(
  'docs: the commands of %s work, in their order',
  async (name) => {
    using folder = new TemporaryFolder();
    const commands = commandsOf(page(name));
    expect(commands.length).toBeGreaterThan(0);
    for (const command of commands) {
      const { code, stderr } = await runCommand(['sh', '-c', command], { cwd: folder.path });
      expect({
        command,
        code,
        stderr: stderr.replaceAll(
          /^seccompagent: note: .*(?:all other calls|fail with ENOSYS|on open files|cannot guard).*\n/gmu,
          '',
        ),
      }).toEqual({ command, code: 0, stderr: '' });
    }
  },
);

test('profile: what somebody else has put there is not written', async () => {
  using folder = new TemporaryFolder();
  writeFileSync(folder.at('victim'), 'precious');
  symlinkSync(folder.at('victim'), folder.at('link'));
  const { code, stderr } = await runCommand(
    [seccompagent, 'profile', 'generate', 'mkdir-suffix', '-o', 'link'],
    { cwd: folder.path },
  );
  expect(code).toBe(1);
  expect(stderr).toContain('link: cannot be written');
  expect(readFileSync(folder.at('victim'), 'utf8')).toBe('precious');
});

test('docs: profiles.md lists all findings', () => {
  const rows = Object.entries(findingCodes).map(([code, what]) => `| \`${code}\` ${what}`);
  const text = page('profiles.md').replaceAll(/` +\| /gu, '` ');
  for (const row of rows) expect(text).toContain(row);
  expect(listed(page('profiles.md'))).toHaveLength(rows.length);
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
  expect(listed(page('doctor.md'))).toEqual(expect.arrayContaining([...new Set(names)]));
});
