// SPDX-License-Identifier: Apache-2.0
// Tests that what is counted of users' containers is what is kept of them, and that it has a bound.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { expect, test } from 'vitest';

import { registryBytes, stateBytes } from '../../host/containers/kept-bytes.ts';
import { ListenerCounts } from '../../host/containers/listener-counts.ts';
import type { ContainerProcessState } from '../../host/container-process-state.ts';
import { parseContainerProcessState } from '../../host/container-process-state.ts';
import { decodeRegistry, encodeRegistry } from '../../host/notification/thread-messages.ts';
import type { EncodedRegistry } from '../../host/notification/thread-messages.ts';
import type { Bundle } from '../../host/registry/bundle.ts';
import { registryOf } from '../../host/registry/bundle-registry.ts';
import { parseMetadata } from '../../host/registry/metadata.ts';
import { defaultPolicies } from '../../host/registry/policy.ts';
import type { Registry } from '../../host/registry/registry.ts';
import type { SettingType } from '../../host/registry/setting.ts';
import { failureOf } from '../support/agent-failure.ts';
import { trapping } from '../support/hostile-components.ts';
import { loadComponent } from '../../host/handler/direct.ts';

const component = loadComponent(trapping());

/** One handler that has all settings. */
function bundleWith(keys: readonly string[], type: SettingType): Bundle {
  const settings = keys.map((key) => ({ key, type, isRequired: false, description: 'For tests' }));
  return {
    name: 'b',
    version: '0.1.0',
    description: 'For tests',
    settings,
    grants: [],
    granted: { capabilities: {} },
    origin: { kind: 'found' },
    handlers: [
      {
        name: 'h',
        file: '/h.wasm',
        component,
        deadlineMs: 1000,
        settings: settings.map((declaration) => [
          declaration.key,
          { kind: 'declared', declaration },
        ]),
      },
    ],
  };
}

interface Sent {
  readonly bundle: Bundle;
  readonly metadata: string;
  readonly annotations: Readonly<Record<string, string>>;
}

interface Kept {
  readonly state: ContainerProcessState;
  readonly registry: Registry;
  readonly encoded: EncodedRegistry;
  readonly decoded: unknown;
}

/** What an agent with one worker keeps of a container. */
function keptOf({ bundle, metadata, annotations }: Sent, index: number): Kept {
  const json = JSON.stringify({
    ociVersion: '1.2.0',
    fds: ['seccompFd'],
    pid: 1,
    metadata,
    state: {
      ociVersion: '1.2.0',
      id: `c${index}`,
      status: 'creating',
      pid: 1,
      bundle: '/b',
      annotations,
    },
  });
  const state = parseContainerProcessState(json);
  const { settings } = parseMetadata(state.metadata);
  const registry = registryOf(
    { bundles: [bundle], settings, policies: defaultPolicies },
    { state, firstPid: 1 },
  );
  const shared = { registry, place: 0, quarantine: [0], states: [] };
  const encoded = encodeRegistry(shared);
  const decoded = decodeRegistry(
    (part) => encoded[part],
    () => undefined,
  );
  return { state, registry, encoded, decoded };
}

function memoryInUse(): number {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  // what has a finalizer goes with the second one
  for (let round = 0; round < 3; round += 1) collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

const letters = (length: number, index: number): string => `${index}`.padEnd(length, 'x');
const keys = Array.from({ length: 200 }, (_, index) => `B_${index}`);
const [one, many, paths, none] = [
  bundleWith(['B'], 'string'),
  bundleWith(keys, 'string'),
  bundleWith(['B'], 'paths'),
  bundleWith([], 'string'),
];

test.for<readonly [string, (index: number) => Sent]>([
  [
    'one long setting',
    (index) => ({
      bundle: one,
      metadata: `B=${letters(60_000, index)}`,
      annotations: {},
    }),
  ],
  [
    'many short settings',
    (index) => ({
      bundle: many,
      metadata: keys.map((key) => `${key}=${letters(20, index)}`).join('\n'),
      annotations: {},
    }),
  ],
  [
    'many paths',
    (index) => ({
      bundle: paths,
      metadata: `B=${keys.map((key) => `/${key}/${letters(100, index)}`).join(',')}`,
      annotations: {},
    }),
  ],
  [
    'many annotations',
    (index) => ({
      bundle: none,
      metadata: '',
      annotations: Object.fromEntries(keys.map((key) => [key, letters(20, index)])),
    }),
  ],
  [
    'annotations of other letters',
    (index) => ({
      bundle: none,
      metadata: '',
      annotations: { a: `${index}`.padEnd(20_000, 'ж') },
    }),
  ],
])('A15: listener counts: %s are counted as what they take', ([, sent]) => {
  const [count, first] = [400, 20];
  for (let index = 0; index < first; index += 1) keptOf(sent(index), index);
  const kept: Kept[] = [];
  const before = memoryInUse();
  for (let index = 0; index < count; index += 1) kept.push(keptOf(sent(index), index));
  const grown = memoryInUse() - before;
  const counted = kept.reduce(
    (sum, { state, registry, encoded }) =>
      sum + stateBytes(state) + registryBytes({ registry, shadow: undefined }, encoded, 1),
    0,
  );
  expect(counted / grown).toBeGreaterThan(1 / 1.5);
  expect(counted / grown).toBeLessThan(1.5);
});

const holder = {
  peerUid: 1000,
  state: {
    fds: [],
    processPid: 1,
    metadata: '',
    containerId: 'c',
    containerPid: 1,
    status: 'running',
    ociBundle: '/b',
    annotations: new Map(),
  },
} as const;

test('A15: listener counts: what is kept of a user has a bound, and what has ended does not count', () => {
  const counts = new ListenerCounts();
  const mebibyte = 2 ** 20;
  const first = counts.enter(holder);
  first.keep(20 * mebibyte);
  const second = counts.enter(holder);
  expect(failureOf(() => second.keep(20 * mebibyte)).message).toContain(
    'what is kept of the containers of user 1000 has more than',
  );
  counts.enter({ ...holder, peerUid: 1001 }).keep(20 * mebibyte);
  counts.enter({ ...holder, peerUid: 0 }).keep(2000 * mebibyte);
  first[Symbol.dispose]();
  second.keep(20 * mebibyte);
});
