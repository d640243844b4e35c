// SPDX-License-Identifier: Apache-2.0
// The thread that chains are asked on about recorded calls: whatever they do, they do it here, and
// can be ended with it.
import { parentPort } from 'node:worker_threads';

import { AgentError, messageOf } from '../errors.ts';
import type { LoadedComponent } from '../handler/direct.ts';
import type { Container } from '../worker/container.ts';
import { InstanceMemory, maxInstanceBytes, maxResidentBytes } from '../worker/instance-memory.ts';
import { KeptContainers } from '../worker/kept-containers.ts';
import { makeQuarantineBuffers, Quarantine } from '../worker/quarantine.ts';
import { Syscalls } from '../syscalls/syscalls.ts';
import { beginThread } from '../process/own-thread.ts';
import type { Registry } from '../registry/registry.ts';
import { differencesOf } from './comparison.ts';
import type { CallDifference, Redaction } from './comparison.ts';
import { decodeCall } from '../recording/recorded-call.ts';
import type { RecordedCall } from '../recording/recorded-call.ts';
import { ReplayedChain } from './replayed-chain.ts';

export interface ReplayChain {
  readonly registry: Registry;
  readonly components: readonly LoadedComponent[];
  readonly redaction: Redaction;
}

export interface EncodedCall {
  readonly chain: number;
  /** As `encodeCall` writes it. */
  readonly call: Uint8Array;
}

/** Messages to the thread; chains have numbers. */
export type ReplayMessage =
  /** With the components that it was not sent before. */
  | ({ readonly kind: 'begin'; readonly chain: number } & ReplayChain)
  | { readonly kind: 'calls'; readonly calls: readonly EncodedCall[] }
  /** With the ids of components that no other chain has. */
  | { readonly kind: 'end'; readonly chain: number; readonly unused: readonly string[] };

/** Outcomes of calls, in the order in which they were sent. */
export interface ReplayedCall {
  readonly differences: readonly CallDifference[];
  /** Why a handler of the chain failed, or that it takes longer than it may. */
  readonly failure?: string;
}

/** Messages of the thread: the remaining calls are for another turn. */
export type ReplayAnswer =
  | ({ readonly kind: 'replayed' } & ReplayedCall)
  | { readonly kind: 'turn over' };

/** Calls of one container hold others up for so long, or for as long as one of them takes. */
const turnMs = 5;
const usPerMs = 1000;
/** Of all instances that the agent may have, these may have so much besides. */
const partOfInstances = 1 / 4;
const maxInstances = 1000;

beginThread();
const syscalls = new Syscalls();
const health = new Quarantine(makeQuarantineBuffers());
const kept = new KeptContainers<Container>({
  room: { max: maxInstances, counts: new SharedArrayBuffer(4), place: 0 },
  memory: new InstanceMemory({
    max: maxInstanceBytes() * partOfInstances,
    maxResident: maxResidentBytes(),
    workers: 1,
    counts: new SharedArrayBuffer(4),
    place: 0,
  }),
  onCrowded: () => undefined,
  onShort: () => undefined,
});
const components = new Map<string, LoadedComponent>();

interface Known extends Pick<ReplayChain, 'registry' | 'redaction'> {
  readonly chain: ReplayedChain;
}

const chains = new Map<number, Known>();

function begin(
  number: number,
  { registry, components: sent, redaction }: ReplayChain,
): ReplayedChain {
  for (const component of sent) components.set(component.id, component);
  return new ReplayedChain({
    registry,
    redaction,
    syscalls,
    health,
    kept: { all: kept, token: number },
    component: (id) => {
      const found = components.get(id);
      if (found === undefined) throw new AgentError('AGENT_HANDLER_FAILED', `no component ${id}`);
      return found;
    },
  });
}

/** @param tookMs of the processor: others that it waits for are nothing to it */
function failureOf(
  { asks, decision }: RecordedCall,
  { handlers }: Registry,
  tookMs: number,
): string | undefined {
  if (decision.kind === 'failed') return decision.reason;
  const mayMs = asks.reduce((sum, { handler }) => sum + (handlers[handler]?.deadlineMs ?? 0), 0);
  if (asks.length === 0 || tookMs <= mayMs) return undefined;
  return `a call took ${Math.ceil(tookMs)} ms; its handlers have a deadline of ${mayMs} ms`;
}

function replay(number: number, encoded: Uint8Array): ReplayedCall {
  const call = decodeCall(encoded);
  const known = chains.get(number);
  if (known === undefined) return { differences: [], failure: 'there is no such chain' };
  try {
    const before = process.threadCpuUsage();
    const replayed = known.chain.ask(call);
    const { user, system } = process.threadCpuUsage(before);
    const failure = failureOf(replayed, known.registry, (user + system) / usPerMs);
    return {
      differences: differencesOf(call, replayed, known.redaction),
      ...(failure === undefined ? {} : { failure }),
    };
  } catch (thrown) {
    if (!(thrown instanceof AgentError)) throw thrown;
    return { differences: [], failure: messageOf(thrown) };
  }
}

function answer(message: ReplayAnswer): void {
  parentPort?.postMessage(message);
}

function replayAll(calls: readonly EncodedCall[]): void {
  const end = performance.now() + turnMs;
  for (const { chain, call } of calls) {
    answer({ kind: 'replayed', ...replay(chain, call) });
    if (performance.now() >= end) break;
  }
  answer({ kind: 'turn over' });
}

parentPort?.on('message', (message: ReplayMessage) => {
  switch (message.kind) {
    case 'begin':
      chains.set(message.chain, {
        chain: begin(message.chain, message),
        registry: message.registry,
        redaction: message.redaction,
      });
      break;
    case 'calls':
      replayAll(message.calls);
      break;
    case 'end':
      chains.delete(message.chain);
      kept.end(message.chain);
      for (const id of message.unused) components.delete(id);
  }
});
