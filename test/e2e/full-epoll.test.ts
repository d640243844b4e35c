// SPDX-License-Identifier: Apache-2.0
// What an agent does where root of containers has all epoll watches that root may have: nobody
// notices.
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';

import { afterEach, expect, test, vi } from 'vitest';

import { metricValues } from '../support/agent-metrics.ts';
import { AskedCaller } from '../support/asked-caller.ts';
import { BundleFolder } from '../support/bundle-folder.ts';
import { compiled } from '../support/compile.ts';
import { ControlledAgent } from '../support/controlled-agent.ts';
import { looping } from '../support/hostile-components.ts';
import { Operator } from '../support/operator.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

const patienceMs = 60_000;
const syscalls = ['getpgid'];
const good = { component: 'errno', syscalls, settings: { errno: 'EBADMSG' } };

afterEach(() => {
  vi.unstubAllEnvs();
});

/** Real, effective, saved and file system's, of each thread. */
function usersOfThreads(pid: number): readonly string[] {
  const tasks = `/proc/${pid}/task`;
  const statuses = readdirSync(tasks).map((tid) => readFileSync(`${tasks}/${tid}/status`, 'utf8'));
  return statuses.map((status) => /^Uid:\s+(.*)$/mu.exec(status)?.[1] ?? '');
}

test('G1: epoll watches: where root has no more, the agent goes on, and starts threads', async () => {
  using folder = new TemporaryFolder();
  using bundles = new BundleFolder();
  bundles.write('good', good);
  bundles.write('new', good);
  bundles.write('loop', { component: looping(), syscalls });
  using operator = new Operator();
  const config = operator.write({ 'bundle-folders': [bundles.path] });
  const full = folder.at('full');
  vi.stubEnv('EPOLL_IS_FULL', full);
  vi.stubEnv('LD_PRELOAD', compiled('full-epoll.so'));
  // its rings add watches as well, which the library would not see
  vi.stubEnv('UV_USE_IO_URING', '0');
  await using agent = await ControlledAgent.start(
    `-config=${config}`,
    '-metrics-bind-address=127.0.0.1:0',
  );
  vi.unstubAllEnvs();
  await using caller = new AskedCaller({ socket: agent.socket, metadata: 'BUNDLE=good' });
  expect((await caller.ask('getpgid 0')).answer).toBe('EBADMSG');
  const { workers } = await agent.status();

  writeFileSync(full, '');
  expect((await metricValues(agent.process)).size).toBeGreaterThan(0);
  await using looper = new AskedCaller({ socket: agent.socket, metadata: 'BUNDLE=loop' });
  expect((await looper.ask('getpgid 1')).answer).toBe('EPERM');
  await expect
    .poll(async () => (await agent.status()).workers, { timeout: patienceMs })
    .toBe(workers);
  // it is loaded by a thread of its own
  await using newcomer = new AskedCaller({ socket: agent.socket, metadata: 'BUNDLE=new' });
  expect((await newcomer.ask('getpgid 0')).answer).toBe('EBADMSG');

  expect((await caller.ask('getpgid 0')).answer).toBe('EBADMSG');
  expect(new Set(usersOfThreads(agent.process.pid))).toEqual(new Set(['0\t0\t0\t0']));
});
