// SPDX-License-Identifier: Apache-2.0
// Tests an agent without a descriptor to spare: nobody notices later.
import { setTimeout as sleep } from 'node:timers/promises';

import { expect, test } from 'vitest';

import { metricValues } from '../support/agent-metrics.ts';
import { AskedCaller } from '../support/asked-caller.ts';
import { runCommand, seccompagent } from '../support/command.ts';
import { ControlledAgent } from '../support/controlled-agent.ts';
import { leaveFds, leaveManyFds } from '../support/fd-limit.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { testBundle } from '../support/test-bundles.ts';

/** Periodic work is done in it, more than once. */
const shortageMs = 4000;

test('G1: few descriptors: whatever is asked of the agent meanwhile, it goes on', async () => {
  using folder = new TemporaryFolder();
  await using agent = await ControlledAgent.start(
    `-bundle=${testBundle('errno-getpgid')}`,
    '-metrics-bind-address=127.0.0.1:0',
    `-audit-log=${folder.at('audit.log')}`,
    `-falco-output=file:${folder.at('falco.log')}`,
  );
  await using caller = new AskedCaller({ socket: agent.socket });
  expect((await caller.ask('getpgid 0')).answer).toBe('EBADMSG');
  const { process } = agent;

  leaveFds(process.pid, 0);
  const until = performance.now() + shortageMs;
  const left: Promise<unknown>[] = [];
  while (performance.now() < until) {
    process.signal('SIGHUP');
    left.push(
      metricValues(process).catch(() => undefined),
      runCommand([seccompagent, 'status', `-control-socket=${agent.control}`]),
    );
    await using _newcomer = new AskedCaller({ socket: agent.socket });
    expect((await caller.ask('getpgid 0')).answer).toBe('EBADMSG');
    await sleep(500);
  }
  leaveManyFds(process.pid);
  await Promise.all(left);

  expect((await caller.ask('getpgid 0')).answer).toBe('EBADMSG');
  await using newcomer = new AskedCaller({ socket: agent.socket, id: 'newcomer' });
  expect((await newcomer.ask('getpgid 0')).answer).toBe('EBADMSG');
  expect((await agent.status()).containers.map(({ id }) => id)).toContain('newcomer');
  expect((await metricValues(process)).size).toBeGreaterThan(0);
  expect(process.records.filter(({ level }) => level === 'fatal')).toEqual([]);
});
