// SPDX-License-Identifier: Apache-2.0
// Tests the handler umount-guard with containers of real runtimes.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';

import { describe, expect, test } from 'vitest';

import { familyMembers } from '../../host/syscalls/syscall-table.ts';
import { runCommand, seccompagent } from '../support/command.ts';
import { naming } from '../support/failures.ts';
import { HandledContainer } from '../support/handled-container.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

const rootUidOutside = 100_000;
// an older libseccomp does not know the newest of them
const trapped = ['umount', 'mount', 'mountapi', 'execve']
  .flatMap((family) => familyMembers(family))
  .filter((name) => name !== 'open_tree_attr');

interface Guarding {
  readonly answered?: readonly string[];
  readonly profile?: object;
  readonly settings?: readonly string[];
}

async function outputOf(
  runtime: 'runc' | 'crun',
  script: string,
  { answered = trapped, profile, settings = [] }: Guarding = {},
): Promise<readonly string[]> {
  await using handled = await HandledContainer.start({
    bundle: 'umount-guard',
    settings: ['UMOUNT_PROTECT=/tmp/kept', ...settings],
    runtime,
    rootUidOutside,
    capabilities: ['CAP_SYS_ADMIN', 'CAP_SYS_CHROOT'],
    ...(profile === undefined ? { trapped: answered } : { profile }),
    script,
    mounts: [{ type: 'tmpfs', source: 'tmpfs', destination: '/tmp/kept' }],
    prepareRootfs: (rootfs) => {
      mkdirSync(`${rootfs}/tmp/kept`);
      mkdirSync(`${rootfs}/tmp/other`);
    },
  });
  expect(handled.errors).toEqual([]);
  return handled.output.split('\n').filter((line) => line !== '' && line !== 'ready');
}

/** Each says yes where it got through. */
function tried(...commands: readonly string[]): string {
  return commands.map((command) => `(${command}) 2>/dev/null && echo yes || echo no`).join('\n');
}

const masks = [
  'umount /proc/keys',
  'umount -l /proc/keys',
  'umount /proc/sys',
  'umount -l /proc',
  'ln -s /proc/keys /tmp/link && umount /tmp/link',
  'cd /proc && umount ./keys',
  'chroot /proc/1/root /bin/umount /proc/keys',
  'mount -o move /proc/sys /tmp/other',
  'mount -o bind /proc /tmp/other',
  'mount -o remount,bind,rw /proc/sys',
];

describe.for(['runc', 'crun'] as const)('%s', (runtime) => {
  test('A8: umount-guard: an administrator of a user namespace lifts no mask', async () => {
    expect(await outputOf(runtime, tried(...masks))).toEqual(masks.map(() => 'no'));
  });

  test('A8: umount-guard: without it the kernel would let it', async () => {
    const alone = familyMembers('execve');
    const some = ['umount /proc/keys', 'mount -o bind /proc /tmp/other'];
    expect(await outputOf(runtime, tried(...some), { answered: alone })).toEqual(['yes', 'yes']);
  });

  test('umount-guard: other mounts go as before', async () => {
    const script = tried(
      'mount -t tmpfs none /tmp/other',
      'umount /tmp/other',
      'umount /tmp/other',
      'mount -t tmpfs none /tmp/other && umount -l /tmp/other',
      'cd /tmp && mount -t tmpfs none other && umount other',
    );
    const output = await outputOf(runtime, script, { settings: ['UMOUNT_NEW=continue'] });
    expect(output).toEqual(['yes', 'yes', 'no', 'yes', 'yes']);
  });

  test('umount-guard: mounts at, below or above a protected path stay, by whatever name', async () => {
    const script = tried(
      'mount -t tmpfs none /tmp/kept',
      'umount /tmp/kept',
      'umount -l /tmp/kept',
      'mkdir /tmp/kept/below && mount -t tmpfs none /tmp/kept/below',
      'umount /tmp/kept/below',
      'umount -l /tmp/../tmp/./kept',
      'cd /tmp/kept/below && umount -l .',
      'mkdir /tmp/kept2 && mount -t tmpfs none /tmp/kept2 && umount /tmp/kept2',
    );
    expect(await outputOf(runtime, script, { settings: ['UMOUNT_NEW=continue'] })).toEqual([
      'yes',
      'no',
      'no',
      'yes',
      'no',
      'no',
      'no',
      'yes',
    ]);
  });

  const around = [
    'unshare -m true',
    'unshare -U -m true',
    'mount -t overlay -o lowerdir=/tmp/other:/tmp/kept none /tmp/other',
  ];
  const harmless = ['unshare -u true', 'unshare -U true', 'true'];

  test('K21: umount-guard: a profile that is made for it refuses what would walk around', async () => {
    const made = await runCommand([seccompagent, 'profile', 'generate', 'umount-guard']);
    expect(made.code).toBe(0);
    const profile: object = JSON.parse(made.stdout);
    const output = await outputOf(
      runtime,
      `${tried(...around, ...harmless)}\npivot_root /tmp /tmp/other`,
      { profile },
    );
    expect(output).toEqual([
      ...around.map(() => 'no'),
      ...harmless.map(() => 'yes'),
      'pivot_root: : Operation not permitted',
    ]);
  });

  test('K21: umount-guard: it guards calls that the kernel lets pass otherwise', async () => {
    const output = await outputOf(runtime, `${tried(...around)}\npivot_root /tmp /tmp/other`, {
      settings: ['UMOUNT_NEW=continue'],
    });
    expect(output).toEqual([...around.map(() => 'yes'), 'pivot_root: : Invalid argument']);
  });
});

test('K21: umount-guard: lint has an error where a profile does not refuse what it has to', async () => {
  using folder = new TemporaryFolder();
  const file = folder.at('profile.json');
  const tool = [seccompagent, 'profile'] as const;
  await runCommand([...tool, 'generate', 'umount-guard', '-o', file]);
  expect(await runCommand([...tool, 'lint', file])).toMatchObject({ code: 0 });
  // what is allowed and what is refused change places
  const lacking = readFileSync(file, 'utf8').replaceAll(/"(?:pivot_root|uselib)"/gu, (name) =>
    name === '"uselib"' ? '"pivot_root"' : '"uselib"',
  );
  writeFileSync(file, lacking);
  const { code, stdout } = await runCommand([...tool, 'lint', '-json', file]);
  expect(code).toBe(1);
  const message = naming('umount-guard', 'pivot_root');
  const finding = { code: 'not-refused', severity: 'error', message };
  expect(JSON.parse(stdout)).toMatchObject([
    { findings: expect.arrayContaining([expect.objectContaining(finding)]) },
  ]);
});
