// SPDX-License-Identifier: Apache-2.0
// Counts of a running agent, by container: GET /figures of the control socket. They only grow while a
// container is there, so that two requests give the difference.
import { keyOf } from '../agent-socket/container-key.ts';
import type { ContainerKey } from '../agent-socket/container-key.ts';
import { CallCounts } from '../counting/counters.ts';
import type { CallEnd, CallLabels } from '../counting/counters.ts';
import type { Totals } from '../counting/counter-sum.ts';
import type { ContainerStatus, HandlerStatus } from './status.ts';

export interface HandlerFigures {
  readonly name: string;
  readonly bundle?: string;
  /** That it has answered. */
  readonly calls: number;
  readonly isQuarantined: boolean;
}

export interface SyscallFigures {
  readonly name: string;
  readonly calls: number;
}

export interface ContainerFigures {
  readonly id: string;
  /** User of the runtime that brought it; absent: root. */
  readonly peerUid?: number;
  readonly namespace?: string;
  readonly pod?: string;
  readonly container?: string;
  /** Why all of its calls fail; absent: they do not. */
  readonly refusal?: string;
  /** By what became of them. */
  readonly calls: Readonly<Record<CallEnd, number>>;
  /** From receiving them to their answers, not cumulative; see `bucketBoundsSeconds`. */
  readonly durations: readonly number[];
  /** Most calls first. */
  readonly syscalls: readonly SyscallFigures[];
  /** In chain order. */
  readonly handlers: readonly HandlerFigures[];
}

export interface AgentFigures {
  readonly version: string;
  readonly pid: number;
  /** By a clock that nobody sets, in milliseconds. */
  readonly takenAtMs: number;
  readonly workers: number;
  readonly containers: readonly ContainerFigures[];
}

/** Of the agent itself. */
export type OwnFigures = Omit<AgentFigures, 'containers'>;

/** Of one listener; a container may have several. */
export interface ListenerFigures extends Pick<ContainerStatus, 'id' | 'peerUid'> {
  readonly status: () => ContainerStatus;
  readonly rows: readonly Totals<keyof CallLabels>[];
}

/** Key of a container by its id and its user. */
export function keyOfFigures({
  id,
  peerUid = 0,
}: Pick<ContainerStatus, 'id' | 'peerUid'>): ContainerKey {
  return keyOf({ state: { containerId: id }, peerUid });
}

/** The figures of containers, each once, one by one: of hundreds of listeners they take a while. */
export function* figuresOf(listeners: readonly ListenerFigures[]): Generator<ContainerFigures> {
  const byContainer = new Map<ContainerKey, ListenerFigures[]>();
  for (const listener of listeners) {
    const key = keyOfFigures(listener);
    const own = byContainer.get(key);
    if (own === undefined) byContainer.set(key, [listener]);
    else own.push(listener);
  }
  for (const own of byContainer.values()) yield figuresOfContainer(own);
}

function figuresOfContainer(listeners: readonly ListenerFigures[]): ContainerFigures {
  const rows = listeners.flatMap((listener) => listener.rows);
  const all = new CallCounts();
  for (const { counts } of rows) all.add(counts);
  const statuses = listeners.map(({ status }) => status());
  const [{ id, peerUid = 0, namespace, pod, container } = { id: '' }] = statuses;
  const refusal = statuses.find((status) => status.refusal !== undefined)?.refusal;
  return {
    id,
    ...(peerUid === 0 ? {} : { peerUid }),
    ...(namespace === undefined ? {} : { namespace }),
    ...(pod === undefined ? {} : { pod }),
    ...(container === undefined ? {} : { container }),
    ...(refusal === undefined ? {} : { refusal }),
    calls: all.ends,
    durations: all.durations.buckets,
    syscalls: syscallsOf(rows),
    handlers: handlersOf(
      statuses.flatMap((status) => status.handlers),
      rows,
    ),
  };
}

function syscallsOf(rows: readonly Totals<keyof CallLabels>[]): readonly SyscallFigures[] {
  const calls = new Map<string, number>();
  for (const { labels, counts } of rows) {
    calls.set(labels.syscall, (calls.get(labels.syscall) ?? 0) + counts.calls);
  }
  return [...calls]
    .map(([name, count]) => ({ name, calls: count }))
    .toSorted((one, two) => two.calls - one.calls);
}

function keyOfHandler(name: string, bundle = ''): string {
  return JSON.stringify([name, bundle]);
}

function handlersOf(
  handlers: readonly HandlerStatus[],
  rows: readonly Totals<keyof CallLabels>[],
): readonly HandlerFigures[] {
  const calls = new Map<string, number>();
  for (const { labels, counts } of rows) {
    const key = keyOfHandler(labels.handler, labels.bundle);
    calls.set(key, (calls.get(key) ?? 0) + counts.calls);
  }
  const found = new Map<string, HandlerFigures>();
  for (const { name, bundle, isQuarantined } of handlers) {
    const key = keyOfHandler(name, bundle);
    found.set(key, {
      name,
      ...(bundle === undefined ? {} : { bundle }),
      calls: calls.get(key) ?? 0,
      isQuarantined: isQuarantined || found.get(key)?.isQuarantined === true,
    });
  }
  return [...found.values()];
}
