// SPDX-License-Identifier: Apache-2.0
// A container with a shadow calls as fast as it can: what is on its way to the shadow leaves the
// agent's main thread to all else.
import { setTimeout as pause } from 'node:timers/promises';

import { expect, test } from 'vitest';

import { metricsAddress } from '../support/agent-metrics.ts';
import { AgentProcess } from '../support/agent-process.ts';
import { BundleFolder } from '../support/bundle-folder.ts';
import { RunningCommand } from '../support/command.ts';
import { compiled } from '../support/compile.ts';
import { passing } from '../support/hostile-components.ts';
import { MemoryCgroup } from '../support/memory-cgroup.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { trapLines } from '../support/trap-container.ts';

const longestMs = 2000;
const floodMs = 8000;

async function msOf(act: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await act();
  return performance.now() - began;
}

async function expectHealthy(address: string): Promise<void> {
  const { status } = await fetch(`http://${address}/healthz`, {
    headers: { connection: 'close' },
    signal: AbortSignal.timeout(60_000),
  });
  expect(status).toBe(200);
}

test('A10: shadows: a container that calls all the time holds nobody up', async () => {
  using folder = new TemporaryFolder();
  using bundles = new BundleFolder();
  bundles.write('answers', {
    component: 'errno',
    syscalls: ['getpgid'],
    settings: { errno: 'EBADMSG' },
  });
  const socket = folder.at('agent.socket');
  await using agent = await AgentProcess.start(
    socket,
    `-bundle=${bundles.at('answers')}`,
    `-bundle-shadow=${bundles.at('answers')}`,
    '-metrics-bind-address=127.0.0.1:0',
    '-log=info,nocolor',
  );
  const address = await metricsAddress(agent);
  const health = async (): Promise<void> => expectHealthy(address);
  await using flooding = new RunningCommand([
    compiled('timed-calls'),
    '-s',
    socket,
    '-t',
    '3',
    '-n',
    '0',
    'getpgid:0',
  ]);
  await flooding.printed(/^ready$/mu);

  const times: number[] = [];
  const end = performance.now() + floodMs;
  while (performance.now() < end) {
    times.push(await msOf(health));
    const operations = [`mkdir:${folder.at(`made-${times.length}`)}:755`];
    times.push(await msOf(async () => trapLines({ socket, trapped: ['mkdir'], operations })));
    await pause(200);
  }

  expect(Math.max(...times)).toBeLessThan(longestMs);
  flooding.endInput();
  const { code, stdout } = await flooding.ended;
  expect(code).toBe(0);
  // as many as without a shadow: what it can't see is lost to it
  expect(Number(/^answer EBADMSG (\d+)$/mu.exec(stdout)?.[1])).toBeGreaterThan(10_000);
});

const limitBytes = 512 * 2 ** 20;
const handlersOfBundle = 32;
/** Some 50 ms on a machine that has nothing else to do. */
const slowSteps = 100_000_000;

test('shadows: calls of many handlers that wait for a slow shadow end no agent', async () => {
  using folder = new TemporaryFolder();
  using bundles = new BundleFolder();
  using cgroup = new MemoryCgroup(limitBytes);
  const names = Array.from({ length: 5 }, (_, index) => `many${index}`);
  for (const name of names) {
    bundles.write(name, {
      component: passing(),
      syscalls: ['getpgid'],
      handlers: handlersOfBundle,
    });
  }
  bundles.write('slow', {
    component: passing(slowSteps),
    syscalls: ['getpgid'],
    deadline: '60s',
  });
  const socket = folder.at('agent.socket');
  await using agent = await AgentProcess.startBy(
    cgroup.wrapper,
    socket,
    `-bundle=${names.map((name) => bundles.at(name)).join(',')}`,
    `-bundle-shadow=${bundles.at('slow')}`,
    '-metrics-bind-address=127.0.0.1:0',
    '-log=info,nocolor',
  );
  const address = await metricsAddress(agent);
  await using flooding = new RunningCommand([
    compiled('timed-calls'),
    '-s',
    socket,
    '-t',
    '6',
    '-n',
    '0',
    'getpgid:0',
  ]);
  await flooding.printed(/^ready$/mu);

  const times: number[] = [];
  const end = performance.now() + 2 * floodMs;
  while (performance.now() < end) {
    times.push(await msOf(async () => expectHealthy(address)));
    await pause(200);
  }

  expect(Math.max(...times)).toBeLessThan(longestMs);
  flooding.endInput();
  expect((await flooding.ended).code).toBe(0);
  expect(cgroup.peakBytes).toBeLessThan(limitBytes * 0.6);
});
