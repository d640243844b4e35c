// SPDX-License-Identifier: Apache-2.0
// Tests the handler sysinfo with containers of real runtimes.
import { totalmem, uptime } from 'node:os';

import { expect, test } from 'vitest';

import { HandledContainer } from '../support/handled-container.ts';
import type { HandledOptions } from '../support/handled-container.ts';

const limit = 64 * 2 ** 20;
/** The container's test is through long before the machine's uptime could be taken for its own. */
const maxSeconds = 40;

interface Shown {
  readonly uptime: number;
  readonly processes: number;
  readonly free: number;
  readonly total: number;
}

async function shownBy(options: Pick<HandledOptions, 'runtime' | 'flags'>): Promise<Shown> {
  await using handled = await HandledContainer.start({
    bundle: 'sysinfo',
    trapped: ['sysinfo'],
    program: 'container-calls',
    resources: { memory: { limit }, pids: { limit: 100 } },
    script: 'container-calls sysinfo',
    ...options,
  });
  const pattern = /^sysinfo: up (\d+) s, (\d+) processes, (\d+) of (\d+) bytes free/mu;
  const [, up, processes, free, total] = pattern.exec(handled.output) ?? [];
  expect(handled.errors).toEqual([]);
  return {
    uptime: Number(up),
    processes: Number(processes),
    free: Number(free),
    total: Number(total),
  };
}

test('sysinfo: a container of crun hears of its own cgroup and its own age', async () => {
  const flags = ['SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV'];
  const shown = await shownBy({ runtime: 'crun', flags });
  expect(shown.total).toBe(limit);
  expect(shown.free).toBeLessThan(limit);
  expect(shown.free).toBeGreaterThan(limit / 2);
  expect(shown.uptime).toBeLessThan(maxSeconds);
  expect(uptime()).toBeGreaterThan(maxSeconds);
  // the shell, and the program that asks
  expect(shown.processes).toBe(2);
});

test.for(['runc', 'crun'] as const)(
  'M4: sysinfo: without the flag a container of %s hears of the machine',
  async (runtime) => {
    const shown = await shownBy({ runtime });
    expect(Math.abs(shown.total - totalmem())).toBeLessThan(2 ** 20);
    expect(shown.uptime).toBeGreaterThan(maxSeconds);
  },
);
