// SPDX-License-Identifier: Apache-2.0
// Tests that what is counted of users' containers is what is kept of them, and that it has a bound.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { expect, onTestFinished, test, vi } from 'vitest';

import { registryBytes, stateBytes } from '../../host/containers/kept-bytes.ts';
import type { KeptBytes } from '../../host/containers/kept-bytes.ts';
import { ListenerCounts } from '../../host/containers/listener-counts.ts';
import type { ContainerProcessState } from '../../host/agent-socket/container-process-state.ts';
import { parseContainerProcessState } from '../../host/agent-socket/container-process-state.ts';
import { decodeRegistry, encodeRegistry } from '../../host/worker/thread-messages.ts';
import type { EncodedRegistry } from '../../host/worker/thread-messages.ts';
import type { Bundle } from '../../host/bundles/bundle.ts';
import { registryOf } from '../../host/resolvers/bundle-registry.ts';
import { parseMetadata } from '../../host/resolvers/metadata.ts';
import { defaultPolicies } from '../../host/registry/policy.ts';
import type { Registry } from '../../host/registry/registry.ts';
import type { ContainerIdentity } from '../../host/resolvers/resolver.ts';
import type { SettingType } from '../../host/bundles/setting.ts';
import { failure } from '../support/failures.ts';
import { trapping } from '../support/hostile-components.ts';
import { loadTrusted } from '../support/trusted-component.ts';

const component = loadTrusted(trapping());

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

/** Kept bytes of a container in an agent with one worker. */
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

/** Of one that has nothing in common with others. */
function sumOf({ own, common }: KeptBytes): number {
  return common.reduce((sum, [, bytes]) => sum + bytes, own);
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
      sum + stateBytes(state) + sumOf(registryBytes({ registry, shadow: undefined }, encoded, 1)),
    0,
  );
  expect(counted / grown).toBeGreaterThan(1 / 1.5);
  expect(counted / grown).toBeLessThan(1.5);
});

const holder: Pick<ContainerIdentity, 'peerUid' | 'state'> = {
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
};

const mebibyte = 2 ** 20;

function ownBytes(mebibytes: number): KeptBytes {
  return { own: mebibytes * mebibyte, common: [] };
}

function ofRoot(containerId: string): typeof holder {
  return { ...holder, peerUid: 0, state: { ...holder.state, containerId } };
}

test('A15: listener counts: kept bytes of a user are limited, and ended listeners do not count', () => {
  const counts = new ListenerCounts();
  const first = counts.enter(holder);
  first.keep(ownBytes(20));
  const second = counts.enter(holder);
  expect(() => second.keep(ownBytes(20))).toThrow(
    failure('AGENT_LISTENER', /\b1000\b/u, String(32 * mebibyte)),
  );
  counts.enter({ ...holder, peerUid: 1001 }).keep(ownBytes(20));
  first[Symbol.dispose]();
  second.keep(ownBytes(20));
});

test('A2, A15: listener counts: what is kept of a container’s mounts counts as well', () => {
  const counts = new ListenerCounts();
  const first = counts.enter(holder);
  first.keep(ownBytes(10));
  first.keepLooks(20 * mebibyte);
  const second = counts.enter(holder);
  expect(() => {
    second.keepLooks(10 * mebibyte);
  }).toThrow(failure('AGENT_LISTENER', /\b1000\b/u));
  // in place of that
  first.keepLooks(mebibyte);
  second.keepLooks(10 * mebibyte);
  second[Symbol.dispose]();
  first.keepLooks(20 * mebibyte);
});

test('A15: listener counts: kept bytes of one of root’s containers are limited', () => {
  const counts = new ListenerCounts();
  const first = counts.enter(ofRoot('c1'));
  first.keep(ownBytes(10));
  const second = counts.enter(ofRoot('c1'));
  expect(() => second.keep(ownBytes(10))).toThrow(
    failure('AGENT_LISTENER', /\bc1\b/u, String(16 * mebibyte)),
  );
  counts.enter(ofRoot('c2')).keep(ownBytes(10));
  // what it has in place of that
  first.keep(ownBytes(3));
  second.keep(ownBytes(10));
});

test('A15: listener counts: common parts of a container’s listeners count once, until the last of them ends', () => {
  const counts = new ListenerCounts();
  const bytes: KeptBytes = { own: 1, common: [['digest', 10 * mebibyte]] };
  const listeners = Array.from({ length: 20 }, () => {
    const listener = counts.enter(ofRoot('c1'));
    listener.keep(bytes);
    return listener;
  });
  const last = listeners.pop();
  for (const listener of listeners) listener[Symbol.dispose]();
  const other = counts.enter(ofRoot('c1'));
  expect(() => other.keep(ownBytes(10))).toThrow(failure('AGENT_LISTENER', /\bc1\b/u));
  last?.[Symbol.dispose]();
  other.keep(ownBytes(10));
});

test('A15: listener counts: all containers of root have a bound, beyond which those come in that have little', () => {
  vi.spyOn(process, 'constrainedMemory').mockReturnValue(256 * mebibyte);
  onTestFinished(() => {
    vi.restoreAllMocks();
  });
  const counts = new ListenerCounts();
  for (const id of ['c1', 'c2']) counts.enter(ofRoot(id)).keep(ownBytes(15));
  const third = counts.enter(ofRoot('c3'));
  expect(() => third.keep(ownBytes(10))).toThrow(failure('AGENT_LISTENER', 'root'));
  third.keep(ownBytes(4));
  // users' are counted for themselves
  counts.enter(holder).keep(ownBytes(15));
});

test('A2: listener counts: a user who receives himself has no more for a while, and no one else is refused', () => {
  const counts = new ListenerCounts();
  counts.enter(holder);
  counts.noteShared(holder);
  counts.noteShared(ofRoot('c1'));

  expect(() => counts.enter(holder)).toThrow(failure('AGENT_LISTENER', /\b1000\b/u));
  counts.enter(ofRoot('c1'));
  counts.enter({ ...holder, peerUid: 1001 });
  const later = performance.now() + 11 * 60_000;
  vi.spyOn(performance, 'now').mockReturnValue(later);
  onTestFinished(() => {
    vi.restoreAllMocks();
  });
  counts.enter(holder);
});
