// SPDX-License-Identifier: Apache-2.0
// Tests who is told of decisions, and when.
import { expect, test } from 'vitest';

import { createLog } from '../../host/log/log.ts';
import { UserLines } from '../../host/log/user-lines.ts';
import { continueAction } from '../../host/call/action.ts';
import { ReceivedCall } from '../../host/call/received-call.ts';
import { Syscalls } from '../../host/syscalls/syscalls.ts';
import type { ShownDecision, Watcher } from '../../host/observation/decision.ts';
import { DecisionWriter } from '../../host/observation/decision-writer.ts';
import { RingShare } from '../../host/observation/ring-share.ts';
import { Observation } from '../../host/observation/observation.ts';
import type { Registry } from '../../host/registry/registry.ts';
import type { ContainerIdentity } from '../../host/resolvers/resolver.ts';
import { fillCall } from '../support/handler-harness.ts';
import { KeptLog } from '../support/kept-log.ts';
import { until } from '../support/polling.ts';

class Told implements Watcher {
  readonly decisions: ShownDecision[] = [];

  take(decision: ShownDecision): void {
    this.decisions.push(decision);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // nothing is open
  }
}

const log = createLog({ level: 'fatal', format: 'text', isColored: false });
const lines = new UserLines(log);

function identityOf(
  containerId: string,
  owner: Pick<ContainerIdentity, 'peerUid'> = {},
): ContainerIdentity {
  return {
    state: {
      fds: [],
      processPid: 1,
      metadata: '',
      containerId,
      containerPid: 1,
      status: 'running',
      ociBundle: '',
      annotations: new Map(),
    },
    firstPid: 1,
    ...owner,
  };
}

function registryOf(containerId: string): Registry {
  return {
    containerId,
    handlers: [],
    defaultAction: 'continue',
    failure: { kind: 'errno', errno: 'EPERM' },
  };
}

test('observation: a container that ends is told of in its turn, by its name', async () => {
  const told = new Told();
  await using observation = new Observation({
    log,
    lines,
    syscalls: new Syscalls(),
    watchers: [told],
    byMiddleware: new Map(),
    withArguments: false,
  });
  const call = new ReceivedCall();
  fillCall(call, 'getpgid', [0]);
  const writer = new DecisionWriter(observation.enter(0), call, new Syscalls());
  const identity = identityOf('c1');
  const entered = observation.enterContainer(identity);
  const decide = (): void => {
    const asked = observation.watch(identity, registryOf('c1'));
    if (asked === undefined) throw new Error('nobody watches');
    const watch = new RingShare(asked);
    for (let decision = 0; decision < 1000; decision += 1) {
      writer.begin(watch);
      writer.end(continueAction, { handler: -1, failure: 'none', syscall: undefined });
    }
  };
  decide();
  // as a reload does
  decide();
  entered[Symbol.dispose]();
  expect(told.decisions).toEqual([]);
  await until('all to be told', () => told.decisions.length === 2000 || undefined);
  const names = new Set(told.decisions.map(({ container }) => container.containerId));
  expect([...names]).toEqual(['c1']);
});

test('G1: observation: of the containers of a user, no more are told than a user may have lines', async () => {
  const kept = new KeptLog();
  await using observation = new Observation({
    log: kept.log,
    lines: new UserLines(kept.log),
    syscalls: new Syscalls(),
    watchers: [],
    byMiddleware: new Map([['falco', []]]),
    withArguments: false,
  });
  for (let container = 0; container < 500; container += 1) {
    const id = `c${container}`;
    const registry: Registry = { ...registryOf(id), middleware: ['falco'] };
    observation.watch(identityOf(id, { peerUid: 1000 }), registry);
  }
  expect(kept.records).toHaveLength(200);
  expect(new Set(kept.shown)).toEqual(new Set(['falco-unconfigured']));
});
