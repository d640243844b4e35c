// SPDX-License-Identifier: Apache-2.0
// Tests the chain of handlers of one container.
import { join } from 'node:path';

import { expect, onTestFinished, test, vi } from 'vitest';

import { continueAction, fail } from '../../host/call/action.ts';
import type { Decision } from '../../host/call/action.ts';
import { loadComponent } from '../../host/handler/direct.ts';
import { inbox } from '../../host/native.ts';
import { Container, errnoOf } from '../../host/worker/container.ts';
import type { CallLabels } from '../../host/counting/counters.ts';
import { Quarantine, makeQuarantineBuffers } from '../../host/worker/quarantine.ts';
import { ReceivedCall } from '../../host/call/received-call.ts';
import { ContainerSlots } from '../../host/counting/counter-slots.ts';
import { Syscalls } from '../../host/syscalls/syscalls.ts';
import type { Syscall } from '../../host/syscalls/syscalls.ts';
import { defaultFailure } from '../../host/registry/policy.ts';
import type { Registry, RegistryHandler } from '../../host/registry/registry.ts';
import { readFileSync } from 'node:fs';
import { failureOf } from '../support/agent-failure.ts';
import { naming } from '../support/failures.ts';
import { greedy } from '../support/hostile-components.ts';
import { RecordingHost, fillCall, shippedComponent } from '../support/handler-harness.ts';
import type { GivenArgument } from '../support/handler-harness.ts';
import { testBundle } from '../support/test-bundles.ts';

const files: Readonly<Record<string, string>> = {
  errno: shippedComponent('errno'),
  'mkdir-suffix': shippedComponent('mkdir-suffix'),
  'mkdir-suffix-ts': shippedComponent('mkdir-suffix-ts'),
  trap: join(testBundle('trap'), 'trap.wasm'),
  observer: join(testBundle('observer'), 'observer.wasm'),
};

interface Chain {
  readonly container: Container;
  readonly host: RecordingHost;
  /** Names of the handlers that an instance was made of. */
  readonly made: readonly string[];
  /** Its notices: `slow`, or a handler and the milliseconds of its quarantine. */
  readonly told: readonly string[];
  /** Which counters it asked for. */
  readonly slots: readonly CallLabels[];
  readonly health: Quarantine;
  /** Whether another instance may be made. */
  readonly room: { isThere: boolean };
  /** How much more, or less, memory its instances took each time. */
  readonly memory: readonly number[];
}

type HandlerOf = Partial<Omit<RegistryHandler, 'syscalls'>> & {
  readonly name: string;
  readonly syscalls?: readonly string[];
};

function chainOf(handlers: readonly HandlerOf[], rest: Partial<Registry> = {}): Chain {
  const made: string[] = [];
  const told: string[] = [];
  const slots: CallLabels[] = [];
  const memory: number[] = [];
  const health = new Quarantine(makeQuarantineBuffers());
  const room = { isThere: true };
  const host = new RecordingHost();
  const container = new Container({
    registry: {
      containerId: 'c1',
      handlers: handlers.map((handler) => ({
        component: handler.name,
        answers: ['any'],
        settings: [],
        readsPointers: true,
        deadlineMs: 1000,
        ...handler,
      })),
      defaultAction: 'continue',
      failure: defaultFailure,
      ...rest,
    },
    terms: 7,
    place: 0,
    states: [],
    quarantine: handlers.map((_, index) => index),
    health,
    slots: new ContainerSlots((labels) => slots.push(labels) - 1),
    onSlow: () => {
      told.push('slow');
    },
    onStop: (stop) => {
      told.push(stop);
    },
    mayReport: () => true,
    hasRoom: () => room.isThere,
    onMemory: (change) => {
      if (Math.abs(change) >= 65_536) memory.push(change);
    },
    onQuarantined: (handler, milliseconds) => {
      told.push(`${handler.name} ${milliseconds}`);
    },
    component: (id) => loadComponent(id === 'greedy' ? greedy() : readFileSync(files[id] ?? '')),
    hostFor: (handler) => {
      made.push(handler.name);
      return host;
    },
  });
  return { container, host, made, told, slots, health, room, memory };
}

function syscallOf(name: string): Syscall {
  const syscall = new Syscalls().byName(name);
  if (syscall === undefined) throw new Error(`no ${name}`);
  return syscall;
}

const mkdir = syscallOf('mkdir');
const chmod = syscallOf('chmod');

function decide(chain: Chain, syscall: Syscall, ...given: readonly GivenArgument[]): unknown {
  const call = new ReceivedCall();
  fillCall(call, syscall.name, given);
  return chain.container.decide(call, syscall);
}

const errno = (name: string): HandlerOf => ({ name: 'errno', settings: [['errno', name]] });
const suffix: HandlerOf = {
  name: 'mkdir-suffix',
  answers: ['mkdir'],
  settings: [['suffix', '-s']],
};

test('container: without handlers a call gets the default', () => {
  expect(decide(chainOf([]), mkdir, '/a', 0)).toEqual({ kind: 'continue' });
  const refusing = chainOf([], { defaultAction: 'ENOSYS' });
  expect(decide(refusing, mkdir, '/a', 0)).toMatchObject({ kind: 'fail', errno: 'ENOSYS' });
});

test('container: the first handler with an opinion answers', () => {
  const chain = chainOf([{ name: 'observer' }, errno('EIO'), errno('EBUSY')]);
  expect(decide(chain, chmod, '/a', 0)).toMatchObject({ kind: 'fail', errno: 'EIO' });
  expect(chain.host.calls).toHaveLength(1);
  expect(chain.made).toEqual(['observer', 'errno']);
});

test('container: when nobody has an opinion the default is answered', () => {
  const chain = chainOf([{ name: 'observer' }], { defaultAction: 'EACCES' });
  expect(decide(chain, chmod, '/a', 0)).toMatchObject({ kind: 'fail', errno: 'EACCES' });
});

test.for(['kill-container', 'freeze-container'] as const)(
  'container: the default %s is done before its call fails, and not for answered calls',
  (defaultAction) => {
    const chain = chainOf([{ ...errno('EIO'), syscalls: ['chmod'] }], { defaultAction });
    decide(chain, chmod, '/a', 0);
    expect(chain.told).not.toContain(defaultAction);
    expect(decide(chain, mkdir, '/a', 0)).toMatchObject({ kind: 'fail', errno: 'EPERM' });
    expect(chain.told.filter((what) => what === defaultAction)).toHaveLength(1);
    // what nobody can name is no less dangerous
    expect(chain.container.decideUnknown()).toMatchObject({ kind: 'fail', errno: 'EPERM' });
    expect(chain.told.filter((what) => what === defaultAction)).toHaveLength(2);
  },
);

test('container: handlers are asked only about what they answer and are listed for', () => {
  const chain = chainOf([suffix, { ...errno('EIO'), syscalls: ['chmod'] }]);
  expect(decide(chain, mkdir, '/a', 0)).toMatchObject({ kind: 'value' });
  expect(decide(chain, chmod, '/a', 0)).toMatchObject({ kind: 'fail', errno: 'EIO' });
  expect(decide(chain, syscallOf('getpid'))).toEqual({ kind: 'continue' });
});

test('container: an instance is made on first use and serves on', () => {
  const chain = chainOf([suffix, errno('EIO')]);
  expect(chain.made).toEqual([]);
  decide(chain, mkdir, '/a', 0);
  decide(chain, mkdir, '/b', 0);
  expect(chain.made).toEqual(['mkdir-suffix']);
});

test('G5: container: a handler that failed gets a new instance for the next call', () => {
  const chain = chainOf([{ name: 'trap', answers: ['mkdir'] }]);
  expect(failureOf(() => decide(chain, mkdir, '/trap', 0))).toMatchObject({
    code: 'AGENT_HANDLER_FAILED',
    message: naming('mkdir'),
    handler: 'trap',
  });
  expect(decide(chain, mkdir, '/a', 0)).toMatchObject({ kind: 'fail', errno: 'EDOM' });
  expect(chain.made).toEqual(['trap', 'trap']);
});

test('G5: container: a failing handler does not let the next one of the chain answer', () => {
  const chain = chainOf([{ name: 'trap', answers: ['mkdir'] }, suffix]);
  expect(failureOf(() => decide(chain, mkdir, '/trap', 0)).code).toBe('AGENT_HANDLER_FAILED');
  expect(chain.host.calls).toEqual([]);
});

test('G3: container: settings that a handler refuses fail each call anew', () => {
  const chain = chainOf([errno('NOPE')]);
  for (let round = 0; round < 2; round += 1) {
    expect(failureOf(() => decide(chain, chmod, '/a', 0)).code).toBe('AGENT_SETTING_INVALID');
  }
});

test('K19: container: a call that nobody can name fails where there are handlers', () => {
  expect(chainOf([suffix]).container.decideUnknown()).toMatchObject({
    kind: 'fail',
    errno: 'EPERM',
  });
  expect(chainOf([]).container.decideUnknown()).toEqual({ kind: 'continue' });
  const failing = chainOf([suffix], { failure: { kind: 'errno', errno: 'EIO' } });
  expect(failing.container.decideUnknown()).toMatchObject({ errno: 'EIO' });
  expect(failing.container.failure).toMatchObject({ errno: 'EIO' });
});

test.for([
  [
    { kind: 'errno', errno: 'EIO' },
    { kind: 'fail', errno: 'EIO' },
  ],
  [{ kind: 'continue' }, { kind: 'continue' }],
  [{ kind: 'kill-container' }, { kind: 'fail', errno: 'EPERM' }],
] as const)('container: the failure policy %o answers %o', ([failure, action]) => {
  expect(chainOf([suffix], { failure }).container.failure).toMatchObject(action);
});

const trap: HandlerOf = { name: 'trap', answers: ['mkdir'] };
const trapCode = (chain: Chain): string => failureOf(() => decide(chain, mkdir, '/trap', 0)).code;

test('A5: container: a handler that has failed five times is not even asked', () => {
  const chain = chainOf([trap]);
  for (let round = 0; round < 5; round += 1) expect(trapCode(chain)).toBe('AGENT_HANDLER_FAILED');
  expect(chain.told).toContain('trap 1000');
  const { length } = chain.made;
  // nor are those behind it: it may have meant to refuse
  expect(decide(chain, mkdir, '/a', 0)).toBeUndefined();
  expect(decide(chain, mkdir, '/trap', 0)).toBeUndefined();
  expect(chain.made).toHaveLength(length);
  expect(chain.told.filter((text) => text.startsWith('trap'))).toEqual(['trap 1000']);
});

test('container: a call that tries a handler and fails for want of memory leaves that to the next one', () => {
  vi.useFakeTimers({ toFake: ['hrtime'] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  const chain = chainOf([trap]);
  vi.advanceTimersByTime(1);
  for (let round = 0; round < 5; round += 1) trapCode(chain);
  vi.advanceTimersByTime(1000);
  chain.room.isThere = false;
  expect(trapCode(chain)).toBe('AGENT_MEMORY');
  chain.room.isThere = true;
  expect(decide(chain, mkdir, '/a', 0)).toMatchObject({ kind: 'fail', errno: 'EDOM' });
  expect(chain.health.isQuarantined(0)).toBe(false);
});

test('container: the quarantine of a handler is not one of the others', () => {
  const chain = chainOf([trap, { ...errno('EIO'), syscalls: ['chmod'] }]);
  for (let round = 0; round < 5; round += 1) trapCode(chain);
  expect(decide(chain, mkdir, '/a', 0)).toBeUndefined();
  expect(decide(chain, chmod, '/a', 0)).toMatchObject({ kind: 'fail', errno: 'EIO' });
});

test('container: good answers make up for failures', () => {
  const chain = chainOf([trap]);
  for (let round = 0; round < 3; round += 1) {
    for (let failures = 0; failures < 4; failures += 1) trapCode(chain);
    for (let answers = 0; answers < 16; answers += 1) {
      expect(decide(chain, mkdir, '/a', 0)).toMatchObject({ errno: 'EDOM' });
    }
  }
  expect(chain.told.filter((text) => text.startsWith('trap'))).toEqual([]);
});

test('container: settings that a handler refuses are failures of it', () => {
  const chain = chainOf([errno('NOPE')]);
  for (let round = 0; round < 5; round += 1) {
    expect(failureOf(() => decide(chain, chmod, '/a', 0))).toMatchObject({
      code: 'AGENT_SETTING_INVALID',
      handler: 'errno',
    });
  }
  expect(decide(chain, chmod, '/a', 0)).toBeUndefined();
});

test('container: a handler without a state of its own is never left alone', () => {
  const host = new RecordingHost();
  const { health } = chainOf([]);
  const container = new Container({
    terms: 7,
    place: 0,
    registry: {
      containerId: 'c1',
      handlers: [
        {
          name: 'trap',
          component: 'trap',
          answers: ['mkdir'],
          settings: [],
          readsPointers: true,
          deadlineMs: 1000,
        },
      ],
      defaultAction: 'continue',
      failure: defaultFailure,
    },
    states: [],
    quarantine: [],
    health,
    slots: new ContainerSlots(() => undefined),
    onSlow: () => undefined,
    onStop: () => undefined,
    onQuarantined: () => undefined,
    mayReport: () => true,
    hasRoom: () => true,
    onMemory: () => undefined,
    component: (id) => loadComponent(readFileSync(files[id] ?? '')),
    hostFor: () => host,
  });
  const call = new ReceivedCall();
  fillCall(call, 'mkdir', ['/trap', 0]);
  for (let round = 0; round < 12; round += 1) {
    expect(failureOf(() => container.decide(call, mkdir)).code).toBe('AGENT_HANDLER_FAILED');
  }
});

test('container: calls are counted by who answers them', () => {
  const refusing = { ...errno('EIO'), bundle: 'faulty', syscalls: ['chmod'] };
  const chain = chainOf([{ name: 'observer' }, refusing]);
  const { container } = chain;
  decide(chain, chmod, '/a', 0);
  const named = (answer: Decision): CallLabels | undefined =>
    chain.slots[container.slots.of(errnoOf(answer))];
  expect(named(fail('EIO'))).toEqual({
    syscall: 'chmod',
    handler: 'errno',
    bundle: 'faulty',
    status: '5',
  });
  expect(named(continueAction)).toMatchObject({ syscall: 'chmod', status: '0' });
  decide(chain, mkdir, '/a', 0);
  const none = { syscall: 'mkdir', handler: 'none', bundle: '' };
  expect(named(continueAction)).toEqual({ ...none, status: '0' });
  expect(named({ kind: 'delay', delayMs: 5, answer: fail('EPERM') })).toEqual({
    ...none,
    status: '1',
  });
  container.decideUnknown();
  expect(named(fail('EPERM'))).toMatchObject({ syscall: 'unknown', handler: 'none' });
});

test('container: a call at which a handler fails is counted as that handler’s', () => {
  const chain = chainOf([{ name: 'observer' }, trap]);
  const { container } = chain;
  trapCode(chain);
  const failed = chain.slots[container.slots.of(errnoOf(container.failure))];
  expect(failed).toMatchObject({ syscall: 'mkdir', handler: 'trap' });
});

test('container: it announces calls that may take long', () => {
  const chain = chainOf([suffix]);
  // instances are made
  decide(chain, mkdir, '/a', 0);
  expect(chain.told).toEqual(['slow']);
  if (chain.container.chain !== undefined) chain.container.chain.isSlow = false;
  decide(chain, mkdir, '/a', 0);
  expect(chain.told).toEqual(['slow']);
  if (chain.container.chain !== undefined) chain.container.chain.isSlow = true;
  decide(chain, mkdir, '/a', 0);
  expect(chain.told).toEqual(['slow', 'slow']);
  // nobody is asked
  decide(chain, chmod, '/a', 0);
  expect(chain.told).toEqual(['slow', 'slow']);
});

test('container: who runs, and its deadline, is said in the call', () => {
  const chain = chainOf([
    { name: 'observer', deadlineMs: 77 },
    { ...errno('EIO'), deadlineMs: 5 },
  ]);
  const call = new ReceivedCall();
  fillCall(call, 'chmod', ['/a', 0]);
  chain.container.decide(call, chmod);
  const view = new DataView(call.bytes.buffer);
  expect(view.getUint32(inbox.link, true)).toBe(2);
  expect(view.getUint32(inbox.deadline, true)).toBe(5);
});

test('container: an errno that is not granted is a failure, and the instance is given up', () => {
  const grants = { capabilities: {}, errnos: ['EPERM'] } as const;
  const chain = chainOf([{ ...errno('EIO'), grants }]);
  for (let count = 1; count <= 2; count += 1) {
    expect(failureOf(() => decide(chain, chmod, '/a', 0))).toMatchObject({
      code: 'AGENT_HANDLER_FAILED',
      message: naming('EIO', 'EPERM'),
      handler: 'errno',
    });
    expect(chain.made).toHaveLength(count);
  }
  expect(decide(chainOf([{ ...errno('EPERM'), grants }]), chmod, '/a', 0)).toMatchObject({
    kind: 'fail',
    errno: 'EPERM',
  });
});

test('container: it tells what its instances take, and what they give back', () => {
  const chain = chainOf([{ name: 'observer' }, suffix]);
  decide(chain, mkdir, '/a', 0);
  const made = [...chain.memory];
  expect(made).toHaveLength(2);
  // a page at least, and what an instance takes beside it
  for (const change of made) expect(change).toBeGreaterThanOrEqual(2 * 65_536);
  decide(chain, mkdir, '/a', 0);
  expect(chain.memory).toHaveLength(2);
  const sum = made.reduce((all, change) => all + change, 0);
  expect(chain.container.memoryBytes).toBeGreaterThan(sum);
  expect(chain.container.memoryBytes).toBeLessThan(sum + 4096);
  chain.container.giveUp();
  expect(chain.memory.slice(2)).toEqual(made.map((change) => -change));
  expect(chain.container.memoryBytes).toBe(0);
  chain.container.giveUp();
  expect(chain.memory).toHaveLength(4);
  decide(chain, mkdir, '/a', 0);
  expect(chain.made).toHaveLength(4);
});

test('container: it tells of memory that has grown in a call', () => {
  const chain = chainOf([{ name: 'greedy' }]);
  const getpgid = syscallOf('getpgid');
  decide(chain, getpgid, 0);
  const [before = 0] = chain.memory;
  decide(chain, getpgid, 0);
  expect(chain.memory).toEqual([before]);
  decide(chain, getpgid, 1);
  expect(chain.memory).toEqual([before, 255 * 65_536]);
  decide(chain, getpgid, 1);
  expect(chain.memory).toHaveLength(2);
});

test('container: the memory of a composed component counts, too', () => {
  const chain = chainOf([{ ...suffix, name: 'mkdir-suffix-ts' }]);
  decide(chain, mkdir, '/a', 0);
  // QuickJS begins with 22 pages
  expect(chain.memory[0]).toBeGreaterThanOrEqual(22 * 65_536);
});

test('container: an instance that failed has taken memory, and has none any more', () => {
  const chain = chainOf([{ name: 'trap', answers: ['mkdir'] }]);
  expect(failureOf(() => decide(chain, mkdir, '/trap', 0)).code).toBe('AGENT_HANDLER_FAILED');
  const [taken = 0, given = 0] = chain.memory;
  expect(taken).toBeGreaterThan(65_536);
  expect(given).toBe(-taken);
  expect(chain.container.memoryBytes).toBeLessThan(4096);
});

test('A3: container: each system call that it makes takes something, until it is given up', () => {
  const { container } = chainOf([]);
  const syscalls = ['mkdir', 'chmod', 'getpgid', 'mount'].map((name) => syscallOf(name));
  const call = new ReceivedCall();
  for (const syscall of [...syscalls, ...syscalls]) container.decide(call, syscall);
  const taken = container.memoryBytes;
  expect(taken).toBeGreaterThan(1024);
  container.giveUp();
  expect(container.memoryBytes).toBe(0);
  for (const syscall of syscalls) container.decide(call, syscall);
  expect(container.memoryBytes).toBe(taken);
});

test('container: an instance that could not begin has taken memory, too', () => {
  const chain = chainOf([errno('NONE')]);
  expect(failureOf(() => decide(chain, mkdir, '/a', 0)).code).toBe('AGENT_SETTING_INVALID');
  const [taken = 0, given = 0] = chain.memory;
  expect(taken).toBeGreaterThanOrEqual(16 * 2 ** 20);
  expect(given).toBe(-taken);
});
