// SPDX-License-Identifier: Apache-2.0
// What an agent does while it can start no thread, as at the limit of tasks of its pod: nobody notices
// later.
import { expect, test } from 'vitest';

import { AskedCaller } from '../support/asked-caller.ts';
import { BundleFolder } from '../support/bundle-folder.ts';
import { ControlledAgent } from '../support/controlled-agent.ts';
import { looping } from '../support/hostile-components.ts';
import { Operator } from '../support/operator.ts';
import { PidsCgroup } from '../support/pids-cgroup.ts';
import { until } from '../support/polling.ts';

const syscalls = ['getpgid'];
const good = { component: 'errno', syscalls, settings: { errno: 'EBADMSG' } };

test('G1: few threads: a bundle that nobody can load for want of a thread is loaded later', async () => {
  using bundles = new BundleFolder();
  bundles.write('good', good);
  using operator = new Operator();
  const config = operator.write({ 'bundle-folders': [bundles.path] });
  await using agent = await ControlledAgent.start(`-config=${config}`);
  using cgroup = new PidsCgroup(agent.process.pid);
  const metadata = 'BUNDLE=good';

  cgroup.leave(0);
  await using _early = new AskedCaller({ socket: agent.socket, metadata, id: 'early' });
  await until('a line on it', () =>
    agent.process.records.find(({ container }) => container === 'early'),
  );
  cgroup.leaveMany();

  await until('it to be loaded', async () => {
    await using caller = new AskedCaller({ socket: agent.socket, metadata });
    return (await caller.ask('getpgid 0')).answer === 'EBADMSG' || undefined;
  });
  expect(agent.process.records.filter(({ level }) => level === 'fatal')).toEqual([]);
});

test('G1: few threads: workers that could not be replaced are, once there are threads again', async () => {
  using bundles = new BundleFolder();
  bundles.write('good', good);
  using operator = new Operator();
  for (let index = 0; index < 6; index += 1) {
    bundles.write(`loop${index}`, { component: looping(), syscalls });
  }
  const config = operator.write({ 'bundle-folders': [bundles.path] });
  await using agent = await ControlledAgent.start(`-config=${config}`);
  const { workers } = await agent.status();
  using cgroup = new PidsCgroup(agent.process.pid);
  await using caller = new AskedCaller({ socket: agent.socket, metadata: 'BUNDLE=good' });
  expect((await caller.ask('getpgid 0')).answer).toBe('EBADMSG');
  await using stack = new AsyncDisposableStack();
  const evil = Array.from({ length: 6 }, (_, index) =>
    stack.use(
      new AskedCaller({
        socket: agent.socket,
        metadata: `BUNDLE=loop${index}`,
        id: `loop-${index}`,
      }),
    ),
  );
  for (const index of evil.keys()) {
    await agent.process.logged('container-attached', { container: `loop-${index}` });
  }

  // those that end give nothing back
  cgroup.leave(-20);
  // those that nobody answers are ended with the test
  for (const one of evil) one.ask('getpgid 1').catch(() => undefined);
  await agent.process.logged('worker-not-started');
  cgroup.leaveMany();

  await until('all workers', async () => (await agent.status()).workers >= workers || undefined);
  expect((await caller.ask('getpgid 0')).answer).toBe('EBADMSG');
});
