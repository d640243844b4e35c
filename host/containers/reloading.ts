// SPDX-License-Identifier: Apache-2.0
// Other handlers for containers that run.
import type { ReloadReport } from '../control/reload-report.ts';
import { isForbidden, messageOf } from '../errors.ts';
import type { Logger } from '../log.ts';
import { ContainerRefusal } from '../registry/container-refusal.ts';
import type { Attached, Resolved } from './attached.ts';
import type { Attaching } from './attaching.ts';
import type { Containers } from './containers.ts';

export interface ReloadingParts {
  readonly attaching: Attaching;
  readonly containers: Containers;
  readonly log: Logger;
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
  { attaching, containers }: ReloadingParts,
  token: number,
  attached: Attached,
  resolution: Resolved,
): void {
  containers.replace(token, attaching.change(attached, resolution));
}

/**
 * Leaves a container the handlers that it has, with what is granted to them now.
 * @returns why it may not have them; undefined: it keeps them
 */
function keepGranted(parts: ReloadingParts, token: number, attached: Attached): unknown {
  try {
    replace(parts, token, attached, parts.attaching.kept(attached));
    return undefined;
  } catch (thrown) {
    return thrown;
  }
}

/**
 * Resolves all containers anew: the calls that no worker has begun are handled by what the resolver
 * says now. Where it says nothing that works, a container keeps what it has, as far as that is still
 * granted.
 */
export function reloadAll(parts: ReloadingParts): ReloadCounts {
  const { attaching, containers, log, report } = parts;
  let [changed, kept] = [0, 0];
  for (const [token, attached] of containers.all()) {
    try {
      replace(parts, token, attached, attaching.resolver.resolve(attached.identity));
      changed += 1;
    } catch (thrown) {
      const { containerId } = attached.registry;
      report.failed({ of: `container ${containerId}`, reason: messageOf(thrown) });
      const refusal = isRevoked(thrown) ? thrown : keepGranted(parts, token, attached);
      if (refusal === undefined) {
        kept += 1;
        log.error(
          { container: containerId, error: messageOf(thrown) },
          'a container keeps the handlers that it has: there is no new registry for it',
        );
        continue;
      }
      replace(parts, token, attached, attaching.refused(attached.identity, refusal));
      changed += 1;
    }
  }
  report.ended({ changed, kept });
  return { changed, kept };
}
