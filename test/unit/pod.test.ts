// SPDX-License-Identifier: Apache-2.0
// Tests what is kept of pods, and that what an API server makes up is refused.
import { expect, test } from 'vitest';

import { podOf } from '../../host/kubernetes/pod.ts';
import type { Pod } from '../../host/kubernetes/pod.ts';
import { maxPods, KnownPods } from '../../host/kubernetes/known-pods.ts';
import { failureOf } from '../support/agent-failure.ts';
import { podObject } from '../support/fake-api-server.ts';

const node = 'node-1';
const hash = '0123456789abcdef0123456789abcdef';

function podFor(uid: string, ids: readonly string[] = [], cgroupUid: string = uid): Pod {
  const containers = new Map(ids.map((id) => [id, 'app']));
  const names = {
    namespace: 'default',
    name: `pod-${uid}`,
    containerNames: ['app'],
    initContainerNames: [],
  };
  return { ...names, uid, cgroupUid, eventUid: uid, containers };
}

function idOf(name: string, id?: string): object {
  return { name, ...(id === undefined ? {} : { containerID: id }) };
}

test('pod: its names, and the ids of all its kinds of containers', () => {
  const { status: _status, ...object } = podObject({
    namespace: 'web',
    name: 'front.1',
    uid: 'u1',
    containers: { app: 'c1' },
    initContainers: ['init'],
  });
  const status = {
    containerStatuses: [idOf('app', 'containerd://c1'), idOf('later')],
    initContainerStatuses: [idOf('init', 'cri-o://c2')],
    ephemeralContainerStatuses: [idOf('debug', 'docker://c3'), idOf('none', '')],
  };
  expect(podOf({ ...object, status }, node)).toStrictEqual({
    namespace: 'web',
    name: 'front.1',
    uid: 'u1',
    cgroupUid: 'u1',
    eventUid: 'u1',
    containerNames: ['app', 'init'],
    initContainerNames: ['init'],
    containers: new Map([
      ['c1', 'app'],
      ['c2', 'init'],
      ['c3', 'debug'],
    ]),
  });
});

test('pod: one that comes from a file has another uid on the node', () => {
  const annotations = { 'kubernetes.io/config.hash': hash };
  expect(podOf(podObject({ name: 'a', uid: 'u1', annotations }), node)?.cgroupUid).toBe(hash);
  const false_ = { 'kubernetes.io/config.hash': crypto.randomUUID() };
  expect(podOf(podObject({ name: 'a', uid: 'u1', annotations: false_ }), node)?.cgroupUid).toBe(
    'u1',
  );
});

test('pod: those of other nodes are none of ours', () => {
  expect(podOf(podObject({ name: 'a', uid: 'u1', node: 'node-2' }), node)).toBeUndefined();
});

const valid = podObject({ name: 'a', uid: 'u1', containers: { app: 'c1' } });

test.for([
  null,
  [],
  'pod',
  { ...valid, metadata: null },
  { ...valid, metadata: { ...valid.metadata, name: '../../etc' } },
  { ...valid, metadata: { ...valid.metadata, name: 7 } },
  { ...valid, metadata: { ...valid.metadata, namespace: 'a/b' } },
  { ...valid, metadata: { ...valid.metadata, uid: '' } },
  { ...valid, metadata: { ...valid.metadata, annotations: 'none' } },
  { ...valid, spec: { nodeName: node, containers: {} } },
  { ...valid, spec: { nodeName: node, containers: [{ name: '..' }] } },
  { ...valid, status: { containerStatuses: [{ name: 'app', containerID: 7 }] } },
  { ...valid, status: { containerStatuses: [{ name: '\n', containerID: 'c://1' }] } },
  { ...valid, status: 'well' },
])('G7: pod: %j is none', (json) => {
  expect(failureOf(() => podOf(json, node)).code).toBe('AGENT_KUBERNETES');
});

test('G7: pod: no more containers are kept than fit into memory', () => {
  const containers = Object.fromEntries(
    Array.from({ length: 5000 }, (_, index) => [`c${index}`, `id${index}`]),
  );
  const pod = podOf(podObject({ name: 'a', uid: 'u1', containers }), node);
  expect(pod?.containers.size).toBe(128);
  expect(pod?.containerNames).toHaveLength(128);
});

test('known pods: a pod is found by its uid, and by its containers of now', () => {
  const pods = new KnownPods();
  pods.set(podFor('u1', ['c1', 'c2']));
  pods.set(podFor('u2', ['c3']));
  expect(pods.byUid('u1')?.uid).toBe('u1');
  pods.set(podFor('u1', ['c2', 'c4']));
  expect(['c1', 'c2', 'c3', 'c4'].map((id) => pods.byContainer(id)?.uid)).toEqual([
    undefined,
    'u1',
    'u2',
    'u1',
  ]);
  pods.delete('u1');
  expect(pods.byContainer('c2')).toBeUndefined();
  pods.replace([podFor('u3', ['c5'])]);
  expect(pods.byContainer('c3')).toBeUndefined();
  expect(pods.byContainer('c5')?.uid).toBe('u3');
  expect(pods.size).toBe(1);
});

test('G7: known pods: who writes the uid of another pod into his own does not become it', () => {
  const pods = new KnownPods();
  pods.set(podFor('u1', [], hash));
  expect(pods.byUid(hash)?.uid).toBe('u1');
  pods.set(podFor('u2', [], hash));
  expect(pods.byUid(hash)).toBeUndefined();
  pods.set(podFor('u3', [], 'u1'));
  expect(pods.byUid('u1')?.uid).toBe('u1');
});

test('G7: known pods: there is room for so many, and those that are there may change', () => {
  const pods = new KnownPods();
  for (let index = 0; index < maxPods; index += 1) expect(pods.set(podFor(`u${index}`))).toBe(true);
  expect(pods.set(podFor('another'))).toBe(false);
  expect(pods.set(podFor('u1', ['c1']))).toBe(true);
  expect(pods.size).toBe(maxPods);
});
