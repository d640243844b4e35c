// SPDX-License-Identifier: Apache-2.0
// Containers that hold the lock of their own listener: whoever asks that one anything waits for as
// long as they like, and nobody else.
import { expect, test } from 'vitest';

import { AgentProcess } from '../support/agent-process.ts';
import { AskedCaller } from '../support/asked-caller.ts';
import { RunningCommand } from '../support/command.ts';
import { compiled } from '../support/compile.ts';
import { startHostileAgent } from '../support/hostile-agent-process.ts';
import { ociBundleWith } from '../support/oci-bundle.ts';
import { patient } from '../support/patience.ts';
import { until } from '../support/polling.ts';
import { SteadyCaller } from '../support/steady-caller.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

/** On one processor: they hold it for some five seconds. */
const busyThreads = 12;
const leastHeldMs = 2000;
const user = 1000;
/** Of other containers' calls, on a machine one of whose processors is not to be had. */
const mostMs = patient(1000);

test.for([
  { flag: 'with WAIT_KILLABLE_RECV', isKillable: true, flags: [], holders: 1 },
  { flag: 'without it', isKillable: false, flags: [], holders: 1 },
  { flag: 'with it, and other calls', isKillable: true, flags: ['-o'], holders: 1 },
  { flag: 'without it, and other calls', isKillable: false, flags: ['-o'], holders: 4 },
])(
  'G4, A12: held listeners: $holders $flag: others are answered, also while a container ends',
  { timeout: 60_000 },
  async ({ isKillable, flags, holders }) => {
    using oci = ociBundleWith(['SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV']);
    await using agent = await startHostileAgent({ log: 'warn' });
    const { socket, bundles } = agent;
    bundles.write('perform', { component: 'perform' });
    await using good = new SteadyCaller('mkdir /tmp', { socket, metadata: 'perform' });
    await until('the good container', () => good.count > 5 || undefined);
    const asking = isKillable ? ['-k', oci.path] : [];
    const attack = [...asking, ...flags, socket, 'perform', String(busyThreads)];
    await using all = new AsyncDisposableStack();
    const running = Array.from({ length: holders }, () =>
      all.use(new RunningCommand([compiled('listener-holder'), ...attack])),
    );
    for (const each of running) {
      await until('it to hold', () => each.stdout.includes('holding') || undefined);
    }
    const began = performance.now();
    // its end has everybody's helpers looked at
    const ending = new SteadyCaller('mkdir /tmp', { socket, metadata: 'perform' });
    await until('another container', () => ending.count > 0 || undefined);
    await ending[Symbol.asyncDispose]();
    const ended = await Promise.all(running.map(async (each) => each.ended));
    const over = performance.now();

    const calls = await good.finish();
    const held = ended.map(({ stdout }) => Number(/^held (\d+)$/mu.exec(stdout)?.[1]) / 1e6);
    expect(Math.max(...held)).toBeGreaterThan(leastHeldMs);
    expect([...new Set(calls.map(({ answer }) => answer))]).toEqual(['EEXIST']);
    const meanwhile = calls.filter(({ beganMs }) => beganMs > began && beganMs < over);
    const times = meanwhile.map(({ tookMs }) => tookMs).toSorted((one, other) => one - other);
    expect(times.length).toBeGreaterThan(10);
    expect(times.at(-1)).toBeLessThan(mostMs);
  },
);

test('G4: held listeners: one that a user sends while it is held keeps nobody waiting', async () => {
  using folder = new TemporaryFolder();
  const socket = folder.at('agent.sock');
  await using agent = await AgentProcess.start(
    socket,
    '-resolver=demo-basic',
    `-allow-uids=${user}`,
  );
  const asUser = ['setpriv', `--reuid=${user}`, `--regid=${user}`, '--clear-groups'] as const;
  await using holder = new RunningCommand([
    ...asUser,
    compiled('listener-holder'),
    '-u',
    socket,
    '-',
    String(busyThreads),
  ]);
  await until('its listener', () => holder.stdout.includes('sent') || undefined);
  const began = performance.now();
  await using roots = new AskedCaller({ socket, id: 'roots' });
  expect((await roots.ask('mkdir /proc/none')).answer).toBe('ENOENT');
  const tookMs = performance.now() - began;

  const held = Number(/^held (\d+)$/mu.exec((await holder.ended).stdout)?.[1]) / 1e6;
  expect(held).toBeGreaterThan(leastHeldMs);
  expect(tookMs).toBeLessThan(mostMs);
  await agent.logged('message-refused', { peerUid: String(user), code: 'AGENT_LISTENER' });
});
