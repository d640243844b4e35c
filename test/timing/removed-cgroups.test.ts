// SPDX-License-Identifier: Apache-2.0
// Helpers are gone when the runtime comes to remove the cgroup of their container, also where all
// processors have other work: runc says so at once if one is not.
import { availableParallelism } from 'node:os';

import { expect, test } from 'vitest';

import { RunningCommand } from '../support/command.ts';
import { makeRootfs } from '../support/rootfs.ts';
import { runInRunc } from '../support/runc-command.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { testBundle } from '../support/test-bundles.ts';
import { startWatchedAgent } from '../support/watched-agent.ts';

const rounds = 60;
const loopsEach = 2;
const deadlineMs = 240_000;

const endings = [
  { name: 'that ends after a call', script: 'mkdir /tmp/made' },
  {
    name: 'that ends in the middle of calls',
    script:
      'while :; do mkdir /tmp/a; rmdir /tmp/a; done 2>/dev/null & while ! [ -e /tmp/a ]; do :; done',
  },
] as const;

test.for(endings)(
  'A12: removed cgroups: no helper is left in that of a container $name',
  { timeout: deadlineMs },
  async ({ script }) => {
    await using agent = await startWatchedAgent({ bundle: testBundle('perform'), log: 'warn' });
    using folder = new TemporaryFolder();
    const rootfs = folder.at('rootfs');
    makeRootfs(rootfs);
    await using loops = new AsyncDisposableStack();
    for (let count = 0; count < loopsEach * availableParallelism(); count += 1) {
      loops.use(new RunningCommand(['sh', '-c', 'while :; do :; done'], { deadlineMs }));
    }
    let ended = 0;
    for (let round = 0; round < rounds; round += 1) {
      const { code, stderr } = await runInRunc({
        folder: folder.path,
        rootfs,
        listenerPath: agent.socket,
        metadata: '',
        trapped: ['mkdir', 'rmdir'],
        args: ['/bin/sh', '-c', `rm -rf /tmp/made /tmp/a; mkdir -p /tmp; ${script}`],
      });
      expect(stderr.split('\n').filter((line) => line.includes('cgroup'))).toEqual([]);
      if (code === 0) ended += 1;
    }
    // where the machine is busy, runc itself may fail to start one
    expect(ended).toBeGreaterThan(rounds * 0.9);
  },
);
