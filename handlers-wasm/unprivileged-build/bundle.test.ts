// SPDX-License-Identifier: Apache-2.0
// Tests the built bundle unprivileged-build: its chain, as a worker runs it for one container.
import { join } from 'node:path';

import { expect, test } from 'vitest';

import type { ContainerProcessState } from '../../host/agent-socket/container-process-state.ts';
import { shippedBundles } from '../../host/package-root.ts';
import { BundleHarness } from '../../test/support/handler-harness.ts';

const folder = join(shippedBundles(), 'unprivileged-build');

const state: ContainerProcessState = {
  fds: ['seccompFd'],
  processPid: 4321,
  metadata: '',
  containerId: 'c1',
  containerPid: 1234,
  status: 'creating',
  ociBundle: '/bundles/c1',
  annotations: new Map(),
};

const bindFlag = 4096n;

function chain(): BundleHarness {
  return new BundleHarness(folder, { state, firstPid: 1234 });
}

test('unprivileged-build: proc is mounted with the options of the caller alone', () => {
  const harness = chain();
  expect(harness.decide('mount', 'proc', '/p', 'proc', 0, null)).toMatchObject({ kind: 'value' });
  expect(harness.calls).toEqual([expect.objectContaining({ kind: 'mount', data: null })]);
});

test.for([
  ['a tmpfs', ['none', '/t', 'tmpfs', 0n, null]],
  ['a sysfs', ['sysfs', '/sys', 'sysfs', 0n, null]],
  ['a bind', ['/proc', '/p', null, bindFlag, null]],
] as const)('K1: unprivileged-build: %s is left to the kernel', ([, given]) => {
  const harness = chain();
  expect(harness.decide('mount', ...given)).toEqual({ kind: 'continue' });
  expect(harness.calls).toEqual([]);
});

test.for([
  ['fsopen'],
  ['fsconfig'],
  ['fsmount'],
  ['fspick'],
  ['move_mount'],
  ['open_tree'],
  ['mount_setattr'],
] as const)('K21: unprivileged-build: %s fails with ENOSYS', ([syscall]) => {
  expect(chain().decide(syscall)).toMatchObject({ kind: 'fail', errno: 'ENOSYS' });
});
