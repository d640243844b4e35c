// SPDX-License-Identifier: Apache-2.0
// Tests the shipped profiles for the keys of metadata: they trap what those bring handlers for, and
// those for pods differ from the others in the socket alone.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { syscallNumbers } from '../../host/notification/syscall-numbers.ts';
import { packageRoot } from '../../host/package-root.ts';
import { BundleStore } from '../../host/registry/bundle-store.ts';
import { defaultPolicies } from '../../host/registry/policy.ts';
import { answeredSyscalls } from '../../host/registry/registry.ts';
import type { Registry } from '../../host/registry/registry.ts';
import { kubernetesResolver } from '../../host/registry/resolvers/kubernetes.ts';

interface Profile {
  readonly listenerPath: string;
  readonly listenerMetadata: string;
  readonly architectures: readonly string[];
  readonly syscalls: readonly { readonly names: readonly string[]; readonly action: string }[];
}

function profile(name: string): Profile {
  return JSON.parse(readFileSync(join(packageRoot(), `deploy/profiles/${name}.json`), 'utf8'));
}

function trapped({ syscalls }: Profile): readonly string[] {
  const rules = syscalls.filter(({ action }) => action === 'SCMP_ACT_NOTIFY');
  return rules.flatMap(({ names }) => names).toSorted();
}

function registryFor({ listenerMetadata }: Profile): Registry {
  const store = new BundleStore({ folders: [] });
  const resolver = kubernetesResolver({ store, policies: defaultPolicies, selection: [] });
  const state = {
    fds: [],
    processPid: 1,
    metadata: listenerMetadata,
    containerId: 'c1',
    containerPid: 1,
    status: '',
    ociBundle: '',
    annotations: new Map([
      ['io.kubernetes.cri.sandbox-namespace', 'default'],
      ['io.kubernetes.cri.sandbox-name', 'pod-0'],
      ['io.kubernetes.cri.container-name', 'container-0'],
    ]),
  };
  return resolver.resolve({ state, firstPid: 1 }).registry;
}

test.for(['kubernetes-demo', 'kubernetes-mount'])(
  'K21: shipped profiles: %s traps exactly what its metadata brings handlers for',
  (name) => {
    const read = profile(name);
    expect(trapped(read)).toEqual(answeredSyscalls(registryFor(read)).toSorted());
  },
);

test('shipped profiles: dangerous kills for calls that no handler answers, and Falco hears of them', () => {
  const read = profile('dangerous');
  expect(registryFor(read)).toMatchObject({
    handlers: [],
    defaultAction: 'kill-container',
    middleware: ['falco'],
  });
  const names = trapped(read);
  expect(names.length).toBeGreaterThanOrEqual(60);
  const known = syscallNumbers.map(([name]) => name);
  expect(names.filter((name) => !known.includes(name))).toEqual([]);
  // clone has a rule for each flag that makes a namespace
  const whole = names.filter((name) => name !== 'clone');
  expect(new Set(whole).size).toBe(whole.length);
});

test.for([
  ['kubernetes-demo', 'demo-pod'],
  ['kubernetes-mount', 'userns-pod-cifs'],
] as const)('shipped profiles: %s traps the same for pods: kubernetes/%s', ([name, forPods]) => {
  const own = profile(name);
  const same = profile(`kubernetes/${forPods}`);
  expect(trapped(same)).toEqual(trapped(own));
  expect(same.listenerMetadata).toBe(`BUNDLE=kubernetes\n${own.listenerMetadata}`);
});

test.for(['dangerous', 'demo-basic', 'kubernetes-demo', 'kubernetes-mount'])(
  'K19: shipped profiles: %s is for all architectures whose calls are known',
  (name) => {
    const names = ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32', 'SCMP_ARCH_AARCH64'];
    expect(profile(name).architectures).toEqual([...names, 'SCMP_ARCH_ARM']);
  },
);

test('shipped profiles: dangerous is the same for pods', () => {
  const { listenerPath: _own, ...rest } = profile('dangerous');
  const { listenerPath: _others, ...same } = profile('kubernetes/dangerous');
  expect(rest).toEqual(same);
});
