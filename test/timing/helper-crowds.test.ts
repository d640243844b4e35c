// SPDX-License-Identifier: Apache-2.0
// More users than there may be helpers: they come and go, and nobody's call fails for it.
import { expect, test } from 'vitest';

import { runCommand } from '../support/command.ts';
import { compiled } from '../support/compile.ts';
import { untilChildless } from '../support/process-resources.ts';
import { testBundle } from '../support/test-bundles.ts';
import { startWatchedAgent } from '../support/watched-agent.ts';

const seconds = 6;

/** How often each answer came. */
async function answers(socket: string, ...threads: readonly string[]): Promise<string> {
  const command = [compiled('user-crowd'), socket, String(seconds), ...threads] as const;
  const { code, stdout, stderr } = await runCommand(command);
  if (code !== 0) throw new Error(`user-crowd: ${stderr}`);
  return stdout.trim();
}

test('A5: helpers: a container whose every call is of another user fails neither its own nor others’ calls', async () => {
  await using agent = await startWatchedAgent({
    bundle: testBundle('perform'),
    log: 'warn',
    mayWarn: true,
  });

  const [crowd, ...others] = await Promise.all([
    answers(agent.socket, '12'),
    ...Array.from({ length: 10 }, async () => answers(agent.socket)),
  ]);

  // many times as many as there may be helpers
  expect(crowd).toMatch(/^OK \d{3,}$/u);
  for (const other of others) expect(other).toMatch(/^OK \d+$/u);
  await untilChildless(agent.pid);
  expect(agent.log()).toEqual([]);
});
