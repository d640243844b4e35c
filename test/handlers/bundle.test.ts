// SPDX-License-Identifier: Apache-2.0
// Tests bundles: the components beside a bundle.json, and the registry that is made of them.
import { createHash } from 'node:crypto';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { messageOf } from '../../host/errors.ts';
import { shippedBundles } from '../../host/package-root.ts';
import { readBundle } from '../../host/bundles/bundle.ts';
import { failureOf } from '../support/agent-failure.ts';
import { bundleRegistry } from '../support/bundle-resolver.ts';
import { failure, naming } from '../support/failures.ts';
import { shippedComponent } from '../support/handler-harness.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

const handler = {
  component: 'mkdir-suffix.wasm',
  settings: { suffix: '-{{.ContainerID}}-{{.Pid}}-{{.Pid1}}' },
};
const grants = { filesystem: { reason: 'makes the directory' } };
const bundle = { name: 'b', version: '1.2.3', description: 'text', grants, handlers: [handler] };

/** A folder with this bundle.json and the component mkdir-suffix.wasm. */
function bundleFolder(json: unknown): TemporaryFolder {
  const folder = new TemporaryFolder();
  writeFileSync(folder.at('bundle.json'), JSON.stringify(json));
  copyFileSync(shippedComponent('mkdir-suffix'), folder.at('mkdir-suffix.wasm'));
  return folder;
}

const state = {
  fds: ['seccompFd'],
  processPid: 4321,
  metadata: '',
  containerId: 'c1',
  containerPid: 1234,
  status: 'creating',
  ociBundle: '',
  annotations: new Map<string, string>(),
} as const;

test.for(['demo-basic', 'errno', 'kubernetes', 'mkdir-suffix', 'mount', 'unprivileged-build'])(
  'bundle: %s loads',
  (name) => {
    expect(readBundle(join(shippedBundles(), name)).name).toBe(name);
  },
);

test('bundle: handlers have names, components and settings in their order', () => {
  using folder = bundleFolder({
    ...bundle,
    handlers: [handler, { ...handler, syscalls: ['mkdir'] }],
  });
  const read = readBundle(folder.path);
  expect(read).toMatchObject({ name: 'b', version: '1.2.3', description: 'text' });
  expect(read.handlers.map(({ name, syscalls }) => [name, syscalls])).toEqual([
    ['mkdir-suffix', undefined],
    ['mkdir-suffix', ['mkdir']],
  ]);
});

test('bundle: a folder without a bundle.json is named', () => {
  using folder = new TemporaryFolder();
  expect(() => readBundle(folder.path)).toThrow(
    failure('AGENT_BUNDLE_INVALID', folder.at('bundle.json')),
  );
});

test('bundle: a mistake is named with the file', () => {
  using folder = bundleFolder({ ...bundle, version: 'one' });
  expect(() => readBundle(folder.path)).toThrow(
    failure('AGENT_BUNDLE_INVALID', folder.at('bundle.json'), 'version', '"one"'),
  );
});

test('bundle: a component that is not there is named', () => {
  using folder = bundleFolder({ ...bundle, handlers: [{ ...handler, component: 'other.wasm' }] });
  expect(() => readBundle(folder.path)).toThrow(
    failure('AGENT_BUNDLE_INVALID', folder.at('other.wasm')),
  );
});

test('bundle: a component that is none is named', () => {
  using folder = bundleFolder(bundle);
  writeFileSync(folder.at('mkdir-suffix.wasm'), 'no component');
  const refused = failureOf(() => readBundle(folder.path));
  expect(refused.code).toBe('AGENT_BUNDLE_INVALID');
  // after its first bytes
  expect(messageOf(refused)).toEqual(naming(folder.at('mkdir-suffix.wasm'), /\b8$/u));
});

test('bundle: a capability that is not granted is refused with both lists', () => {
  using folder = bundleFolder({ ...bundle, grants: { caller: { reason: 'looks' } } });
  const refused = failureOf(() => readBundle(folder.path));
  expect(refused.code).toBe('AGENT_BUNDLE_INVALID');
  expect(messageOf(refused)).toEqual(naming('filesystem', 'caller'));
});

test('bundle: a grant that no component imports is over-asking, and named', () => {
  const more = { ...grants, mounts: { reason: 'why' }, devices: { reason: 'why' } };
  using folder = bundleFolder({ ...bundle, grants: more });
  expect(() => readBundle(folder.path)).toThrow(
    failure('AGENT_BUNDLE_INVALID', folder.at('bundle.json'), 'grants', 'mounts, devices'),
  );
});

test('bundle: limits of answers are no over-asking', () => {
  const more = { ...grants, errnos: { reason: 'why', names: ['EPERM'] } };
  using folder = bundleFolder({ ...bundle, grants: more });
  expect(readBundle(folder.path).grants.map(({ capability }) => capability)).toEqual([
    'filesystem',
    'errnos',
  ]);
});

function digestOfComponent(): string {
  const hash = createHash('sha256').update(readFileSync(shippedComponent('mkdir-suffix')));
  return `sha256:${hash.digest('hex')}`;
}

test('bundle: a component with the digest that bundle.json says is loaded', () => {
  const digest = digestOfComponent();
  using folder = bundleFolder({ ...bundle, handlers: [{ ...handler, digest }] });
  expect(readBundle(folder.path).handlers).toHaveLength(1);
});

test('bundle: a component with another digest is refused with both', () => {
  const digest = `sha256:${'ab'.repeat(32)}`;
  using folder = bundleFolder({ ...bundle, handlers: [{ ...handler, digest }] });
  const refused = failureOf(() => readBundle(folder.path));
  expect(refused.code).toBe('AGENT_BUNDLE_INVALID');
  expect(messageOf(refused)).toEqual(
    naming(folder.at('mkdir-suffix.wasm'), digestOfComponent(), digest),
  );
});

test('bundle: the memory of an instance is what its handler asks for, of one component too', () => {
  const memories = [{ memory: '64KiB' }, { memory: '1MiB' }, {}];
  using folder = bundleFolder({
    ...bundle,
    handlers: memories.map((memory) => ({ ...handler, ...memory })),
  });
  const ids = readBundle(folder.path).handlers.map(({ component }) => component.id);
  expect(ids.map((id) => id.split('/')[1])).toEqual(['1', '16', '256']);
});

test('bundle: more memory than the agent allows is refused with both', () => {
  using folder = bundleFolder({ ...bundle, handlers: [{ ...handler, memory: '17MiB' }] });
  const refused = failureOf(() => readBundle(folder.path));
  expect(refused.code).toBe('AGENT_BUNDLE_INVALID');
  expect(messageOf(refused)).toEqual(naming('"memory"', '17408 KiB', '16384 KiB'));
});

test('G3: bundle: a syscall that its handler does not answer is refused', () => {
  // it would never be asked, and the calls that it was to refuse would go through
  using folder = bundleFolder({ ...bundle, handlers: [{ ...handler, syscalls: ['chmod'] }] });
  expect(failureOf(() => readBundle(folder.path)).code).toBe('AGENT_BUNDLE_INVALID');
});

test('bundle: the registry has the templates filled', () => {
  using folder = bundleFolder(bundle);
  const registry = bundleRegistry(readBundle(folder.path), { state, firstPid: 77 });
  expect(registry).toMatchObject({
    containerId: 'c1',
    defaultAction: 'continue',
    failure: { kind: 'errno', errno: 'EPERM' },
    handlers: [
      {
        name: 'mkdir-suffix',
        answers: ['mkdir'],
        readsPointers: true,
        deadlineMs: 1000,
        settings: [['suffix', '-c1-4321-77']],
      },
    ],
  });
  expect(registry.handlers[0]).not.toHaveProperty('syscalls');
});

test('bundle: the registry has what the manifest says of failures, defaults and deadlines', () => {
  using folder = bundleFolder({
    ...bundle,
    default: 'errno:ENOSYS',
    failure: 'kill-container',
    handlers: [{ ...handler, deadline: '250ms' }, handler],
  });
  const registry = bundleRegistry(readBundle(folder.path), { state, firstPid: 77 });
  expect(registry).toMatchObject({
    defaultAction: 'ENOSYS',
    failure: { kind: 'kill-container' },
    handlers: [{ deadlineMs: 250 }, { deadlineMs: 1000 }],
  });
});

test('G3: bundle: a failure policy that is none is named with the file', () => {
  using folder = bundleFolder({ ...bundle, failure: 'errno:EPERMM' });
  const refused = failureOf(() => readBundle(folder.path));
  expect(refused.code).toBe('AGENT_BUNDLE_INVALID');
  expect(messageOf(refused)).toEqual(naming(folder.at('bundle.json'), 'failure', '"errno:EPERMM"'));
});

test.for([
  ['Pid', { state: { ...state, processPid: 0 }, firstPid: 77 }],
  ['Pid1', { state, firstPid: undefined }],
] as const)(
  'G3: bundle: without a %s there is no registry for its template',
  ([name, identity]) => {
    using folder = bundleFolder(bundle);
    const read = readBundle(folder.path);
    expect(() => bundleRegistry(read, identity)).toThrow(
      failure('AGENT_SETTING_INVALID', `{{.${name}}}`),
    );
  },
);
