// SPDX-License-Identifier: Apache-2.0
// Tests the chain of handlers of one container.
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { loadComponent } from '../../host/handler/direct.ts';
import { Container } from '../../host/notification/container.ts';
import { ReceivedCall } from '../../host/notification/received-call.ts';
import { Syscalls } from '../../host/notification/syscalls.ts';
import type { Syscall } from '../../host/notification/syscalls.ts';
import type { Registry, RegistryHandler } from '../../host/registry/registry.ts';
import { readFileSync } from 'node:fs';
import { failureOf } from '../support/agent-failure.ts';
import { RecordingHost, fillCall, shippedComponent } from '../support/handler-harness.ts';
import type { GivenArgument } from '../support/handler-harness.ts';
import { testBundle } from '../support/test-bundles.ts';

const files: Readonly<Record<string, string>> = {
  errno: shippedComponent('errno'),
  'mkdir-suffix': shippedComponent('mkdir-suffix'),
  trap: join(testBundle('trap'), 'trap.wasm'),
  observer: join(testBundle('observer'), 'observer.wasm'),
};

interface Chain {
  readonly container: Container;
  readonly host: RecordingHost;
  /** Names of the handlers that an instance was made of. */
  readonly made: readonly string[];
}

type HandlerOf = Partial<RegistryHandler> & { readonly name: string };

function chainOf(handlers: readonly HandlerOf[], rest: Partial<Registry> = {}): Chain {
  const made: string[] = [];
  const host = new RecordingHost();
  const container = new Container({
    registry: {
      containerId: 'c1',
      handlers: handlers.map((handler) => ({
        digest: handler.name,
        answers: ['any'],
        settings: [],
        readsPointers: true,
        ...handler,
      })),
      defaultAction: 'continue',
      failureErrno: 'EPERM',
      ...rest,
    },
    component: (digest) => loadComponent(readFileSync(files[digest] ?? '')),
    hostFor: (handler) => {
      made.push(handler.name);
      return host;
    },
  });
  return { container, host, made };
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
    message: 'handler failed at mkdir',
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
  const failing = chainOf([suffix], { failureErrno: 'EIO' });
  expect(failing.container.decideUnknown()).toMatchObject({ errno: 'EIO' });
  expect(failing.container.failure).toMatchObject({ errno: 'EIO' });
});
