// SPDX-License-Identifier: Apache-2.0
// Tests files on file systems in memory that are made for containers: they take memory of the agent.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { expect, test } from 'vitest';

import { shippedBundles } from '../../host/package-root.ts';
import { compiled } from '../support/compile.ts';
import { Container } from '../support/container-runtime.ts';
import { libraryMounts, readOnly } from '../support/handled-container.ts';
import { MemoryCgroup } from '../support/memory-cgroup.ts';
import { giveRootfs, makeRootfs } from '../support/rootfs.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { startWatchedAgent } from '../support/watched-agent.ts';

const mebibyte = 1024 * 1024;
const containerLimit = 64 * mebibyte;
/** Far more than a budget. */
const attempts = 200_000;
/** That a container has, and more than what is left to it without what it has removed. */
const again = 20_000;
/** That a container still has beside what others have left behind. */
const some = 15_000;

function figureBehind(name: string, text: string): number {
  return Number(new RegExp(`^${name} (?<count>\\d+)`, 'mu').exec(text)?.groups?.['count'] ?? -1);
}

interface Machine {
  readonly folder: TemporaryFolder;
  readonly socket: string;
}

/** A file system in memory that is mounted outside of containers, and outlives them. */
class Volume implements Disposable {
  readonly path: string;

  constructor(folder: TemporaryFolder, name: string) {
    this.path = folder.at(name);
    mkdirSync(this.path);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'mode=1777,size=64k', 'volume', this.path]);
  }

  clear(): void {
    for (const name of readdirSync(this.path)) rmSync(join(this.path, name), { recursive: true });
  }

  [Symbol.dispose](): void {
    execFileSync('umount', [this.path]);
  }
}

interface Place {
  readonly rootUidOutside?: number;
  readonly volume?: Volume;
}

async function fill(machine: Machine, script: string, place: Place = {}): Promise<Container> {
  const { rootUidOutside, volume } = place;
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
      ...(volume === undefined
        ? []
        : [{ type: 'bind', source: volume.path, destination: '/mnt', options: ['bind', 'rw'] }]),
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
    const place = rootUid === undefined ? {} : { rootUidOutside: rootUid };
    using folder = new TemporaryFolder();
    makeRootfs(folder.at('rootfs'));
    if (rootUid !== undefined) giveRootfs(folder.at('rootfs'), rootUid);
    using group = new MemoryCgroup(1024 * mebibyte);
    await using agent = await startWatchedAgent({
      bundle: join(shippedBundles(), 'mkdir-suffix'),
      settings: ['MKDIR_SUFFIX=-s'],
      log: 'warn',
      wrapper: group.wrapper,
    });
    const machine = { folder, socket: agent.socket };
    const before = group.usedBytes;

    await using greedy = await fill(
      machine,
      `directory-filler /dev/shm -s ${attempts} ${again}`,
      place,
    );

    const made = figureBehind('made', greedy.output);
    expect(made).toBeGreaterThan(30_000);
    expect(made).toBeLessThan(60_000);
    expect(greedy.output).toMatch(/^made \d+ ENOSPC$/mu);
    expect(greedy.output).toMatch(/^there -1 EEXIST$/mu);
    expect(greedy.output).toMatch(new RegExp(`^removed ${made}$`, 'mu'));
    expect(greedy.output).toMatch(new RegExp(`^again ${again} OK$`, 'mu'));
    expect(group.peakBytes - before).toBeLessThan(150 * mebibyte);

    await using other = await fill(
      machine,
      'directory-filler /dev/shm -s 1000 10; mkdir /made; test -d /made-s && echo on a disk',
      place,
    );
    expect(other.output).toMatch(/^made 1000 OK$/mu);
    expect(other.output).toMatch(/^on a disk$/mu);
  },
);

test('A12: memory file systems: leftovers of ended containers on volumes stay counted, for nobody', async () => {
  using folder = new TemporaryFolder();
  makeRootfs(folder.at('rootfs'));
  using group = new MemoryCgroup(1024 * mebibyte);
  await using agent = await startWatchedAgent({
    bundle: join(shippedBundles(), 'mkdir-suffix'),
    settings: ['MKDIR_SUFFIX=-s'],
    log: 'warn',
    wrapper: group.wrapper,
  });
  const machine = { folder, socket: agent.socket };
  const run = async (script: string, volume: Volume): Promise<string> => {
    await using container = await fill(machine, script, { volume });
    return container.output;
  };
  using first = new Volume(folder, 'first');
  {
    using second = new Volume(folder, 'second');
    using third = new Volume(folder, 'third');
    using fourth = new Volume(folder, 'fourth');
    let made = 0;
    for (const volume of [first, second, third, fourth]) {
      const output = await run(`directory-filler /mnt -s ${attempts}`, volume);
      expect(output).toMatch(/^made \d+ ENOSPC$/mu);
      made += figureBehind('made', output);
    }
    expect(made).toBeLessThan(120_000);
    // a third of all is for what goes with its container
    const crowded = await run(
      `directory-filler /mnt/d0-s -s ${some}; directory-filler /dev/shm -s ${some}`,
      first,
    );
    expect(crowded).toMatch(/^made \d{2,} ENOSPC$/mu);
    expect(crowded).toMatch(new RegExp(`^made ${some} OK$`, 'mu'));

    // by somebody whom no agent hears of
    first.clear();
    const emptied = await run(`directory-filler /mnt -s ${some}`, first);
    expect(emptied).toMatch(new RegExp(`^made ${some} OK$`, 'mu'));
  }
  first.clear();
  // the others are unmounted, which is looked at once a second
  await pause(1100);
  const alone = await run(`directory-filler /mnt -s ${attempts}`, first);
  expect(figureBehind('made', alone)).toBeGreaterThan(30_000);
});
