// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';

import { isSandbox, workloadOf } from '../../host/registry/workload.ts';

const expected = {
  namespace: 'default',
  pod: 'web-1',
  container: 'app',
  sandbox: 's1',
  podUid: 'u1',
};

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
    expect(workloadOf(new Map(Object.entries(annotations)))).toStrictEqual(expected);
  });

  test('has only what is said', () => {
    const annotations = new Map([
      ['io.kubernetes.cri.sandbox-name', 'web-1'],
      ['io.kubernetes.cri.container-name', ''],
    ]);
    expect(workloadOf(annotations)).toStrictEqual({ pod: 'web-1' });
  });

  test.each([
    ['io.kubernetes.cri.container-type', 'sandbox', true],
    ['io.kubernetes.cri.container-type', 'container', false],
    ['io.kubernetes.cri-o.ContainerType', 'sandbox', true],
    ['io.kubernetes.cri.sandbox-id', 'sandbox', false],
  ])('is of a sandbox: %s %s: %s', (key, value, isOne) => {
    expect(isSandbox(new Map([[key, value]]))).toBe(isOne);
  });
});
