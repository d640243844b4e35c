// SPDX-License-Identifier: Apache-2.0
// What is made for a container is charged to the container, whose own limit answers.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { shippedBundles } from '../../host/package-root.ts';
import { compiled } from '../support/compile.ts';
import { Container } from '../support/container-runtime.ts';
import type { ContainerOptions } from '../support/container-runtime.ts';
import { libraryMounts, readOnly } from '../support/handled-container.ts';
import { MemoryCgroup } from '../support/memory-cgroup.ts';
import { makeRootfs } from '../support/rootfs.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { testBundle } from '../support/test-bundles.ts';
import { startWatchedAgent } from '../support/watched-agent.ts';

const mebibyte = 1024 * 1024;
const containerLimit = 32 * mebibyte;
/** Far more than that limit has room for. */
const attempts = 1_000_000;

const machine = new TemporaryFolder();
beforeAll(() => {
  makeRootfs(machine.at('rootfs'));
});
afterAll(() => {
  machine[Symbol.dispose]();
});

function limited(script: string, options: Partial<ContainerOptions>): ContainerOptions {
  return {
    runtime: 'runc',
    folder: machine.path,
    rootfs: machine.at('rootfs'),
    listenerPath: '',
    script,
    resources: { memory: { limit: containerLimit } },
    mounts: [
      ...libraryMounts(),
      readOnly(compiled('directory-filler'), '/bin/directory-filler'),
      {
        type: 'tmpfs',
        source: 'shm',
        destination: '/dev/shm',
        options: ['nosuid', 'noexec', 'nodev', 'mode=1777', 'nr_inodes=10000000'],
      },
    ],
    ...options,
  };
}

test.for([
  { runtime: 'runc', flags: [] },
  { runtime: 'crun', flags: ['SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV'] },
] as const)(
  'A12: memory: a million folders end the program that wants them, and cost the agent nothing: $runtime',
  async ({ runtime, flags }) => {
    using cgroup = new MemoryCgroup(1024 * mebibyte);
    await using agent = await startWatchedAgent({
      bundle: testBundle('perform'),
      log: 'warn',
      // calls of those that were ended
      mayWarn: true,
      wrapper: cgroup.wrapper,
    });
    // the shell is to tell of it
    const script = `(echo 1000 >/proc/self/oom_score_adj; exec directory-filler /dev/shm '' ${attempts}); echo "ended with $?"`;
    const ended = async (trapped: readonly string[]): Promise<string> => {
      await using container = await Container.run(
        limited(script, { runtime, listenerPath: agent.socket, trapped, flags }),
      );
      return container.output;
    };
    const bare = await ended(['swapon']);
    const before = cgroup.usedBytes;

    const performed = await ended(['mkdir', 'mkdirat']);

    expect(bare).toContain('ended with 137');
    expect(performed).toContain('ended with 137');
    expect(cgroup.peakBytes - before).toBeLessThan(16 * mebibyte);
  },
);

test.for([
  { runtime: 'runc', flags: [] },
  { runtime: 'crun', flags: ['SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV'] },
] as const)(
  'A5: memory: a container that has none left ends its own processes, and not the agent: $runtime',
  async ({ runtime, flags }) => {
    await using agent = await startWatchedAgent({
      bundle: testBundle('perform'),
      log: 'warn',
      mayWarn: true,
    });
    const options = limited('memory-hogs 6; echo "ended with $?"', {
      runtime,
      listenerPath: agent.socket,
      trapped: ['mkdir', 'mkdirat'],
      flags,
      capabilities: ['CAP_SETGID'],
      resources: { memory: { limit: 48 * mebibyte } },
    });
    await using container = await Container.run({
      ...options,
      mounts: [...(options.mounts ?? []), readOnly(compiled('memory-hogs'), '/bin/memory-hogs')],
    });
    expect(container.output).toContain('calls: some, last: answered');
  },
);

test('A12: memory: a shipped handler makes folders at the expense of the container, too', async () => {
  using cgroup = new MemoryCgroup(1024 * mebibyte);
  await using agent = await startWatchedAgent({
    bundle: join(shippedBundles(), 'mkdir-suffix'),
    settings: ['MKDIR_SUFFIX=-s'],
    log: 'warn',
    wrapper: cgroup.wrapper,
  });
  const before = cgroup.usedBytes;
  await using container = await Container.run(
    limited('directory-filler /dev/shm -s 20000', {
      listenerPath: agent.socket,
      trapped: ['mkdir', 'mkdirat'],
    }),
  );
  const pid = await container.firstPid();
  const path = /^\d+:(?:memory)?:(?<path>.*)$/mu.exec(readFileSync(`/proc/${pid}/cgroup`, 'utf8'));
  expect(container.output).toContain('made 20000 OK');
  expect(MemoryCgroup.used(path?.groups?.['path'] ?? '')).toBeGreaterThan(16 * mebibyte);
  expect(cgroup.peakBytes - before).toBeLessThan(16 * mebibyte);
});

/** A file system in memory with the folders of an overlay, and files with large attributes below. */
class Layers implements Disposable {
  readonly #folder = new TemporaryFolder();
  readonly options: readonly string[];

  constructor(files: number) {
    const at = (name: string): string => this.#folder.at(`memory/${name}`);
    mkdirSync(this.#folder.at('memory'));
    execFileSync('mount', ['-t', 'tmpfs', 'none', this.#folder.at('memory')]);
    for (const name of ['lower', 'upper', 'work']) mkdirSync(at(name));
    const paths = Array.from({ length: files }, (_, index) => at(`lower/f${index}`));
    for (const path of paths) writeFileSync(path, '');
    const attribute = ['-n', 'trusted.large', '-v', 'a'.repeat(60_000)];
    execFileSync('setfattr', [...attribute, ...paths]);
    this.options = [`lowerdir=${at('lower')}`, `upperdir=${at('upper')}`, `workdir=${at('work')}`];
  }

  [Symbol.dispose](): void {
    execFileSync('umount', [this.#folder.at('memory')]);
    this.#folder[Symbol.dispose]();
  }
}

test('A12: memory: attributes that an overlay copies end the program that changes the files', async () => {
  // 59 MiB of attributes
  const files = 1024;
  using cgroup = new MemoryCgroup(1024 * mebibyte);
  await using agent = await startWatchedAgent({
    bundle: testBundle('perform'),
    log: 'warn',
    mayWarn: true,
    wrapper: cgroup.wrapper,
  });
  const script =
    '(echo 1000 >/proc/self/oom_score_adj; exec chmod 600 /over/*); echo "ended with $?"';
  const ended = async (trapped: readonly string[]): Promise<string> => {
    using layers = new Layers(files);
    const overlay = { type: 'overlay', source: 'overlay', destination: '/over' };
    await using container = await Container.run(
      limited(script, {
        listenerPath: agent.socket,
        trapped,
        mounts: [...libraryMounts(), { ...overlay, options: layers.options }],
      }),
    );
    return container.output;
  };
  const bare = await ended(['swapon']);
  const before = cgroup.usedBytes;

  const performed = await ended(['chmod', 'fchmodat', 'fchmodat2']);

  expect(bare).toContain('ended with 137');
  expect(performed).toContain('ended with 137');
  expect(cgroup.peakBytes - before).toBeLessThan(16 * mebibyte);
});
