// SPDX-License-Identifier: Apache-2.0
// Tests the built bundle demo-basic: its chain, as a worker runs it for one container.
import { join } from 'node:path';

import { expect, test } from 'vitest';

import type { ContainerProcessState } from '../../host/agent-socket/container-process-state.ts';
import { shippedBundles } from '../../host/package-root.ts';
import { BundleHarness } from '../../test/support/handler-harness.ts';
import { failureOf } from '../../test/support/agent-failure.ts';

const folder = join(shippedBundles(), 'demo-basic');
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

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

function chain(): BundleHarness {
  return new BundleHarness(folder, { state, firstPid: 1234 });
}

test('demo-basic: mkdir gets a suffix with the pid of the container', () => {
  const harness = chain();
  expect(harness.decide('mkdirat', -100, '/a', 0o755)).toEqual({ kind: 'value', value: 0n });
  expect(harness.calls).toMatchObject([
    { operation: 'mkdir', path: bytesOf('/a-pid-1234'), mode: 0o755 },
  ]);
});

test.for([
  ['chmod', ['/a', 0o755]],
  ['fchmodat', [-100, '/a', 0o755]],
  ['fchmodat2', [-100, '/a', 0o755, 0]],
] as const)('K21: demo-basic: %s fails with EBADMSG, as its siblings do', ([syscall, given]) => {
  expect(chain().decide(syscall, ...given)).toMatchObject({ kind: 'fail', errno: 'EBADMSG' });
});

test.for([['fsopen'], ['fsconfig'], ['open_tree'], ['move_mount']] as const)(
  'K21: demo-basic: %s fails with ENOSYS, so that mount(8) takes mount(2)',
  ([syscall]) => {
    expect(chain().decide(syscall)).toMatchObject({ kind: 'fail', errno: 'ENOSYS' });
  },
);

test('demo-basic: proc is mounted, other file systems are left to the kernel', () => {
  const harness = chain();
  expect(harness.decide('mount', 'proc', '/p', 'proc', 0, null)).toMatchObject({ kind: 'value' });
  expect(harness.decide('mount', 'none', '/t', 'tmpfs', 0, null)).toEqual({ kind: 'continue' });
  expect(harness.calls).toHaveLength(1);
});

test.for([['getpid'], ['openat'], ['umount2']] as const)(
  'demo-basic: %s is nobody’s, and continues',
  ([syscall]) => {
    expect(chain().decide(syscall)).toEqual({ kind: 'continue' });
  },
);

test('G3: demo-basic: a container whose first process nobody knows gets no registry', () => {
  const failure = failureOf(() => new BundleHarness(folder, { state, firstPid: undefined }));
  expect(failure).toMatchObject({
    code: 'AGENT_SETTING_INVALID',
    message: expect.stringContaining('{{.Pid1}}'),
  });
});

test('demo-basic: each handler has only the grants that its place in the bundle says', () => {
  const harness = chain();
  harness.decide('mkdir', '/a', 0);
  harness.decide('mount', null, '/p', 'proc', 0, null);
  const kinds = harness.hosts.map((host) => host.calls.map((call) => call.kind));
  expect(kinds).toEqual([['operate'], [], [], ['mount']]);
});
