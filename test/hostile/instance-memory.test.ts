// SPDX-License-Identifier: Apache-2.0
// Handlers that use all the memory that they may have, for many listeners: the agent has a bound for
// all of them together, and its own limit never ends it.
import { expect, test } from 'vitest';

import { AskedCaller } from '../support/asked-caller.ts';
import {
  goodValue,
  greedy,
  manyReferences,
  muchCallFeedback,
  muchMachineCode,
} from '../support/hostile-components.ts';
import { startHostileAgent } from '../support/hostile-agent-process.ts';
import type { HostileAgent } from '../support/hostile-agent-process.ts';
import { MemoryCgroup } from '../support/memory-cgroup.ts';
import { writeGoodBundle } from './attack.ts';

const limitBytes = 1024 * 2 ** 20;
/** So that it takes less to have too much. */
const fewBytes = 512 * 2 ** 20;
/** With 16 MiB each, one worker alone would need the whole limit for so many. */
const many = 64;

async function startLimited(cgroup: MemoryCgroup): Promise<HostileAgent> {
  const agent = await startHostileAgent({ log: 'warn', wrapper: cgroup.wrapper });
  writeGoodBundle(agent);
  agent.bundles.write('greedy', { component: greedy(), syscalls: ['getpgid'] });
  return agent;
}

function greedyCaller({ socket }: HostileAgent): AskedCaller {
  return new AskedCaller({ socket, metadata: 'greedy', id: 'crowd' });
}

async function expectAnswered(caller: AskedCaller): Promise<void> {
  expect((await caller.ask('getpgid 1')).answer).toBe(String(goodValue));
}

test('G5: memory of instances: many listeners whose handlers take all they may end no agent', async () => {
  using cgroup = new MemoryCgroup(limitBytes);
  await using agent = await startLimited(cgroup);
  await using good = new AskedCaller({ socket: agent.socket, metadata: 'good', id: 'other' });
  await using callers = new AsyncDisposableStack();
  const crowd = Array.from({ length: many }, () => callers.use(greedyCaller(agent)));
  for (let round = 0; round < 3; round += 1) {
    // all at once, so that all workers are asked
    const answered = Promise.all(crowd.map(async (caller) => expectAnswered(caller)));
    expect((await good.ask('getpgid 0')).answer).toBe('EBADMSG');
    await answered;
  }
  await agent.untilLogged(['WARN', 'memory', 'bundle.json']);
  expect(cgroup.peakBytes).toBeLessThan(limitBytes * 0.75);
});

test('G5: memory of instances: what ended containers had is free for others', async () => {
  using cgroup = new MemoryCgroup(limitBytes);
  await using agent = await startLimited(cgroup);
  for (let round = 0; round < 2 * many; round += 1) {
    await using caller = greedyCaller(agent);
    await expectAnswered(caller);
  }
  expect(cgroup.peakBytes).toBeLessThan(limitBytes * 0.75);
});

test('A4: memory of instances: tables and references to functions end no agent', async () => {
  using cgroup = new MemoryCgroup(fewBytes);
  await using agent = await startLimited(cgroup);
  const component = manyReferences();
  agent.bundles.writeMany(
    'references',
    Array.from({ length: 16 }, () => component),
  );
  await using good = new AskedCaller({ socket: agent.socket, metadata: 'good', id: 'other' });
  await using callers = new AsyncDisposableStack();
  const crowd = Array.from({ length: 16 }, () =>
    callers.use(new AskedCaller({ socket: agent.socket, metadata: 'references', id: 'crowd' })),
  );
  const answered = Promise.all(crowd.map(async (caller) => caller.ask('getpgid 0')));
  expect((await good.ask('getpgid 0')).answer).toBe('EBADMSG');
  // by the kernel, but for calls that have taken too long
  const answers = (await answered).map(({ answer }) => answer);
  expect(answers.filter((answer) => answer !== 'EPERM')).toContainEqual(
    expect.stringMatching(/^\d+$/u),
  );
  expect(cgroup.peakBytes).toBeLessThan(fewBytes * 0.75);
});

test('A4: memory of instances: functions with many calls end no agent', async () => {
  using cgroup = new MemoryCgroup(fewBytes);
  await using agent = await startLimited(cgroup);
  agent.bundles.write('calls', { component: muchCallFeedback(), syscalls: ['getpgid'] });
  await using callers = new AsyncDisposableStack();
  const crowd = Array.from({ length: 32 }, () =>
    callers.use(new AskedCaller({ socket: agent.socket, metadata: 'calls', id: 'crowd' })),
  );
  // instances are made, and their functions entered only then
  for (const argument of [0, 1]) {
    await Promise.all(crowd.map(async (caller) => caller.ask(`getpgid ${argument}`)));
  }
  await using good = new AskedCaller({ socket: agent.socket, metadata: 'good', id: 'other' });
  expect((await good.ask('getpgid 0')).answer).toBe('EBADMSG');
  expect(cgroup.peakBytes).toBeLessThan(fewBytes * 0.75);
});

test('A6: memory of instances: machine code of many components ends no agent', async () => {
  using cgroup = new MemoryCgroup(fewBytes);
  await using agent = await startLimited(cgroup);
  const components = Array.from({ length: 3 }, (_, index) => muchMachineCode(index));
  agent.bundles.writeMany('code', components);
  await using good = new AskedCaller({ socket: agent.socket, metadata: 'good', id: 'other' });
  await using caller = new AskedCaller({ socket: agent.socket, metadata: 'code', id: 'code' });

  expect((await caller.ask('getpgid 0')).answer).toBe('EPERM');

  expect((await good.ask('getpgid 0')).answer).toBe('EBADMSG');
  await agent.untilLogged(['ERROR', 'MiB of machine code together; 64.0 MiB are allowed']);
  expect(cgroup.peakBytes).toBeLessThan(fewBytes * 0.75);
});
