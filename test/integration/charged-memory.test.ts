// SPDX-License-Identifier: Apache-2.0
// What containers have the kernel charge to the agent where no budget sees it: files that an overlay
// copies into memory, with all that is in them, and what ended containers have left to others.
import { chownSync } from 'node:fs';

import { expect, test } from 'vitest';

import { RunningCommand, runCommand, seccompagent } from '../support/command.ts';
import { compiled } from '../support/compile.ts';
import { MemoryCgroup } from '../support/memory-cgroup.ts';
import { until } from '../support/polling.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { testBundle } from '../support/test-bundles.ts';
import { startWatchedAgent } from '../support/watched-agent.ts';
import type { WatchedAgent } from '../support/watched-agent.ts';

const mebibyte = 2 ** 20;
const limitBytes = 512 * mebibyte;
const user = 1000;

class Changer implements AsyncDisposable {
  readonly #folder = new TemporaryFolder();
  readonly #running: RunningCommand;

  constructor(
    { socket }: WatchedAgent,
    mebibytes: number,
    count: number,
    operations: readonly string[],
  ) {
    chownSync(this.#folder.path, user, user);
    const words = [socket, this.#folder.path, String(mebibytes), String(count)];
    this.#running = new RunningCommand([compiled('copied-files'), ...words, ...operations]);
  }

  /** How many files were changed, and what came of the next one. */
  async changed(operation: string): Promise<readonly [number, string]> {
    const [, count, answer = ''] = await this.#running.printed(
      new RegExp(`^${operation} (\\d+) (\\w+)$`, 'mu'),
    );
    return [Number(count), answer];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running[Symbol.asyncDispose]();
    this.#folder[Symbol.dispose]();
  }
}

test('A12: copied files: one that is larger than what the agent may have is not changed', async () => {
  using cgroup = new MemoryCgroup(limitBytes);
  await using agent = await startWatchedAgent({
    bundle: testBundle('perform'),
    log: 'warn',
    wrapper: cgroup.wrapper,
  });
  const refused = ['chmod', 'chown', 'link', 'open', 'rename', 'setxattr', 'removexattr'];
  await using changer = new Changer(agent, 600, 1, [...refused, 'truncate']);
  for (const operation of refused) {
    expect([operation, ...(await changer.changed(operation))]).toEqual([operation, 0, 'ENOSPC']);
  }
  // nothing of it is copied
  expect(await changer.changed('truncate')).toEqual([1, 'OK']);
  expect(cgroup.peakBytes).toBeLessThan(limitBytes * 0.75);
});

test('A12: copied files: many that fit one by one are not changed together, and what is over is free', async () => {
  using cgroup = new MemoryCgroup(limitBytes);
  await using agent = await startWatchedAgent({
    bundle: testBundle('perform'),
    log: 'warn',
    wrapper: cgroup.wrapper,
  });
  {
    await using changers = new AsyncDisposableStack();
    const many = Array.from({ length: 6 }, () =>
      changers.use(new Changer(agent, 4, 50, ['chown'])),
    );
    const changed = await Promise.all(many.map(async (changer) => changer.changed('chown')));
    const sum = changed.reduce((before, [count]) => before + count, 0);
    expect(sum).toBeGreaterThan(10);
    expect(changed.map(([, answer]) => answer)).toContain('ENOSPC');
    expect(cgroup.peakBytes).toBeLessThan(limitBytes * 0.9);
  }
  await using changer = new Changer(agent, 4, 10, ['chown']);
  expect(await changer.changed('chown')).toEqual([10, 'OK']);
});

/** How many changes were made that copy attributes, what came of the next one, and of one after all. */
async function copyAttributes(
  agent: WatchedAgent,
  attributes: number,
  count: number,
  way: string,
): Promise<readonly [number, string]> {
  using folder = new TemporaryFolder();
  chownSync(folder.path, user, user);
  const words = [agent.socket, folder.path, String(attributes), String(count), way];
  await using changing = new RunningCommand([compiled('copied-attributes'), ...words]);
  const [, changed, answer = ''] = await changing.printed(/^(\d+) (\w+)$/mu);
  return [Number(changed), answer];
}

/** Of 64 KiB each: nobody has so many, and five such copies are more than the agent may have. */
const manyAttributes = 1000;

test.for(['file', 'folder', 'above', 'bound', 'root'])(
  'A12: copied attributes: many are not copied: %s',
  async (way) => {
    using cgroup = new MemoryCgroup(limitBytes);
    await using agent = await startWatchedAgent({
      bundle: testBundle('perform'),
      log: 'warn',
      wrapper: cgroup.wrapper,
    });
    expect(await copyAttributes(agent, manyAttributes, 8, way)).toEqual([0, 'ENOSPC']);
    // where nothing is to be seen, there may be some
    const isSeen = way !== 'bound';
    expect(await copyAttributes(agent, 1, 8, way)).toEqual(isSeen ? [8, 'OK'] : [0, 'ENOSPC']);
    expect(cgroup.peakBytes).toBeLessThan(limitBytes * 0.75);
  },
);

test('A12: copied attributes: unweighed attributes are looked at soon, and end a helper at most', async () => {
  using cgroup = new MemoryCgroup(limitBytes);
  await using agent = await startWatchedAgent({
    bundle: testBundle('perform'),
    log: 'warn',
    // a helper ends
    mayWarn: true,
    wrapper: cgroup.wrapper,
  });
  const [count, answer] = await copyAttributes(agent, manyAttributes / 4, 30, 'unseen');
  expect(answer).toBe('ENOSPC');
  expect(count).toBeGreaterThan(2);
  // more than there is
  expect(await copyAttributes(agent, manyAttributes * 5, 1, 'unseen')).toEqual([0, 'EPERM']);
  expect(await copyAttributes(agent, 1, 8, 'unseen')).toEqual([8, 'OK']);
});

test('A12: abandoned folders: leftovers of ended containers end no agent', async () => {
  const max = 6000;
  const rounds = 9;
  using cgroup = new MemoryCgroup(limitBytes);
  await using agent = await startWatchedAgent({
    bundle: testBundle('perform'),
    log: 'warn',
    allowedUids: [user],
    wrapper: cgroup.wrapper,
  });
  const words = [agent.socket, String(rounds), String(max)];
  {
    await using filling = new RunningCommand([compiled('abandoned-folders'), ...words]);
    await filling.printed(/^over$/mu);
    const ends = [...filling.stdout.matchAll(/^round (?<count>\d+) (?<answer>\w+)$/gmu)].map(
      ({ groups }) => [Number(groups?.['count']), groups?.['answer']],
    );
    expect(ends.length).toBe(rounds);
    expect(ends[0]).toEqual([max, 'OK']);
    expect(ends.at(-1)).toEqual([0, 'ENOSPC']);
    expect(cgroup.peakBytes).toBeLessThan(limitBytes * 0.9);
  }
  // its file systems are gone with it, soon
  await until('links to be made again', async () => {
    await using filling = new RunningCommand([
      compiled('abandoned-folders'),
      agent.socket,
      '1',
      '9',
    ]);
    await filling.printed(/^over$/mu);
    return filling.stdout.includes('round 9 OK') || undefined;
  });
});

test('A12: absent pages: reading them ends no agent, and delays no other caller', async () => {
  const many = 100_000;
  const few = 30;
  using cgroup = new MemoryCgroup(limitBytes);
  await using agent = await startWatchedAgent({
    bundle: testBundle('perform'),
    log: 'error',
    mayWarn: true,
    wrapper: cgroup.wrapper,
  });
  const program = compiled('absent-pages');
  await using greedy = new RunningCommand([program, agent.socket, String(many)]);
  const [, read] = await greedy.printed(/^(\d+) read$/mu);
  expect(Number(read)).toBeLessThan(many);
  expect(cgroup.peakBytes).toBeLessThan(limitBytes * 0.9);
  await using other = new RunningCommand([program, agent.socket, String(few)]);
  await other.printed(new RegExp(`^${few} read$`, 'mu'));
});

/** In a mount namespace of its own, below a folder. */
const onSmallDisk = `set -e
mount --make-rprivate /
cd "$0"
truncate -s 256M image && mkdir disk && mkfs.ext4 -q -N 200000 image && mount -o loop image disk
chown 1000 disk
exec "$@"`;

test('A12: watched files: memory that containers keep from being reclaimed ends no agent', async ({
  skip,
}) => {
  skip(!MemoryCgroup.isFirst, 'needs cgroups of version 1');
  // more than the agent could have
  const max = 160_000;
  using cgroup = new MemoryCgroup(320 * mebibyte);
  await using agent = await startWatchedAgent({
    bundle: testBundle('perform'),
    log: 'warn',
    wrapper: cgroup.wrapper,
  });
  using folder = new TemporaryFolder();
  const words = [agent.socket, 'disk', String(max)];
  const command = ['sh', '-c', onSmallDisk, folder.path, compiled('watched-files')];
  await using watching = new RunningCommand(['unshare', '-m', ...command, ...words]);
  const [, count, answer] = await watching.printed(/^made (\d+) (\w+)$/mu);
  expect(answer).toBe('ENOSPC');
  expect(Number(count)).toBeGreaterThan(10_000);
});

/** In a mount namespace of its own, below a folder: an overlay on a disk that keeps nothing for root. */
const onDisk = `set -e
mount --make-rprivate /
cd "$0"
truncate -s 64M image && mkdir disk && mkfs.ext4 -q -m 0 image && mount -o loop image disk
echo 0 >"/sys/fs/ext4/$(basename "$(findmnt -no SOURCE disk)")/reserved_clusters"
mkdir disk/l disk/u disk/w disk/o
for name in a b c; do head -c 1M /dev/zero >disk/l/$name; done
cp "$(command -v busybox)" disk/l/busybox
mount -t overlay overlay -o lowerdir=disk/l,upperdir=disk/u,workdir=disk/w disk/o
exec "$@" chroot disk/o /busybox sh -c '
/busybox mv /a /moved && /busybox ln /b /linked && /busybox chmod 600 /c && /busybox ls /'`;

test('A12: copied files: on a disk, large files are renamed, linked and changed', async () => {
  using folder = new TemporaryFolder();
  const running = [seccompagent, 'run', '-log=warn', `-bundle=${testBundle('perform')}`, '--'];
  const { stdout, stderr } = await runCommand([
    'unshare',
    '-m',
    'sh',
    '-c',
    onDisk,
    folder.path,
    ...running,
  ]);
  expect({ names: stdout.split('\n'), stderr }).toEqual({
    names: ['b', 'busybox', 'c', 'linked', 'moved', ''],
    stderr: '',
  });
});
