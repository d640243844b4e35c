// SPDX-License-Identifier: Apache-2.0
// The resolver `none`: the bundles that a container's metadata selects, else those of the command
// line; without any, every call continues in the kernel.
import type { Resolver, ResolverParts } from './resolver.ts';
import { selectingResolver } from './selecting-resolver.ts';

/** @throws AgentError AGENT_BUNDLE_INVALID */
export function noneResolver({ store, policies, selection, shadow }: ResolverParts): Resolver {
  return selectingResolver({
    store,
    policies,
    shadow,
    fallback: () => selection.map((reference) => store.referred(reference)),
  });
}
