// SPDX-License-Identifier: Apache-2.0
// Listeners may have hundreds of handlers each: what is asked again and again does not go through them.
import { expect, test } from 'vitest';

import { AskedCaller } from '../support/asked-caller.ts';
import { BundleFolder } from '../support/bundle-folder.ts';
import { startInProcess } from '../support/in-process-agent.ts';
import { until } from '../support/polling.ts';

test('A6: agent: a component of many handlers of many listeners is looked at once', async () => {
  using bundles = new BundleFolder();
  bundles.write('many', {
    component: 'counting',
    handlers: 32,
    syscalls: ['getpgid'],
    grants: ['state'],
  });
  await using served = await startInProcess({ kind: 'bundle', folder: bundles.at('many') });
  const { agent, socket } = served;
  await using callers = new AsyncDisposableStack();
  const three = Array.from({ length: 3 }, () => callers.use(new AskedCaller({ socket, id: 'c1' })));
  await Promise.all(three.map(async (caller) => caller.ask('getpgid 0')));
  const ids = agent.components.all().map(({ id }) => id);
  // of containers, and of workers
  expect(ids).toHaveLength(2);
  expect(new Set(ids).size).toBe(1);

  await callers.disposeAsync();
  await until('workers alone to have it', () => agent.components.all().length === 1 || undefined);
});
