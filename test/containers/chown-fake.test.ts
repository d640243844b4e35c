// SPDX-License-Identifier: Apache-2.0
// Tests the handler chown-fake with containers of real runtimes.
import { chownSync, writeFileSync } from 'node:fs';

import { describe, expect, test } from 'vitest';

import { HandledContainer } from '../support/handled-container.ts';
import type { HandledOptions } from '../support/handled-container.ts';

const rootUidOutside = 100_000;
const trapped = ['chown', 'lchown', 'fchownat', 'fchown'];

/** Output of the program for changes that count as done. */
function linesWith(owner: string): readonly string[] {
  return [
    'chown 0',
    'lchown 0',
    'fchownat 0',
    'fchown 0',
    'fchown closed EBADF',
    'fchownat empty 0',
    'fchownat flags EINVAL',
    'chown nothing ENOENT',
    'chown link to nothing ENOENT',
    `file is of ${owner}`,
    `link is of ${owner}`,
    'ready',
    '',
  ];
}

async function outputOf(
  options: Omit<HandledOptions, 'bundle' | 'trapped' | 'program'>,
): Promise<readonly string[]> {
  await using handled = await HandledContainer.start({
    bundle: 'chown-fake',
    trapped,
    program: 'container-calls',
    ...options,
  });
  expect(handled.errors).toEqual([]);
  return handled.output.split('\n');
}

describe.for(['runc', 'crun'] as const)('%s', (runtime) => {
  test('chown-fake: a user’s changes count as done, and nothing changes', async () => {
    const lines = await outputOf({
      runtime,
      uid: 1000,
      script: 'container-calls chown /home 0 0',
      prepareRootfs: (rootfs) => {
        chownSync(`${rootfs}/home`, 1000, 1000);
      },
    });
    expect(lines).toEqual(linesWith('1000:1000'));
  });

  test('chown-fake: root in a user namespace changes what it may, and ids it has not count as done', async () => {
    const capabilities = ['CAP_CHOWN'];
    const script = 'container-calls chown /home 5 7';
    expect(await outputOf({ runtime, rootUidOutside, capabilities, script })).toEqual(
      linesWith('5:7'),
    );
    const beyond = 'container-calls chown /home 70000 7';
    expect(await outputOf({ runtime, rootUidOutside, capabilities, script: beyond })).toEqual(
      linesWith('0:7'),
    );
  });

  test('chown-fake: open files are known without a procfs', async () => {
    const lines = await outputOf({
      runtime,
      capabilities: ['CAP_SYS_CHROOT'],
      script: 'container-calls fchown /home 70 7',
      prepareRootfs: (rootfs) => {
        writeFileSync(`${rootfs}/home/other`, '');
        chownSync(`${rootfs}/home/other`, 1000, 1000);
      },
    });
    expect(lines).toEqual([
      'fchown 0',
      'fchown ours 0',
      'fchown other 0',
      'fchown path EBADF',
      'fchown directory EBADF',
      'fchown closed EBADF',
      'chown by proc ENOENT',
      'file is of 0:0',
      'other is of 1000:1000',
      'ready',
      '',
    ]);
  });
});
