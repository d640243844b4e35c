// SPDX-License-Identifier: Apache-2.0
// Tests the handler mknod-safe with containers of real runtimes.
import { chmodSync, chownSync, lstatSync, mkdirSync, statSync, writeFileSync } from 'node:fs';

import { describe, expect, test } from 'vitest';

import { runCommand } from '../support/command.ts';
import { HandledContainer } from '../support/handled-container.ts';
import type { HandledOptions } from '../support/handled-container.ts';

const runtimes = ['runc', 'crun'] as const;
const rootUidOutside = 100_000;
const trapped = ['mknod', 'mknodat'];
const nodev = { destination: '/mnt', type: 'tmpfs', source: 'tmpfs', options: ['nodev'] };

const kinds = [
  { kind: 'without a user namespace', rootUid: 0 },
  { kind: 'with a user namespace', rootUid: rootUidOutside },
] as const;

async function start(
  options: Omit<HandledOptions, 'bundle' | 'trapped'>,
): Promise<HandledContainer> {
  return HandledContainer.start({ bundle: 'mknod-safe', trapped, ...options });
}

/** Makes nodes in a folder and uses them. */
function useNodes(folder: string): string {
  return `
mkdir -p ${folder} && cd ${folder}
mknod -m 666 null c 1 3 && echo lost >null && cat null && echo null works
mknod -m 666 zero c 1 5 && head -c 3 zero | hexdump -C | head -1
mknod -m 666 full c 1 7 && { echo more >full || echo full works; }
mknod -m 666 urandom c 1 9 && test $(head -c 9 urandom | wc -c) = 9 && echo urandom works
ls -ln null
cd /`;
}

const shown = [
  'null works',
  '00000000  00 00 00                                          |...|',
  expect.stringMatching(/write error: No space left on device$/u),
  'full works',
  'urandom works',
  expect.stringMatching(/^crw-rw-rw- +1 0 +0 +1, +3 .* null$/u),
];

function linesOf({ output }: HandledContainer): readonly string[] {
  return output.split('\n').slice(0, -1);
}

describe.for(
  runtimes.flatMap((runtime) => kinds.map(({ kind, rootUid }) => ({ runtime, kind, rootUid }))),
)('$runtime $kind', ({ runtime, rootUid }) => {
  const namespace = rootUid === 0 ? {} : { rootUidOutside: rootUid };

  test('A7: mknod-safe: nodes open on the root, on the tmpfs of /dev and on a nodev mount', async () => {
    const script = ['/tmp', '/dev/own', '/mnt'].map((folder) => useNodes(folder)).join('\n');
    await using made = await start({ runtime, ...namespace, mounts: [nodev], script });
    expect(linesOf(made)).toEqual([...shown, ...shown, ...shown, 'ready']);
    expect(made.errors).toEqual([]);
  });

  test('A7: mknod-safe: memory, disks and unknown devices are refused by the kernel', async () => {
    const script = `
for device in 'c 1 1' 'c 1 2' 'c 1 4' 'b 8 0' 'c 1 3000' 'c 10 229' 'c 10 200'; do
  mknod /tmp/x $device
  ls /tmp
done`;
    await using made = await start({ runtime, ...namespace, script });
    const refusals = Array.from({ length: 7 }, () => 'mknod: /tmp/x: Operation not permitted');
    expect(linesOf(made)).toEqual([...refusals, 'ready']);
  });

  test('A1: mknod-safe: a node belongs to its maker, with its umask, and to nobody where it may not write', async () => {
    const user = 1000 + rootUid;
    const script = 'umask 027\ncd /home\nmknod null c 1 3\nls -ln null\nmknod /etc/null c 1 3';
    await using made = await start({
      runtime,
      ...namespace,
      uid: 1000,
      script,
      prepareRootfs: (rootfs) => {
        chownSync(`${rootfs}/home`, user, user);
      },
    });
    expect(linesOf(made)).toEqual([
      expect.stringMatching(/^crw-r----- +1 1000 +1000 .* null$/u),
      'mknod: /etc/null: Permission denied',
      'ready',
    ]);
    expect(lstatSync(made.outside('/home/null'))).toMatchObject({ uid: user, gid: user });
  });

  test('A7: mknod-safe: with its setting a whiteout hides a file of an overlay', async () => {
    await using made = await start({
      runtime,
      ...namespace,
      settings: ['MKNOD_WHITEOUT=true'],
      script: 'mknod /tmp/upper/file c 0 0',
      prepareRootfs: (rootfs) => {
        for (const name of ['lower', 'upper', 'work']) {
          mkdirSync(`${rootfs}/tmp/${name}`);
          chownSync(`${rootfs}/tmp/${name}`, rootUidOutside, rootUidOutside);
          chmodSync(`${rootfs}/tmp/${name}`, 0o777);
        }
        writeFileSync(`${rootfs}/tmp/lower/file`, 'hidden');
        writeFileSync(`${rootfs}/tmp/lower/other`, 'shown');
      },
    });
    expect(statSync(made.outside('/tmp/upper/file')).rdev).toBe(0);
    const { stdout } = await runCommand([
      'unshare',
      '-m',
      'sh',
      '-c',
      'cd "$1"; mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work none work && ls work',
      'sh',
      made.outside('/tmp'),
    ]);
    expect(stdout).toBe('other\n');
  });
});
