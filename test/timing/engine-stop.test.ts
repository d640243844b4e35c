// SPDX-License-Identifier: Apache-2.0
// The agent's end, and the ends of its workers, while calls come without a pause.
import { describe, expect, test } from 'vitest';

import { AskedCaller } from '../support/asked-caller.ts';
import { looping } from '../support/hostile-components.ts';
import { startHostileAgent } from '../support/hostile-agent-process.ts';
import type { HostileAgent } from '../support/hostile-agent-process.ts';
import { isRecord } from '../support/log-records.ts';
import { TimedCalls } from '../support/timed-calls.ts';
import type { TimedCallsResult } from '../support/timed-calls.ts';

const quick = 'errno';
const loop = 'loop';
/** For how long a call may hang. */
const longestMs = 5000;

async function startAgent(deadline: string, log = 'warn'): Promise<HostileAgent> {
  const agent = await startHostileAgent({ log });
  agent.bundles.write(quick, {
    component: 'errno',
    syscalls: ['getpgid'],
    settings: { errno: 'EBADMSG' },
  });
  agent.bundles.write(loop, { component: looping(), syscalls: ['getpgid'], deadline });
  return agent;
}

/** Eight containers that call without a pause while `work` runs. */
async function underLoad(
  agent: HostileAgent,
  work: () => Promise<void>,
): Promise<readonly TimedCallsResult[]> {
  await using stack = new AsyncDisposableStack();
  const load = Array.from({ length: 8 }, () =>
    stack.use(
      new TimedCalls({ socket: agent.socket, metadata: quick, call: 'getpgid:0', calls: 0 }),
    ),
  );
  await Promise.all(load.map(async (calls) => calls.ready()));
  for (const calls of load) calls.begin();
  await work();
  for (const calls of load) calls.finish();
  return await Promise.all(load.map(async (calls) => calls.result()));
}

describe('stop', () => {
  test('G11: stop: a handler’s deadline still counts, and its call gets the failure policy', async () => {
    await using agent = await startAgent('1s');
    await using caller = new AskedCaller({ socket: agent.socket, metadata: loop });
    const asked = caller.ask('getpgid 1');
    await new Promise((resolve) => setTimeout(resolve, 300));

    const end = await agent.stop();

    expect(await asked).toMatchObject({ answer: 'EPERM' });
    expect(end).toMatchObject({ code: 0, signal: null });
    expect(end.tookMs).toBeLessThan(longestMs);
    expect(agent.records().filter(({ event }) => event === 'worker-stuck')).toEqual([]);
  });

  test('G11: stop: the log names each container that goes on without an agent, and its calls', async () => {
    await using agent = await startAgent('1s');
    const container = { socket: agent.socket, metadata: quick };
    await using first = new AskedCaller({ ...container, id: 'first' });
    await using second = new AskedCaller({ ...container, id: 'second' });
    expect(await first.ask('getpgid 1')).toMatchObject({ answer: 'EBADMSG' });
    expect(await second.ask('getpgid 1')).toMatchObject({ answer: 'EBADMSG' });

    await agent.stop();

    const named = agent
      .records()
      .filter((record) => isRecord(record, 'container-stranded', { calls: 'getpgid' }))
      .map((record) => String(record['container']));
    expect(named.toSorted()).toEqual(['first', 'second']);
    const all = agent.records().filter(({ event }) => event === 'containers-stranded');
    expect(all).toMatchObject([{ containers: '2' }]);
    expect(await first.ask('getpgid 1')).toMatchObject({ answer: 'ENOSYS' });
  });

  test('G11: stop: nothing is said of containers that have ended', async () => {
    await using agent = await startAgent('1s', 'info');
    {
      await using caller = new AskedCaller({ socket: agent.socket, metadata: quick });
      expect(await caller.ask('getpgid 1')).toMatchObject({ answer: 'EBADMSG' });
    }
    await agent.untilLogged('container-detached');

    await agent.stop();

    const events = agent.records().map(({ event }) => event);
    expect(events).not.toContain('container-stranded');
    expect(events).not.toContain('containers-stranded');
  });

  test.for([
    { what: 'no handler', loops: 0 },
    { what: 'a handler', loops: 1 },
    { what: 'every worker’s handler', loops: 4 },
  ])(
    'G11: stop: SIGTERM under load, while $what loops: no call hangs or gets a wrong answer',
    async ({ loops }) => {
      await using agent = await startAgent('30s');
      await using stack = new AsyncDisposableStack();
      const stuck = Array.from({ length: loops }, () =>
        stack.use(new AskedCaller({ socket: agent.socket, metadata: loop })),
      );

      const results = await underLoad(agent, async () => {
        const asked = Promise.all(stuck.map(async (caller) => caller.ask('getpgid 1')));
        await new Promise((resolve) => setTimeout(resolve, 500));

        const end = await agent.stop();

        expect(end).toMatchObject({ code: 0, signal: null });
        expect(end.tookMs).toBeLessThan(longestMs);
        for (const { answer } of await asked) expect(['EPERM', 'ENOSYS']).toContain(answer);
      });

      for (const { answers, maxMs } of results) {
        // where all workers loop on a busy machine, every call may come after the end
        const needed = loops < 4 ? ['EBADMSG', 'ENOSYS'] : ['ENOSYS'];
        expect(Object.keys(answers)).toEqual(expect.arrayContaining(needed));
        expect(['EBADMSG', 'ENOSYS']).toEqual(expect.arrayContaining(Object.keys(answers)));
        expect(maxMs).toBeLessThan(longestMs);
      }
    },
  );

  test('G10: stop: workers are terminated under load, and no call of another is lost', async () => {
    await using agent = await startAgent('50ms');

    const results = await underLoad(agent, async () => {
      for (let round = 0; round < 10; round += 1) {
        await using stack = new AsyncDisposableStack();
        const callers = Array.from({ length: 3 }, () =>
          stack.use(new AskedCaller({ socket: agent.socket, metadata: loop })),
        );
        const asked = await Promise.all(callers.map(async (caller) => caller.ask('getpgid 1')));
        for (const { answer, tookMs } of asked) {
          expect(answer).toBe('EPERM');
          expect(tookMs).toBeLessThan(longestMs);
        }
      }
    });

    for (const { answers, maxMs } of results) {
      expect(Object.keys(answers)).toEqual(['EBADMSG']);
      expect(maxMs).toBeLessThan(longestMs);
    }
  });
});
