// SPDX-License-Identifier: Apache-2.0
// Handlers that never answer leave nothing behind in the agent.
import { setTimeout as pause } from 'node:timers/promises';

import { expect, test } from 'vitest';

import { resourcesOf, untilRecovered } from '../support/agent-resources.ts';
import { AskedCaller } from '../support/asked-caller.ts';
import { goodValue, looping } from '../support/hostile-components.ts';
import { startHostileAgent } from '../support/hostile-agent-process.ts';
import { TimedCalls } from '../support/timed-calls.ts';

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

test('G5: looping handlers: one that is left alone is so for all listeners of its container, also for one that comes later', async () => {
  await using agent = await startHostileAgent({ log: 'warn' });
  agent.bundles.write('loops', {
    component: looping(),
    syscalls: ['getpgid'],
    deadline: '100ms',
  });
  const callerOf = (id: string): AskedCaller =>
    new AskedCaller({ socket: agent.socket, metadata: 'loops', id });
  await using other = callerOf('c2');
  const first = callerOf('c1');
  const second = callerOf('c1');
  expect((await second.ask('getpgid 0')).answer).toBe(String(goodValue));
  // the third time it is for four seconds
  for (let failures = 0; failures < 3;) {
    const { tookMs } = await first.ask('getpgid 1');
    if (tookMs > 80) failures += 1;
    else await pause(50);
  }
  expect((await second.ask('getpgid 0')).answer).toBe('EPERM');
  await Promise.all([first[Symbol.asyncDispose](), second[Symbol.asyncDispose]()]);
  await using third = callerOf('c1');
  expect((await third.ask('getpgid 0')).answer).toBe('EPERM');
  expect((await other.ask('getpgid 0')).answer).toBe(String(goodValue));
});

test('G5: looping handlers: the log says of whom too many calls wait, once', async () => {
  /** More than may wait for a worker. */
  const threads = 1300;
  await using agent = await startHostileAgent({ log: 'warn' });
  const { socket } = agent;
  agent.bundles.write('loops', { component: looping(), syscalls: ['getpgid'], deadline: '100ms' });
  const call = { socket, metadata: 'loops', id: 'many', call: 'getpgid:1' };
  await using callers = new TimedCalls({ ...call, threads, calls: 1 });
  await callers.ready();
  callers.begin();
  const { answers } = await callers.result();
  expect(answers).toEqual({ EPERM: threads });
  await agent.untilLogged('calls-refused', { container: 'many' });
  const events = agent.records().map(({ event }) => event);
  expect(events.filter((event) => event === 'calls-refused')).toHaveLength(1);
});
