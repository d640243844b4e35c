// SPDX-License-Identifier: Apache-2.0
// Helpers in the cgroups of containers: nothing is left of them, and they keep nobody from freezing
// and ending a container.
import { copyFileSync, existsSync, readFileSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { systemCodeOf } from '../../host/errors.ts';
import { compiled } from '../support/compile.ts';
import { Container, withVersion2Alone } from '../support/container-runtime.ts';
import type { ContainerOptions } from '../support/container-runtime.ts';
import { MemoryCgroup } from '../support/memory-cgroup.ts';
import { maySpare } from '../support/own-rights.ts';
import { until } from '../support/polling.ts';
import { childrenOf } from '../support/process-resources.ts';
import { makeRootfs } from '../support/rootfs.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { testBundle } from '../support/test-bundles.ts';
import { startWatchedAgent } from '../support/watched-agent.ts';
import type { WatchedAgent } from '../support/watched-agent.ts';

const machine = new TemporaryFolder();
beforeAll(() => {
  makeRootfs(machine.at('rootfs'));
  copyFileSync(compiled('paused-caller.static'), machine.at('rootfs/bin/paused-caller'));
});
afterAll(() => {
  machine[Symbol.dispose]();
});

const mounted = '/sys/fs/cgroup';

/** The folders of a process's cgroups, in each hierarchy. */
function cgroupsOf(pid: number): readonly string[] {
  const lines = readFileSync(`/proc/${pid}/cgroup`, 'utf8').trim().split('\n');
  return lines.flatMap((line) => {
    const [, controllers = '', path = ''] = line.split(':');
    const names = [controllers, controllers.replace('name=', ''), 'unified', ''];
    const folders = names.map((name) => join(mounted, name, path));
    return path === '/' ? [] : folders.filter((folder) => existsSync(folder)).slice(0, 1);
  });
}

/** Those of the agent's children whose program is the helper. */
function helpersOf(agent: WatchedAgent): readonly number[] {
  return childrenOf(agent.pid).filter(
    (pid) =>
      basename(readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')[0] ?? '') ===
      'seccompagent-helper',
  );
}

async function start(
  agent: WatchedAgent,
  runtime: 'runc' | 'crun',
  script: string,
  more: Partial<ContainerOptions> = {},
): Promise<Container> {
  return Container.run({
    runtime,
    folder: machine.path,
    rootfs: machine.at('rootfs'),
    listenerPath: agent.socket,
    script,
    trapped: ['mkdir', 'mkdirat', 'rmdir', 'unlinkat', 'open', 'openat'],
    ...more,
    ...(runtime === 'crun' ? { flags: ['SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV'] } : {}),
  });
}

const runtimes = ['runc', 'crun'] as const;

test.for(runtimes)(
  'A12: helpers are in the cgroups of their container, and leave none: %s',
  async (runtime) => {
    await using agent = await startWatchedAgent({ bundle: testBundle('perform'), log: 'warn' });
    let folders: readonly string[] = [];
    {
      await using container = await start(agent, runtime, 'mkdir /dev/a && echo made');
      expect(container.output).toContain('made');
      folders = cgroupsOf(await container.firstPid());
      const [helper = 0] = helpersOf(agent);
      const joined = MemoryCgroup.isFirst ? ['memory', 'devices'] : ['seccompagent'];
      const theirs = cgroupsOf(helper);
      for (const name of joined) {
        expect(
          theirs.filter(
            (folder) =>
              folder.includes(`/${name}`) && folders.some((above) => folder.startsWith(above)),
          ),
        ).toHaveLength(1);
      }
      // what the container makes does not end it, if the agent has the right to say so
      const own = readFileSync(`/proc/${agent.pid}/oom_score_adj`, 'utf8');
      expect(readFileSync(`/proc/${helper}/oom_score_adj`, 'utf8')).toBe(
        maySpare(agent.pid) ? '-1000\n' : own,
      );
    }
    expect(folders.length).toBeGreaterThan(0);
    expect(folders.filter((folder) => existsSync(folder))).toEqual([]);
    await until('the end of the helpers', () => helpersOf(agent).length === 0 || undefined);
  },
);

/** Empty: it has ended. */
function stateOf(tid: number): string {
  try {
    const status = readFileSync(`/proc/${tid}/status`, 'utf8');
    return /^State:\t(?<state>.)/mu.exec(status)?.groups?.['state'] ?? '';
  } catch (thrown) {
    if (systemCodeOf(thrown) === 'ENOENT' || systemCodeOf(thrown) === 'ESRCH') return '';
    throw thrown;
  }
}

/** The states of all threads in a cgroup of version 2 and those below it, as letters of proc_pid_stat(5). */
function statesIn(cgroup: string): readonly string[] {
  const folders = [cgroup, ...readdirSync(cgroup).map((name) => join(cgroup, name))];
  return folders
    .filter((folder) => existsSync(join(folder, 'cgroup.threads')))
    .flatMap((folder) => readFileSync(join(folder, 'cgroup.threads'), 'utf8').split('\n'))
    .filter((tid) => tid !== '')
    .map((tid) => stateOf(Number(tid)));
}

test.concurrent.for(runtimes)(
  'A12: helpers: a container is paused in the middle of its calls and goes on: %s',
  async (runtime) => {
    await using agent = await startWatchedAgent({
      bundle: testBundle('perform'),
      log: 'warn',
      wrapper: withVersion2Alone,
    });
    // what waits for a FIFO has the whole time of the caller with WAIT_KILLABLE_RECV alone
    const waits = runtime === 'crun' ? 'waits' : '';
    await using container = await start(
      agent,
      runtime,
      `paused-caller /dev ${waits} > /dev/said & sleep 0.3`,
      { hasVersion2Alone: true },
    );
    const pid = await container.firstPid();
    const [cgroup = ''] = cgroupsOf(pid).filter((folder) => existsSync(`${folder}/cgroup.freeze`));
    const rounds = 20;
    for (let round = 0; round < rounds; round += 1) {
      await container.pause();
      expect(await container.status()).toBe('paused');
      // nobody waits for an answer
      await until('the pause', () => {
        const isFrozen = readFileSync(`${cgroup}/cgroup.events`, 'utf8').includes('frozen 1');
        return isFrozen && !statesIn(cgroup).includes('D') ? true : undefined;
      });
      // longer than a file system may take
      if (round === rounds - 1) await sleep(12_000);
      await container.resume();
      expect(await container.status()).toBe('running');
    }
    const script =
      'touch /dev/stop; while ! grep -q done /dev/said; do sleep 0.1; done; cat /dev/said';
    expect((await container.exec(script)).stdout).toBe('done\n');
  },
);

test('A12: helpers: many containers one after the other leave no cgroup', async () => {
  await using agent = await startWatchedAgent({ bundle: testBundle('perform'), log: 'warn' });
  const ids = new Set<string>();
  for (let round = 0; round < 12; round += 1) {
    const runtime = runtimes[round % 2] ?? 'runc';
    const container = await start(agent, runtime, 'mkdir /dev/a && rmdir /dev/a && echo done');
    ids.add(container.id);
    expect(container.output).toContain('done');
    await container[Symbol.asyncDispose]();
  }
  const hierarchies = MemoryCgroup.isFirst
    ? readdirSync(mounted).map((name) => join(mounted, name))
    : [mounted];
  const left = hierarchies.flatMap((folder) => readdirSync(folder).filter((name) => ids.has(name)));
  expect(left).toEqual([]);
});
