// SPDX-License-Identifier: Apache-2.0
// Tests what containers get by their metadata, and what their calls get where it is wrong.
import { renameSync } from 'node:fs';

import { expect, test } from 'vitest';

import { BundleStore } from '../../host/bundles/bundle-store.ts';
import { ContainerRefusal } from '../../host/resolvers/container-refusal.ts';
import { noGrants } from '../../host/registry/grants.ts';
import type { Grants } from '../../host/registry/grants.ts';
import type { Policies } from '../../host/registry/policy.ts';
import type { ContainerIdentity, Resolution, Resolver } from '../../host/resolvers/resolver.ts';
import { noneResolver } from '../../host/resolvers/none.ts';
import { failureOf } from '../support/agent-failure.ts';
import { BundleFolder } from '../support/bundle-folder.ts';
import { failure } from '../support/failures.ts';

const policies: Policies = {
  defaultAction: 'continue',
  failure: { kind: 'errno', errno: 'EACCES' },
};

function resolverOf(folder: BundleFolder, selection: readonly string[] = []): Resolver {
  return noneResolver({ store: new BundleStore({ folders: [folder.path] }), policies, selection });
}

function identityOf(metadata: string, processPid = 1): ContainerIdentity {
  const state = {
    fds: ['seccompFd'],
    processPid,
    metadata,
    containerId: 'c1',
    containerPid: 1,
    status: 'creating',
    ociBundle: '',
    annotations: new Map<string, string>(),
  };
  return { state, firstPid: 1 };
}

function resolve(resolver: Resolver, metadata: string): Resolution {
  return resolver.resolve(identityOf(metadata));
}

/** `continues`, `kills`, `fails` and `quiet`, by their failure policies. */
function bundlesByFailure(): BundleFolder {
  const folder = new BundleFolder();
  const common = { component: 'errno-getpgid/errno', settings: { errno: 'EDOM' } } as const;
  const syscalls = ['getpgid'];
  folder.write('continues', { ...common, syscalls, failure: 'continue' });
  folder.write('kills', { ...common, syscalls, failure: 'kill-container' });
  folder.write('fails', { ...common, syscalls, failure: 'errno:EIO' });
  folder.write('quiet', { component: 'observer-quiet', syscalls });
  return folder;
}

test('selecting: a resolution has the components of its bundles, and no others', () => {
  using folder = bundlesByFailure();
  const resolver = resolverOf(folder, ['quiet']);
  const [quiet, fails, both] = ['', 'BUNDLE=fails', 'BUNDLE=fails,quiet'].map((metadata) =>
    resolve(resolver, metadata).components.map(({ id }) => id),
  );
  expect(quiet).toHaveLength(1);
  expect(fails).toHaveLength(1);
  expect(both).toEqual([...(fails ?? []), ...(quiet ?? [])]);
  expect(fails).not.toEqual(quiet);
});

test('selecting: bundles of one component share it', () => {
  using folder = bundlesByFailure();
  const { components } = resolve(resolverOf(folder), 'BUNDLE=fails,kills');
  expect(components).toHaveLength(2);
  expect(components[0]).toBe(components[1]);
});

test.for([
  ['BUNDLE=fails\nA=', 'EIO'],
  ['BUNDLE=quiet\nA=', 'EACCES'],
  ['BUNDLE=quiet,fails\nA=', 'EACCES'],
  ['BUNDLE=continues,fails\nA=', 'EIO'],
  // whoever lets failed calls continue has not said that nobody is to be asked
  ['BUNDLE=continues\nA=', 'EPERM'],
  ['BUNDLE=kills\nA=', 'EPERM'],
  // nobody knows what these would say
  ['BUNDLE=fails,nobody', 'EACCES'],
  ['BUNDLE=fails\nnonsense', 'EACCES'],
  ['A=', 'EACCES'],
] as const)('G3: selecting: calls of a container with %j fail with %s', ([metadata, errno]) => {
  using folder = bundlesByFailure();
  const refused = failureOf(() => resolve(resolverOf(folder), metadata));
  expect(refused).toBeInstanceOf(ContainerRefusal);
  expect(refused).toMatchObject({ errno });
});

test.for([
  ['', 'continue', undefined],
  ['DEFAULT_ACTION=kill-container', 'kill-container', undefined],
  ['BUNDLE=refuses\nDEFAULT_ACTION=continue', 'ENOSYS', undefined],
  // of errnos that of the container
  ['BUNDLE=refuses\nDEFAULT_ACTION=errno:EIO\nMIDDLEWARE=falco', 'EIO', ['falco']],
  ['BUNDLE=refuses\nDEFAULT_ACTION=freeze-container', 'freeze-container', undefined],
] as const)('selecting: with %j the default is %s, and middleware %j', ([text, action, names]) => {
  using folder = new BundleFolder();
  folder.write('refuses', { component: 'observer-quiet', default: 'errno:ENOSYS' });
  const { registry } = resolve(resolverOf(folder), text);
  expect(registry.defaultAction).toBe(action);
  expect(registry.middleware).toEqual(names);
});

test('G3: selecting: a kept bundle has its present grants, or none', () => {
  using folder = new BundleFolder();
  folder.write('makes', { component: 'mkdir-suffix', grants: ['filesystem'] });
  const granting = (grants: Grants): Resolver =>
    noneResolver({
      store: new BundleStore({ folders: [folder.path], allowedTo: () => grants }),
      policies,
      selection: [],
    });
  const held = resolve(granting({ capabilities: { filesystem: {} } }), 'BUNDLE=makes');
  expect(held.registry.handlers[0]).not.toHaveProperty('grants');

  const limited: Grants = { capabilities: { filesystem: { paths: ['/in'] } } };
  const kept = granting(limited).keep(held);
  expect(kept.registry.handlers).toEqual([{ ...held.registry.handlers[0], grants: limited }]);
  // and more again
  expect(granting({ capabilities: { filesystem: {} } }).keep(kept).registry).toEqual(held.registry);
  expect(failureOf(() => granting(noGrants).keep(held)).code).toBe('AGENT_GRANT_MISSING');
  expect(failureOf(() => granting(limited).keep({ ...held, sources: [] })).code).toBe(
    'AGENT_GRANT_MISSING',
  );
});

test('G3: selecting: two bundles of one name are refused at once', () => {
  using folder = bundlesByFailure();
  using other = bundlesByFailure();
  const selection = [folder.at('fails'), other.at('fails')];
  expect(() => resolverOf(folder, selection)).toThrow(failure('AGENT_BUNDLE_INVALID', '"fails"'));
});

test('G3: selecting: a shadow that cannot be loaded hides no key with a typing mistake', () => {
  using folder = bundlesByFailure();
  const resolver = resolverOf(folder);
  expect(resolve(resolver, 'BUNDLE=quiet\nBUNDLE_SHADOW=nobody').shadow?.kind).toBe('refused');
  expect(() => resolve(resolver, 'BUNDLE=quiet\nBUNDLE_SHADOW=nobody\nA=')).toThrow(
    failure('AGENT_SETTING_INVALID', 'quiet', '"A"'),
  );
});

test('G3: selecting: an error in one bundle after a reload leaves no other its old grants', async () => {
  using folder = bundlesByFailure();
  using other = bundlesByFailure();
  const store = new BundleStore({ folders: [folder.path] });
  const selection = ['fails', other.at('kills')];
  noneResolver({ store, policies, selection });
  other.write('fails', { component: 'observer-quiet', syscalls: ['getpgid'] });
  renameSync(other.at('kills'), other.at('before'));
  renameSync(other.at('fails'), other.at('kills'));
  const resolver = noneResolver({
    store: await store.renewed(() => undefined),
    policies,
    selection,
  });
  expect(() => resolve(resolver, '')).toThrow(failure('AGENT_BUNDLE_INVALID', '"fails"'));
  expect(resolve(resolver, 'BUNDLE=quiet').bundles).toMatchObject([{ name: 'quiet' }]);
});

test('selecting: a bundle of the command line that is nowhere is refused at once', () => {
  using folder = bundlesByFailure();
  expect(() => resolverOf(folder, ['fails', 'nobody'])).toThrow(
    failure('AGENT_BUNDLE_INVALID', '"nobody"'),
  );
});

test('A11: selecting: a listener has what another one of its container has, unless something differs', () => {
  using folder = bundlesByFailure();
  folder.write('naming', {
    component: 'errno-getpgid/errno',
    settings: { errno: { from: 'E' } },
    declared: { E: { type: 'template', default: '{{.Pid}}', description: 'For tests' } },
  });
  const resolver = resolverOf(folder);
  const first = resolver.resolve(identityOf('BUNDLE=fails'));
  const second = resolver.resolve(identityOf('BUNDLE=fails', 2), first);
  expect(second).toBe(first);
  expect(resolver.resolve(identityOf('BUNDLE=fails', 3), second)).toBe(first);
  expect(resolver.resolve({ ...identityOf('BUNDLE=fails'), firstPid: 2 }, first)).not.toBe(first);
  expect(resolver.resolve(identityOf('BUNDLE=kills'), first).bundles).toEqual([
    { name: 'kills', version: '0.1.0' },
  ]);
  // after a reload
  expect(resolverOf(folder).resolve(identityOf('BUNDLE=fails'), first)).not.toBe(first);
  const naming = resolver.resolve(identityOf('BUNDLE=naming', 7));
  const other = resolver.resolve(identityOf('BUNDLE=naming', 8), naming);
  expect(other.registry.handlers[0]?.settings).toEqual([['errno', '8']]);
});
