// SPDX-License-Identifier: Apache-2.0
// Containers that come one after the other, whose handlers have each a worker ended at once: the time
// that this takes is theirs.
import { setTimeout as pause } from 'node:timers/promises';

import { expect, test } from 'vitest';

import { poolSize } from '../../host/worker/pool-size.ts';
import { AskedCaller } from '../support/asked-caller.ts';
import { looping } from '../support/hostile-components.ts';
import { startHostileAgent } from '../support/hostile-agent-process.ts';
import { until } from '../support/polling.ts';
import { SteadyCaller } from '../support/steady-caller.ts';

const syscalls = ['getpgid'];
const crowd = 400;
const crowdMs = 9000;
/** Of nine calls of ten, on a machine that is busy with all that comes. */
const mostMs = 100;
/** Workers that are started in place of others. */
const startsPerSecond = 4;

test('A2, G4: looping crowd: new containers that each have a worker ended at once delay nobody', async () => {
  await using agent = await startHostileAgent({ log: 'warn' });
  const { socket } = agent;
  agent.bundles.write('good', { component: 'errno', syscalls, settings: { errno: 'EBADMSG' } });
  agent.bundles.write('loops', { component: looping(), syscalls, deadline: '1ms' });
  await using good = new SteadyCaller('getpgid 0', { socket, metadata: 'good' });
  await until('the good container', () => good.count > 5 || undefined);
  await using stack = new AsyncDisposableStack();
  const began = performance.now();
  for (let index = 0; index < crowd; index += 1) {
    const one = new AskedCaller({ socket, metadata: 'loops', id: `loop-${index}` });
    stack
      .use(one)
      .ask('getpgid 1')
      .catch(() => undefined);
    await pause(crowdMs / crowd);
  }

  const ended = agent.records().filter(({ event }) => event === 'handler-timeout').length;
  const seconds = (performance.now() - began) / 1000;
  const calls = (await good.finish()).filter(({ beganMs }) => beganMs > began);
  expect([...new Set(calls.map(({ answer }) => answer))]).toEqual(['EBADMSG']);
  const times = calls.map(({ tookMs }) => tookMs).toSorted((one, other) => one - other);
  // those that there were, and that may be started at once; without a rate it is twice as many
  expect(ended).toBeLessThan(3 * poolSize().max + startsPerSecond * seconds);
  expect(times.at(Math.floor(times.length * 0.9))).toBeLessThan(mostMs);
});
