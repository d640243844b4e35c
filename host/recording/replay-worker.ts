// SPDX-License-Identifier: Apache-2.0
// The thread that chains are asked on about recorded calls: whatever they do, they do it here, and
// can be ended with it.
import { parentPort } from 'node:worker_threads';

import { AgentError, messageOf } from '../errors.ts';
import type { LoadedComponent } from '../handler/direct.ts';
import type { Container } from '../notification/container.ts';
import {
  InstanceMemory,
  mostInstanceBytes,
  mostResidentBytes,
} from '../notification/instance-memory.ts';
import { KeptContainers } from '../notification/kept-containers.ts';
import { makeQuarantineBuffers, Quarantine } from '../notification/quarantine.ts';
import { Syscalls } from '../notification/syscalls.ts';
import type { Registry } from '../registry/registry.ts';
import { differencesOf } from './comparison.ts';
import type { CallDifference, Redaction } from './comparison.ts';
import type { RecordedCall } from './recorded-call.ts';
import { ReplayedChain } from './replayed-chain.ts';

export interface ReplayChain {
  readonly registry: Registry;
  readonly components: readonly LoadedComponent[];
  readonly redaction: Redaction;
}

/** What the thread is told; chains have numbers. */
export type ReplayMessage =
  | ({ readonly kind: 'begin'; readonly chain: number } & ReplayChain)
  | { readonly kind: 'call'; readonly chain: number; readonly call: RecordedCall }
  | { readonly kind: 'end'; readonly chain: number };

/** What came of a call, in the order in which they were sent. */
export interface ReplayedCall {
  readonly differences: readonly CallDifference[];
  /** Why a handler of the chain failed. */
  readonly failure?: string;
}

/** Of all instances that the agent may have, these may have so much besides. */
const partOfInstances = 1 / 4;
const mostInstances = 1000;

const syscalls = new Syscalls();
const health = new Quarantine(makeQuarantineBuffers());
const kept = new KeptContainers<Container>({
  room: { most: mostInstances, counts: new SharedArrayBuffer(4), place: 0 },
  memory: new InstanceMemory({
    most: mostInstanceBytes() * partOfInstances,
    mostResident: mostResidentBytes(),
    workers: 1,
    counts: new SharedArrayBuffer(4),
    place: 0,
  }),
  onCrowded: () => undefined,
  onShort: () => undefined,
});
const chains = new Map<number, { readonly chain: ReplayedChain; readonly redaction: Redaction }>();

function begin(number: number, { registry, components, redaction }: ReplayChain): ReplayedChain {
  const byId = new Map(components.map((component) => [component.id, component]));
  return new ReplayedChain({
    registry,
    redaction,
    syscalls,
    health,
    kept: { all: kept, token: number },
    component: (id) => {
      const found = byId.get(id);
      if (found === undefined) throw new AgentError('AGENT_HANDLER_FAILED', `no component ${id}`);
      return found;
    },
  });
}

function replay(number: number, call: RecordedCall): ReplayedCall {
  const known = chains.get(number);
  if (known === undefined) return { differences: [], failure: 'there is no such chain' };
  try {
    const replayed = known.chain.ask(call);
    const { decision } = replayed;
    return {
      differences: differencesOf(call, replayed, known.redaction),
      ...(decision.kind === 'failed' ? { failure: decision.reason } : {}),
    };
  } catch (thrown) {
    if (!(thrown instanceof AgentError)) throw thrown;
    return { differences: [], failure: messageOf(thrown) };
  }
}

parentPort?.on('message', (message: ReplayMessage) => {
  switch (message.kind) {
    case 'begin':
      chains.set(message.chain, {
        chain: begin(message.chain, message),
        redaction: message.redaction,
      });
      break;
    case 'call':
      parentPort?.postMessage(replay(message.chain, message.call));
      break;
    case 'end':
      chains.delete(message.chain);
      kept.end(message.chain);
  }
});
