// SPDX-License-Identifier: Apache-2.0
// The agent and its callers on one core: who is woken may not have gone to wait before.
import { expect, test } from 'vitest';

import { runCommand, RunningCommand, seccompagent } from '../support/command.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { TimedCalls } from '../support/timed-calls.ts';

const onOneCore = ['taskset', '-c', '0'] as const;
/** Others use the core, too. */
const tries = 10;
const calls = 500;

/** How long the slowest tenth of a container's mkdir takes at least, in milliseconds. */
async function measureP90(socket: string, prefix: string): Promise<number> {
  await using container = new TimedCalls({
    socket,
    call: `mkdir:${prefix}`,
    calls,
    wrapper: onOneCore,
  });
  await container.ready();
  container.begin();
  const { answers, eachMs } = await container.result();
  expect(answers).toEqual({ OK: calls });
  const sorted = eachMs.toSorted((left, right) => left - right);
  return sorted[Math.floor(sorted.length * 0.9)] ?? Number.NaN;
}

test('one core: a caller that is not waiting yet is not taken for one that a signal has woken', async () => {
  using folder = new TemporaryFolder();
  const socket = folder.at('agent.socket');
  const command = [seccompagent, '-resolver=demo-basic', `-socketfile=${socket}`, '-log=fatal'];
  await using agent = new RunningCommand([...onOneCore, ...command]);
  await runCommand(['sh', '-c', `until [ -S ${socket} ]; do sleep 0.1; done`]);

  const measured: number[] = [];
  while (measured.length < tries && Math.min(...measured, Infinity) > 2) {
    measured.push(await measureP90(socket, folder.at(`made-${measured.length}-`)));
  }

  // one that a signal has woken is given two milliseconds, which come to five
  expect(Math.min(...measured)).toBeLessThan(2);
  agent.kill('SIGTERM');
  expect(await agent.ended).toMatchObject({ code: 0 });
});
