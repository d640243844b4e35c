// SPDX-License-Identifier: Apache-2.0
// Tests registries: which calls they answer, which pointers they want, and how they travel.
import { expect, test } from 'vitest';

import { noState } from '../../host/native.ts';
import { decodeRegistry, encodeRegistry } from '../../host/worker/thread-messages.ts';
import type { SharedRegistry } from '../../host/worker/thread-messages.ts';
import { syscallTable } from '../../host/syscalls/syscall-table.ts';
import { Syscalls } from '../../host/syscalls/syscalls.ts';
import type { Syscall } from '../../host/syscalls/syscalls.ts';
import { BundleStore } from '../../host/bundles/bundle-store.ts';
import { defaultFailure, defaultPolicies } from '../../host/registry/policy.ts';
import { answeredSyscalls, isAsked, pointerWish } from '../../host/registry/registry.ts';
import type { Registry, RegistryHandler } from '../../host/registry/registry.ts';
import { noneResolver } from '../../host/resolvers/none.ts';
import { processorMs } from '../support/processor-time.ts';

const mkdir: RegistryHandler = {
  name: 'mkdir-suffix',
  component: 'ab'.repeat(32),
  answers: ['mkdir'],
  settings: [['suffix', '-ä💥']],
  readsPointers: true,
  deadlineMs: 1000,
};
const any: RegistryHandler = { ...mkdir, name: 'errno', answers: ['any'], readsPointers: false };
const observer: RegistryHandler = { ...any, name: 'observer', readsPointers: true };

function registryOf(...handlers: readonly RegistryHandler[]): Registry {
  return { containerId: 'c1', handlers, defaultAction: 'continue', failure: defaultFailure };
}

function syscall(name: string): Syscall {
  const found = new Syscalls().byName(name);
  if (found === undefined) throw new Error(`no ${name}`);
  return found;
}

test.for([
  ['nothing', registryOf()],
  ['a typed handler', registryOf(mkdir)],
  ['several handlers', registryOf(mkdir, { ...any, syscalls: ['chmod', 'fsopen'] }, observer)],
  ['another default', { ...registryOf(any), defaultAction: 'ENOSYS' }],
  ['another failure', { ...registryOf(any), failure: { kind: 'errno', errno: 'EIO' } }],
  ['a container to be killed', { ...registryOf(any), failure: { kind: 'kill-container' } }],
  ['a deadline', registryOf({ ...mkdir, deadlineMs: 60_000 })],
  ['a setting of a megabyte', registryOf({ ...mkdir, settings: [['k', 'v'.repeat(1_000_000)]] })],
] as const)('registry: with %s it arrives as it was sent', ([, registry]) => {
  const shared = {
    registry,
    place: 3,
    quarantine: registry.handlers.map((_, index) => 16_383 - index),
    states: registry.handlers.map(() => noState),
  };
  const encoded = encodeRegistry(shared);
  const { digests, base, ...decoded } = decodeRegistry(
    (part) => encoded[part],
    () => undefined,
  );
  expect(decoded).toStrictEqual(shared);
  expect(base).toBe(decoded.registry.handlers);
  expect(digests.handlers).not.toBe(digests.annotations);
});

test('A3: registry: common parts are taken from others', () => {
  const annotations = [['key', 'value']] as const;
  const sharedBy = (containerId: string, place: number): SharedRegistry => ({
    registry: { ...registryOf(mkdir, any), containerId, annotations },
    place,
    quarantine: [place, place + 1],
    states: [noState, noState],
  });
  const [first, second] = [encodeRegistry(sharedBy('c1', 1)), encodeRegistry(sharedBy('c2', 2))];
  expect(second.handlers).toEqual(first.handlers);
  expect(second.annotations).toEqual(first.annotations);
  const met = decodeRegistry(
    (part) => first[part],
    () => undefined,
  );
  const read: string[] = [];
  const { digests, base, ...decoded } = decodeRegistry(
    (part) => {
      read.push(part);
      return second[part];
    },
    (part, digest) => (met.digests[part] === digest ? met.registry : undefined),
  );
  expect(read).toEqual(['own']);
  expect(digests).toEqual(met.digests);
  expect(decoded).toStrictEqual(sharedBy('c2', 2));
  expect(decoded.registry.handlers).toBe(met.registry.handlers);
  expect(decoded.registry.annotations).toBe(met.registry.annotations);
  expect(base).toBe(met.base);
});

function withPid(pid: string): SharedRegistry {
  return {
    registry: registryOf({
      ...mkdir,
      settings: [
        ['long', 'x'.repeat(5000)],
        ['pid', pid],
      ],
    }),
    place: 1,
    quarantine: [1],
    states: [noState],
  };
}

test('A15: registry: of settings that differ in a few texts, the rest is there once', () => {
  const [first, second] = [withPid('7'), withPid('8')];
  const [one, other] = [
    encodeRegistry(first),
    encodeRegistry({ ...second, base: first.registry.handlers }),
  ];
  expect(other.handlers).toEqual(one.handlers);
  expect(other.own.length).toBeLessThan(1000);
  const { base, digests, ...decoded } = decodeRegistry(
    (part) => other[part],
    () => undefined,
  );
  expect(digests.handlers).toBe(one.digests.handlers);
  expect(decoded).toStrictEqual(second);
  expect(base).toStrictEqual(first.registry.handlers);
});

test('A15: registry: handlers that differ in more than texts are a listener’s own', () => {
  const own = {
    registry: registryOf(mkdir),
    place: 1,
    quarantine: [1],
    states: [noState],
  };
  for (const base of [[], [mkdir, any], [observer], [{ ...mkdir, settings: [] }]]) {
    const encoded = encodeRegistry({ ...own, base });
    expect(encoded.handlers).toEqual(encodeRegistry(own).handlers);
  }
});

test('isAsked: a handler is asked about what it answers', () => {
  expect(isAsked(mkdir, 'mkdir')).toBe(true);
  expect(isAsked(mkdir, 'chmod')).toBe(false);
  expect(isAsked(any, 'chmod')).toBe(true);
  expect(isAsked(any, 'getpid')).toBe(true);
});

test('isAsked: a list of syscalls only takes away', () => {
  expect(isAsked({ ...any, syscalls: ['chmod'] }, 'chmod')).toBe(true);
  expect(isAsked({ ...any, syscalls: ['chmod'] }, 'mkdir')).toBe(false);
  expect(isAsked({ ...mkdir, syscalls: ['chmod'] }, 'chmod')).toBe(false);
  expect(isAsked({ ...mkdir, syscalls: ['chmod'] }, 'mkdir')).toBe(false);
});

test('pointerWish: a typed handler wants those of its family', () => {
  const registry = registryOf(mkdir);
  expect(pointerWish(registry)(syscall('mkdir'))).toBe(true);
  expect(pointerWish(registry)(syscall('mkdirat'))).toBe(true);
  expect(pointerWish(registry)(syscall('chmod'))).toBe(false);
});

test('pointerWish: a handler that does not look at arguments wants none', () => {
  expect(pointerWish(registryOf(any))(syscall('mkdir'))).toBe(false);
});

test('pointerWish: one handler of the chain is enough', () => {
  expect(pointerWish(registryOf(any, observer))(syscall('chmod'))).toBe(true);
  const narrow = { ...observer, syscalls: ['mount'] };
  expect(pointerWish(registryOf(any, narrow))(syscall('chmod'))).toBe(false);
  expect(pointerWish(registryOf(any, narrow))(syscall('mount'))).toBe(true);
});

test('pointerWish: a call that is not decoded has none', () => {
  expect(pointerWish(registryOf(observer))(syscall('getpid'))).toBe(false);
  expect(pointerWish(registryOf(observer))(syscall('read'))).toBe(false);
});

test('K21: answeredSyscalls: a family stands for all its calls', () => {
  expect(answeredSyscalls(registryOf(mkdir))).toEqual(['mkdir', 'mkdirat']);
});

test('answeredSyscalls: any without a list stands for all families', () => {
  expect(answeredSyscalls(registryOf(any)).toSorted()).toEqual(
    [...new Set(syscallTable.map(({ name }) => name))].toSorted(),
  );
});

test('answeredSyscalls: a list names families and single calls, each once', () => {
  const listed = { ...any, syscalls: ['mkdir', 'getpid'] };
  expect(answeredSyscalls(registryOf(listed, mkdir))).toEqual(['mkdir', 'mkdirat', 'getpid']);
});

test('answeredSyscalls: calls that a list takes away are not answered', () => {
  expect(answeredSyscalls(registryOf({ ...mkdir, syscalls: ['chmod'] }))).toEqual([]);
});

test('A7: registry: the handlers of a call are found once, and not for each call', () => {
  const lists = syscallTable.map(({ name }) => name);
  const syscalls = Array.from({ length: 400 }, (_, index) => `call${index}`).concat(lists);
  const handlers = Array.from({ length: 512 }, () => ({ ...observer, syscalls: [...syscalls] }));
  const registry = registryOf(...handlers);
  const began = processorMs();
  const wants = pointerWish(registry);
  for (const { name } of syscallTable) wants(syscall(name));
  expect(answeredSyscalls(registry)).toContain('mkdirat');
  // for each call and each handler it would be a minute
  expect(processorMs() - began).toBeLessThan(5000);
});

test('answeredSyscalls: no handlers answer nothing', () => {
  const state = {
    fds: [],
    processPid: 0,
    metadata: '',
    containerId: 'c9',
    containerPid: 0,
    status: '',
    ociBundle: '',
    annotations: new Map<string, string>(),
  };
  const resolver = noneResolver({
    store: new BundleStore(),
    policies: defaultPolicies,
    selection: [],
  });
  const { registry, components } = resolver.resolve({ state, firstPid: undefined });
  expect(components).toEqual([]);
  expect(registry).toEqual({
    containerId: 'c9',
    annotations: [],
    workload: {},
    handlers: [],
    defaultAction: 'continue',
    failure: { kind: 'errno', errno: 'EPERM' },
  });
  expect(answeredSyscalls(registry)).toEqual([]);
});
