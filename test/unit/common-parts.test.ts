// SPDX-License-Identifier: Apache-2.0
// Tests that listeners of a container, or of the same bundles, have once what they have alike.
import { expect, test } from 'vitest';

import { commonState, withCommonParts } from '../../host/containers/common-parts.ts';
import type { ContainerProcessState } from '../../host/agent-socket/container-process-state.ts';
import type { Resolution } from '../../host/resolvers/resolver.ts';
import type { Registry, RegistryHandler } from '../../host/registry/registry.ts';

function handlerOf(settings: Readonly<Record<string, string>>): RegistryHandler {
  return {
    name: 'h',
    component: 'id',
    answers: ['any'],
    settings: Object.entries(settings),
    readsPointers: false,
    deadlineMs: 1000,
  };
}

function registryOf(
  annotations: readonly (readonly [string, string])[],
  handlers: readonly RegistryHandler[],
): Registry {
  return {
    containerId: 'c1',
    annotations,
    handlers,
    defaultAction: 'continue',
    failure: { kind: 'errno', errno: 'EPERM' },
  };
}

interface Differences {
  readonly processPid: number;
  readonly note?: string;
}

function stateOf({ processPid, note = 'a' }: Differences): ContainerProcessState {
  return {
    fds: ['seccompFd'],
    processPid,
    metadata: 'BUNDLE=b',
    containerId: 'c1',
    containerPid: 1,
    status: 'running',
    ociBundle: '/b',
    annotations: new Map([['note', note]]),
  };
}

/** Nothing of it is another one's. */
function resolutionOf({
  processPid,
  note = 'a',
}: Differences): Pick<Resolution, 'registry' | 'shadow'> {
  const annotations = [['note', note]] as const;
  const handlers = [handlerOf({ fixed: 'x' }), handlerOf({ pid: String(processPid) })];
  return {
    registry: registryOf(annotations, handlers),
    shadow: {
      kind: 'resolved',
      registry: registryOf(annotations, handlers),
      sources: [],
      bundles: [],
      components: [],
    },
  };
}

test('A3: common parts: nothing changes but whose it is', () => {
  const first = resolutionOf({ processPid: 7 });
  const own = resolutionOf({ processPid: 8 });
  const kept = withCommonParts(own, first);
  expect(kept).toStrictEqual(own);
  expect(kept.registry.annotations).toBe(first.registry.annotations);
  expect(kept.registry.handlers[0]).toBe(first.registry.handlers[0]);
  expect(kept.registry.handlers[1]).toBe(own.registry.handlers[1]);
  if (kept.shadow?.kind !== 'resolved' || first.shadow?.kind !== 'resolved')
    throw new Error('none');
  expect(kept.shadow.registry.handlers[0]).toBe(first.shadow.registry.handlers[0]);
});

test('A3: common parts: differing parts are its own', () => {
  const own = resolutionOf({ processPid: 8, note: 'b' });
  const kept = withCommonParts(own, resolutionOf({ processPid: 8 }));
  expect(kept).toStrictEqual(own);
  expect(kept.registry.annotations).toBe(own.registry.annotations);
});

test('A3: common parts: a first listener has all for itself', () => {
  const own = resolutionOf({ processPid: 8 });
  expect(withCommonParts(own, undefined)).toBe(own);
});

test('A3: common parts: of states, long texts are there once', () => {
  const first = stateOf({ processPid: 7 });
  const own = stateOf({ processPid: 8 });
  expect(commonState(own, first)).toStrictEqual(own);
  expect(commonState(own, first).annotations).toBe(first.annotations);
  const other = stateOf({ processPid: 9, note: 'b' });
  expect(commonState(other, first)).toStrictEqual(other);
  expect(commonState(other, undefined)).toBe(other);
});
