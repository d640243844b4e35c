// SPDX-License-Identifier: Apache-2.0
// Tests an agent's knowledge of a container before it has attached it, and when it could not.
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { promisify } from 'node:util';

import { expect, test } from 'vitest';

import { Agent } from '../../host/agent.ts';
import type { ContainerIdentity, Resolver } from '../../host/resolvers/resolver.ts';
import { bundleResolver } from '../support/bundle-resolver.ts';
import { runCommand } from '../support/command.ts';
import { compiled } from '../support/compile.ts';
import { Container } from '../support/container-runtime.ts';
import { until } from '../support/polling.ts';
import { makeRootfs } from '../support/rootfs.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { testBundle } from '../support/test-bundles.ts';

const saidPid = 4242;

/** A resolver that fails at everything, at once or later. */
class FailingResolver implements Resolver {
  readonly asked: (number | undefined)[] = [];
  readonly #fail: () => Promise<void>;

  constructor(fail: () => Promise<void>) {
    this.#fail = fail;
  }

  prepare({ firstPid }: ContainerIdentity): Promise<void> {
    this.asked.push(firstPid);
    return this.#fail();
  }

  resolve(): never {
    throw new Error('not reached');
  }

  keep(): never {
    throw new Error('not reached');
  }
}

test.for([
  [
    'at once',
    () => {
      throw new Error('no bundle');
    },
  ],
  ['later', async () => Promise.reject(new Error('no bundle'))],
] as const)('attach: what fails %s leaves nothing known of its container', async ([, fail]) => {
  using folder = new TemporaryFolder();
  const socket = folder.at('agent.socket');
  const resolver = new FailingResolver(fail);
  const log = { level: 'fatal', format: 'text', isColored: false } as const;
  const agent = await Agent.start({ resolver, log });
  try {
    agent.listen({ path: socket, allowedUids: [] });
    // the second one, as crun exec sends it, relies on what is known of the container
    for (const pid of [saidPid, 0]) {
      const state = { ociVersion: '1.2.0', id: 'c1', status: 'running', pid };
      const message = { ociVersion: '1.2.0', fds: ['seccompFd'], pid: process.pid, state };
      writeFileSync(folder.at('message'), JSON.stringify(message));
      const words = ['-s', socket, '-f', folder.at('message')];
      await promisify(execFile)(compiled('send-state'), words);
    }
    // whom a runtime has entered is asked in a thread
    await until('two listeners', () => resolver.asked.length >= 2 || undefined);
  } finally {
    await agent.stop();
  }
  expect(resolver.asked).toEqual([saidPid, undefined]);
});

test('A8: attach: paths that the container hid when its listener came stay hidden, however long bundles take', async () => {
  using folder = new TemporaryFolder();
  const rootfs = folder.at('rootfs');
  makeRootfs(rootfs);
  const resolver: Resolver = {
    ...bundleResolver(testBundle('mounts')),
    async prepare({ firstPid }) {
      const inside = [
        'nsenter',
        '--mount',
        `--target=${firstPid}`,
        'umount',
        '/proc/keys',
      ] as const;
      expect(await runCommand(inside)).toMatchObject({ code: 0, stderr: '' });
    },
  };
  const log = { level: 'fatal', format: 'text', isColored: false } as const;
  const agent = await Agent.start({ resolver, log });
  try {
    const listenerPath = folder.at('agent.socket');
    agent.listen({ path: listenerPath, allowedUids: [] });
    const kind = 'if [ -c $path ]; then echo $path: hidden; else echo $path: seen; fi';
    await using container = await Container.run({
      runtime: 'runc',
      folder: folder.path,
      rootfs,
      listenerPath,
      trapped: ['mount'],
      script: `mount -t proc proc /mnt; for path in /proc/keys /mnt/keys; do ${kind}; done`,
    });
    expect(container.output).toBe('/proc/keys: seen\n/mnt/keys: hidden\nready\n');
  } finally {
    await agent.stop();
  }
});
