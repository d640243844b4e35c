// SPDX-License-Identifier: Apache-2.0
// Tests the handler mknod-safe with containers of real runtimes.
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, lstatSync, mkdirSync, statSync, writeFileSync } from 'node:fs';

import { describe, expect, test } from 'vitest';

import { runCommand } from '../support/command.ts';
import { HandledContainer, libraryMounts, readOnly } from '../support/handled-container.ts';
import type { HandledOptions } from '../support/handled-container.ts';

const runtimes = ['runc', 'crun'] as const;
const rootUidOutside = 100_000;
const trapped = ['mknod', 'mknodat'];
const nodev = { destination: '/mnt', type: 'tmpfs', source: 'tmpfs', options: ['nodev'] };
/** On the root, on the tmpfs of /dev and on a nodev mount. */
const folders = ['/tmp', '/dev/own', '/mnt'] as const;

/** For a terminal, and what makes one. */
const terminalMounts = [
  {
    destination: '/dev/pts',
    type: 'devpts',
    source: 'devpts',
    options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620'],
  },
  ...libraryMounts(),
  readOnly('/usr/bin/script', '/bin/script'),
] as const;

/** Device rules that allow only the devices that a runtime always allows. */
const noDevices = { allow: false, access: 'rwm' } as const;

function allowed(major: number, minor: number): object {
  return { allow: true, type: 'c', major, minor, access: 'rw' };
}

const settings = ['MKNOD_FUSE=true', 'MKNOD_NET_TUN=true'];

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
mknod -m 666 random c 1 8 && test $(head -c 9 random | wc -c) = 9 && echo random works
mknod -m 666 urandom c 1 9 && test $(head -c 9 urandom | wc -c) = 9 && echo urandom works
ls -ln null
cd /`;
}

const shown = [
  'null works',
  '00000000  00 00 00                                          |...|',
  expect.stringMatching(/write error: No space left on device$/u),
  'full works',
  'random works',
  'urandom works',
  expect.stringMatching(/^crw-rw-rw- +1 0 +0 +1, +3 .* null$/u),
];

/** Devices that only the kernel decides on, with its answers to a process without a terminal. */
const devices = [
  { name: 'tty', numbers: [5, 0], answer: 'No such device or address;' },
  // not every machine has one, but nobody forbids it
  {
    name: 'console',
    numbers: [5, 1],
    answer: expect.stringMatching(/^(?!.*(?:denied|not permitted)).+;$/u),
  },
  { name: 'fuse', numbers: [10, 229], answer: 'opens;Operation not permitted;' },
  { name: 'tun', numbers: [10, 200], answer: 'opens;File descriptor in bad state;' },
] as const;

type Device = (typeof devices)[number];

const terminals = devices.slice(0, 2);
const bySetting = devices.slice(2);

/** Puts nodes of the host into the container's /home. */
function putNative(rootfs: string, owner: number): void {
  for (const { name, numbers } of devices) {
    const path = `${rootfs}/home/${name}`;
    execFileSync('mknod', ['-m', '600', path, 'c', ...numbers.map(String)]);
    chownSync(path, owner, owner);
  }
}

/** Lines for a shell: what comes of opening a node, and of reading what opens. */
const answerOf = `
answer_of() {
  # what somebody types on the console is not ours
  { (exec 3<"$1" && echo opens && { [ "\${1##*/}" = console ] || cat <&3; }) 2>&1; } |
    sed 's/^.*: //' | tr '\\n' ';'
}`;

/** Makes nodes, and compares them with those of the host. */
function compareNodes(made: readonly Device[]): string {
  const compare = made.map(
    ({ name, numbers: [major, minor] }) => `mknod -m 600 ${name} c ${major} ${minor}
ls -ln ${name}
native=$(answer_of /home/${name})
echo "$native"
own=$(answer_of ${name})
[ "$own" = "$native" ] && echo same || echo "$own"`,
  );
  return folders
    .map((folder) => [`mkdir -p ${folder} && cd ${folder}`, ...compare, 'cd /'].join('\n'))
    .join('\n');
}

const tryConsole = '\nmkdir -p /tmp/tried && cd /tmp/tried && mknod console c 5 1';

/** Output of compareNodes. */
function compared(made: readonly Device[]): readonly unknown[] {
  const lines = made.flatMap(({ name, numbers, answer }) => {
    const shownNumbers = numbers.join(', +');
    const node = new RegExp(`^crw------- +1 0 +0 +${shownNumbers} .* ${name}$`, 'u');
    return [expect.stringMatching(node), answer, 'same'];
  });
  return folders.flatMap(() => lines);
}

function linesOf({ output }: HandledContainer): readonly string[] {
  return output.split('\n').slice(0, -1);
}

describe.for(
  runtimes.flatMap((runtime) => kinds.map(({ kind, rootUid }) => ({ runtime, kind, rootUid }))),
)('$runtime $kind', ({ runtime, rootUid }) => {
  const namespace = rootUid === 0 ? {} : { rootUidOutside: rootUid };

  test('A7: mknod-safe: nodes open on the root, on the tmpfs of /dev and on a nodev mount', async () => {
    const script = folders.map((folder) => useNodes(folder)).join('\n');
    await using made = await start({ runtime, ...namespace, mounts: [nodev], script });
    expect(linesOf(made)).toEqual([...shown, ...shown, ...shown, 'ready']);
    expect(made.errors).toEqual([]);
  });

  test('A7: mknod-safe: nodes open on a root that is an overlay', async () => {
    await using made = await start({
      runtime,
      ...namespace,
      isOverlay: true,
      script: `grep -c '^none / overlay rw,' /proc/mounts\n${useNodes('/tmp')}`,
    });
    expect(linesOf(made)).toEqual(['1', ...shown, 'ready']);
    expect(made.errors).toEqual([]);
  });

  test('A7: mknod-safe: nodes open on an overlay that the container has mounted', async () => {
    const script = `
mount -t tmpfs none /mnt
mkdir /mnt/lower /mnt/upper /mnt/work /tmp/merged
mount -t overlay -o lowerdir=/mnt/lower,upperdir=/mnt/upper,workdir=/mnt/work none /tmp/merged
grep -c '^none /tmp/merged overlay rw,' /proc/mounts
${useNodes('/tmp/merged')}
(umask 027 && mknod /tmp/merged/own c 1 3)
ls -ln /tmp/merged/own`;
    await using made = await start({
      runtime,
      ...namespace,
      capabilities: ['CAP_SYS_ADMIN', 'CAP_DAC_OVERRIDE', 'CAP_FOWNER'],
      script,
    });
    const own = expect.stringMatching(/^crw-r----- +1 0 +0 +1, +3 .* \/tmp\/merged\/own$/u);
    expect(linesOf(made)).toEqual(['1', ...shown, own, 'ready']);
    expect(made.errors).toEqual([]);
  });

  test('A7: mknod-safe: tty and console answer as the host’s own nodes do', async () => {
    // the console is for the host's root alone
    const [tried, refused] = rootUid === 0 ? [terminals, ''] : [terminals.slice(0, 1), tryConsole];
    await using made = await start({
      runtime,
      ...namespace,
      resources: { devices: [noDevices, allowed(5, 1)] },
      mounts: [nodev],
      script: `${answerOf}\n${compareNodes(tried)}${refused}`,
      prepareRootfs: (rootfs) => {
        putNative(rootfs, rootUid);
      },
    });
    const answer = refused === '' ? [] : ['mknod: console: Operation not permitted'];
    expect(linesOf(made)).toEqual([...compared(tried), ...answer, 'ready']);
    expect(made.errors).toEqual([]);
  });

  test('A7: mknod-safe: tty is the terminal of who opens it', async () => {
    const lines = folders.map(
      (folder) => `mkdir -p ${folder} && mknod -m 666 ${folder}/tty c 5 0
script -q -c 'echo ${folder} >${folder}/tty; cat ${folder}/tty >/dev/null' /dev/null </dev/null`,
    );
    await using made = await start({
      runtime,
      ...namespace,
      mounts: [nodev, ...terminalMounts],
      script: lines.join('\n'),
    });
    expect(linesOf(made).map((line) => line.trim())).toEqual([...folders, 'ready']);
    expect(made.errors).toEqual([]);
  });

  test('A7: mknod-safe: with their settings fuse and tun answer as the host’s own nodes do', async () => {
    const interfaces = folders.map((folder, index) => `tunctl -f ${folder}/tun -t made${index}`);
    await using made = await start({
      runtime,
      ...namespace,
      capabilities: ['CAP_NET_ADMIN'],
      settings,
      resources: { devices: [noDevices, allowed(10, 229), allowed(10, 200)] },
      mounts: [nodev],
      script: `${answerOf}\n${compareNodes(bySetting)}
${interfaces.join('\n')}
ip -o link | grep -c made`,
      prepareRootfs: (rootfs) => {
        putNative(rootfs, rootUid);
      },
    });
    const interfacesMade = folders.map((_, index) => expect.stringContaining(`made${index}`));
    expect(linesOf(made)).toEqual([...compared(bySetting), ...interfacesMade, '3', 'ready']);
    expect(made.errors).toEqual([]);
  });

  test('A7: mknod-safe: fuse is not opened where the device cgroup does not allow it', async () => {
    await using made = await start({
      runtime,
      ...namespace,
      settings,
      resources: { devices: [noDevices] },
      mounts: [nodev],
      script: folders
        .map((folder) => `mkdir -p ${folder} && mknod ${folder}/fuse c 10 229; cat ${folder}/fuse`)
        .join('\n'),
    });
    const refusals = folders.map(
      (folder) => `cat: can't open '${folder}/fuse': Operation not permitted`,
    );
    expect(linesOf(made)).toEqual([...refusals, 'ready']);
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
