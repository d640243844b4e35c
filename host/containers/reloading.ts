// SPDX-License-Identifier: Apache-2.0
// Other handlers for containers that run.
import { keyOf } from '../agent-socket/container-key.ts';
import type { ReloadReport } from '../control/reload-report.ts';
import { AgentError, failureFields, isForbidden, messageOf } from '../errors.ts';
import { begunInTurns, inTurns } from '../scheduling/in-turns.ts';
import type { Log } from '../log/log.ts';
import { ContainerRefusal } from '../resolvers/container-refusal.ts';
import type { Resolver } from '../resolvers/resolver.ts';
import { shownContainer } from '../registry/shown-container.ts';
import type { ContainerTurns } from './container-turns.ts';
import type { Attached, Resolved } from './attached.ts';
import type { Attachments } from './attachments.ts';
import type { Containers } from './containers.ts';
import { tellUnheld } from './held-paths.ts';
import type { Retries } from './retries.ts';
import type { UserLines } from './user-lines.ts';

export interface ResolvingParts {
  readonly attachments: Attachments;
  readonly retries: Retries;
  readonly containers: Containers;
  readonly log: Log;
  readonly lines: UserLines;
  readonly turns: ContainerTurns;
}

export interface ReloadingParts extends ResolvingParts {
  readonly report: ReloadReport;
}

/** Numbers of containers that have changed, and that keep what they had since they must. */
export interface ReloadCounts {
  readonly changed: number;
  readonly kept: number;
}

/** Present grants of a container that may be withdrawn. */
function isRevoked(thrown: unknown): boolean {
  return thrown instanceof ContainerRefusal && isForbidden(thrown);
}

function replace(
  { attachments, containers, retries, lines }: ResolvingParts,
  token: number,
  attached: Attached,
  resolution: Resolved,
): void {
  let next = attachments.change(attached, resolution);
  try {
    containers.replace(token, next);
  } catch (thrown) {
    if (!(thrown instanceof AgentError)) throw thrown;
    next = attachments.change(next, attachments.refused(attached.identity, thrown));
    containers.replace(token, next);
  }
  retries.changed(token, next);
  tellUnheld(lines, containers, token);
}

/**
 * Leaves a container the handlers that it has, with what is granted to them now.
 * @param failure why it has no others
 * @returns why it may not have them; undefined: it keeps them
 */
function keepGranted(
  parts: ResolvingParts,
  token: number,
  attached: Attached,
  failure: unknown,
): unknown {
  try {
    replace(parts, token, attached, parts.attachments.kept(attached, failure));
    return undefined;
  } catch (thrown) {
    return thrown;
  }
}

interface Renewed {
  readonly kind: 'changed' | 'kept' | 'failed';
  /** Why there is no new registry for it. */
  readonly failure?: unknown;
}

/**
 * Resolves a container anew: the calls that no worker has begun are handled by what the resolver says
 * now. Where it says nothing that works, a container keeps what it has, as far as that is still
 * granted.
 */
function renew(parts: ResolvingParts, token: number, attached: Attached): Renewed {
  const { attachments } = parts;
  try {
    replace(parts, token, attached, attachments.resolve(attached.identity));
    return { kind: 'changed' };
  } catch (failure) {
    const refusal = isRevoked(failure) ? failure : keepGranted(parts, token, attached, failure);
    if (refusal === undefined) return { kind: 'kept', failure };
    replace(parts, token, attached, attachments.refused(attached.identity, refusal));
    return { kind: 'changed', failure };
  }
}

const events = {
  kept: 'bundles-not-resolved-again',
  failed: 'container-not-renewed',
} as const;

function tell({ lines }: ResolvingParts, attached: Attached, { kind, failure }: Renewed): void {
  if (kind === 'changed') return;
  const fields = { ...shownContainer(attached.registry), ...failureFields(failure) };
  lines.tell(attached.identity, events[kind], fields);
}

/** A failure of one container withdraws nothing from the others. */
function tryToRenew(parts: ResolvingParts, token: number, attached: Attached): Renewed {
  try {
    return renew(parts, token, attached);
  } catch (failure) {
    return { kind: 'failed', failure };
  }
}

export type Listener = readonly [token: number, attached: Pick<Attached, 'identity'>];

/** Those of one container with the same metadata, such as of commands that are executed in it. */
type Alike = readonly [Listener, ...Listener[]];

function alikeOf(all: readonly Listener[]): readonly Alike[] {
  const alike = new Map<string, [Listener, ...Listener[]]>();
  for (const listener of all) {
    const [, { identity }] = listener;
    const key = `${keyOf(identity)} ${identity.state.metadata}`;
    const others = alike.get(key);
    if (others === undefined) alike.set(key, [listener]);
    else others.push(listener);
  }
  return [...alike.values()];
}

/** Preparation of all containers for another resolver: once for all that are alike. */
export async function prepareAll(
  containers: { readonly all: () => readonly Listener[]; readonly get: (token: number) => unknown },
  resolver: Pick<Resolver, 'prepare'>,
): Promise<void> {
  await begunInTurns(alikeOf(containers.all()), async (listeners) => {
    const [[, { identity }]] = listeners;
    const isWanted = (): boolean =>
      listeners.some(([token]) => containers.get(token) !== undefined);
    await resolver.prepare?.(identity, isWanted);
  });
}

/** Resolves all containers anew, which takes milliseconds for each of their listeners. */
export async function reloadAll(parts: ReloadingParts): Promise<ReloadCounts> {
  const { containers, report } = parts;
  const counts = { changed: 0, kept: 0 };
  const told = new Set<string>();
  await inTurns(containers.all(), ([token]) => {
    const attached = containers.get(token);
    // it has ended meanwhile
    if (attached === undefined) return;
    const renewed = tryToRenew(parts, token, attached);
    counts[renewed.kind === 'changed' ? 'changed' : 'kept'] += 1;
    if (renewed.failure === undefined) return;
    const reason = messageOf(renewed.failure);
    // many listeners may be of one container
    const line = `${keyOf(attached.identity)} ${reason}`;
    if (told.has(line)) return;
    told.add(line);
    tell(parts, attached, renewed);
    report.failed({ of: `container ${attached.registry.containerId}`, reason });
  });
  report.ended(counts);
  return counts;
}

/**
 * Resolves a container anew since more is known of it. One that is refused has nothing to keep, and
 * hears what is still wrong.
 * @returns whether it has what the resolver says now
 */
export function resolveLate(parts: ResolvingParts, token: number, attached: Attached): boolean {
  if (attached.refusal === undefined) {
    const renewed = renew(parts, token, attached);
    tell(parts, attached, renewed);
    return renewed.failure === undefined;
  }
  const resolution = parts.attachments.resolved(attached.identity);
  replace(parts, token, attached, resolution);
  return resolution.refusal === undefined;
}
