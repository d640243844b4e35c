// SPDX-License-Identifier: Apache-2.0
// An agent, its helpers and a container that wait for one processor with many that compute: what is
// not scheduled does not hang, so no call fails for it.
import { setTimeout as pause } from 'node:timers/promises';

import { expect, test } from 'vitest';

import { RunningCommand, runCommand } from '../support/command.ts';
import { compiled } from '../support/compile.ts';
import { makeFolder } from '../support/folder-contents.ts';
import { startHostileAgent } from '../support/hostile-agent-process.ts';
import { until } from '../support/polling.ts';
import { untilChildless } from '../support/process-resources.ts';
import { SlowCaller } from '../support/slow-caller.ts';
import { SteadyCaller } from '../support/steady-caller.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { testBundle } from '../support/test-bundles.ts';
import { startWatchedAgent } from '../support/watched-agent.ts';

/** The other cores stay usable. */
const onOneCore = ['taskset', '-c', '0'] as const;
const busyLoops = 16;
const deadlineMs = 100_000;

/** Starts programs that compute until they are disposed of. */
function startBusyLoops(): AsyncDisposableStack {
  const loops = new AsyncDisposableStack();
  for (let count = 0; count < busyLoops; count += 1) {
    const command = [...onOneCore, 'sh', '-c', 'while :; do :; done'] as const;
    loops.use(new RunningCommand(command, { deadlineMs }));
  }
  return loops;
}

test('A19: busy machine: each file of a build is opened while others compute', async () => {
  using folder = new TemporaryFolder();
  await using agent = await startWatchedAgent({
    bundle: testBundle('perform'),
    log: 'warn',
    mayWarn: true,
  });
  const processes = 8;
  const files = 25;
  const build = [compiled('file-crowd'), agent.socket, makeFolder(folder.path, 'files')] as const;
  await using loops = startBusyLoops();

  await using container = new RunningCommand(
    [...onOneCore, ...build, String(processes), String(files)],
    { deadlineMs },
  );
  const { code, stdout } = await container.ended;
  await loops.disposeAsync();

  expect(code).toBe(0);
  expect(stdout.split('\n')[0]).toBe(`OK ${2 * processes * files}`);
  expect(agent.log()).toEqual([]);
  await untilChildless(agent.pid);
}, 120_000);

test('A19: busy machine: who calls beside slow memory is answered by its handler', async () => {
  const attackMs = 6000;
  const slowContainers = 8;
  await using agent = await startHostileAgent();
  agent.bundles.write('reads', { component: 'hostile' });
  agent.bundles.write('acts', {
    component: 'mkdir-suffix',
    settings: { suffix: '-s' },
    grants: ['filesystem'],
  });
  await using good = new SteadyCaller('mkdir /x', { socket: agent.socket, metadata: 'reads' });
  await until('the first calls', () => good.count > 5 || undefined);
  await runCommand(['taskset', '-a', '-p', '-c', '0', String(agent.pid)]);
  await using loops = startBusyLoops();
  {
    await using stack = new AsyncDisposableStack();
    const slow = Array.from({ length: slowContainers }, () =>
      stack.use(SlowCaller.withSlowMemory({ socket: agent.socket, metadata: 'acts', threads: 4 })),
    );
    await Promise.all(slow.map(async (caller) => caller.ready()));
    await pause(attackMs);
  }
  const calls = await good.finish();
  await loops.disposeAsync();

  expect([...new Set(calls.map(({ answer }) => answer))]).toEqual(['EDOM']);
}, 120_000);
