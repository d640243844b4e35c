// SPDX-License-Identifier: Apache-2.0
// Containers whose handlers never answer, which come and go, also while the main thread has no time:
// they get no more workers than leave some for others.
import { setTimeout as pause } from 'node:timers/promises';

import { expect, test } from 'vitest';

import { AskedCaller } from '../support/asked-caller.ts';
import { looping } from '../support/hostile-components.ts';
import { startHostileAgent } from '../support/hostile-agent-process.ts';
import type { HostileAgent } from '../support/hostile-agent-process.ts';
import { until } from '../support/polling.ts';
import { SteadyCaller } from '../support/steady-caller.ts';
import { TimedCalls } from '../support/timed-calls.ts';

const syscalls = ['getpgid'];
const p99AtMostMs = 50;
const rounds = 3;
/** As long as it takes to know each of them. */
const roundMs = 6000;
/** Several times as long as a handler may take. */
const hangMs = 15_000;
/** Of a good container's calls, on a machine that is busy with all that loops. */
const longestMs = 1000;

async function startAgent(): Promise<HostileAgent> {
  const agent = await startHostileAgent({ log: 'info' });
  agent.bundles.write('good', { component: 'errno', syscalls, settings: { errno: 'EBADMSG' } });
  agent.bundles.write('loops', { component: looping(), syscalls });
  return agent;
}

function loops({ socket }: HostileAgent, id: string): TimedCalls {
  return new TimedCalls({
    socket,
    metadata: 'loops',
    id,
    call: 'getpgid:1',
    threads: 6,
    calls: 1,
  });
}

test('A2, G4: looping containers: those that come and go are hardly noticed', async () => {
  await using agent = await startAgent();
  await using good = new SteadyCaller('getpgid 0', { socket: agent.socket, metadata: 'good' });
  await until('the good container', () => good.count > 5 || undefined);
  for (let round = 0; round < rounds; round += 1) {
    await using stack = new AsyncDisposableStack();
    const evil = [1, 2, 3].map((index) => stack.use(loops(agent, `loop-${round}-${index}`)));
    await Promise.all(evil.map(async (caller) => caller.ready()));
    for (const caller of evil) caller.begin();
    await pause(roundMs);
  }

  const calls = await good.finish();
  expect([...new Set(calls.map(({ answer }) => answer))]).toEqual(['EBADMSG']);
  const times = calls.map(({ tookMs }) => tookMs).toSorted((one, other) => one - other);
  expect(times.at(Math.floor(times.length * 0.99))).toBeLessThan(p99AtMostMs);
  expect(times.at(-1)).toBeLessThan(longestMs);
});

test('A2, G4: looping containers: while the main thread hangs they are quarantined, and others answered', async () => {
  await using agent = await startAgent();
  const { socket } = agent;
  await using good = new SteadyCaller('getpgid 0', { socket, metadata: 'good' });
  await until('the good container', () => good.count > 5 || undefined);
  await using stack = new AsyncDisposableStack();
  const evil = [1, 2, 3, 4, 5].map((index) => stack.use(loops(agent, `loop-${index}`)));
  await Promise.all(evil.map(async (caller) => caller.ready()));
  stack.use(new AskedCaller({ socket, metadata: `hang-${hangMs}` }));
  await pause(longestMs);
  const began = performance.now();
  for (const caller of evil) caller.begin();
  await pause(hangMs - 2 * longestMs);

  // nobody has been told yet
  expect(agent.records().filter(({ event }) => event === 'handler-timeout')).toEqual([]);
  const calls = await good.finish();
  expect([...new Set(calls.map(({ answer }) => answer))]).toEqual(['EBADMSG']);
  const during = calls.filter(({ beganMs }) => beganMs > began);
  expect(during.length).toBeGreaterThan(100);
  expect(Math.max(...during.map(({ tookMs }) => tookMs))).toBeLessThan(longestMs);
  await agent.untilLogged('handler-timeout');
  const results = await Promise.all(evil.map(async (caller) => caller.result()));
  for (const { answers } of results) expect(answers).toEqual({ EPERM: 6 });
  // each has counted once: one that was asked beside another adds nothing, and a later try doubles
  for (let index = 1; index <= 5; index += 1) {
    const added = agent
      .records()
      .filter(({ event }) => event === 'handler-timeout')
      .filter((record) => record['container'] === `loop-${index}`)
      .map((record) => Number(record['quarantineMs']))
      .filter((milliseconds) => milliseconds !== 0);
    expect(added).toEqual(added.map((_, at) => 1000 * 2 ** at));
  }
});
