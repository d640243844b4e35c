// SPDX-License-Identifier: Apache-2.0
// Handlers that compute for less than what is slow, again and again: those of one call, or of many.
// Others are served meanwhile.
import { setTimeout as pause } from 'node:timers/promises';

import { expect, test } from 'vitest';

import { computing } from '../support/hostile-components.ts';
import { startHostileAgent } from '../support/hostile-agent-process.ts';
import type { HostileAgent } from '../support/hostile-agent-process.ts';
import { until } from '../support/polling.ts';
import { SteadyCaller } from '../support/steady-caller.ts';
import { TimedCalls } from '../support/timed-calls.ts';

/** Until it is known who is slow, others wait for calls that have begun. */
const learningMs = 5000;
/** Of a good container's calls, on a machine that is busy with these handlers. */
const longestMs = 1500;
const attackMs = 10_000;
const p99AtMostMs = 50;
/** Less than what is slow by itself. */
const milliseconds = 440;
const syscalls = ['getpgid'];
const handlers = 16;

const chain = ['chain-1', 'chain-2', 'chain-3'];
const containers = ['evil-1', 'evil-2', 'evil-3'];
const attacks = [
  { what: 'a bundle has many of', bundles: ['chain-1'], ids: containers },
  { what: 'several bundles have many of', bundles: chain, ids: containers },
  { what: 'many calls have one each of', bundles: ['single'], ids: containers },
  // each is an `exec` of the same one
  { what: 'many listeners have of one container', bundles: ['single'], ids: Array(4).fill('evil') },
] as const;

async function startAgent(): Promise<HostileAgent> {
  const agent = await startHostileAgent({ log: 'info' });
  agent.bundles.write('good', { component: 'errno', syscalls, settings: { errno: 'EBADMSG' } });
  agent.bundles.write('single', { component: computing({ milliseconds }), syscalls });
  const component = computing({ milliseconds, passesOn: true });
  for (const name of chain) agent.bundles.write(name, { component, syscalls, handlers });
  return agent;
}

test.for(attacks)(
  'A2: computing handlers: those that $what keep nobody waiting',
  async ({ bundles, ids }) => {
    await using agent = await startAgent();
    const { socket } = agent;
    await using good = new SteadyCaller('getpgid 0', { socket, metadata: 'good' });
    await until('the good container', () => good.count > 5 || undefined);
    const began = performance.now();
    {
      await using stack = new AsyncDisposableStack();
      const metadata = bundles.join(',');
      const options = { socket, metadata, call: 'getpgid:0', threads: 6, calls: 0 };
      const evil = ids.map((id) => stack.use(new TimedCalls({ ...options, id })));
      await Promise.all(evil.map(async (caller) => caller.ready()));
      for (const caller of evil) caller.begin();
      await pause(attackMs);
    }

    const calls = await good.finish();

    expect([...new Set(calls.map(({ answer }) => answer))]).toEqual(['EBADMSG']);
    expect(Math.max(...calls.map(({ tookMs }) => tookMs))).toBeLessThan(learningMs);
    const later = calls.filter(({ beganMs }) => beganMs > began + learningMs);
    expect(later.length).toBeGreaterThan(20);
    expect(Math.max(...later.map(({ tookMs }) => tookMs))).toBeLessThan(longestMs);
  },
);

test('A2, G4: computing handlers: a container that is quick hardly notices four that compute', async () => {
  await using agent = await startAgent();
  const { socket } = agent;
  const calls = { socket, call: 'getpgid:0' };
  await using good = new TimedCalls({ ...calls, metadata: 'good', calls: 500, pauseUs: 20_000 });
  await good.ready();
  await using stack = new AsyncDisposableStack();
  const evil = ['evil-1', 'evil-2', 'evil-3', 'evil-4'].map((id) =>
    stack.use(new TimedCalls({ ...calls, metadata: 'single', id, threads: 4, calls: 0 })),
  );
  await Promise.all(evil.map(async (caller) => caller.ready()));

  for (const caller of [good, ...evil]) caller.begin();
  const { answers, p99Ms } = await good.result();

  expect(answers).toEqual({ EBADMSG: 500 });
  expect(p99Ms).toBeLessThan(p99AtMostMs);
});

test('A2: computing handlers: of a call that many compute for, the one is left alone that has computed most', async () => {
  await using agent = await startAgent();
  const { socket } = agent;
  const options = { socket, metadata: 'chain-1', id: 'chain', call: 'getpgid:0', calls: 1 };
  await using caller = new TimedCalls(options);
  await caller.ready();
  caller.begin();
  const { answers } = await caller.result();

  expect(answers).toEqual({ EPERM: 1 });
  await agent.untilLogged('handler-timeout', { container: 'chain' });
});
