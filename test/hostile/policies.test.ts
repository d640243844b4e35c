// SPDX-License-Identifier: Apache-2.0
// Tests the failure policy of a bundle when a handler fails, and its delay.
import { readFileSync } from 'node:fs';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { AskedCaller } from '../support/asked-caller.ts';
import { goodValue, looping, trapping } from '../support/hostile-components.ts';
import { startHostileAgent } from '../support/hostile-agent-process.ts';
import type { HostileAgent } from '../support/hostile-agent-process.ts';
import { besideGoodContainer, deadlineMs, writeGoodBundle } from './attack.ts';

const failing = [
  { how: 'traps', component: trapping() },
  { how: 'loops', component: looping() },
] as const;

/** Errno of the kernel for getpgid(1), which the handlers fail at. */
function groupOfFirstProcess(): string {
  const stat = readFileSync('/proc/1/stat', 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[2] ?? '';
}

let agent: HostileAgent;

beforeAll(async () => {
  agent = await startHostileAgent({ log: 'warn' });
  writeGoodBundle(agent);
});

afterAll(async () => {
  await agent[Symbol.asyncDispose]();
});

describe.for(failing)('policies: of a handler that $how', ({ how, component }) => {
  const write = (failure: string): string => {
    const bundle = `${how}-${failure.toLowerCase().replace(':', '-')}`;
    const deadline = `${deadlineMs}ms`;
    agent.bundles.write(bundle, { component, syscalls: ['getpgid'], deadline, failure });
    return bundle;
  };

  test.for([
    { failure: 'errno:ENOSYS', answer: 'ENOSYS' },
    { failure: 'errno:EACCES', answer: 'EACCES' },
    { failure: 'continue', answer: groupOfFirstProcess() },
  ])('G5: policies: $failure', async ({ failure, answer }) => {
    const metadata = write(failure);
    await besideGoodContainer(agent, async () => {
      await using caller = new AskedCaller({ socket: agent.socket, metadata });
      // in quarantine at last, and the policy is the same then
      const asked = [];
      for (let index = 0; index < 12; index += 1) asked.push(await caller.ask('getpgid 1'));
      expect(new Set(asked.map((one) => one.answer))).toEqual(new Set([answer]));
      for (const { tookMs } of asked) expect(tookMs).toBeLessThan(deadlineMs + 4000);
    });
  });

  test('G5: policies: kill-container', async () => {
    const metadata = write('kill-container');
    await besideGoodContainer(agent, async () => {
      await using other = new AskedCaller({ socket: agent.socket, metadata });
      expect((await other.ask('getpgid 0')).answer).toBe(String(goodValue));
      await using caller = new AskedCaller({ socket: agent.socket, metadata });
      expect((await caller.ask('getpgid 0')).answer).toBe(String(goodValue));

      // whether it hears of an answer before that is chance
      const asked = await caller.ask('getpgid 1').catch(() => undefined);

      expect(['EPERM', undefined]).toContain(asked?.answer);
      expect(await caller.killed()).toBe('SIGKILL');
      expect((await other.ask('getpgid 0')).answer).toBe(String(goodValue));
    });
  });
});
