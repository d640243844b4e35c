// SPDX-License-Identifier: Apache-2.0
// How many mounts are made for one user of a container.
import { chmodSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { HandledContainer } from '../support/handled-container.ts';

test('A12: mounts: a user has a budget, root still mounts, and what is gone is given back', async () => {
  await using handled = await HandledContainer.start({
    bundle: 'mount',
    runtime: 'runc',
    trapped: ['mount'],
    capabilities: ['CAP_SETUID', 'CAP_SETGID', 'CAP_SYS_ADMIN'],
    program: 'mount-filler',
    prepareRootfs: (rootfs) => {
      chmodSync(join(rootfs, 'mnt'), 0o777);
    },
    script: 'mount-filler /mnt 1000 20',
  });

  expect(handled.output.split('\n').slice(0, 3)).toEqual([
    // each with what the container does not see of it
    expect.stringMatching(/^user [12]\d\d ENOSPC$/u),
    'root OK',
    'user 20 OK',
  ]);
  expect(handled.errors).toEqual([]);
});

test('A12: mounts: mounts that a caller takes away itself are given back', async () => {
  await using handled = await HandledContainer.start({
    bundle: 'mount',
    runtime: 'runc',
    trapped: ['mount'],
    rootUidOutside: 100_000,
    capabilities: ['CAP_SYS_ADMIN', 'CAP_DAC_OVERRIDE'],
    // the agent hears of no umount
    script:
      'n=0; while [ $n -lt 400 ] && mount -t proc proc /mnt && umount -l /mnt; do n=$((n+1)); done; echo $n',
  });

  expect(handled.output).toMatch(/^400$/mu);
  expect(handled.errors).toEqual([]);
});
