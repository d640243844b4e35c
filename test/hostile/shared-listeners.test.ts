// SPDX-License-Identifier: Apache-2.0
// Containers that keep a copy of their listener and receive from it themselves: the agent, which was
// told of a call that it finds gone, does not wait for the next one.
import { expect, test } from 'vitest';

import { RunningCommand } from '../support/command.ts';
import { compiled } from '../support/compile.ts';
import { startHostileAgent } from '../support/hostile-agent-process.ts';
import { SteadyCaller } from '../support/steady-caller.ts';
import { until } from '../support/polling.ts';

const syscalls = ['getpgid'];
const seconds = 60;
/** Of a call of somebody else's, on a machine that is busy with much else. */
const longestMs = 1000;

test('A2: shared listeners: the agent leaves one that others receive from, too, and nobody waits for it', async () => {
  await using agent = await startHostileAgent({ log: 'info' });
  agent.bundles.write('good', { component: 'errno', syscalls, settings: { errno: 'EBADMSG' } });
  await using good = new SteadyCaller('getpgid 0', { socket: agent.socket, metadata: 'good' });
  await until('the good container', () => good.count > 5 || undefined);
  await using stack = new AsyncDisposableStack();
  for (let at = 0; at < 4; at += 1) {
    const words = ['-s', agent.socket, '-m', 'good', '-i', `sharing-${at}`, String(seconds)];
    stack.use(new RunningCommand([compiled('sharing-caller'), ...words]));
  }

  await agent.untilLogged('listener-shared', { container: /^sharing-/u });
  const calls = await good.finish();

  expect([...new Set(calls.map(({ answer }) => answer))]).toEqual(['EBADMSG']);
  expect(Math.max(...calls.map(({ tookMs }) => tookMs))).toBeLessThan(longestMs);
});
