// SPDX-License-Identifier: Apache-2.0
// Tests what is kept of annotations, and how many listeners are held for whom.
import { expect, test } from 'vitest';

import { ListenerCounts } from '../../host/containers/listener-counts.ts';
import type { CountedListener } from '../../host/containers/listener-counts.ts';
import { keptAnnotations } from '../../host/agent-socket/kept-annotations.ts';
import type { KeptAnnotations } from '../../host/agent-socket/kept-annotations.ts';
import type { ContainerIdentity } from '../../host/resolvers/resolver.ts';
import { workloadOf } from '../../host/agent-socket/workload.ts';
import { failure } from '../support/failures.ts';

const code = 'AGENT_LISTENER';

const crio = {
  'io.kubernetes.cri-o.ContainerType': 'container',
  'io.kubernetes.pod.namespace': 'default',
  'io.kubernetes.pod.name': 'web-1',
} as const;

function keptOf(entries: readonly (readonly [string, string])[]): KeptAnnotations {
  return keptAnnotations(Object.fromEntries(entries), String);
}

test('G1: annotations: of many no more are kept than fit into 64 KiB, those that name pods first', () => {
  const many = Array.from({ length: 1000 }, (_, index) => [`k${index}`, 'x'.repeat(1000)] as const);
  const { annotations, leftOut } = keptOf([...many, ...Object.entries(crio)]);
  const bytes = [...annotations].reduce((sum, [key, value]) => sum + key.length + value.length, 0);
  expect(bytes).toBeLessThanOrEqual(64 * 1024);
  expect(bytes).toBeGreaterThan(62 * 1024);
  expect(annotations.size + leftOut).toBe(1003);
  expect(workloadOf({ containerId: 'c1', annotations: annotations })).toEqual({
    namespace: 'default',
    pod: 'web-1',
  });
});

test('G1: annotations: one that is too large takes nothing away from those behind it', () => {
  const large = ['large', 'x'.repeat(1e6)] as const;
  const { annotations, leftOut } = keptOf([large, ['small', 'ü']]);
  expect([...annotations]).toEqual([['small', 'ü']]);
  expect(leftOut).toBe(1);
});

test('G7: annotations: false pod annotations take nothing away from the true ones', () => {
  const claim = ['io.kubernetes.cri.sandbox-name', 'x'.repeat(65_000)] as const;
  const { annotations } = keptOf([claim, ...Object.entries(crio)]);
  expect(Object.fromEntries(annotations)).toEqual(crio);
});

test('G1: annotations: of many small ones no more than 1,024 are kept', () => {
  const many = Array.from({ length: 16_384 }, (_, index) => [`k${index}`, ''] as const);
  const { annotations, leftOut } = keptOf([...many, ...Object.entries(crio)]);
  expect(annotations.size).toBe(1024);
  expect(annotations.size + leftOut).toBe(16_387);
  expect(workloadOf({ containerId: 'c1', annotations: annotations })).toEqual({
    namespace: 'default',
    pod: 'web-1',
  });
});

const state = {
  fds: [],
  processPid: 1,
  metadata: '',
  containerId: 'c1',
  containerPid: 1,
  status: 'running',
  ociBundle: '',
  annotations: new Map<string, string>(),
} as const;

function of(peerUid: number, containerId: string): Pick<ContainerIdentity, 'peerUid' | 'state'> {
  return { peerUid, state: { ...state, containerId } };
}

test('G1: listeners: a user has no more than may be, and room again when one ends', () => {
  const counts = new ListenerCounts({ perUser: 2 });
  const first = counts.enter(of(1000, 'a'));
  counts.enter(of(1000, 'b'));
  expect(() => counts.enter(of(1000, 'c'))).toThrow(failure(code, /\b1000\b/u, /\b2\b/u));
  counts.enter(of(1001, 'c'));
  for (const id of ['a', 'b', 'c']) counts.enter(of(0, id));
  first[Symbol.dispose]();
  counts.enter(of(1000, 'c'));
});

test('G1: listeners: a container has no more than may be, and nobody else uses them up', () => {
  const counts = new ListenerCounts({ perContainer: 2 });
  const ours = { peerUid: 0, state };
  const theirs = { peerUid: 1000, state };
  counts.enter(theirs);
  counts.enter(theirs);
  expect(() => counts.enter(theirs)).toThrow(failure(code, /\bc1\b/u, /\b2\b/u));
  const first = counts.enter(ours);
  counts.enter(ours);
  expect(() => counts.enter(ours)).toThrow(failure(code));
  first[Symbol.dispose]();
  counts.enter(ours);
});

test('G1: listeners: without a choice a container has 250, and a user 1000', () => {
  const counts = new ListenerCounts();
  const enter = (index: number): CountedListener =>
    counts.enter({ peerUid: 1000, state: { ...state, containerId: `c${index % 4}` } });
  for (let index = 0; index < 1000; index += 1) enter(index);
  expect(() => enter(0)).toThrow(failure(code, /\bc0\b/u, /\b250\b/u));
  const other = { peerUid: 1000, state: { ...state, containerId: 'other' } };
  expect(() => counts.enter(other)).toThrow(failure(code, /\b1000\b.*\b1000\b/u));
});

test('G1: listeners: one whose texts are longer than are kept is refused', () => {
  const counts = new ListenerCounts();
  const long = { ...state, metadata: 'x'.repeat(64 * 1024) };
  expect(() => counts.enter({ peerUid: 0, state: long })).toThrow(failure(code, '65536'));
});

test('G1: listeners: texts of a user’s containers have 32 MiB together, and room again when one ends', () => {
  const counts = new ListenerCounts();
  const full = { ...state, metadata: 'x'.repeat(64 * 1024 - 100) };
  const withId = (
    peerUid: number,
    index: number,
  ): Pick<ContainerIdentity, 'peerUid' | 'state'> => ({
    peerUid,
    state: { ...full, containerId: `c${index}` },
  });
  const entered = Array.from({ length: 497 }, (_, index) => counts.enter(withId(1000, index)));
  expect(() => counts.enter(withId(1000, 600))).toThrow(failure(code, '1000', '33554432'));
  counts.enter(withId(1001, 600));
  entered[0]?.[Symbol.dispose]();
  counts.enter(withId(1000, 600));
  for (let index = 0; index < 300; index += 1) counts.enter(withId(0, index));
});

test('G1: listeners: each annotation counts by more than its text', () => {
  const counts = new ListenerCounts();
  const annotations = new Map(Array.from({ length: 1024 }, (_, index) => [`k${index}`, '']));
  const enter = (index: number): CountedListener =>
    counts.enter({ peerUid: 1000, state: { ...state, containerId: `c${index}`, annotations } });
  for (let index = 0; index < 400; index += 1) enter(index);
  const many = (): void => {
    for (let index = 400; index < 600; index += 1) enter(index);
  };
  expect(many).toThrow(failure(code, '1000', '33554432'));
});
