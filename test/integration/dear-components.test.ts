// SPDX-License-Identifier: Apache-2.0
// Components that are dear to compile are refused before they are compiled.
import { expect, test } from 'vitest';

import { AskedCaller } from '../support/asked-caller.ts';
import { dear, manyStates } from '../support/hostile-components.ts';
import { startHostileAgent } from '../support/hostile-agent-process.ts';
import { MemoryCgroup } from '../support/memory-cgroup.ts';

const mebibyte = 2 ** 20;

test('W1: dear components: code that is small and takes gigabytes to compile kills no agent', async () => {
  using cgroup = new MemoryCgroup(1024 * mebibyte);
  await using agent = await startHostileAgent({ log: 'warn', wrapper: cgroup.wrapper });
  agent.bundles.write('good', {
    component: 'errno',
    syscalls: ['getpgid'],
    settings: { errno: 'EBADMSG' },
  });
  const component = dear(manyStates(49_000, 6000));
  expect(component.length).toBeLessThan(26_000);
  agent.bundles.write('states', { component, syscalls: ['getpgid'] });

  await using caller = new AskedCaller({ socket: agent.socket, metadata: 'states' });
  expect((await caller.ask('getpgid 0')).answer).toBe('EPERM');
  await agent.untilLogged('bundles-unresolved', {
    code: 'AGENT_BUNDLE_INVALID',
    error: /(?=.*states)(?=.*\b49\d{3}\b)/u,
  });

  await using good = new AskedCaller({ socket: agent.socket, metadata: 'good' });
  expect((await good.ask('getpgid 0')).answer).toBe('EBADMSG');
  expect(cgroup.peakBytes).toBeLessThan(512 * mebibyte);
});
