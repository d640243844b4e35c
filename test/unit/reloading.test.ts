// SPDX-License-Identifier: Apache-2.0
// A reload has much to do for many containers, and keeps nobody waiting.
import { setImmediate as nextTurn } from 'node:timers/promises';

import { afterEach, expect, test, vi } from 'vitest';

import { Preparation } from '../../host/containers/preparation.ts';
import type { Alike, Listener, PreparationParts } from '../../host/containers/preparation.ts';
import type { IsWanted } from '../../host/scheduling/asker.ts';
import type { ContainerIdentity } from '../../host/resolvers/resolver.ts';
import { KeptLog } from '../support/kept-log.ts';
import { busyFor } from '../support/busy.ts';

afterEach(() => {
  vi.useRealTimers();
});

function identityOf(
  containerId: string,
  metadata: string,
  owner: Pick<ContainerIdentity, 'peerUid'> = {},
): ContainerIdentity {
  const state = {
    fds: ['seccompFd'],
    processPid: 1,
    metadata,
    containerId,
    containerPid: 1,
    status: 'running',
    ociBundle: '',
    annotations: new Map<string, string>(),
  };
  return { state, firstPid: 1, ...owner };
}

type Prepare = NonNullable<PreparationParts['resolver']['prepare']>;

class Listeners {
  readonly #all: Map<number, Listener[1]> = new Map();
  /** Containers that were prepared when nobody waited any more. */
  readonly late: string[] = [];
  readonly log = new KeptLog();
  /** Nobody waits any more. */
  readonly hurry = new AbortController();
  isCurrent = true;

  add(count: number, identity: ContainerIdentity, refusal?: string): void {
    for (let left = count; left > 0; left -= 1) {
      this.#all.set(this.#all.size, { identity, refusal });
    }
  }

  async prepareAll(prepare: Prepare): Promise<void> {
    const preparation = new Preparation({
      containers: this,
      resolver: { prepare },
      log: this.log.log,
      isCurrent: () => this.isCurrent,
      onLate: ([[, { identity }]]: Alike) => void this.late.push(identity.state.containerId),
    });
    await preparation.begin(this.hurry.signal);
  }

  end(...tokens: readonly number[]): void {
    for (const token of tokens) this.#all.delete(token);
  }

  readonly all = (): readonly Listener[] => [...this.#all];

  readonly get = (token: number): unknown => this.#all.get(token);
}

test('reloading: the listeners of a container that has many are prepared for once', async () => {
  const listeners = new Listeners();
  listeners.add(240, identityOf('a', 'BUNDLE=one'));
  listeners.add(1, identityOf('a', 'BUNDLE=two'));
  listeners.add(240, identityOf('b', 'BUNDLE=one'));
  const prepared: string[] = [];
  const prepare = async ({ state }: ContainerIdentity): Promise<void> => {
    prepared.push(`${state.containerId} ${state.metadata}`);
    await nextTurn();
  };
  await listeners.prepareAll(prepare);
  expect(prepared).toEqual(['a BUNDLE=one', 'a BUNDLE=two', 'b BUNDLE=one']);
});

test('reloading: containers are wanted as long as one of their listeners lives', async () => {
  const listeners = new Listeners();
  listeners.add(3, identityOf('a', ''));
  const asked: IsWanted[] = [];
  const prepare = async (_: ContainerIdentity, isWanted?: IsWanted): Promise<void> => {
    asked.push(isWanted ?? (() => false));
  };
  await listeners.prepareAll(prepare);
  const areWanted = (): readonly boolean[] => asked.map((isWanted) => isWanted());
  listeners.end(0, 1);
  expect(areWanted()).toEqual([true]);
  listeners.end(2);
  expect(areWanted()).toEqual([false]);
});

test('reloading: between containers the main thread turns to others', async () => {
  const listeners = new Listeners();
  for (const id of ['a', 'b', 'c', 'd']) listeners.add(1, identityOf(id, ''));
  const prepared: string[] = [];
  const prepare = ({ state }: ContainerIdentity): undefined => {
    busyFor(10);
    prepared.push(state.containerId);
  };
  const all = listeners.prepareAll(prepare);
  await nextTurn();
  expect(prepared.length).toBeLessThan(4);
  await all;
  expect(prepared).toHaveLength(4);
});

/** Containers whose bundles come when they are let. */
class Slow {
  readonly begun: string[] = [];
  readonly #come: Map<string, () => void> = new Map();

  readonly prepare = async ({ state }: ContainerIdentity): Promise<void> => {
    this.begun.push(state.containerId);
    await new Promise<void>((resolve) => {
      this.#come.set(state.containerId, resolve);
    });
  };

  async come(...ids: readonly string[]): Promise<void> {
    for (const id of ids) this.#come.get(id)?.();
    await nextTurn();
  }
}

test('G3: reloading: root’s containers are prepared first, and others wait for refused ones for a moment only', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const listeners = new Listeners();
  listeners.add(1, identityOf('refused', ''), 'it has no bundles');
  listeners.add(1, identityOf('user', '', { peerUid: 1000 }));
  listeners.add(1, identityOf('root', ''));
  const slow = new Slow();
  const prepared = [false, false];
  for (const place of prepared.keys()) {
    const ended = async (): Promise<void> => {
      await listeners.prepareAll(slow.prepare);
      prepared[place] = true;
    };
    void ended();
  }
  await nextTurn();
  expect(slow.begun.slice(0, 3)).toEqual(['root', 'user', 'refused']);
  await slow.come('root', 'user');
  expect(prepared[1]).toBe(false);
  await vi.advanceTimersByTimeAsync(2000);
  // the first one waits for all of them
  expect(prepared).toEqual([false, true]);
  await vi.advanceTimersByTimeAsync(8000);
  expect(prepared).toEqual([true, true]);
});

test('G3: reloading: containers that are prepared too late are resolved then, unless another reload has come', async () => {
  const listeners = new Listeners();
  for (const id of ['a', 'b', 'c', 'ended']) listeners.add(1, identityOf(id, ''));
  listeners.add(1, identityOf('refused', ''), 'it has no bundles');
  const slow = new Slow();
  const all = listeners.prepareAll(slow.prepare);
  await nextTurn();
  await slow.come('a');
  listeners.hurry.abort();
  await all;
  listeners.end(3);
  await slow.come('b', 'refused', 'ended');
  expect(listeners.late).toEqual(['b', 'refused']);
  listeners.isCurrent = false;
  await slow.come('c');
  expect(listeners.late).toEqual(['b', 'refused']);
});

test('reloading: a preparation that fails keeps nothing up, and the log says so', async () => {
  const listeners = new Listeners();
  for (const id of ['a', 'b']) listeners.add(1, identityOf(id, ''));
  await listeners.prepareAll(async ({ state }) => {
    if (state.containerId === 'a') throw new Error('ELOOP');
  });
  expect(listeners.log.shown).toEqual(['reload-incomplete']);
});
