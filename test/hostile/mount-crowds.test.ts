// SPDX-License-Identifier: Apache-2.0
// A user without rights has containers with as many mounts as the kernel lets him make: neither the
// agent's memory nor its main thread is his.
import { chmodSync, copyFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { metricsAddress } from '../support/agent-metrics.ts';
import { AgentProcess } from '../support/agent-process.ts';
import { RunningCommand } from '../support/command.ts';
import { compiled } from '../support/compile.ts';
import { MemoryCgroup } from '../support/memory-cgroup.ts';
import { maxResidentBytes } from '../support/process-memory.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

const mebibyte = 2 ** 20;
const mounts = 17_000;
/** Of the agent: one container's look takes some, and is over before the next one of the user's. */
const mostGrown = 100 * mebibyte;
/** Of an answer: what was read on the main thread took up to three seconds, again and again. */
const longestMs = 400;

let programs: TemporaryFolder;
beforeAll(() => {
  programs = new TemporaryFolder();
  // where users without rights can reach it
  chmodSync(programs.path, 0o755);
  copyFileSync(compiled('mount-crowd'), programs.at('mount-crowd'));
  chmodSync(programs.at('mount-crowd'), 0o755);
});
afterAll(() => {
  programs[Symbol.dispose]();
});

interface Attacked extends AsyncDisposable {
  readonly agent: AgentProcess;
  readonly attack: (...args: readonly number[]) => RunningCommand;
}

async function startAgent(): Promise<Attacked> {
  await using resources = new AsyncDisposableStack();
  const folder = resources.use(new TemporaryFolder());
  chmodSync(folder.path, 0o755);
  const cgroup = resources.use(new MemoryCgroup(1024 * mebibyte));
  const socket = folder.at('agent.socket');
  const agent = resources.use(
    await AgentProcess.start(
      socket,
      '-resolver=none',
      '-allow-uids=1000',
      '-metrics-bind-address=127.0.0.1:0',
      '-log=info,nocolor',
    ),
  );
  const kept = resources.move();
  const user = ['setpriv', '--reuid=1000', '--regid=1000', '--clear-groups'];
  return {
    agent,
    attack: (...args) => {
      const words = [...user, programs.at('mount-crowd'), socket, ...args.map(String)];
      const [program = '', ...others] = [...cgroup.wrapper, ...words];
      return new RunningCommand([program, ...others], { deadlineMs: 120_000 });
    },
    [Symbol.asyncDispose]: async () => kept[Symbol.asyncDispose](),
  };
}

async function healthMs(address: string): Promise<number> {
  const began = performance.now();
  const { status } = await fetch(`http://${address}/healthz`, {
    headers: { connection: 'close' },
    signal: AbortSignal.timeout(60_000),
  });
  expect(status).toBe(200);
  return performance.now() - began;
}

test('A2, A15: mount crowd: a folder with many mounts that is named in many ways takes no memory for each', async () => {
  await using attacked = await startAgent();
  const { agent, attack } = attacked;
  const before = maxResidentBytes(agent.pid);
  const containers = 5;
  await using crowd = attack(mounts, 0, containers, 200, 256);
  await crowd.printed(/^sent$/mu);
  await agent.logged('paths-not-held', {}, containers);
  expect(maxResidentBytes(agent.pid) - before).toBeLessThan(mostGrown);
});

test('A2: mount crowd: nobody waits for a user whose mounts come and go', async () => {
  await using attacked = await startAgent();
  const { agent, attack } = attacked;
  const address = await metricsAddress(agent);
  await using crowd = attack(mounts, 1, 60, 100);
  await crowd.printed(/^mounted \d+$/mu);
  const times: number[] = [];
  const until = performance.now() + 8000;
  while (performance.now() < until) {
    times.push(await healthMs(address));
    await pause(20);
  }
  expect(Math.max(...times)).toBeLessThan(longestMs);
});
