// SPDX-License-Identifier: Apache-2.0
// Programs that are run to their end, with the addon and without it.
import { afterEach, describe, expect, test, vi } from 'vitest';

import { AgentError } from '../../host/errors.ts';
import { isProgramRunning, runProgram, runProgramSync } from '../../host/program.ts';
import type { Program, ProgramEnd } from '../../host/program.ts';
import { patient } from '../support/patience.ts';

const environment = { PATH: '/nonexistent:/usr/bin:/bin', WORD: 'spoken' };

function shell(script: string): Program {
  return { command: ['sh', '-c', script], environment, limitMs: patient(20_000) };
}

const addon = vi.hoisted(() => ({ isThere: true }));
vi.mock(import('../../host/native.ts'), async (original) => {
  const { loadNative, ...others } = await original();
  return {
    ...others,
    loadNative: () => {
      if (addon.isThere) return loadNative();
      throw new AgentError('AGENT_ADDON_MISSING', 'as where it is not built');
    },
  };
});

afterEach(() => {
  addon.isThere = true;
});

describe.for(['with the addon', 'without it'])('program: %s', (how) => {
  const leaveAddon = (): void => {
    addon.isThere = how === 'with the addon';
  };

  test('it reads, prints and ends', async () => {
    leaveAddon();
    const program = {
      ...shell('cat; echo " $WORD"; pwd; echo loud >&2; exit 7'),
      folder: '/usr',
      input: Buffer.from('asked'),
    };
    const end = {
      code: 7,
      signal: undefined,
      hasSaidTooMuch: false,
      why: '',
      processorMs: expect.any(Number),
      stdout: 'asked spoken\n/usr\n',
      stderr: 'loud\n',
    };
    expect(runProgramSync(program)).toEqual(end);
    expect(await runProgram(program)).toEqual(end);
    expect(isProgramRunning()).toBe(false);
  });

  test.for<readonly [Partial<Program>, RegExp, Partial<ProgramEnd>?]>([
    [{ command: ['none-such'] }, /PATH/u],
    [{ command: ['/none/such'] }, /^(?!.*(?:PATH|\bE[A-Z]+\b))./u],
    [{ command: ['sh'], folder: '/none/such' }, /\bENOENT\b/u],
    [{ command: ['/etc/passwd'] }, /\bEACCES\b/u],
    [{ command: ['sh', '-c', 'kill -KILL $$'] }, /\bSIGKILL\b/u, { signal: 'SIGKILL' }],
    [{ command: ['sleep', '1000'], limitMs: 300 }, /\b0\.3 s\b/u],
    [{ command: ['cat', '/dev/zero'], maxOutputBytes: 100_000 }, /./u, { hasSaidTooMuch: true }],
  ])('what goes wrong is told: %o', async ([change, why, more]) => {
    leaveAddon();
    const program = { ...shell(''), ...change };
    const end = {
      code: undefined,
      signal: undefined,
      hasSaidTooMuch: false,
      ...more,
      why: expect.stringMatching(why),
    };
    expect(runProgramSync(program)).toMatchObject(end);
    expect(await runProgram(program)).toMatchObject(end);
  });
});

test('program: a path that the kernel would cut is refused', async () => {
  const invalid = expect.objectContaining({ code: 'EINVAL' });
  expect(() => runProgramSync(shell('true\0false'))).toThrow(invalid);
  await expect(runProgram({ ...shell('true'), environment: { WORD: 'a\0b' } })).rejects.toThrow(
    invalid,
  );
});

test('program: many run at the same time', async () => {
  const started = performance.now();
  const all = Array.from({ length: 12 }, async () => runProgram(shell('sleep 1')));
  expect(isProgramRunning()).toBe(true);
  expect((await Promise.all(all)).map(({ code }) => code)).toEqual(all.map(() => 0));
  expect(performance.now() - started).toBeLessThan(patient(2900));
});
