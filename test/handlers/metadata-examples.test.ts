// SPDX-License-Identifier: Apache-2.0
// The metadata that the documentation shows selects what it says.
import { expect, test } from 'vitest';

import { BundleStore } from '../../host/bundles/bundle-store.ts';
import { parseMetadata } from '../../host/resolvers/metadata.ts';
import { defaultPolicies } from '../../host/registry/policy.ts';
import { kubernetesResolver } from '../../host/resolvers/kubernetes.ts';
import { Page, pagePaths } from '../support/pages.ts';

const examples = pagePaths().flatMap((path) => {
  const { text } = new Page(path);
  const found = [...text.matchAll(/^"listenerMetadata": (?<json>".*")$/gmu)];
  return found.map(({ groups }) => [path, groups?.['json'] ?? ''] as const);
});

test('metadata examples: there are some', () => {
  expect(examples.length).toBeGreaterThan(4);
});

test.each(examples)('metadata examples: that of %s is taken: %s', (_, json) => {
  const metadata = String(JSON.parse(json));
  const { bundles: selected = ['kubernetes'] } = parseMetadata(metadata);
  const resolver = kubernetesResolver({
    store: new BundleStore({ folders: [] }),
    policies: defaultPolicies,
    selection: [],
  });
  const state = {
    fds: [],
    processPid: 1,
    metadata,
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
  const { registry } = resolver.resolve({ state, firstPid: 1 });
  const bundles = new Set(registry.handlers.map(({ bundle }) => bundle));
  expect([...bundles]).toEqual(selected);
});
