// SPDX-License-Identifier: Apache-2.0
// Callers that are not who they were, and callers that the agent cannot see.
import { mkdirSync, readdirSync } from 'node:fs';

import { describe, expect, test } from 'vitest';

import { AskedCaller } from '../support/asked-caller.ts';
import { runCommand } from '../support/command.ts';
import { compiled } from '../support/compile.ts';
import { startHostileAgent } from '../support/hostile-agent-process.ts';
import type { HostileAgent } from '../support/hostile-agent-process.ts';
import { untilChildless } from '../support/process-resources.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

const slow = 'slow-mkdir';

async function startSlowAgent(milliseconds: number): Promise<HostileAgent> {
  const agent = await startHostileAgent({ log: 'warn' });
  agent.bundles.write(slow, {
    component: slow,
    settings: { milliseconds: String(milliseconds) },
    grants: ['filesystem'],
    deadline: '20s',
  });
  return agent;
}

interface Reuse {
  readonly agent: HostileAgent;
  readonly folder: TemporaryFolder;
  readonly rounds: number;
  /** When the container is killed, after its start. */
  readonly killUs: number;
  /** How long the new process lives. */
  readonly lifeMs: number;
}

/** Contents of the root of new processes with the pid of a killed container. */
async function reuse({ agent, folder, rounds, killUs, lifeMs }: Reuse): Promise<readonly string[]> {
  const own = folder.at('of-the-containers');
  const other = folder.at('of-the-new-processes');
  mkdirSync(own);
  mkdirSync(other);
  const options: readonly (readonly [letter: string, value: string | number])[] = [
    ['-s', agent.socket],
    ['-m', slow],
    ['-o', own],
    ['-r', other],
    ['-n', rounds],
    ['-d', killUs],
    ['-w', lifeMs],
  ];
  const { stdout, stderr, code } = await runCommand([
    compiled('pid-reuse'),
    ...options.flat().map(String),
  ]);
  expect(stderr).toBe('');
  expect(code).toBe(0);
  // nearly all: whoever starts a process at that moment may have taken the number
  expect(Number(stdout.replace('reused ', ''))).toBeGreaterThanOrEqual(rounds * 0.9);
  return readdirSync(other);
}

describe('callers: killed, and their pid taken', () => {
  test('K2: callers: a slow handler’s act for a killed caller does not reach the next owner of its pid', async () => {
    await using agent = await startSlowAgent(300);
    using folder = new TemporaryFolder();

    expect(await reuse({ agent, folder, rounds: 1, killUs: 100_000, lifeMs: 700 })).toEqual([]);

    // nor to the container, which was gone
    expect(readdirSync(folder.at('of-the-containers'))).toEqual([]);
    await untilChildless(agent.pid);
  });

  test('K2: callers: killed at any moment of a call, nothing is done to who has their pid', async () => {
    await using agent = await startSlowAgent(0);
    using folder = new TemporaryFolder();

    expect(await reuse({ agent, folder, rounds: 150, killUs: 20_000, lifeMs: 10 })).toEqual([]);

    // it was hit in the middle of calls
    expect(readdirSync(folder.at('of-the-containers'))).toEqual(['seccompagent-reused']);
    await untilChildless(agent.pid);
  });
});

test('K4: callers: those outside of the agent’s pid namespace are refused, and the log says why', async () => {
  const wrapper = ['unshare', '--pid', '--fork', '--mount-proc', '--kill-child'];
  await using agent = await startHostileAgent({ log: 'warn', wrapper });
  agent.bundles.write(slow, {
    component: slow,
    settings: { milliseconds: '0' },
    grants: ['filesystem'],
  });
  using folder = new TemporaryFolder();
  await using caller = new AskedCaller({ socket: agent.socket, metadata: slow, id: 'unseen' });

  for (let index = 0; index < 3; index += 1) {
    const { answer, tookMs } = await caller.ask(`mkdir ${folder.at('made')}`);
    expect(answer).toBe('EPERM');
    expect(tookMs).toBeLessThan(5000);
  }

  await agent.untilLogged('call-failed', { container: 'unseen', code: 'AGENT_CALLER' });
  expect(readdirSync(folder.path)).toEqual([]);
});
