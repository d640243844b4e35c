// SPDX-License-Identifier: Apache-2.0
// Other handlers for containers that run.
import type { ReloadReport } from '../control/reload-report.ts';
import { AgentError, isForbidden, messageOf } from '../errors.ts';
import { inTurns } from '../in-turns.ts';
import type { Logger } from '../log.ts';
import { ContainerRefusal } from '../registry/container-refusal.ts';
import { shownContainer } from '../registry/shown-container.ts';
import type { Attached, Resolved } from './attached.ts';
import type { Attaching } from './attaching.ts';
import type { Containers } from './containers.ts';
import { tellUnheld } from './held-paths.ts';
import type { Retrying } from './retrying.ts';
import type { UserLines } from './user-lines.ts';

export interface ResolvingParts {
  readonly attaching: Attaching;
  readonly retrying: Retrying;
  readonly containers: Containers;
  readonly log: Logger;
  readonly lines: UserLines;
}

export interface ReloadingParts extends ResolvingParts {
  readonly report: ReloadReport;
}

/** How many containers have changed, and how many keep what they had since they must. */
export interface ReloadCounts {
  readonly changed: number;
  readonly kept: number;
}

/** What a container has now, it may not have any more. */
function isRevoked(thrown: unknown): boolean {
  return thrown instanceof ContainerRefusal && isForbidden(thrown);
}

function replace(
  { attaching, containers, retrying, lines }: ResolvingParts,
  token: number,
  attached: Attached,
  resolution: Resolved,
): void {
  let next = attaching.change(attached, resolution);
  try {
    containers.replace(token, next);
  } catch (thrown) {
    if (!(thrown instanceof AgentError)) throw thrown;
    next = attaching.change(next, attaching.refused(attached.identity, thrown));
    containers.replace(token, next);
  }
  retrying.enter(token, next);
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
    replace(parts, token, attached, parts.attaching.kept(attached, failure));
    return undefined;
  } catch (thrown) {
    return thrown;
  }
}

interface Renewed {
  readonly kind: 'changed' | 'kept';
  /** Why there is no new registry for it. */
  readonly failure?: unknown;
}

/**
 * Resolves a container anew: the calls that no worker has begun are handled by what the resolver says
 * now. Where it says nothing that works, a container keeps what it has, as far as that is still
 * granted.
 */
function renew(parts: ResolvingParts, token: number, attached: Attached): Renewed {
  const { attaching, lines } = parts;
  try {
    replace(parts, token, attached, attaching.resolve(attached.identity));
    return { kind: 'changed' };
  } catch (failure) {
    const refusal = isRevoked(failure) ? failure : keepGranted(parts, token, attached, failure);
    if (refusal === undefined) {
      lines.tell(
        attached.identity,
        'error',
        { ...shownContainer(attached.registry), error: messageOf(failure) },
        'a container keeps the handlers that it has: there is no new registry for it',
      );
      return { kind: 'kept', failure };
    }
    replace(parts, token, attached, attaching.refused(attached.identity, refusal));
    return { kind: 'changed', failure };
  }
}

/** What goes wrong with one container leaves no other one what it may not have any more. */
function tryToRenew(parts: ResolvingParts, token: number, attached: Attached): Renewed {
  try {
    return renew(parts, token, attached);
  } catch (failure) {
    parts.lines.tell(
      attached.identity,
      'error',
      { ...shownContainer(attached.registry), error: messageOf(failure) },
      'a container cannot be given other handlers',
    );
    return { kind: 'kept', failure };
  }
}

/** Resolves all containers anew, which takes milliseconds for each. */
export async function reloadAll(parts: ReloadingParts): Promise<ReloadCounts> {
  const { containers, report } = parts;
  const counts = { changed: 0, kept: 0 };
  await inTurns(containers.all(), ([token]) => {
    const attached = containers.get(token);
    // it has ended meanwhile
    if (attached === undefined) return;
    const { kind, failure } = tryToRenew(parts, token, attached);
    counts[kind] += 1;
    if (failure === undefined) return;
    report.failed({ of: `container ${attached.registry.containerId}`, reason: messageOf(failure) });
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
  if (attached.refusal === undefined) return renew(parts, token, attached).failure === undefined;
  const resolution = parts.attaching.resolved(attached.identity);
  replace(parts, token, attached, resolution);
  return resolution.refusal === undefined;
}
