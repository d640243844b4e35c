// SPDX-License-Identifier: Apache-2.0
// What is made for containers on file systems in memory takes memory of the agent.
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { shippedBundles } from '../../host/package-root.ts';
import { compiled } from '../support/compile.ts';
import { Container } from '../support/container-runtime.ts';
import { libraryMounts, readOnly } from '../support/handled-container.ts';
import { MemoryGroup } from '../support/memory-group.ts';
import { giveRootfs, makeRootfs } from '../support/rootfs.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { startWatchedAgent } from '../support/watched-agent.ts';

const mebibyte = 1024 * 1024;
const containerLimit = 64 * mebibyte;
/** Far more than a budget. */
const attempts = 200_000;
/** That a container has, and more than what is left to it without what it has removed. */
const again = 20_000;

function figureBehind(name: string, text: string): number {
  return Number(new RegExp(`^${name} (?<count>\\d+)`, 'mu').exec(text)?.groups?.['count'] ?? -1);
}

interface Machine {
  readonly folder: TemporaryFolder;
  readonly socket: string;
}

async function fill(machine: Machine, script: string, rootUidOutside?: number): Promise<Container> {
  const rootfs = machine.folder.at('rootfs');
  return Container.run({
    runtime: 'runc',
    folder: machine.folder.path,
    rootfs,
    listenerPath: machine.socket,
    script,
    trapped: ['mkdir', 'mkdirat'],
    resources: { memory: { limit: containerLimit } },
    mounts: [
      ...libraryMounts(),
      readOnly(compiled('directory-filler'), '/bin/directory-filler'),
      {
        type: 'tmpfs',
        source: 'shm',
        destination: '/dev/shm',
        options: ['nosuid', 'noexec', 'nodev', 'mode=1777', 'size=64k'],
      },
    ],
    ...(rootUidOutside === undefined ? {} : { rootUidOutside }),
  });
}

test.for([
  { kind: 'without a user namespace', rootUid: undefined },
  { kind: 'with a user namespace', rootUid: 100_000 },
])(
  'A12: memory file systems: a container $kind has a budget, and others have theirs',
  async ({ rootUid }) => {
    using folder = new TemporaryFolder();
    makeRootfs(folder.at('rootfs'));
    if (rootUid !== undefined) giveRootfs(folder.at('rootfs'), rootUid);
    using group = new MemoryGroup(1024 * mebibyte);
    await using agent = await startWatchedAgent({
      bundle: join(shippedBundles(), 'mkdir-suffix'),
      settings: ['MKDIR_SUFFIX=-s'],
      log: 'warn',
      wrapper: group.wrapper,
    });
    const machine = { folder, socket: agent.socket };
    const before = group.usage();

    await using greedy = await fill(
      machine,
      `directory-filler /dev/shm -s ${attempts} ${again}`,
      rootUid,
    );

    const made = figureBehind('made', greedy.output);
    expect(made).toBeGreaterThan(30_000);
    expect(made).toBeLessThan(60_000);
    expect(greedy.output).toMatch(/^made \d+ ENOSPC$/mu);
    expect(greedy.output).toMatch(/^there -1 EEXIST$/mu);
    expect(greedy.output).toMatch(new RegExp(`^removed ${made}$`, 'mu'));
    expect(greedy.output).toMatch(new RegExp(`^again ${again} OK$`, 'mu'));
    expect(group.peak() - before).toBeLessThan(150 * mebibyte);

    await using other = await fill(
      machine,
      'directory-filler /dev/shm -s 1000 10; mkdir /made; test -d /made-s && echo on a disk',
      rootUid,
    );
    expect(other.output).toMatch(/^made 1000 OK$/mu);
    expect(other.output).toMatch(/^on a disk$/mu);
  },
);
