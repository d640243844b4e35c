// SPDX-License-Identifier: Apache-2.0
// Tests new mounts of sysfs by the handler mount with containers of real runtimes: what the sysfs of
// the runtime hides is hidden by them, and whatever the container does to its mounts then uncovers
// nothing.
import { readdirSync } from 'node:fs';

import { describe, expect, test } from 'vitest';

import { HandledContainer } from '../support/handled-container.ts';
import type { HandledOptions } from '../support/handled-container.ts';

const rootUidOutside = 100_000;
const hidden = ['firmware', 'power'] as const;

/** As runtimes have it by default. */
const sysfs = {
  destination: '/sys',
  type: 'sysfs',
  source: 'sysfs',
  options: ['nosuid', 'noexec', 'nodev', 'ro'],
} as const;

/** Lines for a shell: `look FOLDER` names what can be seen or written of a sysfs there. */
const look = `
look() {
  [ -d "$1/class" ] || return 0
  for name in ${hidden.join(' ')}; do
    [ -z "$(ls -A "$1/$name")" ] || echo "seen: $1/$name"
  done
  # root of the user namespace that owns the network namespace could write it
  (: >"$1/class/net/lo/ifalias") 2>&1 | grep -q 'Read-only file system' || echo "writable: $1"
}
try() { "$@" 2>/dev/null && echo "done: $*"; }
`;

/** Whatever would change the masks of a sysfs there, or the sysfs without them. */
function attacksOn(folder: string): readonly string[] {
  const masks = hidden.map((name) => `${folder}/${name}`);
  return [
    ...masks.flatMap((mask) => [
      `umount ${mask}`,
      `umount -l ${mask}`,
      `umount -f ${mask}`,
      `mount --move ${mask} /tmp/other`,
    ]),
    ...[folder, ...masks].flatMap((place) => [
      `mount -o remount,rw ${place}`,
      `mount -o remount,bind,rw ${place}`,
    ]),
    `mount --bind ${folder} /tmp/other`,
    `umount ${folder}`,
  ].map((command) => `try ${command}`);
}

/** Mounts a sysfs, and attacks it. What is mounted on a mask comes off alone. */
const script = `
mkdir -p /tmp/other /tmp/copy
mount -t sysfs none /mnt
ls /mnt/class/net
grep -c ' /mnt sysfs ro,' /proc/mounts
look /sys
look /mnt
${attacksOn('/mnt').join('\n')}
for name in ${hidden.join(' ')}; do
  mount --bind /mnt/class /mnt/$name && umount /mnt/$name && echo "covered: $name"
  umount -l /mnt/$name
done 2>/dev/null
mount --rbind /mnt /tmp/copy 2>/dev/null && echo copied
${attacksOn('/tmp/copy').join('\n')}
mount --move /mnt /tmp/other 2>/dev/null
for place in /sys /mnt /tmp/copy /tmp/other; do look $place; done`;

const mounted = ['lo', '1'] as const;
/** Mounts that change nothing. */
const doneWithPower = [...hidden.map((name) => `covered: ${name}`), 'copied'];

async function outputOf(
  options: Omit<HandledOptions, 'bundle' | 'trapped'>,
): Promise<readonly string[]> {
  await using handled = await HandledContainer.start({
    bundle: 'mount',
    settings: ['MOUNT_FILESYSTEMS=sysfs'],
    trapped: ['mount', 'fsopen'],
    mounts: [sysfs],
    maskedPaths: hidden.map((name) => `/sys/${name}`),
    ...options,
  });
  expect(handled.errors).toEqual([]);
  return handled.output.split('\n').slice(0, -1);
}

/** In namespaces of its own, as their root. */
function nested(lines: string): string {
  return `unshare -U -r -m -n sh -c '${lines.replaceAll("'", String.raw`'\''`)}'`;
}

test('A8: there is something to be hidden', () => {
  for (const name of hidden) expect(readdirSync(`/sys/${name}`)).not.toEqual([]);
});

describe.for(['runc', 'crun'] as const)('%s', (runtime) => {
  test.for([
    { kind: 'without a user namespace', namespace: {} },
    { kind: 'with a user namespace', namespace: { rootUidOutside } },
  ])('A8: mount: a sysfs hides what the first one does, $kind', async ({ namespace }) => {
    const lines = await outputOf({ runtime, ...namespace, script: look + script });
    expect(lines).toEqual([...mounted, 'ready']);
  });

  test('A8: mount: an administrator of the user namespace takes no mask off a sysfs', async () => {
    const capabilities = ['CAP_SYS_ADMIN', 'CAP_DAC_OVERRIDE'];
    const lines = await outputOf({ runtime, rootUidOutside, capabilities, script: look + script });
    expect(lines).toEqual([...mounted, ...doneWithPower, 'ready']);
  });

  test.for([
    { kind: 'without a user namespace', namespace: {} },
    { kind: 'with a user namespace', namespace: { rootUidOutside } },
  ])('A8: mount: root of namespaces inside takes no mask off, $kind', async ({ namespace }) => {
    // it maps its own root
    const capabilities = ['CAP_SETFCAP'];
    const inside = nested(look + script);
    const lines = await outputOf({ runtime, ...namespace, capabilities, script: inside });
    expect(lines).toEqual([...mounted, ...doneWithPower, 'ready']);
  });
});
