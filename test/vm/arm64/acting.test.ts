// SPDX-License-Identifier: Apache-2.0
// Tests acts for callers on arm64: as them, with and without a user namespace.
import { lchownSync, lstatSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { Container } from '../../support/container-runtime.ts';
import type { ContainerOptions } from '../../support/container-runtime.ts';
import { giveRootfs, makeRootfs } from '../../support/rootfs.ts';
import { TemporaryFolder } from '../../support/temporary-folder.ts';
import { startWatchedAgent } from '../../support/watched-agent.ts';
import type { WatchedAgent } from '../../support/watched-agent.ts';
import { inTime } from '../in-time.ts';
import { patientBundle } from '../patient-bundle.ts';

const rootUidOutside = 100_000;
const user = 1000;
const kinds = (['runc', 'crun'] as const).flatMap((runtime) => [
  { runtime, kind: 'without a user namespace', namespace: {}, root: 0 },
  { runtime, kind: 'with a user namespace', namespace: { rootUidOutside }, root: rootUidOutside },
]);

let folder: TemporaryFolder;
let containers = 0;
/** For demo-basic, and for mknod-safe. */
let demo: WatchedAgent;
let devices: WatchedAgent;

beforeAll(async () => {
  folder = new TemporaryFolder();
  demo = await startWatchedAgent({ bundle: patientBundle(folder, 'demo-basic') });
  devices = await startWatchedAgent({ bundle: patientBundle(folder, 'mknod-safe') });
});

afterAll(async () => {
  await demo[Symbol.asyncDispose]();
  await devices[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

interface Ran {
  readonly rootfs: string;
  readonly firstPid: number;
  readonly lines: readonly string[];
}

/** Runs a script in a container with a home for users, to its end. */
async function run(
  agent: WatchedAgent,
  root: number,
  options: Omit<ContainerOptions, 'folder' | 'rootfs' | 'listenerPath'>,
): Promise<Ran> {
  return inTime(agent, async () => runOnce(agent, root, options));
}

async function runOnce(
  agent: WatchedAgent,
  root: number,
  options: Omit<ContainerOptions, 'folder' | 'rootfs' | 'listenerPath'>,
): Promise<Ran> {
  containers += 1;
  const rootfs = folder.at(`rootfs-${containers}`);
  makeRootfs(rootfs);
  giveRootfs(rootfs, root);
  lchownSync(join(rootfs, 'home'), root + user, root + user);
  await using container = await Container.run({
    ...options,
    folder: folder.path,
    rootfs,
    listenerPath: agent.socket,
  });
  const firstPid = await container.firstPid();
  return { rootfs, firstPid, lines: container.output.split('\n').slice(0, -2) };
}

describe.for(kinds)('arm64: $runtime $kind', ({ runtime, namespace, root }) => {
  test('A1: a user makes directories where it may, with its umask', async () => {
    const script = 'umask 027\nmkdir /home/made\nmkdir /etc/made';
    const ran = await run(demo, root, { runtime, ...namespace, uid: user, script });
    expect(ran.lines).toEqual([expect.stringMatching(/^mkdir: .*: Permission denied$/u)]);
    const made = lstatSync(join(ran.rootfs, `home/made-pid-${ran.firstPid}`));
    expect({ mode: made.mode & 0o777, uid: made.uid, gid: made.gid }).toEqual({
      mode: 0o750,
      uid: root + user,
      gid: root + user,
    });
  });

  test('A8: root without CAP_SYS_ADMIN gets a proc, with the masks of the first one', async () => {
    const script = `
mkdir /tmp/made
mount -t proc proc /mnt && ls /mnt/self/cmdline
head -c 1 /mnt/keys 2>/dev/null | grep -q . && echo readable
(: >>/mnt/sys/vm/swappiness) 2>/dev/null && echo writable
grep -c ' /mnt/keys ' /proc/self/mountinfo`;
    const ran = await run(demo, root, { runtime, ...namespace, script });
    expect(ran.lines).toEqual(['/mnt/self/cmdline', '1']);
    expect(lstatSync(join(ran.rootfs, `tmp/made-pid-${ran.firstPid}`)).uid).toBe(root);
  });

  test('A7: mknod-safe: a device opens, and one that is not harmless is refused', async () => {
    const script = `
mknod -m 666 /tmp/zero c 1 5 && head -c 3 /tmp/zero | hexdump -C | head -1
mknod -m 666 /dev/own c 1 7 && { echo more >/dev/own || echo full works; }
mknod /tmp/mem c 1 1
ls /tmp`;
    const trapped = ['mknod', 'mknodat'];
    const ran = await run(devices, root, { runtime, ...namespace, trapped, script });
    expect(ran.lines).toEqual([
      '00000000  00 00 00                                          |...|',
      expect.stringMatching(/write error: No space left on device$/u),
      'full works',
      'mknod: /tmp/mem: Operation not permitted',
      'zero',
    ]);
  });
});
