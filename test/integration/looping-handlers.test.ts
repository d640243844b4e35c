// SPDX-License-Identifier: Apache-2.0
// Handlers that never answer leave nothing behind in the agent.
import { expect, test } from 'vitest';

import { resourcesOf, untilRecovered } from '../support/agent-resources.ts';
import { AskedCaller } from '../support/asked-caller.ts';
import { looping } from '../support/hostile-components.ts';
import { startHostileAgent } from '../support/hostile-agent-process.ts';

test('G5, G10: looping handlers: those of many containers at once leave nothing behind', async () => {
  await using agent = await startHostileAgent({ log: 'warn' });
  agent.bundles.write('loops', {
    component: looping(),
    syscalls: ['getpgid'],
    deadline: '100ms',
  });
  const attack = async (): Promise<void> => {
    await using stack = new AsyncDisposableStack();
    const callers = Array.from({ length: 8 }, () =>
      stack.use(new AskedCaller({ socket: agent.socket, metadata: 'loops' })),
    );
    const asked = await Promise.all(callers.map(async (caller) => caller.ask('getpgid 1')));
    for (const { answer } of asked) expect(answer).toBe('EPERM');
  };
  // from here on no new kind of thing is made
  await attack();
  const before = resourcesOf(agent);

  for (let round = 0; round < 3; round += 1) await attack();

  await untilRecovered(agent, before);
});
