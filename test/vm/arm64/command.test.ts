// SPDX-License-Identifier: Apache-2.0
// The commands of the agent on arm64: the demonstration, and what the kernel there is found to have.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import type { Check } from '../../../host/doctor/check.ts';
import { projectRoot, runCommand, seccompagent } from '../../support/command.ts';
import { TemporaryFolder } from '../../support/temporary-folder.ts';

test('arm64: the processor is one of arm64', () => {
  expect(process.arch).toBe('arm64');
});

test('arm64: run: the demonstration shows what it should', async () => {
  const script = join(projectRoot, 'deploy/examples/demo-basic.sh');
  const run = [seccompagent, 'run', '-resolver=demo-basic', '--'] as const;
  const { code, stdout, stderr } = await runCommand([...run, 'sh', script]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  // mkdirat is the only mkdir there is
  expect(stdout).toMatch(/# mkdir abc\n.*# ls -d abc-pid-(?<pid>\d+)\n {2}abc-pid-\k<pid>\n/u);
  expect(stdout).toMatch(/# chmod 777 \.\n {2}chmod: .*: Bad message\n/u);
  expect(stdout).toMatch(/# mount -t tmpfs none abc-pid-\d+\n {2}mount: .*permission denied/u);
  expect(stdout).toMatch(/# ls (?<dir>abc-pid-\d+)\/self\/cmdline\n {2}\k<dir>\/self\/cmdline\n/u);
});

test('arm64: run: a handler in JavaScript answers, through jco and QuickJS', async () => {
  using folder = new TemporaryFolder();
  const command = [seccompagent, 'run', '-bundle=mkdir-suffix-ts', '--', 'mkdir', 'abc'] as const;
  const { code, stderr } = await runCommand(command, { cwd: folder.path });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(readdirSync(folder.path)).toEqual(['abc-suffix']);
});

test('arm64: doctor: the kernel has all that is needed, as far as its version can have it', async () => {
  const { code, stdout, stderr } = await runCommand([seccompagent, 'doctor', '-json']);
  if (stdout === '') throw new Error(`doctor says nothing: ${stderr}`);
  const checks: readonly Check[] = JSON.parse(stdout);
  expect(checks.filter(({ status }) => status === 'fail')).toEqual([]);
  const others = checks.filter(({ status }) => status !== 'ok');
  // pidns of proc is of Linux 6.18, flags of profiles are of runc 1.5, and there is no agent
  expect(others.map(({ name, status }) => `${status} ${name}`)).toEqual([
    'warn proc-pidns',
    'warn runc',
    'warn agent-socket',
    'warn agent',
  ]);
  expect(code).toBe(0);
});
