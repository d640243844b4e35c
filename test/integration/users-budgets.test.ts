// SPDX-License-Identifier: Apache-2.0
// What users who may connect can have made for them: as much with many containers, also one after the
// other, as with one.
import { expect, test } from 'vitest';

import { RunningCommand } from '../support/command.ts';
import { compiled } from '../support/compile.ts';
import { MemoryCgroup } from '../support/memory-cgroup.ts';
import { testBundle } from '../support/test-bundles.ts';
import { startWatchedAgent } from '../support/watched-agent.ts';
import type { WatchedAgent } from '../support/watched-agent.ts';

const mebibyte = 2 ** 20;
const limitBytes = 1024 * mebibyte;
const user = 1000;
/** Links of 6 KiB: far more than a budget. */
const many = 30_000;
const some = 4000;

/** Of one that a user could fill. */
const smallBytes = 288 * mebibyte;

async function startAgent(cgroup: MemoryCgroup): Promise<WatchedAgent> {
  return startWatchedAgent({
    bundle: testBundle('perform'),
    log: 'warn',
    allowedUids: [user],
    wrapper: cgroup.wrapper,
  });
}

class Fillers implements AsyncDisposable {
  readonly #running: RunningCommand;

  constructor({ socket }: WatchedAgent, options: readonly string[], rounds: number, max: number) {
    const words = [...options, socket, String(rounds), String(max)];
    this.#running = new RunningCommand([compiled('abandoned-folders'), ...words]);
  }

  /** How many links each could make. */
  async made(): Promise<readonly number[]> {
    await this.#running.printed(/^over$/mu);
    const lines = this.#running.stdout.matchAll(/^round (?<count>\d+) \w+$/gmu);
    return [...lines].map(({ groups }) => Number(groups?.['count']));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running[Symbol.asyncDispose]();
  }
}

test('A12: users’ budgets: all containers of a user have one, and root’s have theirs', async () => {
  using cgroup = new MemoryCgroup(limitBytes);
  await using agent = await startAgent(cgroup);
  await using theirs = new Fillers(agent, ['-l'], 4, many);
  const [first = 0, ...others] = await theirs.made();
  expect(first).toBeGreaterThan(10_000);
  expect(first).toBeLessThan(20_000);
  expect(Math.max(...others)).toBeLessThan(10);
  await using roots = new Fillers(agent, ['-l', '-r'], 1, some);
  expect(await roots.made()).toEqual([some]);
});

test('A12: users’ budgets: whatever users have made, the agent has memory for root’s containers', async () => {
  using cgroup = new MemoryCgroup(smallBytes);
  await using agent = await startAgent(cgroup);
  await using theirs = new Fillers(agent, ['-l'], 4, many);
  await theirs.made();
  await using roots = new Fillers(agent, ['-l', '-r'], 1, some);
  expect(await roots.made()).toEqual([some]);
  expect(cgroup.peakBytes).toBeLessThan(smallBytes * 0.9);
});

test('A12: users’ budgets: one after the other, containers have no more than one has', async () => {
  using cgroup = new MemoryCgroup(limitBytes);
  await using agent = await startAgent(cgroup);
  // somebody keeps what they have filled
  await using theirs = new Fillers(agent, [], 4, many);
  const [first = 0, ...others] = await theirs.made();
  expect(first).toBeGreaterThan(10_000);
  expect(Math.max(...others)).toBeLessThan(10);
});
