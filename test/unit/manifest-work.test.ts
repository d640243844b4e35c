// SPDX-License-Identifier: Apache-2.0
// Tests that no bundle.json holds up the agent, which reads it and works it through for each container.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { readBundle } from '../../host/bundles/bundle.ts';
import type { Bundle } from '../../host/bundles/bundle.ts';
import { bundleFile } from '../../host/bundles/bundle-folder.ts';
import { registryOf } from '../../host/resolvers/bundle-registry.ts';
import { parseManifest } from '../../host/bundles/manifest.ts';
import { defaultPolicies } from '../../host/registry/policy.ts';
import { failureOrNone } from '../support/agent-failure.ts';
import { failure } from '../support/failures.ts';
import { largeManifests } from '../support/manifest-work.ts';
import { processorMs } from '../support/processor-time.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { allocator, component, coreModule, instruction } from '../support/wasm-binary.ts';

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
const identity = { state, firstPid: 77 } as const;

/** As many as a container may select. */
const maxBundles = 16;
/** It is some tens of milliseconds; what was multiplied took minutes. */
const generousMs = 3000;

function bundleOf(manifest: string): Bundle {
  using folder = new TemporaryFolder();
  const functions = [
    { name: 'any', signature: 'iiiiIIIIII:i', body: instruction.i32(16) },
    allocator(),
  ];
  mkdirSync(folder.at('b'));
  writeFileSync(
    join(folder.at('b'), 'h.wasm'),
    component({ core: coreModule({ functions }), exports: ['any'] }),
  );
  writeFileSync(join(folder.at('b'), bundleFile), manifest);
  return readBundle(folder.at('b'));
}

test.for(Object.entries(largeManifests))(
  'A7: manifest: sixteen bundles with %s are no work that others would notice',
  ([, manifest]) => {
    const bundle = bundleOf(manifest);
    const bundles = Array.from({ length: maxBundles }, () => bundle);
    const settings = new Map<string, string>();
    const began = processorMs();
    parseManifest(manifest, 'bundle.json');
    const refused = failureOrNone(() =>
      registryOf({ bundles, settings, policies: defaultPolicies }, identity),
    );
    expect(processorMs() - began).toBeLessThan(generousMs);
    expect([undefined, 'AGENT_SETTING_INVALID']).toContain(refused?.code);
  },
);

test('A7: manifest: one of more than 64 KiB is refused', () => {
  const large = ' '.repeat(64 * 1024 + 1);
  expect(() => bundleOf(large)).toThrow(failure('AGENT_BUNDLE_INVALID', bundleFile));
});
