// SPDX-License-Identifier: Apache-2.0
// Options of mounts hold passwords: nothing that the agent says has them.
import { expect, test } from 'vitest';

import { metricsAddress } from '../support/agent-metrics.ts';
import { AgentProcess } from '../support/agent-process.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { testBundle } from '../support/test-bundles.ts';
import { runTrap } from '../support/trap-container.ts';
import { startWatchedAgent } from '../support/watched-agent.ts';

const secret = 'geheim4711';
const trapped = ['mount', 'fsopen'];

function mountOf(type: string, target = '/mnt'): string {
  return `mount:none:${target}:${type}:0:username=me,password=${secret}`;
}

/** Outcome of a mount of each type: done, refused by the kernel, and all ways to fail. */
const ways = [
  ['ramfs', 'OK'],
  ['tmpfs', 'EINVAL'],
  ['none', 'ENODEV'],
  ['throw', 'EPERM'],
  ['nonsense', 'EPERM'],
  ['perform', 'EPERM'],
  ['loop', 'EPERM'],
] as const;

test.for(['trace', 'trace,json'])(
  'M5: secrets: mount data is in no line of the log at level %s',
  async (log) => {
    await using agent = await startWatchedAgent({ bundle: testBundle('secrets'), log });
    for (const [type, answer] of ways) {
      // each of a container of its own: a handler that fails again and again is left alone
      const { lines, errors } = await runTrap({
        socket: agent.socket,
        trapped,
        options: ['-r'],
        operations: ['mkdir:/mnt:755', mountOf(type)],
      });
      expect(errors).toBe('');
      expect([type, lines.at(-1)?.split(' ').at(-1)]).toEqual([type, answer]);
    }
    await agent.untilLogged('handler-timeout');
    const logged = agent.records().map(({ event }) => event);
    expect(logged.filter((event) => event === 'call-answered').length).toBeGreaterThanOrEqual(3);
    expect(logged.filter((event) => event === 'call-failed')).toHaveLength(3);
    await agent.stop();
    expect(agent.log().join('\n')).not.toContain(secret);
    expect(agent.log().join('\n')).not.toContain('password');
  },
);

test('M5: secrets: mount data is neither in what the agent prints nor in its metrics', async () => {
  using folder = new TemporaryFolder();
  const socket = folder.at('agent.socket');
  await using agent = await AgentProcess.start(
    socket,
    '-resolver=demo-basic',
    '-log=trace',
    '-metrics-bind-address=127.0.0.1:0',
  );
  const { lines } = await runTrap({
    socket,
    trapped,
    options: ['-r'],
    operations: ['mkdir:/mnt:755', mountOf('proc'), mountOf('ramfs', '/none')],
  });
  expect(lines.slice(1)).toEqual(['mount -1 EINVAL', 'mount -1 ENOENT']);
  const metrics = await (await fetch(`http://${await metricsAddress(agent)}/metrics`)).text();
  expect(metrics).toContain('mount');
  const { stdout, stderr } = await agent.stop('SIGTERM');
  expect(agent.records.map(({ event }) => event)).toContain('call-answered');
  for (const text of [stdout, stderr, metrics]) expect(text).not.toContain(secret);
});
