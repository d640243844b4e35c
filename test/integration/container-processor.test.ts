// SPDX-License-Identifier: Apache-2.0
// What is done for a container that has hardly any processor time takes long, where helpers have no
// more of it than the container (cgroup v2), and is answered as by the kernel.
import { readFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import { Container } from '../support/container-runtime.ts';
import type { ContainerOptions } from '../support/container-runtime.ts';
import { makeRootfs } from '../support/rootfs.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { testBundle } from '../support/test-bundles.ts';
import { startWatchedAgent } from '../support/watched-agent.ts';

const folders = 150;
const periodUs = 100_000;
/** The least that there is, and Kubernetes' 10m. */
const quotaUs = 1000;

const makeFolders = `i=0; names=
while [ $i -lt ${folders} ]; do i=$((i+1)); names="$names /tmp/$i"; done
mkdir $names || echo failed; ls /tmp | wc -l`;

/** How often the kernel has stopped the processes of a container for their quota. */
function throttled(pid: number): number {
  const cgroups = readFileSync(`/proc/${pid}/cgroup`, 'utf8');
  const unified = /^0::(?<path>.*)$/mu.exec(cgroups)?.groups?.['path'];
  const cpu = /^\d+:(?:[^:]*,)?cpu(?:,[^:]*)?:(?<path>.*)$/mu.exec(cgroups)?.groups?.['path'];
  const folder = cpu === undefined ? `/sys/fs/cgroup${unified}` : `/sys/fs/cgroup/cpu${cpu}`;
  const stat = readFileSync(`${folder}/cpu.stat`, 'utf8');
  return Number(/^nr_throttled (?<count>\d+)$/mu.exec(stat)?.groups?.['count']);
}

test.for([
  { runtime: 'runc', flags: [] },
  { runtime: 'crun', flags: ['SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV'] },
] as const)(
  'A12: processor: a container with a hundredth of one gets the kernel’s answers, $runtime',
  { timeout: 300_000 },
  async ({ runtime, flags }) => {
    using folder = new TemporaryFolder();
    makeRootfs(folder.at('rootfs'));
    await using agent = await startWatchedAgent({ bundle: testBundle('perform'), log: 'warn' });
    const start = async (options: Partial<ContainerOptions>): Promise<Container> =>
      Container.run({
        runtime,
        flags,
        folder: folder.path,
        rootfs: folder.at('rootfs'),
        listenerPath: agent.socket,
        trapped: ['mkdir', 'mkdirat'],
        mounts: [{ type: 'tmpfs', source: 'tmp', destination: '/tmp' }],
        script: '',
        ...options,
      });
    await using neighbour = await start({});
    const slowOne = { isUp: false };
    const starting = start({
      resources: { cpu: { quota: quotaUs, period: periodUs } },
      script: makeFolders,
    }).finally(() => {
      slowOne.isUp = true;
    });
    let others = 0;
    while (!slowOne.isUp) {
      others += 1;
      expect((await neighbour.exec(`mkdir /tmp/${others} && echo made`)).stdout).toBe('made\n');
    }
    await using slow = await starting;
    expect(slow.output).toBe(`${folders}\nready\n`);
    expect(throttled(await slow.firstPid())).toBeGreaterThan(0);
    expect(agent.log()).toEqual([]);
  },
);
