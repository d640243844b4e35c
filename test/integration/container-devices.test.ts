// SPDX-License-Identifier: Apache-2.0
// Devices are opened and made for a container as its own cgroup allows.
import { afterAll, beforeAll, expect, test } from 'vitest';

import { Container } from '../support/container-runtime.ts';
import { makeRootfs } from '../support/rootfs.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { testBundle } from '../support/test-bundles.ts';
import { startWatchedAgent } from '../support/watched-agent.ts';

const machine = new TemporaryFolder();
beforeAll(() => {
  makeRootfs(machine.at('rootfs'));
});
afterAll(() => {
  machine[Symbol.dispose]();
});

/** The kernel's log, which to open and to read changes nothing. */
const log = { type: 'c', major: 1, minor: 11 };
const opened = 'exec 3</dev/log-of-kernel && echo opened';
const made = 'mknod /dev/made c 1 11 && rm /dev/made && echo made';

interface Rules {
  readonly what: string;
  readonly isOpened: boolean;
  readonly isMade: boolean;
  readonly devices: readonly object[];
}

const rules: readonly Rules[] = [
  {
    what: 'allowed',
    isOpened: true,
    isMade: true,
    devices: [
      { allow: false, access: 'rwm' },
      { ...log, allow: true, access: 'rwm' },
    ],
  },
  {
    what: 'allowed to be made alone',
    isOpened: false,
    isMade: true,
    devices: [
      { allow: false, access: 'rwm' },
      { ...log, allow: true, access: 'm' },
    ],
  },
  {
    what: 'allowed to be read',
    isOpened: true,
    // runtimes let all be made
    isMade: true,
    devices: [
      { allow: false, access: 'rwm' },
      { ...log, allow: true, access: 'r' },
    ],
  },
];

test.for(
  rules.flatMap((rule) => (['runc', 'crun'] as const).map((runtime) => ({ ...rule, runtime }))),
)(
  'A13: devices: as the kernel has it where it is $what: $runtime',
  async ({ runtime, devices, isOpened, isMade }) => {
    await using agent = await startWatchedAgent({
      bundle: testBundle('perform'),
      log: 'warn',
      mayWarn: true,
    });
    const outcome = async (trapped: readonly string[]): Promise<string> => {
      await using container = await Container.run({
        runtime,
        folder: machine.path,
        rootfs: machine.at('rootfs'),
        listenerPath: agent.socket,
        script: `(${opened})\n(${made})`,
        trapped,
        capabilities: ['CAP_MKNOD', 'CAP_SYSLOG', 'CAP_DAC_OVERRIDE'],
        devices: [{ ...log, path: '/dev/log-of-kernel', fileMode: 0o666 }],
        resources: { devices },
      });
      return container.output;
    };
    const bare = await outcome(['swapon']);
    const performed = await outcome([
      'open',
      'openat',
      'openat2',
      'mknod',
      'mknodat',
      'unlink',
      'unlinkat',
    ]);
    expect([bare.includes('opened'), bare.includes('made')]).toEqual([isOpened, isMade]);
    expect(performed).toBe(bare);
  },
);
