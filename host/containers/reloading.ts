// SPDX-License-Identifier: Apache-2.0
// Other handlers for containers that run.
import { isDeepStrictEqual } from 'node:util';

import { keyOf } from '../agent-socket/container-key.ts';
import type { ReloadReport } from '../control/reload-report.ts';
import {
  AgentError,
  failureFields,
  isForbidden,
  isPassing,
  isWithdrawn,
  messageOf,
} from '../errors.ts';
import { inTurns } from '../scheduling/in-turns.ts';
import type { Log } from '../log/log.ts';
import { ContainerRefusal } from '../resolvers/container-refusal.ts';
import type { Sourced } from '../resolvers/resolver.ts';
import { shownContainer } from '../registry/shown-container.ts';
import type { ContainerTurns } from './container-turns.ts';
import type { Attached, Resolved } from './attached.ts';
import type { Attachments } from './attachments.ts';
import type { Containers } from './containers.ts';
import { tellUnheld } from './held-paths.ts';
import { Preparation } from './preparation.ts';
import type { Alike } from './preparation.ts';
import type { Retries } from './retries.ts';
import type { UserLines } from '../log/user-lines.ts';

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
    replace(parts, token, attached, parts.attachments.kept(attached, isPassing(failure)));
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
    // it was told when it was taken away
    if (attached.refusal === messageOf(refusal)) return { kind: 'changed', failure };
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
  const shown = shownContainer(attached.registry, attached.identity);
  const fields = { ...shown, ...failureFields(failure) };
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

/** Renewal of listeners by the present resolver. */
class Renewal {
  readonly #parts: ReloadingParts;
  /** Of many listeners of one container, the same is told once. */
  readonly #told: Set<string> = new Set();
  readonly #failed: Set<number> = new Set();

  constructor(parts: ReloadingParts) {
    this.#parts = parts;
  }

  /** Resolves all containers anew, which takes milliseconds for each of their listeners. */
  async all(): Promise<ReloadCounts> {
    const { containers, report } = this.#parts;
    const counts = { changed: 0, kept: 0 };
    await inTurns(containers.all(), ([token]) => {
      const attached = containers.get(token);
      // it has ended meanwhile
      if (attached === undefined) return;
      const renewed = tryToRenew(this.#parts, token, attached);
      counts[renewed.kind === 'changed' ? 'changed' : 'kept'] += 1;
      if (renewed.failure === undefined) return;
      this.#failed.add(token);
      const reason = messageOf(renewed.failure);
      if (!this.#tell(attached, renewed)) return;
      report.failed({ of: `container ${attached.registry.containerId}`, reason });
    });
    report.ended(counts);
    return counts;
  }

  /** Those that were not prepared in time. */
  async late(listeners: Alike): Promise<void> {
    const { containers, turns, lines } = this.#parts;
    const [[, { identity }]] = listeners;
    try {
      for (const [token] of listeners) {
        await turns.take(identity, () => {
          const attached = containers.get(token);
          if (attached === undefined) return;
          const renewed = tryToRenew(this.#parts, token, attached);
          if (renewed.failure !== undefined) this.#tell(attached, renewed);
          else if (this.#failed.delete(token)) {
            lines.tell(identity, 'bundles-resolved', shownContainer(attached.registry, identity));
          }
        });
      }
    } catch (thrown) {
      const shown = shownContainer(identity.state, identity);
      lines.tell(identity, 'bundles-not-tried', { ...shown, ...failureFields(thrown) });
    }
  }

  /** @returns whether it was not told before */
  #tell(attached: Attached, renewed: Renewed): boolean {
    const line = `${keyOf(attached.identity)} ${messageOf(renewed.failure)}`;
    if (this.#told.has(line)) return false;
    this.#told.add(line);
    tell(this.#parts, attached, renewed);
    return true;
  }
}

export interface ReloadEnds {
  /** Nobody is to be waited for any more: another reload is wanted, or the agent ends. */
  readonly hurry: AbortSignal;
  /** The agent ends: nothing is resolved any more. */
  readonly over: AbortSignal;
}

/**
 * Resolves all containers anew by the present resolver, once what that needs is prepared. Those for
 * which it is not prepared in time keep what they have, as far as that is granted, until it is.
 */
export async function reloadAll(
  parts: ReloadingParts,
  { hurry, over }: ReloadEnds,
): Promise<ReloadCounts | undefined> {
  const { attachments, containers, log } = parts;
  const { resolver } = attachments;
  const renewal = new Renewal(parts);
  const preparation = new Preparation({
    containers,
    resolver,
    log,
    isCurrent: () => attachments.resolver === resolver,
    onLate: (listeners) => void renewal.late(listeners),
  });
  await preparation.begin(hurry);
  return over.aborted ? undefined : renewal.all();
}

function hasSameGrants(one: Sourced, other: Sourced): boolean {
  const [grants, others] = [one, other].map(({ registry }) =>
    registry.handlers.map((handler) => handler.grants),
  );
  return isDeepStrictEqual(grants, others);
}

/** Takes away what the present resolver does not grant to a container any more. */
function regrant(parts: ResolvingParts, token: number, attached: Attached): void {
  const { attachments } = parts;
  if (attached.refusal !== undefined) return;
  try {
    const kept = attachments.kept(attached, attached.isPassing);
    if (!hasSameGrants(attached, kept)) replace(parts, token, attached, kept);
  } catch (thrown) {
    // what is missing may be fetched again
    if (!isWithdrawn(thrown)) return;
    replace(parts, token, attached, attachments.refused(attached.identity, thrown));
  }
}

/** Leaves all containers the handlers that they have, with what is granted to them now. */
export async function regrantAll(parts: ResolvingParts): Promise<void> {
  const { containers } = parts;
  await inTurns(containers.all(), ([token]) => {
    const attached = containers.get(token);
    if (attached !== undefined) regrant(parts, token, attached);
  });
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
