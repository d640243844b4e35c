// SPDX-License-Identifier: Apache-2.0
// Resolves by the bundles of another resolver, with what is granted to them now: while the present
// bundles are still read, nobody has what is not granted any more.
import type { Bundle } from '../bundles/bundle.ts';
import type { Policies } from '../registry/policy.ts';
import { regrantedRegistry } from './bundle-registry.ts';
import { failureFields } from '../errors.ts';
import { refusing } from './container-refusal.ts';
import type { Resolver, Shadow, Sourced } from './resolver.ts';

export interface Grants {
  /** As `PresentGrants.regranted`. */
  regranted(bundle: Bundle): Bundle;
}

/** The same handlers, with what is granted to them now. @throws AgentError */
export function regrantedSourced({ registry, sources }: Sourced, grants: Grants): Sourced {
  const bundles = sources.map((bundle) => grants.regranted(bundle));
  return { registry: regrantedRegistry(registry, bundles), sources: bundles };
}

/** The same for a shadow, whose faults do not affect the container. */
export function keptShadow(shadow: Shadow, keep: Resolver['keep']): Shadow {
  if (shadow.kind === 'refused') return shadow;
  try {
    return { ...shadow, ...keep(shadow) };
  } catch (thrown) {
    return { kind: 'refused', failure: failureFields(thrown), isPassing: false };
  }
}

/** @param policies for the calls of those who may not have their bundles any more */
export function regrantingResolver(before: Resolver, grants: Grants, policies: Policies): Resolver {
  const keep = (held: Sourced): Sourced => regrantedSourced(held, grants);
  return {
    ...before,
    resolve: (identity, other) => {
      const resolution = before.resolve(identity, other);
      const { shadow, sources } = resolution;
      return {
        ...resolution,
        ...refusing(policies, sources, () => keep(resolution)),
        shadow: shadow && keptShadow(shadow, keep),
      };
    },
    keep,
  };
}
