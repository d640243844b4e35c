// SPDX-License-Identifier: Apache-2.0
// Tests the setting require-admin of the handler mount with containers of real runtimes.
import { describe, expect, test } from 'vitest';

import { HandledContainer } from '../support/handled-container.ts';
import type { HandledOptions } from '../support/handled-container.ts';

const runtimes = ['runc', 'crun'] as const;
const rootUidOutside = 100_000;
/** One that the kernel lets nobody mount in a user namespace. */
const settings = ['MOUNT_FILESYSTEMS=hugetlbfs', 'MOUNT_REQUIRE_ADMIN=true'];
const mount = 'mount -t hugetlbfs none /mnt && grep -c hugetlbfs /proc/mounts';
const mounted = '1\n';
const refused = /^mount: permission denied \(are you root\?\)\n/u;
const admin = ['CAP_SYS_ADMIN', 'CAP_SETFCAP'];

async function outputOf(options: Omit<HandledOptions, 'bundle' | 'trapped'>): Promise<string> {
  await using handled = await HandledContainer.start({
    bundle: 'mount',
    settings,
    trapped: ['mount', 'fsopen'],
    ...options,
  });
  expect(handled.errors).toEqual([]);
  return handled.output.replace(/ready\n$/u, '');
}

describe.for(runtimes)('%s', (runtime) => {
  test('A2: mount: an administrator of a user namespace that root has made may mount', async () => {
    const output = await outputOf({ runtime, rootUidOutside, capabilities: admin, script: mount });
    expect(output).toBe(mounted);
  });

  test('A2: mount: nobody else in such a container may', async () => {
    const output = await outputOf({ runtime, rootUidOutside, script: mount });
    expect(output).toMatch(refused);
  });

  test('A2: mount: an administrator of a nested user namespace may not', async () => {
    const script = `unshare -U -r -m sh -c '${mount}'`;
    const output = await outputOf({ runtime, rootUidOutside, capabilities: admin, script });
    expect(output).toMatch(refused);
  });

  test('A2: mount: the host’s root that makes a user namespace in a container may not', async () => {
    const script = `id -u\nunshare -U -r -m -p -f sh -c '${mount}'`;
    const output = await outputOf({ runtime, capabilities: ['CAP_SETFCAP'], script });
    expect(output).toMatch(/^0\n/u);
    expect(output.replace(/^0\n/u, '')).toMatch(refused);
  });

  test('A2: mount: nor may it if it is the first process that does so', async () => {
    const script = `exec unshare -U -r -m sh -c '${mount}; echo ready; read -r line'`;
    expect(await outputOf({ runtime, capabilities: ['CAP_SETFCAP'], script })).toMatch(refused);
  });

  test('A2: mount: without require-admin both may', async () => {
    const script = `${mount}\numount /mnt\nunshare -U -r -m sh -c '${mount}'`;
    const output = await outputOf({
      runtime,
      capabilities: ['CAP_SETFCAP', 'CAP_SYS_ADMIN'],
      settings: ['MOUNT_FILESYSTEMS=hugetlbfs'],
      script,
    });
    expect(output).toBe(mounted + mounted);
  });
});
