// SPDX-License-Identifier: Apache-2.0
// Tests the handler setxattr-overlay with containers of real runtimes.
import { chownSync, mkdirSync } from 'node:fs';

import { describe, expect, test } from 'vitest';

import { familyMembers } from '../../host/syscalls/syscall-table.ts';
import { runCommand } from '../support/command.ts';
import { compiled } from '../support/compile.ts';
import { HandledContainer } from '../support/handled-container.ts';

const rootUidOutside = 100_000;
// an older libseccomp knows no names of the newest calls
const trapped = ['setxattr', 'getxattr', 'listxattr', 'removexattr']
  .flatMap((family) => familyMembers(family))
  .filter((name) => !name.endsWith('at'));

const kinds = (['runc', 'crun'] as const).flatMap((runtime) => [
  { runtime, kind: 'without a user namespace', rootUid: 0 },
  { runtime, kind: 'with a user namespace', rootUid: rootUidOutside },
]);

/** Output of the program for a folder of the caller's own. */
const written = ['setxattr 0', 'setxattr again EEXIST', 'fsetxattr 0', 'setxattr other EPERM'];
const refused = [
  'setxattr EPERM',
  'setxattr again EPERM',
  'fsetxattr EPERM',
  'setxattr other EPERM',
  'getxattr ENODATA',
  'getxattr size ENODATA',
  'getxattr short ENODATA',
  'getxattr other ENODATA',
  'listxattr 0',
  'removexattr EPERM',
  'getxattr removed ENODATA',
];

const readBack = [
  'getxattr 1',
  'getxattr is y',
  'getxattr size 2',
  'getxattr short ERANGE',
  'getxattr other ENODATA',
  'listxattr 0',
  'listed trusted.overlay.opaque',
  'listed trusted.overlay.redirect',
  'removexattr 0',
  'getxattr removed ENODATA',
];

test('setxattr-overlay: with the flag attributes are read back', async () => {
  await using handled = await HandledContainer.start({
    bundle: 'setxattr-overlay',
    runtime: 'crun',
    flags: ['SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV'],
    trapped,
    program: 'container-calls',
    script: 'container-calls overlay /home',
  });
  const lines = handled.output.split('\n').toSorted();
  expect(lines).toEqual([...written, ...readBack, 'ready', ''].toSorted());
  expect(handled.errors).toEqual([]);
});

describe.for(kinds)('$runtime $kind', ({ runtime, rootUid }) => {
  test('A1: setxattr-overlay: attributes of own directories are written, and of nobody else’s', async () => {
    await using handled = await HandledContainer.start({
      bundle: 'setxattr-overlay',
      runtime,
      trapped,
      program: 'container-calls',
      uid: 1000,
      ...(rootUid === 0 ? {} : { rootUidOutside: rootUid }),
      script: 'container-calls overlay /home /etc',
      prepareRootfs: (rootfs) => {
        chownSync(`${rootfs}/home`, rootUid + 1000, rootUid + 1000);
        mkdirSync(`${rootfs}/home/below`);
      },
    });
    const lines = handled.output.split('\n');
    const own = lines.slice(0, lines.indexOf('setxattr EPERM'));
    expect(own.slice(0, written.length)).toEqual(written);
    expect(own).toContain('removexattr 0');
    expect(lines.slice(own.length, own.length + refused.length)).toEqual(refused);
    const shown = ['list', handled.outside('/home'), handled.outside('/etc')];
    const { stdout } = await runCommand([compiled('container-calls'), ...shown]);
    expect(stdout).toBe('listxattr 0\nlisted trusted.overlay.redirect\nlistxattr 0\n');
    expect(handled.errors).toEqual([]);
  });
});
