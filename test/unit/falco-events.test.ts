// SPDX-License-Identifier: Apache-2.0
// Tests what Falco is told of a decision.
import { expect, test } from 'vitest';

import { falcoAlert } from '../../host/observation/falco/alert.ts';
import { requestOf } from '../../host/observation/falco/plugin-client.ts';
import { decisionOf } from '../support/shown-decision.ts';

test('falco: the three processes of a call do not change places', () => {
  expect(requestOf(decisionOf())).toEqual({
    id: '18446744073709551615',
    pid: 300,
    syscall: 'mount',
    k8s: { namespace: 'shop', pod: 'web-1', container: 'nginx', pid: 100, pidFilter: 200 },
  });
});

test('falco: unknown fields are empty', () => {
  const container = {
    containerId: 'c1',
    workload: {},
    firstPid: undefined,
    filterPid: undefined,
    handlers: [],
    watchers: [],
  };
  const decision = decisionOf({ container, syscall: undefined, number: 999 });
  expect(requestOf(decision)).toMatchObject({
    syscall: '999',
    k8s: { namespace: '', pod: '', container: '', pid: 0, pidFilter: 0 },
  });
  expect(JSON.parse(falcoAlert(decision, 'node-1')).output).toContain('namespace=<NA> pod=<NA>');
});

test('falco: an alert is as Falco prints its own', () => {
  expect(JSON.parse(falcoAlert(decisionOf(), 'node-1'))).toEqual({
    hostname: 'node-1',
    output: expect.stringMatching(
      /^03:04:05\.678000000: Notice .+ \(syscall=mount answer=EPERM pid=300 container_id=c1 namespace=shop pod=web-1 container=nginx\)$/u,
    ),
    output_fields: {
      'container.id': 'c1',
      'evt.time': 1_767_323_045_678_000_000,
      'seccompagent.answer': 'EPERM',
      'seccompagent.handler': 'guard',
      'seccompagent.id': '18446744073709551615',
      'seccompagent.k8s.container': 'nginx',
      'seccompagent.k8s.namespace': 'shop',
      'seccompagent.k8s.pid': 100,
      'seccompagent.k8s.pidfilter': 200,
      'seccompagent.k8s.pod': 'web-1',
      'seccompagent.pid': 300,
      'seccompagent.syscall': 'mount',
    },
    priority: 'Notice',
    rule: 'Trapped system call',
    source: 'seccompagent',
    tags: ['seccomp'],
    time: '2026-01-02T03:04:05.678000000Z',
  });
});

test.for([
  [0, undefined],
  [undefined, undefined],
  [1000, 1000],
] as const)('falco: of a peer with the uid %s, %s is told', ([peerUid, told]) => {
  const { container } = decisionOf();
  const alert = falcoAlert(decisionOf({ container: { ...container, peerUid } }), 'n');
  expect(JSON.parse(alert).output_fields['seccompagent.peeruid']).toBe(told);
});

test('falco: what a user calls a container is taken for no other field, and not for the end', () => {
  const { container } = decisionOf();
  const containerId = 'a1 namespace=prod pod=db-0) CRITICAL \u001B[31m\u202E';
  const decision = decisionOf({
    container: { ...container, containerId, peerUid: 1000, workload: {} },
  });
  const line = falcoAlert(decision, 'n');
  const { output, output_fields: fields } = JSON.parse(line);
  const shown = String.raw`"a1 namespace=prod pod=db-0) CRITICAL \u001b[31m\u202e"`;
  expect(output).toContain(` container_id=${shown} namespace=<NA> pod=<NA> container=<NA>)`);
  expect(output).toContain('(peeruid=1000 syscall=mount ');
  expect(fields['container.id']).toBe(
    String.raw`a1 namespace=prod pod=db-0) CRITICAL \u001b[31m\u202e`,
  );
  // nor are those of root's containers
  const roots = decisionOf({ container: { ...container, containerId: 'a pod=b' } });
  expect(JSON.parse(falcoAlert(roots, 'n')).output).toContain(
    'pid=300 container_id="a pod=b" namespace=shop',
  );
});

test.for([
  ['Critical', { acts: ['kill-container'] }],
  ['Critical', { acts: ['operate', 'freeze-container'] }],
  ['Error', { failure: 'deadline' }],
  ['Notice', {}],
  ['Informational', { answer: { kind: 'continue' } }],
  ['Informational', { answer: { kind: 'descriptor' } }],
] as const)('falco: %s is the priority of %j', ([priority, rest]) => {
  expect(JSON.parse(falcoAlert(decisionOf(rest), 'n')).priority).toBe(priority);
});
