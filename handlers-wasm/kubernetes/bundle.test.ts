// SPDX-License-Identifier: Apache-2.0
// Tests the built bundle kubernetes: which handlers a container's keys bring, and what they answer.
import { join } from 'node:path';

import { expect, test } from 'vitest';

import type { ContainerProcessState } from '../../host/agent-socket/container-process-state.ts';
import { processLayout } from '../../host/native.ts';
import { shippedBundles } from '../../host/package-root.ts';
import { BundleHarness } from '../../test/support/handler-harness.ts';
import { failure } from '../../test/support/failures.ts';

const folder = join(shippedBundles(), 'kubernetes');
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

const state: ContainerProcessState = {
  fds: ['seccompFd'],
  processPid: 4321,
  metadata: '',
  containerId: 'c1',
  containerPid: 1234,
  status: 'creating',
  ociBundle: '/bundles/c1',
  annotations: new Map([
    ['io.kubernetes.cri.sandbox-namespace', 'default'],
    ['io.kubernetes.cri.sandbox-name', 'mynotifypod'],
    ['io.kubernetes.cri.container-name', 'container1'],
  ]),
};

function chain(settings: Readonly<Record<string, string>> = {}): BundleHarness {
  return new BundleHarness(folder, { state, firstPid: 1234 }, settings);
}

const calls = [
  ['mkdir', ['/a', 0o755]],
  ['mount', ['proc', '/p', 'proc', 0, null]],
  ['fsopen', []],
  ['execve', ['/bin/true']],
] as const;

test('kubernetes: without a key no handler is there, and every call continues', () => {
  const harness = chain();
  expect(harness.hosts).toEqual([]);
  for (const [syscall, given] of calls) {
    expect(harness.decide(syscall, ...given)).toEqual({ kind: 'continue' });
  }
});

test.for([['mkdir', ['/a', 0o755]] as const, ['mkdirat', [-100, '/a', 0o755]] as const])(
  'K21: kubernetes: MKDIR_TMPL adds its text to the name that %s makes',
  ([syscall, given]) => {
    const harness = chain({ MKDIR_TMPL: '-{{.Namespace}}-{{.Pod}}-{{.Container}}-{{.Pid1}}' });
    expect(harness.decide(syscall, ...given)).toEqual({ kind: 'value', value: 0n });
    const path = bytesOf('/a-default-mynotifypod-container1-1234');
    expect(harness.calls).toMatchObject([{ operation: 'mkdir', path }]);
  },
);

test.for([
  [{ MOUNT_PROC: 'true' }, ['proc']],
  [{ MOUNT_SYSFS: 'true' }, ['sysfs']],
  [{ MOUNT_PROC: 'false', MOUNT_SYSFS: 'true' }, ['sysfs']],
  [{ MOUNT_OTHER_FS_LIST: 'cifs, nfs4' }, ['cifs', 'nfs4']],
  [
    { MOUNT_PROC: 'true', MOUNT_SYSFS: 'true', MOUNT_OTHER_FS_LIST: 'cifs' },
    ['proc', 'sysfs', 'cifs'],
  ],
] as const)('kubernetes: with %j exactly %j are mounted', ([settings, mounted]) => {
  for (const type of ['proc', 'sysfs', 'cifs', 'nfs4', 'tmpfs']) {
    const isMounted = mounted.some((listed) => listed === type);
    const kind = isMounted ? 'value' : 'continue';
    expect(chain(settings).decide('mount', 'x', '/p', type, 0, null)).toMatchObject({ kind });
  }
});

test('K21: kubernetes: where mounts are done, programs are to use mount(2)', () => {
  const answer = chain({ MOUNT_PROC: 'true' }).decide('fsopen');
  expect(answer).toMatchObject({ kind: 'fail', errno: 'ENOSYS' });
});

test('kubernetes: with MOUNT_NEED_CAP_ADMIN nothing is lent to whoever is no administrator', () => {
  const settings = { MOUNT_PROC: 'true', MOUNT_NEED_CAP_ADMIN: 'true' };
  for (const [has, kind] of [
    [0, 'continue'],
    [1, 'value'],
  ] as const) {
    const harness = chain(settings);
    harness.hosts[0]?.prepare(has);
    expect(harness.decide('mount', 'x', '/p', 'proc', 0, null)).toMatchObject({ kind });
  }
});

const delays = {
  EXEC_PATTERN: '/bin/true',
  EXEC_DURATION: '2s',
  SIDECARS: 'proxy',
  SIDECARS_DELAY: '1h',
} as const;
const { EXEC_PATTERN, EXEC_DURATION, SIDECARS, SIDECARS_DELAY } = delays;

/** A process that has just begun. */
function firstProcess(): Uint8Array {
  const bytes = new Uint8Array(processLayout.size);
  new DataView(bytes.buffer).setUint32(processLayout.isFirst, 1, true);
  return bytes;
}

test('kubernetes: EXEC_PATTERN holds up its program for EXEC_DURATION, and needs no names', () => {
  const anonymous = { ...state, annotations: new Map<string, string>() };
  const settings = { EXEC_PATTERN, EXEC_DURATION };
  const harness = new BundleHarness(folder, { state: anonymous, firstPid: 1234 }, settings);
  expect(harness.decide('execve', '/bin/true')).toMatchObject({ kind: 'delay', delayMs: 2000 });
  expect(harness.decide('execve', '/bin/echo')).toEqual({ kind: 'continue' });
});

test('kubernetes: SIDECARS holds up the first process of other containers', () => {
  for (const [sidecars, kind] of [
    ['proxy', 'delay'],
    ['proxy,container1', 'continue'],
  ] as const) {
    const harness = chain({ SIDECARS: sidecars, SIDECARS_DELAY });
    for (const host of harness.hosts) host.callingProcess = firstProcess();
    expect(harness.decide('execve', '/bin/app')).toMatchObject({ kind });
  }
});

test('kubernetes: init containers do not wait for sidecars, which start after them', () => {
  const identity = { state, firstPid: 1234, isInit: true };
  const harness = new BundleHarness(folder, identity, { SIDECARS, SIDECARS_DELAY });
  for (const host of harness.hosts) host.callingProcess = firstProcess();
  expect(harness.decide('execve', '/bin/app')).toEqual({ kind: 'continue' });
});

test('kubernetes: both rules for programs stand together', () => {
  const harness = chain(delays);
  expect(harness.decide('execve', '/bin/true')).toMatchObject({ delayMs: 2000 });
  for (const host of harness.hosts) host.callingProcess = firstProcess();
  expect(harness.decide('execve', '/bin/true')).toMatchObject({ delayMs: 3_600_000 });
});

test('kubernetes: the sandbox of a pod is no container that would wait for sidecars', () => {
  const annotations = new Map(state.annotations);
  annotations.delete('io.kubernetes.cri.container-name');
  annotations.set('io.kubernetes.cri.container-type', 'sandbox');
  const identity = { state: { ...state, annotations }, firstPid: 1234 };
  const settings = { SIDECARS, SIDECARS_DELAY, MKDIR_TMPL: '-{{.Container}}' };
  const harness = new BundleHarness(folder, identity, settings);
  for (const host of harness.hosts) host.callingProcess = firstProcess();
  expect(harness.decide('execve', '/pause')).toEqual({ kind: 'continue' });
  harness.decide('mkdir', '/a', 0);
  expect(harness.calls).toMatchObject([{ path: bytesOf('/a-POD') }]);
});

test('G3: kubernetes: without a name of the container nobody knows whether it is a sidecar', () => {
  const anonymous = { ...state, annotations: new Map<string, string>() };
  const identity = { state: anonymous, firstPid: 1234 };
  const settings = { SIDECARS, SIDECARS_DELAY };
  expect(() => new BundleHarness(folder, identity, settings)).toThrow(
    failure('AGENT_SETTING_INVALID', '{{.Container}}'),
  );
});

test.for([
  ['MKDIR_TMPL', '-{{.Nope}}', '"MKDIR_TMPL"'],
  ['MKDIR_TMPL', '-{{.Pod', '"MKDIR_TMPL"'],
  ['EXEC_PATTERN', '/bin/true', '"EXEC_PATTERN"', '"EXEC_DURATION"'],
  ['EXEC_DURATION', '2s', '"EXEC_DURATION"', '"EXEC_PATTERN"'],
  ['EXEC_DURATION', '2', '"EXEC_DURATION"'],
  ['EXEC_DURATION', '-2s', '"EXEC_DURATION"'],
  ['SIDECARS', 'proxy', '"SIDECARS"', '"SIDECARS_DELAY"'],
  ['SIDECARS', 'proxy,', '"SIDECARS"'],
  ['SIDECARS_DELAY', '5s', '"SIDECARS_DELAY"', '"SIDECARS"'],
  ['SIDECARS_DELAY', 'soon', '"SIDECARS_DELAY"'],
  ['MOUNT_PROC', 'yes', 'MOUNT_PROC', 'true', 'false'],
  ['MOUNT_PROC', '', 'MOUNT_PROC', 'true', 'false'],
  ['MOUNT_SYSFS', '1', 'MOUNT_SYSFS', 'true', 'false'],
  ['MOUNT_OTHER_FS_LIST', 'cifs,', 'MOUNT_OTHER_FS_LIST'],
  ['MOUNT_NEED_CAP_ADMIN', 'True', 'MOUNT_NEED_CAP_ADMIN', 'true', 'false'],
  ['MOUNT_NEED_CAP_ADMIN', 'true', 'MOUNT_NEED_CAP_ADMIN', 'MOUNT_PROC, MOUNT_SYSFS'],
  ['MKDIR_TEMPLATE', '-x', '(kubernetes)', '"MKDIR_TEMPLATE"'],
  ['mount_proc', 'true', '(kubernetes)', '"mount_proc"'],
] as const)('G3: kubernetes: %s=%s is refused', ([key, value, ...named]) => {
  expect(() => chain({ [key]: value })).toThrow(failure('AGENT_SETTING_INVALID', ...named));
});
