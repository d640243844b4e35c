// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';

import { isSandbox, workloadKeys, workloadOf } from '../../host/agent-socket/workload.ts';
import type { SentState } from '../../host/agent-socket/workload.ts';

const expected = {
  namespace: 'default',
  pod: 'web-1',
  container: 'app',
  sandbox: 's1',
  podUid: 'u1',
};

function otherwise(annotations: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.keys(annotations).map((key) => [key, 'kube-system']));
}

const containerId = 'c0ffee';

function said(...sets: readonly Readonly<Record<string, string>>[]): SentState {
  return { containerId, annotations: new Map(sets.flatMap((set) => Object.entries(set))) };
}

describe('workload', () => {
  test.each([
    [
      'containerd',
      {
        'io.kubernetes.cri.sandbox-namespace': 'default',
        'io.kubernetes.cri.sandbox-name': 'web-1',
        'io.kubernetes.cri.container-name': 'app',
        'io.kubernetes.cri.sandbox-id': 's1',
        'io.kubernetes.cri.sandbox-uid': 'u1',
      },
    ],
    [
      'CRI-O',
      {
        'io.kubernetes.pod.namespace': 'default',
        'io.kubernetes.pod.name': 'web-1',
        'io.kubernetes.container.name': 'app',
        'io.kubernetes.cri-o.SandboxID': 's1',
        'io.kubernetes.pod.uid': 'u1',
      },
    ],
    [
      'the labels of dockershim',
      {
        'io.kubernetes.pod.namespace': 'default',
        'io.kubernetes.pod.name': 'web-1',
        'io.kubernetes.container.name': 'app',
        'io.kubernetes.sandbox.id': 's1',
        'io.kubernetes.pod.uid': 'u1',
      },
    ],
  ])('is what the annotations of %s say', (_runtime, annotations) => {
    expect(workloadOf(said(annotations))).toStrictEqual(expected);
  });

  const byContainerd = {
    'io.kubernetes.cri.container-type': 'container',
    'io.kubernetes.cri.sandbox-namespace': 'default',
    'io.kubernetes.cri.sandbox-name': 'web-1',
    'io.kubernetes.cri.container-name': 'app',
    'io.kubernetes.cri.sandbox-id': 's1',
    'io.kubernetes.cri.sandbox-uid': 'u1',
  };
  const byCrio = {
    'io.kubernetes.cri-o.ContainerType': 'container',
    'io.kubernetes.pod.namespace': 'default',
    'io.kubernetes.pod.name': 'web-1',
    'io.kubernetes.container.name': 'app',
    'io.kubernetes.cri-o.SandboxID': 's1',
    'io.kubernetes.pod.uid': 'u1',
  };
  const { 'io.kubernetes.cri.container-type': _containerdMark, ...unmarkedContainerd } =
    byContainerd;
  const { 'io.kubernetes.cri-o.ContainerType': _crioMark, ...unmarkedCrio } = byCrio;

  test.each([
    ['CRI-O', byCrio, unmarkedContainerd],
    ['containerd', byContainerd, unmarkedCrio],
  ])('G7: with %s is not what a pod says by keys of another runtime', (_name, own, others) => {
    expect(workloadOf(said(otherwise(others), own))).toStrictEqual(expected);
    // nor is there anything more by them
    const [type] = Object.entries(own);
    expect(workloadOf(said(otherwise(others), Object.fromEntries([type ?? []])))).toStrictEqual({});
  });

  test.each([
    ['CRI-O', byCrio, byContainerd],
    ['containerd', byContainerd, byCrio],
  ])('G7: with %s is unknown where a pod pretends another runtime', (_name, own, others) => {
    expect(workloadOf(said(otherwise(others), own))).toStrictEqual({});
    const { sandbox: _sandbox, ...rest } = expected;
    const other = {
      ...others,
      [workloadKeys.sandbox]: 's2',
      'io.kubernetes.cri-o.SandboxID': 's1',
    };
    expect(workloadOf(said(own, other))).toStrictEqual(rest);
  });

  const proof = { 'io.kubernetes.cri-o.ContainerID': containerId };

  test.each([
    [{ 'io.kubernetes.cri.container-type': 'container' }],
    [{ 'io.kubernetes.docker.type': 'podsandbox' }],
    [otherwise(byContainerd)],
    [{ ...byContainerd, 'io.kubernetes.docker.type': 'x' }],
  ])('with CRI-O, which proves itself, is what it says, whatever marks a pod has: %j', (claim) => {
    expect(workloadOf(said(claim, byCrio, proof))).toStrictEqual(expected);
    expect(isSandbox(said(claim, byCrio, proof))).toBe(false);
    const sandbox = { 'io.kubernetes.cri-o.ContainerType': 'sandbox' };
    expect(isSandbox(said(claim, byCrio, proof, sandbox))).toBe(true);
  });

  test('with containerd is unknown where a pod pretends CRI-O, whose proof it does not have', () => {
    const claim = { ...byCrio, 'io.kubernetes.cri-o.ContainerID': 'another' };
    expect(workloadOf(said(otherwise(claim), byContainerd))).toStrictEqual({});
  });

  test('G7: without a mark is what nobody contradicts', () => {
    expect(workloadOf(said(unmarkedContainerd, unmarkedCrio))).toStrictEqual(expected);
    expect(workloadOf(said(otherwise(unmarkedContainerd), unmarkedCrio))).toStrictEqual({});
  });

  test.each([
    [{ 'io.kubernetes.cri.container-type': 'sandbox' }, byCrio, false],
    [{ 'io.kubernetes.docker.type': 'podsandbox' }, byCrio, false],
    [{ 'io.kubernetes.cri-o.ContainerType': 'sandbox' }, byContainerd, false],
    [
      { 'io.kubernetes.cri.container-type': 'sandbox' },
      { 'io.kubernetes.cri-o.ContainerType': 'sandbox' },
      true,
    ],
  ])('G7: is of a sandbox where all runtimes say so: %j', (claim, own, isOne) => {
    expect(isSandbox(said(claim, own))).toBe(isOne);
  });

  test('has only what is said', () => {
    const state = said({
      'io.kubernetes.cri.sandbox-name': 'web-1',
      'io.kubernetes.cri.container-name': '',
    });
    expect(workloadOf(state)).toStrictEqual({ pod: 'web-1' });
  });

  test.each([
    ['io.kubernetes.cri.container-type', 'sandbox', true],
    ['io.kubernetes.cri.container-type', 'container', false],
    ['io.kubernetes.cri-o.ContainerType', 'sandbox', true],
    ['io.kubernetes.cri.sandbox-id', 'sandbox', false],
  ])('is of a sandbox: %s %s: %s', (key, value, isOne) => {
    expect(isSandbox(said({ [key]: value }))).toBe(isOne);
  });
});
