// SPDX-License-Identifier: Apache-2.0
// The commands of the agent on arm64: the demonstration, and what the kernel there is found to have.
import { join } from 'node:path';

import { beforeAll, describe, expect, test } from 'vitest';

import type { Check } from '../../../host/doctor/check.ts';
import { projectRoot, runCommand, seccompagent } from '../../support/command.ts';
import type { CommandResult } from '../../support/command.ts';

test('arm64: the processor is one of arm64', () => {
  expect(process.arch).toBe('arm64');
});

describe('arm64: seccompagent run', () => {
  let result: CommandResult;

  beforeAll(async () => {
    const script = join(projectRoot, 'deploy/examples/demo-basic.sh');
    result = await runCommand([seccompagent, 'run', '-resolver=demo-basic', '--', 'sh', script]);
  });

  test('arm64: run: the demonstration ends well', () => {
    expect({ code: result.code, stderr: result.stderr }).toEqual({ code: 0, stderr: '' });
  });

  test('arm64: run: mkdirat, the only mkdir there is, gets another path', () => {
    expect(result.stdout).toMatch(
      /# mkdir abc\n.*# ls -d abc-pid-(?<pid>\d+)\n {2}abc-pid-\k<pid>\n/u,
    );
  });

  test('arm64: run: chmod fails with EBADMSG', () => {
    expect(result.stdout).toMatch(/# chmod 777 \.\n {2}chmod: .*: Bad message\n/u);
  });

  test('arm64: run: mount without CAP_SYS_ADMIN is refused for a tmpfs and done for proc', () => {
    expect(result.stdout).toMatch(
      /# mount -t tmpfs none abc-pid-\d+\n {2}mount: .*permission denied/u,
    );
    expect(result.stdout).toMatch(/# ls (?<dir>abc-pid-\d+)\/self\/cmdline\n {2}\k<dir>\/self/u);
  });
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
